//! Numbers of things, with their noun.

/// Returns a number with its noun in the singular or, with `s`, in the plural: "1 exchange", "2 exchanges".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_the_only_singular() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "exchange")), ["0 exchanges", "1 exchange", "2 exchanges"]);
    }
}
