//! The JSON writer of rules.

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderValue;

use super::{Delay, Effect, Failure, FaultRule, READY};
use crate::text::json::quoted;

/// The form of a written rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleForm {
    /// Short for people: a single method, a preset and a fixed delay are a text, a text and a number.
    Short,
    /// Each member has one type, for programs.
    Typed,
}

/// Writes a rule as an object that reads back to the same rule.
pub(crate) fn write(rule: &FaultRule, form: RuleForm) -> String {
    let mut on = Vec::new();
    match &rule.on.methods[..] {
        [] => {}
        [method] if form == RuleForm::Short => on.push(format!("\"method\":{}", quoted(method.as_str()))),
        methods => {
            let names: Vec<String> = methods.iter().map(|method| quoted(method.as_str())).collect();
            on.push(format!("\"method\":[{}]", names.join(",")));
        }
    }
    on.extend(rule.on.path.as_ref().map(|pattern| format!("\"path\":{}", quoted(&pattern.to_string()))));
    on.extend(rule.on.id.as_ref().map(|id| format!("\"id\":{}", quoted(id))));
    let texts = |pairs: &[(String, String)]| {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
        format!("{{{}}}", pairs.join(","))
    };
    for (name, pairs) in [("headers", &rule.on.headers), ("query", &rule.on.query)] {
        on.extend((!pairs.is_empty()).then(|| format!("\"{name}\":{}", texts(pairs))));
    }
    on.extend(rule.on.body.as_ref().map(|text| format!("\"body\":{}", quoted(text))));
    on.extend(rule.on.from.map(|from| format!("\"from\":{from}")));
    on.extend(rule.on.every.map(|every| format!("\"every\":{every}")));
    on.extend(rule.on.nth.map(|nth| format!("\"nth\":{nth}")));
    on.extend(rule.on.probability.map(|probability| format!("\"probability\":{probability}")));
    on.extend(rule.on.count.map(|count| format!("\"count\":{count}")));
    let mut action = effect(&rule.effect, form);
    match rule.delay {
        Delay::None => {}
        Delay::Fixed(delay) if form == RuleForm::Typed => action.push(format!("\"delay\":{{\"fixed\":{}}}", millis(delay))),
        Delay::Fixed(delay) => action.push(format!("\"delay\":{}", millis(delay))),
        Delay::Between(from, to) => action.push(format!("\"delay\":{{\"from\":{},\"to\":{}}}", millis(from), millis(to))),
        Delay::LongTail(median, rare) => {
            action.push(format!("\"delay\":{{\"median\":{},\"p99\":{}}}", millis(median), millis(rare)));
        }
        Delay::Mean(mean) => action.push(format!("\"delay\":{{\"mean\":{}}}", millis(mean))),
    }
    if rule.applies {
        action.push("\"applies\":true".to_owned());
    }
    let mut text = format!("{{\"name\":{}", quoted(&rule.name));
    if !on.is_empty() {
        let _ = write!(text, ",\"on\":{{{}}}", on.join(","));
    }
    let _ = write!(text, ",\"do\":{{{}}}}}", action.join(","));
    text
}

fn effect(effect: &Effect, form: RuleForm) -> Vec<String> {
    match effect {
        Effect::None => Vec::new(),
        Effect::Answer(failure) => answer(failure, form),
        Effect::Limit(limit) => {
            vec![format!("\"limit\":{{\"requests\":{},\"seconds\":{}}}", limit.requests, limit.window.as_secs_f64())]
        }
        Effect::Reset => vec!["\"reset\":true".to_owned()],
        Effect::Silence => vec!["\"silence\":true".to_owned()],
        Effect::Truncate(at) => vec![format!("\"truncate\":{at}")],
        Effect::Slow(slow) => vec![format!("\"slow\":{{\"bytes\":{},\"every\":{}}}", slow.bytes, millis(slow.pause))],
        Effect::Malformed => vec!["\"malformed\":true".to_owned()],
    }
}

fn answer(failure: &Failure, form: RuleForm) -> Vec<String> {
    let retry_after = failure.retry_after.as_ref().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let is_plain = failure.status.is_none() && failure.code.is_none() && failure.message.is_none();
    let is_plain = is_plain && failure.body.is_none() && failure.headers.is_empty();
    let ready = READY.iter().find(|ready| is_plain && ready.refusal == failure.refusal);
    let answer = if let Some(ready) = ready {
        match form {
            RuleForm::Short => quoted(ready.name),
            RuleForm::Typed => format!("{{\"preset\":{}}}", quoted(ready.name)),
        }
    } else {
        let status = failure.status.map_or(failure.refusal.status, |status| status.as_u16());
        let code = failure.code.as_ref().map(|code| format!(",\"code\":{}", quoted(code))).unwrap_or_default();
        let message = failure.message.as_ref().map(|text| format!(",\"message\":{}", quoted(text))).unwrap_or_default();
        let value = |value: &HeaderValue| quoted(&String::from_utf8_lossy(value.as_bytes()));
        let body = failure.body.as_ref().map_or_else(String::new, |body| {
            format!(",\"body\":{},\"contentType\":{}", quoted(&body.text), value(&body.content_type))
        });
        let headers: Vec<String> =
            failure.headers.iter().map(|(name, text)| format!("{}:{}", quoted(name.as_str()), value(text))).collect();
        let headers = if headers.is_empty() { String::new() } else { format!(",\"headers\":{{{}}}", headers.join(",")) };
        format!("{{\"status\":{status}{code}{message}{body}{headers}}}")
    };
    let mut members = vec![
        format!("\"answer\":{answer}"),
        format!("\"retryAfter\":{}", retry_after.map_or("null".to_owned(), |text| quoted(&text))),
    ];
    if failure.accepts_early {
        members.push("\"early\":\"accept\"".to_owned());
    }
    members
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
