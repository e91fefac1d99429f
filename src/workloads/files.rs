//! Files: drives and their items.

mod derived;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, Workload};

#[derive(Debug)]
pub(crate) struct Files;

impl Workload for Files {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
