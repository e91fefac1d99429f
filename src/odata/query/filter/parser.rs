//! The parser of expressions, which binds them to the model.
//!
//! The depth and the number of nodes are limited, as in Microsoft's libraries (`ODataUriParserSettings`, `ODataValidationSettings`),
//! which bounds the cost of parsing and of evaluation. As there, the syntax of the whole text is decided before its names and types: their
//! first problem is kept until the end.

use super::Expression;
use super::arithmetic::Operator;
use super::evaluate::{Function, ItemSource, Lambda, LambdaBody, Node, Scalar, total_order};
use super::functions::{self, FunctionResult};
use super::lexer::{FilterToken, LexerProblem, token};
use super::literal;
use super::messages;
use super::navigation::{self, NavigationUse};
use super::problem::{Cause, FilterProblem};
use super::scalar::{Comparison, Moment};
use super::shared;
use super::types::{self, BOOLEAN, ExpressionType, INT64};
use crate::edm::date_time::{MAX_TICKS, MIN_TICKS};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{EnumType, ItemType, Model, NamedType, PropertyType, StructuredType, TypeId};
use crate::odata::query::Scope;
use crate::odata::query::path::{self, PathProblem, PropertyPath};
use crate::policy::behavior::Timestamps;

const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 1_000;

/// The maximum number of lambdas within each other: an evaluation takes their items to the power of it.
const MAX_LAMBDAS: usize = 4;

/// The name of the entity in expressions.
const ENTITY: &str = "$it";

/// A recursive-descent parser.
pub(crate) struct Parser<'t, 'm> {
    text: &'t str,
    scope: Scope<'m>,
    /// The next token with its offsets, as the lexer returns them.
    next: Result<(FilterToken<'t>, usize, usize), LexerProblem>,
    depth: usize,
    nodes: usize,
    /// The range variables of the lambdas around the next token.
    variables: Vec<Variable<'t>>,
    /// The navigation properties so far; `None` if the expression can have none.
    navigations: Option<Vec<NavigationUse<'m>>>,
    /// The first problem of names or types.
    deferred: Option<FilterProblem>,
}

impl<'t, 'm> Parser<'t, 'm> {
    /// Returns a parser at the beginning of a text.
    pub(crate) fn new(text: &'t str, scope: Scope<'m>) -> Parser<'t, 'm> {
        Parser { text, scope, next: token(text, 0), depth: 0, nodes: 0, variables: Vec::new(), navigations: None, deferred: None }
    }

    /// Returns the same for an expression that can have navigation properties.
    pub(crate) fn with_navigations(self) -> Parser<'t, 'm> {
        Parser { navigations: Some(Vec::new()), ..self }
    }

    /// Returns the navigation properties in the text.
    pub(crate) fn navigations(&mut self) -> Vec<NavigationUse<'m>> {
        self.navigations.take().unwrap_or_default()
    }

    /// Parses the whole text as a condition.
    pub(crate) fn filter(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let expression = self.expression()?;
        match self.peek()? {
            FilterToken::End => {}
            _ => return Err(self.unexpected("an operator or the end")),
        }
        if !expression.kind.is_condition() {
            let detail = format!("found {}, expected a condition", self.name(&expression));
            self.defer(FilterProblem::syntax(0, detail, messages::NOT_A_CONDITION));
        }
        self.finish()?;
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

    /// Returns the first problem of names or types, at the end of a text without problems of syntax.
    pub(crate) fn finish(&mut self) -> Result<(), FilterProblem> {
        self.deferred.take().map_or(Ok(()), Err)
    }

    /// Returns a syntax problem at the next token.
    pub(crate) fn problem(&self, detail: impl Into<String>) -> FilterProblem {
        FilterProblem::syntax(self.at(), detail, messages::syntax(self.text, self.end()))
    }

    fn at(&self) -> usize {
        match &self.next {
            Ok((_, at, _)) => *at,
            Err(problem) => problem.at,
        }
    }

    /// Returns the offset behind the next token, where Microsoft's library reports it.
    fn end(&self) -> usize {
        self.next.as_ref().map_or_else(|problem| problem.at, |(.., end)| *end)
    }

    fn found(&self) -> String {
        match &self.next {
            Ok((FilterToken::End, ..)) => "the end".to_owned(),
            Ok((_, from, to)) => format!("{:?}", &self.text[*from..*to]),
            Err(problem) => problem.detail.to_owned(),
        }
    }

    fn unexpected(&self, expected: &str) -> FilterProblem {
        self.problem(format!("found {}, expected {expected}", self.found()))
    }

    /// Keeps a problem of names or types until the syntax is decided.
    fn defer(&mut self, problem: FilterProblem) {
        self.deferred.get_or_insert(problem);
    }

    /// Keeps a problem, and returns an expression in place of the one that has it.
    fn deferred(&mut self, problem: FilterProblem) -> Result<Expression<'m>, FilterProblem> {
        self.defer(problem);
        self.node(Node::Constant(Scalar::Null), ExpressionType::Unknown)
    }

    fn name(&self, expression: &Expression<'m>) -> String {
        expression.kind.name(self.scope.model).into_owned()
    }

