//! Names of worlds: the path prefix, the header, and the choice between them.

use std::borrow::Cow;

use http::header::HeaderMap;

/// The beginnings of a path that names its world. The second is the former one, which stays accepted.
const PREFIXES: [&str; 2] = ["/_world/", "/_tenant/"];

/// The header that names the world of a request.
pub(crate) const HEADER: &str = "x-wfi-emulator-world";

/// The former header, which stays accepted. [`HEADER`] takes precedence.
pub(crate) const FORMER_HEADER: &str = "x-wfi-emulator-tenant";

/// The name of the world of requests that name none.
pub(crate) const DEFAULT: &str = "default";

/// The longest name, in bytes.
pub(crate) const NAME_LIMIT: usize = 128;

/// Returns a text as the beginning of a name: its characters that a name may have, the last hundred of them.
pub(crate) fn labeled(text: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    let clean: String = text.chars().map(|c| if is_allowed(c) { c } else { '-' }).collect();
    let clean = clean[clean.len().saturating_sub(100)..].trim_start_matches('-');
    if clean.is_empty() { "world".to_owned() } else { clean.to_owned() }
}

/// Returns the part of a path that names a world, as the client wrote it: `/_world/a` of `/_world/a/v1.0`. It is empty if the path
/// names no world.
pub(crate) fn prefix_of(path: &str) -> &str {
    split(path).map_or("", |(prefix, _)| prefix)
}

/// Returns prefix and name of a path that names a world.
fn split(path: &str) -> Option<(&str, &str)> {
    // Nearly every path fails here, on its second byte.
    if !path.starts_with("/_") {
        return None;
    }
    let start = PREFIXES.iter().find(|prefix| path.starts_with(**prefix))?.len();
    let end = path[start..].find('/').map_or(path.len(), |length| start + length);
    Some((&path[..end], &path[start..end]))
}

/// Returns a text whose links have no prefix that names a world: `http://localhost/v1.0` for `http://localhost/_world/a/v1.0`.
pub(crate) fn without_worlds(text: &str) -> Cow<'_, str> {
    let mut without = String::new();
    let mut rest = 0;
    for (at, _) in text.match_indices("/_") {
        let Some(prefix) = PREFIXES.iter().find(|prefix| text[at..].starts_with(**prefix)).filter(|_| at >= rest) else {
            continue;
        };
        let name = &text[at + prefix.len()..];
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "._~-".contains(c))).unwrap_or(name.len());
        if is_valid(&name[..end]) && follows_authority(&text[rest..at]) {
            without.push_str(&text[rest..at]);
            rest = at + prefix.len() + end;
        }
    }
    if rest == 0 { Cow::Borrowed(text) } else { Cow::Owned(without + &text[rest..]) }
}

/// Whether a text ends with scheme and authority of a link.
fn follows_authority(text: &str) -> bool {
    let is_of_authority = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(byte);
    let length = text.bytes().rev().take(300).take_while(|byte| is_of_authority(byte)).count();
    length > 0 && text[..text.len() - length].ends_with("://")
}

/// Returns the name of the world that a request asks for: from its path, else from its header, else from its token.
pub(crate) fn requested<'r>(
    path: &'r str,
    headers: &'r HeaderMap,
    token_tenant: impl FnOnce() -> Option<String>,
) -> Option<Cow<'r, str>> {
    if let Some((_, name)) = split(path) {
        return Some(name.into());
    }
    // A scan over a few headers is cheaper than hashing two names.
    let mut former = None;
    for (name, value) in headers {
        match name.as_str() {
            HEADER => return Some(String::from_utf8_lossy(value.as_bytes())),
            FORMER_HEADER => former = former.or(Some(value)),
            _ => {}
        }
    }
    match former {
        Some(value) => Some(String::from_utf8_lossy(value.as_bytes())),
        None => token_tenant().map(Cow::Owned),
    }
}

