//! Tokens: their claims, and the text that carries them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Builder;

use crate::entra::caller::LOCAL_USER;
use crate::entra::key::KEY;
use crate::world::fixture::directory::{Directory, User};
use crate::world::unix_millis;

/// The audience of tokens for Graph, and its id, which is as good.
pub const GRAPH: &str = "https://graph.microsoft.com";
/// The application id of Graph.
pub const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";

/// The tenant of personal accounts (learn.microsoft.com/entra/identity-platform/id-token-claims-reference, `tid`).
pub const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// How long tokens live unless somebody says otherwise (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
pub const LIFETIME: Duration = Duration::from_secs(3599);

/// How much earlier than now a token says it was issued, so that clocks may differ. Published tokens of Graph live 65 minutes by
/// their claims, and 60 by the answer that brought them.
const BACKDATED: Duration = Duration::from_secs(300);

/// The claims of a token that are read, of both versions (learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
///
/// Those whose kind varies are taken as they come, so that an odd one does not make the others unreadable.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    pub(super) aud: Value,
    pub(super) iss: Value,
    pub(super) exp: Value,
    pub(super) nbf: Value,
    pub(super) tid: Value,
    pub(super) roles: Value,
    pub(super) oid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) appid: Option<String>,
    pub(super) azp: Option<String>,
    pub(super) app_displayname: Option<String>,
    pub(super) idtyp: Option<String>,
    pub(super) scp: Option<String>,
}

impl Claims {
    /// Returns whether an application calls, and not a user.
    pub(super) fn is_application(&self) -> bool {
        self.idtyp.as_deref() == Some("app") || self.scp.is_none()
    }
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    NoDots,
    OneDot,
    Unreadable,
}

/// A token in its three parts.
pub(super) struct Token<'t> {
    /// Header and payload, as they were signed.
    pub(super) signed: &'t str,
    header: &'t str,
    pub(super) claims: Claims,
    signature: &'t str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

impl<'t> Token<'t> {
    /// Takes a text apart.
    pub(super) fn read(text: &'t str) -> Result<Token<'t>, Malformed> {
        let (header, rest) = text.split_once('.').ok_or(Malformed::NoDots)?;
        let (payload, signature) = rest.split_once('.').ok_or(Malformed::OneDot)?;
        if signature.contains('.') {
            return Err(Malformed::Unreadable);
        }
        let signed = &text[..header.len() + 1 + payload.len()];
        let claims = claims(payload).ok_or(Malformed::Unreadable)?;
        Ok(Token { signed, header, claims, signature })
    }

    /// Says whether the emulator's key has signed the token, with the one algorithm that there is.
    pub(super) fn is_genuine(&self) -> bool {
        let header = decoded(self.header).and_then(|json| serde_json::from_slice::<Header>(&json).ok());
        let names_key =
            header.is_some_and(|header| header.alg == "RS256" && header.kid.as_deref().is_none_or(|kid| kid == KEY.id));
        names_key && decoded(self.signature).is_some_and(|signature| KEY.has_signed(self.signed.as_bytes(), &signature))
    }
}

/// Reads the claims of a payload.
pub(super) fn claims(payload: &str) -> Option<Claims> {
    serde_json::from_slice(&decoded(payload)?).ok()
}

pub(super) fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// What an access token for Graph shall say.
#[derive(Debug)]
pub struct Grant<'g> {
    /// For whom the token is.
    pub audience: &'g str,
    /// The tenant.
    pub tenant_id: &'g str,
    /// The client id of the application.
    pub application: &'g str,
    /// Its name.
    pub application_name: Option<&'g str>,
    /// How the application has shown who it is.
    pub proof: Proof,
    /// Whom the token is about, and what it allows.
    pub subject: TokenSubject<'g>,
    /// When it is valid.
    pub validity: Validity,
}

/// How an application has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    Nothing,
    /// By a secret.
    Secret,
    /// By an assertion.
    Assertion,
}

/// Whom a token is about, and what it allows.
#[derive(Debug)]
pub enum TokenSubject<'g> {
    /// The application itself, with these application permissions.
    Application(Vec<String>),
    /// A user, with these delegated permissions.
    User(&'g User, Vec<String>),
}

