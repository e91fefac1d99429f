//! Literals: numbers, dates, GUIDs and members of enums.

use super::convert;
use super::decimal::{Decimal, Number};
use super::messages;
use super::problem::FilterProblem;
use super::scalar::{Moment, Scalar};
use super::types::ExpressionType;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::enums;
use crate::edm::primitive::{self, Primitive};
use crate::edm::schema::EnumType;
use crate::odata::query::Scope;
use crate::policy::behavior::{EmptyFlags, FlagLists};

/// A literal and the type that Microsoft's library gives it.
type Literal = (Scalar<'static>, Primitive);

/// Parses a literal without quotes; `Err` is the type that it resembles.
pub(super) fn bare(text: &str) -> Result<Literal, &'static str> {
    if let Some(guid) = convert::read_guid(text) {
        return Ok((Scalar::Guid(guid), Primitive::Guid));
    }
    if let Some(time) = DateTimeOffset::parse(text) {
        return Ok((Scalar::Time(Moment::from(time)), Primitive::DateTimeOffset));
    }
    if let Some(date) = convert::date(text) {
        return Ok((Scalar::Date(date), Primitive::Date));
    }
    if let Some(clock) = primitive::time_of_day(text) {
        return Ok((Scalar::TimeOfDay(clock), Primitive::TimeOfDay));
    }
    number(text).ok_or(match text.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't', ..] => "Edm.DateTimeOffset",
        _ => "Edm.Decimal",
    })
}

/// Parses a number with or without the suffix of a type, which earlier versions of OData have.
fn number(text: &str) -> Option<Literal> {
    match text {
        "INF" | "-INF" | "NaN" => return convert::number(text).map(|number| (number, Primitive::Double)),
        _ => {}
    }
    let (digits, suffix) = match text.char_indices().next_back() {
        Some((end, suffix @ ('m' | 'M' | 'd' | 'D' | 'f' | 'F' | 'l' | 'L'))) => (&text[..end], suffix.to_ascii_lowercase()),
        _ => (text, ' '),
    };
    let number = convert::number(digits)?;
    let primitive = match suffix {
        'm' => Primitive::Decimal,
        'd' => Primitive::Double,
        'f' => Primitive::Single,
        'l' => Primitive::Int64,
        _ => guessed(digits, &number),
    };
    let number = if matches!(primitive, Primitive::Double | Primitive::Single) && suffix != ' ' {
        Scalar::float(number.to_f64()?)
    } else {
        number
    };
    Some((number, primitive))
}

/// Returns the type of a number without a suffix: the first of Int32, Int64, Single, Double and Decimal that keeps its digits, as in
/// `ExpressionLexer` of OData/odata.net.
#[allow(clippy::cast_possible_truncation, reason = "asks whether digits are lost")]
fn guessed(text: &str, number: &Scalar<'_>) -> Primitive {
    if let Scalar::Integer(whole) = number {
        return if i32::try_from(*whole).is_ok() { Primitive::Int32 } else { Primitive::Int64 };
    }
    let Some(exact) = number.to_decimal() else { return Primitive::Double };
    let digits = Number::split(text).map_or(0, |number| number.fraction.len());
    let double = exact.to_f64();
    let single = double as f32;
    if digits < 7 && Decimal::parse(&single.to_string()) == Some(exact) {
        Primitive::Single
    } else if Decimal::parse(&double.to_string()) == Some(exact) {
        Primitive::Double
    } else {
        Primitive::Decimal
    }
}

/// Parses a literal with a prefix other than the name of an enum; `None` if the prefix is unknown.
pub(super) fn prefixed(prefix: &str, text: &str) -> Option<Result<Literal, &'static str>> {
    let primitive = match prefix {
        _ if prefix.eq_ignore_ascii_case("duration") => Primitive::Duration,
        _ if prefix.eq_ignore_ascii_case("binary") => Primitive::Binary,
        _ => return None,
    };
    Some(convert::read(primitive, text).map(|value| (value, primitive)).ok_or(primitive.name()))
}

/// Parses members of an enum. Members above the sentinel are unknown to clients that do not see them in answers.
pub(super) fn members(scope: Scope<'_>, text: &str, enumeration: &EnumType, at: usize) -> Result<i64, FilterProblem> {
    let syntax = enums::FlagSyntax { lists: FlagLists::AnyCase, empty: EmptyFlags::Reject };
    let problem = |detail| FilterProblem::syntax(at, detail, messages::unknown_member(text));
    let number = enums::parse(enumeration, text, syntax)
        .ok_or_else(|| problem(format!("unknown member {text:?} of {}", enumeration.full_name)))?;
    if enums::has_hidden(enumeration, number) && !scope.shows_hidden() {
        return Err(problem(format!("unknown member {text:?} without Prefer: include-unknown-enum-members")));
    }
    Ok(number)
}

/// Returns the type of a literal as the type of an expression.
pub(super) fn typed((scalar, primitive): Literal) -> (Scalar<'static>, ExpressionType<'static>) {
    (scalar, ExpressionType::Primitive(primitive))
}
