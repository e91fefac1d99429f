//! Secrets masked by one word, for outputs that need no pseudonyms: the journal, the log, verification and comparison reports.
//!
//! The names of people stay readable there. A text that cannot be parsed and mentions the name of a secret is masked as a whole.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::encodings::{self, DEEPEST};
use super::names::{self, NamePlace, is_secret_name};
use crate::text::json::{self, Json};
use crate::text::{bom, form, gzip};

/// The word that replaces a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// Characters that are encoded in a value that was changed.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

/// The largest packed body that is unpacked, in bytes.
const UNPACKED_LIMIT: usize = 8 * 1024 * 1024;

/// Masks the values of secret headers, and the secrets in addresses and JSON that other headers hold.
pub(crate) fn mask_headers(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &mut headers {
        if is_secret_name(NamePlace::Header, name) {
            *value = match value.split_once(' ') {
                Some((scheme, _)) if names::is_scheme(scheme) => format!("{scheme} {REDACTED}"),
                _ => REDACTED.to_owned(),
            };
        } else if let Cow::Owned(masked) = mask_text(value) {
            *value = masked;
        }
    }
    headers
}

/// Masks the secrets in the address of a request: `user:password`, the query and the fragment.
pub(crate) fn mask_target(target: &str) -> String {
    address(target, 0).into_owned()
}

/// Masks the secrets of a body. A body without secrets stays as it is, to the byte.
pub(crate) fn mask_body(body: &[u8], headers: &[(String, String)]) -> Bytes {
    let redacted = || Bytes::from_static(REDACTED.as_bytes());
    if body.is_empty() {
        return Bytes::new();
    }
    // Of other codings nothing is known.
    let Some(plain) = gzip::decoded_body(body, headers, UNPACKED_LIMIT) else { return redacted() };
    let is_type = |wanted: &str| {
        headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains(wanted))
    };
    let masked = match std::str::from_utf8(&plain) {
        Ok(text) if is_type("x-www-form-urlencoded") && encodings::looks_like_a_form(text) => fields(text, 0),
        // In malformed JSON a name can be written with escapes.
        Ok(text) if is_type("json") && text.contains('\\') && json::parse(bom::strip(text).as_bytes()).is_err() => {
            Cow::Borrowed(REDACTED)
        }
        Ok(text) => mask_content(text),
        // UTF-16, say, in which no name is found.
        Err(_) if is_type("json") || is_type("x-www-form-urlencoded") => Cow::Borrowed(REDACTED),
        Err(_) if names::mentions_secret(&String::from_utf8_lossy(&plain)) => Cow::Borrowed(REDACTED),
        Err(_) => return Bytes::copy_from_slice(body),
    };
    match &plain {
        _ if masked.as_bytes() == &*plain => Bytes::copy_from_slice(body),
        Cow::Borrowed(_) => Bytes::from(masked.into_owned()),
        // Packed bytes cannot be changed in part.
        Cow::Owned(_) => redacted(),
    }
}

/// Masks the secrets of a whole text: JSON, a form, or a text that mentions secrets.
pub(crate) fn mask_content(text: &str) -> Cow<'_, str> {
    let bare = bom::strip(text);
    if let Some(masked) = mask_json(bare) {
        return if masked == bare { Cow::Borrowed(text) } else { Cow::Owned(masked) };
    }
    if encodings::looks_like_a_form(text) {
        return fields(text, 0);
    }
    if names::mentions_secret(text) { Cow::Borrowed(REDACTED) } else { mask_text(text) }
}

/// Masks the secrets of a short text that has no name: addresses in it, or the JSON that it is.
pub(crate) fn mask_text(text: &str) -> Cow<'_, str> {
    text_at(text, 0)
}

/// Masks the secrets of a JSON text; nothing if it is not JSON. A text without secrets stays as it is.
pub(crate) fn mask_json(text: &str) -> Option<String> {
    json_at(text, 0)
}

