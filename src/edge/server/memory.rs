//! Memory that requests and answers hold, and its shares: of a connection, and of the control API.
//!
//! A client can make the server hold memory at little cost, with a body that never ends or an answer that it never reads. So each
//! connection has a share, and when the memory is full, the connection that has stalled longest is closed, not the newcomer refused. A
//! connection has stalled when one of its requests or answers makes no progress; frames that belong to none of them do not count.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::world::budget::{Budget, Reservation};

/// Time without progress after which a connection may be closed to make room.
pub(super) const STALLED: Duration = Duration::from_secs(1);

/// Time for which an answer, or the head of a request, waits for room.
const PATIENCE: Duration = Duration::from_secs(3);

/// Pause before the second attempt to get memory; it doubles up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// Part of the limit that only the control API may use, and that answers may take while they wait: one of these.
const RESERVES: usize = 16;

/// Part of the limit that one connection may hold once half of the limit is used: one of these.
const SHARES: usize = 4;

/// Holder of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HolderKind {
    /// A request: its head if there can be many on a connection, its incomplete body, and what it needs until it is answered.
    Request,
    /// An unsent answer.
    Answer,
}

/// Memory of all connections.
#[derive(Debug)]
pub(super) struct Memory {
    requests: Pool,
    answers: Pool,
    /// Answers and heads of requests that wait for room.
    waiting: Arc<Budget>,
    /// Connections that hold memory, or have held some.
    connections: Mutex<Vec<Weak<ConnectionMemory>>>,
    started: Instant,
}

#[derive(Debug)]
struct Pool {
    /// Memory for all.
    common: Arc<Budget>,
    /// Memory for the control API, when the other is full.
    reserve: Arc<Budget>,
    limit: usize,
    /// Time of the last search for a stalled connection.
    searched_at: AtomicU64,
}

impl Pool {
    fn new(limit: usize) -> Pool {
        let reserve = limit / RESERVES;
        let (common, reserve) = (Arc::new(Budget::new(limit - reserve)), Arc::new(Budget::new(reserve)));
        Pool { common, reserve, limit, searched_at: AtomicU64::new(0) }
    }

    fn take(&self, kind: HolderKind, bytes: usize, is_control: bool) -> Option<Reservation> {
        let common = match kind {
            HolderKind::Request => self.common.take(bytes),
            // A single answer may be larger than the limit. With the reserve it would be one of two.
            HolderKind::Answer => self.common.take_or_alone(bytes),
        };
        common.or_else(|| if is_control { self.reserve.take(bytes) } else { None })
    }

    /// Whether another search for a stalled connection is due: one for all that wait, since each looks at all connections.
    fn is_due(&self, now: u64) -> bool {
        let searched_at = self.searched_at.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(searched_at) >= millis(FIRST_PAUSE);
        is_due && self.searched_at.compare_exchange(searched_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether a connection may hold more: any part of the first half, then only its share.
    fn is_within_share(&self, held: usize, more: usize) -> bool {
        held == 0 || held.saturating_add(more) <= self.limit / SHARES || self.common.used().saturating_add(more) <= self.limit / 2
    }
}

impl Memory {
    pub(super) fn new(requests: usize, answers: usize) -> Memory {
        Memory {
            requests: Pool::new(requests),
            answers: Pool::new(answers),
            waiting: Arc::new(Budget::new(answers / RESERVES)),
            connections: Mutex::default(),
            started: Instant::now(),
        }
    }

    fn pool(&self, kind: HolderKind) -> &Pool {
        match kind {
            HolderKind::Request => &self.requests,
            HolderKind::Answer => &self.answers,
        }
    }

    /// Returns the time on the clock of progress, in milliseconds.
    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }

    /// Returns the longest time for which one of the answers of a connection has made no progress.
    pub(super) fn answer_stall(&self, connection: &ConnectionMemory) -> Duration {
        connection.stall(HolderKind::Answer, self.now()).unwrap_or_default()
    }

    /// Returns the size of the largest body that there can ever be room for.
    pub(super) fn largest_body(&self) -> usize {
        self.requests.common.limit()
    }

    /// Takes memory for a connection; `None` if it exceeds the limit or the share of the connection.
    pub(super) fn take(
        self: &Arc<Memory>,
        connection: &Arc<ConnectionMemory>,
        kind: HolderKind,
        bytes: usize,
        is_control: bool,
    ) -> Option<HeldMemory> {
        let pool = self.pool(kind);
        self.register(connection);
        let mut holdings = connection.holdings();
        if !pool.is_within_share(holdings.bytes(kind), bytes) {
            return None;
        }
        let reservation = pool.take(kind, bytes, is_control)?;
        let holding = Arc::new(Holding { kind, since: AtomicU64::new(self.now()) });
        holdings.list.push(holding.clone());
        holdings.add(kind, bytes);
        drop(holdings);
        Some(HeldMemory { memory: self.clone(), connection: connection.clone(), holding, reservation })
    }

    /// Takes memory for a request as soon as there is room.
    pub(super) async fn take_for_request(
        self: &Arc<Memory>,
        connection: &Arc<ConnectionMemory>,
        bytes: usize,
        is_control: bool,
    ) -> HeldMemory {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(held) = self.take(connection, HolderKind::Request, bytes, is_control) {
                return held;
            }
            self.wait_for_room(HolderKind::Request, &mut pause).await;
        }
    }

