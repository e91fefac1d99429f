//! Notifications that a request causes.

use std::time::SystemTime;

use crate::graph::meta::ResponseMeta;
use crate::odata::purse::Purse;
use crate::world::World;
use crate::world::journal::EntityChange;
use crate::world::outbox::Notification;
use crate::world::store::StoreChange;
use crate::world::workload::Commit;

/// The events while a request was answered.
#[derive(Default)]
pub(super) struct Notices {
    /// The notifications of what the time had come for before.
    pub(super) ended: Option<Vec<Notification>>,
    /// The changes in the store.
    pub(super) changes: Vec<StoreChange>,
    /// Whether subscriptions have changed.
    pub(super) is_woken: bool,
}

/// Does what the time has come for. Returns the notifications of it, and `None` if it was not time.
pub(crate) fn attend(world: &World, now: SystemTime) -> Option<Vec<Notification>> {
    let due = || world.workloads.iter().flat_map(|workload| workload.attend(world, now)).collect();
    world.outbox.is_due(now).then(due)
}

impl Notices {
    /// Takes note of the change that an operation reports.
    pub(super) fn has_changed(&mut self, world: &World, change: Option<&EntityChange>) {
        if change.is_some_and(|change| world.outbox.is_woken_by(change.set)) {
            world.outbox.wake();
            self.is_woken = true;
        }
    }

    /// Keeps the notifications of what happened before a request that has to wait.
    pub(super) fn keep(self, world: &World) {
        world.outbox.push(&world.stores, self.ended.unwrap_or_default());
    }

    /// Returns the notifications of a request.
    pub(super) fn notifications(self, world: &World, meta: &ResponseMeta<'_>) -> Option<Vec<Notification>> {
        let Notices { ended, changes, is_woken } = self;
        let is_called = is_woken || ended.is_some();
        let mut notifications = ended.unwrap_or_default();
        if is_woken {
            notifications.extend(attend(world, meta.answered).unwrap_or_default());
        }
        if !changes.is_empty() {
            let cause = meta.request_id.to_string();
            // The change has happened: its notifications may take all that is left, also what is there after an interruption.
            let purse = Purse::of(meta.purse.rest(), 0);
            let commit = Commit { world, now: meta.answered, changes: &changes, cause: &cause, purse: &purse };
            notifications.extend(world.workloads.iter().flat_map(|workload| workload.notifications(&commit)));
            meta.purse.spend(meta.purse.rest() - purse.rest());
        }
        (is_called || !notifications.is_empty()).then_some(notifications)
    }
}
