//! Structs are read from objects only, wherever JSON comes from outside: serde also reads them from arrays, by position.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use ring::hmac;
use serde_json::{Value, json};
use wfi_emulator::internals::edge::control::Peer;
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::entra::token::{signed, unix_seconds};
use wfi_emulator::internals::graph::request::{Body, Request, Via};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{RecordedRequest, har};
use wfi_emulator::internals::workloads::shifts::message::Requests;
use wfi_emulator::internals::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fixture::directory::Directory;
use wfi_emulator::internals::world::outbound::CallOutcome;
use wfi_emulator::internals::world::settings::{Auth, Settings};
use wfi_emulator::internals::world::{fault, fixture};

use crate::support::{harness, tokens};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// A reader of JSON from outside. Returns whether it accepts a text.
type Reader = fn(&str) -> bool;

/// The values of an object's members in an order, which is that of declaration where serde would read them.
fn array_of(object: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| object.get(name).cloned().unwrap_or(Value::Null)).collect()
}

/// The claims that are read, in their order.
const CLAIMS: [&str; 15] = [
    "aud",
    "iss",
    "exp",
    "nbf",
    "iat",
    "xms_cc",
    "tid",
    "roles",
    "oid",
    "name",
    "appid",
    "azp",
    "app_displayname",
    "idtyp",
    "scp",
];

/// Returns a directory file, and the same with arrays.
fn directories() -> (Value, Vec<Value>) {
    let application = json!({"appId": "a", "displayName": "n"});
    let user = json!({"id": "u", "userPrincipalName": "p", "displayName": "n"});
    let directory = json!({
        "tenantId": "t",
        "applications": [application, {"appId": "b", "secrets": ["s", {"secretText": "s", "endDateTime": "2030-01-01T00:00:00Z"}]}],
        "users": [user],
    });
    let arrays = vec![
        json!(["t", [application], [user]]),
        json!({"applications": [["a", "n", null, null, null]]}),
        json!({"users": [["u", "p", "n"]]}),
        json!({"applications": [{"appId": "a", "secrets": [["s", "2030-01-01T00:00:00Z"]]}]}),
        json!({"applications": [{"appId": "a", "redirectUris": [["https://a.example/"], [], []]}]}),
        json!({"applications": [{"appId": "a", "implicit": [true, true]}]}),
        json!({"applications": [{"appId": "a", "federatedCredentials": [["i", "s", "a", null]]}]}),
        json!({"users": [{"id": "u", "userPrincipalName": "p", "home": ["t", "i"]}]}),
        json!({"conditionalAccess": [["p", null, null, "mfa"]]}),
    ];
    (directory, arrays)
}

