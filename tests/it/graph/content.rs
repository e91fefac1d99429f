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
    assert!(
        message.get("subject").is_some()
            && message.get("uniqueBody").is_none()
            && message.get("internetMessageHeaders").is_none()
    );
    let application = &get(&world, "applications")["value"][0];
    assert!(
        application.get("web").is_some() && application.get("keyCredentials").is_some(),
        "a type without a row has all members"
    );
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

fn error(answer: &Value) -> (&str, &str) {
    (answer["error"]["code"].as_str().unwrap(), answer["error"]["message"].as_str().unwrap())
}

fn without(body: &Value, name: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(name).unwrap();
    body
}

#[test]
fn an_object_of_the_directory_needs_its_members() {
    let world = harness::world(&[]);
    let application = json!({ "displayName": "Ovens" });
    let credential = json!({ "name": "c", "issuer": "https://x.example", "subject": "s", "audiences": ["a"] });
    let application_id = get(&world, "applications")["value"][0]["id"].as_str().unwrap().to_owned();
    let credentials = format!("applications/{application_id}/federatedIdentityCredentials");
    for (target, whole, optional) in [
        ("users", user("ada"), vec!["department"]),
        ("groups", group("ovens"), vec![]),
        ("applications", application, vec![]),
        (&*credentials, credential, vec![]),
    ] {
        let resource = match target {
            "users" => "User",
            "groups" => "Group",
            "applications" => "Application",
            _ => "FederatedIdentityCredential",
        };
        for name in whole.as_object().unwrap().keys().filter(|name| !optional.contains(&name.as_str())) {
            let mut null = whole.clone();
            null[name] = Value::Null;
            let message = format!("A value is required for property '{name}' of resource '{resource}'.");
            for body in [without(&whole, name), null] {
                let (status, answer) = send(&world, Method::POST, target, &body);
                assert_eq!(status, StatusCode::BAD_REQUEST, "{target} without {name}: {answer}");
                if !answer["error"]["message"].as_str().unwrap().starts_with("A null value was found") {
                    assert_eq!(error(&answer), ("Request_BadRequest", &*message));
                }
            }
        }
        if whole.get("displayName").is_some() {
            let mut empty = whole.clone();
            empty["displayName"] = json!("");
            let message = format!("Invalid value specified for property 'displayName' of resource '{resource}'.");
            assert_eq!(error(&send(&world, Method::POST, target, &empty).1), ("Request_BadRequest", &*message));
        }
        post(&world, target, &whole);
    }
    let external = json!({ "displayName": "Eve", "passwordProfile": { "password": "x" }, "identities": [{ "signInType": "emailAddress", "issuer": "contoso.com", "issuerAssignedId": "e@x.example" }] });
    post(&world, "users", &external);
    // Only a creation has required members.
    let (status, _) = send(&world, Method::PATCH, &format!("users/{LOCAL_USER}"), &json!({ "city": "Berlin" }));
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[test]
fn a_member_of_a_channel_needs_the_name_of_its_type() {
    let world = harness::world(&[]);
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let member = json!({ "roles": ["owner"] });
    let (status, answer) = send(&world, Method::POST, &format!("teams/{team}/members"), &member);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(error(&answer), ("BadRequest", "'odata.type' must be specified in the request body."));
    let mut named = member;
    named["@odata.type"] = json!("#microsoft.graph.aadUserConversationMember");
    post(&world, &format!("teams/{team}/members"), &named);
}

#[test]
fn new_ids_have_the_forms_of_their_workloads_and_follow_from_the_seed() {
    let ids = || -> Vec<String> {
        let world = harness::world(&[]);
        let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
        let channels = format!("teams/{team}/channels");
        let channel = post(&world, &channels, &json!({ "displayName": "Rye" }))["id"].as_str().unwrap().to_owned();
        let messages = format!("{channels}/{}/messages", channel.replace(':', "%3A").replace('@', "%40"));
        let drive = get(&world, "drives")["value"][0]["id"].as_str().unwrap().to_owned();
        let targets = [
            ("users", user("ada")),
            ("me/messages", json!({ "subject": "Rye" })),
            ("me/events", json!({ "subject": "Rye" })),
            ("me/mailFolders", json!({ "displayName": "Rye" })),
            ("me/calendars", json!({ "name": "Rye" })),
            (&*format!("drives/{drive}/items"), json!({ "name": "rye.txt" })),
            (&*messages, json!({ "body": { "content": "Rye" } })),
            (&*messages, json!({ "body": { "content": "Rye" } })),
        ];
        let id = |(target, body): &(&str, Value)| post(&world, target, body)["id"].as_str().unwrap().to_owned();
        targets.iter().map(id).chain([channel.clone()]).collect()
    };
    let first = ids();
    assert_eq!(first, ids(), "the same seed");
    let [user, message, event, folder, calendar, file, chat, second, channel] = &first[..] else { panic!("{first:?}") };
    assert!(user.len() == 36 && *user == user.to_lowercase(), "{user}");
    for (id, length) in [(message, 152), (event, 152), (folder, 120), (calendar, 120)] {
        assert!(id.len() == length && id.starts_with("AAMk") && id.ends_with("AAA="), "{id}");
    }
    let is_base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    assert!(file.len() == 34 && file.starts_with("01") && file[2..].bytes().all(is_base32), "{file}");
    assert_eq!((&**chat, &**second), ("1767323045678", "1767323045679"), "the second of a millisecond has the next number");
    let hex = channel.strip_prefix("19:").and_then(|rest| rest.strip_suffix("@thread.tacv2")).unwrap();
    assert!(hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{channel}");
}

#[test]
fn a_malformed_key_is_refused_where_the_collection_has_well_formed_ones() {
    let world = harness::world(&[]);
    let guid = "11111111-2222-4333-8444-555555555555";
    let item = format!("AAMk{}AAA=", "x".repeat(144));
    let identifier = ("Request_BadRequest", "Invalid object identifier 'ovens'.");
    let malformed = ("ErrorInvalidIdMalformed", "Id is malformed.");
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let channel = format!("teams/{team}/channels/ovens");
    for (target, status, expected) in [
        ("groups/ovens", 400, Some(identifier)),
        ("applications/ovens", 400, Some(identifier)),
        ("servicePrincipals/ovens", 400, Some(identifier)),
        ("groups/ovens/members", 400, Some(identifier)),
        (&*format!("groups/{guid}"), 404, None),
        ("users/ovens", 404, None),
        ("me/messages/ovens", 400, Some(malformed)),
        ("me/events/ovens", 400, Some(malformed)),
        ("me/mailFolders/ovens/messages", 400, Some(malformed)),
        (&*format!("me/messages/{item}"), 404, None),
        (&*channel, 400, Some(("InvalidRequest", "Channel id is not in a valid format: ovens"))),
    ] {
        let (found, answer) = send(&world, Method::GET, target, &Value::Null);
        assert_eq!(found.as_u16(), status, "{target}: {answer}");
        if let Some(expected) = expected {
            assert_eq!(error(&answer), expected, "{target}");
        }
    }
    // Fixtures can have keys of any form.
    let emulator = wfi_emulator::emulator::Emulator::builder().fixtures_json(r#"{"groups":[{"id":"g1"}]}"#).unwrap().build();
    let status = |target: &str| emulator.send(http::Request::get(target).body(bytes::Bytes::new()).unwrap()).status().as_u16();
    assert_eq!((status("/v1.0/groups/g1"), status("/v1.0/groups/g2")), (200, 404));
}

#[test]
fn a_folder_has_a_well_known_name_and_answers_its_own_id() {
    let world = harness::world(&[]);
    let inbox = get(&world, "me/mailFolders/inbox");
    assert!(inbox["id"].as_str().unwrap().starts_with("AAMk") && inbox["displayName"] == "Inbox", "{inbox}");
    for (name, display_name) in [("sentitems", "Sent Items"), ("Drafts", "Drafts"), ("DELETEDITEMS", "Deleted Items")] {
        assert_eq!(get(&world, &format!("me/mailFolders/{name}"))["displayName"], display_name);
        assert_eq!(get(&world, &format!("me/mailFolders('{name}')"))["displayName"], display_name);
    }
    assert!(!get(&world, "me/mailFolders/inbox/messages")["value"].as_array().unwrap().is_empty());
    let created = post(&world, "me/mailFolders/archive/messages", &json!({ "subject": "Rye" }));
    let id = created["id"].as_str().unwrap();
    let by_id = get(&world, "me/mailFolders/archive")["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&world, &format!("me/mailFolders/{by_id}/messages/{id}"))["subject"], "Rye");
    // A name that is no folder's is a key like others, also for types that have no such names.
    assert_eq!(send(&world, Method::GET, "me/mailFolders/clutter", &Value::Null).0, StatusCode::BAD_REQUEST);
    assert_eq!(send(&world, Method::GET, "me/calendars/inbox", &Value::Null).0, StatusCode::BAD_REQUEST);
}

#[test]
fn values_that_another_object_has_are_refused() {
    let world = harness::world(&[]);
    let conflict = |property: &str| format!("Another object with the same value for property {property} already exists.");
    let mut second = user("other");
    second["userPrincipalName"] = json!("Local.User@contoso.onmicrosoft.com");
    let (status, answer) = send(&world, Method::POST, "users", &second);
    let message = conflict("userPrincipalName");
    assert_eq!((status, error(&answer)), (StatusCode::BAD_REQUEST, ("Request_BadRequest", &*message)));
    let details = json!([{ "code": "ObjectConflict", "message": message, "target": "userPrincipalName" }]);
    assert_eq!(answer["error"]["details"], details);
    let names: Vec<&String> = answer["error"].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    // An update can change the value, also to its own in another case.
    let ada = post(&world, "users", &user("ada"))["id"].as_str().unwrap().to_owned();
    let rename = |to: &str| send(&world, Method::PATCH, &format!("users/{ada}"), &json!({ "userPrincipalName": to })).0;
    assert_eq!(rename("john.doe@contoso.onmicrosoft.com"), StatusCode::BAD_REQUEST);
    assert_eq!(rename("ADA@contoso.onmicrosoft.com"), StatusCode::NO_CONTENT);
    assert_eq!(rename("countess@contoso.onmicrosoft.com"), StatusCode::NO_CONTENT);
    post(&world, "users", &user("ada"));
    // Items of collections.
    let (status, answer) = send(
        &world,
        Method::POST,
        "applications",
        &json!({ "displayName": "x", "identifierUris": ["api://new", "api://00000000-0000-4000-8000-000000000002"] }),
    );
    assert_eq!((status, error(&answer).1), (StatusCode::BAD_REQUEST, &*conflict("identifierUris")));
    // Security groups share nicknames, those of Microsoft 365 do not.
    for _ in 0..2 {
        post(&world, "groups", &group("ovens"));
    }
    let unified = |name: &str| json!({ "displayName": name, "mailEnabled": true, "mailNickname": name, "securityEnabled": false, "groupTypes": ["Unified"] });
    post(&world, "groups", &unified("ovens"));
    let (_, answer) = send(&world, Method::POST, "groups", &unified("Ovens"));
    assert_eq!(error(&answer).1, conflict("mailNickname"));
    // A second principal of an application.
    let app_id = get(&world, "servicePrincipals")["value"][0]["appId"].as_str().unwrap().to_owned();
    let (status, answer) = send(&world, Method::POST, "servicePrincipals", &json!({ "appId": app_id }));
    let message = format!(
        "The service principal cannot be created, updated, or restored because the service principal name {app_id} is already in use."
    );
    assert_eq!((status, error(&answer)), (StatusCode::CONFLICT, ("Request_MultipleObjectsWithSameKeyValue", &*message)));
    // Channels of one team.
    let teams = get(&world, "teams");
    let channels = |index: usize| format!("teams/{}/channels", teams["value"][index]["id"].as_str().unwrap());
    post(&world, &channels(0), &json!({ "displayName": "Rye" }));
    post(&world, &channels(1), &json!({ "displayName": "Rye" }));
    let (status, answer) = send(&world, Method::POST, &channels(0), &json!({ "displayName": "rye" }));
    assert_eq!((status, error(&answer).1), (StatusCode::BAD_REQUEST, "Channel name already existed, please use other name"));
}

#[test]
fn of_concurrent_creations_with_one_value_a_single_one_succeeds() {
    for round in 0..20 {
        let world = harness::world(&[]);
        let other = post(&world, "users", &user("other"))["id"].as_str().unwrap().to_owned();
        let start = std::sync::Barrier::new(6);
        let succeeded = std::thread::scope(|scope| {
            let create = || {
                start.wait();
                send(&world, Method::POST, "users", &user("ada")).0 == StatusCode::CREATED
            };
            let rename = || {
                start.wait();
                let body = json!({ "userPrincipalName": "ada@contoso.onmicrosoft.com" });
                send(&world, Method::PATCH, &format!("users/{other}"), &body).0 == StatusCode::NO_CONTENT
            };
            let renaming = scope.spawn(rename);
            let creating: Vec<_> = (0..5).map(|_| scope.spawn(create)).collect();
            creating.into_iter().map(|thread| thread.join().unwrap()).filter(|succeeded| *succeeded).count()
                + usize::from(renaming.join().unwrap())
        });
        assert_eq!(succeeded, 1, "round {round}");
        let found = get(&world, "users?$filter=userPrincipalName%20eq%20'ada@contoso.onmicrosoft.com'");
        assert_eq!(found["value"].as_array().unwrap().len(), 1, "round {round}");
    }
}
