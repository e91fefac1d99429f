//! Files that are read as a whole: regular ones only. Opening a pipe may block forever, and a device may be endless.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::text::charset::Charset;

/// Reads a file.
///
/// # Errors
///
/// Fails with [`ErrorKind::InvalidInput`] on a pipe, a socket or a device, which is not opened.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let mut text = read_in_halves(&file, LONG).unwrap_or_default();
    // The rest: all of it, unless the file is long, and what has been appended meanwhile.
    file.seek(SeekFrom::Start(text.len() as u64))?;
    file.read_to_end(&mut text)?;
    Ok(text)
}

/// The length of a file, in bytes, from which a second thread is worth its start.
const LONG: usize = 64 << 20;

/// Reads a long file, one half beside the other: new memory costs more time than the bytes. `None` if the file is not long, or has become shorter.
#[cfg(unix)]
fn read_in_halves(file: &File, long: usize) -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    use std::thread;

    let length = usize::try_from(file.metadata().ok()?.len()).ok().filter(|length| *length >= long)?;
    let mut text = vec![0; length];
    let (first, second) = text.split_at_mut(length / 2);
    let middle = first.len() as u64;
    thread::scope(|scope| {
        let reader = thread::Builder::new().spawn_scoped(scope, move || file.read_exact_at(second, middle)).ok()?;
        let is_read = file.read_exact_at(first, 0).is_ok();
        reader.join().ok()?.ok().filter(|()| is_read)
    })?;
    Some(text)
}

#[cfg(not(unix))]
fn read_in_halves(_file: &File, _long: usize) -> Option<Vec<u8>> {
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_read_as_a_short_one() {
        let path = std::env::temp_dir().join(format!("wfi-emulator-halves-{}", std::process::id()));
        for length in [0, 1, 2, 10_001] {
            let text: Vec<u8> = (0..=250).cycle().take(length).collect();
            fs::write(&path, &text).unwrap();
            let file = open(&path).unwrap();
            assert_eq!(read_in_halves(&file, 0).as_deref(), cfg!(unix).then_some(&*text));
            assert_eq!(read_in_halves(&file, length + 1), None);
            assert_eq!(read(&path).unwrap(), text);
        }
        fs::remove_file(&path).unwrap();
    }
}
