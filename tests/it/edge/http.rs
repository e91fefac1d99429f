//! HTTP on the wire: raw bytes to a server in this process, and the raw bytes that come back.
//!
//! Every read has a time limit, so that a bug fails instead of hanging; no result depends on timing.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use wfi_emulator::internals::edge::server;
use wfi_emulator::internals::edge::service::Service;
use wfi_emulator::internals::graph::request::BODY_LIMIT;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::World;
use wfi_emulator::internals::world::fault;
use wfi_emulator::internals::world::settings::Settings;

use crate::edge::log::Log;
use crate::support::harness::{self, HOST};

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// A body that creates an entity.
const BODY: &str = r#"{"displayName":"Wire","url":"https://example.com/"}"#;

/// Time limit of every wait: shorter than the grace period of a stopping server.
const PATIENCE: Duration = Duration::from_secs(8);

/// A server on its own thread, stopped when the value is dropped.
pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    pub(crate) address: SocketAddr,
    pub(crate) log: Log,
    stop: Option<mpsc::Sender<()>>,
    returned: mpsc::Receiver<()>,
}

impl Server {
    fn start() -> Server {
        Server::of(harness::settings(Behaviors::default()))
    }

    /// Serves a world with these settings.
    pub(crate) fn of(settings: Settings) -> Server {
        Server::with(settings, server::ServerLimits::default())
    }

    pub(crate) fn start_with(limits: server::ServerLimits) -> Server {
        Server::with(harness::settings(Behaviors::default()), limits)
    }

    /// Starts a server that keeps its log.
    pub(crate) fn logging(limits: server::ServerLimits) -> Server {
        Server::with_log(harness::settings(Behaviors::default()), limits, true)
    }

    pub(crate) fn with(settings: Settings, limits: server::ServerLimits) -> Server {
        Server::with_log(settings, limits, false)
    }

    fn with_log(settings: Settings, limits: server::ServerLimits, keeps_log: bool) -> Server {
        let service = Arc::new(Service::of(settings));
        let world = service.worlds.default_world();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let (returns, returned) = mpsc::channel();
        let log = Log::default();
        let attached = keeps_log.then(|| log.clone());
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            if let Some(log) = attached {
                log.attach();
                runtime.on_thread_start(move || log.attach());
            }
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                // Nothing is ever sent: dropping the sender is the signal.
                let signal = tokio::task::spawn_blocking(move || stopped.recv());
                let options = server::ServerOptions { limits, ..server::ServerOptions::default() };
                server::run_with(listener, service, options, async { drop(signal.await) }).await;
            });
            let _ = returns.send(());
        });
        Server { world, address, log, stop: Some(stop), returned }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn connect(&self) -> Client {
        Client::of(self.address)
    }

    fn signal_to_stop(&mut self) {
        self.stop = None;
    }

    /// Stops the server and waits until every connection has ended.
    pub(crate) fn stop(&mut self) {
        self.signal_to_stop();
        self.returned.recv_timeout(PATIENCE).expect("the server returns after its signal to stop");
    }

    /// Returns the number of entities on the server.
    pub(crate) fn entities(&self) -> usize {
        self.world.schema.keyed_root_sets().map(|set| self.world.store.collection(set).len()).sum()
    }

    /// Checks that a new connection is answered.
    pub(crate) fn assert_answers(&self) {
        assert_eq!(self.connect().exchange(&get(COLLECTION)).status, 200);
    }
}

