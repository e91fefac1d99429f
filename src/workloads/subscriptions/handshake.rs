//! Validation of the receivers of a subscription before it is stored.
//!
//! learn.microsoft.com/graph/change-notifications-delivery-webhooks: each receiver is called with a text in the query, and must answer with
//! the text within ten seconds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::World;
use crate::world::outbound::{CallFailure, CallOutcome, CallRecord, OutboundCall};
use crate::world::workload::{Consultation, Reply};

/// Time in which a receiver must answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The characters of a query value that are percent-encoded: all but the unreserved ones of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Validation of receivers, one after the other. The first that fails ends it.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The receivers that are not called yet, in reverse order, each with its token.
    rest: Vec<(Arc<str>, String)>,
    calls: Vec<CallRecord>,
    verdict: Verdict,
}

/// Result of a validation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Valid,
    Status(StatusCode),
    Failed(CallFailure),
    /// Another text than the token, or not as plain text.
    Mismatch,
}

/// Result of the validation of all receivers.
#[derive(Debug)]
pub(super) struct HandshakeReply {
    verdict: Verdict,
    url: String,
}

impl Handshake {
    pub(super) fn with(world: &World, receivers: Vec<Arc<str>>) -> Handshake {
        // The text of microsoft-graph-docs#21160.
        let token = || {
            let id = world.next_transaction_id();
            format!("Validation: Testing client application reachability for subscription Request-Id: {id}")
        };
        let mut rest: Vec<_> = receivers.into_iter().map(|url| (url, token())).collect();
        rest.reverse();
        Handshake { rest, calls: Vec::new(), verdict: Verdict::Valid }
    }
}

/// Returns the address of a receiver with a token in its query.
fn address(url: &str, token: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}validationToken={}", utf8_percent_encode(token, VALUE))
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))])
}

fn judge(outcome: &CallOutcome, token: &str) -> Verdict {
    let (status, headers, body) = match outcome {
        CallOutcome::Failed(failure) => return Verdict::Failed(*failure),
        CallOutcome::Answered { status, headers, body } => (*status, headers, body),
    };
    if status != StatusCode::OK {
        return Verdict::Status(status);
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_token = media_type.eq_ignore_ascii_case("text/plain") && body.trim_ascii() == token.as_bytes();
    if is_token { Verdict::Valid } else { Verdict::Mismatch }
}

impl Consultation for Handshake {
    fn call(&self, world: &World) -> Result<OutboundCall, CallFailure> {
        let (url, token) = self.rest.last().ok_or(CallFailure::NoUrl)?;
        let url: Uri = address(url, token).parse().map_err(|_| CallFailure::InvalidUrl)?;
        let timeout = TIMEOUT.min(world.connectors.timeout);
        Ok(OutboundCall { method: Method::POST, url, headers: headers(), body: Bytes::new(), timeout })
    }

    fn held_bytes(&self) -> usize {
        self.rest.iter().map(|(url, token)| url.len() + token.len()).sum()
    }

    fn conclude(&mut self, _world: &World, outcome: CallOutcome) -> bool {
        let Some((url, token)) = self.rest.pop() else { return false };
        self.verdict = judge(&outcome, &token);
        let verdict = self.verdict.to_string();
        let (url, headers) = (address(&url, &token), headers());
        self.calls.push(CallRecord {
            url,
            headers,
            plaintext: Bytes::new(),
            body: Bytes::new(),
            outcome,
            verdict,
            is_notification: true,
        });
        self.verdict == Verdict::Valid && !self.rest.is_empty()
    }

    fn reply(self: Box<Self>) -> Reply {
        let Handshake { calls, verdict, .. } = *self;
        let url = calls.last().map(|call| call.url.split('?').next().unwrap_or_default().to_owned()).unwrap_or_default();
        Reply { calls, key: None, result: Box::new(HandshakeReply { verdict, url }) }
    }
}

impl HandshakeReply {
    /// Returns the result of a consultation of this workload.
    pub(super) fn of(reply: &Reply) -> Option<&HandshakeReply> {
        reply.result.downcast_ref()
    }

    /// Refuses the change if a receiver did not return its token.
    pub(super) fn check(&self) -> Result<(), Error> {
        let error = match &self.verdict {
            Verdict::Valid => return Ok(()),
            Verdict::Status(status) => Error::new(&refusal::VALIDATION_STATUS, &[&status_name(*status)]),
            Verdict::Failed(CallFailure::Timeout) => Error::new(&refusal::VALIDATION_TIMEOUT, &[]),
            Verdict::Failed(_) => Error::new(&refusal::VALIDATION_UNREACHABLE, &[]),
            Verdict::Mismatch => Error::new(&refusal::VALIDATION_TOKEN, &[]),
        };
        Err(error.with_detail(format!("{}: {}", self.url, self.verdict)))
    }
}

/// Returns a status as the service names it: `InternalServerError`.
fn status_name(status: StatusCode) -> String {
    let words = status.canonical_reason().map(|reason| reason.replace([' ', '-', '\''], ""));
    words.unwrap_or_else(|| status.as_u16().to_string())
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Valid => write!(f, "validated"),
            Verdict::Status(status) => write!(f, "status {}, expected 200 with the validation token", status.as_u16()),
            Verdict::Failed(failure) => write!(f, "{}", failure.reason()),
            Verdict::Mismatch => write!(f, "wrong answer: expected the decoded validation token as text/plain"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &'static str) -> CallOutcome {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
        CallOutcome::Answered { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() }
    }

    #[test]
    fn only_the_token_as_plain_text_validates() {
        for (outcome, expected) in [
            (answer(200, "text/plain", "a b"), Verdict::Valid),
            (answer(200, "Text/Plain; charset=utf-8", "a b\r\n"), Verdict::Valid),
            (answer(200, "text/plain", "a%20b"), Verdict::Mismatch),
            (answer(200, "text/plain", "\"a b\""), Verdict::Mismatch),
            (answer(200, "application/json", "a b"), Verdict::Mismatch),
            (answer(202, "text/plain", "a b"), Verdict::Status(StatusCode::ACCEPTED)),
            (CallOutcome::Failed(CallFailure::Refused), Verdict::Failed(CallFailure::Refused)),
        ] {
            assert_eq!(judge(&outcome, "a b"), expected, "{outcome:?}");
        }
        assert_eq!(status_name(StatusCode::INTERNAL_SERVER_ERROR), "InternalServerError");
    }

    #[test]
    fn the_token_joins_the_query_of_the_receiver() {
        assert_eq!(address("http://a/b", "x: y"), "http://a/b?validationToken=x%3A%20y");
        assert_eq!(address("http://a/b?code=1", "x"), "http://a/b?code=1&validationToken=x");
    }
}
