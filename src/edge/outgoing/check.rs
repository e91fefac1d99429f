//! Contract checks of a running connector.
//!
//! The contract is that of learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration. A probe fails where the contract
//! is broken, and has a note where the connector's author should know how Shifts treats an answer.

use std::fmt;
use std::time::{Duration, Instant};

use super::CallPolicy;
use crate::edge::outgoing::call::make_call;
use crate::text::visible::visible;
use crate::text::xml::escaped;
use crate::workloads::shifts::calls::{self, KINDS};
use crate::workloads::shifts::endpoint::ConnectorEndpoint;
use crate::workloads::shifts::envelope::{self, Envelope, MessageKeys, Secret};
use crate::workloads::shifts::message::{Element, Requests};
use crate::workloads::shifts::outbound_message::OutboundMessage;
use crate::workloads::shifts::sample::{self, SampleBuilder};
use crate::workloads::shifts::verdict::{ConnectorVerdict, ItemVerdict};
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::outbound::{CallFailure, CallOutcome};

/// Time that Shifts waits: in the published example, a transaction expires 30 seconds after the change.
const BUDGET: Duration = Duration::from_secs(30);

/// Duration from which on a call counts as slow: a person waits for it.
const SLOW: Duration = Duration::from_secs(3);

/// Number of timeouts after which probing stops.
const PATIENCE: u32 = 3;

/// Name of the probe in place of those that were not made.
const FURTHER: &str = "further probes";

/// Result of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rating {
    /// The connector keeps the contract.
    Passed,
    /// The connector keeps the contract, with a note for its author.
    Noted,
    /// The connector breaks the contract.
    Failed,
}

/// A probe and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeResult {
    /// The name of the probe.
    pub probe: String,
    /// Its rating.
    pub rating: Rating,
    /// The observation, as a message.
    pub message: String,
}

/// The results of all probes, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeReport(pub Vec<ProbeResult>);

impl ProbeReport {
    /// Whether no probe has failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.0.iter().all(|result| result.rating != Rating::Failed)
    }

    /// Whether the connector answered the handshake, and went on answering.
    pub(crate) fn has_answers(&self) -> bool {
        self.0.len() > 1 && self.0.iter().all(|result| result.probe != FURTHER)
    }

    /// Returns the report as JSON.
    pub(crate) fn json(&self) -> String {
        let result = |result: &ProbeResult| {
            let rating = match result.rating {
                Rating::Passed => "passed",
                Rating::Noted => "noted",
                Rating::Failed => "failed",
            };
            serde_json::json!({ "probe": result.probe, "rating": rating, "message": result.message })
        };
        let results: Vec<serde_json::Value> = self.0.iter().map(result).collect();
        format!("{:#}\n", serde_json::json!({ "isClean": self.is_clean(), "probes": results }))
    }

    /// Returns the report as `JUnit` XML.
    pub(crate) fn junit(&self) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"connector-check\" tests=\"{}\" failures=\"{}\">\n",
            self.0.len(),
            self.count(Rating::Failed)
        );
        for ProbeResult { probe, rating, message } in &self.0 {
            let (name, message) = (escaped(probe), escaped(message));
            let content = match rating {
                Rating::Failed => format!("<failure message=\"{message}\"/>"),
                Rating::Passed | Rating::Noted => format!("<system-out>{message}</system-out>"),
            };
            out.push_str(&format!("  <testcase classname=\"connector-check\" name=\"{name}\">{content}</testcase>\n"));
        }
        out.push_str("</testsuite>\n");
        out
    }

    fn count(&self, rating: Rating) -> usize {
        self.0.iter().filter(|result| result.rating == rating).count()
    }
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ProbeResult { probe, rating, message } in &self.0 {
            let mark = match rating {
                Rating::Passed => "passed",
                Rating::Noted => "noted ",
                Rating::Failed => "FAILED",
            };
            writeln!(f, "{mark}  {probe}: {}", visible(message))?;
        }
        let (passed, noted, failed) = (self.count(Rating::Passed), self.count(Rating::Noted), self.count(Rating::Failed));
        let probes = if self.0.len() == 1 { "probe" } else { "probes" };
        writeln!(f, "{} {probes}: {passed} passed, {noted} noted, {failed} failed", self.0.len())
    }
}

