//! Deletion, restoring and links under every address of an entity, and the effects of refused requests: none.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::workloads;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture;
use wfi_emulator::internals::world::settings::Settings;

use super::content::{error, get, group, post, send, user};
use crate::support::harness;

fn id(entity: &Value) -> String {
    entity["id"].as_str().unwrap().to_owned()
}

fn status(world: &World, method: Method, target: &str) -> StatusCode {
    send(world, method, target, &Value::Null).0
}

fn unified(name: &str) -> Value {
    json!({ "displayName": name, "mailEnabled": true, "mailNickname": name, "securityEnabled": false, "groupTypes": ["Unified"] })
}

/// The ids of the entities that a collection shows.
fn ids(world: &World, target: &str) -> Vec<String> {
    get(world, target)["value"].as_array().unwrap().iter().map(id).collect()
}

fn link(world: &World, holder: &str, target: &str) -> (StatusCode, Value) {
    send(
        world,
        Method::POST,
        &format!("{holder}/$ref"),
        &json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/{target}") }),
    )
}

#[test]
fn a_deletion_is_the_same_under_every_address_of_an_object() {
    for root in ["users", "directoryObjects"] {
        let world = harness::world(&[]);
        let ada = id(&post(&world, "users", &user("ada")));
        assert_eq!(status(&world, Method::DELETE, &format!("{root}/{ada}")), StatusCode::NO_CONTENT);
        assert_eq!(get(&world, &format!("directory/deletedItems/{ada}"))["displayName"], "ada", "{root}");
        assert_eq!(status(&world, Method::POST, &format!("directory/deletedItems/{ada}/restore")), StatusCode::OK);
        assert_eq!(get(&world, &format!("users/{ada}"))["displayName"], "ada", "{root}");
    }
    for root in ["groups", "directoryObjects"] {
        let world = harness::world(&[]);
        let (ada, ovens) = (id(&post(&world, "users", &user("ada"))), id(&post(&world, "groups", &group("ovens"))));
        assert_eq!(link(&world, &format!("groups/{ovens}/members"), &format!("users/{ada}")).0, StatusCode::NO_CONTENT);
        assert_eq!(ids(&world, &format!("users/{ada}/memberOf")), [&*ovens]);
        assert_eq!(status(&world, Method::DELETE, &format!("{root}/{ovens}")), StatusCode::NO_CONTENT);
        // A security group is gone at once, with its members.
        assert_eq!(status(&world, Method::GET, &format!("directory/deletedItems/{ovens}")), StatusCode::NOT_FOUND);
        let shown = get(&world, "groups?$count=true")["value"].to_string();
        assert!(!shown.contains(&ovens));
        assert!(!state(&world).contains(&ovens), "{root}: the members of a deleted group are kept");
    }
    // One address has the objects that are there, the other one those that are deleted.
    let world = harness::world(&[]);
    let bakers = id(&post(&world, "groups", &unified("Bakers")));
    let item = format!("directory/deletedItems/{bakers}");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(status(&world, method, &item), StatusCode::NOT_FOUND);
    }
    assert_eq!(status(&world, Method::DELETE, &format!("groups/{bakers}")), StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(status(&world, method, &format!("directoryObjects/{bakers}")), StatusCode::NOT_FOUND);
    }
    assert_eq!(status(&world, Method::GET, &item), StatusCode::OK);
    // An object that clients cannot delete stays.
    let world = harness::world(&[]);
    let organization = id(&get(&world, "organization")["value"][0]);
    for root in ["organization", "directoryObjects"] {
        let (refused, answer) = send(&world, Method::DELETE, &format!("{root}/{organization}"), &Value::Null);
        // The refusal of an unsupported method.
        assert_eq!((refused, error(&answer).0), (StatusCode::NOT_FOUND, "UnknownError"), "{root}");
    }
    assert_eq!(ids(&world, "organization"), [organization]);
}

/// The whole state, as text.
fn state(world: &World) -> String {
    fixture::write(&world.schema, &world.store, world.behaviors.secret)
}

#[test]
fn a_deleted_group_is_no_membership() {
    let world = harness::world(&[]);
    let (ada, bakers) = (id(&post(&world, "users", &user("ada"))), id(&post(&world, "groups", &unified("bakers"))));
    assert_eq!(link(&world, &format!("groups/{bakers}/members"), &format!("users/{ada}")).0, StatusCode::NO_CONTENT);
    let memberships = || {
        let calls = [
            ("getMemberObjects", json!({ "securityEnabledOnly": false })),
            ("getMemberGroups", json!({ "securityEnabledOnly": false })),
            ("checkMemberObjects", json!({ "ids": [bakers] })),
            ("checkMemberGroups", json!({ "groupIds": [bakers] })),
        ];
        calls.map(|(name, body)| {
            send(&world, Method::POST, &format!("users/{ada}/{name}"), &body).1["value"].as_array().unwrap().len()
        })
    };
    assert_eq!(memberships(), [1; 4]);
    assert_eq!(status(&world, Method::DELETE, &format!("groups/{bakers}")), StatusCode::NO_CONTENT);
    assert_eq!(memberships(), [0; 4]);
    assert_eq!(status(&world, Method::POST, &format!("directory/deletedItems/{bakers}/restore")), StatusCode::OK);
    assert_eq!(memberships(), [1; 4]);
}

#[test]
fn a_deleted_manager_is_not_named() {
    let world = harness::world(&[]);
    let (ada, boss) = (id(&post(&world, "users", &user("ada"))), id(&post(&world, "users", &user("boss"))));
    let body = json!({ "@odata.id": format!("users/{boss}") });
    assert_eq!(send(&world, Method::PUT, &format!("users/{ada}/manager/$ref"), &body).0, StatusCode::NO_CONTENT);
    let shown = || ["manager", "manager/$ref"].map(|path| status(&world, Method::GET, &format!("users/{ada}/{path}")));
    assert_eq!(shown(), [StatusCode::OK; 2]);
    assert_eq!(status(&world, Method::DELETE, &format!("users/{boss}")), StatusCode::NO_CONTENT);
    assert_eq!(shown(), [StatusCode::NOT_FOUND; 2]);
}

