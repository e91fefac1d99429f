//! The journal of a world: requests and answers, bounded by count and by bytes.
//!
//! Every request writes an entry, so its texts are copied into one buffer, and of the standard response headers only the variable
//! values. Types of the HTTP library are not stored: a header map or address would pin the connection's read buffers. Secrets and
//! tokens are redacted when entries are read, unless requested.

mod arrival;
mod draft;
mod entry;
mod group;
mod query;
mod recorded;
mod ring;
mod summary;
mod verify;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};

use crate::edm::schema::SetId;
use crate::edm::value::Entity;
use crate::text::exchange::Exchange;
use crate::text::redact::Redactor;
use arrival::Passage;
pub use arrival::{Arrival, Protocol};
use draft::Draft;
use entry::portable;
use group::GivingWay;
use ring::{Buffers, CHUNK_SIZE, DraftSize, JournalEntry, Ring};

pub(crate) use entry::{CALL, IN_BATCH};
pub use entry::{JournalExchange, Secrets, print};
pub use group::Journals;
pub(crate) use group::Watch;
pub use query::{Destination, JournalQuery};
pub(crate) use recorded::RecordedEntry;
pub(crate) use summary::EntrySummary;
pub use verify::{Expectation, TextCondition, Times, VerificationReport};

/// The limits of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest number of entries; 0 turns the journal off.
    pub entries: usize,
    /// The bytes that all entries hold, a quarter of it per shard. A body longer than a sixteenth of it is truncated, a larger entity left
    /// out.
    pub bytes: usize,
}

impl Bounds {
    /// No journal.
    pub const OFF: Bounds = Bounds { entries: 0, bytes: 0 };
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { entries: 1_000, bytes: 32 * 1024 * 1024 }
    }
}

/// The default limit of all journals of a process together, in bytes.
pub(crate) const ALL_BYTES: usize = 256 * 1024 * 1024;

/// A request and its answer, to be recorded.
#[derive(Debug)]
pub struct JournalRecord<'r> {
    /// The time of the request on the world's clock.
    pub time: SystemTime,
    /// The way by which the request came.
    pub arrival: Arrival,
    /// The method.
    pub method: &'r Method,
    /// Path and query, without the prefix of a world.
    pub target: &'r str,
    /// The headers of the request.
    pub request_headers: &'r HeaderMap,
    /// The body of the request.
    pub request_body: &'r [u8],
    /// The status of the answer, if there was one.
    pub status: Option<StatusCode>,
    /// The headers of the answer.
    pub response_headers: &'r HeaderMap,
    /// Whether the answer has the standard headers and no others.
    pub has_standard_headers: bool,
    /// The body of the answer.
    pub response_body: &'r [u8],
    /// The same body with the bytes of its buffer, if it can be kept as it is.
    pub kept_body: Option<(&'r Bytes, usize)>,
    /// The cause of the answer.
    pub decided: AnswerCause,
    /// The change of an entity, if any.
    pub changed: Option<EntityChange>,
}

/// A change of an entity.
#[derive(Clone, Debug)]
pub struct EntityChange {
    /// The collection of the entity.
    pub set: SetId,
    /// The entity before; `None` if created.
    pub before: Option<Arc<Entity>>,
    /// The entity after; `None` if deleted.
    pub after: Option<Arc<Entity>>,
}

/// The cause of an answer that is not the plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerCause {
    /// The name of the refusal, if refused.
    pub refused_by: Option<&'static str>,
    /// Details of the refusal; without one, the stub that has answered a client, or the verdict on the answer of a connector.
    pub detail: Option<Box<str>>,
    /// The fault rules that applied.
    pub faults: Option<Box<str>>,
    /// The end of the connection, if the answer was incomplete.
    pub ended_by: Option<&'static str>,
    /// The request id of the enclosing batch.
    pub batch: Option<Box<str>>,
    /// The number of the request that has caused a call to a connector.
    pub cause: Option<u64>,
    /// Whether a call is to the receiver of a subscription.
    pub is_notification: bool,
    /// Whether the client has taken the emulator for its proxy.
    pub is_proxied: bool,
}

