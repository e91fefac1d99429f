//! Texts and their forms: JSON, recorded exchanges, patterns of paths, and the redaction of secrets.

pub mod exchange;
pub mod json;
pub mod nearest;
pub mod redact;
