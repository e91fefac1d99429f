//! Hostile HTTP/2: hand-written frames.

use std::collections::BTreeMap;

use wfi_emulator::internals::edge::server::ServerLimits;

use crate::edge::abuse::{Abuse, ENTITY, SOON, abuse, exchange_and, target, with_reasons};
use crate::edge::http::Server;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of `GET /_emulator/health`, which needs no token: two entries of the static table, two literals.
pub(crate) fn get() -> Vec<u8> {
    literal(&literal(&[0x82, 0x86], 0x04, b"/_emulator/health"), 0x01, b"localhost")
}

/// Adds a header whose name is an entry of the static table.
pub(crate) fn literal(block: &[u8], name: u8, value: &[u8]) -> Vec<u8> {
    [block, &[name, u8::try_from(value.len()).unwrap()], value].concat()
}

/// Adds a header with a literal name.
pub(crate) fn header(block: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |text: &[u8]| -> Vec<u8> {
        // An integer with a prefix of seven bits (RFC 7541, section 5.1).
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

pub(crate) fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

pub(crate) fn http2() -> Vec<Abuse> {
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
            "rapid reset by invalid frames: 10,000 zero window updates",
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
        abuse("a head interrupted by another frame", with(vec![frame(HEADERS, END_STREAM, 1, &get()), request(3)])),
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
            "an index outside of the table",
            with(vec![frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0x07])]),
        ),
        abuse("SETTINGS flood", with(vec![many(50_000, frame(SETTINGS, 0, 0, &[]))])),
        abuse("PING flood", with(vec![many(50_000, frame(PING, 0, 0, &[7; 8]))])),
        abuse("PRIORITY flood", with(vec![many(50_000, frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]))])),
        abuse("a stream that depends on itself", with(vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 1])])),
        abuse("100,000 empty DATA frames", with(vec![open(1), many(100_000, frame(DATA, 0, 1, &[]))])),
        abuse("a window beyond 31 bits", with(vec![frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])])),
        abuse(MORE_THAN_THE_WINDOW, with(vec![open(1), many(200, frame(DATA, 0, 1, &[0; 16_384]))])),
        abuse("a frame larger than allowed", with(vec![frame(DATA, 0, 1, &[0; 20_000])])),
        abuse("a frame of an unknown kind", with(vec![frame(99, 0xff, 1, b"x"), request(1)])),
        abuse("a stream with an even number", with(vec![request(2)])),
        abuse("decreasing stream numbers", with(vec![request(5), request(3)])),
        abuse("data before a head", with(vec![frame(DATA, END_STREAM, 1, b"x")])),
        abuse("a push promise from a client", with(vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])])),
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
            "connection-specific headers (Transfer-Encoding)",
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
            "a length that differs from the body",
            with(vec![
                frame(HEADERS, END_HEADERS, 1, &header(&get(), b"content-length", b"9")),
                frame(DATA, END_STREAM, 1, b"x"),
            ]),
        ),
        abuse("the preface and then HTTP/1", [PREFACE, target(ENTITY).as_bytes()].concat()),
        abuse("nothing after the preface", PREFACE),
    ]
}

/// The received frames as text.
pub(crate) fn frames_of(seen: &[u8]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut rest = seen;
    while let Some((head, behind)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, behind)) = behind.split_at_checked(length) else { break };
        let code = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |code| u32::from_be_bytes(*code));
        match head[3] {
            HEADERS => *counts.entry(format!("answers {}", status_of(payload))).or_default() += 1,
            RST_STREAM => *counts.entry(format!("reset {}", error_name(code(payload)))).or_default() += 1,
            GOAWAY => {
                let (name, reason) = (error_name(code(&payload[4..])), String::from_utf8_lossy(&payload[8..]).into_owned());
                let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
                *counts.entry(format!("the connection ends with {name}{reason}")).or_default() += 1;
            }
            _ => {}
        }
        rest = behind;
    }
    let texts: Vec<String> = counts.into_keys().collect();
    if texts.is_empty() { "the connection ends".to_owned() } else { texts.join("; ") }
}

/// Returns the status of an answer: the first field of its head, mostly an entry of the static table (RFC 7541, appendix A).
fn status_of(head: &[u8]) -> &'static str {
    // Others are literals, here in the code of Huffman.
    match head {
        [0x88, ..] => "200",
        [0x89, ..] => "204",
        [0x8c, ..] => "400",
        [0x8d, ..] => "404",
        [0x8e, ..] => "500",
        _ => "with another status",
    }
}

/// Returns the name of an error code (RFC 9113, section 7).
fn error_name(code: u32) -> &'static str {
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

pub(crate) fn outcomes_in_frames(rows: Vec<Abuse>) -> Vec<(&'static str, String)> {
    rows.into_iter()
        .map(|Abuse { name, bytes }| {
            let mut server = Server::logging(ServerLimits { idle: SOON.idle, ..ServerLimits::default() });
            // In HTTP/2, a client that closes its sending half wants no more answers.
            let outcome = frames_of(&exchange_and(&server, bytes, false));
            server.assert_answers();
            server.stop();
            let outcome = with_reasons(outcome, &[], &server.log);
            (name, if name == MORE_THAN_THE_WINDOW { whichever_window(outcome) } else { outcome })
        })
        .collect()
}

const MORE_THAN_THE_WINDOW: &str = "more data than the window allows";

/// The data of one stream fills its window and that of its connection. Which one it exceeds first depends on how much of the data the
/// handler has read by then, so both outcomes are one row.
fn whichever_window(outcome: String) -> String {
    const OF_THE_STREAM: &str = "reset FLOW_CONTROL_ERROR: request aborted: error reading a body from connection: stream error \
                                 detected: flow-control protocol violated; connection closed: idle for too long";
    match outcome.as_str() {
        "the connection ends with FLOW_CONTROL_ERROR" | OF_THE_STREAM => {
            "the connection ends with FLOW_CONTROL_ERROR, or the stream is reset with it".to_owned()
        }
        _ => outcome,
    }
}
