//! What Shifts says to the connector behind an integration's `url`, and what it makes of the answers.
//!
//! Nothing here does I/O: calls are made up and answers are judged, and whoever holds sockets makes the calls.

mod endpoint;
pub mod envelope;

mod message;
mod said;
pub mod sample;
mod verdict;

pub use endpoint::{ConnectorEndpoint, Message};
pub use message::{Element, ElementHeaders, ItemBody, ItemError, Requests, ResponseItem, Responses};
pub use said::OutboundMessage;
pub use verdict::{CallPurpose, ConnectorVerdict, ItemVerdict, Judged};
pub use verdict::{INVALID_DATA_SENTENCE, NOT_OK_SENTENCE, REFUSED_SENTENCE};

/// The header in which the caller of a write to Graph marks it; update calls repeat it.
pub const PASSTHROUGH: http::HeaderName = http::HeaderName::from_static("x-ms-wfmpassthrough");
