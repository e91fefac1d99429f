//! The primitive types of OData: names, JSON forms, ranges and lexical forms, one row per type (CSDL 4.01, 3.3; JSON Format 4.01, 7.1).

use std::sync::Arc;

use jiff::civil::Date;

use crate::edm::date_time::DateTimeOffset;
use crate::text::json::Json;

/// A primitive type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `Edm.Binary`
    Binary,
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.Byte`
    Byte,
    /// `Edm.Date`
    Date,
    /// `Edm.DateTimeOffset`
    DateTimeOffset,
    /// `Edm.Decimal`
    Decimal,
    /// `Edm.Double`
    Double,
    /// `Edm.Duration`
    Duration,
    /// `Edm.Guid`
    Guid,
    /// `Edm.Int16`
    Int16,
    /// `Edm.Int32`
    Int32,
    /// `Edm.Int64`
    Int64,
    /// `Edm.SByte`
    SByte,
    /// `Edm.Single`
    Single,
    /// `Edm.Stream`
    Stream,
    /// `Edm.String`
    String,
    /// `Edm.TimeOfDay`
    TimeOfDay,
    /// `Edm.Untyped`: any JSON, which comes back as it was
    Untyped,
}

/// The JSON form of a type.
#[derive(Clone, Copy)]
enum Form {
    /// `true` or `false`.
    Boolean,
    /// A number without fraction and exponent, in a range.
    Integer(i64, i64),
    /// A number, or one of the strings `INF`, `-INF` and `NaN`. Up to a magnitude.
    Float(f64),
    /// A number of any length.
    Decimal,
    /// A string with a point in time.
    Time,
    /// A string of a lexical form.
    Text(fn(&str) -> bool),
    /// Any JSON.
    Any,
}

/// The row of a type.
struct Row {
    /// The qualified name.
    name: &'static str,
    form: Form,
    /// The values in messages.
    expected: &'static str,
    /// Whether JSON implies the type, so that full metadata omits it (JSON Format 4.0, 4.5.3). ODataLib counts `Edm.Int32` too.
    is_implied: bool,
}

/// The form of numbers with more digits than a JSON parser may keep: `Edm.Int64` and `Edm.Decimal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LongNumbers {
    /// JSON numbers.
    #[default]
    Numbers,
    /// Strings, as the format parameter `IEEE754Compatible=true` requires (JSON Format 4.0, 3.2).
    Strings,
}

impl LongNumbers {
    /// Returns the form under a value of `IEEE754Compatible`.
    pub(crate) fn compatible(is_compatible: bool) -> LongNumbers {
        if is_compatible { LongNumbers::Strings } else { LongNumbers::Numbers }
    }
}

/// A value of a primitive type.
#[derive(Clone, Debug, PartialEq)]
pub enum PrimitiveValue {
    /// `Edm.Boolean`
    Boolean(bool),
    /// An integer type.
    Integer(i64),
    /// `Edm.Double` or `Edm.Single`
    Float(f64),
    /// `Edm.Decimal`, as a JSON number.
    Decimal(Arc<str>),
    /// `Edm.DateTimeOffset`
    DateTimeOffset(DateTimeOffset),
    /// Any other type, in its lexical form.
    Text(Arc<str>),
    /// `Edm.Untyped`, as compact JSON.
    Json(Arc<str>),
}

/// The reason why a JSON value is not a value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The value has another JSON kind, or is a number out of range.
    Kind,
    /// The string does not have the lexical form of the type.
    Text,
}

impl Primitive {
    /// All primitive types, by name.
    pub const ALL: [Primitive; 18] = [
        Primitive::Binary,
        Primitive::Boolean,
        Primitive::Byte,
        Primitive::Date,
        Primitive::DateTimeOffset,
        Primitive::Decimal,
        Primitive::Double,
        Primitive::Duration,
        Primitive::Guid,
        Primitive::Int16,
        Primitive::Int32,
        Primitive::Int64,
        Primitive::SByte,
        Primitive::Single,
        Primitive::Stream,
        Primitive::String,
        Primitive::TimeOfDay,
        Primitive::Untyped,
    ];

