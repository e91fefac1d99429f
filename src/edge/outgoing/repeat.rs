//! Calls with repetitions, as Shifts makes them, and a report of their effect in Shifts.

use std::fmt;
use std::time::{Duration, Instant};

use super::CallPolicy;
use crate::edge::outgoing::call::make_call;
use crate::text::visible::visible;
use crate::workloads::shifts::dialog::Dialog;
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::verdict::{CallPurpose, ConnectorVerdict};
use crate::world::outbound::{CallOutcome, CallRecord};

/// A call with its repetitions, and their effect in Shifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallReport {
    /// The message.
    pub message: OutboundMessage,
    /// The name of the integration, shown beside a refusal.
    pub source: Option<String>,
    /// The call and its repetitions: each with its own keys, its outcome, and its duration.
    pub attempts: Vec<(CallRecord, Duration)>,
    /// The verdict on the last attempt.
    pub verdict: ConnectorVerdict,
}

/// Sends a message to a connector, again while its answer is unusable. Keys are made from the bytes that `next_key_bytes` returns.
pub(crate) async fn call_with_retries(
    endpoint: &ConnectorEndpoint,
    message: OutboundMessage,
    policy: &CallPolicy,
    mut next_key_bytes: impl FnMut() -> [u8; MessageKeys::LENGTH],
) -> CallReport {
    let keys = MessageKeys::from_bytes(&next_key_bytes());
    let mut dialog = Dialog::new(endpoint.clone(), message, policy.content_type, policy.retries, &keys);
    let mut durations = Vec::new();
    let mut pause = policy.back_off;
    loop {
        let started = Instant::now();
        let outcome = match dialog.call(&policy.connectors) {
            Ok(call) => make_call(&call, &policy.connectors).await,
            Err(failure) => CallOutcome::Failed(failure),
        };
        let is_repeated = dialog.conclude(outcome);
        durations.push(started.elapsed());
        if !is_repeated {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
        dialog.encrypt_again(&MessageKeys::from_bytes(&next_key_bytes()));
    }
    let message = dialog.message().clone();
    let (calls, verdict) = dialog.finish();
    let source = endpoint.display_name.as_deref().map(str::to_owned);
    CallReport { message, source, attempts: calls.into_iter().zip(durations).collect(), verdict }
}

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (record, duration)) in self.attempts.iter().enumerate() {
            let answer = match &record.outcome {
                CallOutcome::Answered { status, body, .. } => format!("{}, {} bytes", status.as_u16(), body.len()),
                CallOutcome::Failed(failure) => failure.name().to_owned(),
            };
            let suffix = if index > 0 { format!(" (repetition {index})") } else { String::new() };
            writeln!(f, "POST {}{suffix}: {answer}, {} ms", visible(&record.url), duration.as_millis())?;
        }
        match &self.verdict {
            ConnectorVerdict::Connected => {}
            ConnectorVerdict::Answered(judged) => {
                for judged in judged {
                    writeln!(f, "  {}: {}", visible(&judged.id), judged.judgement)?;
                    if let Some(note) = judged.note {
                        writeln!(f, "    note: {note}")?;
                    }
                }
            }
            other => writeln!(f, "  {other}")?,
        }
        match (self.verdict.sentence(), self.message.purpose) {
            (None, CallPurpose::Connect) => writeln!(f, "Shifts registers the integration."),
            (None, CallPurpose::Update) => writeln!(f, "Shifts saves the change."),
            (None, CallPurpose::Read) => writeln!(f, "Shifts offers what is eligible."),
            (Some(_), CallPurpose::Connect) => writeln!(f, "Shifts does not register the integration."),
            (Some(sentence), purpose) => {
                let verb = if purpose == CallPurpose::Read { "offers" } else { "saves" };
                writeln!(f, "Shifts {verb} nothing. The person reads: {sentence}")?;
                match (self.verdict.message(), &self.source) {
                    (Some(message), Some(source)) => {
                        writeln!(f, "A client also sees: {} ({})", visible(message), visible(source))
                    }
                    (Some(message), None) => writeln!(f, "A client also sees: {}", visible(message)),
                    (None, _) => Ok(()),
                }
            }
        }
    }
}
