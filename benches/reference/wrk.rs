//! The same requests from another load generator: [wrk](https://github.com/wg/wrk), where it is installed.

use std::fmt::Write as _;
use std::io;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::load::{ENTITY, Exchange, Load};
use super::options::{Expectations, Options};
use super::process::{Child, Temporary};
use super::rounds::Rounds;
use super::server::Recording;
use super::system::CpuTime;
use super::table::Table;
use crate::Problem;

/// One thread is enough to keep two cores busy.
const THREADS: usize = 1;
const CONNECTIONS: usize = 16;

/// Compares throughput and CPU time under the load of wrk, and prints the table.
pub(crate) async fn compare(options: &Options, recording: &Recording, expectations: &mut Expectations) -> Result<(), Problem> {
    if matches!(wrk(&["--version"]).await, Err(error) if error.kind() == io::ErrorKind::NotFound) {
        println!("wrk is not installed, and left out.");
        return Ok(());
    }
    let children = [Child::reference(recording).await?, Child::emulator(None).await?];
    let mut table = Table::new(&["request", "server"], &["requests/s", "ratio (spread)", "CPU µs/request", "ratio (spread)"]);
    for (exchange, expected) in [(Exchange::get(ENTITY), options.expect_get), (Exchange::patch(ENTITY), options.expect_patch)] {
        eprintln!("measuring {} with wrk", exchange.name);
        let script = Temporary::write("wrk.lua", script(&exchange)?.as_bytes())?;
        let mut rounds = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds() {
            for (child, rounds) in children.iter().zip(&mut rounds) {
                rounds.push(round(child, &script, options.round()).await?);
            }
        }
        let [bare, ours] = rounds.map(Rounds::of);
        let best = table.compare([(exchange.name, "reference"), (exchange.name, "emulator")], &bare, &ours);
        expectations.at_least(&format!("{} to the reference, by wrk", exchange.name), expected, best);
    }
    print!("{table}");
    Ok(())
}

/// Returns a script that sends the bytes of an exchange, with another number each time.
fn script(exchange: &Exchange) -> Result<String, Problem> {
    let (before, after) = exchange.around_number();
    let mut script = format!("local before, after = {}, {}\n", literal(before)?, literal(after)?);
    if after.is_empty() {
        script.push_str("request = function() return before end\n");
    } else {
        script.push_str("local number = 0\n");
        script.push_str("request = function()\n  number = (number + 1) % 10000\n");
        script.push_str("  return before .. string.format('%04d', number) .. after\nend\n");
    }
    Ok(script)
}

/// Writes bytes as a literal of Lua.
fn literal(bytes: &[u8]) -> Result<String, std::fmt::Error> {
    let mut literal = String::from("\"");
    for byte in bytes {
        // Always three digits, since a digit may follow.
        write!(literal, "\\{byte:03}")?;
    }
    literal.push('"');
    Ok(literal)
}

/// Loads a server for whole seconds, at least one.
async fn round(child: &Child, script: &Temporary, duration: Duration) -> Result<Load, Problem> {
    let url = format!("http://{}/", child.address);
    let script = script.path().to_str().ok_or("the temporary folder has a name that is no text")?;
    let seconds = duration.as_secs().max(1);
    let arguments = [&format!("-t{THREADS}"), &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-s", script, &url];
    let before = CpuTime::of(&[child.id()]);
    let output = wrk(&arguments).await?;
    let cpu = before.until(&CpuTime::of(&[child.id()]));
    let report = String::from_utf8_lossy(&output.stdout);
    // Each of these lines is missing if there is nothing to say.
    let is_clean = !report.contains("Non-2xx") && !report.contains("Socket errors");
    let load = read(&report).filter(|_| is_clean && output.status.success());
    let (requests, elapsed) = load.ok_or_else(|| format!("wrk failed: {report}{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(Load::of(requests, elapsed, cpu))
}

/// Reads the requests of a report and the time that they took.
fn read(report: &str) -> Option<(u32, Duration)> {
    let (requests, _) = report.split_once(" requests in ")?;
    let requests: u32 = requests.rsplit(char::is_whitespace).next()?.parse().ok()?;
    let (_, rate) = report.split_once("Requests/sec:")?;
    let rate: f64 = rate.split_whitespace().next()?.parse().ok()?;
    (rate > 0.0).then(|| (requests, Duration::from_secs_f64(f64::from(requests) / rate)))
}

async fn wrk(arguments: &[&str]) -> io::Result<Output> {
    let mut command = Command::new("wrk");
    command.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output()).await?
}
