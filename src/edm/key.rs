//! Keys: the values of key properties as texts, of which each value has one.

use std::borrow::Cow;
use std::sync::Arc;

use crate::edm::date_time::utc_text;
use crate::edm::enums::{self, FlagSyntax};
use crate::edm::primitive::{self, LongNumbers, Primitive, PrimitiveValue};
use crate::edm::schema::{Model, PropertyType};
use crate::text::json::{self, Json};

/// The largest exponent of a decimal key that is written out.
const LARGEST_EXPONENT: i32 = 64;

/// The value of a key property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyValue {
    /// Of a primitive type.
    Primitive(PrimitiveValue),
    /// The number of an enum member, or of several.
    Enum(i64),
}

/// Returns a GUID in lower case, the form of ids, if a text is one in another case.
pub(crate) fn guid_in_lower_case(text: &str) -> Option<String> {
    let is_guid = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    (is_guid && text.bytes().any(|byte| byte.is_ascii_uppercase())).then(|| text.to_ascii_lowercase())
}

/// Returns the key with a value of a type; `None` if the value cannot be one.
pub(crate) fn text(model: &Model, kind: PropertyType, value: KeyValue) -> Option<Arc<str>> {
    let text: Arc<str> = match (kind, value) {
        (_, KeyValue::Primitive(PrimitiveValue::Boolean(value))) => value.to_string().into(),
        (_, KeyValue::Primitive(PrimitiveValue::Integer(value))) => value.to_string().into(),
        (_, KeyValue::Primitive(PrimitiveValue::Float(value))) => float(value).into(),
        (_, KeyValue::Primitive(PrimitiveValue::Decimal(text))) => decimal(&text).into(),
        (_, KeyValue::Primitive(PrimitiveValue::DateTimeOffset(time))) => utc_text(time.ticks()).into(),
        (PropertyType::Enum(id), KeyValue::Enum(number)) => {
            let mut text = Vec::new();
            enums::write(model.enumeration(id), number, true, &mut text);
            String::from_utf8_lossy(&text).into()
        }
        (PropertyType::Primitive(primitive), KeyValue::Primitive(PrimitiveValue::Text(text))) => {
            match of_text(primitive, &text) {
                Cow::Borrowed(_) => text,
                Cow::Owned(text) => text.into(),
            }
        }
        (_, KeyValue::Primitive(PrimitiveValue::Text(text))) => text,
        (_, KeyValue::Primitive(PrimitiveValue::Json(_)) | KeyValue::Enum(_)) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the key that a literal of a type names, which is without quotes here; `None` if the type does not have such a value.
pub(crate) fn canonical<'k>(model: &Model, kind: PropertyType, literal: Cow<'k, str>) -> Option<Cow<'k, str>> {
    if kind == PropertyType::Primitive(Primitive::String) {
        return Some(literal);
    }
    text(model, kind, value(model, kind, &literal)?).map(|text| Cow::Owned(text.to_string()))
}

/// Returns the value of a key.
pub(crate) fn value(model: &Model, kind: PropertyType, key: &str) -> Option<KeyValue> {
    let primitive = match kind {
        PropertyType::Primitive(primitive) => primitive,
        PropertyType::Enum(id) => return enums::parse(model.enumeration(id), key, FlagSyntax::LENIENT).map(KeyValue::Enum),
        _ => return None,
    };
    let key = key.trim();
    let value = match primitive {
        Primitive::Boolean => PrimitiveValue::Boolean(key.parse().ok()?),
        _ if primitive.is_integer() => {
            // A sign and leading zeros are a part of literals, but not of JSON.
            let (least, greatest) = primitive.range()?;
            PrimitiveValue::Integer(key.parse().ok().filter(|number| (least..=greatest).contains(number))?)
        }
        Primitive::Double | Primitive::Single if !matches!(key, "INF" | "-INF" | "NaN") => {
            let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
            PrimitiveValue::Float(key.parse().ok().filter(|value: &f64| key.bytes().all(is_number) && value.is_finite())?)
        }
        Primitive::Decimal => {
            let digits = key.strip_prefix('+').unwrap_or(key);
            match json::parse(digits.as_bytes()).ok()? {
                number @ Json::Number(_) => primitive.read(&number, LongNumbers::Numbers).ok()?,
                _ => return None,
            }
        }
        _ => primitive.read(&Json::String(key.into()), LongNumbers::Numbers).ok()?,
    };
    Some(KeyValue::Primitive(value))
}

