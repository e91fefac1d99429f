//! TLS configurations of clients: trust in the roots of the platform, or in those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Reads root certificates from a PEM file.
///
/// # Errors
///
/// Fails, with a message that names the file, if it cannot be read or has no certificate.
pub(crate) fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("{}: found no certificate in PEM form", file.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

#[cfg(feature = "tls")]
const NO_ROOTS: &str = "no root certificates found on this machine; name a PEM file in SSL_CERT_FILE";
#[cfg(not(feature = "tls"))]
const NO_ROOTS: &str = "no root certificates named: without the feature `tls` those of the platform are not read";

/// Returns a configuration that trusts these roots; without any, with the feature `tls`, those of the platform or of the file in
/// `SSL_CERT_FILE`.
///
/// # Errors
///
/// Fails, with a message, without any usable root.
pub(crate) fn client_config(roots: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, String> {
    let mut store = RootCertStore::empty();
    if roots.is_empty() {
        // One bad file among many does not invalidate the others.
        let (added, _) = store.add_parsable_certificates(system_roots());
        if added == 0 {
            return Err(NO_ROOTS.to_owned());
        }
    }
    for root in roots {
        store.add(root.clone()).map_err(|error| format!("certificate cannot be used as a root: {error}"))?;
    }
    // The provider is named, so that no other part of a program can change it.
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
}

/// Returns the root certificates of the system.
#[cfg(feature = "tls")]
fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Returns no certificates: without the feature `tls` only named authorities are trusted.
#[cfg(not(feature = "tls"))]
fn system_roots() -> Vec<CertificateDer<'static>> {
    Vec::new()
}
