//! Injected faults, and their records in the journal.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use serde_json::json;
use wfi_emulator::internals::edm::value::Value;
use wfi_emulator::internals::graph;
use wfi_emulator::internals::graph::request::{Body, Request, Via};
use wfi_emulator::internals::graph::step::{Answer, DeliveryForm, Step};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fault::{self, Effect, FaultRule};
use wfi_emulator::internals::world::journal::{self, Expectation, JournalQuery, Secrets, Times};
use wfi_emulator::internals::world::settings::Settings;

use crate::support::harness;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

fn world(rules: &str) -> World {
    let faults = fault::read("faults.json", rules.as_bytes()).unwrap();
    World::new(Settings { faults, ..harness::settings(Behaviors::default()) })
}

fn send(world: &World, method: Method, target: &str, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert("content-type", "application/json".parse().unwrap());
    }
    let body = Body::Whole(Bytes::from(body.to_owned()));
    let request = Request {
        method,
        target: target.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body,
    };
    let Step::Done(answer) = graph::pipeline::answer(world, &request) else { panic!("no operation makes calls") };
    *answer
}

fn patch(world: &World, name: &str) -> Answer {
    send(world, Method::PATCH, ENTITY, &json!({ "displayName": name }).to_string())
}

fn name(world: &World) -> String {
    let set = world.schema.keyed_root_sets().next().unwrap();
    let entity = world.store.collection(set).get(ENTITY.rsplit('/').next().unwrap()).unwrap();
    let (_, structured) = world.schema.entity_type(world.schema.widest(), set).unwrap();
    match entity.properties.get(structured.slot("displayName").unwrap()) {
        Value::String(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_that_gets_no_answer_takes_effect_only_if_the_rule_says_so() {
    for (effect, form) in [("reset", DeliveryForm::Reset), ("silence", DeliveryForm::Silence)] {
        let world = world(&format!(
            r#"[{{"on":{{"nth":1}},"do":{{"{effect}":true}}}},{{"on":{{"nth":1}},"do":{{"{effect}":true,"applies":true,"delay":5}}}}]"#
        ));
        let before = name(&world);
        assert_eq!(patch(&world, "first").delivery.form, form);
        assert_eq!(name(&world), before);
        let second = patch(&world, "second");
        assert_eq!((second.delivery.form, second.delivery.delay), (form, Duration::from_millis(5)));
        assert_eq!(name(&world), "second");
    }
}

#[test]
fn a_fault_in_delivery_does_not_undo_the_change() {
    for (effect, form) in [
        (r#""truncate":7"#, DeliveryForm::CutShort(7)),
        (r#""slow":{"bytes":3,"every":2}"#, DeliveryForm::Slow(fault::SlowBody { bytes: 3, pause: Duration::from_millis(2) })),
        (r#""malformed":true"#, DeliveryForm::Whole),
    ] {
        let world = world(&format!(r#"{{"do":{{{effect}}}}}"#));
        let answer = patch(&world, "changed");
        assert_eq!((answer.delivery.form, answer.response.status()), (form, StatusCode::OK), "{effect}");
        assert_eq!(name(&world), "changed");
        let is_json = serde_json::from_slice::<serde_json::Value>(answer.response.body()).is_ok();
        assert_eq!(is_json, !effect.contains("malformed"));
    }
}

fn batch(world: &World, prefix: &str) -> Answer {
    let patch = json!({"id": "1", "method": "PATCH", "url": &ENTITY["/v1.0".len()..], "headers": {"Content-Type": "application/json"}, "body": {"displayName": "in a batch"}});
    let get = json!({"id": "2", "method": "GET", "url": &ENTITY["/v1.0".len()..], "dependsOn": ["1"]});
    let create = json!({"id": "3", "method": "POST", "url": &COLLECTION["/v1.0".len()..], "headers": {"Content-Type": "application/json"}, "body": {}});
    send(world, Method::POST, &format!("{prefix}/v1.0/$batch"), &json!({"requests": [patch, get, create]}).to_string())
}

#[test]
fn rules_apply_to_each_request_of_a_batch() {
    let throttles = world(r#"[{"name":"busy","on":{"method":"PATCH","nth":1},"do":"throttled-decimal"}]"#);
    let before = name(&throttles);
    let answer = batch(&throttles, "/_tenant/a");
    let body: serde_json::Value = serde_json::from_slice(answer.response.body()).unwrap();
    assert_eq!(answer.response.status(), StatusCode::OK);
    assert_eq!(body["responses"][0]["status"], 429);
    assert_eq!(body["responses"][0]["headers"]["Retry-After"], "2.128");
    assert_eq!(
        body["responses"][0]["body"]["error"]["innerError"]["request-id"],
        answer.response.headers()["request-id"].to_str().unwrap()
    );
    assert_eq!(body["responses"][1]["status"], 424);
    assert!(body["responses"][2]["headers"]["Location"].as_str().unwrap().contains("/_tenant/a/v1.0/"), "links keep the prefix");
    assert_eq!((name(&throttles), answer.applied_rules.as_deref()), (before, Some("busy")));
    let mixed = world(
        r#"[{"name":"late","on":{"method":"POST"},"do":{"delay":20}},{"name":"gone","on":{"method":"GET"},"do":{"reset":true}},{"name":"later","on":{"method":"PATCH"},"do":{"delay":30}}]"#,
    );
    let answer = batch(&mixed, "");
    assert_eq!((answer.delivery.delay, answer.delivery.form), (Duration::from_millis(30), DeliveryForm::Reset));
    assert_eq!(answer.applied_rules.as_deref(), Some("later, gone, late"));
    let whole = world(r#"{"on":{"path":"/*/$batch"},"do":"gateway-timeout"}"#);
    assert_eq!(batch(&whole, "").response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_ne!(name(&whole), "in a batch");
}

#[test]
fn the_journal_has_the_requests_of_a_batch_and_the_batch() {
    let world = world("[]");
    let answer = batch(&world, "");
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Hidden);
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{} {} {}",
                entry.exchange.request.method,
                entry.exchange.request.target.replace(ENTITY, "{entity}"),
                entry.exchange.comments[1..].join("; ")
            )
        })
        .collect();
    let id = answer.response.headers()["request-id"].to_str().unwrap();
    assert_eq!(
        lines.join("\n").replace(id, "{id}"),
        format!(
            "PATCH {{entity}} in the batch {{id}}\nGET {{entity}} in the batch {{id}}\nPOST {COLLECTION} in the batch {{id}}\nPOST /v1.0/$batch "
        )
    );
    let once = JournalQuery { method: Some(Method::PATCH), ..JournalQuery::default() };
    assert!(world.journal.verify(&Expectation { of: once, ..Expectation::default() }, Secrets::Hidden).holds);
}

#[test]
fn an_early_repeat_is_marked_in_the_journal() {
    let world = world(r#"{"name":"busy","on":{"nth":1},"do":{"answer":"throttled","retryAfter":60}}"#);
    let statuses: Vec<u16> = (0..2).map(|_| send(&world, Method::GET, ENTITY, "").response.status().as_u16()).collect();
    assert_eq!(statuses, [429, 429]);
    // The clock of the world is frozen, so the time is that of the system.
    assert_eq!(send(&world, Method::GET, ENTITY, "").response.headers()["retry-after"], "60");
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Hidden);
    assert!(entries[1].exchange.comments.iter().any(|comment| comment == "fault rules: busy (too early)"), "{entries:?}");
}

#[test]
fn a_preflight_is_no_request() {
    let world = world(r#"{"name":"busy","on":{"count":1},"do":"bad-gateway"}"#);
    let request = wfi_emulator::internals::text::exchange::RecordedRequest {
        method: Method::OPTIONS,
        target: ENTITY.to_owned(),
        headers: [("origin", "https://a.example"), ("access-control-request-method", "GET")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: Vec::new().into(),
    };
    assert_eq!(crate::support::harness::send(&world, &request).status, StatusCode::NO_CONTENT);
    assert_eq!(send(&world, Method::GET, ENTITY, "").response.status(), StatusCode::BAD_GATEWAY);
    let once =
        |method: Option<Method>| Expectation { of: JournalQuery { method, ..JournalQuery::default() }, ..Expectation::default() };
    let holds = |method| world.journal.verify(&once(method), Secrets::Hidden).holds;
    assert!(holds(None), "the preflight is not counted");
    assert!(holds(Some(Method::OPTIONS)), "unless it is asked for");
}

#[test]
fn a_rule_ignores_the_prefix_of_a_world() {
    let world = world(r#"{"on":{"path":"/v1.0/teamwork/**"},"do":"throttled"}"#);
    assert_eq!(send(&world, Method::GET, &format!("/_tenant/a{ENTITY}"), "").response.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn the_journal_has_the_request_the_decisions_and_the_changes() {
    let world = world(
        r#"[{"name":"busy","on":{"method":"DELETE","nth":1},"do":{"answer":"throttled","early":"accept"}},{"name":"gone","on":{"method":"DELETE","nth":1},"do":{"reset":true}}]"#,
    );
    let before = name(&world);
    patch(&world, "changed");
    send(&world, Method::GET, "/v1.0/xy", "");
    for _ in 0..3 {
        send(&world, Method::DELETE, &format!("/_tenant/a{ENTITY}"), "");
    }
    send(&world, Method::POST, COLLECTION, "{}");
    let entries = world.journal.query(&JournalQuery::default(), Secrets::Hidden);
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            let request = &entry.exchange.request;
            let status = entry.exchange.response.as_ref().map(|response| response.status.as_u16());
            let key = |entity: &Option<_>| {
                entity.as_ref().map(|entity: &std::sync::Arc<wfi_emulator::internals::edm::value::Entity>| entity.key.to_string())
            };
            let key = |entity| key(entity).map(|key| key.chars().take(8).collect::<String>());
            let (before, after) =
                entry.changed.as_ref().map_or((None, None), |changed| (key(&changed.before), key(&changed.after)));
            format!(
                "{} {} {status:?} {before:?} {after:?} {}",
                request.method,
                request.target,
                entry.exchange.comments[1..].join("; ")
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    PATCH /v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d Some(200) Some("WFI_0522") Some("WFI_0522") 
    GET /v1.0/xy Some(400) None None refused by unknown-segment: this path is not emulated
    DELETE /v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d Some(429) None None refused by fault-throttled: rule busy; fault rules: busy
    DELETE /v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d None None None fault rules: gone; ended by a connection reset
    DELETE /v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d Some(204) Some("WFI_0522") None 
    POST /v1.0/teamwork/workforceIntegrations Some(201) None Some("WFI_e9fd")
    "#);
    let set = entries[0].changed.as_ref().unwrap().set;
    let (_, structured) = world.schema.entity_type(world.schema.widest(), set).unwrap();
    let slot = |entity: &wfi_emulator::internals::edm::value::Entity| {
        *entity.properties.get(structured.slot("displayName").unwrap()) == Value::String(before.as_str().into())
    };
    let changed = entries[0].changed.as_ref().unwrap();
    assert!(slot(changed.before.as_ref().unwrap()) && !slot(changed.after.as_ref().unwrap()));
    let once = Expectation {
        of: JournalQuery {
            method: Some(Method::PATCH),
            id: Some("WFI_05227533-379e-4a0a-9d17-afe306a1e10d".to_owned()),
            ..JournalQuery::default()
        },
        body: Some(json!({"displayName": "changed"})),
        answer: Some(json!({"displayName": "changed"})),
        times: Times::exactly(1),
        ..Expectation::default()
    };
    let verdict = world.journal.verify(&once, Secrets::Hidden);
    assert!(verdict.holds, "{}", verdict.text);
}

#[test]
fn the_same_seed_and_requests_give_the_same_bytes_faults_included() {
    let rules = r#"[{"on":{"probability":0.2},"do":"service-unavailable"},{"on":{"probability":0.3},"do":{"delay":{"mean":30}}},"published-limits"]"#;
    let run = |seed: u64| {
        let world = world(rules);
        let faults = world.faults.rules().into_iter().map(|(rule, _)| rule).collect();
        let world = World::new(Settings { seed, faults, ..harness::settings(Behaviors::default()) });
        let mut all = Vec::new();
        for number in 0..200 {
            let answers = [
                patch(&world, &number.to_string()),
                send(&world, Method::POST, COLLECTION, "{}"),
                send(&world, Method::GET, COLLECTION, ""),
                send(&world, Method::GET, "/v1.0/xy", ""),
            ];
            for answer in answers {
                all.push(format!("{:?} {:?} {:?}", answer.response, answer.delivery, answer.applied_rules));
            }
        }
        (all, journal::print(&world.journal.query(&JournalQuery::default(), Secrets::Shown)))
    };
    let (answers, journal) = run(5);
    assert!(run(5) == (answers.clone(), journal));
    assert_ne!(run(6).0, answers);
    for (what, count) in [("503", 100..220), ("429", 200..700), ("2.", 1..800)] {
        let found = answers.iter().filter(|answer| answer.contains(what)).count();
        assert!(count.contains(&found), "{what}: {found}");
    }
}

#[test]
fn rules_may_be_added_and_removed_during_requests() {
    let world = world("[]");
    assert_eq!(send(&world, Method::GET, ENTITY, "").response.status(), StatusCode::OK);
    world.faults.add(FaultRule::ready("bad-gateway").unwrap()).unwrap();
    assert_eq!(send(&world, Method::GET, ENTITY, "").response.status(), StatusCode::BAD_GATEWAY);
    world.faults.set(vec![FaultRule::new("nothing", Effect::Reset)]);
    assert_eq!(send(&world, Method::GET, ENTITY, "").delivery.form, DeliveryForm::Reset);
    world.faults.set(Vec::new());
    assert_eq!(send(&world, Method::GET, ENTITY, "").response.status(), StatusCode::OK);
}

/// Sends a GET with a token of these claims, and returns the headers on limits.
fn limit_headers(world: &World, target: &str, claims: &serde_json::Value) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string())).parse().unwrap());
    let request = Request {
        method: Method::GET,
        target: target.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body: Body::Whole(Bytes::new()),
    };
    let Step::Done(answer) = graph::pipeline::answer(world, &request) else { panic!("no operation makes calls") };
    let is_on_limits = |name: &str| name.starts_with("x-ms-throttle") || name.starts_with("ratelimit");
    let headers = answer.response.headers().iter().filter(|(name, _)| is_on_limits(name.as_str()));
    headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

#[test]
fn answers_tell_how_much_of_a_limit_is_used_where_the_documentation_says_so() {
    const RULES: &str = r#"{"do":{"limit":{"requests":10,"seconds":60}}}"#;
    let application = json!({ "appid": "00000000-0000-0000-0000-00000000000a", "idtyp": "app", "tid": "t-1", "oid": "o" });
    let user = json!({ "oid": "00000000-0000-0000-0000-00000000000b", "scp": "User.Read" });
    let nth = |world: &World, target: &str, claims: &serde_json::Value, number: usize| {
        (0..number).map(|_| limit_headers(world, target, claims)).last().unwrap()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (directory, files) = ("/v1.0/users", "/v1.0/drives/d/items");
    // Above 0.8 of the limit, and with a refusal.
    assert_eq!(nth(&world(RULES), directory, &application, 8), []);
    assert_eq!(nth(&world(RULES), directory, &application, 9), pairs(&[("x-ms-throttle-limit-percentage", "0.90")]));
    let scope = "Tenant_Application/ReadWrite/00000000-0000-0000-0000-00000000000a/t-1";
    let refused = pairs(&[("x-ms-throttle-scope", scope), ("x-ms-throttle-information", "ResourceUnitLimitExceeded")]);
    assert_eq!(nth(&world(RULES), directory, &application, 11), refused);
    // A rule that refuses without a limit, and one for reads.
    let throttles = world(r#"{"on":{"method":"GET"},"do":"throttled"}"#);
    let scope = "Tenant_Application/Read/00000000-0000-0000-0000-00000000000a/t-1";
    let refused = pairs(&[("x-ms-throttle-scope", scope), ("x-ms-throttle-information", "ResourceUnitLimitExceeded")]);
    assert_eq!(nth(&throttles, directory, &application, 1), refused);
    assert_eq!(nth(&throttles, files, &application, 1), []);
    // Files: from 80 % on, for applications only.
    assert_eq!(nth(&world(RULES), files, &application, 7), []);
    let rate =
        |remaining: &str| pairs(&[("ratelimit-limit", "10"), ("ratelimit-remaining", remaining), ("ratelimit-reset", "55")]);
    assert_eq!(nth(&world(RULES), files, &application, 8), rate("2"));
    assert_eq!(nth(&world(RULES), files, &application, 11), rate("0"));
    assert_eq!(nth(&world(RULES), files, &user, 11), []);
    // Others have none, and a nearly used limit is not a fault.
    assert_eq!(nth(&world(RULES), COLLECTION, &application, 11), []);
    let quiet = world(RULES);
    nth(&quiet, directory, &application, 9);
    assert!(quiet.journal.query(&JournalQuery::default(), Secrets::Shown).iter().all(|entry| entry.decided.faults.is_none()));
    let mut behaviors = Behaviors::default();
    behaviors.set("limit-headers", "none").unwrap();
    let faults = fault::read("faults.json", RULES.as_bytes()).unwrap();
    let off = World::new(Settings { faults, ..harness::settings(behaviors) });
    assert_eq!(nth(&off, directory, &application, 11), []);
}
