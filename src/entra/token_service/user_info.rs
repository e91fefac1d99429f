//! The endpoint for user information (learn.microsoft.com/entra/identity-platform/userinfo).

use serde::Serialize;

use super::EntraContext;
use crate::entra::access_token::pairwise;
use crate::entra::caller::bearer;
use crate::entra::check::{check_revocation, verified};
use crate::entra::token::UserNames;
use crate::entra::user::account;
use crate::odata::error::Error;
use crate::policy::refusal;

#[derive(Serialize)]
struct Answer<'a> {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    picture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

/// Answers a request with a token for Graph.
///
/// # Errors
///
/// Fails, as Graph does, if the token is not one for Graph with the scope `openid`.
pub(super) fn user_info(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let text = bearer(context.request.headers).unwrap_or_default();
    let claims = verified(context.world, context.request.headers, text)?;
    check_revocation(context.world, &claims)?;
    let scopes = claims.scp.clone().unwrap_or_default();
    let has = |scope: &str| scopes.split(' ').any(|known| known == scope);
    if !has("openid") {
        return Err(Error::new(&refusal::MISSING_SCOPE, &["openid", &scopes.replace(' ', ", ")]));
    }
    let names = UserNames::of(text);
    let name = names.name().or(claims.oid.as_deref());
    let unknown = || Error::new(&refusal::ENTRA_UNKNOWN_USER, &["", &context.tenant_id]);
    let user = account(context.world, name).ok_or_else(unknown)?;
    let application = claims.appid.as_deref().or(claims.azp.as_deref()).unwrap_or_default();
    let profile = has("profile");
    let answer = Answer {
        sub: pairwise(application, &user),
        name: user.display_name.as_deref().filter(|_| profile),
        family_name: user.surname.as_deref().filter(|_| profile),
        given_name: user.given_name.as_deref().filter(|_| profile),
        picture: format!("{}/v1.0/me/photo/$value", context.request.base_url),
        email: user.mail.as_deref().filter(|_| has("email")),
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
