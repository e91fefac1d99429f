//! The commands for recorded exchanges: compare, record, convert.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use http::header::{HeaderName, HeaderValue};
use tokio::net::TcpListener;

use super::{UNUSABLE, fail, shutdown_signal, tell, write_out};
use crate::edge::client::Upstream;
use crate::policy::behavior::Behaviors;
use crate::text::exchange::{self, Exchange, Resolver, har};
use crate::text::redact::{RedactionRules, Redactor};
use crate::tools::compare::{self, ReportFormat, Reporter};
use crate::tools::record;

/// What `compare` takes.
#[derive(Args, Debug)]
pub(super) struct CompareCommand {
    /// Folder with recorded exchanges (.hurl), or one file
    path: PathBuf,
    #[arg(
        long,
        value_name = "URL",
        help = "Compare with this service, for example https://graph.microsoft.com, instead of the emulator in this process"
    )]
    against: Option<String>,
    /// PEM file with the authorities that vouch for the service, instead of those of the platform
    #[arg(long, value_name = "FILE", requires = "against")]
    against_ca: Option<PathBuf>,
    /// Header that requests get instead of a recorded one, for example 'Authorization: Bearer …'; repeatable
    #[arg(long, env = "WFI_EMULATOR_HEADER", value_name = "NAME: VALUE", hide_env_values = true)]
    header: Vec<String>,
    /// File or folder with the entities that the emulator starts with, instead of those that the recording shows
    #[arg(long, value_name = "PATH", conflicts_with = "against")]
    fixtures: Option<PathBuf>,
    /// How to tell what differs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FormatName,
    /// Write the answers that differ into the files
    #[arg(long)]
    accept: bool,
}

/// What `record` takes.
#[derive(Args, Debug)]
pub(super) struct RecordCommand {
    #[arg(long, value_name = "URL", help = "The service to pass requests on to, for example https://graph.microsoft.com")]
    upstream: String,
    /// PEM file with the authorities that vouch for the service, instead of those of the platform
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Folder for the recordings
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// File with rules for what else is private
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 9341)]
    port: u16,
}

/// What `convert` takes.
#[derive(Args, Debug)]
pub(super) struct ConvertCommand {
    /// HTTP archive (.har) or file with exchanges (.hurl)
    from: PathBuf,
    /// The other of the two, which must not be there yet
    to: PathBuf,
    /// The host whose exchanges are taken out of an archive, or put into one
    #[arg(long, value_name = "HOST", default_value = "graph.microsoft.com")]
    host: String,
    /// File with rules for what else is private
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Text,
    Json,
    Junit,
}

/// Starts what waits for the network.
fn block_on(future: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => fail(1, &format!("cannot start: {error}")),
    }
}

/// Compares; the exit status is 1 if anything differs.
pub(super) fn compare(arguments: &CompareCommand, behaviors: Behaviors, forced: Vec<(String, String)>) -> ExitCode {
    let options = match options(arguments, behaviors, forced) {
        Ok(options) => options,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let has_color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = match arguments.format {
        FormatName::Text => ReportFormat::Text { has_color },
        FormatName::Json => ReportFormat::Json,
        FormatName::Junit => ReportFormat::Junit,
    };
    block_on(async {
        let (mut reporter, start) = Reporter::begin(format);
        // A closed pipe is a reader that has seen enough; the exit status still tells the rest.
        let mut written = write_out(start.as_bytes());
        let mut tell_event = |event: &compare::Event<'_>| {
            let text = reporter.event(event);
            if written.is_ok() {
                written = write_out(text.as_bytes());
            }
        };
        match compare::compare(&options, &mut tell_event).await {
            Ok(total) => match written.and_then(|()| write_out(reporter.end(total).as_bytes())) {
                Ok(()) => ExitCode::from(u8::from(total.drift > 0)),
                Err(problem) => fail(UNUSABLE, &problem),
            },
            Err(problem) => fail(UNUSABLE, &problem),
        }
    })
}

fn options(
    arguments: &CompareCommand,
    behaviors: Behaviors,
    forced: Vec<(String, String)>,
) -> Result<compare::CompareOptions, String> {
    let against = match &arguments.against {
        Some(base) => Some(Upstream::new(base, arguments.against_ca.as_deref())?),
        None => None,
    };
    let mut headers = Vec::new();
    for header in &arguments.header {
        let Some((name, value)) = header.split_once(':') else {
            return Err("--header takes 'name: value', and found no colon".to_owned());
        };
        let parsed = (HeaderName::from_bytes(name.trim().as_bytes()), HeaderValue::from_str(value.trim()));
        // What the value says is nobody's business, not even here.
        let (Ok(name), Ok(value)) = parsed else { return Err(format!("--header takes 'name: value', not '{name}: …'")) };
        headers.push((name, value));
    }
    let (path, fixtures) = (arguments.path.clone(), arguments.fixtures.clone());
    Ok(compare::CompareOptions { path, against, headers, behaviors, forced, fixtures, accepts: arguments.accept })
}

