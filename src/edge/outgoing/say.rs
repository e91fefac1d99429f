//! Calls with their repetitions, as Shifts makes them, and a report of what it would make of the answers.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;

use super::make;
use crate::policy::behavior::ConnectorContentType;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
use crate::world::outbound::{CallOutcome, CallRecord};
use crate::world::settings::Connectors;

/// How a connector is spoken to.
#[derive(Clone, Debug)]
pub struct CallPolicy {
    /// How long an answer may take, how far calls may go, and whom they believe.
    pub connectors: Connectors,
    /// How often a call is repeated whose answer cannot be used. Shifts does so "multiple times"; how often is not known.
    pub retries: u32,
    /// How long the first repetition waits; each further one waits twice as long. What Shifts does is not known.
    pub back_off: Duration,
    /// What is said of the encrypted body.
    pub content_type: ConnectorContentType,
}

impl Default for CallPolicy {
    fn default() -> CallPolicy {
        CallPolicy {
            connectors: Connectors::default(),
            retries: 3,
            back_off: Duration::from_secs(1),
            content_type: ConnectorContentType::Json,
        }
    }
}

/// What came of a call and its repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was said.
    pub said: OutboundMessage,
    /// The name of the integration, which people see beside a refusal.
    pub source: Option<String>,
    /// The call and its repetitions: each with its own key, its outcome, and how long it took.
    pub attempts: Vec<(CallRecord, Duration)>,
    /// What Shifts makes of the last.
    pub verdict: ConnectorVerdict,
}

/// Says something to a connector, again if its answer cannot be used. Keys are made from the bytes that `next_key_bytes` returns.
pub async fn say(
    endpoint: &ConnectorEndpoint,
    said: OutboundMessage,
    manner: &CallPolicy,
    mut next_key_bytes: impl FnMut() -> [u8; MessageKeys::LENGTH],
) -> Report {
    let mut attempts: Vec<(CallRecord, Duration)> = Vec::new();
    loop {
        let keys = MessageKeys::from_bytes(&next_key_bytes());
        let started = Instant::now();
        let (url, headers, body, outcome) = match said.encrypted_for(endpoint, &keys, manner.content_type) {
            Ok(message) => {
                let outcome = make(&message.call(manner.connectors.timeout), &manner.connectors).await;
                (message.url.to_string(), message.headers, message.body, outcome)
            }
            Err(failure) => (endpoint.shown_url(), HeaderMap::new(), Bytes::new(), CallOutcome::Failed(failure)),
        };
        let verdict = said.judge(&outcome);
        let made = CallRecord { url, headers, plaintext: said.plaintext.clone(), body, outcome, verdict: verdict.to_string() };
        attempts.push((made, started.elapsed()));
        let repetitions = u32::try_from(attempts.len() - 1).unwrap_or(u32::MAX);
        if repetitions >= manner.retries || !verdict.is_retried(said.purpose) {
            let source = endpoint.display_name.as_deref().map(str::to_owned);
            return Report { said, source, attempts, verdict };
        }
        tokio::time::sleep(manner.back_off.saturating_mul(2_u32.saturating_pow(repetitions))).await;
    }
}

/// The report for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (made, took)) in self.attempts.iter().enumerate() {
            let answer = match &made.outcome {
                CallOutcome::Answered { status, body, .. } => format!("{}, {} bytes", status.as_u16(), body.len()),
                CallOutcome::Failed(failure) => failure.name().to_owned(),
            };
            let again = if index > 0 { format!(" (repetition {index})") } else { String::new() };
            writeln!(f, "POST {}{again}: {answer}, {} ms", made.url, took.as_millis())?;
        }
        match &self.verdict {
            ConnectorVerdict::Connected => {}
            ConnectorVerdict::Answered(judged) => {
                for judged in judged {
                    writeln!(f, "  {}: {}", judged.id, judged.judgement)?;
                    if let Some(note) = judged.note {
                        writeln!(f, "    note: {note}")?;
                    }
                }
            }
            other => writeln!(f, "  {other}")?,
        }
        match (self.verdict.sentence(), self.said.purpose) {
            (None, CallPurpose::Connect) => writeln!(f, "Shifts registers the integration."),
            (None, CallPurpose::Update) => writeln!(f, "Shifts saves the change."),
            (None, CallPurpose::Read) => writeln!(f, "Shifts offers what is eligible."),
            (Some(_), CallPurpose::Connect) => writeln!(f, "Shifts does not register the integration."),
            (Some(sentence), purpose) => {
                let nothing = if purpose == CallPurpose::Read { "offers" } else { "saves" };
                writeln!(f, "Shifts {nothing} nothing. The person reads: {sentence}")?;
                match (self.verdict.message(), &self.source) {
                    (Some(message), Some(source)) => writeln!(f, "A client also sees: {message} ({source})"),
                    (Some(message), None) => writeln!(f, "A client also sees: {message}"),
                    (None, _) => Ok(()),
                }
            }
        }
    }
}
