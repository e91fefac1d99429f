//! Texts compared without case, letter by letter: nothing is copied.

use std::cmp::Ordering;

/// Compares two texts as if both were in lower case.
pub(super) fn compared(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        return left.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase))
}

/// Whether a text begins with another one.
pub(super) fn begins(text: &str, part: &str) -> bool {
    let mut letters = text.chars().flat_map(char::to_lowercase);
    part.chars().flat_map(char::to_lowercase).all(|expected| letters.next() == Some(expected))
}

/// Whether a text ends with another one.
pub(super) fn ends(text: &str, part: &str) -> bool {
    let mut letters = text.chars().rev().flat_map(|letter| letter.to_lowercase().rev());
    part.chars().rev().flat_map(|letter| letter.to_lowercase().rev()).all(|expected| letters.next() == Some(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_in_any_case() {
        assert_eq!(compared("GradyA@contoso.com", "gradya@CONTOSO.com"), Ordering::Equal);
        assert_eq!(compared("Ärzte", "äRZTE"), Ordering::Equal);
        assert_eq!(compared("B", "a"), Ordering::Greater);
        assert!(begins("AAD Contoso Users", "a") && !begins("A", "ab") && begins("Éa", "é"));
        assert!(ends("GradyA@contoso.com", "a@CONTOSO.com") && !ends("m", "om") && ends("aÉ", "é"));
    }
}
