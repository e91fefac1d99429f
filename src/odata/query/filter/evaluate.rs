//! Evaluation of expressions for one entity.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;

use crate::edm::enums;
use crate::edm::schema::EnumType;
use crate::edm::value::{Complex, Value};
use crate::odata::purse::Purse;
use crate::odata::query::path::{PathValue, PropertyPath};

/// The maximum length of the result of `concat`, in bytes. Beyond it the result is null, so that a short query cannot exhaust memory.
const MAX_TEXT: usize = 1 << 20;

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'e> {
    /// Null.
    Null,
    /// A Boolean.
    Boolean(bool),
    /// A number of any type. All numeric types of the model convert exactly.
    Number(f64),
    /// A string.
    Text(Cow<'e, str>),
    /// A point in time, in ticks.
    Time(i64),
    /// The numeric value of an enum.
    Enum(i64),
    /// A complex value or a collection, which is only known not to be null.
    Object,
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

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// `contains`
    Contains,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
    /// `tolower`
    ToLower,
    /// `toupper`
    ToUpper,
    /// `trim`
    Trim,
    /// `length`
    Length,
    /// `indexof`
    IndexOf,
    /// `concat`
    Concat,
    /// `substring`
    Substring,
}

/// A node of an expression.
#[derive(Debug)]
pub(crate) enum Node<'m> {
    /// A literal.
    Constant(Scalar<'static>),
    /// A property.
    Property(PropertyPath),
    /// An enum value with the members above the sentinel replaced by the sentinel, as in answers.
    Masked(Box<Node<'m>>, &'m EnumType),
    /// A comparison.
    Compare(Comparison, Box<Node<'m>>, Box<Node<'m>>),
    /// `in`, with sorted literals.
    In(Box<Node<'m>>, Vec<Scalar<'static>>),
    /// `has`
    Has(Box<Node<'m>>, i64),
    /// `and` of all operands.
    And(Vec<Node<'m>>),
    /// `or` of all operands.
    Or(Vec<Node<'m>>),
    /// `not`
    Not(Box<Node<'m>>),
    /// A function call. A call that occurs more than once in its expression has a number, which all occurrences share.
    Call(Function, Vec<Node<'m>>, Option<usize>),
}

/// The evaluation of one expression for one entity.
#[derive(Debug)]
pub(super) struct Evaluation<'e> {
    object: &'e Complex,
    purse: &'e Purse,
    /// The results of calls that occur more than once, by their numbers.
    results: &'e [OnceCell<Scalar<'e>>],
}

impl<'e> Evaluation<'e> {
    /// Returns the evaluation of an expression with room for the results of its calls with a number.
    pub(super) fn new(object: &'e Complex, purse: &'e Purse, results: &'e [OnceCell<Scalar<'e>>]) -> Evaluation<'e> {
        Evaluation { object, purse, results }
    }

    /// Pays for work on texts of this length together, at this number of bytes for a step.
    fn pays(&self, bytes: usize, bytes_per_step: usize) -> bool {
        self.purse.spend_on(bytes, bytes_per_step)
    }

    /// Returns a text that was built, unless it exceeds the memory.
    fn built(&self, text: String) -> Scalar<'e> {
        if self.purse.hold(text.len()) { Scalar::Text(text.into()) } else { Scalar::Null }
    }
}

