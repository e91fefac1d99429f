//! Links of a group and delta queries: they take no longer among many entities.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

use super::content::{get, send};
use crate::support::harness;

const FEW: usize = 500;
const MANY: usize = 100_000;

/// The greatest factor between many and few: a step for each entity would be a factor of 200.
const FACTOR: u32 = 10;

fn user(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A world with a number of users, all of them but 40 members of one group.
fn world(count: usize) -> World {
    let users: Vec<Value> = (0..count).map(|number| json!({ "id": user(number), "displayName": "A" })).collect();
    let members: Vec<String> = (40..count).map(|number| format!("users('{}')", user(number))).collect();
    let text =
        json!({ "users": users, "groups": [{ "id": user(0), "displayName": "All", "members@odata.bind": members }] }).to_string();
    let mut settings = Settings { entities: Vec::new(), ..harness::settings_with(&[("advanced-queries", "take")]) };
    settings.entities = fixture::read(&settings.schema, &settings.behaviors, "world.json", text.as_bytes()).unwrap();
    World::new(settings)
}

/// The shortest time of some repetitions: what else the machine does makes others longer.
fn shortest(mut run: impl FnMut(usize)) -> Duration {
    let times = (0..20).map(|number| {
        let started = Instant::now();
        run(number);
        started.elapsed()
    });
    times.min().unwrap()
}

/// Compares the times of what a function does in two worlds.
fn compare(name: &str, worlds: [&World; 2], run: impl Fn(&World, usize)) {
    let [few, many] = worlds.map(|world| shortest(|number| run(world, number)));
    assert!(many < few * FACTOR, "{name}: {few:?} with {FEW} and {many:?} with {MANY}");
}

#[test]
fn links_and_delta_queries_take_no_longer_among_many() {
    let (few, many) = (world(FEW), world(MANY));
    let worlds = [&few, &many];
    let members = format!("groups/{}/members", user(0));
    let address = |number: usize| json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{}", user(number)) });
    compare("add a member", worlds, |world, number| {
        assert_eq!(send(world, Method::POST, &format!("{members}/$ref"), &address(number)).0, StatusCode::NO_CONTENT);
    });
    compare("add one that is there", worlds, |world, number| {
        assert_eq!(send(world, Method::POST, &format!("{members}/$ref"), &address(number)).0, StatusCode::BAD_REQUEST);
    });
    compare("the first page", worlds, |world, _| {
        assert_eq!(get(world, &format!("{members}?$top=5"))["value"].as_array().unwrap().len(), 5);
    });
    let next = worlds.map(|world| {
        let link = (0..3).fold(format!("/v1.0/{members}?$top=100"), |link, _| {
            let page = get(world, link.split_once("/v1.0/").unwrap().1);
            page["@odata.nextLink"].as_str().unwrap().to_owned()
        });
        link.split_once("/v1.0/").unwrap().1.to_owned()
    });
    compare("a later page", worlds, |world, _| {
        let link = &next[usize::from(std::ptr::eq(world, &raw const many))];
        assert_eq!(get(world, link)["value"].as_array().unwrap().len(), 100);
    });
    compare("count", worlds, |world, _| {
        let count = get(world, &format!("{members}/$count")).as_u64().unwrap();
        assert!(count > 400);
    });
    // No other way leads to one of them, so all links are followed.
    let one = format!("groups/{}/transitiveMembers/{}?$select=id", user(0), user(MANY - 1));
    assert_eq!(get(&many, &one)["id"], user(MANY - 1));
    compare("one member", worlds, |world, number| drop(get(world, &format!("{members}/{}", user(100 + number)))));
    compare("the groups of a member", worlds, |world, number| {
        assert_eq!(get(world, &format!("users/{}/memberOf", user(100 + number)))["value"].as_array().unwrap().len(), 1);
    });
    compare("remove a member", worlds, |world, number| {
        let target = format!("{members}/{}/$ref", user(number));
        assert_eq!(send(world, Method::DELETE, &target, &Value::Null).0, StatusCode::NO_CONTENT);
    });
    compare("ten changes", worlds, |world, _| {
        let latest = get(world, "users/delta?$deltatoken=latest")["@odata.deltaLink"].as_str().unwrap().to_owned();
        for number in 0..10 {
            let body = json!({ "displayName": number.to_string() });
            assert!(send(world, Method::PATCH, &format!("users/{}", user(number * 7)), &body).0.is_success());
        }
        let changed = get(world, latest.split_once("/v1.0/").unwrap().1);
        assert_eq!(changed["value"].as_array().unwrap().len(), 10);
    });
}

#[test]
fn a_unique_value_is_found_no_later_among_many() {
    let (few, many) = (world(FEW), world(MANY));
    // The first request reads all entities.
    let create = |world: &World, name: &str| {
        let body = json!({
            "accountEnabled": true,
            "displayName": "A",
            "mailNickname": "a",
            "passwordProfile": { "password": "Bakery-1" },
            "userPrincipalName": name,
        });
        send(world, Method::POST, "users", &body).0
    };
    for world in [&few, &many] {
        assert_eq!(create(world, "first@contoso.com"), StatusCode::CREATED);
    }
    let count = std::cell::Cell::new(0);
    compare("create a user", [&few, &many], |world, _| {
        count.set(count.get() + 1);
        assert_eq!(create(world, &format!("user{}@contoso.com", count.get())), StatusCode::CREATED);
    });
    compare("a name that is taken", [&few, &many], |world, _| {
        assert_eq!(create(world, "FIRST@contoso.com"), StatusCode::BAD_REQUEST);
    });
}
