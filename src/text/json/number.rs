//! Numbers of a JSON text. Those with a fraction or an exponent keep their digits beside their value.

use std::fmt;
use std::ops::Deref;

use super::Json;

/// A number: its value, and its digits where these say more.
#[derive(Clone, PartialEq)]
pub(crate) struct JsonNumber<'a> {
    value: serde_json::Number,
    digits: Option<&'a str>,
}

impl From<serde_json::Number> for JsonNumber<'_> {
    fn from(value: serde_json::Number) -> Self {
        JsonNumber { value, digits: None }
    }
}

impl From<u64> for JsonNumber<'_> {
    fn from(value: u64) -> Self {
        serde_json::Number::from(value).into()
    }
}

impl Deref for JsonNumber<'_> {
    type Target = serde_json::Number;

    fn deref(&self) -> &serde_json::Number {
        &self.value
    }
}

impl fmt::Debug for JsonNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tags of entities in files follow from it.
        fmt::Debug::fmt(&self.value, f)
    }
}

impl fmt::Display for JsonNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digits {
            Some(digits) => f.write_str(digits),
            None => fmt::Display::fmt(&self.value, f),
        }
    }
}

/// Gives the numbers of a tree other than integers the digits that they have in the text. The text is that of the tree, in which they come in
/// the same order.
pub(super) fn keep_digits<'a>(text: &'a [u8], json: &mut Json<'a>, count: usize) {
    let found: Vec<&str> = floats(text).collect();
    if found.len() == count {
        place(json, &mut found.into_iter());
    }
}

fn place<'a>(json: &mut Json<'a>, found: &mut impl Iterator<Item = &'a str>) {
    match json {
        Json::Number(number) if number.is_f64() => number.digits = found.next(),
        Json::Array(items) => items.iter_mut().for_each(|item| place(item, found)),
        Json::Object(members) => members.iter_mut().for_each(|(_, value)| place(value, found)),
        _ => {}
    }
}

/// Returns the numbers of a valid JSON text that the parser reads as other than integers.
fn floats(text: &[u8]) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            match text[at] {
                b'"' => {
                    at += 1;
                    while at < text.len() && text[at] != b'"' {
                        at += if text[at] == b'\\' { 2 } else { 1 };
                    }
                    at += 1;
                }
                b'-' | b'0'..=b'9' => {
                    let rest = &text[at..];
                    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
                    at += end;
                    let Ok(token) = std::str::from_utf8(&rest[..end]) else { continue };
                    if token == "-0" || token.parse::<u64>().is_err() && token.parse::<i64>().is_err() {
                        return Some(token);
                    }
                }
                _ => at += 1,
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        for text in [
            "1.10",
            "-0",
            "-0.0",
            "0",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1e3",
            "1E+2",
            "1.000000000000000000000000000001",
            r#"[1,2.50,{"a":"9.90\\\"1.1","b":-3.30,"1.5":[4.0]},"7.7",5.5E0]"#,
        ] {
            let mut written = Vec::new();
            parse(text.as_bytes()).unwrap().write(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }

    #[test]
    fn numbers_are_read_by_their_values() {
        let Json::Number(number) = parse(b"2.50").unwrap() else { panic!("not a number") };
        assert_eq!((number.as_f64(), number.as_i64(), number.to_string()), (Some(2.5), None, "2.50".to_owned()));
    }
}
