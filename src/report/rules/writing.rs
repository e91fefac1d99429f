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
            hits.add(call, || format!("{detail}: {}", listed(members)));
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
            hits.add(call, || format!("refused with {}; the members were {}", call.status, listed(&sent.members)));
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
    let mut read: HashMap<(&str, &str), &[String]> = HashMap::new();
    for call in run.graph() {
        let is_entity = call.used.as_ref().is_some_and(|used| used.is_entity);
        if !is_entity {
            continue;
        }
        if call.is_read() && call.got.members.len() >= WHOLE && call.option("select").is_none() {
            read.insert((&call.path, call.caller()), &call.got.members);
        } else if call.method == Method::PATCH
            && let (Some(sent), Some(members)) = (&call.sent, read.get(&(&*call.path, call.caller())))
        {
            let named: HashSet<&str> = sent.members.iter().map(String::as_str).collect();
            let structured = call.used.as_ref().and_then(|used| used.structured);
            // Models of clients do not have former names.
            let is_former = |member: &str| {
                let property = structured.and_then(|structured| Some(&structured.properties[structured.property(member)?]));
                property.is_some_and(|property| property.alias.is_some())
            };
            if members.iter().all(|member| named.contains(member.as_str()) || is_former(member)) {
                hits.add(call, || format!("all {} members that were read", members.len()));
            }
        }
    }
    hits
}

pub(super) fn lost_update(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // The members that each caller has read of an entity, all of them without names, and the last change of each member.
    let mut read: HashMap<(&str, &str), HashMap<Option<&str>, u64>> = HashMap::new();
    let mut changed: HashMap<(&str, &str), (u64, &str)> = HashMap::new();
    for call in run.graph().filter(|call| call.used.as_ref().is_some_and(|used| used.is_entity) && call.is_success()) {
        let caller = call.caller();
        if call.is_read() {
            if call.got.has_tag {
                let known = read.entry((&call.path, caller)).or_default();
                let names = call.option("select").into_iter().flat_map(|names| names.split(',')).map(str::trim);
                let selected: Vec<Option<&str>> = names.filter(|name| *name != "*").map(Some).collect();
                let selected = if selected.is_empty() { vec![None] } else { selected };
                known.extend(selected.into_iter().map(|name| (name, call.number)));
            }
            continue;
        }
        let lost = read.get(&(&*call.path, caller)).filter(|_| call.header("if-match").is_none()).and_then(|known| {
            call.changed.iter().find_map(|member| {
                let name = member.split('/').next();
                let read = known.get(&None).max(known.get(&name)).copied()?;
                let (number, other) = changed.get(&(&*call.path, member.as_str()))?;
                (*number > read && *other != caller).then_some((read, *number, member))
            })
        });
        // It may have seen the change in a list, or by another path.
        let key = call.path.rsplit('/').next().unwrap_or_default();
        if let Some((read, number, member)) = lost
            && !run.has_seen(caller, key, number + 1..call.number)
        {
            let detail = || format!("read by request {read}; another client has changed {member} with request {number}");
            hits.add(call, detail);
        }
        changed.extend(call.changed.iter().map(|member| ((&*call.path, member.as_str()), (call.number, caller))));
    }
    hits
}
