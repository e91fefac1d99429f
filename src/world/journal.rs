//! The journal of a tenant: what was asked and answered, bounded by count and by bytes.
//!
//! Writing is on the path of every request, so an entry copies what it keeps, one behind the other, and of headers that nearly every answer
//! has it keeps only the values that differ. It keeps nothing of the HTTP library: a kept header map or address would pin the
//! connection's read buffers. Reading is for tests and people; secrets and tokens are replaced then, unless somebody asks for them.

mod ring;
mod verify;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};

use crate::edm::date_time::DateTimeOffset;
use crate::edm::pattern::{Pattern, names_id};
use crate::edm::schema::SetId;
use crate::edm::value::Entity;
use crate::odata::headers::StandardHeaders;
use crate::text::exchange::{self, Exchange};
use crate::text::redact::{mask_body, mask_headers, mask_target};
use ring::{Ring, Texts};

pub use verify::{Expectation, Times, VerificationReport};

/// How much a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many entries; with 0 nothing is kept.
    pub entries: usize,
    /// How many bytes the entries take together, a quarter of them per shard. One body takes at most a sixteenth; what is longer is cut.
    pub bytes: usize,
}

impl Bounds {
    /// Nothing is kept.
    pub const OFF: Bounds = Bounds { entries: 0, bytes: 0 };
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { entries: 1_000, bytes: 32 * 1024 * 1024 }
    }
}

/// How many bytes the journals of all tenants of a process may take together.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// Returns a budget of so many bytes.
    pub fn new(limit: usize) -> Budget {
        Budget { limit, used: AtomicUsize::new(0) }
    }

    fn is_spent(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Writes down that a journal has become larger or smaller. Mostly it has not, and memory that all cores use is left alone.
    fn change(&self, added: usize, removed: usize) {
        if added > removed {
            self.used.fetch_add(added - removed, Ordering::Relaxed);
        } else if removed > added {
            self.used.fetch_sub(removed - added, Ordering::Relaxed);
        }
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new(256 * 1024 * 1024)
    }
}

/// What is written down of one request.
#[derive(Debug)]
pub struct JournalRecord<'r> {
    /// The time of the request on the tenant's clock.
    pub time: SystemTime,
    /// The method.
    pub method: &'r Method,
    /// Path and query, without a tenant's prefix.
    pub target: &'r str,
    /// The headers of the request.
    pub request_headers: &'r HeaderMap,
    /// The body of the request.
    pub request_body: &'r [u8],
    /// The status of the answer; nothing if there was none.
    pub status: Option<StatusCode>,
    /// The headers of the answer.
    pub response_headers: &'r HeaderMap,
    /// The standard headers, if the response has no others.
    pub standard_headers: Option<&'r StandardHeaders>,
    /// The body of the answer.
    pub response_body: &'r [u8],
    /// What decided.
    pub decided: Decided,
    /// What became of an entity, if the request changed one.
    pub changed: Option<EntityChange>,
}

/// What became of an entity.
#[derive(Clone, Debug)]
pub struct EntityChange {
    /// The collection of the entity.
    pub set: SetId,
    /// The entity as it was; nothing if the request created it.
    pub before: Option<Arc<Entity>>,
    /// The entity as it became; nothing if the request removed it.
    pub after: Option<Arc<Entity>>,
}

/// What decided the answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The row of the table of refusals, if the request was refused.
    pub refused_by: Option<&'static str>,
    /// What else there is to say of the refusal.
    pub detail: Option<Box<str>>,
    /// The rules of faults that struck.
    pub faults: Option<Box<str>>,
    /// How the connection ended, if the answer did not arrive whole.
    pub ended_by: Option<&'static str>,
    /// The request id of the batch of which the request was an item.
    pub batch: Option<Box<str>>,
}

/// A copy of an entry, to be read.
#[derive(Debug)]
struct JournalEntry {
    number: u64,
    time: SystemTime,
    method: Method,
    status: Option<StatusCode>,
    texts: Texts,
    decided: Decided,
    changed: Option<EntityChange>,
}

