//! `encrypt` and `decrypt`: what Shifts sends, made and taken apart between standard input and standard output.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};

use super::{UNUSABLE, fail};
use crate::edge::outgoing;
use crate::workloads::shifts::envelope::{self, Envelope, MessageKeys, Secret};
use crate::world::settings::Connectors;

/// The secret that an integration and its connector share.
#[derive(Args, Debug)]
pub(super) struct SecretChoice {
    /// The secret of the integration: 64 characters
    #[arg(long, env = "WFI_EMULATOR_SECRET", value_name = "TEXT", hide_env_values = true)]
    secret: String,
}

impl SecretChoice {
    pub(super) fn text(&self) -> &str {
        &self.secret
    }

    pub(super) fn read(&self) -> Result<Secret, String> {
        Secret::new(&self.secret).map_err(|error| error.to_string())
    }
}

/// How connectors are called.
#[derive(Args, Clone, Debug)]
pub(super) struct ConnectorChoice {
    /// Let calls to connectors leave this machine and private networks
    #[arg(long, env = "WFI_EMULATOR_ALLOW_REMOTE_CONNECTORS")]
    allow_remote_connectors: bool,
    /// How many seconds a connector may take to answer
    #[arg(long, env = "WFI_EMULATOR_CONNECTOR_TIMEOUT", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    connector_timeout: u64,
    /// File with the authorities whose certificates connectors may show, in PEM, instead of those of the system
    #[arg(long, env = "WFI_EMULATOR_CONNECTOR_CA", value_name = "FILE")]
    connector_ca: Option<PathBuf>,
}

impl ConnectorChoice {
    pub(super) fn settings(&self) -> Result<Connectors, String> {
        let authorities = match &self.connector_ca {
            Some(file) => outgoing::authorities(file)?,
            None => Vec::new(),
        };
        Ok(Connectors {
            timeout: Duration::from_secs(self.connector_timeout),
            may_be_remote: self.allow_remote_connectors,
            authorities: authorities.into(),
        })
    }
}

#[derive(Args, Debug)]
pub(super) struct EnvelopeForm {
    #[command(flatten)]
    secret: SecretChoice,
    /// How the encrypted body is written
    #[arg(long, env = "WFI_EMULATOR_FORM", default_value = "raw")]
    form: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// The bytes themselves
    Raw,
    /// Two digits per byte
    Hex,
    /// Base64
    Base64,
}

/// Encrypts standard input.
pub(super) fn encrypt(form: &EnvelopeForm) -> ExitCode {
    transform(form, |secret, input| {
        let keys = MessageKeys::random().map_err(|error| error.to_string())?;
        let body = envelope::encrypt(secret, &keys, input);
        Ok(match form.form {
            Encoding::Raw => body,
            Encoding::Hex => format!("{}\n", Hex(&body)).into_bytes(),
            Encoding::Base64 => format!("{}\n", STANDARD.encode(body)).into_bytes(),
        })
    })
}

/// Decrypts standard input; with `parts`, tells what is in the envelope instead.
pub(super) fn decrypt(form: &EnvelopeForm, parts: bool) -> ExitCode {
    transform(form, |secret, input| {
        let body = match form.form {
            Encoding::Raw => input.to_vec(),
            Encoding::Hex => {
                unhex(input).ok_or("standard input is not hexadecimal: found something else than pairs of digits")?
            }
            Encoding::Base64 => {
                STANDARD.decode(without_space(input)).map_err(|error| format!("standard input is not base64: {error}"))?
            }
        };
        let told = if parts { Envelope::read(&body).map(|envelope| describe(&envelope)) } else { Ok(String::new()) };
        let decrypted = envelope::decrypt(secret, &body);
        let failed = |error: envelope::EnvelopeError| format!("{}: {error}", error.name());
        let told = told.map_err(failed)?;
        match decrypted {
            Ok(plaintext) if parts => Ok(format!("{told}plaintext {} bytes\n", plaintext.len()).into_bytes()),
            Ok(plaintext) => Ok(plaintext),
            Err(error) => Err(format!("{told}{}", failed(error))),
        }
    })
}

fn transform(form: &EnvelopeForm, make: impl FnOnce(&Secret, &[u8]) -> Result<Vec<u8>, String>) -> ExitCode {
    let secret = match form.secret.read() {
        Ok(secret) => secret,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut input) {
        return fail(1, &format!("standard input: {error}"));
    }
    match make(&secret, &input) {
        Ok(output) => match std::io::stdout().lock().write_all(&output) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(1, &format!("standard output: {error}")),
            _ => ExitCode::SUCCESS,
        },
        Err(problem) => fail(1, &problem),
    }
}

fn describe(envelope: &Envelope<'_>) -> String {
    let Envelope { encrypted_key, iv, ciphertext, tag } = *envelope;
    let first = &ciphertext[..16];
    format!(
        "EK  {} (the data key, encrypted)\nIV  {}\nCT  {}… ({} bytes)\nAT  {} (the tag)\n",
        Hex(encrypted_key),
        Hex(iv),
        Hex(first),
        ciphertext.len(),
        Hex(tag)
    )
}

/// Prints bytes as pairs of digits.
struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn without_space(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = without_space(text).into_iter().map(digit).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
