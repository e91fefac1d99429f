//! Tools: recording, comparison, scenarios.

pub(crate) mod compare;
pub(crate) mod record;
pub(crate) mod scenario;