/// An entry as it is read.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The number of the request in its tenant; the first is 1.
    pub number: u64,
    /// The time of the request on the tenant's clock.
    pub time: SystemTime,
    /// The request and its answer, with number, time and what decided as comments.
    pub exchange: Exchange,
    /// What decided.
    pub decided: Decided,
    /// What became of an entity, if the request changed one.
    pub changed: Option<EntityChange>,
}

/// Which entries are asked for. What is not set fits every entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalQuery {
    /// The method.
    pub method: Option<Method>,
    /// Whom it was sent to. What is verified are requests to Graph, unless this says otherwise.
    pub to: Option<Destination>,
    /// The path, without a tenant's prefix.
    pub path: Option<Pattern>,
    /// The id of an entity that the path names.
    pub id: Option<String>,
    /// The status of the answer.
    pub status: Option<RangeInclusive<u16>>,
    /// Not before this time.
    pub since: Option<SystemTime>,
    /// Before this time.
    pub until: Option<SystemTime>,
    /// Only so many, the latest.
    pub limit: Option<usize>,
}

/// Whom the request of an entry was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A client asked the emulator.
    Graph,
    /// The emulator asked a connector.
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

    /// Finds the one of a name.
    pub fn from_name(name: &str) -> Option<Destination> {
        Destination::ALL.into_iter().find(|to| to.name() == name)
    }
}

/// The comment of an entry of a call to a connector where it is printed.
pub const CALL: &str = "a call to a connector";

/// What the comment of a request within a batch begins with where it is printed.
pub const IN_BATCH: &str = "in the batch ";

/// Whether secrets and tokens are shown where a journal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// They are replaced.
    Hidden,
    /// They are shown.
    Shown,
}

/// The journal of a tenant.
///
/// It has a few shards, so that threads that write at once do not wait for each other, nor for memory that another core has just written.
/// Each entry has a number in the order of all; a shard drops what is older than the bounds allow when it is written to.
#[derive(Debug)]
pub struct Journal {
    bounds: Bounds,
    budget: Arc<Budget>,
    /// How many entries there have ever been.
    count: Count,
    /// The number of the last entry that was forgotten on request.
    forgotten: AtomicU64,
    shards: [Shard; SHARDS],
}

/// How many shards there are. Empty ones are small, and a tenant that one client uses has one that is not.
const SHARDS: usize = 4;

/// A counter that shares no cache line with what all cores only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicU64);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Ring>);

/// Gives each thread a shard in turn.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The shard that this thread writes to.
    static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
}

impl Journal {
    /// Returns an empty journal. Others may share its budget: when that is spent, each keeps what it has and adds nothing to it.
    pub fn new(bounds: Bounds, budget: Arc<Budget>) -> Journal {
        Journal { bounds, budget, count: Count::default(), forgotten: AtomicU64::new(0), shards: Default::default() }
    }

    /// Returns an empty journal with the same bounds and the same budget.
    #[must_use]
    pub fn another(&self) -> Journal {
        Journal::new(self.bounds, self.budget.clone())
    }

    /// Whether anything is kept: if not, nothing need be gathered for it.
    pub fn is_on(&self) -> bool {
        self.bounds.entries > 0
    }

    /// Writes a request down.
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
        // The entry itself stays, so that what has just happened can always be looked at.
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

    /// Returns the number of the oldest entry that the bounds allow, if `count` is the latest.
    fn oldest(&self, count: u64) -> u64 {
        let most = u64::try_from(self.bounds.entries).unwrap_or(u64::MAX);
        (count.saturating_sub(most)).max(self.forgotten.load(Ordering::Relaxed)) + 1
    }

    /// Forgets all entries. Numbers go on, so that nobody takes a new request for an old one.
    pub fn clear(&self) {
        self.forgotten.store(self.count(), Ordering::Relaxed);
        for shard in &self.shards {
            let forgotten = std::mem::take(&mut *shard.ring());
            self.budget.change(0, forgotten.bytes());
        }
    }

    /// Returns how many entries are kept.
    pub fn len(&self) -> usize {
        let oldest = self.oldest(self.count());
        self.shards.iter().map(|shard| shard.ring().count(oldest)).sum()
    }

