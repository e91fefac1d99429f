//! The segments of a path, one after another, and their refusals.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::nearest::nearest;

/// The decoded segments of a path.
pub(super) struct Segments<'p> {
    rest: std::str::Split<'p, char>,
    is_encoded: bool,
    /// The rest of a segment that several names are encoded in.
    names: std::vec::IntoIter<Cow<'p, str>>,
}

impl<'p> Segments<'p> {
    pub(super) fn of(path: &'p str) -> Segments<'p> {
        // Nearly all paths have no escapes, and decoding would scan each segment again.
        Segments { rest: path.split('/'), is_encoded: path.contains('%'), names: Vec::new().into_iter() }
    }
}

impl Segments<'_> {
    /// Skips one empty segment, if it is the next one and another one follows.
    pub(super) fn skip_empty(&mut self) {
        let mut behind = self.rest.clone();
        let is_empty = self.names.as_slice().is_empty() && behind.next() == Some("");
        if is_empty && behind.clone().next().is_some_and(|segment| !segment.is_empty()) {
            self.rest = behind;
        }
    }
}

impl<'p> Iterator for Segments<'p> {
    type Item = Cow<'p, str>;

    fn next(&mut self) -> Option<Cow<'p, str>> {
        if let Some(name) = self.names.next() {
            return Some(name);
        }
        let segment = self.rest.next()?;
        if !self.is_encoded {
            return Some(Cow::Borrowed(segment));
        }
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        if !has_names(&segment) {
            return Some(segment);
        }
        self.names = segment.split('/').map(|name| Cow::Owned(name.to_owned())).collect::<Vec<_>>().into_iter();
        self.names.next()
    }
}

/// Whether a decoded segment is the path of a file by its names, `root:/folder/file.txt:`, which SDKs encode as a key
/// (learn.microsoft.com/graph/api/driveitem-put-content, the snippets for C# and Python).
fn has_names(segment: &str) -> bool {
    segment.contains(":/") && !segment.contains("//") && (segment.starts_with("root:/") || segment.ends_with(':'))
}

/// Returns the next segment. Refuses an empty one.
pub(super) fn next_segment<'p>(segments: &mut impl Iterator<Item = Cow<'p, str>>) -> Result<Option<Cow<'p, str>>, Error> {
    match segments.next() {
        Some(segment) if segment.is_empty() => Err(Error::new(&refusal::EMPTY_SEGMENT, &[])),
        segment => Ok(segment),
    }
}

/// Returns the resource if the path ends here.
pub(super) fn expect_end<'p, T>(segments: &mut impl Iterator<Item = Cow<'p, str>>, resource: T) -> Result<T, Error> {
    match next_segment(segments)? {
        None => Ok(resource),
        Some(segment) => Err(not_emulated(&segment)),
    }
}

/// Returns the refusal of an unknown segment, with the name that it resembles.
pub(in crate::graph) fn unknown_segment<'n>(segment: &str, names: impl Iterator<Item = &'n str>) -> Error {
    let hint = nearest(segment, names).map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    Error::new(&refusal::UNKNOWN_SEGMENT, &[segment]).with_detail(format!("this path is not emulated{hint}"))
}

/// Returns the refusal of a segment that resembles no other.
pub(super) fn not_emulated(segment: &str) -> Error {
    unknown_segment(segment, std::iter::empty())
}
