//! Guarded types: their workload decides who may read and write their entities.

use crate::graph::context::OperationContext;
use crate::odata::error::Error;
use crate::world::workload::{Access, AccessKind};

/// Checks whether the caller may have access to what the path addresses.
///
/// # Errors
///
/// Returns the refusal of the workload.
pub(super) fn check(context: &OperationContext<'_>, kind: AccessKind<'_>) -> Result<(), Error> {
    let structured = context.structured();
    let Some(workload) = structured.guarded.and_then(|index| context.world.workloads.get(index)) else { return Ok(()) };
    workload.check_access(&Access {
        world: context.world,
        model: context.model,
        structured,
        headers: &context.request.headers,
        ancestors: &context.route.ancestors,
        collection: &context.route.collection,
        key: context.route.key.as_deref(),
        kind,
    })
}
