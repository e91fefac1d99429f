//! Redaction of private values: masked where they are shown, replaced by pseudonyms where they are written down.
//!
//! One table of names decides what is a secret in every output. In recordings, a value is private by its name (the header
//! `Authorization`, a member `secret`, a form field `client_secret`), by its form (a signed token, a mail address, a GUID), or because
//! it was private elsewhere in the recording. It is searched for in every encoding: in headers, percent-encoded in addresses and forms,
//! with escapes in JSON, in JSON within JSON, and in Base64. The same value always gets the same pseudonym. Bodies that cannot be
//! inspected (binary bodies, JSON that does not parse) are left out.
//!
//! # Implementation rationale
//!
//! Pseudonyms are counted, not computed: a hash of a name or a mail address can be reversed by trying candidates.

mod encodings;
mod mask;
mod names;
mod pseudonym;
mod rules;

use bytes::Bytes;
use http::Method;

use crate::text::exchange::{Exchange, RecordedRequest, RecordedResponse};
use crate::text::json::Json;
use crate::text::{bom, form};

pub(crate) use encodings::userinfo_length;
pub(crate) use mask::{REDACTED, mask_body, mask_content, mask_headers, mask_json, mask_target, mask_text};
pub use names::{NamePlace, examples};
pub(crate) use names::{SecretKind, is_secret_name};
pub(crate) use pseudonym::{is_pseudonym, is_pseudonymous_id};
pub use rules::RedactionRules;

use pseudonym::Pseudonyms;

/// Replaces private values in exchanges by pseudonyms, and remembers these.
#[derive(Debug)]
pub struct Redactor {
    rules: RedactionRules,
    pseudonyms: Pseudonyms,
}

/// The replacement of JSON that does not parse: malformed too, so that a service refuses it in the same way.
const LEFT_OUT: &str = "{ left out";

impl Redactor {
    /// Creates a redactor whose pseudonyms count from `first`.
    pub fn new(rules: RedactionRules, first: u64) -> Redactor {
        let pseudonyms = Pseudonyms::new(first);
        Redactor { rules, pseudonyms }
    }

    /// Returns the exchange without private values; comments name the parts that had to be left out.
    pub fn redact(&mut self, exchange: &Exchange) -> Exchange {
        // A value that is private in one place is private in all, so names are evaluated before anything is replaced.
        self.learn_from(exchange);
        let mut comments: Vec<String> = exchange.comments.iter().map(|comment| self.scrub(comment)).collect();
        let request = RecordedRequest {
            method: Method::from_bytes(self.scrub_plain(exchange.request.method.as_str()).as_bytes())
                .unwrap_or_else(|_| exchange.request.method.clone()),
            target: self.scrub_target(&exchange.request.target),
            headers: self.scrub_headers(&exchange.request.headers),
            body: self.scrub_body(&exchange.request.headers, &exchange.request.body, "request", &mut comments),
        };
        let response = exchange.response.as_ref().map(|response| RecordedResponse {
            status: response.status,
            headers: self.scrub_headers(&response.headers),
            body: self.scrub_body(&response.headers, &response.body, "response", &mut comments),
        });
        let redacted = Exchange { comments, request, response };
        if self.is_clean(&redacted) { redacted } else { without_texts(redacted) }
    }

    /// Returns whether no known secret is left: a check of the result.
    fn is_clean(&self, exchange: &Exchange) -> bool {
        let printed = exchange.to_string();
        self.pseudonyms.secrets().all(|secret| {
            let encoded = encodings::percent_encoded(secret);
            !printed.contains(secret) && !printed.contains(&encoded) && !printed.contains(&encoded.replace("%20", "+"))
        })
    }

    /// Remembers the values in private places.
    fn learn_from(&mut self, exchange: &Exchange) {
        let request = &exchange.request;
        self.learn_from_address(&request.target);
        self.learn_from_message(&request.headers, &request.body);
        if let Some(response) = &exchange.response {
            self.learn_from_message(&response.headers, &response.body);
        }
    }

