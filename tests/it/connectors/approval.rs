//! Approval: the contents of a schedule change only if the bound connector approves. Without sockets: the test plays the connector.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use wfi_emulator::internals::edm::date_time::DateTimeOffset;
use wfi_emulator::internals::graph;
use wfi_emulator::internals::graph::request::Request;
use wfi_emulator::internals::graph::route::EntityPath;
use wfi_emulator::internals::graph::step::{Answer, Step};
use wfi_emulator::internals::text::exchange;
use wfi_emulator::internals::workloads::shifts::envelope::{Secret, decrypt};
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::journal::{self, Destination, Expectation, JournalQuery, Secrets};
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::store::StoredEntity;
use wfi_emulator::internals::world::{World, fault};

use crate::support::harness::{self, request};

pub(super) const SCHEDULE: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
const SHIFT: &str = "SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8";
pub(super) const INTEGRATION: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn outcome_with(status: u16, body: &str) -> CallOutcome {
    let status = StatusCode::from_u16(status).unwrap();
    CallOutcome::Answered { status, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) }
}

/// Plays the edge and the connector. Returns the answer, and each call with its decrypted body.
pub(super) fn play(
    world: &World,
    request: &Request,
    connector: impl Fn(&Value) -> CallOutcome,
) -> (Answer, Vec<(OutboundCall, Value)>) {
    let (answer, calls) = harness::play(world, request, |call| connector(&plaintext(call)));
    (
        answer,
        calls
            .into_iter()
            .map(|call| {
                let message = plaintext(&call);
                (call, message)
            })
            .collect(),
    )
}

/// Returns the decrypted body of a call.
pub(super) fn plaintext(call: &OutboundCall) -> Value {
    serde_json::from_slice(&decrypt(&Secret::new(SECRET).unwrap(), &call.body).unwrap()).unwrap()
}

