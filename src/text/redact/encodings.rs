//! Encodings of private values, and the forms by which values without a name are recognized.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::names::SecretKind;
use crate::text::guid;
use crate::text::json::{self, Json};

/// The number of nested encodings that are decoded; a value that is encoded more often is replaced as a whole.
pub(super) const DEEPEST: usize = 6;

/// The shortest text that is decoded as Base64.
const SHORTEST_BASE64: usize = 8;

/// Characters that need no encoding in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'$')
    .remove(b',')
    .remove(b':')
    .remove(b'*')
    .remove(b'!');

pub(super) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Returns whether a text looks like the fields of a form: one line without blanks, each field with a name that is a word.
pub(super) fn looks_like_a_form(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.$%[]".contains(&byte));
    let mut fields = text.trim_end().split('&').filter(|field| !field.is_empty()).peekable();
    fields.peek().is_some()
        && !text.trim_end().contains(char::is_whitespace)
        && fields.all(|field| field.split_once('=').is_some_and(|(name, value)| is_name(name) && !value.starts_with('=')))
        // Base64 may end with one such sign.
        && text.trim_end().split('&').any(|field| !field.ends_with('='))
}

/// Returns whether a text is an address, absolute or relative to its host, or contains one.
pub(super) fn looks_like_an_address(text: &str) -> bool {
    let has_fields = || text.split_once('?').is_some_and(|(_, query)| looks_like_a_form(query));
    text.contains("://") || text.starts_with('/') || has_fields()
}

/// Splits the end of an address, from its first `?` or `#`, into signs and the forms behind them. A `#` without fields behind it is a
/// part of the value in front of it.
pub(super) fn query_and_fragment(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (sign, form) = rest.split_at_checked(1)?;
        let last_field = form.rfind('=').unwrap_or(0);
        let end = form[..last_field].find('#').unwrap_or(form.len());
        rest = &form[end..];
        Some((sign, &form[..end]))
    })
}

/// Returns the place of the first `user:password` in the addresses of a text, which ends in front of the `@`.
pub(super) fn userinfo(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, separator)| {
        let start = at + separator.len();
        let ends = |character: char| "/?#\"<>".contains(character) || character.is_whitespace();
        let length = text[start..].find(ends).unwrap_or(text.len() - start);
        userinfo_length(&text[start..start + length]).map(|length| start..start + length)
    })
}

/// Returns the length of the `user:password` with which an authority begins.
pub(crate) fn userinfo_length(text: &str) -> Option<usize> {
    text[..text.find(['/', '?', '#']).unwrap_or(text.len())].rfind('@')
}

/// Splits a word into runs of characters of Base64 and the characters between them.
pub(super) fn base64_pieces(word: &str) -> impl Iterator<Item = &str> {
    let is_of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let run = rest.bytes().take_while(|byte| is_of_base64(*byte)).count();
        let length =
            if run == 0 { first.len_utf8() } else { run + rest[run..].bytes().take(2).take_while(|byte| *byte == b'=').count() };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// Parses a text that is a JSON object or array.
pub(super) fn json(text: &str) -> Option<Json<'_>> {
    let bare = text.trim_start();
    if bare.starts_with(['{', '[']) { json::parse(bare.as_bytes()).ok() } else { None }
}

/// A text that was encoded in Base64.
pub(super) struct Base64Text {
    pub(super) text: String,
    is_url_safe: bool,
    is_padded: bool,
}

impl Base64Text {
    /// Encodes another text in the same variant of Base64.
    pub(super) fn encode(&self, text: &str) -> String {
        match (self.is_url_safe, self.is_padded) {
            (true, true) => URL_SAFE.encode(text),
            (true, false) => URL_SAFE_NO_PAD.encode(text),
            (false, true) => STANDARD.encode(text),
            (false, false) => STANDARD_NO_PAD.encode(text),
        }
    }
}

/// Returns the readable text in Base64; nothing for most words.
pub(super) fn base64_text(word: &str) -> Option<Base64Text> {
    if word.len() < SHORTEST_BASE64 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)) {
        return None;
    }
    let bare = word.trim_end_matches('=');
    let is_url_safe = bare.contains(['-', '_']);
    let bytes = if is_url_safe { URL_SAFE_NO_PAD.decode(bare) } else { STANDARD_NO_PAD.decode(bare) }.ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_readable = text.chars().all(|character| !character.is_control() || character.is_whitespace());
    is_readable.then_some(Base64Text { text, is_url_safe, is_padded: bare.len() < word.len() })
}