impl Node<'_> {
    /// Returns the value for an entity; any value if the purse is empty. The caller pays for the nodes, the node for texts. The recursion
    /// is bounded: the parser limits the depth.
    pub(super) fn evaluate<'e>(&'e self, evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
        match self {
            Node::Constant(scalar) => borrowed(scalar),
            Node::Property(path) => path.find(evaluation.object).map_or(Scalar::Null, |value| scalar(value, evaluation)),
            Node::Masked(inner, enumeration) => match inner.evaluate(evaluation) {
                Scalar::Enum(number) => Scalar::Enum(enums::masked(enumeration, number)),
                other => other,
            },
            Node::Compare(comparison, left, right) => {
                let (left, right) = (left.evaluate(evaluation), right.evaluate(evaluation));
                if let (Scalar::Text(left), Scalar::Text(right)) = (&left, &right) {
                    // A comparison of short texts is a part of the node.
                    let compared = left.len().min(right.len());
                    if compared >= BYTES_COMPARED {
                        evaluation.pays(compared, BYTES_COMPARED);
                    }
                }
                Scalar::Boolean(compare(*comparison, &left, &right))
            }
            Node::In(left, values) => {
                let left = left.evaluate(evaluation);
                // A binary search makes at most as many comparisons as the number of values has bits.
                let comparisons = usize::try_from(usize::BITS - values.len().leading_zeros()).unwrap_or(usize::MAX);
                if !evaluation.pays(length(&left).saturating_mul(comparisons), BYTES_COMPARED) {
                    return Scalar::Null;
                }
                Scalar::Boolean(values.binary_search_by(|value| total_order(value, &left)).is_ok())
            }
            Node::Has(left, mask) => match left.evaluate(evaluation) {
                Scalar::Enum(number) => Scalar::Boolean(number & mask == *mask),
                Scalar::Null => Scalar::Null,
                _ => Scalar::Boolean(false),
            },
            Node::And(parts) => join(parts, evaluation, false),
            Node::Or(parts) => join(parts, evaluation, true),
            Node::Not(inner) => match inner.evaluate(evaluation) {
                Scalar::Boolean(value) => Scalar::Boolean(!value),
                _ => Scalar::Null,
            },
            Node::Call(function, arguments, None) => call(*function, arguments, evaluation),
            Node::Call(function, arguments, Some(number)) => {
                borrowed(evaluation.results[*number].get_or_init(|| call(*function, arguments, evaluation)))
            }
        }
    }
}

/// Returns the length of a text; 0 for other values.
fn length(scalar: &Scalar<'_>) -> usize {
    if let Scalar::Text(text) = scalar { text.len() } else { 0 }
}

/// Joins conditions in three-valued logic: one `decisive` operand decides, otherwise one null operand makes the result null
/// (OData 4.0 Part 2, 5.1.1.2).
fn join<'e>(parts: &'e [Node<'_>], evaluation: &'e Evaluation<'e>, decisive: bool) -> Scalar<'e> {
    let mut result = Scalar::Boolean(!decisive);
    for part in parts {
        match part.evaluate(evaluation) {
            Scalar::Boolean(value) if value == decisive => return Scalar::Boolean(decisive),
            Scalar::Boolean(_) => {}
            _ => result = Scalar::Null,
        }
    }
    result
}

fn borrowed<'e>(scalar: &'e Scalar<'_>) -> Scalar<'e> {
    match scalar {
        Scalar::Text(text) => Scalar::Text(Cow::Borrowed(text)),
        Scalar::Null => Scalar::Null,
        Scalar::Boolean(value) => Scalar::Boolean(*value),
        Scalar::Number(value) => Scalar::Number(*value),
        Scalar::Time(value) => Scalar::Time(*value),
        Scalar::Enum(value) => Scalar::Enum(*value),
        Scalar::Object => Scalar::Object,
    }
}

fn scalar<'e>(value: PathValue<'e>, evaluation: &Evaluation<'e>) -> Scalar<'e> {
    match value {
        PathValue::Value(Value::Null) => Scalar::Null,
        PathValue::Value(Value::Boolean(value)) => Scalar::Boolean(*value),
        PathValue::Value(Value::Int32(value)) => Scalar::Number(f64::from(*value)),
        PathValue::Value(Value::String(text) | Value::EnumText(text)) => Scalar::Text(Cow::Borrowed(text)),
        PathValue::Value(Value::DateTimeOffset(time)) => Scalar::Time(time.ticks()),
        PathValue::Value(Value::Enum(number)) => Scalar::Enum(*number),
        PathValue::Value(Value::Complex(_) | Value::Collection(_)) => Scalar::Object,
        PathValue::Json(text) => json_scalar(text, evaluation),
    }
}

/// Returns the value of an undeclared member. Apart, since filters seldom have one and the loop over the entities is hot.
#[inline(never)]
fn json_scalar<'e>(text: &str, evaluation: &Evaluation<'e>) -> Scalar<'e> {
    // Not parsed: the tree of a large text takes many times its memory.
    if text.trim_start().starts_with(['[', '{']) {
        return Scalar::Object;
    }
    if !evaluation.pays(text.len(), BYTES_READ) {
        return Scalar::Null;
    }
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Bool(value)) => Scalar::Boolean(value),
        Ok(serde_json::Value::Number(value)) => value.as_f64().map_or(Scalar::Null, Scalar::Number),
        Ok(serde_json::Value::String(text)) => evaluation.built(text),
        Ok(serde_json::Value::Null) | Err(_) => Scalar::Null,
        Ok(serde_json::Value::Array(_) | serde_json::Value::Object(_)) => Scalar::Object,
    }
}