/// Records until it is told to stop.
pub(super) fn record(arguments: &RecordCommand) -> ExitCode {
    let (upstream, rules) = match upstream_and_rules(arguments) {
        Ok(both) => both,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let options = record::RecordOptions { upstream, folder: arguments.out.clone(), rules };
    let log = super::start_log(super::LogLevel::Info);
    block_on(async {
        let listener = match TcpListener::bind((arguments.host.as_str(), arguments.port)).await {
            Ok(listener) => listener,
            Err(error) => return fail(1, &format!("cannot listen on {}:{}: {error}", arguments.host, arguments.port)),
        };
        let (address, shutdown) = match (listener.local_addr(), shutdown_signal()) {
            (Ok(address), Ok(shutdown)) => (address, shutdown),
            (Err(error), _) | (_, Err(error)) => return fail(1, &format!("cannot start: {error}")),
        };
        super::print(&format!("{}\n", super::base_url("http", address)));
        let recorded = record::run(listener, options, shutdown).await;
        // What is told last stands behind all lines of the log.
        drop(log);
        match recorded {
            Ok((count, Some(path))) => tell(&format!("{count} exchanges recorded in {}\n", path.display())),
            Ok((_, None)) => tell("no exchange recorded\n"),
            Err(problem) => return fail(1, &problem),
        }
        ExitCode::SUCCESS
    })
}

fn upstream_and_rules(arguments: &RecordCommand) -> Result<(Upstream, RedactionRules), String> {
    let upstream = Upstream::new(&arguments.upstream, arguments.upstream_ca.as_deref())?;
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok((upstream, redaction_rules(arguments.redact.as_deref())?))
}

fn redaction_rules(path: Option<&Path>) -> Result<RedactionRules, String> {
    let Some(path) = path else { return Ok(RedactionRules::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    RedactionRules::read(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Converts between archives and exchanges. What comes out of an archive is redacted, as recordings are.
pub(super) fn convert(arguments: &ConvertCommand) -> ExitCode {
    match converted(arguments) {
        Ok(told) => {
            tell(&told);
            ExitCode::SUCCESS
        }
        Err(problem) => fail(UNUSABLE, &problem),
    }
}

fn converted(arguments: &ConvertCommand) -> Result<String, String> {
    let problem = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let (from, to) = (&arguments.from, &arguments.to);
    let extension =
        |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let length = std::fs::metadata(from).map_err(|error| problem(from, &error))?.len();
    if length > har::LARGEST as u64 {
        return Err(problem(from, &format!("found {length} bytes, expected at most {}", har::LARGEST)));
    }
    let bytes = std::fs::read(from).map_err(|error| problem(from, &error))?;
    let (text, told) = match (extension(from).as_str(), extension(to).as_str()) {
        ("har", "hurl") => {
            let mut redactor = Redactor::new(redaction_rules(arguments.redact.as_deref())?, 1);
            let (exchanges, others) = har::read(&bytes, &arguments.host).map_err(|error| problem(from, &error))?;
            let redacted: Vec<Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
            let told = format!("{} exchanges with {}, {others} with other hosts left out\n", redacted.len(), arguments.host);
            (exchange::write(&redacted), told)
        }
        ("hurl", "har") => {
            let text = std::str::from_utf8(&bytes).map_err(|error| problem(from, &error))?;
            let mut resolver = Resolver::default();
            let unknown = |name: String| {
                problem(from, &format!("found the template {{{{{name}}}}}, but no response before tells its value"))
            };
            let entries = exchange::read_entries(text).map_err(|error| problem(from, &error))?;
            let exchanges = entries.iter().map(|entry| resolver.resolve(entry).map_err(unknown));
            let exchanges = exchanges.collect::<Result<Vec<Exchange>, String>>()?;
            let told = format!("{} exchanges\n", exchanges.len());
            (har::write(&exchanges, &format!("https://{}", arguments.host)), told)
        }
        _ => return Err(format!("convert takes a .har and a .hurl file, not {} and {}", from.display(), to.display())),
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(to).map_err(|error| problem(to, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| {
        // A part of it would be in the way of the next try, and may look like the whole.
        let _ = std::fs::remove_file(to);
        problem(to, &error)
    })?;
    Ok(told)
}
