//! CPU time and memory of processes, and a description of the machine. Empty on systems other than Linux.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The unit of `/proc/PID/stat`: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time of processes.
pub(crate) struct CpuTime {
    /// By thread, in nanoseconds, without threads that have ended.
    threads: Option<BTreeMap<String, Duration>>,
    /// Of whole processes, in ticks.
    whole: Option<Duration>,
}

impl CpuTime {
    pub(crate) fn of(processes: &[u32]) -> CpuTime {
        let threads = processes.iter().map(|process| threads(*process));
        // Thread ids are unique on a system.
        let threads = threads.collect::<Option<Vec<_>>>().map(|threads| threads.into_iter().flatten().collect());
        CpuTime { threads, whole: processes.iter().map(|process| whole(*process)).sum() }
    }

    /// Returns the time from this moment to a later one, as precisely as the system measures it.
    pub(crate) fn until(&self, later: &CpuTime) -> Option<Duration> {
        self.precisely_until(later).or_else(|| later.whole?.checked_sub(self.whole?))
    }

    fn precisely_until(&self, later: &CpuTime) -> Option<Duration> {
        let (before, after) = (self.threads.as_ref()?, later.threads.as_ref()?);
        // The time of a thread that has ended is lost.
        if !before.keys().all(|thread| after.contains_key(thread)) {
            return None;
        }
        let time = after.values().sum::<Duration>().checked_sub(before.values().sum())?;
        // A kernel without these counters returns zeros.
        (!time.is_zero()).then_some(time)
    }
}

fn threads(process: u32) -> Option<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let thread = thread.ok()?;
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanos = text.split_whitespace().next()?.parse().ok()?;
        threads.insert(thread.file_name().to_string_lossy().into_owned(), Duration::from_nanos(nanos));
    }
    Some(threads)
}

fn whole(process: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let (user, system): (u32, u32) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some(TICK * user.checked_add(system)?)
}

/// Returns whether the system measures CPU time and memory.
pub(crate) fn is_measured() -> bool {
    whole(std::process::id()).is_some()
}

/// Returns the resident memory of a process, in MiB.
pub(crate) fn resident_mib(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Describes the program and the machine, in one line.
pub(crate) fn describe() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let kernel = fs::read_to_string(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default();
    let system = format!("{} {}", std::env::consts::OS, kernel.trim());
    format!("wfi-emulator {}; {model}, {cores} cores; {}; {}", env!("CARGO_PKG_VERSION"), system.trim(), compiler())
}

fn compiler() -> String {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success());
    output.map_or("unknown rustc".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
