//! The journal of a world: queries, verification, text of exchanges.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderValue};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::edge::control::call::{ControlCall, Parameters};
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::control::time::{format_time, parse_time};
use crate::edm::value::Entity;
use crate::policy::behavior::Secret;
use crate::text::redact::Redactor;
use crate::world::World;
use crate::world::fixture;
use crate::world::journal::{
    Destination, EntityChange, Expectation, JournalExchange, JournalQuery, Secrets, TextCondition, Times,
};

pub(super) fn query(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&[&FILTERS[..], &["after", "format"]].concat())?;
    let (query, secrets) = query_of(&parameters)?;
    let after = number(&parameters, "after", "the number of a request")?.unwrap_or_default();
    let world = call.worlds.world(call.name)?;
    let wants_text = match parameters.get("format") {
        None => call
            .request
            .headers
            .get(header::ACCEPT)
            .map(HeaderValue::as_bytes)
            .is_some_and(|accept| accept.starts_with(b"text/plain")),
        Some("exchange") => true,
        Some("json") => false,
        Some(other) => return Err(invalid("format", other, "json or exchange")),
    };
    if wants_text {
        return Ok(ControlReply::text(world.journal.print(&query, secrets)));
    }
    let count = world.journal.count();
    Ok(ControlReply::ok(&EntryList { count, entries: Entries { world: &world, query, after, secrets } }))
}

/// Returns the entries as exchanges.
pub(super) fn exchanges(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (query, secrets) = query_of(&call.parameters(&FILTERS)?)?;
    Ok(ControlReply::text(call.worlds.world(call.name)?.journal.print(&query, secrets)))
}

/// The parameters that choose entries, and whether they show secrets.
const FILTERS: [&str; 10] = ["to", "method", "path", "id", "status", "since", "until", "limit", "number", "secrets"];

/// Returns the entries that parameters choose, and the treatment of their secrets.
fn query_of(parameters: &Parameters) -> Result<(JournalQuery, Secrets), ControlError> {
    let value = |name: &str| parameters.get(name).map(str::to_owned);
    let filter = EntryFilter {
        to: value("to"),
        method: value("method"),
        path: value("path"),
        id: value("id"),
        status: value("status").map(Value::String),
        since: value("since"),
        until: value("until"),
    };
    let limit = number(parameters, "limit", "a whole number")?;
    let number = number(parameters, "number", "the number of a request")?;
    let query = JournalQuery { limit, number, ..filter.query()? };
    Ok((query, if parameters.include_secrets()? { Secrets::Shown } else { Secrets::Hidden }))
}

/// Returns the number of a parameter.
fn number<N: FromStr>(parameters: &Parameters, name: &str, expected: &str) -> Result<Option<N>, ControlError> {
    let parse = |text: &str| text.parse().map_err(|_| invalid(name, text, expected));
    parameters.get(name).map(parse).transpose()
}

#[derive(Serialize)]
struct EntryList<'w> {
    count: u64,
    entries: Entries<'w>,
}

/// The entries of a query, read one by one while they are written.
struct Entries<'w> {
    world: &'w World,
    query: JournalQuery,
    /// The number of the request before the first.
    after: u64,
    secrets: Secrets,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entries { world, query, after, secrets } = self;
        let entries = world.journal.masked_exchanges(query, *secrets).filter(|(entry, _)| entry.number > *after);
        serializer.collect_seq(entries.map(|(entry, mut masker)| entry_json(world, &entry, *secrets, &mut masker)))
    }
}

fn entry_json(world: &World, entry: &JournalExchange, secrets: Secrets, masker: &mut Redactor) -> Value {
    let JournalExchange { number, time, exchange, decided, changed } = entry;
    let message = |headers: &[(String, String)], bytes: &Bytes| json!({ "headers": headers, "body": body_json(bytes) });
    let mut entity = |pick: fn(&EntityChange) -> Option<&std::sync::Arc<Entity>>| {
        changed.as_ref().and_then(|changed| Some(changed_json(world, changed, pick(changed)?, secrets, masker)))
    };
    json!({
        "number": number,
        "time": format_time(*time),
        "method": exchange.request.method.as_str(),
        "target": exchange.request.target,
        "status": exchange.response.as_ref().map(|response| response.status.as_u16()),
        "refusedBy": decided.refused_by,
        "detail": decided.detail,
        "faults": decided.faults,
        "endedBy": decided.ended_by,
        "batch": decided.batch,
        "cause": decided.cause,
        "via": decided.is_proxied.then_some("proxy"),
        "request": message(&exchange.request.headers, &exchange.request.body),
        "response": exchange.response.as_ref().map(|response| message(&response.headers, &response.body)),
        "before": entity(|changed| changed.before.as_ref()),
        "after": entity(|changed| changed.after.as_ref()),
    })
}

