//! Segments of resource paths, and keys in parentheses: the one parser of both.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A decoded segment of a path: a name, and the key predicate in parentheses after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'s> {
    /// The name.
    pub name: &'s str,
    /// The text in parentheses: `'1'` or `id='1'`.
    pub predicate: Option<&'s str>,
}

impl<'s> Segment<'s> {
    /// Splits a segment.
    pub(crate) fn of(segment: &'s str) -> Segment<'s> {
        match segment.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
            Some((name, predicate)) => Segment { name, predicate: Some(predicate) },
            None => Segment { name: segment, predicate: None },
        }
    }
}

/// A key predicate: `'1'`, `1`, `duration'PT1H'` or `id='1'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPredicate<'s> {
    /// The name of the key property, if the predicate has one.
    pub name: Option<&'s str>,
    /// The key.
    pub key: String,
    /// The name of a type before the quotes.
    pub prefix: Option<&'s str>,
    /// Whether the key is a string in quotes.
    pub is_quoted: bool,
}

impl<'s> KeyPredicate<'s> {
    /// Parses a predicate; `None` if it is malformed or the key is empty.
    pub(crate) fn of(predicate: &'s str) -> Option<KeyPredicate<'s>> {
        let (name, literal) = match predicate.split_once('=') {
            Some((name, literal)) if !name.contains('\'') => (Some(name.trim()), literal.trim()),
            _ => (None, predicate),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let (prefix, literal) = match literal.find('\'') {
            Some(at) if at > 0 && literal.bytes().take(at).all(is_name) => (literal.get(..at), &literal[at..]),
            _ => (None, literal),
        };
        let is_quoted = literal.starts_with('\'');
        let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | ':' | '+');
        let key = if is_quoted {
            string_literal(literal)?
        } else {
            Some(literal.to_owned()).filter(|literal| literal.chars().all(is_bare))?
        };
        (!key.is_empty()).then_some(KeyPredicate { name, key, prefix, is_quoted })
    }
}

/// Reads a string literal, in which quotes are doubled (OData ABNF, string).
fn string_literal(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    // Quotes come in pairs, so each odd piece between single quotes is empty.
    let mut text = String::with_capacity(inner.len());
    let mut pieces = 0;
    for (index, piece) in inner.split('\'').enumerate() {
        pieces += 1;
        match (index % 2, piece) {
            (0, piece) => text.push_str(piece),
            (_, "") => text.push('\''),
            _ => return None,
        }
    }
    (pieces % 2 == 1).then_some(text)
}

/// Returns the decoded segments of a path. A key in parentheses is a segment of its own.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.split('/').flat_map(|segment| {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        let Segment { name, predicate } = Segment::of(&segment);
        match predicate.and_then(KeyPredicate::of) {
            Some(KeyPredicate { key, .. }) => [Some(Cow::Owned(name.to_owned())), Some(Cow::Owned(key))],
            None => [Some(segment), None],
        }
        .into_iter()
        .flatten()
    })
}

/// Returns the names in the decoded fragment of a context URL, without keys, lists of properties, and `$` segments.
pub(crate) fn fragment_names(fragment: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut start, mut depth, mut is_quoted) = (0, 0_usize, false);
    for (index, character) in fragment.char_indices().chain([(fragment.len(), '/')]) {
        match character {
            // A doubled quote ends the literal and begins it again.
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth = depth.saturating_sub(1),
            '/' if index == fragment.len() || (!is_quoted && depth == 0) => {
                let segment = &fragment[start..index];
                let name = segment.split_once('(').map_or(segment, |(name, _)| name);
                if !name.starts_with('$') {
                    names.push(name);
                }
                start = index + 1;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_is_a_literal_with_or_without_the_name_of_the_key() {
        let parse = |text| KeyPredicate::of(text).map(|predicate| (predicate.name, predicate.key));
        assert_eq!(parse("'1'"), Some((None, "1".to_owned())));
        assert_eq!(parse("id = 'a''b'"), Some((Some("id"), "a'b".to_owned())));
        assert_eq!(parse("'a=b'"), Some((None, "a=b".to_owned())));
        assert_eq!(parse("12"), Some((None, "12".to_owned())), "a literal without quotes");
        assert_eq!(parse("duration'PT1H'"), Some((None, "PT1H".to_owned())));
        assert_eq!(parse("a=x.color'red'"), Some((Some("a"), "red".to_owned())));
        assert_eq!(KeyPredicate::of("a=x.color'red'").and_then(|predicate| predicate.prefix), Some("x.color"));
        for malformed in ["", "'", "''", "a b", "'a'b'", "'a", "a'", "id='", "id=", "a('b')"] {
            assert_eq!(parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_segment_has_a_name_and_a_predicate() {
        assert_eq!(Segment::of("teams('1')"), Segment { name: "teams", predicate: Some("'1'") });
        assert_eq!(Segment::of("teams"), Segment { name: "teams", predicate: None });
        assert_eq!(Segment::of("teams('1'"), Segment { name: "teams('1'", predicate: None });
    }
}
