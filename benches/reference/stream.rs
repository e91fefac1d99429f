//! The cost of a reader of the journals' stream, as the page is, for all other clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::load::{ENTITY, Exchange, Load, Until};
use super::options::{Expectations, Options};
use super::process::Child;
use super::rounds::{self, Rounds};
use super::system::resident_mib;
use super::table::{optional, thousands};
use crate::Problem;

/// Number of connections of the load.
const CONNECTIONS: usize = 16;

/// Loads an emulator alternately without and with a reader of its stream, prints the ratio, and checks it.
pub(crate) async fn compare(options: &Options, expectations: &mut Expectations) -> Result<(), Problem> {
    eprintln!("measuring the stream");
    let exchange = Exchange::get_at(&super::load::path_of(ENTITY));
    let mut child = Child::emulator(None).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let received = Arc::new(AtomicU64::new(0));
    let mut resident = [None; 2];
    for _ in 0..options.rounds() {
        without.push(load(options, &mut child, &exchange).await?);
        resident[0] = resident_mib(child.id());
        let reader = follow(&child, received.clone()).await?;
        with.push(load(options, &mut child, &exchange).await?);
        resident[1] = resident_mib(child.id());
        reader.abort();
    }
    let (without, with) = (Rounds::of(without), Rounds::of(with));
    let throughput = with.to(&without, |load| Some(load.per_second()));
    let mib = |mib: Option<f64>| optional(mib, |mib| format!("{mib:.1}"));
    println!(
        "{} GETs a second without a reader of the stream, {} with one, a ratio of {}; {} and {} µs of CPU time each. {} and {} MiB are \
         resident. The reader has received {} bytes.",
        without.per_second(),
        with.per_second(),
        optional(throughput, |ratio| ratio.to_string()),
        without.cpu(),
        with.cpu(),
        mib(resident[0]),
        mib(resident[1]),
        thousands(usize::try_from(received.load(Ordering::Relaxed)).unwrap_or(usize::MAX)),
    );
    expectations.at_least("throughput with a reader of the stream", options.expect_stream, throughput.map(|ratio| ratio.median));
    Ok(())
}

async fn load(options: &Options, child: &mut Child, exchange: &Exchange) -> Result<Load, Problem> {
    let (processes, until) = ([child.id()], Until::Passed(options.round()));
    let load = rounds::round(child.address, &processes, exchange, CONNECTIONS, options.round() / 20, until).await;
    load.map_err(|problem| child.failed(&problem))
}

/// Reads the stream until it is aborted.
async fn follow(child: &Child, received: Arc<AtomicU64>) -> Result<JoinHandle<()>, Problem> {
    let mut stream = TcpStream::connect(child.address).await?;
    stream.write_all(b"GET /_emulator/journal/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    Ok(tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            received.fetch_add(length as u64, Ordering::Relaxed);
        }
    }))
}
