//! Operations in paths, and what lies behind their results.

use std::borrow::Cow;

use super::Walk;
use super::segments::{next_segment, not_emulated};
use crate::edm::schema::{ItemType, Model, NamedType, Operation, OperationType, PropertyType, TypeId};
use crate::edm::segment::Segment;
use crate::odata::arguments;
use crate::odata::error::Error;

/// A call of an operation by a path.
#[derive(Debug)]
pub(in crate::graph) struct OperationCall<'s> {
    pub(in crate::graph) operation: &'s Operation,
    /// The arguments in parentheses: names and literals.
    pub(in crate::graph) arguments: Vec<(String, String)>,
    /// The segments of the call: its name with the arguments, and those behind it.
    pub(in crate::graph) segments: Vec<String>,
    /// The type at the end of the path, if there is a result.
    pub(in crate::graph) result: Option<OperationType>,
    /// Whether the path goes on behind the result of the operation.
    pub(in crate::graph) is_followed: bool,
    /// The operations behind the result, in their order.
    pub(in crate::graph) further: Vec<FurtherCall<'s>>,
    /// Whether the path ends with an operation.
    pub(in crate::graph) ends_with_call: bool,
    /// Whether the path ends with the number of items in the result.
    pub(in crate::graph) is_counted: bool,
}

/// A call of an operation that is bound to the result of another one, or to what lies behind it.
#[derive(Debug)]
pub(in crate::graph) struct FurtherCall<'s> {
    pub(in crate::graph) operation: &'s Operation,
    /// The arguments in parentheses: names and literals.
    pub(in crate::graph) arguments: Vec<(String, String)>,
}

impl<'s> OperationCall<'s> {
    /// Returns the operation at the end of the path, if it ends with one.
    pub(in crate::graph) fn last(&self) -> Option<&'s Operation> {
        let last = self.further.last().map_or(self.operation, |call| call.operation);
        self.ends_with_call.then_some(last)
    }

    /// Returns the same call of another overload, at the end of a path.
    pub(in crate::graph) fn of_overload(&self, operation: &'s Operation) -> OperationCall<'s> {
        let (arguments, segments) = (self.arguments.clone(), self.segments.clone());
        OperationCall {
            operation,
            arguments,
            segments,
            result: operation.returns,
            is_followed: false,
            further: Vec::new(),
            ends_with_call: true,
            is_counted: false,
        }
    }
}

impl<'s> Walk<'s, '_> {
    /// Takes a segment, and all others behind it, as the call of an operation, if it has the name of one.
    pub(super) fn operation(
        &self,
        segment: &str,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<Option<OperationCall<'s>>, Error> {
        let Segment { name, predicate } = Segment::of(segment);
        let is_collection = self.key.is_none();
        if self.model.bound_operation(name, self.type_id, is_collection, &[]).is_none() {
            return Ok(None);
        }
        let arguments = arguments::split(predicate.unwrap_or_default()).ok_or_else(|| not_emulated(segment))?;
        let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
        let found = self.model.bound_operation(name, self.type_id, is_collection, &names);
        // The parameters of an action are in the body.
        if !arguments.is_empty() && found.is_some_and(|operation| operation.is_action) {
            return Err(not_emulated(segment));
        }
        found.map(|operation| call(self.model, operation, segment, &arguments, segments)).transpose()
    }
}

/// Takes a segment at the beginning of a path, and all others behind it, as the call of an unbound operation, if it has the name of one.
pub(super) fn unbound<'s>(
    model: &'s Model,
    segment: &str,
    segments: &mut impl Iterator<Item = Cow<'s, str>>,
) -> Result<Option<OperationCall<'s>>, Error> {
    let Segment { name, predicate } = Segment::of(segment);
    let Some(arguments) = arguments::split(predicate.unwrap_or_default()) else { return Ok(None) };
    let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    model.unbound_operation(name, &names).map(|operation| call(model, operation, segment, &arguments, segments)).transpose()
}

