//! The `Prefer` header (RFC 7240, OData 4.0 Part 1, 8.2.8).

use http::header::{HeaderMap, HeaderName};

/// The request header.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a request prefers, as far as the emulator knows it. Unknown preferences are ignored, as the RFC says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `return=minimal` or `return=representation`.
    pub answer: Option<Return>,
    /// `include-unknown-enum-members`
    pub include_unknown_enum_members: bool,
}

/// How much a write shall answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// Nothing but headers.
    Minimal,
    /// The entity.
    Representation,
}

impl Preferences {
    /// Reads all `Prefer` headers. Of a preference that stands twice the first counts (RFC 7240, 2).
    pub fn of(headers: &HeaderMap) -> Preferences {
        let mut preferences = Preferences::default();
        let mut has_return = false;
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(list_items) {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = match preference.split_once('=') {
                Some((name, value)) => (name.trim(), value.trim().trim_matches('"')),
                None => (preference.trim(), ""),
            };
            if name.eq_ignore_ascii_case("return") && !has_return {
                has_return = true;
                preferences.answer = match value.to_ascii_lowercase().as_str() {
                    "minimal" => Some(Return::Minimal),
                    "representation" => Some(Return::Representation),
                    _ => None,
                };
            } else if name.eq_ignore_ascii_case("include-unknown-enum-members") {
                preferences.include_unknown_enum_members = true;
            }
        }
        preferences
    }

    /// Returns the value of `Preference-Applied` for those that an answer obeyed.
    pub fn applied(self) -> Option<&'static str> {
        match (self.answer, self.include_unknown_enum_members) {
            (None, false) => None,
            (None, true) => Some("include-unknown-enum-members"),
            (Some(Return::Minimal), false) => Some("return=minimal"),
            (Some(Return::Minimal), true) => Some("return=minimal,include-unknown-enum-members"),
            (Some(Return::Representation), false) => Some("return=representation"),
            (Some(Return::Representation), true) => Some("return=representation,include-unknown-enum-members"),
        }
    }
}

/// Splits a list at the commas that stand outside of quoted strings.
fn list_items(value: &str) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    value.split(move |character| {
        in_quotes ^= character == '"';
        character == ',' && !in_quotes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Preferences {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().unwrap());
        }
        Preferences::of(&headers)
    }

    #[test]
    fn preferences_are_read_as_the_rfc_says() {
        let both = Preferences { answer: Some(Return::Representation), include_unknown_enum_members: true };
        assert_eq!(of(&["return=representation, include-unknown-enum-members"]), both);
        assert_eq!(of(&["Return = \"Representation\"; x=1", "INCLUDE-unknown-enum-members"]), both);
        assert_eq!(of(&["return=minimal, return=representation"]).answer, Some(Return::Minimal));
        assert_eq!(of(&["return=bogus, return=minimal"]).answer, None);
        assert_eq!(of(&["foo=\"a, return=minimal\", include-unknown-enum-members"]).answer, None);
        assert!(of(&["foo=\"a, b\", include-unknown-enum-members"]).include_unknown_enum_members);
        assert_eq!(of(&["respond-async, wait=10, return=everything", ""]), Preferences::default());
    }
}
