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

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::fmt;
use std::ops::{Bound, Deref};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;

use crate::edm::schema::{Schema, SetId};
use crate::edm::value::{Complex, Entity};
use crate::odata::write::TextCache;
use crate::world::budget::Budget;

pub(crate) use crate::edm::address::CollectionAddress;

/// The default limit of all stores of a process together, in bytes: 600,000 ordinary entities, and with the journals' limit still half
/// of a small build machine's memory.
pub(crate) const ALL_BYTES: usize = 1024 * 1024 * 1024;

/// The step in which the bytes of an entity are counted. Most updates stay within it, and write to no counter that all cores share.
const STEP: usize = 256;

/// The bytes of a cached text beyond those of the entity, for annotations.
const TEXT_BYTES: usize = 128;

/// The bytes of a record in a collection: in the map and in the index.
pub(crate) const RECORD_BYTES: usize = 128;

/// The bytes of a contained collection without its records.
const COLLECTION_BYTES: usize = 1024;

/// The bytes of an entity in a baseline.
pub(crate) const BASELINE_BYTES: usize = 64;

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

/// An entity in a store, with the cached text of its members.
///
/// An update stores a new entity, so the text is never out of date. Only the store keeps the text: others, such as the journal, keep the
/// entity alone.
#[derive(Debug)]
pub struct StoredEntity {
    entity: Arc<Entity>,
    /// The text of the members in the style of the first response that has them.
    pub text: TextCache,
    /// The bytes that the entity and its text can take.
    size: usize,
    /// The number of collections and baselines that hold it.
    holders: AtomicUsize,
}

impl StoredEntity {
    /// Returns an entity without a cached text.
    pub fn new(key: Arc<str>, properties: Complex) -> StoredEntity {
        Entity::new(key, properties).into()
    }

    /// Returns the entity without its text.
    pub fn entity(&self) -> &Arc<Entity> {
        &self.entity
    }

    /// Returns the bytes that the entity takes at most, its cached text included.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Adds a holder, which takes `more` bytes of its own. Returns `false`, and adds nothing, if that exceeds the limit by more than
    /// `surplus`.
    fn hold(&self, budget: &Budget, more: usize, surplus: usize) -> bool {
        let expected = if self.holders.load(Ordering::Relaxed) == 0 { self.size } else { 0 };
        let has_room = budget.add(expected + more, surplus);
        if has_room {
            budget.change(self.count_holder(), expected);
        }
        has_room
    }

    /// Counts a holder, and returns the bytes that it adds.
    fn count_holder(&self) -> usize {
        if self.holders.fetch_add(1, Ordering::Relaxed) == 0 { self.size } else { 0 }
    }

    /// Counts a holder less, and returns the bytes that this gives back.
    fn uncount_holder(&self) -> usize {
        if self.holders.fetch_sub(1, Ordering::Relaxed) == 1 { self.size } else { 0 }
    }

    /// Returns the bytes that a single holder would give back.
    fn returnable(&self) -> usize {
        if self.holders.load(Ordering::Relaxed) == 1 { self.size } else { 0 }
    }
}

impl From<Entity> for StoredEntity {
    fn from(entity: Entity) -> StoredEntity {
        let inner = entity.size();
        let text_limit = entity.text_size() + TEXT_BYTES;
        let size = (size_of::<StoredEntity>() + inner + text_limit).next_multiple_of(STEP);
        StoredEntity { entity: Arc::new(entity), text: TextCache::up_to(text_limit), size, holders: AtomicUsize::new(0) }
    }
}

impl Deref for StoredEntity {
    type Target = Entity;

    fn deref(&self) -> &Entity {
        &self.entity
    }
}

/// All collections of a world.
#[derive(Debug)]
pub struct Store {
    /// The trees of root sets, by the numbers of their sets up to the last root set. Other sets have none here.
    trees: Box<[Option<Arc<Tree>>]>,
    /// The number of the root set above each set.
    roots: Arc<[usize]>,
}

/// A root set's collection, and the collections within its entities. Stores can share one.
#[derive(Debug)]
struct Tree {
    root: Collection,
    /// The contained collections that are in use.
    contained: RwLock<BTreeMap<CollectionAddress, Arc<Collection>>>,
    baseline: Arc<TreeBaseline>,
    share: Arc<TreeShare>,
    /// Held while the entities are collected for other stores.
    collecting: Mutex<()>,
}

/// The initial entities of a tree.
#[derive(Debug, Default)]
struct TreeBaseline {
    root: Arc<Baseline>,
    contained: BTreeMap<CollectionAddress, Arc<Baseline>>,
}

/// The part of a tree that its collections know.
#[derive(Debug)]
struct TreeShare {
    budget: Arc<Budget>,
    /// Whether the tree differs from its baseline, and from the entities that were last collected.
    changes: AtomicU8,
    /// The entities as they are, if they were collected and have not changed since.
    collected: ArcSwapOption<TreeBaseline>,
}

