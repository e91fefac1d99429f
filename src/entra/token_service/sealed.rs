//! Codes and refresh tokens: they contain their data under a seal, so that the service remembers little and they survive a restart.
//!
//! The key of the seal is published with the sources, like the one that signs tokens: it finds mistakes, not attackers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::EntraContext;
use crate::entra::token::{decoded, unix_seconds};
use crate::text::json;

/// The data of a code or refresh token, encoded as JSON in base64url, behind its seal.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct SealedGrant {
    pub(super) kind: GrantKind,
    pub(super) client: String,
    /// The user name, if not the first user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    pub(super) scope: String,
    /// The time of issue, in seconds since the Unix epoch.
    pub(super) from: i64,
    /// The expiry.
    pub(super) until: i64,
    /// A number that no other code has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// The redirect address of a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) challenge: Option<Challenge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    /// Whether it belongs to a single-page application.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_spa: bool,
    /// Whether the user signed in with a second factor.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) has_second_factor: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The kind, so that a code is not accepted as a refresh token.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum GrantKind {
    /// The code of the authorization endpoint.
    #[default]
    Code,
    /// A refresh token.
    Refresh,
    /// The code of a device.
    Device,
    /// The cookie of a session.
    Session,
}

/// The challenge for the verifier of a code (RFC 7636).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Challenge {
    /// The verifier itself.
    Plain(String),
    /// Its digest.
    S256(String),
}

impl GrantKind {
    /// Returns the lifetime: about ten minutes, 90 days, 15 minutes
    /// (learn.microsoft.com/entra/identity-platform v2-oauth2-auth-code-flow, refresh-tokens, v2-oauth2-device-code).
    pub(super) fn lifetime(self) -> Duration {
        Duration::from_secs(match self {
            GrantKind::Code => 10 * 60,
            GrantKind::Refresh => 90 * 24 * 60 * 60,
            GrantKind::Device => 15 * 60,
            GrantKind::Session => 24 * 60 * 60,
        })
    }
}

/// The beginning of the sealed text.
const LABEL: &[u8] = b"wfi-emulator grant, public and worthless";

impl SealedGrant {
    /// Returns data that expires after the lifetime of its kind.
    pub(super) fn new(context: &EntraContext<'_>, kind: GrantKind, client: &str, scope: &str) -> SealedGrant {
        let lifetime = i64::try_from(kind.lifetime().as_secs()).unwrap_or(i64::MAX);
        let from = unix_seconds(context.world.clock.now());
        let until = from.saturating_add(lifetime);
        SealedGrant { kind, client: client.to_owned(), scope: scope.to_owned(), from, until, ..SealedGrant::default() }
    }

    /// Returns the encoded text.
    pub(super) fn text(&self) -> String {
        let data = serde_json::to_vec(self).unwrap_or_default();
        format!("1.{}.{}", URL_SAFE_NO_PAD.encode(&data), URL_SAFE_NO_PAD.encode(seal(&data)))
    }

    /// Returns the number of a code.
    pub(super) fn id(&self) -> Uuid {
        self.id.as_deref().and_then(|id| Uuid::try_parse(id).ok()).unwrap_or_default()
    }

    /// Decodes a text of a kind.
    pub(super) fn read(text: &str, kind: GrantKind) -> Option<SealedGrant> {
        let (data, tag) = text.strip_prefix("1.")?.split_once('.')?;
        let (data, tag) = (decoded(data)?, decoded(tag)?);
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, LABEL), &data, &tag).ok()?;
        json::read::<SealedGrant>(&data).ok().filter(|sealed| sealed.kind == kind)
    }
}

fn seal(data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, LABEL), data).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_text_is_not_read() {
        let text = SealedGrant { client: "app".to_owned(), ..SealedGrant::default() }.text();
        assert!(SealedGrant::read(&text, GrantKind::Code).is_some() && SealedGrant::read(&text, GrantKind::Refresh).is_none());
        let (data, tag) = text[2..].split_once('.').unwrap();
        let other = String::from_utf8(decoded(data).unwrap()).unwrap().replace("\"app\"", "\"ape\"");
        let other = URL_SAFE_NO_PAD.encode(other);
        for forged in [format!("1.{other}.{tag}"), format!("1.{data}."), data.to_owned(), format!("1.{data}"), String::new()] {
            assert!(SealedGrant::read(&forged, GrantKind::Code).is_none(), "{forged}");
        }
    }
}
