//! `wfi-emulator run`: a command whose requests to Graph and Entra come to an emulator of its own, without a change of the command.
//!
//! The emulator is another process of this program, in a process group of its own: Ctrl-C in a terminal ends the command, and the emulator
//! serves it until then. It ends when its standard input is closed, however this process ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::thread;

use clap::Args;
use serde_json::Value;
use tokio::sync::oneshot;

use super::client_variables::{VariableForm, variables};
use super::output::{UNUSABLE, fail, print, report};
use super::ready::{self, Announcement};
use super::running::ControlClient;
use super::signals::{Signals, StopSignal};
use super::{report as findings, runtime, trust_files};
use crate::edge::private_file;
use crate::report::Severity;
use crate::text::plural::counted;
use crate::text::visible::visible;

/// The arguments of `run`.
#[derive(Args, Debug)]
#[command(
    override_usage = "wfi-emulator run [OPTIONS OF THE SERVER] -- <COMMAND>...\n       wfi-emulator run [OPTIONS OF THE SERVER] --env[=<FORM>]",
    after_help = "The options are those of the server (wfi-emulator --help); it serves HTTPS on a free port."
)]
pub(super) struct RunArguments {
    /// Options of the server, which it reads itself
    #[arg(skip)]
    pub(super) options: Vec<OsString>,
    /// Print the variables that lead programs to the emulator, which goes on in the background. Without a form: sh, on Windows powershell
    #[arg(
        long,
        value_name = "FORM",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = DEFAULT_FORM,
        conflicts_with = "command"
    )]
    env: Option<VariableForm>,
    /// Command to run, with its arguments
    #[arg(last = true, required_unless_present = "env", value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The form of `--env` without one.
const DEFAULT_FORM: &str = if cfg!(windows) { "powershell" } else { "sh" };

/// The variable with the process of an emulator in the background.
const PROCESS: &str = "WFI_EMULATOR_PID";

/// Exit status for a command that cannot be started, as in a shell.
const NOT_STARTED: u8 = 127;

/// Maximum number of refusals that are printed after a failure.
const REFUSALS: usize = 10;

/// Runs the command, and returns its exit status.
pub(super) fn run(arguments: &RunArguments) -> ExitCode {
    runtime::run(async {
        // Before there is another process, which a signal would leave behind.
        let mut signals = match Signals::catch() {
            Ok(signals) => signals,
            Err(error) => return fail(1, &format!("cannot catch signals: {error}")),
        };
        let outcome = match arguments.env {
            Some(form) => start_in_background(form, &arguments.options, &mut signals).await,
            None => run_command(&arguments.command, &arguments.options, &mut signals).await,
        };
        outcome.unwrap_or_else(|status| status)
    })
}

async fn run_command(command: &[OsString], options: &[OsString], signals: &mut Signals) -> Result<ExitCode, ExitCode> {
    let Some((program, rest)) = command.split_first() else { return Err(fail(UNUSABLE, "missing command")) };
    let emulator = Emulator::start(options, signals).await?;
    let files = trust_files::write(&emulator.announced.authorities).map_err(|problem| fail(UNUSABLE, &problem))?;
    let mut command = Command::new(program);
    command.args(rest).envs(variables(emulator.announced.port, &files, inherited));
    if let Some(signal) = signals.pending().await {
        return Err(ExitCode::from(signal.status()));
    }
    let child = command
        .spawn()
        .map_err(|error| fail(NOT_STARTED, &format!("cannot start {}: {error}", visible(&program.to_string_lossy()))))?;
    let status = wait(child, signals).await;
    if !status.as_ref().is_ok_and(ExitStatus::success) {
        emulator.report_refusals().await;
    }
    emulator.report_findings().await;
    status.map(exit_code).map_err(|error| fail(1, &format!("cannot wait for the command: {error}")))
}

