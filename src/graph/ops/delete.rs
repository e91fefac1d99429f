//! DELETE of an entity.

use crate::graph::context::OperationContext;
use crate::graph::ops::Outcome;
use crate::graph::ops::change::{before_commit, store_full, with_change};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::world::workload::{ChangeKind, Reply};

/// Deletes an entity and its contained entities.
pub(super) fn delete(context: &OperationContext<'_>, key: &str, reply: Option<&Reply>) -> Result<Outcome, Error> {
    let collection = context.collection()?;
    let mut decided = Vec::new();
    if context.structured().consulted.is_some() {
        let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
        if let Some(consultation) = before_commit(context, ChangeKind::Delete { key: &current.key }, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
    }
    let before = collection.remove(key).map_err(store_full)?.ok_or_else(|| context.not_found(key))?;
    if !context.structured().navigations.is_empty() {
        context.world.store.empty_within(&context.entity_path(key));
    }
    Ok(with_change(context, Success { decided, ..Success::no_content() }, Some(before), None))
}
