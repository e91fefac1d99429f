//! `Edm.DateTimeOffset`, parsed by OData's grammar and written in Graph's format.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::{DateTime, date};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A point in time with the offset and the number of fraction digits of its source.
///
/// The resolution is 100 ns, that of the service's platform; further digits are truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTimeOffset {
    /// Time since the Unix epoch in units of 100 ns.
    ticks: i64,
    offset_minutes: i16,
    digits: u8,
    /// Whether an offset of zero was written as `Z`.
    zulu: bool,
}

/// The ticks of a second.
pub(crate) const TICKS_PER_SECOND: i64 = 10_000_000;
const MAX_DIGITS: usize = 7;
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// 0001-01-01T00:00:00Z.
pub(crate) const MIN_TICKS: i64 = -621_355_968_000_000_000;
/// 9999-12-31T23:59:59.9999999Z.
pub(crate) const MAX_TICKS: i64 = 2_534_023_007_999_999_999;

impl DateTimeOffset {
    /// Returns a point in time in UTC from milliseconds since the Unix epoch.
    pub fn from_unix_millis(millis: i64) -> DateTimeOffset {
        DateTimeOffset { ticks: millis.saturating_mul(10_000), offset_minutes: 0, digits: 3, zulu: true }
    }

    /// Returns the time since the Unix epoch in ticks of 100 ns.
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// Returns the offset of its clock from UTC, in minutes.
    pub(crate) fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// Parses `yyyy-mm-ddThh:mm[:ss[.fffffff]](Z|±hh:mm)`, the format of OData's grammar.
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
                let significant = &fraction[..fraction.len().min(MAX_DIGITS)];
                let scale = 10_i64.pow(u32::try_from(MAX_DIGITS - significant.len()).ok()?);
                (u8::try_from(significant.len()).ok()?, number(significant)? * scale)
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
        // The year in UTC must also be in 1 to 9999, as on the service's platform.
        (MIN_TICKS..=MAX_TICKS).contains(&ticks).then_some(DateTimeOffset { ticks, offset_minutes, digits, zulu })
    }

    /// Writes the time in UTC with `Z`, without trailing zeros in the fraction.
    pub fn write_utc(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks);
        let digits = fraction(self.ticks);
        if let Some(last) = digits.iter().rposition(|digit| *digit != b'0') {
            out.push(b'.');
            out.extend_from_slice(&digits[..=last]);
        }
        out.push(b'Z');
    }

    /// Writes the time with the offset and the number of fraction digits of its source.
    pub fn write_verbatim(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks + i64::from(self.offset_minutes) * 60 * TICKS_PER_SECOND);
        if self.digits > 0 {
            out.push(b'.');
            out.extend_from_slice(&fraction(self.ticks)[..usize::from(self.digits)]);
        }
        if self.zulu {
            out.push(b'Z');
            return;
        }
        let minutes = self.offset_minutes.abs();
        out.push(if self.offset_minutes < 0 { b'-' } else { b'+' });
        out.extend_from_slice(format!("{:02}:{:02}", minutes / 60, minutes % 60).as_bytes());
    }

    /// Returns the value of the `Date` header, an IMF-fixdate (RFC 9110, 5.6.7).
    pub fn http_date(self) -> [u8; 29] {
        let civil = civil(self.ticks);
        let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
        let weekday = usize::try_from(civil.weekday().to_monday_zero_offset()).unwrap_or(0);
        text[0..3].copy_from_slice(&b"MonTueWedThuFriSatSun"[weekday * 3..weekday * 3 + 3]);
        write_digits(&mut text[5..7], i64::from(civil.day()));
        let month = usize::try_from(civil.month() - 1).unwrap_or(0);
        text[8..11].copy_from_slice(&b"JanFebMarAprMayJunJulAugSepOctNovDec"[month * 3..month * 3 + 3]);
        write_digits(&mut text[12..16], i64::from(civil.year()));
        write_digits(&mut text[17..19], i64::from(civil.hour()));
        write_digits(&mut text[20..22], i64::from(civil.minute()));
        write_digits(&mut text[23..25], i64::from(civil.second()));
        text
    }

    /// Writes `yyyy-mm-ddThh:mm:ss` in UTC, the format of dates in error bodies.
    pub fn write_seconds(self, out: &mut Vec<u8>) {
        write_civil(out, self.ticks);
    }
}

