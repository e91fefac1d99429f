//! Assertions of clients: a JWT under a certificate, or one of another issuer.
//!
//! They are checked against the certificates and federated credentials of the directory; nothing is fetched. Without a directory only
//! form and time count. Header and claims: learn.microsoft.com/entra/identity-platform/certificate-credentials.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::EntraContext;
use super::scope::host;
use crate::edm::date_time::DateTimeOffset;
use crate::entra::token::{decoded, unix_seconds};
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::json;
use crate::world::fixture::directory::{Application, Certificate, FederatedCredential};

/// The header of an assertion.
#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    x5t: Option<String>,
    #[serde(default, rename = "x5t#S256")]
    x5t_s256: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// The claims of an assertion. MSAL for .NET writes times as text.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    nbf: Value,
}

/// An assertion in its parts.
struct Assertion<'a> {
    signed: &'a str,
    header: Header,
    claims: Claims,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    fn read(text: &'a str) -> Option<Assertion<'a>> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header = json::read(&decoded(header)?).ok()?;
        Some(Assertion { signed, header, claims: json::read(&decoded(payload)?).ok()?, signature: decoded(signature)? })
    }

    fn algorithm(&self) -> Option<&'static RsaParameters> {
        match self.header.alg.as_deref() {
            Some("RS256") => Some(&RSA_PKCS1_2048_8192_SHA256),
            Some("RS384") => Some(&RSA_PKCS1_2048_8192_SHA384),
            Some("RS512") => Some(&RSA_PKCS1_2048_8192_SHA512),
            Some("PS256") => Some(&RSA_PSS_2048_8192_SHA256),
            _ => None,
        }
    }
}

/// Checks the assertion of a client.
pub(super) fn check(context: &EntraContext<'_>, client: &str, registered: Option<&Application>, text: &str) -> Result<(), Error> {
    let malformed = || Error::new(&refusal::ENTRA_ASSERTION, &[]);
    let assertion = Assertion::read(text).ok_or_else(malformed)?;
    let certificates = registered.and_then(|application| application.certificates.as_ref());
    let federated = registered.and_then(|application| application.federated_credentials.as_ref());
    if certificates.is_none() && federated.is_none() {
        // An assertion of any form is taken, as is any secret.
        return check_time(context, &assertion.claims);
    }
    let Some(algorithm) = assertion.algorithm() else {
        let name = assertion.header.alg.as_deref().unwrap_or_default();
        return Err(Error::new(&refusal::ENTRA_ASSERTION_ALGORITHM, &[name]));
    };
    if assertion.header.crit.is_some() {
        return Err(malformed());
    }
    for (claim, is_missing) in [("iss", assertion.claims.iss.is_none()), ("aud", assertion.claims.aud.is_null())] {
        if is_missing {
            return Err(Error::new(&refusal::ENTRA_ASSERTION_FIELD, &[claim]));
        }
    }
    let is_own = assertion.claims.iss.as_deref().is_some_and(|issuer| issuer.eq_ignore_ascii_case(client));
    if is_own || federated.is_none_or(Vec::is_empty) {
        check_own(context, client, certificates.map_or(&[][..], |list| list), &assertion, algorithm)
    } else {
        check_federated(context, client, federated.map_or(&[][..], |list| list), &assertion, algorithm)
    }
}

fn check_own(
    context: &EntraContext<'_>,
    client: &str,
    certificates: &[Certificate],
    assertion: &Assertion<'_>,
    algorithm: &'static RsaParameters,
) -> Result<(), Error> {
    let Header { kid, x5t, x5t_s256, .. } = &assertion.header;
    if kid.is_none() && x5t.is_none() && x5t_s256.is_none() {
        return Err(Error::new(&refusal::ENTRA_ASSERTION_KEY_ID, &[]));
    }
    // MSAL for Go writes base64 with padding; older libraries write the thumbprint in hexadecimal as `kid`.
    let is_named = |name: &str, thumbprint: &[u8]| {
        let plain = name.trim_end_matches('=');
        plain == URL_SAFE_NO_PAD.encode(thumbprint)
            || plain == STANDARD.encode(thumbprint).trim_end_matches('=')
            || name.eq_ignore_ascii_case(&hexadecimal(thumbprint))
    };
    let named = |certificate: &&Certificate| match (x5t_s256, x5t, kid) {
        (Some(name), _, _) => is_named(name, &certificate.sha256),
        (None, Some(name), _) => is_named(name, &certificate.sha1),
        (None, None, Some(name)) => is_named(name, &certificate.sha1) || is_named(name, &certificate.sha256),
        (None, None, None) => false,
    };
    let has_signed = |certificate: &Certificate| {
        let key = UnparsedPublicKey::new(algorithm, &certificate.public_key);
        key.verify(assertion.signed.as_bytes(), &assertion.signature).is_ok()
    };
    if !certificates.iter().find(named).is_some_and(has_signed) {
        let name = x5t_s256.as_deref().or(x5t.as_deref()).or(kid.as_deref()).unwrap_or_default();
        let thumbprint = decoded(name).map_or_else(|| name.to_owned(), |bytes| hexadecimal(&bytes));
        return Err(Error::new(&refusal::ENTRA_ASSERTION_KEY, &[&thumbprint, client]));
    }
    if [&assertion.claims.iss, &assertion.claims.sub].iter().any(|claim| claim.as_deref() != Some(client)) {
        return Err(Error::new(&refusal::ENTRA_ASSERTION_CLIENT, &[]));
    }
    check_time(context, &assertion.claims)?;
    if audiences(&assertion.claims.aud).any(|audience| is_service(context, audience)) {
        Ok(())
    } else {
        Err(Error::new(&refusal::ENTRA_ASSERTION_AUDIENCE, &[]))
    }
}

