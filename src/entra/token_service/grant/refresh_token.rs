//! A refresh token, which stays valid: it is bound to a user and a client, not to a resource.

use http::header::ORIGIN;

use super::super::EntraContext;
use super::super::assertion::precise;
use super::super::client::{Client, missing_parameter};
use super::super::form::Form;
use super::super::issue::{self, SignedIn, TokenAnswer, is_of_family};
use super::super::scope::{AskedScopes, Resources};
use super::super::sealed::{GrantKind, SealedGrant};
use super::super::sign_in::user;
use crate::entra::token::unix_seconds;
use crate::odata::error::Error;
use crate::policy::refusal;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    let text = form.get("refresh_token").ok_or_else(|| missing_parameter("refresh_token"))?;
    let sealed = SealedGrant::read(text, GrantKind::Refresh).ok_or_else(|| Error::new(&refusal::ENTRA_GRANT, &[]))?;
    client.prove_if_confidential(context, form, false)?;
    if sealed.client != client.id && ![&sealed.client, &client.id].iter().all(|id| is_of_family(id)) {
        return Err(Error::new(&refusal::ENTRA_FOREIGN_GRANT, &[]));
    }
    let now = unix_seconds(context.world.clock.now());
    if sealed.until <= now {
        let row = if sealed.is_spa { &refusal::ENTRA_SPA_REFRESH_EXPIRED } else { &refusal::ENTRA_REFRESH_EXPIRED };
        return Err(Error::new(row, &[&precise(sealed.from)]));
    }
    let origin = context.request.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if sealed.is_spa && origin.is_none() {
        return Err(Error::new(&refusal::ENTRA_SPA_ONLY, &[]));
    }
    let user = user(context, sealed.user.as_deref())?;
    if let Some(valid_from) = context.world.sign_ins.valid_from(&user.id).filter(|valid_from| sealed.from < *valid_from) {
        return Err(Error::new(&refusal::ENTRA_REVOKED, &[&precise(sealed.from), &precise(valid_from)]));
    }
    let asked = AskedScopes::read(form.get("scope").unwrap_or_default(), &client.id, Resources::First)?;
    if asked.is_sign_in_only() && !context.is_first() {
        return Err(Error::new(&refusal::ENTRA_TOKEN_FOR_ITSELF, &[&client.id, client.name()]));
    }
    let signed_in = SignedIn {
        name: sealed.user.clone(),
        is_spa: sealed.is_spa,
        until: sealed.is_spa.then_some(sealed.until),
        has_second_factor: sealed.has_second_factor,
        ..SignedIn::of(&user)
    };
    issue::for_user(context, form, &client, &signed_in, &asked)
}
