//! Steps that the operations on entities share when they write.

use std::sync::{Arc, MutexGuard, PoisonError};

use http::{Method, StatusCode};

use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::Patch;
use crate::edm::schema::{IdForm, Model, Property, PropertyType, ServerSetValue, Slot, StructuredType, TypeId, UpdateAnswer};
use crate::edm::value::{Complex, Dynamic, Value};
use crate::entra::caller::{self, Caller, Person};
use crate::entra::user::LOCAL_USER;
use crate::graph::body::{BodyHeaders, BodyUse};
use crate::graph::context::OperationContext;
use crate::graph::ops::Outcome;
use crate::graph::success::Success;
use crate::graph::{body, explain};
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::read::{self, Origin, ReadRules, Reading};
use crate::policy::behavior::{IdFormat, LastModified, LocalCaller, ServerCallers, ServerTimes};
use crate::text::json::{Json, quoted};
use crate::world::clock::unix_millis;
use crate::world::id_form::{change_key, id_of};
use crate::world::journal::EntityChange;
use crate::world::store::{CollectionRef, InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{Change, ChangeKind, Consultation, Reply, WrittenValues, text_of};

/// Reads the body of a write as far as the service does before it looks up the entity.
///
/// # Errors
///
/// Fails if the body is not JSON, or if its names, types or annotations do not fit the type.
pub(super) fn read_body(context: &OperationContext<'_>, origin: Origin, skipped: &mut Vec<String>) -> Result<Reading, Error> {
    read_body_of(context, context.route.type_id, origin, skipped)
}

/// Reads the body of a write to an entity or to a complex value in it.
///
/// # Errors
///
/// Fails if the body is not JSON, or if its names, types or annotations do not fit the type.
pub(super) fn read_body_of(
    context: &OperationContext<'_>,
    type_id: TypeId,
    origin: Origin,
    skipped: &mut Vec<String>,
) -> Result<Reading, Error> {
    // Only values of derived types are read differently from those of the declared one.
    let stored = match context.route.key.as_deref() {
        Some(key)
            if type_id == context.route.type_id && context.structured().is_polymorphic && context.route.missing.is_none() =>
        {
            context.world.store.get(&context.route.collection, key)
        }
        _ => None,
    };
    let current = stored.as_ref().map(|entity| read::Current {
        values: &entity.properties,
        type_id: context.own_type(entity, context.route.collection.set),
    });
    read_with(context, origin, skipped, |rules, json| read::read(rules, type_id, current, json, &"$"))
}

/// Reads the body of a change of a complex value, with the stored one if there is one.
///
/// # Errors
///
/// Returns the first problem of names, kinds and annotations.
pub(super) fn read_value_of(
    context: &OperationContext<'_>,
    type_id: TypeId,
    current: Option<read::Current<'_>>,
    skipped: &mut Vec<String>,
) -> Result<Reading, Error> {
    read_with(context, Origin::Update, skipped, |rules, json| read::read_value(rules, type_id, current, json, &"$"))
}

fn read_with(
    context: &OperationContext<'_>,
    origin: Origin,
    skipped: &mut Vec<String>,
    read: impl FnOnce(ReadRules<'_>, &Json<'_>) -> Reading,
) -> Result<Reading, Error> {
    let stated = BodyHeaders::of(&context.request.headers);
    let is_creation = origin == Origin::Create && context.request.method == Method::POST;
    let wanted = BodyUse::Creation(context.structured());
    let formed = is_creation.then(|| body::formed(context.world, context.model, context.request, &stated, wanted)).flatten();
    let bytes = match formed {
        Some(bytes) => bytes?.into(),
        None => body::bytes_with(context.request, &stated, &context.world.behaviors)?,
    };
    let json = body::parse(&bytes)?;
    let mut reading = read(read_rules(context, &stated, origin), &json);
    skipped.append(&mut reading.skipped);
    match reading.shape.first() {
        Some(problem) => Err(problem.to_error()),
        None => Ok(reading),
    }
}

/// Returns the rules for reading the body of a request.
pub(super) fn read_rules<'c, R>(context: &OperationContext<'c, R>, stated: &BodyHeaders<'_>, origin: Origin) -> ReadRules<'c> {
    ReadRules {
        model: context.model,
        behaviors: &context.world.behaviors,
        origin,
        knows_hidden: context.knows_hidden,
        is_prefix_free: stated.is_prefix_free(),
        long_numbers: stated.long_numbers(),
        problem_limit: 1,
        explains: context.world.explains,
    }
}

/// Consults the workload of the type about a change of an entity before it is stored.
///
/// # Errors
///
/// Returns the workload's refusal of the change.
pub(super) fn before_commit(
    context: &OperationContext<'_>,
    kind: ChangeKind<'_>,
    reply: Option<&Reply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let Some(workload) = context.structured().consulted.and_then(|index| context.world.workloads.get(index)) else {
        return Ok(None);
    };
    let change = Change {
        world: context.world,
        model: context.model,
        structured: context.structured(),
        headers: &context.request.headers,
        now: context.now,
        ancestors: &context.route.ancestors,
        collection: &context.route.collection,
        kind,
        purse: context.purse,
    };
    workload.before_commit(&change, reply, decided)
}

/// Keeps other requests from changing what a decision about an entity depends on, until the guard is dropped. Types without unique values
/// alone have such decisions, since the guard of those is the same.
pub(super) fn alone_with_others<'c>(context: &OperationContext<'c>) -> Option<MutexGuard<'c, ()>> {
    let structured = context.structured();
    let is_decided = structured.consulted.is_some() && structured.unique.is_empty();
    is_decided.then(|| context.world.unique_values.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Checks the values of a new or replaced entity, and completes them, as its workload does.
///
/// # Errors
///
/// Returns the workload's refusal of the values.
pub(super) fn check_values(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    patch: &Patch,
    current: Option<&Complex>,
    values: &mut Complex,
    decided: &mut Vec<&'static str>,
) -> Result<(), Error> {
    let name = structured.full_name.strip_prefix("microsoft.graph.").unwrap_or_default();
    let rows = context.world.workloads.iter().flat_map(|workload| workload.value_rules());
    for (_, rule) in rows.filter(|(row, _)| *row == name) {
        let (world, model) = (context.world, context.model);
        rule(&mut WrittenValues { world, model, structured, patch, current, values, decided })?;
    }
    Ok(())
}

/// Returns the collection to change the entity with a key, if there is one.
///
/// # Errors
///
/// Fails if an entity that contains it does not exist, or if the collection has to be created and there is not enough room.
pub(super) fn collection_to_change<'c>(context: &OperationContext<'c>, key: &str) -> Result<CollectionRef<'c>, Error> {
    let collection = context.written_collection()?;
    if collection.is_changeable() || collection.get(key).is_none() {
        return Ok(collection);
    }
    context.world.store.to_change(&context.route.collection, 0).map_err(Error::from)
}