    /// Whether no entry is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many requests have ever been written down.
    pub fn count(&self) -> u64 {
        self.count.0.load(Ordering::Relaxed)
    }

    /// Returns the entries that fit, the oldest first.
    pub fn query(&self, query: &JournalQuery, secrets: Secrets) -> Vec<Recorded> {
        let mut fitting: Vec<JournalEntry> = self.entries().into_iter().filter(|entry| query.fits(entry)).collect();
        let superfluous = fitting.len().saturating_sub(query.limit.unwrap_or(usize::MAX));
        fitting.drain(..superfluous);
        fitting.iter().map(|entry| entry.read(secrets)).collect()
    }

    /// Returns everything that is kept as exchanges, with secrets hidden: a text for snapshots of tests.
    ///
    /// With a seed and a fixed clock it is the same in every run, so nothing in it needs to be hidden. Links name the port that was
    /// asked: where that differs from run to run, the behavior `base-url` gives them a host of their own.
    pub fn text(&self) -> String {
        print(&self.query(&JournalQuery::default(), Secrets::Hidden))
    }

    /// Checks what is expected of the requests that were made, and says readably what is missing.
    pub fn verify(&self, expectation: &Expectation, secrets: Secrets) -> VerificationReport {
        if !self.is_on() {
            return verify::impossible(expectation, secrets);
        }
        // What was forgotten on request is not missed.
        let count = self.count() - self.forgotten.load(Ordering::Relaxed).min(self.count());
        verify::verify(&self.entries(), count, expectation, secrets)
    }

    /// Copies the entries, in their order.
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

/// Prints entries in the format of exchanges, without the headers of connections: sent to another host they would be wrong, and they
/// differ from run to run with the port.
pub fn print(entries: &[Recorded]) -> String {
    let plain = |entry: &Recorded| {
        let mut exchange = entry.exchange.clone();
        exchange.request.headers = exchange::without_connection(exchange.request.headers);
        exchange.response = exchange.response.map(|response| {
            let headers = exchange::without_connection(response.headers);
            exchange::RecordedResponse { headers, ..response }
        });
        exchange
    };
    let exchanges: Vec<Exchange> = entries.iter().map(plain).collect();
    exchange::write(&exchanges)
}

impl JournalEntry {
    /// Calls to connectors have a whole address for a target.
    fn to(&self) -> Destination {
        let target = self.texts.target();
        if target.starts_with('/') || target == "*" { Destination::Graph } else { Destination::Connector }
    }

    fn path(&self) -> &str {
        let target = self.texts.target();
        let target = match self.to() {
            Destination::Graph => target,
            Destination::Connector => {
                let behind_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
                behind_scheme.find('/').map_or("/", |slash| &behind_scheme[slash..])
            }
        };
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    fn read(&self, secrets: Secrets) -> Recorded {
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
        Recorded {
            number: self.number,
            time: self.time,
            exchange: Exchange { comments: self.comments(), request, response },
            decided: self.decided.clone(),
            changed: self.changed.clone(),
        }
    }

    fn comments(&self) -> Vec<String> {
        let mut comments = vec![format!("request {} at {}", self.number, DateTimeOffset::from(self.time))];
        let Decided { refused_by, detail, faults, ended_by, batch } = &self.decided;
        comments.extend((self.to() == Destination::Connector).then(|| CALL.to_owned()));
        comments.extend(batch.as_ref().map(|batch| format!("{IN_BATCH}{batch}")));
        let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        comments.extend(refused_by.map(|row| format!("refused by {row}{detail}")));
        comments.extend(faults.as_ref().map(|rules| format!("struck by {rules}")));
        comments.extend(ended_by.map(|ending| format!("ended by {ending}")));
        let (request, response) = self.texts.cut();
        comments.extend(request.map(|length| format!("the request's body of {length} bytes is cut here")));
        comments.extend(response.map(|length| format!("the answer's body of {length} bytes is cut here")));
        comments
    }
}

impl JournalQuery {
    fn fits(&self, entry: &JournalEntry) -> bool {
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
