//! The operations that change something: create, update, delete.

use std::convert::Infallible;
use std::sync::Arc;

use http::StatusCode;

use super::approval::{self, Proposal};
use super::call::ConnectorReply;
use super::respond::Success;
use super::{Decision, OperationContext};
use super::{body, explain, handshake};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, PropertyType, ServerSetValue, StructuredType, UpdateMethod};
use crate::edm::value::{Complex, Dynamic, Entity, Value};
use crate::entra::caller::{self, Caller, LOCAL_USER, Person};
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::read::{self, Origin, ReadRules, Reading};
use crate::policy::behavior::{
    IdFormat, LastModified, LocalCaller, Location, Replace, ReplaceResponse, ScheduleResponse, UpdateResponse,
};
use crate::text::json::quoted;
use crate::world::journal::EntityChange;
use crate::world::store::{Collection, DuplicateKey, StoreUpdate};
use crate::world::unix_millis;

/// The back end that Teams resources name in `Location` (recorded in pnp/pnpcore).
const BACKEND: &str = "https://teamsgraph.teams.microsoft.com";

/// Reads the body of a write up to the point where the service looks for the entity.
pub(super) fn read_body(context: &OperationContext<'_>, origin: Origin, skipped: &mut Vec<String>) -> Result<Reading, Error> {
    let behaviors = &context.world.behaviors;
    let bytes = body::bytes(context.request, behaviors)?;
    let json = body::parse(&bytes)?;
    let rules = ReadRules {
        model: context.route.model,
        behaviors,
        origin,
        knows_hidden: context.preferences.include_unknown_enum_members,
        problem_limit: 1,
        explains: context.world.explains,
    };
    let mut reading = read::read(rules, context.route.type_id, &json, "$");
    skipped.append(&mut reading.skipped);
    match reading.shape.first() {
        Some(problem) => Err(problem.to_error()),
        None => Ok(reading),
    }
}

pub(super) fn create(
    context: &OperationContext<'_>,
    reading: &Reading,
    reply: Option<&ConnectorReply>,
) -> Result<Decision, Error> {
    // The service looks for what contains the collection before it looks at values.
    let collection = context.collection()?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let (model, structured) = (context.route.model, context.structured());
    let mut properties = reading.patch.apply(model, structured, &Complex::initial(structured));
    let mut decided = reading.decided.clone();
    if let Some(question) = handshake::of_new(context, &properties, reply, &mut decided)? {
        return Ok(Decision::ApprovalRule(question));
    }
    for (slot, value) in stamps(context, true, &mut decided) {
        properties.values[slot] = value;
    }
    // What was approved has the id that the connector was told.
    let approved = reply.and_then(|reply| reply.about.as_ref());
    let (mut key, mut reply) = (approved.map_or_else(|| free_key(context, &collection), |about| about.key.clone()), reply);
    loop {
        set_key(structured, &mut properties, &key);
        let proposal = Proposal { method: "POST", key: &key, becomes: Some(&properties) };
        if let Some(question) = approval::of(context, &proposal, reply, &mut decided)? {
            return Ok(Decision::ApprovalRule(question));
        }
        let entity = Arc::new(Entity::new(key, properties.clone()));
        if collection.insert(entity.clone()) != Err(DuplicateKey) {
            decided.extend(["id-format", "location"]);
            let success = created(context, &entity, decided);
            return Ok(Decision::Answered(Success { change: Some(changed(context, None, Some(entity))), ..success }));
        }
        // It was taken meanwhile, and nobody has approved another one.
        (key, reply) = (free_key(context, &collection), None);
    }
}

/// Returns a key that no entity has. A fixture may hold keys of the tenant's own sequence, above all what an earlier run with the same
/// seed has saved.
fn free_key(context: &OperationContext<'_>, collection: &Collection) -> Arc<str> {
    loop {
        let key = next_key(context);
        if collection.get(&key).is_none() {
            return key;
        }
    }
}

fn next_key(context: &OperationContext<'_>) -> Arc<str> {
    let id = context.world.next_entity_id();
    match context.world.behaviors.id_format {
        IdFormat::Wfi => format!("{}{id}", context.structured().words.id_prefix).into(),
        IdFormat::Guid => id.to_string().into(),
    }
}

fn set_key(structured: &StructuredType, properties: &mut Complex, key: &Arc<str>) {
    if let Some(index) = structured.key {
        properties.values[structured.properties[index].slot] = Value::String(key.clone());
    }
}

fn created(context: &OperationContext<'_>, entity: &Entity, mut decided: Vec<&'static str>) -> Success {
    let mut location = Vec::new();
    match context.world.behaviors.location {
        Location::Itself => context.write_base_url(&mut location),
        Location::Backend => location.extend_from_slice(BACKEND.as_bytes()),
    }
    let key = entity.key.replace('\'', "''");
    location.extend_from_slice(format!("/{}/{}('{key}')", context.version().segment(), context.collection_path()).as_bytes());
    let answer = if context.preferences.answer == Some(Return::Minimal) {
        Success { decided, ..Success::no_content() }
    } else {
        decided.extend(explain::shown(context, std::iter::once(entity), None));
        context.shown(StatusCode::CREATED, context.entity_body(entity), decided)
    };
    Success { location: Some(location), preference_applied: context.write_preference(), ..answer }
}

