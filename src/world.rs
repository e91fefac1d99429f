//! A world: an isolated sandbox with its own entities, clock, ids and behaviors.
//!
//! Worlds share no state, and a world created again from the same settings answers the same requests with the same bytes.

pub(crate) mod budget;
pub(crate) mod chance;
pub(crate) mod clock;
pub(crate) mod fault;
pub(crate) mod fixture;
pub(crate) mod id_form;
pub(crate) mod ids;
pub(crate) mod journal;
pub(crate) mod links;
pub(crate) mod name;
pub(crate) mod outbound;
pub(crate) mod outbox;
pub(crate) mod regular_file;
pub(crate) mod settings;
pub(crate) mod sign_ins;
pub(crate) mod store;
pub(crate) mod stub;
pub(crate) mod uploads;
pub(crate) mod workload;
pub(crate) mod worlds;

use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};

use uuid::Uuid;

use crate::edm::schema::Schema;
use crate::edm::value::Value;
use crate::policy::behavior::{Behaviors, ComplexUpdate};
use crate::world::clock::Clock;
use crate::world::fault::Faults;
use crate::world::ids::IdSource;
use crate::world::journal::{Bounds, Journal};
use crate::world::outbox::Outbox;
use crate::world::settings::{Auth, Settings};
use crate::world::sign_ins::SignIns;
use crate::world::store::{Baselines, Store, StoreFull};
use crate::world::stub::StubTurns;
use crate::world::uploads::Uploads;

/// An isolated sandbox.
///
/// It is a value: a change of behaviors or clock gives another world, which shares entities, faults, journal and ids with this one.
/// Its settings are available as fields, for example `world.clock`.
#[derive(Debug)]
pub struct World {
    /// The settings, without the initial entities.
    pub settings: Arc<Settings>,
    /// The entities.
    pub store: Arc<Store>,
    /// The fault rules and their counts.
    pub faults: Arc<Faults>,
    /// The recorded requests and answers.
    pub journal: Arc<Journal>,
    /// The memory of sign-in.
    pub sign_ins: Arc<SignIns>,
    /// The cached identity of callers without a token, as written into `lastModifiedBy` and the like.
    pub local_caller: OnceLock<Value>,
    /// Held from a check of other entities, such as that none has a unique value, until the change that it permits is stored.
    pub unique_values: Arc<Mutex<()>>,
    /// The content that arrives in fragments.
    pub uploads: Arc<Uploads>,
    /// The turns of stubs with several answers.
    pub stub_turns: Arc<StubTurns>,
    /// The notifications that wait until they are sent.
    pub outbox: Arc<Outbox>,
    ids: Arc<IdSource>,
    /// The same world with the whole schema.
    widened: OnceLock<Arc<World>>,
}

impl Deref for World {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl World {
    /// Creates a world, beyond the limit of all stores if need be.
    pub fn new(mut settings: Settings) -> World {
        settings.seed([]);
        let store = Store::new(&settings.schema, &settings.stores);
        for (address, entity) in std::mem::take(&mut settings.entities) {
            store.insert_initial(&address, entity);
        }
        World::on(settings, store)
    }

    /// Creates a world on shared baselines. The initial entities of the settings are ignored.
    pub fn over(settings: Settings, baselines: &Baselines) -> World {
        World::on(Settings { entities: Vec::new(), ..settings }, Store::over(baselines))
    }

    /// Creates the world of clients that name none. The initial entities of the settings are ignored.
    pub fn first(settings: Settings, baselines: &Baselines) -> World {
        World::on(Settings { entities: Vec::new(), ..settings }, Store::over(baselines).for_all())
    }

    fn on(settings: Settings, store: Store) -> World {
        let mut sets = settings.workloads.iter().filter_map(|workload| workload.watching_set());
        let subscriptions = sets.find_map(|name| settings.schema.set_named(name));
        let world = World {
            store: Arc::new(store),
            faults: Arc::new(Faults::within(settings.faults.clone(), settings.seed, &settings.stores)),
            journal: Arc::new(Journal::new(settings.journal, settings.journals.clone())),
            sign_ins: Arc::new(SignIns::new(&settings.stores)),
            local_caller: OnceLock::new(),
            unique_values: Arc::default(),
            uploads: Arc::default(),
            stub_turns: Arc::default(),
            outbox: Arc::new(Outbox::new(subscriptions)),
            ids: Arc::new(IdSource::new(settings.seed, !settings.is_reproducible)),
            settings: Arc::new(settings),
            widened: OnceLock::new(),
        };
        world.wake_outbox();
        world
    }

