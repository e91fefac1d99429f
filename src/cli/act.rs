//! `act`: does in a running emulator what workers and managers do in the app.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::address::reachable_host;
use super::output::{UNUSABLE, fail, print};
use crate::text::visible::visible_lines;
use crate::workloads::shifts::act::Verb;

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct ActArguments {
    /// Act to carry out
    #[arg(value_parser = Verb::ALL.map(Verb::name))]
    act: String,
    /// User id of the person who acts (default: the one whose part it is)
    #[arg(long = "as", env = "WFI_EMULATOR_AS", value_name = "ID")]
    actor: Option<String>,
    /// Shift id that is given
    #[arg(long, env = "WFI_EMULATOR_FROM", value_name = "ID")]
    from: Option<String>,
    /// Shift id that is wanted in exchange
    #[arg(long, env = "WFI_EMULATOR_TO", value_name = "ID")]
    to: Option<String>,
    /// Request id that is handled
    #[arg(long, env = "WFI_EMULATOR_REQUEST", value_name = "ID")]
    request: Option<String>,
    /// Id of a shift, an open shift, or a time off
    #[arg(long, env = "WFI_EMULATOR_SHIFT", value_name = "ID")]
    shift: Option<String>,
    /// Open shift id
    #[arg(long, env = "WFI_EMULATOR_OPEN_SHIFT", value_name = "ID")]
    open_shift: Option<String>,
    /// Time-off reason id
    #[arg(long, env = "WFI_EMULATOR_REASON", value_name = "ID")]
    reason: Option<String>,
    /// User id of the person who gets a shift
    #[arg(long, env = "WFI_EMULATOR_USER", value_name = "ID")]
    user: Option<String>,
    /// Team id, if several teams have a schedule
    #[arg(long, env = "WFI_EMULATOR_TEAM", value_name = "ID")]
    team: Option<String>,
    /// Start of a time off, a period, or a shift
    #[arg(long, env = "WFI_EMULATOR_START", value_name = "TIME")]
    start: Option<String>,
    /// End of it
    #[arg(long, env = "WFI_EMULATOR_END", value_name = "TIME")]
    end: Option<String>,
    /// Message to the other side
    #[arg(long, env = "WFI_EMULATOR_MESSAGE", value_name = "TEXT")]
    message: Option<String>,
    /// Members of the changed or new shift, as JSON
    #[arg(long, env = "WFI_EMULATOR_CHANGE", value_name = "JSON")]
    change: Option<String>,
    /// Times of availability, as JSON
    #[arg(long, env = "WFI_EMULATOR_AVAILABILITY", value_name = "JSON")]
    availability: Option<String>,
    /// World of the emulator
    #[arg(long, env = "WFI_EMULATOR_WORLD", value_name = "NAME", default_value = "default")]
    world: String,
    /// Address that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
    port: u16,
    /// Token of its control API
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    control_token: Option<String>,
}

/// Time limit of an answer: a connector has half a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Carries out an act, and prints the report. The exit status is 0 if it took place, else 1.
pub(super) fn run(arguments: &ActArguments) -> ExitCode {
    let report = body(arguments).and_then(|body| send(arguments, &body));
    match report {
        Ok(report) => {
            let status = print(&text(&report));
            if report["isDone"] == Value::Bool(true) { status } else { ExitCode::FAILURE }
        }
        Err(problem) => fail(UNUSABLE, &problem),
    }
}

fn body(arguments: &ActArguments) -> Result<Value, String> {
    let mut act = Map::new();
    act.insert("do".to_owned(), arguments.act.as_str().into());
    let texts = [
        ("as", &arguments.actor),
        ("from", &arguments.from),
        ("to", &arguments.to),
        ("request", &arguments.request),
        ("shift", &arguments.shift),
        ("openShift", &arguments.open_shift),
        ("reason", &arguments.reason),
        ("user", &arguments.user),
        ("team", &arguments.team),
        ("start", &arguments.start),
        ("end", &arguments.end),
        ("message", &arguments.message),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            act.insert(name.to_owned(), text.as_str().into());
        }
    }
    for (name, text) in [("change", &arguments.change), ("availability", &arguments.availability)] {
        if let Some(text) = text {
            let value: Value = serde_json::from_str::<Value>(text).map_err(|error| format!("invalid --{name}: {error}"))?;
            act.insert(name.to_owned(), value);
        }
    }
    Ok(act.into())
}

/// Posts an act to the control API. Returns the report.
fn send(arguments: &ActArguments, body: &Value) -> Result<Value, String> {
    let (host, port) = (reachable_host(&arguments.host), arguments.port);
    let address = format!("{host}:{port}");
    let failed = |error: std::io::Error| format!("unreachable emulator at {address}: {error}");
    let mut stream = TcpStream::connect((host, port)).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let body = body.to_string();
    let world = percent_encoding::utf8_percent_encode(&arguments.world, percent_encoding::NON_ALPHANUMERIC);
    let token =
        arguments.control_token.as_ref().map_or_else(String::new, |token| format!("x-wfi-emulator-control-token: {token}\r\n"));
    let head = format!(
        "POST /_emulator/worlds/{world}/acts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(16 * 1024 * 1024).read_to_end(&mut answer).map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, content) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("invalid answer of {address}"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let value: Value = serde_json::from_str::<Value>(content).unwrap_or_default();
    if status == "200" {
        return Ok(value);
    }
    let message = value["error"]["message"].as_str().or(value["message"].as_str()).unwrap_or(content.trim());
    Err(format!("refused with {status}: {message}"))
}

/// Returns a report for people: the request, the calls to the connector, and the changes.
fn text(report: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut out = String::new();
    if report["request"].is_object() {
        let status = &report["status"];
        out.push_str(&format!("{} {} -> {status}\n", word(&report["request"]["method"]), word(&report["request"]["path"])));
    }
    for call in report["calls"].as_array().into_iter().flatten() {
        out.push_str(&format!("called {}\n", word(&call["url"])));
        for element in call["elements"].as_array().into_iter().flatten() {
            out.push_str(&format!("  {} {}\n", word(&element["method"]), word(&element["url"])));
        }
        out.push_str(&format!("  verdict: {}\n", word(&call["verdict"])));
    }
    for change in report["changes"].as_array().into_iter().flatten() {
        let kind = match (change["before"].is_null(), change["after"].is_null()) {
            (true, _) => "created",
            (_, true) => "removed",
            _ => "changed",
        };
        out.push_str(&format!("{kind} {}\n", word(&change["path"])));
    }
    if let Some(refusal) = report["refusal"].as_str() {
        out.push_str(&format!("refused: {refusal}\n"));
    }
    visible_lines(&out).into_owned()
}
