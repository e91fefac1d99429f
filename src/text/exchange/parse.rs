//! Reads a text part by part: request lines, status lines, headers and bodies.

use bytes::Bytes;
use http::{Method, StatusCode};

use super::cursor::{Cursor, quoted, template_found, trim_start};
use super::entry::{self, Capture, Entry, ExchangePart, Template};
use super::escape::{self, EscapeContext};
use super::{Exchange, ReadError, RecordedRequest, RecordedResponse, body, is_absolute};

/// What one line, or in the case of a body a few of them, stands for.
enum Piece {
    RecordedRequest(Method, Text),
    Status(StatusCode),
    Header(String, Text),
    Captures,
    Capture(Capture),
    Body(body::Templated),
}

/// A text with the places of its templates.
type Text = (String, Vec<(usize, String)>);

/// Reads all exchanges of a text, which holds neither templates nor captures.
pub(super) fn exchanges(text: &str) -> Result<Vec<Exchange>, ReadError> {
    let mut entries = Entries { takes_templates: false, ..Entries::new(Cursor::new(text)) };
    let mut exchanges = Vec::new();
    while let Some((_, entry)) = entries.next()? {
        exchanges.push(entry.exchange);
    }
    Ok(exchanges)
}

/// Reads a text entry by entry.
pub(super) struct Entries<'t> {
    cursor: Cursor<'t>,
    takes_templates: bool,
    /// The entry that is being read, with the line of its request.
    pending: Option<(usize, Entry)>,
    /// What was left of the text where the entry that is being read starts, its comments included, and the line of that.
    start: (&'t str, usize),
}

/// What can follow in the message that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Headers,
    Captures,
    /// The message is complete: a status line or the next request.
    Nothing,
}

impl<'t> Entries<'t> {
    pub(super) fn new(cursor: Cursor<'t>) -> Entries<'t> {
        let start = (cursor.rest, cursor.line);
        Entries { cursor, takes_templates: true, pending: None, start }
    }

    /// Returns what is left of the text from the first entry on that [`next()`](Entries::next) has not returned, and its line.
    pub(super) fn start(&self) -> (&'t str, usize) {
        self.start
    }

    /// Tells whether the text is read to its end: then the last entry might have gone on in a longer text.
    pub(super) fn is_at_end(&self) -> bool {
        self.cursor.rest.is_empty() && self.pending.is_none()
    }

    /// Returns the next entry with the line of its request.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Entry)>, ReadError> {
        let mut expected = Expected::Headers;
        loop {
            let before = (self.cursor.rest, self.cursor.line);
            // Comments count where a request line is the next thing; everywhere else they are dropped.
            let comments = self.cursor.skip_comments();
            if self.cursor.rest.is_empty() {
                return Ok(self.pending.take());
            }
            let line = self.cursor.line;
            let piece = next_piece(&mut self.cursor, expected)?;
            if let Piece::RecordedRequest(method, (target, templates)) = piece {
                self.refuse_templates(line, &templates)?;
                let request = RecordedRequest { method, target, headers: Vec::new(), body: Bytes::new() };
                let mut entry = Entry::plain(Exchange { comments, request, response: None });
                keep(&mut entry, ExchangePart::Target, templates);
                self.start = before;
                if let Some(finished) = self.pending.replace((line, entry)) {
                    return Ok(Some(finished));
                }
                expected = Expected::Headers;
                continue;
            }
            expected = self.add(piece, expected, line)?;
        }
    }

