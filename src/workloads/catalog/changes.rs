//! Operations of single types that change the entity to which they are bound.

use std::sync::Arc;

use super::stored;
use crate::edm::schema::{OperationType, PropertyType};
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::world::workload::{OperationReply, OperationRequest, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("updateAllowedCombinations", "authenticationStrengthPolicy", update_allowed_combinations),
    ("publish", "sitePage", publish_page),
];

/// learn.microsoft.com/graph/api/authenticationstrengthpolicy-updateallowedcombinations (medium). Policies of conditional access that refer to the
/// policy are not looked up (none).
fn update_allowed_combinations(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    const NAME: &str = "allowedCombinations";
    let (Argument::Value(current @ Value::Collection(_)), Some(entity)) = (request.argument(NAME), request.entity) else {
        return Ok(OperationReply::Nothing);
    };
    let Some(OperationType::Value(PropertyType::Complex(id))) = request.operation.returns else {
        return Ok(OperationReply::Nothing);
    };
    let structured = request.model.structured(id);
    let declared = request.model.find_structured(request.world.schema.set(request.collection.set).target);
    let previous = declared.and_then(|declared| declared.slot(NAME)).map(|slot| entity.properties.get(slot).clone());
    stored::change_bound(request, |values| {
        values.set(NAME, current.clone());
        values.set("modifiedDateTime", stored::now(request));
    })?;
    let mut result = Complex::initial(structured);
    let members = [("previousCombinations", previous), ("currentCombinations", Some(current.clone()))];
    for (name, value) in members {
        if let Some((slot, value)) = structured.slot(name).zip(value) {
            result.set(slot, value);
        }
    }
    Ok(OperationReply::Value(Value::Complex(Arc::new(result))))
}

/// learn.microsoft.com/graph/api/sitepage-publish (medium): the page is checked in, and visible in a new major version.
fn publish_page(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    stored::change_bound(request, |page| {
        page.change_complex("publishingState", |state| {
            let version = state.structured.slot("versionId").map(|slot| state.own.get(slot));
            let major: u32 = match version {
                Some(Value::String(version)) => {
                    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default()
                }
                _ => 0,
            };
            state.set_text("level", "published");
            state.set_text("versionId", &format!("{}.0", major.saturating_add(1)));
            state.set("checkedOutBy", Value::Null);
        });
    })?;
    Ok(OperationReply::Nothing)
}
