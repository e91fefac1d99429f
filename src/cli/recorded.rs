//! The commands for recorded exchanges: compare, record, convert.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::Method;
use http::header::{HeaderName, HeaderValue};
use http_body_util::Empty;
use tokio::net::TcpListener;

use super::address::base_url;
use super::behaviors::CommandBehaviors;
use super::log::{self, LogFormat, LogLevel};
use super::output::{UNUSABLE, fail, print, report, write_out};
use super::tls::{CertificateArguments, TrustAnchor};
use super::{runtime, signals};
use crate::edge::client::Upstream;
use crate::edge::private_file;
use crate::policy::behavior::Behaviors;
use crate::text::exchange::{self, Exchange, Resolver, har};
use crate::text::plural::counted;
use crate::text::redact::{RedactionRules, Redactor, doubtful_lines};
use crate::text::visible::visible;
use crate::tools::compare::{self, ExchangeSelection, ReportFormat, Reporter};
use crate::tools::record;
use crate::world::regular_file;

/// The arguments of `compare`.
#[derive(Args, Debug)]
pub(super) struct CompareArguments {
    #[command(flatten)]
    pub(super) behaviors: CommandBehaviors,
    /// Recorded exchanges: a folder, or one file (.hurl)
    path: PathBuf,
    #[arg(
        long,
        value_name = "URL",
        help = "Service to compare with, for example https://graph.microsoft.com, instead of the emulator"
    )]
    against: Option<String>,
    /// PEM root certificates to verify the service with, instead of the system's
    #[arg(long, value_name = "FILE", requires = "against")]
    against_ca: Option<PathBuf>,
    /// Header that replaces a recorded one, for example 'Authorization: Bearer …'; repeatable
    #[arg(long, env = "WFI_EMULATOR_HEADER", value_name = "NAME: VALUE", hide_env_values = true)]
    header: Vec<String>,
    #[arg(
        help = "Value of a template that no exchange captures, for example host=https://graph.microsoft.com; repeatable",
        long,
        env = "WFI_EMULATOR_VARIABLE",
        value_name = "NAME=VALUE",
        hide_env_values = true
    )]
    variable: Vec<String>,
    /// File or folder of initial entities, instead of those that the recording shows
    #[arg(long, value_name = "PATH", conflicts_with = "against")]
    fixtures: Option<PathBuf>,
    /// Format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FormatName,
    /// Replace recorded answers that differ
    #[arg(long)]
    accept: bool,
    /// Method of the requests to send, for example GET; repeatable
    #[arg(long, value_name = "METHOD", value_parser = method)]
    only: Vec<Method>,
    /// Part of the names of exchanges to compare, also of FILE or FILE#NUMBER, * is any text; repeatable
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// List the requests without sending them
    #[arg(long, conflicts_with = "accept")]
    dry_run: bool,
    /// List files without differences too
    #[arg(long)]
    verbose: bool,
}

/// The arguments of `record`.
#[derive(Args, Debug)]
pub(super) struct RecordArguments {
    #[arg(long, value_name = "URL", help = "Service to forward requests to, for example https://graph.microsoft.com")]
    upstream: String,
    /// PEM root certificates to verify the service with, instead of the system's
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Folder to write recordings to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// File with additional redaction rules
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value_t = 9341)]
    port: u16,
    /// Least severe level to log on standard error; off also suppresses the greeting
    #[arg(long, env = "WFI_EMULATOR_LOG", value_name = "LEVEL", default_value = "info")]
    log: LogLevel,
    #[command(flatten)]
    tls: CertificateArguments,
}

/// The arguments of `convert`.
#[derive(Args, Debug)]
pub(super) struct ConvertArguments {
    /// File to convert: an HTTP archive (.har) or exchanges (.hurl)
    from: PathBuf,
    /// File to create, of the other kind
    to: PathBuf,
    /// Value of a template that no exchange captures; repeatable
    #[arg(long, env = "WFI_EMULATOR_VARIABLE", value_name = "NAME=VALUE", hide_env_values = true)]
    variable: Vec<String>,
    /// Host of the exchanges in the archive
    #[arg(long, value_name = "HOST", default_value = "graph.microsoft.com")]
    host: String,
    /// File with additional redaction rules
    #[arg(long, value_name = "FILE")]
    redact: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Text,
    Json,
    Junit,
}

/// Compares; the exit status is 1 if anything differs.
pub(super) fn compare(arguments: &CompareArguments, behaviors: Behaviors, forced: Vec<(String, String)>) -> ExitCode {
    let options = match options(arguments, behaviors, forced) {
        Ok(options) => options,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let has_color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = match arguments.format {
        FormatName::Text => ReportFormat::Text { has_color, is_verbose: arguments.verbose },
        FormatName::Json => ReportFormat::Json,
        FormatName::Junit => ReportFormat::Junit,
    };
    runtime::run(async {
        // A service that cannot be reached is not one that answers otherwise.
        if let Some(service) = options.against.as_ref().filter(|_| !options.is_dry_run)
            && let Err(problem) = service.connect::<Empty<Bytes>>().await
        {
            return fail(UNUSABLE, &format!("unreachable service {problem}"));
        }
        let (mut reporter, start) = Reporter::begin(format);
        // A closed pipe is a reader that has seen enough; the exit status still says the rest.
        let mut written = write_out(start.as_bytes());
        let mut report_event = |event: &compare::Event<'_>| {
            let text = reporter.event(event);
            if written.is_ok() {
                written = write_out(text.as_bytes());
            }
        };
        match compare::compare(&options, &mut report_event).await {
            Ok(total) => match written.and_then(|()| write_out(reporter.end(total).as_bytes())) {
                Ok(()) => ExitCode::from(u8::from(total.drift > 0)),
                Err(problem) => fail(UNUSABLE, &problem),
            },
            Err(problem) => fail(UNUSABLE, &problem),
        }
    })
}

