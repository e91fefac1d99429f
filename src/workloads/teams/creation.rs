//! The parts of a new team: its group, its first owner, the channel General, and the operation that has made it.
//!
//! Medium (learn.microsoft.com/graph/api/team-post): 202 with the address of an operation, which is done at once here. Settings, channels and
//! applications of a template are not emulated.

use std::sync::Arc;

use crate::edm::address::{CollectionAddress, EntityAddress};
use crate::edm::patch::{NewValue, Patch, PropertyChange, Related, RelatedEntities};
use crate::edm::schema::{OperationType, Property, PropertyType, Root, StructuredType};
use crate::edm::value::Value;
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::odata::read::Argument;
use crate::policy::refusal;
use crate::workloads::teams::operations;
use crate::world::World;
use crate::world::workload::{Creation, OperationReply, OperationRequest, OperationRow, Started, ValueRule, text_of};

/// Operations that create a team, and the functions that answer their calls.
pub(super) const OPERATIONS: &[OperationRow] = &[("clone", "team", clone)];

/// The name of the first channel of a team.
const GENERAL: &str = "General";

/// Function that asks for the part of the schema that has the place of the operation, before a team is stored.
pub(super) const VALUE_RULES: [(&str, ValueRule); 1] = [("team", |written| {
    if written.current.is_none() && written.model.may_have_unread_member(written.structured, "operations") {
        return Err(Error::new(&refusal::UNKNOWN_PROPERTY, &["operations", &written.structured.full_name]));
    }
    Ok(())
})];

pub(super) fn complete(creation: &Creation<'_>) -> Result<Option<Started>, Error> {
    if &*creation.structured.full_name != "microsoft.graph.team" || creation.address.collection.holder.is_some() {
        return Ok(None);
    }
    add_owner(creation)?;
    add_channel(creation)?;
    let create = |place: &CollectionAddress, patch: &Patch| (creation.create)(place, None, patch);
    let context = (creation.world, creation.model, creation.now);
    let (location, _) = operations::operation(context, creation.address, creation.structured, "createTeam", None, &create)?;
    // The parts within the team are removed with it, if the group cannot be created.
    add_group(creation, None)?;
    let content_location = format!("/{}", creation.address.text(&creation.world.schema));
    Ok(Some(Started { location, content_location }))
}

/// Creates a copy of the bound team (learn.microsoft.com/graph/api/team-clone, medium): 202 with the address of an operation of that team, which is
/// done at once here and names the new one. Settings, channels and members are copied, as the request names them; applications and tabs are not
/// (none).
fn clone(request: &OperationRequest<'_>) -> Result<OperationReply, Error> {
    let (Some(source), Some(address)) = (request.entity, request.address()) else { return Ok(OperationReply::Nothing) };
    let (world, model) = (request.world, request.model);
    let structured = model.structured(world.schema.set(address.collection.set).target);
    let Some(root) = model.root("teams") else { return Ok(OperationReply::Nothing) };
    let has_part = |name: &str| {
        let parameter = request.operation.parameter("partsToClone").map(|index| &request.operation.parameters[index]);
        let member = parameter.and_then(|parameter| match parameter.kind {
            OperationType::Value(kind) => model.member(kind, name),
            OperationType::Entity(_) | OperationType::Entities(_) => None,
        });
        match (request.argument("partsToClone"), member) {
            (Argument::Value(Value::Enum(parts)), Some(member)) => parts & member == member,
            _ => false,
        }
    };
    let argument = |name: &str| match request.argument(name) {
        Argument::Value(value) if *value != Value::Null => Some(value.clone()),
        _ => None,
    };
    let named = ["displayName", "description", "classification", "visibility"];
    let mut changes: Vec<PropertyChange> = named.iter().filter_map(|name| set(structured, name, argument(name)?)).collect();
    if has_part("settings") {
        let is_setting = |property: &&Property| property.name.ends_with("Settings") && !property.read_only;
        changes.extend(structured.properties.iter().map(|property| &**property).filter(is_setting).filter_map(|property| {
            let value = source.properties.get(property.slot);
            set(structured, &property.name, value.clone()).filter(|_| *value != Value::Null)
        }));
    }
    let new = (request.create)(&CollectionAddress::from(root.set), &Patch { changes, ..Patch::default() })?;
    let completed = copy_parts(request, &address, &new, structured, &has_part).and_then(|()| {
        let entity = world.store.entity(&new).ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
        let (headers, now, create) = (request.headers, request.now, request.create_as);
        let creation = Creation { world, model, structured, address: &new, entity: &entity, headers, now, create };
        add_owner(&creation)?;
        add_channel(&creation)?;
        let create = |place: &CollectionAddress, patch: &Patch| (request.create)(place, patch);
        let operation =
            operations::operation((world, model, request.now), &address, structured, "cloneTeam", Some(&new), &create)?;
        let nickname = argument("mailNickname");
        let nickname = nickname.as_ref().and_then(|name| if let Value::String(name) = name { Some(&**name) } else { None });
        add_group(&creation, nickname).inspect_err(|_| discard(world, operation.1.as_ref()))?;
        Ok(operation.0)
    });
    completed.map(OperationReply::Accepted).inspect_err(|_| discard(world, Some(&new)))
}