/// The claims of an access token, in the order in which published ones have them.
///
/// Grades: `aud`, `idtyp`, `roles`, `scp` are strong; `iss`, `appid`, `oid`, `tid`, `ver` are the usual content of tokens of this
/// version, weak.
#[derive(Serialize)]
struct AccessClaims<'t> {
    aud: &'t str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_displayname: Option<&'t str>,
    appid: &'t str,
    appidacr: &'static str,
    idtyp: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'t str>,
    oid: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'t [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<String>,
    sub: &'t str,
    tid: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'t str>,
    ver: &'static str,
}

/// Writes an access token, signed.
pub fn access_token(grant: &Grant<'_>) -> String {
    // The principal of an application has an id of its own in every tenant, and a user another name for every application.
    let principal = id_of(&format!("{}/{}", grant.tenant_id, grant.application));
    let (user, roles, scopes) = match &grant.subject {
        TokenSubject::Application(roles) => (None, Some(&**roles), None),
        TokenSubject::User(user, scopes) => (Some(*user), None, Some(scopes.join(" "))),
    };
    let sub = user.map_or_else(|| principal.clone(), |user| pairwise(grant.application, user));
    signed(&AccessClaims {
        aud: grant.audience,
        iss: issuer(grant.tenant_id),
        iat: grant.validity.from,
        nbf: grant.validity.from,
        exp: grant.validity.until,
        app_displayname: grant.application_name,
        appid: grant.application,
        appidacr: match grant.proof {
            Proof::Nothing => "0",
            Proof::Secret => "1",
            Proof::Assertion => "2",
        },
        idtyp: if user.is_some() { "user" } else { "app" },
        name: user.and_then(|user| user.display_name.as_deref()),
        oid: user.map_or(&principal, |user| &user.id),
        roles,
        scp: scopes,
        sub: &sub,
        tid: grant.tenant_id,
        upn: user.map(|user| &*user.user_principal_name),
        ver: "1.0",
    })
}

/// Returns the name of a user for an application alone.
pub(super) fn pairwise(application: &str, user: &User) -> String {
    id_of(&format!("{application}/{}", user.id))
}

/// The one who signs in without saying who it is.
pub fn local_user() -> User {
    User {
        id: LOCAL_USER.0.to_owned(),
        user_principal_name: "local.user@contoso.onmicrosoft.com".to_owned(),
        display_name: Some(LOCAL_USER.1.to_owned()),
    }
}

/// Returns the user of a directory who signs in under a name, or the first one; any name is known where no users are listed.
pub fn user_named(directory: &Directory, name: Option<&str>) -> Option<User> {
    let local = local_user();
    match (&directory.users, name) {
        (None, None) => Some(local),
        (None, Some(name)) if name.eq_ignore_ascii_case(&local.user_principal_name) => Some(local),
        (None, Some(name)) => Some(User {
            id: id_of(&name.to_lowercase()),
            user_principal_name: name.to_owned(),
            display_name: Some(name.to_owned()),
        }),
        (Some(users), None) => users.first().cloned(),
        (Some(users), Some(name)) => {
            users.iter().find(|user| user.user_principal_name.eq_ignore_ascii_case(name) || user.id == name).cloned()
        }
    }
}

/// When a token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The time of issue, and from when on the token is valid; seconds since the Unix epoch.
    pub from: i64,
    /// Up to when.
    pub until: i64,
}

impl Validity {
    /// Returns the validity of a token that is issued now.
    pub fn starting(now: SystemTime, lifetime: Duration) -> Validity {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let now = unix_seconds(now);
        Validity { from: now.saturating_sub(seconds(BACKDATED)), until: now.saturating_add(seconds(lifetime)) }
    }
}

/// Returns the issuer of access tokens of a tenant.
pub fn issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

/// Writes claims as a signed token.
pub fn signed(claims: &impl Serialize) -> String {
    let header = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{}"}}"#, KEY.id);
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Reads a time of a claim, in seconds since the Unix epoch: a number, which may have a fraction (RFC 7519, 2).
pub(super) fn seconds(claim: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond the range is at its end, and fractions do not matter")]
    claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds as i64))
}

/// Returns seconds since the Unix epoch.
pub fn unix_seconds(time: SystemTime) -> i64 {
    unix_millis(time).div_euclid(1000)
}

/// Returns an id that always belongs to the same text, for whoever has none.
pub(super) fn id_of(text: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}
