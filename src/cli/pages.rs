//! Shell completions and the man page, generated from the program's arguments.

use std::fmt::Write as _;
use std::io;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

/// Returns the script that completes the arguments in a shell.
pub(super) fn completions<C: CommandFactory>(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut C::command(), NAME, &mut script);
    if shell == Shell::PowerShell {
        let mut command = C::command();
        command.build();
        return with_values(&String::from_utf8_lossy(&script), &command).into_bytes();
    }
    script
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
