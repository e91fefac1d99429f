//! The load generator by itself, for `benches/peers/run`: it loads one path of one server and prints what came of it as JSON.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use serde_json::json;

use super::load::{Exchange, Until};
use super::rounds;
use crate::Problem;

/// The argument with which the benchmark is started as a load generator alone.
const LOAD: &str = "--load-path";

/// What to load, and for how long.
#[derive(Debug, Parser)]
#[command(bin_name = "reference --load-path")]
pub(crate) struct Target {
    /// What the requests are for
    path: String,
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// Send updates instead of reading
    #[arg(long)]
    patch: bool,
    /// How many requests are in flight at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// How long to go on
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    milliseconds: u64,
    /// After how many requests to stop before that
    #[arg(long)]
    requests: Option<usize>,
    /// The processes whose time on a CPU is the server's
    #[arg(long = "process")]
    processes: Vec<u32>,
}

/// Returns what to load, if the arguments ask for it; ends the program if it cannot be read.
pub(crate) fn target_of(arguments: &[String]) -> Option<Target> {
    (arguments.first()? == LOAD).then(|| Target::parse_from(arguments))
}

/// Loads it and prints the figures. Where requests are counted, none comes before to warm up the connections.
pub(crate) async fn load(target: &Target) -> Result<(), Problem> {
    let exchange = if target.patch { Exchange::patch_at(&target.path) } else { Exchange::get_at(&target.path) };
    let connections = usize::from(target.connections);
    let duration = Duration::from_millis(target.milliseconds);
    let (warm_up, until) = match target.requests {
        Some(requests) => (Duration::ZERO, Until::Either(duration, requests.div_ceil(connections))),
        None => (duration / 20, Until::Passed(duration)),
    };
    let load = rounds::round(target.address, &target.processes, &exchange, connections, warm_up, until).await?;
    let figures = json!({
        "requests": load.requests,
        "per_second": load.per_second(),
        "cpu_micros": load.cpu_micros(),
        "p50_micros": load.percentile(50),
        "p99_micros": load.percentile(99),
    });
    println!("{figures}");
    Ok(())
}
