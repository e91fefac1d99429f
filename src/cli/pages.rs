//! What shells and manuals want to know of the program, made from its own arguments.

use std::io;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// Returns what makes a shell complete the arguments.
pub(super) fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wfi-emulator", &mut script);
    script
}

/// Returns the page of the manual: the program, and behind it each of its commands.
pub(super) fn manual() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
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