fn options(
    arguments: &CompareArguments,
    behaviors: Behaviors,
    forced: Vec<(String, String)>,
) -> Result<compare::CompareOptions, String> {
    let against = match &arguments.against {
        Some(base) => Some(service(base, arguments.against_ca.as_deref())?),
        None => None,
    };
    let mut headers = Vec::new();
    for header in &arguments.header {
        let Some((name, value)) = header.split_once(':') else {
            return Err("invalid --header: no colon, expected 'name: value'".to_owned());
        };
        let parsed = (HeaderName::from_bytes(name.trim().as_bytes()), HeaderValue::from_str(value.trim()));
        // The value may be a secret, so that the message leaves it out.
        let (Ok(name), Ok(value)) = parsed else { return Err(format!("invalid --header '{name}: …': expected 'name: value'")) };
        headers.push((name, value));
    }
    let (path, fixtures) = (arguments.path.clone(), arguments.fixtures.clone());
    let variables = variables(&arguments.variable)?;
    Ok(compare::CompareOptions {
        path,
        against,
        headers,
        behaviors,
        forced,
        fixtures,
        variables,
        accepts: arguments.accept,
        selection: ExchangeSelection { methods: arguments.only.clone(), names: arguments.filter.clone() },
        is_dry_run: arguments.dry_run,
    })
}

/// Reads a method, in upper case as requests have it.
fn method(text: &str) -> Result<Method, &'static str> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes()).ok().filter(|_| is_name);
    method.ok_or("expected a method such as GET")
}

/// Reads the values of templates.
fn variables(texts: &[String]) -> Result<Vec<(String, String)>, String> {
    let read = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    // The value may be a secret, so that the message leaves it out.
    texts.iter().map(|text| read(text).ok_or_else(|| "invalid --variable: expected name=value".to_owned())).collect()
}