pub(super) fn update(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    reply: Option<&ConnectorReply>,
) -> Result<Decision, Error> {
    let (model, structured) = (context.route.model, context.structured());
    let collection = context.collection()?;
    if let Some(problem) = reading.values.first() {
        // The service looks for the entity before it looks at values.
        return Err(collection.get(key).map_or_else(|| context.not_found(key), |_| problem.to_error()));
    }
    let mut decided = reading.decided.clone();
    if let Some(question) = handshake::of_changed(context, key, &reading.patch, reply, &mut decided)? {
        return Ok(Decision::ApprovalRule(question));
    }
    // A body without members changes nothing, not even the time of the last change.
    let stamps = if reading.has_members { stamps(context, false, &mut decided) } else { Vec::new() };
    let updated = collection.update(key, |entity| {
        let mut properties = reading.patch.apply(model, structured, &entity.properties);
        for (slot, value) in stamps {
            properties.values[slot] = value;
        }
        Ok::<_, Infallible>(Entity::new(entity.key.clone(), properties))
    });
    let Some(Ok(StoreUpdate { before, after: entity })) = updated else { return Err(context.not_found(key)) };
    let success = written(context, &entity, decided);
    Ok(Decision::Answered(Success { change: Some(changed(context, Some(before), Some(entity))), ..success }))
}

/// Answers a change of an entity that is there now.
fn written(context: &OperationContext<'_>, entity: &Entity, mut decided: Vec<&'static str>) -> Success {
    let behaviors = &context.world.behaviors;
    let (row, usual) = match context.structured().manners.change {
        Some(UpdateMethod::Replace) => ("replace-response", behaviors.replace_response == ReplaceResponse::Entity),
        Some(UpdateMethod::Put) => ("schedule-response", behaviors.schedule_response == ScheduleResponse::Entity),
        Some(UpdateMethod::Patch) | None => ("update-response", behaviors.update_response == UpdateResponse::Entity),
    };
    let shows_entity = match context.preferences.answer {
        Some(Return::Representation) => true,
        Some(Return::Minimal) => false,
        None => {
            decided.push(row);
            usual
        }
    };
    let answer = if shows_entity {
        decided.extend(explain::shown(context, std::iter::once(entity), None));
        context.shown(StatusCode::OK, context.entity_body(entity), decided)
    } else {
        Success { decided, ..Success::no_content() }
    };
    Success { preference_applied: context.write_preference(), ..answer }
}

/// Replaces an entity, or makes it where a PUT may.
pub(super) fn replace(
    context: &OperationContext<'_>,
    key: &str,
    reading: &Reading,
    reply: Option<&ConnectorReply>,
) -> Result<Decision, Error> {
    let structured = context.structured();
    let collection = context.collection()?;
    let current = collection.get(key);
    let may_make = structured.manners.change == Some(UpdateMethod::Put);
    if current.is_none() && !may_make {
        return Err(context.not_found(key));
    }
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let mut decided = reading.decided.clone();
    decided.push("replace");
    let stamps = stamps(context, current.is_none(), &mut decided);
    let key: Arc<str> = key.into();
    let mut proposed = replaced(context, reading, current.as_deref(), &stamps);
    if current.is_none() {
        set_key(structured, &mut proposed, &next_key(context));
    }
    let proposal = Proposal { method: "PUT", key: &key, becomes: Some(&proposed) };
    if let Some(question) = approval::of(context, &proposal, reply, &mut decided)? {
        return Ok(Decision::ApprovalRule(question));
    }
    let made = Arc::new(Entity::new(key.clone(), proposed));
    let (before, after) = loop {
        let updated = collection.update(&key, |entity| {
            Ok::<_, Infallible>(Entity::new(entity.key.clone(), replaced(context, reading, Some(entity), &stamps)))
        });
        match updated {
            Some(Ok(StoreUpdate { before, after })) => break (Some(before), after),
            None if !may_make => return Err(context.not_found(&key)),
            // It may come between the two; then it is there to be replaced.
            None if collection.insert(made.clone()) == Err(DuplicateKey) => {}
            None => break (None, made),
        }
    };
    let success = written(context, &after, decided);
    Ok(Decision::Answered(Success { change: Some(changed(context, before, Some(after))), ..success }))
}

/// Returns what a body makes of an entity that it replaces. What requests cannot change stays.
fn replaced(context: &OperationContext<'_>, reading: &Reading, current: Option<&Entity>, stamps: &[(usize, Value)]) -> Complex {
    let structured = context.structured();
    let base = match current {
        Some(entity) if context.world.behaviors.replace == Replace::Keep => entity.properties.clone(),
        _ => Complex::initial(structured),
    };
    let mut properties = reading.patch.apply(context.model, structured, &base);
    for property in structured.properties.iter().filter(|property| property.read_only) {
        if let Some(entity) = current {
            properties.values[property.slot] = entity.properties.values[property.slot].clone();
        }
    }
    for (slot, value) in stamps {
        properties.values[*slot] = value.clone();
    }
    properties
}

