//! Whether the requests that were made are those that a test expects.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use super::{Destination, JournalEntry, JournalQuery, Secrets};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::pattern::names_id;
use crate::text::redact::{NamePlace, REDACTED, UNPACKED_LIMIT, is_secret_name, mask_json, mask_target};
use crate::text::truncate::truncate;
use crate::text::{bom, gzip};

/// What a test expects of the requests that were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Which requests.
    pub of: JournalQuery,
    /// What their JSON body holds at least: objects may have further members, arrays may not have further items.
    pub body: Option<Value>,
    /// What the JSON body of their answer holds at least.
    pub answer: Option<Value>,
    /// How many of them there are.
    pub times: Times,
}

/// How many requests are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// At least so many.
    pub at_least: usize,
    /// At most so many.
    pub at_most: usize,
}

impl Times {
    /// Neither more nor fewer than so many.
    pub fn exactly(number: usize) -> Times {
        Times { at_least: number, at_most: number }
    }

    /// So many or more.
    pub fn at_least(number: usize) -> Times {
        Times { at_least: number, at_most: usize::MAX }
    }

    /// So many or fewer.
    pub fn at_most(number: usize) -> Times {
        Times { at_least: 0, at_most: number }
    }
}

impl Default for Times {
    fn default() -> Times {
        Times::exactly(1)
    }
}

/// What came of checking an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationReport {
    /// Whether it holds.
    pub holds: bool,
    /// The numbers of the requests that fit.
    pub found: Vec<u64>,
    /// The number of the request that comes closest, if too few fit.
    pub closest: Option<u64>,
    /// What was expected, what was found, and how the closest request differs, for people.
    pub text: String,
}

impl VerificationReport {
    /// Fails a test whose expectation does not hold.
    ///
    /// # Panics
    ///
    /// Panics with the text if the expectation does not hold.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.holds, "{}", self.text);
    }
}

/// How many differences of one request are told.
const DIFFERENCE_LIMIT: usize = 20;

/// How many requests that fit are named.
const NAMED_LIMIT: usize = 10;

/// How a request differs: so much, and thus.
struct Miss {
    weight: usize,
    lines: Vec<String>,
}

pub(super) fn verify(entries: &[JournalEntry], count: u64, expectation: &Expectation, secrets: Secrets) -> VerificationReport {
    let dropped = count.saturating_sub(u64::try_from(entries.len()).unwrap_or(count));
    // What a client has asked and what that made the emulator ask are different things.
    let to = expectation.of.to.unwrap_or(Destination::Graph);
    let entries: Vec<&JournalEntry> = entries.iter().filter(|entry| entry.to() == to).collect();
    let misses: Vec<Miss> = entries.iter().map(|entry| miss(entry, expectation, secrets)).collect();
    let fitting: Vec<&JournalEntry> =
        entries.iter().zip(&misses).filter(|(_, miss)| miss.weight == 0).map(|(entry, _)| *entry).collect();
    let found: Vec<u64> = fitting.iter().map(|entry| entry.number).collect();
    let Times { at_least, at_most } = expectation.times;
    let holds = (at_least..=at_most).contains(&found.len());
    let (expected, among) = (expected(expectation, secrets), kind(to, false));
    let mut text = format!("expected {expected}, found {} among {} {among}", found.len(), entries.len());
    if dropped > 0 {
        let _ = write!(text, "; {dropped} older ones are no longer in the journal");
    }
    let mut closest = None;
    if !holds && found.len() < at_least {
        // Of equally close requests the latest is the one that a test has made last.
        let near = entries.iter().zip(&misses).filter(|(_, miss)| miss.weight > 0).rev().min_by_key(|(_, miss)| miss.weight);
        if let Some((entry, miss)) = near {
            closest = Some(entry.number);
            let _ = write!(text, "\nclosest: {}", named(entry));
            for line in &miss.lines {
                let _ = write!(text, "\n  {line}");
            }
        }
    }
    if !holds {
        for entry in fitting.iter().take(NAMED_LIMIT) {
            let _ = write!(text, "\nfits: {}", named(entry));
        }
        if fitting.len() > NAMED_LIMIT {
            let _ = write!(text, "\nfits: {} more", fitting.len() - NAMED_LIMIT);
        }
    }
    VerificationReport { holds, found, closest, text }
}

