//! Alternating rounds of two servers, and their figures.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::load::{Exchange, Load, Pool, Until};
use super::options::Options;
use super::process::Child;
use super::system::CpuTime;
use super::table::{optional, thousands};
use crate::Problem;

/// The rounds of one server.
pub(crate) struct Rounds(Vec<Load>);

/// Loads two servers alternately, each with its exchange.
pub(crate) async fn alternate(
    options: &Options,
    children: [&mut Child; 2],
    exchanges: [&Exchange; 2],
    connections: usize,
) -> Result<[Rounds; 2], Problem> {
    let mut rounds = [Vec::new(), Vec::new()];
    let [one, other] = children;
    for _ in 0..options.rounds() {
        for (index, child) in [&mut *one, &mut *other].into_iter().enumerate() {
            let (processes, until) = ([child.id()], Until::Passed(options.round()));
            let load = round(child.address, &processes, exchanges[index], connections, options.round() / 20, until).await;
            rounds[index].push(load.map_err(|problem| child.failed(&problem))?);
        }
    }
    Ok(rounds.map(Rounds))
}

/// Loads a server over new connections, after a warm-up.
pub(crate) async fn round(
    address: SocketAddr,
    processes: &[u32],
    exchange: &Exchange,
    connections: usize,
    warm_up: Duration,
    until: Until,
) -> Result<Load, Problem> {
    let mut pool = Pool::connect(address, exchange, connections).await?;
    pool.run(Until::Passed(warm_up)).await?;
    let before = CpuTime::of(processes);
    let mut load = pool.run(until).await?;
    load.cpu = before.until(&CpuTime::of(processes));
    Ok(load)
}

impl Rounds {
    /// Returns rounds that were measured one by one.
    pub(crate) fn of(loads: Vec<Load>) -> Rounds {
        Rounds(loads)
    }

    /// Returns the ratio of a figure to the same figure of another server, round by round.
    pub(crate) fn to(&self, other: &Rounds, figure: fn(&Load) -> Option<f64>) -> Option<Spread> {
        let ratios = self.0.iter().zip(&other.0).map(|(this, other)| Some(figure(this)? / figure(other)?));
        Spread::of(ratios.collect::<Option<_>>()?)
    }

    /// Returns the rounds with `by` requests counted as one.
    pub(crate) fn grouped(mut self, by: u32) -> Rounds {
        for load in &mut self.0 {
            load.requests /= by;
        }
        self
    }

    pub(crate) fn per_second(&self) -> String {
        optional(self.median(|load| Some(load.per_second())), thousands)
    }

    pub(crate) fn cpu(&self) -> String {
        optional(self.median(Load::cpu_micros), |micros| format!("{micros:.2}"))
    }

    pub(crate) fn percentile(&self, percent: usize) -> String {
        optional(self.median(|load| load.percentile(percent)), thousands)
    }

    fn median(&self, figure: impl Fn(&Load) -> Option<f64>) -> Option<f64> {
        Spread::of(self.0.iter().map(figure).collect::<Option<_>>()?).map(|spread| spread.median)
    }
}

/// Median, minimum and maximum of figures.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    minimum: f64,
    maximum: f64,
}

impl Spread {
    /// Returns `None` without figures.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Spread> {
        figures.sort_by(f64::total_cmp);
        let (minimum, maximum) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) };
        Some(Spread { median, minimum, maximum })
    }

    /// Writes seconds as milliseconds.
    pub(crate) fn millis(&self) -> String {
        format!("{:.1} ({:.1}–{:.1})", self.median * 1e3, self.minimum * 1e3, self.maximum * 1e3)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.minimum, self.maximum)
    }
}
