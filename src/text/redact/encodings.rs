//! Encodings of private values, and the forms by which values without a name are recognized.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::names::{self, NamePlace, SecretKind};
use crate::text::{bom, form, guid, gzip};

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

/// Returns whether a text looks like the fields of a form: one line without blanks, each field with a name that is a word.
pub(super) fn looks_like_a_form(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.$%[]".contains(&byte));
    let text = text.trim_end();
    let fields = || text.split('&').filter(|field| !field.is_empty());
    // Base64 may end with one such sign.
    fields().any(|field| !field.ends_with('=') && field.contains('='))
        && !text.contains(char::is_whitespace)
        && fields().all(|field| match field.split_once('=') {
            Some((name, value)) => is_name(name) && !value.starts_with('='),
            None => is_name(field),
        })
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

/// Returns whether a text with blanks is one address, as the filters of clients that encode nothing are.
pub(super) fn is_whole_address(text: &str) -> bool {
    let scheme = text.find("://").filter(|at| text[..*at].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if scheme.is_some_and(|at| userinfo(text).is_some_and(|range| range.start == at + "://".len())) {
        return true;
    }
    let Some((path, query)) = text.split_once('?') else { return false };
    let name = query.split('=').next().unwrap_or_default();
    !path.contains(char::is_whitespace) && name.len() < query.len() && !name.is_empty() && !name.contains(char::is_whitespace)
}

/// The length up to which `user:password` is searched for where no address has it, which keeps the search linear.
const LONGEST_USERINFO: usize = 512;

/// Splits a text at the value of its first filter, which contains blanks and ends in front of the next field.
pub(super) fn split_filter(text: &str) -> Option<(&str, &str, &str)> {
    let starts = text.match_indices(['r', 'h']).filter_map(|(at, _)| {
        let (before, rest) = (&text.as_bytes()[..=at], text[at + 1..].strip_prefix('=')?);
        let is_filter = [&b"filter"[..], b"search"]
            .iter()
            .any(|name| before.len() >= name.len() && before[before.len() - name.len()..].eq_ignore_ascii_case(name));
        is_filter.then_some(text.len() - rest.len())
    });
    let start = starts.into_iter().next()?;
    let length = text[start..].find('&').unwrap_or(text.len() - start);
    let filter = &text[start..start + length];
    filter.contains(char::is_whitespace).then(|| (&text[..start], filter, &text[start + length..]))
}

/// Words in front of a colon and a mail address, which name no user.
const NOT_USERS: &[&str] =
    &["acct", "email", "eum", "im", "mail", "mailto", "sip", "sips", "smtp", "spo", "tel", "to", "x500", "xmpp"];

/// Returns the place of the first `user:password` in a text, which ends in front of the `@`: in an address, or in front of any host.
pub(super) fn userinfo(text: &str) -> Option<Range<usize>> {
    if !text.contains('@') {
        return None;
    }
    let in_address = || {
        text.match_indices("://").find_map(|(at, separator)| {
            let start = at + separator.len();
            let ends = |character: char| "\"<>".contains(character) || character.is_whitespace();
            let authority = text[start..].split(|character: char| "/?#".contains(character) || ends(character)).next()?;
            let length = userinfo_length(authority).or_else(|| {
                // A colon without a port behind it belongs to a password, so the slash, say, is a part of a password.
                let (_, port) = authority.split_once(':')?;
                if port.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // A limit keeps the search linear.
                let end = text.len().min(start + LONGEST_USERINFO);
                let end = (start..=end).rev().find(|end| text.is_char_boundary(*end))?;
                // Nor does a blank end it.
                text[start..end].split(['\r', '\n']).next()?.rfind('@')
            })?;
            Some(start..start + length)
        })
    };
    in_address().or_else(|| {
        text.match_indices('@').find_map(|(at, _)| {
            let is_host = text[at + 1..].starts_with(|character: char| character.is_ascii_alphanumeric() || character == '[');
            let before = &text[..at];
            let begins = |character: char| "\"<>/".contains(character) || character.is_whitespace();
            let window = (at.saturating_sub(LONGEST_USERINFO)..=at).find(|start| before.is_char_boundary(*start))?;
            let start = before[window..].rfind(begins).map_or(window, |blank| window + blank + 1);
            let start = if before.is_char_boundary(start) { start } else { window };
            let colon = start + before[start..].find(':')?;
            let start = before[start..colon].rfind(['=', '&', '?', ',', ';', '(', '\'']).map_or(start, |sign| start + sign + 1);
            let user = &before[start..colon];
            let is_user = !user.is_empty()
                && !user.bytes().all(|byte| byte.is_ascii_digit())
                && !NOT_USERS.iter().any(|other| user.eq_ignore_ascii_case(other))
                && colon + 1 < at;
            (is_host && is_user).then_some(start..at)
        })
    })
}

/// Finds the values of assignments to secret names: `name=value`, `name: value`, `"name": "value"`, `<name>value</name>`.
pub(super) fn assignments(
    text: &str,
    classify: &dyn Fn(NamePlace, &str) -> Option<SecretKind>,
) -> Vec<(Range<usize>, SecretKind)> {
    let mut found: Vec<(Range<usize>, SecretKind)> = Vec::new();
    for (at, sign) in text.match_indices(['=', ':', '>']) {
        if found.last().is_some_and(|(range, _)| at < range.end) {
            continue;
        }
        let rest = &text[at + 1..];
        let is_quote = |character: char| matches!(character, '"' | '\'' | '\\');
        let before = text[..at].trim_end_matches([' ', '\t']).trim_end_matches(is_quote);
        let name = trailing_name(before);
        if name.is_empty() || sign != ">" && rest.starts_with(['=', '/', ':']) {
            continue;
        }
        let kind = match sign {
            "=" => classify(NamePlace::Parameter, &fully_decoded(name)),
            ":" => classify(NamePlace::Header, name).or_else(|| classify(NamePlace::Member, name)),
            _ if before.len() == at && before[..at - name.len()].ends_with('<') => classify(NamePlace::Member, name),
            _ => None,
        };
        let is_misplaced = || sign == ":" && rest.trim_start().starts_with(['"', '\\']) && names::is_holder(name);
        let Some(kind) = kind.or_else(|| is_misplaced().then_some(SecretKind::Secret)) else { continue };
        let value = rest.trim_start_matches([' ', '\t']);
        let quote = value.chars().next().filter(|_| sign != ">").filter(|character| is_quote(*character));
        let value = if quote.is_some() { value.trim_start_matches(is_quote) } else { value };
        let length = match (sign, quote) {
            (">", _) => value.find("</").unwrap_or(value.len()),
            // A list or an object ends where nothing but a parser knows.
            _ if quote.is_none() && value.starts_with(['[', '{']) => value.len(),
            _ if kind == SecretKind::Cookie => value.find(['\r', '\n']).unwrap_or(value.len()),
            (_, Some('\\')) => value.find(['"', '\\']).unwrap_or(value.len()),
            (_, Some(quote)) => value.find(quote).unwrap_or(value.len()),
            _ => {
                let scheme = value.split_once(' ').map(|(word, _)| word).filter(|word| names::is_scheme(word));
                let start = scheme.map_or(0, |scheme| scheme.len() + 1);
                let ends = |character: char| character.is_whitespace() || "&\"<>".contains(character);
                let end = start + value[start..].find(ends).unwrap_or(value.len() - start);
                value[..end].trim_end_matches(['.', ',', ';', ')', '\'']).len()
            }
        };
        let start = text.len() - value.len();
        let value = &value[..length];
        // `token: expired` names no token.
        let is_word = || value.len() < 16 && value.bytes().all(|byte| byte.is_ascii_lowercase());
        if !value.is_empty() && (sign != ":" || quote.is_some() || !is_word()) {
            found.push((start..start + length, kind));
        }
    }
    found
}

/// Finds credentials that have the name of a scheme in front instead of a name: `Bearer abc1…`, `Basic dXNlcjpwYXNz`.
pub(super) fn credentials(text: &str) -> Vec<Range<usize>> {
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let found = text.match_indices(' ').filter_map(|(blank, _)| {
        let before = &text.as_bytes()[..blank];
        let word = before.len() - before.iter().rev().take(7).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let scheme = &before[word..];
        let start = blank + 1 + text[blank + 1..].bytes().take_while(|byte| *byte == b' ').count();
        let length = text.as_bytes()[start..].iter().take_while(|byte| is_of_token(byte)).count();
        let token = &text[start..start + length];
        let is_credential = if scheme.eq_ignore_ascii_case(b"basic") {
            base64_text(token).is_some_and(|decoded| decoded.text.contains(':'))
        } else {
            scheme.eq_ignore_ascii_case(b"bearer") && is_irregular(token)
        };
        is_credential.then_some(start..start + length)
    });
    found.collect()
}

/// Returns whether a text differs from words: long, with digits or capital letters within it.
fn is_irregular(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let has_capital =
        text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase()) && text.bytes().any(|byte| byte.is_ascii_lowercase());
    text.len() >= 8 && (has_digit || has_capital)
}

/// Returns the name with which a text ends.
fn trailing_name(text: &str) -> &str {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.$%[]".contains(byte);
    let length = text.as_bytes().iter().rev().take(128).take_while(|byte| is_of_name(byte)).count();
    &text[text.len() - length..]
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

/// A part of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterPart<'f> {
    /// Names, operators, and what separates them.
    Text(&'f str),
    /// The content of a literal between single quotes, in which two quotes are one.
    Literal(&'f str),
    /// A value without quotes, and the name to which it is compared.
    Bare { value: &'f str, left: &'f str },
}

/// Splits a filter into its parts; nothing if it is unknown which words are values.
pub(super) fn filter_parts(filter: &str) -> Option<Vec<FilterPart<'_>>> {
    const OPERATORS: &[&str] = &["eq", "ne", "gt", "ge", "lt", "le", "in", "has"];
    let is_delimiter = |character: char| matches!(character, ' ' | '(' | ')' | ',' | '+' | '\t');
    if filter.contains('"') {
        return None;
    }
    let mut parts = Vec::new();
    let (mut rest, mut left, mut is_value_next) = (filter, "", false);
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (mut literal, mut is_closed) = ("", false);
            // Two quotes are one within the literal.
            let mut from = 1;
            while let Some(at) = rest[from..].find('\'').map(|at| from + at) {
                if rest[at + 1..].starts_with('\'') {
                    from = at + 2;
                    continue;
                }
                (literal, is_closed, from) = (&rest[1..at], true, at + 1);
                break;
            }
            if !is_closed {
                // A target may be cut.
                (literal, from) = (&rest[1..], rest.len());
            }
            if rest[from..].starts_with(|character: char| !is_delimiter(character)) {
                return None;
            }
            parts.push(FilterPart::Literal(literal));
            rest = &rest[from..];
            is_value_next = false;
        } else if is_delimiter(first) {
            parts.push(FilterPart::Text(&rest[..1]));
            is_value_next |= first == ',';
            rest = &rest[1..];
        } else {
            let end = rest.find(|character: char| is_delimiter(character) || character == '\'').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if after.starts_with('\'') {
                return None;
            }
            let is_operator = OPERATORS.iter().any(|operator| word.eq_ignore_ascii_case(operator));
            let is_call = after.starts_with('(');
            match () {
                () if is_operator || is_call => parts.push(FilterPart::Text(word)),
                () if is_value_next && !matches!(word, "null" | "true" | "false") => {
                    parts.push(FilterPart::Bare { value: word, left });
                }
                () => {
                    parts.push(FilterPart::Text(word));
                    if !is_value_next {
                        left = word;
                    }
                }
            }
            is_value_next = is_operator || is_value_next && is_call;
            rest = after;
        }
    }
    Some(parts)
}

