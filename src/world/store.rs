//! Entities in memory: a constant-time look-up by key, and lists in the order of creation.
//!
//! Each collection is a `DashMap` from key to entity, and an ordered index beside it from sequence number to key. Reading and
//! updating one entity touch the map alone. Creating, deleting and listing take the index too, always *index first, then map*:
//! that is the one lock order.
//!
//! Collections of many worlds may share one [`Baseline`], the initial entities: a collection stores only its changes. The cost of a new
//! collection does not depend on the number of entities.
//!
//! A root set and all that its entities contain are a [`Tree`]. Root collections are found by the number of the set.
//! Contained ones are found by the address of their holder, and created by their first change. A store that replaces some trees of another one
//! takes over the others as they are, so that no write to them is lost, and so those of sets that only a larger schema has.
//!
//! All collections take the bytes that they hold from one [`Budget`]. An entity is counted once, for its first holder, and given back by
//! its last. Only collections and baselines are holders: a journal that still shows a deleted entity counts it on its own.

mod baseline;
mod changes;
mod collection;
mod entity;
mod links;
mod recorder;
mod share;
mod tree;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::edm::schema::{Schema, Set, SetId};
use crate::edm::value::Entity;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::budget::Budget;
use baseline::Baseline;
use share::TreeBaseline;
use tree::Tree;

pub(crate) use crate::edm::address::{CollectionAddress, EntityAddress};
pub(crate) use baseline::{BASELINE_BYTES, HeldEntities};
pub(crate) use changes::{ChangePosition, Changed};
pub(crate) use collection::RECORD_BYTES;
pub(crate) use collection::{Collection, InsertError, LookUpUnpaid, StoreUpdate};
pub use entity::StoredEntity;
pub(crate) use recorder::StoreChange;
pub(crate) use recorder::recorded;

/// The default limit of all stores of a process together, in bytes: 600,000 ordinary entities, and with the journals' limit still half
/// of a small build machine's memory.
pub(crate) const ALL_BYTES: usize = 1024 * 1024 * 1024;

/// The bytes of an entity's text at most, without its content and the entities in it: no request is nearly as long, and an export takes
/// several times the memory of its longest entity.
pub(crate) const ENTITY_TEXT: usize = 16 * 1024 * 1024;

/// The limit of all stores is reached, or that of one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFull {
    /// The limit in bytes.
    limit: usize,
    is_of_entity: bool,
}

impl StoreFull {
    /// The limit of all stores is reached.
    pub(crate) fn of_all(limit: usize) -> StoreFull {
        StoreFull { limit, is_of_entity: false }
    }

    /// Fails for an entity that would be longer than an import may have it.
    fn check_entity(entity: &Entity) -> Result<(), StoreFull> {
        // The size in memory is known, and rarely as long.
        if entity.size() > ENTITY_TEXT && entity.text_size() > ENTITY_TEXT {
            return Err(StoreFull { limit: ENTITY_TEXT, is_of_entity: true });
        }
        Ok(())
    }
}

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_entity {
            return write!(f, "entity too long (at most {} bytes beside its content)", self.limit);
        }
        write!(f, "store limit reached ({} bytes in all worlds): drop entities or worlds, or raise --store-bytes", self.limit)
    }
}

impl std::error::Error for StoreFull {}

impl From<StoreFull> for Error {
    /// Returns the refusal of a write without enough room.
    fn from(full: StoreFull) -> Error {
        Error::new(&refusal::STORE_FULL, &[]).with_detail(full.to_string())
    }
}

/// All collections of a world.
#[derive(Debug)]
pub struct Store {
    /// The trees of root sets, in their order. A tree is created when it is first needed: a schema may have hundreds.
    trees: Trees,
    /// The initial entities.
    baselines: Baselines,
    /// Whether each root set, by rank, was given by an import.
    imported: Box<[bool]>,
    /// Whether most of the clients use it.
    is_for_all: bool,
    /// The trees of the sets that only a larger schema has. A store that replaces collections of another one shares them, so that no write to
    /// them is lost, whichever of the two it came by.
    rest: Arc<OnceLock<RestTrees>>,
    /// The same store with the sets of that schema.
    widened: OnceLock<Arc<Store>>,
}

