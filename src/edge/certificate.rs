//! Certificates: a local authority, made once and kept, and what it signs for a server.
//!
//! Clients that are to trust the emulator trust the authority, so it must outlive a run; what the server shows is made anew at every
//! start. The authority's key never leaves its file, which its owner alone can read, and is never logged.

mod authority;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub use authority::{Authority, default_folder};

/// The names that every certificate has: those of this machine for itself, and those of the services that the emulator stands for.
pub const NAMES: [&str; 5] = ["localhost", "127.0.0.1", "::1", "graph.microsoft.com", "login.microsoftonline.com"];

const DAY: u64 = 24 * 60 * 60;

/// How long a server's certificate is valid, which is what all clients accept: 398 days are the limit of the strictest.
const SERVER_LIFETIME: Duration = Duration::from_secs(397 * DAY);

/// How long before now what is made was valid already, so that clocks may differ.
const BACKDATED: Duration = Duration::from_secs(DAY);

/// Why there is no certificate, for people. Never holds anything of a key.
#[derive(Debug)]
pub struct CertificateError(String);

impl CertificateError {
    fn new(what: &str, why: impl fmt::Display) -> CertificateError {
        CertificateError(format!("{what}: {why}"))
    }

    /// Returns the error of a machine that has no folder for what a user's programs keep.
    pub(crate) fn no_folder() -> CertificateError {
        CertificateError(
            "the local certificate authority has no place: there is no cache folder; name one with --ca-dir".to_owned(),
        )
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

/// Returns what a server shows that an authority vouches for, for [`NAMES`] and more names or addresses.
pub fn issued(authority: &Authority, more_names: &[String]) -> Result<Arc<ServerConfig>, CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::new("the certificate cannot be made", error);
    let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.extend(more_names.iter().cloned());
    let mut params = CertificateParams::new(names).map_err(failed)?;
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
    let key =
        PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| CertificateError::new("the key cannot be used", error))?;
    configured(vec![certificate.der().clone()], key).map_err(|error| CertificateError::new("TLS cannot be set up", error))
}

/// Returns what a server shows that brings its own certificate (with those that vouch for it behind it) and its key, in PEM.
pub fn own(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error, "found something else than certificates in PEM form"))?;
    if chain.is_empty() {
        return Err(CertificateError::of_file(certificate, "found no certificate in PEM form"));
    }
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(key, error, "found no private key in PEM form; one that is encrypted has to be decrypted"))?;
    configured(chain, key_der).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            CertificateError::of_file(key, format!("this is not the key of the certificate in {}", certificate.display()))
        }
        other => CertificateError::of_file(certificate, other),
    })
}

/// Returns the error of a file that cannot be read, or holds something else than was expected.
fn unreadable(path: &Path, error: pem::Error, otherwise: &str) -> CertificateError {
    match error {
        pem::Error::Io(error) => CertificateError::of_file(path, error),
        // What the parser has stumbled over may be a part of a key.
        _ => CertificateError::of_file(path, otherwise),
    }
}

fn configured(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>, rustls::Error> {
    // The provider is named, so that no other part of a program can change it.
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