fn inherited(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Starts an emulator that goes on after this process, and prints the variables that lead to it. It leaves the terminal and the streams of
/// this process alone: a reader of them would wait for its end. What it logs goes to a file.
async fn start_in_background(form: VariableForm, options: &[OsString], signals: &mut Signals) -> Result<ExitCode, ExitCode> {
    let failed = |error: std::io::Error| fail(1, &format!("cannot start the emulator: {error}"));
    let mut command = server(options)?;
    let folder = std::env::temp_dir();
    let (mut errors, log) = if logs(options) {
        let (file, path) = private_file::create_log(&folder).map_err(failed)?;
        (file, Some(LogFile { path, is_kept: false }))
    } else {
        (private_file::scratch(&folder).map_err(failed)?, None)
    };
    command.stdin(Stdio::null()).stderr(errors.try_clone().map_err(failed)?);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, DETACHED_PROCESS);
    let process = command.spawn().map_err(failed)?;
    let outcome = announced_by(process, options, signals).await;
    report(&text_of(&mut errors));
    let (process, announced) = outcome?;
    let files = match trust_files::keep(&announced.authorities) {
        Ok(files) => files,
        Err(problem) => {
            end(process);
            return Err(fail(UNUSABLE, &problem));
        }
    };
    if let Some(signal) = signals.pending().await {
        end(process);
        return Err(ExitCode::from(signal.status()));
    }
    if let Some(log) = log {
        report(&format!("wfi-emulator: log of the emulator in the background: {}\n", visible(&log.kept().to_string_lossy())));
    }
    let mut variables = variables(announced.port, &files, inherited);
    variables.push((PROCESS, process.id().to_string().into()));
    Ok(print(&form.text(&variables)))
}

/// Ends an emulator that listens, so that it removes its files where the system has a signal for that.
fn end(mut process: Child) {
    // It may have ended meanwhile.
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::TERM);
    #[cfg(not(unix))]
    let _ = process.kill();
    let _ = process.wait();
}

/// The file with the log of an emulator in the background, which is removed with the value unless it is kept.
struct LogFile {
    path: PathBuf,
    is_kept: bool,
}

