//! One exchange: request in, answer out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use hyper::body::{Body as _, Incoming};
use tokio::sync::watch;

use crate::edge::control::{Feed, Peer};
use crate::edge::proxy::{Proxy, TunnelTarget};
use crate::edge::server::accept::HttpVersion;
use crate::edge::server::access_log::log;
use crate::edge::server::activity::Activity;
use crate::edge::server::delivery::{ExchangeAborted, Payload, deliver, stream, whole};
use crate::edge::server::limits::Gate;
use crate::edge::server::memory::{HolderKind, Progress, with_memory};
use crate::edge::server::other_tunnel::OtherTunnel;
use crate::edge::server::request_body::receive;
use crate::edge::server::tunnel::{self, Admission, PromisedTunnel};
use crate::edge::service::{Service, memory_unavailable};
use crate::graph::request::{Body, Request, Via};
use crate::graph::step::{Answer, Delivery, DeliveryForm};
use crate::world::journal::{Arrival, Protocol};

/// Size up to which an answer with a connection of its own is not reserved, which would cost more than it protects.
const UNRESERVED_LIMIT: usize = 64 * 1024;

/// Size up to which the head of a request without a body is not reserved: it is answered soon.
const UNRESERVED_HEAD: usize = 4 * 1024;

/// State that all connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) gate: Arc<Gate>,
    pub(super) proxy: Arc<Proxy>,
    /// Closed when the server stops.
    pub(super) stopping: watch::Receiver<()>,
}

/// Numbers the connections of the process, by which reports tell them apart.
static CONNECTIONS: AtomicU32 = AtomicU32::new(0);

/// State that the requests of one connection share. Each request holds a reference while it is answered; a reference to the service
/// itself would be a counter that all cores write to.
pub(super) struct Connection {
    pub(super) shared: Shared,
    pub(super) peer: Peer,
    /// The number of the connection in this process, from 1.
    number: u32,
    /// The moment at which it was accepted.
    opened: Instant,
    /// Whether the connection uses TLS.
    pub(super) is_secure: bool,
    pub(super) version: HttpVersion,
    pub(super) activity: Arc<Activity>,
    /// The tunnel that it is in.
    pub(super) tunnel: Option<TunnelTarget>,
    promised: Mutex<Option<PromisedTunnel>>,
}

impl Connection {
    pub(super) fn new(
        shared: Shared,
        peer: Peer,
        opened: Instant,
        is_secure: bool,
        version: HttpVersion,
        activity: Arc<Activity>,
    ) -> Connection {
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Connection { shared, peer, number, opened, is_secure, version, activity, tunnel: None, promised: Mutex::default() }
    }

    /// Returns the arrival of a request whose head was read at a moment.
    fn arrival(&self, at: Instant, version: http::Version) -> Arrival {
        Arrival {
            at: Some(at),
            opened: Some(self.opened),
            connection: self.number,
            protocol: protocol(version),
            ..Arrival::default()
        }
    }

