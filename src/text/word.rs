//! Words of identifiers.

/// Returns a word with a capital: `darkBlue` is `DarkBlue`.
pub(crate) fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
