//! The stream of all journals: Server-Sent Events with a summary of each request.
//!
//! Requests do nothing for it: a reader looks at the journals a few times a second, and gets at most a few hundred summaries each time.
//! What comes faster is left out and counted, so neither a busy server nor a reader that does not read makes anything wait or grow.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
use crate::world::worlds::{WorldInfo, Worlds};

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

/// The most bytes of an event, as it is sent.
const EVENT_BYTES: usize = 750 * 1024;

/// The most bytes of the entries in an event. The rest is for what an event says about worlds: each has four notes at most, with its name.
const ENTRY_BYTES: usize = EVENT_BYTES - 4 * ENTRIES * NOTE_BYTES;

/// The most bytes of a note about a world.
const NOTE_BYTES: usize = 256;

/// The length of the names of fault rules in characters.
const RULES_LIMIT: usize = 64;

/// The largest number of worlds whose last numbers a reader can name.
const RESUMED: usize = 50;

/// The start of the process, so that no journal of another process has the same name.
static START: LazyLock<u128> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros()));

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
    /// The positions of an earlier stream, by world: the journal, and the number of the last entry.
    resumed: HashMap<String, (String, u64)>,
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
    /// The serial of the journal.
    journal: u64,
    number: u64,
    /// The number of the last entry that was seen to be cleared.
    cleared: u64,
    /// Whether the reader begins here, so that entries which are gone are not counted.
    is_start: bool,
}

/// Returns the name of a journal, which no other one has, of another process either.
fn journal_name(journal: &Journal) -> String {
    format!("{:x}-{}", *START, journal.serial())
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
        let StreamParameters { world, seconds, resumed } = StreamParameters::of(request).ok()?;
        let end = match seconds {
            Some(0) => return None,
            Some(seconds) => Some(Instant::now() + Duration::from_secs(seconds)),
            None => None,
        };
        let watch = worlds.default_world().journals.watch(STREAMS)?;
        Some(Feed { end, resumed, _watch: Some(watch), ..Feed::new(world) })
    }

    fn new(world: Option<String>) -> Feed {
        let (positions, resumed) = (HashMap::new(), HashMap::new());
        Feed { world, resumed, positions, has_looked: false, turn: 0, last_event: Instant::now(), end: None, _watch: None }
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
        let mut event = Event::default();
        if is_first {
            self.begin(&infos, &mut event);
        }
        if !infos.is_empty() {
            self.turn = (self.turn + 1) % infos.len();
            infos.rotate_left(self.turn);
        }
        for info in &infos {
            if event.is_full() {
                break;
            }
            self.read(info, &mut event);
        }
        if self.positions.len() > infos.len() {
            let names: HashSet<&str> = infos.iter().map(|info| &*info.name).collect();
            self.positions.retain(|name, _| names.contains(&**name));
        }
        (is_first || !event.is_empty()).then(|| event.text())
    }

    /// Decides where to begin in each world.
    fn begin(&mut self, infos: &[WorldInfo], event: &mut Event) {
        let earlier = (EARLIER / infos.len().max(1) as u64).min(BEHIND);
        for WorldInfo { name, world, .. } in infos {
            let (journal, count) = (&world.journal, world.journal.count());
            let new = Position {
                journal: journal.serial(),
                number: count.saturating_sub(earlier),
                cleared: journal.cleared(),
                is_start: true,
            };
            let position = match self.resumed.get(&**name) {
                None => new,
                Some((known, number)) if *known == journal_name(journal) => {
                    Position { number: count.min(*number), cleared: 0, is_start: false, ..new }
                }
                Some(_) => {
                    event.clear(name, None);
                    new
                }
            };
            self.positions.insert(name.clone(), position);
        }
        event.is_news = false;
    }

    /// Reads what a world has that the reader does not know, as far as an event has room.
    fn read(&mut self, info: &WorldInfo, event: &mut Event) {
        let (name, journal) = (&info.name, &info.world.journal);
        let count = journal.count();
        let begin = || Position { journal: journal.serial(), number: 0, cleared: 0, is_start: false };
        let position = self.positions.entry(name.clone()).or_insert_with(begin);
        if position.journal != journal.serial() {
            // A reset has begun another journal.
            *position = begin();
            event.clear(name, None);
        }
        let up_to = journal.cleared();
        if up_to > position.cleared {
            (position.cleared, position.number) = (up_to, position.number.max(up_to));
            event.clear(name, Some(up_to));
        }
        let mut left_out = 0;
        if count > position.number {
            if count - position.number > BEHIND {
                left_out = count - position.number - ENTRIES as u64;
                position.number += left_out;
            }
            let (summaries, mut last) = journal.summaries(position.number, event.room(), TARGET_LIMIT);
            let mut added = 0;
            for summary in &summaries {
                if !event.add(name, summary) {
                    last = summaries[..added].last().map_or(position.number, |summary| summary.number);
                    break;
                }
                added += 1;
            }
            // The journal has dropped others meanwhile.
            let dropped = last.saturating_sub(position.number).saturating_sub(added as u64);
            left_out += if position.is_start { 0 } else { dropped };
            position.number = position.number.max(last);
        }
        position.is_start = false;
        if left_out > 0 {
            event.skip(name, left_out);
        }
        event.place(name, journal, position.number);
    }

    /// Returns whether some world has entries that the reader has not seen.
    fn is_behind(&self, worlds: &Worlds) -> bool {
        let behind = |name: &str, count: u64| self.positions.get(name).is_some_and(|position| position.number < count);
        worlds.list().iter().any(|info| behind(&info.name, info.world.journal.count()))
    }
}