/// The trees of the sets that one schema has beyond another.
#[derive(Debug)]
struct RestTrees {
    /// The ranks of all root sets of the larger schema.
    ranks: Arc<[Option<usize>]>,
    /// The trees from the first rank beyond the smaller schema.
    trees: Arc<[OnceLock<Arc<Tree>>]>,
}

/// The trees of a store, by rank.
#[derive(Debug)]
struct Trees {
    own: Box<[OnceLock<Arc<Tree>>]>,
    /// Those after them, which other stores may have, too.
    shared: Arc<[OnceLock<Arc<Tree>>]>,
}

impl Trees {
    fn own(own: impl Iterator<Item = OnceLock<Arc<Tree>>>) -> Trees {
        Trees { own: own.collect(), shared: Arc::from([]) }
    }

    fn count(&self) -> usize {
        self.own.len() + self.shared.len()
    }

    fn all(&self) -> impl Iterator<Item = &OnceLock<Arc<Tree>>> {
        self.own.iter().chain(self.shared.iter())
    }

    fn at(&self, rank: usize) -> &OnceLock<Arc<Tree>> {
        self.own.get(rank).unwrap_or_else(|| &self.shared[rank - self.own.len()])
    }
}

/// A collection of a store.
#[derive(Debug)]
pub enum CollectionRef<'s> {
    /// That of a root set.
    Root(&'s Collection),
    /// One within an entity. It stays usable if the entity is deleted meanwhile, but cannot be found again.
    Contained(Arc<Collection>),
    /// One within an entity that nothing has changed yet, to read it. Changes would be lost.
    View(Box<Collection>),
}

impl CollectionRef<'_> {
    /// Returns whether changes of the collection are kept.
    pub fn is_changeable(&self) -> bool {
        !matches!(self, CollectionRef::View(_))
    }
}

impl Deref for CollectionRef<'_> {
    type Target = Collection;

    fn deref(&self) -> &Collection {
        match self {
            CollectionRef::Root(collection) => collection,
            CollectionRef::Contained(collection) => collection,
            CollectionRef::View(collection) => collection,
        }
    }
}

impl Store {
    /// Returns a store with the empty collections of a schema.
    pub fn new(schema: &Schema, budget: &Arc<Budget>) -> Store {
        Store::over(&Baselines::of(schema, &[], budget))
    }

    /// Returns a store with the entities of baselines, which many stores can share.
    pub fn over(baselines: &Baselines) -> Store {
        let trees = Trees::own(baselines.trees.iter().map(|_| OnceLock::new()));
        let imported = vec![false; trees.count()].into();
        Store { imported, trees, baselines: baselines.clone(), is_for_all: false, rest: Arc::default(), widened: OnceLock::new() }
    }

    /// Returns the same store for most of the clients: those that change different entities of a set do not wait for each other.
    #[must_use]
    pub fn for_all(self) -> Store {
        Store { is_for_all: true, ..self }
    }

    /// Returns the store with the sets of a larger schema, in which those of this one have the same numbers. Both have the same trees of the
    /// sets that both have, from now on. It is created once.
    pub fn widened(&self, schema: &Schema) -> &Arc<Store> {
        let rest = self.rest.get_or_init(|| {
            let ranks = Baselines::ranks(schema);
            let count = ranks.iter().flatten().count() - self.trees.count();
            RestTrees { ranks, trees: std::iter::repeat_with(OnceLock::new).take(count).collect() }
        });
        self.widened_by(rest)
    }

