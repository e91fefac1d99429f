//! Lists of headers as recorded: lookup, and separation of connection headers from message headers.

use http::HeaderName;

/// Headers of the connection or of message framing.
const CONNECTION_HEADERS: [&str; 11] = [
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

/// Returns the first value of a header; the case of the name is ignored.
pub(super) fn first_value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Returns whether a header belongs to the connection or to message framing rather than to the message.
pub(crate) fn is_of_connection(name: &HeaderName) -> bool {
    CONNECTION_HEADERS.contains(&name.as_str())
}

/// Returns headers without those of the connection.
pub(crate) fn without_connection(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_of_message = |name: &str| HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| !is_of_connection(&name));
    headers.into_iter().filter(|(name, _)| is_of_message(name)).collect()
}
