//! Entities in memory: found by key at once, listed in the order in which they came.
//!
//! Each collection is a `DashMap` from key to entity, and an ordered index beside it from sequence number to key. Reading and
//! updating one entity touch the map alone. Creating, deleting and listing take the index too, always *index first, then map*:
//! that is the one lock order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::model::SetId;
use crate::odata::value::Entity;

/// All collections of a tenant.
#[derive(Debug)]
pub struct Store {
    collections: Box<[Collection]>,
}

impl Store {
    /// Returns a store with so many empty collections, those of a schema's sets.
    pub fn new(sets: usize) -> Store {
        Store { collections: (0..sets).map(|_| Collection::default()).collect() }
    }

    /// Returns a collection.
    pub fn collection(&self, set: SetId) -> &Collection {
        &self.collections[set.index()]
    }
}

/// The entities of one set.
#[derive(Debug, Default)]
pub struct Collection {
    entities: DashMap<Arc<str>, Stored>,
    order: RwLock<Order>,
}

#[derive(Debug, Default)]
struct Order {
    keys: BTreeMap<u64, Arc<str>>,
    next: u64,
}

#[derive(Debug)]
struct Stored {
    /// The entity's place in the order.
    number: u64,
    entity: Arc<Entity>,
}

/// An entity with this key is there already.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyTaken;

impl Collection {
    /// Returns the entity with a key. Keys are compared to the letter.
    pub fn get(&self, key: &str) -> Option<Arc<Entity>> {
        self.entities.get(key).map(|stored| stored.entity.clone())
    }

    /// Looks at the entity with a key, if there is one. It does so under the lock of the entity's part of the map, so it must be quick
    /// and must not use the store; what it saves is the count of those who hold the entity, which all cores would write to.
    pub fn look<T>(&self, key: &str, look: impl FnOnce(&Entity) -> T) -> Option<T> {
        self.entities.get(key).map(|stored| look(&stored.entity))
    }

    /// Adds an entity behind all others.
    pub fn insert(&self, entity: Arc<Entity>) -> Result<(), KeyTaken> {
        let mut order = self.write_order();
        match self.entities.entry(entity.key.clone()) {
            Entry::Occupied(_) => Err(KeyTaken),
            Entry::Vacant(vacant) => {
                let number = order.next;
                order.next += 1;
                order.keys.insert(number, entity.key.clone());
                vacant.insert(Stored { number, entity });
                Ok(())
            }
        }
    }

    /// Replaces the entity with a key by what a function makes of it, and returns the new one. No other update comes between.
    ///
    /// The function runs under the lock of the entity's part of the map, so it must be quick and must not use the store.
    pub fn update<E>(&self, key: &str, change: impl FnOnce(&Entity) -> Result<Entity, E>) -> Option<Result<Arc<Entity>, E>> {
        let mut stored = self.entities.get_mut(key)?;
        let changed = change(&stored.entity).map(Arc::new);
        if let Ok(entity) = &changed {
            stored.entity = entity.clone();
        }
        Some(changed)
    }

    /// Takes the entity with a key out.
    pub fn remove(&self, key: &str) -> Option<Arc<Entity>> {
        let mut order = self.write_order();
        let (_, stored) = self.entities.remove(key)?;
        order.keys.remove(&stored.number);
        Some(stored.entity)
    }

    /// Returns all entities in their order, each as it was at some moment of the call.
    pub fn list(&self) -> Vec<Arc<Entity>> {
        let order = self.read_order();
        order.keys.values().filter_map(|key| self.get(key)).collect()
    }

    /// Returns at most so many entities behind a number in the order, each with its own number. What it costs depends on how many
    /// are skipped and returned, not on how many there are.
    pub fn page(&self, behind: Option<u64>, skip: usize, limit: usize) -> Vec<(u64, Arc<Entity>)> {
        let start = behind.map_or(Bound::Unbounded, Bound::Excluded);
        let order = self.read_order();
        let keys = order.keys.range((start, Bound::Unbounded)).skip(skip).take(limit);
        keys.filter_map(|(number, key)| Some((*number, self.get(key)?))).collect()
    }

    /// Returns how many entities there are.
    pub fn len(&self) -> usize {
        self.read_order().keys.len()
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
    use super::*;
    use crate::odata::value::{Complex, Value};

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
        assert_eq!(collection.insert(entity("a", 1)), Err(KeyTaken));
        assert!(collection.update("c", |old| Ok::<_, ()>(Entity::new(old.key.clone(), old.properties.clone()))).is_some());
        assert!(collection.remove("a").is_some() && collection.remove("a").is_none());
        collection.insert(entity("a", 2)).unwrap();
        assert_eq!(keys(&collection), "c d b a");
        assert_eq!(collection.len(), 4);
        assert!(collection.get("A").is_none(), "keys are compared to the letter");
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
}
