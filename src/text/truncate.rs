//! Long texts cut for messages, logs and reports.

use std::borrow::Cow;

/// Returns at most `limit` characters of a text; an ellipsis marks the cut.
pub(crate) fn truncate(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_characters() {
        for (text, expected) in [("", ""), ("ab", "ab"), ("abc", "ab…"), ("éé", "éé"), ("ééé", "éé…")] {
            assert_eq!(truncate(text, 2), expected);
        }
    }
}
