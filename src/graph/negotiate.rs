//! Content negotiation.

use crate::graph::meta::ResponseMeta;
use crate::graph::request::Request;
use crate::odata::error::Error;
use crate::odata::format::Format;
use crate::world::World;

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
