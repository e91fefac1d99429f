//! Stops of every kind, in every situation: saved, announced no longer, in time.
//!
//! Mounts need a namespace of their own. Where the system gives none, their rows are left out with a line that says so.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::process::{COLLECTION, ENTITY, Folder, Outcome, Program, Served, command, outcome};
use crate::support::harness::HOST;

/// Time limit of a stop: Docker kills after ten seconds. The program aims at less than eight, and the machine may be busy.
const STOP_LIMIT: Duration = Duration::from_millis(9_500);

/// Time limit of other waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of initial entities, and the length of their names: enough for answers that fill buffers, and filters that take long.
const ENTITIES: usize = 400;
const NAME_LENGTH: usize = 500;

/// The state of affairs of the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A file in a folder.
    Folder,
    /// A file in a small file system, which the new state does not fit into.
    FullDisk,
    /// A mounted file of such a file system.
    MountedFullDisk,
    /// A file that is mounted, as by `docker run -v`.
    Mounted,
    /// The same, in a folder that cannot be written.
    MountedReadOnly,
}

/// The ways to stop.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// Signals, a second apart.
    Signals(&'static [&'static str]),
    /// A signal, and SIGKILL three seconds later.
    Impatient(&'static str),
    /// The end of standard input.
    ParentGone,
    /// A second process with the same state file, which is refused; then SIGTERM.
    SecondProcess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saved {
    InFile,
    InCopy,
    Not,
}

/// A way to stop, and its outcome.
#[derive(Debug)]
struct Stop {
    name: &'static str,
    place: Place,
    trigger: Trigger,
    flags: &'static [&'static str],
    saved: Saved,
    is_ready_file_gone: bool,
    /// The exit status when idle; `None` for the end by a signal.
    status: Option<i32>,
    /// The exit status with a request in work that does not end.
    busy_status: Option<i32>,
}

const GRACEFUL: Stop = Stop {
    name: "",
    place: Place::Folder,
    trigger: Trigger::Signals(&["-TERM"]),
    flags: &[],
    saved: Saved::InFile,
    is_ready_file_gone: true,
    status: Some(0),
    busy_status: Some(0),
};

const KILLED: Stop = Stop {
    trigger: Trigger::Signals(&["-KILL"]),
    saved: Saved::Not,
    is_ready_file_gone: false,
    status: None,
    busy_status: None,
    ..GRACEFUL
};

const STOPS: &[Stop] = &[
    Stop { name: "SIGTERM", ..GRACEFUL },
    Stop { name: "SIGINT", trigger: Trigger::Signals(&["-INT"]), ..GRACEFUL },
    Stop { name: "SIGHUP", trigger: Trigger::Signals(&["-HUP"]), ..GRACEFUL },
    Stop { name: "SIGQUIT", trigger: Trigger::Signals(&["-QUIT"]), ..GRACEFUL },
    Stop { name: "SIGTERM and SIGINT", trigger: Trigger::Signals(&["-TERM", "-INT"]), busy_status: Some(130), ..GRACEFUL },
    Stop { name: "SIGKILL", ..KILLED },
    Stop { name: "SIGKILL with --state-every", flags: &["--state-every", "0.2"], saved: Saved::InFile, ..KILLED },
    Stop { name: "SIGTERM and SIGKILL", trigger: Trigger::Impatient("-TERM"), busy_status: None, ..GRACEFUL },
    Stop { name: "parent gone", trigger: Trigger::ParentGone, ..GRACEFUL },
    Stop { name: "two processes", trigger: Trigger::SecondProcess, ..GRACEFUL },
    Stop { name: "full disk", place: Place::FullDisk, saved: Saved::InCopy, status: Some(1), busy_status: Some(1), ..GRACEFUL },
    Stop {
        name: "mounted file, full disk",
        place: Place::MountedFullDisk,
        saved: Saved::InCopy,
        status: Some(1),
        busy_status: Some(1),
        ..GRACEFUL
    },
    Stop { name: "mounted file", place: Place::Mounted, ..GRACEFUL },
    Stop { name: "mounted file in a read-only folder", place: Place::MountedReadOnly, ..GRACEFUL },
    Stop { name: "mounted file, SIGHUP", place: Place::Mounted, trigger: Trigger::Signals(&["-HUP"]), ..GRACEFUL },
];

