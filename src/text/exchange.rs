//! HTTP exchanges as values, and as text that people and Hurl can read.
//!
//! One text serves as snapshot, as test input, as dump of the journal and as recording. It is a small subset of the [Hurl
//! format](https://hurl.dev/docs/hurl-file.html), so that anybody can send the requests of such a file to the emulator or to the
//! real service with Hurl itself. The subset, and what Hurl does differently, is written down in `docs/exchange-format.md`.
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
//! What [`write()`] prints, [`read()`] turns into the same values, with one exception that is wanted: JSON bodies are laid out
//! anew, one member per line, because a change to one member shall be a change to one line of a snapshot. Member order,
//! repeated members, number literals and string escapes stay as they were.
//!
//! # Implementation rationale
//!
//! The rejected alternative is the `hurl_core` crate, which parses all of Hurl: it needs libxml2 at build time, and the values
//! that it yields keep templates and source positions that nothing here has a use for.

mod body;
mod cursor;
mod entry;
mod escape;
#[cfg(test)]
mod grammar;
pub mod har;
mod json;
mod parse;
mod print;
mod stream;

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};

pub use entry::{Capture, CaptureQuery, Entry, ExchangePart, Resolver, Template};
pub use stream::{EntryReader, StreamError};

/// One request with, where known, its response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The comment lines before the request line, each without its `# `; the first one usually names the exchange.
    pub comments: Vec<String>,
    /// What the client sent.
    pub request: RecordedRequest,
    /// What the service answered, if that is known.
    pub response: Option<RecordedResponse>,
}

/// The request of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method; Hurl itself only reads methods made of uppercase letters.
    pub method: Method,
    /// What follows `{{base}}`: path and query, such as `/v1.0/teamwork?x=1`. A request that goes elsewhere has its whole address.
    pub target: String,
    /// Names and values in the order and with the spelling in which they were sent.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body; empty if there is none.
    pub body: Bytes,
}

/// The response of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedResponse {
    /// The status code.
    pub status: StatusCode,
    /// Names and values in the order and with the spelling in which they were sent.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body; empty if there is none.
    pub body: Bytes,
}

/// Describes why a text is not a list of exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line at fault; the first line of a text has number one.
    pub line: usize,
    /// What was found there and what was expected instead.
    pub reason: String,
}

/// Reads a text with any number of exchanges.
///
/// # Errors
///
/// Fails on anything outside the subset of Hurl that `docs/exchange-format.md` defines; the error names the first line at
/// fault and, for a feature of Hurl that is not supported, the feature.
///
/// # Examples
///
/// ```
/// let exchanges = wfi_emulator::text::exchange::read("GET {{base}}/v1.0/me\n\nHTTP 404\n")?;
/// assert_eq!(exchanges[0].request.target, "/v1.0/me");
/// # Ok::<(), wfi_emulator::text::exchange::ReadError>(())
/// ```
pub fn read(text: &str) -> Result<Vec<Exchange>, ReadError> {
    parse::exchanges(text)
}

/// Prints exchanges one after the other, with a blank line between two of them.
///
/// [`read()`] takes every text that this function prints, as long as no header has an empty name and no method contains `#` or a
/// backtick. HTTP allows the latter two, but Hurl has no way to write them.
pub fn write(exchanges: &[Exchange]) -> String {
    let entries: Vec<String> = exchanges.iter().map(Exchange::to_string).collect();
    entries.join("\n")
}

/// Reads a text with any number of entries: exchanges with templates and captures.
///
/// # Errors
///
/// Fails as [`read()`] does, but for templates and captures.
pub fn read_entries(text: &str) -> Result<Vec<Entry>, ReadError> {
    let mut entries = parse::Entries::new(cursor::Cursor::new(text));
    let mut found = Vec::new();
    while let Some((_, entry)) = entries.next()? {
        found.push(entry);
    }
    Ok(found)
}

