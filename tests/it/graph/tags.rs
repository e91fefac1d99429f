//! Tags of entities: no change of one client undoes that of another.

use std::sync::{Arc, Barrier};
use std::thread;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edm::address::EntityAddress;
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::edm::value::Entity;
use wfi_emulator::internals::policy::behavior::{Behaviors, Secret};
use wfi_emulator::internals::text::exchange::{RecordedRequest, RecordedResponse};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::store::StoreFull;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::harness;

const SHIFTS: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule/shifts";

/// Types of Planner and of lists, which the built-in schema does not have.
const CSDL: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="entity" Abstract="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="plannerTask" BaseType="microsoft.graph.entity">
    <Property Name="title" Type="Edm.String"/>
    <NavigationProperty Name="details" Type="microsoft.graph.plannerTaskDetails" ContainsTarget="true"/>
  </EntityType>
  <EntityType Name="plannerTaskDetails" BaseType="microsoft.graph.entity"><Property Name="description" Type="Edm.String"/></EntityType>
  <EntityType Name="outlookItem" BaseType="microsoft.graph.entity" Abstract="true"><Property Name="changeKey" Type="Edm.String"/></EntityType>
  <EntityType Name="note" BaseType="microsoft.graph.outlookItem"><Property Name="subject" Type="Edm.String"/></EntityType>
  <EntityType Name="baseItem" BaseType="microsoft.graph.entity" Abstract="true"><Property Name="eTag" Type="Edm.String"/><Property Name="name" Type="Edm.String"/></EntityType>
  <EntityType Name="listItem" BaseType="microsoft.graph.baseItem"/>
  <EntityType Name="columnDefinition" BaseType="microsoft.graph.entity"><Property Name="name" Type="Edm.String"/></EntityType>
  <EntityType Name="scheduleChangeRequest" BaseType="microsoft.graph.entity" Abstract="true"><Property Name="senderMessage" Type="Edm.String"/></EntityType>
  <EntityType Name="swapShiftsChangeRequest" BaseType="microsoft.graph.scheduleChangeRequest"/>
  <EntityContainer Name="Service">
    <EntitySet Name="tasks" EntityType="microsoft.graph.plannerTask"/>
    <EntitySet Name="items" EntityType="microsoft.graph.outlookItem"/>
    <EntitySet Name="rows" EntityType="microsoft.graph.listItem"/>
    <EntitySet Name="things" EntityType="microsoft.graph.baseItem"/>
    <EntitySet Name="columns" EntityType="microsoft.graph.columnDefinition"/>
    <EntitySet Name="requests" EntityType="microsoft.graph.scheduleChangeRequest"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

/// A world with these entities.
fn world(entities: &Value) -> World {
    world_with(entities, Behaviors::default())
}

fn world_with(entities: &Value, behaviors: Behaviors) -> World {
    let schema = Arc::new(Schema::read(CSDL, CSDL, &wfi_emulator::internals::workloads::rules()).unwrap());
    let entities = fixture::read(&schema, &Behaviors::default(), "fixtures.json", entities.to_string().as_bytes()).unwrap();
    World::new(Settings { schema, entities, explains: true, ..harness::settings(behaviors) })
}

fn send(world: &World, method: Method, target: &str, headers: &[(&str, &str)], body: &Value) -> RecordedResponse {
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut sent = String::new();
    if !body.is_null() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        sent = body.to_string();
    }
    harness::send(world, &RecordedRequest { method, target: target.to_owned(), headers, body: sent.into() })
}

