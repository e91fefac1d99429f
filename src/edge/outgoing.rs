//! Outgoing calls to connectors.
//!
//! Calls go only to this machine and private networks unless remote addresses are allowed, so that a fixture with the address of a
//! real connector never calls it by accident.

mod call;
mod check;
mod notifier;
pub(super) mod queue;
mod repeat;

use std::time::Duration;

use crate::policy::behavior::{ConnectorContentType, EligibilityTimes};
use crate::world::settings::Connectors;

pub(crate) use call::{make_call, make_own_call};
pub(crate) use check::{ProbeIds, ProbeInputs, ProbeResult, Rating, check};
pub(crate) use notifier::Notifier;
pub(crate) use repeat::{CallReport, call_with_retries};

/// Options for calls to a connector.
#[derive(Clone, Debug)]
pub(crate) struct CallPolicy {
    /// Timeout, allowed addresses, and trusted roots.
    pub connectors: Connectors,
    /// Maximum number of repetitions of a call without a usable answer. Shifts repeats "multiple times"; the number is not documented.
    pub retries: u32,
    /// Pause before the first repetition; it doubles with each further one. The pauses of Shifts are not documented.
    pub back_off: Duration,
    /// `Content-Type` of the encrypted body.
    pub content_type: ConnectorContentType,
    /// Form of the times in queries for eligible shifts.
    pub eligibility_times: EligibilityTimes,
}

impl Default for CallPolicy {
    fn default() -> CallPolicy {
        CallPolicy {
            connectors: Connectors::default(),
            retries: 3,
            back_off: Duration::from_secs(1),
            content_type: ConnectorContentType::Json,
            eligibility_times: EligibilityTimes::Iso,
        }
    }
}