fn call<'s>(
    model: &'s Model,
    operation: &'s Operation,
    name: &str,
    arguments: &[(&str, &str)],
    segments: &mut impl Iterator<Item = Cow<'s, str>>,
) -> Result<OperationCall<'s>, Error> {
    let mut result = operation.returns;
    let (mut is_followed, mut is_counted) = (false, false);
    let (mut further, mut ends_with_call) = (Vec::new(), true);
    let mut followed = vec![name.to_owned()];
    while let Some(segment) = next_segment(segments)? {
        let refused = || not_emulated(&segment);
        (is_followed, ends_with_call) = (true, false);
        followed.push(segment.clone().into_owned());
        if is_counted {
            return Err(refused());
        }
        if segment.eq_ignore_ascii_case("$count") && is_collection(result) {
            is_counted = true;
            continue;
        }
        if segment.eq_ignore_ascii_case("$value") && matches!(result, Some(OperationType::Value(_) | OperationType::Entity(_))) {
            continue;
        }
        // A result without members has nothing behind it.
        result = match behind(model, result.ok_or_else(refused)?, &segment) {
            Behind::Value(kind) => Some(kind),
            Behind::Call(call) => {
                ends_with_call = true;
                let returned = call.operation.returns;
                further.push(call);
                returned
            }
            Behind::Unknown => return Err(refused()),
        };
    }
    let arguments = owned(arguments);
    Ok(OperationCall { operation, arguments, segments: followed, result, is_followed, further, ends_with_call, is_counted })
}

fn owned(arguments: &[(&str, &str)]) -> Vec<(String, String)> {
    arguments.iter().map(|(name, literal)| ((*name).to_owned(), (*literal).to_owned())).collect()
}

fn is_collection(result: Option<OperationType>) -> bool {
    matches!(result, Some(OperationType::Entities(_) | OperationType::Value(PropertyType::Collection(_))))
}

/// A segment behind a result.
enum Behind<'m> {
    /// A value, by its type.
    Value(OperationType),
    /// An operation.
    Call(FurtherCall<'m>),
    /// The segment is unknown.
    Unknown,
}

impl From<Option<OperationType>> for Behind<'_> {
    fn from(kind: Option<OperationType>) -> Self {
        kind.map_or(Behind::Unknown, Behind::Value)
    }
}

/// Returns what a segment behind a result is: an item, a member, or a further operation.
fn behind<'m>(model: &'m Model, result: OperationType, segment: &str) -> Behind<'m> {
    let Segment { name, predicate } = Segment::of(segment);
    let (id, is_collection) = match result {
        OperationType::Entity(id) | OperationType::Value(PropertyType::Complex(id)) => (id, false),
        OperationType::Entities(id) | OperationType::Value(PropertyType::Collection(ItemType::Complex(id))) => (id, true),
        OperationType::Value(_) => return Behind::Unknown,
    };
    if segment.contains('.')
        && let Some(NamedType::Structured(cast)) = model.resolve(segment)
    {
        return model.is_a(cast, id).then(|| with_type(result, cast)).into();
    }
    let structured = model.structured(id);
    if !is_collection {
        if let Some(navigation) = structured.navigation(name) {
            let many = navigation.is_collection && predicate.is_none();
            let kind = if many { OperationType::Entities } else { OperationType::Entity };
            return Behind::Value(kind(navigation.target));
        }
        if let Some(index) = structured.property(segment) {
            return Behind::Value(OperationType::Value(structured.properties[index].kind));
        }
    }
    let Some(arguments) = arguments::split(predicate.unwrap_or_default()) else { return Behind::Unknown };
    let names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    if let Some(operation) = model.bound_operation(name, id, is_collection, &names) {
        return Behind::Call(FurtherCall { operation, arguments: owned(&arguments) });
    }
    // A key.
    let is_key = matches!(result, OperationType::Entities(_)) && !segment.starts_with('$');
    is_key.then_some(OperationType::Entity(id)).into()
}

/// Returns a result with the type of a cast.
fn with_type(result: OperationType, id: TypeId) -> OperationType {
    match result {
        OperationType::Entity(_) => OperationType::Entity(id),
        OperationType::Entities(_) => OperationType::Entities(id),
        OperationType::Value(PropertyType::Collection(_)) => {
            OperationType::Value(PropertyType::Collection(ItemType::Complex(id)))
        }
        OperationType::Value(_) => OperationType::Value(PropertyType::Complex(id)),
    }
}
