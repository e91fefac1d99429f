//! From text to an expression that is bound to the model.
//!
//! Depth and number of nodes are limited, as in Microsoft's libraries (`ODataUriParserSettings`, `ODataValidationSettings`), so that
//! neither reading nor evaluating a query can take more than its share.

use super::Expression;
use super::evaluate::{Comparison, Function, Node, Scalar, total_order};
use super::lexer::{FilterToken, token};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::enums;
use crate::edm::schema::{EnumType, NamedType, Primitive, PropertyType};
use crate::odata::error::Error;
use crate::odata::query::Scope;
use crate::odata::query::path::{self, PathProblem};
use crate::policy::behavior::{EmptyFlags, FlagLists};

const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 1_000;

/// The type of a part of an expression.
#[derive(Clone, Copy, Debug)]
pub enum Kinds<'m> {
    /// That of the literal `null`.
    Null,
    /// `Edm.Boolean`
    Boolean,
    /// All numbers.
    Number,
    /// `Edm.String`
    Text,
    /// `Edm.DateTimeOffset`, and `Edm.Date` as its midnight.
    Time,
    /// An enum.
    Enum(&'m EnumType),
    /// A complex type.
    Object,
    /// That of an undeclared member of an open type: known when it is looked at.
    Unknown,
}

/// What is wrong with an expression, and where.
#[derive(Debug)]
pub struct FilterProblem {
    /// The place in the text, in bytes.
    pub at: usize,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with an expression.
#[derive(Debug)]
pub enum What {
    /// A type has no such property.
    Unknown(Box<Error>),
    /// A property that answers hide, which a query must not reveal.
    Secret(String),
    /// Form or types, for people.
    Syntax(String),
}

/// Reads a text from its beginning.
pub struct Parser<'t, 'm> {
    text: &'t str,
    scope: Scope<'m>,
    /// The next word, where it begins and where it ends.
    next: Result<(FilterToken<'t>, usize, usize), (usize, &'static str)>,
    depth: usize,
    nodes: usize,
}

/// The arguments of functions and what they give.
struct Signature {
    name: &'static str,
    function: Function,
    arguments: &'static [Kinds<'static>],
    optional: usize,
    result: Kinds<'static>,
}

macro_rules! functions {
    ($( $name:literal $function:ident ($($argument:ident),+) optional $optional:literal gives $result:ident; )+) => {
        &[$( Signature {
            name: $name, function: Function::$function, arguments: &[$(Kinds::$argument),+], optional: $optional, result: Kinds::$result,
        }, )+]
    };
}

static FUNCTIONS: &[Signature] = functions! {
    "contains" Contains(Text, Text) optional 0 gives Boolean;
    "startswith" StartsWith(Text, Text) optional 0 gives Boolean;
    "endswith" EndsWith(Text, Text) optional 0 gives Boolean;
    "tolower" ToLower(Text) optional 0 gives Text;
    "toupper" ToUpper(Text) optional 0 gives Text;
    "trim" Trim(Text) optional 0 gives Text;
    "length" Length(Text) optional 0 gives Number;
    "indexof" IndexOf(Text, Text) optional 0 gives Number;
    "concat" Concat(Text, Text) optional 0 gives Text;
    "substring" Substring(Text, Number, Number) optional 1 gives Text;
};

static COMPARISONS: &[(&str, Comparison)] = &[
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
];

impl<'t, 'm> Parser<'t, 'm> {
    /// Begins to read.
    pub fn new(text: &'t str, scope: Scope<'m>) -> Parser<'t, 'm> {
        Parser { text, scope, next: token(text, 0), depth: 0, nodes: 0 }
    }

    /// Reads a whole text as a condition.
    pub fn filter(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let expression = self.expression()?;
        match self.peek()? {
            FilterToken::End => {}
            _ => return Err(self.expected("an operator or the end")),
        }
        match expression.kind {
            Kinds::Boolean | Kinds::Null | Kinds::Unknown => Ok(expression),
            _ => Err(FilterProblem {
                at: 0,
                what: What::Syntax(format!("found {}, expected a condition", expression.kind.name())),
            }),
        }
    }

