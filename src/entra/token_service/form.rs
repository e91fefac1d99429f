//! Form-encoded parameters, of a query and of a body.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::EntraRequest;

/// How long a form may be that is read. Libraries send a few kilobytes; one of the greatest length that a body may have would take
/// many times its size in memory.
const LIMIT: usize = 64 * 1024;

/// Parameters in their order.
pub(super) struct Form<'f>(Vec<(Cow<'f, str>, Cow<'f, str>)>);

impl<'f> Form<'f> {
    /// Reads the parameters of a request: those of the body, then those of the query. What is too long has none.
    pub(super) fn of(asked: &EntraRequest<'f>) -> Form<'f> {
        let texts = [asked.body, asked.query.as_bytes()];
        let pairs = texts
            .into_iter()
            .filter(|text| text.len() <= LIMIT)
            .flat_map(|text| text.split(|byte| *byte == b'&'))
            .filter(|pair| !pair.is_empty());
        Form(pairs.map(|pair| split(pair)).collect())
    }

    /// Returns the first value of a parameter that has one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, value)| other == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

fn split(pair: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    (decoded(&pair[..equals]), decoded(pair.get(equals + 1..).unwrap_or_default()))
}

fn decoded(text: &[u8]) -> Cow<'_, str> {
    if !text.contains(&b'+') {
        return percent_decode(text).decode_utf8_lossy();
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    fn value(body: &[u8], query: &str, name: &str) -> Option<String> {
        let asked = EntraRequest { method: &Method::POST, query, headers: &HeaderMap::new(), body, base_url: "" };
        Form::of(&asked).get(name).map(str::to_owned)
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
    fn what_is_too_long_is_not_read() {
        let longest = "a=1&".repeat(LIMIT / 4);
        assert_eq!(value(longest.as_bytes(), "", "a").as_deref(), Some("1"));
        assert_eq!(value(format!("{longest}&").as_bytes(), "b=2", "a"), None);
    }
}
