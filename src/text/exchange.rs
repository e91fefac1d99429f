//! HTTP exchanges as values, and as text that people and Hurl can read.
//!
//! One text form serves as snapshot, test input, journal dump and recording. It is a small subset of the [Hurl
//! format](https://hurl.dev/docs/hurl-file.html), so Hurl itself can send the requests of such a file to the emulator or to the
//! real service. `docs/exchange-format.md` defines the subset and lists the differences from Hurl.
//!
//! ```text
//! # update: changes one property and keeps the others
//! PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1
//! Content-Type: application/json
//! {
//!   "displayName": "x"
//! }
//!
//! HTTP 204
//! ```
//!
//! [`read()`] returns the values that [`write()`] has printed, with one intended exception: JSON bodies are laid out with one member
//! per line, so that a change to one member is a change to one line of a snapshot. Member order, duplicate members, number
//! literals and string escapes are preserved.
//!
//! # Implementation rationale
//!
//! The rejected alternative is the `hurl_core` crate, which parses all of Hurl: it needs libxml2 at build time, and its syntax tree
//! keeps templates and source positions that are of no use here.

mod body;
mod capture;
mod cursor;
mod element;
mod entry;
mod escape;
pub(crate) mod har;
mod headers;
mod layout;
mod message;
mod parse;
mod print;
mod stream;
mod target;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use http::{Method, StatusCode};

pub(crate) use capture::{Capture, CaptureQuery};
pub use entry::Resolver;
pub(crate) use entry::{Entry, ExchangePart, Template};
pub(crate) use headers::{is_of_connection, without_connection};
pub(crate) use parse::SourceKind;
pub(crate) use print::{body_text, header_line};
pub(crate) use stream::{EntryReader, SourceText, StreamError};

/// The beginning of the comment on a body that is not in a recording.
const UNRECORDED_BODY: &str = "response body not recorded: ";

/// Returns the comment on a body that is not in a recording.
fn unrecorded_body(reason: &str) -> String {
    format!("{UNRECORDED_BODY}{reason}")
}

impl Exchange {
    /// Whether the body of the response is not in the recording: an empty one says nothing.
    pub(crate) fn has_unrecorded_body(&self) -> bool {
        self.comments.iter().any(|comment| comment.starts_with(UNRECORDED_BODY))
    }
}

/// Returns the comment on the number and the time of a request in a journal.
pub(crate) fn journal_comment(number: u64, utc: &str) -> String {
    format!("request {number} at {utc}")
}

/// Returns the time in the comments of a request in a journal.
fn journal_time(comments: &[String]) -> Option<&str> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let (number, time) = comments.first()?.strip_prefix("request ")?.split_once(" at ")?;
    let is_like = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let rest = time.get(FORM.len()..)?.strip_suffix('Z')?;
    let is_time = time.bytes().zip(FORM).all(is_like)
        && (rest.is_empty() || rest.strip_prefix('.').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())));
    (is_time && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(time)
}

/// A request and, if known, its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The comment lines before the request line, each without its `# `; the first one usually names the exchange.
    pub comments: Vec<String>,
    /// The request.
    pub request: RecordedRequest,
    /// The response, if known.
    pub response: Option<RecordedResponse>,
}

/// The request of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method; Hurl itself only reads methods made of uppercase letters.
    pub method: Method,
    /// The text after `{{base}}`: path and query, such as `/v1.0/teamwork?x=1`. A request to another service has its whole address.
    pub target: String,
    /// Names and values in the order and spelling of the sender.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body, possibly empty.
    pub body: Bytes,
}

/// The response of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedResponse {
    /// The status code.
    pub status: StatusCode,
    /// Names and values in the order and spelling of the sender.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body, possibly empty.
    pub body: Bytes,
}

/// A syntax error in a text of exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line of the error, from one.
    pub line: usize,
    /// The problem, with the expected syntax.
    pub reason: String,
}

/// Reads a text with any number of exchanges.
///
/// # Errors
///
/// Fails on anything outside the subset of Hurl that `docs/exchange-format.md` defines; the error names the first invalid line
/// and the unsupported feature, if it is one of Hurl.
///
/// # Examples
///
/// ```
/// let exchanges = wfi_emulator::internals::text::exchange::read("GET {{base}}/v1.0/me\n\nHTTP 404\n")?;
/// assert_eq!(exchanges[0].request.target, "/v1.0/me");
/// # Ok::<(), wfi_emulator::internals::text::exchange::ReadError>(())
/// ```
pub fn read(text: &str) -> Result<Vec<Exchange>, ReadError> {
    parse::exchanges(text)
}

/// Prints exchanges one after the other, with a blank line between two of them.
///
/// [`read()`] accepts every text that this function prints, unless a header has an empty name or a method contains `#` or a
/// backtick. HTTP allows the latter two, but Hurl has no syntax for them.
pub fn write(exchanges: &[Exchange]) -> String {
    let texts: Vec<String> = exchanges.iter().map(Exchange::to_string).collect();
    texts.join("\n")
}

/// Reads a text with any number of entries: exchanges with templates and captures.
///
/// # Errors
///
/// Fails as [`read()`] does, except that templates and captures are allowed.
pub fn read_entries(text: &str) -> Result<Vec<Entry>, ReadError> {
    parse::entries(text)
}

/// Prints entries one after the other, as [`write()`] prints exchanges.
pub fn write_entries(entries: &[Entry]) -> String {
    let texts: Vec<String> = entries.iter().map(Entry::to_string).collect();
    texts.join("\n")
}

/// Lays out JSON as in the bodies of exchanges; returns `None` for text that Hurl would not read as JSON.
pub(crate) fn lay_out(text: &str) -> Option<String> {
    layout::lay_out(text)
}

impl RecordedRequest {
    /// Returns the first value of a header; the case of the name is ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first_value(&self.headers, name)
    }
}

impl RecordedResponse {
    /// Returns the first value of a header; the case of the name is ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first_value(&self.headers, name)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ReadError {}
