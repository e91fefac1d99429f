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
use crate::world::fault::{self, FaultRule};
use crate::world::fixture::{self, FixtureError};
use crate::world::worlds::WorldInfo;
use crate::world::{Clock, World};

#[allow(clippy::unnecessary_wraps, reason = "all operations have one form")]
pub(super) fn list(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let tenants: Vec<Value> = call.worlds.list().iter().map(described).collect();
    Ok(ControlReply::ok(&json!({ "tenants": tenants })))
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
    call.worlds.drop_tenant(call.name)?;
    Ok(ControlReply::nothing())
}

pub(super) fn reset(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    // A tenant that is not there yet is as it would be after a reset.
    call.worlds.tenant(call.name)?;
    call.worlds.reset(call.name)?;
    Ok(ControlReply::ok(&one(call)?))
}

fn one(call: &ControlCall<'_>) -> Result<Value, ControlError> {
    Ok(described(&call.worlds.tell(call.name)?))
}

fn described(listed: &WorldInfo) -> Value {
    let tenant = &listed.tenant;
    let count = |set: SetId| (tenant.schema.set(set).name.to_string(), Value::from(tenant.store.count(set)));
    json!({
        "name": &*listed.name,
        "fixture": listed.fixture.as_deref(),
        "seed": tenant.seed(),
        "entities": tenant.schema.set_ids().map(count).collect::<Map<String, Value>>(),
        "requests": tenant.journal.count(),
        "faults": tenant.faults.rules().len(),
        "idleSeconds": listed.idle.as_secs(),
    })
}

/// Returns the collection that a query names, if it names one.
fn set_of(tenant: &World, parameters: &[(String, String)]) -> Result<Option<SetId>, ControlError> {
    let Some((_, name)) = parameters.iter().find(|(name, _)| name == "collection") else { return Ok(None) };
    let name_of = |set: SetId| &*tenant.schema.set(set).name;
    let names = || tenant.schema.root_sets().map(name_of).collect::<Vec<_>>().join(", ");
    let unknown = || ControlError::unusable(format!("there is no collection '{}'; there are {}", name.escape_debug(), names()));
    let set = tenant.schema.root_sets().find(|set| name_of(*set).eq_ignore_ascii_case(name));
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
    let tenant = call.worlds.tenant(call.name)?;
    let parameters = call.parameters(&["collection", "secrets"])?;
    let set = set_of(&tenant, &parameters)?;
    let secret = if shows_secrets(&parameters)? { Secret::Echo } else { Secret::Null };
    let text = match set {
        Some(set) => fixture::write_set(&tenant.schema, &tenant.store, set, secret),
        None => fixture::write(&tenant.schema, &tenant.store, secret),
    };
    Ok(ControlReply { content_type: "application/json", ..ControlReply::text(text) })
}

pub(super) fn import(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let tenant = call.worlds.tenant(call.name)?;
    let set = set_of(&tenant, &call.parameters(&["collection"])?)?;
    let name = set.map_or("state.json".to_owned(), |set| format!("{}.json", tenant.schema.set(set).name));
    let unusable = |error: FixtureError| ControlError::unusable(error.to_string());
    let replaced = fixture::sets_of(&tenant.schema, &name, call.body()?).map_err(unusable)?;
    let mut entities = fixture::read(&tenant.schema, &tenant.behaviors, &name, call.body()?).map_err(unusable)?;
    call.worlds.change(call.name, |tenant| {
        // The other collections stay as they are.
        let others = tenant.store.entities().into_iter();
        entities.extend(others.filter(|(place, _)| !replaced.contains(&tenant.schema.root_of(place.set))));
        Ok::<_, ControlError>(tenant.with_entities(&entities))
    })?;
    Ok(ControlReply::ok(&one(call)?))
}

pub(super) fn behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&all(&call.worlds.tenant(call.name)?.behaviors)))
}

fn all(behaviors: &Behaviors) -> Map<String, Value> {
    ROWS.iter().map(|row| (row.name.to_owned(), behaviors.get(row.name).into())).collect()
}

pub(super) fn set_behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.tenant(call.name)?;
    let wanted: Map<String, Value> = call.read()?;
    let changed = call.worlds.change(call.name, |tenant| {
        let mut behaviors = tenant.behaviors.clone();
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
        Ok(tenant.with_behaviors(behaviors))
    })?;
    Ok(ControlReply::ok(&all(&changed.behaviors)))
}

pub(super) fn clock(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&told(call.worlds.tenant(call.name)?.clock)))
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
    call.worlds.tenant(call.name)?;
    let setting: Setting = call.read()?;
    let changed = call.worlds.change(call.name, |tenant| {
        let was_running = !matches!(tenant.clock, Clock::Fixed(_));
        let mut clock = tenant.clock;
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
        Ok::<_, ControlError>(tenant.with_clock(clock))
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
    let tenant = call.worlds.tenant(call.name)?;
    let rule = |(rule, tally): &(FaultRule, fault::Tally)| {
        let rule: Value = serde_json::from_str(&fault::write(rule)).unwrap_or_default();
        json!({ "rule": rule, "seen": tally.seen, "struck": tally.struck })
    };
    let rules: Vec<Value> = tenant.faults.rules().iter().map(rule).collect();
    Ok(ControlReply::ok(&json!({ "faults": rules, "seed": tenant.seed() })))
}

fn rules(call: &ControlCall<'_>) -> Result<(Arc<World>, Vec<FaultRule>), ControlError> {
    let tenant = call.worlds.tenant(call.name)?;
    let rules = fault::read("the body", call.body()?).map_err(|error| ControlError::unusable(error.to_string()))?;
    Ok((tenant, rules))
}

pub(super) fn set_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (tenant, rules) = rules(call)?;
    tenant.faults.set(rules);
    faults(call)
}

pub(super) fn add_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (tenant, rules) = rules(call)?;
    if tenant.faults.rules().len() + rules.len() > fault::RULE_LIMIT {
        return Err(ControlError::unusable(format!("there may be at most {} rules", fault::RULE_LIMIT)));
    }
    tenant.faults.add(rules);
    faults(call)
}

pub(super) fn clear_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.tenant(call.name)?.faults.set(Vec::new());
    Ok(ControlReply::nothing())
}
