//! A running emulator, as the commands find and ask it, and those that show and change its worlds.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use http::{Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::address::reachable_host;
use super::output::{UNUSABLE, fail, print, report, write_out};
use super::{runtime, secret_file};
use crate::edge::client::{HttpClient, Upstream};
use crate::edge::control;
use crate::text::exchange::RecordedRequest;
use crate::text::plural::counted;
use crate::text::visible::{visible, visible_lines};
use crate::world::fault::{self, FaultRule, RuleForm};

/// The address of a running emulator, and access to its control API.
#[derive(Args, Debug)]
pub(super) struct RunningArguments {
    /// Address that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port that the emulator listens on
    #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
    port: u16,
    /// Token of its control API
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    control_token: Option<String>,
    /// File with that token, which keeps it out of process lists; `-` for standard input
    #[arg(long, env = "WFI_EMULATOR_CONTROL_TOKEN_FILE", value_name = "FILE", conflicts_with = "control_token")]
    control_token_file: Option<PathBuf>,
}

/// A world of a running emulator.
#[derive(Args, Debug)]
pub(super) struct WorldArguments {
    /// World of the emulator
    #[arg(long, env = "WFI_EMULATOR_WORLD", value_name = "NAME", default_value = "default")]
    world: String,
    #[command(flatten)]
    running: RunningArguments,
}

impl RunningArguments {
    /// Returns host and port.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", reachable_host(&self.host), self.port)
    }

    /// Returns the token of the control API, if one is given.
    pub(super) fn control_token(&self) -> Result<Option<String>, String> {
        match &self.control_token_file {
            Some(file) => secret_file::read(file).map(Some),
            None => Ok(self.control_token.clone()),
        }
    }

    pub(super) fn client(&self) -> Result<ControlClient, String> {
        let base = format!("http://{}", self.address());
        let service = Upstream::new(&base, None).map_err(|_| format!("invalid --host '{}'", self.host))?;
        Ok(ControlClient { client: HttpClient::new(service), token: self.control_token()? })
    }
}

impl WorldArguments {
    /// Returns the path of something of the world.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/_emulator/worlds/{}{rest}", utf8_percent_encode(&self.world, NON_ALPHANUMERIC))
    }

    /// Returns the address and access.
    pub(super) fn running(&self) -> &RunningArguments {
        &self.running
    }
}

/// Asks the control API of a running emulator.
pub(super) struct ControlClient {
    client: HttpClient,
    token: Option<String>,
}

impl ControlClient {
    /// Returns a client of the emulator at a base address, without a token.
    pub(super) fn at(base: &str) -> Result<ControlClient, String> {
        Ok(ControlClient { client: HttpClient::new(Upstream::new(base, None)?), token: None })
    }

