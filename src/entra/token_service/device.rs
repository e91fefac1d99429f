//! The device code endpoint: every code is approved at once.

use serde::Serialize;
use serde_json::Value;

use super::form::Form;
use super::grant::{canonical_id, missing_parameter, registered_application};
use super::sealed::{GrantKind, SealedGrant};
use super::{EntraContext, Generation};
use crate::entra::token::id_of;
use crate::odata::error::Error;

/// The polling interval in seconds. The service answers 5; here no user has to sign in first.
const INTERVAL: u64 = 1;

/// The page at the verification address.
pub(super) const PAGE: &str =
    "<!DOCTYPE html>\n<title>wfi-emulator</title>\n<p>Every code is approved at once: there is nothing to do here.</p>\n";

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
    let id = form.get("client_id").ok_or_else(|| missing_parameter("client_id"))?;
    let id = canonical_id(registered_application(context, id)?, id);
    let device_code = SealedGrant::new(context, GrantKind::Device, id, form.get("scope").unwrap_or_default()).text();
    let user_code: String = id_of(&device_code).to_uppercase().chars().filter(char::is_ascii_alphanumeric).take(9).collect();
    let page = format!("{}/common/oauth2/deviceauth", context.request.base_url);
    let message =
        format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate.");
    let is_first = context.generation == Generation::First;
    let number = |number: u64| if is_first { Value::String(number.to_string()) } else { number.into() };
    let answer = Answer {
        for_user: &user_code,
        for_device: &device_code,
        verification_uri: (!is_first).then_some(&page),
        verification_url: is_first.then_some(&page),
        expires_in: number(GrantKind::Device.lifetime().as_secs()),
        interval: number(INTERVAL),
        message: &message,
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
