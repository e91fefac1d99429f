//! Positions in the text of a query option, for the details of errors.

use crate::odata::error::Error;

/// The number of characters of a detail that are kept: the text comes from the client and ends up in the log.
const MAX_DETAIL: usize = 200;

/// Returns the number of characters before a byte offset.
pub(super) fn in_characters(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(index, _)| *index < at).count()
}

/// Prefixes the detail of an error with its position.
pub(super) fn located_error(error: Error, text: &str, at: usize) -> Error {
    let hint = error.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    error.with_detail(format!("at position {}{hint}", in_characters(text, at)))
}

/// Prefixes a detail with its position, and shortens it.
pub(super) fn located_detail(text: &str, at: usize, detail: &str) -> String {
    let shortened: String = detail.chars().take(MAX_DETAIL).collect();
    format!("at position {}: {shortened}", in_characters(text, at))
}
