//! Operations of the directory: memberships, deleted objects, credentials.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{Model, OperationType, PropertyType, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::refusal;
use crate::workloads::directory::checks;
use crate::world::clock::unix_millis;
use crate::world::links::{self, TooManyLinks};
use crate::world::store::{InsertError, RECORD_BYTES, StoredEntity};
use crate::world::workload::{OperationProblem, OperationReply, OperationRequest, OperationRow};

/// Operations and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[
    ("getMemberGroups", "directoryObject", get_member_groups),
    ("getMemberObjects", "directoryObject", get_member_objects),
    ("checkMemberGroups", "directoryObject", check_member_groups),
    ("checkMemberObjects", "directoryObject", check_member_objects),
    ("getByIds", "directoryObject", get_by_ids),
    ("restore", "directoryObject", restore),
    ("addPassword", "application", add_password),
    ("addPassword", "servicePrincipal", add_password),
    ("removePassword", "application", remove_password),
    ("removePassword", "servicePrincipal", remove_password),
    ("addKey", "application", add_key),
    ("addKey", "servicePrincipal", add_key),
    ("changePassword", "user", change_password),
    ("revokeSignInSessions", "user", revoke_sign_in_sessions),
    ("resetPassword", "authenticationMethod", reset_password),
];

/// Returns the refusal of a request that costs more than it may.
fn too_expensive() -> Error {
    Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[])
}

/// Returns the type of the entity to which an operation is bound.
fn type_of<'c>(request: &OperationRequest<'c>) -> Option<&'c StructuredType> {
    let own = request.entity?.properties.own_type;
    request.model.find_structured(own.unwrap_or(request.world.schema.set(request.collection.set).target))
}

/// Returns the objects that have the bound one as a member, directly or through others. Deleted ones keep their members, but do not count.
fn memberships(request: &OperationRequest<'_>) -> Result<Vec<EntityAddress>, Error> {
    let (Some(address), Some(structured)) = (request.address(), type_of(request)) else { return Ok(Vec::new()) };
    let navigations = ["transitiveMemberOf", "memberOf"];
    let Some(navigation) = navigations.iter().find_map(|name| structured.navigation(name)) else { return Ok(Vec::new()) };
    let world = request.world;
    let place = address.collection.within(&world.schema, &address.key, navigation.set);
    let found = links::collection(&world.schema, &world.store, &place, Some(request.purse));
    let found = found.map_err(|TooManyLinks| too_expensive())?.list();
    let targets = found.iter().filter_map(|link| link.linked()).filter(|target| world.store.entity(target).is_some());
    Ok(targets.map(|target| (**target).clone()).collect())
}

/// Returns the ids of the groups among them: all of them, or those for security.
fn groups(request: &OperationRequest<'_>, is_security_only: bool) -> Result<Vec<Arc<str>>, Error> {
    let world = request.world;
    let group = request.model.type_named("group");
    let security = group.and_then(|id| request.model.structured(id).slot("securityEnabled"));
    let is_wanted = |target: &EntityAddress| {
        if Some(world.schema.set(target.collection.set).target) != group {
            return false;
        }
        let Some(entity) = world.store.entity(target) else { return false };
        !is_security_only || security.is_some_and(|slot| *entity.properties.get(slot) == Value::Boolean(true))
    };
    Ok(memberships(request)?.into_iter().filter(is_wanted).map(|target| target.key).collect())
}

fn is_true(argument: &Argument) -> bool {
    *argument == Argument::Value(Value::Boolean(true))
}

fn texts(argument: &Argument) -> Vec<Arc<str>> {
    let Argument::Value(Value::Collection(items)) = argument else { return Vec::new() };
    let text = |item: &Value| if let Value::String(text) = item { Some(text.clone()) } else { None };
    items.iter().filter_map(text).collect()
}

fn strings(texts: impl IntoIterator<Item = Arc<str>>) -> OperationReply {
    OperationReply::Value(Value::Collection(texts.into_iter().map(Value::String).collect()))
}

