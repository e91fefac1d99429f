//! Times in requests and replies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::edge::control::reply::ControlError;
use crate::edm::date_time::DateTimeOffset;

/// Formats a time as Graph does.
pub(super) fn format_time(time: SystemTime) -> String {
    DateTimeOffset::from(time).to_string()
}

/// Parses the time of a member or parameter.
pub(super) fn parse_time(name: &str, text: &str) -> Result<SystemTime, ControlError> {
    let ticks = DateTimeOffset::parse(text).and_then(|time| u64::try_from(time.ticks()).ok());
    let invalid = || {
        let text = text.escape_debug();
        ControlError::unusable(format!("invalid {name} '{text}': expected a time since 1970 such as 2026-01-01T00:00:00Z"))
    };
    Ok(UNIX_EPOCH + Duration::from_micros(ticks.ok_or_else(invalid)? / 10))
}
