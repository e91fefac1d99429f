//! The entries of a shard in the order in which they came, bounded.
//!
//! When an entry is written, the memory that it goes to has not been touched for a thousand requests, and waiting for it costs more
//! than anything else about a journal. So texts are written one behind the other into large pieces, which processors fetch ahead, and
//! nothing that is old is looked at: what falls out is a short row in a queue.

use std::collections::VecDeque;
use std::time::SystemTime;

use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::{Decided, EntityChange, JournalEntry, JournalRecord};
use crate::odata::headers::StandardHeaders;

/// How large a piece is, unless one entry needs more or all of them need less.
const PIECE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: VecDeque<JournalRow>,
    pieces: VecDeque<Piece>,
    /// A piece whose entries have all fallen out, for those to come.
    spare: Vec<u8>,
    /// What the entries take together.
    bytes: usize,
}

/// Texts of entries that came one after another.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// How many of the entries are still there.
    entries: usize,
}

/// What is kept of an entry beside its texts.
#[derive(Debug)]
struct JournalRow {
    number: u64,
    time: SystemTime,
    method: Method,
    status: Option<StatusCode>,
    /// Where the texts begin in their piece.
    start: usize,
    parts: Parts,
    changed: Option<EntityChange>,
    /// What few entries have.
    rest: Option<Box<Rest>>,
}

#[derive(Debug)]
struct Rest {
    decided: Decided,
    cut: Cut,
}

/// The lengths of the bodies of request and answer where they are kept only in part.
type Cut = (Option<usize>, Option<usize>);

/// Where each part of the texts ends, counted from where they begin: target, request headers, request body, response headers, response body.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    ends: [usize; 5],
    /// Whether the response headers are the standard ones, of which only the values are kept.
    is_standard: bool,
}

impl JournalRow {
    /// Returns about how many bytes the entry takes, without the entities, which the store may hold too.
    fn size(&self) -> usize {
        size_of::<JournalRow>() + self.parts.ends[4]
    }
}

impl Ring {
    /// Adds an entry, and returns how many bytes it takes.
    pub(super) fn push(&mut self, number: u64, record: JournalRecord<'_>, body_limit: usize) -> usize {
        let kept = |body: &[u8]| body.len().min(body_limit);
        let (request_body, response_body) = (kept(record.request_body), kept(record.response_body));
        let cut = |body: &[u8], kept: usize| (kept < body.len()).then_some(body.len());
        let cut = (cut(record.request_body, request_body), cut(record.response_body, response_body));
        let response_headers = if record.standard_headers.is_some() { ROOM_OF_VALUES } else { room_of(record.response_headers) };
        let room = record.target.len() + room_of(record.request_headers) + request_body + response_headers + response_body;
        let piece = self.piece(room);
        let out = &mut piece.bytes;
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
        piece.entries += 1;
        let is_rare = record.decided != Decided::default() || cut != Cut::default();
        let row = JournalRow {
            number,
            time: record.time,
            method: record.method.clone(),
            status: record.status,
            start,
            parts: Parts { ends, is_standard: record.standard_headers.is_some() },
            changed: record.changed,
            rest: is_rare.then(|| Box::new(Rest { decided: record.decided, cut })),
        };
        let size = row.size();
        self.bytes += size;
        self.rows.push_back(row);
        size
    }

    /// Returns a piece that has room for so many bytes more.
    fn piece(&mut self, room: usize) -> &mut Piece {
        let has_room = |piece: &Piece| piece.bytes.capacity() - piece.bytes.len() >= room;
        if !self.pieces.back().is_some_and(has_room) {
            let mut bytes = std::mem::take(&mut self.spare);
            // The first entries of a journal, which are often the only ones, get no more than room for another one.
            bytes.reserve(room.max((self.bytes + 2 * room).min(PIECE)));
            self.pieces.push_back(Piece { bytes, entries: 0 });
        }
        let last = self.pieces.len() - 1;
        &mut self.pieces[last]
    }

    /// Takes the oldest entry out, and returns how many bytes it took.
    pub(super) fn pop(&mut self) -> usize {
        let Some(row) = self.rows.pop_front() else { return 0 };
        if let Some(piece) = self.pieces.front_mut() {
            piece.entries -= 1;
            if piece.entries == 0 {
                let mut bytes = self.pieces.pop_front().map(|piece| piece.bytes).unwrap_or_default();
                // One that has become larger, for one large body, is not kept for small ones.
                if bytes.capacity() <= PIECE {
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

    /// Returns what the entries take together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of the oldest entry.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.rows.front().map(|row| row.number)
    }

    /// Returns how many entries there are from a number on.
    pub(super) fn count(&self, from: u64) -> usize {
        self.rows.iter().filter(|row| row.number >= from).count()
    }

    /// Copies the entries from a number on.
    pub(super) fn entries(&self, from: u64) -> impl Iterator<Item = JournalEntry> {
        let pieces = self.pieces.iter().flat_map(|piece| std::iter::repeat_n(&piece.bytes, piece.entries));
        let rows = self.rows.iter().zip(pieces).filter(move |(row, _)| row.number >= from);
        rows.map(|(row, bytes)| {
            let (decided, cut) = row.rest.as_ref().map(|rest| (rest.decided.clone(), rest.cut)).unwrap_or_default();
            JournalEntry {
                number: row.number,
                time: row.time,
                method: row.method.clone(),
                status: row.status,
                texts: Texts { bytes: bytes[row.start..row.start + row.parts.ends[4]].into(), parts: row.parts, cut },
                decided,
                changed: row.changed.clone(),
            }
        })
    }
}

/// The texts of an entry that is read.
#[derive(Debug)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    parts: Parts,
    cut: Cut,
}

impl Texts {
    /// Returns the lengths of the two bodies where they are kept only in part.
    pub(super) fn cut(&self) -> Cut {
        self.cut
    }

    pub(super) fn target(&self) -> &str {
        // It was written from text.
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
fn room_of(headers: &HeaderMap) -> usize {
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

/// The usual length of the values of the standard headers, in bytes.
const ROOM_OF_VALUES: usize = 280;

/// Writes the values of the standard headers, each after its length.
fn write_values(standard: &StandardHeaders, out: &mut Vec<u8>) {
    for value in standard.values() {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    }
}

/// Returns the standard headers with the written values.
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
