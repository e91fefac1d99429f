//! Form fields and query strings: `application/x-www-form-urlencoded`, in which a plus sign is a blank.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Decodes percent-encoding; a plus sign stays as it is. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_decode(text.as_bytes()).decode_utf8_lossy()
}

/// Decodes a name or a value.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    decoded_bytes(text.as_bytes())
}

/// Splits a query string or a form into its fields, as they are written. A field without `=` has an empty value; empty fields are
/// skipped.
pub(crate) fn raw_fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter(|field| !field.is_empty()).map(|field| field.split_once('=').unwrap_or((field, "")))
}

/// Splits a query string or a form into its fields, decoded.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw_fields(text).map(|(name, value)| (decoded(name), decoded(value)))
}

/// Splits a form that need not be UTF-8 into its fields, decoded.
pub(crate) fn fields_of_bytes(text: &[u8]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    text.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).map(|field| {
        let equals = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
        (decoded_bytes(&field[..equals]), decoded_bytes(field.get(equals + 1..).unwrap_or_default()))
    })
}

fn decoded_bytes(text: &[u8]) -> Cow<'_, str> {
    if !text.contains(&b'+') {
        return percent_decode(text).decode_utf8_lossy();
    }
    let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&blanks).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_values_are_decoded() {
        let found: Vec<(String, String)> =
            fields("a=1+2%2B&&b&=x&%24c=%zz&d=%ff&e=f=g").map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let expected = [("a", "1 2+"), ("b", ""), ("", "x"), ("$c", "%zz"), ("d", "\u{fffd}"), ("e", "f=g")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(percent_decoded("a+b%20c"), "a+b c");
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn text_and_bytes_have_the_same_fields(text in "[a&=+%é0-9]{0,24}") {
            prop_assert!(fields(&text).eq(fields_of_bytes(text.as_bytes())));
        }
    }
}
