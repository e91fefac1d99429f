//! Patterns of paths, by which fault rules and journal queries select requests.

use std::fmt;
use std::str::FromStr;

use crate::edm::segment::segments;

/// A pattern of paths: segments separated by slashes, of which `*` stands for any one, and `**` at the end for any number of them.
///
/// Segments are compared decoded and in any case, as the service compares them, and a key in parentheses is a segment of its own:
/// `/teams('1')/schedule` is `/teams/1/schedule`. An asterisk within a segment, which no path of the service has, is written `%2A`.
///
/// ```
/// let entities: wfi_emulator::emulator::Pattern = "/*/teamwork/workforceIntegrations/*".parse()?;
/// assert!(entities.matches("/v1.0/teamwork/workforceintegrations/WFI_1"));
/// assert!(!entities.matches("/v1.0/teamwork/workforceIntegrations"));
/// # Ok::<(), wfi_emulator::emulator::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<PatternSegment>,
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PatternSegment {
    Any,
    Text(String),
}

/// A text that is no pattern; the text is what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(&'static str);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PatternError {}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        let path = text.strip_prefix('/').ok_or(PatternError("a path that begins with /"))?;
        // Nothing would ever fit either.
        if path.contains('?') {
            return Err(PatternError("a path without a query"));
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let (path, is_open) = match path.strip_suffix("**") {
            Some("") => return Ok(Pattern { text: text.to_owned(), segments: Vec::new(), is_open: true }),
            Some(rest) if rest.ends_with('/') => (&rest[..rest.len() - 1], true),
            _ => (path, false),
        };
        if path.split('/').any(|segment| segment == "**") {
            return Err(PatternError("** only as the last segment"));
        }
        if path.split('/').any(|segment| segment != "*" && segment.contains('*')) {
            return Err(PatternError("* only as a whole segment"));
        }
        let mut wanted = Vec::new();
        for segment in path.split('/') {
            match segment {
                "*" => wanted.push(PatternSegment::Any),
                text => wanted.extend(segments(text).map(|text| PatternSegment::Text(text.into_owned()))),
            }
        }
        Ok(Pattern { text: text.to_owned(), segments: wanted, is_open })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Whether a path, without its query, fits the pattern. One slash may end it.
    pub fn matches(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = segments(path);
        for wanted in &self.segments {
            let fits = match (wanted, segments.next()) {
                (_, None) => false,
                (PatternSegment::Any, Some(_)) => true,
                (PatternSegment::Text(text), Some(segment)) => segment.eq_ignore_ascii_case(text),
            };
            if !fits {
                return false;
            }
        }
        self.is_open || segments.next().is_none()
    }
}

/// Whether a path names an entity by an id: as a segment of its own or in parentheses. Ids are compared to the letter.
pub(crate) fn names_id(path: &str, id: &str) -> bool {
    segments(path).any(|segment| segment == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(path)
    }

    #[test]
    fn a_star_is_one_segment_and_two_are_the_rest() {
        for (pattern, path, expected) in [
            ("/v1.0/teamwork", "/V1.0/Teamwork/", true),
            ("/v1.0/teamwork", "/v1.0/teamwork/x", false),
            ("/*/teamwork/*", "/beta/teamwork/WFI_1", true),
            ("/*/teamwork/*", "/beta/teamwork", false),
            ("/v1.0/**", "/v1.0", true),
            ("/v1.0/**", "/v1.0/a/b", true),
            ("/v1.0/**", "/beta/a", false),
            ("/**", "/", true),
            ("/**", "/anything/at/all", true),
            ("/a%20b/%2ac", "/A b/*C", true),
            ("/*/teams/*/schedule/shifts/*", "/v1.0/teams('1')/schedule/shifts(id='SHFT_1')", true),
            ("/v1.0/teams('1')/schedule", "/v1.0/Teams/1/schedule", true),
            ("/v1.0/teams/**", "/v1.0/teams('it''s')/schedule", true),
            ("/*/teams", "/v1.0/teams('1')", false),
            ("/v1.0/sites/delta()", "/v1.0/sites/delta()", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        assert_eq!("v1.0".parse::<Pattern>().unwrap_err().to_string(), "a path that begins with /");
        assert_eq!("/a*/b".parse::<Pattern>().unwrap_err().to_string(), "* only as a whole segment");
        assert_eq!("/a?b".parse::<Pattern>().unwrap_err().to_string(), "a path without a query");
        assert_eq!("/**/a".parse::<Pattern>().unwrap_err().to_string(), "** only as the last segment");
    }

    #[test]
    fn an_id_is_named_in_every_form() {
        for path in ["/v1.0/t/WFI_1", "/v1.0/t/WFI%5f1/", "/v1.0/t('WFI_1')", "/v1.0/t(id='WFI_1')/displayName"] {
            assert!(names_id(path, "WFI_1"), "{path}");
        }
        for path in ["/v1.0/t/wfi_1", "/v1.0/t/WFI_11", "/v1.0/t(WFI_1)", "/v1.0/t"] {
            assert!(!names_id(path, "WFI_1"), "{path}");
        }
        assert!(names_id("/t('a''b')", "a'b") && names_id("/t('a=b')", "a=b"));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn nothing_panics_and_a_path_without_wildcards_is_its_own_pattern(text in "[/a*%()'=é0-9]{0,12}", path in "[/a*%()'=é0-9]{0,12}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                pattern.matches(&path);
                prop_assert!(text.contains("**") || pattern.matches(&text));
            }
            names_id(&path, &text);
        }
    }
}
