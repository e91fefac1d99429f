//! The outermost level of a JSON text. Values are found by quotes and brackets alone, at a fraction of the cost of reading them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::plain::{parse_item, plain_length};
use super::tree::{NameSeed, parse, parse_limited};
use super::{Json, MEMBERS};
use crate::text::bom;

/// The outermost level of a JSON text.
#[derive(Debug)]
pub(crate) enum Outline<'a> {
    /// The items of an array.
    Array(Items<'a>),
    /// The names and values of an object's members, in the order of the text.
    Object(Vec<(Cow<'a, str>, MemberText<'a>)>),
    /// Any other value.
    Scalar(Json<'a>),
}

/// The text of the value of a member.
#[derive(Debug)]
pub(crate) struct MemberText<'a> {
    /// The text.
    pub text: &'a str,
    /// The items of an array that is not checked.
    items: Option<Items<'a>>,
}

impl<'a> MemberText<'a> {
    /// Finds the items or members of the value.
    pub(crate) fn outline(&self) -> Result<Outline<'a>, serde_json::Error> {
        self.items.clone().map_or_else(|| outline(self.text.as_bytes(), |_| false), |items| Ok(Outline::Array(items)))
    }
}

/// The items of an array. They are not checked: if all are JSON, the text of the array is.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    /// The text between the brackets.
    text: &'a str,
    /// The starts of parts in the text, and the numbers of their first items. A list of all items may take many times the memory of the text.
    parts: Vec<(usize, usize)>,
}

/// The items of a part of an array at most.
const PART_ITEMS: usize = 256;

/// The length of their text, in bytes, from which a part has fewer of them.
const PART_TEXT: usize = 64 << 10;

/// Some items of an array, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayPart<'a> {
    text: &'a str,
    /// The number of the first item.
    first: usize,
}

impl<'a> Items<'a> {
    /// Finds the items of the text of an array; `None` if its quotes and brackets are not those of an array.
    fn of(text: &'a str) -> Option<Items<'a>> {
        let mut walker = Walker { text, at: 0 };
        walker.expect(b'[')?;
        let items = walker.items()?;
        walker.is_at_end().then_some(items)
    }

    /// Whether it has no items.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the length of the text.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the items, in parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = ArrayPart<'a>> {
        let ends = self.parts.iter().skip(1).map(|(start, _)| start - 1).chain([self.text.len()]);
        self.parts.iter().zip(ends).map(|((start, first), end)| ArrayPart { text: &self.text[*start..end], first: *first })
    }
}

impl<'a> ArrayPart<'a> {
    /// Calls a function with the number of each item and the item, or the problem of one that is not JSON, in their order, until it returns
    /// `false`. Returns its last result. `limit` returns the number of values that an item of a length, in bytes, can have, of any length at
    /// least as many as of none.
    pub(crate) fn read(
        self,
        limit: impl Fn(usize) -> usize,
        mut act: impl FnMut(usize, Result<Json<'a>, serde_json::Error>) -> bool,
    ) -> bool {
        let (mut rest, mut number) = (self.text, self.first);
        loop {
            let read = if let Some((json, behind)) = parse_item(rest, limit(0)) {
                rest = behind;
                Ok(json)
            } else {
                let mut walker = Walker { text: rest, at: 0 };
                // Without an end, the problem is in the text.
                let text = walker.skip_item().map_or(rest, |_| &rest[..walker.at]);
                rest = &rest[text.len()..];
                parse_limited(text.as_bytes(), limit(text.len()))
            };
            if !act(number, read) {
                return false;
            }
            let Some(behind) = rest.strip_prefix(',') else { return true };
            (rest, number) = (behind, number + 1);
        }
    }
}

/// Finds the items or members of a JSON text without parsing their content. A byte order mark in front is skipped. The items of the text are
/// not checked, nor those of a member for whose name `is_read` holds: the caller reads them.
pub(crate) fn outline(text: &[u8], is_read: impl Fn(&str) -> bool) -> Result<Outline<'_>, serde_json::Error> {
    let text = bom::strip_bytes(text);
    let found = match (std::str::from_utf8(text), text.iter().find(|byte| !byte.is_ascii_whitespace())) {
        (Ok(text), Some(b'[')) => Items::of(text).map(Outline::Array),
        (Ok(text), Some(b'{')) => members(text, is_read).map(Outline::Object),
        (Ok(_), _) => return Ok(Outline::Scalar(parse(text)?)),
        (Err(_), _) => None,
    };
    // The error of the reader has the place.
    found.ok_or_else(|| check_members(text).err().unwrap_or_else(|| serde_json::Error::custom("invalid UTF-8")))
}

