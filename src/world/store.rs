//! Entities in memory: a constant-time look-up by key, and lists in the order of creation.
//!
//! Each collection is a `DashMap` from key to entity, and an ordered index beside it from sequence number to key. Reading and
//! updating one entity touch the map alone. Creating, deleting and listing take the index too, always *index first, then map*:
//! that is the one lock order.
//!
//! Collections of many worlds may share one [`Baseline`], the initial entities: a collection stores only its changes. The cost of a new
//! collection does not depend on the number of entities.
//!
//! Root sets have their collection from the start, found by the number of the set. Contained collections are found by the address of
//! their holder, and created on first use.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::ops::{Bound, Deref};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;

use crate::edm::schema::{Schema, SetId};
use crate::edm::value::{Complex, Entity};
use crate::odata::write::TextCache;

pub(crate) use crate::edm::address::CollectionAddress;

/// An entity in a store, with the cached text of its members.
///
/// An update stores a new entity, so the text is never out of date. Only the store keeps the text: others, such as the journal, keep the
/// entity alone.
#[derive(Debug)]
pub struct StoredEntity {
    entity: Arc<Entity>,
    /// The text of the members in the style of the first response that has them.
    pub text: TextCache,
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
}

impl From<Entity> for StoredEntity {
    fn from(entity: Entity) -> StoredEntity {
        StoredEntity { entity: Arc::new(entity), text: TextCache::default() }
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
    /// The collections of root sets, by the numbers of their sets up to the last root set. Other sets have no collection here.
    roots: Box<[Option<Collection>]>,
    /// The contained collections that are in use.
    contained: RwLock<BTreeMap<CollectionAddress, Arc<Collection>>>,
    /// The baselines of contained collections.
    baselines: Arc<BTreeMap<CollectionAddress, Arc<Baseline>>>,
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
    pub fn new(schema: &Schema) -> Store {
        let roots = by_root(schema, |_| Collection::default());
        Store { roots, contained: RwLock::default(), baselines: Arc::default() }
    }

    /// Returns a store with the entities of baselines, which many stores can share.
    pub fn over(baselines: &Baselines) -> Store {
        let root = |baseline: &Option<Arc<Baseline>>| baseline.clone().map(Collection::over);
        Store {
            roots: baselines.roots.iter().map(root).collect(),
            contained: RwLock::default(),
            baselines: baselines.contained.clone(),
        }
    }

    /// Returns the collection of a root set.
    pub fn collection(&self, set: SetId) -> CollectionRef<'_> {
        self.at(&set.into())
    }

    /// Returns the collection at an address. Creates it if absent; the caller checks that the parent entity exists.
    pub fn at(&self, address: &CollectionAddress) -> CollectionRef<'_> {
        match self.roots.get(address.set.index()) {
            Some(Some(collection)) => CollectionRef::Root(collection),
            _ => CollectionRef::Contained(self.contained(address)),
        }
    }

    fn contained(&self, address: &CollectionAddress) -> Arc<Collection> {
        if let Some(collection) = self.contained.read().unwrap_or_else(PoisonError::into_inner).get(address) {
            return collection.clone();
        }
        let create = || {
            Arc::new(self.baselines.get(address).map_or_else(Collection::small, |baseline| Collection::over(baseline.clone())))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        contained.entry(address.clone()).or_insert_with(create).clone()
    }

    /// Returns the addresses of all collections, those of root sets first.
    pub fn addresses(&self) -> Vec<CollectionAddress> {
        let roots = self.roots.iter().zip(0..).filter(|(root, _)| root.is_some()).map(|(_, index)| SetId::at(index).into());
        let in_use = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        let contained: BTreeSet<CollectionAddress> = in_use.keys().chain(self.baselines.keys()).cloned().collect();
        roots.chain(contained).collect()
    }

    /// Returns all entities with their addresses, in the order of [`Store::addresses`].
    pub fn entities(&self) -> Vec<(CollectionAddress, Arc<StoredEntity>)> {
        let at = |address: CollectionAddress| self.at(&address).list().into_iter().map(move |entity| (address.clone(), entity));
        self.addresses().into_iter().flat_map(at).collect()
    }

    /// Empties all collections within a deleted entity, at any depth. `entity` is its address.
    pub fn empty_within(&self, entity: &str) {
        let is_within = |address: &&CollectionAddress| {
            let rest = address.holder.as_deref().and_then(|holder| holder.strip_prefix(entity));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        let addresses: BTreeSet<CollectionAddress> =
            contained.keys().chain(self.baselines.keys()).filter(is_within).cloned().collect();
        // An empty collection stays, to hide the baseline.
        contained.extend(addresses.into_iter().map(|address| (address, Arc::new(Collection::small()))));
    }

    /// Returns the number of entities of a set in all its collections.
    pub fn count(&self, set: SetId) -> usize {
        self.addresses().into_iter().filter(|address| address.set == set).map(|address| self.at(&address).len()).sum()
    }
}

/// Returns one value for each root set, indexed by the numbers of the sets. There are many stores, so the list ends with the last root set.
fn by_root<T>(schema: &Schema, mut create: impl FnMut(SetId) -> T) -> Box<[Option<T>]> {
    let count = schema.root_sets().last().map_or(0, |last| last.index() + 1);
    schema.set_ids().take(count).map(|set| schema.set(set).parent.is_none().then(|| create(set))).collect()
}

/// The initial entities of many stores.
#[derive(Debug)]
pub struct Baselines {
    roots: Box<[Option<Arc<Baseline>>]>,
    contained: Arc<BTreeMap<CollectionAddress, Arc<Baseline>>>,
}

impl Baselines {
    /// Returns baselines of these entities. Of two entities with one key in one collection the first is used.
    pub fn of(schema: &Schema, entities: &[(CollectionAddress, Arc<StoredEntity>)]) -> Baselines {
        let mut by_address: BTreeMap<&CollectionAddress, Vec<Arc<StoredEntity>>> = BTreeMap::new();
        for (address, entity) in entities {
            by_address.entry(address).or_default().push(entity.clone());
        }
        let mut baseline = |address: &CollectionAddress| Arc::new(Baseline::new(by_address.remove(address).unwrap_or_default()));
        let roots = by_root(schema, |set| baseline(&set.into()));
        let contained = by_address.into_iter().map(|(address, entities)| (address.clone(), Arc::new(Baseline::new(entities))));
        Baselines { roots, contained: Arc::new(contained.collect()) }
    }
}

/// Entities that collections share until they change them, copied on write.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    entities: Vec<Arc<StoredEntity>>,
    indexes: HashMap<Arc<str>, usize>,
}

