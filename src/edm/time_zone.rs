//! Time zones by their names, in the tz database of IANA and in Windows.

use jiff::tz::TimeZone;

/// Zones by their present rules: a rule in the form of POSIX, then the names of the zones that have it. From the tz database of IANA.
const ZONES: &str = include_str!("time_zone.txt");

/// Names of zones in Windows, each with that of a zone of the tz database. From the table windowsZones of Unicode CLDR.
const WINDOWS: &str = include_str!("time_zone_windows.txt");

/// Returns the zone with a name of the tz database.
pub(crate) fn of_tz_database(name: &str) -> Option<TimeZone> {
    let has_name = |line: &&str| line.split(' ').skip(1).any(|own| own == name);
    let rule = ZONES.lines().find(has_name)?.split(' ').next()?;
    TimeZone::posix(rule).ok()
}

/// Returns the zone with a name of Windows or of the tz database. Names of Windows have no case.
pub(crate) fn named(name: &str) -> Option<TimeZone> {
    let pairs = WINDOWS.lines().filter_map(|line| line.split_once('|'));
    let of_windows = pairs.into_iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)).map(|(_, name)| name);
    of_tz_database(of_windows.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_zone_has_a_rule_that_can_be_read() {
        let mut count = 0;
        for line in ZONES.lines() {
            for name in line.split(' ').skip(1) {
                assert!(of_tz_database(name).is_some(), "{name}: {line}");
                count += 1;
            }
        }
        assert!(count > 400, "{count}");
    }

    #[test]
    fn each_zone_of_windows_is_one_of_the_tz_database() {
        let mut count = 0;
        for (windows, name) in WINDOWS.lines().filter_map(|line| line.split_once('|')) {
            assert!(of_tz_database(name).is_some(), "{windows}: {name}");
            assert_eq!(named(windows), of_tz_database(name));
            count += 1;
        }
        assert!(count > 130, "{count}");
        assert_eq!(named("pacific standard time"), named("America/Los_Angeles"));
        assert_eq!((named("Mars"), named("")), (None, None));
    }
}
