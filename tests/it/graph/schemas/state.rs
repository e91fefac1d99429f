//! The state as one tree: exported and imported, by the control API, by fixtures and by recorded answers.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Emulator, Version};
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::world::fixture;

use crate::support::museum;

const STATE: &str = "/_emulator/worlds/default/state";

fn emulator() -> Emulator {
    Emulator::builder().schema_csdl(Version::V1, museum::CSDL).unwrap().seed(1).fixtures_json(museum::ENTITIES).unwrap().build()
}

fn send(emulator: &Emulator, method: Method, target: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
    (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

fn get(emulator: &Emulator, target: &str) -> Value {
    let (status, body) = send(emulator, Method::GET, target, "");
    assert_eq!(status, StatusCode::OK, "{target}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Requests that show all of the state, by every kind of way.
const SHOWN: [&str; 17] = [
    "/v1.0/exhibits",
    "/v1.0/exhibits/p1?$expand=parts,keeper,admirers",
    "/v1.0/exhibits/p1/parts/frame/parts/nail/parts",
    "/v1.0/exhibits/p1/parts/frame/parts/nail/report",
    "/v1.0/exhibits/p1/museum.painting/sketches",
    "/v1.0/exhibits/p1/place/guards",
    "/v1.0/exhibits/p1/place/plan",
    "/v1.0/exhibits/p1/place/shelf/parts",
    "/v1.0/users?$expand=drafts",
    "/v1.0/tickets",
    "/v1.0/specimens",
    "/v1.0/suppliers(code='ACME')?$expand=offers",
    "/v1.0/seats",
    "/v1.0/house?$expand=guards",
    "/v1.0/house/office?$expand=parts",
    "/v1.0/me",
    "/v1.0/me/drafts",
];

fn shown(emulator: &Emulator) -> Vec<Value> {
    SHOWN.iter().map(|target| get(emulator, target)).collect()
}

#[test]
fn an_export_that_is_imported_gives_the_same_state() {
    let original = emulator();
    let (status, first) = send(&original, Method::GET, STATE, "");
    assert_eq!(status, StatusCode::OK);
    let copy = emulator();
    for set in ["exhibits", "users", "tickets", "specimens", "suppliers", "seats"] {
        // The import replaces all that is there.
        let entities = get(&copy, &format!("/v1.0/{set}"));
        for entity in entities["value"].as_array().unwrap() {
            let key = ["id", "code", "number"].iter().find_map(|name| entity.get(*name)).unwrap();
            send(
                &copy,
                Method::DELETE,
                &format!("/v1.0/{set}/{}", key.as_str().map_or_else(|| key.to_string(), str::to_owned)),
                "",
            );
        }
    }
    let (status, body) = send(&copy, Method::PUT, STATE, &first);
    assert!(status.is_success(), "{status} {body}");
    assert_eq!(shown(&copy), shown(&original));
    let (_, second) = send(&copy, Method::GET, STATE, "");
    assert_eq!(second, first);
}

#[test]
fn what_a_complex_value_contains_is_nested_in_it() {
    let emulator = emulator();
    let state = get(&emulator, STATE);
    let place = &state["exhibits"][0]["place"];
    assert_eq!(place["guards"], json!([{"badge": 7, "name": "Ada"}]));
    assert_eq!(place["plan"], json!({"id": "plan", "name": "Plan of the room"}));
    assert_eq!(place["shelf"], json!({"label": "top", "parts": [{"id": "tag", "name": "Tag"}]}));
    // Below a value that was null too, which is not null any more.
    assert_eq!(send(&emulator, Method::POST, "/v1.0/exhibits/b1/place/guards", r#"{"name":"Eve"}"#).0, StatusCode::CREATED);
    assert_eq!(get(&emulator, STATE)["exhibits"][1]["place"], json!({"guards": [{"badge": 1, "name": "Eve"}], "shelf": null}));
    // It is gone with its entity.
    assert_eq!(send(&emulator, Method::DELETE, "/v1.0/exhibits/p1", "").0, StatusCode::NO_CONTENT);
    assert_eq!(get(&emulator, "/v1.0/exhibits/$count"), json!(1));
    let (status, left) = send(&emulator, Method::GET, STATE, "");
    assert_eq!(status, StatusCode::OK);
    assert!(!left.contains("Plan of the room") && !left.contains("Tag"), "{left}");
}

#[test]
fn the_state_has_the_shape_of_an_expanded_answer() {
    let emulator = emulator();
    let state = get(&emulator, STATE);
    let painting = &state["exhibits"][0];
    assert_eq!(painting["@odata.type"], "#museum.painting");
    assert_eq!(painting["keeper@odata.bind"], "users('u1')");
    assert_eq!(painting["admirers@odata.bind"], json!(["users('u1')", "users('u2')"]));
    assert_eq!(painting["parts"][0]["parts"][0]["report"], json!({"id": "report", "text": "Rust"}));
    assert_eq!(painting["sketches"], json!([{"id": "s1", "name": "First"}]));
    assert_eq!(state["house"]["office"]["parts"], json!([{"id": "desk", "name": "Desk"}]));
    assert_eq!(state["me@odata.bind"], "users('u1')");
}

#[test]
fn deleting_through_a_cast_removes_what_the_entity_contains() {
    let emulator = emulator();
    assert_eq!(send(&emulator, Method::DELETE, "/v1.0/exhibits/p1/museum.painting", "").0, StatusCode::NO_CONTENT);
    let body = r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"p1","title":"Again"}]}"##;
    let world = emulator.world();
    let addresses = world.store.addresses();
    let left: Vec<_> = addresses
        .iter()
        .filter(|address| !world.store.at(address).is_empty())
        .map(|address| address.path(&world.schema))
        .collect();
    assert!(!left.iter().any(|path| path.starts_with("exhibits('p1')")), "{left:?}");
    assert!(send(&emulator, Method::PUT, STATE, body).0.is_success());
    assert_eq!(get(&emulator, "/v1.0/exhibits/p1/parts")["value"], json!([]));
}

/// An answer with `$expand`, as a client may have recorded it.
const RECORDED: &str = r##"{
  "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#exhibits(parts(),keeper())",
  "value": [
    {
      "@odata.type": "#museum.painting",
      "id": "p7",
      "title": "Recorded",
      "parts@odata.context": "https://graph.microsoft.com/v1.0/$metadata#exhibits('p7')/parts(parts())",
      "parts": [
        {
          "id": "frame",
          "parts@odata.context": "https://graph.microsoft.com/v1.0/$metadata#exhibits('p7')/parts('frame')/parts",
          "parts": [{ "id": "nail", "name": "Nail" }]
        }
      ],
      "keeper": { "id": "u9", "name": "Zoe" }
    }
  ]
}"##;

#[test]
fn a_recorded_answer_with_expand_is_a_fixture() {
    let emulator = Emulator::builder().schema_csdl(Version::V1, museum::CSDL).unwrap().fixtures_json(RECORDED).unwrap().build();
    assert_eq!(get(&emulator, "/v1.0/exhibits/p7/parts/frame/parts/nail")["name"], "Nail");
    assert_eq!(get(&emulator, "/v1.0/exhibits/p7/keeper")["name"], "Zoe");
    // The expanded entity lives in its own set.
    assert_eq!(get(&emulator, "/v1.0/users/u9")["name"], "Zoe");
    // The emulator's own answer is one too.
    let answer = send(&emulator, Method::GET, "/v1.0/exhibits?$expand=parts($expand=parts),keeper", "").1;
    let again = Emulator::builder().schema_csdl(Version::V1, museum::CSDL).unwrap().fixtures_json(&answer).unwrap().build();
    assert_eq!(get(&again, STATE), get(&emulator, STATE));
}

#[test]
fn invalid_entities_are_reported_with_their_place() {
    let schema = museum::schema();
    let problem = |text: &str| {
        let read = fixture::read(&schema, &Behaviors::default(), "museum.json", text.as_bytes());
        read.map(drop).unwrap_err().problems.join("\n")
    };
    for (text, expected) in [
        (
            r#"{"exhibits":[{"id":"1","title":"A"}]}"#,
            "museum.json: $.exhibits[0]: abstract type museum.exhibit: name a derived type in @odata.type",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","parts":[{"id":"a","parts":[{"id":"b","nam":""}]}]}]}"##,
            "museum.json: $.exhibits[0].parts[0].parts[0].nam: unknown property of museum.part (did you mean 'name'?)",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","place":{"guards":[{"badge":"7"}]}}]}"##,
            "museum.json: $.exhibits[0].place.guards[0].badge: found a string, expected a whole number from -2147483648 to 2147483647",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","keeper@odata.bind":"things/1"}]}"##,
            "museum.json: $.exhibits[0].keeper: expected the address of an entity, such as users('1'), found a string",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","parts@odata.bind":["exhibits/2/parts/a"]}]}"##,
            "museum.json: $.exhibits[0].parts@odata.bind: contained entities cannot be linked: state them under parts",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","place":{"plan@odata.bind":"exhibits/2/place/plan"}}]}"##,
            "museum.json: $.exhibits[0].place.plan@odata.bind: contained entities cannot be linked: state them under plan",
        ),
        (
            r##"{"exhibits":[{"@odata.type":"#museum.painting","id":"1","title":"A","note":{"more":[{"holder@odata.bind":"users/u1"}]}}]}"##,
            "museum.json: $.exhibits[0].note.more[0][\"holder@odata.bind\"]: link in a complex value: only entities have links",
        ),
        (
            r#"{"seats":[{"number":1},{"number":1}]}"#,
            "museum.json: $.seats[1].number: duplicate number '1' (first used at $.seats[0])",
        ),
        (r#"{"tickets":[{"code":"one"}]}"#, "museum.json: $.tickets[0].code: found \"one\", expected a GUID"),
    ] {
        assert_eq!(problem(text), expected);
    }
}

#[test]
fn an_export_without_secrets_keeps_the_tree() {
    let world = museum::world();
    let with = fixture::write(&world.schema, &world.store, Secret::Echo);
    let without = fixture::write(&world.schema, &world.store, Secret::Null);
    assert_eq!(serde_json::from_str::<Value>(&with).unwrap(), serde_json::from_str::<Value>(&without).unwrap());
}
