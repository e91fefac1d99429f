//! Writes to worlds that are imported into, forked, reset, reloaded and reconfigured meanwhile: none that was acknowledged is lost.
//!
//! Each integration belongs to one writer, which knows what its last acknowledged request has left. A reset or a reload of the world
//! takes back what came before it; what began after its end must stay. A reset world gives its ids again, so there is one writer beside
//! resets: an id that two writers get would belong to both.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use wfi_emulator::emulator::Emulator;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

fn send(emulator: &Emulator, method: Method, target: &str, body: &str) -> (u16, Value) {
    let request = Request::builder().method(method).uri(target).header("content-type", "application/json");
    let response = emulator.send(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap());
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

/// Ends the threads of a test, also if it fails.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An integration: when the last acknowledged write to it began, and its version; `None` if deleted.
#[derive(Clone, Copy, Debug)]
struct Written {
    began: u64,
    version: Option<i64>,
}

/// Creates, changes and deletes integrations until the end, and returns what each must be.
fn write(emulator: &Emulator, world: &str, moment: &AtomicU64, is_over: &AtomicBool, seed: u64) -> Vec<(String, Written)> {
    let mut written: Vec<(String, Written)> = Vec::new();
    let mut random = seed;
    while !is_over.load(Ordering::Relaxed) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let began = moment.fetch_add(1, Ordering::SeqCst);
        let version = i64::try_from(random >> 40).unwrap();
        let body = json!({ "displayName": "written", "apiVersion": version }).to_string();
        let last = written.iter().rposition(|(_, state)| state.version.is_some());
        match (random >> 33) % 3 {
            1 if last.is_some() => {
                let (id, state) = &mut written[last.unwrap()];
                let (status, _) = send(emulator, Method::PATCH, &format!("{world}{COLLECTION}/{id}"), &body);
                match status {
                    200 => *state = Written { began, version: Some(version) },
                    // A reset or a reload has removed it.
                    404 => *state = Written { began, version: None },
                    other => panic!("{other}"),
                }
            }
            2 if last.is_some() => {
                let (id, state) = &mut written[last.unwrap()];
                let (status, _) = send(emulator, Method::DELETE, &format!("{world}{COLLECTION}/{id}"), "");
                assert!(status == 204 || status == 404);
                *state = Written { began, version: None };
            }
            _ => {
                let (status, created) = send(emulator, Method::POST, &format!("{world}{COLLECTION}"), &body);
                assert_eq!(status, 201);
                let id = created["id"].as_str().unwrap();
                written.retain(|(earlier, _)| earlier != id);
                written.push((id.to_owned(), Written { began, version: Some(version) }));
            }
        }
    }
    written
}

/// Returns the version of each integration of a world.
fn versions(emulator: &Emulator, world: &str) -> Vec<(String, i64)> {
    let (status, state) =
        send(emulator, Method::GET, &format!("/_emulator/worlds/{world}/state?collection=workforceIntegrations"), "");
    assert_eq!(status, 200);
    let items = state["value"].as_array().unwrap();
    items.iter().map(|item| (item["id"].as_str().unwrap().to_owned(), item["apiVersion"].as_i64().unwrap_or(-1))).collect()
}

fn check(emulator: &Emulator, name: &str, written: &[(String, Written)], since: u64, round: usize) {
    let found = versions(emulator, name);
    for (id, state) in written.iter().filter(|(_, state)| state.began > since) {
        let version = found.iter().find(|(found, _)| found == id).map(|(_, version)| *version);
        assert_eq!(version, state.version, "round {round}, world {name}: {id} {state:?} since {since}");
    }
}

/// Whether an operation resets the world, and the operation of a turn.
type Operation<'o> = (bool, &'o (dyn Fn(&Emulator, usize) + Sync));

/// Runs operations on a world beside writers, and checks that it has all that they were answered.
fn rounds(name: &str, count: usize, operations: &[Operation<'_>]) {
    let world = format!("/_world/{name}");
    let writers = if operations.iter().any(|(is_reset, _)| *is_reset) { 1 } else { 2 };
    for round in 0..count {
        let emulator = Emulator::builder().seed(1).build();
        let (moment, is_over, reset_ended) = (AtomicU64::new(1), AtomicBool::new(false), AtomicU64::new(0));
        let all = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for seed in 1..=writers {
                let (emulator, world, moment, is_over, all) = (&emulator, &world, &moment, &is_over, &all);
                scope.spawn(move || {
                    let written = write(emulator, world, moment, is_over, seed + 7 * u64::try_from(round).unwrap());
                    all.lock().unwrap().extend(written);
                });
            }
            let _end = SetOnDrop(&is_over);
            for turn in 0..12 {
                let (is_reset, operation) = operations[(round * 5 + turn * 7) % operations.len()];
                operation(&emulator, turn);
                if is_reset {
                    reset_ended.store(moment.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                }
            }
        });
        check(&emulator, name, &all.into_inner().unwrap(), reset_ended.into_inner(), round);
    }
}

