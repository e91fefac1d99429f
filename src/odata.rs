//! The OData protocol: request bodies, answers, queries, content negotiation, preferences and batches.

pub(crate) mod arguments;
pub(crate) mod batch;
pub(crate) mod condition;
pub(crate) mod conflict;
pub(crate) mod error;
pub(crate) mod format;
pub(crate) mod headers;
pub(crate) mod prefer;
pub(crate) mod purse;
pub(crate) mod query;
pub(crate) mod range;
pub(crate) mod read;
pub(crate) mod write;
