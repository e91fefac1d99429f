//! Files: drives and their items.

mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::Workload;

#[derive(Debug)]
pub(crate) struct Files;

impl Workload for Files {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }
}
