//! Overloads of functions and actions: by the type that has them, by their parameters, and by imports.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};

const SCHEMA: &str = include_str!("../../../schemas/overloads.csdl");

fn emulator() -> Emulator {
    Emulator::builder().schema_csdl(Version::V1, SCHEMA).unwrap().seed(1).build()
}

fn send(emulator: &Emulator, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(format!("/v1.0/{path}")).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::from(text)).unwrap());
    let body = response.body();
    (response.status().as_u16(), if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() })
}

/// Returns the result of a call: the type in its context, or the status with the code and the text of the refusal.
fn call(emulator: &Emulator, method: Method, path: &str, body: &Value) -> String {
    let (status, answer) = send(emulator, method, path, body);
    match answer["@odata.context"].as_str() {
        Some(context) => context.rsplit_once('#').unwrap().1.to_owned(),
        None if answer.is_null() => status.to_string(),
        None => format!("{status} {}", answer["error"]["message"].as_str().unwrap()),
    }
}

/// An emulator with an animal and a dog, and their paths.
fn animals() -> (Emulator, String, String) {
    let emulator = emulator();
    let path = |body: Value| {
        let (status, made) = send(&emulator, Method::POST, "animals", &body);
        assert_eq!(status, 201, "{made}");
        format!("animals/{}", made["id"].as_str().unwrap())
    };
    let (animal, dog) = (path(json!({})), path(json!({ "@odata.type": "#t.dog" })));
    (emulator, animal, dog)
}

#[test]
fn the_type_that_is_nearest_decides_between_overloads() {
    let (emulator, animal, dog) = animals();
    let get = |path: &str| call(&emulator, Method::GET, path, &Value::Null);
    for (path, expected) in [
        (format!("{animal}/who"), "Edm.Int32"),
        (format!("{dog}/who"), "Edm.Int32"),
        (format!("{dog}/t.dog/who"), "Edm.Boolean"),
        (format!("{dog}/t.dog/s.who()"), "Edm.Boolean"),
        ("animals/who".to_owned(), "Edm.String"),
        ("animals/t.who()".to_owned(), "Edm.String"),
        (format!("{animal}/find"), "Edm.String"),
        (format!("{animal}/find?x=1&y=2"), "Edm.Boolean"),
        // Other options do not count.
        (format!("{animal}/find?x=1&y=2&trace=3"), "Edm.Boolean"),
        (format!("{animal}/find?trace=3"), "Edm.String"),
        ("who".to_owned(), "Edm.Date"),
        ("who()".to_owned(), "Edm.Date"),
        ("who(a=1)".to_owned(), "Edm.Guid"),
        ("whoImported()".to_owned(), "Edm.Date"),
        ("whoImported(a=1)".to_owned(), "Edm.Guid"),
        ("t.who()".to_owned(), "Edm.Date"),
    ] {
        assert_eq!(get(&path), expected, "{path}");
    }
    for path in
        [format!("{animal}/bogus.who"), "animals/bogus.t.who()".to_owned(), "bogus.who()".to_owned(), "whoElse()".to_owned()]
    {
        assert!(get(&path).starts_with("40"), "{path}: {}", get(&path));
    }
    let post = |path: &str, body: Value| call(&emulator, Method::POST, path, &body);
    assert_eq!(post(&format!("{animal}/act"), json!({ "a": 1 })), "204");
    assert_eq!(post(&format!("{animal}/act"), json!({})), "204");
    assert_eq!(post(&format!("{dog}/act"), json!({ "a": 1 })), "204");
    assert_eq!(post(&format!("{dog}/t.dog/act"), json!({ "z": "x" })), "Edm.String");
    assert_eq!(post(&format!("{dog}/t.dog/t.act"), json!({ "z": "x" })), "Edm.String");
    assert_eq!(post("animals/act", json!({ "q": "x" })), "204");
    assert_eq!(post("act", json!({ "u": "x" })), "204");
    assert_eq!(post("doIt", json!({ "u": "x" })), "204");
    let missing = |names: &str| {
        format!(
            "400 One or more parameters of the operation 'act' are missing from the request payload. The missing parameters are: {names}."
        )
    };
    let unknown = |name: &str| {
        format!("400 The parameter '{name}' in the request payload is not a valid parameter for the operation 'act'.")
    };
    for (path, body, expected) in [
        (format!("{dog}/t.dog/act"), json!({ "a": 1 }), unknown("a")),
        (format!("{dog}/t.dog/act"), json!({}), missing("z")),
        (format!("{animal}/act"), json!({ "z": "x" }), unknown("z")),
        ("animals/act".to_owned(), json!({ "a": 1 }), unknown("a")),
        ("animals/act".to_owned(), json!({}), missing("q")),
        ("doIt".to_owned(), json!({}), missing("u")),
    ] {
        assert_eq!(post(&path, body.clone()), expected, "{path} {body}");
    }
    // The parameters of an action are in the body alone.
    assert!(post(&format!("{animal}/act(a=1)"), json!({})).starts_with("400 Resource not found for the segment"));
}

