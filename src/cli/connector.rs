//! The flags of calls to connectors: the shared secret, and how far calls may go.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::edge::http_client::read_roots;
use crate::workloads::shifts::envelope::Secret;
use crate::world::settings::Connectors;

/// The secret that an integration and its connector share.
#[derive(Args, Debug)]
pub(super) struct SecretArgument {
    /// Secret of the integration, 64 ASCII characters
    #[arg(long, env = "WFI_EMULATOR_SECRET", value_name = "TEXT", hide_env_values = true)]
    secret: String,
}

impl SecretArgument {
    pub(super) fn text(&self) -> &str {
        &self.secret
    }

    pub(super) fn read(&self) -> Result<Secret, String> {
        Secret::new(&self.secret).map_err(|error| error.to_string())
    }
}

/// The policy of calls to connectors.
#[derive(Args, Clone, Debug)]
pub(super) struct ConnectorArguments {
    /// Allow calls to connectors at public addresses
    #[arg(long, env = "WFI_EMULATOR_ALLOW_REMOTE_CONNECTORS")]
    allow_remote_connectors: bool,
    /// Time limit of a call to a connector in seconds
    #[arg(long, env = "WFI_EMULATOR_CONNECTOR_TIMEOUT", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    connector_timeout: u64,
    /// PEM root certificates to verify connectors with, instead of the system's
    #[arg(long, env = "WFI_EMULATOR_CONNECTOR_CA", value_name = "FILE")]
    connector_ca: Option<PathBuf>,
}

impl ConnectorArguments {
    pub(super) fn settings(&self) -> Result<Connectors, String> {
        let authorities = match &self.connector_ca {
            Some(file) => read_roots(file)?,
            None => Vec::new(),
        };
        Ok(Connectors {
            timeout: Duration::from_secs(self.connector_timeout),
            may_be_remote: self.allow_remote_connectors,
            authorities: authorities.into(),
        })
    }
}
