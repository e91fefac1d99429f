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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// Maximum number of tunnels to other hosts at once, each of which takes two descriptors.
pub(crate) const OTHER_TUNNELS: usize = 32;

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
    others: OtherHosts,
    counts: Counts,
}

/// The rule for tunnels to hosts that the emulator does not answer for.
#[derive(Clone, Debug, Default)]
pub enum OtherHosts {
    /// They are refused.
    #[default]
    Refused,
    /// Clients of this machine get them, as long as a place is free.
    Tunneled(Arc<Semaphore>),
}

impl OtherHosts {
    /// Returns the rule that lets them through.
    pub fn tunneled() -> OtherHosts {
        OtherHosts::Tunneled(Arc::new(Semaphore::new(OTHER_TUNNELS)))
    }
}

/// Counts of tunnels and requests.
#[derive(Debug, Default)]
struct Counts {
    tunnels: AtomicU64,
    others: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
    hosts: Mutex<BTreeMap<Box<str>, u64>>,
}

/// Tunnels and requests since the start.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ProxyReport {
    /// The number of tunnels to answered hosts.
    pub tunnels: u64,
    /// The number of tunnels to other hosts.
    pub others: u64,
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
    /// A tunnel to another host, for a client of another machine.
    Remote(Box<str>),
    /// As many tunnels to other hosts are open as may be.
    Crowded,
    /// Another host has reserved addresses alone.
    Excluded(Box<str>),
    /// Another host cannot be connected to, for a reason.
    Unreachable(Box<str>, String),
    /// Tunnels need a certificate.
    WithoutTls,
    /// The user of the proxy is not the name of a world.
    InvalidWorld,
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
            ProxyRefusal::Remote(host) => format!(
                "remote client refused: only clients of this machine get tunnels to hosts that are not answered, such as {host}"
            ),
            ProxyRefusal::Crowded => format!("too many tunnels: {OTHER_TUNNELS} to hosts that are not answered are open"),
            ProxyRefusal::Excluded(host) => {
                format!("reserved address: {host} is link-local, unspecified, multicast, or a metadata service of a cloud")
            }
            ProxyRefusal::Unreachable(host, reason) => format!("host not reached: {host}: {reason}"),
            ProxyRefusal::WithoutTls => "tunnel needs TLS: start the emulator with --tls".to_owned(),
            // A password may be in the place of the name.
            ProxyRefusal::InvalidWorld => {
                format!("invalid world name as the user of the proxy: use 1–{} letters, digits, `-_.~`", name::NAME_LIMIT)
            }
        }
    }

    /// Returns the status of the answer.
    pub(crate) fn status(&self) -> http::StatusCode {
        match self {
            ProxyRefusal::Malformed | ProxyRefusal::InvalidWorld => http::StatusCode::BAD_REQUEST,
            ProxyRefusal::Crowded => http::StatusCode::SERVICE_UNAVAILABLE,
            ProxyRefusal::Unreachable(..) => http::StatusCode::BAD_GATEWAY,
            _ => http::StatusCode::FORBIDDEN,
        }
    }
}

/// A tunnel that a client may have.
#[derive(Debug)]
pub(crate) enum AdmittedTunnel {
    /// To the emulator itself.
    Answered(TunnelTarget),
    /// To another host.
    Other(OtherTarget),
}

/// Another host that a client may have a tunnel to, as long as it holds the place.
#[derive(Debug)]
pub(crate) struct OtherTarget {
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
    pub(crate) place: OwnedSemaphorePermit,
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

    /// Has it follow a rule for tunnels to other hosts.
    #[must_use]
    pub fn with_others(self, others: OtherHosts) -> Proxy {
        Proxy { others, ..self }
    }

