//! Files that only their owner may read, written as a whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Checks at start-up that a file can be written later.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn check_writable(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err(format!("{}: is a folder, expected a file", path.display()));
    }
    let temporary = temporary_beside(&behind_links(path));
    write_private(&temporary, "")
        .and_then(|()| fs::remove_file(&temporary))
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Writes a file atomically: a process that waits for it never reads half of it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = behind_links(path);
    let temporary = temporary_beside(&path);
    let written = write_private(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Returns the file that a path leads to; a link stays a link. The file itself need not exist yet.
fn behind_links(path: &Path) -> PathBuf {
    let linked = || fs::read_link(path).map(|to| path.parent().unwrap_or(Path::new("")).join(to));
    fs::canonicalize(path).or_else(|_| linked()).unwrap_or_else(|_| path.to_owned())
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Writes a file with mode 0600: it may hold secrets.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
