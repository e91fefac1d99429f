//! Requests for roles and memberships for a time (Privileged Identity Management): the outcome of a new one, without an approval.
//!
//! Medium (learn.microsoft.com/graph/api/rbacapplication-post-roleassignmentschedulerequests, rbacapplication-post-roleeligibilityschedulerequests,
//! privilegedaccessgroup-post-assignmentschedulerequests): one that begins at once is provisioned, one that begins later is granted until then,
//! and one that takes a role away is revoked. That all requests are granted is a guess (none), and so are other actions.

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::PropertyType;
use crate::edm::value::Value;
use crate::world::clock::unix_millis;
use crate::world::workload::{DerivedValue, NewEntity};

/// The outcome of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Provisioned,
    /// Granted, from a time on.
    Granted(DateTimeOffset),
    Revoked,
}

fn outcome(request: &NewEntity<'_>) -> Outcome {
    if is_action(request, "adminRemove") || is_action(request, "selfDeactivate") {
        return Outcome::Revoked;
    }
    match start(request) {
        Some(start) if start.ticks() > now(request).ticks() => Outcome::Granted(start),
        _ => Outcome::Provisioned,
    }
}

fn is_action(request: &NewEntity<'_>, name: &str) -> bool {
    let property = request.structured.property("action").map(|index| &request.structured.properties[index]);
    property.is_some_and(|property| {
        let member = request.model.member(property.kind, name);
        matches!(request.values.get(property.slot), Value::Enum(number) if Some(*number) == member)
    })
}

fn start(request: &NewEntity<'_>) -> Option<DateTimeOffset> {
    let (structured, schedule) = request.complex("scheduleInfo")?;
    match schedule.get(structured.slot("startDateTime")?) {
        Value::DateTimeOffset(start) => Some(*start),
        _ => None,
    }
}

fn now(request: &NewEntity<'_>) -> DateTimeOffset {
    DateTimeOffset::from_unix_millis(unix_millis(request.now))
}

#[allow(clippy::unnecessary_wraps, reason = "a function of the table")]
pub(super) fn status(request: &NewEntity<'_>) -> Option<DerivedValue> {
    Some(DerivedValue::text(match outcome(request) {
        Outcome::Provisioned => "Provisioned",
        Outcome::Granted(_) => "Granted",
        Outcome::Revoked => "Revoked",
    }))
}

pub(super) fn completed(request: &NewEntity<'_>) -> Option<DerivedValue> {
    match outcome(request) {
        Outcome::Provisioned => Some(DerivedValue::Copied(Value::DateTimeOffset(now(request)))),
        Outcome::Granted(start) => Some(DerivedValue::Copied(Value::DateTimeOffset(start))),
        Outcome::Revoked => None,
    }
}

/// Returns the id of the schedule: that of the request, for a group behind those of the group and of the membership.
pub(super) fn target(request: &NewEntity<'_>) -> Option<DerivedValue> {
    if outcome(request) == Outcome::Revoked {
        return None;
    }
    let Some(group) = request.text("groupId") else { return Some(DerivedValue::text(request.key)) };
    let access = request.structured.property("accessId").and_then(|index| {
        let property = &request.structured.properties[index];
        match (property.kind, request.values.get(property.slot)) {
            (PropertyType::Enum(id), Value::Enum(number)) => {
                let members = &request.model.enumeration(id).members;
                members.iter().find(|(_, own)| own == number).map(|(name, _)| name.clone())
            }
            _ => None,
        }
    })?;
    Some(DerivedValue::text(&format!("{group}_{access}_{}", request.key)))
}
