//! Tools for recordings: recording, comparison.

pub mod compare;
pub mod record;