/// The situation at the time of the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Idle,
    SlowReader,
    WaitingConnector,
    Computing,
}

/// A client that keeps the program busy as long as it exists.
struct Client {
    _streams: Vec<TcpStream>,
    _listener: Option<TcpListener>,
}

impl Work {
    fn begin(self, address: &str) -> Client {
        let send = |request: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        };
        let post = |path: &str, body: &Value| {
            let body = body.to_string();
            let headers = format!("Host: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
            send(&format!("POST {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}"))
        };
        match self {
            Work::Idle => Client { _streams: Vec::new(), _listener: None },
            Work::SlowReader => {
                // Much more than the buffers of both sides hold.
                let mut stream = send(&format!("GET {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").repeat(100));
                stream.read_exact(&mut [0; 1]).unwrap();
                Client { _streams: vec![stream], _listener: None }
            }
            Work::WaitingConnector => {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let url = format!("http://{}/", listener.local_addr().unwrap());
                let secret = "s".repeat(64);
                let encryption = json!({"protocol": "sharedSecret", "secret": secret});
                let integration = json!({"displayName": "waits", "apiVersion": 1, "url": url, "encryption": encryption});
                let client = post(COLLECTION, &integration);
                let (mut called, _) = listener.accept().unwrap();
                called.set_read_timeout(Some(PATIENCE)).unwrap();
                called.read_exact(&mut [0; 1]).unwrap();
                Client { _streams: vec![client, called], _listener: Some(listener) }
            }
            Work::Computing => {
                let term = |number| format!("contains(toupper(displayName),'{number}')");
                let filter = (0..60).map(term).collect::<Vec<_>>().join(" or ").replace(' ', "%20");
                let url = format!("{}?$filter={filter}", COLLECTION.trim_start_matches("/v1.0"));
                let requests: Vec<Value> = (0..20).map(|id| json!({"id": id.to_string(), "method": "GET", "url": url})).collect();
                let body = json!({ "requests": requests });
                let streams = (0..8).map(|_| post("/v1.0/$batch", &body)).collect();
                thread::sleep(Duration::from_millis(500));
                Client { _streams: streams, _listener: None }
            }
        }
    }
}

/// Returns the command that runs another one in a namespace for mounts, if the system has one.
fn namespace() -> Option<&'static [&'static str]> {
    static FOUND: OnceLock<Option<&[&str]>> = OnceLock::new();
    let works = |unshare: &&'static [&str]| {
        let folder = Folder::new("namespace");
        let mut probe = Command::new(unshare[0]);
        probe.args(&unshare[1..]).args(["mount", "-t", "tmpfs", "none", folder.path()]);
        probe.output().is_ok_and(|output| output.status.success())
    };
    *FOUND.get_or_init(|| [&["unshare", "-m"][..], &["unshare", "-rm"]].into_iter().find(works))
}

/// Creates a folder for a row: in memory where the system has such folders, since a busy disk delays every save.
fn folder_of(title: &str) -> Folder {
    let name = title.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let memory = std::path::Path::new("/dev/shm").join(format!("wfi-emulator-{}-stop-{name}", std::process::id()));
    match fs::create_dir(&memory) {
        Ok(()) => Folder(memory),
        Err(_) => Folder::new(&format!("stop-{name}")),
    }
}

/// Returns the commands of the shell that put the state file in its place, if it needs a mount.
fn mount(place: Place, folder_path: &str, host: &str, state: &str, length: usize) -> Option<String> {
    match place {
        Place::Folder => None,
        Place::FullDisk => {
            let size = 2 * length + 32 * 1024;
            Some(format!("mount -t tmpfs -o size={size} none {folder_path}/inside && cp {host} {state}"))
        }
        Place::MountedFullDisk => {
            let disk = format!("{folder_path}/disk");
            let size = 2 * length + 32 * 1024;
            let small = format!("mkdir {disk} && mount -t tmpfs -o size={size} none {disk} && cp {host} {disk}/state.json");
            let filler = format!("head -c {} /dev/zero >{disk}/filler", length - 32 * 1024);
            Some(format!("{small} && {filler} && touch {state} && mount --bind {disk}/state.json {state}"))
        }
        Place::Mounted => Some(format!("touch {state} && mount --bind {host} {state}")),
        Place::MountedReadOnly => Some(format!(
            "touch {state} && mount --bind {folder_path}/inside {folder_path}/inside && \
             mount --bind {host} {state} && mount -o remount,bind,ro {folder_path}/inside"
        )),
    }
}

