//! Entities in memory: a constant-time look-up by key, and lists in the order of creation.
//!
//! Each collection is a `DashMap` from key to entity, and an ordered index beside it from sequence number to key. Reading and
//! updating one entity touch the map alone. Creating, deleting and listing take the index too, always *index first, then map*:
//! that is the one lock order.
//!
//! Collections of many worlds may share one [`Baseline`], the initial entities: a collection stores only its changes. The cost of a new
//! collection does not depend on the number of entities.
//!
//! A root set and all that its entities contain are a [`Tree`]. Root collections exist from the start, found by the number of the set.
//! Contained ones are found by the address of their holder, and created on first use. A store that replaces some trees of another one
//! takes over the others as they are, so that no write to them is lost.
//!
//! All collections take the bytes that they hold from one [`Budget`]. An entity is counted once, for its first holder, and given back by
//! its last. Only collections and baselines are holders: a journal that still shows a deleted entity counts it on its own.

mod baseline;
mod collection;
mod entity;
mod share;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::edm::schema::{Schema, SetId};
use crate::world::budget::Budget;
use baseline::Baseline;
use share::TreeBaseline;
use tree::Tree;

pub(crate) use crate::edm::address::CollectionAddress;
pub(crate) use baseline::{BASELINE_BYTES, HeldEntities};
pub(crate) use collection::RECORD_BYTES;
pub(crate) use collection::{Collection, InsertError, StoreUpdate};
pub use entity::StoredEntity;

/// The default limit of all stores of a process together, in bytes: 600,000 ordinary entities, and with the journals' limit still half
/// of a small build machine's memory.
pub(crate) const ALL_BYTES: usize = 1024 * 1024 * 1024;

/// The limit of all stores is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFull {
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store limit reached ({} bytes in all worlds): drop entities or worlds, or raise --store-bytes", self.limit)
    }
}

impl std::error::Error for StoreFull {}

/// All collections of a world.
#[derive(Debug)]
pub struct Store {
    /// The trees of root sets, by the numbers of their sets up to the last root set. Other sets have none here.
    trees: Box<[Option<Arc<Tree>>]>,
    /// The number of the root set above each set.
    roots: Arc<[usize]>,
}

/// A collection of a store.
#[derive(Debug)]
pub enum CollectionRef<'s> {
    /// That of a root set.
    Root(&'s Collection),
    /// One within an entity. It stays usable if the entity is deleted meanwhile, but cannot be found again.
    Contained(Arc<Collection>),
}

impl Deref for CollectionRef<'_> {
    type Target = Collection;

    fn deref(&self) -> &Collection {
        match self {
            CollectionRef::Root(collection) => collection,
            CollectionRef::Contained(collection) => collection,
        }
    }
}

impl Store {
    /// Returns a store with the empty collections of a schema.
    pub fn new(schema: &Schema, budget: &Arc<Budget>) -> Store {
        let tree = |_| Arc::new(Tree::empty(budget.clone()));
        Store { trees: by_root(schema, tree), roots: roots_of(schema) }
    }

    /// Returns a store with the entities of baselines, which many stores can share.
    pub fn over(baselines: &Baselines) -> Store {
        let tree = |baseline: &Arc<TreeBaseline>| Arc::new(Tree::over(baseline.clone(), baselines.budget.clone()));
        let trees = baselines.trees.iter().map(|baseline| baseline.as_ref().map(tree)).collect();
        Store { trees, roots: baselines.roots.clone() }
    }

    /// Returns a store with the entities of baselines in some root sets. All others are those of this store, as they are and will be.
    #[must_use]
    pub fn replaced(&self, baselines: &Baselines, replaced: &[SetId]) -> Store {
        let fresh = Store::over(baselines);
        let mut trees = self.trees.clone();
        for (index, (tree, new)) in trees.iter_mut().zip(fresh.trees).enumerate() {
            if replaced.iter().any(|set| set.index() == index) {
                *tree = new;
            }
        }
        Store { trees, roots: fresh.roots }
    }

    /// Returns the bytes that the end of the trees of some root sets would give back.
    pub fn returnable(&self, sets: &[SetId]) -> usize {
        let trees: BTreeSet<usize> = sets.iter().map(|set| set.index()).collect();
        trees.into_iter().filter_map(|index| self.trees.get(index)?.as_ref()).map(|tree| tree.returnable()).sum()
    }

    /// Returns whether the entities are still those of the baselines that the store was created over.
    pub fn is_unchanged(&self) -> bool {
        !self.trees.iter().flatten().any(|tree| tree.share.has_changed())
    }