fn body(response: &RecordedResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn tag(world: &World, target: &str) -> String {
    let read = send(world, Method::GET, target, &[], &Value::Null);
    body(&read)["@odata.etag"].as_str().unwrap_or_else(|| panic!("{target}: no tag")).to_owned()
}

/// The status, and the name of the refusal.
fn outcome(response: &RecordedResponse) -> String {
    let explained = response.header("x-wfi-emulator-explain").unwrap_or_default();
    let refusal = explained.strip_prefix("refused by ").map(|rest| rest.split([' ', ':']).next().unwrap_or_default());
    format!("{} {}", response.status.as_u16(), refusal.unwrap_or_default()).trim_end().to_owned()
}

#[test]
fn planner_requires_the_tag() {
    let world = world(&json!({ "tasks": [{ "id": "1", "title": "a", "details": { "id": "1", "description": "b" } }] }));
    let stale = tag(&world, "/v1.0/tasks/1");
    for (target, change) in [("/v1.0/tasks/1", json!({ "title": "c" })), ("/v1.0/tasks/1/details", json!({ "description": "c" }))]
    {
        let current = tag(&world, target);
        let patch = |headers: &[(&str, &str)]| send(&world, Method::PATCH, target, headers, &change);
        for (value, expected) in [
            (None, "412 if-match-required"),
            (Some("nothing"), "400 invalid-if-match"),
            (Some(""), "400 invalid-if-match"),
            (Some("*, W/\"0\""), "400 invalid-if-match"),
            (Some("W/\"0\""), "412 stale-planner-item"),
            (Some("W/\"0\", \"1\""), "412 stale-planner-item"),
        ] {
            let headers: Vec<(&str, &str)> = value.iter().map(|value| ("if-match", *value)).collect();
            assert_eq!(outcome(&patch(&headers)), expected, "{target}: {value:?}");
            assert_eq!(tag(&world, target), current, "nothing changed");
        }
        assert_eq!(outcome(&patch(&[("if-match", &format!("W/\"0\", {current}"))])), "204");
        assert_ne!(tag(&world, target), current);
        let again = patch(&[("if-match", "*"), ("prefer", "return=representation")]);
        assert_eq!((outcome(&again).as_str(), again.header("etag")), ("200", None), "there is a new tag in the body alone");
        assert_eq!(body(&again)["@odata.etag"], *tag(&world, target));
    }
    assert_eq!(outcome(&send(&world, Method::DELETE, "/v1.0/tasks/1", &[], &Value::Null)), "412 if-match-required");
    let delete = |tag: &str| outcome(&send(&world, Method::DELETE, "/v1.0/tasks/1", &[("if-match", tag)], &Value::Null));
    assert_eq!((delete(&stale).as_str(), delete(&tag(&world, "/v1.0/tasks/1")).as_str()), ("412 stale-planner-item", "204"));
    let created = send(&world, Method::POST, "/v1.0/tasks", &[], &json!({ "title": "d" }));
    assert_eq!(outcome(&created), "201", "a POST needs no tag");
    let refused = send(&world, Method::PATCH, "/v1.0/tasks/nowhere", &[("if-match", "*")], &json!({ "title": "c" }));
    assert_eq!(outcome(&refused), "404 unknown-planner-item", "a star does not create");
}

#[test]
fn planner_answers_a_stale_tag_with_either_status() {
    let mut behaviors = Behaviors::default();
    behaviors.set("planner-conflict", "conflict").unwrap();
    let world = world_with(&json!({ "tasks": [{ "id": "1", "title": "a" }] }), behaviors);
    let change =
        |headers: &[(&str, &str)]| outcome(&send(&world, Method::PATCH, "/v1.0/tasks/1", headers, &json!({ "title": "b" })));
    assert_eq!(change(&[("if-match", "W/\"0\"")]), "409 conflicting-planner-item");
    assert_eq!(
        (change(&[]), change(&[("if-match", "nothing")])),
        ("412 if-match-required".into(), "400 invalid-if-match".into())
    );
    let stale = tag(&world, "/v1.0/tasks/1");
    assert_eq!(change(&[("if-match", &stale)]), "204");
    let delete = send(&world, Method::DELETE, "/v1.0/tasks/1", &[("if-match", &stale)], &Value::Null);
    assert_eq!(outcome(&delete), "409 conflicting-planner-item");
}

#[test]
fn details_without_a_value_are_written_with_a_star() {
    let world = world(&json!({ "tasks": [{ "id": "1" }] }));
    let patch = |tag: &str| {
        outcome(&send(&world, Method::PATCH, "/v1.0/tasks/1/details", &[("if-match", tag)], &json!({ "description": "c" })))
    };
    assert_eq!(patch("W/\"0\""), "412 stale-planner-item");
    assert_eq!(patch("*"), "204");
    assert!(tag(&world, "/v1.0/tasks/1/details").starts_with("W/\"JzEtVGFza0RldGFpbHMg"));
}

#[test]
fn tags_have_the_form_of_their_type_and_change_with_the_entity() {
    let world = world(&json!({ "tasks": [] }));
    let note = json!({ "@odata.type": "#microsoft.graph.note", "subject": "a" });
    let swap = json!({ "@odata.type": "#microsoft.graph.swapShiftsChangeRequest", "senderMessage": "a" });
    let mut printed = Vec::new();
    for (set, new, change, has_header) in [
        ("tasks", json!({ "title": "a" }), json!({ "title": "b" }), false),
        ("items", note, json!({ "@odata.type": "#microsoft.graph.note", "subject": "b" }), false),
        ("rows", json!({ "name": "a" }), json!({ "name": "b" }), true),
        ("things", json!({ "@odata.type": "#microsoft.graph.listItem", "name": "a" }), json!({ "name": "b" }), true),
        ("columns", json!({ "name": "a" }), json!({ "name": "b" }), true),
        ("requests", swap, json!({ "senderMessage": "b" }), false),
    ] {
        let created = send(&world, Method::POST, &format!("/v1.0/{set}"), &[], &new);
        let entity = body(&created);
        let first = entity["@odata.etag"].as_str().unwrap_or_else(|| panic!("{set}: {entity}")).to_owned();
        assert_eq!(created.header("etag"), has_header.then_some(&*first), "{set}");
        // The tag follows the context and the type.
        let names: Vec<&str> = std::str::from_utf8(&created.body).unwrap().split("\"@").skip(1).collect();
        assert!(names.last().unwrap().starts_with("odata.etag"), "{set}: {names:?}");
        let target = format!("/v1.0/{set}/{}", entity["id"].as_str().unwrap());
        let patch = |tag: &str, body: &Value| {
            send(&world, Method::PATCH, &target, &[("if-match", tag), ("prefer", "return=representation")], body)
        };
        let same = body(&patch(&first, &json!({})));
        assert_eq!(same["@odata.etag"], *first, "{set}: an empty body changes nothing");
        let changed = patch(&first, &change);
        let second = body(&changed)["@odata.etag"].as_str().unwrap().to_owned();
        assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, has_header.then_some(&*second)), "{set}");
        assert_eq!(patch(&first, &change).status.is_client_error(), first != second, "{set}");
        let known = send(&world, Method::GET, &target, &[("if-none-match", &second)], &Value::Null);
        assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0), "{set}");
        let unknown = send(&world, Method::GET, &target, &[("if-none-match", &first)], &Value::Null);
        assert_eq!(unknown.status, StatusCode::OK, "{set}");
        let listed = send(&world, Method::GET, &format!("/v1.0/{set}"), &[], &Value::Null);
        assert_eq!(body(&listed)["value"][0]["@odata.etag"], *second, "{set}");
        let repeated = ["changeKey", "eTag"].into_iter().find_map(|name| body(&changed).get(name).cloned());
        printed.push(format!("{first} {second} {}", repeated.unwrap_or_default()));
    }
    insta::assert_snapshot!(printed.join("\n"), @r#"
    W/"JzEtVGFzayAgS0dAT0RNSkpFSUxKRU5GRyc=" W/"JzEtVGFzayAgS0VIRE5JSUxCQklHSkRMRSc=" null
    W/"oqKMpH6nQKuC4vefRwjsxwAARwjsxw==" W/"ofEvKZfwS+KmJaa8kKvVcwAAkKvVcw==" "ofEvKZfwS+KmJaa8kKvVcwAAkKvVcw=="
    "b9209f30-1416-4933-b9ec-9b878afb34ef,1" "b9209f30-1416-4933-b9ec-9b878afb34ef,2" "\"b9209f30-1416-4933-b9ec-9b878afb34ef,2\""
    "8fd956bf-8fd4-4bb0-9637-fc92f82dff0a,1" "8fd956bf-8fd4-4bb0-9637-fc92f82dff0a,2" "\"8fd956bf-8fd4-4bb0-9637-fc92f82dff0a,2\""
    "0" "1" null
    "ef3a21cd-0000-e700-0000-b6875de10000" "7580edce-0000-7700-0000-75081dcb0000" null
    "#);
}

