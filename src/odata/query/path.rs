//! Property paths in `$select`, `$filter` and `$orderby`: `displayName`, `encryption/protocol`.

use std::borrow::Cow;
use std::cell::Cell;

use super::Scope;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{ItemType, Model, NamedType, Navigation, PropertyType, Slot, StructuredType, TypeId};
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::odata::write::absent_value;
use crate::policy::refusal;
use crate::text::nearest::nearest;

/// The maximum number of segments of a path, far above the depth of any type of the model.
const MAX_SEGMENTS: usize = 16;

/// A path to a property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PropertyPath {
    /// The indices of the declared properties in their types, from the outermost on.
    pub indices: Vec<usize>,
    pub slots: Vec<Slot>,
    /// The place of the first slot in the last instance that has it: most of a collection have the same ones.
    place: Cell<usize>,
    /// The parts that few paths have. Apart, since each node of an expression has room for a path.
    rare: Option<Box<RareParts>>,
    /// The type, if it is declared.
    pub kind: Option<PropertyType>,
    /// Whether answers hide the value.
    pub is_write_only: bool,
    /// The path in the declared case.
    pub text: String,
}

/// The parts of a path that few paths have.
#[derive(Clone, Debug, Default, PartialEq)]
struct RareParts {
    /// The casts, each before the segment at its place.
    casts: Vec<PathCast>,
    /// The last segments, from the first one on that is a member that an open type does not declare.
    undeclared: Option<Undeclared>,
    /// Whether these are behind a declared property of any type.
    is_within_untyped: bool,
    /// The value that answers show in place of a missing one, if the property cannot be null.
    absent: Option<Value>,
}

/// A cast in a path: what has another type counts as null.
#[derive(Clone, Debug, PartialEq)]
struct PathCast {
    /// The number of segments before it.
    at: usize,
    /// The types that fulfill it, in order.
    types: Vec<TypeId>,
    /// Whether the declared type does.
    is_declared: bool,
}

/// A member that an open type does not declare.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Undeclared {
    /// The name, as the query has it.
    pub name: Box<str>,
    /// The slots of properties of that name, which derived types may declare.
    slots: Vec<Slot>,
    /// The member of its value that the path leads to.
    pub next: Option<Box<Undeclared>>,
}

impl Undeclared {
    fn of(model: &Model, name: &str) -> Undeclared {
        Undeclared { name: name.into(), slots: model.slots_named(name).to_vec(), next: None }
    }

    /// Whether a derived type has a property of that name whose value answers hide.
    fn may_be_hidden(&self, model: &Model) -> bool {
        model.hides_any(&self.slots)
    }

    /// Appends a member of the value.
    fn append(&mut self, member: Undeclared) {
        let mut last = self;
        while last.next.is_some() {
            last = last.next.as_mut().expect("it was there");
        }
        last.next = Some(member.into());
    }

    /// Returns the names of the members, from the first one on.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |member| member.next.as_deref()).map(|member| &*member.name)
    }

    /// Returns the value in an instance; `None` where it is absent.
    fn find<'p, 'e>(&'p self, object: &'e Complex) -> Option<PathValue<'p, 'e>> {
        let (mut member, mut object) = (self, object);
        loop {
            let declared = member.slots.iter().map(|slot| object.get(*slot)).find(|value| **value != Value::Null);
            match (declared, &member.next) {
                (Some(value), None) => return Some(PathValue::Value(value)),
                (Some(Value::Complex(inner)), Some(next)) => (object, member) = (inner, next),
                (Some(Value::Json(text)), Some(next)) => return Some(PathValue::Within(text, next)),
                (Some(_), Some(_)) => return None,
                (None, next) => {
                    let found = object.dynamic.iter().find(|found| *found.name == *member.name)?;
                    return Some(match next {
                        None => PathValue::Json(&found.json),
                        Some(next) => PathValue::Within(&found.json, next),
                    });
                }
            }
        }
    }
}

