//! OData payloads: bodies read against the model, answers written from it, query options, preferences, and the errors in between.

pub mod address;
pub mod batch;
pub mod enums;
pub mod error;
pub mod format;
pub mod json;
pub mod patch;
pub mod prefer;
pub mod query;
pub mod read;
pub mod time;
pub mod value;
pub mod write;
