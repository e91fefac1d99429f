//! The flags of calls to connectors: the shared secret, and how far calls may go.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::secret_file;
use crate::edge::http_client::read_roots;
use crate::workloads::shifts::envelope::Secret;
use crate::world::settings::Connectors;

/// The secret that an integration and its connector share.
#[derive(Args, Debug)]
pub(super) struct SecretArgument {
    /// Secret of the integration, 64 ASCII characters
    #[arg(
        long,
        env = "WFI_EMULATOR_SECRET",
        value_name = "TEXT",
        hide_env_values = true,
        required_unless_present = "secret_file"
    )]
    secret: Option<String>,
    /// File with the secret, which keeps it out of process lists; `-` for standard input, except for messages
    #[arg(long, env = "WFI_EMULATOR_SECRET_FILE", value_name = "FILE", conflicts_with = "secret")]
    secret_file: Option<PathBuf>,
}

impl SecretArgument {
    /// Reads the secret, as text and as a key.
    pub(super) fn read(&self) -> Result<(String, Secret), String> {
        let text = match &self.secret_file {
            Some(file) => secret_file::read(file)?,
            None => self.secret.clone().unwrap_or_default(),
        };
        let secret = Secret::new(&text).map_err(|error| match &self.secret_file {
            Some(file) => format!("{}: {error}", file.display()),
            None => error.to_string(),
        })?;
        Ok((text, secret))
    }

    /// Reads the secret for a command that reads other things from standard input.
    pub(super) fn read_beside_input(&self) -> Result<Secret, String> {
        if self.secret_file.as_deref().is_some_and(secret_file::is_standard_input) {
            return Err("--secret-file - cannot be used here: standard input has the message".to_owned());
        }
        self.read().map(|(_, secret)| secret)
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
