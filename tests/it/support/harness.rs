//! A client without sockets, which checks the invariants of every answer.

use std::time::{Duration, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::Value;
use wfi_emulator::internals::entra::token_service::EntraRoute;
use wfi_emulator::internals::graph;
use wfi_emulator::internals::graph::request::Body;
use wfi_emulator::internals::graph::route::EntityPath;
use wfi_emulator::internals::graph::step::{Answer, DeliveryForm, Step};
use wfi_emulator::internals::policy::behavior::{Behaviors, ContentType, Layout, Profile, Secret};
use wfi_emulator::internals::text::exchange;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::outbound::{CallFailure, CallOutcome, OutboundCall};
use wfi_emulator::internals::world::settings::Settings;
use wfi_emulator::internals::world::{World, fixture};

/// The host of requests that name no other.
pub(crate) const HOST: &str = "localhost:9340";

/// Settings with repeatable answers: the built-in fixtures, a fixed clock, a fixed seed.
pub(crate) fn settings(behaviors: Behaviors) -> Settings {
    let schema = wfi_emulator::internals::workloads::schema();
    let entities = fixture::shipped(&schema, &behaviors).unwrap();
    let clock = Clock::Fixed(UNIX_EPOCH + Duration::from_millis(1_767_323_045_678));
    Settings {
        schema,
        entities,
        behaviors,
        clock,
        seed: 1,
        is_reproducible: true,
        ..wfi_emulator::internals::workloads::settings()
    }
}

pub(crate) fn world(choices: &[(&str, &str)]) -> World {
    World::new(settings_with(choices))
}

/// [`settings`] with these behaviors.
pub(crate) fn settings_with(choices: &[(&str, &str)]) -> Settings {
    let mut behaviors = Behaviors::of(Profile::Documented);
    for (name, value) in choices {
        behaviors.set(name, value).unwrap();
    }
    settings(behaviors)
}

/// Sends a request as the server would pass it on. Calls to connectors fail.
pub(crate) fn send(world: &World, request: &exchange::RecordedRequest) -> exchange::RecordedResponse {
    send_with(world, request, |_| CallOutcome::Failed(CallFailure::NoClient))
}

/// Sends a request as the server would pass it on. A function plays the connectors.
pub(crate) fn send_with(
    world: &World,
    request: &exchange::RecordedRequest,
    mut called: impl FnMut(&OutboundCall) -> CallOutcome,
) -> exchange::RecordedResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers.entry(header::HOST).or_insert(HeaderValue::from_static(HOST));
    if !request.body.is_empty() {
        headers.entry(header::CONTENT_LENGTH).or_insert(request.body.len().into());
    }
    let owned = graph::request::Request {
        method: request.method.clone(),
        target: request.target.parse().unwrap(),
        is_secure: false,
        via: graph::request::Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body: Body::Whole(request.body.clone()),
    };
    let mut step = graph::pipeline::answer(world, &owned);
    let answer = loop {
        step = match step {
            Step::Done(answer) => break answer,
            Step::Call(pending) => {
                let outcome = called(&pending.call);
                pending.resume(world, outcome)
            }
            Step::Compute(computation) => computation.run(world),
        };
    };
    check(world, &owned, &answer);
    let header_text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    exchange::RecordedResponse {
        status: answer.response.status(),
        headers: answer.response.headers().iter().map(|(name, value)| (name.to_string(), header_text(value))).collect(),
        body: answer.response.body().clone(),
    }
}

/// Sends a request with a JSON body and returns the status and the body of the answer.
pub(crate) fn json(world: &World, method: Method, target: &str, body: Option<&str>) -> (StatusCode, Value) {
    let headers = body.map(|_| ("content-type".to_owned(), "application/json".to_owned())).into_iter().collect();
    let body = body.unwrap_or_default().to_owned().into();
    let response = send(world, &exchange::RecordedRequest { method, target: target.to_owned(), headers, body });
    let value = if response.body.is_empty() { Value::Null } else { serde_json::from_slice(&response.body).unwrap() };
    (response.status, value)
}

