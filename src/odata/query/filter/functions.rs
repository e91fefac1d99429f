//! The tables of functions and operators.

use super::arithmetic::{DatePart, Operator};
use super::decimal::Rounding;
use super::evaluate::Function;
use super::scalar::Comparison;
use super::types::ExpressionType;
use crate::edm::primitive::Primitive;

/// A signature of a function. A function has several where its argument may have several types.
pub(super) struct Signature {
    name: &'static str,
    pub(super) function: Function,
    arguments: &'static [Primitive],
    /// The number of arguments at the end that can be omitted.
    optional: usize,
    pub(super) result: FunctionResult,
}

/// The type of a function's result.
#[derive(Clone, Copy)]
pub(super) enum FunctionResult {
    /// Always the same.
    Is(Primitive),
    /// That of the argument.
    OfArgument,
}

impl Signature {
    /// Whether arguments of these types fit.
    pub(super) fn fits(&self, arguments: &[ExpressionType<'_>]) -> bool {
        (self.arguments.len() - self.optional..=self.arguments.len()).contains(&arguments.len())
            && arguments.iter().zip(self.arguments).all(|(found, expected)| found.is_argument_for(*expected))
    }

    /// Describes the signature as Microsoft's library does.
    pub(super) fn description(&self) -> String {
        let arguments: Vec<String> = self.arguments.iter().map(|argument| format!("{} Nullable=true", argument.name())).collect();
        format!("{}({})", self.name, arguments.join(", "))
    }
}

macro_rules! functions {
    ($( $name:literal $function:expr, ($($argument:ident),*) optional $optional:literal gives $result:expr; )+) => {
        &[$( Signature {
            name: $name,
            function: $function,
            arguments: &[$(Primitive::$argument),*],
            optional: $optional,
            result: $result,
        }, )+]
    };
}

const BOOLEAN: FunctionResult = FunctionResult::Is(Primitive::Boolean);
const INT32: FunctionResult = FunctionResult::Is(Primitive::Int32);
const DECIMAL: FunctionResult = FunctionResult::Is(Primitive::Decimal);
const STRING: FunctionResult = FunctionResult::Is(Primitive::String);
const TIME: FunctionResult = FunctionResult::Is(Primitive::DateTimeOffset);

static FUNCTIONS: &[Signature] = functions! {
    "contains" Function::Contains, (String, String) optional 0 gives BOOLEAN;
    "startswith" Function::StartsWith, (String, String) optional 0 gives BOOLEAN;
    "endswith" Function::EndsWith, (String, String) optional 0 gives BOOLEAN;
    "tolower" Function::ToLower, (String) optional 0 gives STRING;
    "toupper" Function::ToUpper, (String) optional 0 gives STRING;
    "trim" Function::Trim, (String) optional 0 gives STRING;
    "length" Function::Length, (String) optional 0 gives INT32;
    "indexof" Function::IndexOf, (String, String) optional 0 gives INT32;
    "concat" Function::Concat, (String, String) optional 0 gives STRING;
    "substring" Function::Substring, (String, Int32, Int32) optional 1 gives STRING;
    "year" Function::Part(DatePart::Year), (DateTimeOffset) optional 0 gives INT32;
    "month" Function::Part(DatePart::Month), (DateTimeOffset) optional 0 gives INT32;
    "day" Function::Part(DatePart::Day), (DateTimeOffset) optional 0 gives INT32;
    "hour" Function::Part(DatePart::Hour), (DateTimeOffset) optional 0 gives INT32;
    "hour" Function::Part(DatePart::Hour), (TimeOfDay) optional 0 gives INT32;
    "minute" Function::Part(DatePart::Minute), (DateTimeOffset) optional 0 gives INT32;
    "minute" Function::Part(DatePart::Minute), (TimeOfDay) optional 0 gives INT32;
    "second" Function::Part(DatePart::Second), (DateTimeOffset) optional 0 gives INT32;
    "second" Function::Part(DatePart::Second), (TimeOfDay) optional 0 gives INT32;
    "fractionalseconds" Function::Part(DatePart::Fraction), (DateTimeOffset) optional 0 gives DECIMAL;
    "fractionalseconds" Function::Part(DatePart::Fraction), (TimeOfDay) optional 0 gives DECIMAL;
    "date" Function::Part(DatePart::Date), (DateTimeOffset) optional 0 gives FunctionResult::Is(Primitive::Date);
    "time" Function::Part(DatePart::Time), (DateTimeOffset) optional 0 gives FunctionResult::Is(Primitive::TimeOfDay);
    "totaloffsetminutes" Function::Part(DatePart::Offset), (DateTimeOffset) optional 0 gives INT32;
    "totalseconds" Function::TotalSeconds, (Duration) optional 0 gives DECIMAL;
    "round" Function::Round(Rounding::HalfAwayFromZero), (Double) optional 0 gives FunctionResult::OfArgument;
    "floor" Function::Round(Rounding::Down), (Double) optional 0 gives FunctionResult::OfArgument;
    "ceiling" Function::Round(Rounding::Up), (Double) optional 0 gives FunctionResult::OfArgument;
    "now" Function::Now, () optional 0 gives TIME;
    "mindatetime" Function::MinTime, () optional 0 gives TIME;
    "maxdatetime" Function::MaxTime, () optional 0 gives TIME;
};

static COMPARISONS: &[(&str, Comparison, &str)] = &[
    ("eq", Comparison::Equal, "Equal"),
    ("ne", Comparison::NotEqual, "NotEqual"),
    ("gt", Comparison::Greater, "GreaterThan"),
    ("ge", Comparison::GreaterOrEqual, "GreaterThanOrEqual"),
    ("lt", Comparison::Less, "LessThan"),
    ("le", Comparison::LessOrEqual, "LessThanOrEqual"),
];

static SUMS: &[(&str, Operator, &str)] = &[("add", Operator::Add, "Add"), ("sub", Operator::Subtract, "Subtract")];

static PRODUCTS: &[(&str, Operator, &str)] = &[
    ("mul", Operator::Multiply, "Multiply"),
    ("div", Operator::Divide, "Divide"),
    ("divby", Operator::DivideBy, "Divide"),
    ("mod", Operator::Modulo, "Modulo"),
];

/// Returns the signatures of the function with this name, in any case.
pub(super) fn signatures(name: &str) -> impl Iterator<Item = &'static Signature> + Clone + '_ {
    FUNCTIONS.iter().filter(move |signature| signature.name.eq_ignore_ascii_case(name))
}

/// Returns the comparison operator with this name, in any case, and its name in messages.
pub(super) fn comparison(name: &str) -> Option<(Comparison, &'static str)> {
    COMPARISONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).map(|(_, comparison, kind)| (*comparison, *kind))
}

/// Returns the name of a comparison in messages.
pub(super) fn kind(comparison: Comparison) -> &'static str {
    COMPARISONS.iter().find(|(_, known, _)| *known == comparison).map_or("", |(_, _, kind)| kind)
}

/// Returns the operator of sums with this name, in any case, and its name in messages.
pub(super) fn sum(name: &str) -> Option<(Operator, &'static str)> {
    operator(SUMS, name)
}

/// Returns the operator of products with this name, in any case, and its name in messages.
pub(super) fn product(name: &str) -> Option<(Operator, &'static str)> {
    operator(PRODUCTS, name)
}

fn operator(operators: &'static [(&str, Operator, &'static str)], name: &str) -> Option<(Operator, &'static str)> {
    operators.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).map(|(_, operator, kind)| (*operator, *kind))
}
