//! Shifts: the rules of its types, and its protocol with the connector at an integration's `url`.
//!
//! No I/O: these modules encrypt messages and judge answers; the wing `edge` makes the calls.

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

use crate::edm::schema::WorkloadRules;
use crate::odata::error::Error;
use crate::world::workload::{Change, ChangeKind, Consultation, Derived, OperationRow, Reply, ValueRule, Workload};
use consultation::ConnectorReply;

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
