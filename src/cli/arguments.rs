//! The arguments of the program, and how they are read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::act::ActArguments;
use super::behaviors::{BehaviorArguments, CommandBehaviors, TableArguments};
use super::ca::CaArguments;
use super::call::CallCommand;
use super::config::{Completed, Config, raw_value};
use super::connector_check::ConnectorCheckArguments;
use super::envelope::{DecryptArguments, EncryptArguments};
use super::health::HealthArguments;
use super::json_schema::JsonSchemaArguments;
use super::output::{UNUSABLE, fail};
use super::ready::ReadyFile;
use super::recorded::{CompareArguments, ConvertArguments, RecordArguments};
use super::report::{ReportArguments, RulesArguments};
use super::run::RunArguments;
use super::running::{ClockArguments, FaultsArguments, JournalArguments, StateArguments, WorldArguments, WorldsArguments};
use super::schema::SchemaChoice;
use super::serve::ServeArguments;
use super::token::TokenArguments;
use super::variables::{WithVariables, rejected, variable};
use crate::text::visible::visible;

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(
    name = "wfi-emulator",
    version,
    about = "An offline Microsoft Graph for tests, with Teams Shifts and its workforce integrations",
    long_about = None,
    after_help = "--help has all options, and their environment variables.",
    after_long_help = "An option of the server is also an environment variable; an empty one counts as unset."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) serve: ServeArguments,
    #[command(flatten)]
    pub(super) behaviors: BehaviorArguments,
    /// File with options of the server (default: wfi-emulator.toml beside the fixtures or in the current folder); off for none
    #[arg(long, env = "WFI_EMULATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum Command {
    /// Serve the emulator, as without a command; takes the options below
    Serve,
    /// Run a command whose requests to Graph and Entra come to an emulator of its own
    Run(WithVariables<RunArguments>),
    /// Validate fixtures or a schema without serving them
    Check(WithVariables<CheckArguments>),
    /// Print the table of behaviors: every choice where public sources disagree, with its evidence
    Behaviors(WithVariables<TableArguments>),
    /// Call a connector as Shifts does, and report how Shifts would react to its answer
    Call(WithVariables<CallArguments>),
    /// Do in a running emulator what workers and managers do in the app, and report what the connector was sent
    Act(WithVariables<ActArguments>),
    /// Probe a running connector for conformance to the Shifts contract
    ConnectorCheck(WithVariables<ConnectorCheckArguments>),
    /// Encrypt standard input as Shifts encrypts its calls to a connector
    Encrypt(WithVariables<EncryptArguments>),
    /// Decrypt a call from Shifts to a connector, from standard input to standard output
    Decrypt(WithVariables<DecryptArguments>),
    /// Replay recorded requests and report differences from the recorded answers
    Compare(WithVariables<CompareArguments>),
    /// Record the exchanges between a client and a service, redacted
    Record(WithVariables<RecordArguments>),
    /// Convert an HTTP archive (.har) to exchanges (.hurl), or back
    Convert(WithVariables<ConvertArguments>),
    /// Print the path of the local CA certificate and commands to trust it
    Ca(WithVariables<CaArguments>),
    /// Print a token that the emulator accepts with --auth strict
    Token(WithVariables<TokenArguments>),
    /// Print the requests that a running emulator has answered
    Journal(WithVariables<JournalArguments>),
    /// Report what the clients of a running emulator do wrong, with evidence
    Report(WithVariables<ReportArguments>),
    /// Print the rules of reports, with their sources
    Rules(WithVariables<RulesArguments>),
    /// Print the worlds of a running emulator
    Worlds(WithVariables<WorldsArguments>),
    /// Restore a world of a running emulator to its initial state
    Reset(WithVariables<WorldArguments>),
    /// Print or replace the fault rules of a running emulator
    Faults(WithVariables<FaultsArguments>),
    /// Print or replace the state of a running emulator
    State(WithVariables<StateArguments>),
    /// Print or change the clock of a running emulator
    Clock(WithVariables<ClockArguments>),
    /// Check whether a running emulator answers; the exit status is the result
    Health(WithVariables<HealthArguments>),
    /// Print the JSON Schema of a file, for editors
    JsonSchema(WithVariables<JsonSchemaArguments>),
    /// Generate shell completions
    Completions(WithVariables<CompletionsArguments>),
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Fixture files or folders
    #[arg(required_unless_present = "schema", value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// CSDL whose contents to report, and to validate the fixtures with; as for the server
    #[arg(long, env = "WFI_EMULATOR_SCHEMA", value_name = "FILE", value_delimiter = ',')]
    pub(super) schema: Vec<SchemaChoice>,
    #[command(flatten)]
    pub(super) behaviors: CommandBehaviors,
}

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    #[command(flatten)]
    pub(super) behaviors: CommandBehaviors,
    #[command(subcommand)]
    pub(super) call: CallCommand,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// Shell to generate completions for
    pub(super) shell: clap_complete::Shell,
}