    /// Adds a piece to the entry that is being read.
    fn add(&mut self, piece: Piece, expected: Expected, line: usize) -> Result<Expected, ReadError> {
        let error = |reason: &str| Err(ReadError { line, reason: reason.to_owned() });
        match &piece {
            Piece::Header(_, (_, templates)) | Piece::Body((_, templates)) => self.refuse_templates(line, templates)?,
            Piece::Captures if !self.takes_templates => {
                return error("found the section `[Captures]`, which is not supported; expected a header or a body");
            }
            _ => {}
        }
        let Some((_, entry)) = &mut self.pending else {
            return error("found no request before this line, expected a request line such as `GET {{base}}/v1.0/me`");
        };
        let is_complete = expected == Expected::Nothing;
        match piece {
            // A request line has begun a new entry already.
            Piece::RecordedRequest(..) => {}
            Piece::Status(_) if entry.exchange.response.is_some() => {
                return error("found a second response, expected the next request line");
            }
            Piece::Status(status) => {
                entry.exchange.response = Some(RecordedResponse { status, headers: Vec::new(), body: Bytes::new() });
                return Ok(Expected::Headers);
            }
            Piece::Header(..) if is_complete => {
                return error("found a header after the body, expected `HTTP` and a status, or the next request line");
            }
            Piece::Captures if is_complete || entry.exchange.response.is_none() => {
                return error("found the section `[Captures]`, expected it between the headers and the body of a response");
            }
            Piece::Body(_) if is_complete => {
                return error("found a second body, expected `HTTP` and a status, or the next request line");
            }
            Piece::Captures => return Ok(Expected::Captures),
            Piece::Capture(capture) => {
                entry.captures.push(capture);
                return Ok(Expected::Captures);
            }
            Piece::Header(name, (value, templates)) => {
                let part = if let Some(response) = &mut entry.exchange.response {
                    response.headers.push((name, value));
                    ExchangePart::ResponseHeader(response.headers.len() - 1)
                } else {
                    entry.exchange.request.headers.push((name, value));
                    ExchangePart::RequestHeader(entry.exchange.request.headers.len() - 1)
                };
                keep(entry, part, templates);
            }
            Piece::Body((bytes, templates)) => {
                let part = if let Some(response) = &mut entry.exchange.response {
                    response.body = bytes;
                    ExchangePart::ResponseBody
                } else {
                    entry.exchange.request.body = bytes;
                    ExchangePart::RequestBody
                };
                keep(entry, part, templates);
                return Ok(Expected::Nothing);
            }
        }
        Ok(expected)
    }

    fn refuse_templates(&self, line: usize, templates: &[(usize, String)]) -> Result<(), ReadError> {
        match templates.first() {
            Some((_, name)) if !self.takes_templates => {
                let reason = format!("found the template `{{{{{name}}}}}`, expected plain text: nothing is captured here");
                Err(ReadError { line, reason })
            }
            _ => Ok(()),
        }
    }
}

fn keep(entry: &mut Entry, part: ExchangePart, templates: Vec<(usize, String)>) {
    entry.templates.extend(templates.into_iter().map(|(at, name)| Template { part, at, name }));
}

/// Reads the part that starts at the cursor, which is on the first character of a line that is not blank.
///
/// The start of the line decides which part it is, whatever came before; so a part in the wrong place gets its own message.
fn next_piece(cursor: &mut Cursor<'_>, expected: Expected) -> Result<Piece, ReadError> {
    let line = cursor.rest_of_line();
    // With a template or an address as its second word, a line that starts with a method cannot be anything else.
    if let Some((method, url)) = method_and_url(line)
        && is_method(method)
        && (url.starts_with("{{") || is_absolute(url))
    {
        return read_request_line(method, url, cursor);
    }
    if let Some(section) = section(line) {
        if section == "Captures" {
            cursor.skip("[Captures]".len());
            cursor.end_line("the name of the section")?;
            return Ok(Piece::Captures);
        }
        return Err(cursor.error(format!("found the section `[{section}]`, which is not supported; expected a header or a body")));
    }
    if expected == Expected::Captures && !body::starts(line) && line.contains(':') {
        let (capture, length) = entry::read_capture(line).map_err(|reason| cursor.error(reason))?;
        cursor.skip(length);
        cursor.end_line("the capture")?;
        return Ok(Piece::Capture(capture));
    }
    if let Some(header) = read_header(cursor)? {
        return Ok(header);
    }
    if line.strip_prefix("HTTP").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '/'])) {
        return read_status_line(cursor);
    }
    if body::starts(line) {
        return Ok(Piece::Body(body::read(cursor)?));
    }
    match method_and_url(line) {
        Some((method, url)) if method.bytes().all(|byte| byte.is_ascii_uppercase()) => read_request_line(method, url, cursor),
        _ => Err(cursor.error(format!(
            "found {}, expected a header, a body, `HTTP` and a status, or a request line such as `GET {{{{base}}}}/v1.0/me`",
            quoted(line)
        ))),
    }
}

fn method_and_url(line: &str) -> Option<(&str, &str)> {
    let (method, url) = line.split_once([' ', '\t'])?;
    Some((method, trim_start(url)))
}

/// Tells whether a word is a method. Two characters that HTTP allows in one are left out: they start a comment and a body.
fn is_method(word: &str) -> bool {
    Method::from_bytes(word.as_bytes()).is_ok() && !word.contains(['#', '`'])
}

