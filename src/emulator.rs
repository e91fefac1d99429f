//! The emulator in a Rust test: on a free port or without any socket, with its entities, journal and faults at hand.
//!
//! ```
//! use wfi_emulator::emulator::{Emulator, Expectation, JournalQuery, Secrets};
//!
//! let emulator = Emulator::start()?;
//! let base = emulator.uri(); // such as http://127.0.0.1:41573, for the client under test
//! # use std::io::{Read as _, Write as _};
//! # let mut client = std::net::TcpStream::connect(base.strip_prefix("http://").unwrap())?;
//! # client.write_all(b"GET /v1.0/teamwork/workforceIntegrations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! # client.read_to_string(&mut String::new())?;
//! // … the client lists the integrations …
//! let listed = Expectation { of: JournalQuery { method: Some(http::Method::GET), ..JournalQuery::default() }, ..Expectation::default() };
//! emulator.world().journal.verify(&listed, Secrets::Hidden).assert();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without sockets, requests are values:
//!
//! ```
//! use wfi_emulator::emulator::Emulator;
//!
//! let emulator = Emulator::builder().seed(1).fixtures_json(r#"{"workforceIntegrations": [{"id": "WFI_1"}]}"#)?.build();
//! let request = http::Request::get("/v1.0/teamwork/workforceIntegrations/WFI_1").body(bytes::Bytes::new())?;
//! let response = emulator.send(request);
//! assert_eq!(response.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `cli` (default): the program; a test suite leaves it out with `default-features = false`.
//! - `tls` (part of `cli`): HTTPS with a certificate of a local authority, HTTP/2, and the system's root certificates for calls to
//!   connectors. Without it such calls need [`Connectors::authorities`] where they use HTTPS.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::sync::oneshot;

#[cfg(feature = "tls")]
use crate::edge::certificate;
use crate::edge::control::{Control, Peer};
use crate::edge::proxy::Proxy;
use crate::edge::server::{self, Workers};
use crate::edge::service::{self, Progress, Service};
use crate::graph::request::{Body, Via};
use crate::workloads::documents::Documents;
use crate::world::budget::Budget;
use crate::world::fixture::{self, Entities};
use crate::world::name::DEFAULT;
use crate::world::settings::Settings;
use crate::world::stub::Stubs;
use crate::world::worlds::Plan;

#[cfg(feature = "tls")]
pub use crate::edge::certificate::{Authority, CertificateError};
pub use crate::edm::pattern::{Pattern, PatternError};
use crate::edm::schema::Schema;
pub use crate::edm::schema::Version;
pub use crate::policy::behavior::{Behaviors, Profile, SetError};
pub use crate::report::{
    Finding, OperationUse, PermissionKinds, PermissionReport, Report, ReportForm, RuleSelection, Severity, Sighting,
};
pub use crate::world::World;
pub use crate::world::clock::Clock;
pub use crate::world::fault::{Delay, Effect, FaultRule, Limit, RequestSelector, SlowBody};
pub use crate::world::fixture::FixtureError;
pub use crate::world::journal::{
    Bounds, Destination, Expectation, Journal, JournalExchange, JournalQuery, Secrets, TextCondition, Times, VerificationReport,
};
pub use crate::world::settings::{Auth, Connectors};
pub use crate::world::worlds::{WorldError, WorldInfo, WorldLimits, Worlds};

/// The number of threads that serve the connections of an emulator.
const THREADS: usize = 2;

/// The calls of Shifts to a connector, for tests of one: decryption, requests, responses.
pub mod connector {
    pub use crate::edm::date_time::DateTimeOffset;
    pub use crate::workloads::shifts::envelope::{EnvelopeError, MessageKeys, Secret, decrypt, encrypt};
    pub use crate::workloads::shifts::message::{Element, Requests, ResponseItem, Responses};
    pub use crate::workloads::shifts::outbound_message::PASSTHROUGH;
}