/// Each reader with a text that it accepts, and the same with an array in place of each object.
fn cases() -> Vec<(&'static str, Reader, String, Vec<String>)> {
    let mut cases = Vec::new();
    let mut add = |name, reader: Reader, object: Value, arrays: &[Value]| {
        cases.push((name, reader, object.to_string(), arrays.iter().map(Value::to_string).collect()));
    };

    let world = strict();
    let claims = tokens::claims(&tokens::token(&world, "app"));
    let array = array_of(&claims, &CLAIMS);
    add("the claims of a token", reads_claims, claims, &[array]);

    let until = unix_seconds(world.clock.now()) + 60;
    let grant = json!({"kind": "Refresh", "client": "app", "scope": "openid", "from": 0, "until": until});
    let members = [
        "kind",
        "client",
        "user",
        "scope",
        "from",
        "until",
        "id",
        "redirect",
        "challenge",
        "nonce",
        "is_spa",
        "has_second_factor",
    ];
    let array = array_of(&grant, &members);
    add("a refresh token", reads_refresh_token, grant, &[array]);

    let answer = |item: Value| json!({"responses": [item]});
    let item = json!({"id": "A", "status": 200, "body": {"eTag": "e"}});
    let arrays = [json!([[item]]), answer(json!(["A", 200, null])), answer(json!(["A", 200, {"eTag": "e"}])), answer(json!([]))];
    add("the answer of a connector", approves, answer(item), &arrays);

    let element = |headers: Value| json!({"id": "A", "method": "POST", "url": "/shifts/A", "headers": headers, "body": null});
    let headers = json!({"X-MS-Transaction-ID": "1", "X-MS-Expires": "2024-10-11T21:27:59Z"});
    let elements = |headers: &Value| json!({"requests": [element(headers.clone())]});
    let array = json!(["A", "POST", "/shifts/A", null, null]);
    let arrays = [json!([[element(headers.clone())]]), json!({"requests": [array]}), elements(&json!(["1", "2"]))];
    add("a message to a connector", |text| Requests::read(text.as_bytes()).is_ok(), elements(&headers), &arrays);

    let called = |requests: Value| json!({"integration": integration_id(), "purpose": "update", "requests": requests});
    let arrays = [json!([integration_id(), "update"]), called(json!([array])), called(json!([element(json!(["1", "2"]))]))];
    add("a call of the control API", calls, called(json!([element(headers)])), &arrays);

    add("a world to create", |text| control("PUT", "/worlds/new", text), json!({"fork": "default"}), &[json!([null, "default"])]);
    let clock = json!({"now": "2024-10-11T21:27:59Z", "advance": 1.0, "running": true});
    let array = array_of(&clock, &["now", "advance", "running"]);
    add("a clock", |text| control("PUT", "/worlds/default/clock", text), clock, &[array]);
    let expectation = json!({"method": "GET", "times": {"atLeast": 0}});
    let arrays = [json!([null, "GET"]), json!({"method": "GET", "times": [0, 1]})];
    add("an expectation", |text| control("POST", "/worlds/default/journal/verify", text), expectation, &arrays);
    add(
        "behaviors",
        |text| control("PATCH", "/worlds/default/behaviors", text),
        json!({"connect": "report"}),
        &[json!(["report"])],
    );

    let (directory, arrays) = directories();
    add("a directory", |text| Directory::read(text.as_bytes()).is_ok(), directory, &arrays);

    let rule = json!({"name": "n", "on": {"method": "GET"}, "do": {"delay": {"from": 20, "to": 80}}});
    let arrays = [
        json!(["n", {}, {"delay": {"from": 20, "to": 80}}]),
        json!({"do": {"delay": [20, 80]}}),
        json!({"on": ["GET"], "do": {"delay": {"from": 20, "to": 80}}}),
    ];
    add("fault rules", |text| fault::read("f", text.as_bytes()).is_ok(), json!([rule]), &arrays.map(|array| json!([array])));

    let integration = json!({"id": "WFI_1", "encryption": {"protocol": "sharedSecret"}});
    let arrays = [json!([["WFI_1"]]), json!([{"id": "WFI_1", "encryption": ["sharedSecret", "s"]}])];
    add("fixtures", reads_fixture, json!([integration]), &arrays);

    let archived = |request: Value, response: Value| json!({"log": {"entries": [{"request": request, "response": response}]}});
    let url = "https://graph.microsoft.com/v1.0/xy";
    let request = json!({"method": "GET", "url": url, "headers": [{"name": "a", "value": "b"}]});
    let response = json!({"status": 200, "content": {"text": "x"}});
    let arrays = [
        json!([{"entries": []}]),
        json!({"log": ["1.2", {}, []]}),
        json!({"log": {"entries": [["", request, response]]}}),
        archived(json!(["GET", url, "", []]), response.clone()),
        archived(request.clone(), json!([200, "OK", "", [], {}, ""])),
        archived(request.clone(), json!({"status": 200, "content": [0, "", "x"]})),
        archived(json!({"method": "GET", "url": url, "headers": [["a", "b"]]}), response.clone()),
    ];
    let archive =
        |text: &str| har::read(text.as_bytes(), "graph.microsoft.com").is_ok_and(|archive| archive.exchanges.len() == 1);
    add("an archive", archive, archived(request, response), &arrays);

    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": "/teamwork/workforceIntegrations"}]});
    let arrays = [json!([batch["requests"]]), json!({"requests": [["1", "GET", "/teamwork/workforceIntegrations"]]})];
    add("a batch", |text| post("/v1.0/$batch", text) == StatusCode::OK, batch, &arrays);
    let change = json!({"displayName": "D"});
    add("an entity", |text| post(COLLECTION, text) == StatusCode::CREATED, change, &[json!(["D"])]);
    cases
}

