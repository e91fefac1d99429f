//! Identity: how clients get and use tokens.

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use crate::report::digest::number;
use crate::report::evidence::{Call, Place, Run};
use crate::report::hits::Hits;

/// The number of requests with which a token was worth its while.
const REQUESTS: usize = 3;

/// The number of early tokens from which on they count as not kept.
const EARLY: usize = 2;

/// The seconds for which most tokens are valid, with a margin.
const VALIDITY: f64 = 3000.0;

fn field<'c>(call: &'c Call<'_>, name: &str) -> Option<&'c str> {
    call.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Returns the requests to an endpoint of the token service.
fn at<'r, 'w>(run: &'r Run<'w>, place: Place) -> impl Iterator<Item = &'r Call<'w>> {
    run.calls.iter().filter(move |call| call.place == place)
}

pub(super) fn no_token_cache(run: &Run<'_>) -> Hits {
    struct Issued<'r, 'w> {
        last: &'r Call<'w>,
        /// The number of requests before it.
        requests: usize,
        early: Vec<&'r Call<'w>>,
    }
    let mut hits = Hits::default();
    let mut requests = 0;
    let mut issued: HashMap<u64, Issued<'_, '_>> = HashMap::new();
    for call in &run.calls {
        requests += usize::from(matches!(call.place, Place::Graph | Place::Batch) && call.batch.is_none());
        let is_kept = matches!(field(call, "grant_type"), Some("client_credentials" | "password"));
        if call.place != Place::Token || !is_kept || !call.is_success() {
            continue;
        }
        let known = issued.entry(number(&(&call.path, &call.form, call.user))).or_insert_with(|| Issued {
            last: call,
            requests,
            early: Vec::new(),
        });
        let is_other = known.last.number != call.number;
        if is_other && requests - known.requests < REQUESTS && call.seconds_since(known.last, true) < VALIDITY {
            known.early.push(call);
        }
        (known.last, known.requests) = (call, requests);
    }
    let mut all: Vec<Issued<'_, '_>> = issued.into_values().filter(|issued| issued.early.len() >= EARLY).collect();
    all.sort_by_key(|issued| issued.last.number);
    for call in all.into_iter().flat_map(|issued| issued.early) {
        hits.add(call, || "the same token was asked for while the one before was valid, and had hardly been used");
    }
    hits
}

pub(super) fn expired_token(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.sent() {
        let now = call.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let until = call.token.as_ref().and_then(|token| token.until).and_then(|until| u64::try_from(until).ok());
        if let Some(until) = until.filter(|until| *until <= now) {
            hits.add(call, || format!("the token had expired {} s before", now - until));
        }
    }
    hits
}

pub(super) fn secret_in_address(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.calls.iter().filter(|call| call.place != Place::Connector && call.batch.is_none()) {
        if !call.secrets_in_query.is_empty() {
            hits.add(call, || format!("parameters: {}", call.secrets_in_query.join(", ")));
        }
    }
    hits
}

pub(super) fn mixed_default_scope(run: &Run<'_>) -> Hits {
    const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];
    let mut hits = Hits::default();
    for call in at(run, Place::Token).chain(at(run, Place::Authorize)) {
        let scopes: Vec<&str> = field(call, "scope").unwrap_or_default().split_ascii_whitespace().collect();
        let (default, others): (Vec<&str>, Vec<&str>) = scopes.iter().partition(|scope| scope.ends_with("/.default"));
        if !default.is_empty() && others.iter().any(|scope| !SIGN_IN.contains(scope)) {
            hits.add(call, || format!("scopes: {}", scopes.join(" ")));
        }
    }
    hits
}

pub(super) fn password_grant(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in at(run, Place::Token).filter(|call| field(call, "grant_type") == Some("password")) {
        hits.add(call, || "grant_type=password");
    }
    hits
}

pub(super) fn implicit_grant(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in at(run, Place::Authorize) {
        let response_type = field(call, "response_type").unwrap_or_default();
        if response_type.split_ascii_whitespace().any(|part| part == "token") {
            hits.add(call, || format!("response_type={response_type}"));
        }
    }
    hits
}