/// Removes an entity that was created in vain, with what it contains. It is the store's own, so that takes no room.
fn discard(world: &World, made: Option<&EntityAddress>) {
    let Some(made) = made else { return };
    world.store.empty_within(made.collection.root, &made.text(&world.schema));
    if let Ok(collection) = world.store.to_change(&made.collection, 0) {
        let _ = collection.remove(&made.key);
    }
}

/// Copies members and channels of a team to a new one, as far as the parts are wanted.
fn copy_parts(
    request: &OperationRequest<'_>,
    from: &EntityAddress,
    to: &EntityAddress,
    structured: &StructuredType,
    has_part: &dyn Fn(&str) -> bool,
) -> Result<(), Error> {
    let (world, model) = (request.world, request.model);
    for name in ["members", "channels"].into_iter().filter(|name| has_part(name)) {
        let Some(navigation) = structured.navigation(name) else { continue };
        let place = |team: &EntityAddress| team.collection.within(&world.schema, &team.key, navigation.set);
        let declared = model.structured(navigation.target);
        for item in world.store.list(&place(from)) {
            let own_type = model.actual(declared, item.properties.own_type);
            // The values that a request cannot set follow from the new team, or have new ones.
            let is_copied =
                |property: &Property| !property.read_only && property.server_set.is_none() && !OWN.contains(&&*property.name);
            let changes = own_type.properties.iter().filter(|property| is_copied(property)).filter_map(|property| {
                let value = item.properties.get(property.slot);
                set(own_type, &property.name, value.clone()).filter(|_| *value != Value::Null)
            });
            let patch = Patch { read_as: item.properties.own_type, changes: changes.collect(), ..Patch::default() };
            (request.create)(&place(to), &patch)?;
        }
    }
    Ok(())
}

/// The properties of members and channels that each has of its own.
const OWN: [&str; 4] = ["id", "email", "webUrl", "filesFolderWebUrl"];

/// Returns a collection of the team, and the type of its entities.
fn within<'c>(creation: &Creation<'c>, name: &str) -> Option<(CollectionAddress, &'c StructuredType)> {
    let navigation = creation.structured.navigation(name)?;
    let address = creation.address;
    let place = address.collection.within(&creation.world.schema, &address.key, navigation.set);
    Some((place, creation.model.structured(navigation.target)))
}