/// Sources of new ids, keys and times.
pub(crate) struct ProbeInputs<'s> {
    /// Builds elements.
    pub builder: SampleBuilder<'s>,
    /// Returns the bytes of a new message key.
    pub next_key_bytes: &'s mut dyn FnMut() -> [u8; MessageKeys::LENGTH],
}

/// Ids that calls refer to. A connector may know only one Entra tenant, and the user who registered it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "the names are those of the calls")]
pub(crate) struct ProbeIds {
    /// The id of the Entra tenant.
    pub tenant_id: String,
    /// The id of the integration's user.
    pub user_id: String,
    /// The id of the team whose schedule calls are about.
    pub team_id: String,
}

impl Default for ProbeIds {
    fn default() -> ProbeIds {
        ProbeIds { tenant_id: HOME_TENANT.to_owned(), user_id: sample::USER.to_owned(), team_id: sample::TEAM.to_owned() }
    }
}

struct Check<'c, 's> {
    endpoint: &'c ConnectorEndpoint,
    secret: &'c Secret,
    policy: &'c CallPolicy,
    ids: &'c ProbeIds,
    inputs: ProbeInputs<'s>,
    report: ProbeReport,
    slowest: (Duration, String),
    /// Number of calls that timed out.
    timeouts: u32,
    /// Whether a call was skipped because of timeouts.
    has_given_up: bool,
}

/// Probes a connector.
pub(crate) async fn check(
    endpoint: &ConnectorEndpoint,
    secret: &Secret,
    policy: &CallPolicy,
    ids: &ProbeIds,
    inputs: ProbeInputs<'_>,
) -> ProbeReport {
    let slowest = (Duration::ZERO, String::new());
    let mut check = Check {
        endpoint,
        secret,
        policy,
        ids,
        inputs,
        report: ProbeReport::default(),
        slowest,
        timeouts: 0,
        has_given_up: false,
    };
    if check.handshake().await {
        check.forgeries().await;
        check.kinds().await;
        check.repetition().await;
        check.unknown_entity().await;
        check.swap().await;
        check.no_elements().await;
        check.reads().await;
        check.pace();
    }
    if check.has_given_up {
        let message = format!("not made: {PATIENCE} calls had no answer in time");
        check.report.0.push(ProbeResult { probe: FURTHER.to_owned(), rating: Rating::Failed, message });
    }
    check.report
}

impl Check<'_, '_> {
    /// Adds the result of a probe, unless the probe was skipped.
    fn add(&mut self, probe: &str, rating: Rating, message: impl Into<String>) {
        if self.has_given_up {
            return;
        }
        self.report.0.push(ProbeResult { probe: probe.to_owned(), rating, message: message.into() });
    }

    /// Sends a message with the right secret, and judges the answer.
    async fn send(&mut self, probe: &str, message: &OutboundMessage) -> ConnectorVerdict {
        let body = envelope::encrypt(self.secret, &self.keys(), &message.plaintext);
        message.judge(&self.send_body(probe, message, body).await)
    }

    fn connect(&self) -> OutboundMessage {
        OutboundMessage::connect(&self.ids.tenant_id, &self.ids.user_id)
    }

    fn update(&self, requests: Vec<Element>) -> OutboundMessage {
        OutboundMessage::update(&self.ids.team_id, &Requests { requests }, None)
    }

    fn keys(&mut self) -> MessageKeys {
        MessageKeys::from_bytes(&(self.inputs.next_key_bytes)())
    }

    /// Sends a body to the endpoint of a message, in place of its own.
    async fn send_body(&mut self, probe: &str, message: &OutboundMessage, body: Vec<u8>) -> CallOutcome {
        let keys = self.keys();
        let mut encrypted = match message.encrypted_for(self.endpoint, &keys, self.policy.content_type) {
            Ok(encrypted) => encrypted,
            Err(failure) => return CallOutcome::Failed(failure),
        };
        encrypted.body = body.into();
        // A connector that hangs would take a hundred timeouts.
        if self.timeouts >= PATIENCE {
            self.has_given_up = true;
            return CallOutcome::Failed(CallFailure::Timeout);
        }
        let started = Instant::now();
        let outcome = make_call(&encrypted.call(self.policy.connectors.timeout), &self.policy.connectors).await;
        let duration = started.elapsed();
        if outcome == CallOutcome::Failed(CallFailure::Timeout) {
            self.timeouts += 1;
        }
        if duration > self.slowest.0 {
            self.slowest = (duration, probe.to_owned());
        }
        outcome
    }

