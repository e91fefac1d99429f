//! The ids of Graph's permissions, as microsoftgraph/microsoft-graph-devx-content publishes them (2026, MIT).
//!
//! `tests/permissions/names` writes the table, which is read in place.

/// The table: in each line a name, the id as a delegated permission, and that as an application permission, or a dash.
static TABLE: &str = include_str!("../../../fixtures/permissions/names.txt");

/// The kinds of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PermissionKind {
    /// A scope of users.
    Delegated,
    /// A role of applications.
    Application,
}

/// Returns the names and ids of all permissions of a kind.
pub(crate) fn published(kind: PermissionKind) -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(move |line| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let id = match kind {
            PermissionKind::Delegated => words.next()?,
            PermissionKind::Application => words.nth(1)?,
        };
        (id != "-").then_some((name, id))
    })
}

/// Returns the id of a permission.
pub(crate) fn id_of_permission(name: &str, kind: PermissionKind) -> Option<&'static str> {
    published(kind).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, id)| id)
}

/// Returns the name of the permission with an id.
pub(crate) fn permission_with_id(id: &str, kind: PermissionKind) -> Option<&'static str> {
    published(kind).find(|(_, known)| known.eq_ignore_ascii_case(id)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_permission_has_an_id_of_its_own() {
        for kind in [PermissionKind::Delegated, PermissionKind::Application] {
            let all: Vec<_> = published(kind).collect();
            assert!(all.len() > 500, "{}", all.len());
            for (name, id) in all {
                assert!(Uuid::try_parse(id).is_ok(), "{name}");
                assert_eq!((id_of_permission(name, kind), permission_with_id(id, kind)), (Some(id), Some(name)));
            }
        }
        let read = "e1fe6dd8-ba31-4d61-89e7-88639da4683d";
        assert_eq!(id_of_permission("user.read", PermissionKind::Delegated), Some(read));
        assert_eq!(id_of_permission("User.Read", PermissionKind::Application), None);
        assert_eq!(permission_with_id(read, PermissionKind::Application), None);
    }
}
