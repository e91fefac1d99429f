//! The part of the service that a path addresses.

use crate::edm::schema::Version;
use crate::entra::token_service::EntraRoute;
use crate::graph::request::UPLOADS;
use crate::graph::ticket;
use crate::odata::batch;

/// The part of the service that a path addresses.
#[derive(Debug)]
pub(super) enum Target<'p> {
    /// An endpoint of the token service.
    Entra(EntraRoute<'p>),
    /// `$batch` of a version.
    Batch(Version),
    /// Content, or an upload session, at an address that needs no token: the beginning of the path, and the rest of it.
    Storage(&'static str, &'p str),
    /// Any other path. The schema resolves it after the faults and before all other checks.
    Graph,
}

impl<'p> Target<'p> {
    /// Returns the target of a path, which has no world prefix.
    pub(super) fn of(path: &'p str) -> Target<'p> {
        if path.starts_with("/_") {
            for beginning in [ticket::CONTENT, ticket::MONITORS, UPLOADS] {
                if let Some(rest) = path.strip_prefix(beginning) {
                    return Target::Storage(beginning, rest);
                }
            }
        }
        if let Some(route) = EntraRoute::of(path) {
            return Target::Entra(route);
        }
        batch::version_of(path).map_or(Target::Graph, Target::Batch)
    }
}
