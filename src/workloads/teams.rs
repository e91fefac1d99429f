//! Teams: teams with their channels, members and messages. Schedules are of [Shifts](super::shifts).

mod creation;
mod derived;
mod operations;
mod rules;
mod tags;

use crate::edm::schema::WorkloadRules;
use crate::odata::error::Error;
use crate::world::workload::{
    Change, Consultation, Creation, Derived, KeyRule, OperationRow, Reply, Started, ValueRule, Workload,
};

#[derive(Debug)]
pub(crate) struct Teams;

impl Workload for Teams {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }

    fn keys(&self) -> &'static [(&'static str, KeyRule)] {
        &derived::KEYS
    }

    fn value_rules(&self) -> &'static [(&'static str, ValueRule)] {
        &creation::VALUE_RULES
    }

    fn after_create(&self, creation: &Creation<'_>) -> Result<Option<Started>, Error> {
        tags::count_new(creation)?;
        creation::complete(creation)
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        _reply: Option<&Reply>,
        _decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        tags::count_without(change).map(|()| None)
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS, creation::OPERATIONS]
    }
}
