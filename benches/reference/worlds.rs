//! The cost of thousands of worlds, and the memory that they release.

use std::time::{Duration, Instant};

use super::load::{self, Exchange};
use super::process::Child;
use super::scaling;
use super::system::resident_mib;
use super::table::{optional, thousands};
use crate::Problem;

/// Number of worlds: the default limit.
const WORLDS: usize = 10_000;

/// Entities of each world at its beginning.
const ENTITIES: usize = 1_000;

/// Time limit for the allocator to release memory, which it does during allocations, after a second at the earliest.
const PATIENCE: Duration = Duration::from_secs(10);

/// Interval of requests while waiting for the allocator.
const EVERY: Duration = Duration::from_millis(250);

/// Creates, uses and drops worlds, prints the cost, and returns the growth of resident memory in MiB.
pub(crate) async fn measure() -> Result<Option<f64>, Problem> {
    eprintln!("measuring {} worlds", thousands(WORLDS));
    let mut child = Child::emulator(Some(&scaling::fixtures(ENTITIES)?)).await?;
    let id = scaling::id(ENTITIES / 2);
    let once = [Exchange::get(&id)];
    send(&mut child, once.clone().into_iter()).await?;
    let before = resident_mib(child.id());
    let used = (0..WORLDS).flat_map(|number| {
        let path = format!("/_tenant/t-{number}{}", load::path_of(&id));
        [Exchange::get_at(&path), Exchange::patch_at(&path)]
    });
    let used = send(&mut child, used).await?;
    let most = resident_mib(child.id());
    let dropped = (0..WORLDS).map(|number| Exchange::delete_at(&format!("/_emulator/tenants/t-{number}")));
    let dropped = send(&mut child, dropped).await?;
    let waiting = Instant::now();
    let mut after = resident_mib(child.id());
    let is_held = |after: Option<f64>| matches!((before, most, after), (Some(before), Some(most), Some(after)) if after - before > (most - before) / 4.0);
    while is_held(after) && waiting.elapsed() < PATIENCE {
        tokio::time::sleep(EVERY).await;
        send(&mut child, once.clone().into_iter()).await?;
        after = resident_mib(child.id());
    }
    let mib = |mib: Option<f64>| optional(mib, |mib| format!("{mib:.1}"));
    println!(
        "{} worlds over {} entities take {:.2} s with two requests each, one after another, and {:.2} s to drop. \
         {} MiB are resident before, {} MiB with them, {} MiB {:.1} s after the last was dropped.",
        thousands(WORLDS),
        thousands(ENTITIES),
        used.as_secs_f64(),
        dropped.as_secs_f64(),
        mib(before),
        mib(most),
        mib(after),
        waiting.elapsed().as_secs_f64()
    );
    Ok(before.zip(after).map(|(before, after)| after - before))
}

async fn send(child: &mut Child, exchanges: impl Iterator<Item = Exchange>) -> Result<Duration, Problem> {
    let started = Instant::now();
    load::one_after_another(child.address, exchanges).await.map_err(|problem| child.failed(&problem))?;
    Ok(started.elapsed())
}
