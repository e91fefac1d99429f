//! Who may use the control API.
//!
//! Two things are kept out: other machines, and pages in a browser of this machine. A page of another site can send requests to
//! loopback addresses: it says so in `Origin` and `Sec-Fetch-Site`, or it reaches them under its own name, which then stands in `Host`
//! (DNS rebinding). Whoever shows the token needs none of this, since no page knows it.

use http::header::{self, HeaderName, HeaderValue};
use http::{StatusCode, Uri};

use super::{Control, Peer, Refusal};
use crate::graph::Request;

/// The header with the token; `Authorization: Bearer` does as well.
const TOKEN: HeaderName = HeaderName::from_static("x-wfi-emulator-control-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) fn admit(control: &Control, request: &Request, peer: Peer) -> Result<(), Refusal> {
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
    if let Some(origin) = request.headers.get(header::ORIGIN)
        && !is_own_origin(origin, host)
    {
        return Err(refused("origin", "the control API is not for pages of other origins".to_owned()));
    }
    match request.headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(refused("origin", "the control API is not for pages of other sites".to_owned())),
    }
}

fn refused(code: &'static str, message: String) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, code, message)
}

fn shows_token(control: &Control, request: &Request) -> bool {
    let Some(token) = control.token() else { return false };
    let bearer = request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer = bearer.and_then(|value| value.strip_prefix(b"Bearer "));
    let own = request.headers.get(TOKEN).map(HeaderValue::as_bytes);
    own.into_iter().chain(bearer).any(|shown| is_same(shown, token.as_bytes()))
}

/// Compares two texts in a time that does not tell where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
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

fn is_own_origin(origin: &HeaderValue, host: Option<&[u8]>) -> bool {
    let uri = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = uri.as_ref().and_then(Uri::authority).map(|authority| authority.as_str().as_bytes());
    authority.is_some() && authority == host
}
