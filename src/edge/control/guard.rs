//! Who may use the control API.
//!
//! Two things are kept out: other machines, and pages in a browser of this machine. A page of another site can send requests to
//! loopback addresses: it says so in `Origin` and `Sec-Fetch-Site`, or it reaches them under its own name, which then stands in `Host`
//! (DNS rebinding). Pages of the emulator's own are kept out too: the one on which users sign in posts to where whoever leads there
//! wants it. Whoever shows the token needs none of this, since no page knows it.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

use super::{Control, ControlError, Peer};
use crate::graph::request::Request;
use crate::text::constant_time;

/// The header with the token; `Authorization: Bearer` does as well.
const TOKEN: HeaderName = HeaderName::from_static("x-wfi-emulator-control-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) fn admit(control: &Control, request: &Request, peer: Peer) -> Result<(), ControlError> {
    if shows_token(control, request) {
        return Ok(());
    }
    if let Peer::Address(address) = peer
        && !address.to_canonical().is_loopback()
    {
        let hint = if control.token().is_some() { "show the control token" } else { "start the emulator with --control-token" };
        return Err(refused("not-local", format!("the control API is for clients on the same machine; from elsewhere {hint}")));
    }
    let host = request.target.authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| request.headers.get(header::HOST).map(HeaderValue::as_bytes));
    if let Some(host) = host
        && !is_local_name(host)
    {
        return Err(refused("host", "the header Host names no address of this machine".to_owned()));
    }
    // `none` is what somebody has typed.
    let is_typed = request.headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "none");
    if request.headers.contains_key(header::ORIGIN) || !is_typed {
        return Err(refused("origin", "the control API is not for pages in a browser".to_owned()));
    }
    Ok(())
}

fn refused(code: &'static str, message: String) -> ControlError {
    ControlError::new(StatusCode::FORBIDDEN, code, message)
}

fn shows_token(control: &Control, request: &Request) -> bool {
    let Some(token) = control.token() else { return false };
    let bearer = request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer = bearer.and_then(|value| value.strip_prefix(b"Bearer "));
    let own = request.headers.get(TOKEN).map(HeaderValue::as_bytes);
    own.into_iter().chain(bearer).any(|shown| constant_time::is_equal(shown, token.as_bytes()))
}

/// Whether a host is an address, or one of the names that are always this machine. An address cannot be taken over by a name server.
fn is_local_name(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => return rest.split(']').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<std::net::Ipv4Addr>().is_ok()
}