    /// Records that the connection goes on as a tunnel.
    fn promise(&self, tunnel: PromisedTunnel) {
        *self.promised.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// Returns the tunnel as which the connection goes on, if any.
    pub(super) fn take_promised(&self) -> Option<PromisedTunnel> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers one request.
pub(super) async fn exchange(
    connection: Arc<Connection>,
    mut request: http::Request<Incoming>,
) -> Result<http::Response<Payload>, ExchangeAborted> {
    let started = Instant::now();
    let _in_flight = connection.activity.begin_request();
    let (proxy, tunnel) = (&connection.shared.proxy, connection.tunnel.as_ref());
    let via = match tunnel::admit(proxy, tunnel, connection.peer, connection.is_secure, &mut request) {
        Admission::Direct => Via::Direct,
        Admission::Proxied => Via::Proxy,
        Admission::Promised(promised) => {
            connection.promise(promised);
            return Ok(http::Response::new(Payload::empty()));
        }
        // Boxed, so that other requests need no room for it.
        Admission::Other(upgrade, target) => match Box::pin(OtherTunnel::connect(proxy, target)).await {
            Ok(tunnel) => {
                connection.promise(PromisedTunnel::Other(upgrade, tunnel));
                return Ok(http::Response::new(Payload::empty()));
            }
            Err(refusal) => return Ok(tunnel::refused(&refusal)),
        },
        Admission::Answered(answer) => return Ok(answer),
    };
    let (head, incoming) = request.into_parts();
    // Few requests have any duplicate header; the others need no lookup.
    let has_two_hosts =
        head.headers.keys().len() != head.headers.len() && head.headers.get_all(header::HOST).iter().nth(1).is_some();
    if has_two_hosts {
        tracing::info!("rejected: duplicate Host");
        return Ok(bad_request());
    }
    if !incoming.is_end_stream() && has_other_coding(&head.headers) {
        tracing::info!("rejected: unsupported Transfer-Encoding, expected chunked alone");
        return Ok(bad_request());
    }
    let is_multiplexed = head.version == http::Version::HTTP_2;
    let is_control = via == Via::Direct && connection.shared.service.is_control(head.uri.path());
    let body = Body::Whole(Bytes::new());
    let arrival = connection.arrival(started, head.version);
    let mut request = Request {
        method: head.method,
        target: head.uri,
        is_secure: connection.is_secure,
        via,
        arrival,
        headers: head.headers,
        body,
    };
    let (gate, holder) = (&connection.shared.gate, &connection.activity.memory);
    let mut reserved = None;
    if is_multiplexed {
        let bytes = request.head_bytes();
        if bytes > UNRESERVED_HEAD || !incoming.is_end_stream() {
            reserved = gate.memory.take_in_time(holder, HolderKind::Request, bytes, is_control).await;
            if reserved.is_none() {
                tracing::warn!("request dropped: requests exceed the memory limit, or the share of their connection");
                return Err(ExchangeAborted);
            }
        }
    }
    if !incoming.is_end_stream() {
        let limit = connection.shared.service.body_limit(&request, connection.peer);
        (request.body, reserved) =
            receive(gate, &connection.activity, &request.headers, incoming, is_control, limit, reserved).await?;
    }
    if let Some(reserved) = &reserved {
        reserved.progress().suspend();
    }
    if is_control && let Some(feed) = connection.shared.service.follow(&request, connection.peer) {
        return follow(&connection, &request, feed, started).await;
    }
    let mut hold = |bytes: usize| {
        connection.activity.set_calling(!is_multiplexed);
        if let Some(reserved) = &mut reserved {
            // From here on it waits for a connector.
            reserved.progress().record();
            // The body is counted already.
            return reserved.grow(bytes.saturating_sub(reserved.bytes()));
        }
        reserved = gate.memory.take(holder, HolderKind::Request, bytes, is_control);
        reserved.is_some()
    };
    let mut answer = connection.shared.service.answer_with_memory(&request, connection.peer, &mut hold).await;
    if reserved.take().is_some() {
        connection.activity.set_calling(false);
    }
    if tracing::enabled!(tracing::Level::INFO) {
        log(&request, &answer, started);
    }
    let is_repeatable = request.method.is_safe();
    // Its answer may be delayed.
    drop(request);
    if matches!(answer.delivery.form, DeliveryForm::Reset | DeliveryForm::Silence) {
        *answer.response.body_mut() = Bytes::new();
    }
    let progress = hold_answer(&connection, &mut answer, is_multiplexed, is_control, is_repeatable).await?;
    if answer.delivery == Delivery::AT_ONCE {
        return Ok(whole(*answer, progress));
    }
    let is_reset = answer.delivery.form == DeliveryForm::Reset;
    // The server does nothing more for it.
    let _waiting = (answer.delivery.form == DeliveryForm::Silence).then(|| connection.activity.begin_waiting());
    // Boxed, so that answers without a delay need no room for timers.
    let delivered = Box::pin(deliver(answer, progress, is_multiplexed, &connection.shared.stopping)).await;
    if is_reset && connection.version == HttpVersion::Http1 {
        connection.activity.is_to_be_reset.store(true, Ordering::Relaxed);
    }
    delivered
}

/// Answers with the stream of the journal.
async fn follow(
    connection: &Connection,
    request: &Request,
    feed: Feed,
    started: Instant,
) -> Result<http::Response<Payload>, ExchangeAborted> {
    let (memory, holder) = (&connection.shared.gate.memory, &connection.activity.memory);
    let Some(held) = memory.take_in_time(holder, HolderKind::Answer, Feed::EVENT_BYTES, true).await else {
        tracing::warn!("stream refused: unsent responses exceed the memory limit, or the share of their connection");
        return Err(ExchangeAborted);
    };
    if tracing::enabled!(tracing::Level::INFO) {
        log(request, &Answer::of(http::Response::new(Bytes::new())), started);
    }
    Ok(stream(feed, connection.shared.service.clone(), connection.shared.stopping.clone(), held))
}

/// Returns a version of HTTP as the journal has it.
fn protocol(version: http::Version) -> Protocol {
    match version {
        http::Version::HTTP_2 => Protocol::Http2,
        http::Version::HTTP_11 => Protocol::Http11,
        _ => Protocol::Http10,
    }
}

/// Takes the memory of an answer until it is sent. Small answers of HTTP/1 are not counted: there is only one per connection.
async fn hold_answer(
    connection: &Connection,
    answer: &mut Answer,
    is_multiplexed: bool,
    is_control: bool,
    is_repeatable: bool,
) -> Result<Option<Progress>, ExchangeAborted> {
    let bytes = answer.response.body().len();
    if bytes == 0 || (!is_multiplexed && bytes <= UNRESERVED_LIMIT) {
        return Ok(None);
    }
    let (memory, holder) = (&connection.shared.gate.memory, &connection.activity.memory);
    let kept = bytes.max(answer.kept_bytes);
    let Some(held) = memory.take_in_time(holder, HolderKind::Answer, kept, is_control).await else {
        if is_repeatable && !is_multiplexed {
            // A small answer takes no memory that is counted. A client whose request has changed something must not take it for refused.
            *answer = memory_unavailable("unsent responses");
            return Ok(None);
        }
        tracing::warn!("response dropped: unsent responses exceed the memory limit, or the share of their connection");
        return Err(ExchangeAborted);
    };
    let progress = held.progress();
    let body = std::mem::take(answer.response.body_mut());
    *answer.response.body_mut() = with_memory(body, held);
    Ok(Some(progress))
}

/// Whether a body has a transfer coding other than chunks, which would be taken for content.
///
/// hyper refuses requests whose last coding is not `chunked`. Of a request with chunks and `Content-Length` it removes the length,
/// reads the chunks and closes the connection after the answer, so that nothing after them is taken for a request (RFC 9112, 6.1 and
/// 6.3).
fn has_other_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(|coding| !is_chunked(coding) || codings.next().is_some())
}

/// Returns the answer to a rejected request; the connection ends after it.
fn bad_request() -> http::Response<Payload> {
    let mut response = http::Response::new(Payload::empty());
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}
