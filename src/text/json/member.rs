//! A member of a JSON text, found without a tree of the text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the text of the value of a member; `None` for other texts than objects with it. Of several members of the name, it is the first.
pub(crate) fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Member { name }.deserialize(&mut deserializer).ok()?
}

struct Member<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if found.is_none() && name.0 == self.name {
                found = Some(map.next_value::<&'de RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A name, borrowed from the text unless it has escapes.
#[derive(serde::Deserialize)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_returned_as_it_is_written() {
        let text = r#"{ "a" : [1, {"b": 2}], "b\u0063": {"d" : 1.50 }, "a": 3, "e": null }"#;
        assert_eq!(member(text, "a"), Some(r#"[1, {"b": 2}]"#));
        assert_eq!(member(text, "bc"), Some(r#"{"d" : 1.50 }"#));
        assert_eq!(member(text, "bc").and_then(|inner| member(inner, "d")), Some("1.50"));
        assert_eq!(member(text, "e"), Some("null"));
        for (text, name) in [(text, "b"), (text, "A"), ("[{\"a\":1}]", "a"), ("1", "a"), ("", "a"), ("{\"a\":1", "a")] {
            assert_eq!(member(text, name), None, "{text} {name}");
        }
    }
}
