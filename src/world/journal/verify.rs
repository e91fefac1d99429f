//! Verification of the requests that a test expects.

use std::fmt::{self, Write as _};

use http::Method;
use serde_json::Value;

use super::{Destination, JournalEntry, JournalQuery, Secrets};
use crate::edm::pattern::names_id;
use crate::text::like::is_like;
use crate::text::plural::counted;
use crate::text::redact::{NamePlace, REDACTED, is_holder, is_secret_name, mask_json, mask_target};
use crate::text::truncate::truncate;
use crate::text::{bom, form};
use crate::world::clock;

/// An expectation of recorded requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// The filter of requests.
    pub of: JournalQuery,
    /// Methods, one of which the request has; empty for that of the filter.
    pub methods: Vec<Method>,
    /// The names of headers, and the conditions on their values.
    pub headers: Vec<(String, TextCondition)>,
    /// The names of query options, and the conditions on their decoded values.
    pub query: Vec<(String, TextCondition)>,
    /// The expected JSON body: objects may have further members, arrays may not have further items. In place of a value,
    /// `{"$absent": true}` expects its absence, and `{"$like": "a*"}` a text that is like this pattern.
    pub body: Option<Value>,
    /// The expected JSON body of the answer, likewise.
    pub answer: Option<Value>,
    /// The expected number.
    pub times: Times,
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextCondition {
    /// The text is this one.
    Is(String),
    /// The text is like a pattern, in which each star is any number of characters.
    Like(String),
    /// The text is absent.
    Absent,
}

impl TextCondition {
    /// Whether one of several texts, of which there may be none, meets the condition.
    fn is_met<'t>(&self, mut texts: impl Iterator<Item = &'t str>) -> bool {
        match self {
            TextCondition::Is(text) => texts.any(|found| found == text),
            TextCondition::Like(pattern) => texts.any(|found| is_like(found, pattern)),
            TextCondition::Absent => texts.next().is_none(),
        }
    }
}

impl fmt::Display for TextCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextCondition::Is(text) => f.write_str(text),
            TextCondition::Like(pattern) => write!(f, "like {pattern}"),
            TextCondition::Absent => f.write_str("absent"),
        }
    }
}

/// The expected number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The minimum.
    pub at_least: usize,
    /// The maximum.
    pub at_most: usize,
}

impl Times {
    /// Returns an exact number.
    pub fn exactly(number: usize) -> Times {
        Times { at_least: number, at_most: number }
    }

    /// Returns a minimum.
    pub fn at_least(number: usize) -> Times {
        Times { at_least: number, at_most: usize::MAX }
    }

    /// Returns a maximum.
    pub fn at_most(number: usize) -> Times {
        Times { at_least: 0, at_most: number }
    }
}

impl Default for Times {
    fn default() -> Times {
        Times::exactly(1)
    }
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationReport {
    /// Whether the expectation holds.
    pub holds: bool,
    /// The numbers of the matching requests.
    pub found: Vec<u64>,
    /// The number of the closest request, if too few match.
    pub closest: Option<u64>,
    /// The report: expected, found, and the differences of the closest request.
    pub text: String,
}

impl VerificationReport {
    /// Panics with the report if the expectation does not hold.
    ///
    /// # Panics
    ///
    /// Panics if the expectation does not hold.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.holds, "{}", self.text);
    }
}

/// The largest number of reported differences of one request.
const DIFFERENCE_LIMIT: usize = 20;

/// The largest number of listed matching requests.
const NAMED_LIMIT: usize = 10;

/// The largest length of a shown value.
const TEXT_LIMIT: usize = 300;

/// The differences of a request from an expectation.
struct Mismatch {
    weight: usize,
    lines: Vec<String>,
}

impl Expectation {
    /// Whether the expectation names a method.
    fn has_method(&self, method: &Method) -> bool {
        self.of.method.as_ref() == Some(method) || self.methods.contains(method)
    }
}

