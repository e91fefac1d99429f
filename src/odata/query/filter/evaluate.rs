//! Evaluation of expressions for one entity.

mod calls;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::ControlFlow;

use super::arithmetic::{self, DatePart, Operator};
use super::caseless;
use super::convert;
use super::decimal::{Decimal, Rounding};
use super::scalar::{Comparison, Moment, compare};
pub(crate) use super::scalar::{Scalar, total_order};
use super::terms::SearchTerm;
use crate::edm::enums;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{EnumType, PropertyType, TypeId};
use crate::edm::value::{Complex, Value};
use crate::odata::purse::Purse;
use crate::odata::query::path::{PathValue, PropertyPath, Undeclared};
use crate::text::json;

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
    /// A part of a date or of a time.
    Part(DatePart),
    /// `totalseconds`
    TotalSeconds,
    /// `round`, `floor`, `ceiling`
    Round(Rounding),
    /// `now`, a constant of the request.
    Now,
    /// `mindatetime`
    MinTime,
    /// `maxdatetime`
    MaxTime,
}

/// A node of an expression.
#[derive(Debug)]
pub(crate) enum Node<'m> {
    /// A literal.
    Constant(Scalar<'static>),
    /// A property.
    Property(PropertyPath),
    /// A property of a type whose values are stored in their lexical form.
    Typed(PropertyPath, Primitive),
    /// A range variable, or a property of it.
    Item(usize, Option<Box<PropertyPath>>, Option<Primitive>),
    /// The number of items of a collection.
    Count(Box<ItemSource>),
    /// `any` or `all`
    Lambda(Box<Lambda<'m>>),
    /// An enum value with the members above the sentinel replaced by the sentinel, as in answers.
    Masked(Box<Node<'m>>, &'m EnumType),
    /// A point in time on the clock of UTC, as answers show it.
    Utc(Box<Node<'m>>),
    /// A comparison.
    Compare(Comparison, Box<Node<'m>>, Box<Node<'m>>),
    /// `in`, with sorted literals. With numbers that are compared as Edm.Double: these literals are, too.
    In(Box<Node<'m>>, Vec<Scalar<'static>>, bool),
    /// `has`
    Has(Box<Node<'m>>, i64),
    /// `and` of all operands.
    And(Vec<Node<'m>>),
    /// `or` of all operands.
    Or(Vec<Node<'m>>),
    /// `not`
    Not(Box<Node<'m>>),
    /// Operators of one rank and their right operands, from left to right.
    Arithmetic(Box<Node<'m>>, Vec<(Operator, Node<'m>)>),
    /// The minus sign.
    Negate(Box<Node<'m>>),
    /// `cast` to a primitive type.
    Cast(Box<Node<'m>>, Primitive),
    /// `cast` of an enum to a text: whether it shows the members above the sentinel.
    EnumText(Box<Node<'m>>, &'m EnumType, bool),
    /// `isof` of an undeclared member.
    IsOf(Box<Node<'m>>, Primitive),
    /// `isof` of the entity, of an item or of a value in them: the types that fulfill it, and whether the declared one does.
    HasType(Option<usize>, Option<Box<PropertyPath>>, Vec<TypeId>, bool),
    /// `cast` of the entity, of an item or of a value in them to a structured type: null unless the test of its type is fulfilled.
    Narrowed(Box<Node<'m>>),
    /// A text that has the words or the beginning of a term of `$search`.
    Search(Box<(PropertyPath, SearchTerm)>),
    /// A function call. A call that occurs more than once in its expression has a number, which all occurrences share.
    Call(Function, Vec<Node<'m>>, Option<usize>),
}

/// The collection of a lambda or of a count.
#[derive(Debug)]
pub(crate) struct ItemSource {
    /// The range variable that has the collection; `None`: the entity.
    pub variable: Option<usize>,
    /// The path to the collection; `None`: the range variable itself.
    pub path: Option<PropertyPath>,
    /// The types of the items that a count has, in order, and whether the declared type is one; `None`: all.
    pub counted: Option<(Vec<TypeId>, bool)>,
}

impl ItemSource {
    /// Returns the path from the entity, unless it is that of an item.
    pub(super) fn own_path(&self) -> Option<&str> {
        self.path.as_ref().filter(|_| self.variable.is_none()).map(|path| &*path.text)
    }

    /// Whether the type of the collection is declared.
    fn is_declared(&self) -> bool {
        self.path.as_ref().is_some_and(|path| matches!(path.kind, Some(PropertyType::Collection(_))))
    }
}

/// The items of a collection.
enum Items<'e> {
    Stored(&'e [Value]),
    /// Those of a JSON array. They are read one by one: the tree of a large text takes many times its memory.
    Json(&'e str),
}

impl Items<'_> {
    fn count(&self) -> usize {
        match self {
            Items::Stored(items) => items.len(),
            Items::Json(text) => {
                let mut count = 0;
                json::for_each_item(text, |_| {
                    count += 1;
                    ControlFlow::Continue(())
                });
                count
            }
        }
    }
}

/// A condition on the items of a collection.
#[derive(Debug)]
pub(crate) struct Lambda<'m> {
    /// Whether all items must fulfill it.
    pub is_all: bool,
    /// The collection.
    pub source: ItemSource,
    /// The range variable.
    pub variable: usize,
    /// The condition; without one any item fulfills it.
    pub body: Option<LambdaBody<'m>>,
}

/// The condition of a lambda. Its calls share their results for one item only, since they may depend on it.
#[derive(Debug)]
pub(crate) struct LambdaBody<'m> {
    /// The condition.
    pub node: Node<'m>,
    /// The number of nodes, the steps for one item.
    pub nodes: u64,
    /// The number of calls that occur more than once.
    pub shared: usize,
}

/// The item of a range variable, and those of the lambdas around it.
#[derive(Debug)]
struct Frame<'e> {
    variable: usize,
    item: &'e Value,
    outer: Option<&'e Frame<'e>>,
}

/// The evaluation of one expression for one entity.
#[derive(Debug)]
pub(super) struct Evaluation<'e> {
    object: &'e Complex,
    /// The type of the entity, where it is not the declared one.
    own_type: Option<TypeId>,
    /// Whether texts are compared without case.
    ignores_case: bool,
    purse: &'e Purse,
    /// The results of calls that occur more than once, by their numbers.
    results: &'e [OnceCell<Scalar<'e>>],
    /// The items of the range variables.
    frame: Option<&'e Frame<'e>>,
}

impl<'e> Evaluation<'e> {
    /// Returns the evaluation of an expression with room for the results of its calls with a number.
    pub(super) fn new(
        object: &'e Complex,
        own_type: Option<TypeId>,
        ignores_case: bool,
        purse: &'e Purse,
        results: &'e [OnceCell<Scalar<'e>>],
    ) -> Evaluation<'e> {
        Evaluation { object, own_type, ignores_case, purse, results, frame: None }
    }

    /// Pays for work on texts of this length together, at this number of bytes for a step.
    fn pays(&self, bytes: usize, bytes_per_step: usize) -> bool {
        self.purse.spend_on(bytes, bytes_per_step)
    }

    /// Returns a text that was built, unless it exceeds the memory.
    fn built(&self, text: String) -> Scalar<'e> {
        if self.purse.hold(text.len()) { Scalar::Text(text.into()) } else { Scalar::Null }
    }

    /// Returns the item of a range variable.
    fn item(&self, variable: usize) -> &'e Value {
        let frames = std::iter::successors(self.frame, |frame| frame.outer);
        frames.into_iter().find(|frame| frame.variable == variable).map_or(&Value::Null, |frame| frame.item)
    }

    /// Returns the items of a collection; nothing where it is not there, or not a collection.
    fn items<'s>(&'s self, source: &'s ItemSource) -> Option<Items<'s>> {
        let found = match (source.variable, &source.path) {
            (None, path) => path.as_ref()?.find_as(self.own_type, self.object)?,
            (Some(variable), Some(path)) => path.find_in(self.item(variable))?,
            (Some(variable), None) => PathValue::Value(self.item(variable)),
        };
        let text = match found {
            PathValue::Value(Value::Collection(items)) => return Some(Items::Stored(items)),
            PathValue::Value(Value::Json(text)) => text,
            // Empty collections are not stored; others than collections are only among values without a declared type.
            PathValue::Value(Value::Null) => return source.is_declared().then_some(Items::Stored(&[])),
            PathValue::Value(_) => return None,
            PathValue::Json(text) => text,
            PathValue::Within(text, member) => json_within(text, member, self)?,
        };
        (text.trim_start().starts_with('[') && self.pays(text.len(), BYTES_READ)).then_some(Items::Json(text))
    }
}

impl Node<'_> {
    /// Returns the value for an entity; any value if the purse is empty. The caller pays for the nodes, the node for texts. The recursion
    /// is bounded: the parser limits the depth.
    pub(super) fn evaluate<'e>(&'e self, evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
        match self {
            Node::Constant(scalar) => scalar.borrowed(),
            Node::Property(path) => {
                path.find_as(evaluation.own_type, evaluation.object).map_or(Scalar::Null, |value| scalar(value, evaluation))
            }
            Node::Compare(comparison, left, right) => {
                compared(*comparison, &left.evaluate(evaluation), &right.evaluate(evaluation), evaluation)
            }
            Node::And(parts) => join(parts, evaluation, false),
            Node::Or(parts) => join(parts, evaluation, true),
            Node::Not(inner) => match inner.evaluate(evaluation) {
                Scalar::Boolean(value) => Scalar::Boolean(!value),
                _ => Scalar::Null,
            },
            Node::Call(function, arguments, None) => calls::call(*function, arguments, evaluation),
            Node::Call(function, arguments, Some(number)) => {
                evaluation.results[*number].get_or_init(|| calls::call(*function, arguments, evaluation)).borrowed()
            }
            Node::In(left, values, is_rounded) => contains(left, values, *is_rounded, evaluation),
            other => other.evaluate_rare(evaluation),
        }
    }

    /// Evaluates the nodes that few expressions have. A function of its own, so that the others need no room for them.
    #[inline(never)]
    fn evaluate_rare<'e>(&'e self, evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
        match self {
            Node::Typed(path, primitive) => path
                .find_as(evaluation.own_type, evaluation.object)
                .map_or(Scalar::Null, |value| typed(value, *primitive, evaluation)),
            Node::Item(variable, path, primitive) => {
                let value = match (evaluation.item(*variable), path) {
                    (value, None) => PathValue::Value(value),
                    (item, Some(path)) => match path.find_in(item) {
                        Some(value) => value,
                        None => return Scalar::Null,
                    },
                };
                match primitive {
                    Some(primitive) => typed(value, *primitive, evaluation),
                    None => scalar(value, evaluation),
                }
            }
            Node::Count(source) => {
                let count = evaluation.items(source).and_then(|items| match &source.counted {
                    None => Some(items.count()),
                    Some((types, is_declared)) => {
                        let Items::Stored(items) = items else { return None };
                        let is_one = |own: Option<TypeId>| own.map_or(*is_declared, |own| types.binary_search(&own).is_ok());
                        let counted = items.iter().filter(|item| matches!(item, Value::Complex(item) if is_one(item.own_type)));
                        let is_paid = evaluation.purse.spend(u64::try_from(items.len()).unwrap_or(u64::MAX));
                        is_paid.then(|| counted.count())
                    }
                });
                count.map_or(Scalar::Null, |count| Scalar::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Node::Lambda(lambda) => lambda.evaluate(evaluation),
            Node::Masked(inner, enumeration) => match inner.evaluate(evaluation) {
                Scalar::Enum(number) => Scalar::Enum(enums::masked(enumeration, number)),
                other => other,
            },
            Node::Utc(inner) => match inner.evaluate(evaluation) {
                Scalar::Time(time) => Scalar::Time(Moment::utc(time.ticks)),
                other => other,
            },
            Node::Has(left, mask) => match left.evaluate(evaluation) {
                Scalar::Enum(number) => Scalar::Boolean(number & mask == *mask),
                Scalar::Null => Scalar::Null,
                _ => Scalar::Boolean(false),
            },
            Node::Arithmetic(first, others) => others.iter().fold(first.evaluate(evaluation), |left, (operator, right)| {
                arithmetic::apply(*operator, &left, &right.evaluate(evaluation))
            }),
            Node::Negate(inner) => arithmetic::negate(&inner.evaluate(evaluation)),
            Node::Cast(inner, target) => {
                let value = inner.evaluate(evaluation);
                if !evaluation.pays(value.size(), BYTES_READ) {
                    return Scalar::Null;
                }
                match convert::cast(*target, &value) {
                    Scalar::Text(text) => evaluation.built(text.into_owned()),
                    other => other,
                }
            }
            Node::EnumText(inner, enumeration, shows_hidden) => match inner.evaluate(evaluation) {
                Scalar::Enum(number) => {
                    let mut text = Vec::new();
                    enums::write(enumeration, number, *shows_hidden, &mut text);
                    if !evaluation.pays(text.len(), BYTES_READ) {
                        return Scalar::Null;
                    }
                    evaluation.built(String::from_utf8_lossy(&text).into_owned())
                }
                text @ Scalar::Text(_) => text,
                _ => Scalar::Null,
            },
            Node::IsOf(inner, primitive) => Scalar::Boolean(match inner.evaluate(evaluation) {
                Scalar::Boolean(_) => *primitive == Primitive::Boolean,
                Scalar::Text(_) => *primitive == Primitive::String,
                Scalar::Integer(value) => primitive.range().is_some_and(|(min, max)| (min..=max).contains(&value)),
                Scalar::Float(_) => *primitive == Primitive::Double,
                _ => false,
            }),
            Node::HasType(variable, path, types, is_declared) => {
                let is_one = |own: Option<TypeId>| own.map_or(*is_declared, |own| types.binary_search(&own).is_ok());
                Scalar::Boolean(instance(*variable, path.as_deref(), evaluation).is_some_and(|(_, own)| is_one(own)))
            }
            Node::Narrowed(test) => match test.evaluate(evaluation) {
                Scalar::Boolean(true) => Scalar::Object,
                _ => Scalar::Null,
            },
            Node::Search(search) => Scalar::Boolean(match search.0.find(evaluation.object) {
                Some(PathValue::Value(Value::String(text))) => found(&search.1, text, evaluation),
                Some(PathValue::Value(Value::Collection(items))) => {
                    items.iter().any(|item| matches!(item, Value::String(text) if found(&search.1, text, evaluation)))
                }
                _ => false,
            }),
            _ => Scalar::Null,
        }
    }
}

