//! Bodies that are copied while they stream.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::writer::RecordingWriter;
use crate::text::exchange::{Exchange, RecordedRequest, RecordedResponse};

/// Maximum length of a recorded body in bytes. Longer ones are streamed, but left out of the recording.
const LIMIT: usize = 8 * 1024 * 1024;

/// The copy of a body, complete when the body has ended.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyCopy(Arc<Mutex<CopyState>>);

#[derive(Debug, Default)]
struct CopyState {
    bytes: BytesMut,
    length: usize,
    is_complete: bool,
}

impl BodyCopy {
    fn add(&self, data: &[u8]) {
        let mut copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        copy.length += data.len();
        if copy.length <= LIMIT {
            copy.bytes.extend_from_slice(data);
        } else {
            copy.bytes = BytesMut::new();
        }
    }

    fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_complete = true;
    }

    /// Returns the bytes, or the reason why they are not recorded.
    fn take(&self) -> Result<Bytes, String> {
        let mut copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if copy.length > LIMIT {
            return Err(format!("{} bytes exceed the limit of {} MiB", copy.length, LIMIT / 1024 / 1024));
        }
        if !copy.is_complete {
            return Err(format!("the connection ended after {} bytes", copy.length));
        }
        Ok(std::mem::take(&mut copy.bytes).freeze())
    }
}

/// The record of an exchange whose answer is being streamed.
#[derive(Debug)]
pub(super) struct ExchangeRecord {
    pub(super) request: RecordedRequest,
    pub(super) request_copy: BodyCopy,
    pub(super) response: RecordedResponse,
    pub(super) writer: Arc<Mutex<RecordingWriter>>,
}

impl ExchangeRecord {
    /// Writes the exchange to the recording.
    fn write(self, response_copy: &BodyCopy) {
        let mut exchange = Exchange { comments: Vec::new(), request: self.request, response: None };
        match self.request_copy.take() {
            Ok(body) => exchange.request.body = body,
            Err(reason) => exchange.comments.push(format!("The body of the request is left out: {reason}.")),
        }
        let mut response = self.response;
        match response_copy.take() {
            Ok(body) => response.body = body,
            Err(reason) => exchange.comments.push(format!("The body of the response is left out: {reason}.")),
        }
        exchange.response = Some(response);
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).write(exchange);
    }
}

/// A body that is copied while it streams. The exchange is recorded when the body ends or is dropped.
#[derive(Debug)]
pub(super) struct Tee {
    inner: Option<Incoming>,
    copy: BodyCopy,
    record: Option<Box<ExchangeRecord>>,
}

impl Tee {
    pub(super) fn new(inner: Incoming, copy: BodyCopy, record: Option<Box<ExchangeRecord>>) -> Tee {
        if inner.is_end_stream() {
            copy.end();
        }
        Tee { inner: Some(inner), copy, record }
    }

    pub(super) fn empty() -> Tee {
        Tee { inner: None, copy: BodyCopy::default(), record: None }
    }

    fn finish(&mut self) {
        if let Some(record) = self.record.take() {
            record.write(&self.copy);
        }
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *inner).poll_frame(context));
        // A body of known length is not polled after its last frame.
        let is_end = frame.is_none() || matches!(frame, Some(Ok(_))) && inner.is_end_stream();
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.copy.add(data);
        }
        if is_end {
            self.copy.end();
            // The client may read the recording as soon as it has the answer.
            self.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        self.finish();
    }
}
