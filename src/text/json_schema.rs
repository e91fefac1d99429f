//! Pieces of JSON Schemas, in the draft that editors know best.

use serde_json::{Map, Value, json};

/// The draft.
pub(crate) const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The member with which a file names its schema.
pub(crate) const SCHEMA_MEMBER: &str = "$schema";

/// The beginning of a reference to a definition.
pub(crate) const DEFINITIONS: &str = "#/definitions/";

fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the schema of an object with these members only.
pub(crate) fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = members([("type", "object".into()), ("properties", properties), ("additionalProperties", false.into())]);
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Returns the schema of a list.
pub(crate) fn list(items: Value) -> Value {
    members([("type", "array".into()), ("items", items)])
}

/// Returns the schema of a definition.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{DEFINITIONS}{name}") })
}

/// Returns a schema for values of another one and for null.
pub(crate) fn or_null(schema: Value) -> Value {
    members([("anyOf", Value::Array(vec![schema, json!({ "type": "null" })]))])
}

/// Returns a whole schema.
pub(crate) fn document(title: &str, schema: Value, definitions: Map<String, Value>) -> Value {
    let mut document = Map::new();
    document.insert(SCHEMA_MEMBER.to_owned(), DRAFT.into());
    document.insert("title".to_owned(), title.into());
    if let Value::Object(members) = schema {
        document.extend(members);
    }
    if !definitions.is_empty() {
        document.insert("definitions".to_owned(), definitions.into());
    }
    document.into()
}