/// Compares as Microsoft's services do: null equals null and nothing else, and no other comparison with null is true (MS-ODATA
/// 2.2.3.6.1.1.5; in the later specification of OASIS `null ge null` is true).
fn compare(comparison: Comparison, left: &Scalar<'_>, right: &Scalar<'_>) -> bool {
    let is_same_kind = rank(left) == rank(right);
    let is_equal = is_same_kind && *left != Scalar::Object && left == right;
    let is_ordered = is_same_kind && !matches!(left, Scalar::Null | Scalar::Object);
    match comparison {
        Comparison::Equal => is_equal,
        Comparison::NotEqual => !is_equal,
        Comparison::Greater => is_ordered && total_order(left, right) == Ordering::Greater,
        Comparison::GreaterOrEqual => is_ordered && total_order(left, right) != Ordering::Less,
        Comparison::Less => is_ordered && total_order(left, right) == Ordering::Less,
        Comparison::LessOrEqual => is_ordered && total_order(left, right) != Ordering::Greater,
    }
}

/// Orders any two values: null first, values of one type by size, strings by code points.
pub(crate) fn total_order(left: &Scalar<'_>, right: &Scalar<'_>) -> Ordering {
    match (left, right) {
        (Scalar::Boolean(left), Scalar::Boolean(right)) => left.cmp(right),
        (Scalar::Number(left), Scalar::Number(right)) => left.total_cmp(right),
        (Scalar::Text(left), Scalar::Text(right)) => left.cmp(right),
        (Scalar::Time(left), Scalar::Time(right)) | (Scalar::Enum(left), Scalar::Enum(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(scalar: &Scalar<'_>) -> u8 {
    match scalar {
        Scalar::Null => 0,
        Scalar::Boolean(_) => 1,
        Scalar::Number(_) => 2,
        Scalar::Text(_) => 3,
        Scalar::Time(_) => 4,
        Scalar::Enum(_) => 5,
        Scalar::Object => 6,
    }
}

/// Calls a function. The result is null where an argument is null or of the wrong type. A function of its own, so that nodes without a
/// call need no room for it.
#[inline(never)]
fn call<'e>(function: Function, arguments: &'e [Node<'_>], evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
    let mut values = arguments.iter().map(|argument| argument.evaluate(evaluation));
    let (first, second, third) = (values.next(), values.next(), values.next());
    if !evaluation.purse.spend(price(function, first.as_ref(), second.as_ref())) {
        return Scalar::Null;
    }
    match (function, first, second, third) {
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
            text.find(&*part).map_or(Scalar::Number(-1.0), |at| count(&text[..at]))
        }
        (Function::Concat, Some(Scalar::Text(text)), Some(Scalar::Text(other)), _) if text.len() + other.len() <= MAX_TEXT => {
            evaluation.built(text.into_owned() + &other)
        }
        (Function::Substring, Some(Scalar::Text(text)), Some(Scalar::Number(from)), length) => {
            let limit = match length {
                None => usize::MAX,
                Some(Scalar::Number(length)) => saturate(length),
                Some(_) => return Scalar::Null,
            };
            evaluation.built(text.chars().skip(saturate(from)).take(limit).collect())
        }
        _ => Scalar::Null,
    }
}

/// The bytes that a step compares.
const BYTES_COMPARED: usize = 64;

/// The bytes of JSON that a step reads.
const BYTES_READ: usize = 4;

/// Returns the steps of a function of these texts, in the slowest case: any letters, any part to search.
fn price(function: Function, first: Option<&Scalar<'_>>, second: Option<&Scalar<'_>>) -> u64 {
    let bytes = first.map_or(0, length).saturating_add(second.map_or(0, length));
    let steps = match function {
        // Letters beyond ASCII are looked up in tables, ten times as slowly.
        Function::ToLower | Function::ToUpper => match first {
            Some(Scalar::Text(text)) if !text.is_ascii() => bytes.saturating_mul(3),
            _ => bytes / 4,
        },
        Function::Contains | Function::IndexOf | Function::Trim | Function::Substring => bytes / 2,
        Function::Length | Function::Concat => bytes / 16,
        Function::StartsWith | Function::EndsWith => bytes / BYTES_COMPARED,
    };
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// Returns the number of characters.
fn count(text: &str) -> Scalar<'static> {
    Scalar::Number(f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates, as intended")]
fn saturate(number: f64) -> usize {
    number as usize
}
