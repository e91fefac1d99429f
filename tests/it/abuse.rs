//! What nobody sends by accident: malformed, endless, slow. Each is answered or cut within a bound, changes nothing that it must not
//! change, and leaves the server as it was. `docs/hostile-input.md` is made from these rows and their outcomes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use wfi_emulator::server::Limits;

use crate::sockets::Server;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

/// Limits that a test can wait for.
const SOON: Limits = Limits {
    connections: 500,
    head: Duration::from_millis(400),
    head_bytes: 128 * 1024,
    body: Duration::from_millis(400),
    bodies_bytes: 64 * 1024 * 1024,
    answers_bytes: 64 * 1024 * 1024,
    idle: Duration::from_millis(800),
};

/// One abusive input.
struct Abuse {
    what: &'static str,
    bytes: Vec<u8>,
}

fn abuse(what: &'static str, bytes: impl Into<Vec<u8>>) -> Abuse {
    Abuse { what, bytes: bytes.into() }
}

/// A request that deletes, to be hidden in another one.
fn hidden() -> String {
    format!("DELETE {ENTITY} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A head that lacks its empty line.
fn head(method: &str, more: &str) -> String {
    format!("{method} {ENTITY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}")
}

/// A change whose body is described in another way than by its true length.
fn framed(headers: &str, body: &str) -> String {
    format!("{}\r\n{body}", head("PATCH", headers))
}

/// A change in chunks, written by hand.
fn chunked(body: &str) -> String {
    framed("Transfer-Encoding: chunked\r\n", body)
}

fn get_with(headers: &str) -> String {
    format!("GET {ENTITY} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

fn target(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn patch(body: &str) -> Vec<u8> {
    format!("{}Content-Length: {}\r\n\r\n{body}", head("PATCH", ""), body.len()).into_bytes()
}

fn framings() -> Vec<Abuse> {
    let hidden = hidden();
    let mut rows = vec![
        abuse(
            "Content-Length and Transfer-Encoding, a request behind the chunks",
            framed(
                &format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", 5 + hidden.len()),
                &format!("0\r\n\r\n{hidden}"),
            ),
        ),
        abuse(
            "Transfer-Encoding and Content-Length, a request within the length",
            framed("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &format!("0\r\n\r\n{hidden}")),
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
        abuse("identity behind chunked", framed("Transfer-Encoding: chunked, identity\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse("chunked twice", framed("Transfer-Encoding: chunked, chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
        abuse("chunked behind a tab", framed("Transfer-Encoding:\tchunked\r\n", "2\r\n{}\r\n0\r\n\r\n")),
        abuse("chunked behind a vertical tab", framed("Transfer-Encoding: \u{b}chunked\r\n", &format!("0\r\n\r\n{hidden}"))),
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
    for (what, body) in [
        ("a chunk size that is no number", "g\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a negative chunk size", "-2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size with 0x", "0x2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size beyond 64 bits", "10000000000000002\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size of nearly 64 bits", "fffffffffffffffe\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk size behind spaces", "  2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("an empty chunk size", "\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk extension", "2;a=\"b\"\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("a chunk extension of 100 kB", format!("2;a={}\r\n{{}}\r\n0\r\n\r\n", "b".repeat(100_000))),
        ("100,000 chunks of a byte, each with an extension", format!("{}0\r\n\r\n", "1;abcdefgh\r\n \r\n".repeat(100_000))),
        ("lines of chunks that end in LF alone", "2\n{}\n0\n\n".to_owned()),
        ("no line end behind a chunk", "2\r\n{}0\r\n\r\n".to_owned()),
        ("trailers", "2\r\n{}\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n".to_owned()),
        ("trailers of 1 MB", format!("2\r\n{{}}\r\n0\r\n{}\r\n", "A: bcdefgh\r\n".repeat(90_000))),
        ("chunks that do not end", "2\r\n{}\r\n".to_owned()),
    ] {
        rows.push(abuse(what, chunked(&body)));
    }
    rows
}

fn heads() -> Vec<Abuse> {
    vec![
        abuse("a header over two lines (obs-fold)", get_with("A: b\r\n c\r\n")),
        abuse("a folded Transfer-Encoding", framed("Transfer-Encoding:\r\n chunked\r\n", &format!("0\r\n\r\n{}", hidden()))),
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
        abuse("a Host that is none", target(ENTITY).replace("localhost", "a b\"<>/\\@:99999999")),
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
        abuse("an Expect that nobody knows", framed("Expect: everything\r\nContent-Length: 2\r\n", "{}")),
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
        abuse("the begin of a TLS handshake", *b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
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
        abuse("a target that is no path", target("a")),
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
        abuse("20,000 query options", target(&format!("/v1.0/teamwork/workforceIntegrations?{}", "a&".repeat(20_000)))),
        abuse("paths that lead out of the folder", target("/v1.0/../../../../etc/passwd")),
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
        abuse("a million brackets that open", patch(&"[".repeat(1_000_000))),
        abuse("a number of a million digits", patch(&format!("{{\"apiVersion\":{}}}", "9".repeat(1_000_000)))),
        abuse("a number with an exponent of a million digits", patch(&format!("{{\"apiVersion\":1e{}}}", "9".repeat(1_000_000)))),
        abuse("1e400", patch("{\"apiVersion\":1e400}")),
        abuse("a number beyond 32 bits", patch("{\"apiVersion\":2147483648}")),
        abuse("NaN", patch("{\"apiVersion\":NaN}")),
        abuse("half a surrogate pair", patch("{\"displayName\":\"\\ud800\"}")),
        abuse("a surrogate pair the wrong way round", patch("{\"displayName\":\"\\udc00\\ud800\"}")),
        abuse("an escaped NUL", patch("{\"displayName\":\"a\\u0000b\"}")),
        abuse("a raw control character", patch("{\"displayName\":\"a\u{1}b\"}")),
        abuse("a name twice", patch("{\"displayName\":\"a\",\"displayName\":\"b\"}")),
        abuse("a name twice, in two cases", patch("{\"displayName\":\"a\",\"DISPLAYNAME\":\"b\"}")),
        abuse("a name twice, once escaped", patch("{\"displayName\":\"a\",\"display\\u004eame\":\"b\"}")),
        abuse("__proto__", patch("{\"__proto__\":{\"isActive\":false}}")),
        abuse("300,000 members", patch(&format!("{{{}\"a\":1}}", "\"a\":1,".repeat(300_000)))),
        abuse("no UTF-8", [patch("{\"displayName\":\"xx\"}").split_last_chunk::<4>().unwrap().0, b"\xc3\x28\"}"].concat()),
        abuse("UTF-16", [head("PATCH", "Content-Length: 4\r\n\r\n").as_bytes(), b"{\0}\0"].concat()),
        abuse("a text of 4 MB", patch(&format!("{{\"displayName\":\"{}\"}}", "a".repeat(4_000_000)))),
        abuse("100 MB of spaces", patch(&" ".repeat(large))),
        abuse("100 MB in chunks", chunked(&format!("{:x}\r\n{}\r\n0\r\n\r\n", large, " ".repeat(large)))),
        abuse("64 MB packed to 64 kB", packed(&zeros)),
        abuse(
            "gzip within gzip",
            packed(&{
                let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                twice.write_all(&zeros).unwrap();
                twice.finish().unwrap()
            }),
        ),
        abuse("gzip that is none", packed(b"{}")),
    ]
}

/// Sends everything and says that there is no more, and returns what comes back. The time it takes is bounded.
fn exchange(server: &Server, bytes: Vec<u8>) -> Vec<u8> {
    exchange_and(server, bytes, true)
}

/// The same; a client that does not say that there is no more waits until the server closes the connection.
fn exchange_and(server: &Server, bytes: Vec<u8>, says_no_more: bool) -> Vec<u8> {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut writing = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The server may have closed the connection, which is one of the outcomes.
            let _ = writing.write_all(&bytes);
            if says_no_more {
                let _ = writing.shutdown(Shutdown::Write);
            }
        });
        read_to_the_end(stream)
    })
}

/// Reads up to the end of a connection, however it ends.
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

/// The statuses of answers, for people: `400`, or `200, 400`, or `1000 times 200`.
fn statuses(seen: &[u8]) -> String {
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

/// Sends each input to a server of its own, so that what one leaves behind is seen.
fn outcomes(rows: Vec<Abuse>) -> Vec<(&'static str, String)> {
    rows.into_iter()
        .map(|Abuse { what, bytes }| {
            let server = Server::start_with(Limits::default());
            let entities = server.entities();
            let started = Instant::now();
            let outcome = statuses(&exchange(&server, bytes));
            assert!(started.elapsed() < PATIENCE, "{what}: {:?}", started.elapsed());
            assert!(!outcome.contains(" 5") && !outcome.starts_with('5'), "{what}: {outcome}");
            assert_eq!(server.entities(), entities, "{what}: the request within the request was obeyed");
            server.assert_answers();
            (what, outcome)
        })
        .collect()
}

/// Frames of HTTP/2.
mod frames {
    pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const PRIORITY: u8 = 2;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PUSH_PROMISE: u8 = 5;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
    pub(super) const END_STREAM: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// The head of `GET /_emulator/health`, which everybody may ask: two entries of the static table, two literals.
    pub(super) fn get() -> Vec<u8> {
        literal(&literal(&[0x82, 0x86], 0x04, b"/_emulator/health"), 0x01, b"localhost")
    }

    /// Adds a header whose name is an entry of the static table.
    pub(super) fn literal(block: &[u8], name: u8, value: &[u8]) -> Vec<u8> {
        [block, &[name, u8::try_from(value.len()).unwrap()], value].concat()
    }

    /// Adds a header with a name of its own.
    pub(super) fn header(block: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = |text: &[u8]| -> Vec<u8> {
            // An integer with a prefix of seven bits (RFC 7541, 5.1).
            let mut rest = text.len();
            if rest < 127 {
                return vec![u8::try_from(rest).unwrap()];
            }
            rest -= 127;
            let mut bytes = vec![127];
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128 + 128).unwrap());
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap());
            bytes
        };
        [block, &[0], &length(name), name, &length(value), value].concat()
    }

    pub(super) fn begin() -> Vec<u8> {
        [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
    }
}

fn http2() -> Vec<Abuse> {
    use frames::*;
    let with = |more: Vec<Vec<u8>>| [begin(), more.concat()].concat();
    let request = |stream: u32| frame(HEADERS, END_STREAM | END_HEADERS, stream, &get());
    let open = |stream: u32| frame(HEADERS, END_HEADERS, stream, &get());
    let odd = |count: u32| (0..count).map(|number| number * 2 + 1);
    let many = |count: usize, frame: Vec<u8>| frame.repeat(count);
    vec![
        abuse("a request and its end", with(vec![request(1)])),
        abuse(
            "rapid reset: 10,000 requests, each reset at once",
            with(odd(10_000).map(|stream| [request(stream), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()).collect()),
        ),
        abuse(
            "rapid reset by broken frames: 10,000 windows of nothing",
            with(odd(10_000).map(|stream| [open(stream), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()).collect()),
        ),
        abuse("10,000 requests at once", with(odd(10_000).map(request).collect())),
        abuse(
            "CONTINUATION flood: a head in 100,000 pieces",
            with(vec![frame(HEADERS, END_STREAM, 1, &get()), many(100_000, frame(CONTINUATION, 0, 1, &header(&[], b"a", b"b")))]),
        ),
        abuse(
            "CONTINUATION flood of empty frames",
            with(vec![frame(HEADERS, END_STREAM, 1, &get()), many(100_000, frame(CONTINUATION, 0, 1, &[]))]),
        ),
        abuse("a head that another frame interrupts", with(vec![frame(HEADERS, END_STREAM, 1, &get()), request(3)])),
        abuse(
            "headers of 200 kB",
            with(vec![
                frame(HEADERS, END_STREAM, 1, &get()),
                many(15, frame(CONTINUATION, 0, 1, &header(&[], b"a", &[b'b'; 14_000]))),
                frame(CONTINUATION, END_HEADERS, 1, &[]),
            ]),
        ),
        abuse(
            "an HPACK bomb: one header of 4 kB, named 10,000 times",
            with(vec![frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &[get(), vec![0x40, 1, b'a', 0x7f, 0x80, 0x1e], vec![b'b'; 3967], vec![0xbe; 10_000]].concat(),
            )]),
        ),
        abuse(
            "an index that no table has",
            with(vec![frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0x07])]),
        ),
        abuse("SETTINGS flood", with(vec![many(50_000, frame(SETTINGS, 0, 0, &[]))])),
        abuse("PING flood", with(vec![many(50_000, frame(PING, 0, 0, &[7; 8]))])),
        abuse("PRIORITY flood", with(vec![many(50_000, frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]))])),
        abuse("a stream that depends on itself", with(vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 1])])),
        abuse("100,000 empty DATA frames", with(vec![open(1), many(100_000, frame(DATA, 0, 1, &[]))])),
        abuse("a window beyond 31 bits", with(vec![frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])])),
        abuse("more data than the window allows", with(vec![open(1), many(200, frame(DATA, 0, 1, &[0; 16_384]))])),
        abuse("a frame larger than allowed", with(vec![frame(DATA, 0, 1, &[0; 20_000])])),
        abuse("a frame of an unknown kind", with(vec![frame(99, 0xff, 1, b"x"), request(1)])),
        abuse("a stream with an even number", with(vec![request(2)])),
        abuse("streams that go backwards", with(vec![request(5), request(3)])),
        abuse("data before a head", with(vec![frame(DATA, END_STREAM, 1, b"x")])),
        abuse("a promise from a client", with(vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])])),
        abuse(
            "CONNECT",
            with(vec![frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &literal(&literal(&[], 0x02, b"CONNECT"), 0x01, b"evil.test:443"),
            )]),
        ),
        abuse(
            "headers of connections (Transfer-Encoding)",
            with(vec![frame(HEADERS, END_STREAM | END_HEADERS, 1, &header(&get(), b"transfer-encoding", b"chunked"))]),
        ),
        abuse(
            "a header name in upper case",
            with(vec![frame(HEADERS, END_STREAM | END_HEADERS, 1, &header(&get(), b"A", b"b"))]),
        ),
        abuse(
            "a line break within a value",
            with(vec![frame(HEADERS, END_STREAM | END_HEADERS, 1, &header(&get(), b"a", b"b\r\nc: d"))]),
        ),
        abuse(
            "a length that is not the body's",
            with(vec![
                frame(HEADERS, END_HEADERS, 1, &header(&get(), b"content-length", b"9")),
                frame(DATA, END_STREAM, 1, b"x"),
            ]),
        ),
        abuse("the preface and then HTTP/1", [PREFACE, target(ENTITY).as_bytes()].concat()),
        abuse("nothing behind the preface", PREFACE),
    ]
}

