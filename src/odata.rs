//! The OData protocol: request bodies read against the schema, responses written from it, queries, formats, preferences and batches.

pub mod batch;
pub mod error;
pub mod format;
pub mod headers;
pub mod prefer;
pub mod query;
pub mod read;
pub mod write;
