//! The shapes of values that vary from run to run.

use crate::edm::date_time::DateTimeOffset;
use crate::text::guid::{self, is_guid};

/// The shape of a volatile value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ValueShape {
    /// An empty text.
    Empty,
    /// A GUID, behind a prefix such as `WFI_`, which may be empty.
    Id(String),
    /// A time with its zone: `Z` or an offset.
    DateTime {
        /// Whether the zone is written `Z`.
        is_zulu: bool,
    },
    /// A time to the second, without a zone.
    LocalDateTime,
    /// A date in the format of HTTP.
    HttpDate,
    /// A number, with or without a fraction.
    Number,
    /// An entity tag, weak or strong.
    EntityTag {
        /// Whether it begins with `W/`.
        is_weak: bool,
    },
    /// A JSON object with members of these names.
    Object(Vec<String>),
    /// Any other text.
    Text,
}

impl ValueShape {
    /// Returns the shape of a text.
    pub(super) fn of(text: &str) -> ValueShape {
        if text.is_empty() {
            return ValueShape::Empty;
        }
        if let Some(prefix) = id_prefix(text) {
            return ValueShape::Id(prefix.to_owned());
        }
        if DateTimeOffset::parse(text).is_some() {
            return ValueShape::DateTime { is_zulu: text.ends_with(['Z', 'z']) };
        }
        if text.len() == 19 && DateTimeOffset::parse(&format!("{text}Z")).is_some() {
            return ValueShape::LocalDateTime;
        }
        if is_http_date(text) {
            return ValueShape::HttpDate;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.parse::<f64>().is_ok() {
            return ValueShape::Number;
        }
        let strong = text.strip_prefix("W/").unwrap_or(text);
        if strong.len() >= 2 && strong.starts_with('"') && strong.ends_with('"') {
            return ValueShape::EntityTag { is_weak: strong.len() < text.len() };
        }
        if text.starts_with('{')
            && let Ok(members) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)
        {
            let mut names: Vec<String> = members.keys().cloned().collect();
            names.sort();
            return ValueShape::Object(names);
        }
        ValueShape::Text
    }

    /// Describes the shape for reports.
    pub(super) fn describe(&self) -> String {
        match self {
            ValueShape::Empty => "an empty text".to_owned(),
            ValueShape::Id(prefix) if prefix.is_empty() => "a GUID".to_owned(),
            ValueShape::Id(prefix) => format!("{prefix} and a GUID"),
            ValueShape::DateTime { is_zulu: true } => "a time in UTC with Z".to_owned(),
            ValueShape::DateTime { is_zulu: false } => "a time with an offset".to_owned(),
            ValueShape::LocalDateTime => "a time to the second without a zone".to_owned(),
            ValueShape::HttpDate => "a date of HTTP".to_owned(),
            ValueShape::Number => "a number".to_owned(),
            ValueShape::EntityTag { is_weak: true } => "a weak entity tag".to_owned(),
            ValueShape::EntityTag { is_weak: false } => "a strong entity tag".to_owned(),
            ValueShape::Object(names) => format!("a JSON object of {}", names.join(", ")),
            ValueShape::Text => "some other text".to_owned(),
        }
    }
}

/// Returns the prefix of an id that ends in a GUID: empty, or a word and an underscore.
fn id_prefix(text: &str) -> Option<&str> {
    let start = text.len().checked_sub(guid::LENGTH).filter(|start| text.is_char_boundary(*start))?;
    let (prefix, id) = text.split_at(start);
    let is_prefix =
        prefix.is_empty() || prefix.ends_with('_') && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_guid(id) && is_prefix).then_some(prefix)
}

/// Returns whether a text has the form `Wed, 15 Dec 2021 08:35:08 GMT`.
fn is_http_date(text: &str) -> bool {
    let pattern = b"aaa, 00 aaa 0000 00:00:00 GMT";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(byte, wanted)| match wanted {
            b'a' => byte.is_ascii_alphabetic(),
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_of_value_has_its_shape() {
        for (text, shape) in [
            ("", ValueShape::Empty),
            ("05227533-379e-4a0a-9d17-afe306a1e10d", ValueShape::Id(String::new())),
            ("WFI_05227533-379e-4a0a-9d17-afe306a1e10d", ValueShape::Id("WFI_".to_owned())),
            ("WFI-05227533-379e-4a0a-9d17-afe306a1e10d", ValueShape::Text),
            ("2021-03-12T17:37:05.84Z", ValueShape::DateTime { is_zulu: true }),
            ("2017-01-01T00:00:46.1697867+03:00", ValueShape::DateTime { is_zulu: false }),
            ("2021-12-15T08:34:35", ValueShape::LocalDateTime),
            ("Wed, 15 Dec 2021 08:35:08 GMT", ValueShape::HttpDate),
            ("889", ValueShape::Number),
            ("2.128", ValueShape::Number),
            ("W/\"a\"", ValueShape::EntityTag { is_weak: true }),
            ("\"42006ecc-0000-0000-0000-5ca35d410000\"", ValueShape::EntityTag { is_weak: false }),
            ("{\"b\":1,\"a\":{}}", ValueShape::Object(vec!["a".to_owned(), "b".to_owned()])),
            ("2021-02-30T00:00:00Z", ValueShape::Text),
            ("yesterday", ValueShape::Text),
        ] {
            assert_eq!(ValueShape::of(text), shape, "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn every_text_has_a_shape(text in prop_oneof![any::<String>(), "[0-9a-f-]{30,40}|[{}\":a]{0,9}"]) {
            prop_assert!(!ValueShape::of(&text).describe().is_empty());
        }
    }
}
