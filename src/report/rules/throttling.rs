//! Throttling: retries, batches, parallel requests.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use http::Method;

use crate::report::evidence::{Call, Place, Run};
use crate::report::hits::Hits;

/// The part of a second by which clocks may differ.
const TOLERANCE: f64 = 0.05;

/// The factor by which a pause must grow.
const GROWTH: f64 = 1.2;

/// The seconds from which on a pause is long enough.
const LONG: f64 = 30.0;

/// The repetitions after 404 that Graph's pages advise for entities that are still being made (learn.microsoft.com/graph/api/team-put-teams).
const LATE: u32 = 3;

/// The most requests at once to a mailbox (learn.microsoft.com/graph/throttling-limits).
const MAILBOX_LIMIT: usize = 4;

fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504 | 509)
}

/// Returns the requests that clients send or put into batches.
fn requests<'r, 'w>(run: &'r Run<'w>) -> impl Iterator<Item = &'r Call<'w>> {
    run.calls.iter().filter(|call| matches!(call.place, Place::Graph | Place::Batch | Place::Token))
}

/// Whether a request may be a repetition of an earlier one: its sender had the answer.
fn is_after(call: &Call<'_>, earlier: &Call<'_>) -> bool {
    call.began >= earlier.ended
}

pub(super) fn early_retry(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut closed: HashMap<u64, (&Call<'_>, f64)> = HashMap::new();
    for call in requests(run) {
        let key = call.same_of_caller();
        if closed.get(&key).is_some_and(|(refused, _)| is_after(call, refused))
            && let Some((refused, wait)) = closed.remove(&key)
        {
            let waited = call.seconds_since(refused, true);
            if waited + TOLERANCE < wait {
                hits.add(call, || {
                    format!("came back after {waited:.1} s, Retry-After was {wait} s (request {})", refused.number)
                });
            }
        }
        if let Some(wait) = call.retry_after.filter(|_| is_busy(call.status)) {
            closed.insert(key, (call, wait));
        }
    }
    hits
}

pub(super) fn constant_retries(run: &Run<'_>) -> Hits {
    struct Series<'r, 'w> {
        last: &'r Call<'w>,
        pause: Option<f64>,
        /// The first pause of all.
        first: Option<f64>,
    }
    let mut hits = Hits::default();
    let mut failing: HashMap<u64, Series<'_, '_>> = HashMap::new();
    for call in requests(run).filter(|call| call.batch.is_none()) {
        let key = call.same_of_caller();
        if failing.get(&key).is_some_and(|series| !is_after(call, series.last)) {
            continue;
        }
        let is_failed = is_busy(call.status) && call.retry_after.is_none() || call.ended_by.is_some();
        let earlier = failing.remove(&key);
        // After growth, pauses may stay at a limit.
        let first = earlier.as_ref().and_then(|series| series.first);
        let pause = earlier.as_ref().map(|series| call.seconds_since(series.last, true));
        if let (Some(before), Some(first), Some(now)) = (earlier.as_ref().and_then(|series| series.pause), first, pause)
            && (now < before * GROWTH || now < TOLERANCE)
            && (now < first * GROWTH && now < LONG)
        {
            hits.add(call, || format!("paused {before:.1} s, then {now:.1} s"));
        }
        if is_failed {
            failing.insert(key, Series { last: call, pause, first: first.or(pause) });
        }
    }
    hits
}

pub(super) fn futile_retry(run: &Run<'_>) -> Hits {
    struct Refused<'r, 'w> {
        first: &'r Call<'w>,
        last: &'r Call<'w>,
        /// The number of changes before it.
        changes: usize,
        times: u32,
    }
    let mut hits = Hits::default();
    let mut refused: HashMap<u64, Refused<'_, '_>> = HashMap::new();
    // A change may change what another request is answered.
    let mut writes = 0;
    for call in run.graph() {
        let changes = writes + run.outside_changes_before(call.number);
        let key = call.same_of_caller();
        let is_refused = matches!(call.status, 400 | 401 | 403 | 404) && !call.is_injected;
        match refused.get_mut(&key) {
            Some(known) if known.changes == changes && is_refused && known.first.status == call.status => {
                if is_after(call, known.last) {
                    // An entity may come to be in the service itself.
                    if call.status != 404 || known.times > LATE {
                        let (status, number) = (call.status, known.first.number);
                        hits.add(call, || format!("{status} was the answer to request {number}, and nothing has changed since"));
                    }
                    known.times += 1;
                    known.last = call;
                }
            }
            _ if is_refused => drop(refused.insert(key, Refused { first: call, last: call, changes, times: 1 })),
            _ => drop(refused.remove(&key)),
        }
        if !call.is_read() && call.is_success() {
            writes += 1;
        }
    }
    hits
}

pub(super) fn repeated_post(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // The requests with an unknown end, by the path of the collection and the caller.
    let mut unknown: HashMap<(&str, &str), HashMap<u64, &Call<'_>>> = HashMap::new();
    for call in run.graph() {
        // A read of the collection shows whether the entity is there.
        if call.is_read() && call.is_success() {
            if !unknown.is_empty()
                && let Some(calls) = unknown.get_mut(&(&*call.path, call.caller()))
            {
                calls.retain(|_, earlier| !is_after(call, earlier));
            }
            continue;
        }
        // A reference is added once.
        let is_action = call.used.as_ref().is_some_and(|used| used.called.is_some()) || call.path.ends_with("/$ref");
        if call.method != Method::POST || is_action {
            continue;
        }
        let is_idempotent = call.sent.as_ref().is_some_and(|sent| sent.is_idempotent);
        let calls = unknown.entry((&call.path, call.caller())).or_default();
        let key = call.same();
        if calls.get(&key).is_some_and(|earlier| is_after(call, earlier))
            && let Some(earlier) = calls.remove(&key)
        {
            let end = earlier.ended_by.map_or_else(|| earlier.status.to_string(), str::to_owned);
            hits.add(call, || format!("request {} ended with {end}: it may have created the entity", earlier.number));
        }
        let is_unknown = call.ended_by.is_some() || matches!(call.status, 500 | 502 | 504 | 0);
        if is_unknown && !is_idempotent {
            calls.insert(key, call);
        }
    }
    hits
}

pub(super) fn batch_item_dropped(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut failed: HashMap<u64, &Call<'_>> = HashMap::new();
    for call in run.graph() {
        let key = call.same();
        let is_repeated = failed.remove(&key).is_some();
        // After a repetition, a client may give it up.
        if call.batch.is_some() && matches!(call.status, 429 | 502 | 503 | 504) && !is_repeated {
            failed.insert(key, call);
        }
    }
    let mut left: Vec<&Call<'_>> = failed.into_values().collect();
    left.sort_by_key(|call| call.number);
    for call in left {
        hits.add(call, || format!("answered {} in a batch, and not sent again", call.status));
    }
    hits
}

pub(super) fn batch_repeated(run: &Run<'_>) -> Hits {
    struct Partly<'r, 'w> {
        batch: &'r Call<'w>,
        /// Numbers of the requests that have failed.
        failed: Vec<u64>,
        all: usize,
    }
    let mut hits = Hits::default();
    // The requests of a batch come before it.
    let mut items: HashMap<&str, Vec<&Call<'_>>> = HashMap::new();
    let mut partly: HashMap<(u64, u64), Partly<'_, '_>> = HashMap::new();
    // The last success of each request.
    let mut succeeded: HashMap<u64, u64> = HashMap::new();
    for call in &run.calls {
        match (call.place, &call.batch) {
            (Place::Graph, Some(batch)) => items.entry(batch).or_default().push(call),
            (Place::Graph, None) if call.is_success() => drop(succeeded.insert(call.same_of_caller(), call.number)),
            (Place::Batch, _) => {
                let key = (call.body, call.token_number);
                let items = call.answer_id.as_deref().and_then(|id| items.remove(id)).unwrap_or_default();
                let is_open = |known: &&Partly<'_, '_>| {
                    let succeeded = |item: &u64| succeeded.get(item).is_some_and(|number| *number > known.batch.number);
                    is_after(call, known.batch) && !known.failed.iter().all(succeeded)
                };
                if let Some(Partly { batch, failed, all }) = partly.get(&key).filter(is_open) {
                    hits.add(call, || format!("{} of {all} requests had failed in request {}", failed.len(), batch.number));
                }
                let busy = items.iter().filter(|item| is_busy(item.status));
                let failed: Vec<u64> = busy.map(|item| item.same_of_caller()).collect();
                let done: Vec<u64> = items.iter().filter(|item| item.is_success()).map(|item| item.same_of_caller()).collect();
                if failed.is_empty() || done.is_empty() {
                    partly.remove(&key);
                } else {
                    partly.insert(key, Partly { batch: call, failed, all: items.len() });
                }
                succeeded.extend(done.into_iter().map(|item| (item, call.number)));
            }
            _ => {}
        }
    }
    hits
}

pub(super) fn parallel_mailbox(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut mailboxes: HashMap<String, Vec<&Call<'_>>> = HashMap::new();
    // The service itself sends four requests of a batch at once.
    for call in run.graph().filter(|call| call.batch.is_none()) {
        if let Some(mailbox) = mailbox(call) {
            mailboxes.entry(mailbox).or_default().push(call);
        }
    }
    let mut all: Vec<Vec<&Call<'_>>> = mailboxes.into_values().collect();
    all.sort_by_key(|calls| calls[0].number);
    for mut calls in all {
        calls.sort_by_key(|call| (call.began, call.number));
        let mut ends: BinaryHeap<Reverse<Duration>> = BinaryHeap::new();
        for call in calls {
            while ends.peek().is_some_and(|Reverse(end)| *end <= call.began) {
                ends.pop();
            }
            ends.push(Reverse(call.ended));
            if ends.len() > MAILBOX_LIMIT {
                hits.about("a mailbox", call, || format!("{} requests at once", ends.len()));
            }
        }
    }
    hits
}

/// Returns a name of the mailbox of a request.
fn mailbox(call: &Call<'_>) -> Option<String> {
    const PARTS: [&str; 10] = [
        "messages",
        "mailfolders",
        "events",
        "calendar",
        "calendars",
        "calendarview",
        "calendargroups",
        "contacts",
        "contactfolders",
        "sendmail",
    ];
    let mut segments = call.path.split('/').skip(2);
    let owner = match segments.next()?.to_ascii_lowercase().as_str() {
        "me" => format!("me {}", call.caller()),
        // The limit is that of an application and a mailbox.
        "users" => {
            let caller = call.caller();
            format!("{} {}", segments.next()?.to_ascii_lowercase(), caller.split(' ').next().unwrap_or_default())
        }
        _ => return None,
    };
    let part = segments.next()?.to_ascii_lowercase();
    PARTS.contains(&part.split('(').next().unwrap_or_default()).then_some(owner)
}
