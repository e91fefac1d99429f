//! The directory: users, groups, applications and what they have in common.

mod derived;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationHandler, Workload};

#[derive(Debug)]
pub(crate) struct Directory;

impl Workload for Directory {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn operation(&self, name: &str, bound: &str) -> Option<OperationHandler> {
        operations::handler(name, bound)
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
