//! Checks of new and changed items of a schedule (behavior `shifts-rules`). Where no public answer shows a refusal, its words are a guess.

use std::sync::Arc;

use crate::edm::address::CollectionAddress;
use crate::odata::error::Error;
use crate::policy::behavior::UnknownSchedulingGroup;
use crate::policy::refusal;
use crate::workloads::shifts::access::{self, Operation};
use crate::workloads::shifts::people::{Actor, is_enforced, is_same_user};
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::{Entry, Role, Schedule};

/// 24 hours, in ticks.
const DAY: i64 = 24 * 60 * MINUTE;

/// A minute, in ticks.
const MINUTE: i64 = 60 * crate::edm::date_time::TICKS_PER_SECOND;

/// Returns the refusal of what breaks a documented rule.
pub(super) fn rule(schedule: &Schedule<'_>, text: &str) -> Error {
    Error::new(&refusal::SHIFTS_RULE, &[text]).with_detail(format!("team {}", schedule.team_id()))
}

/// Returns the refusal of a decision about something that is gone.
pub(super) fn gone(schedule: &Schedule<'_>, noun: &str, key: &str) -> Error {
    rule(schedule, &format!("The {noun} {key} does not exist."))
}

/// Returns the refusal of an unknown entity.
pub(super) fn unknown(collection: &CollectionAddress, schedule: &Schedule<'_>) -> Error {
    let structured = schedule.model.find_structured(schedule.world.schema.set(collection.set).target);
    let noun = structured.map_or("item", |structured| structured.wording.noun);
    Error::new(&refusal::UNKNOWN_ID, &[noun])
}

/// Checks who creates, replaces or deletes an item, and the item. `record` is the item as it would be; `None` for a deletion.
pub(super) fn check(
    schedule: &Schedule<'_>,
    actor: &Actor,
    type_name: &str,
    before: Option<&Record<'_>>,
    record: Option<&Record<'_>>,
    decided: &mut Vec<&'static str>,
) -> Result<(), Error> {
    let operation = match (before, record) {
        (None, _) => Operation::Create,
        (Some(_), Some(_)) => Operation::Change,
        (Some(_), None) => Operation::Delete,
    };
    access::check(schedule, actor, type_name, operation, before, record)?;
    let Some(record) = record.filter(|_| is_enforced(schedule)) else { return Ok(()) };
    match type_name {
        "shift" => {
            new_has(schedule, before, record, &["userId", "schedulingGroupId"])?;
            items(schedule, record, "sharedShift", "draftShift", true)?;
            member(schedule, record, "userId")?;
            in_group(schedule, before, record, decided)
        }
        "openShift" => {
            new_has(schedule, before, record, &["schedulingGroupId"])?;
            group_of(schedule, before, record, decided)?;
            items(schedule, record, "sharedOpenShift", "draftOpenShift", true)?;
            for item in ["sharedOpenShift", "draftOpenShift"].iter().filter_map(|name| record.item(name)) {
                // A new open shift has one slot at least (a guess); none are left of one that is given away.
                let least = i64::from(before.is_none());
                if item.number("openSlotCount").unwrap_or_default() < least {
                    return Err(rule(schedule, &format!("openSlotCount must be at least {least}.")));
                }
            }
            Ok(())
        }
        "timeOff" => {
            new_has(schedule, before, record, &["userId"])?;
            items(schedule, record, "sharedTimeOff", "draftTimeOff", false)?;
            member(schedule, record, "userId")
        }
        "schedulingGroup" => {
            let outsiders = record.texts("userIds").into_iter().find(|user| schedule.role(user) == Role::Outside);
            outsiders.map_or(Ok(()), |user| Err(rule(schedule, &format!("User {user} is not a member of the team."))))
        }
        "swapShiftsChangeRequest" => swap(schedule, record),
        "offerShiftRequest" => {
            own_shift(schedule, record)?;
            required(schedule, record, "recipientUserId")?;
            member(schedule, record, "recipientUserId")?;
            if is_same(record, "recipientUserId", record, "senderUserId") {
                return Err(rule(schedule, "A shift cannot be offered to its own user."));
            }
            Ok(())
        }
        "openShiftChangeRequest" => {
            required(schedule, record, "openShiftId")?;
            let key = record.text("openShiftId").unwrap_or_default();
            let open = schedule.find("openShifts", &key).ok_or_else(|| gone(schedule, "open shift", &key))?;
            let slots = open.record.item("sharedOpenShift").and_then(|item| item.number("openSlotCount"));
            if slots.is_none_or(|slots| slots < 1) {
                return Err(rule(schedule, "The open shift has no open slot."));
            }
            member(schedule, record, "senderUserId")
        }
        "timeOffRequest" => {
            required(schedule, record, "timeOffReasonId")?;
            let key = record.text("timeOffReasonId").unwrap_or_default();
            schedule.find("timeOffReasons", &key).ok_or_else(|| gone(schedule, "time off reason", &key))?;
            period(schedule, record, None)?;
            member(schedule, record, "senderUserId")
        }
        _ => Ok(()),
    }
}