/// learn.microsoft.com/graph/api/directoryobject-getmembergroups
fn get_member_groups(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    groups(request, is_true(request.argument("securityEnabledOnly"))).map(strings)
}

/// learn.microsoft.com/graph/api/directoryobject-getmemberobjects
fn get_member_objects(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    if is_true(request.argument("securityEnabledOnly")) {
        return groups(request, true).map(strings);
    }
    Ok(strings(memberships(request)?.into_iter().map(|target| target.key)))
}

/// learn.microsoft.com/graph/api/directoryobject-checkmembergroups
fn check_member_groups(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let found: HashSet<Arc<str>> = groups(request, false)?.into_iter().collect();
    Ok(strings(texts(request.argument("groupIds")).into_iter().filter(|id| found.contains(id))))
}

/// learn.microsoft.com/graph/api/directoryobject-checkmemberobjects
fn check_member_objects(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let found: HashSet<Arc<str>> = memberships(request)?.into_iter().map(|target| target.key).collect();
    Ok(strings(texts(request.argument("ids")).into_iter().filter(|id| found.contains(id))))
}

/// learn.microsoft.com/graph/api/directoryobject-getbyids
#[allow(clippy::unnecessary_wraps, reason = "the type of all handlers")]
fn get_by_ids(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (world, model) = (request.world, request.model);
    let types = texts(request.argument("types"));
    let is_wanted = |name: &str| {
        types.is_empty() || types.iter().any(|wanted| wanted.eq_ignore_ascii_case(name) || &**wanted == "directoryObject")
    };
    let base = request.operation.binding.map(|(id, _)| id);
    let sets: Vec<CollectionAddress> = world
        .schema
        .keyed_root_sets()
        .filter(|set| {
            let target = world.schema.set(*set).target;
            world.schema.set(*set).path.find('/').is_none() && base.is_some_and(|base| model.is_a(target, base))
        })
        .map(CollectionAddress::from)
        .collect();
    let find = |id: Arc<str>| {
        sets.iter().find_map(|collection| {
            let entity = world.store.get(collection, &id)?;
            let own = entity.properties.own_type.unwrap_or(world.schema.set(collection.set).target);
            is_wanted(&model.find_structured(own)?.name)
                .then(|| EntityAddress { collection: collection.clone(), key: entity.key.clone() })
        })
    };
    Ok(OperationReply::Entities(texts(request.argument("ids")).into_iter().filter_map(find).collect()))
}

/// learn.microsoft.com/graph/api/directory-deleteditems-restore: the object is where it was, with all that it contains.
fn restore(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (world, Some(entity), Some(structured)) = (request.world, request.entity, type_of(request)) else {
        return Ok(OperationReply::Nothing);
    };
    let missing =
        || Error::new(structured.wording.unknown_entity, &[structured.wording.noun, &entity.key, &structured.full_name]);
    let home = world.schema.home(request.model, structured.id).filter(|home| *home != request.collection.set);
    let home = CollectionAddress::from(home.ok_or_else(missing)?);
    let mut values = entity.properties.clone();
    values.own_type = values.own_type.filter(|own| *own != world.schema.set(home.set).target);
    if let Some(slot) = structured.slot("deletedDateTime") {
        values.set(slot, Value::Null);
    }
    let renewed = structured.slot("renewedDateTime");
    if let Some(slot) = renewed {
        values.set(slot, now(request));
    }
    if let (Some(slot), Argument::Value(Value::String(name))) =
        (structured.slot("userPrincipalName"), request.argument("newUserPrincipalName"))
    {
        values.set(slot, Value::String(name.clone()));
    }
    // Held until the object is stored.
    let _alone = (request.check_unique)(&home, structured, &values)?;
    let restored = Arc::new(StoredEntity::of_type(entity.key.clone(), values, structured.blank_text));
    let collection = world.store.to_change(&home, restored.size() + RECORD_BYTES)?;
    match collection.insert(restored) {
        Ok(()) => {}
        Err(InsertError::Full(full)) => return Err(full.into()),
        Err(InsertError::DuplicateKey) => return Err(missing()),
    }
    let check = |deleted: &Entity| (request.check_condition)(deleted).map_err(OperationProblem::Refused);
    let removed = world.store.at(request.collection).remove_if(&entity.key, check);
    // Another request may have deleted it for good meanwhile.
    let removed = removed.map_err(Error::from).and_then(|removed| removed.ok_or_else(missing));
    if let Err(error) = removed {
        collection.remove(&entity.key);
        return Err(error);
    }
    Ok(OperationReply::Entity(EntityAddress { collection: home, key: entity.key.clone() }))
}

