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
}

/// An immutable entity: an update creates a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// The key, unique in its collection.
    pub key: Arc<str>,
    /// The values, the key included.
    pub properties: Complex,
}

impl Entity {
    /// Returns an entity with a key and values.
    pub fn new(key: Arc<str>, properties: Complex) -> Entity {
        Entity { key, properties }
    }
}
