//! The cost of the same requests with few and with many entities.

use std::time::Duration;

use super::load::{Exchange, Load};
use super::options::Options;
use super::process::{Child, Temporary};
use super::rounds;
use super::start;
use super::system::resident_mib;
use super::table::{Table, optional, thousands};
use crate::{CONNECTIONS, Problem};

/// The compared numbers of entities.
const ENTITIES: [usize; 2] = [100, 100_000];

/// The time after which the allocator has returned the memory that loading took.
const RETURN_TIME: Duration = Duration::from_secs(6);

/// The number of entities to compare with the larger one where the cost is proportional.
const TENTH: usize = ENTITIES[1] / 10;

/// Starts emulators with few and with many entities, loads them alternately, and prints the tables.
pub(crate) async fn compare(options: &Options) -> Result<(), Problem> {
    eprintln!("measuring {} and {} entities", ENTITIES[0], ENTITIES[1]);
    let [few, many] = [fixtures(ENTITIES[0])?, fixtures(ENTITIES[1])?];
    // An id in the middle, the worst case of a search from either end.
    let ids = ENTITIES.map(|count| id(count / 2));
    let starts = [start::times(&few, &Exchange::get(&ids[0])).await?, start::times(&many, &Exchange::get(&ids[1])).await?];
    let mut children = [Child::emulator(Some(&few)).await?, Child::emulator(Some(&many)).await?];
    let loaded = [0, 1].map(|index: usize| resident_mib(children[index].id()));
    tokio::time::sleep(RETURN_TIME).await;
    let memory = [0, 1].map(|index: usize| resident_mib(children[index].id()));
    let figures = ["address ms", "first answer ms", "resident MiB", "6 s later"];
    let mut table = Table::new(&["entities"], &figures);
    for (index, count) in ENTITIES.into_iter().enumerate() {
        let [at_once, later] = [loaded[index], memory[index]].map(|mib| optional(mib, |mib| format!("{mib:.1}")));
        table.row(vec![thousands(count), starts[index].address.millis(), starts[index].answer.millis(), at_once, later]);
    }
    print!("{table}");
    if let [Some(few), Some(many)] = memory {
        #[allow(clippy::cast_precision_loss, reason = "numbers of entities are small")]
        let kib = (many - few) * 1024.0 / (ENTITIES[1] - ENTITIES[0]) as f64;
        println!("\nAn entity takes {kib:.2} KiB.\n");
    }

    let figures = ["requests/s", "ratio (spread)", "CPU µs/request", "ratio (spread)"];
    let mut table = Table::new(&["request", "entities"], &figures);
    for exchange in [Exchange::get, Exchange::patch, |_: &str| Exchange::page()] {
        let exchanges = [exchange(&ids[0]), exchange(&ids[1])];
        let [one, other] = &mut children;
        rows(options, &mut table, [one, other], ENTITIES, [&exchanges[0], &exchanges[1]]).await?;
    }
    let filter = Exchange::filter();
    let mut tenth = Child::emulator(Some(&fixtures(TENTH)?)).await?;
    rows(options, &mut table, [&mut tenth, &mut children[1]], [TENTH, ENTITIES[1]], [&filter, &filter]).await?;
    print!("{table}");
    Ok(())
}

/// Loads two emulators alternately and adds a row for each, with the ratio of the second to the first.
async fn rows(
    options: &Options,
    table: &mut Table,
    children: [&mut Child; 2],
    counts: [usize; 2],
    exchanges: [&Exchange; 2],
) -> Result<(), Problem> {
    let [few, many] = rounds::alternate(options, children, exchanges, CONNECTIONS[0]).await?;
    let throughput = many.to(&few, |load| Some(load.per_second()));
    let cpu = few.to(&many, Load::cpu_micros);
    let ratios = [[None, None], [throughput, cpu]];
    for (index, rounds) in [few, many].iter().enumerate() {
        let [throughput, cpu] = ratios[index].map(|ratio| ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
        let name = exchanges[index].name.to_owned();
        table.row(vec![name, thousands(counts[index]), rounds.per_second(), throughput, rounds.cpu(), cpu]);
    }
    Ok(())
}

pub(crate) fn id(number: usize) -> String {
    format!("WFI_{number:08x}-379e-4a0a-9d17-afe306a1e10d")
}

/// Writes fixtures with `count` entities like the first built-in one. No text of one is that of another, apart from the names of types.
pub(crate) fn fixtures(count: usize) -> Result<Temporary, Problem> {
    let shipped = include_str!("../../fixtures/workforceIntegrations.json");
    let collection: serde_json::Value = serde_json::from_str(shipped)?;
    let first = collection.pointer("/value/0").ok_or("the built-in fixtures have no entity")?;
    let copies = (0..count).map(|number| {
        let mut copy = first.clone();
        copy["id"] = id(number).into();
        copy["displayName"] = format!("Contoso {number:09}").into();
        copy["url"] = format!("https://w{number:08}.contoso.com/shifts/").into();
        copy["lastModifiedBy"]["user"]["id"] = format!("{number:08x}-49b1-41b5-a03f-9f3887bd0ed8").into();
        copy["lastModifiedBy"]["user"]["displayName"] = format!("J {number:06}").into();
        copy["encryption"]["secret"] = format!("{number:064x}").into();
        copy
    });
    let copies: Vec<serde_json::Value> = copies.collect();
    let fixtures = serde_json::json!({ "workforceIntegrations": copies });
    Ok(Temporary::write(&format!("{count}.json"), fixtures.to_string().as_bytes())?)
}