/// The journal of a world.
///
/// It has a few shards, so that concurrent writers wait neither for each other nor for memory that another core has just written.
/// Entries are numbered across shards; a shard drops entries beyond the bounds when it is written to.
#[derive(Debug)]
pub struct Journal {
    bounds: Bounds,
    journals: Arc<Journals>,
    /// The number of the journal among all of the process.
    serial: u64,
    /// The moment from which the times of entries are counted.
    begun: Instant,
    /// The number of entries ever recorded.
    count: EntryCounter,
    /// The number of the last cleared entry.
    cleared: AtomicU64,
    /// The number of the last entry before each change without one.
    outside_changes: Mutex<Vec<u64>>,
    shards: Arc<Shards>,
}

/// The number of shards. Empty ones are small, and a world with one client uses one.
const SHARDS: usize = 4;

type Shards = [Shard; SHARDS];

/// A counter on a cache line of its own, apart from data that all cores only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct EntryCounter(AtomicU64);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Ring>);

/// An entry that is about to be added.
struct Prepared<'r> {
    passage: Passage,
    draft: Draft<'r>,
    size: DraftSize,
    buffers: Buffers,
}

/// Assigns shards to threads in turn.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard of this thread.
    static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

impl Journal {
    /// Returns an empty journal among others that share a budget.
    pub fn new(bounds: Bounds, journals: Arc<Journals>) -> Journal {
        let shards = Arc::default();
        if bounds.entries > 0 {
            journals.add(&shards);
        }
        let serial = journals.next_serial();
        Journal {
            bounds,
            journals,
            serial,
            begun: Instant::now(),
            count: EntryCounter::default(),
            cleared: AtomicU64::new(0),
            outside_changes: Mutex::default(),
            shards,
        }
    }

    /// Returns an empty journal with the same bounds and the same budget.
    #[must_use]
    pub fn another(&self) -> Journal {
        Journal::new(self.bounds, self.journals.clone())
    }

    /// Returns the number of the journal, which no other one of the process has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Returns whether entries are recorded.
    pub fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    /// Returns the length from which on bodies are truncated.
    pub fn body_limit(&self) -> usize {
        self.bounds.bytes / 16
    }

    /// Records a request.
    pub fn record(&self, record: JournalRecord<'_>) {
        if !self.is_on() {
            return;
        }
        let index = SHARD.with(|shard| *shard);
        let mut prepared = self.prepare(record, index);
        let mut ring = self.shards[index].ring();
        let number = self.count.0.fetch_add(1, Ordering::Relaxed) + 1;
        self.push(&mut ring, number, &mut prepared);
    }

    /// Records calls to connectors, and after them the request that has caused them, whose number is their cause.
    pub fn record_with_calls(&self, calls: Vec<JournalRecord<'_>>, record: JournalRecord<'_>) {
        if !self.is_on() {
            return;
        }
        let index = SHARD.with(|shard| *shard);
        // The number is not known yet, but takes the same room.
        let caused =
            calls.into_iter().map(|call| JournalRecord { decided: AnswerCause { cause: Some(0), ..call.decided }, ..call });
        let prepared: Vec<Prepared<'_>> = caused.chain([record]).map(|record| self.prepare(record, index)).collect();
        let length = u64::try_from(prepared.len()).unwrap_or(u64::MAX);
        let mut ring = self.shards[index].ring();
        let last = self.count.0.fetch_add(length, Ordering::Relaxed) + length;
        for (number, mut prepared) in (last + 1 - length..).zip(prepared) {
            if let Some(cause) = &mut prepared.draft.record.decided.cause {
                *cause = last;
            }
            self.push(&mut ring, number, &mut prepared);
        }
    }