/// The value that a path selects in an entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PathValue<'p, 'e> {
    /// The value of a declared property.
    Value(&'e Value),
    /// The JSON text of an undeclared member.
    Json(&'e str),
    /// The JSON text of a value, and the member of it which the path leads to.
    Within(&'e str, &'p Undeclared),
}

impl PropertyPath {
    /// Returns the path without segments.
    pub(super) fn empty() -> PropertyPath {
        PropertyPath {
            indices: Vec::new(),
            slots: Vec::new(),
            place: Cell::new(0),
            rare: None,
            kind: None,
            is_write_only: false,
            text: String::new(),
        }
    }

    /// Appends a cast from a declared type to one that is derived from it.
    pub(super) fn narrow(&mut self, model: &Model, declared: TypeId, cast: TypeId) {
        if declared == cast {
            return;
        }
        let mut types: Vec<TypeId> = model
            .structured_types()
            .filter(|structured| model.is_a(structured.id, cast))
            .map(|structured| structured.id)
            .collect();
        types.sort_unstable();
        let at = self.slots.len();
        self.rare_mut().casts.push(PathCast { at, types, is_declared: model.is_a(declared, cast) });
    }

    fn rare_mut(&mut self) -> &mut RareParts {
        self.rare.get_or_insert_default()
    }

    fn casts(&self) -> &[PathCast] {
        self.rare.as_ref().map_or(&[], |rare| &rare.casts)
    }

    /// Returns the last segments, from the first one on that is a member that an open type does not declare.
    pub(super) fn undeclared(&self) -> Option<&Undeclared> {
        self.rare.as_ref()?.undeclared.as_ref()
    }

    fn absent(&self) -> Option<&Value> {
        self.rare.as_ref()?.absent.as_ref()
    }

    /// Whether the path leads into a declared property of any type.
    pub(super) fn is_within_untyped(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.is_within_untyped)
    }

    /// Whether an instance of a type has those that the casts before a segment name; `None` is the declared one.
    fn fits(&self, at: usize, own_type: Option<TypeId>) -> bool {
        self.casts().iter().filter(|cast| cast.at == at).all(|cast| match own_type {
            Some(own) => cast.types.binary_search(&own).is_ok(),
            None => cast.is_declared,
        })
    }

    /// Appends a navigation property, by its number in the query.
    pub(super) fn enter(&mut self, navigation: &Navigation, slot: Slot) {
        if !self.text.is_empty() {
            self.text.push('/');
        }
        self.text.push_str(&navigation.name);
        self.slots.push(slot);
        self.kind = Some(if navigation.is_collection {
            PropertyType::Collection(ItemType::Complex(navigation.target))
        } else {
            PropertyType::Complex(navigation.target)
        });
    }

    /// Returns the path that continues with another one.
    pub(super) fn then(mut self, rest: PropertyPath) -> PropertyPath {
        if self.slots.is_empty() && self.rare.is_none() {
            return rest;
        }
        let before = self.slots.len();
        self.slots.extend(rest.slots);
        let rare = match (self.rare, rest.rare) {
            (None, None) => None,
            (first, second) => {
                let (mut first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
                first.casts.extend(second.casts.into_iter().map(|cast| PathCast { at: cast.at + before, ..cast }));
                (first.undeclared, first.is_within_untyped) = (second.undeclared, second.is_within_untyped);
                first.absent = second.absent;
                Some(first)
            }
        };
        let text = if self.text.is_empty() { rest.text } else { format!("{}/{}", self.text, rest.text) };
        PropertyPath { slots: self.slots, rare, text, ..rest }
    }

    /// Returns the value at the path; `None` where a segment before the last is null or has not the type of a cast, or an undeclared member is
    /// absent.
    pub(crate) fn find<'p: 'e, 'e>(&'p self, object: &'e Complex) -> Option<PathValue<'p, 'e>> {
        self.find_as(None, object)
    }

    /// Returns the value at the path in a value of any type.
    pub(crate) fn find_in<'p: 'e, 'e>(&'p self, value: &'e Value) -> Option<PathValue<'p, 'e>> {
        match value {
            Value::Complex(object) => self.find(object),
            Value::Json(text) if self.slots.is_empty() => Some(PathValue::Within(text, self.undeclared()?)),
            _ => None,
        }
    }

    /// Returns the same for an instance whose type is known otherwise.
    pub(crate) fn find_as<'p: 'e, 'e>(&'p self, own_type: Option<TypeId>, object: &'e Complex) -> Option<PathValue<'p, 'e>> {
        let mut object = object;
        if !self.casts().is_empty() && !self.fits(0, own_type.or(object.own_type)) {
            return None;
        }
        for (index, slot) in self.slots.iter().enumerate() {
            if index > 0 && !self.casts().is_empty() && !self.fits(index, object.own_type) {
                return None;
            }
            let value = if index == 0 { object.get_near(*slot, &self.place) } else { object.get(*slot) };
            match value {
                // An entity whose type is not known has its members undeclared.
                Value::Null if index + 1 == self.slots.len() && self.undeclared().is_none() && !object.dynamic.is_empty() => {
                    let name = self.text.rsplit('/').next().unwrap_or_default();
                    let found = object.dynamic.iter().find(|member| *member.name == *name);
                    return Some(
                        found.map_or(PathValue::Value(self.absent().unwrap_or(value)), |member| PathValue::Json(&member.json)),
                    );
                }
                Value::Null if index + 1 == self.slots.len() && self.undeclared().is_none() => {
                    return Some(PathValue::Value(self.absent().unwrap_or(value)));
                }
                _ if index + 1 == self.slots.len() && self.undeclared().is_none() => return Some(PathValue::Value(value)),
                Value::Complex(inner) => object = inner,
                Value::Json(text) if index + 1 == self.slots.len() => return Some(PathValue::Within(text, self.undeclared()?)),
                _ => return None,
            }
        }
        let undeclared = self.undeclared()?;
        if !self.slots.is_empty() && !self.fits(self.slots.len(), object.own_type) {
            return None;
        }
        undeclared.find(object)
    }
}

