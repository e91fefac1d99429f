//! Requests for what is in the part of the schema that is not read at the start.
//!
//! A request is answered with the core of the schema first. If that refuses a name, nothing has happened yet, and the request starts again in
//! the same world with the whole schema, which that has from then on. What the core has is the same in both.

use percent_encoding::percent_decode_str;

use crate::edm::schema::Version;
use crate::entra::check;
use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::graph::route::{self, Lookup, Resource};
use crate::odata::error::Error;
use crate::policy::behavior::StubPrecedence;
use crate::policy::refusal::{self, Refusal};
use crate::world::World;

/// The refusals of names that a schema does not have.
const UNKNOWN_NAMES: [&Refusal; 11] = [
    &refusal::UNKNOWN_SEGMENT,
    &refusal::UNKNOWN_PROPERTY,
    &refusal::UNKNOWN_QUERY_PROPERTY,
    &refusal::UNKNOWN_FILTER_PROPERTY,
    &refusal::UNKNOWN_EXTENSION,
    &refusal::UNKNOWN_TYPE,
    &refusal::UNKNOWN_PARAMETER,
    &refusal::UNKNOWN_WATCHED_RESOURCE,
    &refusal::ANNOTATION_ALONE,
    &refusal::INVALID_BIND,
    &refusal::INVALID_REFERENCE,
];

/// The length of the longest names of types, with a wide margin.
const NAME_LIMIT: usize = 512;

/// Whether a refusal may be due to a name in the part of the schema that is not read: it is one of unknown names, or the request names a
/// type that the core lacks. Types have many places (casts in paths and in each option of a query, `isof`, bodies), with many refusals.
pub(super) fn may_know(world: &World, request: &Request, error: &Error) -> bool {
    if !world.schema.widest().is_partial {
        return false;
    }
    UNKNOWN_NAMES.contains(&error.refusal) || (400..500).contains(&error.refusal.status) && names_unread_type(world, request)
}

fn names_unread_type(world: &World, request: &Request) -> bool {
    let version = request.path().split('/').nth(1).and_then(Version::from_segment).unwrap_or(Version::V1);
    let model = world.schema.model(version);
    let is_unread = |name: &[u8]| {
        let name = std::str::from_utf8(name).unwrap_or_default().trim_matches('.');
        name.len() <= NAME_LIMIT && model.may_have_unread_type(name)
    };
    let has_unread = |text: &[u8]| {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@');
        // The name behind an at sign is that of an annotation.
        let names = text.split(|byte| !is_part(byte)).filter_map(|part| part.split(|byte| *byte == b'@').next());
        names.into_iter().any(|name| name.contains(&b'.') && is_unread(name))
    };
    let target: Vec<u8> = percent_decode_str(request.path_and_query()).collect();
    // The refusals of a packed body that is read name its types.
    has_unread(&target) || !request.is_packed() && has_unread(request.body.bytes())
}

/// Whether the thread can spare the time to read the part, if nothing has read it yet.
pub(super) fn is_spared(world: &World, meta: &ResponseMeta<'_>) -> bool {
    !world.schema.is_whole_unread() || meta.purse.spare(u64::MAX)
}

/// Returns a refusal if there is a stub for the path that the core of the schema does not have: the user's own answers come before
/// the rest of the schema, even once it is read, and before most of the core (behavior `stubs`).
///
/// # Errors
///
/// Fails without the token that the core would ask for.
pub(super) fn refusal_for_stub(world: &World, request: &Request) -> Result<Option<Error>, Error> {
    let Some(stubs) = &world.stubs else { return Ok(None) };
    if stubs.find(&request.method, request.path_and_query(), request.body.bytes()).is_err() {
        return Ok(None);
    }
    let core = world.schema.core();
    let resource = route::resolve(core.as_deref().unwrap_or(&world.schema), &Lookup::none(), request.path());
    let is_before = match (world.behaviors.stubs, &resource) {
        (StubPrecedence::Least, Err(error)) => UNKNOWN_NAMES.contains(&error.refusal),
        (StubPrecedence::Least, Ok(_)) | (StubPrecedence::Most, Ok(Resource::Service(_) | Resource::Metadata(_))) => false,
        (StubPrecedence::Most, Ok(Resource::Entities(route))) => !route.structured().rare().has_own_state,
        (StubPrecedence::All, _) | (StubPrecedence::Most, Ok(Resource::Operation(..)) | Err(_)) => true,
    };
    if is_before && resource.is_ok() {
        check::authenticate(world, &request.headers)?;
    }
    Ok(is_before.then(|| Error { may_be_stubbed: true, ..Error::new(&refusal::UNKNOWN_SEGMENT, &[request.path()]) }))
}