/// Appends an entity to the collection. Returns `false` if the key is in use.
///
/// # Errors
///
/// Fails if there is not enough room, or not enough in the purse to find what contains the collection.
pub(super) fn insert(context: &OperationContext<'_>, entity: &Arc<StoredEntity>) -> Result<bool, Error> {
    context.make_times()?;
    let collection = context.world.store.to_change(&context.route.collection, entity.size() + RECORD_BYTES)?;
    match collection.insert(entity.clone()) {
        Ok(()) => context.make_complex()?,
        Err(InsertError::DuplicateKey) => return Ok(false),
        Err(InsertError::Full(full)) => return Err(full.into()),
    }
    Ok(true)
}

/// Returns a new key for an entity of a type. `attempt` counts the keys that were in use.
pub(super) fn next_key<R>(context: &OperationContext<'_, R>, structured: &StructuredType, attempt: u64) -> Arc<str> {
    let id = context.world.next_entity_id();
    let form = match (structured.wording.id, context.world.behaviors.id_format) {
        (IdForm::Guid(_), IdFormat::Guid) => IdForm::Guid(""),
        (form, _) => form,
    };
    let now = u64::try_from(unix_millis(context.now)).unwrap_or_default();
    id_of(form, id, now.saturating_add(attempt)).into()
}

/// Returns the success of a change of an existing entity, with the one before.
pub(super) fn changed_response(
    context: &OperationContext<'_>,
    entity: &StoredEntity,
    before: Option<&StoredEntity>,
    mut decided: Vec<&'static str>,
) -> Success {
    let capabilities = context.structured().capabilities;
    let has_entity = match context.preferences.answer {
        Some(Return::Representation) => true,
        Some(Return::Minimal) => false,
        None => match capabilities.answer {
            UpdateAnswer::NoContent | UpdateAnswer::Empty => false,
            UpdateAnswer::Entity => true,
            UpdateAnswer::Decided(behavior, has_entity) => {
                if context.world.explains {
                    decided.push(behavior);
                }
                has_entity(&context.world.behaviors)
            }
        },
    };
    let answer = if has_entity {
        decided.extend(explain::entities(context, std::iter::once(&**entity), None));
        let etag = context.tag_header(entity, false);
        Success { etag, ..context.json(StatusCode::OK, context.entity_body(entity, before), decided) }
    } else {
        let is_ok = matches!(capabilities.answer, UpdateAnswer::Empty) && context.preferences.answer.is_none();
        let status = if is_ok { StatusCode::OK } else { StatusCode::NO_CONTENT };
        Success { status, decided, ..Success::no_content() }
    };
    Success { preference_applied: context.write_preference(), ..answer }
}