/// The reason why a path cannot be resolved.
#[derive(Debug)]
pub(crate) enum PathProblem {
    /// A segment names no property of its type.
    Unknown(Error),
    /// A segment is the qualified name of a type.
    Cast(String),
    /// The text is not a path.
    Malformed,
}

/// Resolves a path. Names match in any case.
pub(crate) fn resolve(scope: Scope<'_>, text: &str) -> Result<PropertyPath, PathProblem> {
    resolve_from(scope, Some(scope.structured), text)
}

/// Resolves a path from a value whose type is not known: each segment is the name of a member.
pub(crate) fn resolve_untyped(scope: Scope<'_>, text: &str) -> Result<PropertyPath, PathProblem> {
    resolve_from(scope, None, text)
}

/// Whether values of a type can have any members (OData CSDL 4.01, 3.3: `Edm.Untyped`).
fn is_untyped(kind: Option<PropertyType>) -> bool {
    kind.is_none_or(|kind| kind == PropertyType::Primitive(Primitive::Untyped))
}

fn resolve_from(scope: Scope<'_>, structured: Option<&StructuredType>, text: &str) -> Result<PropertyPath, PathProblem> {
    if text.split('/').count() > MAX_SEGMENTS {
        return Err(PathProblem::Malformed);
    }
    for other in text.split('/').filter(|segment| !is_identifier(segment)) {
        let is_qualified = other.contains('.') && other.split('.').all(is_identifier);
        if !is_qualified {
            return Err(PathProblem::Malformed);
        }
    }
    let mut path = PropertyPath { text: String::with_capacity(text.len()), ..PropertyPath::empty() };
    let mut structured = structured;
    for segment in text.split('/') {
        if let Some(first) = path.rare.as_mut().and_then(|rare| rare.undeclared.as_mut()).filter(|_| !segment.contains('.')) {
            let member = Undeclared::of(scope.model, segment);
            path.is_write_only |= member.may_be_hidden(scope.model);
            first.append(member);
            path.text.extend(["/", segment]);
            continue;
        }
        let Some(owner) = structured else {
            if is_untyped(path.kind) && !segment.contains('.') {
                let is_within_untyped = !path.slots.is_empty();
                let member = Undeclared::of(scope.model, segment);
                // The items of an undeclared collection can be values of any type.
                path.is_write_only |= !is_within_untyped && member.may_be_hidden(scope.model);
                let undeclared = Some(member);
                *path.rare_mut() = RareParts { undeclared, is_within_untyped, ..std::mem::take(path.rare_mut()) };
                path.kind = None;
                path.text.extend([if path.text.is_empty() { "" } else { "/" }, segment]);
                continue;
            }
            let type_name = path.kind.map_or(Cow::Borrowed("Edm.Untyped"), |kind| scope.model.kind_name(kind));
            return Err(PathProblem::Unknown(unknown_segment(segment, &type_name)));
        };
        if !path.text.is_empty() {
            path.text.push('/');
        }
        if segment.contains('.') {
            // A derived type has the slots of its base.
            match scope.model.resolve(segment) {
                Some(NamedType::Structured(id)) if scope.model.is_a(id, owner.id) => {
                    let cast = scope.model.structured(id);
                    path.narrow(scope.model, owner.id, id);
                    path.text.push_str(&cast.full_name);
                    structured = Some(cast);
                    continue;
                }
                None if scope.model.is_partial => {
                    return Err(PathProblem::Unknown(unknown_segment(segment, &owner.full_name)));
                }
                _ => return Err(PathProblem::Cast(segment.to_owned())),
            }
        }
        if let Some(index) = owner.property(segment).filter(|index| scope.is_named(owner, *index)) {
            let property = &owner.properties[index];
            path.indices.push(index);
            path.slots.push(property.slot);
            path.kind = Some(property.kind);
            path.is_write_only |= property.write_only;
            path.text.push_str(&property.name);
            let absent = if property.nullable { None } else { absent_value(scope.model, property.kind) };
            if absent.is_some() || path.absent().is_some() {
                path.rare_mut().absent = absent;
            }
            structured = match property.kind {
                PropertyType::Complex(id) => Some(scope.model.structured(id)),
                _ => None,
            };
        } else if owner.is_open && !scope.model.may_have_unread_member(owner, segment) {
            if path.text.is_empty() && is_closed(scope, owner, segment) {
                return Err(PathProblem::Unknown(Error::new(&refusal::UNKNOWN_EXTENSION, &[segment])));
            }
            let member = Undeclared::of(scope.model, segment);
            path.is_write_only |= member.may_be_hidden(scope.model);
            path.rare_mut().undeclared = Some(member);
            path.kind = None;
            path.text.push_str(segment);
            structured = None;
        } else {
            return Err(PathProblem::Unknown(unknown_property(scope, segment, owner)));
        }
    }
    if path.slots.is_empty() && path.undeclared().is_none() {
        return Err(PathProblem::Malformed);
    }
    Ok(path)
}