/// The tree differs from its baseline.
const CHANGED: u8 = 1;
/// The tree differs from the collected entities.
const OUTDATED: u8 = 2;

impl Default for TreeShare {
    /// A tree without a limit.
    fn default() -> TreeShare {
        TreeShare::new(Arc::new(Budget::new(usize::MAX)))
    }
}

impl TreeShare {
    fn new(budget: Arc<Budget>) -> TreeShare {
        TreeShare { budget, changes: AtomicU8::new(OUTDATED), collected: ArcSwapOption::empty() }
    }

    /// Records a change that was made. Only the first one after the entities were collected writes to memory that all cores share.
    ///
    /// A change that was made after its shard was collected sees that the tree is up to date, since both hold the lock of the shard.
    fn record_change(&self) {
        if self.changes.load(Ordering::Acquire) != CHANGED | OUTDATED {
            self.changes.store(CHANGED | OUTDATED, Ordering::Release);
            self.collected.store(None);
        }
    }

    fn has_changed(&self) -> bool {
        self.changes.load(Ordering::Acquire) & CHANGED != 0
    }

    fn is_outdated(&self) -> bool {
        self.changes.load(Ordering::Acquire) & OUTDATED != 0
    }

    fn full(&self) -> StoreFull {
        StoreFull { limit: self.budget.limit() }
    }
}

impl Tree {
    fn over(baseline: Arc<TreeBaseline>, budget: Arc<Budget>) -> Tree {
        let share = Arc::new(TreeShare::new(budget));
        let root = Collection::over(baseline.root.clone(), share.clone());
        Tree { root, contained: RwLock::default(), baseline, share, collecting: Mutex::default() }
    }

