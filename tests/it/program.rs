//! The program itself: flags and variables, output, exit status, signals.
//!
//! Every wait has a time limit, so that a bug fails instead of hanging, and no child outlives its test.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use wfi_emulator::behavior::ROWS;

use crate::harness::HOST;

const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// An entity of the built-in fixtures.
const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

/// How long anything may take before the test fails: less than a program that stops gives to connections that do not end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A run of the program, which is killed when the value is dropped.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) stdout: Receiver<String>,
    pub(crate) stderr: Receiver<String>,
}

/// What a run of the program has left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit status; none if a signal ended the program.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the program with these arguments and, of its own variables, none but these.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WFI_EMULATOR_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Program {
        let mut child = command.spawn().unwrap();
        // Without a pipe of its own there is nothing to read.
        let stdout = child.stdout.take().map_or_else(|| mpsc::channel().1, lines);
        let stderr = child.stderr.take().map_or_else(|| mpsc::channel().1, lines);
        Program { child, stdout, stderr }
    }

    /// Waits until the program has ended by itself.
    pub(crate) fn outcome(mut self) -> Outcome {
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        Outcome { status: self.child.wait().unwrap().code(), stdout, stderr }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends on what comes out of a pipe, line by line, up to its end.
pub(crate) fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = String::new();
            if pipe.read_line(&mut line).unwrap() == 0 || sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Returns everything up to the end of a pipe.
pub(crate) fn rest(lines: &Receiver<String>) -> String {
    let deadline = Instant::now() + PATIENCE;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => text.push_str(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program does not end; so far it has written {text:?}"),
        }
    }
}

/// Runs the program to its end.
pub(crate) fn outcome(arguments: &[&str]) -> Outcome {
    Program::start(command(arguments, &[])).outcome()
}

/// A program that listens.
pub(crate) struct Served {
    pub(crate) program: Program,
    /// What stands on standard output: the base URL.
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Served {
        Served::start_with(arguments, &[])
    }

    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Served {
        let is_port_chosen = arguments.contains(&"--port") || variables.iter().any(|(name, _)| *name == "WFI_EMULATOR_PORT");
        let free_port = if is_port_chosen { &[][..] } else { &["--port", "0"] };
        Served::of(command(&[free_port, arguments].concat(), variables))
    }

    pub(crate) fn of(command: Command) -> Served {
        let program = Program::start(command);
        match program.stdout.recv_timeout(PATIENCE) {
            Ok(line) => Served { program, url: line.trim_end().to_owned() },
            Err(error) => panic!("the program does not listen ({error}): {}", rest(&program.stderr)),
        }
    }

