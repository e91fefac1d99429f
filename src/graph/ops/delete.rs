//! DELETE of an entity.

use std::sync::Arc;

use http::Method;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Capability, DeactivationRules, Property, PropertyType};
use crate::edm::tag;
use crate::edm::value::{Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::implied;
use crate::graph::method::wrong_method;
use crate::graph::ops::change::{alone_with_others, before_commit, server_set_values, with_change};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::{Outcome, folders, instances};
use crate::graph::statuses::{self, Bin};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::clock::unix_millis;
use crate::world::store::{Collection, CollectionRef, StoreUpdate, StoredEntity};
use crate::world::workload::{ChangeKind, Reply};

/// Deletes an entity and its contained entities.
pub(super) fn delete(context: &OperationContext<'_>, key: &str, reply: Option<&Reply>) -> Result<Outcome, Error> {
    let mut decided = Vec::new();
    let precondition = Precondition::of(context, key, &mut decided)?;
    let collection = context.written_collection()?;
    if context.hides_some() {
        context.entity(key)?;
    }
    if precondition.is_stated() {
        precondition.check(&*instances::current(context, &collection, key)?).map_err(Unchanged::to_error)?;
    }
    check_capability(context, &collection, key)?;
    if implied::is_initial(context) {
        decided.push("initial-entity-deletion");
        if collection.get(key).is_none() {
            // Its values are the first ones already.
            let status = context.structured().capabilities.delete_status;
            return Ok(Success { status, decided, ..Success::no_content() }.into());
        }
    }
    // Held until the entity is removed.
    let _alone = alone_with_others(context);
    if context.structured().consulted.is_some() {
        let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
        if let Some(consultation) = before_commit(context, ChangeKind::Delete { key: &current.key }, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
    }
    if let Some(rules) = context.structured().rare().deactivated {
        return deactivate(context, key, rules, &precondition, decided);
    }
    let before = remove(context, &collection, key, &precondition)?;
    let address = EntityAddress { collection: context.route.collection.clone(), key: before.key.clone() };
    if !recycle(context, &before) {
        forget(context, &address, &before);
    }
    let structured = context.types(&before).actual;
    if let Some(file) = structured.file {
        folders::account(context, &context.route.collection, -1, -folders::size(structured, &before.properties, file));
    }
    let status = structured.capabilities.delete_status;
    Ok(with_change(context, Success { status, decided, ..Success::no_content() }, Some(before), None))
}

/// Removes an entity. A time at which another one happens is cancelled first: it is not stored before its first change.
fn remove(
    context: &OperationContext<'_>,
    collection: &CollectionRef<'_>,
    key: &str,
    precondition: &Precondition,
) -> Result<Arc<StoredEntity>, Error> {
    let remove = || {
        let stored = context.world.store.to_remove(&context.route.collection);
        stored.remove_if(key, |entity| precondition.check(entity)).map_err(Unchanged::to_error)
    };
    if !context.route.is_instance {
        return remove()?.ok_or_else(|| context.not_found(key));
    }
    let current = instances::current(context, collection, key)?;
    precondition.check(&current).map_err(Unchanged::to_error)?;
    let series = instances::change_series(context, key, true)?;
    // Another request can have stored the time since.
    match remove() {
        Ok(removed) => Ok(removed.unwrap_or(current)),
        Err(error) => {
            instances::restore_series(context, series);
            Err(error)
        }
    }
}

/// Marks an entity that stays where it is.
fn deactivate(
    context: &OperationContext<'_>,
    key: &str,
    rules: &DeactivationRules,
    precondition: &Precondition,
    mut decided: Vec<&'static str>,
) -> Result<Outcome, Error> {
    let structured = context.structured();
    let slot = structured.slot(rules.property).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let collection = context.world.store.to_remove(&context.route.collection);
    let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
    check_last(context, &collection, rules, &current)?;
    let server_set = server_set_values(context, structured, false, &mut decided);
    let updated = collection.update_beyond(key, |entity| {
        precondition.check(entity)?;
        let mut values = entity.properties.clone();
        values.set(slot, Value::Boolean(false));
        for (slot, value) in &server_set {
            values.set(*slot, value.clone());
        }
        tag::renew(structured, &mut values, Some(&entity.properties), || context.world.next_tag_id());
        Ok::<_, Unchanged>(Entity::of_type(Arc::clone(&entity.key), values, structured.blank_text))
    });
    let StoreUpdate { before, after } = updated.ok_or_else(|| context.not_found(key))?.map_err(Unchanged::to_error)?;
    let status = structured.capabilities.delete_status;
    Ok(with_change(context, Success { status, decided, ..Success::no_content() }, Some(before), Some(after)))
}

/// Checks that an entity that becomes inactive is not the last active one, if one must stay.
///
/// # Errors
///
/// Returns the refusal of the row.
pub(super) fn check_last(
    context: &OperationContext<'_>,
    collection: &Collection,
    rules: &DeactivationRules,
    current: &Entity,
) -> Result<(), Error> {
    let structured = context.structured();
    let Some((refusal, slot)) = rules.last.zip(structured.slot(rules.property)) else { return Ok(()) };
    let is_active = |entity: &Entity| *entity.properties.get(slot) != Value::Boolean(false);
    if !is_active(current) || !(rules.is_enforced)(&context.world.behaviors) {
        return Ok(());
    }
    if !context.purse.spend(u64::try_from(collection.len()).unwrap_or(u64::MAX)) {
        return Err(context.too_expensive());
    }
    if collection.list().iter().any(|entity| *entity.key != *current.key && is_active(entity)) {
        return Ok(());
    }
    Err(Error::new(refusal, &[structured.wording.noun]))
}

/// Checks that clients can delete the entity, where the path leads to one of a type that it does not name.
fn check_capability(context: &OperationContext<'_>, collection: &Collection, key: &str) -> Result<(), Error> {
    if context.world.schema.set(context.route.collection.set).target == context.structured().id {
        return Ok(());
    }
    let Some(entity) = collection.get(key) else { return Ok(()) };
    let actual = context.types(&entity).actual;
    let is_restricted = context.route.restrictions_for(context.world, actual).forbids(Capability::Delete);
    if actual.capabilities.deletes && !is_restricted {
        Ok(())
    } else {
        Err(wrong_method(context.world, &Method::DELETE, &[Method::GET]))
    }
}

/// Removes what a deleted entity contained, and the links to it.
fn forget(context: &OperationContext<'_>, address: &EntityAddress, before: &StoredEntity) {
    let (world, collection) = (context.world, &address.collection);
    let own = context.types(before).actual;
    let is_complex = |property: &Arc<Property>| matches!(property.kind, PropertyType::Complex(_));
    if !own.navigations.is_empty() || own.properties.iter().any(is_complex) {
        world.store.forget(&world.schema, address);
    } else {
        world.store.remove_links_to(address);
    }
    // An object that could have been restored still has what it had in its own set.
    let is_bin = statuses::bin(world, &own.full_name).is_some_and(|bin| bin.set == collection.set);
    if let Some(home) = world.schema.home(context.model, own.id).filter(|_| is_bin) {
        let former = EntityAddress { collection: home.into(), key: address.key.clone() };
        if world.store.entity(&former).is_none() {
            world.store.forget(&world.schema, &former);
        }
    }
}

/// Keeps a deleted entity where it can be restored, if its type has such a place. What it contains stays, and so do the links to it.
fn recycle(context: &OperationContext<'_>, before: &StoredEntity) -> bool {
    let world = context.world;
    let structured = context.types(before).actual;
    let Some(Bin { set, rules }) = statuses::bin(world, &structured.full_name) else { return false };
    let has = |(name, wanted): (&str, &str)| {
        let Some(slot) = structured.slot(name) else { return false };
        let Value::Collection(items) = before.properties.get(slot) else { return false };
        items.iter().any(|item| matches!(item, Value::String(text) if **text == *wanted))
    };
    if set == context.route.collection.set || rules.only.is_some_and(|only| !has(only)) {
        return false;
    }
    let mut values = before.properties.clone();
    values.own_type = Some(structured.id);
    if let Some(slot) = structured.slot(rules.deleted_at) {
        let seconds = unix_millis(context.now) / 1000;
        values.set(slot, Value::DateTimeOffset(DateTimeOffset::from_unix_millis(seconds * 1000)));
    }
    let kept = Arc::new(StoredEntity::of_type(before.key.clone(), values, structured.blank_text));
    // An object with the key is there already.
    let _ = world.store.at(&CollectionAddress::from(set)).insert_beyond(kept);
    true
}
