//! Approval: the connector of the integration to which a schedule is bound approves changes of the schedule's contents, and knows what may
//! be chosen.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Model, StructuredType};
use crate::edm::value::{Complex, Entity};
use crate::odata::error::{ConnectorError, Error};
use crate::odata::write::{Holder, InstanceType, Representation, write_entity};
use crate::policy::behavior::{Eligibility, InactiveIntegration, Passthrough, UpdateCalls, UpdateRetries};
use crate::policy::refusal;
use crate::workloads::shifts::calls::{CallKind, EXPIRES_AFTER_MILLIS, kind_of};
use crate::workloads::shifts::consultation::{ApprovalSubject, ConnectorConsultation, ConnectorReply, Subject};
use crate::workloads::shifts::integration::Integration;
use crate::workloads::shifts::message::{Element, ElementHeaders, Requests};
use crate::workloads::shifts::outbound_message::{OutboundMessage, PASSTHROUGH};
use crate::workloads::shifts::plan::{Plan, PlanStep};
use crate::workloads::shifts::schedule::Schedule;
use crate::workloads::shifts::verdict::{ConnectorVerdict, ItemVerdict};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::workload::Consultation;

/// Request whose changes need approval.
pub(super) struct Inquiry<'c> {
    pub(super) world: &'c World,
    pub(super) model: &'c Model,
    pub(super) headers: &'c HeaderMap,
    pub(super) place: Place<'c>,
    pub(super) reply: Option<&'c ConnectorReply>,
}

/// Place of the changes.
pub(super) enum Place<'c> {
    Team(Schedule<'c>),
    User(Arc<str>),
}

/// Ids that may be chosen.
pub(super) enum Choice {
    /// Anything.
    Any,
    /// These ids.
    Among(Vec<String>),
    /// The connector must say first.
    Ask(Box<dyn Consultation>),
}

impl<'c> Inquiry<'c> {
    /// Finds the integration whose connector approves changes of a kind, or of others in the same plan.
    fn integration(&self, kind: &CallKind) -> Option<Integration<'c>> {
        match &self.place {
            Place::Team(schedule) => schedule.integration(),
            Place::User(user) => {
                let schedules = Schedule::of_user(self.world, self.model, user);
                schedules.iter().filter_map(Schedule::integration).find(|integration| integration.supports(kind))
            }
        }
    }

    /// Whether calls to an integration are made. The names of the behaviors that decided are appended to `decided`.
    fn is_called(&self, integration: &Integration<'_>, decided: &mut Vec<&'static str>) -> bool {
        let behaviors = &self.world.behaviors;
        decided.push("update-calls");
        if behaviors.update_calls == UpdateCalls::Off {
            return false;
        }
        if !integration.is_active() {
            decided.push("inactive-integration");
            if behaviors.inactive_integration == InactiveIntegration::Skip {
                return false;
            }
        }
        let passthrough = self.headers.get(PASSTHROUGH).and_then(|value| value.to_str().ok());
        if passthrough.is_some_and(|value| value.trim().eq_ignore_ascii_case(integration.id())) {
            decided.push("passthrough");
            return behaviors.passthrough == Passthrough::Ask;
        }
        true
    }
}

/// Whether a connector may be asked about changes of a type: otherwise no plan is needed, since it would be approved as it is.
pub(super) fn is_asked(inquiry: &Inquiry<'_>, type_name: &str) -> bool {
    inquiry.reply.is_some() || kind_of(type_name).is_some_and(|kind| inquiry.integration(kind).is_some())
}

