//! Operations of workbooks.

use std::sync::Arc;

use crate::edm::schema::{OperationType, PropertyType};
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[("createSession", "workbook", create_session)];

/// Answers with a session (learn.microsoft.com/graph/api/workbook-createsession, *medium*): an id, and whether its changes are kept. The form
/// of the id is a guess (none), and a session changes nothing in later requests.
#[allow(clippy::unnecessary_wraps, reason = "a function of the table")]
fn create_session(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let Some(OperationType::Value(PropertyType::Complex(id))) = request.operation.returns else {
        // A schema of the user's own, in which the operation answers nothing like it.
        return Ok(OperationReply::Nothing);
    };
    let structured = request.model.structured(id);
    let mut session = Complex::initial(structured);
    if let Some(slot) = structured.slot("id") {
        session.set(slot, Value::String(request.world.next_entity_id().to_string().into()));
    }
    if let (Some(slot), Argument::Value(value)) = (structured.slot("persistChanges"), request.argument("persistChanges")) {
        session.set(slot, value.clone());
    }
    Ok(OperationReply::Value(Value::Complex(Arc::new(session))))
}
