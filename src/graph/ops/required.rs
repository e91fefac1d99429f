//! Members that a body must have to create an entity, by the rows of workloads.

use crate::edm::patch::{NewValue, Patch};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{PropertyType, StructuredType};
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::text::word::capitalized;

/// Checks that a change does not clear a text that an entity must have.
///
/// # Errors
///
/// Returns the refusal of the first one that is null or empty.
pub(super) fn check_change(structured: &StructuredType, patch: &Patch) -> Result<(), Error> {
    let Some((required, refusal)) = structured.required.and_then(|required| Some((required, required.empty?))) else {
        return Ok(());
    };
    for change in &patch.changes {
        let property = &structured.properties[change.property];
        let is_cleared = match &change.to {
            NewValue::Set(Value::Null) => property.kind == PropertyType::Primitive(Primitive::String),
            NewValue::Set(Value::String(text)) => text.is_empty(),
            _ => false,
        };
        if is_cleared && required.members.contains(&&*property.name) {
            return Err(Error::new(refusal, &[&property.name, &capitalized(&structured.name)]));
        }
    }
    Ok(())
}

/// Checks that a body has the members that a new entity must have.
///
/// # Errors
///
/// Returns the refusal of the first one that is missing or empty.
pub(super) fn check(structured: &StructuredType, patch: &Patch) -> Result<(), Error> {
    let Some(required) = structured.required else { return Ok(()) };
    let sent = |name: &str| {
        let index = structured.property(name)?;
        patch.changes.iter().find(|change| change.property == index).map(|change| &change.to)
    };
    let members = required.relief.filter(|(member, _)| sent(member).is_some()).map_or(required.members, |(_, members)| members);
    for name in members.iter().filter(|name| structured.property(name).is_some()) {
        let refusal = match sent(name) {
            None | Some(NewValue::Set(Value::Null)) => Some(required.missing),
            Some(NewValue::Set(Value::String(text))) if text.is_empty() => required.empty,
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            return Err(Error::new(refusal, &[name, &capitalized(&structured.name)]));
        }
    }
    Ok(())
}