fn now(request: &OperationRequest<'_>) -> Value {
    Value::DateTimeOffset(DateTimeOffset::from_unix_millis(unix_millis(request.now) / 1000 * 1000))
}

/// Changes the values of the bound entity.
fn change(request: &OperationRequest<'_>, change: impl FnOnce(&StructuredType, &mut Complex)) -> Result<(), Error> {
    let (Some(entity), Some(structured)) = (request.entity, type_of(request)) else { return Ok(()) };
    let collection = request.world.store.to_change(request.collection, 0)?;
    let updated = collection.update(&entity.key, |entity| {
        (request.check_condition)(entity).map_err(OperationProblem::Refused)?;
        let mut values = entity.properties.clone();
        change(structured, &mut values);
        Ok::<_, OperationProblem>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
    });
    updated.map_or(Ok(()), |updated| updated.map(drop).map_err(Error::from))
}

/// Appends a complex value to a collection of the bound entity.
fn append(request: &OperationRequest<'_>, name: &str, value: &Complex) -> Result<(), Error> {
    change(request, |structured, values| {
        let Some(slot) = structured.slot(name) else { return };
        let mut items = match values.get(slot) {
            Value::Collection(items) => items.to_vec(),
            _ => Vec::new(),
        };
        items.push(Value::Complex(Arc::new(value.clone())));
        values.set(slot, Value::Collection(items.into()));
    })
}

/// Pays for the items of a collection of the bound entity, which each change of it copies.
fn pay_for_items(request: &OperationRequest<'_>, name: &str) -> Result<(), Error> {
    let structured = request.model.find_structured(request.world.schema.set(request.collection.set).target);
    let value = request.entity.zip(structured.and_then(|structured| structured.slot(name)));
    let items = match value.map(|(entity, slot)| entity.properties.get(slot)) {
        Some(Value::Collection(items)) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        _ => 0,
    };
    let is_paid = request.purse.spend(ITEM_STEPS.saturating_mul(items));
    if is_paid { Ok(()) } else { Err(Error::new(&refusal::QUERY_TOO_EXPENSIVE, &[])) }
}

/// Returns the complex value of an argument, and its type.
fn complex<'c>(request: &OperationRequest<'c>, name: &str, type_name: &str) -> Option<(Complex, &'c StructuredType)> {
    let structured = request.model.structured(request.model.type_named(type_name)?);
    let value = match request.argument(name) {
        Argument::Value(Value::Complex(value)) => (**value).clone(),
        _ => Patch::default().apply(request.model, structured, &Complex::initial(structured)),
    };
    Some((value, structured))
}

/// The steps that an item of a changed collection costs: it is copied, and written as text.
const ITEM_STEPS: u64 = 64;

/// The lifetime of a secret for which the request states none: two years (recorded in Azure/azure-cli `test_app_owner.yaml`).
const SECRET_DAYS: i64 = 730;

