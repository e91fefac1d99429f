//! On behalf of a user: a service exchanges the token that it was called with for one of another service
//! (learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow).

use super::super::EntraContext;
use super::super::assertion::precise;
use super::super::client::{Client, missing_parameter};
use super::super::form::Form;
use super::super::issue::{self, SignedIn, TokenAnswer};
use super::super::scope::{AskedScopes, Resources};
use super::super::sign_in::user;
use crate::entra::access_token::Proof;
use crate::entra::token::{self, Token, UserNames, unix_seconds};
use crate::odata::error::Error;
use crate::policy::refusal;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    let assertion = form.get("assertion").ok_or_else(|| missing_parameter("assertion"))?;
    if form.get("requested_token_use") != Some("on_behalf_of") {
        return Err(missing_parameter("requested_token_use"));
    }
    client.prove(context, form)?;
    if client.proof == Proof::Nothing {
        return Err(Error::new(&refusal::ENTRA_NO_SECRET, &[]));
    }
    let token = Token::read(assertion).map_err(|_| Error::new(&refusal::ENTRA_ASSERTION, &[]))?;
    if !token.is_genuine() {
        return Err(Error::new(&refusal::ENTRA_OBO_SIGNATURE, &[token.key_id().as_deref().unwrap_or_default()]));
    }
    let claims = &token.claims;
    let is_access_token = claims.appid.is_some() || claims.azp.is_some();
    if !is_access_token {
        return Err(Error::new(&refusal::ENTRA_OBO_ID_TOKEN, &[]));
    }
    if claims.is_application() {
        return Err(Error::new(&refusal::ENTRA_OBO_APPLICATION, &[&client.id]));
    }
    let audience = claims.aud.as_str().unwrap_or_default();
    let is_meant = match client.registered {
        Some(application) => application.is_resource(audience),
        None => audience.strip_prefix("api://").unwrap_or(audience).eq_ignore_ascii_case(&client.id),
    };
    if !is_meant {
        return Err(Error::new(&refusal::ENTRA_OBO_AUDIENCE, &[audience, &client.id, client.name()]));
    }
    let now = unix_seconds(context.world.clock.now());
    let until = token::seconds(&claims.exp).unwrap_or_default();
    if until <= now || !claims.nbf.is_null() && token::seconds(&claims.nbf).is_none_or(|from| from > now) {
        return Err(Error::new(&refusal::ENTRA_OBO_TIME, &[&precise(now), &precise(until)]));
    }
    let scope = match (form.get("scope"), context.is_first()) {
        (Some(scope), _) => scope,
        (None, true) => "",
        (None, false) => return Err(missing_parameter("scope")),
    };
    let asked = AskedScopes::read(scope, &client.id, Resources::One)?;
    let names = UserNames::of(assertion);
    let name = names.name().or(claims.oid.as_deref()).map(str::to_owned);
    let user = user(context, name.as_deref())?;
    let from = token::issued_at(claims).unwrap_or_default();
    if let Some(valid_from) = context.world.sign_ins.valid_from(&user.id).filter(|valid_from| from < *valid_from) {
        return Err(Error::new(&refusal::ENTRA_REVOKED, &[&precise(from), &precise(valid_from)]));
    }
    let signed_in = SignedIn { name, has_second_factor: names.has_second_factor(), ..SignedIn::of(&user) };
    issue::for_user(context, form, &client, &signed_in, &asked)
}
