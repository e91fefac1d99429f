//! Servers as child processes, and temporary files for them.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::server::{Recording, SERVE};
use crate::Problem;

/// Time limit for the start of a server.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, killed when the value is dropped.
pub(crate) struct Child {
    name: &'static str,
    process: Guard,
    pub(crate) address: SocketAddr,
    /// The time from the start to the line with the address.
    pub(crate) to_address: Duration,
}

impl Child {
    /// Starts the emulator, with these fixtures or the built-in ones.
    pub(crate) async fn emulator(fixtures: Option<&Temporary>) -> Result<Child, Problem> {
        Child::start("the emulator", Child::emulator_command(fixtures)).await
    }

    pub(crate) fn emulator_command(fixtures: Option<&Temporary>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
        command.args(["--port", "0", "--log", "off", "--seed", "1"]);
        if let Some(fixtures) = fixtures {
            command.arg("--fixtures").arg(fixtures.path());
        }
        command
    }

    /// Starts this program again, as the reference.
    pub(crate) async fn reference(recording: &Recording) -> Result<Child, Problem> {
        Child::start("the reference", Child::reference_command(recording)?).await
    }

    pub(crate) fn reference_command(recording: &Recording) -> Result<Command, Problem> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(recording.path());
        Ok(command)
    }

    pub(crate) async fn start(name: &'static str, mut command: Command) -> Result<Child, Problem> {
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WFI_EMULATOR_")) {
            command.env_remove(variable);
        }
        // Messages about a failed start go to the standard error of this program.
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let started = Instant::now();
        let process = command.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
        // From here on, the process is killed on every path.
        let mut process = Guard(process);
        let stdout = process.0.stdout.take().ok_or("a child has no standard output")?;
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| (line, started.elapsed()))
        });
        let line = tokio::time::timeout(PATIENCE, line).await;
        let (line, to_address) = line.map_err(|_| format!("{name} printed no address for {} s", PATIENCE.as_secs()))???;
        if line.is_empty() {
            return Err(format!("{name} printed no address: {}", process.end()).into());
        }
        let address = line.trim_end().split_once("://").and_then(|(_, address)| address.parse().ok());
        let address = address.ok_or_else(|| format!("{name} printed {line:?}, expected an address"))?;
        Ok(Child { name, process, address, to_address })
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<(), Problem> {
        let process = &mut self.process.0;
        #[cfg(unix)]
        rustix::process::kill_process(rustix::process::Pid::from_child(process), rustix::process::Signal::TERM)?;
        #[cfg(not(unix))]
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// Returns a problem with this server, with the exit status if it has ended.
    pub(crate) fn failed(&mut self, problem: &Problem) -> Problem {
        let name = self.name;
        match self.process.0.try_wait() {
            Ok(Some(status)) => format!("{name} ended under load with {status}: {problem}").into(),
            _ => format!("{name}: {problem}").into(),
        }
    }
}

/// A process that is killed when the value is dropped.
struct Guard(std::process::Child);

impl Guard {
    /// Describes the end of a process that has closed its standard output.
    fn end(&mut self) -> String {
        // A process that closes its output at exit needs a moment.
        std::thread::sleep(Duration::from_millis(100));
        match self.0.try_wait() {
            Ok(Some(status)) => format!("it ended with {status}"),
            _ => "it closed its standard output".to_owned(),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file that is removed when the value is dropped.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn write(name: &str, content: &[u8]) -> std::io::Result<Temporary> {
        // Several files of one name may exist at once.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wfi-emulator-bench-{}-{number}-{name}", std::process::id()));
        let file = Temporary(path);
        std::fs::write(file.path(), content)?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A leftover file in the temporary folder is harmless.
        let _ = std::fs::remove_file(&self.0);
    }
}
