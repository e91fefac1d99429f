//! The command line: arguments to configuration, start, exit status.

mod ca;
mod call;
mod connector_check;
mod envelope;
mod health;
mod limits;
mod log;
mod pages;
mod parent;
mod ready;
mod recorded;
mod suite;
mod token;
mod watch;

use std::ffi::OsStr;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{BoolishValueParser, Resettable};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use crate::edge::certificate::{self, Authority, CertificateError};
use crate::edge::server;
use crate::edge::service::Service;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::{Schema, SetId, Version};
use crate::policy::behavior::{Behaviors, Profile, ROWS, Secret};
use crate::world::World;
use crate::world::clock::Clock;
use crate::world::fixture::directory::Directory;
use crate::world::fixture::{self, Entities};
use crate::world::ids::random_seed;
use crate::world::settings::{Auth, PAGE_SIZE, Settings};
use crate::world::stub::Stubs;
use crate::world::worlds::{Plan, Worlds};

/// Wrong usage, or files or folders that cannot be used: nothing was started.
const UNUSABLE: u8 = 2;

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "wfi-emulator", version, about = "An offline Microsoft Graph for Teams Shifts workforce integrations", long_about = None)]
pub struct Cli {
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the emulator does where public sources disagree.
#[derive(Args, Debug)]
struct Choices {
    /// Start from the behaviors of a profile: documented, observed or reference-page
    #[arg(long, global = true, env = "WFI_EMULATOR_PROFILE", value_name = "NAME", default_value = "documented")]
    profile: String,
    /// Set one behavior, for example update-response=no-content; repeatable
    #[arg(long, global = true, env = "WFI_EMULATOR_BEHAVIOR", value_name = "NAME=VALUE")]
    behavior: Vec<String>,
}

/// How the emulator is served.
#[derive(Args, Clone, Debug)]
struct Serve {
    /// Address to listen on
    #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
    port: u16,
    /// File or folder with the entities that are there from the start, instead of the built-in ones
    #[arg(long, env = "WFI_EMULATOR_FIXTURES", value_name = "PATH")]
    fixtures: Option<PathBuf>,
    /// Derive all ids from this number, so that two runs give the same ones
    #[arg(long, env = "WFI_EMULATOR_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    /// Folder with recorded exchanges (.hurl) that are served where the model knows no path
    #[arg(long, env = "WFI_EMULATOR_STUBS", value_name = "DIR")]
    stubs: Option<PathBuf>,
    /// Stop the clock at this time, for example 2026-01-01T00:00:00Z
    #[arg(long, env = "WFI_EMULATOR_CLOCK", value_name = "TIME")]
    clock: Option<String>,
    /// Show at most so many entities on a page of a list
    #[arg(long, env = "WFI_EMULATOR_PAGE_SIZE", value_name = "NUMBER", default_value_t = PAGE_SIZE)]
    page_size: NonZeroUsize,
    /// Name the rule or behavior that decided in the response header x-wfi-emulator-explain
    #[arg(long, env = "WFI_EMULATOR_EXPLAIN", value_parser = BoolishValueParser::new())]
    explain: bool,
    #[command(flatten)]
    connectors: envelope::ConnectorChoice,
    #[command(flatten)]
    suite: suite::Suite,
    /// How much of a token requests need: nothing, any token, or one of the emulator's own with the right permission
    #[arg(long, env = "WFI_EMULATOR_AUTH", value_name = "LEVEL", default_value = "open")]
    auth: AuthLevel,
    /// File with the applications and users that may sign in; without it everybody may
    #[arg(long, env = "WFI_EMULATOR_DIRECTORY", value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Serve HTTPS too, on the same port
    #[arg(long, env = "WFI_EMULATOR_TLS", value_parser = BoolishValueParser::new())]
    tls: bool,
    /// One more name or address for the certificate; repeatable
    #[arg(long, env = "WFI_EMULATOR_SAN", value_name = "NAME", value_delimiter = ',', value_parser = certificate_name, requires = "tls")]
    san: Vec<String>,
    /// File with the certificate to show instead of one of the local authority, in PEM
    #[arg(long, env = "WFI_EMULATOR_CERT", value_name = "FILE", requires_all = ["tls", "key"], conflicts_with = "san")]
    cert: Option<PathBuf>,
    /// File with its key, in PEM
    #[arg(long, env = "WFI_EMULATOR_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    #[command(flatten)]
    authority: ca::AuthorityFile,
    /// What to log on standard error; off also leaves out the greeting
    #[arg(long, env = "WFI_EMULATOR_LOG", value_name = "LEVEL", default_value = "info")]
    log: LogLevel,
    #[command(flatten)]
    connections: limits::Connections,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuthLevel {
    Open,
    Bearer,
    Strict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a fixture file or folder and start nothing
    Check {
        /// File or folder with fixtures
        path: PathBuf,
    },
    /// Print the table of behaviors: every choice where public sources disagree, with its evidence
    Behaviors,
    /// Call a connector as Shifts does, and report what Shifts would make of its answer
    Call {
        #[command(subcommand)]
        call: call::CallCommand,
    },
    /// Probe a running connector: does it keep the contract with Shifts?
    ConnectorCheck(connector_check::ConnectorCheck),
    /// Encrypt standard input as Shifts does what it sends to a connector
    Encrypt {
        #[command(flatten)]
        form: envelope::EnvelopeForm,
    },
    /// Decrypt on standard output what Shifts has sent to a connector
    Decrypt {
        #[command(flatten)]
        form: envelope::EnvelopeForm,
        /// Show the parts of the envelope instead of what is said in it
        #[arg(long, env = "WFI_EMULATOR_PARTS")]
        parts: bool,
    },
    /// Send recorded requests and tell where the answers differ from the recorded ones
    Compare(recorded::CompareCommand),
    /// Record what passes between a client and a service, without what is private
    Record(recorded::RecordCommand),
    /// Convert an HTTP archive (.har) into exchanges (.hurl), or back
    Convert(recorded::ConvertCommand),
    /// Print where the local certificate authority is, and how to make clients trust it
    Ca(ca::Arguments),
    /// Print a token that the emulator accepts with --auth strict
    Token(token::Arguments),
    /// Ask a running emulator whether it answers; the exit status says so
    Health {
        /// Address that it listens on
        #[arg(long, env = "WFI_EMULATOR_HOST", default_value = "127.0.0.1")]
        host: String,
        /// Port that it listens on
        #[arg(long, env = "WFI_EMULATOR_PORT", default_value_t = 9340)]
        port: u16,
    },
    /// Print what makes a shell complete the arguments
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the page of the manual, for man
    Man,
}

/// Returns the arguments of this process; where they are wrong or ask for help, says so and ends it.
pub fn arguments() -> Cli {
    let mut matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut Cli::command()).exit())
}

