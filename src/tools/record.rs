//! A reverse proxy that records exchanges without private data.
//!
//! Bodies are streamed, with a copy of bounded size for the recording. All requests go to one upstream, redirects are passed on
//! rather than followed. An exchange is redacted before any of it is written to disk, and the recording once more when it is complete:
//! the file is made at the end.

mod spool;
mod tee;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::edge::client::{NoAnswer, Upstream, texts};
use crate::edge::server;
use crate::text::exchange::{self, is_of_connection, without_connection};
use crate::text::json;
use crate::text::redact::{RedactionRules, Redactor, mask_target};
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
}

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
    let graceful = GracefulShutdown::new();
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
                let proxy = proxy.clone();
                let service = service_fn(move |request| {
                    let proxy = proxy.clone();
                    async move { Ok::<_, std::convert::Infallible>(proxy.forward(request).await) }
                });
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let watched = graceful.watch(connection);
                connections.spawn(async move {
                    if let Err(error) = watched.await {
                        tracing::debug!("connection ended: {error}");
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
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

type ProxyBody = BoxBody<Bytes, hyper::Error>;

impl Proxy {
    /// Forwards a request to the upstream, and returns its answer.
    async fn forward(&self, request: http::Request<Incoming>) -> Response<ProxyBody> {
        let (head, incoming) = request.into_parts();
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
                response.headers_mut().append(name, value.clone());
            }
        }
        // The query is not logged, since it may contain private data.
        tracing::info!("{} {} {}", head.method, mask_target(head.uri.path()), answer_head.status.as_u16());
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
        let body = Tee::new(answer_body, BodyCopy::default(), Some(Box::new(record)));
        response.map(|()| BoxBody::new(body))
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

/// Returns an error answer of the recorder in Graph's format, so that clients display the message.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<ProxyBody> {
    let message = json::quoted(&format!("wfi-emulator record: {message}"));
    let body = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":{message}}}}}");
    let body = http_body_util::BodyExt::map_err(Full::new(Bytes::from(body)), |never| match never {});
    let mut response = Response::new(BoxBody::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
