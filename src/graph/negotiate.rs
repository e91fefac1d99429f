//! Content negotiation.

use crate::graph::meta::ResponseMeta;
use crate::graph::ops::Operation;
use crate::graph::request::Request;
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::world::World;

/// Returns the format of the response to an operation.
///
/// # Errors
///
/// Fails if the client accepts none of the emulated formats.
pub(super) fn format(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    operation: &Operation<'_>,
) -> Result<Format, Error> {
    // Only JSON has a format to negotiate.
    if operation.has_json() { accepted_format(world, request, meta) } else { Ok(Format::default()) }
}

/// Returns the format that a request accepts.
///
/// # Errors
///
/// Fails if the client accepts none of the emulated formats.
pub(super) fn accepted_format(world: &World, request: &Request, meta: &ResponseMeta<'_>) -> Result<Format, Error> {
    let query = request.target.query();
    if query.is_none() && !meta.facts.has_format {
        return Ok(Format::default());
    }
    Format::of(&request.headers, query, &world.behaviors)
}
