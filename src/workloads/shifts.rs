//! Shifts: the rules of its types, and its protocol with the connector at an integration's `url`.
//!
//! No I/O: these modules encrypt messages and judge answers; the wing `edge` makes the calls.

mod approval;
mod consultation;
pub(crate) mod dialog;
pub(crate) mod endpoint;
pub(crate) mod envelope;
mod handshake;
pub(crate) mod integration;
pub(crate) mod message;
pub(crate) mod outbound_message;
mod queries;
pub(crate) mod rules;
pub(crate) mod sample;
mod time_cards;
mod values;
pub(crate) mod verdict;

use std::sync::Arc;

use crate::edm::schema::WorkloadRules;
use crate::edm::value::Complex;
use crate::odata::error::Error;
use crate::world::workload::{Change, ChangeKind, Consultation, OperationHandler, Reply, ValueRule, Workload};
use approval::Proposal;
use consultation::ConnectorReply;

#[derive(Debug)]
pub(crate) struct Shifts;

impl Workload for Shifts {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn value_rules(&self) -> &'static [(&'static str, ValueRule)] {
        values::RULES
    }

    fn operation(&self, name: &str, bound: &str) -> Option<OperationHandler> {
        time_cards::handler(name, bound)
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        reply: Option<&Reply>,
        decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        let reply = reply.and_then(ConnectorReply::of);
        if *change.structured.name == *rules::INTEGRATION {
            return match &change.kind {
                ChangeKind::Create { values, .. } => handshake::for_creation(change, values, reply, decided),
                ChangeKind::Update { patch, current } => handshake::for_update(change, patch, current, reply, decided),
                ChangeKind::Replace { .. } | ChangeKind::Delete { .. } => Ok(None),
            };
        }
        let Some(rule) = rules::approval_rule(&change.structured.name) else { return Ok(None) };
        let mut decide = |method, key: &dyn Fn() -> Arc<str>, values: &dyn Fn() -> Option<Complex>| {
            approval::decide(change, rule, &Proposal { method, key, values }, reply, decided)
        };
        match &change.kind {
            ChangeKind::Create { key, keyed_values, .. } => decide("POST", key, &|| Some(keyed_values())),
            ChangeKind::Replace { key, values } => decide("PUT", &|| Arc::clone(key), &|| Some((*values).clone())),
            ChangeKind::Delete { key } => decide("DELETE", &|| Arc::clone(key), &|| None),
            // The types that need approval have no PATCH.
            ChangeKind::Update { .. } => Ok(None),
        }
    }
}