    /// Returns the world as the current one of its kind: its notifications are sent as long as it is.
    pub(crate) fn into_current(self) -> Arc<World> {
        let world = Arc::new(self);
        world.outbox.belongs_to(&world);
        world
    }

    /// Lets the subscriptions of the initial state have attention, if there are any.
    fn wake_outbox(&self) {
        if self.outbox.subscriptions().is_some_and(|set| !self.store.collection(set).is_empty()) {
            self.outbox.wake();
        }
    }

    /// Returns the same world with other behaviors.
    #[must_use]
    pub fn with_behaviors(&self, behaviors: Behaviors) -> World {
        self.with_settings(Settings { behaviors, ..self.settings.as_ref().clone() })
    }

    /// Returns the same world with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> World {
        self.with_settings(Settings { clock, ..self.settings.as_ref().clone() })
    }

    fn with_settings(&self, settings: Settings) -> World {
        World { settings: Arc::new(settings), ..self.shared() }
    }

    /// Returns the same world for changes by a person who looks at it: they need no token, no stub answers in place of the world, neither
    /// fault rules nor the journal concern them, and the members of a complex value that they do not name are kept.
    #[must_use]
    pub(crate) fn for_edits(&self) -> World {
        let behaviors = Behaviors { complex_update: ComplexUpdate::Keep, ..self.behaviors.clone() };
        let settings = Settings { auth: Auth::Open, stubs: None, behaviors, ..self.settings.as_ref().clone() };
        World {
            faults: Arc::new(Faults::within(Vec::new(), self.seed, &self.stores)),
            journal: Arc::new(Journal::new(Bounds::OFF, self.journals.clone())),
            ..self.with_settings(settings)
        }
    }

    /// Returns a world that continues from this one: with its entities, settings, fault rules and counters, and an empty journal. The two
    /// share the entities until one of them changes them.
    ///
    /// # Errors
    ///
    /// Fails if an index of the entities, or the rules, exceed the limit of all stores.
    pub fn fork(&self) -> Result<World, StoreFull> {
        let full = |_| StoreFull::of_all(self.stores.limit());
        self.fork_with(self.faults.fork(self.seed).map_err(full)?)
    }

    /// Returns a world that begins like this one, the initial state of a fork. Its rules are not refused for want of memory.
    ///
    /// # Errors
    ///
    /// Fails if an index of the entities exceeds the limit of all stores, which it never does the second time.
    pub fn begin_again(&self) -> Result<World, StoreFull> {
        let rules = self.faults.rules().into_iter().map(|(rule, _)| rule).collect();
        self.fork_with(Faults::within(rules, self.seed, &self.stores))
    }

    fn fork_with(&self, faults: Faults) -> Result<World, StoreFull> {
        let world = World {
            store: Arc::new(Store::over(&self.store.baselines()?).imported_as(&self.store)),
            faults: Arc::new(faults),
            journal: Arc::new(self.journal.another()),
            sign_ins: Arc::new(SignIns::new(&self.stores)),
            unique_values: Arc::default(),
            uploads: Arc::default(),
            stub_turns: Arc::default(),
            outbox: Arc::new(Outbox::new(self.outbox.subscriptions())),
            ids: Arc::new(self.ids.fork()),
            ..self.shared()
        };
        world.wake_outbox();
        Ok(world)
    }

    /// Returns the same world with other entities.
    #[must_use]
    pub fn with_store(&self, store: Store) -> World {
        let world = World { store: Arc::new(store), ..self.shared() };
        world.wake_outbox();
        world
    }

    /// Returns whether the world is still as it was created, except for its journal and the ids of its requests.
    pub fn is_unchanged(&self) -> bool {
        self.store.is_unchanged() && self.faults.are_untouched() && self.sign_ins.is_untouched() && self.ids.are_unused()
    }

