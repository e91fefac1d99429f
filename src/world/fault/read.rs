//! The JSON reader of rules, with errors by file and path.

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::{
    DELAY_LIMIT, Delay, Effect, Failure, FailureBody, FaultError, FaultRule, Limit, READY, RequestSelector, RuleExcess, SlowBody,
    ready,
};
use crate::edm::pattern::Pattern;
use crate::text::json::{self, EXACT_LIMIT, Json, Member, quoted};
use crate::text::json_schema::SCHEMA_MEMBER;
use crate::text::nearest::nearest;
use crate::world::regular_file;

/// Loads a file of rules.
pub(crate) fn load(path: &Path) -> Result<Vec<FaultRule>, FaultError> {
    let name = path.display().to_string();
    let text = regular_file::read_text(path).map_err(|error| {
        let mut problem = format!("{name}: {error}");
        if error.kind() == ErrorKind::NotFound {
            problem.push_str(&format!("; presets: {}", ready_names(true)));
        }
        FaultError { problems: vec![problem] }
    })?;
    read(&name, &text)
}

/// Reads rules from a text: an array, an object with `rules`, or one rule. Errors start with the name.
pub fn read(name: &str, text: &[u8]) -> Result<Vec<FaultRule>, FaultError> {
    let failed = |problem: String| FaultError { problems: vec![format!("{name}: {problem}")] };
    let mut json = json::parse(text).map_err(|error| failed(format!("not JSON: {error}")))?;
    if let Json::Object(members) = &mut json {
        members.retain(|(name, _)| name != SCHEMA_MEMBER);
    }
    let (items, path) = match &json {
        Json::Array(items) => (&items[..], "$"),
        Json::Object(members) if members.iter().any(|(name, _)| name == "rules") => {
            let fields = Fields::of("$", &json, &["rules"]).map_err(failed)?;
            match fields.get("rules") {
                Some(Json::Array(items)) => (&items[..], "$.rules"),
                other => return Err(failed(fields.wrong("rules", other, "an array of rules"))),
            }
        }
        one => (std::slice::from_ref(one), "$"),
    };
    RuleExcess::of(items.len(), 0).map_err(|excess| failed(format!("{path}: {excess}")))?;
    let (whole, mut rules, mut problems) = (path, Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let path = if matches!(&json, Json::Object(_) | Json::String(_)) && path == "$" {
            path.to_owned()
        } else {
            format!("{path}[{index}]")
        };
        match rule(&path, item) {
            Ok(mut read) => rules.append(&mut read),
            Err(problem) => problems.push(format!("{name}: {problem}")),
        }
    }
    if !problems.is_empty() {
        return Err(FaultError { problems });
    }
    let text_bytes = rules.iter().map(FaultRule::text_bytes).sum();
    RuleExcess::of(rules.len(), text_bytes).map_err(|excess| failed(format!("{whole}: {excess}")))?;
    Ok(rules)
}

/// The member of an object that names a preset, in place of the name alone.
const PRESET: &str = "preset";

/// Reads one rule, or the name of a preset.
fn rule(path: &str, json: &Json<'_>) -> Result<Vec<FaultRule>, String> {
    if let Json::String(name) = json {
        return ready::rules(name).ok_or_else(|| unknown_ready(path, name, true));
    }
    let fields = Fields::of(path, json, &["name", "on", "do", PRESET])?;
    if let Some(name) = fields.preset()? {
        return ready::rules(&name).ok_or_else(|| unknown_ready(&fields.path_of(PRESET), &name, true));
    }
    let on = fields.get("on").map_or(Ok(RequestSelector::default()), |json| on(&fields.path_of("on"), json))?;
    let Some(json) = fields.get("do") else { return Err(fields.wrong("do", None, "an effect")) };
    let rule = action(&fields.path_of("do"), json)?;
    let name = match fields.string("name")? {
        // Names appear on lines of the log and of exchanges.
        Some(name) if name.trim().is_empty() || name.contains(char::is_control) => {
            return Err(format!("{}: invalid name {}, use visible characters", fields.path_of("name"), quoted(&name)));
        }
        Some(name) => name,
        None => format!("rule at {path}"),
    };
    Ok(vec![FaultRule { name, on, ..rule }])
}