/// Returns the members of an object; `None` for a text that is not JSON, and for one with too many members.
fn members(text: &str, is_read: impl Fn(&str) -> bool) -> Option<Vec<(Cow<'_, str>, MemberText<'_>)>> {
    let mut walker = Walker { text, at: 0 };
    let mut members = Vec::new();
    walker.expect(b'{')?;
    if walker.expect(b'}').is_some() {
        return walker.is_at_end().then_some(members);
    }
    loop {
        let name = NameSeed.deserialize(&mut serde_json::Deserializer::from_str(walker.string()?)).ok()?;
        walker.expect(b':')?;
        let is_array = walker.peek()? == b'[';
        let start = walker.at;
        let items = if is_array && is_read(&name) {
            walker.at += 1;
            Some(walker.items()?)
        } else {
            walker.skip_item()?;
            None
        };
        let mut value = &text[start..walker.at];
        if items.is_none() {
            value = serde_json::from_str::<&RawValue>(value).ok()?.get();
        }
        members.push((name, MemberText { text: value, items }));
        if walker.expect(b',').is_none() {
            walker.expect(b'}')?;
            return walker.is_at_end().then_some(members);
        }
        (members.len() < MEMBERS).then_some(())?;
    }
}

/// Checks that a text is JSON.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    let text = bom::strip_bytes(text);
    match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str::<&RawValue>(text).map(drop),
        Err(_) => serde_json::from_slice::<&RawValue>(text).map(drop),
    }
}

/// Checks that a text is JSON without too many members.
fn check_members(text: &[u8]) -> Result<(), serde_json::Error> {
    check(text)?;
    serde_json::Deserializer::from_slice(text).deserialize_any(MemberCounter)
}

struct MemberCounter;

impl<'de> Visitor<'de> for MemberCounter {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut count = 0;
        while access.next_key_seed(NameSeed)?.is_some() {
            if count == MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            count += 1;
            access.next_value::<&RawValue>()?;
        }
        Ok(())
    }
}