/// Whether queries of an open type cannot have a name that neither the type nor one derived from it declares. Names of extensions have an
/// underscore (learn.microsoft.com/graph/extensibility-overview); those that are registered are not known here.
fn is_closed(scope: Scope<'_>, owner: &StructuredType, name: &str) -> bool {
    let has = |other: &StructuredType| other.property(name).is_some() || other.navigation(name).is_some();
    let is_declared = |other: &StructuredType| scope.model.is_a(other.id, owner.id) && has(other);
    let is_known = name.contains('_') || has(owner) || owner.is_polymorphic && scope.model.structured_types().any(is_declared);
    !is_known && owner.rare().closed.is_some_and(|(_, is_closed)| is_closed(scope.behaviors))
}

/// Returns the error for a segment after a value without properties.
pub(super) fn unknown_segment(segment: &str, type_name: &str) -> Error {
    Error::new(&refusal::UNKNOWN_QUERY_PROPERTY, &[segment, type_name])
}

/// Returns the error for a name that a type does not declare.
pub(super) fn unknown_property(scope: Scope<'_>, name: &str, structured: &StructuredType) -> Error {
    let named = structured.properties.iter().enumerate().filter(|(index, _)| scope.is_named(structured, *index));
    let near = nearest(name, named.map(|(_, property)| &*property.name));
    let error = Error::new(&refusal::UNKNOWN_QUERY_PROPERTY, &[name, &structured.full_name]);
    match near {
        Some(near) => error.with_detail(format!("did you mean '{near}'?")),
        None => error,
    }
}

/// Whether a text is an identifier (OData 4.0 Part 3, 17.2), which needs no escape in any context.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}
