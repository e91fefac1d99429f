//! Members that a body must have to create an entity, by the rows of workloads.

use crate::edm::patch::{NewValue, Patch};
use crate::edm::schema::StructuredType;
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::text::word::capitalized;

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
