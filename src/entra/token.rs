//! Tokens: the claims that are read, and the text that carries them.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::entra::key::KEY;
use crate::text::json;
use crate::world::clock::unix_millis;

/// The audience of tokens for Graph. `GRAPH_ID` is equivalent.
pub const GRAPH: &str = "https://graph.microsoft.com";
/// The application id of Graph.
pub(crate) const GRAPH_ID: &str = "00000003-0000-0000-c000-000000000000";

/// The tenant of personal accounts (learn.microsoft.com/entra/identity-platform/id-token-claims-reference, `tid`).
pub(crate) const PERSONAL_TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The usual `expires_in` of tokens (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
pub(crate) const LIFETIME: Duration = Duration::from_secs(3599);

/// The `expires_in` of tokens for services that can revoke them at once, and of managed identities (Azure/azure-sdk-for-js and -python,
/// recordings of 2021 and 2022).
pub(crate) const LONG: Duration = Duration::from_secs(86_399);

/// The client id of the managed identity that is assigned by the system.
pub(crate) const SYSTEM_ASSIGNED: &str = "00000000-0000-4000-8000-000000000003";

/// The tolerance for clock skew: tokens are issued this much in the past. Recorded tokens live 3900 seconds by their claims, and 3599 by
/// the answer with the token (Azure/azure-sdk-for-go, Azure/azure-sdk-for-net, Azure/azure-sdk-for-python).
const BACKDATED: Duration = Duration::from_secs(300);

/// The relevant claims of a token, of both versions (learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
///
/// Claims of varying type are read as any JSON, so that an unusual one does not make the others unreadable.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    pub(super) aud: Value,
    pub(super) iss: Value,
    pub(super) exp: Value,
    pub(super) nbf: Value,
    pub(super) iat: Value,
    pub(super) xms_cc: Value,
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
    /// Returns whether the caller is an application without a user.
    pub(super) fn is_application(&self) -> bool {
        self.idtyp.as_deref() == Some("app") || self.scp.is_none()
    }
}

/// The reason why a text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenDefect {
    NoDots,
    OneDot,
    Unreadable,
}

/// A token in its three parts.
pub(super) struct Token<'t> {
    /// The signed text: header and payload.
    pub(super) signed: &'t str,
    pub(super) header: &'t str,
    pub(super) claims: Claims,
    signature: &'t str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Whether the header names extensions that a reader must understand.
    #[serde(default, rename = "crit", deserialize_with = "is_present")]
    has_critical: bool,
}

/// Reads a member of any value as its presence.
fn is_present<'de, D: Deserializer<'de>>(member: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(member).map(|_| true)
}

impl<'t> Token<'t> {
    /// Splits a text.
    pub(super) fn read(text: &'t str) -> Result<Token<'t>, TokenDefect> {
        let (header, rest) = text.split_once('.').ok_or(TokenDefect::NoDots)?;
        let (payload, signature) = rest.split_once('.').ok_or(TokenDefect::OneDot)?;
        if signature.contains('.') {
            return Err(TokenDefect::Unreadable);
        }
        let signed = &text[..header.len() + 1 + payload.len()];
        let claims = claims(payload).ok_or(TokenDefect::Unreadable)?;
        Ok(Token { signed, header, claims, signature })
    }

    /// Returns the id of the key in the header.
    pub(super) fn key_id(&self) -> Option<String> {
        decoded(self.header).and_then(|header| json::read::<Header>(&header).ok())?.kid
    }

    /// Returns whether the token has a valid signature of the emulator's key with the supported algorithm. No extension is understood, so
    /// a token that depends on any is refused, and so is an invalid list of them (RFC 7515, 4.1.11).
    pub(super) fn is_genuine(&self) -> bool {
        let header = decoded(self.header).and_then(|header| json::read::<Header>(&header).ok());
        let is_understood = header.is_some_and(|header| {
            header.alg == "RS256" && !header.has_critical && header.kid.as_deref().is_none_or(|kid| kid == KEY.id)
        });
        is_understood && decoded(self.signature).is_some_and(|signature| KEY.has_signed(self.signed.as_bytes(), &signature))
    }
}

/// The claims that name the user of a token, of both versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserNames {
    unique_name: Option<String>,
    preferred_username: Option<String>,
    acrs: Value,
}

impl UserNames {
    /// Returns the names in the text of a token.
    pub(super) fn of(text: &str) -> UserNames {
        let payload = text.split('.').nth(1).and_then(decoded);
        payload.and_then(|payload| json::read(&payload).ok()).unwrap_or_default()
    }

    /// Returns the sign-in name.
    pub(super) fn name(&self) -> Option<&str> {
        self.unique_name.as_deref().or(self.preferred_username.as_deref())
    }

    /// Returns whether the user signed in with a second factor.
    pub(super) fn has_second_factor(&self) -> bool {
        self.acrs.as_array().is_some_and(|contexts| contexts.iter().any(|context| context == "c1"))
    }
}

/// Reads the claims of a payload.
pub(super) fn claims(payload: &str) -> Option<Claims> {
    json::read(&decoded(payload)?).ok()
}

pub(super) fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// The time of validity of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The time of issue and the start of validity, in seconds since the Unix epoch.
    pub from: i64,
    /// The end, in seconds since the Unix epoch.
    pub until: i64,
}

impl Validity {
    /// Returns the validity of a token that is issued now, with this `expires_in`.
    pub fn starting(now: SystemTime, lifetime: Duration) -> Validity {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let now = unix_seconds(now);
        Validity { from: now.saturating_sub(seconds(BACKDATED)), until: now.saturating_add(seconds(lifetime)).saturating_add(1) }
    }
}

/// Returns the time of issue of a token of the emulator, which is later than its claims say.
pub(super) fn issued_at(claims: &Claims) -> Option<i64> {
    seconds(&claims.iat).map(|from| from.saturating_add(i64::try_from(BACKDATED.as_secs()).unwrap_or_default()))
}

/// Returns the issuer of access tokens of a tenant.
pub(crate) fn issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

/// Writes claims as a signed token with the header of id tokens and of access tokens of the second version.
pub fn signed(claims: &impl Serialize) -> String {
    signed_under(&format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{}"}}"#, KEY.id), claims)
}

/// Writes claims as a signed token with a header.
pub(super) fn signed_under(header: &str, claims: &impl Serialize) -> String {
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Reads a time of a claim, in seconds since the Unix epoch: a number, which may have a fraction (RFC 7519, 2).
pub(super) fn seconds(claim: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "values out of range saturate, and fractions do not matter")]
    claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds as i64))
}

/// Returns seconds since the Unix epoch.
pub fn unix_seconds(time: SystemTime) -> i64 {
    unix_millis(time).div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_what_is_understood_and_nothing_critical() {
        let is_genuine = |header: &str| Token::read(&signed_under(header, &[0; 0])).is_ok_and(|token| token.is_genuine());
        let is_taken = |header: &str| {
            let text = signed_under(header, &serde_json::json!({}));
            Token::read(&text).is_ok_and(|token| token.is_genuine())
        };
        assert!(is_taken(r#"{"alg":"RS256"}"#) && is_taken(r#"{"alg":"RS256","typ":"JWT","other":1}"#));
        for header in [
            r#"["RS256"]"#,
            r#"["RS256",null]"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"RS256","kid":"other"}"#,
            r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"RS256","crit":["alg"]}"#,
            r#"{"alg":"RS256","crit":["other"]}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","crit":"other"}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
        ] {
            assert!(!is_taken(header), "{header}");
        }
        assert!(!is_genuine(r#"{"alg":"RS256"}"#), "claims are an object");
    }
}
