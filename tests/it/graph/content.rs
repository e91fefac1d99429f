//! The content rules of workloads on the built-in entities: default projections, required members, ids, keys, values that the service sets,
//! unique values.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::world::World;

use crate::support::harness;

const LOCAL_USER: &str = "00000000-0000-4000-8000-000000000001";

fn send(world: &World, method: Method, target: &str, body: &Value) -> (StatusCode, Value) {
    let text = (!body.is_null()).then(|| body.to_string());
    harness::json(world, method, &format!("/v1.0/{target}"), text.as_deref())
}

fn get(world: &World, target: &str) -> Value {
    let (status, body) = send(world, Method::GET, target, &Value::Null);
    assert_eq!(status, StatusCode::OK, "{target}: {body}");
    body
}

fn post(world: &World, target: &str, body: &Value) -> Value {
    let (status, answer) = send(world, Method::POST, target, body);
    assert_eq!(status, StatusCode::CREATED, "{target}: {answer}");
    answer
}

/// The names of an object's members, without annotations, in alphabetical order.
fn members(object: &Value) -> Vec<&str> {
    let names = object.as_object().unwrap().keys().map(String::as_str);
    let mut names: Vec<&str> = names.filter(|name| !name.contains('@')).collect();
    names.sort_unstable();
    names
}

fn user(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name, "userPrincipalName": format!("{name}@contoso.onmicrosoft.com"),
        "passwordProfile": { "password": "Bakery-1" }, "department": "Bakery",
    })
}

fn group(name: &str) -> Value {
    json!({ "displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true })
}

/// The members of a user without `$select`.
const USER: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

#[test]
fn a_user_without_select_has_eleven_members_on_every_way_to_it() {
    let world = harness::world(&[]);
    let created = post(&world, "users", &user("ada"));
    assert_eq!(members(&created), USER, "the answer to a POST");
    for target in ["me", &format!("users/{LOCAL_USER}"), "me/manager", "users/local.user@contoso.onmicrosoft.com"] {
        assert_eq!(members(&get(&world, target)), USER, "{target}");
    }
    for target in ["users", "groups/3d88b7a2-f988-4f4b-bb34-d66df66af126/owners"] {
        let list = get(&world, target);
        let items = list["value"].as_array().unwrap();
        assert!(!items.is_empty(), "{target}");
        items.iter().for_each(|item| assert_eq!(members(item), USER, "{target}"));
    }
    let expanded = get(&world, "me?$select=id&$expand=manager");
    assert_eq!(members(&expanded["manager"]), USER);
    let plain = get(&world, "me");
    assert_eq!(plain["@odata.context"], "http://localhost:9340/v1.0/$metadata#users/$entity");
}

#[test]
fn select_returns_members_beyond_the_default_and_leaves_out_the_others() {
    let world = harness::world(&[]);
    let selected = get(&world, "me?$select=accountEnabled,department");
    assert_eq!(members(&selected), ["accountEnabled", "department"]);
    assert_eq!(get(&world, "me/department")["value"], "Bakery");
    let filtered = get(&world, "users?$filter=department%20eq%20'Bakery'&$select=id");
    assert!(!filtered["value"].as_array().unwrap().is_empty(), "a filter sees all members");
}

#[test]
fn a_group_and_a_message_lack_what_only_select_returns() {
    let world = harness::world(&[]);
    let created = post(&world, "groups", &group("ovens"));
    let listed = get(&world, "groups");
    for item in listed["value"].as_array().unwrap().iter().chain([&created]) {
        let names = members(item);
        assert!(names.contains(&"mailEnabled") && names.contains(&"visibility"), "{names:?}");
        for hidden in ["allowExternalSenders", "isArchived", "licenseProcessingState", "unseenCount"] {
            assert!(!names.contains(&hidden), "{hidden}");
        }
    }
    let message = &get(&world, "me/messages")["value"][0];
    assert!(message.get("subject").is_some() && message.get("uniqueBody").is_none() && message.get("internetMessageHeaders").is_none());
    let application = &get(&world, "applications")["value"][0];
    assert!(application.get("web").is_some() && application.get("keyCredentials").is_some(), "a type without a row has all members");
}

#[test]
fn the_behavior_shows_all_members_and_the_state_always_has_them() {
    let all = get(&harness::world(&[("default-projection", "all")]), "me");
    assert_eq!(all["department"], "Bakery");
    let emulator = wfi_emulator::emulator::Emulator::builder().build();
    let request = http::Request::get("/_emulator/worlds/default/state").body(bytes::Bytes::new()).unwrap();
    let state: Value = serde_json::from_slice(emulator.send(request).body()).unwrap();
    let local = state["users"].as_array().unwrap().iter().find(|user| user["id"] == LOCAL_USER).unwrap();
    assert_eq!(local["department"], "Bakery");
}
