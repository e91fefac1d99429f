//! Initial entities that many collections share.

use std::collections::{HashMap, hash_map};
use std::ops::Deref;
use std::sync::Arc;

use super::CollectionAddress;
use super::entity::StoredEntity;
use crate::world::budget::Budget;

/// The bytes of an entity in a baseline.
pub(crate) const BASELINE_BYTES: usize = 64;

/// Entities that collections share until they change them, copied on write.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    entities: Vec<Arc<StoredEntity>>,
    indexes: HashMap<Arc<str>, usize>,
    /// `None` without entities.
    budget: Option<Arc<Budget>>,
}

impl Baseline {
    /// Returns a baseline, for which `reserved` bytes were taken from the budget. It takes what it holds beyond that. Of two entities with
    /// one key the first is used.
    pub(super) fn new(entities: impl IntoIterator<Item = Arc<StoredEntity>>, budget: &Arc<Budget>, reserved: usize) -> Baseline {
        let mut baseline = Baseline { entities: Vec::new(), indexes: HashMap::new(), budget: Some(budget.clone()) };
        let mut held = 0;
        for entity in entities {
            if let hash_map::Entry::Vacant(vacant) = baseline.indexes.entry(entity.key.clone()) {
                vacant.insert(baseline.entities.len());
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
        let index = *self.indexes.get(key)?;
        Some((number_of(index), &self.entities[index]))
    }

    /// Returns the bytes that the end of the baseline would give back.
    pub(super) fn returnable(&self) -> usize {
        self.entities.iter().map(|entity| entity.returnable() + BASELINE_BYTES).sum()
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.change(0, self.entities.iter().map(|entity| entity.uncount_holder() + BASELINE_BYTES).sum());
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
