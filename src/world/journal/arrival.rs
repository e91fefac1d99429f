//! The way by which a request came, and the time that it took.

use std::time::{Duration, Instant};

/// The way by which a request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The moment at which its head was read; `None` without a socket.
    pub at: Option<Instant>,
    /// The moment at which its connection was accepted; `None` without a socket.
    pub opened: Option<Instant>,
    /// The number of its connection in this process; 0 without a socket.
    pub connection: u32,
    /// The version of HTTP.
    pub protocol: Protocol,
    /// The time that its answer is held back on purpose.
    pub delay: Duration,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// No socket, so none.
    #[default]
    None,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

/// The same, as entries keep it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    /// The microseconds from the beginning of the journal to the request.
    began: u64,
    /// The microseconds from there to the end of its answer, as it is sent without a slow client.
    took: u32,
    /// The microseconds from the opening of the connection to the request.
    idle: u32,
    pub(super) connection: u32,
    pub(super) protocol: Protocol,
}

impl Passage {
    /// Returns the passage of a request whose answer is ready now.
    pub(super) fn of(arrival: Arrival, begun: Instant) -> Passage {
        let Arrival { at, opened, connection, protocol, delay } = arrival;
        let now = Instant::now();
        // A request may begin before its world.
        let at = at.unwrap_or(now).max(begun);
        let idle = opened.map_or(Duration::ZERO, |opened| at.saturating_duration_since(opened));
        let micros = |time: Duration| time.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(time.subsec_micros()));
        let took = micros(now.saturating_duration_since(at).saturating_add(delay));
        Passage {
            began: micros(at.saturating_duration_since(begun)),
            took: u32::try_from(took).unwrap_or(u32::MAX),
            idle: u32::try_from(micros(idle)).unwrap_or(u32::MAX),
            connection,
            protocol,
        }
    }

    /// Returns the microseconds that the exchange took; `None` without a socket.
    pub(super) fn micros(self) -> Option<u32> {
        (self.protocol != Protocol::None).then_some(self.took)
    }

    /// Returns the time from the beginning of the journal to the opening of the connection.
    pub(super) fn opened(self) -> Duration {
        Duration::from_micros(self.began.saturating_sub(u64::from(self.idle)))
    }

    /// Returns the times from the beginning of the journal to the beginning and to the end of the exchange.
    pub(super) fn times(self) -> (Duration, Duration) {
        let began = Duration::from_micros(self.began);
        (began, began + Duration::from_micros(u64::from(self.took)))
    }
}