fn changed_json(world: &World, changed: &EntityChange, entity: &Entity, secrets: Secrets, masker: &mut Redactor) -> Value {
    let secret = if secrets == Secrets::Shown { Secret::Echo } else { Secret::Null };
    let text = fixture::write_entity_with(&world.schema, changed.set, entity, secret);
    // Other properties may contain secrets too, such as a URL with a key in its query, and those of the request.
    let text = if secrets == Secrets::Hidden { masker.redact_text(&text) } else { text };
    serde_json::from_str(&text).unwrap_or_default()
}

/// Returns a body as JSON if it is JSON, else as text, else in base64.
fn body_json(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
        (Ok(json), _) => json,
        (_, Ok(text)) => text.into(),
        _ => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

pub(super) fn clear(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?.journal.clear();
    Ok(ControlReply::no_content())
}

/// Conditions on journal entries, as written in queries and expectations.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EntryFilter {
    to: Option<String>,
    method: Option<String>,
    path: Option<String>,
    id: Option<String>,
    status: Option<Value>,
    since: Option<String>,
    until: Option<String>,
}

impl EntryFilter {
    fn query(self) -> Result<JournalQuery, ControlError> {
        let method =
            self.method.map(|name| Method::from_bytes(name.to_ascii_uppercase().as_bytes()).map_err(|_| name)).transpose();
        let method = method.map_err(|name| invalid("method", &name, "a token"))?;
        let path = self.path.map(|text| text.parse().map_err(|error| invalid("path", &text, error)));
        let to = self.to.map(|name| Destination::from_name(&name).ok_or(name)).transpose();
        Ok(JournalQuery {
            to: to.map_err(|name| invalid("to", &name, "graph or connector"))?,
            method,
            path: path.transpose()?,
            id: self.id,
            status: self.status.as_ref().map(statuses).transpose()?,
            since: self.since.as_deref().map(|text| parse_time("since", text)).transpose()?,
            until: self.until.as_deref().map(|text| parse_time("until", text)).transpose()?,
            limit: None,
            number: None,
        })
    }
}

/// Returns the error of an invalid member or parameter.
fn invalid(name: &str, value: &str, expected: impl std::fmt::Display) -> ControlError {
    ControlError::unusable(format!("invalid {name} '{}': expected {expected}", value.escape_debug()))
}

/// Parses a status such as 204, or a class such as `2xx`.
fn statuses(value: &Value) -> Result<RangeInclusive<u16>, ControlError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_status = |status: &u16| (100..1000).contains(status);
    // Other classes do not exist (RFC 9110, 15).
    let class = match text.as_bytes() {
        [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(u16::from(digit - b'0')),
        _ => None,
    };
    match (class, text.parse::<u16>().ok().filter(is_status)) {
        (Some(digit), _) => Ok(digit * 100..=digit * 100 + 99),
        (None, Some(status)) => Ok(status..=status),
        _ => Err(invalid("status", &text, "a number such as 204 or a class such as 2xx")),
    }
}

/// The longest time that a verification waits.
pub(super) const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// The largest number of expectations in order.
pub(super) const ORDER_LIMIT: usize = 100;

/// Body of a verification.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct ExpectationBody {
    to: Option<String>,
    method: Option<Value>,
    path: Option<String>,
    id: Option<String>,
    status: Option<Value>,
    since: Option<String>,
    until: Option<String>,
    headers: Map<String, Value>,
    query: Map<String, Value>,
    body: Option<Value>,
    answer: Option<Value>,
    times: Option<Value>,
    in_order: Vec<ExpectationBody>,
    within: Option<Value>,
    secrets: bool,
}

impl ExpectationBody {
    fn expectation(self) -> Result<Expectation, ControlError> {
        let ExpectationBody { to, method, path, id, status, since, until, headers, query, body, answer, times, .. } = self;
        let times = times.as_ref().map_or(Ok(Times::default()), parse_times)?;
        let (method, methods) = match method {
            None => (None, Vec::new()),
            Some(Value::String(name)) => (Some(name), Vec::new()),
            Some(Value::Array(names)) if !names.is_empty() => {
                let parse = |name: &Value| Method::from_bytes(name.as_str()?.to_ascii_uppercase().as_bytes()).ok();
                let one = |name: &Value| parse(name).ok_or_else(|| invalid("method", &name.to_string(), "a token"));
                (None, names.iter().map(one).collect::<Result<Vec<Method>, ControlError>>()?)
            }
            Some(other) => return Err(invalid("method", &other.to_string(), "a token, or an array of tokens")),
        };
        let of = EntryFilter { to, method, path, id, status, since, until }.query()?;
        let headers = conditions("headers", headers)?;
        Ok(Expectation { of, methods, headers, query: conditions("query", query)?, body, answer, times })
    }
}