pub(super) fn delete(context: &OperationContext<'_>, key: &str, reply: Option<&ConnectorReply>) -> Result<Decision, Error> {
    let collection = context.collection()?;
    let mut decided = Vec::new();
    if context.structured().manners.asks.is_some() {
        let current = collection.get(key).ok_or_else(|| context.not_found(key))?;
        let proposal = Proposal { method: "DELETE", key: &current.key, becomes: None };
        if let Some(question) = approval::of(context, &proposal, reply, &mut decided)? {
            return Ok(Decision::ApprovalRule(question));
        }
    }
    let before = collection.remove(key).ok_or_else(|| context.not_found(key))?;
    if !context.structured().navigations.is_empty() {
        context.world.store.empty_within(&context.entity_path(key));
    }
    let change = Some(changed(context, Some(before), None));
    Ok(Decision::Answered(Success { decided, change, ..Success::no_content() }))
}

fn changed(context: &OperationContext<'_>, before: Option<Arc<Entity>>, after: Option<Arc<Entity>>) -> EntityChange {
    EntityChange { set: context.route.place.set, before, after }
}

/// Returns what the service itself says about a write, slot by slot: when it was made, and by whom.
fn stamps(context: &OperationContext<'_>, is_new: bool, decided: &mut Vec<&'static str>) -> Vec<(usize, Value)> {
    let recomputes = is_new || context.world.behaviors.last_modified == LastModified::Recompute;
    let now = || Value::DateTimeOffset(DateTimeOffset::from_unix_millis(unix_millis(context.now)));
    let mut stamps = Vec::with_capacity(4);
    for property in &context.structured().properties {
        match (property.stamp, property.kind) {
            (Some(ServerSetValue::CreatedAt), _) if is_new => stamps.push((property.slot, now())),
            (Some(ServerSetValue::ModifiedAt), _) if recomputes => stamps.push((property.slot, now())),
            (Some(ServerSetValue::ModifiedBy), PropertyType::Complex(id)) if recomputes => {
                let identity_set = context.route.model.structured(id);
                stamps.push((property.slot, caller(context, context.route.model, identity_set, decided)));
            }
            _ => {}
        }
    }
    // Where no property tells, nothing was decided.
    let tells = |stamp: Option<ServerSetValue>| matches!(stamp, Some(ServerSetValue::ModifiedAt | ServerSetValue::ModifiedBy));
    if !is_new && context.structured().properties.iter().any(|property| tells(property.stamp)) {
        decided.push("last-modified");
    }
    stamps
}

/// Returns the id of the caller.
pub(super) fn caller_id(context: &OperationContext<'_>) -> String {
    match caller::caller(&context.request.headers) {
        Caller::User(person) | Caller::Application(person) => person.id,
        Caller::Unknown => LOCAL_USER.0.to_owned(),
    }
}

/// Returns the caller as a value of the type identitySet.
fn caller(
    context: &OperationContext<'_>,
    model: &Model,
    identity_set: &StructuredType,
    decided: &mut Vec<&'static str>,
) -> Value {
    match caller::caller(&context.request.headers) {
        Caller::User(person) => identity_set_value(model, identity_set, "user", person),
        Caller::Application(person) => identity_set_value(model, identity_set, "application", person),
        Caller::Unknown => {
            decided.push("local-caller");
            let local = || match context.world.behaviors.local_caller {
                LocalCaller::User => {
                    let person = Person { id: LOCAL_USER.0.to_owned(), display_name: Some(LOCAL_USER.1.to_owned()) };
                    identity_set_value(model, identity_set, "user", person)
                }
                LocalCaller::Null => Value::Complex(Arc::new(Complex::blank(identity_set))),
            };
            context.world.local_caller.get_or_init(local).clone()
        }
    }
}

/// Returns a value of the type identitySet that names one user or application.
fn identity_set_value(model: &Model, identity_set: &StructuredType, member: &str, person: Person) -> Value {
    let mut set = Complex::blank(identity_set);
    let place = identity_set.property(member).map(|index| &identity_set.properties[index]);
    if let Some(property) = place
        && let PropertyType::Complex(id) = property.kind
    {
        set.values[property.slot] = identity_value(model.structured(id), member == "user", person);
    }
    Value::Complex(Arc::new(set))
}

/// Returns a value of the type identity. A user's carries what the published example shows beside the declared members.
fn identity_value(identity: &StructuredType, is_user: bool, person: Person) -> Value {
    let mut value = Complex::blank(identity);
    if let Some(slot) = identity.slot("id") {
        value.values[slot] = Value::String(person.id.into());
    }
    if let Some((slot, name)) = identity.slot("displayName").zip(person.display_name) {
        value.values[slot] = Value::String(name.into());
    }
    if is_user {
        value.dynamic.push(Dynamic { name: "userIdentityType".into(), json: quoted("aadUser").into() });
        value.dynamic.push(Dynamic { name: "tenantId".into(), json: "null".into() });
    }
    Value::Complex(Arc::new(value))
}
