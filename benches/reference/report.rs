//! The time that the report on a large journal takes.

use std::time::{Duration, Instant};

use super::load::{self, Exchange};
use super::process::Child;
use super::table::thousands;
use crate::Problem;

/// Requests in the journal.
const REQUESTS: usize = 10_000;

/// The bytes that the journal may take.
const BYTES: &str = "268435456";

/// Reports on the same journal.
const REPORTS: usize = 9;

/// The requests, in turn: long and short lists, single entities, and beta.
const PATHS: [&str; 7] = [
    "/v1.0/users",
    "/v1.0/me/messages?$top=2",
    "/v1.0/groups?$select=id",
    "/v1.0/teamwork/workforceIntegrations",
    "/v1.0/me/events",
    "/v1.0/me/drive",
    "/beta/me",
];

/// Fills a journal, asks for the report several times, prints the times, and returns the shortest in milliseconds: the others
/// include the work of other programs.
pub(crate) async fn measure() -> Result<f64, Problem> {
    eprintln!("measuring the report on {} requests", thousands(REQUESTS));
    let mut command = Child::emulator_command(None);
    let entries = REQUESTS.to_string();
    command.args(["--journal", &entries, "--journal-bytes", BYTES, "--journals-bytes", BYTES]);
    let mut child = Child::start("the emulator", command).await?;
    let requests = (0..REQUESTS).map(|number| Exchange::get_at(PATHS[number % PATHS.len()]));
    load::one_after_another(child.address, requests).await.map_err(|problem| child.failed(&problem))?;
    let report = Exchange::get_at("/_emulator/worlds/default/report");
    let mut times: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for _ in 0..REPORTS {
        let started = Instant::now();
        bytes = load::probe(child.address, &report).await.map_err(|problem| child.failed(&problem))?.len();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!(
        "The report on {} requests takes {:.0} ms (median of {REPORTS}, {:.0} to {:.0} ms) and has {} bytes.",
        thousands(REQUESTS),
        ms(times[REPORTS / 2]),
        ms(times[0]),
        ms(times[REPORTS - 1]),
        thousands(bytes),
    );
    Ok(ms(times[0]))
}
