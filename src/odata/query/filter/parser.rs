//! The parser of expressions, which binds them to the model.
//!
//! The depth and the number of nodes are limited, as in Microsoft's libraries (`ODataUriParserSettings`, `ODataValidationSettings`),
//! which bounds the cost of parsing and of evaluation.

use super::Expression;
use super::evaluate::{Comparison, Node, Scalar, total_order};
use super::functions;
use super::lexer::{FilterToken, token};
use super::literal;
use super::problem::{Cause, FilterProblem};
use super::types::ExpressionType;
use crate::edm::schema::{EnumType, NamedType};
use crate::odata::query::Scope;
use crate::odata::query::path::{self, PathProblem};

const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 1_000;

/// A recursive-descent parser.
pub(crate) struct Parser<'t, 'm> {
    text: &'t str,
    scope: Scope<'m>,
    /// The next token with its offsets, as the lexer returns them.
    next: Result<(FilterToken<'t>, usize, usize), (usize, &'static str)>,
    depth: usize,
    nodes: usize,
}

impl<'t, 'm> Parser<'t, 'm> {
    /// Returns a parser at the beginning of a text.
    pub(crate) fn new(text: &'t str, scope: Scope<'m>) -> Parser<'t, 'm> {
        Parser { text, scope, next: token(text, 0), depth: 0, nodes: 0 }
    }

    /// Parses the whole text as a condition.
    pub(crate) fn filter(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let expression = self.expression()?;
        match self.peek()? {
            FilterToken::End => {}
            _ => return Err(self.unexpected("an operator or the end")),
        }
        if !expression.kind.is_condition() {
            return Err(FilterProblem::syntax(0, format!("found {}, expected a condition", expression.kind.name())));
        }
        Ok(expression)
    }

    /// Parses one key of an `$orderby`. Returns the expression, whether it is descending, and whether another key follows.
    pub(crate) fn order_key(&mut self) -> Result<(Expression<'m>, bool, bool), FilterProblem> {
        let expression = self.expression()?;
        let is_descending = match self.peek()? {
            FilterToken::Word(word) if word.eq_ignore_ascii_case("desc") => Some(true),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("asc") => Some(false),
            _ => None,
        };
        if is_descending.is_some() {
            self.advance()?;
        }
        let has_more = match self.peek()? {
            FilterToken::End => false,
            FilterToken::Comma => true,
            _ => return Err(self.unexpected("asc, desc, a comma or the end")),
        };
        if has_more {
            self.advance()?;
        }
        Ok((expression, is_descending.unwrap_or(false), has_more))
    }

    /// Returns a syntax problem at the next token.
    pub(crate) fn problem(&self, detail: impl Into<String>) -> FilterProblem {
        FilterProblem::syntax(self.at(), detail)
    }

    fn at(&self) -> usize {
        let (Ok((_, at, _)) | Err((at, _))) = &self.next;
        *at
    }

    fn unexpected(&self, expected: &str) -> FilterProblem {
        let found = match &self.next {
            Ok((FilterToken::End, ..)) => "the end".to_owned(),
            Ok((_, from, to)) => format!("{:?}", &self.text[*from..*to]),
            Err((_, problem)) => (*problem).to_owned(),
        };
        self.problem(format!("found {found}, expected {expected}"))
    }