/// A connection.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    fn of(server: SocketAddr) -> Client {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, unread: Vec::new() }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    fn send_byte_by_byte(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send([*byte]);
        }
    }

    fn exchange(&mut self, request: &str) -> Answer {
        self.send(request);
        self.answer()
    }

    /// Reads the next answer.
    fn answer(&mut self) -> Answer {
        let head = self.head();
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        answer.check();
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.read_more(), "the connection ended within a body");
        }
        answer.body = self.unread.drain(..length).collect();
        answer
    }

    /// Reads through the empty line that ends the head of an answer.
    fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(
                self.read_more(),
                "the connection ended where an answer was expected, behind {:?}",
                self.unread.escape_ascii()
            );
        }
    }

    /// Reads to the end of the connection.
    fn rest(mut self) -> String {
        while self.read_more() {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Reads more bytes; `false` at the end of the connection.
    fn read_more(&mut self) -> bool {
        let mut piece = [0; 8192];
        match self.stream.read(&mut piece) {
            Ok(length) => {
                self.unread.extend_from_slice(&piece[..length]);
                length > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing came, and no end: {error}"),
        }
    }
}

/// An answer as received.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// Checks the invariants of every answer on the wire.
    fn check(&self) {
        assert!(self.header("transfer-encoding").is_none(), "{}", self.head);
        assert_eq!(self.header("content-length").is_none(), [204, 304].contains(&self.status), "{}", self.head);
        let mut names: Vec<&str> = self.head.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "duplicate header: {}", self.head);
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(other, _)| *other == name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn context(&self) -> String {
        self.json()["@odata.context"].as_str().unwrap().to_owned()
    }

    /// Returns status, code and message of a refusal after checking its envelope.
    fn refusal(&self) -> String {
        let value = self.json();
        let error = &value["error"];
        assert_eq!(error["innerError"]["request-id"], self.header("request-id").unwrap());
        format!("{} {}: {}", self.status, error["code"].as_str().unwrap(), error["message"].as_str().unwrap())
    }
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

/// Sends a request on a new connection and returns the status and the body of the answer. `Null` means no body.
pub(crate) fn exchange(server: SocketAddr, method: &str, target: &str, body: &Value) -> (u16, Value) {
    exchange_with(server, "", method, target, body)
}

/// Sends a request with further headers, each with a line end before it.
pub(crate) fn exchange_with(server: SocketAddr, headers: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json{headers}");
    let answer = Client::of(server).exchange(&format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body)
}

/// Returns the head of a request that creates an entity. `headers` give the framing of its body.
fn post(headers: &str) -> String {
    format!("POST {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{headers}\r\n\r\n")
}

fn post_with_length(body: &str) -> String {
    format!("{}{body}", post(&format!("Content-Length: {}", body.len())))
}

/// Returns a body in chunks of `size` bytes.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Returns a valid body of exactly `length` bytes, with no byte to spare.
fn body_of(length: usize) -> Vec<u8> {
    let mut body = BODY.trim_end_matches('}').as_bytes().to_vec();
    body.resize(length - 1, b' ');
    body.push(b'}');
    body
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

const TOO_LARGE: &str = "413 RequestEntityTooLarge: The request size exceeds the maximum limit.";

#[test]
fn an_answer_has_the_headers_of_graph_in_their_order() {
    let server = Server::start();
    let answer = server.connect().exchange(&get(COLLECTION));
    insta::assert_snapshot!(answer.head.replace("\r\n", "\n"), @r#"
    HTTP/1.1 200 OK
    content-type: application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8
    content-length: 2376
    vary: Accept-Encoding
    strict-transport-security: max-age=31536000
    request-id: e06dd043-328b-4285-8b96-bf27ad682251
    client-request-id: e06dd043-328b-4285-8b96-bf27ad682251
    x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}
    odata-version: 4.0
    date: Fri, 02 Jan 2026 03:04:05 GMT
    "#);
    assert!(answer.json()["value"].is_array());
}

#[test]
fn an_answer_without_content_has_no_length_and_no_body() {
    let server = Server::start();
    let mut client = server.connect();
    let path = format!("{COLLECTION}/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c");
    let answer = client.exchange(&format!("DELETE {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    insta::assert_snapshot!(answer.head.replace("\r\n", "\n"), @r#"
    HTTP/1.1 204 No Content
    strict-transport-security: max-age=31536000
    request-id: e06dd043-328b-4285-8b96-bf27ad682251
    client-request-id: e06dd043-328b-4285-8b96-bf27ad682251
    x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}
    date: Fri, 02 Jan 2026 03:04:05 GMT
    "#);
    // The next bytes on the connection are the next answer.
    assert_eq!(client.exchange(&get(&path)).status, 404);
}

#[test]
fn an_answer_about_an_entity_that_the_client_has_has_no_length_and_no_body() {
    let server = Server::start();
    let mut client = server.connect();
    let shift = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule/shifts/SHFT_577b75d2-a927-48c0-a5d1-dc984894e7b8";
    let get = |tag: &str| format!("GET {shift} HTTP/1.1\r\nHost: {HOST}\r\nIf-None-Match: {tag}\r\n\r\n");
    let first = client.exchange(&get("\"0\""));
    let tag = first.json()["@odata.etag"].as_str().unwrap().to_owned();
    let known = client.exchange(&get(&tag));
    assert_eq!((first.status, known.status, known.body.len()), (200, 304, 0));
    assert_eq!(client.exchange(&get("W/\"0\"")).body, first.body, "the connection goes on");
}

#[test]
fn head_gets_no_body() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(format!("HEAD {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    let head = client.head();
    let answer = client.exchange(&get(COLLECTION));
    let length = format!("\r\ncontent-length: {}\r\n", answer.body.len());
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains(&length), "{head}");
    assert_eq!(answer.status, 200, "nothing of a body is before the next answer");
}

#[test]
fn one_connection_carries_one_request_after_another() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.exchange(&post_with_length(BODY)).status, 201);
    let listed = client.exchange(&get(COLLECTION)).json();
    assert_eq!(listed["value"].as_array().unwrap().last().unwrap()["displayName"], "Wire");
    assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").header("connection"), Some("close"));
    assert_eq!(client.rest(), "");
}

#[test]
fn pipelined_requests_are_answered_in_order_refused_ones_included() {
    let server = Server::start();
    let mut client = server.connect();
    let named = |index: usize, request: String| request.replacen("\r\n", &format!("\r\nclient-request-id: {index}\r\n"), 1);
    let requests =
        [get(COLLECTION), post_with_length("{broken"), get("/v1.0//"), post_with_length(BODY), post("X: y"), get(COLLECTION)];
    let sent: Vec<String> = requests.into_iter().enumerate().map(|(index, request)| named(index, request)).collect();
    client.send(sent.concat());
    for (index, status) in [200, 400, 400, 201, 400, 200].into_iter().enumerate() {
        let answer = client.answer();
        assert_eq!((answer.header("client-request-id"), answer.status), (Some(index.to_string().as_str()), status));
    }
}

#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let server = Server::start();
    let mut client = server.connect();
    let second = get(COLLECTION);
    let (start, rest) = second.split_at(second.len() / 2);
    client.send(get(COLLECTION) + start);
    assert_eq!(client.answer().status, 200);
    client.send(rest);
    assert_eq!(client.answer().status, 200);
}

#[test]
fn an_answer_is_not_lost_when_garbage_follows() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(get(COLLECTION) + "\0\0\0\0\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 400);
    assert_eq!(client.rest(), "");
}

#[test]
fn a_body_that_comes_byte_by_byte_is_read_whole() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_byte_by_byte(post_with_length(BODY).as_bytes());
    let answer = client.answer();
    assert_eq!((answer.status, &answer.json()["displayName"]), (201, &Value::from("Wire")));
}

