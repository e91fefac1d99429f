//! All tenants of a process: each test can have a world of its own.
//!
//! A tenant is made when it is first named, over the entities that the process was started with, and shares them until it changes them.
//! One that nobody uses any more is dropped, and there are at most so many.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use http::header::HeaderMap;

use crate::entra::caller;
use crate::world::chance::mixed;
use crate::world::fixture::Entities;
use crate::world::store::Baselines;
use crate::world::{PREFIX, Settings, World, prefix_of};

/// The header with which a client names its tenant.
pub const TENANT: &str = "x-wfi-emulator-tenant";

/// The name of the tenant of requests that name none.
pub const DEFAULT: &str = "default";

/// How long a name may be.
const NAME_LIMIT: usize = 128;

/// What tenants are made from.
#[derive(Debug)]
pub struct Plan {
    /// The settings of all of them. The entities are those that a tenant begins with unless a fixture is named.
    pub settings: Settings,
    /// Other entities to begin with, by name.
    pub fixtures: BTreeMap<String, Entities>,
}

/// How many tenants there may be beside the default one, for how long, and how they are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldLimits {
    /// How many there may be at once.
    pub worlds: usize,
    /// How long a tenant is kept that nobody uses.
    pub idle: Duration,
    /// Whether the claim `tid` of a token names the tenant of a request that names none itself.
    pub by_token: bool,
}

impl Default for WorldLimits {
    fn default() -> WorldLimits {
        WorldLimits { worlds: 10_000, idle: Duration::from_secs(15 * 60), by_token: false }
    }
}

/// Why a tenant is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldError {
    /// The text is no name.
    Name(String),
    /// There are as many tenants as there may be.
    TooMany(usize),
    /// No tenant has the name.
    Unknown(String),
    /// The default tenant cannot be dropped.
    Default,
    /// A tenant has the name already.
    Taken(String),
    /// No fixture has the name; the second text says which there are.
    Fixture(String, String),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldError::Name(name) => write!(
                f,
                "'{}' is no name of a tenant: it has 1 to {NAME_LIMIT} letters, digits, '-', '_', '.' and '~'",
                name.chars().take(NAME_LIMIT).collect::<String>().escape_debug()
            ),
            WorldError::TooMany(limit) => {
                write!(f, "there are {limit} tenants already, as many as --tenant-limit allows; drop some or raise the limit")
            }
            WorldError::Unknown(name) => write!(f, "there is no tenant '{name}'"),
            WorldError::Default => write!(f, "the tenant '{DEFAULT}' cannot be dropped; it can be reset"),
            WorldError::Taken(name) => write!(f, "there is a tenant '{name}' already"),
            WorldError::Fixture(name, known) => {
                write!(
                    f,
                    "there is no fixture '{}'; there are {known}",
                    name.chars().take(NAME_LIMIT).collect::<String>().escape_debug()
                )
            }
        }
    }
}

impl std::error::Error for WorldError {}

/// What is told of a tenant.
#[derive(Clone, Debug)]
pub struct WorldInfo {
    /// Its name.
    pub name: Arc<str>,
    /// The fixture that it began with, if it is not the one that the process was started with.
    pub fixture: Option<Arc<str>>,
    /// How long nobody has used it.
    pub idle: Duration,
    /// The tenant as it is.
    pub world: Arc<World>,
}

/// All tenants of a process.
#[derive(Debug)]
pub struct Worlds {
    plan: RwLock<Arc<ReadyPlan>>,
    default: WorldSlot,
    named: RwLock<BTreeMap<Arc<str>, Arc<WorldSlot>>>,
    limits: WorldLimits,
    started: Instant,
}

/// A plan, and what is made of it once.
#[derive(Debug)]
struct ReadyPlan {
    /// The settings, without entities.
    settings: Settings,
    /// The entities that tenants begin with unless a fixture is named.
    first: Seed,
    fixtures: BTreeMap<String, Seed>,
}

/// Entities to begin with.
#[derive(Debug)]
struct Seed {
    entities: Entities,
    /// The same as foundations, made when the first tenant needs them.
    foundations: OnceLock<Baselines>,
}

impl Seed {
    fn new(entities: Entities) -> Seed {
        Seed { entities, foundations: OnceLock::new() }
    }
}

impl ReadyPlan {
    fn new(mut plan: Plan) -> ReadyPlan {
        let first = Seed::new(std::mem::take(&mut plan.settings.entities));
        let fixtures = plan.fixtures.into_iter().map(|(name, entities)| (name, Seed::new(entities))).collect();
        ReadyPlan { settings: plan.settings, first, fixtures }
    }

    /// Returns a fresh default tenant. It keeps its entities for itself: it is the one that may have a great many, and change them all.
    fn default_world(&self) -> World {
        World::new(Settings { entities: self.first.entities.clone(), ..self.settings.clone() })
    }