    fn learn_from_message(&mut self, headers: &[(String, String)], body: &[u8]) {
        for (name, value) in headers {
            match self.rules.classify(NamePlace::Header, name) {
                Some(kind @ SecretKind::Token) => {
                    let (_, token) = scheme_and_token(value);
                    self.pseudonyms.of(kind, token);
                    if let Some(decoded) = encodings::base64_text(token) {
                        for part in decoded.text.split(':').filter(|part| part.len() >= 4) {
                            self.pseudonyms.of(SecretKind::Secret, part);
                        }
                    }
                }
                Some(SecretKind::Cookie) => {
                    // The attributes of a cookie, such as `Path` and `Expires`, are not private.
                    let count = if name.eq_ignore_ascii_case("set-cookie") { 1 } else { usize::MAX };
                    for pair in value.split(';').take(count) {
                        let (_, value) = pair.split_once('=').unwrap_or(("", pair));
                        if value.trim().len() >= 8 {
                            self.pseudonyms.of(SecretKind::Cookie, value.trim());
                        }
                    }
                }
                Some(kind) => drop(self.pseudonyms.of(kind, value)),
                None => self.learn_from_text(value, 0),
            }
        }
        if let Ok(text) = std::str::from_utf8(body) {
            self.learn_from_text(text, 0);
        }
    }

    fn learn_from_text(&mut self, text: &str, depth: usize) {
        if depth > encodings::DEEPEST {
            return;
        }
        if let Some(json) = encodings::json(text) {
            self.learn_from_json(None, None, &json, depth);
        } else if encodings::looks_like_a_form(text) {
            self.learn_from_form(text, depth);
        } else if encodings::looks_like_an_address(text) {
            text.split_whitespace().for_each(|word| self.learn_from_address_at(word, depth));
        } else if let Some(decoded) = encodings::base64_text(text) {
            self.learn_from_text(&decoded.text, depth + 1);
        }
    }

    fn learn_from_json(&mut self, member: Option<&str>, outer: Option<SecretKind>, json: &Json<'_>, depth: usize) {
        match json {
            Json::Object(members) => {
                for (name, value) in members {
                    let outer = self.secret_kind(Some(name)).or(outer);
                    self.learn_from_json(Some(name), outer, value, depth);
                }
            }
            Json::Array(elements) => {
                for element in elements {
                    self.learn_from_json(member, outer, element, depth);
                }
            }
            Json::String(text) => match self.kind_of_text(member, outer, text) {
                Some(kind @ SecretKind::Token) => drop(self.pseudonyms.of(kind, scheme_and_token(text).1)),
                Some(kind) => drop(self.pseudonyms.of(kind, text)),
                None => self.learn_from_text(text, depth + 1),
            },
            _ => {}
        }
    }

    /// Classifies a string in JSON. Within a member that is a secret as a whole, all strings are secrets.
    fn kind_of_text(&self, member: Option<&str>, outer: Option<SecretKind>, text: &str) -> Option<SecretKind> {
        let own = member.and_then(|member| self.rules.member(member, text));
        own.or(outer.filter(|_| !text.is_empty() && !self.rules.keeps(text)))
    }

    /// Returns the kind of a member that is a secret.
    fn secret_kind(&self, member: Option<&str>) -> Option<SecretKind> {
        member.and_then(|member| self.rules.classify(NamePlace::Member, member)).filter(|kind| kind.is_secret())
    }

    fn learn_from_address(&mut self, address: &str) {
        self.learn_from_address_at(address, 0);
    }

