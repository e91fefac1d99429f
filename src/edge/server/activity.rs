//! Activity of a connection: when it is idle or late, and the stream that tracks it.
//!
//! hyper can limit the time of a head too, with a timer per request that costs some percent of the throughput. Here each connection
//! sets flags as it goes, and a timer polls them a few times within a limit.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::server::TlsStream;

use crate::edge::server::accept::HttpVersion;
use crate::edge::server::limits::{Gate, IDLE_WHEN_CROWDED};
use crate::edge::server::memory::ConnectionMemory;

/// Activity of a connection. Only the connection writes to it, so a write costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Whether something was sent or received since the last poll.
    has_moved: AtomicBool,
    /// Whether something was received since the last request was answered.
    has_received: AtomicBool,
    /// Number of requests that are being answered.
    in_flight: AtomicUsize,
    /// Number of requests so far.
    requests: AtomicU64,
    /// Number of them that wait for their client: for a body, or for the end of a silence.
    waiting: AtomicUsize,
    /// Number of pieces of bodies that were progress.
    pieces: AtomicU64,
    /// Whether something of an answer was sent since the last look (HTTP/1).
    has_sent: AtomicBool,
    /// Whether its request waits for a connector (HTTP/1).
    is_calling: AtomicBool,
    /// Whether its client was then seen to have ended its half of the connection.
    has_left: AtomicBool,
    /// Asks the connection to give way to another one.
    giving_way: Notify,
    /// Whether the connection ends with a TCP reset.
    pub(super) is_to_be_reset: AtomicBool,
    /// Memory that its requests and answers hold.
    pub(super) memory: Arc<ConnectionMemory>,
}

/// A request that is being answered, until the value is dropped.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Activity);

impl Activity {
    pub(super) fn begin_request(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }
}

/// A request that waits for its client, until the value is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Activity);

/// The progress of a connection; as long as it has the same value, no request has begun, ended or gone on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    requests: u64,
    in_flight: usize,
    waiting: usize,
    pieces: u64,
}

impl Mark {
    /// Whether the server works on a request, or waits for a connector.
    pub(super) fn is_at_work(self) -> bool {
        self.in_flight > self.waiting
    }
}

impl Activity {
    pub(super) fn begin_waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Records whether the request of an HTTP/1 connection waits for a connector.
    pub(super) fn set_calling(&self, is_calling: bool) {
        self.is_calling.store(is_calling, Ordering::Relaxed);
    }

    /// Records progress of the body of a request.
    pub(super) fn record_piece(&self) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            requests: self.requests.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            pieces: self.pieces.load(Ordering::Relaxed),
        }
    }

    /// Whether there was a request.
    pub(super) fn has_had_requests(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Whether something of an answer was sent since the last call.
    pub(super) fn take_sent(&self) -> bool {
        self.has_sent.swap(false, Ordering::Relaxed)
    }

    /// Asks the connection to give way to another one.
    pub(super) fn give_way(&self) {
        self.giving_way.notify_one();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.has_received.store(false, Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Completes when a connection has been idle for too long, a request head is late, an answer is not read, or others need its memory, with
/// the reason.
pub(super) async fn overdue(gate: &Gate, activity: &Activity, version: HttpVersion) -> &'static str {
    let limits = &gate.limits;
    let interval = (limits.head.min(limits.idle).min(limits.answer).min(IDLE_WHEN_CROWDED) / 4).max(Duration::from_millis(10));
    let started = Instant::now();
    let (mut active, mut head, mut left, mut requests) = (started, None, None, 0);
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = activity.memory.closing() => return "its memory is needed, and it has stalled longest",
            () = activity.giving_way.notified() => return "its place is needed, and it has stalled longest",
        }
        let now = Instant::now();
        let is_in_flight = activity.in_flight.load(Ordering::Relaxed) > 0;
        let requests_before = std::mem::replace(&mut requests, activity.requests.load(Ordering::Relaxed));
        let has_moved = match version {
            HttpVersion::Http1 => activity.has_moved.swap(false, Ordering::Relaxed),
            // A client can send frames without end that belong to no request.
            HttpVersion::Http2 => requests != requests_before || activity.memory.has_progressed(&gate.memory, interval),
        };
        if has_moved || is_in_flight {
            active = now;
        } else if now - active >= gate.idle() {
            return "idle for too long";
        }
        if gate.memory.answer_stall(&activity.memory) >= limits.answer {
            return "answer not read in time";
        }
        // A client may end its half and wait for the answer, but one that does so is hardly there for long.
        if !activity.is_calling.load(Ordering::Relaxed) || !activity.has_left.load(Ordering::Relaxed) {
            left = None;
        } else if now - *left.get_or_insert(now) >= LEFT {
            return "client has left while its request waits for a connector";
        }
        // HTTP/2 has frames without a request, and its unfinished heads take little memory.
        let is_in_head = version == HttpVersion::Http1 && !is_in_flight && activity.has_received.load(Ordering::Relaxed);
        if !is_in_head || requests != requests_before {
            head = None;
        } else if now - *head.get_or_insert(now) >= limits.head {
            return "request head not received in time";
        }
    }
}

