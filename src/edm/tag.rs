//! Tags of entities: new ones in the form of their type, and those of recorded entities.
//!
//! The tag is a value in a slot of its own, so a copy of an entity has its tag. Types without a row store nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::edm::schema::{Slot, StructuredType, TagForm};
use crate::edm::value::{Complex, Value};

/// Returns the tag of an entity, as `@odata.etag` has it.
pub(crate) fn of(values: &Complex) -> Option<&str> {
    match values.get(Slot::TAG) {
        Value::String(tag) => Some(tag),
        _ => None,
    }
}

/// Gives the values of a written entity their tag: that of the entity before, or a new one if they differ from it. `id` is not used by
/// others.
pub(crate) fn renew(structured: &StructuredType, values: &mut Complex, before: Option<&Complex>, id: impl FnOnce() -> Uuid) {
    let Some(rules) = structured.tag else { return };
    if let Some(before) = before {
        values.set(Slot::TAG, before.get(Slot::TAG).clone());
        if values == before && of(before).is_some() {
            return;
        }
    }
    let tag = next(rules.form, before.and_then(of), id());
    set(structured, rules.form, values, &tag);
}

/// Gives the values of a recorded entity their tag: the stated one, that of the property that repeats it, or a new one.
pub(crate) fn record(structured: &StructuredType, values: &mut Complex, stated: Option<&str>, id: impl FnOnce() -> Uuid) {
    let Some(rules) = structured.tag else { return };
    let repeated = rules.form.property().and_then(|name| structured.slot(name)).map(|slot| values.get(slot));
    let tag = match (stated, repeated, rules.form) {
        (Some(stated), _, _) => stated.to_owned(),
        (None, Some(Value::String(key)), TagForm::ChangeKey) => format!("W/\"{key}\""),
        (None, Some(Value::String(tag)), _) => tag.to_string(),
        _ => next(rules.form, None, id()),
    };
    set(structured, rules.form, values, &tag);
}

/// Stores a tag, and the property that repeats it.
fn set(structured: &StructuredType, form: TagForm, values: &mut Complex, tag: &str) {
    values.set(Slot::TAG, Value::String(tag.into()));
    if let Some(slot) = form.property().and_then(|name| structured.slot(name)) {
        let key = tag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"'));
        let repeated = if form == TagForm::ChangeKey { key.unwrap_or(tag) } else { tag };
        values.set(slot, Value::String(repeated.into()));
    }
}

/// Returns the tag after another one, or the first one.
fn next(form: TagForm, before: Option<&str>, id: Uuid) -> String {
    let bytes = id.as_bytes();
    let number = |end: &str| {
        let before = before?.strip_suffix('"')?;
        let (start, number) = before.rsplit_once(end)?;
        Some((start, number.parse::<u64>().ok()?.checked_add(1)?))
    };
    match form {
        TagForm::ChangeKey => {
            // The mailbox, and the number of the change.
            let key = [&bytes[..], &[0, 0], &bytes[12..]].concat();
            format!("W/\"{}\"", STANDARD.encode(key))
        }
        TagForm::BracedGuid | TagForm::Guid => match number(",") {
            Some((start, number)) => format!("{start},{number}\""),
            None if form == TagForm::Guid => format!("\"{id},1\""),
            None => format!("\"{{{}}},1\"", id.to_string().to_ascii_uppercase()),
        },
        TagForm::Version => format!("\"{}\"", number("\"").map_or(0, |(_, number)| number)),
        TagForm::Counter(name) => {
            let digits = bytes[8..].iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let counter: String = digits.map(|digit| char::from(b'@' + digit)).collect();
            format!("W/\"{}\"", STANDARD.encode(format!("'1-{name}{counter}'")))
        }
        TagForm::Cosmos => {
            let digits = id.simple().to_string();
            format!("\"{}-0000-{}00-0000-{}0000\"", &digits[..8], &digits[30..], &digits[22..30])
        }
    }
}