/// Walks over a text.
struct Walker<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walker<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space, and returns the next byte.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Skips white space and a byte, if that is the next one.
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Returns the next string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = (self.peek()? == b'"').then_some(self.at)?;
        self.skip_string()?;
        Some(&self.text[start..self.at])
    }

    /// Skips the items of an array and its end, from behind its begin on.
    fn items(&mut self) -> Option<Items<'a>> {
        let begin = self.at;
        let mut parts = Vec::new();
        if self.expect(b']').is_some() {
            return Some(Items { text: "", parts });
        }
        parts.push((0, 0));
        let (mut number, mut last) = (0, (begin, 0));
        while self.skip_item()? == b',' {
            self.at += 1;
            number += 1;
            if number - last.1 == PART_ITEMS || self.at - last.0 >= PART_TEXT {
                last = (self.at, number);
                parts.push((self.at - begin, number));
            }
        }
        let items = Items { text: &self.text[begin..self.at], parts };
        self.expect(b']')?;
        Some(items)
    }

    /// Skips an item or the value of a member, and returns the comma or bracket behind it.
    fn skip_item(&mut self) -> Option<u8> {
        let mut depth = 0_usize;
        loop {
            let byte = self.byte()?;
            match byte {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => return Some(byte),
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Skips a string from its first quote on.
    fn skip_string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            self.at += plain_length(bytes.get(self.at..)?)?;
            match bytes[self.at] {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the items of an array of the whole text, as they are written again; `None` if one is not JSON.
    fn items(text: &str) -> Option<Vec<String>> {
        let items = Items::of(text)?;
        let (mut all, mut is_json) = (Vec::new(), true);
        for part in items.parts() {
            part.read(
                |_| usize::MAX,
                |number, item| {
                    assert_eq!(number, all.len());
                    is_json &= item.is_ok();
                    let mut out = Vec::new();
                    item.unwrap_or(Json::Null).write(&mut out);
                    all.push(String::from_utf8(out).unwrap());
                    true
                },
            );
        }
        is_json.then_some(all)
    }

    /// Whether a text is JSON by its outline and by the items that it leaves unchecked.
    fn is_json(text: &str) -> bool {
        match outline(text.as_bytes(), |name| name == "a") {
            Ok(Outline::Array(_)) => items(text).is_some(),
            Ok(Outline::Object(members)) => {
                members.iter().all(|(_, value)| value.items.is_none() || items(value.text.trim()).is_some())
            }
            Ok(Outline::Scalar(_)) => true,
            Err(_) => false,
        }
    }

    #[test]
    fn an_outline_has_the_outermost_level_only() {
        let outline = |text| outline(text, |name| name == "a");
        assert!(matches!(outline(b"\xEF\xBB\xBF [ {\"a\": [1]} ,2]").unwrap(), Outline::Array(items) if !items.is_empty()));
        assert_eq!(items(" [ {\"a\": [1]} ,2\n]\r\n").unwrap(), ["{\"a\":[1]}", "2"]);
        assert!(matches!(outline(b"[ ]").unwrap(), Outline::Array(items) if items.is_empty()));
        let Outline::Object(members) = outline(br#"{"a": [ 1 ] , "\u0061": {}, "b":[2] }"#).unwrap() else { panic!() };
        let texts: Vec<(&str, &str)> = members.iter().map(|(name, value)| (&**name, value.text)).collect();
        assert_eq!(texts, [("a", "[ 1 ]"), ("a", "{}"), ("b", "[2]")]);
        assert!(members.iter().all(|(_, value)| matches!(value.outline().unwrap(), Outline::Array(_) | Outline::Object(_))));
        assert!(matches!(outline(b" 7 ").unwrap(), Outline::Scalar(Json::Number(_))));
        assert!(outline(br#"{"a":[1 2]}"#).is_ok() && outline(b"[1 2]").is_ok(), "items are checked by their readers");
        for text in ["", "[", "[1}", "[] []", "[\"a]", "{\"a\"}", "{\"a\":1}x", "{\"a\":1,}", "{\"b\":[1 2]}", "{\"a\":[1] 2}"] {
            assert!(outline(text.as_bytes()).is_err(), "{text}");
        }
        assert!(outline(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn the_members_of_an_outline_are_limited() {
        let numbers = |count: usize| format!("{{{}\"a\":1}}", "\"a\":1,".repeat(count - 1));
        let (most, more) = (numbers(MEMBERS), numbers(MEMBERS + 1));
        assert!(outline(most.as_bytes(), |_| true).is_ok());
        let error = outline(more.as_bytes(), |_| true).unwrap_err().to_string();
        assert!(error.starts_with("too many members at line 1 column 600000"), "{error}");
    }

    #[test]
    fn the_items_of_all_parts_are_those_of_the_array() {
        for (count, length, parts) in [(1, 1, 1), (256, 1, 1), (257, 1, 2), (3, 65_000, 2), (5, 70_000, 5), (1_000, 500, 8)] {
            let text = format!("[{}]", vec![format!("\"{}\"", "x".repeat(length)); count].join(" , "));
            assert_eq!(Items::of(&text).unwrap().parts().count(), parts, "{count} of {length}");
            assert!(items(&text).unwrap().iter().all(|item| item.len() == length + 2));
            assert_eq!(items(&text).unwrap().len(), count);
        }
        let deep = format!("[{}1{},1]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Items::of(&deep).unwrap().parts().count(), 2);
    }

    #[test]
    fn the_values_of_an_item_are_limited() {
        let first = |text: &str, limit: usize| {
            let mut read = None;
            let is_done = Items::of(text).unwrap().parts().all(|part| {
                part.read(
                    |length| limit.max(length / 5),
                    |_, item| {
                        read = Some(item.is_ok());
                        false
                    },
                )
            });
            (read, is_done)
        };
        assert_eq!(first("[[1,2],3]", 3), (Some(true), false));
        assert_eq!(first("[[1,2],3]", 2), (Some(false), false));
        assert_eq!(first("[[\"long\",2],3]", 2), (Some(false), false));
        assert_eq!(first("[[\"longer text\",2],3]", 2), (Some(true), false));
    }

    #[test]
    fn a_text_is_json_if_its_parts_are() {
        for text in ["[]", " [ ]\n", "[1, {\"a\":[]},\"]\\\"]\"]", "{}", "{\"a\":[]}", "[1.5,-2e3]"] {
            assert!(is_json(text) && check(text.as_bytes()).is_ok(), "{text}");
        }
        for text in
            ["", "[1,]", "[,1]", "[,]", "[1 2]", "[{]}", "[[1],", "[\"\\x\"]", "{\"a\":[1,]}", "{\"a\":[\n1 2]}", "[1,{}{}]"]
        {
            assert!(!is_json(text) && check(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn an_outline_never_panics(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = outline(&text, |_| true);
            let _ = outline(&text, |_| false);
        }

        #[test]
        fn any_text_is_json_if_its_parts_are(
            text in r#"\[([\[\]{}:, \n0-9.e-]|"a"|"é@b"|"[\\"\\u01]{0,7}"|null|true|"a":|[1-9]{1,3}|\{"a":\[1\]\}){0,12}\]|\{("a":(\[(1|,|"é"|"a"|\\u|\[|\]){0,5}\]|1)|,|"b":[1-9]|[\[\]{}:, \n]){0,9}\}"#
        ) {
            prop_assert_eq!(is_json(&text), check(text.as_bytes()).is_ok(), "{}", text);
        }
    }
}