    /// Reads one key of an order: an expression, whether it descends, and whether another key follows.
    pub fn order_key(&mut self) -> Result<(Expression<'m>, bool, bool), FilterProblem> {
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
            _ => return Err(self.expected("asc, desc, a comma or the end")),
        };
        if has_more {
            self.advance()?;
        }
        Ok((expression, is_descending.unwrap_or(false), has_more))
    }

    /// Returns a problem at the next word.
    pub fn problem(&self, what: What) -> FilterProblem {
        FilterProblem { at: self.at(), what }
    }

    fn at(&self) -> usize {
        let (Ok((_, at, _)) | Err((at, _))) = &self.next;
        *at
    }

    fn expected(&self, what: &str) -> FilterProblem {
        let found = match &self.next {
            Ok((FilterToken::End, ..)) => "the end".to_owned(),
            Ok((_, from, to)) => format!("{:?}", &self.text[*from..*to]),
            Err((_, problem)) => (*problem).to_owned(),
        };
        self.problem(What::Syntax(format!("found {found}, expected {what}")))
    }

    fn peek(&self) -> Result<&FilterToken<'t>, FilterProblem> {
        match &self.next {
            Ok((token, ..)) => Ok(token),
            Err((at, problem)) => Err(FilterProblem { at: *at, what: What::Syntax((*problem).to_owned()) }),
        }
    }

    /// Goes on to the next word, and returns the one it leaves with its place.
    fn advance(&mut self) -> Result<(FilterToken<'t>, usize), FilterProblem> {
        self.peek()?;
        let end = self.next.as_ref().map_or(self.text.len(), |(_, _, end)| *end);
        let left = std::mem::replace(&mut self.next, token(self.text, end));
        left.map(|(token, at, _)| (token, at))
            .map_err(|(at, problem)| FilterProblem { at, what: What::Syntax(problem.to_owned()) })
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.next, Ok((FilterToken::Word(found), ..)) if found.eq_ignore_ascii_case(word))
    }

    fn node(&mut self, node: Node<'m>, kind: Kinds<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.problem(What::Syntax(format!("expected at most {MAX_NODES} parts"))));
        }
        Ok(Expression { node, kind })
    }

    /// Reads what can stand in parentheses. Everything that nests comes through here or through `not`.
    fn expression(&mut self) -> Result<Expression<'m>, FilterProblem> {
        self.deeper(|parser| parser.chain("or", Node::Or, |parser| parser.chain("and", Node::And, Parser::comparison)))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, FilterProblem>) -> Result<T, FilterProblem> {
        if self.depth == MAX_DEPTH {
            return Err(self.problem(What::Syntax(format!("expected at most {MAX_DEPTH} levels"))));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads conditions that one operator joins.
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
        self.node(join(parts), Kinds::Boolean)
    }

    fn condition(&self, expression: Expression<'m>) -> Result<Node<'m>, FilterProblem> {
        match expression.kind {
            Kinds::Boolean | Kinds::Null | Kinds::Unknown => Ok(expression.node),
            kind => Err(self.problem(What::Syntax(format!("found {} in front, expected a condition", kind.name())))),
        }
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
        let Some((_, comparison)) = COMPARISONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) else { return Ok(left) };
        self.advance()?;
        let right = self.operand()?;
        let (left, right) = self.unified(left, right, at)?;
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let is_null = matches!(left.kind, Kinds::Null) || matches!(right.kind, Kinds::Null);
        if matches!((left.kind, right.kind), (Kinds::Object, _) | (_, Kinds::Object)) && !(is_equality && is_null) {
            let detail = "found a complex value, which can only be compared with null".to_owned();
            return Err(FilterProblem { at, what: What::Syntax(detail) });
        }
        // Clients see the sentinel instead of the members above it, and compare with what they see. Only the order is that of the
        // real numbers (github.com/microsoft/api-guidelines evolvable-enums.md).
        let (left, right) = if is_equality { (self.masked(left), self.masked(right)) } else { (left.node, right.node) };
        self.node(Node::Compare(*comparison, left.into(), right.into()), Kinds::Boolean)
    }

    fn masked(&self, expression: Expression<'m>) -> Node<'m> {
        match expression.kind {
            Kinds::Enum(enumeration) if !self.scope.shows_hidden() => Node::Masked(expression.node.into(), enumeration),
            _ => expression.node,
        }
    }

    /// Gives both sides one type: text becomes the enum on the other side.
    fn unified(
        &self,
        left: Expression<'m>,
        right: Expression<'m>,
        at: usize,
    ) -> Result<(Expression<'m>, Expression<'m>), FilterProblem> {
        let (left, right) = match (left.kind, right.kind) {
            (Kinds::Enum(enumeration), Kinds::Text) => (left, self.as_enum(&right, enumeration, at)?),
            (Kinds::Text, Kinds::Enum(enumeration)) => (self.as_enum(&left, enumeration, at)?, right),
            _ => (left, right),
        };
        if !left.kind.is_comparable(right.kind) {
            let detail = format!("found {} and {}, which cannot be compared", left.kind.name(), right.kind.name());
            return Err(FilterProblem { at, what: What::Syntax(detail) });
        }
        Ok((left, right))
    }

    fn as_enum(&self, text: &Expression<'m>, enumeration: &'m EnumType, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let Node::Constant(Scalar::Text(literal)) = &text.node else {
            return Err(FilterProblem {
                at,
                what: What::Syntax(format!("found a text, expected a member of {}", enumeration.full_name)),
            });
        };
        let node = Node::Constant(Scalar::Enum(self.member(literal, enumeration, at)?));
        Ok(Expression { node, kind: Kinds::Enum(enumeration) })
    }

    fn member(&self, literal: &str, enumeration: &EnumType, at: usize) -> Result<i64, FilterProblem> {
        let reading = enums::Reading { lists: FlagLists::AnyCase, empty: EmptyFlags::Reject };
        let syntax = |detail| FilterProblem { at, what: What::Syntax(detail) };
        let number = enums::parse(enumeration, literal, reading)
            .ok_or_else(|| syntax(format!("found {literal:?}, expected a member of {}", enumeration.full_name)))?;
        if enums::has_hidden(enumeration, number) && !self.scope.shows_hidden() {
            let preference = "expected the preference include-unknown-enum-members for members above unknownFutureValue";
            return Err(syntax(format!("found {literal:?}, {preference}")));
        }
        Ok(number)
    }

    /// Reads the literals behind `in`.
    fn list(&mut self, left: Expression<'m>) -> Result<Expression<'m>, FilterProblem> {
        self.take(&FilterToken::Open, "an opening parenthesis")?;
        let mut values = Vec::new();
        loop {
            let (found, at) = self.advance()?;
            let literal = self
                .literal(&found, at)?
                .ok_or(FilterProblem { at, what: What::Syntax("expected a literal in the list".to_owned()) })?;
            let (_, literal) = self.unified(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, literal, at)?;
            if let Node::Constant(scalar) = literal.node {
                values.push(scalar);
            }
            match self.peek()? {
                FilterToken::Comma => self.advance()?,
                _ => break,
            };
        }
        self.take(&FilterToken::Close, "a comma or a closing parenthesis")?;
        if matches!(left.kind, Kinds::Object) {
            return Err(self.problem(What::Syntax("found a complex value, which is in no list".to_owned())));
        }
        values.sort_unstable_by(total_order);
        let left = self.masked(left);
        self.node(Node::In(left.into(), values), Kinds::Boolean)
    }

    fn has(&mut self, left: Expression<'m>) -> Result<Expression<'m>, FilterProblem> {
        let Kinds::Enum(enumeration) = left.kind else {
            return Err(self.problem(What::Syntax(format!("found {} in front of has, expected an enum", left.kind.name()))));
        };
        let at = self.at();
        let right = self.operand()?;
        let (_, right) = self.unified(Expression { node: Node::Constant(Scalar::Null), kind: left.kind }, right, at)?;
        let Node::Constant(Scalar::Enum(number)) = right.node else {
            let detail = format!("expected members of {} behind has", enumeration.full_name);
            return Err(FilterProblem { at, what: What::Syntax(detail) });
        };
        let left = self.masked(left);
        self.node(Node::Has(left.into(), number), Kinds::Boolean)
    }

    fn operand(&mut self) -> Result<Expression<'m>, FilterProblem> {
        let (found, at) = self.advance()?;
        if let Some(literal) = self.literal(&found, at)? {
            return self.node(literal.node, literal.kind);
        }
        match found {
            FilterToken::Open => {
                let inner = self.expression()?;
                self.take(&FilterToken::Close, "a closing parenthesis")?;
                Ok(inner)
            }
            FilterToken::Word(word) if word.eq_ignore_ascii_case("not") => {
                // `not` binds closer than comparisons do (OData 4.0 Part 2, 5.1.1.9): `not a eq 1` is no condition.
                let inner = self.deeper(Parser::operand)?;
                let inner = self.condition(inner)?;
                self.node(Node::Not(inner.into()), Kinds::Boolean)
            }
            FilterToken::Word(word) if matches!(self.next, Ok((FilterToken::Open, ..))) => self.call(word, at),
            FilterToken::Word(word) => self.property(word, at),
            _ => Err(FilterProblem { at, what: What::Syntax("expected a property, a literal or a function".to_owned()) }),
        }
    }

    /// Reads a word as a literal, if it is one.
    fn literal(&self, found: &FilterToken<'t>, at: usize) -> Result<Option<Expression<'m>>, FilterProblem> {
        let syntax = |detail: String| FilterProblem { at, what: What::Syntax(detail) };
        let (scalar, kind) = match found {
            FilterToken::Text(text) => (Scalar::Text(text.to_string().into()), Kinds::Text),
            FilterToken::Number(text) => {
                number(text).ok_or_else(|| syntax(format!("found {text:?}, expected a number or a date")))?
            }
            FilterToken::Typed(type_name, text) => match self.scope.model.resolve(type_name) {
                Some(NamedType::Enum(id)) => {
                    let enumeration = self.scope.model.enumeration(id);
                    (Scalar::Enum(self.member(text, enumeration, at)?), Kinds::Enum(enumeration))
                }
                _ => return Err(syntax(format!("found {type_name:?} in front of a text, expected an enum"))),
            },
            FilterToken::Word(word) if word.eq_ignore_ascii_case("null") => (Scalar::Null, Kinds::Null),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("true") => (Scalar::Boolean(true), Kinds::Boolean),
            FilterToken::Word(word) if word.eq_ignore_ascii_case("false") => (Scalar::Boolean(false), Kinds::Boolean),
            _ => return Ok(None),
        };
        Ok(Some(Expression { node: Node::Constant(scalar), kind }))
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let syntax = |at, detail: String| FilterProblem { at, what: What::Syntax(detail) };
        let Some(signature) = FUNCTIONS.iter().find(|signature| signature.name.eq_ignore_ascii_case(name)) else {
            return Err(syntax(at, format!("found the function {name:?}, which is not known")));
        };
        self.take(&FilterToken::Open, "an opening parenthesis")?;
        let mut arguments = Vec::new();
        for expected in signature.arguments {
            let argument = self.expression()?;
            if !argument.kind.is_comparable(*expected) {
                let detail = format!("found {} as an argument, expected {}", argument.kind.name(), expected.name());
                return Err(self.problem(What::Syntax(detail)));
            }
            arguments.push(argument.node);
            match self.peek()? {
                FilterToken::Comma if arguments.len() < signature.arguments.len() => self.advance()?,
                _ => break,
            };
        }
        self.take(&FilterToken::Close, "a closing parenthesis")?;
        if arguments.len() + signature.optional < signature.arguments.len() {
            return Err(syntax(at, format!("found {} arguments, expected {}", arguments.len(), signature.arguments.len())));
        }
        self.node(Node::Call(signature.function, arguments), signature.result)
    }

    fn property(&mut self, word: &str, at: usize) -> Result<Expression<'m>, FilterProblem> {
        let path = path::resolve(self.scope, word).map_err(|problem| match problem {
            PathProblem::Unknown(error) => FilterProblem { at, what: What::Unknown(error.into()) },
            PathProblem::Malformed => FilterProblem { at, what: What::Syntax(format!("found {word:?}, expected a property")) },
        })?;
        if path.is_write_only {
            return Err(FilterProblem { at, what: What::Secret(path.text) });
        }
        let kind = match path.kind {
            Some(PropertyType::Primitive(Primitive::Boolean)) => Kinds::Boolean,
            Some(PropertyType::Primitive(Primitive::Int32)) => Kinds::Number,
            Some(PropertyType::Primitive(Primitive::String)) => Kinds::Text,
            Some(PropertyType::Primitive(Primitive::DateTimeOffset)) => Kinds::Time,
            Some(PropertyType::Enum(id)) => Kinds::Enum(self.scope.model.enumeration(id)),
            Some(PropertyType::Complex(_) | PropertyType::Collection(_)) => Kinds::Object,
            None => Kinds::Unknown,
        };
        self.node(Node::Property(path), kind)
    }

    fn take(&mut self, token: &FilterToken<'_>, what: &str) -> Result<(), FilterProblem> {
        if self.peek()? != token {
            return Err(self.expected(what));
        }
        self.advance().map(|_| ())
    }
}

impl Kinds<'_> {
    fn is_comparable(self, other: Kinds<'_>) -> bool {
        match (self, other) {
            (Kinds::Null | Kinds::Unknown, _) | (_, Kinds::Null | Kinds::Unknown) => true,
            (Kinds::Enum(one), Kinds::Enum(another)) => one.full_name == another.full_name,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }

    fn name(&self) -> &str {
        match self {
            Kinds::Null => "null",
            Kinds::Boolean => "Edm.Boolean",
            Kinds::Number => "a number",
            Kinds::Text => "Edm.String",
            Kinds::Time => "Edm.DateTimeOffset",
            Kinds::Enum(enumeration) => &enumeration.full_name,
            Kinds::Object => "a complex value",
            Kinds::Unknown => "an undeclared member",
        }
    }
}

/// Reads a number with or without the suffix of its type, or a date. A date without time is its midnight in UTC, to which ODataLib
/// promotes it.
fn number(text: &str) -> Option<(Scalar<'static>, Kinds<'static>)> {
    if let Some(time) = DateTimeOffset::parse(text).or_else(|| DateTimeOffset::parse(&format!("{text}T00:00:00Z"))) {
        return Some((Scalar::Time(time.ticks()), Kinds::Time));
    }
    let digits = text.strip_suffix(['m', 'M', 'd', 'D', 'f', 'F', 'l', 'L']).unwrap_or(text);
    let has_form = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    let number: f64 = digits.parse().ok().filter(|number: &f64| has_form && number.is_finite())?;
    // There is one zero only.
    Some((Scalar::Number(number + 0.0), Kinds::Number))
}
