//! The time that `--clock` sets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::edm::date_time::DateTimeOffset;
use crate::world::clock::Clock;

/// Reads the value of `--clock`.
pub(super) fn fixed(text: &str) -> Result<Clock, String> {
    let ticks = DateTimeOffset::parse(text).map(DateTimeOffset::ticks);
    let since_epoch = ticks.and_then(|ticks| u64::try_from(ticks).ok());
    let Some(ticks) = since_epoch else {
        return Err(format!("invalid --clock '{text}': expected a time since 1970, for example 2026-01-01T00:00:00Z"));
    };
    let time: SystemTime = UNIX_EPOCH + Duration::from_micros(ticks / 10);
    Ok(Clock::Fixed(time))
}
