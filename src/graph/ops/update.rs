//! PATCH of an entity.

use std::sync::{Arc, MutexGuard};

use http::{Method, header};

use crate::edm::address::EntityAddress;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{Capability, PropertyType, Unique, UpdateAnswer};
use crate::edm::tag;
use crate::edm::value::{Entity, Value};
use crate::graph::context::{OperationContext, blank_single};
use crate::graph::implied;
use crate::graph::method::wrong_method;
use crate::graph::ops::change::{
    before_commit, changed_response, collection_to_change, insert, is_stated, read_value_of, server_set_values, with_change,
};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::{Outcome, create, folders, instances, property, reference, relocate, required, unique};
use crate::graph::route::{PropertyTail, unknown_segment};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::read::{Current, Reading};
use crate::policy::refusal;
use crate::world::store::{Collection, StoreUpdate, StoredEntity};
use crate::world::workload::{ChangeKind, InstanceRules, Reply};

/// Changes the members of an entity that a body names.
pub(super) fn update(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    reply: Option<&Reply>,
) -> Result<Outcome, Error> {
    let (model, structured) = (context.route.model, context.structured());
    let mut decided = reading.decided.clone();
    let precondition = Precondition::of(context, key, &mut decided)?;
    if context.is_single() {
        begin_single(context, key, reading, |entity| precondition.check(entity))?;
    } else if context.hides_some() {
        context.entity(key)?;
    }
    if is_upsert(context, key) && precondition.check_creation().is_ok() {
        if let Some(problem) = reading.values.first() {
            return Err(problem.to_error());
        }
        if let Some(created) = create::upsert(context, key, &reading.patch, decided.clone())? {
            return Ok(created);
        }
    }
    let collection = collection_to_change(context, key)?;
    if precondition.is_stated() {
        precondition.check(&*instances::current(context, &collection, key)?).map_err(Unchanged::to_error)?;
    }
    if let Some(problem) = reading.values.first() {
        // The service looks up the entity before it checks values.
        instances::current(context, &collection, key)?;
        return Err(problem.to_error());
    }
    required::check_change(model.actual(structured, reading.patch.read_as), &reading.patch)?;
    folders::check_annotations(context, model.actual(structured, reading.patch.read_as))?;
    folders::check_name(model.actual(structured, reading.patch.read_as), &reading.patch)?;
    if let Some(folder) = relocate::destination(context, key, &reading.patch)? {
        return relocate::relocate(context, key, reading, &folder, &precondition, &decided);
    }
    // The folder stays the same, and what the item says of it is that of the service.
    let patch = relocate::without_folder(context, &reading.patch);
    let folder = patch.as_ref().and_then(|_| relocate::own_folder(context, key));
    let patch = patch.filter(|_| folder.is_some());
    let without = patch.map(|patch| Reading {
        patch,
        has_members: reading.has_members,
        decided: reading.decided.clone(),
        ..Reading::default()
    });
    let reading = without.as_ref().unwrap_or(reading);
    let relations = if reading.patch.related.is_empty() {
        Vec::new()
    } else {
        let own = context.model.actual(structured, context.entity(key)?.properties.own_type);
        let read_as = model.actual(own, reading.patch.read_as);
        reference::look_up(context, read_as, &reading.patch.related, Some(&address(context, key)), &mut decided)?
    };
    let current = || instances::current(context, &collection, key);
    let kind = ChangeKind::Update { patch: &reading.patch, current: &current };
    if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
        return Ok(Outcome::Consult(consultation));
    }
    // A body without members changes nothing, not even the time of the last change.
    let mut values = if reading.has_members {
        let read_as = model.actual(structured, reading.patch.read_as);
        let mut values = server_set_values(context, read_as, false, &mut decided);
        values.retain(|(slot, _)| !is_stated(read_as, &reading.patch, *slot));
        values
    } else {
        Vec::new()
    };
    values.extend(folder);
    if relocate::is_renamed(context, &reading.patch) {
        return relocate::rename(context, key, reading, &precondition, (&values, decided));
    }
    let collection = instances::separate(context, key)?.unwrap_or(collection);
    // Held until the entity is stored.
    let _alone = check_unique(context, &collection, key, &reading.patch)?;
    let instances = if structured.rare().repeated.is_some() { InstanceRules::of(context.world, structured) } else { None };
    let has_pattern = |change: &PropertyChange| *structured.properties[change.property].name == *"recurrence";
    if instances.is_some() && reading.patch.changes.iter().any(has_pattern) {
        decided.push("series-exceptions");
    }
    let mut is_renewed = false;
    let updated = collection.update(key, |entity| {
        precondition.check(entity)?;
        let mut properties = reading.patch.apply(model, structured, &entity.properties);
        if let Some(rules) = instances {
            is_renewed = (rules.renew)(context.world, model, structured, &entity.properties, &mut properties);
        }
        for (slot, value) in values {
            properties.set(slot, value);
        }
        // A key cannot be changed: links and addresses have it.
        if let Some(key) = model.actual(structured, properties.own_type).key_property() {
            properties.set(key.slot, entity.properties.get(key.slot).clone());
        }
        let actual = model.actual(structured, properties.own_type);
        tag::renew(actual, &mut properties, Some(&entity.properties), || context.world.next_tag_id());
        Ok::<_, Unchanged>(Entity::of_type(Arc::clone(&entity.key), properties, actual.blank_text))
    });
    let StoreUpdate { before, after } = updated.ok_or_else(|| context.not_found(key))?.map_err(Unchanged::to_error)?;
    if is_renewed {
        instances::remove_stored(context, key);
    }
    instances::change_series(context, key, false)?;
    if !relations.is_empty() {
        reference::relate(context, &address(context, key), &relations, &mut |_, _| Err(Error::new(&refusal::INTERNAL, &[])))?;
    }
    Ok(with_change(context, changed_response(context, &after, Some(&before), decided), Some(before), Some(after)))
}