#[test]
fn no_reader_takes_an_array_for_an_object() {
    let mut taken: Vec<String> = Vec::new();
    for (name, reader, object, arrays) in cases() {
        assert!(reader(&object), "{name}: {object}");
        taken.extend(arrays.into_iter().filter(|array| reader(array)).map(|array| format!("{name}: {array}")));
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

fn strict() -> World {
    World::new(Settings { auth: Auth::Strict, ..harness::settings(Behaviors::default()) })
}

/// Whether a genuine token with this payload is accepted in strict mode.
fn reads_claims(payload: &str) -> bool {
    let payload: Value = serde_json::from_str(payload).unwrap();
    let headers = vec![("authorization".to_owned(), format!("Bearer {}", signed(&payload)))];
    let request = RecordedRequest { method: Method::GET, target: COLLECTION.to_owned(), headers, body: Bytes::new() };
    harness::send(&strict(), &request).status == StatusCode::OK
}

fn reads_refresh_token(grant: &str) -> bool {
    // The seal, whose key is published with the sources.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"wfi-emulator grant, public and worthless");
    let seal = URL_SAFE_NO_PAD.encode(hmac::sign(&key, grant.as_bytes()));
    let sealed = format!("1.{}.{seal}", URL_SAFE_NO_PAD.encode(grant));
    let form = format!("grant_type=refresh_token&client_id=app&scope=User.Read&refresh_token={sealed}");
    let (method, target) = (Method::POST, "/contoso.com/oauth2/v2.0/token".to_owned());
    let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    harness::send(&strict(), &RecordedRequest { method, target, headers, body: form.into() }).status == StatusCode::OK
}

fn approves(body: &str) -> bool {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let outcome = CallOutcome::Answered { status: StatusCode::OK, headers: HeaderMap::new(), body };
    ConnectorVerdict::of(CallPurpose::Update, ["A"], &outcome).lets_pass()
}

fn reads_fixture(text: &str) -> bool {
    let (schema, behaviors) = (wfi_emulator::internals::workloads::schema(), Behaviors::default());
    fixture::read(&schema, &behaviors, "workforceIntegrations.json", text.as_bytes()).is_ok()
}

fn post(target: &str, body: &str) -> StatusCode {
    harness::json(&harness::world(&[]), Method::POST, target, Some(body)).0
}

fn integration_id() -> String {
    let world = harness::world(&[]);
    harness::json(&world, Method::GET, COLLECTION, None).1["value"][0]["id"].as_str().unwrap().to_owned()
}

/// Sends a request to the control API. Returns its answer, or that it makes a call.
fn controlled(method: &str, path: &str, body: &str) -> Progress {
    let service = Service::of(harness::settings(Behaviors::default()));
    let request = Request {
        method: method.parse().unwrap(),
        target: format!("/_emulator{path}").parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers: HeaderMap::from_iter([(http::header::HOST, harness::HOST.parse().unwrap())]),
        body: Body::Whole(Bytes::copy_from_slice(body.as_bytes())),
    };
    service.begin(&request, Peer::Process)
}

fn control(method: &str, path: &str, body: &str) -> bool {
    let Progress::Answered(answer) = controlled(method, path, body) else { panic!("{path} makes no call") };
    let status = answer.response.status();
    assert!(
        status.is_success() || status == StatusCode::BAD_REQUEST,
        "{method} {path} {body}: {status} {:?}",
        answer.response.body()
    );
    status.is_success()
}

fn calls(body: &str) -> bool {
    match controlled("POST", "/worlds/default/connectors/call", body) {
        Progress::Pending(_) => true,
        Progress::Answered(answer) => answer.response.status().is_success(),
    }
}

/// Files that read nothing but values, without saying so where they read.
const OF_VALUES: [&str; 2] = ["src/edge/control/journal.rs", "src/odata/query/filter/evaluate.rs"];

#[test]
fn types_are_read_in_one_room() {
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if name.ends_with("tests.rs") || name.contains("/tests/") || name == "src/text/json.rs" || OF_VALUES.contains(&&*name)
            {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let reads = |line: &&str| {
                ["from_slice", "from_str", "from_reader"].iter().any(|read| line.contains(&format!("serde_json::{read}")))
            };
            let is_plain = |line: &&str| ["Value", "IgnoredAny", "String"].iter().any(|kind| line.contains(kind));
            found
                .extend(code.lines().filter(reads).filter(|line| !is_plain(line)).map(|line| format!("{name}: {}", line.trim())));
        }
    }
    assert!(found.is_empty(), "use text::json::read:\n{}", found.join("\n"));
}
