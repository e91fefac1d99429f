//! Limits of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::edge::server::memory::Memory;

/// Idle timeout while the limit of connections is reached.
pub(super) const IDLE_WHEN_CROWDED: Duration = Duration::from_secs(5);

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Maximum number of connections. At the limit, the one that has stalled longest gives way to another.
    pub connections: usize,
    /// Timeout of a request head, from its first byte on (HTTP/1).
    pub head: Duration,
    /// Maximum size of a request head, in bytes.
    pub head_bytes: usize,
    /// Timeout of a request body.
    pub body: Duration,
    /// Timeout between two parts of an answer that a client reads, of 64 KiB each.
    pub answer: Duration,
    /// Maximum memory of all incomplete request bodies and of all requests that wait for a connector together, in bytes.
    pub bodies_bytes: usize,
    /// Maximum memory of all unsent answers together, in bytes. A single one may take more.
    pub answers_bytes: usize,
    /// Maximum number of concurrent requests on a connection (HTTP/2); further ones wait.
    pub requests: u32,
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
            answer: Duration::from_secs(60),
            bodies_bytes: 256 * 1024 * 1024,
            answers_bytes: 512 * 1024 * 1024,
            requests: 100,
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
    /// Memory that requests and answers hold.
    pub(super) memory: Arc<Memory>,
}

impl Gate {
    pub(super) fn new(limits: ServerLimits) -> Gate {
        let memory = Arc::new(Memory::new(limits.bodies_bytes, limits.answers_bytes));
        Gate { limits, is_crowded: AtomicBool::new(false), memory }
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
