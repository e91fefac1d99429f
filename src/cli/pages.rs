//! Shell completions and the man page, generated from the program's arguments.

use std::fmt::Write as _;
use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use crate::policy::behavior::{BehaviorRow, Profile, ROWS};
use crate::world::fault;

/// Returns the script that completes the arguments in a shell.
pub(super) fn completions<C: CommandFactory>(shell: Shell) -> Vec<u8> {
    let mut command = C::command();
    // So that commands have their arguments.
    command.build();
    let mut command = with_known_values(with_options_of_server(command));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    let script = with_files(&String::from_utf8_lossy(&script), shell, &fault_names());
    // The generator names the program in two ways, of which the cases of its commands have the wrong one (clap_complete 4.6).
    let script = if shell == Shell::Bash { script.replace("wfi__subcmd__emulator", "wfi__emulator") } else { script };
    if shell == Shell::PowerShell { with_values(&script, &command) } else { script }.into_bytes()
}

/// Gives `serve` and `run` the options of the server, which the program reads without them.
fn with_options_of_server(mut command: Command) -> Command {
    let is_own = |option: &&Arg| !matches!(option.get_id().as_str(), "help" | "version");
    let options: Vec<Arg> = command.get_arguments().filter(is_own).cloned().collect();
    for name in ["serve", "run"] {
        command = command.mut_subcommand(name, |command| {
            let known: Vec<String> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
            command.args(options.iter().filter(|option| !known.iter().any(|known| option.get_id() == known.as_str())))
        });
    }
    command
}

/// Names the profiles, behaviors and faults, which the program reads with messages of its own.
fn with_known_values(command: Command) -> Command {
    let is_of_faults = command.get_name() == "faults";
    let of_argument = |argument: Arg| match argument.get_id().as_str() {
        "profile" => argument.value_parser(PossibleValuesParser::new(Profile::ALL.map(Profile::name))),
        "behavior" => argument.value_parser(PossibleValuesParser::new(behavior_values())),
        "faults" => argument.value_parser(PossibleValuesParser::new(fault_names())),
        "rules" if is_of_faults => argument.value_parser(PossibleValuesParser::new(fault_names())),
        "names" => argument.value_parser(PossibleValuesParser::new(ROWS.iter().map(|row| row.name))),
        _ => argument,
    };
    command.mut_args(of_argument).mut_subcommands(with_known_values)
}

/// Returns every behavior with each of its values. They live as long as the program, which ends with the script.
fn behavior_values() -> Vec<&'static str> {
    let values = |row: &BehaviorRow| {
        let values = row.values.iter().map(|(value, _)| format!("{}={value}", row.name));
        values.chain(row.free_text.then(|| format!("{}=", row.name))).collect::<Vec<String>>()
    };
    ROWS.iter().flat_map(values).map(|text| &*text.leak()).collect()
}

/// Returns the names that stand for fault rules, as scripts list them.
fn fault_names() -> Vec<&'static str> {
    fault::ready_names().collect()
}

/// Completes the names of files where these names are completed, since a file can have the rules too.
fn with_files(script: &str, shell: Shell, names: &[&str]) -> String {
    let list = names.join(" ");
    match shell {
        Shell::Bash => script.replace(&format!("compgen -W \"{list}\""), &format!("compgen -f -W \"{list}\"")),
        Shell::Zsh => script
            .replace(&format!(":FILE:({list})'"), &format!(":FILE:{{compadd {list}; _files}}'"))
            .replace(&format!(":({list})'"), &format!(":{{compadd {list}; _files}}'")),
        // The names are on lines of their own.
        Shell::Fish => script.replace(&format!(" -r -f -a \"{}\\t", names[0]), &format!(" -r -F -a \"{}\\t", names[0])),
        // Both complete files where no name fits.
        _ => script.to_owned(),
    }
}

/// The name of the program.
const NAME: &str = "wfi-emulator";

/// The line of a PowerShell script behind which the commands of the line are known.
const KNOWN_COMMAND: &str = "    }) -join ';'\n";

/// Completes the values of the argument in front of the cursor.
const VALUES_END: &str = r#"    }
    $word, $prefix = $wordToComplete, ''
    $before = @($commandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition })
    $flag = if ($before.Count -gt 1) { $before[-1].Extent.Text } else { '' }
    if (-not $flag.StartsWith('-')) { $flag = '' }
    if ($word -match '^(--[^=]+)=(.*)$') {
        $flag, $word, $prefix = $Matches[1], $Matches[2], "$($Matches[1])="
    }
    if ($values.ContainsKey("$command $flag") -and -not $word.StartsWith('-')) {
        $values["$command $flag"] | Where-Object { $_ -like "$word*" } | ForEach-Object {
            [CompletionResult]::new("$prefix$_", $_, [CompletionResultType]::ParameterValue, $_)
        }
        return
    }
"#;

/// Adds the values of flags to a script for PowerShell, whose generator leaves them out.
fn with_values(script: &str, command: &Command) -> String {
    let mut values = "\n    $values = @{\n".to_owned();
    add_values(command, NAME, &mut values);
    values.push_str(VALUES_END);
    script.replacen(KNOWN_COMMAND, &format!("{KNOWN_COMMAND}{values}"), 1)
}

/// Adds a line for each argument with values, by the command and the flag.
fn add_values(command: &Command, path: &str, lines: &mut String) {
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_action().takes_values()) {
        let values = argument.get_possible_values();
        let values: Vec<String> = values.iter().map(|value| format!("'{}'", value.get_name())).collect();
        if !values.is_empty() {
            for flag in flags(argument) {
                let _ = writeln!(lines, "        '{path} {flag}' = @({})", values.join(", "));
            }
        }
    }
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        add_values(command, &format!("{path};{}", command.get_name()), lines);
    }
}

/// Returns the names of a flag as they are typed; an empty one for an argument without.
fn flags(argument: &Arg) -> Vec<String> {
    let long = argument.get_long().map(|name| format!("--{name}"));
    let short = argument.get_short().map(|name| format!("-{name}"));
    let flags: Vec<String> = long.into_iter().chain(short).collect();
    if flags.is_empty() { vec![String::new()] } else { flags }
}

/// Returns the man page: the program, followed by each of its commands.
pub(super) fn manual<C: CommandFactory>() -> io::Result<Vec<u8>> {
    let mut command = C::command();
    // So that commands know the name of the program.
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let man = clap_mangen::Man::new(command.clone());
        page.extend_from_slice(format!(".SH \"{}\"\n", command.get_bin_name().unwrap_or_default().to_uppercase()).as_bytes());
        man.render_description_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    Ok(page)
}
