//! Secrets that a name or a scheme precedes, in any text.

use std::ops::Range;

use super::encodings::{base64_text, fully_decoded};
use super::names::{self, NamePlace, SecretKind};

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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(credentials(text).is_empty(), "{text}");
        }
    }
}
