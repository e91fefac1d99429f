//! Exchanges to a file, redacted before anything is written.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::exchange::Exchange;
use crate::redact::Redactor;

/// How long a body may become when it is unpacked.
const UNPACKED: u64 = 16 * 1024 * 1024;

/// The file of a recording, which is made with the first exchange and never written over.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    redactor: Redactor,
    file: Option<(PathBuf, File)>,
    count: usize,
    problem: Option<String>,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, redactor: Redactor) -> Result<Writer, String> {
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Writer { folder, redactor, file: None, count: 0, problem: None })
    }

    /// Writes an exchange. After a failure nothing more is written, since half a recording misleads.
    pub(super) fn write(&mut self, mut exchange: Exchange) {
        if self.problem.is_some() {
            return;
        }
        unpack(&mut exchange.request.headers, &mut exchange.request.body);
        if let Some(response) = &mut exchange.response {
            unpack(&mut response.headers, &mut response.body);
        }
        let redacted = self.redactor.redact(&exchange);
        let separator = if self.count > 0 { "\n" } else { "" };
        let written = self.open().and_then(|(path, file)| {
            let text = format!("{separator}{redacted}");
            file.write_all(text.as_bytes()).map_err(|error| format!("{}: {error}", path.display()))
        });
        match written {
            Ok(()) => self.count += 1,
            Err(problem) => {
                tracing::error!("nothing more is recorded: {problem}");
                self.problem = Some(problem);
            }
        }
    }

    fn open(&mut self) -> Result<&mut (PathBuf, File), String> {
        if self.file.is_none() {
            self.file = Some(self.create()?);
        }
        self.file.as_mut().ok_or_else(|| "found no file".to_owned())
    }

    fn create(&self) -> Result<(PathBuf, File), String> {
        for number in 1..10_000 {
            let path = self.folder.join(format!("recorded-{number:04}.hurl"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!("{}: found recordings of every number up to 9999", self.folder.display()))
    }

    /// Returns how many exchanges were written to which file.
    pub(super) fn outcome(&self) -> Result<(usize, Option<PathBuf>), String> {
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok((self.count, self.file.as_ref().map(|(path, _)| path.clone()))),
        }
    }
}

/// Unpacks a body that is packed with gzip; any other packing stays, and is then left out, since nobody can look into it.
fn unpack(headers: &mut Vec<(String, String)>, body: &mut Bytes) {
    let is_gzip = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("content-encoding") && matches!(value.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip")
    };
    if !headers.iter().any(is_gzip) {
        return;
    }
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(&body[..]).take(UNPACKED + 1).read_to_end(&mut unpacked);
    if read.is_ok_and(|length| length as u64 <= UNPACKED) {
        headers.retain(|header| !is_gzip(header));
        *body = unpacked.into();
    }
}
