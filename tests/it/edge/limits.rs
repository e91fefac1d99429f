//! The limits of a server on the resources of many clients together.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wfi_emulator::internals::edge::server::ServerLimits;
use wfi_emulator::internals::policy::behavior::Behaviors;
use wfi_emulator::internals::world::fault;
use wfi_emulator::internals::world::settings::Settings;

use crate::edge::abuse::{ENTITY, PATIENCE, SOON, exchange, exchange_and, get_with, head, patch, statuses, target};
use crate::edge::abuse_http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, WINDOW_UPDATE, begin, frame, frames_of, get, header,
    literal,
};
use crate::edge::http::Server;
use crate::support::harness;

#[test]
fn idle_connections_make_room_for_others() {
    let server = Server::start_with(ServerLimits { connections: 20, ..ServerLimits::default() });
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let started = Instant::now();
    // It waits until the idle time is over, which is shorter for a crowd.
    let seen = exchange(&server, target("/_emulator/health").into_bytes());
    assert_eq!(statuses(&seen), "200");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn thousands_of_idle_connections_do_not_disturb_other_clients() {
    let server = Server::start_with(ServerLimits::default());
    // Descriptors of a process are limited, and each connection takes two.
    let idle: Vec<TcpStream> = (0..2_000).map_while(|_| TcpStream::connect(server.address).ok()).collect();
    assert!(idle.len() >= 300, "{} connections", idle.len());
    drop(idle);
    server.assert_answers();
}

#[test]
fn the_first_pieces_of_unfinished_bodies_count_too() {
    let server = Server::start_with(ServerLimits { bodies_bytes: 1_500_000, ..ServerLimits::default() });
    let warmed = |_| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A client that has sent much is read from in larger pieces.
        let much = [head("PATCH", "Content-Length: 1000000\r\n\r\n").into_bytes(), vec![b' '; 1_000_000]].concat();
        stream.write_all(&much).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream
    };
    let mut waiting: Vec<TcpStream> = (0..30).map(warmed).collect();
    let start = [head("PATCH", "Content-Length: 200000\r\n\r\n").into_bytes(), vec![b' '; 100_000]].concat();
    for stream in &mut waiting {
        stream.write_all(&start).unwrap();
    }
    // Together they want 6 MB. Those that have stalled make room for one that goes on.
    assert_eq!(statuses(&exchange(&server, upload(500_000))), "200");
    assert!(waiting.iter().any(is_cut));
    server.assert_answers();
}