    /// Takes memory for what is there already, and can wait a short time for room; `None` without room.
    pub(super) async fn take_in_time(
        self: &Arc<Memory>,
        connection: &Arc<ConnectionMemory>,
        kind: HolderKind,
        bytes: usize,
        is_control: bool,
    ) -> Option<HeldMemory> {
        let held = self.take(connection, kind, bytes, is_control);
        if held.is_some() {
            return held;
        }
        let is_within_share = self.pool(kind).is_within_share(connection.holdings().bytes(kind), bytes);
        let _waiting = if is_within_share { self.waiting.take(bytes) } else { None }?;
        let (started, mut pause) = (Instant::now(), FIRST_PAUSE);
        while started.elapsed() < PATIENCE {
            self.wait_for_room(kind, &mut pause).await;
            let held = self.take(connection, kind, bytes, is_control);
            if held.is_some() {
                return held;
            }
        }
        None
    }

    async fn wait_for_room(&self, kind: HolderKind, pause: &mut Duration) {
        if self.pool(kind).is_due(self.now()) {
            self.close_longest_stalled(kind);
        }
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
    }

    /// Closes the connection that has stalled longest while it holds memory of a kind. One is closed at a time, so that no more end than
    /// needed.
    fn close_longest_stalled(&self, kind: HolderKind) {
        let connections = lock(&self.connections);
        let now = self.now();
        let mut longest: Option<(Duration, Arc<ConnectionMemory>)> = None;
        for connection in connections.iter().filter_map(Weak::upgrade) {
            let Some(stall) = connection.stall(kind, now) else { continue };
            match connection.closed_at.load(Ordering::Relaxed) {
                0 => {}
                at if now.saturating_sub(at) < millis(STALLED) => return,
                // Its memory is still needed by what does not end with it.
                _ => continue,
            }
            if stall >= STALLED && longest.as_ref().is_none_or(|(longest, _)| stall > *longest) {
                longest = Some((stall, connection));
            }
        }
        if let Some((_, connection)) = longest {
            connection.closed_at.store(now.max(1), Ordering::Relaxed);
            connection.closing.notify_one();
        }
    }

    /// Remembers a connection that takes memory for the first time.
    fn register(&self, connection: &Arc<ConnectionMemory>) {
        if connection.is_registered.load(Ordering::Relaxed) || connection.is_registered.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut connections = lock(&self.connections);
        if connections.len() == connections.capacity() {
            connections.retain(|connection| connection.strong_count() > 0);
            let spare = connections.len().max(16);
            connections.reserve(spare);
        }
        connections.push(Arc::downgrade(connection));
    }
}

/// Memory of one connection.
#[derive(Debug, Default)]
pub(super) struct ConnectionMemory {
    holdings: Mutex<Holdings>,
    is_registered: AtomicBool,
    /// Time at which it was asked to close; 0 if it was not.
    closed_at: AtomicU64,
    closing: Notify,
}

#[derive(Debug, Default)]
struct Holdings {
    list: Vec<Arc<Holding>>,
    requests: usize,
    answers: usize,
}

/// Memory of one request or answer.
#[derive(Debug)]
struct Holding {
    kind: HolderKind,
    /// Time of its last progress. It is in the future while the server itself pauses.
    since: AtomicU64,
}

impl ConnectionMemory {
    /// Completes when the connection is to be closed, because it has stalled longest of all.
    pub(super) async fn closing(&self) {
        self.closing.notified().await;
    }

    /// Returns whether an answer has made progress within a time.
    pub(super) fn has_progressed(&self, memory: &Memory, within: Duration) -> bool {
        let past = memory.now().saturating_sub(millis(within));
        self.holdings().list.iter().any(|holding| holding.since.load(Ordering::Relaxed) >= past)
    }

