//! POST to a collection.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress, KeyForm};
use crate::edm::patch::Patch;
use crate::edm::schema::{Slot, StructuredType};
use crate::edm::tag;
use crate::edm::value::Complex;
use crate::graph::context::OperationContext;
use crate::graph::explain;
use crate::graph::ops::Outcome;
use crate::graph::ops::change::{before_commit, insert, next_key_of, server_set_values, set_key, store_full, with_change};
use crate::graph::ops::reference::{self, Relation};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::read::Reading;
use crate::policy::behavior::Location;
use crate::world::store::{Collection, InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{ChangeKind, Reply};

/// Creates an entity.
pub(super) fn create(context: &OperationContext<'_>, reading: &Reading, reply: Option<&Reply>) -> Result<Outcome, Error> {
    // The service looks up the entities that contain the collection before it checks values.
    let collection = context.written_collection()?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let (model, declared) = (context.route.model, context.structured());
    let mut properties = reading.patch.apply(model, declared, &Complex::initial(declared));
    let structured = model.actual(declared, properties.own_type);
    let mut decided = reading.decided.clone();
    let relations = reference::look_up(context, structured, &reading.patch.related, None, &mut decided)?;
    let stored_as = context.world.schema.set(context.route.collection.set).target;
    properties.own_type = (structured.id != stored_as).then_some(structured.id);
    // A value of the request counts where clients can set the property.
    let is_sent = |slot: Slot| {
        let changed = reading.patch.changes.iter().map(|change| &structured.properties[change.property]);
        changed.into_iter().any(|property| property.slot == slot && !property.read_only)
    };
    for (slot, value) in server_set_values(context, structured, true, &mut decided) {
        if !is_sent(slot) {
            properties.set(slot, value);
        }
    }
    tag::renew(structured, &mut properties, None, || context.world.next_tag_id());
    // An approved entity keeps the id that was sent for approval.
    let (mut approved, mut reply) = (reply.and_then(|reply| reply.key.clone()), reply);
    loop {
        let new_key = approved.take().map_or_else(OnceCell::new, OnceCell::from);
        let key = || new_key.get_or_init(|| free_key(context, &collection)).clone();
        let keyed_values = || {
            let mut values = properties.clone();
            set_key(structured, &mut values, &key());
            values
        };
        let kind = ChangeKind::Create { key: &key, values: &properties, keyed_values: &keyed_values };
        if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
        let entity = Arc::new(StoredEntity::of_type(key(), keyed_values(), structured.blank_text));
        match insert(context, &entity) {
            Ok(()) => {
                let address = EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
                if let Err(error) = relate(context, &address, &relations) {
                    undo(context, &address);
                    return Err(error);
                }
                decided.extend(["id-format", "location"]);
                return Ok(with_change(context, created_response(context, &entity, decided), None, Some(entity)));
            }
            Err(InsertError::Full(full)) => return Err(store_full(full)),
            Err(InsertError::DuplicateKey) => {}
        }
        // Another request took the key in the meantime. An approval is for its key alone.
        reply = reply.filter(|reply| reply.key.is_none());
    }
}

/// Stores what a body links to and contains.
fn relate<'m>(context: &OperationContext<'m>, holder: &EntityAddress, relations: &[Relation<'m>]) -> Result<(), Error> {
    reference::relate(context, holder, relations, &mut |place, entity| {
        let values = reference::values_of(context, place, entity);
        insert_new(context, place, entity.structured, values)
    })
}

/// Removes an entity that was created in vain.
fn undo(context: &OperationContext<'_>, address: &EntityAddress) {
    let world = context.world;
    world.store.empty_within(address.collection.root, &address.text(&world.schema));
    if let Ok(collection) = world.store.to_change(&address.collection, 0) {
        let _ = collection.remove(&address.key);
    }
}

/// Stores a new entity in any collection, with the values that the service sets. Returns its key.
fn insert_new(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    structured: &StructuredType,
    mut values: Complex,
) -> Result<Arc<str>, Error> {
    let is_single = context.world.schema.set(place.set).is_single;
    for (slot, value) in server_set_values(context, structured, true, &mut Vec::new()) {
        values.set(slot, value);
    }
    tag::renew(structured, &mut values, None, || context.world.next_tag_id());
    loop {
        let key = new_key(context, structured, &context.world.store.at(place));
        set_key(structured, &mut values, &key);
        let key = if is_single { context.world.schema.set(place.set).name.as_ref().into() } else { key };
        let entity = Arc::new(StoredEntity::of_type(key.clone(), values.clone(), structured.blank_text));
        let collection = context.world.store.to_change(place, entity.size() + RECORD_BYTES).map_err(store_full)?;
        match collection.insert(entity) {
            Ok(()) => return Ok(key),
            Err(InsertError::Full(full)) => return Err(store_full(full)),
            Err(InsertError::DuplicateKey) if is_single => return Ok(key),
            Err(InsertError::DuplicateKey) => {}
        }
    }
}

/// Creates an entity in any collection, and what it contains and links to, for the implementation of an operation.
pub(super) fn create_within(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    patch: &Patch,
) -> Result<EntityAddress, Error> {
    let stored_as = context.world.schema.set(place.set).target;
    let declared = context.model.structured(stored_as);
    let structured = context.model.actual(declared, patch.read_as);
    let relations = reference::look_up(context, structured, &patch.related, None, &mut Vec::new())?;
    let mut values = patch.apply(context.model, declared, &Complex::initial(declared));
    values.own_type = (structured.id != stored_as).then_some(structured.id);
    let key = insert_new(context, place, structured, values)?;
    let address = EntityAddress { collection: place.clone(), key };
    relate(context, &address, &relations)?;
    Ok(address)
}

/// Returns an unused key. Fixtures can hold keys of the world's own sequence, such as those saved by an earlier run with the same seed.
fn free_key(context: &OperationContext<'_>, collection: &Collection) -> Arc<str> {
    new_key(context, context.structured(), collection)
}

fn new_key(context: &OperationContext<'_>, structured: &StructuredType, collection: &Collection) -> Arc<str> {
    if structured.key_type().is_integer() {
        let free =
            (1..=i64::MAX).map(|number| Arc::from(number.to_string())).find(|key: &Arc<str>| collection.get(key).is_none());
        return free.unwrap_or_default();
    }
    loop {
        let key = next_key_of(context, structured);
        if collection.get(&key).is_none() {
            return key;
        }
    }
}

fn created_response(context: &OperationContext<'_>, entity: &StoredEntity, mut decided: Vec<&'static str>) -> Success {
    let mut location = Vec::new();
    match context.world.behaviors.location {
        Location::Itself => context.write_base_url(&mut location),
        Location::Backend => location.extend_from_slice(context.structured().wording.backend_url.as_bytes()),
    }
    let key = entity.key.replace('\'', "''");
    let (path, version) = (context.collection_path(), context.version().segment());
    let entity_path = if context.route.key_form == KeyForm::Bare { format!("{path}({key})") } else { format!("{path}('{key}')") };
    location.extend_from_slice(format!("/{version}/{entity_path}").as_bytes());
    let success = if context.preferences.answer == Some(Return::Minimal) {
        Success { decided, ..Success::no_content() }
    } else {
        decided.extend(explain::entities(context, std::iter::once(&**entity), None));
        let etag = context.tag_header(entity, false);
        let status = context.structured().capabilities.create_status;
        Success { etag, ..context.json(status, context.entity_body(entity), decided) }
    };
    Success { location: Some(location), preference_applied: context.write_preference(), ..success }
}
