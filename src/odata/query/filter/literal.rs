//! Literals: numbers, dates and members of enums.

use super::evaluate::Scalar;
use super::problem::FilterProblem;
use super::types::ExpressionType;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::enums;
use crate::edm::schema::EnumType;
use crate::odata::query::Scope;
use crate::policy::behavior::{EmptyFlags, FlagLists};

/// Parses a number with or without a type suffix, or a date. A date without time is midnight UTC, to which ODataLib promotes it.
pub(super) fn number_or_date(text: &str) -> Option<(Scalar<'static>, ExpressionType<'static>)> {
    if let Some(time) = DateTimeOffset::parse(text).or_else(|| DateTimeOffset::parse(&format!("{text}T00:00:00Z"))) {
        return Some((Scalar::Time(time.ticks()), ExpressionType::Time));
    }
    let digits = text.strip_suffix(['m', 'M', 'd', 'D', 'f', 'F', 'l', 'L']).unwrap_or(text);
    let is_numeric = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    let number: f64 = digits.parse().ok().filter(|number: &f64| is_numeric && number.is_finite())?;
    // Negative zero becomes zero.
    Some((Scalar::Number(number + 0.0), ExpressionType::Number))
}

/// Parses members of an enum. Members above the sentinel are unknown to clients that do not see them in answers.
pub(super) fn members(scope: Scope<'_>, text: &str, enumeration: &EnumType, at: usize) -> Result<i64, FilterProblem> {
    let syntax = enums::FlagSyntax { lists: FlagLists::AnyCase, empty: EmptyFlags::Reject };
    let number = enums::parse(enumeration, text, syntax)
        .ok_or_else(|| FilterProblem::syntax(at, format!("unknown member {text:?} of {}", enumeration.full_name)))?;
    if enums::has_hidden(enumeration, number) && !scope.shows_hidden() {
        let detail = format!("unknown member {text:?} without Prefer: include-unknown-enum-members");
        return Err(FilterProblem::syntax(at, detail));
    }
    Ok(number)
}
