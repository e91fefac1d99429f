//! The segments of a path, one after another, and their refusals.

use std::borrow::Cow;

use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::nearest::nearest;

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
