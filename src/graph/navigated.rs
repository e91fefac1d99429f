//! Conditions over navigation properties: the entities behind them, as values of the entity that is filtered.

use std::sync::Arc;

use crate::edm::address::EntityAddress;
use crate::edm::schema::{SetId, TypeId};
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::graph::forms;
use crate::graph::implied;
use crate::odata::query::filter::BoundExpression;
use crate::odata::query::filter::evaluate::Scalar;
use crate::odata::query::filter::navigation::NavigationUse;
use crate::odata::query::orderby::{self, OrderKey};
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{LookUpUnpaid, StoredEntity};

/// The steps that finding an entity in the store costs.
const ENTITY_STEPS: u64 = 8;

/// The steps or the memory of the request do not suffice.
pub(super) struct PurseEmpty;

/// Whether an entity fulfills a condition. `set` is that of the entity, `address` where it lives.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn is_fulfilled(
    context: &OperationContext<'_>,
    filter: &BoundExpression<'_>,
    entity: &StoredEntity,
    set: SetId,
    address: impl FnOnce() -> EntityAddress,
) -> Result<bool, PurseEmpty> {
    let purse = context.purse;
    let own_type = Some(context.own_type(entity, set));
    let is_match = if filter.navigations().is_empty() {
        let compared = compared(context, entity, set);
        filter.is_fulfilled_as(own_type, compared.as_ref().unwrap_or(&entity.properties), purse)
    } else {
        let held = purse.held();
        let values = with_entities(context, filter.navigations(), None, &address(), entity)?;
        let is_match = filter.is_fulfilled_as(own_type, &values, purse);
        purse.release_to(held);
        is_match
    };
    if purse.is_empty() { Err(PurseEmpty) } else { Ok(is_match) }
}

/// Returns the sort keys of an entity. `set` is that of the entity, `address` where it lives.
///
/// # Errors
///
/// Fails if the purse does not suffice.
pub(super) fn keys_of(
    context: &OperationContext<'_>,
    order: &[OrderKey<'_>],
    entity: &StoredEntity,
    set: SetId,
    address: impl FnOnce() -> EntityAddress,
) -> Result<Vec<Scalar<'static>>, PurseEmpty> {
    let (purse, navigations) = (context.purse, orderby::navigations(order));
    if order.is_empty() {
        return Ok(Vec::new());
    }
    let own_type = Some(context.own_type(entity, set));
    if navigations.is_empty() {
        let compared = compared(context, entity, set);
        let keys = orderby::keys_of(order, own_type, compared.as_ref().unwrap_or(&entity.properties), purse);
        return if purse.is_empty() { Err(PurseEmpty) } else { Ok(keys) };
    }
    let held = purse.held();
    let values = with_entities(context, navigations, None, &address(), entity)?;
    let keys = orderby::keys_of(order, own_type, &values, purse);
    purse.release_to(held);
    if purse.is_empty() { Err(PurseEmpty) } else { Ok(keys) }
}

/// Returns the values of an entity of a set as conditions and orders compare them; `None` if these are the stored ones.
fn compared(context: &OperationContext<'_>, entity: &StoredEntity, set: SetId) -> Option<Complex> {
    let structured = context.model.structured(context.own_type(entity, set));
    forms::compared(&context.forms(context.route.collection.root), structured, entity)
}

/// Returns the values of an entity, with the entities behind the navigation properties that it has in a condition.
fn with_entities(
    context: &OperationContext<'_>,
    uses: &[NavigationUse<'_>],
    number: Option<usize>,
    address: &EntityAddress,
    entity: &StoredEntity,
) -> Result<Complex, PurseEmpty> {
    if !context.purse.spend(ENTITY_STEPS) || !context.purse.hold(entity.properties.own_bytes()) {
        return Err(PurseEmpty);
    }
    let (schema, store) = (&*context.world.schema, &context.world.store);
    let compared = compared(context, entity, address.collection.set);
    let mut values = compared.unwrap_or_else(|| entity.properties.clone());
    for (index, known) in uses.iter().enumerate().filter(|(_, known)| known.from == number) {
        let navigation = known.navigation;
        let inner = address.collection.within(schema, &address.key, navigation.set);
        let stored = links::collection(schema, store, &inner, Some(context.purse)).map_err(|TooManyLinks| PurseEmpty)?;
        let mut found = Vec::new();
        let item = |entity: &StoredEntity, address: &EntityAddress| {
            let own: TypeId = context.own_type(entity, address.collection.set);
            let mut item = with_entities(context, uses, Some(index), address, entity)?;
            item.own_type = Some(own).filter(|own| *own != navigation.target);
            Ok(Value::Complex(Arc::new(item)))
        };
        for entity in stored.list() {
            let linked = entity.linked().cloned();
            let (entity, address) = match linked {
                Some(target) => match store.entity(&target) {
                    Some(entity) => (entity, (*target).clone()),
                    None => continue,
                },
                None => (entity.clone(), EntityAddress { collection: inner.clone(), key: entity.key.clone() }),
            };
            found.push(item(&entity, &address)?);
        }
        if !navigation.is_collection && stored.is_empty() {
            let single = implied::behind(context, address, "", navigation).map_err(|LookUpUnpaid| PurseEmpty)?;
            if let Some((entity, address)) = single {
                found.push(item(&entity, &address)?);
            }
        }
        let value = if navigation.is_collection {
            Value::Collection(found.into())
        } else {
            found.into_iter().next().unwrap_or(Value::Null)
        };
        values.set(known.slot, value);
    }
    Ok(values)
}
