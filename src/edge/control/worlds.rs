//! Worlds: created, dropped, reset; their state, behaviors, clock and faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::edge::control::call::{ControlCall, Parameters};
use crate::edge::control::reply::{ControlError, ControlReply};
use crate::edge::control::time::{format_time, parse_time};
use crate::edm::schema::SetId;
use crate::graph::base_url;
use crate::policy::behavior::{Behaviors, Profile, ROWS, Secret};
use crate::world::World;
use crate::world::budget::Reservation;
use crate::world::clock::Clock;
use crate::world::fault::{self, FaultRule, RuleExcess, RuleForm};
use crate::world::fixture::{self, Entities, FixtureError, ReadError};
use crate::world::ids::SEED_LIMIT;
use crate::world::store::{Baselines, InsertError, StoreFull};
use crate::world::worlds::{WorldError, WorldInfo, WorldOrigin, Worlds};

pub(super) fn list(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let parameters = call.parameters(&["after", "limit", "search"])?;
    let limit = parameters.number("limit")?;
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX).max(1));
    let page = call.worlds.page(parameters.get("after"), parameters.get("search").unwrap_or_default(), limit);
    let worlds: Vec<Value> = page.worlds.iter().map(|info| world_json(call, info)).collect();
    let next = page.worlds.last().filter(|_| page.has_more).map(|info| &*info.name);
    Ok(ControlReply::ok(&json!({ call.list_member: worlds, "count": page.count, "next": next })))
}

pub(super) fn get(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&current_json(call)?))
}

/// Body of the creation of a world.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CreateBody {
    fixture: Option<String>,
    fork: Option<String>,
    seed: Option<u64>,
}

/// Body of the creation of a world without a name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LabeledBody {
    label: String,
    fixture: Option<String>,
    fork: Option<String>,
    seed: Option<u64>,
}

pub(super) fn create(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.read::<CreateBody>()?.create(call.worlds)?(call.name)?;
    Ok(ControlReply::json(StatusCode::CREATED, &current_json(call)?))
}

impl CreateBody {
    /// Returns a function that creates a world with a name.
    fn create(self, worlds: &Worlds) -> Result<impl Fn(&str) -> Result<Arc<World>, WorldError>, ControlError> {
        let CreateBody { fixture, fork, seed } = self;
        let conflicting = |other| Err(ControlError::unusable(format!("conflicting members {other} and fork: use one of them")));
        match (&fork, &fixture, seed) {
            (Some(_), Some(_), _) => return conflicting("fixture"),
            (Some(_), _, Some(_)) => return conflicting("seed"),
            (_, _, Some(seed)) if seed > SEED_LIMIT => {
                return Err(ControlError::unusable(format!("invalid seed {seed}: expected a number below 2^53")));
            }
            _ => {}
        }
        let origin = WorldOrigin { fixture: fixture.map(Arc::from), seed };
        Ok(move |name: &str| match &fork {
            Some(original) => worlds.fork(original, name),
            None => worlds.create(name, &origin),
        })
    }
}

/// Creates a world whose name begins with a label and is in no other use.
pub(super) fn create_labeled(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let LabeledBody { label, fixture, fork, seed } = call.read()?;
    let name = call.worlds.create_labeled(&label, CreateBody { fixture, fork, seed }.create(call.worlds)?)?;
    Ok(ControlReply::json(StatusCode::CREATED, &world_json(call, &call.worlds.info(&name)?)))
}

pub(super) fn delete(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.drop_world(call.name)?;
    Ok(ControlReply::no_content())
}

pub(super) fn reset(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    // A world that does not exist yet is created in the state after a reset.
    call.worlds.world(call.name)?;
    call.worlds.reset(call.name)?;
    Ok(ControlReply::ok(&current_json(call)?))
}

fn current_json(call: &ControlCall<'_>) -> Result<Value, ControlError> {
    Ok(world_json(call, &call.worlds.info(call.name)?))
}

