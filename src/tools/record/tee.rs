//! Bodies that stream on while a copy is kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::writer::RecordingWriter;
use crate::text::exchange::{Exchange, RecordedRequest, RecordedResponse};

/// How much of a body is kept: what is larger streams through and is left out of the recording.
const LIMIT: usize = 8 * 1024 * 1024;

/// The copy of a body, as far as it has come.
#[derive(Clone, Debug)]
pub(super) struct Copied(Arc<Mutex<Copy>>);

#[derive(Debug, Default)]
struct Copy {
    bytes: BytesMut,
    length: usize,
    is_whole: bool,
}

impl Copied {
    pub(super) fn new() -> Copied {
        Copied(Arc::new(Mutex::new(Copy::default())))
    }

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_whole = true;
    }

    /// Returns the bytes, or why there are none.
    fn take(&self) -> Result<Bytes, String> {
        let mut copy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if copy.length > LIMIT {
            return Err(format!("{} bytes are more than is recorded", copy.length));
        }
        if !copy.is_whole {
            return Err(format!("it broke off after {} bytes", copy.length));
        }
        Ok(std::mem::take(&mut copy.bytes).freeze())
    }
}

/// An exchange whose answer is on its way.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) request: RecordedRequest,
    pub(super) request_copy: Copied,
    pub(super) response: RecordedResponse,
    pub(super) writer: Arc<Mutex<RecordingWriter>>,
}

impl Finished {
    /// Writes the exchange down.
    fn write(self, response_copy: &Copied) {
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

/// A body that is copied while it streams. With its end, or when it is given up, the exchange is written.
#[derive(Debug)]
pub(super) struct Tee {
    inner: Option<Incoming>,
    copy: Copied,
    finished: Option<Box<Finished>>,
}

impl Tee {
    pub(super) fn new(inner: Incoming, copy: Copied, finished: Option<Box<Finished>>) -> Tee {
        if inner.is_end_stream() {
            copy.end();
        }
        Tee { inner: Some(inner), copy, finished }
    }

    pub(super) fn empty() -> Tee {
        Tee { inner: None, copy: Copied::new(), finished: None }
    }

    fn finish(&mut self) {
        if let Some(finished) = self.finished.take() {
            finished.write(&self.copy);
        }
    }
}

impl Body for Tee {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *inner).poll_frame(context));
        // A body of known length is not asked for another frame behind its last one.
        let is_end = frame.is_none() || matches!(frame, Some(Ok(_))) && inner.is_end_stream();
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.copy.add(data);
        }
        if is_end {
            self.copy.end();
            // The client may ask for the recording as soon as it has the answer.
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