/// An emulator in this process, which stops when it is dropped.
///
/// Worlds and journals that it has returned stay readable.
#[derive(Debug)]
#[must_use = "an emulator stops when it is dropped"]
pub struct Emulator {
    service: Arc<Service>,
    serving: Option<Serving>,
}

/// The thread that serves, and the signal that stops it.
#[derive(Debug)]
struct Serving {
    address: SocketAddr,
    scheme: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The configuration of an emulator. The default has the built-in fixtures and the documented behaviors.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    /// The documents of the schema that are not built in.
    documents: Documents,
    /// None for the built-in ones, which are read when all behaviors are known.
    entities: Option<Entities>,
    tls: Option<Arc<ServerConfig>>,
    fixtures: BTreeMap<String, Entities>,
    limits: WorldLimits,
}

impl Emulator {
    /// Starts an emulator with the built-in fixtures on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// Fails if the system has no free port or no thread left.
    pub fn start() -> io::Result<Emulator> {
        Emulator::builder().start()
    }

    /// Returns the default configuration, to change it.
    pub fn builder() -> Builder {
        Builder {
            settings: Settings { schema: crate::workloads::schema_with_rest(), ..crate::workloads::settings() },
            documents: Documents::default(),
            entities: None,
            tls: None,
            fixtures: BTreeMap::new(),
            limits: WorldLimits::default(),
        }
    }

    /// Returns the base URL; for an emulator without sockets, that of the links in its answers.
    pub fn uri(&self) -> String {
        self.serving
            .as_ref()
            .map_or_else(|| "http://localhost".to_owned(), |serving| format!("{}://{}", serving.scheme, serving.address))
    }

    /// Returns the base URL of a world, which is created by its first request.
    pub fn world_uri(&self, name: &str) -> String {
        format!("{}/_tenant/{name}", self.uri())
    }

    /// Answers a request without a socket, except for calls to connectors that it requires.
    ///
    /// Faults of connections do not apply: answers that would be delayed, slow or truncated come at once and whole, and a request that
    /// would be reset or get no answer gets an empty 204. The journal says how it would have ended.
    pub fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let mut request = crate::graph::request::Request {
            method: head.method,
            target: head.uri,
            is_secure: false,
            via: Via::Direct,
            arrival: crate::world::journal::Arrival::default(),
            headers: head.headers,
            body: Body::TooLarge,
        };
        if body.len() <= self.service.body_limit(&request, Peer::Process) {
            request.body = Body::Whole(body);
        }
        match self.service.begin(&request, Peer::Process) {
            Progress::Answered(answer) => answer.response,
            // A thread of its own, since the caller may be part of a runtime already.
            Progress::Pending(pending) => std::thread::scope(|scope| {
                let answering = scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    Ok::<_, io::Error>(runtime.block_on(pending.answer(&request)))
                });
                let answer = answering.join().ok().and_then(Result::ok);
                answer.unwrap_or_else(service::calls_unavailable).response
            }),
        }
    }

    /// Returns all worlds.
    pub fn worlds(&self) -> &Worlds {
        &self.service.worlds
    }

    /// Returns the default world, which answers requests that name no other: its entities, journal, faults, behaviors and clock.
    ///
    /// A reset and a change of behaviors or clock replace the world, so call this again afterwards.
    pub fn world(&self) -> Arc<World> {
        self.service.worlds.default_world()
    }

    /// Resets the default world to its initial state.
    ///
    /// # Errors
    ///
    /// Fails if the default world was deleted.
    pub fn reset(&self) -> Result<(), WorldError> {
        self.service.worlds.reset(DEFAULT).map(drop)
    }

    /// Changes the clock of the default world.
    ///
    /// ```
    /// # let emulator = wfi_emulator::emulator::Emulator::builder().build();
    /// emulator.set_clock(|clock| clock.frozen().advanced(3_600_000))?;
    /// # Ok::<(), wfi_emulator::emulator::WorldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the default world was deleted.
    pub fn set_clock(&self, change: impl FnOnce(Clock) -> Clock) -> Result<(), WorldError> {
        let with = |world: &World| {
            world.journal.note_outside_change();
            Ok::<_, WorldError>(world.with_clock(change(world.clock)))
        };
        self.service.worlds.change(DEFAULT, with).map(drop)
    }

    /// Returns the report on what clients have done wrong in the default world, by the rules of docs/report.md.
    ///
    /// ```
    /// use wfi_emulator::emulator::{Emulator, ReportForm, RuleSelection};
    ///
    /// let emulator = Emulator::builder().build();
    /// emulator.send(http::Request::get("/beta/users").body(bytes::Bytes::new())?);
    /// let report = emulator.report(&RuleSelection::default());
    /// assert!(report.findings.iter().any(|finding| finding.rule == "beta-used"));
    /// assert!(report.render(ReportForm::Text).contains("beta-used"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report(&self, selection: &RuleSelection) -> Report {
        Report::of(&self.world(), DEFAULT, selection)
    }

    /// Fails the test with the findings if clients have done something in the default world that fails or costs in production. Notes do
    /// not count, nor do findings of the allowed rules.
    ///
    /// # Panics
    ///
    /// Panics on an error or a warning, on an unknown rule, without requests, and if the journal is off.
    #[track_caller]
    pub fn assert_clean_client(&self, allow: &[&str]) {
        let allow = allow.iter().map(|name| (*name).to_owned()).collect();
        let selection = RuleSelection { allow, severity: Some(Severity::Warning), ..RuleSelection::default() };
        if let Some(name) = selection.unknown() {
            panic!("unknown rule {name:?}");
        }
        assert!(self.world().journal.is_on(), "the journal is off, so that nothing is known of the client");
        let report = self.report(&selection);
        // The text names the number of dropped requests.
        let text = || report.render(ReportForm::Text);
        assert!(report.requests > 0, "no requests to check\n{}", text());
        assert!(report.findings.is_empty(), "the client is not clean\n\n{}", text());
    }

    /// Replaces the fault rules of the default world.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.world().faults.set(rules);
    }
}

