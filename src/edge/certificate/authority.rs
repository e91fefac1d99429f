//! The local certificate authority and its folder.
//!
//! One file holds key, certificate and expiry; a second one the certificate alone, for clients to trust. The first is created in one
//! step, so that of two programs that start at once one creates it and the other reads it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{BACKDATED, CertificateError, DAY};
use crate::edge::private_file;

/// File with the certificate.
const PUBLIC: &str = "ca.pem";

/// File with the key.
const PRIVATE: &str = "ca-private.pem";

/// Lifetime of an authority.
const LIFETIME: Duration = Duration::from_secs(3650 * DAY);

/// Remaining lifetime at which an authority is replaced: longer than the lifetime of the certificates that it issues.
const RENEWAL: Duration = Duration::from_secs(400 * DAY);

/// Label of the expiry, in seconds since the Unix epoch.
const UNTIL: &str = "valid until: ";

/// A local certificate authority.
pub struct Authority {
    key: KeyPair,
    params: CertificateParams,
    certificate: String,
    valid_until: SystemTime,
    path: Option<PathBuf>,
}

/// Returns the default folder of a user's authority, below the cache folder.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        let home = || variable("HOME");
        let default = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        variable("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(default)))
    };
    cache.map(|cache| cache.join("wfi-emulator"))
}

impl Authority {
    /// Creates an authority in memory only.
    ///
    /// # Errors
    ///
    /// Fails if no key can be generated.
    pub fn in_memory() -> Result<Authority, CertificateError> {
        Authority::generate(SystemTime::now())
    }

    /// Returns the authority of a folder; creates it if it is missing or expires soon.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or written, and if the file with the key is not one of the emulator.
    pub fn in_folder(folder: &Path) -> Result<Authority, CertificateError> {
        Authority::in_folder_at(folder, SystemTime::now())
    }

    fn in_folder_at(folder: &Path, now: SystemTime) -> Result<Authority, CertificateError> {
        make_folder(folder).map_err(|error| CertificateError::of_file(folder, error))?;
        let private = folder.join(PRIVATE);
        let failed = |error: io::Error| CertificateError::of_file(&private, error);
        let is_current = |authority: &Authority| authority.valid_until > now + RENEWAL;
        let mut authority = match fs::read_to_string(&private) {
            Ok(text) => match Authority::read(&text) {
                Some(authority) if is_current(&authority) => authority,
                Some(_) => {
                    let renewed = Authority::generate(now)?;
                    private_file::replace(&private, renewed.text().as_bytes()).map_err(failed)?;
                    renewed
                }
                None => {
                    let why = "not a file of wfi-emulator; remove it to have a new one created";
                    return Err(CertificateError::of_file(&private, why));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let content = Authority::generate(now)?.text();
                private_file::create_if_absent(&private, content.as_bytes()).map_err(failed)?;
                // Another program may have created it first; then its authority counts.
                let text = fs::read_to_string(&private).map_err(failed)?;
                Authority::read(&text).ok_or_else(|| CertificateError::of_file(&private, "file cannot be read back"))?
            }
            Err(error) => return Err(failed(error)),
        };
        private_file::warn_if_shared(&private);
        let public = folder.join(PUBLIC);
        if fs::read_to_string(&public).ok().as_deref() != Some(&*authority.certificate) {
            private_file::replace_readable(&public, authority.certificate.as_bytes())
                .map_err(|error| CertificateError::of_file(&public, error))?;
        }
        authority.path = Some(public);
        Ok(authority)
    }

    fn generate(now: SystemTime) -> Result<Authority, CertificateError> {
        let failed = |error: rcgen::Error| CertificateError::new("local authority cannot be created", error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params(&key);
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + LIFETIME).into();
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        // The file has whole seconds.
        let valid_until = UNIX_EPOCH + Duration::from_secs(seconds(now + LIFETIME));
        Ok(Authority { key, params, certificate, valid_until, path: None })
    }

    /// Returns the content of the file with the key.
    fn text(&self) -> String {
        format!(
            "The local certificate authority of wfi-emulator. Keep this file private: with it, any server can be impersonated to clients\n\
             that trust the certificate.\n{UNTIL}{}\n\n{}{}",
            seconds(self.valid_until),
            self.key.serialize_pem(),
            self.certificate
        )
    }

    fn read(text: &str) -> Option<Authority> {
        let until = text.lines().find_map(|line| line.strip_prefix(UNTIL))?.trim().parse::<u64>().ok()?;
        let valid_until = UNIX_EPOCH.checked_add(Duration::from_secs(until))?;
        let start = text.find("-----BEGIN CERTIFICATE-----")?;
        let (private, certificate) = text.split_at(start);
        let key = KeyPair::from_pem(private.get(private.find("-----BEGIN ")?..)?).ok()?;
        // Half a file, or the certificate of another key, would fail in clients only, which cannot name the cause.
        let (der, public) = (CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?, key.public_key_raw());
        der.windows(public.len()).find(|part| *part == public)?;
        // Issued certificates repeat the name and the key of the authority, not its dates.
        let params = params(&key);
        Some(Authority { key, params, certificate: certificate.to_owned(), valid_until, path: None })
    }

    /// Returns the certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the file with the certificate; `None` for an authority in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the expiry of the certificate.
    pub fn valid_until(&self) -> SystemTime {
        self.valid_until
    }

    pub(super) fn params(&self) -> &CertificateParams {
        &self.params
    }

    pub(super) fn key(&self) -> &KeyPair {
        &self.key
    }
}

/// Omits the key.
impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("path", &self.path).field("valid_until", &self.valid_until).finish_non_exhaustive()
    }
}