const TEAMS: &str = r#"{"value":[{"id":"1","displayName":"one"}]}"#;

fn import(emulator: &Emulator, name: &str) {
    let (status, _) = send(emulator, Method::PUT, &format!("/_emulator/worlds/{name}/state?collection=teams"), TEAMS);
    assert_eq!(status, 200);
}

#[test]
fn an_import_of_one_collection_loses_no_write_to_another() {
    for name in ["default", "a"] {
        rounds(name, 8, &[(false, &|emulator, _| import(emulator, name))]);
    }
}

#[test]
fn imports_forks_resets_and_changes_beside_writers_lose_nothing() {
    for name in ["default", "a"] {
        let clock = format!("/_emulator/worlds/{name}/clock");
        let behaviors = format!("/_emulator/worlds/{name}/behaviors");
        let reset = format!("/_emulator/worlds/{name}/reset");
        let fork = |emulator: &Emulator, turn: usize| {
            let (status, _) =
                send(emulator, Method::PUT, &format!("/_emulator/worlds/fork-{turn}"), &json!({ "fork": name }).to_string());
            assert_eq!(status, 201);
        };
        let patch = |emulator: &Emulator, _: usize| {
            assert_eq!(send(emulator, Method::PATCH, &behaviors, r#"{"secret":"echo"}"#).0, 200);
        };
        let advance = |emulator: &Emulator, _: usize| assert_eq!(send(emulator, Method::PUT, &clock, r#"{"advance":1}"#).0, 200);
        // A change of the clock meets the reset: neither may bring back the entities from before it.
        let reset = |emulator: &Emulator, turn: usize| {
            thread::scope(|scope| {
                scope.spawn(|| advance(emulator, turn));
                assert_eq!(send(emulator, Method::POST, &reset, "").0, 200);
            });
        };
        rounds(
            name,
            8,
            &[(false, &|emulator, _| import(emulator, name)), (false, &fork), (false, &patch), (true, &reset), (false, &advance)],
        );
    }
}

#[test]
fn a_fork_has_every_acknowledged_write() {
    let emulator = Emulator::builder().seed(1).build();
    let created = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let (_, entity) = send(&emulator, Method::POST, COLLECTION, r#"{"displayName":"x","apiVersion":1}"#);
                    created.lock().unwrap().push(entity["id"].as_str().unwrap().to_owned());
                }
            });
        }
        let _end = SetOnDrop(&is_over);
        for turn in 0..12 {
            let (_, entity) = send(&emulator, Method::POST, COLLECTION, r#"{"displayName":"x","apiVersion":1}"#);
            created.lock().unwrap().push(entity["id"].as_str().unwrap().to_owned());
            let before = created.lock().unwrap().clone();
            let name = format!("fork-{turn}");
            assert_eq!(send(&emulator, Method::PUT, &format!("/_emulator/worlds/{name}"), r#"{"fork":"default"}"#).0, 201);
            let found = versions(&emulator, &name);
            assert!(before.iter().all(|id| found.iter().any(|(found, _)| found == id)), "turn {turn}");
        }
    });
}

#[test]
fn a_world_that_gives_way_loses_no_acknowledged_write() {
    let limits = wfi_emulator::emulator::WorldLimits { worlds: 8, ..Default::default() };
    let emulator = Emulator::builder().seed(1).limits(limits).build();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u32.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                send(&emulator, Method::GET, &format!("/_world/x{number}/v1.0/"), "");
            }
        });
        let _end = SetOnDrop(&is_over);
        for number in 0..200 {
            // A read leaves the world as it is, so that it may give way before the write.
            let world = format!("/_world/w{number}");
            assert_eq!(send(&emulator, Method::GET, &format!("{world}{COLLECTION}"), "").0, 200);
            let (status, entity) = send(&emulator, Method::POST, &format!("{world}{COLLECTION}"), r#"{"displayName":"x"}"#);
            assert_eq!(status, 201, "{entity}");
            let id = entity["id"].as_str().unwrap();
            assert_eq!(send(&emulator, Method::GET, &format!("{world}{COLLECTION}/{id}"), "").0, 200, "number {number}");
            assert_eq!(send(&emulator, Method::DELETE, &format!("/_emulator/worlds/w{number}"), "").0, 204);
        }
    });
}
