//! The layout of JSON bodies, token by token.

use serde::de::IgnoredAny;

use crate::text::visible::visible_json_string;

/// Maximum nesting of a body that is laid out. Hurl itself stops at 128 levels, and a layout makes deeper bodies no easier to read.
const DEPTH_LIMIT: usize = 100;

/// Returns the length of the JSON value at the start of a text, which must not start with white space.
///
/// The depth is unlimited, since ignored values are not read recursively.
pub(super) fn value_length(text: &str) -> Result<usize, serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next().transpose()?;
    Ok(values.byte_offset())
}

/// Lays out JSON with one member or element per line and two blanks per level. White space changes, and characters that control how
/// text is shown become escapes in strings.
///
/// Returns `None` for a text that is not JSON, and for the rare JSON that Hurl would not read unchanged: strings with `{{`, lone
/// surrogates, and values nested too deeply.
pub(super) fn lay_out(text: &str) -> Option<String> {
    if text.contains("{{") { None } else { lay_out_with_templates(text) }
}

/// Lays out JSON whose strings contain templates.
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
                out.push_str(&visible_json_string(string));
                at = end;
            }
            b'{' | b'[' => {
                if depth == DEPTH_LIMIT {
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
    // Decoding a valid string literal can only fail because of a surrogate.
    string.contains("\\u") && serde_json::from_str::<String>(string).is_err()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::exchange::tests::generators::json_text;

    /// Removes the white space around tokens.
    fn compact(text: &str) -> String {
        let (mut in_string, mut escaped) = (false, false);
        let is_significant = |character: &char| {
            let is_quote = *character == '"' && !escaped;
            in_string ^= is_quote;
            escaped = in_string && *character == '\\' && !escaped;
            in_string || !character.is_ascii_whitespace()
        };
        text.chars().filter(is_significant).collect()
    }

    #[test]
    fn each_member_has_its_own_line() {
        let text = r#" {"b":[1,{"c" : null}] ,"a":{ },"d":[ ]}"#;
        let laid_out = "{\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ],\n  \"a\": {},\n  \"d\": []\n}";
        assert_eq!(lay_out(text).as_deref(), Some(laid_out));
    }

    #[test]
    fn order_duplicates_numbers_and_escapes_are_preserved() {
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
    fn text_other_than_json_is_rejected() {
        for text in ["", " ", "{", "[1,]", "{\"a\"}", "[1] x", "01", "\"\n\"", "\"\\x\"", "{'a':1}", "nul", "\u{feff}{}"] {
            assert_eq!(lay_out(text), None, "{text}");
        }
    }

    #[test]
    fn json_that_hurl_would_not_read_is_rejected() {
        for text in [r#"["{{a}}"]"#, r#"{"{{":1}"#, r#""\ud83d""#, r#"["\ude00\ud83d"]"#] {
            assert_eq!(lay_out(text), None, "{text}");
        }
        assert_ne!(lay_out(r#"{"a":{"b":"{ { \ud83d\ude00"}}"#), None);
    }

    #[test]
    fn deep_nesting_is_rejected_without_recursion() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_ne!(lay_out(&nested(DEPTH_LIMIT)), None);
        assert_eq!(lay_out(&nested(DEPTH_LIMIT + 1)), None);
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
        #![proptest_config(crate::property_tests())]

        #[test]
        fn the_layout_keeps_every_token_and_the_value(text in json_text()) {
            let Some(laid_out) = lay_out(&text) else {
                prop_assert!(text.contains("{{"), "{}", text);
                return Ok(());
            };
            prop_assert_eq!(compact(&laid_out), visible_json_string(&compact(&text)).into_owned());
            let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert_eq!(value(&laid_out), value(&text));
            prop_assert_eq!(lay_out(&laid_out), Some(laid_out));
        }

        #[test]
        fn any_text_can_be_laid_out(text in "[{}\\[\\]\",:1a\\\\u \n]{0,20}") {
            let _ = lay_out(&text);
        }
    }
}
