//! Tools: recording, comparison, scenarios.

pub(crate) mod compare;
mod page;
pub(crate) mod record;
pub(crate) mod scenario;