/// Records until a signal comes.
pub(super) fn record(arguments: &RecordArguments) -> ExitCode {
    let is_new = !arguments.out.exists();
    let (upstream, rules) = match upstream_and_rules(arguments) {
        Ok(both) => both,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    let (tls, trust) = match arguments.tls.server_config() {
        Ok(Some((tls, trust))) => (Some(tls), trust),
        Ok(None) => (None, TrustAnchor::Unknown),
        Err(error) => return fail(UNUSABLE, &error.to_string()),
    };
    let options = record::RecordOptions { upstream, folder: arguments.out.clone(), rules, tls };
    let log_flush = log::start(arguments.log, LogFormat::Auto);
    runtime::run(async {
        let listener = match TcpListener::bind((arguments.host.as_str(), arguments.port)).await {
            Ok(listener) => listener,
            Err(error) => return fail(1, &format!("cannot listen on {}:{}: {error}", arguments.host, arguments.port)),
        };
        let (address, (shutdown, hurry)) = match (listener.local_addr(), signals::shutdown()) {
            (Ok(address), Ok(shutdown)) => (address, shutdown),
            (Err(error), _) | (_, Err(error)) => return fail(1, &format!("cannot start: {error}")),
        };
        let url = |scheme: &str| base_url(scheme, address);
        let preferred = url(if options.tls.is_some() { "https" } else { "http" });
        if arguments.log != LogLevel::Off {
            let plain = options.tls.is_some().then(|| {
                let hint = trust.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                format!("{}{hint}", url("http"))
            });
            report(&record_greeting(&options.upstream, &arguments.out, &preferred, plain.as_deref()));
        }
        print(&format!("{preferred}\n"));
        let recorded = record::run_with(listener, options, shutdown, hurry).await;
        // The summary comes after all lines of the log.
        drop(log_flush);
        match recorded {
            Ok((count, Some(path))) => {
                report(&format!("{} recorded in {}\n", counted(count, "exchange", "exchanges"), path.display()));
            }
            Ok((_, None)) => {
                report("no exchanges recorded\n");
                if is_new {
                    // Fails where something else is in it.
                    let _ = std::fs::remove_dir(&arguments.out);
                }
            }
            Err(problem) => return fail(1, &problem),
        }
        ExitCode::SUCCESS
    })
}

/// Returns the greeting of the recorder. `plain` is the address without TLS, where `url` is one with it.
fn record_greeting(upstream: &Upstream, folder: &Path, url: &str, plain: Option<&str>) -> String {
    let target = upstream.base();
    let mut text = format!("records the exchanges with {target} in {}\n", folder.display());
    if let Some(proxy) = upstream.proxy() {
        text.push_str(&format!("through the proxy {proxy}\n"));
    }
    text.push_str(&format!("  {url}/v1.0 in place of {target}/v1.0; stop: Ctrl-C\n"));
    if let Some(plain) = plain {
        text.push_str(&format!("without TLS: {plain}\n"));
    }
    text
}

/// Returns a service, reached through the proxy of the environment if it names one.
fn service(base: &str, authorities: Option<&Path>) -> Result<Upstream, String> {
    Upstream::new(base, authorities)?.with_proxy(|name| std::env::var_os(name))
}

fn upstream_and_rules(arguments: &RecordArguments) -> Result<(Upstream, RedactionRules), String> {
    let upstream = service(&arguments.upstream, arguments.upstream_ca.as_deref())?;
    if let Some(version) = ["/v1.0", "/beta"].into_iter().find(|version| upstream.base().ends_with(version)) {
        return Err(format!("invalid --upstream: {version} belongs to the paths that clients send, leave it out"));
    }
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok((upstream, redaction_rules(arguments.redact.as_deref())?))
}

fn redaction_rules(path: Option<&Path>) -> Result<RedactionRules, String> {
    let Some(path) = path else { return Ok(RedactionRules::default()) };
    let text = regular_file::read_text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = String::from_utf8(text).map_err(|error| format!("{}: not UTF-8: {error}", path.display()))?;
    RedactionRules::read(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Converts between archives and exchanges. Exchanges from an archive are redacted, as recordings are.
pub(super) fn convert(arguments: &ConvertArguments) -> ExitCode {
    match convert_file(arguments) {
        Ok(summary) => {
            report(&summary);
            ExitCode::SUCCESS
        }
        Err(problem) => fail(UNUSABLE, &problem),
    }
}

/// The number of lines on what is left out of an archive.
const LEFT_OUT_LINES: usize = 20;

fn convert_file(arguments: &ConvertArguments) -> Result<String, String> {
    let problem = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let (from, to) = (&arguments.from, &arguments.to);
    let extension =
        |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let length = std::fs::metadata(from).map_err(|error| problem(from, &error))?.len();
    if length > har::LARGEST as u64 {
        return Err(problem(from, &format!("file too large: {length} bytes, at most {}", har::LARGEST)));
    }
    let bytes = regular_file::read_text(from).map_err(|error| problem(from, &error))?;
    let (text, summary) = match (extension(from).as_str(), extension(to).as_str()) {
        ("har", "hurl") => {
            let mut redactor = Redactor::new(redaction_rules(arguments.redact.as_deref())?, 1);
            let har::ReadArchive { exchanges, others, left_out } =
                har::read(&bytes, &arguments.host).map_err(|error| problem(from, &error))?;
            for line in left_out.iter().take(LEFT_OUT_LINES) {
                report(&format!("{}: left out: {}\n", from.display(), visible(line)));
            }
            if let more @ 1.. = left_out.len().saturating_sub(LEFT_OUT_LINES) {
                report(&format!("{}: left out: {more} more\n", from.display()));
            }
            let redacted: Vec<Exchange> = exchanges.iter().map(|exchange| redactor.redact(exchange)).collect();
            if redactor.is_full() {
                return Err(problem(from, &"too many private values to remember"));
            }
            // A value can be seen before it is known to be private.
            let redacted: Vec<Exchange> = redacted.iter().map(|exchange| redactor.redact(exchange)).collect();
            let summary = format!(
                "{} with {}, {others} with other hosts omitted\n",
                counted(redacted.len(), "exchange", "exchanges"),
                arguments.host
            );
            let text = exchange::write(&redacted);
            for (line, length) in doubtful_lines(&text) {
                report(&format!("{}:{}: check by hand: {length} characters that look like a secret\n", to.display(), line + 1));
            }
            (text, summary)
        }
        ("hurl", "har") => {
            let text = std::str::from_utf8(&bytes).map_err(|error| problem(from, &error))?;
            let mut resolver = Resolver::with_values(variables(&arguments.variable)?.into_iter().collect());
            let unknown =
                |name: String| problem(from, &format!("unknown value of the template {{{{{name}}}}}: no response before has it"));
            let entries = exchange::read_entries(text).map_err(|error| problem(from, &error))?;
            let exchanges = entries.iter().map(|entry| resolver.resolve(entry).map_err(unknown));
            let exchanges = exchanges.collect::<Result<Vec<Exchange>, String>>()?;
            let summary = format!("{}\n", counted(exchanges.len(), "exchange", "exchanges"));
            (har::write(&exchanges, &format!("https://{}", arguments.host)), summary)
        }
        _ => return Err(format!("cannot convert {} to {}: expected a .har and a .hurl file", from.display(), to.display())),
    };
    let mut file = private_file::create_new(to).map_err(|error| problem(to, &error))?;
    file.write_all(text.as_bytes()).map_err(|error| {
        // A partial file may look like a whole one.
        let _ = std::fs::remove_file(to);
        problem(to, &error)
    })?;
    Ok(summary)
}
