//! The log of the program: its lines, and that it never blocks a request.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::mpsc;

use crate::program::process::{COLLECTION, ENTITY, Outcome, PATIENCE, Program, Served, command, lines};
use crate::support::harness::HOST;

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
