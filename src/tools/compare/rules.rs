//! What is compared how, place by place: the built-in rows, and the rules of a file beside the recordings.

use std::fmt;
use std::path::{Path, PathBuf};

/// The name of the file with the rules of a folder.
pub const FILE: &str = "compare.rules";

/// How the values at a place are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// They must be equal, but for ids that are followed.
    Exact,
    /// They must have the same shape; ids are followed from here on.
    Volatile,
    /// They must be equal behind scheme and host.
    Host,
    /// They need not be there.
    Ignore,
}

/// Headers that are not compared exactly. How a message is framed is no part of what it says.
const HEADERS: &[(&str, Treatment)] = &[
    ("age", Treatment::Ignore),
    ("connection", Treatment::Ignore),
    ("content-encoding", Treatment::Ignore),
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

/// Where the headers of the answers in a batch stand.
const HEADERS_IN_BATCH: &str = "$.responses[*].headers.*";

/// Members that are not compared exactly, wherever they stand. A star at the start stands for any text.
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
    /// The fixtures that the emulator starts with, if not those that the recording shows.
    pub(super) fixtures: Option<PathBuf>,
    /// The profile of behaviors.
    pub(super) profile: Option<String>,
    /// Behaviors, `(name, value)`.
    pub(super) behaviors: Vec<(String, String)>,
    rows: Vec<RuleRow>,
    /// Where recorded objects may lack members, `(place, exchange)`.
    shortened: Vec<(String, Option<String>)>,
    known: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RuleRow {
    treatment: Treatment,
    place: String,
    exchange: Option<String>,
}

/// A difference that is known, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) line: usize,
    place: String,
    exchange: String,
    pub(super) reason: String,
}

impl Known {
    /// Names the rule for people.
    pub(super) fn describe(&self) -> String {
        format!("{FILE}:{}: known {} in {}: {}", self.line, self.place, self.exchange, self.reason)
    }
}

/// Describes why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The line at fault.
    pub line: usize,
    /// What was found and what was expected.
    pub reason: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}:{}: {}", self.line, self.reason)
    }
}

impl CompareRules {
    /// Reads the rules of a folder; without a file there are none.
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

    /// Reads the text of a file of rules.
    ///
    /// # Errors
    ///
    /// Fails on the first line that is no rule.
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
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if rest.is_empty() {
            return Err(format!("found '{line}', expected something behind '{verb}'"));
        }
        let treatment = match verb {
            "fixtures" => {
                self.fixtures = Some(PathBuf::from(rest));
                return Ok(());
            }
            "profile" => {
                self.profile = Some(rest.to_owned());
                return Ok(());
            }
            "behavior" => {
                let (name, value) = rest.split_once('=').ok_or_else(|| format!("found '{rest}', expected name=value"))?;
                self.behaviors.push((name.trim().to_owned(), value.trim().to_owned()));
                return Ok(());
            }
            "known" => {
                let wrong = || format!("found '{line}', expected known PLACE in EXCHANGE: REASON");
                let (place, rest) = rest.split_once(" in ").ok_or_else(wrong)?;
                let (exchange, reason) = rest.split_once(": ").ok_or_else(wrong)?;
                let [place, exchange, reason] = [place, exchange, reason].map(|part| part.trim().to_owned());
                self.known.push(Known { line: number, place: checked(place)?, exchange, reason });
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
                    "found '{verb}', expected exact, volatile, host, ignore, shortened, known, fixtures, profile or behavior"
                ));
            }
        };
        let (place, exchange) = place_and_exchange(rest)?;
        self.rows.push(RuleRow { treatment, place, exchange });
        Ok(())
    }

    /// Tells whether members that came with an object need not be recorded.
    pub(super) fn is_shortened(&self, place: &str, exchange: &str) -> bool {
        let is_of = |pattern: &Option<String>| pattern.as_deref().is_none_or(|pattern| names(pattern, exchange));
        self.shortened.iter().any(|(pattern, of)| fits(pattern, place) && is_of(of))
    }

    /// Returns how a place is compared. The first rule of the file that fits decides, then the built-in rows.
    pub(super) fn treatment(&self, place: &str, member: Option<&str>, exchange: &str) -> Treatment {
        let of_file = self
            .rows
            .iter()
            .find(|row| fits(&row.place, place) && row.exchange.as_deref().is_none_or(|pattern| names(pattern, exchange)));
        if let Some(row) = of_file {
            return row.treatment;
        }
        let header = |name: &str| HEADERS.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        let built_in = match (place.strip_prefix("header:"), member) {
            (Some(name), _) => header(name),
            // The headers of an answer in a batch are those that it would have alone.
            (None, Some(name)) if fits(HEADERS_IN_BATCH, place) => header(name),
            (None, member) => member.and_then(|member| MEMBERS.iter().find(|(pattern, _)| fits(pattern, member))),
        };
        built_in.map_or(Treatment::Exact, |(_, treatment)| *treatment)
    }

    /// Returns the index of the rule that knows a difference.
    pub(super) fn known(&self, place: &str, exchange: &str) -> Option<usize> {
        self.known.iter().position(|known| fits(&known.place, place) && names(&known.exchange, exchange))
    }

    /// Returns the rules for differences that are known.
    pub(super) fn all_known(&self) -> &[Known] {
        &self.known
    }
}

