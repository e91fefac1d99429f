//! The changes that one step of a request makes, wherever in the store they are.
//!
//! A step runs on one thread, so the changes of the thread while it runs are those of the step. Others, such as imports, are not recorded.

use std::cell::RefCell;
use std::sync::Arc;

use super::CollectionAddress;
use super::entity::StoredEntity;

/// The greatest number of changes that are recorded for one step.
const LIMIT: usize = 10_000;

thread_local! {
    static CHANGES: RefCell<Option<Vec<StoreChange>>> = const { RefCell::new(None) };
}

/// A change of an entity in a store.
#[derive(Clone, Debug)]
pub struct StoreChange {
    /// The collection of the entity.
    pub collection: CollectionAddress,
    /// The entity before; `None` if created.
    pub before: Option<Arc<StoredEntity>>,
    /// The entity after; `None` if removed.
    pub after: Option<Arc<StoredEntity>>,
}

/// Ends the recording, also when the step panics.
struct Recording;

impl Drop for Recording {
    fn drop(&mut self) {
        CHANGES.set(None);
    }
}

/// Runs a step, and returns its result with the changes that it made, in their order.
pub(crate) fn recorded<T>(step: impl FnOnce() -> T) -> (T, Vec<StoreChange>) {
    CHANGES.set(Some(Vec::new()));
    let _recording = Recording;
    let result = step();
    (result, CHANGES.take().unwrap_or_default())
}

/// Records a change, if the step is recorded.
pub(super) fn record(change: impl FnOnce() -> Option<StoreChange>) {
    CHANGES.with_borrow_mut(|changes| {
        if let Some(changes) = changes.as_mut().filter(|changes| changes.len() < LIMIT) {
            changes.extend(change());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::SetId;

    fn change() -> StoreChange {
        StoreChange { collection: SetId::at(0).into(), before: None, after: None }
    }

    #[test]
    fn changes_are_recorded_while_a_step_runs() {
        record(|| Some(change()));
        let (result, changes) = recorded(|| {
            record(|| Some(change()));
            record(|| None);
            7
        });
        assert_eq!((result, changes.len()), (7, 1));
        let panicked = std::panic::catch_unwind(|| recorded(|| panic!("this panic is part of a test")).1.len());
        assert!(panicked.is_err());
        record(|| panic!("nothing is recorded any more"));
        let ((), changes) = recorded(|| (0..LIMIT + 5).for_each(|_| record(|| Some(change()))));
        assert_eq!(changes.len(), LIMIT);
    }
}
