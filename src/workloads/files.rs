//! Files: drives and their items.

mod content;
mod derived;
mod operations;
mod rules;

use crate::edm::file_name;
use crate::edm::patch::NewValue;
use crate::edm::schema::WorkloadRules;
use crate::edm::value::Value;
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
        let is_root = change.world.schema.set(change.collection.set).is_single;
        if is_root && matches!(change.kind, ChangeKind::Update { .. } | ChangeKind::Replace { .. } | ChangeKind::Delete { .. }) {
            return Err(Error::new(&refusal::ROOT_FOLDER, &[]));
        }
        let property = change.structured.property("name").map(|index| (index, change.structured.properties[index].slot));
        let name = property.and_then(|(index, slot)| match &change.kind {
            ChangeKind::Create { values, .. } | ChangeKind::Replace { values, .. } => Some(values.get(slot)),
            ChangeKind::Update { patch, .. } => {
                patch.changes.iter().find(|change| change.property == index).and_then(|change| match &change.to {
                    NewValue::Set(value) => Some(value),
                    NewValue::Merge(_) => None,
                })
            }
            ChangeKind::Delete { .. } => None,
        });
        match name {
            Some(Value::String(name)) if !file_name::is_allowed(name) => Err(Error::new(&refusal::INVALID_FILE_NAME, &[])),
            _ => Ok(None),
        }
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
