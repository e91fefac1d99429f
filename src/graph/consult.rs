//! Requests that wait for an external service, which a workload consults before a change.

use crate::graph::facts::RequestFacts;
use crate::graph::meta::{ResponseIds, ResponseMeta};
use crate::graph::request::Request;
use crate::graph::step::{Pending, Step};
use crate::odata::purse::Purse;
use crate::world::World;
use crate::world::outbound::{CallOutcome, CallRecord};
use crate::world::workload::{Consultation, Reply};

/// Answers a request again, with the reply of the service.
type Rerun = fn(&World, &Request, &ResponseMeta<'_>, Option<Reply>) -> Step;

/// A request that waits for its consultation.
struct WaitingRequest {
    request: Request,
    ids: ResponseIds,
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
    WaitingRequest { request: request.clone(), ids: meta.ids(), consultation, calls, rerun }.call(world)
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
        let WaitingRequest { request, ids, consultation, mut calls, rerun } = self;
        let mut reply = consultation.reply();
        calls.append(&mut reply.calls);
        // A change computes little.
        let purse = Purse::whole();
        let meta = ResponseMeta::resumed(world, RequestFacts::of(&request.headers), &ids, &purse);
        rerun(world, &request, &meta, Some(Reply { calls, ..reply }))
    }
}
