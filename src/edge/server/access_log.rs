//! Access log: one event per request, and one per detail that explains its answer.
//!
//! An event has the whole line as its message, and the parts of it as fields, for logs in another form.

use std::time::Instant;

use bytes::Bytes;
use http::header::HeaderMap;
use serde_json::{Value, json};
use tracing::Level;

use crate::entra::token_service::EntraRoute;
use crate::graph::request::Request;
use crate::graph::step::Answer;
use crate::odata::error::Error;
use crate::text::exchange::{Exchange, RecordedRequest, RecordedResponse};
use crate::text::plural::counted;
use crate::text::redact::{mask_exchange, mask_target, mask_text};
use crate::text::truncate::truncate;
use crate::text::visible::visible;
use crate::world::outbound::CallRecord;

/// Maximum number of characters of a target.
const TARGET_LIMIT: usize = 300;

/// Maximum size of a body that is searched for secrets and shown, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// Maximum number of characters of a body, or of the headers of a message.
const SHOWN_LIMIT: usize = 4096;

pub(super) fn log(request: &Request, answer: &Answer, started: Instant) {
    let (method, path) = (request.method.as_str(), &*shortened_target(request));
    let status = answer.response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (rule, detail) = match (&answer.refused, &answer.control_refusal) {
        (Some(error), _) => (Some(error.refusal.name.to_owned()), detail_of(error)),
        (None, Some((code, message))) => (Some(format!("control/{code}")), Some(shown_text(message))),
        (None, None) => (None, None),
    };
    let (rule, detail) = (rule.as_deref(), detail.as_deref());
    let faults = answer.applied_rules.as_deref();
    let stub = answer.stub.as_ref().map(|place| visible(place));
    let stub = stub.as_deref();
    let mut line = format!("{method} {path} {status} {micros}us");
    if let Some(rules) = faults {
        line.push_str(&format!(" (fault: {rules})"));
    }
    match (rule, stub) {
        (Some(rule), _) => line.push_str(&format!(" refused by {}", with_detail(rule, detail))),
        (None, Some(stub)) => line.push_str(&format!(" by the stub {stub}")),
        (None, None) => {}
    }
    let messages = tracing::enabled!(Level::DEBUG).then(|| Messages::of(request, answer));
    let in_json = messages.as_ref().map(|messages| (messages.request.json(), messages.response.json()));
    let (sent, answered) = in_json.as_ref().map(|(request, response)| (&**request, &**response)).unzip();
    tracing::info!(method, path, status, micros, rule, detail, faults, stub, request = sent, response = answered, "{line}");
    for (sign, message) in messages.iter().flat_map(|messages| [('>', &messages.request), ('<', &messages.response)]) {
        let part = sign.to_string();
        for text in message.lines() {
            tracing::debug!(part, text, "{method} {path} {sign} {text}");
        }
    }
    for (place, error) in &answer.refused_items {
        let refusal = with_detail(error.refusal.name, detail_of(error).as_deref());
        tracing::info!("{method} {path}: requests[{place}] refused by {refusal}");
    }
    for CallRecord { url, verdict, .. } in &answer.calls {
        tracing::info!("{method} {path}: called {}: {}", visible(url), shown_text(verdict));
    }
    for place in &answer.skipped {
        let reason = if place.contains('$') { "not in its type" } else { "its type has no tags" };
        tracing::info!("{method} {path}: skipped {}: {reason}", visible(place));
    }
}

fn with_detail(rule: &str, detail: Option<&str>) -> String {
    detail.map_or_else(|| rule.to_owned(), |detail| format!("{rule}: {detail}"))
}

fn detail_of(error: &Error) -> Option<String> {
    error.detail.as_deref().map(shown_text)
}

fn shown_text(text: &str) -> String {
    visible(&mask_text(text)).into_owned()
}

/// Returns path and redacted query: query options often explain an answer.
fn shortened_target(request: &Request) -> String {
    let whole = match request.target.path_and_query() {
        // Queries of the token service may be secrets.
        Some(target) if EntraRoute::of(request.path()).is_some() => target.path().to_owned(),
        Some(target) => mask_target(target.as_str()),
        None => "/".to_owned(),
    };
    truncate(&whole, TARGET_LIMIT).into_owned()
}

/// A request and its answer, without secrets.
struct Messages {
    request: Message,
    response: Message,
}

