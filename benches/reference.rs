//! The benchmark: the emulator against the *reference*, a bare hyper server that gives the same bytes with no logic behind them.
//!
//! ```console
//! $ cargo bench
//! $ cargo bench -- --quick
//! $ cargo bench -- --expect-get 0.9 --expect-patch 0.5 --expect-ready-ms 10 --expect-idle-mib 10
//! ```
//!
//! `cargo bench -- --help` lists the flags. Both servers run as processes of their own, with the same runtime and the same
//! settings of hyper. The reference answers every GET and every PATCH with the response that an emulator gave to that very
//! request in a probe, so what separates the two is the emulator's own work and nothing else. A figure of the emulator alone says
//! little, since it is mostly the price of sockets on the machine at hand; the ratio to the reference carries over from one
//! machine to another.
//!
//! | measured | how |
//! |---|---|
//! | throughput, latency | keep-alive connections with one request in flight each; the servers take turns, so that a disturbance hits both |
//! | CPU time per request | the time that the server's threads were on a CPU, from the scheduler, divided by the requests |
//! | many in one | a page of a hundred entities against the reference with its bytes; a batch of twenty requests against twenty requests |
//! | start | from spawning the program to the line with its address, and to the first answer |
//! | memory | resident memory after the start, after the first answer, and after many requests, with the journal on |
//! | tenants | making, using and dropping ten thousand tenants, and the memory that is given back |
//! | scaling | the same requests to emulators with few and with many entities: one entity and one page should cost the same, a filter over all of them in proportion |
//!
//! **CPU time per request is the steadier figure.** Server and load generator share the cores. Throughput therefore counts the
//! work of the generator and of whatever else runs as well, and where the generator is what limits it, even a slow server seems
//! to keep up: ratios of throughput shrink toward one. Time on a CPU counts the server's work alone, however long it had to wait
//! for its turn. Ratios are read at 16 connections, where less of the throughput is the generator's. Every ratio is above one
//! where the emulator does better, and is the median of the rounds' ratios, with the least and the greatest of them in
//! parentheses.

mod reference {
    pub(crate) mod larger;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod process;
    pub(crate) mod rounds;
    pub(crate) mod scaling;
    pub(crate) mod server;
    pub(crate) mod start;
    pub(crate) mod system;
    pub(crate) mod table;
    pub(crate) mod url;
    pub(crate) mod worlds;
}

use std::process::ExitCode;

use clap::Parser as _;

use reference::load::{self, ENTITY, Exchange};
use reference::options::{Expectations, Options};
use reference::process::Child;
use reference::rounds;
use reference::table::Table;
use reference::{larger, scaling, server, start, system, url, worlds};

/// That of the emulator, so that it makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What went wrong, for people.
type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The numbers of connections that are measured; expectations are about the first.
const CONNECTIONS: [usize; 2] = [16, 64];

/// The exit status of a program that was told to stop.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(recording) = server::recording_of(&arguments) {
        return match server::serve(&recording) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(&problem),
        };
    }
    if let Some(target) = url::target_of(&arguments) {
        return match load::runtime().map_err(Problem::from).and_then(|runtime| runtime.block_on(url::load(&target))) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => fail(&problem),
        };
    }
    // `cargo test --benches` runs the program too, with the flags of test programs, and wants to know only that it starts.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    if !is_bench || arguments.iter().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    let runtime = match load::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    runtime.block_on(async {
        tokio::select! {
            outcome = bench(&options) => match outcome {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(problem) => fail(&problem),
            },
            // The other branch is dropped, and the servers with it.
            () = interrupted() => ExitCode::from(INTERRUPTED),
        }
    })
}

fn fail(problem: &Problem) -> ExitCode {
    eprintln!("bench: {problem}");
    ExitCode::FAILURE
}

/// Returns when the program is told to stop. Without this a signal would end it and leave the servers running.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
            }
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        return;
    }
    // Signals that cannot be caught end the program at once.
    std::future::pending::<()>().await;
}

