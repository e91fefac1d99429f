//! The names of a certificate, and clients that ask for others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Number of names that are reported: they come from clients.
const REPORT_LIMIT: usize = 32;

/// Serves one certificate, and logs each name that a client asks for and that it lacks, once.
#[derive(Debug)]
pub(super) struct ReportingResolver {
    key: Arc<CertifiedKey>,
    remedy: &'static str,
    reported: Mutex<BTreeSet<String>>,
}

impl ReportingResolver {
    pub(super) fn new(key: CertifiedKey, remedy: &'static str) -> ReportingResolver {
        ReportingResolver { key: Arc::new(key), remedy, reported: Mutex::default() }
    }

    /// Whether the certificate lacks a name that was not reported before, and is reported now.
    fn is_to_be_reported(&self, name: &str) -> bool {
        let is_of_certificate = || {
            let certificate = ParsedCertificate::try_from(self.key.end_entity_cert()?)?;
            let name = ServerName::try_from(name).map_err(|error| rustls::Error::General(error.to_string()))?;
            verify_server_name(&certificate, &name)
        };
        if is_of_certificate().is_ok() {
            return false;
        }
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < REPORT_LIMIT && reported.insert(name.to_ascii_lowercase())
    }
}

impl ResolvesServerCert for ReportingResolver {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = client.server_name()
            && tracing::enabled!(tracing::Level::WARN)
            && self.is_to_be_reported(name)
        {
            tracing::warn!("certificate without the name {name} that a client asks for; {}", self.remedy);
        }
        Some(self.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    #[test]
    fn a_name_that_the_certificate_lacks_is_reported_once() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned(), "*.one.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let key = CertifiedKey::from_der(vec![own.cert.der().clone()], key, &provider).unwrap();
        let resolver = ReportingResolver::new(key, "");
        let reported = |name: &str| resolver.is_to_be_reported(name);
        assert_eq!(["localhost", "LocalHost", "a.one.test"].map(reported), [false; 3]);
        assert_eq!(["one.test", "One.Test", "two.test", "one.test"].map(reported), [true, false, true, false]);
        let count = (0..100).filter(|number| resolver.is_to_be_reported(&format!("n{number}.test"))).count();
        assert_eq!(count, REPORT_LIMIT - 2);
        assert!(!reported("localhost"));
    }
}
