//! DELETE of an entity.

use std::sync::Arc;

use crate::edm::schema::{Property, PropertyType};
use crate::graph::context::OperationContext;
use crate::graph::ops::Outcome;
use crate::graph::ops::change::{before_commit, collection_to_change, with_change};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::world::workload::{ChangeKind, Reply};

/// Deletes an entity and its contained entities.
pub(super) fn delete(context: &OperationContext<'_>, key: &str, reply: Option<&Reply>) -> Result<Outcome, Error> {
    let mut decided = Vec::new();
    let precondition = Precondition::of(context, key, &mut decided)?;
    let collection = collection_to_change(context, key)?;
    if context.route.cast.is_some() {
        context.entity(key)?;
    }
    if precondition.is_stated() {
        precondition.check(&*collection.get(key).ok_or_else(|| context.not_found(key))?).map_err(Unchanged::to_error)?;
    }
    if context.structured().consulted.is_some() {
        let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
        if let Some(consultation) = before_commit(context, ChangeKind::Delete { key: &current.key }, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
    }
    let removed = collection.remove_if(key, |entity| precondition.check(entity)).map_err(Unchanged::to_error)?;
    let before = removed.ok_or_else(|| context.not_found(key))?;
    let own = context.model.actual(context.structured(), before.properties.own_type);
    let is_complex = |property: &Arc<Property>| matches!(property.kind, PropertyType::Complex(_));
    if !own.navigations.is_empty() || own.properties.iter().any(is_complex) {
        let collection = &context.route.collection;
        context.world.store.empty_within(collection.root, &collection.address(&context.world.schema, key));
    }
    let status = context.structured().capabilities.delete_status;
    Ok(with_change(context, Success { status, decided, ..Success::no_content() }, Some(before), None))
}
