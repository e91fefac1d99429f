//! The permissions of each operation: for the types of Shifts and Teams as the reference pages list them, for all others as published.

mod names;
mod operations;

pub(crate) use self::names::{PermissionKind, id_of_permission, permission_with_id, published};
pub(crate) use self::operations::{OperationPermissions, Sufficient, TokenKind, are_published, of_operation, with_writers};

/// The kind of an operation, one for each kind of reference page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Reading a collection or a part of it.
    List,
    /// Reading an entity or a part of it.
    Get,
    /// Creating an entity.
    Create,
    /// Updating an entity.
    Update,
    /// Deleting an entity.
    Delete,
}

/// The permissions of one operation on one resource, each list from the least to the most privileged.
#[derive(Debug)]
pub struct Permission {
    /// The full name of the resource's type.
    pub resource: &'static str,
    /// The operation.
    pub operation: OperationKind,
    /// The scopes of delegated tokens; one is sufficient.
    pub delegated: &'static [&'static str],
    /// The roles of application tokens; one is sufficient.
    pub application: &'static [&'static str],
    /// Whether personal accounts are supported.
    pub personal: bool,
    /// The reference page, below learn.microsoft.com/graph/api.
    pub page: &'static str,
}

const READ: &[&str] = &["WorkforceIntegration.Read.All", "WorkforceIntegration.ReadWrite.All"];
const WRITE: &[&str] = &["WorkforceIntegration.ReadWrite.All"];

const fn work(operation: OperationKind, permissions: &'static [&'static str], page: &'static str) -> Permission {
    let resource = "microsoft.graph.workforceIntegration";
    Permission { resource, operation, delegated: permissions, application: permissions, personal: false, page }
}

/// Permissions of schedules and their entities, which differ between delegated and application tokens.
const fn shifts(resource: &'static str, operation: OperationKind, page: &'static str) -> Permission {
    let (delegated, application): (&[&str], &[&str]) = match operation {
        OperationKind::List | OperationKind::Get => (
            &["Schedule.Read.All", "Group.Read.All", "Schedule.ReadWrite.All", "Group.ReadWrite.All"],
            &["Schedule.Read.All", "Schedule.ReadWrite.All"],
        ),
        OperationKind::Create | OperationKind::Update | OperationKind::Delete => {
            (&["Schedule.ReadWrite.All", "Group.ReadWrite.All"], &["Schedule.ReadWrite.All"])
        }
    };
    Permission { resource, operation, delegated, application, personal: false, page }
}

/// Permissions of what a schedule got later, which those of groups do not include.
const fn schedules(resource: &'static str, operation: OperationKind, page: &'static str) -> Permission {
    let permissions: &[&str] = match operation {
        OperationKind::List | OperationKind::Get => &["Schedule.Read.All", "Schedule.ReadWrite.All"],
        OperationKind::Create | OperationKind::Update | OperationKind::Delete => &["Schedule.ReadWrite.All"],
    };
    Permission { resource, operation, delegated: permissions, application: permissions, personal: false, page }
}

const LIST_TEAMS: &[&str] = &["Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All"];
const GET_TEAM: &[&str] = &[
    "Team.ReadBasic.All",
    "TeamSettings.Read.All",
    "TeamSettings.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
];

/// Permissions of teams, without resource-specific consent (`TeamSettings.Read.Group`), which tokens do not contain.
const fn teams(operation: OperationKind, permissions: &'static [&'static str], page: &'static str) -> Permission {
    let resource = "microsoft.graph.team";
    Permission { resource, operation, delegated: permissions, application: permissions, personal: false, page }
}

