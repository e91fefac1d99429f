//! Instructions and cache misses per request, counted by [callgrind](https://valgrind.org/docs/manual/cl-manual.html): figures that do
//! not depend on the load of the machine, nor on its caches, which are simulated.
//!
//! A server is run twice, with few requests and with more. The difference is the cost of the requests alone, without that of the start.

use std::fmt::Display;
use std::process::Command;
use std::time::Duration;

use super::load::{self, ENTITY, Exchange};
use super::options::{Expectations, Options};
use super::process::{Child, Temporary};
use super::scaling;
use super::server::Recording;
use super::table::{Table, optional, thousands};
use crate::Problem;

/// Requests in the shorter and in the longer run. The first ones fill caches.
const REQUESTS: [u32; 2] = [200, 1200];

/// Entities where a request concerns many.
const ENTITIES: usize = 100;

/// Requests in a batch.
const BATCH: u32 = 20;

/// The caches of a small machine: 32 KiB for instructions, 32 KiB for data, 8 MiB for both.
const CACHES: [&str; 3] = ["--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"];

/// The cost of one request.
struct Cost {
    instructions: f64,
    /// Misses of the first level, for instructions and for data.
    misses: f64,
}

/// Compares the costs and prints the table.
pub(crate) async fn compare(options: &Options, expectations: &mut Expectations) -> Result<(), Problem> {
    let mut table = Table::new(&["request", "server"], &["instructions", "ratio", "cache misses", "ratio"]);
    let many = scaling::fixtures(ENTITIES)?;
    let mut filter = Exchange::filter();
    filter.name = "GET ?$filter=… of 100";
    let measured = [
        (Exchange::get(ENTITY), None, options.expect_get_instructions),
        (Exchange::patch(ENTITY), None, options.expect_patch_instructions),
        (Exchange::page(), Some(&many), options.expect_page_instructions),
        (Exchange::batch(ENTITY, BATCH), None, options.expect_batch_instructions),
        (filter, Some(&many), options.expect_filter_instructions),
    ];
    for (exchange, fixtures, expected) in measured {
        eprintln!("counting instructions of {}", exchange.name);
        let recording = recording(&exchange, fixtures).await?;
        let bare = cost(|| Child::reference_command(&recording), &exchange).await?;
        let ours = cost(|| Ok(Child::emulator_command(fixtures)), &exchange).await?;
        let ratio = |of: fn(&Cost) -> f64| format!("{:.2}", of(&bare) / of(&ours));
        for (server, cost, ratios) in [
            ("reference", &bare, [None, None]),
            ("emulator", &ours, [Some(ratio(|cost| cost.instructions)), Some(ratio(|cost| cost.misses))]),
        ] {
            let [fewer, closer] = ratios.map(|ratio| optional(ratio, |ratio| ratio));
            let mut row = vec![exchange.name.to_owned(), server.to_owned()];
            row.extend([thousands(cost.instructions), fewer, format!("{:.1}", cost.misses), closer]);
            table.row(row);
        }
        expectations.at_most(&format!("instructions of {}", exchange.name), expected, Some(ours.instructions));
    }
    print!("{table}");
    Ok(())
}

/// Records the answer to an exchange, for the reference.
async fn recording(exchange: &Exchange, fixtures: Option<&Temporary>) -> Result<Recording, Problem> {
    let mut emulator = Child::emulator(fixtures).await?;
    let response = load::probe(emulator.address, exchange).await.map_err(|problem| emulator.failed(&problem))?;
    Ok(Recording::write(&response, &response)?)
}

/// Returns the cost of a request to the server that a command starts.
async fn cost(command: impl Fn() -> Result<Command, Problem>, exchange: &Exchange) -> Result<Cost, Problem> {
    let mut totals = Vec::new();
    for requests in REQUESTS {
        totals.push(counted(command()?, exchange, requests).await?);
    }
    let requests = f64::from(REQUESTS[1] - REQUESTS[0]);
    let [instructions, misses] = [0, 1].map(|at| (totals[1][at] - totals[0][at]) / requests);
    Ok(Cost { instructions, misses })
}

/// Returns the instructions and the misses of a whole run.
async fn counted(command: Command, exchange: &Exchange, requests: u32) -> Result<[f64; 2], Problem> {
    let counts = Temporary::write("callgrind", b"")?;
    let mut counting = Command::new("valgrind");
    counting.args(["--quiet", "--tool=callgrind", "--cache-sim=yes"]).args(CACHES);
    counting.arg(format!("--callgrind-out-file={}", counts.path().display()));
    counting.arg(command.get_program()).args(command.get_args());
    let mut child = Child::start("a server under valgrind (is it installed?)", counting).await?;
    let exchanges = (0..requests).map(|_| exchange.clone());
    load::one_after_another(child.address, exchanges).await.map_err(|problem| child.failed(&problem))?;
    // Counts are written in the end.
    tokio::time::sleep(Duration::from_millis(100)).await;
    child.stop()?;
    totals(&std::fs::read_to_string(counts.path())?)
}

/// Reads the sums of a report of callgrind: of the instructions, and of the misses of the first level.
fn totals(report: &str) -> Result<[f64; 2], Problem> {
    let line = |name: &str| report.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| missing(name));
    let events: Vec<&str> = line("events:")?.split_whitespace().collect();
    let sums: Vec<f64> =
        line("totals:").or_else(|_| line("summary:"))?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let sum = |event: &str| {
        events.iter().position(|name| *name == event).and_then(|at| sums.get(at)).copied().ok_or_else(|| missing(event))
    };
    Ok([sum("Ir")?, sum("I1mr")? + sum("D1mr")? + sum("D1mw")?])
}

fn missing(part: impl Display) -> Problem {
    format!("callgrind wrote no {part}").into()
}
