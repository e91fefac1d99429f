//! JSON as a tree that preserves the order of members and duplicate members, which OData has rules for.

mod member;
mod number;
mod objects;
mod outline;
mod plain;
mod tree;

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;

use crate::text::json::objects::Objects;

pub(crate) use crate::text::json::member::{for_each_item, member};
pub(crate) use crate::text::json::number::JsonNumber;
pub(crate) use crate::text::json::outline::{ArrayPart, Items, MemberText, Outline, check, outline};
pub(crate) use crate::text::json::tree::{parse, parse_limited};

/// The largest whole number that JavaScript and jq keep exactly: they read the numbers of JSON as doubles.
pub(crate) const EXACT_LIMIT: u64 = (1 << 53) - 1;

/// The members of an object at most. The list of them takes many times the memory of a text with short ones.
const MEMBERS: usize = 1_000_000;

/// A JSON value. Strings borrow from the text where they have no escapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(JsonNumber<'a>),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object: its members in the order of the text.
    Object(Vec<Member<'a>>),
}

/// A member of an object: name and value.
pub(crate) type Member<'a> = (Cow<'a, str>, Json<'a>);

impl Json<'_> {
    /// Returns the kind of the value as a noun phrase for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Boolean(_) => "true or false",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// Describes the value for messages, without the content of strings.
    pub(crate) fn describe(&self) -> String {
        match self {
            Json::Boolean(value) => value.to_string(),
            Json::Number(number) => format!("the number {number}"),
            other => other.kind().to_owned(),
        }
    }

    /// Returns the name of a member that an object in it has twice.
    pub(crate) fn duplicate_name(&self) -> Option<&str> {
        match self {
            Json::Object(members) => {
                let mut names = HashSet::with_capacity(members.len());
                let twice = members.iter().find(|(name, _)| !names.insert(&**name)).map(|(name, _)| &**name);
                twice.or_else(|| members.iter().find_map(|(_, value)| value.duplicate_name()))
            }
            Json::Array(items) => items.iter().find_map(Json::duplicate_name),
            _ => None,
        }
    }

    /// Returns the number of bytes of the names and texts in the value.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Json::String(text) => text.len(),
            Json::Array(items) => items.iter().map(Json::text_bytes).sum(),
            Json::Object(members) => members.iter().map(|(name, value)| name.len() + value.text_bytes()).sum(),
            _ => 0,
        }
    }

    /// Whether the value is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    /// Writes the value as compact JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Json::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Json::String(text) => write_string(out, text),
            Json::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Json::Object(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_string(out, name);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Lays out a JSON text with two spaces per level and CRLF between lines. Text other than JSON is returned unchanged.
pub(crate) fn laid_out(text: &[u8]) -> Vec<u8> {
    let Ok(json) = parse(text) else { return text.to_vec() };
    let mut out = Vec::with_capacity(text.len() * 2);
    lay_out(&json, 0, &mut out);
    out
}

fn lay_out(json: &Json<'_>, depth: usize, out: &mut Vec<u8>) {
    let break_line = |out: &mut Vec<u8>, depth: usize| {
        out.extend_from_slice(b"\r\n");
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    match json {
        Json::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                break_line(out, depth + 1);
                lay_out(item, depth + 1, out);
            }
            break_line(out, depth);
            out.push(b']');
        }
        Json::Object(members) if !members.is_empty() => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.extend_from_slice(if index > 0 { b"," } else { b"" });
                break_line(out, depth + 1);
                write_string(out, name);
                out.extend_from_slice(b": ");
                lay_out(value, depth + 1, out);
            }
            break_line(out, depth);
            out.push(b'}');
        }
        scalar_or_empty => scalar_or_empty.write(out),
    }
}

/// Writes a string with its quotes and escapes.
#[allow(clippy::needless_bitwise_bool, reason = "without branches the compiler looks at many bytes at a time")]
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Most texts need no escapes.
    let needs_escapes = text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\'));
    if !needs_escapes {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(out, text).expect("a string is always JSON, and writing to memory does not fail");
}

/// Writes a whole number.
pub(crate) fn write_integer(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let (mut start, mut rest) = (digits.len(), number.unsigned_abs());
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    out.extend_from_slice(&digits[start..]);
}

/// Returns a string as JSON text.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads a type from a JSON text, and its structs from objects only: serde itself also reads them from arrays. Every text from outside
/// is read in this way.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(Objects(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a type like [`read`].
pub(crate) fn read_text<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, serde_json::Error> {
    read(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compact(text: &str) -> String {
        let mut out = Vec::new();
        parse(text.as_bytes()).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn order_and_duplicates_are_preserved() {
        assert_eq!(compact(r#" { "b" : 1, "a" : [ true , null ], "b" : "x\n" } "#), r#"{"b":1,"a":[true,null],"b":"x\n"}"#);
    }

    #[test]
    fn a_duplicate_name_is_found_at_any_depth() {
        for (text, name) in [
            (r#"{"a":1,"b":{"a":[]},"A":[{"a":0},{"a":0}]}"#, None),
            (r#"{"a":1,"b":2,"a":1}"#, Some("a")),
            (r#"[1,{"b":[{"c":1,"\u0063":2}]}]"#, Some("c")),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap().duplicate_name(), name, "{text}");
        }
    }

    #[test]
    fn strings_are_escaped_as_serde_json_escapes_them() {
        for text in ["", "plain", "\"", "a\\b", "\u{0}", "\u{1f}x", "\u{7f}é日😀/", "line\nbreak"] {
            assert_eq!(quoted(text), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn a_layout_changes_only_white_space() {
        let text = r#"{"b":[1,{"a":{}}],"c":[],"b":"\\\u0001"}"#;
        let laid_out = laid_out(text.as_bytes());
        assert_eq!(compact(std::str::from_utf8(&laid_out).unwrap()), text);
        let expected = "{\r\n  \"b\": [\r\n    1,\r\n    {\r\n      \"a\": {}\r\n    }\r\n  ],\r\n  \"c\": [],\r\n  \"b\": \"\\\\\\u0001\"\r\n}";
        assert_eq!(String::from_utf8(laid_out).unwrap(), expected);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(parse(b"\xEF\xBB\xBF1").unwrap(), Json::Number(1.into()));
        assert!(parse(b"\xEF\xBB\xBF\xEF\xBB\xBF1").is_err());
    }

    #[test]
    fn text_other_than_one_json_value_is_rejected() {
        for text in ["", "{", "{}x", "{} {}", "[1,]", "{\"a\":}", "nul", "\"\\ud800\"", "'a'", "1e999", "\u{feff}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn the_number_of_values_is_limited() {
        assert!(parse_limited(b"[1,[2]]", 4).is_ok());
        assert!(parse_limited(b"[1,[2]]", 3).is_err());
        assert!(parse_limited(br#"{"a":{"b":1}}"#, 3).is_ok());
        assert!(parse_limited(br#"{"a":{"b":1}}"#, 2).is_err());
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn parsing_never_panics(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&text);
        }
    }
}
