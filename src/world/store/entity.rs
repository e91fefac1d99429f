//! Entities as the store keeps them, and the bytes that they take.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::edm::value::{Complex, Entity};
use crate::odata::write::{StoredText, TextCache};
use crate::world::budget::Budget;

/// The step in which the bytes of an entity are counted. Most updates stay within it, and write to no counter that all cores share.
const STEP: usize = 128;

/// The bytes of a cached text beyond those of the entity, for annotations.
pub(super) const TEXT_BYTES: usize = 128;

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

    /// Returns an entity without a cached text. `blank_text` is the length of the text of the type's properties without values.
    pub fn of_type(key: Arc<str>, properties: Complex, blank_text: usize) -> StoredEntity {
        Entity::of_type(key, properties, blank_text).into()
    }

    /// Returns the entity without its text.
    pub fn entity(&self) -> &Arc<Entity> {
        &self.entity
    }

    /// Returns the entity with the cache of its text.
    pub(crate) fn with_text(&self) -> StoredText<'_> {
        StoredText { entity: self, cache: &self.text }
    }

    /// Returns the bytes that the entity takes at most, its cached text included.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns an entity of which one holder has taken the bytes.
    pub(super) fn held_once(entity: Entity) -> StoredEntity {
        StoredEntity { holders: AtomicUsize::new(1), ..entity.into() }
    }

    /// Adds a holder, which takes `more` bytes of its own. Returns `false`, and adds nothing, if that exceeds the limit by more than
    /// `surplus`.
    pub(super) fn hold(&self, budget: &Budget, more: usize, surplus: usize) -> bool {
        let expected = if self.holders.load(Ordering::Relaxed) == 0 { self.size } else { 0 };
        let has_room = budget.add(expected + more, surplus);
        if has_room {
            budget.change(self.count_holder(), expected);
        }
        has_room
    }

    /// Counts a holder, and returns the bytes that it adds.
    pub(super) fn count_holder(&self) -> usize {
        if self.holders.fetch_add(1, Ordering::Relaxed) == 0 { self.size } else { 0 }
    }

    /// Counts a holder less, and returns the bytes that this gives back.
    pub(super) fn uncount_holder(&self) -> usize {
        if self.holders.fetch_sub(1, Ordering::Relaxed) == 1 { self.size } else { 0 }
    }

    /// Returns the bytes that a single holder would give back.
    pub(super) fn returnable(&self) -> usize {
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
