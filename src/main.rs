//! The program `wfi-emulator`.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use wfi_emulator::internals::cli;

// Chosen here and not in the library: the allocator of a test suite is the suite's own choice.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