/// Lets no flag look at its variable where that is empty: whoever writes `${X:-}` into a file for containers means that it is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command
        .mut_args(|argument| if argument.get_env().is_some_and(is_empty) { argument.env(Resettable::Reset) } else { argument });
    command.mut_subcommands(without_empty_variables)
}

/// Runs the program.
pub fn run(cli: &Cli) -> ExitCode {
    let behaviors = match behaviors(&cli.choices) {
        Ok(behaviors) => behaviors,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    match &cli.command {
        Some(Command::Compare(arguments)) => {
            let forced = cli.choices.behavior.iter().flat_map(|choices| split_choices(choices));
            let forced = forced.filter_map(|choice| {
                choice.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            });
            recorded::compare(arguments, behaviors, forced.collect())
        }
        Some(Command::Record(arguments)) => recorded::record(arguments),
        Some(Command::Convert(arguments)) => recorded::convert(arguments),
        Some(Command::Behaviors) => print(&behaviors_table(&behaviors)),
        Some(Command::Call { call }) => call::run(call, &behaviors),
        Some(Command::ConnectorCheck(arguments)) => connector_check::run(arguments, &behaviors),
        Some(Command::Encrypt { form }) => envelope::encrypt(form),
        Some(Command::Decrypt { form, parts }) => envelope::decrypt(form, *parts),
        Some(Command::Check { path }) => match fixture::load(&Schema::shipped(), &behaviors, path) {
            Ok(entities) => print(&format!("{}: {} entities, no problems\n", path.display(), entities.len())),
            Err(error) => fail(UNUSABLE, &error.to_string()),
        },
        Some(Command::Ca(arguments)) => match ca::text(&cli.serve.authority, arguments) {
            Ok(text) => print(&text),
            Err(problem) => fail(UNUSABLE, &problem),
        },
        Some(Command::Token(arguments)) => match token::text(arguments) {
            Ok(token) => print(&format!("{token}\n")),
            Err(problem) => fail(UNUSABLE, &problem),
        },
        Some(Command::Health { host, port }) => match health::ask(reachable_host(host), *port) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(1, &problem),
        },
        Some(Command::Completions { shell }) => print_bytes(&pages::completions(*shell)),
        Some(Command::Man) => match pages::manual() {
            Ok(page) => print_bytes(&page),
            Err(error) => fail(1, &format!("the page of the manual: {error}")),
        },
        None => {
            // All plans of a run have one seed.
            let seed = cli.serve.seed.unwrap_or_else(random_seed);
            match plan(&cli.serve, &behaviors, seed) {
                Ok(made) => serve(&cli.serve, behaviors, made),
                Err(problem) => fail(UNUSABLE, &problem),
            }
        }
    }
}

