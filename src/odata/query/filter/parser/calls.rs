//! Function calls.

use super::{Expression, ExpressionType, FilterProblem, Node, Parser, Scalar};
use crate::edm::date_time::{MAX_TICKS, MIN_TICKS};
use crate::edm::primitive::Primitive;
use crate::odata::query::filter::evaluate::Function;
use crate::odata::query::filter::functions::{self, FunctionResult};
use crate::odata::query::filter::lexer::FilterToken;
use crate::odata::query::filter::messages;
use crate::odata::query::filter::scalar::Moment;
use crate::policy::behavior::Timestamps;

impl<'t, 'm> Parser<'t, 'm> {
    pub(super) fn call(&mut self, name: &'t str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        if let Some((path, function)) = name.rsplit_once('/') {
            match function {
                "any" => return self.lambda(path, false, at),
                "all" => return self.lambda(path, true, at),
                _ => {}
            }
        }
        self.expect(&FilterToken::Open, "an opening parenthesis", "'('")?;
        for (function, is_cast) in [("cast", true), ("isof", false)] {
            if name.eq_ignore_ascii_case(function) {
                return self.conversion(is_cast, at);
            }
        }
        let mut arguments = Vec::new();
        while *self.peek()? != FilterToken::Close || !arguments.is_empty() {
            arguments.push(self.expression()?);
            match self.peek()? {
                FilterToken::Comma => self.advance()?,
                _ => break,
            };
        }
        self.expect(&FilterToken::Close, "a closing parenthesis", "')' or ','")?;
        self.function(name, arguments, at)
    }

    /// Binds a call to the signature that its arguments fit.
    fn function(&mut self, name: &str, arguments: Vec<Expression<'m>>, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let signatures = functions::signatures(name);
        if signatures.clone().next().is_none() {
            let detail = format!("unknown function {name:?}");
            return self.deferred(FilterProblem::syntax(at, detail, messages::unknown_function(name)));
        }
        let kinds: Vec<ExpressionType<'_>> = arguments.iter().map(|argument| argument.kind).collect();
        let Some(signature) = signatures.clone().find(|signature| signature.fits(&kinds)) else {
            let found: Vec<String> = arguments.iter().map(|argument| self.name(argument)).collect();
            let expected: Vec<String> = signatures.map(functions::Signature::description).collect();
            let detail = format!("found {name}({}), expected {}", found.join(", "), expected.join(" or "));
            let message = messages::no_signature(&name.to_ascii_lowercase(), &expected);
            return self.deferred(FilterProblem::syntax(at, detail, message));
        };
        let kind = match signature.result {
            FunctionResult::Is(primitive) => ExpressionType::Primitive(primitive),
            FunctionResult::OfArgument => kinds.first().copied().unwrap_or(ExpressionType::Unknown),
        };
        let time = |ticks| Node::Constant(Scalar::Time(Moment::utc(ticks)));
        let arguments = arguments.into_iter().map(|argument| self.on_shown_clock(argument)).collect();
        let node = match signature.function {
            Function::Now => time(self.scope.now.ticks()),
            Function::MinTime => time(MIN_TICKS),
            Function::MaxTime => time(MAX_TICKS),
            function => Node::Call(function, arguments, None),
        };
        self.node(node, kind)
    }

    /// Returns a time on the clock that answers show, so that clients find the parts that they see.
    pub(super) fn on_shown_clock(&self, expression: Expression<'m>) -> Node<'m> {
        let is_time = matches!(expression.kind, ExpressionType::Primitive(Primitive::DateTimeOffset));
        let is_literal = matches!(expression.node, Node::Constant(_));
        if is_time && !is_literal && self.scope.behaviors.timestamps == Timestamps::Utc {
            return Node::Utc(expression.node.into());
        }
        expression.node
    }
}
