//! `act`: does in a running emulator what workers and managers do in the app.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};
use serde_json::{Map, Value};

use super::output::{UNUSABLE, fail, print};
use super::running::{WorldArguments, refusal};
use super::runtime;
use crate::edge::control;
use crate::edge::outgoing::make_own_call;
use crate::text::visible::visible_lines;
use crate::workloads::shifts::act::Verb;
use crate::world::outbound::{CallOutcome, OutboundCall};

/// The arguments of the command.
#[derive(Args, Debug)]
pub(super) struct ActArguments {
    /// Act to carry out
    #[arg(value_parser = Verb::ALL.map(Verb::name))]
    act: String,
    /// User id of the person who acts (default: the one whose part it is)
    #[arg(long = "as", value_name = "ID")]
    actor: Option<String>,
    /// Shift id that is given
    #[arg(long, value_name = "ID")]
    from: Option<String>,
    /// Shift id that is wanted in exchange
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    /// Request id that is handled
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Id of a shift, an open shift, or a time off
    #[arg(long, value_name = "ID")]
    shift: Option<String>,
    /// Open shift id
    #[arg(long, value_name = "ID")]
    open_shift: Option<String>,
    /// Time-off reason id
    #[arg(long, value_name = "ID")]
    reason: Option<String>,
    /// User id of the person who gets a shift
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Scheduling group id of a new shift (default: the first group that has the user)
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// Team id, if several teams have a schedule
    #[arg(long, value_name = "ID")]
    team: Option<String>,
    /// Start of a time off, a period, or a shift
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// End of it
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Message to the other side
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Members of the changed or new shift, as JSON
    #[arg(long, value_name = "JSON")]
    change: Option<String>,
    /// Times of availability, as JSON
    #[arg(long, value_name = "JSON")]
    availability: Option<String>,
    #[command(flatten)]
    at: WorldArguments,
}

/// Time limit of an answer: a connector has half a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Carries out an act, and prints the report. The exit status is 0 if it took place, else 1.
pub(super) fn run(arguments: &ActArguments) -> ExitCode {
    let body = match body(arguments) {
        Ok(body) => body,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    runtime::run(async {
        match send(arguments, &body).await {
            Ok(report) => {
                let status = print(&text(&report));
                if report["isDone"] == Value::Bool(true) { status } else { ExitCode::FAILURE }
            }
            Err(problem) => fail(UNUSABLE, &problem),
        }
    })
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
        ("group", &arguments.group),
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
async fn send(arguments: &ActArguments, body: &Value) -> Result<Value, String> {
    let address = arguments.at.running().address();
    let url = format!("http://{address}{}", arguments.at.path("/acts"));
    let url: Uri = url.parse().map_err(|_| format!("invalid address '{address}': check --host"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = arguments.at.running().control_token()? {
        let token = HeaderValue::from_str(&token).map_err(|_| "invalid control token: not a header value".to_owned())?;
        headers.insert(control::TOKEN, token);
    }
    let call = OutboundCall { method: Method::POST, url, headers, body: body.to_string().into(), timeout: PATIENCE };
    let (status, answer) = match make_own_call(&call).await {
        CallOutcome::Answered { status, body, .. } => (status, body),
        CallOutcome::Failed(failure) => return Err(format!("unreachable emulator at {address}: {}", failure.reason())),
    };
    if status != StatusCode::OK {
        return Err(refusal(status, &answer));
    }
    serde_json::from_slice::<Value>(&answer).map_err(|error| format!("unreadable answer: {error}"))
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
