//! Sends the notifications of all worlds, on a thread of its own, which begins with the first one.
//!
//! Requests only put notifications into the outbox of their world. A notification is sent a moment after the answer to its request, with
//! those that came meanwhile.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::edge::outgoing::call::notify;
use crate::graph::step::Answer;
use crate::graph::{journal, notices};
use crate::workloads::subscriptions::delivery;
use crate::world::World;
use crate::world::outbox::{Outbox, Parcel, Sent};

/// Time between an answer and its notifications. It is on the wire then.
const MOMENT: Duration = Duration::from_millis(20);

/// Interval in which the clocks of worlds are read.
const INTERVAL: Duration = Duration::from_millis(250);

/// The sender of notifications. It ends with its last copy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifier {
    calls: Arc<Mutex<Option<UnboundedSender<Weak<Outbox>>>>>,
}

impl Notifier {
    /// Takes the notifications of an answer.
    pub(crate) fn notified(&self, world: &World, mut answer: Box<Answer>) -> Box<Answer> {
        if let Some(notifications) = answer.notifications.take() {
            world.outbox.push(&world.stores, notifications);
            if world.outbox.announce() {
                self.call(&world.outbox);
            }
        }
        answer
    }

    fn call(&self, outbox: &Arc<Outbox>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.is_none() {
            let (sender, receiver) = unbounded_channel();
            match std::thread::Builder::new().name("notifications".to_owned()).spawn(|| serve(receiver)) {
                Ok(_) => *calls = Some(sender),
                Err(error) => {
                    outbox.attend();
                    return tracing::error!("cannot send notifications: {error}");
                }
            }
        }
        if let Some(calls) = calls.as_ref() {
            let _ = calls.send(Arc::downgrade(outbox));
        }
    }
}

fn serve(calls: UnboundedReceiver<Weak<Outbox>>) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(attend_all(calls)),
        Err(error) => tracing::error!("cannot send notifications: {error}"),
    }
}

/// Attends to the outboxes of worlds until no request can follow.
async fn attend_all(mut calls: UnboundedReceiver<Weak<Outbox>>) {
    let mut known: Vec<Weak<Outbox>> = Vec::new();
    // Calls in work end with the set.
    let mut tasks: JoinSet<Weak<Outbox>> = JoinSet::new();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            called = calls.recv() => {
                let Some(outbox) = called else { return };
                tasks.spawn(async move {
                    tokio::time::sleep(MOMENT).await;
                    outbox.upgrade().inspect(|outbox| outbox.attend());
                    outbox
                });
            }
            Some(ended) = tasks.join_next() => {
                let Ok(outbox) = ended else { continue };
                let is_known = known.iter().any(|known| Weak::ptr_eq(known, &outbox));
                if attend(&outbox, &mut tasks) && !is_known {
                    known.push(outbox);
                }
            }
            _ = ticks.tick(), if !known.is_empty() => known.retain(|outbox| attend(outbox, &mut tasks)),
        }
    }
}

/// Does what is due in a world. Returns whether something will be.
fn attend(outbox: &Weak<Outbox>, tasks: &mut JoinSet<Weak<Outbox>>) -> bool {
    let Some(outbox) = outbox.upgrade() else { return false };
    let Some(world) = outbox.world() else { return false };
    let now = world.clock.now();
    if let Some(notifications) = notices::attend(&world, now) {
        outbox.push(&world.stores, notifications);
    }
    for parcel in outbox.take(now) {
        tasks.spawn(send(Arc::downgrade(&outbox), parcel));
    }
    outbox.is_awake() || outbox.has_waiting()
}

/// Sends a parcel. Meanwhile the world may end.
async fn send(outbox: Weak<Outbox>, parcel: Parcel) -> Weak<Outbox> {
    let world = || outbox.upgrade().and_then(|outbox| outbox.world());
    let Some(found) = world() else { return outbox };
    let (call, connectors) = (delivery::call(&found, &parcel), found.connectors.clone());
    let Some(call) = call else {
        found.outbox.cancel(&parcel);
        return outbox;
    };
    drop(found);
    let outcome = notify(&call, &connectors).await;
    if let Some(world) = world() {
        let (sent, record) = delivery::judge(&world, &parcel, call, outcome);
        tracing::info!("notification to {}: {}", record.url.split('?').next().unwrap_or_default(), record.verdict);
        journal::record_call(&world, &record);
        world.outbox.settle(&parcel, sent);
        if sent == Sent::Dropped {
            world.outbox.push(&world.stores, delivery::missed(&world, &parcel).into_iter().collect());
        }
    }
    outbox
}
