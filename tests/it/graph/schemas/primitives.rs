//! The decision table of primitive types: kind × state → status, text, stored, answered. Each row is run in every place of a value, by
//! PATCH and by POST.

use http::{Method, StatusCode};
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::policy::refusal::{self, Refusal};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::{harness, museum};

/// The effect of a value.
enum Then {
    /// It is stored and answered as this JSON text.
    Stored(&'static str),
    /// It is stored as the first text and answered as the second.
    Shown(&'static str, &'static str),
    /// It is refused; `{p}` in the words is the name of the property.
    Refused(&'static Refusal, &'static [&'static str]),
}

use Then::{Refused, Shown, Stored};

struct Row {
    /// The type without its namespace.
    kind: &'static str,
    /// The state of the value.
    state: &'static str,
    /// The value as JSON text.
    value: &'static str,
    then: Then,
}

const fn row(kind: &'static str, state: &'static str, value: &'static str, then: Then) -> Row {
    Row { kind, state, value, then }
}

const MISMATCH: Then = Refused(&refusal::SCHEMA_MISMATCH, &["{p}"]);

const fn unreadable(words: &'static [&'static str]) -> Then {
    Refused(&refusal::CANNOT_CONVERT, words)
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("Binary", "valid", r#""AAE=""#, Stored(r#""AAE=""#)),
    row("Binary", "empty", r#""""#, Stored(r#""""#)),
    row("Binary", "invalid text", r#""A A=""#, unreadable(&["A A=", "Edm.Binary"])),
    row("Binary", "a number", "1", MISMATCH),
    row("Binary", "an object", "{}", MISMATCH),
    row("Boolean", "valid", "true", Stored("true")),
    row("Boolean", "valid", "false", Stored("false")),
    row("Boolean", "a string", r#""true""#, MISMATCH),
    row("Boolean", "a number", "1", MISMATCH),
    row("Byte", "least", "0", Stored("0")),
    row("Byte", "greatest", "255", Stored("255")),
    row("Byte", "below the range", "-1", MISMATCH),
    row("Byte", "above the range", "256", MISMATCH),
    row("Byte", "a fraction", "1.5", MISMATCH),
    row("Byte", "a string", r#""1""#, MISMATCH),
    row("Date", "valid", r#""2024-02-29""#, Stored(r#""2024-02-29""#)),
    row("Date", "not in the calendar", r#""2023-02-29""#, unreadable(&["2023-02-29", "Edm.Date"])),
    row("Date", "with a time", r#""2024-02-29T00:00:00Z""#, unreadable(&["2024-02-29T00:00:00Z", "Edm.Date"])),
    row("Date", "empty", r#""""#, unreadable(&["", "Edm.Date"])),
    row("Date", "a number", "2024", MISMATCH),
    row("DateTimeOffset", "valid", r#""2021-03-12T17:37:05.84Z""#, Stored(r#""2021-03-12T17:37:05.84Z""#)),
    row("DateTimeOffset", "with an offset", r#""2021-03-12T17:37:05+01:00""#, Shown(r#""2021-03-12T17:37:05+01:00""#, r#""2021-03-12T16:37:05Z""#)),
    row("DateTimeOffset", "without a time", r#""2021-03-12""#, Refused(&refusal::INVALID_DATE, &["2021-03-12"])),
    row("DateTimeOffset", "not in the calendar", r#""2021-02-30T00:00:00Z""#, Refused(&refusal::INVALID_DATE, &["2021-02-30T00:00:00Z"])),
    row("DateTimeOffset", "a number", "0", MISMATCH),
    row("Decimal", "valid", "12.5", Stored("12.5")),
    row("Decimal", "greater than a signed integer", "12345678901234567890", Stored("12345678901234567890")),
    row("Decimal", "a string", r#""12.5""#, MISMATCH),
    row("Double", "valid", "-0.5", Stored("-0.5")),
    row("Double", "whole", "1", Stored("1.0")),
    row("Double", "infinite", r#""-INF""#, Stored(r#""-INF""#)),
    row("Double", "not a number", r#""NaN""#, Stored(r#""NaN""#)),
    row("Double", "a string", r#""1""#, MISMATCH),
    row("Duration", "valid", r#""-P1DT2H3M4.5S""#, Stored(r#""-P1DT2H3M4.5S""#)),
    row("Duration", "with years", r#""P1Y""#, unreadable(&["P1Y", "Edm.Duration"])),
    row("Duration", "a number", "3600", MISMATCH),
    row("Guid", "valid", r#""e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d""#, Stored(r#""e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d""#)),
    row("Guid", "in braces", r#""{e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d}""#, unreadable(&["{e9fd3b22-4e5c-4a0a-9d17-afe306a1e10d}", "Edm.Guid"])),
    row("Guid", "a number", "1", MISMATCH),
    row("Int16", "least", "-32768", Stored("-32768")),
    row("Int16", "greatest", "32767", Stored("32767")),
    row("Int16", "below the range", "-32769", MISMATCH),
    row("Int16", "above the range", "32768", MISMATCH),
    row("Int16", "a string", r#""1""#, MISMATCH),
    row("Int32", "least", "-2147483648", Stored("-2147483648")),
    row("Int32", "greatest", "2147483647", Stored("2147483647")),
    row("Int32", "above the range", "2147483648", MISMATCH),
    row("Int32", "a fraction", "1.0", MISMATCH),
    row("Int32", "an exponent", "1e3", MISMATCH),
    row("Int32", "a Boolean", "true", MISMATCH),
    row("Int64", "least", "-9223372036854775808", Stored("-9223372036854775808")),
    row("Int64", "greatest", "9223372036854775807", Stored("9223372036854775807")),
    row("Int64", "above the range", "9223372036854775808", MISMATCH),
    row("Int64", "a string", r#""1""#, MISMATCH),
    row("SByte", "least", "-128", Stored("-128")),
    row("SByte", "greatest", "127", Stored("127")),
    row("SByte", "above the range", "128", MISMATCH),
    row("SByte", "a string", r#""1""#, MISMATCH),
    row("Single", "valid", "0.5", Stored("0.5")),
    row("Single", "infinite", r#""INF""#, Stored(r#""INF""#)),
    row("Single", "above the range", "1e39", MISMATCH),
    row("Single", "a string", r#""1""#, MISMATCH),
    row("String", "valid", r#""a\n\"é\"""#, Stored(r#""a\n\"é\"""#)),
    row("String", "empty", r#""""#, Stored(r#""""#)),
    row("String", "a number", "7", MISMATCH),
    row("String", "an array", "[]", MISMATCH),
    row("TimeOfDay", "valid", r#""08:30:00.5""#, Stored(r#""08:30:00.5""#)),
    row("TimeOfDay", "beyond midnight", r#""24:00:00""#, unreadable(&["24:00:00", "Edm.TimeOfDay"])),
    row("TimeOfDay", "a number", "8", MISMATCH),
    row("Untyped", "a text", r#""x""#, Stored(r#""x""#)),
    row("Untyped", "a number", "1.5", Stored("1.5")),
    row("Untyped", "an object", r#"{"b":[1,{"a":null}],"a":true}"#, Stored(r#"{"b":[1,{"a":null}],"a":true}"#)),
    row("Untyped", "an array", "[1,[2]]", Stored("[1,[2]]")),
];

const KINDS: [&str; 17] = [
    "Binary",
    "Boolean",
    "Byte",
    "Date",
    "DateTimeOffset",
    "Decimal",
    "Double",
    "Duration",
    "Guid",
    "Int16",
    "Int32",
    "Int64",
    "SByte",
    "Single",
    "String",
    "TimeOfDay",
    "Untyped",
];

/// The name of a kind's property.
fn plain(kind: &str) -> String {
    format!("{}{}", kind[..1].to_lowercase(), &kind[1..])
}

/// The answer to a change of a specimen: its status, its body, and the entity as stored, if it was.
struct Changed {
    status: StatusCode,
    body: String,
    stored: Option<String>,
}

fn change(world: &World, method: &Method, member: &str, value: &str) -> Changed {
    let is_new = *method == Method::POST;
    let target = if is_new { "/v1.0/specimens" } else { "/v1.0/specimens/1" };
    let body = format!("{{\"values\":{{\"{member}\":{value}}}}}");
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let request = RecordedRequest { method: method.clone(), target: target.to_owned(), headers, body: body.into() };
    let set = world.schema.set_named("specimens").unwrap();
    let texts = || -> Vec<String> {
        let entities = world.store.collection(set).list();
        entities.iter().map(|entity| fixture::write_entity_with(&world.schema, set, entity, Secret::Echo)).collect()
    };
    let before = texts();
    let response = harness::send(world, &request);
    let stored = texts().into_iter().find(|text| !before.contains(text));
    Changed { status: response.status, body: String::from_utf8(response.body.to_vec()).unwrap(), stored }
}

/// Whether a text has a member with a value.
fn has(text: &str, member: &str, value: &str) -> bool {
    let wanted = format!("\"{member}\":{value}");
    text.match_indices(&wanted).any(|(at, _)| text[at + wanted.len()..].starts_with([',', '}']))
}

/// Checks the effect of a value in one place.
fn check(member: &str, value: &str, then: &Then, expected: &dyn Fn(&str) -> String) -> Result<(), String> {
    check_with(&Behaviors::default(), member, value, then, expected)
}

fn check_with(
    behaviors: &Behaviors,
    member: &str,
    value: &str,
    then: &Then,
    expected: &dyn Fn(&str) -> String,
) -> Result<(), String> {
    for method in [Method::PATCH, Method::POST] {
        let world = museum::world_with(behaviors.clone());
        let Changed { status, body, stored } = change(&world, &method, member, value);
        let problem = |what: &str| {
            let near = |text: &str| {
                text.find(&format!("\"{member}\":")).map_or("…", |at| &text[at..]).chars().take(160).collect::<String>()
            };
            let (answered, stored) = (near(&body), near(stored.as_deref().unwrap_or_default()));
            Err(format!("{method} {member}: {value}: {what}: {status}\n  answered: {answered}\n  stored: {stored}"))
        };
        match then {
            Stored(kept) | Shown(kept, _) => {
                let kept = expected(kept);
                let shown = if let Shown(_, shown) = then { expected(shown) } else { kept.clone() };
                if status != if method == Method::POST { StatusCode::CREATED } else { StatusCode::OK } {
                    return problem("status");
                }
                if !has(&body, member, &shown) {
                    return problem(&format!("not answered as {shown}"));
                }
                // The text of a stored entity has no members without a value.
                let is_left_out = |stored: &str| kept == "null" && !stored.contains(&format!("\"{member}\":"));
                if !stored.as_ref().is_some_and(|stored| has(stored, member, &kept) || is_left_out(stored)) {
                    return problem(&format!("not stored as {kept}"));
                }
            }
            Refused(refusal, words) => {
                let text = words.iter().enumerate().fold(refusal.text.to_owned(), |text, (index, word)| {
                    text.replace(&format!("{{{index}}}"), &word.replace("{p}", member))
                });
                let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
                let code = &answer["error"]["code"];
                if status.as_u16() != refusal.status || code != refusal.code.name() || answer["error"]["message"] != text.as_str()
                {
                    return problem(&format!("expected {}: {text}", refusal.name));
                }
                if stored.is_some() {
                    return problem("refused, but stored");
                }
            }
        }
    }
    Ok(())
}

fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_row_holds_in_every_place_of_a_value() {
    let mut failures = Vec::new();
    for Row { kind, state, value, then } in ROWS {
        let name = plain(kind);
        let mut run = |member: &str, value: &str, expected: &dyn Fn(&str) -> String| {
            failures.extend(check(member, value, then, expected).err().map(|problem| format!("{kind}, {state}: {problem}")));
        };
        let (itself, listed) = (|text: &str| text.to_owned(), |text: &str| format!("[{text}]"));
        run(&name, value, &itself);
        run(&format!("{name}Items"), &format!("[{value}]"), &listed);
        if *kind != "Untyped" {
            run(&format!("required{kind}"), value, &itself);
            run(&format!("required{kind}Items"), &format!("[{value}]"), &listed);
        }
    }
    assert_none(&failures);
}

#[test]
fn null_is_stored_where_the_schema_allows_it() {
    let mut failures = Vec::new();
    for kind in KINDS {
        let name = plain(kind);
        let null = &|text: &str| text.to_owned();
        failures.extend(check(&name, "null", &Stored("null"), null).err());
        failures.extend(check(&format!("{name}Items"), "[null]", &Stored("[null]"), null).err());
        if kind != "Untyped" {
            let type_name: &'static str = format!("Edm.{kind}").leak();
            let refused = Refused(&refusal::NULL_VALUE, vec!["{p}", type_name].leak());
            failures.extend(check(&format!("required{kind}"), "null", &refused, null).err());
            failures.extend(check(&format!("required{kind}Items"), "[null]", &Refused(&refusal::NULL_ITEM, &[]), null).err());
        }
    }
    assert_none(&failures);
}

#[test]
fn a_collection_is_an_array_and_never_null() {
    let mut failures = Vec::new();
    let mut strict = Behaviors::default();
    strict.set("null-collections", "refuse").unwrap();
    for kind in KINDS {
        let name = format!("{}Items", plain(kind));
        let itself = &|text: &str| text.to_owned();
        let type_name: &'static str = format!("Collection(Edm.{kind})").leak();
        failures.extend(check(&name, "[]", &Stored("[]"), itself).err());
        let refused = Refused(&refusal::NULL_VALUE, vec!["{p}", type_name].leak());
        failures.extend(check_with(&strict, &name, "null", &refused, itself).err());
        failures.extend(check(&name, "null", &Stored("[]"), itself).err());
        failures.extend(check(&name, "{}", &MISMATCH, itself).err());
        failures.extend(check(&name, r#""x""#, &MISMATCH, itself).err());
    }
    assert_none(&failures);
}

#[test]
fn every_primitive_has_rows_of_its_own() {
    for kind in KINDS {
        let states = |wanted: fn(&Then) -> bool| ROWS.iter().any(|row| row.kind == kind && wanted(&row.then));
        assert!(states(|then| matches!(then, Stored(_))), "{kind}");
        assert_eq!(states(|then| matches!(then, Refused(..))), kind != "Untyped", "{kind}");
    }
    assert!(ROWS.iter().all(|row| KINDS.contains(&row.kind)));
}

#[test]
fn long_numbers_are_strings_for_those_who_ask() {
    let world = museum::world();
    let send = |method: Method, body: &str| {
        let format = "application/json;IEEE754Compatible=true";
        let headers = [("content-type", format), ("accept", format)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let target = "/v1.0/specimens/1/values".to_owned();
        let request = RecordedRequest { method, target, headers: headers.into(), body: body.to_owned().into() };
        let response = harness::send(&world, &request);
        (response.status, String::from_utf8(response.body.to_vec()).unwrap())
    };
    let body = r#"{"int64":"9007199254740993","decimal":"0.10","int64Items":["1"],"int32":1}"#;
    let (status, body) = send(Method::PATCH, body);
    assert_eq!(status, StatusCode::OK, "{body}");
    for (member, value) in
        [("int64", r#""9007199254740993""#), ("decimal", r#""0.10""#), ("int64Items", r#"["1"]"#), ("int32", "1")]
    {
        assert!(has(&body, member, value), "{member}: {body}");
    }
    let plain = museum::get(&world, "specimens/1/values/int64");
    assert_eq!(plain["value"], 9_007_199_254_740_993_i64);
    let (status, body) = send(Method::PATCH, r#"{"int64":"many"}"#);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("Cannot convert the literal 'many' to the expected type 'Edm.Int64'."), "{body}");
}
