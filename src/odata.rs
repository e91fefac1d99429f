//! The OData protocol: request bodies, answers, queries, content negotiation, preferences and batches.

pub mod batch;
pub mod error;
pub mod format;
pub mod headers;
pub mod prefer;
pub mod query;
pub mod read;
pub mod write;