    fn contained(&self, address: &CollectionAddress) -> Arc<Collection> {
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
    fn addresses(&self) -> BTreeSet<CollectionAddress> {
        let in_use = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        in_use.keys().chain(self.baseline.contained.keys()).cloned().collect()
    }

    fn empty_within(&self, entity: &str) {
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
    fn collect(&self) -> Result<Arc<TreeBaseline>, StoreFull> {
        if !self.share.has_changed() {
            return Ok(self.baseline.clone());
        }
        let _alone = self.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(collected) = self.share.collected.load_full().filter(|_| !self.share.is_outdated()) {
            return Ok(collected);
        }
        // A change from here on makes the result outdated.
        self.share.changes.fetch_and(!OUTDATED, Ordering::AcqRel);
        let collected = self.collect_now();
        match &collected {
            Ok(baseline) => self.share.collected.store(Some(baseline.clone())),
            Err(_) => _ = self.share.changes.fetch_or(OUTDATED, Ordering::AcqRel),
        }
        if self.share.is_outdated() {
            self.share.collected.store(None);
        }
        collected
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
            if baseline.entities.is_empty() {
                contained.remove(&address);
            } else {
                contained.insert(address, baseline);
            }
        }
        Ok(Arc::new(TreeBaseline { root, contained }))
    }

    /// Returns the bytes that the end of the tree would give back.
    fn returnable(&self) -> usize {
        let contained = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        let own: usize = contained.values().map(|collection| collection.returnable()).sum();
        let is_shared = Arc::strong_count(&self.baseline) > 1;
        let baselines = std::iter::once(&self.baseline.root).chain(self.baseline.contained.values());
        let initial: usize = if is_shared { 0 } else { baselines.map(|baseline| baseline.returnable()).sum() };
        self.root.returnable() + own + initial
    }
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
        let tree = |_| {
            let share = Arc::new(TreeShare::new(budget.clone()));
            let root = Collection::of(None, DashMap::default(), share.clone(), 0);
            Arc::new(Tree { root, contained: RwLock::default(), baseline: Arc::default(), share, collecting: Mutex::default() })
        };
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

/// Entities that collections share until they change them, copied on write.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    entities: Vec<Arc<StoredEntity>>,
    indexes: HashMap<Arc<str>, usize>,
    /// `None` without entities.
    budget: Option<Arc<Budget>>,
}

impl Baseline {
    /// Returns a baseline, for which `reserved` bytes were taken from the budget. It takes what it holds beyond that. Of two entities with
    /// one key the first is used.
    pub(crate) fn new(entities: impl IntoIterator<Item = Arc<StoredEntity>>, budget: &Arc<Budget>, reserved: usize) -> Baseline {
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

    fn get(&self, key: &str) -> Option<(u64, &Arc<StoredEntity>)> {
        let index = *self.indexes.get(key)?;
        Some((number_of(index), &self.entities[index]))
    }

    fn returnable(&self) -> usize {
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
fn number_of(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// The records of a collection, by key.
type Records = DashMap<Arc<str>, EntityRecord, RandomState>;

/// Returns an empty map for one of thousands of collections: each shard takes a few hundred bytes.
fn small_map() -> Records {
    DashMap::with_hasher_and_shard_amount(RandomState::default(), 2)
}

/// The entities of one set.
#[derive(Debug, Default)]
pub struct Collection {
    /// The initial entities, if shared.
    baseline: Option<Arc<Baseline>>,
    /// The entities and deletions that differ from the baseline.
    entities: Records,
    order: RwLock<Order>,
    share: Arc<TreeShare>,
    /// The bytes that the collection takes without its records.
    own_bytes: usize,
}

#[derive(Debug, Default)]
struct Order {
    /// The keys of entities that are not in the baseline.
    keys: BTreeMap<u64, Arc<str>>,
    /// The number of deleted entities of the baseline.
    removed: usize,
    next: u64,
}

#[derive(Debug)]
struct EntityRecord {
    /// The sequence number.
    number: u64,
    /// `None` for a deleted entity of the baseline.
    entity: Option<Arc<StoredEntity>>,
}

/// The reason why an entity was not inserted.
#[derive(Debug, PartialEq, Eq)]
pub enum InsertError {
    /// The key is in use.
    DuplicateKey,
    /// There is not enough room.
    Full(StoreFull),
}

/// An entity before and after an update.
#[derive(Debug)]
pub struct StoreUpdate {
    /// The entity before.
    pub before: Arc<StoredEntity>,
    /// The entity after.
    pub after: Arc<StoredEntity>,
}

impl Collection {
    fn over(baseline: Arc<Baseline>, share: Arc<TreeShare>) -> Collection {
        Collection::of(Some(baseline), small_map(), share, 0)
    }

    /// Returns a collection within an entity.
    fn contained(baseline: Arc<Baseline>, share: Arc<TreeShare>) -> Collection {
        share.budget.change(COLLECTION_BYTES, 0);
        Collection::of(Some(baseline), small_map(), share, COLLECTION_BYTES)
    }

    fn of(baseline: Option<Arc<Baseline>>, entities: Records, share: Arc<TreeShare>, own_bytes: usize) -> Collection {
        let next = baseline.as_ref().map_or(0, |baseline| number_of(baseline.entities.len()));
        Collection { baseline, entities, order: RwLock::new(Order { next, ..Order::default() }), share, own_bytes }
    }

    /// Returns the entity with a key. Keys are case-sensitive.
    pub fn get(&self, key: &str) -> Option<Arc<StoredEntity>> {
        match self.entities.get(key) {
            Some(stored) => stored.entity.clone(),
            None => self.baseline_entity(key).map(|(_, entity)| entity.clone()),
        }
    }

    /// Calls a function with the entity with a key, if any. It runs under the lock of the entity's shard, so it must be quick and must not
    /// use the store. Unlike [`Collection::get`] it does not write to the reference count, which all cores share.
    pub fn with_entity<T>(&self, key: &str, read: impl FnOnce(&StoredEntity) -> T) -> Option<T> {
        match self.entities.get(key) {
            Some(stored) => stored.entity.as_deref().map(read),
            None => self.baseline_entity(key).map(|(_, entity)| read(entity)),
        }
    }

    fn baseline_entity(&self, key: &str) -> Option<(u64, &Arc<StoredEntity>)> {
        self.baseline.as_ref()?.get(key)
    }

    /// Appends an entity.
    ///
    /// # Errors
    ///
    /// Fails if the key is in use, or if there is not enough room.
    pub fn insert(&self, entity: Arc<StoredEntity>) -> Result<(), InsertError> {
        self.insert_within(entity, 0)
    }

    /// Appends an initial entity, beyond the limit if need be. Of two entities with one key the first is used.
    pub fn insert_initial(&self, entity: Arc<StoredEntity>) {
        let _ = self.insert_within(entity, usize::MAX);
    }

    fn insert_within(&self, entity: Arc<StoredEntity>, surplus: usize) -> Result<(), InsertError> {
        let mut order = self.write_order();
        let is_in_baseline = self.baseline_entity(&entity.key).is_some();
        let entry = self.entities.entry(entity.key.clone());
        let record_bytes = match &entry {
            Entry::Occupied(occupied) if occupied.get().entity.is_some() => return Err(InsertError::DuplicateKey),
            Entry::Vacant(_) if is_in_baseline => return Err(InsertError::DuplicateKey),
            // The record of the deletion is there already.
            Entry::Occupied(_) => 0,
            Entry::Vacant(_) => RECORD_BYTES,
        };
        if !entity.hold(&self.share.budget, record_bytes, surplus) {
            return Err(InsertError::Full(self.share.full()));
        }
        let number = order.next;
        order.next += 1;
        order.keys.insert(number, entity.key.clone());
        drop(entry.insert(EntityRecord { number, entity: Some(entity) }));
        self.share.record_change();
        Ok(())
    }

    /// Replaces the entity with a key by the result of a function, atomically.
    ///
    /// The function runs under the lock of the entity's shard, so it must be quick and must not use the store.
    pub fn update<E: From<StoreFull>>(
        &self,
        key: &str,
        change: impl FnOnce(&Entity) -> Result<Entity, E>,
    ) -> Option<Result<StoreUpdate, E>> {
        let replace = |current: &mut Arc<StoredEntity>| self.replace(current, change);
        if let Some(mut stored) = self.entities.get_mut(key) {
            return stored.entity.as_mut().map(replace);
        }
        let (number, initial) = self.baseline_entity(key)?;
        match self.entities.entry(initial.key.clone()) {
            // Another update came first.
            Entry::Occupied(mut occupied) => occupied.get_mut().entity.as_mut().map(replace),
            Entry::Vacant(vacant) => {
                if !self.share.budget.add(RECORD_BYTES, 0) {
                    return Some(Err(self.share.full().into()));
                }
                // The baseline holds the entity, and the record will.
                let mut current = initial.clone();
                self.share.budget.change(current.count_holder(), 0);
                let changed = replace(&mut current);
                match changed {
                    Ok(_) => drop(vacant.insert(EntityRecord { number, entity: Some(current) })),
                    Err(_) => self.share.budget.change(0, current.uncount_holder() + RECORD_BYTES),
                }
                Some(changed)
            }
        }
    }

    /// Replaces an entity within its record, if there is room for the new one.
    fn replace<E: From<StoreFull>>(
        &self,
        current: &mut Arc<StoredEntity>,
        change: impl FnOnce(&Entity) -> Result<Entity, E>,
    ) -> Result<StoreUpdate, E> {
        let after = StoredEntity::from(change(current)?);
        let growth = after.size.saturating_sub(current.returnable());
        if growth > 0 && !self.share.budget.add(growth, 0) {
            return Err(self.share.full().into());
        }
        let after = Arc::new(StoredEntity { holders: AtomicUsize::new(1), ..after });
        let before = std::mem::replace(current, after.clone());
        self.share.budget.change(after.size, growth + before.uncount_holder());
        self.share.record_change();
        Ok(StoreUpdate { before, after })
    }

    /// Removes the entity with a key.
    ///
    /// # Errors
    ///
    /// Fails if the record of the deletion of an entity that other worlds share exceeds the limit.
    pub fn remove(&self, key: &str) -> Result<Option<Arc<StoredEntity>>, StoreFull> {
        let mut order = self.write_order();
        let budget = &self.share.budget;
        let Some((number, initial)) = self.baseline_entity(key) else {
            let Some((_, stored)) = self.entities.remove(key) else { return Ok(None) };
            order.keys.remove(&stored.number);
            let held = stored.entity.as_ref().map_or(0, |entity| entity.uncount_holder());
            budget.change(0, held + RECORD_BYTES);
            self.share.record_change();
            return Ok(stored.entity);
        };
        // A deletion of the baseline's key must be recorded.
        let removed = match self.entities.entry(initial.key.clone()) {
            Entry::Occupied(mut occupied) => {
                let stored = occupied.get_mut();
                let Some(removed) = stored.entity.take() else { return Ok(None) };
                if order.keys.remove(&stored.number).is_none() {
                    order.removed += 1;
                }
                stored.number = number;
                budget.change(0, removed.uncount_holder());
                removed
            }
            Entry::Vacant(vacant) => {
                if !budget.add(RECORD_BYTES, 0) {
                    return Err(self.share.full());
                }
                vacant.insert(EntityRecord { number, entity: None });
                order.removed += 1;
                initial.clone()
            }
        };
        self.share.record_change();
        Ok(Some(removed))
    }

    /// Returns the entities as they are, which other collections can share.
    fn collect(&self) -> Result<Arc<Baseline>, StoreFull> {
        if let Some(baseline) = self.baseline.as_ref().filter(|_| self.entities.is_empty()) {
            return Ok(baseline.clone());
        }
        let entities = self.list();
        let reserved = entities.len() * BASELINE_BYTES;
        if !self.share.budget.add(reserved, 0) {
            return Err(self.share.full());
        }
        Ok(Arc::new(Baseline::new(entities, &self.share.budget, reserved)))
    }

    /// Returns the bytes that the end of the collection would give back, without its baseline.
    fn returnable(&self) -> usize {
        let of = |record: &EntityRecord| record.entity.as_ref().map_or(0, |entity| entity.returnable()) + RECORD_BYTES;
        self.entities.iter().map(|record| of(&record)).sum::<usize>() + self.own_bytes
    }

    /// Returns all entities in order, each in a state that it had during the call.
    pub fn list(&self) -> Vec<Arc<StoredEntity>> {
        self.page(None, 0, usize::MAX).into_iter().map(|(_, entity)| entity).collect()
    }

    /// Returns up to `limit` entities after a sequence number, each with its own number. The cost depends on the entities skipped and
    /// returned, and on the deleted ones of the baseline between them, not on the size of the collection.
    pub fn page(&self, behind: Option<u64>, skip: usize, limit: usize) -> Vec<(u64, Arc<StoredEntity>)> {
        let start = behind.map_or(Bound::Unbounded, Bound::Excluded);
        let order = self.read_order();
        let initial = self.baseline.as_ref().map_or(&[][..], |baseline| &baseline.entities);
        let first = behind.map_or(0, |behind| usize::try_from(behind.saturating_add(1)).unwrap_or(usize::MAX)).min(initial.len());
        let from_baseline = (first..initial.len()).filter_map(|index| {
            let (number, entity) = (number_of(index), &initial[index]);
            match self.entities.get(&entity.key) {
                // A new entity with the key of a deleted one comes later.
                Some(stored) if stored.number != number => None,
                Some(stored) => stored.entity.clone().map(|entity| (number, entity)),
                None => Some((number, entity.clone())),
            }
        });
        let own = order.keys.range((start, Bound::Unbounded)).filter_map(|(number, key)| Some((*number, self.get(key)?)));
        from_baseline.chain(own).skip(skip).take(limit).collect()
    }

    /// Returns the number of entities.
    pub fn len(&self) -> usize {
        let order = self.read_order();
        self.baseline.as_ref().map_or(0, |baseline| baseline.entities.len()) - order.removed + order.keys.len()
    }

    /// Returns whether the collection is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // Nothing panics between the changes to map and index, so a poisoned lock still guards a consistent index.
    fn write_order(&self) -> RwLockWriteGuard<'_, Order> {
        self.order.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_order(&self) -> RwLockReadGuard<'_, Order> {
        self.order.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        let of = |record: &EntityRecord| record.entity.as_ref().map_or(0, |entity| entity.uncount_holder()) + RECORD_BYTES;
        let held: usize = self.entities.iter().map(|record| of(&record)).sum();
        self.share.budget.change(0, held + self.own_bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edm::value::{Complex, Value};

    fn entity(key: &str, number: i32) -> Arc<StoredEntity> {
        let properties = Complex { values: vec![Value::Int32(number)].into(), dynamic: Vec::new() };
        Arc::new(StoredEntity::new(key.into(), properties))
    }

    fn unlimited() -> Arc<Budget> {
        Arc::new(Budget::new(usize::MAX))
    }

    fn over(baseline: &Arc<Baseline>) -> Collection {
        Collection::over(baseline.clone(), Arc::default())
    }

    impl From<StoreFull> for () {
        fn from(_: StoreFull) {}
    }

    impl From<StoreFull> for &'static str {
        fn from(_: StoreFull) -> &'static str {
            "full"
        }
    }

    fn keys(collection: &Collection) -> String {
        collection.list().iter().map(|entity| entity.key.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn entities_are_in_the_order_of_insertion() {
        let collection = Collection::default();
        for key in ["c", "a", "d", "b"] {
            collection.insert(entity(key, 0)).unwrap();
        }
        assert_eq!(collection.insert(entity("a", 1)), Err(InsertError::DuplicateKey));
        assert!(collection.update("c", |old| Ok::<_, ()>(Entity::new(old.key.clone(), old.properties.clone()))).is_some());
        assert!(collection.remove("a").unwrap().is_some() && collection.remove("a").unwrap().is_none());
        collection.insert(entity("a", 2)).unwrap();
        assert_eq!(keys(&collection), "c d b a");
        assert_eq!(collection.len(), 4);
        assert!(collection.get("A").is_none(), "keys are case-sensitive");
    }

    /// Returns the address of a collection of the built-in schema.
    fn address(schema: &Schema, path: &str) -> CollectionAddress {
        let names: Vec<&str> = path.split('/').collect();
        let root: CollectionAddress = schema.set_named(names[0]).unwrap().into();
        names[1..].chunks(2).fold(root, |address, step| {
            let set = schema.set_named(step[1]).unwrap();
            address.within(schema, step[0], set)
        })
    }

    #[test]
    fn contained_collections_belong_to_their_entity_and_are_emptied_with_it() {
        let schema = crate::workloads::schema();
        let shifts = |team: &str| address(&schema, &format!("teams/{team}/schedule/schedule/shifts"));
        let store = Store::new(&schema, &unlimited());
        assert!(store.at(&shifts("a")).is_empty());
        store.at(&shifts("a")).insert(entity("1", 0)).unwrap();
        store.at(&shifts("ab")).insert(entity("1", 0)).unwrap();
        assert_eq!((keys(&store.at(&shifts("a"))), store.count(shifts("a").set)), ("1".to_owned(), 2));
        let fork = Store::over(&store.baselines().unwrap());
        fork.at(&shifts("a")).insert(entity("2", 0)).unwrap();
        assert_eq!((keys(&fork.at(&shifts("a"))), keys(&store.at(&shifts("a")))), ("1 2".to_owned(), "1".to_owned()));
        for store in [fork, Store::over(&store.baselines().unwrap())] {
            let team: CollectionAddress = schema.set_named("teams").unwrap().into();
            store.empty_within(&team.address(&schema, "a"));
            assert!(store.at(&shifts("a")).is_empty(), "the baseline does not come back");
            assert_eq!(keys(&store.at(&shifts("ab"))), "1", "another key begins with the same letters");
            assert_eq!(store.entities().len(), 1);
        }
    }

    #[test]
    fn addresses_are_those_of_context_urls() {
        let schema = crate::workloads::schema();
        let shifts = address(&schema, "teams/it's 19:x/schedule/schedule/shifts");
        assert_eq!(shifts.address(&schema, "SHFT_1"), "teams('it%27%27s%2019%3Ax')/schedule/shifts('SHFT_1')");
        assert_eq!(address(&schema, "teams/1/schedule").address(&schema, "any"), "teams('1')/schedule");
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let collection = Collection::default();
        let first = entity("a", 1);
        collection.insert(first.clone()).unwrap();
        assert!(matches!(collection.update("a", |_| Err("no")), Some(Err("no"))));
        assert!(Arc::ptr_eq(&collection.get("a").unwrap(), &first));
        assert!(collection.update("b", |_| Err("never called")).is_none());
    }

    /// Runs two functions at the same time, started together.
    fn at_once<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                barrier.wait();
                other()
            });
            barrier.wait();
            (one(), other.join().unwrap())
        })
    }

