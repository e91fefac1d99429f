//! Entities in memory: found by key at once, listed in the order in which they came.
//!
//! Each collection is a `DashMap` from key to entity, and an ordered index beside it from sequence number to key. Reading and
//! updating one entity touch the map alone. Creating, deleting and listing take the index too, always *index first, then map*:
//! that is the one lock order.
//!
//! Collections of many tenants may stand on one [`Baseline`]: what they all began with is kept once, and a collection keeps only what
//! it has changed. To begin one costs the same however many entities there are.
//!
//! Sets that no entity contains have their collection at once, found by the number of the set. What entities contain is found by the
//! address of its holder, and made when it is first asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::ops::{Bound, Deref};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;

use crate::edm::schema::{Schema, SetId};
use crate::edm::value::Entity;

pub use crate::edm::address::CollectionAddress;

/// All collections of a tenant.
#[derive(Debug)]
pub struct Store {
    /// Those that no entity contains, by the numbers of their sets up to the last such set. Sets whose collections are contained have none
    /// here.
    roots: Box<[Option<Collection>]>,
    /// Those that entities contain, as far as they were asked for.
    contained: RwLock<BTreeMap<CollectionAddress, Arc<Collection>>>,
    /// What those begin with.
    founded: Arc<BTreeMap<CollectionAddress, Arc<Baseline>>>,
}

/// A collection of a store.
#[derive(Debug)]
pub enum CollectionRef<'s> {
    /// One that no entity contains.
    Root(&'s Collection),
    /// One that an entity contains. It stays usable if the entity is taken out meanwhile, but nobody finds it again.
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
        Store { roots, contained: RwLock::default(), founded: Arc::default() }
    }

    /// Returns a store whose collections begin with the entities of foundations. What is common to many stores is kept once.
    pub fn over(foundations: &Baselines) -> Store {
        let root = |foundation: &Option<Arc<Baseline>>| foundation.clone().map(Collection::over);
        Store {
            roots: foundations.roots.iter().map(root).collect(),
            contained: RwLock::default(),
            founded: foundations.contained.clone(),
        }
    }

    /// Returns the collection of a set that no entity contains.
    pub fn collection(&self, set: SetId) -> CollectionRef<'_> {
        self.at(&set.into())
    }

    /// Returns the collection at a place. Whether the entity is there that contains it is for the caller to know: the collection is made
    /// for whoever asks.
    pub fn at(&self, place: &CollectionAddress) -> CollectionRef<'_> {
        match self.roots.get(place.set.index()) {
            Some(Some(collection)) => CollectionRef::Root(collection),
            _ => CollectionRef::Contained(self.contained(place)),
        }
    }

    fn contained(&self, place: &CollectionAddress) -> Arc<Collection> {
        if let Some(collection) = self.contained.read().unwrap_or_else(PoisonError::into_inner).get(place) {
            return collection.clone();
        }
        let begun = || Arc::new(self.founded.get(place).map_or_else(Collection::small, |found| Collection::over(found.clone())));
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        contained.entry(place.clone()).or_insert_with(begun).clone()
    }

    /// Returns the places of all collections that are there, those that no entity contains first.
    pub fn places(&self) -> Vec<CollectionAddress> {
        let roots = self.roots.iter().zip(0..).filter(|(root, _)| root.is_some()).map(|(_, index)| SetId::at(index).into());
        let made = self.contained.read().unwrap_or_else(PoisonError::into_inner);
        let contained: BTreeSet<CollectionAddress> = made.keys().chain(self.founded.keys()).cloned().collect();
        roots.chain(contained).collect()
    }

    /// Returns all entities with their places, in the order of [`Store::places`].
    pub fn entities(&self) -> Vec<(CollectionAddress, Arc<Entity>)> {
        let at = |place: CollectionAddress| self.at(&place).list().into_iter().map(move |entity| (place.clone(), entity));
        self.places().into_iter().flat_map(at).collect()
    }

    /// Empties what an entity contains, and what that contains, since the entity is gone. `address` is that of the entity.
    pub fn empty_within(&self, address: &str) {
        let is_within = |place: &&CollectionAddress| {
            let rest = place.holder.as_deref().and_then(|holder| holder.strip_prefix(address));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut contained = self.contained.write().unwrap_or_else(PoisonError::into_inner);
        let places: BTreeSet<CollectionAddress> =
            contained.keys().chain(self.founded.keys()).filter(is_within).cloned().collect();
        // An empty one stays, so that what was there at the beginning does not come back.
        contained.extend(places.into_iter().map(|place| (place, Arc::new(Collection::small()))));
    }

    /// Returns how many entities a set has in all its collections.
    pub fn count(&self, set: SetId) -> usize {
        self.places().into_iter().filter(|place| place.set == set).map(|place| self.at(&place).len()).sum()
    }
}

