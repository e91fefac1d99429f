//! Single properties of entities, and singletons.

use std::borrow::Cow;

use http::StatusCode;

use crate::edm::schema::{Property, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::OperationContext;
use crate::graph::explain;
use crate::graph::route::{PropertyTail, Singleton, Tail, unknown_segment};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::query::{Query, QueryTarget};
use crate::odata::write::{Holder, separate, write_entity, write_selected, write_value};

/// Returns one property of an entity.
pub(super) fn get(context: &OperationContext<'_>, key: &str, path: &PropertyTail) -> Result<Success, Error> {
    let query = context.query(context.structured(), QueryTarget::Property)?.unwrap_or_default();
    let entity = context.collection()?.get(key).ok_or_else(|| context.not_found(key))?;
    let owner = format!("#{}", context.entity_path(key));
    property_response(context, context.structured(), &entity.properties, &owner, path, &query)
}

/// Returns a singleton, or one of its properties.
pub(super) fn singleton(context: &OperationContext<'_, Singleton<'_>>) -> Result<Success, Error> {
    let root = context.route.root;
    let structured = context.model.structured(root.target);
    let mut properties = Complex::initial(structured);
    // The service's id is unknown (grade none), but an id is never null.
    if let Some(index) = structured.key {
        properties.values[structured.properties[index].slot] = Value::String(root.name.as_ref().into());
    }
    match &context.route.tail {
        Tail::Property(path) => {
            let query = context.query(structured, QueryTarget::Property)?.unwrap_or_default();
            property_response(context, structured, &properties, &format!("#{}", root.name), path, &query)
        }
        Tail::Whole | Tail::Count => {
            let query = context.query(structured, QueryTarget::Entity)?.unwrap_or_default();
            let list = query.select.as_ref().map(|select| format!("({})", select.list)).unwrap_or_default();
            // A single entity is `/$entity` even where the specification has the name alone (recorded in pnp/pnpcore:
            // `teams('…')/primaryChannel/$entity`).
            let mut out = context.begin_body(&format!("#{}{list}", root.name), "/$entity", 200);
            let entity = Entity::new(root.name.as_ref().into(), properties);
            let holder = Holder::Single(&root.name);
            match &query.select {
                None => write_entity(&context.representation, structured, holder, &entity, &mut out),
                Some(select) => {
                    write_selected(&context.representation, structured, holder, &entity, &select.selection, &mut out);
                }
            }
            out.push(b'}');
            Ok(context.json(StatusCode::OK, out, query.doubted().into_iter().collect()))
        }
    }
}

/// Returns the property at the end of a path. `owner` is the beginning of its context URL.
fn property_response<R>(
    context: &OperationContext<'_, R>,
    structured: &StructuredType,
    object: &Complex,
    owner: &str,
    path: &PropertyTail,
    query: &Query<'_>,
) -> Result<Success, Error> {
    let Some((property, value, fragment)) = resolve(context, structured, object, owner, path)? else {
        return Ok(Success::no_content());
    };
    let representation = context.representation;
    let mut decided = explain::value(context, property, &value);
    decided.extend(query.doubted());
    let mut json = Vec::new();
    write_value(&representation, property.kind, &value, None, &mut json);
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
    for index in &path.indexes {
        let property = &structured.properties[*index];
        if !context.representation.shows(structured, *index) {
            let visible =
                structured.properties.iter().enumerate().filter(|(index, _)| context.representation.shows(structured, *index));
            return Err(unknown_segment(&property.name, visible.map(|(_, property)| &*property.name)));
        }
        fragment.push('/');
        fragment.push_str(&property.name);
        let value = object.map_or(&Value::Null, |object| &object.values[property.slot]);
        if let PropertyType::Complex(id) = property.kind {
            structured = context.model.structured(id);
        }
        object = match value {
            Value::Complex(members) => Some(members),
            _ => None,
        };
        found = Some((property, if property.write_only { &Value::Null } else { value }));
    }
    Ok(found.filter(|(_, value)| **value != Value::Null).map(|(property, value)| (property, Cow::Borrowed(value), fragment)))
}
