//! What becomes of a request that rules of faults strike.

use bytes::Bytes;
use http::header;

use super::respond::{self, Change, Stamp};
use super::{Answer, Delivery, Form, Request, answer_as_usual};
use crate::fault::{Decision, Effect};
use crate::tenant::Tenant;

/// Answers a request as rules say. A request that takes effect is answered as usual first; where it does not, nothing is stored.
pub(super) fn strike(tenant: &Tenant, request: &Request, stamp: &Stamp<'_>, decision: Decision) -> (Answer, Change) {
    let Decision { rules, delay, effect, applies } = decision;
    let takes_effect = applies || !matches!(effect, Effect::Answer(_) | Effect::Reset | Effect::Silence);
    let usual = takes_effect.then(|| answer_as_usual(tenant, request, stamp));
    let (usual, change) = usual.map_or((None, Change::default()), |(answer, change)| (Some(answer), change));
    let (answer, form) = match effect {
        Effect::Answer(failure) => (Some(respond::refusal(tenant, stamp, failure.to_error(&rules))), Form::Whole),
        Effect::Reset => (usual, Form::Reset),
        Effect::Silence => (usual, Form::Silence),
        Effect::Truncate(at) => (usual, Form::CutShort(at)),
        Effect::Slow(slow) => (usual, Form::Slow(slow)),
        Effect::Malformed => (usual.map(halved), Form::Whole),
        // A limit that was reached is an answer by now.
        Effect::None | Effect::Limit(_) => (usual, Form::Whole),
    };
    let answer = answer.unwrap_or_else(respond::nothing);
    (Answer { delivery: Delivery { delay, form }, struck: Some(rules), ..answer }, change)
}

/// Takes away the second half of a body, so that JSON is none any more.
fn halved(mut answer: Answer) -> Answer {
    let body = answer.response.body();
    let half: Bytes = body.slice(..body.len() / 2);
    if answer.response.headers().contains_key(header::CONTENT_LENGTH) {
        answer.response.headers_mut().insert(header::CONTENT_LENGTH, half.len().into());
    }
    *answer.response.body_mut() = half;
    answer
}
