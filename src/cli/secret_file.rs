//! Secrets in files, which unlike arguments and variables are not visible to other processes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest file in bytes. A device may be endless.
const LIMIT: u64 = 64 * 1024;

/// Whether a path means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a secret from a file, or from standard input, without the line end behind it.
///
/// # Errors
///
/// Fails with a message for people, which never contains a part of the secret.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let name = if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() };
    let problem = |problem: &dyn std::fmt::Display| format!("{name}: {problem}");
    let bytes = if is_standard_input(path) { read_all(io::stdin().lock()) } else { File::open(path).and_then(read_all) };
    let bytes = bytes.map_err(|error| problem(&error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(problem(&format!("too long for a secret, expected at most {LIMIT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| problem(&"not UTF-8, expected a secret"))?;
    let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    match text {
        "" => Err(problem(&"empty, expected a secret")),
        text if text.contains(['\n', '\r']) => Err(problem(&"more than one line, expected a secret")),
        text => Ok(text.to_owned()),
    }
}

fn read_all(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