/// Verifies that there is a request for each expectation, each after that of the one before. The numbers of times do not count.
pub(super) fn verify_in_order<E: Iterator<Item = JournalEntry>>(
    entries: impl Fn() -> E,
    expectations: &[Expectation],
    secrets: Secrets,
) -> VerificationReport {
    let mut found = Vec::new();
    let steps: Vec<String> = expectations
        .iter()
        .map(|expectation| {
            let one = Expectation { times: Times::exactly(1), ..expectation.clone() };
            expected(&one, secrets).replacen("exactly 1 ", "", 1)
        })
        .collect();
    for (expectation, step) in expectations.iter().zip(&steps) {
        let after = found.last().copied().unwrap_or(0);
        let one = Expectation { times: Times::at_least(1), ..expectation.clone() };
        let later = || entries().filter(|entry| entry.number > after);
        let report = verify(later(), 0, &one, secrets);
        if let Some(number) = report.found.first() {
            found.push(*number);
            continue;
        }
        let at = if found.is_empty() { String::new() } else { format!(" after request {after}") };
        let mut text =
            format!("expected in order: {}; found {} of {}, then no {step}{at}", steps.join(", then "), found.len(), steps.len());
        if let Some((_, closest)) = report.text.split_once('\n') {
            let _ = write!(text, "\n{closest}");
        }
        // One that came too early explains most misses.
        let earlier = verify(entries().filter(|entry| entry.number <= after), 0, &one, secrets);
        if let Some(number) = earlier.found.last() {
            let _ = write!(text, "\ntoo early: request {number}");
        }
        return VerificationReport { holds: false, found, closest: report.closest, text };
    }
    let text = format!("expected in order: {}; found all", steps.join(", then "));
    VerificationReport { holds: true, found, closest: None, text }
}

/// Verifies an expectation by entries in order. One entry is held at a time, and the closest one.
pub(super) fn verify(
    entries: impl Iterator<Item = JournalEntry>,
    count: u64,
    expectation: &Expectation,
    secrets: Secrets,
) -> VerificationReport {
    // Requests of clients and calls to connectors are verified separately.
    let to = expectation.of.to.unwrap_or(Destination::Graph);
    let (mut kept, mut considered) = (0, 0);
    let (mut found, mut matching): (Vec<u64>, Vec<String>) = Default::default();
    let mut nearest: Option<(JournalEntry, Mismatch)> = None;
    for entry in entries {
        kept += 1;
        // A preflight only asks whether a request may be sent.
        if entry.to() != to || entry.method == Method::OPTIONS && !expectation.has_method(&Method::OPTIONS) {
            continue;
        }
        considered += 1;
        let mismatch = mismatch(&entry, expectation, secrets);
        if mismatch.weight == 0 {
            found.push(entry.number);
            if matching.len() < NAMED_LIMIT {
                matching.push(summary(&entry));
            }
        } else if nearest
            .as_ref()
            .is_none_or(|(near, other)| (mismatch.weight, is_refused(&entry)) <= (other.weight, is_refused(near)))
        {
            // Of equally close requests one that was answered, and the latest of them, is probably the one that the test means.
            nearest = Some((entry, mismatch));
        }
    }
    let dropped = count.saturating_sub(kept);
    let Times { at_least, at_most } = expectation.times;
    let holds = (at_least..=at_most).contains(&found.len());
    let (expected, among) = (expected(expectation, secrets), counted(considered, kind(to, true), kind(to, false)));
    let mut text = format!("expected {expected}, found {} among {among}", found.len());
    if dropped > 0 {
        let dropped = counted(dropped, "older entry was", "older entries were");
        let _ = write!(text, "; {dropped} dropped from the journal");
    }
    let mut closest = None;
    if !holds
        && found.len() < at_least
        && let Some((entry, mismatch)) = nearest
    {
        closest = Some(entry.number);
        let _ = write!(text, "\nclosest: {}", summary(&entry));
        let mut masker = entry.masker();
        for line in &mismatch.lines {
            // A path can hold a secret, and a value be one elsewhere in the entry.
            let line = if secrets == Secrets::Hidden { masker.redact_text(line) } else { line.clone() };
            let _ = write!(text, "\n  {line}");
        }
    }
    if !holds {
        for summary in &matching {
            let _ = write!(text, "\nmatches: {summary}");
        }
        if found.len() > matching.len() {
            let _ = write!(text, "\nmatches: {} more", found.len() - matching.len());
        }
    }
    VerificationReport { holds, found, closest, text }
}

/// Returns the failure of a journal that is off: it cannot show that a request is absent.
pub(super) fn impossible(expectation: &Expectation, secrets: Secrets) -> VerificationReport {
    let text = format!("journal is off: cannot verify {}", expected(expectation, secrets));
    VerificationReport { holds: false, found: Vec::new(), closest: None, text }
}

/// Returns the noun for entries.
fn kind(to: Destination, is_one: bool) -> &'static str {
    match (to, is_one) {
        (Destination::Graph, true) => "request",
        (Destination::Graph, false) => "requests",
        (Destination::Connector, true) => "call to a connector",
        (Destination::Connector, false) => "calls to connectors",
    }
}

