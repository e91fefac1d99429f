//! Times at which an entity happens that are not stored: occurrences of a series. A change stores one, within its series.

use std::sync::Arc;

use crate::edm::tag;
use crate::edm::value::Entity;
use crate::graph::context::OperationContext;
use crate::graph::ops::change::server_set_values;
use crate::odata::error::Error;
use crate::world::store::{Collection, CollectionRef, StoreFull, StoredEntity};
use crate::world::workload::InstanceRules;

/// Returns the entity of the path as it is before a change.
pub(super) fn current(context: &OperationContext<'_>, collection: &Collection, key: &str) -> Result<Arc<StoredEntity>, Error> {
    collection.get(key).or_else(|| context.instance(key)).ok_or_else(|| context.not_found(key))
}

/// Stores the time of the path before its first change, and returns the collection that has it then.
///
/// # Errors
///
/// Fails if there is not enough room.
pub(super) fn separate<'c>(context: &OperationContext<'c>, key: &str) -> Result<Option<CollectionRef<'c>>, Error> {
    let (world, place) = (context.world, &context.route.collection);
    let Some(series) = context.route.ancestors.last().filter(|_| context.route.is_instance) else { return Ok(None) };
    if world.store.has(place, key) {
        return Ok(None);
    }
    InstanceRules::store_time(world, context.model, context.purse, series, place, key)?;
    Ok(Some(world.store.to_change(place, 0)?))
}

/// Changes the entity that happens at the time of the path: it has another version, and happens no more at that time if `is_removed`.
///
/// # Errors
///
/// Fails if there is not enough room.
pub(super) fn change_series(context: &OperationContext<'_>, key: &str, is_removed: bool) -> Result<(), Error> {
    let (world, structured) = (context.world, context.structured());
    let Some(series) = context.route.ancestors.last().filter(|_| context.route.is_instance) else { return Ok(()) };
    let Some(rules) = InstanceRules::of(world, structured) else { return Ok(()) };
    let server_set = server_set_values(context, structured, false, &mut Vec::new());
    let updated = world.store.to_change(&series.collection, 0)?.update(&series.key, |entity| {
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
    });
    updated.map_or(Ok(()), |updated| updated.map(drop).map_err(Error::from))
}
