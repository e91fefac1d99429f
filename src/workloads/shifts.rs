//! Shifts: the rules of its types, and its protocol with the connector at an integration's `url`.
//!
//! No I/O: these modules encrypt messages and judge answers; the wing `edge` makes the calls.

mod access;
pub(crate) mod act;
mod approval;
pub(crate) mod calls;
mod checks;
mod consultation;
mod decisions;
mod derived;
pub(crate) mod dialog;
pub(crate) mod endpoint;
pub(crate) mod envelope;
mod handshake;
pub(crate) mod integration;
pub(crate) mod message;
pub(crate) mod outbound_message;
mod people;
mod plan;
mod proposal;
mod queries;
mod record;
pub(crate) mod rules;
pub(crate) mod sample;
mod schedule;
mod time_cards;
mod time_zones;
mod values;
pub(crate) mod verdict;

use crate::edm::address::EntityAddress;
use crate::edm::schema::WorkloadRules;
use crate::entra::caller::{self, Caller};
use crate::odata::error::Error;
use crate::world::workload::{
    Access, AccessKind, Change, ChangeKind, Consultation, Derived, OperationRow, Reply, ValueRule, Workload,
};
use access::Operation;
use consultation::ConnectorReply;
use people::Actor;
use schedule::Schedule;

#[derive(Debug)]
pub(crate) struct Shifts;

impl Workload for Shifts {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn imposed(&self) -> &'static [Derived] {
        &derived::IMPOSED
    }

    fn value_rules(&self) -> &'static [(&'static str, ValueRule)] {
        values::RULES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[time_cards::OPERATIONS, decisions::OPERATIONS]
    }

    fn check_access(&self, access: &Access<'_>) -> Result<(), Error> {
        let Access { world, model, structured, headers, ancestors, collection, key, kind } = *access;
        // Others are not in question, and most requests here have no token.
        let Caller::User(person) = caller::caller(headers) else { return Ok(()) };
        let schedule = match (&*structured.name, key) {
            ("schedule", Some(key)) => {
                Schedule::at(world, model, EntityAddress { collection: collection.clone(), key: key.into() })
            }
            _ => Schedule::holding(world, model, ancestors, collection),
        };
        let Some(schedule) = schedule else { return Ok(()) };
        let operation = match kind {
            AccessKind::Read => Operation::Read,
            AccessKind::Create => Operation::Create,
            AccessKind::Change => Operation::Change,
            AccessKind::Delete => Operation::Delete,
            AccessKind::Call(name) => Operation::Call(name),
        };
        let actor = Actor::user(&schedule, &person.id, person.display_name.as_deref());
        access::check_role(&schedule, &actor, &structured.name, operation)
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        reply: Option<&Reply>,
        decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        let reply = reply.and_then(ConnectorReply::of);
        match &change.kind {
            _ if *change.structured.name != *rules::INTEGRATION => proposal::decide(change, reply, decided),
            ChangeKind::Create { values, .. } => handshake::for_creation(change, values, reply, decided),
            ChangeKind::Update { patch, current } => handshake::for_update(change, patch, current, reply, decided),
            ChangeKind::Replace { .. } | ChangeKind::Delete { .. } => Ok(None),
        }
    }
}