pub(super) fn approves(message: &Value) -> CallOutcome {
    let items: Vec<Value> = message["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|element| json!({ "id": element["id"], "status": 200, "body": { "eTag": "1", "error": null, "data": null } }))
        .collect();
    outcome_with(200, &json!({ "responses": items }).to_string())
}

pub(super) fn refuses(message: &Value) -> CallOutcome {
    let items: Vec<Value> = message["requests"].as_array().unwrap().iter().map(|element| json!({ "id": element["id"], "status": 403, "body": { "error": { "code": "403", "message": "Not on a Sunday." }, "data": null } })).collect();
    outcome_with(200, &json!({ "responses": items }).to_string())
}

/// Returns a shift that Shifts accepts.
fn shift(user: &str) -> Value {
    let item = json!({ "startDateTime": "2024-10-12T15:00:00Z", "endDateTime": "2024-10-12T17:00:00Z" });
    json!({ "userId": user, "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75", "sharedShift": item })
}

/// Returns a world whose schedule is bound to the first integration of the built-in fixtures.
fn bound(choices: &[(&str, &str)]) -> World {
    let world = harness::world(choices);
    let binding = json!({ "enabled": true, "timeZone": "UTC", "workforceIntegrationIds": [INTEGRATION.rsplit('/').next().unwrap(), "WFI_other"] });
    assert_eq!(harness::json(&world, Method::PUT, SCHEDULE, Some(&binding.to_string())).0, StatusCode::OK);
    world
}

/// The number of shifts in the built-in fixtures.
const FIXTURES: usize = 78;

fn shifts(world: &World) -> Vec<Value> {
    let (_, list) = harness::json(world, Method::GET, &format!("{SCHEDULE}/shifts"), None);
    list["value"].as_array().unwrap().clone()
}

pub(super) fn body_of(answer: &Answer) -> Value {
    serde_json::from_slice(answer.response.body()).unwrap_or_default()
}

#[test]
fn a_shift_is_stored_as_it_was_sent_to_the_connector() {
    let world = bound(&[]);
    let mut new = request(
        Method::POST,
        &format!("{SCHEDULE}/shifts"),
        &json!({ "userId": "u", "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75", "sharedShift": { "startDateTime": "2024-10-12T15:00:00Z",
            "endDateTime": "2024-10-12T17:00:00Z", "activities": [{ "displayName": "Lunch" }] } }),
    );
    new.headers.insert("x-ms-wfmpassthrough", "WFI_05227533".parse().unwrap());
    let (answer, calls) = play(&world, &new, approves);
    assert_eq!(answer.response.status(), StatusCode::CREATED);
    let (call, message) = &calls[0];
    insta::assert_snapshot!(call.url, @"https://workforce.contoso.com/shifts/v1/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/update");
    assert_eq!(calls.len(), 1);
    assert_eq!(call.headers["x-ms-wfmpassthrough"], "WFI_05227533");
    let plaintext = decrypt(&Secret::new(SECRET).unwrap(), &call.body).unwrap();
    insta::assert_snapshot!(String::from_utf8_lossy(&plaintext), @r#"{"requests":[{"id":"SHFT_e9fd6049-d65a-421e-a79e-f1be337e88d6","method":"POST","url":"/shifts/SHFT_e9fd6049-d65a-421e-a79e-f1be337e88d6","headers":{"X-MS-Transaction-ID":"b9b9dc59-300f-4a27-a609-f21940807f39","X-MS-Expires":"2026-01-02T03:04:35.928Z"},"body":{"sharedShift":{"displayName":null,"notes":null,"activities":[{"isPaid":null,"startDateTime":null,"endDateTime":null,"code":null,"displayName":"Lunch","theme":"White"}],"isActive":true,"startDateTime":"2024-10-12T15:00:00.000Z","endDateTime":"2024-10-12T17:00:00.000Z","theme":"White"},"isStagedForDeletion":false,"schedulingGroupId":"TAG_920670e8-1218-5db1-a318-17f90cf7aa75","userId":"u","createdDateTime":"2026-01-02T03:04:05.678Z","lastModifiedDateTime":"2026-01-02T03:04:05.678Z","lastModifiedBy":{"user":{"id":"00000000-0000-4000-8000-000000000001","displayName":"Local User"}},"id":"SHFT_e9fd6049-d65a-421e-a79e-f1be337e88d6"}}]}"#);
    let (stored, mut created) = (shifts(&world), body_of(&answer));
    created.as_object_mut().unwrap().remove("@odata.context");
    assert_eq!((stored.len(), &stored[FIXTURES]), (FIXTURES + 1, &created));
    assert_eq!(stored[FIXTURES]["id"], message["requests"][0]["id"]);
}

#[test]
fn a_change_has_one_time_and_the_name_of_its_user_in_each_call_and_answer() {
    let settings = Settings { clock: Clock::System, ..harness::settings_with(&[]) };
    let world = World::new(settings);
    let id = INTEGRATION.rsplit('/').next().unwrap();
    assert_eq!(harness::json(&world, Method::PUT, SCHEDULE, Some(&binding_to(id))).0, StatusCode::OK);
    let owner = "366c0b19-49b1-41b5-a03f-9f3887bd0ed8";
    let application = harness::bearer(&json!({ "appid": "a1", "idtyp": "app", "roles": ["Schedule.ReadWrite.All"] }));
    let carried_out = |method: Method, path: &str, token: &str, body: &Value| {
        let mut request = request(method, path, body);
        request.headers.insert("authorization", token.parse().unwrap());
        request.headers.insert("ms-app-acts-as", owner.parse().unwrap());
        play(&world, &request, |message| {
            // The clock goes on before the connector answers.
            let asked = SystemTime::now();
            while SystemTime::now() < asked + Duration::from_millis(3) {
                std::thread::yield_now();
            }
            approves(message)
        })
    };
    let (answer, calls) = carried_out(Method::POST, &format!("{SCHEDULE}/shifts"), &application, &shift("u"));
    let (created, sent) = (body_of(&answer), &calls[0].1["requests"][0]["body"]);
    let path = format!("{SCHEDULE}/shifts/{}", created["id"].as_str().unwrap());
    let (_, calls) = carried_out(Method::PUT, &path, &harness::delegated(owner), &shift("u"));
    let (later, stored) = (&calls[0].1["requests"][0]["body"], harness::json(&world, Method::GET, &path, None).1);
    let times = |name: &str, values: [&Value; 2]| {
        let [one, other] = values.map(|value| value[name].as_str().and_then(DateTimeOffset::parse).map(DateTimeOffset::ticks));
        assert!(one.is_some() && one == other, "{name}: {values:?}");
    };
    times("createdDateTime", [sent, &created]);
    times("lastModifiedDateTime", [sent, &created]);
    times("createdDateTime", [later, &created]);
    times("lastModifiedDateTime", [later, &stored]);
    for value in [sent, &created, later, &stored] {
        assert_eq!(value["lastModifiedBy"]["user"]["displayName"], "John Doe", "{value}");
    }
}

#[test]
fn a_refusal_reaches_the_caller_with_the_connectors_message_and_nothing_is_stored() {
    let world = bound(&[]);
    let before = shifts(&world);
    for (method, path, body) in [
        (Method::POST, format!("{SCHEDULE}/shifts"), shift("u")),
        (Method::PUT, format!("{SCHEDULE}/shifts/{SHIFT}"), shift("u")),
        (Method::DELETE, format!("{SCHEDULE}/shifts/{SHIFT}"), Value::Null),
    ] {
        let (answer, calls) = play(&world, &request(method.clone(), &path, &body), refuses);
        assert_eq!((answer.response.status().as_u16(), calls.len()), (400, 1), "{method}");
        assert_eq!(calls[0].1["requests"][0]["method"], method.as_str());
        let error = body_of(&answer)["error"].clone();
        assert_eq!(error["code"], "WorkforceIntegrationError");
        insta::allow_duplicates! {
            insta::assert_snapshot!(error["message"].as_str().unwrap(), @r#"{"error":{"title":"Your request couldn't be completed","externalErrorMessage":"Not on a Sunday.","externalSource":"Contoso Workforce","externalImageLink":null,"code":"WorkforceIntegrationError","message":"Sorry your change couldn’t be completed.","details":[],"innererror":{"code":"WorkforceIntegrationError"}}}"#);
        }
        assert_eq!(answer.refused.unwrap().refusal.name, "connector-refused");
        assert_eq!(shifts(&world), before);
    }
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Hidden);
    let refused = entries
        .iter()
        .filter(|entry| entry.decided.detail.as_deref().is_some_and(|detail| detail.contains("Not on a Sunday.")))
        .count();
    assert_eq!(refused, 6, "three requests and three calls");
}

#[test]
fn the_answer_of_the_connector_decides() {
    let path = format!("{SCHEDULE}/shifts/{SHIFT}");
    let put = || request(Method::PUT, &path, &shift("u"));
    let outcome = |choices: &[(&str, &str)], outcome: CallOutcome| {
        let (answer, calls) = play(&bound(choices), &put(), |_| outcome.clone());
        (answer.response.status().as_u16(), calls.len(), answer.refused.map(|error| error.message.into_string()))
    };
    // "Missing or incomplete responses are treated as implicit approval."
    assert_eq!(outcome(&[], outcome_with(200, r#"{"responses":[]}"#)), (204, 1, None));
    let sentence = "Something went wrong. The workforce integration set up on your team has responded with invalid data.";
    assert_eq!(outcome(&[], outcome_with(200, "OK")), (400, 1, Some(sentence.to_owned())));
    assert_eq!(
        outcome(&[("update-retries", "three")], outcome_with(500, "")),
        (400, 4, Some(sentence.replace("set up", "setup")))
    );
    assert_eq!(outcome(&[], CallOutcome::Failed(CallFailure::Timeout)), (400, 1, Some(sentence.replace("set up", "setup"))));
    assert_eq!(outcome(&[("update-calls", "report")], outcome_with(500, "")), (204, 1, None));
    assert_eq!(outcome(&[("update-calls", "off")], outcome_with(500, "")), (204, 0, None));
}

#[test]
fn a_call_is_recorded_though_the_client_gets_no_answer() {
    for (effect, connector, stored) in [
        (r#"{ "answer": "gateway-timeout", "applies": true }"#, approves as fn(&Value) -> CallOutcome, FIXTURES + 1),
        (r#"{ "reset": true, "applies": true }"#, approves, FIXTURES + 1),
        (r#"{ "silence": true, "applies": true }"#, refuses, FIXTURES),
    ] {
        let world = bound(&[]);
        let rule = format!(r#"{{ "on": {{ "path": "/v1.0/teams/*/schedule/shifts", "method": "POST" }}, "do": {effect} }}"#);
        world.faults.set(fault::read("faults.json", rule.as_bytes()).unwrap());
        let new = request(Method::POST, &format!("{SCHEDULE}/shifts"), &shift("u"));
        let (answer, _) = play(&world, &new, connector);
        assert_eq!((answer.calls.len(), shifts(&world).len()), (1, stored), "{effect}");
        let calls = JournalQuery { to: Some(Destination::Connector), ..JournalQuery::default() };
        assert_eq!(world.journal.query(&calls, Secrets::Hidden).len(), 1, "{effect}");
    }
}

#[test]
fn requests_and_calls_to_connectors_are_verified_separately() {
    let world = bound(&[]);
    let new = request(Method::POST, &format!("{SCHEDULE}/shifts"), &shift("u"));
    play(&world, &new, approves);
    let verdict = |of: JournalQuery| world.journal.verify(&Expectation { of, ..Expectation::default() }, Secrets::Hidden).text;
    let posts = JournalQuery { method: Some(Method::POST), ..JournalQuery::default() };
    let to_connector = JournalQuery {
        to: Some(Destination::Connector),
        path: Some("/shifts/v1/teams/*/update".parse().unwrap()),
        ..JournalQuery::default()
    };
    assert_eq!(verdict(posts), "expected exactly 1 POST, found 1 among 2 requests");
    assert_eq!(
        verdict(to_connector),
        "expected exactly 1 call to a connector of /shifts/v1/teams/*/update, found 1 among 1 call to a connector"
    );
    // All are listed and printed, requests and calls alike.
    let all = world.journal.query(&JournalQuery::default(), Secrets::Hidden);
    assert_eq!(all.len(), 3);
    let text = journal::print(&all);
    let call =
        exchange::read(&text).unwrap().into_iter().find(|exchange| exchange.request.target.starts_with("https://")).unwrap();
    assert_eq!(call.comments[1], "a call to a connector");
    assert!(text.contains("\nPOST https://workforce.contoso.com/shifts/v1/teams/3d88b7a2-"), "{text}");
}

#[test]
fn an_entity_is_stored_under_an_approved_id_though_the_first_id_is_in_use() {
    let path = format!("{SCHEDULE}/shifts");
    let post = request(Method::POST, &path, &shift("u"));
    let id_of = |call: &OutboundCall| plaintext(call)["requests"][0]["id"].as_str().unwrap().to_owned();
    let take = |world: &World, id: &str| {
        let shifts = world.store.at(&EntityPath::of(&world.schema, &path).unwrap().collection);
        let other = shifts.get(SHIFT).unwrap();
        shifts.insert(Arc::new(StoredEntity::new(id.into(), other.properties.clone()))).unwrap();
    };
    // Left by an earlier run with the same seed.
    let first = id_of(&play(&bound(&[]), &post, approves).1[0].0);
    let world = bound(&[]);
    take(&world, &first);
    let (answer, calls) = play(&world, &post, approves);
    let ids: Vec<String> = calls.iter().map(|(call, _)| id_of(call)).collect();
    assert_eq!((answer.response.status(), ids.contains(&first)), (StatusCode::CREATED, false));
    assert_eq!(ids, [body_of(&answer)["id"].as_str().unwrap()]);
    // Another entity takes the id during the call, so the connector is asked about the new id too.
    let Step::Call(pending) = graph::pipeline::answer(&world, &post) else { panic!("the connector is asked") };
    let taken = id_of(&pending.call);
    take(&world, &taken);
    let approval = || outcome_with(200, r#"{"responses":[]}"#);
    let Step::Call(pending) = pending.resume(&world, approval()) else { panic!("the connector is asked again") };
    let other = id_of(&pending.call);
    let Step::Done(answer) = pending.resume(&world, approval()) else { panic!("the request is answered") };
    assert_ne!(taken, other);
    assert_eq!((answer.calls.len(), body_of(&answer)["id"].as_str()), (2, Some(&*other)));
}

#[test]
fn the_connector_is_asked_about_supported_entities_only_and_only_while_the_integration_is_active() {
    let world = bound(&[("shifts-rules", "lenient")]);
    let message_path = |world: &World, method: Method, path: &str| {
        let (answer, calls) = play(world, &request(method, &format!("{SCHEDULE}/{path}"), &json!({})), approves);
        assert!(answer.response.status().is_success(), "{path}");
        calls.first().map(|(_, message)| message["requests"][0]["url"].as_str().unwrap().split('/').nth(1).unwrap().to_owned())
    };
    assert_eq!(message_path(&world, Method::POST, "openShifts").as_deref(), Some("openshifts"));
    assert_eq!(message_path(&world, Method::POST, "timesOff"), None, "the integration does not support it");
    let change =
        |body: &Value| assert_eq!(harness::json(&world, Method::PATCH, INTEGRATION, Some(&body.to_string())).0, StatusCode::OK);
    change(&json!({ "supportedEntities": "TimeOff,TimeOffReason" }));
    assert_eq!(message_path(&world, Method::POST, "timesOff").as_deref(), Some("timesoff"));
    assert_eq!(message_path(&world, Method::POST, "timeOffReasons").as_deref(), Some("timeoffReasons"));
    assert_eq!(message_path(&world, Method::POST, "shifts"), None);
    change(&json!({ "isActive": false }));
    assert_eq!(message_path(&world, Method::DELETE, "timeOffReasons/TOR_891045ca-b5d2-406b-aa06-a3c8921245d7"), None);
    let mut behaviors = world.behaviors.clone();
    behaviors.set("inactive-integration", "ask").unwrap();
    let asking = world.with_behaviors(behaviors);
    assert!(message_path(&asking, Method::DELETE, "timesOff/TOFF_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029").is_some());
    // Without a binding, no call is made.
    harness::json(&world, Method::PUT, SCHEDULE, Some(r#"{"enabled":true,"timeZone":"UTC"}"#));
    assert_eq!(message_path(&asking, Method::POST, "timesOff"), None);
}

#[test]
fn a_change_is_merged_into_the_entity_as_it_is_when_the_connector_answers() {
    let world = bound(&[("replace", "keep"), ("shifts-rules", "lenient")]);
    let path = format!("{SCHEDULE}/shifts/{SHIFT}");
    let put = request(Method::PUT, &path, &json!({ "userId": "first" }));
    let Step::Call(pending) = graph::pipeline::answer(&world, &put) else { panic!("the connector is asked") };
    // Another change is approved during the call.
    let (answer, _) = play(&world, &request(Method::PUT, &path, &json!({ "schedulingGroupId": "second" })), approves);
    assert_eq!(answer.response.status(), StatusCode::NO_CONTENT);
    let Step::Done(_) = pending.resume(&world, outcome_with(200, r#"{"responses":[]}"#)) else {
        panic!("the request is answered")
    };
    let shift = shifts(&world)[0].clone();
    assert_eq!((&shift["userId"], &shift["schedulingGroupId"]), (&json!("first"), &json!("second")));
    // An entity deleted during the call is not created again.
    let Step::Call(pending) = graph::pipeline::answer(&world, &put) else { panic!("the connector is asked") };
    play(&world, &request(Method::DELETE, &path, &Value::Null), approves);
    let Step::Done(answer) = pending.resume(&world, outcome_with(200, r#"{"responses":[]}"#)) else {
        panic!("the request is answered")
    };
    assert_eq!(answer.response.status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_batch_asks_the_connector_about_each_of_its_changes() {
    let world = bound(&[]);
    let headers = json!({ "content-type": "application/json" });
    let part = |id: &str, body: Value| json!({ "id": id, "method": "POST", "url": "/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule/shifts", "headers": headers, "body": body });
    let batch = json!({ "requests": [part("1", shift("a")), part("2", shift("b"))] });
    let (answer, calls) = play(&world, &request(Method::POST, "/v1.0/$batch", &batch), |message| {
        if message["requests"][0]["body"]["userId"] == "a" { refuses(message) } else { approves(message) }
    });
    let statuses: Vec<u64> =
        body_of(&answer)["responses"].as_array().unwrap().iter().map(|part| part["status"].as_u64().unwrap()).collect();
    assert_eq!((statuses, calls.len()), (vec![400, 201], 2));
    assert_eq!(shifts(&world).len(), FIXTURES + 1);
}

/// Returns the body that binds a schedule to an integration.
fn binding_to(id: &str) -> String {
    json!({ "enabled": true, "timeZone": "UTC", "workforceIntegrationIds": [id] }).to_string()
}

#[test]
fn a_refusal_holds_even_if_the_binding_changes_during_the_call() {
    let other = "WFI_8dbddbb0-6cba-4861-a541-192320cc0e88";
    let put = request(Method::PUT, &format!("{SCHEDULE}/shifts/{SHIFT}"), &shift("u"));
    let meanwhile: [&dyn Fn(&World); 3] = [
        &|world| drop(harness::json(world, Method::DELETE, INTEGRATION, None)),
        &|world| drop(harness::json(world, Method::PUT, SCHEDULE, Some(&binding_to(other)))),
        &|world| drop(harness::json(world, Method::PUT, SCHEDULE, Some(r#"{"enabled":true,"timeZone":"UTC"}"#))),
    ];
    for change in meanwhile {
        let world = bound(&[]);
        let before = shifts(&world);
        let (answer, calls) = play(&world, &put, |message| {
            change(&world);
            refuses(message)
        });
        assert_eq!((answer.response.status().as_u16(), calls.len()), (400, 1));
        let message = body_of(&answer)["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("\"externalSource\":\"Contoso Workforce\""),
            "refused by the connector that was asked: {message}"
        );
        assert_eq!(shifts(&world), before);
    }
}

#[test]
fn an_approval_counts_only_for_the_integration_that_was_asked() {
    let second = json!({ "displayName": "Second", "apiVersion": 1, "isActive": true, "url": "http://127.0.0.1:9/second",
        "supportedEntities": "shift", "encryption": { "protocol": "sharedSecret", "secret": SECRET } });
    let world = bound(&[]);
    let (_, created) = harness::json(&world, Method::POST, "/v1.0/teamwork/workforceIntegrations", Some(&second.to_string()));
    let id = created["id"].as_str().unwrap().to_owned();
    let before = shifts(&world);
    let post = request(Method::POST, &format!("{SCHEDULE}/shifts"), &shift("u"));
    let calls_made = std::cell::Cell::new(0);
    let connector = |message: &Value| {
        calls_made.set(calls_made.get() + 1);
        if calls_made.get() == 1 {
            harness::json(&world, Method::PUT, SCHEDULE, Some(&binding_to(&id)));
            approves(message)
        } else {
            refuses(message)
        }
    };
    let (answer, calls) = play(&world, &post, connector);
    assert_eq!((answer.response.status().as_u16(), calls.len()), (400, 2));
    assert!(calls[1].0.url.to_string().starts_with("http://127.0.0.1:9/second/v1/"), "{}", calls[1].0.url);
    assert_eq!(calls[0].1["requests"][0]["id"], calls[1].1["requests"][0]["id"], "both are asked about one shift");
    assert_eq!((answer.calls.len(), shifts(&world)), (2, before));
    // A schedule that is no longer bound asks no other connector.
    let (answer, calls) = play(&world, &post, |message| {
        harness::json(&world, Method::PUT, SCHEDULE, Some(r#"{"enabled":true,"timeZone":"UTC"}"#));
        approves(message)
    });
    assert_eq!((answer.response.status().as_u16(), calls.len()), (201, 1));
}
