//! The links of a tree by the entities that they lead to.
//!
//! Those of a baseline never change and are found once; a tree records how its own differ. Both may name links that are gone, such as
//! those that a request in flight has stored within a deleted entity, so a reader looks them up.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use super::baseline::Baseline;
use super::{CollectionAddress, EntityAddress};
use crate::world::budget::Budget;

/// The bytes of the record of a link.
const LINK_BYTES: usize = 192;

/// The collection that has a link, and the key of it.
type Place = (CollectionAddress, Arc<str>);

/// The collections of which a link differs: the key of an added one; `None` for a removed one.
type Changed = BTreeMap<CollectionAddress, Option<Arc<str>>>;

/// The links of a baseline.
#[derive(Debug, Default)]
pub(super) struct LinkIndex {
    /// The collections that have a link to an entity, and the key of the link.
    by_target: HashMap<Arc<EntityAddress>, Vec<Place>, RandomState>,
}

impl LinkIndex {
    pub(super) fn of(collections: &BTreeMap<CollectionAddress, Arc<Baseline>>) -> LinkIndex {
        let mut index = LinkIndex::default();
        for (address, baseline) in collections {
            for entity in baseline.entities() {
                let Some(target) = entity.linked() else { continue };
                index.by_target.entry(target.clone()).or_default().push((address.clone(), entity.key.clone()));
            }
        }
        index
    }
}

/// The links of a tree that differ from those of its baseline.
#[derive(Debug, Default)]
pub(super) struct LinkChanges {
    by_target: Mutex<HashMap<EntityAddress, Changed, RandomState>>,
}

impl LinkChanges {
    pub(super) fn add(&self, budget: &Budget, target: &EntityAddress, place: &CollectionAddress, key: &Arc<str>) {
        self.set(budget, target, place, Some(key.clone()));
    }

    /// Records that a link is gone. `is_initial`: whether the baseline has it.
    pub(super) fn remove(&self, budget: &Budget, target: &EntityAddress, place: &CollectionAddress, is_initial: bool) {
        if is_initial {
            return self.set(budget, target, place, None);
        }
        let mut changes = self.by_target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut occupied) = changes.entry(target.clone()) {
            if occupied.get_mut().remove(place).is_some() {
                budget.change(0, LINK_BYTES);
            }
            if occupied.get().is_empty() {
                occupied.remove();
            }
        }
    }

    /// Returns the bytes of the records.
    pub(super) fn bytes(&self) -> usize {
        let changes = self.by_target.lock().unwrap_or_else(PoisonError::into_inner);
        changes.values().map(|places| places.len() * LINK_BYTES).sum()
    }

    fn set(&self, budget: &Budget, target: &EntityAddress, place: &CollectionAddress, key: Option<Arc<str>>) {
        let mut changes = self.by_target.lock().unwrap_or_else(PoisonError::into_inner);
        let places = match changes.entry(target.clone()) {
            Entry::Occupied(occupied) => occupied.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(BTreeMap::new()),
        };
        if places.insert(place.clone(), key).is_none() {
            budget.change(LINK_BYTES, 0);
        }
    }

    /// Whether there may be links.
    pub(super) fn may_have_some(&self, baseline: &LinkIndex) -> bool {
        !baseline.by_target.is_empty() || !self.by_target.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns the key of the link to an entity in a collection.
    pub(super) fn key_in(&self, baseline: &LinkIndex, place: &CollectionAddress, target: &EntityAddress) -> Option<Arc<str>> {
        let changes = self.by_target.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = changes.get(target).and_then(|places| places.get(place)) {
            return changed.clone();
        }
        // Collections are in order, as they were read.
        let initial = baseline.by_target.get(target).map_or(&[][..], Vec::as_slice);
        let first = initial.partition_point(|(other, _)| other < place);
        initial.get(first).filter(|(other, _)| other == place).map(|(_, key)| key.clone())
    }

    /// Returns the links to an entity, those of the baseline first.
    pub(super) fn links_to(&self, baseline: &LinkIndex, target: &EntityAddress) -> Vec<Place> {
        let changes = self.by_target.lock().unwrap_or_else(PoisonError::into_inner);
        let places = changes.get(target);
        let initial = baseline.by_target.get(target).map_or(&[][..], Vec::as_slice);
        let is_unchanged = |place: &CollectionAddress| places.is_none_or(|places| !places.contains_key(place));
        let kept = initial.iter().filter(|(place, _)| is_unchanged(place)).cloned();
        let added = places.into_iter().flatten().filter_map(|(place, key)| Some((place.clone(), key.clone()?)));
        kept.chain(added).collect()
    }
}
