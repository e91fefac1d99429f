//! The stream of the journals, over connections to a server in this process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use wfi_emulator::internals::edge::server::ServerLimits;
use wfi_emulator::internals::graph::pipeline;
use wfi_emulator::internals::graph::request::{Body, Request, Via};

use crate::edge::http::Server;

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(8);

/// A reader of the stream.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(server: &Server, query: &str) -> Reader {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /_emulator/journal/stream{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        Reader(BufReader::new(stream))
    }

    /// Returns the next line, without the frames of the transfer; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// Returns the head of the answer.
    fn head(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line().filter(|line| !line.is_empty())).collect()
    }

    /// Returns the data of the next event; `None` at the end, which is a piece without bytes.
    fn event(&mut self) -> Option<Value> {
        loop {
            let line = self.line().filter(|line| line != "0")?;
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}

fn get(server: &Server, target: &str) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("HTTP/1.1 "));
}

fn targets(event: &Value) -> Vec<&str> {
    event["entries"].as_array().unwrap().iter().map(|entry| entry["target"].as_str().unwrap()).collect()
}

#[test]
fn requests_are_sent_as_they_come_until_the_server_stops() {
    let mut server = Server::start_with(ServerLimits::default());
    get(&server, "/v1.0/before");
    let mut reader = Reader::open(&server, "");
    let head = reader.head();
    assert_eq!(head[0], "HTTP/1.1 200 OK");
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "cross-origin-resource-policy: same-origin",
    ] {
        assert!(head.iter().any(|line| line == header), "{header}: {head:?}");
    }
    assert_eq!(targets(&reader.event().unwrap()), ["/v1.0/before"]);
    for target in ["/v1.0/one", "/v1.0/two"] {
        get(&server, target);
        let event = reader.event().unwrap();
        assert_eq!(targets(&event), [target]);
        assert!(event["entries"][0]["micros"].as_u64().is_some());
    }
    server.stop();
    assert_eq!(reader.event(), None, "the stream ends with the server");
}

#[test]
fn a_stream_ends_after_its_time_and_streams_are_few() {
    let server = Server::start_with(ServerLimits::default());
    let mut short = Reader::open(&server, "?seconds=0");
    assert_eq!(short.head()[0], "HTTP/1.1 200 OK");
    assert_eq!(targets(&short.event().unwrap()).len(), 0);
    let mut ending = Reader::open(&server, "?seconds=1");
    assert!(ending.event().is_some());
    assert_eq!(ending.event(), None);
    let mut readers: Vec<Reader> = (0..8).map(|_| Reader::open(&server, "")).collect();
    assert!(readers.iter_mut().all(|reader| reader.event().is_some()));
    assert_eq!(Reader::open(&server, "").head()[0], "HTTP/1.1 409 Conflict");
    // The place of a reader that leaves is free when the server notices.
    drop(readers.pop());
    let deadline = Instant::now() + PATIENCE;
    while Reader::open(&server, "").head()[0] != "HTTP/1.1 200 OK" {
        assert!(Instant::now() < deadline, "the place is not free");
        get(&server, "/v1.0/news");
    }
    assert_eq!(Reader::open(&server, "?seconds=soon").head()[0], "HTTP/1.1 400 Bad Request");
}

#[test]
fn a_reader_that_does_not_read_is_brought_to_the_latest_requests() {
    let server = Server::start_with(ServerLimits::default());
    let mut reader = Reader::open(&server, "");
    assert!(reader.event().is_some());
    // More than the buffers of the connection hold while nothing is read, in the time of many looks.
    let target = format!("/v1.0/{}", "x".repeat(1_900));
    let request = Request {
        method: Method::GET,
        target: target.parse().unwrap(),
        is_secure: false,
        via: Via::Direct,
        arrival: wfi_emulator::internals::world::journal::Arrival::default(),
        headers: HeaderMap::new(),
        body: Body::Whole(Bytes::new()),
    };
    let journal = &server.world.journal;
    let mut sent = 0_u64;
    let mut ask = |count: u64| {
        for _ in 0..count {
            pipeline::answer(&server.world, &request);
        }
        sent += count;
    };
    for _ in 0..40 {
        ask(500);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(journal.count(), sent);
    let (mut seen, mut left_out, mut last) = (0, 0, 0);
    while last < sent {
        let event = reader.event().unwrap();
        seen += event["entries"].as_array().unwrap().len() as u64;
        left_out += event["skipped"].as_array().unwrap().iter().map(|skipped| skipped["count"].as_u64().unwrap()).sum::<u64>();
        last = event["entries"].as_array().unwrap().last().map_or(last, |entry| entry["number"].as_u64().unwrap());
    }
    assert_eq!(seen + left_out, sent, "none is lost without being counted");
    assert!(left_out > sent / 2, "{left_out} of {sent}");
}
