//! Responses to requests that succeeded, before they have headers.

use std::borrow::Cow;

use http::StatusCode;
use http::header::HeaderValue;

use crate::world::journal::EntityChange;

/// The response to a request that succeeded.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) status: StatusCode,
    /// The body with its content type.
    pub(super) body: Option<(HeaderValue, Vec<u8>)>,
    pub(super) location: Option<Vec<u8>>,
    /// The address of the entity that a creation without a body has made.
    pub(super) content_location: Option<String>,
    /// Whether the body is the content of a file, which stays as it is.
    pub(super) is_content: bool,
    /// The part of the content that the body is.
    pub(super) content_range: Option<HeaderValue>,
    /// The tag of the entity, where a header has it.
    pub(super) etag: Option<HeaderValue>,
    pub(super) preference_applied: Option<Cow<'static, str>>,
    /// The behaviors that decided the response.
    pub(super) decided: Vec<&'static str>,
    pub(super) change: Option<EntityChange>,
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
            content_range: None,
            etag: None,
            preference_applied: None,
            decided: Vec::new(),
            change: None,
        }
    }
}
