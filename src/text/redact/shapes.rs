//! Values that are private by their form, without a name: signed tokens, segments of addresses that grant access, mail addresses, GUIDs.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::names::SecretKind;
use crate::text::guid;

/// The segments of addresses that need no token in front of the one that grants access: of the emulator, and of copies in `SharePoint`
/// (learn.microsoft.com/graph/long-running-actions-overview).
const GRANTS: [&str; 4] = ["_content", "_monitor", "_upload", "monitor"];

/// The beginnings of segments that grant access to content in `OneDrive`, and their least length.
const GRANTING: [&str; 2] = ["y4m", "y4p"];
const GRANTING_LENGTH: usize = 16;

/// The longest text that can be one of `GRANTS`, each character percent-encoded.
const GRANT_LENGTH: usize = 24;

/// Returns the start and the end of the segment of an address at `start`, a slash, that grants access.
fn grant_at(text: &str, start: usize) -> Option<(usize, usize)> {
    let rest = &text.as_bytes()[start + 1..];
    let start = start + 1;
    if GRANTING.iter().any(|beginning| rest.starts_with(beginning.as_bytes())) {
        return segment_at(text, start).filter(|(start, end)| end - start >= GRANTING_LENGTH);
    }
    let length = rest.iter().take(GRANT_LENGTH + 1).position(|byte| *byte == b'/')?;
    let segment = percent_decode(&rest[..length]);
    if !GRANTS.iter().any(|name| segment.clone().eq(name.bytes())) {
        return None;
    }
    segment_at(text, start + length + 1)
}

/// Returns the start and the end of the segment of an address at `start`, without what cannot belong to one.
fn segment_at(text: &str, start: usize) -> Option<(usize, usize)> {
    let is_of_segment = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~%=+".contains(byte);
    let length = text.as_bytes()[start..].iter().take_while(|byte| is_of_segment(byte)).count();
    (length > 0).then_some((start, start + length))
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

/// Replaces signed tokens, segments of addresses that grant access, mail addresses and GUIDs by the text that `replacement` returns; nothing keeps the value.
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
        if *byte == b'/' {
            found.extend(grant_at(text, start).map(|(from, to)| (from, to, SecretKind::Token)));
        } else if *byte == b'@' {
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
            ("http://a/_world/b/_content/c-_d?e", "http://a/_world/b/_content/<token 4>?e"),
            ("/_upload/05227533379e4a0a9d17afe306a1e10d", "/_upload/<token 32>"),
            ("see /_monitor/eyJhbGciOiJub25lIn0.eyJhIjoxfQ, /_monitor/", "see /_monitor/<token 30>, /_monitor/"),
            ("/%5Fupload/05227533379e4a0a9d17afe306a1e10d", "/%5Fupload/<token 32>"),
            ("/_up%6coad/05227533379e4a0a9d17afe306a1e10d?a", "/_up%6coad/<token 32>?a"),
            ("https://c.sharepoint.com/_api/v2.0/monitor/4AWb-c", "https://c.sharepoint.com/_api/v2.0/monitor/<token 6>"),
            ("https://public.bn.files.1drv.com/y4mPLANTa1HuShqQwErTy/f.txt", "https://public.bn.files.1drv.com/<token 21>/f.txt"),
            ("/y4m/a /y4p-short", "/y4m/a /y4p-short"),
            ("/content/a /_uploads/b", "/content/a /_uploads/b"),
        ] {
            assert_eq!(marked(text), expected);
        }
    }

    #[test]
    fn long_texts_are_searched_in_linear_time() {
        for piece in ["@", "a@", "a@b.", "eyJ", "eyJ-", "eyJ.", "0", "0-", "%40", "a.b@c.de ", "/_content/"] {
            let long = piece.repeat(200_000);
            let _ = replace_forms(&long, &mut |_, _| None);
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_searched(text in prop_oneof![any::<String>(), "[a0@.eyJé-]{0,48}"]) {
            let _ = (marked(&text), guid::contains_guid(&text));
        }
    }
}
