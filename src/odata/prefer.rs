//! The `Prefer` header (RFC 7240, OData 4.0 Part 1, 8.2.8).

use std::borrow::Cow;
use std::num::NonZeroUsize;

use http::header::{HeaderMap, HeaderName};

/// The request header.
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The supported preferences of a request. Unknown preferences are ignored, as the RFC requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// `return=minimal` or `return=representation`.
    pub answer: Option<Return>,
    /// `include-unknown-enum-members`
    pub include_unknown_enum_members: bool,
    /// `odata.maxpagesize`, with or without the prefix
    pub max_page_size: Option<NonZeroUsize>,
}

/// The requested answer of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    /// Only headers.
    Minimal,
    /// The entity.
    Representation,
}

impl Preferences {
    /// Parses all `Prefer` headers. Of duplicate preferences the first wins (RFC 7240, 2).
    pub(crate) fn of(headers: &HeaderMap) -> Preferences {
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
            } else if name.eq_ignore_ascii_case("odata.maxpagesize") || name.eq_ignore_ascii_case("maxpagesize") {
                preferences.max_page_size = preferences.max_page_size.or(value.parse().ok());
            }
        }
        preferences
    }

    /// Whether a request has another preference, one without a value.
    pub(crate) fn has(headers: &HeaderMap, wanted: &str) -> bool {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(list_items).any(|preference| preference.trim().eq_ignore_ascii_case(wanted))
    }

    /// Returns the value of another preference, the first one.
    pub(crate) fn value(headers: &HeaderMap, wanted: &str) -> Option<String> {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(list_items).filter_map(|preference| preference.split_once('='));
        let mut found = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.split(';').next().unwrap_or_default().trim().trim_matches('"').to_owned())
    }

    /// Returns the value of `Preference-Applied` for the applied preferences.
    pub(crate) fn applied(self) -> Option<Cow<'static, str>> {
        let answer = self.answer.map(|answer| match answer {
            Return::Minimal => "return=minimal",
            Return::Representation => "return=representation",
        });
        let members = self.include_unknown_enum_members.then_some("include-unknown-enum-members");
        let page = self.max_page_size.map(|size| format!("odata.maxpagesize={size}"));
        match (answer, members, page) {
            (None, None, None) => None,
            (Some(one), None, None) | (None, Some(one), None) => Some(Cow::Borrowed(one)),
            (answer, members, page) => {
                let all: Vec<&str> = [answer, members, page.as_deref()].into_iter().flatten().collect();
                Some(Cow::Owned(all.join(",")))
            }
        }
    }
}

/// Splits a list at commas outside quoted strings.
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
    fn preferences_are_parsed_as_in_the_rfc() {
        let both = Preferences { answer: Some(Return::Representation), include_unknown_enum_members: true, max_page_size: None };
        assert_eq!(of(&["return=representation, include-unknown-enum-members"]), both);
        assert_eq!(of(&["Return = \"Representation\"; x=1", "INCLUDE-unknown-enum-members"]), both);
        assert_eq!(of(&["return=minimal, return=representation"]).answer, Some(Return::Minimal));
        assert_eq!(of(&["return=bogus, return=minimal"]).answer, None);
        assert_eq!(of(&["foo=\"a, return=minimal\", include-unknown-enum-members"]).answer, None);
        assert!(of(&["foo=\"a, b\", include-unknown-enum-members"]).include_unknown_enum_members);
        assert_eq!(
            of(&["maxpagesize=0, odata.maxpagesize=x", "OData.MaxPageSize=\"5\", maxpagesize=7"]).max_page_size,
            NonZeroUsize::new(5)
        );
        assert_eq!(of(&["odata.maxpagesize=5, return=minimal"]).applied().as_deref(), Some("return=minimal,odata.maxpagesize=5"));
        let mut headers = HeaderMap::new();
        headers.append(PREFER, "a=1, Outlook.TimeZone=\"Tonga, Standard Time\"; x=2, outlook.timezone=UTC".parse().unwrap());
        assert_eq!(Preferences::value(&headers, "outlook.timezone").as_deref(), Some("Tonga, Standard Time"));
        assert_eq!(Preferences::value(&headers, "outlook"), None);
        assert_eq!(of(&["respond-async, wait=10, return=everything", ""]), Preferences::default());
    }
}
