//! Mailboxes: folders, events and contacts by their ids wherever they are, and deletions that leave nothing.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture;

use super::content::{error, get, post, send, user};
use crate::support::harness;

const RANGE: &str = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-02-01T00:00:00Z";

fn id(entity: &Value) -> String {
    entity["id"].as_str().unwrap_or_else(|| panic!("{entity}")).to_owned()
}

fn series() -> Value {
    json!({
        "subject": "Rye",
        "start": { "dateTime": "2026-01-05T10:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-01-05T11:00:00", "timeZone": "UTC" },
        "recurrence": {
            "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "numbered", "startDate": "2026-01-05", "numberOfOccurrences": 5 },
        },
    })
}

/// Returns the ids of the occurrences of a series.
fn occurrences(world: &World, event: &str) -> Vec<String> {
    get(world, &format!("{event}/instances?{RANGE}"))["value"].as_array().unwrap().iter().map(id).collect()
}

/// Returns the items of a delta query, and its next link.
fn delta(world: &World, target: &str) -> (Vec<Value>, String) {
    let (mut items, mut target) = (Vec::new(), target.to_owned());
    loop {
        let page = get(world, &target);
        items.extend_from_slice(page["value"].as_array().unwrap());
        let link = |name: &str| page[name].as_str().map(|link| link.split_once("/v1.0/").unwrap().1.to_owned());
        match link("@odata.nextLink") {
            Some(next) => target = next,
            None => return (items, link("@odata.deltaLink").unwrap()),
        }
    }
}

/// Returns what a delta query says is gone.
fn removed(world: &World, link: &str) -> Vec<String> {
    let (items, _) = delta(world, link);
    items.iter().filter(|item| item["@removed"]["reason"] == "deleted").map(id).collect()
}

fn delete(world: &World, target: &str) {
    assert_eq!(send(world, Method::DELETE, target, &Value::Null).0, StatusCode::NO_CONTENT, "{target}");
}

/// Checks that nothing with an id is left, under any address.
fn assert_gone(world: &World, ids: &[&str]) {
    let state = fixture::write(&world.schema, &world.store, world.behaviors.secret);
    for id in ids {
        assert!(!state.contains(id), "{id} is in the state");
    }
}

#[test]
fn items_of_a_mailbox_are_found_by_their_ids_wherever_they_are() {
    let world = harness::world(&[]);
    let folder = id(&post(&world, "me/mailFolders", &json!({ "displayName": "Ovens" })));
    let inner = id(&post(&world, &format!("me/mailFolders/{folder}/childFolders"), &json!({ "displayName": "Decks" })));
    let innermost = id(&post(&world, &format!("me/mailFolders/{inner}/childFolders"), &json!({ "displayName": "Stones" })));
    let message = id(&post(&world, &format!("me/mailFolders/{innermost}/messages"), &json!({ "subject": "Rye" })));
    assert_eq!(get(&world, &format!("me/messages/{message}"))["subject"], "Rye");
    let contacts = id(&post(&world, "me/contactFolders", &json!({ "displayName": "Millers" })));
    let inner_contacts =
        id(&post(&world, &format!("me/contactFolders/{contacts}/childFolders"), &json!({ "displayName": "North" })));
    let contact = id(&post(&world, &format!("me/contactFolders/{inner_contacts}/contacts"), &json!({ "givenName": "Ada" })));
    let calendar = id(&post(&world, "me/calendars", &json!({ "name": "Fairs" })));
    let event = id(&post(&world, &format!("me/calendars/{calendar}/events"), &series()));
    let occurrence = occurrences(&world, &format!("me/events/{event}")).remove(1);
    let group = id(&post(&world, "me/calendarGroups", &json!({ "name": "Trade" })));
    let grouped = id(&post(&world, &format!("me/calendarGroups/{group}/calendars"), &json!({ "name": "Markets" })));
    for (target, change) in [
        (format!("me/mailFolders/{inner}"), json!({ "displayName": "New" })),
        (format!("me/mailFolders/{innermost}"), json!({ "displayName": "New" })),
        (format!("me/contactFolders/{inner_contacts}"), json!({ "displayName": "New" })),
        (format!("me/contacts/{contact}"), json!({ "givenName": "New" })),
        (format!("me/events/{event}"), json!({ "subject": "New" })),
        (format!("me/events/{occurrence}"), json!({ "subject": "New" })),
        (format!("me/calendars/{grouped}"), json!({ "name": "New" })),
    ] {
        let (status, changed) = send(&world, Method::PATCH, &target, &change);
        assert_eq!(status, StatusCode::OK, "{target}: {changed}");
        let (name, value) = change.as_object().unwrap().iter().next().unwrap();
        assert_eq!(get(&world, &target)[name], *value, "{target}");
        // They are not in the list, and not in another mailbox.
        let (list, own) = target.rsplit_once('/').unwrap();
        let listed = get(&world, &format!("{list}?$top=100"));
        assert!(listed["value"].as_array().unwrap().iter().all(|item| item["id"] != *own), "{target}");
        let elsewhere = target.replace("me/", "users/366c0b19-49b1-41b5-a03f-9f3887bd0ed8/");
        assert_eq!(send(&world, Method::GET, &elsewhere, &Value::Null).0, StatusCode::NOT_FOUND, "{elsewhere}");
    }
    for target in [format!("me/mailFolders/{inner}"), format!("me/contacts/{contact}"), format!("me/events/{event}")] {
        delete(&world, &target);
        assert_eq!(send(&world, Method::GET, &target, &Value::Null).0, StatusCode::NOT_FOUND, "{target}");
    }
    assert_gone(&world, &[&inner, &innermost, &message, &contact, &event, &occurrence]);
}

