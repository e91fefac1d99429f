//! Stubs: recorded answers, also for paths outside of the schema and for entities that clients cannot create.

use http::header::{HeaderName, HeaderValue};

use crate::graph::answer;
use crate::graph::base_url::write_base_url;
use crate::graph::explain::{self, EXPLAIN};
use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::graph::step::Answer;
use crate::odata::error::Error;
use crate::policy::refusal::{self, Refusal};
use crate::world::World;
use crate::world::stub::Stubs;

/// The refusals of paths outside of the schema.
const UNKNOWN_PATHS: [&Refusal; 2] = [&refusal::UNKNOWN_SEGMENT, &refusal::INVALID_VERSION];

/// Answers a refused request from a stub, or with the refusal if no stub matches.
pub(super) fn answer_or_refuse(world: &World, request: &Request, meta: &ResponseMeta<'_>, error: Error) -> Answer {
    or_error(world, request, meta, error).unwrap_or_else(|error| answer::refusal(world, meta, error))
}

/// Answers a refused request from a stub.
///
/// # Errors
///
/// Returns the refusal, with the closest stub in its detail.
pub(super) fn or_error(world: &World, request: &Request, meta: &ResponseMeta<'_>, error: Error) -> Result<Answer, Error> {
    let Some(stubs) = &world.stubs else { return Err(error) };
    if !error.may_be_stubbed && !UNKNOWN_PATHS.contains(&error.refusal) {
        return Err(error);
    }
    match stubs.find(&request.method, request.path_and_query(), request.body.bytes()) {
        Ok(number) => answer_with(world, request, meta, stubs, number).ok_or(error),
        Err(closest) => {
            let detail = error.detail.as_deref().map_or_else(|| closest.clone(), |detail| format!("{detail}; {closest}"));
            Err(error.with_detail(detail))
        }
    }
}

/// Returns the recorded answer to a request, if there is a stub for it.
pub(super) fn recorded(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Option<Answer> {
    let stubs = world.stubs.as_ref()?;
    let number = stubs.find(&request.method, request.path_and_query(), request.body.bytes()).ok()?;
    answer_with(world, request, meta, stubs, number)
}

fn answer_with(world: &World, request: &Request, meta: &ResponseMeta<'_>, stubs: &Stubs, number: usize) -> Option<Answer> {
    let stub = stubs.answer(number, &world.stub_turns)?;
    let mut base = Vec::new();
    match &world.behaviors.base_url {
        Some(fixed) => base.extend_from_slice(fixed.as_bytes()),
        None => write_base_url(request, meta.facts.host, &mut base),
    }
    let recorded = stub.relocated(&String::from_utf8_lossy(&base));
    let headers = recorded.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut answer = answer::recorded(meta, recorded.status, headers, recorded.body);
    if world.explains {
        answer.response.headers_mut().insert(EXPLAIN, explain::stub(&stub.place));
    }
    answer.stub = Some(stub.place.clone());
    Some(answer)
}