/// Stops the program; returns its exit status, and the time that it has taken.
fn end(stop: &Stop, title: &str, program: &mut Program, pid: &str, state: &str) -> (Option<i32>, Duration) {
    let signal = |name: &str| Command::new("kill").args([name, pid]).stderr(Stdio::null()).status().unwrap().success();
    let mut started = Instant::now();
    match stop.trigger {
        Trigger::Signals(names) => {
            for (index, name) in names.iter().enumerate() {
                thread::sleep(Duration::from_secs(index as u64));
                let is_there = signal(name);
                assert!(is_there || index > 0, "{title}: ended before");
            }
        }
        Trigger::Impatient(name) => {
            assert!(signal(name));
            thread::sleep(Duration::from_secs(3));
            signal("-KILL");
        }
        Trigger::ParentGone => drop(program.child.stdin.take()),
        Trigger::SecondProcess => {
            let second = outcome(&["--port", "0", "--state", state]);
            let expected = format!("wfi-emulator: {state}: in use by another process");
            assert!(second.status == Some(2) && second.stderr.starts_with(&expected), "{title}: {second:?}");
            started = Instant::now();
            assert!(signal("-TERM"));
        }
    }
    let status = loop {
        match program.child.try_wait().unwrap() {
            Some(status) => break status.code().filter(|status| *status < 128 || *status == 130),
            None => assert!(started.elapsed() < PATIENCE, "{title}: goes on"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    (status, started.elapsed())
}

/// Checks that a stop has left nothing behind that disturbs the next start.
fn check_next_start(title: &str, inside: &std::path::Path, state: &str, was_killed: bool) {
    let left = fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().path());
    // A process that is killed while it saves leaves a temporary file behind.
    let left: Vec<_> = left.filter(|path| !was_killed || path.extension().is_none_or(|end| end != "tmp")).collect();
    assert_eq!(left.len(), 1 + usize::from(was_killed), "{title}: {left:?}");
    // A lock that is left behind by a killed process locks nothing.
    let next = Served::start(&["--state", state]);
    assert_eq!(next.status("GET", &format!("{COLLECTION}/e0"), ""), 200, "{title}");
    // It removes what the killed process has left behind.
    let temporary = fs::read_dir(inside)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "tmp"));
    assert_eq!(temporary, None, "{title}");
}

/// Whether this process, and thus a program that it starts, ignores a signal that the program goes on ignoring then.
fn is_ignored(signal: &str) -> bool {
    let number = match signal {
        "-HUP" => 1,
        "-QUIT" => 3,
        _ => return false,
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << (number - 1)) != 0)
}

