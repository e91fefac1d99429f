//! `wfi-emulator run`: a command whose requests to Graph and Entra come to an emulator of its own.

use std::path::Path;
use std::process::Command;

use crate::program::process::{Folder, PATIENCE, Program, command, refused};

/// Returns `run` with these arguments; its local CA is in a folder.
fn run(folder: &str, arguments: &[&str]) -> Command {
    let arguments: Vec<&str> = std::iter::once("run").chain(arguments.iter().copied()).collect();
    command(&arguments, &[("WFI_EMULATOR_CA_DIR", folder), ("NO_PROXY", "db.test"), ("JAVA_TOOL_OPTIONS", "")])
}

#[test]
fn the_exit_status_is_that_of_the_command() {
    let folder = Folder::new("run-status");
    for (script, status) in [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 128 + 9)] {
        let outcome = Program::start(run(folder.path(), &["--", "sh", "-c", script])).outcome();
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (Some(status), "", ""), "{script}");
    }
    let outcome = Program::start(run(folder.path(), &["--", "no-such-command"])).outcome();
    assert_eq!(outcome.status, Some(127));
    assert!(outcome.stderr.starts_with("wfi-emulator: cannot start no-such-command: "), "{}", outcome.stderr);
}

#[test]
fn standard_output_is_that_of_the_command_alone() {
    let folder = Folder::new("run-streams");
    let script = "echo out; echo err >&2";
    for (options, is_greeted) in [(&[][..], false), (&["--log", "info"], true)] {
        let outcome = Program::start(run(folder.path(), &[options, &["--", "sh", "-c", script]].concat())).outcome();
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), "out\n"), "{options:?}");
        assert_eq!(outcome.stderr.contains("serves an offline Microsoft Graph"), is_greeted, "{}", outcome.stderr);
        // The options by which `run` itself starts the server are not among those of the greeting.
        assert_eq!(outcome.stderr.contains("\noptions: --port 0, --log info, --tls"), is_greeted, "{}", outcome.stderr);
        // The log has at least the question for the report.
        assert_eq!(outcome.stderr.contains(" INFO GET /_emulator/"), is_greeted, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("err\n"), "{}", outcome.stderr);
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    let folder = Folder::new("run-refused");
    let outcome = Program::start(run(folder.path(), &["--auth", "strict"])).outcome();
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.contains("Usage: wfi-emulator run [OPTIONS OF THE SERVER] -- <COMMAND>..."), "{}", outcome.stderr);
    let outcome = Program::start(run(folder.path(), &["--no-such-option", "--", "true"])).outcome();
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.starts_with("error: unexpected argument '--no-such-option' found\n"), "{}", outcome.stderr);
    let outcome = Program::start(run(folder.path(), &["--ca-dir", "memory", "--", "true"])).outcome();
    assert_eq!(outcome, refused("wfi-emulator: no CA file: `run` needs a local CA in a folder, not --ca-dir memory or --cert\n"));
}

#[test]
fn the_command_gets_the_variables_of_proxy_and_trust() {
    let folder = Folder::new("run-variables");
    let script =
        "env; for file in \"$SSL_CERT_FILE\" \"${SSL_CERT_FILE%.pem}.p12\"; do test -s \"$file\" && echo \"found $file\"; done";
    let outcome = Program::start(run(folder.path(), &["--", "sh", "-c", script])).outcome();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let value = |name: &str| outcome.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_default();
    let port = value("HTTPS_PROXY").strip_prefix("http://127.0.0.1:").unwrap();
    assert_eq!(value("https_proxy"), value("HTTPS_PROXY"));
    assert_eq!(value("GRAPH_URL"), format!("https://127.0.0.1:{port}"));
    assert_eq!(value("NO_PROXY"), "db.test,localhost,127.0.0.1,::1");
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT"] {
        assert_eq!(value(name), value("SSL_CERT_FILE"), "{name}");
    }
    assert!(value("JAVA_TOOL_OPTIONS").contains(&format!("-Dhttps.proxyPort={port} ")));
    assert_eq!(outcome.stdout.matches("found ").count(), 2, "{}", outcome.stdout);
    assert!(!Path::new(value("SSL_CERT_FILE")).parent().unwrap().exists(), "the files are removed at the end");
    let port: u16 = port.parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the emulator has ended");
}

