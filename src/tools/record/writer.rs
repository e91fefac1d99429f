//! Exchanges to a file, redacted before anything is written.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::StatusCode;

use crate::text::exchange::{Capture, CaptureQuery, Entry, Exchange, ExchangePart, Template};
use crate::text::redact::Redactor;

/// How many ids of created entities are followed.
const MOST_CREATED: usize = 10_000;

/// An id as short as a number may stand for anything.
const SHORTEST_ID: usize = 8;

/// How long a body may become when it is unpacked.
const UNPACKED: u64 = 16 * 1024 * 1024;

/// The file of a recording, which is made with the first exchange and never written over.
#[derive(Debug)]
pub(super) struct RecordingWriter {
    folder: PathBuf,
    redactor: Redactor,
    file: Option<(PathBuf, File)>,
    count: usize,
    /// Ids of what was created, with the names under which the file captures them.
    created: HashMap<String, String>,
    problem: Option<String>,
}

impl RecordingWriter {
    pub(super) fn new(folder: PathBuf, redactor: Redactor) -> Result<RecordingWriter, String> {
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(RecordingWriter { folder, redactor, file: None, count: 0, created: HashMap::new(), problem: None })
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
        let entry = self.tied(redacted);
        let separator = if self.count > 0 { "\n" } else { "" };
        let before = self.count;
        let written = self.open().and_then(|(path, file)| {
            let text = format!("{separator}{entry}");
            append(file, &text).map_err(|error| match before {
                0 => format!("{}: {error}", path.display()),
                count => format!("{}: {error}; {count} exchanges before it are recorded", path.display()),
            })
        });
        match written {
            Ok(()) => self.count += 1,
            Err(problem) => {
                tracing::error!("nothing more is recorded: {problem}");
                self.problem = Some(problem);
            }
        }
    }

    /// Returns the entry that captures the id of what it creates, and has the ids of what was created before as templates: so the file
    /// can be run against any service.
    fn tied(&mut self, exchange: Exchange) -> Entry {
        let mut entry = Entry::plain(exchange);
        let exchange = &mut entry.exchange;
        let mut take = |part: ExchangePart, text: &str| {
            let (rest, found) = taken_out(text, &self.created);
            entry.templates.extend(found.into_iter().map(|(at, name)| Template { part, at, name }));
            rest
        };
        exchange.request.target = take(ExchangePart::Target, &exchange.request.target);
        for (index, (_, value)) in exchange.request.headers.iter_mut().enumerate() {
            *value = take(ExchangePart::RequestHeader(index), value);
        }
        if let Ok(text) = std::str::from_utf8(&exchange.request.body) {
            exchange.request.body = take(ExchangePart::RequestBody, text).into();
        }
        let Some(response) = exchange.response.as_ref().filter(|response| response.status == StatusCode::CREATED) else {
            return entry;
        };
        let name = format!("id{}", self.created.len() + 1);
        let capture = Capture { name: name.clone(), query: CaptureQuery::JsonPath("$.id".to_owned()) };
        if self.created.len() < MOST_CREATED
            && let Some(id) = capture.take(response).filter(|id| id.len() >= SHORTEST_ID && id.bytes().all(is_of_id))
            && !self.created.contains_key(&id)
        {
            self.created.insert(id, name);
            entry.captures.push(capture);
        }
        entry
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

/// Writes a text at the end of a file as a whole or not at all: a part of an exchange may look like a whole one.
fn append(file: &mut File, text: &str) -> std::io::Result<()> {
    let length = file.stream_position()?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // What is wrong with the disk is told already.
        let _ = file.set_len(length);
    })
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Takes the ids out of a text that have a name; returns the rest, and the names with their places in it.
fn taken_out(text: &str, names: &HashMap<String, String>) -> (String, Vec<(usize, String)>) {
    let mut rest = String::with_capacity(text.len());
    let mut found = Vec::new();
    for word in text.split_inclusive(|character: char| !character.is_ascii() || !is_of_id(character as u8)) {
        let id = word.trim_end_matches(|character: char| !character.is_ascii() || !is_of_id(character as u8));
        match names.get(id) {
            Some(name) => {
                found.push((rest.len(), name.clone()));
                rest.push_str(&word[id.len()..]);
            }
            None => rest.push_str(word),
        }
    }
    (rest, found)
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