/// Decides about the changes of a plan (behavior `update-calls`). Returns the call that must come first.
///
/// The binding may change during the call. A refusal remains in force; an approval counts only for the integration that was called and for
/// the changes that it was asked about, or else another call is made. The service's behavior in this case is not known.
pub(super) fn decide(
    inquiry: &Inquiry<'_>,
    plan: &Plan<'_>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<dyn Consultation>>, Error> {
    let approval = inquiry.reply.and_then(|reply| match &reply.subject {
        Subject::Approval(subject) => Some((reply, subject)),
        Subject::Handshake | Subject::Eligibility(_) => None,
    });
    if let Some((reply, subject)) = approval {
        decided.push("update-calls");
        check_reply(inquiry, &subject.source, reply)?;
    }
    let sent: Vec<(&PlanStep<'_>, &'static CallKind)> = plan
        .steps
        .iter()
        .filter(|step| step.is_sent)
        .filter_map(|step| kind_of(&step.structured.name).map(|kind| (step, kind)))
        .collect();
    let Some((_, leading)) = sent.first() else { return Ok(None) };
    let Some(integration) = inquiry.integration(leading) else { return Ok(None) };
    // The consequences of a change that is sent are sent too (a guess).
    let sends_all = integration.supports(leading);
    let sent: Vec<_> = sent.into_iter().filter(|(_, kind)| sends_all || integration.supports(kind)).collect();
    if sent.is_empty() || !inquiry.is_called(&integration, decided) {
        return Ok(None);
    }
    let elements: Vec<(&'static str, Arc<str>)> = sent.iter().map(|(step, _)| (step.change.method(), step.id())).collect();
    if approval.is_some_and(|(_, subject)| subject.integration == *integration.id() && subject.elements == elements) {
        return Ok(None);
    }
    let headers = transaction(inquiry);
    let requests = sent.iter().map(|(step, kind)| {
        let entity = step.change.values();
        let entity = entity.map(|values| graph_json(inquiry.model, step.structured, &step.address.key, values));
        kind.element(step.change.method(), &step.id(), entity.as_ref(), step.items, headers.clone())
    });
    let requests = Requests { requests: requests.collect() };
    let passthrough: Option<HeaderValue> = inquiry.headers.get(PASSTHROUGH).cloned();
    let message = match &inquiry.place {
        Place::Team(schedule) => OutboundMessage::update(schedule.team_id(), &requests, passthrough),
        Place::User(user) => OutboundMessage::user_update(user, &requests, passthrough),
    };
    let endpoint = integration.endpoint();
    let source = endpoint.display_name.as_deref().unwrap_or_default().into();
    let subject = ApprovalSubject { integration: integration.id().clone(), source, elements };
    let retries = retries(inquiry.world);
    Ok(Some(ConnectorConsultation::new(inquiry.world, endpoint, message, retries, Subject::Approval(subject))))
}

/// Returns what may be chosen, as far as the integration filters it by the member `filter` of `eligibilityFilteringEnabledEntities`.
pub(super) fn choice(
    inquiry: &Inquiry<'_>,
    filter: &str,
    query: &dyn Fn() -> Element,
    decided: &mut Vec<&'static str>,
) -> Result<Choice, Error> {
    let Place::Team(schedule) = &inquiry.place else { return Ok(Choice::Any) };
    if inquiry.world.behaviors.eligibility == Eligibility::Off {
        decided.push("eligibility");
        return Ok(Choice::Any);
    }
    let Some(integration) = schedule.integration().filter(|integration| integration.filters(filter)) else {
        return Ok(Choice::Any);
    };
    match inquiry.reply.map(|reply| (reply, &reply.subject)) {
        // The choice was checked before.
        Some((_, Subject::Approval(_))) => return Ok(Choice::Any),
        Some((reply, Subject::Eligibility(asked))) if asked == integration.id() => {
            decided.extend(["update-calls", "eligibility"]);
            let source = integration.endpoint().display_name.unwrap_or_default();
            check_reply(inquiry, &source, reply)?;
            return Ok(eligible(&reply.verdict).map_or(Choice::Any, Choice::Among));
        }
        _ => {}
    }
    if !inquiry.is_called(&integration, decided) {
        return Ok(Choice::Any);
    }
    let message = OutboundMessage::read(schedule.team_id(), &Requests { requests: vec![query()] });
    let subject = Subject::Eligibility(integration.id().clone());
    let consultation =
        ConnectorConsultation::new(inquiry.world, integration.endpoint(), message, retries(inquiry.world), subject);
    Ok(Choice::Ask(consultation))
}

/// Returns the ids that a connector has named; `None` if it has not answered, and its answer is not enforced.
fn eligible(verdict: &ConnectorVerdict) -> Option<Vec<String>> {
    let ConnectorVerdict::Answered(elements) = verdict else { return None };
    elements.iter().find_map(|element| match &element.judgement {
        ItemVerdict::Eligible(ids) => Some(ids.clone()),
        _ => None,
    })
}

fn retries(world: &World) -> u32 {
    match world.behaviors.update_retries {
        UpdateRetries::None => 0,
        UpdateRetries::Three => 3,
    }
}

/// Refuses the change if the connector did not approve it and its approval is enforced.
fn check_reply(inquiry: &Inquiry<'_>, source: &str, reply: &ConnectorReply) -> Result<(), Error> {
    if inquiry.world.behaviors.update_calls != UpdateCalls::Enforce || reply.verdict.lets_pass() {
        return Ok(());
    }
    let error = match &reply.verdict {
        ConnectorVerdict::Answered(_) => {
            let message = reply.verdict.message().unwrap_or_default().into();
            let external = ConnectorError { message, source: source.into() };
            Error { external: Some(Box::new(external)), ..Error::new(&refusal::CONNECTOR_REFUSED, &[]) }
        }
        other => Error::new(&refusal::CONNECTOR_UNUSABLE, &[other.sentence().unwrap_or_default()]),
    };
    Err(error.with_detail(reply.detail()))
}

/// Returns the transaction of all elements of a call (that they share it is a guess).
fn transaction(inquiry: &Inquiry<'_>) -> ElementHeaders {
    let mut expires = Vec::new();
    // The request may have waited for another call.
    let millis = unix_millis(inquiry.world.clock.now()).saturating_add(EXPIRES_AFTER_MILLIS);
    DateTimeOffset::from_unix_millis(millis).write_utc(&mut expires);
    ElementHeaders {
        transaction_id: inquiry.world.next_transaction_id().to_string(),
        expires: String::from_utf8_lossy(&expires).into_owned(),
    }
}

/// Returns an entity in the form of Graph.
pub(super) fn graph_json(model: &Model, structured: &StructuredType, key: &Arc<str>, values: &Complex) -> Value {
    let entity = Entity::new(key.clone(), values.clone());
    let mut out = b"{".to_vec();
    let types = InstanceType::of(model, structured, &entity.properties);
    write_entity(&Representation::for_connectors(model), types, Holder::collection(""), &entity, &mut out);
    out.push(b'}');
    serde_json::from_slice::<Value>(&out).unwrap_or_default()
}