/// The table of permissions, from the pages of 2025; until about 2024 the pages for integrations did not support application tokens. Two
/// mistakes on the pages are not followed: a permission to read groups for timeoff-put, one to read schedules for shift-delete. Decisions
/// about requests and steps of time cards have no row: they need what is published for their addresses.
pub static PERMISSIONS: &[Permission] = &[
    work(OperationKind::List, READ, "workforceintegration-list"),
    work(OperationKind::Get, READ, "workforceintegration-get"),
    work(OperationKind::Create, WRITE, "workforceintegration-post"),
    work(OperationKind::Update, WRITE, "workforceintegration-update"),
    work(OperationKind::Delete, WRITE, "workforceintegration-delete"),
    teams(OperationKind::List, LIST_TEAMS, "teams-list"),
    teams(OperationKind::Get, GET_TEAM, "team-get"),
    shifts("microsoft.graph.schedule", OperationKind::Get, "schedule-get"),
    shifts("microsoft.graph.schedule", OperationKind::Update, "team-put-schedule"),
    shifts("microsoft.graph.shift", OperationKind::List, "schedule-list-shifts"),
    shifts("microsoft.graph.shift", OperationKind::Get, "shift-get"),
    shifts("microsoft.graph.shift", OperationKind::Create, "schedule-post-shifts"),
    shifts("microsoft.graph.shift", OperationKind::Update, "shift-put"),
    shifts("microsoft.graph.shift", OperationKind::Delete, "shift-delete"),
    shifts("microsoft.graph.openShift", OperationKind::List, "openshift-list"),
    shifts("microsoft.graph.openShift", OperationKind::Get, "openshift-get"),
    shifts("microsoft.graph.openShift", OperationKind::Create, "openshift-post"),
    shifts("microsoft.graph.openShift", OperationKind::Update, "openshift-update"),
    shifts("microsoft.graph.openShift", OperationKind::Delete, "openshift-delete"),
    shifts("microsoft.graph.timeOffReason", OperationKind::List, "schedule-list-timeoffreasons"),
    shifts("microsoft.graph.timeOffReason", OperationKind::Get, "timeoffreason-get"),
    shifts("microsoft.graph.timeOffReason", OperationKind::Create, "schedule-post-timeoffreasons"),
    shifts("microsoft.graph.timeOffReason", OperationKind::Update, "timeoffreason-put"),
    shifts("microsoft.graph.timeOffReason", OperationKind::Delete, "timeoffreason-delete"),
    shifts("microsoft.graph.timeOff", OperationKind::List, "schedule-list-timesoff"),
    shifts("microsoft.graph.timeOff", OperationKind::Get, "timeoff-get"),
    shifts("microsoft.graph.timeOff", OperationKind::Create, "schedule-post-timesoff"),
    shifts("microsoft.graph.timeOff", OperationKind::Update, "timeoff-put"),
    shifts("microsoft.graph.timeOff", OperationKind::Delete, "timeoff-delete"),
    shifts("microsoft.graph.schedulingGroup", OperationKind::List, "schedule-list-schedulinggroups"),
    shifts("microsoft.graph.schedulingGroup", OperationKind::Get, "schedulinggroup-get"),
    shifts("microsoft.graph.schedulingGroup", OperationKind::Create, "schedule-post-schedulinggroups"),
    shifts("microsoft.graph.schedulingGroup", OperationKind::Update, "schedulinggroup-put"),
    shifts("microsoft.graph.schedulingGroup", OperationKind::Delete, "schedulinggroup-delete"),
    shifts("microsoft.graph.timeOffRequest", OperationKind::List, "timeoffrequest-list"),
    shifts("microsoft.graph.timeOffRequest", OperationKind::Get, "timeoffrequest-get"),
    shifts("microsoft.graph.timeOffRequest", OperationKind::Delete, "timeoffrequest-delete"),
    Permission {
        application: &["Schedule.ReadWrite.All"],
        delegated: &["Schedule.ReadWrite.All", "Group.ReadWrite.All"],
        ..shifts("microsoft.graph.offerShiftRequest", OperationKind::List, "offershiftrequest-list")
    },
    shifts("microsoft.graph.offerShiftRequest", OperationKind::Get, "offershiftrequest-get"),
    shifts("microsoft.graph.offerShiftRequest", OperationKind::Create, "offershiftrequest-post"),
    shifts("microsoft.graph.swapShiftsChangeRequest", OperationKind::List, "swapshiftschangerequest-list"),
    shifts("microsoft.graph.swapShiftsChangeRequest", OperationKind::Get, "swapshiftschangerequest-get"),
    shifts("microsoft.graph.swapShiftsChangeRequest", OperationKind::Create, "swapshiftschangerequest-post"),
    shifts("microsoft.graph.openShiftChangeRequest", OperationKind::List, "openshiftchangerequest-list"),
    shifts("microsoft.graph.openShiftChangeRequest", OperationKind::Get, "openshiftchangerequest-get"),
    shifts("microsoft.graph.openShiftChangeRequest", OperationKind::Create, "openshiftchangerequest-post"),
    schedules("microsoft.graph.timeCard", OperationKind::List, "timecard-list"),
    schedules("microsoft.graph.timeCard", OperationKind::Get, "timecard-get"),
    schedules("microsoft.graph.timeCard", OperationKind::Create, "timecard-post"),
    schedules("microsoft.graph.timeCard", OperationKind::Delete, "timecard-delete"),
    schedules("microsoft.graph.dayNote", OperationKind::List, "daynote-list"),
    schedules("microsoft.graph.dayNote", OperationKind::Get, "daynote-get"),
    schedules("microsoft.graph.dayNote", OperationKind::Create, "daynote-post"),
    schedules("microsoft.graph.dayNote", OperationKind::Update, "daynote-update"),
    schedules("microsoft.graph.dayNote", OperationKind::Delete, "daynote-delete"),
];

