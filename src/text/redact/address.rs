//! Addresses and forms, recognized among other texts, and their parts.

use std::ops::Range;

/// The length up to which `user:password` is searched for where no address has it, which keeps the search linear.
const LONGEST_USERINFO: usize = 512;

/// Words in front of a colon and a mail address, which name no user.
const NOT_USERS: &[&str] =
    &["acct", "email", "eum", "im", "mail", "mailto", "sip", "sips", "smtp", "spo", "tel", "to", "x500", "xmpp"];

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

/// Returns the length of the `user:password` with which an authority begins.
pub(crate) fn userinfo_length(text: &str) -> Option<usize> {
    text[..text.find(['/', '?', '#']).unwrap_or(text.len())].rfind('@')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_are_distinguished_from_other_texts() {
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
    }

    #[test]
    fn an_address_with_blanks_is_distinguished_from_a_text_around_one() {
        for address in
            ["https://me:a word@a.test/b c", "amqp://me:word@a.test/b c", "/x?$filter=a eq 'b'", "https://a.test/?a=b c"]
        {
            assert!(is_whole_address(address), "{address}");
        }
        for other in ["see https://me:word@a.test/b", "https://a.test/b c", "see /x?a=b", "/x?a b=c", "/x?a", "/x?=b", "a b"] {
            assert!(!is_whole_address(other), "{other}");
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
            ("see admin:@10.0.0.5", None),
            ("see admin:P@10.0.0.5", Some("admin:P")),
            ("url=admin:p=w@[::1]", Some("admin:p=w")),
            ("https://admin:pa/ss?w@10.0.0.5/x", Some("admin:pa/ss?w")),
        ] {
            assert_eq!(userinfo(text).map(|range| &text[range]), expected);
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_searched(text in prop_oneof![any::<String>(), "[a0@.eyJé-]{0,48}"]) {
            let _ = (looks_like_a_form(&text), looks_like_an_address(&text), userinfo(&text));
        }
    }
}
