//! Changes that operations make to stored entities.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::tag;
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::Error;
use crate::world::clock::unix_millis;
use crate::world::store::{InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{OperationProblem, OperationRequest};

/// Values of an entity, with its type.
pub(super) struct Values<'v> {
    pub(super) model: &'v Model,
    pub(super) structured: &'v StructuredType,
    pub(super) own: &'v mut Complex,
}

impl Values<'_> {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        if let Some(slot) = self.structured.slot(name) {
            self.own.set(slot, value);
        }
    }

    pub(super) fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, Value::String(text.into()));
    }

    /// Changes a complex value, which is there afterwards.
    pub(super) fn change_complex(&mut self, name: &str, change: impl FnOnce(&mut Values<'_>)) {
        let Some(property) = self.structured.property(name).map(|index| &self.structured.properties[index]) else { return };
        let PropertyType::Complex(id) = property.kind else { return };
        let structured = self.model.structured(id);
        let mut values = match self.own.get(property.slot) {
            Value::Complex(value) => (**value).clone(),
            _ => Complex::initial(structured),
        };
        change(&mut Values { model: self.model, structured, own: &mut values });
        self.own.set(property.slot, Value::Complex(Arc::new(values)));
    }
}

/// Returns the time of a request.
pub(super) fn now(request: &OperationRequest<'_>) -> Value {
    Value::DateTimeOffset(DateTimeOffset::from_unix_millis(unix_millis(request.now)))
}

/// Changes the values of a stored entity. Returns whether it is there.
pub(super) fn change(
    request: &OperationRequest<'_>,
    address: &EntityAddress,
    change: impl FnOnce(&mut Values<'_>),
) -> Result<bool, Error> {
    let (world, model) = (request.world, request.model);
    let Some(declared) = model.find_structured(world.schema.set(address.collection.set).target) else { return Ok(false) };
    let Some(known) = world.store.get(&address.collection, &address.key) else { return Ok(false) };
    // Before the entity is locked: it may look into other entities.
    let server_set = (request.server_set)(model.actual(declared, known.properties.own_type));
    let is_bound = request.entity.is_some_and(|entity| entity.key == address.key) && *request.collection == address.collection;
    let updated = world.store.to_change(&address.collection, 0)?.update(&address.key, |entity| {
        if is_bound {
            (request.check_condition)(entity).map_err(OperationProblem::Refused)?;
        }
        let structured = model.actual(declared, entity.properties.own_type);
        let mut values = entity.properties.clone();
        for (slot, value) in server_set {
            values.set(slot, value);
        }
        change(&mut Values { model, structured, own: &mut values });
        tag::renew(structured, &mut values, Some(&entity.properties), || world.next_tag_id());
        Ok::<_, OperationProblem>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
    });
    match updated {
        Some(updated) => updated.map(|_| true).map_err(Error::from),
        None => Ok(false),
    }
}

/// Changes the values of the bound entity. One that its parent always has is stored with them if it was not yet; another is deleted meanwhile.
pub(super) fn change_bound(request: &OperationRequest<'_>, change_values: impl Fn(&mut Values<'_>)) -> Result<(), Error> {
    let (Some(entity), Some(address)) = (request.entity, request.address()) else { return Ok(()) };
    if change(request, &address, &change_values)? {
        return Ok(());
    }
    let (world, model) = (request.world, request.model);
    let set = world.schema.set(address.collection.set);
    let Some(declared) = model.find_structured(set.target).filter(|_| set.is_single) else { return Ok(()) };
    let structured = model.actual(declared, entity.properties.own_type);
    let mut values = entity.properties.clone();
    change_values(&mut Values { model, structured, own: &mut values });
    tag::renew(structured, &mut values, None, || world.next_tag_id());
    let stored = Arc::new(StoredEntity::of_type(entity.key.clone(), values, structured.blank_text));
    match world.store.to_change(&address.collection, stored.size() + RECORD_BYTES)?.insert(stored) {
        Ok(()) => Ok(()),
        // Another request has stored it meanwhile.
        Err(InsertError::DuplicateKey) => change(request, &address, &change_values).map(drop),
        Err(InsertError::Full(full)) => Err(full.into()),
    }
}
