//! The base URL of links in a response: scheme, host and world prefix of the request.

use http::header::HeaderValue;

use crate::graph::request::Request;
use crate::world::name::prefix_of;

/// Returns scheme, host, and the prefix of a world, if the path has one, as the client sent them.
pub(crate) fn of(request: &Request) -> String {
    let mut url = Vec::new();
    write_base_url(request, request.headers.get(http::header::HOST), &mut url);
    String::from_utf8_lossy(&url).into_owned()
}

/// Writes scheme, host and world prefix as the client sent them, safe in a JSON string.
pub(super) fn write_base_url(request: &Request, host: Option<&HeaderValue>, out: &mut Vec<u8>) {
    out.extend_from_slice(if request.is_secure { b"https://" } else { b"http://" });
    let host = match request.target.authority() {
        // User information is never repeated.
        Some(authority) => authority.as_str().rsplit('@').next().map(str::as_bytes),
        None => host.map(HeaderValue::as_bytes),
    };
    // An HTTP/1.0 client can omit the host. Text with characters outside of RFC 3986 is not a host.
    let is_host = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' | b'_' | b'~' | b':' | b'[' | b']' | b'%' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
    let host = host.filter(|host| !host.is_empty() && host.iter().all(is_host));
    out.extend_from_slice(host.unwrap_or(b"localhost"));
    // Links lead to the world that the path names.
    write_prefix(prefix_of(request.target.path()), out);
}

/// Writes the world prefix of a path if it is safe in a JSON string. No world has a name with other characters.
fn write_prefix(prefix: &str, out: &mut Vec<u8>) {
    if prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')) {
        out.extend_from_slice(prefix.as_bytes());
    }
}
