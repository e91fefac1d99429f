//! Plan: all that one decision changes in a schedule, stored together or not at all.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::edm::schema::StructuredType;
use crate::edm::tag;
use crate::edm::value::{Complex, Entity};
use crate::odata::error::Error;
use crate::workloads::shifts::calls::Items;
use crate::workloads::shifts::schedule::Schedule;
use crate::world::World;
use crate::world::store::{InsertError, RECORD_BYTES, StoreFull, StoredEntity};
use crate::world::workload::text_of;

/// Changes in the order of the elements of a call.
#[derive(Default)]
pub(super) struct Plan<'w> {
    pub(super) steps: Vec<PlanStep<'w>>,
}

/// Change of one entity.
pub(super) struct PlanStep<'w> {
    pub(super) address: EntityAddress,
    pub(super) structured: &'w StructuredType,
    pub(super) change: PlanChange,
    /// Whether the connector is asked about it.
    pub(super) is_sent: bool,
    /// State of the items in the call.
    pub(super) items: Items,
}

/// Kind of a change.
pub(super) enum PlanChange {
    Create(Complex),
    Update(Complex),
    Delete,
    /// The entity leaves the schedule; the call has it as it was.
    Retire {
        before: Arc<StoredEntity>,
    },
}

impl PlanChange {
    /// Returns the method of the element.
    pub(super) fn method(&self) -> &'static str {
        match self {
            PlanChange::Create(_) => "POST",
            PlanChange::Update(_) | PlanChange::Retire { .. } => "PUT",
            PlanChange::Delete => "DELETE",
        }
    }

    /// Returns the values in the element; `None` for the body `null`.
    pub(super) fn values(&self) -> Option<&Complex> {
        match self {
            PlanChange::Create(values) | PlanChange::Update(values) => Some(values),
            PlanChange::Retire { before } => Some(&before.properties),
            PlanChange::Delete => None,
        }
    }
}

/// Change that is stored, with what takes it back.
enum Stored {
    Created(EntityAddress),
    Updated(EntityAddress, Arc<StoredEntity>),
    Removed(EntityAddress, Arc<StoredEntity>),
}

impl<'w> Plan<'w> {
    pub(super) fn add(
        &mut self,
        address: &EntityAddress,
        structured: &'w StructuredType,
        change: PlanChange,
    ) -> &mut PlanStep<'w> {
        self.steps.push(PlanStep { address: address.clone(), structured, change, is_sent: true, items: Items::Active });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// Stores all changes. The caller has the right to change the schedule until then.
    ///
    /// # Errors
    ///
    /// Fails without a change if there is not enough room.
    pub(super) fn store(&self, schedule: &Schedule<'_>) -> Result<(), Error> {
        let world = schedule.world;
        let mut stored = Vec::new();
        // New entities come first, and deletions last: they need the least room.
        let is_removal = |step: &&PlanStep<'_>| matches!(step.change, PlanChange::Delete | PlanChange::Retire { .. });
        let others = self.steps.iter().filter(|step| !is_removal(step));
        for step in others.chain(self.steps.iter().filter(is_removal)) {
            match step.store(world) {
                Ok(done) => stored.extend(done),
                Err(error) => {
                    stored.into_iter().rev().for_each(|done| take_back(world, &done));
                    return Err(error);
                }
            }
        }
        self.steps.iter().filter(is_removal).for_each(|step| world.store.remove_links_to(&step.address));
        Ok(())
    }
}

impl PlanStep<'_> {
    /// Returns the id of the entity. A single entity is stored under another key.
    pub(super) fn id(&self) -> Arc<str> {
        let id = self.change.values().and_then(|values| text_of(self.structured, values, "id"));
        id.unwrap_or_else(|| self.address.key.clone())
    }

    fn store(&self, world: &World) -> Result<Option<Stored>, Error> {
        let key = &self.address.key;
        match &self.change {
            PlanChange::Create(values) => {
                let mut values = values.clone();
                tag::renew(self.structured, &mut values, None, || world.next_tag_id());
                let entity = Arc::new(StoredEntity::of_type(key.clone(), values, self.structured.blank_text));
                let collection = world.store.to_change(&self.address.collection, entity.size() + RECORD_BYTES)?;
                match collection.insert(entity) {
                    Ok(()) | Err(InsertError::DuplicateKey) => Ok(Some(Stored::Created(self.address.clone()))),
                    Err(InsertError::Full(full)) => Err(full.into()),
                }
            }
            PlanChange::Update(after) => {
                let collection = world.store.to_change(&self.address.collection, 0)?;
                let updated = collection.update(key, |entity| {
                    let mut values = after.clone();
                    tag::renew(self.structured, &mut values, Some(&entity.properties), || world.next_tag_id());
                    Ok::<_, StoreFull>(Entity::of_type(entity.key.clone(), values, self.structured.blank_text))
                });
                match updated {
                    Some(Ok(update)) => Ok(Some(Stored::Updated(self.address.clone(), update.before))),
                    Some(Err(full)) => Err(full.into()),
                    None => Ok(None),
                }
            }
            PlanChange::Delete | PlanChange::Retire { .. } => {
                let removed = world.store.to_remove(&self.address.collection).remove(key);
                Ok(removed.map(|before| Stored::Removed(self.address.clone(), before)))
            }
        }
    }
}

fn take_back(world: &World, done: &Stored) {
    let (Stored::Created(address) | Stored::Updated(address, _) | Stored::Removed(address, _)) = done;
    let Ok(collection) = world.store.to_change(&address.collection, 0) else { return };
    match done {
        Stored::Created(address) => drop(collection.remove(&address.key)),
        Stored::Updated(address, before) => {
            drop(collection.update(&address.key, |_| Ok::<_, StoreFull>((**before.entity()).clone())));
        }
        Stored::Removed(_, before) => drop(collection.insert(before.clone())),
    }
}
