//! Encodings of private values, and the texts that they hold.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use crate::text::{bom, form, gzip};

/// The number of nested encodings that are decoded; a value that is encoded more often is replaced as a whole.
pub(super) const DEEPEST: usize = 6;

/// The shortest text that is decoded as Base64.
pub(super) const SHORTEST_BASE64: usize = 8;

/// The shortest text that is decoded as hexadecimal digits.
const SHORTEST_HEX: usize = 12;

/// The largest content of a packed text within a text, in bytes.
const INNER_LIMIT: usize = 1024 * 1024;

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

/// Characters that are encoded in an address that people read.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

/// Encodes a text that was changed within an address, readable where it can be.
pub(super) fn readably_encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Decodes a name that may be encoded more than once.
pub(super) fn fully_decoded(text: &str) -> Cow<'_, str> {
    let mut decoded = form::decoded(text);
    for _ in 0..DEEPEST {
        let Cow::Owned(again) = form::percent_decoded(&decoded) else { break };
        if again == decoded {
            break;
        }
        decoded = again.into();
    }
    decoded
}

/// Splits off what may precede JSON: a byte order mark, blanks, and a prefix against inclusion as a script.
pub(super) fn json_front(text: &str) -> (&str, &str) {
    const GUARDS: [&str; 5] = [")]}',", ")]}'", "for(;;);", "while(1);", "&&&START&&&"];
    let trim = |text: &'_ str| {
        text.len() - text.trim_start_matches(|character: char| character.is_whitespace() || character == bom::MARK).len()
    };
    let mut at = trim(text);
    if let Some(guard) = GUARDS.iter().find(|guard| text[at..].starts_with(**guard)) {
        at += guard.len();
        at += trim(&text[at..]);
    }
    text.split_at(at)
}

pub(super) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
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

/// The alphabet of a text that was encoded as other text.
#[derive(Clone, Copy, Debug)]
enum Alphabet {
    Base64 { is_url_safe: bool, is_padded: bool },
    Hex { is_upper: bool },
}

/// A text that was encoded as other text.
pub(super) struct DecodedText {
    pub(super) text: String,
    alphabet: Alphabet,
}

impl DecodedText {
    /// Encodes another text in the same alphabet.
    pub(super) fn encode(&self, text: &str) -> String {
        match self.alphabet {
            Alphabet::Base64 { is_url_safe: true, is_padded: true } => URL_SAFE.encode(text),
            Alphabet::Base64 { is_url_safe: true, is_padded: false } => URL_SAFE_NO_PAD.encode(text),
            Alphabet::Base64 { is_url_safe: false, is_padded: true } => STANDARD.encode(text),
            Alphabet::Base64 { is_url_safe: false, is_padded: false } => STANDARD_NO_PAD.encode(text),
            Alphabet::Hex { is_upper: true } => hex(text).to_ascii_uppercase(),
            Alphabet::Hex { is_upper: false } => hex(text),
        }
    }
}

/// Returns the bytes in Base64 of any variant.
fn base64_bytes(word: &str) -> Option<Vec<u8>> {
    if word.len() < SHORTEST_BASE64 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)) {
        return None;
    }
    let bare = word.trim_end_matches('=');
    let is_url_safe = bare.contains(['-', '_']);
    if is_url_safe { URL_SAFE_NO_PAD.decode(bare) } else { STANDARD_NO_PAD.decode(bare) }.ok()
}

/// Returns the readable text in Base64; nothing for most words.
pub(super) fn base64_text(word: &str) -> Option<DecodedText> {
    let text = readable(base64_bytes(word)?)?;
    let bare = word.trim_end_matches('=');
    let alphabet = Alphabet::Base64 { is_url_safe: bare.contains(['-', '_']), is_padded: bare.len() < word.len() };
    Some(DecodedText { text, alphabet })
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::with_capacity(2 * text.len()), |mut out, byte| {
        // Writing to a string never fails.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Returns the bytes in hexadecimal digits.
fn hex_bytes(word: &str) -> Option<Vec<u8>> {
    let digits = word.as_bytes();
    if digits.len() < SHORTEST_HEX || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    // Two digits fit in a byte.
    digits.chunks_exact(2).map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()).collect()
}

/// Returns the readable text in hexadecimal digits; nothing for GUIDs and hashes.
pub(super) fn hex_text(word: &str) -> Option<DecodedText> {
    let text = readable(hex_bytes(word)?)?;
    Some(DecodedText { text, alphabet: Alphabet::Hex { is_upper: word.bytes().any(|byte| byte.is_ascii_uppercase()) } })
}

/// Returns bytes as text, if they are one: UTF-8, UTF-16, or either of them packed with gzip.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { gzip::unpack(&bytes, INNER_LIMIT).ok()? } else { bytes };
    let text = match utf_16(&bytes) {
        Some(text) => text,
        None => String::from_utf8(bytes).ok()?,
    };
    text.chars().all(|character| !character.is_control() || character.is_whitespace()).then_some(text)
}

