//! The limit of all stores: a write beyond it is refused with nothing stored, wherever it comes from, and deletions make room again.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Method, Request};
use serde_json::{Value, json};
use wfi_emulator::emulator::{Builder, Emulator};

use crate::program::process::{Folder, Program, command, resident_mib};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const STATE: &str = "/_emulator/worlds/default/state";

/// Sends JSON, and returns the status and the answer.
fn send(emulator: &Emulator, method: Method, target: &str, body: impl Into<Bytes>) -> (u16, Value) {
    send_with(emulator, method, target, &[], body)
}

fn send_with(
    emulator: &Emulator,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (u16, Value) {
    let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = emulator.send(request.body(body.into()).unwrap());
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn named(length: usize) -> String {
    json!({ "displayName": "x".repeat(length) }).to_string()
}

const MIB: usize = 1024 * 1024;

fn limited(bytes: usize) -> Builder {
    Emulator::builder().seed(1).fixtures_json(r#"{"workforceIntegrations":[{"id":"a"}]}"#).unwrap().store_bytes(bytes)
}

#[test]
fn writes_beyond_the_limit_are_refused_in_all_worlds_and_deletions_make_room() {
    let emulator = limited(8 * MIB).build();
    let mut ids = Vec::new();
    let refused = loop {
        assert!(ids.len() < 20, "no limit");
        let world = format!("/_world/w{}{COLLECTION}", ids.len() % 3);
        match send(&emulator, Method::POST, &world, named(MIB / 2)) {
            (201, entity) => ids.push((world, entity["id"].as_str().unwrap().to_owned())),
            refused => break refused,
        }
    };
    // The texts, and as much again for their cached form.
    assert!((6..=8).contains(&ids.len()), "{}", ids.len());
    assert_eq!((refused.0, &refused.1["error"]["code"]), (413, &json!("RequestEntityTooLarge")));
    let held = |world: &str| send(&emulator, Method::GET, &format!("{world}/$count"), "").1;
    let counts: Vec<Value> = ["w0", "w1", "w2"].iter().map(|name| held(&format!("/_world/{name}{COLLECTION}"))).collect();
    assert_eq!(counts.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 3 + ids.len() as u64, "nothing is stored");
    let (_, journal) = send(&emulator, Method::GET, "/_emulator/worlds/w0/journal?limit=20", "");
    let (_, others) = send(&emulator, Method::GET, "/_emulator/worlds/w1/journal?limit=20", "");
    let (_, third) = send(&emulator, Method::GET, "/_emulator/worlds/w2/journal?limit=20", "");
    let journals = format!("{journal}{others}{third}");
    assert!(journals.contains("store limit reached (8388608 bytes in all worlds)") && journals.contains("--store-bytes"));
    // PATCH, PUT within a batch, an import, and a fork.
    let (world, id) = &ids[0];
    assert_eq!(send(&emulator, Method::PATCH, &format!("{world}/{id}"), named(MIB)).0, 413);
    let batch = json!({ "requests": [
        { "id": "1", "method": "POST", "url": "/teamwork/workforceIntegrations", "headers": { "content-type": "application/json" },
          "body": { "displayName": "x".repeat(MIB) } },
        { "id": "2", "method": "GET", "url": "/teamwork/workforceIntegrations/a" },
    ] });
    let (status, answers) = send(&emulator, Method::POST, "/_world/w0/v1.0/$batch", batch.to_string());
    let statuses: Vec<&Value> = answers["responses"].as_array().unwrap().iter().map(|answer| &answer["status"]).collect();
    assert_eq!((status, statuses), (200, vec![&json!(413), &json!(200)]));
    let state = json!({ "workforceIntegrations": [{ "id": "b", "displayName": "x".repeat(3 * MIB) }] }).to_string();
    let (status, error) = send(&emulator, Method::PUT, STATE, state);
    assert_eq!((status, &error["error"]["code"]), (409, &json!("store-full")), "{error}");
    assert_eq!(send(&emulator, Method::GET, &format!("{COLLECTION}/a"), "").0, 200, "the import has changed nothing");
    // Any write that gives back room is accepted.
    assert_eq!(send(&emulator, Method::PATCH, &format!("{world}/{id}"), named(10)).0, 200);
    assert_eq!(send(&emulator, Method::POST, world, named(MIB / 2)).0, 201);
    for (world, id) in &ids {
        assert_eq!(send(&emulator, Method::DELETE, &format!("{world}/{id}"), "").0, 204);
    }
    for number in 0..50 {
        let (status, entity) = send(&emulator, Method::POST, COLLECTION, named(MIB));
        assert_eq!(status, 201, "round {number}");
        let id = entity["id"].as_str().unwrap();
        assert_eq!(send(&emulator, Method::DELETE, &format!("{COLLECTION}/{id}"), "").0, 204);
    }
}

#[test]
fn reading_takes_no_room_and_no_collection_exceeds_the_limit() {
    let items: Vec<Value> = (0..500).map(|number| json!({ "id": number.to_string() })).collect();
    let teams = json!({ "teams": items }).to_string();
    let build = |limit: usize| Emulator::builder().seed(1).store_bytes(limit).fixtures_json(&teams).unwrap().build();
    let held = build(usize::MAX).world().settings.stores.used();
    let emulator = build(held + 4096);
    let stores = emulator.world().settings.stores.clone();
    let shift = |number: usize| format!("/v1.0/teams/{number}/schedule/shifts");
    for (method, target) in [
        (Method::GET, STATE.to_owned()),
        (Method::GET, "/_emulator/worlds".to_owned()),
        (Method::GET, shift(7)),
        (Method::DELETE, format!("{}/x", shift(7))),
        (Method::PATCH, format!("{}/x", shift(8))),
        (Method::GET, "/v1.0/teams/9/schedule".to_owned()),
        (Method::DELETE, "/v1.0/teams/9/schedule".to_owned()),
    ] {
        let _ = send(&emulator, method.clone(), &target, "");
        assert_eq!(stores.used(), held, "{method} {target}");
    }
    let schedule = json!({ "enabled": true, "timeZone": "America/Chicago" }).to_string();
    let schedule_of = |number: usize| send(&emulator, Method::PUT, &format!("/v1.0/teams/{number}/schedule"), schedule.clone()).0;
    let created = (0..500).filter(|number| schedule_of(*number) < 300).count();
    assert!((1..=3).contains(&created) && stores.used() <= stores.limit(), "{created}: {} of {}", stores.used(), stores.limit());
    let first = (0..500).find(|number| send(&emulator, Method::GET, &format!("/v1.0/teams/{number}/schedule"), "").0 == 200);
    assert_eq!(first, Some(0));
    // A reset makes room for others.
    assert_eq!(send(&emulator, Method::POST, "/_emulator/worlds/default/reset", "").0, 200);
    assert_eq!((stores.used(), schedule_of(400)), (held, 200));
}

#[test]
fn a_dropped_or_reset_world_makes_room() {
    let emulator = limited(8 * MIB).build();
    let fill = |world: &str| {
        let mut count = 0;
        while count < 20 && send(&emulator, Method::POST, &format!("{world}{COLLECTION}"), named(MIB / 2)).0 == 201 {
            count += 1;
        }
        count
    };
    let first = fill("/_world/a");
    assert!((6..=8).contains(&first) && fill("/_world/b") == 0);
    assert_eq!(send(&emulator, Method::DELETE, "/_emulator/worlds/a", "").0, 204);
    assert_eq!(fill("/_world/b"), first);
    assert_eq!(send(&emulator, Method::POST, "/_emulator/worlds/b/reset", "").0, 200);
    assert_eq!(fill("/_world/b"), first);
    assert_eq!(send(&emulator, Method::PUT, "/_emulator/worlds/b/state", r#"{"workforceIntegrations":[]}"#).0, 200);
    assert_eq!(fill("/_world/c"), first);
}

#[test]
fn a_text_longer_than_any_real_one_is_refused_unless_allowed() {
    let emulator = Emulator::builder().seed(1).build();
    let (status, error) = send(&emulator, Method::POST, COLLECTION, named(MIB + 1));
    let message = "The field displayName must be a string or array type with a maximum length of '1048576'.";
    assert_eq!((status, &error["error"]["message"]), (400, &json!(message)));
    assert_eq!(send(&emulator, Method::POST, COLLECTION, named(MIB)).0, 201);
    let any = Emulator::builder().behavior("text-length", "any").unwrap().build();
    assert_eq!(send(&any, Method::POST, COLLECTION, named(3 * MIB)).0, 201);
}

#[test]
fn an_export_of_any_size_can_be_imported_also_packed() {
    let emulator = Emulator::builder().seed(1).build();
    for _ in 0..6 {
        assert_eq!(send(&emulator, Method::POST, COLLECTION, named(MIB)).0, 201);
    }
    let export = |emulator: &Emulator| {
        let request = Request::get(format!("{STATE}?secrets=true")).body(Bytes::new()).unwrap();
        emulator.send(request).body().clone()
    };
    let state = export(&emulator);
    assert!(state.len() > 6 * MIB);
    let other = Emulator::builder().seed(2).build();
    assert_eq!(send(&other, Method::PUT, STATE, state.clone()).0, 200);
    assert_eq!(export(&other), state);
    let third = Emulator::builder().seed(3).build();
    let gzip = [("content-encoding", "gzip")];
    assert_eq!(send_with(&third, Method::PUT, STATE, &gzip, packed(&state)).0, 200);
    assert_eq!(export(&third), state);
    // The same state again takes no more room than it has, since the old one goes.
    assert_eq!(send_with(&third, Method::PUT, STATE, &gzip, packed(&state)).0, 200);
    let refused = |headers: &[(&str, &str)], body: Vec<u8>| {
        let (status, error) = send_with(&third, Method::PUT, STATE, headers, body);
        format!("{status} {}", error["error"]["message"].as_str().unwrap())
    };
    assert_eq!(refused(&[("content-encoding", "br")], packed(&state)), "400 unsupported Content-Encoding, expected gzip or none");
    assert!(refused(&gzip, state.to_vec()).starts_with("400 invalid body: the gzip-encoded body cannot be unpacked"));
    let small = limited(2 * MIB).build();
    let (status, error) = send(&small, Method::PUT, STATE, state.clone());
    assert_eq!((status, &error["error"]["message"]), (413, &json!("body exceeds 2097152 bytes, or the memory for bodies")));
    // Nor is a packed one unpacked beyond what there is room for.
    let (status, error) = send_with(&small, Method::PUT, STATE, &gzip, packed(&state));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("store-full")), "{error}");
    // A short text of many entities is not read to its end.
    let items: Vec<String> = (0..60_000).map(|number| format!(r#"{{"id":"{number}"}}"#)).collect();
    let (status, error) = send(&small, Method::PUT, STATE, format!(r#"{{"workforceIntegrations":[{}]}}"#, items.join(",")));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("store-full")), "{error}");
    assert_eq!(send(&small, Method::GET, &format!("{COLLECTION}/$count"), "").1, json!(1));
    // Other operations keep their limit.
    assert_eq!(send(&third, Method::PUT, "/_emulator/worlds/default/clock", vec![b' '; 5 * MIB]).0, 413);
}

#[test]
fn other_changes_of_a_world_do_not_wait_until_an_import_is_read() {
    let emulator = Emulator::builder().seed(1).build();
    let items: Vec<String> = (0..60_000).map(|number| format!(r#"{{"id":"{number}","displayName":"x"}}"#)).collect();
    let state = format!(r#"{{"workforceIntegrations":[{}]}}"#, items.join(","));
    let is_over = AtomicBool::new(false);
    let (whole, longest) = std::thread::scope(|scope| {
        let importing = scope.spawn(|| {
            let started = Instant::now();
            let (status, _) = send(&emulator, Method::PUT, STATE, state);
            is_over.store(true, Ordering::Release);
            assert_eq!(status, 200);
            started.elapsed()
        });
        let mut longest = Duration::ZERO;
        while !is_over.load(Ordering::Acquire) {
            let started = Instant::now();
            let changed = send(&emulator, Method::PUT, "/_emulator/worlds/default/clock", r#"{"advance":1}"#);
            assert_eq!(changed.0, 200);
            longest = longest.max(started.elapsed());
        }
        (importing.join().unwrap(), longest)
    });
    let count = send(&emulator, Method::GET, &format!("{COLLECTION}/$count"), "").1;
    assert_eq!(count, json!(60_000), "a change of the clock takes over the entities");
    assert!(longest < whole / 2, "{longest:?} of {whole:?}");
}

#[test]
fn forks_of_ten_thousand_entities_cost_next_to_nothing() {
    let items: Vec<String> = (0..10_000).map(|number| format!(r#"{{"id":"{number}","displayName":"x"}}"#)).collect();
    let fixture = format!(r#"{{"workforceIntegrations":[{}]}}"#, items.join(","));
    let emulator = Emulator::builder().seed(1).fixtures_json(&fixture).unwrap().build();
    let budget = emulator.world().settings.stores.clone();
    let fork = |name: &str| {
        let started = std::time::Instant::now();
        emulator.worlds().fork("default", name).unwrap();
        started.elapsed()
    };
    let first = fork("first");
    let (held, started) = (budget.used(), std::time::Instant::now());
    for number in 0..100 {
        fork(&number.to_string());
    }
    let hundred = started.elapsed();
    println!("first fork {first:?}, 100 more {hundred:?}, {} bytes more", budget.used() - held);
    assert_eq!(budget.used(), held);
    // As copies they would take a hundred times as long as the first. A busy machine may stop either for a while.
    assert!(hundred < first * 30 + std::time::Duration::from_millis(500), "{hundred:?} after {first:?}");
    assert_eq!(emulator.worlds().known("99").unwrap().store.entities().len(), 10_000);
}

/// Returns a fixture of ordinary entities, each with a secret of its own.
fn ordinary(count: usize) -> String {
    entities(count, |number| format!("{number:08x}89abcdef0123456789abcdef0123456789abcdef"))
}

/// Returns a fixture of entities with the given secrets.
fn entities(count: usize, secret: impl Fn(usize) -> String) -> String {
    let item = |number: usize| {
        json!({
            "id": format!("WFI_{number:08}-379e-4a0a-9d17-afe306a1e10d"),
            "displayName": format!("Workforce {number}"),
            "url": format!("https://connector.example.com/{number}/shifts/"),
            "apiVersion": 1,
            "isActive": true,
            "supportedEntities": "shift,swapRequest",
            "encryption": { "protocol": "sharedSecret", "secret": secret(number) },
        })
    };
    json!({ "workforceIntegrations": (0..count).map(item).collect::<Vec<Value>>() }).to_string()
}

#[test]
fn the_export_of_a_world_within_half_of_the_limit_can_be_imported_into_it() {
    let texts = (0..8).map(|number| json!({ "id": number.to_string(), "displayName": "x".repeat(MIB / 2) }));
    let long = json!({ "workforceIntegrations": texts.collect::<Vec<Value>>() }).to_string();
    for fixture in [ordinary(2_000), long] {
        let build = |limit: usize| Emulator::builder().seed(1).store_bytes(limit).fixtures_json(&fixture).unwrap().build();
        let held = build(usize::MAX).world().settings.stores.used();
        let emulator = build(2 * held);
        let request = Request::get(format!("{STATE}?secrets=true")).body(Bytes::new()).unwrap();
        let state = emulator.send(request).body().clone();
        // A reset restores the entities of the fixture, so these stay, too.
        for _ in 0..3 {
            let (status, error) = send(&emulator, Method::PUT, STATE, state.clone());
            assert_eq!(status, 200, "plain: {error}");
            let (status, error) = send_with(&emulator, Method::PUT, STATE, &[("content-encoding", "gzip")], packed(&state));
            assert_eq!(status, 200, "packed: {error}");
        }
        assert_eq!(send(&emulator, Method::POST, "/_emulator/worlds/default/reset", "").0, 200);
        assert_eq!(emulator.world().settings.stores.used(), held);
    }
}

/// The entities of which the memory is measured.
#[cfg(target_os = "linux")]
const MEASURED: u32 = 50_000;

#[cfg(target_os = "linux")]
#[test]
fn ordinary_entities_count_about_what_they_take() {
    let share = counted_by_taken(&ordinary(MEASURED as usize), "store-bytes");
    assert!((0.75..1.3).contains(&share), "counted {share} of what they take");
}

/// An update may give each entity a value of its own at any time, so equal values count as often as they occur, and are held once.
#[cfg(target_os = "linux")]
#[test]
fn entities_with_equal_values_take_less_than_they_count() {
    let secret = "0123456789abcdef".repeat(7);
    let share = counted_by_taken(&entities(MEASURED as usize, |_| secret.clone()), "store-equal-bytes");
    assert!((1.0..1.6).contains(&share), "counted {share} of what they take");
}

/// Returns the bytes that the entities of a fixture count in relation to those that they take in a program.
#[cfg(target_os = "linux")]
fn counted_by_taken(fixture: &str, name: &str) -> f64 {
    let emulator = Emulator::builder().seed(1).fixtures_json(fixture).unwrap().build();
    let counted = emulator.world().settings.stores.used() / MEASURED as usize;
    let folder = Folder::new(name);
    let file = folder.file("workforceIntegrations.json", fixture);
    let taken = (resident_once_shown(&["--fixtures", &file]) - resident_once_shown(&[])) * 1024.0 * 1024.0 / f64::from(MEASURED);
    println!("counted {counted}, resident {taken:.0}");
    f64::from(u32::try_from(counted).unwrap()) / taken
}

/// Returns the MiB that a program takes once all its entities were shown: their texts count from the start.
#[cfg(target_os = "linux")]
fn resident_once_shown(arguments: &[&str]) -> f64 {
    let program = Program::start(command(&[&["--port", "0", "--journal", "0", "--page-size", "500"], arguments].concat(), &[]));
    let address = program.stdout.recv_timeout(Duration::from_secs(60)).unwrap();
    for skip in (0..MEASURED).step_by(500) {
        let mut stream = TcpStream::connect(address.trim().strip_prefix("http://").unwrap()).unwrap();
        let target = format!("{COLLECTION}?$top=500&$skip={skip}");
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    }
    // The memory of the reader is given back within some seconds.
    let mut resident = (f64::MAX, Instant::now());
    while resident.1.elapsed() < Duration::from_secs(4) {
        let now = resident_mib(program.child.id()).unwrap();
        if now < resident.0 - 0.1 {
            resident = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    resident.0
}

#[test]
fn an_entity_grows_as_long_as_an_import_may_have_it() {
    let emulator = Emulator::builder().seed(1).build();
    let text = "x".repeat(1_000_000);
    let mut statuses = Vec::new();
    for number in 0..7 {
        let member = |index: usize| (format!("contoso_{number}_{index}"), json!(text));
        let body: serde_json::Map<String, Value> = (0..3).map(member).collect();
        statuses.push(send(&emulator, Method::PATCH, "/v1.0/me", Value::Object(body).to_string()).0);
    }
    assert_eq!(statuses, [204, 204, 204, 204, 204, 413, 413]);
    let (status, state) = send(&emulator, Method::GET, &format!("{STATE}?secrets=true"), "");
    assert_eq!(status, 200);
    assert_eq!(send(&emulator, Method::PUT, STATE, state.to_string()).0, 200);
}

#[cfg(target_os = "linux")]
struct Measured {
    program: Program,
    address: String,
}

#[cfg(target_os = "linux")]
impl Measured {
    fn start(arguments: &[&str]) -> Measured {
        let program = Program::start(command(&[&["--port", "0", "--journal", "0"], arguments].concat(), &[]));
        let line = program.stdout.recv_timeout(Duration::from_secs(60)).unwrap();
        Measured { address: line.trim().strip_prefix("http://").unwrap().to_owned(), program }
    }

    fn exchange(&self, head: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head =
            format!("{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// Returns the most memory that was resident so far, in MiB.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }

    fn store_content(&self, count: usize) {
        let content: Vec<u8> = (0..MIB).map(|index| u8::try_from(index % 251).unwrap()).collect();
        for number in 0..count {
            let head = format!("PUT /v1.0/me/drive/root:/{number}.bin:/content");
            let answer = self.exchange(&head, "Content-Type: application/octet-stream\r\n", &content);
            assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_takes_its_length_once() {
    const COUNT: usize = 70;
    let json = "Content-Type: application/json\r\n";
    let program = Measured::start(&[]);
    for _ in 0..COUNT {
        assert!(program.exchange(&format!("POST {COLLECTION}"), json, named(MIB).as_bytes()).starts_with(b"HTTP/1.1 201"));
    }
    let before = program.peak();
    let export = program.exchange(&format!("GET {STATE}?secrets=true"), "", b"");
    assert!(export.starts_with(b"HTTP/1.1 200") && export.len() > COUNT * MIB);
    let taken = program.peak().saturating_sub(before);
    assert!(taken < COUNT * 5 / 4, "{taken} MiB for {COUNT} MiB");
    // Content takes four thirds of its length as text.
    let program = Measured::start(&[]);
    program.store_content(COUNT);
    let before = program.peak();
    let export = program.exchange(&format!("GET {STATE}"), "", b"");
    assert!(export.starts_with(b"HTTP/1.1 200") && export.len() > COUNT * MIB / 3 * 4);
    let taken = program.peak().saturating_sub(before);
    assert!(taken < COUNT * 4 / 3 * 5 / 4, "{taken} MiB for {COUNT} MiB of content");
}

#[cfg(target_os = "linux")]
#[test]
fn a_state_is_saved_without_being_in_memory() {
    const COUNT: usize = 24;
    let folder = Folder::new("saved-in-pieces");
    let state = folder.0.join("state.json").display().to_string();
    let program = Measured::start(&["--state", &state, "--state-every", "1"]);
    program.store_content(COUNT);
    let before = program.peak();
    let is_saved = |line: String| line.contains("state saved: ");
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(&state).map_or(0, |file| file.len()) < (COUNT * MIB / 3 * 4) as u64 {
        assert!(Instant::now() < deadline, "not saved");
        let _ = program.program.stderr.recv_timeout(Duration::from_secs(1)).map(is_saved);
    }
    let taken = program.peak().saturating_sub(before);
    assert!(taken < COUNT / 2, "{taken} MiB for {COUNT} MiB of content");
    let export = |program: &Measured| {
        let answer = program.exchange(&format!("GET {STATE}?secrets=true"), "", b"");
        let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        answer[body..].to_vec()
    };
    let saved = export(&program);
    program.program.signal("-TERM");
    assert_eq!(program.program.outcome().status, Some(0));
    assert!(export(&Measured::start(&["--state", &state])) == saved);
}

#[cfg(target_os = "linux")]
#[test]
fn an_import_takes_the_length_of_its_text_once() {
    let long = |piece: &str, count: usize, end: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let some = piece.repeat(1024);
        encoder.write_all(b"{\"users\":[").unwrap();
        (0..count / 1024).for_each(|_| encoder.write_all(some.as_bytes()).unwrap());
        encoder.write_all(format!("{end}]}}").as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let rows = [
        ("blanks", long(" ", 40 * MIB, ""), 40, "200"),
        ("items that are no entities", long("[],", 7 * MIB, "[]"), 21, "400"),
        ("empty entities", long("{},", 7 * MIB, "{}"), 21, "400"),
        ("one long text", long("", 0, &format!("{{\"id\":\"a\",\"displayName\":\"{}\"}}", "x".repeat(21 * MIB))), 21, "400"),
    ];
    for (title, body, mib, status) in rows {
        let program = Measured::start(&[]);
        let before = program.peak();
        let headers = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
        let answer = program.exchange(&format!("PUT {STATE}"), headers, &body);
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(900)]);
        assert!(shown.starts_with(&format!("HTTP/1.1 {status}")), "{title}: {shown}");
        let taken = program.peak().saturating_sub(before);
        // A refusal comes from the whole schema, which takes its room.
        let schema = if status == "400" { 32 } else { 16 };
        assert!(taken < mib * 5 / 4 + schema, "{title}: {taken} MiB for {mib} MiB");
    }
}

/// Returns a state with entities of many kinds: those that are there at once, and some whose deletion changes others.
fn state_of_many_kinds() -> String {
    let emulator = Emulator::builder().seed(1).clock(std::time::UNIX_EPOCH + Duration::from_secs(1_709_600_000)).build();
    let create = |path: &str, body: Value| {
        let (status, entity) = send(&emulator, Method::POST, &format!("/v1.0/{path}"), body.to_string());
        assert!((200..300).contains(&status), "{path}: {entity}");
        entity["id"].as_str().unwrap_or_default().to_owned()
    };
    let at = |day: u8| json!({ "dateTime": format!("2024-03-{day:02}T09:00:00"), "timeZone": "UTC" });
    let recurrence = json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "numbered", "startDate": "2024-03-04", "numberOfOccurrences": 5 },
    });
    create("me/events", json!({ "subject": "Round", "start": at(4), "end": at(4), "recurrence": recurrence }));
    let (_, times) = send(&emulator, Method::GET, "/v1.0/me/calendarView?startDateTime=2024-03-05&endDateTime=2024-03-06", "");
    let time = format!("/v1.0/me/events/{}", times["value"][0]["id"].as_str().unwrap());
    assert_eq!(send(&emulator, Method::PATCH, &time, r#"{"subject":"Long round"}"#).0, 200);
    let file = json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentBytes": "YQ==" });
    create("me/messages", json!({ "subject": "Flour", "attachments": [file] }));
    let group = json!({ "displayName": "Ovens", "mailEnabled": false, "mailNickname": "ovens", "securityEnabled": true });
    let group = create("groups", group);
    let (_, user) = send(&emulator, Method::GET, "/v1.0/me", "");
    let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{}", user["id"].as_str().unwrap()) });
    create(&format!("groups/{group}/members/$ref"), reference);
    for (path, kind) in [("me/photo/$value", "image/jpeg"), ("me/drive/root:/Recipes/rye.txt:/content", "text/plain")] {
        let put = send_with(&emulator, Method::PUT, &format!("/v1.0/{path}"), &[("content-type", kind)], "abc");
        assert!((200..300).contains(&put.0), "{path}: {}", put.1);
    }
    send(&emulator, Method::GET, &format!("{STATE}?secrets=true"), "").1.to_string()
}

#[test]
fn a_full_store_takes_all_deletions() {
    let state = state_of_many_kinds();
    let build = |bytes: usize| {
        let clock = std::time::UNIX_EPOCH + Duration::from_secs(1_709_600_000);
        Emulator::builder().seed(1).clock(clock).store_bytes(bytes).fixtures_json(&state).unwrap().build()
    };
    let (roomy, full) = (build(usize::MAX), build(1));
    let world = roomy.world();
    let mut paths: Vec<String> = Vec::new();
    for (collection, entity) in world.store.entities() {
        let address = collection.address(&world.schema, &entity.key);
        paths.push(if entity.linked().is_some() { format!("{address}/$ref") } else { address });
    }
    let (_, times) = send(&roomy, Method::GET, "/v1.0/me/calendarView?startDateTime=2024-03-04&endDateTime=2024-03-10", "");
    let times = times["value"].as_array().unwrap().iter().map(|time| format!("me/events/{}", time["id"].as_str().unwrap()));
    paths.extend(times.chain(["me/photo/$value".to_owned()]));
    assert_eq!(send(&full, Method::PATCH, "/v1.0/me", r#"{"jobTitle":"Baker"}"#).0, 413, "it is full");
    let stores = full.world().settings.stores.clone();
    let held = stores.used();
    let mut deleted = 0;
    for (number, path) in paths.iter().enumerate() {
        let name = format!("w{number}");
        let [(status, answer), (refused, problem)] =
            [&roomy, &full].map(|emulator| send(emulator, Method::DELETE, &format!("/_world/{name}/v1.0/{path}"), ""));
        assert_eq!(status, refused, "{path}: {answer} {problem}");
        deleted += usize::from(status < 300);
        let [expected, found] = [&roomy, &full].map(|emulator| {
            let entities = emulator.worlds().known(&name).unwrap().store.entities().into_iter();
            entities.map(|(collection, entity)| (collection, entity.entity().clone())).collect::<Vec<_>>()
        });
        assert!(expected == found, "{path}");
        for emulator in [&roomy, &full] {
            assert_eq!(send(emulator, Method::DELETE, &format!("/_emulator/worlds/{name}"), "").0, 204);
        }
    }
    println!("{deleted} of {} are deleted", paths.len());
    assert!(deleted > 50, "{deleted} of {}", paths.len());
    assert_eq!(stores.used(), held, "the worlds give all back");
}

#[test]
fn an_invitation_without_room_for_its_user_adds_neither() {
    let build = |bytes: usize| Emulator::builder().seed(1).store_bytes(bytes).build();
    let invitations = |emulator: &Emulator| send(emulator, Method::GET, "/v1.0/invitations/$count", "").1;
    let guests = |emulator: &Emulator| {
        send(
            emulator,
            Method::GET,
            "/v1.0/users?$filter=creationType%20eq%20'Invitation'%20and%20startswith(displayName,'invited')",
            "",
        )
        .1["value"]
            .as_array()
            .unwrap()
            .len()
    };
    let body = |number: usize| json!({ "invitedUserEmailAddress": format!("invited{number}@fabrikam.com"), "inviteRedirectUrl": "https://myapp.contoso.com" });
    let held = build(usize::MAX).world().settings.stores.used();
    let mut refused = 0;
    for room in (0..24 * 1024).step_by(384) {
        let emulator = build(held + room);
        let status = send(&emulator, Method::POST, "/v1.0/invitations", body(room).to_string()).0;
        assert!(status == 201 || status == 413, "{room} bytes: {status}");
        let expected = usize::from(status == 201);
        refused += usize::from(status == 413);
        assert_eq!((invitations(&emulator), guests(&emulator)), (json!(expected), expected), "{room} bytes");
    }
    assert!((5..60).contains(&refused), "{refused}");
}
