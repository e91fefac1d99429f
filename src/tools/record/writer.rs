//! The file of a recording, with exchanges redacted before they are written.
//!
//! Exchanges are redacted one by one as they come, kept sealed, and redacted once more when all private values are known. Only then the
//! file is made.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use http::StatusCode;

use super::spool::Spool;
use crate::edge::private_file;
use crate::text::exchange::{self, Capture, CaptureQuery, Entry, Exchange, ExchangePart, Template};
use crate::text::gzip;
use crate::text::plural::counted;
use crate::text::redact::{Redactor, doubtful_lines};
use crate::tools::page::OpenPages;

/// Maximum number of captured ids.
const CAPTURE_LIMIT: usize = 10_000;

/// Minimum length of a captured id: a short one, such as a number, may occur elsewhere with another meaning.
const MIN_ID_LENGTH: usize = 8;

/// Maximum length of a decompressed body in bytes.
const UNPACKED_LIMIT: usize = 16 * 1024 * 1024;

/// The comment of a page whose next one is not recorded.
const OPEN_PAGE: &str = "A page of a list: the next one is not recorded.";

/// The writer of one recording. Its file never replaces another one.
#[derive(Debug)]
pub(super) struct RecordingWriter {
    folder: PathBuf,
    redactor: Redactor,
    spool: Option<Spool>,
    count: usize,
    /// The ids of created entities, with the names of their captures.
    captured: HashMap<String, String>,
    problem: Option<String>,
}

impl RecordingWriter {
    pub(super) fn new(folder: PathBuf, redactor: Redactor) -> Result<RecordingWriter, String> {
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(RecordingWriter { folder, redactor, spool: None, count: 0, captured: HashMap::new(), problem: None })
    }

    /// Adds an exchange. After a failure nothing more is recorded, since a recording with gaps misleads.
    pub(super) fn write(&mut self, mut exchange: Exchange) {
        if self.problem.is_some() {
            return;
        }
        decompress(&mut exchange.request.headers, &mut exchange.request.body);
        if let Some(response) = &mut exchange.response {
            decompress(&mut response.headers, &mut response.body);
        }
        let redacted = self.redactor.redact(&exchange);
        let result = if self.redactor.is_full() {
            Err("too many private values to remember".to_owned())
        } else {
            self.push(&exchange::write(&[redacted])).map_err(|error| error.to_string())
        };
        match result {
            Ok(()) => self.count += 1,
            Err(problem) => {
                tracing::error!("recording stopped after {}: {problem}", counted(self.count, "exchange", "exchanges"));
                self.problem = Some(problem);
            }
        }
    }

    fn push(&mut self, text: &str) -> std::io::Result<()> {
        if self.spool.is_none() {
            self.spool = Some(Spool::new(&self.folder)?);
        }
        self.spool.as_mut().map_or(Ok(()), |spool| spool.push(text))
    }

    /// Returns the numbers of the exchanges with a page of a list whose next one is not recorded.
    fn open_pages(&mut self, spool: &mut Spool) -> HashSet<usize> {
        let (mut pages, mut number) = (OpenPages::new(), 0);
        let read = spool.read::<std::io::Error>(|text| {
            for exchange in &exchange::read(text).map_err(|error| std::io::Error::other(error.reason))? {
                let Exchange { request, response, .. } = self.redactor.redact(exchange);
                if let Some(response) = &response {
                    pages.add(number, &request, response);
                }
                number += 1;
            }
            Ok(())
        });
        // The same error meets the writer of the file, which reports it.
        if read.is_err() { HashSet::new() } else { pages.into_places().collect() }
    }

    /// Writes the file: returns the number of recorded exchanges and their file. What was recorded before a problem is kept.
    pub(super) fn finish(&mut self) -> Result<(usize, Option<PathBuf>), String> {
        let Some(mut spool) = self.spool.take() else {
            return self.problem.as_ref().map_or(Ok((0, None)), |problem| Err(format!("{}: {problem}", self.folder.display())));
        };
        let open_pages = self.open_pages(&mut spool);
        let (path, mut file) = self.create()?;
        let (mut count, mut line) = (0, 1);
        let written = spool.read::<std::io::Error>(|text| {
            for exchange in &exchange::read(text).map_err(|error| std::io::Error::other(error.reason))? {
                let mut redacted = self.redactor.redact(exchange);
                if open_pages.contains(&count) {
                    let place = format!("{}:{}", path.display(), line + usize::from(count > 0));
                    tracing::warn!("{place}: page without the next one: the recording has a part of the list");
                    redacted.comments.push(OPEN_PAGE.to_owned());
                }
                let separator = if count > 0 { "\n" } else { "" };
                let text = format!("{separator}{}", self.linked(redacted));
                append(&mut file, &text)?;
                for (index, length) in doubtful_lines(&text) {
                    let place = format!("{}:{}", path.display(), line + index);
                    tracing::warn!("{place}: check by hand: {length} characters that look like a secret");
                }
                line += text.matches('\n').count();
                count += 1;
            }
            Ok(())
        });
        match written.err().map(|error| error.to_string()).or_else(|| self.problem.clone()) {
            None => Ok((count, Some(path))),
            Some(problem) => Err(format!("{}: {problem} (exchanges recorded before: {count})", path.display())),
        }
    }

    /// Returns an entry that captures the id of the entity it creates, and has templates for ids captured before, so that the
    /// file can be run against any service.
    fn linked(&mut self, exchange: Exchange) -> Entry {
        let mut entry = Entry::plain(exchange);
        let exchange = &mut entry.exchange;
        let mut take = |part: ExchangePart, text: &str| {
            let (rest, found) = split_ids(text, &self.captured);
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
        let name = format!("id{}", self.captured.len() + 1);
        let capture = Capture { name: name.clone(), query: CaptureQuery::JsonPath("$.id".to_owned()) };
        if self.captured.len() < CAPTURE_LIMIT
            && let Some(id) = capture.take(response).filter(|id| id.len() >= MIN_ID_LENGTH && id.bytes().all(is_of_id))
            && !self.captured.contains_key(&id)
        {
            self.captured.insert(id, name);
            entry.captures.push(capture);
        }
        entry
    }

    fn create(&self) -> Result<(PathBuf, File), String> {
        for number in 1..10_000 {
            let path = self.folder.join(format!("recorded-{number:04}.hurl"));
            match private_file::create_new(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Err(format!("{}: too many recordings, recorded-9999.hurl exists", self.folder.display()))
    }
}

/// Appends a text to a file; removes a part of it after a failure, since that might be read as a complete exchange.
fn append(file: &mut File, text: &str) -> std::io::Result<()> {
    let length = file.stream_position()?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // The error of the write is reported.
        let _ = file.set_len(length);
    })
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Removes captured ids from a text; returns the rest, and the names of the ids with their positions in it.
fn split_ids(text: &str, names: &HashMap<String, String>) -> (String, Vec<(usize, String)>) {
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

/// Decompresses a body with gzip. Other encodings cannot be redacted, so the redactor removes such bodies.
fn decompress(headers: &mut Vec<(String, String)>, body: &mut Bytes) {
    let is_gzip = |(name, value): &(String, String)| name.eq_ignore_ascii_case("content-encoding") && gzip::is_gzip(value);
    if !headers.iter().any(is_gzip) {
        return;
    }
    if let Ok(decompressed) = gzip::unpack(body, UNPACKED_LIMIT) {
        headers.retain(|header| !is_gzip(header));
        *body = decompressed.into();
    }
}
