//! The asynchronous runtime of commands that wait for the network.

use std::process::ExitCode;

use super::output::fail;

/// Runs a command with threads for many connections.
pub(super) fn run_many(future: impl Future<Output = ExitCode>) -> ExitCode {
    run(tokio::runtime::Builder::new_multi_thread().enable_all().build(), future)
}

/// Runs a command that makes one call after another.
pub(super) fn run_few(future: impl Future<Output = ExitCode>) -> ExitCode {
    run(tokio::runtime::Builder::new_current_thread().enable_all().build(), future)
}

fn run(runtime: std::io::Result<tokio::runtime::Runtime>, future: impl Future<Output = ExitCode>) -> ExitCode {
    match runtime {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => fail(1, &format!("cannot start: {error}")),
    }
}
