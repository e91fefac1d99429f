//! A tenant: one isolated world, with its own entities, clock, ids and behaviors.
//!
//! Everything that a request depends on belongs to its tenant, so that two tenants never see each other and a tenant that is made
//! again from the same settings answers the same requests with the same bytes.

pub mod chance;
pub mod fault;
pub mod fixture;
pub mod journal;
pub mod outbound;
pub mod store;
pub mod stub;
pub mod workload;
pub mod worlds;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use uuid::{Builder, Uuid};

use crate::edm::schema::Schema;
use crate::edm::value::{Entity, Value};
use crate::policy::behavior::Behaviors;
use crate::world::chance::mixed;
use crate::world::fault::{FaultRule, Faults};
use crate::world::fixture::directory::Directory;
use crate::world::journal::{Bounds, Budget, Journal};
use crate::world::store::{Baselines, CollectionAddress, Store};
use crate::world::stub::Stubs;
use crate::world::workload::Workload;

/// The usual size of a page. Graph's differs from API to API; 100 is a common one (concepts/paging of microsoft-graph-docs).
pub const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

/// What a tenant is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The workloads whose rules the schema was read with, in the same order.
    pub workloads: &'static [&'static dyn Workload],
    /// The entities that are there from the start, in their order. Keys are unique in their place.
    pub entities: Vec<(CollectionAddress, Arc<Entity>)>,
    /// What the tenant does where sources disagree.
    pub behaviors: Behaviors,
    /// The clock.
    pub clock: Clock,
    /// What ids are derived from.
    pub seed: u64,
    /// Whether answers name the rows that decided them.
    pub explains: bool,
    /// What is served where the schema knows no path.
    pub stubs: Option<Arc<Stubs>>,
    /// The rules of faults.
    pub faults: Vec<FaultRule>,
    /// How much the journal keeps.
    pub journal: Bounds,
    /// How much the journals of all tenants made from these settings keep together.
    pub journals: Arc<Budget>,
    /// How many entities a page of a list shows at most.
    pub page_size: NonZeroUsize,
    /// How connectors are called.
    pub connectors: Connectors,
    /// How much of a token a request needs.
    pub auth: Auth,
    /// The applications and users that may sign in.
    pub directory: Arc<Directory>,
}

/// How connectors are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connectors {
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether calls may leave this machine and private networks.
    pub may_be_remote: bool,
    /// The authorities whose certificates are believed, each as DER; those of the system if there are none.
    pub authorities: Arc<[CertificateDer<'static>]>,
}

impl Default for Connectors {
    /// Calls stay near. In the published example of an update call the transaction expires 30 seconds after the change was made.
    fn default() -> Connectors {
        Connectors { timeout: Duration::from_secs(30), may_be_remote: false, authorities: Arc::new([]) }
    }
}

/// How much of a token a request needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nothing: a token that can be read says who calls, anything else is ignored.
    #[default]
    Open,
    /// Any token.
    Bearer,
    /// A token of the emulator's own, for Graph, in its time, with a permission for the operation.
    Strict,
}

impl Settings {
    /// Returns settings with the built-in schema, no entities, the default behaviors, the system's clock and a random seed.
    pub fn new() -> Settings {
        Settings {
            schema: Arc::new(Schema::shipped()),
            workloads: crate::workloads::ALL,
            entities: Vec::new(),
            behaviors: Behaviors::default(),
            clock: Clock::System,
            seed: random_seed(),
            explains: false,
            connectors: Connectors::default(),
            stubs: None,
            faults: Vec::new(),
            journal: Bounds::default(),
            journals: Arc::default(),
            page_size: PAGE_SIZE,
            auth: Auth::Open,
            directory: Arc::new(Directory::default()),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new()
    }
}

/// Returns a seed that differs from run to run. The standard library's hash keys are the randomness of the system.
pub fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(SystemTime::now())
}

/// Where a tenant's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that stands still.
    Fixed(SystemTime),
    /// A clock that runs with the system's, so many milliseconds before or behind it.
    Shifted(i64),
}

impl Clock {
    /// Returns the time.
    pub fn now(self) -> SystemTime {
        match self {
            Clock::System => SystemTime::now(),
            Clock::Fixed(time) => time,
            Clock::Shifted(millis) => moved(SystemTime::now(), millis),
        }
    }

    /// Returns the clock that stands where this one is.
    #[must_use]
    pub fn frozen(self) -> Clock {
        Clock::Fixed(self.now())
    }

    /// Returns the clock that runs on from where this one is.
    #[must_use]
    pub fn running(self) -> Clock {
        match self {
            Clock::Fixed(time) => Clock::Shifted(unix_millis(time).saturating_sub(unix_millis(SystemTime::now()))),
            running => running,
        }
    }

    /// Returns a clock that is so many milliseconds ahead of this one, or behind it if they are negative.
    #[must_use]
    pub fn advanced(self, millis: i64) -> Clock {
        match self {
            Clock::System => Clock::Shifted(millis),
            Clock::Fixed(time) => Clock::Fixed(moved(time, millis)),
            Clock::Shifted(already) => Clock::Shifted(already.saturating_add(millis)),
        }
    }
}