#[test]
fn a_tag_in_a_file_stays_and_other_entities_have_one_that_follows_from_the_file() {
    let entities = json!({
        "tasks": [{ "id": "1", "@odata.etag": "W/\"recorded\"", "title": "a" }, { "id": "2", "title": "a" }],
        "items": [
            { "@odata.type": "#microsoft.graph.note", "id": "1", "changeKey": "key" },
            { "@odata.type": "#microsoft.graph.note", "id": "2", "@odata.etag": "W/\"other\"" },
        ],
        "rows": [{ "id": "1", "eTag": "\"3c3dd93f-f05a-4b57-a89b-5c0e3f4cbb02,9\"" }],
    });
    let (one, other) = (world(&entities), world(&entities));
    assert_eq!(tag(&one, "/v1.0/tasks/1"), "W/\"recorded\"");
    assert_eq!(tag(&one, "/v1.0/items/1"), "W/\"key\"");
    assert_eq!(body(&send(&one, Method::GET, "/v1.0/items/2", &[], &Value::Null))["changeKey"], "other");
    assert_eq!(tag(&one, "/v1.0/rows/1"), "\"3c3dd93f-f05a-4b57-a89b-5c0e3f4cbb02,9\"");
    assert_eq!(tag(&one, "/v1.0/tasks/2"), tag(&other, "/v1.0/tasks/2"));
    let changed = world(&json!({ "tasks": [{ "id": "2", "title": "b" }] }));
    assert_ne!(tag(&one, "/v1.0/tasks/2"), tag(&changed, "/v1.0/tasks/2"), "another entity has another tag");
    // The state of a world, with the tags of changes, reads back to the same state.
    let change = send(&one, Method::PATCH, "/v1.0/rows/1", &[], &json!({ "name": "b" }));
    assert_eq!(body(&change)["@odata.etag"], "\"3c3dd93f-f05a-4b57-a89b-5c0e3f4cbb02,10\"");
    send(&one, Method::PATCH, "/v1.0/tasks/2", &[("if-match", "*")], &json!({ "title": "b" }));
    let exported = fixture::write(&one.schema, &one.store, Secret::Echo);
    assert_eq!(fixture::write(&one.schema, &one.store, Secret::Null), exported, "a tag is not a secret");
    let copy = world(&serde_json::from_str(&exported).unwrap());
    for target in ["/v1.0/tasks/1", "/v1.0/tasks/2", "/v1.0/items/1", "/v1.0/items/2", "/v1.0/rows/1"] {
        assert_eq!(tag(&copy, target), tag(&one, target), "{target}");
    }
    assert_eq!(fixture::write(&copy.schema, &copy.store, Secret::Echo), exported);
}