/// Returns a runtime for commands that serve nobody.
fn small_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn fail(status: u8, problem: &str) -> ExitCode {
    let lines: Vec<String> = problem.lines().map(|line| format!("wfi-emulator: {line}\n")).collect();
    tell(&lines.concat());
    ExitCode::from(status)
}

/// Prints to standard error. Whoever started the program may read no more of it, which is no reason to stop.
fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints to standard output, where a closed pipe is a reader that has seen enough.
fn print(text: &str) -> ExitCode {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> ExitCode {
    write_out(bytes).map_or_else(|problem| fail(1, &problem), |()| ExitCode::SUCCESS)
}

fn write_out(bytes: &[u8]) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}

fn behaviors(choices: &Choices) -> Result<Behaviors, String> {
    let profile = Profile::from_name(&choices.profile).ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
        format!("there is no profile '{}'; it is one of {}", choices.profile, names.join(", "))
    })?;
    let mut behaviors = Behaviors::of(profile);
    for choice in choices.behavior.iter().flat_map(|choices| split_choices(choices)) {
        let (name, value) = choice
            .split_once('=')
            .ok_or_else(|| format!("--behavior takes name=value, for example secret=echo, not '{choice}'"))?;
        behaviors.set(name.trim(), value.trim()).map_err(|error| error.to_string())?;
    }
    Ok(behaviors)
}

/// Splits `name=value,name=value`, as the environment variable holds several. A comma that no name follows belongs to the value.
fn split_choices(text: &str) -> Vec<String> {
    let mut choices: Vec<String> = Vec::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match choices.last_mut() {
            Some(last) if !part.contains('=') => *last = format!("{last},{part}"),
            _ => choices.push(part.to_owned()),
        }
    }
    choices
}

/// Returns where a server is reached that listens on a host.
fn reachable_host(host: &str) -> &str {
    match host {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    }
}

/// Returns what the arguments and the files that they name say.
fn plan(serve: &Serve, behaviors: &Behaviors, seed: u64) -> Result<Plan, String> {
    if serve.suite.watch && serve.fixtures.is_none() && serve.suite.fixture_paths().next().is_none() {
        return Err("--watch looks at fixtures: it takes --fixtures or --fixture besides".to_owned());
    }
    serve.suite.plan(settings(serve, behaviors.clone(), seed)?)
}

