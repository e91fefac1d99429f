//! Trees: a root set and all that its entities contain.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::{Arc, PoisonError, RwLock};

use super::baseline::Baseline;
use super::collection::{COLLECTION_BYTES, Collection};
use super::entity::StoredEntity;
use super::share::{TreeBaseline, TreeShare};
use super::{CollectionAddress, EntityAddress, StoreFull};
use crate::edm::schema::SetId;
use crate::world::budget::Budget;

/// A root set's collection, and the collections within its entities. Stores can share one.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Collection,
    /// The contained collections that are in use.
    contained: RwLock<BTreeMap<CollectionAddress, Arc<Collection>>>,
    baseline: Arc<TreeBaseline>,
    pub(super) share: Arc<TreeShare>,
}

impl Tree {
    /// Returns a tree without entities.
    pub(super) fn empty(set: SetId, budget: Arc<Budget>) -> Tree {
        let share = Arc::new(TreeShare::new(budget));
        let root = Collection::empty_root(set, share.clone());
        Tree { root, contained: RwLock::default(), baseline: Arc::default(), share }
    }

    /// Returns a tree with the entities of a baseline, of a store for most of the clients or for a few.
    pub(super) fn over(set: SetId, baseline: Arc<TreeBaseline>, budget: Arc<Budget>, is_for_all: bool) -> Tree {
        let share = Arc::new(TreeShare::new(budget));
        let root = Collection::over(set, baseline.root.clone(), share.clone(), is_for_all);
        Tree { root, contained: RwLock::default(), baseline, share }
    }

