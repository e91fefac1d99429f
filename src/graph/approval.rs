//! The approval: before what a schedule contains is changed, the connector is asked of the integration to which the schedule is bound.

use std::sync::Arc;

use http::HeaderValue;
use serde_json::value::RawValue;

use super::OperationContext;
use super::call::{ApprovalSubject, ConnectorReply, ConnectorRequest};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{ApprovalRule, Model, StructuredType};
use crate::edm::value::{Complex, Entity, Value};
use crate::odata::error::ConnectorError;
use crate::odata::error::Error;
use crate::odata::write::{Representation, write_entity};
use crate::policy::behavior::{InactiveIntegration, UpdateCalls, UpdateRetries};
use crate::policy::refusal;
use crate::workloads::shifts::sample::EXPIRES_AFTER_MILLIS;
use crate::workloads::shifts::{
    ConnectorEndpoint, ConnectorVerdict, Element, ElementHeaders, OutboundMessage, PASSTHROUGH, Requests,
};
use crate::world::{World, unix_millis};

/// A change that is about to be made.
pub(super) struct Proposal<'p> {
    /// `POST` creates, `PUT` changes, `DELETE` deletes.
    pub(super) method: &'static str,
    pub(super) key: &'p Arc<str>,
    /// The entity as it will be; nothing where it will not.
    pub(super) becomes: Option<&'p Complex>,
}

/// Returns what the connector is to be asked about a change, if one has a say in it and was not asked yet.
///
/// The binding may change while a connector is asked. A refusal holds all the same; an approval counts for the integration that was
/// asked alone, and another one is asked too. What the service does then is not known.
pub(super) fn of(
    context: &OperationContext<'_>,
    proposal: &Proposal<'_>,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<ConnectorRequest>>, Error> {
    let Some(asks) = context.structured().manners.asks else { return Ok(None) };
    let asked = reply.and_then(|reply| Some((reply, reply.about.as_ref()?)));
    if let Some((reply, about)) = asked {
        decided.push("update-calls");
        weighed(context, about, reply)?;
    }
    let Some(bound) = bound(context).filter(|bound| bound.supports(asks)) else { return Ok(None) };
    decided.push("update-calls");
    if context.world.behaviors.update_calls == UpdateCalls::Off {
        return Ok(None);
    }
    if !bound.is_active() {
        decided.push("inactive-integration");
        if context.world.behaviors.inactive_integration == InactiveIntegration::Skip {
            return Ok(None);
        }
    }
    if asked.is_some_and(|(_, about)| about.integration == bound.entity.key) {
        return Ok(None);
    }
    Ok(Some(Box::new(question(context, &bound, asks, proposal))))
}

/// A stored integration.
pub(super) struct Integration<'t> {
    model: &'t Model,
    structured: &'t StructuredType,
    entity: Arc<Entity>,
}

impl Integration<'_> {
    fn value(&self, property: &str) -> &Value {
        self.structured.slot(property).map_or(&Value::Null, |slot| &self.entity.properties.values[slot])
    }

    fn is_active(&self) -> bool {
        *self.value("isActive") != Value::Boolean(false)
    }

    fn supports(&self, asks: ApprovalRule) -> bool {
        let property = self.structured.property("supportedEntities").map(|index| &self.structured.properties[index]);
        let member = property.and_then(|property| self.model.member(property.kind, asks.supported));
        matches!((self.value("supportedEntities"), member), (Value::Enum(number), Some(member)) if number & member != 0)
    }

    pub(super) fn endpoint(&self) -> ConnectorEndpoint {
        ConnectorEndpoint::of(self.model, self.structured, &self.entity.properties)
    }
}

/// Finds a stored integration: an entity of a type that says where a connector is.
pub(super) fn integration<'t>(world: &'t World, id: &str) -> Option<Integration<'t>> {
    world.schema.addresses().iter().find_map(|address| {
        let model = world.schema.model(address.version);
        let structured = model.structured(address.type_id);
        let is_called = structured.properties.iter().any(|property| property.connects);
        let entity = world.store.collection(address.set).get(id).filter(|_| is_called)?;
        Some(Integration { model, structured, entity })
    })
}