#[test]
fn of_clients_with_one_tag_a_single_one_changes_the_entity() {
    const CLIENTS: usize = 8;
    let shift = format!("{SHIFTS}/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8");
    let world = harness::world(&[("shifts-rules", "lenient")]);
    for round in 0..50 {
        let current = tag(&world, &shift);
        let barrier = Barrier::new(CLIENTS);
        let winners: Vec<usize> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (world, shift, current, barrier) = (&world, &shift, &current, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let change = json!({ "userId": format!("{round} {client}") });
                        let response = send(world, Method::PUT, shift, &[("if-match", current)], &change);
                        assert!([204, 409].contains(&response.status.as_u16()), "{}", response.status);
                        response.status.is_success().then_some(client)
                    })
                })
                .collect();
            clients.into_iter().filter_map(|client| client.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let stored = body(&send(&world, Method::GET, &shift, &[], &Value::Null));
        assert_eq!(stored["userId"], format!("{round} {}", winners[0]));
    }
}

#[test]
fn the_details_of_a_new_task_can_be_changed() {
    let world = world(&json!({ "tasks": [] }));
    let created = body(&send(&world, Method::POST, "/v1.0/tasks", &[], &json!({ "title": "t" })));
    let details = format!("/v1.0/tasks/{}/details", created["id"].as_str().unwrap());
    let found = body(&send(&world, Method::GET, &details, &[], &Value::Null));
    let tag = found["@odata.etag"].as_str().unwrap_or_else(|| panic!("{found}"));
    assert!(found["id"] == created["id"] && found["@odata.etag"] != created["@odata.etag"], "{found}");
    let change =
        |headers: &[(&str, &str)]| send(&world, Method::PATCH, &details, headers, &json!({ "description": "d" })).status.as_u16();
    assert_eq!((change(&[]), change(&[("if-match", tag)]), change(&[("if-match", tag)])), (412, 204, 412));
}

