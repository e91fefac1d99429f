//! All worlds of a process, so that each test can have its own.
//!
//! A world is created when a request first names it. It shares the initial entities of the process until it changes them. Idle worlds
//! are dropped, and their number is limited.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use http::header::HeaderMap;

use crate::world::World;
use crate::world::fixture::Entities;
use crate::world::ids::world_seed;
use crate::world::name::{self, DEFAULT, NAME_LIMIT};
use crate::world::settings::Settings;
use crate::world::store::Baselines;

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
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldError::Name(name) => {
                write!(f, "invalid world name '{}': use 1–{NAME_LIMIT} letters, digits, `-_.~`", excerpt(name))
            }
            WorldError::TooMany(limit) => write!(f, "world limit reached ({limit}): drop worlds or raise the limit"),
            WorldError::Unknown(name) => write!(f, "unknown world '{name}'"),
            WorldError::Default => write!(f, "the world '{DEFAULT}' cannot be dropped: reset it instead"),
            WorldError::Taken(name) => write!(f, "duplicate world '{name}'"),
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
    /// The named fixture that it was created from, if any.
    pub fixture: Option<Arc<str>>,
    /// The time since its last use.
    pub idle: Duration,
    /// The current world.
    pub world: Arc<World>,
}

/// All worlds of a process.
#[derive(Debug)]
pub struct Worlds {
    plan: RwLock<Arc<ReadyPlan>>,
    default: WorldSlot,
    named: RwLock<BTreeMap<Arc<str>, Arc<WorldSlot>>>,
    limits: WorldLimits,
    started: Instant,
}

/// A plan with its baselines.
#[derive(Debug)]
struct ReadyPlan {
    /// The settings, without entities.
    settings: Settings,
    /// The entities of worlds without a named fixture.
    initial: InitialEntities,
    fixtures: BTreeMap<String, InitialEntities>,
}

/// The entities that worlds are created with.
#[derive(Debug)]
struct InitialEntities {
    entities: Entities,
    /// The same as baselines, built for the first world that needs them.
    baselines: OnceLock<Baselines>,
}

impl InitialEntities {
    fn new(entities: Entities) -> InitialEntities {
        InitialEntities { entities, baselines: OnceLock::new() }
    }
}

impl ReadyPlan {
    fn new(mut plan: Plan) -> ReadyPlan {
        let initial = InitialEntities::new(std::mem::take(&mut plan.settings.entities));
        let fixtures = plan.fixtures.into_iter().map(|(name, entities)| (name, InitialEntities::new(entities))).collect();
        ReadyPlan { settings: plan.settings, initial, fixtures }
    }

    /// Returns a new default world. It has its own entities instead of a shared baseline: it may have many of them, and change them all.
    fn default_world(&self) -> World {
        World::new(Settings { entities: self.initial.entities.clone(), ..self.settings.clone() })
    }

    /// Returns a new world.
    fn world(&self, name: &str, fixture: Option<&str>) -> Result<World, WorldError> {
        let initial = match fixture {
            None => &self.initial,
            Some(fixture) => self.fixtures.get(fixture).ok_or_else(|| self.unknown_fixture(fixture))?,
        };
        let baselines = initial.baselines.get_or_init(|| Baselines::of(&self.settings.schema, &initial.entities));
        let seed = if name == DEFAULT { self.settings.seed } else { world_seed(name, self.settings.seed) };
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
    fixture: Option<Arc<str>>,
    /// The initial state of a fork, for a reset.
    fork_origin: Option<World>,
    /// The current world. Every request reads it, and must not write to memory that all cores share.
    current: ArcSwap<World>,
    /// Serializes changes that derive a world from the current one.
    change_lock: Mutex<()>,
    /// The time of the last use, in milliseconds since the start of the process.
    last_use: AtomicU64,
}

impl WorldSlot {
    fn new(world: World, fixture: Option<Arc<str>>, last_use: u64) -> WorldSlot {
        WorldSlot {
            fixture,
            fork_origin: None,
            current: ArcSwap::from_pointee(world),
            change_lock: Mutex::new(()),
            last_use: AtomicU64::new(last_use),
        }
    }

    /// Records a use.
    fn touch(&self, now: u64) -> &WorldSlot {
        self.last_use.store(now, Ordering::Relaxed);
        self
    }

    fn world(&self) -> Arc<World> {
        self.current.load_full()
    }