    #[rustfmt::skip]
    fn row(self) -> Row {
        let row = |name, form, expected, is_implied| Row { name, form, expected, is_implied };
        match self {
            Primitive::Binary => row("Edm.Binary", Form::Text(is_base64), "a base64 string", false),
            Primitive::Boolean => row("Edm.Boolean", Form::Boolean, "true or false", true),
            Primitive::Byte => row("Edm.Byte", Form::Integer(0, 255), "a whole number from 0 to 255", false),
            Primitive::Date => row("Edm.Date", Form::Text(is_date), "a date such as 2021-03-12", false),
            Primitive::DateTimeOffset => row("Edm.DateTimeOffset", Form::Time, "a string with a date", false),
            Primitive::Decimal => row("Edm.Decimal", Form::Decimal, "a number", false),
            Primitive::Double => row("Edm.Double", Form::Float(f64::MAX), "a number", true),
            Primitive::Duration => row("Edm.Duration", Form::Text(is_duration), "a duration such as PT1H30M", false),
            Primitive::Guid => row("Edm.Guid", Form::Text(is_guid), "a GUID", false),
            Primitive::Int16 => row("Edm.Int16", Form::Integer(-32_768, 32_767), "a whole number from -32768 to 32767", false),
            Primitive::Int32 => row("Edm.Int32", Form::Integer(i64::from(i32::MIN), i64::from(i32::MAX)), "a whole number from -2147483648 to 2147483647", true),
            Primitive::Int64 => row("Edm.Int64", Form::Integer(i64::MIN, i64::MAX), "a whole number from -9223372036854775808 to 9223372036854775807", false),
            Primitive::SByte => row("Edm.SByte", Form::Integer(-128, 127), "a whole number from -128 to 127", false),
            Primitive::Single => row("Edm.Single", Form::Float(f64::from(f32::MAX)), "a number", false),
            Primitive::Stream => row("Edm.Stream", Form::Text(|_| true), "a string", false),
            Primitive::String => row("Edm.String", Form::Text(|_| true), "a string", true),
            Primitive::TimeOfDay => row("Edm.TimeOfDay", Form::Text(is_time_of_day), "a time such as 08:30:00", false),
            Primitive::Untyped => row("Edm.Untyped", Form::Any, "any JSON", true),
        }
    }