    /// Whether the connector answers at all.
    async fn handshake(&mut self) -> bool {
        let verdict = self.send("handshake", &self.connect()).await;
        let rating = if verdict.lets_pass() { Rating::Passed } else { Rating::Failed };
        self.add("handshake", rating, verdict.to_string());
        !matches!(verdict, ConnectorVerdict::NoAnswer(_))
    }

    /// A connector must refuse bodies that are not encrypted with the shared secret.
    async fn forgeries(&mut self) {
        let connect = self.connect();
        let change = self.inputs.builder.element(&KINDS[0], "POST", None);
        let update = self.update(vec![change]);
        let other = Secret::new(&"0".repeat(64)).ok().filter(|other| other != self.secret);
        let other = other.or_else(|| Secret::new(&"1".repeat(64)).ok());
        let mut bodies: Vec<(String, OutboundMessage, Vec<u8>)> = Vec::new();
        for message in [&connect, &update] {
            let place = message.path.rsplit('/').next().unwrap_or_default().to_owned();
            if let Some(other) = &other {
                bodies.push((
                    format!("wrong key, {place}"),
                    message.clone(),
                    envelope::encrypt(other, &self.keys(), &message.plaintext),
                ));
            }
            let body = envelope::encrypt(self.secret, &self.keys(), &message.plaintext);
            for (part, altered) in altered(&body) {
                bodies.push((format!("altered {part}, {place}"), message.clone(), altered));
            }
            bodies.push((format!("not encrypted, {place}"), message.clone(), message.plaintext.to_vec()));
        }
        for (probe, message, body) in bodies {
            let outcome = self.send_body(&probe, &message, body).await;
            let verdict = message.judge(&outcome);
            match (&outcome, verdict.lets_pass()) {
                (_, true) => {
                    self.add(
                        &probe,
                        Rating::Failed,
                        format!("forged body accepted ({verdict}), expected a status other than 200"),
                    );
                }
                (CallOutcome::Failed(failure), _) => {
                    self.add(&probe, Rating::Failed, format!("{}: {}, expected an answer", failure.name(), failure.reason()));
                }
                // According to the guide any response must be a 200, so this may be intended.
                (CallOutcome::Answered { status, .. }, false) if *status == http::StatusCode::OK => {
                    self.add(&probe, Rating::Noted, format!("refused with 200, as {verdict}; another status is clearer"));
                }
                (CallOutcome::Answered { status, .. }, false) => {
                    self.add(&probe, Rating::Passed, format!("refused with {}", status.as_u16()));
                }
            }
        }
    }

    /// A connector gets every kind of entity that its integration supports.
    async fn kinds(&mut self) {
        for kind in &KINDS {
            for method in ["POST", "PUT", "DELETE"] {
                let probe = format!("{method} {}", kind.segment);
                let element = self.inputs.builder.element(kind, method, None);
                let message = self.update(vec![element]);
                let verdict = self.send(&probe, &message).await;
                self.rate(&probe, &verdict);
            }
        }
    }

    /// Rates an answer by the general rules.
    fn rate(&mut self, probe: &str, verdict: &ConnectorVerdict) {
        let ConnectorVerdict::Answered(judged) = verdict else {
            self.add(probe, Rating::Failed, format!("{verdict}; any response must be a 200 with JSON, an error too"));
            return;
        };
        let implicit = judged.iter().any(|judged| matches!(judged.judgement, ItemVerdict::ApprovedImplicitly { .. }));
        let note = judged.iter().find_map(|judged| judged.note);
        match note {
            Some(note) => self.add(probe, Rating::Noted, format!("{verdict}; {note}")),
            None if implicit => self.add(probe, Rating::Noted, verdict.to_string()),
            None => self.add(probe, Rating::Passed, verdict.to_string()),
        }
    }

