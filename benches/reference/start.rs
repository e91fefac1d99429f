//! Start time and memory of a server.

use std::time::Duration;

use super::load::{self, ENTITY, Exchange, Pool, Until};
use super::process::{Child, Temporary};
use super::rounds::Spread;
use super::server::Recording;
use super::system::resident_mib;
use super::table::{Table, optional, thousands};
use crate::Problem;

/// Starts of each server.
const STARTS: usize = 20;

/// Starts of an emulator with many entities, which takes longer.
const LARGE_STARTS: usize = 5;

/// Requests before the last reading of memory; half of them are updates.
const REQUESTS: usize = 100_000;

const CONNECTIONS: usize = 16;

/// Delay after the address is printed, before memory is read.
const REST: Duration = Duration::from_millis(100);

/// The figures of the emulator that have expectations.
pub(crate) struct Found {
    pub(crate) first_answer_ms: f64,
    pub(crate) idle_mib: Option<f64>,
}

/// The times of several starts, in seconds.
pub(crate) struct Times {
    pub(crate) address: Spread,
    pub(crate) answer: Spread,
}

#[derive(Default)]
struct Starts {
    address: Vec<f64>,
    answer: Vec<f64>,
}

impl Starts {
    /// Adds the times of a new server, with its first answer.
    async fn add(&mut self, mut child: Child, exchange: &Exchange) -> Result<(), Problem> {
        // Only this program runs between the two times.
        let answer = load::first_answer(child.address, exchange).await.map_err(|problem| child.failed(&problem))?;
        self.address.push(child.to_address.as_secs_f64());
        self.answer.push((child.to_address + answer).as_secs_f64());
        Ok(())
    }

    fn times(self) -> Result<Times, Problem> {
        let times = Spread::of(self.address).zip(Spread::of(self.answer));
        times.map(|(address, answer)| Times { address, answer }).ok_or_else(|| "no server was started".into())
    }
}

/// Compares the servers and prints the table.
pub(crate) async fn compare(recording: &Recording) -> Result<Found, Problem> {
    eprintln!("measuring start and memory");
    let exchange = Exchange::get(ENTITY);
    let (mut reference, mut emulator) = (Starts::default(), Starts::default());
    for _ in 0..STARTS {
        reference.add(Child::reference(recording).await?, &exchange).await?;
        emulator.add(Child::emulator(None).await?, &exchange).await?;
    }
    let after = format!("MiB after {} requests", thousands(REQUESTS));
    let figures = ["address ms", "first answer ms", "MiB idle", "MiB after the first answer", &after];
    let mut table = Table::new(&["server"], &figures);
    let emulator = emulator.times()?;
    let memory = [memory(Child::reference(recording).await?).await?, memory(Child::emulator(None).await?).await?];
    for (name, times, memory) in [("reference", &reference.times()?, memory[0]), ("emulator", &emulator, memory[1])] {
        let mut row = vec![name.to_owned(), times.address.millis(), times.answer.millis()];
        row.extend(memory.map(|mib| optional(mib, |mib| format!("{mib:.1}"))));
        table.row(row);
    }
    print!("{table}");
    Ok(Found { first_answer_ms: emulator.answer.median * 1e3, idle_mib: memory[1][0] })
}

/// Returns the resident memory after the start, after the first answer, and after many requests.
async fn memory(mut child: Child) -> Result<[Option<f64>; 3], Problem> {
    tokio::time::sleep(REST).await;
    let idle = resident_mib(child.id());
    load::first_answer(child.address, &Exchange::get(ENTITY)).await.map_err(|problem| child.failed(&problem))?;
    let answered = resident_mib(child.id());
    Ok([idle, answered, loaded(&mut child, REQUESTS).await?])
}

/// Prints the resident memory after the first requests and after many more, and returns the difference in MiB. The journal is on, so
/// an unbounded one would show.
pub(crate) async fn growth(requests: usize) -> Result<Option<f64>, Problem> {
    eprintln!("measuring memory over {} requests", thousands(requests));
    let mut child = Child::emulator(None).await?;
    let first = loaded(&mut child, REQUESTS).await?;
    let last = loaded(&mut child, requests.saturating_sub(REQUESTS)).await?;
    let mib = |mib: Option<f64>| optional(mib, |mib| format!("{mib:.1}"));
    println!(
        "\nWith the journal on, {} MiB are resident after {} requests and {} MiB after {}.",
        mib(first),
        thousands(REQUESTS),
        mib(last),
        thousands(requests)
    );
    Ok(first.zip(last).map(|(first, last)| last - first))
}

/// Sends requests, half of them updates, and returns the resident memory afterwards.
async fn loaded(child: &mut Child, requests: usize) -> Result<Option<f64>, Problem> {
    for exchange in [Exchange::get(ENTITY), Exchange::patch(ENTITY)] {
        let loaded = async {
            let mut pool = Pool::connect(child.address, &exchange, CONNECTIONS).await?;
            pool.run(Until::Answered(requests / 2 / CONNECTIONS)).await
        };
        loaded.await.map_err(|problem| child.failed(&problem))?;
    }
    Ok(resident_mib(child.id()))
}

/// Returns the start times of an emulator with these fixtures.
pub(crate) async fn times(fixtures: &Temporary, exchange: &Exchange) -> Result<Times, Problem> {
    let mut starts = Starts::default();
    for _ in 0..LARGE_STARTS {
        starts.add(Child::emulator(Some(fixtures)).await?, exchange).await?;
    }
    starts.times()
}
