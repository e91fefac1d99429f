//! The texts of properties that no two entities of a collection can share, and the keys of the entities that have them.
//!
//! A property is indexed when it is first asked for, since most collections are never written to. From then on each change of the collection
//! keeps the index: a look-up costs the same however many entities there are. What it finds is compared by the caller, as an entity can
//! have changed meanwhile, and different texts can have one hash. Initial entities are in the index of their baseline, which all worlds
//! share.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::edm::file_name::folded;
use crate::edm::schema::Slot;
use crate::edm::value::{Complex, Value};
use crate::world::budget::Budget;

/// The bytes of an entry.
const ENTRY_BYTES: usize = 64;

/// The keys of the entities with a text, mostly one.
#[derive(Debug)]
enum Keys {
    One(Arc<str>),
    Several(Vec<Arc<str>>),
    /// More than are compared one by one.
    Many(BTreeSet<Arc<str>>),
}

/// The number of keys that are compared one by one.
const FEW: usize = 8;

#[derive(Debug, Default)]
struct Index {
    /// The indexed properties, and whether all entities are in the index.
    slots: Vec<(Slot, bool)>,
    /// The keys by the hash of the slot and of the text, in lower case.
    keys: HashMap<u64, Keys, foldhash::fast::RandomState>,
    /// Keys of the hashes, so that clients cannot choose texts of one hash.
    hashes: RandomState,
    /// The number of entries.
    count: usize,
}

impl Index {
    fn add(&mut self, budget: &Budget, slot: Slot, text: &str, key: &Arc<str>) {
        let hash = self.hashes.hash_one((slot, folded(text)));
        match self.keys.entry(hash) {
            Entry::Vacant(vacant) => drop(vacant.insert(Keys::One(key.clone()))),
            Entry::Occupied(mut occupied) => match occupied.get_mut() {
                Keys::One(known) if known == key => return,
                Keys::One(known) => {
                    let known = known.clone();
                    occupied.insert(Keys::Several(vec![known, key.clone()]));
                }
                Keys::Several(known) if known.contains(key) => return,
                Keys::Several(known) if known.len() < FEW => known.push(key.clone()),
                Keys::Several(known) => {
                    let known = known.drain(..).chain([key.clone()]).collect();
                    occupied.insert(Keys::Many(known));
                }
                Keys::Many(known) => {
                    if !known.insert(key.clone()) {
                        return;
                    }
                }
            },
        }
        self.count += 1;
        budget.change(ENTRY_BYTES, 0);
    }

    fn remove(&mut self, budget: &Budget, slot: Slot, text: &str, key: &str) {
        let hash = self.hashes.hash_one((slot, folded(text)));
        let Entry::Occupied(mut occupied) = self.keys.entry(hash) else { return };
        match occupied.get_mut() {
            Keys::One(known) if **known == *key => drop(occupied.remove()),
            Keys::One(_) => return,
            Keys::Several(known) => {
                let Some(index) = known.iter().position(|known| **known == *key) else { return };
                known.swap_remove(index);
                if known.is_empty() {
                    occupied.remove();
                }
            }
            Keys::Many(known) => {
                if !known.remove(key) {
                    return;
                }
                if known.is_empty() {
                    occupied.remove();
                }
            }
        }
        self.count -= 1;
        budget.change(0, ENTRY_BYTES);
    }
}

/// The index of a collection, if one was asked for.
#[derive(Debug, Default)]
pub(super) struct Values(OnceLock<Box<Mutex<Index>>>);

impl Values {
    /// Whether a property is indexed.
    pub(super) fn knows(&self, slot: Slot) -> bool {
        self.0.get().is_some_and(|index| lock(index).slots.contains(&(slot, true)))
    }

    /// Begins to index a property: from now on each change is recorded.
    pub(super) fn begin(&self, slot: Slot) {
        let mut index = lock(self.0.get_or_init(Box::default));
        if !index.slots.iter().any(|(known, _)| *known == slot) {
            index.slots.push((slot, false));
        }
    }

