//! The stream of all journals: Server-Sent Events with a summary of each request.
//!
//! Requests do nothing for it: a reader looks at the journals a few times a second, and gets at most a few hundred summaries each time.
//! What comes faster is left out and counted, so neither a busy server nor a reader that does not read makes anything wait or grow.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json};

use crate::edge::control::call::{ControlCall, Parameters};
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::control::time::format_time;
use crate::graph::request::Request;
use crate::text::visible::visible_json_string;
use crate::world::journal::{EntrySummary, Journal, Watch};
use crate::world::worlds::Worlds;

/// The path of the stream, without the prefix.
pub(super) const PATH: &str = "/journal/stream";

/// The largest number of streams at a time.
pub(super) const STREAMS: usize = 8;

/// The largest number of entries in an event.
pub(super) const ENTRIES: usize = 200;

/// The number of requests that a reader may be behind in a world. Beyond it, all but those for the next event are left out.
const BEHIND: u64 = 1_000;

/// The number of earlier requests that a new reader gets, of all worlds together.
const EARLIER: u64 = 10_000;

/// The length of a target in bytes, beyond which the path alone is shown.
const TARGET_LIMIT: usize = 2_048;

/// The most bytes of an event: each entry has a target, names, and little else. Names of fault rules are cut.
const EVENT_BYTES: usize = ENTRIES * (TARGET_LIMIT + RULES_LIMIT + 1_536);

/// The length of the names of fault rules in bytes.
const RULES_LIMIT: usize = 256;

/// The length of a method in characters.
const METHOD_LIMIT: usize = 64;

/// Time between two looks at the journals.
const PERIOD: Duration = Duration::from_millis(200);

/// Time between two events without anything, which show that the connection is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// A reader that follows the journals of all worlds, or of one.
#[derive(Debug)]
pub(crate) struct Feed {
    world: Option<String>,
    positions: HashMap<Arc<str>, Position>,
    /// Whether the worlds were looked at before. Later ones are new, and read from their beginning.
    has_looked: bool,
    /// The number of looks: each begins with another world, so that none keeps the others from being read.
    turn: usize,
    last_event: Instant,
    end: Option<Instant>,
    _watch: Option<Watch>,
}

/// The last entry that was read in a world.
#[derive(Debug)]
struct Position {
    journal: Weak<Journal>,
    number: u64,
    /// The number of the last entry that was seen to be cleared.
    cleared: u64,
}

impl Feed {
    /// The media type of the stream.
    pub(crate) const MEDIA_TYPE: &str = "text/event-stream";

    /// The longest time between two pieces.
    pub(crate) const LONGEST_PAUSE: Duration = SIGN_OF_LIFE.saturating_add(PERIOD);

    /// The most bytes of an event.
    pub(crate) const EVENT_BYTES: usize = EVENT_BYTES;

    /// Returns a stream for a request without an end at once; `None` if it has an unusable parameter, or there are too many.
    pub(super) fn open(worlds: &Worlds, request: &Request) -> Option<Feed> {
        let (world, seconds) = parameters(request).ok()?;
        let end = match seconds {
            Some(0) => return None,
            Some(seconds) => Some(Instant::now() + Duration::from_secs(seconds)),
            None => None,
        };
        let watch = worlds.default_world().journals.watch(STREAMS)?;
        Some(Feed { end, _watch: Some(watch), ..Feed::new(world) })
    }

    fn new(world: Option<String>) -> Feed {
        let positions = HashMap::new();
        Feed { world, positions, has_looked: false, turn: 0, last_event: Instant::now(), end: None, _watch: None }
    }

    /// Waits for the time of the next look, and returns whether there is one.
    pub(crate) async fn wait(&self) -> bool {
        if self.has_looked {
            let until_end = self.end.map(|end| end.saturating_duration_since(Instant::now()));
            tokio::time::sleep(until_end.map_or(PERIOD, |rest| rest.min(PERIOD))).await;
        }
        self.end.is_none_or(|end| Instant::now() < end)
    }

    /// Looks at the journals. Returns the next event, if there is anything to say.
    pub(crate) fn look(&mut self, worlds: &Worlds) -> Option<String> {
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let event = self.event(worlds, is_first);
        if event.is_some() {
            self.last_event = Instant::now();
            return event;
        }
        (self.last_event.elapsed() >= SIGN_OF_LIFE).then(|| {
            self.last_event = Instant::now();
            ":\n\n".to_owned()
        })
    }

