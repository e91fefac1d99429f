//! Lexical forms of primitive values, and casts between types (OData 4.01 Part 2, 5.1.1.10.1).

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::arithmetic::{self, DatePart};
use super::decimal::{Decimal, Number};
use super::scalar::{Moment, Scalar};
use crate::edm::date_time::{self, DateTimeOffset};
use crate::edm::primitive::{self, Primitive};
use crate::text::guid;

/// Clients send base64 and base64url, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Reads a value in the lexical form of its type, other than a text; `None` if it has another form.
pub(super) fn read(primitive: Primitive, text: &str) -> Option<Scalar<'static>> {
    match primitive {
        Primitive::Guid => read_guid(text).map(Scalar::Guid),
        Primitive::Date => date(text).map(Scalar::Date),
        Primitive::TimeOfDay => primitive::time_of_day(text).map(Scalar::TimeOfDay),
        Primitive::Duration => primitive::duration(text).map(Scalar::Duration),
        Primitive::Binary => binary(text).map(Scalar::Binary),
        Primitive::DateTimeOffset => DateTimeOffset::parse(text).map(|time| Scalar::Time(Moment::from(time))),
        Primitive::Boolean => match text {
            _ if text.eq_ignore_ascii_case("true") => Some(Scalar::Boolean(true)),
            _ if text.eq_ignore_ascii_case("false") => Some(Scalar::Boolean(false)),
            _ => None,
        },
        _ if primitive.is_number() => number(text).and_then(|number| to_number(primitive, &number)),
        _ => None,
    }
}

/// Reads a number of OData's grammar: exact where it is finite and has at most 34 digits.
pub(super) fn number(text: &str) -> Option<Scalar<'static>> {
    match text {
        "INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        "NaN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    let split = Number::split(text)?;
    if split.fraction.is_empty()
        && split.exponent.is_none()
        && let Ok(whole) = text.parse()
    {
        return Some(Scalar::Integer(whole));
    }
    if let Some(decimal) = Decimal::parse(text) {
        return Some(Scalar::Decimal(decimal));
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::float)
}

/// Returns the ticks of the midnight of a date, `yyyy-mm-dd`.
pub(super) fn date(text: &str) -> Option<i64> {
    let mut midnight = *b"0000-00-00T00:00:00Z";
    midnight[..10].copy_from_slice(text.as_bytes().get(..10).filter(|_| text.len() == 10)?);
    std::str::from_utf8(&midnight).ok().and_then(DateTimeOffset::parse).map(DateTimeOffset::ticks)
}

/// Reads a GUID.
pub(super) fn read_guid(text: &str) -> Option<[u64; 2]> {
    if !guid::is_guid(text) {
        return None;
    }
    let mut halves = [0_u64; 2];
    for (index, digit) in text.bytes().filter(u8::is_ascii_hexdigit).enumerate() {
        let digit = char::from(digit).to_digit(16)?;
        halves[index / 16] = (halves[index / 16] << 4) | u64::from(digit);
    }
    Some(halves)
}

fn binary(text: &str) -> Option<Arc<[u8]>> {
    let url_safe: Vec<u8> = text
        .bytes()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    BASE64.decode(url_safe).ok().map(Arc::from)
}

