//! All worlds of a process, so that each test can have its own.
//!
//! A world is created when a request first names it. It shares the initial entities of the process until it changes them. Idle worlds
//! are dropped, and their number is limited. At the limit, worlds that nothing has changed give way: they come back as they were.

mod deferred;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use http::header::HeaderMap;

pub(crate) use self::deferred::DeferredWorlds;
use crate::world::World;
use crate::world::budget::Budget;
use crate::world::fixture::Entities;
use crate::world::ids::world_seed;
use crate::world::name::{self, DEFAULT, NAME_LIMIT};
use crate::world::settings::Settings;
use crate::world::store::{Baselines, CollectionAddress, HeldEntities, RECORD_BYTES, StoreFull, StoredEntity};

/// The settings and fixtures from which worlds are created.
#[derive(Debug)]
pub struct Plan {
    /// The settings of all worlds, with the entities of worlds without a named fixture.
    pub settings: Settings,
    /// Named fixtures.
    pub fixtures: BTreeMap<String, Entities>,
}

/// Limits for worlds other than the default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldLimits {
    /// The largest number at once.
    pub worlds: usize,
    /// The idle time after which a world is dropped.
    pub idle: Duration,
    /// Whether the claim `tid` of a token names the world of a request without prefix and header.
    pub by_token: bool,
}

impl Default for WorldLimits {
    fn default() -> WorldLimits {
        WorldLimits { worlds: 10_000, idle: Duration::from_secs(15 * 60), by_token: false }
    }
}

/// The reason why a world cannot be found or created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldError {
    /// The name is invalid.
    Name(String),
    /// The limit of worlds is reached.
    TooMany(usize),
    /// The name is unknown.
    Unknown(String),
    /// The default world cannot be dropped.
    Default,
    /// The name is in use.
    Taken(String),
    /// The fixture is unknown; the second text lists the known ones.
    Fixture(String, String),
    /// The entities exceed the limit of all stores.
    Full(StoreFull),
}

impl From<StoreFull> for WorldError {
    fn from(full: StoreFull) -> WorldError {
        WorldError::Full(full)
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldError::Name(name) if name::is_version(name) => {
                write!(f, "invalid world name '{name}', a version of Graph: the base address needs a slash at its end")
            }
            WorldError::Name(name) => {
                write!(f, "invalid world name '{}': use 1–{NAME_LIMIT} letters, digits, `-_.~`", excerpt(name))
            }
            WorldError::TooMany(limit) => write!(f, "world limit reached ({limit}): drop worlds or raise the limit"),
            WorldError::Unknown(name) => write!(f, "unknown world '{name}'"),
            WorldError::Default => write!(f, "the world '{DEFAULT}' cannot be dropped: reset it instead"),
            WorldError::Taken(name) => write!(f, "duplicate world '{name}'"),
            WorldError::Full(full) => full.fmt(f),
            WorldError::Fixture(name, known) => write!(f, "unknown fixture '{}' (known: {known})", excerpt(name)),
        }
    }
}

/// Returns the beginning of a client's text, with its control characters escaped.
fn excerpt(text: &str) -> String {
    text.chars().take(NAME_LIMIT).collect::<String>().escape_debug().to_string()
}

impl std::error::Error for WorldError {}

/// A world with its name and use.
#[derive(Clone, Debug)]
pub struct WorldInfo {
    /// The name.
    pub name: Arc<str>,
    /// The fixture and the seed that it was created from.
    pub origin: WorldOrigin,
    /// The time since its last use.
    pub idle: Duration,
    /// The current world.
    pub world: Arc<World>,
}

/// A part of the list of worlds.
#[derive(Clone, Debug)]
pub struct WorldPage {
    /// The worlds.
    pub worlds: Vec<WorldInfo>,
    /// Whether others follow.
    pub has_more: bool,
    /// The number of all worlds that are looked for.
    pub count: usize,
}

/// The fixture and the seed that a world is created from, and reset to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldOrigin {
    /// The name of a fixture, if it is not that of all worlds.
    pub fixture: Option<Arc<str>>,
    /// The seed of ids and random choices, if it is not derived from the name.
    pub seed: Option<u64>,
}

