//! Links to the upstream in answers, changed so that a client that follows them stays in the recorder.
//!
//! Bodies are changed while they stream: only names of members and the values of links are held back until they are complete.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::tee::Tee;
use crate::edge::client::Upstream;
use crate::text::json;

/// Maximum length of a link in a body. Longer ones are passed on as they are.
const LINK_LIMIT: usize = 64 * 1024;

/// Maximum length of the name of a member that is looked at.
const NAME_LIMIT: usize = 256;

/// The ends of names of members that have a link to follow. OData 4.01 allows the short ones.
const LINKS: [&str; 4] = ["@odata.nextLink", "@odata.deltaLink", "@nextLink", "@deltaLink"];

/// The headers with an address, which an answer in a batch has as members.
pub(super) const HEADERS: [&str; 2] = ["location", "content-location"];

/// The change of links to the upstream into links to the recorder.
#[derive(Clone, Debug)]
pub(super) struct LinkRewriter {
    upstream: Upstream,
    /// The address of the recorder as the client knows it, without a slash at its end.
    own: String,
}

impl LinkRewriter {
    pub(super) fn new(upstream: Upstream, own: String) -> LinkRewriter {
        LinkRewriter { upstream, own }
    }

    /// Returns the link to the recorder instead of one to the upstream; `None` for a link elsewhere.
    pub(super) fn rewritten(&self, link: &str) -> Option<String> {
        self.upstream.target_of(link).map(|target| format!("{}{target}", self.own))
    }
}

/// The state of a JSON text that comes in pieces.
#[derive(Debug)]
pub(super) struct JsonLinks {
    rewriter: LinkRewriter,
    is_batch: bool,
    state: State,
    /// Whether the next string is the value of a member.
    is_value: bool,
    /// The name of the last member, if it may be that of a link.
    name: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Between strings.
    Between,
    /// In a string that is passed on.
    Passing { is_escaped: bool },
    /// In a string that is held back, from its quotation mark on.
    Holding { held: Vec<u8>, is_escaped: bool },
}

impl JsonLinks {
    pub(super) fn new(rewriter: LinkRewriter, is_batch: bool) -> JsonLinks {
        JsonLinks { rewriter, is_batch, state: State::Between, is_value: false, name: None }
    }

    /// Takes a piece of the text, and adds to `out` what is complete.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            self.push_byte(byte, out);
        }
    }

    /// Adds to `out` what is held back at the end of a text.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let State::Holding { held, .. } = &mut self.state {
            out.append(held);
        }
        self.state = State::Between;
    }

    fn push_byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match &mut self.state {
            State::Between => match byte {
                b'"' if !self.is_value || self.name.is_some() => {
                    self.state = State::Holding { held: vec![byte], is_escaped: false };
                }
                b'"' => {
                    out.push(byte);
                    self.state = State::Passing { is_escaped: false };
                }
                _ => {
                    if !byte.is_ascii_whitespace() {
                        // A name counts for the value right after it only.
                        self.is_value = byte == b':';
                        self.name = self.name.take().filter(|_| self.is_value);
                    }
                    out.push(byte);
                }
            },
            State::Passing { is_escaped } => {
                out.push(byte);
                match byte {
                    b'"' if !*is_escaped => self.end_string(),
                    _ => *is_escaped = byte == b'\\' && !*is_escaped,
                }
            }
            State::Holding { held, is_escaped } => {
                held.push(byte);
                let limit = if self.is_value { LINK_LIMIT } else { NAME_LIMIT };
                if byte == b'"' && !*is_escaped {
                    let held = std::mem::take(held);
                    self.release(&held, out);
                } else {
                    *is_escaped = byte == b'\\' && !*is_escaped;
                    if held.len() > limit {
                        let is_escaped = *is_escaped;
                        out.append(held);
                        self.state = State::Passing { is_escaped };
                    }
                }
            }
        }
    }

    /// Passes on a string that is complete: a name, or the value of a link, perhaps changed.
    fn release(&mut self, held: &[u8], out: &mut Vec<u8>) {
        let text = serde_json::from_slice::<String>(held).ok();
        if self.is_value {
            match text.and_then(|link| self.rewriter.rewritten(&link)) {
                Some(link) => out.extend_from_slice(json::quoted(&link).as_bytes()),
                None => out.extend_from_slice(held),
            }
            self.end_string();
        } else {
            out.extend_from_slice(held);
            self.end_string();
            self.name = text.filter(|name| self.is_link(name));
        }
    }

    fn end_string(&mut self) {
        (self.state, self.is_value, self.name) = (State::Between, false, None);
    }

    fn is_link(&self, name: &str) -> bool {
        LINKS.iter().any(|link| name.ends_with(link))
            || self.is_batch && HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header))
    }
}

