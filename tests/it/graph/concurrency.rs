//! Concurrent updates.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::harness;

const ID: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ROUNDS: i32 = 1_000;

#[test]
fn concurrent_updates_of_one_entity_keep_all_their_fields() {
    let world = harness::world(&[("secret", "echo")]);
    // Each thread owns one property: any other value than its own means a lost update.
    let bodies: [fn(i32) -> serde_json::Value; 4] = [
        |round| json!({ "displayName": format!("round {round}") }),
        |round| json!({ "apiVersion": round }),
        |round| json!({ "encryption": { "secret": format!("secret {round}") } }),
        |round| json!({ "url": format!("https://contoso.com/{round}") }),
    ];
    thread::scope(|scope| {
        for body in bodies {
            let world = &world;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let sent = body(round);
                    let (status, _) = harness::json(world, Method::PATCH, ID, Some(&sent.to_string()));
                    assert_eq!(status, StatusCode::OK);
                    let (_, stored) = harness::json(world, Method::GET, ID, None);
                    for (name, value) in sent.as_object().unwrap() {
                        let is_unchanged =
                            if value.is_object() { stored[name]["secret"] == value["secret"] } else { stored[name] == *value };
                        assert!(is_unchanged, "round {round}: sent {value}, found {}", stored[name]);
                    }
                }
            });
        }
    });
}

#[test]
fn a_list_contains_every_untouched_entity() {
    let world = harness::world(&[]);
    let writers = AtomicUsize::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let (status, created) = harness::json(&world, Method::POST, COLLECTION, Some("{}"));
                    assert_eq!(status, StatusCode::CREATED);
                    let address = format!("{COLLECTION}/{}", created["id"].as_str().unwrap());
                    assert_eq!(harness::json(&world, Method::PATCH, &address, Some("{\"apiVersion\":1}")).0, StatusCode::OK);
                    assert_eq!(harness::json(&world, Method::DELETE, &address, None).0, StatusCode::NO_CONTENT);
                }
                writers.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let untouched = 4;
        while writers.load(Ordering::SeqCst) > 0 {
            let (_, list) = harness::json(&world, Method::GET, COLLECTION, None);
            let entities = list["value"].as_array().unwrap();
            let ids: Vec<&str> = entities.iter().map(|entity| entity["id"].as_str().unwrap()).collect();
            assert_eq!(ids[0], "WFI_05227533-379e-4a0a-9d17-afe306a1e10d");
            assert_eq!(ids[untouched - 1], "WFI_e7571ddd-8fd9-41cf-a84d-1e148aad6f56");
            assert!(ids.len() <= untouched + 2, "{ids:?}");
        }
    });
    assert_eq!(harness::json(&world, Method::GET, COLLECTION, None).1["value"].as_array().unwrap().len(), 4);
}

/// Decrements the count when a thread ends, also by a panic: the others wait for it.
struct Leaves<'c>(&'c AtomicUsize);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn paging_during_writes_returns_every_untouched_entity_exactly_once() {
    let world = harness::world(&[]);
    let name = |number: usize| format!("untouched {number:03}");
    let mut disturbed = Vec::new();
    // Untouched entities are placed between touched ones.
    for number in 0..100 {
        for body in [json!({ "displayName": name(number), "apiVersion": number % 7 }), json!({ "displayName": "disturbed" })] {
            let (_, created) = harness::json(&world, Method::POST, COLLECTION, Some(&body.to_string()));
            if body["displayName"] == "disturbed" {
                disturbed.push(format!("{COLLECTION}/{}", created["id"].as_str().unwrap()));
            }
        }
    }
    let walks = [
        "$top=7",
        "$top=7&$orderby=apiVersion%20desc,displayName",
        "$top=7&$filter=apiVersion%20ge%200&$orderby=createdDateTime",
    ];
    let walkers = AtomicUsize::new(walks.len());
    thread::scope(|scope| {
        for half in disturbed.chunks(50) {
            let (world, walkers) = (&world, &walkers);
            scope.spawn(move || {
                let mut addresses = half.to_vec();
                let mut round = 0;
                while walkers.load(Ordering::SeqCst) > 0 {
                    round += 1;
                    let slot = round % addresses.len();
                    let body = json!({ "apiVersion": round % 11, "displayName": format!("{round}") }).to_string();
                    if round % 3 == 0 {
                        harness::json(world, Method::DELETE, &addresses[slot], None);
                        let (_, created) = harness::json(world, Method::POST, COLLECTION, Some(&body));
                        addresses[slot] = format!("{COLLECTION}/{}", created["id"].as_str().unwrap());
                    } else {
                        harness::json(world, Method::PATCH, &addresses[slot], Some(&body));
                    }
                }
            });
        }
        for walk in walks {
            let (world, walkers) = (&world, &walkers);
            scope.spawn(move || {
                let _leaves = Leaves(walkers);
                for _ in 0..10 {
                    let mut found = Vec::new();
                    let mut target = format!("{COLLECTION}?{walk}");
                    for visited in 0.. {
                        assert!(visited < 1_000, "{walk}: the links lead nowhere");
                        let (status, page) = harness::json(world, Method::GET, &target, None);
                        assert_eq!(status, StatusCode::OK, "{page}");
                        let names = page["value"].as_array().unwrap().iter().map(|entity| &entity["displayName"]);
                        found
                            .extend(names.filter_map(|name| {
                                name.as_str().filter(|name| name.starts_with("untouched")).map(str::to_owned)
                            }));
                        let Some(link) = page["@odata.nextLink"].as_str() else { break };
                        target = link.split_once(harness::HOST).unwrap().1.to_owned();
                    }
                    found.sort();
                    assert_eq!(found, (0..100).map(name).collect::<Vec<_>>(), "{walk}");
                }
            });
        }
    });
}