    fn learn_from_address_at(&mut self, address: &str, depth: usize) {
        let start = address.find(['?', '#']).unwrap_or(address.len());
        let (path, fields) = address.split_at(start);
        if let Some(range) = encodings::userinfo(path) {
            let password = &path[range];
            let password = password.split_once(':').map_or(password, |(_, password)| password);
            self.pseudonyms.of(SecretKind::Secret, &form::percent_decoded(password));
        }
        encodings::query_and_fragment(fields).for_each(|(_, form)| self.learn_from_form(form, depth));
    }

    fn learn_from_form(&mut self, text: &str, depth: usize) {
        for (name, value) in form::fields(text) {
            match self.rules.classify(NamePlace::Parameter, &name) {
                Some(kind) => drop(self.pseudonyms.of(kind, &value)),
                None => self.learn_from_text(&value, depth + 1),
            }
        }
    }

    fn scrub_headers(&mut self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let mut scrubbed = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let value = match self.rules.classify(NamePlace::Header, name) {
                Some(SecretKind::Token) => {
                    let (scheme, token) = scheme_and_token(value);
                    format!("{scheme}{}", self.pseudonyms.of(SecretKind::Token, token))
                }
                Some(kind) => self.pseudonyms.of(kind, value),
                None => self.scrub(value),
            };
            scrubbed.push((self.scrub_plain(name), value));
        }
        scrubbed
    }

    fn scrub_body(&mut self, headers: &[(String, String)], body: &Bytes, whose: &str, comments: &mut Vec<String>) -> Bytes {
        if body.is_empty() || body == LEFT_OUT {
            return body.clone();
        }
        let of = |name: &str| {
            headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_ascii_lowercase())
        };
        let content_type = of("content-type").unwrap_or_default();
        let is_encoded = of("content-encoding").is_some_and(|encoding| encoding != "identity");
        // The parts of multipart bodies and the scripts of pages are not parsed, and may contain secrets.
        let is_opaque = content_type.starts_with("multipart/") || content_type.starts_with("text/html") || is_encoded;
        let says_json = content_type.contains("json");
        match std::str::from_utf8(body) {
            Ok(text) if !is_opaque => {
                let bare = text.trim_start_matches(bom::MARK).trim_start();
                let is_json = encodings::json(bare).is_some() || serde_json::from_str::<serde::de::IgnoredAny>(bare).is_ok();
                if !is_json && (says_json || bare.starts_with(['{', '['])) {
                    comments.push(format!("The body of the {whose} is left out: it is JSON that does not parse."));
                    return LEFT_OUT.into();
                }
                self.scrub(bare).into()
            }
            _ => {
                comments.push(format!("The body of the {whose} is left out: {} bytes that cannot be inspected.", body.len()));
                Bytes::new()
            }
        }
    }

    /// Replaces private values in the path, the query and the fragment of a target.
    fn scrub_target(&mut self, target: &str) -> String {
        let (path, fields) = target.split_at(target.find(['?', '#']).unwrap_or(target.len()));
        let segments: Vec<String> = path.split('/').map(|segment| self.scrub_encoded(segment)).collect();
        segments.join("/") + &self.scrub_fields(fields, 0)
    }

    /// Replaces private values in a query and a fragment, each with the sign in front of it.
    fn scrub_fields(&mut self, fields: &str, depth: usize) -> String {
        let parts = encodings::query_and_fragment(fields).map(|(sign, form)| {
            // The fragment of a context is a path.
            let is_path = sign == "#" && !encodings::looks_like_a_form(form);
            let scrubbed = if is_path { self.scrub_words(form, depth) } else { self.scrub_form(form, depth) };
            format!("{sign}{scrubbed}")
        });
        parts.collect()
    }

    /// Replaces private values in an address without blanks.
    fn scrub_address(&mut self, address: &str, depth: usize) -> String {
        let (path, fields) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
        let path = match encodings::userinfo(path) {
            Some(range) => {
                let (user, password) = match path[range.clone()].split_once(':') {
                    Some((user, password)) => (Some(user), password),
                    None => (None, &path[range.clone()]),
                };
                let user = user.map_or_else(String::new, |user| {
                    let user = self.pseudonyms.of(SecretKind::Name, &form::percent_decoded(user));
                    format!("{}:", encodings::percent_encoded(&user))
                });
                let password = self.pseudonyms.of(SecretKind::Secret, &form::percent_decoded(password));
                let (before, behind) = (&path[..range.start], &path[range.end..]);
                // The sign between password and host is not that of a mail address.
                let host = self.scrub_words(behind.strip_prefix('@').unwrap_or(behind), depth);
                format!("{before}{user}{password}@{host}")
            }
            None => self.scrub_words(path, depth),
        };
        path + &self.scrub_fields(fields, depth)
    }

    fn scrub_encoded(&mut self, encoded: &str) -> String {
        let decoded = form::percent_decoded(encoded);
        let scrubbed = self.scrub_plain(&decoded);
        if scrubbed == decoded { encoded.to_owned() } else { encodings::percent_encoded(&scrubbed) }
    }

    fn scrub_form(&mut self, text: &str, depth: usize) -> String {
        let pairs: Vec<String> = text
            .split('&')
            .map(|pair| {
                let Some((name, value)) = pair.split_once('=') else { return self.scrub_encoded(pair) };
                let decoded_name = form::decoded(name);
                let decoded = form::decoded(value);
                let scrubbed = match self.rules.classify(NamePlace::Parameter, &decoded_name) {
                    Some(kind) => self.pseudonyms.of(kind, &decoded),
                    None if self.rules.is_filter(&decoded_name, &decoded) => self.scrub_literals(&decoded),
                    None => self.scrub_at(&decoded, depth + 1),
                };
                let value = if scrubbed == decoded { value.to_owned() } else { encodings::percent_encoded(&scrubbed) };
                format!("{}={value}", self.scrub_encoded(name))
            })
            .collect();
        pairs.join("&")
    }

    /// Replaces the literals of a filter for private members.
    fn scrub_literals(&mut self, filter: &str) -> String {
        if !encodings::has_quoted_literals(filter) {
            return self.pseudonyms.of(SecretKind::Secret, filter);
        }
        let mut pieces: Vec<String> = filter.split('\'').map(str::to_owned).collect();
        for piece in pieces.iter_mut().skip(1).step_by(2).filter(|piece| !piece.is_empty()) {
            *piece = self.pseudonyms.of(SecretKind::Name, piece);
        }
        let whole = pieces.join("'");
        self.scrub_plain(&whole)
    }

    fn scrub(&mut self, text: &str) -> String {
        self.scrub_at(text, 0)
    }

    fn scrub_at(&mut self, text: &str, depth: usize) -> String {
        if depth > encodings::DEEPEST {
            return self.pseudonyms.of(SecretKind::Secret, text);
        }
        if let Some(json) = encodings::json(text) {
            let scrubbed = self.scrub_json(None, None, &json, depth);
            if scrubbed == json {
                return text.to_owned();
            }
            let mut out = Vec::new();
            scrubbed.write(&mut out);
            return String::from_utf8_lossy(&out).into_owned();
        }
        if encodings::looks_like_a_form(text) {
            return self.scrub_form(text, depth);
        }
        if !encodings::looks_like_an_address(text) {
            return self.scrub_words(text, depth);
        }
        // Names of several words lie between the addresses.
        let (mut scrubbed, mut words) = (String::with_capacity(text.len()), String::new());
        for word in text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            if encodings::looks_like_an_address(bare) {
                scrubbed.push_str(&self.scrub_words(&std::mem::take(&mut words), depth));
                scrubbed.push_str(&self.scrub_address(bare, depth));
                scrubbed.push_str(&word[bare.len()..]);
            } else {
                words.push_str(word);
            }
        }
        scrubbed.push_str(&self.scrub_words(&words, depth));
        scrubbed
    }

    fn scrub_json<'j>(&mut self, member: Option<&str>, outer: Option<SecretKind>, json: &Json<'j>, depth: usize) -> Json<'j> {
        match json {
            Json::Object(members) => {
                let mut scrubbed = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let outer = self.secret_kind(Some(name)).or(outer);
                    scrubbed.push((self.scrub_plain(name).into(), self.scrub_json(Some(name), outer, value, depth)));
                }
                Json::Object(scrubbed)
            }
            Json::Array(elements) => {
                Json::Array(elements.iter().map(|element| self.scrub_json(member, outer, element, depth)).collect())
            }
            Json::String(text) => match self.kind_of_text(member, outer, text) {
                Some(SecretKind::Token) => {
                    let (scheme, token) = scheme_and_token(text);
                    Json::String(format!("{scheme}{}", self.pseudonyms.of(SecretKind::Token, token)).into())
                }
                Some(kind) => Json::String(self.pseudonyms.of(kind, text).into()),
                None => Json::String(self.scrub_at(text, depth + 1).into()),
            },
            Json::Number(_) if outer.or(self.secret_kind(member)).is_some() => Json::Number(0.into()),
            other => other.clone(),
        }
    }

    /// Replaces private values in words that may be encoded.
    fn scrub_words(&mut self, text: &str, depth: usize) -> String {
        let plain = self.scrub_plain(text);
        let mut out = String::with_capacity(plain.len());
        for word in plain.split_inclusive(|character: char| !encodings::is_of_encoding(character)) {
            let end = word.trim_end_matches(|character: char| !encodings::is_of_encoding(character)).len();
            let (word, rest) = word.split_at(end);
            out.push_str(&self.scrub_word(word, depth));
            out.push_str(rest);
        }
        out
    }

    fn scrub_word(&mut self, word: &str, depth: usize) -> String {
        if word.contains('%') {
            // The separators of a path stay as they are.
            let parts: Vec<String> = word.split('/').map(|part| self.scrub_percent_encoded(part, depth)).collect();
            return parts.join("/");
        }
        let mut out = String::with_capacity(word.len());
        for piece in encodings::base64_pieces(word) {
            if let Some(scrubbed) = self.scrub_base64(piece, depth) {
                out.push_str(&scrubbed);
                continue;
            }
            // A slash may be a character of Base64 or a separator of a path.
            let parts = piece.split('/').map(|part| self.scrub_base64(part, depth).unwrap_or_else(|| part.to_owned()));
            out.push_str(&parts.collect::<Vec<String>>().join("/"));
        }
        out
    }

    fn scrub_percent_encoded(&mut self, encoded: &str, depth: usize) -> String {
        let decoded = form::percent_decoded(encoded);
        let scrubbed = self.scrub_at(&decoded, depth + 1);
        if scrubbed == decoded { encoded.to_owned() } else { encodings::percent_encoded(&scrubbed) }
    }

    /// Replaces private values in Base64; nothing if it does not hold a text.
    fn scrub_base64(&mut self, piece: &str, depth: usize) -> Option<String> {
        let decoded = encodings::base64_text(piece)?;
        let scrubbed = self.scrub_at(&decoded.text, depth + 1);
        Some(if scrubbed == decoded.text { piece.to_owned() } else { decoded.encode(&scrubbed) })
    }

    /// Replaces private values that are not encoded.
    fn scrub_plain(&mut self, text: &str) -> String {
        let known = self.pseudonyms.replace_known(text, self.rules.words());
        encodings::replace_forms(&known, &mut |kind, value| {
            if self.rules.keeps(value) || pseudonym::is_own(value) { None } else { Some(self.pseudonyms.of(kind, value)) }
        })
    }
}

/// Splits the scheme, with its blank, from the token.
fn scheme_and_token(value: &str) -> (&str, &str) {
    let value = value.trim();
    value.split_at(value.find(' ').map_or(0, |at| at + 1))
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
