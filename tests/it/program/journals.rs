//! The memory of journals, in the program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::program::process::{COLLECTION, Folder, PATIENCE, Served, resident_mib};
use crate::support::harness::HOST;

/// Memory beyond the configured limits, in MiB.
const SLACK: f64 = 64.0;

/// A connection for requests one after another.
struct Client(BufReader<TcpStream>);

/// The head and the length of an answer.
struct Seen {
    status: u16,
    location: String,
    body: Vec<u8>,
}

impl Client {
    fn new(served: &Served) -> Client {
        let stream = served.connect();
        stream.set_read_timeout(Some(PATIENCE * 10)).unwrap();
        Client(BufReader::new(stream))
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Seen {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n{headers}\r\n");
        self.0.get_mut().write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut line = || {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let (mut location, mut length) = (String::new(), 0);
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else { break };
            match &*name.to_ascii_lowercase() {
                "location" => value.clone_into(&mut location),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Seen { status, location, body }
    }
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn integration(name: &str) -> String {
    format!(r#"{{"displayName":"{name}","url":"https://contoso.example","isActive":false}}"#)
}

/// Waits until a program holds no more than a number of MiB beyond the slack. Freed memory goes back to the system a second later, with
/// the next request.
fn assert_resident(served: &Served, limit: f64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let resident = resident_mib(served.program.child.id()).unwrap();
        if resident <= limit + SLACK {
            return;
        }
        assert!(Instant::now() < deadline, "{resident:.0} MiB for limits of {limit} MiB");
        std::thread::sleep(Duration::from_millis(100));
        Client::new(served).send("GET", "/_emulator/health", "", b"");
    }
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn deleted_entities_do_not_stay_in_journals() {
    let served = Served::start(&["--behavior", "text-length=any"]);
    let body = packed(integration(&"x".repeat(4_000_000)).as_bytes());
    let headers = format!("{JSON}Content-Encoding: gzip\r\n");
    let mut client = Client::new(&served);
    for world in ["", "/_tenant/second"] {
        for _ in 0..25 {
            let created = client.send("POST", &format!("{world}{COLLECTION}"), &headers, &body);
            assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
            let id = created.location.split('\'').nth(1).unwrap();
            assert_eq!(client.send("DELETE", &format!("{world}{COLLECTION}/{id}"), "", b"").status, 204);
        }
    }
    // Journals of 32 MiB each.
    assert_resident(&served, 64.0);
}

#[test]
fn the_journals_of_many_worlds_share_one_budget() {
    let served = Served::start(&["--journals-bytes", "33554432"]);
    let mut client = Client::new(&served);
    let body = "x".repeat(2_000_000);
    for world in 0..100 {
        assert_eq!(client.send("POST", &format!("/_tenant/w{world}{COLLECTION}"), JSON, body.as_bytes()).status, 400);
    }
    assert_resident(&served, 32.0);
}

#[test]
fn reloaded_fixtures_leave_the_budget_of_journals() {
    let folder = Folder::new("reloaded-fixtures-leave-the-budget-of-journals");
    let written = |name: &str| {
        folder.file("workforceIntegrations.json", &format!("[{}]", integration(name).replacen('{', r#"{"id":"WFI_1","#, 1)))
    };
    let fixtures = written("round 0");
    let served = Served::start(&["--journals-bytes", "33554432", "--watch", "--fixtures", &fixtures]);
    let mut client = Client::new(&served);
    let body = "x".repeat(2_000_000);
    for round in 0..4 {
        for world in 0..20 {
            let path = format!("/_tenant/r{round}-{world}{COLLECTION}");
            assert_eq!(client.send("POST", &path, JSON, body.as_bytes()).status, 400);
        }
        let next = format!("round {}", round + 1);
        written(&next);
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&client.send("GET", COLLECTION, "", b"").body).contains(&next) {
            assert!(Instant::now() < deadline, "the fixtures are not reloaded");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert_resident(&served, 32.0);
}

#[test]
fn readers_of_a_full_journal_hold_one_entry_at_a_time() {
    let served = Served::start(&["--journal-bytes", "268435456"]);
    let mut client = Client::new(&served);
    let body = integration(&"x".repeat(1_000_000));
    for _ in 0..16 {
        client.send("PATCH", &format!("{COLLECTION}/none"), JSON, body.as_bytes());
    }
    let before = peak_mib(&served);
    let read = client.send("GET", "/_emulator/worlds/default/journal", "", b"");
    assert!(read.status == 200 && read.body.len() > 16_000_000, "{} bytes", read.body.len());
    // The text and the half of it that a growing buffer leaves behind, but no copies of all entries.
    let peak = peak_mib(&served) - before;
    assert!(peak < 60.0, "{peak:.0} MiB for a text of 15 MiB");
}

/// Returns the most memory that a program held at a time, in MiB.
fn peak_mib(served: &Served) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.program.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
fn journals_as_texts_are_equal_in_worlds_of_one_seed() {
    let served = Served::start(&["--clock", "2026-01-01T00:00:00Z", "--page-size", "2"]);
    let text = |world: &str| {
        let mut client = Client::new(&served);
        let created = client.send("PUT", &format!("/_emulator/worlds/{world}"), JSON, br#"{"seed":7}"#);
        assert_eq!(created.status, 201);
        let prefix = format!("/_world/{world}");
        let new = format!(r#"{{"displayName":"x","url":"http://localhost:9340{prefix}/v1.0/x"}}"#);
        let batch = br#"{"requests":[{"id":"1","method":"GET","url":"/users?$top=1"}]}"#;
        for (method, path, body) in [
            ("GET", format!("{prefix}{COLLECTION}"), &b""[..]),
            ("POST", format!("{prefix}{COLLECTION}"), new.as_bytes()),
            ("POST", format!("{prefix}/v1.0/$batch"), batch),
            ("GET", format!("{prefix}/contoso/v2.0/.well-known/openid-configuration"), b""),
        ] {
            assert!(client.send(method, &path, JSON, body).status < 300, "{path}");
        }
        for header in ["x-wfi-emulator-world", "x-wfi-emulator-tenant"] {
            assert_eq!(client.send("GET", "/v1.0/groups", &format!("{header}: {world}\r\n"), b"").status, 200);
        }
        let journal = client.send("GET", &format!("/_emulator/worlds/{world}/journal?format=exchange"), "", b"");
        String::from_utf8(journal.body).unwrap()
    };
    let (first, second) = (text("a"), text("suite.test-2"));
    assert_eq!(first, second);
    assert_eq!(first.matches("\nHTTP ").count(), 7, "{first}");
    assert!(first.contains("\"@odata.nextLink\": \"http://localhost:9340/v1.0/teamwork/"), "{first}");
}
