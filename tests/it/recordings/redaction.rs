//! One table decides what is a secret: each of its names, in each place, is hidden in all eight outputs: journal, export, log,
//! verification, recording, conversion, comparison report, accepted answers.

use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wfi_emulator::internals::edge::client::{HttpClient, Upstream};
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{self, Exchange, RecordedRequest, RecordedResponse, har};
use wfi_emulator::internals::text::redact::{NamePlace, RedactionRules, Redactor, examples, mask_exchange};
use wfi_emulator::internals::tools::compare::{self, CompareOptions, ReportFormat, Reporter};
use wfi_emulator::internals::tools::record;

use crate::program::process::Served;
use crate::program::suite::Client;
use crate::recordings::commands::run;
use crate::recordings::recorded::Folder;

/// The prefix of every secret of these tests.
const HUSH: &str = "hushS3cret";

/// A message with one secret in one place.
struct Message {
    /// The query, without its question mark.
    query: String,
    header: Option<(String, String)>,
    /// The content type of the body is that of a form.
    is_form: bool,
    body: String,
    place: String,
}

/// Returns a message for each name of the table, in each place that it has there.
fn messages() -> Vec<Message> {
    let mut messages = Vec::new();
    let mut add = |place: &str, name: &str, query: String, header: Option<(String, String)>, is_form: bool, body: String| {
        messages.push(Message { query, header, is_form, body, place: format!("{place} {name}") });
    };
    let secret = |place: &'static str, index: usize| format!("{HUSH}-{place}-{index}x");
    for (index, (name, _)) in examples(NamePlace::Header).filter(|(_, kind)| kind.is_secret()).enumerate() {
        let header = (name.clone(), secret("header", index));
        add("header", &name, "a=b".to_owned(), Some(header), false, "{}".to_owned());
    }
    for (index, (name, _)) in examples(NamePlace::Member).filter(|(_, kind)| kind.is_secret()).enumerate() {
        let value = secret("member", index);
        let body = format!("{{\"a\":{{\"{name}\":\"{value}\"}}}}");
        add("JSON in JSON", &name, "a=b".to_owned(), None, false, format!("{{\"a\":{}}}", serde_json::Value::from(body.clone())));
        add("object", &name, "a=b".to_owned(), None, false, format!("{{\"{name}\":{{\"value\":[\"{value}\"]}}}}"));
        add("member", &name, "a=b".to_owned(), None, false, body);
    }
    for (index, (name, _)) in examples(NamePlace::Parameter).filter(|(_, kind)| kind.is_secret()).enumerate() {
        let value = secret("parameter", index);
        add("query", &name, format!("a=b&{name}={value}&c=d"), None, false, "{}".to_owned());
        add("form", &name, "a=b".to_owned(), None, true, format!("a=b&{name}={value}"));
        for (place, address) in [
            ("query in JSON", format!("https://a.test/b?c=d&{name}={value}")),
            ("fragment", format!("https://a.test/b#c=d&{name}={value}")),
            ("userinfo", format!("https://me:{value}@a.test/{name}")),
        ] {
            add(place, &name, "a=b".to_owned(), None, false, format!("{{\"link\":\"{address}\"}}"));
            add(place, &name, "a=b".to_owned(), Some(("location".to_owned(), address)), false, "{}".to_owned());
        }
    }
    for (index, beginning) in ["_content", "_upload", "_monitor", "_world/a/_content"].into_iter().enumerate() {
        let address = format!("http://a.test/{beginning}/{}", secret("address", index));
        add("address", beginning, "a=b".to_owned(), None, false, format!("{{\"link\":\"{address}\"}}"));
        add("location", beginning, "a=b".to_owned(), Some(("location".to_owned(), address.clone())), false, "{}".to_owned());
        add("address in a query", beginning, format!("a=b&c={address}"), None, false, "{}".to_owned());
    }
    messages
}

impl Message {
    fn headers(&self) -> Vec<(String, String)> {
        let content_type = if self.is_form { "application/x-www-form-urlencoded" } else { "application/json" };
        std::iter::once(("content-type".to_owned(), content_type.to_owned())).chain(self.header.clone()).collect()
    }

    fn head(&self) -> String {
        let lines: Vec<String> = self.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        lines.concat()
    }