const EVERY: [&str; 5] = ["strict-transport-security", "request-id", "client-request-id", "x-ms-ags-diagnostic", "date"];

const SOME: [&str; 22] = [
    "content-location",
    "content-security-policy",
    "content-encoding",
    "content-range",
    "etag",
    "retry-after",
    "x-wfi-emulator-explain",
    "content-type",
    "content-length",
    "vary",
    "location",
    "odata-entityid",
    "preference-applied",
    "odata-version",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "server",
    "connection",
    "www-authenticate",
];

/// Checks the invariants of every answer.
pub(crate) fn check(world: &World, request: &graph::request::Request, answer: &Answer) {
    match EntraRoute::of(request.target.path()) {
        // A rule may state any answer.
        _ if answer.applied_rules.is_some() && has_stated_answer(answer) => {}
        Some(_) if request.method == Method::HEAD => assert!(answer.response.body().is_empty()),
        Some(_) => check_entra(answer),
        None => check_graph(world, request, answer),
    }
}

fn has_stated_answer(answer: &Answer) -> bool {
    let headers = answer.response.headers();
    headers.contains_key("x-ms-request-id") || headers.get("content-type").is_none_or(|value| value != "application/json")
}

/// Checks the invariants of every answer of the token service.
fn check_entra(answer: &Answer) {
    let (status, headers, body) = (answer.response.status(), answer.response.headers(), answer.response.body());
    for name in headers.keys() {
        assert!(ENTRA.contains(&name.as_str()), "unexpected header {name}");
        assert_eq!(headers.get_all(name).iter().count(), 1, "duplicate header {name}");
    }
    assert!(headers.contains_key("date") && !status.is_server_error(), "{status}");
    assert_eq!(answer.refused.is_some(), status.is_client_error());
    if status == StatusCode::NO_CONTENT {
        return assert!(body.is_empty());
    }
    let text = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(text("content-length"), body.len().to_string());
    // Endpoints of managed identities and of user information have few headers.
    if !headers.contains_key("x-ms-request-id") {
        serde_json::from_slice::<Value>(body).unwrap();
        return;
    }
    assert_eq!(text("x-ms-request-id").len(), 36);
    assert_eq!(headers.contains_key("location"), status == StatusCode::FOUND);
    if text("content-type") == "application/json; charset=utf-8" {
        let value: Value = serde_json::from_slice(body).unwrap();
        if status.is_client_error() {
            let names: Vec<&String> = value.as_object().unwrap().keys().collect();
            let all = ["correlation_id", "error", "error_codes", "error_description", "timestamp", "trace_id"];
            let more = ["error_uri", "suberror", "claims"];
            assert!(all.iter().all(|name| value.get(name).is_some()), "{value}");
            assert!(names.iter().all(|name| all.contains(&&***name) || more.contains(&&***name)), "{value}");
            let start = format!("AADSTS{}: ", value["error_codes"][0]);
            assert!(value["error_description"].as_str().unwrap().starts_with(&start), "{value}");
            assert_eq!(value["trace_id"], text("x-ms-request-id"));
            assert_ne!(value["trace_id"], value["correlation_id"]);
        }
    } else {
        assert_eq!(text("content-type"), "text/html; charset=utf-8");
        assert_eq!(headers.contains_key("content-security-policy"), status != StatusCode::FOUND);
    }
}

const ENTRA: [&str; 26] = [
    "set-cookie",
    "access-control-expose-headers",
    "client-request-id",
    "content-disposition",
    "content-security-policy",
    "referrer-policy",
    "server",
    "www-authenticate",
    "x-ms-srs",
    "x-xss-protection",
    "cache-control",
    "pragma",
    "content-type",
    "expires",
    "strict-transport-security",
    "x-content-type-options",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "p3p",
    "x-ms-request-id",
    "x-ms-ests-server",
    "x-ms-clitelem",
    "location",
    "content-length",
    "date",
];

