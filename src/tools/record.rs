//! A reverse proxy that writes down what passes, without what is private.
//!
//! Bodies stream through while a copy of bounded size is kept. Everything goes to the one upstream, redirections are passed on and
//! not followed, and an exchange is redacted before any of it reaches the disk.

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
use crate::text::exchange::{self, is_of_connection, without_connection};
use crate::text::json;
use crate::text::redact::{RedactionRules, Redactor};
use tee::{Copied, Tee};
use writer::RecordingWriter;

/// How long requests in flight may take when the recorder stops.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

/// How many idle connections to the upstream are kept.
const IDLE: usize = 16;

/// What is recorded where.
#[derive(Debug)]
pub struct RecordOptions {
    /// The service behind the proxy.
    pub upstream: Upstream,
    /// The folder for recordings, which is made if it is not there.
    pub folder: PathBuf,
    /// What is private beside what is built in.
    pub rules: RedactionRules,
}

/// What all connections share.
#[derive(Debug)]
struct Proxy {
    upstream: Upstream,
    writer: Arc<Mutex<RecordingWriter>>,
    idle: Mutex<Vec<SendRequest<Tee>>>,
}

/// Records until `shutdown` is ready, and returns how many exchanges were written to which file.
///
/// # Errors
///
/// Fails, with a text for people, if the folder cannot be made or an exchange could not be written.
pub async fn run(
    listener: TcpListener,
    options: RecordOptions,
    shutdown: impl Future<Output = ()>,
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
                    // Descriptors come back when other connections end.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                // A connection works without the option, only slower.
                let _ = stream.set_nodelay(true);
                let proxy = proxy.clone();
                let service = service_fn(move |request| {
                    let proxy = proxy.clone();
                    async move { Ok::<_, std::convert::Infallible>(proxy.pass(request).await) }
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
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy after {} s and are cut", GRACE.as_secs());
    }
    connections.shutdown().await;
    let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    writer.outcome()
}

type ProxyBody = BoxBody<Bytes, hyper::Error>;

impl Proxy {
    /// Passes a request on and its answer back.
    async fn pass(&self, request: http::Request<Incoming>) -> Response<ProxyBody> {
        let (head, incoming) = request.into_parts();
        // Whatever host a request names, it goes to the upstream; a tunnel would go past it.
        if head.method == Method::CONNECT {
            let message = format!("only requests for {} are passed on", self.upstream.base());
            return refusal(StatusCode::MISDIRECTED_REQUEST, "MisdirectedRequest", &message);
        }
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let is_bodyless = incoming.is_end_stream();
        let request_copy = Copied::new();
        let build = |body: Tee| {
            let mut request = http::Request::new(body);
            *request.method_mut() = head.method.clone();
            *request.uri_mut() = self.upstream.target(&target)?;
            for (name, value) in &head.headers {
                // Without leave to pack, answers come in a form that can be looked into.
                if !is_of_connection(name) && name != header::ACCEPT_ENCODING {
                    request.headers_mut().append(name, value.clone());
                }
            }
            let host = HeaderValue::from_str(self.upstream.host()).map_err(|error| self.upstream.no_answer(error.to_string()))?;
            request.headers_mut().insert(header::HOST, host);
            Ok(request)
        };
        let body = Tee::new(incoming, request_copy.clone(), None);
        let answered = if is_bodyless && head.method.is_idempotent() {
            match self.send_on_idle(&build).await {
                Some(answered) => Ok(answered),
                None => self.send_anew(build(body)).await,
            }
        } else {
            // A body can be sent only once, and some requests must not be, so they go on a connection that is certainly open.
            self.send_anew(build(body)).await
        };
        let (sender, answer) = match answered {
            Ok(answered) => answered,
            Err(error) => {
                tracing::error!("{} {}: {error}", head.method, head.uri.path());
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
        // A query may hold what is private, and the log may go to a file.
        tracing::info!("{} {} {}", head.method, head.uri.path(), answer_head.status.as_u16());
        let recorded = tee::Finished {
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
        self.keep(sender);
        let body = Tee::new(answer_body, Copied::new(), Some(Box::new(recorded)));
        response.map(|()| BoxBody::new(body))
    }

    async fn send_on_idle(
        &self,
        build: &impl Fn(Tee) -> Result<http::Request<Tee>, NoAnswer>,
    ) -> Option<(SendRequest<Tee>, Response<Incoming>)> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // One whose last answer still streams ends behind it.
        let mut sender = kept.filter(SendRequest::is_ready)?;
        let request = build(Tee::empty()).ok()?;
        let answer = self.upstream.send_on(&mut sender, request).await.ok()?;
        Some((sender, answer))
    }

    async fn send_anew(
        &self,
        request: Result<http::Request<Tee>, NoAnswer>,
    ) -> Result<(SendRequest<Tee>, Response<Incoming>), NoAnswer> {
        let request = request?;
        let mut sender = self.upstream.connect().await?;
        let answer = self.upstream.send_on(&mut sender, request).await?;
        Ok((sender, answer))
    }

    /// Keeps a connection for the next request, if it is ready then.
    fn keep(&self, sender: SendRequest<Tee>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(sender);
        }
    }
}

/// Answers in the place of the upstream, in Graph's form, so that clients show the text.
fn refusal(status: StatusCode, code: &str, message: &str) -> Response<ProxyBody> {
    let message = json::quoted(&format!("wfi-emulator record: {message}"));
    let body = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":{message}}}}}");
    let body = http_body_util::BodyExt::map_err(Full::new(Bytes::from(body)), |never| match never {});
    let mut response = Response::new(BoxBody::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
