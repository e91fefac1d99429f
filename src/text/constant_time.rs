//! Comparison of tags, tokens, secrets and passwords.

use subtle::ConstantTimeEq as _;

/// Compares two values in a time that depends on their lengths alone, so that the time of a refusal does not reveal how much of a
/// guess was right.
pub(crate) fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_values_are_equal() {
        for (left, right, expected) in [("a", "a", true), ("", "", true), ("a", "b", false), ("a", "ab", false), ("a", "", false)]
        {
            assert_eq!(is_equal(left.as_bytes(), right.as_bytes()), expected);
        }
    }
}
