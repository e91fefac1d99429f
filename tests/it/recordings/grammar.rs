//! Redaction by grammar: places × encodings × damage × what else is learned, with a planted secret as the oracle.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wfi_emulator::internals::edge::client::Upstream;
use wfi_emulator::internals::edge::control::Peer;
use wfi_emulator::internals::edge::server::ServerLimits;
use wfi_emulator::internals::edge::service::{Progress, Service};
use wfi_emulator::internals::graph::request::{Body, Request, Via};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{self, Exchange, RecordedRequest, RecordedResponse, har};
use wfi_emulator::internals::text::redact::{RedactionRules, Redactor, mask_exchange};
use wfi_emulator::internals::tools::compare::{CompareOptions, ExchangeSelection, ReportFormat, Reporter, compare};
use wfi_emulator::internals::world::chance::mixed;

use crate::edge::abuse::{ENTITY, exchange as exchange_bytes};
use crate::edge::http::Server;
use crate::recordings::recorded::Folder;
use crate::support::harness;
use crate::support::planting::{CORE, Planted, others, planted, trace};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// Redacts the exchanges of a recording as the recorder does: one by one, and once more when the recording is complete.
fn recorded(exchanges: &[Exchange]) -> String {
    let mut redactor = Redactor::new(RedactionRules::default(), 1);
    let first: Vec<Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
    exchange::write(&first.iter().map(|exchange| redactor.redact(exchange)).collect::<Vec<Exchange>>())
}

/// Describes what is left of the secret, if anything is.
fn problem(data: &[u8]) -> Option<String> {
    let Planted { before, naming, others: count, after } = planted(data);
    let masked = exchange::write(&[mask_exchange(&naming)]);
    if let Some(form) = trace(&masked) {
        return Some(format!("{form} is in the mask of {naming:?}:\n{masked}"));
    }
    let others = (count > 0).then(|| others(count));
    let exchanges: Vec<Exchange> = before.into_iter().chain([naming]).chain(others).chain(after).collect();
    let text = recorded(&exchanges);
    let excerpt = |text: String| text.chars().take(5_000).collect::<String>();
    let others_left_out = |count| if count > 0 { "and others" } else { "" };
    trace(&text).map(|form| {
        excerpt(format!(
            "{form} is in the recording of {} exchanges {}:\n{naming:?}\n{text}",
            exchanges.len(),
            others_left_out(count),
            naming = exchanges[exchanges.len() / 2]
        ))
    })
}

/// Returns the last byte of a number.
fn byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

#[test]
fn the_oracle_finds_the_secret_in_every_encoding() {
    let mut missing = 0;
    for seed in 0..2_000_u32 {
        let data: Vec<u8> =
            (0..24).map(|index| byte(u64::from(seed.wrapping_mul(2_654_435_761).wrapping_add(index * 40_503) >> 7))).collect();
        let Planted { before, naming, after, .. } = planted(&data);
        for exchange in before.iter().chain(&after) {
            assert!(trace(&exchange::write(std::slice::from_ref(exchange))).is_some(), "{exchange:?}");
        }
        // Packed bodies are unreadable in print.
        missing += u32::from(trace(&exchange::write(&[naming])).is_none());
    }
    assert!(missing < 600, "{missing} of 2000");
    assert_eq!(trace("nothing here"), None);
    assert!(trace(&format!("x{CORE}x")).is_some());
}

#[test]
fn no_secret_of_the_grammar_is_left_in_thousands_of_sentences() {
    let mut problems = Vec::new();
    let mut state = 0x2468_ace0_1357_9bdfu64;
    for _ in 0..1_000 {
        let data: Vec<u8> = (0..32)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                byte(state >> 24)
            })
            .collect();
        problems.extend(problem(&data));
    }
    let shown: Vec<&String> = problems.iter().take(8).collect();
    assert!(shown.is_empty(), "{} problems, first {shown:#?}", problems.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_secret_of_the_grammar_is_left(data in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(problem(&data), None);
    }
}

/// Returns a number of inputs, always the same ones.
fn sentences(count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|sentence| (0..32).map(|index| byte(mixed(sentence << 8 | index))).collect())
}

/// Fails if a text of a sentence has the secret.
#[track_caller]
fn assert_hidden(output: &str, text: &str, naming: &Exchange) {
    let found = trace(text);
    assert_eq!(found, None, "in the {output} of {naming:?}:\n{}", text.chars().take(5_000).collect::<String>());
}

/// Returns the exchange of an input, if an HTTP library sends its request.
fn sendable(data: &[u8]) -> Option<(Exchange, Uri, HeaderMap)> {
    let Planted { naming, .. } = planted(data);
    let target: Uri = naming.request.target.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &naming.request.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
    }
    Some((naming, target, headers))
}

/// Whether only the target says that the body is a secret.
fn is_named_by_target(naming: &Exchange) -> bool {
    naming.request.target.contains("/encryption/secret")
}

#[test]
fn conversions_hide_the_secret() {
    for data in sentences(400) {
        let Planted { before, naming, after, .. } = planted(&data);
        let exchanges: Vec<Exchange> = before.into_iter().chain([naming.clone()]).chain(after).collect();
        let archive = har::write(&exchanges, "https://graph.microsoft.com");
        let read = har::read(archive.as_bytes(), "graph.microsoft.com").unwrap().exchanges;
        assert_hidden("conversion", &recorded(&read), &naming);
    }
}

