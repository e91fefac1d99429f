//! The entries of a shard in order, bounded.
//!
//! The memory of a new entry was last used a thousand requests ago, and the cache misses cost more than anything else about a journal.
//! So texts are written one after another into large chunks, which processors prefetch, and old texts are not read: a dropped entry is
//! a short row in a queue.

use std::collections::VecDeque;
use std::time::SystemTime;

use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::{AnswerCause, EntityChange, JournalEntry, JournalRecord};
use crate::odata::headers::StandardHeaders;

/// The size of a chunk, unless one entry needs more or all of them need less.
const CHUNK_SIZE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: VecDeque<JournalRow>,
    chunks: VecDeque<Chunk>,
    /// The buffer of a chunk whose entries were all dropped, for reuse.
    spare: Vec<u8>,
    /// The size of all entries.
    bytes: usize,
}

/// The texts of consecutive entries.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// The number of entries not yet dropped.
    entries: usize,
}

/// An entry without its texts.
#[derive(Debug)]
struct JournalRow {
    number: u64,
    time: SystemTime,
    method: Method,
    status: Option<StatusCode>,
    /// The start of the texts in their chunk.
    start: usize,
    parts: Parts,
    changed: Option<EntityChange>,
    /// Details that few entries have.
    details: Option<Box<RareDetails>>,
}

#[derive(Debug)]
struct RareDetails {
    decided: AnswerCause,
    full_lengths: FullLengths,
}

/// The full lengths of truncated bodies: request and response.
type FullLengths = (Option<usize>, Option<usize>);

/// The end of each text, relative to the start: target, request headers, request body, response headers, response body.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    ends: [usize; 5],
    /// Whether the response headers are the standard ones, of which only the values are kept.
    is_standard: bool,
}

impl JournalRow {
    /// Returns the approximate size in bytes, without entities, which the store may share.
    fn size(&self) -> usize {
        size_of::<JournalRow>() + self.parts.ends[4]
    }
}

impl Ring {
    /// Adds an entry, and returns its size.
    pub(super) fn push(&mut self, number: u64, record: JournalRecord<'_>, body_limit: usize) -> usize {
        let stored = |body: &[u8]| body.len().min(body_limit);
        let (request_body, response_body) = (stored(record.request_body), stored(record.response_body));
        let full_length = |body: &[u8], stored: usize| (stored < body.len()).then_some(body.len());
        let full_lengths = (full_length(record.request_body, request_body), full_length(record.response_body, response_body));
        let response_headers =
            if record.standard_headers.is_some() { VALUES_SIZE } else { size_of_headers(record.response_headers) };
        let room =
            record.target.len() + size_of_headers(record.request_headers) + request_body + response_headers + response_body;
        let chunk = self.chunk(room);
        let out = &mut chunk.bytes;
        let start = out.len();
        let mut ends = [0; 5];
        out.extend_from_slice(record.target.as_bytes());
        ends[0] = out.len() - start;
        write_headers(record.request_headers, out);
        ends[1] = out.len() - start;
        out.extend_from_slice(&record.request_body[..request_body]);
        ends[2] = out.len() - start;
        match record.standard_headers {
            Some(standard) => write_values(standard, out),
            None => write_headers(record.response_headers, out),
        }
        ends[3] = out.len() - start;
        out.extend_from_slice(&record.response_body[..response_body]);
        ends[4] = out.len() - start;
        chunk.entries += 1;
        let is_rare = record.decided != AnswerCause::default() || full_lengths != FullLengths::default();
        let row = JournalRow {
            number,
            time: record.time,
            method: record.method.clone(),
            status: record.status,
            start,
            parts: Parts { ends, is_standard: record.standard_headers.is_some() },
            changed: record.changed,
            details: is_rare.then(|| Box::new(RareDetails { decided: record.decided, full_lengths })),
        };
        let size = row.size();
        self.bytes += size;
        self.rows.push_back(row);
        size
    }

    /// Returns a chunk with room for more bytes.
    fn chunk(&mut self, room: usize) -> &mut Chunk {
        let has_room = |chunk: &Chunk| chunk.bytes.capacity() - chunk.bytes.len() >= room;
        if !self.chunks.back().is_some_and(has_room) {
            let mut bytes = std::mem::take(&mut self.spare);
            // The first entries of a journal are often the only ones: reserve room for one more.
            bytes.reserve(room.max((self.bytes + 2 * room).min(CHUNK_SIZE)));
            self.chunks.push_back(Chunk { bytes, entries: 0 });
        }
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }

