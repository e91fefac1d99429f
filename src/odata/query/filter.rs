//! `$filter`: a Boolean expression of OData (OData 4.0 Part 2, 5.1.1), bound to the model when it is parsed.

pub(crate) mod evaluate;
mod functions;
mod lexer;
mod literal;
pub(crate) mod parser;
pub(crate) mod problem;
pub(crate) mod types;

use self::evaluate::{Node, Scalar};
use self::parser::Parser;
use self::types::ExpressionType;
use super::Scope;
use super::position::located_detail;
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::policy::refusal;

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Expression<'m> {
    node: Node<'m>,
    kind: ExpressionType<'m>,
}

impl Expression<'_> {
    /// Whether the expression is true for an entity. Null is not true.
    pub(crate) fn is_fulfilled(&self, object: &Complex) -> bool {
        self.evaluate(object) == Scalar::Boolean(true)
    }

    /// Whether the expression is a complex value, which cannot be ordered.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.kind, ExpressionType::Object)
    }

    /// Returns the value of the expression for an entity.
    pub(crate) fn evaluate<'e>(&'e self, object: &'e Complex) -> Scalar<'e> {
        self.node.evaluate(object)
    }
}

/// Parses a `$filter`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Expression<'m>, Error> {
    Parser::new(text, scope).filter().map_err(|problem| {
        problem.into_error(text, &refusal::FILTER_BY_SECRET, |at, detail| {
            Error::new(&refusal::INVALID_FILTER, &[]).with_detail(located_detail(text, at, detail))
        })
    })
}