/// The time in UTC, as [`DateTimeOffset::write_utc`] writes it.
impl fmt::Display for DateTimeOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(28);
        self.write_utc(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The system's time to the millisecond; a time before the Unix epoch becomes the epoch.
impl From<SystemTime> for DateTimeOffset {
    fn from(time: SystemTime) -> DateTimeOffset {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        DateTimeOffset::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
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

/// Returns the text of a point in time in UTC.
pub(crate) fn utc_text(ticks: i64) -> String {
    DateTimeOffset { ticks, offset_minutes: 0, digits: 0, zulu: true }.to_string()
}

/// Returns the date and the time of day in UTC.
pub(crate) fn civil(ticks: i64) -> DateTime {
    let seconds = ticks.div_euclid(TICKS_PER_SECOND);
    match Timestamp::from_second(seconds) {
        Ok(timestamp) => Offset::UTC.to_datetime(timestamp),
        // The library's timestamps end a day before its calendar. Only a clock far in the future can leave the calendar; the epoch is
        // then an arbitrary substitute.
        Err(_) => EPOCH.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(EPOCH),
    }
}

fn write_civil(out: &mut Vec<u8>, ticks: i64) {
    let civil = civil(ticks);
    let mut text = *b"0000-00-00T00:00:00";
    write_digits(&mut text[0..4], i64::from(civil.year()));
    write_digits(&mut text[5..7], i64::from(civil.month()));
    write_digits(&mut text[8..10], i64::from(civil.day()));
    write_digits(&mut text[11..13], i64::from(civil.hour()));
    write_digits(&mut text[14..16], i64::from(civil.minute()));
    write_digits(&mut text[17..19], i64::from(civil.second()));
    out.extend_from_slice(&text);
}

/// Returns the seven fraction digits of the second.
fn fraction(ticks: i64) -> [u8; MAX_DIGITS] {
    let mut digits = [b'0'; MAX_DIGITS];
    write_digits(&mut digits, ticks.rem_euclid(TICKS_PER_SECOND));
    digits
}

fn write_digits(digits: &mut [u8], value: i64) {
    // Without a sign the divisions cost half.
    let mut value = value.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(value % 10) as usize];
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> String {
        DateTimeOffset::parse(text).unwrap_or_else(|| panic!("{text}")).to_string()
    }

    #[test]
    fn answers_are_in_utc_without_trailing_zeros() {
        assert_eq!(utc("2017-01-01T00:00:46.1697867+03:00"), "2016-12-31T21:00:46.1697867Z");
        assert_eq!(utc("2021-03-12T17:37:05.840Z"), "2021-03-12T17:37:05.84Z");
        assert_eq!(utc("2021-03-12t17:37z"), "2021-03-12T17:37:00Z");
        assert_eq!(utc("1969-12-31T23:59:59.5-00:30"), "1970-01-01T00:29:59.5Z");
        assert_eq!(utc("2021-03-12T17:37:05.123456789Z"), "2021-03-12T17:37:05.1234567Z");
    }

    #[test]
    fn the_limits_of_the_calendar_are_dates() {
        assert_eq!(utc("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
        assert_eq!(utc("9999-12-31T23:59:59.9999999Z"), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(utc("2021-03-12T17:37:05.123456789012Z"), "2021-03-12T17:37:05.1234567Z");
    }

    #[test]
    fn the_date_header_is_that_of_the_rfc() {
        let header = |text| String::from_utf8(DateTimeOffset::parse(text).unwrap().http_date().to_vec()).unwrap();
        assert_eq!(header("1994-11-06T08:49:37Z"), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header("2026-12-31T23:59:59.9999999Z"), "Thu, 31 Dec 2026 23:59:59 GMT");
        assert_eq!(header("1970-01-01T00:00:00Z"), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn malformed_dates_are_refused() {
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
        #![proptest_config(crate::property_tests())]

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
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
