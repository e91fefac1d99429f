//! The values of expressions, their equality and their order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::decimal::Decimal;
use crate::edm::date_time::DateTimeOffset;

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'e> {
    /// Null.
    Null,
    /// A Boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with an exact fraction.
    Decimal(Decimal),
    /// A number of the types `Edm.Double` and `Edm.Single`.
    Float(f64),
    /// A string.
    Text(Cow<'e, str>),
    /// A point in time.
    Time(Moment),
    /// A date: its midnight in UTC, in ticks.
    Date(i64),
    /// A time of day, in nanoseconds since midnight.
    TimeOfDay(i64),
    /// A duration, in nanoseconds.
    Duration(i64),
    /// The two halves of a GUID.
    Guid([u64; 2]),
    /// Bytes.
    Binary(Arc<[u8]>),
    /// The numeric value of an enum.
    Enum(i64),
    /// A complex value or a collection, which is only known not to be null.
    Object,
}

/// A point in time with the offset of its clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    /// The time since the Unix epoch in UTC, in ticks.
    pub ticks: i64,
    /// The offset of the clock, in minutes.
    pub offset_minutes: i16,
}

impl Moment {
    /// Returns a point in time on the clock of UTC.
    pub(crate) fn utc(ticks: i64) -> Moment {
        Moment { ticks, offset_minutes: 0 }
    }
}

impl From<DateTimeOffset> for Moment {
    fn from(time: DateTimeOffset) -> Moment {
        Moment { ticks: time.ticks(), offset_minutes: time.offset_minutes() }
    }
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Comparison {
    /// Whether the operator holds for operands of this order; `None`: they have none.
    #[inline]
    pub(super) fn holds(self, ordering: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => ordering == Some(Ordering::Equal),
            Comparison::NotEqual => ordering != Some(Ordering::Equal),
            Comparison::Greater => ordering == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
            Comparison::Less => ordering == Some(Ordering::Less),
            Comparison::LessOrEqual => ordering.is_some_and(Ordering::is_le),
        }
    }

    /// Whether the operator does not need an order.
    pub(super) fn is_equality(self) -> bool {
        matches!(self, Comparison::Equal | Comparison::NotEqual)
    }
}

