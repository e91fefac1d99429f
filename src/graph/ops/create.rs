//! POST to a collection.

use std::cell::OnceCell;
use std::sync::Arc;

use http::StatusCode;

use crate::edm::address::{CollectionAddress, EntityAddress, KeyForm, located_key};
use crate::edm::patch::{Patch, RelatedEntities};
use crate::edm::primitive::Primitive;
use crate::edm::schema::{IdForm, Navigation, Property, PropertyType, SecretAnswers, Slot, StructuredType, TypeId};
use crate::edm::tag;
use crate::edm::value::{Complex, Value};
use crate::graph::context::OperationContext;
use crate::graph::expand::{self, PurseEmpty};
use crate::graph::ops::change::{
    alone_with_others, before_commit, changed_response, check_values, insert, next_key, server_set_values, with_change,
};
use crate::graph::ops::reference::{self, Relation};
use crate::graph::ops::{Outcome, folders, required, unique};
use crate::graph::success::Success;
use crate::graph::{body, explain, statuses};
use crate::odata::conflict::Conflict;
use crate::odata::error::Error;
use crate::odata::prefer::Return;
use crate::odata::query::expand::{self as expansion, ExpandItem};
use crate::odata::read::Reading;
use crate::policy::behavior::{AbsentMembers, DeepInsertAnswer, Location, Secret};
use crate::policy::refusal;
use crate::text::json::quoted;
use crate::text::word::capitalized;
use crate::world::store::{Collection, InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{Ancestor, ChangeKind, Creation, DerivedValue, NewEntity, Reply, Started};

/// Creates an entity.
pub(super) fn create(context: &OperationContext<'_>, reading: &Reading, reply: Option<&Reply>) -> Result<Outcome, Error> {
    // The service looks up the entities that contain the collection before it checks values.
    let collection = context.written_collection()?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let structured = context.model.actual(context.structured(), reading.patch.read_as);
    let mut decided = reading.decided.clone();
    required::check(structured, &reading.patch)?;
    folders::check_annotations(context, structured)?;
    folders::check_name(structured, &reading.patch)?;
    let relations = reference::look_up(context, structured, &reading.patch.related, None, &mut decided)?;
    let stored_as = context.world.schema.set(context.route.collection.set).target;
    let mut properties = new_values(context, structured, stored_as, &reading.patch, &mut decided);
    let named = structured.file.and_then(|rules| structured.slot(rules.name));
    let named = named.map(|slot| (slot, properties.get(slot).clone()));
    if let Some(folder) = settle_name(context, structured, &mut properties)? {
        return Ok(changed_response(context, &folder, None, decided).into());
    }
    check_values(context, structured, &reading.patch, None, &mut properties, &mut decided)?;
    // An approved entity keeps the id that was sent for approval.
    let sent = sent_key(context, structured, &properties, &reading.patch, &context.route.ancestors);
    check_key(structured, sent.as_deref())?;
    if let Some(key) = sent.as_ref().filter(|key| collection.get(key).is_some()) {
        return Err(key_in_use(structured, key));
    }
    let (mut approved, mut reply) = (reply.and_then(|reply| reply.key.clone()).or_else(|| sent.clone()), reply);
    loop {
        let new_key = approved.take().map_or_else(OnceCell::new, OnceCell::from);
        let key = || new_key.get_or_init(|| free_key(context, structured, &collection)).clone();
        let keyed = OnceCell::new();
        let keyed_values = || {
            let complete = || {
                let mut values = properties.clone();
                values.set_key(context.model, structured, &key());
                complete(context, structured, &key(), &mut values, &reading.patch, &context.route.ancestors);
                values
            };
            keyed.get_or_init(complete).clone()
        };
        // Held until the entity is stored.
        let _alone = alone_with_others(context);
        let kind = ChangeKind::Create { key: &key, values: &properties, keyed_values: &keyed_values };
        if let Some(consultation) = before_commit(context, kind, reply, &mut decided)? {
            return Ok(Outcome::Consult(consultation));
        }
        let entity = Arc::new(StoredEntity::of_type(key(), keyed_values(), structured.blank_text));
        let inserted = {
            // Held until the entity is stored.
            let unique = unique::check(context, structured, &context.route.collection, &entity.properties, None);
            match unique {
                Ok(_unique) => {
                    folders::check_holder(context, structured)?;
                    insert(context, &entity)?
                }
                // Another request has taken the name meanwhile.
                Err(error) => {
                    let is_settled = !matches!(folders::wish(context)?, None | Some(Conflict::Fail));
                    let Some((slot, name)) = named.as_ref().filter(|_| is_settled) else {
                        return Err(error);
                    };
                    let taken = properties.get(*slot).clone();
                    properties.set(*slot, name.clone());
                    if let Some(folder) = settle_name(context, structured, &mut properties)? {
                        return Ok(changed_response(context, &folder, None, decided).into());
                    }
                    if *properties.get(*slot) == taken {
                        return Err(error);
                    }
                    approved = Some(entity.key.clone());
                    continue;
                }
            }
        };
        match inserted {
            true => {
                let address = EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
                if let Err(error) = relate(context, &address, &relations) {
                    undo(context, &address);
                    return Err(error);
                }
                if structured.file.is_some() {
                    folders::account(context, &context.route.collection, 1, 0);
                }
                match after_create(context, structured, &address, &entity) {
                    Err(error) => {
                        undo(context, &address);
                        return Err(error);
                    }
                    Ok(Some(Started { location, content_location })) => {
                        let (location, content_location) = (Some(location.into_bytes()), Some(content_location));
                        let status = StatusCode::ACCEPTED;
                        let success = Success { status, location, content_location, decided, ..Success::no_content() };
                        return Ok(with_change(context, success, None, Some(entity)));
                    }
                    Ok(None) => {}
                }
                decided.extend(["id-format", "location"]);
                let response = created_response(context, &entity, &reading.patch, decided);
                return Ok(with_change(context, response, None, Some(entity)));
            }
            false if sent.is_some() => return Err(key_in_use(structured, &entity.key)),
            false => {}
        }
        // Another request took the key in the meantime. An approval is for its key alone.
        reply = reply.filter(|reply| reply.key.is_none());
    }
}

/// Lets the workloads create what comes with a new entity.
fn after_create(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    address: &EntityAddress,
    entity: &Arc<StoredEntity>,
) -> Result<Option<Started>, Error> {
    let create = |place: &_, key: Option<Arc<str>>, patch: &_| create_as(context, place, key, patch, UniqueValues::Checked);
    let (world, model, headers, now) = (context.world, context.model, &context.request.headers, context.now);
    let creation = Creation { world, model, structured, address, entity, headers, now, create: &create };
    for workload in world.workloads {
        if let Some(started) = workload.after_create(&creation)? {
            return Ok(Some(started));
        }
    }
    Ok(None)
}

/// Gives a new file or folder another name, if its own is in use and the client wants that. Returns the folder that is there, if the client
/// wants to replace it by one: it stays as it is (observed, OneDrive/onedrive-api-docs#1702; for a file, `replace` is refused there).
fn settle_name(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    values: &mut Complex,
) -> Result<Option<Arc<StoredEntity>>, Error> {
    let Some(rules) = structured.file else { return Ok(None) };
    let Some(slot) = structured.slot(rules.name) else { return Ok(None) };
    let Value::String(name) = values.get(slot).clone() else { return Ok(None) };
    let folder = &context.route.collection;
    let Some(found) = folders::find(context, structured, folder, rules, &name)? else { return Ok(None) };
    match folders::wish(context)? {
        Some(Conflict::Rename) => {
            values.set(slot, Value::String(folders::free_name(context, structured, folder, rules, &name)?.into()));
            Ok(None)
        }
        Some(Conflict::Replace) => {
            let facet = structured.slot(rules.folder.0);
            let is_folder = |values: &Complex| facet.is_some_and(|slot| *values.get(slot) != Value::Null);
            Ok((is_folder(values) && is_folder(&found.properties)).then_some(found))
        }
        Some(Conflict::Fail) | None => Ok(None),
    }
}

/// Returns the values of a new entity: initial ones, those of the request, and those that the service sets.
fn new_values(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    stored_as: TypeId,
    patch: &Patch,
    decided: &mut Vec<&'static str>,
) -> Complex {
    // The behavior decides on the members that the request does not have.
    let is_absent = |property: &Arc<Property>| {
        (property.initial.is_some() || property.created_with.is_some()) && !is_sent(structured, patch, property.slot)
    };
    if context.world.explains && structured.properties.iter().any(is_absent) {
        decided.push("absent-members");
    }
    let mut values = Patch { read_as: None, ..patch.clone() }.apply(context.model, structured, &initial(context, structured));
    values.own_type = (structured.id != stored_as).then_some(structured.id);
    for (slot, value) in server_set_values(context, structured, true, decided) {
        if !is_sent(structured, patch, slot) {
            values.set(slot, value);
        }
    }
    tag::renew(structured, &mut values, None, || context.world.next_tag_id());
    values
}

/// Whether a request has a value for a property that clients can set: it counts then.
fn is_sent(structured: &StructuredType, patch: &Patch, slot: Slot) -> bool {
    let changed = patch.changes.iter().map(|change| &structured.properties[change.property]);
    changed.into_iter().any(|property| property.slot == slot && !property.read_only)
}

/// Stores what a body links to and contains.
pub(super) fn relate<'m>(
    context: &OperationContext<'m>,
    holder: &EntityAddress,
    relations: &[Relation<'m>],
) -> Result<(), Error> {
    reference::relate(context, holder, relations, &mut |place, entity| {
        insert_new(context, place, entity.structured, None, &entity.patch, UniqueValues::Known)
    })
}

/// Removes an entity that was created in vain.
pub(super) fn undo(context: &OperationContext<'_>, address: &EntityAddress) {
    let world = context.world;
    world.store.empty_within(address.collection.root, &address.text(&world.schema));
    world.store.to_remove(&address.collection).remove(&address.key);
}

/// The unique values of a new entity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UniqueValues {
    /// They are compared with those of others.
    Checked,
    /// The caller knows that no other entity has them, and may hold the guard of all.
    Known,
}