/// Returns what comes of an expectation where nothing is kept: no request that is not there would say that there was none.
pub(super) fn impossible(expectation: &Expectation, secrets: Secrets) -> VerificationReport {
    let text = format!("expected {}, and the journal keeps nothing that could tell", expected(expectation, secrets));
    VerificationReport { holds: false, found: Vec::new(), closest: None, text }
}

/// Returns what entries are called, one of them or several.
fn kind(to: Destination, is_one: bool) -> &'static str {
    match (to, is_one) {
        (Destination::Graph, true) => "request",
        (Destination::Graph, false) => "requests",
        (Destination::Connector, true) => "call to a connector",
        (Destination::Connector, false) => "calls to connectors",
    }
}

fn named(entry: &JournalEntry) -> String {
    let target = mask_target(entry.texts.target());
    format!("request {}, {} {target}, {}", entry.number, entry.method, answered(entry))
}

fn answered(entry: &JournalEntry) -> String {
    entry.status.map_or("no answer".to_owned(), |status| status.as_u16().to_string())
}

/// Describes an expectation in words.
fn expected(expectation: &Expectation, secrets: Secrets) -> String {
    let Expectation { of, body, answer, times } = expectation;
    let mut text = match (times.at_least, times.at_most) {
        (0, 0) => "no ".to_owned(),
        (least, most) if least == most => format!("exactly {least} "),
        (least, usize::MAX) => format!("at least {least} "),
        (0, most) => format!("at most {most} "),
        (least, most) => format!("{least} to {most} "),
    };
    let last = if times.at_most == usize::MAX { times.at_least } else { times.at_most };
    let to = of.to.unwrap_or(Destination::Graph);
    match &of.method {
        Some(method) if to == Destination::Graph => text.push_str(method.as_str()),
        _ => text.push_str(kind(to, last == 1 || times.at_most == 0)),
    }
    if let Some(path) = &of.path {
        let _ = write!(text, " of {path}");
    }
    if let Some(id) = &of.id {
        let _ = write!(text, " of the id {id}");
    }
    if let Some(since) = of.since {
        let _ = write!(text, " since {}", DateTimeOffset::from(since));
    }
    if let Some(until) = of.until {
        let _ = write!(text, " before {}", DateTimeOffset::from(until));
    }
    if let Some(statuses) = &of.status {
        let _ = write!(text, " answered with {}", range(statuses));
    }
    if let Some(body) = body {
        let _ = write!(text, " with {}", shown(body, secrets));
    }
    if let Some(answer) = answer {
        let _ = write!(text, " answered with {}", shown(answer, secrets));
    }
    text
}

fn range(statuses: &std::ops::RangeInclusive<u16>) -> String {
    if statuses.start() == statuses.end() {
        statuses.start().to_string()
    } else {
        format!("{} to {}", statuses.start(), statuses.end())
    }
}

