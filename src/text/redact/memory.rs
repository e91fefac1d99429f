//! Private values that were seen in one place and are searched for in all others. None is ever forgotten.
//!
//! Of a value only a keyed digest, its length and its first bytes are kept, so that millions cost little, and none of them can be
//! read from memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::names::SecretKind;

/// The number of bytes by which a value is looked up; shorter values are not searched for.
const PREFIX: usize = 5;

/// The length up to which a longer value is compared. It is replaced as a whole.
const COMPARED: usize = 4096;

/// The digest of a value, with random keys.
pub(super) type Digest = (u64, u64);

/// A search that would cost more than its share: many values with the same beginning, in a text made for them.
#[derive(Debug)]
pub(super) struct TooCostly;

/// The known values.
#[derive(Debug, Default)]
pub(super) struct Memory {
    keys: (RandomState, RandomState),
    /// Kind and full length of each value, by the digest of its compared part.
    values: HashMap<Digest, (SecretKind, usize)>,
    /// The lengths of the compared parts of the values with a prefix, longest first.
    lengths: HashMap<[u8; PREFIX], Vec<u16>>,
    /// The first two bytes of any value, as bits: most places in a text are not looked up.
    starts: Vec<u64>,
}

impl Memory {
    pub(super) fn digest(&self, value: &[u8]) -> Digest {
        (self.keys.0.hash_one(value), self.keys.1.hash_one(value))
    }

    /// Adds a value to search for, unless it is too short.
    pub(super) fn add(&mut self, kind: SecretKind, value: &str) {
        let bytes = value.as_bytes();
        let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return };
        let compared = &bytes[..bytes.len().min(COMPARED)];
        let digest = self.digest(compared);
        if self.values.insert(digest, (kind, bytes.len())).is_some() {
            return;
        }
        let lengths = self.lengths.entry(*prefix).or_default();
        // The constant fits.
        let length = u16::try_from(compared.len()).unwrap_or(u16::MAX);
        if let Err(at) = lengths.binary_search_by(|other| length.cmp(other)) {
            lengths.insert(at, length);
        }
        self.starts.resize(1 << 10, 0);
        let (word, bit) = start_bit(bytes);
        self.starts[word] |= bit;
    }

    /// Finds the values in a text, from left to right, the longest at each place; a value is accepted or skipped by `is_wanted`.
    pub(super) fn find(
        &self,
        text: &[u8],
        mut is_wanted: impl FnMut(usize, usize, SecretKind) -> bool,
    ) -> Result<Vec<(usize, usize, SecretKind)>, TooCostly> {
        let mut found = Vec::new();
        if self.starts.is_empty() {
            return Ok(found);
        }
        let mut steps = (text.len() as u64).saturating_mul(64).saturating_add(1 << 20);
        let mut at = 0;
        'places: while at + PREFIX <= text.len() {
            let (word, bit) = start_bit(&text[at..]);
            if self.starts[word] & bit != 0
                && let Some(prefix) = text[at..].first_chunk::<PREFIX>()
                && let Some(lengths) = self.lengths.get(prefix)
            {
                for length in lengths.iter().map(|length| usize::from(*length)) {
                    let Some(part) = text.get(at..at + length) else { continue };
                    steps = steps.checked_sub(part.len() as u64).ok_or(TooCostly)?;
                    if let Some((kind, full)) = self.values.get(&self.digest(part)) {
                        let end = text.len().min(at + full);
                        if is_wanted(at, end, *kind) {
                            found.push((at, end, *kind));
                            at = end;
                            continue 'places;
                        }
                    }
                }
            }
            at += 1;
        }
        Ok(found)
    }
}

fn start_bit(bytes: &[u8]) -> (usize, u64) {
    let start = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    (start >> 6, 1 << (start & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(memory: &Memory, text: &str) -> Vec<String> {
        let found = memory.find(text.as_bytes(), |_, _, _| true).unwrap();
        found.into_iter().map(|(start, end, _)| text[start..end].to_owned()).collect()
    }

    #[test]
    fn the_longest_value_is_found_at_each_place() {
        let mut memory = Memory::default();
        assert_eq!(found(&memory, "hunter22"), [""; 0]);
        for value in ["hunter22", "hunter", "hush", "other", "é-long-value"] {
            memory.add(SecretKind::Secret, value);
        }
        assert_eq!(found(&memory, "xhunter22hunter2 hush é-long-value othe"), ["hunter22", "hunter", "é-long-value"]);
    }

    #[test]
    fn a_value_is_found_after_a_hundred_thousand_others() {
        let mut memory = Memory::default();
        memory.add(SecretKind::Secret, "the-first-of-all");
        (0..100_000).for_each(|index| memory.add(SecretKind::Id, &format!("id-of-something-{index:07}")));
        assert_eq!(found(&memory, "is the-first-of-all here?"), ["the-first-of-all"]);
        assert_eq!(found(&memory, "id-of-something-0099999"), ["id-of-something-0099999"]);
    }

    #[test]
    fn values_longer_than_what_is_compared_are_found_whole() {
        let mut memory = Memory::default();
        let long = "0123456789abcdef".repeat(1000);
        memory.add(SecretKind::Token, &long);
        assert_eq!(found(&memory, &format!("a {long} b")), [long]);
    }

    #[test]
    fn a_text_made_to_be_slow_is_given_up() {
        let mut memory = Memory::default();
        (PREFIX..3000).for_each(|length| memory.add(SecretKind::Secret, &("a".repeat(length) + "b")));
        assert!(memory.find("a".repeat(100_000).as_bytes(), |_, _, _| true).is_err());
    }
}
