//! The costs of hostile input for others: after each row of `abuse`, the memory of the program is within its limits, and during it another
//! client is answered promptly.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::edge::abuse::{Abuse, PATIENCE, every_row, exchange_with, slow};
use crate::program::process::{Served, resident_mib};
use crate::support::pulse::Pulse;

/// The limits of what the program keeps, in bytes.
const STORE_BYTES: u32 = 4 * 1024 * 1024;
const JOURNALS_BYTES: u32 = 8 * 1024 * 1024;

/// The memory beyond the limits, in MiB: the program itself, and what the allocator keeps.
const BEYOND_MIB: f64 = 64.0;

/// The health checks during each row, at least.
const CHECKS: usize = 12;

/// The runs of a row that delays another client: a busy machine does so once, a row that costs too much each time.
const RUNS: usize = 3;

/// The time that a slow client trickles.
const TRICKLE: Duration = Duration::from_millis(200);

/// Runs a row while another client asks for the health.
fn pulse_during(busy: &str, idle: &str, row: impl FnOnce() + Send) -> Pulse {
    let mut pulse = Pulse::default();
    thread::scope(|scope| {
        let running = scope.spawn(row);
        while !running.is_finished() || pulse.count() < CHECKS {
            pulse.ask(busy, idle);
        }
        running.join().unwrap();
    });
    pulse
}

/// Runs a row and describes what it costs others, if it is too much.
fn problem(served: &Served, idle: &Served, row: &(dyn Fn() + Sync)) -> Option<String> {
    let delay = || pulse_during(served.address(), idle.address(), row).with_missed_checks().problem();
    let mut late = delay();
    for _ in 1..RUNS {
        if late.is_some() {
            late = delay();
        }
    }
    if late.is_some() {
        return late;
    }
    let limit = f64::from(STORE_BYTES + JOURNALS_BYTES) / 1024.0 / 1024.0 + BEYOND_MIB;
    let resident = || resident_mib(served.program.child.id()).unwrap();
    let ended = Instant::now();
    // Freed memory goes back to the system within seconds.
    while resident() > limit {
        if ended.elapsed() > PATIENCE {
            return Some(format!("{:.0} MiB are resident after it, of {limit:.0} allowed", resident()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    None
}

/// Sends the beginning of a slow client, and then its trickle.
fn trickle(address: SocketAddr, begin: &[u8], more: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    let started = Instant::now();
    let mut is_open = stream.write_all(begin).is_ok();
    while is_open && started.elapsed() < TRICKLE {
        thread::sleep(Duration::from_millis(5));
        is_open = stream.write_all(more).is_ok();
    }
}

#[test]
fn no_hostile_input_keeps_memory_or_delays_another_client() {
    let (store, journals) = (STORE_BYTES.to_string(), JOURNALS_BYTES.to_string());
    let served = Served::start(&["--store-bytes", &store, "--journals-bytes", &journals, "--log", "off"]);
    let idle = Served::start(&["--log", "off"]);
    let address: SocketAddr = served.address().parse().unwrap();
    for Abuse { name, bytes } in every_row() {
        let row = || drop(exchange_with(address, bytes.clone(), true));
        assert_eq!(problem(&served, &idle, &row), None, "{name}");
    }
    for row in slow() {
        let slow = || trickle(address, &row.begin, row.trickle);
        assert_eq!(problem(&served, &idle, &slow), None, "{}", row.name);
    }
    println!("{:.0} MiB resident at the end", resident_mib(served.program.child.id()).unwrap());
}
