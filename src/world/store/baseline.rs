//! Initial entities that many collections share.

use std::collections::{HashMap, hash_map};
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::fast::RandomState;

use super::CollectionAddress;
use super::entity::StoredEntity;
use super::values::texts;
use crate::edm::file_name::folded;
use crate::edm::schema::Slot;
use crate::world::budget::Budget;

/// The bytes of an entity in a baseline.
pub(crate) const BASELINE_BYTES: usize = 64;

/// The bytes of a text in an index.
const TEXT_BYTES: usize = size_of::<IndexedText>();

/// The hash of a text in lower case, and the index of the entity that has it.
type IndexedText = (u64, usize);

/// The entities by the texts of properties.
#[derive(Debug, Default)]
struct Texts {
    /// The texts of each indexed property, by their hashes.
    slots: Mutex<HashMap<Slot, Arc<[IndexedText]>>>,
    /// Held while a property is indexed. Look-ups of others do not wait for it.
    indexing: Mutex<()>,
    /// Keys of the hashes, so that clients cannot choose texts of one hash.
    hashes: hash_map::RandomState,
}

impl Texts {
    /// Nothing panics between the changes.
    fn slots(&self) -> MutexGuard<'_, HashMap<Slot, Arc<[IndexedText]>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        self.slots().values().map(|indexed| indexed.len() * TEXT_BYTES).sum()
    }
}

/// Entities that collections share until they change them, copied on write.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    entities: Vec<Arc<StoredEntity>>,
    indexes: HashMap<Arc<str>, u32, RandomState>,
    /// The texts of properties that were asked for. All collections over the baseline share them.
    texts: OnceLock<Box<Texts>>,
    /// `None` without entities.
    budget: Option<Arc<Budget>>,
}

impl Baseline {
    /// Returns a baseline, for which `reserved` bytes were taken from the budget. It takes what it holds beyond that. Of two entities with
    /// one key the first is used.
    pub(super) fn new(entities: impl IntoIterator<Item = Arc<StoredEntity>>, budget: &Arc<Budget>, reserved: usize) -> Baseline {
        let mut baseline = Baseline::default();
        baseline.budget = Some(budget.clone());
        let mut held = 0;
        let entities = entities.into_iter();
        baseline.entities.reserve_exact(entities.size_hint().0);
        baseline.indexes.reserve(entities.size_hint().0);
        for entity in entities {
            if let hash_map::Entry::Vacant(vacant) = baseline.indexes.entry(entity.key.clone()) {
                vacant.insert(u32::try_from(baseline.entities.len()).expect("the memory is full before"));
                held += entity.count_holder() + BASELINE_BYTES;
                baseline.entities.push(entity);
            }
        }
        budget.change(held, reserved);
        baseline
    }

    /// Returns the entities in the order of their sequence numbers.
    pub(super) fn entities(&self) -> &[Arc<StoredEntity>] {
        &self.entities
    }

    pub(super) fn get(&self, key: &str) -> Option<(u64, &Arc<StoredEntity>)> {
        let index = *self.indexes.get(key)? as usize;
        Some((number_of(index), &self.entities[index]))
    }

    /// Whether the texts of a property are indexed.
    pub(super) fn knows(&self, slot: Slot) -> bool {
        self.entities.is_empty() || self.texts.get().is_some_and(|texts| texts.slots().contains_key(&slot))
    }

    /// Indexes the texts of a property, which takes the time of reading all entities.
    pub(super) fn learn(&self, slot: Slot) {
        let known = self.texts.get_or_init(Box::default);
        let _alone = known.indexing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.knows(slot) {
            return;
        }
        let mut indexed: Vec<IndexedText> = Vec::new();
        for (index, entity) in self.entities.iter().enumerate() {
            indexed.extend(texts(entity.properties.get(slot)).map(|text| (known.hashes.hash_one(folded(text)), index)));
        }
        indexed.sort_unstable();
        if let Some(budget) = &self.budget {
            budget.change(indexed.len() * TEXT_BYTES, 0);
        }
        known.slots().insert(slot, indexed.into());
    }

    /// Returns the keys of entities that can have a text, given in lower case, in an indexed property.
    pub(super) fn keys_with(&self, slot: Slot, text: &str) -> Vec<Arc<str>> {
        let Some(known) = self.texts.get() else { return Vec::new() };
        let Some(indexed) = known.slots().get(&slot).cloned() else { return Vec::new() };
        let hash = known.hashes.hash_one(text);
        let first = indexed.partition_point(|(other, _)| *other < hash);
        let found = indexed[first..].iter().take_while(|(other, _)| *other == hash);
        found.map(|(_, index)| self.entities[*index].key.clone()).collect()
    }

    /// Returns the bytes that the end of the baseline would give back.
    pub(super) fn returnable(&self) -> usize {
        let texts = self.texts.get().map_or(0, |texts| texts.bytes());
        self.entities.iter().map(|entity| entity.returnable() + BASELINE_BYTES).sum::<usize>() + texts
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            let texts = self.texts.get().map_or(0, |texts| texts.bytes());
            budget.change(0, self.entities.iter().map(|entity| entity.uncount_holder() + BASELINE_BYTES).sum::<usize>() + texts);
        }
    }
}

/// Entities outside any collection that count as held.
#[derive(Debug)]
pub(crate) struct HeldEntities {
    entities: Vec<(CollectionAddress, Arc<StoredEntity>)>,
    budget: Arc<Budget>,
}

impl HeldEntities {
    /// Returns entities as held, beyond the limit of the budget if need be.
    pub(crate) fn new(entities: Vec<(CollectionAddress, Arc<StoredEntity>)>, budget: &Arc<Budget>) -> HeldEntities {
        budget.change(entities.iter().map(|(_, entity)| entity.count_holder()).sum(), 0);
        HeldEntities { entities, budget: budget.clone() }
    }
}

impl Deref for HeldEntities {
    type Target = [(CollectionAddress, Arc<StoredEntity>)];

    fn deref(&self) -> &Self::Target {
        &self.entities
    }
}

impl Drop for HeldEntities {
    fn drop(&mut self) {
        self.budget.change(0, self.entities.iter().map(|(_, entity)| entity.uncount_holder()).sum());
    }
}

/// Returns the sequence number of an index in a baseline.
pub(super) fn number_of(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}
