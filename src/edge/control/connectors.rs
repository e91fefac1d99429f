//! Calls to the connectors of stored integrations, as Shifts would make them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::edge::control::call::ControlCall;
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::control::time::format_time;
use crate::graph;
use crate::graph::step::{Pending, Step};
use crate::text::json;
use crate::workloads::shifts::calls::{self, KINDS};
use crate::workloads::shifts::dialog::Dialog;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::integration;
use crate::workloads::shifts::message::Requests;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, SampleBuilder};
use crate::workloads::shifts::verdict::{ConnectorVerdict, ItemVerdict};
use crate::world::World;
use crate::world::outbound::{CallOutcome, CallRecord};

/// Maximum number of repetitions.
pub(super) const RETRY_LIMIT: u32 = 20;

/// Body of a call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CallBody {
    /// The id of a stored integration.
    integration: String,
    purpose: Purpose,
    team_id: Option<String>,
    /// The elements, sent unchanged; without them, a sample is sent.
    requests: Option<Box<RawValue>>,
    /// Whether the sample is the approval of a swap.
    #[serde(default)]
    swap_approval: bool,
    passthrough: Option<String>,
    /// Maximum number of immediate repetitions after unusable answers.
    #[serde(default)]
    retries: u32,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Purpose {
    Connect,
    Update,
    Read,
}

/// Makes a call and returns the verdict of Shifts on the answer.
pub(super) fn call(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let body: CallBody = call.read()?;
    if body.retries > RETRY_LIMIT {
        return Err(ControlError::unusable(format!("invalid retries {}: at most {RETRY_LIMIT}", body.retries)));
    }
    let world = call.worlds.world(call.name)?;
    let endpoint = integration::endpoint(&world, &body.integration).ok_or_else(|| {
        ControlError::new(StatusCode::NOT_FOUND, "unknown-integration", format!("unknown integration {:?}", body.integration))
    })?;
    let message = message(&world, &body)?;
    let world: Arc<World> = Arc::clone(&world);
    let keys = MessageKeys::from_bytes(&world.next_message_bytes());
    let dialog = Dialog::new(endpoint, message, world.behaviors.connector_content_type, body.retries, &keys);
    Ok(match attempt(&world, dialog) {
        Attempt::Pending(pending) => ControlReply::pending(world, pending),
        Attempt::Done(reply) => reply,
    })
}

fn message(world: &World, body: &CallBody) -> Result<OutboundMessage, ControlError> {
    let team_id = body.team_id.as_deref().unwrap_or(sample::TEAM);
    let passthrough = body.passthrough.as_deref().map(HeaderValue::from_str).transpose();
    let passthrough = passthrough.map_err(|_| ControlError::unusable("invalid passthrough: not a header value"))?;
    let message = |requests: &Requests| match body.purpose {
        Purpose::Connect => OutboundMessage::connect(&world.directory.tenant_id, crate::entra::user::LOCAL_USER.0),
        Purpose::Update => OutboundMessage::update(team_id, requests, passthrough),
        Purpose::Read => OutboundMessage::read(team_id, requests),
    };
    Ok(match &body.requests {
        Some(text) if body.purpose != Purpose::Connect => {
            let unusable = |error: serde_json::Error| ControlError::unusable(format!("invalid requests: {error}"));
            let requests = Requests { requests: json::read_text(text.get()).map_err(unusable)? };
            message(&requests).with_plaintext(format!("{{\"requests\":{}}}", text.get()))
        }
        _ if body.purpose == Purpose::Read => {
            message(&Requests { requests: vec![calls::eligible_time_off_reasons(sample::USER)] })
        }
        _ => message(&sample_requests(world, body)),
    })
}

fn sample_requests(world: &World, body: &CallBody) -> Requests {
    let now = world.clock.now();
    let expires = now + Duration::from_millis(calls::EXPIRES_AFTER_MILLIS.unsigned_abs());
    let mut next_id = || world.next_entity_id().to_string();
    let mut builder = SampleBuilder { next_id: &mut next_id, now: format_time(now), expires: format_time(expires) };
    if body.swap_approval {
        return builder.swap_approval();
    }
    Requests { requests: vec![builder.element(&KINDS[0], "POST", None)] }
}

/// Outcome of an attempt.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
enum Attempt {
    /// A call must be made first.
    Pending(Box<Pending>),
    Done(ControlReply),
}

fn attempt(world: &World, mut dialog: Dialog) -> Attempt {
    match dialog.call(&world.connectors) {
        Ok(call) => Attempt::Pending(Pending::new(call, move |world, outcome| {
            let is_repeated = dialog.conclude(outcome);
            dialog.calls().last().into_iter().for_each(|record| graph::journal::record_call(world, record));
            if is_repeated {
                dialog.encrypt_again(&MessageKeys::from_bytes(&world.next_message_bytes()));
                return match attempt(world, dialog) {
                    Attempt::Pending(pending) => Step::Call(pending),
                    Attempt::Done(reply) => Step::Done(Box::new(reply.answer())),
                };
            }
            let (calls, verdict) = dialog.finish();
            Step::Done(Box::new(ControlReply::ok(&verdict_json(&verdict, &calls)).answer()))
        })),
        Err(failure) => {
            // Nothing was sent: no call to report.
            let verdict = dialog.message().judge(&CallOutcome::Failed(failure));
            Attempt::Done(ControlReply::ok(&verdict_json(&verdict, dialog.calls())))
        }
    }
}

fn verdict_json(verdict: &ConnectorVerdict, calls: &[CallRecord]) -> Value {
    let elements: Vec<Value> = match verdict {
        ConnectorVerdict::Answered(judged) => judged
            .iter()
            .map(|judged| {
                let judgement = match judged.judgement {
                    ItemVerdict::Approved { .. } => "approved",
                    ItemVerdict::ApprovedImplicitly { .. } => "approvedImplicitly",
                    ItemVerdict::Refused { .. } => "refused",
                    ItemVerdict::Eligible(_) => "eligible",
                };
                json!({ "id": judged.id, "judgement": judgement, "text": judged.judgement.to_string(), "note": judged.note })
            })
            .collect(),
        _ => Vec::new(),
    };
    let calls: Vec<Value> = calls.iter().map(call_json).collect();
    json!({
        "passes": verdict.lets_pass(),
        "verdict": verdict.to_string(),
        "sentence": verdict.sentence(),
        "message": verdict.message(),
        "elements": elements,
        "calls": calls,
    })
}

fn call_json(record: &CallRecord) -> Value {
    let (status, answer, failure) = match &record.outcome {
        CallOutcome::Answered { status, body, .. } => (Some(status.as_u16()), Some(String::from_utf8_lossy(body)), None),
        CallOutcome::Failed(failure) => (None, None, Some(failure.name())),
    };
    json!({
        "url": record.url,
        "said": String::from_utf8_lossy(&record.plaintext),
        "sent": STANDARD.encode(&record.body),
        "status": status,
        "answer": answer,
        "failure": failure,
    })
}
