//! The handshake: a connector is asked before an integration leads to it.

use super::call::{ConnectorReply, ConnectorRequest};
use super::{OperationContext, write};
use crate::edm::patch::Patch;
use crate::edm::value::Complex;
use crate::entra::caller;
use crate::odata::error::Error;
use crate::policy::behavior::{Connect, ConnectOnUpdate};
use crate::policy::refusal;
use crate::workloads::shifts::{ConnectorEndpoint, OutboundMessage};

/// What a failed handshake means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Logged,
    Refused,
}

/// Returns what the connector of a new integration is to be asked, if it is and was not yet.
pub(super) fn of_new(
    context: &OperationContext<'_>,
    properties: &Complex,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<ConnectorRequest>>, Error> {
    if !context.structured().properties.iter().any(|property| property.connects) {
        return Ok(None);
    }
    decided.push("connect");
    let weight = match context.world.behaviors.connect {
        Connect::Off => return Ok(None),
        Connect::Report => Weight::Logged,
        Connect::Enforce => Weight::Refused,
    };
    match reply {
        Some(reply) => weighed(weight, reply).map(|()| None),
        None => Ok(Some(Box::new(question(context, properties)))),
    }
}

/// Returns what the connector of an integration is to be asked that a change leads elsewhere, if it is and was not yet.
pub(super) fn of_changed(
    context: &OperationContext<'_>,
    key: &str,
    patch: &Patch,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Result<Option<Box<ConnectorRequest>>, Error> {
    let structured = context.structured();
    if !patch.changes.iter().any(|change| structured.properties[change.property].connects) {
        return Ok(None);
    }
    decided.push("connect-on-update");
    let weight = match context.world.behaviors.connect_on_update {
        ConnectOnUpdate::Off => return Ok(None),
        ConnectOnUpdate::Report => Weight::Logged,
        ConnectOnUpdate::Enforce => Weight::Refused,
    };
    if let Some(reply) = reply {
        return weighed(weight, reply).map(|()| None);
    }
    let Some(entity) = context.collection()?.get(key) else {
        return Err(context.not_found(key));
    };
    let changed = patch.apply(context.model, structured, &entity.properties);
    let leads_elsewhere = structured
        .properties
        .iter()
        .any(|property| property.connects && changed.values[property.slot] != entity.properties.values[property.slot]);
    Ok(leads_elsewhere.then(|| Box::new(question(context, &changed))))
}

fn weighed(weight: Weight, reply: &ConnectorReply) -> Result<(), Error> {
    if weight == Weight::Logged || reply.verdict.lets_pass() {
        return Ok(());
    }
    let url = reply.made.last().map_or("", |made| &*made.url);
    let whose = if url.is_empty() { "the connector" } else { url };
    Err(Error::new(&refusal::HANDSHAKE_FAILED, &[]).with_detail(format!("{whose}: {}", reply.verdict)))
}

fn question(context: &OperationContext<'_>, properties: &Complex) -> ConnectorRequest {
    let endpoint = ConnectorEndpoint::of(context.model, context.structured(), properties);
    let headers = &context.request.headers;
    let tenant_id = caller::tenant_id(headers).unwrap_or_else(|| context.world.directory.tenant_id.clone());
    // Which user an integration has that an application registers is not known: here the application.
    let said = OutboundMessage::connect(&tenant_id, &write::caller_id(context));
    ConnectorRequest::to(context.world, &endpoint, said)
}
