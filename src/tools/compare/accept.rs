//! The acceptance of an actual answer as the recorded one.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;

use super::difference::Difference;
use super::grade::Grader;
use super::json_path;
use super::link::without_host;
use super::rules::Treatment;
use super::shape::ValueShape;
use crate::text::exchange::RecordedResponse;
use crate::text::json::{self, Json};

/// Returns the answer that replaces a recorded one: the actual answer, with recorded values where the difference is known or values
/// vary from run to run.
pub(super) fn accepted_response(grader: &Grader<'_>, recorded: &RecordedResponse, actual: &RecordedResponse) -> RecordedResponse {
    let is_known = |place: &str| grader.rules.known(place, grader.exchange).is_some();
    let mut headers: Vec<(String, String)> = Vec::new();
    let restore = |value: &str| grader.bindings.restore(value).into_owned();
    if recorded.status == actual.status {
        for (index, (name, value)) in recorded.headers.iter().enumerate() {
            let place = format!("header:{}", name.to_ascii_lowercase());
            if is_known(&place) || grader.differences.iter().all(|difference| difference.place != place) {
                headers.push((name.clone(), value.clone()));
            } else if recorded.headers[..index].iter().all(|(other, _)| !other.eq_ignore_ascii_case(name)) {
                let actual = actual.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                headers.extend(actual.map(|(_, value)| (name.clone(), restore(value))));
            }
        }
    } else {
        for (name, value) in &actual.headers {
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
            .map_or_else(|| restore(value), str::to_owned);
            headers.push((name.clone(), value));
        }
    }
    let body = match (json::parse(&recorded.body), json::parse(&actual.body)) {
        (Ok(recorded), Ok(actual)) => {
            let mut out = Vec::new();
            merged(grader, "$", &recorded, &actual).write(&mut out);
            Bytes::from(out)
        }
        _ => match std::str::from_utf8(&actual.body) {
            Ok(text) => grader.bindings.restore(text).into_owned().into(),
            Err(_) => actual.body.clone(),
        },
    };
    RecordedResponse { status: actual.status, headers, body }
}

/// Merges two values: the recorded one where nothing differs or the difference is known, else the actual one.
fn merged<'j>(grader: &Grader<'_>, place: &str, recorded: &Json<'j>, actual: &Json<'j>) -> Json<'j> {
    if grader.rules.known(place, grader.exchange).is_some() {
        return recorded.clone();
    }
    match (recorded, actual) {
        (Json::Object(old), Json::Object(new)) => {
            let mut others: HashMap<&str, &Json<'j>> = old.iter().map(|(name, value)| (&**name, value)).collect();
            let members = new.iter().map(|(name, value)| {
                let inner = json_path::member(place, name);
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
            // A difference in JSON within a text is a difference of the text.
            let differs = |difference: &Difference| {
                difference.place == place || difference.place.strip_prefix(place).is_some_and(|rest| rest.starts_with('$'))
            };
            if grader.differences.iter().any(differs) { restored(grader, actual) } else { recorded.clone() }
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
