//! The entities of one set: the map, the index, and the changes to a baseline.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use dashmap::mapref::one::Ref;
use foldhash::fast::RandomState;

use super::baseline::{BASELINE_BYTES, Baseline, number_of};
use super::changes::{ChangePosition, Changed, Changes};
use super::entity::StoredEntity;
use super::recorder::{self, StoreChange};
use super::share::TreeShare;
use super::values::{Values, texts};
use super::{CollectionAddress, StoreFull};
use crate::edm::file_name;
use crate::edm::schema::{SetId, Slot};
use crate::edm::value::Entity;
use crate::odata::purse::Purse;

/// The number of entities that are indexed at a time, without the lock of the collection.
const CHUNK: usize = 256;

/// The number of entities that are compared without an index, and without being paid.
const COMPARED: usize = 64;

/// The steps that indexing the text of an entity costs.
const INDEX_STEPS: u64 = 32;

/// The steps that a comparison with an entity costs.
const COMPARISON_STEPS: u64 = 8;

/// The purse does not suffice for a look-up.
#[derive(Debug)]
pub(crate) struct LookUpUnpaid;

/// The bytes of a record in a collection: in the map and in the index.
pub(crate) const RECORD_BYTES: usize = 128;

/// The bytes of a contained collection without its records.
pub(super) const COLLECTION_BYTES: usize = 1024;

/// The records of a collection, by key.
type Records = DashMap<Arc<str>, EntityRecord, RandomState>;

/// Returns an empty map for one of thousands of collections: each shard takes a few hundred bytes.
fn small_map() -> Records {
    DashMap::with_hasher_and_shard_amount(RandomState::default(), 2)
}

/// The entities of one set.
#[derive(Debug)]
pub struct Collection {
    /// The initial entities, if shared.
    baseline: Option<Arc<Baseline>>,
    /// The entities and deletions that differ from the baseline.
    entities: Records,
    /// Whether there has ever been one of them. Before that, none is looked up.
    has_records: AtomicBool,
    order: RwLock<Order>,
    share: Arc<TreeShare>,
    /// The bytes that the collection takes without its records.
    own_bytes: usize,
    /// The address of a collection within an entity, which may have links.
    address: Option<CollectionAddress>,
    /// The root set of a collection that is not within an entity.
    root: Option<SetId>,
    changes: Changes,
    values: Values,
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
    /// Returns the collection of a root set with initial entities, for most of the clients or for a few.
    pub(super) fn over(set: SetId, baseline: Arc<Baseline>, share: Arc<TreeShare>, is_for_all: bool) -> Collection {
        let records = if is_for_all { DashMap::default() } else { small_map() };
        let mut collection = Collection::of(Some(baseline), records, share);
        collection.root = Some(set);
        collection
    }

    /// Returns a collection within an entity.
    pub(super) fn contained(address: CollectionAddress, baseline: Arc<Baseline>, share: Arc<TreeShare>) -> Collection {
        share.budget.change(COLLECTION_BYTES, 0);
        let mut collection = Collection::of(Some(baseline), small_map(), share);
        (collection.own_bytes, collection.address) = (COLLECTION_BYTES, Some(address));
        collection
    }

    /// Returns a collection within an entity to read it only.
    pub(super) fn view(baseline: Arc<Baseline>, share: Arc<TreeShare>) -> Collection {
        Collection::of(Some(baseline), small_map(), share)
    }

    /// Returns the empty collection of a root set.
    pub(super) fn empty_root(set: SetId, share: Arc<TreeShare>) -> Collection {
        let mut collection = Collection::of(None, DashMap::default(), share);
        collection.root = Some(set);
        collection
    }

    fn of(baseline: Option<Arc<Baseline>>, entities: Records, share: Arc<TreeShare>) -> Collection {
        let next = baseline.as_ref().map_or(0, |baseline| number_of(baseline.entities().len()));
        Collection {
            baseline,
            entities,
            has_records: AtomicBool::new(false),
            order: RwLock::new(Order { next, ..Order::default() }),
            share,
            own_bytes: 0,
            address: None,
            root: None,
            changes: Changes::default(),
            values: Values::default(),
        }
    }