fn is_refused(entry: &JournalEntry) -> bool {
    !entry.status.is_some_and(|status| status.is_success())
}

fn summary(entry: &JournalEntry) -> String {
    let target = mask_target(entry.texts.target());
    format!("request {}, {} {target}, {}", entry.number, entry.method, status_text(entry))
}

fn status_text(entry: &JournalEntry) -> String {
    entry.status.map_or("no answer".to_owned(), |status| status.as_u16().to_string())
}

/// Describes an expectation in words.
fn expected(expectation: &Expectation, secrets: Secrets) -> String {
    let Expectation { of, methods, headers, query, body, answer, times } = expectation;
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
        None if to == Destination::Graph && !methods.is_empty() => text.push_str(&alternatives(methods)),
        _ => text.push_str(kind(to, last == 1 || times.at_most == 0)),
    }
    if let Some(path) = &of.path {
        let _ = write!(text, " of {path}");
    }
    if let Some(id) = &of.id {
        let _ = write!(text, " of the id {id}");
    }
    if let Some(since) = of.since {
        let _ = write!(text, " since {}", clock::utc(since));
    }
    if let Some(until) = of.until {
        let _ = write!(text, " before {}", clock::utc(until));
    }
    if let Some(statuses) = &of.status {
        let _ = write!(text, " answered with {}", range(statuses));
    }
    for (noun, place, conditions) in [("header", NamePlace::Header, headers), ("query option", NamePlace::Parameter, query)] {
        for (name, condition) in conditions {
            let _ = write!(text, " with the {noun} {name} {}", condition_text(place, name, condition, secrets));
        }
    }
    if let Some(body) = body {
        let _ = write!(text, " with {}", excerpt(body, secrets));
    }
    if let Some(answer) = answer {
        let _ = write!(text, " answered with {}", excerpt(answer, secrets));
    }
    text
}

fn alternatives(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<&str>>().join(" or ")
}

/// Describes a condition, without the value of a secret.
fn condition_text(place: NamePlace, name: &str, condition: &TextCondition, secrets: Secrets) -> String {
    let is_hidden = secrets == Secrets::Hidden && is_secret_name(place, name) && *condition != TextCondition::Absent;
    if is_hidden { REDACTED.to_owned() } else { truncate(&condition.to_string(), TEXT_LIMIT).into_owned() }
}

fn range(statuses: &std::ops::RangeInclusive<u16>) -> String {
    if statuses.start() == statuses.end() {
        statuses.start().to_string()
    } else {
        format!("{} to {}", statuses.start(), statuses.end())
    }
}

