//! Paging: links followed, altered, invented, abandoned.

use std::collections::{HashMap, HashSet};

use crate::report::digest::number;
use crate::report::evidence::{Call, Link, Run};
use crate::report::hits::Hits;

/// The options that only links give.
const TOKENS: [&str; 2] = ["skiptoken", "deltatoken"];

/// The number of readings of a list from which on it counts as polled.
const POLLED: usize = 10;

/// Returns the token of a request for a page: the option and its value.
fn token(link: &Link) -> Option<(&'static str, &str)> {
    TOKENS.iter().find_map(|name| Some((*name, link.option(name)?)))
}

/// Returns a number of the path and the page of a link.
fn page(link: &Link) -> Option<u64> {
    let skip = || Some(("skip", link.option("skip")?));
    token(link).or_else(skip).map(|(name, value)| number(&(link.path.as_str(), name, value)))
}

pub(super) fn invented_token(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // A link may have been in an entry that is gone.
    if run.dropped > 0 || run.is_cleared {
        return hits;
    }
    let mut given: HashSet<u64> = HashSet::new();
    for call in run.graph() {
        let link = Link::to(call);
        if let Some((name, value)) = token(&link)
            && !value.eq_ignore_ascii_case("latest")
            && !given.contains(&number(&value))
            && call.status >= 400
            // A token from an earlier run may be too old.
            && call.status != 410
            && !call.is_injected
        {
            hits.add(call, || format!("no answer had a link with this ${name}"));
        }
        for link in call.got.links() {
            given.extend(token(link).map(|(_, value)| number(&value)));
        }
    }
    hits
}

pub(super) fn altered_link(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    // The options of all links to a page, and the last of these links.
    let mut given: HashMap<u64, (HashSet<u64>, &Link)> = HashMap::new();
    for call in run.graph() {
        let link = Link::to(call);
        if let Some((options, known)) = page(&link).and_then(|page| given.get(&page))
            && !options.contains(&number(&link.options))
        {
            let names = |link: &Link| link.options.iter().map(|(name, _)| format!("${name}")).collect::<Vec<_>>().join(" ");
            hits.add(call, || format!("the link has {}, the request has {}", names(known), names(&link)));
        }
        for link in call.got.links() {
            if let Some(page) = page(link) {
                let (options, last) = given.entry(page).or_insert_with(|| (HashSet::new(), link));
                options.insert(number(&link.options));
                *last = link;
            }
        }
    }
    hits
}

pub(super) fn computed_skip(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut pages: HashSet<u64> = HashSet::new();
    let mut linked: HashSet<&str> = HashSet::new();
    for call in run.graph() {
        let link = Link::to(call);
        let is_further = link.option("skip").is_some_and(|skip| skip != "0") && token(&link).is_none();
        if is_further && linked.contains(&*call.path) && !page(&link).is_some_and(|page| pages.contains(&page)) {
            hits.add(call, || "the list gave a next link, which was not followed");
        }
        if let Some(next) = &call.got.next {
            pages.extend(page(next));
            linked.insert(&call.path);
        }
    }
    hits
}

/// Returns the pages whose next link was not followed.
fn abandoned<'r, 'w>(run: &'r Run<'w>) -> Vec<&'r Call<'w>> {
    let mut open: HashMap<u64, Vec<&Call<'_>>> = HashMap::new();
    for call in run.graph() {
        if let Some(page) = page(&Link::to(call)) {
            open.remove(&page);
        }
        if let Some(page) = call.got.next.as_ref().and_then(page) {
            open.entry(page).or_default().push(call);
        }
    }
    let mut left: Vec<&Call<'_>> = open.into_values().flatten().collect();
    left.sort_by_key(|call| call.number);
    left
}

/// Whether a page is the first of its list. Who follows a link and then stops has read enough, except of changes.
fn is_first(call: &Call<'_>) -> bool {
    page(&Link::to(call)).is_none() || call.path.ends_with("delta") || call.path.ends_with("delta()")
}

pub(super) fn abandoned_list(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in abandoned(run).into_iter().filter(|call| !call.got.is_empty && call.option("top").is_none() && is_first(call)) {
        hits.add(call, || "there are more entities than the ones that were read");
    }
    hits
}

pub(super) fn empty_page_end(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    for call in abandoned(run).into_iter().filter(|call| call.got.is_empty) {
        hits.add(call, || "the page was empty, and had a next link");
    }
    hits
}

pub(super) fn polling(run: &Run<'_>) -> Hits {
    let mut hits = Hits::default();
    let mut readings: HashMap<(u64, &str), usize> = HashMap::new();
    for call in run.graph().filter(|call| call.is_read() && call.is_success()) {
        let is_list = call.used.as_ref().is_some_and(|used| used.is_list);
        if !is_list || page(&Link::to(call)).is_some() {
            continue;
        }
        let count = readings.entry((call.same_of_caller(), call.caller())).or_default();
        *count += 1;
        if *count >= POLLED {
            hits.add(call, || format!("read {count} times or more, {POLLED} are too many"));
        }
    }
    hits
}
