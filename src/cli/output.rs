//! Standard output and standard error.

use std::io::Write as _;
use std::process::ExitCode;

use crate::text::visible::visible;

/// The exit status for wrong usage and unusable files; nothing was started.
pub(super) const UNUSABLE: u8 = 2;

/// Prints a problem to standard error and returns the exit status.
pub(super) fn fail(status: u8, problem: &str) -> ExitCode {
    let lines: Vec<String> = problem.lines().map(|line| format!("wfi-emulator: {}\n", visible(line))).collect();
    report(&lines.concat());
    ExitCode::from(status)
}

/// Prints to standard error. Errors of a closed pipe are ignored.
pub(super) fn report(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints to standard output and returns the exit status.
pub(super) fn print(text: &str) -> ExitCode {
    print_bytes(text.as_bytes())
}

/// Prints bytes to standard output and returns the exit status.
pub(super) fn print_bytes(bytes: &[u8]) -> ExitCode {
    write_out(bytes).map_or_else(|problem| fail(1, &problem), |()| ExitCode::SUCCESS)
}

/// Writes to standard output. A closed pipe is a reader that has seen enough, not an error.
pub(super) fn write_out(bytes: &[u8]) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        _ => Ok(()),
    }
}
