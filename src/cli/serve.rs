//! The command without a name: serves the emulator until it is stopped.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::connections::ConnectionArguments;
use super::connector::ConnectorArguments;
use super::log::{LogFormat, LogLevel};
use super::output::{UNUSABLE, fail, report, write_out};
use super::ready::ReadyFile;
use super::schema::SchemaChoice;
use super::signals::{INTERRUPTED, Signals};
use super::state::StateFile;
use super::suite::SuiteArguments;
use super::tls::{TlsArguments, TrustAnchor};
use super::{address, browser, clock, greeting, health, log, parent, ready, runtime, schema, watch};
use crate::edge::control::Reload;
use crate::edge::server::{self, Listeners, Workers};
use crate::edge::service::Service;
use crate::edge::ui;
use crate::policy::behavior::Behaviors;
use crate::world::clock::Clock;
use crate::world::fault::Effect;
use crate::world::fixture::directory::Directory;
use crate::world::fixture::{self, Entities};
use crate::world::ids::{SEED_LIMIT, random_seed};
use crate::world::journal::Journals;
use crate::world::settings::{Auth, PAGE_LIMIT, PAGE_SIZE, Settings, SignIn};
use crate::world::stub::Stubs;
use crate::world::worlds::{DeferredWorlds, Plan, Worlds};

