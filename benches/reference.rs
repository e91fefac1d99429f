//! The benchmark: the emulator against the *reference*, a bare hyper server that answers with the same bytes and no logic.
//!
//! ```console
//! $ cargo bench
//! $ cargo bench -- --quick
//! $ cargo bench -- --expect-get 0.9 --expect-patch 0.5 --expect-ready-ms 10 --expect-idle-mib 10
//! ```
//!
//! `cargo bench -- --help` lists the flags. Both servers run as separate processes, with the same runtime and the same settings of
//! hyper. The reference answers every GET and every PATCH with the response that an emulator gave to the same request in a probe, so
//! the difference between the two is the emulator's own work. An absolute figure is mostly the cost of sockets on the machine at hand;
//! the ratio to the reference carries over from one machine to another.
//!
//! | measured | how |
//! |---|---|
//! | throughput, latency | keep-alive connections with one request in flight each; the servers alternate, so that a disturbance affects both |
//! | the same by wrk | throughput and CPU time with another load generator, one thread and 16 connections, where it is installed |
//! | CPU time per request | CPU time of the server's threads, from the scheduler, divided by the requests |
//! | instructions and cache misses | of a request, counted by valgrind with simulated caches, if asked for: the figures that do not move |
//! | over TLS | handshakes, requests of HTTP/1.1, and a hundred streams of HTTP/2 on one connection, against a bare server of hyper and rustls |
//! | many in one | a page of a hundred entities against the reference with its bytes; a batch of twenty requests against twenty requests |
//! | the page | the same GETs without and with a reader of the stream of the journals |
//! | the report | on a full journal of 10,000 requests of seven kinds, several times |
//! | start | from spawning the program to the line with its address, and to the first answer |
//! | memory | resident memory after the start, after the first answer, and after many requests, with the journal on |
//! | worlds | creating, using and dropping ten thousand worlds, and the memory released |
//! | a suite of tests | a thousand tests, each with a server that is started, updated, and stopped, and each with a world of one server |
//! | scaling | the same requests to emulators with few and with many entities: one entity and one page should cost the same, a filter over all of them in proportion |
//!
//! **CPU time per request is the more stable figure.** Server and load generator share the cores. Throughput therefore includes the
//! work of the generator and of other processes, and where the generator is the bottleneck, even a slow server seems to keep up: ratios
//! of throughput shrink toward one. CPU time counts the server's work alone, without its waiting time. Expectations apply to 16
//! connections, where the generator has a smaller share. A ratio above one means that the emulator is better. Each ratio is the median of
//! the ratios of all rounds, with their minimum and maximum in parentheses.

mod reference {
    pub(crate) mod instructions;
    pub(crate) mod larger;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod process;
    pub(crate) mod report;
    pub(crate) mod rounds;
    pub(crate) mod scaling;
    pub(crate) mod server;
    pub(crate) mod start;
    pub(crate) mod stream;
    pub(crate) mod suite;
    pub(crate) mod system;
    pub(crate) mod table;
    pub(crate) mod tls;
    pub(crate) mod url;
    pub(crate) mod worlds;
    pub(crate) mod wrk;
}

use std::process::ExitCode;

use clap::Parser as _;

use reference::load::{self, ENTITY, Exchange};
use reference::options::{Expectations, Options};
use reference::process::Child;
use reference::rounds;
use reference::table::Table;
use reference::{instructions, larger, report, scaling, server, start, stream, suite, system, tls, url, worlds, wrk};

/// The allocator of the emulator, so that it makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An error with a message for the user.
type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The measured numbers of connections; expectations apply to the first.
const CONNECTIONS: [usize; 2] = [16, 64];

/// The exit status after a signal.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((recording, tls)) = server::recording_of(&arguments) {
        return match server::serve(&recording, tls.as_ref()) {
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
    // `cargo test --benches` runs the program too, with the flags of test programs: starting is enough.
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

/// Returns on a signal to stop. Otherwise, the signal would end the program and leave the servers running.
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
    // Signals that cannot be caught end the program immediately.
    std::future::pending::<()>().await;
}

/// Measures everything; false if an expectation was not met.
async fn bench(options: &Options) -> Result<bool, Problem> {
    println!("{}", system::describe());
    println!("medians of {} rounds of {} s each, with minimum and maximum\n", options.rounds(), options.round().as_secs_f64());
    if !system::is_measured() {
        println!("CPU time and memory are measured on Linux only and left out here.\n");
    }
    let recording = record().await?;
    let mut expectations = Expectations::default();

    println!("## Requests\n");
    requests(options, &recording, &mut expectations).await?;
    println!("\n## Requests by wrk\n");
    wrk::compare(options, &recording, &mut expectations).await?;
    if options.instructions {
        println!("\n## Instructions per request\n");
        instructions::compare(options, &mut expectations).await?;
    }
    println!("\n## Many in one\n");
    larger::compare(options, &mut expectations).await?;
    println!("\n## Over TLS\n");
    tls::compare(options, &recording, &mut expectations).await?;
    println!("\n## The page\n");
    stream::compare(options, &mut expectations).await?;
    println!("\n## The report\n");
    let report_ms = report::measure().await?;
    expectations.at_most("milliseconds for a report on 10,000 requests", options.expect_report_ms, Some(report_ms));
    println!("\n## Start and memory\n");
    let emulator = start::compare(&recording).await?;
    expectations.at_most("milliseconds to the first answer", options.expect_ready_ms, Some(emulator.first_answer_ms));
    expectations.at_most("MiB resident when idle", options.expect_idle_mib, emulator.idle_mib);
    let growth = start::growth(options.memory_requests()).await?;
    expectations.at_most("MiB that memory grows by", options.expect_growth_mib, growth);
    println!("\n## Worlds\n");
    let kept = worlds::measure().await?;
    expectations.at_most("MiB that dropped worlds keep", options.expect_kept_mib, kept);
    println!("\n## A suite of tests\n");
    suite::compare(options, &recording).await?;
    println!("\n## Scaling\n");
    scaling::compare(options).await?;

    if !expectations.is_empty() {
        println!("\n## Expectations\n\n{expectations}");
    }
    Ok(expectations.are_met())
}

/// Records responses of an emulator for the reference, and checks that the reference gives the same bytes.
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
