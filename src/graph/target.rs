//! The part of the service that a path addresses.

use crate::edm::schema::Version;
use crate::entra::token_service::EntraRoute;
use crate::odata::batch;

/// The part of the service that a path addresses.
#[derive(Debug)]
pub(super) enum Target<'p> {
    /// An endpoint of the token service.
    Entra(EntraRoute<'p>),
    /// `$batch` of a version.
    Batch(Version),
    /// Any other path. The schema resolves it after the faults and before all other checks.
    Graph,
}

impl<'p> Target<'p> {
    /// Returns the target of a path, which has no world prefix.
    pub(super) fn of(path: &'p str) -> Target<'p> {
        if let Some(route) = EntraRoute::of(path) {
            return Target::Entra(route);
        }
        batch::version_of(path).map_or(Target::Graph, Target::Batch)
    }
}
