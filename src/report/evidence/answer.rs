//! The parts of an answer that rules read.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Link;
use crate::report::digest::number;
use crate::text::json;
use crate::world::journal::RecordedEntry;

/// The parts of an answer that rules read.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// The link to the next page.
    pub(crate) next: Option<Link>,
    /// The link for later changes.
    pub(crate) later: Option<Link>,
    /// Whether a list has no items.
    pub(crate) is_empty: bool,
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
struct Page<'b> {
    #[serde(borrow)]
    value: Vec<Item<'b>>,
}

#[derive(Deserialize)]
struct Item<'b> {
    #[serde(default, borrow)]
    id: Option<Cow<'b, str>>,
}

/// Returns the link behind a member. Quotes in texts are escaped, so that the beginning of a member is found nowhere else.
fn link(body: &[u8], member: &str) -> Option<Link> {
    let start = memmem::find(body, member.as_bytes())? + member.len();
    let text = serde_json::Deserializer::from_slice(&body[start..]).into_iter::<String>().next()?;
    text.ok().as_deref().map(Link::of)
}

impl Got {
    /// Returns the links to other pages.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.next.iter().chain(&self.later)
    }

    /// Reads an answer: the ids of a list, and the members of an entity, if they are needed.
    #[allow(clippy::zero_sized_map_values, reason = "a set reads no object")]
    pub(super) fn of(entry: &RecordedEntry, needs_ids: bool, needs_members: bool) -> Got {
        let body = entry.response_body();
        if body.first() != Some(&b'{') || !entry.status().is_some_and(|status| status.is_success()) {
            return Got::default();
        }
        let has_sentinel = memmem::find(body, b"\"unknownFutureValue").is_some();
        if memmem::find(body, b"\"value\":[").is_some() {
            let page = needs_ids.then(|| json::read::<Page<'_>>(body).ok()).flatten();
            let items = page.iter().flat_map(|page| &page.value).filter_map(|item| item.id.as_ref());
            return Got {
                next: link(body, "\"@odata.nextLink\":"),
                later: link(body, "\"@odata.deltaLink\":"),
                is_empty: memmem::find(body, b"\"value\":[]").is_some(),
                ids: items.map(|id| number(&&**id)).collect(),
                has_sentinel,
                ..Got::default()
            };
        }
        let has_tag = memmem::find(body, b"\"@odata.etag\":").is_some();
        let members = needs_members.then(|| serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body).ok()).flatten();
        let members = members.into_iter().flatten().map(|(name, _)| name).filter(|name| !name.contains('@')).collect();
        Got { members, has_tag, has_sentinel, ..Got::default() }
    }
}
