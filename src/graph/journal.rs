//! Records requests, answers and outgoing calls in the journal.

use std::sync::LazyLock;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::graph::meta::ResponseMeta;
use crate::graph::request::{Request, Via};
use crate::graph::step::{Answer, DeliveryForm, Step};
use crate::odata::headers::StandardHeaders;
use crate::world::World;
use crate::world::journal::{AnswerCause, Arrival, JournalRecord};
use crate::world::outbound::{CallOutcome, CallRecord};

/// Records a request and its answer in the world's journal, once the answer is ready.
pub(super) fn record(world: &World, request: &Request, meta: &ResponseMeta<'_>, is_batch: bool, step: Step) -> Step {
    if !world.journal.is_on() {
        return step;
    }
    match step {
        Step::Done(mut answer) => {
            write_exchange(world, request, meta.now, meta.batch(), is_batch, &mut answer);
            Step::Done(answer)
        }
        Step::Call(_) | Step::Compute(_) => {
            PendingRecord { request: request.clone(), began: meta.now, batch: meta.batch(), is_batch }.record(world, step)
        }
    }
}

/// Records a request to the token service and its answer in the world's journal.
pub(super) fn record_answer(world: &World, request: &Request, began: SystemTime, mut answer: Answer) -> Answer {
    if world.journal.is_on() {
        write_exchange(world, request, began, None, false, &mut answer);
    }
    answer
}

/// The parts of an unanswered request that the journal needs.
struct PendingRecord {
    request: Request,
    began: SystemTime,
    batch: Option<Box<str>>,
    is_batch: bool,
}

impl PendingRecord {
    fn record(self, world: &World, step: Step) -> Step {
        match step {
            Step::Done(mut answer) => {
                write_exchange(world, &self.request, self.began, self.batch, self.is_batch, &mut answer);
                Step::Done(answer)
            }
            Step::Call(pending) => {
                let copied = self.request.copied_head_bytes();
                Step::Call(pending.then(move |world, step| self.record(world, step)).holding(copied))
            }
            Step::Compute(computation) => computation.then(move |world, step| self.record(world, step)),
        }
    }
}

/// The header of an entry with the bytes sent to a connector, in base64. The body of the entry is the plaintext.
const RAW_BODY: HeaderName = HeaderName::from_static("x-wfi-emulator-raw-body");

/// Records a call to a connector that no request to Graph caused.
pub(crate) fn record_call(world: &World, call: &CallRecord) {
    if world.journal.is_on() {
        let headers = call_headers(world, call);
        world.journal.record(call_record(world.clock.now(), call, &headers));
    }
}

/// Returns the headers of a call to a connector, with the sent bytes.
fn call_headers(world: &World, call: &CallRecord) -> HeaderMap {
    let mut headers = call.headers.clone();
    // Like a body, but useless if truncated.
    let is_kept = call.body != call.plaintext && call.body.len() <= world.journal.body_limit() / 4 * 3;
    if let Some(raw) = is_kept.then(|| STANDARD.encode(&call.body)).and_then(|raw| HeaderValue::try_from(raw).ok()) {
        headers.insert(RAW_BODY, raw);
    }
    headers
}

/// Returns the record of a call to a connector, with the plaintext as its body.
fn call_record<'c>(time: SystemTime, call: &'c CallRecord, headers: &'c HeaderMap) -> JournalRecord<'c> {
    static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    let (status, response_headers, response_body, ended_by) = match &call.outcome {
        CallOutcome::Answered { status, headers, body } => (Some(*status), headers, &**body, None),
        CallOutcome::Failed(failure) => (None, &*NONE, &b""[..], Some(failure.name())),
    };
    JournalRecord {
        time,
        arrival: Arrival::default(),
        method: &Method::POST,
        target: &call.url,
        request_headers: headers,
        request_body: &call.plaintext,
        status,
        response_headers,
        has_standard_headers: false,
        response_body,
        kept_body: None,
        decided: AnswerCause {
            detail: Some(call.verdict.as_str().into()),
            ended_by,
            is_notification: call.is_notification,
            ..AnswerCause::default()
        },
        changed: None,
    }
}

fn write_exchange(
    world: &World,
    request: &Request,
    time: SystemTime,
    batch: Option<Box<str>>,
    is_batch: bool,
    answer: &mut Answer,
) {
    // The calls of a batch are recorded with its requests.
    let calls: &[CallRecord] = if is_batch { &[] } else { &answer.calls };
    let (ended_by, is_answered) = match answer.delivery.form {
        DeliveryForm::Whole | DeliveryForm::Slow(_) => (None, true),
        DeliveryForm::CutShort(_) => (Some("a truncated body"), true),
        DeliveryForm::Reset => (Some("a connection reset"), false),
        DeliveryForm::Silence => (Some("silence"), false),
    };
    let refused = answer.refused.as_ref().filter(|_| is_answered);
    let decided = AnswerCause {
        refused_by: refused.map(|error| error.refusal.name),
        detail: refused.and_then(|error| error.detail.as_deref()).or(answer.stub.as_deref()).map(Box::from),
        faults: answer.applied_rules.as_deref().map(Box::from),
        ended_by,
        batch,
        cause: None,
        is_notification: false,
        is_proxied: request.via == Via::Proxy,
    };
    let changed = answer.change.take();
    debug_assert!(
        !answer.has_standard_headers || StandardHeaders::are_all_of(answer.response.headers()),
        "a change of headers removes the standard ones"
    );
    let record = JournalRecord {
        time,
        arrival: Arrival { delay: answer.delivery.delay, ..request.arrival },
        method: &request.method,
        target: request.path_and_query(),
        request_headers: &request.headers,
        request_body: request.body.bytes(),
        status: is_answered.then(|| answer.response.status()),
        response_headers: answer.response.headers(),
        has_standard_headers: answer.has_standard_headers,
        response_body: answer.response.body(),
        // With other headers, the body may be another one.
        kept_body: answer.body_capacity.filter(|_| answer.has_standard_headers).map(|bytes| (answer.response.body(), bytes)),
        decided,
        changed,
    };
    if calls.is_empty() {
        return world.journal.record(record);
    }
    let call_headers: Vec<HeaderMap> = calls.iter().map(|call| call_headers(world, call)).collect();
    let calls = calls.iter().zip(&call_headers).map(|(call, headers)| call_record(time, call, headers)).collect();
    world.journal.record_with_calls(calls, record);
}