/// Returns whether a character occurs in percent-encoding or Base64.
pub(super) fn is_of_encoding(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=' | '%' | '.' | '~' | '*')
}

/// Returns the length of the signed token at `start`: parts in Base64, of which the first is a JSON object.
///
/// # Errors
///
/// Fails with the length of the run in which no token begins.
fn token_at(text: &str, start: usize) -> Result<usize, usize> {
    let rest = &text[start..];
    if !rest.starts_with("eyJ") || start > 0 && text.as_bytes()[start - 1].is_ascii_alphanumeric() {
        return Err(0);
    }
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
    let token = rest[..length].trim_end_matches('.');
    if token.contains('.') && token.len() >= 20 { Ok(token.len()) } else { Err(length) }
}

/// Returns the start and the end of the mail address around an `@`.
fn mail_around(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte) || *byte >= 0x80;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    // Real addresses are shorter, and the limits keep long runs of such characters from being read again for each `@`.
    let start = at - bytes[..at].iter().rev().take(64).take_while(|byte| is_local(byte)).count();
    let start = (start..=at).find(|start| text.is_char_boundary(*start))?;
    let domain = &text[at + 1..at + 1 + bytes[at + 1..].iter().take(255).take_while(|byte| is_domain(byte)).count()];
    let domain = domain.trim_end_matches(['.', '-']);
    let (_, top) = domain.rsplit_once('.')?;
    let is_annotation = domain.starts_with("odata.") || domain.starts_with("microsoft.graph");
    let is_mail = start < at && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && !is_annotation;
    is_mail.then_some((start, at + 1 + domain.len()))
}