/// Whether a name is a version of Graph. A base address without a slash at its end loses its last segment, so that the version takes the
/// place of the name.
pub(crate) fn is_version(name: &str) -> bool {
    ["v1.0", "beta"].iter().any(|version| name.eq_ignore_ascii_case(version))
}

/// Returns whether a text is a valid name: one segment of a path, without escapes, and no version of Graph.
pub(crate) fn is_valid(name: &str) -> bool {
    if is_version(name) {
        return false;
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(is_allowed) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HeaderName;

    use super::*;

    #[test]
    fn links_lose_the_prefix_that_names_a_world() {
        for (text, expected) in [
            ("http://localhost:1/_world/a/v1.0", "http://localhost:1/v1.0"),
            (r#"{"a":"https://[::1]/_tenant/a.b-c","b":"http://h/_world/x?c"}"#, r#"{"a":"https://[::1]","b":"http://h?c"}"#),
            ("http://h/_world/a/_world/b", "http://h/_world/b"),
            ("/_world/a/v1.0", "/_world/a/v1.0"),
            ("http://h/v1.0/_world/a", "http://h/v1.0/_world/a"),
            ("http://h/_world/", "http://h/_world/"),
            ("http://h/_world/v1.0/me", "http://h/_world/v1.0/me"),
            ("http:///_world/a", "http:///_world/a"),
            ("http://h/_worlds/a", "http://h/_worlds/a"),
            ("\u{e9}http://h/_world/a\u{e9}", "\u{e9}http://h\u{e9}"),
        ] {
            assert_eq!(without_worlds(text), expected);
        }
    }

    #[test]
    fn a_prefix_ends_with_the_name() {
        for (path, prefix) in [
            ("/_world/a/v1.0/x", "/_world/a"),
            ("/_world/a", "/_world/a"),
            ("/_world//v1.0", "/_world/"),
            ("/_tenant/a/v1.0/x", "/_tenant/a"),
            ("/_tenant/a", "/_tenant/a"),
            ("/_tenant//v1.0", "/_tenant/"),
            ("/_world/_tenant/b", "/_world/_tenant"),
            ("/_tenant/_world/b", "/_tenant/_world"),
            ("/_world", ""),
            ("/_worlds/a", ""),
            ("/_World/a", ""),
            ("/_tenant", ""),
            ("/_tenants/a", ""),
            ("/v1.0/_world/a", ""),
            ("/v1.0/_tenant/a", ""),
            ("/", ""),
            ("", ""),
        ] {
            assert_eq!(prefix_of(path), prefix, "{path}");
        }
    }

    #[test]
    fn the_path_precedes_the_headers_and_the_new_header_the_former() {
        let headers = |values: &[(&'static str, &'static str)]| -> HeaderMap {
            values.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
        };
        let (both, reversed) = ([(HEADER, "new"), (FORMER_HEADER, "former")], [(FORMER_HEADER, "former"), (HEADER, "new")]);
        for (path, values, name) in [
            ("/_world/path/v1.0", &both[..], Some("path")),
            ("/_tenant/path/v1.0", &both[..], Some("path")),
            ("/v1.0", &both[..], Some("new")),
            ("/v1.0", &reversed[..], Some("new")),
            ("/v1.0", &both[..1], Some("new")),
            ("/v1.0", &both[1..], Some("former")),
            ("/v1.0", &[(FORMER_HEADER, "")][..], Some("")),
            ("/v1.0", &[("accept", "*/*")][..], Some("token")),
        ] {
            let headers = headers(values);
            assert_eq!(requested(path, &headers, || Some("token".to_owned())).as_deref(), name, "{path} {values:?}");
        }
        assert_eq!(requested("/v1.0", &HeaderMap::new(), || None), None);
    }

    #[test]
    fn a_name_is_one_segment_without_escapes() {
        for name in ["a", "A-1_b.c~d", "...", &"x".repeat(NAME_LIMIT)] {
            assert!(is_valid(name), "{name}");
        }
        for name in ["v1.0", "Beta", "", ".", "..", "a b", "a/b", "a%20b", "ä", &"x".repeat(NAME_LIMIT + 1)] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
