//! The pipeline: one request in, one answer out, in named stages.
//!
//! [`answer()`] is a pure function of a world's state and a request. It does no I/O and never waits; a required outgoing call is part of
//! its result.
//!
//! The order of the checks is the service's: version and path, token, permission, content type and JSON, names and types and
//! annotations, existence of the entity, values; then the change is committed. The service's position of content negotiation is unknown;
//! here it precedes the operation, so that a client that accepts no emulated format changes nothing.

use http::{Method, header};

use crate::entra::check;
use crate::graph::answer;
use crate::graph::context::OperationContext;
use crate::graph::meta::ResponseMeta;
use crate::graph::ops::{self, Operation, Outcome};
use crate::graph::request::Request;
use crate::graph::route::{self, Resource};
use crate::graph::step::{Answer, Step};
use crate::graph::target::Target;
use crate::graph::{batch, consult, entra, faults, journal, negotiate, stubs};
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::policy::behavior::Preflight;
use crate::policy::refusal;
use crate::world::World;
use crate::world::workload::Reply;

/// Answers a request and records it in the journal.
pub fn answer(world: &World, request: &Request) -> Step {
    let target = Target::of(request.path());
    if let Target::Entra(route) = &target {
        // Fault rules do not apply to the token service, which is not part of Graph.
        let answer = entra::answer(world, request, route);
        return Step::Done(Box::new(journal::record_answer(world, request, world.clock.now(), answer)));
    }
    let meta = ResponseMeta::of(world, request);
    match target {
        Target::Batch(version) => {
            run(world, request, &meta, true, |world, request, meta| batch::answer(world, request, meta, version, answer_single))
        }
        Target::Entra(_) | Target::Graph => answer_single(world, request, &meta),
    }
}

/// Answers a request that is not a batch, alone or in one.
fn answer_single(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Step {
    run(world, request, meta, false, |world, request, meta| operate(world, request, meta, None))
}

/// Answers a request whose handling panicked.
pub(crate) fn internal_error(world: &World, request: &Request) -> Answer {
    answer::refusal(world, &ResponseMeta::of(world, request), Error::new(&refusal::INTERNAL, &[]))
}

/// Runs a request's own stages between the first and the last one: faults and journal.
fn run(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    is_batch: bool,
    respond: impl FnOnce(&World, &Request, &ResponseMeta<'_>) -> Step,
) -> Step {
    let respond = || {
        if is_preflight(world, request, meta) {
            return Step::Done(Box::new(answer::preflight(request, meta)));
        }
        respond(world, request, meta)
    };
    let step = match faults::decide(world, request, meta, is_batch) {
        None => respond(),
        Some(fault) => fault.apply(world, meta, respond),
    };
    journal::record(world, request, meta, is_batch, step)
}

/// Answers a request to Graph. After a consultation it runs again with the reply: everything is read, checked and merged on the state at
/// that time.
fn operate(world: &World, request: &Request, meta: &ResponseMeta<'_>, reply: Option<Reply>) -> Step {
    let mut skipped = Vec::new();
    let outcome = stages(world, request, meta, reply.as_ref(), &mut skipped);
    let calls = reply.map(|reply| reply.calls).unwrap_or_default();
    let mut answer = match outcome {
        Ok(Outcome::Success(mut success)) => {
            let change = success.change.take();
            let mut answer = answer::success(world, meta, success);
            answer.change = change;
            answer
        }
        Ok(Outcome::Consult(consultation)) => return consult::begin(world, request, meta, consultation, calls, operate),
        Err(error) => Box::new(stubs::answer_or_refuse(world, request, meta, error)),
    };
    answer.skipped = skipped;
    answer.calls = calls;
    Step::Done(answer)
}

/// The stages between faults and answer: route, authenticate, authorize, negotiate, operate.
fn stages(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    let resource = route::resolve(&world.schema, request.path())?;
    let Resource::Entities(route) = resource else {
        return ops::describe::answer(world, request, meta, &resource).map(Outcome::Success);
    };
    let credentials = check::authenticate(world, &request.headers)?;
    let operation = Operation::of(world, &route, &request.method)?;
    check::authorize(world, &request.headers, credentials.as_ref(), &route.structured().full_name, operation.kind())?;
    // Only JSON has a format to negotiate.
    let format = if operation.has_json() { negotiate::accepted_format(world, request, meta)? } else { Format::default() };
    let context = OperationContext::new(world, request, meta, route.model, &route, format);
    ops::run(&operation, &context, reply, skipped)
}

fn is_preflight(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> bool {
    meta.facts.has_origin
        && request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && world.behaviors.preflight == Preflight::Allow
}
