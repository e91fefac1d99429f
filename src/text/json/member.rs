//! Members and items of a JSON text, found without a tree of the text.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
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

/// Visits the texts of the items of an array, as they are written, until the visitor breaks. Other texts have no items.
pub(crate) fn for_each_item(text: &str, visit: impl FnMut(&str) -> ControlFlow<()>) {
    // An error has nothing to add: the visitor has seen each item that it wanted.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let _ = deserializer.deserialize_seq(Items { visit });
}

struct Items<F> {
    visit: F,
}

impl<'de, F: FnMut(&str) -> ControlFlow<()>> Visitor<'de> for Items<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(item) = sequence.next_element::<&'de RawValue>()? {
            if (self.visit)(item.get()).is_break() {
                return Err(A::Error::custom("the visitor needs no more"));
            }
        }
        Ok(())
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

    #[test]
    fn items_are_visited_as_they_are_written_until_the_visitor_breaks() {
        let items = |text: &str, limit: usize| {
            let mut found = Vec::new();
            for_each_item(text, |item| {
                found.push(item.to_owned());
                if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            found
        };
        assert_eq!(items(r#" [1 , {"a": [2]}, "x\n",[ ]]"#, 9), ["1", r#"{"a": [2]}"#, r#""x\n""#, "[ ]"]);
        assert_eq!(items("[1,2,3]", 2), ["1", "2"]);
        for text in ["[]", "{\"a\":[1]}", "1", "", "null"] {
            assert!(items(text, 9).is_empty(), "{text}");
        }
    }
}