/// Whether a connection has ended.
fn is_cut(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let read = (&*stream).read(&mut [0]);
    !matches!(read, Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
}

/// Starts a server that takes texts of several megabytes.
fn with_long_texts(limits: ServerLimits) -> Server {
    let mut behaviors = Behaviors::default();
    behaviors.set("text-length", "any").unwrap();
    Server::with(harness::settings(behaviors), limits)
}

#[test]
fn unread_answers_take_bounded_memory_together() {
    let limits = ServerLimits { answers_bytes: 20_000_000, idle: SOON.idle, ..ServerLimits::default() };
    let server = with_long_texts(limits);
    let large = format!("{{\"displayName\":\"{}\"}}", "x".repeat(4_000_000));
    assert_eq!(statuses(&exchange(&server, patch(&large))), "200");
    // Ten streams of a connection whose client grants no flow-control window.
    let head = literal(&literal(&[0x82, 0x86], 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
    let requests = (0..10).map(|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head));
    let seen = exchange_and(&server, [begin(), requests.collect::<Vec<_>>().concat()].concat(), false);
    assert!(frames_of(&seen).contains("reset INTERNAL_ERROR"), "{}", frames_of(&seen));
    // After they end, there is room for others again.
    for _ in 0..10 {
        assert!(exchange(&server, target(ENTITY).into_bytes()).len() > 4_000_000);
    }
}

#[test]
fn a_read_that_has_no_room_for_its_answer_is_refused_and_a_write_is_not() {
    let server = with_long_texts(ServerLimits { answers_bytes: 5_000_000, ..ServerLimits::default() });
    let large = format!("{{\"displayName\":\"{}\"}}", "x".repeat(4_000_000));
    assert_eq!(statuses(&exchange(&server, patch(&large))), "200");
    // A client of HTTP/2 that widens no window takes 64 KiB of the answer.
    let request = literal(&literal(&[0x82, 0x86], 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
    let (unread, _) = begin_answer(&server, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &request));
    let seen = String::from_utf8(exchange(&server, target(ENTITY).into_bytes())).unwrap();
    assert_eq!(statuses(seen.as_bytes()), "429");
    assert!(seen.to_ascii_lowercase().contains("retry-after: 1\r\n"), "{seen}");
    assert!(seen.contains("unsent responses exceed the memory limit"), "{seen}");
    // A write has happened, so it is not refused: its connection ends.
    let seen = exchange(&server, patch(&large.replacen("xx", "yy", 1)));
    assert_eq!(statuses(&seen), "closed without an answer");
    drop(unread);
    let started = Instant::now();
    while exchange(&server, target(ENTITY).into_bytes()).len() < 4_000_000 {
        assert!(started.elapsed() < PATIENCE);
    }
    let seen = String::from_utf8(exchange(&server, target(ENTITY).into_bytes())).unwrap();
    assert!(seen.contains("\"displayName\":\"yyx"));
    server.assert_answers();
}

#[test]
fn a_part_of_a_file_counts_as_the_file_that_it_keeps_in_memory() {
    let limits = ServerLimits { answers_bytes: 40_000_000, idle: SOON.idle, ..ServerLimits::default() };
    let mut behaviors = Behaviors::default();
    behaviors.set("file-content", "direct").unwrap();
    let server = Server::with(harness::settings(behaviors), limits);
    let file = "/v1.0/me/drive/root:/a.bin:/content";
    let send = |method: &str, target: &str, more: &str, body: &[u8]| {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{more}Content-Length: {}\r\n\r\n", body.len());
        exchange(&server, [head.as_bytes(), body].concat())
    };
    let session = send("POST", &file.replace("content", "createUploadSession"), "Content-Type: application/json\r\n", b"{}");
    let session = String::from_utf8(session).unwrap();
    let url = session.split("\"uploadUrl\":\"http://localhost").nth(1).unwrap().split('"').next().unwrap();
    let fragment = 12 * 320 * 1024;
    for number in 0..5 {
        let (from, to) = (number * fragment, (number + 1) * fragment - 1);
        let seen = send("PUT", url, &format!("Content-Range: bytes {from}-{to}/{}\r\n", 5 * fragment), &vec![b'x'; fragment]);
        assert_eq!(statuses(&seen), if number < 4 { "202" } else { "201" });
    }
    // Two unread parts of 9 MB, which have room for themselves, but not as two files of 20 MB.
    let both = |range: &[u8]| {
        let head = literal(&literal(&[0x82, 0x86], 0x04, file.as_bytes()), 0x01, b"localhost");
        let head = header(&head, b"range", range);
        let requests = (0..2).map(|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head));
        frames_of(&exchange_and(&server, [begin(), requests.collect::<Vec<_>>().concat()].concat(), false))
    };
    let seen = both(b"bytes=0-8999999");
    assert!(seen.contains("reset INTERNAL_ERROR"), "{seen}");
    // Short parts are copies, which keep nothing else.
    let seen = both(b"bytes=0-3999999");
    assert!(!seen.contains("reset"), "{seen}");
}

#[test]
fn a_head_may_be_as_large_as_its_limit() {
    let server = Server::start_with(ServerLimits { head_bytes: 1_000_000, ..ServerLimits::default() });
    let with = |size: usize| exchange(&server, get_with(&format!("x: {}\r\n", "a".repeat(size))).into_bytes());
    assert_eq!(statuses(&with(900_000)), "200");
    assert_eq!(statuses(&with(1_100_000)), "431");
    // A limit below the minimum of the library holds too.
    let server = Server::start_with(ServerLimits { head_bytes: 1_000, ..ServerLimits::default() });
    server.assert_answers();
}

#[test]
fn unfinished_bodies_take_bounded_memory_together() {
    let server = with_long_texts(ServerLimits { bodies_bytes: 4 * 1024 * 1024, ..ServerLimits::default() });
    let begin = |piece: usize| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let announced = head("PATCH", "Content-Length: 3500000\r\n\r\n");
        let _ = stream.write_all(announced.as_bytes()).and_then(|()| stream.write_all(&vec![b' '; piece]));
        stream
    };
    let waiting: Vec<TcpStream> = (0..4).map(|_| begin(3_000_000)).collect();
    // Only one of four has room; the others wait until it has stalled for long enough to be closed.
    assert_eq!(statuses(&exchange(&server, upload(3_000_000))), "200");
    assert!(waiting.iter().any(is_cut));
    drop(waiting);
    server.assert_answers();
}

#[test]
fn a_body_that_can_never_have_room_is_refused_at_once() {
    let server = Server::start_with(ServerLimits { bodies_bytes: 1_000_000, ..ServerLimits::default() });
    let mut innocent = TcpStream::connect(server.address).unwrap();
    innocent.write_all(&[head("PATCH", "Content-Length: 2000\r\n\r\n").into_bytes(), vec![b' '; 1_000]].concat()).unwrap();
    let import = |length: usize| {
        let head = format!(
            "PUT /_emulator/worlds/default/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.into_bytes(), vec![b' '; length]].concat()
    };
    let started = Instant::now();
    let seen = exchange(&server, import(1_500_000));
    assert_eq!(statuses(&seen), "413", "{}", String::from_utf8_lossy(&seen));
    assert!(started.elapsed() < PATIENCE);
    assert!(!is_cut(&innocent), "no connection is closed in vain");
    // A smaller body is read.
    assert_eq!(statuses(&exchange(&server, import(800_000))), "400");
}

/// An HTTP/2 connection that sends frames by hand and reads no answers.
struct Hoarder {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Bytes that it may send.
    window: usize,
}

impl Hoarder {
    /// Connects without granting a window for answers.
    fn connect(server: &Server) -> Hoarder {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        stream.write_all(&[begin(), frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()).unwrap();
        Hoarder { stream, unread: Vec::new(), window: 65_535 }
    }

    fn send(&mut self, bytes: &[u8]) {
        // The server may have closed the connection.
        let _ = self.stream.write_all(bytes);
    }

    /// Reads what has arrived. Returns whether the connection is open.
    fn is_open(&mut self) -> bool {
        let mut piece = [0; 4096];
        let is_open = match self.stream.read(&mut piece) {
            Ok(length) => {
                self.unread.extend_from_slice(&piece[..length]);
                length > 0
            }
            Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        };
        while let Some((head, behind)) = self.unread.split_at_checked(9) {
            let length = usize::from(head[1]) * 256 + usize::from(head[2]);
            let Some((payload, behind)) = behind.split_at_checked(length) else { break };
            if head[3] == WINDOW_UPDATE && head[5..9] == [0; 4] {
                self.window += u32::from_be_bytes(payload.try_into().unwrap()) as usize;
            }
            self.unread = behind.to_vec();
        }
        is_open
    }

    /// Sends PINGs for a time. Returns whether the connection is open.
    fn ping_for(&mut self, time: Duration) -> bool {
        let started = Instant::now();
        loop {
            self.send(&frame(PING, 0, 0, &[7; 8]));
            if !self.is_open() {
                return false;
            }
            if started.elapsed() >= time {
                return true;
            }
        }
    }

    fn request(&mut self, stream: u32) {
        let head = literal(&literal(&[0x82, 0x86], 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
        self.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &head));
    }

    /// Begins an upload, up to its last byte, as far as the server reads it within a time.
    fn upload(&mut self, stream: u32, length: usize) {
        let head = literal(&literal(&literal(&[0x86], 0x02, b"PATCH"), 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
        let head = header(&header(&head, b"content-type", b"application/json"), b"content-length", length.to_string().as_bytes());
        self.send(&frame(HEADERS, END_HEADERS, stream, &head));
        let (mut left, started) = (length - 1, Instant::now());
        while left > 0 && started.elapsed() < Duration::from_millis(300) && self.is_open() {
            let piece = left.min(self.window).min(16_384);
            self.send(&frame(DATA, 0, stream, &vec![b' '; piece]));
            (left, self.window) = (left - piece, self.window - piece);
        }
    }
}

/// Returns the answer of HTTP/2 to frames.
fn first_answer(server: &Server, frames: &[u8]) -> String {
    begin_answer(server, frames).1
}

/// Returns a connection of HTTP/2 and what has begun to arrive on it. The client reads no more.
fn begin_answer(server: &Server, frames: &[u8]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[&begin(), frames].concat()).unwrap();
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    while !frames_of(&seen).contains("answers") {
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => seen.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
    (stream, frames_of(&seen))
}

/// Returns a change with a long name, whose body comes in several pieces.
fn upload(name_length: usize) -> Vec<u8> {
    patch(&format!("{{\"displayName\":\"{}\"}}", "x".repeat(name_length)))
}

#[test]
fn connections_that_hoard_memory_and_send_pings_give_way_to_others() {
    let limits = ServerLimits { bodies_bytes: 2_000_000, answers_bytes: 4_000_000, ..ServerLimits::default() };
    let server = Server::start_with(limits);
    assert_eq!(statuses(&exchange(&server, upload(300_000))), "200");
    let is_done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        for _ in 0..6 {
            let (mut hoarder, sender) = (Hoarder::connect(&server), sender.clone());
            scope.spawn(move || {
                for stream in 0..16 {
                    hoarder.request(stream * 4 + 1);
                    hoarder.upload(stream * 4 + 3, 60_000);
                }
                sender.send(()).unwrap();
                let started = Instant::now();
                while !is_done.load(Ordering::Relaxed) && started.elapsed() < PATIENCE * 3 {
                    if !hoarder.ping_for(Duration::from_millis(50)) {
                        break;
                    }
                }
            });
        }
        for _ in 0..6 {
            receiver.recv().unwrap();
        }
        for round in 0..3 {
            let started = Instant::now();
            let health = first_answer(&server, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &get()));
            assert!(health.contains("answers 200"), "{health}");
            assert!(started.elapsed() < PATIENCE / 4, "health in round {round}: {:?}", started.elapsed());
            assert_eq!(statuses(&exchange(&server, upload(300_000))), "200", "upload in round {round}");
            assert!(exchange(&server, target(ENTITY).into_bytes()).len() > 300_000, "download in round {round}");
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn an_answer_that_is_not_read_is_dropped_in_time() {
    let server = with_long_texts(ServerLimits { answer: Duration::from_millis(1500), ..ServerLimits::default() });
    assert_eq!(statuses(&exchange(&server, upload(4_000_000))), "200");
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // More than the buffers of the system take.
    stream.write_all(target(ENTITY).repeat(20).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let (mut seen, mut piece) = (0, vec![0; 64 * 1024]);
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        seen += length;
    }
    assert!(seen < 60_000_000, "{seen} bytes");
    // A client that reads slowly, but reads, gets all of it.
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(
            format!("{}{}", target(ENTITY).repeat(3), target("/_emulator/health").replace("Host", "Connection: close\r\nHost"))
                .as_bytes(),
        )
        .unwrap();
    let mut seen = 0;
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        seen += length;
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(seen > 12_000_000, "{seen} bytes");
}

#[test]
fn further_requests_on_a_connection_of_http_2_wait() {
    let server = Server::start_with(ServerLimits { requests: 3, ..ServerLimits::default() });
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&begin()).unwrap();
    let mut seen = [0; 64];
    let length = stream.read(&mut seen).unwrap();
    // SETTINGS_MAX_CONCURRENT_STREAMS; clients keep further requests back.
    assert!(seen[..length].windows(6).any(|setting| setting == [0, 3, 0, 0, 0, 3]), "{:?}", &seen[..length]);
}

#[test]
fn requests_that_wait_for_a_connector_take_bounded_memory_together() {
    let connector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = with_long_texts(ServerLimits { bodies_bytes: 8_000_000, ..ServerLimits::default() });
    let schedule = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    let send = |method: &str, path: &str, body: &[u8], more: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let url = format!("{{\"url\":\"http://{}\"}}", connector.local_addr().unwrap());
    assert_eq!(statuses(&exchange(&server, patch(&url))), "200");
    let id = ENTITY.rsplit('/').next().unwrap();
    let binding = format!("{{\"enabled\":true,\"timeZone\":\"UTC\",\"workforceIntegrationIds\":[\"{id}\"]}}");
    assert_eq!(statuses(&exchange(&server, send("PUT", schedule, binding.as_bytes(), ""))), "200");
    // A few kilobytes, whose message to the connector has a megabyte.
    let shift = format!(
        "{{\"userId\":\"u\",\"schedulingGroupId\":\"TAG_920670e8-1218-5db1-a318-17f90cf7aa75\",\"sharedShift\":{{\"startDateTime\":\"2024-10-12T15:00:00Z\",\"endDateTime\":\"2024-10-12T16:00:00Z\",\"notes\":\"{}\"}}}}",
        "x".repeat(1_000_000)
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(shift.as_bytes()).unwrap();
    let request = send("POST", &format!("{schedule}/shifts"), &gzip.finish().unwrap(), "Content-Encoding: gzip\r\n");
    let waiting: Vec<TcpStream> = (0..10)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(&request).unwrap();
            stream
        })
        .collect();
    let (started, mut answers) = (Instant::now(), vec![String::new(); waiting.len()]);
    // Each needs two megabytes or more, and a sixteenth is reserved.
    while answers.iter().filter(|answer| !answer.is_empty()).count() < 7 {
        // Each megabyte takes a busy machine seconds without optimization.
        assert!(started.elapsed() < 6 * PATIENCE, "{answers:?}");
        for (mut stream, answer) in waiting.iter().zip(&mut answers) {
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut seen = vec![0; 4096];
            if let Ok(length) = stream.read(&mut seen) {
                *answer = String::from_utf8_lossy(&seen[..length]).into_owned();
            }
        }
    }
    for answer in answers.iter().filter(|answer| !answer.is_empty()) {
        assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 1"), "{answer}");
        assert!(answer.contains("emulatorMemory"), "{answer}");
    }
    assert!(answers.iter().any(String::is_empty), "some wait for the connector");
    // Their memory is given back.
    drop((waiting, connector));
    let started = Instant::now();
    while statuses(&exchange(&server, upload(3_000_000))) != "200" {
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn a_connection_that_has_stalled_gives_way_to_another() {
    let rules = r#"[{"name":"silent","on":{"method":"GET"},"do":{"silence":true}},
        {"name":"late","on":{"method":"DELETE"},"do":{"delay":30000}}]"#;
    for (name, start) in [
        ("a body that does not arrive", head("PATCH", "Content-Length: 100\r\n\r\nx")),
        ("silence", target(ENTITY)),
        ("a head that does not arrive", "GET / HTTP/1.1\r\nHost: ".to_owned()),
    ] {
        let faults = fault::read("rules.json", rules.as_bytes()).unwrap();
        let settings = Settings { faults, ..harness::settings(Behaviors::default()) };
        let server = Server::with(settings, ServerLimits { connections: 8, ..ServerLimits::default() });
        let begin = |start: &str| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(start.as_bytes()).unwrap();
            stream
        };
        // The server works on it, or pauses.
        let late = begin(&target(ENTITY).replace("GET", "DELETE"));
        let stalled: Vec<TcpStream> = (0..7).map(|_| begin(&start)).collect();
        let further: Vec<TcpStream> = (0..3).map(|_| begin(&start)).collect();
        let started = Instant::now();
        let seen = exchange(&server, target("/_emulator/health").into_bytes());
        assert_eq!(statuses(&seen), "200", "{name}");
        assert!(started.elapsed() < PATIENCE / 4, "{name}: {:?}", started.elapsed());
        assert_eq!(stalled.iter().filter(|stream| is_cut(stream)).count(), 4, "{name}: no more are closed than needed");
        assert!(!is_cut(&late), "{name}: a request that the server works on has not stalled");
        drop(further);
    }
}

/// Starts a server that consults connectors about new integrations, and returns a request for one of this name, packed.
fn with_handshakes(limits: ServerLimits, connector: &std::net::TcpListener, name: &str) -> (Server, Vec<u8>) {
    let mut behaviors = Behaviors::default();
    behaviors.set("text-length", "any").unwrap();
    behaviors.set("connect", "enforce").unwrap();
    let server = Server::with(harness::settings(behaviors), limits);
    let integration = format!(
        r#"{{"displayName":"{name}","apiVersion":1,"url":"http://{}","encryption":{{"protocol":"sharedSecret","secret":"{}"}}}}"#,
        connector.local_addr().unwrap(),
        "s".repeat(64)
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(integration.as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let head = format!(
        "POST /v1.0/teamwork/workforceIntegrations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (server, [head.into_bytes(), body].concat())
}

#[test]
fn what_a_request_needs_after_its_call_counts_too() {
    let connector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let limits = ServerLimits { bodies_bytes: 4_000_000, ..ServerLimits::default() };
    // About a kilobyte, with a name of a megabyte; the message to the connector has a hundred bytes.
    let (server, request) = with_handshakes(limits, &connector, &"x".repeat(1_000_000));
    let mut waiting: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut waiting {
        stream.write_all(&request).unwrap();
    }
    let (started, mut refused) = (Instant::now(), vec![false; waiting.len()]);
    while refused.iter().filter(|refused| **refused).count() < 7 {
        assert!(started.elapsed() < PATIENCE, "{refused:?}");
        for (mut stream, refused) in waiting.iter().zip(&mut refused).filter(|(_, refused)| !**refused) {
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let mut seen = vec![0; 4096];
            if let Ok(length) = stream.read(&mut seen) {
                let answer = String::from_utf8_lossy(&seen[..length]).into_owned();
                assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
                *refused = true;
            }
        }
    }
    assert!(refused.contains(&false), "some wait for the connector");
}

#[test]
fn the_call_of_a_client_that_has_left_ends() {
    let connector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (server, request) = with_handshakes(ServerLimits::default(), &connector, "n");
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(&request).unwrap();
    let (mut called, _) = connector.accept().unwrap();
    called.set_read_timeout(Some(PATIENCE / 2)).unwrap();
    assert!(called.read(&mut [0; 4096]).unwrap() > 0);
    drop(stream);
    let started = Instant::now();
    while called.read(&mut [0; 4096]).expect("the call has ended before its own timeout") > 0 {}
    assert!(started.elapsed() < PATIENCE / 4, "{:?}", started.elapsed());
}

#[test]
fn heads_of_http_2_whose_bodies_are_awaited_take_bounded_memory_together() {
    let server = Server::start_with(ServerLimits { bodies_bytes: 4_000_000, ..ServerLimits::default() });
    let start = literal(&literal(&literal(&[0x86], 0x02, b"PATCH"), 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
    let more = header(&[], b"x", &[b'x'; 15_000]);
    let open = |stream: u32| {
        let middle = frame(CONTINUATION, 0, stream, &more).repeat(3);
        [frame(HEADERS, 0, stream, &start), middle, frame(CONTINUATION, END_HEADERS, stream, &more)].concat()
    };
    // Together they hold five megabytes.
    let frames = [begin(), (0..20).flat_map(|number| open(number * 2 + 1)).collect()].concat();
    let mut connections: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut connections {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        // It may be closed before all is sent.
        let _ = stream.write_all(&frames);
    }
    let (started, mut seen, mut is_over) = (Instant::now(), vec![Vec::new(); 4], false);
    while !is_over {
        assert!(started.elapsed() < PATIENCE / 2, "{:?}", seen.iter().map(|seen| frames_of(seen)).collect::<Vec<_>>());
        for (stream, seen) in connections.iter_mut().zip(&mut seen) {
            let mut piece = [0; 4096];
            match stream.read(&mut piece) {
                Ok(length) => {
                    seen.extend_from_slice(&piece[..length]);
                    is_over |= length == 0 || frames_of(seen).contains("reset");
                }
                Err(error) => {
                    is_over |= !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
                }
            }
        }
    }
    let health = first_answer(&server, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &get()));
    assert!(health.contains("answers 200"), "{health}");
    assert_eq!(statuses(&exchange(&server, upload(100_000))), "200", "others have room");
}
