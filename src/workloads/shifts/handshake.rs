//! Handshake: the connector is called before an integration with its URL is stored.

use crate::edm::patch::Patch;
use crate::edm::schema::Slot;
use crate::edm::value::Complex;
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::policy::behavior::{Connect, ConnectOnUpdate};
use crate::policy::refusal;
use crate::workloads::shifts::consultation::{ConnectorConsultation, ConnectorReply, Subject};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::rules::CONNECTION;
use crate::world::store::StoredEntity;
use crate::world::workload::{Change, Consultation};

/// Consequence of a failed handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consequence {
    Logged,
    Refused,
}

type Decision = Result<Option<Box<dyn Consultation>>, Error>;

/// Decides about a new integration (behavior `connect`).
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
        Some(reply) => check_reply(consequence, reply).map(|()| None),
        None => Ok(Some(consultation(change, values))),
    }
}

/// Decides about an update of an integration, which may change its connector (behavior `connect-on-update`).
pub(super) fn for_update(
    change: &Change<'_>,
    patch: &Patch,
    current: &dyn Fn() -> Result<std::sync::Arc<StoredEntity>, Error>,
    reply: Option<&ConnectorReply>,
    decided: &mut Vec<&'static str>,
) -> Decision {
    let structured = change.structured;
    let is_connection = |property: usize| CONNECTION.contains(&&*structured.properties[property].name);
    if !patch.changes.iter().any(|change| is_connection(change.property)) {
        return Ok(None);
    }
    if change.world.explains {
        decided.push("connect-on-update");
    }
    let consequence = match change.world.behaviors.connect_on_update {
        ConnectOnUpdate::Off => return Ok(None),
        ConnectOnUpdate::Report => Consequence::Logged,
        ConnectOnUpdate::Enforce => Consequence::Refused,
    };
    if let Some(reply) = reply {
        return check_reply(consequence, reply).map(|()| None);
    }
    let current = current()?;
    let changed = patch.apply(change.model, structured, &current.properties);
    let differs = |slot: Slot| changed.get(slot) != current.properties.get(slot);
    let has_new_connection = CONNECTION.iter().filter_map(|name| structured.slot(name)).any(differs);
    Ok(has_new_connection.then(|| consultation(change, &changed)))
}

/// Refuses the change if the handshake failed and its failure is enforced.
fn check_reply(consequence: Consequence, reply: &ConnectorReply) -> Result<(), Error> {
    if consequence == Consequence::Logged || reply.verdict.lets_pass() {
        return Ok(());
    }
    Err(Error::new(&refusal::HANDSHAKE_FAILED, &[]).with_detail(reply.detail()))
}

fn consultation(change: &Change<'_>, values: &Complex) -> Box<dyn Consultation> {
    let endpoint = ConnectorEndpoint::of(change.model, change.structured, values);
    let tenant_id = caller::tenant_id(change.headers).unwrap_or_else(|| change.world.directory.tenant_id.clone());
    // Unknown: the user that Shifts sends if an application registers the integration. Guess: the application.
    let user_id = match caller::caller(change.headers) {
        Caller::User(person) | Caller::Application(person) => person.id,
        Caller::Unknown => LOCAL_USER.0.to_owned(),
    };
    ConnectorConsultation::new(change.world, endpoint, OutboundMessage::connect(&tenant_id, &user_id), 0, Subject::Handshake)
}
