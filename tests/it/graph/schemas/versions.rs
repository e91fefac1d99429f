//! Versions that differ: each has the types, sets and members of its own document.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};

const V1: &str = r#"<Schema Namespace="depot" Alias="d">
  <EnumType Name="state"><Member Name="new" Value="0"/><Member Name="used" Value="1"/></EnumType>
  <EntityType Name="crate"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="label" Type="Edm.String"/><Property Name="state" Type="d.state"/></EntityType>
  <EntityType Name="barrel"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="litres" Type="Edm.Int32"/></EntityType>
  <EntityType Name="yard"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <NavigationProperty Name="crates" Type="Collection(d.crate)" ContainsTarget="true"/></EntityType>
  <EntityContainer Name="service"><EntitySet Name="things" EntityType="d.crate"/><EntitySet Name="crates" EntityType="d.crate"/>
    <Singleton Name="yard" Type="d.yard"/></EntityContainer>
</Schema>"#;

/// Another type of `things` and of `label`, other numbers of the members of `state`, another set, another collection of `yard`.
const BETA: &str = r#"<Schema Namespace="depot" Alias="d">
  <EnumType Name="state"><Member Name="used" Value="0"/><Member Name="broken" Value="1"/></EnumType>
  <EntityType Name="crate"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="label" Type="Edm.Int32"/><Property Name="state" Type="d.state"/></EntityType>
  <EntityType Name="barrel"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <Property Name="litres" Type="Edm.Int32"/></EntityType>
  <EntityType Name="yard"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <NavigationProperty Name="barrels" Type="Collection(d.barrel)" ContainsTarget="true"/></EntityType>
  <EntityContainer Name="service"><EntitySet Name="things" EntityType="d.barrel"/><EntitySet Name="crates" EntityType="d.crate"/>
    <EntitySet Name="barrels" EntityType="d.barrel"/><Singleton Name="yard" Type="d.yard"/></EntityContainer>
</Schema>"#;

fn emulator() -> Emulator {
    let builder = Emulator::builder().seed(1).schema_csdl(Version::V1, V1).unwrap();
    builder.schema_csdl(Version::Beta, BETA).unwrap().fixtures_json("{\"things\":[]}").unwrap().build()
}