impl Lambda<'_> {
    /// Whether any or all items fulfill the condition. Null does not.
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Scalar<'static> {
        let items = evaluation.items(&self.source).unwrap_or(Items::Stored(&[]));
        let Some(body) = &self.body else { return Scalar::Boolean(items.count() > 0) };
        let found = match items {
            Items::Stored(items) => items.iter().try_for_each(|item| self.test(body, item, evaluation)),
            Items::Json(text) => {
                let mut found = ControlFlow::Continue(());
                json::for_each_item(text, |item| {
                    let held = evaluation.purse.held();
                    found = if evaluation.purse.spend(ITEM_STEPS) && evaluation.purse.hold(item.len()) {
                        self.test(body, &Value::Json(item.into()), evaluation)
                    } else {
                        ControlFlow::Break(Scalar::Null)
                    };
                    evaluation.purse.release_to(held);
                    if found.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                found
            }
        };
        match found {
            ControlFlow::Break(decided) => decided,
            ControlFlow::Continue(()) => Scalar::Boolean(self.is_all),
        }
    }

    /// Tests the condition for one item. Breaks with the result, if the item decides it.
    fn test(&self, body: &LambdaBody<'_>, item: &Value, evaluation: &Evaluation<'_>) -> ControlFlow<Scalar<'static>> {
        if !evaluation.purse.spend(body.nodes.saturating_add(1)) {
            return ControlFlow::Break(Scalar::Null);
        }
        let held = evaluation.purse.held();
        let is_fulfilled = {
            let results: Vec<OnceCell<Scalar<'_>>> = (0..body.shared).map(|_| OnceCell::new()).collect();
            let frame = Frame { variable: self.variable, item, outer: evaluation.frame };
            let inner = Evaluation {
                object: evaluation.object,
                own_type: evaluation.own_type,
                ignores_case: evaluation.ignores_case,
                purse: evaluation.purse,
                results: &results,
                frame: Some(&frame),
            };
            matches!(body.node.evaluate(&inner), Scalar::Boolean(true))
        };
        // The texts that were built are dropped.
        evaluation.purse.release_to(held);
        if is_fulfilled == self.is_all { ControlFlow::Continue(()) } else { ControlFlow::Break(Scalar::Boolean(!self.is_all)) }
    }
}

