//! The program `wfi-emulator`.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use wfi_emulator::cli::{Cli, run};

// That of the library is whoever uses it to choose.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(&Cli::parse())
}
