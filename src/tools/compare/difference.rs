//! Differences between a recorded answer and the actual one.

use crate::text::redact::{NamePlace, REDACTED, is_pseudonym, is_secret_name, mask_text};
use crate::text::truncate::truncate;

/// Maximum length of a value in a difference, in characters.
const VALUE_LIMIT: usize = 4096;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The place: `status`, `header:name`, `body`, or a path into JSON such as `$.value[0].id`.
    pub place: String,
    /// The kind of difference.
    pub kind: DifferenceKind,
    /// The recorded value, if any.
    pub recorded: Option<String>,
    /// The actual value, if any.
    pub actual: Option<String>,
}

impl Difference {
    /// Returns a difference, without secrets and with long values cut.
    pub(super) fn new(place: &str, kind: DifferenceKind, recorded: Option<String>, actual: Option<String>) -> Difference {
        let report = |value: Option<String>| value.map(|value| report_value(place, &value));
        Difference { place: place.to_owned(), kind, recorded: report(recorded), actual: report(actual) }
    }

    /// Makes the values of a difference differ, of which nothing but the mask of different secrets is left.
    pub(super) fn distinguish(&mut self) {
        if let Some(actual) = &mut self.actual
            && self.recorded.as_ref() == Some(actual)
        {
            actual.push_str(" (another value)");
        }
    }
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The status code.
    Status,
    /// A recorded header, member or body is missing.
    Missing,
    /// A member or body has not been recorded.
    Added,
    /// The kind of JSON value.
    Kind,
    /// A value.
    Value,
    /// The shape of a value that varies from run to run.
    Shape,
    /// The number of elements.
    Length,
}

impl DifferenceKind {
    /// Returns the name of the kind for reports.
    pub fn name(self) -> &'static str {
        match self {
            DifferenceKind::Status => "different status",
            DifferenceKind::Missing => "missing",
            DifferenceKind::Added => "not recorded",
            DifferenceKind::Kind => "different kind of value",
            DifferenceKind::Value => "different value",
            DifferenceKind::Shape => "different shape",
            DifferenceKind::Length => "different number of elements",
        }
    }
}

/// Returns a value for reports: without secrets, and of bounded length.
fn report_value(place: &str, value: &str) -> String {
    let is_secret = match place.strip_prefix("header:") {
        Some(name) => is_secret_name(NamePlace::Header, name),
        None => place.split(['.', '[', ']', '"', '$']).any(|member| is_secret_name(NamePlace::Member, member)),
    };
    let masked = match place {
        // A pseudonym, or the lack of a value, reveals nothing.
        _ if is_secret && value != "null" && !is_pseudonym(value) => REDACTED.into(),
        _ => mask_text(value),
    };
    truncate(&masked, VALUE_LIMIT).into_owned()
}