fn address(context: &OperationContext<'_>, key: &str) -> EntityAddress {
    EntityAddress { collection: context.route.collection.clone(), key: key.into() }
}

/// Checks the values of a patch that no other entity can have.
fn check_unique<'c>(
    context: &OperationContext<'c>,
    collection: &Collection,
    key: &str,
    patch: &Patch,
) -> Result<Option<MutexGuard<'c, ()>>, Error> {
    let (model, declared) = (context.route.model, context.structured());
    let structured = model.actual(declared, patch.read_as);
    let name = |change: &PropertyChange| &*structured.properties[change.property].name;
    let is_of = |unique: &Unique, name: &str| name == unique.property || Some(name) == unique.with;
    let is_affected = |unique: &&'static Unique| patch.changes.iter().any(|change| is_of(unique, name(change)));
    if !structured.unique.iter().any(is_affected) {
        return Ok(None);
    }
    let Some(entity) = collection.get(key) else { return Ok(None) };
    let mut values = patch.apply(model, declared, &entity.properties);
    // Fixtures can share values: only those that change are checked.
    for unique in structured.unique.iter().filter(|unique| !is_affected(unique)) {
        if let Some(slot) = structured.slot(unique.property) {
            values.set(slot, Value::Null);
        }
    }
    unique::check(context, structured, &context.route.collection, &values, Some(key))
}

