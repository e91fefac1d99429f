//! Files that the program writes for its user: state and announcements. A link to one stays a link.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use crate::edge::private_file::{self, WriteContent};

/// Returns the file that a path leads to, and that need not exist yet.
///
/// # Errors
///
/// Fails with a message for people if it is a folder, a pipe or a device.
pub(super) fn target(path: &Path) -> Result<PathBuf, String> {
    let target = private_file::resolve_link(path);
    match fs::symlink_metadata(&target) {
        Ok(metadata) => check_kind(path, metadata.file_type()).map(|()| target),
        Err(_) => Ok(target),
    }
}

/// Checks that what has the name of a file is one: not a folder, a pipe or a device.
pub(super) fn check_kind(path: &Path, kind: FileType) -> Result<(), String> {
    match () {
        () if kind.is_dir() => Err(format!("{}: is a folder, expected a file", path.display())),
        () if !kind.is_file() => Err(format!("{}: not a regular file", path.display())),
        () => Ok(()),
    }
}

/// Checks at start-up that a file can be written later.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn check_writable(path: &Path) -> Result<(), String> {
    private_file::check_writable(&target(path)?).map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Writes a file atomically: a process that waits for it never reads half of it.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    write_by(path, &mut |file| file.write_all(text.as_bytes()))
}

/// Writes a file like [`write()`] with what a function writes.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(super) fn write_by(path: &Path, write: &mut WriteContent<'_>) -> io::Result<()> {
    private_file::replace_by(&private_file::resolve_link(path), write)
}

/// Writes a new file in the folder for temporary files with what a function writes, and returns its path.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(super) fn write_copy(name: &str, write: &mut WriteContent<'_>) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("{name}-{}.json", private_file::random_digits()?));
    private_file::create_if_absent_by(&path, write)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
    Ok(path)
}
