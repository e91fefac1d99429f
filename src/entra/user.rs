//! Users who sign in.

use uuid::Uuid;

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
