//! The environment variables of arguments.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use super::config;
use crate::text::nearest::nearest;

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
    if argument.get_env().is_some_and(is_service_link) {
        return argument.env(Resettable::Reset);
    }
    let Some(name) = argument.get_env().filter(|name| !is_set(name)) else { return argument };
    let older = RENAMED_VARIABLES.iter().find(|(newer, older)| name == *newer && is_set(older.as_ref()));
    match older {
        Some((_, older)) => argument.env(older),
        None if std::env::var_os(name).is_some() => argument.env(Resettable::Reset),
        None => argument,
    }
}

/// Whether Kubernetes has set a variable for a service that is called `wfi-emulator`: its port is then an address.
fn is_service_link(name: &OsStr) -> bool {
    name == "WFI_EMULATOR_PORT"
        && std::env::var_os(name)
            .is_some_and(|value| ["tcp://", "udp://"].iter().any(|start| value.to_string_lossy().starts_with(start)))
}

/// Returns a line for each variable of this process that looks like one of the program's, and is unknown.
pub(super) fn misspelled(command: impl FnOnce() -> Command) -> Vec<String> {
    let names: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    // Nearly all starts have none, and the arguments of all commands take time to build.
    if !names.iter().any(|name| is_unknown(name, &[])) {
        return Vec::new();
    }
    let mut command = command();
    command.build();
    unknown(&command, names.into_iter())
}

fn unknown(command: &Command, names: impl Iterator<Item = String>) -> Vec<String> {
    let mut known: Vec<String> = RENAMED_VARIABLES.iter().map(|(_, older)| (*older).to_owned()).collect();
    for command in std::iter::once(command).chain(command.get_subcommands()) {
        known.extend(command.get_arguments().filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned())));
    }
    let mut unknown: Vec<String> = names.filter(|name| is_unknown(name, &known)).collect();
    unknown.sort();
    let line = |name: &String| match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("unknown variable {name} (did you mean {near}?)"),
        None => format!("unknown variable {name}"),
    };
    unknown.iter().map(line).collect()
}

fn is_unknown(name: &str, known: &[String]) -> bool {
    let Some(rest) = name.strip_prefix("WFI_EMULATOR_") else { return false };
    // Those that Kubernetes sets, and those of the project's own scripts.
    let is_foreign = rest.starts_with("SERVICE_") || rest.starts_with("PORT_") || FOREIGN.contains(&rest);
    !is_foreign && known.iter().all(|other| other != name)
}

/// Variables of helpers, examples and scripts, without their prefix.
const FOREIGN: [&str; 5] = ["WRITE_DOCS", "URL", "BASE_URL", "BINARY", "PATH"];

/// Returns the variable that has a value which an argument does not accept, if no flag has it.
pub(super) fn rejected(command: &Command, error: &Error, used: &[OsString]) -> Option<String> {
    let ContextValue::String(argument) = error.get(ContextKind::InvalidArg)? else { return None };
    let long = argument.strip_prefix("--")?.split([' ', '=']).next()?;
    let flag = format!("--{long}");
    let is_flag = |text: &OsString| text.to_str().is_some_and(|text| text == flag || text.starts_with(&format!("{flag}=")));
    if used.iter().any(is_flag) {
        return None;
    }
    let commands = std::iter::once(command).chain(command.get_subcommands());
    let found = commands.flat_map(Command::get_arguments).find(|argument| argument.get_long() == Some(long))?;
    found.get_env()?.to_str().map(str::to_owned)
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
    command.mut_args(with_default).mut_subcommands(with_variables)
}

/// Gives an argument its variable, and the value that the configuration file has for it.
fn with_default(argument: Arg) -> Arg {
    let default = argument.get_env().and_then(config::default_of);
    let argument = variable(argument);
    match default {
        // The help shows defaults.
        Some(value) if argument.is_hide_env_values_set() => argument.default_value(value).hide_default_value(true),
        Some(value) => argument.default_value(value),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_variables_are_named() {
        let command = Command::new("x").arg(Arg::new("port").long("port").env("WFI_EMULATOR_PORT"));
        let names = [
            "WFI_EMULATOR_PROT",
            "WFI_EMULATOR_PORT",
            "WFI_EMULATOR_TENANT_BY",
            "WFI_EMULATOR_SERVICE_HOST",
            "WFI_EMULATOR_PORT_9340_TCP_ADDR",
            "WFI_EMULATOR_URL",
            "PATH",
        ];
        let lines = unknown(&command, names.into_iter().map(str::to_owned));
        assert_eq!(lines, ["unknown variable WFI_EMULATOR_PROT (did you mean WFI_EMULATOR_PORT?)"]);
    }
}