/// Stores a new entity in any collection. Returns its key.
fn insert_new(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    structured: &StructuredType,
    key: Option<Arc<str>>,
    patch: &Patch,
    unique: UniqueValues,
) -> Result<Arc<str>, Error> {
    folders::check_name(structured, patch)?;
    let set = context.world.schema.set(place.set);
    let mut values = new_values(context, structured, set.target, patch, &mut Vec::new());
    check_values(context, structured, patch, None, &mut values, &mut Vec::new())?;
    let ancestors = ancestors(context, place);
    let chosen = key.or_else(|| sent_key(context, structured, &values, patch, &ancestors));
    check_key(structured, chosen.as_deref())?;
    loop {
        let id = chosen.clone().unwrap_or_else(|| free_key(context, structured, &context.world.store.at(place)));
        values.set_key(context.model, structured, &id);
        let key: Arc<str> = if set.is_single { set.name.as_ref().into() } else { id };
        let mut completed = values.clone();
        complete(context, structured, &key, &mut completed, patch, &ancestors);
        let entity = Arc::new(StoredEntity::of_type(key.clone(), completed, structured.blank_text));
        let collection = context.world.store.to_change(place, entity.size() + RECORD_BYTES)?;
        // Held until the entity is stored.
        let _unique = match unique {
            UniqueValues::Checked => unique::check(context, structured, place, &entity.properties, None)?,
            UniqueValues::Known => None,
        };
        match collection.insert(entity) {
            Ok(()) => return Ok(key),
            Err(InsertError::Full(full)) => return Err(full.into()),
            Err(InsertError::DuplicateKey) if set.is_single => return Ok(key),
            Err(InsertError::DuplicateKey) if chosen.is_some() => return Err(key_in_use(structured, &key)),
            Err(InsertError::DuplicateKey) => {}
        }
    }
}

