//! The program: output, exit status, signals. [`Served`] and [`Program`] start it in other tests too.
//!
//! Every wait has a time limit, so that a bug fails instead of hanging, and no child outlives its test.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::harness::HOST;

pub(crate) const COLLECTION: &str = "/v1.0/teamwork/workforceIntegrations";

/// An entity of the built-in fixtures.
pub(crate) const ENTITY: &str = "/v1.0/teamwork/workforceIntegrations/0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

/// Time limit of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A run of the program, which is killed when the value is dropped.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) stdout: Receiver<String>,
    pub(crate) stderr: Receiver<String>,
}

/// The outcome of a run of the program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit status; `None` after a signal.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The outcome of a run that refuses its arguments.
pub(crate) fn refused(stderr: &str) -> Outcome {
    Outcome { status: Some(2), stdout: String::new(), stderr: stderr.to_owned() }
}

/// Returns the program with these arguments, and with these of its own variables only.
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
        // Without a pipe, there is nothing to read.
        let stdout = child.stdout.take().map_or_else(|| mpsc::channel().1, lines);
        let stderr = child.stderr.take().map_or_else(|| mpsc::channel().1, lines);
        Program { child, stdout, stderr }
    }

    /// Waits until the program ends by itself.
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

/// Forwards the lines of a pipe, up to its end.
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

/// Returns the resident memory of a process, where the system has `/proc`.
pub(crate) fn resident_mib(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// A program that listens.
pub(crate) struct Served {
    pub(crate) program: Program,
    /// The line on standard output: the base URL.
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

    /// Sends a request on a new connection and returns the raw answer.
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

    /// Returns the next line of the log, without its time and with the duration of the request as `…`.
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

    /// Stops the program and returns its unread output.
    #[cfg(unix)]
    pub(crate) fn stop(self) -> Outcome {
        self.program.signal("-TERM");
        self.program.outcome()
    }
}

/// A folder that is removed when the value is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// Creates an empty folder for the test of this name.
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
        // A leftover folder is harmless.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[test]
fn standard_output_has_only_the_base_url_and_the_greeting_lists_the_endpoints() {
    let served = Served::start(&["--port", "0", "--seed", "1"]);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
    let url = served.url.clone();
    let outcome = served.stop();
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""));
    let greeting: Vec<String> = outcome
        .stderr
        .lines()
        .take(17)
        .map(|line| line.replace(&url, "<url>").replace(env!("CARGO_PKG_VERSION"), "<version>"))
        .collect();
    insta::assert_snapshot!(greeting.join("\n"), @"
    wfi-emulator <version> serves an offline Microsoft Graph
      <url>/v1.0/me
      <url>/v1.0/teamwork/workforceIntegrations (4)
      <url>/v1.0/teams (2)
      <url>/v1.0/applications (2)
      <url>/v1.0/drives (2)
      <url>/v1.0/groups (3)
      <url>/v1.0/organization (1)
      <url>/v1.0/servicePrincipals (2)
      <url>/v1.0/users (6)
      and empty collections: 4
    the same under <url>/beta
    try: curl <url>/v1.0/teamwork/workforceIntegrations
    options: --port 0, --seed 1
    seed: 1; control: <url>/_emulator
    page: <url>/_emulator/ui/
    docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_is_opened_in_the_browser_of_the_user_if_wanted() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("open");
    // In place of the program that opens addresses.
    let opener =
        folder.file("xdg-open", "#!/bin/sh\nprintf %s \"$*\" > \"${0%/*}/new\" && mv \"${0%/*}/new\" \"${0%/*}/opened\"\n");
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path());
    let served = Served::start_with(&["--port", "0", "--open"], &[("PATH", &path)]);
    let (file, deadline) = (folder.0.join("opened"), Instant::now() + PATIENCE);
    let address = loop {
        match std::fs::read_to_string(&file) {
            Ok(text) => break text,
            Err(_) => assert!(Instant::now() < deadline, "nothing is opened"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(address, format!("{}/_emulator/ui/", served.url));
    assert_eq!(served.stop().status, Some(0));
    let greeting = |arguments: &[&str]| Served::start(arguments).stop().stderr;
    assert!(greeting(&["--port", "0"]).contains("page: http"));
    for flag in ["--ui", "--control"] {
        assert!(!greeting(&["--port", "0", flag, "off"]).contains("page: http"), "{flag}");
        let outcome = outcome(&["--port", "0", "--open", flag, "off"]);
        assert_eq!(outcome, refused("wfi-emulator: --open requires the page, which --ui off or --control off removes\n"));
    }
}

#[test]
fn a_port_in_use_is_reported_in_one_line() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let outcome = outcome(&["--port", &address.port().to_string()]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with(&format!("wfi-emulator: cannot listen on {address}: ")), "{}", outcome.stderr);
}

#[test]
fn an_address_for_all_interfaces_is_printed_as_a_reachable_one() {
    let served = Served::start(&["--host", "0.0.0.0"]);
    assert!(served.url.starts_with("http://127.0.0.1:"), "{}", served.url);
    assert_eq!(served.status("GET", COLLECTION, ""), 200);
}

#[cfg(unix)]
#[test]
fn signals_to_stop_end_the_program_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let served = Served::start(&[]);
        // A silent connection does not keep the program alive.
        let mut idle = served.connect();
        served.program.signal(signal);
        let outcome = served.program.outcome();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "{signal}");
        assert!(outcome.stderr.ends_with("INFO stopping: requests in flight finish first\n"), "{}", outcome.stderr);
        assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
    }
}

