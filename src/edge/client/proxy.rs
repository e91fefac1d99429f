//! Proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, and `NO_PROXY`, also in lower case, which counts first as for curl.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::uri::Authority;
use http::{Method, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;

use crate::edge::http_client::{AddressPolicy, connect_tcp, host_without_brackets};

/// A proxy that requests go through.
#[derive(Clone)]
pub(super) struct UpstreamProxy {
    authority: Authority,
    /// Its credentials, if it has any.
    authorization: Option<HeaderValue>,
    /// The variable that names it.
    variable: &'static str,
}

/// Omits the credentials.
impl fmt::Display for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{} ({})", self.authority.host(), self.port(), self.variable)
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl UpstreamProxy {
    /// Returns the proxy for a host, by the variables of the environment. Hosts of this machine have none.
    ///
    /// # Errors
    ///
    /// Fails on a variable with an invalid value, with a message that names it.
    pub(super) fn of_environment(
        is_https: bool,
        host: &str,
        port: u16,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<UpstreamProxy>, String> {
        let text = |name: &str| match variable(name).filter(|value| !value.is_empty()) {
            Some(value) => value.into_string().map(Some).map_err(|_| format!("invalid {name}: not UTF-8")),
            None => Ok(None),
        };
        let host = host_without_brackets(host).trim_end_matches('.').to_ascii_lowercase();
        let names = if is_https { ["https_proxy", "HTTPS_PROXY"] } else { ["http_proxy", "HTTP_PROXY"] };
        let mut proxy = None;
        for name in names {
            if let Some(value) = text(name)?.filter(|_| proxy.is_none()) {
                proxy = Some(UpstreamProxy::read(name, value.trim())?);
            }
        }
        if proxy.is_none() {
            return Ok(None);
        }
        let mut is_excluded = is_of_this_machine(&host);
        for name in ["no_proxy", "NO_PROXY"] {
            let Some(value) = text(name)? else { continue };
            for entry in value.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
                let excludes = excludes(entry, &host, port);
                is_excluded |= excludes.ok_or_else(|| format!("invalid {name}: '{entry}' is not a host, address or network"))?;
            }
            break;
        }
        Ok(proxy.filter(|_| !is_excluded))
    }

    fn read(variable: &'static str, text: &str) -> Result<UpstreamProxy, String> {
        // The value may have a password, so that messages leave it out.
        let invalid = || format!("invalid {variable}: expected http://host:port");
        let address = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(format!("unsupported {variable}: scheme {scheme}, expected http://host:port"));
            }
            Some(_) => return Err(invalid()),
            None => text,
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let (credentials, address) = match address.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, address),
        };
        let authority: Authority = address.parse().map_err(|_| invalid())?;
        // A port that is not a number is read as none.
        if authority.host().is_empty() || authority.as_str().len() != authority.host().len() && authority.port_u16().is_none() {
            return Err(invalid());
        }
        let authorization = credentials.map(|credentials| {
            let decoded: Vec<u8> = percent_decode_str(credentials).collect();
            let decoded = if decoded.contains(&b':') { decoded } else { [&decoded[..], b":"].concat() };
            let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(decoded)))
                .expect("base64 has the characters of a header's value only");
            value.set_sensitive(true);
            value
        });
        Ok(UpstreamProxy { authority, authorization, variable })
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// Addresses a request without TLS to the proxy: with the whole address of its target, and with the proxy's credentials.
    pub(super) fn address<B>(&self, request: &mut Request<B>, authority: &Authority) {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        if let Ok(uri) = format!("http://{authority}{target}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
    }

    /// Connects to the proxy.
    ///
    /// # Errors
    ///
    /// Fails with a message that names the proxy.
    pub(super) async fn connect(&self) -> Result<TcpStream, String> {
        let stream = connect_tcp(host_without_brackets(self.authority.host()), self.port(), AddressPolicy::Any).await;
        stream.map_err(|error| self.failed(error))
    }

    /// Connects through the proxy to a host.
    ///
    /// # Errors
    ///
    /// Fails with a message that names the proxy, also if the proxy refuses it.
    pub(super) async fn connect_to(&self, host: &str, port: u16) -> Result<TcpStream, String> {
        let stream = self.connect().await?;
        self.tunnel(stream, host, port).await.map_err(|problem| self.failed(problem))
    }

    fn failed(&self, problem: impl fmt::Display) -> String {
        format!("cannot connect through the proxy {self}: {problem}")
    }

    async fn tunnel(&self, stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, String> {
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = target.parse().map_err(|_| format!("invalid host '{host}'"))?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::try_from(target).map_err(|_| format!("invalid host '{host}'"))?);
        if let Some(authorization) = &self.authorization {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection.with_upgrades());
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("CONNECT refused with {}", answer.status()));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(|error| error.to_string())?;
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            // In a tunnel, TLS begins with the client.
            Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
            _ => Err("unexpected bytes after the answer to CONNECT".to_owned()),
        }
    }
}

