//! The handshake: a connector is called before an integration leads to it.

use crate::edm::patch::Patch;
use crate::edm::value::Complex;
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::policy::behavior::{Connect, ConnectOnUpdate};
use crate::policy::refusal;
use crate::workloads::shifts::consultation::{ConnectorConsultation, ConnectorReply};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::rules::CONNECTION;
use crate::world::store::StoredEntity;
use crate::world::workload::{Change, Consultation};

/// The consequence of a failed handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consequence {
    Logged,
    Refused,
}

type Decision = Result<Option<Box<dyn Consultation>>, Error>;

/// Decides about a new integration.
pub(super) fn for_creation(
    change: &Change<'_>,
    values: &Complex,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Decision {
    decided.push("connect");
    let consequence = match change.world.behaviors.connect {
        Connect::Off => return Ok(None),
        Connect::Report => Consequence::Logged,
        Connect::Enforce => Consequence::Refused,
    };
    match reply {
        Some(reply) => weigh(consequence, reply).map(|()| None),
        None => Ok(Some(consultation(change, values))),
    }
}

/// Decides about an update of an integration, which may lead to another connector.
pub(super) fn for_update(
    change: &Change<'_>,
    patch: &Patch,
    current: &dyn Fn() -> Result<std::sync::Arc<StoredEntity>, Error>,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Decision {
    let structured = change.structured;
    let connects = |property: usize| CONNECTION.contains(&&*structured.properties[property].name);
    if !patch.changes.iter().any(|change| connects(change.property)) {
        return Ok(None);
    }
    decided.push("connect-on-update");
    let consequence = match change.world.behaviors.connect_on_update {
        ConnectOnUpdate::Off => return Ok(None),
        ConnectOnUpdate::Report => Consequence::Logged,
        ConnectOnUpdate::Enforce => Consequence::Refused,
    };
    if let Some(reply) = reply {
        return weigh(consequence, reply).map(|()| None);
    }
    let current = current()?;
    let changed = patch.apply(change.model, structured, &current.properties);
    let differs = |slot: usize| changed.values[slot] != current.properties.values[slot];
    let leads_elsewhere = CONNECTION.iter().filter_map(|name| structured.slot(name)).any(differs);
    Ok(leads_elsewhere.then(|| consultation(change, &changed)))
}

fn weigh(consequence: Consequence, reply: &ConnectorReply) -> Result<(), Error> {
    if consequence == Consequence::Logged || reply.verdict.lets_pass() {
        return Ok(());
    }
    Err(Error::new(&refusal::HANDSHAKE_FAILED, &[]).with_detail(reply.detail()))
}

fn consultation(change: &Change<'_>, values: &Complex) -> Box<dyn Consultation> {
    let endpoint = ConnectorEndpoint::of(change.model, change.structured, values);
    let tenant_id = caller::tenant_id(change.headers).unwrap_or_else(|| change.world.directory.tenant_id.clone());
    // The user of an integration that an application registers is not known; here it is the application.
    let user_id = match caller::caller(change.headers) {
        Caller::User(person) | Caller::Application(person) => person.id,
        Caller::Unknown => LOCAL_USER.0.to_owned(),
    };
    ConnectorConsultation::new(change.world, endpoint, OutboundMessage::connect(&tenant_id, &user_id), 0, None)
}
