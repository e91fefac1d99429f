//! Delivery of an answer: at once, late, in pieces, cut short or not at all.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{oneshot, watch};

use crate::edge::control::Feed;
use crate::edge::server::memory::{HeldMemory, Progress};
use crate::edge::service::Service;
use crate::graph::step::{Answer, DeliveryForm};
use crate::world::fault::{Hold, SlowBody};

/// Size of the pieces of an answer whose memory is counted; each piece that is taken is progress.
const PIECE: usize = 64 * 1024;

/// Time that a connection stays open for a request without an answer.
const SILENCE: Duration = Duration::from_secs(600);

/// Returns an answer to be sent whole and at once, as nearly all are.
pub(super) fn whole(answer: Answer, progress: Option<Progress>) -> http::Response<Payload> {
    let length = answer.response.body().len();
    answer.response.map(|bytes| Payload { bytes: Some(bytes), length, pieces: Pieces::One, ending: Ending::Clean, progress })
}

/// Delivers an answer as its [`Delivery`](crate::graph::step::Delivery) says. Delays end when the server stops, or the
/// world of the fault is reset.
pub(super) async fn deliver(
    mut answer: Box<Answer>,
    progress: Option<Progress>,
    is_multiplexed: bool,
    stopping: &watch::Receiver<()>,
) -> Result<http::Response<Payload>, ExchangeAborted> {
    if answer.delivery.delay > Duration::ZERO {
        record_after(progress.as_ref(), answer.delivery.delay);
        wait(answer.delivery.delay, stopping, answer.held_by.as_mut()).await;
    }
    let (length, form) = (answer.response.body().len(), answer.delivery.form);
    let pause = if let DeliveryForm::Slow(slow) = form { slow.pause } else { Duration::ZERO };
    record_after(progress.as_ref(), pause);
    let with = |pieces: Pieces, ending: Ending, answer: Box<Answer>| {
        answer.response.map(|bytes| Payload { bytes: Some(bytes), length, pieces, ending, progress })
    };
    match form {
        DeliveryForm::Whole => Ok(with(Pieces::One, Ending::Clean, answer)),
        DeliveryForm::Slow(slow) => {
            let pieces = Pieces::Many(slow, answer.held_by.take(), Box::pin(tokio::time::sleep(slow.pause)));
            Ok(with(pieces, Ending::Clean, answer))
        }
        DeliveryForm::CutShort(at) if at >= length => Ok(with(Pieces::One, Ending::Clean, answer)),
        DeliveryForm::CutShort(at) => {
            if is_multiplexed {
                let (ending, sent) = Ending::cut_after_sending();
                return Ok(with(Pieces::One, ending, answer).map(|payload| payload.cut_at(at, Some(sent))));
            }
            Ok(with(Pieces::One, Ending::Cut { was_sent: false }, answer).map(|payload| payload.cut_at(at, None)))
        }
        DeliveryForm::Reset => Err(ExchangeAborted),
        DeliveryForm::Silence => {
            wait(SILENCE, stopping, answer.held_by.as_mut()).await;
            Err(ExchangeAborted)
        }
    }
}

/// Records that an answer cannot make progress before a pause of the server.
fn record_after(progress: Option<&Progress>, pause: Duration) {
    if let Some(progress) = progress {
        progress.record_after(pause);
    }
}

/// Sleeps until the server stops, or the fault rules let go, at the latest.
async fn wait(delay: Duration, stopping: &watch::Receiver<()>, hold: Option<&mut Hold>) {
    let mut stopping = stopping.clone();
    let released = async {
        match hold {
            Some(hold) => hold.released().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = released => {}
        () = tokio::time::sleep(delay) => {}
        // The sender is dropped without a value.
        _ = stopping.changed() => {}
    }
}

/// The end of a connection without an answer, or within one.
#[derive(Debug)]
pub(super) struct ExchangeAborted;

impl fmt::Display for ExchangeAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("exchange aborted")
    }
}

impl std::error::Error for ExchangeAborted {}

/// Body of an answer, and its end.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Option<Bytes>,
    length: usize,
    pieces: Pieces,
    ending: Ending,
    /// Progress of the answer, if its memory is counted.
    progress: Option<Progress>,
}

#[derive(Debug)]
enum Pieces {
    One,
    /// Several, with the timer of the next one.
    Many(SlowBody, Option<Hold>, Pin<Box<tokio::time::Sleep>>),
    /// As many as there will be.
    Stream(StreamBody),
}

