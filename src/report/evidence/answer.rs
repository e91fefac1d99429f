//! The parts of an answer that rules read.

use std::collections::{BTreeMap, HashSet};

use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Link;
use crate::report::digest::number;
use crate::world::journal::RecordedEntry;

/// The parts of an answer that rules read.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// The link to the next page.
    pub(crate) next: Option<Link>,
    /// The link for later changes.
    pub(crate) later: Option<Link>,
    /// The number of items of a list.
    pub(crate) items: usize,
    /// Numbers of the ids of a list's items.
    pub(crate) ids: HashSet<u64>,
    /// The members of an entity, without annotations.
    pub(crate) members: Vec<String>,
    /// Whether an entity has a tag.
    pub(crate) has_tag: bool,
    /// Whether a value is `unknownFutureValue`.
    pub(crate) has_sentinel: bool,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "@odata.deltaLink")]
    later: Option<String>,
    value: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Entity {
        #[serde(default)]
        id: Option<String>,
    },
    Other(IgnoredAny),
}

impl Got {
    /// Returns the links to other pages.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.next.iter().chain(&self.later)
    }

    pub(super) fn of(entry: &RecordedEntry) -> Got {
        let body = entry.response_body();
        if body.first() != Some(&b'{') || !entry.status().is_some_and(|status| status.is_success()) {
            return Got::default();
        }
        let has_sentinel = memmem::find(body, b"\"unknownFutureValue").is_some();
        if memmem::find(body, b"\"value\":[").is_some()
            && let Ok(page) = serde_json::from_slice::<Page>(body)
        {
            let id = |item: &Item| match item {
                Item::Entity { id } => id.as_ref().map(|id| number(&id.as_str())),
                Item::Other(_) => None,
            };
            return Got {
                next: page.next.as_deref().map(Link::of),
                later: page.later.as_deref().map(Link::of),
                items: page.value.len(),
                ids: page.value.iter().filter_map(id).collect(),
                has_sentinel,
                ..Got::default()
            };
        }
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body) else { return Got::default() };
        let has_tag = members.contains_key("@odata.etag");
        let members = members.into_keys().filter(|name| !name.contains('@')).collect();
        Got { members, has_tag, has_sentinel, ..Got::default() }
    }
}