/// What comes back in frames, for people.
fn frames_of(seen: &[u8]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut rest = seen;
    while let Some((head, behind)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, behind)) = behind.split_at_checked(length) else { break };
        let code = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |code| u32::from_be_bytes(*code));
        match head[3] {
            frames::HEADERS => *counts.entry("answers".to_owned()).or_default() += 1,
            frames::RST_STREAM => *counts.entry(format!("reset {}", named(code(payload)))).or_default() += 1,
            frames::GOAWAY => *counts.entry(format!("the connection ends with {}", named(code(&payload[4..])))).or_default() += 1,
            _ => {}
        }
        rest = behind;
    }
    let texts: Vec<String> = counts.into_keys().collect();
    if texts.is_empty() { "nothing but the end, when the connection has been idle".to_owned() } else { texts.join("; ") }
}

/// Names of errors (RFC 9113, 7).
fn named(code: u32) -> &'static str {
    [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
    ]
    .get(code as usize)
    .unwrap_or(&"an unknown error")
}

fn outcomes_in_frames(rows: Vec<Abuse>) -> Vec<(&'static str, String)> {
    rows.into_iter()
        .map(|Abuse { what, bytes }| {
            let server = Server::start_with(Limits { idle: SOON.idle, ..Limits::default() });
            // With HTTP/2 a client that closes its half wants no answers any more.
            let outcome = frames_of(&exchange_and(&server, bytes, false));
            server.assert_answers();
            (what, outcome)
        })
        .collect()
}

