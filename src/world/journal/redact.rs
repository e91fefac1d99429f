//! Secrets and tokens replaced where a journal is read.

use std::borrow::Cow;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::text::json::{self, Json};

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// Members of JSON, fields of forms and parameters of addresses whose values are nobody's business.
const NAMES: [&str; 10] = [
    "secret",
    "client_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "device_code",
    "client_assertion",
    "assertion",
    "password",
    "token",
];

/// The option in whose value a secret may be compared with another text.
const FILTER: &str = "filter";

/// What is not written as it is in the query of an address.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>');

/// The same in forms and addresses alone: in JSON it is the code of an error.
const CODE: &str = "code";

/// Headers whose values are nobody's business. The first word of the first two says how the client shows who it is.
const HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-wfi-emulator-control-token"];

/// The largest packed body that is looked into.
const UNPACKED_LIMIT: u64 = 8 * 1024 * 1024;

pub(super) fn is_secret(name: &str) -> bool {
    NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

fn is_secret_header(name: &str) -> bool {
    HEADERS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

pub(super) fn headers(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in &mut headers {
        if is_secret_header(name) {
            *value = match value.split_once(' ') {
                Some((scheme, _)) if name.ends_with("authorization") => format!("{scheme} {REDACTED}"),
                _ => REDACTED.to_owned(),
            };
        } else if name.eq_ignore_ascii_case("location") {
            // The token service sends codes and tokens along with the address.
            *value = target(value);
        }
    }
    headers
}

/// Replaces secrets in the query of an address, and texts that a filter compares them with.
pub fn target(target: &str) -> String {
    let Some(at) = target.find(['?', '#']) else { return target.to_owned() };
    let (path, query) = target.split_at(at + 1);
    format!("{path}{}", form(query))
}

/// Returns a body without its secrets. A body that has none stays as it is.
pub(super) fn body(bytes: &[u8], headers: &[(String, String)]) -> Bytes {
    let header = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| &**value);
    let replaced = || Bytes::from_static(REDACTED.as_bytes());
    if header("content-encoding").is_some() {
        // The packed bytes cannot be changed, and may hold anything.
        let plain = unpacked(bytes, headers);
        return if plain.len() == bytes.len() || has_name(&plain) { replaced() } else { Bytes::copy_from_slice(bytes) };
    }
    if header("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("x-www-form-urlencoded")) {
        return std::str::from_utf8(bytes).map_or_else(|_| replaced(), |text| form(text).into());
    }
    if !has_name(bytes) {
        return Bytes::copy_from_slice(bytes);
    }
    match std::str::from_utf8(bytes).ok().and_then(redact_json) {
        Some(text) => text.into(),
        None => replaced(),
    }
}

/// Returns a packed body as it is read; any other body as it is.
pub(super) fn unpacked<'b>(bytes: &'b [u8], headers: &[(String, String)]) -> Cow<'b, [u8]> {
    let is_packed = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-encoding")
            && (value.eq_ignore_ascii_case("gzip") || value.eq_ignore_ascii_case("x-gzip"))
    });
    let mut plain = Vec::new();
    if is_packed && GzDecoder::new(bytes).take(UNPACKED_LIMIT).read_to_end(&mut plain).is_ok() {
        return Cow::Owned(plain);
    }
    Cow::Borrowed(bytes)
}

/// Whether one of the names may stand in a body. A name may be written with escapes.
fn has_name(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let contains = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
    // All other names contain one of these.
    ["secret", "token", "assertion", "password", "code=", "device_code", "authorization", "cookie", "\\u"]
        .iter()
        .any(|needle| contains(needle.as_bytes()))
}

/// Returns a JSON text in which the values of secrets are replaced; nothing if it is no JSON.
pub fn redact_json(text: &str) -> Option<String> {
    let mut json = json::parse(text.as_bytes()).ok()?;
    if !redact(&mut json) {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    json.write(&mut out);
    String::from_utf8(out).ok()
}

/// Replaces values, and returns whether there were any. A null is no secret.
fn redact(json: &mut Json<'_>) -> bool {
    match json {
        Json::Array(items) => items.iter_mut().fold(false, |any, item| redact(item) | any),
        Json::Object(members) => members.iter_mut().fold(false, |any, (name, value)| {
            // The requests of a batch have their headers in JSON.
            if (is_secret(name) || is_secret_header(name)) && *value != Json::Null {
                *value = Json::String(REDACTED.into());
                return true;
            }
            if name.eq_ignore_ascii_case("url")
                && let Json::String(address) = value
            {
                let replaced = target(address);
                let is_other = *address != replaced;
                *address = replaced.into();
                return is_other | any;
            }
            redact(value) | any
        }),
        _ => false,
    }
}

fn is_secret_in_form(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    is_secret(&name) || name.eq_ignore_ascii_case(CODE)
}

/// Replaces the values of secrets among `name=value` pairs.
fn form(text: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret_in_form(name) => format!("{name}={REDACTED}"),
        Some((name, value)) if is_filter(name) => {
            filter(value).map_or_else(|| pair.to_owned(), |value| format!("{name}={value}"))
        }
        _ => pair.to_owned(),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn is_filter(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    name.strip_prefix('$').unwrap_or(&name).eq_ignore_ascii_case(FILTER)
}

/// Replaces the texts in a filter that names a secret: one of them may be it. Nothing is returned if it names none.
fn filter(value: &str) -> Option<String> {
    let decoded = value.replace('+', " ");
    let decoded = percent_decode_str(&decoded).decode_utf8_lossy();
    if !NAMES.iter().any(|name| decoded.to_ascii_lowercase().contains(name)) {
        return None;
    }
    // Between two quotes, each second part is a text, and two quotes in a row are one within it.
    let parts: Vec<&str> = decoded.split('\'').collect();
    if parts.len() == 1 {
        return Some(REDACTED.to_owned());
    }
    let mut shown = String::new();
    for (index, part) in parts.iter().enumerate() {
        let is_within = index > 0 && index + 1 < parts.len() && index % 2 == 0 && part.is_empty();
        match (index % 2, is_within) {
            (0, false) => shown.push_str(part),
            (0, true) => {}
            // The text goes on behind a doubled quote.
            _ if shown.ends_with(&format!("'{REDACTED}'")) => {}
            _ => shown.push_str(&format!("'{REDACTED}'")),
        }
    }
    Some(utf8_percent_encode(&shown, ENCODED).to_string())
}
