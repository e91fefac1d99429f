//! Codes and refresh tokens: they carry what they stand for, so that nothing has to be kept.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::EntraContext;
use crate::entra::token::{decoded, unix_seconds};
use crate::odata::error::Error;
use crate::policy::refusal;

/// What codes and refresh tokens stand for; their text is this as JSON, in base64url.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Sealed {
    pub(super) kind: Kind,
    pub(super) client: String,
    /// The name with which the user signed in; without it, the first user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    pub(super) scope: String,
    /// Up to when it is good, in seconds since the Unix epoch.
    pub(super) until: i64,
    /// The address to which a code was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) challenge: Option<Challenge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
}

/// The kinds of what is sealed, so that one is not taken for another.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    /// The code of the authorization endpoint.
    #[default]
    Code,
    /// A refresh token.
    Refresh,
    /// The code of a device.
    Device,
}

/// What the verifier of a code must answer (RFC 7636).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Challenge {
    /// The verifier itself.
    Plain(String),
    /// Its digest.
    S256(String),
}

impl Kind {
    /// Returns how long what is sealed is good: about ten minutes, 90 days, 15 minutes
    /// (learn.microsoft.com/entra/identity-platform v2-oauth2-auth-code-flow, refresh-tokens, v2-oauth2-device-code).
    pub(super) fn lifetime(self) -> Duration {
        Duration::from_secs(match self {
            Kind::Code => 10 * 60,
            Kind::Refresh => 90 * 24 * 60 * 60,
            Kind::Device => 15 * 60,
        })
    }
}

impl Sealed {
    /// Returns what is good from now on for as long as its kind is.
    pub(super) fn new(context: &EntraContext<'_>, kind: Kind, client: &str, scope: &str) -> Sealed {
        let lifetime = i64::try_from(kind.lifetime().as_secs()).unwrap_or(i64::MAX);
        let until = unix_seconds(context.world.clock.now()).saturating_add(lifetime);
        Sealed { kind, client: client.to_owned(), scope: scope.to_owned(), until, ..Sealed::default() }
    }

    /// Writes the text.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a text that a client shows, which must be of this kind, made for this client, and still good.
    pub(super) fn read(context: &EntraContext<'_>, text: &str, kind: Kind, client: &str) -> Result<Sealed, Error> {
        let sealed = decoded(text).and_then(|json| serde_json::from_slice::<Sealed>(&json).ok());
        let sealed = sealed.filter(|sealed| sealed.kind == kind && sealed.client == client);
        let sealed = sealed.ok_or_else(|| Error::new(&refusal::ENTRA_GRANT, &[]))?;
        let is_over = sealed.until <= unix_seconds(context.world.clock.now());
        if is_over { Err(Error::new(&refusal::ENTRA_EXPIRED, &[])) } else { Ok(sealed) }
    }
}
