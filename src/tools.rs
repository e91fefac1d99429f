//! Tools for recordings: recording, comparison.

pub(crate) mod compare;
pub(crate) mod record;
