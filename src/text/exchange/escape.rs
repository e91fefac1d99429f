//! Strings with Hurl's escapes: header names, header values, targets, one-line bodies and quoted strings.
//!
//! The rules are those of "key-string", "value-string" and "oneline-string" in the [grammar](https://hurl.dev/docs/grammar.html).

use std::fmt::Write;

use super::message::{quoted, unsupported_template};
use crate::text::visible::is_control;

/// The syntactic context of a string, which determines its end and its special characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EscapeContext {
    /// The name of a header; ends at the first character that is not allowed in a name.
    Name,
    /// The value of a header, or the text after `{{base}}`; ends at a comment or with the line, without the blanks at its end.
    Value,
    /// A one-line body; ends at a backtick.
    OneLine,
    /// The query of a capture; ends at a quotation mark.
    Quoted,
}

/// A string decoded from the start of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DecodedText {
    pub(super) text: String,
    /// The length of the encoded string in bytes.
    pub(super) length: usize,
    pub(super) templates: TemplatePositions,
}

/// The names of templates, each with its position in the decoded text.
pub(super) type TemplatePositions = Vec<(usize, String)>;

/// Escapes all characters that [`decode`] would not return unescaped.
pub(super) fn encode(text: &str, context: EscapeContext) -> String {
    encode_with(text, &[], context)
}

/// Escapes a text and inserts templates, which are sorted by position.
pub(super) fn encode_with(text: &str, templates: &[(usize, &str)], context: EscapeContext) -> String {
    let inner_start = text.len() - text.trim_start_matches(' ').len();
    let inner_end = text.trim_end_matches(' ').len();
    let mut encoded = String::with_capacity(text.len());
    let mut previous = None;
    let mut templates = templates.iter().peekable();
    for (position, character) in text.char_indices() {
        while let Some((_, name)) = templates.next_if(|(at, _)| *at <= position) {
            write_template(name, &mut encoded);
            previous = None;
        }
        let before_template = templates.peek().is_some_and(|(at, _)| *at == position + 1);
        let at_edge = position < inner_start || position >= inner_end;
        match character {
            _ if context == EscapeContext::Name && !is_plain_in_name(character) => escape(character, &mut encoded),
            '\\' => encoded.push_str("\\\\"),
            '\n' => encoded.push_str("\\n"),
            '\r' => encoded.push_str("\\r"),
            '\t' => encoded.push_str("\\t"),
            '#' if context == EscapeContext::Value => encoded.push_str("\\#"),
            '`' if context == EscapeContext::OneLine => encoded.push_str("\\`"),
            '"' if context == EscapeContext::Quoted => encoded.push_str("\\\""),
            // Unescaped blanks around a value are ignored.
            ' ' if context == EscapeContext::Value && at_edge => escape(character, &mut encoded),
            // Two braces in a row start a template, but not if one of them is escaped.
            '{' if previous == Some('{') || before_template => escape(character, &mut encoded),
            _ if is_control(character) => escape(character, &mut encoded),
            _ => encoded.push(character),
        }
        previous = Some(character);
    }
    for (_, name) in templates {
        write_template(name, &mut encoded);
    }
    encoded
}

fn write_template(name: &str, out: &mut String) {
    out.push_str("{{");
    out.push_str(name);
    out.push_str("}}");
}

/// Reads a template at the start of a text; returns its name and its length.
pub(super) fn template(text: &str) -> Result<(&str, usize), String> {
    let inner = text.strip_prefix("{{").and_then(|rest| rest.split_once("}}")).map(|(inner, _)| inner);
    match inner {
        Some(inner) if is_variable(inner.trim_matches([' ', '\t'])) => Ok((inner.trim_matches([' ', '\t']), inner.len() + 4)),
        _ => Err(unsupported_template(text)),
    }
}

/// Returns whether a word is a valid name of a captured value: a letter, then letters, digits, `_` and `-`.
pub(super) fn is_variable(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && word != "base"
}

fn escape(character: char, encoded: &mut String) {
    // Writing to a string never fails.
    let _ = write!(encoded, "\\u{{{:x}}}", u32::from(character));
}

/// Hurl also accepts non-ASCII letters, and square brackets except at the start; escaping them is simpler and equivalent.
fn is_plain_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-.@$".contains(character)
}

