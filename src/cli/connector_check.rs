//! `connector-check`: probes a running connector for conformance to the Shifts contract.

use std::process::ExitCode;

use clap::Args;

use super::call::{expiry, now};
use super::connector::{ConnectorArguments, SecretArgument};
use super::output::{UNUSABLE, fail, print};
use super::runtime;
use crate::edge::outgoing::{CallPolicy, ProbeIds, ProbeInputs, check};
use crate::policy::behavior::Behaviors;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::sample::{self, SampleBuilder};
use crate::world::World;
use crate::world::fixture::directory::HOME_TENANT;

#[derive(Args, Debug)]
pub(super) struct ConnectorCheckArguments {
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
    #[arg(long, env = "WFI_EMULATOR_TEAM_ID", value_name = "ID", default_value = sample::TEAM)]
    team_id: String,
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
    let policy = CallPolicy { connectors, content_type: behaviors.connector_content_type, ..CallPolicy::default() };
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
        let findings = check(&endpoint, &secret, &policy, &named, source).await;
        let status = print(&findings.to_string());
        if findings.is_clean() { status } else { ExitCode::FAILURE }
    })
}
