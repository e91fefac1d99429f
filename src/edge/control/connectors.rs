//! Calls to the connectors of stored integrations, as Shifts would make them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ControlCall, ControlError, ControlReply};
use crate::edm::date_time::DateTimeOffset;
use crate::graph;
use crate::graph::step::{Pending, Step};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::MessageKeys;
use crate::workloads::shifts::message::Requests;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, KINDS, SampleBuilder};
use crate::workloads::shifts::verdict::{ConnectorVerdict, ItemVerdict};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::outbound::{CallOutcome, CallRecord};

/// How often a call may be repeated.
const MOST_RETRIES: u32 = 20;

/// What is to be said, and to whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    /// The id of a stored integration.
    integration: String,
    purpose: Purpose,
    team_id: Option<String>,
    /// The elements, as they are to be said; without them a sample.
    requests: Option<Box<RawValue>>,
    /// The sample is the approval of a swap.
    #[serde(default)]
    swap_approval: bool,
    passthrough: Option<String>,
    /// How often the call is repeated, at once, whose answer is of no use.
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

/// Makes a call and says what Shifts would make of the answer.
pub(super) fn call(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let wanted: Wanted = call.read()?;
    if wanted.retries > MOST_RETRIES {
        return Err(ControlError::unusable(format!("retries: found {}, expected at most {MOST_RETRIES}", wanted.retries)));
    }
    let world = call.worlds.world(call.name)?;
    let endpoint = crate::workloads::shifts::integration::endpoint(&world, &wanted.integration).ok_or_else(|| {
        ControlError::new(
            StatusCode::NOT_FOUND,
            "unknown-integration",
            format!("there is no integration {:?}", wanted.integration),
        )
    })?;
    let said = said(&world, &wanted)?;
    let world: Arc<World> = Arc::clone(&world);
    match ask(&world, endpoint, said, wanted.retries, Vec::new()) {
        Asked::ControlCall(pending) => Ok(ControlReply::waiting(world, pending)),
        Asked::Told(reply) => Ok(reply),
    }
}

fn said(world: &World, wanted: &Wanted) -> Result<OutboundMessage, ControlError> {
    let team_id = wanted.team_id.as_deref().unwrap_or(sample::TEAM);
    let passthrough = wanted.passthrough.as_deref().map(HeaderValue::from_str).transpose();
    let passthrough = passthrough.map_err(|_| ControlError::unusable("passthrough: found what cannot stand in a header"))?;
    let said = |requests: &Requests| match wanted.purpose {
        Purpose::Connect => OutboundMessage::connect(&world.directory.tenant_id, crate::entra::user::LOCAL_USER.0),
        Purpose::Update => OutboundMessage::update(team_id, requests, passthrough),
        Purpose::Read => OutboundMessage::read(team_id, requests),
    };
    Ok(match &wanted.requests {
        Some(text) if wanted.purpose != Purpose::Connect => {
            let unusable = |error: serde_json::Error| ControlError::unusable(format!("requests: {error}"));
            let requests = Requests { requests: serde_json::from_str(text.get()).map_err(unusable)? };
            said(&requests).with_plaintext(format!("{{\"requests\":{}}}", text.get()))
        }
        _ if wanted.purpose == Purpose::Read => {
            said(&Requests { requests: vec![sample::eligible_time_off_reasons(sample::USER)] })
        }
        _ => said(&sampled(world, wanted)),
    })
}

fn sampled(world: &World, wanted: &Wanted) -> Requests {
    let time = |behind: i64| DateTimeOffset::from_unix_millis(unix_millis(world.clock.now()) + behind).to_string();
    let mut next_id = || world.next_entity_id().to_string();
    let mut maker = SampleBuilder { next_id: &mut next_id, now: time(0), expires: time(sample::EXPIRES_AFTER_MILLIS) };
    if wanted.swap_approval {
        return maker.swap_approval();
    }
    Requests { requests: vec![maker.element(&KINDS[0], "POST", None)] }
}

/// What comes of an attempt.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
enum Asked {
    /// A call must be made.
    ControlCall(Box<Pending>),
    /// Everything is known.
    Told(ControlReply),
}

fn ask(world: &World, endpoint: ConnectorEndpoint, said: OutboundMessage, retries: u32, made: Vec<CallRecord>) -> Asked {
    let keys = MessageKeys::from_bytes(&world.next_message_bytes());
    match said.encrypted_for(&endpoint, &keys, world.behaviors.connector_content_type) {
        Ok(message) => {
            let call = message.call(world.connectors.timeout);
            Asked::ControlCall(Pending::new(call, move |world, outcome| {
                let verdict = said.judge(&outcome);
                let mut made = made;
                let said_and_heard = CallRecord {
                    url: message.url.to_string(),
                    headers: message.headers,
                    plaintext: message.plaintext,
                    body: message.body,
                    outcome,
                    verdict: verdict.to_string(),
                };
                graph::journal::record_call(world, &said_and_heard);
                made.push(said_and_heard);
                if retries > 0 && verdict.is_retried(said.purpose) {
                    return match ask(world, endpoint, said, retries - 1, made) {
                        Asked::ControlCall(pending) => Step::Call(pending),
                        Asked::Told(reply) => Step::Done(Box::new(reply.answer())),
                    };
                }
                Step::Done(Box::new(told(&verdict, &made).answer()))
            }))
        }
        Err(failure) => Asked::Told(told(&said.judge(&CallOutcome::Failed(failure)), &made)),
    }
}

fn told(verdict: &ConnectorVerdict, made: &[CallRecord]) -> ControlReply {
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
    let calls: Vec<Value> = made.iter().map(described).collect();
    ControlReply::ok(&json!({
        "passes": verdict.lets_pass(),
        "verdict": verdict.to_string(),
        "sentence": verdict.sentence(),
        "message": verdict.message(),
        "elements": elements,
        "calls": calls,
    }))
}

fn described(made: &CallRecord) -> Value {
    let (status, answer, failure) = match &made.outcome {
        CallOutcome::Answered { status, body, .. } => (Some(status.as_u16()), Some(String::from_utf8_lossy(body)), None),
        CallOutcome::Failed(failure) => (None, None, Some(failure.name())),
    };
    json!({
        "url": made.url,
        "said": String::from_utf8_lossy(&made.plaintext),
        "sent": STANDARD.encode(&made.body),
        "status": status,
        "answer": answer,
        "failure": failure,
    })
}
