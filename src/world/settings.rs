//! Settings of a world.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::edm::schema::Schema;
use crate::policy::behavior::Behaviors;
use crate::world::budget::Budget;
use crate::world::clock::Clock;
use crate::world::fault::FaultRule;
use crate::world::fixture::Entities;
use crate::world::fixture::directory::Directory;
use crate::world::ids::random_seed;
use crate::world::journal::{self, Bounds, Journals};
use crate::world::store::{self, CollectionAddress, StoredEntity};
use crate::world::stub::Stubs;
use crate::world::workload::Workload;

/// The default page size. Graph's differs from API to API; 100 is a common one (concepts/paging of microsoft-graph-docs).
pub(crate) const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

/// The number of entities on a page that a client can ask for: that of users (learn.microsoft.com/graph/api/user-list).
pub(crate) const PAGE_LIMIT: NonZeroUsize = NonZeroUsize::new(999).expect("999 is not zero");

/// The settings from which a world is created.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The schema.
    pub schema: Arc<Schema>,
    /// The workloads whose rules the schema was read with, in the same order.
    pub workloads: &'static [&'static dyn Workload],
    /// The initial entities, in order. Keys are unique within a collection. A running world does not keep them.
    pub entities: Vec<(CollectionAddress, Arc<StoredEntity>)>,
    /// The choices where documentation and observation disagree.
    pub behaviors: Behaviors,
    /// The clock.
    pub clock: Clock,
    /// The seed of ids and random numbers.
    pub seed: u64,
    /// Whether the seed was chosen, so that a run can be repeated. Then keys of messages follow from it as well, and nothing encrypted with
    /// them is secret.
    pub is_reproducible: bool,
    /// Whether answers name the behaviors that decided them.
    pub explains: bool,
    /// Recorded answers for paths outside the schema.
    pub stubs: Option<Arc<Stubs>>,
    /// The initial fault rules.
    pub faults: Vec<FaultRule>,
    /// The limits of the journal.
    pub journal: Bounds,
    /// The journals of all worlds with these settings, which share a memory budget.
    pub journals: Arc<Journals>,
    /// The memory budget shared by the stores of all worlds with these settings.
    pub stores: Arc<Budget>,
    /// The number of entities on a page of a list whose client asks for no other number.
    pub page_size: NonZeroUsize,
    /// The largest number of entities on a page that a client can ask for; never below that of other pages.
    pub page_limit: NonZeroUsize,
    /// The policy for calls to connectors.
    pub connectors: Connectors,
    /// The authentication that requests need.
    pub auth: Auth,
    /// The applications and users that can sign in.
    pub directory: Arc<Directory>,
    /// The sign-in of users in a browser.
    pub sign_in: SignIn,
    /// Whether the tenant of a token names the world of a request. It follows from the limits of worlds.
    pub is_named_by_token: bool,
    /// The names of this server, without those of the loopback interface.
    pub hosts: Arc<[String]>,
}

/// The policy for calls to connectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connectors {
    /// The time limit for an answer.
    pub timeout: Duration,
    /// Whether public addresses may be called.
    pub may_be_remote: bool,
    /// The trusted certificate authorities, as DER. If empty, those of the system.
    pub authorities: Arc<[CertificateDer<'static>]>,
}

impl Default for Connectors {
    /// No calls to public addresses. In the published example of an update call the transaction expires 30 seconds after the change.
    fn default() -> Connectors {
        Connectors { timeout: Duration::from_secs(30), may_be_remote: false, authorities: Arc::new([]) }
    }
}

/// The authentication that requests need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// None: a readable token identifies the caller, anything else is ignored.
    #[default]
    Open,
    /// Any token.
    Bearer,
    /// A valid token of the emulator for Graph, with a permission for the operation.
    Strict,
}

/// The sign-in of users in a browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignIn {
    /// At once, without a page.
    #[default]
    Automatic,
    /// On a page.
    Page,
}

impl Settings {
    /// Returns the largest number of entities on a page.
    pub fn largest_page(&self) -> NonZeroUsize {
        self.page_limit.max(self.page_size)
    }

    /// Adds the applications and users of the directory to the initial entities, and to others that worlds are created with. A schema that
    /// has no place for them leaves sign-in with the directory alone.
    pub fn seed<'e>(&'e mut self, others: impl IntoIterator<Item = &'e mut Entities>) {
        if self.directory.is_seeded || (self.directory.applications.is_none() && self.directory.users.is_none()) {
            return;
        }
        let mut directory = (*self.directory).clone();
        let worlds = std::iter::once(&mut self.entities).chain(others);
        if directory.seed(&self.schema, &self.behaviors, worlds).is_ok() {
            self.directory = Arc::new(directory);
        }
    }

    /// Returns settings with no entities, the default behaviors, the system clock and a random seed. `workloads` are those whose rules
    /// the schema was read with, in the same order.
    pub fn new(schema: Arc<Schema>, workloads: &'static [&'static dyn Workload]) -> Settings {
        Settings {
            schema,
            workloads,
            entities: Vec::new(),
            behaviors: Behaviors::default(),
            clock: Clock::System,
            seed: random_seed(),
            is_reproducible: false,
            explains: false,
            connectors: Connectors::default(),
            stubs: None,
            faults: Vec::new(),
            journal: Bounds::default(),
            journals: Arc::new(Journals::new(journal::ALL_BYTES)),
            stores: Arc::new(Budget::new(store::ALL_BYTES)),
            page_size: PAGE_SIZE,
            page_limit: PAGE_LIMIT,
            auth: Auth::Open,
            directory: Arc::new(Directory::default()),
            sign_in: SignIn::Automatic,
            is_named_by_token: false,
            hosts: Arc::new([]),
        }
    }
}
