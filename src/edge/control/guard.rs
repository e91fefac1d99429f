//! Access to the control API.
//!
//! Two kinds of clients are refused: other machines, and pages in a browser on this machine. A page of another site can send requests
//! to loopback addresses; they carry `Origin` or `Sec-Fetch-Site`, or another `Host` (DNS rebinding). Pages of the emulator itself are
//! refused too, but for the one under `/_emulator/ui/`, whose requests have a token: its sign-in page posts to any URL that a link names.
//! Behind a proxy on this machine all clients have its address, so a request with a header of a proxy counts as one of another machine. A
//! client with the token may be anything, since no page knows it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{Control, Peer};
use crate::edge::control::reply::ControlError;
use crate::edge::ui;
use crate::graph::request::Request;
use crate::text::constant_time;

/// Header with the token, an alternative to `Authorization: Bearer`.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-wfi-emulator-control-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a client runs on this machine, and no proxy speaks for one that does not.
pub(in crate::edge) fn is_of_this_machine(peer: Peer, headers: &HeaderMap) -> bool {
    match peer {
        Peer::Process => true,
        Peer::Address(address) => address.to_canonical().is_loopback() && !headers.keys().any(is_of_proxy),
    }
}

/// Checks that a client may use the control API.
pub(super) fn admit(control: &Control, request: &Request, peer: Peer) -> Result<(), ControlError> {
    if has_token(control, request) {
        return Ok(());
    }
    check_peer(control, request, peer)?;
    check_host(request)?;
    if is_of_own_page(control, request) {
        return Ok(());
    }
    // `none` means that the user has typed the address.
    let is_typed = fetch_site(&request.headers).is_none_or(|site| site == b"none");
    if request.headers.contains_key(header::ORIGIN) || !is_typed {
        return Err(forbidden("origin", "requests of web pages are refused".to_owned()));
    }
    Ok(())
}

/// Checks that a client runs on this machine.
pub(super) fn check_peer(control: &Control, request: &Request, peer: Peer) -> Result<(), ControlError> {
    if let Peer::Address(address) = peer {
        let hint = if control.token().is_some() { "send it" } else { "set one with --control-token" };
        if !address.to_canonical().is_loopback() {
            return Err(forbidden("not-local", format!("remote clients need the control token; {hint}")));
        }
        if let Some(name) = request.headers.keys().find(|name| is_of_proxy(name)) {
            return Err(forbidden("not-local", format!("proxied requests ({name}) need the control token; {hint}")));
        }
    }
    Ok(())
}

/// Checks that a request names this machine, so that its sender has not been led here by a name server.
pub(super) fn check_host(request: &Request) -> Result<(), ControlError> {
    // A server on the way may have followed either of them, so each must be local.
    let authority = request.target.authority().map(|authority| authority.as_str().as_bytes());
    if !authority.into_iter().chain(request.headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes)).all(is_local_host) {
        let message = "Host header is not a loopback name or address; from elsewhere use --control-token";
        return Err(forbidden("host", message.to_owned()));
    }
    Ok(())
}

/// Returns the relation of the page that sends a request to this server, if a browser states it.
pub(super) fn fetch_site(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes)
}

/// Whether a request is one of the emulator's own page: it has the token that only this page can read, its browser says that it comes from
/// this server, and so does its origin, if there is one.
fn is_of_own_page(control: &Control, request: &Request) -> bool {
    let (Some(token), Some(sent)) = (&control.ui, request.headers.get(ui::TOKEN)) else { return false };
    let only = |name: HeaderName| {
        let mut values = request.headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
    };
    let is_own_origin = |origin: &HeaderValue| {
        let scheme: &[u8] = if request.is_secure { b"https://" } else { b"http://" };
        let authority = request.target.authority().map(|authority| authority.as_str().as_bytes());
        let host = authority.or_else(|| only(header::HOST));
        origin.as_bytes().strip_prefix(scheme).is_some_and(|own| host.is_some_and(|host| host.eq_ignore_ascii_case(own)))
    };
    constant_time::is_equal(sent.as_bytes(), token.text().as_bytes())
        && only(SEC_FETCH_SITE) == Some(b"same-origin")
        && request.headers.get_all(header::ORIGIN).iter().all(is_own_origin)
}

pub(super) fn forbidden(code: &'static str, message: String) -> ControlError {
    ControlError::new(StatusCode::FORBIDDEN, code, message)
}

fn has_token(control: &Control, request: &Request) -> bool {
    let Some(token) = control.token() else { return false };
    let bearer = request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let bearer = bearer.and_then(|value| value.strip_prefix(b"Bearer "));
    let dedicated = request.headers.get(TOKEN).map(HeaderValue::as_bytes);
    dedicated.into_iter().chain(bearer).any(|sent| constant_time::is_equal(sent, token.as_bytes()))
}

/// Whether a header is one that proxies add.
fn is_of_proxy(name: &HeaderName) -> bool {
    const NAMES: [&str; 9] = [
        "cf-connecting-ip",
        "fastly-client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-azure-clientip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-real-ip",
    ];
    let name = name.as_str();
    NAMES.contains(&name) || ["x-forwarded", "x-original-", "x-envoy-"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether an address names a machine. The unspecified ones lead browsers to this machine, and to pages of any origin that some of them
/// do not count as local.
fn is_specified(address: IpAddr) -> bool {
    !address.to_canonical().is_unspecified()
}

/// Whether text is a host with an optional port (RFC 9110, 7.2), and the host an address or a loopback name. An address cannot be
/// rebound by a name server.
fn is_local_host(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) => (address.parse::<Ipv6Addr>().is_ok_and(|address| is_specified(address.into())), port),
        Some(None) => return false,
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_local_name(name), port)
        }
    };
    // An empty port is valid (RFC 3986, 3.2.3).
    let is_port = |port: &str| port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Whether a name without a port is an IPv4 address or a loopback name. One dot at its end makes it absolute.
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_loopback = name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"));
    name.parse::<Ipv4Addr>().is_ok_and(|address| is_specified(address.into())) || (is_loopback && name.split('.').all(is_label))
}
