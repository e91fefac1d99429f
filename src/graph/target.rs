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
    /// Any other path. That of content or of an upload session is known by its beginning; else the schema resolves it after the faults and before all other checks.
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

/// Returns the beginning and the rest of a path that needs no token: of content, of the progress of a copy, or of an upload session.
pub(super) fn storage(path: &str) -> Option<(&'static str, &str)> {
    if !path.starts_with("/_") {
        return None;
    }
    let mut beginnings = [ticket::CONTENT, ticket::MONITORS, UPLOADS].into_iter();
    beginnings.find_map(|beginning| Some((beginning, path.strip_prefix(beginning)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::redact::mask_target;

    #[test]
    fn all_paths_that_need_no_token_are_hidden_in_outputs() {
        for beginning in [ticket::CONTENT, ticket::MONITORS, UPLOADS] {
            let path = format!("{beginning}0123-_ab");
            assert_eq!(storage(&path), Some((beginning, "0123-_ab")));
            assert_eq!(mask_target(&path), format!("{beginning}REDACTED"));
        }
        assert_eq!((storage("/v1.0/_upload/a"), storage("/_other/a")), (None, None));
    }
}
