//! One function per reader of outside bytes. `fuzz` runs them over the checked-in inputs and mutations of them; the crate in `fuzz/`
//! includes this file for a fuzzer.
//!
//! A function panics if an invariant breaks: no input causes an internal error, and a value that was read can be written and read again.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use wfi_emulator::internals::edge::control::Peer;
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::edm::date_time::DateTimeOffset;
use wfi_emulator::internals::edm::schema::Schema;
use wfi_emulator::internals::graph::request::{BODY_LIMIT, Body, Request, Via};
use wfi_emulator::internals::graph::step::Answer;
use wfi_emulator::internals::policy::behavior::{self, Behaviors, Profile};
use wfi_emulator::internals::report::{RULES, Report, ReportForm, RuleSelection};
use wfi_emulator::internals::text::exchange;
use wfi_emulator::internals::text::exchange::har;
use wfi_emulator::internals::text::redact::{RedactionRules, Redactor, mask_exchange};
use wfi_emulator::internals::tools::compare;
use wfi_emulator::internals::workloads::shifts::envelope::{Secret, decrypt};
use wfi_emulator::internals::workloads::shifts::message::Requests;
use wfi_emulator::internals::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fixture::Entities;
use wfi_emulator::internals::world::fixture::directory::Directory;
use wfi_emulator::internals::world::outbound::CallOutcome;
use wfi_emulator::internals::world::settings::{Auth, Settings};
use wfi_emulator::internals::world::store::{Baselines, Store};
use wfi_emulator::internals::world::{fault, fixture};

use super::planting::{Planted, planted, trace};
use super::sequences;

/// A reader, and the name of its folder of inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// The name of the reader, of its folder in `fuzz/corpus/`, and of its fuzz target.
    pub(crate) name: &'static str,
    /// Reads one input.
    pub(crate) read: fn(&[u8]),
}

macro_rules! readers {
    ($( $name:ident, )+) => {
        /// All readers.
        pub(crate) const READERS: &[Reader] = &[$( Reader { name: stringify!($name), read: $name }, )+];
    };
}

readers! { body, query, path, batch, request, form, token, control, exchanges, fixtures, directory, faults, csdl, dates, archives, comparisons, redactions, connectors, reports, sequences, }

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(wfi_emulator::internals::workloads::schema);

/// A new service with a fixed state, so that inputs do not affect each other.
fn service(auth: Auth) -> Service {
    let behaviors = Behaviors::of(Profile::Documented);
    let entities = fixture::shipped(&SCHEMA, &behaviors).expect("the built-in fixtures fit the built-in schema");
    let clock = Clock::Fixed(UNIX_EPOCH + Duration::from_millis(1_767_323_045_678));
    Service::of(Settings {
        schema: SCHEMA.clone(),
        entities,
        behaviors,
        clock,
        seed: 1,
        is_reproducible: true,
        auth,
        explains: true,
        ..wfi_emulator::internals::workloads::settings()
    })
}

fn send(service: &Service, method: Method, target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
    // Requests that the HTTP library rejects are not inputs.
    let target: Uri = target.parse().ok()?;
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("localhost"));
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    if !body.is_empty() {
        map.insert("content-length", body.len().into());
    }
    let body = if body.len() > BODY_LIMIT { Body::TooLarge } else { Body::Whole(Bytes::copy_from_slice(body)) };
    let request = Request {
        method,
        target,
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers: map,
        body,
    };
    // A request that waits for a connector ends here: no call is made.
    let Progress::Answered(answer) = service.begin(&request, Peer::Process) else { return None };
    let is_internal = answer.refused.iter().chain(answer.refused_items.iter().map(|(_, error)| error));
    assert!(is_internal.into_iter().all(|error| error.refusal.name != "internal"), "an internal error");
    Some(*answer)
}

/// Sends a request to which no fault rule applies.
fn answered(service: &Service, method: Method, target: &str, headers: &[(&str, &[u8])], body: &[u8]) {
    let Some(answer) = send(service, method, target, headers, body) else { return };
    let response = &answer.response;
    assert!(response.status().as_u16() < 500, "{}", response.status());
    let is_json = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json {
        serde_json::from_slice::<serde::de::IgnoredAny>(response.body()).expect("a JSON answer is JSON");
    }
}

const JSON: &[(&str, &[u8])] = &[("content-type", b"application/json")];

fn body(data: &[u8]) {
    let service = service(Auth::Open);
    answered(&service, Method::PATCH, ENTITY, JSON, data);
    answered(&service, Method::POST, "/beta/teamwork/workforceIntegrations", JSON, data);
    answered(&service, Method::PUT, &format!("{ENTITY}/displayName"), JSON, data);
    answered(&service, Method::PATCH, ENTITY, &[JSON[0], ("content-encoding", b"gzip")], data);
    // A stored entity can be read.
    answered(&service, Method::GET, COLLECTION, &[("accept", b"application/json;odata.metadata=full")], b"");
}

fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let service = service(Auth::Open);
    for address in [COLLECTION, ENTITY, "/beta/$metadata"] {
        answered(&service, Method::GET, &format!("{address}?{text}"), &[], b"");
    }
}

fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let service = service(Auth::Open);
    for method in [Method::GET, Method::DELETE, Method::OPTIONS, Method::POST] {
        answered(&service, method, &format!("/{text}"), &[], b"");
    }
    answered(&service, Method::GET, &format!("{COLLECTION}/{text}"), &[], b"");
}

fn batch(data: &[u8]) {
    answered(&service(Auth::Open), Method::POST, "/v1.0/$batch", JSON, data);
}

/// Sends a request in the format of HTTP: a line with method and target, header lines, an empty line, the body.
fn written(service: &Service, data: &[u8], prefix: &str) -> Option<Answer> {
    let end = data.windows(2).position(|window| window == b"\n\n").unwrap_or(data.len());
    let (head, body) = (&data[..end], data.get(end + 2..).unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut headers = Vec::new();
    for line in lines.take(100) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        headers.push((std::str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()));
    }
    send(service, Method::from_bytes(method.as_bytes()).ok()?, &format!("{prefix}{target}"), &headers, body)
}

fn request(data: &[u8]) {
    let service = service(Auth::Bearer);
    if let Some(answer) = written(&service, data, "") {
        assert!(answer.response.status().as_u16() < 500, "{}", answer.response.status());
    }
}

fn form(data: &[u8]) {
    let service = service(Auth::Strict);
    let headers: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
    for endpoint in ["oauth2/v2.0/token", "oauth2/v2.0/devicecode", "oauth2/token", "oauth2/v2.0/authorize"] {
        answered(&service, Method::POST, &format!("/common/{endpoint}"), headers, data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        answered(&service, Method::GET, &format!("/common/oauth2/v2.0/authorize?{text}"), &[], b"");
    }
}

fn token(data: &[u8]) {
    let value = [b"Bearer ", data].concat();
    for auth in [Auth::Open, Auth::Bearer, Auth::Strict] {
        answered(&service(auth), Method::PATCH, ENTITY, &[JSON[0], ("authorization", &value)], b"{\"apiVersion\":1}");
    }
}

/// Several requests to the control API, separated by lines `---`, and then one to Graph.
fn control(data: &[u8]) {
    let service = service(Auth::Open);
    let mut rest = data;
    for _ in 0..8 {
        let end = rest.windows(5).position(|window| window == b"\n---\n").unwrap_or(rest.len());
        written(&service, &rest[..end], "/_emulator");
        rest = rest.get(end + 5..).unwrap_or_default();
    }
    // Fault rules may make it fail in any way but this one.
    send(&service, Method::GET, COLLECTION, &[], b"");
    send(&service, Method::PATCH, ENTITY, JSON, b"{\"apiVersion\":2}");
}

fn exchanges(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = exchange::read(text) {
        let written = exchange::write(&read);
        let again = exchange::read(&written).unwrap_or_else(|error| panic!("line {}: {}\n{written}", error.line, error.reason));
        // JSON is formatted again, so texts are compared.
        assert_eq!(written, exchange::write(&again));
    }
}

/// The largest number of requests before a report.
const REPORTED: usize = 24;

/// The report on the requests of exchanges, in each form.
fn reports(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(exchanges) = exchange::read(text) else { return };
    let service = service(Auth::Open);
    for exchange in exchanges.into_iter().take(REPORTED) {
        let request = exchange.request;
        let headers: Vec<(&str, &[u8])> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        send(&service, request.method, &request.target, &headers, &request.body);
    }
    let report = Report::of(&service.worlds.default_world(), "default", &RuleSelection::default());
    let counts = report.findings.iter().map(|finding| finding.count);
    assert!(counts.sum::<u64>() <= report.requests * RULES.len() as u64, "a request shows a finding of a rule once");
    for form in ReportForm::ALL {
        let text = report.render(form);
        if matches!(form, ReportForm::Json | ReportForm::Sarif) {
            serde_json::from_str::<serde::de::IgnoredAny>(&text).expect("it is JSON");
        }
        let is_visible = |character: char| character == '\n' || !character.is_control();
        assert!(text.chars().all(is_visible), "a control character in the form {}", form.name());
    }
}

fn fixtures(data: &[u8]) {
    let behaviors = Behaviors::of(Profile::Documented);
    let Ok(entities) = fixture::read(&SCHEMA, &behaviors, "workforceIntegrations.json", data) else { return };
    let stored = |entities: &Entities| {
        Store::over(&Baselines::of(&SCHEMA, entities, &wfi_emulator::internals::workloads::settings().stores))
    };
    let first = stored(&entities);
    let written = fixture::write(&SCHEMA, &first, behavior::Secret::Echo);
    let again = fixture::read(&SCHEMA, &behaviors, "workforceIntegrations.json", written.as_bytes());
    let second = stored(&again.unwrap_or_else(|error| panic!("{error}\n{written}")));
    let contents = |store: &Store| -> Vec<_> {
        store.entities().into_iter().map(|(place, entity)| (place, entity.key.clone(), entity.properties.clone())).collect()
    };
    assert_eq!(contents(&first), contents(&second));
}

fn directory(data: &[u8]) {
    let _ = Directory::read(data);
}

fn faults(data: &[u8]) {
    let Ok(rules) = fault::read("workforceIntegrations.json", data) else { return };
    let service = service(Auth::Open);
    service.worlds.default_world().faults.set(rules);
    for _ in 0..3 {
        send(&service, Method::GET, ENTITY, &[], b"");
    }
    send(&service, Method::GET, "/_emulator/tenants/default/faults", &[], b"").expect("the target is one");
}

fn csdl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(schema) = Schema::read(text, text, &wfi_emulator::internals::workloads::rules()) else { return };
    let service = Service::of(Settings { schema: Arc::new(schema), ..wfi_emulator::internals::workloads::settings() });
    let schema = &service.worlds.default_world().schema;
    answered(&service, Method::GET, "/v1.0/$metadata", &[], b"");
    answered(&service, Method::GET, "/beta/", &[], b"");
    for set in schema.sets().iter().take(4) {
        answered(&service, Method::POST, &format!("/v1.0/{}", set.path), JSON, b"{}");
        answered(&service, Method::GET, &format!("/v1.0/{}", set.path), &[], b"");
    }
}

fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(read) = DateTimeOffset::parse(text) else { return };
    let mut written = Vec::new();
    read.write_utc(&mut written);
    let written = String::from_utf8(written).expect("a date is text");
    let again = DateTimeOffset::parse(&written).unwrap_or_else(|| panic!("{text} is written as {written}"));
    assert_eq!(read.ticks(), again.ticks(), "{text} is written as {written}");
}

fn archives(data: &[u8]) {
    let Ok(archive) = har::read(data, "graph.microsoft.com") else { return };
    let read = archive.exchanges;
    let written = har::write(&read, "https://graph.microsoft.com");
    let again = har::read(written.as_bytes(), "graph.microsoft.com");
    let again = again.unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!((read.len(), 0), (again.exchanges.len(), again.others), "{written}");
}

fn comparisons(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = compare::CompareRules::read(text);
    let _ = RedactionRules::read(text);
    if let Ok(entries) = exchange::read_entries(text) {
        let written = exchange::write_entries(&entries);
        let again = exchange::read_entries(&written);
        let again = again.unwrap_or_else(|error| panic!("line {}: {}\n{written}", error.line, error.reason));
        assert_eq!(written, exchange::write_entries(&again));
    }
}

/// Redaction removes the secret from every text.
fn redactions(data: &[u8]) {
    const SECRET: &str = "hush5ecret0123456789";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut body = serde_json::json!({ "encryption": { "secret": SECRET }, "displayName": text });
    if let Some(members) = body.as_object_mut() {
        members.insert(text.to_owned(), serde_json::Value::String(text.to_owned()));
    }
    let exchange = exchange::Exchange {
        comments: Vec::new(),
        request: exchange::RecordedRequest {
            method: Method::PATCH,
            target: ENTITY.to_owned(),
            headers: vec![("Authorization".to_owned(), format!("Bearer {SECRET}")), ("X-Text".to_owned(), text.to_owned())],
            body: body.to_string().into(),
        },
        response: None,
    };
    let redacted = Redactor::new(RedactionRules::default(), 1).redact(&exchange);
    assert!(!format!("{redacted:?}").contains(SECRET) || text.contains(SECRET), "{redacted:?}");
    // The same bytes as a sentence of the grammar of planted secrets.
    let Planted { before, naming, after, .. } = planted(data);
    let mut redactor = Redactor::new(RedactionRules::default(), 1);
    let exchanges: Vec<exchange::Exchange> = before.into_iter().chain([naming.clone()]).chain(after).collect();
    let once: Vec<exchange::Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
    let twice: Vec<exchange::Exchange> = once.iter().map(|exchange| redactor.redact(exchange)).collect();
    for text in [exchange::write(&twice), exchange::write(&[mask_exchange(&naming)])] {
        assert_eq!(trace(&text), None, "{exchanges:?}\n{text}");
    }
}

/// Answers of connectors, messages to them, and encrypted envelopes.
fn connectors(data: &[u8]) {
    for (purpose, status) in
        [(CallPurpose::Connect, 200), (CallPurpose::Update, 200), (CallPurpose::Read, 206), (CallPurpose::Update, 500)]
    {
        let status = StatusCode::from_u16(status).expect("the number is a status");
        let outcome = CallOutcome::Answered { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(data) };
        let verdict = ConnectorVerdict::of(purpose, ["a", "b"], &outcome);
        let _ = (verdict.sentence(), verdict.message(), verdict.lets_pass());
    }
    if let Ok(requests) = Requests::read(data) {
        let written = requests.write();
        Requests::read(&written).expect("what is written can be read");
    }
    if let Ok(secret) = Secret::new(&"0123456789abcdef".repeat(4)) {
        assert!(decrypt(&secret, data).is_err(), "an envelope without the key is rejected");
    }
}

/// Sequences of requests to worlds with small limits.
fn sequences(data: &[u8]) {
    sequences::run(data);
}