#[test]
fn a_restored_object_takes_no_value_from_another() {
    let world = harness::world(&[]);
    let ada = id(&post(&world, "users", &user("ada")));
    assert_eq!(status(&world, Method::DELETE, &format!("users/{ada}")), StatusCode::NO_CONTENT);
    let other = id(&post(&world, "users", &user("ada")));
    let restore = format!("directory/deletedItems/{ada}/restore");
    let (refused, answer) = send(&world, Method::POST, &restore, &Value::Null);
    assert_eq!((refused, &answer["error"]["details"][0]["code"]), (StatusCode::BAD_REQUEST, &json!("ObjectConflict")));
    assert_eq!(status(&world, Method::GET, &format!("directory/deletedItems/{ada}")), StatusCode::OK);
    assert_eq!(status(&world, Method::DELETE, &format!("users/{other}")), StatusCode::NO_CONTENT);
    assert_eq!(status(&world, Method::POST, &restore), StatusCode::OK);
}

#[test]
fn a_refused_request_creates_nothing_that_it_names() {
    let empty = || World::new(Settings { entities: Vec::new(), ..harness::settings_with(&[]) });
    let with = |addresses: &[&str]| {
        let mut body = group("ovens");
        body["members@odata.bind"] = json!(addresses);
        body
    };
    // An empty world knows all users that a request names.
    let world = empty();
    let ovens = id(&post(&world, "groups", &with(&["users/1", "users/2"])));
    assert_eq!(ids(&world, &format!("groups/{ovens}/members")), ["1", "2"]);
    for addresses in [&["users/1", "not an address"][..], &["users/1", "users/1"]] {
        let world = empty();
        assert_eq!(send(&world, Method::POST, "groups", &with(addresses)).0, StatusCode::BAD_REQUEST, "{addresses:?}");
        assert_eq!(status(&world, Method::GET, "users/1"), StatusCode::NOT_FOUND, "{addresses:?}");
    }
}

#[test]
fn a_refused_update_of_a_property_changes_nothing() {
    let world = harness::world(&[]);
    let application = id(&get(&world, "applications")["value"][0]);
    let target = format!("applications/{application}/web");
    let before = get(&world, &target);
    let body = json!({ "homePageUrl": "https://changed.example" });
    assert_eq!(send(&world, Method::PATCH, &format!("{target}?$top=1"), &body).0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&world, &target), before);
    assert!(send(&world, Method::PATCH, &target, &body).0.is_success());
    assert_eq!(get(&world, &target)["homePageUrl"], "https://changed.example");
}

#[test]
fn a_link_is_removed_by_every_address_with_which_it_can_be_made() {
    let world = harness::world(&[]);
    let (ada, ovens) = (id(&post(&world, "users", &user("ada"))), id(&post(&world, "groups", &group("ovens"))));
    let members = format!("groups/{ovens}/members");
    for address in ["users/ada@contoso.onmicrosoft.com".to_owned(), format!("users/{ada}"), format!("directoryObjects/{ada}")] {
        assert_eq!(link(&world, &members, &address).0, StatusCode::NO_CONTENT, "{address}");
        let other = format!("{members}/$ref?$id=https://graph.microsoft.com/v1.0/groups/{ada}");
        assert_eq!(status(&world, Method::DELETE, &other), StatusCode::NOT_FOUND);
        let own = format!("{members}/$ref?$id=https://graph.microsoft.com/v1.0/{address}");
        assert_eq!(status(&world, Method::DELETE, &own), StatusCode::NO_CONTENT, "{address}");
        assert_eq!(ids(&world, &members), Vec::<String>::new());
    }
}

#[test]
fn one_of_the_owners_stays_when_all_are_removed_at_once() {
    let world = harness::world(&[]);
    let owners = format!("groups/{}/owners", id(&post(&world, "groups", &unified("bakers"))));
    let all: Vec<String> = ["a", "b", "c", "d"].iter().map(|name| id(&post(&world, "users", &user(name)))).collect();
    for _ in 0..300 {
        for owner in &all {
            // One of them is still there.
            link(&world, &owners, &format!("users/{owner}"));
        }
        let present = ids(&world, &owners);
        let begin = Barrier::new(present.len());
        thread::scope(|scope| {
            for owner in &present {
                let (world, begin, target) = (&world, &begin, format!("{owners}/{owner}/$ref"));
                scope.spawn(move || {
                    begin.wait();
                    status(world, Method::DELETE, &target)
                });
            }
        });
        assert_eq!(ids(&world, &owners).len(), 1);
    }
}

#[test]
fn many_unique_values_are_compared_in_the_time_of_reading_them() {
    let world = harness::world(&[]);
    let application = |kind: &str, count: usize| {
        let uris: Vec<String> = (0..count).map(|number| format!("api://{kind}/{number}")).collect();
        json!({ "displayName": kind, "identifierUris": uris })
    };
    let took = |kind: &str, count: usize| -> Duration {
        post(&world, "applications", &application(&format!("{kind} a"), count));
        let start = Instant::now();
        post(&world, "applications", &application(&format!("{kind} b"), count));
        start.elapsed()
    };
    let (few, many) = (took("few", 500), took("many", 16_000));
    // 32 times as many take about 32 times as long; each compared with each would take 1,000 times as long.
    assert!(many < few * 300, "{few:?} and {many:?}");
}

#[test]
fn an_entity_in_a_replacing_body_is_created_or_refused() {
    let world = harness::world(&[]);
    let bakers = id(&post(&world, "groups", &unified("bakers")));
    let (status, answer) = send(
        &world,
        Method::PUT,
        &format!("groups/{bakers}/team"),
        &json!({ "memberSettings": { "allowCreateUpdateChannels": true }, "channels": [{ "displayName": "Rye" }] }),
    );
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let channels = get(&world, &format!("teams/{bakers}/channels"))["value"].to_string();
    assert!(channels.contains("Rye"), "{channels}");
    // An entity that exists takes none: OData 4.0 has no deep updates.
    let (status, answer) =
        send(&world, Method::PUT, &format!("groups/{bakers}/team"), &json!({ "channels": [{ "displayName": "Spelt" }] }));
    assert_eq!((status, error(&answer).0), (StatusCode::BAD_REQUEST, "BadRequest"));
}