#[test]
fn a_chunked_body_is_read_whole() {
    let server = Server::start();
    let mut client = server.connect();
    client.send_byte_by_byte(post("Transfer-Encoding: chunked").as_bytes());
    client.send_byte_by_byte(&chunked(BODY.as_bytes(), 1));
    assert_eq!(client.answer().json()["url"], "https://example.com/");
    // All at once, with a chunk extension and a trailer, both ignored.
    client.send(post("Transfer-Encoding: chunked"));
    client.send("2;x=\"y\"\r\n{}\r\n0\r\nX-Trailer: z\r\n\r\n");
    assert_eq!(client.answer().status, 201);
    assert_eq!(client.exchange(&get(COLLECTION)).status, 200);
}

#[test]
fn a_request_with_chunks_and_a_length_is_read_by_its_chunks_and_ends_the_connection() {
    let server = Server::start();
    let before = server.entities();
    let smuggled = post(&format!("Content-Length: {}", BODY.len())) + BODY;
    let chunks = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
    let length = chunks.len() + smuggled.len();
    for framing in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        "Transfer-Encoding: chunked\r\nContent-Length: x".to_owned(),
    ] {
        let entities = server.entities();
        let mut client = server.connect();
        client.send(post(&framing) + &chunks + &smuggled);
        let answer = client.answer();
        assert_eq!(answer.status, 201, "{framing}: {}", answer.head);
        assert!(answer.head.contains("connection: close"), "{framing}: {}", answer.head);
        assert_eq!(client.rest(), "", "{framing}");
        assert_eq!(server.entities(), entities + 1, "{framing}");
    }
    assert_eq!(server.entities(), before + 3);
}

