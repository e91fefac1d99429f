//! Bodies: which of Hurl's forms prints some bytes, and how each form is read.
//!
//! The forms are described under [request body](https://hurl.dev/docs/request.html#body).

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::cursor::{Cursor, quoted, template_found};
use super::escape::{self, EscapeContext};
use super::{ReadError, json};

const FENCE: &str = "```";

/// Hurl reads Base64 with and without padding, and does not look at the bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// The bytes of a body, with the templates in it and their places.
pub(super) type Templated = (Bytes, Vec<(usize, String)>);

/// Prints a body in the most readable form that [`read()`] turns into the same bytes again, or into the same JSON.
///
/// `says_json` tells whether the headers call the body JSON; if not, only an object or an array is taken for it.
pub(super) fn print(body: &[u8], templates: &[(usize, &str)], says_json: bool) -> String {
    let Ok(text) = std::str::from_utf8(body) else {
        return print_base64(body);
    };
    if !templates.is_empty() {
        return print_templated(text, templates, says_json);
    }
    if (says_json || text.trim_start().starts_with(['{', '[']))
        && let Some(json) = json::lay_out(text)
    {
        return json;
    }
    if is_readable(text) && !text.contains('\n') {
        format!("`{}`", escape::encode(text, EscapeContext::OneLine))
    } else if is_readable(text) && fits_between_fences(text) {
        format!("{FENCE}\n{text}{FENCE}")
    } else {
        print_base64(body)
    }
}

fn is_readable(text: &str) -> bool {
    text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t'))
}

/// Prints a text with templates. As one line it can always be printed; Base64 cannot hold any.
fn print_templated(text: &str, templates: &[(usize, &str)], says_json: bool) -> String {
    let mut whole = String::with_capacity(text.len() + 16 * templates.len());
    let mut done = 0;
    // Without escapes, what looks like a template would be one, also where a brace stands before it.
    let mut is_plain = !text.contains("{{");
    for (at, name) in templates {
        let before = &text[done..*at];
        is_plain &= !before.ends_with('{');
        whole.push_str(before);
        whole.push_str(&format!("{{{{{name}}}}}"));
        done = *at;
    }
    whole.push_str(&text[done..]);
    if is_plain
        && (says_json || text.trim_start().starts_with(['{', '[']))
        && let Some(json) = json::lay_out_with_templates(&whole)
    {
        return json;
    }
    if is_plain
        && is_readable(text)
        && text.contains('\n')
        && !whole.contains(FENCE)
        && !whole.ends_with('`')
        && !text.contains('\r')
    {
        return format!("{FENCE}\n{whole}{FENCE}");
    }
    format!("`{}`", escape::encode_with(text, templates, EscapeContext::OneLine))
}

/// Tells whether a text survives between fences, where Hurl knows templates but no escapes.
///
/// A carriage return would survive as well, but not the tools that normalize line ends.
fn fits_between_fences(text: &str) -> bool {
    !text.contains(FENCE) && !text.ends_with('`') && !text.contains("{{") && !text.contains('\r')
}

fn print_base64(body: &[u8]) -> String {
    format!("base64,{};", BASE64.encode(body))
}

/// Tells whether a line is the first one of a body, supported or not.
pub(super) fn starts(line: &str) -> bool {
    const WORDS: [&str; 3] = ["true", "false", "null"];
    const PREFIXES: [&str; 3] = ["base64,", "hex,", "file,"];
    let word = line.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
    line.starts_with(|character: char| "{[\"`<-".contains(character) || character.is_ascii_digit())
        || WORDS.contains(&word)
        || PREFIXES.iter().any(|prefix| line.starts_with(prefix))
}

/// Reads a body and the rest of its last line.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Templated, ReadError> {
    let rest = cursor.rest;
    let body = if let Some(text) = rest.strip_prefix(FENCE) {
        cursor.skip(FENCE.len());
        read_between_fences(text, cursor)?
    } else if let Some(text) = rest.strip_prefix('`') {
        cursor.skip(1);
        read_one_line(text, cursor)?
    } else if let Some(digits) = rest.strip_prefix("base64,") {
        (read_encoded(digits, "base64", cursor, |digits| BASE64.decode(digits).ok())?, Vec::new())
    } else if let Some(digits) = rest.strip_prefix("hex,") {
        (read_encoded(digits, "hex", cursor, decode_hex)?, Vec::new())
    } else if rest.starts_with("{{") {
        return Err(cursor.error(template_found(rest)));
    } else if rest.starts_with('<') {
        return Err(cursor.error(unsupported("an XML body", rest)));
    } else if rest.starts_with("file,") {
        return Err(cursor.error(unsupported("a body from a file", rest)));
    } else {
        read_json(cursor)?
    };
    cursor.end_line("the body")?;
    Ok(body)
}

