//! The entries of a shard in order, bounded.
//!
//! The memory of a new entry was last used a thousand requests ago, and the cache misses cost more than anything else about a journal.
//! So texts are written one after another into large chunks, which processors prefetch, and old texts are not read: a dropped entry is
//! a short row in a queue.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::arrival::Passage;
use super::draft::{BodyForm, Draft, Omissions};
use super::query::JournalQuery;
use super::{AnswerCause, EntityChange, EntrySummary, JournalRecord};
use crate::odata::headers::StandardHeaders;

/// The size of a chunk, unless one entry needs more or all of them need less.
pub(super) const CHUNK_SIZE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ring {
    rows: VecDeque<JournalRow>,
    chunks: VecDeque<Chunk>,
    /// The number of the first chunk: that of chunks removed so far.
    first_chunk: usize,
    /// The buffer of a chunk whose entries were all dropped, for reuse.
    spare: Vec<u8>,
    /// The capacity of all chunks, and the size of what rows refer to.
    bytes: usize,
    /// The number of searches for idle shards before the last use.
    last_use: u64,
}

/// The texts of consecutive entries.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// The number of entries not yet dropped.
    entries: usize,
}

/// A copy of an entry.
#[derive(Debug)]
pub(super) struct JournalEntry {
    pub(super) number: u64,
    pub(super) time: SystemTime,
    pub(super) passage: Passage,
    pub(super) method: Method,
    pub(super) status: Option<StatusCode>,
    pub(super) texts: Texts,
    pub(super) decided: AnswerCause,
    pub(super) changed: Option<EntityChange>,
}

/// An entry without its texts.
#[derive(Debug)]
struct JournalRow {
    number: u64,
    time: SystemTime,
    passage: Passage,
    method: Method,
    status: Option<StatusCode>,
    /// The number of the chunk with the texts.
    chunk: usize,
    /// The start of the texts in their chunk.
    start: usize,
    parts: Parts,
    changed: Option<EntityChange>,
    /// Details that few entries have.
    details: Option<Box<RareDetails>>,
    /// The size of what the row refers to, apart from its texts.
    referred: usize,
}

#[derive(Debug, Default)]
struct RareDetails {
    decided: AnswerCause,
    omissions: Omissions,
    /// The body of the response with the bytes of its buffer, if it was not copied.
    kept_body: Option<(Bytes, usize)>,
}

/// The end of each text, relative to the start: target, request headers, request body, response headers, response body.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    ends: [usize; 5],
    /// Whether the response headers are the standard ones, of which only the values are kept.
    is_standard: bool,
    /// The forms of the request's and the response's body.
    forms: (BodyForm, BodyForm),
}

/// The limits of the buffers of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffers {
    /// Chunks of up to this size.
    Of(usize),
    /// As little as an entry needs, and its own, so that a dropped entry gives back all that it holds.
    Exact,
}

impl Ring {
    /// Adds an entry.
    pub(super) fn push(&mut self, number: u64, passage: Passage, draft: &mut Draft<'_>, size: DraftSize, buffers: Buffers) {
        let DraftSize { texts: room, referred, is_rare } = size;
        let omissions = draft.omissions();
        if buffers == Buffers::Exact && self.rows.len() == self.rows.capacity() {
            // An eighth of the entries, so that growth still takes linear time.
            self.rows.reserve_exact(1 + self.rows.len() / 8);
        }
        let Draft { record, request_body, response_body, standard, kept_body, .. } = draft;
        let (chunk, is_standard) = (self.chunk(room, buffers), standard.is_some());
        let out = &mut chunk.bytes;
        let start = out.len();
        let mut ends = [0; 5];
        out.extend_from_slice(record.target.as_bytes());
        ends[0] = out.len() - start;
        write_headers(record.request_headers, request_body.form, out);
        ends[1] = out.len() - start;
        out.extend_from_slice(&request_body.bytes);
        ends[2] = out.len() - start;
        match standard {
            Some(values) => write_values(*values, out),
            None => write_headers(record.response_headers, response_body.form, out),
        }
        ends[3] = out.len() - start;
        out.extend_from_slice(&response_body.bytes);
        ends[4] = out.len() - start;
        chunk.entries += 1;
        self.bytes += referred;
        self.rows.push_back(JournalRow {
            number,
            time: record.time,
            passage,
            method: record.method.clone(),
            status: record.status,
            chunk: self.first_chunk + self.chunks.len() - 1,
            start,
            parts: Parts { ends, is_standard, forms: (request_body.form, response_body.form) },
            changed: record.changed.take(),
            details: is_rare.then(|| {
                let decided = std::mem::take(&mut record.decided);
                Box::new(RareDetails { decided, omissions, kept_body: kept_body.take() })
            }),
            referred,
        });
    }

