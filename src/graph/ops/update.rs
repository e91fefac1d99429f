//! PATCH of an entity.

use std::sync::Arc;

use crate::edm::value::Entity;
use crate::graph::context::OperationContext;
use crate::graph::ops::Outcome;
use crate::graph::ops::change::{before_commit, changed_response, server_set_values, store_full, with_change};
use crate::odata::error::Error;
use crate::odata::read::Reading;
use crate::world::store::{StoreFull, StoreUpdate};
use crate::world::workload::{ChangeKind, Reply};

/// Changes the members of an entity that a body names.
pub(super) fn update(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    reply: Option<&Reply>,
) -> Result<Outcome, Error> {
    let (model, structured) = (context.route.model, context.structured());
    let collection = context.collection()?;
    if let Some(problem) = reading.values.first() {
        // The service looks up the entity before it checks values.
        return Err(collection.get(key).map_or_else(|| context.not_found(key), |_| problem.to_error()));
    }
    let mut decided = reading.decided.clone();
    let current = || collection.get(key).ok_or_else(|| context.not_found(key));
    let kind = ChangeKind::Update { patch: &reading.patch, current: &current };
    if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
        return Ok(Outcome::Consult(consultation));
    }
    // A body without members changes nothing, not even the time of the last change.
    let values = if reading.has_members { server_set_values(context, false, &mut decided) } else { Vec::new() };
    let updated = collection.update(key, |entity| {
        let mut properties = reading.patch.apply(model, structured, &entity.properties);
        for (slot, value) in values {
            properties.values[slot] = value;
        }
        Ok::<_, StoreFull>(Entity::new(Arc::clone(&entity.key), properties))
    });
    let StoreUpdate { before, after } = updated.ok_or_else(|| context.not_found(key))?.map_err(store_full)?;
    Ok(with_change(context, changed_response(context, &after, decided), Some(before), Some(after)))
}