    /// Decides about a tunnel. A client is local if it runs on this machine.
    pub(crate) fn tunnel(&self, target: &Uri, headers: &HeaderMap, is_local: bool) -> Result<AdmittedTunnel, ProxyRefusal> {
        let authority = target.authority().filter(|_| target.scheme().is_none());
        let decided = authority.ok_or(ProxyRefusal::Malformed).and_then(|authority| match self.tunnel_to(authority, headers) {
            Err(ProxyRefusal::OtherHost(host)) => self.tunnel_to_other(host, authority.port_u16(), is_local),
            decided => decided.map(AdmittedTunnel::Answered),
        });
        match &decided {
            Ok(AdmittedTunnel::Answered(_)) => _ = self.counts.tunnels.fetch_add(1, Ordering::Relaxed),
            // Counted once it is connected.
            Ok(AdmittedTunnel::Other(_)) => {}
            Err(refusal) => self.counts.refuse(refusal),
        }
        decided
    }

    fn tunnel_to_other(&self, host: Box<str>, port: Option<u16>, is_local: bool) -> Result<AdmittedTunnel, ProxyRefusal> {
        match (&self.others, port) {
            (OtherHosts::Refused, _) => Err(ProxyRefusal::OtherHost(host)),
            (OtherHosts::Tunneled(_), None) => Err(ProxyRefusal::Malformed),
            (OtherHosts::Tunneled(_), _) if !is_local => Err(ProxyRefusal::Remote(host)),
            (OtherHosts::Tunneled(places), Some(port)) => {
                let place = places.clone().try_acquire_owned().map_err(|_| ProxyRefusal::Crowded)?;
                Ok(AdmittedTunnel::Other(OtherTarget { host, port, place }))
            }
        }
    }

    /// Counts a tunnel to another host, or its failure.
    pub(crate) fn count_other(&self, connected: Result<(), &ProxyRefusal>) {
        match connected {
            Ok(()) => _ = self.counts.others.fetch_add(1, Ordering::Relaxed),
            Err(refusal) => self.counts.refuse(refusal),
        }
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
        let Counts { tunnels, others, requests, refused, hosts } = &self.counts;
        ProxyReport {
            tunnels: tunnels.load(Ordering::Relaxed),
            others: others.load(Ordering::Relaxed),
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
        _ => Err(ProxyRefusal::InvalidWorld),
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
            assert_eq!(proxy.tunnel(&target.parse().unwrap(), &none, true).unwrap_err(), expected, "{target}");
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
        assert_eq!(world(&headers("a b:")), Err(ProxyRefusal::InvalidWorld));
        let bearer: HeaderMap = [(PROXY_AUTHORIZATION, HeaderValue::from_static("Bearer x"))].into_iter().collect();
        assert_eq!(world(&bearer), Ok(None));
    }

    #[test]
    fn other_hosts_have_tunnels_by_their_rule() {
        let proxy = Proxy::default().with_others(OtherHosts::tunneled());
        let tunnel = |target: &str, is_local| proxy.tunnel(&target.parse().unwrap(), &HeaderMap::new(), is_local);
        assert_eq!(tunnel("db.test:443", false).unwrap_err(), ProxyRefusal::Remote("db.test".into()));
        assert_eq!(tunnel("db.test", true).unwrap_err(), ProxyRefusal::Malformed);
        assert_eq!(
            tunnel("graph.microsoft.com:80", true).unwrap_err(),
            ProxyRefusal::OtherPort("graph.microsoft.com".into(), 80)
        );
        let held: Vec<_> = (0..OTHER_TUNNELS).map(|_| tunnel("db.test:5432", true).unwrap()).collect();
        assert!(matches!(&held[0], AdmittedTunnel::Other(target) if *target.host == *"db.test" && target.port == 5432));
        assert_eq!(tunnel("db.test:443", true).unwrap_err(), ProxyRefusal::Crowded);
        drop(held);
        assert!(tunnel("db.test:443", true).is_ok(), "a place is free again");
        assert_eq!(proxy.report().refused, 4);
    }

    #[test]
    fn refused_hosts_are_counted_within_bounds() {
        let proxy = Proxy::default();
        for number in 0..1000 {
            let target = format!("host{number}.test:443").parse().unwrap();
            assert!(proxy.tunnel(&target, &HeaderMap::new(), true).is_err());
        }
        let report = proxy.report();
        assert_eq!((report.refused, report.hosts.len()), (1000, NAMED));
    }
}