#[test]
fn a_signal_is_passed_on() {
    let folder = Folder::new("run-signal");
    let script = "trap 'exit 5' TERM; echo waiting; while true; do sleep 0.1; done";
    let program = Program::start(run(folder.path(), &["--", "sh", "-c", script]));
    assert_eq!(program.stdout.recv_timeout(PATIENCE).unwrap(), "waiting\n");
    program.signal("-TERM");
    assert_eq!(program.outcome().status, Some(5));
}

#[test]
fn a_client_of_the_public_address_reaches_the_emulator_and_refusals_are_printed_after_a_failure() {
    let folder = Folder::new("run-client");
    let exchange =
        folder.file("me.hurl", "GET {{base}}/v1.0/me?$select=displayName\nHTTP 200\n{\"displayName\":\"Local User\"}\n");
    let program = env!("CARGO_BIN_EXE_wfi-emulator");
    let compare = |address: &str, options: &[&str]| {
        let client = ["--", program, "compare", "--against", address, &exchange];
        Program::start(run(folder.path(), &[options, &client].concat())).outcome()
    };
    let reached = compare("https://graph.microsoft.com", &[]);
    assert_eq!(reached.status, Some(1), "it differs in a header at least: {reached:?}");
    let refused = compare("https://graph.microsoft.com", &["--auth", "strict"]);
    assert!(refused.stderr.contains("refused by the emulator:\n"), "{refused:?}");
    assert!(refused.stderr.contains("  GET /v1.0/me?$select=displayName 401 no-token: "), "{refused:?}");
    let other = compare("https://graph.example.com", &[]);
    assert!(other.stderr.contains("  host not answered: graph.example.com ("), "{other:?}");
}

#[test]
fn an_emulator_in_the_background_outlives_the_command_that_prints_its_variables() {
    let folder = Folder::new("run-env");
    // It holds neither standard output nor standard error, for the end of which `Program` waits.
    let outcome = Program::start(run(folder.path(), &["--auth", "strict", "--env=github"])).outcome();
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    let value = |name: &str| outcome.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_default();
    let process = value("WFI_EMULATOR_PID");
    let ended = Command::new("sh")
        .args([
            "-c",
            "kill -0 \"$0\" && kill \"$0\" && while kill -0 \"$0\" 2> /dev/null; do sleep 0.02; done; echo ended",
            process,
        ])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "ended\n", "{process} {outcome:?}");
    assert!(Path::new(value("SSL_CERT_FILE")).is_file(), "the next emulator has the same files");
    assert!(value("SSL_CERT_FILE").starts_with(folder.path()), "{outcome:?}");
}

#[test]
fn a_shell_takes_the_variables_over() {
    let folder = Folder::new("run-eval");
    let program = env!("CARGO_BIN_EXE_wfi-emulator");
    let script = format!(
        r#"eval "$('{program}' run --env)"; '{program}' health --port "${{GRAPH_URL##*:}}"; echo "$? $NO_PROXY"; kill "$WFI_EMULATOR_PID""#
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("WFI_EMULATOR_CA_DIR", folder.path()).env("NO_PROXY", "it's.test");
    let outcome = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), "0 it's.test,localhost,127.0.0.1,::1\n", "{outcome:?}");
}

#[test]
fn an_emulator_that_does_not_start_in_the_background_says_why() {
    let folder = Folder::new("run-env-refused");
    let outcome = Program::start(run(folder.path(), &["--fixtures", "/no/such/folder", "--env"])).outcome();
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("/no/such/folder"), "{outcome:?}");
    let outcome = Program::start(run(folder.path(), &["--env", "--", "true"])).outcome();
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.starts_with("error: the argument '--env[=<FORM>]' cannot be used with "), "{outcome:?}");
    let outcome = Program::start(run(folder.path(), &["--ca-dir", "memory", "--env"])).outcome();
    assert_eq!(outcome, refused("wfi-emulator: no CA file: `run` needs a local CA in a folder, not --ca-dir memory or --cert\n"));
}

#[test]
fn an_emulator_that_the_command_cannot_lead_to_ends_without_its_ready_file() {
    let folder = Folder::new("run-env-ready");
    let ready = folder.0.join("ready");
    let options = ["--ca-dir", "memory", "--ready-file", ready.to_str().unwrap(), "--env"];
    let outcome = Program::start(run(folder.path(), &options)).outcome();
    assert_eq!(outcome, refused("wfi-emulator: no CA file: `run` needs a local CA in a folder, not --ca-dir memory or --cert\n"));
    assert!(!ready.exists(), "the file says that an emulator listens");
}

