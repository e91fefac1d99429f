//! What differs between a recorded answer and the one that came.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;

use super::bindings::Bindings;
use super::rules::{CompareRules, Treatment};
use super::shape::ValueShape;
use crate::text::exchange::RecordedResponse;
use crate::text::json::{self, Json, Member};
use crate::text::redact::{is_pseudonym, is_pseudonymous_id};

/// How many differences of one exchange are told.
const LIMIT: usize = 100;

/// How much of a value is shown.
const LONGEST: usize = 4096;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `status`, `header:name`, `body`, or a path into JSON such as `$.value[0].id`.
    pub place: String,
    /// What differs.
    pub what: DifferenceKind,
    /// What was recorded; nothing if there was nothing.
    pub recorded: Option<String>,
    /// What came; nothing if nothing did.
    pub came: Option<String>,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The status code.
    Status,
    /// Something recorded did not come.
    Missing,
    /// Something came that was not recorded.
    Added,
    /// The kind of JSON value.
    Kind,
    /// A value.
    Value,
    /// The shape of a value that may differ from run to run.
    ValueShape,
    /// The number of elements.
    Length,
}

impl DifferenceKind {
    /// Names it for people.
    pub fn name(self) -> &'static str {
        match self {
            DifferenceKind::Status => "another status",
            DifferenceKind::Missing => "missing",
            DifferenceKind::Added => "not recorded",
            DifferenceKind::Kind => "another kind of value",
            DifferenceKind::Value => "another value",
            DifferenceKind::ValueShape => "another shape",
            DifferenceKind::Length => "another number of elements",
        }
    }
}

/// Grades answers to one exchange.
pub(super) struct Grader<'g> {
    pub(super) rules: &'g CompareRules,
    /// How rules name the exchange.
    pub(super) exchange: &'g str,
    pub(super) bindings: &'g mut Bindings,
    pub(super) differences: Vec<Difference>,
}

