//! Limit of open files: raised at start, with a reserve beside connections.

/// Descriptors that connections leave to outgoing calls, state and fixtures.
#[cfg(any(unix, test))]
const RESERVE: u64 = 64;

/// Raises the soft limit of open files to the hard limit. Shells and service managers set the soft limit low, for programs that use
/// `select`.
#[cfg(unix)]
pub(super) fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Largest limit of macOS, whose hard limit is unlimited all the same (`OPEN_MAX`).
    const OPEN_MAX: u64 = 10_240;
    let limit = getrlimit(Resource::Nofile);
    for current in [limit.maximum, Some(limit.maximum.map_or(OPEN_MAX, |maximum| maximum.min(OPEN_MAX)))] {
        let is_raise = current.is_none_or(|current| limit.current.is_some_and(|before| before < current));
        if is_raise && setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).is_ok() {
            return;
        }
    }
}

#[cfg(not(unix))]
pub(super) fn raise() {}

/// Returns the number of connections that the limit of open files leaves room for.
#[cfg(unix)]
pub(super) fn connections() -> usize {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| usize::try_from(without_reserve(limit)).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(super) fn connections() -> usize {
    usize::MAX
}

#[cfg(any(unix, test))]
fn without_reserve(limit: u64) -> u64 {
    limit.saturating_sub(RESERVE.min(limit / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_left_and_at_least_one_connection() {
        assert_eq!([0, 1, 32, 256, 1024].map(without_reserve), [1, 1, 16, 192, 960]);
    }
}