/// Compares two values. A comparison of short texts is a part of the node.
#[inline]
fn compared(comparison: Comparison, left: &Scalar<'_>, right: &Scalar<'_>, evaluation: &Evaluation<'_>) -> Scalar<'static> {
    Scalar::Boolean(match (left, right) {
        (Scalar::Text(left), Scalar::Text(right)) => {
            let compared = left.len().min(right.len());
            if compared >= BYTES_COMPARED {
                evaluation.pays(compared, BYTES_COMPARED);
            }
            match comparison {
                _ if evaluation.ignores_case => comparison.holds(Some(caseless::compared(left, right))),
                Comparison::Equal => left == right,
                Comparison::NotEqual => left != right,
                ordered => ordered.holds(Some(left.cmp(right))),
            }
        }
        (Scalar::Integer(left), Scalar::Integer(right)) => comparison.holds(Some(left.cmp(right))),
        _ => compare(comparison, left, right),
    })
}

/// Whether a value is among sorted literals.
fn contains<'e>(left: &'e Node<'_>, values: &[Scalar<'static>], is_rounded: bool, evaluation: &'e Evaluation<'e>) -> Scalar<'e> {
    let left = left.evaluate(evaluation);
    // A binary search makes at most as many comparisons as the number of values has bits.
    let comparisons = usize::try_from(usize::BITS - values.len().leading_zeros()).unwrap_or(usize::MAX);
    if !evaluation.pays(left.size().saturating_mul(comparisons), BYTES_COMPARED) {
        return Scalar::Null;
    }
    let left = match (left.to_f64(), left) {
        (Some(number), _) if is_rounded => Scalar::float(number),
        // The literals are in lower case.
        (_, Scalar::Text(text)) if evaluation.ignores_case => evaluation.built(text.to_lowercase()),
        (_, left) => left,
    };
    let is_nan = matches!(left, Scalar::Float(value) if value.is_nan());
    Scalar::Boolean(!is_nan && values.binary_search_by(|value| total_order(value, &left)).is_ok())
}