/// The last time that a clock shows: the service's dates end with the year 9999.
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// Moves a time, but not beyond 1970 and 9999.
fn moved(time: SystemTime, millis: i64) -> SystemTime {
    let moved = unix_millis(time).saturating_add(millis).clamp(0, LAST_MILLIS);
    UNIX_EPOCH + Duration::from_millis(u64::try_from(moved).unwrap_or_default())
}

/// What every path of a tenant begins with that the client names there.
pub const PREFIX: &str = "/_tenant/";

/// Returns the part of a path that names a tenant, `/_tenant/{name}`; it is empty where there is none.
pub fn prefix_of(path: &str) -> &str {
    match path.strip_prefix(PREFIX) {
        Some(rest) => &path[..PREFIX.len() + rest.find('/').unwrap_or(rest.len())],
        None => "",
    }
}

/// Returns milliseconds since the Unix epoch, the resolution of the service's timestamps. Times before it count as it.
pub fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// One isolated world.
///
/// It is a value: other behaviors or another clock make another tenant, which shares with this one what lasts.
#[derive(Debug)]
pub struct World {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The workloads whose rules the schema was read with, in the same order.
    pub workloads: &'static [&'static dyn Workload],
    /// What the tenant does where sources disagree.
    pub behaviors: Behaviors,
    /// The clock.
    pub clock: Clock,
    /// The entities.
    pub store: Arc<Store>,
    /// The rules of faults.
    pub faults: Arc<Faults>,
    /// What was asked and answered.
    pub journal: Arc<Journal>,
    /// Whether answers name the rows that decided them.
    pub explains: bool,
    /// How connectors are called.
    pub connectors: Connectors,
    /// What is served where the schema knows no path.
    pub stubs: Option<Arc<Stubs>>,
    /// How many entities a page of a list shows at most.
    pub page_size: NonZeroUsize,
    /// How much of a token a request needs.
    pub auth: Auth,
    /// The applications and users that may sign in.
    pub directory: Arc<Directory>,
    /// The value that says who modified what a request without a token writes, made when it is first needed.
    pub local_caller: OnceLock<Value>,
    seed: u64,
    ids: Arc<IdCounters>,
}

/// How many ids were given out.
#[derive(Debug, Default)]
struct IdCounters {
    entities: Counter,
    requests: Counter,
    chances: Counter,
    messages: Counter,
}

/// A counter that shares no cache line with what all cores only read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// Streams of ids: each has a counter of its own, so that one kind of request does not shift the ids of another.
#[derive(Clone, Copy)]
enum Stream {
    Entity = 1,
    Request = 2,
    Chance = 3,
    Message = 4,
}

impl World {
    /// Makes a tenant.
    pub fn new(mut settings: Settings) -> World {
        let store = Store::new(&settings.schema);
        for (place, entity) in std::mem::take(&mut settings.entities) {
            // Keys are unique by the contract of the settings; of two with one key the first stays.
            let _ = store.at(&place).insert(entity);
        }
        World::with_store(&settings, store)
    }

    /// Makes a tenant whose entities are those of foundations, and not those of the settings.
    pub fn over(settings: &Settings, foundations: &Baselines) -> World {
        World::with_store(settings, Store::over(foundations))
    }

    fn with_store(settings: &Settings, store: Store) -> World {
        World {
            schema: settings.schema.clone(),
            workloads: settings.workloads,
            behaviors: settings.behaviors.clone(),
            clock: settings.clock,
            store: Arc::new(store),
            faults: Arc::new(Faults::new(settings.faults.clone(), settings.seed)),
            journal: Arc::new(Journal::new(settings.journal, settings.journals.clone())),
            explains: settings.explains,
            connectors: settings.connectors.clone(),
            stubs: settings.stubs.clone(),
            page_size: settings.page_size,
            auth: settings.auth,
            directory: settings.directory.clone(),
            local_caller: OnceLock::new(),
            seed: settings.seed,
            ids: Arc::default(),
        }
    }

    /// Returns the same tenant with other behaviors.
    #[must_use]
    pub fn with_behaviors(&self, behaviors: Behaviors) -> World {
        World { behaviors, ..self.shared() }
    }

