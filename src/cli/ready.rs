//! The announcement that the server listens.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::private_file;
use crate::world::regular_file;

/// The form of the announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReadyForm {
    Url,
    Json,
}

/// Returns the line for standard output and the ready file.
pub(super) fn line(form: ReadyForm, url: &str, port: u16, seed: u64, ca: Option<&Path>) -> String {
    match form {
        ReadyForm::Url => format!("{url}\n"),
        ReadyForm::Json => {
            let announcement = json!({
                "url": url,
                "v1": format!("{url}/v1.0"),
                "beta": format!("{url}/beta"),
                "control": format!("{url}/_emulator"),
                "port": port,
                "pid": std::process::id(),
                "seed": seed,
                "ca": ca.map(|path| path.display().to_string()),
            });
            format!("{announcement}\n")
        }
    }
}

/// An announcement, as another process reads it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) port: u16,
    /// The file of the local CA, if one vouches for the server.
    pub(super) authority: Option<PathBuf>,
}

/// Returns the announcement in a line of either form.
pub(super) fn announcement_in(line: &str) -> Option<Announcement> {
    let line = line.trim();
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(announcement) => Some(Announcement {
            port: announcement["port"].as_u64()?.try_into().ok()?,
            authority: announcement["ca"].as_str().map(PathBuf::from),
        }),
        Err(_) => Some(Announcement { port: line.parse::<http::Uri>().ok()?.port_u16()?, authority: None }),
    }
}

/// Returns the port of the server that has announced itself in a file, if one has.
pub(super) fn announced_port(path: &Path) -> Option<u16> {
    let text = regular_file::read(path).ok()?;
    announcement_in(&String::from_utf8_lossy(&text)).map(|announcement| announcement.port)
}

/// The file of the announcement, which exists only while the server listens. It is removed when the value is dropped.
pub(super) struct ReadyFile {
    path: PathBuf,
    line: Option<String>,
}

impl ReadyFile {
    /// Removes the file of an earlier run, which may have been killed: it would announce this one too early.
    ///
    /// # Errors
    ///
    /// Fails with a message for people if it cannot be removed, or if the file cannot be written later.
    pub(super) fn clear(path: &Path) -> Result<ReadyFile, String> {
        let problem = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        match fs::symlink_metadata(path) {
            Ok(metadata) => {
                // A link may be of an earlier run, a device or a pipe is not.
                if !metadata.is_symlink() {
                    private_file::check_kind(path, metadata.file_type())?;
                }
                fs::remove_file(path).map_err(|error| problem(&format!("cannot be removed: {error}")))?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(problem(&error)),
        }
        private_file::check_writable(path)?;
        Ok(ReadyFile { path: path.to_owned(), line: None })
    }

    pub(super) fn write(&mut self, line: &str) -> Result<(), String> {
        self.line = Some(line.to_owned());
        private_file::write(&self.path, line).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Another program may have announced itself in the same file since.
        if let Some(line) = &self.line
            && regular_file::read(&self.path).is_ok_and(|text| text == line.as_bytes())
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_read_in_each_form() {
        let authority = Path::new("/home/me/ca.pem");
        for (form, ca, expected) in [
            (ReadyForm::Url, Some(authority), None),
            (ReadyForm::Json, Some(authority), Some(authority)),
            (ReadyForm::Json, None, None),
        ] {
            let expected = Announcement { port: 4711, authority: expected.map(Path::to_owned) };
            assert_eq!(announcement_in(&line(form, "https://127.0.0.1:4711", 4711, 1, ca)), Some(expected), "{form:?}");
        }
        for text in ["", "{}", "soon", r#"{"port":70000}"#] {
            assert_eq!(announcement_in(text), None, "{text}");
        }
    }
}
