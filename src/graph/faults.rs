//! Faults: the effect of fault rules on a request and its response.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};

use crate::graph::answer;
use crate::graph::explain::{self, EXPLAIN};
use crate::graph::request::Request;
use crate::graph::step::{Answer, Delivery, DeliveryForm, Step};
use crate::graph::usage;
use crate::world::World;
use crate::world::clock::Clock;
use crate::world::fault::{Effect, Failure, FaultDecision, FaultSubject};

/// A header of an answer.
type Header = (HeaderName, HeaderValue);

/// A fault that applies to a request, and the headers on limits that the answer has.
pub(super) struct Fault(FaultDecision, Vec<Header>);

/// Returns the fault that the world's rules inject into a request.
///
/// Rules apply to the requests in a batch. Only rules with its path apply to the batch itself, and to a request to the token service.
/// Nearly used limits are reported by headers.
pub(super) fn decide(world: &World, request: &Request, now: SystemTime, is_named_only: bool) -> Option<Fault> {
    if !world.faults.are_armed() {
        return None;
    }
    let subject = FaultSubject {
        method: &request.method,
        path: request.path(),
        query: request.target.query().unwrap_or_default(),
        headers: &request.headers,
        body: request.body.bytes(),
        is_named_only,
        now,
        waiting_time: if matches!(world.clock, Clock::Fixed(_)) { SystemTime::now() } else { now },
    };
    let decision = world.faults.evaluate(subject)?;
    let headers = if is_named_only { Vec::new() } else { usage::headers(world, request, &decision) };
    Some(Fault(decision, headers))
}

impl Fault {
    /// Answers a request under the fault. The request is processed first if the rules let it take effect; otherwise nothing is stored.
    /// `refuse` gives an error answer its form.
    pub(super) fn apply(
        self,
        world: &World,
        refuse: impl FnOnce(&Failure, &str) -> Answer,
        respond: impl FnOnce() -> Step,
    ) -> Step {
        let Fault(decision, headers) = self;
        let replacement = match &decision.effect {
            Effect::Answer(failure) => {
                Some(with_own_parts(with_headers(refuse(failure, &decision.rules), headers.clone()), failure))
            }
            Effect::Reset | Effect::Silence => Some(answer::unsent()),
            _ => None,
        };
        match replacement {
            Some(answer) if !decision.applies => Step::Done(Box::new(with_delivery(world, answer, &decision))),
            replacement => replace(world, respond(), replacement, (decision, headers)),
        }
    }
}

/// Returns an answer with more headers.
fn with_headers(mut answer: Answer, headers: Vec<Header>) -> Answer {
    if !headers.is_empty() {
        answer.response.headers_mut().extend(headers);
        answer.has_standard_headers = false;
    }
    answer
}

/// Returns an error answer with the body and the headers that the rule states.
fn with_own_parts(mut answer: Answer, failure: &Failure) -> Answer {
    let headers = answer.response.headers_mut();
    if let Some(body) = &failure.body {
        headers.insert(header::CONTENT_TYPE, body.content_type.clone());
        headers.insert(header::CONTENT_LENGTH, body.text.len().into());
    }
    if let Some(value) = &failure.retry_after {
        headers.insert(header::RETRY_AFTER, value.clone());
    }
    for (name, value) in &failure.headers {
        headers.insert(name, value.clone());
    }
    if let Some(body) = &failure.body {
        *answer.response.body_mut() = Bytes::from(body.text.clone());
    }
    answer
}

/// Replaces or changes the original answer when it is ready.
fn replace(world: &World, step: Step, replacement: Option<Answer>, fault: (FaultDecision, Vec<Header>)) -> Step {
    match step {
        Step::Done(original) => {
            let answer = match replacement {
                // The change is committed, so the journal records it.
                Some(replacement) => {
                    let Answer { skipped, refused_items, calls, change, .. } = *original;
                    Answer { skipped, refused_items, calls, change, ..replacement }
                }
                None => with_headers(with_explanation(world, *original, &fault.0), fault.1),
            };
            Step::Done(Box::new(with_delivery(world, answer, &fault.0)))
        }
        Step::Call(pending) => Step::Call(pending.then(move |world, step| replace(world, step, replacement, fault))),
        Step::Compute(computation) => computation.then(move |world, step| replace(world, step, replacement, fault)),
    }
}

/// Adds the rules to the explanation of an answer.
fn with_explanation(world: &World, mut answer: Answer, decision: &FaultDecision) -> Answer {
    if world.explains && decision.has_applied {
        let headers = answer.response.headers_mut();
        let explanation = explain::with_fault(headers.get(EXPLAIN), &decision.rules);
        headers.insert(EXPLAIN, explanation);
        answer.has_standard_headers = false;
    }
    answer
}

/// Returns an answer with the delivery of the fault.
fn with_delivery(world: &World, answer: Answer, decision: &FaultDecision) -> Answer {
    let form = match decision.effect {
        Effect::Reset => DeliveryForm::Reset,
        Effect::Silence => DeliveryForm::Silence,
        Effect::Truncate(at) => DeliveryForm::CutShort(at),
        Effect::Slow(slow) => DeliveryForm::Slow(slow),
        Effect::None | Effect::Answer(_) | Effect::Limit(_) | Effect::Malformed => answer.delivery.form,
    };
    let answer = if decision.effect == Effect::Malformed { truncate_body(answer) } else { answer };
    let delay = answer.delivery.delay + decision.delay;
    let applied_rules = if decision.has_applied { Some(decision.rules.clone()) } else { answer.applied_rules };
    let delivery = Delivery { delay, form };
    let held_by = if delivery == Delivery::AT_ONCE { answer.held_by } else { Some(world.faults.hold()) };
    Answer { delivery, held_by, applied_rules, ..answer }
}

/// Removes the second half of a body, which makes JSON invalid.
fn truncate_body(mut answer: Answer) -> Answer {
    let body = answer.response.body();
    let half: Bytes = body.slice(..body.len() / 2);
    if answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, half.len().into());
    }
    *answer.response.body_mut() = half;
    answer.has_standard_headers = false;
    answer
}
