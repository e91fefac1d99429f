//! A reader of plain JSON: strings without escapes, whole numbers, few levels. Nearly all request bodies are plain, and cost a third of the time
//! that the reader of any JSON takes, which also finds the problem of a text that is not JSON.

use std::borrow::Cow;

use super::{Json, MEMBERS};

/// The levels of nesting of a plain text, far fewer than those of any JSON.
const DEPTH: u32 = 32;

/// The digits of a plain number, which all fit into 64 bits.
const DIGITS: usize = 18;

/// Returns the tree of a text of at most `limit` values; `None` if the text is not plain.
pub(super) fn parse(text: &str, limit: usize) -> Option<Json<'_>> {
    let mut reader = Reader { text, at: 0, remaining: limit };
    let json = reader.value(DEPTH)?;
    reader.skip_blanks();
    (reader.at == text.len()).then_some(json)
}

/// Returns the tree of the first item of a list without brackets, of at most `limit` values, and the text behind it, which begins with a comma
/// or is empty; `None` if the item is not plain.
pub(super) fn parse_item(text: &str, limit: usize) -> Option<(Json<'_>, &str)> {
    let mut reader = Reader { text, at: 0, remaining: limit };
    let json = reader.value(DEPTH)?;
    matches!(reader.peek(), None | Some(b',')).then(|| (json, &text[reader.at..]))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The number of values that are allowed further.
    remaining: usize,
}

impl<'a> Reader<'a> {
    /// Returns the next byte other than white space.
    fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: u32) -> Option<Json<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.string().map(|text| Json::String(Cow::Borrowed(text))),
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b'n' => self.literal("null", Json::Null),
            b't' => self.literal("true", Json::Boolean(true)),
            b'f' => self.literal("false", Json::Boolean(false)),
            b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn literal(&mut self, text: &str, json: Json<'a>) -> Option<Json<'a>> {
        self.text[self.at..].starts_with(text).then(|| {
            self.at += text.len();
            json
        })
    }

    fn number(&mut self) -> Option<Json<'a>> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let has_fraction = matches!(rest.get(length), Some(b'.' | b'e' | b'E'));
        if length > DIGITS || has_fraction || rest[0] == b'0' && length > 1 {
            return None;
        }
        self.at += length;
        let number = rest[..length].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        Some(Json::Number(number.into()))
    }

    /// Reads a string from its first quote on.
    fn string(&mut self) -> Option<&'a str> {
        let begin = self.at + 1;
        let rest = self.text.as_bytes().get(begin..)?;
        let length = plain_length(rest)?;
        if rest[length] != b'"' {
            return None;
        }
        self.at = begin + length + 1;
        self.text.get(begin..begin + length)
    }

    fn array(&mut self, depth: u32) -> Option<Json<'a>> {
        let mut items = Vec::new();
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break self.at += 1,
                _ => return None,
            }
        }
        Some(Json::Array(items))
    }

    fn object(&mut self, depth: u32) -> Option<Json<'a>> {
        // A whole body has more members than what is in it.
        let mut members = if depth + 1 == DEPTH { Vec::with_capacity(16) } else { Vec::new() };
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Json::Object(members));
        }
        loop {
            if self.peek()? != b'"' || members.len() == MEMBERS {
                return None;
            }
            let name = Cow::Borrowed(self.string()?);
            self.expect(b':')?;
            members.push((name, self.value(depth)?));
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break self.at += 1,
                _ => return None,
            }
        }
        Some(Json::Object(members))
    }
}

/// Returns the position of the first quote, backslash, or control character, for which eight bytes are looked at at a time.
pub(super) fn plain_length(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    /// The sign of each byte.
    const SIGNS: u64 = 0x80 * ONES;
    let (chunks, rest) = text.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let bytes = u64::from_le_bytes(*chunk);
        // The sign of each byte below a limit, and perhaps of others behind the first.
        let below = |bytes: u64, limit: u64| bytes.wrapping_sub(limit * ONES) & !bytes;
        let found = below(bytes ^ (u64::from(b'"') * ONES), 1) | below(bytes ^ (u64::from(b'\\') * ONES), 1) | below(bytes, 0x20);
        if found & SIGNS != 0 {
            return Some(index * 8 + (found & SIGNS).trailing_zeros() as usize / 8);
        }
    }
    let position = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(chunks.len() * 8 + position)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::{Counts, build};
    use super::*;

    fn any(text: &str, limit: usize) -> Option<Json<'_>> {
        build(&mut serde_json::Deserializer::from_str(text), &Counts::up_to(limit)).ok()
    }

    #[test]
    fn only_plain_texts_are_read() {
        let plain = [r#" {"a" : [ ] , "b":{},"a":[1, 0,"é"],"c":true,"d":[false,null,{"e":123456789012345678}]} "#, "\"\"", "7"];
        for text in plain {
            assert!(parse(text, 20).is_some() && parse(text, 20) == any(text, 20), "{text}");
        }
        let deep = "[".repeat(33) + &"]".repeat(33);
        let others = [
            "",
            " ",
            "{",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "[01]",
            "-1",
            "-0",
            "1.0",
            "1e3",
            "1234567890123456789",
            "nul",
            "\"a",
            "\"\\n\"",
            "\"\n\"",
            "1 1",
            "{}}",
            "[[1]",
            deep.as_str(),
        ];
        for text in others {
            assert_eq!(parse(text, 100), None, "{text}");
        }
        let item = |text| parse_item(text, 2).map(|(_, rest)| rest);
        assert_eq!(
            ["[1] ", "[1] ,[2]", "1,", "1 2", "1]", "[1,2]", "", ","].map(item),
            [Some(""), Some(",[2]"), Some(","), None, None, None, None, None]
        );
        assert!(parse("[1,2]", 3).is_some() && parse("[1,2]", 2).is_none() && any("[1,2]", 2).is_none());
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn the_first_special_byte_is_found(text in "[ !#a-z\\[\\]é\u{80}\u{ff}]{0,30}", special in "[\"\\\\\u{0}-\u{1f}]", rest in ".{0,20}") {
            let whole = [&*text, &*special, &*rest].concat();
            prop_assert_eq!(plain_length(whole.as_bytes()), Some(text.len()));
            prop_assert_eq!(plain_length(text.as_bytes()), None);
        }

        #[test]
        fn a_plain_text_is_read_as_any_json(text in r#"([\[\]{}:, \n01-]|"a"|"é@b"|null|true|false|[1-9][0-9]{0,19}|"\\\\"){0,12}"#) {
            if let Some(json) = parse(&text, 8) {
                prop_assert_eq!(Some(json), any(&text, 8));
            }
        }

        #[test]
        fn written_json_is_read(names in proptest::collection::vec("[a-zA-Z@.]{0,9}", 0..6), number in 0_u64..1_000_000) {
            let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":[{number},\"{name}\"]")).collect();
            let text = format!("{{{}}}", members.join(" ,"));
            prop_assert_eq!(parse(&text, 100), any(&text, 100));
        }
    }
}