    /// Drops the oldest entry, and returns its size.
    pub(super) fn pop(&mut self) -> usize {
        let Some(row) = self.rows.pop_front() else { return 0 };
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.entries -= 1;
            if chunk.entries == 0 {
                let mut bytes = self.chunks.pop_front().map(|chunk| chunk.bytes).unwrap_or_default();
                // A chunk that grew for one large body is not reused.
                if bytes.capacity() <= CHUNK_SIZE {
                    bytes.clear();
                    self.spare = bytes;
                }
            }
        }
        let size = row.size();
        self.bytes -= size;
        size
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the size of all entries.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of the oldest entry.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.rows.front().map(|row| row.number)
    }

    /// Counts the entries from a number on.
    pub(super) fn count(&self, from: u64) -> usize {
        self.rows.iter().filter(|row| row.number >= from).count()
    }

    /// Copies the entries from a number on.
    pub(super) fn entries(&self, from: u64) -> impl Iterator<Item = JournalEntry> {
        let chunks = self.chunks.iter().flat_map(|chunk| std::iter::repeat_n(&chunk.bytes, chunk.entries));
        let rows = self.rows.iter().zip(chunks).filter(move |(row, _)| row.number >= from);
        rows.map(|(row, bytes)| {
            let details = row.details.as_ref();
            let (decided, full_lengths) =
                details.map(|details| (details.decided.clone(), details.full_lengths)).unwrap_or_default();
            JournalEntry {
                number: row.number,
                time: row.time,
                method: row.method.clone(),
                status: row.status,
                texts: Texts { bytes: bytes[row.start..row.start + row.parts.ends[4]].into(), parts: row.parts, full_lengths },
                decided,
                changed: row.changed.clone(),
            }
        })
    }
}

/// A copy of the texts of an entry.
#[derive(Debug)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    parts: Parts,
    full_lengths: FullLengths,
}

impl Texts {
    /// Returns the full lengths of the two bodies, if truncated.
    pub(super) fn full_lengths(&self) -> FullLengths {
        self.full_lengths
    }

    pub(super) fn target(&self) -> &str {
        // Written from a `str`.
        std::str::from_utf8(self.part(0)).unwrap_or_default()
    }

    pub(super) fn request_headers(&self) -> Vec<(String, String)> {
        read_headers(self.part(1))
    }

    pub(super) fn request_body(&self) -> &[u8] {
        self.part(2)
    }

    pub(super) fn response_headers(&self) -> Vec<(String, String)> {
        if !self.parts.is_standard {
            return read_headers(self.part(3));
        }
        let mut written = Vec::new();
        write_headers(&read_values(self.part(3)), &mut written);
        read_headers(&written)
    }

    pub(super) fn response_body(&self) -> &[u8] {
        self.part(4)
    }

    fn part(&self, index: usize) -> &[u8] {
        let Parts { ends, .. } = &self.parts;
        let begin = if index == 0 { 0 } else { ends[index - 1] };
        &self.bytes[begin..ends[index]]
    }
}

/// Returns how many bytes headers take.
fn size_of_headers(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| 8 + name.as_str().len() + value.len()).sum()
}

/// Writes headers, each as the lengths of its name and its value, and both.
fn write_headers(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        // The HTTP library limits the head of a message to far less than this holds.
        let length = |text: &[u8]| u64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        out.extend_from_slice(&(length(name) << 32 | length(value)).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
}

fn read_headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    while let Some((lengths, rest)) = bytes.split_first_chunk::<8>() {
        let lengths = u64::from_le_bytes(*lengths);
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let Some((name, rest)) = rest.split_at_checked(length(lengths >> 32)) else { break };
        let Some((value, rest)) = rest.split_at_checked(length(lengths & u64::from(u32::MAX))) else { break };
        headers.push((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()));
        bytes = rest;
    }
    headers
}

/// The usual size of the variable values of the standard headers.
const VALUES_SIZE: usize = 280;

/// Writes the variable values of the standard headers, each after its length.
fn write_values(standard: &StandardHeaders, out: &mut Vec<u8>) {
    for value in standard.values() {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    }
}

/// Returns the standard headers with stored values.
fn read_values(mut bytes: &[u8]) -> HeaderMap {
    let mut next = || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX))?;
        bytes = rest;
        HeaderValue::from_bytes(value).ok()
    };
    let mut values = || Some([next()?, next()?, next()?, next()?, next()?]);
    values().map(|values| StandardHeaders::from_values(values).into_map()).unwrap_or_default()
}
