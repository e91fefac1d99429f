//! `any` and `all`, and `in` with a collection.

use super::{Expression, FilterProblem, ItemSource, Node, Parser, Scalar, Variable};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{ItemType, NamedType, TypeId};
use crate::odata::query::filter::evaluate::{Lambda, LambdaBody};
use crate::odata::query::filter::lexer::FilterToken;
use crate::odata::query::filter::scalar::Comparison;
use crate::odata::query::filter::types::BOOLEAN;
use crate::odata::query::filter::{messages, shared};
use crate::odata::query::path;

/// The maximum number of lambdas within each other: an evaluation takes their items to the power of it.
const MAX_LAMBDAS: usize = 4;

impl<'t, 'm> Parser<'t, 'm> {
    /// Parses the condition of `any` or `all`, with its range variable.
    pub(super) fn lambda(&mut self, path: &'t str, is_all: bool, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let (path, cast) = self.narrowed_source(path);
        let mut source = self.source(path, at)?;
        // Items of other types are as if they were not there.
        let mut test = None;
        if let (Some((_, item, _)), Some((name, id))) = (&mut source, cast) {
            let declared = *item;
            match declared {
                ItemType::Complex(declared) if self.scope.model.is_a(id, declared) => *item = ItemType::Complex(id),
                _ => {
                    let problem = self.structured_type(name, at);
                    self.defer(problem);
                }
            }
            let (node, kind) = self.item_node(self.variables.len(), declared);
            test = Some(self.instance_test(Some(Expression { node, kind }), id, at)?.node);
        }
        self.expect(&FilterToken::Open, "an opening parenthesis", "'('")?;
        if !is_all && *self.peek()? == FilterToken::Close {
            self.advance()?;
            return match source {
                Some((source, ..)) => self.lambda_node(is_all, source, test),
                None => self.node(Node::Constant(Scalar::Null), BOOLEAN),
            };
        }
        let variable_at = self.at();
        let name = match self.advance()? {
            (FilterToken::Word(name), _) if path::is_identifier(name) => name,
            (_, at) => {
                return Err(FilterProblem::syntax(
                    at,
                    "expected a range variable",
                    messages::expected("Expression", self.text, at),
                ));
            }
        };
        self.expect(&FilterToken::Colon, "a colon after the range variable", "':'")?;
        if self.variables.iter().any(|known| known.name == name) {
            let detail = format!("duplicate range variable {name:?}");
            self.defer(FilterProblem::syntax(variable_at, detail, messages::variable_declared(name)));
        }
        if self.variables.len() == MAX_LAMBDAS {
            let detail = format!("too many any and all within each other (limit {MAX_LAMBDAS})");
            return Err(FilterProblem::syntax(at, detail, messages::TOO_DEEP));
        }
        // The names of an unknown collection are not looked up: their problem comes after that of the collection.
        let unknown = (ItemType::Primitive(Primitive::String), None);
        let (item, navigation) = source.as_ref().map_or(unknown, |(_, item, navigation)| (*item, *navigation));
        self.variables.push(Variable { name, item, navigation });
        let body = self.expression();
        self.variables.pop();
        let body = body?;
        self.expect(&FilterToken::Close, "a closing parenthesis", "')' or operator")?;
        self.check_condition(&body, |_| messages::LAMBDA_NOT_A_CONDITION.to_owned());
        let body = match (test, is_all) {
            (None, _) => body.node,
            (Some(test), false) => Node::And(vec![test, body.node]),
            (Some(test), true) => Node::Or(vec![Node::Not(test.into()), body.node]),
        };
        match source {
            Some((source, ..)) => self.lambda_node(is_all, source, Some(body)),
            None => self.node(Node::Constant(Scalar::Null), BOOLEAN),
        }
    }

    /// Splits the path to a collection from the derived type at its end.
    pub(super) fn narrowed_source(&self, path: &'t str) -> (&'t str, Option<(&'t str, TypeId)>) {
        let Some((collection, name)) = path.rsplit_once('/').filter(|(_, name)| name.contains('.')) else { return (path, None) };
        match self.scope.model.resolve(name) {
            Some(NamedType::Structured(id)) => (collection, Some((name, id))),
            _ => (path, None),
        }
    }

    pub(super) fn lambda_node(
        &mut self,
        is_all: bool,
        source: ItemSource,
        body: Option<Node<'m>>,
    ) -> Result<Expression<'m>, FilterProblem> {
        let body = body.map(|mut node| {
            let (nodes, calls) = shared::size(&node);
            let shared = if calls > 1 { shared::number(&mut node) } else { 0 };
            LambdaBody { node, nodes: u64::try_from(nodes).unwrap_or(u64::MAX), shared }
        });
        self.node(Node::Lambda(Box::new(Lambda { is_all, source, variable: self.variables.len(), body })), BOOLEAN)
    }

    /// Returns whether any item of a collection equals a value.
    pub(super) fn is_in_collection(
        &mut self,
        left: Expression<'m>,
        word: &'t str,
        at: usize,
    ) -> Result<Expression<'m>, FilterProblem> {
        let Some((source, item, _)) = self.source(word, at)? else {
            return self.node(Node::Constant(Scalar::Null), BOOLEAN);
        };
        let variable = self.variables.len();
        let (node, kind) = self.item_node(variable, item);
        let comparison = self.compare(Comparison::Equal, "Equal", left, Expression { node, kind }, at)?;
        self.lambda_node(false, source, Some(comparison.node))
    }
}