    fn exchange(&self) -> Exchange {
        let (headers, body) = (self.headers(), self.body.clone());
        let response = RecordedResponse { status: StatusCode::OK, headers: headers.clone(), body: body.clone().into() };
        let target = format!("/v1.0/nothing?{}", self.query);
        let request = RecordedRequest { method: Method::POST, target, headers, body: body.into() };
        Exchange { comments: Vec::new(), request, response: Some(response) }
    }
}

#[test]
fn redacted_exchanges_keep_all_but_every_name_of_the_table() {
    let messages = messages();
    assert!(messages.len() > 700, "{}", messages.len());
    for message in &messages {
        let recorded = Redactor::new(RedactionRules::default(), 1).redact(&message.exchange()).to_string();
        assert!(!recorded.contains(HUSH), "{}: {recorded}", message.place);
        assert!(!recorded.contains("left out"), "{}: {recorded}", message.place);
    }
}

/// Records a GET of each path, with `headers`, through the recorder in front of a service; returns the file, and that of a second run in
/// which the exchanges come from an archive.
async fn recorded(upstream: &str, folder: &Folder, requests: &[RecordedRequest]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let upstream = Upstream::new(upstream, None).unwrap();
    let options = record::RecordOptions { upstream, folder: folder.0.clone(), rules: RedactionRules::default(), tls: None };
    let recorder = tokio::spawn(record::run(listener, options, async { stopped.await.unwrap_or_default() }));
    for request in requests {
        HttpClient::new(Upstream::new(&base, None).unwrap()).send(request).await.unwrap();
    }
    stop.send(()).unwrap();
    let (count, path) = recorder.await.unwrap().unwrap();
    assert_eq!(count, requests.len());
    std::fs::read_to_string(path.unwrap()).unwrap()
}