impl Grader<'_> {
    /// Compares two answers.
    pub(super) fn compare(&mut self, recorded: &RecordedResponse, came: &RecordedResponse) {
        if recorded.status == came.status {
            self.headers(recorded, came);
        } else if self.rules.treatment("status", None, self.exchange) == Treatment::Exact {
            // Headers follow from the status, so naming each would only hide what has happened.
            self.add("status", DifferenceKind::Status, Some(recorded.status.to_string()), Some(came.status.to_string()));
        }
        self.body(recorded, came);
    }

    fn add(&mut self, place: &str, what: DifferenceKind, recorded: Option<String>, came: Option<String>) {
        if self.differences.len() < LIMIT {
            let (recorded, came) = (recorded.map(shortened), came.map(shortened));
            self.differences.push(Difference { place: place.to_owned(), what, recorded, came });
        }
    }

    fn headers(&mut self, recorded: &RecordedResponse, came: &RecordedResponse) {
        let values = |response: &RecordedResponse, name: &str| {
            let of_name = response.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let values: Vec<&str> = of_name.map(|(_, value)| value.as_str()).collect();
            (!values.is_empty()).then(|| (values.len(), values.join(", ")))
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in &recorded.headers {
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                continue;
            }
            let place = format!("header:{name}");
            let treatment = self.rules.treatment(&place, None, self.exchange);
            let (count, wanted) = values(recorded, &name).unwrap_or_default();
            match values(came, &name) {
                _ if treatment == Treatment::Ignore => {}
                None => self.add(&place, DifferenceKind::Missing, Some(wanted), None),
                // Several values must not be taken for what stands for one.
                Some((other, value)) if other != count => self.add(&place, DifferenceKind::Value, Some(wanted), Some(value)),
                Some((_, value)) => self.text(&place, treatment, &wanted, &value),
            }
            seen.push(name);
        }
    }

    fn body(&mut self, recorded: &RecordedResponse, came: &RecordedResponse) {
        let treatment = self.rules.treatment("body", None, self.exchange);
        let shown = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
        match (recorded.body.is_empty(), came.body.is_empty()) {
            _ if treatment == Treatment::Ignore => {}
            (true, true) => {}
            (true, false) => self.add("body", DifferenceKind::Added, None, Some(shown(&came.body))),
            (false, true) => self.add("body", DifferenceKind::Missing, Some(shown(&recorded.body)), None),
            (false, false) => match (json::parse(&recorded.body), json::parse(&came.body)) {
                (Ok(recorded), Ok(came)) => self.json("$", None, &recorded, &came),
                _ => match (std::str::from_utf8(&recorded.body), std::str::from_utf8(&came.body)) {
                    (Ok(recorded), Ok(came)) => self.text("body", treatment, recorded, came),
                    _ if recorded.body == came.body => {}
                    _ => self.add("body", DifferenceKind::Value, Some(shown(&recorded.body)), Some(shown(&came.body))),
                },
            },
        }
    }

    fn json(&mut self, place: &str, member: Option<&str>, recorded: &Json<'_>, came: &Json<'_>) {
        let treatment = self.rules.treatment(place, member, self.exchange);
        match (recorded, came) {
            _ if treatment == Treatment::Ignore => {}
            (Json::Object(recorded), Json::Object(came)) => self.object(place, recorded, came),
            (Json::Array(recorded), Json::Array(came)) => {
                if recorded.len() != came.len() {
                    let count = |elements: &[Json<'_>]| Some(format!("{} elements", elements.len()));
                    self.add(place, DifferenceKind::Length, count(recorded), count(came));
                }
                for (index, (recorded, came)) in recorded.iter().zip(came).enumerate() {
                    self.json(&format!("{place}[{index}]"), member, recorded, came);
                }
            }
            (Json::String(recorded), Json::String(came)) => self.text(place, treatment, recorded, came),
            _ if std::mem::discriminant(recorded) != std::mem::discriminant(came) => {
                self.add(place, DifferenceKind::Kind, Some(text_of(recorded)), Some(text_of(came)));
            }
            _ if recorded == came || treatment == Treatment::Volatile => {}
            _ => self.add(place, DifferenceKind::Value, Some(text_of(recorded)), Some(text_of(came))),
        }
    }

    fn object(&mut self, place: &str, recorded: &[Member<'_>], came: &[Member<'_>]) {
        let mut others: HashMap<&str, &Json<'_>> = came.iter().map(|(name, value)| (&**name, value)).collect();
        let has_common = recorded.iter().any(|(name, _)| others.contains_key(&**name));
        if !has_common && self.has_compared(place, recorded) && self.has_compared(place, came) {
            // Naming every member of both would hide that this is another object altogether.
            let text = |members: &[Member<'_>]| Some(text_of(&Json::Object(members.to_vec())));
            self.add(place, DifferenceKind::Value, text(recorded), text(came));
            return;
        }
        let mut names = Vec::new();
        for (name, value) in recorded {
            let inner = path(place, name);
            match others.remove(&**name) {
                Some(other) => self.json(&inner, Some(name), value, other),
                // A name that stands twice has been compared already.
                None if names.contains(&&**name) => {}
                None if self.is_ignored(&inner, name, value) => {}
                None => self.add(&inner, DifferenceKind::Missing, Some(text_of(value)), None),
            }
            if names.len() < LIMIT {
                names.push(name);
            }
        }
        if self.rules.is_shortened(place, self.exchange) {
            return;
        }
        for (name, value) in came {
            if others.remove(&**name).is_some() {
                let inner = path(place, name);
                if !self.is_ignored(&inner, name, value) {
                    self.add(&inner, DifferenceKind::Added, None, Some(text_of(value)));
                }
            }
        }
    }

    /// Whether a member need not be there: it is ignored, or all that it holds is.
    fn is_ignored(&self, place: &str, name: &str, value: &Json<'_>) -> bool {
        let holds_nothing_else = |members: &[Member<'_>]| !members.is_empty() && !self.has_compared(place, members);
        self.rules.treatment(place, Some(name), self.exchange) == Treatment::Ignore
            || matches!(value, Json::Object(members) if holds_nothing_else(members))
    }

    /// Whether an object has a member that is compared.
    fn has_compared(&self, place: &str, members: &[Member<'_>]) -> bool {
        let ignored = |name: &str| self.rules.treatment(&path(place, name), Some(name), self.exchange) == Treatment::Ignore;
        members.iter().any(|(name, _)| !ignored(name))
    }

    fn text(&mut self, place: &str, treatment: Treatment, recorded: &str, came: &str) {
        let shown = |text: &str| Some(text.to_owned());
        if let Some(bound) = self.bindings.get(recorded) {
            if bound != came && is_of_request(place) && ValueShape::of(bound) == ValueShape::of(came) {
                self.bindings.rebind(recorded, came);
            } else if bound != came {
                let expected =
                    if bound == recorded { shown(recorded) } else { Some(format!("{recorded}, which is {bound} here")) };
                self.add(place, DifferenceKind::Value, expected, shown(came));
            }
            return;
        }
        match treatment {
            Treatment::Ignore => {}
            Treatment::Volatile => {
                let (shape, other) = (ValueShape::of(recorded), ValueShape::of(came));
                if is_pseudonym(recorded) {
                    self.bindings.bind(recorded, came);
                } else if shape != other {
                    let described = |text: &str, shape: &ValueShape| Some(format!("{text} ({})", shape.describe()));
                    self.add(place, DifferenceKind::ValueShape, described(recorded, &shape), described(came, &other));
                } else if matches!(shape, ValueShape::Id(_) | ValueShape::Text) {
                    self.bindings.bind(recorded, came);
                }
            }
            Treatment::Host => {
                let (wanted, value) = (without_host(recorded), without_host(came));
                if self.links(wanted, value) || self.bindings.replay(wanted, str::to_owned) == value {
                    return;
                }
                self.learn_from_path(wanted, value);
                if self.bindings.replay(wanted, str::to_owned) != value {
                    self.add(place, DifferenceKind::Value, shown(recorded), shown(came));
                }
            }
            Treatment::Exact => {
                if self.bindings.replay(recorded, str::to_owned) == came {
                    return;
                }
                if is_pseudonym(recorded) || is_pseudonymous_id(recorded) && ValueShape::of(recorded) == ValueShape::of(came) {
                    self.bindings.bind(recorded, came);
                } else if let (Some(recorded), Some(came)) = (nested(recorded), nested(came)) {
                    // An error of the service's inner tiers stands as text in a member of the outer one.
                    self.json(&format!("{place}$"), None, &recorded, &came);
                } else {
                    self.add(place, DifferenceKind::Value, shown(recorded), shown(came));
                }
            }
        }
    }

    /// Compares two links that differ in what only the service can read, and follows that from here on.
    fn links(&mut self, recorded: &str, came: &str) -> bool {
        let (Some((wanted, token)), Some((value, other))) = (split_token(recorded), split_token(came)) else { return false };
        if self.bindings.replay(&wanted, str::to_owned) != value || token.is_empty() || other.is_empty() {
            return false;
        }
        self.bindings.bind(token, other);
        true
    }

    /// Follows ids that are told in an address before any body tells them.
    fn learn_from_path(&mut self, recorded: &str, came: &str) {
        let is_of_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let words = |text| super::bindings::words(text, is_of_word).map(|(_, word)| word);
        for (recorded, came) in words(recorded).zip(words(came)) {
            let shape = ValueShape::of(recorded);
            if matches!(shape, ValueShape::Id(_)) && shape == ValueShape::of(came) {
                self.bindings.bind(recorded, came);
            }
        }
    }
}

/// Returns the answer to record in the place of an old one: what came, but for what may differ from run to run and what is known.
pub(super) fn accepted(grader: &Grader<'_>, recorded: &RecordedResponse, came: &RecordedResponse) -> RecordedResponse {
    let keeps = |place: &str| grader.rules.known(place, grader.exchange).is_some();
    let mut headers: Vec<(String, String)> = Vec::new();
    let restored = |value: &str| grader.bindings.restore(value).into_owned();
    if recorded.status == came.status {
        for (index, (name, value)) in recorded.headers.iter().enumerate() {
            let place = format!("header:{}", name.to_ascii_lowercase());
            if keeps(&place) || grader.differences.iter().all(|difference| difference.place != place) {
                headers.push((name.clone(), value.clone()));
            } else if recorded.headers[..index].iter().all(|(other, _)| !other.eq_ignore_ascii_case(name)) {
                let came = came.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                headers.extend(came.map(|(_, value)| (name.clone(), restored(value))));
            }
        }
    } else {
        for (name, value) in &came.headers {
            let place = format!("header:{}", name.to_ascii_lowercase());
            let old = recorded.header(name);
            let value = match grader.rules.treatment(&place, None, grader.exchange) {
                Treatment::Ignore => continue,
                Treatment::Volatile => old.filter(|old| ValueShape::of(old) == ValueShape::of(value)),
                Treatment::Host => {
                    old.filter(|old| grader.bindings.replay(without_host(old), str::to_owned) == without_host(value))
                }
                Treatment::Exact => None,
            }
            .map_or_else(|| restored(value), str::to_owned);
            headers.push((name.clone(), value));
        }
    }
    let body = match (json::parse(&recorded.body), json::parse(&came.body)) {
        (Ok(recorded), Ok(came)) => {
            let mut out = Vec::new();
            merged(grader, "$", &recorded, &came).write(&mut out);
            Bytes::from(out)
        }
        _ => match std::str::from_utf8(&came.body) {
            Ok(text) => grader.bindings.restore(text).into_owned().into(),
            Err(_) => came.body.clone(),
        },
    };
    RecordedResponse { status: came.status, headers, body }
}

/// Merges two values: the recorded one stays where nothing differs or the difference is known.
fn merged<'j>(grader: &Grader<'_>, place: &str, recorded: &Json<'j>, came: &Json<'j>) -> Json<'j> {
    if grader.rules.known(place, grader.exchange).is_some() {
        return recorded.clone();
    }
    match (recorded, came) {
        (Json::Object(old), Json::Object(new)) => {
            let mut others: HashMap<&str, &Json<'j>> = old.iter().map(|(name, value)| (&**name, value)).collect();
            let members = new.iter().map(|(name, value)| {
                let inner = path(place, name);
                let value = match others.remove(&**name) {
                    Some(old) => merged(grader, &inner, old, value),
                    None => restored(grader, value),
                };
                (name.clone(), value)
            });
            Json::Object(members.collect())
        }
        (Json::Array(old), Json::Array(new)) => {
            let elements = new.iter().enumerate().map(|(index, value)| match old.get(index) {
                Some(old) => merged(grader, &format!("{place}[{index}]"), old, value),
                None => restored(grader, value),
            });
            Json::Array(elements.collect())
        }
        _ => {
            // A difference within a text is one of the text.
            let differs = |difference: &Difference| {
                difference.place == place || difference.place.strip_prefix(place).is_some_and(|rest| rest.starts_with('$'))
            };
            if grader.differences.iter().any(differs) { restored(grader, came) } else { recorded.clone() }
        }
    }
}

fn restored<'j>(grader: &Grader<'_>, value: &Json<'j>) -> Json<'j> {
    match value {
        Json::String(text) => Json::String(Cow::Owned(grader.bindings.restore(text).into_owned())),
        Json::Array(elements) => Json::Array(elements.iter().map(|element| restored(grader, element)).collect()),
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), restored(grader, value))).collect())
        }
        other => other.clone(),
    }
}

