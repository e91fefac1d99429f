//! Files: drives and their items.

mod content;
mod derived;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationRow, Workload};

#[derive(Debug)]
pub(crate) struct Files;

impl Workload for Files {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
