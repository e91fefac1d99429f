//! The benchmark: the emulator against a bare hyper server that gives the same bytes with no logic behind them.
//!
//! `cargo bench` starts both as processes of their own and loads them in turn, so that whatever else the machine does hits both. The
//! reference answers every GET and every PATCH with the bytes that the emulator gave in a probe. What is printed is the ratio: of
//! throughput, and of CPU time per request, which is the steadier figure because it does not depend on who else runs on the cores that
//! server and load generator share.
//!
//! Flags (behind `--`): `--rounds N`, `--seconds S`, `--quick`, and expectations that decide the exit status: `--expect-get R`,
//! `--expect-patch R` (of the two ratios at 16 connections the better counts), `--expect-ready-ms N`, `--expect-idle-mib N`.

mod reference {
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod process;
    pub(crate) mod server;
}

use std::process::ExitCode;
use std::time::Duration;

use reference::load::{self, Exchange, Load};
use reference::options::Options;
use reference::process::{self, Child};
use reference::server;

/// What went wrong, for people.
type Problem = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(recording) = server::recording_of(&arguments) {
        return report(server::serve(&recording).map(|()| true));
    }
    // `cargo test --benches` runs the executable too, and wants to know only that it starts.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    report(Options::read(&arguments).map_err(Problem::from).and_then(|options| bench(&options)))
}

