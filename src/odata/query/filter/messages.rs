//! The texts of Microsoft's libraries for expressions that cannot be read (OData/odata.net, Microsoft.OData.Core).

use crate::odata::query::position::in_characters;

/// The characters of a text from the client that a message repeats.
const MAX_ECHO: usize = 2_000;

fn echo(text: &str) -> &str {
    text.char_indices().nth(MAX_ECHO).map_or(text, |(end, _)| &text[..end])
}

/// A text that goes on where it must not; `at` is behind the unexpected part.
pub(super) fn syntax(text: &str, at: usize) -> String {
    format!("Syntax error at position {} in '{}'.", in_characters(text, at), echo(text))
}

/// A character outside the grammar.
pub(super) fn invalid_character(text: &str, at: usize) -> String {
    let character = text[at..].chars().next().unwrap_or_default();
    format!("Syntax error: character '{character}' is not valid at position {} in '{}'.", in_characters(text, at), echo(text))
}

/// A string without its last quote.
pub(super) fn unterminated_string(text: &str, at: usize) -> String {
    format!("There is an unterminated string literal at position {} in '{}'.", in_characters(text, at), echo(text))
}

/// A missing part, such as an expression or a parenthesis.
pub(super) fn expected(what: &str, text: &str, at: usize) -> String {
    format!("{what} expected at position {} in '{}'.", in_characters(text, at), echo(text))
}

/// A literal that is not one of its type.
pub(super) fn unrecognized_literal(type_name: &str, literal: &str, text: &str, at: usize) -> String {
    format!("Unrecognized '{type_name}' literal '{}' at '{}' in '{}'.", echo(literal), in_characters(text, at), echo(text))
}

/// A point in time that is not one.
pub(super) fn invalid_time(literal: &str) -> String {
    format!(
        "The DateTimeOffset text '{}' should be in format 'yyyy-mm-ddThh:mm:ss('.'s+)?(zzzzzz)?' and each field value is within valid range.",
        echo(literal)
    )
}

/// The limit of nesting.
pub(super) const TOO_DEEP: &str = "Recursion depth exceeded allowed limit.";

/// An expression that is not a condition in place of one.
pub(super) const NOT_A_CONDITION: &str = "The $filter expression must evaluate to a single boolean value.";

/// The same within a lambda.
pub(super) const LAMBDA_NOT_A_CONDITION: &str = "The Any/All query expression must evaluate to a single boolean value.";

/// A lambda on a single value.
pub(super) const NOT_A_COLLECTION: &str = "Any/All may only be used following a collection.";

/// A name of two range variables.
pub(super) fn variable_declared(name: &str) -> String {
    format!("The range variable '{}' has already been declared.", echo(name))
}

/// Operands of types that do not go together.
pub(super) fn incompatible_operands(left: &str, right: &str, operator: &str) -> String {
    format!(
        "A binary operator with incompatible types was detected. Found operand types '{left}' and '{right}' for operator kind '{operator}'."
    )
}

/// An operand of `not` or of the minus sign.
pub(super) fn incompatible_operand(operand: &str, operator: &str) -> String {
    format!(
        "A unary operator with an incompatible type was detected. Found operand type '{operand}' for operator kind '{operator}'."
    )
}

/// A name that is not a function.
pub(super) fn unknown_function(name: &str) -> String {
    format!(
        "An unknown function with name '{}' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.",
        echo(name)
    )
}

/// Arguments that fit none of a function's signatures.
pub(super) fn no_signature(name: &str, signatures: &[String]) -> String {
    format!(
        "No function signature for the function with name '{name}' matches the specified arguments. The function signatures considered are: {}.",
        signatures.join("; ")
    )
}

/// A text that is not a member of an enum.
pub(super) fn unknown_member(member: &str) -> String {
    format!("The string '{}' is not a valid enumeration type constant.", echo(member))
}

/// A name in place of a type.
pub(super) const NOT_A_TYPE: &str = "Cast or IsOf Function must have a type in its arguments.";
