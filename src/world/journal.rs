//! The journal of a world: requests and answers, bounded by count and by bytes.
//!
//! Every request writes an entry, so its texts are copied into one buffer, and of the standard response headers only the variable
//! values. Types of the HTTP library are not stored: a header map or address would pin the connection's read buffers. Secrets and
//! tokens are redacted when entries are read, unless requested.

mod ring;
mod verify;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};

use crate::edm::pattern::{Pattern, names_id};
use crate::edm::schema::SetId;
use crate::odata::headers::StandardHeaders;
use crate::text::exchange::{self, Exchange};
use crate::text::redact::{mask_body, mask_headers, mask_target};
use crate::world::budget::Budget;
use crate::world::clock;
use crate::world::store::StoredEntity;
use ring::{Ring, Texts};

pub use verify::{Expectation, Times, VerificationReport};

/// The limits of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest number of entries; 0 turns the journal off.
    pub entries: usize,
    /// The size of all entries in bytes, a quarter of it per shard. A body longer than a sixteenth of it is truncated.
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
    /// The standard headers, if the response has no others.
    pub standard_headers: Option<&'r StandardHeaders>,
    /// The body of the answer.
    pub response_body: &'r [u8],
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
    pub before: Option<Arc<StoredEntity>>,
    /// The entity after; `None` if deleted.
    pub after: Option<Arc<StoredEntity>>,
}

/// The cause of an answer that is not the plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerCause {
    /// The name of the refusal, if refused.
    pub refused_by: Option<&'static str>,
    /// Details of the refusal.
    pub detail: Option<Box<str>>,
    /// The fault rules that applied.
    pub faults: Option<Box<str>>,
    /// The end of the connection, if the answer was incomplete.
    pub ended_by: Option<&'static str>,
    /// The request id of the enclosing batch.
    pub batch: Option<Box<str>>,
}

/// A copy of an entry.
#[derive(Debug)]
struct JournalEntry {
    number: u64,
    time: SystemTime,
    method: Method,
    status: Option<StatusCode>,
    texts: Texts,
    decided: AnswerCause,
    changed: Option<EntityChange>,
}

/// An entry as an exchange.
#[derive(Clone, Debug)]
pub struct JournalExchange {
    /// The number of the request in its world, from 1.
    pub number: u64,
    /// The time of the request on the world's clock.
    pub time: SystemTime,
    /// The request and its answer, with number, time and cause as comments.
    pub exchange: Exchange,
    /// The cause of the answer.
    pub decided: AnswerCause,
    /// The change of an entity, if any.
    pub changed: Option<EntityChange>,
}

/// A filter of entries. Fields that are not set match every entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalQuery {
    /// The method.
    pub method: Option<Method>,
    /// The destination. Verification defaults to requests to Graph.
    pub to: Option<Destination>,
    /// The path, without the prefix of a world.
    pub path: Option<Pattern>,
    /// The id of an entity in the path.
    pub id: Option<String>,
    /// The status of the answer.
    pub status: Option<RangeInclusive<u16>>,
    /// The earliest time.
    pub since: Option<SystemTime>,
    /// The end of the time range, exclusive.
    pub until: Option<SystemTime>,
    /// The largest number of entries, the latest ones.
    pub limit: Option<usize>,
}

/// The destination of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The emulator, called by a client.
    Graph,
    /// A connector, called by the emulator.
    Connector,
}

impl Destination {
    const ALL: [Destination; 2] = [Destination::Graph, Destination::Connector];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Destination::Graph => "graph",
            Destination::Connector => "connector",
        }
    }

    /// Returns the destination with a name.
    pub fn from_name(name: &str) -> Option<Destination> {
        Destination::ALL.into_iter().find(|to| to.name() == name)
    }
}

/// The comment on a printed call to a connector.
pub(crate) const CALL: &str = "a call to a connector";

/// The beginning of the comment on a printed request within a batch.
pub(crate) const IN_BATCH: &str = "in the batch ";

/// The treatment of secrets and tokens when a journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Redacted.
    Hidden,
    /// Readable.
    Shown,
}