/// learn.microsoft.com/graph/api/application-addpassword: the secret is in this answer alone.
fn add_password(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    pay_for_items(request, "passwordCredentials")?;
    let Some((mut value, structured)) = complex(request, "passwordCredential", "passwordCredential") else {
        return Ok(OperationReply::Nothing);
    };
    let bytes = request.world.next_message_bytes();
    let secret = STANDARD.encode(&bytes[..30]).replace(['+', '/'], "~");
    let mut set = |name: &str, new: Value, only_if_absent: bool| {
        if let Some(slot) = structured.slot(name)
            && !(only_if_absent && *value.get(slot) != Value::Null)
        {
            value.set(slot, new);
        }
    };
    let start = unix_millis(request.now);
    set("keyId", Value::String(request.world.next_entity_id().to_string().into()), false);
    set("hint", Value::String(secret[..3].into()), false);
    set("startDateTime", Value::DateTimeOffset(DateTimeOffset::from_unix_millis(start)), true);
    let end = start + SECRET_DAYS * 24 * 3_600_000;
    set("endDateTime", Value::DateTimeOffset(DateTimeOffset::from_unix_millis(end)), true);
    set("secretText", Value::String(secret.into()), false);
    append(request, "passwordCredentials", &value)?;
    Ok(OperationReply::Secret(Value::Complex(Arc::new(value))))
}

/// learn.microsoft.com/graph/api/application-removepassword
fn remove_password(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    pay_for_items(request, "passwordCredentials")?;
    let Argument::Value(Value::String(wanted)) = request.argument("keyId") else { return Ok(OperationReply::Nothing) };
    let slot = request.model.type_named("passwordCredential").and_then(|id| request.model.structured(id).slot("keyId"));
    let is_wanted = |item: &Value| match (item, slot) {
        (Value::Complex(credential), Some(slot)) => {
            matches!(credential.get(slot), Value::String(id) if id.eq_ignore_ascii_case(wanted))
        }
        _ => false,
    };
    let mut is_found = false;
    change(request, |structured, values| {
        let Some(credentials) = structured.slot("passwordCredentials") else { return };
        let Value::Collection(items) = values.get(credentials) else { return };
        let kept: Vec<Value> = items.iter().filter(|item| !is_wanted(item)).cloned().collect();
        is_found = kept.len() < items.len();
        values.set(credentials, Value::Collection(kept.into()));
    })?;
    if is_found { Ok(OperationReply::Nothing) } else { Err(Error::new(&refusal::UNKNOWN_CREDENTIAL, &[wanted])) }
}

/// learn.microsoft.com/graph/api/application-addkey. The proof is not checked.
fn add_key(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    pay_for_items(request, "keyCredentials")?;
    let Some((mut value, structured)) = complex(request, "keyCredential", "keyCredential") else {
        return Ok(OperationReply::Nothing);
    };
    if let Some(slot) = structured.slot("keyId") {
        value.set(slot, Value::String(request.world.next_entity_id().to_string().into()));
    }
    append(request, "keyCredentials", &value)?;
    Ok(OperationReply::Value(Value::Complex(Arc::new(value))))
}

/// learn.microsoft.com/graph/api/user-changepassword. The present password is not checked: the directory keeps none that it shows.
fn change_password(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let Argument::Value(Value::String(new)) = request.argument("newPassword") else { return Ok(OperationReply::Nothing) };
    checks::check_password(request.world, new, &mut request.decided.borrow_mut())?;
    let model = request.model;
    change(request, |structured, values| {
        set_password(model, structured, values, new, now(request));
    })?;
    revoke(request);
    Ok(OperationReply::Nothing)
}

