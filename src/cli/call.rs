//! `call`: calls a connector as Shifts does, and reports how Shifts would react to its answer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::HeaderValue;

use super::connector::{ConnectorArguments, SecretArgument};
use super::output::{UNUSABLE, fail, print};
use super::runtime;
use crate::edge::outgoing::{CallPolicy, CallReport, call_with_retries};
use crate::edm::date_time::DateTimeOffset;
use crate::policy::behavior::Behaviors;
use crate::text::visible::visible_lines;
use crate::workloads::shifts::calls::{self, CallKind, KINDS};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::message::{Element, Requests};
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, FLOWS, SampleBuilder};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::outbound::CallOutcome;

#[derive(Debug, Subcommand)]
pub(super) enum CallCommand {
    /// Perform the handshake, which checks that the connector is reachable and knows the secret
    Connect {
        #[command(flatten)]
        target: CallTarget,
        /// Entra tenant id to send
        #[arg(long, env = "WFI_EMULATOR_TENANT_ID", value_name = "ID", default_value = HOME_TENANT)]
        tenant_id: String,
        /// User id of the integration to send
        #[arg(long, env = "WFI_EMULATOR_USER_ID", value_name = "ID", default_value = sample::USER)]
        user_id: String,
    },
    /// Request approval of changes
    Update {
        #[command(flatten)]
        target: CallTarget,
        #[command(flatten)]
        content: Content,
        /// Change to request, as entity type, method and optional id, for example `timesoff:PUT:TOFF_1`; repeatable
        #[arg(long, env = "WFI_EMULATOR_CHANGE", value_name = "TYPE:METHOD[:ID]", default_value = "shifts:POST", conflicts_with_all = ["swap_approval", "request"])]
        change: Vec<String>,
        /// Flow whose call to send, for example `swap-approved`: all of its elements, with ids that fit each other
        #[arg(long, env = "WFI_EMULATOR_FLOW", value_name = "NAME", conflicts_with_all = ["change", "request"], value_parser = FLOWS.map(|(name, _)| name))]
        flow: Option<String>,
        /// Request the approval of a swap, which has five elements; short for `--flow swap-approved`
        #[arg(long, env = "WFI_EMULATOR_SWAP_APPROVAL", conflicts_with_all = ["flow", "request"])]
        swap_approval: bool,
        /// User id of changes of a user's own settings, such as `settings/shiftpreferences:PUT`
        #[arg(long, env = "WFI_EMULATOR_USER_ID", value_name = "ID", default_value = sample::USER)]
        user_id: String,
        /// Value of the header X-MS-WFMPassthrough, as a caller of Graph sent it
        #[arg(long, env = "WFI_EMULATOR_PASSTHROUGH", value_name = "TEXT")]
        passthrough: Option<String>,
    },
    /// Request eligible time-off reasons or swaps
    Read {
        #[command(flatten)]
        target: CallTarget,
        #[command(flatten)]
        content: Content,
        /// Kind of eligibility to request
        #[arg(long, env = "WFI_EMULATOR_ELIGIBILITY", default_value = "time-off-reasons", conflicts_with = "request")]
        eligibility: Eligibility,
        /// Shift id of the swap
        #[arg(long, env = "WFI_EMULATOR_SHIFT", value_name = "ID", default_value = sample::SHIFT)]
        shift: String,
        /// User id of the time-off reasons
        #[arg(long, env = "WFI_EMULATOR_USER_ID", value_name = "ID", default_value = sample::USER)]
        user_id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Eligibility {
    TimeOffReasons,
    Swaps,
}

/// The connector to call.
#[derive(Args, Debug)]
pub(super) struct CallTarget {
    /// URL of the integration
    #[arg(long, env = "WFI_EMULATOR_URL", value_name = "URL")]
    url: String,
    /// API version of the integration
    #[arg(long, env = "WFI_EMULATOR_API_VERSION", value_name = "NUMBER", default_value_t = 1)]
    api_version: i32,
    #[command(flatten)]
    secret: SecretArgument,
    #[command(flatten)]
    connectors: ConnectorArguments,
    /// Number of retries after an answer other than 200 or with invalid data
    #[arg(long, env = "WFI_EMULATOR_RETRIES", value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    /// Delay before the first retry in milliseconds; doubled for each further one
    #[arg(long, env = "WFI_EMULATOR_BACK_OFF", value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    back_off: u64,
    /// Print the plaintext of requests and answers too
    #[arg(long, env = "WFI_EMULATOR_SHOW")]
    show: bool,
}

#[derive(Args, Debug)]
pub(super) struct Content {
    /// Team id of the schedule
    #[arg(long, visible_alias = "team", env = "WFI_EMULATOR_TEAM_ID", value_name = "ID", default_value = sample::TEAM)]
    team_id: String,
    /// File with the plaintext to send, {"requests": […]}, instead of a sample
    #[arg(long, env = "WFI_EMULATOR_REQUEST", value_name = "FILE")]
    request: Option<PathBuf>,
}

impl CallTarget {
    fn endpoint(&self) -> Result<ConnectorEndpoint, String> {
        let (secret, _) = self.secret.read()?;
        let endpoint = ConnectorEndpoint {
            url: Some(self.url.as_str().into()),
            api_version: Some(self.api_version),
            secret: Some(secret.as_str().into()),
            display_name: None,
        };
        endpoint.check_url().map_err(|failure| {
            let expected = failure.reason().trim_start_matches("invalid url in the integration: ");
            format!("invalid --url '{}': {expected}", endpoint.redacted_url())
        })?;
        Ok(endpoint)
    }

    fn policy(&self, behaviors: &Behaviors) -> Result<CallPolicy, String> {
        Ok(CallPolicy {
            connectors: self.connectors.settings()?,
            retries: self.retries,
            back_off: Duration::from_millis(self.back_off),
            content_type: behaviors.connector_content_type,
            eligibility_times: behaviors.eligibility_times,
        })
    }
}

/// Makes a call and prints the report. The exit status is 0 if Shifts would proceed, else 1.
pub(super) fn run(call: &CallCommand, behaviors: &Behaviors) -> ExitCode {
    let world = World::new(crate::workloads::settings());
    let (target, message) = match call {
        CallCommand::Connect { target, tenant_id, user_id } => (target, Ok(OutboundMessage::connect(tenant_id, user_id))),
        CallCommand::Update { target, content, change, flow, swap_approval, user_id, passthrough } => {
            let passthrough = passthrough.as_deref().map(HeaderValue::from_str).transpose();
            let passthrough = passthrough.map_err(|_| "invalid --passthrough: not a header value".to_owned());
            let message = |requests: &Requests| {
                let is_own = |element: &Element| element.url.starts_with("/settings/");
                passthrough.map(|passthrough| match requests.requests.first() {
                    Some(first) if is_own(first) => OutboundMessage::user_update(user_id, requests, passthrough),
                    _ => OutboundMessage::update(&content.team_id, requests, passthrough),
                })
            };
            let message = match &content.request {
                Some(file) => read_requests(file).and_then(|(requests, text)| Ok(message(&requests)?.with_plaintext(text))),
                None => match flow.as_deref().or(swap_approval.then_some("swap-approved")) {
                    Some(name) => {
                        let mut next_id = || world.next_entity_id().to_string();
                        message(&sample_builder(&world, &mut next_id).flow(name).unwrap_or_default())
                    }
                    None => changes(&world, change).and_then(|requests| message(&requests)),
                },
            };
            (target, message)
        }
        CallCommand::Read { target, content, eligibility, shift, user_id } => {
            let message = |requests: &Requests| OutboundMessage::read(&content.team_id, requests);
            let message = match &content.request {
                Some(file) => read_requests(file).map(|(requests, text)| message(&requests).with_plaintext(text)),
                None => Ok(message(&Requests { requests: vec![eligible(*eligibility, shift, user_id, behaviors)] })),
            };
            (target, message)
        }
    };
    let (endpoint, policy, message) = match (target.endpoint(), target.policy(behaviors), message) {
        (Ok(endpoint), Ok(policy), Ok(message)) => (endpoint, policy, message),
        (Err(problem), _, _) | (_, Err(problem), _) | (_, _, Err(problem)) => return fail(UNUSABLE, &problem),
    };
    runtime::run(async {
        let report = call_with_retries(&endpoint, message, &policy, || world.next_message_bytes()).await;
        let plaintexts = if target.show { plaintexts(&report) } else { String::new() };
        let status = print(&format!("{plaintexts}{report}"));
        if report.verdict.lets_pass() { status } else { ExitCode::FAILURE }
    })
}

/// Returns the plaintexts of a call and its answers, for people.
fn plaintexts(report: &CallReport) -> String {
    let mut text = format!("sent: {}\n", set_off(&report.message.plaintext));
    for (call, _) in &report.attempts {
        if let CallOutcome::Answered { body, .. } = &call.outcome {
            text.push_str(&format!("answered: {}\n", set_off(body)));
        }
    }
    text
}

/// Returns a text for the terminal, with its further lines set off from those of the report.
fn set_off(text: &[u8]) -> String {
    visible_lines(&String::from_utf8_lossy(text)).replace('\n', "\n    ")
}

/// Reads a plaintext, which is sent as it is in the file.
fn read_requests(file: &Path) -> Result<(Requests, Vec<u8>), String> {
    let problem = |reason: String| format!("{}: {reason}", file.display());
    let text = std::fs::read(file).map_err(|error| problem(error.to_string()))?;
    let requests = Requests::read(&text).map_err(|error| problem(error.to_string()))?;
    Ok((requests, text))
}

fn sample_builder<'m>(world: &World, next_id: &'m mut dyn FnMut() -> String) -> SampleBuilder<'m> {
    SampleBuilder { next_id, now: now(world), expires: expiry(world) }
}

