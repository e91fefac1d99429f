//! Writing: members, tags, whole entities.

use std::collections::{HashMap, HashSet};

use http::Method;

use crate::report::evidence::{Run, Sent};
use crate::report::hits::{Hits, listed};

/// The number of members from which on an entity counts as a whole.
const WHOLE: usize = 5;

/// The answers that count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statuses {
    All,
    Success,
}

/// Adds the requests whose bodies have members of a kind.
fn with_members(run: &Run<'_>, detail: &str, pick: fn(&Sent) -> &[String], statuses: Statuses) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| statuses == Statuses::All || call.is_success()) {
        let members = call.sent.as_ref().map_or(&[][..], pick);
        if !members.is_empty() {
            hits.add(call, format!("{detail}: {}", listed(members)));
        }
    }
    hits
}

pub(super) fn ignored_members(run: &Run<'_>) -> Hits {
    with_members(run, "ignored", |sent| &sent.read_only, Statuses::Success)
}

pub(super) fn refused_members(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph() {
        let is_refused = matches!(call.refused_by, Some("read-only-property" | "unknown-property"));
        if let Some(sent) = call.sent.as_ref().filter(|_| is_refused) {
            hits.add(call, format!("refused with {}; the members were {}", call.status, listed(&sent.members)));
        }
    }
    hits
}

pub(super) fn unknown_enum_value(run: &Run<'_>) -> Hits {
    with_members(run, "members with such a value", |sent| &sent.unknown_values, Statuses::All)
}

pub(super) fn former_member(run: &Run<'_>) -> Hits {
    with_members(run, "former names", |sent| &sent.former, Statuses::All)
}

pub(super) fn put_drops(run: &Run<'_>) -> Hits {
    with_members(run, "dropped", |sent| &sent.dropped, Statuses::Success)
}

pub(super) fn whole_entity(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut read: HashMap<&str, &[String]> = HashMap::new();
    for call in run.graph() {
        let is_entity = call.used.as_ref().is_some_and(|used| used.is_entity);
        if !is_entity {
            continue;
        }
        if call.is_read() && call.got.members.len() >= WHOLE && call.option("select").is_none() {
            read.insert(&call.path, &call.got.members);
        } else if call.method == Method::PATCH
            && let (Some(sent), Some(members)) = (&call.sent, read.get(&*call.path))
        {
            let named: HashSet<&str> = sent.members.iter().map(String::as_str).collect();
            let structured = call.used.as_ref().and_then(|used| used.structured);
            // Models of clients do not have former names.
            let is_former = |member: &str| {
                let property = structured.and_then(|structured| Some(&structured.properties[structured.property(member)?]));
                property.is_some_and(|property| property.alias.is_some())
            };
            if members.iter().all(|member| named.contains(member.as_str()) || is_former(member)) {
                hits.add(call, format!("all {} members that were read", members.len()));
            }
        }
    }
    hits
}

pub(super) fn lost_update(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // When each caller has read an entity, and the last change of it.
    let mut read: HashMap<(&str, String), u64> = HashMap::new();
    let mut changed: HashMap<&str, (u64, String)> = HashMap::new();
    for call in run.graph().filter(|call| call.used.as_ref().is_some_and(|used| used.is_entity)) {
        let caller = call.caller();
        if call.is_read() && call.is_success() {
            if call.got.has_tag {
                read.insert((&call.path, caller), call.number);
            }
            continue;
        }
        let is_update = matches!(call.method, Method::PATCH | Method::PUT) && call.is_success();
        if !is_update {
            continue;
        }
        if let (Some(read), Some((number, other))) = (read.get(&(&*call.path, caller.clone())), changed.get(&*call.path))
            && number > read
            && *other != caller
            && call.header("if-match").is_none()
        {
            hits.add(call, format!("read by request {read}, changed by another client with request {number}"));
        }
        changed.insert(&call.path, (call.number, caller));
    }
    hits
}
