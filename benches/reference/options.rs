//! The flags of the benchmark, and expectations of the emulator.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Parser;

/// Measures the emulator against a bare server that answers with the same bytes
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench --", long_about = None)]
pub(crate) struct Options {
    /// Rounds per figure [default: 5, or 3 with --quick]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Seconds per round and server [default: 2, or 0.25 with --quick]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Measure less, in under 20 seconds: enough to check that everything works, not to compare figures
    #[arg(long)]
    quick: bool,
    /// Fail if GET at 16 connections is below this ratio to the reference, in throughput and in CPU time per request
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_get: Option<f64>,
    /// Fail if PATCH at 16 connections is below this ratio to the reference, in throughput and in CPU time per request
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_patch: Option<f64>,
    /// Fail if a page of 100 is below this ratio to the reference, in throughput and in CPU time per request
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_page: Option<f64>,
    /// Fail if a batch of 20 is below this ratio to 20 requests, in throughput and in CPU time
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_batch: Option<f64>,
    /// Count instructions and cache misses per request with valgrind, too, which takes some minutes
    #[arg(long)]
    pub(crate) instructions: bool,
    /// Fail if a GET takes more instructions than this
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "instructions")]
    pub(crate) expect_get_instructions: Option<f64>,
    /// Fail if a PATCH takes more instructions than this
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "instructions")]
    pub(crate) expect_patch_instructions: Option<f64>,
    /// Fail if a page of 100 takes more instructions than this
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "instructions")]
    pub(crate) expect_page_instructions: Option<f64>,
    /// Fail if a batch of 20 takes more instructions than this
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "instructions")]
    pub(crate) expect_batch_instructions: Option<f64>,
    /// Fail if a filter over 100 entities takes more instructions than this
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "instructions")]
    pub(crate) expect_filter_instructions: Option<f64>,
    /// Fail if GET with a reader of the stream of the journals is below this ratio to GET without one, in throughput
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_stream: Option<f64>,
    /// Fail if handshakes, GET over TLS, or GET on streams of HTTP/2 are below this ratio to the reference, in throughput and in CPU time
    #[arg(long, value_name = "RATIO", value_parser = positive)]
    pub(crate) expect_tls: Option<f64>,
    /// Fail if the median time from the start to the first answer is longer than this
    #[arg(long, value_name = "MILLISECONDS", value_parser = positive)]
    pub(crate) expect_ready_ms: Option<f64>,
    /// Fail if resident memory after the start is larger than this
    #[arg(long, value_name = "MIB", value_parser = positive)]
    pub(crate) expect_idle_mib: Option<f64>,
    /// Requests for measuring the growth of memory [default: 1000000, or 300000 with --quick]; 10000000 take several minutes
    #[arg(long, value_name = "NUMBER")]
    memory_requests: Option<usize>,
    /// Fail if resident memory grows by more than this after the first 100,000 requests
    #[arg(long, value_name = "MIB", value_parser = positive)]
    pub(crate) expect_growth_mib: Option<f64>,
    /// Fail if resident memory grows by more than this after thousands of worlds were created and dropped
    #[arg(long, value_name = "MIB", value_parser = positive)]
    pub(crate) expect_kept_mib: Option<f64>,
    /// Fail if the fastest report on 10,000 requests takes longer than this
    #[arg(long, value_name = "MILLISECONDS", value_parser = positive)]
    pub(crate) expect_report_ms: Option<f64>,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 })
    }

    /// Returns the number of tests of the measured suite.
    pub(crate) fn tests(&self) -> usize {
        if self.quick { 50 } else { 1_000 }
    }

    pub(crate) fn memory_requests(&self) -> usize {
        self.memory_requests.unwrap_or(if self.quick { 300_000 } else { 1_000_000 })
    }

    pub(crate) fn round(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 0.25 } else { 2.0 }))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.01..=3600.0)
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, f64::MIN_POSITIVE..=f64::MAX)
}

fn number(text: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        if *range.end() < f64::MAX {
            format!("expected a number from {} to {}", range.start(), range.end())
        } else {
            "expected a positive number".to_owned()
        }
    })
}

/// Expectations with the measured values.
#[derive(Default)]
pub(crate) struct Expectations {
    lines: Vec<String>,
    unmet: usize,
}

impl Expectations {
    pub(crate) fn at_least(&mut self, what: &str, expected: Option<f64>, found: Option<f64>) {
        self.judge(what, "at least", expected, found, |found, expected| found >= expected);
    }

    pub(crate) fn at_most(&mut self, what: &str, expected: Option<f64>, found: Option<f64>) {
        self.judge(what, "at most", expected, found, |found, expected| found <= expected);
    }

    /// An expectation without a measured value counts as not met.
    fn judge(&mut self, what: &str, bound: &str, expected: Option<f64>, found: Option<f64>, holds: fn(f64, f64) -> bool) {
        let Some(expected) = expected else { return };
        let is_met = found.is_some_and(|found| holds(found, expected));
        self.unmet += usize::from(!is_met);
        let verdict = if is_met { "met" } else { "NOT MET" };
        let found = found.map_or("not measured".to_owned(), |found| format!("{found:.2}"));
        self.lines.push(format!("- {what}: {found}, expected {bound} {expected}: {verdict}\n"));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn are_met(&self) -> bool {
        self.unmet == 0
    }
}

impl fmt::Display for Expectations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| f.write_str(line))
    }
}
