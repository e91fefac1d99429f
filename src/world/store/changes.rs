//! The changes of a collection since a client first asked for them.
//!
//! A collection records nothing until then. Afterwards it keeps the last change of each key, and of each link of its entities, up to a number of
//! them, and the changes after a position are found in the time that they take to read. Who asks from before the oldest change must begin again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::{CollectionAddress, EntityAddress};
use crate::world::budget::Budget;

/// The bytes of the record of a key or of a link.
const CHANGE_BYTES: usize = 320;

/// The largest number of keys and links in a record: deleted entities are in it too, and would use up the memory of all stores in time.
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
    /// The last change of each thing.
    numbers: HashMap<Changed, u64, RandomState>,
    things: BTreeMap<u64, Changed>,
}

/// A thing that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// The entity with a key.
    Entity(Arc<str>),
    /// A link of an entity of the collection: the collection of the links, and what the link leads to.
    Link(Arc<(CollectionAddress, EntityAddress)>),
}

/// The changes of a collection, if they are recorded.
#[derive(Debug, Default)]
pub(super) struct Changes {
    is_recorded: AtomicBool,
    record: Mutex<Record>,
}

impl Changes {
    /// Records the change of an entity, if a client has asked for changes.
    pub(super) fn add(&self, budget: &Budget, key: &Arc<str>) {
        if self.is_recorded.load(Ordering::Acquire) {
            self.record(budget, Changed::Entity(key.clone()));
        }
    }

    /// Records that an entity has another link, or one less, if a client has asked for changes.
    pub(super) fn add_link(&self, budget: &Budget, links: &CollectionAddress, target: &EntityAddress) {
        if self.is_recorded.load(Ordering::Acquire) {
            self.record(budget, Changed::Link(Arc::new((links.clone(), target.clone()))));
        }
    }

    fn record(&self, budget: &Budget, changed: Changed) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.count += 1;
        let number = record.count;
        match record.numbers.insert(changed.clone(), number) {
            Some(before) => drop(record.things.remove(&before)),
            None => budget.change(CHANGE_BYTES, 0),
        }
        record.things.insert(number, changed);
        if record.numbers.len() > KEYS
            && let Some((number, changed)) = record.things.pop_first()
        {
            record.numbers.remove(&changed);
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

    /// Returns what has changed since a position, at most `limit` things, each with the position after its change. `None` if the position is
    /// one of another record, or if later changes were dropped.
    pub(super) fn after(&self, position: ChangePosition, limit: usize) -> Option<Vec<(u64, Changed)>> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = record.id == position.record && (record.dropped..=record.count).contains(&position.number);
        if !self.is_recorded.load(Ordering::Acquire) || !is_known {
            return None;
        }
        let after = record.things.range(position.number.saturating_add(1)..);
        Some(after.take(limit).map(|(number, changed)| (*number, changed.clone())).collect())
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
        assert_eq!((all.len(), &all[0].1), (KEYS, &Changed::Entity(key(0))));
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
