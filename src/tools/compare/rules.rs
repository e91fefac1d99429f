//! The treatment of each place in a comparison: built-in rows, and the rules file of a folder.

use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the rules file of a folder.
pub(crate) const FILE: &str = "compare.rules";

/// The treatment of the values at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// They must be equal, except for ids that are followed.
    Exact,
    /// They must have the same shape; ids are followed from here on.
    Volatile,
    /// They must be equal after scheme and host.
    Host,
    /// They may differ or be absent.
    Ignore,
}

/// Headers that are not compared exactly. Message framing is not part of the message.
const HEADERS: &[(&str, Treatment)] = &[
    ("age", Treatment::Ignore),
    ("connection", Treatment::Ignore),
    ("content-encoding", Treatment::Ignore),
    // Of content: the emulator keeps a page in a file away from its own origin.
    ("content-security-policy", Treatment::Ignore),
    ("content-length", Treatment::Ignore),
    ("keep-alive", Treatment::Ignore),
    ("set-cookie", Treatment::Ignore),
    ("transfer-encoding", Treatment::Ignore),
    ("x-wfi-emulator-explain", Treatment::Ignore),
    ("client-request-id", Treatment::Volatile),
    ("date", Treatment::Volatile),
    ("etag", Treatment::Volatile),
    ("request-id", Treatment::Volatile),
    ("retry-after", Treatment::Volatile),
    ("x-ms-ags-diagnostic", Treatment::Volatile),
    ("x-ms-request-id", Treatment::Volatile),
    ("location", Treatment::Host),
    ("odata-entityid", Treatment::Host),
];

/// The place of the headers of answers in a batch.
const HEADERS_IN_BATCH: &str = "$.responses[*].headers.*";

/// Members that are not compared exactly, at any depth. `*` matches any text.
const MEMBERS: &[(&str, Treatment)] = &[
    ("id", Treatment::Volatile),
    ("tenantId", Treatment::Volatile),
    ("request-id", Treatment::Volatile),
    ("client-request-id", Treatment::Volatile),
    ("date", Treatment::Volatile),
    ("*DateTime", Treatment::Volatile),
    ("*@odata.etag", Treatment::Volatile),
    ("*@odata.context", Treatment::Host),
    ("*@odata.nextLink", Treatment::Host),
    ("*@odata.deltaLink", Treatment::Host),
    ("*@odata.id", Treatment::Host),
    ("*@odata.editLink", Treatment::Host),
];

/// The rules of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompareRules {
    /// The fixtures of the emulator, instead of the entities in the recording.
    pub(super) fixtures: Option<PathBuf>,
    /// The profile of behaviors.
    pub(super) profile: Option<String>,
    /// The behaviors, `(name, value)`.
    pub(super) behaviors: Vec<(String, String)>,
    rows: Vec<RuleRow>,
    /// Places of objects that may have unrecorded members, `(place, exchange)`.
    shortened: Vec<(String, Option<String>)>,
    known: Vec<KnownDifference>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RuleRow {
    treatment: Treatment,
    place: String,
    exchange: Option<String>,
}

/// A rule for a known difference, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownDifference {
    pub(super) line: usize,
    place: String,
    exchange: String,
    pub(super) reason: String,
}

impl KnownDifference {
    /// Describes the rule, with its line, for reports.
    pub(super) fn describe(&self) -> String {
        format!("{FILE}:{}: known {} in {}: {}", self.line, self.place, self.exchange, self.reason)
    }
}

/// A syntax error in a rules file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The line of the error, from one.
    pub line: usize,
    /// The problem, with the expected syntax.
    pub reason: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}:{}: {}", self.line, self.reason)
    }
}

