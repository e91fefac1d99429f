//! Headers and connections.

use std::collections::{HashMap, HashSet};

use crate::policy::permissions::TokenKind;
use crate::report::evidence::{Call, Run};
use crate::report::hits::Hits;
use crate::world::journal::Protocol;

/// The number of requests from which on a habit counts as one.
const HABIT: usize = 5;

/// The seconds after which clients may have closed an idle connection. Those of Node.js close it after five.
const IDLE: f64 = 4.0;

/// The number of different requests from which on an id is shared.
const SHARED: usize = 3;

/// The beginnings of what libraries send when their user says nothing.
const LIBRARIES: [&str; 21] = [
    "aiohttp/",
    "apache-httpclient/",
    "axios/",
    "curl/",
    "deno/",
    "go-http-client/",
    "java-http-client/",
    "java/",
    "jersey/",
    "kiota-go/",
    "kiota-java/",
    "kiota-typescript/",
    "node",
    "okhttp/",
    "python-httpx/",
    "python-requests/",
    "python-urllib",
    "reactornetty/",
    "reqwest",
    "undici",
    "wget/",
];

pub(super) fn no_client_request_id(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.sent().filter(|call| call.header("client-request-id").is_none_or(str::is_empty)) {
        hits.about("requests without client-request-id", call, || "the header is missing");
    }
    hits
}

pub(super) fn shared_client_request_id(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut known: HashMap<&str, HashSet<u64>> = HashMap::new();
    for call in run.sent() {
        let Some(id) = call.header("client-request-id").filter(|id| !id.is_empty()) else { continue };
        // A retry has the id of the request.
        let requests = known.entry(id).or_default();
        if requests.insert(call.same()) && requests.len() >= SHARED {
            hits.about("requests with one client-request-id", call, || {
                format!("{SHARED} different requests or more have one id")
            });
        }
    }
    hits
}

pub(super) fn no_user_agent(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.sent() {
        let agent = call.header("user-agent").unwrap_or_default().to_ascii_lowercase();
        if agent.is_empty() {
            hits.about("requests without User-Agent", call, || "the header is missing");
        } else if LIBRARIES.iter().any(|library| agent.starts_with(library)) {
            hits.about("requests with the User-Agent of a library", call, || "the header names the library alone");
        }
    }
    hits
}

pub(super) fn no_accept_language(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.sent() {
        let is_of_user = call.token.as_ref().is_some_and(|token| token.kind != TokenKind::Application);
        // The default of fetch, `*`, names none.
        let has_language = call.header("accept-language").is_some_and(|languages| languages.trim() != "*");
        if is_of_user && (400..500).contains(&call.status) && !has_language {
            hits.about("errors for users", call, || format!("answered with {}", call.status));
        }
    }
    hits
}

pub(super) fn new_connections(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut counts: HashMap<u32, usize> = HashMap::new();
    // The tests of a suite have tokens of their own, and often clients too.
    let mut clients: HashMap<(&str, u64), Vec<&Call<'_>>> = HashMap::new();
    for call in run.sent() {
        if let Some(connection) = call.connection {
            *counts.entry(connection).or_default() += 1;
            clients.entry((call.caller(), call.token_number)).or_default().push(call);
        }
    }
    let mut clients: Vec<Vec<&Call<'_>>> = clients.into_values().collect();
    clients.sort_by_key(|calls| calls[0].number);
    for mut calls in
        clients.into_iter().filter(|calls| calls.iter().all(|call| call.connection.is_some_and(|at| counts[&at] == 1)))
    {
        calls.sort_by_key(|call| (call.opened, call.began, call.number));
        let needless = needless_connections(&calls);
        // The first connection is needed, and some for requests at once.
        if needless.len() + 1 >= HABIT && needless.len() * 4 >= calls.len() * 3 {
            for call in needless {
                hits.about("connections", call, || format!("{} requests, each on a connection of its own", calls.len()));
            }
        }
    }
    hits
}

/// Returns the requests whose connection was opened while another one was idle, which is then taken to be in use again.
fn needless_connections<'r, 'w>(calls: &[&'r Call<'w>]) -> Vec<&'r Call<'w>> {
    let mut open: Vec<&Call<'_>> = Vec::new();
    let mut needless = Vec::new();
    for call in calls {
        // Clients close what is idle for long.
        open.retain(|earlier| call.seconds_since(earlier, true) < IDLE);
        if let Some(index) = open.iter().position(|earlier| earlier.ended <= call.opened) {
            open.swap_remove(index);
            needless.push(*call);
        }
        if call.ended_by.is_none() {
            open.push(call);
        }
    }
    needless
}

pub(super) fn http_1_0(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.sent().filter(|call| call.protocol == Protocol::Http10) {
        hits.about("requests with HTTP/1.0", call, || "the version of the request is HTTP/1.0");
    }
    hits
}
