//! JSON by tokens: where a value ends, and how it is laid out for reading.

use serde::de::IgnoredAny;

/// How deep a body may be nested to be laid out. Hurl itself stops at 128 levels, and deeper ones are no easier to read anyway.
const DEEPEST: usize = 100;

/// Returns the length of the JSON value at the start of a text, which must not start with white space.
///
/// Any depth is fine: values that are ignored are not read recursively.
pub(super) fn value_length(text: &str) -> Result<usize, serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next().transpose()?;
    Ok(values.byte_offset())
}

/// Lays JSON out with one member or element per line and two blanks per level, and changes nothing but white space.
///
/// Returns nothing for a text that is not JSON, and for the little JSON that Hurl would not take as it is: what looks like a
/// template in strings, halves of surrogate pairs, and values nested too deeply.
pub(super) fn lay_out(text: &str) -> Option<String> {
    if text.contains("{{") { None } else { lay_out_with_templates(text) }
}

/// Does the same for a text in whose strings templates stand where templates are meant.
pub(super) fn lay_out_with_templates(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'"' => {
                let end = string_end(bytes, at);
                let string = &text[at..end];
                if has_lone_surrogate(string) {
                    return None;
                }
                out.push_str(string);
                at = end;
            }
            b'{' | b'[' => {
                if depth == DEEPEST {
                    return None;
                }
                out.push(char::from(byte));
                at += 1 + bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                if let Some(&close @ (b'}' | b']')) = bytes.get(at) {
                    out.push(char::from(close));
                    at += 1;
                } else {
                    depth += 1;
                    break_line(depth, &mut out);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                break_line(depth, &mut out);
                out.push(char::from(byte));
                at += 1;
            }
            b',' => {
                out.push(',');
                break_line(depth, &mut out);
                at += 1;
            }
            b':' => {
                out.push_str(": ");
                at += 1;
            }
            _ => {
                let length = bytes[at..].iter().take_while(|byte| !b" \t\n\r,:{}[]\"".contains(byte)).count();
                out.push_str(&text[at..at + length]);
                at += length;
            }
        }
    }
    Some(out)
}

fn break_line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Returns the position after the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn has_lone_surrogate(string: &str) -> bool {
    // A valid string literal that does not become a string can only fail because of a surrogate.
    string.contains("\\u") && serde_json::from_str::<String>(string).is_err()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Objects and arrays with odd white space, repeated members and all kinds of literals.
    pub(in crate::text::exchange) fn json_text() -> impl Strategy<Value = String> {
        let literal = prop_oneof!["true|false|null", "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", string()];
        let value = literal.prop_recursive(4, 24, 4, |value| {
            let padded = (blank(), value, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}")).boxed();
            let member = (blank(), string(), blank(), padded.clone());
            let member = member.prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
            prop_oneof![
                (blank(), vec(padded, 0..4)).prop_map(|(blank, values)| format!("[{blank}{}]", values.join(","))),
                (blank(), vec(member, 0..4)).prop_map(|(blank, members)| format!("{{{blank}{}}}", members.join(","))),
            ]
        });
        (blank(), value, blank()).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
    }

    fn blank() -> impl Strategy<Value = String> {
        prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,2}"]
    }

    fn string() -> impl Strategy<Value = String> {
        r#""([a-c{}\[\],: é#`]|\\["\\/bnrt]|\\u00[0-9a-f]{2}|\\ud83d\\ude00){0,6}""#
    }

    /// Removes the white space around tokens.
    fn compact(text: &str) -> String {
        let (mut in_string, mut escaped) = (false, false);
        let is_kept = |character: &char| {
            let is_quote = *character == '"' && !escaped;
            in_string ^= is_quote;
            escaped = in_string && *character == '\\' && !escaped;
            in_string || !character.is_ascii_whitespace()
        };
        text.chars().filter(is_kept).collect()
    }

    #[test]
    fn members_stand_on_their_own_lines() {
        let text = r#" {"b":[1,{"c" : null}] ,"a":{ },"d":[ ]}"#;
        let laid_out = "{\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ],\n  \"a\": {},\n  \"d\": []\n}";
        assert_eq!(lay_out(text).as_deref(), Some(laid_out));
    }

    #[test]
    fn order_repetition_numbers_and_escapes_stay_as_they_are() {
        let text = r#"{"z":1.50,"a":1E+2,"z":100000000000000000000000.0,"b":"\/\u00e9\"é"}"#;
        assert_eq!(compact(&lay_out(text).unwrap()), text);
    }

    #[test]
    fn literals_alone_are_laid_out_too() {
        for text in ["1", "-0.5e1", "\"a b\"", "null"] {
            assert_eq!(lay_out(&format!("\n{text}\t")).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", " ", "{", "[1,]", "{\"a\"}", "[1] x", "01", "\"\n\"", "\"\\x\"", "{'a':1}", "nul", "\u{feff}{}"] {
            assert_eq!(lay_out(text), None, "{text}");
        }
    }

    #[test]
    fn json_that_hurl_would_not_take_as_it_is_is_refused() {
        for text in [r#"["{{a}}"]"#, r#"{"{{":1}"#, r#""\ud83d""#, r#"["\ude00\ud83d"]"#] {
            assert_eq!(lay_out(text), None, "{text}");
        }
        assert_ne!(lay_out(r#"{"a":{"b":"{ { \ud83d\ude00"}}"#), None);
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_ne!(lay_out(&nested(DEEPEST)), None);
        assert_eq!(lay_out(&nested(DEEPEST + 1)), None);
        assert_eq!(lay_out(&nested(1_000_000)), None);
        assert_eq!(value_length(&nested(1_000_000)).unwrap(), 2_000_000);
        assert!(value_length(&"[{\"a\":".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_value_ends_at_its_last_token() {
        for (text, length) in
            [("{\"}\":\"\\\"]\"}}", 11), ("[[1],\n2] # c", 8), ("1.5\nHTTP", 3), ("\"a\"\"b\"", 3), ("true\n", 4)]
        {
            assert_eq!(value_length(text).unwrap(), length, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_layout_keeps_every_token_and_the_value(text in json_text()) {
            let Some(laid_out) = lay_out(&text) else {
                prop_assert!(text.contains("{{"), "{}", text);
                return Ok(());
            };
            prop_assert_eq!(compact(&laid_out), compact(&text));
            let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(value(&laid_out), value(&text));
            prop_assert_eq!(lay_out(&laid_out), Some(laid_out));
        }

        #[test]
        fn any_text_may_be_laid_out(text in "[{}\\[\\]\",:1a\\\\u \n]{0,20}") {
            let _ = lay_out(&text);
        }
    }
}
