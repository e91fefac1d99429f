//! The changes of a collection since a client first asked for them.
//!
//! A collection records nothing until then. Afterwards it keeps the last change of each key, and of each link of its entities, up to a number of
//! them, and the changes after a position are found in the time that they take to read. Who asks from before the oldest change must begin again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::{CollectionAddress, EntityAddress};
use crate::edm::schema::Slot;
use crate::edm::value::Complex;
use crate::world::budget::Budget;

/// The bytes of the record of a key or of a link, with the properties of the entity that have changed.
const CHANGE_BYTES: usize = 640;

/// The largest number of properties of an entity whose changes are distinguished.
const PROPERTIES: usize = 16;

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
    /// The changes of the properties of entities, by key.
    properties: HashMap<Arc<str>, PropertyChanges, RandomState>,
    things: BTreeMap<u64, Changed>,
}

/// The changes of the properties of an entity.
#[derive(Debug, Default)]
struct PropertyChanges {
    /// The number of the last change of all of them, or of more than are distinguished.
    whole: u64,
    /// The number of the last change of each.
    slots: Vec<(Slot, u64)>,
}

impl PropertyChanges {
    fn add(&mut self, number: u64, changed: Option<Vec<Slot>>) {
        let Some(changed) = changed else {
            self.whole = number;
            self.slots.clear();
            return;
        };
        for slot in changed {
            match self.slots.iter().position(|(known, _)| *known == slot) {
                Some(index) => self.slots[index].1 = number,
                None if self.slots.len() < PROPERTIES => self.slots.push((slot, number)),
                None => self.whole = number,
            }
        }
    }
}

/// A thing that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// The entity with a key.
    Entity(Arc<str>),
    /// An entity within those of the collection, at any depth.
    Within(Arc<EntityAddress>),
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
    /// Records the change of an entity, with its values before and after, if a client has asked for changes.
    pub(super) fn add(&self, budget: &Budget, key: &Arc<str>, before: Option<&Complex>, after: Option<&Complex>) {
        if self.is_recorded.load(Ordering::Acquire) {
            let changed = before.zip(after).and_then(|(before, after)| before.changed_slots(after));
            self.record(budget, Changed::Entity(key.clone()), Some(changed));
        }
    }

    /// Whether a client has asked for changes.
    pub(super) fn is_recorded(&self) -> bool {
        self.is_recorded.load(Ordering::Acquire)
    }

    /// Records the change of an entity within those of the collection, if a client has asked for such changes.
    pub(super) fn add_within(&self, budget: &Budget, collection: &CollectionAddress, key: &Arc<str>) {
        if self.is_recorded.load(Ordering::Acquire) {
            let address = EntityAddress { collection: collection.clone(), key: key.clone() };
            self.record(budget, Changed::Within(Arc::new(address)), None);
        }
    }

    /// Records that an entity has another link, or one less, if a client has asked for changes.
    pub(super) fn add_link(&self, budget: &Budget, links: &CollectionAddress, target: &EntityAddress) {
        if self.is_recorded.load(Ordering::Acquire) {
            self.record(budget, Changed::Link(Arc::new((links.clone(), target.clone()))), None);
        }
    }

    #[allow(clippy::option_option, reason = "none for other things than entities; of these, none means all properties")]
    fn record(&self, budget: &Budget, changed: Changed, properties: Option<Option<Vec<Slot>>>) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.count += 1;
        let number = record.count;
        match record.numbers.insert(changed.clone(), number) {
            Some(before) => drop(record.things.remove(&before)),
            None => budget.change(CHANGE_BYTES, 0),
        }
        if let (Some(properties), Changed::Entity(key)) = (properties, &changed) {
            record.properties.entry(key.clone()).or_default().add(number, properties);
        }
        record.things.insert(number, changed);
        if record.numbers.len() > KEYS
            && let Some((number, changed)) = record.things.pop_first()
        {
            record.numbers.remove(&changed);
            if let Changed::Entity(key) = &changed {
                record.properties.remove(key);
            }
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

    /// Whether one of the properties of an entity has changed since a number of changes, or all of it.
    pub(super) fn has_property_changed(&self, key: &str, after: u64, slots: &[Slot]) -> bool {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.properties.get(key).is_none_or(|changes| {
            changes.whole > after || changes.slots.iter().any(|(slot, number)| *number > after && slots.contains(slot))
        })
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
    use crate::edm::value::Value;

    #[test]
    fn a_record_keeps_the_last_changes_of_a_number_of_keys() {
        let (changes, budget) = (Changes::default(), Budget::new(1 << 20));
        let start = changes.position(|| 7);
        let key = |number: usize| Arc::from(number.to_string());
        (0..KEYS).for_each(|number| changes.add(&budget, &key(number), None, None));
        let all = changes.after(start, usize::MAX).unwrap();
        assert_eq!((all.len(), &all[0].1), (KEYS, &Changed::Entity(key(0))));
        // Another change of a key takes no room.
        changes.add(&budget, &key(0), None, None);
        assert_eq!(changes.after(start, usize::MAX).unwrap().len(), KEYS);
        let before = changes.position(|| unreachable!());
        (KEYS..3 * KEYS).for_each(|number| changes.add(&budget, &key(number), None, None));
        assert_eq!(changes.bytes(), KEYS * CHANGE_BYTES);
        assert_eq!((changes.after(start, 1), changes.after(before, 1)), (None, None));
        let newest = ChangePosition { record: 7, number: changes.position(|| unreachable!()).number - 1 };
        assert_eq!(changes.after(newest, 5).unwrap().len(), 1);
    }

    #[test]
    fn changes_of_properties_are_told_apart_up_to_a_number() {
        let (changes, budget) = (Changes::default(), Budget::new(1 << 20));
        let start = changes.position(|| 7).number;
        let key: Arc<str> = "a".into();
        let of = |slots: &[u32], value: i64| {
            let mut values = Complex::default();
            for slot in slots {
                values.set(Slot::at(*slot), Value::Integer(value));
            }
            values
        };
        changes.add(&budget, &key, Some(&of(&[1, 2], 0)), Some(&of(&[1], 0)));
        let has = |after, slot| changes.has_property_changed("a", after, &[Slot::at(slot)]);
        assert_eq!((has(start, 1), has(start, 2)), (false, true));
        let second = changes.position(|| unreachable!()).number;
        changes.add(&budget, &key, Some(&of(&[1], 0)), Some(&of(&[1], 1)));
        assert_eq!((has(second, 1), has(second, 2), has(start, 2)), (true, false, true));
        let many: Vec<u32> = (10..30).collect();
        changes.add(&budget, &key, Some(&of(&many, 0)), Some(&of(&many, 1)));
        assert_eq!((has(second, 29), has(second, 3)), (true, true));
        let last = changes.position(|| unreachable!()).number;
        assert!(!has(last, 1));
        changes.add(&budget, &key, None, Some(&of(&[1], 1)));
        assert!(has(last, 5));
    }
}