/// Parses conditions on headers or on query options.
fn conditions(member: &str, conditions: Map<String, Value>) -> Result<Vec<(String, TextCondition)>, ControlError> {
    let parse = |(name, value): (String, Value)| {
        let condition = match &value {
            Value::String(text) => Some(TextCondition::Is(text.clone())),
            Value::Object(members) if members.len() == 1 => match members.iter().next() {
                Some((operator, Value::Bool(true))) if operator == "$absent" => Some(TextCondition::Absent),
                Some((operator, Value::Bool(false))) if operator == "$absent" => Some(TextCondition::Like("*".to_owned())),
                Some((operator, Value::String(text))) if operator == "$is" => Some(TextCondition::Is(text.clone())),
                Some((operator, Value::String(pattern))) if operator == "$like" => Some(TextCondition::Like(pattern.clone())),
                _ => None,
            },
            _ => None,
        };
        let expected = r#"a text, {"$is": "a"}, {"$like": "a*"} or {"$absent": true}"#;
        Ok((name.clone(), condition.ok_or_else(|| invalid(&format!("{member}.{name}"), &value.to_string(), expected))?))
    };
    conditions.into_iter().map(parse).collect()
}

/// Parses the time that a verification waits, in seconds.
fn parse_wait(value: &Value) -> Result<Duration, ControlError> {
    let wait = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|wait| *wait <= WAIT_LIMIT);
    wait.ok_or_else(|| invalid("within", &value.to_string(), format!("seconds, at most {}", WAIT_LIMIT.as_secs())))
}

/// Parses the expected number of requests.
fn parse_times(value: &Value) -> Result<Times, ControlError> {
    let whole = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    let wrong = || {
        ControlError::unusable(format!("invalid times {value}: expected a whole number, or an object with atLeast and atMost"))
    };
    let members = match value {
        Value::Object(members) if !members.is_empty() => members,
        number => return whole(number).map(Times::exactly).ok_or_else(wrong),
    };
    let mut times = Times::at_least(0);
    for (name, value) in members {
        match (name.as_str(), whole(value)) {
            ("atLeast", Some(number)) => times.at_least = number,
            ("atMost", Some(number)) => times.at_most = number,
            _ => return Err(wrong()),
        }
    }
    let Times { at_least, at_most } = times;
    if at_least > at_most {
        let message = format!("invalid times: atMost ({at_most}) is less than atLeast ({at_least})");
        return Err(ControlError::unusable(message));
    }
    Ok(times)
}

pub(super) fn verify(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let mut body: ExpectationBody = call.read()?;
    let secrets = if body.secrets { Secrets::Shown } else { Secrets::Hidden };
    let within = body.within.as_ref().map(parse_wait).transpose()?;
    let steps = std::mem::take(&mut body.in_order);
    if steps.len() > ORDER_LIMIT {
        return Err(ControlError::unusable(format!("invalid inOrder: {} expectations, at most {ORDER_LIMIT}", steps.len())));
    }
    if let Some(at) = steps.iter().position(|step| !step.in_order.is_empty() || step.times.is_some() || step.within.is_some()) {
        return Err(ControlError::unusable(format!("invalid inOrder[{at}]: expected no inOrder, times or within in it")));
    }
    let steps = steps.into_iter().map(ExpectationBody::expectation).collect::<Result<Vec<Expectation>, ControlError>>()?;
    let expectation = body.expectation()?;
    if !steps.is_empty() && expectation != Expectation::default() {
        return Err(ControlError::unusable("conflicting members: expected inOrder with within and secrets alone"));
    }
    let others = call.worlds.list();
    let world = call.worlds.world(call.name)?;
    let mut verdict = match &steps[..] {
        [] => world.journal.verify(&expectation, secrets),
        steps => world.journal.verify_in_order(steps, secrets),
    };
    if !verdict.holds && world.journal.is_on() && world.journal.count() == 0 {
        let used = others.iter().filter(|info| info.world.journal.count() > 0).map(|info| &*info.name);
        let used: Vec<&str> = used.take(NAMED_WORLDS).collect();
        let used = if used.is_empty() { "none".to_owned() } else { used.join(", ") };
        verdict.text.push_str(&format!("\nno request ever named the world {}; those that have requests: {used}", call.name));
    }
    let reply = ControlReply::ok(
        &json!({ "holds": verdict.holds, "found": verdict.found, "closest": verdict.closest, "text": verdict.text }),
    );
    let wait = within.filter(|_| !verdict.holds).map(|within| (world.clone(), within));
    Ok(ControlReply { wait, ..reply })
}

/// The largest number of worlds in a message.
const NAMED_WORLDS: usize = 20;