fn json_at(text: &str, depth: usize) -> Option<String> {
    let mut json = json::parse(text.as_bytes()).ok()?;
    if !mask_value(&mut json, depth) {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    json.write(&mut out);
    String::from_utf8(out).ok()
}

/// Masks values, and returns whether any has changed. A null is not a secret.
fn mask_value(json: &mut Json<'_>, depth: usize) -> bool {
    match json {
        Json::Array(items) => items.iter_mut().fold(false, |any, item| mask_value(item, depth) | any),
        Json::Object(members) => members.iter_mut().fold(false, |any, (name, value)| {
            let is_secret = is_secret_name(NamePlace::Member, name) && *value != Json::Null;
            match value {
                Json::String(text) if is_secret && text == REDACTED => any,
                value if is_secret => {
                    *value = Json::String(REDACTED.into());
                    true
                }
                // In a batch, addresses are relative.
                Json::String(text) if name.eq_ignore_ascii_case("url") => replace(text, |text| address(text, depth)) | any,
                value => mask_value(value, depth) | any,
            }
        }),
        Json::String(text) => replace(text, |text| text_at(text, depth + 1)),
        _ => false,
    }
}

fn replace(text: &mut Cow<'_, str>, mask: impl Fn(&str) -> Cow<'_, str>) -> bool {
    let masked = mask(text);
    let has_changed = masked != *text;
    if has_changed {
        *text = Cow::Owned(masked.into_owned());
    }
    has_changed
}

fn text_at(text: &str, depth: usize) -> Cow<'_, str> {
    if depth > DEEPEST {
        return if names::mentions_secret(text) { Cow::Borrowed(REDACTED) } else { Cow::Borrowed(text) };
    }
    let bare = text.trim_start();
    if bare.starts_with(['{', '[', '"']) {
        if let Some(masked) = json_at(bare, depth) {
            return if masked == bare { Cow::Borrowed(text) } else { Cow::Owned(masked) };
        }
        // Cut JSON.
        if bare.contains("\":") && names::mentions_secret(bare) {
            return Cow::Borrowed(REDACTED);
        }
    }
    if encodings::looks_like_a_form(text) { fields(text, depth) } else { address(text, depth) }
}

/// Masks `user:password` in the addresses of a text, and the fields behind the first `?` or `#`.
fn address(text: &str, depth: usize) -> Cow<'_, str> {
    let Some(start) = text.find(['?', '#']) else { return userinfo(text) };
    let (path, query) = text.split_at(start + 1);
    match (userinfo(path), fields(query, depth)) {
        (Cow::Borrowed(_), Cow::Borrowed(_)) => Cow::Borrowed(text),
        (path, query) => Cow::Owned(path.into_owned() + &query),
    }
}

fn userinfo(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(range) = encodings::userinfo(rest) {
        masked.push_str(&rest[..range.start]);
        masked.push_str(REDACTED);
        rest = &rest[range.end..];
    }
    if masked.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(masked + rest) }
}

/// Masks the values of secrets among `name=value` pairs.
fn fields(text: &str, depth: usize) -> Cow<'_, str> {
    let masked: Vec<Cow<'_, str>> = text.split('&').map(|pair| field(pair, depth)).collect();
    if masked.iter().all(|pair| matches!(pair, Cow::Borrowed(_))) { Cow::Borrowed(text) } else { Cow::Owned(masked.join("&")) }
}

fn field(pair: &str, depth: usize) -> Cow<'_, str> {
    let Some((name, value)) = pair.split_once('=') else { return userinfo(pair) };
    let decoded_name = form::decoded(name);
    if is_secret_name(NamePlace::Parameter, &decoded_name) {
        return if value == REDACTED { Cow::Borrowed(pair) } else { Cow::Owned(format!("{name}={REDACTED}")) };
    }
    // A fragment begins.
    let (value, fragment) = value.split_once('#').map_or((value, None), |(value, fragment)| (value, Some(fragment)));
    let decoded = form::decoded(value);
    let masked = if is_filter(&decoded_name) { filter(&decoded) } else { text_at(&decoded, depth + 1) };
    let masked = (masked != decoded).then(|| utf8_percent_encode(&masked, ENCODED).to_string());
    let masked_fragment = fragment.map(|fragment| if depth > DEEPEST { userinfo(fragment) } else { field(fragment, depth + 1) });
    if masked.is_none() && !matches!(masked_fragment, Some(Cow::Owned(_))) {
        return Cow::Borrowed(pair);
    }
    let fragment = masked_fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
    Cow::Owned(format!("{name}={}{fragment}", masked.as_deref().unwrap_or(value)))
}

fn is_filter(name: &str) -> bool {
    let name = name.strip_prefix('$').unwrap_or(name);
    name.eq_ignore_ascii_case("filter") || name.eq_ignore_ascii_case("search")
}

