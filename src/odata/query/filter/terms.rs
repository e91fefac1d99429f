//! The terms of `$search` on collections of the directory: words in any order, or the beginning of a text.
//!
//! Words end at white space, between letters and digits, at symbols, and where an uppercase letter follows a lowercase one; words that only
//! symbols separate are one word as well (concepts/query-parameters of microsoft-graph-docs, "Using $search on directory object
//! collections").

/// A term of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SearchTerm {
    /// Words, each of which begins a word of the text, in lower case.
    Words(Vec<String>),
    /// The beginning of the text, in lower case.
    Beginning(String),
}

/// The bytes of a text that are searched, so that its words take little memory.
const MAX_SEARCHED: usize = 32 * 1024;

/// A kind of characters that one word has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CharacterKind {
    Letter,
    Digit,
    Symbol,
    Blank,
}

impl CharacterKind {
    fn of(character: char) -> CharacterKind {
        match character {
            _ if character.is_whitespace() => CharacterKind::Blank,
            _ if character.is_numeric() => CharacterKind::Digit,
            _ if character.is_alphabetic() => CharacterKind::Letter,
            _ => CharacterKind::Symbol,
        }
    }
}

impl SearchTerm {
    /// Returns the term that finds the words of a text; the symbols of one without words.
    pub(crate) fn words(text: &str) -> SearchTerm {
        let (words, symbols): (Vec<_>, Vec<_>) = split(text).into_iter().partition(|word| word.kind != CharacterKind::Symbol);
        let words = if words.is_empty() { symbols } else { words };
        SearchTerm::Words(words.into_iter().map(|word| word.text).collect())
    }

    /// Returns the term that finds texts with this beginning.
    pub(crate) fn beginning(text: &str) -> SearchTerm {
        SearchTerm::Beginning(text.to_lowercase())
    }

    /// Whether a text has the term.
    pub(crate) fn is_found(&self, text: &str) -> bool {
        let text = beginning(text);
        match self {
            SearchTerm::Beginning(beginning) => {
                let mut letters = text.chars().flat_map(char::to_lowercase);
                beginning.chars().all(|expected| letters.next() == Some(expected))
            }
            SearchTerm::Words(words) => {
                let found = split(text);
                let joined = joined(&found);
                words.iter().all(|word| {
                    found.iter().any(|candidate| candidate.text.starts_with(word.as_str()))
                        || joined.iter().any(|candidate| candidate.starts_with(word.as_str()))
                })
            }
        }
    }
}

/// Returns the part of a text that is searched.
fn beginning(text: &str) -> &str {
    let end = (0..=MAX_SEARCHED.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// A word in lower case.
struct Word {
    text: String,
    kind: CharacterKind,
    /// Whether white space precedes it.
    is_after_blank: bool,
}

fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let (mut last, mut was_lower) = (CharacterKind::Blank, false);
    for character in text.chars() {
        let kind = CharacterKind::of(character);
        let continues = kind == last && kind != CharacterKind::Symbol && !(was_lower && character.is_uppercase());
        if kind != CharacterKind::Blank {
            match words.last_mut() {
                Some(word) if continues => word.text.extend(character.to_lowercase()),
                _ => words.push(Word {
                    text: character.to_lowercase().collect(),
                    kind,
                    is_after_blank: last == CharacterKind::Blank,
                }),
            }
        }
        (last, was_lower) = (kind, character.is_lowercase());
    }
    words
}

/// Returns the words that are made of several with symbols between them.
fn joined(words: &[Word]) -> Vec<String> {
    let mut runs = Vec::new();
    for run in words.chunk_by(|_, next| !next.is_after_blank) {
        if run.iter().any(|word| word.kind == CharacterKind::Symbol) {
            let parts: Vec<&str> =
                run.iter().filter(|word| word.kind != CharacterKind::Symbol).map(|word| word.text.as_str()).collect();
            runs.push(parts.concat());
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_order_by_their_beginnings() {
        for (term, text, expected) in [
            ("one video", "OneVideo", true),
            ("video", "OneVideo", true),
            ("OneVideo", "video of the one", true),
            ("Guthr", "Joe Guthrie", true),
            ("uthr", "Joe Guthrie", false),
            ("US", "SfBMailUser", true),
            ("world", "HELLOworld", false),
            ("hello", "HELLOworld", true),
            ("world", "HelloWORld", true),
            ("helloworld", "hello-world", true),
            ("helloworld", "hello.world and more", true),
            ("helloworld", "hello world", false),
            ("world", "hello123world", true),
            ("23", "hello123world", false),
            ("hello-world", "world, hello", true),
            ("one two", "one", false),
            ("é", "École", true),
            ("&", "R&D", true),
            ("", "anything", true),
        ] {
            assert_eq!(SearchTerm::words(term).is_found(text), expected, "{term} in {text}");
        }
    }

    #[test]
    fn other_texts_are_found_by_their_beginning_in_any_case() {
        assert!(SearchTerm::beginning("JOE").is_found("joe@contoso.com"));
        assert!(!SearchTerm::beginning("oe").is_found("joe@contoso.com"));
        assert!(!SearchTerm::beginning("joe").is_found("jo"));
    }
}
