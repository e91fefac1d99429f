//! Evaluation of function calls.

use std::borrow::Cow;

use super::{BYTES_COMPARED, Evaluation, Function, Node, Scalar};
use crate::odata::query::filter::{arithmetic, caseless};

/// The maximum length of the result of `concat`, in bytes. Beyond it the result is null, so that a short query cannot exhaust memory.
const MAX_TEXT: usize = 1 << 20;

/// Calls a function. A function of its own, so that nodes without a call need no room for it.
#[inline(never)]
pub(super) fn call<'e>(function: Function, arguments: &'e [Node<'_>], evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
    let argument = |index: usize| arguments.get(index).map(|argument| argument.evaluate(evaluation));
    apply(function, argument(0), argument(1), argument(2), evaluation)
}

/// Applies a function to its arguments. The result is null where one of them is null or of the wrong type.
fn apply<'e>(
    function: Function,
    first: Option<Scalar<'e>>,
    second: Option<Scalar<'e>>,
    third: Option<Scalar<'e>>,
    evaluation: &Evaluation<'e>,
) -> Scalar<'e> {
    if !evaluation.purse.spend(price(function, first.as_ref(), second.as_ref())) {
        return Scalar::Null;
    }
    match (function, first, second, third) {
        (
            function @ (Function::Contains | Function::StartsWith | Function::EndsWith),
            Some(Scalar::Text(text)),
            Some(Scalar::Text(part)),
            _,
        ) if evaluation.ignores_case => Scalar::Boolean(match function {
            Function::StartsWith => caseless::begins(&text, &part),
            Function::EndsWith => caseless::ends(&text, &part),
            _ => text.to_lowercase().contains(&part.to_lowercase()),
        }),
        (Function::Contains, Some(Scalar::Text(text)), Some(Scalar::Text(part)), _) => Scalar::Boolean(text.contains(&*part)),
        (Function::StartsWith, Some(Scalar::Text(text)), Some(Scalar::Text(part)), _) => {
            Scalar::Boolean(text.starts_with(&*part))
        }
        (Function::EndsWith, Some(Scalar::Text(text)), Some(Scalar::Text(part)), _) => Scalar::Boolean(text.ends_with(&*part)),
        (Function::ToLower, Some(Scalar::Text(text)), ..) => evaluation.built(text.to_lowercase()),
        (Function::ToUpper, Some(Scalar::Text(text)), ..) => evaluation.built(text.to_uppercase()),
        (Function::Trim, Some(Scalar::Text(text)), ..) => match text {
            Cow::Borrowed(text) => Scalar::Text(Cow::Borrowed(text.trim())),
            Cow::Owned(text) => evaluation.built(text.trim().to_owned()),
        },
        (Function::Length, Some(Scalar::Text(text)), ..) => count(&text),
        (Function::IndexOf, Some(Scalar::Text(text)), Some(Scalar::Text(part)), _) => {
            text.find(&*part).map_or(Scalar::Integer(-1), |at| count(&text[..at]))
        }
        (Function::Concat, Some(Scalar::Text(text)), Some(Scalar::Text(other)), _) if text.len() + other.len() <= MAX_TEXT => {
            evaluation.built(text.into_owned() + &other)
        }
        (Function::Substring, Some(Scalar::Text(text)), Some(from), length) => {
            let limit = length.map_or(Some(usize::MAX), |length| length.to_f64().map(saturate));
            let (Some(from), Some(limit)) = (from.to_f64().map(saturate), limit) else { return Scalar::Null };
            evaluation.built(text.chars().skip(from).take(limit).collect())
        }
        (Function::Part(part), Some(value), ..) => arithmetic::part(part, &value),
        (Function::TotalSeconds, Some(value), ..) => arithmetic::total_seconds(&value),
        (Function::Round(rounding), Some(value), ..) => arithmetic::round(rounding, &value),
        _ => Scalar::Null,
    }
}

/// Returns the steps of a function of these texts, in the slowest case: any letters, any part to search.
fn price(function: Function, first: Option<&Scalar<'_>>, second: Option<&Scalar<'_>>) -> u64 {
    let bytes = first.map_or(0, Scalar::size).saturating_add(second.map_or(0, Scalar::size));
    let steps = match function {
        // Letters beyond ASCII are looked up in tables, ten times as slowly.
        Function::ToLower | Function::ToUpper => match first {
            Some(Scalar::Text(text)) if !text.is_ascii() => bytes.saturating_mul(3),
            _ => bytes / 4,
        },
        Function::Contains | Function::IndexOf | Function::Trim | Function::Substring => bytes / 2,
        Function::Length | Function::Concat => bytes / 16,
        Function::StartsWith | Function::EndsWith => bytes / BYTES_COMPARED,
        Function::Part(_) | Function::TotalSeconds | Function::Round(_) => 2,
        Function::Now | Function::MinTime | Function::MaxTime => 0,
    };
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// Returns the number of characters.
fn count(text: &str) -> Scalar<'static> {
    Scalar::Integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates, as intended")]
fn saturate(number: f64) -> usize {
    number as usize
}
