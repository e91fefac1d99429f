//! The token endpoint: one file per grant, and what they share.

mod authorization_code;
mod client_credentials;
mod device_code;
mod on_behalf_of;
mod password;
mod refresh_token;

use super::EntraContext;
use super::client::missing_parameter;
use super::form::Form;
use crate::odata::error::Error;
use crate::policy::refusal;

/// Answers a request to the token endpoint.
pub(super) fn token(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let form = Form::of(context.request);
    let grant_type = form.get("grant_type").ok_or_else(|| missing_parameter("grant_type"))?;
    let answer = match grant_type {
        "client_credentials" => client_credentials::redeem(context, &form)?,
        "authorization_code" => authorization_code::redeem(context, &form)?,
        "refresh_token" => refresh_token::redeem(context, &form)?,
        "password" => password::redeem(context, &form)?,
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => on_behalf_of::redeem(context, &form)?,
        "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => device_code::redeem(context, &form)?,
        other => return Err(Error::new(&refusal::ENTRA_UNSUPPORTED_GRANT, &[other])),
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
