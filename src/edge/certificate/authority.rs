//! The local authority and the folder in which it is kept.
//!
//! One file holds key, certificate and the time until which they are good; a second one holds the certificate alone, for clients to
//! trust. The first is made in one step, whole and readable by its owner only, so that of two programs that start at once one makes it
//! and the other finds it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{BACKDATED, CertificateError, DAY};

/// The file with the certificate.
const PUBLIC: &str = "ca.pem";

/// The file with the key.
const PRIVATE: &str = "ca-private.pem";

/// How long an authority is valid.
const LIFETIME: Duration = Duration::from_secs(3650 * DAY);

/// How long before its end an authority is replaced: longer than what it signs is valid.
const RENEWED: Duration = Duration::from_secs(400 * DAY);

/// What stands before the time until which an authority is good, in seconds since the Unix epoch.
const UNTIL: &str = "valid until: ";

/// A local authority.
pub struct Authority {
    key: KeyPair,
    params: CertificateParams,
    certificate: String,
    valid_until: SystemTime,
    path: Option<PathBuf>,
}

/// Returns the folder in which a user's authority is kept: the one for what can be made again.
pub fn default_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        let home = || variable("HOME");
        let usual = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        variable("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(usual)))
    };
    cache.map(|cache| cache.join("wfi-emulator"))
}

impl Authority {
    /// Makes an authority that lives as long as the value.
    pub fn in_memory() -> Result<Authority, CertificateError> {
        Authority::made(SystemTime::now())
    }

    /// Returns the authority of a folder, which is made if there is none, or none that lasts.
    pub fn in_folder(folder: &Path) -> Result<Authority, CertificateError> {
        Authority::in_folder_at(folder, SystemTime::now())
    }

    fn in_folder_at(folder: &Path, now: SystemTime) -> Result<Authority, CertificateError> {
        make_folder(folder).map_err(|error| CertificateError::of_file(folder, error))?;
        let private = folder.join(PRIVATE);
        let failed = |error: io::Error| CertificateError::of_file(&private, error);
        let lasts = |authority: &Authority| authority.valid_until > now + RENEWED;
        let mut authority = match fs::read_to_string(&private) {
            Ok(text) => match Authority::read(&text) {
                Some(authority) if lasts(&authority) => authority,
                Some(_) => {
                    let made = Authority::made(now)?;
                    put(&private, &made.text(), SECRET, Put::Replacing).map_err(failed)?;
                    made
                }
                None => {
                    let why = "this is no file of the emulator; remove it, and a new one is made";
                    return Err(CertificateError::of_file(&private, why));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                put(&private, &Authority::made(now)?.text(), SECRET, Put::IfMissing).map_err(failed)?;
                // Whoever was first has made the one that counts.
                let text = fs::read_to_string(&private).map_err(failed)?;
                Authority::read(&text).ok_or_else(|| CertificateError::of_file(&private, "the file cannot be read back"))?
            }
            Err(error) => return Err(failed(error)),
        };
        warn_of_readers(&private);
        let public = folder.join(PUBLIC);
        if fs::read_to_string(&public).ok().as_deref() != Some(&*authority.certificate) {
            put(&public, &authority.certificate, READABLE, Put::Replacing)
                .map_err(|error| CertificateError::of_file(&public, error))?;
        }
        authority.path = Some(public);
        Ok(authority)
    }

    fn made(now: SystemTime) -> Result<Authority, CertificateError> {
        let failed = |error: rcgen::Error| CertificateError::new("the local authority cannot be made", error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = params(&key);
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + LIFETIME).into();
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        // Whole seconds are what the file keeps.
        let valid_until = UNIX_EPOCH + Duration::from_secs(seconds(now + LIFETIME));
        Ok(Authority { key, params, certificate, valid_until, path: None })
    }

    /// Writes the file with the key.
    fn text(&self) -> String {
        format!(
            "The local certificate authority of wfi-emulator. Whoever has this file can pose as any server to whoever trusts the\n\
             certificate: it is for the eyes of its owner alone.\n{UNTIL}{}\n\n{}{}",
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
        // Half a file, or the certificate of another key, would be met by clients alone, who cannot tell what is wrong.
        let (der, public) = (CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?, key.public_key_raw());
        der.windows(public.len()).find(|part| *part == public)?;
        // What is signed repeats the name and the key of the authority, not its dates.
        let params = params(&key);
        Some(Authority { key, params, certificate: certificate.to_owned(), valid_until, path: None })
    }

    /// Returns the certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the file that holds the certificate, if it is kept in one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns until when the certificate is valid.
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

/// Shows nothing of the key.
impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("path", &self.path).field("valid_until", &self.valid_until).finish_non_exhaustive()
    }
}

/// Returns what an authority is, but for its dates.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each has a name of its own, since clients look for authorities by their names.
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

/// Says so if others than its owner can read a file. Whoever has copied it there may have a reason.
fn warn_of_readers(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            tracing::warn!("{}: others than its owner can use this file (mode {:o})", path.display(), mode & 0o777);
        }
    }
    // Elsewhere the folder of a user is the user's own.
    #[cfg(not(unix))]
    let _ = path;
}

/// How a file gets into its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    IfMissing,
    Replacing,
}

/// For its owner alone.
const SECRET: u32 = 0o600;

/// For everybody to read.
const READABLE: u32 = 0o644;

/// Puts a file into its place whole: nobody ever sees a part of it.
fn put(path: &Path, text: &str, mode: u32, how: Put) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let result = write_new(&temporary, text, mode).and_then(|()| match how {
        Put::Replacing => fs::rename(&temporary, path),
        // A link fails where a file is, which a renaming would replace.
        Put::IfMissing => match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        },
    });
    if temporary.exists() {
        fs::remove_file(&temporary)?;
    }
    result
}

/// Writes a new file, which has its mode from the first moment on.
fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    // Elsewhere the folder of a user is the user's own.
    #[cfg(not(unix))]
    let _ = mode;
    let mut file: File = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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

    /// A folder that does not exist yet, and is removed when the value is dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Folder {
            Folder(std::env::temp_dir().join(format!("wfi-emulator-{}-ca-{test}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What is left behind harms nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_authority_is_made_once_and_found_again() {
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
    fn of_many_that_start_at_once_one_makes_the_authority() {
        let folder = Folder::new("race");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn({
                    let folder = folder.0.clone();
                    move || Authority::in_folder(&folder).unwrap().certificate().to_owned()
                })
            })
            .collect();
        let made: Vec<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(made.iter().all(|certificate| *certificate == made[0]));
        let mut left: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [PRIVATE, PUBLIC]);
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
        let folder = Folder::new("renewed");
        let now = SystemTime::now();
        let first = Authority::in_folder_at(&folder.0, now).unwrap();
        let before = Authority::in_folder_at(&folder.0, now + LIFETIME - RENEWED - Duration::from_secs(60)).unwrap();
        assert_eq!(first.certificate(), before.certificate());
        let late = now + LIFETIME - RENEWED + Duration::from_secs(60);
        let renewed = Authority::in_folder_at(&folder.0, late).unwrap();
        assert_ne!(first.certificate(), renewed.certificate());
        assert!(renewed.valid_until() > late + RENEWED);
        assert_eq!(fs::read_to_string(renewed.path().unwrap()).unwrap(), renewed.certificate());
        assert_eq!(Authority::in_folder_at(&folder.0, late).unwrap().certificate(), renewed.certificate());
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone_and_a_lost_certificate_comes_back() {
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
    fn nothing_shows_the_key() {
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