    fn event(&mut self, worlds: &Worlds, is_first: bool) -> Option<String> {
        let mut infos = worlds.list();
        infos.retain(|info| self.world.as_ref().is_none_or(|wanted| **wanted == *info.name));
        if infos.is_empty() {
            return is_first.then(|| written(&json!({ "entries": [], "skipped": [], "cleared": [] })));
        }
        if is_first {
            let earlier = (EARLIER / infos.len() as u64).min(BEHIND);
            for info in &infos {
                let number = info.world.journal.count().saturating_sub(earlier);
                let (journal, cleared) = (Arc::downgrade(&info.world.journal), info.world.journal.cleared());
                self.positions.insert(info.name.clone(), Position { journal, number, cleared });
            }
        }
        self.turn = (self.turn + 1) % infos.len();
        infos.rotate_left(self.turn);
        let (mut entries, mut skipped, mut cleared) = (Vec::new(), Vec::new(), Vec::new());
        for info in &infos {
            let limit = ENTRIES - entries.len();
            if limit == 0 || skipped.len() + cleared.len() >= ENTRIES {
                break;
            }
            let (name, journal) = (&info.name, &info.world.journal);
            let count = journal.count();
            let begin = || Position { journal: Arc::downgrade(journal), number: 0, cleared: 0 };
            let position = self.positions.entry(name.clone()).or_insert_with(begin);
            if position.journal.as_ptr() != Arc::as_ptr(journal) {
                // A reset has begun another journal.
                *position = begin();
                cleared.push(json!({ "world": &**name, "upTo": Value::Null }));
            }
            let up_to = journal.cleared();
            if up_to > position.cleared {
                (position.cleared, position.number) = (up_to, position.number.max(up_to));
                cleared.push(json!({ "world": &**name, "upTo": up_to }));
            }
            if count <= position.number {
                continue;
            }
            let mut left_out = 0;
            if count - position.number > BEHIND {
                left_out = count - position.number - ENTRIES as u64;
                position.number += left_out;
            }
            let (summaries, last) = journal.summaries(position.number, limit, TARGET_LIMIT);
            // The journal has dropped others meanwhile. At first, those are not news.
            let dropped = last.saturating_sub(position.number).saturating_sub(summaries.len() as u64);
            left_out += if is_first { 0 } else { dropped };
            position.number = position.number.max(last);
            entries.extend(summaries.iter().map(|entry| entry_json(name, entry)));
            if left_out > 0 {
                skipped.push(json!({ "world": &**name, "count": left_out }));
            }
        }
        if self.positions.len() > infos.len() {
            self.positions.retain(|name, _| infos.iter().any(|info| info.name == *name));
        }
        let is_news = is_first || !entries.is_empty() || !skipped.is_empty() || !cleared.is_empty();
        is_news.then(|| written(&json!({ "entries": entries, "skipped": skipped, "cleared": cleared })))
    }

    /// Returns whether some world has entries that the reader has not seen.
    fn is_behind(&self, worlds: &Worlds) -> bool {
        let behind = |name: &str, count: u64| self.positions.get(name).is_some_and(|position| position.number < count);
        worlds.list().iter().any(|info| behind(&info.name, info.world.journal.count()))
    }
}

/// Returns the entries that are there, as a stream that ends.
pub(super) fn once(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (world, seconds) = parameters(call.request)?;
    if seconds != Some(0) {
        let message =
            format!("too many streams: {STREAMS} at a time, and only over a connection; use seconds=0 for what is there");
        return Err(ControlError::new(StatusCode::CONFLICT, "too-many-streams", message));
    }
    let mut feed = Feed::new(world);
    let mut text = feed.look(call.worlds).unwrap_or_default();
    // As many looks as the earlier entries need: others may come meanwhile.
    let mut looks = EARLIER / ENTRIES as u64;
    while looks > 0 && feed.is_behind(call.worlds) {
        text.push_str(&feed.look(call.worlds).unwrap_or_default());
        looks -= 1;
    }
    Ok(ControlReply { content_type: Feed::MEDIA_TYPE, ..ControlReply::text(text) })
}

/// Returns the world of a stream, and the seconds after which it ends.
fn parameters(request: &Request) -> Result<(Option<String>, Option<u64>), ControlError> {
    let parameters = Parameters::of(request, &["world", "seconds"])?;
    let seconds = parameters.get("seconds").map(|text| {
        let invalid = |_| ControlError::unusable(format!("invalid seconds '{}': expected a whole number", text.escape_debug()));
        text.parse::<u32>().map(u64::from).map_err(invalid)
    });
    Ok((parameters.get("world").map(str::to_owned), seconds.transpose()?))
}

fn entry_json(world: &str, entry: &EntrySummary) -> Value {
    let decided = &entry.decided;
    let faults = decided.faults.as_ref().map(|names| names.chars().take(RULES_LIMIT / 4).collect::<String>());
    let members = [
        ("world", Value::from(world)),
        ("number", entry.number.into()),
        ("time", format_time(entry.time).into()),
        ("method", entry.method.as_str().chars().take(METHOD_LIMIT).collect::<String>().into()),
        ("target", entry.target.as_str().into()),
        ("isCut", entry.is_cut.into()),
        ("status", entry.status.map(|status| status.as_u16()).into()),
        ("micros", entry.micros.into()),
        ("to", entry.to().name().into()),
        ("refusedBy", decided.refused_by.into()),
        ("faults", faults.into()),
        ("endedBy", decided.ended_by.into()),
        ("batch", decided.batch.as_deref().into()),
        ("hasChanged", entry.has_changed.into()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<String, Value>>().into()
}

/// Returns an event with a value in one line.
fn written(value: &Value) -> String {
    let mut out = b"data: ".to_vec();
    value
        .serialize(&mut Serializer::with_formatter(&mut out, OneLine))
        .expect("a JSON value has names of text, and memory does not fail");
    out.extend_from_slice(b"\n\n");
    String::from_utf8(out).unwrap_or_default()
}

/// JSON in one line, in which the text of a client gives no orders to a terminal.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(visible_json_string(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests;