/// learn.microsoft.com/graph/api/authenticationmethod-resetpassword (medium): 202 with the address of an operation, which is done at once here. A
/// password that the request does not have is made up, and is in this answer alone; its form is a guess (none).
fn reset_password(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (world, model) = (request.world, request.model);
    let parse = |text: &str| EntityAddress::parse(&world.schema, model, text);
    let above = |address: &EntityAddress| address.collection.holder.as_deref().and_then(parse);
    let Some(holder) = request.address().as_ref().and_then(above) else { return Ok(OperationReply::Nothing) };
    let Some(user) = above(&holder).filter(|user| user.collection.holder.is_none()) else { return Ok(OperationReply::Nothing) };
    let given = match request.argument("newPassword") {
        Argument::Value(Value::String(given)) => Some(given.clone()),
        _ => None,
    };
    if let Some(given) = &given {
        checks::check_password(world, given, &mut request.decided.borrow_mut())?;
    }
    let made = || -> Arc<str> { format!("Aa1{}", &world.next_tag_id().simple().to_string()[..9]).into() };
    let password = given.clone().unwrap_or_else(made);
    let holder_type = model.find_structured(world.schema.set(holder.collection.set).target);
    let Some(navigation) = holder_type.and_then(|holder| holder.navigation("operations")) else {
        return Ok(OperationReply::Nothing);
    };
    let place = holder.collection.within(&world.schema, &holder.key, navigation.set);
    let operation = model.structured(navigation.target);
    let status = operation.property("status").and_then(|index| {
        let member = model.member(operation.properties[index].kind, "succeeded").map(Value::Enum)?;
        Some(PropertyChange { property: index, to: NewValue::Set(member) })
    });
    let time = operation.property("lastActionDateTime");
    let time = time.map(|property| PropertyChange { property, to: NewValue::Set(now(request)) });
    let changes = status.into_iter().chain(time).collect();
    let address = (request.create)(&place, &Patch { changes, ..Patch::default() })?;
    let user_type = model.structured(world.schema.set(user.collection.set).target);
    let updated = world.store.to_change(&user.collection, 0)?.update(&user.key, |entity| {
        let structured = model.actual(user_type, entity.properties.own_type);
        let mut values = entity.properties.clone();
        set_password(model, structured, &mut values, &password, now(request));
        Ok::<_, OperationProblem>(Entity::of_type(entity.key.clone(), values, structured.blank_text))
    });
    if let Some(Err(problem)) = updated {
        world.store.to_remove(&address.collection).remove(&address.key);
        return Err(problem.into());
    }
    world.sign_ins.revoke(&user.key, unix_millis(request.now).div_euclid(1000));
    let Some(OperationType::Value(PropertyType::Complex(id))) = request.operation.returns else {
        return Ok(OperationReply::AcceptedAt(address, None));
    };
    let structured = model.structured(id);
    let mut value = Complex::initial(structured);
    if let (None, Some(slot)) = (given, structured.slot("newPassword")) {
        value.set(slot, Value::String(password));
    }
    Ok(OperationReply::AcceptedAt(address, Some(Value::Complex(Arc::new(value)))))
}

/// Sets the password of a user.
fn set_password(model: &Model, structured: &StructuredType, values: &mut Complex, password: &Arc<str>, now: Value) {
    let Some(index) = structured.property("passwordProfile") else { return };
    let property = &structured.properties[index];
    let PropertyType::Complex(id) = property.kind else { return };
    let profile_type = model.structured(id);
    let mut profile = match values.get(property.slot) {
        Value::Complex(profile) => (**profile).clone(),
        _ => Complex::initial(profile_type),
    };
    let members = [("password", Value::String(password.clone())), ("forceChangePasswordNextSignIn", Value::Boolean(false))];
    for (name, value) in members {
        if let Some(slot) = profile_type.slot(name) {
            profile.set(slot, value);
        }
    }
    values.set(property.slot, Value::Complex(Arc::new(profile)));
    if let Some(slot) = structured.slot("lastPasswordChangeDateTime") {
        values.set(slot, now);
    }
}

/// Revokes the tokens of the bound user.
fn revoke(request: &OperationRequest<'_>) {
    if let Some(entity) = request.entity {
        request.world.sign_ins.revoke(&entity.key, unix_millis(request.now).div_euclid(1000));
    }
}

/// learn.microsoft.com/graph/api/user-revokesigninsessions, which answers with true (concepts/known-issues of microsoft-graph-docs).
fn revoke_sign_in_sessions(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    change(request, |structured, values| {
        if let Some(slot) = structured.slot("signInSessionsValidFromDateTime") {
            values.set(slot, now(request));
        }
    })?;
    revoke(request);
    Ok(OperationReply::Value(Value::Boolean(true)))
}
