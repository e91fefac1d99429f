//! The reader of long texts, entry by entry in bounded memory.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};

use super::cursor::Cursor;
use super::parse::{EntryParser, EntrySource, SourceElement};
use super::{Entry, ReadError};
use crate::text::charset::Charset;

/// Bytes per read.
const CHUNK: usize = 256 * 1024;

/// Maximum length of an entry in bytes. The largest bodies have 4 MiB, and the layout of JSON adds to that.
const ENTRY_LIMIT: usize = 64 * 1024 * 1024;

/// Reads entries from a file or another source; holds no more of it in memory than the longest entry requires.
#[derive(Debug)]
pub(crate) struct EntryReader<R> {
    source: R,
    /// The bytes read and not yet parsed.
    buffer: Vec<u8>,
    /// The line number of the start of the buffer.
    line: usize,
    is_at_end: bool,
    ready: VecDeque<SourcedEntry>,
    /// Whether the source of entries is kept.
    keeps_source: bool,
    has_failed: bool,
}

/// An entry, with the line of its request and its source, if that is kept.
type SourcedEntry = (usize, Entry, Option<SourceText>);

/// An entry as it is in its file, with its comments and the lines up to the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceText {
    pub(crate) text: String,
    /// The elements of the response, by their positions in the text.
    pub(crate) elements: Vec<SourceElement>,
}

impl SourceText {
    /// Returns the source of an entry in a text.
    fn of(text: &str, source: EntrySource, is_first: bool) -> SourceText {
        // A byte order mark is in front of the first one.
        let start = if is_first { 0 } else { text.len() - source.start };
        let in_entry = |from_end: usize| text.len() - from_end - start;
        let elements = source.elements.into_iter();
        SourceText {
            text: text[start..text.len() - source.end].to_owned(),
            elements: elements
                .map(|element| SourceElement { start: in_entry(element.start), end: in_entry(element.end), ..element })
                .collect(),
        }
    }
}

/// The end of reading before the end of the text.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// A syntax error in the text.
    Text(ReadError),
    /// An error of the source.
    Source(io::Error),
}

