//! The handshake with a connector when an integration is created or gets another URL. Without sockets: the test plays the connector.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::graph;
use wfi_emulator::internals::graph::request::Request;
use wfi_emulator::internals::graph::step::{Answer, Step};
use wfi_emulator::internals::workloads::shifts::envelope::{Secret, decrypt};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::journal::{JournalExchange, JournalQuery, Secrets};
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness::{self, request};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// The secret of the entity in the built-in fixtures.
const STORED_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdefFEDCBA9876543210FEDCBA9876543210";

/// A token of the user `oid` in the directory `tid`: `{"tid":"d","oid":"u","scp":"x"}`.
const TOKEN: &str = "Bearer e30.eyJ0aWQiOiJkIiwib2lkIjoidSIsInNjcCI6IngifQ.e30";

fn integration() -> Value {
    json!({
        "displayName": "ABC",
        "apiVersion": 2,
        "url": "http://127.0.0.1:9/Contoso/",
        "encryption": { "protocol": "sharedSecret", "secret": SECRET },
    })
}

fn status(status: u16) -> CallOutcome {
    CallOutcome::Answered { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new(), body: Bytes::new() }
}

/// Plays the edge: every call has this outcome. Returns the answer and the calls.
fn play(world: &World, request: &Request, outcome: &CallOutcome) -> (Answer, Vec<OutboundCall>) {
    harness::play(world, request, |_| outcome.clone())
}

fn count(world: &World) -> usize {
    harness::json(world, Method::GET, COLLECTION, None).1["value"].as_array().unwrap().len()
}