/// Whether a text fulfills a term of `$search`.
fn found(term: &SearchTerm, text: &str, evaluation: &Evaluation<'_>) -> bool {
    evaluation.pays(text.len().saturating_mul(4), 1) && term.is_found(text)
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

fn scalar<'e>(value: PathValue<'_, 'e>, evaluation: &Evaluation<'e>) -> Scalar<'e> {
    match value {
        PathValue::Value(Value::Null) => Scalar::Null,
        PathValue::Value(Value::Boolean(value)) => Scalar::Boolean(*value),
        PathValue::Value(Value::Integer(value)) => Scalar::Integer(*value),
        PathValue::Value(Value::Float(value)) => Scalar::float(*value),
        PathValue::Value(Value::Decimal(text)) => decimal(text, evaluation),
        PathValue::Value(Value::String(text) | Value::EnumText(text)) => Scalar::Text(Cow::Borrowed(text)),
        PathValue::Value(Value::DateTimeOffset(time)) => Scalar::Time(Moment::from(*time)),
        PathValue::Value(Value::Enum(number)) => Scalar::Enum(*number),
        PathValue::Value(Value::Complex(_) | Value::Collection(_) | Value::Link(_) | Value::Media(_)) => Scalar::Object,
        PathValue::Value(Value::Json(text)) => json_scalar(text, evaluation),
        PathValue::Json(text) => json_scalar(text, evaluation),
        PathValue::Within(text, member) => json_scalar_within(text, member, evaluation),
    }
}

