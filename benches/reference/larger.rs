//! The cost of many entities in one answer, and of many requests in one batch.

use super::load::{self, ENTITY, Exchange, Load};
use super::options::{Expectations, Options};
use super::process::Child;
use super::rounds::{self, Rounds, Spread};
use super::scaling;
use super::server::Recording;
use super::table::Table;
use crate::{CONNECTIONS, Problem};

/// Entities per page.
const PAGE: usize = 100;

/// Requests per batch: the maximum.
const BATCH: u32 = 20;

/// Compares a page with a server that gives the same bytes, and a batch with as many single requests, and prints the table.
pub(crate) async fn compare(options: &Options, expectations: &mut Expectations) -> Result<(), Problem> {
    let figures = ["requests/s", "ratio (spread)", "CPU µs/request", "ratio (spread)"];
    let mut table = Table::new(&["request", "server"], &figures);

    eprintln!("measuring a page of {PAGE}");
    let mut emulator = Child::emulator(Some(&scaling::fixtures(PAGE)?)).await?;
    let page = Exchange::page();
    let response = load::probe(emulator.address, &page).await.map_err(|problem| emulator.failed(&problem))?;
    let recording = Recording::write(&response, &response)?;
    let mut reference = Child::reference(&recording).await?;
    let [bare, ours] = rounds::alternate(options, [&mut reference, &mut emulator], [&page, &page], CONNECTIONS[0]).await?;
    let best = rows(&mut table, [(page.name, "reference"), (page.name, "emulator")], &bare, &ours);
    expectations.at_least("a page to the reference", options.expect_page, best);

    eprintln!("measuring a batch of {BATCH}");
    let mut other = Child::emulator(None).await?;
    let mut emulator = Child::emulator(None).await?;
    let exchanges = [&Exchange::get(ENTITY), &Exchange::batch(ENTITY, BATCH)];
    let [single, batched] = rounds::alternate(options, [&mut other, &mut emulator], exchanges, CONNECTIONS[0]).await?;
    let (single, name) = (single.grouped(BATCH), format!("GET, {BATCH} times"));
    let best = rows(&mut table, [(&name, "emulator"), (exchanges[1].name, "emulator")], &single, &batched);
    expectations.at_least("a batch to single requests", options.expect_batch, best);
    print!("{table}");
    Ok(())
}

/// Adds a row for each, with the ratios of the second to the first, and returns the better ratio.
fn rows(table: &mut Table, names: [(&str, &str); 2], first: &Rounds, second: &Rounds) -> Option<f64> {
    let ratios = [second.to(first, |load| Some(load.per_second())), first.to(second, Load::cpu_micros)];
    for ((name, server), rounds, ratios) in [(names[0], first, [None, None]), (names[1], second, ratios)] {
        let [throughput, cpu] = ratios.map(|ratio: Option<Spread>| ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
        table.row(vec![name.to_owned(), server.to_owned(), rounds.per_second(), throughput, rounds.cpu(), cpu]);
    }
    ratios.into_iter().flatten().map(|ratio| ratio.median).reduce(f64::max)
}
