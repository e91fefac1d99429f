//! The local certificate authority and its folder.
//!
//! One file holds key, certificate and expiry; a second one the certificate alone, for clients to trust. The first is created in one
//! step, so that of two programs that start at once one creates it and the other reads it.
//!
//! Name constraints limit an authority to the names that it has issued certificates for, so that a stolen key is of use for no other
//! site. For a further name, and for an authority of an earlier version without constraints, the certificate is written again with the
//! same key: clients that trust the earlier one still trust what they have trusted it for.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{BACKDATED, CertificateError, DAY, NAMES};
use crate::edge::file_lock::{self, FileLock};
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

/// Label of the names that certificates can be issued for, between commas.
const PERMITTED: &str = "names: ";

/// A local certificate authority.
pub struct Authority {
    key: KeyPair,
    params: CertificateParams,
    certificate: String,
    /// The names of its constraints; none for an authority of an earlier version, which is without them.
    permitted: Vec<String>,
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
    /// Creates an authority in memory only, for [`NAMES`].
    ///
    /// # Errors
    ///
    /// Fails if no key can be generated.
    pub fn in_memory() -> Result<Authority, CertificateError> {
        Authority::in_memory_for(&[])
    }

    /// Creates an authority in memory only, for [`NAMES`] and more names or addresses.
    ///
    /// # Errors
    ///
    /// Fails if no key can be generated.
    pub fn in_memory_for(more_names: &[String]) -> Result<Authority, CertificateError> {
        Authority::generate(SystemTime::now(), permitted(&[], more_names))
    }

    /// Returns the authority of a folder for [`NAMES`] and more names or addresses; creates it if it is missing or expires soon, and
    /// extends it if it is for other names.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or written, and if the file with the key is not one of the emulator.
    pub fn in_folder(folder: &Path, more_names: &[String]) -> Result<Authority, CertificateError> {
        Authority::in_folder_at(folder, more_names, SystemTime::now())
    }

    fn in_folder_at(folder: &Path, more_names: &[String], now: SystemTime) -> Result<Authority, CertificateError> {
        private_file::create_folder(folder, true).map_err(|error| CertificateError::of_file(folder, error))?;
        let private = folder.join(PRIVATE);
        let failed = |error: io::Error| CertificateError::of_file(&private, error);
        if !private.exists() {
            let content = Authority::generate(now, permitted(&[], more_names))?.text();
            // Another program may have created it first; then its authority counts.
            private_file::create_if_absent(&private, content.as_bytes()).map_err(failed)?;
        }
        let read = || {
            let text = fs::read_to_string(&private).map_err(failed)?;
            let why = "not a file of wfi-emulator; remove it to have a new one created";
            Authority::read(&text).ok_or_else(|| CertificateError::of_file(&private, why))
        };
        let is_usable = |authority: &Authority| {
            authority.valid_until > now + RENEWAL
                && authority.has_constraints()
                && authority.refuses_none(NAMES.into_iter())
                && authority.refuses_none(more_names.iter().map(String::as_str))
        };
        let mut authority = read()?;
        if !is_usable(&authority) {
            // Another program may be at it, for other names.
            let _lock = wait_for_lock(&private);
            authority = read()?;
            if !is_usable(&authority) {
                authority = authority.renew(&private, more_names, now)?;
            }
        }
        private_file::warn_if_shared(&private);
        let public = folder.join(PUBLIC);
        if fs::read_to_string(&public).ok().as_deref() != Some(&*authority.certificate) {
            private_file::replace_readable(&public, authority.certificate.as_bytes())
                .map_err(|error| CertificateError::of_file(&public, error))?;
        }
        authority.path = Some(public);
        Ok(authority)
    }

    /// Replaces the authority of a file with a new one if it expires soon, else with a certificate for more names.
    fn renew(self, private: &Path, more_names: &[String], now: SystemTime) -> Result<Authority, CertificateError> {
        let names = permitted(&self.permitted, more_names);
        let expires_soon = self.valid_until <= now + RENEWAL;
        let renewed = if expires_soon {
            Authority::generate(now, names)?
        } else {
            let key = KeyPair::from_pem(&self.key.serialize_pem());
            let key = key.map_err(|error| CertificateError::new("local authority cannot be extended", error))?;
            Authority::signed(key, now, self.valid_until, names)?
        };
        match private_file::replace(private, renewed.text().as_bytes()) {
            Ok(()) if expires_soon => Ok(renewed),
            Ok(()) => {
                tracing::warn!(
                    "local CA extended to {}: clients that have a copy of an earlier ca.pem must trust it again for new names",
                    renewed.permitted.join(", ")
                );
                Ok(renewed)
            }
            // Without constraints, it may issue for all names.
            Err(error) if !expires_soon && !self.has_constraints() => {
                tracing::warn!("{}: local CA without name constraints, which cannot be added: {error}", private.display());
                Ok(self)
            }
            Err(error) => Err(CertificateError::of_file(private, error)),
        }
    }

