//! Files: drives and their items.

mod content;
mod derived;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationHandler, Workload};

#[derive(Debug)]
pub(crate) struct Files;

impl Workload for Files {
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
