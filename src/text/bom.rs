//! Byte order marks, which editors and .NET's writers put in front of UTF-8.

/// The mark as a character.
pub(crate) const MARK: char = '\u{feff}';

/// Returns a text without one byte order mark in front.
pub(crate) fn strip(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Returns UTF-8 without one byte order mark in front.
pub(crate) fn strip_bytes(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_in_front_is_removed() {
        for (text, expected) in [("\u{feff}a", "a"), ("a\u{feff}", "a\u{feff}"), ("\u{feff}\u{feff}", "\u{feff}"), ("", "")] {
            assert_eq!(strip(text), expected);
            assert_eq!(strip_bytes(text.as_bytes()), expected.as_bytes());
        }
    }
}
