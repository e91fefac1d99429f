//! The browser of the user.

use std::process::{Command, Stdio};
use std::thread;

/// Opens an address in the user's browser. A failure is logged: the server works without.
pub(super) fn open(url: &str) {
    let mut command = Command::new(PROGRAM);
    command.args(ARGUMENTS).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        // It ends by itself, and someone must take note.
        Ok(mut child) => drop(thread::spawn(move || child.wait())),
        Err(error) => tracing::warn!("cannot open a browser with {PROGRAM}: {error}; the page is {url}"),
    }
}

#[cfg(target_os = "macos")]
const PROGRAM: &str = "open";
#[cfg(windows)]
const PROGRAM: &str = "rundll32";
#[cfg(not(any(target_os = "macos", windows)))]
const PROGRAM: &str = "xdg-open";

#[cfg(windows)]
const ARGUMENTS: &[&str] = &["url.dll,FileProtocolHandler"];
#[cfg(not(windows))]
const ARGUMENTS: &[&str] = &[];