    /// Returns the qualified name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the name without the namespace.
    pub fn local_name(self) -> &'static str {
        self.name().trim_start_matches("Edm.")
    }

    /// Describes a valid value, for messages about one that has the right JSON kind.
    pub fn example(self) -> String {
        match self {
            Primitive::DateTimeOffset => "a date such as 2021-03-12T17:37:05.84Z".to_owned(),
            other => other.expected().to_owned(),
        }
    }

    /// Returns the type with a qualified name.
    pub fn named(name: &str) -> Option<Primitive> {
        Primitive::ALL.into_iter().find(|primitive| primitive.name() == name)
    }

    /// Returns the type with a name in the namespace `Edm`.
    pub(crate) fn local_named(local_name: &str) -> Option<Primitive> {
        let is_named = |name: &str| name.strip_prefix("Edm.") == Some(local_name);
        Primitive::ALL.into_iter().find(|primitive| is_named(primitive.name()))
    }

    /// Returns the type that a payload names, in any case. `Edm.Untyped` is abstract: no value has it as its type.
    pub(crate) fn of_value(local_name: &str) -> Option<Primitive> {
        let mut concrete = Primitive::ALL.into_iter().filter(|primitive| *primitive != Primitive::Untyped);
        concrete.find(|primitive| primitive.local_name().eq_ignore_ascii_case(local_name))
    }

    /// Returns the least and the greatest value of an integer type.
    pub(crate) fn range(self) -> Option<(i64, i64)> {
        match self.row().form {
            Form::Integer(min, max) => Some((min, max)),
            _ => None,
        }
    }

    /// Describes the values, for messages.
    pub fn expected(self) -> &'static str {
        self.row().expected
    }

    /// Whether the values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self.row().form, Form::Integer(..) | Form::Float(_) | Form::Decimal)
    }

    /// Returns the value of .NET for an absent one, if it has a form in JSON.
    pub(crate) fn absent(self) -> Option<PrimitiveValue> {
        let text = |text: &str| Some(PrimitiveValue::Text(text.into()));
        match self {
            Primitive::Boolean => Some(PrimitiveValue::Boolean(false)),
            Primitive::Double | Primitive::Single => Some(PrimitiveValue::Float(0.0)),
            Primitive::Decimal => Some(PrimitiveValue::Decimal("0".into())),
            Primitive::Guid => text("00000000-0000-0000-0000-000000000000"),
            Primitive::DateTimeOffset => DateTimeOffset::parse("0001-01-01T00:00:00Z").map(PrimitiveValue::DateTimeOffset),
            Primitive::Date => text("0001-01-01"),
            Primitive::TimeOfDay => text("00:00:00.0000000"),
            Primitive::Duration => text("PT0S"),
            Primitive::Binary | Primitive::Stream | Primitive::String | Primitive::Untyped => None,
            other if other.is_integer() => Some(PrimitiveValue::Integer(0)),
            _ => None,
        }
    }

    /// Whether the values are whole numbers.
    pub fn is_integer(self) -> bool {
        matches!(self.row().form, Form::Integer(..))
    }

    /// Whether literals in URLs have no quotes.
    pub fn has_bare_literals(self) -> bool {
        !matches!(self, Primitive::String | Primitive::Binary | Primitive::Duration | Primitive::Stream | Primitive::Untyped)
    }

    /// Whether JSON implies the type.
    pub fn is_implied(self) -> bool {
        self.row().is_implied
    }

    /// Whether a JSON value has the kind of the type's values.
    pub(crate) fn has_json_kind(self, json: &Json<'_>) -> bool {
        match self.row().form {
            Form::Boolean => matches!(json, Json::Boolean(_)),
            Form::Integer(..) | Form::Float(_) | Form::Decimal => matches!(json, Json::Number(_)),
            Form::Time | Form::Text(_) => matches!(json, Json::String(_)),
            Form::Any => true,
        }
    }

    /// Reads a JSON value other than null.
    pub(crate) fn read(self, json: &Json<'_>, long_numbers: LongNumbers) -> Result<PrimitiveValue, Mismatch> {
        match (self.row().form, json) {
            (Form::Boolean, Json::Boolean(value)) => Ok(PrimitiveValue::Boolean(*value)),
            (Form::Integer(min, max), Json::Number(number)) => {
                // Integers are JSON numbers without fraction and exponent (OData ABNF, int32Value).
                let value = number.as_i64().filter(|value| (min..=max).contains(value));
                value.map(PrimitiveValue::Integer).ok_or(Mismatch::Kind)
            }
            (Form::Integer(..), Json::String(text)) if self == Primitive::Int64 && long_numbers == LongNumbers::Strings => {
                text.parse().map(PrimitiveValue::Integer).map_err(|_| Mismatch::Text)
            }
            (Form::Float(limit), Json::Number(number)) => {
                let value = number.as_f64().filter(|value| value.abs() <= limit);
                value.map(PrimitiveValue::Float).ok_or(Mismatch::Kind)
            }
            (Form::Float(_), Json::String(text)) => match &**text {
                "INF" => Ok(PrimitiveValue::Float(f64::INFINITY)),
                "-INF" => Ok(PrimitiveValue::Float(f64::NEG_INFINITY)),
                "NaN" => Ok(PrimitiveValue::Float(f64::NAN)),
                _ => Err(Mismatch::Kind),
            },
            (Form::Decimal, Json::Number(number)) => Ok(PrimitiveValue::Decimal(number.to_string().into())),
            (Form::Decimal, Json::String(text)) if long_numbers == LongNumbers::Strings => {
                if is_decimal(text) {
                    Ok(PrimitiveValue::Decimal(text.as_ref().into()))
                } else {
                    Err(Mismatch::Text)
                }
            }
            (Form::Time, Json::String(text)) => {
                DateTimeOffset::parse(text).map(PrimitiveValue::DateTimeOffset).ok_or(Mismatch::Text)
            }
            (Form::Text(is_valid), Json::String(text)) => {
                if is_valid(text) {
                    // GUIDs of any case are one value, written in lower case.
                    let text = if self == Primitive::Guid { text.to_ascii_lowercase().into() } else { text.as_ref().into() };
                    Ok(PrimitiveValue::Text(text))
                } else {
                    Err(Mismatch::Text)
                }
            }
            (Form::Any, json) => {
                let mut text = Vec::new();
                json.write(&mut text);
                Ok(PrimitiveValue::Json(String::from_utf8_lossy(&text).into()))
            }
            _ => Err(Mismatch::Kind),
        }
    }
}

/// Writes a number of the type `Edm.Double` or `Edm.Single` as JSON.
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    let text = match value {
        value if value.is_nan() => "\"NaN\"".to_owned(),
        f64::INFINITY => "\"INF\"".to_owned(),
        f64::NEG_INFINITY => "\"-INF\"".to_owned(),
        // The shortest text that reads back to the same number; whole numbers have a fraction, as ODataLib writes them.
        value => format!("{value:?}"),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Returns the nanoseconds since midnight of an `Edm.TimeOfDay`: `hh:mm[:ss[.s…]]` (OData ABNF, timeOfDayValue).
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let (hour, minute, second) = match clock.as_bytes() {
        [_, _, b':', _, _] if fraction.is_none() => (&clock[..2], &clock[3..], "00"),
        [_, _, b':', _, _, b':', _, _] => (&clock[..2], &clock[3..5], &clock[6..]),
        _ => return None,
    };
    let [hour, minute, second] =
        [(hour, 24), (minute, 60), (second, 60)].map(|(digits, limit)| number(digits).filter(|number| *number < limit));
    let whole = hour? * 3600 + minute? * 60 + second?;
    let nanoseconds = fraction.map_or(Some(0), |digits| fraction_of(digits, 12))?;
    Some(whole * 1_000_000_000 + nanoseconds)
}

