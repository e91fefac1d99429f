//! Files: drives and their items.

mod content;
mod derived;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::workload::{Change, ChangeKind, Consultation, Derived, OperationRow, Reply, Workload};

#[derive(Debug)]
pub(crate) struct Files;

impl Workload for Files {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        _reply: Option<&Reply>,
        _decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        // Other single items, such as that of a share, are files and folders of any kind.
        let is_of_drive = change.ancestors.last().is_some_and(|holder| *change.model.structured(holder.type_id).name == *"drive");
        let is_root = is_of_drive && *change.world.schema.set(change.collection.set).name == *"root";
        if is_root && matches!(change.kind, ChangeKind::Update { .. } | ChangeKind::Replace { .. } | ChangeKind::Delete { .. }) {
            return Err(Error::new(&refusal::ROOT_FOLDER, &[]));
        }
        Ok(None)
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
