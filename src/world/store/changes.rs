//! The changes of a collection since a client first asked for them.
//!
//! A collection records nothing until then. Afterwards it keeps the last change of each key, so the record is no larger than the
//! number of keys, and the changes after a position are found in the time that they take to read.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::world::budget::Budget;

/// The bytes of the record of a key.
const CHANGE_BYTES: usize = 192;

/// A position in the changes of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    /// The number of the record. A collection that takes the place of another one has a record of its own.
    pub record: u64,
    /// The number of changes before it.
    pub number: u64,
}

#[derive(Debug, Default)]
struct Record {
    id: u64,
    /// The number of changes.
    count: u64,
    /// The last change of each key.
    numbers: HashMap<Arc<str>, u64, RandomState>,
    keys: BTreeMap<u64, Arc<str>>,
}

/// The changes of a collection, if they are recorded.
#[derive(Debug, Default)]
pub(super) struct Changes {
    is_recorded: AtomicBool,
    record: Mutex<Record>,
}

impl Changes {
    /// Records a change, if a client has asked for changes.
    pub(super) fn add(&self, budget: &Budget, key: &Arc<str>) {
        if !self.is_recorded.load(Ordering::Acquire) {
            return;
        }
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.count += 1;
        let number = record.count;
        match record.numbers.insert(key.clone(), number) {
            Some(before) => drop(record.keys.remove(&before)),
            None => budget.change(CHANGE_BYTES, 0),
        }
        record.keys.insert(number, key.clone());
    }

    /// Returns the present position, and records changes from now on. `new_id` numbers a new record.
    pub(super) fn position(&self, new_id: impl FnOnce() -> u64) -> ChangePosition {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_recorded.load(Ordering::Acquire) {
            record.id = new_id();
            self.is_recorded.store(true, Ordering::Release);
        }
        ChangePosition { record: record.id, number: record.count }
    }

    /// Returns the keys that have changed since a position, at most `limit` of them, each with the position after its change. `None` if the
    /// position is one of another record.
    pub(super) fn after(&self, position: ChangePosition, limit: usize) -> Option<Vec<(u64, Arc<str>)>> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_recorded.load(Ordering::Acquire) || record.id != position.record || position.number > record.count {
            return None;
        }
        let after = record.keys.range(position.number.saturating_add(1)..);
        Some(after.take(limit).map(|(number, key)| (*number, key.clone())).collect())
    }

    /// Returns the bytes of the record.
    pub(super) fn bytes(&self) -> usize {
        if !self.is_recorded.load(Ordering::Acquire) {
            return 0;
        }
        self.record.lock().unwrap_or_else(PoisonError::into_inner).numbers.len() * CHANGE_BYTES
    }
}
