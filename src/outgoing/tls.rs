//! Whom calls over TLS believe: the authorities of the system, or those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Reads the authorities of a file, in PEM.
pub fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("{}: found no certificate in PEM form", file.display())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// Returns how TLS is spoken by whoever believes these authorities; those of the system if there are none.
pub(super) fn client(authorities: &[CertificateDer<'static>]) -> Option<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    if authorities.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        roots.add_parsable_certificates(authorities.iter().cloned());
    }
    // The provider is named, so that no other part of a program can change it.
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
