//! The part of a tree that its collections know: the budget, and whether anything has changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;

use super::baseline::Baseline;
use super::changes::Changes;
use super::links::{LinkChanges, LinkIndex};
use super::{CollectionAddress, EntityAddress, StoreFull};
use crate::world::budget::Budget;

/// The initial entities of a tree.
#[derive(Debug, Default)]
pub(super) struct TreeBaseline {
    pub(super) root: Arc<Baseline>,
    pub(super) contained: BTreeMap<CollectionAddress, Arc<Baseline>>,
    /// The links in it, found when they are first needed.
    links: OnceLock<LinkIndex>,
}

impl TreeBaseline {
    pub(super) fn of(root: Arc<Baseline>, contained: BTreeMap<CollectionAddress, Arc<Baseline>>) -> TreeBaseline {
        TreeBaseline { root, contained, links: OnceLock::new() }
    }

    /// Returns the links in the baseline by the entities that they lead to.
    pub(super) fn links(&self) -> &LinkIndex {
        self.links.get_or_init(|| LinkIndex::of(&self.contained))
    }
}

/// The part of a tree that its collections know.
#[derive(Debug)]
pub(super) struct TreeShare {
    pub(super) budget: Arc<Budget>,
    /// Whether the tree differs from its baseline, from the entities that were last collected, and from those that were last saved.
    changes: AtomicU8,
    /// The entities as they are, if they were collected and have not changed since.
    collected: ArcSwapOption<TreeBaseline>,
    /// Held while they are collected.
    collecting: Mutex<()>,
    /// The links that differ from those of the baseline.
    links: LinkChanges,
    /// The changes of the root collection, and of the links of its entities.
    pub(super) root_changes: Changes,
    /// The changes of all contained collections.
    pub(super) nested_changes: Changes,
}

/// The tree differs from its baseline.
const CHANGED: u8 = 1;
/// The tree differs from the collected entities.
const OUTDATED: u8 = 2;
/// The tree differs from the saved entities.
const UNSAVED: u8 = 4;
/// All of these, after a change.
const ALL: u8 = CHANGED | OUTDATED | UNSAVED;

impl TreeShare {
    pub(super) fn new(budget: Arc<Budget>) -> TreeShare {
        TreeShare {
            budget,
            changes: AtomicU8::new(OUTDATED),
            collected: ArcSwapOption::empty(),
            collecting: Mutex::default(),
            links: LinkChanges::default(),
            root_changes: Changes::default(),
            nested_changes: Changes::default(),
        }
    }

    /// Records a change that was made. Only the first one after the entities were collected or saved writes to memory that all cores share.
    ///
    /// A change that was made after its shard was collected sees that the tree is up to date, since both hold the lock of the shard.
    pub(super) fn record_change(&self) {
        if self.changes.load(Ordering::Acquire) != ALL {
            self.changes.store(ALL, Ordering::Release);
            self.collected.store(None);
        }
    }

    /// Records that a collection has a link to an entity now.
    pub(super) fn record_link(&self, target: &EntityAddress, place: &CollectionAddress, key: &Arc<str>) {
        self.links.add(&self.budget, target, place, key);
        self.root_changes.add_link(&self.budget, place, target);
    }

    /// Records that a collection does not have the link to an entity any more.
    pub(super) fn record_unlink(&self, target: &EntityAddress, place: &CollectionAddress, is_initial: bool) {
        self.links.remove(&self.budget, target, place, is_initial);
        self.root_changes.add_link(&self.budget, place, target);
    }

    /// Returns the bytes of the records of links.
    pub(super) fn link_bytes(&self) -> usize {
        self.links.bytes() + self.root_changes.bytes() + self.nested_changes.bytes()
    }

    /// Returns the links to an entity: the collections that have them, and their keys. Some may be gone.
    pub(super) fn links_to(&self, baseline: &TreeBaseline, target: &EntityAddress) -> Vec<(CollectionAddress, Arc<str>)> {
        self.links.links_to(baseline.links(), target)
    }

    /// Returns the key of the link to an entity in a collection. It may be gone.
    pub(super) fn link_key(
        &self,
        baseline: &TreeBaseline,
        place: &CollectionAddress,
        target: &EntityAddress,
    ) -> Option<Arc<str>> {
        self.links.key_in(baseline.links(), place, target)
    }

    /// Whether there may be links.
    pub(super) fn has_links(&self, baseline: &TreeBaseline) -> bool {
        self.links.may_have_some(baseline.links())
    }

    pub(super) fn has_changed(&self) -> bool {
        self.changes.load(Ordering::Acquire) & CHANGED != 0
    }

    /// Takes the entities as saved, which are read from now on.
    pub(super) fn begin_saving(&self) {
        self.changes.fetch_and(!UNSAVED, Ordering::AcqRel);
    }

    /// Whether there was a change since the last [`TreeShare::begin_saving`].
    pub(super) fn is_unsaved(&self) -> bool {
        self.changes.load(Ordering::Acquire) & UNSAVED != 0
    }

    fn is_outdated(&self) -> bool {
        self.changes.load(Ordering::Acquire) & OUTDATED != 0
    }

    /// Returns the entities as they are, collected by a function unless they were already.
    pub(super) fn collected(
        &self,
        collect: impl FnOnce() -> Result<Arc<TreeBaseline>, StoreFull>,
    ) -> Result<Arc<TreeBaseline>, StoreFull> {
        let _alone = self.collecting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(collected) = self.collected.load_full().filter(|_| !self.is_outdated()) {
            return Ok(collected);
        }
        // A change from here on makes the result outdated.
        self.changes.fetch_and(!OUTDATED, Ordering::AcqRel);
        let collected = collect();
        match &collected {
            Ok(baseline) => self.collected.store(Some(baseline.clone())),
            Err(_) => _ = self.changes.fetch_or(OUTDATED, Ordering::AcqRel),
        }
        if self.is_outdated() {
            self.collected.store(None);
        }
        collected
    }

    pub(super) fn full(&self) -> StoreFull {
        StoreFull::of_all(self.budget.limit())
    }
}

impl Drop for TreeShare {
    fn drop(&mut self) {
        self.budget.change(0, self.links.bytes() + self.root_changes.bytes() + self.nested_changes.bytes());
    }
}