    /// Returns the entity with a key. Keys are case-sensitive.
    pub fn get(&self, key: &str) -> Option<Arc<StoredEntity>> {
        match self.stored(key) {
            Some(stored) => stored.entity.clone(),
            None => self.baseline_entity(key).map(|(_, entity)| entity.clone()),
        }
    }

    /// Calls a function with the entity with a key, if any. It runs under the lock of the entity's shard, so it must be quick and must not
    /// use the store. Unlike [`Collection::get`] it does not write to the reference count, which all cores share.
    pub fn with_entity<T>(&self, key: &str, read: impl FnOnce(&StoredEntity) -> T) -> Option<T> {
        match self.stored(key) {
            Some(stored) => stored.entity.as_deref().map(read),
            None => self.baseline_entity(key).map(|(_, entity)| read(entity)),
        }
    }

    /// Returns the record of a key that differs from the baseline.
    fn stored(&self, key: &str) -> Option<Ref<'_, Arc<str>, EntityRecord>> {
        if self.has_records.load(Ordering::Acquire) { self.entities.get(key) } else { None }
    }

    /// Returns the entry of a key among what differs from the baseline. It is looked for from now on.
    fn entry(&self, key: &Arc<str>) -> Entry<'_, Arc<str>, EntityRecord> {
        if !self.has_records.load(Ordering::Relaxed) {
            self.has_records.store(true, Ordering::Release);
        }
        self.entities.entry(key.clone())
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
        StoreFull::check_entity(&entity).map_err(InsertError::Full)?;
        self.insert_within(entity, 0)
    }

    /// Appends an entity that takes the place of another one, beyond the limit if need be.
    ///
    /// # Errors
    ///
    /// Fails if the key is in use.
    pub fn insert_beyond(&self, entity: Arc<StoredEntity>) -> Result<(), InsertError> {
        self.insert_within(entity, usize::MAX)
    }

    /// Appends an initial entity, beyond the limit if need be. Of two entities with one key the first is used.
    pub fn insert_initial(&self, entity: Arc<StoredEntity>) {
        let _ = self.insert_within(entity, usize::MAX);
    }

    fn insert_within(&self, entity: Arc<StoredEntity>, surplus: usize) -> Result<(), InsertError> {
        let mut order = self.write_order();
        let is_in_baseline = self.baseline_entity(&entity.key).is_some();
        let entry = self.entry(&entity.key);
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
        if let (Some(target), Some(address)) = (entity.linked(), &self.address) {
            self.share.record_link(target, address, &entity.key);
        }
        self.note_change(None, Some(&entity));
        self.values.change(&self.share.budget, &entity.key, None, Some(&entity.properties));
        self.record(None, Some(&entity));
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
        self.update_within(key, 0, change)
    }

    /// Replaces an entity like [`Collection::update`], beyond the limit if need be: for changes that follow from a deletion or a move.
    pub fn update_beyond<E: From<StoreFull>>(
        &self,
        key: &str,
        change: impl FnOnce(&Entity) -> Result<Entity, E>,
    ) -> Option<Result<StoreUpdate, E>> {
        self.update_within(key, usize::MAX, change)
    }

    fn update_within<E: From<StoreFull>>(
        &self,
        key: &str,
        surplus: usize,
        change: impl FnOnce(&Entity) -> Result<Entity, E>,
    ) -> Option<Result<StoreUpdate, E>> {
        let replace = |current: &mut Arc<StoredEntity>| self.replace(current, surplus, change);
        if let Some(mut stored) = self.entities.get_mut(key) {
            return stored.entity.as_mut().map(replace);
        }
        let (number, initial) = self.baseline_entity(key)?;
        match self.entry(&initial.key) {
            // Another update came first.
            Entry::Occupied(mut occupied) => occupied.get_mut().entity.as_mut().map(replace),
            Entry::Vacant(vacant) => {
                if !self.share.budget.add(RECORD_BYTES, surplus) {
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
        surplus: usize,
        change: impl FnOnce(&Entity) -> Result<Entity, E>,
    ) -> Result<StoreUpdate, E> {
        let after = Arc::new(StoredEntity::held_once(change(current)?));
        StoreFull::check_entity(&after)?;
        let growth = after.size().saturating_sub(current.returnable());
        if growth > 0 && !self.share.budget.add(growth, surplus) {
            return Err(self.share.full().into());
        }
        let before = std::mem::replace(current, after.clone());
        self.share.budget.change(after.size(), growth + before.uncount_holder());
        if let Some(address) = self.address.as_ref().filter(|_| before.linked() != after.linked()) {
            self.record_unlink(Some(&before), self.baseline_entity(&before.key).is_some());
            if let Some(target) = after.linked() {
                self.share.record_link(target, address, &after.key);
            }
        }
        self.note_change(Some(&before), Some(&after));
        self.values.change(&self.share.budget, &after.key, Some(&before.properties), Some(&after.properties));
        self.record(Some(&before), Some(&after));
        self.share.record_change();
        Ok(StoreUpdate { before, after })
    }

    /// Removes the entity with a key. The record of the deletion of an entity that other worlds share takes room, beyond the limit if need be:
    /// a full store can be emptied.
    pub fn remove(&self, key: &str) -> Option<Arc<StoredEntity>> {
        self.remove_if(key, |_| Ok::<_, Infallible>(())).unwrap_or_else(|never| match never {})
    }

    /// Removes the entity with a key if a function permits it, atomically.
    ///
    /// The function runs under the lock of the entity's shard, so it must be quick and must not use the store.
    ///
    /// # Errors
    ///
    /// Fails if the function does.
    pub fn remove_if<E>(&self, key: &str, check: impl FnOnce(&Entity) -> Result<(), E>) -> Result<Option<Arc<StoredEntity>>, E> {
        let mut order = self.write_order();
        let budget = &self.share.budget;
        let Some((number, initial)) = self.baseline_entity(key) else {
            let mut refused = None;
            let removed = self.entities.remove_if(key, |_, stored| {
                refused = stored.entity.as_deref().and_then(|entity| check(entity).err());
                refused.is_none()
            });
            if let Some(error) = refused {
                return Err(error);
            }
            let Some((_, stored)) = removed else { return Ok(None) };
            order.keys.remove(&stored.number);
            let held = stored.entity.as_ref().map_or(0, |entity| entity.uncount_holder());
            budget.change(0, held + RECORD_BYTES);
            self.record_unlink(stored.entity.as_ref(), false);
            if let Some(removed) = &stored.entity {
                self.note_change(Some(removed), None);
                self.values.change(budget, &removed.key, Some(&removed.properties), None);
                self.record(Some(removed), None);
            }
            self.share.record_change();
            return Ok(stored.entity);
        };
        // A deletion of the baseline's key must be recorded.
        let removed = match self.entry(&initial.key) {
            Entry::Occupied(mut occupied) => {
                let stored = occupied.get_mut();
                if let Some(entity) = &stored.entity {
                    check(entity)?;
                }
                let Some(removed) = stored.entity.take() else { return Ok(None) };
                if order.keys.remove(&stored.number).is_none() {
                    order.removed += 1;
                }
                stored.number = number;
                budget.change(0, removed.uncount_holder());
                removed
            }
            Entry::Vacant(vacant) => {
                check(initial)?;
                budget.change(RECORD_BYTES, 0);
                vacant.insert(EntityRecord { number, entity: None });
                order.removed += 1;
                initial.clone()
            }
        };
        self.record_unlink(Some(&removed), true);
        self.note_change(Some(&removed), None);
        self.values.change(budget, &removed.key, Some(&removed.properties), None);
        self.record(Some(&removed), None);
        self.share.record_change();
        Ok(Some(removed))
    }

    /// Records a change for the request that makes it.
    fn record(&self, before: Option<&Arc<StoredEntity>>, after: Option<&Arc<StoredEntity>>) {
        recorder::record(|| {
            let collection = self.address.clone().or_else(|| self.root.map(CollectionAddress::from))?;
            Some(StoreChange { collection, before: before.cloned(), after: after.cloned() })
        });
    }

    fn record_unlink(&self, removed: Option<&Arc<StoredEntity>>, is_initial: bool) {
        if let (Some(target), Some(address)) = (removed.and_then(|removed| removed.linked()), &self.address) {
            self.share.record_unlink(target, address, is_initial);
        }
    }

    /// Records that none of the links in the collection is there any more.
    pub(super) fn record_unlinks(&self) {
        for link in self.list() {
            self.record_unlink(Some(&link), self.baseline_entity(&link.key).is_some());
        }
    }

    /// Returns the entities as they are, which other collections can share.
    pub(super) fn collect(&self) -> Result<Arc<Baseline>, StoreFull> {
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
    pub(super) fn returnable(&self) -> usize {
        let of = |record: &EntityRecord| record.entity.as_ref().map_or(0, |entity| entity.returnable()) + RECORD_BYTES;
        self.entities.iter().map(|record| of(&record)).sum::<usize>()
            + self.own_bytes
            + self.changes.bytes()
            + self.values.bytes()
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
        let initial = self.baseline.as_ref().map_or(&[][..], |baseline| baseline.entities());
        let first = behind.map_or(0, |behind| usize::try_from(behind.saturating_add(1)).unwrap_or(usize::MAX)).min(initial.len());
        let has_records = self.has_records.load(Ordering::Acquire);
        let from_baseline = (first..initial.len()).filter_map(|index| {
            let (number, entity) = (number_of(index), &initial[index]);
            match has_records.then(|| self.entities.get(&entity.key)).flatten() {
                // A new entity with the key of a deleted one comes later.
                Some(stored) if stored.number != number => None,
                Some(stored) => stored.entity.clone().map(|entity| (number, entity)),
                None => Some((number, entity.clone())),
            }
        });
        let own = order.keys.range((start, Bound::Unbounded)).filter_map(|(number, key)| Some((*number, self.get(key)?)));
        let mut found = Vec::with_capacity(limit.min(CHUNK));
        found.extend(from_baseline.chain(own).skip(skip).take(limit));
        found
    }

    /// Returns the record of changes. That of a root collection has the links of its entities too.
    fn changes(&self) -> &Changes {
        if self.root.is_some() { &self.share.root_changes } else { &self.changes }
    }

    /// Records a change, for clients that ask for changes.
    fn note_change(&self, before: Option<&Arc<StoredEntity>>, after: Option<&Arc<StoredEntity>>) {
        let Some(entity) = after.or(before) else { return };
        let budget = &self.share.budget;
        let (old, new) = (before.map(|entity| &entity.properties), after.map(|entity| &entity.properties));
        self.changes().add(budget, &entity.key, old, new);
        if let Some(address) = &self.address {
            self.share.nested_changes.add_within(budget, address, &entity.key);
        }
    }

    /// Whether the collection is one within an entity that nothing has changed yet. Only the index of its baseline lasts.
    fn is_view(&self) -> bool {
        self.root.is_none() && self.address.is_none()
    }

    /// Whether the texts of a property are indexed.
    pub(crate) fn knows_values(&self, slot: Slot) -> bool {
        let has_initial = self.baseline.as_ref().is_none_or(|baseline| baseline.knows(slot));
        has_initial && (self.is_view() || self.values.knows(slot))
    }

    /// Indexes the texts of a property, which takes the time of reading all entities.
    pub(crate) fn learn_values(&self, slot: Slot) {
        if let Some(baseline) = &self.baseline {
            baseline.learn(slot);
        }
        if self.is_view() {
            return;
        }
        self.values.begin(slot);
        let mut after = None;
        loop {
            let chunk = self.page(after, 0, CHUNK);
            let Some((last, _)) = chunk.last() else { break };
            after = Some(*last);
            let is_initial = |entity: &StoredEntity| {
                self.baseline_entity(&entity.key).is_some_and(|(_, initial)| std::ptr::eq(initial.as_ref(), entity))
            };
            for (_, entity) in chunk.iter().filter(|(_, entity)| !is_initial(entity)) {
                self.values.learn(&self.share.budget, slot, &entity.key, &entity.properties);
            }
        }
        self.values.finish(slot);
    }

    /// Returns the keys of entities that can have a text, given in lower case, in an indexed property.
    pub(crate) fn keys_with(&self, slot: Slot, text: &str) -> Vec<Arc<str>> {
        let mut keys = self.values.keys_with(slot, text);
        if let Some(baseline) = &self.baseline {
            keys.extend(baseline.keys_with(slot, text));
        }
        keys
    }

    /// Indexes the texts of a property, unless they are indexed.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(crate) fn index(&self, slot: Slot, purse: &Purse) -> Result<(), LookUpUnpaid> {
        if !self.knows_values(slot) {
            let steps = INDEX_STEPS.saturating_mul(u64::try_from(self.len()).unwrap_or(u64::MAX));
            if !(purse.expect(steps) && purse.spend(steps)) {
                return Err(LookUpUnpaid);
            }
            self.learn_values(slot);
        }
        Ok(())
    }

    /// Returns the entities with a text in a property, in any case, in order and with their sequence numbers. The first time, the property is indexed; from then on, this
    /// costs the same however many entities there are. Those of a small collection are compared instead.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(crate) fn with_text(&self, slot: Slot, text: &str, purse: &Purse) -> Result<Vec<(u64, Arc<StoredEntity>)>, LookUpUnpaid> {
        let has_text = |entity: &StoredEntity| texts(entity.properties.get(slot)).any(|other| file_name::is_same(other, text));
        let length = self.len();
        if length <= COMPARED {
            return Ok(self.page(None, 0, usize::MAX).into_iter().filter(|(_, entity)| has_text(entity)).collect());
        }
        self.index(slot, purse)?;
        let keys = self.keys_with(slot, &file_name::folded(text));
        let mut found: Vec<(u64, Arc<StoredEntity>)> = keys.iter().filter_map(|key| self.numbered(key)).collect();
        found.retain(|(_, entity)| has_text(entity));
        found.sort_unstable_by_key(|(number, _)| *number);
        found.dedup_by_key(|(number, _)| *number);
        Ok(found)
    }

    /// Returns the first entity for which a condition holds, and pays for each that is compared. A small collection costs nothing.
    ///
    /// # Errors
    ///
    /// Fails if the purse does not suffice.
    pub(crate) fn first_where(
        &self,
        purse: &Purse,
        is_wanted: impl Fn(&StoredEntity) -> bool,
    ) -> Result<Option<Arc<StoredEntity>>, LookUpUnpaid> {
        let length = self.len();
        let (mut after, is_small) = (None, length <= COMPARED);
        loop {
            let chunk = self.page(after, 0, CHUNK);
            let Some((last, _)) = chunk.last() else { return Ok(None) };
            after = Some(*last);
            if !is_small && !purse.spend(COMPARISON_STEPS * u64::try_from(chunk.len()).unwrap_or(u64::MAX)) {
                return Err(LookUpUnpaid);
            }
            if let Some((_, found)) = chunk.into_iter().find(|(_, entity)| is_wanted(entity)) {
                return Ok(Some(found));
            }
        }
    }

    /// Returns the entity with a key, and its sequence number.
    fn numbered(&self, key: &str) -> Option<(u64, Arc<StoredEntity>)> {
        match self.stored(key) {
            Some(stored) => Some((stored.number, stored.entity.clone()?)),
            None => self.baseline_entity(key).map(|(number, entity)| (number, entity.clone())),
        }
    }

    /// Returns the position of the next change, and records changes from now on. `new_id` numbers a new record of them.
    pub fn change_position(&self, new_id: impl FnOnce() -> u64) -> ChangePosition {
        self.changes().position(new_id)
    }

    /// Returns what has changed since a position, in the order of the last changes and at most `limit` things, each with the number of its
    /// change. `None` if the position is not one of this collection.
    pub fn changes_after(&self, position: ChangePosition, limit: usize) -> Option<Vec<(u64, Changed)>> {
        self.changes().after(position, limit)
    }

    /// Whether one of the properties of an entity has changed since a number of changes.
    pub(crate) fn has_property_changed(&self, key: &str, after: u64, slots: &[Slot]) -> bool {
        self.changes().has_property_changed(key, after, slots)
    }

    /// Returns the number of entities.
    pub fn len(&self) -> usize {
        let order = self.read_order();
        self.baseline.as_ref().map_or(0, |baseline| baseline.entities().len()) - order.removed + order.keys.len()
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
        self.share.budget.change(0, held + self.own_bytes + self.changes.bytes() + self.values.bytes());
    }
}