    /// Shifts repeats a call without a usable answer, so a transaction may arrive twice.
    async fn repetition(&mut self) {
        let probe = "repeated transaction";
        let element = self.inputs.builder.element(&KINDS[0], "POST", None);
        let message = self.update(vec![element]);
        let (first, second) = (self.send(probe, &message).await, self.send(probe, &message).await);
        let is_alike = first.lets_pass() == second.lets_pass() && !second.is_retried(message.purpose);
        match (is_alike, first == second) {
            (_, true) => self.rate(probe, &second),
            (true, false) => self.add(probe, Rating::Noted, format!("first {first}, then {second}")),
            (false, false) => self.add(probe, Rating::Failed, format!("first {first}, then {second}; expected the same answer")),
        }
    }

    async fn unknown_entity(&mut self) {
        let mut element = self.inputs.builder.element(&KINDS[0], "POST", Some("UNI_5e2b51ac-dc47-4a66-83ea-1bbbf81ac029"));
        element.url = format!("/unicorns/{}", element.id);
        let message = self.update(vec![element]);
        let verdict = self.send("unknown entity", &message).await;
        self.rate("unknown entity", &verdict);
    }

    /// A swap has five elements, and a refusal needs an item for each of them.
    async fn swap(&mut self) {
        let probe = "five-element swap";
        let requests = self.inputs.builder.swap_approval();
        let message = OutboundMessage::update(&self.ids.team_id, &requests, None);
        let verdict = self.send(probe, &message).await;
        let ConnectorVerdict::Answered(judged) = &verdict else { return self.rate(probe, &verdict) };
        let count = |is: fn(&ItemVerdict) -> bool| judged.iter().filter(|judged| is(&judged.judgement)).count();
        let refused = count(|judgement| matches!(judgement, ItemVerdict::Refused { .. }));
        let implicit = count(|judgement| matches!(judgement, ItemVerdict::ApprovedImplicitly { .. }));
        match (refused, implicit) {
            (0 | 5, 0) => self.rate(probe, &verdict),
            (0, missing) => {
                self.add(probe, Rating::Noted, format!("{missing} of five elements have no item and count as approved"));
            }
            (refused, _) => {
                self.add(
                    probe,
                    Rating::Failed,
                    format!("{refused} of five elements are refused; a refusal needs a status other than 200 for each"),
                );
            }
        }
    }

    async fn no_elements(&mut self) {
        let message = self.update(Vec::new());
        let verdict = self.send("no elements", &message).await;
        // It is not documented whether Shifts ever sends such a call.
        let rating = if verdict.lets_pass() { Rating::Passed } else { Rating::Noted };
        self.add("no elements", rating, verdict.to_string());
    }

    /// The read endpoint is optional.
    async fn reads(&mut self) {
        let reasons = calls::eligible_time_off_reasons(&self.ids.user_id);
        let swaps = calls::eligible_swaps(sample::SHIFT, calls::PUBLISHED_PERIOD, self.policy.eligibility_times);
        for (probe, element) in [("eligible time-off reasons", reasons), ("eligible swaps", swaps)] {
            let message = OutboundMessage::read(&self.ids.team_id, &Requests { requests: vec![element] });
            let verdict = self.send(probe, &message).await;
            match &verdict {
                ConnectorVerdict::NotOk(status) => {
                    let note = format!("{}; needed only with eligibilityFilteringEnabledEntities", status.as_u16());
                    self.add(probe, Rating::Noted, note);
                }
                _ => self.rate(probe, &verdict),
            }
        }
    }

    fn pace(&mut self) {
        if self.timeouts > 0 {
            return self.add("slow answers", Rating::Failed, format!("{} calls had no answer in time", self.timeouts));
        }
        let (duration, probe) = self.slowest.clone();
        let rating = match duration {
            duration if duration >= BUDGET => Rating::Failed,
            duration if duration >= SLOW => Rating::Noted,
            _ => Rating::Passed,
        };
        let note = if rating == Rating::Passed { "" } else { "; a person waits for it" };
        self.add("slow answers", rating, format!("the slowest took {} ms ({probe}){note}", duration.as_millis()));
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
