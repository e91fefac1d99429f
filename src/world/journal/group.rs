//! All journals of a process: they share one budget, and the idlest gives way.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Shards;
use crate::world::budget::Budget;

/// The shortest time between two searches for idle journals. What was not written to in between is idle.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// The journals that share a budget.
#[derive(Debug)]
pub struct Journals {
    budget: Budget,
    /// The number of searches for idle shards. A shard keeps the number at its last use.
    searches: AtomicU64,
    members: Mutex<Members>,
    search_interval: Duration,
    /// The number of readers that follow them.
    watchers: AtomicUsize,
    /// The number of journals so far.
    serials: AtomicU64,
}

/// A reader that follows the journals, until the value is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Journals>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Members {
    journals: Vec<Weak<Shards>>,
    last_search: Option<Instant>,
}

/// The shards that give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivingWay {
    /// Those that were not used since the search before the last one.
    Idle,
    /// All others than the one that needs room.
    All,
}

impl Journals {
    /// Returns no journals yet, and a budget in bytes for them.
    pub fn new(limit: usize) -> Journals {
        Journals::searching_every(SEARCH_INTERVAL, limit)
    }

    pub(super) fn searching_every(search_interval: Duration, limit: usize) -> Journals {
        let (members, watchers, serials) = (Mutex::default(), AtomicUsize::new(0), AtomicU64::new(0));
        Journals { budget: Budget::new(limit), searches: AtomicU64::new(0), members, search_interval, watchers, serials }
    }

    /// Adds a reader that follows the journals; `None` if there are as many as `limit` already.
    pub(crate) fn watch(self: &Arc<Journals>, limit: usize) -> Option<Watch> {
        let more = |count: usize| (count < limit).then_some(count + 1);
        self.watchers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Watch(self.clone()))
    }

    /// Returns the number of another journal.
    pub(super) fn next_serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the budget.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns the number to keep at a use.
    pub(super) fn searches(&self) -> u64 {
        self.searches.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, journal: &Arc<Shards>) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let journals = &mut members.journals;
        if journals.len() == journals.capacity() {
            journals.retain(|journal| journal.strong_count() > 0);
            journals.reserve(journals.len() + 1);
        }
        journals.push(Arc::downgrade(journal));
    }

    /// Empties shards, the idlest first, until a quarter of the budget is free. The shard at `own` stays.
    ///
    /// No shard may be locked by this thread.
    #[cold]
    pub(super) fn make_room(&self, bytes: usize, giving_way: GivingWay, own: (&Arc<Shards>, usize)) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if self.budget.has_room(bytes) {
            return;
        }
        // A search looks at all journals, so it is made seldom, or it frees much.
        let now = Instant::now();
        let is_early = |last: Instant| now.duration_since(last) < self.search_interval;
        if giving_way == GivingWay::Idle && members.last_search.is_some_and(is_early) {
            return;
        }
        members.last_search = Some(now);
        let latest = self.searches.fetch_add(1, Ordering::Relaxed);
        let mut shards = Vec::new();
        for journal in members.journals.iter().filter_map(Weak::upgrade) {
            for (index, shard) in journal.iter().enumerate() {
                let ring = shard.ring();
                let is_own = index == own.1 && Arc::ptr_eq(&journal, own.0);
                if ring.bytes() > 0 && !is_own && (giving_way == GivingWay::All || ring.last_use() < latest) {
                    shards.push((ring.last_use(), journal.clone(), index));
                }
            }
        }
        // A stable sort: of equally idle shards, those of older journals go first.
        shards.sort_by_key(|(last_use, ..)| *last_use);
        let goal = self.budget.limit() / 4;
        for (_, journal, index) in shards {
            if self.budget.has_room(bytes.max(goal)) {
                break;
            }
            let removed = std::mem::take(&mut *journal[index].ring());
            self.budget.change(0, removed.bytes());
        }
    }
}
