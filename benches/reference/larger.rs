//! The cost of many entities in one answer, and of many requests in one batch.

use super::load::{self, ENTITY, Exchange};
use super::options::{Expectations, Options};
use super::process::Child;
use super::rounds;
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
    let best = table.compare([(page.name, "reference"), (page.name, "emulator")], &bare, &ours);
    expectations.at_least("a page to the reference", options.expect_page, best);

    eprintln!("measuring a batch of {BATCH}");
    let mut other = Child::emulator(None).await?;
    let mut emulator = Child::emulator(None).await?;
    let exchanges = [&Exchange::get(ENTITY), &Exchange::batch(ENTITY, BATCH)];
    let [single, batched] = rounds::alternate(options, [&mut other, &mut emulator], exchanges, CONNECTIONS[0]).await?;
    let (single, name) = (single.grouped(BATCH), format!("GET, {BATCH} times"));
    let best = table.compare([(&name, "emulator"), (exchanges[1].name, "emulator")], &single, &batched);
    expectations.at_least("a batch to single requests", options.expect_batch, best);
    print!("{table}");
    Ok(())
}
