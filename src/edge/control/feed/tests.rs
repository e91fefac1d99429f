use bytes::Bytes;
use http::{HeaderMap, Method};

use super::*;
use crate::graph::pipeline;
use crate::graph::request::{Body, Via};
use crate::world::journal::Arrival;
use crate::world::settings::Settings;

fn worlds() -> Worlds {
    Worlds::of(Settings { seed: 1, ..crate::workloads::settings() })
}

fn request(target: &str) -> Request {
    let target = target.parse().unwrap();
    Request {
        method: Method::GET,
        target,
        is_secure: false,
        via: Via::Direct,
        arrival: Arrival::default(),
        headers: HeaderMap::new(),
        body: Body::Whole(Bytes::new()),
    }
}

fn ask(worlds: &Worlds, world: &str, target: &str, times: usize) {
    let world = worlds.world(world).unwrap();
    for _ in 0..times {
        pipeline::answer(&world, &request(target));
    }
}

/// Returns the data of the next event, if there is one.
fn look(feed: &mut Feed, worlds: &Worlds) -> Option<Value> {
    feed.look(worlds)
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap()).unwrap())
}

fn numbers(event: &Value) -> Vec<u64> {
    event["entries"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
}

fn open(worlds: &Worlds) -> Feed {
    Feed::open(worlds, &request("/_emulator/journal/stream")).unwrap()
}

#[test]
fn a_reader_gets_what_is_there_and_then_what_comes() {
    let worlds = worlds();
    ask(&worlds, "default", "/v1.0/teams", 2);
    let mut feed = open(&worlds);
    let event = look(&mut feed, &worlds).unwrap();
    assert_eq!(numbers(&event), [1, 2]);
    assert!(event["entries"][0]["micros"].is_null(), "it came by no socket");
    assert!(look(&mut feed, &worlds).is_none());
    ask(&worlds, "default", "/v1.0/none?code=hush", 1);
    ask(&worlds, "other", "/v1.0/teams", 1);
    let mut entries = look(&mut feed, &worlds).unwrap()["entries"].as_array().unwrap().clone();
    entries.sort_by_key(|entry| entry["world"].as_str().unwrap().to_owned());
    let of =
        |index: usize| Value::from(["world", "number", "target", "status"].map(|name| entries[index][name].clone()).to_vec());
    assert_eq!(of(0), json!(["default", 3, "/v1.0/none?code=REDACTED", 400]));
    assert_eq!(of(1), json!(["other", 1, "/v1.0/teams", 200]));
    assert_eq!(entries[0]["refusedBy"], "unknown-segment");
}

#[test]
fn what_comes_too_fast_is_left_out_and_counted() {
    let worlds = worlds();
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    let sent = 1_500;
    ask(&worlds, "default", "/v1.0/none", sent);
    let (mut seen, mut left_out) = (Vec::new(), 0);
    while let Some(event) = look(&mut feed, &worlds) {
        assert!(numbers(&event).len() <= ENTRIES);
        seen.extend(numbers(&event));
        left_out += event["skipped"].as_array().unwrap().iter().map(|skipped| skipped["count"].as_u64().unwrap()).sum::<u64>();
    }
    assert_eq!((seen.len() as u64 + left_out, seen.last()), (sent as u64, Some(&(sent as u64))), "the latest are shown");
    assert!(left_out > 0 && seen.is_sorted());
    // A burst that a reader can follow is whole.
    ask(&worlds, "default", "/v1.0/none", 900);
    let mut count = 0;
    while let Some(event) = look(&mut feed, &worlds) {
        assert_eq!(event["skipped"], json!([]));
        count += numbers(&event).len();
    }
    assert_eq!(count, 900);
}

#[test]
fn cleared_and_reset_worlds_are_said_to_be() {
    let worlds = worlds();
    ask(&worlds, "default", "/v1.0/teams", 3);
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    worlds.default_world().journal.clear();
    ask(&worlds, "default", "/v1.0/teams", 1);
    let event = look(&mut feed, &worlds).unwrap();
    assert_eq!((&event["cleared"], numbers(&event)), (&json!([{ "world": "default", "upTo": 3 }]), vec![4]));
    worlds.reset("default").unwrap();
    ask(&worlds, "default", "/v1.0/teams", 5);
    let event = look(&mut feed, &worlds).unwrap();
    assert_eq!((&event["cleared"], numbers(&event)), (&json!([{ "world": "default", "upTo": null }]), vec![1, 2, 3, 4, 5]));
}

#[test]
fn a_long_target_is_cut_without_its_query() {
    let worlds = worlds();
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    ask(&worlds, "default", &format!("/v1.0/none?{}&$filter=encryption/secret%20eq%20%27hush", "x".repeat(TARGET_LIMIT)), 1);
    ask(&worlds, "default", &format!("/v1.0/{}", "x".repeat(2 * TARGET_LIMIT)), 1);
    let event = feed.look(&worlds).unwrap();
    assert!(!event.contains("hush") && event.len() < 2 * TARGET_LIMIT, "{} bytes", event.len());
    assert_eq!(event.matches("\"isCut\":true").count(), 2);
}

#[test]
fn a_stream_is_of_one_world_if_one_is_named_and_there_are_not_too_many() {
    let worlds = worlds();
    ask(&worlds, "default", "/v1.0/teams", 1);
    ask(&worlds, "a", "/v1.0/teams", 2);
    let mut feed = Feed::open(&worlds, &request("/_emulator/journal/stream?world=a")).unwrap();
    assert_eq!(numbers(&look(&mut feed, &worlds).unwrap()), [1, 2]);
    assert!(Feed::open(&worlds, &request("/_emulator/journal/stream?seconds=x")).is_none());
    let others: Vec<Feed> = (1..STREAMS).map(|_| open(&worlds)).collect();
    assert!(Feed::open(&worlds, &request("/_emulator/journal/stream")).is_none());
    drop((feed, others));
    open(&worlds);
}

#[test]
fn a_silent_stream_gives_a_sign_of_life() {
    let worlds = worlds();
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    assert_eq!(feed.look(&worlds), None);
    feed.last_event = Instant::now().checked_sub(SIGN_OF_LIFE).unwrap();
    assert_eq!(feed.look(&worlds).as_deref(), Some(":\n\n"));
    assert_eq!(feed.look(&worlds), None);
}

#[test]
fn an_event_has_a_bound_as_it_is_sent() {
    let worlds = worlds();
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    // Two bytes each in JSON.
    ask(&worlds, "default", &format!("/v1.0/{}", "\"".repeat(TARGET_LIMIT - 10)), 300);
    let (mut seen, mut largest) = (Vec::new(), 0);
    while let Some(event) = feed.look(&worlds) {
        largest = largest.max(event.len());
        let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event["skipped"], json!([]));
        seen.extend(numbers(&event));
    }
    assert_eq!(seen, (1..=300).collect::<Vec<u64>>());
    assert!((EVENT_BYTES / 2..=EVENT_BYTES).contains(&largest), "{largest} bytes");
}

