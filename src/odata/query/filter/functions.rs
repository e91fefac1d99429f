//! The tables of functions and comparison operators.

use super::evaluate::{Comparison, Function};
use super::types::ExpressionType;

/// The signature of a function.
pub(super) struct Signature {
    name: &'static str,
    pub(super) function: Function,
    pub(super) arguments: &'static [ExpressionType<'static>],
    /// The number of arguments at the end that can be omitted.
    pub(super) optional: usize,
    pub(super) result: ExpressionType<'static>,
}

macro_rules! functions {
    ($( $name:literal $function:ident ($($argument:ident),+) optional $optional:literal gives $result:ident; )+) => {
        &[$( Signature {
            name: $name,
            function: Function::$function,
            arguments: &[$(ExpressionType::$argument),+],
            optional: $optional,
            result: ExpressionType::$result,
        }, )+]
    };
}

static FUNCTIONS: &[Signature] = functions! {
    "contains" Contains(Text, Text) optional 0 gives Boolean;
    "startswith" StartsWith(Text, Text) optional 0 gives Boolean;
    "endswith" EndsWith(Text, Text) optional 0 gives Boolean;
    "tolower" ToLower(Text) optional 0 gives Text;
    "toupper" ToUpper(Text) optional 0 gives Text;
    "trim" Trim(Text) optional 0 gives Text;
    "length" Length(Text) optional 0 gives Number;
    "indexof" IndexOf(Text, Text) optional 0 gives Number;
    "concat" Concat(Text, Text) optional 0 gives Text;
    "substring" Substring(Text, Number, Number) optional 1 gives Text;
};

static COMPARISONS: &[(&str, Comparison)] = &[
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
];

/// Returns the function with this name, in any case.
pub(super) fn function(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|signature| signature.name.eq_ignore_ascii_case(name))
}

/// Returns the comparison operator with this name, in any case.
pub(super) fn comparison(name: &str) -> Option<Comparison> {
    COMPARISONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, comparison)| *comparison)
}
