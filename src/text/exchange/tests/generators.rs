//! Random exchanges, entries and JSON for property tests.

use bytes::Bytes;
use http::{Method, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::text::exchange::{Capture, CaptureQuery, Entry, Exchange, ExchangePart, RecordedRequest, RecordedResponse, Template};

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

/// Bodies of every form, JSON as clients might write it.
fn body() -> impl Strategy<Value = Bytes> {
    let text = prop_oneof!["[`a\n]{1,9}", "[{}a#\\\\\r\n\t]{1,9}", ".{0,9}", any::<String>()];
    let json = json_text();
    prop_oneof![text.prop_map(Bytes::from), json.prop_map(Bytes::from), vec(any::<u8>(), 0..9).prop_map(Bytes::from)]
}

pub(in crate::text::exchange) fn exchange() -> impl Strategy<Value = Exchange> {
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
pub(in crate::text::exchange) fn entry() -> impl Strategy<Value = Entry> {
    let name = || "[A-Za-z][A-Za-z0-9_-]{0,4}".prop_filter("the reserved name", |name| name != "base");
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
            // Bytes that are not UTF-8 have no positions for templates.
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

/// JSON with irregular white space, duplicate members and all kinds of literals.
pub(in crate::text::exchange) fn json_text() -> impl Strategy<Value = String> {
    let literal = prop_oneof!["true|false|null", "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", string()];
    let value = literal.prop_recursive(4, 24, 4, |value| {
        let padded = (blank(), value, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}")).boxed();
        let member = (blank(), string(), blank(), padded.clone());
        let member = member.prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
        prop_oneof![
            (blank(), vec(padded, 0..4)).prop_map(|(blank, values)| format!("[{blank}{}]", values.join(","))),
            (blank(), vec(member, 0..4)).prop_map(|(blank, members)| format!("{{{blank}{}}}", members.join(","))),
        ]
    });
    (blank(), value, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
}

fn blank() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,2}"]
}

fn string() -> impl Strategy<Value = String> {
    r#""([a-c{}\[\],: é#`]|\\["\\/bnrt]|\\u00[0-9a-f]{2}|\\ud83d\\ude00){0,6}""#
}
