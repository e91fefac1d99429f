//! Probes of a running connector: does it keep the contract with Shifts?
//!
//! The contract is that of learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. A probe fails where the contract
//! is broken, and leaves a note where a connector's author should know what Shifts makes of an answer.

use std::fmt;
use std::time::{Duration, Instant};

use super::{CallPolicy, make};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::{self, Envelope, MessageKeys, Secret};
use crate::workloads::shifts::message::{Element, Requests};
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, KINDS, SampleBuilder};
use crate::workloads::shifts::verdict::{ConnectorVerdict, ItemVerdict};
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::outbound::{CallFailure, CallOutcome};

/// How long Shifts waits, as far as the published example tells: its transaction expires 30 seconds after the change.
const BUDGET: Duration = Duration::from_secs(30);

/// From when on a call counts as slow: somebody waits for it.
const SLOW: Duration = Duration::from_secs(3);

/// After so many calls without an answer in time none is waited for any more.
const PATIENCE: u32 = 3;

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// The contract is kept.
    Passed,
    /// It is kept, but there is something to know.
    Noted,
    /// It is broken.
    Failed,
}

/// What a probe has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the probe.
    pub probe: String,
    /// What came of it.
    pub rating: Rating,
    /// What was found, for people.
    pub found: String,
}

/// What all probes have found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Whether no probe has failed.
    pub fn are_clean(&self) -> bool {
        self.0.iter().all(|finding| finding.rating != Rating::Failed)
    }

    fn count(&self, rating: Rating) -> usize {
        self.0.iter().filter(|finding| finding.rating == rating).count()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { probe, rating, found } in &self.0 {
            let mark = match rating {
                Rating::Passed => "passed",
                Rating::Noted => "noted ",
                Rating::Failed => "FAILED",
            };
            writeln!(f, "{mark}  {probe}: {found}")?;
        }
        let (passed, noted, failed) = (self.count(Rating::Passed), self.count(Rating::Noted), self.count(Rating::Failed));
        let probes = if self.0.len() == 1 { "probe" } else { "probes" };
        writeln!(f, "{} {probes}: {passed} passed, {noted} noted, {failed} failed", self.0.len())
    }
}

/// Where everything new comes from: ids, keys and times.
pub struct Source<'s> {
    /// Makes elements.
    pub maker: SampleBuilder<'s>,
    /// Returns the bytes of a new message key.
    pub next_key_bytes: &'s mut dyn FnMut() -> [u8; MessageKeys::LENGTH],
}

/// Whom calls name. A connector may know but one tenant, and the user who has registered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The id of the tenant.
    pub tenant_id: String,
    /// The id of the integration's user.
    pub user_id: String,
    /// The id of the team whose schedule calls are about.
    pub team_id: String,
}

impl Default for Named {
    fn default() -> Named {
        Named { tenant_id: HOME_TENANT.to_owned(), user_id: sample::USER.to_owned(), team_id: sample::TEAM.to_owned() }
    }
}

struct Check<'c, 's> {
    endpoint: &'c ConnectorEndpoint,
    secret: &'c Secret,
    manner: &'c CallPolicy,
    named: &'c Named,
    source: Source<'s>,
    findings: Findings,
    slowest: (Duration, String),
    /// How many calls had no answer in time.
    timeouts: u32,
    /// Whether a call was not made any more.
    has_given_up: bool,
}

/// Probes a connector.
pub async fn check(
    endpoint: &ConnectorEndpoint,
    secret: &Secret,
    manner: &CallPolicy,
    named: &Named,
    source: Source<'_>,
) -> Findings {
    let slowest = (Duration::ZERO, String::new());
    let mut check = Check {
        endpoint,
        secret,
        manner,
        named,
        source,
        findings: Findings::default(),
        slowest,
        timeouts: 0,
        has_given_up: false,
    };
    if check.handshake().await {
        check.strangers().await;
        check.kinds().await;
        check.repetition().await;
        check.unknown_entity().await;
        check.swap().await;
        check.nothing().await;
        check.reads().await;
        check.pace();
    }
    if check.has_given_up {
        let why = format!("not made: {PATIENCE} calls had no answer in time");
        check.findings.0.push(Finding { probe: "further probes".to_owned(), rating: Rating::Failed, found: why });
    }
    check.findings
}

impl Check<'_, '_> {
    /// Notes what a probe has found; nothing if it was not made.
    fn find(&mut self, probe: &str, rating: Rating, found: impl Into<String>) {
        if self.has_given_up {
            return;
        }
        self.findings.0.push(Finding { probe: probe.to_owned(), rating, found: found.into() });
    }

    /// Says something with the right secret, and judges the answer.
    async fn say(&mut self, probe: &str, said: &OutboundMessage) -> ConnectorVerdict {
        let body = envelope::encrypt(self.secret, &self.keys(), &said.plaintext);
        said.judge(&self.send(probe, said, body).await)
    }

