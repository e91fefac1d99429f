//! Responses to requests that succeeded, before they have headers.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;

use crate::world::journal::EntityChange;

/// The response to a request that succeeded.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) status: StatusCode,
    /// The body with its content type.
    pub(super) body: Option<(HeaderValue, SuccessBody)>,
    pub(super) location: Option<Vec<u8>>,
    /// The address of the entity that a creation without a body has made.
    pub(super) content_location: Option<String>,
    /// Whether the body is the content of a file, which stays as it is.
    pub(super) is_content: bool,
    /// The bytes that the body keeps in memory, if they are more than its own.
    pub(super) kept_bytes: usize,
    /// The part of the content that the body is.
    pub(super) content_range: Option<HeaderValue>,
    /// The tag of the entity, where a header has it.
    pub(super) etag: Option<HeaderValue>,
    pub(super) preference_applied: Option<Cow<'static, str>>,
    /// The behaviors that decided the response.
    pub(super) decided: Vec<&'static str>,
    pub(super) change: Option<EntityChange>,
}

/// The bytes of a response.
#[derive(Debug)]
pub(super) enum SuccessBody {
    /// Written for this response.
    Own(Vec<u8>),
    /// Kept elsewhere, too.
    Shared(Bytes),
}

impl Default for SuccessBody {
    fn default() -> SuccessBody {
        SuccessBody::Own(Vec::new())
    }
}

impl From<Vec<u8>> for SuccessBody {
    fn from(body: Vec<u8>) -> SuccessBody {
        SuccessBody::Own(body)
    }
}

impl From<Bytes> for SuccessBody {
    fn from(body: Bytes) -> SuccessBody {
        SuccessBody::Shared(body)
    }
}

impl Success {
    /// Returns a success without a body.
    pub(super) fn no_content() -> Success {
        Success {
            status: StatusCode::NO_CONTENT,
            body: None,
            location: None,
            content_location: None,
            is_content: false,
            kept_bytes: 0,
            content_range: None,
            etag: None,
            preference_applied: None,
            decided: Vec::new(),
            change: None,
        }
    }
}
