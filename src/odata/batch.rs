//! `$batch` as JSON: an envelope split into requests, and answers joined into one (OData JSON Format 4.01, 19; the limits are those of
//! learn.microsoft.com/graph/json-batching).
//!
//! Requests are not executed here. An invalid envelope refuses the whole batch; a problem of one request that leaves the others intact is
//! found when that request is executed.

mod envelope;
mod response;
mod url;

pub(crate) use self::envelope::{BatchItem, split};
pub(crate) use self::response::{BatchBody, BatchPart};
pub(crate) use self::url::{resolve, version_of};
