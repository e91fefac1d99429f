//! Pseudonyms: one for each private value, which cannot be reversed.

use std::collections::{HashMap, VecDeque};

use super::names::{self, SecretKind};
use crate::text::guid;

/// The number of values that keep their pseudonyms. A recording of days forgets the oldest ones first, which then get new ones.
const LIMIT: usize = 200_000;

/// The number of values that were private in one place and are searched for in all others.
const SEARCH_WINDOW: usize = 1_000;

/// The prefix of pseudonymous GUIDs.
const GUID: &str = "aaaaaaaa-0000-4000-8000-";

/// Pseudonyms by value.
#[derive(Debug)]
pub(super) struct Pseudonyms {
    first: u64,
    assigned: HashMap<(SecretKind, String), String>,
    order: VecDeque<(SecretKind, String)>,
    counts: HashMap<&'static str, u64>,
    /// Values to search for everywhere.
    searched: VecDeque<(String, SecretKind)>,
}

impl Pseudonyms {
    pub(super) fn new(first: u64) -> Pseudonyms {
        Pseudonyms { first, assigned: HashMap::new(), order: VecDeque::new(), counts: HashMap::new(), searched: VecDeque::new() }
    }

    /// Returns the pseudonym of a value.
    pub(super) fn of(&mut self, kind: SecretKind, value: &str) -> String {
        if value.is_empty() || is_own(value) {
            return value.to_owned();
        }
        // Mail addresses and GUIDs are the same in any case.
        let key = if matches!(kind, SecretKind::Mail | SecretKind::Id) { value.to_ascii_lowercase() } else { value.to_owned() };
        // A secret keeps its pseudonym in places of another kind.
        let kind = if kind.is_secret() { self.kind_of_secret(&key).unwrap_or(kind) } else { kind };
        let entry = (kind, key);
        if let Some(pseudonym) = self.assigned.get(&entry) {
            return pseudonym.clone();
        }
        let count = self.counts.entry(kind.name()).or_insert(self.first - 1);
        *count += 1;
        let pseudonym = format_pseudonym(kind, value, *count);
        if self.order.len() == LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.assigned.remove(&oldest);
        }
        self.order.push_back(entry.clone());
        self.assigned.insert(entry, pseudonym.clone());
        if is_searched(kind, value) {
            if self.searched.len() == SEARCH_WINDOW {
                self.searched.pop_front();
            }
            self.searched.push_back((value.to_owned(), kind));
        }
        pseudonym
    }

    fn kind_of_secret(&self, value: &str) -> Option<SecretKind> {
        [SecretKind::Token, SecretKind::Secret, SecretKind::Cookie]
            .into_iter()
            .find(|kind| self.assigned.contains_key(&(*kind, value.to_owned())))
    }

    /// Returns the secrets that a redacted text must not contain.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.searched.iter().filter(|(_, kind)| kind.is_secret()).map(|(value, _)| value.as_str())
    }

    /// Replaces values that were private elsewhere, and the words of rules.
    pub(super) fn replace_known(&mut self, text: &str, words: &[String]) -> String {
        let mut out = text.to_owned();
        for word in words {
            if out.contains(word.as_str()) {
                let pseudonym = self.of(SecretKind::Word, word);
                out = out.replace(word.as_str(), &pseudonym);
            }
        }
        let mut found: Vec<(String, SecretKind)> =
            self.searched.iter().filter(|(value, _)| out.contains(value.as_str())).cloned().collect();
        // A longer value may contain a shorter one.
        found.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        for (value, kind) in found {
            let pseudonym = self.of(kind, &value);
            out = if kind.is_secret() { out.replace(&value, &pseudonym) } else { replace_words(&out, &value, &pseudonym) };
        }
        out
    }
}

