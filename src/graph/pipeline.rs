//! The pipeline: one request in, one answer out, in named stages.
//!
//! [`answer()`] is a pure function of a world's state and a request. It does no I/O and never waits; a required outgoing call is part of
//! its result. `answer_promptly` also returns a long computation, instead of doing it.
//!
//! The order of the checks is the service's: version and path, token, permission, content type and JSON, names and types and
//! annotations, existence of the entity, values; then the change is committed. The service's position of content negotiation is unknown;
//! here it precedes the operation, so that a client that accepts no emulated format changes nothing.

use std::borrow::Cow;

use http::{Method, header};

use crate::entra::check::{self, AskedOperation};
use crate::graph::answer;
use crate::graph::context::OperationContext;
use crate::graph::facts::RequestFacts;
use crate::graph::meta::ResponseMeta;
use crate::graph::notices::{self, Notices};
use crate::graph::ops::{self, Operation, Outcome};
use crate::graph::request::Request;
use crate::graph::route::{self, Lookup, Resource, Tail};
use crate::graph::step::{Answer, Computation, Step};
use crate::graph::target::{self, Target};
use crate::graph::{batch, consult, entra, faults, journal, negotiate, packing, sessions, storage, stubs, unread};
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::odata::prefer::Preferences;
use crate::odata::purse::Purse;
use crate::policy::behavior::{Compression, Head, Preflight};
use crate::policy::permissions::OperationKind;
use crate::policy::refusal;
use crate::world::World;
use crate::world::fault::Failure;
use crate::world::store::recorded;
use crate::world::workload::Reply;

/// Answers a request and records it in the journal.
pub fn answer(world: &World, request: &Request) -> Step {
    answer_within(world, request, Purse::whole())
}

/// Answers a request like [`answer()`], except that a computation of more than about a millisecond is the next step.
pub(crate) fn answer_promptly(world: &World, request: &Request) -> Step {
    answer_within(world, request, Purse::prompt())
}

fn answer_within(world: &World, request: &Request, purse: Purse) -> Step {
    let world = world.current();
    let target = Target::of(request.path());
    if let Target::Entra(route) = &target {
        let now = world.clock.now();
        let respond = || {
            let answer = match as_get(world, request) {
                Some(get) => answer::without_body(entra::answer(world, &get, route, None)),
                None => entra::answer(world, request, route, None),
            };
            Step::Done(Box::new(answer))
        };
        // Only fault rules with its path apply to the token service, which is not part of Graph.
        if entra::takes_long(world) && !purse.spare(u64::MAX) {
            let request = request.clone();
            return Computation::step(move |world, _| answer_within(world, &request, Purse::whole())).with_purse(purse);
        }
        let is_refused = request.method != Method::OPTIONS;
        let fault = if is_refused { faults::decide(world, request, now, true) } else { None };
        let refuse = |failure: &Failure, rules: &str| entra::answer(world, request, route, Some(failure.to_entra_error(rules)));
        let step = match fault {
            None => respond(),
            Some(fault) => fault.apply(world, refuse, respond),
        };
        return step.map_done(|answer| journal::record_answer(world, request, now, answer));
    }
    let meta = ResponseMeta::of(world, request, &purse);
    let step = match target {
        Target::Batch(version) => {
            run(world, request, &meta, true, |world, request, meta| batch::answer(world, request, meta, version, answer_single))
        }
        Target::Entra(_) | Target::Graph => answer_single(world, request, &meta),
    };
    let is_packed = world.behaviors.compression == Compression::Gzip && packing::is_wanted(request);
    let step = if is_packed { step.map_answer(packing::packed) } else { step };
    step.with_purse(purse)
}

