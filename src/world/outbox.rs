//! Notifications that wait until they are sent, and the time at which the subscriptions of a world need attention.
//!
//! Each subscription has a queue of its own, so that its notifications arrive in order and a receiver that does not answer delays no
//! other. Queues are bounded, and their memory is that of the stores.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use crate::edm::schema::SetId;
use crate::world::World;
use crate::world::budget::{Budget, Reservation};
use crate::world::clock::unix_millis;

/// The greatest number of notifications that wait for one receiver.
pub(crate) const QUEUE_LIMIT: usize = 1_000;

/// The greatest number of notifications that wait in one world.
pub(crate) const WORLD_LIMIT: usize = 10_000;

/// The greatest number of notifications in one message.
pub(crate) const MESSAGE_LIMIT: usize = 100;

/// The bytes of items after which a message takes no further one. A single item may be larger.
pub(crate) const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// The bytes of a waiting notification beside its texts.
const NOTIFICATION_BYTES: usize = 256;

/// The time of the next event in a world without subscriptions.
const NEVER: i64 = i64::MAX;

/// The time of the next event while it is looked for.
const SCHEDULING: i64 = NEVER - 1;

/// A notification for the receiver of a subscription.
#[derive(Debug)]
pub struct Notification {
    /// The key of the subscription.
    pub subscription: Arc<str>,
    /// The receiver of one about the subscription itself. Others go to the receiver that the subscription has when they are sent.
    pub lifecycle_url: Option<Arc<str>>,
    /// The item of the message, as JSON.
    pub item: String,
    /// The id of the request that caused it.
    pub cause: Option<Box<str>>,
    /// The memory that it has taken already; what waits without takes its own.
    pub memory: Option<Reservation>,
}

/// Returns the bytes that a notification with an item of this length takes.
pub(crate) fn notification_bytes(item: usize) -> usize {
    NOTIFICATION_BYTES.saturating_add(item)
}

/// A queue: the key of a subscription, and whether its notifications are about the subscription itself.
pub(crate) type QueueId = (Arc<str>, bool);

/// Notifications that go in one message.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) queue: QueueId,
    /// The receiver, if the subscription has ended meanwhile.
    pub(crate) last_receiver: Option<LastReceiver>,
    pub(crate) notifications: Vec<Arc<Notification>>,
    /// The number of attempts before this one.
    pub(crate) attempts: u32,
    /// The time of the first attempt.
    pub(crate) first: SystemTime,
}

/// The receiver of what was due before a subscription ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastReceiver {
    pub(crate) url: Arc<str>,
    /// The application for which messages are signed, if they have changed entities.
    pub(crate) application: Option<Arc<str>>,
}

/// The result of an attempt to send a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It has arrived.
    Delivered,
    /// It is sent again at a time of the world's clock.
    Again(SystemTime),
    /// It is given up.
    Dropped,
}

#[derive(Debug)]
struct Waiting {
    notification: Arc<Notification>,
    _memory: Reservation,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    is_sending: bool,
    attempts: u32,
    first: Option<SystemTime>,
    due: Option<SystemTime>,
    last_receiver: Option<LastReceiver>,
}

/// The end of which a receiver is reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// That of the subscription.
    Subscription,
    /// That of the token with which it was authorized.
    Authorization,
}

#[derive(Clone, Copy, Debug)]
struct Reminder {
    end: i64,
    time: i64,
    is_sent: bool,
}

#[derive(Debug, Default)]
struct Queues {
    by_id: BTreeMap<QueueId, Queue>,
    waiting: usize,
    dropped: u64,
    /// The times at which receivers are reminded of the ends of subscriptions and their authorizations.
    reminders: HashMap<(Arc<str>, Ending), Reminder>,
    /// The ends of the tokens with which subscriptions were authorized, in milliseconds.
    authorizations: HashMap<Arc<str>, i64>,
    /// Whether the receivers of subscriptions learn that notifications are missing.
    missing: HashMap<Arc<str>, bool>,
}

/// Notifications of a world that wait until they are sent.
#[derive(Debug)]
pub struct Outbox {
    /// The time of the world's clock at which subscriptions need attention, in milliseconds.
    next_event: AtomicI64,
    /// Held while the next event is looked for.
    scheduling: Mutex<()>,
    /// Whether the sender was called and has not come yet.
    is_announced: AtomicBool,
    /// The set of the subscriptions.
    subscriptions: Option<SetId>,
    /// The current value of the world. None that is in use means that the world has ended.
    world: Mutex<Weak<World>>,
    queues: Mutex<Queues>,
}

impl Outbox {
    /// Returns an empty outbox.
    pub(super) fn new(subscriptions: Option<SetId>) -> Outbox {
        Outbox {
            next_event: AtomicI64::new(NEVER),
            scheduling: Mutex::default(),
            is_announced: AtomicBool::new(false),
            subscriptions,
            world: Mutex::default(),
            queues: Mutex::default(),
        }
    }

