//! The edge: sockets in front of [`graph::answer`].
//!
//! It turns hyper's requests into owned ones, answers them, obeys how an answer is to be delivered, and writes the access log.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::graph::{self, Answer, BODY_LIMIT, Body, Delivery, Request, Step};
use crate::tenant::Tenant;

/// How long requests in flight may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How much of a body that is too large is read and thrown away, so that its sender gets to see the answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// Serves a tenant until `shutdown` is ready; then requests in flight finish and idle connections close.
pub async fn run(listener: TcpListener, tenant: Arc<Tenant>, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve(stream, tenant.clone(), &graceful),
                Err(error) => wait_for_descriptors(&error).await,
            },
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still busy after {} s and are cut", GRACE.as_secs());
    }
}

fn serve(stream: TcpStream, tenant: Arc<Tenant>, graceful: &GracefulShutdown) {
    // A connection works without the option, only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| exchange(tenant.clone(), request));
    let connection = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!("connection ended: {error}");
        }
    });
}

/// An accept fails for a lack of descriptors or memory, which other connections give back when they end.
async fn wait_for_descriptors(error: &io::Error) {
    tracing::error!("cannot accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Answers one request.
async fn exchange(tenant: Arc<Tenant>, request: http::Request<Incoming>) -> Result<http::Response<Payload>, Interrupted> {
    let started = Instant::now();
    let (head, incoming) = request.into_parts();
    let body = read_body(&head.headers, incoming).await.map_err(|_| Interrupted)?;
    let request = Request { method: head.method, target: head.uri, is_secure: false, headers: head.headers, body };
    let answer = answer_or_apologize(&tenant, &request);
    log(&request, &answer, started);
    deliver(answer).await
}

/// Reads a body up to the limit.
async fn read_body(headers: &HeaderMap, mut incoming: Incoming) -> Result<Body, hyper::Error> {
    if incoming.is_end_stream() {
        return Ok(Body::Whole(Bytes::new()));
    }
    let declared = incoming.size_hint().lower();
    if declared > BODY_LIMIT as u64 && headers.contains_key(header::EXPECT) {
        // The client waits for leave to send, and does not get it.
        return Ok(Body::TooLarge);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length += data.len();
        if length > DRAIN_LIMIT {
            break;
        }
        if length > BODY_LIMIT {
            whole = BytesMut::new();
        } else if length == data.len() {
            // Most bodies come in one piece, which need not be copied.
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if length > BODY_LIMIT {
        Body::TooLarge
    } else if whole.is_empty() {
        Body::Whole(first)
    } else {
        Body::Whole(whole.freeze())
    })
}

/// Answers a request; a panic on the way costs this request and nothing else.
fn answer_or_apologize(tenant: &Tenant, request: &Request) -> Answer {
    // Entities are immutable and replaced as a whole, so a panic leaves nothing half-made behind.
    let step = catch_unwind(AssertUnwindSafe(|| graph::answer(tenant, request)));
    match step {
        Ok(Step::Done(answer)) => answer,
        Ok(Step::Call(pending)) => match pending {},
        Err(_) => graph::internal_error(tenant, request),
    }
}

fn log(request: &Request, answer: &Answer, started: Instant) {
    let (method, path) = (&request.method, request.target.path());
    let status = answer.response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match &answer.refused {
        None => tracing::info!("{method} {path} {status} {micros}us"),
        Some(error) => {
            let rule = error.refusal.name;
            let detail = error.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
            tracing::info!("{method} {path} {status} {micros}us refused by {rule}{detail}");
        }
    }
    for place in &answer.skipped {
        tracing::info!("{method} {path}: skipped {place}, which its type does not have");
    }
}

/// Delivers an answer as it wants to be delivered.
async fn deliver(answer: Answer) -> Result<http::Response<Payload>, Interrupted> {
    let length = answer.response.body().len();
    let whole = |bytes: Bytes| Payload { bytes: Some(bytes), length, is_cut: false };
    match answer.delivery {
        Delivery::AtOnce => Ok(answer.response.map(whole)),
        Delivery::After(delay) => {
            tokio::time::sleep(delay).await;
            Ok(answer.response.map(whole))
        }
        Delivery::CutShort(at) => {
            Ok(answer.response.map(|bytes| Payload { bytes: Some(bytes.slice(..at.min(length))), length, is_cut: true }))
        }
        Delivery::Reset => Err(Interrupted),
    }
}

/// The end of a connection without an answer, or within one.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the exchange was interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl From<Infallible> for Interrupted {
    fn from(never: Infallible) -> Interrupted {
        match never {}
    }
}

/// The body of an answer: all bytes at once, and a failure behind them if the answer is cut short.
#[derive(Debug)]
struct Payload {
    bytes: Option<Bytes>,
    length: usize,
    is_cut: bool,
}

impl HttpBody for Payload {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        match self.bytes.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            _ if self.is_cut => Poll::Ready(Some(Err(Interrupted))),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.is_cut && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length as u64)
    }
}
