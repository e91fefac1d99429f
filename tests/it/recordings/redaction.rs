//! One table decides what is a secret: each of its names, in each place, is hidden in every output.

use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wfi_emulator::internals::edge::client::Upstream;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::text::exchange::{self, Exchange, RecordedRequest, RecordedResponse};
use wfi_emulator::internals::text::redact::{NamePlace, RedactionRules, Redactor, examples};
use wfi_emulator::internals::tools::compare::{self, CompareOptions, ReportFormat, Reporter};

use crate::program::process::Served;
use crate::program::suite::Client;
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
fn recordings_hide_every_name_of_the_table() {
    let messages = messages();
    assert!(messages.len() > 500, "{}", messages.len());
    for message in &messages {
        let recorded = Redactor::new(RedactionRules::default(), 1).redact(&message.exchange()).to_string();
        assert!(!recorded.contains(HUSH), "{}: {recorded}", message.place);
        assert!(!recorded.contains("left out"), "{}: {recorded}", message.place);
    }
}

#[test]
fn journal_export_log_and_verification_hide_every_name_of_the_table() {
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
    for format in [ReportFormat::Text { has_color: false }, ReportFormat::Json, ReportFormat::Junit] {
        let options = CompareOptions {
            path: folder.0.join("old.hurl"),
            against: Some(upstream.clone()),
            headers: Vec::new(),
            behaviors: Behaviors::default(),
            forced: Vec::new(),
            fixtures: None,
            accepts: format == ReportFormat::Junit,
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
