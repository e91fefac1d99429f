//! Sign-in from outside: sessions revoked, codes of devices approved or declined.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::control::time::format_time;
use crate::entra::token::unix_seconds;
use crate::entra::user::account;
use crate::policy::refusal::SIGN_IN_REFUSALS;
use crate::world::World;
use crate::world::fixture::directory::User;
use crate::world::sign_ins::{DeviceDecision, NAME_LIMIT, REFUSAL_LIMIT, SignInPlace};

/// Body of a revocation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RevocationBody {
    /// The name or id of a user; the user who signs in without a name if absent.
    user: Option<String>,
}

/// Body of a decision about a device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeviceBody {
    user_code: String,
    decision: Decision,
    /// The name or id of the user who approves.
    user: Option<String>,
}

/// Body of a refusal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RefusalBody {
    /// The name of a refusal of Entra.
    refusal: String,
    /// The endpoint of these requests.
    #[serde(default)]
    endpoint: Endpoint,
    /// The number of requests that are refused.
    #[serde(default = "once")]
    times: usize,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Endpoint {
    #[default]
    Token,
    Authorize,
}

fn once() -> usize {
    1
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Approve,
    Decline,
}

/// Revokes the tokens that a user has.
pub(super) fn revoke(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let body: RevocationBody = call.read()?;
    let world = call.worlds.world(call.name)?;
    let user = user(&world, body.user.as_deref())?;
    let now = world.clock.now();
    if !world.sign_ins.revoke(&user.id, unix_seconds(now)) {
        let message =
            format!("too little memory for a revocation: the stores are full, or the id is longer than {NAME_LIMIT} bytes");
        return Err(ControlError::new(StatusCode::PAYLOAD_TOO_LARGE, "store-full", message));
    }
    Ok(ControlReply::ok(&json!({ "user": user.id, "validFrom": format_time(now) })))
}

/// Approves or declines the code of a device.
pub(super) fn decide_device(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let body: DeviceBody = call.read()?;
    let world = call.worlds.world(call.name)?;
    let decision = match body.decision {
        Decision::Approve => {
            user(&world, body.user.as_deref())?;
            DeviceDecision::Approved(body.user)
        }
        Decision::Decline => DeviceDecision::Declined,
    };
    if world.sign_ins.decide_device(&body.user_code.to_uppercase(), decision) {
        return Ok(ControlReply::ok(&json!({ "userCode": body.user_code })));
    }
    let message = format!("unknown code {:?}: no device waits with it", body.user_code);
    Err(ControlError::new(StatusCode::NOT_FOUND, "unknown-code", message))
}

/// Refuses the next requests for tokens, or the next sign-ins in a browser.
pub(super) fn refuse(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let body: RefusalBody = call.read()?;
    let world = call.worlds.world(call.name)?;
    let row = SIGN_IN_REFUSALS.iter().find(|row| row.name == body.refusal && row.name.starts_with("entra-"));
    let Some(row) = row else {
        let message = format!("unknown refusal {:?}: none of Entra has this name", body.refusal);
        return Err(ControlError::new(StatusCode::NOT_FOUND, "unknown-refusal", message));
    };
    let place = match body.endpoint {
        Endpoint::Token => SignInPlace::Token,
        Endpoint::Authorize => SignInPlace::Authorize,
    };
    if !world.sign_ins.refuse_next(place, row, body.times) {
        return Err(ControlError::unusable(format!("invalid times {}: at most {REFUSAL_LIMIT} refusals wait", body.times)));
    }
    Ok(ControlReply::ok(&json!({ "refusal": row.name, "status": row.status, "times": body.times })))
}

fn user(world: &World, name: Option<&str>) -> Result<User, ControlError> {
    account(world, name).ok_or_else(|| {
        let message = format!("unknown user {:?}: the directory does not list it", name.unwrap_or_default());
        ControlError::new(StatusCode::NOT_FOUND, "unknown-user", message)
    })
}
