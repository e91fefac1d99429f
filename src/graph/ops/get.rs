//! GET of an entity.

use http::StatusCode;

use crate::graph::context::OperationContext;
use crate::graph::explain;
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::query::{Query, QueryTarget};

/// Returns an entity, or its selected members.
pub(super) fn get(context: &OperationContext<'_>, key: &str) -> Result<Success, Error> {
    let query = context.query(context.structured(), QueryTarget::Entity)?;
    let select = query.as_ref().and_then(|query| query.select.as_ref());
    let found = context.collection()?.with_entity(key, |entity| {
        let selection = select.map(|select| &select.selection);
        let mut decided = explain::entities(context, std::iter::once(&**entity), selection);
        decided.extend(query.iter().filter_map(Query::doubted));
        let body = match select {
            None => context.entity_body(entity),
            Some(select) => context.selected_body(entity, select),
        };
        context.json(StatusCode::OK, body, decided)
    });
    let success = found.ok_or_else(|| context.not_found(key))?;
    Ok(Success { preference_applied: context.enum_preference(), ..success })
}