fn world_json(call: &ControlCall<'_>, info: &WorldInfo) -> Value {
    let world = &info.world;
    // Collections of one name count together.
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for set in world.schema.keyed_root_sets().filter(|set| world.schema.is_of_core(*set)) {
        counts.insert(world.schema.set(set).name.to_string(), 0);
    }
    for (set, count) in world.store.counts() {
        *counts.entry(world.schema.set(set).name.to_string()).or_default() += count;
    }
    json!({
        "name": &*info.name,
        "url": format!("{}/_world/{}", base_url::of(call.request), info.name),
        "fixture": info.origin.fixture.as_deref(),
        "seed": world.seed(),
        "entities": counts.into_iter().map(|(name, count)| (name, Value::from(count))).collect::<Map<String, Value>>(),
        "requests": world.journal.count(),
        "faults": world.faults.count(),
        "idleSeconds": info.idle.as_secs(),
    })
}

/// Returns the collection that the path names.
fn set_in_path(call: &ControlCall<'_>, world: &World) -> Result<SetId, ControlError> {
    let set = world.schema.set_named(call.collection).filter(|set| !world.schema.set(*set).is_single);
    set.ok_or_else(|| {
        let (name, names) = (call.collection.escape_debug(), fixture::set_names(&world.schema));
        ControlError::new(StatusCode::NOT_FOUND, "unknown-collection", format!("unknown collection '{name}' (known: {names})"))
    })
}

/// Returns the collection that the query parameter names, if any.
fn set_of(world: &World, parameters: &Parameters) -> Result<Option<SetId>, ControlError> {
    let Some(name) = parameters.get("collection") else { return Ok(None) };
    let names = || fixture::set_names(&world.schema);
    let unknown = || ControlError::unusable(format!("unknown collection '{}' (known: {})", name.escape_debug(), names()));
    world.schema.set_named(name).map(Some).ok_or_else(unknown)
}

pub(super) fn export(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let parameters = call.parameters(&["collection", "secrets"])?;
    export_of(&world, &|world| set_of(world, &parameters), &parameters)
}

pub(super) fn export_collection(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    export_of(&world, &|world| set_in_path(call, world).map(Some), &call.parameters(&["secrets"])?)
}

/// Returns the collection of a request, in a world; `None` for all.
type WantedSet<'w> = &'w dyn Fn(&World) -> Result<Option<SetId>, ControlError>;

fn export_of(world: &World, set: WantedSet<'_>, parameters: &Parameters) -> Result<ControlReply, ControlError> {
    let set = with_whole(world, set)?;
    let world = world.current();
    let secret = if parameters.include_secrets()? { Secret::Echo } else { Secret::Null };
    let text = match set {
        Some(set) => fixture::write_set(&world.schema, &world.store, set, secret),
        None => fixture::write(&world.schema, &world.store, secret),
    };
    Ok(ControlReply { content_type: "application/json", ..ControlReply::text(text) })
}

/// The path of exports and imports. The body of an import may be as long as an export.
pub(super) const STATE: &str = "/worlds/{name}/state";

/// The path of exports and imports of one collection.
pub(super) const COLLECTION: &str = "/worlds/{name}/state/{collection}";

pub(super) fn import(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let parameters = call.parameters(&["collection"])?;
    import_into(call, world, &|world| set_of(world, &parameters))
}

pub(super) fn import_collection(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    call.parameters(&[])?;
    import_into(call, world, &|world| set_in_path(call, world).map(Some))
}

