//! Access log: one line per request, and one per detail that explains its answer.

use std::time::Instant;

use crate::entra::token_service::EntraRoute;
use crate::graph::request::Request;
use crate::graph::step::Answer;
use crate::odata::error::Error;
use crate::text::redact::{mask_target, mask_text};
use crate::text::truncate::truncate;
use crate::text::visible::visible;
use crate::world::outbound::CallRecord;

/// Maximum number of characters of a target.
const TARGET_LIMIT: usize = 300;

pub(super) fn log(request: &Request, answer: &Answer, started: Instant) {
    let (method, path) = (&request.method, shortened_target(request));
    let status = answer.response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let faults = answer.applied_rules.as_ref().map(|rules| format!(" (fault: {rules})")).unwrap_or_default();
    match &answer.refused {
        None => {
            let stub = answer.stub.as_ref().map(|place| format!(" by the stub {}", visible(place))).unwrap_or_default();
            tracing::info!("{method} {path} {status} {micros}us{faults}{stub}");
        }
        Some(error) => {
            tracing::info!("{method} {path} {status} {micros}us{faults} refused by {}", refusal(error));
        }
    }
    for (place, error) in &answer.refused_items {
        tracing::info!("{method} {path}: requests[{place}] refused by {}", refusal(error));
    }
    for CallRecord { url, verdict, .. } in &answer.calls {
        tracing::info!("{method} {path}: called {}: {}", visible(url), visible(&mask_text(verdict)));
    }
    for place in &answer.skipped {
        let reason = if place.contains('$') { "not in its type" } else { "its type has no tags" };
        tracing::info!("{method} {path}: skipped {}: {reason}", visible(place));
    }
}

/// Returns the name of a refusal, with its detail if it has one.
fn refusal(error: &Error) -> String {
    let name = error.refusal.name;
    error.detail.as_deref().map_or_else(|| name.to_owned(), |detail| format!("{name}: {}", visible(&mask_text(detail))))
}

/// Returns path and redacted query: query options often explain an answer.
fn shortened_target(request: &Request) -> String {
    let whole = match request.target.path_and_query() {
        // Queries of the token service may be secrets.
        Some(target) if EntraRoute::of(request.path()).is_some() => target.path().to_owned(),
        Some(target) => mask_target(target.as_str()),
        None => "/".to_owned(),
    };
    truncate(&whole, TARGET_LIMIT).into_owned()
}
