//! Certificates: a local authority that outlives a run, and the server certificates that it issues.
//!
//! Clients that trust the emulator trust the authority; the server certificate is issued at every start. The authority's key never
//! leaves its file, which only its owner can read, and is never logged.

mod authority;
mod bundle;
mod names;
mod pkcs12;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::edge::proxy::HOSTS;

pub use authority::Authority;
pub(crate) use authority::default_folder;
pub(crate) use bundle::{Bundle, write_bundle};

use names::ReportingResolver;

/// Names of the loopback interface.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Names in every certificate: those of the loopback interface, and those of the services that the emulator replaces.
pub const NAMES: [&str; LOOPBACK.len() + HOSTS.len()] = {
    let mut names = [""; LOOPBACK.len() + HOSTS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = if index < LOOPBACK.len() { LOOPBACK[index] } else { HOSTS[index - LOOPBACK.len()] };
        index += 1;
    }
    names
};

const DAY: u64 = 24 * 60 * 60;

/// Lifetime of a server certificate: less than 398 days, the limit of the strictest clients.
const SERVER_LIFETIME: Duration = Duration::from_secs(397 * DAY);

/// Time before now at which validity begins, so that clocks may differ.
const BACKDATED: Duration = Duration::from_secs(DAY);

/// A certificate error, as a message that never contains a part of a key.
#[derive(Debug)]
pub struct CertificateError(String);

impl CertificateError {
    fn new(what: &str, why: impl fmt::Display) -> CertificateError {
        CertificateError(format!("{what}: {why}"))
    }

    /// Returns the error of a machine without a cache folder.
    pub(crate) fn no_folder() -> CertificateError {
        CertificateError("no cache folder for the local certificate authority; name a folder with --ca-dir".to_owned())
    }

    fn of_file(path: &Path, why: impl fmt::Display) -> CertificateError {
        CertificateError(format!("{}: {why}", path.display()))
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CertificateError {}

/// Returns a server configuration with a certificate that the authority issues for [`NAMES`] and more names or addresses.
///
/// # Errors
///
/// Fails on a name that cannot be in a certificate, and on one that the authority is not for.
pub fn issued(authority: &Authority, more_names: &[String]) -> Result<Arc<ServerConfig>, CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::new("certificate cannot be issued", error);
    if let Some(name) = authority.first_refused(more_names.iter().map(String::as_str)) {
        return Err(CertificateError::new("certificate cannot be issued", format!("the local CA is not for {name}")));
    }
    let mut all: Vec<String> = NAMES.map(str::to_owned).to_vec();
    all.extend(more_names.iter().cloned());
    let mut params = CertificateParams::new(all).map_err(failed)?;
    let now = SystemTime::now();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + SERVER_LIFETIME).min(authority.valid_until()).into();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "wfi-emulator");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let issuer = Issuer::from_params(authority.params(), authority.key());
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| CertificateError::new("key cannot be used", error))?;
    let remedy = "add it with --san";
    server_config(vec![certificate.der().clone()], key, remedy).map_err(|error| CertificateError::new("cannot set up TLS", error))
}

/// Returns a server configuration with a certificate chain and its key from PEM files.
///
/// # Errors
///
/// Fails if a file cannot be read, and if key and certificate do not match.
pub(crate) fn own(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error, "invalid certificate: expected PEM"))?;
    if chain.is_empty() {
        return Err(CertificateError::of_file(certificate, "found no certificate in PEM form"));
    }
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(key, error, "no private key found: expected an unencrypted one in PEM form"))?;
    let remedy = "use a certificate with this name for --cert";
    server_config(chain, key_der, remedy).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            CertificateError::of_file(key, format!("key does not match the certificate in {}", certificate.display()))
        }
        other => CertificateError::of_file(certificate, other),
    })
}

/// Returns the error of a PEM file: that of the file system, else `otherwise`.
fn unreadable(path: &Path, error: pem::Error, otherwise: &str) -> CertificateError {
    match error {
        pem::Error::Io(error) => CertificateError::of_file(path, error),
        // The parser's error may quote a part of a key.
        _ => CertificateError::of_file(path, otherwise),
    }
}

/// `remedy` is for clients that ask for a name which the certificate lacks.
fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    remedy: &'static str,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    // The provider is named, so that no other part of a program can change it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let resolver = ReportingResolver::new(CertifiedKey::from_der(chain, key, &provider)?, remedy);
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