fn unsupported(feature: &str, text: &str) -> String {
    format!(
        "found {feature} ({}), which is not supported; expected JSON, text between backticks, `base64,…;` or `hex,…;`",
        quoted(text)
    )
}

fn read_json(cursor: &mut Cursor<'_>) -> Result<Templated, ReadError> {
    let rest = cursor.rest;
    let length = json::value_length(rest).map_err(|error| {
        // The position is left out of the reason because it counts from the start of the body.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let reason = format!("found a body that is not JSON ({message}), expected a complete JSON value");
        ReadError { line: cursor.line + error.line().saturating_sub(1), reason }
    })?;
    take_templates(&rest[..length], cursor)
}

/// Reads text up to the closing fence; the line break before that fence is a part of the body.
fn read_between_fences(text: &str, cursor: &mut Cursor<'_>) -> Result<Templated, ReadError> {
    let hint = cursor.rest_of_line().trim_matches([' ', '\t']);
    let start = text.find('\n').map_or(text.len(), |position| position + 1);
    if !hint.is_empty() {
        let reason = format!(
            "found {} after the opening fence, expected the end of the line: language hints are not supported",
            quoted(hint)
        );
        return Err(cursor.error(reason));
    }
    let body = &text[start..];
    let Some(length) = body.find(FENCE) else {
        return Err(cursor.error(format!("found no closing fence, expected {FENCE} after the text")));
    };
    cursor.skip(start);
    let body = take_templates(&body[..length], cursor)?;
    cursor.skip(FENCE.len());
    Ok(body)
}

fn read_one_line(text: &str, cursor: &mut Cursor<'_>) -> Result<Templated, ReadError> {
    let decoded = escape::decode(text, EscapeContext::OneLine).map_err(|reason| cursor.error(reason))?;
    if !text[decoded.length..].starts_with('`') {
        let reason = "found no backtick at the end of a one-line body, expected one on the same \
                      line; line breaks and tabs inside are written `\\n` and `\\t`";
        return Err(cursor.error(reason.to_owned()));
    }
    cursor.skip(decoded.length + 1);
    Ok((decoded.text.into(), decoded.templates))
}

/// Reads digits up to a semicolon; white space between them, also line breaks, does not count.
fn read_encoded(
    digits: &str,
    form: &str,
    cursor: &mut Cursor<'_>,
    decode: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<Bytes, ReadError> {
    let Some(length) = digits.find(';') else {
        return Err(cursor.error(format!("found a {form} body without an end, expected a semicolon after it")));
    };
    let compact: Vec<u8> = digits[..length].bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Some(body) = decode(&compact) else {
        return Err(cursor.error(format!("found {} in a {form} body, expected {form} digits", quoted(digits))));
    };
    cursor.skip(form.len() + 1 + length + 1);
    Ok(body.into())
}

fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.chunks(2).map(|pair| match *pair {
        [high, low] => Some(value(high)? * 16 + value(low)?),
        _ => None,
    });
    pairs.collect()
}

