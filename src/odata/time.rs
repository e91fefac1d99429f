//! `Edm.DateTimeOffset`: read as OData writes it, answered as Graph answers it.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

/// A point in time with the offset and the number of fraction digits that its source gave it.
///
/// The resolution is 100 ns, that of the service's platform; further digits are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTimeOffset {
    /// Hundreds of nanoseconds since the Unix epoch.
    ticks: i64,
    offset_minutes: i16,
    digits: u8,
    /// Whether an offset of zero was written as `Z`.
    zulu: bool,
}

const TICKS_PER_SECOND: i64 = 10_000_000;
const MAX_DIGITS: usize = 7;
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.9999999Z.
const MIN_TICKS: i64 = -621_355_968_000_000_000;
const MAX_TICKS: i64 = 2_534_023_007_999_999_999;

impl DateTimeOffset {
    /// Returns the point in time so many milliseconds after the Unix epoch, in UTC.
    pub fn from_unix_millis(millis: i64) -> DateTimeOffset {
        DateTimeOffset { ticks: millis.saturating_mul(10_000), offset_minutes: 0, digits: 3, zulu: true }
    }

    /// Returns hundreds of nanoseconds since the Unix epoch.
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// Reads `yyyy-mm-ddThh:mm[:ss[.fffffff]](Z|±hh:mm)`, the form of OData's grammar.
    pub fn parse(text: &str) -> Option<DateTimeOffset> {
        let bytes = text.as_bytes();
        let (date, time) = (bytes.get(..10)?, bytes.get(11..)?);
        if !bytes[10].eq_ignore_ascii_case(&b'T') || date[4] != b'-' || date[7] != b'-' {
            return None;
        }
        let zone = time.iter().position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))?;
        let (clock, zone) = time.split_at(zone);
        let (whole, fraction) = match clock.iter().position(|byte| *byte == b'.') {
            Some(point) => (&clock[..point], Some(&clock[point + 1..])),
            None => (clock, None),
        };
        let (hour, minute, second) = match whole {
            [h1, h2, b':', m1, m2] if fraction.is_none() => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 0),
            [h1, h2, b':', m1, m2, b':', s1, s2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?),
            _ => return None,
        };
        let (digits, ticks_of_second) = match fraction {
            None => (0, 0),
            Some(fraction) if (1..=12).contains(&fraction.len()) => {
                number(fraction)?;
                let kept = &fraction[..fraction.len().min(MAX_DIGITS)];
                let scale = 10_i64.pow(u32::try_from(MAX_DIGITS - kept.len()).ok()?);
                (u8::try_from(kept.len()).ok()?, number(kept)? * scale)
            }
            Some(_) => return None,
        };
        let (offset_minutes, zulu) = match zone {
            [b'Z' | b'z'] => (0, true),
            [sign, h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
                if hours > 14 || minutes > 59 {
                    return None;
                }
                let minutes = i16::try_from(hours * 60 + minutes).ok()?;
                (if *sign == b'-' { -minutes } else { minutes }, false)
            }
            _ => return None,
        };
        let civil = DateTime::new(
            i16::try_from(number(&date[..4])?).ok().filter(|year| *year > 0)?,
            i8::try_from(number(&date[5..7])?).ok()?,
            i8::try_from(number(&date[8..])?).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            0,
        )
        .ok()?;
        let seconds = civil.duration_since(EPOCH).as_secs() - i64::from(offset_minutes) * 60;
        let ticks = seconds * TICKS_PER_SECOND + ticks_of_second;
        // In UTC the year must be one of 1 to 9999 too, as on the service's platform.
        (MIN_TICKS..=MAX_TICKS).contains(&ticks).then_some(DateTimeOffset { ticks, offset_minutes, digits, zulu })
    }

    /// Writes the time in UTC with `Z`, trailing zeros of the fraction cut.
    pub fn write_utc(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks);
        let fraction = self.ticks.rem_euclid(TICKS_PER_SECOND);
        if fraction > 0 {
            let digits = format!("{fraction:07}");
            out.push(b'.');
            out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
        }
        out.push(b'Z');
    }

    /// Writes the time as its source wrote it: its offset, its number of fraction digits.
    pub fn write_verbatim(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks + i64::from(self.offset_minutes) * 60 * TICKS_PER_SECOND);
        if self.digits > 0 {
            let fraction = format!("{:07}", self.ticks.rem_euclid(TICKS_PER_SECOND));
            out.push(b'.');
            out.extend_from_slice(&fraction.as_bytes()[..usize::from(self.digits)]);
        }
        if self.zulu {
            out.push(b'Z');
            return;
        }
        let minutes = self.offset_minutes.abs();
        out.push(if self.offset_minutes < 0 { b'-' } else { b'+' });
        out.extend_from_slice(format!("{:02}:{:02}", minutes / 60, minutes % 60).as_bytes());
    }

    /// Writes `yyyy-mm-ddThh:mm:ss` in UTC: the form of dates in error bodies.
    pub fn write_seconds(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks);
    }
}