type NamedWorlds = BTreeMap<Arc<str>, Arc<WorldSlot>>;

/// All worlds of a process.
#[derive(Debug)]
pub struct Worlds {
    plan: RwLock<Arc<ReadyPlan>>,
    default: WorldSlot,
    named: RwLock<NamedWorlds>,
    limits: WorldLimits,
    started: Instant,
    /// The number of worlds whose name was completed here.
    completed: AtomicU64,
}

/// A plan with its baselines.
#[derive(Debug)]
struct ReadyPlan {
    /// The settings, without entities.
    settings: Settings,
    /// The entities of worlds without a named fixture.
    initial: InitialEntities,
    fixtures: BTreeMap<String, InitialEntities>,
    /// The number of plans before this one.
    number: u64,
}

/// The entities that worlds are created with.
#[derive(Debug)]
struct InitialEntities {
    /// The bytes that they take.
    size: usize,
    /// The entities that the baselines are built of, until that is done.
    entities: Mutex<Option<HeldEntities>>,
    /// The entities in order, which worlds share until they change them. They are built for the first world that needs them.
    baselines: OnceLock<Baselines>,
}

impl InitialEntities {
    fn new(entities: Entities, budget: &Arc<Budget>) -> InitialEntities {
        let size = size_of(&entities);
        let entities = Mutex::new(Some(HeldEntities::new(entities, budget)));
        InitialEntities { size, entities, baselines: OnceLock::new() }
    }

    fn baselines(&self, settings: &Settings) -> &Baselines {
        self.baselines.get_or_init(|| {
            let mut entities = self.entities.lock().unwrap_or_else(PoisonError::into_inner);
            let baselines = Baselines::of(&settings.schema, entities.as_deref().unwrap_or_default(), &settings.stores);
            *entities = None;
            baselines
        })
    }
}

/// Returns the bytes that entities take.
fn size_of(entities: &[(CollectionAddress, Arc<StoredEntity>)]) -> usize {
    entities.iter().map(|(_, entity)| entity.size() + RECORD_BYTES).sum()
}

impl Plan {
    /// Returns the bytes that the entities take.
    fn size(&self) -> usize {
        self.fixtures.values().chain([&self.settings.entities]).map(|entities| size_of(entities)).sum()
    }

    /// Adds the applications and users of the directory to the entities of all worlds.
    fn seed(&mut self) {
        self.settings.seed(self.fixtures.values_mut());
    }

    /// Checks that there is room for the initial entities.
    ///
    /// # Errors
    ///
    /// Fails if they exceed the limit of all stores.
    pub fn check_size(&self) -> Result<(), StoreFull> {
        let limit = self.settings.stores.limit();
        if self.size() > limit { Err(StoreFull::of_all(limit)) } else { Ok(()) }
    }
}

impl ReadyPlan {
    fn new(mut plan: Plan, number: u64) -> ReadyPlan {
        let budget = plan.settings.stores.clone();
        let initial = InitialEntities::new(std::mem::take(&mut plan.settings.entities), &budget);
        let named = |(name, entities)| (name, InitialEntities::new(entities, &budget));
        let fixtures = plan.fixtures.into_iter().map(named).collect();
        ReadyPlan { settings: plan.settings, initial, fixtures, number }
    }

    /// Returns the bytes that the entities take.
    fn size(&self) -> usize {
        self.fixtures.values().chain([&self.initial]).map(|initial| initial.size).sum()
    }

    /// Returns a new default world.
    fn default_world(&self) -> World {
        World::first(self.settings.clone(), self.initial.baselines(&self.settings))
    }

    /// Returns a new world.
    fn world(&self, name: &str, origin: &WorldOrigin) -> Result<World, WorldError> {
        let initial = match origin.fixture.as_deref() {
            None => &self.initial,
            Some(fixture) => self.fixtures.get(fixture).ok_or_else(|| self.unknown_fixture(fixture))?,
        };
        let baselines = initial.baselines(&self.settings);
        let derived = || if name == DEFAULT { self.settings.seed } else { world_seed(name, self.settings.seed) };
        let seed = origin.seed.unwrap_or_else(derived);
        Ok(World::over(Settings { seed, ..self.settings.clone() }, baselines))
    }

