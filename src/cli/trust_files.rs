//! Files with the certificates of the system and of the local CA, for the programs that a command starts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::edge::certificate::{Bundle, CertificateError};

/// Files in a folder that is removed with the value.
pub(super) struct TrustFiles {
    /// All certificates in PEM.
    pub(super) bundle: PathBuf,
    /// The same in PKCS #12, for Java.
    pub(super) java: PathBuf,
    pub(super) folder: Option<PathBuf>,
}

impl Drop for TrustFiles {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // The rest is in the folder for temporary files.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Writes the files for the CAs in some files.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn write(authorities: &[PathBuf]) -> Result<TrustFiles, String> {
    if authorities.is_empty() {
        return Err("no CA file: `run` needs a local CA in a folder, not --ca-dir memory or --cert".to_owned());
    }
    let failed = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut own = String::new();
    for path in authorities {
        own.push_str(&fs::read_to_string(path).map_err(|error| failed(path, &error))?);
    }
    let bundle = Bundle::of(&own, authorities).map_err(|error: CertificateError| error.to_string())?;
    let folder = std::env::temp_dir().join(format!(
        "wfi-emulator-{}-{:08x}",
        std::process::id(),
        crate::world::ids::random_seed() & 0xffff_ffff
    ));
    create_private(&folder).map_err(|error| failed(&folder, &error))?;
    let files = TrustFiles { bundle: folder.join("ca-bundle.pem"), java: folder.join("ca-bundle.p12"), folder: Some(folder) };
    fs::write(&files.bundle, bundle.pem()).map_err(|error| failed(&files.bundle, &error))?;
    fs::write(&files.java, bundle.pkcs12()).map_err(|error| failed(&files.java, &error))?;
    Ok(files)
}

/// Creates a folder that only its owner can use. An existing one is refused, since it may be that of another user.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