/// Makes something for each set that no entity contains, in the places of the sets' numbers. There are many stores, so nothing is kept for
/// the sets behind the last of them.
fn by_root<T>(schema: &Schema, mut make: impl FnMut(SetId) -> T) -> Box<[Option<T>]> {
    let count = schema.root_sets().last().map_or(0, |last| last.index() + 1);
    schema.set_ids().take(count).map(|set| schema.set(set).parent.is_none().then(|| make(set))).collect()
}

/// What many stores begin with.
#[derive(Debug)]
pub struct Baselines {
    roots: Box<[Option<Arc<Baseline>>]>,
    contained: Arc<BTreeMap<CollectionAddress, Arc<Baseline>>>,
}

impl Baselines {
    /// Returns foundations of these entities. Of two with one key in one place the first stays.
    pub fn of(schema: &Schema, entities: &[(CollectionAddress, Arc<Entity>)]) -> Baselines {
        let mut by_place: BTreeMap<&CollectionAddress, Vec<Arc<Entity>>> = BTreeMap::new();
        for (place, entity) in entities {
            by_place.entry(place).or_default().push(entity.clone());
        }
        let mut founded = |place: &CollectionAddress| Arc::new(Baseline::new(by_place.remove(place).unwrap_or_default()));
        let roots = by_root(schema, |set| founded(&set.into()));
        let contained = by_place.into_iter().map(|(place, entities)| (place.clone(), Arc::new(Baseline::new(entities))));
        Baselines { roots, contained: Arc::new(contained.collect()) }
    }
}

/// Entities that collections share until they change them.
#[derive(Debug, Default)]
pub struct Baseline {
    entities: Vec<Arc<Entity>>,
    places: HashMap<Arc<str>, usize>,
}

impl Baseline {
    /// Returns a foundation. Of two entities with one key the first stays.
    pub fn new(entities: impl IntoIterator<Item = Arc<Entity>>) -> Baseline {
        let mut foundation = Baseline::default();
        for entity in entities {
            if let hash_map::Entry::Vacant(vacant) = foundation.places.entry(entity.key.clone()) {
                vacant.insert(foundation.entities.len());
                foundation.entities.push(entity);
            }
        }
        foundation
    }

    fn get(&self, key: &str) -> Option<(u64, &Arc<Entity>)> {
        let place = *self.places.get(key)?;
        Some((number_of(place), &self.entities[place]))
    }
}

