//! Access: who may read and write what of a schedule, and of the preferences of its people.
//!
//! One table decides: a type, an operation, and what a user must be. Applications, requests without a token, and users whom the world does
//! not know are not in question (behavior `shifts-rules`).
//!
//! That people outside of the team find no team, and that workers need an owner to write, is known (microsoft-graph-docs#8933 and #9811,
//! #4720 and #9745). What people may do with entries of their own follows from the pages of the operations, such as
//! learn.microsoft.com/graph/api/timecard-clockin; that others are refused there is a guess (behavior `personal-entries`).

use http::HeaderMap;

use crate::edm::schema::Model;
use crate::entra::caller::{self, Caller};
use crate::odata::error::Error;
use crate::policy::behavior::{PersonalEntries, ShiftsRules};
use crate::policy::refusal;
use crate::workloads::shifts::people::{Actor, is_enforced};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::{Role, Schedule};
use crate::world::World;

/// Operation on an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation<'o> {
    Read,
    Create,
    Change,
    Delete,
    /// Action of this name.
    Call(&'o str),
}

/// Part that a user must have for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// In the team.
    Member,
    /// An owner of the team.
    Manager,
    /// The person whom this member names.
    Sender(&'static str),
    /// The person whom this member names, or an owner of the team.
    SenderOrManager(&'static str),
    /// The same for an entry of the person's own (behavior `personal-entries`).
    OwnerOrManager(&'static str),
}

/// Row of the table.
struct Row {
    types: &'static [&'static str],
    operations: &'static [Operation<'static>],
    need: Need,
}

/// The types of a schedule's contents that people in the app see as requests.
const REQUESTS: &[&str] = &["swapShiftsChangeRequest", "offerShiftRequest", "openShiftChangeRequest", "timeOffRequest"];

/// The first row of a type and an operation decides; all else takes a member of the team. Decisions about requests are among that: the person
/// to whom a request is assigned, which is part of its state, makes them.
const TABLE: &[Row] = &[
    Row {
        types: &["schedule", "shift", "openShift", "timeOff", "timeOffReason", "schedulingGroup", "dayNote"],
        operations: &[Operation::Create, Operation::Change, Operation::Delete],
        need: Need::Manager,
    },
    Row { types: &["schedule"], operations: &[Operation::Call("share")], need: Need::Manager },
    Row {
        types: &["shift", "openShift", "timeOff", "timeOffReason", "schedulingGroup", "dayNote"],
        operations: &[Operation::Call("stageForDeletion"), Operation::Call("assign")],
        need: Need::Manager,
    },
    Row { types: REQUESTS, operations: &[Operation::Create], need: Need::Sender("senderUserId") },
    // That a manager can take a request back too is a guess.
    Row { types: REQUESTS, operations: &[Operation::Delete], need: Need::SenderOrManager("senderUserId") },
    Row { types: REQUESTS, operations: &[Operation::Call("stageForDeletion")], need: Need::Manager },
    Row {
        types: &["timeCard"],
        operations: &[
            Operation::Create,
            Operation::Change,
            Operation::Delete,
            Operation::Call("clockIn"),
            Operation::Call("clockOut"),
            Operation::Call("startBreak"),
            Operation::Call("endBreak"),
            Operation::Call("confirm"),
            Operation::Call("confirmForUser"),
        ],
        need: Need::OwnerOrManager("userId"),
    },
    Row { types: &["timeCard"], operations: &[Operation::Call("stageForDeletion")], need: Need::Manager },
];

fn need(type_name: &str, operation: Operation<'_>) -> Need {
    let is_of = |row: &&Row| {
        let is_same = |known: &Operation<'_>| match (known, operation) {
            (Operation::Call(known), Operation::Call(name)) => known.eq_ignore_ascii_case(name),
            (known, operation) => *known == operation,
        };
        row.types.contains(&type_name) && row.operations.iter().any(is_same)
    };
    TABLE.iter().find(is_of).map_or(Need::Member, |row| row.need)
}

/// Checks the role of the user who acts, before the entity is known.
///
/// # Errors
///
/// Returns the refusal of a user who is not in the team, or does not manage it.
pub(super) fn check_role(schedule: &Schedule<'_>, actor: &Actor, type_name: &str, operation: Operation<'_>) -> Result<(), Error> {
    match need(type_name, operation) {
        Need::Manager => actor.check_manager(schedule),
        Need::Member | Need::Sender(_) | Need::SenderOrManager(_) | Need::OwnerOrManager(_) => actor.check_membership(schedule),
    }
}

