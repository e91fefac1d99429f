//! The choices of the emulator with their evidence: behaviors, refusals, and the names of predefined fault rules.

use serde_json::{Map, Value, json};

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::policy::behavior::{BehaviorRow, Profile, ROWS};
use crate::policy::refusal::{REFUSALS, Refusal, SIGN_IN_REFUSALS};
use crate::world::fault::ready_names;

/// Returns the tables that docs/behaviors.md shows.
#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
pub(super) fn list(_: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&json!({
        "behaviors": ROWS.iter().map(behavior_json).collect::<Vec<Value>>(),
        "refusals": REFUSALS.iter().chain(SIGN_IN_REFUSALS).map(|row| refusal_json(row)).collect::<Vec<Value>>(),
        "faults": ready_names().collect::<Vec<&str>>(),
    })))
}

fn behavior_json(row: &BehaviorRow) -> Value {
    let values = row.values.iter().map(|(value, meaning)| json!({ "value": value, "meaning": meaning }));
    let profiles = Profile::ALL.iter().zip(row.profiles).map(|(profile, value)| (profile.name().to_owned(), value.into()));
    json!({
        "name": row.name,
        "decides": row.decides,
        "values": values.collect::<Vec<Value>>(),
        "isFreeText": row.free_text,
        "profiles": profiles.collect::<Map<String, Value>>(),
        "grade": row.grade.name(),
        "source": row.source,
    })
}

fn refusal_json(row: &Refusal) -> Value {
    json!({
        "name": row.name,
        "status": row.status,
        "code": row.code.name(),
        "text": row.text,
        "grade": row.grade.name(),
        "source": row.source,
        "behaviors": row.behaviors,
    })
}
