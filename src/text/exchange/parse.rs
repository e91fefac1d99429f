//! The reader of exchanges and entries: combines syntax elements into entries.

use bytes::Bytes;

use super::cursor::Cursor;
use super::element::{self, SyntaxElement};
use super::entry::{Entry, ExchangePart, Template};
use super::escape::TemplatePositions;
use super::{Exchange, ReadError, RecordedRequest, RecordedResponse};

/// Reads all exchanges of a text without templates and captures.
pub(super) fn exchanges(text: &str) -> Result<Vec<Exchange>, ReadError> {
    let mut parser = EntryParser { allows_templates: false, ..EntryParser::new(Cursor::new(text)) };
    let mut exchanges = Vec::new();
    while let Some((_, entry)) = parser.next()? {
        exchanges.push(entry.exchange);
    }
    Ok(exchanges)
}

/// Reads all entries of a text.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, ReadError> {
    let mut parser = EntryParser::new(Cursor::new(text));
    let mut entries = Vec::new();
    while let Some((_, entry)) = parser.next()? {
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads a text entry by entry.
pub(super) struct EntryParser<'t> {
    cursor: Cursor<'t>,
    allows_templates: bool,
    /// The incomplete entry, with the line of its request.
    pending: Option<(usize, Entry)>,
    /// The rest of the text from the incomplete entry on, its comments included, and the line number of that.
    start: (&'t str, usize),
    /// The elements of the response of the incomplete entry.
    elements: Vec<SourceElement>,
    /// The source of the entry that was returned last.
    source: Option<EntrySource>,
}

/// The source of an entry. All positions are counted from the end of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct EntrySource {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) elements: Vec<SourceElement>,
}

/// An element of a response in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceElement {
    pub(crate) kind: SourceKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The kind of an element of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Status,
    Header,
    Captures,
    Body,
}

/// The reader's position in a message, which determines the elements that may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MessagePosition {
    Headers,
    Captures,
    /// After the body: only a status line or the next request line may follow.
    End,
}

impl<'t> EntryParser<'t> {
    pub(super) fn new(cursor: Cursor<'t>) -> EntryParser<'t> {
        let start = (cursor.rest, cursor.line);
        EntryParser { cursor, allows_templates: true, pending: None, start, elements: Vec::new(), source: None }
    }

    /// Returns the source of the entry that [`next()`](EntryParser::next) has returned last.
    pub(super) fn take_source(&mut self) -> Option<EntrySource> {
        self.source.take()
    }

    /// Keeps the source of the entry that ends at a position.
    fn keep_source(&mut self, end: usize) {
        self.source = Some(EntrySource { start: self.start.0.len(), end, elements: std::mem::take(&mut self.elements) });
    }

    /// Returns the rest of the text from the first entry on that [`next()`](EntryParser::next) has not returned, and its line.
    pub(super) fn start(&self) -> (&'t str, usize) {
        self.start
    }

    /// Returns whether the text is read to its end, so that its last entry might continue in a longer text.
    pub(super) fn is_at_end(&self) -> bool {
        self.cursor.rest.is_empty() && self.pending.is_none()
    }

    /// Returns the next entry with the line of its request.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Entry)>, ReadError> {
        let mut position = MessagePosition::Headers;
        loop {
            let before = (self.cursor.rest, self.cursor.line);
            // Comments belong to a request line that follows; all others are dropped.
            let comments = self.cursor.skip_comments();
            if self.cursor.rest.is_empty() {
                self.keep_source(0);
                return Ok(self.pending.take());
            }
            let (line, element_start) = (self.cursor.line, self.cursor.rest.len());
            let element = element::read(&mut self.cursor, position == MessagePosition::Captures)?;
            if let SyntaxElement::RequestLine(method, (target, templates)) = element {
                self.check_templates(line, &templates)?;
                let request = RecordedRequest { method, target, headers: Vec::new(), body: Bytes::new() };
                let mut entry = Entry::plain(Exchange { comments, request, response: None });
                add_templates(&mut entry, ExchangePart::Target, templates);
                self.keep_source(before.0.len());
                self.start = before;
                if let Some(complete) = self.pending.replace((line, entry)) {
                    return Ok(Some(complete));
                }
                position = MessagePosition::Headers;
                continue;
            }
            let kind = match &element {
                SyntaxElement::StatusLine(_) => Some(SourceKind::Status),
                SyntaxElement::Header(..) => Some(SourceKind::Header),
                SyntaxElement::Captures | SyntaxElement::Capture(_) => Some(SourceKind::Captures),
                SyntaxElement::Body(_) => Some(SourceKind::Body),
                SyntaxElement::RequestLine(..) => None,
            };
            position = self.add(element, position, line)?;
            let is_of_response = self.pending.as_ref().is_some_and(|(_, entry)| entry.exchange.response.is_some());
            if let Some(kind) = kind.filter(|_| is_of_response) {
                self.elements.push(SourceElement { kind, start: element_start, end: self.cursor.rest.len() });
            }
        }
    }

