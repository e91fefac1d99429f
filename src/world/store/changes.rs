//! The changes of a collection since a client first asked for them.
//!
//! A collection records nothing until then. Afterwards it keeps the last change of each key, up to a number of keys, and the changes after a
//! position are found in the time that they take to read. Who asks from before the oldest change must begin again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::world::budget::Budget;

/// The bytes of the record of a key.
const CHANGE_BYTES: usize = 192;

/// The largest number of keys in a record: deleted entities are in it too, and would use up the memory of all stores in time.
const KEYS: usize = if cfg!(test) { 100 } else { 100_000 };

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
    /// The number of the newest change that was dropped.
    dropped: u64,
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
        if record.numbers.len() > KEYS
            && let Some((number, key)) = record.keys.pop_first()
        {
            record.numbers.remove(&key);
            record.dropped = number;
            budget.change(0, CHANGE_BYTES);
        }
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
    /// position is one of another record, or if later changes were dropped.
    pub(super) fn after(&self, position: ChangePosition, limit: usize) -> Option<Vec<(u64, Arc<str>)>> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = record.id == position.record && (record.dropped..=record.count).contains(&position.number);
        if !self.is_recorded.load(Ordering::Acquire) || !is_known {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_the_last_changes_of_a_number_of_keys() {
        let (changes, budget) = (Changes::default(), Budget::new(1 << 20));
        let start = changes.position(|| 7);
        let key = |number: usize| Arc::from(number.to_string());
        (0..KEYS).for_each(|number| changes.add(&budget, &key(number)));
        let all = changes.after(start, usize::MAX).unwrap();
        assert_eq!((all.len(), &*all[0].1), (KEYS, "0"));
        // Another change of a key takes no room.
        changes.add(&budget, &key(0));
        assert_eq!(changes.after(start, usize::MAX).unwrap().len(), KEYS);
        let before = changes.position(|| unreachable!());
        (KEYS..3 * KEYS).for_each(|number| changes.add(&budget, &key(number)));
        assert_eq!(changes.bytes(), KEYS * CHANGE_BYTES);
        assert_eq!((changes.after(start, 1), changes.after(before, 1)), (None, None));
        let newest = ChangePosition { record: 7, number: changes.position(|| unreachable!()).number - 1 };
        assert_eq!(changes.after(newest, 5).unwrap().len(), 1);
    }
}
