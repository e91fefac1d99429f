//! Redaction of private values: masked where they are shown, replaced by pseudonyms where they are written down.
//!
//! One redactor for all outputs, with one table of names. A value is private by its name (the header `Authorization`, a member `secret`,
//! a form field `client_secret`), by its form (a signed token, and in recordings a mail address or a GUID), or because it was private
//! elsewhere. It is searched for in every encoding: in headers, percent-encoded in addresses and forms, with escapes in JSON, in JSON
//! within JSON, in Base64 and in hexadecimal digits. In recordings the same value always gets the same pseudonym. Bodies that cannot be
//! inspected (binary bodies, JSON that does not parse) are left out of recordings.
//!
//! # Implementation rationale
//!
//! Pseudonyms are counted, not computed: a hash of a name or a mail address can be reversed by trying candidates.

mod address;
mod assignments;
mod doubt;
mod encodings;
mod filter;
mod mask;
mod memory;
mod names;
mod pseudonym;
mod rules;
mod shapes;
mod walk;

use bytes::Bytes;
use http::Method;

use crate::text::exchange::{Exchange, RecordedRequest, RecordedResponse};

pub(crate) use address::userinfo_length;
pub(crate) use doubt::doubtful_lines;
use doubt::doubtful_run;
pub use mask::mask_exchange;
pub(crate) use mask::{mask_json, mask_target, mask_text};
pub use names::{NamePlace, examples};
pub(crate) use names::{SecretKind, is_holder, is_secret_name, mentions_secret};
pub(crate) use pseudonym::{is_pseudonym, is_pseudonymous_id};
pub use rules::RedactionRules;

use pseudonym::Pseudonyms;
use walk::Side;

/// The word that masks a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// The replacement of JSON that does not parse: malformed too, so that a service refuses it in the same way.
const LEFT_OUT: &str = "{ left out";

/// Removes private values from exchanges and texts, and remembers them.
#[derive(Debug)]
pub struct Redactor {
    rules: RedactionRules,
    pseudonyms: Pseudonyms,
    style: Style,
    /// Whether private values are only remembered, and nothing is replaced.
    learns: bool,
}

/// The treatment of private values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// All private values are replaced by pseudonyms.
    Pseudonyms,
    /// Secrets are replaced by pseudonyms; the names of people, mail addresses and ids stay.
    SecretPseudonyms,
    /// Secrets are replaced by one word, and bodies are left out only if they mention a secret.
    Masks,
}

impl Redactor {
    /// Creates a redactor for recordings, whose pseudonyms count from `first`.
    pub fn new(rules: RedactionRules, first: u64) -> Redactor {
        Redactor::with_style(rules, first, Style::Pseudonyms)
    }

    /// Creates a redactor that replaces only secrets by pseudonyms: for data without people.
    pub(crate) fn of_secrets(first: u64) -> Redactor {
        Redactor::with_style(RedactionRules::default(), first, Style::SecretPseudonyms)
    }

    /// Creates a redactor that masks secrets, for outputs that are read and not kept.
    pub(crate) fn masking() -> Redactor {
        Redactor::with_style(RedactionRules::default(), 1, Style::Masks)
    }

    fn with_style(rules: RedactionRules, first: u64, style: Style) -> Redactor {
        Redactor { rules, pseudonyms: Pseudonyms::new(first), style, learns: false }
    }

    /// Returns the exchange without private values; comments name the parts that had to be left out.
    ///
    /// A value can be seen before it is known to be private, so a recording is redacted once more when it is complete.
    pub fn redact(&mut self, exchange: &Exchange) -> Exchange {
        if self.style == Style::Masks {
            let known = self.pseudonyms.len();
            let masked = self.walk(exchange);
            return if self.pseudonyms.len() == known { masked } else { self.walk(&masked) };
        }
        // A value that is private in one place is private in all, so names are evaluated before anything is replaced.
        self.learn(exchange);
        let redacted = self.walk(exchange);
        if self.is_clean(&redacted) { redacted } else { without_texts(redacted) }
    }

    /// Remembers the private values of an exchange.
    pub(crate) fn learn(&mut self, exchange: &Exchange) {
        self.learns = true;
        self.walk(exchange);
        self.learns = false;
    }