impl Builder {
    /// Serves the CSDL of a file as one version, instead of the built-in schema, as `--schema` does. Without entities that fit it, the
    /// emulator starts empty.
    ///
    /// # Errors
    ///
    /// Fails with a message for people if the file cannot be read or is not CSDL, naming the file and the line; also after fixtures, which
    /// are read with the schema, and for a second schema of the version.
    pub fn schema(mut self, version: Version, path: impl AsRef<Path>) -> Result<Builder, String> {
        self.documents.add_file(version, path.as_ref())?;
        self.with_documents()
    }

    /// Serves CSDL as one version, instead of the built-in schema.
    ///
    /// ```
    /// use wfi_emulator::emulator::{Emulator, Version};
    ///
    /// let csdl = r#"<Schema Namespace="contoso">
    ///   <EntityType Name="ship"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
    ///   <EntityContainer Name="service"><EntitySet Name="ships" EntityType="contoso.ship"/></EntityContainer>
    /// </Schema>"#;
    /// let fixtures = r#"{"ships": [{"id": "1"}]}"#;
    /// let emulator = Emulator::builder().schema_csdl(Version::V1, csdl)?.fixtures_json(fixtures)?.build();
    /// let response = emulator.send(http::Request::get("/v1.0/ships/1").body(bytes::Bytes::new())?);
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails as [`Builder::schema`] does.
    pub fn schema_csdl(mut self, version: Version, text: &str) -> Result<Builder, String> {
        self.documents.add_text(version, text)?;
        self.with_documents()
    }

    fn with_documents(mut self) -> Result<Builder, String> {
        if self.entities.is_some() || !self.fixtures.is_empty() {
            return Err("schema after fixtures: set the schema first, since fixtures are read with it".to_owned());
        }
        self.settings.schema = self.documents.clone().schema()?;
        Ok(self)
    }