impl Cli {
    /// Returns the choice of behaviors, that behind the name of the command included.
    pub(super) fn chosen_behaviors(&self) -> BehaviorArguments {
        let command = match &self.command {
            Some(Command::Check(WithVariables(arguments))) => &arguments.behaviors,
            Some(Command::Behaviors(WithVariables(arguments))) => &arguments.behaviors,
            Some(Command::Call(WithVariables(arguments))) => &arguments.behaviors,
            Some(Command::ConnectorCheck(WithVariables(arguments))) => &arguments.behaviors,
            Some(Command::Compare(WithVariables(arguments))) => &arguments.behaviors,
            _ => return self.behaviors.clone(),
        };
        self.behaviors.clone().with(command)
    }
}

/// The flags of the server by what they are about, in the order of the help. The help in short shows those of the first element.
const GROUPS: [(&str, &[&str], &[&str]); 7] = [
    ("Server", &["host", "port", "log"], &["log-format", "config"]),
    (
        "Data",
        &["fixtures", "schema", "state"],
        &["state-every", "watch", "stubs", "fixture", "store-bytes", "page-size", "page-limit"],
    ),
    ("Answers", &["behavior", "profile"], &["explain"]),
    (
        "Tests",
        &["seed", "clock", "faults"],
        &[
            "ready",
            "ready-file",
            "exit-with-parent",
            "world-by",
            "world-limit",
            "world-idle",
            "journal",
            "journal-bytes",
            "journals-bytes",
            "report",
            "control",
            "ui",
            "open",
            "control-token",
            "control-token-file",
        ],
    ),
    (
        "Sign-in and HTTPS",
        &["auth", "directory", "tls"],
        &["sign-in", "san", "cert", "key", "ca-dir", "intercept", "proxy-others"],
    ),
    ("Connectors", &[], &["allow-remote-connectors", "connector-timeout", "connector-ca"]),
    ("Connections", &[], &["connection-limit", "idle-timeout", "head-timeout", "head-limit", "body-timeout", "answer-timeout"]),
];

