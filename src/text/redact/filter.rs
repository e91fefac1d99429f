//! Filters and their values.

use crate::text::guid;

/// Names of parameters with a filter, or with expressions of the same form, which may have a `$` in front.
const NAMES: [&str; 3] = ["filter", "search", "orderby"];

/// Returns whether a parameter has a filter.
pub(super) fn is_name(parameter: &str) -> bool {
    // An address can be in the place of a form.
    let name = parameter.rsplit('?').next().unwrap_or_default();
    let name = name.strip_prefix('$').unwrap_or(name);
    NAMES.iter().any(|filter| name.eq_ignore_ascii_case(filter))
}

/// Splits a text at the value of its first filter, which contains blanks and ends in front of the next field.
/// A message that repeats a filter has it at the end.
pub(super) fn split_filter(text: &str) -> Option<(&str, &str, &str)> {
    if let Some(start) = repeated_filter(text) {
        let end = text.rfind('\'').filter(|end| *end > start).unwrap_or(text.len());
        return Some((&text[..start], &text[start..end], &text[end..]))
            .filter(|(_, filter, _)| filter.contains(char::is_whitespace));
    }
    let ends_with_name = |before: &[u8]| {
        NAMES
            .iter()
            .any(|name| before.len() >= name.len() && before[before.len() - name.len()..].eq_ignore_ascii_case(name.as_bytes()))
    };
    let (sign, _) = text.match_indices('=').find(|(at, _)| ends_with_name(&text.as_bytes()[..*at]))?;
    let start = sign + 1;
    let length = text[start..].find('&').unwrap_or(text.len() - start);
    let filter = &text[start..start + length];
    filter.contains(char::is_whitespace).then(|| (&text[..start], filter, &text[start + length..]))
}

/// Returns the beginning of the filter that a message of OData/odata.net repeats: `… at position 7 in 'FILTER'.`, `Unrecognized 'TYPE'
/// literal 'LITERAL' at '7' in 'FILTER'.`
fn repeated_filter(text: &str) -> Option<usize> {
    let starts = text.match_indices(" in '").map(|(at, sign)| (at, at + sign.len()));
    let is_position = |before: &str| {
        let before = before.strip_suffix('\'').unwrap_or(before);
        let label = before.trim_end_matches(|character: char| character.is_ascii_digit());
        label.len() < before.len() && (label.ends_with("position ") || label.ends_with(" at '"))
    };
    let (at, start) = starts.into_iter().find(|(at, _)| is_position(&text[..*at]))?;
    // The literal is a part of the filter.
    Some(text[..at].find(" literal '").map_or(start, |literal| literal + " literal ".len()))
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

    #[test]
    fn filters_are_found_by_the_names_of_their_parameters() {
        for name in ["filter", "$filter", "$FILTER", "$Search", "/x?$filter"] {
            assert!(is_name(name), "{name}");
            let text = format!("see {name}=a eq 'b'&c=d");
            assert_eq!(split_filter(&text), Some((&text[..5 + name.len()], "a eq 'b'", "&c=d")));
        }
        for (message, expected) in [
            ("Syntax error at position 12 in 'secret eq 'a' b'.", Some("secret eq 'a' b")),
            ("There is an unterminated string literal at position 12 in 'secret eq 'a'.", Some("secret eq 'a")),
            (
                "Unrecognized 'Edm.Binary' literal 'a' at '7' in 'secret eq binary'a''.",
                Some("'a' at '7' in 'secret eq binary'a'"),
            ),
            ("the position in 'a b'", None),
            ("Expression expected at position 2 in 'a'.", None),
        ] {
            assert_eq!(split_filter(message).map(|(_, filter, _)| filter), expected, "{message}");
        }
        for text in ["filters=a eq b", "filter a eq b", "filter=a&b c", "x=a b"] {
            assert_eq!(split_filter(text), None, "{text}");
        }
        assert!(!is_name("$filters") && !is_name("filter?x"));
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
}