    /// Returns a chunk with room for more bytes.
    fn chunk(&mut self, room: usize, buffers: Buffers) -> &mut Chunk {
        let has_room = |chunk: &Chunk| chunk.bytes.capacity() - chunk.bytes.len() >= room;
        if buffers == Buffers::Exact || !self.chunks.back().is_some_and(has_room) {
            let mut bytes = std::mem::take(&mut self.spare);
            let spare = bytes.capacity();
            // The first entries of a journal are often the only ones: reserve room for one more.
            let wanted = match buffers {
                Buffers::Of(size) => room.max((self.bytes + 2 * room).min(size)),
                Buffers::Exact => room,
            };
            if spare < room || buffers == Buffers::Exact {
                bytes = Vec::with_capacity(wanted);
            }
            self.bytes = self.bytes - spare + bytes.capacity();
            self.chunks.push_back(Chunk { bytes, entries: 0 });
        }
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }

    /// Drops the oldest entry.
    pub(super) fn pop(&mut self, buffers: Buffers) {
        let Some(row) = self.rows.pop_front() else { return };
        self.bytes -= row.referred;
        let Some(chunk) = self.chunks.front_mut() else { return };
        chunk.entries -= 1;
        if chunk.entries == 0 {
            let mut bytes = self.chunks.pop_front().map(|chunk| chunk.bytes).unwrap_or_default();
            self.first_chunk += 1;
            // A chunk that grew for one large body is not reused.
            let is_reusable = matches!(buffers, Buffers::Of(size) if bytes.capacity() <= size);
            let freed = if is_reusable { std::mem::take(&mut self.spare) } else { std::mem::take(&mut bytes) };
            self.bytes -= freed.capacity();
            if is_reusable {
                bytes.clear();
                self.spare = bytes;
            }
        }
    }

    /// Gives back the room that queues keep for dropped and for future entries.
    pub(super) fn shrink_queues(&mut self) {
        self.rows.shrink_to_fit();
        self.chunks.shrink_to_fit();
    }

    /// Records a use, with the number of searches for idle shards so far.
    pub(super) fn touch(&mut self, searches: u64) {
        self.last_use = searches;
    }

    /// Returns the number of searches for idle shards before the last use.
    pub(super) fn last_use(&self) -> u64 {
        self.last_use
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the bytes that all entries hold, spare buffers included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.rows.capacity() * size_of::<JournalRow>() + self.chunks.capacity() * size_of::<Chunk>()
    }