#[test]
fn the_log_of_an_emulator_in_the_background_is_in_a_file_that_is_named() {
    let folder = Folder::new("run-env-log");
    let mut command = run(folder.path(), &["--log", "info", "--env=github"]);
    command.env("TMPDIR", folder.path());
    let outcome = Program::start(command).outcome();
    let named =
        outcome.stderr.lines().find_map(|line| line.strip_prefix("wfi-emulator: log of the emulator in the background: "));
    let log = named.unwrap_or_else(|| panic!("{outcome:?}")).to_owned();
    assert!(log.starts_with(folder.path()), "{log}");
    let value = |name: &str| outcome.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_default();
    let port = value("GRAPH_URL").rsplit(':').next().unwrap().to_owned();
    let asked = Command::new(env!("CARGO_BIN_EXE_wfi-emulator")).args(["health", "--port", &port]).output().unwrap();
    assert!(asked.status.success(), "{asked:?}");
    end(value("WFI_EMULATOR_PID"));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("stopping"), "{text}");
    assert_eq!(mode(&log), 0o600);
}

/// Ends a process, and waits for its end.
fn end(process: &str) {
    let script = "kill \"$0\" && while kill -0 \"$0\" 2> /dev/null; do sleep 0.02; done";
    assert!(Command::new("sh").args(["-c", script, process]).status().unwrap().success());
}

fn mode(path: &str) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[test]
fn the_ca_of_further_hosts_is_trusted_only_where_it_is_in_use() {
    let folder = Folder::new("run-env-trust");
    let bundle = |options: &[&str]| {
        let outcome = Program::start(run(folder.path(), &[options, &["--env=github"]].concat())).outcome();
        let value =
            |name: &str| outcome.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_default();
        end(value("WFI_EMULATOR_PID"));
        value("SSL_CERT_FILE").to_owned()
    };
    let read = |path: &str| std::fs::read_to_string(folder.path().to_owned() + path).unwrap();
    let plain = bundle(&[]);
    let with_others = bundle(&["--intercept", "api.example.test"]);
    assert_eq!(plain, format!("{}/trust/ca-bundle.pem", folder.path()));
    assert_eq!(with_others, format!("{}/trust-intercept/ca-bundle.pem", folder.path()));
    assert_eq!(bundle(&[]), plain, "it is written again");
    let (own, others) = (read("/ca.pem"), read("/intercept/ca.pem"));
    let certificate = |text: &str| text[text.find("-----BEGIN").unwrap()..].lines().nth(1).unwrap().to_owned();
    let (own, others) = (certificate(&own), certificate(&others));
    assert!(read("/trust/ca-bundle.pem").contains(&own) && !read("/trust/ca-bundle.pem").contains(&others));
    assert!(read("/trust-intercept/ca-bundle.pem").contains(&own) && read("/trust-intercept/ca-bundle.pem").contains(&others));
    for place in ["/trust", "/trust-intercept"] {
        let path = folder.path().to_owned() + place;
        assert_eq!(
            (mode(&path), mode(&format!("{path}/ca-bundle.pem")), mode(&format!("{path}/ca-bundle.p12"))),
            (0o700, 0o600, 0o600)
        );
    }
}

/// Returns the processes whose arguments have a text, `run` itself left out.
#[cfg(target_os = "linux")]
fn servers_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let arguments = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if arguments.contains(text) && arguments.split('\0').nth(1) != Some("run") {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_while_the_emulator_starts_stops_both() {
    for (name, rest) in [("run-early", &["--", "true"][..]), ("run-early-env", &["--env"])] {
        let folder = Folder::new(name);
        // The emulator waits for the writer of a pipe before it can announce itself.
        let pipe = format!("{}/pipe.pem", folder.path());
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let program = Program::start(run(folder.path(), &[&["--connector-ca", &pipe], rest].concat()));
        while servers_with(&pipe).is_empty() {
            std::thread::yield_now();
        }
        program.signal("-TERM");
        let outcome = program.outcome();
        assert_eq!((outcome.status, &*outcome.stdout), (Some(128 + 15), ""), "{outcome:?}");
        assert_eq!(servers_with(&pipe), Vec::<String>::new());
    }
}
