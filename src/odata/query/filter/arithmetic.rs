//! Arithmetic, rounding, and the parts of dates (OData 4.01 Part 2, 5.1.1.2 and 5.1.1.8).

use super::decimal::{Decimal, Rounding};
use super::scalar::{Moment, Scalar};
use crate::edm::date_time::{self, MAX_TICKS, MIN_TICKS, TICKS_PER_SECOND};

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `add`
    Add,
    /// `sub`
    Subtract,
    /// `mul`
    Multiply,
    /// `div`
    Divide,
    /// `divby`, which does not truncate whole numbers.
    DivideBy,
    /// `mod`
    Modulo,
}

/// A part of a date or of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DatePart {
    /// `year`
    Year,
    /// `month`
    Month,
    /// `day`
    Day,
    /// `hour`
    Hour,
    /// `minute`
    Minute,
    /// `second`
    Second,
    /// `fractionalseconds`
    Fraction,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `totaloffsetminutes`
    Offset,
}

const NANOSECONDS: i64 = 1_000_000_000;
const NANOSECONDS_PER_TICK: i64 = NANOSECONDS / TICKS_PER_SECOND;
const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;

/// Applies an operator. The result is null where an operand is null or of the wrong type, where the result is out of range, and after a
/// division by zero, unless it is one of the type `Edm.Double`.
pub(super) fn apply(operator: Operator, left: &Scalar<'_>, right: &Scalar<'_>) -> Scalar<'static> {
    of_numbers(operator, left, right).or_else(|| of_times(operator, left, right)).unwrap_or(Scalar::Null)
}

fn of_numbers(operator: Operator, left: &Scalar<'_>, right: &Scalar<'_>) -> Option<Scalar<'static>> {
    if let (Scalar::Integer(left), Scalar::Integer(right)) = (left, right) {
        return match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide => left.checked_div(*right),
            Operator::Modulo => left.checked_rem(*right),
            Operator::DivideBy => return Decimal::from(*left).divide(Decimal::from(*right)).map(Scalar::Decimal),
        }
        .map(Scalar::Integer);
    }
    if let (Some(left), Some(right)) = (left.to_decimal(), right.to_decimal()) {
        return match operator {
            Operator::Add => left.add(right),
            Operator::Subtract => left.add(right.negate()),
            Operator::Multiply => left.multiply(right),
            Operator::Divide | Operator::DivideBy => left.divide(right),
            Operator::Modulo => left.remainder(right),
        }
        .map(Scalar::Decimal);
    }
    let (left, right) = (left.to_f64()?, right.to_f64()?);
    Some(Scalar::float(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide | Operator::DivideBy => left / right,
        Operator::Modulo => left % right,
    }))
}

fn of_times(operator: Operator, left: &Scalar<'_>, right: &Scalar<'_>) -> Option<Scalar<'static>> {
    let moved = |ticks: i64, duration: i64| {
        let duration = duration / NANOSECONDS_PER_TICK;
        let moved = if operator == Operator::Add { ticks.checked_add(duration)? } else { ticks.checked_sub(duration)? };
        (MIN_TICKS..=MAX_TICKS).contains(&moved).then_some(moved)
    };
    let is_sum = matches!(operator, Operator::Add | Operator::Subtract);
    match (left, right) {
        (Scalar::Time(time), Scalar::Duration(duration)) if is_sum => {
            Some(Scalar::Time(Moment { ticks: moved(time.ticks, *duration)?, ..*time }))
        }
        (Scalar::Date(ticks), Scalar::Duration(duration)) if is_sum => {
            let moved = moved(*ticks, *duration)?;
            Some(Scalar::Date(moved - moved.rem_euclid(TICKS_PER_DAY)))
        }
        (Scalar::Duration(left), Scalar::Duration(right)) if is_sum => {
            let sum = if operator == Operator::Add { left.checked_add(*right) } else { left.checked_sub(*right) };
            sum.map(Scalar::Duration)
        }
        (
            Scalar::Time(Moment { ticks: left, .. }) | Scalar::Date(left),
            Scalar::Time(Moment { ticks: right, .. }) | Scalar::Date(right),
        ) if operator == Operator::Subtract => {
            // The range of durations is 292 years.
            left.checked_sub(*right)?.checked_mul(NANOSECONDS_PER_TICK).map(Scalar::Duration)
        }
        (Scalar::Duration(duration), number) if !is_sum && operator != Operator::Modulo => scaled(operator, *duration, number),
        (number, Scalar::Duration(duration)) if operator == Operator::Multiply => scaled(operator, *duration, number),
        _ => None,
    }
}