    /// Returns the same tenant with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> World {
        World { clock, ..self.shared() }
    }

    /// Returns a tenant that begins where this one is: with its entities, its settings and its counters, and an empty journal.
    #[must_use]
    pub fn fork(&self) -> World {
        let count = |counter: &Counter| Counter(AtomicU64::new(counter.0.load(Ordering::Relaxed)));
        let rules = self.faults.rules().into_iter().map(|(rule, _)| rule).collect();
        World {
            store: Arc::new(Store::over(&self.foundations())),
            faults: Arc::new(Faults::new(rules, self.seed)),
            journal: Arc::new(self.journal.another()),
            ids: Arc::new(IdCounters {
                entities: count(&self.ids.entities),
                requests: count(&self.ids.requests),
                chances: count(&self.ids.chances),
                messages: count(&self.ids.messages),
            }),
            ..self.shared()
        }
    }

    /// Returns the same tenant with other entities.
    #[must_use]
    pub fn with_entities(&self, entities: &[(CollectionAddress, Arc<Entity>)]) -> World {
        World { store: Arc::new(Store::over(&Baselines::of(&self.schema, entities))), ..self.shared() }
    }

    /// Returns the entities as they are now.
    pub fn foundations(&self) -> Baselines {
        Baselines::of(&self.schema, &self.store.entities())
    }

    /// Returns the number from which ids and chances follow.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn shared(&self) -> World {
        World {
            schema: self.schema.clone(),
            workloads: self.workloads,
            behaviors: self.behaviors.clone(),
            clock: self.clock,
            store: self.store.clone(),
            faults: self.faults.clone(),
            journal: self.journal.clone(),
            explains: self.explains,
            page_size: self.page_size,
            auth: self.auth,
            directory: self.directory.clone(),
            connectors: self.connectors.clone(),
            stubs: self.stubs.clone(),
            // It may depend on what becomes another.
            local_caller: OnceLock::new(),
            seed: self.seed,
            ids: self.ids.clone(),
        }
    }

    /// Returns the next id for a created entity.
    pub fn next_entity_id(&self) -> Uuid {
        self.uuid(Stream::Entity, &self.ids.entities)
    }

    /// Returns the next id for a request.
    pub fn next_request_id(&self) -> Uuid {
        self.uuid(Stream::Request, &self.ids.requests)
    }

    /// Returns a number that tells what this tenant has made from what others have. It does not tell the seed.
    pub fn secret(&self) -> u64 {
        mixed(self.seed ^ u64::from_be_bytes(*b"skiptokn"))
    }

    /// Returns the next random number below a bound.
    pub fn next_chance(&self, bound: usize) -> usize {
        let number = self.uuid(Stream::Chance, &self.ids.chances).as_u128();
        // The lower half has bits that mark the form of an id; the quotient of so many others is as good as even.
        let high = (number >> 80) * bound as u128;
        usize::try_from(high >> 48).unwrap_or_default()
    }

    /// Returns the next bytes for the key of an encrypted message.
    pub fn next_message_bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        for part in bytes.chunks_exact_mut(16) {
            part.copy_from_slice(&self.bits(Stream::Message, &self.ids.messages));
        }
        bytes
    }

    /// Returns the next id for a transaction of which a connector is told.
    pub fn next_transaction_id(&self) -> Uuid {
        self.uuid(Stream::Message, &self.ids.messages)
    }

    fn uuid(&self, stream: Stream, counter: &Counter) -> Uuid {
        Builder::from_random_bytes(self.bits(stream, counter)).into_uuid()
    }

    fn bits(&self, stream: Stream, counter: &Counter) -> [u8; 16] {
        let count = counter.0.fetch_add(1, Ordering::Relaxed);
        let high = mixed(self.seed ^ mixed(count.wrapping_mul(4).wrapping_add(stream as u64)));
        let low = mixed(high ^ self.seed.rotate_left(32));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..].copy_from_slice(&low.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_follow_from_the_seed_and_do_not_repeat() {
        let settings = Settings { seed: 7, ..Settings::new() };
        let (first, second) = (World::new(settings.clone()), World::new(settings));
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let id = first.next_entity_id();
            assert_eq!(id, second.next_entity_id());
            assert_eq!(id.get_version_num(), 4);
            assert!(seen.insert(id) && seen.insert(first.next_request_id()));
        }
        let changed = first.with_clock(Clock::System.frozen());
        assert_eq!(changed.next_entity_id(), second.next_entity_id(), "a tenant with another clock counts on");
        assert_eq!(first.fork().next_entity_id(), second.next_entity_id(), "so does a fork");
        assert!(!seen.contains(&World::new(Settings { seed: 8, ..Settings::new() }).next_entity_id()));
    }

    #[test]
    fn clocks_are_frozen_set_running_and_moved() {
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let clock = Clock::Fixed(time);
        assert_eq!(clock.advanced(1_500).now(), time + Duration::from_millis(1_500));
        assert_eq!(clock.advanced(-2_000_000_000).now(), UNIX_EPOCH);
        assert_eq!(unix_millis(clock.advanced(i64::MAX).now()), LAST_MILLIS);
        let (ahead, system) = (Clock::System.advanced(3_600_000), SystemTime::now());
        assert!(
            ahead.now() > system + Duration::from_secs(3_590)
                && ahead.advanced(-3_600_000).now() < system + Duration::from_secs(60)
        );
        let frozen = ahead.frozen();
        assert_eq!(frozen.now(), frozen.now());
        let running = clock.running().now();
        assert!(running >= time && running < time + Duration::from_secs(60));
    }

    #[test]
    fn a_prefix_ends_with_the_name() {
        for (path, prefix) in [
            ("/_tenant/a/v1.0/x", "/_tenant/a"),
            ("/_tenant/a", "/_tenant/a"),
            ("/_tenant//v1.0", "/_tenant/"),
            ("/_tenant", ""),
            ("/v1.0/_tenant/a", ""),
            ("", ""),
        ] {
            assert_eq!(prefix_of(path), prefix, "{path}");
        }
    }
}
