//! `wfi-emulator run`: a command whose requests to Graph and Entra come to an emulator of its own, without a change of the command.
//!
//! The emulator is another process of this program, in a process group of its own: Ctrl-C in a terminal ends the command, and the emulator
//! serves it until then. It ends when its standard input is closed, however this process ends.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::thread;

use clap::Args;
use serde_json::Value;
use tokio::sync::oneshot;

use super::output::{UNUSABLE, fail, report};
use super::running::ControlClient;
use super::signals::{Signals, StopSignal};
use super::{runtime, trust_files};
use crate::text::plural::counted;
use crate::text::visible::visible;

/// The arguments of `run`.
#[derive(Args, Debug)]
#[command(
    override_usage = "wfi-emulator run [OPTIONS OF THE SERVER] -- <COMMAND>...",
    after_help = "The options are those of the server (wfi-emulator --help); it serves HTTPS on a free port."
)]
pub(super) struct RunArguments {
    /// Options of the server, which it reads itself
    #[arg(skip)]
    pub(super) options: Vec<OsString>,
    /// Command to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Exit status for a command that cannot be started, as in a shell.
const NOT_STARTED: u8 = 127;

/// Maximum number of refusals that are printed after a failure.
const REFUSALS: usize = 10;

/// Runs the command, and returns its exit status.
pub(super) fn run(arguments: &RunArguments) -> ExitCode {
    let Some((program, rest)) = arguments.command.split_first() else { return fail(UNUSABLE, "missing command") };
    let emulator = match Emulator::start(&arguments.options) {
        Ok(emulator) => emulator,
        Err(status) => return status,
    };
    let files = match trust_files::write(&emulator.authorities) {
        Ok(files) => files,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let inherited = |name: &str| std::env::var_os(name);
    let mut command = Command::new(program);
    command.args(rest).envs(variables(emulator.port, &files, inherited));
    runtime::run(async {
        let mut signals = match Signals::catch() {
            Ok(signals) => signals,
            Err(error) => return fail(1, &format!("cannot catch signals: {error}")),
        };
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                return fail(NOT_STARTED, &format!("cannot start {}: {error}", visible(&program.to_string_lossy())));
            }
        };
        let status = wait(child, &mut signals).await;
        if !status.as_ref().is_ok_and(ExitStatus::success) {
            emulator.report_refusals().await;
        }
        match status {
            Ok(status) => exit_code(status),
            Err(error) => fail(1, &format!("cannot wait for the command: {error}")),
        }
    })
}

/// The emulator of a command, which ends with the value.
struct Emulator {
    port: u16,
    /// The files of the CAs that vouch for it.
    authorities: Vec<PathBuf>,
    process: Child,
    input: Option<ChildStdin>,
}

