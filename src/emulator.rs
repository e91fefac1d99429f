//! The emulator inside of a Rust test: started on a free port or without any socket, with everything in reach, gone when it is dropped.
//!
//! ```
//! use wfi_emulator::emulator::Emulator;
//! use wfi_emulator::world::journal::{Expectation, JournalQuery, Secrets};
//!
//! let emulator = Emulator::start()?;
//! let base = emulator.uri(); // such as http://127.0.0.1:41573, for the client under test
//! # use std::io::{Read as _, Write as _};
//! # let mut client = std::net::TcpStream::connect(base.strip_prefix("http://").unwrap())?;
//! # client.write_all(b"GET /v1.0/teamwork/workforceIntegrations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! # client.read_to_string(&mut String::new())?;
//! // … the client lists the integrations …
//! let listed = Expectation { of: JournalQuery { method: Some(http::Method::GET), ..JournalQuery::default() }, ..Expectation::default() };
//! let verdict = emulator.world().journal.verify(&listed, Secrets::Hidden);
//! verdict.assert();
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

use crate::edge::certificate::{self, Authority, CertificateError};
use crate::edge::control::{Control, Peer};
use crate::edge::server;
use crate::edge::service::{self, Progress, Service};
use crate::graph;
use crate::graph::request::Body;
use crate::policy::behavior::{Behaviors, Profile, SetError};
use crate::world::World;
use crate::world::clock::Clock;
use crate::world::fault::FaultRule;
use crate::world::fixture::{self, Entities, FixtureError};
use crate::world::journal::Bounds;
use crate::world::name::DEFAULT;
use crate::world::settings::{Auth, Connectors, Settings};
use crate::world::stub::Stubs;
use crate::world::worlds::{Plan, WorldError, WorldLimits, Worlds};

/// An emulator in this process. It stops when it is dropped.
///
/// What it gives out, such as a tenant with its journal, can be looked at all the same.
#[derive(Debug)]
#[must_use = "it stops when it is dropped"]
pub struct Emulator {
    service: Arc<Service>,
    serving: Option<Serving>,
}

/// The thread that serves, and how it is told to stop.
#[derive(Debug)]
struct Serving {
    address: SocketAddr,
    scheme: &'static str,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What an emulator is made from. Nothing need be said: then it has the built-in fixtures and the documented behaviors.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    /// Nothing stands for the built-in ones, which are read as the behaviors want it.
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
    /// Fails if there is no free port or no thread to be had.
    pub fn start() -> io::Result<Emulator> {
        Emulator::builder().start()
    }

    /// Returns what an emulator is made from, to say more.
    pub fn builder() -> Builder {
        Builder {
            settings: Settings::new(),
            entities: None,
            tls: None,
            fixtures: BTreeMap::new(),
            limits: WorldLimits::default(),
        }
    }

    /// Returns the base URL. An emulator without sockets has the one that its links show.
    pub fn uri(&self) -> String {
        self.serving
            .as_ref()
            .map_or_else(|| "http://localhost".to_owned(), |serving| format!("{}://{}", serving.scheme, serving.address))
    }

    /// Returns the base URL of a tenant, which is made when it is first used.
    pub fn world_uri(&self, name: &str) -> String {
        format!("{}/_tenant/{name}", self.uri())
    }

