//! Rules for recordings: the table of names, and the rows that a file adds to it.

use std::fmt;

use super::names::{self, NamePlace, SecretKind};
use crate::text::guid;

/// Values that are the same in every Entra tenant: the empty GUID and Microsoft Graph's application id.
const PUBLIC_IDS: &[&str] = &["00000000-0000-0000-0000-000000000000", "00000003-0000-0000-c000-000000000000"];

/// The length up to which an id is a number within a message, such as that of an item of a batch.
const SHORT_ID: usize = 12;

/// The rules of a file, in addition to the table of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionRules {
    headers: Vec<(String, SecretKind)>,
    members: Vec<(String, SecretKind)>,
    words: Vec<String>,
    kept: Vec<String>,
}

/// Describes why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactionRulesError {
    /// The line at fault.
    pub line: usize,
    /// The text that was found and the forms that were expected.
    pub reason: String,
}

impl fmt::Display for RedactionRulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for RedactionRulesError {}

impl RedactionRules {
    /// Reads the text of a file: lines `header NAME KIND`, `member NAME KIND` (also for parameters), `word TEXT`, `keep TEXT`.
    ///
    /// # Errors
    ///
    /// Fails on the first line that is not a rule.
    pub fn read(text: &str) -> Result<RedactionRules, RedactionRulesError> {
        let mut rules = RedactionRules::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let rest = rest.trim();
            let named = || {
                let (name, kind) = rest.split_once(char::is_whitespace)?;
                Some((names::normalized(name), SecretKind::from_name(kind.trim())?))
            };
            match (verb, named()) {
                ("", _) => {}
                (comment, _) if comment.starts_with('#') => {}
                ("header", Some(row)) => rules.headers.push(row),
                ("member", Some(row)) => rules.members.push(row),
                ("word", _) if rest.len() > 1 => rules.words.push(rest.to_owned()),
                ("keep", _) if !rest.is_empty() => rules.kept.push(rest.to_owned()),
                _ => {
                    let reason = format!(
                        "found '{line}', expected header NAME KIND, member NAME KIND, word TEXT or keep TEXT, where KIND is token, secret, cookie, name, mail or id"
                    );
                    return Err(RedactionRulesError { line: index + 1, reason });
                }
            }
        }
        Ok(rules)
    }

    /// Classifies the value of a name.
    pub(super) fn classify(&self, place: NamePlace, name: &str) -> Option<SecretKind> {
        let own_rows: &[&[(String, SecretKind)]] = match place {
            NamePlace::Header => &[&self.headers],
            // The items of a batch have their headers as members.
            NamePlace::Member => &[&self.members, &self.headers],
            NamePlace::Parameter => &[&self.members],
        };
        let normalized = names::normalized(name);
        let own = own_rows.iter().copied().flatten().find(|(other, _)| *other == normalized).map(|(_, kind)| *kind);
        own.or_else(|| names::classify(place, name))
    }

    /// Classifies the value of a member, which may be an id by its form.
    pub(super) fn member(&self, name: &str, value: &str) -> Option<SecretKind> {
        if value.is_empty() || self.keeps(value) {
            return None;
        }
        // An id other than a GUID has no form of its own; an id that contains a GUID is found by that.
        let is_id = name.eq_ignore_ascii_case("id") || !name.contains('@') && (name.ends_with("Id") || name.ends_with("_id"));
        let is_long_id = is_id && value.len() > SHORT_ID && !guid::contains_guid(value) && !value.contains(' ');
        self.classify(NamePlace::Member, name).or(is_long_id.then_some(SecretKind::Id))
    }

    /// Returns whether a filter mentions a private member.
    pub(super) fn mentions(&self, filter: &str) -> bool {
        let mentions_own = || {
            let filter = names::normalized_text(filter);
            self.members.iter().any(|(member, _)| filter.contains(member))
        };
        names::mentions_private(filter) || mentions_own()
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn keeps(&self, value: &str) -> bool {
        PUBLIC_IDS.iter().any(|id| id.eq_ignore_ascii_case(value)) || self.kept.iter().any(|kept| kept == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_adds_rules_and_a_wrong_line_is_named() {
        let rules =
            RedactionRules::read("# ours\nheader X-Site name\nmember costCenter secret\nword Contoso\nkeep WFI_1\n").unwrap();
        assert_eq!(rules.classify(NamePlace::Header, "x-site"), Some(SecretKind::Name));
        assert_eq!(rules.classify(NamePlace::Parameter, "costcenter"), Some(SecretKind::Secret));
        assert_eq!(rules.classify(NamePlace::Parameter, "x-site"), None);
        assert_eq!((rules.member("CostCenter", "1"), rules.member("costCenter", "WFI_1")), (Some(SecretKind::Secret), None));
        assert!(rules.mentions("costCenter eq '1'"));
        for text in ["header x", "\nmember a b", "word", "what is this"] {
            assert!(RedactionRules::read(text).unwrap_err().to_string().contains("found '"), "{text}");
        }
    }
}