/// Reads ASCII digits.
fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for digit in digits {
        value = value * 10 + i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(value)
}

fn write_civil(out: &mut Vec<u8>, ticks: i64) {
    let seconds = ticks.div_euclid(TICKS_PER_SECOND);
    // Only a clock far beyond the calendar can leave it; the epoch is then as good as any other time.
    let civil = EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(EPOCH);
    let mut text = *b"0000-00-00T00:00:00";
    put(&mut text[0..4], i32::from(civil.year()));
    put(&mut text[5..7], i32::from(civil.month()));
    put(&mut text[8..10], i32::from(civil.day()));
    put(&mut text[11..13], i32::from(civil.hour()));
    put(&mut text[14..16], i32::from(civil.minute()));
    put(&mut text[17..19], i32::from(civil.second()));
    out.extend_from_slice(&text);
}

fn put(place: &mut [u8], mut value: i32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0);
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> String {
        let mut out = Vec::new();
        DateTimeOffset::parse(text).unwrap_or_else(|| panic!("{text}")).write_utc(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn answers_are_in_utc_with_trailing_zeros_cut() {
        assert_eq!(utc("2017-01-01T00:00:46.1697867+03:00"), "2016-12-31T21:00:46.1697867Z");
        assert_eq!(utc("2021-03-12T17:37:05.840Z"), "2021-03-12T17:37:05.84Z");
        assert_eq!(utc("2021-03-12t17:37z"), "2021-03-12T17:37:00Z");
        assert_eq!(utc("1969-12-31T23:59:59.5-00:30"), "1970-01-01T00:29:59.5Z");
        assert_eq!(utc("2021-03-12T17:37:05.123456789Z"), "2021-03-12T17:37:05.1234567Z");
    }

    #[test]
    fn the_edges_of_the_calendar_are_dates() {
        assert_eq!(utc("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
        assert_eq!(utc("9999-12-31T23:59:59.9999999Z"), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(utc("2021-03-12T17:37:05.123456789012Z"), "2021-03-12T17:37:05.1234567Z");
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in [
            "",
            "2021",
            "2021-03-12",
            "2021-03-12T17:37:05",
            "2021-03-12 17:37:05Z",
            "2021-13-12T17:37:05Z",
            "2021-02-29T00:00:00Z",
            "2021-03-12T24:00:00Z",
            "2021-03-12T17:37:05.Z",
            "2021-03-12T17:37.5Z",
            "2021-03-12T17:37:05+15:00",
            "2021-03-12T17:37:05+0300",
            "0000-01-01T00:00:00Z",
            "2021-03-12T17:37:05Zx",
            "12/03/2021",
            "2021-03-12T17:37:05.1234567890123Z",
            "0001-01-01T00:00:00+03:00",
            "9999-12-31T23:59:59-03:00",
            "2021-03-12T1é:37:05Z",
        ] {
            assert_eq!(DateTimeOffset::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,40}") {
            let _ = DateTimeOffset::parse(&text);
        }

        #[test]
        fn the_verbatim_form_is_the_identity(ticks in -621_300_000_000_000_000_i64..2_534_000_000_000_000_000, offset in -840_i16..=840, digits in 0_u8..=7, zulu in any::<bool>()) {
            let scale = 10_i64.pow(7 - u32::from(digits));
            let zulu = zulu && offset == 0;
            let time = DateTimeOffset { ticks: ticks / scale * scale, offset_minutes: offset, digits, zulu };
            let mut out = Vec::new();
            time.write_verbatim(&mut out);
            prop_assert_eq!(DateTimeOffset::parse(std::str::from_utf8(&out).unwrap()), Some(time));
        }
    }
}