    /// Answers a request without any socket, but for the calls to connectors that it may need.
    ///
    /// There is no connection that faults could harm: what would be delayed, slow or cut comes at once and whole, and a request that would be
    /// reset or get no answer is answered with an empty 204. The journal tells how it would have ended.
    pub fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let request = graph::request::Request {
            method: head.method,
            target: head.uri,
            is_secure: false,
            headers: head.headers,
            body: if body.len() > graph::request::BODY_LIMIT { Body::TooLarge } else { Body::Whole(body) },
        };
        match self.service.begin(&request, Peer::Process) {
            Progress::Answered(answer) => answer.response,
            // A thread of its own, since whoever calls this may be part of a runtime already.
            Progress::Waits(waiting) => std::thread::scope(|scope| {
                let made = scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    Ok::<_, io::Error>(runtime.block_on(waiting.answer(&request)))
                });
                let made = made.join().ok().and_then(Result::ok);
                made.unwrap_or_else(service::without_calls).response
            }),
        }
    }

    /// Returns the tenants.
    pub fn worlds(&self) -> &Worlds {
        &self.service.worlds
    }

    /// Returns the tenant of requests that name none: its entities, journal, faults, behaviors and clock as they are now.
    ///
    /// A reset, other behaviors or another clock make another tenant of it, so ask again behind them.
    pub fn world(&self) -> Arc<World> {
        self.service.worlds.default_world()
    }

    /// Makes the default tenant anew, as it was at its beginning.
    ///
    /// # Errors
    ///
    /// None, as long as there is a default tenant.
    pub fn reset(&self) -> Result<(), WorldError> {
        self.service.worlds.reset(DEFAULT).map(drop)
    }

    /// Replaces the clock of the default tenant by what a function makes of it.
    ///
    /// ```
    /// # let emulator = wfi_emulator::emulator::Emulator::builder().build();
    /// emulator.set_clock(|clock| clock.frozen().advanced(3_600_000))?;
    /// # Ok::<(), wfi_emulator::world::worlds::WorldError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None, as long as there is a default tenant.
    pub fn set_clock(&self, change: impl FnOnce(Clock) -> Clock) -> Result<(), WorldError> {
        let with = |world: &World| Ok::<_, WorldError>(world.with_clock(change(world.clock)));
        self.service.worlds.change(DEFAULT, with).map(drop)
    }

    /// Replaces the rules of faults of the default tenant.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.world().faults.set(rules);
    }
}

impl Builder {
    /// Begins with the entities of a file or a folder. They are read under the behaviors that are set by then.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read or do not fit the schema; the error names file and place.
    pub fn fixtures(mut self, path: impl AsRef<Path>) -> Result<Builder, FixtureError> {
        self.entities = Some(fixture::load(&self.settings.schema, &self.settings.behaviors, path.as_ref())?);
        Ok(self)
    }

    /// Begins with the entities of a text in the form of a fixture file. It is read under the behaviors that are set by then.
    ///
    /// # Errors
    ///
    /// Fails if they do not fit the schema; the error names the place.
    pub fn fixtures_json(mut self, text: &str) -> Result<Builder, FixtureError> {
        self.entities = Some(fixture::read(&self.settings.schema, &self.settings.behaviors, "fixtures.json", text.as_bytes())?);
        Ok(self)
    }

    /// Gives tenants other entities that they can begin with, by name.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read or do not fit the schema; the error names file and place.
    pub fn named_fixtures(mut self, name: impl Into<String>, path: impl AsRef<Path>) -> Result<Builder, FixtureError> {
        let entities = fixture::load(&self.settings.schema, &self.settings.behaviors, path.as_ref())?;
        self.fixtures.insert(name.into(), entities);
        Ok(self)
    }

    /// Sets all behaviors as a profile has them, those that were set before included.
    pub fn profile(mut self, profile: Profile) -> Builder {
        self.settings.behaviors = Behaviors::of(profile);
        self
    }

    /// Sets one behavior, as `--behavior name=value` does.
    ///
    /// # Errors
    ///
    /// Fails if there is no such behavior, or if it has no such value.
    pub fn behavior(mut self, name: &str, value: &str) -> Result<Builder, SetError> {
        self.settings.behaviors.set(name, value)?;
        Ok(self)
    }

