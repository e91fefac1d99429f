//! Evolution: versions, deprecations, evolvable enums.

use std::collections::HashMap;
use std::rc::Rc;

use crate::graph::used;
use crate::report::deprecations::{self, Deprecation};
use crate::report::evidence::{Call, Run};
use crate::report::hits::{Hits, listed};

pub(super) fn beta_used(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut known: HashMap<Rc<str>, bool> = HashMap::new();
    for call in run.graph().filter(|call| call.path.get(..6).is_some_and(|version| version.eq_ignore_ascii_case("/beta/"))) {
        let is_in_v1 = || used::is_in_v1(run.world, &call.method, &call.path);
        if call.used.is_some() && *known.entry(call.operation()).or_insert_with(is_in_v1) {
            hits.add(call, || "v1.0 has it under the same path");
        }
    }
    hits
}

pub(super) fn deprecated(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        for row in deprecations_of(call) {
            let Deprecation { target, since, removal, replacement } = row;
            let better = replacement.map_or_else(String::new, |name| format!("; use {name}"));
            hits.about(format!("{} ({target})", call.operation()), call, || {
                format!("deprecated {since}, removed {removal}{better}")
            });
        }
    }
    hits
}

/// Returns the deprecations of the type, the operation, and the members of a request.
fn deprecations_of(call: &Call<'_>) -> Vec<Deprecation> {
    let Some(used) = &call.used else { return Vec::new() };
    let mut found: Vec<Deprecation> = used.called.as_deref().and_then(deprecations::of_operation).into_iter().collect();
    let Some(type_name) = call.type_name() else { return found };
    found.extend(deprecations::of_type(type_name));
    let selected = ["select", "expand", "filter", "orderby"].iter().filter_map(|name| call.option(name));
    // Every second piece between quotes is a text.
    let words = selected
        .flat_map(|text| text.split('\'').step_by(2))
        .flat_map(|text| text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_'));
    let sent = call.sent.iter().flat_map(|sent| sent.members.iter().map(String::as_str));
    let members = words.chain(sent).chain(call.path.rsplit('/').next()).filter(|name| !name.is_empty());
    for row in members.filter_map(|member| deprecations::of_member(type_name, member)) {
        if !found.contains(&row) {
            found.push(row);
        }
    }
    found
}

pub(super) fn sentinel_sent(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        if let Some(sent) = call.sent.as_ref().filter(|sent| !sent.sentinels.is_empty()) {
            hits.add(call, || format!("members with it: {}", listed(&sent.sentinels)));
        }
    }
    hits
}

pub(super) fn unknown_members(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.got.has_sentinel) {
        let asks = call.header("prefer").is_some_and(|prefer| prefer.contains("include-unknown-enum-members"));
        if !asks {
            hits.add(call, || "the answer has values that the client did not ask for by name");
        }
    }
    hits
}

pub(super) fn acts_as_header(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.header("ms-app-acts-as").is_some()) {
        hits.add(call, || "deprecated since June 2025");
    }
    hits
}