impl Scalar<'_> {
    /// Returns a number of the type `Edm.Double`. Negative zero becomes zero.
    pub(crate) fn float(value: f64) -> Scalar<'static> {
        Scalar::Float(value + 0.0)
    }

    /// Returns the nearest number of the type `Edm.Double`; `None` for values that are not numbers.
    pub(super) fn to_f64(&self) -> Option<f64> {
        match self {
            Scalar::Integer(value) => Some(nearest(*value)),
            Scalar::Decimal(value) => Some(value.to_f64()),
            Scalar::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a number without loss; `None` for those of the type `Edm.Double` and for other values.
    pub(super) fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Scalar::Integer(value) => Some(Decimal::from(*value)),
            Scalar::Decimal(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the bytes of a text or of a binary value; 0 for other values.
    pub(super) fn size(&self) -> usize {
        match self {
            Scalar::Text(text) => text.len(),
            Scalar::Binary(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// Returns the value without borrowed parts.
    pub(crate) fn into_owned(self) -> Scalar<'static> {
        match self {
            Scalar::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
            other => other.without_text(),
        }
    }

    /// Returns a copy that borrows a text.
    #[inline]
    pub(super) fn borrowed(&self) -> Scalar<'_> {
        match self {
            Scalar::Text(text) => Scalar::Text(Cow::Borrowed(text)),
            Scalar::Integer(value) => Scalar::Integer(*value),
            other => other.without_text(),
        }
    }

    /// Returns a copy of a value other than a text.
    #[inline(never)]
    fn without_text(&self) -> Scalar<'static> {
        match self {
            Scalar::Null | Scalar::Text(_) => Scalar::Null,
            Scalar::Boolean(value) => Scalar::Boolean(*value),
            Scalar::Integer(value) => Scalar::Integer(*value),
            Scalar::Decimal(value) => Scalar::Decimal(*value),
            Scalar::Float(value) => Scalar::Float(*value),
            Scalar::Time(value) => Scalar::Time(*value),
            Scalar::Date(value) => Scalar::Date(*value),
            Scalar::TimeOfDay(value) => Scalar::TimeOfDay(*value),
            Scalar::Duration(value) => Scalar::Duration(*value),
            Scalar::Guid(value) => Scalar::Guid(*value),
            Scalar::Binary(bytes) => Scalar::Binary(Arc::clone(bytes)),
            Scalar::Enum(value) => Scalar::Enum(*value),
            Scalar::Object => Scalar::Object,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "OData compares numbers of different types as Edm.Double")]
fn nearest(value: i64) -> f64 {
    value as f64
}

/// Compares as Microsoft's services do: null equals null and nothing else, and no other comparison with null is true (MS-ODATA
/// 2.2.3.6.1.1.5; in the later specification of OASIS `null ge null` is true). NaN does not equal itself.
pub(super) fn compare(comparison: Comparison, left: &Scalar<'_>, right: &Scalar<'_>) -> bool {
    let ordering = match (left, right) {
        (Scalar::Object, _) | (_, Scalar::Object) => None,
        // The other operand is promoted to Edm.Double (OData 4.01 Part 2, 5.1.1.15).
        (Scalar::Float(_), _) | (_, Scalar::Float(_)) => match (left.to_f64(), right.to_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => None,
        },
        _ if rank(left) == rank(right) => Some(total_order(left, right)),
        _ => None,
    };
    if matches!(left, Scalar::Null) && !comparison.is_equality() { false } else { comparison.holds(ordering) }
}

/// Orders any two values: null first, values of one type by size, strings by code points.
pub(crate) fn total_order(left: &Scalar<'_>, right: &Scalar<'_>) -> Ordering {
    match (left, right) {
        (Scalar::Text(left), Scalar::Text(right)) => left.cmp(right),
        (Scalar::Integer(left), Scalar::Integer(right))
        | (Scalar::Enum(left), Scalar::Enum(right))
        | (Scalar::TimeOfDay(left), Scalar::TimeOfDay(right))
        | (Scalar::Duration(left), Scalar::Duration(right)) => left.cmp(right),
        (Scalar::Boolean(left), Scalar::Boolean(right)) => left.cmp(right),
        (Scalar::Guid(left), Scalar::Guid(right)) => left.cmp(right),
        (Scalar::Binary(left), Scalar::Binary(right)) => left.cmp(right),
        _ => match (ticks(left), ticks(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => order_of_numbers(left, right).unwrap_or_else(|| rank(left).cmp(&rank(right))),
        },
    }
}

/// Orders numbers of different types. An order is total only if it does not round: of numbers that are the same as Edm.Double those of
/// that type come first, then the others by their exact values.
fn order_of_numbers(left: &Scalar<'_>, right: &Scalar<'_>) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.to_decimal(), right.to_decimal()) {
        return Some(left.cmp(&right));
    }
    let rounded = left.to_f64()?.total_cmp(&right.to_f64()?);
    let is_exact = |number: &Scalar<'_>| !matches!(number, Scalar::Float(_));
    Some(rounded.then(is_exact(left).cmp(&is_exact(right))))
}

/// Returns the ticks of a point in time or of a date.
fn ticks(scalar: &Scalar<'_>) -> Option<i64> {
    match scalar {
        Scalar::Time(time) => Some(time.ticks),
        Scalar::Date(ticks) => Some(*ticks),
        _ => None,
    }
}

fn rank(scalar: &Scalar<'_>) -> u8 {
    match scalar {
        Scalar::Null => 0,
        Scalar::Boolean(_) => 1,
        Scalar::Integer(_) | Scalar::Decimal(_) | Scalar::Float(_) => 2,
        Scalar::Text(_) => 3,
        Scalar::Time(_) | Scalar::Date(_) => 4,
        Scalar::Enum(_) => 5,
        Scalar::TimeOfDay(_) => 6,
        Scalar::Duration(_) => 7,
        Scalar::Guid(_) => 8,
        Scalar::Binary(_) => 9,
        Scalar::Object => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_has_the_size_of_a_text() {
        assert_eq!(size_of::<Scalar<'_>>(), size_of::<Cow<'_, str>>());
    }

    fn number() -> impl Strategy<Value = Scalar<'static>> {
        prop_oneof![
            prop_oneof![Just(i64::MAX), Just(i64::MAX - 1), Just(9_007_199_254_740_993), Just(0), -3_i64..3]
                .prop_map(Scalar::Integer),
            prop_oneof![
                Just(f64::NAN),
                Just(f64::INFINITY),
                Just(-0.0),
                Just(0.1),
                Just(9_007_199_254_740_992.0),
                Just(9_223_372_036_854_775_807_f64),
                -2.0_f64..2.0
            ]
            .prop_map(Scalar::float),
            "-?[0-2](\\.[0-9]{1,3})?|9223372036854775806\\.5|0\\.1|9007199254740992\\.5"
                .prop_map(|text| Scalar::Decimal(Decimal::parse(&text).unwrap())),
        ]
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn the_order_of_numbers_of_any_types_is_total(one in number(), two in number(), three in number()) {
            prop_assert_eq!(total_order(&one, &two), total_order(&two, &one).reverse());
            prop_assert_eq!(total_order(&one, &one), Ordering::Equal);
            if total_order(&one, &two).is_le() && total_order(&two, &three).is_le() {
                prop_assert!(total_order(&one, &three).is_le(), "{one:?} {two:?} {three:?}");
            }
        }

        #[test]
        fn comparisons_of_numbers_agree_with_the_promoted_types(one in number(), two in number()) {
            let (left, right) = (one.to_f64().unwrap(), two.to_f64().unwrap());
            let is_float = matches!(one, Scalar::Float(_)) || matches!(two, Scalar::Float(_));
            let ordering = if is_float { left.partial_cmp(&right) } else { Some(one.to_decimal().unwrap().cmp(&two.to_decimal().unwrap())) };
            for (comparison, expected) in [
                (Comparison::Equal, ordering == Some(Ordering::Equal)),
                (Comparison::NotEqual, ordering != Some(Ordering::Equal)),
                (Comparison::Greater, ordering == Some(Ordering::Greater)),
                (Comparison::Less, ordering == Some(Ordering::Less)),
                (Comparison::GreaterOrEqual, matches!(ordering, Some(Ordering::Greater | Ordering::Equal))),
                (Comparison::LessOrEqual, matches!(ordering, Some(Ordering::Less | Ordering::Equal))),
            ] {
                prop_assert_eq!(compare(comparison, &one, &two), expected, "{:?} {:?} {:?}", one, comparison, two);
            }
        }
    }
}