/// Returns how a request differs from what is expected. What is wrong with method and path weighs more than any body.
fn miss(entry: &JournalEntry, expectation: &Expectation, secrets: Secrets) -> Miss {
    let of = &expectation.of;
    let mut miss = Miss { weight: 0, lines: Vec::new() };
    let mut differs = |weight: usize, line: String| {
        miss.weight += weight;
        miss.lines.push(line);
    };
    if let Some(method) = of.method.as_ref().filter(|method| **method != entry.method) {
        differs(1000, format!("the method: expected {method}, found {}", entry.method));
    }
    if let Some(path) = of.path.as_ref().filter(|path| !path.matches(entry.path())) {
        differs(1000, format!("the path: expected {path}, found {}", entry.path()));
    }
    if let Some(id) = of.id.as_ref().filter(|id| !names_id(entry.path(), id)) {
        differs(1000, format!("the id: expected {id}, found {}", entry.path()));
    }
    if of.since.is_some_and(|since| entry.time < since) || of.until.is_some_and(|until| entry.time >= until) {
        differs(1000, format!("the time: {} is outside of the expected time", DateTimeOffset::from(entry.time)));
    }
    let status = entry.status.map(|status| status.as_u16());
    if let Some(statuses) = of.status.as_ref().filter(|statuses| !status.is_some_and(|status| statuses.contains(&status))) {
        differs(100, format!("the status: expected {}, found {}", range(statuses), answered(entry)));
    }
    let texts = &entry.texts;
    let (request_cut, response_cut) = texts.cut();
    let bodies = [
        ("the body", &expectation.body, texts.request_body(), texts.request_headers(), request_cut),
        ("the answer's body", &expectation.answer, texts.response_body(), texts.response_headers(), response_cut),
    ];
    for (what, expected, bytes, headers, cut) in bodies {
        let Some(expected) = expected else { continue };
        let unpacked = gzip::decoded_body(bytes, &headers, UNPACKED_LIMIT).unwrap_or(Cow::Borrowed(bytes));
        let Ok(found) = serde_json::from_slice::<Value>(bom::strip_bytes(&unpacked)) else {
            let found = match cut {
                Some(whole) => {
                    format!("the first {} of {whole} bytes, since the journal keeps no more of a body", bytes.len())
                }
                None if bytes.is_empty() => "none".to_owned(),
                None => "something that is no JSON".to_owned(),
            };
            miss.weight += 50;
            miss.lines.push(format!("{what}: expected JSON, found {found}"));
            continue;
        };
        let mut differences = Differences { secrets, lines: Vec::new(), count: 0 };
        differences.compare(expected, Some(&found), "$", false);
        miss.weight += differences.count;
        let more = differences.count - differences.lines.len();
        miss.lines.extend(differences.lines);
        if more > 0 {
            miss.lines.push(format!("{more} more differences"));
        }
    }
    miss
}

/// What two JSON values differ in.
struct Differences {
    secrets: Secrets,
    lines: Vec<String>,
    count: usize,
}

impl Differences {
    /// Compares what is expected with what was found; within a member that is a secret, neither is told.
    fn compare(&mut self, expected: &Value, found: Option<&Value>, path: &str, is_secret: bool) {
        match (expected, found) {
            (Value::Object(expected), Some(Value::Object(found))) => {
                for (name, value) in expected {
                    let is_secret = is_secret || is_secret_name(NamePlace::Member, name);
                    self.compare(value, found.get(name), &format!("{path}.{name}"), is_secret);
                }
            }
            (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
                for (index, (value, found)) in expected.iter().zip(found).enumerate() {
                    self.compare(value, Some(found), &format!("{path}[{index}]"), is_secret);
                }
            }
            (expected, Some(found)) if is_equal(expected, found) => {}
            (expected, found) => {
                self.count += 1;
                if self.lines.len() < DIFFERENCE_LIMIT {
                    let show = |value: &Value| {
                        if is_secret && self.secrets == Secrets::Hidden {
                            REDACTED.to_owned()
                        } else {
                            shown(value, self.secrets)
                        }
                    };
                    let found = found.map_or("nothing".to_owned(), show);
                    self.lines.push(format!("{path}: expected {}, found {found}", show(expected)));
                }
            }
        }
    }
}

/// Whether two values are the same; numbers are by what they say, not by how they are written.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(one), Some(other)) => left == right || (one - other).abs() == 0.0,
        _ => left == right,
    }
}

/// Prints a value on one line of bounded length.
fn shown(value: &Value, secrets: Secrets) -> String {
    const LIMIT: usize = 300;
    let text = value.to_string();
    let text = if secrets == Secrets::Hidden { mask_json(&text).unwrap_or(text) } else { text };
    truncate(&text, LIMIT).into_owned()
}
