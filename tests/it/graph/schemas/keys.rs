//! Keys that clients choose.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};

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
