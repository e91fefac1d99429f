//! Paths to properties and collections, from the entity, from `$it` or from a range variable.

use super::{Cause, Expression, ExpressionType, FilterProblem, ItemSource, Node, Parser, Scalar, lexical};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{ItemType, Model, NamedType, PropertyType, StructuredType};
use crate::odata::query::Scope;
use crate::odata::query::filter::types::INT64;
use crate::odata::query::filter::{messages, navigation};
use crate::odata::query::path::{self, PathProblem, PropertyPath};
use crate::policy::behavior::UndeclaredCollections;

/// The name of the entity in expressions.
const ENTITY: &str = "$it";

/// The type of the items of a collection that is not declared.
const UNTYPED: ItemType = ItemType::Primitive(Primitive::Untyped);

/// Whether a value can be a collection although its type does not say so.
fn is_untyped(kind: Option<PropertyType>) -> bool {
    kind.is_none_or(|kind| kind == PropertyType::Primitive(Primitive::Untyped))
}

impl<'t, 'm> Parser<'t, 'm> {
    /// Resolves a path to a collection, with the type of its items and the navigation property that leads to them; `None`: its problem is
    /// deferred.
    pub(super) fn source(
        &mut self,
        word: &'t str,
        at: usize,
    ) -> Result<Option<(ItemSource, ItemType, Option<usize>)>, FilterProblem> {
        let found = match self.resolve(word, at)? {
            Some(Resolved { variable, path: Some(path), navigation }) => match path.kind {
                Some(PropertyType::Collection(item)) => {
                    Some((ItemSource { variable, path: Some(path), counted: None }, item, navigation))
                }
                kind if is_untyped(kind) && self.enters_untyped() => {
                    Some((ItemSource { variable, path: Some(path), counted: None }, UNTYPED, navigation))
                }
                _ => None,
            },
            // An item of unknown type can be a collection, too.
            Some(Resolved { variable: Some(variable), path: None, .. })
                if self.variables[variable].item == UNTYPED && self.enters_untyped() =>
            {
                Some((ItemSource { variable: Some(variable), path: None, counted: None }, UNTYPED, None))
            }
            Some(_) => None,
            None => return Ok(None),
        };
        if found.is_none() {
            let detail = format!("{word:?} is not a collection");
            self.defer(FilterProblem::syntax(at, detail, messages::NOT_A_COLLECTION));
        }
        Ok(found)
    }

    /// Whether values without a declared type can be collections.
    fn enters_untyped(&mut self) -> bool {
        self.has_untyped_collection = true;
        self.scope.behaviors.undeclared_collections == UndeclaredCollections::Items
    }

    pub(super) fn property(&mut self, word: &'t str, at: usize) -> Result<Expression<'m>, FilterProblem> {
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
    pub(super) fn item_node(&self, variable: usize, item: ItemType) -> (Node<'m>, ExpressionType<'m>) {
        let kind = ExpressionType::of_property(self.scope.model, Some(item.kind()));
        (Node::Item(variable, None, lexical(kind)), kind)
    }

    /// Resolves a path from a range variable, from `$it` or from the entity; `None`: its problem is deferred.
    fn resolve(&mut self, word: &'t str, at: usize) -> Result<Option<Resolved>, FilterProblem> {
        let (first, rest) = word.split_once('/').map_or((word, None), |(first, rest)| (first, Some(rest)));
        let variable = self.variables.iter().rposition(|variable| variable.name == first);
        let (scope, path) = match (variable, rest) {
            (Some(index), Some(rest)) if self.variables[index].item == UNTYPED => {
                return match path::resolve_untyped(self.scope, rest) {
                    // The collection can be one of a type that is not known here, with values that answers hide.
                    Ok(path) if path.is_write_only => {
                        self.defer(FilterProblem { at, cause: Cause::WriteOnly(path.text) });
                        Ok(None)
                    }
                    Ok(path) => Ok(Some(Resolved { variable, path: Some(path), navigation: None })),
                    Err(problem) => self.unresolved(problem, word, at).map(|()| None),
                };
            }
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
            Err(problem) => self.unresolved(problem, word, at)?,
        }
        Ok(None)
    }

    /// Keeps the problem of a path until the syntax is decided, unless it is one of syntax.
    fn unresolved(&mut self, problem: PathProblem, word: &str, at: usize) -> Result<(), FilterProblem> {
        match problem {
            PathProblem::Unknown(error) => self.defer(FilterProblem { at, cause: Cause::UnknownProperty(error.into()) }),
            PathProblem::Cast(name) => {
                let problem = self.structured_type(&name, at);
                self.defer(problem);
            }
            PathProblem::Malformed => {
                let message = messages::syntax(self.text, at + word.len());
                return Err(FilterProblem::syntax(at, format!("invalid property path {word:?}"), message));
            }
        }
        Ok(())
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
