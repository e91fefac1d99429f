//! `connector-check`: probes a running connector for conformance to the Shifts contract.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::behaviors::CommandBehaviors;
use super::call::{expiry, now};
use super::connector::{ConnectorArguments, SecretArgument};
use super::output::{UNUSABLE, fail, print};
use super::runtime;
use crate::edge::outgoing::{CallPolicy, ProbeIds, ProbeInputs, ProbeResult, Rating, check};
use crate::policy::behavior::Behaviors;
use crate::tools::scenario::{self, Cast, KnownShift, ScenarioRating, ScenarioResult};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::sample::{self, SampleBuilder};
use crate::world::World;
use crate::world::fixture::directory::HOME_TENANT;

#[derive(Args, Debug)]
pub(super) struct ConnectorCheckArguments {
    #[command(flatten)]
    pub(super) behaviors: CommandBehaviors,
    /// URL of the integration
    #[arg(env = "WFI_EMULATOR_URL")]
    url: String,
    /// API version of the integration
    #[arg(long, env = "WFI_EMULATOR_API_VERSION", value_name = "NUMBER", default_value_t = 1)]
    api_version: i32,
    #[command(flatten)]
    secret: SecretArgument,
    #[command(flatten)]
    connectors: ConnectorArguments,
    /// Entra tenant id to send
    #[arg(long, env = "WFI_EMULATOR_TENANT_ID", value_name = "ID", default_value = HOME_TENANT)]
    tenant_id: String,
    /// User id of the integration to send
    #[arg(long, env = "WFI_EMULATOR_USER_ID", value_name = "ID", default_value = sample::USER)]
    user_id: String,
    /// Team id of the schedule
    #[arg(long, visible_alias = "team", env = "WFI_EMULATOR_TEAM_ID", value_name = "ID", default_value = sample::TEAM)]
    team_id: String,
    /// User id of the worker in scenarios, for a connector that knows its own people only
    #[arg(long, env = "WFI_EMULATOR_USER", value_name = "ID", default_value = sample::USER)]
    user: String,
    /// User id of the colleague in scenarios
    #[arg(long, env = "WFI_EMULATOR_COLLEAGUE", value_name = "ID", default_value = scenario::COLLEAGUE)]
    colleague: String,
    /// Shift of that worker that the connector knows already, with its times; repeatable, one for each scenario that adds one
    #[arg(long, env = "WFI_EMULATOR_SHIFT", value_name = "ID[,START,END]")]
    shift: Vec<KnownShift>,
    /// File with scenarios to play after the ready-made ones; repeatable
    #[arg(long, env = "WFI_EMULATOR_SCENARIO", value_name = "FILE")]
    scenario: Vec<PathBuf>,
    /// Format of the report
    #[arg(long, env = "WFI_EMULATOR_FORMAT", value_name = "FORMAT", default_value = "text")]
    format: ReportFormat,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ReportFormat {
    /// One line per probe and scenario
    Text,
    /// JSON
    Json,
    /// `JUnit` XML, one test case per probe and scenario
    Junit,
}

/// Probes a connector. The exit status is 1 if a probe has failed, else 0.
pub(super) fn run(arguments: &ConnectorCheckArguments, behaviors: &Behaviors) -> ExitCode {
    let ((text, secret), connectors) = match (arguments.secret.read(), arguments.connectors.settings()) {
        (Ok(secret), Ok(connectors)) => (secret, connectors),
        (Err(problem), _) | (_, Err(problem)) => return fail(UNUSABLE, &problem),
    };
    let endpoint = ConnectorEndpoint {
        url: Some(arguments.url.as_str().into()),
        api_version: Some(arguments.api_version),
        secret: Some(text.as_str().into()),
        display_name: None,
    };
    let policy = CallPolicy {
        connectors,
        content_type: behaviors.connector_content_type,
        eligibility_times: behaviors.eligibility_times,
        ..CallPolicy::default()
    };
    let mut scenarios = scenario::flows();
    for path in &arguments.scenario {
        match scenario::read(path) {
            Ok(read) => scenarios.extend(read),
            Err(problem) => return fail(UNUSABLE, &problem),
        }
    }
    let (team, worker, colleague) = (&arguments.team_id, &arguments.user, &arguments.colleague);
    let cast = Cast { team: team.clone(), worker: worker.clone(), colleague: colleague.clone(), shift: None };
    let named = ProbeIds {
        tenant_id: arguments.tenant_id.clone(),
        user_id: arguments.user_id.clone(),
        team_id: arguments.team_id.clone(),
    };
    let world = World::new(crate::workloads::settings());
    let mut next_id = || world.next_entity_id().to_string();
    let mut next_key_bytes = || world.next_message_bytes();
    let builder = SampleBuilder { next_id: &mut next_id, now: now(&world), expires: expiry(&world) };
    let source = ProbeInputs { builder, next_key_bytes: &mut next_key_bytes };
    runtime::run(async {
        let mut findings = check(&endpoint, &secret, &policy, &named, source).await;
        if findings.has_answers() {
            let mut known = arguments.shift.iter();
            for scenario in &scenarios {
                let shift = if scenario.takes_known_shift() { known.next().cloned() } else { None };
                let cast = Cast { shift, ..cast.clone() };
                let result = scenario::play(scenario, &endpoint, &policy.connectors, behaviors, &cast).await;
                findings.0.push(probe_of(&result));
            }
        }
        let status = print(&match arguments.format {
            ReportFormat::Text => findings.to_string(),
            ReportFormat::Json => findings.json(),
            ReportFormat::Junit => findings.junit(),
        });
        if findings.is_clean() { status } else { ExitCode::FAILURE }
    })
}

/// Returns the result of a scenario as that of a probe.
fn probe_of(result: &ScenarioResult) -> ProbeResult {
    let steps = match result.steps {
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    let (rating, message) = match result.rating {
        ScenarioRating::Passed => (Rating::Passed, steps),
        ScenarioRating::Undecided => {
            (Rating::Noted, format!("{steps}, acknowledged without deciding: {}", result.notes.join("; ")))
        }
        ScenarioRating::Uncalled => (Rating::Noted, format!("{steps}, without a call to the connector")),
        ScenarioRating::Failed => (Rating::Failed, result.notes.join("; ")),
    };
    ProbeResult { probe: format!("scenario {}", result.name), rating, message }
}
