//! The code of the authorization endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::ORIGIN;
use ring::digest::{SHA256, digest};

use super::super::EntraContext;
use super::super::client::{Client, missing_parameter};
use super::super::form::Form;
use super::super::issue::{self, SignedIn, TokenAnswer};
use super::super::scope::{AskedScopes, Resources};
use super::super::sealed::{Challenge, GrantKind, SealedGrant};
use super::super::sign_in::user;
use crate::entra::token::unix_seconds;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::constant_time::is_equal;
use crate::world::fixture::directory::Platform;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    let text = form.get("code").ok_or_else(|| missing_parameter("code"))?;
    let sealed = SealedGrant::read(text, GrantKind::Code).ok_or_else(|| Error::new(&refusal::ENTRA_GRANT, &[]))?;
    let redirect = sealed.redirect.as_deref().unwrap_or_default();
    let platforms = client.registered.and_then(|application| application.redirect_uris.as_ref());
    let platform = platforms.and_then(|platforms| platforms.platform(redirect));
    client.prove_if_confidential(context, form, platform == Some(Platform::Web))?;
    if sealed.client != client.id {
        return Err(Error::new(&refusal::ENTRA_FOREIGN_GRANT, &[]));
    }
    let now = unix_seconds(context.world.clock.now());
    if sealed.until <= now {
        return Err(Error::new(&refusal::ENTRA_EXPIRED, &[]));
    }
    let id = sealed.id().as_u128();
    let redeemed = || Error::new(&refusal::ENTRA_CODE_REDEEMED, &[]);
    if context.world.sign_ins.is_redeemed(id) {
        return Err(redeemed());
    }
    if form.get("redirect_uri").is_none_or(|address| address != redirect) {
        let detail = "redirect_uri differs from that of the code".into();
        return Err(Error::new(&refusal::ENTRA_FOREIGN_GRANT, &[]).with_detail(detail));
    }
    let origin = context.request.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    match (platform, origin) {
        (Some(Platform::Spa), None) => return Err(Error::new(&refusal::ENTRA_SPA_ONLY, &[])),
        (Some(Platform::Web | Platform::PublicClient), Some(origin)) => {
            return Err(Error::new(&refusal::ENTRA_NOT_SPA, &[origin]));
        }
        _ => {}
    }
    check_verifier(form, &sealed)?;
    let written = form.get("scope");
    let of_code = AskedScopes::read(&sealed.scope, &client.id, Resources::First)?;
    if written.is_none() && !context.is_first() && !of_code.is_sign_in_only() {
        return Err(Error::new(&refusal::ENTRA_NO_SCOPE_OF_CODE, &[]));
    }
    let asked = AskedScopes::read(written.unwrap_or(&sealed.scope), &client.id, Resources::One)?;
    let user = user(context, sealed.user.as_deref())?;
    // A code that is refused for another reason can be redeemed later.
    let signed_in = SignedIn {
        nonce: sealed.nonce.as_deref(),
        name: sealed.user.clone(),
        is_spa: origin.is_some(),
        has_second_factor: sealed.has_second_factor,
        ..SignedIn::of(&user)
    };
    let prepared = issue::prepare(context, form, &client, &signed_in, &asked)?;
    if !context.world.sign_ins.redeem(id, sealed.until, now) {
        return Err(redeemed());
    }
    Ok(prepared.answer(context, form, &client, &signed_in, &asked))
}

/// Checks that the code is redeemed by its requester (RFC 7636).
fn check_verifier(form: &Form<'_>, sealed: &SealedGrant) -> Result<(), Error> {
    let Some(challenge) = &sealed.challenge else { return Ok(()) };
    let verifier = form.get("code_verifier").unwrap_or_default();
    let is_verified = match challenge {
        Challenge::Plain(challenge) => is_equal(verifier.as_bytes(), challenge.as_bytes()),
        Challenge::S256(challenge) => {
            let answer = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            is_equal(answer.as_bytes(), challenge.as_bytes())
        }
    };
    if is_verified { Ok(()) } else { Err(Error::new(&refusal::ENTRA_VERIFIER, &[])) }
}