fn settings(serve: &Serve, behaviors: Behaviors, seed: u64) -> Result<Settings, String> {
    let schema = Arc::new(Schema::shipped());
    let clock = serve.clock.as_deref().map_or(Ok(Clock::System), fixed_clock)?;
    let entities: Result<Entities, _> = match &serve.fixtures {
        Some(path) => fixture::load(&schema, &behaviors, path),
        None => fixture::shipped(&schema, &behaviors),
    };
    let entities = entities.map_err(|error| error.to_string())?;
    let stubs = serve.stubs.as_deref().map(Stubs::load).transpose()?.map(Arc::new);
    let directory = match &serve.directory {
        Some(path) => Directory::load(path).map_err(|error| error.to_string())?,
        None => Directory::default(),
    };
    Ok(Settings {
        schema,
        entities,
        behaviors,
        clock,
        seed,
        explains: serve.explain,
        auth: match serve.auth {
            AuthLevel::Open => Auth::Open,
            AuthLevel::Bearer => Auth::Bearer,
            AuthLevel::Strict => Auth::Strict,
        },
        directory: Arc::new(directory),
        page_size: serve.page_size,
        connectors: serve.connectors.settings()?,
        stubs,
        ..Settings::new()
    })
}

fn fixed_clock(text: &str) -> Result<Clock, String> {
    let ticks = DateTimeOffset::parse(text).map(DateTimeOffset::ticks);
    let since_epoch = ticks.and_then(|ticks| u64::try_from(ticks).ok());
    let Some(ticks) = since_epoch else {
        return Err(format!("--clock takes a time since 1970 such as 2026-01-01T00:00:00Z, not '{text}'"));
    };
    let time: SystemTime = UNIX_EPOCH + Duration::from_micros(ticks / 10);
    Ok(Clock::Fixed(time))
}

fn serve(serve: &Serve, behaviors: Behaviors, made: Plan) -> ExitCode {
    let _flushed_at_the_end = start_log(serve.log);
    let (tls, trusted) = match tls(serve) {
        Ok(Some((tls, trusted))) => (Some(tls), trusted),
        Ok(None) => (None, Trusted::Unknown),
        Err(error) => return fail(UNUSABLE, &error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("cannot start: {error}")),
    };
    let suite = &serve.suite;
    if let Some(path) = &suite.ready_file {
        if let Err(problem) = ready::check_writable(path) {
            return fail(UNUSABLE, &problem);
        }
        // One of an earlier run would say that this one is ready. That it cannot be removed is told when it cannot be written.
        let _ = std::fs::remove_file(path);
    }
    runtime.block_on(async {
        let listener = match TcpListener::bind((serve.host.as_str(), serve.port)).await {
            Ok(listener) => listener,
            Err(error) => return fail(1, &format!("cannot listen on {}:{}: {error}", serve.host, serve.port)),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => return fail(1, &format!("cannot listen: {error}")),
        };
        // The signals are caught before anybody learns that there is something to stop.
        let shutdown = match shutdown_signal() {
            Ok(shutdown) => shutdown,
            Err(error) => return fail(1, &format!("cannot catch signals: {error}")),
        };
        let seed = made.settings.seed;
        let control = suite.control(&made, told(serve));
        let service = Arc::new(Service { worlds: Worlds::new(made, suite.limits()), control });
        let plain_url = base_url("http", address);
        let url = if tls.is_some() { base_url("https", address) } else { plain_url.clone() };
        if serve.log != LogLevel::Off {
            let mut text = greeting(&url, &service.worlds.default_world(), &trusted);
            if tls.is_some() {
                text.push_str(&format!("the same without TLS: {plain_url}{}\n", trusted.told()));
            }
            tell(&text);
        }
        if suite.watch {
            watch(serve, behaviors, seed, service.clone());
        }
        let line = ready::line(suite.ready, &url, address.port(), seed, trusted.path());
        if let Some(path) = &suite.ready_file
            && let Err(error) = ready::write_file(path, &line)
        {
            return fail(1, &format!("{}: {error}", path.display()));
        }
        if let Err(problem) = write_out(line.as_bytes()) {
            return fail(1, &problem);
        }
        let options = server::ServerOptions { tls, limits: serve.connections.limits() };
        let served = server::run_with(listener, service.clone(), options, shutdown);
        if suite.exit_with_parent {
            tokio::select! {
                () = served => {}
                // Nobody is left who waits for an answer.
                () = parent::gone() => tracing::info!("stopping: standard input is closed"),
            }
        } else {
            served.await;
        }
        if let Some(path) = &suite.ready_file {
            let _ = std::fs::remove_file(path);
        }
        suite.state.as_ref().map_or(ExitCode::SUCCESS, |path| save(path, &service))
    })
}

