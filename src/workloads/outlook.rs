//! Outlook: mail, calendars and contacts.

mod derived;
mod mailbox;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationRow, Workload};

#[derive(Debug)]
pub(crate) struct Outlook;

impl Workload for Outlook {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }
}