    fn connect(&self) -> OutboundMessage {
        OutboundMessage::connect(&self.named.tenant_id, &self.named.user_id)
    }

    fn update(&self, requests: Vec<Element>) -> OutboundMessage {
        OutboundMessage::update(&self.named.team_id, &Requests { requests }, None)
    }

    fn keys(&mut self) -> MessageKeys {
        MessageKeys::from_bytes(&(self.source.next_key_bytes)())
    }

    /// Sends a body where something is said.
    async fn send(&mut self, probe: &str, said: &OutboundMessage, body: Vec<u8>) -> CallOutcome {
        let keys = self.keys();
        let mut message = match said.encrypted_for(self.endpoint, &keys, self.manner.content_type) {
            Ok(message) => message,
            Err(failure) => return CallOutcome::Failed(failure),
        };
        message.body = body.into();
        // Nobody wants to wait for a hundred times that a connector hangs.
        if self.timeouts >= PATIENCE {
            self.has_given_up = true;
            return CallOutcome::Failed(CallFailure::Timeout);
        }
        let started = Instant::now();
        let outcome = make(&message.call(self.manner.connectors.timeout), &self.manner.connectors).await;
        let took = started.elapsed();
        if outcome == CallOutcome::Failed(CallFailure::Timeout) {
            self.timeouts += 1;
        }
        if took > self.slowest.0 {
            self.slowest = (took, probe.to_owned());
        }
        outcome
    }

    /// Whether somebody is there to be probed.
    async fn handshake(&mut self) -> bool {
        let verdict = self.say("handshake", &self.connect()).await;
        let rating = if verdict.lets_pass() { Rating::Passed } else { Rating::Failed };
        self.find("handshake", rating, verdict.to_string());
        !matches!(verdict, ConnectorVerdict::NoAnswer(_))
    }

    /// Whoever does not know the secret must not be believed.
    async fn strangers(&mut self) {
        let connect = self.connect();
        let change = self.source.maker.element(&KINDS[0], "POST", None);
        let update = self.update(vec![change]);
        let other = Secret::new(&"0".repeat(64)).ok().filter(|other| other != self.secret);
        let other = other.or_else(|| Secret::new(&"1".repeat(64)).ok());
        let mut bodies: Vec<(String, OutboundMessage, Vec<u8>)> = Vec::new();
        for said in [&connect, &update] {
            let place = said.path.rsplit('/').next().unwrap_or_default().to_owned();
            if let Some(other) = &other {
                bodies.push((
                    format!("wrong key, {place}"),
                    said.clone(),
                    envelope::encrypt(other, &self.keys(), &said.plaintext),
                ));
            }
            let body = envelope::encrypt(self.secret, &self.keys(), &said.plaintext);
            for (part, altered) in altered(&body) {
                bodies.push((format!("altered {part}, {place}"), said.clone(), altered));
            }
            bodies.push((format!("not encrypted, {place}"), said.clone(), said.plaintext.to_vec()));
        }
        for (probe, said, body) in bodies {
            let outcome = self.send(&probe, &said, body).await;
            let verdict = said.judge(&outcome);
            match (&outcome, verdict.lets_pass()) {
                (_, true) => {
                    self.find(&probe, Rating::Failed, format!("it was believed ({verdict}), expected a status other than 200"));
                }
                (CallOutcome::Failed(failure), _) => {
                    self.find(&probe, Rating::Failed, format!("{}: {}, expected an answer", failure.name(), failure.reason()));
                }
                // Any response must be a 200, says the guide, so this can be meant well.
                (CallOutcome::Answered { status, .. }, false) if *status == http::StatusCode::OK => {
                    self.find(&probe, Rating::Noted, format!("refused with 200, as {verdict}; another status is clearer"));
                }
                (CallOutcome::Answered { status, .. }, false) => {
                    self.find(&probe, Rating::Passed, format!("refused with {}", status.as_u16()));
                }
            }
        }
    }

    /// Every kind of entity may come once an integration supports it.
    async fn kinds(&mut self) {
        for kind in &KINDS {
            for method in ["POST", "PUT", "DELETE"] {
                let probe = format!("{method} {}", kind.segment);
                let element = self.source.maker.element(kind, method, None);
                let said = self.update(vec![element]);
                let verdict = self.say(&probe, &said).await;
                self.rate(&probe, &verdict);
            }
        }
    }

    /// Finds what the general rules say of an answer.
    fn rate(&mut self, probe: &str, verdict: &ConnectorVerdict) {
        let ConnectorVerdict::Answered(judged) = verdict else {
            self.find(probe, Rating::Failed, format!("{verdict}; any response must be a 200 with JSON, an error too"));
            return;
        };
        let implicit = judged.iter().any(|judged| matches!(judged.judgement, ItemVerdict::ApprovedImplicitly { .. }));
        let note = judged.iter().find_map(|judged| judged.note);
        match note {
            Some(note) => self.find(probe, Rating::Noted, format!("{verdict}; {note}")),
            None if implicit => self.find(probe, Rating::Noted, verdict.to_string()),
            None => self.find(probe, Rating::Passed, verdict.to_string()),
        }
    }