    /// Adds the texts of an entity that was there before.
    pub(super) fn learn(&self, budget: &Budget, slot: Slot, key: &Arc<str>, values: &Complex) {
        let Some(index) = self.0.get() else { return };
        let mut index = lock(index);
        for text in texts(values.get(slot)) {
            index.add(budget, slot, text, key);
        }
    }

    /// Records that all entities are in the index.
    pub(super) fn finish(&self, slot: Slot) {
        let Some(index) = self.0.get() else { return };
        for (known, is_whole) in &mut lock(index).slots {
            *is_whole |= *known == slot;
        }
    }

    /// Returns the keys of entities that can have a text, given in lower case.
    pub(super) fn keys_with(&self, slot: Slot, text: &str) -> Vec<Arc<str>> {
        let Some(index) = self.0.get() else { return Vec::new() };
        let index = lock(index);
        match index.keys.get(&index.hashes.hash_one((slot, text.to_owned()))) {
            None => Vec::new(),
            Some(Keys::One(key)) => vec![key.clone()],
            Some(Keys::Several(keys)) => keys.clone(),
            Some(Keys::Many(keys)) => keys.iter().cloned().collect(),
        }
    }

    /// Records the change of an entity. Without an index nothing is done.
    pub(super) fn change(&self, budget: &Budget, key: &Arc<str>, before: Option<&Complex>, after: Option<&Complex>) {
        let Some(index) = self.0.get() else { return };
        let mut index = lock(index);
        for place in 0..index.slots.len() {
            let slot = index.slots[place].0;
            let [before, after] = [before, after].map(|values| values.map_or(&Value::Null, |values| values.get(slot)));
            if before == after {
                continue;
            }
            for text in texts(before) {
                index.remove(budget, slot, text, key);
            }
            for text in texts(after) {
                index.add(budget, slot, text, key);
            }
        }
    }

    /// Returns the bytes that the index takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.get().map_or(0, |index| lock(index).count * ENTRY_BYTES)
    }
}

/// Nothing panics between the changes of an index.
fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a text, or the texts of a collection.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &Arc<str>> {
    let (one, several) = match value {
        Value::String(_) => (Some(value), &[][..]),
        Value::Collection(items) => (None, &**items),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(several).filter_map(|value| if let Value::String(text) = value { Some(text) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_follows_the_changes_and_gives_its_memory_back() {
        let (budget, values, slot) = (Budget::new(1 << 20), Values::default(), Slot::at(0));
        let with = |text: &str| Complex::with(Value::String(text.into()));
        let key = |name: &str| -> Arc<str> { name.into() };
        values.change(&budget, &key("early"), None, Some(&with("a")));
        assert!(!values.knows(slot) && values.keys_with(slot, "a").is_empty());
        values.begin(slot);
        assert!(!values.knows(slot));
        values.learn(&budget, slot, &key("early"), &with("A"));
        values.learn(&budget, slot, &key("early"), &with("A"));
        values.finish(slot);
        assert!(values.knows(slot) && !values.knows(Slot::at(1)));
        assert_eq!(values.keys_with(slot, "a"), [key("early")]);
        values.change(&budget, &key("late"), None, Some(&with("a")));
        assert_eq!((values.keys_with(slot, "a").len(), values.bytes(), budget.used()), (2, 2 * ENTRY_BYTES, 2 * ENTRY_BYTES));
        values.change(&budget, &key("early"), Some(&with("a")), Some(&with("B")));
        assert_eq!((values.keys_with(slot, "a"), values.keys_with(slot, "b")), (vec![key("late")], vec![key("early")]));
        values.change(&budget, &key("late"), Some(&with("a")), None);
        values.change(&budget, &key("early"), Some(&with("B")), None);
        assert_eq!((values.keys_with(slot, "a").len(), values.bytes(), budget.used()), (0, 0, 0));
        let both = Complex::with(Value::Collection(vec![Value::String("X".into()), Value::String("y".into())].into()));
        values.change(&budget, &key("many"), None, Some(&both));
        assert_eq!([values.keys_with(slot, "x").len(), values.keys_with(slot, "y").len()], [1, 1]);
    }
}