/// Reads a string from the start of a line; fails on escapes unknown to Hurl and on templates other than plain names.
pub(super) fn decode(line: &str, context: EscapeContext) -> Result<DecodedText, String> {
    let mut text = String::new();
    // The length of the text without the blanks at its end.
    let mut trimmed = 0;
    let mut templates = Vec::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if character == '\\' {
            let (decoded, length) = unescape(rest, context)?;
            text.push(decoded);
            trimmed = text.len();
            rest = &rest[length..];
            continue;
        }
        if ends(character, context) {
            break;
        }
        if rest.starts_with("{{") {
            let (name, length) = template(rest)?;
            templates.push((text.len(), name.to_owned()));
            trimmed = text.len();
            rest = &rest[length..];
            continue;
        }
        text.push(character);
        if character != ' ' {
            trimmed = text.len();
        }
        rest = &rest[character.len_utf8()..];
    }
    if context == EscapeContext::Value {
        text.truncate(trimmed);
    }
    Ok(DecodedText { text, length: line.len() - rest.len(), templates })
}

/// Returns whether an unescaped character ends a string.
fn ends(character: char, context: EscapeContext) -> bool {
    match context {
        EscapeContext::Name => !(character.is_alphanumeric() || "_-.[]@$".contains(character)),
        // Hurl requires escapes for these control characters, so a tab between two words is an error.
        _ if matches!(character, '\t' | '\r' | '\n' | '\u{8}' | '\u{c}') => true,
        EscapeContext::Value => character == '#',
        EscapeContext::OneLine => character == '`',
        EscapeContext::Quoted => character == '"',
    }
}

/// Reads one escape from the start of a text; returns the character and the length of the escape.
fn unescape(text: &str, context: EscapeContext) -> Result<(char, usize), String> {
    let decoded = match text.chars().nth(1) {
        Some(character @ ('\\' | '/' | '#')) => character,
        Some(character @ ('"' | '`')) if context != EscapeContext::Name => character,
        Some(':') if context == EscapeContext::Name => ':',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unescape_code_point(text),
        Some('\n' | '\r') | None => {
            return Err("unfinished escape at the end of the line, expected `\\\\` for a literal backslash".to_owned());
        }
        Some(character) => {
            return Err(format!("invalid escape `\\{character}`, expected one of Hurl's, such as `\\\\` or `\\u{{5c}}`"));
        }
    };
    Ok((decoded, 2))
}