impl fmt::Display for StreamError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Text(error) => error.fmt(formatter),
            StreamError::Source(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for StreamError {}

impl<R: Read> EntryReader<R> {
    /// Creates a reader at the start of a text.
    pub(crate) fn new(source: R) -> EntryReader<R> {
        EntryReader {
            source,
            buffer: Vec::new(),
            line: 1,
            is_at_end: false,
            ready: VecDeque::new(),
            keeps_source: false,
            has_failed: false,
        }
    }

    /// Returns the same reader, which keeps the source of entries.
    pub(crate) fn with_source(self) -> EntryReader<R> {
        EntryReader { keeps_source: true, ..self }
    }

    /// Reads the next entry, with the line of its request and its source, if that is kept.
    pub(crate) fn next_entry(&mut self) -> Option<Result<SourcedEntry, StreamError>> {
        if self.has_failed {
            return None;
        }
        if self.ready.is_empty()
            && let Err(error) = self.fill()
        {
            self.has_failed = true;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }

    /// Reads until at least one entry is complete, or the text has ended.
    fn fill(&mut self) -> Result<(), StreamError> {
        let mut wanted = CHUNK;
        while self.ready.is_empty() && !(self.is_at_end && self.buffer.is_empty()) {
            self.read_up_to(wanted)?;
            self.parse_buffer()?;
            // An incomplete entry is parsed again with twice as many bytes, so the total time is linear.
            wanted = 2 * self.buffer.len().max(CHUNK);
            if !self.is_at_end && self.ready.is_empty() && self.buffer.len() >= ENTRY_LIMIT {
                let reason = format!("entry too long or unterminated, expected at most {} MiB", ENTRY_LIMIT / 1024 / 1024);
                return Err(StreamError::Text(ReadError { line: self.line, reason }));
            }
        }
        Ok(())
    }

    fn read_up_to(&mut self, length: usize) -> Result<(), StreamError> {
        let missing = length.saturating_sub(self.buffer.len()) as u64;
        let read = self.source.by_ref().take(missing).read_to_end(&mut self.buffer).map_err(StreamError::Source)?;
        self.is_at_end |= (read as u64) < missing;
        if self.line == 1
            && let Some((charset, _)) = Charset::of_mark(&self.buffer)
            && charset != Charset::Utf8
        {
            let reason = format!("{}; save the file as UTF-8", charset.name());
            return Err(StreamError::Text(ReadError { line: 1, reason }));
        }
        Ok(())
    }

    /// Moves the complete entries out of the buffer.
    fn parse_buffer(&mut self) -> Result<(), StreamError> {
        // Up to the end of a line, since a part of a line may have another meaning.
        let end = if self.is_at_end {
            Some(self.buffer.len())
        } else {
            self.buffer.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1)
        };
        let Some(end) = end else { return Ok(()) };
        let text = std::str::from_utf8(&self.buffer[..end]).map_err(|error| {
            let line = self.line + self.buffer[..error.valid_up_to()].split(|byte| *byte == b'\n').skip(1).count();
            StreamError::Text(ReadError { line, reason: "invalid UTF-8, expected text".to_owned() })
        })?;
        let cursor = if self.line == 1 { Cursor::new(text) } else { Cursor::at_line(text, self.line) };
        let mut parser = EntryParser::new(cursor);
        let mut is_first = self.line == 1;
        loop {
            match parser.next() {
                Ok(Some((line, entry))) if self.is_at_end || !parser.is_at_end() => {
                    let source = parser.take_source().filter(|_| self.keeps_source);
                    let source = source.map(|source| SourceText::of(text, source, is_first));
                    is_first = false;
                    self.ready.push_back((line, entry, source));
                }
                Ok(_) => break,
                // The text after the end of the buffer may make this valid.
                Err(_) if !self.is_at_end => break,
                Err(error) => {
                    if self.ready.is_empty() {
                        return Err(StreamError::Text(error));
                    }
                    // The entries before it come first; parsing the rest reports the error again.
                    break;
                }
            }
        }
        let (rest, line) = parser.start();
        let is_complete = self.is_at_end && parser.is_at_end();
        let consumed = if is_complete { end } else { text.len() - rest.len() };
        self.line = line;
        self.buffer.drain(..consumed);
        Ok(())
    }
}

impl<R: Read> Iterator for EntryReader<R> {
    /// An entry, with the line of its request.
    type Item = Result<(usize, Entry), StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_entry()?.map(|(line, entry, _)| (line, entry)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::exchange::tests::generators::exchange;
    use crate::text::exchange::{read_entries, write};

    /// Returns a few bytes per read.
    struct SlowSource<'t>(&'t [u8], usize);

    impl Read for SlowSource<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len()).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn read_slowly(text: &str) -> (Vec<Entry>, Option<String>) {
        let mut entries = Vec::new();
        for entry in EntryReader::new(SlowSource(text.as_bytes(), 1000)) {
            match entry {
                Ok((_, entry)) => entries.push(entry),
                Err(error) => return (entries, Some(error.to_string())),
            }
        }
        (entries, None)
    }

    #[test]
    fn entries_across_chunks_are_read() {
        let body = "x".repeat(1000);
        let one = format!("# a\n\n# b\nPOST {{{{base}}}}/a\n```\nGET {{{{no}}}}/{body}\n```\n\nHTTP 200\n{{\n  \"a\": 1\n}}\n\n");
        let text = one.repeat(1200);
        assert!(text.len() > 4 * CHUNK);
        let (entries, error) = read_slowly(&text);
        assert_eq!((entries.len(), error), (1200, None));
        assert_eq!(entries, read_entries(&text).unwrap());
    }

    #[test]
    fn an_entry_longer_than_a_chunk_is_read() {
        let text = format!("GET {{{{base}}}}/a\n`{}`\n\nHTTP 200\n\nGET {{{{base}}}}/b\n", "y".repeat(3 * CHUNK));
        let (entries, error) = read_slowly(&text);
        assert_eq!((entries.len(), error), (2, None));
        assert_eq!(entries, read_entries(&text).unwrap());
    }

    #[test]
    fn a_long_text_is_read_in_little_memory() {
        let one = format!("GET {{{{base}}}}/a\n\nHTTP 200\n`{}`\n\n", "z".repeat(10_000));
        let length = 600 * one.len();
        let source = one.as_bytes().iter().copied().cycle().take(length);
        let mut reader = EntryReader::new(ByteSource(source));
        let mut count = 0;
        while let Some(entry) = reader.next() {
            entry.unwrap();
            count += 1;
            assert!(reader.buffer.capacity() <= 4 * CHUNK && reader.ready.len() <= 2 * CHUNK / one.len());
        }
        assert_eq!((count, length > 6_000_000), (600, true));
    }

    struct ByteSource<I>(I);

    impl<I: Iterator<Item = u8>> Read for ByteSource<I> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut length = 0;
            for (slot, byte) in buffer.iter_mut().zip(&mut self.0) {
                *slot = byte;
                length += 1;
            }
            Ok(length)
        }
    }

    #[test]
    fn an_error_with_its_line_follows_the_entries_before_it() {
        let good = "GET {{base}}/a\n\nHTTP 200\n\n".repeat(30_000);
        let (entries, error) = read_slowly(&format!("{good}GET {{{{base}}}}/b\nHTTP 2000\n{good}"));
        assert_eq!(entries.len(), 30_000);
        assert_eq!(error.as_deref(), Some("line 120002: invalid status `2000`, expected a number from 100 to 999"));
        let (_, error) = read_slowly("GET {{base}}/\u{0}\n\n`");
        assert!(error.unwrap().starts_with("line 3"));
        assert!(
            EntryReader::new(&b"GET {{base}}/a\n\xff"[..])
                .next()
                .unwrap()
                .unwrap_err()
                .to_string()
                .starts_with("line 2: invalid UTF-8")
        );
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn a_stream_and_a_text_have_the_same_entries(exchanges in proptest::collection::vec(exchange(), 0..4)) {
            let text = write(&exchanges);
            prop_assert_eq!(read_slowly(&text), (read_entries(&text).unwrap(), None));
        }
    }
}
