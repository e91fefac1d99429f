//! Path patterns, which select requests in fault rules and journal queries.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::edm::segment::segments;

/// The maximum length of a pattern in bytes.
const PATTERN_BYTES: usize = 2048;

/// The maximum number of segments of a pattern: no path of the service has as many.
const SEGMENTS: usize = 64;

/// A path pattern: segments separated by slashes. `*` matches one segment, and `**` at the end any number of them.
///
/// Segments are compared decoded and in any case, as in the service, and a key in parentheses is a segment of its own:
/// `/teams('1')/schedule` equals `/teams/1/schedule`. An asterisk within a segment, which no path of the service has, is written `%2A`.
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

/// An invalid pattern. The message is the expected form.
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
        if text.len() > PATTERN_BYTES {
            return Err(PatternError("a path of at most 2048 bytes"));
        }
        let path = text.strip_prefix('/').ok_or(PatternError("a path that begins with /"))?;
        // Paths are matched without their query, so this pattern would match nothing.
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
        let mut pattern_segments = Vec::new();
        for segment in path.split('/') {
            match segment {
                "*" => pattern_segments.push(PatternSegment::Any),
                text => pattern_segments.extend(segments(text).map(|text| PatternSegment::Text(text.into_owned()))),
            }
        }
        if pattern_segments.len() > SEGMENTS {
            return Err(PatternError("a path of at most 64 segments"));
        }
        Ok(Pattern { text: text.to_owned(), segments: pattern_segments, is_open })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Whether a path without a query matches. One trailing slash is allowed.
    pub fn matches(&self, path: &str) -> bool {
        self.matches_segments(inner_segments(path))
    }

    fn matches_segments<S: AsRef<str>>(&self, mut segments: impl Iterator<Item = S>) -> bool {
        for expected in &self.segments {
            let is_match = match (expected, segments.next()) {
                (_, None) => false,
                (PatternSegment::Any, Some(_)) => true,
                (PatternSegment::Text(text), Some(segment)) => segment.as_ref().eq_ignore_ascii_case(text),
            };
            if !is_match {
                return false;
            }
        }
        self.is_open || segments.next().is_none()
    }

    /// Returns the length of the text in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the memory of the segments in bytes, at most.
    pub(crate) fn segment_bytes(&self) -> usize {
        // Each text is allocated, which takes some bytes more.
        self.text.len() + 2 * self.segments.capacity() * size_of::<PatternSegment>()
    }
}

/// A path that is matched many times: it is decoded once, and only if needed.
pub(crate) struct MatchedPath<'p> {
    path: &'p str,
    segments: OnceCell<Vec<Cow<'p, str>>>,
    ids: OnceCell<HashSet<Cow<'p, str>>>,
}

impl<'p> MatchedPath<'p> {
    /// Returns a path without a query.
    pub(crate) fn new(path: &'p str) -> MatchedPath<'p> {
        MatchedPath { path, segments: OnceCell::new(), ids: OnceCell::new() }
    }

    /// Whether a pattern matches, as [`Pattern::matches`] does.
    pub(crate) fn matches(&self, pattern: &Pattern) -> bool {
        // A segment more than any pattern has decides like all the others.
        let segments = self.segments.get_or_init(|| inner_segments(self.path).take(SEGMENTS + 1).collect());
        pattern.matches_segments(segments.iter())
    }

    /// Whether the path has an id, as [`names_id`] says.
    pub(crate) fn names_id(&self, id: &str) -> bool {
        self.ids.get_or_init(|| segments(self.path).collect()).contains(id)
    }
}

/// Returns the segments of a path, without one slash at its start and one at its end.
fn inner_segments(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    segments(path.strip_suffix('/').unwrap_or(path))
}

/// Whether a path has an id as a segment or in parentheses. Ids are case-sensitive.
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
    fn one_asterisk_matches_a_segment_and_two_the_rest() {
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
    fn the_error_of_an_invalid_pattern_is_the_expected_form() {
        assert_eq!("v1.0".parse::<Pattern>().unwrap_err().to_string(), "a path that begins with /");
        assert_eq!("/a*/b".parse::<Pattern>().unwrap_err().to_string(), "* only as a whole segment");
        assert_eq!("/a?b".parse::<Pattern>().unwrap_err().to_string(), "a path without a query");
        let long = format!("/{}", "a".repeat(PATTERN_BYTES));
        assert_eq!(long.parse::<Pattern>().unwrap_err().to_string(), "a path of at most 2048 bytes");
        assert!(long[1..].strip_prefix('a').is_some_and(|rest| format!("/{rest}").parse::<Pattern>().is_ok()));
        assert_eq!("/*".repeat(65).parse::<Pattern>().unwrap_err().to_string(), "a path of at most 64 segments");
        assert!("/*".repeat(64).parse::<Pattern>().unwrap().matches(&"/a".repeat(64)));
        assert_eq!("/**/a".parse::<Pattern>().unwrap_err().to_string(), "** only as the last segment");
    }

    #[test]
    fn ids_are_found_as_segments_and_in_parentheses() {
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
        fn nothing_panics_and_a_pattern_without_double_asterisks_matches_itself(text in "[/a*%()'=é0-9]{0,12}", path in "[/a*%()'=é0-9]{0,12}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.matches(&path), MatchedPath::new(&path).matches(&pattern));
                prop_assert!(text.contains("**") || pattern.matches(&text));
            }
            prop_assert_eq!(names_id(&path, &text), MatchedPath::new(&path).names_id(&text));
        }

        #[test]
        fn a_path_of_more_segments_than_a_pattern_can_have_matches_alike(segments in 60_usize..70, of_path in 60_usize..70) {
            for open in ["", "/**"] {
                let Ok(pattern) = format!("{}{open}", "/*".repeat(segments)).parse::<Pattern>() else { continue };
                let path = "/a".repeat(of_path);
                prop_assert_eq!(pattern.matches(&path), MatchedPath::new(&path).matches(&pattern));
            }
        }
    }
}
