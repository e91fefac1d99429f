//! Requests to the token service, which has its own formats and headers.

use std::time::SystemTime;

use bytes::Bytes;
use http::header;

use crate::entra::token_service::{self, EntraRequest, EntraRoute};
use crate::graph::answer;
use crate::graph::base_url::write_base_url;
use crate::graph::request::{Body, Request};
use crate::graph::step::Answer;
use crate::odata::error::Error;
use crate::policy::behavior::Hsts;
use crate::world::World;

/// The number of entities that sign-in may have to search, from which it has a thread of its own.
const MANY: usize = 1_000;

/// The sets that sign-in searches.
const SEARCHED: [&str; 5] = ["users", "applications", "servicePrincipals", "oauth2PermissionGrants", "deletedItems"];

/// Whether requests to the token service can take longer than a thread can spare which also serves other clients.
pub(super) fn takes_long(world: &World) -> bool {
    let sets = SEARCHED.iter().filter_map(|name| world.schema.set_named(name));
    sets.map(|set| world.store.collection(set).len()).sum::<usize>() > MANY
}

/// Answers a request, or refuses it with an error.
pub(super) fn answer(world: &World, request: &Request, route: &EntraRoute<'_>, error: Option<Error>) -> Answer {
    let mut base_url = Vec::with_capacity(64);
    write_base_url(request, request.headers.get(header::HOST), &mut base_url);
    let body = match &request.body {
        Body::Whole(body) => body,
        Body::TooLarge => &Bytes::new(),
    };
    let entra_request = EntraRequest {
        method: &request.method,
        query: request.target.query().unwrap_or_default(),
        headers: &request.headers,
        body,
        base_url: &String::from_utf8_lossy(&base_url),
    };
    let now: SystemTime = world.clock.now();
    let (mut response, refused) = token_service::answer(world, route, &entra_request, error);
    response.headers_mut().insert(header::DATE, answer::date(now));
    if request.is_secure && world.behaviors.hsts == Hsts::Omit {
        response.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
    }
    Answer { refused, ..Answer::of(response) }
}