fn nested(text: &str) -> Option<Json<'_>> {
    if text.starts_with('{') { json::parse(text.as_bytes()).ok() } else { None }
}

/// Whether a place holds the id of a request, which is another each time that the request is sent.
fn is_of_request(place: &str) -> bool {
    place.ends_with("request-id")
}

fn without_host(text: &str) -> &str {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            rest.find('/').map_or("", |start| &rest[start..])
        }
        _ => text,
    }
}

/// Takes the token that continues a list out of a link.
fn split_token(link: &str) -> Option<(String, &str)> {
    const NAMES: [&str; 4] = ["$skiptoken=", "%24skiptoken=", "$deltatoken=", "%24deltatoken="];
    let lower = link.to_ascii_lowercase();
    let start = NAMES.iter().find_map(|name| lower.find(name).map(|at| at + name.len()))?;
    let length = link[start..].find('&').unwrap_or(link.len() - start);
    Some((format!("{}{}", &link[..start], &link[start + length..]), &link[start..start + length]))
}

/// Returns the path of a member.
fn path(place: &str, name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-' | b'.'));
    if is_plain {
        format!("{place}.{name}")
    } else {
        format!("{place}[{}]", json::quoted(name).replace(char::is_whitespace, "_"))
    }
}

fn text_of(value: &Json<'_>) -> String {
    let mut out = Vec::new();
    value.write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn shortened(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const FIRST: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
    const SECOND: &str = "WFI_8dbddbb0-6cba-4861-a541-192320cc0e88";

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> RecordedResponse {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RecordedResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned().into() }
    }

    fn differences(
        bindings: &mut Bindings,
        recorded: &RecordedResponse,
        came: &RecordedResponse,
    ) -> Vec<(String, DifferenceKind)> {
        let rules = CompareRules::default();
        let mut grader = Grader { rules: &rules, exchange: "a.hurl#1 a", bindings, differences: Vec::new() };
        grader.compare(recorded, came);
        grader.differences.into_iter().map(|difference| (difference.place, difference.what)).collect()
    }

    fn bodies(recorded: &str, came: &str) -> Vec<(String, DifferenceKind)> {
        differences(&mut Bindings::default(), &response(200, &[], recorded), &response(200, &[], came))
    }

    #[test]
    fn headers_that_are_ignored_are_so_in_a_batch_too() {
        let item = |rest: &str| format!(r#"{{"responses":[{{"id":"1","status":204{rest}}}]}}"#);
        let explained = item(r#","headers":{"x-wfi-emulator-explain":"a"}"#);
        let tagged = item(r#","headers":{"ETag":"W/\"1\""}"#);
        let both = item(r#","headers":{"x-wfi-emulator-explain":"a","ETag":"W/\"2\""}"#);
        let none = item("");
        for (recorded, came) in [(&both, &tagged), (&tagged, &both), (&explained, &none), (&none, &explained)] {
            assert_eq!(bodies(recorded, came), [], "{recorded} {came}");
        }
        let place = "$.responses[0].headers.ETag".to_owned();
        assert_eq!(bodies(&tagged, &explained), [(place, DifferenceKind::Missing)]);
    }

    #[test]
    fn each_kind_of_difference_is_told_with_its_place() {
        for (recorded, came, place, what) in [
            (r#"{"a":1,"b":2}"#, r#"{"b":2}"#, "$.a", DifferenceKind::Missing),
            (r#"{"b":2}"#, r#"{"a":1,"b":2}"#, "$.a", DifferenceKind::Added),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, "$.a", DifferenceKind::Kind),
            (r#"{"a":null}"#, r#"{"a":""}"#, "$.a", DifferenceKind::Kind),
            (r#"{"id":null}"#, r#"{"id":"x"}"#, "$.id", DifferenceKind::Kind),
            (r#"{"a":1}"#, r#"{"a":1.0}"#, "$.a", DifferenceKind::Value),
            (r#"{"a":[{"b":"x"}]}"#, r#"{"a":[{"b":"y"}]}"#, "$.a[0].b", DifferenceKind::Value),
            (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, "$.a", DifferenceKind::Length),
            (
                r#"{"xDateTime":"2021-01-01T00:00:00Z"}"#,
                r#"{"xDateTime":"2021-01-01T00:00:00+00:00"}"#,
                "$.xDateTime",
                DifferenceKind::ValueShape,
            ),
            (r#"{"a":"{\"b\":{\"code\":\"x\"}}"}"#, r#"{"a":"{\"b\":{\"code\":\"y\"}}"}"#, "$.a$.b.code", DifferenceKind::Value),
            (r#"{"a":1}"#, r#"{"error":1}"#, "$", DifferenceKind::Value),
            ("text", "other", "body", DifferenceKind::Value),
            ("", "x", "body", DifferenceKind::Added),
            ("x", "", "body", DifferenceKind::Missing),
        ] {
            assert_eq!(bodies(recorded, came), [(place.to_owned(), what)], "{recorded} {came}");
        }
        assert_eq!(bodies(r#"{"a":1,"b":[]}"#, r#" { "b" : [ ] , "a" : 1 } "#), []);
        let (recorded, came) =
            (response(200, &[("A", "1"), ("b", "2"), ("date", "x")], ""), response(200, &[("a", "1"), ("b", "3")], ""));
        let told = [("header:b".to_owned(), DifferenceKind::Value), ("header:date".to_owned(), DifferenceKind::Missing)];
        assert_eq!(differences(&mut Bindings::default(), &recorded, &came), told);
    }

    #[test]
    fn volatile_values_are_set_aside_once_and_followed_from_then_on() {
        let mut bindings = Bindings::default();
        let body = |id: &str, date: &str| {
            format!(r#"{{"id":"{id}","createdDateTime":"{date}","name":"name-1","@odata.context":"https://{date}/x('{id}')"}}"#)
        };
        let recorded = response(200, &[], &body(FIRST, "2021-01-01T00:00:00Z"));
        let came = response(200, &[], &body(SECOND, "2024-02-02T01:02:03.4Z").replace("name-1", "Ada"));
        assert_eq!(differences(&mut bindings, &recorded, &came), []);
        assert_eq!((bindings.get(FIRST), bindings.get("name-1")), (Some(SECOND), Some("Ada")));
        let again = response(200, &[], &format!(r#"{{"message":"no {FIRST}.","id":"{FIRST}","name":"name-1"}}"#));
        let right = response(200, &[], &format!(r#"{{"message":"no {SECOND}.","id":"{SECOND}","name":"Ada"}}"#));
        assert_eq!(differences(&mut bindings, &again, &right), []);
        let wrong = response(200, &[], &format!(r#"{{"message":"no {FIRST}.","id":"{FIRST}","name":"Eve"}}"#));
        let places: Vec<String> = differences(&mut bindings, &again, &wrong).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["$.message", "$.id", "$.name"]);
    }

    #[test]
    fn an_id_of_a_request_is_another_each_time() {
        let mut bindings = Bindings::default();
        let answer = |id: &str| response(400, &[("request-id", id)], &format!(r#"{{"error":{{"request-id":"{id}"}}}}"#));
        // The items of a batch and the batch itself have one id, and are three requests when they are sent again.
        assert_eq!(differences(&mut bindings, &answer(FIRST), &answer(SECOND)), []);
        assert_eq!(differences(&mut bindings, &answer(FIRST), &answer(&SECOND.replace("8d", "9e"))), []);
        assert_eq!(differences(&mut bindings, &answer(FIRST), &answer("x")).len(), 2, "its shape is looked at all the same");
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let text = prop_oneof![
            Just(FIRST),
            Just(SECOND),
            Just("2021-01-01T00:00:00Z"),
            Just("https://a/b"),
            Just("name-1"),
            Just("x"),
            Just(""),
            Just("{\"id\":\"x\",\"a\":1}"),
        ];
        let literal = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        literal.prop_recursive(3, 12, 3, |value| {
            let name = prop_oneof![Just("a"), Just("id"), Just("xDateTime"), Just("@odata.context")].prop_map(str::to_owned);
            prop_oneof![
                vec(value.clone(), 0..3).prop_map(Value::from),
                vec((name, value), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_response() -> impl Strategy<Value = RecordedResponse> {
        let header =
            (prop_oneof![Just("etag"), Just("location"), Just("x-a")], prop_oneof![Just(FIRST), Just("W/\"1\""), Just("x")]);
        let body = prop_oneof![value().prop_map(|value| value.to_string()), Just(String::new()), Just("text".to_owned())];
        (prop_oneof![Just(200), Just(204)], vec(header, 0..3), body)
            .prop_map(|(status, headers, body)| response(status, &headers, &body))
    }

    proptest! {
        #[test]
        fn an_answer_does_not_differ_from_itself(answer in any_response()) {
            prop_assert_eq!(differences(&mut Bindings::default(), &answer, &answer), []);
        }

        #[test]
        fn an_accepted_answer_does_not_differ_from_what_came(recorded in any_response(), came in any_response()) {
            let rules = CompareRules::default();
            let mut bindings = Bindings::default();
            let mut grader = Grader { rules: &rules, exchange: "a", bindings: &mut bindings, differences: Vec::new() };
            grader.compare(&recorded, &came);
            let accepted = accepted(&grader, &recorded, &came);
            let left = differences(&mut bindings, &accepted, &came);
            prop_assert!(left.is_empty(), "{:?}\n{}\n{}\n{}", left, String::from_utf8_lossy(&recorded.body), String::from_utf8_lossy(&came.body), String::from_utf8_lossy(&accepted.body));
        }
    }
}
