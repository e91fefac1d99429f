//! The static types of expressions, and how operators promote them (OData 4.01 Part 2, 5.1.1.15).

use std::borrow::Cow;

use super::arithmetic::Operator;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{EnumType, ItemType, Model, PropertyType, StructuredType};

/// The static type of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExpressionType<'m> {
    /// The literal `null`.
    Null,
    /// A primitive type.
    Primitive(Primitive),
    /// An enum.
    Enum(&'m EnumType),
    /// A complex or entity type.
    Structured(&'m StructuredType),
    /// A collection.
    Collection(ItemType),
    /// An undeclared member of an open type, or a value of `Edm.Untyped`, typed when it is evaluated.
    Unknown,
}

pub(super) const BOOLEAN: ExpressionType<'static> = ExpressionType::Primitive(Primitive::Boolean);
pub(super) const INT64: ExpressionType<'static> = ExpressionType::Primitive(Primitive::Int64);

impl<'m> ExpressionType<'m> {
    /// Returns the type of a property; `None` is an undeclared one.
    pub(super) fn of_property(model: &'m Model, declared: Option<PropertyType>) -> ExpressionType<'m> {
        match declared {
            Some(PropertyType::Primitive(Primitive::Untyped)) | None => ExpressionType::Unknown,
            Some(PropertyType::Primitive(primitive)) => ExpressionType::Primitive(primitive),
            Some(PropertyType::Enum(id)) => ExpressionType::Enum(model.enumeration(id)),
            Some(PropertyType::Complex(id)) => ExpressionType::Structured(model.structured(id)),
            Some(PropertyType::Collection(item)) => ExpressionType::Collection(item),
        }
    }

    /// Whether the type is only known when the expression is evaluated.
    pub(super) fn is_dynamic(self) -> bool {
        matches!(self, ExpressionType::Null | ExpressionType::Unknown)
    }

    /// Whether the values are complex values or collections.
    pub(super) fn is_object(self) -> bool {
        matches!(self, ExpressionType::Structured(_) | ExpressionType::Collection(_))
    }

    /// Whether the values are texts.
    pub(super) fn is_text(self) -> bool {
        matches!(self, ExpressionType::Primitive(Primitive::String))
    }

    /// Whether an expression of this type can be a condition.
    pub(super) fn is_condition(self) -> bool {
        self.is_dynamic() || matches!(self, ExpressionType::Primitive(Primitive::Boolean))
    }

    /// Whether numbers of this type are compared as Edm.Double.
    pub(super) fn is_rounded(self) -> bool {
        self.is_dynamic() || matches!(self, ExpressionType::Primitive(Primitive::Double | Primitive::Single))
    }

    /// Whether values of the two types can be compared.
    pub(super) fn is_comparable(self, other: ExpressionType<'_>, needs_order: bool) -> bool {
        let is_unordered = |kind: ExpressionType<'_>| {
            matches!(kind, ExpressionType::Primitive(Primitive::Binary | Primitive::Stream)) || kind.is_object()
        };
        if needs_order && (is_unordered(self) || is_unordered(other)) {
            return false;
        }
        match (self, other) {
            (one, another) if one.is_dynamic() || another.is_dynamic() => true,
            (ExpressionType::Enum(one), ExpressionType::Enum(another)) => one.full_name == another.full_name,
            (ExpressionType::Primitive(one), ExpressionType::Primitive(another)) => {
                one == another || one.is_number() && another.is_number() || is_date(one) && is_date(another)
            }
            _ => false,
        }
    }

    /// Whether a value of this type is an argument where a primitive type is expected.
    pub(super) fn is_argument_for(self, expected: Primitive) -> bool {
        match self {
            ExpressionType::Primitive(found) => {
                found == expected
                    || found.is_number() && expected.is_number()
                    || expected == Primitive::DateTimeOffset && found == Primitive::Date
            }
            other => other.is_dynamic(),
        }
    }

    /// Returns the name of the type as in messages of Microsoft's library.
    pub(super) fn name(self, model: &'m Model) -> Cow<'m, str> {
        match self {
            ExpressionType::Null => Cow::Borrowed("<null>"),
            ExpressionType::Primitive(primitive) => Cow::Borrowed(primitive.name()),
            ExpressionType::Enum(enumeration) => Cow::Borrowed(&enumeration.full_name),
            ExpressionType::Structured(structured) => Cow::Borrowed(&structured.full_name),
            ExpressionType::Collection(item) => model.kind_name(PropertyType::Collection(item)),
            ExpressionType::Unknown => Cow::Borrowed("Edm.Untyped"),
        }
    }
}

fn is_date(primitive: Primitive) -> bool {
    matches!(primitive, Primitive::Date | Primitive::DateTimeOffset)
}

/// Returns the type of an arithmetic expression; `None` if the operator does not apply to the types.
pub(super) fn of_arithmetic<'m>(
    operator: Operator,
    left: ExpressionType<'m>,
    right: ExpressionType<'m>,
) -> Option<ExpressionType<'m>> {
    let (left, right) = match (left, right) {
        (ExpressionType::Primitive(left), ExpressionType::Primitive(right)) => (left, right),
        (known @ ExpressionType::Primitive(primitive), other) | (other, known @ ExpressionType::Primitive(primitive)) => {
            let applies = primitive.is_number() || is_date(primitive) || primitive == Primitive::Duration;
            // The other operand may have any type that applies.
            let kind = if primitive.is_number() { known } else { ExpressionType::Unknown };
            return (other.is_dynamic() && applies).then_some(kind);
        }
        (left, right) => return (left.is_dynamic() && right.is_dynamic()).then_some(ExpressionType::Unknown),
    };
    let is_sum = matches!(operator, Operator::Add | Operator::Subtract);
    let result = match (left, right) {
        (left, right) if left.is_number() && right.is_number() => match promoted(left, right) {
            Primitive::Int32 | Primitive::Int64 if operator == Operator::DivideBy => Primitive::Decimal,
            promoted => promoted,
        },
        (left, Primitive::Duration) if is_sum && (is_date(left) || left == Primitive::Duration) => left,
        (left, right) if operator == Operator::Subtract && is_date(left) && is_date(right) => Primitive::Duration,
        (Primitive::Duration, right) if right.is_number() && !is_sum && operator != Operator::Modulo => Primitive::Duration,
        (left, Primitive::Duration) if left.is_number() && operator == Operator::Multiply => Primitive::Duration,
        _ => return None,
    };
    Some(ExpressionType::Primitive(result))
}

/// Returns the type to which two numeric types are promoted.
fn promoted(left: Primitive, right: Primitive) -> Primitive {
    let either = |primitive| left == primitive || right == primitive;
    match () {
        () if either(Primitive::Double) || either(Primitive::Single) && either(Primitive::Decimal) => Primitive::Double,
        () if either(Primitive::Single) => Primitive::Single,
        () if either(Primitive::Decimal) => Primitive::Decimal,
        () if either(Primitive::Int64) => Primitive::Int64,
        () => Primitive::Int32,
    }
}
