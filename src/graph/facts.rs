//! The request headers that nearly every response depends on, read in one pass.
//!
//! A look-up in a header map costs a hash. Most requests have a handful of headers, so one pass over them is cheaper than several
//! look-ups.

use http::header::{HeaderMap, HeaderValue};

use crate::odata::prefer::Preferences;

/// The request headers that nearly every response depends on.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is of a header of its own")]
pub(super) struct RequestFacts<'r> {
    /// The host that the client named.
    pub(super) host: Option<&'r HeaderValue>,
    /// The client's own id of the request.
    pub(super) client_request_id: Option<&'r HeaderValue>,
    /// Whether a script of another origin sends the request.
    pub(super) has_origin: bool,
    pub(super) preferences: Preferences,
    /// Whether the request has preferences, known ones or others.
    pub(super) has_preferences: bool,
    /// Whether a body has a coding.
    pub(super) has_coding: bool,
    /// Whether the request has conditions on tags.
    pub(super) has_conditions: bool,
    /// Whether the client accepts a format other than the default one.
    pub(super) has_format: bool,
}

impl<'r> RequestFacts<'r> {
    pub(super) fn of(headers: &'r HeaderMap) -> RequestFacts<'r> {
        let mut facts = RequestFacts::default();
        for (name, value) in headers {
            match name.as_str() {
                // The first of several values counts, as in a look-up.
                "host" => facts.host = facts.host.or(Some(value)),
                "client-request-id" => facts.client_request_id = facts.client_request_id.or(Some(value)),
                "origin" => facts.has_origin = true,
                "prefer" => facts.has_preferences = true,
                "content-encoding" => facts.has_coding = true,
                "if-match" | "if-none-match" => facts.has_conditions = true,
                "accept" => facts.has_format |= value != "application/json" && value != "*/*",
                _ => {}
            }
        }
        if facts.has_preferences {
            facts.preferences = Preferences::of(headers);
        }
        facts
    }
}
