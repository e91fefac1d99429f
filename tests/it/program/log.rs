//! The log of the program: its lines, and that it never blocks a request.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::mpsc;

use crate::program::process::{COLLECTION, ENTITY, Outcome, PATIENCE, Program, Served, command, lines};
use crate::support::harness::HOST;
use serde_json::Value;

#[cfg(unix)]
#[test]
fn without_a_log_standard_error_stays_empty() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    assert_eq!(served.status("GET", "/v1.0/xy", ""), 400);
    assert_eq!(served.stop(), Outcome { status: Some(0), stdout: String::new(), stderr: String::new() });
}

/// A change of an entity that has no tag, with a tag.
const BATCH: &str = r#"{"requests":[{"id":"1","method":"PATCH","url":"<entity>","body":{"apiVersion":2},
    "headers":{"Content-Type":"application/json","If-Match":"W/\"1\""}}]}"#;

#[test]
fn the_log_has_each_request_and_the_reason_of_its_refusal() {
    let served = Served::start(&["--log", "info", "--behavior", "unknown-property=ignore"]);
    let logged = |method: &str, path: &str, body: &str| {
        served.status(method, path, body);
        served.logged()
    };
    let lines = [
        logged("GET", &format!("{COLLECTION}?$top=1"), ""),
        logged("PATCH", ENTITY, r#"{"apiVersion":"one"}"#),
        logged("GET", "/v1.0/teamwork/workforceIntegration", ""),
        logged("GET", "/v1.0/xy", ""),
        logged("PUT", ENTITY, "{}"),
        logged("PATCH", ENTITY, r#"{"color":1}"#),
        served.logged(),
        logged("POST", "/v1.0/$batch", &BATCH.replace("<entity>", &ENTITY["/v1.0".len()..])),
        served.logged(),
    ];
    insta::assert_snapshot!(lines.join("\n").replace(ENTITY, "<entity>"), @"
    GET /v1.0/teamwork/workforceIntegrations?$top=1 200 …
    PATCH <entity> 400 … refused by schema-mismatch: $.apiVersion: found a string, expected a whole number from -2147483648 to 2147483647
    GET /v1.0/teamwork/workforceIntegration 400 … refused by unknown-segment: this path is not emulated; did you mean 'workforceIntegrations'?
    GET /v1.0/xy 400 … refused by unknown-segment: this path is not emulated
    PUT <entity> 404 … refused by unrouted-method: found PUT, expected GET, PATCH or DELETE
    PATCH <entity> 200 …
    PATCH <entity>: skipped $.color: not in its type
    POST /v1.0/$batch 200 …
    POST /v1.0/$batch: skipped requests[0].headers: If-Match: its type has no tags
    ");
}

#[cfg(unix)]
#[test]
fn the_log_can_be_limited_to_problems() {
    let served = Served::start(&["--log", "warn"]);
    assert_eq!(served.status("GET", "/v1.0/xy", ""), 400);
    let outcome = served.stop();
    assert!(outcome.stderr.lines().all(|line| !line.contains("INFO")), "{}", outcome.stderr);
}

#[test]
fn a_log_whose_reader_has_left_does_not_stop_the_program() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = command(&["--port", "0", "--log", "debug"], &[]);
    command.stderr(writer);
    drop(reader);
    let served = Served::of(command);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    assert_eq!(served.status("GET", "/v1.0/xy", ""), 400);
}

#[test]
fn an_unread_log_blocks_no_request() {
    let mut child = command(&["--port", "0", "--log", "info"], &[]).spawn().unwrap();
    let stdout = lines(child.stdout.take().expect("standard output is a pipe"));
    let url = stdout.recv_timeout(PATIENCE).unwrap();
    // Standard error is a pipe that is full after some hundred lines.
    let served = Served { program: Program { child, stdout, stderr: mpsc::channel().1 }, url: url.trim_end().to_owned() };
    let mut stream = served.connect();
    let request = format!("GET {ENTITY} HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\n\r\n");
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..3_000 {
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 406 Not Acceptable\r\n");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
}

/// Requests for each kind of line.
const REQUESTS: [(&str, &str, &str); 6] = [
    ("GET", "/v1.0/teamwork/workforceIntegrations?$top=1", ""),
    ("PATCH", ENTITY, r#"{"apiVersion":"one","encryption":{"secret":"hush-hush"}}"#),
    ("GET", "/v1.0/xy", ""),
    ("PUT", "/_emulator/worlds/default/faults", r#"{"do":"throttled","on":{"nth":1}}"#),
    ("GET", ENTITY, ""),
    ("PUT", "/_emulator/worlds/default/faults", "[1]"),
];

/// Returns the greeting and the log of a run with these requests.
#[cfg(unix)]
fn log_of(arguments: &[&str]) -> (String, Vec<String>) {
    let served = Served::start(arguments);
    for (method, path, body) in REQUESTS {
        served.status(method, path, body);
    }
    let url = served.url.clone();
    let text = served.stop().stderr.replace(&url, "http://127.0.0.1:9340");
    let is_of_greeting = |line: &&str| !line.starts_with('{') && !line.as_bytes().first().is_some_and(u8::is_ascii_digit);
    let (greeting, log) = text.lines().partition::<Vec<&str>, _>(is_of_greeting);
    (greeting.join("\n"), log.into_iter().map(str::to_owned).collect())
}

/// Returns a line with another time and duration, after a check of their forms.
#[cfg(unix)]
fn timeless(line: &str) -> String {
    let (time, rest) = line.split_at(8);
    assert!(time.split(':').all(|part| part.parse::<u8>().is_ok()), "{line}");
    let without = |end: &str| rest.strip_suffix(end)?.rsplit_once("  ").filter(|(_, number)| number.parse::<u32>().is_ok());
    match without("us").or_else(|| without("ms")) {
        Some((rest, _)) => format!("12:00:00{rest}  123us"),
        None => format!("12:00:00{rest}"),
    }
}

#[cfg(unix)]
#[test]
fn greeting_and_log_of_a_terminal_fit_80_columns() {
    let arguments = [
        &["--port", "0", "--seed", "1", "--log-format", "short", "--faults", "published-limits"][..],
        &["--behavior", "update-response=no-content", "--world-limit", "20", "--explain", "--page-size", "10"],
    ];
    let (greeting, log) = log_of(&arguments.concat());
    let log: Vec<String> = log.iter().map(|line| timeless(line)).collect();
    let text = greeting.replace(env!("CARGO_PKG_VERSION"), "<version>");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/program"));
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("greeting_and_log", format!("{text}\n{}", log.join("\n"))));
}

#[cfg(unix)]
#[test]
fn the_log_in_json_is_an_object_per_line() {
    let served = Served::start(&["--port", "0", "--log-format", "json", "--log", "debug"]);
    for (method, path, body) in REQUESTS {
        served.status(method, path, body);
    }
    let url = served.url.clone();
    let text = served.stop().stderr;
    assert!(!text.contains("hush-hush"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let (requests, others): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| !line["status"].is_null());
    let message = |line: &&Value| line["message"].as_str().unwrap().replace(&url, "<url>");
    let others: Vec<String> = others.iter().filter(|line| line["level"] == "info").map(message).collect();
    assert_eq!(others, ["serving <url>", "stopping: requests in flight finish first"]);
    let mut shown = Vec::new();
    for line in requests {
        let mut line = line.clone();
        let members = line.as_object_mut().unwrap();
        let time = members.remove("time").unwrap();
        assert!(time.as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')), "{time}");
        assert!(members.remove("micros").unwrap().is_u64() && members.remove("message").unwrap().is_string());
        for side in ["request", "response"] {
            let message = members.remove(side).unwrap();
            assert!(message["headers"].is_object(), "{message}");
            if members["path"] == ENTITY && members["status"] == 400 && side == "request" {
                members.insert("request".to_owned(), message["body"].clone());
            }
        }
        shown.push(line.to_string().replace(ENTITY, "<entity>"));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"level":"info","method":"GET","path":"/v1.0/teamwork/workforceIntegrations?$top=1","status":200}
    {"detail":"$.apiVersion: found a string, expected a whole number from -2147483648 to 2147483647","level":"info","method":"PATCH","path":"<entity>","request":"{\"apiVersion\":\"one\",\"encryption\":{\"secret\":\"REDACTED\"}}","rule":"schema-mismatch","status":400}
    {"detail":"this path is not emulated","level":"info","method":"GET","path":"/v1.0/xy","rule":"unknown-segment","status":400}
    {"level":"info","method":"PUT","path":"/_emulator/worlds/default/faults","status":200}
    {"detail":"rule rule at $","faults":"rule at $","level":"info","method":"GET","path":"<entity>","rule":"fault-throttled","status":429}
    {"detail":"body: $[0]: found the number 1, expected an object with name, on, do, preset","level":"info","method":"PUT","path":"/_emulator/worlds/default/faults","rule":"control/unusable","status":400}
    "#);
}

#[cfg(unix)]
#[test]
fn a_log_for_debugging_has_headers_and_bodies_without_secrets() {
    let (_, log) = log_of(&["--port", "0", "--log-format", "short", "--log", "debug"]);
    let start = log.iter().position(|line| line.contains(" PATCH ")).expect("the request is logged");
    let shown: Vec<String> = log[start..start + 5].iter().map(|line| timeless(line)).collect();
    assert!(!log.concat().contains("hush-hush"), "{log:?}");
    // The ids of a request are random.
    let stable = |line: &String| {
        line.split("; ")
            .filter(|part| !part.contains("request-id:") && !part.contains("date: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let shown: Vec<String> = shown.iter().map(stable).collect();
    insta::assert_snapshot!(shown[..3].join("\n").replace(ENTITY, "<entity>"), @r#"
    12:00:00 400 PATCH <entity>  schema-mismatch: $.apiVersion: found a string, expected a whole number from -2147483648 to 2147483647  123us
    12:00:00   > host: localhost:9340; connection: close; content-type: application/json; content-length: 56
    12:00:00   > {"apiVersion":"one","encryption":{"secret":"REDACTED"}}
    "#);
    assert!(shown[3].contains("   < ") && shown[3].contains("content-type: application/json"), "{}", shown[3]);
    assert!(shown[4].starts_with("12:00:00   < {\"error\":{\"code\""), "{}", shown[4]);
}
