//! OData payloads: bodies read against the model, answers written from it, preferences, and the errors in between.

pub mod batch;
pub mod enums;
pub mod error;
pub mod format;
pub mod json;
pub mod patch;
pub mod prefer;
pub mod read;
pub mod time;
pub mod value;
pub mod write;