    pub(crate) fn address(&self) -> &str {
        let scheme_less = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://"));
        scheme_less.expect("the base URL is one of HTTP")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request on a connection of its own and returns the answer as it came.
    pub(crate) fn exchange(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = self.connect();
        let length = body.len();
        let headers = format!("Host: {HOST}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}");
        stream.write_all(format!("{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Returns the status of the answer to a request.
    pub(crate) fn status(&self, method: &str, path: &str, body: &str) -> u16 {
        let answer = self.exchange(method, path, body);
        answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_else(|_| panic!("no status: {answer:?}"))
    }

    /// Returns what the log says next, without the time of the line and with the duration of the request as `…`.
    pub(crate) fn logged(&self) -> String {
        loop {
            let line = self.program.stderr.recv_timeout(PATIENCE).expect("the log goes on");
            let Some((time, event)) = line.trim_end().split_once("Z  INFO ") else { continue };
            assert!(time.starts_with("20") && time.contains('T'), "{line}");
            let words = event.split(' ').map(|word| match word.strip_suffix("us") {
                Some(number) if number.parse::<u64>().is_ok() => "…",
                _ => word,
            });
            return words.collect::<Vec<_>>().join(" ");
        }
    }

    /// Stops the program and returns what it has written besides what was read already.
    #[cfg(unix)]
    pub(crate) fn stop(self) -> Outcome {
        self.program.signal("-TERM");
        self.program.outcome()
    }
}

/// A folder that is removed when the value is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// Makes an empty folder for the test of this name.
    pub(crate) fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("wfi-emulator-{}-{test}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const GOOD: &str = r#"[{"id":"only","displayName":"From a file"}]"#;

const BROKEN: &str = r#"{"value":[{"id":"a"},{"id":"b","isActive":"yes"}]}"#;

/// Returns what is said of the file that holds [`BROKEN`].
fn complaint(file: &str) -> String {
    format!("wfi-emulator: {file}: $.value[1].isActive: found a string, expected true or false\n")
}

fn refused(stderr: &str) -> Outcome {
    Outcome { status: Some(2), stdout: String::new(), stderr: stderr.to_owned() }
}

#[cfg(unix)]
#[test]
fn standard_output_holds_the_base_url_alone_and_the_greeting_says_what_is_there() {
    let served = Served::start(&["--port", "0", "--seed", "1"]);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    let url = served.url.clone();
    let outcome = served.stop();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""));
    let greeting: Vec<String> = outcome
        .stderr
        .lines()
        .take(7)
        .map(|line| line.replace(&url, "<url>").replace(env!("CARGO_PKG_VERSION"), "<version>"))
        .collect();
    insta::assert_snapshot!(greeting.join("\n"), @"
    wfi-emulator <version> serves an offline Microsoft Graph
      <url>/v1.0/teamwork/workforceIntegrations
      <url>/beta/teamwork/workforceIntegrations
      with 4 entities of workforceIntegrations
    try: curl <url>/v1.0/teamwork/workforceIntegrations
    seed: 1; control: <url>/_emulator
    docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C
    ");
}

#[cfg(unix)]
#[test]
fn without_a_log_standard_error_stays_empty() {
    let served = Served::start(&["--log", "off"]);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    assert_eq!(served.status("GET", "/v1.0/me", ""), 400);
    assert_eq!(served.stop(), Outcome { status: Some(0), stdout: String::new(), stderr: String::new() });
}

#[test]
fn the_log_says_what_was_asked_and_why_it_was_refused() {
    let served = Served::start(&["--log", "info", "--behavior", "unknown-property=ignore"]);
    let logged = |method: &str, path: &str, body: &str| {
        served.status(method, path, body);
        served.logged()
    };
    let lines = [
        logged("GET", &format!("{COLLECTION}?$top=1"), ""),
        logged("PATCH", ENTITY, r#"{"apiVersion":"one"}"#),
        logged("GET", "/v1.0/teamwork/workforceIntegration", ""),
        logged("GET", "/v1.0/me", ""),
        logged("PUT", ENTITY, "{}"),
        logged("PATCH", ENTITY, r#"{"color":1}"#),
        served.logged(),
    ];
    insta::assert_snapshot!(lines.join("\n").replace(ENTITY, "<entity>"), @"
    GET /v1.0/teamwork/workforceIntegrations?$top=1 200 …
    PATCH <entity> 400 … refused by schema-mismatch: $.apiVersion: found a string, expected a whole number from -2147483648 to 2147483647
    GET /v1.0/teamwork/workforceIntegration 400 … refused by unknown-segment: this path is not emulated; did you mean 'workforceIntegrations'?
    GET /v1.0/me 400 … refused by unknown-segment: this path is not emulated
    PUT <entity> 404 … refused by unrouted-method: found PUT, expected GET, PATCH or DELETE
    PATCH <entity> 200 …
    PATCH <entity>: skipped $.color, which its type does not have
    ");
}

#[cfg(unix)]
#[test]
fn the_log_can_be_limited_to_what_is_wrong() {
    let served = Served::start(&["--log", "warn"]);
    assert_eq!(served.status("GET", "/v1.0/me", ""), 400);
    let outcome = served.stop();
    assert!(outcome.stderr.lines().all(|line| !line.contains("INFO")), "{}", outcome.stderr);
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_stop_the_program() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = command(&["--port", "0", "--log", "debug"], &[]);
    command.stderr(writer);
    drop(reader);
    let served = Served::of(command);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    assert_eq!(served.status("GET", "/v1.0/me", ""), 400);
}

#[test]
fn fixtures_come_from_a_file_or_from_a_folder() {
    let folder = Folder::new("fixtures");
    let file = folder.file("one.json", GOOD);
    for path in [file.as_str(), folder.path()] {
        let served = Served::start(&["--fixtures", path]);
        let answer = served.exchange("GET", COLLECTION, "");
        assert!(answer.contains(r#""value":[{"id":"only","#) && answer.ends_with("}]}"), "{answer}");
    }
    // A folder's files are read in the order of their names; what is no JSON file is left alone.
    folder.file("two.json", r#"{"value":[{"id":"second"}]}"#);
    folder.file("notes.txt", "not JSON");
    let answer = Served::start(&["--fixtures", folder.path()]).exchange("GET", COLLECTION, "");
    assert!(answer.find(r#""id":"only""#).unwrap() < answer.find(r#""id":"second""#).unwrap(), "{answer}");
}

#[test]
fn broken_fixtures_end_the_program_before_it_listens() {
    let folder = Folder::new("broken");
    let file = folder.file("broken.json", BROKEN);
    // The port is taken, which the program would complain about if it came so far.
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_eq!(outcome(&["--port", &port, "--fixtures", &file]), refused(&complaint(&file)));
    assert_eq!(outcome(&["--port", &port, "--fixtures", folder.path()]), refused(&complaint(&file)));
}

#[test]
fn fixtures_that_are_not_there_end_the_program() {
    let folder = Folder::new("missing");
    let missing = folder.0.join("none.json");
    let missing = missing.to_str().unwrap();
    let started = outcome(&["--port", "0", "--fixtures", missing]);
    assert_eq!((started.status, started.stdout.as_str()), (Some(2), ""));
    assert!(started.stderr.starts_with(&format!("wfi-emulator: {missing}: ")), "{}", started.stderr);
    assert_eq!(outcome(&["check", missing]), started);
    let empty = format!("wfi-emulator: {}: found no .json file in this folder, expected at least one\n", folder.path());
    assert_eq!(outcome(&["check", folder.path()]), refused(&empty));
}

#[test]
fn check_tells_good_fixtures_from_broken_ones() {
    let folder = Folder::new("check");
    let good = folder.file("good.json", GOOD);
    let checked = format!("{good}: 1 entities, no problems\n");
    assert_eq!(outcome(&["check", &good]), Outcome { status: Some(0), stdout: checked, stderr: String::new() });
    let shipped = repository().join("fixtures/workforceIntegrations.json");
    assert_eq!(outcome(&["check", shipped.to_str().unwrap()]).status, Some(0));
    let broken = folder.file("broken.json", BROKEN);
    assert_eq!(outcome(&["check", &broken]), refused(&complaint(&broken)));
    // What is broken depends on the behaviors.
    let free = folder.file("free.json", r#"[{"id":"a","supportedEntities":"anything"}]"#);
    assert_eq!(outcome(&["check", &free]).status, Some(2));
    assert_eq!(outcome(&["check", &free, "--behavior", "enum-values=accept"]).status, Some(0));
}

#[test]
fn a_choice_that_does_not_exist_gets_a_hint() {
    let choices = [
        ["--behavior", "update-respons=entity"],
        ["--behavior", "secret=loud"],
        ["--behavior", "secret"],
        ["--profile", "real"],
        ["--clock", "noon"],
    ];
    let told = choices.map(|arguments| {
        let outcome = outcome(&arguments);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        outcome.stderr
    });
    insta::assert_snapshot!(told.concat(), @"
    wfi-emulator: there is no behavior 'update-respons'; did you mean 'update-response'? (`wfi-emulator behaviors` lists them all)
    wfi-emulator: behavior 'secret' has no value 'loud'; it takes null, echo
    wfi-emulator: --behavior takes name=value, for example secret=echo, not 'secret'
    wfi-emulator: there is no profile 'real'; it is one of documented, observed, reference-page
    wfi-emulator: --clock takes a time since 1970 such as 2026-01-01T00:00:00Z, not 'noon'
    ");
}

#[test]
fn behaviors_are_set_by_flags() {
    let served = Served::start(&["--behavior", "update-response=no-content", "--behavior", "id-format=guid"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 204);
    let created = served.exchange("POST", COLLECTION, r#"{"displayName":"x"}"#);
    assert!(created.starts_with("HTTP/1.1 201 ") && !created.contains("WFI_"), "{created}");
    let served = Served::start(&["--profile", "observed"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 204);
    let served = Served::start(&["--profile", "observed", "--behavior", "update-response=entity"]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 200);
}

#[test]
fn every_flag_of_the_server_can_be_a_variable() {
    let folder = Folder::new("variables");
    let file = folder.file("one.json", GOOD);
    let variables = [
        ("WFI_EMULATOR_PORT", "0"),
        ("WFI_EMULATOR_FIXTURES", file.as_str()),
        ("WFI_EMULATOR_BEHAVIOR", "update-response=no-content,id-format=guid"),
        ("WFI_EMULATOR_CLOCK", "2026-01-01T00:00:00Z"),
    ];
    let served = Served::start_with(&[], &variables);
    assert_eq!(served.status("PATCH", &format!("{COLLECTION}/only"), r#"{"displayName":"x"}"#), 204);
    let created = served.exchange("POST", COLLECTION, r#"{"displayName":"x"}"#);
    assert!(created.starts_with("HTTP/1.1 201 ") && !created.contains("WFI_"), "{created}");
    assert!(created.contains("date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"), "{created}");
}

#[test]
fn a_variable_turns_a_switch_on_and_off() {
    for (value, is_on) in [("1", true), ("true", true), ("YES", true), ("0", false), ("false", false), ("off", false)] {
        let served = Served::start_with(&[], &[("WFI_EMULATOR_EXPLAIN", value), ("WFI_EMULATOR_EXIT_WITH_PARENT", "0")]);
        let refused = served.exchange("GET", "/v1.0/me", "");
        assert_eq!(refused.contains("x-wfi-emulator-explain"), is_on, "{value}: {refused}");
    }
    let served = Served::start_with(&["--ca-dir", "memory"], &[("WFI_EMULATOR_TLS", "1")]);
    assert!(served.url.starts_with("https://"), "{}", served.url);
    let outcome = Program::start(command(&["--port", "0"], &[("WFI_EMULATOR_TLS", "maybe")])).outcome();
    assert_eq!(outcome.status, Some(2), "a slip is told: {}", outcome.stderr);
}

#[test]
fn a_flag_beats_its_variable() {
    let variables = [
        ("WFI_EMULATOR_PORT", "no port"),
        ("WFI_EMULATOR_BEHAVIOR", "update-response=no-content,id-format=guid"),
        ("WFI_EMULATOR_FIXTURES", "/there/is/no/such/file"),
    ];
    let shipped = repository().join("fixtures/workforceIntegrations.json");
    let arguments = ["--port", "0", "--behavior", "update-response=entity", "--fixtures", shipped.to_str().unwrap()];
    let served = Served::start_with(&arguments, &variables);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"x"}"#), 200);
    // The variable is replaced as a whole, not flag by flag.
    assert!(served.exchange("POST", COLLECTION, "{}").contains("WFI_"));
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let outcome = outcome(&["--port", &address.port().to_string()]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with(&format!("wfi-emulator: cannot listen on {address}: ")), "{}", outcome.stderr);
}

#[test]
fn an_address_for_all_interfaces_is_printed_as_one_that_can_be_called() {
    let served = Served::start(&["--host", "0.0.0.0"]);
    assert!(served.url.starts_with("http://127.0.0.1:"), "{}", served.url);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
}

#[cfg(unix)]
#[test]
fn signals_to_stop_end_the_program_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let served = Served::start(&[]);
        // A connection that says nothing more does not keep the program.
        let mut idle = served.connect();
        served.program.signal(signal);
        let outcome = served.program.outcome();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "{signal}");
        assert!(outcome.stderr.ends_with("INFO stopping: requests in flight finish first\n"), "{}", outcome.stderr);
        assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
    }
}

/// Begins a request whose body is still to come, and returns when the program has it in hand.
#[cfg(unix)]
fn begin_request(served: &Served) -> TcpStream {
    let mut stream = served.connect();
    let headers = "Connection: close\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2";
    stream.write_all(format!("POST {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n\r\n").as_bytes()).unwrap();
    let mut seen = [0; 25];
    stream.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[cfg(unix)]
#[test]
fn a_request_in_flight_is_answered_before_the_program_ends() {
    let served = Served::start(&[]);
    let mut busy = begin_request(&served);
    served.program.signal("-TERM");
    assert_eq!(served.logged(), "stopping: requests in flight finish first");
    busy.write_all(b"{}").unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert_eq!(served.program.outcome().status, Some(0));
}

#[cfg(unix)]
#[test]
fn a_second_interrupt_ends_the_program_at_once() {
    for first in ["-TERM", "-INT"] {
        let served = Served::start(&[]);
        let _busy = begin_request(&served);
        served.program.signal(first);
        assert_eq!(served.logged(), "stopping: requests in flight finish first");
        served.program.signal("-INT");
        assert_eq!(served.program.outcome().status, Some(130), "after {first}");
    }
}

#[test]
fn a_seed_and_a_clock_that_stands_make_two_runs_alike() {
    let run = |seed: &str| -> Vec<String> {
        let served = Served::start(&["--seed", seed, "--clock", "2026-01-01T00:00:00Z"]);
        let requests = [
            ("POST", COLLECTION, r#"{"displayName":"x","url":"https://example.com/"}"#),
            ("PATCH", ENTITY, r#"{"isActive":false}"#),
            ("POST", COLLECTION, "{broken"),
            ("GET", COLLECTION, ""),
            ("DELETE", ENTITY, ""),
            ("GET", ENTITY, ""),
        ];
        requests.iter().map(|(method, path, body)| served.exchange(method, path, body)).collect()
    };
    let first = run("7");
    assert_eq!(first, run("7"));
    let other = run("8");
    assert!(first.iter().zip(&other).all(|(answer, other)| answer != other), "another seed gives other ids");
}

#[test]
fn the_size_of_a_page_is_a_flag() {
    let served = Served::start(&["--page-size", "3"]);
    assert!(served.exchange("GET", COLLECTION, "").contains("\"@odata.nextLink\":"));
    let zero = outcome(&["--page-size", "0"]);
    assert_eq!((zero.status, zero.stdout.as_str()), (Some(2), ""));
}

#[test]
fn without_a_seed_two_runs_give_different_ids() {
    let run = || Served::start(&["--clock", "2026-01-01T00:00:00Z"]).exchange("POST", COLLECTION, "{}");
    assert_ne!(run(), run());
}

#[test]
fn behaviors_prints_every_row_of_the_table() {
    let outcome = outcome(&["behaviors"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let blocks: Vec<&str> = outcome.stdout.trim_end().split("\n\n").collect();
    let by_name: HashMap<&str, &str> = blocks.iter().filter_map(|block| Some((block.split_once(" = ")?.0, *block))).collect();
    assert_eq!((by_name.len(), blocks.len()), (ROWS.len(), ROWS.len()));
    for row in ROWS {
        let default = row.profiles[0];
        let block = by_name.get(row.name).unwrap_or_else(|| panic!("no row {}", row.name));
        assert!(block.starts_with(&format!("{} = {default}\n    {}\n", row.name, row.decides)), "{block}");
        for (value, meaning) in row.values {
            let marks = if *value == default { " [in force, default]" } else { "" };
            assert!(block.contains(&format!("\n    - {value}{marks}: {meaning}\n")), "{value} in {block}");
        }
        assert!(block.ends_with(&format!("\n    evidence: {}; {}", row.grade.name(), row.source)), "{block}");
    }
}

#[test]
fn behaviors_prints_the_values_that_are_in_force() {
    let outcome = outcome(&["behaviors", "--behavior", "secret=echo"]);
    assert!(outcome.stdout.contains("\nsecret = echo\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\n    - null [default]: ") && outcome.stdout.contains("\n    - echo [in force]: "));
}

#[test]
fn help_and_version_are_no_errors_and_an_unknown_flag_is_one() {
    let help = outcome(&["--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    for flag in ["--port", "--fixtures", "--behavior", "--seed", "--clock", "--page-size", "--log", "check", "behaviors"] {
        assert!(help.stdout.contains(flag), "{flag} is not in the help");
    }
    let version = concat!("wfi-emulator ", env!("CARGO_PKG_VERSION"), "\n").to_owned();
    assert_eq!(outcome(&["--version"]), Outcome { status: Some(0), stdout: version, stderr: String::new() });
    let unknown = outcome(&["--prot", "1"]);
    assert_eq!((unknown.status, unknown.stdout.as_str()), (Some(2), ""));
    assert!(unknown.stderr.contains("'--port'"), "{}", unknown.stderr);
}

#[test]
fn shells_and_manuals_know_every_command_and_flag() {
    let run = |arguments: &[&str]| {
        let outcome = outcome(arguments);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        outcome.stdout
    };
    let help = run(&["--help"]);
    let flags =
        help.split_whitespace().filter(|word| word.starts_with("--")).map(|flag| flag.trim_matches(|c| c == ',' || c == '.'));
    let flags: std::collections::BTreeSet<&str> = flags.collect();
    assert!(flags.len() > 20);
    let scripts = ["bash", "zsh", "fish", "powershell", "elvish"].map(|shell| run(&["completions", shell]));
    let page = run(&["man"]).replace("\\-", "-");
    for flag in flags {
        let name = flag.trim_start_matches('-');
        for text in scripts.iter().chain([&page]) {
            assert!(text.contains(name), "{flag}");
        }
    }
    assert!(page.starts_with(".ie") && page.contains(".TH wfi-emulator 1"), "{}", &page[..200]);
    assert!(page.contains("WFI-EMULATOR TOKEN"), "commands have their flags in it");
    assert_eq!(outcome(&["completions", "sh"]).status, Some(2));
}

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let mut child = command(&["--port", "0", "--log", "info"], &[]).spawn().unwrap();
    let stdout = lines(child.stdout.take().expect("standard output is a pipe"));
    let url = stdout.recv_timeout(PATIENCE).unwrap();
    // Standard error stays a pipe that is full after some hundred lines.
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

/// Returns the answer to a GET over TLS of somebody who trusts the certificates of this text.
fn get_over_tls(served: &Served, trusted: &str, path: &str, headers: &str) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = std::sync::Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    let connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, served.connect());
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{headers}\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn with_tls_the_base_url_is_one_of_https_and_the_authority_is_kept() {
    let folder = Folder::new("tls");
    let ca = outcome(&["ca", "--path", "--ca-dir", folder.path()]);
    assert_eq!((ca.status, ca.stderr.as_str()), (Some(0), ""));
    let certificate = std::fs::read_to_string(ca.stdout.trim_end()).unwrap();
    let served = Served::start(&["--tls", "--ca-dir", folder.path(), "--san", "one.test,two.test", "--auth", "strict"]);
    assert!(served.url.starts_with("https://127.0.0.1:"), "{}", served.url);
    let refused = get_over_tls(&served, &certificate, COLLECTION, "").unwrap();
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    let token = outcome(&["token", "--app", "--scope", "WorkforceIntegration.Read.All"]).stdout;
    let answer =
        get_over_tls(&served, &certificate, COLLECTION, &format!("Authorization: Bearer {}\r\n", token.trim_end())).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("https://localhost:9340/v1.0/"), "{answer}");
    assert_eq!(served.status("GET", COLLECTION, ""), 401, "plain HTTP is served beside it");
}

#[cfg(unix)]
#[test]
fn the_greeting_tells_both_addresses_and_what_to_trust() {
    let folder = Folder::new("greeting");
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.file("cert.pem", &own.cert.pem()), folder.file("key.pem", &own.signing_key.serialize_pem()));
    let file = format!("{}/ca.pem", folder.path());
    for (arguments, flag, told) in [
        (
            &["--ca-dir", folder.path()][..],
            format!("--cacert '{file}' "),
            format!("; what clients have to trust: {file} (wfi-emulator ca says how)"),
        ),
        (
            &["--ca-dir", "memory"],
            "--insecure ".to_owned(),
            "; the authority is kept nowhere, so clients can only leave out the check".to_owned(),
        ),
        (&["--cert", &certificate, "--key", &key], String::new(), String::new()),
    ] {
        let served = Served::start(&[&["--tls"], arguments].concat());
        let (url, address) = (served.url.clone(), served.address().to_owned());
        let outcome = served.stop();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "one line, which was read already");
        for expected in [format!("\ntry: curl {flag}{url}/v1.0/"), format!("\nthe same without TLS: http://{address}{told}\n")] {
            assert!(outcome.stderr.contains(&expected), "{expected:?} in {}", outcome.stderr);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_log_says_that_a_client_does_not_trust_the_certificate() {
    let served = Served::start(&["--tls", "--ca-dir", "memory", "--log", "info"]);
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    assert!(get_over_tls(&served, &stranger.cert.pem(), COLLECTION, "").is_err());
    let outcome = served.stop();
    assert!(
        outcome.stderr.contains("a client does not trust the certificate (UnknownCA); `wfi-emulator ca`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let folder = Folder::new("own");
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.file("cert.pem", &own.cert.pem()), folder.file("key.pem", &own.signing_key.serialize_pem()));
    let served = Served::start(&["--tls", "--cert", &certificate, "--key", &key]);
    assert!(get_over_tls(&served, &own.cert.pem(), COLLECTION, "").unwrap().starts_with("HTTP/1.1 200 "));
    let other = folder.file("other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let encrypted =
        folder.file("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00";
    let encrypted_before =
        folder.file("before.pem", &format!("-----BEGIN RSA PRIVATE KEY-----\n{header}\n\nMIIE\n-----END RSA PRIVATE KEY-----\n"));
    for (certificate, key, complaint) in [
        (&key, &key, format!("{key}: found no certificate in PEM form")),
        (&certificate, &certificate, format!("{certificate}: found no private key in PEM form; one that is encrypted has")),
        (&certificate, &encrypted, format!("{encrypted}: found no private key in PEM form; one that is encrypted has")),
        (&certificate, &encrypted_before, format!("{encrypted_before}: found no private key in PEM form; one that is encrypted")),
        (&certificate, &other, format!("{other}: this is not the key of the certificate in {certificate}")),
        (&"nowhere.pem".to_owned(), &key, "nowhere.pem: No such file".to_owned()),
    ] {
        let outcome = outcome(&["--port", "0", "--tls", "--cert", certificate, "--key", key]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
        assert!(outcome.stderr.starts_with(&format!("wfi-emulator: {complaint}")), "{}", outcome.stderr);
    }
}

#[test]
fn a_name_that_no_client_can_ask_for_is_a_mistake() {
    for name in ["", "a b", "https://a.test", "a.test:9340", "*.10.0.0.1", "é.test"] {
        let outcome = outcome(&["--port", "0", "--tls", "--ca-dir", "memory", "--san", name]);
        assert_eq!(outcome.status, Some(2), "{name}");
        assert!(outcome.stderr.contains("expected the name of a host or an IP address"), "{name}: {}", outcome.stderr);
    }
    Served::start(&["--tls", "--ca-dir", "memory", "--san", "*.a.test,a_b.test,10.0.0.1,fe80::1"]);
}

#[test]
fn flags_of_tls_without_tls_are_a_mistake() {
    for arguments in
        [&["--san", "a.test"][..], &["--cert", "a", "--key", "b"], &["--tls", "--cert", "a"], &["--tls", "--key", "a"]]
    {
        assert_eq!(outcome(arguments).status, Some(2), "{arguments:?}");
    }
}

#[test]
fn the_authority_is_explained_for_every_runtime() {
    let folder = Folder::new("ca");
    let told = outcome(&["ca", "--ca-dir", folder.path()]);
    let path = format!("{}/ca.pem", folder.path());
    let (first, rest) = told.stdout.split_once('\n').unwrap();
    assert_eq!((told.status, first), (Some(0), path.as_str()));
    let (until, rest) = rest.split_once('\n').unwrap();
    assert!(until.starts_with("valid until 20") && until.ends_with("Z; the key beside it is for nobody's eyes"), "{until}");
    insta::assert_snapshot!(rest.replace(&path, "<ca>"), @r#"
    curl
      curl --cacert '<ca>' https://localhost:9340/v1.0/teamwork/workforceIntegrations

    Python
      export SSL_CERT_FILE='<ca>' REQUESTS_CA_BUNDLE='<ca>'   # httpx and aiohttp read the first, requests the second

    Node
      export NODE_EXTRA_CA_CERTS='<ca>'

    Go
      export SSL_CERT_FILE='<ca>'   # Linux; on macOS and Windows Go reads the system's store

    Java
      keytool -importcert -noprompt -alias wfi-emulator -file '<ca>' -keystore wfi-emulator.p12 -storetype PKCS12 -storepass changeit
      export JAVA_TOOL_OPTIONS='-Djavax.net.ssl.trustStore=wfi-emulator.p12 -Djavax.net.ssl.trustStorePassword=changeit'

    .NET
      export SSL_CERT_FILE='<ca>'   # Linux; elsewhere the system's store, below

    Windows
      certutil -user -addstore Root "<ca>"   # PowerShell and .NET

    macOS
      security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db '<ca>'
    "#);
    // The second time it is the same one.
    assert_eq!(outcome(&["ca", "--ca-dir", folder.path()]), told);
    let nowhere = outcome(&["ca", "--ca-dir", "memory"]);
    assert_eq!((nowhere.status, nowhere.stdout.as_str()), (Some(1), ""));
    // Without a flag it is in the user's cache folder.
    let mut command = command(&["ca", "--path"], &[("XDG_CACHE_HOME", folder.path())]);
    command.env("LOCALAPPDATA", folder.path()).env("HOME", folder.path());
    let path = Program::start(command).outcome().stdout;
    assert!(path.starts_with(folder.path()) && Path::new(path.trim_end()).ends_with("wfi-emulator/ca.pem"), "{path}");
}

#[test]
fn a_token_is_printed_as_it_was_asked_for() {
    let claims = |arguments: &[&str]| {
        let token = outcome(&[&["token", "--clock", "2026-01-02T03:04:05Z"], arguments].concat());
        assert_eq!((token.status, token.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        crate::tokens::claims(token.stdout.trim_end()).to_string()
    };
    let folder = Folder::new("token");
    let directory = folder.file(
        "directory.json",
        r#"{"tenantId":"t","users":[{"id":"u","userPrincipalName":"adele@contoso.com","displayName":"Adele"}]}"#,
    );
    let lines = [
        claims(&["--app"]),
        claims(&[
            "--app",
            "connector",
            "--scope",
            "A.Read,B.Read",
            "--scope",
            "C.Read",
            "--expires",
            "10m",
            "--audience",
            "api://x",
            "--tenant",
            "t",
        ]),
        claims(&["--user", "--expires", "-1h"]),
        claims(&["--user", "adele@contoso.com", "--directory", &directory]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"1","aud":"https://graph.microsoft.com","exp":1767326644,"iat":1767322745,"idtyp":"app","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","nbf":1767322745,"oid":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","roles":["WorkforceIntegration.Read.All","WorkforceIntegration.ReadWrite.All"],"sub":"eb72190f-98ee-41f3-bed3-f8ce2869cc3d","tid":"00000000-0000-4000-8000-000000000000","ver":"1.0"}
    {"appid":"connector","appidacr":"1","aud":"api://x","exp":1767323645,"iat":1767322745,"idtyp":"app","iss":"https://sts.windows.net/t/","nbf":1767322745,"oid":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","roles":["A.Read","B.Read","C.Read"],"sub":"cc611e6c-4cef-4eb3-bc0c-0c8280260ad8","tid":"t","ver":"1.0"}
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767319445,"iat":1767319444,"idtyp":"user","iss":"https://sts.windows.net/00000000-0000-4000-8000-000000000000/","name":"Local User","nbf":1767319444,"oid":"00000000-0000-4000-8000-000000000001","scp":"WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"072767ff-4be2-4821-a798-d31773bcbd58","tid":"00000000-0000-4000-8000-000000000000","upn":"local.user@contoso.onmicrosoft.com","ver":"1.0"}
    {"appid":"00000000-0000-4000-8000-000000000002","appidacr":"0","aud":"https://graph.microsoft.com","exp":1767326644,"iat":1767322745,"idtyp":"user","iss":"https://sts.windows.net/t/","name":"Adele","nbf":1767322745,"oid":"u","scp":"WorkforceIntegration.Read.All WorkforceIntegration.ReadWrite.All","sub":"53a162fd-c08b-4105-8d99-1ec37f625197","tid":"t","upn":"adele@contoso.com","ver":"1.0"}
    "#);
    let shortest = outcome(&["token", "--clock", "1970-01-01T00:00:00Z", "--expires", "-9223372036854775808s"]).stdout;
    assert_eq!(crate::tokens::claims(shortest.trim_end())["exp"], i64::MIN);
    for arguments in [
        &["token", "--expires", "soon"][..],
        &["token", "--app", "a", "--user", "b"],
        &["token", "--user", "lynne", "--directory", &directory],
    ] {
        assert_eq!(outcome(arguments).status, Some(2), "{arguments:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_told_before_anything_is_served() {
    let folder = Folder::new("directory");
    let file = folder.file("directory.json", r#"{"apps":[]}"#);
    let expected = format!(
        "wfi-emulator: {file}: unknown field `apps`, expected one of `tenantId`, `applications`, `users` at line 1 column 7\n"
    );
    assert_eq!(outcome(&["--directory", &file]), refused(&expected));
}

#[test]
fn what_the_token_service_is_asked_is_not_logged() {
    let served = Served::start(&["--log", "info"]);
    served.status("POST", "/common/oauth2/v2.0/token?client_secret=hidden", "grant_type=password");
    let line = served.logged();
    assert!(line.starts_with("POST /common/oauth2/v2.0/token 400 … refused by entra-"), "{line}");
}
