//! Subscriptions: the rules of `/subscriptions`, the validation of receivers, and the notifications of changes.
//!
//! No I/O: these modules decide which messages are due; the wing `edge` sends them.

mod check;
pub(crate) mod delivery;
mod envelope;
mod handshake;
mod notice;
mod rsa;
mod rules;
mod subscription;

use std::time::SystemTime;

use crate::edm::schema::WorkloadRules;
use crate::odata::error::Error;
use crate::world::World;
use crate::world::outbox::Notification;
use crate::world::workload::{Change, ChangeKind, Commit, Consultation, OperationRow, Reply, Workload};

/// Operations and the functions that answer their calls.
const OPERATIONS: &[OperationRow] = &[("reauthorize", "subscription", check::reauthorize)];

#[derive(Debug)]
pub(crate) struct Subscriptions;

impl Workload for Subscriptions {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        reply: Option<&Reply>,
        decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        match &change.kind {
            ChangeKind::Create { values, .. } => check::for_creation(change, values, reply, decided),
            ChangeKind::Update { patch, current } => check::for_update(change, patch, current, reply, decided),
            ChangeKind::Replace { .. } | ChangeKind::Delete { .. } => Ok(None),
        }
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[OPERATIONS]
    }

    fn watching_set(&self) -> Option<&'static str> {
        Some(rules::SET)
    }

    fn attend(&self, world: &World, now: SystemTime) -> Vec<Notification> {
        notice::attend(world, now)
    }

    fn notifications(&self, commit: &Commit<'_>) -> Vec<Notification> {
        notice::of_commit(commit)
    }
}
