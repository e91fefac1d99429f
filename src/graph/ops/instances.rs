//! Times at which an entity happens that are not stored: occurrences of a series. A change stores one, within its series.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::edm::tag;
use crate::edm::value::Entity;
use crate::graph::context::OperationContext;
use crate::graph::ops::change::server_set_values;
use crate::odata::error::Error;
use crate::world::store::{Collection, CollectionRef, StoreFull, StoreUpdate, StoredEntity};
use crate::world::workload::InstanceRules;

/// Returns the entity of the path as it is before a change.
pub(super) fn current(context: &OperationContext<'_>, collection: &Collection, key: &str) -> Result<Arc<StoredEntity>, Error> {
    match collection.get(key) {
        Some(stored) => Ok(stored),
        None => context.instance(key)?.ok_or_else(|| context.not_found(key)),
    }
}

/// Stores the time of the path before its first change, and returns the collection that has it then: another request can have stored it, so
/// that a collection from before does not.
///
/// # Errors
///
/// Fails if the entity does not happen then, or if there is not enough room or not enough in the purse.
pub(super) fn separate<'c>(context: &OperationContext<'c>, key: &str) -> Result<Option<CollectionRef<'c>>, Error> {
    let (world, place) = (context.world, &context.route.collection);
    let Some(series) = context.route.ancestors.last().filter(|_| context.route.is_instance) else { return Ok(None) };
    let stored = InstanceRules::store_time(world, context.model, context.purse, series, place, key);
    stored.map_err(|problem| context.time_problem(&problem, || context.not_found(key)))?;
    Ok(Some(world.store.to_change(place, 0)?))
}

/// Changes the entity that happens at the time of the path: it has another version, and happens no more at that time if `is_removed`.
/// Returns the change.
///
/// # Errors
///
/// Fails if there is not enough room, unless a time is removed.
pub(super) fn change_series(context: &OperationContext<'_>, key: &str, is_removed: bool) -> Result<Option<StoreUpdate>, Error> {
    let (world, structured) = (context.world, context.structured());
    let Some(series) = context.route.ancestors.last().filter(|_| context.route.is_instance) else { return Ok(None) };
    let Some(rules) = InstanceRules::of(world, structured) else { return Ok(None) };
    let server_set = server_set_values(context, structured, false, &mut Vec::new());
    let change = |entity: &Entity| {
        let mut values = if is_removed {
            (rules.without)(structured, &entity.key, &entity.properties, key)
        } else {
            entity.properties.clone()
        };
        for (slot, value) in &server_set {
            values.set(*slot, value.clone());
        }
        let actual = context.model.actual(structured, values.own_type);
        tag::renew(actual, &mut values, Some(&entity.properties), || world.next_tag_id());
        Ok::<_, StoreFull>(Entity::of_type(entity.key.clone(), values, actual.blank_text))
    };
    let updated = if is_removed {
        world.store.to_remove(&series.collection).update_beyond(&series.key, change)
    } else {
        world.store.to_change(&series.collection, 0)?.update(&series.key, change)
    };
    updated.transpose().map_err(Error::from)
}

/// Removes the times of an entity that are stored.
pub(super) fn remove_stored(context: &OperationContext<'_>, key: &str) {
    let structured = context.structured();
    let navigation = structured.rare().repeated.and_then(|name| structured.navigation(name));
    let Some(navigation) = navigation else { return };
    let (store, schema) = (&context.world.store, &context.world.schema);
    let place = context.route.collection.within(schema, key, navigation.set);
    for time in store.list(&place) {
        store.to_remove(&place).remove(&time.key);
        store.forget(schema, &EntityAddress { collection: place.clone(), key: time.key.clone() });
    }
}

/// Takes a change of the entity that happens at the time of the path back, unless it has been changed again.
pub(super) fn restore_series(context: &OperationContext<'_>, change: Option<StoreUpdate>) {
    let Some((series, StoreUpdate { before, after })) = context.route.ancestors.last().zip(change) else { return };
    let Ok(collection) = context.world.store.to_change(&series.collection, 0) else { return };
    // Without room for it, the time stays cancelled.
    let _ = collection.update(&series.key, |entity| {
        let is_last = std::ptr::eq(Arc::as_ptr(after.entity()), entity);
        let kept = if is_last { &**before.entity() } else { entity };
        let actual = context.model.actual(context.structured(), kept.properties.own_type);
        Ok::<_, StoreFull>(Entity::of_type(kept.key.clone(), kept.properties.clone(), actual.blank_text))
    });
}