    /// Derives ids and chances from a number.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.settings.seed = seed;
        self
    }

    /// Lets the clock stand at a time.
    pub fn clock(mut self, time: SystemTime) -> Builder {
        self.settings.clock = Clock::Fixed(time);
        self
    }

    /// Serves HTTPS too, on the same port, with a certificate of an authority that the client under test trusts.
    ///
    /// # Errors
    ///
    /// Fails if the authority cannot sign.
    pub fn tls(mut self, authority: &Authority) -> Result<Builder, CertificateError> {
        self.tls = Some(certificate::issued(authority, &[])?);
        Ok(self)
    }

    /// Says how much of a token a request needs.
    pub fn auth(mut self, auth: Auth) -> Builder {
        self.settings.auth = auth;
        self
    }

    /// Calls connectors in this manner.
    pub fn connectors(mut self, connectors: Connectors) -> Builder {
        self.settings.connectors = connectors;
        self
    }

    /// Begins with rules of faults.
    pub fn faults(mut self, rules: Vec<FaultRule>) -> Builder {
        self.settings.faults = rules;
        self
    }

    /// Says how much the journal keeps.
    pub fn journal(mut self, bounds: Bounds) -> Builder {
        self.settings.journal = bounds;
        self
    }

    /// Says how many tenants there may be, for how long, and whether a token may name one.
    pub fn limits(mut self, limits: WorldLimits) -> Builder {
        self.limits = limits;
        self
    }

    /// Serves recorded exchanges where the model knows no path, as `--stubs` does.
    ///
    /// # Errors
    ///
    /// Fails, with a text for people, if they cannot be read.
    pub fn stubs(mut self, path: impl AsRef<Path>) -> Result<Builder, String> {
        self.settings.stubs = Some(Arc::new(Stubs::load(path.as_ref())?));
        Ok(self)
    }

    /// Shows at most so many entities on a page of a list.
    pub fn page_size(mut self, size: NonZeroUsize) -> Builder {
        self.settings.page_size = size;
        self
    }

    /// Makes an emulator without any socket.
    pub fn build(self) -> Emulator {
        let Builder { settings, entities, tls: _, fixtures, limits } = self;
        // The built-in fixtures fit the built-in schema under all behaviors; a test sees to that.
        let shipped = || fixture::shipped(&settings.schema, &settings.behaviors).unwrap_or_default();
        let entities = entities.unwrap_or_else(shipped);
        let plan = Plan { settings: Settings { entities, ..settings }, fixtures };
        let service = Service { worlds: Worlds::new(plan, limits), control: Some(Control::default()) };
        Emulator { service: Arc::new(service), serving: None }
    }

    /// Starts an emulator on a free port of the loopback interface. It listens when this returns.
    ///
    /// # Errors
    ///
    /// Fails if there is no free port or no thread to be had.
    pub fn start(self) -> io::Result<Emulator> {
        let tls = self.tls.clone();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut emulator = self.build();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let service = emulator.service.clone();
        // A thread of its own, so that it works with every test runner and every runtime, and with none.
        let serve = move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    // The sender is dropped at the latest with the emulator.
                    Ok(listener) => {
                        let options = server::ServerOptions { tls, ..server::ServerOptions::default() };
                        let served = server::run_with(listener, service, options, std::future::pending());
                        tokio::select! {
                            () = served => {}
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
            // A thread that has panicked serves nobody any more, and a second panic would hide the first.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::journal::{Expectation, JournalQuery, Secrets};
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
            assert!(fixture::shipped(&Settings::new().schema, &Behaviors::of(profile)).is_ok(), "{}", profile.name());
        }
    }

    #[test]
    fn it_listens_when_it_is_started_and_no_more_when_it_is_dropped() {
        let emulator = Emulator::start().unwrap();
        assert!(get(&emulator, "/v1.0/teamwork/workforceIntegrations").starts_with("HTTP/1.1 200"));
        assert!(get(&emulator, "/_emulator/health").starts_with("HTTP/1.1 200"));
        // A connection that stays open does not hold it up.
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
        let (address, told) = failed.join().unwrap().unwrap_err();
        assert!(told.starts_with("expected exactly 1 DELETE, found 0 among 1 requests"), "{told}");
        assert!(TcpStream::connect(address.strip_prefix("http://").unwrap()).is_err());
        assert!(get(&other, "/v1.0/teamwork/workforceIntegrations").starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn it_starts_and_stops_inside_of_a_runtime() {
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
    fn everything_is_in_reach() {
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
