//! The parser of expressions, which binds them to the model.
//!
//! The depth and the number of nodes are limited, as in Microsoft's libraries (`ODataUriParserSettings`, `ODataValidationSettings`),
//! which bounds the cost of parsing and of evaluation. As there, the syntax of the whole text is decided before its names and types: their
//! first problem is kept until the end.

mod calls;
mod conversions;
mod lambdas;
mod paths;

use super::Expression;
use super::arithmetic::Operator;
use super::evaluate::{ItemSource, Node, Scalar, total_order};
use super::functions;
use super::lexer::{FilterToken, LexerProblem, token};
use super::literal;
use super::messages;
use super::navigation::NavigationUse;
use super::problem::{Cause, FilterProblem};
use super::scalar::Comparison;
use super::types::{self, BOOLEAN, ExpressionType};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{EnumType, ItemType, NamedType};
use crate::odata::query::Scope;
use crate::odata::query::path;

const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 1_000;

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
    /// Whether a value without a declared type is used as a collection.
    has_untyped_collection: bool,
}

impl<'t, 'm> Parser<'t, 'm> {
    /// Returns a parser at the beginning of a text.
    pub(crate) fn new(text: &'t str, scope: Scope<'m>) -> Parser<'t, 'm> {
        Parser {
            text,
            scope,
            next: token(text, 0),
            depth: 0,
            nodes: 0,
            variables: Vec::new(),
            navigations: None,
            deferred: None,
            has_untyped_collection: false,
        }
    }

    /// Returns the same for an expression that can have navigation properties.
    pub(crate) fn with_navigations(self) -> Parser<'t, 'm> {
        Parser { navigations: Some(Vec::new()), ..self }
    }

    /// Returns the behavior that decided on a value without a declared type that is used as a collection.
    pub(crate) fn decided(&self) -> Option<&'static str> {
        self.has_untyped_collection.then_some("undeclared-collections")
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

    fn expect(&mut self, token: &FilterToken<'_>, name: &str, in_message: &str) -> Result<(), FilterProblem> {
        if self.peek()? != token {
            let detail = format!("found {}, expected {name}", self.found());
            return Err(FilterProblem::syntax(self.at(), detail, messages::expected(in_message, self.text, self.at())));
        }
        self.advance().map(|_| ())
    }
}

/// A range variable.
struct Variable<'t> {
    name: &'t str,
    /// The type of the items.
    item: ItemType,
    /// The navigation property that leads to them, if they are entities.
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