/// Runs a row of the table; returns its outcome, or `None` if it is left out.
fn run(stop: &Stop, work: Work) -> Option<(Saved, bool, Option<i32>, Duration)> {
    let title = format!("{} × {work:?}", stop.name);
    let folder = folder_of(&title);
    let (inside, temporary) = (folder.0.join("inside"), folder.0.join("tmp"));
    fs::create_dir(&inside).and_then(|()| fs::create_dir(&temporary)).unwrap();
    let name = "n".repeat(NAME_LENGTH);
    let entity = |number: usize| json!({"id": format!("e{number}"), "displayName": name});
    let initial = json!({"workforceIntegrations": (0..ENTITIES).map(entity).collect::<Vec<_>>()}).to_string();
    let host = folder.file("host.json", &initial);
    let (folder_path, state, ready) = (folder.path(), format!("{}/state.json", inside.display()), folder.0.join("ready"));
    if stop.place == Place::Folder {
        fs::copy(&host, &state).unwrap();
    }
    let mount = mount(stop.place, folder_path, &host, &state, initial.len());
    let arguments = [
        &["--port", "0", "--ready", "json", "--exit-with-parent", "--page-size", "1000", "--behavior", "connect=enforce"][..],
        &["--ready-file", ready.to_str().unwrap(), "--state", &state],
        stop.flags,
    ];
    let plain = command(&arguments.concat(), &[]);
    let mut command = match mount {
        None => plain,
        Some(mount) => {
            let Some(namespace) = namespace() else {
                eprintln!("left out: {title}: no namespace for mounts");
                return None;
            };
            // The namespace ends with the shell, and what is in it is seen from outside only by a copy.
            let script =
                format!("{mount} || exit 99; \"$0\" \"$@\"; status=$?; cp {state} {folder_path}/after.json; exit $status");
            let mut command = Command::new(namespace[0]);
            command.args(&namespace[1..]).args(["sh", "-c", &script]).arg(plain.get_program()).args(plain.get_args());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        }
    };
    command.stdin(Stdio::piped()).env("TMPDIR", &temporary).env("TOKIO_WORKER_THREADS", "2");
    let mut program = Program::start(command);
    let line = program.stdout.recv_timeout(PATIENCE).unwrap_or_else(|error| {
        panic!("{title}: {error}: {}", program.stderr.try_iter().collect::<String>());
    });
    let announced: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(fs::read_to_string(&ready).unwrap(), line, "{title}");
    let (pid, port) = (announced["pid"].as_u64().unwrap().to_string(), announced["port"].as_u64().unwrap());
    let address = format!("127.0.0.1:{port}");
    let change = |method: &str, path: &str, body: &Value| {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&address).unwrap();
        let headers =
            format!("Host: {HOST}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        stream.write_all(format!("{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{title}: {answer}");
    };
    change("PATCH", &format!("{COLLECTION}/e0"), &json!({"displayName": "kept"}));
    if matches!(stop.place, Place::FullDisk | Place::MountedFullDisk) {
        for number in 1..=100 {
            change("PATCH", &format!("{COLLECTION}/e{number}"), &json!({"displayName": format!("{name}{name}")}));
        }
    }
    if stop.flags.contains(&"--state-every") {
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(&state).unwrap_or_default().contains("\"kept\"") {
            assert!(Instant::now() < deadline, "{title}: not saved meanwhile");
            thread::sleep(Duration::from_millis(20));
        }
    }
    // The log is written by a thread of its own, which a signal may kill first.
    let loaded = format!("INFO state loaded: {ENTITIES} entities of the default world from {state}");
    let mut log = String::new();
    while !log.contains(&loaded) {
        log += &program.stderr.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{title}: {error}: {log}"));
    }
    let client = work.begin(&address);
    let (status, elapsed) = end(stop, &title, &mut program, &pid, &state);
    drop(client);
    log.extend(program.stderr.iter());
    let is_kept = |path: &std::path::Path| fs::read_to_string(path).is_ok_and(|text| text.contains("\"kept\""));
    let copies: Vec<_> = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    let saved = match &copies[..] {
        [copy] if is_kept(copy) => {
            assert!(log.contains(&format!("state saved to {} instead", copy.display())), "{title}: {log}");
            assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_to_string(folder.0.join("after.json")).unwrap(), initial, "{title}: the old state is intact");
            Saved::InCopy
        }
        [] if is_kept(std::path::Path::new(&state)) || is_kept(std::path::Path::new(&host)) => Saved::InFile,
        _ => Saved::Not,
    };
    if status.is_some() {
        assert_eq!(log.contains("INFO state saved: "), saved == Saved::InFile, "{title}: {log}");
    }
    let is_ready_file_gone = !ready.exists();
    if !is_ready_file_gone {
        // The next start removes it, even if it fails.
        let failed = outcome(&["--ready-file", ready.to_str().unwrap(), "--port", "none"]);
        assert!(failed.status == Some(2) && !ready.exists(), "{title}: {failed:?}");
    }
    if stop.place == Place::Folder {
        check_next_start(&title, &inside, &state, status.is_none());
    }
    Some((saved, is_ready_file_gone, status, elapsed))
}

