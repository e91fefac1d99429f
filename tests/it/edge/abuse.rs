//! Hostile input: malformed, endless, slow. Each is answered or cut off in bounded time, makes no change it must not make, and leaves the
//! server as it was. `docs/hostile-input.md` is generated from these rows and their outcomes.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use wfi_emulator::internals::edge::server::ServerLimits;

use crate::edge::abuse_http2::{http2, outcomes_in_frames};
use crate::edge::http::Server;
use crate::edge::log::Log;

/// Time limit of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// Limits short enough for a test.
pub(crate) const SOON: ServerLimits = ServerLimits {
    connections: 500,
    head: Duration::from_millis(400),
    head_bytes: 128 * 1024,
    body: Duration::from_millis(400),
    bodies_bytes: 64 * 1024 * 1024,
    answer: Duration::from_millis(400),
    answers_bytes: 64 * 1024 * 1024,
    requests: 100,
    // Longer than the wait for the rest of a preface of HTTP/2.
    idle: Duration::from_millis(1500),
};

/// One hostile input.
pub(crate) struct Abuse {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn abuse(name: &'static str, bytes: impl Into<Vec<u8>>) -> Abuse {
    Abuse { name, bytes: bytes.into() }
}

/// A DELETE request to smuggle inside another request.
fn smuggled() -> String {
    format!("DELETE {ENTITY} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A head without its final empty line.
pub(crate) fn head(method: &str, more: &str) -> String {
    format!("{method} {ENTITY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}")
}

/// A change whose framing is not its true length.
fn framed(headers: &str, body: &str) -> String {
    format!("{}\r\n{body}", head("PATCH", headers))
}

/// A change with hand-written chunks.
fn chunked(body: &str) -> String {
    framed("Transfer-Encoding: chunked\r\n", body)
}

pub(crate) fn get_with(headers: &str) -> String {
    format!("GET {ENTITY} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

pub(crate) fn target(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

pub(crate) fn patch(body: &str) -> Vec<u8> {
    format!("{}Content-Length: {}\r\n\r\n{body}", head("PATCH", ""), body.len()).into_bytes()
}

fn framings() -> Vec<Abuse> {
    let hidden = smuggled();
    let mut rows = vec![
        abuse(
            "Content-Length and Transfer-Encoding, a request after the chunks",
            framed(
                &format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", 12 + hidden.len()),
                &format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}"),
            ),
        ),
        abuse(
            "Transfer-Encoding and Content-Length, a request after both",
            framed("Transfer-Encoding: chunked\r\nContent-Length: 12\r\n", &format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}")),
        ),
        abuse(
            "two lengths that differ",
            framed(&format!("Content-Length: 2\r\nContent-Length: {}\r\n", 2 + hidden.len()), &format!("{{}}{hidden}")),
        ),
        abuse("one length twice", framed("Content-Length: 2\r\nContent-Length: 2\r\n", "{}")),
        abuse("one length twice in one header", framed("Content-Length: 2, 2\r\n", "{}")),
        abuse("a length with a sign", framed("Content-Length: +2\r\n", "{}")),
        abuse("a negative length", framed("Content-Length: -2\r\n", "{}")),
        abuse("a length in hexadecimal", framed("Content-Length: 0x2\r\n", "{}")),
        abuse("a length beyond 64 bits", framed("Content-Length: 99999999999999999999\r\n", "{}")),
        abuse("a length of nearly 64 bits", framed("Content-Length: 18446744073709551614\r\n", "{}")),
        abuse("an empty length", framed("Content-Length: \r\n", "{}")),
        abuse("a length without its body", framed("Content-Length: 50\r\n", "{}")),
        abuse("an unknown transfer coding", framed("Transfer-Encoding: xchunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse("identity after chunked", framed("Transfer-Encoding: chunked, identity\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse("chunked twice", framed("Transfer-Encoding: chunked, chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse("chunked after a tab", framed("Transfer-Encoding:\tchunked\r\n", "2\r\n{}\r\n0\r\n\r\n")),
        abuse("chunked after a vertical tab", framed("Transfer-Encoding: \u{b}chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse(
            "a space before the colon of Transfer-Encoding",
            framed("Transfer-Encoding : chunked\r\n", &format!("0\r\n\r\n{hidden}")),
        ),
        abuse("chunks in HTTP/1.0", chunked("2\r\n{}\r\n0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")),
        abuse(
            "a GET with a body that is a request",
            format!("{}{hidden}", get_with(&format!("Content-Length: {}\r\n", hidden.len()))),
        ),
    ];
    for (name, body) in [
        ("an invalid chunk size", "g\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a negative chunk size", "-2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size with 0x", "0x2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size beyond 64 bits", "10000000000000002\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size of nearly 64 bits", "fffffffffffffffe\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size after spaces", "  2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("an empty chunk size", "\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk extension", "2;a=\"b\"\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk extension of 100 kB", format!("2;a={}\r\n{{}}\r\n0\r\n\r\n", "b".repeat(100_000))),
        ("100,000 chunks of a byte, each with an extension", format!("{}0\r\n\r\n", "1;abcdefgh\r\n \r\n".repeat(100_000))),
        ("lines of chunks that end in LF alone", "2\n{}\n0\n\n".to_owned()),
        ("no line end after a chunk", "2\r\n{}0\r\n\r\n".to_owned()),
        ("trailers", "2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n".to_owned()),
        ("trailers of 1 MB", format!("2\r\n{{}}\r\n0\r\n{}\r\n", "A: bcdefgh\r\n".repeat(90_000))),
        ("chunks without end", "2\r\n{}\r\n".to_owned()),
    ] {
        rows.push(abuse(name, chunked(&body)));
    }
    rows
}

fn heads() -> Vec<Abuse> {
    vec![
        abuse("a header over two lines (obs-fold)", get_with("A: b\r\n c\r\n")),
        abuse("a folded Transfer-Encoding", framed("Transfer-Encoding:\r\n chunked\r\n", &format!("0\r\n\r\n{}", smuggled()))),
        abuse("lines that end in LF alone", get_with("A: b\r\n").replace("\r\n", "\n")),
        abuse("CR within a value", get_with("A: b\rC: d\r\n")),
        abuse("NUL within a value", get_with("A: b\0c\r\n")),
        abuse("bytes beyond ASCII in a value", get_with("A: é\r\n")),
        abuse("bytes beyond ASCII in a name", get_with("é: a\r\n")),
        abuse("a header without a colon", get_with("A\r\n")),
        abuse("a header without a name", get_with(": a\r\n")),
        abuse("a space before a colon", get_with("A : b\r\n")),
        abuse("no Host", target(ENTITY).replace("Host: localhost\r\n", "")),
        abuse("two Hosts", get_with("Host: evil.test\r\n")),
        abuse("an invalid Host", target(ENTITY).replace("localhost", "a b\"<>/\\@:99999999")),
        abuse("a Host of 10 kB", target(ENTITY).replace("localhost", &"a".repeat(10_000))),
        abuse("another host in the target than in Host", target(&format!("http://evil.test{ENTITY}"))),
        abuse("90 headers", get_with(&"A: b\r\n".repeat(90))),
        abuse("200 headers", get_with(&"A: b\r\n".repeat(200))),
        abuse("100,000 headers", get_with(&"A: b\r\n".repeat(100_000))),
        abuse("a header of 60 kB", get_with(&format!("A: {}\r\n", "b".repeat(60_000)))),
        abuse("a header of 140 kB", get_with(&format!("A: {}\r\n", "b".repeat(140_000)))),
        abuse("a header of 10 MB", get_with(&format!("A: {}\r\n", "b".repeat(10_000_000)))),
        abuse("Prefer with 20,000 parts", get_with(&format!("Prefer: {}\r\n", "a,".repeat(20_000)))),
        abuse("Accept with 10,000 ranges", get_with(&format!("Accept: {}\r\n", "a/b,".repeat(10_000)))),
        abuse("a token of 60 kB", get_with(&format!("Authorization: Bearer {}\r\n", ".".repeat(60_000)))),
        abuse("an unknown Expect", framed("Expect: everything\r\nContent-Length: 2\r\n", "{}")),
        abuse(
            "an upgrade to HTTP/2",
            get_with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        ),
        abuse(
            "an upgrade to WebSocket",
            get_with(
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
            ),
        ),
        abuse("hop-by-hop headers named in Connection", get_with("Connection: close, Host, Content-Length\r\n")),
        abuse(
            "headers of proxies",
            get_with("X-Forwarded-Host: evil.test\r\nX-Original-URL: /_emulator/tenants\r\nX-HTTP-Method-Override: DELETE\r\n"),
        ),
    ]
}

fn lines() -> Vec<Abuse> {
    let raw = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n");
    vec![
        abuse("nothing at all", ""),
        abuse("a million empty lines", "\r\n".repeat(1_000_000)),
        abuse("a million zeros", vec![0; 1_000_000]),
        abuse("the beginning of a TLS handshake", *b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        abuse("a method in lower case", raw(&format!("get {ENTITY} HTTP/1.1"))),
        abuse("a method of 60 kB", raw(&format!("{} {ENTITY} HTTP/1.1", "A".repeat(60_000)))),
        abuse("a method with a colon", raw(&format!("G:T {ENTITY} HTTP/1.1"))),
        abuse("TRACE", raw(&format!("TRACE {ENTITY} HTTP/1.1"))),
        abuse("CONNECT", raw("CONNECT evil.test:443 HTTP/1.1")),
        abuse("CONNECT to a path", raw(&format!("CONNECT {ENTITY} HTTP/1.1"))),
        abuse("no version", raw(&format!("GET {ENTITY}"))),
        abuse("HTTP/0.9", raw(&format!("GET {ENTITY} HTTP/0.9"))),
        abuse("HTTP/1.2", raw(&format!("GET {ENTITY} HTTP/1.2"))),
        abuse("HTTP/3.0", raw(&format!("GET {ENTITY} HTTP/3.0"))),
        abuse("two spaces in the first line", raw(&format!("GET  {ENTITY} HTTP/1.1"))),
        abuse("a tab in the first line", raw(&format!("GET\t{ENTITY}\tHTTP/1.1"))),
        abuse("a space in the target", target("/v1.0/a b")),
        abuse("a fragment in the target", target(&format!("{ENTITY}#a"))),
        abuse("raw bytes in the target", target("/v1.0/é\u{7f}")),
        abuse("a target that is not a path", target("a")),
        abuse("an empty target", target("")),
        abuse("a target of 60 kB", target(&format!("/v1.0/{}", "a".repeat(60_000)))),
        abuse("a target of 65 kB", target(&format!("/v1.0/{}", "a".repeat(65_000)))),
        abuse("a target of 10 MB", target(&format!("/v1.0/{}", "a".repeat(10_000_000)))),
        abuse("30,000 slashes", target(&"/".repeat(30_000))),
        abuse(
            "20,000 encoded bytes in the path",
            target(&format!("/v1.0/teamwork/workforceIntegrations/{}", "%41".repeat(20_000))),
        ),
        abuse(
            "a $filter of 15,000 parentheses",
            target(&format!("/v1.0/teamwork/workforceIntegrations?$filter={}", "(((".repeat(5_000))),
        ),
        abuse("20,000 query options", target(&format!("/v1.0/teamwork/workforceIntegrations?{}a", "a&".repeat(19_999)))),
        abuse("path traversal", target("/v1.0/../../../../etc/passwd")),
        abuse("1,000 requests at once", target(ENTITY).repeat(1_000)),
    ]
}

fn bodies() -> Vec<Abuse> {
    let large = 100 * 1024 * 1024;
    let nested = |open: &str, close: &str, depth: usize| {
        patch(&format!("{{\"displayName\":{}1{}}}", open.repeat(depth), close.repeat(depth)))
    };
    let mut zeros = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zeros.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
    let zeros = zeros.finish().unwrap();
    let packed = |bytes: &[u8]| {
        let length = bytes.len();
        [head("PATCH", &format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n")).as_bytes(), bytes].concat()
    };
    vec![
        abuse("arrays 100,000 deep", nested("[", "]", 100_000)),
        abuse("objects 100,000 deep", nested("{\"a\":", "}", 100_000)),
        abuse("a million opening brackets", patch(&"[".repeat(1_000_000))),
        abuse("a number of a million digits", patch(&format!("{{\"apiVersion\":{}}}", "9".repeat(1_000_000)))),
        abuse("a number with an exponent of a million digits", patch(&format!("{{\"apiVersion\":1e{}}}", "9".repeat(1_000_000)))),
        abuse("1e400", patch("{\"apiVersion\":1e400}")),
        abuse("a number beyond 32 bits", patch("{\"apiVersion\":2147483648}")),
        abuse("NaN", patch("{\"apiVersion\":NaN}")),
        abuse("half a surrogate pair", patch("{\"displayName\":\"\\ud800\"}")),
        abuse("a reversed surrogate pair", patch("{\"displayName\":\"\\udc00\\ud800\"}")),
        abuse("an escaped NUL", patch("{\"displayName\":\"a\\u0000b\"}")),
        abuse("a raw control character", patch("{\"displayName\":\"a\u{1}b\"}")),
        abuse("a duplicate name", patch("{\"displayName\":\"a\",\"displayName\":\"b\"}")),
        abuse("a duplicate name in another case", patch("{\"displayName\":\"a\",\"DISPLAYNAME\":\"b\"}")),
        abuse("a duplicate name, once escaped", patch("{\"displayName\":\"a\",\"display\\u004eame\":\"b\"}")),
        abuse("__proto__", patch("{\"__proto__\":{\"isActive\":false}}")),
        abuse("300,000 members", patch(&format!("{{{}\"a\":1}}", "\"a\":1,".repeat(300_000)))),
        abuse("invalid UTF-8", [patch("{\"displayName\":\"xx\"}").split_last_chunk::<4>().unwrap().0, b"\xc3\x28\"}"].concat()),
        abuse("UTF-16", [head("PATCH", "Content-Length: 4\r\n\r\n").as_bytes(), b"{\0}\0"].concat()),
        abuse("a text of 4 MB", patch(&format!("{{\"displayName\":\"{}\"}}", "a".repeat(4_000_000)))),
        abuse("100 MB of spaces", patch(&" ".repeat(large))),
        abuse("100 MB in chunks", chunked(&format!("{:x}\r\n{}\r\n0\r\n\r\n", large, " ".repeat(large)))),
        abuse("64 MB compressed to 64 kB", packed(&zeros)),
        abuse(
            "gzip within gzip",
            packed(&{
                let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                twice.write_all(&zeros).unwrap();
                twice.finish().unwrap()
            }),
        ),
        abuse("invalid gzip", packed(b"{}")),
    ]
}

/// Returns the inputs of all tables.
#[cfg(target_os = "linux")]
pub(crate) fn every_row() -> Vec<Abuse> {
    [framings(), heads(), lines(), bodies(), http2()].into_iter().flatten().collect()
}

/// Sends all bytes, closes the sending half and returns everything received, in bounded time.
pub(crate) fn exchange(server: &Server, bytes: Vec<u8>) -> Vec<u8> {
    exchange_and(server, bytes, true)
}

/// As [`exchange`]. A client that keeps its sending half open waits until the server closes the connection.
pub(crate) fn exchange_and(server: &Server, bytes: Vec<u8>, closes_sending_half: bool) -> Vec<u8> {
    exchange_with(server.address, bytes, closes_sending_half)
}

/// As [`exchange_and`], with a server at an address.
pub(crate) fn exchange_with(address: SocketAddr, bytes: Vec<u8>, closes_sending_half: bool) -> Vec<u8> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut writing = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The server may have closed the connection, which is one of the outcomes.
            let _ = writing.write_all(&bytes);
            if closes_sending_half {
                let _ = writing.shutdown(Shutdown::Write);
            }
        });
        read_to_the_end(stream)
    })
}

/// Reads to the end of a connection, clean or not.
fn read_to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let (mut seen, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return seen,
            Ok(length) => seen.extend_from_slice(&piece[..length]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("the connection neither ends nor goes on")
            }
            Err(_) => return seen,
        }
    }
}

/// The statuses of answers as text: `400`, or `200, 400`, or `1000 times 200`.
pub(crate) fn statuses(seen: &[u8]) -> String {
    let text = String::from_utf8_lossy(seen);
    let mut runs: Vec<(String, usize)> = Vec::new();
    for (at, _) in text.match_indices("HTTP/1.") {
        let status = text[at..].split(' ').nth(1).unwrap_or_default().to_owned();
        match runs.last_mut() {
            Some((last, count)) if *last == status => *count += 1,
            _ => runs.push((status, 1)),
        }
    }
    let runs: Vec<String> =
        runs.into_iter().map(|(status, count)| if count > 1 { format!("{count} times {status}") } else { status }).collect();
    if runs.is_empty() { "closed without an answer".to_owned() } else { runs.join(", ") }
}

/// The codes of the errors in the bodies of answers, and whether an answer announces the end of the connection.
fn codes(seen: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(seen);
    let mut codes: Vec<String> = Vec::new();
    for (at, start) in text.match_indices("{\"error\":{\"code\":\"") {
        codes.extend(text[at + start.len()..].split('"').next().map(|code| format!("`{code}`")));
    }
    if text.to_ascii_lowercase().contains("\r\nconnection: close\r\n") {
        codes.push("`Connection: close`".to_owned());
    }
    codes.dedup();
    codes
}

/// Adds to an outcome what the answers say of it, and the reasons in the log.
pub(crate) fn with_reasons(outcome: String, codes: &[String], log: &Log) -> String {
    let reasons = log.reasons().into_iter().map(|reason| {
        let reason = reason.replace('|', "\\|").replace('<', "\\<");
        reason.chars().flat_map(|shown| if shown.is_control() { shown.escape_default().collect() } else { vec![shown] }).collect()
    });
    let parts: Vec<String> = [outcome].into_iter().chain(codes.iter().cloned()).collect();
    let reasons: Vec<String> = reasons.collect();
    if reasons.is_empty() { parts.join(" ") } else { format!("{}: {}", parts.join(" "), reasons.join("; ")) }
}

/// Sends each input to its own server, so that its effects are attributed to it.
fn outcomes(rows: Vec<Abuse>) -> Vec<(&'static str, String)> {
    rows.into_iter()
        .map(|Abuse { name, bytes }| {
            let mut server = Server::logging(ServerLimits::default());
            let entities = server.entities();
            let started = Instant::now();
            let seen = exchange(&server, bytes);
            let outcome = statuses(&seen);
            assert!(started.elapsed() < PATIENCE, "{name}: {:?}", started.elapsed());
            assert!(!outcome.contains(" 5") && !outcome.starts_with('5'), "{name}: {outcome}");
            assert_eq!(server.entities(), entities, "{name}: the request within the request was obeyed");
            server.assert_answers();
            server.stop();
            (name, with_reasons(outcome, &codes(&seen), &server.log))
        })
        .collect()
}

/// One slow client.
pub(crate) struct Slow {
    pub(crate) name: &'static str,
    /// The bytes sent at once.
    pub(crate) begin: Vec<u8>,
    /// The bytes sent repeatedly until the connection ends.
    pub(crate) trickle: &'static [u8],
    /// The limit that ends it.
    limit: &'static str,
}

pub(crate) fn slow() -> Vec<Slow> {
    use crate::edge::abuse_http2::*;
    let row = |name, begin: &[u8], trickle, limit| Slow { name, begin: begin.to_vec(), trickle, limit };
    let start = head("PATCH", "");
    let with_body = head("PATCH", "Content-Length: 1000\r\n\r\n{");
    let chunks = head("PATCH", "Transfer-Encoding: chunked\r\n\r\n");
    let behind = format!("{}{}", target("/_emulator/health"), &start);
    let stalled =
        [begin(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), frame(HEADERS, END_STREAM | END_HEADERS, 1, &get())].concat();
    let http2_body = [begin(), frame(HEADERS, END_HEADERS, 1, &get())].concat();
    vec![
        row("a connection without any request", b"", b"", "idle"),
        row("a connection without another request", target("/_emulator/health").as_bytes(), b"", "idle"),
        row("a head that stops", start.as_bytes(), b"", "head"),
        row("a head, byte by byte", start.as_bytes(), b"A", "head"),
        row("a head, header by header", start.as_bytes(), b"A: b\r\n", "head"),
        row("the same after an answered request", behind.as_bytes(), b"A: b\r\n", "head"),
        row("a first line that stops", b"GET /", b"", "head"),
        row("empty lines, one after the other", b"\r\n", b"\r\n", "head"),
        row("a body that stops", with_body.as_bytes(), b"", "body"),
        row("a body, byte by byte", with_body.as_bytes(), b" ", "body"),
        row("chunks, one by one", chunks.as_bytes(), b"1\r\n \r\n", "body"),
        row(
            "a body that does not follow 100 Continue",
            head("PATCH", "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").as_bytes(),
            b"",
            "body",
        ),
        row("half a preface of HTTP/2", &PREFACE[..9], b"", "head"),
        row("HTTP/2 without any request", &begin(), b"", "idle"),
        row("HTTP/2, a head without end", &[begin(), frame(HEADERS, END_STREAM, 1, &get())].concat(), b"", "idle"),
        row("HTTP/2, a body without end", &http2_body, b"", "idle"),
        row("HTTP/2, PINGs without any request", &begin(), b"\0\0\x08\x06\0\0\0\0\0abcdefgh", "idle"),
        row("HTTP/2, SETTINGS without any request", &begin(), b"\0\0\0\x04\0\0\0\0\0", "idle"),
        row("HTTP/2, a client that reads no answer", &stalled, b"", "answer"),
        row("HTTP/2, a client that reads no answer and sends PINGs", &stalled, b"\0\0\x08\x06\0\0\0\0\0abcdefgh", "answer"),
    ]
}

/// Runs all slow clients at once, each with a server of its own, and returns the limits that ended them.
fn outcomes_in_time() -> Vec<(&'static str, String)> {
    std::thread::scope(|scope| {
        let waiting: Vec<_> = slow()
            .into_iter()
            .map(|row| {
                scope.spawn(move || {
                    let mut server = Server::logging(SOON);
                    let started = Instant::now();
                    let mut stream = TcpStream::connect(server.address).unwrap();
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    stream.write_all(&row.begin).unwrap();
                    let mut writing = stream.try_clone().unwrap();
                    let reading = std::thread::spawn(move || read_to_the_end(stream));
                    while !row.trickle.is_empty() && !reading.is_finished() && started.elapsed() < PATIENCE {
                        std::thread::sleep(Duration::from_millis(20));
                        let _ = writing.write_all(row.trickle);
                    }
                    reading.join().unwrap();
                    let (took, limit) = (
                        started.elapsed(),
                        match row.limit {
                            "head" => SOON.head,
                            "body" => SOON.body,
                            "answer" => SOON.answer,
                            _ => SOON.idle,
                        },
                    );
                    assert!(took >= limit, "{}: cut after {took:?} already", row.name);
                    // A busy machine polls late, but it polls.
                    assert!(took < PATIENCE / 2, "{}: cut after {took:?} only", row.name);
                    server.assert_answers();
                    server.stop();
                    (row.name, with_reasons(format!("closed by --{}-timeout", row.limit), &[], &server.log))
                })
            })
            .collect();
        waiting.into_iter().map(|row| row.join().unwrap()).collect()
    })
}

#[test]
fn every_hostile_input_is_answered_or_cut_off_as_the_page_lists() {
    let (heads, bodies, frames, times) = std::thread::scope(|scope| {
        let heads = scope.spawn(|| [outcomes(framings()), outcomes(heads()), outcomes(lines())]);
        let bodies = scope.spawn(|| outcomes(bodies()));
        let frames = scope.spawn(|| outcomes_in_frames(http2()));
        let times = scope.spawn(outcomes_in_time);
        (heads.join().unwrap(), bodies.join().unwrap(), frames.join().unwrap(), times.join().unwrap())
    });
    let [framings, heads, lines] = heads;
    let mut page = String::from(PAGE);
    for (title, rows) in [
        ("Request framing", framings),
        ("Heads", heads),
        ("First lines", lines),
        ("Bodies", bodies),
        ("HTTP/2", frames),
        ("Time", times),
    ] {
        write!(page, "\n## {title}\n| input | outcome |\n|---|---|\n").unwrap();
        for (name, outcome) in rows {
            writeln!(page, "| {name} | {outcome} |").unwrap();
        }
    }
    page.push_str(FUZZED);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hostile-input.md");
    if std::env::var_os("WFI_EMULATOR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (one, other) in page.lines().zip(written.lines()) {
        assert_eq!(one, other, "docs/hostile-input.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it");
    }
    assert!(page == written, "docs/hostile-input.md differs; WFI_EMULATOR_WRITE_DOCS=1 cargo test rewrites it");
}

const PAGE: &str = "\
# Hostile input
The test `abuse` sends every input on this page to the server and generates the page from the outcomes. Each exchange ends within
seconds, makes no unintended change, and leaves the server answering. Requests smuggled in the body of another request are never
executed. The test `abuse_costs` sends all of them to one program with small limits: after each, its resident memory is within the limits
and 64 MiB, and during each, it answers the health checks of another client within 100 ms (on a busy machine within ten times what a
program without other clients takes). All readers of outside bytes are fuzzed too, see [Fuzzing](#fuzzing).

An outcome is the status, the code of the error, and the reason in the log. A request with both `Content-Length` and
`Transfer-Encoding` is read by its chunks alone, and its connection closes after the answer, as RFC 9112 (6.3) allows.

| flag | default | limit |
|---|---|---|
| `--connection-limit` | 10,000 | concurrent connections; at the limit, the one that has stalled longest, for a second at least, is closed to admit another |
| `--idle-timeout` | 900 s | time that a connection may be idle |
| `--head-timeout` | 10 s | time for the head of a request, from its first byte |
| `--head-limit` | 128 kB | size of the head of a request, including its first line |
| `--body-timeout` | 60 s | time for the body of a request |
| `--answer-timeout` | 60 s | time in which a client must read the next 64 KiB of an answer, or the rest |

Fixed limits: a body has at most 4 MiB, compressed and decompressed, and up to 64 MiB of a larger one are read so that its sender sees the
answer; unfinished bodies and requests that wait for connectors take at most 256 MiB together, and unread answers 512 MiB; HTTP/2 has at
most 100 concurrent requests per connection; JSON has at most 128 levels and 100,000 values.

**Shares.** Once half of the memory for requests or answers is used, a connection may hold a quarter of it. A body waits until there is room
for it. When the memory is full, the connection that has made no progress for the longest is closed, after one second at the earliest;
frames of HTTP/2 that belong to no request do not count. A sixteenth is reserved for the control API. A read over HTTP/1.1 whose answer finds no room
is refused with 429 and `Retry-After: 1`; the connection of a write ends, since the write has happened, and a stream of HTTP/2 is reset.

**Outgoing requests.** Link-local addresses and those of metadata services of clouds are never called, also behind a gateway to IPv4: NAT64 under its
well-known prefixes, 6to4, Teredo, ISATAP. NAT64 under a prefix of the network's own (RFC 6052, 2.2) cannot be recognized in an address: such a
gateway has to refuse them itself.
";

const FUZZED: &str = "
## Fuzzing
Inputs per reader in one run of a coverage-guided fuzzer with AddressSanitizer ([fuzz/README.md](../fuzz/README.md)), 90 to 220 seconds each on a
busy machine, and 20 minutes each for `body`, `query`, `request`, and `sequences`. Readers that create a new service per input have fewer. The run
found one bug: answers repeated a control character from a name in a schema in their JSON. Such a name is now refused.

| reader | inputs |
|---|---|
| archives | 1,686,471 |
| batch | 95,207 |
| body | 47,808 |
| comparisons | 683,602 |
| connectors | 5,180,924 |
| control | 62,162 |
| csdl | 882,133 |
| dates | 997,817 |
| directory | 2,194,769 |
| exchanges | 1,185,173 |
| faults | 1,557,238 |
| fixtures | 748,073 |
| form | 23,556 |
| path | 31,855 |
| query | 42,871 |
| redactions | 210,974 |
| request | 45,492 |
| sequences | 5,575 |
| token | 44,094 |
";