fn unknown_ready(path: &str, name: &str, with_sets: bool) -> String {
    format!("{path}: found {}, expected one of {}", quoted(name), ready_names(with_sets))
}

fn ready_names(with_sets: bool) -> String {
    let sets = with_sets.then_some(ready::PUBLISHED_LIMITS);
    let names: Vec<&str> = READY.iter().map(|ready| ready.name).chain(sets).collect();
    names.join(", ")
}

/// The methods of requests.
pub(super) const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS];

/// The names in paths of the token service.
const SIGN_IN: [&str; 10] =
    ["oauth2", "discovery", ".well-known", "openid", "oidc", "userrealm", "adminconsent", "metadata", "msi", "v2.0"];

/// Whether a pattern can match a path that is served: no other is asked for, except by mistake.
fn is_served(pattern: &str) -> bool {
    let mut segments = pattern.split('/').skip(1);
    let first = segments.next().unwrap_or_default().to_ascii_lowercase();
    let is_sign_in = |segment: &str| SIGN_IN.iter().any(|known| known.eq_ignore_ascii_case(segment));
    matches!(&*first, "*" | "**" | "v1.0" | "beta") || first.starts_with('_') || is_sign_in(&first) || segments.any(is_sign_in)
}

/// The maximum size of a path that an error repeats.
const FOUND_BYTES: usize = 1024;

fn on(path: &str, json: &Json<'_>) -> Result<RequestSelector, String> {
    let fields = Fields::of(
        path,
        json,
        &["method", "path", "id", "headers", "query", "body", "nth", "from", "every", "probability", "count"],
    )?;
    let method = |path: &str, json: &Json<'_>| match json {
        Json::String(name) => METHODS.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
            format!("{path}: found {}, expected one of {}", quoted(name), names.join(", "))
        }),
        other => Err(format!("{path}: found {}, expected a method such as PATCH", other.describe())),
    };
    let methods = match fields.get("method") {
        None => Vec::new(),
        Some(Json::Array(items)) => {
            let path = |index: usize| format!("{}[{index}]", fields.path_of("method"));
            items.iter().enumerate().map(|(index, item)| method(&path(index), item)).collect::<Result<_, _>>()?
        }
        Some(one) => vec![method(&fields.path_of("method"), one)?],
    };
    let pattern = match fields.string("path")? {
        Some(text) => {
            let found = || if text.len() > FOUND_BYTES { format!("{} bytes", text.len()) } else { quoted(&text) };
            let wrong = |error| format!("{}: found {}, expected {error}", fields.path_of("path"), found());
            let pattern: Pattern = text.parse().map_err(wrong)?;
            if !is_served(&text) {
                return Err(format!(
                    "{}: found {}, expected a path that begins with /v1.0, /beta or /*, or one of the token service such as /*/oauth2/v2.0/token",
                    fields.path_of("path"),
                    found()
                ));
            }
            Some(pattern)
        }
        None => None,
    };
    let probability = match fields.number("probability")? {
        Some(number) if (0.0..=1.0).contains(&number) => Some(number),
        None => None,
        Some(_) => return Err(fields.wrong("probability", fields.get("probability"), "a number from 0 to 1")),
    };
    Ok(RequestSelector {
        methods,
        path: pattern,
        id: fields.string("id")?,
        headers: fields.texts("headers")?,
        query: fields.texts("query")?,
        body: fields.string("body")?,
        nth: fields.whole("nth", 1)?,
        from: fields.whole("from", 1)?,
        every: fields.whole("every", 1)?,
        probability,
        count: fields.whole("count", 0)?,
    })
}

/// The members of `do` that are effects, of which a rule has at most one.
const EFFECTS: [&str; 7] = ["answer", "limit", "reset", "silence", "truncate", "slow", "malformed"];

