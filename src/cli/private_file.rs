//! Files that the program writes for its user: state and announcements. A link to one stays a link.

use std::io;
use std::path::Path;

use crate::edge::private_file;

/// Checks at start-up that a file can be written later.
///
/// # Errors
///
/// Fails with a message for people.
pub(super) fn check_writable(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err(format!("{}: is a folder, expected a file", path.display()));
    }
    private_file::check_writable(&private_file::resolve_link(path))
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Writes a file atomically: a process that waits for it never reads half of it.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    private_file::replace(&private_file::resolve_link(path), text.as_bytes())
}