impl CompareRules {
    /// Reads the rules file of a folder; returns empty rules without one.
    pub(super) fn of_folder(folder: &Path) -> Result<CompareRules, String> {
        let path = folder.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let mut rules = CompareRules::read(&text).map_err(|error| format!("{}: {}", folder.display(), error))?;
                rules.fixtures = rules.fixtures.map(|fixtures| folder.join(fixtures));
                Ok(rules)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(CompareRules::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Reads the text of a rules file.
    ///
    /// # Errors
    ///
    /// Fails on the first invalid rule.
    pub fn read(text: &str) -> Result<CompareRules, RulesError> {
        let mut rules = CompareRules::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            rules.add(index + 1, line).map_err(|reason| RulesError { line: index + 1, reason })?;
        }
        Ok(rules)
    }

    fn add(&mut self, number: usize, line: &str) -> Result<(), String> {
        let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if rest.is_empty() {
            return Err(format!("missing argument after '{keyword}'"));
        }
        let treatment = match keyword {
            "fixtures" => {
                self.fixtures = Some(PathBuf::from(rest));
                return Ok(());
            }
            "profile" => {
                self.profile = Some(rest.to_owned());
                return Ok(());
            }
            "behavior" => {
                let (name, value) =
                    rest.split_once('=').ok_or_else(|| format!("invalid behavior '{rest}', expected name=value"))?;
                self.behaviors.push((name.trim().to_owned(), value.trim().to_owned()));
                return Ok(());
            }
            "known" => {
                let invalid = || format!("invalid rule '{line}', expected known PLACE in EXCHANGE: REASON");
                let (place, rest) = rest.split_once(" in ").ok_or_else(invalid)?;
                let (exchange, reason) = rest.split_once(": ").ok_or_else(invalid)?;
                let [place, exchange, reason] = [place, exchange, reason].map(|part| part.trim().to_owned());
                self.known.push(KnownDifference { line: number, place: validated(place)?, exchange, reason });
                return Ok(());
            }
            "shortened" => {
                let (place, exchange) = place_and_exchange(rest)?;
                self.shortened.push((place, exchange));
                return Ok(());
            }
            "exact" => Treatment::Exact,
            "volatile" => Treatment::Volatile,
            "host" => Treatment::Host,
            "ignore" => Treatment::Ignore,
            _ => {
                return Err(format!(
                    "unknown rule '{keyword}', expected exact, volatile, host, ignore, shortened, known, fixtures, profile or behavior"
                ));
            }
        };
        let (place, exchange) = place_and_exchange(rest)?;
        self.rows.push(RuleRow { treatment, place, exchange });
        Ok(())
    }

    /// Returns whether an object may have members that are not recorded.
    pub(super) fn is_shortened(&self, place: &str, exchange: &str) -> bool {
        let is_of = |pattern: &Option<String>| pattern.as_deref().is_none_or(|pattern| matches_exchange(pattern, exchange));
        self.shortened.iter().any(|(pattern, of)| matches(pattern, place) && is_of(of))
    }

    /// Returns the treatment of a place: that of the first rule of the file that matches, else that of the built-in row.
    pub(super) fn treatment(&self, place: &str, member: Option<&str>, exchange: &str) -> Treatment {
        let of_file = self.rows.iter().find(|row| {
            matches(&row.place, place) && row.exchange.as_deref().is_none_or(|pattern| matches_exchange(pattern, exchange))
        });
        if let Some(row) = of_file {
            return row.treatment;
        }
        let header = |name: &str| HEADERS.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        let built_in = match (place.strip_prefix("header:"), member) {
            (Some(name), _) => header(name),
            // The headers of an answer in a batch have the treatment of headers.
            (None, Some(name)) if matches(HEADERS_IN_BATCH, place) => header(name),
            (None, member) => member.and_then(|member| MEMBERS.iter().find(|(pattern, _)| matches(pattern, member))),
        };
        built_in.map_or(Treatment::Exact, |(_, treatment)| *treatment)
    }

    /// Returns the index of the rule that lists a difference as known.
    pub(super) fn known(&self, place: &str, exchange: &str) -> Option<usize> {
        self.known.iter().position(|known| matches(&known.place, place) && matches_exchange(&known.exchange, exchange))
    }

    /// Returns the rules for known differences.
    pub(super) fn all_known(&self) -> &[KnownDifference] {
        &self.known
    }
}

fn place_and_exchange(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once(" in ") {
        Some((place, exchange)) => Ok((validated(place.trim().to_owned())?, Some(exchange.trim().to_owned()))),
        None => Ok((validated(text.to_owned())?, None)),
    }
}

fn validated(place: String) -> Result<String, String> {
    let has_valid_start =
        place == "status" || place.starts_with("header:") || place.starts_with('$') || place == "body" || place.starts_with('*');
    if has_valid_start && !place.contains(char::is_whitespace) {
        return Ok(place);
    }
    Err(format!("invalid place '{place}', expected status, header:name, body or a path such as $.value[*].id"))
}

/// Returns whether a pattern matches an exchange with the name `file#number name`: its file, file and number, or the whole name.
fn matches_exchange(pattern: &str, exchange: &str) -> bool {
    let number = exchange.split(' ').next().unwrap_or_default();
    let file = number.split('#').next().unwrap_or_default();
    [file, number, exchange].iter().any(|name| matches(pattern, name))
}

/// Returns whether a text matches a pattern, in which `*` matches any text, also an empty one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_matches_any_text() {
        for (pattern, text) in
            [("$.a", "$.a"), ("$.value[*].id", "$.value[12].id"), ("*", ""), ("$*id", "$.a.b.id"), ("a*b*c", "abbc")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("$.a", "$.ab"), ("$.value[*].id", "$.value[1].ids"), ("a*a", "a"), ("", "a"), ("a*b*c", "acb")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = CompareRules::read(
            "# how\n\nexact $.id in update.hurl#2\nignore $.id\nvolatile header:x-a\nknown $.url in a.hurl: the page: differs\n",
        )
        .unwrap();
        assert_eq!(rules.treatment("$.id", Some("id"), "update.hurl#2 name"), Treatment::Exact);
        assert_eq!(rules.treatment("$.id", Some("id"), "update.hurl#1 name"), Treatment::Ignore);
        assert_eq!(rules.treatment("$.value[0].id", Some("id"), "x"), Treatment::Volatile);
        assert_eq!(rules.treatment("header:x-a", None, "x"), Treatment::Volatile);
        assert_eq!(rules.treatment("header:x-b", None, "x"), Treatment::Exact);
        assert_eq!(rules.treatment("$.createdDateTime", Some("createdDateTime"), "x"), Treatment::Volatile);
        let in_batch = |name: &str| rules.treatment(&format!("$.responses[7].headers.{name}"), Some(name), "x");
        let treatments = ["Location", "Retry-After", "Content-Type"].map(in_batch);
        assert_eq!(treatments, [Treatment::Host, Treatment::Volatile, Treatment::Exact]);
        assert_eq!(rules.known("$.url", "a.hurl#1 get"), Some(0));
        assert_eq!(rules.known("$.url", "b.hurl#1 get"), None);
        assert_eq!(rules.all_known()[0].reason, "the page: differs");
    }

    #[test]
    fn invalid_rules_are_rejected_with_their_line() {
        for (text, message) in [
            ("\nfoo bar", "compare.rules:2: unknown rule 'foo', expected exact"),
            ("exact", "compare.rules:1: missing argument after 'exact'"),
            ("exact id", "compare.rules:1: invalid place 'id', expected status"),
            ("known $.a", "compare.rules:1: invalid rule 'known $.a', expected known PLACE in EXCHANGE: REASON"),
            ("behavior x", "compare.rules:1: invalid behavior 'x', expected name=value"),
        ] {
            let error = CompareRules::read(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_can_be_read(text in prop_oneof![any::<String>(), "((exact|known|ignore) [$.a*]{0,3}( in [a*]{0,2})?(: )?a?\n){0,3}"]) {
            let _ = CompareRules::read(&text);
        }

        #[test]
        fn any_pattern_can_be_matched(pattern in "[a*]{0,8}", text in "[a]{0,8}") {
            let _ = matches(&pattern, &text);
        }
    }
}
