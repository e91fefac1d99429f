//! A small HTTP client for one service: what sends recorded requests and what stands in front of an upstream.
//!
//! It talks to the one base address that it was made for and never follows a redirection or a link, so nothing that an answer says
//! can lead a request, with its token, to another host.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::edge::outgoing;
use crate::text::exchange::{self, is_of_connection};

/// How long a connection may take to come about, and an answer to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of an answer is kept at most.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Where a service is, and how it is recognized.
#[derive(Clone)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    /// The path in front of all targets, without a slash at its end.
    path: String,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base())
    }
}

/// Describes why a request got no answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// The base address of the service.
    pub base: String,
    /// What went wrong, for people.
    pub reason: String,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.base, self.reason)
    }
}

impl std::error::Error for NoAnswer {}

impl Upstream {
    /// Reads a base address such as `https://graph.microsoft.com`.
    ///
    /// Over TLS the service must present a certificate that the roots of `authorities`, a PEM file, vouch for; without it those of
    /// the platform count, or of the file that the variable `SSL_CERT_FILE` names.
    ///
    /// # Errors
    ///
    /// Fails on an address that is none, and on roots that cannot be read, with a text for people.
    pub fn new(base: &str, authorities: Option<&Path>) -> Result<Upstream, String> {
        let wrong = || format!("found the address '{base}', expected one such as https://graph.microsoft.com");
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return Err(wrong()) };
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let tls = match scheme.as_str() {
            "http" => None,
            "https" => Some(TlsConnector::from(tls_config(authorities)?)),
            _ => return Err(wrong()),
        };
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Upstream { scheme: scheme.clone(), authority: authority.clone(), path, tls })
    }

    /// Returns the base address.
    pub fn base(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }

    /// Returns what requests name as their host.
    pub fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the target that a request line has for a target behind the base address.
    pub fn target(&self, target: &str) -> Result<Uri, NoAnswer> {
        let whole = format!("{}{target}", self.path);
        // Only a path can follow; anything else would name another host.
        let uri = whole.parse::<Uri>().ok().filter(|uri| uri.authority().is_none() && whole.starts_with('/'));
        uri.ok_or_else(|| self.no_answer(format!("found the target '{target}', expected a path")))
    }

    /// Opens a connection.
    pub async fn connect<B>(&self) -> Result<SendRequest<B>, NoAnswer>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match tokio::time::timeout(PATIENCE, self.open()).await {
            Ok(connected) => connected,
            Err(_) => Err(self.no_answer(format!("no connection within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn open<B>(&self) -> Result<SendRequest<B>, NoAnswer>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let failed = |error: &dyn fmt::Display| self.no_answer(format!("cannot connect: {error}"));
        let port = self.authority.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await.map_err(|error| failed(&error))?;
        // A connection works without the option, only slower.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.speak(TokioIo::new(stream)).await,
            Some(connector) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
                let stream = connector.connect(name, stream).await;
                let stream = stream.map_err(|error| self.no_answer(format!("cannot agree on TLS: {error}")))?;
                self.speak(TokioIo::new(stream)).await
            }
        }
    }

    async fn speak<S, B>(&self, stream: S) -> Result<SendRequest<B>, NoAnswer>
    where
        S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let spoken = http1::handshake(stream).await;
        let (sender, connection) = spoken.map_err(|error| self.no_answer(format!("cannot speak HTTP: {error}")))?;
        // It ends when the sender is dropped; what goes wrong on it, the sender tells.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Sends a request on a connection and waits for the head of the answer.
    pub async fn send_on<B>(&self, sender: &mut SendRequest<B>, request: http::Request<B>) -> Result<Response<Incoming>, NoAnswer>
    where
        B: Body + 'static,
    {
        match tokio::time::timeout(PATIENCE, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.no_answer(format!("no answer: {}", with_causes(&error)))),
            Err(_) => Err(self.no_answer(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// Says that a request got no answer.
    pub fn no_answer(&self, reason: String) -> NoAnswer {
        NoAnswer { base: self.base(), reason }
    }
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

fn tls_config(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let Some(path) = authorities else { return outgoing::client(&[]) };
    outgoing::client(&outgoing::authorities(path)?).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// Sends whole requests one after another, on one connection as long as that lives.
#[derive(Debug)]
pub struct HttpClient {
    service: Upstream,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    /// Makes a client that connects when it first sends.
    pub fn new(service: Upstream) -> HttpClient {
        HttpClient { service, sender: None }
    }

    /// Sends a request and returns the whole answer.
    pub async fn send(&mut self, request: &exchange::RecordedRequest) -> Result<exchange::RecordedResponse, NoAnswer> {
        // A connection that was kept may be closed by now, which is no answer to anything: then a new one is opened, once. What must
        // not be done twice goes on a new one at once.
        let kept = self.sender.take().filter(|_| request.method.is_idempotent());
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
        {
            let request_again = self.build(request)?;
            if let Ok(answer) = self.service.send_on(&mut sender, request_again).await {
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
    ) -> Result<exchange::RecordedResponse, NoAnswer> {
        let (head, mut incoming) = answer.into_parts();
        let mut body = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            let frame =
                frame.map_err(|error| self.service.no_answer(format!("the answer broke off: {}", with_causes(&error))))?;
            let Ok(data) = frame.into_data() else { continue };
            if body.len() + data.len() > LARGEST_ANSWER {
                return Err(self.service.no_answer(format!("the answer is larger than {} MiB", LARGEST_ANSWER / 1024 / 1024)));
            }
            body.extend_from_slice(&data);
        }
        self.sender = Some(sender);
        Ok(exchange::RecordedResponse { status: head.status, headers: texts(&head.headers), body: body.freeze() })
    }

    fn build(&self, request: &exchange::RecordedRequest) -> Result<http::Request<Full<Bytes>>, NoAnswer> {
        let mut built = http::Request::new(Full::new(request.body.clone()));
        *built.method_mut() = request.method.clone();
        *built.uri_mut() = self.service.target(&request.target)?;
        let headers = built.headers_mut();
        for (name, value) in &request.headers {
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
                return Err(self.service.no_answer(format!("found the header '{name}: {value}', expected one that can be sent")));
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

/// Returns headers as exchanges have them.
pub fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
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
        for base in
            ["", "localhost:80", "ftp://localhost", "http://", "http://user:secret@localhost", "http://localhost/?a", "/v1.0"]
        {
            let problem = Upstream::new(base, None).unwrap_err();
            assert!(problem.starts_with("found the address"), "{base}: {problem}");
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
    async fn what_creates_is_sent_once() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        // A service that answers what reads, and ends the connection behind what creates.
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
        let request =
            |method| exchange::RecordedRequest { method, target: "/".to_owned(), headers: Vec::new(), body: Bytes::new() };
        client.send(&request(http::Method::GET)).await.unwrap();
        client.send(&request(http::Method::POST)).await.unwrap_err();
        drop(client);
        assert_eq!(serving.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_is_told_with_its_address() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let request = exchange::RecordedRequest {
            method: http::Method::GET,
            target: "/".to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        };
        let error = HttpClient::new(Upstream::new(&base, None).unwrap()).send(&request).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("{base}: cannot connect: ")), "{error}");
    }
}