/// Checks the invariants of every answer of Graph.
#[allow(clippy::too_many_lines, reason = "a list of invariants")]
fn check_graph(world: &World, request: &graph::request::Request, answer: &Answer) {
    let (status, headers, body) = (answer.response.status(), answer.response.headers(), answer.response.body());
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    for (name, _) in headers {
        let name = name.as_str();
        assert!(EVERY.contains(&name) || SOME.contains(&name), "unexpected header {name}");
        assert_eq!(headers.get_all(name).iter().count(), 1, "duplicate header {name}");
    }
    // Only a fault rule causes a server error.
    assert!(answer.applied_rules.is_some() || !status.is_server_error(), "{status}");
    if status == StatusCode::LENGTH_REQUIRED {
        assert_eq!(text("content-type"), Some("text/html; charset=us-ascii"));
        assert_eq!(text("server"), Some("Microsoft-HTTPAPI/2.0"));
        return;
    }
    // Over TLS, a browser would obey this header.
    let is_kept_back = |name: &str| name == "strict-transport-security" && request.is_secure;
    for name in EVERY.into_iter().filter(|name| !is_kept_back(name)) {
        assert!(headers.contains_key(name), "no header {name}");
    }
    assert_eq!(text("request-id").unwrap().len(), 36);
    assert_eq!(headers.contains_key("access-control-allow-origin"), request.headers.contains_key(header::ORIGIN));
    assert_eq!(answer.refused.is_some(), status.is_client_error() || status.is_server_error());
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        for name in ["content-type", "content-length", "vary", "odata-version"] {
            assert!(!headers.contains_key(name), "a {status} has no {name}");
        }
        assert!(body.is_empty());
        return;
    }
    if request.method == Method::HEAD && body.is_empty() {
        return assert!(text("content-length").is_some_and(|length| length != "0"), "HEAD has the headers of GET");
    }
    assert_eq!(text("content-length"), Some(body.len().to_string().as_str()));
    if headers.contains_key("content-encoding") {
        assert!(text("content-encoding") == Some("gzip") && body.starts_with(b"\x1f\x8b"), "{headers:?}");
        return;
    }
    let is_storage = ["/_content/", "/_upload/", "/_monitor/"].iter().any(|start| request.path().starts_with(start));
    if is_storage && !status.is_client_error() || status == StatusCode::FOUND {
        assert_eq!(headers.contains_key("location"), matches!(status, StatusCode::FOUND | StatusCode::CREATED));
        return;
    }
    if request.method == http::Method::GET && status.is_success() && !headers.contains_key("odata-version") {
        // Content is as it was stored.
        assert!(headers.contains_key("content-type") && headers.contains_key("etag"));
        assert_eq!(headers.contains_key("content-range"), status == StatusCode::PARTIAL_CONTENT);
        return;
    }
    if answer.applied_rules.is_some() && answer.refused.is_none() {
        // A rule may have corrupted the body.
        return;
    }
    // The name of an action that is bound to a collection looks like a key.
    let is_named = request.path().to_ascii_lowercase().ends_with("/clockin");
    let is_call = request.method == http::Method::POST && (is_named || EntityPath::of(&world.schema, request.path()).is_none());
    if body.is_empty() && status.is_success() {
        // Some updates are answered with 200 and nothing else, and some actions with 202 or 200.
        let is_creation = request.method == http::Method::POST && request.path().ends_with("/installedApps");
        let is_change = matches!(request.method, http::Method::PATCH | http::Method::PUT) || is_creation;
        // A team is created by an operation.
        let is_started = status == StatusCode::ACCEPTED && headers.contains_key("content-location");
        let has_none = is_change && status == StatusCode::OK || is_started;
        assert!(is_call || has_none, "{status} without a body");
        assert!(["content-type", "vary", "odata-version"].iter().all(|name| !headers.contains_key(*name)));
        return;
    }
    assert_eq!(text("vary"), Some("Accept-Encoding"));
    let raw = std::str::from_utf8(body).unwrap();
    if matches!(text("content-type"), Some("text/plain" | "application/xml")) {
        assert_eq!((status, text("odata-version")), (StatusCode::OK, Some("4.0")));
        return;
    }
    let value: Value = serde_json::from_slice(body).unwrap();
    if status.is_success() && request.target.path().to_ascii_lowercase().trim_end_matches('/').ends_with("batch") {
        assert_eq!(text("content-type"), Some("application/json"));
        assert!(!headers.contains_key("odata-version"), "a batch has no OData-Version");
        check_items(world, request, &value, body, text("request-id").unwrap(), text("client-request-id").unwrap());
        return;
    }
    if status.is_success() {
        assert!(matches!(status, StatusCode::OK | StatusCode::CREATED) || is_call && status == StatusCode::ACCEPTED, "{status}");
        let content_type = text("content-type").unwrap();
        let level = content_type.strip_prefix("application/json").unwrap();
        if level.is_empty() {
            assert_eq!(world.behaviors.content_type, ContentType::Plain);
        } else {
            let level = level.strip_prefix(";odata.metadata=").and_then(|level| level.split(';').next()).unwrap();
            assert!(content_type.ends_with(";charset=utf-8"), "{content_type}");
            let names: Vec<&str> = raw.split('"').nth(1).into_iter().collect();
            assert_eq!(names == ["@odata.context"], level != "none", "{content_type}: {raw}");
        }
        assert_eq!(text("odata-version"), Some("4.0"));
        // The result of an action may be without an address.
        let has_location = headers.contains_key("location") || is_call && status == StatusCode::CREATED;
        // Some types are created with 200.
        let is_created = status == StatusCode::CREATED || has_location && request.method == http::Method::POST;
        assert_eq!(has_location, is_created);
        if world.behaviors.secret == Secret::Null {
            assert!(no_secret(&value), "secret in an answer: {raw}");
        }
        return;
    }
    assert_eq!(text("content-type"), Some("application/json"));
    assert!(!headers.contains_key("odata-version"));
    assert_eq!(headers.contains_key("www-authenticate"), status == StatusCode::UNAUTHORIZED && !is_storage);
    let compact: String = raw.split_inclusive('{').map(str::trim_start).collect();
    assert!(compact.starts_with("{\"error\":") && raw.find("\"code\"") < raw.find("\"message\""), "{raw}");
    let error = &value["error"];
    assert_eq!(value.as_object().unwrap().len(), 1);
    // Some errors of the directory have details.
    let details = error.get("details").map_or(0, |details| details.as_array().unwrap().len());
    assert!(details <= 1 && error.as_object().unwrap().len() == 3 + details, "{raw}");
    assert!(error["code"].is_string() && error["message"].is_string());
    let inner = error["innerError"].as_object().unwrap();
    assert_eq!(inner["request-id"], text("request-id").unwrap());
    assert_eq!(inner["client-request-id"], text("client-request-id").unwrap());
    let date = inner["date"].as_str().unwrap();
    assert!(date.len() == 19 && date.as_bytes()[10] == b'T', "{date}");
}