/// A JSON body whose links are changed while it streams.
#[derive(Debug)]
pub(super) struct RewrittenBody {
    inner: Tee,
    links: JsonLinks,
    /// Frames that are ready, before those that come.
    ready: VecDeque<Frame<Bytes>>,
    is_ended: bool,
}

impl RewrittenBody {
    pub(super) fn new(inner: Tee, links: JsonLinks) -> RewrittenBody {
        RewrittenBody { inner, links, ready: VecDeque::new(), is_ended: false }
    }

    fn add(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.ready.push_back(Frame::data(bytes.into()));
        }
    }
}

impl Body for RewrittenBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.is_ended {
                return Poll::Ready(None);
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => Some(frame),
                None => None,
            };
            let mut out = Vec::new();
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => {
                    self.links.push(&data, &mut out);
                    self.add(out);
                }
                // Trailers, or the end.
                rest => {
                    self.links.finish(&mut out);
                    self.add(out);
                    self.is_ended = rest.is_none();
                    self.ready.extend(rest.and_then(Result::err));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended && self.ready.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links(is_batch: bool) -> JsonLinks {
        let upstream = Upstream::new("http://graph.example/graph", None).unwrap();
        JsonLinks::new(LinkRewriter::new(upstream, "https://127.0.0.1:9341".to_owned()), is_batch)
    }

    fn rewritten(text: &str, piece: usize, is_batch: bool) -> String {
        let mut links = links(is_batch);
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            links.push(piece, &mut out);
        }
        links.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn links_to_the_upstream_lead_to_the_recorder() {
        for (text, expected) in [
            (
                r#"{"@odata.nextLink": "http://graph.example/graph/v1.0/users?$skiptoken=a\u0026b","value":[]}"#,
                r#"{"@odata.nextLink": "https://127.0.0.1:9341/v1.0/users?$skiptoken=a&b","value":[]}"#,
            ),
            (
                r#"{"members@odata.nextLink":"http:\/\/GRAPH.example:80\/graph\/v1.0\/a"}"#,
                r#"{"members@odata.nextLink":"https://127.0.0.1:9341/v1.0/a"}"#,
            ),
            (r#"{"@odata.deltaLink" : "http://graph.example/graph"}"#, r#"{"@odata.deltaLink" : "https://127.0.0.1:9341"}"#),
            (
                r#"{"\u0040odata.nextLink":"http://graph.example/graph/a"}"#,
                r#"{"\u0040odata.nextLink":"https://127.0.0.1:9341/a"}"#,
            ),
        ] {
            for piece in [1, 2, 7, text.len()] {
                assert_eq!(rewritten(text, piece, false), expected);
            }
        }
        let batch = r#"{"responses":[{"headers":{"Location":"http://graph.example/graph/a","content-location":"http://graph.example/graph/b"},"body":{"@odata.nextLink":"http://graph.example/graph/c"}}]}"#;
        assert_eq!(rewritten(batch, 3, true), batch.replace("http://graph.example/graph", "https://127.0.0.1:9341"));
        assert_eq!(rewritten(batch, 3, false).matches("http://graph.example/graph").count(), 2);
    }

    #[test]
    fn everything_else_remains_as_it_is() {
        let long = format!(r#"{{"@odata.nextLink":"http://graph.example/graph/{}"}}"#, "a".repeat(LINK_LIMIT));
        for text in [
            r#"{"@odata.nextLink":"http://elsewhere.example/graph/a"}"#,
            r#"{"@odata.nextLink":"https://graph.example/graph/a"}"#,
            r#"{"@odata.nextLink":"http://graph.example/graphs/a"}"#,
            r#"{"@odata.nextLink":"http://graph.example@elsewhere.example/graph/a"}"#,
            r#"{"@odata.nextLink":"users?$skiptoken=a"}"#,
            r#"{"@odata.context":"http://graph.example/graph/a","url":"http://graph.example/graph/a"}"#,
            r#"["@odata.nextLink","http://graph.example/graph/a"]"#,
            r#"{"@odata.nextLink":["http://graph.example/graph/a"],"@odata.nextLink":{"a":"http://graph.example/graph/a"}}"#,
            r#"{"a":"\"@odata.nextLink\":\"http://graph.example/graph/a\"\\"}"#,
            r#"{"@odata.nextLink":"http://graph.example/graph/a"#,
            &long,
        ] {
            for piece in [1, 5, text.len()] {
                assert_eq!(rewritten(text, piece, true), text);
            }
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn pieces_make_no_difference(text in "([\\{\\}:,\"\\\\ a]|\"@odata.nextLink\"|\"http://graph.example/graph/a){0,24}", piece in 1..9_usize) {
            prop_assert_eq!(rewritten(&text, piece, true), rewritten(&text, usize::MAX, true));
        }
    }
}
