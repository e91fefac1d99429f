//! The edge: sockets in front of a [`Service`].
//!
//! It turns hyper's requests into owned ones, answers them, obeys how an answer is to be delivered, and writes the access log. Where
//! TLS is on, one port speaks both: the first byte tells a handshake from plain HTTP.

mod limits;
mod opening;
mod seldom;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
#[cfg(feature = "tls")]
use hyper::server::conn::http2;
use hyper::service::service_fn;
#[cfg(feature = "tls")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::edge::control::Peer;
use crate::edge::service::Service;
use crate::entra::token_service::EntraRoute;
use crate::graph::request::{BODY_LIMIT, Body, Request};
use crate::graph::step::{Answer, Delivery, DeliveryForm};
use crate::text::redact::mask_target;
use crate::text::truncate::truncate;
use crate::world::fault::SlowBody;
use crate::world::outbound::CallRecord;
pub use limits::ServerLimits;
use limits::{BodyReservation, Gate, Noted, Pulse, Tcp, counted, overdue};
use opening::{HttpVersion, Opened, open};
use seldom::Throttled;

/// How long requests in flight may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long an exchange stays open whose request is to get no answer.
const SILENCE: Duration = Duration::from_secs(600);

/// How often tenants are looked for that nobody uses.
const SWEEP: Duration = Duration::from_secs(30);

/// How much of a body that is too large is read and thrown away, so that its sender gets to see the answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// How much room there is beyond the largest head; the library wants this much at least.
const READ: usize = 8 * 1024;

/// Up to which size an answer does not count that has a connection for itself: to count costs something.
const UNCOUNTED: usize = 64 * 1024;

/// How connections are served.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Speaks TLS beside plain HTTP, on one port.
    pub tls: Option<Arc<ServerConfig>>,
    /// What connections may take.
    pub limits: ServerLimits,
}

/// Serves until `shutdown` is ready; then requests in flight finish and idle connections close.
///
/// What is not finished after ten seconds is cut, and so are all connections if the future is dropped.
pub async fn run(listener: TcpListener, service: Arc<Service>, shutdown: impl Future<Output = ()>) {
    run_with(listener, service, ServerOptions::default(), shutdown).await;
}

/// Serves in the same way, as the options say.
pub async fn run_with(listener: TcpListener, service: Arc<Service>, options: ServerOptions, shutdown: impl Future<Output = ()>) {
    run_with_grace(listener, service, options, shutdown, GRACE).await;
}

async fn run_with_grace(
    listener: TcpListener,
    service: Arc<Service>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let tls = options.tls.map(TlsAcceptor::from);
    let gate = Arc::new(Gate::new(options.limits));
    let (stop, stopping) = watch::channel(());
    let sweeping = tokio::spawn(sweep(service.clone()));
    // Connections that are left when the set is dropped are cut, also where the runtime lives on.
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < gate.limits.connections => match accepted {
                Ok((stream, peer)) => {
                    let shared = Shared { service: service.clone(), gate: gate.clone(), stopping: stopping.clone() };
                    drop(connections.spawn(serve(stream, peer, tls.clone(), shared)));
                    gate.set_crowded(connections.len() >= gate.limits.connections);
                }
                Err(error) => {
                    gate.set_crowded(true);
                    wait_for_descriptors(&error).await;
                }
            },
            // A connection that has ended leaves the set.
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    // Whoever waits without need goes on.
    drop((listener, stop));
    sweeping.abort();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("connections were still busy after {} s and are cut", grace.as_secs());
    }
}

/// What all connections share.
struct Shared {
    service: Arc<Service>,
    gate: Arc<Gate>,
    /// Closed when the server stops.
    stopping: watch::Receiver<()>,
}

/// Serves one connection.
async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, mut shared: Shared) {
    // A connection works without the option, only slower.
    let _ = stream.set_nodelay(true);
    let nothing = Pulse::default();
    let opened = tokio::select! {
        opened = open(stream, tls.as_ref()) => opened,
        // Nothing was asked yet, so nothing is left to answer.
        _ = shared.stopping.changed() => return,
        _ = overdue(&shared.gate, &nothing, HttpVersion::Http1) => return,
    };
    let connection = |is_secure: bool, version: HttpVersion| Connection {
        shared,
        peer: Peer::Address(peer.ip()),
        is_secure,
        version,
        pulse: Arc::default(),
    };
    match opened {
        Some(Opened::Plain(stream, version)) => speak(stream, connection(false, version)).await,
        // Apart, so that connections without TLS need no room for it.
        Some(Opened::Secure(stream, version)) => Box::pin(speak(*stream, connection(true, version))).await,
        None => {}
    }
}

