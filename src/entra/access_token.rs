//! Access tokens: the claims of both versions, in the order of published ones.
//!
//! The resource chooses the version, never the endpoint (learn.microsoft.com/entra/identity-platform/access-tokens). Claims and their order:
//! access-token-claims-reference and v2-oauth2-on-behalf-of-flow on learn.microsoft.com, and tokens recorded in Azure/azure-sdk-for-python.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::entra::key::KEY;
use crate::entra::members::Members;
use crate::entra::token::{Validity, issuer, signed, signed_under};
use crate::world::fixture::directory::{User, id_of};

/// The contents of an access token.
#[derive(Debug)]
pub struct Grant<'g> {
    /// The audience.
    pub audience: &'g str,
    /// The tenant.
    pub tenant_id: &'g str,
    /// The version.
    pub version: TokenVersion<'g>,
    /// The client id of the application.
    pub application: &'g str,
    /// Its name.
    pub application_name: Option<&'g str>,
    /// The authentication of the application.
    pub proof: Proof,
    /// The subject and its permissions.
    pub subject: TokenSubject<'g>,
    /// The time of validity.
    pub validity: Validity,
    /// A text that no other token has.
    pub serial: &'g str,
    /// Whether the client can answer challenges for claims (continuous access evaluation).
    pub answers_challenges: bool,
    /// Further claims.
    pub more: Vec<(&'static str, Value)>,
}

/// The version of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenVersion<'g> {
    /// 1.0 for Graph, which alone has a nonce in the header.
    Graph,
    /// 1.0.
    First,
    /// 2.0, of this issuer.
    Second(&'g str),
}

/// The authentication of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// None.
    Nothing,
    /// A secret.
    Secret,
    /// An assertion.
    Assertion,
}

/// The subject of a token and its permissions.
#[derive(Debug)]
pub enum TokenSubject<'g> {
    /// The application itself, with application permissions.
    Application(Vec<String>),
    /// A user, with delegated permissions.
    User(&'g User, Vec<String>),
}

/// The number of claims at the beginning, which are not in the order of their names: `aud`, `iss`, `iat`, `nbf`, `exp`.
pub(super) const FIXED: usize = 5;

/// Writes an access token, signed.
pub fn access_token(grant: &Grant<'_>) -> String {
    // The principal of an application has another id in every tenant, and a user another `sub` for every application.
    let principal = id_of(&format!("{}/{}", grant.tenant_id, grant.application));
    let (user, roles, scopes) = match &grant.subject {
        TokenSubject::Application(roles) => (None, Some(roles).filter(|roles| !roles.is_empty()), None),
        TokenSubject::User(user, scopes) => (Some(*user), None, Some(scopes.join(" "))),
    };
    let object = user.map_or(&*principal, |user| &user.id);
    let sub = user.map_or_else(|| principal.clone(), |user| pairwise(grant.application, user));
    let proof = match grant.proof {
        Proof::Nothing => "0",
        Proof::Secret => "1",
        Proof::Assertion => "2",
    };
    let idp = user.and_then(|user| user.home.as_ref()).map(|home| issuer(&home.tenant_id));
    let of_user = |value: fn(&User) -> Option<&str>| user.and_then(value);
    let mut claims = Members(Vec::with_capacity(32));
    let second = match grant.version {
        TokenVersion::Second(issuer) => Some(issuer),
        TokenVersion::Graph | TokenVersion::First => None,
    };
    claims.add("aud", grant.audience);
    claims.add("iss", second.map_or_else(|| issuer(grant.tenant_id), str::to_owned));
    claims.add("iat", grant.validity.from);
    claims.add("nbf", grant.validity.from);
    claims.add("exp", grant.validity.until);
    let is_first = second.is_none();
    claims.add("acr", user.filter(|_| is_first).map(|_| "1"));
    claims.add("aio", opaque("A", &[grant.serial, "aio"], 48));
    claims.add("amr", user.filter(|_| is_first).map(|_| vec!["pwd"]));
    if is_first {
        claims.add("app_displayname", grant.application_name);
        claims.add("appid", grant.application);
        claims.add("appidacr", proof);
        claims.add("family_name", of_user(|user| user.surname.as_deref()));
        claims.add("given_name", of_user(|user| user.given_name.as_deref()));
    } else {
        claims.add("azp", grant.application);
        claims.add("azpacr", proof);
    }
    // Of other resources it is an optional claim (learn.microsoft.com/entra/identity-platform/optional-claims-reference).
    let has_kind = grant.version == TokenVersion::Graph;
    claims.add("idp", if is_first && user.is_none() { Some(issuer(grant.tenant_id)) } else { idp });
    claims.add("idtyp", has_kind.then_some(if user.is_some() { "user" } else { "app" }));
    claims.add("name", of_user(|user| user.display_name.as_deref()));
    claims.add("oid", object);
    claims.add("preferred_username", if is_first { None } else { user.map(|user| &*user.user_principal_name) });
    claims.add("rh", residence(grant.tenant_id, grant.application));
    claims.add("roles", roles.cloned());
    claims.add("scp", scopes);
    claims.add("sub", sub);
    claims.add("tid", grant.tenant_id);
    if let Some(user) = user.filter(|_| is_first) {
        claims.add("unique_name", &*user.user_principal_name);
        claims.add("upn", &*user.user_principal_name);
    }
    claims.add("uti", opaque("", &[grant.serial, "uti"], 22));
    claims.add("ver", if is_first { "1.0" } else { "2.0" });
    claims.add("xms_cc", grant.answers_challenges.then(|| vec!["cp1"]));
    claims.insert(FIXED, grant.more.clone());
    match grant.version {
        TokenVersion::Graph => {
            let nonce = opaque("", &[grant.serial, "nonce"], 43);
            signed_under(&format!(r#"{{"typ":"JWT","nonce":"{nonce}","alg":"RS256","x5t":"{0}","kid":"{0}"}}"#, KEY.id), &claims)
        }
        TokenVersion::First => {
            signed_under(&format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{0}","kid":"{0}"}}"#, KEY.id), &claims)
        }
        TokenVersion::Second(_) => signed(&claims),
    }
}

/// Returns the pairwise `sub` of a user for an application.
pub(super) fn pairwise(application: &str, user: &User) -> String {
    opaque("", &[application, &user.id], 43)
}

/// Returns the claim `rh`, which is of use for Entra alone.
pub(super) fn residence(tenant_id: &str, application: &str) -> String {
    opaque("1.A", &[tenant_id, application, "rh"], 40) + "."
}

/// Returns a text derived from others, in base64url, of a length up to 64.
pub(super) fn opaque(prefix: &str, of: &[&str], length: usize) -> String {
    let text = of.join("/");
    let half = |salt: &str| digest(&SHA256, format!("{salt}{text}").as_bytes());
    let mut bytes = half("").as_ref().to_vec();
    if length > 43 {
        bytes.extend_from_slice(half("/").as_ref());
    }
    let mut encoded = URL_SAFE_NO_PAD.encode(bytes);
    encoded.truncate(length.saturating_sub(prefix.len()).max(1));
    format!("{prefix}{encoded}")
}
