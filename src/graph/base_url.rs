//! Scheme, host and world of a request, as links in its response repeat them.

use http::header::HeaderValue;

use crate::graph::request::Request;
use crate::world::name::prefix_of;

/// Writes scheme, host and the prefix of a world as the client used them. The text can be part of a JSON string.
pub(super) fn write_base_url(request: &Request, host: Option<&HeaderValue>, out: &mut Vec<u8>) {
    out.extend_from_slice(if request.is_secure { b"https://" } else { b"http://" });
    let host = match request.target.authority() {
        // User information is for the host alone.
        Some(authority) => authority.as_str().rsplit('@').next().map(str::as_bytes),
        None => host.map(HeaderValue::as_bytes),
    };
    // A client of HTTP/1.0 may send no host. A text with other characters than those of RFC 3986 is not a host.
    let is_host = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' | b'_' | b'~' | b':' | b'[' | b']' | b'%' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
    let host = host.filter(|host| !host.is_empty() && host.iter().all(is_host));
    out.extend_from_slice(host.unwrap_or(b"localhost"));
    // A client that named its world in the path follows links to the same one.
    write_prefix(prefix_of(request.target.path()), out);
}

/// Writes the prefix of a path that names a world, if it can be part of a JSON string: a name with other characters has no world.
fn write_prefix(prefix: &str, out: &mut Vec<u8>) {
    if prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')) {
        out.extend_from_slice(prefix.as_bytes());
    }
}
