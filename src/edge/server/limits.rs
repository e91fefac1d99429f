//! What connections may take: how many there may be, how long they may do nothing, how long a request may take to arrive.
//!
//! hyper can limit the time of a head as well, with a timer that is set anew for each request, which costs some percent of the
//! throughput. Here each connection notes in passing what it does, and is looked at a few times within a limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::opening::HttpVersion;

/// How long a connection may do nothing when there are as many as there may be.
const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(5);

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// How many there may be. Further ones wait until others end, and those that do nothing end soon then.
    pub connections: usize,
    /// How long the head of a request may take from its first byte on (HTTP/1).
    pub head: Duration,
    /// How large the head of a request may be, in bytes.
    pub head_bytes: usize,
    /// How long the body of a request may take.
    pub body: Duration,
    /// How much memory all bodies together may take that have not arrived as a whole, in bytes.
    pub bodies_bytes: usize,
    /// How much memory all answers together may take that their clients have not taken yet, in bytes. One that is alone may take more.
    pub answers_bytes: usize,
    /// How long a connection may do nothing.
    pub idle: Duration,
}

impl Default for ServerLimits {
    fn default() -> ServerLimits {
        ServerLimits {
            connections: 10_000,
            head: Duration::from_secs(10),
            head_bytes: 128 * 1024,
            body: Duration::from_secs(60),
            bodies_bytes: 256 * 1024 * 1024,
            answers_bytes: 512 * 1024 * 1024,
            // Longer than clients keep connections that they do not use, so that it is they who close them.
            idle: Duration::from_secs(15 * 60),
        }
    }
}

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) limits: ServerLimits,
    /// Whether there is no room for another connection.
    is_crowded: AtomicBool,
    /// What bodies take that have not arrived as a whole.
    bodies: AtomicUsize,
    /// What answers take that are counted.
    answers: AtomicUsize,
}

impl Gate {
    pub(super) fn new(limits: ServerLimits) -> Gate {
        Gate { limits, is_crowded: AtomicBool::new(false), bodies: AtomicUsize::new(0), answers: AtomicUsize::new(0) }
    }

    /// Says whether there is room for another connection.
    pub(super) fn set_crowded(&self, is_crowded: bool) {
        if self.is_crowded.swap(is_crowded, Ordering::Relaxed) != is_crowded && is_crowded {
            tracing::warn!("there is no room for another connection: those that do nothing are closed");
        }
    }

    fn idle(&self) -> Duration {
        if self.is_crowded.load(Ordering::Relaxed) { self.limits.idle.min(IDLE_WHEN_CROWDED) } else { self.limits.idle }
    }
}

/// An answer that counts until it is sent or given up.
struct Counted {
    gate: Arc<Gate>,
    bytes: Bytes,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.gate.answers.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// Returns an answer that counts for as long as somebody holds it; nothing if those that wait for their clients take too much.
pub(super) fn counted(gate: &Arc<Gate>, bytes: Bytes) -> Option<Bytes> {
    let others = gate.answers.fetch_add(bytes.len(), Ordering::Relaxed);
    let has_room = others == 0 || others + bytes.len() <= gate.limits.answers_bytes;
    let counted = Counted { gate: gate.clone(), bytes };
    has_room.then(|| Bytes::from_owner(counted))
}

/// The memory that a body takes until it has arrived.
#[derive(Debug)]
pub(super) struct BodyReservation<'g> {
    gate: &'g Gate,
    bytes: usize,
}

impl<'g> BodyReservation<'g> {
    pub(super) fn nothing(gate: &'g Gate) -> BodyReservation<'g> {
        BodyReservation { gate, bytes: 0 }
    }

    /// Takes room for more; `false` if all bodies together have no more.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.gate.bodies.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.gate.limits.bodies_bytes
    }
}