/// Groups the flags of the server in the help.
fn grouped(argument: clap::Arg) -> clap::Arg {
    let Some(long) = argument.get_long() else { return argument };
    let position = |(group, (heading, common, others)): (usize, &(&'static str, &[&str], &[&str]))| {
        let place = common.iter().chain(*others).position(|name| *name == long)?;
        Some((*heading, group * 100 + place, place >= common.len()))
    };
    match GROUPS.iter().enumerate().find_map(position) {
        Some((heading, order, is_rare)) => argument.help_heading(heading).display_order(order).hide_short_help(is_rare),
        None => argument,
    }
}

/// The commands that only print what they are made of, without options of the server.
const PAGES: [&str; 3] = ["json-schema", "completions", "man"];

/// Returns the arguments of this process, and the options of the server that are not by default. Prints help, or what is wrong, and exits where there is reason to.
pub(super) fn parse() -> (Cli, Vec<String>) {
    let mut used: Vec<OsString> = std::env::args_os().collect();
    // The flags of the server may follow its name.
    if used.get(1).is_some_and(|name| name == "serve") {
        used.remove(1);
    }
    let server_options = options_of_run(&mut used);
    // The help in short is without variables.
    let is_short = used.iter().any(|argument| argument == "-h");
    let command = Cli::command().mut_args(|argument| variable(grouped(argument)).hide_env(is_short));
    let command = with_former_flags(command, &used);
    let config = if used.iter().any(|argument| PAGES.iter().any(|page| argument == page)) {
        None
    } else {
        Config::find(&command, &used).unwrap_or_else(|problem| {
            clear_ready_file(&used);
            fail(UNUSABLE, &problem);
            std::process::exit(UNUSABLE.into())
        })
    };
    if let Some(config) = &config {
        config.set_defaults(&command);
    }
    let completed = config.as_ref().map(|config| config.complete(&command, &used));
    let used = completed.as_ref().map_or(used, |completed| completed.all.clone());
    let matches = command.try_get_matches_from(&used);
    let mut matches = matches.unwrap_or_else(|error| {
        if error.use_stderr() {
            clear_ready_file(&used);
        }
        let variable = rejected(&Cli::command(), &error, &used);
        let notes = variable.map(|name| vec![format!("The value is that of the environment variable {name}")]);
        let is_of_file = error.use_stderr() && error.kind() != ErrorKind::UnknownArgument;
        let of_file = || completed.as_ref().filter(|_| is_of_file).map(|completed| completed.notes(&error.to_string()));
        if let Some(notes) = notes.or_else(of_file) {
            let _ = error.print();
            for note in notes {
                eprintln!("{note}");
            }
            std::process::exit(error.exit_code());
        }
        error.exit()
    });
    let chosen = chosen(&matches, completed.as_ref());
    let mut cli = Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut Cli::command()).exit());
    if let Some(Command::Run(WithVariables(run))) = &mut cli.command {
        run.options = server_options;
    }
    (cli, chosen)
}

/// Removes the announcement of an earlier server. Without arguments that can be read, none starts, and it must not be taken for one.
fn clear_ready_file(arguments: &[OsString]) {
    if let Some(path) = raw_value(arguments, "--ready-file", "WFI_EMULATOR_READY_FILE") {
        drop(ReadyFile::clear(Path::new(&path)));
    }
}

/// Takes the options of the server out of the arguments of `run`: those before `--`, except `--env`, unless they ask for help.
fn options_of_run(used: &mut Vec<OsString>) -> Vec<OsString> {
    if used.get(1).is_none_or(|name| name != "run") {
        return Vec::new();
    }
    let is_env = |option: &OsString| option == "--env" || option.to_str().is_some_and(|option| option.starts_with("--env="));
    let is_help = |option: &OsString| option == "--help" || option == "-h";
    let end = used.iter().position(|argument| argument == "--");
    // Without `--`, they are options of the server with `--env` alone.
    let end = end.or_else(|| used.iter().any(is_env).then_some(used.len()));
    match end {
        Some(end) if !used[2..end].iter().any(is_help) => {
            let (own, options): (Vec<_>, Vec<_>) = used.drain(2..end).partition(is_env);
            used.splice(2..2, own);
            options
        }
        _ => Vec::new(),
    }
}

/// The options by which programs start the server, `run` among them. They concern no one who reads the greeting.
const FOR_PROGRAMS: [&str; 2] = ["ready", "exit-with-parent"];

