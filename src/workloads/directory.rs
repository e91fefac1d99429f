//! The directory: users, groups, applications and what they have in common.

mod derived;
mod operations;
mod photo;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationRow, Workload};

#[derive(Debug)]
pub(crate) struct Directory;

impl Workload for Directory {
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