    fn peek(&self) -> Result<&FilterToken<'t>, FilterProblem> {
        match &self.next {
            Ok((token, ..)) => Ok(token),
            Err(problem) => Err(FilterProblem::syntax(problem.at, problem.detail, problem.message.clone())),
        }
    }

    /// Advances to the next token. Returns the current one with its offset.
    fn advance(&mut self) -> Result<(FilterToken<'t>, usize), FilterProblem> {
        let end = match &self.next {
            Ok((.., end)) => *end,
            Err(problem) => return Err(FilterProblem::syntax(problem.at, problem.detail, problem.message.clone())),
        };
        match std::mem::replace(&mut self.next, token(self.text, end)) {
            Ok((token, at, _)) => Ok((token, at)),
            Err(problem) => Err(FilterProblem::syntax(problem.at, problem.detail, problem.message)),
        }
    }

    fn next_word(&self) -> Option<&'t str> {
        match self.next {
            Ok((FilterToken::Word(word), ..)) => Some(word),
            _ => None,
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.next_word().is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    fn node(&mut self, node: Node<'m>, kind: ExpressionType<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let detail = format!("too many operators and operands (limit {MAX_NODES})");
            return Err(FilterProblem::syntax(self.at(), detail, messages::TOO_DEEP));
        }
        Ok(Expression { node, kind })
    }

    /// Parses an expression. All nesting passes through here, or through the operators before an operand.
    fn expression(&mut self) -> Result<Expression<'m>, FilterProblem> {
        self.nested(|parser| {
            parser.chain("or", "Or", Node::Or, |parser| parser.chain("and", "And", Node::And, Parser::comparison))
        })
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, FilterProblem>) -> Result<T, FilterProblem> {
        if self.depth == MAX_DEPTH {
            let detail = format!("nested too deeply (limit {MAX_DEPTH})");
            return Err(FilterProblem::syntax(self.at(), detail, messages::TOO_DEEP));
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
        kind: &str,
        join: impl FnOnce(Vec<Node<'m>>) -> Node<'m>,
        mut part: impl FnMut(&mut Self) -> Result<Expression<'m>, FilterProblem>,
    ) -> Result<Expression<'m>, FilterProblem> {
        let first = part(self)?;
        if !self.is_word(operator) {
            return Ok(first);
        }
        let mut left = first.kind;
        let mut parts = vec![first.node];
        while self.is_word(operator) {
            self.advance()?;
            let next = part(self)?;
            self.check_conditions(left, next.kind, kind);
            left = BOOLEAN;
            parts.push(next.node);
        }
        self.node(join(parts), BOOLEAN)
    }

    /// Checks the operands of `and` or `or`.
    fn check_conditions(&mut self, left: ExpressionType<'m>, right: ExpressionType<'m>, operator: &str) {
        if let Some(other) = [left, right].into_iter().find(|kind| !kind.is_condition()) {
            let [left, right, other] = [left, right, other].map(|kind| kind.name(self.scope.model));
            let detail = format!("found {other} before this position, expected a condition");
            let message = messages::incompatible_operands(&left, &right, operator);
            self.defer(FilterProblem::syntax(self.at(), detail, message));
        }
    }

    /// Checks an operand that must be a condition.
    fn check_condition(&mut self, operand: &Expression<'m>, message: impl FnOnce(&str) -> String) {
        if !operand.kind.is_condition() {
            let name = self.name(operand);
            let detail = format!("found {name} before this position, expected a condition");
            self.defer(FilterProblem::syntax(self.at(), detail, message(&name)));
        }
    }

    fn comparison(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let left = self.sum()?;
        let Some(word) = self.next_word() else { return Ok(left) };
        let at = self.at();
        if word.eq_ignore_ascii_case("in") {
            self.advance()?;
            return self.list(left, at);
        }
        if word.eq_ignore_ascii_case("has") {
            self.advance()?;
            return self.has(left, at);
        }
        let Some((comparison, kind)) = functions::comparison(word) else { return Ok(left) };
        self.advance()?;
        let right = self.sum()?;
        self.compare(comparison, kind, left, right, at)
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        kind: &str,
        left: Expression<'m>,
        right: Expression<'m>,
        at: usize,
    ) -> Result<Expression<'m>, FilterProblem> {
        let is_equality = comparison.is_equality();
        let (left, right) = match self.unify(left, right, kind, !is_equality, at) {
            Ok(operands) => operands,
            Err(problem) => {
                self.defer(problem);
                return self.node(Node::Constant(Scalar::Null), BOOLEAN);
            }
        };
        // Clients see the sentinel in place of the members above it, and equality follows what they see. The order is that of the
        // stored numbers (github.com/microsoft/api-guidelines evolvable-enums.md).
        let (left, right) = if is_equality { (self.mask(left), self.mask(right)) } else { (left.node, right.node) };
        self.node(Node::Compare(comparison, left.into(), right.into()), BOOLEAN)
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
        operator: &str,
        needs_order: bool,
        at: usize,
    ) -> Result<(Expression<'m>, Expression<'m>), FilterProblem> {
        let (left, right) = match (left.kind, right.kind) {
            (ExpressionType::Enum(enumeration), kind) if kind.is_text() => (left, self.as_enum(right, enumeration, at)?),
            (kind, ExpressionType::Enum(enumeration)) if kind.is_text() => (self.as_enum(left, enumeration, at)?, right),
            _ => (left, right),
        };
        if !left.kind.is_comparable(right.kind, needs_order) {
            let (left_name, right_name) = (self.name(&left), self.name(&right));
            let detail = if left.kind.is_object() || right.kind.is_object() {
                "complex values can be compared only with null".to_owned()
            } else {
                format!("cannot compare {left_name} with {right_name}")
            };
            let message = messages::incompatible_operands(&left_name, &right_name, operator);
            return Err(FilterProblem::syntax(at, detail, message));
        }
        Ok((left, right))
    }

    /// Converts a string literal to an enum. Other texts stay as they are, and cannot be compared.
    fn as_enum(&self, operand: Expression<'m>, enumeration: &'m EnumType, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let Node::Constant(Scalar::Text(text)) = &operand.node else { return Ok(operand) };
        let node = Node::Constant(Scalar::Enum(literal::members(self.scope, text, enumeration, at)?));
        Ok(Expression { node, kind: ExpressionType::Enum(enumeration) })
    }

    /// Parses what follows `in`: a list of literals, which may be empty (OData 4.01), or a collection.
    fn list(&mut self, left: Expression<'m>, at: usize) -> Result<Expression<'m>, FilterProblem> {
        if let (Some(word), false) = (self.next_word(), self.is_call()) {
            let word_at = self.at();
            self.advance()?;
            return self.is_in_collection(left, word, word_at);
        }
        self.expect(&FilterToken::Open, "an opening parenthesis", "'('")?;
        let (is_rounded, ignores_case) = (left.kind.is_rounded(), self.scope.ignores_case());
        let mut values = Vec::new();
        while *self.peek()? != FilterToken::Close || !values.is_empty() {
            let (found, at) = self.advance()?;
            let Some(literal) = self.literal(&found, at)? else {
                return Err(FilterProblem::syntax(
                    at,
                    "expected a literal in the list",
                    messages::expected("Expression", self.text, at),
                ));
            };
            match self.unify(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, literal, "Equal", false, at) {
                Ok((_, Expression { node: Node::Constant(scalar), .. })) => values.push(match (scalar.to_f64(), scalar) {
                    (Some(number), _) if is_rounded => Scalar::float(number),
                    (_, Scalar::Text(text)) if ignores_case => Scalar::Text(text.to_lowercase().into()),
                    (_, scalar) => scalar,
                }),
                Ok(_) => {}
                Err(problem) => {
                    self.defer(problem);
                    values.push(Scalar::Null);
                }
            }
            match self.peek()? {
                FilterToken::Comma => self.advance()?,
                _ => break,
            };
        }
        self.expect(&FilterToken::Close, "a comma or a closing parenthesis", "')' or ','")?;
        if left.kind.is_object() {
            let message = messages::incompatible_operands(&self.name(&left), "Edm.Untyped", "Equal");
            self.defer(FilterProblem::syntax(at, "complex values cannot be tested with in", message));
        }
        values.sort_unstable_by(total_order);
        let left = self.mask(left);
        self.node(Node::In(left.into(), values, is_rounded), BOOLEAN)
    }

    /// Returns whether any item of a collection equals a value.
    fn is_in_collection(&mut self, left: Expression<'m>, word: &'t str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let Some((source, item, _)) = self.source(word, at)? else {
            return self.node(Node::Constant(Scalar::Null), BOOLEAN);
        };
        let variable = self.variables.len();
        let (node, kind) = self.item_node(variable, item);
        let comparison = self.compare(Comparison::Equal, "Equal", left, Expression { node, kind }, at)?;
        self.lambda_node(false, source, Some(comparison.node))
    }

    fn has(&mut self, left: Expression<'m>, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let right_at = self.at();
        let right = self.sum()?;
        let (left_name, right_name) = (self.name(&left), self.name(&right));
        let message = || messages::incompatible_operands(&left_name, &right_name, "Has");
        let ExpressionType::Enum(enumeration) = left.kind else {
            let detail = format!("found {left_name} before has, expected an enum");
            self.defer(FilterProblem::syntax(at, detail, message()));
            return self.node(Node::Constant(Scalar::Null), BOOLEAN);
        };
        let unified =
            self.unify(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, right, "Has", false, right_at);
        let number = match unified {
            Ok((_, Expression { node: Node::Constant(Scalar::Enum(number)), .. })) => number,
            Ok(_) => {
                let detail = format!("expected members of {} after has", enumeration.full_name);
                self.defer(FilterProblem::syntax(right_at, detail, message()));
                0
            }
            Err(problem) => {
                self.defer(problem);
                0
            }
        };
        let left = self.mask(left);
        self.node(Node::Has(left.into(), number), BOOLEAN)
    }

    /// Parses operands joined by arithmetic operators.
    fn sum(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let first = self.operand()?;
        if self.next_word().is_none() {
            return Ok(first);
        }
        let first = self.product_from(first)?;
        self.arithmetic(first, functions::sum, |parser| {
            let factor = parser.operand()?;
            parser.product_from(factor)
        })
    }

    fn product_from(&mut self, first: Expression<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.arithmetic(first, functions::product, Parser::operand)
    }

    /// Parses the operators of one rank and their right operands.
    fn arithmetic(
        &mut self,
        mut left: Expression<'m>,
        operator: fn(&str) -> Option<(Operator, &'static str)>,
        part: fn(&mut Self) -> Result<Expression<'m>, FilterProblem>,
    ) -> Result<Expression<'m>, FilterProblem> {
        let mut others = Vec::new();
        while let Some((operator, name)) = self.next_word().and_then(operator) {
            let at = self.at();
            self.advance()?;
            let right = part(self)?;
            left.kind = types::of_arithmetic(operator, left.kind, right.kind).unwrap_or_else(|| {
                let (left, right) = (self.name(&left), self.name(&right));
                let detail = format!("cannot calculate with {left} and {right}");
                self.defer(FilterProblem::syntax(at, detail, messages::incompatible_operands(&left, &right, name)));
                ExpressionType::Unknown
            });
            others.push((operator, self.node(right.node, right.kind)?.node));
        }
        if others.is_empty() {
            return Ok(left);
        }
        self.node(Node::Arithmetic(left.node.into(), others), left.kind)
    }

    fn operand(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let (found, at) = self.advance()?;
        if let Some(literal) = self.literal(&found, at)? {
            return self.node(literal.node, literal.kind);
        }
        match found {
            FilterToken::Open => {
                let inner = self.expression()?;
                self.expect(&FilterToken::Close, "a closing parenthesis", "')' or operator")?;
                Ok(inner)
            }
            FilterToken::Minus => self.negation(at),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("not") => self.inversion(),
            FilterToken::Word(word) if self.is_call() => self.call(word, at),
            FilterToken::Word(word) => self.property(word, at),
            _ => {
                let message = messages::expected("Expression", self.text, at);
                Err(FilterProblem::syntax(at, "expected a property, a literal or a function", message))
            }
        }
    }

    /// Parses what follows a minus sign.
    fn negation(&mut self, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let inner = self.nested(Parser::operand)?;
        let is_signed = |primitive: Primitive| primitive.is_number() || primitive == Primitive::Duration;
        match inner.kind {
            kind if kind.is_dynamic() || matches!(kind, ExpressionType::Primitive(primitive) if is_signed(primitive)) => {
                self.node(Node::Negate(inner.node.into()), kind)
            }
            _ => {
                let name = self.name(&inner);
                let detail = format!("found {name} after a minus sign, expected a number");
                self.deferred(FilterProblem::syntax(at, detail, messages::incompatible_operand(&name, "Negate")))
            }
        }
    }

    /// Parses what follows `not`. It binds more tightly than comparisons (OData 4.0 Part 2, 5.1.1.9): `not a eq 1` is not a condition.
    fn inversion(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let inner = self.nested(Parser::operand)?;
        self.check_condition(&inner, |name| messages::incompatible_operand(name, "Not"));
        self.node(Node::Not(inner.node.into()), BOOLEAN)
    }

    /// Whether a parenthesis follows.
    fn is_call(&self) -> bool {
        matches!(self.next, Ok((FilterToken::Open, ..)))
    }

    /// Parses a token as a literal; `None` if it is not one.
    fn literal(&mut self, found: &FilterToken<'t>, at: usize) -> Result<Option<Expression<'m>>, FilterProblem> {
        let malformed = |parser: &Self, type_name: &str, literal: &str, detail: String| {
            let message = match type_name {
                "Edm.DateTimeOffset" => messages::invalid_time(literal),
                _ => messages::unrecognized_literal(type_name, literal, parser.text, at),
            };
            FilterProblem::syntax(at, detail, message)
        };
        let (scalar, kind) = match found {
            FilterToken::Text(text) => (Scalar::Text(text.to_string().into()), ExpressionType::Primitive(Primitive::String)),
            FilterToken::Bare(text) => literal::typed(
                literal::bare(text)
                    .map_err(|type_name| malformed(self, type_name, text, format!("invalid number or date {text:?}")))?,
            ),
            FilterToken::Typed(prefix, text) => match (literal::prefixed(prefix, text), self.scope.model.resolve(prefix)) {
                (Some(literal), _) => literal::typed(
                    literal.map_err(|type_name| malformed(self, type_name, text, format!("invalid {type_name} {text:?}")))?,
                ),
                (None, Some(NamedType::Enum(id))) => {
                    let enumeration = self.scope.model.enumeration(id);
                    let number = literal::members(self.scope, text, enumeration, at).unwrap_or_else(|problem| {
                        self.defer(problem);
                        0
                    });
                    (Scalar::Enum(number), ExpressionType::Enum(enumeration))
                }
                (None, None) if self.scope.model.is_partial => return Err(self.unread(prefix, at)),
                _ => {
                    let detail = format!("unknown enum type {prefix:?}");
                    return self.deferred(malformed(self, prefix, text, detail)).map(Some);
                }
            },
            FilterToken::Word(word) if word.eq_ignore_ascii_case("null") => (Scalar::Null, ExpressionType::Null),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("true") => (Scalar::Boolean(true), BOOLEAN),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("false") => (Scalar::Boolean(false), BOOLEAN),
            FilterToken::Word("INF") => (Scalar::Float(f64::INFINITY), ExpressionType::Primitive(Primitive::Double)),
            FilterToken::Word("NaN") => (Scalar::Float(f64::NAN), ExpressionType::Primitive(Primitive::Double)),
            _ => return Ok(None),
        };
        Ok(Some(Expression { node: Node::Constant(scalar), kind }))
    }

    fn call(&mut self, name: &'t str, at: usize) -> Result<Expression<'m>, FilterProblem> {
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
    fn on_shown_clock(&self, expression: Expression<'m>) -> Node<'m> {
        let is_time = matches!(expression.kind, ExpressionType::Primitive(Primitive::DateTimeOffset));
        let is_literal = matches!(expression.node, Node::Constant(_));
        if is_time && !is_literal && self.scope.behaviors.timestamps == Timestamps::Utc {
            return Node::Utc(expression.node.into());
        }
        expression.node
    }

    /// Parses the arguments of `cast` or `isof`: a type, after an expression unless it is the entity's.
    fn conversion(&mut self, is_cast: bool, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let mut operand = None;
        let (name, name_at) = loop {
            // A type is a name or a text with its name.
            let first = (self.next_word(), &self.next);
            let name = match first {
                (Some(word), _) if word.contains('.') && !word.contains('/') => Some(word.to_owned()),
                (_, Ok((FilterToken::Text(text), ..))) => Some(text.to_string()),
                _ => None,
            };
            let name_at = self.at();
            match name {
                Some(name) if operand.is_some() || self.is_last_argument() => {
                    self.advance()?;
                    break (name, name_at);
                }
                _ if operand.is_none() => {
                    operand = Some(self.expression()?);
                    self.expect(&FilterToken::Comma, "a comma and a type", "')' or ','")?;
                }
                _ => return Err(self.unexpected("a type")),
            }
        };
        self.expect(&FilterToken::Close, "a closing parenthesis", "')' or ','")?;
        let target = Primitive::named(&name);
        if let Some(NamedType::Structured(id)) = self.scope.model.resolve(&name) {
            return if is_cast { self.instance_cast(operand, id, name_at) } else { self.instance_test(operand, id, name_at) };
        }
        let operand = match (operand, target) {
            (Some(operand), Some(_)) => operand,
            (operand, _) => {
                if let (Some(operand), Some(NamedType::Enum(id))) = (operand, self.scope.model.resolve(&name)) {
                    return self.enum_conversion(operand, self.scope.model.enumeration(id), is_cast);
                }
                let problem = self.structured_type(&name, name_at);
                return self.deferred(problem);
            }
        };
        let target = target.unwrap_or(Primitive::String);
        if !is_cast {
            return self.type_test(operand, target);
        }
        let kind = ExpressionType::Primitive(target);
        match operand.kind {
            ExpressionType::Enum(enumeration) if target == Primitive::String => {
                let shows_hidden = self.scope.shows_hidden();
                self.node(Node::EnumText(operand.node.into(), enumeration, shows_hidden), kind)
            }
            ExpressionType::Structured(_) | ExpressionType::Collection(_) => {
                let name = self.name(&operand);
                let detail = format!("cannot cast {name} to {}", target.name());
                self.deferred(FilterProblem::syntax(at, detail, messages::NOT_A_TYPE))
            }
            _ => {
                let inner = self.on_shown_clock(operand);
                self.node(Node::Cast(inner.into(), target), kind)
            }
        }
    }

    /// Whether the next token is the last before a closing parenthesis.
    fn is_last_argument(&self) -> bool {
        matches!(token(self.text, self.end()), Ok((FilterToken::Close, ..)))
    }

    /// Casts to an enum, or tests for one.
    fn enum_conversion(
        &mut self,
        operand: Expression<'m>,
        enumeration: &'m EnumType,
        is_cast: bool,
    ) -> Result<Expression<'m>, FilterProblem> {
        let kind = ExpressionType::Enum(enumeration);
        let is_same = matches!(operand.kind, ExpressionType::Enum(found) if found.full_name == enumeration.full_name);
        if !is_cast {
            return self.is_not_null(operand.node, is_same);
        }
        let node = match operand.node {
            node if is_same => node,
            Node::Constant(Scalar::Text(text)) => literal::members(self.scope, &text, enumeration, 0)
                .map_or(Node::Constant(Scalar::Null), |number| Node::Constant(Scalar::Enum(number))),
            _ => Node::Constant(Scalar::Null),
        };
        self.node(node, kind)
    }

    /// Returns whether a value has a primitive type: known now, unless it is an undeclared member.
    fn type_test(&mut self, operand: Expression<'m>, target: Primitive) -> Result<Expression<'m>, FilterProblem> {
        match operand.kind {
            ExpressionType::Unknown => self.node(Node::IsOf(operand.node.into(), target), BOOLEAN),
            ExpressionType::Primitive(found) => self.is_not_null(operand.node, found == target),
            _ => self.is_not_null(operand.node, false),
        }
    }

    fn is_not_null(&mut self, node: Node<'m>, may_be: bool) -> Result<Expression<'m>, FilterProblem> {
        if !may_be {
            return self.node(Node::Constant(Scalar::Boolean(false)), BOOLEAN);
        }
        let null = Box::new(Node::Constant(Scalar::Null));
        self.node(Node::Compare(Comparison::NotEqual, node.into(), null), BOOLEAN)
    }

    /// Returns the test of the type of the entity, or of a complex value in it.
    fn instance_test(&mut self, operand: Option<Expression<'m>>, id: TypeId, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let model = self.scope.model;
        let (variable, path, declared) = match operand {
            None => (None, None, self.scope.structured),
            Some(Expression { node: Node::Property(path), kind: ExpressionType::Structured(declared) }) => {
                (None, Some(Box::new(path)), declared)
            }
            Some(Expression { node: Node::Item(variable, path, _), kind: ExpressionType::Structured(declared) }) => {
                (Some(variable), path, declared)
            }
            Some(Expression { node: Node::Constant(Scalar::Object), kind: ExpressionType::Structured(declared) }) => {
                (None, None, declared)
            }
            Some(_) => {
                let problem = self.structured_type(&model.structured(id).full_name, at);
                return self.deferred(problem);
            }
        };
        self.node(Node::HasType(variable, path, self.derived_types(id), model.is_a(declared.id, id)), BOOLEAN)
    }

    /// Returns a type and those that are derived from it, in order.
    fn derived_types(&self, id: TypeId) -> Vec<TypeId> {
        let model = self.scope.model;
        let derived = model.structured_types().filter(|structured| model.is_a(structured.id, id));
        let mut types: Vec<TypeId> = derived.map(|structured| structured.id).collect();
        types.sort_unstable();
        types
    }

    /// Returns the cast of the entity, of an item or of a complex value in them, with the property of it that follows.
    fn instance_cast(&mut self, operand: Option<Expression<'m>>, id: TypeId, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let (model, cast) = (self.scope.model, self.scope.model.structured(id));
        let Some(rest) = self.path_behind() else {
            let test = self.instance_test(operand, id, at)?;
            return self.node(Node::Narrowed(test.node.into()), ExpressionType::Structured(cast));
        };
        let (variable, before, declared) = match operand {
            None => (None, None, self.scope.structured),
            Some(Expression { node: Node::Property(path), kind: ExpressionType::Structured(declared) }) => {
                (None, Some(path), declared)
            }
            Some(Expression { node: Node::Item(variable, path, _), kind: ExpressionType::Structured(declared) }) => {
                (Some(variable), path.map(|path| *path), declared)
            }
            Some(Expression { node: Node::Constant(Scalar::Object), kind: ExpressionType::Structured(declared) }) => {
                (None, None, declared)
            }
            Some(_) => {
                let problem = self.structured_type(&cast.full_name, at);
                return self.deferred(problem);
            }
        };
        let mut path = before.unwrap_or_else(PropertyPath::empty);
        path.narrow(model, declared.id, id);
        let scope = Scope { structured: cast, ..self.scope };
        let path = match path::resolve(scope, rest).map(|rest| path.then(rest)) {
            Ok(path) if path.is_write_only => {
                return self.deferred(FilterProblem { at, cause: Cause::WriteOnly(path.text) });
            }
            Ok(path) => path,
            Err(PathProblem::Unknown(error)) => {
                return self.deferred(FilterProblem { at, cause: Cause::UnknownProperty(error.into()) });
            }
            Err(PathProblem::Cast(name)) => {
                let problem = self.structured_type(&name, at);
                return self.deferred(problem);
            }
            Err(PathProblem::Malformed) => {
                let message = messages::syntax(self.text, self.end());
                return Err(FilterProblem::syntax(at, format!("invalid property path {rest:?}"), message));
            }
        };
        let kind = ExpressionType::of_property(model, path.kind);
        let node = match (variable, lexical(kind)) {
            (Some(variable), primitive) => Node::Item(variable, Some(path.into()), primitive),
            (None, Some(primitive)) => Node::Typed(path, primitive),
            (None, None) => Node::Property(path),
        };
        self.node(node, kind)
    }

    /// Takes the path behind a closing parenthesis that has just been read, which a slash begins.
    fn path_behind(&mut self) -> Option<&'t str> {
        // The lexer has no token for a slash alone.
        let Err(LexerProblem { at, .. }) = &self.next else { return None };
        let at = *at;
        let rest = self.text[at..].strip_prefix('/')?;
        let length = rest
            .find(|character: char| !(character.is_alphanumeric() || matches!(character, '_' | '.' | '/')))
            .unwrap_or(rest.len());
        self.next = token(self.text, at + 1 + length);
        Some(&rest[..length])
    }

    /// Returns the problem of a name that may be in the part of the schema that is not read.
    fn unread(&self, name: &str, at: usize) -> FilterProblem {
        let error = path::unknown_segment(name, &self.scope.structured.full_name);
        FilterProblem { at, cause: Cause::UnknownProperty(error.into()) }
    }

    /// Returns the problem of a structured type in `cast` or a path.
    fn structured_type(&self, name: &str, at: usize) -> FilterProblem {
        if self.scope.model.is_partial && self.scope.model.resolve(name).is_none() {
            return self.unread(name, at);
        }
        let detail = match self.scope.model.resolve(name) {
            Some(_) => format!("unsupported type {name:?}"),
            None => format!("unknown type {name:?}"),
        };
        FilterProblem::syntax(at, detail, messages::NOT_A_TYPE)
    }

    /// Parses the condition of `any` or `all`, with its range variable.
    fn lambda(&mut self, path: &'t str, is_all: bool, at: usize) -> Result<Expression<'m>, FilterProblem> {
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
    fn narrowed_source(&self, path: &'t str) -> (&'t str, Option<(&'t str, TypeId)>) {
        let Some((collection, name)) = path.rsplit_once('/').filter(|(_, name)| name.contains('.')) else { return (path, None) };
        match self.scope.model.resolve(name) {
            Some(NamedType::Structured(id)) => (collection, Some((name, id))),
            _ => (path, None),
        }
    }

    fn lambda_node(&mut self, is_all: bool, source: ItemSource, body: Option<Node<'m>>) -> Result<Expression<'m>, FilterProblem> {
        let body = body.map(|mut node| {
            let (nodes, calls) = shared::size(&node);
            let shared = if calls > 1 { shared::number(&mut node) } else { 0 };
            LambdaBody { node, nodes: u64::try_from(nodes).unwrap_or(u64::MAX), shared }
        });
        self.node(Node::Lambda(Box::new(Lambda { is_all, source, variable: self.variables.len(), body })), BOOLEAN)
    }

    /// Resolves a path to a collection, with the type of its items and the navigation property that leads to them; `None`: its problem is
    /// deferred.
    fn source(&mut self, word: &'t str, at: usize) -> Result<Option<(ItemSource, ItemType, Option<usize>)>, FilterProblem> {
        let found = match self.resolve(word, at)? {
            Some(Resolved { variable, path: Some(path), navigation }) => match path.kind {
                Some(PropertyType::Collection(item)) => Some((ItemSource { variable, path, counted: None }, item, navigation)),
                _ => None,
            },
            Some(_) => None,
            None => return Ok(None),
        };
        if found.is_none() {
            let detail = format!("{word:?} is not a collection");
            self.defer(FilterProblem::syntax(at, detail, messages::NOT_A_COLLECTION));
        }
        Ok(found)
    }

    fn property(&mut self, word: &'t str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        if let Some(path) = word.strip_suffix("/$count") {
            let (path, cast) = self.narrowed_source(path);
            return match self.source(path, at)? {
                Some((mut source, item, _)) => {
                    source.counted = match (item, cast) {
                        (_, None) => None,
                        (ItemType::Complex(declared), Some((_, id))) if self.scope.model.is_a(id, declared) => {
                            Some((self.derived_types(id), id == declared))
                        }
                        (_, Some((name, _))) => {
                            let problem = self.structured_type(name, at);
                            self.defer(problem);
                            None
                        }
                    };
                    self.node(Node::Count(source.into()), INT64)
                }
                None => self.node(Node::Constant(Scalar::Null), ExpressionType::Unknown),
            };
        }
        let Some(Resolved { variable, path, .. }) = self.resolve(word, at)? else {
            return self.node(Node::Constant(Scalar::Null), ExpressionType::Unknown);
        };
        let (node, kind) = match (variable, path) {
            (None, Some(path)) => {
                let kind = ExpressionType::of_property(self.scope.model, path.kind);
                match lexical(kind) {
                    Some(primitive) => (Node::Typed(path, primitive), kind),
                    None => (Node::Property(path), kind),
                }
            }
            (Some(variable), Some(path)) => {
                let kind = ExpressionType::of_property(self.scope.model, path.kind);
                (Node::Item(variable, Some(path.into()), lexical(kind)), kind)
            }
            (Some(variable), None) => {
                let item = self.variables[variable].item;
                self.item_node(variable, item)
            }
            (None, None) => (Node::Constant(Scalar::Object), ExpressionType::Structured(self.scope.structured)),
        };
        self.node(node, kind)
    }

    /// Returns the node for an item as a whole.
    fn item_node(&self, variable: usize, item: ItemType) -> (Node<'m>, ExpressionType<'m>) {
        let kind = ExpressionType::of_property(self.scope.model, Some(item.kind()));
        (Node::Item(variable, None, lexical(kind)), kind)
    }

    /// Resolves a path from a range variable, from `$it` or from the entity; `None`: its problem is deferred.
    fn resolve(&mut self, word: &'t str, at: usize) -> Result<Option<Resolved>, FilterProblem> {
        let (first, rest) = word.split_once('/').map_or((word, None), |(first, rest)| (first, Some(rest)));
        let variable = self.variables.iter().rposition(|variable| variable.name == first);
        let (scope, path) = match (variable, rest) {
            (Some(_), None) => return Ok(Some(Resolved { variable, path: None, navigation: None })),
            (Some(index), Some(rest)) => match self.variables[index].item {
                ItemType::Complex(id) => (Scope { structured: self.scope.model.structured(id), ..self.scope }, rest),
                item => {
                    let type_name = self.scope.model.kind_name(item.kind());
                    let error = path::unknown_segment(rest, &type_name);
                    self.defer(FilterProblem { at, cause: Cause::UnknownProperty(error.into()) });
                    return Ok(None);
                }
            },
            (None, None) if first == ENTITY => return Ok(Some(Resolved { variable: None, path: None, navigation: None })),
            (None, Some(rest)) if first == ENTITY => (self.scope, rest),
            (None, _) => (self.scope, word),
        };
        let from = match variable.map(|index| self.variables[index].navigation) {
            None => Beginning::Entity,
            Some(Some(number)) => Beginning::Item(number),
            Some(None) => Beginning::Value,
        };
        let Followed { scope, rest, through, navigation } = match self.follow(scope, path, from, at) {
            Ok(followed) => followed,
            Err(problem) => {
                self.defer(problem);
                return Ok(None);
            }
        };
        let Some(path) = rest else { return Ok(Some(Resolved { variable, path: Some(through), navigation })) };
        match path::resolve(scope, path).map(|path| through.then(path)) {
            Ok(path) if path.is_write_only => self.defer(FilterProblem { at, cause: Cause::WriteOnly(path.text) }),
            Ok(path) => return Ok(Some(Resolved { variable, path: Some(path), navigation: None })),
            Err(PathProblem::Unknown(error)) => self.defer(FilterProblem { at, cause: Cause::UnknownProperty(error.into()) }),
            Err(PathProblem::Cast(name)) => {
                let problem = self.structured_type(&name, at);
                self.defer(problem);
            }
            Err(PathProblem::Malformed) => {
                let message = messages::syntax(self.text, at + word.len());
                return Err(FilterProblem::syntax(at, format!("invalid property path {word:?}"), message));
            }
        }
        Ok(None)
    }

    /// Follows the navigation properties at the beginning of a path.
    fn follow(
        &mut self,
        mut scope: Scope<'m>,
        path: &'t str,
        from: Beginning,
        at: usize,
    ) -> Result<Followed<'t, 'm>, FilterProblem> {
        let mut followed = Followed { scope, rest: Some(path), through: PropertyPath::empty(), navigation: None };
        // Complex items have no navigation properties.
        if self.navigations.is_none() || from == Beginning::Value {
            return Ok(followed);
        }
        let mut last = if let Beginning::Item(number) = from { Some(number) } else { None };
        let (mut ahead, mut casts) = (Some(path), Vec::new());
        while let Some(current) = ahead {
            let (segment, rest) = current.split_once('/').map_or((current, None), |(segment, rest)| (segment, Some(rest)));
            ahead = rest;
            if segment.contains('.') {
                // A cast of an entity is a part of the way, if a navigation property follows.
                match scope.model.resolve(segment) {
                    Some(NamedType::Structured(id)) if scope.model.is_a(id, scope.structured.id) => {
                        casts.push((scope.structured.id, id));
                        scope.structured = scope.model.structured(id);
                        continue;
                    }
                    _ => break,
                }
            }
            let model: &'m Model = scope.model;
            let owner: &'m StructuredType = scope.structured;
            let is_property = owner.property(segment).is_some_and(|index| scope.is_named(owner, index));
            let Some(navigation) = owner.navigation(segment).filter(|_| !is_property) else { break };
            let number = self.navigations.as_mut().and_then(|uses| navigation::number_of(uses, last, navigation));
            let Some(number) = number else {
                return Err(FilterProblem::syntax(at, "too many navigation properties", messages::TOO_DEEP));
            };
            for (declared, cast) in casts.drain(..) {
                followed.through.narrow(model, declared, cast);
            }
            followed.through.enter(navigation, navigation::slot_of(number));
            last = Some(number);
            scope.structured = model.structured(navigation.target);
            followed = Followed { scope, rest, navigation: last, ..followed };
            if navigation.is_collection {
                if let Some(rest) = rest {
                    let type_name = model.kind_name(PropertyType::Collection(ItemType::Complex(navigation.target)));
                    let error = path::unknown_segment(rest, &type_name);
                    return Err(FilterProblem { at, cause: Cause::UnknownProperty(error.into()) });
                }
                break;
            }
        }
        Ok(followed)
    }

    fn expect(&mut self, token: &FilterToken<'_>, name: &str, in_message: &str) -> Result<(), FilterProblem> {
        if self.peek()? != token {
            let detail = format!("found {}, expected {name}", self.found());
            return Err(FilterProblem::syntax(self.at(), detail, messages::expected(in_message, self.text, self.at())));
        }
        self.advance().map(|_| ())
    }
}

/// A path and the range variable that it begins with.
struct Resolved {
    variable: Option<usize>,
    /// The path; none for the variable or the entity as a whole.
    path: Option<PropertyPath>,
    /// The navigation property at its end.
    navigation: Option<usize>,
}

/// The beginning of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// The entity that is filtered.
    Entity,
    /// An entity behind a navigation property, by its number.
    Item(usize),
    /// An item of a collection that is not an entity.
    Value,
}

/// A range variable.
struct Variable<'t> {
    name: &'t str,
    /// The type of the items.
    item: ItemType,
    /// The navigation property that leads to them, if they are entities.
    navigation: Option<usize>,
}

/// The navigation properties at the beginning of a path, and what follows them.
struct Followed<'t, 'm> {
    /// The scope of the rest.
    scope: Scope<'m>,
    rest: Option<&'t str>,
    /// The path to the entities of the last one.
    through: PropertyPath,
    /// The last one.
    navigation: Option<usize>,
}

/// Returns the type of values that are stored as texts but compared otherwise.
fn lexical(kind: ExpressionType<'_>) -> Option<Primitive> {
    match kind {
        ExpressionType::Primitive(
            primitive @ (Primitive::Guid | Primitive::Date | Primitive::TimeOfDay | Primitive::Duration | Primitive::Binary),
        ) => Some(primitive),
        _ => None,
    }
}
