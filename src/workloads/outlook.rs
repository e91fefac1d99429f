//! Outlook: mail, calendars and contacts.

mod derived;
mod forms;
mod mailbox;
mod mime;
mod occurrences;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::edm::value::Value;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::workloads::outlook::rules::WELL_KNOWN_FOLDERS;
use crate::world::workload::{
    BodyForm, Change, ChangeKind, Consultation, Derived, InstanceRules, OperationRow, PreferredForm, Reply, Workload, text_of,
};

#[derive(Debug)]
pub(crate) struct Outlook;

impl Workload for Outlook {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        _reply: Option<&Reply>,
        _decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        let ChangeKind::Delete { key } = change.kind else { return Ok(None) };
        let Some(current) = change.world.store.get(change.collection, key) else { return Ok(None) };
        let (structured, values) = (change.structured, &current.properties);
        let is_default = match &*change.world.schema.set(change.collection.set).name {
            "mailFolders" => text_of(structured, values, "displayName")
                .is_some_and(|own| WELL_KNOWN_FOLDERS.iter().any(|(_, name)| *name == &*own)),
            _ => structured.slot("isDefaultCalendar").is_some_and(|slot| *values.get(slot) == Value::Boolean(true)),
        };
        if is_default { Err(Error::new(&refusal::DEFAULT_FOLDER, &[])) } else { Ok(None) }
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }

    fn preferred_forms(&self) -> &'static [PreferredForm] {
        &forms::FORMS
    }

    fn body_forms(&self) -> &'static [BodyForm] {
        &mime::FORMS
    }

    fn instances(&self) -> &'static [(&'static str, &'static InstanceRules)] {
        &occurrences::INSTANCES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }
}