    fn unknown_fixture(&self, name: &str) -> WorldError {
        let names: Vec<&str> = self.fixtures.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        WorldError::Fixture(name.to_owned(), known)
    }
}

/// A world with its origin and last use.
#[derive(Debug)]
struct WorldSlot {
    origin: WorldOrigin,
    /// The initial state of a fork, for a reset.
    fork_origin: Option<World>,
    /// The current world. Every request reads it, and must not write to memory that all cores share.
    current: ArcSwap<World>,
    /// Serializes changes that derive a world from the current one, and resets.
    change_lock: Mutex<()>,
    /// Whether it was created by its name alone, by a request.
    is_on_demand: bool,
    /// The number of the plan by which the current world was created; [`NO_PLAN`] if it was derived from another.
    plan_number: AtomicU64,
    /// The time of the last use, in milliseconds since the start of the process.
    last_use: AtomicU64,
}

/// A number that no plan has.
const NO_PLAN: u64 = u64::MAX;

/// A world that gives way takes a share of the others with it, so that they are not searched for each newcomer.
const GIVE_WAY_SHARE: usize = 16;

impl WorldSlot {
    fn new(world: World, origin: WorldOrigin, plan_number: u64, last_use: u64) -> WorldSlot {
        WorldSlot {
            origin,
            fork_origin: None,
            current: ArcSwap::new(world.into_current()),
            change_lock: Mutex::new(()),
            is_on_demand: false,
            plan_number: AtomicU64::new(plan_number),
            last_use: AtomicU64::new(last_use),
        }
    }

    /// Records a use.
    fn touch(&self, now: u64) -> &WorldSlot {
        self.last_use.store(now, Ordering::Relaxed);
        self
    }

    fn world(&self) -> Arc<World> {
        let current = self.current.load();
        current.widened().cloned().unwrap_or_else(|| Guard::into_inner(current))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.change_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, world: Arc<World>, plan_number: u64) {
        let outbox = world.outbox.clone();
        let before = self.current.swap(world);
        if !Arc::ptr_eq(&before.outbox, &outbox) {
            before.outbox.close();
        }
        self.plan_number.store(plan_number, Ordering::Relaxed);
    }
}

/// Returns whether a request or a change uses a world, so that a write to it may follow. The caller must hold the lock of the names, so
/// that no other use begins.
fn is_in_use(slot: &Arc<WorldSlot>) -> bool {
    if Arc::strong_count(slot) > 1 {
        return true;
    }
    // Together with the release of the references, the fences make visible what their holders did before.
    fence(Ordering::Acquire);
    let current = slot.current.load();
    let is_in_use = Arc::strong_count(&current) > 1 || current.widened_holders() > 0;
    fence(Ordering::Acquire);
    is_in_use
}

/// Returns whether a world would come back as it is when a request names it again. The lock as for [`is_in_use`].
fn is_replaceable(slot: &Arc<WorldSlot>, plan_number: u64) -> bool {
    let is_planned = slot.is_on_demand && slot.plan_number.load(Ordering::Relaxed) == plan_number;
    is_planned && !is_in_use(slot) && slot.current.load().is_unchanged()
}

impl Worlds {
    /// Creates the default world; other worlds are created by the same plan.
    pub fn new(mut plan: Plan, limits: WorldLimits) -> Worlds {
        plan.settings.is_named_by_token = limits.by_token;
        plan.seed();
        let plan = ReadyPlan::new(plan, 0);
        Worlds {
            default: WorldSlot::new(plan.default_world(), WorldOrigin::default(), 0, 0),
            plan: RwLock::new(Arc::new(plan)),
            named: RwLock::default(),
            limits,
            started: Instant::now(),
            completed: AtomicU64::new(0),
        }
    }

