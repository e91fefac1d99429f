//! Outlook: mail, calendars and contacts.

mod rules;

use crate::edm::schema::WorkloadRules;
use crate::world::workload::Workload;

#[derive(Debug)]
pub(crate) struct Outlook;

impl Workload for Outlook {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }
}