/// The journal of a world.
///
/// It has a few shards, so that concurrent writers wait neither for each other nor for memory that another core has just written.
/// Entries are numbered across shards; a shard drops entries beyond the bounds when it is written to.
#[derive(Debug)]
pub struct Journal {
    bounds: Bounds,
    budget: Arc<Budget>,
    /// The number of entries ever recorded.
    count: EntryCounter,
    /// The number of the last cleared entry.
    cleared: AtomicU64,
    shards: [Shard; SHARDS],
}

/// The number of shards. Empty ones are small, and a world with one client uses one.
const SHARDS: usize = 4;

/// A counter on a cache line of its own, apart from data that all cores only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct EntryCounter(AtomicU64);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Ring>);

/// Assigns shards to threads in turn.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard of this thread.
    static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

impl Journal {
    /// Returns an empty journal. Journals can share a budget; once it is spent, none of them grows.
    pub fn new(bounds: Bounds, budget: Arc<Budget>) -> Journal {
        Journal { bounds, budget, count: EntryCounter::default(), cleared: AtomicU64::new(0), shards: Default::default() }
    }

    /// Returns an empty journal with the same bounds and the same budget.
    #[must_use]
    pub fn another(&self) -> Journal {
        Journal::new(self.bounds, self.budget.clone())
    }

    /// Returns whether entries are recorded.
    pub fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    /// Records a request.
    pub fn record(&self, record: JournalRecord<'_>) {
        if !self.is_on() {
            return;
        }
        let is_spent = self.budget.is_spent();
        let mut ring = self.shards[SHARD.with(|shard| *shard)].ring();
        let number = self.count.0.fetch_add(1, Ordering::Relaxed) + 1;
        let oldest = self.oldest(number);
        let added = ring.push(number, record, self.bounds.bytes / 16);
        let mut removed = 0;
        // The new entry itself stays, so that the latest request can always be inspected.
        while ring.len() > 1
            && (ring.bytes() > self.bounds.bytes / SHARDS
                || is_spent && removed < added
                || ring.oldest().is_some_and(|number| number < oldest))
        {
            removed += ring.pop();
        }
        drop(ring);
        self.budget.change(added, removed);
    }

    /// Returns the number of the oldest entry within the bounds, if `count` is the latest.
    fn oldest(&self, count: u64) -> u64 {
        let limit = u64::try_from(self.bounds.entries).unwrap_or(u64::MAX);
        (count.saturating_sub(limit)).max(self.cleared.load(Ordering::Relaxed)) + 1
    }

