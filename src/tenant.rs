//! A tenant: one isolated world, with its own entities, clock, ids and behaviors.
//!
//! Everything that a request depends on belongs to its tenant, so that two tenants never see each other and a tenant that is made
//! again from the same settings answers the same requests with the same bytes.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use uuid::{Builder, Uuid};

use crate::behavior::Behaviors;
use crate::fixture::directory::Directory;
use crate::model::{Schema, SetId};
use crate::odata::value::{Entity, Value};
use crate::store::Store;

/// The usual size of a page. Graph's differs from API to API; 100 is a common one (concepts/paging of microsoft-graph-docs).
pub const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

/// What a tenant is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The entities that are there from the start, in their order. Keys are unique in their set.
    pub entities: Vec<(SetId, Arc<Entity>)>,
    /// What the tenant does where sources disagree.
    pub behaviors: Behaviors,
    /// The clock.
    pub clock: Clock,
    /// What ids are derived from.
    pub seed: u64,
    /// Whether answers name the rows that decided them.
    pub explains: bool,
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
            entities: Vec::new(),
            behaviors: Behaviors::default(),
            clock: Clock::System,
            seed: random_seed(),
            explains: false,
            connectors: Connectors::default(),
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
}

impl Clock {
    /// Returns the time.
    pub fn now(self) -> SystemTime {
        match self {
            Clock::System => SystemTime::now(),
            Clock::Fixed(time) => time,
        }
    }
}

/// Returns milliseconds since the Unix epoch, the resolution of the service's timestamps. Times before it count as it.
pub fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// One isolated world.
#[derive(Debug)]
pub struct Tenant {
    /// The schema.
    pub schema: Arc<Schema>,
    /// What the tenant does where sources disagree.
    pub behaviors: Behaviors,
    /// The clock.
    pub clock: Clock,
    /// The entities.
    pub store: Store,
    /// Whether answers name the rows that decided them.
    pub explains: bool,
    /// How connectors are called.
    pub connectors: Connectors,
    /// How many entities a page of a list shows at most.
    pub page_size: NonZeroUsize,
    /// How much of a token a request needs.
    pub auth: Auth,
    /// The applications and users that may sign in.
    pub directory: Arc<Directory>,
    /// The value that says who modified what a request without a token writes, made when it is first needed.
    pub local_caller: OnceLock<Value>,
    seed: u64,
    entity_ids: Counter,
    request_ids: Counter,
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

impl Tenant {
    /// Makes a tenant.
    pub fn new(settings: Settings) -> Tenant {
        let store = Store::new(settings.schema.sets().len());
        for (set, entity) in settings.entities {
            // Keys are unique by the contract of the settings; of two with one key the first stays.
            let _ = store.collection(set).insert(entity);
        }
        Tenant {
            schema: settings.schema,
            behaviors: settings.behaviors,
            clock: settings.clock,
            store,
            explains: settings.explains,
            connectors: settings.connectors,
            page_size: settings.page_size,
            auth: settings.auth,
            directory: settings.directory,
            local_caller: OnceLock::new(),
            seed: settings.seed,
            entity_ids: Counter::default(),
            request_ids: Counter::default(),
            chances: Counter::default(),
            messages: Counter::default(),
        }
    }

    /// Returns the next id for a created entity.
    pub fn next_entity_id(&self) -> Uuid {
        self.uuid(Stream::Entity, &self.entity_ids)
    }

    /// Returns the next id for a request.
    pub fn next_request_id(&self) -> Uuid {
        self.uuid(Stream::Request, &self.request_ids)
    }

    /// Returns a number that tells what this tenant has made from what others have. It does not tell the seed.
    pub fn secret(&self) -> u64 {
        mixed(self.seed ^ u64::from_be_bytes(*b"skiptokn"))
    }

    /// Returns the next random number below a bound.
    pub fn next_chance(&self, bound: usize) -> usize {
        let number = self.uuid(Stream::Chance, &self.chances).as_u128();
        // The lower half has bits that mark the form of an id; the quotient of so many others is as good as even.
        let high = (number >> 80) * bound as u128;
        usize::try_from(high >> 48).unwrap_or_default()
    }

    /// Returns the next bytes for the key of an encrypted message.
    pub fn next_message_bytes(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        for part in bytes.chunks_exact_mut(16) {
            part.copy_from_slice(&self.bits(Stream::Message, &self.messages));
        }
        bytes
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

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): spreads neighboring numbers over all 64 bits, one to one.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_follow_from_the_seed_and_do_not_repeat() {
        let settings = Settings { seed: 7, ..Settings::new() };
        let (first, second) = (Tenant::new(settings.clone()), Tenant::new(settings));
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let id = first.next_entity_id();
            assert_eq!(id, second.next_entity_id());
            assert_eq!(id.get_version_num(), 4);
            assert!(seen.insert(id) && seen.insert(first.next_request_id()));
        }
        assert!(!seen.contains(&Tenant::new(Settings { seed: 8, ..Settings::new() }).next_entity_id()));
    }
}
