//! The device code endpoint: every code is approved at once.

use serde::Serialize;
use serde_json::Value;

use super::form::Form;
use super::grant::{listed, missing, own_name};
use super::sealed::{Kind, Sealed};
use super::{EntraContext, Generation};
use crate::entra::token::id_of;
use crate::odata::error::Error;

/// How long a device waits before it asks again, in seconds. The service says 5; here nobody has to be waited for.
const INTERVAL: u64 = 1;

/// What stands at the address to which users are sent.
pub(super) const PAGE: &str =
    "<!DOCTYPE html>\n<title>wfi-emulator</title>\n<p>Every code is approved at once: there is nothing to do here.</p>\n";

/// What the endpoint answers with. Of the first generation numbers are text.
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

/// Answers at the device code endpoint.
pub(super) fn device_code(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let form = Form::of(context.asked);
    let id = form.get("client_id").ok_or_else(|| missing("client_id"))?;
    let id = own_name(listed(context, id)?, id);
    let device_code = Sealed::new(context, Kind::Device, id, form.get("scope").unwrap_or_default()).text();
    let user_code: String = id_of(&device_code).to_uppercase().chars().filter(char::is_ascii_alphanumeric).take(9).collect();
    let page = format!("{}/common/oauth2/deviceauth", context.asked.base_url);
    let message =
        format!("To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate.");
    let is_first = context.generation == Generation::First;
    let number = |number: u64| if is_first { Value::String(number.to_string()) } else { number.into() };
    let answer = Answer {
        for_user: &user_code,
        for_device: &device_code,
        verification_uri: (!is_first).then_some(&page),
        verification_url: is_first.then_some(&page),
        expires_in: number(Kind::Device.lifetime().as_secs()),
        interval: number(INTERVAL),
        message: &message,
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
