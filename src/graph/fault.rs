//! What becomes of a request that rules of faults strike.

use bytes::Bytes;
use http::header;

use super::explain::{self, EXPLAIN};
use super::respond::{self, ResponseMeta};
use super::{Answer, Delivery, DeliveryForm, Request, Step, Way};
use crate::world::World;
use crate::world::fault::{Effect, FaultDecision};

/// Answers a request as rules say. A request that takes effect is answered as usual first; where it does not, nothing is stored.
pub(super) fn strike(world: &World, request: &Request, stamp: &ResponseMeta<'_>, decision: FaultDecision, way: Way) -> Step {
    let instead = match &decision.effect {
        Effect::Answer(failure) => Some(respond::refusal(world, stamp, failure.to_error(&decision.rules))),
        Effect::Reset | Effect::Silence => Some(respond::nothing()),
        _ => None,
    };
    match instead {
        Some(answer) if !decision.applies => Step::Done(Box::new(spoiled(answer, &decision))),
        instead => after(world, way(world, request, stamp), Spoiling { instead, decision }),
    }
}

/// What is to be done with the usual answer.
struct Spoiling {
    /// The answer that the client gets in its place.
    instead: Option<Answer>,
    decision: FaultDecision,
}

/// Waits for the usual answer if it is not there yet.
fn after(world: &World, step: Step, spoiling: Spoiling) -> Step {
    match step {
        Step::Done(usual) => {
            let answer = match spoiling.instead {
                // What was done stays done, and so does what is told of it.
                Some(instead) => {
                    let Answer { skipped, refused_items, calls, change, .. } = *usual;
                    Answer { skipped, refused_items, calls, change, ..instead }
                }
                None => explained(world, *usual, &spoiling.decision),
            };
            Step::Done(Box::new(spoiled(answer, &spoiling.decision)))
        }
        Step::Call(pending) => Step::Call(pending.then(move |world, step| after(world, step, spoiling))),
    }
}

/// Adds to an explanation what else happens to the answer.
fn explained(world: &World, mut answer: Answer, decision: &FaultDecision) -> Answer {
    if world.explains {
        let headers = answer.response.headers_mut();
        let explanation = explain::struck(headers.get(EXPLAIN), &decision.rules);
        headers.insert(EXPLAIN, explanation);
        answer.is_usual = false;
    }
    answer
}

/// Returns an answer as rules let it arrive.
fn spoiled(answer: Answer, decision: &FaultDecision) -> Answer {
    let form = match decision.effect {
        Effect::Reset => DeliveryForm::Reset,
        Effect::Silence => DeliveryForm::Silence,
        Effect::Truncate(at) => DeliveryForm::CutShort(at),
        Effect::Slow(slow) => DeliveryForm::Slow(slow),
        Effect::None | Effect::Answer(_) | Effect::Limit(_) | Effect::Malformed => answer.delivery.form,
    };
    let answer = if decision.effect == Effect::Malformed { halved(answer) } else { answer };
    let delay = answer.delivery.delay + decision.delay;
    Answer { delivery: Delivery { delay, form }, struck: Some(decision.rules.clone()), ..answer }
}

/// Takes away the second half of a body, so that JSON is none any more.
fn halved(mut answer: Answer) -> Answer {
    let body = answer.response.body();
    let half: Bytes = body.slice(..body.len() / 2);
    if answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, half.len().into());
    }
    *answer.response.body_mut() = half;
    // Its length has changed.
    answer.is_usual = false;
    answer
}