fn unescape_code_point(text: &str) -> Result<(char, usize), String> {
    let malformed = || "invalid escape `\\u`, expected a code point as in `\\u{20}`".to_owned();
    let start = text.strip_prefix("\\u{").ok_or_else(malformed)?;
    let length = start.bytes().take_while(u8::is_ascii_hexdigit).count();
    let digits = &start[..length];
    if digits.is_empty() || !start[length..].starts_with('}') {
        return Err(malformed());
    }
    let code_point = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let character =
        code_point.ok_or_else(|| format!("invalid escape {}, expected a Unicode scalar value", quoted(&text[..length + 4])))?;
    Ok((character, length + 4))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str, context: EscapeContext) -> String {
        decode(text, context).unwrap().text
    }

    #[test]
    fn a_value_without_special_characters_stays_readable() {
        let value = r#"{"ServerInfo":{"DataCenter":"Sweden Central","Slice":"E"}}"#;
        assert_eq!(encode(value, EscapeContext::Value), value);
        assert_eq!(decoded(value, EscapeContext::Value), value);
    }

    #[test]
    fn special_characters_are_escaped_where_they_are_special() {
        assert_eq!(encode("a#b`c\\", EscapeContext::Value), "a\\#b`c\\\\");
        assert_eq!(encode("a#b`c\\", EscapeContext::OneLine), "a#b\\`c\\\\");
        assert_eq!(encode("a#b`c\\", EscapeContext::Name), "a\\u{23}b\\u{60}c\\u{5c}");
        assert_eq!(encode("  a  b ", EscapeContext::Value), "\\u{20}\\u{20}a  b\\u{20}");
        assert_eq!(encode("  ", EscapeContext::Value), "\\u{20}\\u{20}");
        assert_eq!(encode(" a ", EscapeContext::OneLine), " a ");
        assert_eq!(encode("\r\n\t\0", EscapeContext::Value), "\\r\\n\\t\\u{0}");
        assert_eq!(encode("{{{a}}}", EscapeContext::OneLine), "{\\u{7b}\\u{7b}a}}}");
    }

    #[test]
    fn all_escapes_of_hurl_are_decoded() {
        assert_eq!(decoded(r#"\"\`\\\/\#\b\f\n\r\t\u{1F600}"#, EscapeContext::Value), "\"`\\/#\u{8}\u{c}\n\r\t😀");
        assert_eq!(decoded(r"\:\u{000020}", EscapeContext::Name), ": ");
    }

    #[test]
    fn a_value_ends_before_blanks_and_a_comment() {
        let expected = DecodedText { text: "a b".to_owned(), length: 5, templates: Vec::new() };
        assert_eq!(decode("a b  # c", EscapeContext::Value), Ok(expected));
    }

    #[test]
    fn invalid_escapes_and_templates_are_rejected() {
        for (text, context, message) in [
            (r"a\q", EscapeContext::Value, r"invalid escape `\q`"),
            (r#"a\""#, EscapeContext::Name, r#"invalid escape `\"`"#),
            (r"\:", EscapeContext::Value, r"invalid escape `\:`"),
            (r"a\", EscapeContext::Value, "unfinished escape at the end"),
            ("a\\\nb", EscapeContext::OneLine, "unfinished escape at the end"),
            (r"\u20", EscapeContext::Value, r"invalid escape `\u`, expected a code point"),
            (r"\u{}", EscapeContext::Value, r"invalid escape `\u`, expected a code point"),
            (r"\u{20", EscapeContext::Value, r"invalid escape `\u`, expected a code point"),
            (r"\u{d800}", EscapeContext::Value, r"invalid escape `\u{d800}`"),
            (r"\u{fffffffff}", EscapeContext::Value, r"invalid escape `\u{fffffffff}`"),
            ("Bearer {{token urlEncode}} x", EscapeContext::Value, "unsupported template `{{token urlEncode}}`"),
            ("a{{base}}", EscapeContext::Value, "unsupported template `{{base}}`"),
            ("a{{b", EscapeContext::OneLine, "unsupported template `{{b`"),
        ] {
            let reason = decode(text, context).unwrap_err();
            assert!(reason.starts_with(message), "{text}: {reason}");
        }
    }

    #[test]
    fn templates_keep_their_positions() {
        for (text, templates, encoded) in [
            ("/a/", vec![(3, "id")], "/a/{{id}}"),
            ("('')", vec![(2, "id")], "('{{id}}')"),
            ("{}", vec![(1, "a"), (1, "b")], "\\u{7b}{{a}}{{b}}}"),
            ("", vec![(0, "a")], "{{a}}"),
            (" {{", vec![(0, "a"), (1, "b")], "{{a}}\\u{20}{{b}}{\\u{7b}"),
        ] {
            assert_eq!(encode_with(text, &templates, EscapeContext::Value), encoded);
            let decoded = decode(encoded, EscapeContext::Value).unwrap();
            let again: Vec<(usize, &str)> = decoded.templates.iter().map(|(at, name)| (*at, name.as_str())).collect();
            assert_eq!((decoded.text.as_str(), again), (text, templates));
        }
        assert_eq!(decode("{{ a }}", EscapeContext::Value).unwrap().templates, [(0, "a".to_owned())]);
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn encoded_text_decodes_to_itself(text in prop_oneof![any::<String>(), "[ \\\\#`\"{}:\t\r\n\u{8}\u{c}a]{0,12}"]) {
            for context in [EscapeContext::Name, EscapeContext::Value, EscapeContext::OneLine, EscapeContext::Quoted] {
                let encoded = encode(&text, context);
                let decoded = decode(&encoded, context);
                let expected = DecodedText { text: text.clone(), length: encoded.len(), templates: Vec::new() };
                prop_assert_eq!(decoded, Ok(expected), "{}", encoded);
            }
        }

        #[test]
        fn any_text_can_be_decoded(text in prop_oneof![any::<String>(), "[\\\\u{}0-9a-f#` ]{0,12}"]) {
            for context in [EscapeContext::Name, EscapeContext::Value, EscapeContext::OneLine] {
                if let Ok(decoded) = decode(&text, context) {
                    prop_assert!(text.is_char_boundary(decoded.length));
                }
            }
        }
    }
}
