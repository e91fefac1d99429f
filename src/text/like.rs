//! Texts with stars, which stand for any characters.

/// Returns whether a text is like a pattern, in which each star is any number of characters.
///
/// A star takes as little as it can, and more only when the rest does not fit: no other star has to be tried again.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_number_of_characters() {
        for (text, pattern) in [
            ("", ""),
            ("", "*"),
            ("abc", "abc"),
            ("abc", "*"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "a*c"),
            ("abab", "*ab"),
            ("aXbXc", "a*X*c"),
            ("a*c", "a**c"),
            ("ä-ö", "ä*ö"),
        ] {
            assert!(is_like(text, pattern), "{text} is like {pattern}");
        }
        for (text, pattern) in [("abc", ""), ("abc", "ab"), ("abc", "*b"), ("aba", "ab*ba"), ("abc", "a*d*c"), ("abc", "ABC")] {
            assert!(!is_like(text, pattern), "{text} is not like {pattern}");
        }
    }
}