#[test]
fn the_connector_receives_tenant_and_user_encrypted_with_the_new_secret() {
    let world = harness::world(&[("connect", "enforce")]);
    let mut create = request(Method::POST, COLLECTION, &integration());
    create.headers.insert("authorization", TOKEN.parse().unwrap());
    let (answer, calls) = play(&world, &create, &status(200));
    assert_eq!(answer.response.status(), 201);
    let [call] = &calls[..] else { panic!("one call: {calls:?}") };
    assert_eq!((call.method.as_str(), call.url.to_string().as_str()), ("POST", "http://127.0.0.1:9/Contoso/v2/connect"));
    assert_eq!(call.headers["content-type"], "application/json");
    assert_eq!(call.timeout.as_secs(), 30);
    let message = decrypt(&Secret::new(SECRET).unwrap(), &call.body).unwrap();
    assert_eq!(std::str::from_utf8(&message).unwrap(), r#"{"tenantId":"d","userId":"u"}"#);
    let [record] = &answer.calls[..] else { panic!("{:?}", answer.calls) };
    assert_eq!((&*record.plaintext, &record.body, record.verdict.as_str()), (&*message, &call.body, "connected"));
    // Two runs give the same bytes, two messages different ones.
    let again = harness::world(&[("connect", "enforce")]);
    assert_eq!(play(&again, &create, &status(200)).1, calls);
    assert_ne!(play(&again, &create, &status(200)).1[0].body, calls[0].body);
    // Without a chosen seed the keys follow from nothing that a reader of messages can know, not even from the same seed.
    let settings = Settings { is_reproducible: false, ..world.settings.as_ref().clone() };
    let bodies = [(); 2].map(|()| play(&World::new(settings.clone()), &create, &status(200)).1[0].body.clone());
    assert!(bodies[0] != bodies[1] && bodies[0] != calls[0].body);
}

#[test]
fn an_integration_is_stored_only_after_200() {
    let create = request(Method::POST, COLLECTION, &integration());
    let failures = CallFailure::ALL.iter().map(|failure| CallOutcome::Failed(*failure));
    for outcome in [201, 204, 301, 302, 400, 401, 500, 503].map(status).into_iter().chain(failures) {
        let world = harness::world(&[("connect", "enforce")]);
        let before = count(&world);
        let (answer, _) = play(&world, &create, &outcome);
        assert_eq!(answer.response.status(), 400, "{outcome:?}");
        let refused = answer.refused.unwrap();
        assert_eq!(refused.refusal.name, "handshake-failed");
        let detail = refused.detail.unwrap();
        assert!(detail.starts_with("http://127.0.0.1:9/Contoso/v2/connect: "), "{detail}");
        assert_eq!(count(&world), before, "{outcome:?}");

        let world = harness::world(&[("connect", "report")]);
        let (answer, calls) = play(&world, &create, &outcome);
        assert_eq!((answer.response.status().as_u16(), calls.len()), (201, 1), "{outcome:?}");
        assert_eq!(count(&world), before + 1);
        assert!(detail.ends_with(&answer.calls[0].verdict), "`enforce` and `report` give the same reason");
    }
}

#[test]
fn only_a_new_url_causes_a_handshake() {
    let elsewhere = json!({ "encryption": { "secret": SECRET } });
    for (body, asks) in [
        (json!({ "url": "http://127.0.0.1:9/" }), true),
        (json!({ "apiVersion": 7 }), true),
        (elsewhere.clone(), true),
        (json!({ "encryption": { "secret": STORED_SECRET } }), false),
        (json!({ "apiVersion": 1, "displayName": "x" }), false),
        (json!({}), false),
    ] {
        for (row, stored) in [("enforce", false), ("report", true), ("off", true)] {
            let world = harness::world(&[("connect-on-update", row)]);
            let change = request(Method::PATCH, ENTITY, &body);
            let (answer, calls) = play(&world, &change, &status(503));
            assert_eq!(calls.len(), usize::from(asks && row != "off"), "{row} {body}");
            assert_eq!(answer.response.status().is_success(), stored || !asks, "{row} {body}");
        }
    }
    // Encrypted with the new secret.
    let world = harness::world(&[("connect-on-update", "enforce")]);
    let (_, calls) = play(&world, &request(Method::PATCH, ENTITY, &elsewhere), &status(200));
    assert!(decrypt(&Secret::new(SECRET).unwrap(), &calls[0].body).is_ok());
}

#[test]
fn a_change_is_merged_into_the_state_as_it_is_when_the_connector_answers() {
    let world = harness::world(&[("connect-on-update", "enforce")]);
    let change = request(Method::PATCH, ENTITY, &json!({ "url": "http://127.0.0.1:9/" }));
    let Step::Call(pending) = graph::pipeline::answer(&world, &change) else { panic!("the connector is asked") };
    let (other, _) = harness::json(&world, Method::PATCH, ENTITY, Some(r#"{"displayName":"meanwhile"}"#));
    assert_eq!(other, 200, "other requests go on");
    let Step::Done(answer) = pending.resume(&world, status(200)) else { panic!("the connector is asked once") };
    let entity: Value = serde_json::from_slice(answer.response.body()).unwrap();
    assert_eq!((&entity["displayName"], &entity["url"]), (&json!("meanwhile"), &json!("http://127.0.0.1:9/")));

    let change = request(Method::PATCH, ENTITY, &json!({ "url": "http://127.0.0.1:8/" }));
    let Step::Call(pending) = graph::pipeline::answer(&world, &change) else { panic!("the connector is asked") };
    assert_eq!(harness::json(&world, Method::DELETE, ENTITY, None).0, 204);
    let Step::Done(answer) = pending.resume(&world, status(200)) else { panic!("the connector is asked once") };
    assert_eq!(answer.response.status(), 404, "a deleted entity is not created again");
}

#[test]
fn a_batch_waits_for_the_connectors_of_its_requests() {
    let world = harness::world(&[("connect", "enforce")]);
    let item = |id: &str, depends: &[&str]| {
        let headers = json!({ "Content-Type": "application/json" });
        json!({ "id": id, "method": "POST", "url": "/teamwork/workforceIntegrations", "headers": headers,
            "body": integration(), "dependsOn": depends })
    };
    let batch = request(Method::POST, "/v1.0/$batch", &json!({ "requests": [item("1", &[]), item("2", &["1"])] }));
    let before = count(&world);
    let (answer, calls) = play(&world, &batch, &status(200));
    assert_eq!((calls.len(), answer.calls.len(), count(&world)), (2, 2, before + 2));
    let (answer, calls) = play(&world, &batch, &status(500));
    assert_eq!((calls.len(), count(&world)), (1, before + 2));
    let body: Value = serde_json::from_slice(answer.response.body()).unwrap();
    let statuses: Vec<&Value> = body["responses"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(statuses, [&json!(400), &json!(424)]);
}

#[test]
fn the_journal_has_the_call_and_its_answer_decrypted_and_raw() {
    let world = harness::world(&[("connect", "report")]);
    let create = request(Method::POST, COLLECTION, &integration());
    let batch = json!({ "requests": [{ "id": "1", "method": "POST", "url": "/teamwork/workforceIntegrations",
        "headers": { "Content-Type": "application/json" }, "body": integration() }] });
    play(&world, &create, &status(503));
    play(&world, &create, &CallOutcome::Failed(CallFailure::Timeout));
    play(&world, &request(Method::POST, "/v1.0/$batch", &batch), &status(200));
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Shown);
    let targets: Vec<&str> = entries.iter().map(|entry| &*entry.exchange.request.target).collect();
    let called = "http://127.0.0.1:9/Contoso/v2/connect";
    let one = "/v1.0/teamwork/workforceIntegrations";
    assert_eq!(targets, [called, COLLECTION, called, COLLECTION, called, one, "/v1.0/$batch"]);
    let causes: Vec<Option<u64>> = entries.iter().map(|entry| entry.decided.cause).collect();
    assert_eq!(causes, [Some(2), None, Some(4), None, Some(6), None, None], "of a batch, the request in it");
    let message = |entry: &JournalExchange| String::from_utf8(entry.exchange.request.body.to_vec()).unwrap();
    let expected = r#"{"tenantId":"00000000-0000-4000-8000-000000000000","userId":"00000000-0000-4000-8000-000000000001"}"#;
    assert_eq!(message(&entries[0]), expected);
    let raw = entries[0].exchange.request.headers.iter().find(|(name, _)| name == "x-wfi-emulator-raw-body").unwrap();
    let raw = base64::engine::general_purpose::STANDARD.decode(&raw.1).unwrap();
    assert_eq!(decrypt(&Secret::new(SECRET).unwrap(), &raw).unwrap(), expected.as_bytes());
    assert_eq!(entries[0].exchange.response.as_ref().unwrap().status, 503);
    assert_eq!(entries[0].decided.detail.as_deref(), Some("status 503, expected 200"));
    assert_eq!((entries[2].exchange.response.is_none(), entries[2].decided.ended_by), (true, Some("timeout")));
}
