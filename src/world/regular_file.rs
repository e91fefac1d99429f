//! Files that are read as a whole: regular ones only. Opening a pipe may block forever, and a device may be endless.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::text::charset::Charset;

/// Reads a file.
///
/// # Errors
///
/// Fails with [`ErrorKind::InvalidInput`] on a pipe, a socket or a device, which is not opened.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open(path)?.read_to_end(&mut text)?;
    Ok(text)
}

/// Reads a file of text, as UTF-8: one with the byte order mark of another encoding is decoded.
///
/// # Errors
///
/// Fails like [`read`], and with [`ErrorKind::InvalidData`] on a text that is not in the encoding of its mark.
pub(crate) fn read_text(path: &Path) -> io::Result<Vec<u8>> {
    Charset::utf8(read(path)?).map_err(|problem| io::Error::new(ErrorKind::InvalidData, problem))
}

/// Opens a file to read.
///
/// # Errors
///
/// Fails like [`read`].
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // A folder has an error of its own.
    let is_readable = |metadata: &fs::Metadata| metadata.is_file() || metadata.is_dir();
    let refused = || io::Error::new(ErrorKind::InvalidInput, "not a regular file");
    if !is_readable(&fs::metadata(path)?) {
        return Err(refused());
    }
    let file = File::open(path)?;
    // Another file may have taken its name meanwhile.
    if is_readable(&file.metadata()?) { Ok(file) } else { Err(refused()) }
}