/// Returns the entries that are there, as a stream that ends.
pub(super) fn once(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let StreamParameters { world, seconds, resumed } = StreamParameters::of(call.request)?;
    if seconds != Some(0) {
        let message =
            format!("too many streams: {STREAMS} at a time, and only over a connection; use seconds=0 for what is there");
        return Err(ControlError::new(StatusCode::CONFLICT, "too-many-streams", message));
    }
    let mut feed = Feed { resumed, ..Feed::new(world) };
    let mut text = feed.look(call.worlds).unwrap_or_default();
    // As many looks as the earlier entries need: others may come meanwhile.
    let mut looks = EARLIER / ENTRIES as u64;
    while looks > 0 && feed.is_behind(call.worlds) {
        text.push_str(&feed.look(call.worlds).unwrap_or_default());
        looks -= 1;
    }
    Ok(ControlReply { content_type: Feed::MEDIA_TYPE, ..ControlReply::text(text) })
}

/// The parameters of a stream.
struct StreamParameters {
    /// The only world to follow.
    world: Option<String>,
    /// The seconds after which it ends.
    seconds: Option<u64>,
    resumed: HashMap<String, (String, u64)>,
}

impl StreamParameters {
    fn of(request: &Request) -> Result<StreamParameters, ControlError> {
        let parameters = Parameters::of(request, &["world", "seconds", "after"])?;
        let invalid = |name: &str, text: &str, expected: &str| {
            ControlError::unusable(format!("invalid {name} '{}': expected {expected}", text.escape_debug()))
        };
        let seconds = |text: &str| text.parse::<u32>().map(u64::from).map_err(|_| invalid("seconds", text, "a whole number"));
        let resumed = |text: &str| {
            let mut resumed = HashMap::new();
            for position in text.split(',').filter(|position| !position.is_empty()) {
                let mut parts = position.split(':');
                let (name, journal, number) = (parts.next(), parts.next(), parts.next().and_then(|number| number.parse().ok()));
                let (Some(name), Some(journal), Some(number), None) = (name, journal, number, parts.next()) else {
                    return Err(invalid("after", position, "a world, its journal and a number, with colons between them"));
                };
                resumed.insert(name.to_owned(), (journal.to_owned(), number));
            }
            if resumed.len() > RESUMED {
                return Err(ControlError::unusable(format!("too many worlds in after: {RESUMED} at most")));
            }
            Ok(resumed)
        };
        Ok(StreamParameters {
            world: parameters.get("world").map(str::to_owned),
            seconds: parameters.get("seconds").map(seconds).transpose()?,
            resumed: parameters.get("after").map(resumed).transpose()?.unwrap_or_default(),
        })
    }
}

/// An event in the making. Its size counts as it is sent.
#[derive(Default)]
struct Event {
    /// The entries as JSON, with commas between them.
    entries: String,
    count: usize,
    has_no_room: bool,
    skipped: Vec<Value>,
    cleared: Vec<Value>,
    positions: Vec<Value>,
    /// Whether something is said about the world that is read.
    is_news: bool,
}

impl Event {
    /// Returns the number of entries that there is room for.
    fn room(&self) -> usize {
        ENTRIES - self.count
    }

    fn is_full(&self) -> bool {
        self.has_no_room || self.count >= ENTRIES || self.skipped.len() + self.cleared.len() >= ENTRIES
    }

    fn is_empty(&self) -> bool {
        self.count == 0 && self.skipped.is_empty() && self.cleared.is_empty()
    }

    /// Adds an entry. Returns whether there is room.
    fn add(&mut self, world: &str, entry: &EntrySummary) -> bool {
        let text = one_line(&entry_json(world, entry));
        if self.entries.len() + text.len() + 1 > ENTRY_BYTES {
            self.has_no_room = true;
            return false;
        }
        if !self.entries.is_empty() {
            self.entries.push(',');
        }
        self.entries.push_str(&text);
        self.count += 1;
        self.is_news = true;
        true
    }

    /// Says how many entries of a world are left out.
    fn skip(&mut self, world: &str, count: u64) {
        self.skipped.push(json!({ "world": world, "count": count }));
        self.is_news = true;
    }

    /// Says that the entries of a world up to a number are gone, or all of them.
    fn clear(&mut self, world: &str, up_to: Option<u64>) {
        self.cleared.push(json!({ "world": world, "upTo": up_to }));
        self.is_news = true;
    }

    /// Says where the reader is in the world that was read, if there was anything to say about it.
    fn place(&mut self, world: &str, journal: &Journal, number: u64) {
        if std::mem::take(&mut self.is_news) {
            self.positions.push(json!({ "world": world, "journal": journal_name(journal), "number": number }));
        }
    }

    fn text(&self) -> String {
        let [skipped, cleared, positions] = [&self.skipped, &self.cleared, &self.positions].map(one_line);
        let entries = &self.entries;
        format!("data: {{\"entries\":[{entries}],\"skipped\":{skipped},\"cleared\":{cleared},\"positions\":{positions}}}\n\n")
    }
}

fn entry_json(world: &str, entry: &EntrySummary) -> Value {
    let decided = &entry.decided;
    let faults = decided.faults.as_ref().map(|names| names.chars().take(RULES_LIMIT).collect::<String>());
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
        ("cause", decided.cause.into()),
        ("hasChanged", entry.has_changed.into()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<String, Value>>().into()
}

/// Returns a value as JSON in one line.
fn one_line(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut out, OneLine))
        .expect("a JSON value has names of text, and memory does not fail");
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