    /// Adds an element to the incomplete entry.
    fn add(&mut self, element: SyntaxElement, position: MessagePosition, line: usize) -> Result<MessagePosition, ReadError> {
        let error = |reason: &str| Err(ReadError { line, reason: reason.to_owned() });
        match &element {
            SyntaxElement::Header(_, (_, templates)) | SyntaxElement::Body((_, templates)) => {
                self.check_templates(line, templates)?;
            }
            SyntaxElement::Captures if !self.allows_templates => {
                return error("unsupported section `[Captures]`, expected a header or a body");
            }
            _ => {}
        }
        let Some((_, entry)) = &mut self.pending else {
            return error("missing request line, expected one such as `GET {{base}}/v1.0/me` before this line");
        };
        let is_at_end = position == MessagePosition::End;
        match element {
            // A request line has started a new entry already.
            SyntaxElement::RequestLine(..) => {}
            SyntaxElement::StatusLine(_) if entry.exchange.response.is_some() => {
                return error("duplicate response, expected the next request line");
            }
            SyntaxElement::StatusLine(status) => {
                entry.exchange.response = Some(RecordedResponse { status, headers: Vec::new(), body: Bytes::new() });
                return Ok(MessagePosition::Headers);
            }
            SyntaxElement::Header(..) if is_at_end => {
                return error("misplaced header after the body, expected `HTTP` and a status, or the next request line");
            }
            SyntaxElement::Captures if is_at_end || entry.exchange.response.is_none() => {
                return error("misplaced section `[Captures]`, expected it between the headers and the body of a response");
            }
            SyntaxElement::Body(_) if is_at_end => {
                return error("duplicate body, expected `HTTP` and a status, or the next request line");
            }
            SyntaxElement::Captures => return Ok(MessagePosition::Captures),
            SyntaxElement::Capture(capture) => {
                entry.captures.push(capture);
                return Ok(MessagePosition::Captures);
            }
            SyntaxElement::Header(name, (value, templates)) => {
                let part = if let Some(response) = &mut entry.exchange.response {
                    response.headers.push((name, value));
                    ExchangePart::ResponseHeader(response.headers.len() - 1)
                } else {
                    entry.exchange.request.headers.push((name, value));
                    ExchangePart::RequestHeader(entry.exchange.request.headers.len() - 1)
                };
                add_templates(entry, part, templates);
            }
            SyntaxElement::Body((bytes, templates)) => {
                let part = if let Some(response) = &mut entry.exchange.response {
                    response.body = bytes;
                    ExchangePart::ResponseBody
                } else {
                    entry.exchange.request.body = bytes;
                    ExchangePart::RequestBody
                };
                add_templates(entry, part, templates);
                return Ok(MessagePosition::End);
            }
        }
        Ok(position)
    }

    fn check_templates(&self, line: usize, templates: &TemplatePositions) -> Result<(), ReadError> {
        match templates.first() {
            Some((_, name)) if !self.allows_templates => {
                let reason = format!("unsupported template `{{{{{name}}}}}`, expected plain text: no values are captured here");
                Err(ReadError { line, reason })
            }
            _ => Ok(()),
        }
    }
}

