//! Unpacking of gzip, bounded: a few kilobytes may unpack to gigabytes.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read as _};

use flate2::bufread::GzDecoder;

/// Describes why bytes cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GzipError {
    /// The content is longer than the limit, in bytes.
    TooLong(usize),
    /// The bytes are not one gzip member; the text names the problem.
    Malformed(String),
    /// The content needs more room than there is.
    NoRoom,
}

impl fmt::Display for GzipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GzipError::TooLong(limit) => write!(f, "unpacks to more than {limit} bytes"),
            GzipError::Malformed(reason) => write!(f, "cannot be unpacked: {reason}"),
            GzipError::NoRoom => write!(f, "unpacks to more than there is room for"),
        }
    }
}

impl std::error::Error for GzipError {}

/// Returns whether a content coding is gzip (RFC 9110, 8.4.1.3).
pub(crate) fn is_gzip(coding: &str) -> bool {
    let coding = coding.trim();
    coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip")
}

/// Packs a text, fast rather than small.
pub(crate) fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::bufread::GzEncoder::new(text, flate2::Compression::fast());
    let mut packed = Vec::with_capacity(text.len() / 2);
    // Reading from memory does not fail.
    let _ = encoder.read_to_end(&mut packed);
    packed
}

/// Unpacks one gzip member to at most `limit` bytes.
///
/// Clients send one member, and a body of a great many empty ones would cost a second to unpack.
///
/// # Errors
///
/// Fails on malformed bytes, on bytes behind the member, and on content beyond the limit.
pub(crate) fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    unpack_within(packed, limit, |_| true)
}

/// Unpacks a gzip member of the program itself, whose statement of its length is true.
///
/// # Errors
///
/// Fails on malformed bytes.
pub(crate) fn unpack_own(packed: &[u8]) -> Result<Vec<u8>, GzipError> {
    // The last four bytes are the length (RFC 1952, 2.3.1).
    let length = packed.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let mut content = Vec::with_capacity(length);
    let read = GzDecoder::new(packed).read_to_end(&mut content);
    read.map(|_| content).map_err(|reason| GzipError::Malformed(reason.to_string()))
}

/// Unpacks like [`unpack`]. Before the content grows, `take` is asked for the bytes by which it does.
///
/// While a content grows, it is in memory twice. So a long one is unpacked twice: its length is found first.
///
/// # Errors
///
/// Fails like [`unpack`], and when `take` returns false.
pub(crate) fn unpack_within(packed: &[u8], limit: usize, mut take: impl FnMut(usize) -> bool) -> Result<Vec<u8>, GzipError> {
    const LONG: usize = 4 * 1024 * 1024;
    const PIECE: usize = 64 * 1024;
    match unpack_growing(packed, limit.min(LONG), &mut take) {
        Err(GzipError::TooLong(_)) if limit > LONG => {}
        outcome => return outcome,
    }
    let malformed = |reason: io::Error| GzipError::Malformed(reason.to_string());
    let (mut reader, mut piece, mut length) = (GzDecoder::new(packed), vec![0; PIECE], 0);
    loop {
        let read = reader.read(&mut piece).map_err(malformed)?;
        length += read;
        match () {
            () if read == 0 => break,
            () if length > limit => return Err(GzipError::TooLong(limit)),
            // Up to there the room was taken before.
            () if !take(read.min(length.saturating_sub(LONG))) => return Err(GzipError::NoRoom),
            () => {}
        }
    }
    let mut reader = GzDecoder::new(packed);
    let mut content = vec![0; length];
    reader.read_exact(&mut content).map_err(malformed)?;
    // The end is read for its checksum; there is nothing before it.
    reader.read(&mut [0]).map_err(malformed)?;
    whole(content, reader)
}

fn unpack_growing(packed: &[u8], limit: usize, mut take: impl FnMut(usize) -> bool) -> Result<Vec<u8>, GzipError> {
    /// An eighth of the content, so that growth takes linear time and little more room than the content.
    const SHARE: usize = 8;
    const FIRST: usize = 64 * 1024;
    // One byte more than the limit distinguishes content at the limit from content beyond it.
    let most = limit.saturating_add(1);
    let mut reader = GzDecoder::new(packed).take(most as u64);
    let mut content = Vec::new();
    loop {
        let growth = (content.capacity() / SHARE).max(FIRST).min(most.saturating_sub(content.len()).max(1));
        if !take(growth) {
            return Err(GzipError::NoRoom);
        }
        content.reserve_exact(growth);
        let spare = content.capacity() - content.len();
        let read = reader.by_ref().take(spare as u64).read_to_end(&mut content);
        if read.map_err(|reason| GzipError::Malformed(reason.to_string()))? < spare {
            break;
        }
    }
    if content.len() > limit {
        return Err(GzipError::TooLong(limit));
    }
    whole(content, reader.into_inner())
}

