//! The proxy: the hosts that the emulator answers for, and the refusals of requests to others. No I/O.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::header::{HeaderMap, PROXY_AUTHORIZATION};
use http::uri::Authority;
use rustls::ServerConfig;

use crate::world::name;

/// The hosts of Graph and Entra in all clouds (learn.microsoft.com/graph/deployments; the instance discovery of Entra; the lists of known
/// hosts in AzureAD/microsoft-authentication-library-for-python and -for-js).
pub(crate) const HOSTS: [&str; 17] = [
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.usgovcloudapi.net",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login-us.microsoftonline.com",
    "login.microsoftonline.de",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

/// The port of tunnels: that of HTTPS.
const HTTPS: u16 = 443;

/// Maximum number of refused hosts that are counted by name.
const NAMED: usize = 100;

/// The header by which a client names itself to a proxy, in the form of some clients.
const PROXY_CONNECTION: &str = "proxy-connection";

/// The hosts that the emulator answers for when it is addressed as a proxy.
#[derive(Debug, Default)]
pub struct Proxy {
    /// TLS of the hosts of Graph and Entra. Tunnels need it.
    tls: Option<Arc<ServerConfig>>,
    /// Further hosts, in lower case, with the TLS of an authority for them.
    intercepted: Option<(Vec<String>, Arc<ServerConfig>)>,
    counts: Counts,
}

/// Counts of tunnels and requests.
#[derive(Debug, Default)]
struct Counts {
    tunnels: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
    hosts: Mutex<BTreeMap<Box<str>, u64>>,
}

/// Tunnels and requests since the start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ProxyReport {
    /// The number of tunnels to answered hosts.
    pub tunnels: u64,
    /// The number of requests to answered hosts without a tunnel.
    pub requests: u64,
    /// The number of tunnels and requests that were refused.
    pub refused: u64,
    /// Refusals by host, of the first hundred hosts.
    pub hosts: BTreeMap<Box<str>, u64>,
}

/// The reason for which the proxy refuses a tunnel or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProxyRefusal {
    /// The target is not a host with a port.
    Malformed,
    /// The host is neither one of Graph and Entra nor one of `--intercept`.
    OtherHost(Box<str>),
    /// A tunnel to another port than that of HTTPS.
    OtherPort(Box<str>, u16),
    /// Tunnels need a certificate.
    WithoutTls,
    /// The user of the proxy is not the name of a world.
    InvalidWorld(Box<str>),
}

impl ProxyRefusal {
    /// Returns the text for people, in the answer and in the log.
    pub(crate) fn text(&self) -> String {
        match self {
            ProxyRefusal::Malformed => "invalid target of CONNECT: expected HOST:443".to_owned(),
            ProxyRefusal::OtherHost(host) => format!(
                "host not answered: {host} is not a host of Graph or Entra. Add it with --intercept {host}, or have the client reach it \
                 directly with NO_PROXY={host}"
            ),
            ProxyRefusal::OtherPort(host, port) => {
                format!("port not answered: a tunnel to {host} is for port {HTTPS}, not {port}")
            }
            ProxyRefusal::WithoutTls => "tunnel needs TLS: start the emulator with --tls".to_owned(),
            ProxyRefusal::InvalidWorld(user) => format!(
                "invalid world name '{user}' as the user of the proxy: use 1–{} letters, digits, `-_.~`",
                name::NAME_LIMIT
            ),
        }
    }

    /// Returns the status of the answer.
    pub(crate) fn status(&self) -> http::StatusCode {
        match self {
            ProxyRefusal::Malformed | ProxyRefusal::InvalidWorld(_) => http::StatusCode::BAD_REQUEST,
            _ => http::StatusCode::FORBIDDEN,
        }
    }
}

/// A host that the emulator answers for in a tunnel, with the world that the user of the proxy names.
#[derive(Clone, Debug)]
pub(crate) struct TunnelTarget {
    pub(crate) host: Box<str>,
    pub(crate) world: Option<Box<str>>,
    pub(crate) tls: Arc<ServerConfig>,
}

impl Proxy {
    /// Returns a proxy whose tunnels have this TLS.
    pub fn new(tls: Option<Arc<ServerConfig>>) -> Proxy {
        Proxy { tls, ..Proxy::default() }
    }

    /// Has it answer for further hosts, with the TLS of an authority for them.
    #[must_use]
    pub fn intercepting(self, hosts: &[String], tls: Arc<ServerConfig>) -> Proxy {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Proxy { intercepted: Some((hosts, tls)), ..self }
    }

    /// Decides about a tunnel.
    pub(crate) fn tunnel(&self, target: &Uri, headers: &HeaderMap) -> Result<TunnelTarget, ProxyRefusal> {
        let authority = target.authority().filter(|_| target.scheme().is_none());
        let decided = authority.ok_or(ProxyRefusal::Malformed).and_then(|authority| self.tunnel_to(authority, headers));
        match &decided {
            Ok(_) => _ = self.counts.tunnels.fetch_add(1, Ordering::Relaxed),
            Err(refusal) => self.counts.refuse(refusal),
        }
        decided
    }

    fn tunnel_to(&self, authority: &Authority, headers: &HeaderMap) -> Result<TunnelTarget, ProxyRefusal> {
        let host = host_of(authority);
        let port = authority.port_u16().ok_or(ProxyRefusal::Malformed)?;
        let tls = self.tls_of(&host)?;
        if port != HTTPS {
            return Err(ProxyRefusal::OtherPort(host, port));
        }
        let tls = tls.ok_or(ProxyRefusal::WithoutTls)?.clone();
        Ok(TunnelTarget { host, world: world_of(headers)?, tls })
    }

