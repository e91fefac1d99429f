//! The request headers that nearly every answer depends on, found in one pass.
//!
//! A look-up in a header map costs a hash; most requests have a handful of headers, and walking over them once is cheaper than
//! five look-ups.

use http::header::{HeaderMap, HeaderValue};

/// What stands in the headers of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestFacts<'r> {
    /// The host that the client named.
    pub(super) host: Option<&'r HeaderValue>,
    /// The client's own id of the request.
    pub(super) client_request_id: Option<&'r HeaderValue>,
    /// Whether a script of another origin sends the request.
    pub(super) has_origin: bool,
    /// Whether there are preferences.
    pub(super) has_preferences: bool,
    /// Whether the client wants another format than the one that everybody gets.
    pub(super) wants_format: bool,
}

impl<'r> RequestFacts<'r> {
    pub(super) fn of(headers: &'r HeaderMap) -> RequestFacts<'r> {
        let mut heads = RequestFacts::default();
        for (name, value) in headers {
            match name.as_str() {
                // Of several the first counts, as in a look-up.
                "host" => heads.host = heads.host.or(Some(value)),
                "client-request-id" => heads.client_request_id = heads.client_request_id.or(Some(value)),
                "origin" => heads.has_origin = true,
                "prefer" => heads.has_preferences = true,
                "accept" => heads.wants_format |= value != "application/json" && value != "*/*",
                _ => {}
            }
        }
        heads
    }
}