    fn generate(now: SystemTime, permitted: Vec<String>) -> Result<Authority, CertificateError> {
        let key = KeyPair::generate().map_err(|error| CertificateError::new("local authority cannot be created", error))?;
        Authority::signed(key, now, now + LIFETIME, permitted)
    }

    /// Returns the authority of a key, with a new certificate.
    fn signed(
        key: KeyPair,
        now: SystemTime,
        valid_until: SystemTime,
        permitted: Vec<String>,
    ) -> Result<Authority, CertificateError> {
        let mut params = params(&key, &permitted);
        params.not_before = (now - BACKDATED).into();
        params.not_after = valid_until.into();
        let certificate = params.self_signed(&key);
        let certificate = certificate.map_err(|error| CertificateError::new("local authority cannot be created", error))?.pem();
        // The file has whole seconds.
        let valid_until = UNIX_EPOCH + Duration::from_secs(seconds(valid_until));
        Ok(Authority { key, params, certificate, permitted, valid_until, path: None })
    }

    fn has_constraints(&self) -> bool {
        !self.permitted.is_empty()
    }

    /// Returns the first of some names that the constraints exclude.
    pub(super) fn first_refused<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let is_permitted = |name: &str| self.permitted.iter().any(|permitted| covers(permitted, &normal_name(name)));
        names.find(|name| self.has_constraints() && !is_permitted(name))
    }

    fn refuses_none<'n>(&self, names: impl Iterator<Item = &'n str>) -> bool {
        self.first_refused(names).is_none()
    }

    /// Returns the content of the file with the key.
    fn text(&self) -> String {
        format!(
            "The local certificate authority of wfi-emulator. Keep this file private: with it, any server can be impersonated to clients\n\
             that trust the certificate, under the names below.\n{UNTIL}{}\n{PERMITTED}{}\n\n{}{}",
            seconds(self.valid_until),
            self.permitted.join(","),
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
        let permitted: Vec<String> = private
            .lines()
            .find_map(|line| line.strip_prefix(PERMITTED))
            .into_iter()
            .flat_map(|names| names.split(','))
            .map(str::to_owned)
            .collect();
        let params = params(&key, &permitted);
        Some(Authority { key, params, certificate: certificate.to_owned(), permitted, valid_until, path: None })
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

/// Returns the names of constraints: of earlier ones, of every certificate, and more.
fn permitted(earlier: &[String], more_names: &[String]) -> Vec<String> {
    let mut permitted: Vec<String> = Vec::new();
    for name in NAMES.into_iter().map(str::to_owned).chain(earlier.iter().cloned()).chain(more_names.iter().cloned()) {
        let name = normal_name(&name);
        if !permitted.iter().any(|permitted| covers(permitted, &name)) {
            permitted.push(name);
        }
    }
    permitted
}

/// Returns the form of a name in constraints, where a domain includes those below it.
fn normal_name(name: &str) -> String {
    name.strip_prefix("*.").unwrap_or(name).trim_end_matches('.').to_ascii_lowercase()
}

/// Whether the constraint to one name includes another.
fn covers(permitted: &str, name: &str) -> bool {
    match (permitted.parse::<IpAddr>(), name.parse::<IpAddr>()) {
        (Ok(permitted), Ok(address)) => {
            permitted == address || permitted.is_loopback() && address.is_loopback() && permitted.is_ipv4() == address.is_ipv4()
        }
        (Err(_), Err(_)) => permitted == name || name.strip_suffix(permitted).is_some_and(|rest| rest.ends_with('.')),
        _ => false,
    }
}

fn subtree(name: &str) -> GeneralSubtree {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_loopback() => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8))
        }
        Ok(address @ IpAddr::V4(_)) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 32)),
        Ok(address @ IpAddr::V6(_)) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 128)),
        Err(_) => GeneralSubtree::DnsName(name.to_owned()),
    }
}

