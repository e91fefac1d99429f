//! The ids and the time of a request.

use std::time::SystemTime;

use http::header::HeaderValue;
use uuid::Uuid;

use crate::graph::facts::RequestFacts;
use crate::graph::request::Request;
use crate::odata::purse::Purse;
use crate::policy::behavior::Hsts;
use crate::world::World;

/// The ids and the time of a request, which headers and error bodies of its response repeat.
pub(super) struct ResponseMeta<'r> {
    pub(super) facts: RequestFacts<'r>,
    /// The time of the request, which all of its effects share, also after a consultation.
    pub(super) now: SystemTime,
    /// The time of the answer.
    pub(super) answered: SystemTime,
    pub(super) request_id: Uuid,
    /// The client's own id, if it can be repeated in error bodies.
    pub(super) client_request_id: Option<&'r HeaderValue>,
    /// Whether the request is in a batch, whose ids these are.
    pub(super) is_item: bool,
    /// Whether the response has `Strict-Transport-Security`.
    pub(super) has_hsts: bool,
    /// The purse that pays for computations, shared with the other requests of a batch.
    pub(super) purse: &'r Purse,
}

/// The part of [`ResponseMeta`] that outlives its request.
pub(super) struct ResponseIds {
    pub(super) request_id: Uuid,
    pub(super) client_request_id: Option<HeaderValue>,
    pub(super) is_item: bool,
    pub(super) has_hsts: bool,
}

impl<'r> ResponseMeta<'r> {
    /// Returns the current time, a new request id, and the client's own id.
    pub(super) fn of(world: &World, request: &'r Request, purse: &'r Purse) -> ResponseMeta<'r> {
        let facts = RequestFacts::of(&request.headers);
        let client_request_id = facts.client_request_id.filter(|value| !value.is_empty() && value.to_str().is_ok());
        // Over TLS the behavior `hsts` decides, by default against it: browsers would refuse plain HTTP to all ports of localhost for a
        // year. They ignore it over plain HTTP (RFC 6797, 8.1), where it is sent as by the service.
        let has_hsts = !request.is_secure || world.behaviors.hsts == Hsts::Send;
        let (now, request_id) = (world.clock.now(), world.next_request_id());
        ResponseMeta { facts, now, answered: now, request_id, client_request_id, is_item: false, has_hsts, purse }
    }

    pub(super) fn ids(&self) -> ResponseIds {
        let (client_request_id, is_item, has_hsts) = (self.client_request_id.cloned(), self.is_item, self.has_hsts);
        ResponseIds { request_id: self.request_id, client_request_id, is_item, has_hsts }
    }

    /// Returns the current time, and the ids of a request that resumes.
    pub(super) fn resumed(world: &World, facts: RequestFacts<'r>, ids: &'r ResponseIds, purse: &'r Purse) -> ResponseMeta<'r> {
        let ResponseIds { request_id, is_item, has_hsts, .. } = *ids;
        let client_request_id = ids.client_request_id.as_ref();
        let now = world.clock.now();
        ResponseMeta { facts, now, answered: now, request_id, client_request_id, is_item, has_hsts, purse }
    }

    /// Returns the current time, and the ids of the batch that has the request (recorded in pnp/pnpcore, 42 of 42). Browsers ignore
    /// `Strict-Transport-Security` in a batch, so it is always there.
    pub(super) fn of_item(world: &World, facts: RequestFacts<'r>, ids: &'r ResponseIds, purse: &'r Purse) -> ResponseMeta<'r> {
        ResponseMeta { is_item: true, has_hsts: true, ..ResponseMeta::resumed(world, facts, ids, purse) }
    }

    /// Returns the id of the batch that has the request.
    pub(super) fn batch(&self) -> Option<Box<str>> {
        self.is_item.then(|| (&*self.request_id.hyphenated().encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH])).into())
    }
}