#[test]
fn parameters_decide_between_overloads_wherever_they_are() {
    let (emulator, animal, _) = animals();
    let get = |path: &str| call(&emulator, Method::GET, &format!("{animal}/{path}"), &Value::Null);
    for (path, expected) in [
        ("sum(a=1)", "Edm.Int32"),
        ("sum(A=1)", "Edm.Int32"),
        ("sum(a=1,c='x')", "Edm.String"),
        ("sum(c='x',a=1)", "Edm.String"),
        ("sum%28a=1%29", "Edm.Int32"),
        ("sum(a=@p,c=@q)?@q='x'&@p=1", "Edm.String"),
        ("sum(a=@p)?@P=1", "Edm.Int32"),
        ("sum?a=1", "Edm.Int32"),
        ("sum?a=1&c=x", "Edm.String"),
        ("sum(a=1)?c=x", "Edm.String"),
        ("sum?a=1&other=x", "Edm.Int32"),
        ("sum(d=@p)?@p=%7B%22x%22:1%7D", "Edm.Boolean"),
        ("sum(d=%7B%22x%22:1%7D)", "Edm.Boolean"),
        ("opt(a=1)", "Edm.Int32"),
        ("opt(a=1,o='x')", "Edm.Int32"),
        ("many(ids=@i)?@i=%5B%22a%22,%22b%22%5D", "Edm.Int32"),
        ("many(ids=%5B%5D)", "Edm.Int32"),
        ("many(ids=%5B%5D,colors=@c)?@c=%5B%22red%22,%22blue%22%5D", "Edm.Int32"),
        ("many(ids=%5B%5D,points=@c)?@c=%5B%7B%22x%22:1%7D,%7B%7D%5D", "Edm.Int32"),
        ("many(ids=%5B%5D,du=duration'P1D')", "Edm.Int32"),
        ("many(ids=%5B%5D,du=P1D,f=true,w=2024-01-01T00:00:00Z,g=01234567-89ab-cdef-0123-456789abcdef)", "Edm.Int32"),
        ("many(ids=%5B%5D,colors=null)", "Edm.Int32"),
        ("many(ids=%5B%5D,colors=@c)", "Edm.Int32"),
    ] {
        assert_eq!(get(path), expected, "{path}");
    }
    let invalid =
        |name: &str, kind: &str| format!("400 Invalid value for parameter '{name}': expected a literal of type '{kind}'.");
    let mismatch = |name: &str| format!("400 Property {name} in payload has a value that does not match schema.");
    for (path, expected) in [
        ("sum(a=null)", invalid("a", "Edm.Int32")),
        ("sum(a=@p)", invalid("a", "Edm.Int32")),
        ("sum(a=99999999999)", invalid("a", "Edm.Int32")),
        ("sum(a=)", invalid("a", "Edm.Int32")),
        ("sum(d=@p)", invalid("d", "t.point")),
        ("sum(d='x')", invalid("d", "t.point")),
        ("sum(a='1')", "400 Expression of type 'Edm.String' cannot be converted to type 'Edm.Int32'.".to_owned()),
        ("sum(a=1,a=1)", "400 Duplicate parameter or entity key name 'a' in the call of the operation 'sum'.".to_owned()),
        (
            "sum(a=1,zz=2)",
            "400 The parameter 'zz' in the request payload is not a valid parameter for the operation 'sum'.".to_owned(),
        ),
        ("sum(d=%7B%22x%22:%22y%22%7D)", mismatch("x")),
        ("many(ids=%5B1%5D)", invalid("ids", "Collection(Edm.String)")),
        ("many(ids=%5B%5D,f=TRUE)", invalid("f", "Edm.Boolean")),
        ("many(ids=%5B%5D,du=duration'x')", invalid("du", "Edm.Duration")),
    ] {
        assert_eq!(get(path), expected, "{path}");
    }
    for path in
        ["sum", "sum()", "sum(c='x')", "opt(o='x')", "opt", "many(ids=%5B%5D,colors=@c)?@c=%5B%22pink%22%5D", "sum(1)", "sum(a)"]
    {
        assert!(get(path).starts_with("400 "), "{path}: {}", get(path));
    }
    // A POST of a function has them in the body.
    let post = |path: &str, body: Value| call(&emulator, Method::POST, &format!("{animal}/{path}"), &body);
    assert_eq!(post("sum", json!({ "a": 1 })), "Edm.Int32");
    assert_eq!(post("sum", json!({ "c": "x", "a": 1 })), "Edm.String");
    assert_eq!(post("sum", json!({ "d": { "x": 1 } })), "Edm.Boolean");
    assert_eq!(post("sum(a=1)", json!({ "c": "x" })), "Edm.String");
}