/// Multiplies a duration by a number, or divides it.
fn scaled(operator: Operator, duration: i64, number: &Scalar<'_>) -> Option<Scalar<'static>> {
    let factor = match number {
        Scalar::Float(value) => Decimal::from_f64(*value)?,
        number => number.to_decimal()?,
    };
    let duration = Decimal::from(duration);
    let scaled = if operator == Operator::Multiply { duration.multiply(factor)? } else { duration.divide(factor)? };
    scaled.to_i64().map(Scalar::Duration)
}

/// Returns a number or a duration with the other sign; null for other values.
pub(super) fn negate(value: &Scalar<'_>) -> Scalar<'static> {
    match value {
        Scalar::Integer(value) => value.checked_neg().map_or(Scalar::Null, Scalar::Integer),
        Scalar::Decimal(value) => Scalar::Decimal(value.negate()),
        Scalar::Float(value) => Scalar::float(-value),
        Scalar::Duration(value) => value.checked_neg().map_or(Scalar::Null, Scalar::Duration),
        _ => Scalar::Null,
    }
}

/// Rounds a number to a whole one of the same type; null for other values.
pub(super) fn round(rounding: Rounding, value: &Scalar<'_>) -> Scalar<'static> {
    match value {
        Scalar::Integer(value) => Scalar::Integer(*value),
        Scalar::Decimal(value) => value.rounded(rounding).map_or(Scalar::Null, Scalar::Decimal),
        Scalar::Float(value) => Scalar::float(match rounding {
            Rounding::Down => value.floor(),
            Rounding::Up => value.ceil(),
            Rounding::HalfAwayFromZero => value.round(),
        }),
        _ => Scalar::Null,
    }
}

/// Returns the seconds of a duration; null for other values.
pub(super) fn total_seconds(value: &Scalar<'_>) -> Scalar<'static> {
    match value {
        Scalar::Duration(nanoseconds) => seconds(*nanoseconds),
        _ => Scalar::Null,
    }
}

fn seconds(nanoseconds: i64) -> Scalar<'static> {
    Decimal::from(nanoseconds).divide(Decimal::from(NANOSECONDS)).map_or(Scalar::Null, Scalar::Decimal)
}

/// Returns a part of a point in time, on its own clock, of a date, or of a time of day; null where the value does not have the part.
pub(super) fn part(part: DatePart, value: &Scalar<'_>) -> Scalar<'static> {
    let (ticks, offset_minutes) = match value {
        Scalar::Time(time) => (time.ticks + i64::from(time.offset_minutes) * 60 * TICKS_PER_SECOND, time.offset_minutes),
        Scalar::Date(ticks) => (*ticks, 0),
        Scalar::TimeOfDay(nanoseconds) => return part_of_clock(part, *nanoseconds),
        _ => return Scalar::Null,
    };
    match part {
        DatePart::Year | DatePart::Month | DatePart::Day => {
            let civil = date_time::civil(ticks);
            Scalar::Integer(match part {
                DatePart::Year => i64::from(civil.year()),
                DatePart::Month => i64::from(civil.month()),
                _ => i64::from(civil.day()),
            })
        }
        DatePart::Offset => Scalar::Integer(i64::from(offset_minutes)),
        DatePart::Date => Scalar::Date(ticks - ticks.rem_euclid(TICKS_PER_DAY)),
        _ => part_of_clock(part, ticks.rem_euclid(TICKS_PER_DAY) * NANOSECONDS_PER_TICK),
    }
}

fn part_of_clock(part: DatePart, nanoseconds: i64) -> Scalar<'static> {
    let whole = nanoseconds / NANOSECONDS;
    match part {
        DatePart::Hour => Scalar::Integer(whole / 3600),
        DatePart::Minute => Scalar::Integer(whole / 60 % 60),
        DatePart::Second => Scalar::Integer(whole % 60),
        DatePart::Fraction => seconds(nanoseconds % NANOSECONDS),
        DatePart::Time => Scalar::TimeOfDay(nanoseconds),
        DatePart::Year | DatePart::Month | DatePart::Day | DatePart::Date | DatePart::Offset => Scalar::Null,
    }
}