#[test]
fn what_is_deleted_in_a_mailbox_takes_what_it_holds() {
    let world = harness::world(&[]);
    // A series, with an exception and a cancelled occurrence.
    let event = id(&post(&world, "me/events", &series()));
    let own = occurrences(&world, &format!("me/events/{event}"));
    let exception = send(&world, Method::PATCH, &format!("me/events/{}", own[1]), &json!({ "subject": "Other" }));
    assert_eq!(exception.0, StatusCode::OK);
    let attachment = json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": "a", "contentBytes": "YQ==" });
    let attached = id(&post(&world, &format!("me/events/{}/attachments", own[1]), &attachment));
    let (_, view) = delta(&world, &format!("me/calendarView/delta?{RANGE}"));
    let (_, events) = delta(&world, "me/events/delta");
    delete(&world, &format!("me/events/{}", own[2]));
    let kept: Vec<_> = [0, 1, 3, 4].map(|number| own[number].clone()).into();
    assert_eq!(occurrences(&world, &format!("me/events/{event}")), kept);
    let (items, view) = delta(&world, &view);
    assert!(items.iter().any(|item| item["id"] == event), "the series has changed");
    assert!(items.iter().all(|item| item["id"] != own[2]), "{items:?}");
    delete(&world, &format!("me/events/{event}"));
    assert_eq!((removed(&world, &view), removed(&world, &events)), (vec![event.clone()], vec![event.clone()]));
    for key in &own {
        assert_eq!(send(&world, Method::GET, &format!("me/events/{key}"), &Value::Null).0, StatusCode::NOT_FOUND);
    }
    assert_gone(&world, &[&event, &own[1], &attached]);
    // A calendar, a folder of mail, a folder of contacts.
    let calendar = id(&post(&world, "me/calendars", &json!({ "name": "Fairs" })));
    let event = id(&post(&world, &format!("me/calendars/{calendar}/events"), &series()));
    let occurrence = occurrences(&world, &format!("me/events/{event}")).remove(0);
    let folder = id(&post(&world, "me/mailFolders", &json!({ "displayName": "Ovens" })));
    let inner = id(&post(&world, &format!("me/mailFolders/{folder}/childFolders"), &json!({ "displayName": "Decks" })));
    let message = id(&post(&world, &format!("me/mailFolders/{inner}/messages"), &json!({ "subject": "Rye" })));
    let attached = id(&post(&world, &format!("me/messages/{message}/attachments"), &attachment));
    let contacts = id(&post(&world, "me/contactFolders", &json!({ "displayName": "Millers" })));
    let contact = id(&post(&world, &format!("me/contactFolders/{contacts}/contacts"), &json!({ "givenName": "Ada" })));
    let (_, folders) = delta(&world, "me/mailFolders/delta");
    delete(&world, &format!("me/calendars/{calendar}"));
    delete(&world, &format!("me/mailFolders/{folder}"));
    delete(&world, &format!("me/contactFolders/{contacts}"));
    assert_eq!(removed(&world, &folders), vec![folder.clone()]);
    for target in [
        format!("me/events/{event}"),
        format!("me/events/{occurrence}"),
        format!("me/calendars/{calendar}/events"),
        format!("me/mailFolders/{inner}"),
        format!("me/messages/{message}"),
        format!("me/messages/{message}/attachments"),
        format!("me/contacts/{contact}"),
    ] {
        assert_eq!(send(&world, Method::GET, &target, &Value::Null).0, StatusCode::NOT_FOUND, "{target}");
    }
    assert_gone(&world, &[&calendar, &event, &folder, &inner, &message, &attached, &contacts, &contact]);
}