/// Replaces signed tokens, mail addresses and GUIDs by the text that `replacement` returns; nothing keeps the value.
pub(super) fn replace_forms(text: &str, replacement: &mut dyn FnMut(SecretKind, &str) -> Option<String>) -> String {
    if text.len() < 5 {
        return text.to_owned();
    }
    let mut found: Vec<(usize, usize, SecretKind)> = Vec::new();
    let bytes = text.as_bytes();
    let mut no_token_before = 0;
    for (start, byte) in bytes.iter().enumerate() {
        let last = found.last().map_or(0, |(_, end, _)| *end);
        if start < last {
            continue;
        }
        if *byte == b'@' {
            if let Some((from, to)) = mail_around(text, start).filter(|(from, _)| *from >= last) {
                found.push((from, to, SecretKind::Mail));
            }
        } else if *byte == b'e' && start >= no_token_before {
            match token_at(text, start) {
                Ok(length) => {
                    found.push((start, start + length, SecretKind::Token));
                    continue;
                }
                Err(length) => no_token_before = start + length,
            }
        }
        if byte.is_ascii_hexdigit()
            && let Some(length) = guid::length_at(bytes, start)
        {
            found.push((start, start + length, SecretKind::Id));
        }
    }
    if found.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, kind) in found {
        if start < done {
            continue;
        }
        out.push_str(&text[done..start]);
        let value = &text[start..end];
        out.push_str(&replacement(kind, value).map_or(Cow::Borrowed(value), Cow::Owned));
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// Returns whether all literals of a filter are between single quotes, but for `null`, `true` and `false`. In any other
/// filter it is unknown which words are values.
pub(super) fn has_quoted_literals(filter: &str) -> bool {
    let mut outside = filter.split('\'').step_by(2);
    let first = outside.next().unwrap_or_default();
    let follows_a_literal = |part: &str| !part.starts_with(|character: char| !matches!(character, ' ' | ')' | ',' | '+'));
    has_no_values(first) && outside.all(|part| follows_a_literal(part) && has_no_values(part))
}

/// Returns whether no word of a part of a filter follows an operator or a comma, except for function names.
fn has_no_values(part: &str) -> bool {
    const OPERATORS: &[&str] = &["eq", "ne", "gt", "ge", "lt", "le", "in", "has"];
    if part.contains('"') {
        return false;
    }
    let spaced = part.replace('(', "( ").replace(',', " , ").replace(')', " ) ").replace('+', " ");
    let mut is_value_next = false;
    for word in spaced.split_whitespace() {
        let is_operator = word == "," || OPERATORS.iter().any(|operator| word.eq_ignore_ascii_case(operator));
        let is_harmless = matches!(word, "null" | "true" | "false") || word.ends_with('(') || word == ")";
        if is_value_next && !is_operator && !is_harmless {
            return false;
        }
        is_value_next = is_operator || is_value_next && word.ends_with('(');
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marked(text: &str) -> String {
        replace_forms(text, &mut |kind, value| Some(format!("<{} {}>", kind.name(), value.len())))
    }

    #[test]
    fn private_forms_are_found_among_others() {
        for (text, expected) in [
            ("WFI_05227533-379e-4a0a-9d17-afe306a1e10d.", "WFI_<id 36>."),
            ("('05227533379e4a0a9d17afe306a1e10d')", "('<id 32>')"),
            ("x05227533-379e-4a0a-9d17-afe306a1e10d", "x05227533-379e-4a0a-9d17-afe306a1e10d"),
            ("0123456789abcdef0123456789abcdef0", "0123456789abcdef0123456789abcdef0"),
            ("to ada.lovelace@contoso.com, eve@x.de.", "to <user 24>, <user 8>."),
            ("supports@odata.type a@b name@microsoft.graph.x", "supports@odata.type a@b name@microsoft.graph.x"),
            ("Bearer eyJhbGciOiJub25lIn0.eyJhIjoxfQ.sig!", "Bearer <token 34>!"),
            ("é@contoso.com", "<user 14>"),
        ] {
            assert_eq!(marked(text), expected);
        }
    }

    #[test]
    fn forms_and_base64_are_distinguished_from_other_texts() {
        for form in ["a=b&c=d", "client_secret=x%20y", "a=&b=c", "grant_type=client_credentials&scope=.default"] {
            assert!(looks_like_a_form(form), "{form}");
        }
        for other in [
            "",
            "a",
            "a b=c",
            "aHVudGVyMjM=",
            "return=minimal, x=y",
            "W/\"a=\"",
            "https://a/?b=c",
            "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=",
        ] {
            assert!(!looks_like_a_form(other), "{other}");
        }
        assert_eq!(base64_text("aHVudGVyMg==").unwrap().text, "hunter2");
        assert_eq!(base64_text("aHVudGVyMg").unwrap().encode("hunter2"), "aHVudGVyMg");
        for other in ["displayName", "05227533-379e-4a0a-9d17-afe306a1e10d", "a b c d e f", "abc"] {
            assert!(base64_text(other).is_none(), "{other}");
        }
    }

    #[test]
    fn filters_with_values_outside_single_quotes_are_found() {
        for quoted in [
            "secret eq 'a'",
            "startswith(encryption/secret,'a') and isActive eq true",
            "secret in ('a','b') or not (x ne null)",
            "secret eq tolower('a')",
            "secret eq 'unclosed",
            "secret eq 'o''clock' and isActive",
        ] {
            assert!(has_quoted_literals(quoted), "{quoted}");
        }
        for other in [
            r#"secret eq "a" and x eq 'b'"#,
            "secret eq ''a''",
            "secret eq a and x eq 'b'",
            "secret eq (a) and x eq 'b'",
            "contains(secret,a) and x eq 'b'",
        ] {
            assert!(!has_quoted_literals(other), "{other}");
        }
    }

    #[test]
    fn queries_and_fragments_are_split() {
        let parts = |text| query_and_fragment(text).collect::<Vec<(&str, &str)>>();
        assert_eq!(parts(""), []);
        assert_eq!(parts("?a=b?c#d"), [("?", "a=b?c#d")]);
        assert_eq!(parts("?a=b#c=d#e"), [("?", "a=b"), ("#", "c=d#e")]);
        assert_eq!(parts("#"), [("#", "")]);
    }

    #[test]
    fn user_and_password_are_found_in_addresses() {
        for (text, expected) in [
            ("https://user:pass@host/a@b?c", Some("user:pass")),
            ("see https://host/x and http://me:sec@ret@host:1", Some("me:sec@ret")),
            ("https://host/a@b", None),
            ("ada@contoso.com", None),
        ] {
            assert_eq!(userinfo(text).map(|range| &text[range]), expected);
        }
    }

    #[test]
    fn long_texts_are_searched_in_linear_time() {
        for piece in ["@", "a@", "a@b.", "eyJ", "eyJ-", "eyJ.", "0", "0-", "%40", "a.b@c.de "] {
            let long = piece.repeat(200_000);
            let _ = replace_forms(&long, &mut |_, _| None);
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_searched(text in prop_oneof![any::<String>(), "[a0@.eyJé-]{0,48}"]) {
            let _ = marked(&text);
            let _ = base64_text(&text).map(|wrapped| wrapped.encode(&wrapped.text));
            let _ = (guid::contains_guid(&text), looks_like_a_form(&text), looks_like_an_address(&text), userinfo(&text));
        }
    }
}
