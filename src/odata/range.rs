//! Ranges of content: the headers `Range` and `Content-Range` (RFC 9110, 14).

use std::ops::Range;

/// The part of content that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedRange {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<usize>),
    /// Bytes that are not there.
    Unsatisfiable,
}

/// Reads the value of `Range` for content of a length. Several ranges, other units and malformed values ask for the whole (RFC 9110, 14.2).
pub(crate) fn requested(value: Option<&str>, length: usize) -> RequestedRange {
    let spec = value.and_then(|value| value.trim().strip_prefix("bytes="));
    let Some((first, last)) = spec.filter(|spec| !spec.contains(',')).and_then(|spec| spec.split_once('-')) else {
        return RequestedRange::Whole;
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<usize>().unwrap_or(usize::MAX))
    };
    let range = match (number(first.trim()), number(last.trim())) {
        (None, Some(suffix)) if first.trim().is_empty() => length.saturating_sub(suffix)..length,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.trim().is_empty() => first..length,
        _ => return RequestedRange::Whole,
    };
    if range.start >= range.end { RequestedRange::Unsatisfiable } else { RequestedRange::Part(range) }
}

/// The place of a fragment in content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FragmentRange {
    /// The bytes.
    pub bytes: Range<usize>,
    /// The length of the whole.
    pub total: usize,
}

/// Reads the value of `Content-Range` of a fragment: `bytes 0-25/128`.
pub(crate) fn fragment(value: &str) -> Option<FragmentRange> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total) = (first.trim().parse().ok()?, last.trim().parse::<usize>().ok()?, total.trim().parse().ok()?);
    (first <= last && last < total).then(|| FragmentRange { bytes: first..last + 1, total })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_range_is_within_the_content() {
        use RequestedRange::{Part, Unsatisfiable, Whole};
        for (value, range) in [
            ("bytes=0-3", Part(0..4)),
            ("bytes=2-", Part(2..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-30", Part(0..10)),
            ("bytes=8-99", Part(8..10)),
            ("bytes=9-99999999999999999999999", Part(9..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-12", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=3-2", Whole),
            ("bytes=0-1,4-5", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("items=0-3", Whole),
        ] {
            assert_eq!(requested(Some(value), 10), range, "{value}");
        }
        assert_eq!((requested(None, 10), requested(Some("bytes=0-"), 0)), (Whole, Unsatisfiable));
    }

    #[test]
    fn a_fragment_is_within_the_whole() {
        assert_eq!(fragment("bytes 0-25/128"), Some(FragmentRange { bytes: 0..26, total: 128 }));
        assert_eq!(fragment("bytes 127-127/128"), Some(FragmentRange { bytes: 127..128, total: 128 }));
        for malformed in ["", "bytes 0-25", "bytes 0-128/128", "bytes 5-4/128", "bytes */128", "0-25/128", "bytes a-b/c"] {
            assert_eq!(fragment(malformed), None, "{malformed}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn a_part_can_be_cut(value in "bytes=[0-9]{0,3}-[0-9]{0,3}", length in 0..200_usize) {
            if let RequestedRange::Part(range) = requested(Some(&value), length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
            let _ = fragment(&value);
        }
    }
}
