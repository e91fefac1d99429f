//! A connector's message cannot forge anything in an output: a line of the log, a comment of a printed journal, a line of a report, a
//! sequence for the terminal.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use serde_json::{Value, json};
use wfi_emulator::internals::text::exchange;

use crate::connectors::example::SECRET;
use crate::program::process::{COLLECTION, Folder, Served};

const SCHEDULE: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";

/// A message that looks like the end of a line, a comment by which `compare` skips an exchange, the verdict of Shifts, and a line of the
/// log; then sequences for a terminal, in both forms, and characters that change the order of what is shown.
const MESSAGE: &str = "no\na call to a connector\nShifts saves the change.\n2026-01-01T00:00:00.000000Z  INFO FORGED\r\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200f}\u{2028}\u{2029}\u{85}\u{0}";

/// The same as it may be shown.
const SHOWN: &str = r"no\na call to a connector\nShifts saves the change.\n2026-01-01T00:00:00.000000Z  INFO FORGED\r\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200f}\u{2028}\u{2029}\u{85}\u{0}";

/// A connector that answers every call with a refusal of these ids. It does not read what is asked.
fn refusing(ids: &[String]) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let item = |id: &String| json!({"id": id, "status": 403, "body": {"error": {"code": MESSAGE, "message": MESSAGE}}});
    let body = json!({"responses": ids.iter().map(item).collect::<Vec<Value>>()}).to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut seen = Vec::new();
            let mut part = [0; 4096];
            // The body follows its head in one piece or in two.
            while let Ok(length @ 1..) = stream.read(&mut part) {
                seen.extend_from_slice(&part[..length]);
                let Some(at) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&seen[..at]).to_lowercase();
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
                if seen.len() >= at + 4 + length.unwrap_or_default() {
                    break;
                }
            }
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        }
    });
    url
}

/// Checks that a text has nothing but visible characters, and none of the forged lines.
fn check(output: &str, text: &str) {
    let is_bidi =
        |character: char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let planted = |character: &char| (character.is_control() && *character != '\n') || is_bidi(*character);
    assert_eq!(text.chars().find(planted), None, "{output}: {text:?}");
    for line in text.lines() {
        let bare = line.trim_start_matches(['#', ' ', '-', '+']);
        for forged in ["a call to a connector", "Shifts saves the change", "2026-01-01T00:00:00.000000Z  INFO"] {
            assert!(!bare.starts_with(forged), "{output}: {text}");
        }
    }
}

/// Runs the program to its end; returns its exit status and its output.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WFI_EMULATOR_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).env("WFI_EMULATOR_SECRET", SECRET).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_message_forges_nothing_in_log_journal_and_comparison() {
    let served = Served::start(&["--log", "info", "--explain"]);
    let body_of = |answer: &str| -> Value { serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap() };
    let shift = json!({"userId": "c5d0c76b-80c4-481c-be50-923cd8d680a1", "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75",
        "sharedShift": {"startDateTime": "2024-10-12T06:00:00Z", "endDateTime": "2024-10-12T16:00:00Z"}});
    let created = body_of(&served.exchange("POST", &format!("{SCHEDULE}/shifts"), &shift.to_string()));
    let id = created["id"].as_str().unwrap().to_owned();
    let integration = json!({"displayName": "E", "apiVersion": 1, "url": refusing(std::slice::from_ref(&id)), "supportedEntities": "Shift",
        "encryption": {"protocol": "sharedSecret", "secret": SECRET}});
    let stored = body_of(&served.exchange("POST", COLLECTION, &integration.to_string()));
    let bound = json!({"enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": [stored["id"]]});
    assert_eq!(served.status("PUT", SCHEDULE, &bound.to_string()), 200);
    assert_eq!(served.status("DELETE", "/_emulator/worlds/default/journal", ""), 204);
    let refused = served.exchange("DELETE", &format!("{SCHEDULE}/shifts/{id}"), "");
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("WorkforceIntegrationError"), "{refused}");
    // A body is JSON, which has rules of its own.
    check("an explanation", &refused.split("\r\n\r\n").next().unwrap_or_default().replace('\r', ""));

    let printed = served.exchange("GET", "/_emulator/worlds/default/journal?format=exchange", "");
    let (_, journal) = printed.split_once("\r\n\r\n").unwrap();
    // Bodies are what was sent.
    let comments: Vec<&str> = journal.lines().filter(|line| line.starts_with('#')).collect();
    assert!(comments.iter().any(|line| line.contains(SHOWN)), "{journal}");
    let genuine = |line: &&&str| **line == "# a call to a connector";
    assert_eq!(comments.iter().filter(genuine).count(), 1, "{journal}");
    let others: Vec<&str> = comments.into_iter().filter(|line| !genuine(&line)).collect();
    check("a printed journal", &others.join("\n"));

    // Another emulator has no such shift, so the recorded refusal differs from its answer.
    let folder = Folder::new("planted");
    let file = folder.0.join("journal.hurl").to_string_lossy().into_owned();
    std::fs::write(&file, journal).unwrap();
    for format in ["text", "junit"] {
        let (status, report) = run(&["compare", &file, "--format", format]);
        assert_eq!(status, Some(1), "a forged comment hides no difference: {report}");
        check("a comparison", &report.replace("a call to a connector\n", ""));
    }
    let archive = folder.0.join("journal.har").to_string_lossy().into_owned();
    let again = folder.0.join("again.hurl").to_string_lossy().into_owned();
    assert_eq!(run(&["convert", &file, &archive]).0, Some(0));
    assert_eq!(run(&["convert", &archive, &again]).0, Some(0));
    // The archive of Graph has no calls to connectors.
    let [exchange] = &exchange::read(&std::fs::read_to_string(&again).unwrap()).unwrap()[..] else { panic!("one exchange") };
    let is_refusal = |comment: &String| comment.starts_with("refused by") && comment.contains(SHOWN);
    assert!(exchange.comments.len() == 2 && exchange.comments.iter().any(is_refusal), "{:?}", exchange.comments);

    let log = served.stop().stderr;
    assert!(log.contains(SHOWN), "{log}");
    check("the log", &log);
}

#[test]
fn a_message_forges_nothing_on_the_terminal() {
    let url = refusing(&["A".to_owned()]);
    let folder = Folder::new("planted-request");
    let file = folder.0.join("request.json").to_string_lossy().into_owned();
    std::fs::write(&file, r#"{"requests":[{"id":"A","method":"DELETE","url":"/shifts/A","body":null}]}"#).unwrap();
    let (status, printed) = run(&["call", "update", "--url", &url, "--request", &file, "--show", "--retries", "0"]);
    assert!(status == Some(1) && printed.contains(SHOWN), "{printed}");
    check("a call", &printed);

    // An answer with line breaks of its own, with --show.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", MESSAGE.len());
        stream.write_all(&[head.as_bytes(), MESSAGE.as_bytes()].concat()).unwrap();
        let _ = stream.read(&mut [0; 4096]);
    });
    let (status, printed) = run(&["call", "read", "--url", &url, "--show", "--retries", "0"]);
    answering.join().unwrap();
    assert_eq!(status, Some(1), "{printed}");
    check("an answer", &printed.replace("\n    ", " "));
    assert!(printed.lines().any(|line| line == "    Shifts saves the change."), "lines of an answer are set off: {printed}");

    let (_, printed) = run(&["connector-check", &refusing(&["UNI_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029".to_owned()])]);
    assert!(printed.contains(SHOWN), "{printed}");
    check("a check", &printed);
}
