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
            etag: None,
            preference_applied: None,
            decided: Vec::new(),
            change: None,
        }
    }
}