/// Answers a request that is not a batch, alone or in one.
fn answer_single(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Step {
    run(world, request, meta, false, |world, request, meta| match as_get(world, request) {
        Some(get) => operate(world, &get, meta, None).map_answer(answer::without_body),
        None => operate(world, request, meta, None),
    })
}

/// Returns the GET request that a HEAD request means (behavior `head`).
fn as_get(world: &World, request: &Request) -> Option<Request> {
    let is_head = request.method == Method::HEAD && world.behaviors.head == Head::Get;
    is_head.then(|| Request { method: Method::GET, ..request.clone() })
}

/// Answers a request whose handling panicked.
pub(crate) fn internal_error(world: &World, request: &Request) -> Answer {
    answer::refusal(world, &ResponseMeta::of(world, request, &Purse::whole()), Error::new(&refusal::INTERNAL, &[]))
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
    // A preflight only asks whether a request may be sent.
    let is_subject = !is_preflight(world, request, meta);
    let fault = if is_subject { faults::decide(world, request, meta.now, is_batch) } else { None };
    let refuse = |failure: &Failure, rules: &str| answer::refusal(world, meta, failure.to_error(rules));
    let step = match fault {
        None => respond(),
        Some(fault) => fault.apply(world, refuse, respond),
    };
    journal::record(world, request, meta, is_batch, step)
}

/// Answers a request to Graph. After a consultation it runs again with the reply: everything is read, checked and merged on the state at
/// that time.
fn operate(world: &World, request: &Request, meta: &ResponseMeta<'_>, reply: Option<Reply>) -> Step {
    // A batch may have widened the world.
    let world = world.current();
    let mut skipped = Vec::new();
    // Notifications are put together on a thread that has the time. It is left before anything has happened.
    let is_read = request.method == Method::GET || request.method == Method::HEAD;
    if !is_read && world.outbox.is_awake() && !meta.purse.spare(u64::MAX) {
        return interrupted(request, meta);
    }
    let mut respond = || stages(world, request, meta, reply.as_ref(), &mut skipped);
    let (outcome, mut notices) = if world.outbox.is_awake() {
        let ended = notices::attend(world, meta.answered);
        let (outcome, changes) = recorded(respond);
        (outcome, Notices { ended, changes, is_woken: false })
    } else {
        (respond(), Notices::default())
    };
    if outcome.is_err() && meta.purse.is_interrupted() {
        notices.keep(world);
        return interrupted(request, meta);
    }
    let outcome = match outcome {
        Err(error) if unread::may_know(world, request, &error) => {
            notices.keep(world);
            if let Ok(answer) = stubs::or_error(world, request, meta, error) {
                return Step::Done(Box::new(answer));
            }
            return if unread::is_spared(world, meta) {
                operate(world.widen(), request, meta, reply)
            } else {
                interrupted(request, meta)
            };
        }
        outcome => outcome,
    };
    let calls = reply.map(|reply| reply.calls).unwrap_or_default();
    let mut answer = match outcome {
        Ok(Outcome::Declared(success)) => {
            Box::new(stubs::recorded(world, request, meta).unwrap_or_else(|| *answer::success(world, meta, success)))
        }
        Ok(Outcome::Success(mut success)) => {
            if meta.facts.has_conditions && success.decided.contains(&"if-match") {
                skipped.push("If-Match".to_owned());
            }
            let change = success.change.take();
            notices.has_changed(world, change.as_ref());
            let mut answer = answer::success(world, meta, success);
            answer.change = change;
            answer
        }
        Ok(Outcome::Consult(consultation)) => {
            notices.keep(world);
            return consult::begin(world, request, meta, consultation, calls, operate);
        }
        Err(error) => {
            notices.changes.clear();
            Box::new(stubs::answer_or_refuse(world, request, meta, error))
        }
    };
    answer.notifications = notices.notifications(world, meta);
    answer.skipped = skipped;
    answer.calls = calls;
    Step::Done(answer)
}

/// Answers a request again, on a thread that has the time. Only reads are interrupted, and what has not begun: nothing has happened yet.
fn interrupted(request: &Request, meta: &ResponseMeta<'_>) -> Step {
    let (request, ids) = (request.clone(), meta.ids());
    Computation::step(move |world, purse| {
        let meta = ResponseMeta::resumed(world, RequestFacts::of(&request.headers), &ids, purse);
        operate(world, &request, &meta, None)
    })
}

/// The steps of an ordinary request: twenty of them in a batch are prompt, if they ask for little.
const REQUEST_STEPS: u64 = 3_000;

/// The steps for reading a byte of a query: a list of short names is split, looked up, and repeated.
const QUERY_BYTE_STEPS: u64 = 24;

/// Whether the thread can spare the time to read a request.
fn is_spared(request: &Request, meta: &ResponseMeta<'_>) -> bool {
    let query = request.target.query().map_or(0, |query| u64::try_from(query.len()).unwrap_or(u64::MAX));
    let is_packed = meta.facts.has_coding && request.is_packed();
    let steps = if is_packed { u64::MAX } else { query.saturating_mul(QUERY_BYTE_STEPS).saturating_add(REQUEST_STEPS) };
    meta.purse.spare(steps)
}

/// The stages between faults and answer: route, authenticate, authorize, negotiate, operate.
fn stages(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    if !is_spared(request, meta) {
        // The request is read again on another thread: this error is discarded.
        return Err(Error::new(&refusal::INTERNAL, &[]));
    }
    if let Some(place) = target::storage(request.path()) {
        return storage::answer(world, request, meta, place).map(Outcome::from);
    }
    if let Some(answer) = sessions::answer(world, request, meta) {
        return answer.map(Outcome::from);
    }
    if let Some(error) = unread::refusal_for_stub(world, request)? {
        return Err(error);
    }
    let resource = route::resolve(&world.schema, &Lookup::of(world, &request.headers, meta.purse), request.path())?;
    if let Resource::Operation(model, call) = &resource {
        let credentials = check::authenticate(world, &request.headers)?;
        let addresses = || vec![call.segments.clone()];
        let method = request.method.as_str();
        let asked = AskedOperation { resource: None, kind: OperationKind::Create, addresses: &addresses, method };
        let decided = check::authorize(world, &request.headers, credentials.as_ref(), asked)?;
        let outcome = ops::operation::call_unbound(world, request, meta, model, call, skipped)?;
        return Ok(outcome.with_decided(decided.as_slice()));
    }
    // They name all that there is.
    if let Resource::Service(model) | Resource::Metadata(model) = &resource
        && model.is_partial
    {
        return Err(Error::new(&refusal::UNKNOWN_PROPERTY, &["$metadata", ""]));
    }
    if let Resource::Metadata(model) = &resource
        && world.schema.is_document_unread(model.version)
        && !meta.purse.spare(u64::MAX)
    {
        // It is put together on another thread: this error is discarded.
        return Err(Error::new(&refusal::INTERNAL, &[]));
    }
    let Resource::Entities(mut route) = resource else {
        return ops::describe::answer(world, request, meta, &resource).map(Outcome::from);
    };
    let credentials = check::authenticate(world, &request.headers)?;
    if matches!(request.method, Method::POST | Method::PUT)
        && let Some((collection, key)) = route.new_in.take_if(|(_, key)| key.is_some() == (request.method == Method::PUT))
    {
        route.home = Some(collection.path(&world.schema).into_owned());
        route.collection = collection;
        route.key = key.map(Cow::Owned).or(route.key);
    }
    let is_upsert = request.method == Method::PATCH && route.tail == Tail::Whole && route.operation.is_none();
    if !is_upsert || !meta.facts.has_preferences || !Preferences::has(&request.headers, "create-if-missing") {
        route.upsert = None;
    } else if route.upsert.is_some() {
        (route.key, route.missing) = (None, None);
    }
    let operation = Operation::of(world, &route, &request.method)?;
    let asked = AskedOperation {
        resource: Some((route.model, route.structured())),
        kind: operation.kind(),
        addresses: &|| route.published_addresses(world),
        method: request.method.as_str(),
    };
    let decided = check::authorize(world, &request.headers, credentials.as_ref(), asked)?;
    // Only JSON has a format to negotiate.
    let format = if operation.has_json() { negotiate::accepted_format(world, request, meta)? } else { Format::default() };
    let context = OperationContext::new(world, request, meta, route.model, &route, format).with_whole_enums();
    let outcome = ops::run(&operation, &context, reply, skipped)?;
    Ok(if decided.is_some() { outcome.with_decided(decided.as_slice()) } else { outcome })
}

fn is_preflight(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> bool {
    meta.facts.has_origin
        && request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && world.behaviors.preflight == Preflight::Allow
}

#[cfg(test)]
mod tests;
