//! The content rules of workloads on the built-in entities: default projections, required members, ids, keys, values that the service sets,
//! unique values.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::World;

use crate::support::harness;

const LOCAL_USER: &str = "00000000-0000-4000-8000-000000000001";

pub(super) fn send(world: &World, method: Method, target: &str, body: &Value) -> (StatusCode, Value) {
    let text = (!body.is_null()).then(|| body.to_string());
    harness::json(world, method, &format!("/v1.0/{target}"), text.as_deref())
}

pub(super) fn get(world: &World, target: &str) -> Value {
    let (status, body) = send(world, Method::GET, target, &Value::Null);
    assert_eq!(status, StatusCode::OK, "{target}: {body}");
    body
}

pub(super) fn post(world: &World, target: &str, body: &Value) -> Value {
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

pub(super) fn user(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name, "userPrincipalName": format!("{name}@contoso.onmicrosoft.com"),
        "passwordProfile": { "password": "Bakery-1" }, "department": "Bakery",
    })
}

pub(super) fn group(name: &str) -> Value {
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
        for item in items {
            assert_eq!(members(item), USER, "{target}");
        }
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

pub(super) fn error(answer: &Value) -> (&str, &str) {
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
    let external = json!({ "displayName": "Eve", "passwordProfile": { "password": "Bakery-1" }, "identities": [{ "signInType": "emailAddress", "issuer": "contoso.com", "issuerAssignedId": "e@x.example" }] });
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
    // A name without a folder is a key like others, and so is one for another type.
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
    assert_eq!(answer["error"]["innerError"]["code"], "NameAlreadyExists");
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

#[test]
fn a_new_object_of_the_directory_has_the_values_that_the_service_sets() {
    let world = harness::world(&[]);
    let id = post(&world, "users", &user("ada"))["id"].as_str().unwrap().to_owned();
    let select = "$select=id,createdDateTime,userType,securityIdentifier,proxyAddresses,passwordProfile";
    let ada = get(&world, &format!("users/{id}?{select}"));
    assert_eq!(ada["createdDateTime"], "2026-01-02T03:04:05Z", "whole seconds");
    assert_eq!((&ada["userType"], &ada["proxyAddresses"], &ada["passwordProfile"]), (&json!("Member"), &json!([]), &Value::Null));
    let identifier = ada["securityIdentifier"].as_str().unwrap();
    assert!(identifier.starts_with("S-1-12-1-") && identifier.matches('-').count() == 7, "{identifier}");
    // The form is that of an id whose identifier is known.
    let local = get(&world, "me?$select=securityIdentifier");
    let bytes = uuid_bytes(LOCAL_USER);
    assert_eq!(local["securityIdentifier"], sid(&bytes));
    assert_eq!(identifier, sid(&uuid_bytes(&id)));
    let mut guest = user("guest");
    guest["userType"] = json!("Guest");
    let guest = post(&world, "users", &guest)["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&world, &format!("users/{guest}?$select=userType"))["userType"], "Guest", "a value of the request counts");

    let unified = post(
        &world,
        "groups",
        &json!({ "displayName": "Rye", "mailEnabled": true, "mailNickname": "rye", "securityEnabled": false, "groupTypes": ["Unified"] }),
    );
    assert_eq!((&unified["visibility"], &unified["mail"]), (&json!("Public"), &json!("rye@contoso.onmicrosoft.com")));
    assert_eq!(unified["proxyAddresses"], json!(["SMTP:rye@contoso.onmicrosoft.com"]));
    assert_eq!(unified["renewedDateTime"], unified["createdDateTime"]);
    let security = post(&world, "groups", &group("ovens"));
    assert_eq!(
        (&security["visibility"], &security["mail"], &security["proxyAddresses"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(security["securityIdentifier"], sid(&uuid_bytes(security["id"].as_str().unwrap())));
}

fn uuid_bytes(id: &str) -> Vec<u8> {
    let digits = id.replace('-', "");
    (0..16).map(|index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap()).collect()
}

/// The identifier of Windows, computed in another way than by the program.
fn sid(bytes: &[u8]) -> String {
    let first = u32::from_be_bytes(bytes[..4].try_into().unwrap());
    let group = |at: usize| u32::from(u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap()));
    let second = group(4) | group(6) << 16;
    let last = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()).swap_bytes();
    format!("S-1-12-1-{first}-{second}-{}-{}", last(8), last(12))
}

#[test]
fn a_new_application_has_its_settings_and_a_principal_takes_them_over() {
    let world = harness::world(&[]);
    let scope = json!([{ "id": "11111111-2222-4333-8444-555555555555", "value": "Bake", "isEnabled": true, "type": "User" }]);
    let body = json!({ "displayName": "Ovens", "signInAudience": "AzureADMyOrg", "web": { "redirectUris": ["https://x.example"] }, "identifierUris": ["api://ovens"], "api": { "oauth2PermissionScopes": scope } });
    let created = post(&world, "applications", &body);
    let app_id = created["appId"].as_str().unwrap();
    assert!(app_id.len() == 36 && created["id"] != created["appId"]);
    assert_eq!(created["publisherDomain"], "contoso.onmicrosoft.com");
    assert_eq!(created["web"]["redirectUris"], json!(["https://x.example"]));
    assert_eq!(
        created["web"]["implicitGrantSettings"],
        json!({ "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false })
    );
    assert_eq!((&created["spa"], &created["publicClient"]), (&json!({ "redirectUris": [] }), &json!({ "redirectUris": [] })));
    assert_eq!(created["info"]["logoUrl"], Value::Null);
    assert_eq!(created["parentalControlSettings"], json!({ "countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow" }));
    assert_eq!(created["api"]["requestedAccessTokenVersion"], Value::Null);
    let plain = post(&world, "applications", &json!({ "displayName": "Plain" }));
    assert_eq!(plain["signInAudience"], "AzureADandPersonalMicrosoftAccount");
    let api = json!({ "acceptMappedClaims": null, "knownClientApplications": [], "requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [], "preAuthorizedApplications": [] });
    assert_eq!(plain["api"], api);

    let principal = post(&world, "servicePrincipals", &json!({ "appId": app_id }));
    assert_eq!((&principal["displayName"], &principal["appDisplayName"]), (&json!("Ovens"), &json!("Ovens")));
    assert_eq!(principal["servicePrincipalNames"], json!([app_id, "api://ovens"]));
    assert_eq!(principal["appOwnerOrganizationId"], "00000000-0000-4000-8000-000000000000");
    assert_eq!(
        (&principal["signInAudience"], &principal["servicePrincipalType"]),
        (&json!("AzureADMyOrg"), &json!("Application"))
    );
    assert_eq!(principal["oauth2PermissionScopes"][0]["value"], "Bake");
    // An application that the world does not have, such as one of Microsoft's own.
    let foreign = post(&world, "servicePrincipals", &json!({ "appId": "00000003-0000-0000-c000-000000000000" }));
    assert_eq!(foreign["servicePrincipalNames"], json!(["00000003-0000-0000-c000-000000000000"]));
    assert_eq!(foreign["displayName"], Value::Null);
}

#[test]
fn a_new_item_of_a_mailbox_has_the_values_that_exchange_sets() {
    let world = harness::world(&[]);
    let body =
        json!({ "subject": "Rye", "body": { "contentType": "html", "content": "<p>They were <b>awesome</b> &amp; fresh!</p>" } });
    let message = post(&world, "me/messages", &body);
    assert_eq!(message["bodyPreview"], "They were awesome & fresh!");
    assert_eq!(message["parentFolderId"], get(&world, "me/mailFolders/drafts")["id"]);
    assert_eq!(
        (&message["receivedDateTime"], &message["sentDateTime"]),
        (&message["createdDateTime"], &message["createdDateTime"])
    );
    assert!(
        message["internetMessageId"].as_str().unwrap().starts_with('<')
            && message["conversationId"].as_str().unwrap().starts_with("AAQk")
    );
    assert_eq!(message["flag"]["flagStatus"], "notFlagged");
    let key = message["changeKey"].as_str().unwrap();
    assert_eq!(key.len(), 32);
    let target = format!("me/messages/{}", message["id"].as_str().unwrap());
    let (_, changed) = send(&world, Method::PATCH, &target, &json!({ "subject": "Spelt" }));
    assert!(changed["changeKey"].as_str().unwrap() != key && changed["bodyPreview"] == message["bodyPreview"]);
    let inbox = get(&world, "me/mailFolders/inbox")["id"].clone();
    let received = json!({ "receivedDateTime": "2020-01-01T00:00:00Z", "bodyPreview": "own" });
    let message = post(&world, "me/mailFolders/inbox/messages", &received);
    assert_eq!((&message["parentFolderId"], &message["receivedDateTime"]), (&inbox, &json!("2020-01-01T00:00:00Z")));
    assert_eq!((&message["bodyPreview"], &message["body"]), (&json!("own"), &json!({ "contentType": "text", "content": "" })));
    let long = post(&world, "me/messages", &json!({ "body": { "contentType": "text", "content": "<b>".repeat(100) } }));
    assert_eq!(long["bodyPreview"].as_str().unwrap().len(), 255, "text has no tags");

    let event = post(
        &world,
        "me/events",
        &json!({ "subject": "Rye", "start": { "dateTime": "2024-03-04T14:00:00", "timeZone": "Pacific Standard Time" }, "end": { "dateTime": "2024-03-04T15:00:00.5", "timeZone": "UTC" }, "location": { "displayName": "Bakehouse" } }),
    );
    assert_eq!(
        (&event["start"]["dateTime"], &event["end"]["dateTime"]),
        (&json!("2024-03-04T14:00:00.0000000"), &json!("2024-03-04T15:00:00.5000000"))
    );
    assert_eq!(
        (&event["originalStartTimeZone"], &event["originalEndTimeZone"]),
        (&json!("Pacific Standard Time"), &json!("UTC"))
    );
    assert_eq!(
        event["organizer"]["emailAddress"],
        json!({ "name": "Local User", "address": "local.user@contoso.onmicrosoft.com" })
    );
    assert_eq!(event["responseStatus"], json!({ "response": "organizer", "time": "0001-01-01T00:00:00Z" }));
    assert!(event["iCalUId"].as_str().unwrap().len() == 80 && event["locations"][0]["displayName"] == "Bakehouse", "{event}");
    let empty = post(&world, "me/events", &json!({ "subject": "x" }));
    assert_eq!(
        (&empty["location"]["displayName"], &empty["locations"], &empty["originalStartTimeZone"]),
        (&json!(""), &json!([]), &Value::Null)
    );
}

#[test]
fn new_parts_of_teams_and_files_name_what_they_belong_to() {
    let world = harness::world(&[]);
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let channel = post(&world, &format!("teams/{team}/channels"), &json!({ "displayName": "Rye & Spelt" }));
    let id = channel["id"].as_str().unwrap().replace(':', "%3A").replace('@', "%40");
    let tenant = "00000000-0000-4000-8000-000000000000";
    assert_eq!(channel["tenantId"], tenant);
    assert_eq!(
        channel["webUrl"],
        format!("https://teams.microsoft.com/l/channel/{id}/Rye%20%26%20Spelt?groupId={team}&tenantId={tenant}")
    );
    let messages = format!("teams/{team}/channels/{id}/messages");
    let message = post(&world, &messages, &json!({ "body": { "content": "Rye" } }));
    assert_eq!((&message["etag"], &message["replyToId"]), (&message["id"], &Value::Null));
    assert_eq!(message["channelIdentity"], json!({ "teamId": team, "channelId": channel["id"] }));
    assert_eq!(
        (&message["from"]["user"]["id"], &message["from"]["user"]["userIdentityType"], &message["locale"]),
        (&json!(LOCAL_USER), &json!("aadUser"), &json!("en-us"))
    );
    let replies = format!("{messages}/{}/replies", message["id"].as_str().unwrap());
    assert_eq!(post(&world, &replies, &json!({ "body": { "content": "Spelt" } }))["replyToId"], message["id"]);
    // An imported message keeps its time and its author.
    let imported = json!({ "createdDateTime": "2019-02-04T19:58:15.511Z", "from": { "user": { "id": "john", "displayName": "John" } }, "body": { "content": "x" } });
    let imported = post(&world, &messages, &imported);
    assert_eq!(
        (&imported["createdDateTime"], &imported["from"]["user"]["id"]),
        (&json!("2019-02-04T19:58:15.511Z"), &json!("john"))
    );
    let member = json!({ "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": [], "userId": "c5d0c76b-80c4-481c-be50-923cd8d680a1" });
    let member = post(&world, &format!("teams/{team}/members"), &member);
    assert_eq!(
        (&member["displayName"], &member["email"], &member["tenantId"]),
        (&json!("Nora Lindqvist"), &json!("nora.lindqvist@contoso.onmicrosoft.com"), &json!(tenant))
    );

    let root = get(&world, "me/drive/root");
    let children = format!("me/drive/items/{}/children", root["id"].as_str().unwrap());
    let folder = post(&world, &children, &json!({ "name": "Rye", "folder": {} }));
    let drive = get(&world, "me/drive")["id"].as_str().unwrap().to_owned();
    assert_eq!(folder["parentReference"]["driveId"], *drive);
    assert_eq!((&folder["parentReference"]["id"], &folder["folder"]["childCount"]), (&root["id"], &json!(0)));
    assert_eq!(folder["parentReference"]["path"], format!("/drives/{drive}/root:"));
    let local = json!({ "id": LOCAL_USER, "displayName": "Local User" });
    assert_eq!(folder["createdBy"]["user"], local, "a plain identity");
    assert_eq!((&folder["createdDateTime"], &folder["lastModifiedBy"]), (&json!("2026-01-02T03:04:05Z"), &folder["createdBy"]));
}

#[test]
fn an_object_of_the_directory_is_found_by_its_id_alone() {
    let world = harness::world(&[]);
    let group_id = "3d88b7a2-f988-4f4b-bb34-d66df66af126";
    for (set, type_name) in
        [("users", "user"), ("groups", "group"), ("applications", "application"), ("servicePrincipals", "servicePrincipal")]
    {
        let id = get(&world, set)["value"][0]["id"].as_str().unwrap().to_owned();
        let object = get(&world, &format!("directoryObjects/{id}"));
        assert_eq!((&object["id"], &object["@odata.type"]), (&json!(id), &json!(format!("#microsoft.graph.{type_name}"))));
        assert_eq!(object["@odata.context"], "http://localhost:9340/v1.0/$metadata#directoryObjects/$entity");
        let same = get(&world, &format!("directoryObjects('{id}')"));
        assert_eq!(same, object);
    }
    let members = get(&world, &format!("directoryObjects/{group_id}/microsoft.graph.group/members"));
    assert!(!members["value"].as_array().unwrap().is_empty());
    let unknown = send(&world, Method::GET, "directoryObjects/11111111-2222-4333-8444-555555555555", &Value::Null);
    assert_eq!((unknown.0, error(&unknown.1).0), (StatusCode::NOT_FOUND, "Request_ResourceNotFound"));
    // A deletion removes it from its own set.
    let id = post(&world, "groups", &group("ovens"))["id"].as_str().unwrap().to_owned();
    assert_eq!(send(&world, Method::DELETE, &format!("directoryObjects/{id}"), &Value::Null).0, StatusCode::NO_CONTENT);
    assert_eq!(send(&world, Method::GET, &format!("groups/{id}"), &Value::Null).0, StatusCode::NOT_FOUND);
}

fn ids(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn messages_of_all_folders_are_those_of_the_mailbox() {
    let world = harness::world(&[]);
    let all = get(&world, "me/messages");
    let mut in_folders: Vec<String> = Vec::new();
    for folder in get(&world, "me/mailFolders")["value"].as_array().unwrap() {
        let target = format!("me/mailFolders/{}", folder["id"].as_str().unwrap());
        let mut targets = vec![target.clone()];
        let children = get(&world, &format!("{target}/childFolders"));
        targets.extend(ids(&children).iter().map(|id| format!("{target}/childFolders/{id}")));
        for target in targets {
            in_folders.extend(ids(&get(&world, &format!("{target}/messages"))).iter().map(|id| (*id).to_owned()));
        }
    }
    let mut listed = ids(&all);
    listed.sort_unstable();
    in_folders.sort_unstable();
    assert!(in_folders.len() == 5 && listed == in_folders, "{listed:?} {in_folders:?}");
    assert_eq!(get(&world, "me/messages?$count=true")["@odata.count"], 5);
    // A new message is a draft; a change or a deletion by one address is seen by the other.
    let created = post(&world, "me/messages", &json!({ "subject": "Rye" }));
    let id = created["id"].as_str().unwrap();
    let draft = format!("me/mailFolders/drafts/messages/{id}");
    assert_eq!(get(&world, &draft)["subject"], "Rye");
    assert!(created["@odata.context"].as_str().unwrap().ends_with("/messages/$entity"));
    let (status, _) = send(&world, Method::PATCH, &format!("me/messages/{id}"), &json!({ "subject": "Spelt" }));
    assert_eq!((status, &get(&world, &draft)["subject"]), (StatusCode::OK, &json!("Spelt")));
    assert_eq!(send(&world, Method::DELETE, &draft, &Value::Null).0, StatusCode::NO_CONTENT);
    assert_eq!(send(&world, Method::GET, &format!("me/messages/{id}"), &Value::Null).0, StatusCode::NOT_FOUND);
    assert_eq!(ids(&get(&world, "me/messages")).len(), 5);
}

#[test]
fn pages_of_a_mailbox_have_each_message_once() {
    let settings =
        wfi_emulator::internals::world::settings::Settings { page_size: 2.try_into().unwrap(), ..harness::settings_with(&[]) };
    let world = World::new(settings);
    for query in ["", "?$orderby=receivedDateTime", "?$count=true", "?$filter=isDraft%20eq%20false%20or%20isDraft%20eq%20true"] {
        let (mut seen, mut target) = (Vec::new(), format!("me/messages{query}"));
        loop {
            let page = get(&world, &target);
            assert!(ids(&page).len() <= 2);
            seen.extend(ids(&page).iter().map(|id| (*id).to_owned()));
            let Some(next) = page["@odata.nextLink"].as_str() else { break };
            target = next.split_once("/v1.0/").unwrap().1.to_owned();
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((count, seen.len()), (5, 5), "{query}");
    }
}

#[test]
fn one_calendar_and_one_team_have_several_addresses() {
    let world = harness::world(&[]);
    let calendars = get(&world, "me/calendars");
    let default = &calendars["value"][0];
    assert_eq!((&get(&world, "me/calendar")["id"], &default["isDefaultCalendar"]), (&default["id"], &json!(true)));
    let by_id = format!("me/calendars/{}/events", default["id"].as_str().unwrap());
    let event = post(&world, "me/events", &json!({ "subject": "Rye" }));
    let listed = get(&world, "me/events");
    assert!(
        ids(&listed).len() == 4
            && ids(&listed) == ids(&get(&world, "me/calendar/events"))
            && ids(&listed) == ids(&get(&world, &by_id))
    );
    let id = event["id"].as_str().unwrap();
    assert!(event["@odata.context"].as_str().unwrap().ends_with(&format!("users('{LOCAL_USER}')/events/$entity")), "{event}");
    assert_eq!(send(&world, Method::PATCH, &format!("{by_id}/{id}"), &json!({ "subject": "Spelt" })).0, StatusCode::OK);
    assert_eq!(get(&world, &format!("me/events/{id}"))["subject"], "Spelt");
    assert_eq!(send(&world, Method::DELETE, &format!("me/calendar/events/{id}"), &Value::Null).0, StatusCode::NO_CONTENT);
    assert_eq!(ids(&get(&world, &by_id)).len(), 3);
    let (status, _) = send(&world, Method::PATCH, "me/calendar", &json!({ "name": "Bakery" }));
    assert_eq!((status, &get(&world, "me/calendars")["value"][0]["name"]), (StatusCode::OK, &json!("Bakery")));

    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&world, &format!("groups/{team}/team"))["id"], *team);
    assert!(!ids(&get(&world, &format!("groups/{team}/team/channels"))).is_empty());
    let (status, _) = send(&world, Method::PATCH, &format!("groups/{team}/team"), &json!({ "displayName": "Bakers" }));
    assert_eq!((status, &get(&world, &format!("teams/{team}"))["displayName"]), (StatusCode::NO_CONTENT, &json!("Bakers")));
    let primary = get(&world, &format!("teams/{team}/primaryChannel"));
    assert_eq!(
        (&primary["displayName"], primary["id"].as_str()),
        (&json!("General"), Some(ids(&get(&world, &format!("teams/{team}/channels")))[0]))
    );
    assert!(!ids(&get(&world, &format!("teams/{team}/primaryChannel/messages"))).is_empty());
    assert_eq!(get(&world, &format!("teams/{team}/group"))["id"], *team);
    // A group without a team is refused.
    let other = post(&world, "groups", &group("ovens"))["id"].as_str().unwrap().to_owned();
    assert_eq!(send(&world, Method::GET, &format!("groups/{other}/team"), &Value::Null).0, StatusCode::NOT_FOUND);
}

#[test]
fn fixtures_keep_entities_of_their_own_where_a_view_would_be() {
    let fixtures = r#"{"users":[{"id":"u1","messages":[{"id":"m1"},{"id":"m2"}],"events":[{"id":"e1"}],"calendar":{"id":"c1"},
        "calendars":[{"id":"c2","isDefaultCalendar":true,"events":[{"id":"e2"}]}],"mailFolders":[{"id":"f1","messages":[{"id":"m2"},{"id":"m3"}]}]}]}"#;
    let emulator = wfi_emulator::emulator::Emulator::builder().fixtures_json(fixtures).unwrap().build();
    let get = |target: &str| -> Value {
        let response = emulator.send(http::Request::get(format!("/v1.0/users/u1/{target}")).body(bytes::Bytes::new()).unwrap());
        serde_json::from_slice(response.body()).unwrap()
    };
    assert_eq!(ids(&get("messages")), ["m1", "m2", "m3"], "a copy is shown once");
    assert_eq!((ids(&get("events")), get("calendar")["id"].as_str()), (vec!["e1"], Some("c1")));
    assert_eq!(ids(&get("calendars/c2/events")), ["e2"]);
}

#[test]
fn a_put_makes_a_group_a_team_and_an_update_of_a_message_has_no_body() {
    let world = harness::world(&[]);
    let id = post(&world, "groups", &group("ovens"))["id"].as_str().unwrap().to_owned();
    let target = format!("groups/{id}/team");
    let (status, team) = send(&world, Method::PUT, &target, &json!({ "memberSettings": { "allowCreateUpdateChannels": true } }));
    assert_eq!((status, team["id"].as_str()), (StatusCode::CREATED, Some(&*id)), "{team}");
    assert_eq!(get(&world, &format!("teams/{id}"))["memberSettings"]["allowCreateUpdateChannels"], true);
    assert_eq!(get(&world, &target)["id"], *id);
    post(&world, &format!("teams/{id}/channels"), &json!({ "displayName": "Rye" }));
    let (status, _) = send(&world, Method::PUT, &target, &json!({ "memberSettings": { "allowCreateUpdateChannels": false } }));
    assert_eq!(status, StatusCode::NO_CONTENT, "the team is there already");

    let first = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let messages = format!("teams/{first}/primaryChannel/messages");
    let message = post(&world, &messages, &json!({ "body": { "content": "Rye" } }))["id"].as_str().unwrap().to_owned();
    let target = format!("{messages}/{message}");
    let (status, body) = send(&world, Method::PATCH, &target, &json!({ "body": { "content": "Spelt" } }));
    assert_eq!((status, body), (StatusCode::OK, Value::Null));
    assert_eq!(get(&world, &target)["body"]["content"], "Spelt");
}

#[test]
fn an_entity_has_one_id_under_all_its_addresses() {
    let world = harness::world(&[]);
    let full = |target: &str| -> Value {
        let headers = vec![("accept".to_owned(), "application/json;odata.metadata=full".to_owned())];
        let target = format!("/v1.0/{target}");
        let request = wfi_emulator::internals::text::exchange::RecordedRequest {
            method: Method::GET,
            target,
            headers,
            body: bytes::Bytes::new(),
        };
        serde_json::from_slice(&harness::send(&world, &request).body).unwrap()
    };
    let message = get(&world, "me/mailFolders/drafts/messages")["value"][0]["id"].as_str().unwrap().to_owned();
    let listed = full("me/messages?$filter=isDraft%20eq%20true&$select=subject")["value"][0]["@odata.id"].clone();
    assert!(listed.as_str().unwrap().contains("/mailFolders("), "{listed}");
    for target in [format!("me/messages/{message}"), format!("me/mailFolders/drafts/messages/{message}")] {
        assert_eq!(full(&target)["@odata.id"], listed, "{target}");
    }
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    for target in [format!("groups/{team}/team"), format!("teams/{team}")] {
        assert_eq!(full(&target)["@odata.id"], format!("teams('{team}')"), "{target}");
    }
    let calendar = full("me/calendar")["@odata.id"].clone();
    assert_eq!((&full("me/calendars")["value"][0]["@odata.id"], &full("me/calendar")["@odata.id"]), (&calendar, &calendar));
    assert_eq!(full(&format!("directoryObjects/{team}"))["@odata.id"], format!("groups('{team}')"));
}

#[test]
fn a_member_of_a_team_is_the_user_that_a_request_binds() {
    let world = harness::world(&[]);
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let ada = post(&world, "users", &user("ada"))["id"].clone();
    for address in [format!("users('{}')", ada.as_str().unwrap()), "users/ada@contoso.onmicrosoft.com".to_owned()] {
        let body = json!({
            "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": ["owner"],
            "user@odata.bind": format!("https://graph.microsoft.com/v1.0/{address}"),
        });
        let member = post(&world, &format!("teams/{team}/members"), &body);
        assert_eq!((&member["userId"], &member["displayName"]), (&ada, &json!("ada")), "{address}: {member}");
        let read = get(
            &world,
            &format!(
                "teams/{team}/members/{}?$expand=microsoft.graph.aadUserConversationMember/user",
                member["id"].as_str().unwrap()
            ),
        );
        assert_eq!((&read["userId"], &read["user"]["id"]), (&ada, &ada));
    }
}

#[test]
fn a_team_and_a_channel_are_archived_and_unarchived() {
    let world = harness::world(&[]);
    let team = get(&world, "teams")["value"][0]["id"].as_str().unwrap().to_owned();
    let channel = get(&world, &format!("teams/{team}/channels"))["value"][0]["id"].as_str().unwrap().to_owned();
    for holder in [format!("teams/{team}"), format!("teams/{team}/channels/{channel}")] {
        for (call, expected) in [("archive", true), ("archive", true), ("unarchive", false)] {
            let target = format!("/v1.0/{holder}/{call}");
            let request = RecordedRequest { method: Method::POST, target, headers: Vec::new(), body: Vec::new().into() };
            let response = harness::send(&world, &request);
            assert_eq!(response.status, 202, "{holder}/{call}");
            let location =
                response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, value)| value);
            let beginning = format!("/teams('{team}')/operations('");
            assert!(location.is_some_and(|location| location.starts_with(&beginning)), "{location:?}");
            assert_eq!(get(&world, &holder)["isArchived"], expected, "{holder}");
        }
    }
}
