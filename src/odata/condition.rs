//! Conditions on tags: the values of `If-Match` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1).

use http::header::{HeaderMap, HeaderName};

/// The condition of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `*`: any tag.
    Any,
    /// One of several tags.
    Tags(Vec<Tag>),
    /// A text that is neither, which no tag fulfills.
    Malformed,
}

/// A tag in a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    is_weak: bool,
    /// The text in the quotes.
    opaque: Vec<u8>,
}

impl Condition {
    /// Reads the condition of a header; `None` without the header. A header without a value has no tags.
    pub(crate) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Condition> {
        let mut condition = None;
        for value in headers.get_all(name) {
            let next = list(value.as_bytes()).unwrap_or(Condition::Malformed);
            condition = Some(match (condition, next) {
                (None, next) => next,
                (Some(Condition::Tags(mut tags)), Condition::Tags(more)) => {
                    tags.extend(more);
                    Condition::Tags(tags)
                }
                // A star has no tags beside it.
                (Some(_), _) => Condition::Malformed,
            });
        }
        condition
    }

    /// Whether the header has no value.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Condition::Tags(tags) if tags.is_empty())
    }

    /// Whether a change may take place: the tag of the entity is among those of `If-Match`. Weak tags of the service are compared like
    /// strong ones, since their entities have no others; a weak tag of a client is not a strong one.
    pub(crate) fn allows(&self, current: Option<&str>) -> bool {
        self.matches(current, |tag, current| tag.opaque == current.opaque && (current.is_weak || !tag.is_weak))
    }

    /// Whether the client has the entity already: its tag is among those of `If-None-Match`, weak or strong.
    pub(crate) fn excludes(&self, current: Option<&str>) -> bool {
        self.matches(current, |tag, current| tag.opaque == current.opaque)
    }

    fn matches(&self, current: Option<&str>, is_same: impl Fn(&Tag, &Tag) -> bool) -> bool {
        match (self, current) {
            (Condition::Any, _) => true,
            (Condition::Tags(tags), Some(current)) => {
                // A tag from a file may have any form.
                let parsed = match list(current.as_bytes()) {
                    Some(Condition::Tags(mut tags)) if tags.len() == 1 => tags.pop(),
                    _ => None,
                };
                let current = parsed.unwrap_or_else(|| Tag { is_weak: false, opaque: current.as_bytes().to_vec() });
                tags.iter().any(|tag| is_same(tag, &current))
            }
            (Condition::Tags(_), None) | (Condition::Malformed, _) => false,
        }
    }
}

/// Reads a star, or a list of tags with commas between them; `None` for another text. Commas within quotes are a part of the tag.
fn list(text: &[u8]) -> Option<Condition> {
    let mut rest = text.trim_ascii();
    if rest == b"*" {
        return Some(Condition::Any);
    }
    let mut tags = Vec::new();
    loop {
        // Empty elements of a list count for nothing (RFC 9110, 5.6.1).
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        if rest.is_empty() {
            return Some(Condition::Tags(tags));
        }
        let (is_weak, quoted) = rest.strip_prefix(b"W/").map_or((false, rest), |quoted| (true, quoted));
        let quoted = quoted.strip_prefix(b"\"")?;
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        tags.push(Tag { is_weak, opaque: quoted[..end].to_vec() });
        rest = quoted[end + 1..].trim_ascii_start();
        if !rest.is_empty() && rest[0] != b',' {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::IF_MATCH;

    use super::*;

    fn condition(values: &[&str]) -> Option<Condition> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_str(value).unwrap());
        }
        Condition::of(&headers, &IF_MATCH)
    }

    #[test]
    fn tags_are_compared_as_the_header_requires() {
        for (values, current, allows, excludes) in [
            (&["\"a\""][..], "\"a\"", true, true),
            (&["\"a\""], "\"b\"", false, false),
            (&["\"A\""], "\"a\"", false, false),
            (&["W/\"a\""], "W/\"a\"", true, true),
            (&["W/\"a\""], "\"a\"", false, true),
            (&["\"a\""], "W/\"a\"", true, true),
            (&["*"], "\"a\"", true, true),
            (&["\"b\", W/\"c\",\"{A},3\" "], "\"{A},3\"", true, true),
            (&[",, \"a\",,"], "\"a\"", true, true),
            (&["\"b\"", "\"a\""], "\"a\"", true, true),
            (&["\"b\"", "*"], "\"a\"", false, false),
            (&["a"], "\"a\"", false, false),
            (&["\"a"], "\"a\"", false, false),
            (&["\"a\" \"b\""], "\"a\"", false, false),
            (&["w/\"a\""], "W/\"a\"", false, false),
            (&[""], "\"a\"", false, false),
            (&["\"x\""], "x", true, true),
        ] {
            let condition = condition(values).unwrap();
            assert_eq!((condition.allows(Some(current)), condition.excludes(Some(current))), (allows, excludes), "{values:?}");
        }
        assert_eq!(condition(&[]), None);
        assert!(condition(&["  "]).unwrap().is_empty() && !condition(&["\"\""]).unwrap().is_empty());
        assert!(condition(&["*"]).unwrap().allows(None) && !condition(&["\"a\""]).unwrap().allows(None));
    }
}
