//! Limits on outgoing calls: few at once in a process, and bounded memory for the messages of all that wait.
//!
//! A connector that never answers holds a connection for as long as the call may take. Without a limit, requests that wait for it use up
//! the descriptors with which others are served. Each connector has a share, so that a silent one leaves places to the others.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::world::budget::{Budget, Reservation};
use crate::world::outbound::{CallFailure, OutboundCall};

/// Maximum number of calls at once, where the process may have many files and connections.
pub(in crate::edge) const CALLS: usize = 64;

/// Part of the calls that go to one connector at once: one of these.
const CONNECTORS: usize = 4;

/// Share of the descriptors that calls may use at once.
const DESCRIPTOR_SHARE: usize = 8;

/// Descriptors of a process if the system does not say: the least that a system of today allows.
const DESCRIPTORS: usize = 256;

/// Maximum memory of the messages of all calls, in bytes.
pub(in crate::edge) const MESSAGES: usize = 64 * 1024 * 1024;

/// The calls of this process.
static PROCESS: LazyLock<CallQueue> = LazyLock::new(|| CallQueue::new(calls_at_once(descriptors()), MESSAGES));

/// The part of the calls that notifications have beside the others: one of these. A receiver that does not answer takes no place from a
/// request that waits for its connector.
pub(in crate::edge) const NOTIFICATION_SHARE: usize = 4;

/// The notifications of this process.
static NOTIFICATIONS: LazyLock<CallQueue> =
    LazyLock::new(|| CallQueue::new(calls_at_once(descriptors()).div_ceil(NOTIFICATION_SHARE), MESSAGES / NOTIFICATION_SHARE));

/// The places for calls, and the memory of their messages.
pub(super) struct CallQueue {
    places: Semaphore,
    /// Number of places that a connector may have.
    share: usize,
    /// Places of the connectors that are called now, by host and port.
    connectors: Mutex<HashMap<String, Weak<Semaphore>>>,
    messages: Arc<Budget>,
}

/// A call's place among those in work, and its memory. Both are free again when it is dropped.
pub(super) struct Place<'q> {
    _permit: SemaphorePermit<'q>,
    _share: OwnedSemaphorePermit,
    _message: Reservation,
}

impl CallQueue {
    pub(super) fn of_process() -> &'static CallQueue {
        &PROCESS
    }

    pub(super) fn of_notifications() -> &'static CallQueue {
        &NOTIFICATIONS
    }

    pub(super) fn new(calls: usize, message_bytes: usize) -> CallQueue {
        CallQueue {
            places: Semaphore::new(calls),
            share: calls.div_ceil(CONNECTORS),
            connectors: Mutex::default(),
            messages: Arc::new(Budget::new(message_bytes)),
        }
    }

    /// Waits for a place of the connector, then for one of all, in the order of arrival. The caller limits the time.
    pub(super) async fn enter(&self, call: &OutboundCall) -> Result<Place<'_>, CallFailure> {
        let message = self.messages.take(call.message_bytes()).ok_or(CallFailure::Busy)?;
        let share = self.connector(call).acquire_owned().await.map_err(|_| CallFailure::Busy)?;
        let permit = self.places.acquire().await.map_err(|_| CallFailure::Busy)?;
        Ok(Place { _permit: permit, _share: share, _message: message })
    }

    /// Returns the places of the connector that a call goes to.
    fn connector(&self, call: &OutboundCall) -> Arc<Semaphore> {
        let name = call.url.authority().map_or("", |authority| authority.as_str()).to_ascii_lowercase();
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = connectors.get(&name).and_then(Weak::upgrade) {
            return connector;
        }
        // Those that are not called any more take no memory.
        if connectors.len() == connectors.capacity() {
            connectors.retain(|_, connector| connector.strong_count() > 0);
        }
        let connector = Arc::new(Semaphore::new(self.share));
        connectors.insert(name, Arc::downgrade(&connector));
        connector
    }
}

/// Returns the number of calls that leave most descriptors to others.
fn calls_at_once(descriptors: usize) -> usize {
    (descriptors / DESCRIPTOR_SHARE).clamp(1, CALLS)
}

/// Returns the number of descriptors that this process may have.
fn descriptors() -> usize {
    fs::read_to_string("/proc/self/limits").ok().and_then(|limits| soft_limit(&limits)).unwrap_or(DESCRIPTORS)
}

/// Reads the soft limit of open files from the form of Linux.
fn soft_limit(limits: &str) -> Option<usize> {
    let mut words = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace();
    match words.next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, Method};

    fn call(length: usize) -> OutboundCall {
        call_to("localhost", length)
    }

    fn call_to(authority: &str, length: usize) -> OutboundCall {
        let (headers, body) = (HeaderMap::new(), Bytes::from(vec![0; length]));
        let url = format!("http://{authority}/").parse().unwrap();
        OutboundCall { method: Method::POST, url, headers, body, timeout: Duration::from_secs(1) }
    }

    #[test]
    fn calls_leave_most_descriptors_to_others() {
        for (descriptors, calls) in [(0, 1), (32, 4), (256, 32), (1024, 64), (usize::MAX, 64)] {
            assert_eq!(calls_at_once(descriptors), calls);
        }
        let limits =
            "Limit Soft Limit Hard Limit Units\nMax processes 1 2 processes\nMax open files            1024    4096    files\n";
        assert_eq!(
            (soft_limit(limits), soft_limit("Max open files unlimited"), soft_limit("")),
            (Some(1024), Some(usize::MAX), None)
        );
        assert!(descriptors() > 0);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_call_ends() {
        let queue = CallQueue::new(1, 100);
        let first = queue.enter(&call(10)).await.unwrap();
        let small = call(1);
        let mut second = std::pin::pin!(queue.enter(&small));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut second).await.is_err());
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn a_silent_connector_leaves_places_to_others() {
        let queue = CallQueue::new(8, 100);
        let silent = call_to("silent:1", 1);
        let first = [queue.enter(&silent).await.unwrap(), queue.enter(&silent).await.unwrap()];
        let same = call_to("SILENT:1", 1);
        let mut further = Box::pin(queue.enter(&same));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut further).await.is_err());
        // Those that wait for their connector hold none of the places of others.
        let mut others = Vec::new();
        for port in 2..8 {
            others.push(queue.enter(&call_to(&format!("silent:{port}"), 1)).await.unwrap());
        }
        let one_more = call_to("other", 1);
        let mut one_more = Box::pin(queue.enter(&one_more));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut one_more).await.is_err());
        drop(first);
        assert!(further.await.is_ok() && one_more.await.is_ok());
        drop(others);
        for number in 0..1000 {
            queue.enter(&call_to(&format!("host-{number}"), 1)).await.unwrap();
        }
        assert!(queue.connectors.lock().unwrap().len() < 100, "connectors are forgotten");
    }

    #[tokio::test]
    async fn messages_take_bounded_memory_together() {
        let queue = CallQueue::new(1, 100);
        let largest = queue.enter(&call(50)).await.unwrap();
        assert_eq!(queue.enter(&call(1)).await.err(), Some(CallFailure::Busy));
        drop(largest);
        let big = call(40);
        let waiting = queue.enter(&call(10)).await.unwrap();
        let mut given_up = Box::pin(queue.enter(&big));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut given_up).await.is_err());
        assert_eq!(queue.messages.used(), 100, "those that wait for a place count too");
        drop(given_up);
        drop(waiting);
        assert_eq!(queue.messages.used(), 0);
        assert_eq!(queue.enter(&call(51)).await.err(), Some(CallFailure::Busy));
    }
}
