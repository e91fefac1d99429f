//! The arguments of the program, and how they are read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::act::ActArguments;
use super::behaviors::BehaviorArguments;
use super::ca::CaArguments;
use super::call::CallCommand;
use super::connector_check::ConnectorCheckArguments;
use super::envelope::{DecryptArguments, EncryptArguments};
use super::health::HealthArguments;
use super::ready::ReadyFile;
use super::recorded::{CompareArguments, ConvertArguments, RecordArguments};
use super::schema::SchemaFile;
use super::serve::ServeArguments;
use super::token::TokenArguments;
use super::variables::{WithVariables, rejected, variable};

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "wfi-emulator", version, about = "An offline Microsoft Graph for Teams Shifts workforce integrations", long_about = None)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) behaviors: BehaviorArguments,
    #[command(flatten)]
    pub(super) serve: ServeArguments,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum Command {
    /// Validate fixtures or a schema without serving them
    Check(WithVariables<CheckArguments>),
    /// Print the table of behaviors: every choice where public sources disagree, with its evidence
    Behaviors,
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
    /// Check whether a running emulator answers; the exit status is the result
    Health(WithVariables<HealthArguments>),
    /// Generate shell completions
    Completions(WithVariables<CompletionsArguments>),
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Fixture file or folder
    #[arg(required_unless_present = "schema")]
    pub(super) path: Option<PathBuf>,
    /// CSDL whose contents to report, and to validate the fixtures with; as for the server
    #[arg(long, env = "WFI_EMULATOR_SCHEMA", value_name = "FILE", value_delimiter = ',')]
    pub(super) schema: Vec<SchemaFile>,
}

#[derive(Debug, Args)]
pub(super) struct CallArguments {
    #[command(subcommand)]
    pub(super) call: CallCommand,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// Shell to generate completions for
    pub(super) shell: clap_complete::Shell,
}

/// Returns the arguments of this process. Prints help, or what is wrong, and exits where there is reason to.
pub(super) fn parse() -> Cli {
    let command = with_former_flags(Cli::command().mut_args(variable), &std::env::args_os().collect::<Vec<OsString>>());
    let matches = command.try_get_matches();
    let mut matches = matches.unwrap_or_else(|error| {
        // Without arguments that can be read, a server does not start; an announcement of an earlier one must not be taken for it.
        if let Some(path) = ready_file(std::env::args_os()).filter(|_| error.use_stderr()) {
            drop(ReadyFile::clear(&path));
        }
        let used: Vec<OsString> = std::env::args_os().collect();
        if let Some(name) = rejected(&Cli::command(), &error, &used) {
            let _ = error.print();
            eprintln!("The value is that of the environment variable {name}");
            std::process::exit(error.exit_code());
        }
        error.exit()
    });
    Cli::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut Cli::command()).exit())
}

/// Finds the ready file in arguments that cannot be read otherwise, or in its variable.
fn ready_file(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let flag = loop {
        match arguments.next() {
            None => break None,
            Some(flag) if flag == "--ready-file" => break arguments.next(),
            Some(flag) => {
                if let Some(value) = flag.to_str().and_then(|flag| flag.strip_prefix("--ready-file=")) {
                    break Some(value.into());
                }
            }
        }
    };
    flag.or_else(|| std::env::var_os("WFI_EMULATOR_READY_FILE")).filter(|path| !path.is_empty()).map(PathBuf::from)
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
