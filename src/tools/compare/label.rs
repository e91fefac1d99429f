//! Names of exchanges, and their origin, as their comments and request lines state it.

use crate::text::exchange::{Entry, Exchange};
use crate::text::redact::mask_target;
use crate::world::journal;

/// Returns whether another exchange of a printed journal causes this one: a request of a batch, or a call to a connector.
///
/// The first comment is the name of the exchange, so it never marks one.
pub(super) fn is_caused_by_another(exchange: &Exchange) -> bool {
    exchange.comments.iter().skip(1).any(|comment| comment == journal::CALL || comment.starts_with(journal::IN_BATCH))
}

/// Returns method and target, with templates as written.
pub(super) fn request_line(entry: &Entry) -> String {
    let names = entry.templates.iter().map(|template| (template.name.clone(), format!("{{{{{}}}}}", template.name)));
    let filled = entry.fill(&names.collect());
    let target = filled.map_or_else(|_| entry.exchange.request.target.clone(), |exchange| exchange.request.target);
    format!("{} {}", entry.exchange.request.method, mask_target(&target))
}

/// Returns the comment that names an exchange.
pub(super) fn title(exchange: &Exchange) -> Option<&str> {
    const SETTINGS: [&str; 3] = ["behavior: ", "profile: ", "source: "];
    let is_title = |comment: &&String| !comment.is_empty() && !SETTINGS.iter().any(|setting| comment.starts_with(setting));
    exchange.comments.iter().find(is_title).map(String::as_str)
}
