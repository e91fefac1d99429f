//! Writes entities as JSON.

use super::enums;
use super::json::write_string;
use super::value::{Complex, Value};
use crate::behavior::{Behaviors, HiddenMembers, Secret, Supports, Timestamps};
use crate::model::{Kind, Model, Property, StructuredType};

/// What decides how an entity looks.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'s> {
    /// The tables of the version.
    pub model: &'s Model,
    /// How secrets are written.
    pub secret: Secret,
    /// How dates are written.
    pub timestamps: Timestamps,
    /// Whether the older names of properties are written.
    pub supports: Supports,
    /// Whether enum members above the sentinel are written.
    pub show_hidden: bool,
}

impl<'s> Shape<'s> {
    /// Returns what a tenant shows to a client.
    pub fn of(model: &'s Model, behaviors: &Behaviors, knows_hidden: bool) -> Shape<'s> {
        Shape {
            model,
            secret: behaviors.secret,
            timestamps: behaviors.timestamps,
            supports: behaviors.supports,
            show_hidden: knows_hidden || behaviors.hidden_members == HiddenMembers::Show,
        }
    }

    /// Returns what loses nothing: the form of fixtures.
    pub fn lossless(model: &'s Model) -> Shape<'s> {
        Shape { model, secret: Secret::Echo, timestamps: Timestamps::Verbatim, supports: Supports::Absent, show_hidden: true }
    }
}

/// Writes the members of an object, without the braces. Returns whether there were any.
pub fn write_members(shape: &Shape<'_>, structured: &StructuredType, object: &Complex, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for index in &structured.answer_order {
        let property = &structured.properties[*index];
        let value = &object.values[property.slot];
        if !is_written(shape, structured, *index, value) {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(&property.member);
        write_value(shape, property, value, out);
    }
    for member in &object.dynamic {
        if out.len() > start {
            out.push(b',');
        }
        write_string(out, &member.name);
        out.push(b':');
        out.extend_from_slice(member.json.as_bytes());
    }
    out.len() > start
}

fn is_written(shape: &Shape<'_>, structured: &StructuredType, index: usize, value: &Value) -> bool {
    let property = &structured.properties[index];
    if property.omitted_while_null && *value == Value::Null {
        return false;
    }
    match shape.supports {
        Supports::Mirror => true,
        Supports::Accept | Supports::Absent => property.declared,
        Supports::Only => !structured.properties.iter().any(|other| other.mirrors == Some(index)),
    }
}

fn write_value(shape: &Shape<'_>, property: &Property, value: &Value, out: &mut Vec<u8>) {
    if property.write_only && shape.secret == Secret::Null {
        out.extend_from_slice(b"null");
        return;
    }
    match (value, property.kind) {
        (Value::Null, _) => out.extend_from_slice(b"null"),
        (Value::Boolean(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Value::Int32(value), _) => out.extend_from_slice(value.to_string().as_bytes()),
        (Value::String(text) | Value::EnumText(text), _) => write_string(out, text),
        (Value::DateTimeOffset(time), _) => {
            out.push(b'"');
            match shape.timestamps {
                Timestamps::Utc => time.write_utc(out),
                Timestamps::Verbatim => time.write_verbatim(out),
            }
            out.push(b'"');
        }
        (Value::Enum(number), Kind::Enum(id)) => {
            out.push(b'"');
            enums::write(shape.model.enumeration(id), *number, shape.show_hidden, out);
            out.push(b'"');
        }
        (Value::Complex(object), Kind::Complex(id)) => {
            out.push(b'{');
            write_members(shape, shape.model.structured(id), object, out);
            out.push(b'}');
        }
        (Value::Enum(_) | Value::Complex(_), _) => unreachable!("values are of the kind of their property"),
    }
}