    /// Increments an entity, and yields to other threads under its lock.
    fn count_up(collection: &Collection, key: &str) -> bool {
        let updated = collection.update(key, |old| {
            let Value::Int32(number) = old.properties.values[0] else { return Err(()) };
            std::thread::yield_now();
            let properties = Complex { values: vec![Value::Int32(number + 1)].into(), dynamic: Vec::new() };
            Ok(Entity::new(key.into(), properties))
        });
        updated.is_some_and(|updated| updated.is_ok())
    }

    #[test]
    fn updates_that_meet_lose_nothing_and_bring_nothing_back() {
        for round in 0..300 {
            let collection = if round % 2 == 0 {
                Collection::default()
            } else {
                over(&Arc::new(Baseline::new([entity("a", 0)], &unlimited(), 0)))
            };
            let _ = collection.insert(entity("a", 0));
            let many = || (0..5).all(|_| count_up(&collection, "a"));
            assert_eq!(at_once(many, many), (true, true));
            assert_eq!(collection.get("a").unwrap().properties.values[0], Value::Int32(10), "round {round}");

            let (_, removed) = at_once(|| count_up(&collection, "a"), || collection.remove("a").unwrap());
            assert!(removed.is_some() && collection.get("a").is_none() && collection.is_empty(), "round {round}");
            assert!(collection.list().is_empty(), "round {round}");

            for _ in 0..10 {
                collection.insert(entity("a", 0)).unwrap();
                let removed = at_once(|| collection.remove("a").unwrap().is_some(), || collection.remove("a").unwrap().is_some());
                assert!(removed.0 ^ removed.1, "round {round}: it is removed once");
            }

            let inserted = at_once(|| collection.insert(entity("a", 1)), || collection.insert(entity("a", 2)));
            assert!(inserted.0.is_ok() ^ inserted.1.is_ok(), "round {round}: it is inserted once");
            assert_eq!((collection.len(), collection.list().len()), (1, 1), "round {round}");
        }
    }