    fn widened_by(&self, rest: &RestTrees) -> &Arc<Store> {
        self.widened.get_or_init(|| {
            let beyond = rest.trees.len();
            let initial = self.baselines.trees.iter().cloned().chain(std::iter::repeat_n(None, beyond));
            let imported = self.imported.iter().copied().chain(std::iter::repeat_n(false, beyond));
            let own = (0..self.trees.count()).map(|rank| OnceLock::from(self.tree(rank).clone()));
            let budget = self.baselines.budget.clone();
            Arc::new(Store {
                trees: Trees { own: own.collect(), shared: rest.trees.clone() },
                baselines: Baselines { trees: initial.collect(), ranks: rest.ranks.clone(), budget },
                imported: imported.collect(),
                is_for_all: self.is_for_all,
                rest: Arc::default(),
                widened: OnceLock::new(),
            })
        })
    }

    /// Returns the store with the sets of a larger schema, if there is one for it or for a store that it has replaced.
    pub fn as_widened(&self) -> Option<&Arc<Store>> {
        self.widened.get().or_else(|| Some(self.widened_by(self.rest.get()?)))
    }

    /// Returns a store with the entities of baselines in some root sets. All others are those of this store, as they are and will be.
    #[must_use]
    pub fn replaced(&self, baselines: &Baselines, replaced: &[SetId]) -> Store {
        let is_replaced = |rank: usize| replaced.iter().any(|set| self.rank(*set) == Some(rank));
        let trees = (0..self.trees.count()).map(|rank| {
            // A tree that is kept exists from now on, so that both stores have the same one.
            if is_replaced(rank) { OnceLock::new() } else { OnceLock::from(self.tree(rank).clone()) }
        });
        let imported = self.imported.iter().enumerate().map(|(rank, imported)| *imported || is_replaced(rank)).collect();
        let (rest, widened) = (self.rest.clone(), OnceLock::new());
        let is_for_all = self.is_for_all;
        Store { trees: Trees::own(trees), baselines: baselines.clone(), imported, is_for_all, rest, widened }
    }

    /// Returns the same store, with the root sets that were imported into another one.
    #[must_use]
    pub fn imported_as(self, other: &Store) -> Store {
        Store { imported: other.imported.clone(), ..self }
    }

    /// Whether the entities of a root set were imported.
    pub fn is_imported(&self, root: SetId) -> bool {
        self.rank(root).is_some_and(|rank| self.imported[rank])
    }

    /// Returns the bytes that the end of the trees of some root sets would give back.
    pub fn returnable(&self, sets: &[SetId]) -> usize {
        let ranks: BTreeSet<usize> = sets.iter().filter_map(|set| self.rank(*set)).collect();
        let others_share = Arc::strong_count(&self.baselines.trees) > 1;
        let of = |rank: usize| self.tree(rank).returnable(self.baselines.trees[rank].as_ref(), others_share);
        ranks.into_iter().map(of).sum()
    }

    /// Takes the entities as saved, which are read from now on. One saver at a time.
    pub fn begin_saving(&self) {
        self.existing().for_each(|tree| tree.share.begin_saving());
    }

    /// Returns whether an entity may have changed since the last [`Store::begin_saving`].
    pub fn is_unsaved(&self) -> bool {
        self.existing().any(|tree| tree.share.is_unsaved())
    }

    /// Returns the trees that were needed so far.
    fn existing(&self) -> impl Iterator<Item = &Arc<Tree>> {
        let rest = self.rest.get().into_iter().flat_map(|rest| rest.trees.iter());
        self.trees.all().chain(rest).filter_map(OnceLock::get)
    }

    /// Returns whether the entities are still those of the baselines that the store was created over.
    pub fn is_unchanged(&self) -> bool {
        !self.existing().any(|tree| tree.share.has_changed())
    }

