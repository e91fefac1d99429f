//! Bodies: the choice of Hurl's form when they are printed, and the reader of each form.
//!
//! The forms are described under [request body](https://hurl.dev/docs/request.html#body).

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::cursor::Cursor;
use super::escape::{self, EscapeContext, TemplatePositions};
use super::message::{quoted, unsupported_template};
use super::{ReadError, layout};
use crate::text::visible::is_control;

const FENCE: &str = "```";

/// Hurl reads Base64 with and without padding, and ignores trailing bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// The bytes of a body, without the templates in it.
pub(super) type TemplateBody = (Bytes, TemplatePositions);

/// Prints a body in the most readable form from which [`read()`] returns the same bytes, or the same JSON.
///
/// `is_json` is whether the headers declare JSON; otherwise only an object or an array is printed as JSON.
pub(super) fn print(body: &[u8], templates: &[(usize, &str)], is_json: bool) -> String {
    let Ok(text) = std::str::from_utf8(body) else {
        return print_base64(body);
    };
    if !templates.is_empty() {
        return print_with_templates(text, templates, is_json);
    }
    if (is_json || text.trim_start().starts_with(['{', '[']))
        && let Some(json) = layout::lay_out(text)
    {
        return json;
    }
    if is_readable(text) && (!text.contains('\n') || changes_direction(text)) {
        format!("`{}`", escape::encode(text, EscapeContext::OneLine))
    } else if is_readable(text) && fits_between_fences(text) {
        format!("{FENCE}\n{text}{FENCE}")
    } else {
        print_base64(body)
    }
}

/// Whether a text has characters that change the direction of text. Between fences these cannot be escaped.
fn changes_direction(text: &str) -> bool {
    text.contains(|character: char| is_control(character) && !character.is_control())
}

fn is_readable(text: &str) -> bool {
    text.chars().all(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t'))
}

/// Prints a text with templates. The one-line form fits every text; Base64 has no templates.
fn print_with_templates(text: &str, templates: &[(usize, &str)], is_json: bool) -> String {
    let mut whole = String::with_capacity(text.len() + 16 * templates.len());
    let mut done = 0;
    // The forms without escapes cannot hold literal braces that look like a template, or a brace right before one.
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
        && (is_json || text.trim_start().starts_with(['{', '[']))
        && let Some(json) = layout::lay_out_with_templates(&whole)
    {
        return json;
    }
    if is_plain
        && is_readable(text)
        && text.contains('\n')
        && !whole.contains(FENCE)
        && !whole.ends_with('`')
        && !text.contains('\r')
        && !changes_direction(text)
    {
        return format!("{FENCE}\n{whole}{FENCE}");
    }
    format!("`{}`", escape::encode_with(text, templates, EscapeContext::OneLine))
}

/// Returns whether a text can be printed between fences, where Hurl reads templates but no escapes.
///
/// Hurl would keep a carriage return too, but tools that normalize line ends would not.
fn fits_between_fences(text: &str) -> bool {
    !text.contains(FENCE) && !text.ends_with('`') && !text.contains("{{") && !text.contains('\r')
}

fn print_base64(body: &[u8]) -> String {
    format!("base64,{};", BASE64.encode(body))
}

/// Returns whether a line is the first one of a body, supported or not.
pub(super) fn starts(line: &str) -> bool {
    const WORDS: [&str; 3] = ["true", "false", "null"];
    const PREFIXES: [&str; 3] = ["base64,", "hex,", "file,"];
    let word = line.split(|character: char| !character.is_alphanumeric()).next().unwrap_or_default();
    line.starts_with(|character: char| "{[\"`<-".contains(character) || character.is_ascii_digit())
        || WORDS.contains(&word)
        || PREFIXES.iter().any(|prefix| line.starts_with(prefix))
}

/// Reads a body and the rest of its last line.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<TemplateBody, ReadError> {
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
        return Err(cursor.error(unsupported_template(rest)));
    } else if rest.starts_with('<') {
        return Err(cursor.error(unsupported("XML body", rest)));
    } else if rest.starts_with("file,") {
        return Err(cursor.error(unsupported("body from a file", rest)));
    } else {
        read_json(cursor)?
    };
    cursor.end_line("the body")?;
    Ok(body)
}

fn unsupported(form: &str, text: &str) -> String {
    format!("unsupported {form} {}, expected JSON, text between backticks, `base64,…;` or `hex,…;`", quoted(text))
}

fn read_json(cursor: &mut Cursor<'_>) -> Result<TemplateBody, ReadError> {
    let rest = cursor.rest;
    let length = layout::value_length(rest).map_err(|error| {
        // The position counts from the start of the body, so it is not part of the reason.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let reason = format!("invalid JSON body, expected a complete JSON value: {message}");
        ReadError { line: cursor.line + error.line().saturating_sub(1), reason }
    })?;
    split_templates(&rest[..length], cursor)
}

