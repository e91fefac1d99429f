//! Forms and encodings: what private values look like, and what they are wrapped in.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::rules::SecretKind;
use crate::text::json::Json;

/// How many encodings are taken off one after another; what is wrapped deeper is replaced as a whole.
pub(super) const DEEPEST: usize = 6;

/// The shortest text that is looked at as Base64.
const SHORTEST_BASE64: usize = 8;

/// What an address keeps as it is.
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

pub(super) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

pub(super) fn form_decoded(text: &str) -> String {
    percent_decoded(&text.replace('+', " "))
}

/// Returns the fields of a form, decoded.
pub(super) fn fields(form: &str) -> impl Iterator<Item = (String, String)> {
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (form_decoded(name), form_decoded(value)))
}

/// Tells whether a text is fields of a form: one line without blanks, each field with a name that is a word.
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

/// Tells whether a text is an address, absolute or within its host, or has one in it.
pub(super) fn looks_like_an_address(text: &str) -> bool {
    text.contains("://") || text.starts_with('/')
}

/// Splits a word into runs of what Base64 may be and the characters between them.
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
    super::parse_container(text)
}

/// A text that was wrapped in Base64.
pub(super) struct Wrapped {
    pub(super) text: String,
    is_url_safe: bool,
    is_padded: bool,
}

impl Wrapped {
    /// Wraps another text in the same way.
    pub(super) fn encode(&self, text: &str) -> String {
        match (self.is_url_safe, self.is_padded) {
            (true, true) => URL_SAFE.encode(text),
            (true, false) => URL_SAFE_NO_PAD.encode(text),
            (false, true) => STANDARD.encode(text),
            (false, false) => STANDARD_NO_PAD.encode(text),
        }
    }
}

/// Returns the readable text in Base64; most words are none.
pub(super) fn base64_text(word: &str) -> Option<Wrapped> {
    if word.len() < SHORTEST_BASE64 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)) {
        return None;
    }
    let bare = word.trim_end_matches('=');
    let is_url_safe = bare.contains(['-', '_']);
    let bytes = if is_url_safe { URL_SAFE_NO_PAD.decode(bare) } else { STANDARD_NO_PAD.decode(bare) }.ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_readable = text.chars().all(|character| !character.is_control() || character.is_whitespace());
    is_readable.then_some(Wrapped { text, is_url_safe, is_padded: bare.len() < word.len() })
}

/// Tells whether a character may stand in percent-encoding or Base64.
pub(super) fn is_of_encoding(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=' | '%' | '.' | '~' | '*')
}

/// Tells whether a text contains a GUID.
pub(super) fn has_guid(text: &str) -> bool {
    let mut rest = 0;
    while rest + 36 <= text.len() {
        if guid_at(text.as_bytes(), rest) == Some(36) {
            return true;
        }
        rest += 1;
    }
    false
}

/// Returns the length of the GUID at a place, with or without its dashes, if it stands by itself.
fn guid_at(text: &[u8], start: usize) -> Option<usize> {
    if start > 0 && text[start - 1].is_ascii_alphanumeric() {
        return None;
    }
    let ends = |length: usize| !text.get(start + length).is_some_and(u8::is_ascii_alphanumeric);
    let dashed = text.get(start..start + 36).is_some_and(|guid| {
        guid.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    });
    if dashed && ends(36) {
        return Some(36);
    }
    let bare = text.get(start..start + 32).is_some_and(|guid| guid.iter().all(u8::is_ascii_hexdigit));
    (bare && ends(32)).then_some(32)
}

/// Returns the length of the signed token at a place, parts of Base64 of which the first is a JSON object; or, as an error, the
/// length of the run in which no token begins.
fn token_at(text: &str, start: usize) -> Result<usize, usize> {
    let rest = &text[start..];
    if !rest.starts_with("eyJ") || start > 0 && text.as_bytes()[start - 1].is_ascii_alphanumeric() {
        return Err(0);
    }
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
    let token = rest[..length].trim_end_matches('.');
    if token.contains('.') && token.len() >= 20 { Ok(token.len()) } else { Err(length) }
}

/// Returns where the mail address around an `@` starts and ends.
fn mail_around(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte) || *byte >= 0x80;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    // Nothing real is longer, and many signs in a row must not be walked over again for each.
    let start = at - bytes[..at].iter().rev().take(64).take_while(|byte| is_local(byte)).count();
    let start = (start..=at).find(|start| text.is_char_boundary(*start))?;
    let domain = &text[at + 1..at + 1 + bytes[at + 1..].iter().take(255).take_while(|byte| is_domain(byte)).count()];
    let domain = domain.trim_end_matches(['.', '-']);
    let (_, top) = domain.rsplit_once('.')?;
    let is_annotation = domain.starts_with("odata.") || domain.starts_with("microsoft.graph");
    let is_mail = start < at && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && !is_annotation;
    is_mail.then_some((start, at + 1 + domain.len()))
}

/// Replaces signed tokens, mail addresses and GUIDs by what `by` returns for them.
pub(super) fn replace_forms(text: &str, by: &mut dyn FnMut(SecretKind, &str) -> Option<String>) -> String {
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
            && let Some(length) = guid_at(bytes, start)
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
        out.push_str(&by(kind, value).map_or(Cow::Borrowed(value), Cow::Owned));
        done = end;
    }
    out.push_str(&text[done..]);
    out
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
    fn forms_and_base64_are_told_from_other_texts() {
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
    fn long_texts_are_searched_in_linear_time() {
        for piece in ["@", "a@", "a@b.", "eyJ", "eyJ-", "eyJ.", "0", "0-", "%40", "a.b@c.de "] {
            let long = piece.repeat(200_000);
            let _ = replace_forms(&long, &mut |_, _| None);
        }
    }

    proptest! {
        #[test]
        fn any_text_may_be_searched(text in prop_oneof![any::<String>(), "[a0@.eyJé-]{0,48}"]) {
            let _ = marked(&text);
            let _ = base64_text(&text).map(|wrapped| wrapped.encode(&wrapped.text));
            let _ = (has_guid(&text), looks_like_a_form(&text));
        }
    }
}
