//! Planner: plans, buckets and tasks. The built-in schema does not declare them; a schema of Microsoft's does.

mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::Workload;

#[derive(Debug)]
pub(crate) struct Planner;

impl Workload for Planner {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }
}