/// Returns whether a value without quotes is a literal: a number, a date, a duration or a GUID.
pub(super) fn is_literal(value: &str) -> bool {
    let starts_with_digit = value.trim_start_matches('-').starts_with(|character: char| character.is_ascii_digit());
    guid::is_guid(value) || starts_with_digit && value.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZeE".contains(&byte))
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
        for form in ["a=b&c=d", "a&c=d", "a=b&c", "client_secret=x%20y", "a=&b=c", "grant_type=client_credentials&scope=.default"]
        {
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
    fn the_values_of_a_filter_are_found() {
        let values = |filter| {
            let parts = filter_parts(filter)?.into_iter().filter_map(|part| match part {
                FilterPart::Text(_) => None,
                FilterPart::Literal(literal) => Some(format!("'{literal}'")),
                FilterPart::Bare { value, left } => Some(format!("{left}={value}")),
            });
            Some(parts.collect::<Vec<String>>().join(" "))
        };
        for (filter, expected) in [
            ("secret eq 'a'", "'a'"),
            ("startswith(encryption/secret,'a') and isActive eq true", "'a'"),
            ("secret in ('a','b') or not (x ne null)", "'a' 'b'"),
            ("secret eq tolower('a')", "'a'"),
            ("secret eq 'o''clock' and isActive", "'o''clock'"),
            ("a eq '' and b gt 7", "'' b=7"),
            ("secret eq a and x eq 'b'", "secret=a 'b'"),
            ("secret eq (a) and x eq 'b'", "secret=a 'b'"),
            ("secret eq 'unclosed", "'unclosed'"),
            ("contains(secret,a) and x eq 'b'", "secret=a 'b'"),
        ] {
            assert_eq!(values(filter).as_deref(), Some(expected), "{filter}");
        }
        for other in [r#"secret eq "a" and x eq 'b'"#, "secret eq ''a''", "secret eq x'a'"] {
            assert_eq!(values(other), None, "{other}");
        }
        assert!(is_literal("-1.5e3") && is_literal("2024-01-01T00:00:00Z") && !is_literal("hush") && !is_literal("1hush"));
    }

    #[test]
    fn assignments_to_secret_names_are_found() {
        let found = |text: &str| -> Vec<String> {
            let found = assignments(text, &|place, name| names::classify(place, name).filter(|kind| kind.is_secret()));
            found.into_iter().map(|(range, _)| text[range].to_owned()).collect()
        };
        for (text, expected) in [
            ("scope=openid profile&client_secret=S x", "S"),
            ("password: \"S t\" x", "S t"),
            ("{\\\"secret\\\": \\\"S\\\"}", "S"),
            ("Authorization: Bearer S, and", "Bearer S"),
            ("<a:password x='1'>y</a:password><token>S</token>", "S"),
            ("/x;token=S", "S"),
            ("Cookie: a=S; b=T\nx", "a=S; b=T"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
        for text in [
            "token: expired",
            "a == b",
            "https://x",
            "error code: 1",
            "key word",
            "charset=utf-8",
            "token=",
            "<Property Name=\"secret\"/>",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn credentials_are_found_behind_their_scheme() {
        for (text, expected) in [
            ("Bearer 7hT9qLm2Xz4R", "7hT9qLm2Xz4R"),
            ("got bearer  abcdEFGHijkl, then", "abcdEFGHijkl"),
            ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ] {
            assert_eq!(credentials(text).into_iter().map(|range| &text[range]).collect::<Vec<_>>(), [expected], "{text}");
        }
        for text in [
            "Bearer token",
            "the bearer authentication of it",
            "Basic information",
            "Basic Information",
            "xbearer 7hT9qLm2Xz",
            "bearer ",
        ] {
            assert_eq!(credentials(text), [], "{text}");
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
            ("mailto:ada@contoso.com", None),
            ("email:ada@contoso.com", None),
            ("19:meeting@thread.v2", None),
            ("http://host:8080/users/ada@contoso.com", None),
            ("see admin:PASS@10.0.0.5", Some("admin:PASS")),
            ("url=admin:p=w@[::1]", Some("admin:p=w")),
            ("https://admin:pa/ss?w@10.0.0.5/x", Some("admin:pa/ss?w")),
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