/// Masks the literals of a filter that mentions a secret: one of them may be it.
fn filter(filter: &str) -> Cow<'_, str> {
    if !names::mentions_secret(filter) {
        return Cow::Borrowed(filter);
    }
    // Each second part between quotes is a literal, and two quotes in a row are one quote within it.
    let parts: Vec<&str> = filter.split('\'').collect();
    if parts.len() == 1 || !encodings::has_quoted_literals(filter) {
        return Cow::Borrowed(REDACTED);
    }
    let literal = format!("'{REDACTED}'");
    let mut masked = String::new();
    for (index, part) in parts.iter().enumerate() {
        let is_within = index > 0 && index + 1 < parts.len() && index % 2 == 0 && part.is_empty();
        match (index % 2, is_within) {
            (0, false) => masked.push_str(part),
            (0, true) => {}
            // The literal goes on behind a doubled quote.
            _ if masked.ends_with(&literal) => {}
            _ => masked.push_str(&literal),
        }
    }
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets_are_masked_in_each_part() {
        for (target, expected) in [
            ("/x", "/x"),
            ("/x?a=b#c", "/x?a=b#c"),
            ("/x?token=hush&$skiptoken=abc", "/x?token=REDACTED&$skiptoken=abc"),
            ("/x?code=a#b", "/x?code=REDACTED"),
            ("/x?$filter=secret%20eq%20%22hush%22%20and%20b%20eq%20'c'", "/x?$filter=REDACTED"),
            ("/x?$filter=secret%20eq%20''hush''", "/x?$filter=REDACTED"),
            ("/x?a=b#id_token=hush&c=d", "/x?a=b#id_token=REDACTED&c=d"),
            ("/x#access_token=hush", "/x#access_token=REDACTED"),
            ("https://me:hush@a.test/b@c?d=e", "https://REDACTED@a.test/b@c?d=e"),
            ("/x?redirect_uri=https%3A%2F%2Fa%2F%3Fcode%3Dhush", "/x?redirect_uri=https://a/?code=REDACTED"),
            ("/x?redirect_uri=https%3A%2F%2Fa%2F%3Fb%3Dc", "/x?redirect_uri=https%3A%2F%2Fa%2F%3Fb%3Dc"),
        ] {
            assert_eq!(mask_target(target), expected);
            assert_eq!(mask_target(expected), expected);
        }
    }

    #[test]
    fn bodies_whose_names_cannot_be_found_are_hidden() {
        let masked = |content_type: &str, body: &[u8]| mask_body(body, &[("content-type".into(), content_type.into())]);
        let utf_16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect();
        assert_eq!(masked("application/json", br#"{"region":"\ud800"}"#), REDACTED);
        assert_eq!(masked("application/json", &utf_16), REDACTED);
        assert_eq!(masked("application/json", br#"{"region":"us"}"#), &br#"{"region":"us"}"#[..]);
        assert_eq!(masked("text/plain", b"just words"), &b"just words"[..]);
        assert_eq!(masked("application/json", br#"{"region":"#), &br#"{"region":"#[..]);
        assert_eq!(masked("image/jpeg", b"\xff\xd8"), &b"\xff\xd8"[..]);
    }

    #[test]
    fn secrets_are_hidden_whatever_the_content_type_says() {
        let bodies = [
            r#"{"encryption":{"secret":"hush"}}"#,
            r#"{"secret":"hush=="}"#,
            r#"{"secrets":["hush"]}"#,
            r#"{"client_secret":"hush","a":"\ud800"}"#,
            "client_secret\0=hush",
            "password[0]=hush",
            "a=b&nonce=hush",
        ];
        for (body, content_type) in
            bodies.iter().flat_map(|body| ["application/x-www-form-urlencoded", "text/plain"].map(|of| (body, of)))
        {
            let masked = mask_body(body.as_bytes(), &[("content-type".into(), content_type.into())]);
            assert!(!String::from_utf8_lossy(&masked).contains("hush"), "{content_type}: {body} became {masked:?}");
        }
    }

    #[test]
    fn texts_are_masked_however_they_are_nested() {
        for (text, expected) in [
            (r#"{"a":"{\"secret\":\"hush\"}"}"#, r#"{"a":"{\"secret\":\"REDACTED\"}"}"#),
            (r#"{"a":"https://u:hush@b/"}"#, r#"{"a":"https://REDACTED@b/"}"#),
            (r#"{"a":["b=c&sig=hush"]}"#, r#"{"a":["b=c&sig=REDACTED"]}"#),
            (r#"{"a":"{\"secret\":\"hush"}"#, r#"{"a":"REDACTED"}"#),
            ("\u{feff}{\"secret\":\"hush\"}", r#"{"secret":"REDACTED"}"#),
            ("a=b&password=hush", "a=b&password=REDACTED"),
            ("the password is hush", "REDACTED"),
        ] {
            assert_eq!(mask_content(text), expected);
        }
        for text in [
            "{\"code\": 1.0}",
            r##"{"@odata.type":"#microsoft.graph.shift"}"##,
            "[Is it? Yes] design",
            "W/\"a=\"",
            "\"a=\"",
            r#"{"message":"[token expired]"}"#,
        ] {
            assert_eq!(mask_content(text), text);
        }
    }

    #[test]
    fn long_texts_are_masked_in_linear_time() {
        for piece in ["?", "#", "a=b#", "a=b?", "https://", "@", "://@", "&", "=", "{\"a\":", "[", "%3F", "a=b&"] {
            let long = piece.repeat(30_000);
            let _ = (mask_content(&long), mask_target(&long));
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_masked(text in prop_oneof![any::<String>(), "[{}\":a?#&=%@/ 0-9]{0,40}"]) {
            let _ = (mask_content(&text), mask_target(&text), mask_text(&text));
        }
    }
}