    fn peek(&self) -> Result<&FilterToken<'t>, FilterProblem> {
        match &self.next {
            Ok((token, ..)) => Ok(token),
            Err((at, problem)) => Err(FilterProblem::syntax(*at, *problem)),
        }
    }

    /// Advances to the next token. Returns the current one with its offset.
    fn advance(&mut self) -> Result<(FilterToken<'t>, usize), FilterProblem> {
        self.peek()?;
        let end = self.next.as_ref().map_or(self.text.len(), |(_, _, end)| *end);
        let current = std::mem::replace(&mut self.next, token(self.text, end));
        current.map(|(token, at, _)| (token, at)).map_err(|(at, problem)| FilterProblem::syntax(at, problem))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.next, Ok((FilterToken::Word(found), ..)) if found.eq_ignore_ascii_case(word))
    }

    fn node(&mut self, node: Node<'m>, kind: ExpressionType<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.problem(format!("too many operators and operands (limit {MAX_NODES})")));
        }
        Ok(Expression { node, kind })
    }

    /// Parses an expression. All nesting passes through here or through `not`.
    fn expression(&mut self) -> Result<Expression<'m>, FilterProblem> {
        self.nested(|parser| parser.chain("or", Node::Or, |parser| parser.chain("and", Node::And, Parser::comparison)))
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, FilterProblem>) -> Result<T, FilterProblem> {
        if self.depth == MAX_DEPTH {
            return Err(self.problem(format!("nested too deeply (limit {MAX_DEPTH})")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Parses conditions joined by one operator.
    fn chain(
        &mut self,
        operator: &str,
        join: impl FnOnce(Vec<Node<'m>>) -> Node<'m>,
        mut part: impl FnMut(&mut Self) -> Result<Expression<'m>, FilterProblem>,
    ) -> Result<Expression<'m>, FilterProblem> {
        let first = part(self)?;
        if !self.is_word(operator) {
            return Ok(first);
        }
        let mut parts = vec![self.condition(first)?];
        while self.is_word(operator) {
            self.advance()?;
            let next = part(self)?;
            parts.push(self.condition(next)?);
        }
        self.node(join(parts), ExpressionType::Boolean)
    }

    fn condition(&self, operand: Expression<'m>) -> Result<Node<'m>, FilterProblem> {
        if !operand.kind.is_condition() {
            return Err(self.problem(format!("found {} before this position, expected a condition", operand.kind.name())));
        }
        Ok(operand.node)
    }

    fn comparison(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let left = self.operand()?;
        let Ok((FilterToken::Word(word), at, _)) = self.next else { return Ok(left) };
        if word.eq_ignore_ascii_case("in") {
            self.advance()?;
            return self.list(left);
        }
        if word.eq_ignore_ascii_case("has") {
            self.advance()?;
            return self.has(left);
        }
        let Some(comparison) = functions::comparison(word) else { return Ok(left) };
        self.advance()?;
        let right = self.operand()?;
        let (left, right) = self.unify(left, right, at)?;
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let is_null = matches!(left.kind, ExpressionType::Null) || matches!(right.kind, ExpressionType::Null);
        if matches!((left.kind, right.kind), (ExpressionType::Object, _) | (_, ExpressionType::Object))
            && !(is_equality && is_null)
        {
            return Err(FilterProblem::syntax(at, "complex values can be compared only with null"));
        }
        // Clients see the sentinel in place of the members above it, and equality follows what they see. The order is that of the
        // stored numbers (github.com/microsoft/api-guidelines evolvable-enums.md).
        let (left, right) = if is_equality { (self.mask(left), self.mask(right)) } else { (left.node, right.node) };
        self.node(Node::Compare(comparison, left.into(), right.into()), ExpressionType::Boolean)
    }

    fn mask(&self, expression: Expression<'m>) -> Node<'m> {
        match expression.kind {
            ExpressionType::Enum(enumeration) if !self.scope.shows_hidden() => Node::Masked(expression.node.into(), enumeration),
            _ => expression.node,
        }
    }

    /// Converts a string literal to the enum of the other operand.
    fn unify(
        &self,
        left: Expression<'m>,
        right: Expression<'m>,
        at: usize,
    ) -> Result<(Expression<'m>, Expression<'m>), FilterProblem> {
        let (left, right) = match (left.kind, right.kind) {
            (ExpressionType::Enum(enumeration), ExpressionType::Text) => (left, self.as_enum(&right, enumeration, at)?),
            (ExpressionType::Text, ExpressionType::Enum(enumeration)) => (self.as_enum(&left, enumeration, at)?, right),
            _ => (left, right),
        };
        if !left.kind.is_comparable(right.kind) {
            return Err(FilterProblem::syntax(at, format!("cannot compare {} with {}", left.kind.name(), right.kind.name())));
        }
        Ok((left, right))
    }

    fn as_enum(&self, operand: &Expression<'m>, enumeration: &'m EnumType, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let Node::Constant(Scalar::Text(text)) = &operand.node else {
            return Err(FilterProblem::syntax(at, format!("found Edm.String, expected {}", enumeration.full_name)));
        };
        let node = Node::Constant(Scalar::Enum(literal::members(self.scope, text, enumeration, at)?));
        Ok(Expression { node, kind: ExpressionType::Enum(enumeration) })
    }

    /// Parses the list after `in`.
    fn list(&mut self, left: Expression<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.expect(&FilterToken::Open, "an opening parenthesis")?;
        let mut values = Vec::new();
        loop {
            let (found, at) = self.advance()?;
            let literal = self.literal(&found, at)?.ok_or_else(|| FilterProblem::syntax(at, "expected a literal in the list"))?;
            let (_, literal) = self.unify(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, literal, at)?;
            if let Node::Constant(scalar) = literal.node {
                values.push(scalar);
            }
            match self.peek()? {
                FilterToken::Comma => self.advance()?,
                _ => break,
            };
        }
        self.expect(&FilterToken::Close, "a comma or a closing parenthesis")?;
        if matches!(left.kind, ExpressionType::Object) {
            return Err(self.problem("complex values cannot be tested with in"));
        }
        values.sort_unstable_by(total_order);
        let left = self.mask(left);
        self.node(Node::In(left.into(), values), ExpressionType::Boolean)
    }

    fn has(&mut self, left: Expression<'m>) -> Result<Expression<'m>, FilterProblem> {
        let ExpressionType::Enum(enumeration) = left.kind else {
            return Err(self.problem(format!("found {} before has, expected an enum", left.kind.name())));
        };
        let at = self.at();
        let right = self.operand()?;
        let (_, right) = self.unify(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, right, at)?;
        let Node::Constant(Scalar::Enum(number)) = right.node else {
            return Err(FilterProblem::syntax(at, format!("expected members of {} after has", enumeration.full_name)));
        };
        let left = self.mask(left);
        self.node(Node::Has(left.into(), number), ExpressionType::Boolean)
    }

    fn operand(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let (found, at) = self.advance()?;
        if let Some(literal) = self.literal(&found, at)? {
            return self.node(literal.node, literal.kind);
        }
        match found {
            FilterToken::Open => {
                let inner = self.expression()?;
                self.expect(&FilterToken::Close, "a closing parenthesis")?;
                Ok(inner)
            }
            FilterToken::Word(word) if word.eq_ignore_ascii_case("not") => {
                // `not` binds more tightly than comparisons (OData 4.0 Part 2, 5.1.1.9): `not a eq 1` is not a condition.
                let inner = self.nested(Parser::operand)?;
                let inner = self.condition(inner)?;
                self.node(Node::Not(inner.into()), ExpressionType::Boolean)
            }
            FilterToken::Word(word) if matches!(self.next, Ok((FilterToken::Open, ..))) => self.call(word, at),
            FilterToken::Word(word) => self.property(word, at),
            _ => Err(FilterProblem::syntax(at, "expected a property, a literal or a function")),
        }
    }

    /// Parses a token as a literal; `None` if it is not one.
    fn literal(&self, found: &FilterToken<'t>, at: usize) -> Result<Option<Expression<'m>>, FilterProblem> {
        let (scalar, kind) = match found {
            FilterToken::Text(text) => (Scalar::Text(text.to_string().into()), ExpressionType::Text),
            FilterToken::Number(text) => literal::number_or_date(text)
                .ok_or_else(|| FilterProblem::syntax(at, format!("invalid number or date {text:?}")))?,
            FilterToken::Typed(type_name, text) => match self.scope.model.resolve(type_name) {
                Some(NamedType::Enum(id)) => {
                    let enumeration = self.scope.model.enumeration(id);
                    (Scalar::Enum(literal::members(self.scope, text, enumeration, at)?), ExpressionType::Enum(enumeration))
                }
                _ => return Err(FilterProblem::syntax(at, format!("unknown enum type {type_name:?}"))),
            },
            FilterToken::Word(word) if word.eq_ignore_ascii_case("null") => (Scalar::Null, ExpressionType::Null),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("true") => (Scalar::Boolean(true), ExpressionType::Boolean),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("false") => (Scalar::Boolean(false), ExpressionType::Boolean),
            _ => return Ok(None),
        };
        Ok(Some(Expression { node: Node::Constant(scalar), kind }))
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let Some(signature) = functions::function(name) else {
            return Err(FilterProblem::syntax(at, format!("unknown function {name:?}")));
        };
        self.expect(&FilterToken::Open, "an opening parenthesis")?;
        let mut arguments = Vec::new();
        for expected in signature.arguments {
            let argument = self.expression()?;
            if !argument.kind.is_comparable(*expected) {
                let detail = format!("found {} as an argument, expected {}", argument.kind.name(), expected.name());
                return Err(self.problem(detail));
            }
            arguments.push(argument.node);
            match self.peek()? {
                FilterToken::Comma if arguments.len() < signature.arguments.len() => self.advance()?,
                _ => break,
            };
        }
        self.expect(&FilterToken::Close, "a closing parenthesis")?;
        if arguments.len() + signature.optional < signature.arguments.len() {
            let detail = format!("found {} arguments, expected {}", arguments.len(), signature.arguments.len());
            return Err(FilterProblem::syntax(at, detail));
        }
        self.node(Node::Call(signature.function, arguments, None), signature.result)
    }

    fn property(&mut self, word: &str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let path = path::resolve(self.scope, word).map_err(|problem| match problem {
            PathProblem::Unknown(error) => FilterProblem { at, cause: Cause::UnknownProperty(error.into()) },
            PathProblem::Malformed => FilterProblem::syntax(at, format!("invalid property path {word:?}")),
        })?;
        if path.is_write_only {
            return Err(FilterProblem { at, cause: Cause::WriteOnly(path.text) });
        }
        let kind = ExpressionType::of_property(self.scope.model, path.kind);
        self.node(Node::Property(path), kind)
    }

    fn expect(&mut self, token: &FilterToken<'_>, name: &str) -> Result<(), FilterProblem> {
        if self.peek()? != token {
            return Err(self.unexpected(name));
        }
        self.advance().map(|_| ())
    }
}