fn swap(schedule: &Schedule<'_>, record: &Record<'_>) -> Result<(), Error> {
    own_shift(schedule, record)?;
    required(schedule, record, "recipientShiftId")?;
    let key = record.text("recipientShiftId").unwrap_or_default();
    let shift = schedule.find("shifts", &key).ok_or_else(|| gone(schedule, "shift", &key))?;
    if !is_same(&shift.record, "userId", record, "recipientUserId") {
        return Err(rule(schedule, &format!("The shift {key} is not one of the recipient.")));
    }
    if is_same(record, "recipientUserId", record, "senderUserId") {
        return Err(rule(schedule, "A shift cannot be swapped with one of the same user."));
    }
    Ok(())
}

/// Checks that the sender has the shift of a request.
fn own_shift(schedule: &Schedule<'_>, record: &Record<'_>) -> Result<(), Error> {
    required(schedule, record, "senderShiftId")?;
    let key = record.text("senderShiftId").unwrap_or_default();
    let shift = schedule.find("shifts", &key).ok_or_else(|| gone(schedule, "shift", &key))?;
    if !is_same(&shift.record, "userId", record, "senderUserId") {
        return Err(rule(schedule, &format!("The shift {key} is not one of the sender.")));
    }
    Ok(())
}

/// Whether members of two records name the same user.
fn is_same(one: &Record<'_>, name: &str, other: &Record<'_>, other_name: &str) -> bool {
    is_same_user(one.text(name).as_deref(), other.text(other_name).as_deref())
}

/// Checks the members that the pages for POST require.
fn new_has(schedule: &Schedule<'_>, before: Option<&Record<'_>>, record: &Record<'_>, names: &[&str]) -> Result<(), Error> {
    match before {
        Some(_) => Ok(()),
        None => names.iter().try_for_each(|name| required(schedule, record, name)),
    }
}

fn required(schedule: &Schedule<'_>, record: &Record<'_>, name: &str) -> Result<(), Error> {
    let has_text = record.text(name).is_some_and(|text| !text.is_empty());
    if has_text { Ok(()) } else { Err(rule(schedule, &format!("{name} is required."))) }
}

/// learn.microsoft.com/graph/api/resources/shift: shared, draft, or both; the length of a shift is between one minute and 24 hours.
fn items(schedule: &Schedule<'_>, record: &Record<'_>, shared: &str, draft: &str, is_short: bool) -> Result<(), Error> {
    let items: Vec<Record<'_>> = [shared, draft].iter().filter_map(|name| record.item(name)).collect();
    if items.is_empty() {
        return Err(rule(schedule, &format!("{shared} or {draft} is required.")));
    }
    items.iter().try_for_each(|item| period(schedule, item, is_short.then_some(DAY)))
}

