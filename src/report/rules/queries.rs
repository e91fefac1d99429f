//! Queries: options and headers of reads.

use crate::report::evidence::{Call, Run};
use crate::report::hits::Hits;

/// The number of requests from which on a habit counts as one.
const HABIT: usize = 5;

/// The codings that compress.
const CODINGS: [&str; 5] = ["gzip", "br", "deflate", "zstd", "*"];

/// The refusals of advanced queries.
const LEVEL_REFUSALS: [&str; 4] = ["cast-needs-level", "count-needs-level", "search-needs-level", "query-needs-level"];

/// The refusals of conditions.
const FILTER_REFUSALS: [&str; 7] = [
    "filter-property",
    "filter-by-secret",
    "filter-operator",
    "filter-repeated",
    "filter-form",
    "inefficient-filter",
    "unknown-filter-property",
];

pub(super) fn advanced_query(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.is_read()) {
        let is_eventual = call.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
        // The header alone is enough for a count.
        let has_count =
            call.path.ends_with("/$count") || call.option("count").is_some_and(|count| count.eq_ignore_ascii_case("true"));
        if call.refused_by.is_some_and(|name| LEVEL_REFUSALS.contains(&name)) {
            hits.add(call, || format!("refused with {}", call.status));
        } else if is_advanced(call) && !(is_eventual && has_count) {
            let missing = if is_eventual { "`$count=true`" } else { "`ConsistencyLevel: eventual`" };
            hits.add(call, || format!("{missing} is missing"));
        }
    }
    hits
}

/// Whether the directory takes a query only as an advanced one.
fn is_advanced(call: &Call<'_>) -> bool {
    let structured = call.used.as_ref().and_then(|used| used.structured);
    if structured.is_none_or(|structured| structured.rare().eventual.is_none()) {
        return false;
    }
    // Every second piece between quotes is a text.
    let filter = call.option("filter").unwrap_or_default().to_ascii_lowercase();
    let filter = filter.split('\'').step_by(2).collect::<Vec<&str>>().join("''");
    let is_advanced = [" ne ", "not(", "not ", "endswith("].iter().any(|operator| filter.contains(operator));
    is_advanced || !filter.is_empty() && call.option("orderby").is_some()
}

pub(super) fn refused_filter(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        if let Some(name) = call.refused_by.filter(|name| FILTER_REFUSALS.contains(name)) {
            hits.add(call, || format!("refused with {} ({name})", call.status));
        }
    }
    hits
}

pub(super) fn full_metadata(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let reads: Vec<&Call<'_>> = run.sent().filter(|call| call.is_read()).collect();
    let is_full = |call: &&&Call<'_>| {
        let accept = call.header("accept").unwrap_or_default().to_ascii_lowercase();
        accept.contains("metadata=full")
    };
    if reads.len() >= HABIT && reads.iter().all(|call| is_full(&call)) {
        for call in reads {
            hits.about("all reads", call, || "each read asked for it");
        }
    }
    hits
}

pub(super) fn no_compression(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let is_packable = |call: &&Call<'_>| call.is_read() && call.used.as_ref().is_some_and(|used| used.is_list);
    let lists: Vec<&Call<'_>> = run.sent().filter(is_packable).collect();
    let asks = |call: &&Call<'_>| {
        call.header("accept-encoding")
            .is_some_and(|coding| CODINGS.iter().any(|known| coding.to_ascii_lowercase().contains(known)))
    };
    if lists.len() >= HABIT && !lists.iter().any(asks) {
        for call in lists {
            hits.about("all lists", call, || "no request for a list accepted a coding");
        }
    }
    hits
}

pub(super) fn prefer_not_applied(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.is_success()) {
        let Some(prefer) = call.header("prefer") else { continue };
        let applied = call.preference_applied.as_deref().unwrap_or_default().to_ascii_lowercase();
        let name = |preference: &str| preference.split(['=', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
        let ignored: Vec<String> =
            prefer.split(',').map(name).filter(|name| !name.is_empty() && !applied.contains(name)).collect();
        if !ignored.is_empty() {
            hits.add(call, || format!("not in Preference-Applied: {}", ignored.join(", ")));
        }
    }
    hits
}
