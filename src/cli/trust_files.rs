//! Files with the certificates of the system and of the local CA, for the programs that a command starts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::edge::certificate::{Bundle, CertificateError};
use crate::edge::private_file;

/// Files in a folder, which is removed with the value if it is a temporary one.
pub(super) struct TrustFiles {
    /// All certificates in PEM.
    pub(super) bundle: PathBuf,
    /// The same in PKCS #12, for Java.
    pub(super) java: PathBuf,
    pub(super) temporary: Option<PathBuf>,
}

impl Drop for TrustFiles {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            // The rest is in the folder for temporary files.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The folder of the files that stay, beside the local CA.
const KEPT: &str = "trust";

/// The same with the CA of further hosts.
const KEPT_WITH_OTHERS: &str = "trust-intercept";

/// Writes the files for the CAs in some files, to a temporary folder.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn write(authorities: &[PathBuf]) -> Result<TrustFiles, String> {
    let bundle = bundle_of(authorities)?;
    let folder = std::env::temp_dir().join(format!(
        "wfi-emulator-{}-{:08x}",
        std::process::id(),
        crate::world::ids::random_seed() & 0xffff_ffff
    ));
    private_file::create_folder(&folder, false).map_err(|error| failed(&folder, &error))?;
    write_to(&folder, &bundle, Some(&folder))
}

/// Writes the files for the CAs in some files, to a folder beside the first, where they stay.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn keep(authorities: &[PathBuf]) -> Result<TrustFiles, String> {
    let bundle = bundle_of(authorities)?;
    // Clients are to trust the CA of --intercept only where that is in use.
    let folder = authorities[0].with_file_name(if authorities.len() > 1 { KEPT_WITH_OTHERS } else { KEPT });
    match private_file::create_folder(&folder, false) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&folder, &error)),
        _ => {}
    }
    write_to(&folder, &bundle, None)
}

fn write_to(folder: &Path, bundle: &Bundle, temporary: Option<&Path>) -> Result<TrustFiles, String> {
    let temporary = temporary.map(Path::to_owned);
    let files = TrustFiles { bundle: folder.join("ca-bundle.pem"), java: folder.join("ca-bundle.p12"), temporary };
    private_file::replace(&files.bundle, bundle.pem().as_bytes()).map_err(|error| failed(&files.bundle, &error))?;
    private_file::replace(&files.java, &bundle.pkcs12()).map_err(|error| failed(&files.java, &error))?;
    Ok(files)
}

fn bundle_of(authorities: &[PathBuf]) -> Result<Bundle, String> {
    if authorities.is_empty() {
        return Err("no CA file: `run` needs a local CA in a folder, not --ca-dir memory or --cert".to_owned());
    }
    let mut own = String::new();
    for path in authorities {
        own.push_str(&fs::read_to_string(path).map_err(|error| failed(path, &error))?);
    }
    Bundle::of(&own, authorities).map_err(|error: CertificateError| error.to_string())
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
