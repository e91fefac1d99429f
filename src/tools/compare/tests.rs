//! Tests of comparison and acceptance together.

use http::StatusCode;
use proptest::collection::vec;
use proptest::prelude::*;

use super::accept::accepted_response;
use super::bindings::Bindings;
use super::grade::Grader;
use super::*;
use crate::text::exchange::RecordedResponse;

const FIRST: &str = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
const SECOND: &str = "WFI_8dbddbb0-6cba-4861-a541-192320cc0e88";

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> RecordedResponse {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    RecordedResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned().into() }
}

fn differences(bindings: &mut Bindings, recorded: &RecordedResponse, actual: &RecordedResponse) -> Vec<(String, DifferenceKind)> {
    let rules = CompareRules::default();
    let mut grader = Grader { rules: &rules, exchange: "a.hurl#1 a", bindings, differences: Vec::new() };
    grader.compare(recorded, actual);
    grader.differences.into_iter().map(|difference| (difference.place, difference.kind)).collect()
}

fn bodies(recorded: &str, actual: &str) -> Vec<(String, DifferenceKind)> {
    differences(&mut Bindings::default(), &response(200, &[], recorded), &response(200, &[], actual))
}

#[test]
fn ignored_headers_are_ignored_in_a_batch_too() {
    let item = |rest: &str| format!(r#"{{"responses":[{{"id":"1","status":204{rest}}}]}}"#);
    let explained = item(r#","headers":{"x-wfi-emulator-explain":"a"}"#);
    let tagged = item(r#","headers":{"ETag":"W/\"1\""}"#);
    let both = item(r#","headers":{"x-wfi-emulator-explain":"a","ETag":"W/\"2\""}"#);
    let none = item("");
    for (recorded, actual) in [(&both, &tagged), (&tagged, &both), (&explained, &none), (&none, &explained)] {
        assert_eq!(bodies(recorded, actual), [], "{recorded} {actual}");
    }
    let place = "$.responses[0].headers.ETag".to_owned();
    assert_eq!(bodies(&tagged, &explained), [(place, DifferenceKind::Missing)]);
}

#[test]
fn each_kind_of_difference_has_its_place() {
    for (recorded, actual, place, kind) in [
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
            DifferenceKind::Shape,
        ),
        (r#"{"a":"{\"b\":{\"code\":\"x\"}}"}"#, r#"{"a":"{\"b\":{\"code\":\"y\"}}"}"#, "$.a$.b.code", DifferenceKind::Value),
        (r#"{"a":1}"#, r#"{"error":1}"#, "$", DifferenceKind::Value),
        ("text", "other", "body", DifferenceKind::Value),
        ("", "x", "body", DifferenceKind::Added),
        ("x", "", "body", DifferenceKind::Missing),
    ] {
        assert_eq!(bodies(recorded, actual), [(place.to_owned(), kind)], "{recorded} {actual}");
    }
    assert_eq!(bodies(r#"{"a":1,"b":[]}"#, r#" { "b" : [ ] , "a" : 1 } "#), []);
    let (recorded, actual) =
        (response(200, &[("A", "1"), ("b", "2"), ("date", "x")], ""), response(200, &[("a", "1"), ("b", "3")], ""));
    let expected = [("header:b".to_owned(), DifferenceKind::Value), ("header:date".to_owned(), DifferenceKind::Missing)];
    assert_eq!(differences(&mut Bindings::default(), &recorded, &actual), expected);
}

#[test]
fn volatile_values_are_bound_once_and_followed_afterwards() {
    let mut bindings = Bindings::default();
    let body = |id: &str, date: &str| {
        format!(r#"{{"id":"{id}","createdDateTime":"{date}","name":"name-1","@odata.context":"https://{date}/x('{id}')"}}"#)
    };
    let recorded = response(200, &[], &body(FIRST, "2021-01-01T00:00:00Z"));
    let actual = response(200, &[], &body(SECOND, "2024-02-02T01:02:03.4Z").replace("name-1", "Ada"));
    assert_eq!(differences(&mut bindings, &recorded, &actual), []);
    assert_eq!((bindings.get(FIRST), bindings.get("name-1")), (Some(SECOND), Some("Ada")));
    let again = response(200, &[], &format!(r#"{{"message":"no {FIRST}.","id":"{FIRST}","name":"name-1"}}"#));
    let right = response(200, &[], &format!(r#"{{"message":"no {SECOND}.","id":"{SECOND}","name":"Ada"}}"#));
    assert_eq!(differences(&mut bindings, &again, &right), []);
    let wrong = response(200, &[], &format!(r#"{{"message":"no {FIRST}.","id":"{FIRST}","name":"Eve"}}"#));
    let places: Vec<String> = differences(&mut bindings, &again, &wrong).into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["$.message", "$.id", "$.name"]);
}

#[test]
fn request_ids_differ_each_time() {
    let mut bindings = Bindings::default();
    let answer = |id: &str| response(400, &[("request-id", id)], &format!(r#"{{"error":{{"request-id":"{id}"}}}}"#));
    // A batch and its items share one id in a recording, but are separate requests when they are sent again.
    assert_eq!(differences(&mut bindings, &answer(FIRST), &answer(SECOND)), []);
    assert_eq!(differences(&mut bindings, &answer(FIRST), &answer(&SECOND.replace("8d", "9e"))), []);
    assert_eq!(differences(&mut bindings, &answer(FIRST), &answer("x")).len(), 2, "the shape is compared");
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
    let header = (prop_oneof![Just("etag"), Just("location"), Just("x-a")], prop_oneof![Just(FIRST), Just("W/\"1\""), Just("x")]);
    let body = prop_oneof![value().prop_map(|value| value.to_string()), Just(String::new()), Just("text".to_owned())];
    (prop_oneof![Just(200), Just(204)], vec(header, 0..3), body)
        .prop_map(|(status, headers, body)| response(status, &headers, &body))
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn an_answer_does_not_differ_from_itself(answer in any_response()) {
        prop_assert_eq!(differences(&mut Bindings::default(), &answer, &answer), []);
    }

    #[test]
    fn an_accepted_answer_does_not_differ_from_the_actual_one(recorded in any_response(), actual in any_response()) {
        let rules = CompareRules::default();
        let mut bindings = Bindings::default();
        let mut grader = Grader { rules: &rules, exchange: "a", bindings: &mut bindings, differences: Vec::new() };
        grader.compare(&recorded, &actual);
        let accepted = accepted_response(&grader, &recorded, &actual);
        let remaining = differences(&mut bindings, &accepted, &actual);
        prop_assert!(remaining.is_empty(), "{:?}\n{}\n{}\n{}", remaining, String::from_utf8_lossy(&recorded.body), String::from_utf8_lossy(&actual.body), String::from_utf8_lossy(&accepted.body));
    }
}
