mod document;

use http::HeaderMap;
use http::header::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::graph;
use crate::graph::request::{Body, Via};
use crate::graph::step::Step;
use crate::world::clock::Clock;
use crate::world::settings::Settings;
use crate::world::worlds::{Plan, WorldLimits};

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

fn worlds() -> Worlds {
    let settings = Settings { seed: 1, clock: Clock::Fixed(std::time::UNIX_EPOCH), ..crate::workloads::settings() };
    let entities = crate::world::fixture::shipped(&settings.schema, &settings.behaviors).unwrap();
    Worlds::new(
        Plan { settings: Settings { entities, ..settings }, fixtures: [("none".to_owned(), Vec::new())].into() },
        WorldLimits { worlds: 4, ..WorldLimits::default() },
    )
}

fn request(method: &Method, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    Request {
        method: method.clone(),
        target: target.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: crate::world::journal::Arrival::default(),
        headers: headers.iter().map(pair).collect::<HeaderMap>(),
        body: Body::Whole(Bytes::from(body.to_owned())),
    }
}

fn answered(outcome: ControlOutcome) -> Answer {
    match outcome {
        ControlOutcome::Answered(answer) | ControlOutcome::Provisional(answer, ..) | ControlOutcome::Notifying(answer, _) => {
            answer
        }
        ControlOutcome::Pending(..) => panic!("no operation here makes calls"),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "calls read better so")]
fn call(worlds: &Worlds, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = request(&method, &format!("{PREFIX}{path}"), &[("host", "localhost:9340")], body);
    let answer = answered(answer(&Control::default(), worlds, &request, Peer::Process));
    document::check_answer(&request, &answer);
    (answer.response.status().as_u16(), String::from_utf8(answer.response.body().to_vec()).unwrap())
}

