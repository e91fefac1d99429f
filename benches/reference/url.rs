//! The load generator by itself, for `benches/peers/run`: it loads one path of one server and prints the figures as JSON.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use serde_json::json;

use super::load::{Exchange, Until};
use super::rounds;
use crate::Problem;

/// The argument that starts the benchmark as a load generator only.
const LOAD: &str = "--load-path";

/// The target of the load, and its duration.
#[derive(Debug, Parser)]
#[command(bin_name = "reference --load-path")]
pub(crate) struct Target {
    /// Path of the requests
    path: String,
    /// Address of the server
    #[arg(long)]
    address: SocketAddr,
    /// Send updates instead of reads
    #[arg(long)]
    patch: bool,
    /// Connections, with one request in flight each
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Duration of the load
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    milliseconds: u64,
    /// Maximum number of requests
    #[arg(long)]
    requests: Option<usize>,
    /// Processes of the server, for its CPU time
    #[arg(long = "process")]
    processes: Vec<u32>,
}

/// Returns the target, if the arguments start the load generator; exits on invalid ones.
pub(crate) fn target_of(arguments: &[String]) -> Option<Target> {
    (arguments.first()? == LOAD).then(|| Target::parse_from(arguments))
}

/// Loads the target and prints the figures. With a number of requests, the warm-up is skipped.
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
