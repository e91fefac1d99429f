//! A schema of our own, `tests/schemas/museum.csdl`, with each feature of CSDL that Graph's schema uses, and its first entities.

use std::sync::{Arc, LazyLock};

use http::{Method, StatusCode};
use serde_json::Value;
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::RecordedRequest;
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

use crate::support::harness;

pub(crate) const CSDL: &str = include_str!("../../schemas/museum.csdl");

pub(crate) const ENTITIES: &str = include_str!("../../schemas/museum.json");

/// A world with the schema in both versions, the entities, a fixed clock and a fixed seed.
pub(crate) fn world() -> World {
    world_with(Behaviors::default())
}

pub(crate) fn world_with(behaviors: Behaviors) -> World {
    static PARTS: LazyLock<Settings> = LazyLock::new(|| {
        let schema = schema();
        let entities = fixture::read(&schema, &Behaviors::default(), "museum.json", ENTITIES.as_bytes()).unwrap();
        Settings { schema, entities, explains: true, ..harness::settings(Behaviors::default()) }
    });
    World::new(Settings { behaviors, ..PARTS.clone() })
}

/// The schema in both versions.
pub(crate) fn schema() -> Arc<Schema> {
    Arc::new(Schema::read(CSDL, CSDL, &wfi_emulator::internals::workloads::rules()).unwrap())
}

/// The answer to a request with a JSON body, if any: the status, the body, and the name of the refusal.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    pub(crate) refusal: Option<String>,
}

pub(crate) fn send(world: &World, method: &Method, target: &str, body: Option<&str>) -> Answered {
    let headers = body.map(|_| ("content-type".to_owned(), "application/json".to_owned())).into_iter().collect();
    let body = body.unwrap_or_default().to_owned().into();
    let response =
        harness::send(world, &RecordedRequest { method: method.clone(), target: format!("/v1.0/{target}"), headers, body });
    let explained = response.header("x-wfi-emulator-explain").unwrap_or_default();
    let refusal = explained.strip_prefix("refused by ").map(|rest| rest.split([' ', ':']).next().unwrap_or_default().to_owned());
    let body = if response.body.is_empty() { Value::Null } else { serde_json::from_slice(&response.body).unwrap() };
    Answered { status: response.status, body, refusal }
}

pub(crate) fn get(world: &World, target: &str) -> Value {
    let answered = send(world, &Method::GET, target, None);
    assert_eq!(answered.status, StatusCode::OK, "{target}: {}", answered.body);
    answered.body
}
