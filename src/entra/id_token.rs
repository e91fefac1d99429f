//! Id tokens: the endpoint chooses their version (learn.microsoft.com/entra/identity-platform/id-token-claims-reference).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::entra::access_token::{FIXED, opaque, pairwise, residence};
use crate::entra::members::Members;
use crate::entra::token::{Validity, issuer, signed};
use crate::world::fixture::directory::User;

/// The contents of an id token.
#[derive(Debug)]
pub(crate) struct Identity<'i> {
    /// The application, which is the audience.
    pub(crate) application: &'i str,
    /// The tenant.
    pub(crate) tenant_id: &'i str,
    /// The issuer of the second version; `None` for the first.
    pub(crate) second_issuer: Option<&'i str>,
    /// The user.
    pub(crate) user: &'i User,
    /// The time of validity.
    pub(crate) validity: Validity,
    /// A text that no other token has.
    pub(crate) serial: &'i str,
    /// The client's text.
    pub(crate) nonce: Option<&'i str>,
    /// Whether the profile was asked for.
    pub(crate) has_profile: bool,
    /// Whether the mail address was asked for.
    pub(crate) has_mail: bool,
    /// The code that comes with it from the authorization endpoint.
    pub(crate) code: Option<&'i str>,
    /// The access token that comes with it from there.
    pub(crate) access_token: Option<&'i str>,
    /// Further claims.
    pub(crate) more: Vec<(&'static str, Value)>,
}

/// Writes an id token, signed.
pub(crate) fn id_token(identity: &Identity<'_>) -> String {
    let user = identity.user;
    let is_first = identity.second_issuer.is_none();
    let mut claims = Members(Vec::with_capacity(24));
    claims.add("aud", identity.application);
    claims.add("iss", identity.second_issuer.map_or_else(|| issuer(identity.tenant_id), str::to_owned));
    claims.add("iat", identity.validity.from);
    claims.add("nbf", identity.validity.from);
    claims.add("exp", identity.validity.until);
    claims.add("amr", is_first.then(|| vec!["pwd"]));
    claims.add("at_hash", identity.access_token.map(half_hash));
    claims.add("c_hash", identity.code.map(half_hash));
    claims.add("email", user.mail.as_deref().filter(|_| identity.has_mail));
    claims.add("family_name", user.surname.as_deref().filter(|_| is_first));
    claims.add("given_name", user.given_name.as_deref().filter(|_| is_first));
    claims.add("idp", user.home.as_ref().map(|home| issuer(&home.tenant_id)));
    claims.add("name", user.display_name.as_deref().filter(|_| is_first || identity.has_profile));
    claims.add("nonce", identity.nonce);
    claims.add("oid", (is_first || identity.has_profile).then_some(&*user.id));
    claims.add("preferred_username", (!is_first && identity.has_profile).then_some(&*user.user_principal_name));
    claims.add("rh", residence(identity.tenant_id, identity.application));
    claims.add("sub", pairwise(identity.application, user));
    claims.add("tid", identity.tenant_id);
    claims.add("unique_name", is_first.then_some(&*user.user_principal_name));
    claims.add("upn", is_first.then_some(&*user.user_principal_name));
    claims.add("uti", opaque("", &[identity.serial, "uti"], 22));
    claims.add("ver", if is_first { "1.0" } else { "2.0" });
    claims.insert(FIXED, identity.more.clone());
    signed(&claims)
}

/// Returns the left half of a digest (`OpenID` Connect Core, 3.3.2.11).
fn half_hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}
