//! `$filter`: a Boolean expression of OData (OData 4.0 Part 2, 5.1.1), bound to the model when it is parsed.

mod allowed;
mod arithmetic;
mod caseless;
mod convert;
pub(crate) mod decimal;
pub(crate) mod evaluate;
mod functions;
mod lexer;
mod literal;
mod messages;
pub(crate) mod navigation;
pub(crate) mod parser;
pub(crate) mod problem;
pub(crate) mod scalar;
mod search;
mod shared;
mod terms;
pub(crate) mod types;

use std::cell::OnceCell;

use self::evaluate::{Evaluation, Node, Scalar};
use self::navigation::NavigationUse;
use self::parser::Parser;
use self::problem::Refusals;
use self::types::{BOOLEAN, ExpressionType};
use super::Scope;
use super::position::located_detail;
use crate::edm::schema::{FilterRules, SearchRules, TypeId};
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
    /// The navigation properties in the expression.
    navigations: Vec<NavigationUse<'m>>,
    /// Whether texts are compared without case.
    ignores_case: bool,
}

/// A condition, and the navigation properties in it.
#[derive(Debug)]
pub(super) struct Condition<'m> {
    /// The condition.
    pub expression: Expression<'m>,
    navigations: Vec<NavigationUse<'m>>,
    /// The behavior that decided on a part of it.
    pub decided: Option<&'static str>,
}

impl<'m> Condition<'m> {
    /// Returns the condition that both conditions are fulfilled.
    pub(super) fn and(self, other: Expression<'m>) -> Condition<'m> {
        Condition { expression: self.expression.and(other), ..self }
    }

    /// Returns the condition, ready to be evaluated.
    pub(super) fn bind(self, scope: &Scope<'_>) -> BoundExpression<'m> {
        BoundExpression { navigations: self.navigations, ignores_case: scope.ignores_case(), ..self.expression.bind() }
    }
}

impl<'m> From<Expression<'m>> for Condition<'m> {
    fn from(expression: Expression<'m>) -> Condition<'m> {
        Condition { expression, navigations: Vec::new(), decided: None }
    }
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

    /// Whether the directory needs an index of its own for the condition (learn.microsoft.com/graph/aad-advanced-queries): `ne`, `not`, `endswith`,
    /// and the number of entities behind a navigation property.
    pub(super) fn is_advanced(&self) -> bool {
        allowed::is_advanced(&self.node)
    }

    /// Returns the condition that both conditions are fulfilled.
    fn and(self, other: Expression<'m>) -> Expression<'m> {
        Expression { node: Node::And(vec![self.node, other.node]), kind: BOOLEAN }
    }

    /// Finds the calls that occur more than once: they are evaluated once per entity.
    pub(crate) fn bind(self) -> BoundExpression<'m> {
        let mut node = self.node;
        let (nodes, calls) = shared::size(&node);
        // Most expressions have at most one call.
        let shared = if calls > 1 { shared::number(&mut node) } else { 0 };
        let steps = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        BoundExpression { node, nodes: steps(nodes), calls: steps(calls), shared, navigations: Vec::new(), ignores_case: false }
    }
}

/// The steps of a call with a text of ordinary length.
const ORDINARY_CALL: u64 = 24;

impl<'m> BoundExpression<'m> {
    /// Returns the steps of an evaluation without those for texts. Its caller pays them, for many entities at a time.
    pub(crate) fn steps(&self) -> u64 {
        self.nodes
    }

    /// Returns the steps for texts that an evaluation is expected to take, if they have an ordinary length.
    pub(crate) fn expected_text_steps(&self) -> u64 {
        self.calls * ORDINARY_CALL
    }

    /// Returns the paths of the properties in the expression, each once, in the order of its text.
    pub(super) fn properties(&self) -> Vec<&str> {
        let mut found = Vec::new();
        allowed::add_properties(&self.node, &mut found);
        found
    }

    /// Returns the navigation properties in the expression, those that have others before these.
    pub(crate) fn navigations(&self) -> &[NavigationUse<'m>] {
        &self.navigations
    }

    /// Whether the expression is true for an entity of the type in the path. Null is not true. If the purse is empty afterwards, the result
    /// means nothing.
    #[cfg(test)]
    pub(crate) fn is_fulfilled(&self, object: &Complex, purse: &Purse) -> bool {
        self.is_fulfilled_as(None, object, purse)
    }

    /// Whether the expression is true for an entity of a type; `None` is that of the path. Null is not true. If the purse is empty afterwards,
    /// the result means nothing.
    pub(crate) fn is_fulfilled_as(&self, own_type: Option<TypeId>, object: &Complex, purse: &Purse) -> bool {
        self.evaluate_as(own_type, object, purse, |value| matches!(value, Scalar::Boolean(true)))
    }

    /// Sets the navigation properties in the expression.
    pub(super) fn set_navigations(&mut self, navigations: Vec<NavigationUse<'m>>) {
        self.navigations = navigations;
    }

    /// Takes the value of the expression for an entity of a type; `None` is that of the path. If the purse is empty afterwards, the value means
    /// nothing.
    pub(super) fn evaluate_as<T>(
        &self,
        own_type: Option<TypeId>,
        object: &Complex,
        purse: &Purse,
        take: impl FnOnce(Scalar<'_>) -> T,
    ) -> T {
        let evaluation = |results| Evaluation::new(object, own_type, self.ignores_case, purse, results);
        let held = purse.held();
        let taken = if self.shared == 0 {
            take(self.node.evaluate(&evaluation(&[])))
        } else {
            let results: Vec<OnceCell<Scalar<'_>>> = (0..self.shared).map(|_| OnceCell::new()).collect();
            take(self.node.evaluate(&Evaluation::new(object, own_type, self.ignores_case, purse, &results)))
        };
        // The texts that were built are dropped here.
        purse.release_to(held);
        taken
    }
}

static REFUSALS: Refusals =
    Refusals { write_only: &refusal::FILTER_BY_SECRET, unknown_property: Some(&refusal::UNKNOWN_FILTER_PROPERTY) };

/// Parses a `$filter`.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>) -> Result<Condition<'m>, Error> {
    let mut parser = Parser::new(text, scope).with_navigations();
    let parsed = parser.filter();
    let (navigations, decided) = (parser.navigations(), parser.decided());
    parsed.map(|expression| Condition { expression, navigations, decided }).map_err(|problem| {
        let error = problem.into_error(text, &REFUSALS, |at, detail, message| {
            Error::new(&refusal::INVALID_FILTER, &[message]).with_detail(located_detail(text, at, detail))
        });
        Error { behavior: decided, ..error }
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
