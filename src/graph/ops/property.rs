//! Single properties of entities.

use std::borrow::Cow;

use http::StatusCode;

use crate::edm::schema::{Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::explain;
use crate::graph::implied;
use crate::graph::route::{PropertyTail, unknown_segment};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::query::{Query, QueryTarget};
use crate::odata::write::{absent_value, separate, without_hidden, write_undeclared, write_value};
use crate::policy::refusal;
use crate::text::json;

/// Returns one property of an entity.
pub(super) fn get(context: &OperationContext<'_>, key: &str, path: &PropertyTail) -> Result<Success, Error> {
    let query = query(context)?;
    let entity = match context.entity(key) {
        Ok(entity) => entity,
        Err(error) => {
            context.check_way()?;
            implied::entity(context, key).ok_or(error)?
        }
    };
    of_entity(context, key, &entity, path, &query)
}

/// Returns the query of a request for a property.
pub(super) fn query<'q>(context: &'q OperationContext<'_>) -> Result<Query<'q>, Error> {
    Ok(context.query(context.structured(), QueryTarget::Property)?.unwrap_or_default())
}

/// Returns one property of an entity that was read or written.
pub(super) fn of_entity(
    context: &OperationContext<'_>,
    key: &str,
    entity: &Entity,
    path: &PropertyTail,
    query: &Query<'_>,
) -> Result<Success, Error> {
    let mut owner = format!("#{}", context.entity_path(key));
    if let Some(cast) = context.route.cast {
        owner.push('/');
        owner.push_str(&context.model.structured(cast).full_name);
    }
    let preferred = context.preferred(context.types(entity).actual, entity, None);
    let entity = preferred.as_deref().unwrap_or(entity);
    property_response(context, context.structured(), &entity.properties, &owner, path, query)
}

/// Returns the property at the end of a path. `owner` is the beginning of its context URL.
fn property_response(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    object: &Complex,
    owner: &str,
    path: &PropertyTail,
    query: &Query<'_>,
) -> Result<Success, Error> {
    if let Some(name) = &path.undeclared {
        let (object, fragment) = match resolve(context, structured, object, owner, path)? {
            _ if path.indexes.is_empty() => (Cow::Borrowed(object), owner.to_owned()),
            Some((_, Cow::Borrowed(Value::Complex(inner)), fragment)) => (Cow::Borrowed(&**inner), fragment),
            _ => return Err(unknown_segment(name, std::iter::empty())),
        };
        let is_unknown = path.indexes.is_empty() && (structured.is_placeholder || context.route.cast.is_some());
        return undeclared_response(context, &object, is_unknown, fragment, (name, path.is_raw), query);
    }
    let Some((property, value, fragment)) = resolve(context, structured, object, owner, path)? else {
        // An entity whose type is not known has its members undeclared.
        let name = path.indexes.first().filter(|_| path.indexes.len() == 1).map(|index| &*structured.properties[*index].name);
        let is_there = |name: &&str| object.dynamic.iter().any(|member| *member.name == **name);
        return match name.filter(is_there) {
            Some(name) => undeclared_response(context, object, true, owner.to_owned(), (name, path.is_raw), query),
            None => Ok(Success::no_content()),
        };
    };
    let representation = context.representation;
    let kind = path.cast_behind(path.indexes.len()).map_or(property.kind, PropertyType::Complex);
    let mut decided = explain::value(context, property, &value);
    decided.extend(query.doubted());
    if path.is_counted {
        let number = if let Value::Collection(items) = &*value { items.len() } else { 0 };
        decided.push("count-of-values");
        return Ok(context.text("text/plain", number.to_string().into_bytes(), decided));
    }
    let mut json = Vec::new();
    write_value(&representation, kind, &value, None, &mut json);
    if path.is_raw {
        let raw = match &*value {
            Value::String(text) | Value::EnumText(text) => text.as_bytes().to_vec(),
            // Dates and enums are strings that need no escapes.
            _ => json.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(&json).to_vec(),
        };
        return Ok(context.text("text/plain", raw, decided));
    }
    let mut out = context.begin_body(&fragment, "", json.len());
    match property.kind {
        // The members of a complex value are siblings of the control information.
        PropertyType::Complex(_) => {
            let members = &json[1..json.len() - 1];
            if !members.is_empty() {
                separate(&mut out);
                out.extend_from_slice(members);
            }
        }
        PropertyType::Primitive(_) | PropertyType::Enum(_) | PropertyType::Collection(_) => {
            representation.write_type_of_value(property, &mut out);
            separate(&mut out);
            out.extend_from_slice(b"\"value\":");
            out.extend_from_slice(&json);
        }
    }
    out.push(b'}');
    let success = context.json(StatusCode::OK, out, decided);
    Ok(Success { preference_applied: context.enum_preference(), ..success })
}

/// Returns the value of an undeclared member of an instance, of which `is_unknown` says whether its type is not known. `fragment` is that of the
/// instance.
fn undeclared_response<R>(
    context: &OperationContext<'_, R>,
    object: &Complex,
    is_unknown: bool,
    mut fragment: String,
    (name, is_raw): (&str, bool),
    query: &Query<'_>,
) -> Result<Success, Error> {
    let found = object.dynamic.iter().find(|member| *member.name == *name);
    let text = found.map(|member| &*member.json).ok_or_else(|| unknown_segment(name, std::iter::empty()))?;
    let shown = if is_unknown { without_hidden(&context.representation, name, text) } else { text.into() };
    let text = &*shown;
    let decided = explain::queried(context, query);
    match text.as_bytes().first() {
        Some(b'n') => return Ok(Success::no_content()),
        Some(b'[') if is_raw => return Err(Error::new(&refusal::VALUE_OF_COLLECTION, &[])),
        Some(b'{') if is_raw => return Err(unknown_segment("$value", std::iter::empty())),
        Some(_) if is_raw => {
            let raw = json::read_text::<String>(text).unwrap_or_else(|_| text.to_owned());
            return Ok(context.text("text/plain", raw.into_bytes(), decided));
        }
        _ => {}
    }
    fragment.push('/');
    fragment.push_str(name);
    let mut value = Vec::new();
    write_undeclared(text, context.representation.has_types(), None, &mut value);
    let mut out = context.begin_body(&fragment, "", value.len());
    match value.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) {
        Some([]) => {}
        Some(members) => {
            separate(&mut out);
            out.extend_from_slice(members);
        }
        None => {
            separate(&mut out);
            out.extend_from_slice(b"\"value\":");
            out.extend_from_slice(&value);
        }
    }
    out.push(b'}');
    Ok(context.json(StatusCode::OK, out, decided))
}