/// Returns the nanoseconds of an `Edm.Duration`: `[-]P[nD][T[nH][nM][n[.s…]S]]` (OData ABNF, durationValue), within 292 years.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let text = text.strip_prefix('P')?;
    let (days, clock) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (text, ""),
    };
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    let mut total = match days {
        "" => 0,
        days => number(days.strip_suffix('D')?)?.checked_mul(86_400_000_000_000)?,
    };
    let mut rest = clock;
    for (unit, scale) in [('H', 3_600_000_000_000), ('M', 60_000_000_000)] {
        if let Some((digits, behind)) = rest.split_once(unit) {
            total = total.checked_add(number(digits)?.checked_mul(scale)?)?;
            rest = behind;
        }
    }
    if !rest.is_empty() {
        let seconds = rest.strip_suffix('S')?;
        let (whole, fraction) = seconds.split_once('.').map_or((seconds, None), |(whole, fraction)| (whole, Some(fraction)));
        total = total.checked_add(number(whole)?.checked_mul(1_000_000_000)?)?;
        total = total.checked_add(fraction.map_or(Some(0), |digits| fraction_of(digits, usize::MAX))?)?;
    }
    Some(sign * total)
}

fn is_time_of_day(text: &str) -> bool {
    time_of_day(text).is_some()
}

fn is_duration(text: &str) -> bool {
    duration(text).is_some()
}

/// Whether a text is a date, `yyyy-mm-dd`, in the calendar.
fn is_date(text: &str) -> bool {
    let is_shaped = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(is_shaped) && text.parse::<Date>().is_ok()
}

