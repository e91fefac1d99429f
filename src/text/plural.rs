//! Counts in words: `1 entity`, `2 entities`.

use std::fmt::Display;

/// Returns a count with its noun.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_none_is_plural() {
        let counts = [0_usize, 1, 2].map(|count| counted(count, "entity", "entities"));
        assert_eq!(counts, ["0 entities", "1 entity", "2 entities"]);
    }
}