/// A row with another outcome than in the table.
struct Problem {
    line: String,
    /// Whether a busy machine can be the reason: the stop took too long, or came too early for a save.
    may_be_late: bool,
}

/// Runs a row; returns its outcome if it differs from the table.
fn problem(stop: &Stop, work: Work) -> Option<Problem> {
    if let Trigger::Signals(names) = stop.trigger
        && names.iter().any(|name| is_ignored(name))
    {
        eprintln!(
            "{}: left out, since these tests were started with this signal ignored, as by nohup or in the background",
            stop.name
        );
        return None;
    }
    let (saved, is_gone, status, elapsed) = run(stop, work)?;
    let line = format!("{} × {work:?}: {saved:?}, ready file gone: {is_gone}, {status:?}, {elapsed:.1?}", stop.name);
    eprintln!("{line}");
    let is_status = match work {
        Work::Idle => status == stop.status,
        // It may end in time.
        Work::Computing => status == stop.status || status == stop.busy_status,
        Work::SlowReader | Work::WaitingConnector => status == stop.busy_status,
    };
    let is_kept = saved == stop.saved && is_gone == stop.is_ready_file_gone;
    let is_in_time = elapsed <= STOP_LIMIT;
    let may_be_late = !is_in_time || is_kept || matches!(stop.trigger, Trigger::Impatient(_));
    (!(is_status && is_kept && is_in_time)).then_some(Problem { line, may_be_late })
}

/// Runs all stops in a situation, some at once. A stop that is too late is repeated twice, alone, since the machine may be busy. A state
/// that is not saved, or an announcement that stays, is a problem at once.
fn check(work: Work, at_once: usize) {
    let rows = Mutex::new(STOPS.iter());
    let next = || rows.lock().unwrap().next();
    let (again, lost) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(stop) = next() {
                    match problem(stop, work) {
                        Some(Problem { may_be_late: true, .. }) => again.lock().unwrap().push(stop),
                        Some(Problem { line, .. }) => lost.lock().unwrap().push(line),
                        None => {}
                    }
                }
            });
        }
    });
    let repeated = |stop: &Stop| match problem(stop, work) {
        Some(Problem { may_be_late: true, .. }) => problem(stop, work),
        outcome => outcome,
    };
    let late = again.into_inner().unwrap().into_iter().filter_map(repeated).map(|problem| problem.line);
    let problems: Vec<String> = lost.into_inner().unwrap().into_iter().chain(late).collect();
    assert!(problems.is_empty(), "other outcomes than in the table:\n{}", problems.join("\n"));
}

#[test]
fn every_stop_when_idle() {
    check(Work::Idle, 4);
}

#[test]
fn every_stop_with_a_slow_reader() {
    check(Work::SlowReader, 8);
}

#[test]
fn every_stop_with_a_waiting_connector() {
    check(Work::WaitingConnector, 8);
}

#[test]
fn every_stop_during_a_computation() {
    check(Work::Computing, 4);
}

#[test]
fn a_change_during_the_stop_is_saved_too() {
    let folder = Folder::new("late-change");
    let state = folder.0.join("state.json");
    let saved = || fs::read_to_string(&state).unwrap_or_default();
    let served = Served::start(&["--state", state.to_str().unwrap()]);
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"early"}"#), 200);
    let mut late = served.connect();
    let headers = "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 22";
    late.write_all(format!("POST {COLLECTION} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n\r\n").as_bytes()).unwrap();
    late.read_exact(&mut [0; 25]).unwrap();
    served.program.signal("-TERM");
    let deadline = Instant::now() + PATIENCE;
    while !saved().contains("\"early\"") {
        assert!(Instant::now() < deadline, "not saved before the request in flight ends");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!saved().contains("\"late\""));
    late.write_all(br#"{"displayName":"late"}"#).unwrap();
    let ended = served.program.outcome();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(saved().contains("\"early\"") && saved().contains("\"late\""));
    assert_eq!(ended.stderr.matches("state saved: ").count(), 2, "{ended:?}");
}

