//! Tenants: made, dropped, reset; their state, behaviors, clock and faults.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ControlCall, ControlError, ControlReply};
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::SetId;
use crate::policy::behavior::{Behaviors, Profile, ROWS, Secret};
use crate::world::World;
use crate::world::clock::Clock;
use crate::world::fault::{self, FaultRule};
use crate::world::fixture::{self, FixtureError};
use crate::world::worlds::WorldInfo;

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
pub(super) fn list(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let worlds: Vec<Value> = call.worlds.list().iter().map(described).collect();
    Ok(ControlReply::ok(&json!({ "tenants": worlds })))
}

pub(super) fn get(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&one(call)?))
}

/// What a tenant is made from.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Making {
    fixture: Option<String>,
    fork: Option<String>,
}

pub(super) fn create(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    match call.read::<Making>()? {
        Making { fork: Some(_), fixture: Some(_) } => {
            return Err(ControlError::unusable("the body has both fixture and fork; expected one"));
        }
        Making { fork: Some(original), .. } => call.worlds.fork(&original, call.name)?,
        Making { fixture, .. } => call.worlds.create(call.name, fixture.as_deref())?,
    };
    Ok(ControlReply::json(StatusCode::CREATED, &one(call)?))
}

pub(super) fn delete(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.drop_world(call.name)?;
    Ok(ControlReply::nothing())
}

pub(super) fn reset(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    // A tenant that is not there yet is as it would be after a reset.
    call.worlds.world(call.name)?;
    call.worlds.reset(call.name)?;
    Ok(ControlReply::ok(&one(call)?))
}

fn one(call: &ControlCall<'_>) -> Result<Value, ControlError> {
    Ok(described(&call.worlds.info(call.name)?))
}

fn described(listed: &WorldInfo) -> Value {
    let world = &listed.world;
    let count = |set: SetId| (world.schema.set(set).name.to_string(), Value::from(world.store.count(set)));
    json!({
        "name": &*listed.name,
        "fixture": listed.fixture.as_deref(),
        "seed": world.seed(),
        "entities": world.schema.set_ids().map(count).collect::<Map<String, Value>>(),
        "requests": world.journal.count(),
        "faults": world.faults.rules().len(),
        "idleSeconds": listed.idle.as_secs(),
    })
}

/// Returns the collection that a query names, if it names one.
fn set_of(world: &World, parameters: &[(String, String)]) -> Result<Option<SetId>, ControlError> {
    let Some((_, name)) = parameters.iter().find(|(name, _)| name == "collection") else { return Ok(None) };
    let name_of = |set: SetId| &*world.schema.set(set).name;
    let names = || world.schema.root_sets().map(name_of).collect::<Vec<_>>().join(", ");
    let unknown = || ControlError::unusable(format!("there is no collection '{}'; there are {}", name.escape_debug(), names()));
    let set = world.schema.root_sets().find(|set| name_of(*set).eq_ignore_ascii_case(name));
    set.map(Some).ok_or_else(unknown)
}

/// Whether a query asks for secrets.
pub(super) fn shows_secrets(parameters: &[(String, String)]) -> Result<bool, ControlError> {
    match parameters.iter().find(|(name, _)| name == "secrets").map(|(_, value)| &**value) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ControlError::unusable("the parameter secrets takes true or false")),
    }
}

pub(super) fn export(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let parameters = call.parameters(&["collection", "secrets"])?;
    let set = set_of(&world, &parameters)?;
    let secret = if shows_secrets(&parameters)? { Secret::Echo } else { Secret::Null };
    let text = match set {
        Some(set) => fixture::write_set(&world.schema, &world.store, set, secret),
        None => fixture::write(&world.schema, &world.store, secret),
    };
    Ok(ControlReply { content_type: "application/json", ..ControlReply::text(text) })
}

pub(super) fn import(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let set = set_of(&world, &call.parameters(&["collection"])?)?;
    let name = set.map_or("state.json".to_owned(), |set| format!("{}.json", world.schema.set(set).name));
    let unusable = |error: FixtureError| ControlError::unusable(error.to_string());
    let replaced = fixture::sets_of(&world.schema, &name, call.body()?).map_err(unusable)?;
    let mut entities = fixture::read(&world.schema, &world.behaviors, &name, call.body()?).map_err(unusable)?;
    call.worlds.change(call.name, |world| {
        // The other collections stay as they are.
        let others = world.store.entities().into_iter();
        entities.extend(others.filter(|(place, _)| !replaced.contains(&world.schema.root_of(place.set))));
        Ok::<_, ControlError>(world.with_entities(&entities))
    })?;
    Ok(ControlReply::ok(&one(call)?))
}