/// Returns what the control API tells of the flags that are not about test suites.
fn told(serve: &Serve) -> [(&'static str, Value); 8] {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).into();
    let auth = serve.auth.to_possible_value().map(|value| value.get_name().to_owned());
    [
        ("host", serve.host.clone().into()),
        ("fixtures", path(&serve.fixtures)),
        ("pageSize", serve.page_size.get().into()),
        ("stubs", path(&serve.stubs)),
        ("directory", path(&serve.directory)),
        ("auth", auth.into()),
        ("tls", serve.tls.into()),
        ("clock", serve.clock.clone().into()),
    ]
}

/// Loads fixtures again when they change.
fn watch(serve: &Serve, behaviors: Behaviors, seed: u64, service: Arc<Service>) {
    let paths = serve.fixtures.iter().cloned().chain(serve.suite.fixture_paths()).collect();
    let serve = serve.clone();
    watch::start(service, paths, move || plan(&serve, &behaviors, seed));
}

/// Saves the entities of the default tenant, with their secrets: the next run goes on with them.
fn save(path: &Path, service: &Service) -> ExitCode {
    let world = service.worlds.default_world();
    let text = fixture::write(&world.schema, &world.store, Secret::Echo);
    match ready::write_file(path, &text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &format!("{}: {error}", path.display())),
    }
}

/// What clients have to trust.
enum Trusted {
    /// Nothing, or what stands behind somebody else's certificate, of which only they know.
    Unknown,
    /// The certificate in this file.
    File(PathBuf),
    /// An authority that is kept nowhere.
    Memory,
}

impl Trusted {
    fn of(authority: &Authority) -> Trusted {
        match authority.path() {
            Some(path) => Trusted::File(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
            None => Trusted::Memory,
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Trusted::File(path) => Some(path),
            Trusted::Unknown | Trusted::Memory => None,
        }
    }

    /// Returns the end of the line that tells people about TLS.
    fn told(&self) -> String {
        match self {
            Trusted::Unknown => String::new(),
            Trusted::File(path) => format!("; what clients have to trust: {} (wfi-emulator ca says how)", path.display()),
            Trusted::Memory => "; the authority is kept nowhere, so clients can only leave out the check".to_owned(),
        }
    }

    /// Returns the flag with which curl accepts the certificate.
    fn curl_flag(&self) -> String {
        match self {
            Trusted::Unknown => String::new(),
            Trusted::File(path) => format!("--cacert '{}' ", path.display()),
            Trusted::Memory => "--insecure ".to_owned(),
        }
    }
}

/// Returns what a server over TLS shows, if it is to be one, and what its clients have to trust.
fn tls(serve: &Serve) -> Result<Option<(Arc<ServerConfig>, Trusted)>, CertificateError> {
    if !serve.tls {
        return Ok(None);
    }
    if let (Some(certificate), Some(key)) = (&serve.cert, &serve.key) {
        return Ok(Some((certificate::own(certificate, key)?, Trusted::Unknown)));
    }
    let authority = serve.authority.authority()?;
    Ok(Some((certificate::issued(&authority, &serve.san)?, Trusted::of(&authority))))
}

/// Reads a name for the certificate. One that no client can ask for, such as an address with its scheme, is a slip.
fn certificate_name(text: &str) -> Result<String, &'static str> {
    let is_name = match text.strip_prefix("*.") {
        Some(rest) => matches!(ServerName::try_from(rest), Ok(ServerName::DnsName(_))),
        None => ServerName::try_from(text).is_ok(),
    };
    if is_name { Ok(text.to_owned()) } else { Err("expected the name of a host or an IP address") }
}

