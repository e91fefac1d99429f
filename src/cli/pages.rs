//! Shell completions and the man page, generated from the program's arguments.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

/// Returns the script that completes the arguments in a shell.
pub(super) fn completions<C: CommandFactory>(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut C::command(), "wfi-emulator", &mut script);
    script
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