#[test]
fn journals_verifications_and_exports_hide_the_secret() {
    let service = Service::of(harness::settings(Behaviors::default()));
    let send = |method: &Method, target: &Uri, mut headers: HeaderMap, body: Bytes| {
        headers.insert("host", HeaderValue::from_static("localhost"));
        headers.insert("content-length", body.len().into());
        let (method, target) = (method.clone(), target.clone());
        let request = Request {
            method,
            target,
            is_secure: false,
            via: Via::Direct,
            arrival: wfi_emulator::internals::world::journal::Arrival::default(),
            headers,
            body: Body::Whole(body),
        };
        let Progress::Answered(answer) = service.begin(&request, Peer::Process) else { panic!("no call is made") };
        String::from_utf8_lossy(answer.response.body()).into_owned()
    };
    let json = || HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let control = |method: &Method, path: &str, body: &str| {
        let target = format!("/_emulator/worlds/default{path}").parse().unwrap();
        send(method, &target, json(), body.to_owned().into())
    };
    let (entity, collection) = (Uri::from_static(ENTITY), Uri::from_static(COLLECTION));
    let mut count = 0;
    for data in sentences(120) {
        let Some((naming, target, headers)) = sendable(&data) else { continue };
        count += 1;
        send(&naming.request.method, &target, headers.clone(), naming.request.body.clone());
        if !is_named_by_target(&naming) {
            send(&Method::PATCH, &entity, headers, naming.request.body.clone());
            // The same text within an entity.
            let text = String::from_utf8_lossy(&naming.request.body);
            let item = serde_json::json!({ "displayName": text, "url": format!("https://a.test{}", naming.request.target) });
            send(&Method::POST, &collection, json(), item.to_string().into());
        }
        for format in ["", "?format=exchange"] {
            assert_hidden("journal", &control(&Method::GET, &format!("/journal{format}"), ""), &naming);
        }
        let expected = serde_json::json!({ "body": { "displayName": "other" }, "times": 9 }).to_string();
        assert_hidden("verification", &control(&Method::POST, "/journal/verify", &expected), &naming);
        assert_hidden("export", &control(&Method::GET, "/state", ""), &naming);
        control(&Method::POST, "/reset", "");
    }
    assert!(count > 90, "{count}");
}

#[test]
fn the_log_hides_the_secret() {
    let mut server = Server::logging(ServerLimits::default());
    for data in sentences(200) {
        let Some((naming, target, headers)) = sendable(&data) else { continue };
        let others = usize::from(!is_named_by_target(&naming));
        for (method, target) in [("POST", target.to_string()), ("PATCH", ENTITY.to_owned())].into_iter().take(1 + others) {
            let lines = headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
            let lines: Vec<String> = lines.collect();
            let length = naming.request.body.len();
            let head =
                format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{}\r\n", lines.concat());
            exchange_bytes(&server, [head.as_bytes(), &naming.request.body].concat());
        }
        let logged = server.log.take();
        assert!(!logged.is_empty());
        assert_hidden("log", &logged, &naming);
    }
    server.stop();
}

/// Answers each request with a message, as it is.
async fn answer_with(headers: Vec<(String, String)>, body: Bytes) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 200 OK\r\n{}connection: close\r\ncontent-length: {}\r\n\r\n", lines.concat(), body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    });
    Upstream::new(&base, None).unwrap()
}

#[tokio::test]
async fn comparison_reports_and_accepted_answers_hide_the_secret() {
    let folder = Folder::new("grammar");
    let formats = [ReportFormat::Text { has_color: false, is_verbose: true }, ReportFormat::Json, ReportFormat::Junit];
    let mut compared = 0;
    for (data, format) in sentences(150).zip(formats.into_iter().cycle()) {
        let Some((naming, ..)) = sendable(&data) else { continue };
        // A target with a secret is the user's own; as an address in an answer it is not.
        let (path, query) = naming.request.target.split_once('?').unwrap_or((&naming.request.target, ""));
        let location = (!query.is_empty()).then(|| ("location".to_owned(), naming.request.target.clone()));
        let headers: Vec<(String, String)> = naming.request.headers.iter().cloned().chain(location).collect();
        let service = answer_with(headers.clone(), naming.request.body.clone()).await;
        let old = headers.iter().map(|(name, _)| (name.clone(), "old".to_owned())).collect();
        let response = RecordedResponse { status: StatusCode::OK, headers: old, body: "{}".into() };
        let request = RecordedRequest { method: Method::GET, target: path.to_owned(), headers: Vec::new(), body: "".into() };
        let recording = exchange::write(&[Exchange { comments: Vec::new(), request, response: Some(response) }]);
        folder.write("old.hurl", &recording);
        let options = CompareOptions {
            path: folder.0.join("old.hurl"),
            against: Some(service),
            headers: Vec::new(),
            behaviors: Behaviors::default(),
            forced: Vec::new(),
            fixtures: None,
            variables: Vec::new(),
            accepts: true,
            selection: ExchangeSelection::default(),
            is_dry_run: false,
        };
        let (mut reporter, mut report) = Reporter::begin(format);
        let counts = compare(&options, &mut |event| report.push_str(&reporter.event(event))).await.unwrap();
        report.push_str(&reporter.end(counts));
        assert_hidden("report", &report, &naming);
        assert_hidden("accepted file", &folder.read("old.hurl"), &naming);
        compared += counts.drift;
    }
    assert!(compared > 100, "{compared}");
}