    /// Whether the world has subscriptions.
    pub(crate) fn is_awake(&self) -> bool {
        self.next_event.load(Ordering::Relaxed) != NEVER
    }

    /// Whether subscriptions need attention.
    pub(crate) fn is_due(&self, now: SystemTime) -> bool {
        let next = self.next_event.load(Ordering::Relaxed);
        next != NEVER && next <= unix_millis(now)
    }

    /// Begins to look for the next event, alone until the result is dropped. From now on, the outbox knows if it is woken.
    pub(crate) fn begin_scheduling(&self) -> MutexGuard<'_, ()> {
        let alone = self.scheduling.lock().unwrap_or_else(PoisonError::into_inner);
        self.next_event.store(SCHEDULING, Ordering::SeqCst);
        alone
    }

    /// Sets the time at which subscriptions need attention, unless they have changed meanwhile; `None` without any.
    pub(crate) fn end_scheduling(&self, next: Option<i64>) {
        let next = next.map_or(NEVER, |next| next.min(SCHEDULING));
        let _ = self.next_event.compare_exchange(SCHEDULING, next, Ordering::SeqCst, Ordering::Relaxed);
    }

    /// Lets subscriptions have attention as soon as possible, since there are some or they have changed.
    pub(crate) fn wake(&self) {
        self.next_event.store(0, Ordering::SeqCst);
    }

    /// Whether a set is that of the subscriptions.
    pub(crate) fn is_woken_by(&self, set: SetId) -> bool {
        self.subscriptions == Some(set)
    }

    /// Returns the set of the subscriptions.
    pub(super) fn subscriptions(&self) -> Option<SetId> {
        self.subscriptions
    }

    /// Sets the current value of the world.
    pub(super) fn belongs_to(&self, world: &Arc<World>) {
        *self.world.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(world);
    }

    /// Ends sending, though a request in flight may still hold the world.
    pub(super) fn close(&self) {
        *self.world.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
    }

    /// Returns the current value of the world, unless the world has ended.
    pub(crate) fn world(&self) -> Option<Arc<World>> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        Some(world.widened().cloned().unwrap_or(world))
    }

    /// Whether the sender has to be called.
    pub(crate) fn announce(&self) -> bool {
        !self.is_announced.swap(true, Ordering::AcqRel)
    }

    /// Records that the sender comes.
    pub(crate) fn attend(&self) {
        self.is_announced.store(false, Ordering::Release);
    }

    /// Adds notifications as far as there is room. Returns the subscriptions of those that are dropped.
    pub(crate) fn push(&self, budget: &Arc<Budget>, notifications: Vec<Notification>) -> Vec<Arc<str>> {
        let mut queues = self.lock();
        let mut dropped = Vec::new();
        for mut notification in notifications {
            let id = (notification.subscription.clone(), notification.lifecycle_url.is_some());
            let is_full =
                queues.waiting >= WORLD_LIMIT || queues.by_id.get(&id).is_some_and(|queue| queue.waiting.len() >= QUEUE_LIMIT);
            let taken = notification.memory.take();
            let take = || budget.take(notification_bytes(notification.item.len()));
            let memory = if is_full { None } else { taken.or_else(take) };
            let Some(memory) = memory else {
                dropped.push(notification.subscription);
                continue;
            };
            let waiting = Waiting { notification: Arc::new(notification), _memory: memory };
            queues.by_id.entry(id).or_default().waiting.push_back(waiting);
            queues.waiting += 1;
        }
        queues.count_dropped(dropped.len());
        dropped
    }

    /// Returns the number of notifications of changes that a subscription has room for.
    pub(crate) fn room(&self, subscription: &Arc<str>) -> usize {
        let queues = self.lock();
        let waiting = queues.by_id.get(&(subscription.clone(), false)).map_or(0, |queue| queue.waiting.len());
        QUEUE_LIMIT.saturating_sub(waiting).min(WORLD_LIMIT.saturating_sub(queues.waiting))
    }

    /// Counts notifications that are dropped before they are put together.
    pub(crate) fn count_dropped(&self, count: usize) {
        self.lock().count_dropped(count);
    }

    /// Takes one parcel of each queue whose turn it is. It stays in its queue until it is [settled](Outbox::settle).
    pub(crate) fn take(&self, now: SystemTime) -> Vec<Parcel> {
        let mut queues = self.lock();
        let mut parcels = Vec::new();
        for (id, queue) in &mut queues.by_id {
            if queue.is_sending || queue.waiting.is_empty() || queue.due.is_some_and(|due| due > now) {
                continue;
            }
            queue.is_sending = true;
            let first = *queue.first.get_or_insert(now);
            let mut bytes = 0;
            let fits = |waiting: &&Waiting| {
                let length = waiting.notification.item.len();
                let is_first = bytes == 0;
                bytes += length;
                is_first || bytes <= MESSAGE_BYTES
            };
            let notifications =
                queue.waiting.iter().take(MESSAGE_LIMIT).take_while(fits).map(|waiting| waiting.notification.clone()).collect();
            let last_receiver = queue.last_receiver.clone();
            parcels.push(Parcel { queue: id.clone(), last_receiver, notifications, attempts: queue.attempts, first });
        }
        parcels
    }

    /// Records the result of an attempt.
    pub(crate) fn settle(&self, parcel: &Parcel, sent: Sent) {
        let mut queues = self.lock();
        let Some(queue) = queues.by_id.get_mut(&parcel.queue) else { return };
        queue.is_sending = false;
        if let Sent::Again(due) = sent {
            queue.attempts += 1;
            queue.due = Some(due);
            return;
        }
        let count = parcel.notifications.len().min(queue.waiting.len());
        queue.waiting.drain(..count);
        (queue.attempts, queue.first, queue.due) = (0, None, None);
        if queue.waiting.is_empty() {
            queues.by_id.remove(&parcel.queue);
        }
        queues.waiting -= count;
        if sent == Sent::Dropped {
            queues.count_dropped(count);
        }
    }

    /// Keeps the receiver of a subscription that ends, for what waits.
    pub(crate) fn keep_receiver(&self, subscription: &Arc<str>, receiver: LastReceiver) {
        if let Some(queue) = self.lock().by_id.get_mut(&(subscription.clone(), false)) {
            queue.last_receiver = Some(receiver);
        }
    }

    /// Drops all that waits for the receiver of a parcel, whose subscription is gone.
    pub(crate) fn cancel(&self, parcel: &Parcel) {
        let mut queues = self.lock();
        if let Some(queue) = queues.by_id.remove(&parcel.queue) {
            let count = queue.waiting.len();
            queues.waiting -= count;
            queues.count_dropped(count);
        }
    }

    /// Whether notifications wait.
    pub(crate) fn has_waiting(&self) -> bool {
        self.lock().waiting > 0
    }

    /// Returns the number of notifications that wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Returns the number of notifications that were dropped: for want of room, because their receivers did not take them, or with their
    /// subscriptions.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Returns the time at which the receiver is reminded of an end of a subscription, set by a function when it is first asked for; `None`
    /// once that is done.
    pub(crate) fn reminder(&self, subscription: &Arc<str>, ending: Ending, end: i64, time: impl FnOnce() -> i64) -> Option<i64> {
        let mut queues = self.lock();
        let id = (subscription.clone(), ending);
        if let Some(reminder) = queues.reminders.get(&id).filter(|reminder| reminder.end == end) {
            return (!reminder.is_sent).then_some(reminder.time);
        }
        let reminder = Reminder { end, time: time(), is_sent: false };
        queues.reminders.insert(id, reminder);
        Some(reminder.time)
    }

    /// Records that a receiver is reminded. Returns whether this is the first time.
    pub(crate) fn remind(&self, subscription: &Arc<str>, ending: Ending, end: i64) -> bool {
        let mut queues = self.lock();
        let reminder = queues.reminders.get_mut(&(subscription.clone(), ending));
        let reminder = reminder.filter(|reminder| reminder.end == end && !reminder.is_sent);
        reminder.map(|reminder| reminder.is_sent = true).is_some()
    }

    /// Authorizes a subscription until the end of a token; without one it stays authorized.
    pub(crate) fn authorize(&self, subscription: &Arc<str>, until: Option<i64>) {
        let mut queues = self.lock();
        match until {
            Some(until) => queues.authorizations.insert(subscription.clone(), until),
            None => queues.authorizations.remove(subscription),
        };
    }

    /// Returns the end of the authorization of a subscription, if it has one.
    pub(crate) fn authorized_until(&self, subscription: &str) -> Option<i64> {
        self.lock().authorizations.get(subscription).copied()
    }

    /// Records whether the receiver of a subscription learns that notifications are missing.
    pub(crate) fn set_reports_missed(&self, subscription: &Arc<str>, reports: bool) {
        self.lock().missing.insert(subscription.clone(), reports);
    }

    /// Whether the receiver of a subscription learns that notifications are missing; `None` if that is not recorded.
    pub(crate) fn reports_missed(&self, subscription: &str) -> Option<bool> {
        self.lock().missing.get(subscription).copied()
    }

    /// Forgets subscriptions that are gone.
    pub(crate) fn retain_reminders(&self, is_there: impl Fn(&str) -> bool) {
        let mut queues = self.lock();
        queues.reminders.retain(|(subscription, _), _| is_there(subscription));
        queues.authorizations.retain(|subscription, _| is_there(subscription));
        queues.missing.retain(|subscription, _| is_there(subscription));
    }

    // Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    /// Counts dropped notifications. The log has a line each time that their number doubles.
    fn count_dropped(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let before = self.dropped;
        self.dropped += u64::try_from(count).unwrap_or(u64::MAX);
        if before.checked_ilog2() != self.dropped.checked_ilog2() {
            tracing::warn!("notifications dropped: {} in this world so far", self.dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn notification(subscription: &str, item: &str) -> Notification {
        Notification { subscription: subscription.into(), lifecycle_url: None, item: item.to_owned(), cause: None, memory: None }
    }

    fn items(parcel: &Parcel) -> Vec<&str> {
        parcel.notifications.iter().map(|notification| notification.item.as_str()).collect()
    }

    #[test]
    fn notifications_keep_their_order_and_wait_for_the_one_before() {
        let (outbox, budget) = (Outbox::new(None), Arc::new(Budget::new(usize::MAX)));
        assert!(outbox.push(&budget, vec![notification("a", "1"), notification("b", "2"), notification("a", "3")]).is_empty());
        let parcels = outbox.take(UNIX_EPOCH);
        assert_eq!(parcels.iter().map(items).collect::<Vec<_>>(), [vec!["1", "3"], vec!["2"]]);
        outbox.push(&budget, vec![notification("a", "4")]);
        assert!(outbox.take(UNIX_EPOCH).is_empty(), "both are being sent");
        let later = UNIX_EPOCH + Duration::from_secs(5);
        outbox.settle(&parcels[0], Sent::Again(later));
        outbox.settle(&parcels[1], Sent::Delivered);
        assert!(outbox.take(UNIX_EPOCH).is_empty(), "it is not time yet");
        let again = outbox.take(later);
        assert_eq!((items(&again[0]), again[0].attempts, again[0].first), (vec!["1", "3", "4"], 1, UNIX_EPOCH));
        outbox.settle(&again[0], Sent::Dropped);
        assert_eq!((outbox.waiting(), outbox.dropped(), budget.used()), (0, 3, 0));
    }

    #[test]
    fn what_waits_is_bounded() {
        let (outbox, budget) = (Outbox::new(None), Arc::new(Budget::new(usize::MAX)));
        let many = |subscription: &str, count| (0..count).map(|_| notification(subscription, "1")).collect::<Vec<_>>();
        assert_eq!(outbox.push(&budget, many("a", QUEUE_LIMIT + 7)).len(), 7);
        for number in 0..20 {
            outbox.push(&budget, many(&format!("b{number}"), QUEUE_LIMIT));
        }
        assert_eq!(outbox.waiting(), WORLD_LIMIT);
        assert_eq!(outbox.dropped(), 7 + 21 * 1_000 - 10_000);
        let small = Arc::new(Budget::new(2 * NOTIFICATION_BYTES + 2));
        assert_eq!(Outbox::new(None).push(&small, many("a", 5)).len(), 3);
    }

    #[test]
    fn a_message_ends_at_its_bytes_but_has_an_item() {
        let (outbox, budget) = (Outbox::new(None), Arc::new(Budget::new(usize::MAX)));
        let items = [MESSAGE_BYTES / 2, MESSAGE_BYTES / 2, 1, MESSAGE_BYTES + 1, 1, 1].map(|length| "x".repeat(length));
        outbox.push(&budget, items.iter().map(|item| notification("a", item)).collect());
        let mut counts = Vec::new();
        while let [parcel] = &outbox.take(UNIX_EPOCH)[..] {
            counts.push(parcel.notifications.len());
            outbox.settle(parcel, Sent::Delivered);
        }
        assert_eq!(counts, [2, 1, 1, 2]);
    }

    #[test]
    fn a_world_without_subscriptions_is_never_due() {
        let outbox = Outbox::new(None);
        assert!(!outbox.is_awake() && !outbox.is_due(SystemTime::now()));
        outbox.wake();
        assert!(outbox.is_awake() && outbox.is_due(UNIX_EPOCH));
        drop(outbox.begin_scheduling());
        assert!(outbox.is_awake());
        outbox.end_scheduling(Some(5_000));
        assert!(!outbox.is_due(UNIX_EPOCH) && outbox.is_due(UNIX_EPOCH + Duration::from_secs(5)));
        drop(outbox.begin_scheduling());
        outbox.wake();
        outbox.end_scheduling(Some(9_000));
        assert!(outbox.is_due(UNIX_EPOCH), "a change meanwhile is seen");
        drop(outbox.begin_scheduling());
        outbox.end_scheduling(None);
        assert!(!outbox.is_awake());
    }
}