struct Message {
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Messages {
    fn of(request: &Request, answer: &Answer) -> Messages {
        let (sent, answered) = (request.body.bytes(), answer.response.body());
        let exchange = mask_exchange(&Exchange {
            comments: Vec::new(),
            request: RecordedRequest {
                method: request.method.clone(),
                target: request.target.to_string(),
                headers: texts(&request.headers),
                body: inspected(sent),
            },
            response: Some(RecordedResponse {
                status: answer.response.status(),
                headers: texts(answer.response.headers()),
                body: inspected(answered),
            }),
        });
        let (headers, body) = exchange.response.map_or_else(Default::default, |response| (response.headers, response.body));
        Messages {
            request: Message { headers: exchange.request.headers, body: shown_body(sent, &exchange.request.body) },
            response: Message { headers, body: shown_body(answered, &body) },
        }
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// Returns a body if it is short enough to be searched for secrets.
fn inspected(body: &[u8]) -> Bytes {
    if body.len() <= BODY_LIMIT { Bytes::copy_from_slice(body) } else { Bytes::new() }
}

/// Returns the text of a body, of which `masked` is what may be shown. A long or binary one is only measured.
fn shown_body(whole: &[u8], masked: &Bytes) -> Option<String> {
    if whole.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(masked).ok().filter(|text| !text.is_empty() && !text.contains('\0'));
    let size = || format!("({})", counted(whole.len() as u64, "byte", "bytes"));
    Some(text.map_or_else(size, |text| truncate(text, SHOWN_LIMIT).into_owned()))
}

impl Message {
    /// Returns the headers and the body, if any, a line each.
    fn lines(&self) -> impl Iterator<Item = String> {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let headers = truncate(&headers.join("; "), SHOWN_LIMIT).into_owned();
        std::iter::once(headers).filter(|headers| !headers.is_empty()).chain(self.body.clone())
    }

    /// Returns a JSON object with the headers and the body. Values of headers with the same name are joined (RFC 9110, 5.3).
    fn json(&self) -> String {
        let mut headers = serde_json::Map::new();
        for (name, value) in &self.headers {
            match headers.get_mut(name) {
                Some(Value::String(first)) => first.push_str(&format!(", {value}")),
                _ => _ = headers.insert(name.clone(), value.as_str().into()),
            }
        }
        json!({ "headers": headers, "body": self.body }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Response};

    use super::*;
    use crate::graph::request::{Body, Via};

    fn messages(body: &[u8], content_type: &'static str, answer: &str) -> Messages {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", content_type.parse().unwrap());
        headers.insert("authorization", "Bearer hush-hush-hush".parse().unwrap());
        headers.append("prefer", "a".parse().unwrap());
        headers.append("prefer", "b".parse().unwrap());
        let request = Request {
            method: Method::POST,
            target: "/v1.0/x".parse().unwrap(),
            is_secure: false,
            via: Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers,
            body: Body::Whole(Bytes::copy_from_slice(body)),
        };
        Messages::of(&request, &Answer::of(Response::new(Bytes::copy_from_slice(answer.as_bytes()))))
    }

    #[test]
    fn messages_are_shown_without_secrets() {
        let shown = messages(br#"{"a":1,"secret":"hush"}"#, "application/json", r#"{"access_token":"hush","b":2}"#);
        let lines: Vec<String> = shown.request.lines().chain(shown.response.lines()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        content-type: application/json; authorization: Bearer REDACTED; prefer: a; prefer: b
        {"a":1,"secret":"REDACTED"}
        {"access_token":"REDACTED","b":2}
        "#);
        insta::assert_snapshot!(shown.request.json(), @r#"{"body":"{\"a\":1,\"secret\":\"REDACTED\"}","headers":{"authorization":"Bearer REDACTED","content-type":"application/json","prefer":"a, b"}}"#);
    }

    #[test]
    fn long_and_binary_bodies_are_measured() {
        let body = |body: &[u8]| messages(body, "application/octet-stream", "").request.body;
        assert_eq!(body(b"\xff\xd8\0").as_deref(), Some("(3 bytes)"));
        assert_eq!(body(&vec![b'a'; BODY_LIMIT + 1]).as_deref(), Some("(65537 bytes)"));
        assert_eq!(body(&vec![b'a'; SHOWN_LIMIT + 1]).map(|text| text.chars().count()), Some(SHOWN_LIMIT + 1));
        assert_eq!(body(b""), None);
    }
}