    /// Returns a contained collection, if it is in use.
    pub(super) fn contained(&self, address: &CollectionAddress) -> Option<Arc<Collection>> {
        self.contained.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    /// Returns an entity of a contained collection.
    pub(super) fn entity(&self, address: &CollectionAddress, key: &str) -> Option<Arc<StoredEntity>> {
        match self.contained(address) {
            Some(collection) => collection.get(key),
            None => self.baseline.contained.get(address)?.get(key).map(|(_, entity)| entity.clone()),
        }
    }

    /// Returns the entities of a contained collection, in their order.
    pub(super) fn entities(&self, address: &CollectionAddress) -> Vec<Arc<StoredEntity>> {
        match (self.contained(address), self.baseline.contained.get(address)) {
            (Some(collection), _) => collection.list(),
            (None, initial) => initial.map(|initial| initial.entities().to_vec()).unwrap_or_default(),
        }
    }

    /// Returns a contained collection that is not in use, as it is now.
    pub(super) fn view(&self, address: &CollectionAddress) -> Collection {
        Collection::view(self.initial(address), self.share.clone())
    }

    /// Returns a contained collection to change it, if there is room for it and `more` bytes within.
    pub(super) fn contained_to_change(&self, address: &CollectionAddress, more: usize) -> Result<Arc<Collection>, StoreFull> {
        if let Some(collection) = self.contained(address) {
            return Ok(collection);
        }
        match self.contained.write().unwrap_or_else(PoisonError::into_inner).entry(address.clone()) {
            Entry::Occupied(occupied) => Ok(occupied.get().clone()),
            Entry::Vacant(vacant) => {
                let reserved = COLLECTION_BYTES + more;
                if !self.share.budget.add(reserved, 0) {
                    return Err(self.share.full());
                }
                let collection = Arc::new(Collection::contained(address.clone(), self.initial(address), self.share.clone()));
                self.share.budget.change(0, reserved);
                Ok(vacant.insert(collection).clone())
            }
        }
    }

    /// Returns a contained collection for initial entities, beyond the limit if need be.
    pub(super) fn contained_initial(&self, address: &CollectionAddress) -> Arc<Collection> {
        let create = || Arc::new(Collection::contained(address.clone(), self.initial(address), self.share.clone()));
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        contained.entry(address.clone()).or_insert_with(create).clone()
    }

    /// Whether a contained collection has initial entities.
    pub(super) fn has_initial(&self, address: &CollectionAddress) -> bool {
        self.baseline.contained.contains_key(address)
    }

    fn initial(&self, address: &CollectionAddress) -> Arc<Baseline> {
        self.baseline.contained.get(address).cloned().unwrap_or_default()
    }

    /// Returns the addresses of the contained collections.
    pub(super) fn addresses(&self) -> BTreeSet<CollectionAddress> {
        let in_use = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        in_use.keys().chain(self.baseline.contained.keys()).cloned().collect()
    }

    /// Empties the collections within a deleted entity, at any depth. Returns the addresses of the entities that they had, without links.
    pub(super) fn empty_within(&self, entity: &str) -> Vec<EntityAddress> {
        let mut removed = Vec::new();
        let mut note = |address: &CollectionAddress, entities: &[Arc<StoredEntity>]| {
            let own = entities.iter().filter(|entity| entity.linked().is_none());
            removed.extend(own.map(|entity| EntityAddress { collection: address.clone(), key: entity.key.clone() }));
        };
        let is_within = |address: &CollectionAddress| {
            let rest = address.holder.as_deref().and_then(|holder| holder.strip_prefix(entity));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        let count = contained.len();
        let is_recorded = self.share.nested_changes.is_recorded();
        let record = |address: &CollectionAddress, entities: &[Arc<StoredEntity>]| {
            for entity in entities {
                self.share.nested_changes.add_within(&self.share.budget, address, &entity.key);
            }
        };
        let mut in_use = BTreeSet::new();
        contained.retain(|address, collection| {
            let is_kept = !is_within(address);
            if !is_kept {
                collection.record_unlinks();
                let entities = collection.list();
                note(address, &entities);
                in_use.insert(address.clone());
                if is_recorded {
                    record(address, &entities);
                }
            }
            is_kept
        });
        // An empty collection stays, to hide the baseline.
        let mut hidden = self.baseline.contained.keys().filter(|address| is_within(address)).peekable();
        if contained.len() < count || hidden.peek().is_some() {
            let mut empty = |address: &CollectionAddress| {
                let initial = self.initial(address);
                if !in_use.contains(address) {
                    note(address, initial.entities());
                }
                for target in initial.entities().iter().filter_map(|entity| entity.linked()) {
                    self.share.record_unlink(target, address, true);
                }
                if is_recorded && !in_use.contains(address) {
                    record(address, initial.entities());
                }
                Arc::new(Collection::contained(address.clone(), Arc::default(), self.share.clone()))
            };
            contained.extend(hidden.map(|address| (address.clone(), empty(address))));
            self.share.record_change();
        }
        removed
    }

    /// Returns the links in the tree to any of these entities: the collections that have them, and their keys.
    pub(super) fn links_to_any(&self, targets: &[EntityAddress]) -> Vec<(CollectionAddress, Arc<str>)> {
        if !self.share.has_links(&self.baseline) {
            return Vec::new();
        }
        targets.iter().flat_map(|target| self.links_to(target)).collect()
    }

    /// Returns the links in the tree to an entity: the collections that have them, and their keys.
    pub(super) fn links_to(&self, target: &EntityAddress) -> Vec<(CollectionAddress, Arc<str>)> {
        self.share.links_to(&self.baseline, target)
    }

    /// Returns the key of the link to an entity in a collection. It may be gone.
    pub(super) fn link_key(&self, place: &CollectionAddress, target: &EntityAddress) -> Option<Arc<str>> {
        self.share.link_key(&self.baseline, place, target)
    }

    /// Returns a collection of these entities, to read it.
    pub(super) fn view_of(&self, entities: Vec<Arc<StoredEntity>>) -> Collection {
        let baseline = Baseline::new(entities, &self.share.budget, 0);
        Collection::view(Arc::new(baseline), self.share.clone())
    }

    /// Returns the entities as they are, which other trees can share. They are collected once for each state of the tree.
    pub(super) fn collect(&self) -> Result<Arc<TreeBaseline>, StoreFull> {
        if !self.share.has_changed() {
            return Ok(self.baseline.clone());
        }
        self.share.collected(|| self.collect_now())
    }

    fn collect_now(&self) -> Result<Arc<TreeBaseline>, StoreFull> {
        let root = self.root.collect()?;
        let in_use: Vec<(CollectionAddress, Arc<Collection>)> = {
            let contained = self.contained.read().unwrap_or_else(PoisonError::into_inner);
            contained.iter().map(|(address, collection)| (address.clone(), collection.clone())).collect()
        };
        let mut contained = self.baseline.contained.clone();
        for (address, collection) in in_use {
            let baseline = collection.collect()?;
            if baseline.entities().is_empty() {
                contained.remove(&address);
            } else {
                contained.insert(address, baseline);
            }
        }
        Ok(Arc::new(TreeBaseline::of(root, contained)))
    }

    /// Returns the bytes that the end of the tree would give back. `initial` are the store's own initial entities of it, and whether other
    /// stores share them.
    pub(super) fn returnable(&self, initial: Option<&Arc<TreeBaseline>>, others_share: bool) -> usize {
        let contained = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        let own: usize = contained.values().map(|collection| collection.returnable()).sum();
        let is_own = initial.is_some_and(|initial| Arc::ptr_eq(initial, &self.baseline));
        let is_shared = (is_own && others_share) || Arc::strong_count(&self.baseline) > 1 + usize::from(is_own);
        let baselines = std::iter::once(&self.baseline.root).chain(self.baseline.contained.values());
        let initial: usize = if is_shared { 0 } else { baselines.map(|baseline| baseline.returnable()).sum() };
        self.root.returnable() + own + initial + self.share.link_bytes()
    }
}