/// The flags of the server.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArguments {
    /// Address to listen on; localhost is that of both families
    #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "localhost")]
    host: String,
    /// Port to listen on; 0 for any free port
    #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
    port: u16,
    /// File or folder of initial entities, instead of the built-in ones
    #[arg(long, env = "WFI_EMULATOR_FIXTURES", value_name = "PATH")]
    fixtures: Option<PathBuf>,
    /// CSDL of v1.0 to serve instead of the built-in schema, or of a version: beta=FILE; core for the common part of the built-in one;
    /// repeatable
    #[arg(long, env = "WFI_EMULATOR_SCHEMA", value_name = "FILE", value_delimiter = ',')]
    pub(super) schema: Vec<SchemaChoice>,
    /// Seed of generated ids, random choices and message keys, for reproducible runs
    #[arg(long, env = "WFI_EMULATOR_SEED", value_name = "NUMBER", value_parser = seed)]
    seed: Option<u64>,
    /// Folder of recorded exchanges (.hurl) to answer with, apart from requests for integrations and schedules
    #[arg(long, env = "WFI_EMULATOR_STUBS", value_name = "DIR")]
    stubs: Option<PathBuf>,
    /// Time to stop the clock at, for example 2026-01-01T00:00:00Z
    #[arg(long, env = "WFI_EMULATOR_CLOCK", value_name = "TIME")]
    clock: Option<String>,
    /// Number of entities on a page, unless a client asks for another
    #[arg(long, env = "WFI_EMULATOR_PAGE_SIZE", value_name = "NUMBER", default_value_t = PAGE_SIZE)]
    page_size: NonZeroUsize,
    /// Maximum number of entities on a page that a client can ask for
    #[arg(long, env = "WFI_EMULATOR_PAGE_LIMIT", value_name = "NUMBER", default_value_t = PAGE_LIMIT)]
    page_limit: NonZeroUsize,
    /// Name the deciding rule or behavior in the response header x-wfi-emulator-explain
    #[arg(long, env = "WFI_EMULATOR_EXPLAIN", value_parser = BoolishValueParser::new())]
    explain: bool,
    #[command(flatten)]
    connectors: ConnectorArguments,
    #[command(flatten)]
    suite: SuiteArguments,
    /// Tokens that requests need: none, any token, or one of the emulator's own with the right permission
    #[arg(long, env = "WFI_EMULATOR_AUTH", value_name = "LEVEL", default_value = "open")]
    auth: AuthLevel,
    /// File with the applications and users that may sign in; without it all may
    #[arg(long, env = "WFI_EMULATOR_DIRECTORY", value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Sign-in in a browser: auto approves at once, page lets a person choose an account, consent, decline or cancel
    #[arg(long, env = "WFI_EMULATOR_SIGN_IN", value_name = "WAY", default_value = "auto")]
    sign_in: SignInWay,
    #[command(flatten)]
    pub(super) tls: TlsArguments,
    /// Least severe level to log on standard error; off also suppresses the greeting
    #[arg(long, env = "WFI_EMULATOR_LOG", value_name = "LEVEL", default_value = "info")]
    log: LogLevel,
    /// Form of the log: auto is short on a terminal, else full; json is an object per line, without a greeting
    #[arg(long, env = "WFI_EMULATOR_LOG_FORMAT", value_name = "FORM", default_value = "auto")]
    log_format: LogFormat,
    #[command(flatten)]
    connections: ConnectionArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuthLevel {
    Open,
    Bearer,
    Strict,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SignInWay {
    Auto,
    Page,
}

impl From<SignInWay> for SignIn {
    fn from(way: SignInWay) -> SignIn {
        match way {
            SignInWay::Auto => SignIn::Automatic,
            SignInWay::Page => SignIn::Page,
        }
    }
}

impl From<AuthLevel> for Auth {
    fn from(level: AuthLevel) -> Auth {
        match level {
            AuthLevel::Open => Auth::Open,
            AuthLevel::Bearer => Auth::Bearer,
            AuthLevel::Strict => Auth::Strict,
        }
    }
}

/// Time from a signal to the end of all waiting, less the time that saving takes: longer than that of the server, which ends it by itself
/// unless its threads are busy or the disk is slow. With the last save, it is within the ten seconds that container runtimes give.
const PATIENCE: Duration = server::GRACE.saturating_add(Duration::from_millis(500));

/// Serves until a signal comes, or the parent process ends.
///
/// Requests have threads of their own. This one waits for reasons to stop, so that no request can delay them.
pub(super) fn run(
    arguments: &ServeArguments,
    behaviors: Result<Behaviors, String>,
    chosen: &[String],
    warnings: &[String],
) -> ExitCode {
    let suite = &arguments.suite;
    // First of all, before anything else can fail.
    let mut ready_file = match suite.ready_file.as_deref().map(ReadyFile::clear).transpose() {
        Ok(file) => file,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let behaviors = match behaviors {
        Ok(behaviors) => behaviors,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let mut state = match suite.files_to_write() {
        Ok(state) => state,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    // All plans of a run have one seed, and share the journals' budget.
    let seed = arguments.seed.unwrap_or_else(random_seed);
    let journals = suite.journals();
    let is_deferred = arguments.defers(&behaviors);
    let plan = arguments.plan_with(&behaviors, seed, &journals, is_deferred);
    let (plan, control_tokens) = match plan.and_then(|plan| Ok((plan, (suite.control_token()?, suite.page_token()?)))) {
        Ok(plan) => plan,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let _flushed_at_the_end = log::start(arguments.log, arguments.log_format);
    if let Some(line) = suite.state_line(&plan) {
        tracing::info!("{line}");
    }
    warn(&plan, warnings);
    let (tls, trust) = match arguments.tls.certificate.server_config() {
        Ok(Some((tls, trust))) => (Some(tls), trust),
        Ok(None) => (None, TrustAnchor::Unknown),
        Err(error) => return fail(UNUSABLE, &error.to_string()),
    };
    let (proxy, intercept_ca) = match arguments.tls.proxy(tls.clone()) {
        Ok((proxy, file)) => (Arc::new(proxy), file),
        Err(error) => return fail(UNUSABLE, &error.to_string()),
    };
    let workers = match Workers::start(available_parallelism().map_or(1, NonZeroUsize::get)) {
        Ok(workers) => workers,
        Err(error) => return fail(1, &format!("cannot start: {error}")),
    };
    let (listener, url) = match workers.first().block_on(listen(arguments)) {
        Ok(listening) => listening,
        Err(problem) => return fail(1, &problem),
    };
    runtime::run(async {
        // Signals are caught before the announcement: a server that is announced can be stopped.
        let signals = match Signals::catch() {
            Ok(signals) => signals,
            Err(error) => return fail(1, &format!("cannot catch signals: {error}")),
        };
        // A saved state is what is reloaded last of all: it would undo what clients have changed since.
        let reload = suite.state.is_none().then(|| {
            let (arguments, behaviors, journals) = (arguments.clone(), behaviors.clone(), journals.clone());
            Box::new(move || arguments.plan(&behaviors, seed, &journals)) as Reload
        });
        let control = suite.control(&plan, control_tokens, arguments.configuration(), reload, proxy.clone());
        let limits = suite.limits();
        let worlds = DeferredWorlds::new(move || Worlds::new(if is_deferred { with_built_in(plan) } else { plan }, limits));
        if !is_deferred {
            worlds.build();
        }
        let service = Arc::new(Service::new(worlds, control));
        if suite.state_every.is_some()
            && let Some(state) = &mut state
        {
            // Before any request can change it.
            state.begin(&service);
        }
        if arguments.log_format == LogFormat::Json {
            tracing::info!("serving {}", url.preferred);
        } else if arguments.log != LogLevel::Off {
            let plain_url = tls.is_some().then_some(&*url.plain);
            let world = service.worlds.default_world();
            let options = greeting::Options {
                chosen,
                intercept_ca: intercept_ca.as_deref(),
                needs_token: arguments.auth != AuthLevel::Open,
                has_page: suite.has_page(),
                stubs: world.stubs.as_ref().map_or(0, |stubs| stubs.len()),
            };
            report(&greeting::text(&url.preferred, plain_url, &world, &trust, &options));
        }
        if suite.watch {
            watch_files(arguments, behaviors, seed, journals, service.clone());
        }
        let limits = arguments.connections.limits_within_descriptors();
        let options = server::ServerOptions { tls, limits, proxy, workers: workers.handles() };
        let (stop, stopped) = oneshot::channel();
        // A dropped sender ends it too.
        let shutdown = async { drop(stopped.await) };
        let server = workers.first().spawn(server::run_with(listener, service.clone(), options, shutdown));
        let line = ready::line(suite.ready, &url.preferred, url.port, seed, trust.path());
        if let Some(file) = &mut ready_file
            && let Err(problem) = file.write(&line)
        {
            return fail(1, &problem);
        }
        if let Err(problem) = write_out(line.as_bytes()) {
            return fail(1, &problem);
        }
        if suite.open {
            browser::open(&format!("{}{}", url.preferred, ui::PATH));
        }
        Running { suite, signals, server, stop, service, ready_file, state }.until_stopped().await
    })
}

/// Logs settings that are likely to be mistakes.
fn warn(plan: &Plan, warnings: &[String]) {
    if matches!(plan.settings.clock, Clock::Fixed(_))
        && let Some(rule) = plan.settings.faults.iter().find(|rule| matches!(rule.effect, Effect::Limit(_)))
    {
        tracing::warn!(
            "frozen clock: the limit of fault rule '{}' never ends, until the control API advances the clock",
            rule.name
        );
    }
    for line in warnings {
        tracing::warn!("{line}");
    }
}

/// A server that has announced itself.
struct Running<'r> {
    suite: &'r SuiteArguments,
    signals: Signals,
    server: JoinHandle<()>,
    /// Asks the server to stop.
    stop: oneshot::Sender<()>,
    service: Arc<Service>,
    ready_file: Option<ReadyFile>,
    state: Option<StateFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopReason {
    Signal,
    ParentGone,
    Failure,
}

impl Running<'_> {
    /// Waits for a reason to stop, then for the requests in flight. The state is saved before that, since the program may be killed
    /// while it waits, and again after.
    async fn until_stopped(mut self) -> ExitCode {
        let reason = self.wait().await;
        let stopping = Instant::now();
        drop(self.ready_file.take());
        match reason {
            StopReason::Signal => tracing::info!("stopping: requests in flight finish first"),
            StopReason::ParentGone => {
                // Open requests are dropped: without the parent, no client waits for an answer.
                self.server.abort();
                tracing::info!("stopping: standard input is closed");
            }
            StopReason::Failure => tracing::error!("stopping: the server has failed"),
        }
        if let Some(state) = &mut self.state
            && let Err(problem) = state.save(&self.service)
        {
            tracing::error!("state not saved: {problem}");
        }
        // The last save may take as long as the first.
        let deadline = stopping + PATIENCE.saturating_sub(stopping.elapsed());
        drop(self.stop);
        let mut status = if reason == StopReason::Failure { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        if reason == StopReason::Signal {
            tokio::select! {
                _ = &mut self.server => {}
                () = tokio::time::sleep_until(deadline) => {
                    tracing::warn!("requests still in work after {} s are dropped", server::GRACE.as_secs());
                    self.server.abort();
                }
                () = self.signals.interrupt() => status = ExitCode::from(INTERRUPTED),
            }
        }
        if let Some(file) = &self.suite.report
            && let Err(problem) = super::report::write(file, &self.service)
        {
            status = fail(1, &format!("report not written: {problem}"));
        }
        match self.state.as_mut().map(|state| state.finish(&self.service)) {
            Some(Err(problem)) => fail(1, &problem),
            _ => status,
        }
    }

    /// Waits for a reason to stop, and saves the state meanwhile if a flag says so.
    async fn wait(&mut self) -> StopReason {
        let saving = self.suite.state_every.zip(self.state.as_mut());
        let saving = async {
            match saving {
                Some((period, state)) => save_periodically(state, &self.service, period).await,
                None => std::future::pending().await,
            }
        };
        let orphaned = async { if self.suite.exit_with_parent { parent::ended().await } else { std::future::pending().await } };
        tokio::select! {
            () = self.signals.stop() => StopReason::Signal,
            () = orphaned => StopReason::ParentGone,
            // It ends by itself only after a panic.
            _ = &mut self.server => StopReason::Failure,
            never = saving => match never {},
        }
    }
}

/// Saves the state whenever it has changed. A failure may pass, and the last attempt decides.
async fn save_periodically(state: &mut StateFile, service: &Service, period: Duration) -> Infallible {
    let mut ticks = tokio::time::interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(problem) = state.save_changes(service) {
            tracing::error!("state not saved: {problem}");
        }
    }
}

/// The addresses of the server, as clients on this machine use them.
struct Urls {
    preferred: String,
    plain: String,
    port: u16,
}

async fn listen(arguments: &ServeArguments) -> Result<(Listeners, Urls), String> {
    let (host, port) = (arguments.host.as_str(), arguments.port);
    // Clients find either address of this name first.
    let is_local = host.eq_ignore_ascii_case("localhost");
    let first = if is_local { "127.0.0.1" } else { host };
    let mut bound = TcpListener::bind((first, port)).await;
    if is_local && bound.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable) {
        bound = TcpListener::bind(("::1", port)).await;
    }
    let listener = bound.map_err(|error| not_listening(first, port, &error))?;
    let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
    let scheme = if arguments.tls.certificate.tls { "https" } else { "http" };
    let url = |scheme: &str| address::base_url(scheme, address);
    let second = match address {
        SocketAddr::V4(_) if is_local => TcpListener::bind(("::1", address.port())).await.ok(),
        _ => None,
    };
    let listener = Listeners(std::iter::once(listener).chain(second).collect());
    Ok((listener, Urls { preferred: url(scheme), plain: url("http"), port: address.port() }))
}

/// Adds the built-in entities to a plan.
fn with_built_in(mut plan: Plan) -> Plan {
    let entities = fixture::shipped(&plan.settings.schema, &plan.settings.behaviors);
    plan.settings.entities = entities.expect("the built-in entities fit the built-in schema under the usual behaviors");
    plan
}

/// Returns the message of an address that cannot be listened on.
fn not_listening(host: &str, port: u16, error: &std::io::Error) -> String {
    let mut text = format!("cannot listen on {host}:{port}: {error}");
    if error.kind() == ErrorKind::AddrInUse {
        let user = if health::is_emulator(host, port) { "a wfi-emulator" } else { "another program" };
        text.push_str(&format!("; {user} answers there: stop it, or choose another port with --port, 0 for a free one"));
    }
    text
}

impl ServeArguments {
    /// Returns the plan of all worlds, from the flags and the files that they name.
    fn plan(&self, behaviors: &Behaviors, seed: u64, journals: &Arc<Journals>) -> Result<Plan, String> {
        self.plan_with(behaviors, seed, journals, false)
    }

    /// Returns the plan of all worlds, if deferred without the built-in entities.
    fn plan_with(&self, behaviors: &Behaviors, seed: u64, journals: &Arc<Journals>, is_deferred: bool) -> Result<Plan, String> {
        if self.suite.watch && self.watched_paths().is_empty() {
            return Err("--watch requires --fixtures, --fixture, --stubs or --faults with a file".to_owned());
        }
        let settings = self.settings(behaviors.clone(), seed, is_deferred)?;
        self.suite.plan(Settings { journals: journals.clone(), ..settings })
    }

    /// Returns the address over TLS on this machine: that of the running server, if it has announced itself in the file of --ready-file,
    /// else that of the flags.
    pub(super) fn local_url(&self) -> String {
        let announced = self.suite.ready_file.as_deref().and_then(ready::announced_port);
        format!("https://localhost:{}", announced.unwrap_or(self.port))
    }

    /// Whether the built-in entities are read by the first request instead of at the start. Nothing can be wrong with them, and
    /// no option concerns them.
    fn defers(&self, behaviors: &Behaviors) -> bool {
        let is_built_in = self.fixtures.is_none() && !self.has_own_schema() && self.directory.is_none();
        is_built_in && self.suite.has_plain_worlds() && *behaviors == Behaviors::default()
    }

    fn settings(&self, behaviors: Behaviors, seed: u64, is_deferred: bool) -> Result<Settings, String> {
        let mut schema = schema::read(&self.schema)?;
        let clock = self.clock.as_deref().map_or(Ok(Clock::System), clock::fixed)?;
        let entities: Result<Entities, _> = match &self.fixtures {
            None if is_deferred => Ok(Entities::new()),
            Some(path) => fixture::with_whole(&mut schema, |schema| fixture::load(schema, &behaviors, path)),
            // The built-in entities may not fit another schema.
            None if self.has_own_schema() => fixture::shipped(&schema, &behaviors).or_else(|_| Ok(Entities::new())),
            None => fixture::shipped(&schema, &behaviors),
        };
        let entities = entities.map_err(|error| error.to_string())?;
        let stubs = self.stubs.as_deref().map(Stubs::load).transpose()?.map(Arc::new);
        let directory = match &self.directory {
            Some(path) => Directory::load(path).map_err(|error| error.to_string())?,
            None => Directory::default(),
        };
        Ok(Settings {
            entities,
            behaviors,
            clock,
            seed,
            is_reproducible: self.seed.is_some(),
            explains: self.explain,
            auth: self.auth.into(),
            directory: Arc::new(directory),
            sign_in: self.sign_in.into(),
            hosts: self.tls.certificate.names().into(),
            page_size: self.page_size,
            page_limit: self.page_limit,
            connectors: self.connectors.settings()?,
            stubs,
            ..Settings::new(schema, crate::workloads::ALL)
        })
    }

    /// Whether a document of the schema is not built in.
    fn has_own_schema(&self) -> bool {
        self.schema.iter().any(|choice| choice.file().is_some())
    }

    /// Returns the paths of fixtures, stubs and fault rules.
    fn watched_paths(&self) -> Vec<PathBuf> {
        let fixtures = self.fixtures.iter().cloned().chain(self.suite.fixture_paths());
        fixtures.chain(self.stubs.clone()).chain(self.suite.faults_path()).collect()
    }

    /// Returns the part of the configuration that the control API shows and that is not about test suites.
    fn configuration(&self) -> [(&'static str, Value); 10] {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).into();
        let auth = self.auth.to_possible_value().map(|value| value.get_name().to_owned());
        [
            ("host", self.host.clone().into()),
            ("fixtures", path(&self.fixtures)),
            ("schema", self.schema.iter().map(ToString::to_string).collect()),
            ("pageSize", self.page_size.get().into()),
            ("pageLimit", self.page_limit.get().into()),
            ("stubs", path(&self.stubs)),
            ("directory", path(&self.directory)),
            ("auth", auth.into()),
            ("tls", self.tls.certificate.tls.into()),
            ("clock", self.clock.clone().into()),
        ]
    }
}

/// Reads a seed.
fn seed(text: &str) -> Result<u64, String> {
    let seed: u64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    if seed <= SEED_LIMIT {
        Ok(seed)
    } else {
        Err(format!("above {SEED_LIMIT}, the largest number that JavaScript and jq keep exactly"))
    }
}

/// Reloads files when they change.
fn watch_files(arguments: &ServeArguments, behaviors: Behaviors, seed: u64, journals: Arc<Journals>, service: Arc<Service>) {
    let paths = arguments.watched_paths();
    let arguments = arguments.clone();
    watch::start(service, paths, move || arguments.plan(&behaviors, seed, &journals));
}
