//! `call`: says to a connector what Shifts would say, and reports what it would make of the answer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::HeaderValue;

use super::envelope::{ConnectorChoice, SecretChoice};
use super::{UNUSABLE, fail, print};
use crate::edge::outgoing::{CallPolicy, Report, say};
use crate::edm::date_time::DateTimeOffset;
use crate::policy::behavior::Behaviors;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::message::{Element, Requests};
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, KINDS, SampleBuilder, SampleKind};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::outbound::CallOutcome;
use crate::world::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum CallCommand {
    /// The handshake: is the connector there, and does it know the secret?
    Connect {
        #[command(flatten)]
        target: CallTarget,
        /// The id of the tenant
        #[arg(long, env = "WFI_EMULATOR_TENANT_ID", value_name = "ID", default_value = HOME_TENANT)]
        tenant_id: String,
        /// The id of the integration's user
        #[arg(long, env = "WFI_EMULATOR_USER_ID", value_name = "ID", default_value = sample::USER)]
        user_id: String,
    },
    /// Ask for approval of changes
    Update {
        #[command(flatten)]
        target: CallTarget,
        #[command(flatten)]
        content: Content,
        /// A change to ask about: entity type, method and, where it matters, an id, for example `timesoff:PUT:TOFF_1`; repeatable
        #[arg(long, env = "WFI_EMULATOR_CHANGE", value_name = "TYPE:METHOD[:ID]", default_value = "shifts:POST", conflicts_with_all = ["swap_approval", "request"])]
        change: Vec<String>,
        /// The approval of a swap: five elements
        #[arg(long, env = "WFI_EMULATOR_SWAP_APPROVAL", conflicts_with = "request")]
        swap_approval: bool,
        /// The header X-MS-WFMPassthrough, as the caller of Graph has sent it
        #[arg(long, env = "WFI_EMULATOR_PASSTHROUGH", value_name = "TEXT")]
        passthrough: Option<String>,
    },
    /// Ask what is eligible
    Read {
        #[command(flatten)]
        target: CallTarget,
        #[command(flatten)]
        content: Content,
        /// What to ask for
        #[arg(long, env = "WFI_EMULATOR_ELIGIBILITY", default_value = "time-off-reasons", conflicts_with = "request")]
        eligibility: Eligibility,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Eligibility {
    TimeOffReasons,
    Swaps,
}

/// Where the connector is, and how it is spoken to.
#[derive(Args, Debug)]
pub(super) struct CallTarget {
    /// The url of the integration
    #[arg(long, env = "WFI_EMULATOR_URL", value_name = "URL")]
    pub(super) url: String,
    /// Its apiVersion
    #[arg(long, env = "WFI_EMULATOR_API_VERSION", value_name = "NUMBER", default_value_t = 1)]
    pub(super) api_version: i32,
    #[command(flatten)]
    pub(super) secret: SecretChoice,
    #[command(flatten)]
    pub(super) connectors: ConnectorChoice,
    /// How often a call is repeated whose answer is not 200 or no valid data
    #[arg(long, env = "WFI_EMULATOR_RETRIES", value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    /// How many milliseconds the first repetition waits; each further one waits twice as long
    #[arg(long, env = "WFI_EMULATOR_BACK_OFF", value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    back_off: u64,
    /// Print what was said and answered too
    #[arg(long, env = "WFI_EMULATOR_SHOW")]
    show: bool,
}

#[derive(Args, Debug)]
pub(super) struct Content {
    /// The id of the team whose schedule it is about
    #[arg(long, env = "WFI_EMULATOR_TEAM_ID", value_name = "ID", default_value = sample::TEAM)]
    team_id: String,
    /// File with the whole plaintext, {"requests": […]}, instead of a sample
    #[arg(long, env = "WFI_EMULATOR_REQUEST", value_name = "FILE")]
    request: Option<PathBuf>,
}

impl CallTarget {
    pub(super) fn endpoint(&self) -> Result<ConnectorEndpoint, String> {
        self.secret.read()?;
        Ok(ConnectorEndpoint {
            url: Some(self.url.as_str().into()),
            api_version: Some(self.api_version),
            secret: Some(self.secret.text().into()),
            display_name: None,
        })
    }

    pub(super) fn manner(&self, behaviors: &Behaviors) -> Result<CallPolicy, String> {
        Ok(CallPolicy {
            connectors: self.connectors.settings()?,
            retries: self.retries,
            back_off: Duration::from_millis(self.back_off),
            content_type: behaviors.connector_content_type,
        })
    }
}

/// Makes a call and prints the report. The exit status is 0 if Shifts would go on, 1 if not.
pub(super) fn run(call: &CallCommand, behaviors: &Behaviors) -> ExitCode {
    let world = World::new(Settings::new());
    let (target, said) = match call {
        CallCommand::Connect { target, tenant_id, user_id } => (target, Ok(OutboundMessage::connect(tenant_id, user_id))),
        CallCommand::Update { target, content, change, swap_approval, passthrough } => {
            let passthrough = passthrough.as_deref().map(HeaderValue::from_str).transpose();
            let passthrough = passthrough.map_err(|_| "--passthrough takes what can stand in a header".to_owned());
            let said = |requests: &Requests| {
                passthrough.map(|passthrough| OutboundMessage::update(&content.team_id, requests, passthrough))
            };
            let said = match &content.request {
                Some(file) => read_requests(file).and_then(|(requests, text)| Ok(said(&requests)?.with_plaintext(text))),
                None if *swap_approval => said(&maker(&world, &mut || world.next_entity_id().to_string()).swap_approval()),
                None => changes(&world, change).and_then(|requests| said(&requests)),
            };
            (target, said)
        }
        CallCommand::Read { target, content, eligibility } => {
            let said = |requests: &Requests| OutboundMessage::read(&content.team_id, requests);
            let said = match &content.request {
                Some(file) => read_requests(file).map(|(requests, text)| said(&requests).with_plaintext(text)),
                None => Ok(said(&Requests { requests: vec![eligible(*eligibility)] })),
            };
            (target, said)
        }
    };
    let (endpoint, manner, said) = match (target.endpoint(), target.manner(behaviors), said) {
        (Ok(endpoint), Ok(manner), Ok(said)) => (endpoint, manner, said),
        (Err(problem), _, _) | (_, Err(problem), _) | (_, _, Err(problem)) => return fail(UNUSABLE, &problem),
    };
    let runtime = match super::small_runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("cannot start: {error}")),
    };
    let report = runtime.block_on(say(&endpoint, said, &manner, || world.next_message_bytes()));
    let shown = if target.show { exchanged(&report) } else { String::new() };
    let printed = print(&format!("{shown}{report}"));
    if report.verdict.lets_pass() { printed } else { ExitCode::FAILURE }
}