    #[test]
    fn a_write_beyond_the_limit_stores_nothing() {
        let schema = crate::workloads::schema();
        let set = schema.set_ids().next().unwrap();
        let long = |key: &str, length: usize| {
            let properties = Complex { values: vec![Value::String("x".repeat(length).into())].into(), dynamic: Vec::new() };
            Entity::new(key.into(), properties)
        };
        let budget = Arc::new(Budget::new(100_000));
        let store = Store::new(&schema, &budget);
        let collection = store.collection(set);
        let full = StoreFull { limit: 100_000 };
        assert_eq!(collection.insert(Arc::new(long("a", 50_000).into())), Err(InsertError::Full(full)), "its text counts, too");
        assert_eq!((budget.used(), collection.len()), (0, 0));
        collection.insert(Arc::new(long("a", 20_000).into())).unwrap();
        let held = budget.used();
        assert!(held > 40_000);
        let grown = collection.update("a", |_| Ok::<_, StoreFull>(long("a", 60_000)));
        assert!(matches!(grown, Some(Err(error)) if error == full));
        assert_eq!((budget.used(), collection.get("a").unwrap().size()), (held, held - RECORD_BYTES));
        assert!(
            matches!(collection.update("a", |_| Ok::<_, StoreFull>(long("a", 25_000))), Some(Ok(_))),
            "the old one makes room"
        );
        assert!(matches!(collection.update("a", |_| Ok::<_, StoreFull>(long("a", 10))), Some(Ok(_))));
        assert!(budget.used() < 4_000, "{}", budget.used());
        // A deletion of an entity that others share takes room, and one of a store's own entity gives some back.
        let fork = Store::over(&store.baselines().unwrap());
        let taken = budget.take(100_000 - budget.used()).unwrap();
        assert_eq!(fork.collection(set).remove("a").err(), Some(full));
        assert!(matches!(fork.collection(set).update("a", |_| Ok::<_, StoreFull>(long("a", 10))), Some(Err(_))));
        assert_eq!((fork.collection(set).len(), budget.used()), (1, 100_000));
        drop(taken);
        assert!(fork.collection(set).remove("a").unwrap().is_some() && collection.remove("a").unwrap().is_some());
        drop(fork);
        assert_eq!(budget.used(), 0, "forks and deletions give back all");
    }