fn json_of(worlds: &Worlds, method: Method, path: &str, body: &str) -> Value {
    let (status, text) = call(worlds, method, path, body);
    assert!((200..300).contains(&status), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

fn refusal(worlds: &Worlds, method: Method, path: &str, body: &str) -> String {
    let (status, text) = call(worlds, method, path, body);
    let value: Value = serde_json::from_str(&text).unwrap();
    format!("{status} {}: {}", value["error"]["code"].as_str().unwrap(), value["error"]["message"].as_str().unwrap())
}

/// Returns status and code of a refusal.
fn refusal_code(worlds: &Worlds, method: Method, path: &str, body: &str) -> String {
    refusal(worlds, method, path, body).split(':').next().unwrap_or_default().to_owned()
}

#[allow(clippy::needless_pass_by_value, reason = "calls read better so")]
fn graph(worlds: &Worlds, method: Method, target: &str, body: &str) -> (u16, Value) {
    let request = request(&method, target, &[("content-type", "application/json"), ("authorization", "Bearer hush")], body);
    let world = worlds.choose(request.target.path(), &request.headers, || None).unwrap();
    let Step::Done(answer) = graph::pipeline::answer(&world, &request) else { panic!("no operation makes calls") };
    (answer.response.status().as_u16(), serde_json::from_slice(answer.response.body()).unwrap_or_default())
}

#[test]
fn a_byte_order_mark_before_a_body_is_skipped() {
    let worlds = worlds();
    let text = "\u{feff}{\"top\":\"limit\"}";
    assert_eq!(json_of(&worlds, Method::PATCH, "/worlds/default/behaviors", text)["top"], "limit");
}

#[test]
fn worlds_are_created_listed_reset_forked_and_dropped() {
    let worlds = worlds();
    assert_eq!(json_of(&worlds, Method::PUT, "/worlds/a", "{}")["entities"]["workforceIntegrations"], 4);
    assert_eq!(json_of(&worlds, Method::PUT, "/worlds/b", r#"{"fixture":"none"}"#)["entities"]["workforceIntegrations"], 0);
    assert_eq!(graph(&worlds, Method::DELETE, &format!("/_tenant/a{ENTITY}"), "").0, 204);
    assert_eq!(json_of(&worlds, Method::PUT, "/worlds/c", r#"{"fork":"a"}"#)["entities"]["workforceIntegrations"], 3);
    assert_eq!(json_of(&worlds, Method::POST, "/worlds/a/reset", "")["entities"]["workforceIntegrations"], 4);
    assert_eq!(
        json_of(&worlds, Method::POST, "/worlds/d/reset", "")["entities"]["workforceIntegrations"],
        4,
        "created on first use"
    );
    let names: Vec<Value> = json_of(&worlds, Method::GET, "/worlds", "")["worlds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|world| world["name"].clone())
        .collect();
    assert_eq!(names, ["default", "a", "b", "c", "d"]);
    assert_eq!(refusal_code(&worlds, Method::PUT, "/worlds/a", ""), "409 world-exists");
    // A world that nothing has changed would give way.
    assert_eq!(graph(&worlds, Method::DELETE, &format!("/_tenant/d{ENTITY}"), "").0, 204);
    assert_eq!(refusal_code(&worlds, Method::PUT, "/worlds/e", ""), "409 too-many-worlds");
    assert_eq!(refusal_code(&worlds, Method::PUT, "/worlds/a%20b", ""), "400 world-name");
    assert_eq!(call(&worlds, Method::DELETE, "/worlds/d", "").0, 204);
    assert_eq!(refusal_code(&worlds, Method::DELETE, "/worlds/d", ""), "404 unknown-world");
    assert_eq!(refusal_code(&worlds, Method::GET, "/worlds/d", ""), "404 unknown-world");
    assert_eq!(refusal_code(&worlds, Method::PUT, "/worlds/d", r#"{"fixture":"nun"}"#), "404 unknown-fixture");
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/d", r#"{"fixtur":"none"}"#), @"400 unusable: invalid body: unknown field `fixtur`, expected one of `fixture`, `fork`, `seed` at line 1 column 9");
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/tenant", ""), @"404 unknown-path: no such endpoint; GET /_emulator lists them");
    insta::assert_snapshot!(refusal(&worlds, Method::POST, "/worlds/a", ""), @"405 method: unsupported method POST (supported: GET, PUT, DELETE)");
}

#[test]
fn an_unsupported_method_is_answered_with_the_supported_ones() {
    let worlds = worlds();
    let sent = |method: Method, path: &str| {
        let request = request(&method, &format!("{PREFIX}{path}"), &[("host", "localhost:9340")], "");
        answered(answer(&Control::default(), &worlds, &request, Peer::Process)).response
    };
    let refused = sent(Method::POST, "/worlds/default");
    assert_eq!((refused.status().as_u16(), &refused.headers()["allow"]), (405, &HeaderValue::from_static("GET, PUT, DELETE")));
    assert!(sent(Method::GET, "/worlds/default").headers().get("allow").is_none());
    // GET includes HEAD, with the same headers.
    for path in ["/health", "/ready", "/worlds"] {
        let (whole, head) = (sent(Method::GET, path), sent(Method::HEAD, path));
        assert_eq!((head.status(), head.headers()), (whole.status(), whole.headers()), "{path}");
        assert!(head.body().is_empty() && !whole.body().is_empty(), "{path}");
    }
    assert_eq!(sent(Method::HEAD, "/worlds/default/reset").status(), 405);
}

#[test]
fn state_is_exported_and_imported() {
    let worlds = worlds();
    let secret = "s".repeat(64);
    let (_, created) = graph(
        &worlds,
        Method::POST,
        "/v1.0/teamwork/workforceIntegrations",
        &json!({"encryption": {"protocol": "sharedSecret", "secret": secret}}).to_string(),
    );
    let id = created["id"].as_str().unwrap();
    let hidden = call(&worlds, Method::GET, "/worlds/default/state", "").1;
    assert!(hidden.contains(id) && !hidden.contains(&secret) && !hidden.contains("REDACTED"), "{hidden}");
    let whole = call(&worlds, Method::GET, "/worlds/default/state?secrets=true", "").1;
    assert!(whole.contains(&secret));
    let counted = json_of(&worlds, Method::PUT, "/worlds/b/state", &whole)["entities"].clone();
    let of = ["openShifts", "schedule", "shifts", "teams", "timeOffReasons", "timesOff", "workforceIntegrations", "users"];
    assert_eq!(of.map(|name| counted[name].as_u64().unwrap_or_default()), [4, 1, 78, 2, 3, 2, 5, 6]);
    assert_eq!(call(&worlds, Method::GET, "/worlds/b/state?secrets=true", "").1, whole);
    // A part replaces its own collections and no others.
    let integrations = call(&worlds, Method::GET, "/worlds/b/state?secrets=true&collection=workforceIntegrations", "").1;
    let counted = json_of(&worlds, Method::PUT, "/worlds/b/state?collection=workforceIntegrations", "[]")["entities"].clone();
    assert_eq!((&counted["workforceIntegrations"], &counted["shifts"]), (&json!(0), &json!(78)));
    json_of(&worlds, Method::PUT, "/worlds/b/state?collection=workforceIntegrations", &integrations);
    let without_collection = refusal(&worlds, Method::PUT, "/worlds/b/state", &integrations);
    assert!(without_collection.starts_with("400 unusable: body: unknown collection: "), "{without_collection}");
    assert_eq!(call(&worlds, Method::GET, "/worlds/b/state?secrets=true", "").1, whole);
    let counted = json_of(&worlds, Method::PUT, "/worlds/b/state?collection=teams", "[]")["entities"].clone();
    assert_eq!((&counted["workforceIntegrations"], &counted["shifts"]), (&json!(5), &json!(null)));
    // An answer of Graph names its collection.
    let teams = r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#teams","value":[{"id":"t1"}]}"#;
    let counted = json_of(&worlds, Method::PUT, "/worlds/b/state", teams)["entities"].clone();
    assert_eq!((&counted["workforceIntegrations"], &counted["teams"]), (&json!(5), &json!(1)));
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/b/state?collection=workforceIntegrations", teams), @r#"400 unusable: workforceIntegrations.json: $["@odata.context"]: teams contradicts the file name (teamwork/workforceIntegrations)"#);
    let shifts = r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#teams('t1')/schedule/shifts","value":[]}"#;
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/b/state", shifts), @r#"400 unusable: body: $["@odata.context"]: shifts cannot have a file of their own: nest them under `schedule` in teams.json"#);
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/b/state?collection=workforceIntegrations", r#"[{"id":"a","apiVersion":"two"}]"#), @"400 unusable: workforceIntegrations.json: $[0].apiVersion: found a string, expected a whole number from -2147483648 to 2147483647");
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/b/state?collection=sites", ""), @"400 unusable: unknown collection 'sites' (known: workforceIntegrations, deletedItems, teams, applications, directoryObjects, drives, groups, oauth2PermissionGrants, organization, servicePrincipals, subscriptions, users)");
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/b/state?secret=true", ""), @"400 unusable: unknown parameter 'secret' (known: collection, secrets)");
}

#[test]
fn one_collection_has_an_address_of_its_own() {
    let worlds = worlds();
    let get = |path: &str| call(&worlds, Method::GET, path, "");
    for (path, former) in [
        ("/worlds/a/state/teams", "/worlds/a/state?collection=teams"),
        ("/worlds/a/state/workforceIntegrations?secrets=true", "/worlds/a/state?collection=workforceIntegrations&secrets=true"),
        ("/tenants/a/state/users", "/tenants/a/state?collection=users"),
    ] {
        assert_eq!(get(path), get(former), "{path}");
    }
    let teams = get("/worlds/a/state/teams").1;
    let put = |path: &str, body: &str| json_of(&worlds, Method::PUT, path, body)["entities"]["teams"].clone();
    assert_eq!((put("/worlds/a/state/teams", "[]"), put("/worlds/a/state/teams", &teams)), (json!(0), json!(2)));
    assert_eq!(get("/worlds/a/state/teams").1, teams);
    // Singletons contain collections, and are not collections.
    for name in ["sites", "teamwork", "me", "schedule"] {
        let message = refusal(&worlds, Method::GET, &format!("/worlds/a/state/{name}"), "");
        assert!(message.starts_with(&format!("404 unknown-collection: unknown collection '{name}' (known: work")), "{message}");
        assert_eq!(refusal_code(&worlds, Method::PUT, &format!("/worlds/a/state/{name}"), "[]"), "404 unknown-collection");
    }
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/a/state/teams?collection=teams", "[]"), @"400 unusable: unknown parameter 'collection' (known: none)");
    let long = request(&Method::PUT, "/_emulator/worlds/a/state/teams", &[], "");
    assert_eq!(body_limit(&worlds, &long), worlds.store_limit());
}

#[test]
fn behaviors_and_clocks_are_those_of_one_world() {
    let worlds = worlds();
    let patch = format!("/_tenant/a{ENTITY}");
    assert_eq!(
        json_of(&worlds, Method::PATCH, "/worlds/a/behaviors", r#"{"update-response":"no-content"}"#)["update-response"],
        "no-content"
    );
    assert_eq!((graph(&worlds, Method::PATCH, &patch, "{}").0, graph(&worlds, Method::PATCH, ENTITY, "{}").0), (204, 200));
    let observed = json_of(&worlds, Method::PATCH, "/worlds/a/behaviors", r#"{"profile":"observed","secret":"echo"}"#);
    assert_eq!((observed["secret"].as_str(), observed["batch-order"].as_str()), (Some("echo"), Some("shuffled")));
    insta::assert_snapshot!(refusal(&worlds, Method::PATCH, "/worlds/a/behaviors", r#"{"secret":"show"}"#), @"400 unusable: unknown value 'show' of behavior 'secret' (known: null, echo)");
    insta::assert_snapshot!(refusal(&worlds, Method::PATCH, "/worlds/a/behaviors", r#"{"profile":7}"#), @"400 unusable: invalid profile 7 (known: documented, observed, reference-page)");
    let clock = |body: &str| json_of(&worlds, Method::PUT, "/worlds/a/clock", body).to_string();
    assert_eq!(clock(r#"{"now":"2026-01-01T00:00:00Z"}"#), r#"{"now":"2026-01-01T00:00:00Z","running":false}"#);
    assert_eq!(clock(r#"{"advance":1.5}"#), r#"{"now":"2026-01-01T00:00:01.5Z","running":false}"#);
    assert_eq!(clock(r#"{"now":"2027-01-01T00:00:00Z","advance":-1}"#), r#"{"now":"2026-12-31T23:59:59Z","running":false}"#);
    assert!(clock(r#"{"running":true}"#).starts_with(r#"{"now":"2026-12-31T23:59:59"#));
    assert_eq!(json_of(&worlds, Method::GET, "/worlds/a/clock", "")["running"], true);
    assert_eq!(json_of(&worlds, Method::GET, "/worlds/default/clock", "")["now"], "1970-01-01T00:00:00Z");
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/a/clock", r#"{"now":"noon"}"#), @"400 unusable: invalid now 'noon': expected a time since 1970 such as 2026-01-01T00:00:00Z");
}

#[test]
fn faults_are_set_added_listed_and_cleared() {
    let worlds = worlds();
    let rules = json_of(
        &worlds,
        Method::PUT,
        "/worlds/a/faults",
        r#"[{"name":"busy","on":{"nth":1},"do":{"answer":"throttled","early":"accept"}}]"#,
    );
    insta::assert_snapshot!(rules["faults"], @r#"[{"do":{"answer":{"preset":"throttled"},"early":"accept","retryAfter":"1"},"name":"busy","on":{"nth":1},"rule":{"do":{"answer":"throttled","early":"accept","retryAfter":"1"},"name":"busy","on":{"nth":1}},"seen":0,"struck":0}]"#);
    json_of(&worlds, Method::POST, "/worlds/a/faults", r#"{"name":"down","do":"bad-gateway"}"#);
    let target = format!("/_tenant/a{ENTITY}");
    let statuses: Vec<u16> = (0..3).map(|_| graph(&worlds, Method::GET, &target, "").0).collect();
    assert_eq!(statuses, [429, 502, 502]);
    let listed = json_of(&worlds, Method::GET, "/worlds/a/faults", "");
    assert_eq!((listed["faults"][0]["struck"].as_u64(), listed["faults"][1]["struck"].as_u64()), (Some(1), Some(2)));
    assert_eq!(call(&worlds, Method::DELETE, "/worlds/a/faults", "").0, 204);
    assert_eq!((graph(&worlds, Method::GET, &target, "").0, graph(&worlds, Method::GET, ENTITY, "").0), (200, 200));
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/a/faults", r#"[{"do":"trottled"}]"#), @r#"400 unusable: body: $[0].do: found "trottled", expected one of throttled, throttled-decimal, throttled-without-retry-after, internal-server-error, bad-gateway, service-unavailable, gateway-timeout, expired-token"#);
}

#[test]
fn text_of_a_client_gives_no_orders_to_the_terminal_that_shows_the_journal() {
    let worlds = worlds();
    graph(&worlds, Method::GET, "/v1.0/x%c2%9b31m%7f%e2%80%ae", "");
    for query in ["", "?format=exchange"] {
        let (_, text) = call(&worlds, Method::GET, &format!("/worlds/default/journal{query}"), "");
        assert!(text.contains("x\\u009b31m\\u007f\\u202e"), "{text}");
        assert!(!text.chars().any(|shown| crate::text::visible::is_control(shown) && shown != '\n'), "{text:?}");
    }
}

#[test]
fn rules_are_limited_in_text_and_take_memory_of_the_stores() {
    let settings = crate::workloads::settings();
    let budget = std::sync::Arc::new(crate::world::budget::Budget::new(1 << 20));
    let settings = Settings { stores: budget.clone(), ..settings };
    let worlds = Worlds::new(Plan { settings, fixtures: [].into() }, WorldLimits::default());
    let before = budget.used();
    let rules = |count: usize, length: usize| {
        let message = "x".repeat(length);
        let rule = json!({ "on": { "path": "/v1.0/x" }, "do": { "answer": { "status": 500, "message": message } } });
        Value::from(vec![rule; count]).to_string()
    };
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/a/faults", &rules(900, 4000)), @"400 unusable: body: $: rules too long (the limit is 262144 bytes of text in a world)");
    json_of(&worlds, Method::PUT, "/worlds/a/faults", &rules(50, 4000));
    let one = budget.used() - before;
    assert!((200_000..300_000).contains(&one), "{one}");
    insta::assert_snapshot!(refusal(&worlds, Method::POST, "/worlds/a/faults", &rules(20, 4000)), @"400 unusable: rules too long (the limit is 262144 bytes of text in a world)");
    insta::assert_snapshot!(refusal(&worlds, Method::POST, "/worlds/a/faults", &rules(951, 0)), @"400 unusable: too many rules (the limit is 1000 in a world)");
    json_of(&worlds, Method::POST, "/worlds/a/faults", &rules(1, 4000));
    json_of(&worlds, Method::PUT, "/worlds/a/faults", &rules(50, 4000));
    assert_eq!(budget.used() - before, one, "replaced rules are given back");
    // Worlds share what is left, and a fork has rules of its own.
    let put = |name: &str, count| call(&worlds, Method::PUT, &format!("/worlds/{name}/faults"), &rules(count, 4000)).0;
    assert_eq!((put("b", 60), put("c", 60)), (200, 200));
    assert!(
        refusal(&worlds, Method::PUT, "/worlds/d/faults", &rules(60, 4000)).starts_with("409 store-full: store limit reached")
    );
    assert_eq!(json_of(&worlds, Method::GET, "/worlds/d/faults", "")["faults"].as_array().unwrap().len(), 0);
    assert_eq!(put("c", 60), 200, "rules are replaced within the limit");
    assert_eq!(refusal_code(&worlds, Method::PUT, "/worlds/e", r#"{"fork":"b"}"#), "409 store-full");
    for name in ["a", "b", "c"] {
        assert_eq!(call(&worlds, Method::DELETE, &format!("/worlds/{name}"), "").0, 204);
    }
    assert_eq!((put("d", 60), call(&worlds, Method::DELETE, "/worlds/d/faults", "").0), (200, 204));
    assert!(budget.used() < before + 10_000, "{} after {before}", budget.used());
}

#[test]
fn the_journal_is_queried_printed_verified_and_cleared() {
    let worlds = worlds();
    graph(&worlds, Method::PATCH, ENTITY, r#"{"displayName":"x","encryption":{"secret":"hush"}}"#);
    graph(&worlds, Method::GET, "/v1.0/xy?a=b", "");
    let all = json_of(&worlds, Method::GET, "/worlds/default/journal", "");
    assert_eq!(all["count"], 2);
    let entry = &all["entries"][0];
    assert_eq!(
        (entry["method"].as_str(), entry["status"].as_u64(), entry["after"]["displayName"].as_str()),
        (Some("PATCH"), Some(200), Some("x"))
    );
    assert_eq!(entry["request"]["body"]["encryption"]["secret"], "REDACTED");
    assert!(!all.to_string().contains("hush"));
    assert!(json_of(&worlds, Method::GET, "/worlds/default/journal?secrets=true", "").to_string().contains("hush"));
    let numbers = |query: &str| -> Vec<u64> {
        let all = json_of(&worlds, Method::GET, &format!("/worlds/default/journal?{query}"), "");
        all["entries"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("method=patch"), [1]);
    assert_eq!(numbers("status=4xx"), [2]);
    assert_eq!(numbers("path=/v1.0/xy"), [2]);
    assert_eq!(numbers("id=WFI_05227533-379e-4a0a-9d17-afe306a1e10d&status=200"), [1]);
    assert_eq!(numbers("limit=1"), [2]);
    assert_eq!(numbers("until=1970-01-01T00:00:00Z"), [0_u64; 0]);
    let (_, text) = call(&worlds, Method::GET, "/worlds/default/journal?format=exchange&method=GET", "");
    assert!(text.starts_with("# request 2 at 1970-01-01T00:00:00Z\n# refused by unknown-segment: this path is not emulated\nGET {{base}}/v1.0/xy?a=b\n"), "{text}");
    assert_eq!(call(&worlds, Method::GET, "/worlds/default/journal/exchanges?method=GET", "").1, text);
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/default/journal/exchanges?after=1", ""), @"400 unusable: unknown parameter 'after' (known: to, method, path, id, status, since, until, limit, number, secrets)");
    for (condition, holds) in [(r#""hush""#, false), (r#"{"$is":"Bearer hush"}"#, true), (r#"{"$is":"Bearer *"}"#, false)] {
        let body = format!(r#"{{"method":["PATCH"],"headers":{{"Authorization":{condition}}},"secrets":true}}"#);
        assert_eq!(json_of(&worlds, Method::POST, "/worlds/default/journal/verify", &body)["holds"], holds, "{condition}");
    }
    let verdict =
        json_of(&worlds, Method::POST, "/worlds/default/journal/verify", r#"{"method":"PATCH","body":{"displayName":"x"}}"#);
    assert_eq!((verdict["holds"].as_bool(), verdict["found"][0].as_u64()), (Some(true), Some(1)));
    let verdict = json_of(
        &worlds,
        Method::POST,
        "/worlds/default/journal/verify",
        r#"{"method":"PATCH","status":"2xx","body":{"displayName":"y"},"times":{"atLeast":1}}"#,
    );
    insta::assert_snapshot!(verdict["text"].as_str().unwrap(), @r#"
    expected at least 1 PATCH answered with 200 to 299 with {"displayName":"y"}, found 0 among 2 requests
    closest: request 1, PATCH /v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d, 200
      $.displayName: expected "y", found "x"
    "#);
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/default/journal?status=ok", ""), @"400 unusable: invalid status 'ok': expected a number such as 204 or a class such as 2xx");
    for class in ["0xx", "6xx", "9xx", "%2B2xx", "20x"] {
        let message = refusal(&worlds, Method::GET, &format!("/worlds/default/journal?status={class}"), "");
        assert!(message.ends_with("': expected a number such as 204 or a class such as 2xx"), "{class}: {message}");
    }
    assert_eq!(numbers("status=4XX"), [2]);
    assert_eq!((numbers("to=graph&status=4XX"), numbers("to=connector")), (vec![2], vec![]));
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/default/journal?to=x", ""), @"400 unusable: invalid to 'x': expected graph or connector");
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/default/journal?path=x", ""), @"400 unusable: invalid path 'x': expected a path that begins with /");
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds/default/journal?limit=1&limit=2", ""), @"400 unusable: duplicate parameter 'limit'");
    assert_eq!(call(&worlds, Method::DELETE, "/worlds/default/journal", "").0, 204);
    assert_eq!(numbers(""), [0_u64; 0]);
}

#[test]
fn an_invalid_body_has_a_message_of_its_own() {
    let worlds = worlds();
    let verify = |body: &str| refusal(&worlds, Method::POST, "/worlds/a/journal/verify", body);
    insta::assert_snapshot!(verify("[]"), @"400 unusable: invalid body: found an array, expected an object");
    insta::assert_snapshot!(verify("null"), @"400 unusable: invalid body: found null, expected an object");
    insta::assert_snapshot!(verify(r#"{"times":"x"}"#), @r#"400 unusable: invalid times "x": expected a whole number, or an object with atLeast and atMost"#);
    insta::assert_snapshot!(verify(r#"{"times":-1}"#), @"400 unusable: invalid times -1: expected a whole number, or an object with atLeast and atMost");
    insta::assert_snapshot!(verify(r#"{"times":{"atLest":1}}"#), @r#"400 unusable: invalid times {"atLest":1}: expected a whole number, or an object with atLeast and atMost"#);
    insta::assert_snapshot!(verify(r#"{"times":{}}"#), @"400 unusable: invalid times {}: expected a whole number, or an object with atLeast and atMost");
    insta::assert_snapshot!(verify(r#"{"times":{"atLeast":3,"atMost":1}}"#), @r#"400 unusable: invalid times: atMost (1) is less than atLeast (3)"#);
    insta::assert_snapshot!(verify(r#"{"status":"9xx"}"#), @"400 unusable: invalid status '9xx': expected a number such as 204 or a class such as 2xx");
    insta::assert_snapshot!(verify(r#"{"status":2040}"#), @"400 unusable: invalid status '2040': expected a number such as 204 or a class such as 2xx");
    insta::assert_snapshot!(refusal(&worlds, Method::PUT, "/worlds/a/clock", r#"["2027-01-01T00:00:00Z"]"#), @"400 unusable: invalid body: found an array, expected an object");
    assert_eq!(refusal_code(&worlds, Method::DELETE, "/worlds/default", ""), "409 default-world");
}

#[test]
fn web_pages_and_other_machines_are_refused() {
    let worlds = worlds();
    let control = |token: Option<&str>| Control { token: token.map(str::to_owned), ..Control::default() };
    let local = Peer::Address("127.0.0.1".parse().unwrap());
    let mapped = Peer::Address("::ffff:127.0.0.1".parse().unwrap());
    let far = Peer::Address("192.0.2.7".parse().unwrap());
    let status = |token: Option<&str>, peer: Peer, headers: &[(&str, &str)]| {
        let request = request(&Method::GET, "/_emulator/worlds", headers, "");
        answered(answer(&control(token), &worlds, &request, peer)).response.status().as_u16()
    };
    let token = ("x-wfi-emulator-control-token", "key");
    for (given, peer, headers, expected) in [
        (None, local, &[][..], 200),
        (None, mapped, &[("host", "localhost")], 200),
        (None, local, &[("host", "LOCALHOST.:9340")], 200),
        (None, local, &[("host", "127.0.0.1:9340")], 200),
        (None, local, &[("host", "[::1]:9340")], 200),
        (None, local, &[("host", "graph.localhost:9340")], 200),
        // Browsers go to this machine.
        (None, local, &[("host", "0.0.0.0:9340")], 403),
        (None, local, &[("host", "0.0.0.0.")], 403),
        (None, local, &[("host", "[::]:9340")], 403),
        (None, local, &[("host", "[0:0::0]")], 403),
        (None, local, &[("host", "[::ffff:0.0.0.0]")], 403),
        (None, local, &[("host", "evil.example:9340")], 403),
        (None, local, &[("host", "localhost.evil.example")], 403),
        (None, local, &[("host", "")], 403),
        (None, local, &[("host", "[::1].evil.example")], 403),
        (None, local, &[("host", "[::1]evil.example")], 403),
        (None, local, &[("host", "[::1")], 403),
        (None, local, &[("host", "[::1%25lo]")], 403),
        (None, local, &[("host", "[localhost]")], 403),
        (None, local, &[("host", "::1")], 403),
        (None, local, &[("host", "[::1]:")], 200),
        (None, local, &[("host", "[::1]:65536")], 403),
        (None, local, &[("host", "localhost:x@evil.example")], 403),
        (None, local, &[("host", "evil.example@localhost")], 403),
        (None, local, &[("host", "localhost@evil.example:9340")], 403),
        (None, local, &[("host", "a@b.localhost")], 403),
        (None, local, &[("host", "localhost:")], 200),
        (None, local, &[("host", "localhost:+80")], 403),
        (None, local, &[("host", "localhost:80:80")], 403),
        (None, local, &[("host", "localhost:99999")], 403),
        (None, local, &[("host", "localhost:9340/x")], 403),
        (None, local, &[("host", "localhost..")], 403),
        (None, local, &[("host", ".localhost")], 403),
        (None, local, &[("host", "evil.example#.localhost")], 403),
        (None, local, &[("host", " localhost")], 403),
        (None, local, &[("host", "127.0.0.1.")], 200),
        (None, local, &[("host", "127.0.0.1.evil.example")], 403),
        (None, local, &[("host", "localhost, evil.example")], 403),
        (None, local, &[("host", "localhost"), ("host", "evil.example")], 403),
        (None, local, &[("host", "evil.example"), ("host", "localhost")], 403),
        (None, local, &[("host", "localhost"), ("forwarded", "for=192.0.2.1")], 403),
        (None, local, &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], 403),
        (None, local, &[("host", "localhost"), ("x-forwarded-proto", "https")], 403),
        (None, local, &[("host", "localhost"), ("x-real-ip", "192.0.2.1")], 403),
        (None, local, &[("host", "localhost"), ("via", "1.1 proxy")], 403),
        (Some("key"), local, &[("host", "localhost"), ("via", "1.1 proxy")], 403),
        (Some("key"), local, &[("host", "graph.example"), ("via", "1.1 proxy"), token], 200),
        (None, Peer::Process, &[("via", "1.1 proxy")], 200),
        (None, local, &[("host", "localhost:9340"), ("origin", "http://localhost:9340")], 403),
        (None, local, &[("host", "localhost:9340"), ("sec-fetch-site", "same-origin")], 403),
        (Some("key"), local, &[("host", "localhost:9340"), ("origin", "http://localhost:9340"), token], 200),
        (None, local, &[("host", "localhost:9340"), ("origin", "http://localhost:3000")], 403),
        (None, local, &[("host", "localhost:9340"), ("origin", "http://evil.example")], 403),
        (None, local, &[("host", "localhost:9340"), ("origin", "null")], 403),
        (None, local, &[("host", "localhost:9340"), ("sec-fetch-site", "cross-site")], 403),
        (None, local, &[("host", "localhost:9340"), ("sec-fetch-site", "same-site")], 403),
        (None, local, &[("host", "localhost:9340"), ("sec-fetch-site", "none")], 200),
        (None, far, &[("host", "localhost:9340")], 403),
        (None, far, &[("host", "localhost:9340"), token], 403),
        (Some("key"), far, &[("host", "emulator:9340"), token], 200),
        (Some("key"), far, &[("host", "emulator:9340"), ("authorization", "Bearer key")], 200),
        (Some("key"), far, &[("host", "emulator:9340"), ("authorization", "Bearer keys")], 403),
        (Some("key"), far, &[("host", "emulator:9340")], 403),
        (Some("key"), local, &[("host", "localhost")], 200),
        // An empty variable, such as an unset one in a container's file, does not count as a token.
        (Some(""), far, &[("host", "emulator:9340"), ("x-wfi-emulator-control-token", "")], 403),
        (Some(""), far, &[("host", "emulator:9340"), ("authorization", "Bearer ")], 403),
        (None, Peer::Process, &[], 200),
    ] {
        assert_eq!(status(given, peer, headers), expected, "{given:?} {peer:?} {headers:?}");
    }
    // A target with an authority does not hide a host, nor the other way round.
    for (target, host, expected) in [
        ("http://localhost:9340/_emulator/worlds", "localhost:9340", 200),
        ("http://localhost/_emulator/worlds", "evil.example", 403),
        ("http://evil.example/_emulator/worlds", "localhost", 403),
        ("http://localhost@evil.example/_emulator/worlds", "localhost", 403),
        ("http://user@localhost/_emulator/worlds", "localhost", 403),
    ] {
        let request = request(&Method::GET, target, &[("host", host)], "");
        let answer = answered(answer(&control(None), &worlds, &request, local));
        assert_eq!(answer.response.status(), expected, "{target} {host}");
        for (name, value) in [("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "same-origin")] {
            assert_eq!(answer.response.headers()[name], value);
        }
    }
    let health = request(&Method::GET, "/_emulator/health", &[("host", "anything")], "");
    assert_eq!(answered(answer(&control(None), &worlds, &health, far)).response.status(), 200, "health needs no token");
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn nothing_panics(path in "(/worlds/a)?/[a-z{}%/]{0,12}", query in "[a-z=&%0-9]{0,20}", body in r#"[\[\]{}":,a-z0-9]{0,30}"#, operation in 0..OPERATIONS.len()) {
        let worlds = worlds();
        let operation = &OPERATIONS[operation];
        let fitting = operation.path.replace("{name}", "a");
        for path in [&path, &fitting] {
            if let Ok(target) = format!("{PREFIX}{path}?{query}").parse() {
                let request = Request { target, ..request(&operation.method, "/", &[], &body) };
                let status = answered(answer(&Control::default(), &worlds, &request, Peer::Process)).response.status();
                prop_assert!(!status.is_server_error());
            }
        }
    }
}

#[test]
fn the_former_path_has_the_former_names() {
    let worlds = worlds();
    json_of(&worlds, Method::PUT, "/tenants/a", "");
    assert_eq!(json_of(&worlds, Method::GET, "/tenants/a", ""), json_of(&worlds, Method::GET, "/worlds/a", ""));
    let (former, current) = (json_of(&worlds, Method::GET, "/tenants", ""), json_of(&worlds, Method::GET, "/worlds", ""));
    assert_eq!((&former["tenants"], former.get("worlds")), (&current["worlds"], None));
    let about = json_of(&worlds, Method::GET, "", "");
    assert_eq!((&about["tenants"], about["tenants"]["limit"].as_u64()), (&about["worlds"], Some(4)));
    for (method, name, body, codes) in [
        (Method::PUT, "/a", "", ["tenant-exists", "world-exists"]),
        (Method::PUT, "/a%20b", "", ["tenant-name", "world-name"]),
        (Method::GET, "/b", "", ["unknown-tenant", "unknown-world"]),
        (Method::DELETE, "/default", "", ["default-tenant", "default-world"]),
        (Method::PUT, "/b", r#"{"fixture":"x"}"#, ["unknown-fixture", "unknown-fixture"]),
    ] {
        for (path, code) in ["/tenants", "/worlds"].into_iter().zip(codes) {
            let message = refusal(&worlds, method.clone(), &format!("{path}{name}"), body);
            assert_eq!(message.split([' ', ':']).nth(1), Some(code), "{message}");
            let noun = if path == "/tenants" { "tenant" } else { "world" };
            assert!(code == "unknown-fixture" || message.split(": ").nth(1).unwrap().contains(noun), "{message}");
        }
    }
    assert_eq!(call(&worlds, Method::GET, "/tenantsx", "").0, 404);
}

#[test]
fn an_export_is_the_reading_of_a_state() {
    for (method, path, expected) in [
        (Method::GET, "/worlds/a/state?secrets=true", true),
        (Method::HEAD, "/tenants/a/state/", true),
        (Method::PUT, "/worlds/a/state", false),
        (Method::POST, "/worlds/a/state", false),
        (Method::GET, "/worlds/a/state/teams", true),
        (Method::PUT, "/worlds/a/state/teams", false),
        (Method::GET, "/worlds/a", false),
        (Method::GET, "/worlds/a/journal", false),
        (Method::GET, "/worlds/a/journal/exchanges", false),
    ] {
        assert_eq!(is_export(&request(&method, &format!("{PREFIX}{path}"), &[], "")), expected, "{method} {path}");
    }
}

#[test]
fn a_world_for_a_test_has_a_name_and_an_address_of_its_own() {
    let worlds = worlds();
    let create = |body: &str| json_of(&worlds, Method::POST, "/worlds", body);
    let first = create(r#"{"label":"suite::a/b","seed":7}"#);
    assert_eq!((&first["name"], &first["seed"]), (&"suite--a-b-1".into(), &7.into()));
    assert!(first["url"].as_str().unwrap().ends_with("/_world/suite--a-b-1"), "{first}");
    assert_eq!(create("")["name"], "world-2");
    assert_eq!(create(r#"{"label":"x","fork":"suite--a-b-1"}"#)["name"], "x-3");
    let refused = |body: &str| refusal(&worlds, Method::POST, "/worlds", body);
    insta::assert_snapshot!(refused(r#"{"fork":"default","seed":1}"#), @"400 unusable: conflicting members seed and fork: use one of them");
    insta::assert_snapshot!(refused(r#"{"seed":9007199254740992}"#), @"400 unusable: invalid seed 9007199254740992: expected a number below 2^53");
    insta::assert_snapshot!(refused(r#"{"fork":"absent"}"#), @"404 unknown-world: unknown world 'absent'");
}

#[test]
fn entities_are_shown_collection_by_collection_and_changed_with_the_checks_of_graph() {
    let worlds = worlds();
    let roots = json_of(&worlds, Method::GET, "/worlds/a/entities", "");
    let count = |page: &Value, path: &str| {
        let found = page["collections"].as_array().unwrap().iter().find(|collection| collection["path"] == path);
        found.map(|collection| collection["count"].clone())
    };
    assert_eq!((count(&roots, "teamwork/workforceIntegrations"), count(&roots, "teams")), (Some(4.into()), Some(2.into())));
    let teams = json_of(&worlds, Method::GET, "/worlds/a/entities?at=teams&limit=1", "");
    let team = &teams["entities"][0];
    let (path, key) = (team["path"].as_str().unwrap(), team["key"].as_str().unwrap());
    assert_eq!((path, team["entity"]["id"].as_str()), (&*format!("teams('{key}')"), Some(key)));
    let second = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at=teams&after={}", teams["next"]), "");
    assert!(
        second["entities"].as_array().unwrap().len() == 1
            && second["entities"][0]["key"] != team["key"]
            && second["next"].is_null()
    );
    let contained = team["contains"].as_array().unwrap().iter().find(|contained| contained["name"] == "members").unwrap();
    let members = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at={}", contained["path"].as_str().unwrap()), "");
    assert_eq!(Some(members["entities"].as_array().unwrap().len() as u64), contained["count"].as_u64());
    // A collection of the schema without entities is empty; others are unknown.
    assert_eq!(json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at={path}/photo"), "")["entities"], json!([]));
    let unknown = refusal(&worlds, Method::GET, "/worlds/a/entities?at=teams('1')/none", "");
    insta::assert_snapshot!(unknown, @"404 unknown-collection: unknown collection or entity 'teams(\\'1\\')/none'");
    let one = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at={path}"), "");
    assert_eq!((&one["path"], &one["entities"], &one["next"]), (&json!("teams"), &json!([team]), &Value::Null));
    let absent = refusal(&worlds, Method::GET, "/worlds/a/entities?at=teams('none')", "");
    insta::assert_snapshot!(absent, @"404 unknown-collection: unknown collection or entity 'teams(\\'none\\')'");

    let integration = "teamwork/workforceIntegrations('WFI_05227533-379e-4a0a-9d17-afe306a1e10d')";
    let address = format!("/worlds/a/entities?at={integration}");
    // Fault rules and the journal are for clients.
    json_of(&worlds, Method::PUT, "/worlds/a/faults", r#"["internal-server-error"]"#);
    assert_eq!(call(&worlds, Method::PATCH, &address, r#"{"displayName":"By hand"}"#).0, 204);
    assert_eq!(json_of(&worlds, Method::GET, "/worlds/a", "")["requests"], 0);
    let page = json_of(&worlds, Method::GET, "/worlds/a/entities?at=teamwork/workforceIntegrations", "");
    let entity = page["entities"].as_array().unwrap().iter().find(|entity| entity["path"] == integration).unwrap();
    assert_eq!(entity["entity"]["displayName"], "By hand");
    insta::assert_snapshot!(refusal(&worlds, Method::PATCH, &address, r#"{"displayName":1}"#), @"400 refused-by-graph: 400 BadRequest: Property displayName in payload has a value that does not match schema. ($.displayName: found the number 1, expected a string)");
    insta::assert_snapshot!(refusal(&worlds, Method::PATCH, "/worlds/a/entities?at=nothing('1')", "{}"), @"404 unknown-entity: unknown entity 'nothing(\\'1\\')'");
    insta::assert_snapshot!(refusal(&worlds, Method::PATCH, "/worlds/a/entities", "{}"), @"400 unusable: missing parameter 'at': expected the path of an entity");
    assert_eq!(json_of(&worlds, Method::GET, "/worlds/a/faults", "")["faults"][0]["seen"], 0);
}

#[test]
fn entities_are_shown_without_secrets_unless_asked_for() {
    let worlds = worlds();
    let secret = "a secret of thirty characters.";
    let state = json!({ "workforceIntegrations": [{ "id": "WFI_1", "url": "https://a.test/?code=hush", "encryption": { "protocol": "sharedSecret", "secret": secret } }] });
    json_of(&worlds, Method::PUT, "/worlds/a/state", &state.to_string());
    let shown =
        |query: &str| call(&worlds, Method::GET, &format!("/worlds/a/entities?at=teamwork/workforceIntegrations{query}"), "").1;
    assert!(!shown("").contains(secret) && !shown("").contains("hush"), "{}", shown(""));
    assert!(shown("&secrets=true").contains(secret) && shown("&secrets=true").contains("hush"));
    // A client that writes an entity back knows which values it does not have.
    let masked = |query: &str| {
        let page = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at=teamwork/workforceIntegrations{query}"), "");
        page["entities"][0]["masked"].clone()
    };
    assert_eq!(masked("('WFI_1')"), json!(["/encryption/secret", "/url"]));
    assert_eq!(masked("('WFI_1')&secrets=true"), json!([]));
}

/// Returns an address in a query.
fn at(address: &str) -> String {
    let escaped = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    address.bytes().map(escaped).collect()
}

#[test]
fn every_entity_is_found_by_its_address() {
    let worlds = worlds();
    let keys =
        ["a/b", "a'b", "('x')", "?#", "%41", "..", " ", "a b/c'd", "schedule", "\u{202e}x", "&=+", "\\", "teams('1')/members"];
    let teams: Vec<Value> = keys.iter().map(|key| json!({ "id": key, "displayName": format!("Team {key}") })).collect();
    json_of(&worlds, Method::PUT, "/worlds/a/state", &json!({ "teams": teams }).to_string());
    let page = json_of(&worlds, Method::GET, "/worlds/a/entities?at=teams", "");
    assert_eq!(page["entities"].as_array().unwrap().len(), keys.len());
    for entity in page["entities"].as_array().unwrap() {
        let address = at(entity["path"].as_str().unwrap());
        let one = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at={address}"), "");
        assert_eq!(one["entities"], json!([entity]), "{}", entity["path"]);
        let edited = call(&worlds, Method::PATCH, &format!("/worlds/a/entities?at={address}"), r#"{"description":"Edited"}"#);
        assert_eq!(edited, (204, String::new()), "{}", entity["path"]);
        let one = json_of(&worlds, Method::GET, &format!("/worlds/a/entities?at={address}"), "");
        assert_eq!(one["entities"][0]["entity"]["description"], "Edited", "{}", entity["path"]);
    }
}

#[test]
fn an_edit_is_answered_by_the_world_and_changes_what_it_names_alone() {
    let path = std::env::temp_dir().join(format!("wfi-emulator-edit-{}.hurl", std::process::id()));
    std::fs::write(&path, "PATCH {{base}}/v1.0/teams/none\n\nHTTP 204\n").unwrap();
    let stubs = crate::world::stub::Stubs::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let worlds = Worlds::of(Settings { seed: 1, stubs: Some(std::sync::Arc::new(stubs)), ..crate::workloads::settings() });
    let edit = |address: &str, body: &str| call(&worlds, Method::PATCH, &format!("/worlds/default/entities?at={address}"), body);
    let change = r#"{"displayName":"x"}"#;
    assert_eq!(graph(&worlds, Method::PATCH, "/v1.0/teams/none", change).0, 204, "the stub answers clients");
    let (status, refused) = edit("teams('none')", change);
    assert!(status == 404 && refused.contains("refused-by-graph"), "{status} {refused}");
    let integration = json!({ "id": "WFI_1", "encryption": { "protocol": "sharedSecret", "secret": "before" } });
    json_of(&worlds, Method::PUT, "/worlds/default/state", &json!({ "workforceIntegrations": [integration] }).to_string());
    json_of(&worlds, Method::PATCH, "/worlds/default/behaviors", r#"{"complex-update":"reset"}"#);
    let protocol = || {
        let address = "/worlds/default/entities?at=teamwork/workforceIntegrations('WFI_1')";
        json_of(&worlds, Method::GET, address, "")["entities"][0]["entity"]["encryption"]["protocol"].clone()
    };
    let change = r#"{"encryption":{"secret":"after"}}"#;
    assert_eq!(edit("teamwork/workforceIntegrations('WFI_1')", change).0, 204);
    assert_eq!(protocol(), "sharedSecret");
    assert_eq!(graph(&worlds, Method::PATCH, "/v1.0/teamwork/workforceIntegrations/WFI_1", change).0, 200);
    assert_ne!(protocol(), "sharedSecret", "clients reset members that they do not name");
}

#[test]
fn worlds_are_listed_page_by_page() {
    let settings = Settings { seed: 1, ..crate::workloads::settings() };
    let limits = WorldLimits { worlds: 10_000, ..WorldLimits::default() };
    let worlds = Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, limits);
    for number in 0..2_000 {
        worlds.create(&format!("Suite-{number:04}"), &crate::world::worlds::WorldOrigin::default()).unwrap();
    }
    let names = |page: &Value| -> Vec<String> {
        page["worlds"].as_array().unwrap().iter().map(|world| world["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = json_of(&worlds, Method::GET, "/worlds?limit=3", "");
    assert_eq!(names(&first), ["default", "Suite-0000", "Suite-0001"]);
    assert_eq!((&first["count"], &first["next"]), (&json!(2_001), &json!("Suite-0001")));
    let next = json_of(&worlds, Method::GET, "/worlds?limit=2&after=Suite-0001", "");
    assert_eq!(names(&next), ["Suite-0002", "Suite-0003"]);
    assert_eq!(names(&json_of(&worlds, Method::GET, "/worlds?limit=1&after=default", "")), ["Suite-0000"]);
    let found = json_of(&worlds, Method::GET, "/worlds?limit=2&search=suite-19", "");
    assert_eq!((names(&found), &found["count"]), (vec!["Suite-1900".to_owned(), "Suite-1901".to_owned()], &json!(100)));
    let last = json_of(&worlds, Method::GET, "/worlds?after=Suite-1998", "");
    assert_eq!((names(&last), &last["next"]), (vec!["Suite-1999".to_owned()], &Value::Null));
    assert_eq!(json_of(&worlds, Method::GET, "/worlds", "")["worlds"].as_array().unwrap().len(), 2_001);
    insta::assert_snapshot!(refusal(&worlds, Method::GET, "/worlds?limit=few", ""), @"400 unusable: invalid limit 'few': expected a whole number");
}

#[test]
fn one_request_of_a_journal_is_found_by_its_number() {
    let worlds = worlds();
    for _ in 0..3 {
        graph(&worlds, Method::GET, &format!("/_world/a{ENTITY}"), "");
    }
    let entries = json_of(&worlds, Method::GET, "/worlds/a/journal?number=2", "")["entries"].clone();
    assert_eq!((entries.as_array().unwrap().len(), &entries[0]["number"]), (1, &2.into()));
    assert_eq!(call(&worlds, Method::GET, "/worlds/a/journal/exchanges?number=9", ""), (200, String::new()));
}

#[test]
fn evidence_is_that_of_the_tables() {
    let tables = json_of(&worlds(), Method::GET, "/evidence", "");
    let names =
        |member: &str| -> Vec<Value> { tables[member].as_array().unwrap().iter().map(|row| row["name"].clone()).collect() };
    let behaviors = crate::policy::behavior::ROWS;
    assert_eq!(names("behaviors"), behaviors.iter().map(|row| row.name.into()).collect::<Vec<Value>>());
    for row in tables["refusals"].as_array().unwrap() {
        let known = |name: &Value| names("behaviors").contains(name);
        assert!(row["behaviors"].as_array().unwrap().iter().all(known) && !row["source"].as_str().unwrap().is_empty(), "{row}");
    }
}
