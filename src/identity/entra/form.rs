//! Form-encoded parameters, of a query and of a body.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::Asked;

/// Parameters in their order.
pub(super) struct Form<'f>(Vec<(Cow<'f, str>, Cow<'f, str>)>);

impl<'f> Form<'f> {
    /// Reads the parameters of a request: those of the body, then those of the query.
    pub(super) fn of(asked: &Asked<'f>) -> Form<'f> {
        let texts = [asked.body, asked.query.as_bytes()];
        let pairs = texts.into_iter().flat_map(|text| text.split(|byte| *byte == b'&')).filter(|pair| !pair.is_empty());
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

    #[test]
    fn parameters_are_decoded_and_the_first_with_a_value_counts() {
        let asked = Asked {
            method: &Method::POST,
            query: "d=4&a=5",
            headers: &HeaderMap::new(),
            body: b"a=1+2%2B&&b&=x&b=%zz&a=3&c=%ff",
            base_url: "",
        };
        let form = Form::of(&asked);
        let values: Vec<_> = ["a", "b", "c", "d", "e", ""].into_iter().map(|name| form.get(name)).collect();
        assert_eq!(values, [Some("1 2+"), Some("%zz"), Some("\u{fffd}"), Some("4"), None, Some("x")]);
    }
}