    /// Returns a fresh tenant.
    fn world(&self, name: &str, fixture: Option<&str>) -> Result<World, WorldError> {
        let seed = match fixture {
            None => &self.first,
            Some(wanted) => self.fixtures.get(wanted).ok_or_else(|| self.unknown_fixture(wanted))?,
        };
        let foundations = seed.foundations.get_or_init(|| Baselines::of(&self.settings.schema, &seed.entities));
        let settings = Settings { seed: seed_of(name, self.settings.seed), ..self.settings.clone() };
        Ok(World::over(&settings, foundations))
    }

    fn unknown_fixture(&self, wanted: &str) -> WorldError {
        let names: Vec<&str> = self.fixtures.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none with a name".to_owned() } else { names.join(", ") };
        WorldError::Fixture(wanted.to_owned(), known)
    }
}

/// Returns the seed of a tenant: the same name has the same ids and chances in every run with the same seed, whatever others do.
fn seed_of(name: &str, seed: u64) -> u64 {
    if name == DEFAULT {
        return seed;
    }
    name.bytes().fold(mixed(seed), |seed, byte| mixed(seed ^ u64::from(byte)))
}

/// A tenant and what is known of it from outside.
#[derive(Debug)]
struct WorldSlot {
    fixture: Option<Arc<str>>,
    /// The tenant as it was when it was forked from another one; nothing if it was not.
    forked: Option<World>,
    /// The tenant as it is. Every request looks here, and must not write to memory that all cores use.
    current: ArcSwap<World>,
    /// Held by whoever replaces the tenant by what it makes of it.
    changing: Mutex<()>,
    /// When it was used last, in milliseconds since the process began.
    used: AtomicU64,
}

impl WorldSlot {
    fn new(world: World, fixture: Option<Arc<str>>, used: u64) -> WorldSlot {
        WorldSlot {
            fixture,
            forked: None,
            current: ArcSwap::from_pointee(world),
            changing: Mutex::new(()),
            used: AtomicU64::new(used),
        }
    }

    fn world(&self) -> Arc<World> {
        self.current.load_full()
    }

    fn replace(&self, world: World) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.current.store(Arc::new(world));
    }
}

impl Worlds {
    /// Returns the default tenant alone, and a plan for others.
    pub fn new(plan: Plan, limits: WorldLimits) -> Worlds {
        let made = ReadyPlan::new(plan);
        Worlds {
            default: WorldSlot::new(made.default_world(), None, 0),
            plan: RwLock::new(Arc::new(made)),
            named: RwLock::default(),
            limits,
            started: Instant::now(),
        }
    }

    /// Returns worlds in which a tenant is the default one.
    pub fn of(settings: Settings) -> Worlds {
        Worlds::new(Plan { settings, fixtures: BTreeMap::new() }, WorldLimits::default())
    }

    /// Returns the limits.
    pub fn limits(&self) -> WorldLimits {
        self.limits
    }

    /// Returns the names of the fixtures.
    pub fn fixtures(&self) -> Vec<String> {
        self.made().fixtures.keys().cloned().collect()
    }

    /// Returns the seed that all seeds of tenants follow from.
    pub fn seed(&self) -> u64 {
        self.made().settings.seed
    }

    /// Returns the tenant of requests that name none.
    pub fn default_world(&self) -> Arc<World> {
        self.default.world()
    }

    /// Returns the tenant of a request: the one that its path names, else the one of the header, else the one of the token where that is
    /// wanted, else the default one. A tenant that is not there yet is made.
    pub fn choose(&self, path: &str, headers: &HeaderMap) -> Result<Guard<Arc<World>>, WorldError> {
        let named = |name: &str| self.world(name).map(Guard::from_inner);
        if let Some(name) = prefix_of(path).strip_prefix(PREFIX) {
            return named(name);
        }
        // Walking over a handful of headers costs less than hashing a name.
        if let Some((_, name)) = headers.iter().find(|(name, _)| name.as_str() == TENANT) {
            return named(&String::from_utf8_lossy(name.as_bytes()));
        }
        match self.limits.by_token.then(|| caller::tenant_id(headers)).flatten() {
            Some(name) => named(&name),
            None => Ok(self.default.current.load()),
        }
    }

    /// Returns a tenant, which is made if it is not there.
    pub fn world(&self, name: &str) -> Result<Arc<World>, WorldError> {
        match self.slot(name) {
            Ok(slot) => Ok(slot.used(self.now()).world()),
            Err(WorldError::Unknown(_)) => match self.create(name, None) {
                // Somebody else was quicker.
                Err(WorldError::Taken(_)) => self.known(name),
                made => made,
            },
            Err(error) => Err(error),
        }
    }

    /// Returns a tenant that is there.
    pub fn known(&self, name: &str) -> Result<Arc<World>, WorldError> {
        Ok(self.slot(name)?.used(self.now()).world())
    }

    /// Makes a tenant, from a named fixture if one is given.
    pub fn create(&self, name: &str, fixture: Option<&str>) -> Result<Arc<World>, WorldError> {
        self.add(name, |made| {
            let world = made.world(name, fixture)?;
            Ok(WorldSlot::new(world, fixture.map(Arc::from), self.now()))
        })
    }