/// Whether a name or an address is of this machine, which a proxy cannot reach.
fn is_of_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// Returns whether an entry of `NO_PROXY` excludes a host: `*`, a domain, an address, a network, each of the first two with a port or
/// without; `None` if the entry is invalid.
fn excludes(entry: &str, host: &str, port: u16) -> Option<bool> {
    if entry == "*" {
        return Some(true);
    }
    if let Some((network, length)) = entry.split_once('/') {
        // macOS leaves out zeros at the end: 169.254/16.
        let zeros = if network.contains(':') { 0 } else { 3_usize.saturating_sub(network.matches('.').count()) };
        return is_in_network(format!("{network}{}", ".0".repeat(zeros)).parse().ok()?, length.parse().ok()?, host);
    }
    if let Ok(address) = host_without_brackets(entry).parse::<IpAddr>() {
        return Some(host.parse::<IpAddr>().is_ok_and(|host| host.to_canonical() == address.to_canonical()));
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok()?)),
        None => (entry, None),
    };
    let name = host_without_brackets(name.strip_prefix('*').unwrap_or(name)).trim_matches('.').to_ascii_lowercase();
    if name.is_empty() {
        return None;
    }
    let is_of_domain = host.strip_suffix(&*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    Some(is_of_domain && only_port.is_none_or(|only| only == port))
}