    /// Remembers the value of a header that is sent, if its name is that of a secret, or the value looks like one.
    pub(crate) fn learn_header(&mut self, name: &str, value: &str) {
        self.learns = true;
        self.headers(&[(name.to_owned(), value.to_owned())]);
        self.learns = false;
        if let Some(range) = doubtful_run(value) {
            self.pseudonyms.of(SecretKind::Secret, &value[range]);
        }
    }

    /// Returns a text without private values.
    pub(crate) fn redact_text(&mut self, text: &str) -> String {
        let known = self.pseudonyms.len();
        let redacted = self.text(text, 0).into_owned();
        if self.pseudonyms.len() == known { redacted } else { self.text(&redacted, 0).into_owned() }
    }

    /// Returns whether there are more private values than can be remembered, so that a recording has to end.
    pub(crate) fn is_full(&self) -> bool {
        self.pseudonyms.is_full()
    }

    fn walk(&mut self, exchange: &Exchange) -> Exchange {
        let mut comments: Vec<String> = exchange.comments.iter().map(|comment| self.text(comment, 0).into_owned()).collect();
        let Exchange { request, response, .. } = exchange;
        let target = self.address(&request.target, 0);
        let method = self.plain(request.method.as_str());
        let headers = self.headers(&request.headers);
        let body = self.body(Side::Request, &request.target, &request.headers, &request.body, &mut comments);
        let response = response.as_ref().map(|response| RecordedResponse {
            status: response.status,
            headers: self.headers(&response.headers),
            body: self.body(Side::Response, &request.target, &response.headers, &response.body, &mut comments),
        });
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_else(|_| request.method.clone());
        Exchange { comments, request: RecordedRequest { method, target, headers, body }, response }
    }

    /// Returns whether no known secret is left, in any encoding: a check of the result.
    fn is_clean(&self, exchange: &Exchange) -> bool {
        let printed = exchange.to_string();
        !encodings::any_layer(printed.as_bytes(), 0, &mut |text| self.pseudonyms.has_secret(text))
    }
}

