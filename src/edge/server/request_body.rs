//! Request bodies: read up to a limit, within a time and the memory of all bodies together.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::edge::server::delivery::ExchangeAborted;
use crate::edge::server::limits::{BodyReservation, Gate};
use crate::graph::request::{BODY_LIMIT, Body};

/// Bytes of a body that are read and discarded beyond its limit, so that the client gets to read the answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// Reads a body within the body timeout.
pub(super) async fn receive(gate: &Gate, headers: &HeaderMap, incoming: Incoming) -> Result<Body, ExchangeAborted> {
    if incoming.is_end_stream() {
        return Ok(Body::Whole(Bytes::new()));
    }
    let Ok(body) = tokio::time::timeout(gate.limits.body, read_body(gate, headers, incoming)).await else {
        tracing::info!("connection closed: request body not received in time");
        return Err(ExchangeAborted);
    };
    body
}

/// Reads a body of at most [`BODY_LIMIT`] bytes.
async fn read_body(gate: &Gate, headers: &HeaderMap, mut incoming: Incoming) -> Result<Body, ExchangeAborted> {
    let declared = incoming.size_hint().lower();
    if declared > BODY_LIMIT as u64 && headers.get(header::EXPECT).is_some_and(|value| value == "100-continue") {
        // The client waits for 100 Continue, and gets the answer instead.
        return Ok(Body::TooLarge);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut reservation = BodyReservation::empty(gate);
    let mut length = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| ExchangeAborted)?.into_data() else { continue };
        length += data.len();
        if length > DRAIN_LIMIT {
            break;
        }
        if length > BODY_LIMIT {
            whole = BytesMut::new();
        } else if length == data.len() && incoming.is_end_stream() {
            // Most bodies arrive in one piece, which need not be copied.
            first = data;
        } else {
            if !reservation.grow(data.len()) {
                tracing::warn!("connection closed: request bodies exceed the memory limit");
                return Err(ExchangeAborted);
            }
            if length == data.len() {
                first = data;
                continue;
            }
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
