//! Secrets masked by one word, for outputs that need no pseudonyms: the journal, the log, verification and comparison reports.
//!
//! The names of people stay readable there. A text that cannot be parsed and mentions the name of a secret is masked as a whole.

use super::Redactor;
use crate::text::exchange::Exchange;
use crate::text::json;

/// Masks the secrets of an exchange, wherever they are repeated in it.
pub fn mask_exchange(exchange: &Exchange) -> Exchange {
    Redactor::masking().redact(exchange)
}

/// Masks the secrets in the address of a request: `user:password`, the path, the query and the fragment.
pub(crate) fn mask_target(target: &str) -> String {
    Redactor::masking().address(target, 0)
}

/// Masks the secrets of a text that has no name: JSON, a form, or words with addresses and assignments.
pub(crate) fn mask_text(text: &str) -> String {
    Redactor::masking().redact_text(text)
}

/// Masks the secrets of a JSON text; nothing if it is not JSON. A text without secrets stays as it is.
pub(crate) fn mask_json(text: &str) -> Option<String> {
    json::parse(text.as_bytes()).is_ok().then(|| mask_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::exchange::RecordedRequest;
    use crate::text::redact::REDACTED;
    use bytes::Bytes;
    use http::Method;
    use proptest::prelude::*;

    fn mask_body(body: &[u8], headers: &[(String, String)]) -> Bytes {
        let (method, target) = (Method::POST, "/v1.0/x".to_owned());
        let request = RecordedRequest { method, target, headers: headers.to_vec(), body: Bytes::copy_from_slice(body) };
        mask_exchange(&Exchange { comments: Vec::new(), request, response: None }).request.body
    }

    fn mask_content(text: &str) -> String {
        String::from_utf8(mask_body(text.as_bytes(), &[]).to_vec()).unwrap()
    }

    #[test]
    fn targets_are_masked_in_each_part() {
        for (target, expected) in [
            ("/x", "/x"),
            ("/x?a=b#c", "/x?a=b#c"),
            ("/x?token=hush&$skiptoken=abc", "/x?token=REDACTED&$skiptoken=abc"),
            ("/x?code=a#b", "/x?code=REDACTED"),
            ("/x?$filter=secret%20eq%20%22hush%22%20and%20b%20eq%20'c'", "/x?$filter=REDACTED"),
            ("/x?$filter=secret%20eq%20''hush''", "/x?$filter=REDACTED"),
            ("/x?a=b#id_token=hush&c=d", "/x?a=b#id_token=REDACTED&c=d"),
            ("/x#access_token=hush", "/x#access_token=REDACTED"),
            ("https://me:hush@a.test/b@c?d=e", "https://REDACTED@a.test/b@c?d=e"),
            ("/x?redirect_uri=https%3A%2F%2Fa%2F%3Fcode%3Dhush", "/x?redirect_uri=https://a/?code=REDACTED"),
            ("/x?redirect_uri=https%3A%2F%2Fa%2F%3Fb%3Dc", "/x?redirect_uri=https%3A%2F%2Fa%2F%3Fb%3Dc"),
        ] {
            assert_eq!(mask_target(target), expected);
            assert_eq!(mask_target(expected), expected);
        }
    }

    #[test]
    fn bodies_whose_names_cannot_be_found_are_hidden() {
        let masked = |content_type: &str, body: &[u8]| mask_body(body, &[("content-type".into(), content_type.into())]);
        let utf_16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect();
        assert_eq!(masked("application/json", br#"{"region":"\ud800"}"#), REDACTED);
        assert_eq!(masked("application/json", &utf_16), REDACTED);
        assert_eq!(masked("application/json", br#"{"region":"us"}"#), &br#"{"region":"us"}"#[..]);
        assert_eq!(masked("text/plain", b"just words"), &b"just words"[..]);
        assert_eq!(masked("application/json", br#"{"region":"#), &br#"{"region":"#[..]);
        assert_eq!(masked("image/jpeg", b"\xff\xd8"), &b"\xff\xd8"[..]);
    }

    #[test]
    fn secrets_are_hidden_whatever_the_content_type_says() {
        let bodies = [
            r#"{"encryption":{"secret":"hush"}}"#,
            r#"{"secret":"hush=="}"#,
            r#"{"secrets":["hush"]}"#,
            r#"{"client_secret":"hush","a":"\ud800"}"#,
            "client_secret\0=hush",
            "password[0]=hush",
            "a=b&nonce=hush",
        ];
        for (body, content_type) in
            bodies.iter().flat_map(|body| ["application/x-www-form-urlencoded", "text/plain"].map(|of| (body, of)))
        {
            let masked = mask_body(body.as_bytes(), &[("content-type".into(), content_type.into())]);
            assert!(!String::from_utf8_lossy(&masked).contains("hush"), "{content_type}: {body} became {masked:?}");
        }
    }

    #[test]
    fn texts_are_masked_however_they_are_nested() {
        for (text, expected) in [
            (r#"{"a":"{\"secret\":\"hush\"}"}"#, r#"{"a":"{\"secret\":\"REDACTED\"}"}"#),
            (r#"{"a":"https://u:hush@b/"}"#, r#"{"a":"https://REDACTED@b/"}"#),
            (r#"{"a":["b=c&sig=hush"]}"#, r#"{"a":["b=c&sig=REDACTED"]}"#),
            (r#"{"a":"{\"secret\":\"hush"}"#, r#"{"a":"REDACTED"}"#),
            ("\u{feff}{\"secret\":\"hush\"}", "\u{feff}{\"secret\":\"REDACTED\"}"),
            ("a=b&password=hush", "a=b&password=REDACTED"),
            ("the password is hush", "REDACTED"),
        ] {
            assert_eq!(mask_content(text), expected);
        }
        for text in [
            "{\"code\": 1.0}",
            r##"{"@odata.type":"#microsoft.graph.shift"}"##,
            "[Is it? Yes] design",
            "W/\"a=\"",
            "\"a=\"",
            r#"{"message":"[token expired]"}"#,
        ] {
            assert_eq!(mask_content(text), text);
        }
    }

    #[test]
    fn long_texts_are_masked_in_linear_time() {
        for piece in ["?", "#", "a=b#", "a=b?", "https://", "@", "://@", "&", "=", "{\"a\":", "[", "%3F", "a=b&"] {
            let long = piece.repeat(30_000);
            let _ = (mask_content(&long), mask_target(&long));
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_text_may_be_masked(text in prop_oneof![any::<String>(), "[{}\":a?#&=%@/ 0-9]{0,40}"]) {
            let _ = (mask_content(&text), mask_target(&text), mask_text(&text));
        }
    }
}