pub(super) fn behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&all(&call.worlds.world(call.name)?.behaviors)))
}

fn all(behaviors: &Behaviors) -> Map<String, Value> {
    ROWS.iter().map(|row| (row.name.to_owned(), behaviors.get(row.name).into())).collect()
}

pub(super) fn set_behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?;
    let wanted: Map<String, Value> = call.read()?;
    let changed = call.worlds.change(call.name, |world| {
        let mut behaviors = world.behaviors.clone();
        // A profile is where the others start from, wherever it stands.
        if let Some(profile) = wanted.get("profile") {
            let known = profile.as_str().and_then(Profile::from_name);
            let names = || Profile::ALL.map(Profile::name).join(", ");
            behaviors = Behaviors::of(
                known.ok_or_else(|| ControlError::unusable(format!("profile takes one of {}, not {profile}", names())))?,
            );
        }
        for (name, value) in wanted.iter().filter(|(name, _)| *name != "profile") {
            let Value::String(value) = value else {
                return Err(ControlError::unusable(format!("behavior '{name}' takes a string, not {value}")));
            };
            behaviors.set(name, value).map_err(|error| ControlError::unusable(error.to_string()))?;
        }
        Ok(world.with_behaviors(behaviors))
    })?;
    Ok(ControlReply::ok(&all(&changed.behaviors)))
}

pub(super) fn clock(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&told(call.worlds.world(call.name)?.clock)))
}

fn told(clock: Clock) -> Value {
    json!({ "now": super::journal::utc(clock.now()), "running": !matches!(clock, Clock::Fixed(_)) })
}

/// What is to become of a clock, in the order in which it happens.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Setting {
    /// The time that it shall show.
    now: Option<String>,
    /// Seconds that it shall go forward, or back.
    advance: Option<f64>,
    /// Whether it runs from there on.
    running: Option<bool>,
}

pub(super) fn set_clock(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?;
    let setting: Setting = call.read()?;
    let changed = call.worlds.change(call.name, |world| {
        let was_running = !matches!(world.clock, Clock::Fixed(_));
        let mut clock = world.clock;
        if let Some(text) = &setting.now {
            clock = fixed(text)?;
        }
        if let Some(seconds) = setting.advance {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "what is out of range is the end of the range, as the clock wants it"
            )]
            let millis = (seconds * 1000.0).round() as i64;
            clock = clock.advanced(millis);
        }
        let clock = if setting.running.unwrap_or(was_running) { clock.running() } else { clock.frozen() };
        Ok::<_, ControlError>(world.with_clock(clock))
    })?;
    Ok(ControlReply::ok(&told(changed.clock)))
}

fn fixed(text: &str) -> Result<Clock, ControlError> {
    let wrong = || {
        ControlError::unusable(format!("now takes a time since 1970 such as 2026-01-01T00:00:00Z, not '{}'", text.escape_debug()))
    };
    let ticks = DateTimeOffset::parse(text).and_then(|time| u64::try_from(time.ticks()).ok()).ok_or_else(wrong)?;
    Ok(Clock::Fixed(UNIX_EPOCH + Duration::from_micros(ticks / 10)))
}

pub(super) fn faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let rule = |(rule, counts): &(FaultRule, fault::RuleCounts)| {
        let rule: Value = serde_json::from_str(&fault::write(rule)).unwrap_or_default();
        json!({ "rule": rule, "seen": counts.matched, "struck": counts.applied })
    };
    let rules: Vec<Value> = world.faults.rules().iter().map(rule).collect();
    Ok(ControlReply::ok(&json!({ "faults": rules, "seed": world.seed() })))
}

fn rules(call: &ControlCall<'_>) -> Result<(Arc<World>, Vec<FaultRule>), ControlError> {
    let world = call.worlds.world(call.name)?;
    let rules = fault::read("the body", call.body()?).map_err(|error| ControlError::unusable(error.to_string()))?;
    Ok((world, rules))
}

pub(super) fn set_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (world, rules) = rules(call)?;
    world.faults.set(rules);
    faults(call)
}

pub(super) fn add_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (world, rules) = rules(call)?;
    if world.faults.rules().len() + rules.len() > fault::RULE_LIMIT {
        return Err(ControlError::unusable(format!("there may be at most {} rules", fault::RULE_LIMIT)));
    }
    world.faults.add(rules);
    faults(call)
}

pub(super) fn clear_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?.faults.set(Vec::new());
    Ok(ControlReply::nothing())
}