/// Reads text up to the closing fence; the line break before that fence is a part of the body.
fn read_between_fences(text: &str, cursor: &mut Cursor<'_>) -> Result<TemplateBody, ReadError> {
    let hint = cursor.rest_of_line().trim_matches([' ', '\t']);
    let start = text.find('\n').map_or(text.len(), |position| position + 1);
    if !hint.is_empty() {
        return Err(cursor.error(format!("unsupported language hint {}, expected only the fence on its line", quoted(hint))));
    }
    let body = &text[start..];
    let Some(length) = body.find(FENCE) else {
        return Err(cursor.error(format!("missing closing fence, expected {FENCE} after the text")));
    };
    cursor.skip(start);
    let body = split_templates(&body[..length], cursor)?;
    cursor.skip(FENCE.len());
    Ok(body)
}

fn read_one_line(text: &str, cursor: &mut Cursor<'_>) -> Result<TemplateBody, ReadError> {
    let decoded = escape::decode(text, EscapeContext::OneLine).map_err(|reason| cursor.error(reason))?;
    if !text[decoded.length..].starts_with('`') {
        let reason = "missing closing backtick, expected one on the same line; line breaks and tabs are written `\\n` and `\\t`";
        return Err(cursor.error(reason.to_owned()));
    }
    cursor.skip(decoded.length + 1);
    Ok((decoded.text.into(), decoded.templates))
}

/// Reads digits up to a semicolon; white space and line breaks between them are ignored.
fn read_encoded(
    digits: &str,
    form: &str,
    cursor: &mut Cursor<'_>,
    decode: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<Bytes, ReadError> {
    let Some(length) = digits.find(';') else {
        return Err(cursor.error(format!("unterminated {form} body, expected a semicolon after it")));
    };
    let compact: Vec<u8> = digits[..length].bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let Some(body) = decode(&compact) else {
        return Err(cursor.error(format!("invalid {form} body {}, expected {form} digits", quoted(digits))));
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

/// Moves over a body of a form without escapes, and separates its templates from its text.
fn split_templates(body: &str, cursor: &mut Cursor<'_>) -> Result<TemplateBody, ReadError> {
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
        for (body, is_json, printed) in [
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
            ("{\"\u{7f}\u{9b}\":\"\u{202e}\u{e9}\"}".as_bytes(), true, "{\n  \"\\u007f\\u009b\": \"\\u202e\u{e9}\"\n}"),
            ("a\u{202e}".as_bytes(), false, "`a\\u{202e}`"),
            ("a\n\u{202e}".as_bytes(), false, "`a\\n\\u{202e}`"),
        ] {
            assert_eq!(print(body, &[], is_json), printed);
        }
    }

    #[test]
    fn text_that_does_not_fit_between_fences_is_printed_as_base64() {
        for body in ["a\n```", "a\n`", "a\r\n", "{{a}}\n"] {
            let printed = print(body.as_bytes(), &[], false);
            assert!(printed.starts_with("base64,"), "{printed}");
            assert_eq!(read_text(&printed), Ok(Bytes::from(body)));
        }
    }

    #[test]
    fn printed_templates_are_read_again() {
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
    fn unreadable_bodies_are_rejected_with_their_line() {
        for (text, line, message) in [
            ("{\n\"a\": 1,\n}", 3, "invalid JSON body, expected a complete JSON value: "),
            ("{\"a\": 1", 1, "invalid JSON body, expected a complete JSON value: EOF"),
            ("{\n\"a\": \"{{b c}}\"}", 2, "unsupported template `{{b c}}`"),
            ("{} {}", 1, "unexpected `{}` after the body"),
            ("{{body}}", 1, "unsupported template `{{body}}`"),
            ("```\na\n{{b c}}\n```", 3, "unsupported template `{{b c}}`"),
            ("```\na", 1, "missing closing fence"),
            ("```json\n{}\n```", 1, "unsupported language hint `json`"),
            ("``````", 1, "unsupported language hint `````"),
            ("`a\nb`", 1, "missing closing backtick"),
            ("`a`b", 1, "unexpected `b` after the body"),
            ("<?xml version=\"1.0\"?>", 1, "unsupported XML body `<?xml version=\"1.0\"?>`"),
            ("file,data.bin;", 1, "unsupported body from a file `file,data.bin;`"),
            ("base64,AA", 1, "unterminated base64 body"),
            ("base64,A;", 1, "invalid base64 body `A;`"),
            ("hex,0;", 1, "invalid hex body `0;`"),
            ("hex,0g;", 1, "invalid hex body `0g;`"),
        ] {
            let error = read_text(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.reason.starts_with(message), "{text}: {error}");
        }
    }
}
