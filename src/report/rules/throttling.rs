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

/// The most requests at once to a mailbox (learn.microsoft.com/graph/throttling-limits).
const MAILBOX_LIMIT: usize = 4;

fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504 | 509)
}

/// Returns the requests that clients send or put into batches.
fn requests<'r, 'w>(run: &'r Run<'w>) -> impl Iterator<Item = &'r Call<'w>> {
    run.calls.iter().filter(|call| matches!(call.place, Place::Graph | Place::Batch | Place::Token))
}

pub(super) fn early_retry(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut closed: HashMap<u64, (&Call<'_>, f64)> = HashMap::new();
    for call in requests(run) {
        let key = call.same();
        if let Some((refused, wait)) = closed.remove(&key) {
            let waited = call.seconds_since(refused, true);
            if waited + TOLERANCE < wait {
                hits.add(call, format!("came back after {waited:.1} s, Retry-After was {wait} s (request {})", refused.number));
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
    }
    let mut hits = Hits::default();
    let mut failing: HashMap<u64, Series<'_, '_>> = HashMap::new();
    for call in requests(run).filter(|call| call.batch.is_none()) {
        let key = call.same();
        let is_failed = is_busy(call.status) && call.retry_after.is_none() || call.ended_by.is_some();
        let earlier = failing.remove(&key);
        let pause = earlier.as_ref().map(|series| call.seconds_since(series.last, true));
        if let (Some(before), Some(now)) = (earlier.and_then(|series| series.pause), pause)
            && (now < before * GROWTH || now < TOLERANCE)
        {
            hits.add(call, format!("paused {before:.1} s, then {now:.1} s"));
        }
        if is_failed {
            failing.insert(key, Series { last: call, pause });
        }
    }
    hits
}

pub(super) fn futile_retry(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut refused: HashMap<(u64, u64), (u64, u64, u32)> = HashMap::new();
    // A write may change what another request is answered.
    let mut writes = 0;
    for call in run.graph() {
        let key = (call.same(), call.token_number);
        if let Some((number, known, times)) = refused.get(&key).copied()
            && known == writes
            && (call.status != 404 || times > 1)
        {
            hits.add(call, format!("{} was the answer to request {number}, and nothing has changed since", call.status));
        }
        if matches!(call.status, 400 | 401 | 403 | 404) && !call.is_injected {
            let entry = refused.entry(key).or_insert((call.number, writes, 0));
            if entry.1 != writes {
                *entry = (call.number, writes, 0);
            }
            entry.2 += 1;
        } else {
            refused.remove(&key);
        }
        if !call.is_read() && call.is_success() {
            writes += 1;
        }
    }
    hits
}

pub(super) fn repeated_post(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut unknown: HashMap<u64, &Call<'_>> = HashMap::new();
    for call in run.graph().filter(|call| call.method == Method::POST) {
        let is_idempotent = call.sent.as_ref().is_some_and(|sent| sent.is_idempotent);
        let key = call.same();
        if let Some(earlier) = unknown.remove(&key) {
            let end = earlier.ended_by.map_or_else(|| earlier.status.to_string(), str::to_owned);
            hits.add(call, format!("request {} ended with {end}: it may have created the entity", earlier.number));
        }
        let is_unknown = call.ended_by.is_some() || matches!(call.status, 500 | 502 | 504 | 0);
        if is_unknown && !is_idempotent {
            unknown.insert(key, call);
        }
    }
    hits
}

pub(super) fn batch_item_dropped(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut failed: HashMap<u64, &Call<'_>> = HashMap::new();
    for call in run.graph() {
        let key = call.same();
        failed.remove(&key);
        if call.batch.is_some() && matches!(call.status, 429 | 502 | 503 | 504) {
            failed.insert(key, call);
        }
    }
    let mut left: Vec<&Call<'_>> = failed.into_values().collect();
    left.sort_by_key(|call| call.number);
    for call in left {
        hits.add(call, format!("answered {} in a batch, and not sent again", call.status));
    }
    hits
}

pub(super) fn batch_repeated(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // The requests of a batch come before it.
    let (mut failed, mut done) = (0, 0);
    let mut known: HashMap<u64, (u64, u32, u32)> = HashMap::new();
    for call in &run.calls {
        match call.place {
            Place::Graph if call.batch.is_some() => {
                let count = if call.is_success() { &mut done } else { &mut failed };
                *count += 1;
            }
            Place::Batch => {
                if let Some((number, failed, done)) = known.get(&call.body) {
                    let all = failed + done;
                    hits.add(call, format!("{failed} of {all} requests had failed in request {number}"));
                }
                if failed > 0 && done > 0 {
                    known.insert(call.body, (call.number, failed, done));
                }
                (failed, done) = (0, 0);
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
                hits.about("a mailbox", call, format!("{} requests at once", ends.len()));
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
        "users" => segments.next()?.to_ascii_lowercase(),
        _ => return None,
    };
    let part = segments.next()?.to_ascii_lowercase();
    PARTS.contains(&part.split('(').next().unwrap_or_default()).then_some(owner)
}
