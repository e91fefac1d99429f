//! Pseudonyms: one for each private value, which cannot be reversed.

use std::collections::HashMap;

use super::memory::{Digest, Memory};
use super::names::{self, SecretKind};
use crate::text::guid;

/// The largest number of private values. Each costs about 200 bytes; beyond it a recording stops, since to forget one would be to
/// write it.
pub(super) const LIMIT: usize = 2_000_000;

/// The prefix of pseudonymous GUIDs.
const GUID: &str = "aaaaaaaa-0000-4000-8000-";

/// Pseudonyms by value.
#[derive(Debug)]
pub(super) struct Pseudonyms {
    first: u64,
    /// The numbers of values, by their digests.
    assigned: HashMap<(SecretKind, Digest), u64>,
    counts: HashMap<SecretKind, u64>,
    memory: Memory,
}

impl Pseudonyms {
    pub(super) fn new(first: u64) -> Pseudonyms {
        Pseudonyms { first, assigned: HashMap::new(), counts: HashMap::new(), memory: Memory::default() }
    }

    /// Returns the pseudonym of a value.
    pub(super) fn of(&mut self, kind: SecretKind, value: &str) -> String {
        if value.is_empty() || is_own(value) {
            return value.to_owned();
        }
        // Mail addresses and GUIDs are the same in any case.
        let digest = match kind {
            SecretKind::Mail | SecretKind::Id => self.memory.digest(value.to_ascii_lowercase().as_bytes()),
            _ => self.memory.digest(value.as_bytes()),
        };
        // A secret keeps its pseudonym in places of another kind.
        let kind = if kind.is_secret() { self.kind_of_secret(digest).unwrap_or(kind) } else { kind };
        if let Some(count) = self.assigned.get(&(kind, digest)) {
            return format_pseudonym(kind, value, *count);
        }
        let count = self.counts.entry(kind).or_insert(self.first - 1);
        *count += 1;
        let count = *count;
        self.assigned.insert((kind, digest), count);
        if is_searched(kind, value) {
            self.memory.add(kind, value);
        }
        format_pseudonym(kind, value, count)
    }

    fn kind_of_secret(&self, digest: Digest) -> Option<SecretKind> {
        [SecretKind::Token, SecretKind::Secret, SecretKind::Cookie]
            .into_iter()
            .find(|kind| self.assigned.contains_key(&(*kind, digest)))
    }

    /// Returns the number of private values.
    pub(super) fn len(&self) -> usize {
        self.assigned.len()
    }

    /// Returns whether there are more private values than can be kept.
    pub(super) fn is_full(&self) -> bool {
        self.assigned.len() >= LIMIT
    }

    /// Returns whether a known secret is in a text, as it is written there.
    pub(super) fn has_secret(&self, text: &[u8]) -> bool {
        let mut has_one = false;
        let search = self.memory.find(text, |_, _, kind| {
            has_one |= kind.is_secret();
            true
        });
        has_one || search.is_err()
    }

    /// Replaces values that were private elsewhere, by the word `mask` if given, and the words of rules. A text that takes too long
    /// is a secret as a whole.
    pub(super) fn replace_known(&mut self, text: &str, words: &[String], mask: Option<&str>) -> String {
        let mut out = text.to_owned();
        for word in words {
            if out.contains(word.as_str()) {
                let pseudonym = self.of(SecretKind::Word, word);
                out = out.replace(word.as_str(), &pseudonym);
            }
        }
        let is_within = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let is_word =
            |start: usize, end: usize| !is_within(out[..start].chars().next_back()) && !is_within(out[end..].chars().next());
        let found = self.memory.find(out.as_bytes(), |start, end, kind| {
            out.is_char_boundary(start) && out.is_char_boundary(end) && (kind.is_secret() || is_word(start, end))
        });
        let of = |pseudonyms: &mut Pseudonyms, kind, value: &str| mask.map_or_else(|| pseudonyms.of(kind, value), str::to_owned);
        let Ok(found) = found else { return of(self, SecretKind::Secret, text) };
        if found.is_empty() {
            return out;
        }
        let mut replaced = String::with_capacity(out.len());
        let mut done = 0;
        for (start, end, kind) in found {
            replaced.push_str(&out[done..start]);
            replaced.push_str(&of(self, kind, &out[start..end]));
            done = end;
        }
        replaced.push_str(&out[done..]);
        replaced
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
        assert_eq!(
            pseudonyms.replace_known("Ada L. not Ada L.x, shift xhunter22x", &[], None),
            "name-1 not Ada L.x, shift xsecret-1x"
        );
        assert_eq!(pseudonyms.replace_known("at Contoso", &["Contoso".to_owned()], None), "at word-1");
    }
}
