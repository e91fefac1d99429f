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

/// The beginning of the annotations that are read. Quotes in texts are escaped, so that it is found nowhere else.
const ANNOTATION: &[u8] = b"\"@odata.";

/// The annotations of an answer.
#[derive(Default)]
struct Annotations {
    next: Option<Link>,
    later: Option<Link>,
    has_tag: bool,
}

impl Annotations {
    /// Reads the annotations in one look at the text.
    fn of(body: &[u8]) -> Annotations {
        let mut found = Annotations::default();
        for at in memmem::find_iter(body, ANNOTATION) {
            let name = &body[at + ANNOTATION.len()..];
            if let Some(value) = name.strip_prefix(b"nextLink\":") {
                found.next = found.next.or_else(|| link(value));
            } else if let Some(value) = name.strip_prefix(b"deltaLink\":") {
                found.later = found.later.or_else(|| link(value));
            } else if name.starts_with(b"etag\":") {
                found.has_tag = true;
            }
        }
        found
    }
}

/// Returns the link at the beginning of a text.
fn link(value: &[u8]) -> Option<Link> {
    let text = serde_json::Deserializer::from_slice(value).into_iter::<Cow<'_, str>>().next()?;
    text.ok().as_deref().map(Link::of)
}

/// The beginning of a list.
const LIST: &[u8] = b"\"value\":[";

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
        let Annotations { next, later, has_tag } = Annotations::of(body);
        if let Some(at) = memmem::find(body, LIST) {
            let page = needs_ids.then(|| json::read::<Page<'_>>(body).ok()).flatten();
            let items = page.iter().flat_map(|page| &page.value).filter_map(|item| item.id.as_ref());
            return Got {
                next,
                later,
                is_empty: body.get(at + LIST.len()) == Some(&b']'),
                ids: items.map(|id| number(&&**id)).collect(),
                has_sentinel,
                ..Got::default()
            };
        }
        let members = needs_members.then(|| serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body).ok()).flatten();
        let members = members.into_iter().flatten().map(|(name, _)| name).filter(|name| !name.contains('@')).collect();
        Got { members, has_tag, has_sentinel, ..Got::default() }
    }
}
