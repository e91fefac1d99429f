//! Differences between a recorded answer and the actual one.

/// Maximum length of a value in a difference, in bytes.
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
    /// Returns a difference, long values shortened.
    pub(super) fn new(place: &str, kind: DifferenceKind, recorded: Option<String>, actual: Option<String>) -> Difference {
        Difference { place: place.to_owned(), kind, recorded: recorded.map(shortened), actual: actual.map(shortened) }
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

fn shortened(text: String) -> String {
    if text.len() <= VALUE_LIMIT {
        return text;
    }
    let end = (0..=VALUE_LIMIT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}
