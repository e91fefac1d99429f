//! The comparison of a recorded answer with the actual one.

use std::collections::HashMap;

use bytes::Bytes;

use super::bindings::{Bindings, words};
use super::difference::{Difference, DifferenceKind};
use super::json_path;
use super::link::{split_token, without_host};
use super::rules::{CompareRules, Treatment};
use super::shape::ValueShape;
use crate::text::exchange::RecordedResponse;
use crate::text::json::{self, Json, Member};
use crate::text::redact::{is_pseudonym, is_pseudonymous_id};

/// Maximum number of differences of one exchange.
const LIMIT: usize = 100;

/// Compares answers to one exchange.
pub(super) struct Grader<'g> {
    pub(super) rules: &'g CompareRules,
    /// The name of the exchange in rules.
    pub(super) exchange: &'g str,
    pub(super) bindings: &'g mut Bindings,
    pub(super) differences: Vec<Difference>,
}

impl Grader<'_> {
    /// Compares two answers.
    pub(super) fn compare(&mut self, recorded: &RecordedResponse, actual: &RecordedResponse) {
        if recorded.status == actual.status {
            self.compare_headers(recorded, actual);
        } else if self.rules.treatment("status", None, self.exchange) == Treatment::Exact {
            // The headers depend on the status, so their differences would only hide this one.
            self.add("status", DifferenceKind::Status, Some(recorded.status.to_string()), Some(actual.status.to_string()));
        }
        self.compare_body(recorded, actual);
    }

    /// Compares two answers without their bodies, of which the first is not recorded.
    pub(super) fn compare_head(&mut self, recorded: &RecordedResponse, actual: &RecordedResponse) {
        let without_body = |response: &RecordedResponse| RecordedResponse { body: Bytes::new(), ..response.clone() };
        self.compare(&without_body(recorded), &without_body(actual));
    }

    fn add(&mut self, place: &str, kind: DifferenceKind, recorded: Option<String>, actual: Option<String>) {
        if self.differences.len() < LIMIT {
            self.differences.push(Difference::new(place, kind, recorded, actual));
        }
    }

    fn compare_headers(&mut self, recorded: &RecordedResponse, actual: &RecordedResponse) {
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
            match values(actual, &name) {
                _ if treatment == Treatment::Ignore => {}
                None => self.add(&place, DifferenceKind::Missing, Some(wanted), None),
                // Several values must not be bound as if they were one.
                Some((other, value)) if other != count => self.add(&place, DifferenceKind::Value, Some(wanted), Some(value)),
                Some((_, value)) => self.compare_texts(&place, treatment, &wanted, &value),
            }
            seen.push(name);
        }
    }

    fn compare_body(&mut self, recorded: &RecordedResponse, actual: &RecordedResponse) {
        let treatment = self.rules.treatment("body", None, self.exchange);
        let lossy = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
        match (recorded.body.is_empty(), actual.body.is_empty()) {
            _ if treatment == Treatment::Ignore => {}
            (true, true) => {}
            (true, false) => self.add("body", DifferenceKind::Added, None, Some(lossy(&actual.body))),
            (false, true) => self.add("body", DifferenceKind::Missing, Some(lossy(&recorded.body)), None),
            (false, false) => match (json::parse(&recorded.body), json::parse(&actual.body)) {
                (Ok(recorded), Ok(actual)) => self.compare_json("$", None, &recorded, &actual),
                _ => match (std::str::from_utf8(&recorded.body), std::str::from_utf8(&actual.body)) {
                    (Ok(recorded), Ok(actual)) => self.compare_texts("body", treatment, recorded, actual),
                    _ if recorded.body == actual.body => {}
                    _ => self.add("body", DifferenceKind::Value, Some(lossy(&recorded.body)), Some(lossy(&actual.body))),
                },
            },
        }
    }

    fn compare_json(&mut self, place: &str, member: Option<&str>, recorded: &Json<'_>, actual: &Json<'_>) {
        let treatment = self.rules.treatment(place, member, self.exchange);
        match (recorded, actual) {
            _ if treatment == Treatment::Ignore => {}
            (Json::Object(recorded), Json::Object(actual)) => self.compare_objects(place, recorded, actual),
            (Json::Array(recorded), Json::Array(actual)) => {
                if recorded.len() != actual.len() {
                    let count = |elements: &[Json<'_>]| Some(format!("{} elements", elements.len()));
                    self.add(place, DifferenceKind::Length, count(recorded), count(actual));
                }
                for (index, (recorded, actual)) in recorded.iter().zip(actual).enumerate() {
                    self.compare_json(&format!("{place}[{index}]"), member, recorded, actual);
                }
            }
            (Json::String(recorded), Json::String(actual)) => self.compare_texts(place, treatment, recorded, actual),
            _ if std::mem::discriminant(recorded) != std::mem::discriminant(actual) => {
                self.add(place, DifferenceKind::Kind, Some(text_of(recorded)), Some(text_of(actual)));
            }
            _ if recorded == actual || treatment == Treatment::Volatile => {}
            _ => self.add(place, DifferenceKind::Value, Some(text_of(recorded)), Some(text_of(actual))),
        }
    }

    fn compare_objects(&mut self, place: &str, recorded: &[Member<'_>], actual: &[Member<'_>]) {
        let mut others: HashMap<&str, &Json<'_>> = actual.iter().map(|(name, value)| (&**name, value)).collect();
        let has_common = recorded.iter().any(|(name, _)| others.contains_key(&**name));
        if !has_common && self.has_compared(place, recorded) && self.has_compared(place, actual) {
            // The objects have nothing in common, so this is one difference rather than one per member.
            let text = |members: &[Member<'_>]| Some(text_of(&Json::Object(members.to_vec())));
            self.add(place, DifferenceKind::Value, text(recorded), text(actual));
            return;
        }
        let mut names = Vec::new();
        for (name, value) in recorded {
            let inner = json_path::member(place, name);
            match others.remove(&**name) {
                Some(other) => self.compare_json(&inner, Some(name), value, other),
                // A duplicate member has been compared already.
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
        for (name, value) in actual {
            if others.remove(&**name).is_some() {
                let inner = json_path::member(place, name);
                if !self.is_ignored(&inner, name, value) {
                    self.add(&inner, DifferenceKind::Added, None, Some(text_of(value)));
                }
            }
        }
    }

    /// Returns whether a member may be absent: it is ignored, or it is an object whose members are.
    fn is_ignored(&self, place: &str, name: &str, value: &Json<'_>) -> bool {
        let is_all_ignored = |members: &[Member<'_>]| !members.is_empty() && !self.has_compared(place, members);
        self.rules.treatment(place, Some(name), self.exchange) == Treatment::Ignore
            || matches!(value, Json::Object(members) if is_all_ignored(members))
    }

    /// Returns whether an object has a member that is compared.
    fn has_compared(&self, place: &str, members: &[Member<'_>]) -> bool {
        let ignored =
            |name: &str| self.rules.treatment(&json_path::member(place, name), Some(name), self.exchange) == Treatment::Ignore;
        members.iter().any(|(name, _)| !ignored(name))
    }

    fn compare_texts(&mut self, place: &str, treatment: Treatment, recorded: &str, actual: &str) {
        let owned = |text: &str| Some(text.to_owned());
        if let Some(bound) = self.bindings.get(recorded) {
            if bound != actual && is_request_id(place) && ValueShape::of(bound) == ValueShape::of(actual) {
                self.bindings.rebind(recorded, actual);
            } else if bound != actual {
                let expected =
                    if bound == recorded { owned(recorded) } else { Some(format!("{recorded} ({bound} in this run)")) };
                self.add(place, DifferenceKind::Value, expected, owned(actual));
            }
            return;
        }
        match treatment {
            Treatment::Ignore => {}
            Treatment::Volatile => {
                let (shape, other) = (ValueShape::of(recorded), ValueShape::of(actual));
                if is_pseudonym(recorded) {
                    self.bindings.bind(recorded, actual);
                } else if shape != other {
                    let describe = |text: &str, shape: &ValueShape| Some(format!("{text} ({})", shape.describe()));
                    self.add(place, DifferenceKind::Shape, describe(recorded, &shape), describe(actual, &other));
                } else if matches!(shape, ValueShape::Id(_) | ValueShape::Text) {
                    self.bindings.bind(recorded, actual);
                }
            }
            Treatment::Host => {
                let (wanted, value) = (without_host(recorded), without_host(actual));
                if self.compare_links(wanted, value) || self.bindings.replay(wanted, str::to_owned) == value {
                    return;
                }
                self.bind_ids_in_paths(wanted, value);
                if self.bindings.replay(wanted, str::to_owned) != value {
                    self.add(place, DifferenceKind::Value, owned(recorded), owned(actual));
                }
            }
            Treatment::Exact => {
                if self.bindings.replay(recorded, str::to_owned) == actual {
                    return;
                }
                if is_pseudonym(recorded) || is_pseudonymous_id(recorded) && ValueShape::of(recorded) == ValueShape::of(actual) {
                    self.bindings.bind(recorded, actual);
                } else if let (Some(recorded), Some(actual)) = (nested(recorded), nested(actual)) {
                    // An error of an inner tier of the service is text in a member of the outer error.
                    self.compare_json(&format!("{place}$"), None, &recorded, &actual);
                } else {
                    self.add(place, DifferenceKind::Value, owned(recorded), owned(actual));
                }
            }
        }
    }

    /// Compares links that differ in an opaque token only; binds the tokens and returns true if they do.
    fn compare_links(&mut self, recorded: &str, actual: &str) -> bool {
        let (Some((wanted, token)), Some((value, other))) = (split_token(recorded), split_token(actual)) else { return false };
        if self.bindings.replay(&wanted, str::to_owned) != value || token.is_empty() || other.is_empty() {
            return false;
        }
        self.bindings.bind(token, other);
        true
    }

    /// Binds ids that occur in an address before they occur in a body.
    fn bind_ids_in_paths(&mut self, recorded: &str, actual: &str) {
        let is_of_word = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
        let ids = |text| words(text, is_of_word).map(|(_, word)| word);
        for (recorded, actual) in ids(recorded).zip(ids(actual)) {
            let shape = ValueShape::of(recorded);
            if matches!(shape, ValueShape::Id(_)) && shape == ValueShape::of(actual) {
                self.bindings.bind(recorded, actual);
            }
        }
    }
}

fn nested(text: &str) -> Option<Json<'_>> {
    if text.starts_with('{') { json::parse(text.as_bytes()).ok() } else { None }
}

/// Returns whether a place has the id of a request, which is unique to each sending of the request.
fn is_request_id(place: &str) -> bool {
    place.ends_with("request-id")
}

fn text_of(value: &Json<'_>) -> String {
    let mut out = Vec::new();
    value.write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
