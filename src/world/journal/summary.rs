//! Summaries of entries, for readers that follow a journal.

use std::time::SystemTime;

use http::{Method, StatusCode};

use super::{AnswerCause, Destination, Journal};
use crate::text::redact::mask_target;

/// An entry without headers and bodies.
#[derive(Debug)]
pub(crate) struct EntrySummary {
    /// The number of the request in its world, from 1.
    pub(crate) number: u64,
    /// The time of the request on the world's clock.
    pub(crate) time: SystemTime,
    /// The method.
    pub(crate) method: Method,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// Path and query, without the prefix of a world, and without secrets.
    pub(crate) target: String,
    /// Whether the target is longer.
    pub(crate) is_cut: bool,
    /// The time that it took to answer in microseconds, if it was measured.
    pub(crate) micros: Option<u32>,
    /// The cause of the answer.
    pub(crate) decided: AnswerCause,
    /// Whether an entity has changed.
    pub(crate) has_changed: bool,
}

impl EntrySummary {
    /// Returns the destination of the request.
    pub(crate) fn to(&self) -> Destination {
        Destination::of(&self.target)
    }
}

impl Journal {
    /// Returns summaries of the entries after a number, oldest first, at most `limit`, and the number of the last entry that was considered.
    /// Secrets are redacted; of targets with more than `text_limit` bytes, the beginning of the path is there.
    pub(crate) fn summaries(&self, after: u64, limit: usize, text_limit: usize) -> (Vec<EntrySummary>, u64) {
        // A number is given under the lock of its shard, so all up to this one are there, or will be when their shard is unlocked.
        let count = self.count();
        let numbers = self.oldest(count).max(after.saturating_add(1))..=count;
        let mut summaries: Vec<EntrySummary> =
            self.shards.iter().flat_map(|shard| shard.ring().summaries(numbers.clone(), limit, text_limit)).collect();
        summaries.sort_unstable_by_key(|summary| summary.number);
        summaries.truncate(limit);
        for summary in &mut summaries {
            summary.target = mask_target(&summary.target);
        }
        let last = summaries.last().filter(|_| summaries.len() == limit).map_or(count, |last| last.number);
        (summaries, last)
    }

    /// Returns the number of the last cleared entry.
    pub(crate) fn cleared(&self) -> u64 {
        self.cleared.load(std::sync::atomic::Ordering::Relaxed)
    }
}
