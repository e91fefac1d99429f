//! Trouble from the machine: a full disk, unreadable files, no descriptors left, a clock that goes back, a signal under load.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Request;
use wfi_emulator::emulator::Emulator;
use wfi_emulator::internals::world::clock::Clock;
use wfi_emulator::internals::world::fault;

use crate::program::process::{Folder, Program, Served, command, outcome, resident_mib};
use crate::support::harness::HOST;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the program, started by a shell after a command that restricts it.
fn under(shell: &str, arguments: &[&str]) -> Command {
    let program = command(arguments, &[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(program.get_program()).args(program.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn address_of(program: &Program) -> String {
    let line = program.stdout.recv_timeout(PATIENCE).unwrap();
    line.trim().strip_prefix("http://").unwrap().to_owned()
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request that closes the connection, and returns the answer.
fn get(address: &str, target: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(target_os = "linux")]
#[test]
fn connections_that_have_sent_much_hold_little_memory() {
    let program = Program::start(command(&["--port", "0", "--journal", "0"], &[]));
    let address = address_of(&program);
    let resident = || resident_mib(program.child.id()).unwrap();
    let before = resident();
    let head =
        format!("PATCH {ENTITY} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n");
    let body = vec![b' '; 3_000_000];
    let connections: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(&address);
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream
        })
        .collect();
    // The buffers of the library alone come to 124 MiB. The memory of the bodies is released a second later.
    let deadline = Instant::now() + PATIENCE;
    while resident() - before > 50.0 {
        assert!(Instant::now() < deadline, "{} connections keep {:.1} MiB", connections.len(), resident() - before);
        std::thread::sleep(Duration::from_millis(100));
        get(&address, ENTITY);
    }
}

/// The bytes of a world in `docs/security.md`.
#[cfg(target_os = "linux")]
#[test]
fn a_world_takes_no_more_memory_than_the_page_on_security_says() {
    const COUNT: u32 = 2000;
    let program = Program::start(command(&["--port", "0", "--journal", "0", "--log", "off"], &[]));
    let address = address_of(&program);
    let resident = || resident_mib(program.child.id()).unwrap();
    let write = |number: u32| {
        let mut stream = connect(&address);
        let body = r#"{"displayName":"x"}"#;
        let head = format!(
            "PATCH /_world/w{number}{ENTITY} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    };
    (0..100).for_each(write);
    let before = resident();
    (100..100 + COUNT).for_each(write);
    let kib = (resident() - before) * 1024.0 / f64::from(COUNT);
    assert!(kib <= 16.0, "{kib:.1} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn entities_take_no_more_memory_than_the_limit_of_all_stores() {
    let arguments = ["--port", "0", "--journal", "0", "--log", "off", "--store-bytes", "67108864"];
    let program = Program::start(command(&arguments, &[]));
    let address = address_of(&program);
    let resident = || resident_mib(program.child.id()).unwrap();
    let before = resident();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!(r#"{{"displayName":"{}"}}"#, "x".repeat(1_000_000)).as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for number in 0..250 {
        let mut stream = connect(&address);
        let target = format!("/_world/w{}{COLLECTION}", number % 5);
        let length = body.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        *statuses.entry(status).or_default() += 1;
    }
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [201, 413], "{statuses:?}");
    let deadline = Instant::now() + PATIENCE;
    while resident() - before > 128.0 {
        assert!(Instant::now() < deadline, "{:.1} MiB for {statuses:?}", resident() - before);
        std::thread::sleep(Duration::from_millis(100));
        get(&address, ENTITY);
    }
    println!("{:.1} MiB more, {statuses:?}", resident() - before);
}

#[test]
fn a_full_disk_leaves_the_saved_state_intact() {
    let folder = Folder::new("full");
    let state = folder.file("state.json", r#"{"workforceIntegrations":[{"id":"kept"}]}"#);
    let before = fs::read(&state).unwrap();
    // No file may have more than 1 KiB, as on a full disk; the signal that accompanies the limit is ignored.
    let program = Program::start(under("trap '' XFSZ; ulimit -f 2", &["--port", "0", "--log", "off", "--state", &state]));
    let address = address_of(&program);
    assert!(get(&address, &format!("{COLLECTION}/kept")).starts_with("HTTP/1.1 200"));
    let body = format!("{{\"displayName\":\"{}\"}}", "n".repeat(2_000));
    let mut stream = connect(&address);
    let head = format!("Host: {HOST}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
    stream.write_all(format!("PATCH {COLLECTION}/kept HTTP/1.1\r\n{head}\r\n\r\n{body}").as_bytes()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    program.signal("-TERM");
    let ended = program.outcome();
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&format!("wfi-emulator: {state}: File too large")), "{ended:?}");
    assert!(ended.stderr.contains("wfi-emulator: state lost: "), "a copy does not fit either: {ended:?}");
    assert_eq!(fs::read(&state).unwrap(), before);
    let left: Vec<_> = fs::read_dir(std::path::Path::new(&state).parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left behind: {left:?}");
}

#[test]
fn a_recording_on_a_full_disk_ends_with_a_complete_exchange() {
    let folder = Folder::new("full-recording");
    let upstream = Served::start(&["--log", "off"]);
    let arguments = ["record", "--upstream", &upstream.url, "--out", folder.path(), "--port", "0"];
    // One exchange with the list fits into 4 KiB, and a second one does not.
    let program = Program::start(under("trap '' XFSZ; ulimit -f 8", &arguments));
    let address = address_of(&program);
    for _ in 0..3 {
        assert!(get(&address, COLLECTION).starts_with("HTTP/1.1 200"), "what cannot be recorded passes all the same");
    }
    program.signal("-TERM");
    let ended = program.outcome();
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("recorded-0001.hurl: File too large (os error 27) (exchanges recorded before: 1)"),
        "{ended:?}"
    );
    let text = fs::read_to_string(folder.0.join("recorded-0001.hurl")).unwrap();
    assert_eq!(wfi_emulator::internals::text::exchange::read(&text).map(|exchanges| exchanges.len()), Ok(1), "{text}");
}

#[test]
fn a_conversion_on_a_full_disk_leaves_nothing_behind() {
    let folder = Folder::new("full-conversion");
    let file = folder.file("a.hurl", "GET {{base}}/v1.0/xy\n\nHTTP 404\n");
    let archive = folder.0.join("a.har");
    let ended = Program::start(under("trap '' XFSZ; ulimit -f 0", &["convert", &file, archive.to_str().unwrap()])).outcome();
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("a.har: File too large") && !archive.exists(), "{ended:?}");
}

#[test]
fn a_recorder_without_a_folder_does_not_start() {
    let folder = Folder::new("no-folder");
    let file = folder.file("file", "");
    let ended = outcome(&["record", "--upstream", "http://127.0.0.1:1", "--out", &format!("{file}/below"), "--port", "0"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
}

#[test]
fn a_comparison_whose_report_cannot_be_written_fails() {
    let folder = Folder::new("full-report");
    let file = folder.file("a.hurl", "GET {{base}}/_emulator/health\n\nHTTP 404\n");
    let mut command = command(&["compare", &file, "--format", "json"], &[]);
    command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ended = Program::start(command).outcome();
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("wfi-emulator: standard output: No space left on device"), "{ended:?}");
}

#[test]
fn a_log_on_a_full_disk_blocks_no_request() {
    let mut command = command(&["--port", "0", "--log", "debug"], &[]);
    command.stderr(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let program = Program::start(command);
    let address = address_of(&program);
    for _ in 0..50 {
        assert!(get(&address, COLLECTION).starts_with("HTTP/1.1 200"));
    }
    program.signal("-TERM");
    assert_eq!(program.outcome().status, Some(0));
}

#[test]
fn output_that_cannot_be_written_is_reported() {
    let mut command = command(&["behaviors"], &[]);
    command.stdout(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).starts_with("wfi-emulator: standard output: No space left"));
}

#[test]
fn unreadable_files_are_reported_by_name() {
    let folder = Folder::new("unreadable");
    let dangling = folder.file("x", "");
    let dangling = format!("{dangling}.json");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    // Reading this file fails for every user, root included.
    for path in ["/proc/self/mem", &dangling] {
        for flag in ["--fixtures", "--faults", "--directory", "--state"] {
            // A missing state file is a new one.
            if (flag, path) == ("--state", &*dangling) {
                continue;
            }
            let ended = outcome(&["--port", "0", flag, path]);
            assert_eq!((ended.status, &*ended.stdout), (Some(2), ""), "{flag} {path}: {ended:?}");
            assert!(ended.stderr.starts_with("wfi-emulator: ") && ended.stderr.contains(path), "{flag} {path}: {ended:?}");
        }
    }
}

#[test]
fn without_descriptors_idle_connections_make_room() {
    let program = Program::start(under("ulimit -n 32", &["--port", "0", "--log", "off"]));
    let address = address_of(&program);
    let idle: Vec<TcpStream> = (0..60).map(|_| connect(&address)).collect();
    let started = Instant::now();
    assert!(get(&address, COLLECTION).starts_with("HTTP/1.1 200"));
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    drop(idle);
    assert!(get(&address, COLLECTION).starts_with("HTTP/1.1 200"));
    program.signal("-TERM");
    assert_eq!(program.outcome().status, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn the_soft_limit_of_descriptors_is_raised() {
    let program = Program::start(under("ulimit -Sn 32; ulimit -Hn 400", &["--port", "0", "--log", "off"]));
    let address = address_of(&program);
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.child.id())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(open_files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["400", "400"], "{open_files}");
    let mut connections: Vec<TcpStream> = (0..200).map(|_| connect(&address)).collect();
    let started = Instant::now();
    for stream in &mut connections {
        stream.write_all(format!("GET {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    }
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[test]
fn a_clock_that_goes_back_stops_nothing() {
    let rules = fault::read("rules.json", br#"[{"name":"few","do":{"limit":{"requests":2,"seconds":60}}}]"#).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
    let emulator = Emulator::builder().clock(now).faults(rules).build();
    let send = |method: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(ENTITY).header("content-type", "application/json");
        emulator.send(request.body(Bytes::from_static(body.as_bytes())).unwrap())
    };
    let statuses = || [(); 3].map(|()| send("GET", "").status().as_u16());
    assert_eq!(statuses(), [200, 200, 429]);
    for back in [Duration::from_secs(1), Duration::from_secs(86_400), Duration::from_secs(1_767_323_045)] {
        emulator.set_clock(|_| Clock::Fixed(now - back)).unwrap();
        // At the latest when the announced time is over.
        let seconds: f64 =
            send("GET", "").headers().get("retry-after").map_or(0.0, |seconds| seconds.to_str().unwrap().parse().unwrap());
        assert!(seconds <= 60.0, "{back:?}: {seconds} s");
        emulator.set_clock(|clock| clock.advanced(60_000)).unwrap();
        assert_eq!(statuses(), [200, 200, 429], "{back:?}");
    }
    emulator.set_faults(Vec::new());
    let changed = send("PATCH", r#"{"apiVersion":7}"#);
    assert_eq!(changed.status(), 200);
    let entity: serde_json::Value = serde_json::from_slice(changed.body()).unwrap();
    assert!(entity["lastModifiedDateTime"].as_str().unwrap().starts_with("1970-01-01T"), "{entity}");
}

#[test]
fn a_signal_under_load_leaves_no_answer_incomplete() {
    let served = Served::start(&["--log", "off"]);
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let mut stream = served.connect();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let answered = &answered;
                scope.spawn(move || {
                    let started = Instant::now();
                    // Until the server closes the connection, or up to a bound.
                    while started.elapsed() < PATIENCE {
                        let request = format!("GET {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
                        if stream.write_all(request.as_bytes()).is_err() {
                            return;
                        }
                        match whole_answer(&mut stream) {
                            Ok(true) => answered.fetch_add(1, Ordering::Relaxed),
                            Ok(false) => return,
                            Err(halfway) => panic!("answered halfway: {halfway}"),
                        };
                    }
                    panic!("the server goes on");
                })
            })
            .collect();
        let started = Instant::now();
        while answered.load(Ordering::Relaxed) < 500 && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        served.program.signal("-TERM");
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert!(answered.load(Ordering::Relaxed) >= 500);
    assert_eq!(served.program.outcome().status, Some(0));
}

/// Reads an answer. Returns whether there was one; as an error, an incomplete one.
fn whole_answer(stream: &mut TcpStream) -> Result<bool, String> {
    let (mut seen, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let text = String::from_utf8_lossy(&seen);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse::<usize>().unwrap();
            if body.len() >= length {
                return Ok(true);
            }
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => seen.extend_from_slice(&piece[..length]),
            // The end, or the refusal of the bytes that follow.
            _ if seen.is_empty() => return Ok(false),
            _ => return Err(text.into_owned()),
        }
    }
}

/// The body of an integration whose connector listens on a port.
fn integration(port: u16) -> String {
    format!(
        r#"{{"displayName": "D", "apiVersion": 1, "url": "http://127.0.0.1:{port}/", "supports": "shift", "encryption":
        {{"protocol": "sharedSecret", "secret": "{}"}}}}"#,
        "s".repeat(64)
    )
}

#[cfg(target_os = "linux")]
#[test]
fn requests_that_wait_for_a_silent_connector_leave_descriptors_to_others() {
    let connector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let body = integration(connector.local_addr().unwrap().port());
    let called = Arc::new(AtomicUsize::new(0));
    let counted = called.clone();
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((stream, _)) = connector.accept() {
            open.push(stream);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let program = Program::start(under("ulimit -n 256", &["--port", "0", "--log", "off", "--behavior", "connect=enforce"]));
    let address = address_of(&program);
    let waiting: Vec<TcpStream> = (0..120)
        .map(|_| {
            let mut stream = connect(&address);
            let head =
                format!("POST {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: ");
            stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    // A quarter of the eighth of the descriptors that calls may take.
    while called.load(Ordering::SeqCst) < 8 && started.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
    // Time for calls beyond the limit, if there were any.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(called.load(Ordering::SeqCst), 8);
    let others: Vec<TcpStream> = (0..60).map(|_| connect(&address)).collect();
    assert!(get(&address, COLLECTION).starts_with("HTTP/1.1 200"));
    drop((waiting, others));
}

#[cfg(target_os = "linux")]
#[test]
fn messages_for_a_silent_connector_take_bounded_memory() {
    use flate2::{Compression, write::GzEncoder};
    const SCHEDULE: &str = "/v1.0/teams/3d88b7a2-f988-4f4b-bb34-d66df66af126/schedule";
    // Connections wait in the queue of the system, so the connector is silent without a thread.
    let connector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let served = Served::start(&["--log", "off", "--journal", "0", "--connector-timeout", "600"]);
    let created = served.exchange("POST", COLLECTION, &integration(connector.local_addr().unwrap().port()));
    let id = created.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("the integration is created");
    let bound = format!(r#"{{"enabled": true, "timeZone": "America/Chicago", "workforceIntegrationIds": ["{id}"]}}"#);
    assert_eq!(served.status("PUT", SCHEDULE, &bound), 200);
    let before = resident_mib(served.program.child.id()).unwrap();
    // Many texts of a moderate length rather than one, which a limit of its own may refuse.
    let name = "a".repeat(2_000);
    let activity = format!(
        r#"{{"isPaid": true, "displayName": "{name}", "startDateTime": "2024-10-12T06:00:00Z", "endDateTime": "2024-10-12T07:00:00Z"}}"#
    );
    let shift = format!(
        r#"{{"userId": "c5d0c76b-80c4-481c-be50-923cd8d680a1", "schedulingGroupId": "TAG_920670e8-1218-5db1-a318-17f90cf7aa75", "sharedShift": {{"startDateTime": "2024-10-12T06:00:00Z",
        "endDateTime": "2024-10-12T16:00:00Z", "activities": [{}]}}}}"#,
        vec![activity; 800].join(",")
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(shift.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let waiting: Vec<TcpStream> = (0..60)
        .map(|_| {
            let mut stream = served.connect();
            let head = format!("POST {SCHEDULE}/shifts HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json");
            let length = packed.len();
            stream.write_all(format!("{head}\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n").as_bytes()).unwrap();
            stream.write_all(&packed).unwrap();
            stream
        })
        .collect();
    // All but those whose messages have room are answered.
    let is_answered = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let answered = stream.peek(&mut [0]).is_ok();
        stream.set_nonblocking(false).unwrap();
        answered
    };
    let started = Instant::now();
    let count = || waiting.iter().filter(|stream| !is_answered(stream)).count();
    while count() > 40 && started.elapsed() < 10 * PATIENCE {
        thread::sleep(Duration::from_millis(100));
    }
    let waits = count();
    let resident = resident_mib(served.program.child.id()).unwrap() - before;
    assert!((10..=40).contains(&waits), "{waits} of messages of {} bytes", shift.len());
    assert!(resident < 64.0 + 64.0 + 64.0, "messages, their requests, and what else there is: {resident} MiB");
    drop((waiting, connector));
}
