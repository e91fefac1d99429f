//! The directory: users, groups, applications and what they have in common.

mod assignments;
mod checks;
mod derived;
mod invitations;
mod operations;
mod photo;
mod rules;
mod sessions;

use crate::edm::schema::WorkloadRules;
use crate::odata::error::Error;
use crate::world::workload::{
    Change, Consultation, Creation, Derived, KeyRule, OperationRow, Reply, Started, ValueRule, Workload,
};

#[derive(Debug)]
pub(crate) struct Directory;

impl Workload for Directory {
    fn rules(&self) -> &'static WorkloadRules {
        &rules::RULES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &[operations::OPERATIONS]
    }

    fn before_commit(
        &self,
        change: &Change<'_>,
        _reply: Option<&Reply>,
        decided: &mut Vec<&'static str>,
    ) -> Result<Option<Box<dyn Consultation>>, Error> {
        if &*change.structured.name == "appRoleAssignment" {
            assignments::mirror(change)?;
        } else {
            checks::user(change, decided)?;
            sessions::end_with(change);
        }
        Ok(None)
    }

    fn after_create(&self, creation: &Creation<'_>) -> Result<Option<Started>, Error> {
        invitations::complete(creation).map(|()| None)
    }

    fn value_rules(&self) -> &'static [(&'static str, ValueRule)] {
        checks::VALUE_RULES
    }

    fn keys(&self) -> &'static [(&'static str, KeyRule)] {
        &derived::KEYS
    }

    fn derived(&self) -> &'static [Derived] {
        &derived::DERIVED
    }
}
