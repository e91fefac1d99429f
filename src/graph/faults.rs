//! Faults: the effect of fault rules on a request and its response.

use bytes::Bytes;
use http::header;

use crate::graph::answer;
use crate::graph::explain::{self, EXPLAIN};
use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::graph::step::{Answer, Delivery, DeliveryForm, Step};
use crate::world::World;
use crate::world::fault::{Effect, FaultDecision, FaultSubject};

/// A fault that applies to a request.
pub(super) struct Fault(FaultDecision);

/// Returns the fault that the world's rules inject into a request.
pub(super) fn decide(world: &World, request: &Request, meta: &ResponseMeta<'_>, is_batch: bool) -> Option<Fault> {
    // Rules apply to the requests in a batch, and to the batch itself only if one names its path.
    let subject = FaultSubject { method: &request.method, path: request.path(), is_named_only: is_batch, now: meta.now };
    world.faults.decide(subject).map(Fault)
}

impl Fault {
    /// Answers a request under the fault. The request is processed first if the rules let it take effect; otherwise nothing is stored.
    pub(super) fn apply(self, world: &World, meta: &ResponseMeta<'_>, respond: impl FnOnce() -> Step) -> Step {
        let Fault(decision) = self;
        let replacement = match &decision.effect {
            Effect::Answer(failure) => Some(answer::refusal(world, meta, failure.to_error(&decision.rules))),
            Effect::Reset | Effect::Silence => Some(answer::unsent()),
            _ => None,
        };
        match replacement {
            Some(answer) if !decision.applies => Step::Done(Box::new(with_delivery(answer, &decision))),
            replacement => replace(world, respond(), replacement, decision),
        }
    }
}

/// Replaces or changes the original answer when it is ready.
fn replace(world: &World, step: Step, replacement: Option<Answer>, decision: FaultDecision) -> Step {
    match step {
        Step::Done(original) => {
            let answer = match replacement {
                // The change is committed, so the journal records it.
                Some(replacement) => {
                    let Answer { skipped, refused_items, calls, change, .. } = *original;
                    Answer { skipped, refused_items, calls, change, ..replacement }
                }
                None => with_explanation(world, *original, &decision),
            };
            Step::Done(Box::new(with_delivery(answer, &decision)))
        }
        Step::Call(pending) => Step::Call(pending.then(move |world, step| replace(world, step, replacement, decision))),
        Step::Compute(computation) => computation.then(move |world, step| replace(world, step, replacement, decision)),
    }
}

/// Adds the rules to the explanation of an answer.
fn with_explanation(world: &World, mut answer: Answer, decision: &FaultDecision) -> Answer {
    if world.explains {
        let headers = answer.response.headers_mut();
        let explanation = explain::with_fault(headers.get(EXPLAIN), &decision.rules);
        headers.insert(EXPLAIN, explanation);
        answer.standard_headers = None;
    }
    answer
}

/// Returns an answer with the delivery of the fault.
fn with_delivery(answer: Answer, decision: &FaultDecision) -> Answer {
    let form = match decision.effect {
        Effect::Reset => DeliveryForm::Reset,
        Effect::Silence => DeliveryForm::Silence,
        Effect::Truncate(at) => DeliveryForm::CutShort(at),
        Effect::Slow(slow) => DeliveryForm::Slow(slow),
        Effect::None | Effect::Answer(_) | Effect::Limit(_) | Effect::Malformed => answer.delivery.form,
    };
    let answer = if decision.effect == Effect::Malformed { truncate_body(answer) } else { answer };
    let delay = answer.delivery.delay + decision.delay;
    Answer { delivery: Delivery { delay, form }, applied_rules: Some(decision.rules.clone()), ..answer }
}

/// Removes the second half of a body, which makes JSON invalid.
fn truncate_body(mut answer: Answer) -> Answer {
    let body = answer.response.body();
    let half: Bytes = body.slice(..body.len() / 2);
    if answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, half.len().into());
    }
    *answer.response.body_mut() = half;
    answer.standard_headers = None;
    answer
}