    fn stall(&self, kind: HolderKind, now: u64) -> Option<Duration> {
        let holdings = self.holdings();
        let of_kind = holdings.list.iter().filter(|holding| holding.kind == kind);
        let since = of_kind.map(|holding| holding.since.load(Ordering::Relaxed)).min()?;
        Some(Duration::from_millis(now.saturating_sub(since)))
    }

    fn holdings(&self) -> MutexGuard<'_, Holdings> {
        lock(&self.holdings)
    }
}

impl Holdings {
    fn bytes(&self, kind: HolderKind) -> usize {
        match kind {
            HolderKind::Request => self.requests,
            HolderKind::Answer => self.answers,
        }
    }

    fn add(&mut self, kind: HolderKind, bytes: usize) {
        match kind {
            HolderKind::Request => self.requests += bytes,
            HolderKind::Answer => self.answers += bytes,
        }
    }

    fn remove(&mut self, kind: HolderKind, bytes: usize) {
        match kind {
            HolderKind::Request => self.requests -= bytes,
            HolderKind::Answer => self.answers -= bytes,
        }
    }
}

/// Memory that a connection holds, until the value is dropped.
#[derive(Debug)]
pub(super) struct HeldMemory {
    memory: Arc<Memory>,
    connection: Arc<ConnectionMemory>,
    holding: Arc<Holding>,
    reservation: Reservation,
}

impl HeldMemory {
    pub(super) fn bytes(&self) -> usize {
        self.reservation.bytes()
    }

    /// Takes more memory; `false`, and no change, if it exceeds the limit or the share of the connection.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let kind = self.holding.kind;
        let mut holdings = self.connection.holdings();
        let others = holdings.bytes(kind) - self.reservation.bytes();
        let is_held = self.memory.pool(kind).is_within_share(others, self.reservation.bytes().saturating_add(bytes))
            && self.reservation.grow(bytes);
        if is_held {
            holdings.add(kind, bytes);
        }
        is_held
    }

    /// Takes more memory for a request as soon as there is room.
    pub(super) async fn grow_when_possible(&mut self, bytes: usize) {
        let mut pause = FIRST_PAUSE;
        while !self.grow(bytes) {
            self.memory.wait_for_room(self.holding.kind, &mut pause).await;
        }
    }

    /// Returns a handle that records progress.
    pub(super) fn progress(&self) -> Progress {
        Progress { holding: self.holding.clone(), started: self.memory.started }
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        let mut holdings = self.connection.holdings();
        // The oldest is mostly the first to go.
        if let Some(index) = holdings.list.iter().position(|holding| Arc::ptr_eq(holding, &self.holding)) {
            holdings.list.remove(index);
        }
        holdings.remove(self.holding.kind, self.reservation.bytes());
    }
}

/// Records the progress of a request or answer.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    holding: Arc<Holding>,
    started: Instant,
}

impl Progress {
    /// Records progress now.
    pub(super) fn record(&self) {
        self.record_after(Duration::ZERO);
    }

    /// Records that the next progress depends on the server alone, until it is recorded again.
    pub(super) fn suspend(&self) {
        self.record_after(Duration::MAX);
    }

    /// Records progress, the next of which cannot come before a pause of the server.
    pub(super) fn record_after(&self, pause: Duration) {
        self.holding.since.store(millis(self.started.elapsed()).saturating_add(millis(pause)), Ordering::Relaxed);
    }
}

/// An answer whose memory is held until it is sent or dropped.
struct HeldAnswer {
    bytes: Bytes,
    _held: HeldMemory,
}

