//! Reads long texts entry by entry, in memory for a few of them.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};

use super::cursor::Cursor;
use super::parse::Entries;
use super::{Entry, ReadError};

/// How much is read at a time.
const CHUNK: usize = 256 * 1024;

/// How long one entry may be. The largest bodies are of 4 MiB, and JSON grows when it is laid out.
const LONGEST_ENTRY: usize = 64 * 1024 * 1024;

/// Reads entries from a file or another source, and keeps no more of it than the longest entry needs.
#[derive(Debug)]
pub struct EntryReader<R> {
    source: R,
    /// What has been read and not yet taken apart; `line` is the number of its first line.
    buffer: Vec<u8>,
    line: usize,
    is_at_end: bool,
    ready: VecDeque<(usize, Entry)>,
    failed: bool,
}

/// Describes why no further entry can be read.
#[derive(Debug)]
pub enum StreamError {
    /// The text is at fault.
    Text(ReadError),
    /// The source is.
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
    /// Begins to read.
    pub fn new(source: R) -> EntryReader<R> {
        EntryReader { source, buffer: Vec::new(), line: 1, is_at_end: false, ready: VecDeque::new(), failed: false }
    }

    /// Reads on until at least one entry is whole, or the text has ended.
    fn fill(&mut self) -> Result<(), StreamError> {
        let mut wanted = CHUNK;
        while self.ready.is_empty() && !(self.is_at_end && self.buffer.is_empty()) {
            self.read_up_to(wanted)?;
            self.take_apart()?;
            // An entry that is not whole yet is looked at again with twice as much, so that the work stays linear.
            wanted = 2 * self.buffer.len().max(CHUNK);
            if !self.is_at_end && self.ready.is_empty() && self.buffer.len() >= LONGEST_ENTRY {
                let reason = format!(
                    "found an entry of more than {} MiB or one that does not end, expected shorter ones",
                    LONGEST_ENTRY / 1024 / 1024
                );
                return Err(StreamError::Text(ReadError { line: self.line, reason }));
            }
        }
        Ok(())
    }

    fn read_up_to(&mut self, length: usize) -> Result<(), StreamError> {
        let missing = length.saturating_sub(self.buffer.len()) as u64;
        let read = self.source.by_ref().take(missing).read_to_end(&mut self.buffer).map_err(StreamError::Source)?;
        self.is_at_end |= (read as u64) < missing;
        Ok(())
    }

    /// Takes the whole entries out of the buffer.
    fn take_apart(&mut self) -> Result<(), StreamError> {
        // Up to the end of a line, since a line that is cut may look like another one.
        let end = if self.is_at_end {
            Some(self.buffer.len())
        } else {
            self.buffer.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1)
        };
        let Some(end) = end else { return Ok(()) };
        let text = std::str::from_utf8(&self.buffer[..end]).map_err(|error| {
            let line = self.line + self.buffer[..error.valid_up_to()].split(|byte| *byte == b'\n').skip(1).count();
            StreamError::Text(ReadError { line, reason: "found bytes that are not UTF-8, expected text".to_owned() })
        })?;
        let cursor = if self.line == 1 { Cursor::new(text) } else { Cursor::at_line(text, self.line) };
        let mut entries = Entries::new(cursor);
        loop {
            match entries.next() {
                Ok(Some(found)) if self.is_at_end || !entries.is_at_end() => self.ready.push_back(found),
                Ok(_) => break,
                // Behind the end of the buffer the text may go on in a way that makes sense.
                Err(_) if !self.is_at_end => break,
                Err(error) => {
                    if self.ready.is_empty() {
                        return Err(StreamError::Text(error));
                    }
                    // The entries before come first; the next look at what is left finds the error again.
                    break;
                }
            }
        }
        let (rest, line) = entries.start();
        let is_done = self.is_at_end && entries.is_at_end();
        let taken = if is_done { end } else { text.len() - rest.len() };
        self.line = line;
        self.buffer.drain(..taken);
        Ok(())
    }
}