/// Changes the members of a complex value in an entity that a body names.
pub(super) fn update_property(
    context: &OperationContext<'_>,
    key: &str,
    path: &PropertyTail,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    let mut kind = None;
    let mut structured = context.structured();
    let stored = context.entity(key).ok();
    let mut object = stored.as_ref().map(|entity| &entity.properties);
    for (before, index) in path.indexes.iter().enumerate() {
        let property = &structured.properties[*index];
        kind = Some((property.kind, property.read_only));
        if let PropertyType::Complex(declared) = property.kind {
            object = match object.map(|object| object.value(property)) {
                Some(Value::Complex(value)) => Some(&**value),
                _ => None,
            };
            let id = path.cast_behind(before + 1).unwrap_or(declared);
            structured = context.model.structured(id);
            if object.is_some_and(|object| !context.model.is_a(object.own_type.unwrap_or(declared), id)) {
                return Err(unknown_segment(&structured.full_name, std::iter::empty()));
            }
            kind = Some((PropertyType::Complex(id), property.read_only));
        }
    }
    let Some((PropertyType::Complex(id), false)) = kind.filter(|_| !path.is_raw) else {
        return Err(wrong_method(context.world, &Method::PATCH, &[Method::GET]));
    };
    // A refused query changes nothing.
    let query = property::query(context)?;
    let current = object.map(|values| Current { values, type_id: values.own_type.unwrap_or(id) });
    let mut reading = read_value_of(context, id, current, skipped)?;
    for (before, index) in path.indexes.iter().enumerate().rev() {
        // Without a name of a type in the body, the value has that of the path.
        let read_as = reading.patch.read_as.or_else(|| path.cast_behind(before + 1));
        let change = PropertyChange { property: *index, to: NewValue::Merge(Patch { read_as, ..reading.patch }) };
        reading.patch = Patch { changes: vec![change], ..Patch::default() };
    }
    let entity = match update(context, key, &reading, reply)? {
        Outcome::Success(success) => success,
        other => return Ok(other),
    };
    // The answer has the value alone.
    let after = entity.change.as_ref().and_then(|change| change.after.as_ref());
    let own = context.model.structured(id).capabilities.answer;
    let own = if matches!(own, UpdateAnswer::Decided(..)) { context.structured().capabilities.answer } else { own };
    let answer = match (own, after) {
        (UpdateAnswer::NoContent | UpdateAnswer::Empty, _) | (_, None) => Success::no_content(),
        (UpdateAnswer::Entity | UpdateAnswer::Decided(..), Some(after)) => {
            property::of_entity(context, key, after, path, &query)?
        }
    };
    Ok(Success { change: entity.change, decided: entity.decided, ..answer }.into())
}

/// Whether a change is of an entity that does not exist, where the schema says that it creates one (Org.OData.Capabilities.V1, `Upsertable`).
/// Types with a row (`upserted`) are created by an alternate key and a preference instead, and not by their own key.
fn is_upsert(context: &OperationContext<'_>, key: &str) -> bool {
    let (route, structured) = (context.route, context.structured());
    let is_stated = || route.restrictions(context.world).grants(Capability::Upsert) && structured.rare().upserted.is_none();
    // With `If-Match` the entity must be there (OData 4.0 Part 1, 11.4.4).
    let is_conditional = context.has_conditions && context.request.headers.contains_key(header::IF_MATCH);
    let is_own = !is_conditional && !context.is_single() && !route.has_links && !route.is_linked && !route.is_instance;
    is_own && is_stated() && context.check_way().is_ok() && !context.world.store.has(&route.collection, key)
}

/// Stores a single entity before its first change, unless clients create it. A change that would be refused is refused before.
pub(super) fn begin_single(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    check: impl FnOnce(&Entity) -> Result<(), Unchanged>,
) -> Result<(), Error> {
    if context.written_collection()?.get(key).is_some() {
        return Ok(());
    }
    if implied::is_of_caller(context) {
        return Err(wrong_method(context.world, &context.request.method, &[Method::GET]));
    }
    let structured = context.model.actual(context.structured(), reading.patch.read_as);
    if let Some(entity) = implied::entity(context, key) {
        check(&entity).map_err(Unchanged::to_error)?;
    }
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    required::check_change(structured, &reading.patch)?;
    folders::check_annotations(context, structured)?;
    folders::check_name(structured, &reading.patch)?;
    create_single(context, key)
}

/// Stores a single entity before its first change, unless clients create it.
pub(super) fn create_single(context: &OperationContext<'_>, key: &str) -> Result<(), Error> {
    let structured = context.structured();
    let is_created = structured.capabilities.is_upsert() && implied::entity(context, key).is_none();
    if is_created || context.written_collection()?.get(key).is_some() {
        return Ok(());
    }
    let implied = implied::entity(context, key).and_then(Arc::into_inner);
    let mut blank = implied.unwrap_or_else(|| blank_single(structured, key));
    if structured.tag.is_some() {
        let mut properties = blank.properties.clone();
        tag::renew(structured, &mut properties, None, || context.world.next_tag_id());
        blank = StoredEntity::of_type(key.into(), properties, structured.blank_text);
    }
    insert(context, &Arc::new(blank)).map(drop)
}
