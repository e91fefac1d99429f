//! The time that a server takes to answer another client, beside that of a server without other clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time in which a health check is answered.
const LIMIT: Duration = Duration::from_millis(100);

/// The multiple of the time of the idle server that a busy machine excuses: both servers have the same share of it.
const MULTIPLE: u32 = 10;

/// The times of health checks.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    busy: Vec<Duration>,
    idle: Vec<Duration>,
}

impl Pulse {
    /// Asks a server under load, and one without other clients, for their health, each on a new connection.
    pub(crate) fn ask(&mut self, busy: &str, idle: &str) {
        self.busy.push(answered(busy));
        self.idle.push(answered(idle));
    }

    /// Adds the checks that were not made while one was awaited, one for each 20 ms: all of them would have waited, too.
    pub(crate) fn with_missed_checks(self) -> Pulse {
        const INTERVAL: Duration = Duration::from_millis(20);
        let all = |times: Vec<Duration>| {
            let waits = |time: Duration| std::iter::successors(Some(time), |time| time.checked_sub(INTERVAL));
            times.into_iter().flat_map(waits).collect()
        };
        Pulse { busy: all(self.busy), idle: all(self.idle) }
    }

    /// Returns the number of checks.
    pub(crate) fn count(&self) -> usize {
        self.busy.len()
    }

    /// Returns the 99th percentiles of both servers. One check may always take longer.
    pub(crate) fn percentiles(&self) -> (Duration, Duration) {
        let percentile = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            times[(times.len() - 1) - (times.len() / 100).max(1).min(times.len() - 1)]
        };
        (percentile(&self.busy), percentile(&self.idle))
    }

    /// Describes the delay of the server under load, if its 99th percentile exceeds 100 ms, and ten times that of the idle one.
    pub(crate) fn problem(&self) -> Option<String> {
        let (busy, idle) = self.percentiles();
        let is_late = busy > LIMIT.max(idle * MULTIPLE);
        is_late.then(|| format!("health is answered in {busy:?}, by an idle program in {idle:?} ({} checks)", self.count()))
    }
}

fn answered(address: &str) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    started.elapsed()
}