/// Returns the differences of a request. Method and path weigh more than any body.
fn mismatch(entry: &JournalEntry, expectation: &Expectation, secrets: Secrets) -> Mismatch {
    let of = &expectation.of;
    let mut mismatch = Mismatch { weight: 0, lines: Vec::new() };
    let mut differs = |weight: usize, line: String| {
        mismatch.weight += weight;
        mismatch.lines.push(line);
    };
    if let Some(method) = of.method.as_ref().filter(|method| **method != entry.method) {
        differs(1000, format!("method: expected {method}, found {}", entry.method));
    }
    if !expectation.methods.is_empty() && !expectation.methods.contains(&entry.method) {
        differs(1000, format!("method: expected {}, found {}", alternatives(&expectation.methods), entry.method));
    }
    if let Some(path) = of.path.as_ref().filter(|path| !path.matches(entry.path())) {
        differs(1000, format!("path: expected {path}, found {}", entry.path()));
    }
    if let Some(id) = of.id.as_ref().filter(|id| !names_id(entry.path(), id)) {
        differs(1000, format!("id: expected {id}, found {}", entry.path()));
    }
    if of.since.is_some_and(|since| entry.time < since) || of.until.is_some_and(|until| entry.time >= until) {
        differs(1000, format!("time: {} is out of range", clock::utc(entry.time)));
    }
    let status = entry.status.map(|status| status.as_u16());
    if let Some(statuses) = of.status.as_ref().filter(|statuses| !status.is_some_and(|status| statuses.contains(&status))) {
        differs(100, format!("status: expected {}, found {}", range(statuses), status_text(entry)));
    }
    let texts = &entry.texts;
    let headers = if expectation.headers.is_empty() { Vec::new() } else { texts.request_headers() };
    let query = texts.target().split_once('?').map_or("", |(_, query)| query);
    let query: Vec<(String, String)> = match &expectation.query[..] {
        [] => Vec::new(),
        _ => form::fields(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
    };
    let conditions = [
        ("header", NamePlace::Header, &expectation.headers, headers),
        ("query option", NamePlace::Parameter, &expectation.query, query),
    ];
    for (noun, place, conditions, found) in conditions {
        for (name, condition) in conditions {
            let values = || found.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
            if condition.is_met(values()) {
                continue;
            }
            let value = match values().next() {
                None => "none".to_owned(),
                Some(_) if secrets == Secrets::Hidden && is_secret_name(place, name) => REDACTED.to_owned(),
                Some(value) => truncate(value, TEXT_LIMIT).into_owned(),
            };
            let expected = condition_text(place, name, condition, secrets);
            differs(60, format!("{noun} {name}: expected {expected}, found {value}"));
        }
    }
    let (request_length, response_length) = texts.omissions().full_lengths;
    let bodies = [
        ("body", &expectation.body, texts.request_body(), request_length),
        ("answer body", &expectation.answer, texts.response_body(), response_length),
    ];
    for (subject, expected, bytes, full_length) in bodies {
        let Some(expected) = expected else { continue };
        let Ok(found) = serde_json::from_slice::<Value>(bom::strip_bytes(bytes)) else {
            let found = match full_length {
                Some(length) => {
                    format!("a truncated body ({} of {length} bytes are in the journal)", bytes.len())
                }
                None if bytes.is_empty() => "none".to_owned(),
                None => "something else".to_owned(),
            };
            mismatch.weight += 50;
            mismatch.lines.push(format!("{subject}: expected JSON, found {found}"));
            continue;
        };
        let mut differences = Differences { secrets, lines: Vec::new(), count: 0 };
        differences.compare(expected, Some(&found), "$", false);
        mismatch.weight += differences.count;
        let more = differences.count - differences.lines.len();
        mismatch.lines.extend(differences.lines);
        if more > 0 {
            mismatch.lines.push(format!("{more} more differences"));
        }
    }
    mismatch
}

/// Returns the name and the operand of an operator, an object with one member whose name begins with a dollar sign.
fn operator(expected: &Value) -> Option<(&str, &Value)> {
    let members = expected.as_object().filter(|members| members.len() == 1)?;
    let (name, operand) = members.iter().next()?;
    name.starts_with('$').then_some((name.as_str(), operand))
}

/// Returns whether a value meets an expected operator; nothing without one.
fn meets_operator(expected: &Value, found: Option<&Value>) -> Option<bool> {
    match operator(expected)? {
        ("$absent", Value::Bool(is_absent)) => Some(found.is_none() == *is_absent),
        ("$like", Value::String(pattern)) => Some(found.and_then(Value::as_str).is_some_and(|text| is_like(text, pattern))),
        _ => None,
    }
}

/// The differences of two JSON values.
struct Differences {
    secrets: Secrets,
    lines: Vec<String>,
    count: usize,
}

impl Differences {
    /// Compares an expected value with a found one. Values within a secret member are redacted.
    fn compare(&mut self, expected: &Value, found: Option<&Value>, path: &str, is_secret: bool) {
        match (expected, found) {
            (expected, found) if meets_operator(expected, found) == Some(true) => {}
            (Value::Object(members), Some(Value::Object(found))) if meets_operator(expected, None).is_none() => {
                let expected = members;
                for (name, value) in expected {
                    let is_misplaced = is_holder(name) && !value.is_object();
                    let is_secret = is_secret || is_secret_name(NamePlace::Member, name) || is_misplaced;
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
                    let text_of = |value: &Value| {
                        if is_secret && self.secrets == Secrets::Hidden {
                            REDACTED.to_owned()
                        } else {
                            excerpt(value, self.secrets)
                        }
                    };
                    let found = found.map_or("nothing".to_owned(), text_of);
                    self.lines.push(format!("{path}: expected {}, found {found}", text_of(expected)));
                }
            }
        }
    }
}

/// Returns whether two values are equal, numbers by value.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(one), Some(other)) => left == right || (one - other).abs() == 0.0,
        _ => left == right,
    }
}

/// Prints a value on one line of bounded length.
fn excerpt(value: &Value, secrets: Secrets) -> String {
    let text = value.to_string();
    let text = if secrets == Secrets::Hidden { mask_json(&text).unwrap_or(text) } else { text };
    truncate(&text, TEXT_LIMIT).into_owned()
}