fn send(emulator: &Emulator, method: Method, target: &str, body: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

fn get(emulator: &Emulator, target: &str) -> Value {
    let (status, body) = send(emulator, Method::GET, target, "");
    assert_eq!(status, 200, "{target}: {body}");
    let mut value: Value = serde_json::from_str(&body).unwrap();
    value.as_object_mut().unwrap().remove("@odata.context");
    value
}

fn create(emulator: &Emulator, target: &str, body: &str) -> String {
    let (status, answer) = send(emulator, Method::POST, target, body);
    assert_eq!(status, 201, "{target}: {answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_set_of_one_name_has_the_entities_of_its_own_type() {
    let emulator = emulator();
    let crate_id = create(&emulator, "/v1.0/things", r#"{"label":"A"}"#);
    let barrel_id = create(&emulator, "/beta/things", r#"{"litres":200}"#);
    assert_eq!(get(&emulator, "/v1.0/things")["value"], json!([{"id": crate_id, "label": "A", "state": null}]));
    assert_eq!(get(&emulator, "/beta/things")["value"], json!([{"id": barrel_id, "litres": 200}]));
    // By the usual form of a path and by others.
    for [found, missing] in [["/v1.0/things/", "/beta/things/"], ["/v1.0/THINGS/", "/beta/THINGS/"]] {
        assert_eq!(get(&emulator, &format!("{found}{crate_id}"))["label"], "A");
        assert_eq!(send(&emulator, Method::GET, &format!("{missing}{crate_id}"), "").0, 404);
        assert_eq!(get(&emulator, &format!("{missing}{barrel_id}"))["litres"], 200);
        assert_eq!(send(&emulator, Method::GET, &format!("{found}{barrel_id}"), "").0, 404);
    }
}

#[test]
fn an_entity_of_both_versions_shows_each_the_values_that_it_knows() {
    let emulator = emulator();
    let id = create(&emulator, "/v1.0/crates", r#"{"label":"A","state":"new"}"#);
    assert_eq!(get(&emulator, &format!("/beta/crates/{id}")), json!({"id": id, "label": null, "state": null}));
    assert_eq!(send(&emulator, Method::PATCH, &format!("/beta/crates/{id}"), r#"{"label":7,"state":"broken"}"#).0, 200);
    assert_eq!(get(&emulator, &format!("/v1.0/crates/{id}")), json!({"id": id, "label": "A", "state": "new"}));
    assert_eq!(get(&emulator, &format!("/beta/crates/{id}")), json!({"id": id, "label": 7, "state": "broken"}));
    assert_eq!(send(&emulator, Method::PATCH, &format!("/v1.0/crates/{id}"), r#"{"label":7}"#).0, 400);
}

#[test]
fn a_version_has_only_the_paths_of_its_document() {
    let emulator = emulator();
    create(&emulator, "/v1.0/yard/crates", r#"{"label":"A"}"#);
    let barrel = create(&emulator, "/beta/yard/barrels", r#"{"litres":1}"#);
    create(&emulator, "/beta/barrels", r#"{"litres":1}"#);
    let absent = [
        "/beta/yard/crates",
        "/v1.0/yard/barrels",
        "/v1.0/barrels",
        "/beta/yard/crates/1",
        "/v1.0/barrels/1",
        "/v1.0/yard/barrels/1",
    ];
    for path in absent {
        assert_eq!(send(&emulator, Method::GET, path, "").0, 400, "{path}");
    }
    assert_eq!(get(&emulator, &format!("/beta/yard/barrels/{barrel}"))["litres"], 1);
    for (version, document) in [("v1.0", V1), ("beta", BETA)] {
        assert_eq!(send(&emulator, Method::GET, &format!("/{version}/$metadata"), ""), (200, document.to_owned()));
    }
}

#[test]
fn the_state_of_both_versions_is_one_file() {
    let emulator = emulator();
    create(&emulator, "/v1.0/things", r#"{"label":"A"}"#);
    create(&emulator, "/beta/things", r#"{"litres":200}"#);
    create(&emulator, "/v1.0/yard/crates", r#"{"label":"B"}"#);
    create(&emulator, "/beta/yard/barrels", r#"{"litres":1}"#);
    let id = create(&emulator, "/v1.0/crates", r#"{"label":"C"}"#);
    assert_eq!(send(&emulator, Method::PATCH, &format!("/beta/crates/{id}"), r#"{"label":7,"state":"broken"}"#).0, 200);
    let state = "/_emulator/worlds/default/state";
    let (_, first) = send(&emulator, Method::GET, state, "");
    let copy = self::emulator();
    let (status, body) = send(&copy, Method::PUT, state, &first);
    assert!(status < 300, "{body}\n{first}");
    assert_eq!(send(&copy, Method::GET, state, "").1, first);
    for path in ["/v1.0/things", "/beta/things", "/v1.0/crates", "/beta/crates", "/v1.0/yard/crates", "/beta/yard/barrels"] {
        assert_eq!(get(&copy, path), get(&emulator, path), "{path}");
        assert_eq!(get(&copy, path)["value"].as_array().unwrap().len(), 1, "{path}");
    }
    // The second set of a name has that of its version before it.
    let file: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(file["things"][0]["label"], "A");
    assert_eq!(file["beta/things"][0]["litres"], 200);
    let expected = json!({"id": id, "label": "C", "beta/label": 7, "beta/state": "broken"});
    assert_eq!(file["crates"], json!([expected]));
}

#[test]
fn a_test_gives_a_schema_before_its_fixtures_and_once_for_each_version() {
    let problem = |builder: Result<wfi_emulator::emulator::Builder, String>| builder.map(drop).unwrap_err();
    let builder = || Emulator::builder().schema_csdl(Version::V1, V1).unwrap();
    assert_eq!(problem(builder().schema_csdl(Version::V1, V1)), "duplicate schema of v1.0");
    assert_eq!(
        problem(builder().schema_csdl(Version::Beta, "<Schema/>")),
        "schema, line 1: missing attribute Namespace of <Schema>"
    );
    let late = builder().fixtures_json("{\"things\":[]}").unwrap().schema_csdl(Version::Beta, BETA);
    assert_eq!(problem(late), "schema after fixtures: set the schema first, since fixtures are read with it");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/museum.csdl");
    let missing = file.with_extension("none");
    assert!(problem(builder().schema(Version::Beta, &missing)).starts_with(&format!("{}: ", missing.display())));
    let emulator = builder().schema(Version::Beta, &file).unwrap().build();
    assert_eq!(get(&emulator, "/beta/exhibits")["value"], json!([]));
    assert_eq!(get(&emulator, "/v1.0/things")["value"], json!([]));
}

#[test]
fn types_with_other_keys_in_the_other_version_are_refused() {
    let read = |version: Version, text: &str| {
        let builder = Emulator::builder().schema_csdl(Version::V1, V1).unwrap();
        let read = builder.schema_csdl(version, text).map(wfi_emulator::emulator::Builder::build);
        read.map(drop)
    };
    let named = BETA.replacen("<PropertyRef Name=\"id\"/></Key>", "<PropertyRef Name=\"code\"/></Key>", 1);
    let named =
        named.replacen("<Property Name=\"label\"", "<Property Name=\"code\" Type=\"Edm.String\"/><Property Name=\"label\"", 1);
    let typed = BETA.replacen("Name=\"id\" Type=\"Edm.String\"", "Name=\"id\" Type=\"Edm.Guid\"", 1);
    for (text, other) in [(named, "code (Edm.String)"), (typed, "id (Edm.Guid)")] {
        let error = read(Version::Beta, &text).unwrap_err();
        assert!(error.contains(&format!("different keys of type crate: id (Edm.String) in v1.0, {other} in beta")), "{error}");
        assert!(error.contains('3'), "the line: {error}");
    }
    assert_eq!(read(Version::Beta, BETA), Ok(()));
}
