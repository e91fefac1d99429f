//! Request bodies: read up to a limit, within a time and the memory of all requests together.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::edge::server::activity::Activity;
use crate::edge::server::delivery::ExchangeAborted;
use crate::edge::server::limits::Gate;
use crate::edge::server::memory::HeldMemory;
use crate::graph::request::Body;

/// Bytes of a body that are read and discarded beyond its limit, so that the client gets to read the answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// Number of bytes from which on more of a body is progress.
const PROGRESS: usize = 16 * 1024;

/// Reads a body of at most `limit` bytes within the body timeout. Its memory is held as long as the request, unless it came in
/// one piece, with that of the head.
pub(super) async fn receive(
    gate: &Gate,
    activity: &Activity,
    headers: &HeaderMap,
    incoming: Incoming,
    is_control: bool,
    limit: usize,
    of_head: Option<HeldMemory>,
) -> Result<(Body, Option<HeldMemory>), ExchangeAborted> {
    let _waiting = activity.begin_waiting();
    let mut reading = pin!(read_body(gate, activity, headers, incoming, is_control, limit, of_head));
    // Most bodies have come with their head, and need no timer.
    if let Poll::Ready(body) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return body;
    }
    let Ok(body) = tokio::time::timeout(gate.limits.body, reading).await else {
        tracing::info!("request aborted: body not received in time");
        return Err(ExchangeAborted);
    };
    body
}

async fn read_body(
    gate: &Gate,
    activity: &Activity,
    headers: &HeaderMap,
    mut incoming: Incoming,
    is_control: bool,
    limit: usize,
    of_head: Option<HeldMemory>,
) -> Result<(Body, Option<HeldMemory>), ExchangeAborted> {
    let head_bytes = of_head.as_ref().map_or(0, HeldMemory::bytes);
    // A longer body would wait for room that it never gets.
    let limit = limit.min(gate.memory.largest_body().saturating_sub(head_bytes));
    let declared = incoming.size_hint().lower();
    if declared > limit as u64 && headers.get(header::EXPECT).is_some_and(|value| value == "100-continue") {
        // The client waits for 100 Continue, and gets the answer instead.
        return Ok((Body::TooLarge, of_head));
    }
    let is_too_large = declared > limit as u64;
    // A body of a known length is held as a whole, so that those that have begun can end.
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    let mut first = Bytes::new();
    let (mut whole, mut held) = (BytesMut::new(), of_head);
    let (mut length, mut recorded) = (0, 0);
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|error| incomplete(&error))?.into_data() else { continue };
        length += data.len();
        if length > DRAIN_LIMIT.max(limit) {
            break;
        }
        if length > limit || is_too_large {
            whole = BytesMut::new();
            if head_bytes == 0 {
                held = None;
            }
        } else if length == data.len() && incoming.is_end_stream() {
            // Most bodies arrive in one piece, which need not be copied.
            first = data;
        } else {
            let wanted = head_bytes + if length == data.len() { length.max(declared) } else { length };
            match &mut held {
                Some(held) => {
                    held.grow_when_possible(wanted.saturating_sub(held.bytes())).await;
                    if length - recorded >= PROGRESS {
                        held.progress().record();
                        activity.record_piece();
                        recorded = length;
                    }
                }
                None => held = Some(gate.memory.take_for_request(&activity.memory, wanted, is_control).await),
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
    let body = if length > limit || is_too_large {
        Body::TooLarge
    } else if whole.is_empty() {
        Body::Whole(first)
    } else {
        Body::Whole(whole.freeze())
    };
    Ok((body, held))
}

/// Logs that a body is malformed or ends early, with hyper's reason.
fn incomplete(error: &hyper::Error) -> ExchangeAborted {
    let reason = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    tracing::info!("request aborted: {error}{reason}");
    ExchangeAborted
}
