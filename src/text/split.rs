//! Splits short texts at a byte.

/// Returns the texts before and after the first occurrence of an ASCII character, as [`str::split_once`] does; faster for names, where a
/// search that is made for long texts costs several times as much.
pub(crate) fn split_at(text: &str, separator: u8) -> Option<(&str, &str)> {
    debug_assert!(separator.is_ascii());
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::split_at;

    #[test]
    fn texts_are_split_as_the_standard_library_does() {
        for text in ["", "@", "name", "name@odata.type", "@odata.type", "é@ü", "a@b@c"] {
            assert_eq!(split_at(text, b'@'), text.split_once('@'), "{text}");
        }
    }
}