const ITEM_HEADERS: [&str; 7] =
    ["Location", "OData-EntityId", "ETag", "Preference-Applied", "x-wfi-emulator-explain", "OData-Version", "Content-Type"];

/// Checks the invariants of every answer to a batch: one answer per id, each as complete as one to a single request.
fn check_items(
    world: &World,
    request: &graph::request::Request,
    batch: &Value,
    raw: &[u8],
    request_id: &str,
    client_request_id: &str,
) {
    let raw = std::str::from_utf8(raw).unwrap();
    if world.behaviors.layout == Layout::Compact {
        assert!(raw.starts_with("{\"responses\": [{\"id\":"), "{raw}");
    }
    let mut heads = Vec::new();
    let Body::Whole(sent) = &request.body else { panic!("an oversized body cannot be a batch") };
    // Compressed bodies are not checked.
    if let Ok(sent) = serde_json::from_slice::<Value>(sent) {
        let ids = |list: &Value| {
            let mut ids: Vec<String> =
                list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
            ids.sort();
            ids
        };
        let is_head = |item: &&Value| item["method"] == "HEAD";
        heads = sent["requests"].as_array().unwrap().iter().filter(is_head).map(|item| item["id"].clone()).collect();
        assert_eq!(ids(&batch["responses"]), ids(&sent["requests"]), "each id is answered once");
    }
    assert_eq!(batch.as_object().unwrap().len(), 1);
    for item in batch["responses"].as_array().unwrap() {
        let status = StatusCode::from_u16(u16::try_from(item["status"].as_u64().unwrap()).unwrap()).unwrap();
        let is_known = status.is_success() || status.is_client_error() || status == StatusCode::NOT_MODIFIED;
        assert!(is_known, "{item}");
        let members: Vec<&str> =
            ["id", "status", "headers", "body"].into_iter().filter(|name| item.get(name).is_some()).collect();
        assert_eq!(item.as_object().unwrap().len(), members.len(), "{item}");
        let headers = item["headers"].as_object().cloned().unwrap_or_default();
        assert!(headers.keys().all(|name| ITEM_HEADERS.contains(&name.as_str())), "{item}");
        assert_eq!(item.get("headers").is_some(), !headers.is_empty(), "{item}");
        if heads.contains(&item["id"]) {
            assert!(headers.contains_key("Content-Type") && item["body"].is_null(), "{item}");
            continue;
        }
        assert_eq!(headers.contains_key("Content-Type"), !item["body"].is_null(), "{item}");
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            assert!(item.get("body").is_some_and(Value::is_null), "{item}");
        } else if status.is_success() {
            assert_eq!(headers["OData-Version"], "4.0");
            assert!(world.behaviors.secret != Secret::Null || no_secret(&item["body"]), "secret in an answer: {item}");
        } else {
            assert_eq!(headers["Content-Type"], "application/json");
            assert!(!headers.contains_key("OData-Version"), "{item}");
            let inner = &item["body"]["error"]["innerError"];
            assert_eq!(inner["request-id"], request_id);
            assert_eq!(inner["client-request-id"], client_request_id);
        }
    }
}