/// Returns a success with the change of an entity for the journal.
pub(super) fn with_change(
    context: &OperationContext<'_>,
    success: Success,
    before: Option<Arc<StoredEntity>>,
    after: Option<Arc<StoredEntity>>,
) -> Outcome {
    // The journal keeps neither text.
    let entity = |stored: Option<Arc<StoredEntity>>| stored.map(|stored| stored.entity().clone());
    let change = Some(EntityChange { set: context.route.collection.set, before: entity(before), after: entity(after) });
    Success { change, ..success }.into()
}

/// Returns the values that the service sets on a write, by slot: the time and the caller.
pub(super) fn server_set_values(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    is_new: bool,
    decided: &mut Vec<&'static str>,
) -> Vec<(Slot, Value)> {
    let recomputes = is_new || context.world.behaviors.last_modified == LastModified::Recompute;
    let now = |property: &Property| {
        let millis = unix_millis(context.now);
        let millis = if property.has_whole_seconds { millis - millis.rem_euclid(1000) } else { millis };
        Value::DateTimeOffset(DateTimeOffset::from_unix_millis(millis))
    };
    let has_times = context.world.behaviors.server_times == ServerTimes::Set;
    let has_callers = context.world.behaviors.server_callers == ServerCallers::Set;
    let mut values = Vec::with_capacity(4);
    for property in &structured.properties {
        match (property.server_set, property.kind) {
            (Some(ServerSetValue::CreatedAt), _) if is_new => values.push((property.slot, now(property))),
            (Some(ServerSetValue::ModifiedAt), _) if recomputes => values.push((property.slot, now(property))),
            (Some(ServerSetValue::NamedCreatedAt), _) if is_new && has_times => values.push((property.slot, now(property))),
            (Some(ServerSetValue::NamedModifiedAt), _) if recomputes && has_times => values.push((property.slot, now(property))),
            (Some(ServerSetValue::CreatedBy), PropertyType::Complex(id)) if is_new => {
                let identity_set = context.route.model.structured(id);
                values.push((property.slot, caller(context, structured, property, identity_set, decided)));
            }
            (Some(ServerSetValue::ModifiedBy), PropertyType::Complex(id)) if recomputes => {
                let identity_set = context.route.model.structured(id);
                values.push((property.slot, caller(context, structured, property, identity_set, decided)));
            }
            (Some(ServerSetValue::NamedCreatedBy), PropertyType::Complex(id)) if is_new && has_callers => {
                let identity_set = context.route.model.structured(id);
                values.push((property.slot, caller(context, structured, property, identity_set, decided)));
            }
            (Some(ServerSetValue::NamedModifiedBy), PropertyType::Complex(id)) if recomputes && has_callers => {
                let identity_set = context.route.model.structured(id);
                values.push((property.slot, caller(context, structured, property, identity_set, decided)));
            }
            (Some(ServerSetValue::ChangeKey), _) => {
                values.push((property.slot, Value::String(change_key(context.world.next_entity_id()).into())));
            }
            (Some(ServerSetValue::CreatorId), _) if is_new => {
                let (id, _) = caller::object_and_client(&context.request.headers);
                values.push((property.slot, Value::String(id.unwrap_or_else(|| LOCAL_USER.0.to_owned()).into())));
            }
            (Some(ServerSetValue::ApplicationId), _) if is_new => {
                let (_, id) = caller::object_and_client(&context.request.headers);
                values.push((property.slot, id.map_or(Value::Null, |id| Value::String(id.into()))));
            }
            _ => {}
        }
    }
    // The behaviors decide only for types with such a property.
    if context.world.explains {
        let values_set = || structured.properties.iter().filter_map(|property| property.server_set);
        let values_set = || values_set().filter(|value| is_new || !value.is_of_creation());
        if values_set().any(ServerSetValue::is_named_time) {
            decided.push("server-times");
        }
        if values_set().any(ServerSetValue::is_named_caller) {
            decided.push("server-callers");
        }
    }
    let is_modified = |value: Option<ServerSetValue>| match value {
        Some(ServerSetValue::NamedModifiedAt) => has_times,
        Some(ServerSetValue::NamedModifiedBy) => has_callers,
        value => matches!(value, Some(ServerSetValue::ModifiedAt | ServerSetValue::ModifiedBy)),
    };
    if context.world.explains && !is_new && structured.properties.iter().any(|property| is_modified(property.server_set)) {
        decided.push("last-modified");
    }
    values
}