impl Drop for BodyReservation<'_> {
    fn drop(&mut self) {
        self.gate.bodies.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a connection does, noted by itself. Nobody else writes to it, so writing costs next to nothing.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Whether something was sent or received since somebody looked.
    has_moved: AtomicBool,
    /// Whether something was received since the last request was answered.
    has_received: AtomicBool,
    /// How many requests are being answered.
    in_work: AtomicUsize,
    /// How many requests there were.
    begun: AtomicU64,
    /// Whether the connection ends with a reset, and not as it would if all had been said.
    pub(super) is_to_be_reset: AtomicBool,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Work<'p>(&'p Pulse);

impl Pulse {
    /// Notes that a request is being answered, until the value is dropped.
    pub(super) fn work(&self) -> Work<'_> {
        self.in_work.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Work(self)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.has_received.store(false, Ordering::Relaxed);
        self.0.in_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns when a connection has done nothing for too long, or has taken too long for a head. The text says which.
pub(super) async fn overdue(gate: &Gate, pulse: &Pulse, version: HttpVersion) -> &'static str {
    let limits = &gate.limits;
    let look = (limits.head.min(limits.idle).min(IDLE_WHEN_CROWDED) / 4).max(Duration::from_millis(10));
    let started = Instant::now();
    let (mut moved, mut head, mut begun) = (started, None, 0);
    loop {
        tokio::time::sleep(look).await;
        let now = Instant::now();
        let is_in_work = pulse.in_work.load(Ordering::Relaxed) > 0;
        if pulse.has_moved.swap(false, Ordering::Relaxed) || is_in_work {
            moved = now;
        } else if now - moved >= gate.idle() {
            return "nothing was sent or received for too long";
        }
        let begun_before = std::mem::replace(&mut begun, pulse.begun.load(Ordering::Relaxed));
        // With HTTP/2 there are frames without any request, and heads that do not end take little.
        let is_in_head = version == HttpVersion::Http1 && !is_in_work && pulse.has_received.load(Ordering::Relaxed);
        if !is_in_head || begun != begun_before {
            head = None;
        } else if now - *head.get_or_insert(now) >= limits.head {
            return "a request did not arrive in time";
        }
    }
}

/// How much is read at once. The library asks for twice as much whenever it gets all that it has asked for, and a connection keeps
/// the room for it. Whoever sends little is not concerned.
const AT_ONCE: usize = 16 * 1024;

/// A stream that notes what it does.
#[derive(Debug)]
pub(super) struct Noted<S: Tcp> {
    pub(super) stream: S,
    pub(super) pulse: Arc<Pulse>,
}

/// A stream on a TCP connection.
pub(super) trait Tcp {
    /// Returns the connection.
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

impl<S: Tcp> Drop for Noted<S> {
    fn drop(&mut self) {
        if self.pulse.is_to_be_reset.load(Ordering::Relaxed) {
            // Without it the connection ends all the same, only in peace.
            let _ = self.stream.connection().set_zero_linger();
        }
    }
}

impl<S: AsyncRead + Tcp + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if buffer.remaining() > AT_ONCE {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(AT_ONCE));
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let length = part.filled().len();
            buffer.advance(length);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        }
        if buffer.filled().len() > before {
            self.pulse.has_moved.store(true, Ordering::Relaxed);
            self.pulse.has_received.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Tcp + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let length = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.pulse.has_moved.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(length))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces))?;
        self.pulse.has_moved.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_count_until_nobody_holds_them() {
        let gate = Arc::new(Gate::new(ServerLimits { answers_bytes: 10, ..ServerLimits::default() }));
        let count = |size: usize| counted(&gate, Bytes::from(vec![0; size]));
        let alone = count(100).expect("one that is alone may take more");
        assert!(count(1).is_none() && count(100).is_none());
        let piece = alone.slice(..1);
        drop(alone);
        assert!(count(1).is_none(), "a piece holds the whole");
        drop(piece);
        let (one, other) = (count(6).unwrap(), count(4).unwrap());
        assert!(count(1).is_none());
        drop((one, other));
        assert_eq!(gate.answers.load(Ordering::Relaxed), 0);
    }
}