/// Prints entries one after the other, as [`write()`] prints exchanges.
pub fn write_entries(entries: &[Entry]) -> String {
    let entries: Vec<String> = entries.iter().map(Entry::to_string).collect();
    entries.join("\n")
}

/// Lays JSON out as the bodies of exchanges are; returns nothing for what is no JSON that Hurl would take.
pub fn lay_out(text: &str) -> Option<String> {
    json::lay_out(text)
}

impl RecordedRequest {
    /// Returns the first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl RecordedResponse {
    /// Returns the first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(value)
}

impl fmt::Display for Exchange {
    /// Prints one entry, which ends with one line break.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::exchange(self, formatter)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for ReadError {}

/// Tells whether a header belongs to the connection or to the framing of a message, not to the message.
pub fn is_of_connection(name: &HeaderName) -> bool {
    const NAMES: [&str; 11] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
        "host",
        "http2-settings",
    ];
    NAMES.contains(&name.as_str())
}

/// Tells whether a target is a whole address, which goes elsewhere than the other requests of a file.
pub fn is_absolute(target: &str) -> bool {
    target.starts_with("http://") || target.starts_with("https://")
}

/// Returns headers without those of the connection.
pub fn without_connection(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_of_message = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| !is_of_connection(&name));
    headers.into_iter().filter(|(name, _)| is_of_message(name)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const UPDATE: &str = r#"# update: changes one property and keeps the others
#
# The service answers with the entity.
PATCH {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1?$select=a,b
Content-Type: application/json
Authorization: Bearer a\\b\#c
{
  "displayName": "x"
}

HTTP 200
content-type: application/json;odata.metadata=minimal
x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Sweden Central","Slice":"E","Ring":"5"}}
empty:
{
  "a": [
    1.0,
    {}
  ]
}

DELETE {{base}}/v1.0/teamwork/workforceIntegrations/WFI_1

HTTP 204

# without a response
POST {{base}}/token
content-type: application/x-www-form-urlencoded
`grant_type=client_credentials&scope=.default`
"#;

    fn request(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request =
            RecordedRequest { method: Method::POST, target: target.to_owned(), headers, body: Bytes::copy_from_slice(body) };
        Exchange { comments: Vec::new(), request, response: None }
    }

    #[test]
    fn a_text_is_read_into_its_parts() {
        let exchanges = read(UPDATE).unwrap();
        assert_eq!(exchanges.len(), 3);
        let [update, delete, token] = &exchanges[..] else { unreachable!("there are three of them") };
        assert_eq!(update.comments[1], "");
        assert_eq!(update.comments[2], "The service answers with the entity.");
        assert_eq!(update.request.method, Method::PATCH);
        assert_eq!(update.request.target, "/v1.0/teamwork/workforceIntegrations/WFI_1?$select=a,b");
        assert_eq!(update.request.header("authorization"), Some(r"Bearer a\b#c"));
        assert_eq!(update.request.body, "{\n  \"displayName\": \"x\"\n}");
        let response = update.response.as_ref().unwrap();
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.header("Empty"), Some(""));
        assert_eq!(response.header("missing"), None);
        assert_eq!(delete.response.as_ref().unwrap().body, "");
        assert_eq!(token.response, None);
    }

    #[test]
    fn a_text_in_printed_form_is_printed_again_as_it_was() {
        assert_eq!(write(&read(UPDATE).unwrap()), UPDATE);
    }

    #[test]
    fn the_examples_of_the_documentation_are_exchanges_in_printed_form() {
        let page = include_str!("../../docs/exchange-format.md");
        let examples: Vec<&str> = page.split("~~~hurl\n").skip(1).filter_map(|rest| rest.split("~~~").next()).collect();
        assert_eq!(examples.len(), 4);
        for example in examples {
            assert_eq!(write_entries(&read_entries(example).unwrap()), example);
        }
    }

    #[test]
    fn line_ends_blank_lines_comments_and_versions_may_vary() {
        let varied = "\u{feff}\r\n# one\r\n\r\n  #two\r\n\tGET   {{base}}/a  # three\r\n# four\r\n\r\nAccept :  b \r\n\
                      # five\r\n\r\n\r\nHTTP/1.1  200 # six\r\n# seven\r\n\
                      {\"a\": 1} # eight\r\n# nine\r\nGET {{base}}/b\r\n\r\nHTTP/2 404";
        let plain = "# one\n# two\nGET {{base}}/a\nAccept: b\n\nHTTP 200\n{\"a\": 1}\n\n# nine\nGET {{base}}/b\n\nHTTP 404\n";
        assert_eq!(read(varied), read(plain));
    }

    #[test]
    fn no_exchange_is_no_text() {
        assert_eq!(write(&[]), "");
        assert_eq!(read(""), Ok(Vec::new()));
        assert_eq!(read("\n# only a comment\n"), Ok(Vec::new()));
    }

    #[test]
    fn line_breaks_in_a_comment_make_several_comments() {
        let mut exchange = request("/", &[], b"");
        exchange.comments = vec!["one\r\n\ntwo".to_owned()];
        assert_eq!(exchange.to_string(), "# one\n#\n# two\nPOST {{base}}/\n");
    }

    #[test]
    fn odd_characters_in_targets_names_and_values_are_escaped() {
        let exchange = request("/a#b {{c}} ", &[("[n`", " v\t{{{"), ("HTTP", "{{base}}")], b"");
        let text = "POST {{base}}/a\\#b {\\u{7b}c}}\\u{20}\n\\u{5b}n\\u{60}: \\u{20}v\\t{\\u{7b}\\u{7b}\nHTTP: {\\u{7b}base}}\n";
        assert_eq!(exchange.to_string(), text);
        assert_eq!(read(text), Ok(vec![exchange]));
    }

    #[test]
    fn an_error_names_its_line() {
        let error = read("GET {{base}}/\n\n\nHTTP 2000\n").unwrap_err();
        assert_eq!(error.to_string(), "line 4: found the status `2000`, expected a number from 100 to 999");
    }

    fn method() -> impl Strategy<Value = Method> {
        let word = prop_oneof!["[A-Z]{1,5}", "[A-Za-z0-9!$%&'*+.^_|~-]{1,5}", Just("HTTP".to_owned())];
        word.prop_map(|word| Method::from_bytes(word.as_bytes()).unwrap())
    }

    fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
        let name = prop_oneof!["[a-z-]{1,8}", ".{1,4}", "[#:{\\[\\\\`HTP]{1,4}"];
        let value = prop_oneof![r#"["a{} \\#:`\t\r\n]{0,12}"#, ".{0,8}", any::<String>()];
        let content_type = prop_oneof![Just("application/json"), Just("Text/JSON"), Just("text/plain")];
        let content_type = content_type.prop_map(|value| ("Content-Type".to_owned(), value.to_owned()));
        prop_oneof![vec((name, value), 0..3), vec(content_type, 1..2)]
    }

    /// Bodies of every form; those of JSON as a client might write them.
    fn body() -> impl Strategy<Value = Bytes> {
        let text = prop_oneof!["[`a\n]{1,9}", "[{}a#\\\\\r\n\t]{1,9}", ".{0,9}", any::<String>()];
        let json = json::tests::json_text();
        prop_oneof![text.prop_map(Bytes::from), json.prop_map(Bytes::from), vec(any::<u8>(), 0..9).prop_map(Bytes::from)]
    }

    pub(super) fn exchange() -> impl Strategy<Value = Exchange> {
        let comment = prop_oneof!["[# a]{0,6}", "[^\r\n]{0,6}"];
        let target = prop_oneof!["(https?://)?/[a-z/?$=&%]{0,9}", "[/{}#\\\\ \"]{0,9}", any::<String>()];
        let request = (method(), target, headers(), body());
        let response = proptest::option::of((100..1000_u16, headers(), body()));
        (vec(comment, 0..3), request, response).prop_map(|(comments, (method, target, headers, body), response)| {
            let request = RecordedRequest { method, target, headers, body };
            let response = response.map(|(status, headers, body)| {
                let status = StatusCode::from_u16(status).unwrap();
                RecordedResponse { status, headers, body }
            });
            Exchange { comments, request, response }
        })
    }

    /// Entries with templates in any part, and captures.
    pub(super) fn entry() -> impl Strategy<Value = Entry> {
        let name = || "[A-Za-z][A-Za-z0-9_-]{0,4}".prop_filter("the one name that is taken", |name| name != "base");
        let template = (0_u8..5, any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), name());
        let path =
            prop_oneof!["(\\.[a-z@]{1,3}|\\[[0-9]{1,2}\\]|\\['[a-z. \"\\\\]{0,3}'\\]){0,3}"].prop_map(|path| format!("${path}"));
        let query = prop_oneof![path.prop_map(CaptureQuery::JsonPath), any::<String>().prop_map(CaptureQuery::Header)];
        let capture = (name(), query).prop_map(|(name, query)| Capture { name, query });
        (exchange(), vec(template, 0..4), vec(capture, 0..3)).prop_map(|(exchange, wanted, captures)| {
            let mut entry = Entry::plain(exchange);
            for (kind, index, place, name) in wanted {
                let Exchange { request, response, .. } = &entry.exchange;
                let (part, text) = match (kind, response) {
                    (0, _) => (ExchangePart::Target, request.target.as_bytes()),
                    (1, _) if !request.headers.is_empty() => {
                        let index = index.index(request.headers.len());
                        (ExchangePart::RequestHeader(index), request.headers[index].1.as_bytes())
                    }
                    (2, Some(response)) if !response.headers.is_empty() => {
                        let index = index.index(response.headers.len());
                        (ExchangePart::ResponseHeader(index), response.headers[index].1.as_bytes())
                    }
                    (3, Some(response)) => (ExchangePart::ResponseBody, &response.body[..]),
                    _ => (ExchangePart::RequestBody, &request.body[..]),
                };
                // What is no text has no places for templates.
                let Ok(text) = std::str::from_utf8(text) else { continue };
                let mut at = place.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                entry.templates.push(Template { part, at, name });
            }
            if entry.exchange.response.is_some() {
                entry.captures = captures;
            }
            entry
        })
    }

    fn bodies(exchanges: &mut [Exchange]) -> impl Iterator<Item = &mut Bytes> {
        exchanges.iter_mut().flat_map(|exchange| {
            let response = exchange.response.as_mut().map(|response| &mut response.body);
            std::iter::once(&mut exchange.request.body).chain(response)
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_but_for_the_layout_of_json(mut exchanges in vec(exchange(), 0..3)) {
            let text = write(&exchanges);
            let mut again = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(&read(&write(&again)).unwrap(), &again, "\n{}", text);
            for (before, after) in bodies(&mut exchanges).zip(bodies(&mut again)) {
                if before != after {
                    let before_text = std::str::from_utf8(before).unwrap();
                    let laid_out = json::lay_out(before_text);
                    prop_assert_eq!(laid_out.as_deref().map(str::as_bytes), Some(&after[..]));
                    *before = after.clone();
                }
            }
            prop_assert_eq!(again, exchanges, "\n{}", text);
        }

        #[test]
        fn entries_that_are_written_are_read_again(entries in vec(entry(), 0..3)) {
            let text = write_entries(&entries);
            let again = read_entries(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(&write_entries(&again), &text);
            prop_assert_eq!(again.len(), entries.len());
            for (before, after) in entries.iter().zip(&again) {
                prop_assert_eq!(&after.captures, &before.captures);
                prop_assert_eq!(after.templates.len(), before.templates.len(), "\n{}", text);
                let (before, after) = (&before.exchange, &after.exchange);
                prop_assert_eq!((&after.request.target, &after.request.headers), (&before.request.target, &before.request.headers));
            }
        }
    }
}
