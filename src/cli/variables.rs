//! The environment variables of arguments.

use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

/// Environment variables with an older name, which counts where the newer one is not set.
pub(super) const RENAMED_VARIABLES: [(&str, &str); 3] = [
    ("WFI_EMULATOR_WORLD_BY", "WFI_EMULATOR_TENANT_BY"),
    ("WFI_EMULATOR_WORLD_LIMIT", "WFI_EMULATOR_TENANT_LIMIT"),
    ("WFI_EMULATOR_WORLD_IDLE", "WFI_EMULATOR_TENANT_IDLE"),
];

/// Ignores an empty environment variable, since `${X:-}` in a file for containers means that a variable is not set, and accepts its older
/// name.
pub(super) fn variable(argument: Arg) -> Arg {
    let is_set = |name: &OsStr| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(name) = argument.get_env().filter(|name| !is_set(name)) else { return argument };
    let older = RENAMED_VARIABLES.iter().find(|(newer, older)| name == *newer && is_set(older.as_ref()));
    match older {
        Some((_, older)) => argument.env(older),
        None if std::env::var_os(name).is_some() => argument.env(Resettable::Reset),
        None => argument,
    }
}

/// The arguments of a command, read with [`variable`]. They are built only when the command is used, so it is done here.
#[derive(Debug)]
pub(super) struct WithVariables<T>(pub(super) T);

impl<T: FromArgMatches> FromArgMatches for WithVariables<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<WithVariables<T>, Error> {
        T::from_arg_matches(matches).map(WithVariables)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for WithVariables<T> {
    fn augment_args(command: Command) -> Command {
        // The text of the command counts, not that of the type of its arguments.
        let about = command.get_about().cloned();
        let command = with_variables(T::augment_args(command));
        about.into_iter().fold(command, Command::about)
    }

    fn augment_args_for_update(command: Command) -> Command {
        WithVariables::<T>::augment_args(command)
    }
}

fn with_variables(command: Command) -> Command {
    command.mut_args(variable).mut_subcommands(with_variables)
}