#[test]
fn expect_continue_is_answered_with_100_continue() {
    let server = Server::start();
    let mut client = server.connect();
    for framing in ["Content-Length: 51", "Transfer-Encoding: chunked"] {
        client.send(post(&format!("Expect: 100-continue\r\n{framing}")));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(if framing.starts_with('C') { BODY.as_bytes().to_vec() } else { chunked(BODY.as_bytes(), 20) });
        assert_eq!(client.answer().status, 201);
    }
}

#[test]
fn expect_continue_with_a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(post(&format!("Expect: 100-continue\r\nContent-Length: {}", BODY_LIMIT + 1)));
    assert_eq!(client.answer().refusal(), TOO_LARGE);
    // The body may follow or not, so the connection cannot be used again.
    assert_eq!(client.rest(), "");
    server.assert_answers();
}

#[test]
fn a_body_at_the_limit_is_accepted_and_a_larger_one_is_refused_readably() {
    let server = Server::start();
    let mut client = server.connect();
    for (length, status) in [(BODY_LIMIT, 201), (BODY_LIMIT + 1, 413), (2 * BODY_LIMIT, 413)] {
        client.send(post(&format!("Content-Length: {length}")));
        client.send(body_of(length));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{length} bytes with a length");
        client.send(post("Transfer-Encoding: chunked"));
        client.send(chunked(&body_of(length), 100_000));
        assert_eq!(client.answer().status, status, "{length} bytes in chunks");
    }
    client.send(post("Transfer-Encoding: chunked"));
    client.send(chunked(&body_of(BODY_LIMIT + 1), BODY_LIMIT));
    assert_eq!(client.answer().refusal(), TOO_LARGE);
    assert_eq!(client.exchange(&get(COLLECTION)).status, 200);
}

#[test]
fn a_body_without_end_is_cut_off() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.send(post("Transfer-Encoding: chunked"));
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 0x10_0000], b"\r\n"].concat();
    let is_given_up = (0..1024).any(|_| client.stream.write_all(&chunk).is_err());
    assert!(is_given_up, "a gigabyte was read");
    server.assert_answers();
    server.stop();
}

#[test]
fn a_compressed_body_is_decompressed() {
    let server = Server::start();
    let mut client = server.connect();
    let packed = gzip(BODY.as_bytes());
    client.send(post(&format!("Content-Encoding: gzip\r\nContent-Length: {}", packed.len())));
    client.send(&packed);
    assert_eq!(client.answer().json()["displayName"], "Wire");
    client.send(post("Content-Encoding: GZIP\r\nTransfer-Encoding: chunked"));
    client.send(chunked(&packed, 7));
    assert_eq!(client.answer().json()["displayName"], "Wire");
}

#[test]
fn a_compressed_body_that_expands_beyond_the_limit_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    let bomb = gzip(&vec![b' '; 4 * BODY_LIMIT]);
    assert!(bomb.len() < BODY_LIMIT, "{}", bomb.len());
    client.send(post(&format!("Content-Encoding: gzip\r\nContent-Length: {}", bomb.len())));
    client.send(&bomb);
    assert_eq!(client.answer().refusal(), TOO_LARGE);
    assert_eq!(client.exchange(&get(COLLECTION)).status, 200);
}

#[test]
fn a_truncated_compressed_body_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    let packed = gzip(BODY.as_bytes());
    for length in [1, 10, packed.len() / 2, packed.len() - 1] {
        client.send(post(&format!("Content-Encoding: gzip\r\nContent-Length: {length}")));
        client.send(&packed[..length]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(client.answer().refusal(), @"400 BadRequest: Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.");
        }
    }
}

