//! Preset faults, with their evidence.

use std::time::Duration;

use http::{HeaderValue, Method};

use super::{Effect, Failure, FaultRule, Limit, RequestSelector};
use crate::policy::refusal::{self, Refusal};

/// A preset error.
#[derive(Debug)]
pub(crate) struct Preset {
    /// The name.
    pub name: &'static str,
    /// Status, code, message and envelope, with their evidence.
    pub refusal: &'static Refusal,
    /// The header `Retry-After`.
    pub retry_after: Option<&'static str>,
}

/// The preset errors. A `Retry-After` of the service is one second here, so that clients that obey it continue soon.
pub(crate) static READY: &[Preset] = &[
    Preset { name: "throttled", refusal: &refusal::FAULT_THROTTLED, retry_after: Some("1") },
    // The decimal number of the published sample (learn.microsoft.com/graph/throttling).
    Preset { name: "throttled-decimal", refusal: &refusal::FAULT_THROTTLED, retry_after: Some("2.128") },
    // The recorded answer of Teams had no such header (pnp/pnpcore AddWebsiteTabSpecificBatchTest).
    Preset { name: "throttled-without-retry-after", refusal: &refusal::FAULT_THROTTLED, retry_after: None },
    Preset { name: "internal-server-error", refusal: &refusal::FAULT_INTERNAL, retry_after: None },
    Preset { name: "bad-gateway", refusal: &refusal::FAULT_BAD_GATEWAY, retry_after: None },
    // Seen with and without the header (microsoftgraph/msgraph-sdk-design#2).
    Preset { name: "service-unavailable", refusal: &refusal::FAULT_UNAVAILABLE, retry_after: None },
    Preset { name: "gateway-timeout", refusal: &refusal::FAULT_TIMEOUT, retry_after: None },
    Preset { name: "expired-token", refusal: &refusal::TOKEN_EXPIRED, retry_after: None },
];

impl Preset {
    pub(super) fn failure(&self) -> Failure {
        let retry_after = self.retry_after.map(HeaderValue::from_static);
        Failure { retry_after, ..Failure::of(self.refusal) }
    }
}

/// The name of the preset with the limits that Microsoft publishes.
pub(super) const PUBLISHED_LIMITS: &str = "published-limits";

/// Returns the names that stand for rules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    READY.iter().map(|ready| ready.name).chain([PUBLISHED_LIMITS])
}

/// A published limit (learn.microsoft.com/graph/throttling-limits).
struct PublishedLimit {
    name: &'static str,
    methods: &'static [Method],
    requests: u64,
    seconds: u64,
}

/// The limit of all calls to Teams is documented for this resource (strong). No others are, so those of the paths of schedules are used
/// (weak).
const PUBLISHED: [PublishedLimit; 4] = [
    PublishedLimit { name: "published-limits: teams", methods: &[], requests: 15_000, seconds: 10 },
    PublishedLimit { name: "published-limits: reads", methods: &[Method::GET], requests: 60, seconds: 1 },
    PublishedLimit {
        name: "published-limits: writes",
        methods: &[Method::POST, Method::PATCH, Method::PUT],
        requests: 30,
        seconds: 1,
    },
    PublishedLimit { name: "published-limits: deletes", methods: &[Method::DELETE], requests: 15, seconds: 1 },
];

/// Returns the rules of a preset.
pub(super) fn rules(name: &str) -> Option<Vec<FaultRule>> {
    if name == PUBLISHED_LIMITS {
        return Some(PUBLISHED.iter().map(PublishedLimit::rule).collect());
    }
    Failure::ready(name).map(|failure| vec![FaultRule::new(name, Effect::Answer(failure))])
}

impl PublishedLimit {
    fn rule(&self) -> FaultRule {
        let limit = Limit { requests: self.requests, window: Duration::from_secs(self.seconds) };
        let on = RequestSelector { methods: self.methods.to_vec(), ..RequestSelector::default() };
        FaultRule { on, ..FaultRule::new(self.name, Effect::Limit(limit)) }
    }
}