fn import_into(call: &ControlCall<'_>, world: Arc<World>, set: WantedSet<'_>) -> Result<ControlReply, ControlError> {
    let ImportedState { replaced, entities, room, is_whole } = read_state(call, &world, set)?;
    drop(world);
    // Other changes of the world wait for this part only.
    call.worlds.change(call.name, |world| {
        // The baselines take what was reserved.
        drop(room);
        let world = if is_whole { world.widen() } else { world };
        let baselines = Baselines::of(&world.schema, &entities, &world.stores);
        // Other collections are taken over, so that no write to them is lost.
        let store = world.store.replaced(&baselines, &replaced);
        // The signed-in user's entity is stated as a whole, though its collection is taken over.
        let represented = entities.iter().filter(|(address, _)| replaced.contains(&address.set));
        for target in
            represented.filter_map(|(_, entity)| entity.linked()).filter(|target| !replaced.contains(&target.collection.root))
        {
            store.to_remove(&target.collection).remove(&target.key);
            store.empty_within(target.collection.root, &target.text(&world.schema));
        }
        // Entities that others link to live in collections that are taken over.
        for (address, entity) in entities.iter().filter(|(address, _)| !replaced.contains(&address.root)) {
            match store.to_change(address, entity.size())?.insert(entity.clone()) {
                Ok(()) | Err(InsertError::DuplicateKey) => {}
                Err(InsertError::Full(full)) => return Err(full.into()),
            }
        }
        Ok::<_, ControlError>(world.with_store(store))
    })?;
    Ok(ControlReply::ok(&current_json(call)?))
}

/// Does what may need a name that the core of the schema does not have, which is then in the rest.
fn with_whole<T>(world: &World, act: impl Fn(&World) -> Result<T, ControlError>) -> Result<T, ControlError> {
    match act(world) {
        Err(_) if world.schema.widest().is_partial => act(world.widen()),
        outcome => outcome,
    }
}

/// The entities of an import.
struct ImportedState {
    /// The root sets that they replace.
    replaced: Vec<SetId>,
    entities: Entities,
    /// The memory that is reserved for them.
    room: Reservation,
    /// Whether they are of the whole schema.
    is_whole: bool,
}

/// Reads the body of an import.
fn read_state(call: &ControlCall<'_>, world: &World, set: WantedSet<'_>) -> Result<ImportedState, ControlError> {
    // An unpacked text needs room meanwhile, which the entities that it may replace make. It may exceed the limit by half: entities that a
    // reset restores do not make room, and take half of the limit, and the new ones the other half.
    let returnable = with_whole(world, |world| {
        let replaceable = set(world)?.map_or_else(|| world.schema.root_sets().collect(), |set| vec![set]);
        Ok(world.store.returnable(&replaceable))
    })?;
    let mut text_room = world.stores.reservation(returnable.saturating_add(world.stores.limit() / 2));
    let text = call.unpacked_body(world.stores.limit(), &mut text_room)?;
    with_whole(world, |world| read_entities(world, set(world)?, &text, text_room.bytes()))
}

/// Reads the entities of an import, while its text has room of its own.
fn read_entities(world: &World, set: Option<SetId>, text: &[u8], text_room: usize) -> Result<ImportedState, ControlError> {
    let name = set.map_or("body".to_owned(), |set| format!("{}.json", world.schema.set(set).name));
    let unusable = |error: FixtureError| ControlError::unusable(error.to_string());
    let replaced = fixture::sets_of(&world.schema, &name, text).map_err(unusable)?;
    // The text goes before the entities are stored.
    let surplus = world.store.returnable(&replaced).saturating_add(text_room.min(world.stores.limit() / 2));
    let mut room = world.stores.reservation(surplus);
    let entities = fixture::read_reserved(&world.schema, &world.behaviors, &name, text, &mut room);
    let entities = entities.map_err(|error| match error {
        ReadError::Invalid(error) => unusable(error),
        ReadError::Full(full) => full.into(),
    })?;
    Ok(ImportedState { replaced, entities, room, is_whole: world.schema.core().is_some() })
}

pub(super) fn behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&behaviors_json(&call.worlds.world(call.name)?.behaviors)))
}

fn behaviors_json(behaviors: &Behaviors) -> Map<String, Value> {
    ROWS.iter().map(|row| (row.name.to_owned(), behaviors.get(row.name).into())).collect()
}