/// Completes when a tunnel to another host has carried nothing for too long, or others need its place, with the reason.
pub(super) async fn idle(gate: &Gate, activity: &Activity) -> &'static str {
    let interval = (gate.limits.idle.min(IDLE_WHEN_CROWDED) / 4).max(Duration::from_millis(10));
    let mut active = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = activity.memory.closing() => return "its memory is needed, and it has stalled longest",
            () = activity.giving_way.notified() => return "its place is needed, and it has stalled longest",
        }
        if activity.has_moved.swap(false, Ordering::Relaxed) {
            active = Instant::now();
        } else if active.elapsed() >= gate.idle() {
            return "idle for too long";
        }
    }
}

/// Time for which a request waits for a connector after its client has ended its half of the connection.
const LEFT: Duration = Duration::from_secs(1);

/// Maximum number of bytes per read. hyper doubles its buffer whenever a read fills it, and the connection keeps the buffer.
const READ_LIMIT: usize = 16 * 1024;

/// A stream that records its activity.
#[derive(Debug)]
pub(super) struct TrackedStream<S: Tcp> {
    /// None when it was taken out.
    stream: Option<S>,
    activity: Arc<Activity>,
    version: HttpVersion,
}

/// Returns the error of a stream that was taken out.
fn taken() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: Tcp> TrackedStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, version: HttpVersion) -> TrackedStream<S> {
        TrackedStream { stream: Some(stream), activity, version }
    }

    /// Takes the stream out.
    pub(super) fn into_stream(mut self) -> Option<S> {
        self.stream.take()
    }

    /// Whether another stream leads to the server of this one.
    pub(super) fn is_connected_to(&self, other: &TcpStream) -> bool {
        let server = self.stream.as_ref().and_then(|stream| stream.connection().local_addr().ok());
        match (server, other.local_addr(), other.peer_addr()) {
            (Some(server), Ok(local), Ok(peer)) => peer.port() == server.port() && peer.ip() == local.ip(),
            _ => false,
        }
    }

    /// Records whether the client has ended its half. hyper does not read while it waits for an answer.
    fn look_for_end(&self, context: &mut Context<'_>) {
        let Some(stream) = &self.stream else { return };
        let ready = pin!(stream.connection().ready(Interest::READABLE));
        if let Poll::Ready(Ok(ready)) = ready.poll(context)
            && ready.is_read_closed()
        {
            self.activity.has_left.store(true, Ordering::Relaxed);
        }
    }

    fn record_sent(&self) {
        self.activity.has_moved.store(true, Ordering::Relaxed);
        // Frames of HTTP/2 may belong to no request.
        if self.version == HttpVersion::Http1 {
            self.activity.has_sent.store(true, Ordering::Relaxed);
        }
    }
}

/// A stream over a TCP connection.
pub(super) trait Tcp {
    fn connection(&self) -> &TcpStream;
}

impl Tcp for TcpStream {
    fn connection(&self) -> &TcpStream {
        self
    }
}

impl Tcp for TlsStream<TcpStream> {
    fn connection(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl<S: Tcp> Drop for TrackedStream<S> {
    fn drop(&mut self) {
        if self.activity.is_to_be_reset.load(Ordering::Relaxed) {
            // Without it the connection ends all the same, without a reset.
            let _ = self.stream.as_ref().map(|stream| stream.connection().set_zero_linger());
        }
    }
}

impl<S: AsyncRead + Tcp + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(taken())) };
        if buffer.remaining() > READ_LIMIT {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(READ_LIMIT));
            ready!(Pin::new(stream).poll_read(context, &mut part))?;
            let length = part.filled().len();
            buffer.advance(length);
        } else {
            ready!(Pin::new(stream).poll_read(context, buffer))?;
        }
        if buffer.filled().len() > before {
            self.activity.has_moved.store(true, Ordering::Relaxed);
            self.activity.has_received.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Tcp + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(taken())) };
        let length = ready!(Pin::new(stream).poll_write(context, bytes))?;
        self.record_sent();
        Poll::Ready(Ok(length))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(taken())) };
        let length = ready!(Pin::new(stream).poll_write_vectored(context, pieces))?;
        self.record_sent();
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes at each poll, and the timers of the connection cause some.
        if self.activity.is_calling.load(Ordering::Relaxed) {
            self.look_for_end(context);
        }
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        Pin::new(stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_at_work_unless_all_its_requests_wait_for_their_client() {
        let activity = Activity::default();
        assert!(!activity.mark().is_at_work());
        let request = activity.begin_request();
        assert!(activity.mark().is_at_work());
        let waiting = activity.begin_waiting();
        let before = activity.mark();
        assert!(!before.is_at_work());
        activity.record_piece();
        assert_ne!(activity.mark(), before, "a piece of a body is progress");
        let other = activity.begin_request();
        assert!(activity.mark().is_at_work());
        drop(other);
        drop(waiting);
        assert!(activity.mark().is_at_work(), "its body has arrived");
        drop(request);
        let after = activity.mark();
        assert_eq!((after.is_at_work(), after.in_flight, after.waiting, after.requests), (false, 0, 0, 2));
    }
}