/// Returns the value of a property whose values are stored in their lexical form.
fn typed<'e>(value: PathValue<'_, 'e>, primitive: Primitive, evaluation: &Evaluation<'e>) -> Scalar<'e> {
    match value {
        PathValue::Value(Value::String(text)) if evaluation.pays(text.len(), BYTES_READ) => {
            match convert::read(primitive, text).unwrap_or(Scalar::Null) {
                Scalar::Binary(bytes) if !evaluation.purse.hold(bytes.len()) => Scalar::Null,
                value => value,
            }
        }
        PathValue::Value(Value::String(_)) => Scalar::Null,
        other => scalar(other, evaluation),
    }
}

#[inline(never)]
fn decimal(text: &str, evaluation: &Evaluation<'_>) -> Scalar<'static> {
    if !evaluation.pays(text.len(), BYTES_READ) {
        return Scalar::Null;
    }
    Decimal::parse(text).map_or_else(|| convert::number(text).unwrap_or(Scalar::Null), Scalar::Decimal)
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
        Ok(serde_json::Value::Number(value)) => match value.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => value.as_f64().map_or(Scalar::Null, Scalar::float),
        },
        Ok(serde_json::Value::String(text)) => evaluation.built(text),
        Ok(serde_json::Value::Null) | Err(_) => Scalar::Null,
        Ok(serde_json::Value::Array(_) | serde_json::Value::Object(_)) => Scalar::Object,
    }
}

