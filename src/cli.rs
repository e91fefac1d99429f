//! The command line: arguments, commands, exit status.

mod act;
mod address;
mod arguments;
mod behaviors;
mod browser;
mod ca;
mod call;
mod client_variables;
mod clock;
mod config;
mod connections;
mod connector;
mod connector_check;
mod descriptors;
mod envelope;
mod greeting;
mod health;
mod json_schema;
mod log;
mod output;
mod pages;
mod parent;
mod private_file;
mod ready;
mod recorded;
mod report;
mod run;
mod running;
mod runtime;
mod schema;
mod secret_file;
mod serve;
mod signals;
mod state;
mod suite;
mod tls;
mod token;
mod trust_files;
mod variables;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::policy::behavior::Behaviors;
use crate::text::plural::counted;
use crate::world::fixture;
use arguments::{Cli, Command};
use output::{UNUSABLE, fail, print, print_bytes};
use schema::SchemaChoice;
use variables::WithVariables;

/// Runs the program with the arguments of this process and returns its exit status.
pub fn run() -> ExitCode {
    let (cli, chosen) = arguments::parse();
    let behaviors = cli.chosen_behaviors();
    // The server has a task before anything can fail.
    let Some(command) = cli.command.as_ref().filter(|command| !matches!(command, Command::Serve)) else {
        return serve::run(&cli.serve, behaviors.behaviors(), &chosen, &variables::misspelled(Cli::command));
    };
    let (overrides, behaviors) = (behaviors.overrides(), behaviors.behaviors());
    let behaviors = match behaviors {
        Ok(behaviors) => behaviors,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    match command {
        Command::Serve => unreachable!("served above"),
        Command::Run(WithVariables(arguments)) => run::run(arguments),
        Command::Check(WithVariables(arguments)) => {
            // The flag counts before the command too.
            let files = if arguments.schema.is_empty() { &cli.serve.schema } else { &arguments.schema };
            print_or_fail(check(&arguments.paths, files, &behaviors))
        }
        Command::Behaviors(WithVariables(arguments)) => print_or_fail(behaviors::table(arguments, &behaviors)),
        Command::Report(WithVariables(arguments)) => report::run(arguments),
        Command::Rules(WithVariables(arguments)) => print_or_fail(report::table(arguments)),
        Command::Call(WithVariables(arguments)) => call::run(&arguments.call, &behaviors),
        Command::Act(WithVariables(arguments)) => act::run(arguments),
        Command::ConnectorCheck(WithVariables(arguments)) => connector_check::run(arguments, &behaviors),
        Command::Encrypt(WithVariables(arguments)) => envelope::encrypt(arguments),
        Command::Decrypt(WithVariables(arguments)) => envelope::decrypt(arguments),
        Command::Compare(WithVariables(arguments)) => recorded::compare(arguments, behaviors, overrides),
        Command::Record(WithVariables(arguments)) => recorded::record(arguments),
        Command::Convert(WithVariables(arguments)) => recorded::convert(arguments),
        Command::Ca(WithVariables(arguments)) => {
            print_or_fail(ca::text(&cli.serve.tls.certificate.authority, &cli.serve.local_url(), arguments))
        }
        Command::Token(WithVariables(arguments)) => print_or_fail(token::text(arguments, &cli.serve.schema)),
        Command::Journal(WithVariables(arguments)) => running::journal(arguments),
        Command::Worlds(WithVariables(arguments)) => running::worlds(arguments),
        Command::Reset(WithVariables(arguments)) => running::reset(arguments),
        Command::Faults(WithVariables(arguments)) => running::faults(arguments),
        Command::State(WithVariables(arguments)) => running::state(arguments),
        Command::Clock(WithVariables(arguments)) => running::clock(arguments),
        Command::Health(WithVariables(arguments)) => match health::check(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(1, &problem),
        },
        Command::JsonSchema(WithVariables(arguments)) => {
            print_or_fail(json_schema::text(arguments, &cli.serve.schema, &Cli::command()))
        }
        Command::Completions(WithVariables(arguments)) => print_bytes(&pages::completions::<Cli>(arguments.shell)),
        Command::Man => match pages::manual::<Cli>() {
            Ok(page) => print_bytes(&page),
            Err(error) => fail(1, &format!("cannot write the man page: {error}")),
        },
    }
}

fn print_or_fail(text: Result<String, String>) -> ExitCode {
    text.map_or_else(|problem| fail(UNUSABLE, &problem), |text| print(&text))
}

/// Validates fixtures. The problems of all paths are reported.
fn check(paths: &[PathBuf], files: &[SchemaChoice], behaviors: &Behaviors) -> Result<String, String> {
    let mut schema = schema::read(files)?;
    let mut text = schema::contents(&schema, files);
    let mut problems: Vec<String> = Vec::new();
    for path in paths {
        match fixture::with_whole(&mut schema, |schema| fixture::load(schema, behaviors, path)) {
            Ok(entities) => {
                let count = entities.iter().filter(|(_, entity)| entity.linked().is_none()).count();
                text.push_str(&format!("{}: {}, no problems\n", path.display(), counted(count, "entity", "entities")));
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    if problems.is_empty() { Ok(text) } else { Err(problems.join("\n")) }
}
