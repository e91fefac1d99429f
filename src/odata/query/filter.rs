//! `$filter`: an expression of OData's language (OData 4.0 Part 2, 5.1.1), bound to the model when it is read.

pub mod evaluate;
mod lexer;
pub mod parser;

use self::evaluate::{Node, Scalar};
use self::parser::{Kinds, Parser, What};
use super::Scope;
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::policy::refusal;

/// An expression that was read.
#[derive(Debug)]
pub struct Expression<'m> {
    node: Node<'m>,
    kind: Kinds<'m>,
}

impl Expression<'_> {
    /// Whether an entity's values fulfill the expression. What is null is not fulfilled.
    pub fn is_fulfilled(&self, object: &Complex) -> bool {
        self.evaluate(object) == Scalar::Boolean(true)
    }

    /// Whether the value is a complex one, of which only is known that it is there.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, Kinds::Object)
    }

    /// Returns the value of the expression for an entity's values.
    pub fn evaluate<'e>(&'e self, object: &'e Complex) -> Scalar<'e> {
        self.node.evaluate(object)
    }
}

/// Reads a `$filter`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Expression<'m>, Error> {
    Parser::new(text, scope).filter().map_err(|problem| match problem.what {
        What::Unknown(error) => placed(*error, text, problem.at),
        What::Secret(path) => placed(Error::new(&refusal::FILTER_BY_SECRET, &[&path]), text, problem.at),
        What::Syntax(detail) => {
            let detail = located(text, problem.at, &detail);
            Error::new(&refusal::INVALID_FILTER, &[]).with_detail(detail)
        }
    })
}

/// Says where in a text an error was made, in front of what it tells already.
pub(super) fn placed(error: Error, text: &str, at: usize) -> Error {
    let hint = error.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    error.with_detail(format!("at position {}{hint}", position(text, at)))
}

/// Says where in a text something is wrong. What clients send can be long, and the log is for people.
pub(super) fn located(text: &str, at: usize, detail: &str) -> String {
    let shortened: String = detail.chars().take(200).collect();
    format!("at position {}: {shortened}", position(text, at))
}

/// Returns the number of characters in front of a place in a text.
pub(super) fn position(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(index, _)| *index < at).count()
}