fn action(path: &str, json: &Json<'_>) -> Result<FaultRule, String> {
    if let Json::String(name) = json {
        let failure = Failure::ready(name).ok_or_else(|| unknown_ready(path, name, false))?;
        return Ok(FaultRule::new("", Effect::Answer(failure)));
    }
    let mut known = EFFECTS.to_vec();
    known.extend(["retryAfter", "early", "delay", "applies"]);
    let fields = Fields::of(path, json, &known)?;
    let present: Vec<&str> = EFFECTS.into_iter().filter(|name| fields.get(name).is_some()).collect();
    let delay = fields.get("delay").map_or(Ok(Delay::None), |json| delay(&fields.path_of("delay"), json))?;
    let effect = match present[..] {
        [] if delay == Delay::None => {
            return Err(format!("{path}: missing effect, expected delay or one of {}", EFFECTS.join(", ")));
        }
        [] => Effect::None,
        [name] => effect(&fields, name)?,
        [..] => return Err(format!("{path}: conflicting effects {}", present.join(" and "))),
    };
    let applies = fields.flag("applies")?;
    match (&effect, fields.get("retryAfter").or(fields.get("early"))) {
        (Effect::Answer(_), _) | (_, None) => {}
        (_, found) => return Err(fields.wrong("retryAfter", found, "it and early only with answer")),
    }
    match effect {
        Effect::Answer(_) | Effect::Reset | Effect::Silence => {}
        // The other effects send the normal answer, so the request is always processed.
        _ if applies.is_some() => {
            return Err(fields.wrong("applies", fields.get("applies"), "it only with answer, reset or silence"));
        }
        _ => {}
    }
    Ok(FaultRule { delay, applies: applies.unwrap_or(false), ..FaultRule::new("", effect) })
}

fn effect(fields: &Fields<'_>, name: &str) -> Result<Effect, String> {
    let path = fields.path_of(name);
    let Some(json) = fields.get(name) else { return Err(fields.wrong(name, None, "an effect")) };
    match name {
        "answer" => {
            let mut failure = failure(&path, json)?;
            if let Some(found) = fields.get("retryAfter") {
                failure.retry_after = retry_after(&fields.path_of("retryAfter"), found)?;
            }
            failure.accepts_early = match fields.get("early") {
                None => false,
                Some(Json::String(text)) if text == "refuse" => false,
                Some(Json::String(text)) if text == "accept" => true,
                other => return Err(fields.wrong("early", other, "refuse or accept")),
            };
            Ok(Effect::Answer(failure))
        }
        "limit" => {
            let limit = Fields::of(&path, json, &["requests", "seconds"])?;
            let seconds = limit.number("seconds")?.filter(|seconds| (0.001..=86_400.0).contains(seconds));
            let Some(seconds) = seconds else {
                return Err(limit.wrong("seconds", limit.get("seconds"), "a number from 0.001 to 86400"));
            };
            let requests = limit.required_whole("requests", 0)?;
            Ok(Effect::Limit(Limit { requests, window: Duration::from_secs_f64(seconds) }))
        }
        "truncate" => Ok(Effect::Truncate(fields.required_size(name, 0)?)),
        "slow" => {
            let slow = Fields::of(&path, json, &["bytes", "every"])?;
            let pause = slow.get("every").map(|json| duration(&slow.path_of("every"), json)).transpose()?;
            let Some(pause) = pause else { return Err(slow.wrong("every", None, "a number of milliseconds")) };
            Ok(Effect::Slow(SlowBody { bytes: slow.required_size("bytes", 1)?, pause }))
        }
        flag => {
            if fields.flag(flag)? != Some(true) {
                return Err(fields.wrong(flag, Some(json), "true"));
            }
            Ok(match flag {
                "reset" => Effect::Reset,
                "silence" => Effect::Silence,
                _ => Effect::Malformed,
            })
        }
    }
}

/// The statuses of errors. With a body of its own one may be the answer of a proxy, of any status from 200.
pub(super) const STATUS: RangeInclusive<u16> = 200..=599;