    /// Returns the body of an answer. A refusal is an error with its message.
    async fn send(&mut self, method: Method, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let (status, body) = self.exchange(method, path, body).await?;
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    /// Returns status and body of an answer.
    async fn exchange(&mut self, method: Method, path: &str, body: Option<&[u8]>) -> Result<(StatusCode, Vec<u8>), String> {
        let mut headers: Vec<(String, String)> =
            self.token.iter().map(|token| (control::TOKEN.to_string(), token.clone())).collect();
        if body.is_some() {
            headers.push((header::CONTENT_TYPE.to_string(), "application/json".to_owned()));
        }
        let body = body.unwrap_or_default().to_vec().into();
        let request = RecordedRequest { method, target: path.to_owned(), headers, body };
        let answer = self.client.send(&request).await.map_err(|problem| format!("unreachable emulator: {problem}"))?;
        Ok((answer.status, answer.body.to_vec()))
    }

    /// Fails on a world that nothing has used yet, with the names of the others. Most questions about one would create it, and answer of a
    /// world that no client has.
    pub(super) async fn check_world(&mut self, at: &WorldArguments) -> Result<(), String> {
        let (status, answer) = self.exchange(Method::GET, &at.path(""), None).await?;
        if status.is_success() {
            return Ok(());
        }
        if status != StatusCode::NOT_FOUND {
            return Err(refusal(status, &answer));
        }
        let list = self.get(&format!("/_emulator/worlds?limit={LISTED_WORLDS}")).await?;
        let names = list["worlds"].as_array().into_iter().flatten().filter_map(|world| world["name"].as_str());
        let mut known: Vec<String> = names.map(str::to_owned).collect();
        let omitted = list["count"].as_u64().unwrap_or_default().saturating_sub(known.len() as u64);
        if omitted > 0 {
            known.push(format!("{omitted} more"));
        }
        Err(format!("unknown world '{}' (known: {})", at.world, known.join(", ")))
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Value, String> {
        let answer = self.send(Method::GET, path, None).await?;
        serde_json::from_slice::<Value>(&answer).map_err(|error| format!("unreadable answer: {error}"))
    }
}

/// Maximum number of worlds that are named instead of an unknown one.
const LISTED_WORLDS: usize = 20;

/// Returns the message of a refusal by the control API.
pub(super) fn refusal(status: StatusCode, answer: &[u8]) -> String {
    let value = serde_json::from_slice::<Value>(answer).unwrap_or_default();
    let text = String::from_utf8_lossy(answer).into_owned();
    let message = value["error"]["message"].as_str().unwrap_or(text.trim());
    format!("refused with {}: {message}", status.as_u16())
}

/// Carries out a command, and prints its text.
fn carry_out(work: impl Future<Output = Result<String, String>>) -> ExitCode {
    runtime::run(async {
        match work.await {
            Ok(text) => print(&text),
            Err(problem) => fail(UNUSABLE, &problem),
        }
    })
}

/// The form of a printed journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JournalForm {
    Text,
    Json,
    Exchange,
}

/// The arguments of `journal`.
#[derive(Args, Debug)]
pub(super) struct JournalArguments {
    #[command(flatten)]
    at: WorldArguments,
    /// Print further requests as they come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Print the bodies of requests and answers too
    #[arg(long)]
    body: bool,
    /// Maximum number of requests, the latest ones
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Form of the output: a line per request, JSON, or exchanges (.hurl)
    #[arg(long, value_name = "FORM", default_value = "text", conflicts_with = "follow")]
    format: JournalForm,
}

/// Time between two questions for further requests.
const INTERVAL: Duration = Duration::from_millis(250);

/// Prints the journal of a world.
pub(super) fn journal(arguments: &JournalArguments) -> ExitCode {
    carry_out(async {
        let mut client = arguments.at.running.client()?;
        match client.check_world(&arguments.at).await {
            // A follower may come before the tests.
            Err(problem) if arguments.follow => report(&format!("wfi-emulator: {}; waiting for it\n", visible(&problem))),
            outcome => outcome?,
        }
        let limit = arguments.limit.map_or_else(String::new, |limit| format!("&limit={limit}"));
        let query = |form: &str| arguments.at.path(&format!("/journal?format={form}{limit}"));
        match arguments.format {
            JournalForm::Text => {}
            JournalForm::Json => {
                let value = client.get(&query("json")).await?;
                return Ok(format!("{value:#}\n"));
            }
            JournalForm::Exchange => {
                let text = client.send(Method::GET, &query("exchange"), None).await?;
                return Ok(visible_lines(&String::from_utf8_lossy(&text)).into_owned());
            }
        }
        let mut last = 0;
        loop {
            let mut page = client.get(&format!("{}&after={last}", query("json"))).await?;
            let entries = page["entries"].take();
            let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
            let lines: String = entries.iter().map(|entry| entry_text(entry, arguments.body)).collect();
            // After a reset, the numbers begin again.
            let count = page["count"].as_u64().unwrap_or_default();
            last = if count < last { 0 } else { entries.last().and_then(|entry| entry["number"].as_u64()).unwrap_or(last) };
            if !arguments.follow {
                return Ok(lines);
            }
            write_out(lines.as_bytes())?;
            tokio::time::sleep(INTERVAL).await;
        }
    })
}

/// Returns the line of a request, and its bodies.
fn entry_text(entry: &Value, has_bodies: bool) -> String {
    let text = |value: &Value| visible(value.as_str().unwrap_or_default()).into_owned();
    let status = entry["status"].as_u64().map_or_else(|| "---".to_owned(), |status| status.to_string());
    let time = entry["time"].as_str().and_then(|time| time.get(11..19)).unwrap_or_default();
    let mut out = format!("{} {time} {status} {} {}", entry["number"], text(&entry["method"]), text(&entry["target"]));
    if let Some(rule) = entry["refusedBy"].as_str() {
        out.push_str(&format!("  {}", visible(rule)));
    }
    for rule in entry["faults"].as_array().into_iter().flatten() {
        out.push_str(&format!("  fault {}", text(rule)));
    }
    out.push('\n');
    for (sign, part) in [(">", &entry["request"]["body"]), ("<", &entry["response"]["body"])] {
        if has_bodies && !part.is_null() {
            out.push_str(&format!("  {sign} {}\n", visible(&part.to_string())));
        }
    }
    out
}

/// The arguments of `worlds`.
#[derive(Args, Debug)]
pub(super) struct WorldsArguments {
    #[command(flatten)]
    running: RunningArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints all worlds.
pub(super) fn worlds(arguments: &WorldsArguments) -> ExitCode {
    carry_out(async {
        let list = arguments.running.client()?.get("/_emulator/worlds").await?;
        if arguments.json {
            return Ok(format!("{list:#}\n"));
        }
        let mut out = String::new();
        for world in list["worlds"].as_array().into_iter().flatten() {
            let entities: u64 = world["entities"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
            let name = visible(world["name"].as_str().unwrap_or_default());
            let number = |member: &str| world[member].as_u64().unwrap_or_default();
            let counts = [
                counted(entities, "entity", "entities"),
                counted(number("requests"), "request", "requests"),
                counted(number("faults"), "fault rule", "fault rules"),
            ];
            out.push_str(&format!("{name}: {}\n", counts.join(", ")));
        }
        Ok(out)
    })
}

/// Resets a world.
pub(super) fn reset(at: &WorldArguments) -> ExitCode {
    carry_out(async {
        let mut client = at.running.client()?;
        client.check_world(at).await?;
        client.send(Method::POST, &at.path("/reset"), None).await?;
        Ok(String::new())
    })
}

/// The arguments of `faults`.
#[derive(Args, Debug)]
pub(super) struct FaultsArguments {
    /// File with fault rules or name of predefined ones, which replace the rules of the world; off for none
    rules: Option<String>,
    #[command(flatten)]
    at: WorldArguments,
}

/// Prints the fault rules of a world, or replaces them.
pub(super) fn faults(arguments: &FaultsArguments) -> ExitCode {
    carry_out(async {
        let path = arguments.at.path("/faults");
        let rules = match arguments.rules.as_deref() {
            None => None,
            Some("off") => Some(b"[]".to_vec()),
            Some(name) => match FaultRule::ready(name).filter(|_| !PathBuf::from(name).exists()) {
                Some(rules) => {
                    let rules: Vec<String> = rules.iter().map(|rule| fault::write(rule, RuleForm::Short)).collect();
                    Some(format!("[{}]", rules.join(",")).into_bytes())
                }
                None => Some(std::fs::read(name).map_err(|error| format!("{name}: {error}"))?),
            },
        };
        let mut client = arguments.at.running.client()?;
        match rules {
            Some(rules) => _ = client.send(Method::PUT, &path, Some(&rules)).await?,
            None => client.check_world(&arguments.at).await?,
        }
        Ok(format!("{:#}\n", client.get(&path).await?))
    })
}

/// The arguments of `state`.
#[derive(Args, Debug)]
pub(super) struct StateArguments {
    #[command(flatten)]
    at: WorldArguments,
    /// File with entities that replace those of the world
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// Collection to print or to replace, instead of all
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
}

/// Prints the state of a world, or replaces it.
pub(super) fn state(arguments: &StateArguments) -> ExitCode {
    carry_out(async {
        let name = |name: &String| format!("?collection={}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        let query = arguments.collection.as_ref().map_or_else(String::new, name);
        let path = arguments.at.path(&format!("/state{query}"));
        let mut client = arguments.at.running.client()?;
        if let Some(file) = &arguments.import {
            let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            client.send(Method::PUT, &path, Some(&text)).await?;
            return Ok(String::new());
        }
        client.check_world(&arguments.at).await?;
        let text = client.send(Method::GET, &path, None).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    })
}

/// The arguments of `clock`.
#[derive(Args, Debug)]
pub(super) struct ClockArguments {
    #[command(flatten)]
    at: WorldArguments,
    /// Time to set the clock to, for example 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    set: Option<String>,
    /// Number of seconds to advance the clock by
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    advance: Option<f64>,
    /// Stop the clock
    #[arg(long)]
    freeze: bool,
    /// Let the clock run
    #[arg(long, conflicts_with = "freeze")]
    run: bool,
}

/// Prints the clock of a world, or changes it first.
pub(super) fn clock(arguments: &ClockArguments) -> ExitCode {
    carry_out(async {
        let mut change = serde_json::Map::new();
        if let Some(time) = &arguments.set {
            change.insert("now".to_owned(), time.as_str().into());
        }
        if let Some(seconds) = arguments.advance {
            change.insert("advance".to_owned(), seconds.into());
        }
        if arguments.freeze || arguments.run {
            change.insert("running".to_owned(), json!(arguments.run));
        }
        let path = arguments.at.path("/clock");
        let mut client = arguments.at.running.client()?;
        if change.is_empty() {
            client.check_world(&arguments.at).await?;
        } else {
            client.send(Method::PUT, &path, Some(Value::from(change).to_string().as_bytes())).await?;
        }
        let clock = client.get(&path).await?;
        let state = if clock["running"] == json!(true) { "running" } else { "frozen" };
        Ok(format!("{} ({state})\n", clock["now"].as_str().unwrap_or_default()))
    })
}
