//! Data: how much is read, and with how many requests.

use std::collections::{HashMap, HashSet};

use crate::report::digest::number;
use crate::report::evidence::{Call, Link, Run, holders};
use crate::report::hits::Hits;

/// The number of members from which on a type is large.
const LARGE: usize = 30;

/// The number of items read one by one from which on a list is read N + 1 times.
const ITEMS: usize = 5;

/// The most requests of a batch (learn.microsoft.com/graph/json-batching).
const BATCH: usize = 20;

pub(super) fn no_select(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in run.graph().filter(|call| call.is_read() && call.is_success() && call.option("select").is_none()) {
        let Some(used) = &call.used else { continue };
        let members = used.structured.map_or(0, |structured| structured.properties.len());
        if members > LARGE && (used.is_list || used.is_entity) {
            hits.add(call, || format!("the type has {members} members; which ones the client uses cannot be seen"));
        }
    }
    hits
}

pub(super) fn n_plus_one(run: &Run<'_>) -> Hits {
    struct List<'r> {
        number: u64,
        ids: &'r HashSet<u64>,
        read: HashSet<u64>,
    }
    let mut hits = Hits::default();
    let mut lists: HashMap<(&str, &str), List<'_>> = HashMap::new();
    for call in run.graph().filter(|call| call.is_read() && call.is_success()) {
        // Files are not sent in batches.
        let is_file = ["$value", "content"].contains(&call.path.rsplit('/').next().unwrap_or_default());
        if call.batch.is_none() && !is_file && !lists.is_empty() {
            let caller = call.caller();
            for holder in holders(&call.path) {
                let Some(list) = lists.get_mut(&(holder, caller)) else { continue };
                let id = call.path[holder.len() + 1..].split('/').next().unwrap_or_default();
                let id = number(&&*crate::text::form::percent_decoded(id));
                if list.ids.contains(&id)
                    && list.read.insert(id)
                    && list.read.len() >= ITEMS
                    && list.read.len() * 2 > list.ids.len()
                {
                    hits.add(call, || format!("{} items or more of the list of request {}", ITEMS, list.number));
                }
            }
        }
        if !call.got.ids.is_empty() {
            lists.insert((&call.path, call.caller()), List { number: call.number, ids: &call.got.ids, read: HashSet::new() });
        }
    }
    hits
}

pub(super) fn unbatched(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut row: HashSet<u64> = HashSet::new();
    let mut last: Option<&Call<'_>> = None;
    for call in run.sent() {
        let is_same_token = last.is_none_or(|last| last.token_number == call.token_number);
        let link = Link::to(call);
        let is_page = ["skiptoken", "deltatoken", "skip"].iter().any(|name| link.option(name).is_some());
        let is_single = call.is_read() && call.is_success() && !is_page && call.used.is_some();
        if !is_single || !is_same_token {
            row.clear();
        }
        if is_single && row.insert(call.same()) && row.len() == BATCH {
            hits.about("single reads", call, || {
                format!("{BATCH} different reads in a row, the last one is request {}", call.number)
            });
            row.clear();
        }
        last = Some(call);
    }
    hits
}