    /// Returns the number of the oldest entry.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.rows.front().map(|row| row.number)
    }

    /// Counts the entries from a number on.
    pub(super) fn count(&self, from: u64) -> usize {
        self.rows.iter().filter(|row| row.number >= from).count()
    }

    /// Returns the numbers of the matching entries from a number on.
    pub(super) fn matching(&self, from: u64, query: &JournalQuery) -> impl Iterator<Item = u64> {
        let is_wanted = move |row: &&JournalRow| row.number >= from && query.number.is_none_or(|number| number == row.number);
        let rows = self.rows.iter().filter(is_wanted);
        rows.filter(|row| query.matches(&row.method, row.status, row.time, self.target(row))).map(|row| row.number)
    }

    /// Returns summaries of the entries with numbers in a range, the first `limit` of them. `text_limit` is the length of a target in bytes.
    pub(super) fn summaries(&self, numbers: RangeInclusive<u64>, limit: usize, text_limit: usize) -> Vec<EntrySummary> {
        let first = self.rows.partition_point(|row| row.number < *numbers.start());
        let rows = self.rows.iter().skip(first).take_while(|row| row.number <= *numbers.end()).take(limit);
        let summary = |row: &JournalRow| {
            let target = self.target(row);
            EntrySummary {
                number: row.number,
                time: row.time,
                method: row.method.clone(),
                status: row.status,
                is_cut: target.len() > text_limit,
                // A part of a query may have a part of a secret, which is not recognized.
                target: if target.len() > text_limit {
                    shortened(target.split('?').next().unwrap_or_default(), text_limit)
                } else {
                    target
                }
                .to_owned(),
                micros: row.passage.micros(),
                decided: row.details.as_ref().map(|details| details.decided.clone()).unwrap_or_default(),
                has_changed: row.changed.is_some(),
            }
        };
        rows.map(summary).collect()
    }

    /// Calls a function with the method and the target of each entry from a number on.
    pub(super) fn for_each_target(&self, from: u64, look: &mut impl FnMut(&Method, &str)) {
        let rows = self.rows.iter().filter(|row| row.number >= from);
        rows.for_each(|row| look(&row.method, self.target(row)));
    }

    /// Copies an entry.
    pub(super) fn entry(&self, number: u64) -> Option<JournalEntry> {
        let row = &self.rows[self.rows.binary_search_by_key(&number, |row| row.number).ok()?];
        let texts = self.chunk_of(row).get(row.start..row.start + row.parts.ends[4])?;
        let details = row.details.as_ref();
        let kept = details.and_then(|details| details.kept_body.as_ref()).map_or(&[][..], |(body, _)| body);
        let mut parts = row.parts;
        parts.ends[4] += kept.len();
        let (decided, omissions) = details.map(|details| (details.decided.clone(), details.omissions)).unwrap_or_default();
        Some(JournalEntry {
            number: row.number,
            time: row.time,
            passage: row.passage,
            method: row.method.clone(),
            status: row.status,
            texts: Texts { bytes: [texts, kept].concat().into(), parts, omissions },
            decided,
            changed: row.changed.clone(),
        })
    }

    fn chunk_of(&self, row: &JournalRow) -> &[u8] {
        self.chunks.get(row.chunk - self.first_chunk).map_or(&[], |chunk| &chunk.bytes)
    }

    fn target(&self, row: &JournalRow) -> &str {
        let texts = self.chunk_of(row).get(row.start..row.start + row.parts.ends[0]);
        // Written from a `str`.
        texts.and_then(|target| std::str::from_utf8(target).ok()).unwrap_or_default()
    }

    /// Counts the bytes that all entries hold, one by one.
    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum::<usize>() + self.spare.capacity();
        let referred = |row: &JournalRow| {
            let method = if row.method.as_str().len() > 15 { row.method.as_str().len() } else { 0 };
            let details = row.details.iter().map(|details| {
                let AnswerCause { detail, faults, batch, .. } = &details.decided;
                let texts = [detail, faults, batch].into_iter().flatten().map(|text| text.len());
                size_of::<RareDetails>() + texts.sum::<usize>() + details.kept_body.as_ref().map_or(0, |(_, bytes)| *bytes)
            });
            let entities = row.changed.iter().flat_map(|changed| [&changed.before, &changed.after]).flatten();
            method + details.sum::<usize>() + entities.map(|entity| entity.size()).sum::<usize>()
        };
        let queues = self.rows.capacity() * size_of::<JournalRow>() + self.chunks.capacity() * size_of::<Chunk>();
        chunks + self.rows.iter().map(referred).sum::<usize>() + queues
    }
}

/// Returns the beginning of a text, at most this many bytes.
fn shortened(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// The size of a draft, measured once: it takes a look at every header.
#[derive(Clone, Copy, Debug)]
pub(super) struct DraftSize {
    /// The size of the texts.
    texts: usize,
    /// The size of what the entry refers to, apart from its row and its texts.
    referred: usize,
    is_rare: bool,
}

impl DraftSize {
    pub(super) fn of(draft: &Draft<'_>) -> DraftSize {
        let is_rare = draft.record.decided != AnswerCause::default()
            || draft.omissions() != Omissions::default()
            || draft.kept_body.is_some();
        let referred = draft.referred_size() + if is_rare { size_of::<RareDetails>() } else { 0 };
        DraftSize { texts: text_size(draft), referred, is_rare }
    }

    /// Returns the most bytes that an entry needs, as the first one of a journal does.
    pub(super) fn in_empty_ring(self) -> usize {
        /// The rows and chunks that a queue has room for at first.
        const FIRST: usize = 4;
        FIRST * (size_of::<JournalRow>() + size_of::<Chunk>()) + self.texts + self.referred
    }
}

/// Returns the size of the texts of an entry.
fn text_size(draft: &Draft<'_>) -> usize {
    let JournalRecord { target, request_headers, response_headers, .. } = &draft.record;
    let response_headers = draft.standard.map_or_else(|| size_of_headers(response_headers), size_of_values);
    let bodies = draft.request_body.bytes.len() + draft.response_body.bytes.len();
    target.len() + size_of_headers(request_headers) + response_headers + bodies
}

/// A copy of the texts of an entry.
#[derive(Debug)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    parts: Parts,
    omissions: Omissions,
}