impl Emulator {
    /// Starts it, and waits until it listens. A failure has been reported by its process.
    fn start(options: &[OsString]) -> Result<Emulator, ExitCode> {
        let has = |flag: &str| {
            let starts = |option: &OsString| {
                option
                    .to_str()
                    .and_then(|text| text.strip_prefix(flag))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            };
            options.iter().any(starts)
        };
        let program = std::env::current_exe().map_err(|error| fail(1, &format!("cannot find this program: {error}")))?;
        let mut command = Command::new(program);
        command.args(options).args(["--ready", "json", "--exit-with-parent"]);
        for (flag, value) in [("--tls", None), ("--port", Some("0")), ("--log", Some("off"))] {
            if !has(flag) {
                command.arg(flag).args(value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(|error| fail(1, &format!("cannot start the emulator: {error}")))?;
        let input = process.stdin.take();
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            // An unreadable line has no port either.
            let _ = BufReader::new(output).read_line(&mut line);
        }
        let announcement = serde_json::from_str::<Value>(&line).unwrap_or_default();
        let Some(port) = announcement["port"].as_u64().and_then(|port| u16::try_from(port).ok()) else {
            drop(input);
            return Err(process.wait().map_or(ExitCode::FAILURE, exit_code));
        };
        let authority = announcement["ca"].as_str().map(PathBuf::from);
        let intercepting = authority.as_deref().and_then(Path::parent).map(|folder| folder.join("intercept/ca.pem"));
        let authorities = authority.into_iter().chain(intercepting.filter(|file| has("--intercept") && file.exists())).collect();
        Ok(Emulator { port, authorities, process, input })
    }

    /// Prints the requests that the emulator has refused, and the hosts that its proxy has not answered for. With the control API off, it
    /// prints nothing.
    async fn report_refusals(&self) {
        let Ok(mut client) = ControlClient::at(&format!("http://127.0.0.1:{}", self.port)) else { return };
        let mut lines = Vec::new();
        if let Ok(proxy) = client.get("/_emulator/proxy").await {
            for (host, count) in proxy["refusedHosts"].as_object().into_iter().flatten() {
                let count = counted(count.as_u64().unwrap_or_default(), "time", "times");
                lines.push(format!("host not answered: {} ({count}); see --intercept and NO_PROXY", visible(host)));
            }
        }
        if let Ok(journal) = client.get("/_emulator/worlds/default/journal?format=json&status=4xx").await {
            let entries = journal["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            lines.extend(entries.iter().filter(|entry| !entry["refusedBy"].is_null()).map(refusal_line));
        }
        let omitted = lines.len().saturating_sub(REFUSALS);
        if lines.is_empty() {
            return;
        }
        let mut text = "refused by the emulator:\n".to_owned();
        if omitted > 0 {
            text.push_str(&format!("  {omitted} earlier, and\n"));
        }
        text.extend(lines[omitted..].iter().map(|line| format!("  {line}\n")));
        report(&text);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has nothing left to do, and ends by itself.
        let _ = self.process.wait();
    }
}

/// Returns the line of a refused request.
fn refusal_line(entry: &Value) -> String {
    let text = |name: &str| visible(entry[name].as_str().unwrap_or_default()).into_owned();
    let detail = match text("detail") {
        detail if detail.is_empty() => detail,
        detail => format!(": {detail}"),
    };
    format!("{} {} {} {}{detail}", text("method"), text("target"), entry["status"], text("refusedBy"))
}

/// Waits for the end of a command, and passes signals on. Ctrl-C reaches it from the terminal.
async fn wait(mut child: Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    #[cfg(unix)]
    let id = rustix::process::Pid::from_child(&child);
    let (sender, mut ended) = oneshot::channel();
    thread::spawn(move || drop(sender.send(child.wait())));
    loop {
        tokio::select! {
            status = &mut ended => return status.unwrap_or_else(|error| Err(std::io::Error::other(error))),
            signal = signals.next() => {
                #[cfg(unix)]
                if let Some(signal) = passed_on(signal) {
                    // It may have ended meanwhile.
                    let _ = rustix::process::kill_process(id, signal);
                }
                #[cfg(not(unix))]
                let _ = signal;
            }
        }
    }
}

#[cfg(unix)]
fn passed_on(signal: StopSignal) -> Option<rustix::process::Signal> {
    match signal {
        StopSignal::Interrupt => None,
        StopSignal::Terminate => Some(rustix::process::Signal::TERM),
        StopSignal::HangUp => Some(rustix::process::Signal::HUP),
        StopSignal::Quit => Some(rustix::process::Signal::QUIT),
    }
}

/// Returns the exit code of a status; that of a command that was ended by a signal is 128 and its number, as in a shell.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or_default()));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Returns the variables that lead a command to the emulator. `inherited` are those of this process.
fn variables(
    port: u16,
    files: &trust_files::TrustFiles,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> Vec<(&'static str, OsString)> {
    let proxy = format!("http://127.0.0.1:{port}");
    let url = format!("https://127.0.0.1:{port}");
    let bundle = files.bundle.as_os_str();
    let mut set: Vec<(&'static str, OsString)> = vec![
        ("HTTPS_PROXY", proxy.clone().into()),
        ("https_proxy", proxy.into()),
        ("GRAPH_URL", url.clone().into()),
        ("WFI_EMULATOR_BASE_URL", url.into()),
        ("NODE_USE_ENV_PROXY", "1".into()),
    ];
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT"] {
        set.push((name, bundle.into()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set.push((name, joined(inherited(name), ",", "localhost,127.0.0.1,::1")));
    }
    // Java reads neither variables of proxies nor files in PEM.
    let java = format!(
        "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port} -Djavax.net.ssl.trustStoreType=PKCS12 '-Djavax.net.ssl.trustStore={}'",
        files.java.display()
    );
    set.push(("JAVA_TOOL_OPTIONS", joined(inherited("JAVA_TOOL_OPTIONS"), " ", &java)));
    set
}

/// Returns a value with more at its end.
fn joined(before: Option<OsString>, separator: &str, more: &str) -> OsString {
    match before.filter(|before| !before.is_empty()) {
        Some(mut before) => {
            before.push(OsStr::new(separator));
            before.push(more);
            before
        }
        None => more.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_user_are_kept_and_completed() {
        let files = trust_files::TrustFiles { bundle: "/t/ca.pem".into(), java: "/t/ca.p12".into(), folder: None };
        let inherited = |name: &str| match name {
            "NO_PROXY" => Some("db.test".into()),
            "JAVA_TOOL_OPTIONS" => Some("-Xmx1g".into()),
            _ => None,
        };
        let text: Vec<String> = variables(4711, &files, inherited)
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        HTTPS_PROXY=http://127.0.0.1:4711
        https_proxy=http://127.0.0.1:4711
        GRAPH_URL=https://127.0.0.1:4711
        WFI_EMULATOR_BASE_URL=https://127.0.0.1:4711
        NODE_USE_ENV_PROXY=1
        SSL_CERT_FILE=/t/ca.pem
        REQUESTS_CA_BUNDLE=/t/ca.pem
        CURL_CA_BUNDLE=/t/ca.pem
        NODE_EXTRA_CA_CERTS=/t/ca.pem
        DENO_CERT=/t/ca.pem
        NO_PROXY=db.test,localhost,127.0.0.1,::1
        no_proxy=localhost,127.0.0.1,::1
        JAVA_TOOL_OPTIONS=-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4711 -Djavax.net.ssl.trustStoreType=PKCS12 '-Djavax.net.ssl.trustStore=/t/ca.p12'
        ");
    }

    #[test]
    fn a_refusal_is_one_line() {
        let entry = serde_json::json!({ "method": "PATCH", "target": "/v1.0/me", "status": 400, "refusedBy": "wrong-type", "detail": "a\nb" });
        assert_eq!(refusal_line(&entry), "PATCH /v1.0/me 400 wrong-type: a\\nb");
    }
}
