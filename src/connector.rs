//! What Shifts says to the connector behind an integration's `url`, and what it makes of the answers.
//!
//! Nothing here does I/O: calls are made up and answers are judged, and whoever holds sockets makes the calls.

mod call;
mod endpoint;
pub mod envelope;

pub use call::{ANSWER_LIMIT, Call, Failure, Made, Outcome};
mod verdict;

pub use endpoint::{Endpoint, Message};
pub use verdict::handshake;