#[test]
fn periodic_saving_writes_only_changes() {
    let folder = Folder::new("periodic");
    let state = folder.0.join("state.json");
    let served = Served::start(&["--state", state.to_str().unwrap(), "--state-every", "0.05"]);
    thread::sleep(Duration::from_millis(400));
    assert!(!state.exists(), "nothing has changed");
    assert_eq!(served.status("PATCH", ENTITY, r#"{"displayName":"changed"}"#), 200);
    let deadline = Instant::now() + PATIENCE;
    while !state.exists() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(10));
    }
    let written = fs::metadata(&state).unwrap().modified().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(fs::metadata(&state).unwrap().modified().unwrap(), written);
    let ended = served.stop();
    assert_eq!((ended.status, ended.stderr.matches("state saved: ").count()), (Some(0), 1), "{ended:?}");
    let alone = outcome(&["--port", "0", "--state-every", "1"]);
    assert!(alone.status == Some(2) && alone.stderr.contains("--state"), "{alone:?}");
}

#[test]
fn an_ignored_hang_up_stays_ignored() {
    let folder = Folder::new("nohup");
    let state = folder.0.join("state.json");
    let plain = command(&["--port", "0", "--state", state.to_str().unwrap()], &[]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let served = Served::of(command);
    served.program.signal("-HUP");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    assert_eq!(served.stop().status, Some(0));
}

#[test]
fn an_empty_state_file_is_a_new_one() {
    let folder = Folder::new("empty-state");
    let state = folder.file("state.json", "");
    let served = Served::start(&["--state", &state]);
    assert_eq!(served.status("GET", ENTITY, ""), 200);
    let ended = served.stop();
    assert!(ended.stderr.contains(&format!("INFO state new: 212 initial entities, to be saved to {state}")), "{ended:?}");
    assert!(fs::read_to_string(&state).unwrap().contains("workforceIntegrations"));
}

/// Starts the program, which has to refuse within a few seconds.
fn refused(arguments: &[&str]) -> Outcome {
    let ended = outcome(arguments);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
    ended
}

#[test]
fn a_state_file_that_cannot_be_saved_is_refused_at_start() {
    let Some(namespace) = namespace() else {
        eprintln!("left out: no namespace for mounts");
        return;
    };
    let folder = Folder::new("unsaveable");
    let state = folder.file("state.json", r#"{"workforceIntegrations":[]}"#);
    let path = folder.path();
    let read_only = format!("mount --bind {path} {path} && mount -o remount,bind,ro {path}");
    // The file is mounted, so that the folder alone does not decide.
    let file = format!("mount --bind {state} {state} && mount -o remount,bind,ro {state}");
    let full =
        format!("mount -t tmpfs -o size=8k none {path} && head -c 4096 /dev/zero >{path}/a && head -c 4096 /dev/zero >{path}/b");
    for (setup, reason) in
        [(&read_only, "Read-only file system"), (&file, "Read-only file system"), (&full, "No space left on device")]
    {
        let plain = command(&["--port", "0", "--state", &state], &[]);
        let mut command = Command::new(namespace[0]);
        command.args(&namespace[1..]).args(["sh", "-c", &format!("{setup} || exit 99; exec \"$0\" \"$@\"")]);
        command.arg(plain.get_program()).args(plain.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = Program::start(command).outcome();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{setup}: {ended:?}");
        let expected = format!("wfi-emulator: {state}: cannot be written: {reason}");
        assert!(ended.stderr.starts_with(&expected), "{setup}: {ended:?}");
    }
}

#[test]
fn only_regular_files_are_read() {
    let folder = Folder::new("not-regular");
    let pipe = folder.0.join("workforceIntegrations.json");
    let pipe = pipe.to_str().unwrap();
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("teams.socket")).unwrap();
    let socket = format!("{}/teams.socket", folder.path());
    for path in [pipe, "/dev/zero", &socket] {
        let named = format!("a={path}");
        let flags = ["--fixtures", "--state", "--faults", "--directory", "--stubs", "--ready-file"];
        let flags = flags.into_iter().map(|flag| vec!["--port", "0", flag, path]);
        let others = [vec!["check", path], vec!["--port", "0", "--fixture", &named]];
        for arguments in flags.chain(others) {
            let ended = refused(&arguments);
            assert_eq!(ended.stderr, format!("wfi-emulator: {path}: not a regular file\n"), "{arguments:?}");
        }
    }
    assert!(refused(&["check", folder.path()]).stderr.ends_with("not a regular file\n"), "a folder with a pipe");
    assert!(fs::metadata("/dev/zero").is_ok() && fs::metadata(pipe).is_ok(), "nothing is removed");
}

#[test]
fn a_pipe_in_place_of_a_fixture_does_not_stop_watching() {
    let folder = Folder::new("watched-pipe");
    let file = folder.file("workforceIntegrations.json", r#"[{"id":"a"}]"#);
    let served = Served::start(&["--fixtures", &file, "--watch"]);
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    let logged = |text: &str| {
        while let Ok(line) = served.program.stderr.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(text) {
                return;
            }
        }
        panic!("not in the log: {text}");
    };
    logged(&format!("fixtures not reloaded: {file}: not a regular file"));
    fs::remove_file(&file).unwrap();
    fs::write(&file, r#"[{"id":"b"}]"#).unwrap();
    logged("fixtures reloaded: 1 entity");
    assert_eq!(served.status("GET", &format!("{COLLECTION}/b"), ""), 200);
}

#[test]
fn a_link_planted_for_a_temporary_is_not_followed() {
    let folder = Folder::new("planted-links");
    let victim = folder.file("victim", "precious");
    let (state, ready) = (folder.0.join("state.json"), folder.0.join("ready"));
    for name in ["state.json.tmp", "state.tmp", ".state.json.tmp", "ready.tmp", ".ready.tmp", "ready"] {
        std::os::unix::fs::symlink(&victim, folder.0.join(name)).unwrap();
    }
    let served = Served::start(&["--state", state.to_str().unwrap(), "--ready-file", ready.to_str().unwrap()]);
    assert!(!ready.is_symlink() && fs::metadata(&ready).unwrap().permissions().mode() & 0o777 == 0o600);
    assert_eq!(served.stop().status, Some(0));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!ready.exists() && fs::metadata(&state).unwrap().permissions().mode() & 0o777 == 0o600);
    // A lock has a name that can be guessed.
    std::os::unix::fs::symlink(folder.0.join("elsewhere"), folder.0.join(".state.json.lock")).unwrap();
    let ended = refused(&["--port", "0", "--state", state.to_str().unwrap()]);
    assert!(ended.stderr.contains("cannot be locked") && !folder.0.join("elsewhere").exists(), "{ended:?}");
}

#[test]
fn the_ready_file_of_another_run_goes_before_anything_can_fail() {
    let folder = Folder::new("stale-ready");
    let broken = folder.file("workforceIntegrations.json", "broken");
    for arguments in [
        &["--behavior", "no=such"][..],
        &["--fixtures", &broken],
        &["--state", "/no/such/folder/state.json"],
        &["--port", "none"],
        &["--no-such-flag"],
        &["--host", "not an address"],
    ] {
        let ready = folder.file("ready", "http://127.0.0.1:1\n");
        let ended = outcome(&[arguments, &["--ready-file", &ready]].concat());
        assert!(matches!(ended.status, Some(1 | 2)), "{ended:?}");
        assert!(!std::path::Path::new(&ready).exists(), "{arguments:?}");
        let ready = folder.file("ready", "http://127.0.0.1:1\n");
        let variables = [("WFI_EMULATOR_READY_FILE", ready.as_str())];
        assert!(matches!(Program::start(command(arguments, &variables)).outcome().status, Some(1 | 2)));
        assert!(!std::path::Path::new(&ready).exists(), "{arguments:?}, by its variable");
    }
    let ready = folder.file("ready", "http://127.0.0.1:1\n");
    assert_eq!(outcome(&["--ready-file", &ready, "--help"]).status, Some(0));
    assert!(std::path::Path::new(&ready).exists(), "a page of help starts nothing");
}