fn period(schedule: &Schedule<'_>, item: &Record<'_>, longest: Option<i64>) -> Result<(), Error> {
    let (Some(start), Some(end)) = (item.time("startDateTime"), item.time("endDateTime")) else {
        return Err(rule(schedule, "startDateTime and endDateTime are required."));
    };
    let length = end.ticks().saturating_sub(start.ticks());
    match longest {
        Some(longest) if length < MINUTE || length > longest => {
            Err(rule(schedule, "The length of a shift must be between 1 minute and 24 hours."))
        }
        None if length <= 0 => Err(rule(schedule, "endDateTime must be after startDateTime.")),
        _ => Ok(()),
    }
}

/// Checks that a shift of a request is still that of the person who had it (a guess).
pub(super) fn owned(schedule: &Schedule<'_>, shift: &Record<'_>, key: &str, user: Option<&str>, noun: &str) -> Result<(), Error> {
    if is_enforced(schedule) && !is_same_user(shift.text("userId").as_deref(), user) {
        return Err(rule(schedule, &format!("The shift {key} is not one of the {noun}.")));
    }
    Ok(())
}

/// Checks who gets a slot of an open shift: a person of the team and, if a manager chooses, of the group (a guess).
pub(super) fn assignee(schedule: &Schedule<'_>, open: &Record<'_>, shift: &Record<'_>, is_chosen: bool) -> Result<(), Error> {
    if !is_enforced(schedule) {
        return Ok(());
    }
    member(schedule, shift, "userId")?;
    if is_chosen { in_group(schedule, Some(open), shift, &mut Vec::new()) } else { Ok(()) }
}

/// Checks that a user is in the team, as far as the world knows the people of the team.
fn member(schedule: &Schedule<'_>, record: &Record<'_>, name: &str) -> Result<(), Error> {
    match record.text(name) {
        Some(user) if schedule.role(&user) == Role::Outside => {
            Err(rule(schedule, &format!("User {user} is not a member of the team.")))
        }
        _ => Ok(()),
    }
}

/// Returns the scheduling group of an item, if the schedule has it (behavior `unknown-scheduling-group`). An item that has an unknown group
/// already, as from a file, can keep it: only a change to one is refused.
fn group_of<'w>(
    schedule: &Schedule<'w>,
    before: Option<&Record<'_>>,
    record: &Record<'_>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Entry<'w>>, Error> {
    let Some(key) = record.text("schedulingGroupId") else { return Ok(None) };
    let found = schedule.find("schedulingGroups", &key);
    if found.is_some() || before.and_then(|before| before.text("schedulingGroupId")).as_ref() == Some(&key) {
        return Ok(found);
    }
    decided.push("unknown-scheduling-group");
    let is_refused = match schedule.world.behaviors.unknown_scheduling_group {
        UnknownSchedulingGroup::Known => !schedule.list("schedulingGroups").is_empty(),
        UnknownSchedulingGroup::Refuse => true,
        UnknownSchedulingGroup::Accept => false,
    };
    if is_refused { Err(gone(schedule, "scheduling group", &key)) } else { Ok(None) }
}

/// Checks that the user of a shift is in its group, if the schedule has the group and the group has people.
fn in_group(
    schedule: &Schedule<'_>,
    before: Option<&Record<'_>>,
    record: &Record<'_>,
    decided: &mut Vec<&'static str>,
) -> Result<(), Error> {
    let user = record.text("userId");
    let Some(group) = group_of(schedule, before, record, decided)? else { return Ok(()) };
    let users: Vec<Arc<str>> = group.record.texts("userIds");
    match user {
        Some(user) if !users.is_empty() && !users.iter().any(|other| other.eq_ignore_ascii_case(&user)) => {
            Err(rule(schedule, &format!("User {user} is not in the scheduling group {}.", group.address.key)))
        }
        _ => Ok(()),
    }
}
