//! Approval: the connector of the integration to which a schedule is bound approves changes of the schedule's contents.

use std::sync::Arc;

use http::HeaderValue;
use serde_json::value::RawValue;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::{ConnectorError, Error};
use crate::odata::write::{InstanceType, Representation, write_entity};
use crate::policy::behavior::{InactiveIntegration, UpdateCalls, UpdateRetries};
use crate::policy::refusal;
use crate::workloads::shifts::consultation::{ApprovalSubject, ConnectorConsultation, ConnectorReply};
use crate::workloads::shifts::integration::{self, Integration};
use crate::workloads::shifts::message::{Element, ElementHeaders, Requests};
use crate::workloads::shifts::outbound_message::{OutboundMessage, PASSTHROUGH};
use crate::workloads::shifts::rules::{ApprovalRule, BINDING};
use crate::workloads::shifts::sample::EXPIRES_AFTER_MILLIS;
use crate::workloads::shifts::verdict::ConnectorVerdict;
use crate::world::clock::unix_millis;
use crate::world::workload::{Change, Consultation};

/// Proposed change, in the terms of update calls.
pub(super) struct Proposal<'p> {
    /// `POST` creates, `PUT` replaces, `DELETE` deletes.
    pub(super) method: &'static str,
    pub(super) key: &'p dyn Fn() -> Arc<str>,
    /// Values of the entity after the change; `None` for a deletion.
    pub(super) values: &'p dyn Fn() -> Option<Complex>,
}

/// Decides about a change that may need a connector's approval (behavior `update-calls`).
///
/// The binding may change during the call. A refusal remains in force; an approval counts only for the integration that was called, and the
/// newly bound one is called as well. The service's behavior in this case is not known.
pub(super) fn decide(
    change: &Change<'_>,
    rule: ApprovalRule,
    proposal: &Proposal<'_>,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let approval = reply.and_then(|reply| Some((reply, reply.subject.as_ref()?)));
    if let Some((reply, subject)) = approval {
        decided.push("update-calls");
        check_reply(change, subject, reply)?;
    }
    let Some(integration) = bound_integration(change).filter(|integration| integration.supports(rule)) else { return Ok(None) };
    decided.push("update-calls");
    if change.world.behaviors.update_calls == UpdateCalls::Off {
        return Ok(None);
    }
    if !integration.is_active() {
        decided.push("inactive-integration");
        if change.world.behaviors.inactive_integration == InactiveIntegration::Skip {
            return Ok(None);
        }
    }
    if approval.is_some_and(|(_, subject)| subject.integration == *integration.id()) {
        return Ok(None);
    }
    Ok(Some(consultation(change, &integration, rule, proposal)))
}

/// Finds the integration to which the schedule of the changed entity is bound: "If you include more than one workforceIntegrationId in the
/// request, the first one is used."
fn bound_integration<'c>(change: &Change<'c>) -> Option<Integration<'c>> {
    change.ancestors.iter().rev().find_map(|ancestor| {
        let slot = change.model.structured(ancestor.type_id).slot(BINDING)?;
        let entity = change.world.store.at(&ancestor.collection).get(&ancestor.key)?;
        let Value::Collection(ids) = entity.properties.get(slot) else { return None };
        let first = ids.iter().find_map(|id| if let Value::String(id) = id { Some(id) } else { None })?;
        integration::find(change.world, first)
    })
}

/// Refuses the change if the connector did not approve it and its approval is enforced.
fn check_reply(change: &Change<'_>, subject: &ApprovalSubject, reply: &ConnectorReply) -> Result<(), Error> {
    if change.world.behaviors.update_calls != UpdateCalls::Enforce || reply.verdict.lets_pass() {
        return Ok(());
    }
    let error = match &reply.verdict {
        ConnectorVerdict::Answered(_) => {
            let message = reply.verdict.message().unwrap_or_default().into();
            let external = ConnectorError { message, source: subject.source.clone() };
            Error { external: Some(Box::new(external)), ..Error::new(&refusal::CONNECTOR_REFUSED, &[]) }
        }
        other => Error::new(&refusal::CONNECTOR_UNUSABLE, &[other.sentence().unwrap_or_default()]),
    };
    Err(error.with_detail(reply.detail()))
}

fn consultation(
    change: &Change<'_>,
    integration: &Integration<'_>,
    rule: ApprovalRule,
    proposal: &Proposal<'_>,
) -> Box<dyn Consultation> {
    let (world, endpoint, key) = (change.world, integration.endpoint(), (proposal.key)());
    let mut expires = Vec::new();
    DateTimeOffset::from_unix_millis(unix_millis(change.now).saturating_add(EXPIRES_AFTER_MILLIS)).write_utc(&mut expires);
    let headers = ElementHeaders {
        transaction_id: world.next_transaction_id().to_string(),
        expires: String::from_utf8_lossy(&expires).into_owned(),
    };
    let body = (proposal.values)().map_or_else(|| "null".to_owned(), |values| entity_json(change, &key, values));
    let element = Element {
        id: key.to_string(),
        method: proposal.method.to_owned(),
        url: format!("/{}/{key}", rule.segment),
        headers: Some(headers),
        body: RawValue::from_string(body).ok(),
    };
    // The outermost ancestor of a schedule's contents is the team.
    let team_id = change.ancestors.first().map_or("", |ancestor| &*ancestor.key);
    let passthrough: Option<HeaderValue> = change.headers.get(PASSTHROUGH).cloned();
    let message = OutboundMessage::update(team_id, &Requests { requests: vec![element] }, passthrough);
    let retries = match world.behaviors.update_retries {
        UpdateRetries::None => 0,
        UpdateRetries::Three => 3,
    };
    let source = endpoint.display_name.as_deref().unwrap_or_default().into();
    let subject = ApprovalSubject { key, integration: integration.id().clone(), source };
    ConnectorConsultation::new(world, endpoint, message, retries, Some(subject))
}

/// Returns an entity in the JSON of update calls.
fn entity_json(change: &Change<'_>, key: &Arc<str>, values: Complex) -> String {
    let entity = Entity::new(key.clone(), values);
    let mut out = b"{".to_vec();
    let types = InstanceType::of(change.model, change.structured, &entity.properties);
    write_entity(&Representation::for_connectors(change.model), types, change.holder, &entity, &mut out);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}