impl<R: Read> Iterator for EntryReader<R> {
    /// An entry, with the line of its request.
    type Item = Result<(usize, Entry), StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.ready.is_empty()
            && let Err(error) = self.fill()
        {
            self.failed = true;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{read_entries, tests::exchange};
    use super::*;

    /// Gives out a few bytes at a time.
    struct Trickle<'t>(&'t [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len()).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn whole(text: &str) -> (Vec<Entry>, Option<String>) {
        let mut entries = Vec::new();
        for entry in EntryReader::new(Trickle(text.as_bytes(), 1000)) {
            match entry {
                Ok((_, entry)) => entries.push(entry),
                Err(error) => return (entries, Some(error.to_string())),
            }
        }
        (entries, None)
    }

    #[test]
    fn entries_at_the_end_of_a_chunk_come_whole() {
        let body = "x".repeat(1000);
        let one = format!("# a\n\n# b\nPOST {{{{base}}}}/a\n```\nGET {{{{no}}}}/{body}\n```\n\nHTTP 200\n{{\n  \"a\": 1\n}}\n\n");
        let text = one.repeat(1200);
        assert!(text.len() > 4 * CHUNK);
        let (entries, error) = whole(&text);
        assert_eq!((entries.len(), error), (1200, None));
        assert_eq!(entries, read_entries(&text).unwrap());
    }

    #[test]
    fn an_entry_longer_than_a_chunk_comes_whole() {
        let text = format!("GET {{{{base}}}}/a\n`{}`\n\nHTTP 200\n\nGET {{{{base}}}}/b\n", "y".repeat(3 * CHUNK));
        let (entries, error) = whole(&text);
        assert_eq!((entries.len(), error), (2, None));
        assert_eq!(entries, read_entries(&text).unwrap());
    }

    #[test]
    fn a_long_text_is_read_in_little_memory() {
        let one = format!("GET {{{{base}}}}/a\n\nHTTP 200\n`{}`\n\n", "z".repeat(10_000));
        let length = 600 * one.len();
        let source = one.as_bytes().iter().copied().cycle().take(length);
        let mut reader = EntryReader::new(Bytes(source));
        let mut count = 0;
        while let Some(entry) = reader.next() {
            entry.unwrap();
            count += 1;
            assert!(reader.buffer.capacity() <= 4 * CHUNK && reader.ready.len() <= 2 * CHUNK / one.len());
        }
        assert_eq!((count, length > 6_000_000), (600, true));
    }

    struct Bytes<I>(I);

    impl<I: Iterator<Item = u8>> Read for Bytes<I> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let mut length = 0;
            for (place, byte) in buffer.iter_mut().zip(&mut self.0) {
                *place = byte;
                length += 1;
            }
            Ok(length)
        }
    }

    #[test]
    fn an_error_names_its_line_behind_what_could_be_read() {
        let good = "GET {{base}}/a\n\nHTTP 200\n\n".repeat(30_000);
        let (entries, error) = whole(&format!("{good}GET {{{{base}}}}/b\nHTTP 2000\n{good}"));
        assert_eq!(entries.len(), 30_000);
        assert_eq!(error.as_deref(), Some("line 120002: found the status `2000`, expected a number from 100 to 999"));
        let (_, error) = whole("GET {{base}}/\u{0}\n\n`");
        assert!(error.unwrap().starts_with("line 3"));
        assert!(
            EntryReader::new(&b"GET {{base}}/a\n\xff"[..])
                .next()
                .unwrap()
                .unwrap_err()
                .to_string()
                .starts_with("line 2: found bytes")
        );
    }

    proptest! {
        #[test]
        fn a_stream_reads_what_a_text_reads(exchanges in proptest::collection::vec(exchange(), 0..4)) {
            let text = super::super::write(&exchanges);
            prop_assert_eq!(whole(&text), (read_entries(&text).unwrap(), None));
        }
    }
}
