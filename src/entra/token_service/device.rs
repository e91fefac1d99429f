//! The device code endpoint, and the page on which a user approves or declines a device.

use http::Method;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::client::{Client, missing_parameter};
use super::form::Form;
use super::page::{is_own_page, page};
use super::scope::{AskedScopes, Resources};
use super::sealed::{GrantKind, SealedGrant};
use super::sign_in::user;
use super::{EntraContext, EntraReply};
use crate::entra::token::unix_seconds;
use crate::odata::error::Error;
use crate::policy::behavior::DeviceCode;
use crate::policy::refusal;
use crate::world::fixture::directory::id_of;
use crate::world::sign_ins::DeviceDecision;

/// The polling interval in seconds (Azure/azure-sdk-for-go, recorded in 2023).
pub(super) const INTERVAL: i64 = 5;

/// The interval where no user has to sign in first.
const QUICK: i64 = 1;

/// The answer of the endpoint. In the first generation numbers are text.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "user_code")]
    for_user: &'a str,
    #[serde(rename = "device_code")]
    for_device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_url: Option<&'a str>,
    expires_in: Value,
    interval: Value,
    message: &'a str,
}

/// Answers a request to the device code endpoint.
pub(super) fn device_code(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let form = Form::of(context.request);
    let client = Client::named(context, &form)?;
    let scope = match (form.get("scope"), context.is_first()) {
        (Some(scope), _) => scope,
        (None, true) => "",
        (None, false) => return Err(missing_parameter("scope")),
    };
    AskedScopes::read(scope, &client.id, Resources::First)?;
    let id = context.world.next_token_id();
    let sealed = SealedGrant { id: Some(id.to_string()), ..SealedGrant::new(context, GrantKind::Device, &client.id, scope) };
    let (device_code, user_code) = (sealed.text(), user_code(id));
    let waits = context.world.behaviors.device_code == DeviceCode::User;
    if waits {
        let now = unix_seconds(context.world.clock.now());
        context.world.sign_ins.await_device(&user_code, sealed.until, now);
    }
    let page = format!("{}/common/oauth2/deviceauth", context.request.base_url);
    let message =
        format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate.");
    let is_first = context.is_first();
    let number = |number: i64| if is_first { Value::String(number.to_string()) } else { number.into() };
    let answer = Answer {
        for_user: &user_code,
        for_device: &device_code,
        verification_uri: (!is_first).then_some(&page),
        verification_url: is_first.then_some(&page),
        expires_in: number(i64::try_from(GrantKind::Device.lifetime().as_secs()).unwrap_or(i64::MAX)),
        interval: number(if waits { INTERVAL } else { QUICK }),
        message: &message,
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}

/// Returns the code that a user types.
pub(super) fn user_code(id: Uuid) -> String {
    let text = id_of(&id.to_string()).to_uppercase();
    text.chars().filter(char::is_ascii_alphanumeric).take(9).collect()
}

/// Answers a request for the page, or its form.
pub(super) fn device_login(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    if context.world.behaviors.device_code == DeviceCode::FirstPoll {
        return Ok(EntraReply::Page(page("<p>Every code is approved at once: there is nothing to do here.</p>\n")));
    }
    if context.request.method != Method::POST {
        return Ok(EntraReply::Page(page(FORM)));
    }
    let form = Form::of(context.request);
    let code = form.get("code").map(str::to_uppercase).unwrap_or_default();
    let decision = if form.get("decision") == Some("decline") {
        DeviceDecision::Declined
    } else {
        user(context, form.get("user"))?;
        DeviceDecision::Approved(form.get("user").map(str::to_owned))
    };
    // A page of another origin cannot decide: the code alone is short.
    if !is_own_page(context) || !context.world.sign_ins.decide_device(code.trim(), decision) {
        return Err(Error::new(&refusal::ENTRA_DEVICE_CODE, &[]));
    }
    Ok(EntraReply::Page(page("<p>Done. The device goes on by itself.</p>\n")))
}

const FORM: &str = "<form method=\"POST\">\n<p><label>Code <input name=\"code\" required autofocus></label></p>\n\
                    <p><label>User <input name=\"user\" placeholder=\"the first user\"></label></p>\n\
                    <p><button name=\"decision\" value=\"approve\">Approve</button> \
                    <button name=\"decision\" value=\"decline\">Decline</button></p>\n</form>\n";