/// Moves over a body without escapes and takes the templates out of it.
fn take_templates(body: &str, cursor: &mut Cursor<'_>) -> Result<Templated, ReadError> {
    let mut text = Vec::with_capacity(body.len());
    let mut templates = Vec::new();
    let mut rest = body;
    while let Some(position) = rest.find("{{") {
        cursor.skip(position);
        let (name, length) = escape::template(&rest[position..]).map_err(|reason| cursor.error(reason))?;
        text.extend_from_slice(&rest.as_bytes()[..position]);
        templates.push((text.len(), name.to_owned()));
        cursor.skip(length);
        rest = &rest[position + length..];
    }
    cursor.skip(rest.len());
    text.extend_from_slice(rest.as_bytes());
    Ok((text.into(), templates))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Bytes, ReadError> {
        read(&mut Cursor::new(text)).map(|(body, _)| body)
    }

    #[test]
    fn each_body_is_printed_in_its_most_readable_form() {
        for (body, says_json, printed) in [
            (&b"{\"a\":1}"[..], false, "{\n  \"a\": 1\n}"),
            (b" [ ] ", false, "[]"),
            (b"12", true, "12"),
            (b"12", false, "`12`"),
            (b"{\"a\":", true, "`{\"a\":`"),
            (b"[\"{{a}}\"]", true, "`[\"{\\u{7b}a}}\"]`"),
            (b"a=b&c=%20`", false, "`a=b&c=%20\\``"),
            (b"a\n", false, "```\na\n```"),
            (b"a\n\n b", false, "```\na\n\n b```"),
            (b"\n", false, "```\n\n```"),
            ("\u{e9}\n".as_bytes(), false, "```\n\u{e9}\n```"),
            (b"a\tb\rc", false, "`a\\tb\\rc`"),
            (b"\xff\x00", false, "base64,/wA=;"),
            (b"a\0", false, "base64,YQA=;"),
        ] {
            assert_eq!(print(body, &[], says_json), printed);
        }
    }

    #[test]
    fn text_that_fences_would_change_is_printed_as_base64() {
        for body in ["a\n```", "a\n`", "a\r\n", "{{a}}\n"] {
            let printed = print(body.as_bytes(), &[], false);
            assert!(printed.starts_with("base64,"), "{printed}");
            assert_eq!(read_text(&printed), Ok(Bytes::from(body)));
        }
    }

    #[test]
    fn templates_are_printed_where_they_stand_and_read_again() {
        for (body, templates, printed) in [
            ("{\"a\":\"\"}", vec![(6, "id")], "{\n  \"a\": \"{{id}}\"\n}"),
            ("{\"a\":\"{\"}", vec![(7, "id")], "`{\"a\":\"\\u{7b}{{id}}\"}`"),
            ("a=&b=", vec![(2, "x"), (5, "y-1")], "`a={{x}}&b={{y-1}}`"),
            ("a\n\n", vec![(2, "x")], "```\na\n{{x}}\n```"),
            ("a\n{{", vec![(2, "x")], "`a\\n{{x}}{\\u{7b}`"),
        ] {
            let text = print(body.as_bytes(), &templates, false);
            assert_eq!(text, printed);
            let (_, again) = read(&mut Cursor::new(&text)).unwrap();
            assert_eq!(
                again.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
                templates.iter().map(|(_, name)| *name).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn bodies_are_read_as_they_are_written() {
        for (text, body) in [
            ("{\"a\" : [1,\r\n2] } # c", &b"{\"a\" : [1,\r\n2] }"[..]),
            ("[\"]\", \"\\\"]\"]\n", b"[\"]\", \"\\\"]\"]"),
            ("-1.5\n\nHTTP 200", b"-1.5"),
            ("true\n", b"true"),
            ("``", b""),
            ("```\n```", b""),
            ("``` \r\na\r\n```\r\n", b"a\r\n"),
            ("```\na``` # c", b"a"),
            ("`\\u{7b}{a\\n`", b"{{a\n"),
            ("base64, /w\n A\t= ;", b"\xff\x00"),
            ("base64,/wA;", b"\xff\x00"),
            ("base64,;", b""),
            ("hex, 00fF ;", b"\x00\xff"),
        ] {
            assert_eq!(read_text(text).as_deref(), Ok(body), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, line, found) in [
            ("{\n\"a\": 1,\n}", 3, "found a body that is not JSON ("),
            ("{\"a\": 1", 1, "found a body that is not JSON (EOF"),
            ("{\n\"a\": \"{{b c}}\"}", 2, "found the template `{{b c}}`"),
            ("{} {}", 1, "found `{}` after the body"),
            ("{{body}}", 1, "found the template `{{body}}`"),
            ("```\na\n{{b c}}\n```", 3, "found the template `{{b c}}`"),
            ("```\na", 1, "found no closing fence"),
            ("```json\n{}\n```", 1, "found `json` after the opening fence"),
            ("``````", 1, "found ````` after the opening fence"),
            ("`a\nb`", 1, "found no backtick at the end"),
            ("`a`b", 1, "found `b` after the body"),
            ("<?xml version=\"1.0\"?>", 1, "found an XML body (`<?xml version=\"1.0\"?>`)"),
            ("file,data.bin;", 1, "found a body from a file (`file,data.bin;`)"),
            ("base64,AA", 1, "found a base64 body without an end"),
            ("base64,A;", 1, "found `A;` in a base64 body"),
            ("hex,0;", 1, "found `0;` in a hex body"),
            ("hex,0g;", 1, "found `0g;` in a hex body"),
        ] {
            let error = read_text(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.starts_with(found), "{text}: {error}");
        }
    }
}
