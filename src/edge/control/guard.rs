//! Access to the control API.
//!
//! Two kinds of clients are refused: other machines, and pages in a browser on this machine. A page of another site can send requests
//! to loopback addresses; they carry `Origin` or `Sec-Fetch-Site`, or another `Host` (DNS rebinding). Pages of the emulator itself are
//! refused too: its sign-in page posts to any URL that a link names. A client with the token may be anything, since no page knows it.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use super::{Control, Peer};
use crate::edge::control::reply::ControlError;
use crate::graph::request::Request;
use crate::text::constant_time;

/// Header with the token, an alternative to `Authorization: Bearer`.
const TOKEN: HeaderName = HeaderName::from_static("x-wfi-emulator-control-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks that a client may use the control API.
pub(super) fn admit(control: &Control, request: &Request, peer: Peer) -> Result<(), ControlError> {
    if has_token(control, request) {
        return Ok(());
    }
    if let Peer::Address(address) = peer
        && !address.to_canonical().is_loopback()
    {
        let hint = if control.token().is_some() { "send it" } else { "set one with --control-token" };
        return Err(forbidden("not-local", format!("remote clients need the control token; {hint}")));
    }
    let host = request.target.authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| request.headers.get(header::HOST).map(HeaderValue::as_bytes));
    if let Some(host) = host
        && !is_local_name(host)
    {
        let message = "Host header is not a loopback name or address; from elsewhere use --control-token";
        return Err(forbidden("host", message.to_owned()));
    }
    // `none` means that the user has typed the address.
    let is_typed = request.headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "none");
    if request.headers.contains_key(header::ORIGIN) || !is_typed {
        return Err(forbidden("origin", "requests of web pages are refused".to_owned()));
    }
    Ok(())
}

fn forbidden(code: &'static str, message: String) -> ControlError {
    ControlError::new(StatusCode::FORBIDDEN, code, message)
}

fn has_token(control: &Control, request: &Request) -> bool {
    let Some(token) = control.token() else { return false };
    let bearer = request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer = bearer.and_then(|value| value.strip_prefix(b"Bearer "));
    let dedicated = request.headers.get(TOKEN).map(HeaderValue::as_bytes);
    dedicated.into_iter().chain(bearer).any(|sent| constant_time::is_equal(sent, token.as_bytes()))
}

/// Whether a host is an address or a loopback name. An address cannot be rebound by a name server.
fn is_local_name(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<std::net::Ipv4Addr>().is_ok()
}