/// Finds the integration to which what contains the changed entity is bound: "If you include more than one workforceIntegrationId in the
/// request, the first one is used."
fn bound<'c>(context: &OperationContext<'c>) -> Option<Integration<'c>> {
    context.route.holders.iter().rev().find_map(|held| {
        let structured = context.model.structured(held.type_id);
        let binding = structured.properties.iter().find(|property| property.binds)?;
        let holder = context.world.store.at(&held.place).get(&held.key)?;
        let Value::Collection(ids) = &holder.properties.values[binding.slot] else { return None };
        let first = ids.iter().find_map(|id| if let Value::String(id) = id { Some(id) } else { None })?;
        integration(context.world, first)
    })
}

fn weighed(context: &OperationContext<'_>, about: &ApprovalSubject, reply: &ConnectorReply) -> Result<(), Error> {
    if context.world.behaviors.update_calls != UpdateCalls::Enforce || reply.verdict.lets_pass() {
        return Ok(());
    }
    let url = reply.made.last().map_or("", |made| &*made.url);
    let detail = format!("{}: {}", if url.is_empty() { "the connector" } else { url }, reply.verdict);
    let error = match &reply.verdict {
        ConnectorVerdict::Answered(_) => Error::new(&refusal::CONNECTOR_REFUSED, &[]),
        other => Error::new(&refusal::CONNECTOR_UNUSABLE, &[other.sentence().unwrap_or_default()]),
    };
    let external = ConnectorError { message: reply.verdict.message().unwrap_or_default().into(), source: about.source.clone() };
    let external = matches!(reply.verdict, ConnectorVerdict::Answered(_)).then(|| Box::new(external));
    Err(Error { external, ..error }.with_detail(detail))
}

fn question(
    context: &OperationContext<'_>,
    bound: &Integration<'_>,
    asks: ApprovalRule,
    proposal: &Proposal<'_>,
) -> ConnectorRequest {
    let (world, endpoint) = (context.world, bound.endpoint());
    let mut expires = Vec::new();
    DateTimeOffset::from_unix_millis(unix_millis(context.now).saturating_add(EXPIRES_AFTER_MILLIS)).write_utc(&mut expires);
    let headers = ElementHeaders {
        transaction_id: world.next_transaction_id().to_string(),
        expires: String::from_utf8_lossy(&expires).into_owned(),
    };
    let body = proposal.becomes.map_or_else(|| "null".to_owned(), |properties| shown(context, proposal.key, properties));
    let element = Element {
        id: proposal.key.to_string(),
        method: proposal.method.to_owned(),
        url: format!("/{}/{}", asks.segment, proposal.key),
        headers: Some(headers),
        body: RawValue::from_string(body).ok(),
    };
    // The outermost holder of what has to be approved is the team.
    let team_id = context.route.holders.first().map_or("", |held| &*held.key);
    let passthrough: Option<HeaderValue> = context.request.headers.get(PASSTHROUGH).cloned();
    let said = OutboundMessage::update(team_id, &Requests { requests: vec![element] }, passthrough);
    let retries = match world.behaviors.update_retries {
        UpdateRetries::None => 0,
        UpdateRetries::Three => 3,
    };
    let about = ApprovalSubject {
        key: proposal.key.clone(),
        integration: bound.entity.key.clone(),
        source: endpoint.display_name.as_deref().unwrap_or_default().into(),
    };
    ConnectorRequest { about: Some(about), retries, ..ConnectorRequest::to(world, &endpoint, said) }
}

/// Writes an entity as update calls show it.
fn shown(context: &OperationContext<'_>, key: &Arc<str>, properties: &Complex) -> String {
    let entity = Entity::new(key.clone(), properties.clone());
    let mut out = b"{".to_vec();
    write_entity(&Representation::called(context.model), context.structured(), context.holder(), &entity, &mut out);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}