/// Speaks HTTP on a connection until it ends.
async fn speak<S>(stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Tcp + Unpin + Send + 'static,
{
    let (gate, pulse) = (connection.shared.gate.clone(), connection.pulse.clone());
    let watched = Watched { gate, pulse, version: connection.version };
    let stopping = connection.shared.stopping.clone();
    let stream = TokioIo::new(Noted { stream, pulse: watched.pulse.clone() });
    let connection = Arc::new(connection);
    let exchanges = service_fn(move |request| exchange(connection.clone(), request));
    match watched.version {
        #[cfg(feature = "tls")]
        HttpVersion::Http2 => watch(http2(&watched.gate.limits).serve_connection(stream, exchanges), &watched, stopping).await,
        #[cfg(not(feature = "tls"))]
        HttpVersion::Http2 => tracing::info!("HTTP/2 is unsupported in this build: it needs the feature `tls`"),
        HttpVersion::Http1 => watch(http1(&watched.gate.limits).serve_connection(stream, exchanges), &watched, stopping).await,
    }
}

/// What is watched of a connection.
struct Watched {
    gate: Arc<Gate>,
    pulse: Arc<Pulse>,
    version: HttpVersion,
}

/// Drives a connection until it ends, has taken too long, or has finished what it was doing when the server stopped.
async fn watch<C>(connection: C, watched: &Watched, mut stopping: watch::Receiver<()>)
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
    let (stopped, overdue) = (pin!(stopping.changed()), pin!(overdue(&watched.gate, &watched.pulse, watched.version)));
    let (mut stopped, mut overdue) = (Throttled::new(stopped), Throttled::new(overdue));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            served = connection.as_mut() => {
                return match served {
                    Err(error) if error.is_parse() => {
                        tracing::info!("what a client sent is no HTTP that can be served: {error}");
                    }
                    Err(error) => tracing::debug!("connection ended: {error}"),
                    Ok(()) => {}
                };
            }
            _ = &mut stopped, if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            why = &mut overdue => return tracing::info!("a connection is closed: {why}"),
        }
    }
}

/// Returns how HTTP/1 is spoken.
///
/// Without `half_close` a client that closes its half behind a request, such as `nc -N`, gets no answer. `pipeline_flush` stays
/// off: it keeps answers back until the next request is there as a whole, and loses them if what follows is no HTTP.
fn http1(limits: &ServerLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.half_close(true);
    http.max_header_size(limits.head_bytes);
    // No head can be larger.
    http.max_buf_size(limits.head_bytes.saturating_add(READ));
    http
}

/// Returns how HTTP/2 is spoken. Against streams that are opened and reset, and heads without end, the library has limits of its own.
#[cfg(feature = "tls")]
fn http2(limits: &ServerLimits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    http
}