/// Returns the parameters of an authority without its dates.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each has a name of its own, because clients look authorities up by name.
    let thumbprint = digest(&SHA256, key.public_key_raw());
    let mark = thumbprint.as_ref().iter().take(4).fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "wfi-emulator");
    params.distinguished_name.push(DnType::CommonName, format!("wfi-emulator local CA {mark:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::thread;

    /// A missing folder, removed when the value is dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Folder {
            Folder(std::env::temp_dir().join(format!("wfi-emulator-{}-ca-{test}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // Leftovers are harmless.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_authority_is_created_once_and_read_again() {
        let folder = Folder::new("once");
        let first = Authority::in_folder(&folder.0.join("deep/er")).unwrap();
        let second = Authority::in_folder(&folder.0.join("deep/er")).unwrap();
        assert_eq!(first.certificate(), second.certificate());
        assert_eq!(first.valid_until(), second.valid_until());
        assert_eq!(first.key().public_key_raw(), second.key().public_key_raw());
        assert_eq!(fs::read_to_string(first.path().unwrap()).unwrap(), first.certificate());
        assert!(!first.certificate().contains("PRIVATE"));
    }

    #[test]
    fn of_many_programs_that_start_at_once_one_creates_the_authority() {
        let folder = Folder::new("race");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn({
                    let folder = folder.0.clone();
                    move || Authority::in_folder(&folder).unwrap().certificate().to_owned()
                })
            })
            .collect();
        let certificates: Vec<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(certificates.iter().all(|certificate| *certificate == certificates[0]));
        let mut names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [PRIVATE, PUBLIC]);
    }

    #[cfg(unix)]
    #[test]
    fn the_owner_alone_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        Authority::in_folder(&folder.0).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.0.join(PRIVATE)), 0o600);
        assert_eq!(mode(folder.0.clone()), 0o700);
    }

    #[test]
    fn an_authority_is_replaced_before_it_expires() {
        let folder = Folder::new("renewal");
        let now = SystemTime::now();
        let first = Authority::in_folder_at(&folder.0, now).unwrap();
        let before = Authority::in_folder_at(&folder.0, now + LIFETIME - RENEWAL - Duration::from_secs(60)).unwrap();
        assert_eq!(first.certificate(), before.certificate());
        let late = now + LIFETIME - RENEWAL + Duration::from_secs(60);
        let renewed = Authority::in_folder_at(&folder.0, late).unwrap();
        assert_ne!(first.certificate(), renewed.certificate());
        assert!(renewed.valid_until() > late + RENEWAL);
        assert_eq!(fs::read_to_string(renewed.path().unwrap()).unwrap(), renewed.certificate());
        assert_eq!(Authority::in_folder_at(&folder.0, late).unwrap().certificate(), renewed.certificate());
    }

    #[test]
    fn a_foreign_file_is_left_alone_and_a_missing_certificate_is_restored() {
        let folder = Folder::new("strange");
        let authority = Authority::in_folder(&folder.0).unwrap();
        fs::remove_file(folder.0.join(PUBLIC)).unwrap();
        Authority::in_folder(&folder.0).unwrap();
        assert_eq!(fs::read_to_string(folder.0.join(PUBLIC)).unwrap(), authority.certificate());
        let whole = authority.text();
        let half = whole[..whole.len() - 100].to_owned();
        let foreign = whole.replace(authority.certificate(), Authority::in_memory().unwrap().certificate());
        for strange in ["mine", "", &half, &foreign] {
            fs::write(folder.0.join(PRIVATE), strange).unwrap();
            let error = Authority::in_folder(&folder.0).unwrap_err().to_string();
            assert!(error.contains(PRIVATE) && error.contains("remove it"), "{error}");
            assert_eq!(fs::read_to_string(folder.0.join(PRIVATE)).unwrap(), strange);
        }
    }

    #[test]
    fn the_key_is_in_no_debug_output() {
        let authority = Authority::in_memory().unwrap();
        let secret = authority.key.serialize_pem();
        let secret = secret.lines().nth(1).unwrap();
        assert!(authority.text().contains(secret) && !format!("{authority:?}").contains(secret));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn no_file_panics(start in "[ -~\\n]{0,40}", until in any::<u64>(), end in "(-----BEGIN (PRIVATE KEY|CERTIFICATE)-----\\n|[a-zA-Z0-9=]{0,40}|-----END [A-Z ]*-----\\n){0,6}") {
            let _ = Authority::read(&format!("{start}\n{UNTIL}{until}\n{end}"));
        }
    }
}