/// The next piece of a stream, and what makes the one after it; `None` at its end.
type NextPiece<S> = Pin<Box<dyn Future<Output = Option<(S, String)>> + Send>>;

/// A body without a known end. Its memory is held as long as it is sent, and counts as progress with each piece.
struct StreamBody {
    next: NextPiece<Stream>,
    _held: HeldMemory,
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamBody")
    }
}

/// The stream of the journals of a service, until its end or that of the server.
struct Stream {
    feed: Feed,
    service: Arc<Service>,
    stopping: watch::Receiver<()>,
}

impl Stream {
    async fn next(mut self) -> Option<(Stream, String)> {
        loop {
            let has_more = tokio::select! {
                has_more = self.feed.wait() => has_more,
                // The sender is dropped without a value.
                _ = self.stopping.changed() => false,
            };
            if !has_more {
                return None;
            }
            let (feed, event) = self.service.look(self.feed).await?;
            self.feed = feed;
            if let Some(event) = event {
                return Some((self, event));
            }
        }
    }
}

/// Returns the response of a stream. `held` is the memory of one piece.
pub(super) fn stream(
    feed: Feed,
    service: Arc<Service>,
    stopping: watch::Receiver<()>,
    held: HeldMemory,
) -> http::Response<Payload> {
    let progress = held.progress();
    progress.record_after(Feed::LONGEST_PAUSE);
    let next: NextPiece<Stream> = Box::pin(Stream { feed, service, stopping }.next());
    let pieces = Pieces::Stream(StreamBody { next, _held: held });
    let mut response =
        http::Response::new(Payload { bytes: None, length: 0, pieces, ending: Ending::Clean, progress: Some(progress) });
    let headers = [
        (header::CONTENT_TYPE, Feed::MEDIA_TYPE),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[derive(Debug)]
enum Ending {
    Clean,
    /// An error, which ends the connection.
    Cut {
        /// Whether hyper had the chance to send the bytes before.
        was_sent: bool,
    },
    /// The same, once the last piece before it was sent (HTTP/2).
    CutAfterSending(oneshot::Receiver<()>),
}

impl Ending {
    /// Returns an ending, and the value that the last piece before it drops when it is sent.
    fn cut_after_sending() -> (Ending, oneshot::Sender<()>) {
        let (sent, is_sent) = oneshot::channel();
        (Ending::CutAfterSending(is_sent), sent)
    }
}

/// A piece that is known to be sent when it is dropped.
struct LastPiece {
    bytes: Bytes,
    _sent: oneshot::Sender<()>,
}

impl AsRef<[u8]> for LastPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Payload {
    /// Returns a body of no bytes.
    pub(super) fn empty() -> Payload {
        Payload { bytes: None, length: 0, pieces: Pieces::One, ending: Ending::Clean, progress: None }
    }

    /// Returns the body up to a length. In HTTP/2 its last piece, which may be empty, follows the head.
    fn cut_at(self, at: usize, sent: Option<oneshot::Sender<()>>) -> Payload {
        let bytes = self.bytes.map(|bytes| bytes.slice(..at));
        let bytes = match sent {
            Some(sent) => bytes.map(|bytes| Bytes::from_owner(LastPiece { bytes, _sent: sent })),
            None => bytes,
        };
        Payload { bytes, ..self }
    }
}

impl HttpBody for Payload {
    type Data = Bytes;
    type Error = ExchangeAborted;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ExchangeAborted>>> {
        if let Payload { pieces: Pieces::Stream(body), progress: Some(progress), .. } = &mut *self {
            let Some((stream, piece)) = ready!(body.next.as_mut().poll(context)) else { return Poll::Ready(None) };
            progress.record_after(Feed::LONGEST_PAUSE);
            body.next = Box::pin(stream.next());
            return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
        }
        if let Payload { bytes: Some(bytes), pieces: Pieces::Many(slow, hold, next), .. } = &mut *self
            && !bytes.is_empty()
            && !hold.as_ref().is_some_and(Hold::is_released)
        {
            ready!(next.as_mut().poll(context));
            let pause = slow.pause;
            next.set(tokio::time::sleep(pause));
            let piece = bytes.split_to(slow.bytes.clamp(1, bytes.len()));
            record_after(self.progress.as_ref(), pause);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Payload { bytes: Some(bytes), progress: Some(progress), .. } = &mut *self {
            progress.record();
            if bytes.len() > PIECE {
                return Poll::Ready(Some(Ok(Frame::data(bytes.split_to(PIECE)))));
            }
        }
        let is_last_piece = matches!(self.ending, Ending::CutAfterSending(_));
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty() || is_last_piece) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.ending {
            Ending::Clean => Poll::Ready(None),
            // When a body fails, hyper discards unsent bytes, the head included. It sends them when the body is pending.
            Ending::Cut { was_sent: was_sent @ false } => {
                *was_sent = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Cut { was_sent: true } => Poll::Ready(Some(Err(ExchangeAborted))),
            // When a stream is reset, frames that are not sent yet are discarded, even its head.
            Ending::CutAfterSending(is_sent) => {
                let _ = ready!(Pin::new(is_sent).poll(context));
                Poll::Ready(Some(Err(ExchangeAborted)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_stream = matches!(self.pieces, Pieces::Stream(_));
        !is_stream && matches!(self.ending, Ending::Clean) && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if matches!(self.pieces, Pieces::Stream(_)) { SizeHint::new() } else { SizeHint::with_exact(self.length as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, Shutdown, SocketAddr};
    use std::time::Instant;

    use http_body_util::BodyExt as _;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpListener;

    use crate::edge::server::connection::http1;
    use crate::edge::server::limits::ServerLimits;
    use crate::graph::step::Delivery;
    use crate::world::fault::Faults;

    /// Timeout of a test.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn answer(delivery: Delivery) -> Box<Answer> {
        let mut response = http::Response::new(Bytes::from_static(b"0123456789"));
        // hyper adds the current date otherwise.
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

    /// Returns what a client receives for two requests on one connection; for one, if the delivery ends the connection: unread
    /// requests would make the kernel discard sent bytes.
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
            // The server may have closed the connection already.
            let _ = stream.shutdown(Shutdown::Write);
            let mut seen = Vec::new();
            stream.read_to_end(&mut seen).unwrap();
            String::from_utf8(seen).unwrap().replace("\r\n", "\n")
        });
        let (stream, _) = listener.accept().await.unwrap();
        // The server is stopping already, so endless delays end.
        let stopping = Arc::new(watch::channel(()).1);
        let exchanges = service_fn(move |_| {
            let stopping = stopping.clone();
            async move { deliver(answer(delivery), None, false, &stopping).await }
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
        deliver(answer(late(Duration::from_millis(20))), None, false, &stopping).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(20));
        drop(stop);
        deliver(answer(late(PATIENCE * 60)), None, false, &stopping).await.unwrap();
        assert!(started.elapsed() < PATIENCE, "a server that stops delays nothing");
    }

    #[tokio::test]
    async fn rules_that_let_go_end_delays_silence_and_slow_bodies() {
        let faults = Faults::new(Vec::new(), 1);
        let (_stop, stopping) = watch::channel(());
        let late = Delivery { delay: PATIENCE * 60, form: DeliveryForm::Whole };
        let silent = Delivery { form: DeliveryForm::Silence, ..Delivery::AT_ONCE };
        let slow = SlowBody { bytes: 1, pause: Duration::from_millis(50) };
        let slow = Delivery { form: DeliveryForm::Slow(slow), ..Delivery::AT_ONCE };
        let held = |delivery| {
            let mut answer = answer(delivery);
            answer.held_by = Some(faults.hold());
            deliver(answer, None, false, &stopping)
        };
        let started = Instant::now();
        let (late, silent, slow) = (held(late), held(silent), held(slow).await.unwrap());
        let release = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            faults.release();
        };
        let all = async { tokio::join!(late, silent, release) };
        let (late, silent, ()) = tokio::time::timeout(PATIENCE, all).await.expect("the rules let go");
        assert!(late.is_ok() && silent.is_err() && started.elapsed() < PATIENCE);
        assert_eq!(slow.into_body().collect().await.unwrap().to_bytes().len(), 10);
        assert!(started.elapsed() < Duration::from_millis(400), "ten pieces take half a second");
        // An answer that is held later is let go at once.
        assert!(held(Delivery { delay: PATIENCE * 60, form: DeliveryForm::Whole }).await.is_ok());
        assert!(started.elapsed() < PATIENCE);
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_short_ends_the_connection_within_its_body() {
        for at in [0, 1, 9] {
            assert_eq!(delivered(DeliveryForm::CutShort(at)).await, WHOLE[..WHOLE.len() - 10 + at], "cut at {at}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_after_its_end_is_whole() {
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
}