    /// Creates worlds with the same settings, without named fixtures, with the default limits.
    pub fn of(settings: Settings) -> Worlds {
        Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, WorldLimits::default())
    }

    /// Returns the limits.
    pub fn limits(&self) -> WorldLimits {
        self.limits
    }

    /// Returns the limit of all stores together, in bytes.
    pub fn store_limit(&self) -> usize {
        self.plan().settings.stores.limit()
    }

    /// Returns the names of the fixtures.
    pub fn fixtures(&self) -> Vec<String> {
        self.plan().fixtures.keys().cloned().collect()
    }

    /// Returns the seed of the process, from which those of all worlds follow.
    pub fn seed(&self) -> u64 {
        self.plan().settings.seed
    }

    /// Returns the world of requests that name none.
    pub fn default_world(&self) -> Arc<World> {
        self.default.world()
    }

    /// Returns the world of a request: named by its path, else by its header, else by the tenant of its token if the limits say so,
    /// else the default one. An unknown world is created.
    pub fn choose(
        &self,
        path: &str,
        headers: &HeaderMap,
        token_tenant: impl FnOnce() -> Option<String>,
    ) -> Result<Guard<Arc<World>>, WorldError> {
        let token_tenant = || self.limits.by_token.then(token_tenant).flatten();
        if let Some(name) = name::requested(path, headers, token_tenant) {
            return self.world(&name).map(Guard::from_inner);
        }
        let current = self.default.current.load();
        Ok(current.widened().cloned().map_or(current, Guard::from_inner))
    }

    /// Returns a world, created if unknown.
    pub fn world(&self, name: &str) -> Result<Arc<World>, WorldError> {
        loop {
            match self.known(name) {
                Err(WorldError::Unknown(_)) => {}
                outcome => return outcome,
            }
            let on_demand = |plan: &ReadyPlan| {
                let origin = WorldOrigin::default();
                let slot = WorldSlot::new(plan.world(name, &origin)?, origin, plan.number, self.now());
                Ok(WorldSlot { is_on_demand: true, ..slot })
            };
            match self.add(name, on_demand) {
                // Another request created it meanwhile.
                Err(WorldError::Taken(_)) => {}
                outcome => return outcome,
            }
        }
    }

    /// Returns a known world.
    pub fn known(&self, name: &str) -> Result<Arc<World>, WorldError> {
        Ok(self.slot(name)?.touch(self.now()).world())
    }

    /// Creates a world.
    pub fn create(&self, name: &str, origin: &WorldOrigin) -> Result<Arc<World>, WorldError> {
        self.add(name, |plan| {
            let world = plan.world(name, origin)?;
            Ok(WorldSlot::new(world, origin.clone(), plan.number, self.now()))
        })
    }

    /// Creates a world by a function, under a name that begins with a label and that no world has. Returns the name.
    pub fn create_labeled(
        &self,
        label: &str,
        mut create: impl FnMut(&str) -> Result<Arc<World>, WorldError>,
    ) -> Result<String, WorldError> {
        let label = name::labeled(label);
        loop {
            let number = self.completed.fetch_add(1, Ordering::Relaxed) + 1;
            let name = format!("{label}-{number}");
            match create(&name) {
                // A client named a world so.
                Err(WorldError::Taken(taken)) if taken == name => {}
                outcome => return outcome.map(|_| name),
            }
        }
    }

    /// Creates a world as a copy of another one. This counts as a use of both.
    pub fn fork(&self, name: &str, fork: &str) -> Result<Arc<World>, WorldError> {
        let original = self.slot(name)?;
        original.touch(self.now());
        self.add(fork, |_| {
            let origin = original.world().fork()?;
            let slot = WorldSlot::new(origin.fork()?, original.origin.clone(), NO_PLAN, self.now());
            Ok(WorldSlot { fork_origin: Some(origin), ..slot })
        })
    }

    fn add(
        &self,
        name: &str,
        create: impl FnOnce(&ReadyPlan) -> Result<WorldSlot, WorldError>,
    ) -> Result<Arc<World>, WorldError> {
        if !name::is_valid(name) {
            return Err(WorldError::Name(name.to_owned()));
        }
        if name == DEFAULT || self.named.read().unwrap_or_else(PoisonError::into_inner).contains_key(name) {
            return Err(WorldError::Taken(name.to_owned()));
        }
        let plan = self.plan();
        let slot = create(&plan)?;
        let world = slot.world();
        let mut removed = Vec::new();
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        if named.contains_key(name) {
            return Err(WorldError::Taken(name.to_owned()));
        }
        if named.len() >= self.limits.worlds {
            removed = self.remove_idle(&mut named);
        }
        if named.len() >= self.limits.worlds {
            removed.extend(remove_replaceable(&mut named, plan.number));
        }
        let has_room = named.len() < self.limits.worlds;
        if has_room {
            named.insert(name.into(), Arc::new(slot));
        }
        // Freeing memory takes a while, and happens without the lock.
        drop(named);
        drop(removed);
        if has_room { Ok(world) } else { Err(WorldError::TooMany(self.limits.worlds)) }
    }

    /// Resets a world to its initial state: that of its fixture, or of its original when it was forked.
    pub fn reset(&self, name: &str) -> Result<Arc<World>, WorldError> {
        let slot = self.slot(name)?;
        let _lock = slot.touch(self.now()).lock();
        // The plan is read under the lock, so that an older one does not undo a reload.
        let plan = self.plan();
        let (fresh, plan_number) = match &slot {
            WorldRef::Default(_) => (plan.default_world(), plan.number),
            WorldRef::Named(named) => match &named.fork_origin {
                Some(origin) => (origin.begin_again()?, NO_PLAN),
                None => (plan.world(name, &named.origin)?, plan.number),
            },
        };
        let fresh = fresh.into_current();
        let old = slot.current.load_full();
        slot.store(fresh.clone(), plan_number);
        old.faults.release();
        Ok(fresh)
    }

    /// Replaces a world by one derived from it, and returns the new one. Requests in flight are answered by the old one.
    pub fn change<E: From<WorldError>>(
        &self,
        name: &str,
        change: impl FnOnce(&World) -> Result<World, E>,
    ) -> Result<Arc<World>, E> {
        let slot = self.slot(name)?;
        let _lock = slot.lock();
        let changed = change(&slot.world())?.into_current();
        slot.store(changed.clone(), NO_PLAN);
        Ok(changed)
    }

    /// Drops a world. The default one cannot be dropped.
    pub fn drop_world(&self, name: &str) -> Result<(), WorldError> {
        if name == DEFAULT {
            return Err(WorldError::Default);
        }
        let dropped = self.named.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let end = |slot: Arc<WorldSlot>| {
            let world = slot.current.load();
            world.outbox.close();
            world.faults.release();
        };
        dropped.map(end).ok_or_else(|| WorldError::Unknown(name.to_owned()))
    }

    /// Drops the worlds that are idle longer than the limit, and returns their number.
    pub fn sweep(&self) -> usize {
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        let idle = self.remove_idle(&mut named);
        // Freeing their memory takes a while, and happens without the lock.
        drop(named);
        idle.len()
    }

    fn remove_idle(&self, named: &mut NamedWorlds) -> Vec<Arc<WorldSlot>> {
        let now = self.now();
        let limit = u64::try_from(self.limits.idle.as_millis()).unwrap_or(u64::MAX);
        let mut idle = Vec::new();
        named.retain(|_, slot| {
            let is_idle = now.saturating_sub(slot.last_use.load(Ordering::Relaxed)) > limit && !is_in_use(slot);
            if is_idle {
                idle.push(slot.clone());
            }
            !is_idle
        });
        idle
    }

    /// Returns the default world, then all others by name.
    pub fn list(&self) -> Vec<WorldInfo> {
        let default = WorldInfo { idle: Duration::ZERO, ..self.slot_info(&DEFAULT.into(), &self.default) };
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(default).chain(named.iter().map(|(name, slot)| self.slot_info(name, slot))).collect()
    }

    /// Returns a part of the list: the worlds after one whose names contain a text, at most `limit`.
    pub fn page(&self, after: Option<&str>, search: &str, limit: usize) -> WorldPage {
        let search = search.to_ascii_lowercase();
        let is_found = |name: &str| search.is_empty() || name.to_ascii_lowercase().contains(&search);
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let has_default = is_found(DEFAULT);
        let count = usize::from(has_default)
            + if search.is_empty() { named.len() } else { named.keys().filter(|name| is_found(name)).count() };
        let first = (has_default && after.is_none())
            .then(|| WorldInfo { idle: Duration::ZERO, ..self.slot_info(&DEFAULT.into(), &self.default) });
        let start = after.filter(|name| *name != DEFAULT).map_or(Bound::Unbounded, Bound::Excluded);
        let others = named.range::<str, _>((start, Bound::Unbounded)).filter(|(name, _)| is_found(name));
        let others = others.map(|(name, slot)| self.slot_info(name, slot));
        let mut worlds: Vec<WorldInfo> = first.into_iter().chain(others).take(limit.saturating_add(1)).collect();
        let has_more = worlds.len() > limit;
        worlds.truncate(limit);
        WorldPage { worlds, has_more, count }
    }

    /// Returns one world with its name and use. This counts as a use.
    pub fn info(&self, name: &str) -> Result<WorldInfo, WorldError> {
        let slot = self.slot(name)?;
        Ok(self.slot_info(&name.into(), slot.touch(self.now())))
    }

    fn slot_info(&self, name: &Arc<str>, slot: &WorldSlot) -> WorldInfo {
        let idle = Duration::from_millis(self.now().saturating_sub(slot.last_use.load(Ordering::Relaxed)));
        WorldInfo { name: name.clone(), origin: slot.origin.clone(), idle, world: slot.world() }
    }

    /// Replaces the plan and resets the default world by it. Named worlds follow the new plan when they are reset. The limit of all stores
    /// stays that of the first plan.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if the entities exceed the limit.
    pub fn reload(&self, mut plan: Plan) -> Result<(), StoreFull> {
        let _lock = self.default.lock();
        let old = self.plan();
        let budget = old.settings.stores.clone();
        plan.settings.stores = budget.clone();
        plan.settings.is_named_by_token = self.limits.by_token;
        plan.seed();
        // The entities of the old plan go at the same time.
        let size = plan.size();
        if !budget.add(size, old.size()) {
            return Err(StoreFull::of_all(budget.limit()));
        }
        let plan = Arc::new(ReadyPlan::new(plan, old.number + 1));
        let default = plan.default_world().into_current();
        budget.change(0, size);
        let number = plan.number;
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
        let old = self.default.current.load_full();
        self.default.store(default, number);
        old.faults.release();
        Ok(())
    }

    fn plan(&self) -> Arc<ReadyPlan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns milliseconds since the start of the process.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn slot(&self, name: &str) -> Result<WorldRef<'_>, WorldError> {
        if name == DEFAULT {
            return Ok(WorldRef::Default(&self.default));
        }
        match self.named.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            Some(slot) => Ok(WorldRef::Named(slot.clone())),
            None if name::is_valid(name) => Err(WorldError::Unknown(name.to_owned())),
            None => Err(WorldError::Name(name.to_owned())),
        }
    }
}

/// Removes worlds that would come back as they are, those first that are longest unused: one at least, if there is any.
fn remove_replaceable(named: &mut NamedWorlds, plan_number: u64) -> Vec<Arc<WorldSlot>> {
    let mut uses: Vec<(u64, Arc<str>)> = named
        .iter()
        .filter(|(_, slot)| is_replaceable(slot, plan_number))
        .map(|(name, slot)| (slot.last_use.load(Ordering::Relaxed), name.clone()))
        .collect();
    uses.sort_unstable();
    uses.truncate((named.len() / GIVE_WAY_SHARE).max(1));
    uses.iter().filter_map(|(_, name)| named.remove(name)).collect()
}

/// A known world.
enum WorldRef<'w> {
    Default(&'w WorldSlot),
    Named(Arc<WorldSlot>),
}

impl std::ops::Deref for WorldRef<'_> {
    type Target = WorldSlot;

    fn deref(&self) -> &WorldSlot {
        match self {
            WorldRef::Default(slot) => slot,
            WorldRef::Named(slot) => slot,
        }
    }
}

#[cfg(test)]
mod tests;