fn is_guid(text: &str) -> bool {
    let is_shaped =
        |(index, byte): (usize, u8)| if matches!(index, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    text.len() == 36 && text.bytes().enumerate().all(is_shaped)
}

/// Whether a text is base64 or base64url, padded or not: clients send all of them, and ODataLib takes both.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    text.len() - digits.len() <= 2 && digits.len() % 4 != 1 && digits.bytes().all(is_digit)
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].into_iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads a number of digits alone.
fn number(digits: &str) -> Option<i64> {
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Reads the digits of a fraction of a second as nanoseconds; further digits are truncated.
fn fraction_of(digits: &str, limit: usize) -> Option<i64> {
    let is_valid = (1..=limit).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let significant = digits.get(..digits.len().min(9)).filter(|_| is_valid)?;
    let scale = 10_i64.pow(u32::try_from(9 - significant.len()).ok()?);
    Some(number(significant)? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json;

    #[test]
    fn a_payload_names_every_primitive_type_but_the_abstract_one() {
        for primitive in Primitive::ALL {
            let is_concrete = primitive != Primitive::Untyped;
            let expected = is_concrete.then_some(primitive);
            assert_eq!(Primitive::of_value(primitive.local_name()), expected);
            assert_eq!(Primitive::of_value(&primitive.local_name().to_uppercase()), expected);
            assert_eq!(Primitive::of_value(primitive.name()), None, "the namespace is no part of the name");
        }
        assert_eq!(Primitive::of_value("PrimitiveType"), None);
    }

    fn read(primitive: Primitive, text: &str) -> Result<PrimitiveValue, Mismatch> {
        primitive.read(&json::parse(text.as_bytes()).unwrap(), LongNumbers::Numbers)
    }

    /// Values and other JSON of each type.
    #[rustfmt::skip]
    const CASES: [(Primitive, &[&str], &[&str]); 18] = [
        (Primitive::Binary, &[r#""""#, r#""AAE=""#, r#""AAE""#, r#""-_8=""#, r#""AAECAw==""#], &[r#""A""#, r#""A A=""#, r#""AAE===""#, "1"]),
        (Primitive::Boolean, &["true", "false"], &["0", r#""true""#]),
        (Primitive::Byte, &["0", "255"], &["-1", "256", "1.5", "1.0", r#""1""#]),
        (Primitive::Date, &[r#""2024-02-29""#, r#""0001-01-01""#], &[r#""2023-02-29""#, r#""2024-2-9""#, r#""20240229""#, r#""2024-02-29T00:00:00Z""#, "2024"]),
        (Primitive::DateTimeOffset, &[r#""2021-03-12T17:37:05.84Z""#], &[r#""2021-03-12""#, "0"]),
        (Primitive::Decimal, &["1", "-1.50", "12345678901234567890"], &[r#""1""#, "true"]),
        (Primitive::Double, &["1", "-0.5", "1e300", r#""INF""#, r#""-INF""#, r#""NaN""#], &[r#""1""#, r#""inf""#, "null"]),
        (Primitive::Duration, &[r#""PT1H""#, r#""-P1DT2H3M4.5S""#, r#""P0D""#, r#""PT0S""#], &[r#""P""#, r#""PT""#, r#""1H""#, r#""P1H""#, r#""PT1H1D""#, r#""P1Y""#, "3600"]),
        (Primitive::Guid, &[r#""e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d""#], &[r#""e9fd3b22""#, r#""{e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d}""#, r#""g9fd3b22-4e5c-4a0a-9d17-afe306a1e10d""#]),
        (Primitive::Int16, &["-32768", "32767"], &["-32769", "32768"]),
        (Primitive::Int32, &["-2147483648", "2147483647"], &["-2147483649", "2147483648", "1e3", "1.0"]),
        (Primitive::Int64, &["-9223372036854775808", "9223372036854775807"], &["9223372036854775808", r#""1""#]),
        (Primitive::SByte, &["-128", "127"], &["-129", "128"]),
        (Primitive::Single, &["3.5", "3.4e38"], &["3.5e38", "-1e39"]),
        (Primitive::Stream, &[r#""anything""#], &["1"]),
        (Primitive::String, &[r#""anything""#], &["1", "[]", "{}"]),
        (Primitive::TimeOfDay, &[r#""08:30""#, r#""23:59:59.999999999999""#], &[r#""24:00""#, r#""8:30""#, r#""08:60:00""#, r#""08:30.5""#, r#""08:30:00.""#, "8"]),
        (Primitive::Untyped, &["1", "{}", "[null]", r#""a""#], &[]),
    ];

    #[test]
    fn every_type_takes_its_own_forms_alone() {
        assert_eq!(CASES.map(|(primitive, ..)| primitive), Primitive::ALL);
        for (primitive, values, others) in CASES {
            for value in values {
                let read = read(primitive, value);
                assert!(read.is_ok(), "{primitive:?} {value}: {read:?}");
            }
            for other in others {
                assert!(read(primitive, other).is_err(), "{primitive:?} {other}");
            }
            assert_eq!(Primitive::named(primitive.name()), Some(primitive));
        }
    }

    #[test]
    fn a_text_that_looks_like_a_number_is_one_in_the_form_for_long_numbers_alone() {
        let string = |text: &'static str| Json::String(text.into());
        let read = |primitive: Primitive, text| primitive.read(&string(text), LongNumbers::Strings);
        assert_eq!(read(Primitive::Int64, "9007199254740993"), Ok(PrimitiveValue::Integer(9_007_199_254_740_993)));
        assert_eq!(read(Primitive::Decimal, "0.10"), Ok(PrimitiveValue::Decimal("0.10".into())));
        assert_eq!(
            read(Primitive::Decimal, "12345678901234567890.12345678901234567890").map(|_| ()),
            Ok(()),
            "more digits than an integer has"
        );
        assert_eq!(read(Primitive::Int64, "1.5"), Err(Mismatch::Text));
        assert_eq!(read(Primitive::Decimal, "1e3"), Err(Mismatch::Text));
        assert_eq!(read(Primitive::Int32, "1"), Err(Mismatch::Kind));
    }

    #[test]
    fn times_and_durations_have_lengths() {
        assert_eq!(time_of_day("08:30"), time_of_day("08:30:00.0"));
        assert_eq!(time_of_day("00:00:01.5"), Some(1_500_000_000));
        assert_eq!(duration("PT24H"), duration("P1D"));
        assert_eq!(duration("-PT1M0.25S"), Some(-60_250_000_000));
        assert_eq!(duration("P999999999999999D"), None, "no overflow");
    }

    #[test]
    fn floats_are_written_as_json() {
        let text = |value| {
            let mut out = Vec::new();
            write_float(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([text(1.0), text(-0.5), text(1e300)], ["1.0", "-0.5", "1e300"]);
        assert_eq!([text(f64::NAN), text(f64::INFINITY), text(f64::NEG_INFINITY)], ["\"NaN\"", "\"INF\"", "\"-INF\""]);
    }
}