    /// Returns the collection of a root set.
    pub fn collection(&self, set: SetId) -> CollectionRef<'_> {
        self.at(&set.into())
    }

    /// Returns the collection at an address, to read it. That takes no room in the store.
    pub fn at(&self, address: &CollectionAddress) -> CollectionRef<'_> {
        let tree = self.tree_above(address);
        if address.holder.is_none() {
            return CollectionRef::Root(&tree.root);
        }
        match tree.contained(address) {
            Some(collection) => CollectionRef::Contained(collection),
            None => CollectionRef::View(Box::new(tree.view(address))),
        }
    }

    /// Returns the collection at an address, to change it. Creates it if absent; the caller checks that the parent entity exists.
    ///
    /// # Errors
    ///
    /// Fails, and creates nothing, if the collection and `more` bytes within it exceed the limit.
    pub fn to_change(&self, address: &CollectionAddress, more: usize) -> Result<CollectionRef<'_>, StoreFull> {
        let tree = self.tree_above(address);
        if address.holder.is_none() {
            return Ok(CollectionRef::Root(&tree.root));
        }
        tree.contained_to_change(address, more).map(CollectionRef::Contained)
    }

    /// Returns the collection at an address, to remove what is in it, or to mark it as deleted or moved: there is always room for that, beyond the
    /// limit if need be. Such records are as many as initial entities at most.
    pub fn to_remove(&self, address: &CollectionAddress) -> CollectionRef<'_> {
        let tree = self.tree_above(address);
        if address.holder.is_none() {
            return CollectionRef::Root(&tree.root);
        }
        match tree.contained(address) {
            Some(collection) => CollectionRef::Contained(collection),
            None if tree.has_initial(address) => CollectionRef::Contained(tree.contained_initial(address)),
            None => CollectionRef::View(Box::new(tree.view(address))),
        }
    }

    /// Adds an initial entity, beyond the limit if need be. Of two entities with one key the first is used.
    pub fn insert_initial(&self, address: &CollectionAddress, entity: Arc<StoredEntity>) {
        let tree = self.tree_above(address);
        if address.holder.is_none() {
            tree.root.insert_initial(entity);
        } else {
            tree.contained_initial(address).insert_initial(entity);
        }
    }

    /// Returns the tree of the root set above a collection.
    fn tree_above(&self, address: &CollectionAddress) -> &Arc<Tree> {
        match (self.rank(address.root), self.as_widened()) {
            (Some(rank), _) => self.tree(rank),
            // Another request has read the rest of the schema since, and the link to an entity of it.
            (None, Some(widened)) => widened.tree_above(address),
            (None, None) => unreachable!("an address is below a root set of the schema"),
        }
    }

    /// Returns the entity at an address.
    pub fn entity(&self, address: &EntityAddress) -> Option<Arc<StoredEntity>> {
        self.get(&address.collection, &address.key)
    }

    /// Returns the entity with a key in a collection. Unlike [`Store::at`], it makes no collection of entities that nothing has changed yet.
    pub fn get(&self, collection: &CollectionAddress, key: &str) -> Option<Arc<StoredEntity>> {
        let tree = self.tree_above(collection);
        if collection.holder.is_none() { tree.root.get(key) } else { tree.entity(collection, key) }
    }

    /// Whether a collection has an entity with a key.
    pub fn has(&self, collection: &CollectionAddress, key: &str) -> bool {
        self.get(collection, key).is_some()
    }

    /// Returns the entities of a collection, in their order. Like [`Store::get`], it makes no collection.
    pub fn list(&self, collection: &CollectionAddress) -> Vec<Arc<StoredEntity>> {
        let tree = self.tree_above(collection);
        if collection.holder.is_none() { tree.root.list() } else { tree.entities(collection) }
    }

    fn rank(&self, set: SetId) -> Option<usize> {
        self.baselines.ranks.get(set.index()).copied().flatten()
    }

    fn tree(&self, rank: usize) -> &Arc<Tree> {
        self.trees.at(rank).get_or_init(|| {
            let budget = self.baselines.budget.clone();
            let set = self.baselines.ranks.iter().position(|ranked| *ranked == Some(rank)).map_or(SetId::at(0), SetId::at);
            Arc::new(match &self.baselines.trees[rank] {
                Some(baseline) => Tree::over(set, baseline.clone(), budget, self.is_for_all),
                None => Tree::empty(set, budget),
            })
        })
    }

    /// Returns the trees that may have entities, with their root sets.
    fn filled(&self) -> impl Iterator<Item = (SetId, &Arc<Tree>)> {
        let ranked = self.baselines.ranks.iter().zip(0..).filter_map(|(rank, index)| Some(((*rank)?, SetId::at(index))));
        let filled = ranked.filter(|(rank, _)| self.trees.at(*rank).get().is_some() || self.baselines.trees[*rank].is_some());
        filled.map(|(rank, set)| (set, self.tree(rank)))
    }

    /// Returns the addresses of all collections that may have entities, those of root sets first.
    pub fn addresses(&self) -> Vec<CollectionAddress> {
        let roots = self.filled().map(|(set, _)| set.into());
        let contained: BTreeSet<CollectionAddress> = self.filled().flat_map(|(_, tree)| tree.addresses()).collect();
        roots.chain(contained).collect()
    }

    /// Returns all entities with their addresses, in the order of [`Store::addresses`].
    pub fn entities(&self) -> Vec<(CollectionAddress, Arc<StoredEntity>)> {
        let at = |address: CollectionAddress| self.at(&address).list().into_iter().map(move |entity| (address.clone(), entity));
        self.addresses().into_iter().flat_map(at).collect()
    }

    /// Empties all collections within a deleted entity, at any depth. `entity` is its address, `root` the root set above it.
    pub fn empty_within(&self, root: SetId, entity: &str) {
        if let Some(rank) = self.rank(root) {
            self.tree(rank).empty_within(entity);
        }
    }

    /// Removes what a deleted entity contained, at any depth, and all links to it and to what it contained.
    pub fn forget(&self, schema: &Schema, entity: &EntityAddress) {
        let root = entity.collection.root;
        let mut removed = match self.rank(root) {
            Some(rank) => self.tree(rank).empty_within(&entity.text(schema)),
            None => Vec::new(),
        };
        removed.push(entity.clone());
        let places: Vec<_> = self.filled().flat_map(|(_, tree)| tree.links_to_any(&removed)).collect();
        let removed: HashSet<EntityAddress> = removed.into_iter().collect();
        for (place, key) in places {
            let leads_there = |link: &StoredEntity| link.linked().is_some_and(|linked| removed.contains(&**linked));
            if self.at(&place).with_entity(&key, leads_there) == Some(true) {
                self.remove_link(&place, &key);
            }
        }
    }

    /// Returns the links to an entity: the collections that have them, and their keys.
    pub fn links_to(&self, target: &EntityAddress) -> Vec<(CollectionAddress, Arc<str>)> {
        let leads_there = |(place, key): &(CollectionAddress, Arc<str>)| {
            self.at(place).get(key).is_some_and(|link| link.linked().is_some_and(|linked| **linked == *target))
        };
        self.filled().flat_map(|(_, tree)| tree.links_to(target)).filter(leads_there).collect()
    }

    /// Returns the key of the link to an entity in a collection, if it is there.
    pub fn link_key(&self, place: &CollectionAddress, target: &EntityAddress) -> Option<Arc<str>> {
        let leads_there = |key: &Arc<str>| {
            self.at(place).with_entity(key, |link| link.linked().is_some_and(|linked| **linked == *target)) == Some(true)
        };
        self.tree_above(place).link_key(place, target).filter(leads_there)
    }

    /// Returns a collection at an address with these entities, to read it.
    pub fn view_of(&self, address: &CollectionAddress, entities: Vec<Arc<StoredEntity>>) -> CollectionRef<'_> {
        CollectionRef::View(Box::new(self.tree_above(address).view_of(entities)))
    }

    /// Returns the position of the next change of an entity within those of the root set above a collection, and records such changes from now
    /// on. `new_id` numbers a new record of them.
    pub fn nested_position(&self, address: &CollectionAddress, new_id: impl FnOnce() -> u64) -> ChangePosition {
        self.tree_above(address).share.nested_changes.position(new_id)
    }

    /// Returns what has changed within the entities of the root set above a collection since a position, as
    /// `Collection::changes_after` does.
    pub fn nested_changes_after(
        &self,
        address: &CollectionAddress,
        position: ChangePosition,
        limit: usize,
    ) -> Option<Vec<(u64, Changed)>> {
        self.tree_above(address).share.nested_changes.after(position, limit)
    }

    /// Removes all links to an entity.
    pub fn remove_links_to(&self, target: &EntityAddress) {
        for (place, key) in self.links_to(target) {
            self.remove_link(&place, &key);
        }
    }

    fn remove_link(&self, place: &CollectionAddress, key: &str) {
        self.to_remove(place).remove(key);
    }

    /// Returns the numbers of entities of all sets that have some, in all their collections.
    pub fn counts(&self) -> BTreeMap<SetId, usize> {
        let mut counts = BTreeMap::new();
        for address in self.addresses() {
            *counts.entry(address.set).or_default() += self.at(&address).len();
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    /// Returns the entities as they are, which other stores can share.
    ///
    /// # Errors
    ///
    /// Fails if their index exceeds the limit.
    pub fn baselines(&self) -> Result<Baselines, StoreFull> {
        let collected = |(cell, initial): (&OnceLock<Arc<Tree>>, &Option<Arc<TreeBaseline>>)| match cell.get() {
            Some(tree) => tree.collect().map(Some),
            None => Ok(initial.clone()),
        };
        let trees = self.trees.all().zip(self.baselines.trees.iter()).map(collected).collect::<Result<_, StoreFull>>()?;
        Ok(Baselines { trees, ..self.baselines.clone() })
    }
}

/// The initial entities of many stores.
#[derive(Clone, Debug)]
pub struct Baselines {
    /// By the ranks of root sets; `None` without entities.
    trees: Arc<[Option<Arc<TreeBaseline>>]>,
    /// The place of each root set among them; `None` for other sets.
    ranks: Arc<[Option<usize>]>,
    budget: Arc<Budget>,
}

impl Baselines {
    /// Returns baselines of these entities, beyond the limit of the budget if need be. Of two entities with one key in one collection the
    /// first is used.
    pub fn of(schema: &Schema, entities: &[(CollectionAddress, Arc<StoredEntity>)], budget: &Arc<Budget>) -> Baselines {
        let ranks = Baselines::ranks(schema);
        let count = ranks.iter().flatten().count();
        let mut by_address: BTreeMap<&CollectionAddress, Vec<Arc<StoredEntity>>> = BTreeMap::new();
        for (address, entity) in entities {
            by_address.entry(address).or_default().push(entity.clone());
        }
        let mut trees: Vec<Option<TreeBaseline>> = (0..count).map(|_| None).collect();
        for (address, entities) in by_address {
            let Some(tree) = ranks.get(address.root.index()).copied().flatten().and_then(|rank| trees.get_mut(rank)) else {
                continue;
            };
            let tree = tree.get_or_insert_default();
            let baseline = Arc::new(Baseline::new(entities, budget, 0));
            if address.holder.is_none() {
                tree.root = baseline;
            } else {
                tree.contained.insert(address.clone(), baseline);
            }
        }
        Baselines { trees: trees.into_iter().map(|tree| tree.map(Arc::new)).collect(), ranks, budget: budget.clone() }
    }

    /// Returns the places of the root sets of a schema.
    fn ranks(schema: &Schema) -> Arc<[Option<usize>]> {
        let mut count = 0;
        let rank = |set: &Set| {
            set.is_root().then(|| {
                count += 1;
                count - 1
            })
        };
        schema.sets().iter().map(rank).collect()
    }
}

#[cfg(test)]
mod tests;