fn failure(path: &str, json: &Json<'_>) -> Result<Failure, String> {
    if let Json::String(name) = json {
        return Failure::ready(name).ok_or_else(|| unknown_ready(path, name, false));
    }
    let fields = Fields::of(path, json, &["status", "code", "message", "body", "contentType", "headers", PRESET])?;
    if let Some(name) = fields.preset()? {
        return Failure::ready(&name).ok_or_else(|| unknown_ready(&fields.path_of(PRESET), &name, false));
    }
    let text = fields.string("body")?;
    // With a body of its own it may be the answer of a proxy, of any status.
    let status = fields.required_whole("status", if text.is_some() { 200 } else { 400 })?;
    let status = u16::try_from(status).ok().filter(|status| *status < 600).and_then(|status| StatusCode::from_u16(status).ok());
    let Some(status) = status else { return Err(fields.wrong("status", fields.get("status"), "a status from 400 to 599")) };
    // The preset for this status, if any, has the default code and message.
    let row = READY.iter().find(|ready| ready.refusal.status == status.as_u16());
    let failure = if let Some(ready) = row {
        Failure { retry_after: None, ..ready.failure() }
    } else {
        let reason = status.canonical_reason().unwrap_or("Unknown error");
        Failure::stated(status, reason.replace(' ', ""), reason)
    };
    let (code, message) = (fields.string("code")?, fields.string("message")?);
    let value = |name: &str, text: &str| {
        HeaderValue::try_from(text)
            .map_err(|_| format!("{}: found {}, expected the value of a header", fields.path_of(name), quoted(text)))
    };
    let content_type = fields.string("contentType")?;
    let body = match text {
        Some(text) => {
            let guessed = if text.trim_start().starts_with('<') { "text/html" } else { "application/json" };
            Some(FailureBody { content_type: value("contentType", content_type.as_deref().unwrap_or(guessed))?, text })
        }
        None if content_type.is_some() => {
            return Err(fields.wrong("contentType", fields.get("contentType"), "it only with body"));
        }
        None => None,
    };
    let header = |(name, text): &(String, String)| match HeaderName::try_from(name) {
        Ok(known) if !FRAMING.contains(&known) => Ok((known, value("headers", text)?)),
        _ => Err(format!(
            "{}: found {}, expected the name of a header other than those of framing",
            fields.path_of("headers"),
            quoted(name)
        )),
    };
    let headers = fields.texts("headers")?.iter().map(header).collect::<Result<_, _>>()?;
    Ok(Failure { code: code.or(failure.code), message: message.or(failure.message), body, headers, ..failure })
}

/// The headers that the server sets.
const FRAMING: [HeaderName; 4] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::DATE];

fn retry_after(path: &str, json: &Json<'_>) -> Result<Option<HeaderValue>, String> {
    let text = match json {
        Json::Null => return Ok(None),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone().into_owned(),
        other => return Err(format!("{path}: found {}, expected a number of seconds, a date or null", other.describe())),
    };
    match HeaderValue::try_from(&text) {
        Ok(value) if value.to_str().is_ok() => Ok(Some(value)),
        _ => Err(format!("{path}: found {}, expected the value of a header", quoted(&text))),
    }
}

fn delay(path: &str, json: &Json<'_>) -> Result<Delay, String> {
    let Json::Object(members) = json else { return duration(path, json).map(Delay::Fixed) };
    let time = |fields: &Fields<'_>, name: &str| match fields.get(name) {
        Some(json) => duration(&fields.path_of(name), json),
        None => Err(fields.wrong(name, None, "a number of milliseconds")),
    };
    if members.iter().any(|(name, _)| name == "fixed") {
        let fields = Fields::of(path, json, &["fixed"])?;
        return Ok(Delay::Fixed(time(&fields, "fixed")?));
    }
    if members.iter().any(|(name, _)| name == "mean") {
        let fields = Fields::of(path, json, &["mean"])?;
        return Ok(Delay::Mean(time(&fields, "mean")?));
    }
    if members.iter().any(|(name, _)| name == "median") {
        let fields = Fields::of(path, json, &["median", "p99"])?;
        let (median, rare) = (time(&fields, "median")?, time(&fields, "p99")?);
        if median > rare || median.is_zero() {
            return Err(fields.wrong("p99", fields.get("p99"), "no less than median, which is more than 0"));
        }
        return Ok(Delay::LongTail(median, rare));
    }
    let fields = Fields::of(path, json, &["from", "to"])?;
    let (from, to) = (time(&fields, "from")?, time(&fields, "to")?);
    if from > to {
        return Err(fields.wrong("to", fields.get("to"), "no less than from"));
    }
    Ok(Delay::Between(from, to))
}