pub(super) fn set_behaviors(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?;
    let choices: Map<String, Value> = call.read()?;
    let changed = call.worlds.change(call.name, |world| {
        let mut behaviors = world.behaviors.clone();
        // The profile applies first, wherever it is in the object.
        if let Some(profile) = choices.get("profile") {
            let known = profile.as_str().and_then(Profile::from_name);
            let names = || Profile::ALL.map(Profile::name).join(", ");
            behaviors = Behaviors::of(
                known.ok_or_else(|| ControlError::unusable(format!("invalid profile {profile} (known: {})", names())))?,
            );
        }
        for (name, value) in choices.iter().filter(|(name, _)| *name != "profile") {
            let Value::String(value) = value else {
                return Err(ControlError::unusable(format!(
                    "invalid value of behavior '{name}': expected a string, found {value}"
                )));
            };
            behaviors.set(name, value).map_err(|error| ControlError::unusable(error.to_string()))?;
        }
        Ok(world.with_behaviors(behaviors))
    })?;
    Ok(ControlReply::ok(&behaviors_json(&changed.behaviors)))
}

pub(super) fn clock(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    Ok(ControlReply::ok(&clock_json(call.worlds.world(call.name)?.clock)))
}

fn clock_json(clock: Clock) -> Value {
    json!({ "now": format_time(clock.now()), "running": !matches!(clock, Clock::Fixed(_)) })
}

/// Body of a change of the clock; the members apply in this order.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ClockBody {
    /// The new time.
    now: Option<String>,
    /// Seconds to add; negative ones go back.
    advance: Option<f64>,
    /// Whether the clock runs from then on.
    running: Option<bool>,
}

pub(super) fn set_clock(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?;
    let change: ClockBody = call.read()?;
    let changed = call.worlds.change(call.name, |world| {
        let was_running = !matches!(world.clock, Clock::Fixed(_));
        let mut clock = world.clock;
        if let Some(text) = &change.now {
            clock = Clock::Fixed(parse_time("now", text)?);
        }
        if let Some(seconds) = change.advance {
            #[allow(clippy::cast_possible_truncation, reason = "values out of range saturate, as the clock expects")]
            let millis = (seconds * 1000.0).round() as i64;
            clock = clock.advanced(millis);
        }
        let clock = if change.running.unwrap_or(was_running) { clock.running() } else { clock.frozen() };
        Ok::<_, ControlError>(world.with_clock(clock))
    })?;
    Ok(ControlReply::ok(&clock_json(changed.clock)))
}

pub(super) fn faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let world = call.worlds.world(call.name)?;
    let rule = |(rule, counts): &(FaultRule, fault::RuleCounts)| {
        let written = |form| serde_json::from_str::<Value>(&fault::write(rule, form)).unwrap_or_default();
        let mut entry = written(RuleForm::Typed);
        entry["rule"] = written(RuleForm::Short);
        entry["seen"] = counts.matched.into();
        entry["struck"] = counts.applied.into();
        entry
    };
    let rules: Vec<Value> = world.faults.rules().iter().map(rule).collect();
    Ok(ControlReply::ok(&json!({ "faults": rules, "seed": world.seed() })))
}

fn rules(call: &ControlCall<'_>) -> Result<(Arc<World>, Vec<FaultRule>), ControlError> {
    let world = call.worlds.world(call.name)?;
    let rules = fault::read("body", call.body()?).map_err(|error| ControlError::unusable(error.to_string()))?;
    Ok((world, rules))
}

fn excess(excess: RuleExcess) -> ControlError {
    match excess {
        RuleExcess::Memory(limit) => StoreFull::of_all(limit).into(),
        RuleExcess::Number | RuleExcess::Text => ControlError::unusable(excess.to_string()),
    }
}

pub(super) fn set_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (world, rules) = rules(call)?;
    world.faults.replace(rules).map_err(excess)?;
    faults(call)
}

pub(super) fn add_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    let (world, rules) = rules(call)?;
    world.faults.add(rules).map_err(excess)?;
    faults(call)
}

pub(super) fn clear_faults(call: &ControlCall<'_>) -> Result<ControlReply, ControlError> {
    call.worlds.world(call.name)?.faults.set(Vec::new());
    Ok(ControlReply::no_content())
}