/// Measures everything; false if an expectation was not met.
async fn bench(options: &Options) -> Result<bool, Problem> {
    println!("{}", system::describe());
    println!(
        "medians of {} rounds of {} s each, with the least and the greatest\n",
        options.rounds(),
        options.round().as_secs_f64()
    );
    if !system::is_measured() {
        println!("CPU time and memory are measured on Linux only; here they are left out.\n");
    }
    let recording = record().await?;
    let mut expectations = Expectations::default();

    println!("## Requests\n");
    requests(options, &recording, &mut expectations).await?;
    println!("\n## Many in one\n");
    larger::compare(options, &mut expectations).await?;
    println!("\n## Start and memory\n");
    let emulator = start::compare(&recording).await?;
    expectations.at_most("milliseconds to the first answer", options.expect_ready_ms, Some(emulator.first_answer_ms));
    expectations.at_most("MiB resident when idle", options.expect_idle_mib, emulator.idle_mib);
    let growth = start::growth(options.memory_requests()).await?;
    expectations.at_most("MiB that memory grows by", options.expect_growth_mib, growth);
    println!("\n## Tenants\n");
    let kept = worlds::measure().await?;
    expectations.at_most("MiB that dropped tenants keep", options.expect_kept_mib, kept);
    println!("\n## Scaling\n");
    scaling::compare(options).await?;

    if !expectations.is_empty() {
        println!("\n## Expectations\n\n{expectations}");
    }
    Ok(expectations.are_met())
}

/// Asks an emulator for the responses that the reference is to give, and sees that the reference gives them to the byte.
async fn record() -> Result<server::Recording, Problem> {
    let exchanges = [Exchange::get(ENTITY), Exchange::patch(ENTITY)];
    let responses = probe(Child::emulator(None).await?, &exchanges).await?;
    let recording = server::Recording::write(&responses[0], &responses[1])?;
    if probe(Child::reference(&recording).await?, &exchanges).await? == responses {
        Ok(recording)
    } else {
        Err("the reference does not give the bytes that the emulator gave".into())
    }
}

async fn probe(mut child: Child, exchanges: &[Exchange; 2]) -> Result<Vec<Vec<u8>>, Problem> {
    let mut responses = Vec::new();
    for exchange in exchanges {
        let response = load::probe(child.address, exchange).await;
        responses.push(response.map_err(|problem| child.failed(&problem))?);
    }
    Ok(responses)
}

/// Compares throughput, CPU time and latency.
async fn requests(options: &Options, recording: &server::Recording, expectations: &mut Expectations) -> Result<(), Problem> {
    let mut reference = Child::reference(recording).await?;
    let mut emulator = Child::emulator(None).await?;
    let figures = ["requests/s", "ratio (spread)", "CPU µs/request", "ratio (spread)", "p50 µs", "p99 µs"];
    let mut table = Table::new(&["request", "connections", "server"], &figures);
    for (exchange, expected) in [(Exchange::get(ENTITY), options.expect_get), (Exchange::patch(ENTITY), options.expect_patch)] {
        for connections in CONNECTIONS {
            eprintln!("measuring {} at {connections} connections", exchange.name);
            let exchanges = [&exchange, &exchange];
            let [bare, ours] = rounds::alternate(options, [&mut reference, &mut emulator], exchanges, connections).await?;
            let throughput = ours.to(&bare, |load| Some(load.per_second()));
            let cpu = bare.to(&ours, load::Load::cpu_micros);
            for (server, rounds, ratios) in [("reference", &bare, [None, None]), ("emulator", &ours, [throughput, cpu])] {
                let [throughput, cpu] = ratios.map(|ratio| ratio.map(|ratio| ratio.to_string()).unwrap_or_default());
                let mut row = vec![exchange.name.to_owned(), connections.to_string(), server.to_owned()];
                row.extend([rounds.per_second(), throughput, rounds.cpu(), cpu, rounds.percentile(50), rounds.percentile(99)]);
                table.row(row);
            }
            if connections == CONNECTIONS[0] {
                let best = [throughput, cpu].into_iter().flatten().map(|ratio| ratio.median).reduce(f64::max);
                expectations.at_least(&format!("{} to the reference", exchange.name), expected, best);
            }
        }
    }
    print!("{table}");
    Ok(())
}