    /// Removes all entries. Numbers continue, so that a new request is not mistaken for an old one.
    pub fn clear(&self) {
        self.cleared.store(self.count(), Ordering::Relaxed);
        for shard in &self.shards {
            let removed = std::mem::take(&mut *shard.ring());
            self.budget.change(0, removed.bytes());
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
        let mut matching: Vec<JournalEntry> = self.entries().into_iter().filter(|entry| query.matches(entry)).collect();
        let excess = matching.len().saturating_sub(query.limit.unwrap_or(usize::MAX));
        matching.drain(..excess);
        matching.iter().map(|entry| entry.to_exchange(secrets)).collect()
    }

    /// Returns all entries as exchanges, with secrets redacted: a text for snapshots of tests.
    ///
    /// With a seed and a fixed clock it is the same in every run. Links contain the port of the request; if it varies, the behavior
    /// `base-url` sets their host.
    pub fn text(&self) -> String {
        print(&self.query(&JournalQuery::default(), Secrets::Hidden))
    }

    /// Verifies an expectation of the recorded requests, and reports the differences.
    pub fn verify(&self, expectation: &Expectation, secrets: Secrets) -> VerificationReport {
        if !self.is_on() {
            return verify::impossible(expectation, secrets);
        }
        // Cleared entries do not count as dropped.
        let count = self.count() - self.cleared.load(Ordering::Relaxed).min(self.count());
        verify::verify(&self.entries(), count, expectation, secrets)
    }

    /// Copies the entries in order.
    fn entries(&self) -> Vec<JournalEntry> {
        let oldest = self.oldest(self.count());
        let mut entries = Vec::new();
        for shard in &self.shards {
            entries.extend(shard.ring().entries(oldest));
        }
        entries.sort_unstable_by_key(|entry| entry.number);
        entries
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

/// Prints entries in the format of exchanges, without connection headers: they vary with the port, and are wrong for another host.
pub fn print(entries: &[JournalExchange]) -> String {
    let portable = |entry: &JournalExchange| {
        let mut exchange = entry.exchange.clone();
        exchange.request.headers = exchange::without_connection(exchange.request.headers);
        exchange.response = exchange.response.map(|response| {
            let headers = exchange::without_connection(response.headers);
            exchange::RecordedResponse { headers, ..response }
        });
        exchange
    };
    let exchanges: Vec<Exchange> = entries.iter().map(portable).collect();
    exchange::write(&exchanges)
}

impl JournalEntry {
    /// Returns the destination: calls to connectors have an absolute URL as target.
    fn to(&self) -> Destination {
        let target = self.texts.target();
        if target.starts_with('/') || target == "*" { Destination::Graph } else { Destination::Connector }
    }

    fn path(&self) -> &str {
        let target = self.texts.target();
        let target = match self.to() {
            Destination::Graph => target,
            Destination::Connector => {
                let after_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
                after_scheme.find('/').map_or("/", |slash| &after_scheme[slash..])
            }
        };
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    fn to_exchange(&self, secrets: Secrets) -> JournalExchange {
        let hide = secrets == Secrets::Hidden;
        let headers = |headers: Vec<(String, String)>| if hide { mask_headers(headers) } else { headers };
        let body = |bytes: &[u8], headers: &[(String, String)]| {
            if hide { mask_body(bytes, headers) } else { Bytes::copy_from_slice(bytes) }
        };
        let mut request_headers = self.texts.request_headers();
        let mut response_headers = self.texts.response_headers();
        let request_body = body(self.texts.request_body(), &request_headers);
        let response_body = body(self.texts.response_body(), &response_headers);
        request_headers = headers(request_headers);
        response_headers = headers(response_headers);
        let target = if hide { mask_target(self.texts.target()) } else { self.texts.target().to_owned() };
        let request =
            exchange::RecordedRequest { method: self.method.clone(), target, headers: request_headers, body: request_body };
        let response =
            self.status.map(|status| exchange::RecordedResponse { status, headers: response_headers, body: response_body });
        JournalExchange {
            number: self.number,
            time: self.time,
            exchange: Exchange { comments: self.comments(), request, response },
            decided: self.decided.clone(),
            changed: self.changed.clone(),
        }
    }

    fn comments(&self) -> Vec<String> {
        let mut comments = vec![format!("request {} at {}", self.number, clock::utc(self.time))];
        let AnswerCause { refused_by, detail, faults, ended_by, batch } = &self.decided;
        comments.extend((self.to() == Destination::Connector).then(|| CALL.to_owned()));
        comments.extend(batch.as_ref().map(|batch| format!("{IN_BATCH}{batch}")));
        let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        comments.extend(refused_by.map(|row| format!("refused by {row}{detail}")));
        comments.extend(faults.as_ref().map(|rules| format!("fault rules: {rules}")));
        comments.extend(ended_by.map(|ending| format!("ended by {ending}")));
        let (request, response) = self.texts.full_lengths();
        comments.extend(request.map(|length| format!("request body truncated, {length} bytes in full")));
        comments.extend(response.map(|length| format!("response body truncated, {length} bytes in full")));
        comments
    }
}

impl JournalQuery {
    fn matches(&self, entry: &JournalEntry) -> bool {
        self.method.as_ref().is_none_or(|method| *method == entry.method)
            && self.status.as_ref().is_none_or(|statuses| entry.status.is_some_and(|status| statuses.contains(&status.as_u16())))
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
            && self.to.is_none_or(|to| to == entry.to())
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(entry.path()))
            && self.id.as_ref().is_none_or(|id| names_id(entry.path(), id))
    }
}

#[cfg(test)]
mod tests;
