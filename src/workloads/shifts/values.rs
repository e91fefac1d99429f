//! The values of schedules and day notes that no single property decides.

use super::{rules, time_cards};
use crate::edm::schema::PropertyType;
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::policy::behavior::{Provisioning, Replace, ScheduleMembers, SecondSchedule, SeveralIntegrations, UnknownIntegration};
use crate::policy::refusal;
use crate::world::workload::{ValueRule, WrittenValues, text_of};

/// The functions that check and complete values.
pub(super) static RULES: &[(&str, ValueRule)] = &[("schedule", schedule), ("dayNote", day_note), ("timeCard", time_card)];

/// learn.microsoft.com/graph/api/team-put-schedule
fn schedule(written: &mut WrittenValues<'_>) -> Result<(), Error> {
    let behaviors = &written.world.behaviors;
    if written.current.is_some() && behaviors.second_schedule == SecondSchedule::Conflict {
        return Err(Error::new(&refusal::SCHEDULE_EXISTS, &[]));
    }
    if behaviors.schedule_members == ScheduleMembers::Required {
        let is_kept = written.current.is_some() && behaviors.replace == Replace::Keep;
        let zone = text_of(written.structured, written.values, "timeZone");
        let missing = match zone {
            _ if !is_kept && !written.has("enabled") => Some("enabled"),
            Some(zone) if is_zone(&zone) => None,
            _ => Some("timeZone"),
        };
        if let Some(name) = missing {
            return Err(Error::new(&refusal::SCHEDULE_MEMBER, &[name]));
        }
    }
    check_integrations(written)?;
    if written.current.is_none() {
        written.decided.push("provisioning");
        if behaviors.provisioning == Provisioning::Running
            && let Some(index) = written.structured.property("provisionStatus")
        {
            let property = &written.structured.properties[index];
            let running = written.model.member(property.kind, "Running").map_or(Value::Null, Value::Enum);
            written.values.set(property.slot, running);
        }
    }
    Ok(())
}

/// Whether a text has the form of a name in the tz database: `America/Chicago`, `UTC`. Names of Windows have spaces.
fn is_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && characters.all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '+'))
    };
    text.split('/').all(is_part)
}

fn check_integrations(written: &mut WrittenValues<'_>) -> Result<(), Error> {
    let Some(slot) = written.structured.slot(rules::BINDING) else { return Ok(()) };
    let Value::Collection(ids) = written.values.get(slot) else { return Ok(()) };
    let behaviors = &written.world.behaviors;
    if ids.len() > 1 {
        written.decided.push("several-integrations");
        if behaviors.several_integrations == SeveralIntegrations::Refuse {
            return Err(Error::new(&refusal::SEVERAL_INTEGRATIONS, &[]));
        }
    }
    let collection = written.world.schema.set_named(rules::COLLECTION).map(|set| written.world.store.collection(set));
    let is_known = |id: &Value| match (id, &collection) {
        (Value::String(id), Some(collection)) => collection.get(id).is_some(),
        _ => true,
    };
    if !ids.iter().all(is_known) {
        written.decided.push("unknown-integration");
        if behaviors.unknown_integration == UnknownIntegration::Refuse {
            return Err(Error::new(&refusal::UNKNOWN_INTEGRATION, &[]));
        }
    }
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "it is a value rule")]
fn time_card(written: &mut WrittenValues<'_>) -> Result<(), Error> {
    time_cards::complete(written);
    Ok(())
}

/// learn.microsoft.com/graph/api/resources/daynote: the notes are plain text.
fn day_note(written: &mut WrittenValues<'_>) -> Result<(), Error> {
    let names = ["sharedDayNote", "draftDayNote"];
    let is_text = |name: &&str| {
        let Some(index) = written.structured.property(name) else { return true };
        let property = &written.structured.properties[index];
        let (PropertyType::Complex(id), Value::Complex(body)) = (property.kind, written.values.get(property.slot)) else {
            return true;
        };
        let body: &Complex = body;
        let structured = written.model.structured(id);
        let Some(kind) = structured.property("contentType").map(|index| &structured.properties[index]) else { return true };
        match body.get(kind.slot) {
            Value::Enum(number) => written.model.member(kind.kind, "text") == Some(*number),
            _ => true,
        }
    };
    if names.iter().all(is_text) { Ok(()) } else { Err(Error::new(&refusal::DAY_NOTE_FORM, &[])) }
}
