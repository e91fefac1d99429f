//! Texts and their forms: JSON, recorded exchanges, patterns of paths, the redaction of secrets, and small helpers.

pub(crate) mod bom;
pub(crate) mod charset;
pub(crate) mod constant_time;
pub(crate) mod exchange;
pub(crate) mod form;
pub(crate) mod guid;
pub(crate) mod gzip;
pub(crate) mod json;
pub(crate) mod json_schema;
pub(crate) mod like;
pub(crate) mod nearest;
pub(crate) mod plural;
pub(crate) mod redact;
pub(crate) mod split;
pub(crate) mod truncate;
pub(crate) mod visible;
pub(crate) mod word;
pub(crate) mod xml;