impl Baseline {
    /// Returns a baseline. Of two entities with one key the first is used.
    pub(crate) fn new(entities: impl IntoIterator<Item = Arc<StoredEntity>>) -> Baseline {
        let mut baseline = Baseline::default();
        for entity in entities {
            if let hash_map::Entry::Vacant(vacant) = baseline.indexes.entry(entity.key.clone()) {
                vacant.insert(baseline.entities.len());
                baseline.entities.push(entity);
            }
        }
        baseline
    }

    fn get(&self, key: &str) -> Option<(u64, &Arc<StoredEntity>)> {
        let index = *self.indexes.get(key)?;
        Some((number_of(index), &self.entities[index]))
    }
}

/// Returns the sequence number of an index in a baseline.
fn number_of(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

/// The entities of one set.
#[derive(Debug, Default)]
pub struct Collection {
    /// The initial entities, if shared.
    baseline: Option<Arc<Baseline>>,
    /// The entities and deletions that differ from the baseline.
    entities: DashMap<Arc<str>, EntityRecord, RandomState>,
    order: RwLock<Order>,
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

/// The key is in use.
#[derive(Debug, PartialEq, Eq)]
pub struct DuplicateKey;

/// An entity before and after an update.
#[derive(Debug)]
pub struct StoreUpdate {
    /// The entity before.
    pub before: Arc<StoredEntity>,
    /// The entity after.
    pub after: Arc<StoredEntity>,
}

impl Collection {
    /// Returns an empty collection with a small footprint: there may be one per entity.
    fn small() -> Collection {
        Collection::over(Arc::default())
    }

    fn over(baseline: Arc<Baseline>) -> Collection {
        let order = Order { next: number_of(baseline.entities.len()), ..Order::default() };
        // There are thousands of such collections, and an empty map takes a few hundred bytes per shard.
        Collection {
            baseline: Some(baseline),
            entities: DashMap::with_hasher_and_shard_amount(RandomState::default(), 2),
            order: RwLock::new(order),
        }
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
    pub fn insert(&self, entity: Arc<StoredEntity>) -> Result<(), DuplicateKey> {
        let mut order = self.write_order();
        let is_in_baseline = self.baseline_entity(&entity.key).is_some();
        match self.entities.entry(entity.key.clone()) {
            Entry::Occupied(occupied) if occupied.get().entity.is_some() => Err(DuplicateKey),
            Entry::Vacant(_) if is_in_baseline => Err(DuplicateKey),
            entry => {
                let number = order.next;
                order.next += 1;
                order.keys.insert(number, entity.key.clone());
                entry.insert(EntityRecord { number, entity: Some(entity) });
                Ok(())
            }
        }
    }

    /// Replaces the entity with a key by the result of a function, atomically.
    ///
    /// The function runs under the lock of the entity's shard, so it must be quick and must not use the store.
    pub fn update<E>(&self, key: &str, change: impl FnOnce(&Entity) -> Result<Entity, E>) -> Option<Result<StoreUpdate, E>> {
        let replace = |current: &mut Arc<StoredEntity>| {
            change(current).map(|entity| {
                let after = Arc::new(StoredEntity::from(entity));
                StoreUpdate { before: std::mem::replace(current, after.clone()), after }
            })
        };
        if let Some(mut stored) = self.entities.get_mut(key) {
            return stored.entity.as_mut().map(replace);
        }
        let (number, initial) = self.baseline_entity(key)?;
        match self.entities.entry(initial.key.clone()) {
            // Another update came first.
            Entry::Occupied(mut occupied) => occupied.get_mut().entity.as_mut().map(replace),
            Entry::Vacant(vacant) => {
                let mut current = initial.clone();
                let changed = replace(&mut current);
                if changed.is_ok() {
                    vacant.insert(EntityRecord { number, entity: Some(current) });
                }
                Some(changed)
            }
        }
    }

    /// Removes the entity with a key.
    pub fn remove(&self, key: &str) -> Option<Arc<StoredEntity>> {
        let mut order = self.write_order();
        let Some((number, initial)) = self.baseline_entity(key) else {
            let (_, stored) = self.entities.remove(key)?;
            order.keys.remove(&stored.number);
            return stored.entity;
        };
        // A deletion of the baseline's key must be recorded.
        let removed = match self.entities.entry(initial.key.clone()) {
            Entry::Occupied(mut occupied) => {
                let stored = occupied.get_mut();
                let removed = stored.entity.take()?;
                if order.keys.remove(&stored.number).is_none() {
                    order.removed += 1;
                }
                stored.number = number;
                removed
            }
            Entry::Vacant(vacant) => {
                vacant.insert(EntityRecord { number, entity: None });
                order.removed += 1;
                initial.clone()
            }
        };
        Some(removed)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edm::value::{Complex, Value};

    fn entity(key: &str, number: i32) -> Arc<StoredEntity> {
        let properties = Complex { values: vec![Value::Int32(number)].into(), dynamic: Vec::new() };
        Arc::new(StoredEntity::new(key.into(), properties))
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
        assert_eq!(collection.insert(entity("a", 1)), Err(DuplicateKey));
        assert!(collection.update("c", |old| Ok::<_, ()>(Entity::new(old.key.clone(), old.properties.clone()))).is_some());
        assert!(collection.remove("a").is_some() && collection.remove("a").is_none());
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
        let store = Store::new(&schema);
        assert!(store.at(&shifts("a")).is_empty());
        store.at(&shifts("a")).insert(entity("1", 0)).unwrap();
        store.at(&shifts("ab")).insert(entity("1", 0)).unwrap();
        assert_eq!((keys(&store.at(&shifts("a"))), store.count(shifts("a").set)), ("1".to_owned(), 2));
        let fork = Store::over(&Baselines::of(&schema, &store.entities()));
        fork.at(&shifts("a")).insert(entity("2", 0)).unwrap();
        assert_eq!((keys(&fork.at(&shifts("a"))), keys(&store.at(&shifts("a")))), ("1 2".to_owned(), "1".to_owned()));
        for store in [fork, Store::over(&Baselines::of(&schema, &store.entities()))] {
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
            let collection =
                if round % 2 == 0 { Collection::default() } else { Collection::over(Arc::new(Baseline::new([entity("a", 0)]))) };
            let _ = collection.insert(entity("a", 0));
            let many = || (0..5).all(|_| count_up(&collection, "a"));
            assert_eq!(at_once(many, many), (true, true));
            assert_eq!(collection.get("a").unwrap().properties.values[0], Value::Int32(10), "round {round}");

            let (_, removed) = at_once(|| count_up(&collection, "a"), || collection.remove("a"));
            assert!(removed.is_some() && collection.get("a").is_none() && collection.is_empty(), "round {round}");
            assert!(collection.list().is_empty(), "round {round}");

            for _ in 0..10 {
                collection.insert(entity("a", 0)).unwrap();
                let removed = at_once(|| collection.remove("a").is_some(), || collection.remove("a").is_some());
                assert!(removed.0 ^ removed.1, "round {round}: it is removed once");
            }

            let inserted = at_once(|| collection.insert(entity("a", 1)), || collection.insert(entity("a", 2)));
            assert!(inserted.0.is_ok() ^ inserted.1.is_ok(), "round {round}: it is inserted once");
            assert_eq!((collection.len(), collection.list().len()), (1, 1), "round {round}");
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
            let baseline = Arc::new(Baseline::new(seeds.clone()));
            let (over, filled) = (Collection::over(baseline.clone()), Collection::default());
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
                    Operation::Remove(key) => collection.remove(&key.to_string()).is_some(),
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