fn report(outcome: Result<bool, Problem>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; false if an expectation failed.
fn bench(options: &Options) -> Result<bool, Problem> {
    println!("{}\n", process::machine());
    let emulator = Child::emulator(&[])?;
    let get = load::record(emulator.address, &Exchange::get())?;
    let patch = load::record(emulator.address, &Exchange::patch())?;
    let recording = server::Recording::write(&get, &patch)?;
    let reference = Child::reference(recording.path())?;

    let mut unmet = Vec::new();
    println!(
        "| exchange | connections | reference/s | emulator/s | ratio (spread) | reference CPU | emulator CPU | ratio (spread) | p50 | p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, exchange, expected) in
        [("GET", Exchange::get(), options.expect_get), ("PATCH", Exchange::patch(), options.expect_patch)]
    {
        for connections in [16, 64] {
            let row = compare(options, &reference, &emulator, &exchange, connections)?;
            println!("{}", row.line(name, connections));
            let best = row.throughput_ratio().max(row.cpu_ratio().unwrap_or(0.0));
            if connections == 16 && expected.is_some_and(|expected| best < expected) {
                unmet.push(format!("{name}: {best:.2} of the reference, expected {:.2}", expected.unwrap_or_default()));
            }
        }
    }
    drop((emulator, reference));

    println!("\n| | time to address | time to first answer | idle | after 100,000 requests |\n|---|---|---|---|---|");
    for (name, arguments) in [("reference", Some(recording.path())), ("emulator", None)] {
        let start = starts(options, arguments)?;
        println!("{}", start.line(name));
        if name == "emulator" {
            if options.expect_ready_ms.is_some_and(|expected| start.answer.as_secs_f64() * 1000.0 > expected) {
                unmet.push(format!("first answer after {:.1} ms", start.answer.as_secs_f64() * 1000.0));
            }
            if options.expect_idle_mib.is_some_and(|expected| start.idle.is_some_and(|idle| idle > expected)) {
                unmet.push(format!("idle at {:.1} MiB", start.idle.unwrap_or_default()));
            }
        }
    }

    println!("\n| entities | time to first answer | memory | GET CPU | PATCH CPU |\n|---|---|---|---|---|");
    for count in [100, 10_000] {
        println!("{}", size(options, count)?);
    }
    for problem in &unmet {
        println!("not met: {problem}");
    }
    Ok(unmet.is_empty())
}

/// One cell of the table: both servers in alternating rounds.
struct Comparison {
    reference: Vec<Load>,
    emulator: Vec<Load>,
}

fn compare(
    options: &Options,
    reference: &Child,
    emulator: &Child,
    exchange: &Exchange,
    connections: usize,
) -> Result<Comparison, Problem> {
    let mut row = Comparison { reference: Vec::new(), emulator: Vec::new() };
    // The first round of each only warms up.
    for round in 0..=options.rounds {
        for (child, loads) in [(reference, &mut row.reference), (emulator, &mut row.emulator)] {
            let load = child.load(exchange, connections, options.round)?;
            if round > 0 {
                loads.push(load);
            }
        }
    }
    Ok(row)
}

impl Comparison {
    fn ratios(&self, of: impl Fn(&Load, &Load) -> f64) -> Vec<f64> {
        self.reference.iter().zip(&self.emulator).map(|(reference, emulator)| of(reference, emulator)).collect()
    }

    fn throughput_ratios(&self) -> Vec<f64> {
        self.ratios(|reference, emulator| emulator.per_second() / reference.per_second())
    }

    fn throughput_ratio(&self) -> f64 {
        median(self.throughput_ratios())
    }

    fn cpu_ratios(&self) -> Option<Vec<f64>> {
        let measured = self.reference.iter().chain(&self.emulator).all(|load| load.cpu.is_some());
        measured.then(|| self.ratios(|reference, emulator| reference.cpu_micros() / emulator.cpu_micros()))
    }

    fn cpu_ratio(&self) -> Option<f64> {
        self.cpu_ratios().map(median)
    }

    fn line(&self, name: &str, connections: usize) -> String {
        let middle = |loads: &[Load], of: fn(&Load) -> f64| median(loads.iter().map(of).collect());
        let cpu = match self.cpu_ratios() {
            Some(ratios) => format!(
                "{:.2} µs | {:.2} µs | {}",
                middle(&self.reference, Load::cpu_micros),
                middle(&self.emulator, Load::cpu_micros),
                with_spread(ratios)
            ),
            None => "not measured | not measured |".to_owned(),
        };
        format!(
            "| {name} | {connections} | {:.0} | {:.0} | {} | {cpu} | {:.0} µs | {:.0} µs |",
            middle(&self.reference, Load::per_second),
            middle(&self.emulator, Load::per_second),
            with_spread(self.throughput_ratios()),
            middle(&self.emulator, |load| load.percentile(0.5)),
            middle(&self.emulator, |load| load.percentile(0.99)),
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn with_spread(values: Vec<f64>) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2}–{most:.2})", median(values))
}

/// How a server starts, and what memory it takes.
struct Start {
    url: Duration,
    answer: Duration,
    idle: Option<f64>,
    loaded: Option<f64>,
}

fn starts(options: &Options, recording: Option<&std::path::Path>) -> Result<Start, Problem> {
    let spawn = || recording.map_or_else(|| Child::emulator(&[]), Child::reference);
    let (mut urls, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..options.starts {
        let child = spawn()?;
        urls.push(child.to_address.as_secs_f64());
        answers.push((child.to_address + load::first_answer(child.address)?).as_secs_f64());
    }
    let child = spawn()?;
    let idle = process::resident_mib(child.id());
    child.load_requests(&Exchange::get(), 16, options.memory_requests)?;
    let loaded = process::resident_mib(child.id());
    Ok(Start { url: Duration::from_secs_f64(median(urls)), answer: Duration::from_secs_f64(median(answers)), idle, loaded })
}

impl Start {
    fn line(&self, name: &str) -> String {
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        format!("| {name} | {} | {} | {} | {} |", millis(self.url), millis(self.answer), mib(self.idle), mib(self.loaded))
    }
}

fn mib(value: Option<f64>) -> String {
    value.map_or("not measured".to_owned(), |value| format!("{value:.1} MiB"))
}

/// The same exchanges with more entities: their cost must not grow.
fn size(options: &Options, count: usize) -> Result<String, Problem> {
    let fixtures = process::fixtures_of(count)?;
    let child = Child::emulator(&["--fixtures", &fixtures.path().display().to_string()])?;
    let answer = child.to_address + load::first_answer(child.address)?;
    let memory = mib(process::resident_mib(child.id()));
    let mut cpu = Vec::new();
    for exchange in [Exchange::get(), Exchange::patch()] {
        let loads: Result<Vec<Load>, Problem> = (0..options.rounds).map(|_| child.load(&exchange, 16, options.round)).collect();
        let micros = median(loads?.iter().map(Load::cpu_micros).collect());
        cpu.push(if micros.is_nan() { "not measured".to_owned() } else { format!("{micros:.2} µs") });
    }
    Ok(format!("| {count} | {:.1} ms | {memory} | {} |", answer.as_secs_f64() * 1000.0, cpu.join(" | ")))
}