#[test]
fn a_message_is_not_moved_over_a_change_that_its_condition_excludes() {
    let world = harness::world(&[]);
    for round in 0..300 {
        let created = body(&send(&world, Method::POST, "/v1.0/me/messages", &[], &json!({ "subject": "before" })));
        let target = format!("/v1.0/me/messages/{}", created["id"].as_str().unwrap());
        let tag = created["@odata.etag"].as_str().unwrap();
        let barrier = Barrier::new(2);
        let (changed, moved) = thread::scope(|scope| {
            let change = scope.spawn(|| {
                barrier.wait();
                send(&world, Method::PATCH, &target, &[], &json!({ "subject": "after" })).status
            });
            let address = format!("{target}/move");
            barrier.wait();
            let moved = send(&world, Method::POST, &address, &[("if-match", tag)], &json!({ "destinationId": "archive" }));
            (change.join().unwrap(), moved.status)
        });
        // Of a change before the move, the condition knows nothing; after it, the message is elsewhere.
        assert!(changed.is_success() != moved.is_success(), "round {round}: {changed} {moved}");
    }
}

#[test]
fn of_an_action_and_a_change_with_one_tag_a_single_one_takes_place() {
    let world = harness::world(&[]);
    let cards = format!("{}/timeCards", SHIFTS.strip_suffix("/shifts").unwrap());
    let card = json!({ "clockInEvent": { "dateTime": "2026-01-01T08:00:00Z" } });
    for round in 0..300 {
        let created = body(&send(&world, Method::POST, &cards, &[], &card));
        let target = format!("{cards}/{}", created["id"].as_str().unwrap_or_else(|| panic!("{created}")));
        let tag = tag(&world, &target);
        let barrier = Barrier::new(2);
        let (changed, confirmed) = thread::scope(|scope| {
            let change = scope.spawn(|| {
                barrier.wait();
                send(
                    &world,
                    Method::PUT,
                    &target,
                    &[("if-match", &tag)],
                    &json!({ "clockInEvent": { "dateTime": "2026-01-01T09:00:00Z" } }),
                )
                .status
            });
            barrier.wait();
            let confirmed = send(&world, Method::POST, &format!("{target}/confirm"), &[("if-match", &tag)], &json!({})).status;
            (change.join().unwrap(), confirmed)
        });
        assert!(changed.is_success() != confirmed.is_success(), "round {round}: {changed} {confirmed}");
    }
}