    #[test]
    fn a_text_that_was_not_counted_is_not_cached() {
        let stored = StoredEntity::from(Entity::new("a".into(), Complex { values: Box::default(), dynamic: Vec::new() }));
        assert!(stored.size() > TEXT_BYTES);
        let schema = crate::workloads::schema();
        let shipped = crate::world::fixture::shipped(&schema, &crate::policy::behavior::Behaviors::default()).unwrap();
        let world =
            crate::world::World::new(crate::world::settings::Settings { entities: shipped, ..crate::workloads::settings() });
        let model = world.schema.widest();
        for (address, entity) in world.store.entities() {
            let (_, structured) = world.schema.entity_type(model, address.set).unwrap();
            let holder = crate::odata::write::Holder::Collection("teams('3d88b7a2-f988-4f4b-bb34-d66df66af126')/schedule/shifts");
            for level in [crate::odata::format::Level::Full, crate::odata::format::Level::Minimal] {
                let representation = crate::odata::write::Representation::of(model, &world.behaviors, Some(level), true);
                let mut out = Vec::new();
                crate::odata::write::write_cached(&representation, structured, holder, &entity, &entity.text, &mut out);
                assert!(out.len() > 100);
            }
            // A text with annotations may be too long, and leaves the cache to others.
            assert!(entity.text.length().is_some(), "an ordinary text of an entity of {} bytes is cached", entity.size());
        }
        let quotes =
            Complex { values: vec![Value::Null, Value::String("\u{1}".repeat(2_000).into())].into(), dynamic: Vec::new() };
        let mut properties = Complex::blank(world.schema.entity_type(model, world.schema.set_ids().next().unwrap()).unwrap().1);
        properties.values.iter_mut().for_each(|value| *value = quotes.values[1].clone());
        let (address, _) = world.store.entities()[0].clone();
        let entity = StoredEntity::new("q".into(), properties);
        let (_, structured) = world.schema.entity_type(model, address.set).unwrap();
        let representation = crate::odata::write::Representation::for_state(model);
        let mut texts = [Vec::new(), Vec::new()];
        for text in &mut texts {
            crate::odata::write::write_cached(
                &representation,
                structured,
                crate::odata::write::Holder::Collection(""),
                &entity,
                &entity.text,
                text,
            );
        }
        assert!(entity.text.length().is_none() && texts[0].len() > entity.size() && texts[0] == texts[1]);
    }

