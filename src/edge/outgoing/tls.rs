//! Whom those who call over TLS believe: the authorities of the system, or those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Reads the authorities of a file, in PEM.
///
/// # Errors
///
/// Fails, with a text for people that names the file, if it cannot be read or has none.
pub fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("{}: found no certificate in PEM form", file.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// Returns how TLS is spoken by whoever believes these authorities; those of the system, or of the file that the variable `SSL_CERT_FILE`
/// names, if there are none.
///
/// # Errors
///
/// Fails, with a text for people, if there is nobody to believe.
pub fn client(authorities: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if authorities.is_empty() {
        // One bad file among many is no reason to do without the others.
        let (added, _) = roots.add_parsable_certificates(system_authorities());
        if added == 0 {
            return Err(
                "found no root certificates on this machine, expected some, or a file that SSL_CERT_FILE names".to_owned()
            );
        }
    }
    for authority in authorities {
        roots.add(authority.clone()).map_err(|error| format!("found a certificate that nothing can be checked with: {error}"))?;
    }
    // The provider is named, so that no other part of a program can change it.
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| format!("cannot set TLS up: {error}"))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(feature = "tls")]
fn system_authorities() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

#[cfg(not(feature = "tls"))]
fn system_authorities() -> Vec<CertificateDer<'static>> {
    Vec::new()
}