/// Returns a content, unless bytes follow it.
fn whole(content: Vec<u8>, reader: GzDecoder<&[u8]>) -> Result<Vec<u8>, GzipError> {
    match reader.into_inner().len() {
        0 => Ok(content),
        rest => Err(GzipError::Malformed(format!("{rest} bytes follow"))),
    }
}

/// Returns a recorded body without its content coding; nothing if that is not gzip, or if the body cannot be unpacked to at most
/// `limit` bytes.
pub(crate) fn decoded_body<'b>(body: &'b [u8], headers: &[(String, String)], limit: usize) -> Option<Cow<'b, [u8]>> {
    let mut codings = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding")).map(|(_, value)| value);
    match (codings.next(), codings.next()) {
        (None, _) => Some(Cow::Borrowed(body)),
        (Some(coding), None) if is_gzip(coding) => unpack(body, limit).ok().map(Cow::Owned),
        (Some(coding), None) if coding.trim().eq_ignore_ascii_case("identity") => Some(Cow::Borrowed(body)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn content_is_unpacked_up_to_the_limit() {
        let bytes = packed(b"0123456789");
        assert_eq!(unpack(&bytes, 10).unwrap(), b"0123456789");
        assert_eq!(unpack(&bytes, 9), Err(GzipError::TooLong(9)));
        assert_eq!(unpack(&packed(b""), 0).unwrap(), b"");
    }

    #[test]
    fn content_takes_its_room_before_it_is_unpacked() {
        let bytes = packed(&vec![b'a'; 1_000_000]);
        let mut taken = 0;
        let content = unpack_within(&bytes, usize::MAX, |bytes| {
            taken += bytes;
            true
        });
        let content = content.unwrap();
        assert!(content.len() == 1_000_000 && (content.capacity()..1_200_000).contains(&taken), "{taken}");
        let mut room = 100_000;
        let refused = unpack_within(&bytes, usize::MAX, |bytes| match usize::checked_sub(room, bytes) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        });
        assert_eq!(refused, Err(GzipError::NoRoom));
    }

    #[test]
    fn a_long_content_takes_exactly_its_room() {
        const LENGTH: usize = 9_000_001;
        let content: Vec<u8> = (0..LENGTH).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let bytes = packed(&content);
        let mut taken = 0;
        let unpacked = unpack_within(&bytes, LENGTH, |bytes| {
            taken += bytes;
            true
        });
        let unpacked = unpacked.unwrap();
        assert!(unpacked == content && unpacked.capacity() == LENGTH);
        // The first part may have taken an eighth more.
        assert!((LENGTH..LENGTH + 600_000).contains(&taken), "{taken}");
        assert_eq!(unpack(&bytes, LENGTH - 1), Err(GzipError::TooLong(LENGTH - 1)));
        let mut room = LENGTH - 1_000_000;
        let refused = unpack_within(&bytes, LENGTH, |bytes| {
            let left = room.checked_sub(bytes);
            room = left.unwrap_or_default();
            left.is_some()
        });
        assert_eq!(refused, Err(GzipError::NoRoom));
        for other in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat()] {
            assert!(matches!(unpack(other, usize::MAX), Err(GzipError::Malformed(_))));
        }
        let mut damaged = bytes.clone();
        let checksum = bytes.len() - 8;
        damaged[checksum] ^= 1;
        assert!(matches!(unpack(&damaged, usize::MAX), Err(GzipError::Malformed(_))));
    }

    #[test]
    fn anything_but_one_member_is_refused() {
        let bytes = packed(b"0123456789");
        for other in [&b""[..], b"text", &bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), &[&bytes[..], &bytes].concat()]
        {
            assert!(matches!(unpack(other, 100), Err(GzipError::Malformed(_))), "{other:?}");
        }
    }

    #[test]
    fn a_body_is_decoded_by_its_content_coding() {
        let bytes = packed(b"a");
        let decoded = |codings: &[&str]| {
            let headers: Vec<_> = codings.iter().map(|coding| ("Content-Encoding".to_owned(), (*coding).to_owned())).collect();
            decoded_body(&bytes, &headers, 10).map(Cow::into_owned)
        };
        assert_eq!(decoded(&[]), Some(bytes.clone()));
        assert_eq!(decoded(&["identity"]), Some(bytes.clone()));
        assert_eq!(decoded(&["X-GZip"]), Some(b"a".to_vec()));
        for codings in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"]] {
            assert_eq!(decoded(codings), None);
        }
    }
}