/// Returns the name of the section, such as `[Asserts]`, that a line starts. All of them begin with a capital, and no JSON does.
fn section(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    let is_name = name.starts_with(|character: char| character.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric);
    is_name.then_some(name)
}

fn read_request_line(method: &str, url: &str, cursor: &mut Cursor<'_>) -> Result<Piece, ReadError> {
    const BASE: &str = "{{base}}";
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return Err(cursor.error(format!("found {}, expected a method", quoted(method))));
    };
    let target = if is_absolute(url) { Some(url) } else { url.strip_prefix(BASE) };
    let Some(target) = target else {
        let reason = if url.starts_with("{{") {
            template_found(url)
        } else {
            format!("found the target {}, expected one that starts with `{BASE}`, or a whole address", quoted(url))
        };
        return Err(cursor.error(reason));
    };
    let start = cursor.rest_of_line().len() - target.len();
    let target = read_value(cursor, start, "the target")?;
    Ok(Piece::RecordedRequest(method, target))
}

fn read_header(cursor: &mut Cursor<'_>) -> Result<Option<Piece>, ReadError> {
    let line = cursor.rest_of_line();
    if line.starts_with('[') {
        return Ok(None);
    }
    let name = escape::decode(line, EscapeContext::Name).map_err(|reason| cursor.error(reason))?;
    let Some(value) = trim_start(&line[name.length..]).strip_prefix(':') else {
        return Ok(None);
    };
    if let Some((at, _)) = name.templates.first() {
        return Err(cursor.error(template_found(&line[*at..])));
    }
    if name.text.is_empty() {
        return Err(cursor.error(format!("found {}, expected the name of a header before the colon", quoted(line))));
    }
    let start = line.len() - trim_start(value).len();
    let value = read_value(cursor, start, "the value of the header")?;
    Ok(Some(Piece::Header(name.text, value)))
}

/// Reads the rest of the line, from `start` on, as a value with an optional comment behind it.
fn read_value(cursor: &mut Cursor<'_>, start: usize, what: &str) -> Result<Text, ReadError> {
    let value = &cursor.rest_of_line()[start..];
    let decoded = escape::decode(value, EscapeContext::Value).map_err(|reason| cursor.error(reason))?;
    cursor.skip(start + decoded.length);
    cursor.end_line(what)?;
    Ok((decoded.text, decoded.templates))
}

