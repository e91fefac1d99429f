//! Users who sign in.

use uuid::Uuid;

use crate::edm::value::{Complex, Value};
use crate::world::World;
use crate::world::fixture::directory::{Directory, User, id_of};

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

/// Returns the user of a world with a name or id: of the directory file, else of the entities, else any.
pub(crate) fn account(world: &World, name: Option<&str>) -> Option<User> {
    let stored = || stored(world, name.unwrap_or(LOCAL_USER.0));
    let stored = if world.directory.users.is_none() { stored() } else { None };
    stored.or_else(|| user_named(&world.directory, name))
}

/// Returns the stored user with a name or id.
fn stored(world: &World, name: &str) -> Option<User> {
    let set = world.schema.set_named("users")?;
    let (_, structured) = world.schema.entity_type(world.schema.widest(), set)?;
    let text = |values: &Complex, property: &str| match values.get(structured.slot(property)?) {
        Value::String(text) => Some(text.to_string()),
        _ => None,
    };
    let users = world.store.collection(set);
    let is_named = |values: &Complex| text(values, "userPrincipalName").is_some_and(|known| known.eq_ignore_ascii_case(name));
    let entity = users.get(name).or_else(|| users.list().into_iter().find(|entity| is_named(&entity.properties)))?;
    let values = &entity.properties;
    let enabled = structured.slot("accountEnabled").map(|slot| values.get(slot));
    Some(User {
        id: entity.key.to_string(),
        user_principal_name: text(values, "userPrincipalName").unwrap_or_else(|| name.to_owned()),
        display_name: text(values, "displayName"),
        given_name: text(values, "givenName"),
        surname: text(values, "surname"),
        mail: text(values, "mail"),
        account_enabled: if enabled == Some(&Value::Boolean(false)) { Some(false) } else { None },
        ..User::default()
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
