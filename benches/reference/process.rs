//! Servers as processes of their own, and what the system says of them.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::load::{self, Exchange, Load, Until};
use super::server::SERVE;

/// A server that is ended with this value.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) address: SocketAddr,
    /// How long it took from the start to the line with the address.
    pub(crate) to_address: Duration,
}

impl Child {
    pub(crate) fn emulator(arguments: &[&str]) -> Result<Child, Box<dyn Error>> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wfi-emulator"));
        command.args(["--port", "0", "--log", "off", "--seed", "1"]).args(arguments);
        Child::start(command)
    }

    pub(crate) fn reference(recording: &Path) -> Result<Child, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SERVE).arg(recording);
        Child::start(command)
    }

    fn start(mut command: Command) -> Result<Child, Box<dyn Error>> {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WFI_EMULATOR_")) {
            command.env_remove(name);
        }
        let started = Instant::now();
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let to_address = started.elapsed();
        // From here on the process is ended whatever happens.
        let mut child = Child { process, address: SocketAddr::from(([127, 0, 0, 1], 0)), to_address };
        let text = line.trim().strip_prefix("http://").ok_or_else(|| format!("found {line:?}, expected an address"))?;
        child.address = text.parse()?;
        Ok(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Loads the server for a while.
    pub(crate) fn load(&self, exchange: &Exchange, connections: usize, duration: Duration) -> Result<Load, Box<dyn Error>> {
        self.load_until(exchange, connections, Until::Time(Instant::now() + duration))
    }

    /// Sends the server so many requests.
    pub(crate) fn load_requests(&self, exchange: &Exchange, connections: usize, requests: usize) -> Result<Load, Box<dyn Error>> {
        self.load_until(exchange, connections, Until::Requests(requests))
    }

    fn load_until(&self, exchange: &Exchange, connections: usize, until: Until) -> Result<Load, Box<dyn Error>> {
        let before = cpu_time(self.id());
        let started = Instant::now();
        let (requests, latencies) = load::run(self.address, exchange, connections, until)?;
        let elapsed = started.elapsed();
        let cpu = before.zip(cpu_time(self.id())).map(|(before, after)| after.saturating_sub(before));
        Ok(Load { requests, elapsed, cpu, latencies })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The time that all threads of a process were on a CPU, where the system tells (Linux). The scheduler's own count has
/// nanoseconds, the usual one only hundredths of a second.
fn cpu_time(id: u32) -> Option<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir(format!("/proc/{id}/task")).ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanos += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

/// The memory of a process that is resident, in MiB, where the system tells (Linux).
pub(crate) fn resident_mib(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Describes the machine.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown CPU", |rest| rest.trim_start_matches(['\t', ':', ' ']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores, {} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim())
}

/// A file that is removed with this value.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn write(name: &str, content: &[u8]) -> std::io::Result<Temporary> {
        let path = std::env::temp_dir().join(format!("wfi-emulator-bench-{}-{name}", std::process::id()));
        std::fs::write(&path, content)?;
        Ok(Temporary(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays behind in the system's temporary folder does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Writes fixtures with so many entities, copies of the first built-in one; the first has its id.
pub(crate) fn fixtures_of(count: usize) -> Result<Temporary, Box<dyn Error>> {
    let (_, shipped) = wfi_emulator::fixture::SHIPPED;
    let mut collection: serde_json::Value = serde_json::from_str(shipped)?;
    let first = collection["value"][0].take();
    let copies = (0..count).map(|number| {
        let mut copy = first.clone();
        if number > 0 {
            copy["id"] = format!("WFI_00000000-0000-4000-8000-{number:012}").into();
        }
        copy
    });
    let copies: Vec<serde_json::Value> = copies.collect();
    Ok(Temporary::write(&format!("{count}.json"), serde_json::to_string(&copies)?.as_bytes())?)
}
