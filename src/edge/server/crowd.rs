//! Connections at their limit: the one that has stalled longest gives way to the next.
//!
//! Nothing is recorded for it while there is room. When another connection waits, the progress of all is compared with that of the last
//! look, so a connection is known to have stalled after it has made no progress between two of them.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::edge::server::activity::{Activity, Mark};
use crate::edge::server::memory::{Memory, STALLED};

/// Pause between two searches that find no connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Number of ended connections that are kept at least.
const SPARE: usize = 64;

/// All connections of a server, and their progress when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    members: Vec<Member>,
    searched_at: Option<Instant>,
    /// Time at which one was asked to give way to the next that joins.
    asked_at: Option<Instant>,
}

#[derive(Debug)]
struct Member {
    activity: Weak<Activity>,
    mark: Mark,
    /// Time at which the mark was last seen to change.
    since: Instant,
}

impl Crowd {
    /// Returns the activity of a connection that begins beside this many others.
    pub(super) fn join(&mut self, others: usize) -> Arc<Activity> {
        if self.members.len() > 2 * others + SPARE {
            self.members.retain(|member| member.activity.strong_count() > 0);
        }
        // The next one that waits need not wait for the pause.
        (self.searched_at, self.asked_at) = (None, None);
        let activity = Arc::new(Activity::default());
        self.members.push(Member { activity: Arc::downgrade(&activity), mark: Mark::default(), since: Instant::now() });
        activity
    }

    /// Completes when another search is due.
    pub(super) async fn next_search(&self) {
        if let Some(searched_at) = self.searched_at {
            tokio::time::sleep_until((searched_at + PAUSE).into()).await;
        }
    }

    /// Asks the connection that has stalled longest to give way, unless one was asked already.
    pub(super) fn make_room(&mut self, memory: &Memory) {
        let now = Instant::now();
        self.searched_at = Some(now);
        if self.asked_at.is_some_and(|asked_at| now - asked_at < STALLED) {
            return;
        }
        let mut longest: Option<(Instant, Arc<Activity>)> = None;
        for member in &mut self.members {
            let Some(activity) = member.activity.upgrade() else { continue };
            let mark = activity.mark();
            if mark != member.mark || mark.is_at_work() || activity.take_sent() {
                (member.mark, member.since) = (mark, now);
                continue;
            }
            let is_longer = longest.as_ref().is_none_or(|(since, _)| member.since < *since);
            // Answers of which parts are taken are progress too.
            if now - member.since >= STALLED && is_longer && !activity.memory.has_progressed(memory, STALLED) {
                longest = Some((member.since, activity));
            }
        }
        if let Some((_, activity)) = longest {
            activity.give_way();
            self.asked_at = Some(now);
        }
    }
}