/// Whether a patch has the value of a property that the service sets by its name alone, and clients can set: it counts then.
pub(super) fn is_stated(structured: &StructuredType, patch: &Patch, slot: Slot) -> bool {
    let mut changed = patch.changes.iter().map(|change| &structured.properties[change.property]);
    changed
        .any(|property| property.slot == slot && !property.read_only && property.server_set.is_some_and(ServerSetValue::is_named))
}

/// Returns the caller as a value of the type identitySet.
fn caller(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    property: &Property,
    identity_set: &StructuredType,
    decided: &mut Vec<&'static str>,
) -> Value {
    let model = context.route.model;
    let form = match structured.rare().without_tenant {
        _ if property.has_plain_identity || property.server_set.is_some_and(ServerSetValue::is_named_caller) => {
            IdentityForm::Plain
        }
        Some((behavior, is_omitted)) => {
            decided.push(behavior);
            if is_omitted(&context.world.behaviors) { IdentityForm::WithoutTenant } else { IdentityForm::Whole }
        }
        None => IdentityForm::Whole,
    };
    let value = |member: &str, person: Person| identity_set_value(model, identity_set, member, form, person);
    match caller::caller(&context.request.headers) {
        // The directory knows the names of its users better than a token.
        Caller::User(person) => {
            let display_name = name_of(context, &person.id).or(person.display_name);
            value("user", Person { display_name, ..person })
        }
        Caller::Application(person) => value("application", person),
        Caller::Unknown => {
            if context.world.explains {
                decided.push("local-caller");
            }
            let local = || match context.world.behaviors.local_caller {
                LocalCaller::User => {
                    let person = Person { id: LOCAL_USER.0.to_owned(), display_name: Some(LOCAL_USER.1.to_owned()) };
                    value("user", person)
                }
                LocalCaller::Null => Value::Complex(Arc::new(Complex::default())),
            };
            if form != IdentityForm::Whole {
                return local();
            }
            context.world.local_caller.get_or_init(local).clone()
        }
    }
}

/// Returns the display name of a user of the world.
fn name_of(context: &OperationContext<'_>, user: &str) -> Option<String> {
    let root = context.model.root("users")?;
    let entity = context.world.store.collection(root.set).get(user)?;
    text_of(context.model.structured(root.target), &entity.properties, "displayName").map(|name| name.to_string())
}

/// Returns a value of the type identitySet that names one user or application.
fn identity_set_value(model: &Model, identity_set: &StructuredType, member: &str, form: IdentityForm, person: Person) -> Value {
    let mut set = Complex::default();
    let property = identity_set.property(member).map(|index| &identity_set.properties[index]);
    if let Some(property) = property
        && let PropertyType::Complex(id) = property.kind
    {
        set.set(
            property.slot,
            identity_value(model.structured(id), if member == "user" { form } else { IdentityForm::Plain }, person),
        );
    }
    Value::Complex(Arc::new(set))
}

/// The undeclared members of the identity of a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IdentityForm {
    /// None.
    Plain,
    /// The kind of identity.
    WithoutTenant,
    /// The kind of identity and a null `tenantId`, as in the published example.
    Whole,
}

/// Returns a value of the type identity.
fn identity_value(identity: &StructuredType, form: IdentityForm, person: Person) -> Value {
    let mut value = Complex::default();
    if let Some(slot) = identity.slot("id") {
        value.set(slot, Value::String(person.id.into()));
    }
    if let Some((slot, name)) = identity.slot("displayName").zip(person.display_name) {
        value.set(slot, Value::String(name.into()));
    }
    if form != IdentityForm::Plain {
        value.dynamic.push(Dynamic::new("userIdentityType", quoted("aadUser")));
    }
    if form == IdentityForm::Whole {
        value.dynamic.push(Dynamic::new("tenantId", "null"));
    }
    Value::Complex(Arc::new(value))
}