/// Returns the entities that contain a collection, outermost first.
pub(super) fn ancestors(context: &OperationContext<'_>, place: &CollectionAddress) -> Vec<Ancestor> {
    let schema = &context.world.schema;
    let holder = |collection: &CollectionAddress| EntityAddress::parse(schema, context.model, collection.holder.as_deref()?);
    let mut found = Vec::new();
    let mut next = holder(place);
    while let Some(EntityAddress { collection, key }) = next {
        next = holder(&collection);
        let type_id = schema.set(collection.set).target;
        found.push(Ancestor { collection, type_id, key });
    }
    found.reverse();
    found
}

/// Creates an entity in any collection, and what it contains and links to, for the implementation of an operation.
pub(super) fn create_within(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    patch: &Patch,
) -> Result<EntityAddress, Error> {
    create_as(context, place, None, patch, UniqueValues::Known)
}

/// The same with a key or an assigned one, and unique values.
pub(super) fn create_keyed_within(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    key: Option<Arc<str>>,
    patch: &Patch,
) -> Result<EntityAddress, Error> {
    create_as(context, place, key, patch, UniqueValues::Checked)
}

/// Creates the entity of a path that does not exist. If another request has created it meanwhile, the result is `None`.
pub(super) fn upsert(
    context: &OperationContext<'_>,
    key: &str,
    patch: &Patch,
    mut decided: Vec<&'static str>,
) -> Result<Option<Outcome>, Error> {
    let place = &context.route.collection;
    required::check(context.model.actual(context.structured(), patch.read_as), patch)?;
    match create_as(context, place, Some(key.into()), patch, UniqueValues::Checked) {
        Ok(address) => {
            let entity = context.world.store.entity(&address).ok_or_else(|| context.not_found(key))?;
            decided.push("location");
            let response = created_response(context, &entity, patch, decided);
            Ok(Some(with_change(context, response, None, Some(entity))))
        }
        Err(_) if context.world.store.has(place, key) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates an entity with a key or an assigned one, and what it contains and links to.
fn create_as(
    context: &OperationContext<'_>,
    place: &CollectionAddress,
    key: Option<Arc<str>>,
    patch: &Patch,
    unique: UniqueValues,
) -> Result<EntityAddress, Error> {
    let declared = context.model.structured(context.world.schema.set(place.set).target);
    let structured = context.model.actual(declared, patch.read_as);
    let relations = reference::look_up(context, structured, &patch.related, None, &mut Vec::new())?;
    let key = insert_new(context, place, structured, key, patch, unique)?;
    let address = EntityAddress { collection: place.clone(), key };
    if let Err(error) = relate(context, &address, &relations) {
        undo(context, &address);
        return Err(error);
    }
    Ok(address)
}

/// Returns the values of a new entity before those of the request.
fn initial(context: &OperationContext<'_>, structured: &StructuredType) -> Complex {
    if context.world.behaviors.absent_members == AbsentMembers::Null {
        return Complex::default();
    }
    let mut members = String::new();
    for property in &structured.properties {
        if let Some(json) = property.created_with {
            members.push(if members.is_empty() { '{' } else { ',' });
            members.push_str(&format!("{}:{json}", quoted(&property.name)));
        }
    }
    let initial = Complex::initial(structured);
    if members.is_empty() {
        return initial;
    }
    members.push('}');
    body::read_own(context.model, &context.world.behaviors, structured, &members)
        .map_or_else(|| initial.clone(), |patch| Patch { read_as: None, ..patch }.apply(context.model, structured, &initial))
}

/// Adds the values that follow from others.
pub(super) fn complete(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    key: &str,
    values: &mut Complex,
    patch: &Patch,
    ancestors: &[Ancestor],
) {
    let names: Vec<&str> = lineage(context, structured);
    let workloads = &context.world.workloads;
    let imposed = workloads.iter().flat_map(|workload| workload.imposed()).map(|row| (row, true));
    let derived = workloads.iter().flat_map(|workload| workload.derived()).map(|row| (row, false));
    for (row, is_imposed) in imposed.chain(derived).filter(|(row, _)| names.contains(&row.type_name)) {
        let Some(index) = structured.property(row.property) else { continue };
        let property = &structured.properties[index];
        if !is_imposed && is_sent(structured, patch, property.slot) {
            continue;
        }
        let (world, model, headers, now) = (context.world, context.model, &context.request.headers, context.now);
        let related = &patch.related;
        let new = NewEntity { world, model, structured, key, values, ancestors, headers, now, related };
        let value = match (row.value)(&new) {
            None => continue,
            Some(DerivedValue::Copied(value)) => value,
            Some(DerivedValue::Json(json)) => {
                let Some(patch) = body::read_own(
                    context.model,
                    &context.world.behaviors,
                    structured,
                    &format!("{{{}:{json}}}", quoted(row.property)),
                ) else {
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

/// Returns the key that follows from a request: by the row of a workload, or as the value of a key that the service does not assign. It
/// assigns keys that are called `id` (medium, the pages of learn.microsoft.com/graph/api), if they are texts, GUIDs or whole numbers and
/// clients cannot set them once.
fn sent_key(
    context: &OperationContext<'_>,
    structured: &StructuredType,
    values: &Complex,
    patch: &Patch,
    ancestors: &[Ancestor],
) -> Option<Arc<str>> {
    let rows = context.world.workloads.iter().flat_map(|workload| workload.keys());
    let name = structured.full_name.strip_prefix("microsoft.graph.").unwrap_or_default();
    if let Some((_, rule)) = rows.into_iter().find(|(type_name, _)| *type_name == name) {
        let (world, model, headers, now) = (context.world, context.model, &context.request.headers, context.now);
        let related = &patch.related;
        let new = NewEntity { world, model, structured, key: "", values, ancestors, headers, now, related };
        return rule(&new).filter(|key| !key.is_empty()).map(Arc::from);
    }
    let property = structured.key_property()?;
    let is_assigned = is_assignable(structured) && *property.name == *"id" && !property.immutable;
    if is_assigned || !is_sent(structured, patch, property.slot) {
        return None;
    }
    values.get(property.slot).key(context.model, property.kind)
}

/// Whether the service can assign a key of the type.
fn is_assignable(structured: &StructuredType) -> bool {
    if matches!(structured.key_kind(), PropertyType::Enum(_)) {
        return false;
    }
    let primitive = structured.key_type();
    matches!(primitive, Primitive::String | Primitive::Guid) || primitive.is_integer()
}

/// Checks that a new entity has a key, or can be assigned one.
fn check_key(structured: &StructuredType, sent: Option<&str>) -> Result<(), Error> {
    match structured.key_property() {
        Some(property) if sent.is_none() && !is_assignable(structured) => {
            Err(Error::new(&refusal::KEY_REQUIRED, &[&property.name, &capitalized(&structured.name)]))
        }
        _ => Ok(()),
    }
}

/// Returns the refusal of a key that another entity has.
fn key_in_use(structured: &StructuredType, key: &str) -> Error {
    let name = structured.key_property().map_or("id", |property| &property.name);
    Error::new(&refusal::KEY_IN_USE, &[name]).with_detail(format!("{key:?} is in the collection"))
}

/// Returns an unused key. Fixtures can hold keys of the world's own sequence, such as those saved by an earlier run with the same seed.
fn free_key(context: &OperationContext<'_>, structured: &StructuredType, collection: &Collection) -> Arc<str> {
    let is_numbered = matches!(structured.wording.id, IdForm::Number);
    if is_numbered || structured.key_type().is_integer() {
        // Items of a list have mostly the numbers before.
        let first = if is_numbered { i64::try_from(collection.len()).unwrap_or_default() + 1 } else { 1 };
        let free =
            (first..=i64::MAX).map(|number| Arc::from(number.to_string())).find(|key: &Arc<str>| collection.get(key).is_none());
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
pub(super) fn created_response(
    context: &OperationContext<'_>,
    entity: &StoredEntity,
    patch: &Patch,
    mut decided: Vec<&'static str>,
) -> Success {
    let mut location = Vec::new();
    match context.world.behaviors.location {
        Location::Itself => context.write_base_url(&mut location),
        Location::Backend => location.extend_from_slice(context.structured().wording.backend_url.as_bytes()),
    }
    let key = located_key(&entity.key.replace('\'', "''")).to_string();
    let (collection, version) = (context.collection_path(), context.version().segment());
    let entity_path = match context.route.key_form {
        KeyForm::Single => collection.to_owned(),
        KeyForm::Bare => format!("{collection}({key})"),
        KeyForm::Quoted => format!("{collection}('{key}')"),
    };
    location.extend_from_slice(format!("/{version}/{entity_path}").as_bytes());
    let holder = context.route.ancestors.last().map(|holder| &*context.model.structured(holder.type_id).full_name);
    let name = &context.world.schema.set(context.route.collection.set).name;
    let status = holder.and_then(|holder| statuses::of_creation(context.world, holder, name));
    let (status, has_body) = status.unwrap_or((context.structured().capabilities.create_status, true));
    let success = if context.preferences.answer == Some(Return::Minimal) {
        Success { decided, ..Success::no_content() }
    } else {
        decided.extend(explain::entities(context, std::iter::once(&**entity), None));
        let etag = context.tag_header(entity, false);
        let mut shown = context.with_route(context.route);
        if context.structured().capabilities.secret_answers == SecretAnswers::Creation {
            shown.representation.style.secret = Secret::Echo;
        }
        let body = created_body(&shown, entity, patch, &mut decided);
        Success { etag, ..context.json(status, body, decided) }
    };
    if !has_body {
        return Success { status, decided: success.decided, ..Success::no_content() };
    }
    // The pages of types whose creation is answered with 200 show none.
    let location = (status == StatusCode::CREATED).then_some(location);
    Success { location, preference_applied: context.write_preference(), ..success }
}

/// Returns the body with a new entity, and with what its request created in it, as far as the service answers with that.
fn created_body(
    context: &OperationContext<'_>,
    entity: &StoredEntity,
    patch: &Patch,
    decided: &mut Vec<&'static str>,
) -> Vec<u8> {
    let whole = || context.entity_body(entity, None);
    let structured = context.types(entity).actual;
    let mut items = Vec::new();
    if patch.related.iter().any(|related| matches!(related.entities, RelatedEntities::New(_))) {
        decided.push("deep-insert-answer");
        let is_expanded = context.world.behaviors.deep_insert_answer == DeepInsertAnswer::Expanded;
        let is_shown = |navigation: &Navigation| is_expanded || navigation.is_shown_with_new;
        items = expansion::of_new(context.model, context.structured(), &[patch], &is_shown, 0);
    }
    let is_named =
        |navigation: &&Arc<Navigation>| navigation.is_shown_with_new && !navigation.is_collection && !navigation.contains_target;
    for navigation in structured.navigations.iter().filter(is_named) {
        let query = context.query_of_key(context.model.structured(navigation.target));
        items.push(ExpandItem::unasked(navigation, None, query));
    }
    if items.is_empty() {
        return whole();
    }
    let address = EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() };
    let mut body = whole();
    body.pop();
    match expand::write(context, (&address, entity), structured, &items, 0, &mut body) {
        Ok(()) => {
            body.push(b'}');
            body
        }
        // The entities are there, whether the answer has them or not.
        Err(PurseEmpty) => whole(),
    }
}