fn no_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().all(|(name, value)| if name == "secret" { value.is_null() } else { no_secret(value) })
        }
        Value::Array(items) => items.iter().all(no_secret),
        _ => true,
    }
}

/// Returns a request with JSON, as the server would pass it on.
pub(crate) fn request(method: Method, target: &str, body: &Value) -> graph::request::Request {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    graph::request::Request {
        method,
        target: target.parse().unwrap(),
        is_secure: false,
        via: graph::request::Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers,
        body: Body::Whole(body.to_string().into()),
    }
}

/// Plays the edge: a function returns the outcome of each call. Returns the answer and the calls.
pub(crate) fn play(
    world: &World,
    request: &graph::request::Request,
    mut called: impl FnMut(&OutboundCall) -> CallOutcome,
) -> (Answer, Vec<OutboundCall>) {
    let mut calls = Vec::new();
    let mut step = graph::pipeline::answer(world, request);
    loop {
        step = match step {
            Step::Done(answer) => {
                // An undelivered answer follows no rule.
                if !matches!(answer.delivery.form, DeliveryForm::Reset | DeliveryForm::Silence) {
                    check(world, request, &answer);
                }
                return (*answer, calls);
            }
            Step::Call(pending) => {
                let outcome = called(&pending.call);
                calls.push(pending.call.clone());
                pending.resume(world, outcome)
            }
            Step::Compute(computation) => computation.run(world),
        };
    }
}

/// Returns the header of a delegated token of a user.
pub(crate) fn delegated(user: &str) -> String {
    bearer(&serde_json::json!({ "oid": user, "scp": "x" }))
}

/// Returns the header of a token with these claims.
pub(crate) fn bearer(claims: &Value) -> String {
    use base64::Engine as _;
    format!("Bearer e30.{}.e30", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string()))
}