/// Returns the current time in the form of entities.
pub(super) fn now(world: &World) -> String {
    time(unix_millis(world.clock.now()))
}

/// Returns the time at which a transaction expires that begins now.
pub(super) fn expiry(world: &World) -> String {
    time(unix_millis(world.clock.now()) + calls::EXPIRES_AFTER_MILLIS)
}

fn time(millis: i64) -> String {
    DateTimeOffset::from_unix_millis(millis).to_string()
}

fn changes(world: &World, changes: &[String]) -> Result<Requests, String> {
    let mut next_id = || world.next_entity_id().to_string();
    let mut builder = sample_builder(world, &mut next_id);
    let requests: Result<Vec<Element>, String> = changes.iter().map(|change| element(&mut builder, change)).collect();
    Ok(Requests { requests: requests? })
}

fn element(builder: &mut SampleBuilder<'_>, change: &str) -> Result<Element, String> {
    let mut parts = change.splitn(3, ':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (name, method, id) = (part().unwrap_or_default(), part().unwrap_or("POST"), part());
    let kind: &CallKind = calls::kind_named(name).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.segment).collect();
        format!("unknown entity type '{name}' (known: {})", names.join(", "))
    })?;
    let method = method.to_ascii_uppercase();
    if !["POST", "PUT", "DELETE"].contains(&&*method) {
        return Err(format!("unknown method '{method}': a change is a POST, PUT or DELETE"));
    }
    Ok(builder.element(kind, &method, id))
}

fn eligible(eligibility: Eligibility, shift: &str, user_id: &str, behaviors: &Behaviors) -> Element {
    match eligibility {
        Eligibility::TimeOffReasons => calls::eligible_time_off_reasons(user_id),
        Eligibility::Swaps => calls::eligible_swaps(shift, calls::PUBLISHED_PERIOD, behaviors.eligibility_times),
    }
}
