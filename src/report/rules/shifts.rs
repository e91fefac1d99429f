//! Shifts: integrations and connectors.

use std::collections::HashMap;

use http::Method;

use crate::policy::permissions::TokenKind;
use crate::report::evidence::{Call, Integration, Place, Run};
use crate::report::hits::Hits;

/// The length of a secret.
const SECRET: usize = 64;

/// Adds the requests that say something of an integration.
fn with_integration(run: &Run<'_>, find: fn(&Call<'_>, &Integration) -> Option<String>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        if let Some(detail) = call.sent.as_ref().and_then(|sent| find(call, sent.integration.as_ref()?)) {
            hits.add(call, || detail);
        }
    }
    hits
}

pub(super) fn integration_secret(run: &Run<'_>) -> Hits {
    with_integration(run, |_, integration| {
        let length = integration.secret_length.filter(|length| *length != SECRET)?;
        Some(format!("the secret has {length} characters"))
    })
}

pub(super) fn integration_without_tls(run: &Run<'_>) -> Hits {
    with_integration(run, |_, integration| integration.is_plain.then(|| "the `url` begins with http://".to_owned()))
}

pub(super) fn integration_without_encryption(run: &Run<'_>) -> Hits {
    with_integration(run, |call, integration| {
        let is_missing = call.method == Method::POST && !integration.has_encryption;
        is_missing.then(|| "the body has no `encryption`".to_owned())
    })
}

pub(super) fn several_integrations(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        let bound = call.sent.as_ref().map_or(0, |sent| sent.bound_integrations);
        if bound > 1 {
            hits.add(call, || format!("{bound} ids in `workforceIntegrationIds`"));
        }
    }
    hits
}

pub(super) fn no_passthrough(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // The calls for a change come before it.
    let mut consulted: HashMap<u64, u64> = HashMap::new();
    for call in &run.calls {
        match call.place {
            Place::Connector if !call.is_notification && call.path.trim_end_matches('/').ends_with("/update") => {
                consulted.extend(call.cause.map(|cause| (cause, call.number)));
            }
            Place::Graph => {
                let is_application = call.token.as_ref().is_some_and(|token| token.kind == TokenKind::Application);
                let is_silent = call.header("x-ms-wfmpassthrough").is_none();
                if let Some(number) = consulted.remove(&call.number).filter(|_| is_application && is_silent && !call.is_read()) {
                    hits.add(call, || format!("the connector was asked by request {number}"));
                }
            }
            _ => {}
        }
    }
    hits
}

pub(super) fn connector_status(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.connectors().filter(|call| call.status != 0 && call.status != 200) {
        hits.about("answers of connectors", call, || format!("status {}", call.status));
    }
    hits
}

pub(super) fn connector_silent(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.connectors().filter(|call| call.ended_by == Some("timeout")) {
        hits.about("answers of connectors", call, || "no answer in time");
    }
    hits
}

pub(super) fn connector_undecided(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.connectors() {
        if call.verdict.as_deref().is_some_and(|verdict| verdict.contains(" approved implicitly: ")) {
            hits.about(
                "answers of connectors",
                call,
                || "an element has no item with its id and a status, which counts as approval",
            );
        }
    }
    hits
}
