//! One exchange: request in, answer out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http::header::{self, HeaderMap};
use hyper::body::{Body as _, Incoming};
use tokio::sync::watch;

use crate::edge::control::Peer;
use crate::edge::server::accept::HttpVersion;
use crate::edge::server::access_log::log;
use crate::edge::server::activity::Activity;
use crate::edge::server::delivery::{ExchangeAborted, Payload, deliver, whole};
use crate::edge::server::limits::{Gate, reserve_answer};
use crate::edge::server::request_body::receive;
use crate::edge::service::Service;
use crate::graph::request::Request;
use crate::graph::step::{Delivery, DeliveryForm};

/// Size up to which an answer with a connection of its own is not reserved, which would cost more than it protects.
const UNRESERVED_LIMIT: usize = 64 * 1024;

/// State that all connections share.
pub(super) struct Shared {
    pub(super) service: Arc<Service>,
    pub(super) gate: Arc<Gate>,
    /// Closed when the server stops.
    pub(super) stopping: watch::Receiver<()>,
}

/// State that the requests of one connection share. Each request holds a reference while it is answered; a reference to the service
/// itself would be a counter that all cores write to.
pub(super) struct Connection {
    pub(super) shared: Shared,
    pub(super) peer: Peer,
    /// Whether the connection uses TLS.
    pub(super) is_secure: bool,
    pub(super) version: HttpVersion,
    pub(super) activity: Arc<Activity>,
}

/// Answers one request.
pub(super) async fn exchange(
    connection: Arc<Connection>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Payload>, ExchangeAborted> {
    let started = tracing::enabled!(tracing::Level::INFO).then(Instant::now);
    let _in_flight = connection.activity.begin_request();
    let (head, incoming) = request.into_parts();
    // Few requests have any duplicate header; the others need no lookup.
    let has_two_hosts =
        head.headers.keys().len() != head.headers.len() && head.headers.get_all(header::HOST).iter().nth(1).is_some();
    if has_two_hosts || (!incoming.is_end_stream() && is_ambiguous(&head.headers)) {
        tracing::info!("rejected: ambiguous message framing or duplicate Host");
        return Ok(bad_request());
    }
    let is_multiplexed = head.version == http::Version::HTTP_2;
    let body = receive(&connection.shared.gate, &head.headers, incoming).await?;
    let request = Request { method: head.method, target: head.uri, is_secure: connection.is_secure, headers: head.headers, body };
    let mut answer = connection.shared.service.answer(&request, connection.peer).await;
    if is_multiplexed || answer.response.body().len() > UNRESERVED_LIMIT {
        let body = std::mem::take(answer.response.body_mut());
        let Some(body) = reserve_answer(&connection.shared.gate, body) else {
            tracing::warn!("response dropped: unsent responses exceed the memory limit");
            return Err(ExchangeAborted);
        };
        *answer.response.body_mut() = body;
    }
    if let Some(started) = started {
        log(&request, &answer, started);
    }
    if answer.delivery == Delivery::AT_ONCE {
        return Ok(whole(*answer));
    }
    let is_reset = answer.delivery.form == DeliveryForm::Reset;
    // Boxed, so that answers without a delay need no room for timers.
    let delivered = Box::pin(deliver(answer, &connection.shared.stopping)).await;
    if is_reset && connection.version == HttpVersion::Http1 {
        connection.activity.is_to_be_reset.store(true, Ordering::Relaxed);
    }
    delivered
}

/// Whether two readers may disagree about the end of a request, so that another request can be smuggled in its body (RFC 9112, 6.1
/// and 11.2).
fn is_ambiguous(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return false };
    let is_chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    !is_chunked || headers.contains_key(header::CONTENT_LENGTH)
}

/// Returns the answer to a rejected request; the connection ends after it.
fn bad_request() -> http::Response<Payload> {
    let mut response = http::Response::new(Payload::empty());
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}