/// Returns the words that went to and fro, for people.
fn exchanged(report: &Report) -> String {
    let mut text = format!("said: {}\n", String::from_utf8_lossy(&report.said.plaintext));
    for (made, _) in &report.attempts {
        if let CallOutcome::Answered { body, .. } = &made.outcome {
            text.push_str(&format!("answered: {}\n", String::from_utf8_lossy(body)));
        }
    }
    text
}

/// Reads a plaintext, which is said as it stands in the file.
fn read_requests(file: &Path) -> Result<(Requests, Vec<u8>), String> {
    let told = |reason: String| format!("{}: {reason}", file.display());
    let text = std::fs::read(file).map_err(|error| told(error.to_string()))?;
    let requests = Requests::read(&text).map_err(|error| told(error.to_string()))?;
    Ok((requests, text))
}

fn maker<'m>(world: &World, next_id: &'m mut dyn FnMut() -> String) -> SampleBuilder<'m> {
    SampleBuilder { next_id, now: now(world), expires: expiry(world) }
}

/// Returns the time as entities show it.
pub(super) fn now(world: &World) -> String {
    time(unix_millis(world.clock.now()))
}

/// Returns when a transaction expires that begins now.
pub(super) fn expiry(world: &World) -> String {
    time(unix_millis(world.clock.now()) + sample::EXPIRES_AFTER_MILLIS)
}

fn time(millis: i64) -> String {
    DateTimeOffset::from_unix_millis(millis).to_string()
}

fn changes(world: &World, changes: &[String]) -> Result<Requests, String> {
    let mut next_id = || world.next_entity_id().to_string();
    let mut maker = maker(world, &mut next_id);
    let requests: Result<Vec<Element>, String> = changes.iter().map(|change| element(&mut maker, change)).collect();
    Ok(Requests { requests: requests? })
}

fn element(maker: &mut SampleBuilder<'_>, change: &str) -> Result<Element, String> {
    let mut parts = change.splitn(3, ':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (name, method, id) = (part().unwrap_or_default(), part().unwrap_or("POST"), part());
    let kind: &SampleKind = KINDS.iter().find(|kind| kind.segment.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.segment).collect();
        format!("there is no entity type '{name}'; it is one of {}", names.join(", "))
    })?;
    let method = method.to_ascii_uppercase();
    if !["POST", "PUT", "DELETE"].contains(&&*method) {
        return Err(format!("a change is a POST, PUT or DELETE, not '{method}'"));
    }
    Ok(maker.element(kind, &method, id))
}

fn eligible(eligibility: Eligibility) -> Element {
    match eligibility {
        Eligibility::TimeOffReasons => sample::eligible_time_off_reasons(sample::USER),
        Eligibility::Swaps => {
            let (start, end) = ("2024-10-01T04:00:00.0000000Z", "2024-11-01T03:59:59.9990000Z");
            sample::eligible_swaps("SHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029", start, end)
        }
    }
}