/// Returns the options of the server that are given and concern people, with their values, and with the variable or the file that a value
/// comes from.
fn chosen(matches: &ArgMatches, completed: Option<&Completed<'_>>) -> Vec<String> {
    let flags = GROUPS.iter().flat_map(|(_, common, others)| common.iter().chain(*others));
    let flags = flags.filter(|flag| !FOR_PROGRAMS.contains(*flag));
    let text = |flag: &&str| {
        let id = flag.replace('-', "_");
        let source = match matches.value_source(&id)? {
            ValueSource::CommandLine => {
                let source = completed.and_then(|completed| completed.source(flag));
                source.map_or_else(String::new, |source| format!(" ({})", visible(&source)))
            }
            ValueSource::EnvVariable => format!(" (WFI_EMULATOR_{})", id.to_uppercase()),
            _ => return None,
        };
        let values: Vec<String> = matches.get_raw(&id)?.map(|value| value.to_string_lossy().into_owned()).collect();
        // A switch has the value true, and a token is a secret.
        let value = match (values.concat().as_str(), *flag) {
            (_, "control-token") | ("true", _) => String::new(),
            _ => format!(" {}", visible(&values.join(","))),
        };
        Some(format!("--{flag}{value}{source}"))
    };
    flags.filter_map(text).collect()
}

/// Lets messages name a flag as the user does, also by its former name.
fn with_former_flags(command: clap::Command, used: &[OsString]) -> clap::Command {
    const RENAMED: [(&str, &str); 3] =
        [("world-by", "tenant-by"), ("world-limit", "tenant-limit"), ("world-idle", "tenant-idle")];
    let is_used = |name: &str| {
        let flags = used.iter().filter_map(|flag| flag.to_str()?.strip_prefix("--"));
        flags.map(|flag| flag.split('=').next().unwrap_or_default()).any(|flag| flag == name)
    };
    RENAMED.into_iter().filter(|(_, former)| is_used(former)).fold(command, |command, (current, former)| {
        command.mut_args(|argument| {
            if argument.get_long() == Some(current) {
                argument.long(former).alias(Resettable::Reset).alias(current)
            } else {
                argument
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::variables::RENAMED_VARIABLES;
    use super::*;

    #[test]
    fn verify_cli() {
        let mut command = Cli::command();
        command.build();
        command.debug_assert();
    }

    #[test]
    fn every_flag_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, common, others)| common.iter().chain(*others)).copied().collect();
        let command = Cli::command();
        let flags = command.get_arguments().filter_map(clap::Arg::get_long).filter(|name| !matches!(*name, "help" | "version"));
        let mut flags: Vec<&str> = flags.collect();
        flags.sort_unstable();
        let mut sorted = grouped.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, flags);
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
    fn every_renamed_variable_belongs_to_a_flag() {
        for (newer, older) in RENAMED_VARIABLES {
            let command = Cli::command();
            let argument = command.get_arguments().find(|argument| argument.get_env() == Some(newer.as_ref())).unwrap();
            let alias = older.trim_start_matches("WFI_EMULATOR_").to_lowercase().replace('_', "-");
            assert_eq!(argument.get_all_aliases(), Some(vec![&*alias]), "{newer}");
        }
    }

    #[test]
    fn a_flag_is_reported_by_the_name_that_was_used() {
        for [used, other] in [["--tenant-by", "--world-by"], ["--world-by", "--tenant-by"]] {
            let arguments = ["wfi-emulator", used, "x"].map(OsString::from);
            let error = with_former_flags(Cli::command(), &arguments).try_get_matches_from(&arguments).unwrap_err().to_string();
            assert!(error.contains(used) && !error.contains(other), "{error}");
            for flag in [used, other] {
                let arguments = ["wfi-emulator".to_owned(), format!("{flag}=token")].map(OsString::from);
                with_former_flags(Cli::command(), &arguments).try_get_matches_from(&arguments).unwrap();
            }
        }
    }

    #[test]
    fn help_is_written_as_phrases() {
        fn check(command: &clap::Command) {
            let texts = command.get_arguments().filter_map(|argument| argument.get_help().map(ToString::to_string));
            for text in texts.chain(command.get_about().map(ToString::to_string)) {
                assert!(!text.ends_with('.'), "a help text is a phrase without a full stop: {text}");
                for start in ["What ", "How ", "Whether ", "Who ", "Where ", "When ", "The "] {
                    assert!(!text.starts_with(start), "a help text is an imperative or a noun phrase: {text}");
                }
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
    }
}
