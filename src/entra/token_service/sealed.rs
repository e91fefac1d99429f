//! Codes and refresh tokens: they contain their data, so that the service is stateless.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::EntraContext;
use crate::entra::token::{decoded, unix_seconds};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::json;

/// The data of a code or refresh token, encoded as JSON in base64url.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct SealedGrant {
    pub(super) kind: GrantKind,
    pub(super) client: String,
    /// The user name, if not the first user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    pub(super) scope: String,
    /// The expiry, in seconds since the Unix epoch.
    pub(super) until: i64,
    /// The redirect address of a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) challenge: Option<Challenge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
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
        })
    }
}

impl SealedGrant {
    /// Returns data that expires after the lifetime of its kind.
    pub(super) fn new(context: &EntraContext<'_>, kind: GrantKind, client: &str, scope: &str) -> SealedGrant {
        let lifetime = i64::try_from(kind.lifetime().as_secs()).unwrap_or(i64::MAX);
        let until = unix_seconds(context.world.clock.now()).saturating_add(lifetime);
        SealedGrant { kind, client: client.to_owned(), scope: scope.to_owned(), until, ..SealedGrant::default() }
    }

    /// Returns the encoded text.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Decodes a text, which must be of the kind, for the client, and not expired.
    pub(super) fn read(context: &EntraContext<'_>, text: &str, kind: GrantKind, client: &str) -> Result<SealedGrant, Error> {
        let sealed = decoded(text).and_then(|sealed| json::read::<SealedGrant>(&sealed).ok());
        let sealed = sealed.filter(|sealed| sealed.kind == kind && sealed.client == client);
        let sealed = sealed.ok_or_else(|| Error::new(&refusal::ENTRA_GRANT, &[]))?;
        let is_expired = sealed.until <= unix_seconds(context.world.clock.now());
        if is_expired { Err(Error::new(&refusal::ENTRA_EXPIRED, &[])) } else { Ok(sealed) }
    }
}