fn set(structured: &StructuredType, name: &str, value: Value) -> Option<PropertyChange> {
    Some(PropertyChange { property: structured.property(name)?, to: NewValue::Set(value) })
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn texts(items: &[&str]) -> Value {
    Value::Collection(items.iter().map(|item| text(item)).collect())
}

/// Adds the caller as the owner, unless the request has members.
fn add_owner(creation: &Creation<'_>) -> Result<(), Error> {
    let Some((place, _)) = within(creation, "members") else { return Ok(()) };
    let Some(id) = creation.model.type_named("aadUserConversationMember") else { return Ok(()) };
    let member = creation.model.structured(id);
    let Some(user) = member.navigations.iter().position(|navigation| &*navigation.name == "user") else { return Ok(()) };
    if !creation.world.store.at(&place).is_empty() {
        return Ok(());
    }
    let owner = match caller::caller(creation.headers) {
        Caller::User(person) => person.id,
        Caller::Unknown => LOCAL_USER.0.to_owned(),
        // The page asks an application to name the owner; without one, the team has no owner.
        Caller::Application(_) => return Ok(()),
    };
    let is_known = |root: &Root| creation.world.store.at(&CollectionAddress::from(root.set)).get(&owner).is_some();
    if !creation.model.root("users").is_some_and(is_known) {
        return Ok(());
    }
    let bound = RelatedEntities::Bound(vec![format!("users/{owner}").into()]);
    let patch = Patch {
        read_as: Some(id),
        changes: set(member, "roles", texts(&["owner"])).into_iter().collect(),
        related: vec![Related { navigation: user, entities: bound }],
        ..Patch::default()
    };
    (creation.create)(&place, None, &patch).map(drop)
}

/// Adds the group of the team, which has its id, with the members of the team, and a nickname that the request has or that follows from the name.
fn add_group(creation: &Creation<'_>, nickname: Option<&str>) -> Result<(), Error> {
    let (world, model) = (creation.world, creation.model);
    let Some(root) = model.root("groups") else { return Ok(()) };
    let place = CollectionAddress::from(root.set);
    let key = &creation.address.key;
    if world.store.at(&place).get(key).is_some() {
        return Ok(());
    }
    let group = model.structured(root.target);
    let own = |name: &str| text_of(creation.structured, &creation.entity.properties, name);
    let name = own("displayName").unwrap_or_default();
    let of_name = || name.chars().filter(char::is_ascii_alphanumeric).collect();
    let nickname: String = nickname.map_or_else(of_name, str::to_owned);
    // A part of the key distinguishes it from that of another group.
    let suffix: String = key.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let nickname = if nickname.is_empty() { format!("team{suffix}") } else { nickname };
    let visibility = creation.structured.property("visibility").and_then(|index| {
        let property = &creation.structured.properties[index];
        match (property.kind, creation.entity.properties.get(property.slot)) {
            (PropertyType::Enum(id), Value::Enum(number)) => {
                let members = &model.enumeration(id).members;
                members.iter().find(|(_, own)| own == number).map(|(name, _)| capitalized(name))
            }
            _ => None,
        }
    });
    let values = [
        ("displayName", Some(Value::String(name))),
        ("description", own("description").map(Value::String)),
        ("mailEnabled", Some(Value::Boolean(true))),
        ("securityEnabled", Some(Value::Boolean(false))),
        ("groupTypes", Some(texts(&["Unified"]))),
        ("resourceProvisioningOptions", Some(texts(&["Team"]))),
        ("visibility", visibility.as_deref().map(text)),
    ];
    let changes = values.into_iter().filter_map(|(name, value)| set(group, name, value?)).collect();
    let people = people(creation);
    let bound = |name: &str, is_wanted: fn(&(Arc<str>, bool)) -> bool| {
        let navigation = group.navigations.iter().position(|navigation| &*navigation.name == name)?;
        let found: Vec<Arc<str>> =
            people.iter().filter(|person| is_wanted(person)).map(|(id, _)| format!("users/{id}").into()).collect();
        (!found.is_empty()).then(|| Related { navigation, entities: RelatedEntities::Bound(found) })
    };
    let related = bound("owners", |(_, is_owner)| *is_owner).into_iter().chain(bound("members", |_| true)).collect();
    let mut patch = Patch { changes, related, ..Patch::default() };
    let mut create = |nickname: &str| {
        let Some(change) = set(group, "mailNickname", text(nickname)) else { return Ok(()) };
        patch.changes.retain(|other| other.property != change.property);
        patch.changes.push(change);
        (creation.create)(&place, Some(key.clone()), &patch).map(drop)
    };
    match create(&nickname) {
        Err(error) if error.refusal == &refusal::NOT_UNIQUE => create(&format!("{nickname}{suffix}")),
        created => created,
    }
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns the users in the team that the directory knows, and whether they are owners.
fn people(creation: &Creation<'_>) -> Vec<(Arc<str>, bool)> {
    let Some((place, declared)) = within(creation, "members") else { return Vec::new() };
    let (model, store) = (creation.model, &creation.world.store);
    let users = model.root("users").map(|root| CollectionAddress::from(root.set));
    let mut found = Vec::new();
    for member in store.at(&place).list() {
        let structured = model.actual(declared, member.properties.own_type);
        let Some(id) = text_of(structured, &member.properties, "userId") else { continue };
        let is_known = users
            .as_ref()
            .is_some_and(|users| store.entity(&EntityAddress { collection: users.clone(), key: id.clone() }).is_some());
        let is_owner = structured.slot("roles").is_some_and(|slot| match member.properties.get(slot) {
            Value::Collection(roles) => roles.contains(&text("owner")),
            _ => false,
        });
        if is_known {
            found.push((id, is_owner));
        }
    }
    found
}

/// Adds the first channel, unless the request has it.
fn add_channel(creation: &Creation<'_>) -> Result<(), Error> {
    let Some((place, channel)) = within(creation, "channels") else { return Ok(()) };
    let is_general = |name: Arc<str>| name.eq_ignore_ascii_case(GENERAL);
    let channels = creation.world.store.at(&place).list();
    if channels.iter().any(|other| text_of(channel, &other.properties, "displayName").is_some_and(is_general)) {
        return Ok(());
    }
    let patch = Patch { changes: set(channel, "displayName", text(GENERAL)).into_iter().collect(), ..Patch::default() };
    (creation.create)(&place, None, &patch).map(drop)
}