    #[test]
    fn forks_share_entities_until_the_original_changes() {
        let schema = crate::workloads::schema();
        let set = schema.set_ids().next().unwrap();
        let budget = unlimited();
        let store = Store::new(&schema, &budget);
        for number in 0..1_000 {
            store.collection(set).insert(entity(&number.to_string(), number)).unwrap();
        }
        let shared = |one: &Baselines, other: &Baselines| {
            let of = |baselines: &Baselines| baselines.trees[set.index()].clone().unwrap();
            Arc::ptr_eq(&of(one), &of(other))
        };
        let first = store.baselines().unwrap();
        let held = budget.used();
        let second = store.baselines().unwrap();
        assert!(shared(&first, &second) && budget.used() == held, "another fork costs nothing");
        let fork = Store::over(&second);
        assert!(shared(&first, &fork.baselines().unwrap()), "nor does a fork of an unchanged fork");
        let refused = store.collection(set).update("1", |_| Err::<Entity, _>(()));
        assert!(matches!(refused, Some(Err(()))) && shared(&first, &store.baselines().unwrap()));
        let changes: [fn(&Collection); 3] = [
            |collection| assert!(count_up(collection, "5")),
            |collection| collection.insert(entity("new", 0)).unwrap(),
            |collection| drop(collection.remove("7").unwrap().unwrap()),
        ];
        for change in changes {
            let before = store.baselines().unwrap();
            change(&store.collection(set));
            let after = store.baselines().unwrap();
            assert!(!shared(&before, &after));
            let contents = |store: &Store| -> Vec<(String, Complex)> {
                store.entities().iter().map(|(_, entity)| (entity.key.to_string(), entity.properties.clone())).collect()
            };
            assert!(contents(&Store::over(&after)) == contents(&store));
        }
        drop((first, second, fork));
        assert_eq!(keys(&store.collection(set)).split(' ').count(), 1_000);
    }

