//! HTTP client for one service: sends recorded requests, and forwards requests to an upstream.
//!
//! It connects only to the base address that it was made for and never follows a redirect or a link, so no answer can lead a request,
//! with its token, to another host.

mod proxy;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Response, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use tokio_rustls::TlsConnector;

use crate::edge::client::proxy::UpstreamProxy;
use crate::edge::http_client::{
    self, AddressPolicy, BodyError, Connection, Destination, TlsPolicy, client_config, host_without_brackets, read_body,
    read_roots,
};
use crate::text::exchange::{RecordedRequest, RecordedResponse, is_of_connection};

/// Limit for a connection to be established, for an answer to begin, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Maximum size of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// A service: its base address, and the roots that its certificate must chain to.
#[derive(Clone)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    /// Prefix of all targets, without a slash at its end.
    path: String,
    tls: TlsPolicy,
    proxy: Option<UpstreamProxy>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base())
    }
}

/// The reason why a request got no answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// The base address of the service.
    pub base: String,
    /// The cause, as a message.
    pub reason: String,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.base, self.reason)
    }
}

impl std::error::Error for NoAnswer {}

impl Upstream {
    /// Parses a base address such as `https://graph.microsoft.com`.
    ///
    /// Over TLS the service must present a certificate that chains to a root of `authorities`, a PEM file; without one, to a root of
    /// the platform or of the file in the variable `SSL_CERT_FILE`.
    ///
    /// # Errors
    ///
    /// Fails on an invalid address and on roots that cannot be read, with a message.
    pub fn new(base: &str, authorities: Option<&Path>) -> Result<Upstream, String> {
        let invalid = || {
            // The text in front of an @ may be a password, in an invalid address too.
            let shown = if base.contains('@') { "" } else { base };
            format!("invalid address '{shown}': expected one such as https://graph.microsoft.com")
        };
        let uri: Uri = base.parse().map_err(|_| invalid())?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return Err(invalid()) };
        if authority.as_str().contains('@') {
            return Err("invalid address with a user or a password: expected one such as https://graph.microsoft.com".to_owned());
        }
        if uri.query().is_some() {
            return Err(invalid());
        }
        let tls = match scheme.as_str() {
            "http" => TlsPolicy::Off,
            "https" => TlsPolicy::Configured(connector(authorities)?),
            _ => return Err(invalid()),
        };
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Upstream { scheme: scheme.clone(), authority: authority.clone(), path, tls, proxy: None })
    }

    /// Returns the service, reached through the proxy that variables name for it: `HTTPS_PROXY`, `HTTP_PROXY`, and `NO_PROXY`.
    ///
    /// # Errors
    ///
    /// Fails on a variable with an invalid value, with a message that names it.
    pub(crate) fn with_proxy(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Upstream, String> {
        self.proxy = UpstreamProxy::of_environment(self.scheme == Scheme::HTTPS, self.authority.host(), self.port(), variable)?;
        Ok(self)
    }

    /// Returns the proxy, for people.
    pub(crate) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(UpstreamProxy::to_string)
    }

    /// Returns the base address.
    pub fn base(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }

    /// Returns the value of the header `Host`.
    pub fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the target of a request line for a target below the base address.
    ///
    /// # Errors
    ///
    /// Fails if the target is not a path: anything else would name another host.
    pub fn target(&self, target: &str) -> Result<Uri, NoAnswer> {
        let whole = format!("{}{target}", self.path);
        let uri = whole.parse::<Uri>().ok().filter(|uri| uri.authority().is_none() && whole.starts_with('/'));
        uri.ok_or_else(|| self.no_answer(format!("invalid target '{target}': expected a path")))
    }

    /// Returns the target below the base address that a link leads to; `None` for a link elsewhere.
    pub(crate) fn target_of<'l>(&self, link: &'l str) -> Option<&'l str> {
        let (scheme, rest) = link.split_once("://")?;
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let authority: Authority = authority.parse().ok().filter(|authority: &Authority| !authority.as_str().contains('@'))?;
        let port = authority.port_u16().unwrap_or(self.default_port());
        let is_same = scheme.eq_ignore_ascii_case(self.scheme.as_str())
            && authority.host().eq_ignore_ascii_case(self.authority.host())
            && port == self.port();
        let target = target.strip_prefix(&*self.path).filter(|_| is_same)?;
        (target.is_empty() || target.starts_with(['/', '?', '#'])).then_some(target)
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(self.default_port())
    }

    fn default_port(&self) -> u16 {
        if self.scheme == Scheme::HTTPS { 443 } else { 80 }
    }

    /// Opens a connection, which ends when the sender is dropped.
    ///
    /// # Errors
    ///
    /// Fails without a connection within 30 seconds.
    pub async fn connect<B>(&self) -> Result<SendRequest<B>, NoAnswer>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match tokio::time::timeout(PATIENCE, self.open()).await {
            Ok(Ok(connection)) => {
                tokio::spawn(connection.driver);
                Ok(connection.sender)
            }
            Ok(Err(problem)) => Err(self.no_answer(problem)),
            Err(_) => Err(self.no_answer(format!("no connection within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn open<B>(&self) -> Result<Connection<B>, String>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (host, tls) = (host_without_brackets(self.authority.host()), self.tls.clone());
        let connection = match (&self.proxy, &tls) {
            (None, _) => {
                let (port, addresses) = (self.authority.port_u16(), AddressPolicy::Any);
                http_client::connect(Destination { host, port, addresses, tls }).await
            }
            (Some(proxy), TlsPolicy::Off) => http_client::start(proxy.connect().await?, host, tls).await,
            (Some(proxy), _) => http_client::start(proxy.connect_to(host, self.port()).await?, host, tls).await,
        };
        connection.map_err(|error| error.to_string())
    }

    /// Sends a request on a connection and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// Fails if the connection ends, or no answer begins within 30 seconds.
    pub async fn send_on<B>(
        &self,
        sender: &mut SendRequest<B>,
        mut request: http::Request<B>,
    ) -> Result<Response<Incoming>, NoAnswer>
    where
        B: Body + 'static,
    {
        if let (Some(proxy), TlsPolicy::Off) = (&self.proxy, &self.tls) {
            proxy.address(&mut request, &self.authority);
        }
        match tokio::time::timeout(PATIENCE, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.no_answer(format!("no answer: {}", with_causes(&error)))),
            Err(_) => Err(self.no_answer(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// Returns the error of a request without an answer.
    pub fn no_answer(&self, reason: String) -> NoAnswer {
        NoAnswer { base: self.base(), reason }
    }
}

fn connector(authorities: Option<&Path>) -> Result<TlsConnector, String> {
    let config = match authorities {
        None => client_config(&[])?,
        Some(path) => client_config(&read_roots(path)?).map_err(|problem| format!("{}: {problem}", path.display()))?,
    };
    Ok(TlsConnector::from(config))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Sends requests one after another, on one connection as long as it is open.
#[derive(Debug)]
pub struct HttpClient {
    service: Upstream,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    /// Returns a client that connects with its first request.
    pub fn new(service: Upstream) -> HttpClient {
        HttpClient { service, sender: None }
    }

    /// Sends a request and returns the whole answer.
    ///
    /// # Errors
    ///
    /// Fails without a complete answer of at most 64 MiB.
    pub async fn send(&mut self, request: &RecordedRequest) -> Result<RecordedResponse, NoAnswer> {
        // The service may have closed an idle connection; then the request is sent again on a new one, once. A request that is not
        // idempotent uses a new one at once.
        let idle = self.sender.take().filter(|_| request.method.is_idempotent());
        if let Some(mut sender) = idle
            && sender.ready().await.is_ok()
        {
            let first_try = self.build(request)?;
            if let Ok(answer) = self.service.send_on(&mut sender, first_try).await {
                return self.finish(sender, answer).await;
            }
        }
        let mut sender = self.service.connect().await?;
        let answer = self.service.send_on(&mut sender, self.build(request)?).await?;
        self.finish(sender, answer).await
    }

    async fn finish(
        &mut self,
        sender: SendRequest<Full<Bytes>>,
        answer: Response<Incoming>,
    ) -> Result<RecordedResponse, NoAnswer> {
        let (head, incoming) = answer.into_parts();
        let body = read_body(incoming, ANSWER_LIMIT, PATIENCE).await.map_err(|error| {
            self.service.no_answer(match error {
                BodyError::Interrupted(error) => format!("answer interrupted: {}", with_causes(&error)),
                BodyError::TooLarge => format!("answer larger than {} MiB", ANSWER_LIMIT / 1024 / 1024),
                BodyError::Stalled => format!("answer interrupted: nothing received for {} s", PATIENCE.as_secs()),
            })
        })?;
        self.sender = Some(sender);
        Ok(RecordedResponse { status: head.status, headers: texts(&head.headers), body })
    }

    fn build(&self, request: &RecordedRequest) -> Result<http::Request<Full<Bytes>>, NoAnswer> {
        let mut built = http::Request::new(Full::new(request.body.clone()));
        *built.method_mut() = request.method.clone();
        *built.uri_mut() = self.service.target(&request.target)?;
        let headers = built.headers_mut();
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
                return Err(self.service.no_answer(format!("invalid header '{}'", name.escape_debug())));
            };
            if !is_of_connection(&name) && name != header::ACCEPT_ENCODING {
                headers.append(name, value);
            }
        }
        let host = HeaderValue::from_str(self.service.host()).map_err(|error| self.service.no_answer(error.to_string()))?;
        headers.insert(header::HOST, host);
        if !request.body.is_empty() {
            headers.insert(header::CONTENT_LENGTH, request.body.len().into());
        }
        Ok(built)
    }
}

/// Returns names and values of headers as texts, as recorded exchanges have them.
pub(crate) fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_has_a_scheme_and_a_host_and_nothing_behind_its_path() {
        for (base, host) in [
            ("http://127.0.0.1:9340", "127.0.0.1:9340"),
            ("http://localhost/graph/", "localhost"),
            ("http://[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(Upstream::new(base, None).unwrap().host(), host);
        }
        for base in [
            "",
            "localhost:80",
            "ftp://localhost",
            "http://",
            "http://user:secret@localhost",
            "http//user:secret@localhost",
            "http://localhost/?a",
            "/v1.0",
        ] {
            let problem = Upstream::new(base, None).unwrap_err();
            assert!(problem.starts_with("invalid address") && !problem.contains("secret"), "{base}: {problem}");
        }
    }

    #[test]
    fn no_target_leads_to_another_host() {
        let service = Upstream::new("http://localhost/graph/", None).unwrap();
        assert_eq!(service.target("/v1.0/me?$select=id").unwrap(), "/graph/v1.0/me?$select=id");
        let service = Upstream::new("http://localhost", None).unwrap();
        for target in ["http://elsewhere/v1.0", "elsewhere:80", "", "@elsewhere/", "*"] {
            assert!(service.target(target).is_err(), "{target}");
        }
        assert_eq!(service.target("//elsewhere/v1.0").unwrap().authority(), None);
    }

    #[tokio::test]
    async fn a_request_that_is_not_idempotent_is_sent_once() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        // A service that answers GET, and ends the connection after a POST.
        let serving = tokio::spawn(async move {
            let mut created = 0;
            for _ in 0..2 {
                let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_secs(1), listener.accept()).await else {
                    break;
                };
                let mut seen = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut seen).await {
                    if seen[..length].starts_with(b"POST") {
                        created += 1;
                        break;
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                }
            }
            created
        });
        let mut client = HttpClient::new(Upstream::new(&base, None).unwrap());
        let request = |method| RecordedRequest { method, target: "/".to_owned(), headers: Vec::new(), body: Bytes::new() };
        client.send(&request(http::Method::GET)).await.unwrap();
        client.send(&request(http::Method::POST)).await.unwrap_err();
        drop(client);
        assert_eq!(serving.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_unreachable_service_is_named_in_the_error() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let request =
            RecordedRequest { method: http::Method::GET, target: "/".to_owned(), headers: Vec::new(), body: Bytes::new() };
        let error = HttpClient::new(Upstream::new(&base, None).unwrap()).send(&request).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("{base}: cannot connect: ")), "{error}");
    }
}