impl Texts {
    /// Returns the parts that are not complete.
    pub(super) fn omissions(&self) -> Omissions {
        self.omissions
    }

    /// Returns the forms of the request's and the response's body.
    pub(super) fn forms(&self) -> (BodyForm, BodyForm) {
        self.parts.forms
    }

    pub(super) fn target(&self) -> &str {
        // Written from a `str`.
        std::str::from_utf8(self.part(0)).unwrap_or_default()
    }

    pub(super) fn request_headers(&self) -> Vec<(String, String)> {
        read_headers(self.part(1))
    }

    /// Returns the headers of the request one after another.
    pub(super) fn each_request_header(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        headers(self.part(1))
    }

    pub(super) fn request_body(&self) -> &[u8] {
        self.part(2)
    }

    /// Returns the headers of the response one after another; of the standard ones, those whose values vary.
    pub(super) fn each_varying_response_header(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let is_standard = self.parts.is_standard;
        let bytes = |is_wanted: bool| if is_wanted { self.part(3) } else { &[] };
        let standard = StandardHeaders::NAMES.iter().zip(values(bytes(is_standard)));
        let standard = standard.map(|(name, value)| (Cow::Borrowed(*name), String::from_utf8_lossy(value)));
        headers(bytes(!is_standard)).chain(standard)
    }

    pub(super) fn response_headers(&self) -> Vec<(String, String)> {
        if !self.parts.is_standard {
            return read_headers(self.part(3));
        }
        let mut written = Vec::new();
        write_headers(&read_values(self.part(3)), BodyForm::Plain, &mut written);
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

/// Writes headers, each as the lengths of its name and its value, and both. The coding of an unpacked body is left out.
fn write_headers(headers: &HeaderMap, body: BodyForm, out: &mut Vec<u8>) {
    for (name, value) in headers {
        if body == BodyForm::Unpacked && *name == header::CONTENT_ENCODING {
            continue;
        }
        // The HTTP library limits the head of a message to far less than this holds.
        let length = |text: &[u8]| u64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        out.extend_from_slice(&(length(name) << 32 | length(value)).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(value);
    }
}

fn read_headers(bytes: &[u8]) -> Vec<(String, String)> {
    headers(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Returns written headers one after another.
fn headers(mut bytes: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    std::iter::from_fn(move || {
        let (lengths, rest) = bytes.split_first_chunk::<8>()?;
        let lengths = u64::from_le_bytes(*lengths);
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (name, rest) = rest.split_at_checked(length(lengths >> 32))?;
        let (value, rest) = rest.split_at_checked(length(lengths & u64::from(u32::MAX)))?;
        bytes = rest;
        Some((String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
    })
}

/// Returns how many bytes the variable values of the standard headers take.
fn size_of_values(standard: [&HeaderValue; 5]) -> usize {
    standard.into_iter().map(|value| 4 + value.len()).sum()
}

/// Writes the variable values of the standard headers, each after its length.
fn write_values(standard: [&HeaderValue; 5], out: &mut Vec<u8>) {
    for value in standard {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    }
}

/// Returns the stored values of the standard headers one after another.
fn values(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX))?;
        bytes = rest;
        Some(value)
    })
}

/// Returns the standard headers with stored values.
fn read_values(bytes: &[u8]) -> HeaderMap {
    let mut stored = values(bytes);
    let mut next = || HeaderValue::from_bytes(stored.next()?).ok();
    let mut values = || Some([next()?, next()?, next()?, next()?, next()?]);
    values().map(|values| StandardHeaders::from_values(values).into_map()).unwrap_or_default()
}