/// Waits until no other program changes the authority; not for long, since it takes milliseconds.
fn wait_for_lock(private: &Path) -> Option<FileLock> {
    (0..200).find_map(|_| file_lock::take(private).inspect_err(|_| thread::sleep(Duration::from_millis(10))).ok())
}

/// Returns the parameters of an authority without its dates.
fn params(key: &KeyPair, permitted: &[String]) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each has a name of its own, because clients look authorities up by name.
    let thumbprint = digest(&SHA256, key.public_key_raw());
    let mark = thumbprint.as_ref().iter().take(4).fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "wfi-emulator");
    params.distinguished_name.push(DnType::CommonName, format!("wfi-emulator local CA {mark:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = (!permitted.is_empty()).then(|| NameConstraints {
        permitted_subtrees: permitted.iter().map(|name| subtree(name)).collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::edge::test_folder::TestFolder;

    #[test]
    fn an_authority_is_created_once_and_read_again() {
        let folder = TestFolder::missing("ca-once");
        let first = Authority::in_folder(&folder.0.join("deep/er"), &[]).unwrap();
        let second = Authority::in_folder(&folder.0.join("deep/er"), &[]).unwrap();
        assert_eq!(first.certificate(), second.certificate());
        assert_eq!(first.valid_until(), second.valid_until());
        assert_eq!(first.key().public_key_raw(), second.key().public_key_raw());
        assert_eq!(fs::read_to_string(first.path().unwrap()).unwrap(), first.certificate());
        assert!(!first.certificate().contains("PRIVATE"));
    }

    #[test]
    fn of_many_programs_that_start_at_once_one_creates_the_authority() {
        let folder = TestFolder::missing("ca-race");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn({
                    let folder = folder.0.clone();
                    move || Authority::in_folder(&folder, &[]).unwrap().certificate().to_owned()
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
        let folder = TestFolder::missing("ca-mode");
        Authority::in_folder(&folder.0, &[]).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.0.join(PRIVATE)), 0o600);
        assert_eq!(mode(folder.0.clone()), 0o700);
    }

    #[test]
    fn an_authority_is_replaced_before_it_expires() {
        let folder = TestFolder::missing("ca-renewal");
        let now = SystemTime::now();
        let first = Authority::in_folder_at(&folder.0, &[], now).unwrap();
        let before = Authority::in_folder_at(&folder.0, &[], now + LIFETIME - RENEWAL - Duration::from_secs(60)).unwrap();
        assert_eq!(first.certificate(), before.certificate());
        let late = now + LIFETIME - RENEWAL + Duration::from_secs(60);
        let renewed = Authority::in_folder_at(&folder.0, &[], late).unwrap();
        assert_ne!(first.certificate(), renewed.certificate());
        assert!(renewed.valid_until() > late + RENEWAL);
        assert_eq!(fs::read_to_string(renewed.path().unwrap()).unwrap(), renewed.certificate());
        assert_eq!(Authority::in_folder_at(&folder.0, &[], late).unwrap().certificate(), renewed.certificate());
    }

    #[test]
    fn a_foreign_file_is_left_alone_and_a_missing_certificate_is_restored() {
        let folder = TestFolder::missing("ca-strange");
        let authority = Authority::in_folder(&folder.0, &[]).unwrap();
        fs::remove_file(folder.0.join(PUBLIC)).unwrap();
        Authority::in_folder(&folder.0, &[]).unwrap();
        assert_eq!(fs::read_to_string(folder.0.join(PUBLIC)).unwrap(), authority.certificate());
        let whole = authority.text();
        let half = whole[..whole.len() - 100].to_owned();
        let foreign = whole.replace(authority.certificate(), Authority::in_memory().unwrap().certificate());
        for strange in ["mine", "", &half, &foreign] {
            fs::write(folder.0.join(PRIVATE), strange).unwrap();
            let error = Authority::in_folder(&folder.0, &[]).unwrap_err().to_string();
            assert!(error.contains(PRIVATE) && error.contains("remove it"), "{error}");
            assert_eq!(fs::read_to_string(folder.0.join(PRIVATE)).unwrap(), strange);
        }
    }

    /// Whether a client that trusts an authority accepts a certificate that a server shows under its first name.
    fn is_accepted(trusted: &Authority, issuer: &Authority, names: &[&str]) -> bool {
        use rustls::client::danger::ServerCertVerifier as _;
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &rcgen::Issuer::from_params(issuer.params(), issuer.key())).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.certificate().as_bytes()).unwrap()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let name = names[0].to_owned().try_into().unwrap();
        verifier.verify_server_cert(certificate.der(), &[], &name, &[], rustls::pki_types::UnixTime::now()).is_ok()
    }

    #[test]
    fn a_stolen_key_is_of_use_for_no_other_site() {
        let more = ["graph.contoso.test".to_owned(), "*.Wild.test".to_owned(), "10.1.2.3".to_owned()];
        let authority = Authority::in_memory_for(&more).unwrap();
        for name in NAMES {
            assert!(is_accepted(&authority, &authority, &[name]), "{name}");
        }
        for name in ["api.localhost", "127.8.9.10", "graph.contoso.test", "a.wild.test", "10.1.2.3"] {
            assert!(is_accepted(&authority, &authority, &[name]), "{name}");
            assert_eq!(authority.first_refused([name].into_iter()), None, "{name}");
        }
        for name in ["example.com", "microsoft.com", "notlocalhost", "contoso.test", "10.1.2.4", "8.8.8.8", "::2"] {
            assert!(!is_accepted(&authority, &authority, &[name]), "{name}");
            assert_eq!(authority.first_refused([name].into_iter()), Some(name), "{name}");
        }
        assert!(!is_accepted(&authority, &authority, &["localhost", "example.com"]));
        let error = super::super::issued(&authority, &["example.com".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "certificate cannot be issued: the local CA is not for example.com");
    }

    #[test]
    fn an_authority_is_extended_with_the_same_key() {
        let folder = TestFolder::missing("ca-extended");
        let names = |name: &str| vec![name.to_owned()];
        let first = Authority::in_folder(&folder.0, &[]).unwrap();
        let second = Authority::in_folder(&folder.0, &names("one.test")).unwrap();
        let third = Authority::in_folder(&folder.0, &names("two.test")).unwrap();
        assert_eq!(first.key().public_key_raw(), third.key().public_key_raw());
        assert_eq!(first.valid_until(), third.valid_until());
        for name in ["localhost", "one.test", "two.test"] {
            assert!(is_accepted(&third, &third, &[name]), "{name}");
        }
        assert!(is_accepted(&first, &third, &["localhost"]), "earlier trust lasts");
        assert!(!is_accepted(&second, &third, &["two.test"]), "for what it was given for");
        for names in [&[][..], &names("one.test"), &names("sub.two.test")] {
            assert_eq!(Authority::in_folder(&folder.0, names).unwrap().certificate(), third.certificate(), "{names:?}");
        }
        assert_eq!(fs::read_to_string(folder.0.join(PUBLIC)).unwrap(), third.certificate());
        assert_eq!(folder.names().len(), 2, "no lock is left behind");
    }

    #[test]
    fn an_authority_of_an_earlier_version_gets_constraints_and_stays_trusted() {
        let folder = TestFolder::missing("ca-earlier");
        fs::create_dir_all(&folder.0).unwrap();
        let earlier = Authority::generate(SystemTime::now(), Vec::new()).unwrap();
        assert!(is_accepted(&earlier, &earlier, &["example.com"]), "as it was");
        let text = earlier.text().replace(&format!("{PERMITTED}\n"), "");
        fs::write(folder.0.join(PRIVATE), text).unwrap();
        let now = Authority::in_folder(&folder.0, &[]).unwrap();
        assert_eq!(earlier.key().public_key_raw(), now.key().public_key_raw());
        assert!(is_accepted(&earlier, &now, &["localhost"]) && is_accepted(&now, &now, &["localhost"]));
        assert!(!is_accepted(&now, &now, &["example.com"]));
    }

    #[test]
    fn programs_that_start_at_once_for_different_names_extend_one_authority() {
        let folder = TestFolder::missing("ca-extended-race");
        Authority::in_folder(&folder.0, &[]).unwrap();
        let names: Vec<String> = (0..8).map(|number| format!("host{number}.test")).collect();
        thread::scope(|scope| {
            for name in &names {
                let folder = &folder.0;
                scope.spawn(move || Authority::in_folder(folder, std::slice::from_ref(name)).unwrap());
            }
        });
        let text = fs::read_to_string(folder.0.join(PRIVATE)).unwrap();
        assert_eq!(Authority::read(&text).unwrap().first_refused(names.iter().map(String::as_str)), None);
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