/// Converts a value to a type. Null if it has no such value.
pub(super) fn cast(target: Primitive, value: &Scalar<'_>) -> Scalar<'static> {
    let converted = match (target, value) {
        (Primitive::String, Scalar::Text(text)) => Some(Scalar::Text(text.to_string().into())),
        (Primitive::String, value) => write(value).map(|text| Scalar::Text(text.into())),
        (_, Scalar::Text(text)) => read(target, text),
        (Primitive::Date, Scalar::Time(_)) => Some(arithmetic::part(DatePart::Date, value)),
        (Primitive::TimeOfDay, Scalar::Time(_)) => Some(arithmetic::part(DatePart::Time, value)),
        (Primitive::DateTimeOffset, Scalar::Date(ticks)) => Some(Scalar::Time(Moment::utc(*ticks))),
        (Primitive::Boolean, Scalar::Boolean(_))
        | (Primitive::DateTimeOffset, Scalar::Time(_))
        | (Primitive::Date, Scalar::Date(_))
        | (Primitive::TimeOfDay, Scalar::TimeOfDay(_))
        | (Primitive::Duration, Scalar::Duration(_))
        | (Primitive::Guid, Scalar::Guid(_))
        | (Primitive::Binary, Scalar::Binary(_)) => Some(value.clone().into_owned()),
        (target, value) if target.is_number() => to_number(target, value),
        _ => None,
    };
    converted.unwrap_or(Scalar::Null)
}

/// Converts a number to a numeric type; `None` if it is out of range. A fraction is truncated.
#[allow(clippy::cast_possible_truncation, reason = "rounds to the precision of Edm.Single")]
fn to_number(target: Primitive, value: &Scalar<'_>) -> Option<Scalar<'static>> {
    match target {
        Primitive::Double => value.to_f64().map(Scalar::float),
        Primitive::Single => value.to_f64().map(|value| Scalar::float(f64::from(value as f32))),
        Primitive::Decimal => match value {
            Scalar::Float(value) => Decimal::from_f64(*value),
            value => value.to_decimal(),
        }
        .map(Scalar::Decimal),
        target => {
            let whole = match value {
                Scalar::Integer(value) => *value,
                Scalar::Decimal(value) => value.to_i64()?,
                Scalar::Float(value) => Decimal::from_f64(*value)?.to_i64()?,
                _ => return None,
            };
            let (min, max) = target.range()?;
            (min..=max).contains(&whole).then_some(Scalar::Integer(whole))
        }
    }
}

/// Returns the lexical form of a value; `None` for null, members of enums and complex values.
fn write(value: &Scalar<'_>) -> Option<String> {
    Some(match value {
        Scalar::Null | Scalar::Enum(_) | Scalar::Object => return None,
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Decimal(value) => value.to_string(),
        Scalar::Float(value) if value.is_nan() => "NaN".to_owned(),
        Scalar::Float(value) if value.is_infinite() => if *value > 0.0 { "INF" } else { "-INF" }.to_owned(),
        Scalar::Float(value) => value.to_string(),
        Scalar::Text(text) => text.to_string(),
        Scalar::Time(time) => date_time::utc_text(time.ticks),
        Scalar::Date(ticks) => date_time::utc_text(*ticks)[..10].to_owned(),
        Scalar::TimeOfDay(nanoseconds) => clock(*nanoseconds),
        Scalar::Duration(nanoseconds) => duration(*nanoseconds),
        Scalar::Guid([high, low]) => {
            let digits = format!("{high:016x}{low:016x}");
            [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
        }
        Scalar::Binary(bytes) => base64::engine::general_purpose::URL_SAFE.encode(bytes),
    })
}

fn clock(nanoseconds: i64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    format!("{:02}:{:02}:{:02}{}", seconds / 3600, seconds / 60 % 60, seconds % 60, fraction(nanoseconds.unsigned_abs()))
}

fn duration(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let (seconds, sign) = (size / 1_000_000_000, if nanoseconds < 0 { "-" } else { "" });
    let mut text = format!("{sign}P");
    if seconds >= 86_400 {
        text.push_str(&format!("{}D", seconds / 86_400));
    }
    let units = [(seconds / 3600 % 24, 'H'), (seconds / 60 % 60, 'M')]
        .map(|(count, unit)| if count > 0 { format!("{count}{unit}") } else { String::new() });
    let rest = match (seconds % 60, fraction(size)) {
        (0, fraction) if fraction.is_empty() => String::new(),
        (seconds, fraction) => format!("{seconds}{fraction}S"),
    };
    let clock = units.concat() + &rest;
    match (clock.is_empty(), size < 86_400_000_000_000) {
        (true, true) => text + "T0S",
        (true, false) => text,
        (false, _) => text + "T" + &clock,
    }
}

/// Returns the fraction of a second with its point; nothing if it is zero.
fn fraction(nanoseconds: u64) -> String {
    match nanoseconds % 1_000_000_000 {
        0 => String::new(),
        rest => format!(".{rest:09}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_each_type_comes_back() {
        for (primitive, texts) in [
            (Primitive::Guid, &["e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d"][..]),
            (Primitive::Date, &["2024-02-29", "0001-01-01", "9999-12-31"]),
            (Primitive::TimeOfDay, &["08:30:00", "23:59:59.999999999", "00:00:00.5"]),
            (Primitive::Duration, &["PT0S", "P1D", "-P1DT2H3M4.5S", "PT1H", "PT0.25S", "PT1M"]),
            (Primitive::Binary, &["", "AAE=", "-_8="]),
            (Primitive::DateTimeOffset, &["2021-03-12T17:37:05.84Z"]),
            (Primitive::Boolean, &["true", "false"]),
            (Primitive::Int64, &["9223372036854775807", "-9223372036854775808"]),
            (Primitive::Decimal, &["0.1", "-12345678901234567890.5"]),
            (Primitive::Double, &["0.1", "INF", "-INF", "NaN", "3"]),
            (Primitive::Byte, &["255"]),
        ] {
            for text in texts {
                let value = read(primitive, text).unwrap_or_else(|| panic!("{primitive:?} {text}"));
                assert_eq!(cast(Primitive::String, &value), Scalar::Text((*text).into()), "{primitive:?}");
            }
        }
        for (primitive, text) in [
            (Primitive::Guid, "e9fd3b22"),
            (Primitive::Date, "2023-02-29"),
            (Primitive::Date, "2023-02-2é"),
            (Primitive::TimeOfDay, "24:00"),
            (Primitive::Duration, "1H"),
            (Primitive::Binary, "A"),
            (Primitive::Boolean, "1"),
            (Primitive::Byte, "256"),
            (Primitive::SByte, "-129"),
            (Primitive::Int32, "x"),
            (Primitive::String, "x"),
        ] {
            assert_eq!(read(primitive, text), None, "{primitive:?} {text}");
        }
        assert_eq!(read(Primitive::Binary, "+/8="), read(Primitive::Binary, "-_8"), "both alphabets, padded or not");
    }

    #[test]
    fn casts_keep_the_value_or_give_null() {
        let time = |text| read(Primitive::DateTimeOffset, text).unwrap();
        for (target, value, expected) in [
            (Primitive::Int32, Scalar::Float(3.9), Scalar::Integer(3)),
            (Primitive::Int32, Scalar::Integer(1 << 40), Scalar::Null),
            (Primitive::Double, Scalar::Integer(3), Scalar::Float(3.0)),
            (Primitive::Decimal, Scalar::Float(0.1), number("0.1").unwrap()),
            (Primitive::Int32, Scalar::Float(f64::NAN), Scalar::Null),
            (Primitive::Single, number("0.1").unwrap(), Scalar::Float(f64::from(0.1_f32))),
            (Primitive::Date, time("2021-03-12T23:30:00-02:00"), read(Primitive::Date, "2021-03-12").unwrap()),
            (Primitive::TimeOfDay, time("2021-03-12T23:30:00Z"), read(Primitive::TimeOfDay, "23:30").unwrap()),
            (Primitive::DateTimeOffset, read(Primitive::Date, "2021-03-12").unwrap(), time("2021-03-12T00:00:00Z")),
            (Primitive::Boolean, Scalar::Integer(1), Scalar::Null),
            (Primitive::Guid, Scalar::Boolean(true), Scalar::Null),
            (Primitive::String, Scalar::Null, Scalar::Null),
            (Primitive::Int16, Scalar::Text("12".into()), Scalar::Integer(12)),
        ] {
            assert_eq!(cast(target, &value), expected, "{target:?} {value:?}");
        }
    }
}
