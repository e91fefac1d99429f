//! Bodies with the results of operations.

use http::StatusCode;

use crate::edm::address::{EntityAddress, KeyForm};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{PropertyType, Restrictions, StructuredType, TypeId};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::context::{ENTITY_LENGTH, OperationContext};
use crate::graph::forms;
use crate::graph::ops::list;
use crate::graph::route::{ResultSet, Route};
use crate::graph::success::Success;
use crate::odata::error::Error;
use crate::odata::query::QueryTarget;
use crate::odata::query::select::Select;
use crate::odata::write::{Holder, InstanceType, separate, write_entity, write_selected, write_value};
use crate::policy::behavior::Secret;
use crate::policy::refusal;
use crate::text::json::write_string;

/// Returns the value of an empty result: that of an absent property, an instance without values, or an empty collection.
pub(super) fn blank<R>(context: &OperationContext<'_, R>, kind: PropertyType) -> Value {
    match kind {
        PropertyType::Primitive(Primitive::String) => Value::String("".into()),
        PropertyType::Primitive(primitive) => primitive.absent().map_or(Value::Null, Value::from),
        PropertyType::Enum(id) => {
            context.model.enumeration(id).members.first().map_or(Value::Null, |(_, number)| Value::Enum(*number))
        }
        PropertyType::Complex(id) => Value::Complex(Complex::initial(context.model.structured(id)).into()),
        PropertyType::Collection(_) => Value::Collection([].into()),
    }
}

/// Answers with a value (OData JSON Format 4.0, 11, 12).
pub(super) fn value<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    kind: PropertyType,
    value: &Value,
    secret: Secret,
) -> Success {
    let mut json = Vec::new();
    let mut representation = context.representation;
    representation.style.secret = secret;
    write_value(&representation, kind, value, None, &mut json);
    let mut out = context.begin_body(&format!("#{}", context.model.kind_name(kind)), "", json.len());
    if let (PropertyType::Complex(_), Value::Complex(_)) = (kind, value) {
        // The members of a complex value are siblings of the control information.
        let members = &json[1..json.len() - 1];
        if !members.is_empty() {
            separate(&mut out);
            out.extend_from_slice(members);
        }
    } else {
        separate(&mut out);
        out.extend_from_slice(b"\"value\":");
        out.extend_from_slice(&json);
    }
    out.push(b'}');
    Success { preference_applied: context.enum_preference(), ..context.json(status, out, Vec::new()) }
}

/// Returns the fragment of the context URL for entities of a type: their set, or the name of the type.
fn fragment<R>(context: &OperationContext<'_, R>, structured: &StructuredType, is_collection: bool) -> (String, bool) {
    let home = context.world.schema.home(context.model, structured.id);
    let set = home.map(|home| context.world.schema.set(home));
    match set {
        Some(set) if is_collection => (set.fragment.to_string(), true),
        Some(set) => (format!("{}/$entity", set.fragment), true),
        None if is_collection => (format!("#Collection({})", structured.name), false),
        None => (format!("#{}", structured.name), false),
    }
}

/// Answers with an entity that is stored.
pub(super) fn entity<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    declared: TypeId,
    address: &EntityAddress,
) -> Result<Success, Error> {
    let (fragment, is_known) = match address.collection.holder {
        // A contained entity is known by its address.
        Some(_) => (format!("#{}/$entity", address.collection.path(&context.world.schema)), true),
        None => fragment(context, context.model.structured(declared), false),
    };
    stored_entity(context, status, declared, address, &fragment, is_known)
}