fn place_and_exchange(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once(" in ") {
        Some((place, exchange)) => Ok((checked(place.trim().to_owned())?, Some(exchange.trim().to_owned()))),
        None => Ok((checked(text.to_owned())?, None)),
    }
}

fn checked(place: String) -> Result<String, String> {
    let begins =
        place == "status" || place.starts_with("header:") || place.starts_with('$') || place == "body" || place.starts_with('*');
    if begins && !place.contains(char::is_whitespace) {
        return Ok(place);
    }
    Err(format!("found the place '{place}', expected status, header:name, body or a path such as $.value[*].id"))
}

/// Tells whether a pattern names an exchange, whose own name is `file#number name`: by its file, by file and number, or by all of it.
fn names(pattern: &str, exchange: &str) -> bool {
    let number = exchange.split(' ').next().unwrap_or_default();
    let file = number.split('#').next().unwrap_or_default();
    [file, number, exchange].iter().any(|name| fits(pattern, name))
}

/// Tells whether a text fits a pattern in which `*` stands for any text, also an empty one.
fn fits(pattern: &str, text: &str) -> bool {
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
    fn a_star_stands_for_any_text() {
        for (pattern, text) in
            [("$.a", "$.a"), ("$.value[*].id", "$.value[12].id"), ("*", ""), ("$*id", "$.a.b.id"), ("a*b*c", "abbc")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("$.a", "$.ab"), ("$.value[*].id", "$.value[1].ids"), ("a*a", "a"), ("", "a"), ("a*b*c", "acb")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
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
        let told = ["Location", "Retry-After", "Content-Type"].map(in_batch);
        assert_eq!(told, [Treatment::Host, Treatment::Volatile, Treatment::Exact]);
        assert_eq!(rules.known("$.url", "a.hurl#1 get"), Some(0));
        assert_eq!(rules.known("$.url", "b.hurl#1 get"), None);
        assert_eq!(rules.all_known()[0].reason, "the page: differs");
    }

    #[test]
    fn what_is_no_rule_is_named_with_its_line() {
        for (text, found) in [
            ("\nfoo bar", "compare.rules:2: found 'foo', expected exact"),
            ("exact", "compare.rules:1: found 'exact', expected something"),
            ("exact id", "compare.rules:1: found the place 'id', expected status"),
            ("known $.a", "compare.rules:1: found 'known $.a', expected known PLACE in EXCHANGE: REASON"),
            ("behavior x", "compare.rules:1: found 'x', expected name=value"),
        ] {
            let error = CompareRules::read(text).unwrap_err().to_string();
            assert!(error.starts_with(found), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_may_be_read(text in prop_oneof![any::<String>(), "((exact|known|ignore) [$.a*]{0,3}( in [a*]{0,2})?(: )?a?\n){0,3}"]) {
            let _ = CompareRules::read(&text);
        }

        #[test]
        fn any_pattern_may_be_tried(pattern in "[a*]{0,8}", text in "[a]{0,8}") {
            let _ = fits(&pattern, &text);
        }
    }
}