/// Checks the user who acts. `before` is the entity, and `after` what becomes of it.
///
/// # Errors
///
/// Returns the refusal.
pub(super) fn check(
    schedule: &Schedule<'_>,
    actor: &Actor,
    type_name: &str,
    operation: Operation<'_>,
    before: Option<&Record<'_>>,
    after: Option<&Record<'_>>,
) -> Result<(), Error> {
    check_role(schedule, actor, type_name, operation)?;
    let (member, is_manager_free) = match need(type_name, operation) {
        Need::Member | Need::Manager => return Ok(()),
        Need::Sender(member) => (member, false),
        Need::SenderOrManager(member) | Need::OwnerOrManager(member) => (member, true),
    };
    if is_manager_free && actor.role == Role::Manager {
        return Ok(());
    }
    let is_personal = matches!(need(type_name, operation), Need::OwnerOrManager(_));
    let check_person = |person: Option<&str>| {
        if is_personal { check_owner(schedule, actor, person) } else { actor.check_is(schedule, person) }
    };
    // An entry that names no person yet gets one by other rules.
    let new = after.and_then(|record| record.text(member));
    match before {
        Some(before) => check_person(before.text(member).as_deref())?,
        None if !is_personal => return check_person(new.as_deref()),
        None => {}
    }
    new.map_or(Ok(()), |person| check_person(Some(&person)))
}

/// Checks that a user writes an entry of the user's own, or manages the team.
///
/// # Errors
///
/// Returns the refusal.
pub(super) fn check_owner(schedule: &Schedule<'_>, actor: &Actor, owner: Option<&str>) -> Result<(), Error> {
    let is_in_question = actor.role == Role::Member && is_enforced(schedule);
    if !is_in_question || schedule.world.behaviors.personal_entries == PersonalEntries::Take {
        return Ok(());
    }
    let is_own = actor.user.as_deref().zip(owner).is_some_and(|(user, owner)| user.eq_ignore_ascii_case(owner));
    if is_own { Ok(()) } else { Err(not_the_owner(actor.user.as_deref(), owner)) }
}

/// Checks who changes the preferences of a user: the user, or an owner of a team that the user is in.
///
/// # Errors
///
/// Returns the refusal.
pub(super) fn check_preferences(world: &World, model: &Model, headers: &HeaderMap, owner: &str) -> Result<(), Error> {
    let behaviors = &world.behaviors;
    let is_checked = behaviors.shifts_rules == ShiftsRules::Enforce && behaviors.personal_entries == PersonalEntries::Refuse;
    let Caller::User(person) = caller::caller(headers) else { return Ok(()) };
    let is_known = || model.root("users").is_some_and(|root| world.store.collection(root.set).get(&person.id).is_some());
    if !is_checked || person.id.eq_ignore_ascii_case(owner) || !is_known() {
        return Ok(());
    }
    let manages = |schedule: &Schedule<'_>| schedule.role(&person.id) == Role::Manager;
    if Schedule::of_user(world, model, owner).iter().any(manages) {
        return Ok(());
    }
    Err(not_the_owner(Some(&person.id), Some(owner)))
}

fn not_the_owner(user: Option<&str>, owner: Option<&str>) -> Error {
    let (user, owner) = (user.unwrap_or_default(), owner.unwrap_or("none"));
    Error::new(&refusal::NOT_THE_OWNER, &[])
        .with_detail(format!("user {user} is not an owner of the team, and the entry is that of {owner}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::Version;
    use crate::workloads::shifts::{decisions, rules, time_cards};

    #[test]
    fn each_type_and_each_action_of_the_table_exists() {
        let types: Vec<&str> = rules::RULES.types.iter().map(|row| row.name).collect();
        let actions: Vec<&str> = [time_cards::OPERATIONS, decisions::OPERATIONS].concat().iter().map(|row| row.0).collect();
        for row in TABLE {
            for name in row.types {
                assert!(types.contains(name), "{name}");
            }
            for operation in row.operations {
                // Graph has no request for an assignment; `act` has.
                assert!(
                    !matches!(operation, Operation::Call(name) if !actions.contains(name) && *name != "assign"),
                    "{operation:?}"
                );
            }
        }
    }

    #[test]
    fn each_type_of_a_schedule_is_guarded_and_needs_more_than_membership_to_be_written() {
        let schema = crate::workloads::schema();
        for version in Version::ALL {
            let model = schema.model(version);
            let schedule = model.structured(model.type_named("schedule").unwrap());
            assert!(schedule.navigations.len() >= 11, "{version:?}");
            for navigation in &schedule.navigations {
                let structured = model.structured(navigation.target);
                assert!(structured.guarded.is_some(), "{version:?} {}", structured.name);
                assert!(rules::RULES.guarded.contains(&&*structured.name), "{version:?} {}", structured.name);
                for operation in [Operation::Create, Operation::Delete] {
                    assert_ne!(need(&structured.name, operation), Need::Member, "{version:?} {} {operation:?}", structured.name);
                }
                assert_eq!(need(&structured.name, Operation::Read), Need::Member);
            }
        }
    }
}