#[test]
fn a_truncated_body_stores_nothing() {
    let mut server = Server::start();
    let before = server.entities();
    // The part that arrives is a valid body by itself each time.
    for start in [post("Content-Length: 1000") + BODY, post("Transfer-Encoding: chunked") + "33\r\n" + BODY + "\r\n"] {
        let mut client = server.connect();
        client.send(start);
        drop(client);
        server.assert_answers();
    }
    server.stop();
    assert_eq!(server.entities(), before);
}

#[test]
fn clients_that_leave_before_their_answers_do_not_disturb_others() {
    let mut server = Server::start();
    for _ in 0..20 {
        server.connect().send(get(COLLECTION).repeat(20));
    }
    server.assert_answers();
    server.stop();
}

#[test]
fn a_client_that_closes_its_sending_half_still_gets_its_answers() {
    let server = Server::start();
    // Whether the end is seen before the answer is written varies.
    for _ in 0..20 {
        let mut client = server.connect();
        client.send(get("/v1.0/xy") + &post_with_length(BODY));
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!([client.answer().status, client.answer().status], [400, 201]);
        assert_eq!(client.rest(), "");
    }
}

#[test]
fn bytes_that_are_not_http_end_their_own_connection_only() {
    let server = Server::start();
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let cases: [(&str, &[u8], &str); 9] = [
        ("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request"),
        ("zeros", &[0; 4096], "400 Bad Request"),
        ("words", b"hello, are you there?\r\n\r\n", "400 Bad Request"),
        ("a version to come", b"GET / HTTP/7.3\r\n\r\n", "400 Bad Request"),
        ("no length", b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", "400 Bad Request"),
        ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400 Bad Request"),
        ("no chunk", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n", ""),
        ("a long target", long.as_bytes(), "414 URI Too Long"),
        ("many headers", headers.as_bytes(), "431 Request Header Fields Too Large"),
    ];
    for (name, bytes, status) in cases {
        let mut client = server.connect();
        client.send(bytes);
        let answer = client.rest();
        let first = answer.lines().next().unwrap_or_default();
        assert_eq!(first.strip_prefix("HTTP/1.1 ").unwrap_or(first), status, "{name}");
        server.assert_answers();
    }
}

#[test]
fn a_target_may_be_an_absolute_url() {
    let server = Server::start();
    let answer = server.connect().exchange(&get(&format!("http://graph.microsoft.com{COLLECTION}")));
    assert_eq!(answer.context(), "http://graph.microsoft.com/v1.0/$metadata#teamwork/workforceIntegrations");
}

#[test]
fn a_target_that_is_not_a_path_is_refused_as_an_invalid_version() {
    let server = Server::start();
    let mut client = server.connect();
    for line in ["OPTIONS *", "GET /"] {
        let answer = client.exchange(&format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(answer.refusal(), "400 BadRequest: Invalid version.", "{line}");
    }
}

#[test]
fn http_1_0_needs_no_host_and_closes() {
    let server = Server::start();
    let mut client = server.connect();
    let answer = client.exchange(&format!("GET {COLLECTION} HTTP/1.0\r\n\r\n"));
    assert!(answer.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", answer.head);
    assert_eq!(answer.context(), "http://localhost/v1.0/$metadata#teamwork/workforceIntegrations");
    assert_eq!(client.rest(), "");
    let mut client = server.connect();
    for _ in 0..2 {
        let answer = client.exchange(&format!("GET {COLLECTION} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        assert_eq!(answer.header("connection"), Some("keep-alive"));
    }
}

#[test]
fn a_stopping_server_finishes_its_requests_and_accepts_no_more() {
    let mut server = Server::start();
    let before = server.entities();
    let (mut busy, mut idle) = (server.connect(), server.connect());
    assert_eq!(idle.exchange(&get(COLLECTION)).status, 200);
    busy.send(post(&format!("Expect: 100-continue\r\nContent-Length: {}", BODY.len())));
    // From here on, the server is reading the request.
    assert_eq!(busy.head(), "HTTP/1.1 100 Continue\r\n\r\n");
    busy.send(&BODY[..10]);

    server.signal_to_stop();
    assert_eq!(idle.rest(), "");
    // The listener closes before the idle connection does.
    let refused = TcpStream::connect(server.address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(server.returned.try_recv().is_err(), "the server has returned before the request was finished");

    busy.send(&BODY[10..]);
    let answer = busy.answer();
    // Whether the answer announces it depends on timing; that the connection closes does not.
    assert_eq!(answer.status, 201);
    assert_eq!(busy.rest(), "");
    server.stop();
    assert_eq!(server.entities(), before + 1);
}

#[test]
fn a_silent_connection_does_not_keep_a_stopping_server() {
    let mut server = Server::start();
    let silent = server.connect();
    // The silent connection was accepted before this one, which is answered.
    server.assert_answers();
    server.stop();
    assert_eq!(silent.rest(), "");
}

#[test]
fn http_2_is_answered_on_the_same_port() {
    let mut server = Server::start();
    let address = server.address;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let ended = tokio::spawn(connection);
        let send = |method: &str, path: &str, body: &str| {
            let request = http::Request::builder().method(method).uri(format!("http://{HOST}{path}"));
            let request = request.header("content-type", "application/json").body(body.to_owned()).unwrap();
            let mut sender = sender.clone();
            async move {
                let response = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
                let (head, body) = response.into_parts();
                (head, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
            }
        };
        // Streams of one connection run concurrently.
        let (created, refused) = tokio::join!(send("POST", COLLECTION, BODY), send("GET", "/v1.0/xy", ""));
        assert_eq!(created.0.status, 201);
        assert!(created.1.starts_with(&format!("{{\"@odata.context\":\"http://{HOST}/v1.0/")), "{}", created.1);
        assert_eq!(refused.0.status, 400);
        assert_eq!(refused.0.headers["content-type"], "application/json");
        let (gone, _) = send("DELETE", &format!("{COLLECTION}/missing"), "").await;
        assert_eq!(gone.status, 404);
        drop(sender);
        tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().unwrap();
    });
    server.stop();
}

#[test]
fn an_answer_of_http_2_that_is_cut_short_has_its_head_and_these_bytes() {
    let faults = |at: usize| {
        let rules = format!("[{{\"name\":\"short\",\"on\":{{\"method\":\"GET\"}},\"do\":{{\"truncate\":{at}}}}}]");
        fault::read("rules.json", rules.as_bytes()).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for at in [0, 1, 30] {
        let server = Server::of(Settings { faults: faults(at), ..harness::settings(Behaviors::default()) });
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            // A client library takes a hundred empty frames on a connection for an attack.
            for round in 0..90 {
                let request = http::Request::get(format!("http://{HOST}{COLLECTION}")).body(String::new()).unwrap();
                tokio::time::timeout(PATIENCE, sender.ready()).await.unwrap().unwrap();
                let answer = tokio::time::timeout(PATIENCE, sender.send_request(request)).await.unwrap();
                let answer = answer.unwrap_or_else(|error| panic!("no head in round {round}, cut at {at}: {error:?}"));
                assert_eq!(answer.status(), 200);
                let (mut body, mut seen) = (answer.into_body(), 0);
                let error = loop {
                    match body.frame().await.expect("the body ends with an error") {
                        Ok(frame) => seen += frame.into_data().unwrap().len(),
                        Err(error) => break error,
                    }
                };
                assert_eq!(seen, at, "round {round}: {error:?}");
            }
        });
    }
}

#[test]
fn the_http_2_preface_may_arrive_in_pieces() {
    let mut server = Server::start();
    let mut client = server.connect();
    for piece in ["PRI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n", "\0\0\0\x04\0\0\0\0\0"] {
        client.send(piece);
        thread::sleep(Duration::from_millis(5));
    }
    while client.unread.len() < 9 {
        assert!(client.read_more(), "the connection was closed");
    }
    // A SETTINGS frame comes first (RFC 9113, section 3.4).
    assert_eq!(client.unread[3], 4, "{:?}", client.unread);
    drop(client);
    // A request that only begins like the preface is HTTP/1.
    let mut client = server.connect();
    client.send("PR");
    thread::sleep(Duration::from_millis(5));
    client.send(format!("OPFIND {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(client.answer().status, 404);
    server.stop();
}