    fn replace(&self, world: World) {
        let _lock = self.change_lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.current.store(Arc::new(world));
    }
}

impl Worlds {
    /// Creates the default world; other worlds are created by the same plan.
    pub fn new(plan: Plan, limits: WorldLimits) -> Worlds {
        let plan = ReadyPlan::new(plan);
        Worlds {
            default: WorldSlot::new(plan.default_world(), None, 0),
            plan: RwLock::new(Arc::new(plan)),
            named: RwLock::default(),
            limits,
            started: Instant::now(),
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
        match name::requested(path, headers, token_tenant) {
            Some(name) => self.world(&name).map(Guard::from_inner),
            None => Ok(self.default.current.load()),
        }
    }

    /// Returns a world, created if unknown.
    pub fn world(&self, name: &str) -> Result<Arc<World>, WorldError> {
        match self.slot(name) {
            Ok(slot) => Ok(slot.touch(self.now()).world()),
            Err(WorldError::Unknown(_)) => match self.create(name, None) {
                // Another request created it meanwhile.
                Err(WorldError::Taken(_)) => self.known(name),
                outcome => outcome,
            },
            Err(error) => Err(error),
        }
    }

    /// Returns a known world.
    pub fn known(&self, name: &str) -> Result<Arc<World>, WorldError> {
        Ok(self.slot(name)?.touch(self.now()).world())
    }

    /// Creates a world, from a named fixture if one is given.
    pub fn create(&self, name: &str, fixture: Option<&str>) -> Result<Arc<World>, WorldError> {
        self.add(name, |plan| {
            let world = plan.world(name, fixture)?;
            Ok(WorldSlot::new(world, fixture.map(Arc::from), self.now()))
        })
    }

    /// Creates a world as a copy of another one.
    pub fn fork(&self, name: &str, fork: &str) -> Result<Arc<World>, WorldError> {
        let original = self.slot(name)?;
        self.add(fork, |_| {
            let origin = original.world().fork();
            let slot = WorldSlot::new(origin.fork(), original.fixture.clone(), self.now());
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
        let is_full = || self.named.read().unwrap_or_else(PoisonError::into_inner).len() >= self.limits.worlds;
        if is_full() {
            self.sweep();
        }
        let slot = create(&self.plan())?;
        let world = slot.world();
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        if named.contains_key(name) {
            return Err(WorldError::Taken(name.to_owned()));
        }
        if named.len() >= self.limits.worlds {
            return Err(WorldError::TooMany(self.limits.worlds));
        }
        named.insert(name.into(), Arc::new(slot));
        Ok(world)
    }

    /// Resets a world to its initial state: that of its fixture, or of its original when it was forked.
    pub fn reset(&self, name: &str) -> Result<Arc<World>, WorldError> {
        let slot = self.slot(name)?;
        let plan = self.plan();
        let fresh = match &slot {
            WorldRef::Default(_) => plan.default_world(),
            WorldRef::Named(named) => match &named.fork_origin {
                Some(origin) => origin.fork(),
                None => plan.world(name, named.fixture.as_deref())?,
            },
        };
        slot.touch(self.now()).replace(fresh);
        Ok(slot.world())
    }

    /// Replaces a world by one derived from it, and returns the new one. Requests in flight are answered by the old one.
    pub fn change<E: From<WorldError>>(
        &self,
        name: &str,
        change: impl FnOnce(&World) -> Result<World, E>,
    ) -> Result<Arc<World>, E> {
        let slot = self.slot(name)?;
        let _lock = slot.change_lock.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = Arc::new(change(&slot.current.load())?);
        slot.current.store(changed.clone());
        Ok(changed)
    }

    /// Drops a world. The default one cannot be dropped.
    pub fn drop_world(&self, name: &str) -> Result<(), WorldError> {
        if name == DEFAULT {
            return Err(WorldError::Default);
        }
        let dropped = self.named.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        dropped.map(drop).ok_or_else(|| WorldError::Unknown(name.to_owned()))
    }

    /// Drops the worlds that are idle longer than the limit, and returns their number.
    pub fn sweep(&self) -> usize {
        let now = self.now();
        let limit = u64::try_from(self.limits.idle.as_millis()).unwrap_or(u64::MAX);
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        let mut idle = Vec::new();
        named.retain(|_, slot| {
            let is_idle = now.saturating_sub(slot.last_use.load(Ordering::Relaxed)) > limit;
            if is_idle {
                idle.push(slot.clone());
            }
            !is_idle
        });
        drop(named);
        // Freeing their memory takes a while, and happens without the lock.
        idle.len()
    }

    /// Returns the default world, then all others by name.
    pub fn list(&self) -> Vec<WorldInfo> {
        let default = WorldInfo { idle: Duration::ZERO, ..self.slot_info(&DEFAULT.into(), &self.default) };
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(default).chain(named.iter().map(|(name, slot)| self.slot_info(name, slot))).collect()
    }

    /// Returns one world with its name and use. This counts as a use.
    pub fn info(&self, name: &str) -> Result<WorldInfo, WorldError> {
        let slot = self.slot(name)?;
        Ok(self.slot_info(&name.into(), slot.touch(self.now())))
    }

    fn slot_info(&self, name: &Arc<str>, slot: &WorldSlot) -> WorldInfo {
        let idle = Duration::from_millis(self.now().saturating_sub(slot.last_use.load(Ordering::Relaxed)));
        WorldInfo { name: name.clone(), fixture: slot.fixture.clone(), idle, world: slot.world() }
    }

    /// Replaces the plan and resets the default world by it. Named worlds follow the new plan when they are reset.
    pub fn reload(&self, plan: Plan) {
        let plan = ReadyPlan::new(plan);
        let default = plan.default_world();
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
        self.default.replace(default);
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
