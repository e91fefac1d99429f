//! The static types of expressions.

use crate::edm::schema::{EnumType, Model, Primitive, PropertyType};

/// The static type of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExpressionType<'m> {
    /// The literal `null`.
    Null,
    /// `Edm.Boolean`
    Boolean,
    /// Any numeric type.
    Number,
    /// `Edm.String`
    Text,
    /// `Edm.DateTimeOffset`, and `Edm.Date` as its midnight.
    Time,
    /// An enum.
    Enum(&'m EnumType),
    /// A complex type or a collection.
    Object,
    /// An undeclared member of an open type, typed when it is evaluated.
    Unknown,
}

impl<'m> ExpressionType<'m> {
    /// Returns the type of a property; `None` is an undeclared one.
    pub(super) fn of_property(model: &'m Model, declared: Option<PropertyType>) -> ExpressionType<'m> {
        match declared {
            Some(PropertyType::Primitive(Primitive::Boolean)) => ExpressionType::Boolean,
            Some(PropertyType::Primitive(Primitive::Int32)) => ExpressionType::Number,
            Some(PropertyType::Primitive(Primitive::String)) => ExpressionType::Text,
            Some(PropertyType::Primitive(Primitive::DateTimeOffset)) => ExpressionType::Time,
            Some(PropertyType::Enum(id)) => ExpressionType::Enum(model.enumeration(id)),
            Some(PropertyType::Complex(_) | PropertyType::Collection(_)) => ExpressionType::Object,
            None => ExpressionType::Unknown,
        }
    }

    /// Whether an expression of this type can be a condition.
    pub(super) fn is_condition(self) -> bool {
        matches!(self, ExpressionType::Boolean | ExpressionType::Null | ExpressionType::Unknown)
    }

    /// Whether values of the two types can be compared.
    pub(super) fn is_comparable(self, other: ExpressionType<'_>) -> bool {
        match (self, other) {
            (ExpressionType::Null | ExpressionType::Unknown, _) | (_, ExpressionType::Null | ExpressionType::Unknown) => true,
            (ExpressionType::Enum(one), ExpressionType::Enum(another)) => one.full_name == another.full_name,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }

    /// Returns the name for details of errors.
    pub(super) fn name(&self) -> &str {
        match self {
            ExpressionType::Null => "null",
            ExpressionType::Boolean => "Edm.Boolean",
            ExpressionType::Number => "a number",
            ExpressionType::Text => "Edm.String",
            ExpressionType::Time => "Edm.DateTimeOffset",
            ExpressionType::Enum(enumeration) => &enumeration.full_name,
            ExpressionType::Object => "a complex value",
            ExpressionType::Unknown => "an undeclared member",
        }
    }
}