/// Begins a request without its body, and returns once the program is reading it.
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
fn a_seed_and_a_fixed_clock_make_two_runs_equal() {
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
fn without_a_seed_two_runs_give_different_ids() {
    let run = || Served::start(&["--clock", "2026-01-01T00:00:00Z"]).exchange("POST", COLLECTION, "{}");
    assert_ne!(run(), run());
}

#[test]
fn help_and_version_succeed_and_an_unknown_flag_fails() {
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

/// Runs the script for bash on lines that end within a word, as the shell does.
#[cfg(unix)]
#[test]
fn bash_completes_the_words_of_commands() {
    let folder = Folder::new("completions");
    let script = folder.file("wfi-emulator.bash", &outcome(&["completions", "bash"]).stdout);
    for (line, expected) in [
        ("--profile ", "reference-page"),
        ("serve --profile ", "reference-page"),
        ("serve --po", "--port"),
        ("run --auth ", "strict"),
        ("behaviors upd", "update-response"),
        ("completions ", "powershell"),
        ("connector-check --profile ", "observed"),
        ("call connect --sec", "--secret"),
        ("json-schema ", "fixtures"),
        ("compare --format ", "junit"),
    ] {
        let last = line.rsplit(' ').next().unwrap();
        let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
        let before = line.trim_end_matches(last).split_whitespace().next_back().unwrap_or("wfi-emulator");
        let call = format!(
            "COMP_WORDS=(wfi-emulator {}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _wfi__emulator wfi-emulator '{last}' '{before}'",
            words.join(" ")
        );
        let bash = Command::new("bash")
            .args(["--norc", "-c", &format!("source {script}\n{call}; echo \"${{COMPREPLY[@]}}\"")])
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&bash.stdout);
        assert!(
            found.split_whitespace().any(|word| word == expected),
            "{line}: {found}{}",
            String::from_utf8_lossy(&bash.stderr)
        );
    }
}

#[test]
fn completions_and_the_man_page_have_every_command_and_flag() {
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
    // The values of flags, as far as the generators know them.
    for value in ["strict", "junit"] {
        for (script, shell) in scripts.iter().zip(["bash", "zsh", "fish", "powershell"]) {
            assert!(script.contains(value), "{value} for {shell}");
        }
    }
    for line in [
        "'wfi-emulator --auth' = @('open', 'bearer', 'strict')",
        "'wfi-emulator;compare --format' = @('text', 'json', 'junit')",
        "'wfi-emulator;completions ' = @('bash', 'elvish', 'fish', 'powershell', 'zsh')",
    ] {
        assert!(scripts[3].contains(line), "{line}: {}", scripts[3]);
    }
    // The names that messages have, beside files where a file can have the same.
    for name in ["reference-page", "update-response=no-content", "throttled-decimal", "published-limits"] {
        for (script, shell) in scripts.iter().zip(["bash", "zsh", "fish", "powershell"]) {
            assert!(script.contains(name), "{name} for {shell}");
        }
    }
    assert!(scripts[0].contains("compgen -f -W \"throttled "), "{}", scripts[0]);
    assert!(scripts[1].contains(":FILE:{compadd throttled ") && scripts[1].contains("; _files}'"), "{}", scripts[1]);
    assert!(
        scripts[2].contains("-l faults -d 'File with fault rules, or the name of predefined ones' -r -F -a \"throttled\\t''"),
        "{}",
        scripts[2]
    );
    assert!(page.starts_with(".ie") && page.contains(".TH wfi-emulator 1"), "{}", &page[..200]);
    assert!(page.contains("WFI-EMULATOR TOKEN"), "commands have their flags in it");
    assert_eq!(outcome(&["completions", "sh"]).status, Some(2));
}
