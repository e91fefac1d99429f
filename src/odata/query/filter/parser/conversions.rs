//! `cast` and `isof`.

use super::{Cause, Expression, ExpressionType, FilterProblem, Node, Parser, Scalar, lexical};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{EnumType, NamedType, TypeId};
use crate::odata::query::Scope;
use crate::odata::query::filter::lexer::{FilterToken, LexerProblem, token};
use crate::odata::query::filter::scalar::Comparison;
use crate::odata::query::filter::types::BOOLEAN;
use crate::odata::query::filter::{literal, messages};
use crate::odata::query::path::{self, PathProblem, PropertyPath};

impl<'t, 'm> Parser<'t, 'm> {
    /// Parses the arguments of `cast` or `isof`: a type, after an expression unless it is the entity's.
    pub(super) fn conversion(&mut self, is_cast: bool, at: usize) -> Result<Expression<'m>, FilterProblem> {
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
    pub(super) fn instance_test(
        &mut self,
        operand: Option<Expression<'m>>,
        id: TypeId,
        at: usize,
    ) -> Result<Expression<'m>, FilterProblem> {
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
    pub(super) fn derived_types(&self, id: TypeId) -> Vec<TypeId> {
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
}
