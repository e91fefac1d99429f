//! The limits of connections.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::descriptors;
use crate::edge::server::ServerLimits;

/// The flags.
#[derive(Args, Clone, Debug)]
pub(super) struct ConnectionArguments {
    /// Maximum number of concurrent connections; further ones wait
    #[arg(long, env = "WFI_EMULATOR_CONNECTION_LIMIT", value_name = "NUMBER", default_value = "10000")]
    connection_limit: NonZeroUsize,
    /// Time after which an idle connection is closed
    #[arg(long, env = "WFI_EMULATOR_IDLE_TIMEOUT", value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    idle_timeout: Duration,
    /// Time limit for the head of a request
    #[arg(long, env = "WFI_EMULATOR_HEAD_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    head_timeout: Duration,
    /// Maximum size of the head of a request
    #[arg(long, env = "WFI_EMULATOR_HEAD_LIMIT", value_name = "BYTES", default_value = "131072")]
    head_limit: NonZeroUsize,
    /// Time limit for the body of a request
    #[arg(long, env = "WFI_EMULATOR_BODY_TIMEOUT", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    body_timeout: Duration,
    /// Time limit for a client to read the next part of an answer
    #[arg(long, env = "WFI_EMULATOR_ANSWER_TIMEOUT", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    answer_timeout: Duration,
}

impl ConnectionArguments {
    /// Returns the limits, with no more connections than the limit of open files leaves room for.
    pub(super) fn limits_within_descriptors(&self) -> ServerLimits {
        let limits = self.limits();
        ServerLimits { connections: limits.connections.min(descriptors::connections()), ..limits }
    }

    pub(super) fn limits(&self) -> ServerLimits {
        ServerLimits {
            connections: self.connection_limit.get(),
            head: self.head_timeout,
            head_bytes: self.head_limit.get(),
            body: self.body_timeout,
            answer: self.answer_timeout,
            idle: self.idle_timeout,
            ..ServerLimits::default()
        }
    }
}

/// Reads a duration in seconds, which may have a fraction.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds, for example 10 or 0.5".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if (0.01..=1e6).contains(&time.as_secs_f64()) => Ok(time),
        _ => Err("expected 0.01 to 1000000 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        connections: ConnectionArguments,
    }

    #[test]
    fn without_flags_the_limits_are_those_of_the_library() {
        assert_eq!(Flags::try_parse_from(["x"]).unwrap().connections.limits(), ServerLimits::default());
    }

    #[test]
    fn durations_are_seconds_within_reason() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "x", "-1", "0", "nan", "inf", "1e7"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
