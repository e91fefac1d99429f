//! The JSON kinds in which values of each type are written.

use super::problem::shortened;
use crate::edm::schema::{Model, Primitive, PropertyType};
use crate::text::json::Json;

/// Whether a value is null or has the JSON kind of a type.
pub(super) fn has_json_kind(kind: PropertyType, json: &Json<'_>) -> bool {
    match (kind, json) {
        (_, Json::Null)
        | (PropertyType::Complex(_), Json::Object(_))
        | (PropertyType::Enum(_), Json::String(_))
        | (PropertyType::Collection(_), Json::Array(_)) => true,
        (PropertyType::Primitive(primitive), json) => match primitive {
            Primitive::Boolean => matches!(json, Json::Boolean(_)),
            Primitive::Int32 => matches!(json, Json::Number(_)),
            Primitive::String | Primitive::DateTimeOffset => matches!(json, Json::String(_)),
        },
        _ => false,
    }
}

/// Describes the values of a type, for messages.
pub(super) fn expected_kind(model: &Model, kind: PropertyType) -> String {
    match kind {
        PropertyType::Primitive(Primitive::Boolean) => "true or false".to_owned(),
        PropertyType::Primitive(Primitive::Int32) => "a whole number from -2147483648 to 2147483647".to_owned(),
        PropertyType::Primitive(Primitive::String) => "a string".to_owned(),
        PropertyType::Primitive(Primitive::DateTimeOffset) => "a string with a date".to_owned(),
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
