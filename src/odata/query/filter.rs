//! `$filter`: a Boolean expression of OData (OData 4.0 Part 2, 5.1.1), bound to the model when it is parsed.

mod allowed;
mod arithmetic;
mod convert;
pub(crate) mod decimal;
pub(crate) mod evaluate;
mod functions;
mod lexer;
mod literal;
mod messages;
pub(crate) mod parser;
pub(crate) mod problem;
pub(crate) mod scalar;
mod search;
mod shared;
mod terms;
pub(crate) mod types;

use std::cell::OnceCell;

use self::evaluate::{Evaluation, Node, Scalar};
use self::parser::Parser;
use self::problem::Refusals;
use self::types::{BOOLEAN, ExpressionType};
use super::Scope;
use super::position::located_detail;
use crate::edm::schema::{FilterRules, SearchRules};
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::behavior::Behaviors;
use crate::policy::refusal;

/// A parsed expression.
#[derive(Debug)]
pub(crate) struct Expression<'m> {
    node: Node<'m>,
    kind: ExpressionType<'m>,
}

/// An expression with its repeated parts, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct BoundExpression<'m> {
    node: Node<'m>,
    /// The number of nodes: the steps of an evaluation without those for texts.
    nodes: u64,
    /// The number of calls.
    calls: u64,
    /// The number of calls that occur more than once.
    shared: usize,
}

impl<'m> Expression<'m> {
    /// Whether the expression is a complex value, which cannot be ordered.
    pub(crate) fn is_object(&self) -> bool {
        self.kind.is_object()
    }

    /// Checks that a collection takes the condition.
    pub(super) fn check(&self, rules: &FilterRules, behaviors: &Behaviors) -> Result<(), Error> {
        if rules.strict.1(behaviors) { allowed::check(&self.node, rules) } else { Ok(()) }
    }

    /// Returns the condition that both conditions are fulfilled.
    pub(super) fn and(self, other: Expression<'m>) -> Expression<'m> {
        Expression { node: Node::And(vec![self.node, other.node]), kind: BOOLEAN }
    }

    /// Finds the calls that occur more than once: they are evaluated once per entity.
    pub(crate) fn bind(self) -> BoundExpression<'m> {
        let mut node = self.node;
        let (nodes, calls) = shared::size(&node);
        // Most expressions have at most one call.
        let shared = if calls > 1 { shared::number(&mut node) } else { 0 };
        let steps = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        BoundExpression { node, nodes: steps(nodes), calls: steps(calls), shared }
    }
}

/// The steps of a call with a text of ordinary length.
const ORDINARY_CALL: u64 = 24;

impl BoundExpression<'_> {
    /// Returns the steps of an evaluation without those for texts. Its caller pays them, for many entities at a time.
    pub(crate) fn steps(&self) -> u64 {
        self.nodes
    }

    /// Returns the steps for texts that an evaluation is expected to take, if they have an ordinary length.
    pub(crate) fn expected_text_steps(&self) -> u64 {
        self.calls * ORDINARY_CALL
    }

    /// Whether the expression is true for an entity. Null is not true. If the purse is empty afterwards, the result means nothing.
    pub(crate) fn is_fulfilled(&self, object: &Complex, purse: &Purse) -> bool {
        self.evaluate(object, purse, |value| matches!(value, Scalar::Boolean(true)))
    }

    /// Takes the value of the expression for an entity. If the purse is empty afterwards, the value means nothing.
    pub(crate) fn evaluate<T>(&self, object: &Complex, purse: &Purse, take: impl FnOnce(Scalar<'_>) -> T) -> T {
        let held = purse.held();
        let taken = if self.shared == 0 {
            take(self.node.evaluate(&Evaluation::new(object, purse, &[])))
        } else {
            let results: Vec<OnceCell<Scalar<'_>>> = (0..self.shared).map(|_| OnceCell::new()).collect();
            take(self.node.evaluate(&Evaluation::new(object, purse, &results)))
        };
        // The texts that were built are dropped here.
        purse.release_to(held);
        taken
    }
}

static REFUSALS: Refusals =
    Refusals { write_only: &refusal::FILTER_BY_SECRET, unknown_property: Some(&refusal::UNKNOWN_FILTER_PROPERTY) };

/// Parses a `$filter`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Expression<'m>, Error> {
    Parser::new(text, scope).filter().map_err(|problem| {
        problem.into_error(text, &REFUSALS, |at, detail, message| {
            Error::new(&refusal::INVALID_FILTER, &[message]).with_detail(located_detail(text, at, detail))
        })
    })
}

/// Parses a `$search` as a condition on the texts of an entity.
pub(super) fn read_search<'m>(text: &str, scope: Scope<'m>, rules: &SearchRules) -> Result<Expression<'m>, Error> {
    search::read(text, scope, rules).map_err(|problem| {
        problem.into_error(text, &REFUSALS, |at, detail, message| {
            Error::new(&refusal::INVALID_SEARCH, &[message]).with_detail(located_detail(text, at, detail))
        })
    })
}

#[cfg(test)]
mod tests;