fn check_federated(
    context: &EntraContext<'_>,
    client: &str,
    credentials: &[FederatedCredential],
    assertion: &Assertion<'_>,
    algorithm: &'static RsaParameters,
) -> Result<(), Error> {
    let issuer = assertion.claims.iss.as_deref().unwrap_or_default();
    let subject = assertion.claims.sub.as_deref().unwrap_or_default();
    let of_issuer: Vec<&FederatedCredential> = credentials.iter().filter(|known| known.issuer == issuer).collect();
    if of_issuer.is_empty() {
        return Err(Error::new(&refusal::ENTRA_FEDERATED_ISSUER, &[issuer]));
    }
    let of_subject: Vec<&FederatedCredential> = of_issuer.into_iter().filter(|known| known.subject == subject).collect();
    if of_subject.is_empty() {
        return Err(Error::new(&refusal::ENTRA_FEDERATED_SUBJECT, &[subject]));
    }
    let meant = |known: &&&FederatedCredential| audiences(&assertion.claims.aud).any(|audience| audience == known.audience);
    let Some(credential) = of_subject.iter().find(meant) else {
        let audience = audiences(&assertion.claims.aud).next().unwrap_or_default();
        return Err(Error::new(&refusal::ENTRA_FEDERATED_AUDIENCE, &[audience]));
    };
    if let Some(keys) = &credential.keys {
        let is_named = |kid: &Option<String>| assertion.header.kid.is_none() || *kid == assertion.header.kid;
        let has_signed = keys.iter().filter(|key| is_named(&key.kid)).any(|key| {
            let (Some(n), Some(e)) = (decoded(&key.n), decoded(&key.e)) else { return false };
            RsaPublicKeyComponents { n, e }.verify(algorithm, assertion.signed.as_bytes(), &assertion.signature).is_ok()
        });
        if !has_signed {
            let name = assertion.header.kid.as_deref().unwrap_or_default();
            return Err(Error::new(&refusal::ENTRA_ASSERTION_KEY, &[name, client]));
        }
    }
    check_time(context, &assertion.claims)
}

/// Checks the lifetime, which has an end.
fn check_time(context: &EntraContext<'_>, claims: &Claims) -> Result<(), Error> {
    let now = unix_seconds(context.world.clock.now());
    let (from, until) = (seconds(&claims.nbf), seconds(&claims.exp));
    let is_invalid = |claim: &Value, seconds: Option<i64>| !claim.is_null() && seconds.is_none();
    // Clocks may differ by five minutes.
    let is_over = until.is_some_and(|until| until <= now) || is_invalid(&claims.exp, until);
    if is_over || from.is_some_and(|from| from > now.saturating_add(300)) || is_invalid(&claims.nbf, from) {
        let times = [now, from.unwrap_or_default(), until.unwrap_or_default()].map(precise);
        return Err(Error::new(&refusal::ENTRA_ASSERTION_TIME, &[&times[0], &times[1], &times[2]]));
    }
    if claims.exp.is_null() {
        return Err(Error::new(&refusal::ENTRA_ASSERTION_FIELD, &["exp"]));
    }
    Ok(())
}

/// Reads a time that may be text.
fn seconds(claim: &Value) -> Option<i64> {
    crate::entra::token::seconds(claim).or_else(|| claim.as_str()?.parse().ok())
}

/// Writes a time as the service does in its messages.
pub(super) fn precise(seconds: i64) -> String {
    let mut text = Vec::with_capacity(28);
    DateTimeOffset::from_unix_millis(seconds.clamp(0, 253_402_300_799).saturating_mul(1000)).write_seconds(&mut text);
    format!("{}.0000000Z", String::from_utf8_lossy(&text))
}

fn audiences(claim: &Value) -> impl Iterator<Item = &str> {
    claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice).iter().filter_map(Value::as_str)
}

/// Returns whether an audience is a token endpoint or an issuer of the service, here or by its real name.
fn is_service(context: &EntraContext<'_>, audience: &str) -> bool {
    let requested = host(audience).to_ascii_lowercase();
    let is_host = requested == host(context.request.base_url).to_ascii_lowercase()
        || ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"].contains(&&*requested);
    let path = audience.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let ends = ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/"];
    is_host && (ends.iter().any(|end| path.to_ascii_lowercase().ends_with(end)) || path == context.tenant_id)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}
