//! Faults: what fault rules make of a request and its answer.

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

/// Returns the fault that the rules of the world inject into a request.
pub(super) fn decide(world: &World, request: &Request, meta: &ResponseMeta<'_>, is_batch: bool) -> Option<Fault> {
    // Rules are for single requests. A batch holds some, and has a fault itself only if a rule names its path.
    let subject = FaultSubject { method: &request.method, path: request.path(), is_named_only: is_batch, now: meta.now };
    world.faults.decide(subject).map(Fault)
}

impl Fault {
    /// Answers a request as the rules say. A request that takes effect gets its own answer first; of any other nothing is stored.
    pub(super) fn apply(self, world: &World, meta: &ResponseMeta<'_>, respond: impl FnOnce() -> Step) -> Step {
        let Fault(decision) = self;
        let instead = match &decision.effect {
            Effect::Answer(failure) => Some(answer::refusal(world, meta, failure.to_error(&decision.rules))),
            Effect::Reset | Effect::Silence => Some(answer::nothing()),
            _ => None,
        };
        match instead {
            Some(answer) if !decision.applies => Step::Done(Box::new(delivered(answer, &decision))),
            instead => replace(world, respond(), instead, decision),
        }
    }
}

/// Replaces or changes the request's own answer, once it is there.
fn replace(world: &World, step: Step, instead: Option<Answer>, decision: FaultDecision) -> Step {
    match step {
        Step::Done(own) => {
            let answer = match instead {
                // The change has been made, and the journal shows it.
                Some(instead) => {
                    let Answer { skipped, refused_items, calls, change, .. } = *own;
                    Answer { skipped, refused_items, calls, change, ..instead }
                }
                None => explained(world, *own, &decision),
            };
            Step::Done(Box::new(delivered(answer, &decision)))
        }
        Step::Call(pending) => Step::Call(pending.then(move |world, step| replace(world, step, instead, decision))),
    }
}

/// Adds the rules to the explanation of an answer.
fn explained(world: &World, mut answer: Answer, decision: &FaultDecision) -> Answer {
    if world.explains {
        let headers = answer.response.headers_mut();
        let explanation = explain::with_fault(headers.get(EXPLAIN), &decision.rules);
        headers.insert(EXPLAIN, explanation);
        answer.standard_headers = None;
    }
    answer
}

/// Returns an answer with the delivery that the rules give it.
fn delivered(answer: Answer, decision: &FaultDecision) -> Answer {
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

/// Removes the second half of a body, so that JSON becomes invalid.
fn truncate_body(mut answer: Answer) -> Answer {
    let body = answer.response.body();
    let half: Bytes = body.slice(..body.len() / 2);
    if answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, half.len().into());
    }
    *answer.response.body_mut() = half;
    // The length has changed.
    answer.standard_headers = None;
    answer
}
