//! What is answered from recordings: where the model knows no path, and for teams that no fixture holds.

use http::header::{HeaderName, HeaderValue};

use super::respond::{self, ResponseMeta};
use super::{Answer, Request, write_base_url};
use crate::odata::error::Error;
use crate::policy::refusal::{self, Refusal};
use crate::world::World;

/// The refusals in whose place a stub may answer. Teams are among them since clients cannot make any.
const UNKNOWN: [&Refusal; 4] =
    [&refusal::UNKNOWN_SEGMENT, &refusal::INVALID_VERSION, &refusal::UNKNOWN_TEAM, &refusal::UNKNOWN_TEAM_OF_SCHEDULE];

/// Answers a refused request from a stub, if its path is unknown and there is one.
///
/// # Errors
///
/// Returns the refusal, which then tells the log what came closest.
pub(super) fn answer(world: &World, request: &Request, stamp: &ResponseMeta<'_>, error: Error) -> Result<Answer, Error> {
    let Some(stubs) = &world.stubs else { return Err(error) };
    if !UNKNOWN.iter().any(|refusal| refusal.name == error.refusal.name) {
        return Err(error);
    }
    let stub = match stubs.find(&request.method, request.path_and_query()) {
        Ok(stub) => stub,
        Err(closest) => {
            let detail = error.detail.as_deref().map_or_else(|| closest.clone(), |detail| format!("{detail}; {closest}"));
            return Err(error.with_detail(detail));
        }
    };
    let mut base = Vec::new();
    match &world.behaviors.base_url {
        Some(fixed) => base.extend_from_slice(fixed.as_bytes()),
        None => write_base_url(request, stamp.heads.host, &mut base),
    }
    let recorded = stub.answer(&String::from_utf8_lossy(&base));
    let headers = recorded.headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    Ok(respond::recorded(stamp, recorded.status, headers, recorded.body))
}
