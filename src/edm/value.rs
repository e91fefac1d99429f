//! Stored values of entities: typed by the model, independent of a version.

use std::sync::Arc;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Initial, PropertyType, StructuredType};

/// A value of a declared property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null, of any type.
    Null,
    /// `Edm.Boolean`
    Boolean(bool),
    /// `Edm.Int32`
    Int32(i32),
    /// `Edm.String`
    String(Arc<str>),
    /// `Edm.DateTimeOffset`
    DateTimeOffset(DateTimeOffset),
    /// The number of an enum member, or of several.
    Enum(i64),
    /// Text that is not a member of its enum (behavior `enum-values`).
    EnumText(Arc<str>),
    /// A complex value.
    Complex(Arc<Complex>),
    /// The items of a collection.
    Collection(Arc<[Value]>),
}

/// The values of an entity or of a complex value: one per slot of its type, and the members that the type does not declare.
#[derive(Clone, Debug, PartialEq)]
pub struct Complex {
    /// One value per slot.
    pub values: Box<[Value]>,
    /// Undeclared members of an open type, in the order of their arrival.
    pub dynamic: Vec<Dynamic>,
}

/// An undeclared member of an open type.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    /// The name.
    pub name: Arc<str>,
    /// The value as compact JSON.
    pub json: Arc<str>,
}

impl Complex {
    /// Returns an instance with null values, and empty collections, which are never null.
    pub fn blank(structured: &StructuredType) -> Complex {
        let mut values: Box<[Value]> = vec![Value::Null; structured.slots].into();
        for property in &structured.properties {
            if let PropertyType::Collection(_) = property.kind {
                values[property.slot] = Value::Collection(Arc::default());
            }
        }
        Complex { values, dynamic: Vec::new() }
    }

    /// Returns an instance with the initial values of its type.
    pub fn initial(structured: &StructuredType) -> Complex {
        let mut blank = Complex::blank(structured);
        for property in &structured.properties {
            match property.initial {
                Some(Initial::Boolean(value)) => blank.values[property.slot] = Value::Boolean(value),
                Some(Initial::Int32(value)) => blank.values[property.slot] = Value::Int32(value),
                Some(Initial::Member(number)) => blank.values[property.slot] = Value::Enum(number),
                None => {}
            }
        }
        blank
    }

    /// Returns the approximate size of the values in memory, in bytes, without this structure itself.
    pub fn size(&self) -> usize {
        let dynamic: usize =
            self.dynamic.iter().map(|member| shared_size(member.name.len()) + shared_size(member.json.len())).sum();
        values_size(&self.values) + self.dynamic.capacity() * size_of::<Dynamic>() + dynamic
    }
}

/// Returns the size of values and of the memory that they refer to.
fn values_size(values: &[Value]) -> usize {
    let referred = |value: &Value| match value {
        Value::String(text) | Value::EnumText(text) => shared_size(text.len()),
        Value::Complex(complex) => shared_size(size_of::<Complex>()) + complex.size(),
        Value::Collection(items) => shared_size(values_size(items)),
        Value::Null | Value::Boolean(_) | Value::Int32(_) | Value::DateTimeOffset(_) | Value::Enum(_) => 0,
    };
    size_of_val(values) + values.iter().map(referred).sum::<usize>()
}

fn complex_text_size(complex: &Complex) -> usize {
    let dynamic = complex.dynamic.iter().map(|member| MEMBER_TEXT + member.name.len() + member.json.len());
    complex.values.iter().map(value_text_size).sum::<usize>() + dynamic.sum::<usize>()
}

/// Returns the approximate length of a value's JSON text with the name of its member. A sixteenth of a text is for escapes.
fn value_text_size(value: &Value) -> usize {
    let text = match value {
        Value::String(text) | Value::EnumText(text) => text.len() + text.len() / 16,
        Value::Complex(complex) => complex_text_size(complex),
        Value::Collection(items) => items.iter().map(value_text_size).sum(),
        Value::Null | Value::Boolean(_) | Value::Int32(_) => 0,
        Value::DateTimeOffset(_) | Value::Enum(_) => MEMBER_TEXT,
    };
    MEMBER_TEXT + text
}

/// The approximate length of a member's name in JSON, with a short value.
const MEMBER_TEXT: usize = 20;

/// An immutable entity: an update creates a new one.
#[derive(Clone, Debug)]
pub struct Entity {
    /// The key, unique in its collection.
    pub key: Arc<str>,
    /// The values, the key included.
    pub properties: Complex,
    /// The size in memory.
    size: usize,
}

impl Entity {
    /// Returns an entity with a key and values.
    pub fn new(key: Arc<str>, properties: Complex) -> Entity {
        let size = size_of::<Entity>() + shared_size(key.len()) + properties.size();
        Entity { key, properties, size }
    }

    /// Returns the approximate size in memory, in bytes, as when the entity was created. Values shared with other entities count in full.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the approximate length of the entity's JSON text, in bytes, without annotations for metadata.
    pub fn text_size(&self) -> usize {
        complex_text_size(&self.properties)
    }
}

impl PartialEq for Entity {
    fn eq(&self, other: &Entity) -> bool {
        self.key == other.key && self.properties == other.properties
    }
}

/// Returns the size of shared bytes with their reference counts.
fn shared_size(bytes: usize) -> usize {
    bytes + 2 * size_of::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_entity_covers_all_that_it_holds() {
        let size = |values: Vec<Value>, dynamic: Vec<Dynamic>| {
            Entity::new("key".into(), Complex { values: values.into(), dynamic }).size()
        };
        let text = || Value::String("x".repeat(1_000).into());
        let empty = size(Vec::new(), Vec::new());
        for (holds, values) in [
            (1_000, vec![text()]),
            (1_000, vec![Value::EnumText("x".repeat(1_000).into())]),
            (3_000, vec![Value::Collection(vec![text(), text(), text()].into())]),
            (1_000, vec![Value::Complex(Arc::new(Complex { values: vec![text()].into(), dynamic: Vec::new() }))]),
            (24_000, vec![Value::Null; 1_000]),
        ] {
            let more = size(values.clone(), Vec::new()) - empty;
            assert!((holds..holds + 300).contains(&more), "{more} bytes for {holds}");
        }
        let mut dynamic = Vec::with_capacity(100);
        dynamic.push(Dynamic { name: "n".repeat(500).into(), json: "1".repeat(500).into() });
        let more = size(Vec::new(), dynamic) - empty;
        assert!((4_200..4_300).contains(&more), "{more}");
    }
}
