//! All of Graph with no flag: the part of the built-in schema that is read when a request needs it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edm::address::EntityAddress;
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness;

fn settings() -> Settings {
    Settings { schema: workloads::schema_with_rest(), ..harness::settings(Behaviors::default()) }
}

fn get(world: &World, path: &str) -> (StatusCode, Value) {
    harness::json(world, Method::GET, path, None)
}

fn send(world: &World, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    harness::json(world, method, path, Some(&body.to_string()))
}

#[test]
fn everything_that_is_published_is_served() {
    for path in [
        "/v1.0/drives",
        "/beta/drives",
        "/v1.0/deviceManagement/managedDevices",
        "/beta/deviceManagement/managedDevices",
        "/v1.0/sites",
        "/v1.0/users/me/chats",
        "/v1.0/users?$expand=ownedDevices",
        "/v1.0/users?$expand=*",
        "/v1.0/users?$filter=isManagementRestricted%20eq%20true",
        "/v1.0/directoryObjects/microsoft.graph.device",
        "/v1.0/groups?$filter=members/any(m:isof(m,'microsoft.graph.device'))&$count=true",
    ] {
        // Each in a world in which nothing was asked before.
        let (status, body) = get(&World::new(settings()), path);
        let core = get(&World::new(harness::settings(Behaviors::default())), path).0;
        // The core has something to expand, too, and users have undeclared members.
        let is_in_core = ["/drives", "=*", "isManagementRestricted%20eq%20true"].iter().any(|end| path.ends_with(end));
        if path.contains("/users/me/") {
            assert_eq!(status, 404, "the user is unknown, not the segment: {body}");
        } else {
            assert!(status == 200 || path.contains("isof") && status == 400, "{path}: {status} {body}");
        }
        assert_eq!(core == 200, is_in_core, "{path}: {core}");
    }
}

#[test]
fn a_name_that_no_schema_has_is_refused_as_by_the_core() {
    for (method, path, body) in [
        (Method::GET, "/v1.0/bakeries", None),
        (Method::GET, "/v1.0/users?$filter=ovens%20eq%201&$top=x", None),
        (Method::GET, "/v1.0/teamwork/workforceIntegrations?$filter=ovens%20eq%201", None),
        (Method::PATCH, "/v1.0/teams/172b0cce-e65d-44ce-9a49-91d9f2e8491e", Some(r#"{"ovens":1}"#)),
    ] {
        let with = harness::json(&World::new(settings()), method.clone(), path, body);
        let core = harness::json(&World::new(harness::settings(Behaviors::default())), method, path, body);
        assert!(with.0.is_client_error(), "{path}");
        assert_eq!((with.0, &with.1["error"]["message"]), (core.0, &core.1["error"]["message"]), "{path}");
    }
}

#[test]
fn entities_of_all_types_are_stored_linked_forked_and_forgotten() {
    let world = World::new(settings());
    let device = json!({
        "displayName": "Oven",
        "accountEnabled": true,
        "alternativeSecurityIds": [{ "type": 2, "key": "b3Zlbg==" }],
        "deviceId": "4c299165-6e8f-4b45-a5ba-c5d250a707ff",
        "operatingSystem": "Linux",
        "operatingSystemVersion": "1",
    });
    let (status, device) = send(&world, Method::POST, "/v1.0/devices", &device);
    assert_eq!(status, 201, "{device}");
    let id = device["id"].as_str().unwrap();
    let group = get(&world, "/v1.0/groups").1["value"][0]["id"].as_str().unwrap().to_owned();
    let link = json!({ "@odata.id": format!("http://localhost:9340/v1.0/devices/{id}") });
    let members = format!("/v1.0/groups/{group}/members");
    let (status, body) = send(&world, Method::POST, &format!("{members}/$ref"), &link);
    assert_eq!(status, 204, "{body}");
    let linked = |world: &World| {
        let (status, body) = get(world, &members);
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().iter().any(|member| member["id"] == id)
    };
    assert!(linked(&world));
    let fork = world.current().fork().unwrap();
    assert!(linked(&fork) && get(&fork, &format!("/v1.0/devices/{id}")).0 == 200);
    // A world created from the same settings does not have it.
    let other = World::new(settings());
    assert_eq!(get(&other, &format!("/v1.0/devices/{id}")).0, 404);
    // The rest is read once for all worlds, and a world with it has the entities that it had.
    assert!(!world.schema.is_whole_unread() && world.widened().is_some() && !std::ptr::eq(world.current(), &raw const world));
    assert_eq!(world.store.counts().len() + 1, world.current().store.counts().len(), "{:?}", world.current().store.counts());
}

#[test]
fn a_type_of_the_core_shows_a_further_member_when_it_has_a_value() {
    let world = World::new(settings());
    let groups = "/v1.0/groups";
    let (_, before) = get(&world, groups);
    let path = format!("{groups}/{}", before["value"][0]["id"].as_str().unwrap());
    let (status, body) = send(&world, Method::PATCH, &path, &json!({ "accessType": "private" }));
    assert!(status.is_success(), "{body}");
    let (_, after) = get(&world, groups);
    let mut expected = before.clone();
    expected["value"][0]["accessType"] = json!("private");
    assert_eq!(after, expected);
    let (status, body) = send(&world, Method::PATCH, &path, &json!({ "accessType": "ajar" }));
    assert_eq!(status, 400, "it is typed: {body}");
    send(&world, Method::PATCH, &path, &json!({ "accessType": null }));
    assert_eq!(get(&world, groups).1, before);
    assert_eq!(get(&world, &format!("{path}?$select=accessType")).1["accessType"], Value::Null);
}

#[test]
fn a_batch_may_need_the_rest_in_any_of_its_requests() {
    let world = World::new(settings());
    let request = |id: &str, url: &str| json!({ "id": id, "method": "GET", "url": url });
    let body = json!({ "requests": [request("1", "/teams"), request("2", "/sites"), request("3", "/devices"), request("4", "/bakeries")] });
    let (_, answer) = send(&world, Method::POST, "/v1.0/$batch", &body);
    let statuses: Vec<u64> =
        answer["responses"].as_array().unwrap().iter().map(|part| part["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 200, 400], "{answer}");
    assert_eq!(world.journal.count(), 5);
}

#[test]
fn a_state_does_not_show_that_the_rest_was_read() {
    let world = World::new(settings());
    let state = |world: &World| {
        let world = world.current();
        fixture::write(&world.schema, &world.store, Secret::Null)
    };
    let before = state(&world);
    assert_eq!(get(&world, "/v1.0/bakeries").0, StatusCode::BAD_REQUEST);
    assert!(world.current().schema.core().is_some(), "the rest was read");
    assert!(state(&world) == before, "{}", state(&world).len());
    let made = send(&world, Method::POST, "/v1.0/contracts", &json!({ "displayName": "Oven" }));
    assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
    let after = state(&world);
    assert!(after.contains("\"contracts\":[") && !after.contains("\"domains\":["), "entities are shown, empty sets are not");
    // A request that began before, and has the core alone, comes upon it.
    let made = EntityAddress {
        collection: world.current().schema.set_named("contracts").unwrap().into(),
        key: made.1["id"].as_str().unwrap().into(),
    };
    assert!(world.store.entity(&made).is_some());
}
