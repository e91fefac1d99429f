//! Trees: a root set and all that its entities contain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::collection::Collection;
use super::share::{TreeBaseline, TreeShare};
use super::{CollectionAddress, StoreFull};
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
    pub(super) fn empty(budget: Arc<Budget>) -> Tree {
        let share = Arc::new(TreeShare::new(budget));
        let root = Collection::empty_root(share.clone());
        Tree { root, contained: RwLock::default(), baseline: Arc::default(), share }
    }

    /// Returns a tree with the entities of a baseline.
    pub(super) fn over(baseline: Arc<TreeBaseline>, budget: Arc<Budget>) -> Tree {
        let share = Arc::new(TreeShare::new(budget));
        let root = Collection::over(baseline.root.clone(), share.clone());
        Tree { root, contained: RwLock::default(), baseline, share }
    }

    pub(super) fn contained(&self, address: &CollectionAddress) -> Arc<Collection> {
        if let Some(collection) = self.contained.read().unwrap_or_else(PoisonError::into_inner).get(address) {
            return collection.clone();
        }
        let create = || {
            let baseline = self.baseline.contained.get(address).cloned().unwrap_or_default();
            Arc::new(Collection::contained(baseline, self.share.clone()))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        contained.entry(address.clone()).or_insert_with(create).clone()
    }

    /// Returns the addresses of the contained collections.
    pub(super) fn addresses(&self) -> BTreeSet<CollectionAddress> {
        let in_use = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        in_use.keys().chain(self.baseline.contained.keys()).cloned().collect()
    }

    pub(super) fn empty_within(&self, entity: &str) {
        let is_within = |address: &CollectionAddress| {
            let rest = address.holder.as_deref().and_then(|holder| holder.strip_prefix(entity));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        let count = contained.len();
        contained.retain(|address, _| !is_within(address));
        // An empty collection stays, to hide the baseline.
        let mut hidden = self.baseline.contained.keys().filter(|address| is_within(address)).peekable();
        if contained.len() < count || hidden.peek().is_some() {
            let empty = || Arc::new(Collection::contained(Arc::default(), self.share.clone()));
            contained.extend(hidden.map(|address| (address.clone(), empty())));
            self.share.record_change();
        }
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
        Ok(Arc::new(TreeBaseline { root, contained }))
    }

    /// Returns the bytes that the end of the tree would give back.
    pub(super) fn returnable(&self) -> usize {
        let contained = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        let own: usize = contained.values().map(|collection| collection.returnable()).sum();
        let is_shared = Arc::strong_count(&self.baseline) > 1;
        let baselines = std::iter::once(&self.baseline.root).chain(self.baseline.contained.values());
        let initial: usize = if is_shared { 0 } else { baselines.map(|baseline| baseline.returnable()).sum() };
        self.root.returnable() + own + initial
    }
}