/// Returns the value of a member of an undeclared one.
#[inline(never)]
fn json_scalar_within<'e>(text: &str, member: &Undeclared, evaluation: &Evaluation<'e>) -> Scalar<'e> {
    json_within(text, member, evaluation).map_or(Scalar::Null, |found| json_scalar(found, evaluation))
}

/// Returns the text of a member of an undeclared one; nothing where it is absent, or not paid.
fn json_within<'t>(text: &'t str, member: &Undeclared, evaluation: &Evaluation<'_>) -> Option<&'t str> {
    member.names().try_fold(text, |found, name| evaluation.pays(found.len(), BYTES_READ).then(|| json::member(found, name))?)
}

/// The bytes that a step compares.
const BYTES_COMPARED: usize = 64;

/// The bytes of JSON that a step reads.
const BYTES_READ: usize = 4;

/// The steps of an item that is JSON text: it is found, copied and read.
const ITEM_STEPS: u64 = 10;

/// Returns an instance, and its own type where that is not the declared one.
#[inline(never)]
fn instance<'e>(
    variable: Option<usize>,
    path: Option<&'e PropertyPath>,
    evaluation: &'e Evaluation<'e>,
) -> Option<(&'e Complex, Option<TypeId>)> {
    let owner = match variable.map(|variable| evaluation.item(variable)) {
        None => evaluation.object,
        Some(Value::Complex(item)) => item,
        Some(_) => return None,
    };
    let Some(path) = path else {
        let of_entity = evaluation.own_type.filter(|_| variable.is_none());
        return Some((owner, of_entity.or(owner.own_type)));
    };
    match path.find_as(evaluation.own_type.filter(|_| variable.is_none()), owner) {
        Some(PathValue::Value(Value::Complex(instance))) => Some((instance, instance.own_type)),
        _ => None,
    }
}