/// Returns the one text of a value whose JSON form is a string.
fn of_text(primitive: Primitive, text: &str) -> Cow<'_, str> {
    match primitive {
        Primitive::Guid if text.bytes().any(|byte| byte.is_ascii_uppercase()) => text.to_ascii_lowercase().into(),
        // The alphabet that addresses take, without padding.
        Primitive::Binary if text.contains(['+', '/', '=']) => {
            text.trim_end_matches('=').replace('+', "-").replace('/', "_").into()
        }
        Primitive::Duration => primitive::duration(text).map_or(text.into(), |nanoseconds| duration(nanoseconds).into()),
        Primitive::TimeOfDay => primitive::time_of_day(text).map_or(text.into(), |nanoseconds| time_of_day(nanoseconds).into()),
        _ => text.into(),
    }
}

fn float(value: f64) -> String {
    let mut text = Vec::new();
    primitive::write_float(value, &mut text);
    String::from_utf8_lossy(&text).trim_matches('"').to_owned()
}

/// Writes a decimal number without an exponent, and without zeros that mean nothing.
fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()),
        None => (digits, Some(0)),
    };
    let Some(exponent) = exponent.filter(|exponent| (-LARGEST_EXPONENT..=LARGEST_EXPONENT).contains(exponent)) else {
        return text.to_owned();
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = usize::try_from(LARGEST_EXPONENT).unwrap_or_default();
    // The point is moved within zeros on both sides.
    let all = [&"0".repeat(places), whole, fraction, &"0".repeat(places)].concat();
    let point = usize::try_from(exponent + LARGEST_EXPONENT).unwrap_or_default() + whole.len();
    let (whole, fraction) = all.split_at(point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => [sign, whole].concat(),
        (whole, fraction) => [sign, whole, ".", fraction].concat(),
    }
}

/// Writes a duration by its largest units.
fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, fraction) = (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
    let mut text = format!("{sign}P");
    if seconds >= 86_400 {
        text.push_str(&format!("{}D", seconds / 86_400));
    }
    let clock = [(seconds % 86_400 / 3_600, 'H'), (seconds % 3_600 / 60, 'M')];
    let (has_clock, has_seconds) = (seconds % 86_400 > 0 || fraction > 0, seconds % 60 > 0 || fraction > 0);
    if !has_clock && seconds > 0 {
        return text;
    }
    text.push('T');
    for (number, unit) in clock.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!("{number}{unit}"));
    }
    if has_seconds || !has_clock {
        text.push_str(&format!("{}{}S", seconds % 60, fraction_text(fraction)));
    }
    text
}

fn time_of_day(nanoseconds: i64) -> String {
    let nanoseconds = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds % 3_600 / 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}{}", fraction_text(fraction))
}

fn fraction_text(nanoseconds: u64) -> String {
    if nanoseconds == 0 { String::new() } else { format!(".{nanoseconds:09}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_text() {
        let texts = |texts: &[&str]| texts.iter().map(|text| decimal(text)).collect::<Vec<_>>();
        assert_eq!(texts(&["12.50", "12.5", "1.25e1", "0125e-1"]), ["12.5"; 4]);
        assert_eq!(texts(&["0", "-0", "0.00", "0e9"]), ["0"; 4]);
        assert_eq!(texts(&["-100", "-1e2", "0.001", "1e-3"]), ["-100", "-100", "0.001", "0.001"]);
        for large in ["1e999", "1e2147483647", "1e-2147483647", "1e-2147483648", "1e-2147483649"] {
            assert_eq!(decimal(large), large, "it is not written out");
        }
        let durations = ["PT36H", "P1DT12H", "P1D", "PT0S", "-PT90S", "P1DT2H3M4.5S"];
        let read = durations.map(|text| of_text(Primitive::Duration, text).into_owned());
        assert_eq!(read, ["P1DT12H", "P1DT12H", "P1D", "PT0S", "-PT1M30S", "P1DT2H3M4.5S"]);
        let times = ["08:30", "08:30:00.000", "23:59:59.1200"].map(|text| of_text(Primitive::TimeOfDay, text).into_owned());
        assert_eq!(times, ["08:30:00", "08:30:00", "23:59:59.12"]);
        assert_eq!(of_text(Primitive::Binary, "AQID/+8="), of_text(Primitive::Binary, "AQID_-8"));
    }
}