/// One abuse of time.
struct Slow {
    what: &'static str,
    /// What is sent at once.
    begin: Vec<u8>,
    /// What is sent again and again, until the connection ends.
    trickle: &'static [u8],
    /// The limit that ends it.
    limit: &'static str,
}

fn slow() -> Vec<Slow> {
    use frames::*;
    let row = |what, begin: &[u8], trickle, limit| Slow { what, begin: begin.to_vec(), trickle, limit };
    let start = head("PATCH", "");
    let with_body = head("PATCH", "Content-Length: 1000\r\n\r\n{");
    let chunks = head("PATCH", "Transfer-Encoding: chunked\r\n\r\n");
    let behind = format!("{}{}", target("/_emulator/health"), &start);
    let stalled =
        [begin(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), frame(HEADERS, END_STREAM | END_HEADERS, 1, &get())].concat();
    let http2_body = [begin(), frame(HEADERS, END_HEADERS, 1, &get())].concat();
    vec![
        row("a connection on which nothing is sent", b"", b"", "idle"),
        row("a connection on which nothing more is sent", target("/_emulator/health").as_bytes(), b"", "idle"),
        row("a head that stops", start.as_bytes(), b"", "head"),
        row("a head that comes byte by byte", start.as_bytes(), b"A", "head"),
        row("a head that comes header by header", start.as_bytes(), b"A: b\r\n", "head"),
        row("the same behind a request that is answered", behind.as_bytes(), b"A: b\r\n", "head"),
        row("a first line that stops", b"GET /", b"", "head"),
        row("empty lines, one after the other", b"\r\n", b"\r\n", "head"),
        row("a body that stops", with_body.as_bytes(), b"", "body"),
        row("a body that comes byte by byte", with_body.as_bytes(), b" ", "body"),
        row("chunks that come one by one", chunks.as_bytes(), b"1\r\n \r\n", "body"),
        row(
            "a body that is promised after leave",
            head("PATCH", "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n").as_bytes(),
            b"",
            "body",
        ),
        row("half a preface of HTTP/2", &PREFACE[..9], b"", "head"),
        row("HTTP/2 without any request", &begin(), b"", "idle"),
        row("HTTP/2, a head without end", &[begin(), frame(HEADERS, END_STREAM, 1, &get())].concat(), b"", "idle"),
        row("HTTP/2, a body without end", &http2_body, b"", "idle"),
        row("HTTP/2, a client that takes no answer", &stalled, b"", "idle"),
    ]
}

