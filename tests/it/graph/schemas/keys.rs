//! Keys that clients choose.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};
use wfi_emulator::internals::policy::behavior::Secret;
use wfi_emulator::internals::world::fixture;

fn send(emulator: &Emulator, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/v1.0/{path}")).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
    let body = response.body();
    (response.status(), if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() })
}

#[test]
fn a_domain_and_a_schema_extension_have_the_id_that_the_client_chooses() {
    let emulator = Emulator::builder().seed(1).build();
    let post = |path: &str, body: &str| send(&emulator, Method::POST, path, body);
    let get = |path: &str| send(&emulator, Method::GET, path, "");
    let (status, domain) = post("domains", r#"{"id":"contoso.org"}"#);
    assert_eq!((status, &domain["id"]), (StatusCode::CREATED, &json!("contoso.org")));
    assert_eq!(get("domains/contoso.org").1["id"], "contoso.org");
    // A name is in use once, and stays.
    assert_eq!(post("domains", r#"{"id":"contoso.org"}"#).0, StatusCode::BAD_REQUEST);
    assert!(send(&emulator, Method::PATCH, "domains/contoso.org", r#"{"id":"fabrikam.org"}"#).0.is_success());
    let (_, list) = get("domains?$select=id");
    assert_eq!(list["value"], json!([{ "id": "contoso.org" }]));
    let (status, extension) = post("schemaExtensions", r#"{"id":"contoso_courses","targetTypes":["Group"]}"#);
    assert_eq!((status, &extension["id"]), (StatusCode::CREATED, &json!("contoso_courses")));
    assert_eq!(get("schemaExtensions/contoso_courses").0, StatusCode::OK);
    // A name that does not begin with that of a domain gets a beginning: `extk9eruy7c_courses`.
    let (status, extension) = post("schemaExtensions", r#"{"id":"courses","targetTypes":["Group"]}"#);
    let id = extension["id"].as_str().unwrap();
    let beginning = id.strip_prefix("ext").and_then(|rest| rest.strip_suffix("_courses")).unwrap_or_default();
    assert!(status == StatusCode::CREATED && beginning.len() == 8, "{id}");
    assert!(beginning.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
    assert_eq!(get(&format!("schemaExtensions/{id}")).0, StatusCode::OK);
    // The service assigns the ids of other types, and that of an extension without one.
    assert_ne!(post("me/messages", r#"{"id":"mine","subject":"S"}"#).1["id"], "mine");
    assert_eq!(post("schemaExtensions", r#"{"targetTypes":["Group"]}"#).1["id"].as_str().unwrap().len(), 36);
}

#[test]
fn an_immutable_key_is_that_of_the_client_and_others_called_id_are_assigned() {
    let type_named = |name: &str, annotation: &str| {
        format!(
            "<EntityType Name=\"{name}\"><Key><PropertyRef Name=\"id\"/></Key>\
             <Property Name=\"id\" Type=\"Edm.String\" Nullable=\"false\">{annotation}</Property>\
             <Property Name=\"name\" Type=\"Edm.String\"/></EntityType>"
        )
    };
    let text = format!(
        "<Schema Namespace=\"x\">{}{}<EntityContainer Name=\"c\"><EntitySet Name=\"chosen\" EntityType=\"x.a\"/>\
         <EntitySet Name=\"assigned\" EntityType=\"x.b\"/></EntityContainer></Schema>",
        type_named("a", "<Annotation Term=\"Org.OData.Core.V1.Immutable\" Bool=\"true\"/>"),
        type_named("b", ""),
    );
    let emulator = Emulator::builder().schema_csdl(Version::V1, &text).unwrap().seed(1).build();
    let post = |path: &str| send(&emulator, Method::POST, path, r#"{"id":"mine","name":"n"}"#).1["id"].clone();
    assert_eq!(post("chosen"), "mine");
    assert_ne!(post("assigned"), "mine");
    let (status, changed) = send(&emulator, Method::PATCH, "chosen/mine", r#"{"id":"other","name":"m"}"#);
    assert!(status.is_success(), "{changed}");
    let (_, shown) = send(&emulator, Method::GET, "chosen/mine", "");
    assert_eq!((&shown["id"], &shown["name"]), (&json!("mine"), &json!("m")));
}

/// A value of each type that a key can have: in JSON, the key, literals of the same value, and an invalid one.
const KEYS: [(&str, &str, &str, &[&str], &str); 17] = [
    ("Edm.String", r#""a'b""#, "a'b", &["'a''b'"], "1"),
    ("Edm.Boolean", "true", "true", &["true"], "'true'"),
    ("Edm.Byte", "255", "255", &["255", "0255"], "256"),
    ("Edm.SByte", "-128", "-128", &["-128"], "128"),
    ("Edm.Int16", "-32768", "-32768", &["-32768"], "32768"),
    ("Edm.Int32", "7", "7", &["7", "%2B7"], "7.5"),
    ("Edm.Int64", "9007199254740993", "9007199254740993", &["9007199254740993"], "x"),
    ("Edm.Single", "1.5", "1.5", &["1.5", "15e-1"], "true"),
    ("Edm.Double", "1e300", "1e300", &["1E300", "1e300"], "nan"),
    ("Edm.Decimal", "12.50", "12.5", &["12.5", "12.50", "125e-1"], "1.2.3"),
    (
        "Edm.Guid",
        r#""01234567-89AB-cdef-0123-456789abcdef""#,
        "01234567-89ab-cdef-0123-456789abcdef",
        &["01234567-89ab-CDEF-0123-456789abcdef"],
        "0123",
    ),
    ("Edm.Date", r#""2024-02-29""#, "2024-02-29", &["2024-02-29"], "2023-02-29"),
    (
        "Edm.DateTimeOffset",
        r#""2024-02-29T12:00:00.5+02:00""#,
        "2024-02-29T10:00:00.5Z",
        &["2024-02-29T10:00:00.50Z", "2024-02-29T12:00:00.5%2B02:00"],
        "2024-02-29",
    ),
    ("Edm.TimeOfDay", r#""12:34""#, "12:34:00", &["12:34:00.000", "12:34"], "25:00"),
    ("Edm.Duration", r#""PT36H""#, "P1DT12H", &["duration'PT36H'", "duration'P1DT12H'", "'PT36H'"], "binary'PT36H'"),
    ("Edm.Binary", r#""AQID_-8=""#, "AQID_-8", &["binary'AQID_-8='", "binary'AQID%2F%2B8='"], "duration'AQID'"),
    ("x.color", r#""red""#, "red", &["x.color'red'", "'red'", "x.color'1'"], "x.shape'red'"),
];

/// Every primitive type as key, in each way by which an entity comes and is found.
#[test]
fn a_key_of_any_type_is_created_found_linked_saved_and_imported() {
    for (kind, json, key, literals, other) in KEYS {
        let text = format!(
            "<Schema Namespace=\"x\"><EntityType Name=\"a\"><Key><PropertyRef Name=\"key\"/></Key>\
             <Property Name=\"key\" Type=\"{kind}\" Nullable=\"false\"/><Property Name=\"name\" Type=\"Edm.String\"/>\
             <Property Name=\"code\" Type=\"{kind}\"/>\
             <NavigationProperty Name=\"parts\" Type=\"Collection(x.a)\" ContainsTarget=\"true\"/>\
             <NavigationProperty Name=\"next\" Type=\"x.a\"/>\
             <Annotation Term=\"Org.OData.Core.V1.AlternateKeys\"><Collection><Record><PropertyValue Property=\"Key\"><Collection>\
             <Record><PropertyValue Property=\"Name\" PropertyPath=\"code\"/><PropertyValue Property=\"Alias\" String=\"code\"/>\
             </Record></Collection></PropertyValue></Record></Collection></Annotation></EntityType>\
             <EnumType Name=\"color\"><Member Name=\"green\" Value=\"0\"/><Member Name=\"red\" Value=\"1\"/></EnumType>\
             <EntityContainer Name=\"c\"><EntitySet Name=\"s\" EntityType=\"x.a\"/></EntityContainer></Schema>"
        );
        let emulator = Emulator::builder().schema_csdl(Version::V1, &text).unwrap().seed(1).build();
        let get = |path: &str| send(&emulator, Method::GET, path, "");
        let body = format!(r#"{{"key":{json},"name":"n","code":{json}}}"#);
        let (status, made) = send(&emulator, Method::POST, "s", &body);
        assert_eq!(status, StatusCode::CREATED, "{kind}: {made}");
        let same = made["key"].clone();
        assert_eq!(send(&emulator, Method::POST, "s", &body).0, StatusCode::BAD_REQUEST, "{kind}: twice");
        let segment = key.replace('\'', "%27");
        for path in literals.iter().map(|literal| format!("s({literal})")).chain([format!("s/{segment}")]) {
            let (status, found) = get(&path);
            assert_eq!((status, &found["key"]), (StatusCode::OK, &same), "{kind}: {path}: {found}");
        }
        for literal in literals {
            let named = get(&format!("s(key={literal})"));
            assert_eq!((named.0, &named.1["key"]), (StatusCode::OK, &same), "{kind}: {literal}");
            let alternate = get(&format!("s(code={literal})"));
            assert_eq!((alternate.0, &alternate.1["key"]), (StatusCode::OK, &same), "{kind}: {literal}: {}", alternate.1);
        }
        assert!(get(&format!("s({other})")).0.is_client_error(), "{kind}: {other}");
        // Contained and linked.
        let literal = literals[0];
        assert_eq!(send(&emulator, Method::POST, &format!("s({literal})/parts"), &body).0, StatusCode::CREATED, "{kind}");
        assert_eq!(get(&format!("s/{segment}/parts({literal})/name")).1["value"], "n", "{kind}");
        let last = literals.last().unwrap();
        let link = format!(r#"{{"@odata.id":"s({last})"}}"#);
        let (status, answer) = send(&emulator, Method::PUT, &format!("s({literal})/next/$ref"), &link);
        assert!(status.is_success(), "{kind}: {answer}");
        assert_eq!(get(&format!("s({literal})/next")).1["key"], same, "{kind}");
        assert_eq!(get(&format!("s({literal})?$expand=next")).1["next"]["key"], same, "{kind}");
        // Saved and imported.
        let world = emulator.world();
        let state = fixture::write(&world.schema, &world.store, Secret::Null);
        let again = Emulator::builder().schema_csdl(Version::V1, &text).unwrap().fixtures_json(&state);
        let again = again.unwrap_or_else(|error| panic!("{kind}: {error}\n{state}")).build();
        let found = send(&again, Method::GET, &format!("s({literal})/parts({last})"), "");
        assert_eq!((found.0, &found.1["key"]), (StatusCode::OK, &same), "{kind}: {state}");
        assert_eq!(send(&again, Method::GET, &format!("s({literal})/next"), "").1["key"], same, "{kind}: {state}");
        assert!(send(&emulator, Method::DELETE, &format!("s({literal})"), "").0.is_success(), "{kind}");
        assert_eq!(get(&format!("s/{segment}")).0, StatusCode::NOT_FOUND, "{kind}");
    }
}