    /// Makes a tenant that begins where another one is.
    pub fn fork(&self, name: &str, fork: &str) -> Result<Arc<World>, WorldError> {
        let original = self.slot(name)?;
        self.add(fork, |_| {
            let beginning = original.world().fork();
            let slot = WorldSlot::new(beginning.fork(), original.fixture.clone(), self.now());
            Ok(WorldSlot { forked: Some(beginning), ..slot })
        })
    }

    fn add(&self, name: &str, make: impl FnOnce(&ReadyPlan) -> Result<WorldSlot, WorldError>) -> Result<Arc<World>, WorldError> {
        if !is_name(name) {
            return Err(WorldError::Name(name.to_owned()));
        }
        if name == DEFAULT || self.named.read().unwrap_or_else(PoisonError::into_inner).contains_key(name) {
            return Err(WorldError::Taken(name.to_owned()));
        }
        let is_full = || self.named.read().unwrap_or_else(PoisonError::into_inner).len() >= self.limits.worlds;
        if is_full() {
            self.sweep();
        }
        let slot = make(&self.made())?;
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

    /// Makes a tenant anew, as it was at its beginning; one that was forked from another as it was then.
    pub fn reset(&self, name: &str) -> Result<Arc<World>, WorldError> {
        let slot = self.slot(name)?;
        let made = self.made();
        let fresh = match &slot {
            WorldRef::Default(_) => made.default_world(),
            WorldRef::Named(named) => match &named.forked {
                Some(beginning) => beginning.fork(),
                None => made.world(name, named.fixture.as_deref())?,
            },
        };
        slot.used(self.now()).replace(fresh);
        Ok(slot.world())
    }

    /// Puts what a function makes of a tenant in its place, and returns it. Requests in flight are answered by the old one.
    pub fn change<E: From<WorldError>>(
        &self,
        name: &str,
        change: impl FnOnce(&World) -> Result<World, E>,
    ) -> Result<Arc<World>, E> {
        let slot = self.slot(name)?;
        let _changing = slot.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = Arc::new(change(&slot.current.load())?);
        slot.current.store(changed.clone());
        Ok(changed)
    }

    /// Drops a tenant. The default one cannot be dropped.
    pub fn drop_world(&self, name: &str) -> Result<(), WorldError> {
        if name == DEFAULT {
            return Err(WorldError::Default);
        }
        let dropped = self.named.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        dropped.map(drop).ok_or_else(|| WorldError::Unknown(name.to_owned()))
    }

    /// Drops the tenants that nobody has used for as long as the limits say, and returns how many there were.
    pub fn sweep(&self) -> usize {
        let now = self.now();
        let most = u64::try_from(self.limits.idle.as_millis()).unwrap_or(u64::MAX);
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        let mut idle = Vec::new();
        named.retain(|_, slot| {
            let is_idle = now.saturating_sub(slot.used.load(Ordering::Relaxed)) > most;
            if is_idle {
                idle.push(slot.clone());
            }
            !is_idle
        });
        drop(named);
        // Giving back their memory takes a while, and nobody should wait for that.
        idle.len()
    }

    /// Returns the default tenant and all others in the order of their names.
    pub fn list(&self) -> Vec<WorldInfo> {
        let default = WorldInfo { idle: Duration::ZERO, ..self.listed(&DEFAULT.into(), &self.default) };
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(default).chain(named.iter().map(|(name, slot)| self.listed(name, slot))).collect()
    }

    /// Tells of one tenant, which counts as used.
    pub fn tell(&self, name: &str) -> Result<WorldInfo, WorldError> {
        let slot = self.slot(name)?;
        Ok(self.listed(&name.into(), slot.used(self.now())))
    }

    fn listed(&self, name: &Arc<str>, slot: &WorldSlot) -> WorldInfo {
        let idle = Duration::from_millis(self.now().saturating_sub(slot.used.load(Ordering::Relaxed)));
        WorldInfo { name: name.clone(), fixture: slot.fixture.clone(), idle, world: slot.world() }
    }

    /// Takes another plan, from which tenants are made from now on, and makes the default tenant anew. Named tenants stay as they are until
    /// they are reset.
    pub fn replan(&self, plan: Plan) {
        let made = ReadyPlan::new(plan);
        let default = made.default_world();
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
        self.default.replace(default);
    }

    fn made(&self) -> Arc<ReadyPlan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns milliseconds since the process began.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn slot(&self, name: &str) -> Result<WorldRef<'_>, WorldError> {
        if name == DEFAULT {
            return Ok(WorldRef::Default(&self.default));
        }
        match self.named.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            Some(slot) => Ok(WorldRef::Named(slot.clone())),
            None if is_name(name) => Err(WorldError::Unknown(name.to_owned())),
            None => Err(WorldError::Name(name.to_owned())),
        }
    }
}

/// A tenant that is there.
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

impl WorldSlot {
    fn used(&self, now: u64) -> &WorldSlot {
        self.used.store(now, Ordering::Relaxed);
        self
    }
}

/// Whether a text can stand in an address as it is, as a segment of its own.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(is_part) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests;