/// Lets all of them wait at once, and returns the limits that ended them.
fn outcomes_in_time() -> Vec<(&'static str, String)> {
    let server = Server::start_with(SOON);
    let outcomes = std::thread::scope(|scope| {
        let waiting: Vec<_> = slow()
            .into_iter()
            .map(|row| {
                let address = server.address;
                scope.spawn(move || {
                    let started = Instant::now();
                    let mut stream = TcpStream::connect(address).unwrap();
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
                            _ => SOON.idle,
                        },
                    );
                    assert!(took >= limit, "{}: cut after {took:?} already", row.what);
                    // A busy machine looks late, but it looks.
                    assert!(took < PATIENCE / 2, "{}: cut after {took:?} only", row.what);
                    (row.what, format!("cut by --{}-timeout", row.limit))
                })
            })
            .collect();
        waiting.into_iter().map(|row| row.join().unwrap()).collect()
    });
    server.assert_answers();
    outcomes
}

#[test]
fn whatever_is_sent_is_answered_or_cut_and_the_page_says_how() {
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
        ("Where a request ends", framings),
        ("Heads", heads),
        ("First lines", lines),
        ("Bodies", bodies),
        ("HTTP/2", frames),
        ("Time", times),
    ] {
        write!(page, "\n## {title}\n| what is sent | what becomes of it |\n|---|---|\n").unwrap();
        for (what, outcome) in rows {
            writeln!(page, "| {what} | {outcome} |").unwrap();
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
Everything below was sent to the server by the test `abuse`, which makes this page from what came back. Each exchange ended within
seconds, changed nothing that it must not change, and left the server answering. Requests that are hidden in the body of another one
are never obeyed. What reads bytes is fuzzed besides, which the end of this page tells of.

| flag | default | what it limits |
|---|---|---|
| `--connection-limit` | 10,000 | connections at once; further ones wait, and those that do nothing for 5 seconds are closed for them |
| `--idle-timeout` | 900 s | how long a connection may do nothing |
| `--head-timeout` | 10 s | how long the head of a request may take, from its first byte on |
| `--head-limit` | 128 kB | the head of a request, its first line included |
| `--body-timeout` | 60 s | how long the body of a request may take |

Not to be set: a body has at most 4 MiB, packed and unpacked, and of a larger one at most 64 MiB are read so that its sender sees the answer;
bodies that have not arrived as a whole take at most 256 MiB together, and answers that their clients have not taken yet 512 MiB; JSON is at
most 128 levels deep and has at most 100,000 values.
";

const FUZZED: &str = "
## Fuzzing
Each reader was given inputs by a fuzzer that follows what they reach ([fuzz/README.md](../fuzz/README.md)), for 90 to 220 seconds on a machine that
was busy otherwise, with checks of addresses in memory on. Readers that make a new service for each input have had fewer. They found one
fault: a control character in a name of a schema, which answers then had in their JSON. Such a name is refused now.

| reader | inputs |
|---|---|
| archives | 1,686,471 |
| batch | 95,207 |
| body | 80,619 |
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
| query | 52,319 |
| redactions | 210,974 |
| request | 11,214 |
| token | 44,094 |
";

#[test]
fn connections_that_do_nothing_make_room_for_others() {
    let server = Server::start_with(Limits { connections: 20, ..Limits::default() });
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let started = Instant::now();
    // It waits until the idle ones have had their time, which is less for a crowd.
    let seen = exchange(&server, target("/_emulator/health").into_bytes());
    assert_eq!(statuses(&seen), "200");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn thousands_of_idle_connections_harm_nobody() {
    let server = Server::start_with(Limits::default());
    // A process may have few descriptors, and each connection takes two of this one.
    let idle: Vec<TcpStream> = (0..2_000).map_while(|_| TcpStream::connect(server.address).ok()).collect();
    assert!(idle.len() >= 300, "{} connections", idle.len());
    drop(idle);
    server.assert_answers();
}

#[test]
fn the_first_pieces_of_bodies_that_wait_count_too() {
    let server = Server::start_with(Limits { bodies_bytes: 1_500_000, ..Limits::default() });
    let warmed = |_| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // Whoever has sent much is read from in large pieces.
        let much = [head("PATCH", "Content-Length: 1000000\r\n\r\n").into_bytes(), vec![b' '; 1_000_000]].concat();
        stream.write_all(&much).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream
    };
    let mut waiting: Vec<TcpStream> = (0..30).map(warmed).collect();
    let begun = [head("PATCH", "Content-Length: 4000000\r\n\r\n").into_bytes(), vec![b' '; 100_000]].concat();
    for stream in &mut waiting {
        stream.write_all(&begun).unwrap();
    }
    let cut = waiting.iter().filter(|stream| is_cut(stream)).count();
    assert!(cut >= 10, "{cut} of 30, which want to keep 3 MB together");
    server.assert_answers();
}

/// Whether a connection has ended.
fn is_cut(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let read = (&*stream).read(&mut [0]);
    !matches!(read, Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
}

#[test]
fn answers_that_nobody_takes_take_bounded_memory_together() {
    use frames::*;
    let server = Server::start_with(Limits { answers_bytes: 20_000_000, idle: SOON.idle, ..Limits::default() });
    let large = format!("{{\"displayName\":\"{}\"}}", "x".repeat(4_000_000));
    assert_eq!(statuses(&exchange(&server, patch(&large))), "200");
    // Ten streams of a connection, whose client grants no room for what comes.
    let head = literal(&literal(&[0x82, 0x86], 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
    let requests = (0..10).map(|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head));
    let seen = exchange_and(&server, [begin(), requests.collect::<Vec<_>>().concat()].concat(), false);
    assert!(frames_of(&seen).contains("reset INTERNAL_ERROR"), "{}", frames_of(&seen));
    // When they are gone there is room again, for whoever takes it.
    for _ in 0..10 {
        assert!(exchange(&server, target(ENTITY).into_bytes()).len() > 4_000_000);
    }
}

#[test]
fn a_head_may_be_as_large_as_its_limit_says() {
    let server = Server::start_with(Limits { head_bytes: 1_000_000, ..Limits::default() });
    let with = |size: usize| exchange(&server, get_with(&format!("x: {}\r\n", "a".repeat(size))).into_bytes());
    assert_eq!(statuses(&with(900_000)), "200");
    assert_eq!(statuses(&with(1_100_000)), "431");
    // A limit below what the library can do is one all the same.
    let server = Server::start_with(Limits { head_bytes: 1_000, ..Limits::default() });
    server.assert_answers();
}

#[test]
fn bodies_that_wait_take_bounded_memory_together() {
    let limits = Limits { bodies_bytes: 4 * 1024 * 1024, ..Limits::default() };
    let server = Server::start_with(limits);
    let begin = |piece: usize| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let announced = head("PATCH", "Content-Length: 4000000\r\n\r\n");
        let _ = stream.write_all(announced.as_bytes()).and_then(|()| stream.write_all(&vec![b' '; piece]));
        stream
    };
    let waiting: Vec<TcpStream> = (0..4).map(|_| begin(3_000_000)).collect();
    // Of four, one has room at most; the others are cut.
    let cut = waiting.iter().filter(|stream| is_cut(stream));
    assert!(cut.count() >= 2);
    drop(waiting);
    server.assert_answers();
}
