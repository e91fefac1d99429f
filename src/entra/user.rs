//! Users who sign in.

use std::sync::Arc;

use uuid::Uuid;

use super::record::{Record, entities, find, root};
use super::registry::is_deleted;
use crate::world::World;
use crate::world::fixture::directory::{Directory, User, id_of};
use crate::world::store::StoredEntity;

pub(crate) use crate::world::fixture::directory::LOCAL_USER;

/// Returns the user who signs in without a name.
pub fn local_user() -> User {
    User {
        id: LOCAL_USER.0.to_owned(),
        user_principal_name: "local.user@contoso.onmicrosoft.com".to_owned(),
        display_name: Some(LOCAL_USER.1.to_owned()),
        ..User::default()
    }
}

/// The most users that are listed.
const LISTED: usize = 100;

/// Returns the user of a world with a name or id, without one the first user. A world whose directory file has no list of users accepts any
/// name.
pub(crate) fn account(world: &World, name: Option<&str>) -> Option<User> {
    if !has_entities(world) {
        return user_named(&world.directory, name);
    }
    match name {
        None if world.directory.users.is_some() => listed(world).into_iter().next(),
        None => stored(world, LOCAL_USER.0).or_else(|| user_named(&world.directory, None)),
        Some(name) => match stored(world, name) {
            None if world.directory.users.is_some() || is_deleted(world, "users", "userPrincipalName", name) => None,
            None if is_deleted(world, "users", "id", name) => None,
            None => user_named(&world.directory, Some(name)),
            found => found,
        },
    }
}

/// Returns the users whom a directory file lists, and those who came later. Without a list, there are too many.
pub(crate) fn listed(world: &World) -> Vec<User> {
    let Some(filed) = &world.directory.users else { return Vec::new() };
    if !has_entities(world) {
        return filed.clone();
    }
    let mut users: Vec<User> = filed.iter().filter_map(|user| stored(world, &user.id)).collect();
    let is_new = |entity: &Arc<StoredEntity>| !filed.iter().any(|user| *user.id == *entity.key) && is_insider(world, entity);
    let later = entities(world, "users").into_iter().filter(is_new);
    users.extend(later.take(LISTED).filter_map(|entity| read(world, &entity)));
    users
}

/// Returns whether the entities of the world decide.
fn has_entities(world: &World) -> bool {
    (world.directory.users.is_none() || world.directory.is_seeded) && world.schema.set_named("users").is_some()
}

fn is_insider(world: &World, entity: &Arc<StoredEntity>) -> bool {
    !world.directory.outsiders.contains(&*entity.key)
}

/// Returns the stored user with a name or id.
fn stored(world: &World, name: &str) -> Option<User> {
    let users = root(world, "users")?;
    let entity = world.store.get(&users, name).or_else(|| find(world, "users", "userPrincipalName", name))?;
    Some(entity).filter(|entity| is_insider(world, entity)).and_then(|entity| read(world, &entity))
}

fn read(world: &World, entity: &StoredEntity) -> Option<User> {
    let record = Record::of(world, "users", entity)?;
    let text = |name: &str| record.text(name).map(str::to_owned);
    let profile = record.inner("passwordProfile");
    let filed = world.directory.users.iter().flatten().find(|user| *user.id == *entity.key);
    Some(User {
        id: entity.key.to_string(),
        user_principal_name: text("userPrincipalName").unwrap_or_else(|| entity.key.to_string()),
        display_name: text("displayName"),
        given_name: text("givenName"),
        surname: text("surname"),
        mail: text("mail"),
        usage_location: text("usageLocation"),
        password: profile.and_then(|profile| profile.text("password")).map(str::to_owned),
        password_expired: profile.and_then(|profile| profile.flag("forceChangePasswordNextSignIn")) == Some(true),
        account_enabled: if record.flag("accountEnabled") == Some(false) { Some(false) } else { None },
        groups: Vec::new(),
        // They have no place in Graph.
        directory_roles: filed.map(|user| user.directory_roles.clone()).unwrap_or_default(),
        home: filed.and_then(|user| user.home.clone()),
    })
}

/// Returns the user of a directory with a name or id, without one the first user. A directory without a list of users accepts any name.
pub(crate) fn user_named(directory: &Directory, name: Option<&str>) -> Option<User> {
    let local = local_user();
    match (&directory.users, name) {
        (None, None) => Some(local),
        (None, Some(name)) if name.eq_ignore_ascii_case(&local.user_principal_name) => Some(local),
        (None, Some(name)) if name == local.id => Some(local),
        (None, Some(name)) => Some(User {
            // An id names itself.
            id: Uuid::try_parse(name).map_or_else(|_| id_of(&name.to_lowercase()), |id| id.to_string()),
            user_principal_name: name.to_owned(),
            display_name: Some(name.to_owned()),
            ..User::default()
        }),
        (Some(users), None) => users.first().cloned(),
        (Some(users), Some(name)) => {
            users.iter().find(|user| user.user_principal_name.eq_ignore_ascii_case(name) || user.id == name).cloned()
        }
    }
}
