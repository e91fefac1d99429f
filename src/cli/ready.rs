//! How others learn that the server listens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::suite::ReadyOptions;

/// Returns the line for standard output.
pub(super) fn line(form: ReadyOptions, url: &str, port: u16, seed: u64, ca: Option<&Path>) -> String {
    match form {
        ReadyOptions::Url => format!("{url}\n"),
        ReadyOptions::Json => {
            let told = json!({
                "url": url,
                "v1": format!("{url}/v1.0"),
                "beta": format!("{url}/beta"),
                "control": format!("{url}/_emulator"),
                "port": port,
                "pid": std::process::id(),
                "seed": seed,
                "ca": ca.map(|path| path.display().to_string()),
            });
            format!("{told}\n")
        }
    }
}

/// Checks that a file can be written when the time has come, and says for people why not.
pub(super) fn check_writable(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err(format!("{}: found a folder, expected a file", path.display()));
    }
    let temporary = temporary_beside(&behind_links(path));
    write_private(&temporary, "")
        .and_then(|()| fs::remove_file(&temporary))
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Writes a file as a whole or not at all: whoever waits for it never reads half of it.
pub(super) fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let path = behind_links(path);
    let temporary = temporary_beside(&path);
    let written = write_private(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // What is left behind would only be in the way.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Returns where a file is that may be named by a link, which stays; the file itself need not be there yet.
fn behind_links(path: &Path) -> PathBuf {
    let linked = || fs::read_link(path).map(|to| path.parent().unwrap_or(Path::new("")).join(to));
    fs::canonicalize(path).or_else(|_| linked()).unwrap_or_else(|_| path.to_owned())
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Writes a file that only its owner may read: it may hold secrets.
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
