//! Paths into JSON, as rules and reports write them.

use crate::text::json;

/// Returns the path of a member of the object at `place`.
pub(super) fn member(place: &str, name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-' | b'.'));
    if is_plain {
        format!("{place}.{name}")
    } else {
        format!("{place}[{}]", json::quoted(name).replace(char::is_whitespace, "_"))
    }
}