fn start_log(level: LogLevel) -> Option<log::Flush> {
    let filter = match level {
        LogLevel::Off => return None,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    Some(log::start(filter))
}

/// Returns the address that clients on this machine can use.
fn base_url(scheme: &str, address: SocketAddr) -> String {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("{scheme}://{reachable}")
}

/// Says what is served, for people.
fn greeting(url: &str, world: &World, trusted: &Trusted) -> String {
    let mut text = format!("wfi-emulator {} serves an offline Microsoft Graph\n", env!("CARGO_PKG_VERSION"));
    for set in world.schema.root_sets() {
        let info = world.schema.set(set);
        for version in Version::ALL {
            text.push_str(&format!("  {url}/{}/{}\n", version.segment(), info.path));
        }
        text.push_str(&format!("  with {} entities of {}", world.store.collection(set).len(), info.name));
        let is_below = |other: &SetId| *other != set && world.schema.root_of(*other) == set;
        let below: Vec<&str> = world.schema.set_ids().filter(is_below).map(|other| &*world.schema.set(other).name).collect();
        text.push_str(&if below.is_empty() { "\n".to_owned() } else { format!("; below them {}\n", below.join(", ")) });
    }
    if let Some(first) = world.schema.sets().first() {
        text.push_str(&format!("try: curl {}{url}/{}/{}\n", trusted.curl_flag(), Version::V1.segment(), first.path));
    }
    text.push_str(&format!("seed: {}; control: {url}/_emulator\n", world.seed()));
    text.push_str("docs: README.md, wfi-emulator --help, wfi-emulator behaviors; stop: Ctrl-C\n");
    text
}

/// Returns a future that is ready when the program is told to stop. A second Ctrl-C ends it at once.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Without a handler for signals there is nothing to wait for, and the system's own Ctrl-C ends the program.
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        tracing::info!("stopping: requests in flight finish first");
        tokio::spawn(async move {
            // The same listener, since a new one would miss a signal that comes before it.
            #[cfg(unix)]
            let is_interrupted = interrupt.recv().await.is_some();
            #[cfg(not(unix))]
            let is_interrupted = tokio::signal::ctrl_c().await.is_ok();
            if is_interrupted {
                std::process::exit(130);
            }
        });
    })
}

/// Prints the rows with the values in force.
fn behaviors_table(behaviors: &Behaviors) -> String {
    let mut text = String::new();
    for row in ROWS {
        let value = behaviors.get(row.name).unwrap_or_default();
        text.push_str(&format!("{} = {value}\n    {}\n", row.name, row.decides));
        for (name, meaning) in row.values {
            let marks: Vec<&str> = [(*name == value).then_some("in force"), (*name == row.profiles[0]).then_some("default")]
                .into_iter()
                .flatten()
                .collect();
            let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
            text.push_str(&format!("    - {name}{marks}: {meaning}\n"));
        }
        if row.free_text {
            text.push_str("    - any other text that fits\n");
        }
        text.push_str(&format!("    evidence: {}; {}\n\n", row.grade.name(), row.source));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable_of_its_name() {
        for argument in Cli::command().get_arguments().filter(|argument| argument.get_long().is_some()) {
            let long = argument.get_long().unwrap();
            if matches!(long, "help" | "version") {
                continue;
            }
            let expected = format!("WFI_EMULATOR_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().and_then(|name| name.to_str()), Some(expected.as_str()), "--{long}");
        }
    }

    #[test]
    fn an_unspecified_address_is_told_as_loopback() {
        assert_eq!(base_url("http", "0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(base_url("http", "[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(base_url("http", "10.1.2.3:80".parse().unwrap()), "http://10.1.2.3:80");
    }
}
