//! Delivery of notifications: the message, and the time of the next attempt.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Uri};

use crate::policy::behavior::{NotificationRetries, NotificationTimeout};
use crate::workloads::subscriptions::envelope::validation_token;
use crate::workloads::subscriptions::{notice, subscription};
use crate::world::World;
use crate::world::chance::{fraction, mixed};
use crate::world::clock::utc;
use crate::world::outbound::{CallOutcome, CallRecord, OutboundCall};
use crate::world::outbox::{Notification, Parcel, Sent};

/// Pause before the second attempt. It doubles with each further one.
const PAUSE: Duration = Duration::from_secs(10);

/// Time after the first attempt in which others follow.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// The largest number of request ids that the journal names.
const CAUSES: usize = 5;

/// Returns the call that delivers a parcel; `None` if its subscription is gone.
pub(crate) fn call(world: &World, parcel: &Parcel) -> Option<OutboundCall> {
    let (key, _) = &parcel.queue;
    let lifecycle_url = parcel.notifications.first()?.lifecycle_url.clone();
    let (url, tokens) = if let Some(url) = lifecycle_url {
        (url, String::new())
    } else {
        let receiver = subscription::find(world, key).map(|subscription| subscription.receiver());
        let receiver = receiver.or_else(|| parcel.last_receiver.clone())?;
        let token = |application: &Arc<str>| format!(",\"validationTokens\":[\"{}\"]", validation_token(world, application));
        (receiver.url, receiver.application.as_ref().map_or_else(String::new, token))
    };
    let url: Uri = url.parse().ok()?;
    let timeout = match world.behaviors.notification_timeout {
        NotificationTimeout::ThreeSeconds => Duration::from_secs(3),
        NotificationTimeout::ThirtySeconds => Duration::from_secs(30),
    };
    let items: Vec<&str> = parcel.notifications.iter().map(|notification| notification.item.as_str()).collect();
    let body = Bytes::from(format!("{{\"value\":[{}]{tokens}}}", items.join(",")));
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))]);
    Some(OutboundCall { method: Method::POST, url, headers, body, timeout })
}

/// Returns the result of an attempt, and the record of the call for the journal.
pub(crate) fn judge(world: &World, parcel: &Parcel, call: OutboundCall, outcome: CallOutcome) -> (Sent, CallRecord) {
    let is_delivered = matches!(&outcome, CallOutcome::Answered { status, .. } if status.is_success());
    let (sent, mut verdict) = match next_attempt(world, parcel) {
        _ if is_delivered => (Sent::Delivered, "delivered".to_owned()),
        Some(time) => (Sent::Again(time), format!("not delivered, again at {}", utc(time))),
        None => (Sent::Dropped, "not delivered, given up".to_owned()),
    };
    let mut causes: Vec<&str> = parcel.notifications.iter().filter_map(|notification| notification.cause.as_deref()).collect();
    causes.dedup();
    if let [first, ..] = causes[..] {
        let named = causes.len().min(CAUSES);
        let more = if causes.len() > named { ", …" } else { "" };
        let requests =
            if causes.len() == 1 { format!("request {first}") } else { format!("requests {}{more}", causes[..named].join(", ")) };
        verdict = format!("{verdict}; caused by the {requests}");
    }
    let OutboundCall { url, headers, body, .. } = call;
    (sent, CallRecord { url: url.to_string(), headers, plaintext: body.clone(), body, outcome, verdict, is_notification: true })
}

/// Returns the message about a parcel that is given up, if the subscription's receiver gets one.
pub(crate) fn missed(world: &World, parcel: &Parcel) -> Option<Notification> {
    notice::of_given_up(world, parcel)
}

/// Returns the time of the next attempt; `None` if this was the last one.
fn next_attempt(world: &World, parcel: &Parcel) -> Option<std::time::SystemTime> {
    if world.behaviors.notification_retries == NotificationRetries::Off {
        return None;
    }
    let stream = parcel.queue.0.bytes().fold(0, |hash, byte| mixed(hash ^ u64::from(byte)));
    let share = 0.75 + fraction(world.seed(), stream, u64::from(parcel.attempts)) / 2.0;
    let pause = PAUSE.saturating_mul(2_u32.saturating_pow(parcel.attempts)).mul_f64(share);
    let now = world.clock.now();
    let next = now.checked_add(pause)?;
    (next <= parcel.first.checked_add(PATIENCE)?).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::{SystemTime, UNIX_EPOCH};

    use crate::world::clock::Clock;
    use crate::world::settings::Settings;

    /// Returns the pauses in seconds until a parcel is given up.
    fn pauses(seed: u64) -> Vec<u64> {
        let settings = Settings { seed, clock: Clock::Fixed(UNIX_EPOCH), ..crate::workloads::settings() };
        let mut world = World::new(settings);
        let mut parcel = Parcel {
            queue: (Arc::from("a"), false),
            last_receiver: None,
            notifications: Vec::new(),
            attempts: 0,
            first: UNIX_EPOCH,
        };
        let mut found = Vec::new();
        let mut now: SystemTime = UNIX_EPOCH;
        while let Some(next) = next_attempt(&world, &parcel) {
            found.push(next.duration_since(now).unwrap().as_secs());
            now = next;
            world = world.with_clock(Clock::Fixed(now));
            parcel.attempts += 1;
        }
        found
    }

    #[test]
    fn attempts_follow_for_four_hours_by_the_seed() {
        let found = pauses(1);
        assert!(found[0] >= 7 && found[0] <= 12 && found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
        assert!(found.iter().sum::<u64>() <= 4 * 60 * 60 && found.len() >= 9, "{found:?}");
        assert_eq!(found, pauses(1));
        assert_ne!(found, pauses(2));
    }
}
