//! The time of a suite of tests: a server for each test, which is started, asked once, and stopped; and a world for each test in one
//! server.

use std::time::{Duration, Instant};

use super::load::{self, ENTITY, Exchange};
use super::options::Options;
use super::process::Child;
use super::rounds::Spread;
use super::server::Recording;
use super::table::{Table, thousands};
use crate::Problem;

/// Compares the time per test, and prints the table.
pub(crate) async fn compare(options: &Options, recording: &Recording) -> Result<(), Problem> {
    let tests = options.tests();
    eprintln!("measuring {} tests", thousands(tests));
    let mut table = Table::new(&["each test has", "server"], &["ms per test (spread)", "s in all"]);
    let patch = Exchange::patch(ENTITY);
    let (mut reference, mut emulator) = (Vec::new(), Vec::new());
    for _ in 0..tests {
        reference.push(spawned(Child::reference_command(recording)?, &patch).await?);
        emulator.push(spawned(Child::emulator_command(None), &patch).await?);
    }
    let mut worlds = Vec::new();
    let mut child = Child::emulator(None).await?;
    for number in 0..tests {
        let own = format!("/_world/t-{number}{}", load::path_of(ENTITY));
        let exchanges = [Exchange::patch_at(&own), Exchange::delete_at(&format!("/_emulator/worlds/t-{number}"))];
        let started = Instant::now();
        load::one_after_another(child.address, exchanges.into_iter()).await.map_err(|problem| child.failed(&problem))?;
        worlds.push(started.elapsed());
    }
    for (has, server, times) in
        [("a server", "reference", reference), ("a server", "emulator", emulator), ("a world", "emulator", worlds)]
    {
        let all: Duration = times.iter().sum();
        let each = Spread::of(times.iter().map(Duration::as_secs_f64).collect()).ok_or("no test ran")?;
        table.row(vec![has.to_owned(), server.to_owned(), each.millis(), format!("{:.2}", all.as_secs_f64())]);
    }
    print!("{table}");
    Ok(())
}

/// Starts a server, sends a request, and stops it. Returns the time of all.
async fn spawned(command: std::process::Command, exchange: &Exchange) -> Result<Duration, Problem> {
    let started = Instant::now();
    let mut child = Child::start("the server", command).await?;
    load::probe(child.address, exchange).await.map_err(|problem| child.failed(&problem))?;
    child.stop()?;
    Ok(started.elapsed())
}
