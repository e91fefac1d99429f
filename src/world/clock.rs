//! The clock of a world.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::edm::date_time::DateTimeOffset;

/// The source of a world's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system clock.
    System,
    /// A frozen time.
    Fixed(SystemTime),
    /// The system clock with an offset in milliseconds.
    Shifted(i64),
}

impl Clock {
    /// Returns the time.
    pub fn now(self) -> SystemTime {
        match self {
            Clock::System => SystemTime::now(),
            Clock::Fixed(time) => time,
            Clock::Shifted(offset) => shifted(SystemTime::now(), offset),
        }
    }

    /// Returns a clock frozen at the current time.
    #[must_use]
    pub fn frozen(self) -> Clock {
        Clock::Fixed(self.now())
    }

    /// Returns a running clock that continues from the current time.
    #[must_use]
    pub fn running(self) -> Clock {
        match self {
            Clock::Fixed(time) => Clock::Shifted(unix_millis(time).saturating_sub(unix_millis(SystemTime::now()))),
            running => running,
        }
    }

    /// Returns a clock that is this many milliseconds ahead, or behind if negative.
    #[must_use]
    pub fn advanced(self, millis: i64) -> Clock {
        match self {
            Clock::System => Clock::Shifted(millis),
            Clock::Fixed(time) => Clock::Fixed(shifted(time, millis)),
            Clock::Shifted(offset) => Clock::Shifted(offset.saturating_add(millis)),
        }
    }
}

/// The end of the year 9999, the last date of the service.
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// Shifts a time within 1970 to 9999.
fn shifted(time: SystemTime, millis: i64) -> SystemTime {
    let shifted = unix_millis(time).saturating_add(millis).clamp(0, LAST_MILLIS);
    UNIX_EPOCH + Duration::from_millis(u64::try_from(shifted).unwrap_or_default())
}

/// Returns milliseconds since the Unix epoch, the resolution of the service's timestamps. Earlier times give 0.
pub(crate) fn unix_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns a time as Graph writes it, in UTC.
pub(crate) fn utc(time: SystemTime) -> String {
    let mut text = Vec::new();
    DateTimeOffset::from_unix_millis(unix_millis(time)).write_utc(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_frozen_set_running_and_shifted() {
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let clock = Clock::Fixed(time);
        assert_eq!(clock.advanced(1_500).now(), time + Duration::from_millis(1_500));
        assert_eq!(clock.advanced(-2_000_000_000).now(), UNIX_EPOCH);
        assert_eq!(unix_millis(clock.advanced(i64::MAX).now()), LAST_MILLIS);
        let (ahead, system) = (Clock::System.advanced(3_600_000), SystemTime::now());
        assert!(
            ahead.now() > system + Duration::from_secs(3_590)
                && ahead.advanced(-3_600_000).now() < system + Duration::from_secs(60)
        );
        let frozen = ahead.frozen();
        assert_eq!(frozen.now(), frozen.now());
        let running = clock.running().now();
        assert!(running >= time && running < time + Duration::from_secs(60));
    }
}