fn stored_entity<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    declared: TypeId,
    address: &EntityAddress,
    fragment: &str,
    is_known: bool,
) -> Result<Success, Error> {
    let entity = context.world.store.entity(address).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let declared = context.model.structured(declared);
    let own = context.own_type(&entity, address.collection.set);
    let types = InstanceType { declared, actual: context.model.actual(declared, Some(own)) };
    let set = context.world.schema.set(address.collection.set);
    let path = address.collection.path(&context.world.schema);
    let holder = Holder { path: &path, form: KeyForm::of(set) };
    // An operation has returned it: nothing restricts that.
    let query = context.query_within(declared, QueryTarget::Entity, Restrictions::NONE)?.unwrap_or_default();
    let selection = query.select.as_ref().map(|select| &select.selection);
    let preferred = forms::preferred(&context.forms(address.collection.root), types.actual, &entity, selection);
    let entity = preferred.as_ref().unwrap_or(&entity);
    Ok(entity_body(context, status, fragment, is_known, types, holder, entity, query.select.as_ref()))
}

/// Answers with an entity that is stored, with the context of its type.
pub(super) fn typed_entity<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    declared: TypeId,
    address: &EntityAddress,
) -> Result<Success, Error> {
    let (fragment, is_known) = fragment(context, context.model.structured(declared), false);
    stored_entity(context, status, declared, address, &fragment, is_known)
}

/// Answers with an entity that is not stored.
pub(super) fn unstored_entity<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    structured: &StructuredType,
    entity: &Entity,
) -> Success {
    let (fragment, is_known) = fragment(context, structured, false);
    let types = InstanceType::of(context.model, structured, &entity.properties);
    entity_body(context, status, &fragment, is_known, types, Holder::collection(&structured.name), entity, None)
}

#[allow(clippy::too_many_arguments, reason = "the parts of one body")]
fn entity_body<R>(
    context: &OperationContext<'_, R>,
    status: StatusCode,
    fragment: &str,
    is_known: bool,
    types: InstanceType<'_>,
    holder: Holder<'_>,
    entity: &Entity,
    select: Option<&Select>,
) -> Success {
    let (fragment, end) = fragment.strip_suffix("/$entity").map_or((fragment, ""), |begin| (begin, "/$entity"));
    let list = select.map(|select| format!("({})", select.list)).unwrap_or_default();
    let mut out = context.begin_body(fragment, &format!("{list}{end}"), ENTITY_LENGTH);
    // An entity without a set repeats its type (recorded in pnp/pnpcore for the context `#permission`).
    if !is_known && context.representation.has_context() && types.declared.id == types.actual.id && !context.is_full() {
        separate(&mut out);
        out.extend_from_slice(b"\"@odata.type\":");
        write_string(&mut out, &format!("#{}", types.actual.full_name));
    }
    match select {
        None => write_entity(&context.representation, types, holder, entity, &mut out),
        Some(select) => write_selected(&context.representation, types, holder, entity, &select.selection, &mut out),
    }
    out.push(b'}');
    Success { preference_applied: context.enum_preference(), ..context.json(status, out, Vec::new()) }
}

/// Answers with entities that are stored, as with a list of them. `is_whole` is whether the answer has no further pages.
pub(super) fn entities(
    context: &OperationContext<'_>,
    status: StatusCode,
    declared: TypeId,
    addresses: Vec<EntityAddress>,
    is_whole: bool,
) -> Result<Success, Error> {
    let (fragment, _) = fragment(context, context.model.structured(declared), true);
    let path = context.request.path().trim_matches('/');
    let path = path.split_once('/').map_or("", |(_, path)| path).to_owned();
    let collection = context.route.collection.clone();
    let result = ResultSet { addresses, is_whole };
    let route = Route::of_result(context.model, collection, declared, fragment, path, result);
    let success = list::list(&context.with_route(&route))?;
    Ok(Success { status, ..success })
}

/// Answers with no entities.
pub(super) fn no_entities<R>(context: &OperationContext<'_, R>, status: StatusCode, declared: TypeId) -> Success {
    let (fragment, _) = fragment(context, context.model.structured(declared), true);
    let mut out = context.begin_body(&fragment, "", 0);
    separate(&mut out);
    out.extend_from_slice(b"\"value\":[]}");
    Success { preference_applied: context.enum_preference(), ..context.json(status, out, Vec::new()) }
}