    /// Decides about a request with an absolute address: returns the world that the user of the proxy names.
    pub(crate) fn request(&self, authority: &Authority, headers: &HeaderMap) -> Result<Option<Box<str>>, ProxyRefusal> {
        let decided = self.tls_of(&host_of(authority)).and_then(|_| world_of(headers));
        match &decided {
            Ok(_) => _ = self.counts.requests.fetch_add(1, Ordering::Relaxed),
            Err(refusal) => self.counts.refuse(refusal),
        }
        decided
    }

    /// Returns the TLS of a host, if there is any.
    fn tls_of(&self, host: &str) -> Result<Option<&Arc<ServerConfig>>, ProxyRefusal> {
        if HOSTS.contains(&host) {
            return Ok(self.tls.as_ref());
        }
        match &self.intercepted {
            Some((hosts, tls)) if hosts.iter().any(|known| **known == *host) => Ok(Some(tls)),
            _ => Err(ProxyRefusal::OtherHost(host.into())),
        }
    }

    /// Returns the counts of tunnels and requests.
    pub fn report(&self) -> ProxyReport {
        let Counts { tunnels, requests, refused, hosts } = &self.counts;
        ProxyReport {
            tunnels: tunnels.load(Ordering::Relaxed),
            requests: requests.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            hosts: hosts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Counts {
    fn refuse(&self, refusal: &ProxyRefusal) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let ProxyRefusal::OtherHost(host) = refusal else { return };
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = hosts.get_mut(host) {
            *count += 1;
        } else if hosts.len() < NAMED {
            hosts.insert(host.clone(), 1);
        }
    }
}

/// Whether a host of a request with an absolute address is this machine, which needs no proxy.
pub(crate) fn is_own(authority: &Authority) -> bool {
    let host = host_of(authority);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    *host == *"localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Returns the host of an authority in lower case, without the dot of the root.
pub(crate) fn host_of(authority: &Authority) -> Box<str> {
    authority.host().trim_end_matches('.').to_ascii_lowercase().into()
}

/// Removes the headers that are for the proxy alone.
pub(crate) fn remove_headers(headers: &mut HeaderMap) {
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(PROXY_CONNECTION);
}

/// Returns the world that the user of the proxy names, if any. A password counts for nothing.
fn world_of(headers: &HeaderMap) -> Result<Option<Box<str>>, ProxyRefusal> {
    let Some(value) = headers.get(PROXY_AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let credentials = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded =
        credentials.and_then(|(_, text)| STANDARD.decode(text.trim()).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let user = decoded.as_deref().map_or("", |text| text.split(':').next().unwrap_or_default());
    match user {
        "" => Ok(None),
        user if name::is_valid(user) => Ok(Some(user.into())),
        user => Err(ProxyRefusal::InvalidWorld(user.chars().take(name::NAME_LIMIT).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(user: &str) -> HeaderMap {
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user))).unwrap();
        [(PROXY_AUTHORIZATION, value)].into_iter().collect()
    }

    #[test]
    fn every_target_is_answered_or_refused_for_its_reason() {
        let proxy = Proxy::default();
        let none = HeaderMap::new();
        for (target, expected) in [
            ("graph.microsoft.com:443", ProxyRefusal::WithoutTls),
            ("Login.MicrosoftOnline.US.:443", ProxyRefusal::WithoutTls),
            ("graph.microsoft.com:80", ProxyRefusal::OtherPort("graph.microsoft.com".into(), 80)),
            ("graph.microsoft.com", ProxyRefusal::Malformed),
            ("/v1.0/me", ProxyRefusal::Malformed),
            ("https://graph.microsoft.com:443/", ProxyRefusal::Malformed),
            ("evil-graph.microsoft.com:443", ProxyRefusal::OtherHost("evil-graph.microsoft.com".into())),
            ("graph.microsoft.com.evil.test:443", ProxyRefusal::OtherHost("graph.microsoft.com.evil.test".into())),
            ("graph.microsoft.com@evil.test:443", ProxyRefusal::OtherHost("evil.test".into())),
            ("127.0.0.1:443", ProxyRefusal::OtherHost("127.0.0.1".into())),
            ("localhost:443", ProxyRefusal::OtherHost("localhost".into())),
            ("[::1]:443", ProxyRefusal::OtherHost("[::1]".into())),
        ] {
            assert_eq!(proxy.tunnel(&target.parse().unwrap(), &none).unwrap_err(), expected, "{target}");
        }
        assert_eq!(proxy.report().refused, 12);
        assert_eq!(proxy.report().hosts.len(), 6);
    }

    #[test]
    fn the_user_of_the_proxy_names_the_world() {
        let proxy = Proxy::default();
        let authority = Authority::from_static("graph.microsoft.com");
        let world = |headers: &HeaderMap| proxy.request(&authority, headers);
        assert_eq!(world(&HeaderMap::new()), Ok(None));
        assert_eq!(world(&headers("my-test:secret")), Ok(Some("my-test".into())));
        assert_eq!(world(&headers("my-test")), Ok(Some("my-test".into())));
        assert_eq!(world(&headers(":secret")), Ok(None));
        assert_eq!(world(&headers("a b:")), Err(ProxyRefusal::InvalidWorld("a b".into())));
        let bearer: HeaderMap = [(PROXY_AUTHORIZATION, HeaderValue::from_static("Bearer x"))].into_iter().collect();
        assert_eq!(world(&bearer), Ok(None));
    }

    #[test]
    fn refused_hosts_are_counted_within_bounds() {
        let proxy = Proxy::default();
        for number in 0..1000 {
            let target = format!("host{number}.test:443").parse().unwrap();
            assert!(proxy.tunnel(&target, &HeaderMap::new()).is_err());
        }
        let report = proxy.report();
        assert_eq!((report.refused, report.hosts.len()), (1000, NAMED));
    }
}
