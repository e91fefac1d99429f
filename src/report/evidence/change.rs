//! The properties that an update has changed.

use http::Method;

use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::graph::used::UsedOperation;
use crate::world::journal::RecordedEntry;

/// Returns the properties whose values an update has changed, those in complex values with a path. Those that the service sets are left out.
pub(super) fn members(entry: &RecordedEntry, used: &UsedOperation<'_>) -> Vec<String> {
    let mut changed = Vec::new();
    let is_update = matches!(*entry.method(), Method::PATCH | Method::PUT) && used.is_entity;
    let both = entry.changed().filter(|_| is_update).and_then(|change| Some((change.before.as_ref()?, change.after.as_ref()?)));
    if let (Some((before, after)), Some(structured)) = (both, used.structured) {
        add(used.model, structured, "", (&before.properties, &after.properties), &mut changed);
    }
    changed
}

fn add(
    model: &Model,
    structured: &StructuredType,
    above: &str,
    (before, after): (&Complex, &Complex),
    changed: &mut Vec<String>,
) {
    for property in structured.properties.iter().filter(|property| !property.read_only && property.alias.is_none()) {
        match (before.get(property.slot), after.get(property.slot), property.kind) {
            (Value::Complex(before), Value::Complex(after), PropertyType::Complex(id)) => {
                let Some(inner) = model.find_structured(id) else { continue };
                add(model, inner, &format!("{above}{}/", property.name), (before, after), changed);
            }
            (before, after, _) if before != after => changed.push(format!("{above}{}", property.name)),
            _ => {}
        }
    }
}