#[test]
fn a_message_that_is_moved_by_many_at_once_goes_to_one_place() {
    let world = harness::world(&[]);
    for _ in 0..100 {
        let draft = json!({ "subject": "Rye", "toRecipients": [{ "emailAddress": { "address": "local.user@contoso.onmicrosoft.com" } }] });
        let draft = id(&post(&world, "me/messages", &draft));
        let begin = Barrier::new(4);
        let done: Vec<StatusCode> = thread::scope(|scope| {
            let (world, begin, draft) = (&world, &begin, &draft);
            let call = |call: &'static str| {
                scope.spawn(move || {
                    begin.wait();
                    send(world, Method::POST, &format!("me/messages/{draft}/{call}"), &json!({ "destinationId": "archive" })).0
                })
            };
            let threads = [call("move"), call("move"), call("move"), call("move")];
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(done.iter().filter(|status| status.is_success()).count(), 1, "{done:?}");
        assert!(done.iter().all(|status| status.is_success() || *status == StatusCode::NOT_FOUND), "{done:?}");
    }
    let found = get(&world, "me/messages?$filter=subject eq 'Rye'&$count=true&$top=1".replace(' ', "%20").as_str());
    assert_eq!(found["@odata.count"], 100);
}

/// Sends requests at the same time. Returns their statuses.
fn at_once(world: &World, requests: &[(Method, String, Value)]) -> Vec<StatusCode> {
    let begin = Barrier::new(requests.len());
    thread::scope(|scope| {
        let begin = &begin;
        let call = |(method, target, body): &(Method, String, Value)| {
            let (method, target, body) = (method.clone(), target.clone(), body.clone());
            scope.spawn(move || {
                begin.wait();
                send(world, method, &target, &body).0
            })
        };
        let threads: Vec<_> = requests.iter().map(call).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_deleted_object_is_restored_or_gone_for_good() {
    let world = harness::world(&[]);
    for _ in 0..200 {
        let group = id(&post(&world, "groups", &unified("Bakers")));
        assert!(status(&world, Method::DELETE, &format!("groups/{group}")).is_success());
        let item = format!("directory/deletedItems/{group}");
        let restore = (Method::POST, format!("{item}/restore"), json!({}));
        let done = at_once(&world, &[restore.clone(), (Method::DELETE, item.clone(), Value::Null), restore]);
        let is_there = status(&world, Method::GET, &format!("groups/{group}")).is_success();
        let (restored, deleted) = ([done[0], done[2]].iter().filter(|status| status.is_success()).count(), done[1].is_success());
        assert!(restored + usize::from(deleted) == 1 && is_there == (restored == 1), "{done:?} {is_there}");
        assert_eq!(status(&world, Method::GET, &item), StatusCode::NOT_FOUND);
        if is_there {
            status(&world, Method::DELETE, &format!("groups/{group}"));
            status(&world, Method::DELETE, &item);
        }
    }
}

#[test]
fn a_unique_value_is_taken_once_in_a_collection_that_nothing_has_changed() {
    let credential = json!({ "name": "ci", "issuer": "https://ci.example", "subject": "main", "audiences": ["api"] });
    let world = harness::world(&[]);
    for _ in 0..200 {
        let application = id(&post(&world, "applications", &json!({ "displayName": "Bakery" })));
        let target = format!("applications/{application}/federatedIdentityCredentials");
        let statuses = at_once(&world, &[0; 4].map(|_| (Method::POST, target.clone(), credential.clone())));
        assert_eq!(statuses.iter().filter(|status| status.is_success()).count(), 1, "{statuses:?}");
        assert_eq!(ids(&world, &target).len(), 1);
    }
}

#[test]
fn first_changes_of_an_occurrence_at_once_are_all_made() {
    let world = harness::world(&[]);
    let time = |clock: &str| json!({ "dateTime": format!("2024-03-04T{clock}:00"), "timeZone": "UTC" });
    let recurrence = json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2024-03-04", "numberOfOccurrences": 5 },
    });
    let series = json!({ "subject": "Rye", "start": time("09:00"), "end": time("09:30"), "recurrence": recurrence });
    for _ in 0..100 {
        let series = format!("me/events/{}", id(&post(&world, "me/events", &series)));
        let instances = format!("{series}/instances?startDateTime=2024-03-05&endDateTime=2024-03-07");
        let days = ids(&world, &instances);
        let change = |day: &str| (Method::PATCH, format!("me/events/{day}"), json!({ "subject": "Spelt" }));
        let statuses = at_once(&world, &[0; 4].map(|_| change(&days[0])));
        assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
        let delete = (Method::DELETE, format!("me/events/{}", days[1]), Value::Null);
        let statuses = at_once(&world, &[change(&days[1]), delete, change(&days[1])]);
        assert_eq!(statuses[1], StatusCode::NO_CONTENT, "{statuses:?}");
        assert_eq!(ids(&world, &instances), days[..1], "{statuses:?}");
    }
}

#[test]
fn what_a_body_contains_has_its_required_members_and_its_own_values() {
    let world = harness::world(&[]);
    let credential = json!({ "name": "ci", "issuer": "https://ci.example", "subject": "main", "audiences": ["api"] });
    let application = |credentials: Value| json!({ "displayName": "Bakery", "federatedIdentityCredentials": credentials });
    let created = send(&world, Method::POST, "applications", &application(json!([credential])));
    assert_eq!(created.0, StatusCode::CREATED, "{}", created.1);
    for (name, value) in [("issuer", None), ("subject", Some(json!("")))] {
        let mut other = credential.clone();
        (other["name"], other["issuer"]) = (json!("other"), json!("https://other.example"));
        match value {
            Some(value) => other[name] = value,
            None => drop(other.as_object_mut().unwrap().remove(name)),
        }
        let before = state(&world);
        let (status, answer) = send(&world, Method::POST, "applications", &application(json!([credential, other])));
        assert_eq!((status, error(&answer).0), (StatusCode::BAD_REQUEST, "Request_BadRequest"), "{answer}");
        assert!(error(&answer).1.contains(name), "{answer}");
        assert_eq!(state(&world), before, "nothing is stored");
    }
    let bakers = id(&post(&world, "groups", &unified("bakers")));
    let before = state(&world);
    let channels = |names: [&str; 2]| json!({ "channels": names.map(|name| json!({ "displayName": name })) });
    let team = format!("groups/{bakers}/team");
    let (status, answer) = send(&world, Method::PUT, &team, &channels(["Rye", "rYE"]));
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(state(&world), before, "nothing is stored");
    assert_eq!(send(&world, Method::PUT, &team, &channels(["Rye", "Spelt"])).0, StatusCode::CREATED);
}

#[test]
fn mail_is_sent_copied_and_moved_as_a_whole_or_not_at_all() {
    let names = ["local.user", "john.doe", "nora.lindqvist"];
    let folders = ["Inbox", "Drafts", "Sent Items", "Archive"].map(|name| json!({ "id": name, "displayName": name }));
    let owner = |number: usize| {
        let address = format!("{}@contoso.onmicrosoft.com", names[number]);
        json!({ "id": format!("00000000-0000-4000-8000-00000000000{}", number + 1), "displayName": names[number], "mail": address,
            "userPrincipalName": address, "mailFolders": folders, "messages": [{ "id": "old", "subject": "Old" }] })
    };
    let mut settings = harness::settings_with(&[]);
    let text = json!({ "users": [owner(0), owner(1), owner(2)] }).to_string();
    settings.entities = fixture::read(&settings.schema, &settings.behaviors, "users.json", text.as_bytes()).unwrap();
    let world = World::new(settings);
    let to = |name: &str| json!({ "emailAddress": { "address": format!("{name}@contoso.onmicrosoft.com") } });
    let file = |name: &str| json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentBytes": "eHh4".repeat(100) });
    let message = json!({
        "subject": "Rye", "body": { "contentType": "text", "content": "rye ".repeat(100) },
        "toRecipients": [to(names[0]), to(names[1])], "ccRecipients": [to(names[2])],
        "attachments": [file("1.txt"), file("2.txt")],
    });
    let draft = || id(&post(&world, "me/messages", &message));
    let calls = [
        ("me/sendMail".to_owned(), json!({ "message": message })),
        ("me/sendMail".to_owned(), json!({ "message": message, "saveToSentItems": false })),
        (format!("me/messages/{}/send", draft()), Value::Null),
        (format!("me/messages/{}/replyAll", draft()), json!({ "comment": "Yes" })),
        (format!("me/messages/{}/createForward", draft()), json!({ "toRecipients": [to(names[1])] })),
        (format!("me/messages/{}/forward", draft()), json!({ "toRecipients": [to(names[1])] })),
        (format!("me/messages/{}/copy", draft()), json!({ "destinationId": "archive" })),
        (format!("me/messages/{}/move", draft()), json!({ "destinationId": "archive" })),
        // Its removal takes room.
        ("me/messages/old/move".to_owned(), json!({ "destinationId": "archive" })),
    ];
    let stores = &world.settings.stores;
    for (target, body) in calls {
        let before = state(&world);
        let mut refused = 0;
        for room in (0..).map(|step| step * 1_900) {
            let rest = stores.take(stores.limit() - stores.used() - room).unwrap();
            let (status, answer) = send(&world, Method::POST, &target, &body);
            drop(rest);
            if status.is_success() {
                break;
            }
            refused += 1;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{target}: {answer}");
            assert_eq!(state(&world), before, "{target} with room for {room} bytes has changed something");
        }
        assert!(refused > 0 && state(&world) != before, "{target}: {refused}");
    }
}

#[test]
fn delta_queries_of_the_directory_have_few_options() {
    let world = harness::world(&[]);
    let ada = id(&post(&world, "users", &user("ada")));
    let ask = |query: &str| send(&world, Method::GET, &format!("users/delta?{}", query.replace(' ', "%20")), &Value::Null);
    for (query, code, named) in [
        ("$top=5", "Request_BadRequest", "'$top' is not"),
        ("select=id&Top=5", "Request_BadRequest", "'$top' is not"),
        ("$orderby=id", "Request_BadRequest", "'$orderby' is not"),
        ("$expand=manager", "Request_BadRequest", "'$expand' is not"),
        ("$search=\"displayName:a\"", "Request_BadRequest", "'$search' is not"),
        ("$filter=displayName eq 'ada'", "Request_UnsupportedQuery", "property 'displayName'"),
        ("$filter=id eq '1' or surname eq 'x'", "Request_UnsupportedQuery", "property 'surname'"),
        ("$filter=id ne '1'", "Request_UnsupportedQuery", "property 'id'"),
    ] {
        let (status, answer) = ask(&query.replace('"', "%22"));
        assert_eq!((status, error(&answer).0), (StatusCode::BAD_REQUEST, code), "{query}: {answer}");
        assert!(error(&answer).1.contains(named), "{query}: {answer}");
    }
    let (status, answer) = ask(&format!("$select=displayName&$filter=id eq '{ada}' or id eq 'x'"));
    assert_eq!((status, answer["value"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{answer}");
    // Other workloads have them.
    assert_eq!(status_of(&world, "me/mailFolders/delta?$top=1"), status_of(&world, "me/mailFolders/delta"));
}

fn status_of(world: &World, target: &str) -> StatusCode {
    status(world, Method::GET, target)
}

#[test]
fn delta_queries_have_the_links_that_are_new_or_gone() {
    let world = harness::world(&[]);
    let (ada, bo) = (id(&post(&world, "users", &user("ada"))), id(&post(&world, "users", &user("bo"))));
    let (ovens, bakers) = (id(&post(&world, "groups", &group("ovens"))), id(&post(&world, "groups", &group("bakers"))));
    let members = format!("groups/{ovens}/members");
    assert_eq!(link(&world, &members, &format!("users/{ada}")).0, StatusCode::NO_CONTENT);
    let next = |page: &Value| {
        let link = page["@odata.deltaLink"].as_str().unwrap();
        get(&world, link.split_once("/v1.0/").unwrap().1)
    };
    let row = |page: &Value, key: &str| page["value"].as_array().unwrap().iter().find(|row| row["id"] == *key).cloned();
    let typed = |id: &str| json!({ "@odata.type": "#microsoft.graph.user", "id": id });
    let first = get(&world, "groups/delta?$select=displayName,members");
    assert_eq!(row(&first, &ovens).unwrap()["members@delta"], json!([typed(&ada)]));
    assert_eq!(row(&first, &bakers).unwrap().get("members@delta"), None);
    let (plain, whole) = (get(&world, "groups/delta?$select=displayName"), get(&world, "groups/delta"));
    // One member comes, another one goes, and an owner comes.
    assert_eq!(link(&world, &members, &format!("users/{bo}")).0, StatusCode::NO_CONTENT);
    assert_eq!(status(&world, Method::DELETE, &format!("{members}/{ada}/$ref")), StatusCode::NO_CONTENT);
    assert_eq!(link(&world, &format!("groups/{bakers}/owners"), &format!("users/{ada}")).0, StatusCode::NO_CONTENT);
    let gone = json!({ "@odata.type": "#microsoft.graph.user", "id": ada, "@removed": { "reason": "deleted" } });
    let changed = next(&first);
    assert_eq!(row(&changed, &ovens).unwrap()["members@delta"], json!([typed(&bo), gone]));
    // Links that a query does not select do not count as changes.
    assert_eq!((row(&changed, &bakers), next(&plain)["value"].clone()), (None, json!([])));
    let changed_whole = next(&whole);
    assert_eq!(row(&changed_whole, &bakers).unwrap()["owners@delta"], json!([typed(&ada)]));
    assert_eq!(row(&changed_whole, &ovens).unwrap()["members@delta"].as_array().unwrap().len(), 2);
    // A link that came and went is gone, and the next round has nothing.
    assert_eq!(link(&world, &members, &format!("users/{ada}")).0, StatusCode::NO_CONTENT);
    assert_eq!(status(&world, Method::DELETE, &format!("{members}/{ada}/$ref")), StatusCode::NO_CONTENT);
    let changed = next(&changed);
    assert_eq!(row(&changed, &ovens).unwrap()["members@delta"], json!([gone]));
    assert_eq!(next(&changed)["value"], json!([]));
    // The manager of a user, which is one link.
    let first = get(&world, "users/delta?$select=manager");
    let body = json!({ "@odata.id": format!("users/{bo}") });
    assert_eq!(send(&world, Method::PUT, &format!("users/{ada}/manager/$ref"), &body).0, StatusCode::NO_CONTENT);
    assert_eq!(row(&next(&first), &ada).unwrap()["manager@delta"], json!([typed(&bo)]));
}

#[test]
fn an_expansion_in_the_directory_shows_twenty_links() {
    let world = harness::world(&[]);
    let ovens = id(&post(&world, "groups", &group("ovens")));
    for number in 0..22 {
        let member = id(&post(&world, "users", &user(&format!("u{number}"))));
        assert_eq!(link(&world, &format!("groups/{ovens}/members"), &format!("users/{member}")).0, StatusCode::NO_CONTENT);
    }
    let shown = |query: &str| get(&world, &format!("groups/{ovens}?$expand=members{query}"))["members"].as_array().unwrap().len();
    assert_eq!([shown(""), shown("($top=5)"), shown("($top=50)")], [20, 5, 20]);
    assert_eq!(ids(&world, &format!("groups/{ovens}/members")).len(), 22);
    let shown = get(&world, &format!("groups/{ovens}?$expand=members"));
    assert_eq!(shown.get("members@odata.nextLink"), None, "and no link leads to the others");
}

/// Teams and chats with applications, which the built-in schema does not have.
const CSDL: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="entity" Abstract="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="installation" BaseType="microsoft.graph.entity"><Property Name="consent" Type="Edm.String"/></EntityType>
  <EntityType Name="team" BaseType="microsoft.graph.entity">
    <NavigationProperty Name="installedApps" Type="Collection(microsoft.graph.installation)" ContainsTarget="true"/>
  </EntityType>
  <EntityType Name="chat" BaseType="microsoft.graph.entity">
    <NavigationProperty Name="installedApps" Type="Collection(microsoft.graph.installation)" ContainsTarget="true"/>
  </EntityType>
  <EntityContainer Name="Service">
    <EntitySet Name="teams" EntityType="microsoft.graph.team"/>
    <EntitySet Name="chats" EntityType="microsoft.graph.chat"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn an_application_in_a_team_is_answered_without_a_body() {
    let schema = Schema::read(CSDL, CSDL, &wfi_emulator::internals::workloads::rules()).unwrap();
    let schema = std::sync::Arc::new(schema);
    let text = json!({ "teams": [{ "id": "t" }], "chats": [{ "id": "c" }] }).to_string();
    let entities = fixture::read(&schema, &Behaviors::default(), "fixtures.json", text.as_bytes()).unwrap();
    let world = World::new(Settings { schema, entities, ..harness::settings_with(&[]) });
    let add = |holder: &str| send(&world, Method::POST, &format!("{holder}/installedApps"), &json!({ "consent": "a" }));
    assert_eq!(add("teams/t"), (StatusCode::OK, Value::Null));
    assert_eq!(ids(&world, "teams/t/installedApps").len(), 1);
    let (status, created) = add("chats/c");
    assert_eq!((status, &created["consent"]), (StatusCode::CREATED, &json!("a")));
}

/// The ids of an expanded collection on all its pages, and the number of pages.
fn expanded(world: &World, holder: &str, name: &str, options: &str) -> (Vec<String>, usize) {
    let first = get(world, &format!("{holder}?$expand={name}({options})").replace(' ', "%20"));
    let mut found: Vec<String> = first[name].as_array().unwrap().iter().map(id).collect();
    let (mut next, mut pages) = (first.get(format!("{name}@odata.nextLink")).cloned(), 1);
    while let Some(link) = next {
        let page = get(world, link.as_str().unwrap().split_once("/v1.0/").unwrap().1);
        found.extend(page["value"].as_array().unwrap().iter().map(id));
        (next, pages) = (page.get("@odata.nextLink").cloned(), pages + 1);
    }
    (found, pages)
}

#[test]
fn a_link_leads_to_the_further_pages_of_an_expanded_collection() {
    let settings = Settings { page_size: 3.try_into().unwrap(), ..harness::settings_with(&[]) };
    let world = World::new(settings);
    let subjects = ["e", "b", "d", "a & b", "c", "f", "g"];
    for subject in subjects {
        post(&world, "me/mailFolders/drafts/messages", &json!({ "subject": subject }));
    }
    let all = ids(&world, "me/mailFolders/drafts/messages?$top=50");
    let sorted = ids(&world, "me/mailFolders/drafts/messages?$top=50&$orderby=subject%20desc");
    assert!(all.len() >= 7 && sorted != all);
    let expanded = |options: &str| expanded(&world, "me/mailFolders/drafts", "messages", options);
    assert_eq!(expanded(""), (all.clone(), all.len().div_ceil(3)));
    assert_eq!(expanded("$select=id;$top=2"), (all.clone(), all.len().div_ceil(2)));
    assert_eq!(expanded("$skip=2;$top=2").0, all[2..]);
    assert_eq!(expanded("$orderby=subject desc;$top=3").0, sorted);
    // The options of the first page are those of the others.
    let (few, pages) = expanded("$filter=subject eq 'a %26 b' or subject eq 'b' or subject eq 'c';$top=1;$select=id");
    assert_eq!((few.len(), pages), (3, 3));
    let first = get(&world, "me/mailFolders/drafts?$expand=messages($select=id;$top=1)");
    let members: Vec<&String> = first.as_object().unwrap().keys().filter(|name| name.starts_with("messages")).collect();
    assert_eq!(members, ["messages", "messages@odata.context", "messages@odata.nextLink"]);
    let link = first["messages@odata.nextLink"].as_str().unwrap();
    assert!(link.contains("/messages?$select=id&$top=1&$skiptoken="), "{link}");
    // A collection that is shown as a whole has no link, and neither has a list that `$top` limits.
    assert_eq!(get(&world, "me/mailFolders/drafts?$expand=messages($top=50)").get("messages@odata.nextLink"), None);
    let settings = Settings { page_size: 3.try_into().unwrap(), ..harness::settings_with(&[("top", "limit")]) };
    let limited = World::new(settings);
    for subject in subjects {
        post(&limited, "me/mailFolders/drafts/messages", &json!({ "subject": subject }));
    }
    assert_eq!(get(&limited, "me/mailFolders/drafts?$expand=messages($top=2)").get("messages@odata.nextLink"), None);
}

#[test]
fn a_delta_with_selected_members_has_what_has_changed_in_them() {
    let world = harness::world(&[]);
    let ada = id(&post(&world, "users", &user("ada")));
    let latest = |options: &str| {
        let page = get(&world, &format!("users/delta?$deltatoken=latest{options}"));
        page["@odata.deltaLink"].as_str().unwrap().split_once("/v1.0/").unwrap().1.to_owned()
    };
    let (selected, all) = (latest("&$select=displayName,jobTitle"), latest(""));
    let patch = |body: Value| assert!(send(&world, Method::PATCH, &format!("users/{ada}"), &body).0.is_success());
    patch(json!({ "officeLocation": "1" }));
    assert_eq!((ids(&world, &selected), ids(&world, &all)), (vec![], vec![ada.clone()]));
    patch(json!({ "jobTitle": "Baker" }));
    assert_eq!(ids(&world, &selected), [&*ada]);
    // Each round has its own changes.
    let page = get(&world, &selected);
    let next = page["@odata.deltaLink"].as_str().unwrap().split_once("/v1.0/").unwrap().1.to_owned();
    patch(json!({ "officeLocation": "2" }));
    assert_eq!((ids(&world, &next), ids(&world, &selected)), (vec![], vec![ada.clone()]));
    let bo = id(&post(&world, "users", &user("bo")));
    assert_eq!(ids(&world, &next), [&*bo]);
    assert_eq!(status(&world, Method::DELETE, &format!("users/{ada}")), StatusCode::NO_CONTENT);
    assert_eq!(ids(&world, &next), [&*bo, &*ada]);
}

#[test]
fn a_new_team_has_its_group_its_owner_and_its_first_channel() {
    let world = World::new(Settings { schema: workloads::schema_with_rest(), ..harness::settings_with(&[]) });
    let create = |body: Value| {
        let request = RecordedRequest {
            method: Method::POST,
            target: "/v1.0/teams".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into(),
        };
        let answer = harness::send(&world, &request);
        assert_eq!((answer.status, answer.body.len()), (StatusCode::ACCEPTED, 0), "{answer:?}");
        let header = |name: &str| answer.header(name).unwrap().trim_start_matches('/').to_owned();
        (header("location"), header("content-location"))
    };
    let template = json!("https://graph.microsoft.com/v1.0/teamsTemplates('standard')");
    let (operation, team) =
        create(json!({ "template@odata.bind": template, "displayName": "Night bakers", "visibility": "private" }));
    assert_eq!(get(&world, &operation)["status"], "succeeded");
    assert_eq!(get(&world, &operation)["operationType"], "createTeam");
    let created = get(&world, &team);
    let key = id(&created);
    assert_eq!(get(&world, &operation)["targetResourceId"], *key);
    let group = get(&world, &format!("groups/{key}"));
    assert_eq!(
        (&group["displayName"], &group["visibility"], &group["mailNickname"]),
        (&json!("Night bakers"), &json!("Private"), &json!("Nightbakers"))
    );
    assert_eq!(get(&world, &format!("teams/{key}/primaryChannel"))["displayName"], "General");
    let members = get(&world, &format!("teams/{key}/members"));
    assert_eq!((&members["value"][0]["roles"], members["value"].as_array().unwrap().len()), (&json!(["owner"]), 1));
    assert_eq!(ids(&world, &format!("groups/{key}/owners")), [members["value"][0]["userId"].as_str().unwrap()]);
    assert!(ids(&world, "me/joinedTeams").contains(&key));

    // A group becomes a team with its id.
    let ovens = id(&post(&world, "groups", &unified("ovens")));
    let bind = format!("https://graph.microsoft.com/v1.0/groups('{ovens}')");
    let (_, team) = create(json!({ "template@odata.bind": template, "group@odata.bind": bind }));
    assert_eq!((id(&get(&world, &team)), get(&world, &team)["displayName"].clone()), (ovens.clone(), json!("ovens")));
    assert_eq!(id(&get(&world, &format!("groups/{ovens}/team"))), ovens);

    // Members of the request are those of the team and of its group.
    let ada = id(&post(&world, "users", &user("ada")));
    let member = json!({
        "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": ["owner"],
        "user@odata.bind": format!("https://graph.microsoft.com/v1.0/users('{ada}')"),
    });
    let (_, team) = create(json!({ "displayName": "Day", "members": [member], "channels": [{ "displayName": "Bread" }] }));
    let key = id(&get(&world, &team));
    assert_eq!(get(&world, &format!("groups/{key}"))["mailNickname"], "Day");
    assert_eq!(ids(&world, &format!("groups/{key}/members")), [&*ada]);
    assert_eq!(get(&world, &format!("teams/{key}/channels"))["value"].as_array().unwrap().len(), 2);

    // A second one of the name has another address.
    let (_, team) = create(json!({ "displayName": "Day" }));
    let other = id(&get(&world, &team));
    let nickname = get(&world, &format!("groups/{other}"))["mailNickname"].as_str().unwrap().to_owned();
    assert!(nickname.len() == 11 && nickname.starts_with("Day"), "{nickname}");
}

#[test]
fn a_delta_with_selected_members_has_all_of_them_on_its_pages() {
    let settings = Settings { page_size: 1.try_into().unwrap(), ..harness::settings_with(&[]) };
    let world = World::new(settings);
    let [ada, bo] = ["ada", "bo"].map(|name| id(&post(&world, "users", &user(name))));
    let page = get(&world, "users/delta?$deltatoken=latest&$select=displayName,jobTitle");
    let mut next = page["@odata.deltaLink"].as_str().map(str::to_owned);
    let patch = |id: &str, body: Value| assert!(send(&world, Method::PATCH, &format!("users/{id}"), &body).0.is_success());
    patch(&ada, json!({ "jobTitle": "Baker" }));
    patch(&bo, json!({ "jobTitle": "Baker" }));
    // The last change of ada is not one of the selected members.
    patch(&ada, json!({ "officeLocation": "1" }));
    let mut found = Vec::new();
    while let Some(link) = next {
        let page = get(&world, link.split_once("/v1.0/").unwrap().1);
        found.extend(page["value"].as_array().unwrap().iter().map(id));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(found, [bo, ada]);
}

#[test]
fn an_operation_with_an_unknown_option_has_no_effect() {
    let world = World::new(Settings { schema: workloads::schema_with_rest(), ..harness::settings_with(&[]) });
    let message = id(&post(&world, "me/mailFolders/drafts/messages", &json!({ "subject": "Rota" })));
    let messages = || ["me/messages", "me/mailFolders/drafts/messages"].map(|path| ids(&world, path));
    let before = messages();
    for operation in ["copy", "move"] {
        let target = format!("me/messages/{message}/{operation}?$expand=bogus");
        let (status, _) = send(&world, Method::POST, &target, &json!({ "destinationId": "archive" }));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{operation}");
        assert_eq!(messages(), before, "{operation}");
    }
}

#[test]
fn an_upsert_is_of_a_whole_object_with_the_key_of_its_path() {
    let world = World::new(Settings { schema: workloads::schema_with_rest(), ..harness::settings_with(&[]) });
    let upsert = |target: &str, body: Value| {
        let request = RecordedRequest {
            method: Method::PATCH,
            target: format!("/v1.0/{target}"),
            headers: [("content-type", "application/json"), ("prefer", "create-if-missing")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: body.to_string().into(),
        };
        harness::send(&world, &request).status
    };
    let names = || get(&world, "applications?$select=uniqueName")["value"].clone();
    let before = names();
    assert_eq!(upsert("applications(uniqueName='a')/web", json!({})), StatusCode::NOT_FOUND);
    assert_eq!(names(), before);
    for status in [StatusCode::CREATED, StatusCode::NO_CONTENT] {
        assert_eq!(upsert("applications(uniqueName='a')", json!({ "displayName": "Oven", "uniqueName": "a" })), status);
    }
    assert_eq!(upsert("applications(uniqueName='b')", json!({ "displayName": "Oven", "uniqueName": "c" })), StatusCode::CREATED);
    let created = names();
    assert!(
        created.to_string().contains(r#""uniqueName":"b""#) && !created.to_string().contains(r#""uniqueName":"c""#),
        "{created}"
    );
    let taken = json!({ "displayName": "Other", "uniqueName": "a" });
    assert_eq!(send(&world, Method::POST, "applications", &taken).0, StatusCode::BAD_REQUEST);
}

/// Folders within folders, and links to them from anywhere.
const SHELVES: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="s" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="shelf"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/>
    <NavigationProperty Name="inner" Type="Collection(s.shelf)" ContainsTarget="true"/>
    <NavigationProperty Name="beside" Type="Collection(s.shelf)"/>
    <NavigationProperty Name="best" Type="s.shelf"/></EntityType>
  <EntityContainer Name="c"><EntitySet Name="shelves" EntityType="s.shelf"/><EntitySet Name="others" EntityType="s.shelf"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn a_deletion_takes_the_links_to_all_that_was_within() {
    let rules = workloads::rules();
    let schema = std::sync::Arc::new(Schema::read(SHELVES, SHELVES, &rules).unwrap());
    let deep = "shelves('a')/inner('b')/inner('c')";
    let fixture = json!({
        "shelves": [
            { "id": "a", "inner": [{ "id": "b", "inner": [{ "id": "c", "beside@odata.bind": ["others('x')", "shelves('k')"] }] }] },
            { "id": "ab", "inner": [{ "id": "d" }] },
            { "id": "k", "beside@odata.bind": [deep, "shelves('a')/inner('b')", "shelves('ab')/inner('d')"], "best@odata.bind": deep },
        ],
        "others": [{ "id": "x", "beside@odata.bind": [deep], "best@odata.bind": "shelves('k')" }],
    });
    let text = fixture.to_string();
    let entities = fixture::read(&schema, &Behaviors::default(), "shelves.json", text.as_bytes()).unwrap();
    let settings = Settings { schema, entities, ..harness::settings(Behaviors::default()) };
    // Links of a baseline, and links that were stored since.
    for is_stored_since in [false, true] {
        let world = World::new(settings.clone());
        let beside = |holder: &str| ids(&world, &format!("{holder}/beside"));
        let mut kept = vec!["d".to_owned()];
        if is_stored_since {
            let made = id(&post(&world, &format!("{deep}/inner"), &json!({ "id": "new" })));
            let new = format!("{deep}/inner('{made}')");
            for holder in ["shelves/k", "others/x", "shelves/k/inner/none"] {
                let wanted = if holder.ends_with("none") { StatusCode::NOT_FOUND } else { StatusCode::NO_CONTENT };
                assert_eq!(link(&world, &format!("{holder}/beside"), &new).0, wanted, "{holder}");
            }
            assert_eq!(link(&world, &format!("{new}/beside"), "shelves('k')").0, StatusCode::NO_CONTENT);
            assert_eq!(link(&world, "shelves/k/beside", "others('x')").0, StatusCode::NO_CONTENT);
            kept.push("x".to_owned());
        }
        assert_eq!(beside("others/x")[0], "c");
        assert_eq!(get(&world, "shelves/k/best")["id"], "c");
        assert_eq!(status(&world, Method::DELETE, "shelves/a"), StatusCode::NO_CONTENT);
        assert_eq!((beside("shelves/k"), beside("others/x")), (kept.clone(), Vec::new()));
        assert_eq!(status(&world, Method::GET, "shelves/k/best/$ref"), StatusCode::NOT_FOUND);
        let saved = state(&world);
        assert!(!saved.contains("shelves('a')") && !saved.contains(r#""id":"c""#), "{saved}");
    }
}

#[test]
fn a_change_creates_where_the_schema_says_so() {
    let upsertable = |value: &str| {
        let restrictions = r#"<Annotation Term="Org.OData.Capabilities.V1.UpdateRestrictions"><Record><PropertyValue Property="Upsertable" Bool="?"/></Record></Annotation>"#;
        let restrictions = restrictions.replace('?', value);
        let inner = format!(r#"Type="Collection(s.shelf)" ContainsTarget="true">{restrictions}</NavigationProperty>"#);
        let text = SHELVES.replacen(r#"Type="Collection(s.shelf)" ContainsTarget="true"/>"#, &inner, 1);
        let schema = std::sync::Arc::new(Schema::read(&text, &text, &workloads::rules()).unwrap());
        let entities = fixture::read(&schema, &Behaviors::default(), "shelves.json", br#"{"shelves":[]}"#).unwrap();
        World::new(Settings { schema, entities, ..harness::settings(Behaviors::default()) })
    };
    let world = upsertable("true");
    let shelf = id(&post(&world, "shelves", &json!({})));
    let item = format!("shelves/{shelf}/inner/new");
    let patch = |world: &World, target: &str, headers: &[(&str, &str)]| {
        let mut request = RecordedRequest {
            method: Method::PATCH,
            target: format!("/v1.0/{target}"),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: format!("{{\"best@odata.bind\":\"shelves('{shelf}')\"}}").into(),
        };
        request.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        harness::send(world, &request).status
    };
    // A set without the statement, and an unknown holder, create nothing.
    assert_eq!(patch(&world, "shelves/none", &[]), StatusCode::NOT_FOUND);
    assert_eq!(patch(&world, "shelves/none/inner/new", &[]), StatusCode::NOT_FOUND);
    assert_eq!(patch(&world, &item, &[("if-match", "*")]), StatusCode::NOT_FOUND);
    assert_eq!(patch(&world, &item, &[]), StatusCode::CREATED);
    assert_eq!((&get(&world, &item)["id"], &get(&world, &format!("{item}/best"))["id"]), (&json!("new"), &json!(shelf)));
    assert!(patch(&world, &item, &[]).is_success());
    assert_eq!(ids(&world, &format!("shelves/{shelf}/inner")), ["new"], "the second change is of the same entity");
    let other = upsertable("false");
    assert_eq!(
        patch(&other, &format!("shelves/{}/inner/new", id(&post(&other, "shelves", &json!({})))), &[]),
        StatusCode::NOT_FOUND
    );
}

const PARTS: &str = r#"<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="s">
  <EntityType Name="part"><Key><PropertyRef Name="gid"/></Key><Property Name="gid" Type="Edm.Guid" Nullable="false"/></EntityType>
  <EntityType Name="thing"><Key><PropertyRef Name="no"/></Key><Property Name="no" Type="Edm.Int32" Nullable="false"/>
    <NavigationProperty Name="friend" Type="s.part"/></EntityType>
  <EntityContainer Name="c"><EntitySet Name="parts" EntityType="s.part"/><EntitySet Name="things" EntityType="s.thing"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn an_entity_that_a_link_names_first_has_its_key_in_the_state() {
    let schema = std::sync::Arc::new(Schema::read(PARTS, PARTS, &workloads::rules()).unwrap());
    let world = World::new(Settings { schema: schema.clone(), entities: Vec::new(), ..harness::settings(Behaviors::default()) });
    let gid = "00000000-0000-0000-0000-0000000000aa";
    post(&world, "things", &json!({ "no": 11, "friend@odata.bind": format!("parts/{gid}") }));
    assert_eq!(get(&world, "things(11)/friend")["gid"], gid);
    fixture::read(&schema, &Behaviors::default(), "state.json", state(&world).as_bytes()).unwrap();
}