    /// Returns the seed of ids and random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn shared(&self) -> World {
        World {
            settings: self.settings.clone(),
            store: self.store.clone(),
            faults: self.faults.clone(),
            journal: self.journal.clone(),
            sign_ins: self.sign_ins.clone(),
            // It may depend on the part that changes.
            local_caller: OnceLock::new(),
            unique_values: self.unique_values.clone(),
            uploads: self.uploads.clone(),
            stub_turns: self.stub_turns.clone(),
            outbox: self.outbox.clone(),
            ids: self.ids.clone(),
            widened: OnceLock::new(),
        }
    }

    /// Returns the world with all of its schema, and reads the rest of that if nothing has yet: the same world, with the same entities. From
    /// then on it is the current one.
    pub fn widen(&self) -> &World {
        match self.schema.whole() {
            Some(whole) => self.widened_over(self.store.widened(whole), whole),
            None => self,
        }
    }

    /// Returns the world with all of its schema if it was widened, else the world itself.
    pub fn current(&self) -> &World {
        self.widened().map_or(self, |world| world)
    }

    /// Returns the world with all of its schema if it was widened.
    pub fn widened(&self) -> Option<&Arc<World>> {
        let store = self.store.as_widened()?;
        Some(self.widened_over(store, self.schema.whole()?))
    }

    fn widened_over(&self, store: &Arc<Store>, schema: &Arc<Schema>) -> &Arc<World> {
        self.widened.get_or_init(|| {
            let settings = Settings { schema: schema.clone(), ..self.settings.as_ref().clone() };
            Arc::new(World { settings: Arc::new(settings), store: store.clone(), ..self.shared() })
        })
    }

    /// Returns how many hold the world with all of its schema beside the world itself.
    pub(crate) fn widened_holders(&self) -> usize {
        self.widened.get().map_or(0, |world| Arc::strong_count(world) - 1)
    }

    /// Returns the next id for a created entity.
    pub fn next_entity_id(&self) -> Uuid {
        self.ids.next_entity_id()
    }

    /// Returns the next id for a request.
    pub fn next_request_id(&self) -> Uuid {
        self.ids.next_request_id()
    }

    /// Returns the next id for a transaction in a call to a connector.
    pub fn next_transaction_id(&self) -> Uuid {
        self.ids.next_transaction_id()
    }

    /// Returns the next id for a code or token.
    pub fn next_token_id(&self) -> Uuid {
        self.ids.next_token_id()
    }

    /// Returns the next id for the tag of an entity.
    pub fn next_tag_id(&self) -> Uuid {
        self.ids.next_tag_id()
    }

    /// Returns the data key and the initialization vector of the next encrypted message. They are secret unless the seed was chosen.
    pub fn next_message_bytes(&self) -> [u8; 48] {
        self.ids.next_message_bytes()
    }

    /// Returns the key that signs addresses that need no token. No other world has it.
    pub fn address_key(&self) -> &[u8; 32] {
        self.ids.address_key()
    }

    /// Returns the id of the next upload session, which grants access to it.
    pub fn next_upload_id(&self) -> u128 {
        self.ids.next_upload_id()
    }

    /// Returns the next random number below a bound.
    pub fn next_chance(&self, bound: usize) -> usize {
        self.ids.next_chance(bound)
    }

    /// Returns a number that identifies this world's seed.
    pub fn secret(&self) -> u64 {
        self.ids.fingerprint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_follow_from_the_seed_and_do_not_repeat() {
        let settings = Settings { seed: 7, ..crate::workloads::settings() };
        let (first, second) = (World::new(settings.clone()), World::new(settings));
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let id = first.next_entity_id();
            assert_eq!(id, second.next_entity_id());
            assert_eq!(id.get_version_num(), 4);
            assert!(seen.insert(id) && seen.insert(first.next_request_id()));
        }
        let changed = first.with_clock(Clock::System.frozen());
        assert_eq!(changed.next_entity_id(), second.next_entity_id(), "a world with another clock counts on");
        assert_eq!(first.fork().unwrap().next_entity_id(), second.next_entity_id(), "so does a fork");
        assert!(!seen.contains(&World::new(Settings { seed: 8, ..crate::workloads::settings() }).next_entity_id()));
    }

    #[test]
    fn a_running_world_does_not_keep_its_initial_entities() {
        let settings = crate::workloads::settings();
        let entities = fixture::shipped(&settings.schema, &settings.behaviors).unwrap();
        let baselines = Baselines::of(&settings.schema, &entities, &settings.stores);
        let settings = Settings { entities, ..settings };
        for world in [World::over(settings.clone(), &baselines), World::new(settings)] {
            assert!(world.settings.entities.is_empty() && !world.store.entities().is_empty());
            assert!(world.with_clock(Clock::System.frozen()).settings.entities.is_empty());
        }
    }
}
