//! Limits of connections, and memory that request bodies and answers hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

/// Idle timeout while the limit of connections is reached.
pub(super) const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(5);

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Maximum number of connections. Further ones wait until others end; idle ones are then closed after 5 seconds.
    pub connections: usize,
    /// Timeout of a request head, from its first byte on (HTTP/1).
    pub head: Duration,
    /// Maximum size of a request head, in bytes.
    pub head_bytes: usize,
    /// Timeout of a request body.
    pub body: Duration,
    /// Maximum memory of all incomplete request bodies together, in bytes.
    pub bodies_bytes: usize,
    /// Maximum memory of all unsent answers together, in bytes. A single one may take more.
    pub answers_bytes: usize,
    /// Idle timeout of a connection.
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
            // Longer than clients keep idle connections, so that clients close them first.
            idle: Duration::from_secs(15 * 60),
        }
    }
}

/// Limits and usage of all connections of a server.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) limits: ServerLimits,
    /// Whether the limit of connections is reached.
    is_crowded: AtomicBool,
    /// Bytes of incomplete request bodies.
    bodies: AtomicUsize,
    /// Bytes of reserved answers.
    answers: AtomicUsize,
}

impl Gate {
    pub(super) fn new(limits: ServerLimits) -> Gate {
        Gate { limits, is_crowded: AtomicBool::new(false), bodies: AtomicUsize::new(0), answers: AtomicUsize::new(0) }
    }

    /// Sets whether the limit of connections is reached.
    pub(super) fn set_crowded(&self, is_crowded: bool) {
        if self.is_crowded.swap(is_crowded, Ordering::Relaxed) != is_crowded && is_crowded {
            tracing::warn!("no room for more connections: closing idle ones");
        }
    }

    /// Returns the idle timeout that applies now.
    pub(super) fn idle(&self) -> Duration {
        if self.is_crowded.load(Ordering::Relaxed) { self.limits.idle.min(IDLE_WHEN_CROWDED) } else { self.limits.idle }
    }
}

/// An answer whose memory is reserved until it is sent or dropped.
struct ReservedAnswer {
    gate: Arc<Gate>,
    bytes: Bytes,
}

impl AsRef<[u8]> for ReservedAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for ReservedAnswer {
    fn drop(&mut self) {
        self.gate.answers.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// Reserves the memory of an answer until its last piece is dropped; `None` if unsent answers exceed the limit.
pub(super) fn reserve_answer(gate: &Arc<Gate>, bytes: Bytes) -> Option<Bytes> {
    let others = gate.answers.fetch_add(bytes.len(), Ordering::Relaxed);
    let has_room = others == 0 || others + bytes.len() <= gate.limits.answers_bytes;
    let reserved = ReservedAnswer { gate: gate.clone(), bytes };
    has_room.then(|| Bytes::from_owner(reserved))
}

/// Memory of an incomplete request body.
#[derive(Debug)]
pub(super) struct BodyReservation<'g> {
    gate: &'g Gate,
    bytes: usize,
}

impl<'g> BodyReservation<'g> {
    pub(super) fn empty(gate: &'g Gate) -> BodyReservation<'g> {
        BodyReservation { gate, bytes: 0 }
    }

    /// Adds bytes; returns `false` if all bodies together exceed the limit.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.gate.bodies.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.gate.limits.bodies_bytes
    }
}

impl Drop for BodyReservation<'_> {
    fn drop(&mut self) {
        self.gate.bodies.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_reserved_until_its_last_piece_is_dropped() {
        let gate = Arc::new(Gate::new(ServerLimits { answers_bytes: 10, ..ServerLimits::default() }));
        let reserve = |size: usize| reserve_answer(&gate, Bytes::from(vec![0; size]));
        let single = reserve(100).expect("a single answer may take more");
        assert!(reserve(1).is_none() && reserve(100).is_none());
        let piece = single.slice(..1);
        drop(single);
        assert!(reserve(1).is_none(), "a piece keeps the whole");
        drop(piece);
        let (one, other) = (reserve(6).unwrap(), reserve(4).unwrap());
        assert!(reserve(1).is_none());
        drop((one, other));
        assert_eq!(gate.answers.load(Ordering::Relaxed), 0);
    }
}