/// Returns the permissions of an operation; `None`, as for types of a custom schema, if any token is sufficient.
pub(crate) fn of(resource: &str, operation: OperationKind) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|row| row.operation == operation && row.resource == resource)
}

/// The permissions that tokens have by default in addition to those of [`PERMISSIONS`]: with them, clients can do nearly all that is emulated.
pub(crate) const COMMON: &[&str] = &[
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Calendars.ReadWrite",
    "Channel.Create",
    "ChannelMember.ReadWrite.All",
    "ChannelMessage.Send",
    "ChannelSettings.ReadWrite.All",
    "Chat.ReadWrite",
    "Contacts.ReadWrite",
    "Directory.ReadWrite.All",
    "Domain.ReadWrite.All",
    "Files.ReadWrite",
    "Files.ReadWrite.All",
    "Group.ReadWrite.All",
    "GroupMember.ReadWrite.All",
    "Mail.ReadWrite",
    "Mail.Send",
    "MailboxSettings.ReadWrite",
    "Notes.ReadWrite.All",
    "Organization.ReadWrite.All",
    "Sites.ReadWrite.All",
    "Tasks.ReadWrite",
    "Tasks.ReadWrite.All",
    "Team.Create",
    "TeamMember.ReadWrite.All",
    "TeamSettings.ReadWrite.All",
    "User.ReadWrite.All",
];

/// Returns the least privileged permission of each row and the common ones, without duplicates: the default permissions of tokens.
pub(crate) fn default_permissions(list: impl Fn(&'static Permission) -> &'static [&'static str]) -> Vec<String> {
    let mut names = least(list);
    names.extend(
        COMMON
            .iter()
            .filter(|name| !names.iter().any(|known| known == **name))
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    );
    names
}

/// Returns the least privileged permission of each row, without duplicates.
fn least(list: impl Fn(&'static Permission) -> &'static [&'static str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in PERMISSIONS.iter().filter_map(|row| list(row).first()) {
        if !names.iter().any(|known| known == name) {
            names.push((*name).to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_unique_and_names_a_type_of_the_schema() {
        let schema = crate::workloads::schema();
        for (index, row) in PERMISSIONS.iter().enumerate() {
            let twice =
                PERMISSIONS[..index].iter().any(|other| (other.resource, other.operation) == (row.resource, row.operation));
            assert!(!twice, "duplicate row {} of {}", row.page, row.resource);
            let known = schema.set_ids().filter_map(|set| schema.entity_type(schema.widest(), set));
            assert!(
                known.into_iter().any(|(_, structured)| *structured.full_name == *row.resource),
                "unknown type {}",
                row.resource
            );
            assert!(!row.delegated.is_empty() && !row.application.is_empty());
        }
        assert_eq!(least(|row| row.delegated)[..2], *READ);
        assert_eq!(least(|row| row.application).len(), 5);
    }
}
