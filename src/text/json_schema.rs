//! Pieces of JSON Schemas, in the draft that editors know best.

use serde_json::{Map, Value, json};

/// The draft.
pub(crate) const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The member with which a file names its schema.
pub(crate) const SCHEMA_MEMBER: &str = "$schema";

/// The member with the definitions.
const DEFINED: &str = "definitions";

/// The beginning of a reference to a definition.
const DEFINITIONS: &str = "#/definitions/";

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
pub(crate) fn or_null(mut schema: Value) -> Value {
    // Keywords such as `maxLength` and `pattern` are of strings alone; `enum` is of all values.
    if let Some(members) = schema.as_object_mut().filter(|members| !members.contains_key("enum"))
        && let Some(kind) = members.get_mut("type").filter(|kind| kind.is_string())
    {
        *kind = json!([kind.take(), "null"]);
        return schema;
    }
    one_of(schema, json!({ "type": "null" }))
}

/// Returns a schema for values of either of two.
pub(crate) fn one_of(one: Value, other: Value) -> Value {
    members([("anyOf", Value::Array(vec![one, other]))])
}

/// Returns the text of a schema with a line for each definition: indented, a large one would be several times as long.
pub(crate) fn compact_text(document: &Value) -> String {
    lines(document, "  ")
}

fn lines(value: &Value, indent: &str) -> String {
    let Some(members) = value.as_object() else { return value.to_string() };
    let member = |(name, value): (&String, &Value)| {
        let value = if name == DEFINED { lines(value, "    ") } else { value.to_string() };
        format!("{indent}{}: {value}", Value::from(name.as_str()))
    };
    let members: Vec<String> = members.iter().map(member).collect();
    format!("{{\n{}\n{}}}", members.join(",\n"), &indent[2..])
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
        document.insert(DEFINED.to_owned(), definitions.into());
    }
    document.into()
}