/// An accept fails for a lack of descriptors or memory, which other connections give back when they end.
async fn wait_for_descriptors(error: &io::Error) {
    tracing::error!("cannot accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// What the requests of one connection share. Each holds it while it is answered; held together by all connections, the service itself
/// would have its count written to by all cores.
struct Connection {
    shared: Shared,
    peer: Peer,
    /// Whether it is one over TLS.
    is_secure: bool,
    version: HttpVersion,
    /// What it does.
    pulse: Arc<Pulse>,
}

/// Answers one request.
async fn exchange(connection: Arc<Connection>, request: http::Request<Incoming>) -> Result<http::Response<Payload>, Interrupted> {
    let started = tracing::enabled!(tracing::Level::INFO).then(Instant::now);
    let _work = connection.pulse.work();
    let (head, incoming) = request.into_parts();
    // Nearly no request has a header twice, and then nothing need be looked up.
    let has_two_hosts =
        head.headers.keys().len() != head.headers.len() && head.headers.get_all(header::HOST).iter().nth(1).is_some();
    if has_two_hosts || (!incoming.is_end_stream() && is_ambiguous(&head.headers)) {
        tracing::info!("a connection is closed: a request says in two ways where it ends, or where it goes");
        return Ok(bad_request());
    }
    let is_multiplexed = head.version == http::Version::HTTP_2;
    let body = receive(&connection.shared.gate, &head.headers, incoming).await?;
    let request = Request { method: head.method, target: head.uri, is_secure: connection.is_secure, headers: head.headers, body };
    let mut answer = connection.shared.service.answer(&request, connection.peer).await;
    if is_multiplexed || answer.response.body().len() > UNCOUNTED {
        let body = std::mem::take(answer.response.body_mut());
        let Some(body) = counted(&connection.shared.gate, body) else {
            tracing::warn!("an answer is given up: all that wait for their clients together take too much memory");
            return Err(Interrupted);
        };
        *answer.response.body_mut() = body;
    }
    if let Some(started) = started {
        log(&request, &answer, started);
    }
    if answer.delivery == Delivery::AT_ONCE {
        return Ok(whole(*answer));
    }
    let is_reset = answer.delivery.form == DeliveryForm::Reset;
    // Apart, so that answers that come at once need no room for timers.
    let delivered = Box::pin(deliver(answer, &connection.shared.stopping)).await;
    if is_reset && connection.version == HttpVersion::Http1 {
        connection.pulse.is_to_be_reset.store(true, Ordering::Relaxed);
    }
    delivered
}

/// Whether a request says in a way where it ends that others may read otherwise. Between two that disagree, a request can be hidden in the
/// body of another one (RFC 9112, 6.1 and 11.2).
fn is_ambiguous(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return false };
    let is_chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    !is_chunked || headers.contains_key(header::CONTENT_LENGTH)
}

/// Returns the answer to what is no request, behind which the connection ends.
fn bad_request() -> http::Response<Payload> {
    let mut response = http::Response::new(Payload { bytes: None, length: 0, pieces: Pieces::One, ending: Ending::Clean });
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

/// Reads a body, if it comes in time and there is room for it.
async fn receive(gate: &Gate, headers: &HeaderMap, incoming: Incoming) -> Result<Body, Interrupted> {
    if incoming.is_end_stream() {
        return Ok(Body::Whole(Bytes::new()));
    }
    let Ok(body) = tokio::time::timeout(gate.limits.body, read_body(gate, headers, incoming)).await else {
        tracing::info!("a connection is closed: a body did not arrive in time");
        return Err(Interrupted);
    };
    body
}

/// Reads a body up to the limit.
async fn read_body(gate: &Gate, headers: &HeaderMap, mut incoming: Incoming) -> Result<Body, Interrupted> {
    let declared = incoming.size_hint().lower();
    if declared > BODY_LIMIT as u64 && headers.get(header::EXPECT).is_some_and(|value| value == "100-continue") {
        // The client waits for leave to send, and does not get it.
        return Ok(Body::TooLarge);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut held = BodyReservation::nothing(gate);
    let mut length = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| Interrupted)?.into_data() else { continue };
        length += data.len();
        if length > DRAIN_LIMIT {
            break;
        }
        if length > BODY_LIMIT {
            whole = BytesMut::new();
        } else if length == data.len() && incoming.is_end_stream() {
            // Most bodies come in one piece, which need not be copied.
            first = data;
        } else {
            if !held.take(data.len()) {
                tracing::warn!("a connection is closed: all bodies together take too much memory");
                return Err(Interrupted);
            }
            if length == data.len() {
                first = data;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if length > BODY_LIMIT {
        Body::TooLarge
    } else if whole.is_empty() {
        Body::Whole(first)
    } else {
        Body::Whole(whole.freeze())
    })
}

fn log(request: &Request, answer: &Answer, started: Instant) {
    let (method, path) = (&request.method, target(request));
    let status = answer.response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let struck = answer.applied_rules.as_ref().map(|rules| format!(" struck by {rules}")).unwrap_or_default();
    match &answer.refused {
        None => tracing::info!("{method} {path} {status} {micros}us{struck}"),
        Some(error) => {
            let rule = error.refusal.name;
            let detail = error.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
            tracing::info!("{method} {path} {status} {micros}us{struck} refused by {rule}{detail}");
        }
    }
    for (place, error) in &answer.refused_items {
        let rule = error.refusal.name;
        let detail = error.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        tracing::info!("{method} {path}: requests[{place}] refused by {rule}{detail}");
    }
    for CallRecord { url, verdict, .. } in &answer.calls {
        tracing::info!("{method} {path}: called {url}: {verdict}");
    }
    for place in &answer.skipped {
        tracing::info!("{method} {path}: skipped {place}, which its type does not have");
    }
}

/// Returns path and query as the log shows them: what a client asked for beyond the path explains its answer.
fn target(request: &Request) -> String {
    const LIMIT: usize = 300;
    let whole = match request.target.path_and_query() {
        // What the token service is asked may be a secret.
        Some(target) if EntraRoute::of(request.path()).is_some() => target.path().to_owned(),
        Some(target) => mask_target(target.as_str()),
        None => "/".to_owned(),
    };
    truncate(&whole, LIMIT).into_owned()
}

/// Delivers an answer whole and at once, as nearly all of them are.
fn whole(answer: Answer) -> http::Response<Payload> {
    let length = answer.response.body().len();
    answer.response.map(|bytes| Payload { bytes: Some(bytes), length, pieces: Pieces::One, ending: Ending::Clean })
}

/// Delivers an answer as it wants to be delivered: late, in pieces, cut or not at all. What waits goes on when the server stops.
async fn deliver(answer: Box<Answer>, stopping: &watch::Receiver<()>) -> Result<http::Response<Payload>, Interrupted> {
    if answer.delivery.delay > Duration::ZERO {
        wait(answer.delivery.delay, stopping).await;
    }
    let (length, form) = (answer.response.body().len(), answer.delivery.form);
    let with =
        |pieces: Pieces, ending: Ending| answer.response.map(|bytes| Payload { bytes: Some(bytes), length, pieces, ending });
    match form {
        DeliveryForm::Whole => Ok(with(Pieces::One, Ending::Clean)),
        DeliveryForm::Slow(slow) => Ok(with(Pieces::Many(slow, Box::pin(tokio::time::sleep(slow.pause))), Ending::Clean)),
        DeliveryForm::CutShort(at) if at >= length => Ok(with(Pieces::One, Ending::Clean)),
        DeliveryForm::CutShort(at) => {
            let cut = |payload: Payload| Payload { bytes: payload.bytes.map(|bytes| bytes.slice(..at)), ..payload };
            Ok(with(Pieces::One, Ending::Cut { was_sent: false }).map(cut))
        }
        DeliveryForm::Reset => Err(Interrupted),
        DeliveryForm::Silence => {
            wait(SILENCE, stopping).await;
            Err(Interrupted)
        }
    }
}

/// Waits, at most until the server stops.
async fn wait(delay: Duration, stopping: &watch::Receiver<()>) {
    let mut stopping = stopping.clone();
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        // The sender sends nothing; it is dropped.
        _ = stopping.changed() => {}
    }
}

/// Drops tenants that nobody uses.
async fn sweep(service: Arc<Service>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let dropped = service.worlds.sweep();
        if dropped > 0 {
            tracing::info!("dropped {dropped} tenants that nobody has used for {} s", service.worlds.limits().idle.as_secs());
        }
    }
}

/// The end of a connection without an answer, or within one.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the exchange was interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// The body of an answer, and a failure behind it if the answer is cut short.
#[derive(Debug)]
struct Payload {
    bytes: Option<Bytes>,
    length: usize,
    pieces: Pieces,
    ending: Ending,
}

/// In how many pieces a body comes.
#[derive(Debug)]
enum Pieces {
    /// In one.
    One,
    /// In several, with the time until the next one.
    Many(SlowBody, Pin<Box<tokio::time::Sleep>>),
}

/// What stands behind the bytes of a body.
#[derive(Debug)]
enum Ending {
    /// Nothing: the body is whole.
    Clean,
    /// A failure, which ends the connection.
    Cut {
        /// Whether hyper had the chance to send what came before.
        was_sent: bool,
    },
}

impl HttpBody for Payload {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        if let Payload { bytes: Some(bytes), pieces: Pieces::Many(slow, next), .. } = &mut *self
            && !bytes.is_empty()
        {
            ready!(next.as_mut().poll(context));
            let pause = slow.pause;
            next.set(tokio::time::sleep(pause));
            return Poll::Ready(Some(Ok(Frame::data(bytes.split_to(slow.bytes.clamp(1, bytes.len()))))));
        }
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.ending {
            Ending::Clean => Poll::Ready(None),
            // When a body fails, hyper throws away what it has not sent yet, the head included. It sends when it has to wait.
            Ending::Cut { was_sent: was_sent @ false } => {
                *was_sent = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Cut { was_sent: true } => Poll::Ready(Some(Err(Interrupted))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.ending, Ending::Clean) && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, Shutdown};

    use crate::world::settings::Settings;

    /// How long anything may take before a test fails.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn answer(delivery: Delivery) -> Box<Answer> {
        let mut response = http::Response::new(Bytes::from_static(b"0123456789"));
        // Otherwise hyper writes the time.
        response.headers_mut().insert(header::DATE, header::HeaderValue::from_static("today"));
        let mut answer = Answer::of(response);
        answer.delivery = delivery;
        Box::new(answer)
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn connect(address: SocketAddr) -> std::net::TcpStream {
        let stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Returns what a client sees of two requests on one connection that are both answered with this delivery; of one, if the
    /// delivery ends the connection: what is not read then would tear down what has been sent.
    async fn delivered(form: DeliveryForm) -> String {
        delivered_as(Delivery { form, ..Delivery::AT_ONCE }).await
    }

    async fn delivered_as(delivery: Delivery) -> String {
        let (listener, address) = listen().await;
        let is_interrupted = matches!(delivery.form, DeliveryForm::Reset | DeliveryForm::Silence | DeliveryForm::CutShort(0..10));
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = connect(address);
            let requests = if is_interrupted { 1 } else { 2 };
            stream.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(requests)).unwrap();
            // The other side may be gone already.
            let _ = stream.shutdown(Shutdown::Write);
            let mut seen = Vec::new();
            stream.read_to_end(&mut seen).unwrap();
            String::from_utf8(seen).unwrap().replace("\r\n", "\n")
        });
        let (stream, _) = listener.accept().await.unwrap();
        // The server is stopping all the while, so what would wait without end does not.
        let stopping = Arc::new(watch::channel(()).1);
        let exchanges = service_fn(move |_| {
            let stopping = stopping.clone();
            async move { deliver(answer(delivery), &stopping).await }
        });
        let served = http1(&ServerLimits::default()).serve_connection(TokioIo::new(stream), exchanges).await;
        assert_eq!(served.is_err(), is_interrupted, "{served:?}");
        client.await.unwrap()
    }

    const WHOLE: &str = "HTTP/1.1 200 OK\ndate: today\ncontent-length: 10\n\n0123456789";

    #[tokio::test]
    async fn an_answer_is_delivered_at_once_or_late() {
        assert_eq!(delivered_as(Delivery::AT_ONCE).await, WHOLE.repeat(2));
        let (stop, stopping) = watch::channel(());
        let late = |delay| Delivery { delay, form: DeliveryForm::Whole };
        let started = Instant::now();
        deliver(answer(late(Duration::from_millis(20))), &stopping).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(20));
        drop(stop);
        deliver(answer(late(PATIENCE * 60)), &stopping).await.unwrap();
        assert!(started.elapsed() < PATIENCE, "a server that stops holds nothing back");
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_short_ends_the_connection_within_its_body() {
        for at in [0, 1, 9] {
            assert_eq!(delivered(DeliveryForm::CutShort(at)).await, WHOLE[..WHOLE.len() - 10 + at], "cut at {at}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_behind_its_end_is_whole() {
        assert_eq!(delivered(DeliveryForm::CutShort(10)).await, WHOLE.repeat(2));
    }

    #[tokio::test]
    async fn a_slow_answer_comes_in_pieces_and_is_whole() {
        let started = Instant::now();
        let slow = SlowBody { bytes: 4, pause: Duration::from_millis(10) };
        assert_eq!(delivered(DeliveryForm::Slow(slow)).await, WHOLE.repeat(2));
        assert!(started.elapsed() >= Duration::from_millis(60), "three pieces of each of two answers");
    }

    #[tokio::test]
    async fn silence_ends_without_an_answer_when_the_server_stops() {
        assert_eq!(delivered(DeliveryForm::Silence).await, "");
    }

    #[tokio::test]
    async fn a_reset_ends_the_connection_without_an_answer() {
        assert_eq!(delivered(DeliveryForm::Reset).await, "");
    }

    #[tokio::test]
    async fn a_connection_that_stays_busy_when_the_server_stops_is_cut() {
        let (listener, address) = listen().await;
        let (sender, receiver) = std::sync::mpsc::channel();
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = connect(address);
            stream.write_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
            let mut seen = [0; 25];
            stream.read_exact(&mut seen).unwrap();
            // From here on the request is in the server's hands, which waits for a body that does not come.
            sender.send(seen).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap()
        });
        let shutdown = tokio::task::spawn_blocking(move || receiver.recv_timeout(PATIENCE));
        let shutdown = async { assert_eq!(shutdown.await.unwrap().as_ref(), Ok(b"HTTP/1.1 100 Continue\r\n\r\n")) };
        run_with_grace(
            listener,
            Arc::new(Service::of(Settings::new())),
            ServerOptions::default(),
            shutdown,
            Duration::from_millis(10),
        )
        .await;
        assert_eq!(client.await.unwrap(), 0);
    }
}
