//! POST to a collection.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::edm::address::KeyForm;
use crate::edm::patch::{NewValue, Patch};
use crate::edm::primitive::LongNumbers;
use crate::edm::schema::{Slot, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::graph::ops::change::{before_commit, insert, next_key, server_set_values, set_key, store_full, with_change};
use crate::graph::ops::{Outcome, unique};
use crate::graph::success::Success;
use crate::graph::{body, explain};
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::read::{self, Origin, ReadRules, Reading};
use crate::policy::behavior::Location;
use crate::text::json::quoted;
use crate::world::store::{Collection, InsertError, StoredEntity};
use crate::world::workload::{ChangeKind, DerivedValue, NewEntity, Reply};

/// Creates an entity.
pub(super) fn create(context: &OperationContext<'_>, reading: &Reading, reply: Option<&Reply>) -> Result<Outcome, Error> {
    // The service looks up the entities that contain the collection before it checks values.
    let collection = context.written_collection()?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let (model, declared) = (context.route.model, context.structured());
    let mut properties = reading.patch.apply(model, declared, &initial(context, model.actual(declared, reading.patch.read_as)));
    let structured = model.actual(declared, properties.own_type);
    let stored_as = context.world.schema.set(context.route.collection.set).target;
    properties.own_type = (structured.id != stored_as).then_some(structured.id);
    check_required(structured, &reading.patch)?;
    let mut decided = reading.decided.clone();
    // A value of the request counts where clients can set the property.
    let is_sent = |slot: Slot| {
        let changed = reading.patch.changes.iter().map(|change| &structured.properties[change.property]);
        changed.into_iter().any(|property| property.slot == slot && !property.read_only)
    };
    for (slot, value) in server_set_values(context, structured, true, &mut decided) {
        if !is_sent(slot) {
            properties.set(slot, value);
        }
    }
    // An approved entity keeps the id that was sent for approval.
    let (mut approved, mut reply) = (reply.and_then(|reply| reply.key.clone()), reply);
    loop {
        let new_key = approved.take().map_or_else(OnceCell::new, OnceCell::from);
        let key = || new_key.get_or_init(|| free_key(context, structured, &collection)).clone();
        let keyed = OnceCell::new();
        let keyed_values = || {
            let complete = || {
                let mut values = properties.clone();
                set_key(structured, &mut values, &key());
                complete(context, structured, &key(), &mut values, is_sent);
                values
            };
            keyed.get_or_init(complete).clone()
        };
        let kind = ChangeKind::Create { key: &key, values: &properties, keyed_values: &keyed_values };
        if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
        let entity = Arc::new(StoredEntity::of_type(key(), keyed_values(), structured.blank_text));
        // Held until the entity is stored.
        let _alone = unique::check(context, structured, &collection, &entity.properties, None)?;
        match insert(context, &entity) {
            Ok(()) => {
                decided.extend(["id-format", "location"]);
                return Ok(with_change(context, created_response(context, &entity, decided), None, Some(entity)));
            }
            Err(InsertError::Full(full)) => return Err(store_full(full)),
            Err(InsertError::DuplicateKey) => {}
        }
        // Another request took the key in the meantime. An approval is for its key alone.
        reply = reply.filter(|reply| reply.key.is_none());
    }
}

/// Returns the values of a new entity before those of the request.
fn initial(context: &OperationContext<'_>, structured: &StructuredType) -> Complex {
    let mut members = String::new();
    for property in &structured.properties {
        if let Some(json) = property.created_with {
            members.push(if members.is_empty() { '{' } else { ',' });
            members.push_str(&format!("{}:{json}", quoted(&property.name)));
        }
    }
    let declared = context.structured();
    let initial = Complex::initial_of(structured, declared);
    if members.is_empty() {
        return initial;
    }
    members.push('}');
    read_own(context, structured, &members)
        .map_or_else(|| initial.clone(), |patch| Patch { read_as: None, ..patch }.apply(context.model, structured, &initial))
}

/// Adds the values that follow from others.
fn complete(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    key: &str,
    values: &mut Complex,
    is_sent: impl Fn(Slot) -> bool,
) {
    let names: Vec<&str> = lineage(context, structured);
    let rows = context.world.workloads.iter().flat_map(|workload| workload.derived());
    for row in rows.filter(|row| names.contains(&row.type_name)) {
        let Some(index) = structured.property(row.property) else { continue };
        let property = &structured.properties[index];
        if is_sent(property.slot) {
            continue;
        }
        let (world, model, ancestors) = (context.world, context.model, &*context.route.ancestors);
        let value = match (row.value)(&NewEntity { world, model, structured, key, values, ancestors }) {
            None => continue,
            Some(DerivedValue::Copied(value)) => value,
            Some(DerivedValue::Json(json)) => {
                let Some(patch) = read_own(context, structured, &format!("{{{}:{json}}}", quoted(row.property))) else {
                    continue;
                };
                Patch { read_as: None, ..patch }.apply(model, structured, &Complex::default()).get(property.slot).clone()
            }
        };
        values.set(property.slot, value);
    }
}

/// Returns the names of a type and of its base types in Graph's own namespace.
fn lineage<'m>(context: &OperationContext<'m>, structured: &'m StructuredType) -> Vec<&'m str> {
    let base = |structured: &&'m StructuredType| context.model.find_structured(structured.base?);
    let types = std::iter::successors(Some(structured), base);
    types.filter_map(|structured| structured.full_name.strip_prefix("microsoft.graph.")).collect()
}

/// Reads members that a workload gives a new entity. What the schema does not have is left out.
fn read_own(context: &OperationContext<'_>, structured: &StructuredType, members: &str) -> Option<Patch> {
    let json = body::parse(members.as_bytes()).ok()?;
    let rules = ReadRules {
        model: context.model,
        behaviors: &context.world.behaviors,
        origin: Origin::Fixture,
        knows_hidden: true,
        long_numbers: LongNumbers::Numbers,
        problem_limit: usize::MAX,
        explains: false,
    };
    Some(read::read(rules, structured.id, None, &json, "$").patch)
}

/// Checks that a request has the members that a new entity must have.
fn check_required(structured: &StructuredType, patch: &Patch) -> Result<(), Error> {
    let Some(required) = structured.required else { return Ok(()) };
    let sent = |name: &str| {
        let index = structured.property(name)?;
        patch.changes.iter().find(|change| change.property == index).map(|change| &change.to)
    };
    let members = required.relief.filter(|(member, _)| sent(member).is_some()).map_or(required.members, |(_, members)| members);
    for name in members.iter().filter(|name| structured.property(name).is_some()) {
        let refusal = match sent(name) {
            None | Some(NewValue::Set(Value::Null)) => Some(required.missing),
            Some(NewValue::Set(Value::String(text))) if text.is_empty() => required.empty,
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            return Err(Error::new(refusal, &[name, &capitalized(&structured.name)]));
        }
    }
    Ok(())
}

/// Returns the name of a type as the directory writes it: `servicePrincipal` is `ServicePrincipal`.
fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Returns an unused key. Fixtures can hold keys of the world's own sequence, such as those saved by an earlier run with the same seed.
fn free_key(context: &OperationContext<'_>, structured: &StructuredType, collection: &Collection) -> Arc<str> {
    if structured.key_type().is_integer() {
        let free =
            (1..=i64::MAX).map(|number| Arc::from(number.to_string())).find(|key: &Arc<str>| collection.get(key).is_none());
        return free.unwrap_or_default();
    }
    let mut attempt = 0;
    loop {
        let key = next_key(context, structured, attempt);
        if collection.get(&key).is_none() {
            return key;
        }
        // Entities of the same moment are at most as many as there are.
        attempt = (attempt + 1).max(u64::try_from(collection.len()).unwrap_or_default());
    }
}

/// Returns the success of a creation.
pub(super) fn created_response(context: &OperationContext<'_>, entity: &StoredEntity, mut decided: Vec<&'static str>) -> Success {
    let mut location = Vec::new();
    match context.world.behaviors.location {
        Location::Itself => context.write_base_url(&mut location),
        Location::Backend => location.extend_from_slice(context.structured().wording.backend_url.as_bytes()),
    }
    let key = entity.key.replace('\'', "''");
    let (path, version) = (context.collection_path(), context.version().segment());
    let entity_path = match context.route.key_form {
        KeyForm::Single => path.to_owned(),
        KeyForm::Bare => format!("{path}({key})"),
        KeyForm::Quoted => format!("{path}('{key}')"),
    };
    location.extend_from_slice(format!("/{version}/{entity_path}").as_bytes());
    let success = if context.preferences.answer == Some(Return::Minimal) {
        Success { decided, ..Success::no_content() }
    } else {
        decided.extend(explain::entities(context, std::iter::once(&**entity), None));
        context.json(context.structured().capabilities.create_status, context.entity_body(entity), decided)
    };
    Success { location: Some(location), preference_applied: context.write_preference(), ..success }
}
