//! Requests that wait for an external service, which a workload consults before a change.

use std::time::SystemTime;

use crate::graph::answer;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::{ResponseIds, ResponseMeta};
use crate::graph::request::Request;
use crate::graph::step::{Answer, Pending, Step};
use crate::odata::error::Error;
use crate::odata::purse::Purse;
use crate::policy::refusal;
use crate::world::World;
use crate::world::outbound::{CallOutcome, CallRecord};
use crate::world::workload::{Consultation, Reply};

/// The most calls that one request causes, repetitions included: a state that changes during each of them is a conflict.
const CALLS: usize = 32;

/// Answers a request again, with the reply of the service.
type Rerun = fn(&World, &Request, &ResponseMeta<'_>, Option<Reply>) -> Step;

/// A request that waits for its consultation.
struct WaitingRequest {
    request: Request,
    ids: ResponseIds,
    /// The time of the request: what was sent to the service and what is stored have the same one.
    now: SystemTime,
    consultation: Box<dyn Consultation>,
    /// The calls of earlier consultations.
    calls: Vec<CallRecord>,
    rerun: Rerun,
}

/// Consults the service, then reruns the request. `calls` are the calls that the request has already caused.
pub(super) fn begin(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    consultation: Box<dyn Consultation>,
    calls: Vec<CallRecord>,
    rerun: Rerun,
) -> Step {
    if calls.len() >= CALLS {
        let error = Error::new(&refusal::STALE_SCHEDULE_ITEM, &[]);
        return Step::Done(Box::new(Answer { calls, ..answer::refusal(world, meta, error) }));
    }
    WaitingRequest { request: request.clone(), ids: meta.ids(), now: meta.now, consultation, calls, rerun }.call(world)
}

impl WaitingRequest {
    fn call(self, world: &World) -> Step {
        match self.consultation.call(world) {
            Ok(call) => {
                let held = self.consultation.held_bytes() + self.request.copied_head_bytes();
                Step::Call(Pending::new(call, move |world, outcome| self.conclude(world, outcome)).holding(held))
            }
            Err(failure) => self.conclude(world, CallOutcome::Failed(failure)),
        }
    }

    fn conclude(mut self, world: &World, outcome: CallOutcome) -> Step {
        if self.consultation.conclude(world, outcome) {
            return self.call(world);
        }
        let WaitingRequest { request, ids, now, consultation, mut calls, rerun } = self;
        let mut reply = consultation.reply();
        calls.append(&mut reply.calls);
        // A change computes little.
        let purse = Purse::whole();
        let meta = ResponseMeta { now, ..ResponseMeta::resumed(world, RequestFacts::of(&request.headers), &ids, &purse) };
        rerun(world, &request, &meta, Some(Reply { calls, ..reply }))
    }
}