/// A property, its value, and the fragment of its context URL.
type ResolvedProperty<'p> = (&'p Property, Cow<'p, Value>, String);

/// Resolves a path to its property; `None` if the value, or one that contains it, is null. A secret is always null.
fn resolve<'p, R>(
    context: &'p OperationContext<'_, R>,
    structured: &'p StructuredType,
    object: &'p Complex,
    owner: &str,
    path: &PropertyTail,
) -> Result<Option<ResolvedProperty<'p>>, Error> {
    let (mut structured, mut object) = (structured, Some(object));
    let mut fragment = owner.to_owned();
    let mut found = None;
    for (before, index) in path.indexes.iter().enumerate() {
        let property = &structured.properties[*index];
        if !context.representation.shows(structured, *index) {
            let visible =
                structured.properties.iter().enumerate().filter(|(index, _)| context.representation.shows(structured, *index));
            return Err(unknown_segment(&property.name, visible.map(|(_, property)| &*property.name)));
        }
        fragment.push('/');
        fragment.push_str(&property.name);
        let is_there = object.is_some();
        // Nor is a part of a secret shown.
        let value = match object {
            Some(object) if !property.write_only => object.value(property),
            _ => &Value::Null,
        };
        if let PropertyType::Complex(id) = property.kind {
            structured = context.model.structured(id);
        }
        object = match value {
            Value::Complex(members) => Some(members),
            _ => None,
        };
        if let (PropertyType::Complex(declared), Some(cast)) = (property.kind, path.cast_behind(before + 1)) {
            structured = context.model.structured(cast);
            if object.is_some_and(|object| !context.model.is_a(object.own_type.unwrap_or(declared), cast)) {
                return Err(unknown_segment(&structured.full_name, std::iter::empty()));
            }
            fragment.push('/');
            fragment.push_str(&structured.full_name);
        }
        found = Some((&**property, value, is_there));
    }
    let Some((property, value, is_there)) = found else { return Ok(None) };
    if *value != Value::Null {
        return Ok(Some((property, Cow::Borrowed(value), fragment)));
    }
    // The same value as in the entity.
    let is_absent = is_there && !property.nullable && !property.write_only;
    let absent = if is_absent { absent_value(context.model, property.kind) } else { None };
    Ok(absent.map(|value| (property, Cow::Owned(value), fragment)))
}