    /// Shifts repeats a call whose answer it could not use, so a transaction may come twice.
    async fn repetition(&mut self) {
        let probe = "repeated transaction";
        let element = self.source.maker.element(&KINDS[0], "POST", None);
        let said = self.update(vec![element]);
        let (first, second) = (self.say(probe, &said).await, self.say(probe, &said).await);
        let is_alike = first.lets_pass() == second.lets_pass() && !second.is_retried(said.purpose);
        match (is_alike, first == second) {
            (_, true) => self.rate(probe, &second),
            (true, false) => self.find(probe, Rating::Noted, format!("first {first}, then {second}")),
            (false, false) => self.find(probe, Rating::Failed, format!("first {first}, then {second}; expected the same answer")),
        }
    }

    async fn unknown_entity(&mut self) {
        let mut element = self.source.maker.element(&KINDS[0], "POST", Some("UNI_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029"));
        element.url = format!("/unicorns/{}", element.id);
        let said = self.update(vec![element]);
        let verdict = self.say("unknown entity", &said).await;
        self.rate("unknown entity", &verdict);
    }

    /// A swap comes as five elements, and a refusal needs an item for each of them.
    async fn swap(&mut self) {
        let probe = "five-element swap";
        let requests = self.source.maker.swap_approval();
        let said = OutboundMessage::update(&self.named.team_id, &requests, None);
        let verdict = self.say(probe, &said).await;
        let ConnectorVerdict::Answered(judged) = &verdict else { return self.rate(probe, &verdict) };
        let count = |is: fn(&ItemVerdict) -> bool| judged.iter().filter(|judged| is(&judged.judgement)).count();
        let refused = count(|judgement| matches!(judgement, ItemVerdict::Refused { .. }));
        let implicit = count(|judgement| matches!(judgement, ItemVerdict::ApprovedImplicitly { .. }));
        match (refused, implicit) {
            (0 | 5, 0) => self.rate(probe, &verdict),
            (0, missing) => {
                self.find(probe, Rating::Noted, format!("{missing} of five elements have no item and count as approved"));
            }
            (refused, _) => {
                self.find(
                    probe,
                    Rating::Failed,
                    format!("{refused} of five elements are refused; a refusal needs a status other than 200 for each"),
                );
            }
        }
    }

    async fn nothing(&mut self) {
        let said = self.update(Vec::new());
        let verdict = self.say("no elements", &said).await;
        // Shifts has something to ask; whether it ever asks nothing is not known.
        let rating = if verdict.lets_pass() { Rating::Passed } else { Rating::Noted };
        self.find("no elements", rating, verdict.to_string());
    }

    /// The read endpoint is not required.
    async fn reads(&mut self) {
        let (start, end) = ("2024-10-01T04:00:00.0000000Z", "2024-11-01T03:59:59.9990000Z");
        let reasons = sample::eligible_time_off_reasons(&self.named.user_id);
        let swaps = sample::eligible_swaps("SHFT_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029", start, end);
        for (probe, element) in [("eligible time-off reasons", reasons), ("eligible swaps", swaps)] {
            let said = OutboundMessage::read(&self.named.team_id, &Requests { requests: vec![element] });
            let verdict = self.say(probe, &said).await;
            match &verdict {
                ConnectorVerdict::NotOk(status) => {
                    let found = format!("{}; needed only with eligibilityFilteringEnabledEntities", status.as_u16());
                    self.find(probe, Rating::Noted, found);
                }
                _ => self.rate(probe, &verdict),
            }
        }
    }

    fn pace(&mut self) {
        if self.timeouts > 0 {
            return self.find("slow answers", Rating::Failed, format!("{} calls had no answer in time", self.timeouts));
        }
        let (took, probe) = self.slowest.clone();
        let rating = match took {
            took if took >= BUDGET => Rating::Failed,
            took if took >= SLOW => Rating::Noted,
            _ => Rating::Passed,
        };
        let waited = if rating == Rating::Passed { "" } else { "; somebody waits for it" };
        self.find("slow answers", rating, format!("the slowest took {} ms ({probe}){waited}", took.as_millis()));
    }
}

/// Returns a body with one bit altered in each of its parts.
fn altered(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(whole) = Envelope::read(body) else { return Vec::new() };
    let flipped = |part: &[u8]| {
        let mut part = part.to_vec();
        part[0] ^= 1;
        part
    };
    let (key, iv, ciphertext, tag) =
        (flipped(whole.encrypted_key), flipped(whole.iv), flipped(whole.ciphertext), flipped(whole.tag));
    vec![
        ("key", Envelope { encrypted_key: &key, ..whole }.write()),
        ("vector", Envelope { iv: &iv, ..whole }.write()),
        ("text", Envelope { ciphertext: &ciphertext, ..whole }.write()),
        ("tag", Envelope { tag: &tag, ..whole }.write()),
    ]
}
