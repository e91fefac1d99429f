//! The program `wfi-emulator`.

use std::process::ExitCode;

use clap::Parser as _;
use wfi_emulator::cli::{Cli, run};

fn main() -> ExitCode {
    run(&Cli::parse())
}