/// Returns the harmless rest of an exchange that still holds a secret.
fn without_texts(exchange: Exchange) -> Exchange {
    let comments =
        vec!["Target, headers and bodies are left out: they held a secret in a form that cannot be replaced.".to_owned()];
    let request = RecordedRequest {
        method: exchange.request.method,
        target: "/left-out".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let response = exchange.response.map(|response| RecordedResponse { headers: Vec::new(), body: Bytes::new(), ..response });
    Exchange { comments, request, response }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn exchange(target: &str, headers: &[(String, String)], body: &[u8]) -> Exchange {
        let (headers, body) = (headers.to_vec(), Bytes::copy_from_slice(body));
        let response = Some(RecordedResponse { status: StatusCode::OK, headers: headers.clone(), body: body.clone() });
        Exchange {
            comments: Vec::new(),
            request: RecordedRequest { method: Method::GET, target: target.to_owned(), headers, body },
            response,
        }
    }

    fn body(text: &str) -> String {
        let redacted = Redactor::new(RedactionRules::default(), 1).redact(&exchange("/", &[], text.as_bytes()));
        String::from_utf8_lossy(&redacted.request.body).into_owned()
    }

    #[test]
    fn values_that_are_not_private_stay_as_they_are() {
        for text in [
            r##"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations","value":[{"id":"1","apiVersion":1.50,"supportedEntities@odata.type":"#microsoft.graph.workforceIntegrationSupportedEntities","supportedEntities":"shift,openShift","secret":null,"createdDateTime":"2021-03-12T17:37:05.84Z","url":"https://contoso.com/shifts/?a=b"}]}"##,
            "{\"error\":{\"code\":\"BadRequest\",\"message\":\"Invalid version.\"}}",
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            "return=representation, odata.maxpagesize=5",
            "grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
        ] {
            assert_eq!(body(text), text);
        }
    }

    #[test]
    fn a_value_without_a_form_is_found_where_it_is_private_and_then_everywhere() {
        let text = r#"{"a":"x hunter22 y","b":{"password":"hunter22"},"c":["aHVudGVyMjI=",{"d":"hunter22%2F"}]}"#;
        assert_eq!(body(text), r#"{"a":"x secret-1 y","b":{"password":"secret-1"},"c":["c2VjcmV0LTE=",{"d":"secret-1%2F"}]}"#);
    }

    #[test]
    fn headers_of_batch_items_are_headers() {
        let text = r#"{"requests":[{"id":"1","headers":{"Authorization":"Bearer opaque","Cookie":"a=b","Prefer":"x"}}]}"#;
        assert_eq!(
            body(text),
            r#"{"requests":[{"id":"1","headers":{"Authorization":"Bearer token-1","Cookie":"cookie-1","Prefer":"x"}}]}"#
        );
        let html = [("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
        assert_eq!(Redactor::new(RedactionRules::default(), 1).redact(&exchange("/", &html, b"<p>")).request.body, "");
    }

    #[test]
    fn no_literal_of_a_filter_is_left() {
        for filter in
            ["secret eq 'hush'", r#"secret eq "hush" and b eq 'c'"#, "secret eq ''hush''", "secret eq hush and b eq 'c'"]
        {
            let target = format!("/x?$filter={}", encodings::percent_encoded(filter));
            let redacted = Redactor::new(RedactionRules::default(), 1).redact(&exchange(&target, &[], b""));
            assert!(!redacted.request.target.contains("hush"), "{filter} became {}", redacted.request.target);
        }
    }

    #[test]
    fn neighbors_of_a_secret_are_not_taken_for_one() {
        let headers = [
            ("set-cookie", "a=0123456789abcdef; Path=/; Max-Age=31536000; HttpOnly; Expires=Wed, 21 Oct 2026 07:28:00 GMT"),
            ("strict-transport-security", "max-age=31536000"),
            ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("content-type", "application/json"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = br#"{"password":"application","valid":"a long text of no secret","@odata.id":"users/abcdefghijkl"}"#;
        let redacted = Redactor::new(RedactionRules::default(), 1).redact(&exchange("/", &headers, body));
        assert_eq!(redacted.request.headers[1..], headers[1..]);
        assert_eq!(redacted.request.headers[0].1, "cookie-2");
        assert_eq!(
            redacted.request.body,
            &body[..]
                .to_owned()
                .iter()
                .map(|byte| char::from(*byte))
                .collect::<String>()
                .replace("\"application\"", "\"secret-1-xx\"")
        );
    }

    #[test]
    fn a_secret_that_cannot_be_replaced_costs_the_whole_exchange() {
        // A method cannot hold a pseudonym.
        let mut odd = exchange("/?client_secret=SECRET", &[], b"");
        odd.request.method = Method::from_bytes(b"SECRETS").unwrap();
        let redacted = Redactor::new(RedactionRules::default(), 1).redact(&odd);
        assert!(!redacted.to_string().contains("SECRET?") && !redacted.request.target.contains("SECRET"), "{redacted}");
    }

    #[test]
    fn long_bodies_take_linear_time() {
        for piece in ["a/", "%41/", "aHVu/", "%2F", "a=b&", "?", "x ", "https://a?b=c ", "[", "\"", "{\"a\":"] {
            let _ = body(&piece.repeat(30_000));
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_exchange_may_be_redacted_and_stays_so(
            target in "[/?&=%a-c0-9'@.]{0,24}",
            headers in vec((prop_oneof![Just("authorization"), Just("cookie"), Just("x-a")], "[A-Za-z]{1,3}( [a-z=;é ]{0,9})?"), 0..3),
            body in prop_oneof![vec(any::<u8>(), 0..32), "[{}\"a:,@.0-9%=&]{0,32}".prop_map(String::into_bytes)],
        ) {
            let headers: Vec<(String, String)> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let redacted = Redactor::new(RedactionRules::default(), 1).redact(&exchange(&target, &headers, &body));
            for (name, value) in &redacted.request.headers {
                let (_, old) = headers.iter().find(|(other, _)| other == name).unwrap();
                prop_assert!(name == "x-a" || old.is_empty() || value != old || is_pseudonym(value), "{}: {}", name, value);
            }
        }

        #[test]
        fn a_secret_in_a_member_is_never_left(secret in "[A-Za-z0-9+/=&%\" \\\\-]{6,24}", depth in 0_usize..3) {
            let mut text = format!("{{\"secret\":{}}}", serde_json::Value::from(secret.clone()));
            for _ in 0..depth {
                text = format!("{{\"body\":{}}}", serde_json::Value::from(text));
            }
            let again = body(&text);
            prop_assert!(again.contains("secret-1"), "{}", again);
            prop_assert!(!again.contains(&secret), "{}", again);
        }
    }
}