/// Returns whether a value is searched for outside its place: short names would be found in unrelated words.
fn is_searched(kind: SecretKind, value: &str) -> bool {
    match kind {
        // A secret that is a word, a number or a name of the protocol would take that with it.
        SecretKind::Token | SecretKind::Secret | SecretKind::Cookie => {
            let is_word = value.len() < 16 && (is_all(value, u8::is_ascii_lowercase) || is_all(value, u8::is_ascii_digit));
            value.len() >= 6 && !is_word && !names::is_word_of_protocol(value)
        }
        SecretKind::Name | SecretKind::Mail => {
            value.len() >= 5 && (value.len() >= 12 || !value.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        }
        SecretKind::Id => value.len() > 12,
        SecretKind::Word => false,
    }
}

fn is_all(value: &str, is_of: impl Fn(&u8) -> bool) -> bool {
    value.as_bytes().iter().all(is_of)
}

/// Replaces a value where it is not a part of a longer word.
fn replace_words(text: &str, value: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, _) in text.match_indices(value) {
        let end = start + value.len();
        let is_within = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        if start < done || is_within(text[..start].chars().next_back()) || is_within(text[end..].chars().next()) {
            continue;
        }
        out.push_str(&text[done..start]);
        out.push_str(by);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

fn format_pseudonym(kind: SecretKind, value: &str, count: u64) -> String {
    let guid = |count: u64| format!("{GUID}{count:012}");
    match kind {
        SecretKind::Mail => format!("user-{count}@example.com"),
        SecretKind::Id if guid::is_guid(value) => guid(count),
        SecretKind::Id if guid::is_bare_guid(value) => guid(count).replace('-', ""),
        SecretKind::Secret => {
            // Services check the length of some secrets.
            let start = format!("secret-{count}");
            let missing = value.chars().count().saturating_sub(start.len() + 1);
            if missing == 0 || value.len() > 1024 { start } else { format!("{start}-{}", "x".repeat(missing)) }
        }
        _ => format!("{}-{count}", kind.name()),
    }
}

/// Returns whether a text is a pseudonym other than a GUID.
pub(crate) fn is_pseudonym(text: &str) -> bool {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let Some((kind, rest)) = text.split_once('-') else { return false };
    match kind {
        "user" => rest.strip_suffix("@example.com").is_some_and(number),
        "secret" => number(rest.trim_end_matches('x').trim_end_matches('-')) && rest.len() < 1100,
        "token" | "cookie" | "name" | "id" | "word" => number(rest),
        _ => false,
    }
}

/// Returns whether a text is an id that ends with a pseudonymous GUID.
pub(crate) fn is_pseudonymous_id(text: &str) -> bool {
    text.len().checked_sub(guid::LENGTH).and_then(|start| text.get(start..)).is_some_and(|guid| guid.starts_with(GUID))
}

/// Returns whether a text is a pseudonym of any kind.
pub(super) fn is_own(text: &str) -> bool {
    is_pseudonym(text) || is_pseudonymous_id(text) || text.len() == guid::BARE_LENGTH && text.starts_with(&GUID.replace('-', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_pseudonym_which_is_one() {
        let mut pseudonyms = Pseudonyms::new(1);
        for (kind, value, expected) in [
            (SecretKind::Name, "Ada Lovelace", "name-1"),
            (SecretKind::Name, "Grace Hopper", "name-2"),
            (SecretKind::Name, "Ada Lovelace", "name-1"),
            (SecretKind::Mail, "Ada@Contoso.com", "user-1@example.com"),
            (SecretKind::Mail, "ada@contoso.com", "user-1@example.com"),
            (SecretKind::Id, "05227533-379e-4a0a-9d17-afe306a1e10d", "aaaaaaaa-0000-4000-8000-000000000001"),
            (SecretKind::Id, "05227533379e4a0a9d17afe306a1e10e", "aaaaaaaa000040008000000000000002"),
            (SecretKind::Id, "19:meeting@thread.v2", "id-3"),
            (SecretKind::Secret, "0123456789abcdef", "secret-1-xxxxxxx"),
            (SecretKind::Token, "0123456789abcdef", "secret-1-xxxxxxx"),
            (SecretKind::Token, "abcdef", "token-1"),
        ] {
            let pseudonym = pseudonyms.of(kind, value);
            assert_eq!(pseudonym, expected);
            assert!(is_own(&pseudonym), "{pseudonym}");
            assert_eq!(pseudonyms.of(kind, &pseudonym), pseudonym, "a pseudonym is private no more");
        }
        for text in ["name", "name-", "name-1a", "", "user-1@contoso.com", "secret-x", "displayName-1"] {
            assert!(!is_own(text), "{text}");
        }
    }

    #[test]
    fn names_are_replaced_as_words_and_secrets_anywhere() {
        let mut pseudonyms = Pseudonyms::new(1);
        pseudonyms.of(SecretKind::Name, "Ada L.");
        pseudonyms.of(SecretKind::Name, "shift");
        pseudonyms.of(SecretKind::Secret, "hunter22");
        assert_eq!(pseudonyms.replace_known("Ada L. not Ada L.x, shift xhunter22x", &[]), "name-1 not Ada L.x, shift xsecret-1x");
        assert_eq!(pseudonyms.replace_known("at Contoso", &["Contoso".to_owned()]), "at word-1");
    }
}