#[test]
fn an_action_does_not_take_place_over_a_change_while_it_waited() {
    let world = harness::world(&[("if-match", "refuse")]);
    let first = body(&send(&world, Method::GET, SHIFTS, &[], &Value::Null))["value"][0].clone();
    let target = format!("{SHIFTS}/{}", first["id"].as_str().unwrap());
    let address = EntityAddress::parse(&world.schema, world.schema.widest(), target.strip_prefix("/v1.0/").unwrap()).unwrap();
    let is_staged = || body(&send(&world, Method::GET, &target, &[], &Value::Null))["isStagedForDeletion"] == json!(true);
    let stage = |tag: &str| send(&world, Method::POST, &format!("{target}/stageForDeletion"), &[("if-match", tag)], &json!({}));
    // An older form of the shift, with another tag.
    let older = world.store.entity(&address).unwrap();
    let members = ["userId", "schedulingGroupId", "sharedShift"].map(|name| (name.to_owned(), first[name].clone()));
    let changed = send(&world, Method::PUT, &target, &[], &Value::Object(members.into_iter().collect()));
    assert!(changed.status.is_success(), "{}", outcome(&changed));
    let (tag, current) = (tag(&world, &target), world.store.entity(&address).unwrap());
    let alone = world.unique_values.lock().unwrap();
    let others = Arc::strong_count(&current);
    let answer = thread::scope(|scope| {
        let staged = scope.spawn(|| stage(&tag));
        // The request has read the shift, whose tag is that of its condition, and waits for its turn.
        while Arc::strong_count(&current) == others && !staged.is_finished() {
            thread::yield_now();
        }
        let stored = world.store.to_change(&address.collection, 0).unwrap();
        let change = |entity: &Entity| Ok::<_, StoreFull>(Entity::new(entity.key.clone(), older.properties.clone()));
        assert!(matches!(stored.update(&address.key, change), Some(Ok(_))));
        drop(alone);
        staged.join().unwrap()
    });
    assert_eq!((answer.status, is_staged()), (StatusCode::CONFLICT, false));
    assert!(stage(&self::tag(&world, &target)).status.is_success());
    assert!(is_staged());
    // A schedule has no tag, so no condition on one is fulfilled.
    let period = json!({ "notifyTeam": false, "startDateTime": "2026-01-01T00:00:00Z" });
    let share = format!("{}/share", SHIFTS.strip_suffix("/shifts").unwrap());
    let shared = send(&world, Method::POST, &share, &[("if-match", &tag)], &period);
    assert_eq!(outcome(&shared), "412");
    assert!(send(&world, Method::POST, &share, &[("if-match", "*")], &period).status.is_success());
}

#[test]
fn of_changes_and_deletions_with_one_tag_a_single_one_takes_place() {
    const CLIENTS: usize = 8;
    let world = world(&json!({ "tasks": [] }));
    for round in 0..300 {
        let created = body(&send(&world, Method::POST, "/v1.0/rows", &[], &json!({ "name": "a" })));
        let target = format!("/v1.0/rows/{}", created["id"].as_str().unwrap());
        let tag = created["@odata.etag"].as_str().unwrap();
        let barrier = Barrier::new(CLIENTS);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (world, target, barrier) = (&world, &target, &barrier);
                    scope.spawn(move || {
                        let deletes = client % 2 == 0;
                        let method = if deletes { Method::DELETE } else { Method::PATCH };
                        let change = if deletes { Value::Null } else { json!({ "name": "b" }) };
                        barrier.wait();
                        send(world, method, target, &[("if-match", tag)], &change).status.as_u16()
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let done = statuses.iter().filter(|status| [200, 204].contains(*status)).count();
        let refused = statuses.iter().filter(|status| [404, 412].contains(*status)).count();
        assert_eq!((done, refused), (1, CLIENTS - 1), "round {round}: {statuses:?}");
    }
}

#[test]
fn nothing_is_lost_when_clients_read_modify_and_write_with_the_tag() {
    const CLIENTS: usize = 6;
    const CHANGES: usize = 40;
    let world = world(&json!({ "rows": [{ "id": "1", "name": "0" }], "tasks": [{ "id": "1", "title": "0" }] }));
    for (target, member) in [("/v1.0/rows/1", "name"), ("/v1.0/tasks/1", "title")] {
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut done = 0;
                    while done < CHANGES {
                        let read = body(&send(&world, Method::GET, target, &[], &Value::Null));
                        let count: usize = read[member].as_str().unwrap().parse().unwrap();
                        let tag = read["@odata.etag"].as_str().unwrap();
                        let change = json!({ member: (count + 1).to_string() });
                        let response = send(&world, Method::PATCH, target, &[("if-match", tag)], &change);
                        match response.status.as_u16() {
                            200 | 204 => done += 1,
                            status => assert_eq!(status, 412),
                        }
                    }
                });
            }
        });
        let read = body(&send(&world, Method::GET, target, &[], &Value::Null));
        assert_eq!(read[member], (CLIENTS * CHANGES).to_string(), "{target}");
    }
}