fn add_templates(entry: &mut Entry, part: ExchangePart, templates: TemplatePositions) {
    entry.templates.extend(templates.into_iter().map(|(at, name)| Template { part, at, name }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::exchange::tests::generators::exchange;

    #[test]
    fn syntax_outside_the_subset_is_rejected_with_its_line() {
        for (text, line, message) in [
            ("GET {{base}}/\n[Options]\nretry: 3", 2, "unsupported section `[Options]`"),
            ("GET {{base}}/\n\nHTTP 200\n\n[Asserts]", 5, "unsupported section `[Asserts]`"),
            ("GET /v1.0/me", 1, "invalid target `/v1.0/me`, expected one that starts with `{{base}}`, or a whole address"),
            ("GET {{host}}/a", 1, "unsupported template `{{host}}`"),
            ("GET {{base}}/{{id}}", 1, "unsupported template `{{id}}`"),
            ("GET {{base}}/\nAuthorization: Bearer {{token}}", 2, "unsupported template `{{token}}`"),
            ("GET {{base}}/\n\nHTTP *", 3, "invalid status `*`"),
            ("GET {{base}}/\n\nHTTP", 3, "invalid status ``"),
            ("GET {{base}}/\n\nHTTP/1.2 200", 3, "unsupported version `HTTP/1.2`"),
            ("GET {{base}}/\n\nHTTP 200 OK", 3, "unexpected `OK` after the status"),
            ("GET {{base}}/\n\nHTTP 200\n\nHTTP 200", 5, "duplicate response"),
            ("GET {{base}}/\n{}\n\n{}", 4, "duplicate body"),
            ("GET {{base}}/\nX-Custom; b", 2, "unrecognized line"),
            ("GET {{base}}/\n{}\nA: b", 3, "misplaced header after the body"),
            ("GET {{base}}/\n: b", 2, "missing header name in `: b`"),
            ("GET {{base}}/\na\\q: b", 2, "invalid escape `\\q`"),
            ("GET {{base}}/\nA: b\tc", 2, "unexpected `c` after the value of the header"),
            ("GET {{base}}/\nwhat is this", 2, "unrecognized line `what is this`, expected a header"),
            ("GET {{base}}/\nGET", 2, "unrecognized line `GET`, expected a header"),
            ("Accept: a\nGET {{base}}/", 1, "missing request line"),
            ("HTTP 200", 1, "missing request line"),
            ("{}", 1, "missing request line"),
        ] {
            let error = exchanges(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.starts_with(message), "{text}: {error}");
        }
    }

    #[test]
    fn headers_without_a_value_have_two_forms() {
        let exchanges = exchanges("GET {{base}}/\nX-Custom;\nX-Other;  # none\nX-Third:\n`a;`\n").unwrap();
        let empty = |name: &str| (name.to_owned(), String::new());
        assert_eq!(exchanges[0].request.headers, ["X-Custom", "X-Other", "X-Third"].map(empty));
        assert_eq!(exchanges[0].request.body, "a;");
    }

    #[test]
    fn only_comments_before_a_request_line_are_preserved() {
        let text = "# a\n\n# b\nGET {{base}}/ # c\n# d\nA: b\n# e\n{}\n# f\nHTTP 200\n# g\n\n# h\nGET {{base}}/\n# i\n";
        let exchanges = exchanges(text).unwrap();
        assert_eq!(exchanges[0].comments, ["a", "b"]);
        assert_eq!(exchanges[1].comments, ["g", "h"]);
    }

    #[test]
    fn ambiguous_lines_are_distinguished() {
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
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_can_be_read(text in any::<String>()) {
            let _ = exchanges(&text);
        }

        #[test]
        fn any_sequence_of_fragments_can_be_read(fragments in proptest::collection::vec(fragment(), 0..12)) {
            let _ = exchanges(&fragments.concat());
        }

        #[test]
        fn a_text_with_a_mistake_can_be_read(
            exchange in exchange(),
            position in any::<proptest::sample::Index>(),
            length in 0_usize..4,
            mistake in prop_oneof![any::<String>(), fragment().prop_map(str::to_owned)],
        ) {
            let mut characters: Vec<char> = exchange.to_string().chars().collect();
            let start = position.index(characters.len());
            let end = characters.len().min(start + length);
            characters.splice(start..end, mistake.chars());
            let text: String = characters.into_iter().collect();
            if let Err(error) = exchanges(&text) {
                prop_assert!(error.line <= text.split('\n').count());
                prop_assert!(error.reason.contains("expected"), "{}", error);
            }
        }
    }

    fn fragment() -> impl Strategy<Value = &'static str> {
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