#[tokio::test]
async fn recordings_and_conversions_hide_every_name_of_the_table() {
    let folder = Folder::new("names");
    let upstream = service(messages()).await;
    let exchanges: Vec<Exchange> = messages()
        .iter()
        .enumerate()
        .map(|(index, message)| {
            let mut exchange = message.exchange();
            exchange.request.target = format!("/v1.0/nothing/{index}?{}", message.query);
            // The service above answers at the end of the head.
            exchange.request.body = "".into();
            exchange
        })
        .collect();
    let requests: Vec<RecordedRequest> = exchanges.iter().map(|exchange| exchange.request.clone()).collect();
    let text = recorded(&upstream, &folder, &requests).await;
    assert!(text.matches("HTTP 200").count() == requests.len() && text.contains("secret-9") && text.contains("token-9"));
    let found = text.find(HUSH).map(|at| text[at.saturating_sub(300)..].chars().take(400).collect::<String>());
    assert_eq!(found, None);
    // The bodies of requests, which only an archive has here, are in the conversion.
    let exchanges: Vec<Exchange> = messages().iter().map(Message::exchange).collect();
    folder.write("archive.har", &har::write(&exchanges, "https://graph.microsoft.com"));
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let (status, _, stderr) = run(&["convert", &path("archive.har"), &path("converted.hurl")]);
    assert!(status == Some(0) && !stderr.contains(HUSH), "{stderr}");
    let text = folder.read("converted.hurl");
    assert_eq!(text.matches("HTTP 200").count(), exchanges.len());
    let found = text.find(HUSH).map(|at| text[at.saturating_sub(300)..].chars().take(400).collect::<String>());
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_secret_is_hidden_where_it_was_recorded_before_it_was_known_and_after_a_thousand_others() {
    let folder = Folder::new("order");
    let json = || vec![("content-type".to_owned(), "application/json".to_owned())];
    let response = |body: &str| RecordedResponse { status: StatusCode::OK, headers: json(), body: body.to_owned().into() };
    let answer =
        |body: &str| Message { query: String::new(), header: None, is_form: false, body: body.to_owned(), place: String::new() };
    let ids: Vec<String> = (0..1_500).map(|index| format!("{{\"secret\":\"another-S3cret-{index:05}\"}}")).collect();
    let bodies = [
        format!("{{\"message\":\"{HUSH}-learned later\"}}"),
        format!("{{\"client_secret\":\"{HUSH}-learned\"}}"),
        format!("[{}]", ids.join(",")),
        format!("{{\"message\":\"{HUSH}-learned before\"}}"),
        "{\"note\":\"7hT9qLm2Xz4Rv8Wb1Nc6\"}".to_owned(),
    ];
    let upstream = service(bodies.iter().map(|body| answer(body)).collect()).await;
    let requests: Vec<RecordedRequest> = (0..bodies.len())
        .map(|index| {
            let target =
                format!("/v1.0/nothing/{index}{}", if index == 0 { format!("?page={HUSH}-learned") } else { String::new() });
            RecordedRequest { method: Method::GET, target, headers: Vec::new(), body: "".into() }
        })
        .collect();
    let text = recorded(&upstream, &folder, &requests).await;
    assert!(!text.contains(HUSH), "{}", text.chars().take(1_000).collect::<String>());
    let beginning = text.chars().take(1_000).collect::<String>();
    assert!(text.contains("?page=secret-") && text.contains(" later\"") && text.contains(" before\""), "{beginning}");

    // An archive is converted in the same way, and what looks like a secret is named by its line.
    let exchanges: Vec<Exchange> = requests
        .into_iter()
        .zip(&bodies)
        .map(|(request, body)| Exchange { comments: Vec::new(), request, response: Some(response(body)) })
        .collect();
    folder.write("archive.har", &har::write(&exchanges, "https://graph.microsoft.com"));
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let (status, _, stderr) = run(&["convert", &path("archive.har"), &path("converted.hurl")]);
    let text = folder.read("converted.hurl");
    assert!(status == Some(0) && !text.contains(HUSH));
    let line = 1 + text.lines().position(|line| line.contains("7hT9qLm2Xz4Rv8Wb1Nc6")).unwrap();
    assert!(
        stderr.contains(&format!("converted.hurl:{line}: check by hand: 20 characters that look like a secret\n")),
        "{stderr}"
    );
    assert_eq!(stderr.matches("check by hand").count(), 1, "{stderr}");
}

#[test]
fn the_leaks_that_a_review_found_are_closed() {
    let form = "application/x-www-form-urlencoded";
    for (target, headers, body) in [
        ("/x", [("content-type", form)], "scope=openid profile&client_secret=HUSH"),
        ("/x", [("content-type", form)], "flag&client_secret=HUSH"),
        ("/x", [("content-type", form)], "client%255Fsecret=HUSH"),
        ("/x", [("location", "https://app.test/cb#code=HUSH&access_token=HUSH")], ""),
        ("/x", [("content-type", "application/json")], r#"{"a":1e999,"secret":"HUSH"}"#),
        ("/x", [("content-type", "application/json")], r#"{"a":"\ud800","secret":"HUSH"}"#),
        ("/x", [("content-type", "text/plain")], r#"{"body":"{\"a\":1e999,\"secret\":\"HUSH\"}"}"#),
        ("/x", [("content-type", "application/json")], ")]}',\n{\"secret\":\"HUSH\"}"),
        ("/x", [("content-type", "text/plain")], "cannot connect to admin:HUSH@10.0.0.5"),
        ("/x", [("content-type", "application/json")], r#"{"url":"amqp://admin:HUSH@10.0.0.5/"}"#),
        (
            "/x",
            [("content-type", "application/json")],
            r#"{"refreshToken":"HUSH","newPassword":"HUSH","connectionString":"HUSH","privateKey":"HUSH"}"#,
        ),
        ("/x", [("X-Auth-Token", "HUSH")], ""),
        ("/x", [("X-Forwarded-Auth", "Bearer HUSH")], ""),
        ("/x", [("X-Any", "Basic YWRtaW46aHVzaFMzY3JldC1yZXZpZXc=")], ""),
        ("/x", [("X-Credentials", "HUSH")], ""),
        ("/x", [("content-type", "application/json")], r#"{"displayName":"got Bearer HUSH, then"}"#),
        ("/x?key=HUSH", [("a", "b")], ""),
        ("/x?a=1;token=HUSH", [("a", "b")], ""),
        ("/x?next=https%253A%252F%252Fa%252F%253Fcode%253DHUSH", [("a", "b")], ""),
        ("/x/cb%3Fcode%3DHUSH", [("a", "b")], ""),
        ("/x", [("content-type", "application/json")], r#"{"encryption":"HUSH"}"#),
        ("/x", [("content-type", "application/json")], r#"{"encryption":["HUSH"]}"#),
        ("/x/encryption/secret", [("content-type", "application/json")], r#"{"value":"HUSH"}"#),
        ("/x/encryption/secret/$value", [("content-type", "text/plain")], "HUSH"),
        (
            "/v1.0/$batch",
            [("content-type", "application/json")],
            r#"{"requests":[{"id":"1","url":"/x/encryption/secret","body":{"value":"HUSH"}}]}"#,
        ),
        (
            "/v1.0/$batch",
            [("content-type", "application/json")],
            r#"{"requests":[{"id":"1","url":"/x","body":"eyJzZWNyZXQiOiJodXNoUzNjcmV0LXJldmlldyJ9"}]}"#,
        ),
    ] {
        let secret = format!("{HUSH}-review");
        let own = |text: &str| text.replace("HUSH", &secret);
        let headers: Vec<(String, String)> = headers.iter().map(|(name, value)| ((*name).to_owned(), own(value))).collect();
        let response = RecordedResponse { status: StatusCode::OK, headers: headers.clone(), body: own(body).into() };
        let request = RecordedRequest { method: Method::PUT, target: own(target), headers, body: own(body).into() };
        let is_answer = !target.contains("encryption");
        let exchange = Exchange { comments: Vec::new(), request, response: is_answer.then_some(response) };
        for text in
            [Redactor::new(RedactionRules::default(), 1).redact(&exchange).to_string(), mask_exchange(&exchange).to_string()]
        {
            assert!(
                !text.contains(HUSH) && !text.contains("aHVzaFMz") && !text.contains("odXNoUzNj") && !text.contains("J1c2hTM2"),
                "{target} {body}: {text}"
            );
            assert!(!text.contains("/left-out"), "{target} {body}: {text}");
        }
    }
}

#[test]
fn the_journal_of_the_program_hides_a_secret_in_the_wrong_place() {
    let served = Served::start(&["--log", "info"]);
    let mut client = Client::new(served.address());
    let entity = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
    let secret = format!("{HUSH}-misplaced");
    let json = "Content-Type: application/json\r\n";
    for (method, target, headers, body) in [
        ("PATCH", entity.to_owned(), json, format!("{{\"encryption\":\"{secret}\"}}")),
        ("PATCH", entity.to_owned(), json, format!("{{\"encryption\":[\"{secret}\"]}}")),
        ("PUT", format!("{entity}/encryption/secret"), json, format!("{{\"value\":\"{secret}\"}}")),
        ("PUT", format!("{entity}/encryption/secret/$value"), "Content-Type: text/plain\r\n", secret.clone()),
        ("PUT", format!("{entity}/encryption"), json, format!("{{\"value\":\"{secret}\"}}")),
    ] {
        client.send_with(method, &target, headers, &body);
    }
    for path in ["", "?format=exchange"] {
        let (_, text) = client.send("GET", &format!("/_emulator/tenants/default/journal{path}"), "");
        assert!(text.contains("WFI_05227533") && !text.contains(HUSH), "{text}");
    }
    let expected = format!("{{\"body\":{{\"encryption\":\"{secret}-other\"}},\"times\":9}}");
    let (_, verdict) = client.send("POST", "/_emulator/tenants/default/journal/verify", &expected);
    assert!(verdict.contains("REDACTED") && !verdict.contains(HUSH), "{verdict}");
    let (_, shown) = client.send("GET", "/_emulator/tenants/default/journal?secrets=true", "");
    assert!(shown.contains(&secret), "{shown}");
    served.program.signal("-TERM");
    assert!(!served.program.outcome().stderr.contains(HUSH));
}

#[test]
fn changed_entities_verdicts_and_exports_hide_what_the_exchange_hides() {
    let served = Served::start(&[]);
    let mut client = Client::new(served.address());
    let entity = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";
    let headers = format!("Content-Type: application/json\r\nAuthorization: Bearer {HUSH}-1234\r\n");
    let body = format!(r#"{{"displayName":"sent {HUSH}-1234","url":"https://contoso.com/hook?code={HUSH}-5678"}}"#);
    assert_eq!(client.send_with("PATCH", entity, &headers, &body).0, 200);
    let (_, entries) = client.send("GET", "/_emulator/worlds/default/journal", "");
    let entries: serde_json::Value = serde_json::from_str(&entries).unwrap();
    assert_eq!(entries["entries"][0]["after"]["displayName"], "sent REDACTED");
    assert!(!entries.to_string().contains(HUSH), "{entries}");
    let expected = r#"{"method":"PATCH","body":{"displayName":"other"}}"#;
    let (_, verdict) = client.send("POST", "/_emulator/worlds/default/journal/verify", expected);
    assert!(verdict.contains("found") && verdict.contains("REDACTED") && !verdict.contains(HUSH), "{verdict}");
    let url = r#"{"displayName":"plain"}"#;
    assert_eq!(client.send_with("PATCH", entity, "Content-Type: application/json\r\n", url).0, 200);
    for query in ["", "?collection=workforceIntegrations"] {
        let (_, export) = client.send("GET", &format!("/_emulator/worlds/default/state{query}"), "");
        assert!(export.contains("https://contoso.com/hook?code=REDACTED") && !export.contains(HUSH), "{export}");
    }
    let (_, export) = client.send("GET", "/_emulator/worlds/default/state?secrets=true", "");
    assert!(export.contains(HUSH), "{export}");
}

#[test]
fn journal_log_and_verification_hide_every_name_of_the_table() {
    let served = Served::start(&["--log", "info"]);
    let mut client = Client::new(served.address());
    let messages = messages();
    let journal = "/_emulator/tenants/default/journal";
    for message in &messages {
        let headers = message.head().replace("content-type", "Content-Type");
        let (status, answer) = client.send_with("POST", &format!("/v1.0/nothing?{}", message.query), &headers, &message.body);
        assert!((400..500).contains(&status) && !answer.contains(HUSH), "{}: {status} {answer}", message.place);
        for format in ["", "?format=exchange"] {
            let (_, entries) = client.send("GET", &format!("{journal}{format}"), "");
            assert!(entries.contains("/v1.0/nothing") && !entries.contains(HUSH), "{}: {entries}", message.place);
        }
        let body = if message.is_form { "{}".to_owned() } else { message.body.replace(HUSH, &format!("{HUSH}-other")) };
        let expected = format!("{{\"path\":\"/v1.0/nothing\",\"body\":{body},\"times\":1000}}");
        let (status, verdict) = client.send("POST", &format!("{journal}/verify"), &expected);
        assert_eq!(status, 200, "{}: {verdict}", message.place);
        assert!(verdict.contains("expected") && !verdict.contains(HUSH), "{}: {verdict}", message.place);
        client.send("DELETE", journal, "");
    }
    served.program.signal("-TERM");
    let log = served.program.outcome().stderr;
    assert!(log.lines().count() >= messages.len());
    assert_eq!(log.lines().find(|line| line.contains(HUSH)), None);
}

/// Answers the request to `/v1.0/nothing/{index}` with the message of that index.
async fn service(messages: Vec<Message>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let index = head.split([' ', '?']).nth(1).and_then(|path| path.rsplit('/').next()).unwrap();
            let message = &messages[index.parse::<usize>().unwrap()];
            let headers = message.head();
            let (length, body) = (message.body.len(), &message.body);
            let answer = format!("HTTP/1.1 200 OK\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    base
}

#[tokio::test]
async fn comparison_reports_and_accepted_files_hide_every_name_of_the_table() {
    let folder = Folder::new("redaction");
    let exchanges = messages().into_iter().enumerate().map(|(index, message)| {
        let mut headers = message.headers();
        headers.iter_mut().skip(1).for_each(|(_, value)| "old".clone_into(value));
        let body = if message.is_form { "old=1" } else { "{}" };
        let response = RecordedResponse { status: StatusCode::OK, headers, body: body.into() };
        let target = format!("/v1.0/nothing/{index}");
        let request = RecordedRequest { method: Method::GET, target, headers: Vec::new(), body: "".into() };
        Exchange { comments: Vec::new(), request, response: Some(response) }
    });
    folder.write("old.hurl", &exchange::write(&exchanges.collect::<Vec<Exchange>>()));
    let upstream = Upstream::new(&service(messages()).await, None).unwrap();
    for format in [ReportFormat::Text { has_color: false, is_verbose: true }, ReportFormat::Json, ReportFormat::Junit] {
        let options = CompareOptions {
            path: folder.0.join("old.hurl"),
            against: Some(upstream.clone()),
            headers: Vec::new(),
            behaviors: Behaviors::default(),
            forced: Vec::new(),
            fixtures: None,
            variables: Vec::new(),
            accepts: format == ReportFormat::Junit,
            selection: compare::ExchangeSelection::default(),
            is_dry_run: false,
        };
        let (mut reporter, mut report) = Reporter::begin(format);
        let counts = compare::compare(&options, &mut |event| report.push_str(&reporter.event(event))).await.unwrap();
        report.push_str(&reporter.end(counts));
        // Cookies of responses are not compared.
        let differs =
            |message: &Message| message.body != "{}" || message.header.as_ref().is_some_and(|(name, _)| name != "set-cookie");
        assert_eq!(counts.drift, messages().iter().filter(|message| differs(message)).count());
        let found = report.find(HUSH).map(|at| report[at.saturating_sub(300)..].chars().take(400).collect::<String>());
        assert_eq!(found, None);
    }
    let accepted = folder.read("old.hurl");
    assert!(accepted.contains("token-1000") && accepted.contains("secret-1000"), "{accepted}");
    let found = accepted.find(HUSH).map(|at| accepted[at.saturating_sub(300)..].chars().take(400).collect::<String>());
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_sent_header_that_a_service_repeats_is_in_no_report_and_no_file() {
    let folder = Folder::new("echo");
    let token = format!("{HUSH}-0123456789");
    let json = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = format!("{{\"message\":\"bad {token}\",\"clientSecret\":\"{HUSH}-new\"}}");
    let old = "{\"message\":\"fine\",\"clientSecret\":\"hushS3cret-old\"}";
    let response = RecordedResponse { status: StatusCode::OK, headers: json, body: old.into() };
    let request =
        RecordedRequest { method: Method::GET, target: "/v1.0/nothing/0".to_owned(), headers: Vec::new(), body: "".into() };
    folder.write("old.hurl", &exchange::write(&[Exchange { comments: Vec::new(), request, response: Some(response) }]));
    let message = Message { query: String::new(), header: None, is_form: false, body, place: String::new() };
    let upstream = Upstream::new(&service(vec![message]).await, None).unwrap();
    for format in [ReportFormat::Json, ReportFormat::Junit, ReportFormat::Text { has_color: false, is_verbose: true }] {
        let options = CompareOptions {
            path: folder.0.join("old.hurl"),
            against: Some(upstream.clone()),
            headers: vec![(http::header::AUTHORIZATION, http::HeaderValue::from_str(&format!("Bearer {token}")).unwrap())],
            behaviors: Behaviors::default(),
            forced: Vec::new(),
            fixtures: None,
            variables: Vec::new(),
            accepts: matches!(format, ReportFormat::Text { .. }),
            selection: compare::ExchangeSelection::default(),
            is_dry_run: false,
        };
        let (mut reporter, mut report) = Reporter::begin(format);
        let counts = compare::compare(&options, &mut |event| report.push_str(&reporter.event(event))).await.unwrap();
        assert_eq!(counts.drift, 1);
        // Two secrets differ, though neither is shown.
        assert!(
            !report.contains(HUSH) && report.contains("bad REDACTED") && report.contains("REDACTED (another value)"),
            "{report}"
        );
    }
    let accepted = folder.read("old.hurl");
    assert!(!accepted.contains(&token) && !accepted.contains("-new") && accepted.contains("bad token-100001"), "{accepted}");
}

#[tokio::test]
async fn accepted_answers_of_the_emulator_in_this_process_have_no_secrets() {
    let folder = Folder::new("accepted-secrets");
    let id = "WFI_11111111-2222-4333-8444-555555555555";
    folder.write(
        "fixtures.json",
        &format!("{{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations\",\"value\":[{{\"id\":\"{id}\",\"displayName\":\"Ada's clock\",\"url\":\"https://me:{HUSH}-user@contoso.com/\",\"encryption\":{{\"protocol\":\"sharedSecret\",\"secret\":\"{HUSH}{}\"}}}}]}}", "x".repeat(54)),
    );
    folder.write("old.hurl", &format!("GET {{{{base}}}}/v1.0/teamwork/workforceIntegrations/{id}\n\nHTTP 404\n"));
    let options = CompareOptions {
        path: folder.0.join("old.hurl"),
        against: None,
        headers: Vec::new(),
        behaviors: Behaviors::default(),
        forced: vec![("secret".to_owned(), "echo".to_owned())],
        fixtures: Some(folder.0.join("fixtures.json")),
        variables: Vec::new(),
        accepts: true,
        selection: compare::ExchangeSelection::default(),
        is_dry_run: false,
    };
    let (mut reporter, mut report) = Reporter::begin(ReportFormat::Json);
    compare::compare(&options, &mut |event| report.push_str(&reporter.event(event))).await.unwrap();
    let accepted = folder.read("old.hurl");
    assert!(accepted.contains("HTTP 200") && accepted.contains(id) && accepted.contains("Ada's clock"), "{accepted}");
    assert!(!accepted.contains(HUSH) && !report.contains(HUSH), "{accepted}\n{report}");
}