#[test]
fn a_deleted_user_takes_the_mailbox_and_brings_it_back() {
    let world = harness::world(&[]);
    let person = id(&post(&world, "users", &user("miller")));
    let mailbox = format!("users/{person}");
    let event = id(&post(&world, &format!("{mailbox}/events"), &series()));
    let message = id(&post(&world, &format!("{mailbox}/messages"), &json!({ "subject": "Rye" })));
    let contact = id(&post(&world, &format!("{mailbox}/contacts"), &json!({ "givenName": "Ada" })));
    let (_, events) = delta(&world, &format!("{mailbox}/events/delta"));
    let targets =
        [format!("{mailbox}/events/{event}"), format!("{mailbox}/messages/{message}"), format!("{mailbox}/contacts/{contact}")];
    let statuses = |expected: StatusCode| {
        for target in targets.iter().chain([&format!("{mailbox}/calendarView?{RANGE}"), &events]) {
            assert_eq!(send(&world, Method::GET, target, &Value::Null).0, expected, "{target}");
        }
    };
    statuses(StatusCode::OK);
    delete(&world, &mailbox);
    statuses(StatusCode::NOT_FOUND);
    assert_eq!(send(&world, Method::POST, &format!("directory/deletedItems/{person}/restore"), &json!({})).0, StatusCode::OK);
    statuses(StatusCode::OK);
    delete(&world, &mailbox);
    delete(&world, &format!("directory/deletedItems/{person}"));
    statuses(StatusCode::NOT_FOUND);
    assert_gone(&world, &[&person, &event, &message, &contact]);
}

#[test]
fn the_default_calendar_and_folders_are_not_deleted() {
    let world = harness::world(&[]);
    let calendar = id(&get(&world, "me/calendar"));
    let inbox = id(&get(&world, "me/mailFolders/inbox"));
    for target in [
        "me/calendar".to_owned(),
        format!("me/calendars/{calendar}"),
        "me/mailFolders/inbox".to_owned(),
        format!("me/mailFolders/{inbox}"),
        "me/mailFolders/deleteditems".to_owned(),
    ] {
        let (status, answer) = send(&world, Method::DELETE, &target, &Value::Null);
        assert_eq!((status, error(&answer).0), (StatusCode::FORBIDDEN, "ErrorCannotDeleteObject"), "{target}");
    }
    // A folder of the name within another one is not that folder.
    let folder = id(&post(&world, "me/mailFolders/inbox/childFolders", &json!({ "displayName": "Inbox" })));
    delete(&world, &format!("me/mailFolders/{folder}"));
}

#[test]
fn a_behavior_says_what_becomes_of_exceptions_when_the_pattern_changes() {
    for (behavior, is_kept) in [("keep", true), ("reset", false)] {
        let world = harness::world(&[("series-exceptions", behavior)]);
        let event = id(&post(&world, "me/events", &series()));
        let target = format!("me/events/{event}");
        let own = occurrences(&world, &target);
        assert_eq!(send(&world, Method::PATCH, &format!("me/events/{}", own[1]), &json!({ "subject": "Other" })).0, 200);
        delete(&world, &format!("me/events/{}", own[2]));
        let subjects = || -> Vec<Value> {
            let found = get(&world, &format!("{target}/instances?{RANGE}"));
            found["value"].as_array().unwrap().iter().map(|item| item["subject"].clone()).collect()
        };
        // Another subject, and a longer range, leave the pattern as it is.
        let longer = json!({ "type": "numbered", "startDate": "2026-01-05", "numberOfOccurrences": 6 });
        let recurrence = json!({ "pattern": series()["recurrence"]["pattern"], "range": longer });
        let change = json!({ "subject": "Spelt", "recurrence": recurrence });
        assert_eq!(send(&world, Method::PATCH, &target, &change).0, StatusCode::OK);
        assert_eq!(subjects(), ["Spelt", "Other", "Spelt", "Spelt", "Spelt"], "{behavior}");
        let other = json!({ "recurrence": { "pattern": { "type": "daily", "interval": 2 }, "range": longer } });
        assert_eq!(send(&world, Method::PATCH, &target, &other).0, StatusCode::OK);
        let expected = if is_kept { vec!["Spelt", "Other", "Spelt", "Spelt", "Spelt", "Spelt"] } else { vec!["Spelt"; 6] };
        assert_eq!(subjects(), expected, "{behavior}");
        let (status, _) = send(&world, Method::GET, &format!("me/events/{}", own[1]), &Value::Null);
        assert_eq!(status, if is_kept { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{behavior}");
        let cancelled = get(&world, &format!("{target}?$select=cancelledOccurrences"));
        assert_eq!(cancelled["cancelledOccurrences"].as_array().unwrap().len(), usize::from(is_kept), "{behavior}");
    }
}
