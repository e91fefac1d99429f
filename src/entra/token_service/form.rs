//! Form-encoded parameters of a query and a body.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::EntraRequest;
use crate::text::form;

/// The longest form, in bytes. Libraries send a few kilobytes; a parsed form takes many times its size in memory.
const LIMIT: usize = 64 * 1024;

/// Parameters in order.
pub(super) struct Form<'f>(Vec<(Cow<'f, str>, Cow<'f, str>)>);

impl<'f> Form<'f> {
    /// Reads the parameters of a request: those of the body, then those of the query. A text above the size limit is ignored.
    pub(super) fn of(request: &EntraRequest<'f>) -> Form<'f> {
        let texts = [request.body, request.query.as_bytes()];
        Form(texts.into_iter().filter(|text| text.len() <= LIMIT).flat_map(form::fields_of_bytes).collect())
    }

    /// Reads the parameters of a text.
    pub(super) fn of_text(text: &'f [u8]) -> Form<'f> {
        Form(if text.len() <= LIMIT { form::fields_of_bytes(text).collect() } else { Vec::new() })
    }

    /// Returns the parameters as text.
    pub(super) fn text(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<String>>().join("&")
    }

    /// Returns the first non-empty value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, value)| other == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn value(body: &[u8], query: &str, name: &str) -> Option<String> {
        let request = EntraRequest { method: &Method::POST, query, headers: &HeaderMap::new(), body, base_url: "" };
        Form::of(&request).get(name).map(str::to_owned)
    }

    #[test]
    fn parameters_are_decoded_and_the_first_with_a_value_counts() {
        let body = b"a=1+2%2B&&b&=x&b=%zz&a=3&c=%ff";
        let expected =
            [("a", Some("1 2+")), ("b", Some("%zz")), ("c", Some("\u{fffd}")), ("d", Some("4")), ("e", None), ("", Some("x"))];
        for (name, expected) in expected {
            assert_eq!(value(body, "d=4&a=5", name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_text_beyond_the_limit_is_ignored() {
        let longest = "a=1&".repeat(LIMIT / 4);
        assert_eq!(value(longest.as_bytes(), "", "a").as_deref(), Some("1"));
        assert_eq!(value(format!("{longest}&").as_bytes(), "b=2", "a"), None);
    }
}
