//! The certificates of the system and that of the local authority in one file: programs that read one file need both.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Authority, CertificateError, pkcs12};
use crate::edge::private_file;

/// Files in which systems keep their certificates.
const WELL_KNOWN: [&str; 6] = [
    // Debian, Ubuntu, Arch, Gentoo, Alpine.
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL.
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    // openSUSE.
    "/etc/ssl/ca-bundle.pem",
    // macOS, OpenBSD.
    "/etc/ssl/cert.pem",
    // FreeBSD.
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// Variable with the file of another choice, as OpenSSL reads it.
const VARIABLE: &str = "SSL_CERT_FILE";

/// The certificates of the system, and those of own authorities.
pub(crate) struct Bundle {
    system: Vec<CertificateDer<'static>>,
    /// Those of the authorities, in PEM.
    own: String,
}

impl Bundle {
    /// Returns the bundle with the authorities of a text in PEM, which is that of some files.
    ///
    /// # Errors
    ///
    /// Fails if no certificates of the system are found, and names the places.
    pub(crate) fn of(own: &str, own_files: &[PathBuf]) -> Result<Bundle, CertificateError> {
        let chosen = std::env::var_os(VARIABLE).filter(|file| !file.is_empty());
        // After `export SSL_CERT_FILE` with a file of the authority, the certificates of the system are elsewhere.
        let is_own = |file: &OsStr| own_files.iter().any(|own| is_same(own, Path::new(file)));
        let chosen = chosen.filter(|file| !is_own(file));
        let well_known = WELL_KNOWN.map(PathBuf::from);
        let system = match system_certificates(chosen.as_deref().map(Path::new), &well_known)? {
            Some(found) => found,
            // The stores of macOS and Windows, and folders.
            None => rustls_native_certs::load_native_certs().certs,
        };
        if system.is_empty() {
            return Err(CertificateError::new("no system certificates found", places(&well_known)));
        }
        Ok(Bundle { system, own: own.to_owned() })
    }

    /// Returns the text in PEM.
    pub(crate) fn pem(&self) -> String {
        bundle_text(&self.system, &self.own)
    }

    /// Returns a trust store in PKCS #12, without a password.
    pub(crate) fn pkcs12(&self) -> Vec<u8> {
        let mut certificates = certificates(self.own.as_bytes());
        let mut seen: HashSet<CertificateDer<'_>> = certificates.iter().cloned().collect();
        certificates.extend(self.system.iter().filter(|certificate| seen.insert((*certificate).clone())).cloned());
        pkcs12::trust_store(&certificates)
    }
}

/// Writes the certificates of the system and of the authority to a file beside that of the authority, and returns its path.
///
/// # Errors
///
/// Fails if no certificates of the system are found, and names the places.
pub(crate) fn write_bundle(authority: &Authority, authority_path: &Path) -> Result<PathBuf, CertificateError> {
    let path = authority_path.with_file_name("ca-bundle.pem");
    let text = Bundle::of(authority.certificate(), &[path.clone(), authority_path.to_owned()])?.pem();
    private_file::replace_readable(&path, text.as_bytes()).map_err(|error| CertificateError::of_file(&path, error))?;
    Ok(path)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn places(well_known: &[PathBuf]) -> String {
    let places: Vec<String> = well_known.iter().map(|path| path.display().to_string()).collect();
    format!("looked in {}, and the system's store; name a PEM file with {VARIABLE}", places.join(", "))
}

/// Returns the certificates of the chosen file, or of the first well-known one that has any.
fn system_certificates(
    chosen: Option<&Path>,
    well_known: &[PathBuf],
) -> Result<Option<Vec<CertificateDer<'static>>>, CertificateError> {
    if let Some(path) = chosen {
        let text = fs::read(path).map_err(|error| CertificateError::of_file(path, format!("{error} (named by {VARIABLE})")))?;
        let found = certificates(&text);
        if found.is_empty() {
            return Err(CertificateError::of_file(path, format!("no certificate in PEM form (named by {VARIABLE})")));
        }
        return Ok(Some(found));
    }
    let texts = well_known.iter().filter_map(|path| fs::read(path).ok());
    Ok(texts.map(|text| certificates(&text)).find(|found| !found.is_empty()))
}

/// Returns the certificates of a text; other blocks and broken ones are left out, as OpenSSL does.
fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect()
}

/// Returns the text of a bundle, with each certificate once, and that of the authority at the end.
fn bundle_text(system: &[CertificateDer<'static>], authority: &str) -> String {
    let own = certificates(authority.as_bytes());
    let mut seen: HashSet<&CertificateDer<'_>> = own.iter().collect();
    let mut text = String::new();
    for certificate in system.iter().filter(|certificate| seen.insert(*certificate)) {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let digits = STANDARD.encode(certificate);
        for line in digits.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text.push_str(authority);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::test_folder::TestFolder;

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn a_bundle_has_each_certificate_once_and_the_authority_last() {
        let (one, two, authority) = (certificate(), certificate(), certificate());
        let system = certificates(format!("# a comment\n{one}{two}{one}{authority}").as_bytes());
        let text = bundle_text(&system, &authority);
        assert_eq!(certificates(text.as_bytes()), certificates(format!("{one}{two}{authority}").as_bytes()));
    }

    #[test]
    fn the_chosen_file_comes_before_well_known_ones() {
        let folder = TestFolder::new("bundle");
        let file = |name: &str, text: &str| {
            let path = folder.0.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (one, two) = (certificate(), certificate());
        let (first, second, empty) = (file("1.pem", &one), file("2.pem", &two), file("0.pem", "nothing"));
        let known = [folder.0.join("none.pem"), empty.clone(), second.clone()];
        let found =
            |chosen: Option<&Path>, known: &[PathBuf]| system_certificates(chosen, known).map_err(|error| error.to_string());
        assert_eq!(found(Some(&first), &known), Ok(Some(certificates(one.as_bytes()))));
        assert_eq!(found(None, &known), Ok(Some(certificates(two.as_bytes()))));
        assert_eq!(found(None, &known[..2]), Ok(None));
        for (chosen, reason) in [(&empty, "no certificate in PEM form"), (&known[0], "(named by SSL_CERT_FILE)")] {
            let problem = found(Some(chosen), &known).unwrap_err();
            assert!(problem.starts_with(&chosen.display().to_string()) && problem.contains(reason), "{problem}");
        }
    }

    #[test]
    fn an_error_names_the_places() {
        assert_eq!(
            places(&["/a.pem".into(), "/b.pem".into()]),
            "looked in /a.pem, /b.pem, and the system's store; name a PEM file with SSL_CERT_FILE"
        );
    }
}