    /// Keeps versions without a schema of their own to the common part of the built-in one, as `--schema core` does: a misspelled name is
    /// refused at once.
    ///
    /// # Errors
    ///
    /// Fails after fixtures, which are read with the schema.
    pub fn core_schema(mut self) -> Result<Builder, String> {
        self.documents.keep_to_core();
        self.with_documents()
    }

    fn read(&mut self, read: impl Fn(&Schema, &Behaviors) -> Result<Entities, FixtureError>) -> Result<Entities, FixtureError> {
        let Settings { schema, behaviors, .. } = &mut self.settings;
        fixture::with_whole(schema, |schema| read(schema, behaviors))
    }

    /// Starts from the entities of a file or folder, read under the behaviors set so far.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read or violate the schema; the error names the file and the position.
    pub fn fixtures(mut self, path: impl AsRef<Path>) -> Result<Builder, FixtureError> {
        self.entities = Some(self.read(|schema, behaviors| fixture::load(schema, behaviors, path.as_ref()))?);
        Ok(self)
    }

    /// Starts from the entities of a fixture file's text, read under the behaviors set so far.
    ///
    /// # Errors
    ///
    /// Fails if they violate the schema; the error names the position.
    pub fn fixtures_json(mut self, text: &str) -> Result<Builder, FixtureError> {
        let text = text.as_bytes();
        self.entities = Some(self.read(|schema, behaviors| fixture::read(schema, behaviors, "fixtures.json", text))?);
        Ok(self)
    }

    /// Adds named fixtures for worlds to start from.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read or violate the schema; the error names the file and the position.
    pub fn named_fixtures(mut self, name: impl Into<String>, path: impl AsRef<Path>) -> Result<Builder, FixtureError> {
        let entities = self.read(|schema, behaviors| fixture::load(schema, behaviors, path.as_ref()))?;
        self.fixtures.insert(name.into(), entities);
        Ok(self)
    }

    /// Sets all behaviors to those of a profile, including ones set before.
    pub fn profile(mut self, profile: Profile) -> Builder {
        self.settings.behaviors = Behaviors::of(profile);
        self
    }

    /// Sets one behavior, as `--behavior name=value` does.
    ///
    /// # Errors
    ///
    /// Fails on an unknown behavior or value.
    pub fn behavior(mut self, name: &str, value: &str) -> Result<Builder, SetError> {
        self.settings.behaviors.set(name, value)?;
        Ok(self)
    }