impl AsRef<[u8]> for HeldAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the bytes of an answer, whose memory is held until their last piece is dropped.
pub(super) fn with_memory(bytes: Bytes, held: HeldMemory) -> Bytes {
    Bytes::from_owner(HeldAnswer { bytes, _held: held })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Locks a mutex. Nothing panics while one is locked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use HolderKind::{Answer, Request};

    fn is_closing(connection: &ConnectionMemory) -> bool {
        connection.closed_at.load(Ordering::Relaxed) > 0
    }

    fn connection() -> Arc<ConnectionMemory> {
        Arc::default()
    }

    #[test]
    fn one_answer_alone_may_be_larger_than_the_limit() {
        let memory = Arc::new(Memory::new(1600, 1600));
        let take = |bytes, is_control| memory.take(&connection(), Answer, bytes, is_control);
        let alone = take(5000, true);
        assert!(alone.is_some());
        for is_control in [true, false] {
            assert!(take(5000, is_control).is_none(), "{is_control}");
        }
        // The reserve is for what is smaller.
        assert!(take(100, true).is_some() && take(100, false).is_none() && take(101, true).is_none());
        drop(alone);
        assert!(take(5000, false).is_some());
    }

    #[test]
    fn an_answer_is_held_until_its_last_piece_is_dropped() {
        let memory = Arc::new(Memory::new(0, 160));
        let one = connection();
        let take =
            |bytes: usize| memory.take(&one, Answer, bytes, false).map(|held| with_memory(Bytes::from(vec![0; bytes]), held));
        let single = take(1000).expect("a single answer may take more");
        assert!(take(1).is_none() && take(1000).is_none());
        let piece = single.slice(..1);
        drop(single);
        assert!(take(1).is_none(), "a piece keeps the whole");
        drop(piece);
        assert_eq!((memory.answers.common.used(), one.holdings().answers), (0, 0));
        assert!(take(1).is_some());
    }

    #[test]
    fn a_connection_has_a_share_once_half_is_used() {
        let memory = Arc::new(Memory::new(160, 160));
        for kind in [Request, Answer] {
            let connections = [connection(), connection(), connection(), connection()];
            let take = |number: usize| memory.take(&connections[number], kind, 10, false);
            let mut held = Vec::new();
            let counts = [0, 1, 2, 3].map(|number| {
                let before = held.len();
                held.extend(std::iter::from_fn(|| take(number)));
                held.len() - before
            });
            // Half for the first, a quarter for each further one, and the rest; a sixteenth is the reserve.
            assert_eq!(counts, [8, 4, 3, 0], "{kind:?}");
            let reserved = memory.take(&connections[3], kind, 10, true).expect("the control API has a reserve");
            assert!(memory.take(&connection(), kind, 1, true).is_none());
            drop(reserved);
            held.truncate(1);
            assert!(!held[0].grow(160) && held[0].grow(70) && held[0].bytes() == 80);
        }
    }

    #[tokio::test]
    async fn the_connection_that_has_stalled_longest_makes_room() {
        let memory = Arc::new(Memory::new(160, 160));
        let (old, recent, newcomer) = (connection(), connection(), connection());
        let one = memory.take(&old, Request, 70, false).unwrap();
        let other = memory.take(&recent, Request, 70, false).unwrap();
        let later = Duration::from_secs(3);
        one.progress().record_after(Duration::ZERO);
        assert!(memory.take(&newcomer, Request, 20, false).is_none());
        memory.close_longest_stalled(Request);
        assert!(!is_closing(&old), "it has not stalled for a second");
        other.progress().record_after(later);
        tokio::time::sleep(STALLED).await;
        memory.close_longest_stalled(Answer);
        assert!(!is_closing(&old), "it holds no memory of this kind");
        let room = tokio::spawn({
            let memory = memory.clone();
            async move { memory.take_for_request(&newcomer, 20, false).await.bytes() }
        });
        tokio::time::timeout(Duration::from_secs(10), old.closing()).await.unwrap();
        assert!(!is_closing(&recent));
        drop(one);
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), room).await.unwrap().unwrap(), 20);
    }

    #[test]
    fn a_request_that_the_server_works_on_has_not_stalled() {
        let memory = Arc::new(Memory::new(160, 160));
        let one = connection();
        let held = memory.take(&one, Request, 70, false).unwrap();
        let later = memory.now() + millis(STALLED) * 10;
        assert!(one.stall(Request, later).is_some_and(|stall| stall > STALLED));
        held.progress().suspend();
        assert_eq!(one.stall(Request, later), Some(Duration::ZERO));
        held.progress().record();
        assert!(one.stall(Request, later).is_some_and(|stall| stall > STALLED));
    }

    #[test]
    fn many_that_wait_search_no_more_often_than_one() {
        let pool = Pool::new(160);
        let pause = millis(FIRST_PAUSE);
        assert!(pool.is_due(pause) && !pool.is_due(pause) && !pool.is_due(2 * pause - 1) && pool.is_due(2 * pause));
    }

    #[tokio::test]
    async fn an_answer_waits_for_room_and_not_for_its_own_connection() {
        let memory = Arc::new(Memory::new(160, 160));
        let (one, other) = (connection(), connection());
        let held: Vec<HeldMemory> = std::iter::from_fn(|| memory.take(&one, Answer, 10, false)).collect();
        let started = Instant::now();
        assert!(memory.take_in_time(&one, Answer, 10, false).await.is_none());
        assert!(started.elapsed() < PATIENCE, "it is over its share");
        let rest = memory.take(&other, Answer, 70, false).unwrap();
        drop(held);
        let waiting = tokio::spawn({
            let (memory, one) = (memory.clone(), one.clone());
            async move { memory.take_in_time(&one, Answer, 10, false).await.is_some() }
        });
        drop(rest);
        assert!(waiting.await.unwrap());
    }
}