/// Returns the text of bytes in UTF-16, which begin with a mark or in which half of the letters are zeros.
pub(super) fn utf_16(bytes: &[u8]) -> Option<String> {
    let zeros = |from: usize| bytes.len() >= 4 && bytes.iter().skip(from).step_by(2).all(|byte| *byte == 0);
    let is_little = bytes.starts_with(&[0xff, 0xfe]) || zeros(1);
    if !bytes.len().is_multiple_of(2) || !(is_little || bytes.starts_with(&[0xfe, 0xff]) || zeros(0)) {
        return None;
    }
    let units = bytes
        .chunks_exact(2)
        .map(|pair| if is_little { u16::from_le_bytes([pair[0], pair[1]]) } else { u16::from_be_bytes([pair[0], pair[1]]) });
    let text: String = char::decode_utf16(units).collect::<Result<String, _>>().ok()?;
    Some(bom::strip(&text).to_owned())
}

/// Passes a text to `visit` in each form in which it can be read: as it is, without escapes of JSON and of addresses, and decoded from
/// Base64 and hexadecimal digits. Ends when `visit` returns true, and returns whether it did.
pub(super) fn any_layer(text: &[u8], depth: usize, visit: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    if visit(text) {
        return true;
    }
    if depth > DEEPEST {
        return false;
    }
    let mut inner = |bytes: &[u8]| bytes != text && any_layer(bytes, depth + 1, visit);
    if text.contains(&b'%') && inner(&percent_decode(text).collect::<Vec<u8>>()) {
        return true;
    }
    if text.contains(&b'\\') && inner(&without_escapes(text)) {
        return true;
    }
    if text.contains(&0) && inner(&text.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>()) {
        return true;
    }
    let is_of_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let mut runs = text.split(|byte| !is_of_base64(byte)).filter(|run| run.len() >= SHORTEST_HEX);
    runs.any(|run| {
        let Ok(run) = std::str::from_utf8(run) else { return false };
        let decoded = |word: &str| [hex_bytes(word), base64_bytes(word)];
        let whole = decoded(run);
        let parts = run.split(['/', '=']).filter(|part| part.len() < run.len()).flat_map(decoded);
        whole.into_iter().chain(parts).flatten().any(|bytes| {
            let unpacked = bytes.starts_with(&[0x1f, 0x8b]).then(|| gzip::unpack(&bytes, INNER_LIMIT).ok()).flatten();
            any_layer(unpacked.as_deref().unwrap_or(&bytes), depth + 1, visit)
        })
    })
}

/// Removes the escapes of JSON strings.
fn without_escapes(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let unit = rest.get(1..5).filter(|_| rest[0] == b'u').and_then(|digits| std::str::from_utf8(digits).ok());
        match (rest.first(), unit.and_then(|digits| u32::from_str_radix(digits, 16).ok())) {
            (_, Some(unit)) => {
                let character = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[5..];
            }
            (Some(escaped), None) => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = &rest[1..];
            }
            (None, None) => {}
        }
    }
    out
}

/// Returns whether a character occurs in percent-encoding or Base64.
pub(super) fn is_of_encoding(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=' | '%' | '.' | '~' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_distinguished_from_other_texts() {
        assert_eq!(base64_text("aHVudGVyMg==").unwrap().text, "hunter2");
        assert_eq!(base64_text("aHVudGVyMg").unwrap().encode("hunter2"), "aHVudGVyMg");
        for other in ["displayName", "05227533-379e-4a0a-9d17-afe306a1e10d", "a b c d e f", "abc"] {
            assert!(base64_text(other).is_none(), "{other}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_decoded(text in prop_oneof![any::<String>(), "[a0@.eyJé-]{0,48}"]) {
            let _ = base64_text(&text).map(|wrapped| wrapped.encode(&wrapped.text));
        }
    }
}