/// Returns the number in the order that a place in a foundation has.
fn number_of(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

/// The entities of one set.
#[derive(Debug, Default)]
pub struct Collection {
    /// What the collection began with, if it shares that with others.
    foundation: Option<Arc<Baseline>>,
    /// What is not as the foundation has it.
    entities: DashMap<Arc<str>, Stored, RandomState>,
    order: RwLock<Order>,
}

#[derive(Debug, Default)]
struct Order {
    /// The keys of what is not in the foundation.
    keys: BTreeMap<u64, Arc<str>>,
    /// How many of the foundation's entities have been taken out.
    removed: usize,
    next: u64,
}

#[derive(Debug)]
struct Stored {
    /// The entity's place in the order.
    number: u64,
    /// Nothing, where the foundation's entity has been taken out.
    entity: Option<Arc<Entity>>,
}

/// An entity with this key is there already.
#[derive(Debug, PartialEq, Eq)]
pub struct DuplicateKey;

/// What an update made of an entity.
#[derive(Debug)]
pub struct StoreUpdate {
    /// The entity as it was.
    pub before: Arc<Entity>,
    /// The entity as it is.
    pub after: Arc<Entity>,
}

impl Collection {
    /// Returns an empty collection that takes little room: there are as many as entities that contain one.
    fn small() -> Collection {
        Collection::over(Arc::default())
    }

    fn over(foundation: Arc<Baseline>) -> Collection {
        let order = Order { next: number_of(foundation.entities.len()), ..Order::default() };
        // There are thousands of such collections, and an empty map takes a few hundred bytes per part.
        Collection {
            foundation: Some(foundation),
            entities: DashMap::with_hasher_and_shard_amount(RandomState::default(), 2),
            order: RwLock::new(order),
        }
    }

    /// Returns the entity with a key. Keys are compared to the letter.
    pub fn get(&self, key: &str) -> Option<Arc<Entity>> {
        match self.entities.get(key) {
            Some(stored) => stored.entity.clone(),
            None => self.founded(key).map(|(_, entity)| entity.clone()),
        }
    }

    /// Looks at the entity with a key, if there is one. It does so under the lock of the entity's part of the map, so it must be quick
    /// and must not use the store; what it saves is the count of those who hold the entity, which all cores would write to.
    pub fn look<T>(&self, key: &str, look: impl FnOnce(&Entity) -> T) -> Option<T> {
        match self.entities.get(key) {
            Some(stored) => stored.entity.as_deref().map(look),
            None => self.founded(key).map(|(_, entity)| look(entity)),
        }
    }

    fn founded(&self, key: &str) -> Option<(u64, &Arc<Entity>)> {
        self.foundation.as_ref()?.get(key)
    }

    /// Adds an entity behind all others.
    pub fn insert(&self, entity: Arc<Entity>) -> Result<(), DuplicateKey> {
        let mut order = self.write_order();
        let is_founded = self.founded(&entity.key).is_some();
        match self.entities.entry(entity.key.clone()) {
            Entry::Occupied(occupied) if occupied.get().entity.is_some() => Err(DuplicateKey),
            Entry::Vacant(_) if is_founded => Err(DuplicateKey),
            entry => {
                let number = order.next;
                order.next += 1;
                order.keys.insert(number, entity.key.clone());
                entry.insert(Stored { number, entity: Some(entity) });
                Ok(())
            }
        }
    }

    /// Replaces the entity with a key by what a function makes of it. No other update comes between.
    ///
    /// The function runs under the lock of the entity's part of the map, so it must be quick and must not use the store.
    pub fn update<E>(&self, key: &str, change: impl FnOnce(&Entity) -> Result<Entity, E>) -> Option<Result<StoreUpdate, E>> {
        let replace = |current: &mut Arc<Entity>| {
            change(current).map(|entity| {
                let after = Arc::new(entity);
                StoreUpdate { before: std::mem::replace(current, after.clone()), after }
            })
        };
        if let Some(mut stored) = self.entities.get_mut(key) {
            return stored.entity.as_mut().map(replace);
        }
        let (number, founded) = self.founded(key)?;
        match self.entities.entry(founded.key.clone()) {
            // Another update was quicker.
            Entry::Occupied(mut occupied) => occupied.get_mut().entity.as_mut().map(replace),
            Entry::Vacant(vacant) => {
                let mut current = founded.clone();
                let changed = replace(&mut current);
                if changed.is_ok() {
                    vacant.insert(Stored { number, entity: Some(current) });
                }
                Some(changed)
            }
        }
    }

    /// Takes the entity with a key out.
    pub fn remove(&self, key: &str) -> Option<Arc<Entity>> {
        let mut order = self.write_order();
        let Some((number, founded)) = self.founded(key) else {
            let (_, stored) = self.entities.remove(key)?;
            order.keys.remove(&stored.number);
            return stored.entity;
        };
        // Where the foundation has the key, a mark must stay.
        let taken = match self.entities.entry(founded.key.clone()) {
            Entry::Occupied(mut occupied) => {
                let stored = occupied.get_mut();
                let taken = stored.entity.take()?;
                if order.keys.remove(&stored.number).is_none() {
                    order.removed += 1;
                }
                stored.number = number;
                taken
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Stored { number, entity: None });
                order.removed += 1;
                founded.clone()
            }
        };
        Some(taken)
    }

    /// Returns all entities in their order, each as it was at some moment of the call.
    pub fn list(&self) -> Vec<Arc<Entity>> {
        self.page(None, 0, usize::MAX).into_iter().map(|(_, entity)| entity).collect()
    }

    /// Returns at most so many entities behind a number in the order, each with its own number. What it costs depends on how many
    /// are skipped and returned, and on how many of a foundation are taken out between them, not on how many there are.
    pub fn page(&self, behind: Option<u64>, skip: usize, limit: usize) -> Vec<(u64, Arc<Entity>)> {
        let start = behind.map_or(Bound::Unbounded, Bound::Excluded);
        let order = self.read_order();
        let founded = self.foundation.as_ref().map_or(&[][..], |foundation| &foundation.entities);
        let first = behind.map_or(0, |behind| usize::try_from(behind.saturating_add(1)).unwrap_or(usize::MAX)).min(founded.len());
        let from_foundation = (first..founded.len()).filter_map(|place| {
            let (number, entity) = (number_of(place), &founded[place]);
            match self.entities.get(&entity.key) {
                // What came back under the same key stands behind.
                Some(stored) if stored.number != number => None,
                Some(stored) => stored.entity.clone().map(|entity| (number, entity)),
                None => Some((number, entity.clone())),
            }
        });
        let own = order.keys.range((start, Bound::Unbounded)).filter_map(|(number, key)| Some((*number, self.get(key)?)));
        from_foundation.chain(own).skip(skip).take(limit).collect()
    }

    /// Returns how many entities there are.
    pub fn len(&self) -> usize {
        let order = self.read_order();
        self.foundation.as_ref().map_or(0, |foundation| foundation.entities.len()) - order.removed + order.keys.len()
    }

    /// Whether there are none.
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

    fn entity(key: &str, number: i32) -> Arc<Entity> {
        let properties = Complex { values: vec![Value::Int32(number)].into(), dynamic: Vec::new() };
        Arc::new(Entity::new(key.into(), properties))
    }

    fn keys(collection: &Collection) -> String {
        collection.list().iter().map(|entity| entity.key.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_order_is_that_of_insertion_whatever_happens_in_between() {
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
        assert!(collection.get("A").is_none(), "keys are compared to the letter");
    }

    /// The places of a store whose sets are those of the built-in schema.
    fn place(schema: &Schema, path: &str) -> CollectionAddress {
        let names: Vec<&str> = path.split('/').collect();
        let root: CollectionAddress = schema.set_named(names[0]).unwrap().into();
        names[1..].chunks(2).fold(root, |place, step| {
            let set = schema.set_named(step[1]).unwrap();
            place.within(schema, step[0], set)
        })
    }

    #[test]
    fn what_an_entity_contains_is_its_own_and_goes_with_it() {
        let schema = Schema::shipped();
        let shifts = |team: &str| place(&schema, &format!("teams/{team}/schedule/schedule/shifts"));
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
            assert!(store.at(&shifts("a")).is_empty(), "what was founded does not come back");
            assert_eq!(keys(&store.at(&shifts("ab"))), "1", "another key begins with the same letters");
            assert_eq!(store.entities().len(), 1);
        }
    }

    #[test]
    fn addresses_are_those_of_context_urls() {
        let schema = Schema::shipped();
        let shifts = place(&schema, "teams/it's 19:x/schedule/schedule/shifts");
        assert_eq!(shifts.address(&schema, "SHFT_1"), "teams('it%27%27s%2019%3Ax')/schedule/shifts('SHFT_1')");
        assert_eq!(place(&schema, "teams/1/schedule").address(&schema, "any"), "teams('1')/schedule");
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

    /// Runs two functions at the same time, begun together.
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

    /// Counts an entity up, and lets others run in between, who must wait.
    fn count_up(collection: &Collection, key: &str) -> bool {
        let counted = collection.update(key, |old| {
            let Value::Int32(number) = old.properties.values[0] else { return Err(()) };
            std::thread::yield_now();
            let properties = Complex { values: vec![Value::Int32(number + 1)].into(), dynamic: Vec::new() };
            Ok(Entity::new(key.into(), properties))
        });
        counted.is_some_and(|counted| counted.is_ok())
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

    /// What can be done to a collection.
    #[derive(Clone, Copy, Debug)]
    enum Deed {
        Insert(u8),
        Update(u8),
        Refuse(u8),
        Remove(u8),
    }

    proptest! {
        #[test]
        fn a_collection_on_a_foundation_is_like_one_that_was_filled(
            founded in proptest::collection::hash_set(0..8_u8, 0..8),
            deeds in proptest::collection::vec((0..4_u8, 0..10_u8), 0..30),
        ) {
            let keys: Vec<String> = founded.iter().map(u8::to_string).collect();
            let seeds: Vec<Arc<Entity>> = keys.iter().map(|key| entity(key, 0)).collect();
            let foundation = Arc::new(Baseline::new(seeds.clone()));
            let (over, filled) = (Collection::over(foundation.clone()), Collection::default());
            for seed in seeds {
                filled.insert(seed).unwrap();
            }
            for (number, (kind, key)) in deeds.into_iter().enumerate() {
                let deed = match kind { 0 => Deed::Insert(key), 1 => Deed::Update(key), 2 => Deed::Refuse(key), _ => Deed::Remove(key) };
                let number = i32::try_from(number).unwrap() + 1;
                let outcome = |collection: &Collection| match deed {
                    Deed::Insert(key) => collection.insert(entity(&key.to_string(), number)).is_ok(),
                    Deed::Update(key) => collection.update(&key.to_string(), |old| Ok::<_, ()>(Entity::new(old.key.clone(), entity("", number).properties.clone()))).is_some(),
                    Deed::Refuse(key) => collection.update(&key.to_string(), |_| Err(())).is_some(),
                    Deed::Remove(key) => collection.remove(&key.to_string()).is_some(),
                };
                prop_assert_eq!(outcome(&over), outcome(&filled), "{:?}", deed);
                let shown = |collection: &Collection| -> Vec<(String, Complex)> {
                    collection.list().iter().map(|entity| (entity.key.to_string(), entity.properties.clone())).collect()
                };
                prop_assert_eq!(shown(&over), shown(&filled));
                prop_assert_eq!(over.len(), filled.len());
                for behind in [None, Some(0), Some(2), Some(7), Some(u64::MAX)] {
                    let all = over.page(None, 0, usize::MAX);
                    let expected: Vec<u64> = all.iter().map(|(number, _)| *number).filter(|number| behind.is_none_or(|behind| *number > behind)).skip(1).take(2).collect();
                    prop_assert_eq!(over.page(behind, 1, 2).iter().map(|(number, _)| *number).collect::<Vec<_>>(), expected);
                }
                for key in 0..10_u8 {
                    let key = key.to_string();
                    prop_assert_eq!(over.get(&key).map(|entity| entity.properties.clone()), filled.get(&key).map(|entity| entity.properties.clone()));
                    prop_assert_eq!(over.look(&key, |_| ()).is_some(), filled.get(&key).is_some());
                }
            }
            prop_assert!(foundation.entities.iter().all(|entity| entity.properties.values[0] == Value::Int32(0)));
        }
    }
}
