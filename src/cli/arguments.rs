//! The arguments of the program, and how they are read.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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
pub(super) enum Command {
    /// Validate fixtures or a schema without serving them
    Check {
        /// Fixture file or folder
        #[arg(required_unless_present = "schema")]
        path: Option<PathBuf>,
        /// CSDL whose contents to report, and to validate the fixtures with; as for the server
        #[arg(long, env = "WFI_EMULATOR_SCHEMA", value_name = "FILE", value_delimiter = ',')]
        schema: Vec<SchemaFile>,
    },
    /// Print the table of behaviors: every choice where public sources disagree, with its evidence
    Behaviors,
    /// Call a connector as Shifts does, and report how Shifts would react to its answer
    Call {
        #[command(subcommand)]
        call: CallCommand,
    },
    /// Probe a running connector for conformance to the Shifts contract
    ConnectorCheck(ConnectorCheckArguments),
    /// Encrypt standard input as Shifts encrypts its calls to a connector
    Encrypt(EncryptArguments),
    /// Decrypt a call from Shifts to a connector, from standard input to standard output
    Decrypt(DecryptArguments),
    /// Replay recorded requests and report differences from the recorded answers
    Compare(CompareArguments),
    /// Record the exchanges between a client and a service, redacted
    Record(RecordArguments),
    /// Convert an HTTP archive (.har) to exchanges (.hurl), or back
    Convert(ConvertArguments),
    /// Print the path of the local CA certificate and commands to trust it
    Ca(CaArguments),
    /// Print a token that the emulator accepts with --auth strict
    Token(TokenArguments),
    /// Check whether a running emulator answers; the exit status is the result
    Health(HealthArguments),
    /// Generate shell completions
    Completions {
        /// Shell to generate completions for
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// Environment variables with an older name, which counts where the newer one is not set.
const RENAMED_VARIABLES: [(&str, &str); 3] = [
    ("WFI_EMULATOR_WORLD_BY", "WFI_EMULATOR_TENANT_BY"),
    ("WFI_EMULATOR_WORLD_LIMIT", "WFI_EMULATOR_TENANT_LIMIT"),
    ("WFI_EMULATOR_WORLD_IDLE", "WFI_EMULATOR_TENANT_IDLE"),
];

/// Returns the arguments of this process. Prints help, or what is wrong, and exits where there is reason to.
pub(super) fn parse() -> Cli {
    let command = with_former_flags(with_variables(Cli::command()), &std::env::args_os().collect::<Vec<OsString>>());
    let matches = command.try_get_matches();
    let mut matches = matches.unwrap_or_else(|error| {
        // Without arguments that can be read, a server does not start; an announcement of an earlier one must not be taken for it.
        if let Some(path) = ready_file(std::env::args_os()).filter(|_| error.use_stderr()) {
            drop(ReadyFile::clear(&path));
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

/// Ignores empty environment variables, since `${X:-}` in a file for containers means that a variable is not set, and accepts older
/// names of variables.
fn with_variables(command: clap::Command) -> clap::Command {
    let is_set = |name: &OsStr| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let command = command.mut_args(|argument| {
        let Some(name) = argument.get_env().filter(|name| !is_set(name)) else { return argument };
        let older = RENAMED_VARIABLES.iter().find(|(newer, older)| name == *newer && is_set(older.as_ref()));
        match older {
            Some((_, older)) => argument.env(older),
            None if std::env::var_os(name).is_some() => argument.env(Resettable::Reset),
            None => argument,
        }
    });
    command.mut_subcommands(with_variables)
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
        check(&Cli::command());
    }
}