    /// Measures an entry, and makes room for it.
    fn prepare<'r>(&self, record: JournalRecord<'r>, index: usize) -> Prepared<'r> {
        let passage = Passage::of(record.arrival, self.begun);
        let mut draft = Draft::new(record, self.body_limit());
        let budget = self.journals.budget();
        let mut size = DraftSize::of(&draft);
        if !budget.has_room(size.in_empty_ring()) {
            self.make_room(&mut draft, index);
            size = DraftSize::of(&draft);
        }
        let limit = self.bounds.bytes / SHARDS;
        let is_tight = !budget.has_room(size.in_empty_ring() + CHUNK_SIZE);
        let buffers = if is_tight { Buffers::Exact } else { Buffers::Of(CHUNK_SIZE.min(limit / 16)) };
        Prepared { passage, draft, size, buffers }
    }

    /// Adds an entry to a shard, and drops those that are beyond the bounds.
    fn push(&self, ring: &mut Ring, number: u64, prepared: &mut Prepared<'_>) {
        let Prepared { passage, draft, size, buffers } = prepared;
        let buffers = *buffers;
        let (budget, limit) = (self.journals.budget(), self.bounds.bytes / SHARDS);
        let oldest = self.oldest(number);
        let before = ring.bytes();
        ring.push(number, *passage, draft, *size, buffers);
        ring.touch(self.journals.searches());
        let is_too_large = |ring: &Ring| {
            let bytes = ring.bytes();
            bytes > limit || bytes > before && !budget.has_room(bytes - before)
        };
        // The new entry itself stays, so that the latest request can always be inspected.
        while ring.len() > 1 && (is_too_large(ring) || ring.oldest().is_some_and(|number| number < oldest)) {
            ring.pop(buffers);
        }
        // The room made for the entry is that of a first one, whose queues are short.
        if ring.len() == 1 && is_too_large(ring) {
            ring.shrink_queues();
        }
        budget.change(ring.bytes(), before);
    }

    /// Makes room for an entry when the budget is spent: idle journals give way, then older entries of the same shard. If they are smaller
    /// than the entry, it is cut.
    #[cold]
    fn make_room(&self, draft: &mut Draft<'_>, index: usize) {
        let own = (&self.shards, index);
        let size = DraftSize::of(draft).in_empty_ring();
        self.journals.make_room(size, GivingWay::Idle, own);
        let older = self.shards[index].ring().bytes();
        if self.journals.budget().has_room(size) || older >= size {
            return;
        }
        draft.cut();
        let size = DraftSize::of(draft).in_empty_ring();
        if older < size {
            self.journals.make_room(size, GivingWay::All, own);
        }
    }

    /// Returns the number of the oldest entry within the bounds, if `count` is the latest.
    fn oldest(&self, count: u64) -> u64 {
        let limit = u64::try_from(self.bounds.entries).unwrap_or(u64::MAX);
        (count.saturating_sub(limit)).max(self.cleared.load(Ordering::Relaxed)) + 1
    }

    /// Removes all entries. Numbers continue, so that a new request is not mistaken for an old one.
    pub fn clear(&self) {
        // Under all locks, so that an entry which is recorded meanwhile is cleared and counts as cleared, or neither.
        let mut rings = self.shards.each_ref().map(Shard::ring);
        self.cleared.store(self.count(), Ordering::Relaxed);
        let removed = rings.each_mut().map(|ring| std::mem::take(&mut **ring));
        drop(rings);
        for ring in &removed {
            self.journals.budget().change(0, ring.bytes());
        }
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        let oldest = self.oldest(self.count());
        self.shards.iter().map(|shard| shard.ring().count(oldest)).sum()
    }

    /// Returns whether the journal is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of requests ever recorded.
    pub fn count(&self) -> u64 {
        self.count.0.load(Ordering::Relaxed)
    }

    /// Returns the matching entries, oldest first.
    pub fn query(&self, query: &JournalQuery, secrets: Secrets) -> Vec<JournalExchange> {
        self.exchanges(query, secrets).collect()
    }

    /// Returns the matching entries one by one, oldest first. Each is copied when it is its turn, so that a reader holds one at a time; an
    /// entry that is dropped before is left out.
    pub fn exchanges<'j>(&'j self, query: &JournalQuery, secrets: Secrets) -> impl Iterator<Item = JournalExchange> + use<'j> {
        self.masked_exchanges(query, secrets).map(|(exchange, _)| exchange)
    }

    /// Returns all entries one by one, oldest first, with their secrets: for readers that show none of them.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = RecordedEntry> {
        self.entries(&JournalQuery::default()).map(RecordedEntry::of)
    }

    /// Returns the target of the entry with a number, with secrets redacted, if it is still there. Secrets are those of the request: an
    /// answer is long, and comes later.
    pub(crate) fn masked_target(&self, number: u64) -> Option<String> {
        let entry = self.shards.iter().find_map(|shard| shard.ring().entry(number))?;
        let request = Exchange { response: None, ..entry.exchange(Secrets::Hidden) };
        Some(Redactor::masking().redact(&request).request.target)
    }

    /// Calls a function with the method and the target of each entry, with secrets, in no order. Bodies are not copied.
    pub(crate) fn for_each_target(&self, mut look: impl FnMut(&Method, &str)) {
        let oldest = self.oldest(self.count());
        for shard in self.shards.iter() {
            shard.ring().for_each_target(oldest, &mut look);
        }
    }

    /// Returns how many entries were dropped for want of room. Cleared ones do not count.
    pub(crate) fn dropped(&self) -> u64 {
        let cleared = self.cleared.load(Ordering::Relaxed);
        let kept: usize = self.shards.iter().map(|shard| shard.ring().count(cleared + 1)).sum();
        self.count().saturating_sub(cleared).saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX))
    }

    /// Whether entries were cleared.
    pub(crate) fn is_cleared(&self) -> bool {
        self.cleared.load(Ordering::Relaxed) > 0
    }

    /// Notes that the world has changed otherwise than by a recorded request.
    pub(crate) fn note_outside_change(&self) {
        if !self.is_on() {
            return;
        }
        let last = self.count();
        let mut changes = self.outside_changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.last().is_none_or(|known| *known < last) {
            changes.push(last);
        }
        if changes.len() > self.bounds.entries {
            let oldest = self.oldest(last);
            changes.retain(|number| *number + 1 >= oldest);
        }
    }

    /// Returns the number of the last entry before each change that no recorded request has made, ascending.
    pub(crate) fn outside_changes(&self) -> Vec<u64> {
        self.outside_changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns entries like [`Journal::exchanges`], each with what masks its secrets in other texts of the entry.
    pub(crate) fn masked_exchanges<'j>(
        &'j self,
        query: &JournalQuery,
        secrets: Secrets,
    ) -> impl Iterator<Item = (JournalExchange, Redactor)> + use<'j> {
        self.entries(query).map(move |entry| entry.to_exchange(secrets))
    }

    /// Returns all entries as exchanges, with secrets redacted: a text for snapshots of tests.
    ///
    /// With a seed and a fixed clock it is the same in every run, and in each world that is created with the seed. Links contain the port
    /// of the request; if it varies, the behavior `base-url` sets their host.
    pub fn text(&self) -> String {
        self.print(&JournalQuery::default(), Secrets::Hidden)
    }

    /// Prints the matching entries, oldest first, as [`print()`] does.
    pub fn print(&self, query: &JournalQuery, secrets: Secrets) -> String {
        let mut text = String::new();
        for entry in self.exchanges(query, secrets) {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = write!(text, "{}", portable(&entry));
        }
        text
    }

    /// Verifies an expectation of the recorded requests, and reports the differences.
    pub fn verify(&self, expectation: &Expectation, secrets: Secrets) -> VerificationReport {
        if !self.is_on() {
            return verify::impossible(expectation, secrets);
        }
        // Cleared entries do not count as dropped.
        let count = self.count() - self.cleared.load(Ordering::Relaxed).min(self.count());
        verify::verify(self.entries(&JournalQuery::default()), count, expectation, secrets)
    }

    /// Verifies that there is a request for each expectation, each after that of the one before.
    pub fn verify_in_order(&self, expectations: &[Expectation], secrets: Secrets) -> VerificationReport {
        if !self.is_on() {
            return verify::impossible(expectations.first().unwrap_or(&Expectation::default()), secrets);
        }
        verify::verify_in_order(|| self.entries(&JournalQuery::default()), expectations, secrets)
    }

    /// Copies the matching entries in order, each when it is its turn.
    fn entries<'j>(&'j self, query: &JournalQuery) -> impl Iterator<Item = JournalEntry> + use<'j> {
        let oldest = self.oldest(self.count());
        let mut matching: Vec<(u64, usize)> = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            matching.extend(shard.ring().matching(oldest, query).map(|number| (number, index)));
        }
        matching.sort_unstable();
        let excess = matching.len().saturating_sub(query.limit.unwrap_or(usize::MAX));
        matching.drain(..excess);
        matching.into_iter().filter_map(|(number, index)| self.shards[index].ring().entry(number))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Shard {
    // Nothing panics while the ring is changed, so a poisoned lock still guards a consistent ring.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