    #[test]
    fn a_fork_has_every_write_that_came_before() {
        let schema = crate::workloads::schema();
        let set = schema.set_ids().next().unwrap();
        for _ in 0..50 {
            let store = Store::new(&schema, &unlimited());
            store.collection(set).insert(entity("a", 0)).unwrap();
            let written = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for number in 1..=200 {
                        assert!(count_up(&store.collection(set), "a"));
                        written.store(number, Ordering::Release);
                    }
                });
                while written.load(Ordering::Acquire) < 200 {
                    let before = written.load(Ordering::Acquire);
                    let fork = Store::over(&store.baselines().unwrap());
                    let Value::Int32(seen) = fork.collection(set).get("a").unwrap().properties.values[0] else { panic!() };
                    assert!(usize::try_from(seen).unwrap() >= before, "{seen} after {before}");
                }
            });
        }
    }

    /// An operation on a collection.
    #[derive(Clone, Copy, Debug)]
    enum Operation {
        Insert(u8),
        Update(u8),
        Refuse(u8),
        Remove(u8),
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn a_collection_over_a_baseline_behaves_like_a_filled_one(
            initial in proptest::collection::hash_set(0..8_u8, 0..8),
            operations in proptest::collection::vec((0..4_u8, 0..10_u8), 0..30),
        ) {
            let keys: Vec<String> = initial.iter().map(u8::to_string).collect();
            let seeds: Vec<Arc<StoredEntity>> = keys.iter().map(|key| entity(key, 0)).collect();
            let baseline = Arc::new(Baseline::new(seeds.clone(), &unlimited(), 0));
            let (over, filled) = (over(&baseline), Collection::default());
            for seed in seeds {
                filled.insert(seed).unwrap();
            }
            for (number, (kind, key)) in operations.into_iter().enumerate() {
                let operation = match kind { 0 => Operation::Insert(key), 1 => Operation::Update(key), 2 => Operation::Refuse(key), _ => Operation::Remove(key) };
                let number = i32::try_from(number).unwrap() + 1;
                let outcome = |collection: &Collection| match operation {
                    Operation::Insert(key) => collection.insert(entity(&key.to_string(), number)).is_ok(),
                    Operation::Update(key) => collection.update(&key.to_string(), |old| Ok::<_, ()>(Entity::new(old.key.clone(), entity("", number).properties.clone()))).is_some(),
                    Operation::Refuse(key) => collection.update(&key.to_string(), |_| Err(())).is_some(),
                    Operation::Remove(key) => collection.remove(&key.to_string()).unwrap().is_some(),
                };
                prop_assert_eq!(outcome(&over), outcome(&filled), "{:?}", operation);
                let contents = |collection: &Collection| -> Vec<(String, Complex)> {
                    collection.list().iter().map(|entity| (entity.key.to_string(), entity.properties.clone())).collect()
                };
                prop_assert_eq!(contents(&over), contents(&filled));
                prop_assert_eq!(over.len(), filled.len());
                for behind in [None, Some(0), Some(2), Some(7), Some(u64::MAX)] {
                    let all = over.page(None, 0, usize::MAX);
                    let expected: Vec<u64> = all.iter().map(|(number, _)| *number).filter(|number| behind.is_none_or(|behind| *number > behind)).skip(1).take(2).collect();
                    prop_assert_eq!(over.page(behind, 1, 2).iter().map(|(number, _)| *number).collect::<Vec<_>>(), expected);
                }
                for key in 0..10_u8 {
                    let key = key.to_string();
                    prop_assert_eq!(over.get(&key).map(|entity| entity.properties.clone()), filled.get(&key).map(|entity| entity.properties.clone()));
                    prop_assert_eq!(over.with_entity(&key, |_| ()).is_some(), filled.get(&key).is_some());
                }
            }
            prop_assert!(baseline.entities.iter().all(|entity| entity.properties.values[0] == Value::Int32(0)));
        }
    }
}