fn duration(path: &str, json: &Json<'_>) -> Result<Duration, String> {
    let millis = match json {
        Json::Number(number) => number.as_f64(),
        _ => None,
    };
    let limit = DELAY_LIMIT.as_millis();
    match millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()) {
        Some(duration) if duration <= DELAY_LIMIT => Ok(duration),
        _ => Err(format!("{path}: found {}, expected a number of milliseconds from 0 to {limit}", json.describe())),
    }
}

/// The members of an object, and its JSON path.
struct Fields<'j> {
    path: &'j str,
    members: &'j [Member<'j>],
}

impl<'j> Fields<'j> {
    /// Reads an object with known members only, each at most once.
    fn of(path: &'j str, json: &'j Json<'j>, known: &[&str]) -> Result<Fields<'j>, String> {
        let Json::Object(members) = json else {
            return Err(format!("{path}: found {}, expected an object with {}", json.describe(), known.join(", ")));
        };
        for (index, (name, _)) in members.iter().enumerate() {
            if !known.contains(&&**name) {
                let hint = nearest(name, known.iter().copied())
                    .map_or_else(String::new, |near| format!(" (did you mean {}?)", quoted(near)));
                return Err(format!("{path}: unknown member {}, expected {}{hint}", quoted(name), known.join(", ")));
            }
            // Quadratic, but a duplicate is found within the first few members: there are few known names.
            if members[..index].iter().any(|(other, _)| other == name) {
                return Err(format!("{path}.{name}: duplicate member"));
            }
        }
        Ok(Fields { path, members })
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn get(&self, name: &str) -> Option<&'j Json<'j>> {
        self.members.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    fn wrong(&self, name: &str, found: Option<&Json<'_>>, expected: &str) -> String {
        let found = found.map_or("nothing".to_owned(), Json::describe);
        format!("{}: found {found}, expected {expected}", self.path_of(name))
    }

    fn string(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone().into_owned())),
            other => Err(self.wrong(name, other, "a string")),
        }
    }

    /// Returns the members of an object of strings.
    fn texts(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        let members = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Json::Object(members)) => members,
            other => return Err(self.wrong(name, other, "an object of strings")),
        };
        let pair = |(member, value): &Member<'_>| match value {
            Json::String(text) => Ok((member.to_string(), text.to_string())),
            other => Err(format!("{}.{member}: found {}, expected a string", self.path_of(name), other.describe())),
        };
        members.iter().map(pair).collect()
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Boolean(value)) => Ok(Some(*value)),
            other => Err(self.wrong(name, other, "true or false")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Number(number)) => Ok(number.as_f64()),
            other => Err(self.wrong(name, other, "a number")),
        }
    }

    /// Returns the name of a preset, which is alone in its object.
    fn preset(&self) -> Result<Option<String>, String> {
        let name = self.string(PRESET)?;
        match self.members.iter().find(|(other, _)| other != PRESET) {
            Some((other, _)) if name.is_some() => {
                Err(format!("{}: conflicting members {PRESET} and {other}, expected one of them", self.path))
            }
            _ => Ok(name),
        }
    }

    fn whole(&self, name: &str, least: u64) -> Result<Option<u64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Number(number)) if number.as_u64().is_some_and(|number| number > EXACT_LIMIT) => Err(format!(
                "{}: found the number {number}, expected a whole number from {least} to {EXACT_LIMIT}",
                self.path_of(name)
            )),
            Some(Json::Number(number)) if number.as_u64().is_some_and(|number| number >= least) => Ok(number.as_u64()),
            other => Err(self.wrong(name, other, &format!("a whole number from {least}"))),
        }
    }

    fn required_whole(&self, name: &str, least: u64) -> Result<u64, String> {
        self.whole(name, least)?.ok_or_else(|| self.wrong(name, None, &format!("a whole number from {least}")))
    }

    fn required_size(&self, name: &str, least: u64) -> Result<usize, String> {
        Ok(usize::try_from(self.required_whole(name, least)?).unwrap_or(usize::MAX))
    }
}
