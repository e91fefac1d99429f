//! The JSON kinds in which values of each type are written.

use super::problem::shortened;
use crate::edm::schema::{Model, PropertyType};
use crate::text::json::Json;

/// Describes an entity, for messages.
pub(super) const ENTITY: &str = "an object";

/// Whether a value is null or has the JSON kind of a type.
pub(super) fn has_json_kind(kind: PropertyType, json: &Json<'_>) -> bool {
    match (kind, json) {
        (_, Json::Null)
        | (PropertyType::Complex(_), Json::Object(_))
        | (PropertyType::Enum(_), Json::String(_))
        | (PropertyType::Collection(_), Json::Array(_)) => true,
        (PropertyType::Primitive(primitive), json) => primitive.has_json_kind(json),
        _ => false,
    }
}

/// Describes the values of a type, for messages.
pub(super) fn expected_kind(model: &Model, kind: PropertyType) -> String {
    match kind {
        PropertyType::Primitive(primitive) => primitive.expected().to_owned(),
        PropertyType::Enum(id) => format!("a string with a value of {}", model.enumeration(id).full_name),
        PropertyType::Complex(id) => format!("an object of type {}", model.structured(id).full_name),
        PropertyType::Collection(item) => format!("an array, each item {}", expected_kind(model, item.kind())),
    }
}

/// Returns the JSON text of a value, shortened.
pub(super) fn literal(json: &Json<'_>) -> String {
    let mut out = Vec::new();
    json.write(&mut out);
    shortened(&String::from_utf8_lossy(&out)).into_owned()
}
