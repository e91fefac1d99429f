//! The program `wfi-emulator`.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use wfi_emulator::cli::{arguments, run};

// That of the library is whoever uses it to choose.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    run(&arguments())
}
