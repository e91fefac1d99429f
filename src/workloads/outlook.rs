//! Outlook: mail, calendars and contacts.

mod derived;
mod forms;
mod mailbox;
mod occurrences;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, InstanceRules, OperationRow, PreferredForm, Workload};

#[derive(Debug)]
pub(crate) struct Outlook;

impl Workload for Outlook {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }

    fn preferred_forms(&self) -> &'static [PreferredForm] {
        &forms::FORMS
    }

    fn instances(&self) -> &'static [(&'static str, &'static InstanceRules)] {
        &occurrences::INSTANCES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }
}
