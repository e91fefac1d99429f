//! A reverse proxy that records exchanges without private data.
//!
//! Bodies are streamed, with a copy of bounded size for the recording. All requests go to one upstream, redirects are passed on
//! rather than followed. Links to the upstream lead the client to the recorder; the recording has them as they were. An exchange is redacted before any of it is written to disk, and the recording once more when it is complete:
//! the file is made at the end.

mod links;
mod spool;
mod tee;
mod writer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use percent_encoding::percent_decode_str;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::edge::client::{NoAnswer, Upstream, texts};
use crate::edge::server;
use crate::edge::server::accept::{Accepted, accept};
use crate::text::exchange::{self, is_of_connection, without_connection};
use crate::text::json;
use crate::text::redact::{RedactionRules, Redactor, mask_target};
use links::{JsonLinks, LinkRewriter, RewrittenBody};
use tee::{BodyCopy, ExchangeRecord, Tee};
use writer::RecordingWriter;

/// Time limit for requests in flight when the recorder stops. A recorder that is killed while it waits leaves no recording.
const GRACE: std::time::Duration = server::GRACE;

/// Maximum number of idle connections to the upstream.
const IDLE_LIMIT: usize = 16;

/// The settings of a recorder.
#[derive(Debug)]
pub struct RecordOptions {
    /// The service behind the proxy.
    pub upstream: Upstream,
    /// The folder for recordings, created if absent.
    pub folder: PathBuf,
    /// Redaction rules in addition to the built-in ones.
    pub rules: RedactionRules,
    /// TLS beside plain HTTP, on the same port.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Maximum length of a JSON body that is read before it is sent on, so that it has a length again after its links have changed. Longer
/// ones, and those without a length, are streamed.
const LENGTH_LIMIT: u64 = 8 * 1024 * 1024;

/// The state shared by all connections.
#[derive(Debug)]
struct Proxy {
    upstream: Upstream,
    writer: Arc<Mutex<RecordingWriter>>,
    idle: Mutex<Vec<SendRequest<Tee>>>,
}

/// Records until `shutdown` is ready; returns the number of recorded exchanges and their file.
///
/// # Errors
///
/// Fails with a message for users if the folder cannot be created or an exchange cannot be written.
pub async fn run(
    listener: TcpListener,
    options: RecordOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(usize, Option<PathBuf>), String> {
    run_with(listener, options, shutdown, std::future::pending()).await
}

/// Records like [`run`]. When `hurry` is ready, requests in flight are no longer waited for.
///
/// # Errors
///
/// Fails like [`run`].
pub(crate) async fn run_with(
    listener: TcpListener,
    options: RecordOptions,
    shutdown: impl Future<Output = ()>,
    hurry: impl Future<Output = ()>,
) -> Result<(usize, Option<PathBuf>), String> {
    let redactor = Redactor::new(options.rules, 1);
    let writer = Arc::new(Mutex::new(RecordingWriter::new(options.folder, redactor)?));
    let proxy = Arc::new(Proxy { upstream: options.upstream, writer: writer.clone(), idle: Mutex::new(Vec::new()) });
    let tls = options.tls.map(|config| {
        // One protocol to both sides.
        let mut config = (*config).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    });
    let graceful = GracefulShutdown::new();
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // File descriptors become free when other connections end.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                // Without the option a connection is slower, but works.
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream, tls.clone(), proxy.clone(), graceful.watcher(), stopping.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    // Connections without a request so far end at once.
    drop(stop);
    tokio::select! {
        ended = tokio::time::timeout(GRACE, graceful.shutdown()) => if ended.is_err() {
            tracing::warn!("closing busy connections after {} s", GRACE.as_secs());
        },
        () = hurry => tracing::warn!("closing busy connections"),
    }
    connections.shutdown().await;
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    writer.finish()
}

/// Serves a connection, over TLS if the client begins with it.
async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    proxy: Arc<Proxy>,
    watcher: Watcher,
    mut stopping: watch::Receiver<()>,
) {
    let local = stream.local_addr().ok();
    let accepted = tokio::select! {
        accepted = accept(stream, tls.as_ref()) => accepted,
        _ = stopping.changed() => return,
    };
    match accepted {
        Some(Accepted::Plain(stream, _)) => serve_http(stream, "http", local, proxy, watcher).await,
        Some(Accepted::Tls(stream, _)) => serve_http(*stream, "https", local, proxy, watcher).await,
        None => {}
    }
}

async fn serve_http<S>(stream: S, scheme: &'static str, local: Option<SocketAddr>, proxy: Arc<Proxy>, watcher: Watcher)
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    S: 'static,
{
    let service = service_fn(move |request| {
        let proxy = proxy.clone();
        async move { Ok::<_, std::convert::Infallible>(proxy.forward(request, scheme, local).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("connection ended: {error}");
    }
}

type ProxyBody = BoxBody<Bytes, hyper::Error>;

impl Proxy {
    /// Forwards a request to the upstream, and returns its answer.
    async fn forward(
        &self,
        request: http::Request<Incoming>,
        scheme: &'static str,
        local: Option<SocketAddr>,
    ) -> Response<ProxyBody> {
        let (head, incoming) = request.into_parts();
        let rewriter = LinkRewriter::new(self.upstream.clone(), own_address(&head, scheme, local));
        // A tunnel would bypass the upstream, to which all requests go regardless of their host.
        if head.method == Method::CONNECT {
            let message = format!("CONNECT is not supported, send requests for {} here", self.upstream.base());
            return refusal(StatusCode::MISDIRECTED_REQUEST, "MisdirectedRequest", &message);
        }
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let has_no_body = incoming.is_end_stream();
        let request_copy = BodyCopy::default();
        let build = |body: Tee| {
            let mut request = http::Request::new(body);
            *request.method_mut() = head.method.clone();
            *request.uri_mut() = self.upstream.target(&target)?;
            for (name, value) in &head.headers {
                // Without this header, answers are not compressed and can be redacted.
                if !is_of_connection(name) && name != header::ACCEPT_ENCODING {
                    request.headers_mut().append(name, value.clone());
                }
            }
            let host = HeaderValue::from_str(self.upstream.host()).map_err(|error| self.upstream.no_answer(error.to_string()))?;
            request.headers_mut().insert(header::HOST, host);
            Ok(request)
        };
        let body = Tee::new(incoming, request_copy.clone(), None);
        let sent = if has_no_body && head.method.is_idempotent() {
            match self.send_on_idle(&build).await {
                Some(answer) => Ok(answer),
                None => self.send_on_new(build(body)).await,
            }
        } else {
            // A body can be sent only once, and requests that are not idempotent must be, so these use a new connection.
            self.send_on_new(build(body)).await
        };
        let (sender, answer) = match sent {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!("{} {}: {error}", head.method, mask_target(head.uri.path()));
                return refusal(StatusCode::BAD_GATEWAY, "BadGateway", &error.to_string());
            }
        };
        let (answer_head, answer_body) = answer.into_parts();
        let mut response = Response::new(());
        *response.status_mut() = answer_head.status;
        for (name, value) in &answer_head.headers {
            if !is_of_connection(name) || name == header::CONTENT_LENGTH {
                let link = value.to_str().ok().filter(|_| links::HEADERS.contains(&name.as_str()));
                let link = link.and_then(|link| HeaderValue::try_from(rewriter.rewritten(link)?).ok());
                response.headers_mut().append(name, link.unwrap_or_else(|| value.clone()));
            }
        }
        // The query is not logged, since it may contain private data.
        tracing::info!("{} {} {}", head.method, mask_target(head.uri.path()), answer_head.status.as_u16());
        let path = percent_decode_str(target.split('?').next().unwrap_or_default()).decode_utf8_lossy();
        let is_batch = path.to_ascii_lowercase().ends_with("/$batch");
        let record = ExchangeRecord {
            request: exchange::RecordedRequest {
                method: head.method,
                target,
                headers: without_connection(texts(&head.headers)),
                body: Bytes::new(),
            },
            request_copy,
            response: exchange::RecordedResponse {
                status: answer_head.status,
                headers: without_connection(texts(&answer_head.headers)),
                body: Bytes::new(),
            },
            writer: self.writer.clone(),
        };
        self.add_idle(sender);
        let length = answer_body.size_hint().exact();
        let body = Tee::new(answer_body, BodyCopy::default(), Some(Box::new(record)));
        if length == Some(0) || !has_plain_json(&answer_head.headers) {
            return response.map(|()| BoxBody::new(body));
        }
        let body = RewrittenBody::new(body, JsonLinks::new(rewriter, is_batch));
        if length.is_none_or(|length| length > LENGTH_LIMIT) {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            return response.map(|()| BoxBody::new(body));
        }
        match body.collect().await {
            Ok(collected) => {
                let bytes = collected.to_bytes();
                response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
                response.map(|()| full(bytes))
            }
            Err(error) => {
                let error = self.upstream.no_answer(format!("answer interrupted: {error}"));
                tracing::error!("{error}");
                refusal(StatusCode::BAD_GATEWAY, "BadGateway", &error.to_string())
            }
        }
    }

    async fn send_on_idle(
        &self,
        build: &impl Fn(Tee) -> Result<http::Request<Tee>, NoAnswer>,
    ) -> Option<(SendRequest<Tee>, Response<Incoming>)> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // A connection that still streams its last answer is closed afterwards.
        let mut sender = idle.filter(SendRequest::is_ready)?;
        let request = build(Tee::empty()).ok()?;
        let answer = self.upstream.send_on(&mut sender, request).await.ok()?;
        Some((sender, answer))
    }

    async fn send_on_new(
        &self,
        request: Result<http::Request<Tee>, NoAnswer>,
    ) -> Result<(SendRequest<Tee>, Response<Incoming>), NoAnswer> {
        let request = request?;
        let mut sender = self.upstream.connect().await?;
        let answer = self.upstream.send_on(&mut sender, request).await?;
        Ok((sender, answer))
    }

    /// Makes a connection available to later requests.
    fn add_idle(&self, sender: SendRequest<Tee>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_LIMIT {
            idle.push(sender);
        }
    }
}

fn full(bytes: Bytes) -> ProxyBody {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// Returns the address of the recorder as the client knows it, from its request.
fn own_address(head: &http::request::Parts, scheme: &'static str, local: Option<SocketAddr>) -> String {
    let is_plain = |authority: &Authority| !authority.as_str().contains('@');
    let host = || head.headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok().filter(is_plain);
    match (head.uri.scheme_str(), head.uri.authority().cloned().filter(is_plain).or_else(host), local) {
        // The client uses the recorder as its proxy.
        (Some(other), Some(authority), _) => format!("{other}://{authority}"),
        (_, Some(authority), _) => format!("{scheme}://{authority}"),
        (_, None, Some(local)) => format!("{scheme}://{local}"),
        (_, None, None) => format!("{scheme}://localhost"),
    }
}

/// Whether links in a body can be changed: in JSON as it is, without an encoding.
fn has_plain_json(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    (media_type == "application/json" || media_type.ends_with("+json")) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Returns an error answer of the recorder in Graph's format, so that clients display the message.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<ProxyBody> {
    let message = json::quoted(&format!("wfi-emulator record: {message}"));
    let body = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":{message}}}}}");
    let body = full(Bytes::from(body));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