#[test]
fn notes_about_many_worlds_have_room_too() {
    let worlds = worlds();
    let mut feed = open(&worlds);
    look(&mut feed, &worlds).unwrap();
    let name = |number: usize| format!("{}-{number:03}", "w".repeat(124));
    (0..300).for_each(|number| ask(&worlds, &name(number), "/v1.0/teams", 1));
    let mut count = 0;
    while let Some(event) = feed.look(&worlds) {
        assert!(event.len() <= EVENT_BYTES);
        count += event.matches("\"number\":1,").count();
        (0..300).for_each(|number| worlds.world(&name(number)).unwrap().journal.clear());
        if count >= 300 {
            break;
        }
        ask(&worlds, "default", "/v1.0/teams", 2_000);
    }
    let note = json!({ "world": name(999), "journal": format!("{:x}-{}", u64::MAX, u64::MAX), "number": u64::MAX });
    assert!(one_line(&note).len() <= NOTE_BYTES, "{} bytes", one_line(&note).len());
}

#[test]
fn a_stream_goes_on_where_an_earlier_one_ended() {
    let worlds = worlds();
    ask(&worlds, "default", "/v1.0/teams", 3);
    ask(&worlds, "a", "/v1.0/teams", 2);
    let mut feed = open(&worlds);
    let event = look(&mut feed, &worlds).unwrap();
    let mut positions = event["positions"].as_array().unwrap().clone();
    positions.sort_by_key(|position| position["world"].as_str().unwrap().to_owned());
    assert_eq!(positions.iter().map(|position| position["number"].clone()).collect::<Vec<Value>>(), [2, 3]);
    let text = |position: &Value| {
        format!("{}:{}:{}", position["world"].as_str().unwrap(), position["journal"].as_str().unwrap(), position["number"])
    };
    let after = positions.iter().map(text).collect::<Vec<String>>().join(",");
    let resume = |after: &str| {
        let mut feed = Feed::open(&worlds, &request(&format!("/_emulator/journal/stream?after={after}"))).unwrap();
        look(&mut feed, &worlds).unwrap()
    };
    assert_eq!((numbers(&resume(&after)), &resume(&after)["cleared"]), (vec![], &json!([])));
    ask(&worlds, "default", "/v1.0/teams", 1);
    ask(&worlds, "b", "/v1.0/teams", 1);
    let mut found = numbers(&resume(&after));
    found.sort_unstable();
    assert_eq!(found, [1, 4], "the new request, and a world that was not there");
    // More than a reader can follow is left out and counted, as in a stream without an interruption.
    ask(&worlds, "default", "/v1.0/teams", 1_200);
    let event = resume(&after);
    let left_out = event["skipped"].as_array().unwrap().iter().find(|skipped| skipped["world"] == "default").unwrap();
    assert_eq!(left_out["count"], 1_201 - ENTRIES as u64);
    // Another journal, of a reset world or another process, is read like a new one.
    worlds.reset("a").unwrap();
    ask(&worlds, "a", "/v1.0/none", 1);
    let event = resume(&after);
    assert!(event["cleared"].as_array().unwrap().contains(&json!({ "world": "a", "upTo": null })), "{}", event["cleared"]);
    assert_eq!(resume("a:0-1:9")["cleared"], json!([{ "world": "a", "upTo": null }]));
    for wrong in [
        "a",
        "a:b",
        "a:b:x",
        "a:b:1:2",
        &["a:b:1"; 2].join(",a"),
        &(0..=RESUMED).map(|world| format!("{world}:b:1")).collect::<Vec<String>>().join(","),
    ] {
        let is_open = Feed::open(&worlds, &request(&format!("/_emulator/journal/stream?after={wrong}"))).is_some();
        assert_eq!(is_open, wrong.starts_with("a:b:1,"), "{wrong}");
    }
}