fn read_status_line(cursor: &mut Cursor<'_>) -> Result<Piece, ReadError> {
    let line = cursor.rest_of_line();
    let (version, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if !["HTTP", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"].contains(&version) {
        return Err(cursor.error(format!("found the version {}, expected `HTTP`, `HTTP/1.1` or `HTTP/2`", quoted(version))));
    }
    let rest = trim_start(rest);
    let length = rest.find([' ', '\t', '#']).unwrap_or(rest.len());
    let Ok(status) = StatusCode::from_bytes(&rest.as_bytes()[..length]) else {
        return Err(cursor.error(format!("found the status {}, expected a number from 100 to 999", quoted(&rest[..length]))));
    };
    cursor.skip(line.len() - rest.len() + length);
    cursor.end_line("the status")?;
    Ok(Piece::Status(status))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_outside_the_subset_is_named_with_its_line() {
        for (text, line, found) in [
            ("GET {{base}}/\n[Options]\nretry: 3", 2, "found the section `[Options]`, which is not supported"),
            ("GET {{base}}/\n\nHTTP 200\n\n[Asserts]", 5, "found the section `[Asserts]`, which is not supported"),
            ("GET /v1.0/me", 1, "found the target `/v1.0/me`, expected one that starts with `{{base}}`, or a whole address"),
            ("GET {{host}}/a", 1, "found the template `{{host}}`"),
            ("GET {{base}}/{{id}}", 1, "found the template `{{id}}`"),
            ("GET {{base}}/\nAuthorization: Bearer {{token}}", 2, "found the template `{{token}}`"),
            ("GET {{base}}/\n\nHTTP *", 3, "found the status `*`"),
            ("GET {{base}}/\n\nHTTP", 3, "found the status ``"),
            ("GET {{base}}/\n\nHTTP/1.2 200", 3, "found the version `HTTP/1.2`"),
            ("GET {{base}}/\n\nHTTP 200 OK", 3, "found `OK` after the status"),
            ("GET {{base}}/\n\nHTTP 200\n\nHTTP 200", 5, "found a second response"),
            ("GET {{base}}/\n{}\n\n{}", 4, "found a second body"),
            ("GET {{base}}/\n{}\nA: b", 3, "found a header after the body"),
            ("GET {{base}}/\n: b", 2, "found `: b`, expected the name of a header"),
            ("GET {{base}}/\na\\q: b", 2, "found the escape `\\q`"),
            ("GET {{base}}/\nA: b\tc", 2, "found `c` after the value of the header"),
            ("GET {{base}}/\nwhat is this", 2, "found `what is this`, expected a header"),
            ("GET {{base}}/\nGET", 2, "found `GET`, expected a header"),
            ("Accept: a\nGET {{base}}/", 1, "found no request before this line"),
            ("HTTP 200", 1, "found no request before this line"),
            ("{}", 1, "found no request before this line"),
        ] {
            let error = exchanges(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.starts_with(found), "{text}: {error}");
        }
    }

    #[test]
    fn only_comments_right_before_a_request_line_are_kept() {
        let text = "# a\n\n# b\nGET {{base}}/ # c\n# d\nA: b\n# e\n{}\n# f\nHTTP 200\n# g\n\n# h\nGET {{base}}/\n# i\n";
        let exchanges = exchanges(text).unwrap();
        assert_eq!(exchanges[0].comments, ["a", "b"]);
        assert_eq!(exchanges[1].comments, ["g", "h"]);
    }

    #[test]
    fn lines_that_look_like_several_parts_are_told_apart() {
        let text = "null {{base}}/\nHTTP: 1\nhex: 2\nGET : 3\n[1]\n\nHTTP 200\nbase64,AA==;\n\nGET {{base}}/a: b\nfalse\n";
        let exchanges = exchanges(text).unwrap();
        assert_eq!(exchanges[0].request.method, "null");
        assert_eq!(exchanges[0].request.headers.len(), 3);
        assert_eq!(exchanges[0].request.body, "[1]");
        assert_eq!(exchanges[1].request.target, "/a: b");
        assert_eq!(exchanges[1].request.body, "false");
    }

    #[test]
    fn long_texts_are_read_in_linear_time() {
        // With quadratic time, this test would take minutes.
        let many = "GET {{base}}/a\nA: b\n\nHTTP 200\n".repeat(10_000);
        assert_eq!(exchanges(&many).unwrap().len(), 10_000);
        for long in ["a", "{", "`", "#", "\\#", "[{\"a\":", "{{", "hex,", " ", "\n"] {
            let _ = exchanges(&format!("GET {{{{base}}}}/\n{}", long.repeat(100_000)));
            let _ = exchanges(&format!("GET {{{{base}}}}/{}", long.repeat(100_000)));
        }
    }

    proptest! {
        #[test]
        fn any_text_may_be_read(text in any::<String>()) {
            let _ = exchanges(&text);
        }

        #[test]
        fn any_mix_of_pieces_may_be_read(pieces in proptest::collection::vec(piece(), 0..12)) {
            let _ = exchanges(&pieces.concat());
        }

        #[test]
        fn a_text_with_a_mistake_may_be_read(
            exchange in super::super::tests::exchange(),
            position in any::<proptest::sample::Index>(),
            length in 0_usize..4,
            mistake in prop_oneof![any::<String>(), piece().prop_map(str::to_owned)],
        ) {
            let mut characters: Vec<char> = exchange.to_string().chars().collect();
            let start = position.index(characters.len());
            let end = characters.len().min(start + length);
            characters.splice(start..end, mistake.chars());
            let text: String = characters.into_iter().collect();
            if let Err(error) = exchanges(&text) {
                prop_assert!(error.line <= text.split('\n').count());
                prop_assert!(error.reason.contains("found") && error.reason.contains("expected"), "{}", error);
            }
        }
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "GET",
            " ",
            "{{base}}",
            "/a",
            "\n",
            "\r\n",
            "\t",
            "A: b",
            ":",
            "HTTP",
            "/1.1",
            " 200",
            "{",
            "}",
            "[",
            "]",
            "\"",
            "\\",
            "u{",
            "20",
            "`",
            "```",
            "base64,",
            "hex,",
            ";",
            "#",
            "{{",
            "}}",
            "[Asserts]",
            "\u{e9}",
            "null",
            "1",
            ",",
            "file,",
            "<a>",
        ])
    }
}