/// Returns whether a host is an address of a network; `None` if the length of the network's prefix is invalid.
fn is_in_network(network: IpAddr, length: u32, host: &str) -> Option<bool> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (32_u32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, u128::from(address)),
    };
    let (width, network) = bits(network);
    let shift = width.checked_sub(length)?;
    let Ok(host) = host.parse::<IpAddr>() else { return Some(false) };
    let (host_width, host) = bits(host.to_canonical());
    let prefix = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
    Some(width == host_width && prefix(network) == prefix(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the proxy for `https://graph.microsoft.com` or another host.
    fn found(variables: &[(&str, &str)], is_https: bool, host: &str, port: u16) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let (_, value) = variables.iter().find(|(other, _)| *other == name)?;
            Some(OsString::from(value))
        };
        Ok(UpstreamProxy::of_environment(is_https, host, port, variable)?.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn the_scheme_chooses_the_variable_and_lower_case_counts_first() {
        let all = [
            ("HTTPS_PROXY", "http://upper:3128"),
            ("https_proxy", "http://lower:3128/"),
            ("HTTP_PROXY", "plain:8080"),
            ("http_proxy", ""),
        ];
        let of = |variables, is_https| found(variables, is_https, "graph.microsoft.com", 443).unwrap();
        assert_eq!(of(&all, true).as_deref(), Some("http://lower:3128 (https_proxy)"));
        assert_eq!(of(&all[..1], true).as_deref(), Some("http://upper:3128 (HTTPS_PROXY)"));
        assert_eq!(of(&all, false).as_deref(), Some("http://plain:8080 (HTTP_PROXY)"));
        assert_eq!(of(&[("HTTPS_PROXY", "HTTP://[::1]")], true).as_deref(), Some("http://[::1]:80 (HTTPS_PROXY)"));
        assert_eq!(of(&[], true), None);
    }

    #[test]
    fn hosts_are_excluded_by_name_address_and_network() {
        let proxied = |no_proxy: &str, host: &str, port: u16| {
            let variables = [("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", no_proxy)];
            found(&variables, true, host, port).unwrap().is_some()
        };
        for (no_proxy, host, expected) in [
            ("", "graph.microsoft.com", true),
            ("*", "graph.microsoft.com", false),
            ("microsoft.com", "graph.microsoft.com", false),
            (".microsoft.com", "Graph.Microsoft.com.", false),
            ("*.microsoft.com", "graph.microsoft.com", false),
            ("a.example, graph.microsoft.com:443", "graph.microsoft.com", false),
            ("graph.microsoft.com:8443", "graph.microsoft.com", true),
            ("soft.com", "graph.microsoft.com", true),
            ("graph.microsoft.com.example", "graph.microsoft.com", true),
            ("192.0.2.1", "192.0.2.1", false),
            ("192.0.2.0/24", "192.0.2.255", false),
            ("192.0.2.0/24", "192.0.3.0", true),
            ("0.0.0.0/0", "192.0.2.1", false),
            ("2001:db8::/32,10.0.0.0/8", "[2001:db8::1]", false),
            ("*.local, 169.254/16", "169.254.1.1", false),
            ("10/8", "10.1.2.3", false),
            ("::/0", "192.0.2.1", true),
            ("10.0.0.0/8", "graph.microsoft.com", true),
            ("", "localhost", false),
            ("", "a.localhost", false),
            ("", "127.0.0.2", false),
            ("", "[::1]", false),
        ] {
            assert_eq!(proxied(no_proxy, host, 443), expected, "{no_proxy:?} {host}");
        }
    }

    #[test]
    fn invalid_values_are_named_without_their_passwords() {
        for (name, value, message) in [
            ("HTTPS_PROXY", "http://user:secret@", "invalid HTTPS_PROXY: expected http://host:port"),
            ("HTTPS_PROXY", "http://proxy:port", "invalid HTTPS_PROXY: expected http://host:port"),
            ("https_proxy", "proxy:99999", "invalid https_proxy: expected http://host:port"),
            ("HTTPS_PROXY", "http://proxy:80/path", "invalid HTTPS_PROXY: expected http://host:port"),
            ("HTTPS_PROXY", "a b", "invalid HTTPS_PROXY: expected http://host:port"),
            ("HTTPS_PROXY", "socks5://u:secret@p:1", "unsupported HTTPS_PROXY: scheme socks5, expected http://host:port"),
            ("NO_PROXY", "a.example,10.0.0.0/33", "invalid NO_PROXY: '10.0.0.0/33' is not a host, address or network"),
            ("no_proxy", "http://a.example", "invalid no_proxy: 'http://a.example' is not a host, address or network"),
        ] {
            let proxy = ("HTTPS_PROXY", "http://proxy:3128");
            assert_eq!(found(&[(name, value), proxy], true, "graph.microsoft.com", 443).unwrap_err(), message, "{value}");
        }
        let proxy = UpstreamProxy::read("HTTPS_PROXY", "http://us%65r:p%40ss@proxy:3128").unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic dXNlcjpwQHNz");
        assert!(!format!("{proxy} {proxy:?}").contains("p@ss"));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_value_can_be_read(value in prop_oneof![any::<String>(), "[htp:/@.a1\\[\\]%*]{0,16}"], host in "[a1.:]{0,8}") {
            let _ = found(&[("HTTPS_PROXY", &value)], true, &host, 443);
            let _ = found(&[("NO_PROXY", &value)], true, &host, 443);
        }
    }
}