impl LogFile {
    fn kept(mut self) -> PathBuf {
        self.is_kept = true;
        self.path.clone()
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // The rest is in the folder for temporary files.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether an emulator with some options writes a log.
fn logs(options: &[OsString]) -> bool {
    let mut texts = options.iter().map(|option| option.to_str().unwrap_or_default());
    let mut level = None;
    while let Some(text) = texts.next() {
        level = match text.strip_prefix("--log") {
            Some("") => texts.next(),
            Some(rest) if rest.starts_with('=') => Some(&rest[1..]),
            _ => level,
        };
    }
    level.is_some_and(|level| level != "off")
}

/// Creation flag of a process without a console.
#[cfg(windows)]
const DETACHED_PROCESS: u32 = 0x8;

/// Returns what was written to a file.
fn text_of(file: &mut File) -> String {
    let mut text = Vec::new();
    // Without it the exit status has to do.
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// The emulator of a command, which ends with the value.
struct Emulator {
    announced: Announced,
    process: Child,
    input: Option<ChildStdin>,
}

impl Emulator {
    /// Starts it, and waits until it listens. A failure has been reported by its process.
    async fn start(options: &[OsString], signals: &mut Signals) -> Result<Emulator, ExitCode> {
        let mut command = server(options)?;
        command.arg("--exit-with-parent").stdin(Stdio::piped());
        let mut process = command.spawn().map_err(|error| fail(1, &format!("cannot start the emulator: {error}")))?;
        let input = process.stdin.take();
        let (process, announced) = announced_by(process, options, signals).await?;
        Ok(Emulator { announced, process, input })
    }

    /// Prints a summary of what the command's requests do wrong, unless there are only notes. With the control API off, it prints nothing.
    async fn report_findings(&self) {
        let Ok(mut client) = ControlClient::at(&format!("http://127.0.0.1:{}", self.announced.port)) else { return };
        let Ok(findings) = findings::of(&mut client, "/_emulator/worlds/default/report").await else { return };
        if findings.count(Severity::Warning) > 0 {
            report(&findings.summary());
        }
    }

    /// Prints the requests that the emulator has refused, and the hosts that its proxy has not answered for. With the control API off, it
    /// prints nothing.
    async fn report_refusals(&self) {
        let Ok(mut client) = ControlClient::at(&format!("http://127.0.0.1:{}", self.announced.port)) else { return };
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

/// An emulator that listens.
struct Announced {
    port: u16,
    /// The files of the CAs that vouch for it.
    authorities: Vec<PathBuf>,
}

/// Returns the command of an emulator with some options, over HTTPS on a free port unless they say otherwise.
fn server(options: &[OsString]) -> Result<Command, ExitCode> {
    let program = std::env::current_exe().map_err(|error| fail(1, &format!("cannot find this program: {error}")))?;
    let mut command = Command::new(program);
    command.args(options).args(["--ready", "json"]);
    for (flag, value) in [("--tls", None), ("--port", Some("0")), ("--log", Some("off"))] {
        if !has(options, flag) {
            command.arg(flag).args(value);
        }
    }
    command.stdout(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Waits until an emulator listens. If it ends before, or a signal asks this process to stop, it has ended, and the exit status is returned.
async fn announced_by(mut process: Child, options: &[OsString], signals: &mut Signals) -> Result<(Child, Announced), ExitCode> {
    let output = process.stdout.take();
    let (sender, announced) = oneshot::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // An unreadable line has no port either.
        let _ = output.map(|output| BufReader::new(output).read_line(&mut line));
        let _ = sender.send(line);
    });
    let line = tokio::select! {
        line = announced => line.unwrap_or_default(),
        signal = signals.next() => {
            // Nothing has used it yet.
            let _ = process.kill();
            let _ = process.wait();
            return Err(ExitCode::from(signal.status()));
        }
    };
    let Some(Announcement { port, authority }) = ready::announcement_in(&line) else {
        drop(process.stdin.take());
        return Err(end_of(process, signals).await);
    };
    let intercepting = authority.as_deref().and_then(Path::parent).map(|folder| folder.join("intercept/ca.pem"));
    let intercepting = intercepting.filter(|file| has(options, "--intercept") && file.exists());
    Ok((process, Announced { port, authorities: authority.into_iter().chain(intercepting).collect() }))
}

/// Waits for the end of an emulator that does not listen, and returns the exit status. A signal, which its process group does not get, ends it.
async fn end_of(process: Child, signals: &mut Signals) -> ExitCode {
    #[cfg(unix)]
    let id = rustix::process::Pid::from_child(&process);
    let mut ended = ending(process);
    let mut stopped = None;
    loop {
        tokio::select! {
            status = &mut ended => {
                let status = || status.ok().and_then(Result::ok).map_or(ExitCode::FAILURE, exit_code);
                return stopped.map_or_else(status, |signal: StopSignal| ExitCode::from(signal.status()));
            }
            signal = signals.next() => {
                stopped = Some(signal);
                // It may have ended meanwhile.
                #[cfg(unix)]
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
        }
    }
}

/// Waits for the end of a process on a thread.
fn ending(mut process: Child) -> oneshot::Receiver<std::io::Result<ExitStatus>> {
    let (sender, ended) = oneshot::channel();
    thread::spawn(move || drop(sender.send(process.wait())));
    ended
}

/// Whether a flag is among options.
fn has(options: &[OsString], flag: &str) -> bool {
    let rests = options.iter().filter_map(|option| option.to_str()?.strip_prefix(flag));
    rests.into_iter().any(|rest| rest.is_empty() || rest.starts_with('='))
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
async fn wait(child: Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    #[cfg(unix)]
    let id = rustix::process::Pid::from_child(&child);
    let mut ended = ending(child);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_written_where_the_last_level_is_not_off() {
        for (options, expected) in [
            (&[][..], false),
            (&["--log", "info"], true),
            (&["--log=debug"], true),
            (&["--log", "info", "--log", "off"], false),
            (&["--log=off"], false),
            (&["--log-format", "json"], false),
            (&["--auth", "strict"], false),
        ] {
            let options: Vec<OsString> = options.iter().map(OsString::from).collect();
            assert_eq!(logs(&options), expected, "{options:?}");
        }
    }

    #[test]
    fn a_refusal_is_one_line() {
        let entry = serde_json::json!({ "method": "PATCH", "target": "/v1.0/me", "status": 400, "refusedBy": "wrong-type", "detail": "a\nb" });
        assert_eq!(refusal_line(&entry), "PATCH /v1.0/me 400 wrong-type: a\\nb");
    }
}
