//! Months of time zones, for questions about what may be chosen.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::edm::time_zone;

/// Returns the first and the last millisecond of the month that has a point in time, in milliseconds since the Unix epoch. An unknown zone
/// counts as UTC.
pub(super) fn month(millis: i64, zone_name: &str) -> Option<(i64, i64)> {
    let zone = time_zone::of_tz_database(zone_name).unwrap_or(TimeZone::UTC);
    let first = zone.to_datetime(Timestamp::from_millisecond(millis).ok()?).date().first_of_month();
    let next = first.checked_add(Span::new().months(1)).ok()?;
    let start = |date: Date| Some(zone.to_timestamp(date.to_datetime(Time::midnight())).ok()?.as_millisecond());
    Some((start(first)?, start(next)? - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::date_time::DateTimeOffset;

    fn month_of(time: &str, zone: &str) -> String {
        let millis = DateTimeOffset::parse(time).unwrap().ticks() / 10_000;
        let (first, last) = month(millis, zone).unwrap();
        format!("{} {}", DateTimeOffset::from_unix_millis(first), DateTimeOffset::from_unix_millis(last))
    }

    #[test]
    fn a_month_begins_at_midnight_of_its_zone() {
        // The example of learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration.
        assert_eq!(month_of("2024-10-12T15:00:00Z", "America/New_York"), "2024-10-01T04:00:00Z 2024-11-01T03:59:59.999Z");
        assert_eq!(month_of("2026-12-11T14:00:00Z", "America/New_York"), "2026-12-01T05:00:00Z 2027-01-01T04:59:59.999Z");
        // Summer time begins within the month.
        assert_eq!(month_of("2026-03-11T14:00:00Z", "Europe/Berlin"), "2026-02-28T23:00:00Z 2026-03-31T21:59:59.999Z");
        // It is another month there.
        assert_eq!(month_of("2026-01-01T03:00:00Z", "America/Chicago"), "2025-12-01T06:00:00Z 2026-01-01T05:59:59.999Z");
        assert_eq!(month_of("2026-02-11T14:00:00Z", "Nowhere"), "2026-02-01T00:00:00Z 2026-02-28T23:59:59.999Z");
    }
}