    /// Returns the collection of a root set.
    pub fn collection(&self, set: SetId) -> CollectionRef<'_> {
        self.at(&set.into())
    }

    /// Returns the collection at an address. Creates it if absent; the caller checks that the parent entity exists.
    pub fn at(&self, address: &CollectionAddress) -> CollectionRef<'_> {
        if let Some(Some(tree)) = self.trees.get(address.set.index()) {
            return CollectionRef::Root(&tree.root);
        }
        let tree = self.roots.get(address.set.index()).and_then(|root| self.trees.get(*root)?.as_ref());
        CollectionRef::Contained(tree.expect("each set of the schema is below a root set").contained(address))
    }

    /// Returns the addresses of all collections, those of root sets first.
    pub fn addresses(&self) -> Vec<CollectionAddress> {
        let roots = self.trees.iter().zip(0..).filter(|(root, _)| root.is_some()).map(|(_, index)| SetId::at(index).into());
        let contained: BTreeSet<CollectionAddress> = self.trees.iter().flatten().flat_map(|tree| tree.addresses()).collect();
        roots.chain(contained).collect()
    }

    /// Returns all entities with their addresses, in the order of [`Store::addresses`].
    pub fn entities(&self) -> Vec<(CollectionAddress, Arc<StoredEntity>)> {
        let at = |address: CollectionAddress| self.at(&address).list().into_iter().map(move |entity| (address.clone(), entity));
        self.addresses().into_iter().flat_map(at).collect()
    }

    /// Empties all collections within a deleted entity, at any depth. `entity` is its address.
    pub fn empty_within(&self, entity: &str) {
        for tree in self.trees.iter().flatten() {
            tree.empty_within(entity);
        }
    }

    /// Returns the number of entities of a set in all its collections.
    pub fn count(&self, set: SetId) -> usize {
        self.addresses().into_iter().filter(|address| address.set == set).map(|address| self.at(&address).len()).sum()
    }

    /// Returns the entities as they are, which other stores can share.
    ///
    /// # Errors
    ///
    /// Fails if their index exceeds the limit.
    pub fn baselines(&self) -> Result<Baselines, StoreFull> {
        let collected = |tree: &Option<Arc<Tree>>| tree.as_ref().map(|tree| tree.collect()).transpose();
        let trees = self.trees.iter().map(collected).collect::<Result<_, StoreFull>>()?;
        let budget = self.trees.iter().flatten().next().map(|tree| tree.share.budget.clone());
        Ok(Baselines { trees, roots: self.roots.clone(), budget: budget.unwrap_or_else(|| Arc::new(Budget::new(0))) })
    }
}

/// Returns one value for each root set, indexed by the numbers of the sets. There are many stores, so the list ends with the last root set.
fn by_root<T>(schema: &Schema, mut create: impl FnMut(SetId) -> T) -> Box<[Option<T>]> {
    let count = schema.root_sets().last().map_or(0, |last| last.index() + 1);
    schema.set_ids().take(count).map(|set| schema.set(set).parent.is_none().then(|| create(set))).collect()
}

/// Returns the number of the root set above each set.
fn roots_of(schema: &Schema) -> Arc<[usize]> {
    schema.set_ids().map(|set| schema.root_of(set).index()).collect()
}

/// The initial entities of many stores.
#[derive(Debug)]
pub struct Baselines {
    trees: Box<[Option<Arc<TreeBaseline>>]>,
    roots: Arc<[usize]>,
    budget: Arc<Budget>,
}

impl Baselines {
    /// Returns baselines of these entities, beyond the limit of the budget if need be. Of two entities with one key in one collection the
    /// first is used.
    pub fn of(schema: &Schema, entities: &[(CollectionAddress, Arc<StoredEntity>)], budget: &Arc<Budget>) -> Baselines {
        let mut by_address: BTreeMap<&CollectionAddress, Vec<Arc<StoredEntity>>> = BTreeMap::new();
        for (address, entity) in entities {
            by_address.entry(address).or_default().push(entity.clone());
        }
        let mut baseline =
            |address: &CollectionAddress| Arc::new(Baseline::new(by_address.remove(address).unwrap_or_default(), budget, 0));
        let mut trees = by_root(schema, |set| TreeBaseline { root: baseline(&set.into()), ..TreeBaseline::default() });
        let roots = roots_of(schema);
        for (address, entities) in by_address {
            let root = roots.get(address.set.index()).and_then(|root| trees.get_mut(*root)?.as_mut());
            if let Some(tree) = root {
                tree.contained.insert(address.clone(), Arc::new(Baseline::new(entities, budget, 0)));
            }
        }
        Baselines { trees: trees.into_iter().map(|tree| tree.map(Arc::new)).collect(), roots, budget: budget.clone() }
    }
}

#[cfg(test)]
mod tests;