    /// Sets the seed of ids, chances and the keys of messages to connectors, which are then no secret.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.settings.seed = seed;
        self.settings.is_reproducible = true;
        self
    }

    /// Stops the clock at a time.
    pub fn clock(mut self, time: SystemTime) -> Builder {
        self.settings.clock = Clock::Fixed(time);
        self
    }

    /// Serves HTTPS too, on the same port, with a certificate issued by an authority that the client under test trusts.
    ///
    /// # Errors
    ///
    /// Fails if the authority cannot sign.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, authority: &Authority) -> Result<Builder, CertificateError> {
        self.tls = Some(certificate::issued(authority, &[])?);
        Ok(self)
    }

    /// Sets the tokens that requests need.
    pub fn auth(mut self, auth: Auth) -> Builder {
        self.settings.auth = auth;
        self
    }

    /// Sets the policy of calls to connectors.
    pub fn connectors(mut self, connectors: Connectors) -> Builder {
        self.settings.connectors = connectors;
        self
    }

    /// Sets the initial fault rules.
    pub fn faults(mut self, rules: Vec<FaultRule>) -> Builder {
        self.settings.faults = rules;
        self
    }

    /// Sets the limits of each journal.
    pub fn journal(mut self, bounds: Bounds) -> Builder {
        self.settings.journal = bounds;
        self
    }

    /// Sets the maximum size of the entities of all worlds together, as `--store-bytes` does. Initial entities may exceed it.
    pub fn store_bytes(mut self, bytes: usize) -> Builder {
        self.settings.stores = Arc::new(Budget::new(bytes));
        self
    }

    /// Sets the limits of worlds, and whether a token may name one.
    pub fn limits(mut self, limits: WorldLimits) -> Builder {
        self.limits = limits;
        self
    }

    /// Serves recorded exchanges on paths that the schema does not have, as `--stubs` does.
    ///
    /// # Errors
    ///
    /// Fails with a message for people if they cannot be read.
    pub fn stubs(mut self, path: impl AsRef<Path>) -> Result<Builder, String> {
        self.settings.stubs = Some(Arc::new(Stubs::load(path.as_ref())?));
        Ok(self)
    }

    /// Sets the number of entities on a page, unless a client asks for another.
    pub fn page_size(mut self, size: NonZeroUsize) -> Builder {
        self.settings.page_size = size;
        self
    }

    /// Sets the maximum number of entities on a page that a client can ask for, 999 by default.
    pub fn page_limit(mut self, limit: NonZeroUsize) -> Builder {
        self.settings.page_limit = limit;
        self
    }

    /// Returns an emulator without sockets.
    pub fn build(self) -> Emulator {
        let Builder { settings, entities, fixtures, limits, .. } = self;
        // The built-in fixtures are valid under all behaviors, which a test checks.
        let shipped = || fixture::shipped(&settings.schema, &settings.behaviors).unwrap_or_default();
        let entities = entities.unwrap_or_else(shipped);
        let plan = Plan { settings: Settings { entities, ..settings }, fixtures };
        let service = Service::new(Worlds::new(plan, limits), Some(Control::default()));
        Emulator { service: Arc::new(service), serving: None }
    }

    /// Starts an emulator on a free port of the loopback interface, which listens when this returns.
    ///
    /// # Errors
    ///
    /// Fails if the system has no free port or no thread left.
    pub fn start(self) -> io::Result<Emulator> {
        let tls = self.tls.clone();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut emulator = self.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let workers = Workers::start(THREADS)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = emulator.service.clone();
        // A thread of its own works with every test runner and every runtime, and with none.
        let serve = move || {
            workers.first().block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    // The sender is dropped at the latest with the emulator.
                    Ok(listener) => {
                        let options = server::ServerOptions {
                            proxy: Arc::new(Proxy::new(tls.clone())),
                            tls,
                            workers: workers.handles(),
                            ..Default::default()
                        };
                        let serving = server::run_with(listener, service, options, std::future::pending());
                        tokio::select! {
                            () = serving => {}
                            _ = stopped => {}
                        }
                    }
                    Err(error) => tracing::error!("cannot serve: {error}"),
                }
            });
        };
        let thread = std::thread::Builder::new().name("wfi-emulator".to_owned()).spawn(serve)?;
        emulator.serving = Some(Serving { address, scheme, stop: Some(stop), thread: Some(thread) });
        Ok(emulator)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported already, and a second one would hide it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    fn get(emulator: &Emulator, path: &str) -> String {
        let mut stream = TcpStream::connect(emulator.uri().strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn the_built_in_fixtures_fit_under_all_profiles() {
        for profile in Profile::ALL {
            assert!(
                fixture::shipped(&crate::workloads::settings().schema, &Behaviors::of(profile)).is_ok(),
                "{}",
                profile.name()
            );
        }
    }

    #[test]
    fn it_listens_from_start_until_drop() {
        let emulator = Emulator::start().unwrap();
        assert!(get(&emulator, "/v1.0/teamwork/workforceIntegrations").starts_with("HTTP/1.1 200"));
        assert!(get(&emulator, "/_emulator/health").starts_with("HTTP/1.1 200"));
        // A connection that stays open does not delay the end.
        let address = emulator.uri();
        let _idle = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
        let started = std::time::Instant::now();
        drop(emulator);
        assert!(started.elapsed() < std::time::Duration::from_secs(5));
        assert!(TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err());
    }

    #[test]
    fn several_live_side_by_side_and_a_failing_test_ends_its_own() {
        let other = Emulator::start().unwrap();
        let failed = std::thread::spawn(|| {
            let emulator = Emulator::builder().page_size(NonZeroUsize::MIN).start().unwrap();
            assert!(get(&emulator, "/v1.0/teamwork/workforceIntegrations").contains("@odata.nextLink"));
            let address = emulator.uri();
            let world = emulator.world();
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _emulator = emulator;
                let never = Expectation {
                    of: JournalQuery { method: Some(http::Method::DELETE), ..JournalQuery::default() },
                    ..Expectation::default()
                };
                world.journal.verify(&never, Secrets::Hidden).assert();
            }))
            .map_err(|panic| (address, panic.downcast_ref::<String>().cloned().unwrap_or_default()))
        });
        let (address, message) = failed.join().unwrap().unwrap_err();
        assert!(message.starts_with("expected exactly 1 DELETE, found 0 among 1 request"), "{message}");
        assert!(TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err());
        assert!(get(&other, "/v1.0/teamwork/workforceIntegrations").starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn it_starts_and_stops_in_a_runtime() {
        let emulator = Emulator::start().unwrap();
        let address = emulator.uri();
        drop(emulator);
        assert!(TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err());
    }

    #[test]
    fn stubs_are_served_too() {
        let folder = std::env::temp_dir().join(format!("wfi-emulator-{}-emulator-stubs", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("me.hurl"),
            "GET {{base}}/v1.0/me\n\nHTTP 200\ncontent-type: application/json\n{\n  \"id\": \"1\"\n}\n",
        )
        .unwrap();
        let emulator = Emulator::builder().stubs(&folder).unwrap().build();
        let response = emulator.send(Request::get("/v1.0/me").body(Bytes::new()).unwrap());
        assert_eq!(response.status(), 200);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn with_and_without_sockets_it_answers_the_same_bytes() {
        let builder = || Emulator::builder().seed(5).clock(SystemTime::UNIX_EPOCH).behavior("secret", "echo").unwrap();
        let path = "/v1.0/teamwork/workforceIntegrations";
        let served = get(&builder().start().unwrap(), path);
        let request = Request::get(path).header("host", "localhost").body(Bytes::new()).unwrap();
        let sent = builder().build().send(request);
        assert_eq!(served.split_once("\r\n\r\n").unwrap().1.as_bytes(), sent.body());
        assert!(served.contains(sent.headers()["request-id"].to_str().unwrap()));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn over_tls_it_serves_plain_http_on_the_same_port() {
        let authority = Authority::in_memory().unwrap();
        let emulator = Emulator::builder().tls(&authority).unwrap().start().unwrap();
        let port = emulator.uri().strip_prefix("https://127.0.0.1:").unwrap().parse::<u16>().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[test]
    fn faults_clock_journal_and_worlds_are_at_hand() {
        let emulator = Emulator::builder()
            .fixtures_json(r#"{"workforceIntegrations":[{"id":"a"}]}"#)
            .unwrap()
            .clock(SystemTime::UNIX_EPOCH)
            .build();
        let status = |path: &str| emulator.send(Request::get(path).body(Bytes::new()).unwrap()).status().as_u16();
        assert_eq!(status("/v1.0/teamwork/workforceIntegrations/a"), 200);
        emulator.set_faults(FaultRule::ready("bad-gateway").unwrap());
        assert_eq!(status("/v1.0/teamwork/workforceIntegrations/a"), 502);
        emulator.set_clock(|clock| clock.advanced(1_000)).unwrap();
        assert_eq!(emulator.world().clock, Clock::Fixed(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)));
        assert_eq!(emulator.world().journal.len(), 2);
        emulator.reset().unwrap();
        assert_eq!(status("/v1.0/teamwork/workforceIntegrations/a"), 200);
        assert_eq!(emulator.world().journal.len(), 1);
        assert_eq!(status("/_tenant/b/v1.0/teamwork/workforceIntegrations/a"), 200);
        assert_eq!(emulator.worlds().list().len(), 2);
    }
}
