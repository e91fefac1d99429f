//! Teams: teams with their channels, members and messages. Schedules are of [Shifts](super::shifts).

mod derived;
mod operations;
mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::{Derived, OperationRow, Workload};

#[derive(Debug)]
pub(crate) struct Teams;

impl Workload for Teams {
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
