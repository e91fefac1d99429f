//! What the journal is told of a request and its answer.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::graph::meta::ResponseMeta;
use crate::graph::request::{Body, Request};
use crate::graph::step::{Answer, DeliveryForm, Step};
use crate::world::World;
use crate::world::journal::{AnswerCause, JournalRecord};
use crate::world::outbound::{CallOutcome, CallRecord};

/// Writes a request and its answer into the journal of the tenant, when the answer is there.
pub(super) fn record(world: &World, request: &Request, meta: &ResponseMeta<'_>, is_batch: bool, step: Step) -> Step {
    if !world.journal.is_on() {
        return step;
    }
    match step {
        Step::Done(mut answer) => {
            write(world, request, meta.now, meta.batch(), is_batch, &mut answer);
            Step::Done(answer)
        }
        Step::Call(_) => Waiting { request: request.clone(), now: meta.now, batch: meta.batch(), is_batch }.record(world, step),
    }
}

/// Writes a request that is none of Graph's and its answer into the journal of the tenant.
pub(super) fn record_answer(world: &World, request: &Request, now: SystemTime, mut answer: Answer) -> Answer {
    if world.journal.is_on() {
        write(world, request, now, None, false, &mut answer);
    }
    answer
}

/// What must be kept of a request whose answer is not there yet.
struct Waiting {
    request: Request,
    now: SystemTime,
    batch: Option<Box<str>>,
    is_batch: bool,
}

impl Waiting {
    fn record(self, world: &World, step: Step) -> Step {
        match step {
            Step::Done(mut answer) => {
                write(world, &self.request, self.now, self.batch, self.is_batch, &mut answer);
                Step::Done(answer)
            }
            Step::Call(pending) => Step::Call(pending.then(move |world, step| self.record(world, step))),
        }
    }
}

/// The header of an entry that holds what was sent to a connector, in base64: its body is what was said, before it was encrypted.
const RAW: HeaderName = HeaderName::from_static("x-wfi-emulator-raw-body");

/// Writes a call to a connector that no request of Graph has caused.
pub(crate) fn record_call(world: &World, made: &CallRecord) {
    if world.journal.is_on() {
        write_call(world, world.clock.now(), made);
    }
}

/// Writes a call to a connector, with what was said and what was sent.
fn write_call(world: &World, time: SystemTime, made: &CallRecord) {
    let mut request_headers = made.headers.clone();
    if let Ok(raw) = HeaderValue::try_from(STANDARD.encode(&made.body)) {
        request_headers.insert(RAW, raw);
    }
    let none = HeaderMap::new();
    let (status, response_headers, response_body, ended_by) = match &made.outcome {
        CallOutcome::Answered { status, headers, body } => (Some(*status), headers, &**body, None),
        CallOutcome::Failed(failure) => (None, &none, &b""[..], Some(failure.name())),
    };
    world.journal.record(JournalRecord {
        time,
        method: &Method::POST,
        target: &made.url,
        request_headers: &request_headers,
        request_body: &made.plaintext,
        status,
        response_headers,
        standard_headers: None,
        response_body,
        decided: AnswerCause { detail: Some(made.verdict.as_str().into()), ended_by, ..AnswerCause::default() },
        changed: None,
    });
}

fn write(world: &World, request: &Request, time: SystemTime, batch: Option<Box<str>>, is_batch: bool, answer: &mut Answer) {
    // The calls of a batch follow its requests.
    if !is_batch {
        answer.calls.iter().for_each(|made| write_call(world, time, made));
    }
    let (ended_by, is_answered) = match answer.delivery.form {
        DeliveryForm::Whole | DeliveryForm::Slow(_) => (None, true),
        DeliveryForm::CutShort(_) => (Some("a cut within the body"), true),
        DeliveryForm::Reset => (Some("a reset without an answer"), false),
        DeliveryForm::Silence => (Some("silence"), false),
    };
    let refused = answer.refused.as_ref().filter(|_| is_answered);
    let decided = AnswerCause {
        refused_by: refused.map(|error| error.refusal.name),
        detail: refused.and_then(|error| error.detail.as_deref()).map(Box::from),
        faults: answer.applied_rules.as_deref().map(Box::from),
        ended_by,
        batch,
    };
    let changed = answer.change.take();
    debug_assert!(
        answer.standard_headers.clone().is_none_or(|standard| standard.into_map() == *answer.response.headers()),
        "a change of headers removes the standard ones"
    );
    world.journal.record(JournalRecord {
        time,
        method: &request.method,
        target: request.path_and_query(),
        request_headers: &request.headers,
        request_body: match &request.body {
            Body::Whole(body) => body,
            Body::TooLarge => b"",
        },
        status: is_answered.then(|| answer.response.status()),
        response_headers: answer.response.headers(),
        standard_headers: answer.standard_headers.as_ref(),
        response_body: answer.response.body(),
        decided,
        changed,
    });
}
