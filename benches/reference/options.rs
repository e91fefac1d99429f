//! The flags of the benchmark.

use std::time::Duration;

/// How much is measured, and what is expected.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
    pub(crate) starts: usize,
    pub(crate) memory_requests: usize,
    pub(crate) expect_get: Option<f64>,
    pub(crate) expect_patch: Option<f64>,
    pub(crate) expect_ready_ms: Option<f64>,
    pub(crate) expect_idle_mib: Option<f64>,
}

impl Options {
    pub(crate) fn read(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            rounds: 5,
            round: Duration::from_secs(2),
            starts: 20,
            memory_requests: 100_000,
            expect_get: None,
            expect_patch: None,
            expect_ready_ms: None,
            expect_idle_mib: None,
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let mut number = || {
                let text = arguments.next().ok_or_else(|| format!("{flag} takes a number"))?;
                text.parse::<f64>()
                    .ok()
                    .filter(|number| *number > 0.0)
                    .ok_or_else(|| format!("{flag} takes a number, not '{text}'"))
            };
            match flag.as_str() {
                "--bench" => {}
                "--quick" => {
                    options.rounds = 2;
                    options.round = Duration::from_millis(300);
                    options.starts = 5;
                    options.memory_requests = 20_000;
                }
                "--rounds" => {
                    let text = arguments.next().ok_or("--rounds takes a number")?;
                    let rounds = text.parse().ok().filter(|rounds| *rounds > 0);
                    options.rounds = rounds.ok_or_else(|| format!("--rounds takes a number, not '{text}'"))?;
                }
                "--seconds" => options.round = Duration::from_secs_f64(number()?),
                "--expect-get" => options.expect_get = Some(number()?),
                "--expect-patch" => options.expect_patch = Some(number()?),
                "--expect-ready-ms" => options.expect_ready_ms = Some(number()?),
                "--expect-idle-mib" => options.expect_idle_mib = Some(number()?),
                other => return Err(format!("there is no flag {other}; see the head of benches/reference.rs")),
            }
        }
        Ok(options)
    }
}
