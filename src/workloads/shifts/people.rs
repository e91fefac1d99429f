//! People in a schedule: who acts, and what they may do.

use std::sync::Arc;

use http::HeaderMap;

use crate::edm::value::{Dynamic, Value};
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::odata::error::Error;
use crate::policy::behavior::{ApplicationDecisions, ShiftsRules};
use crate::policy::refusal;
use crate::text::json::quoted;
use crate::workloads::shifts::record::Record;
use crate::workloads::shifts::schedule::{Role, Schedule};

/// Person or application that acts.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    /// Id of the user; `None` for an application alone, and without a token.
    pub(super) user: Option<Arc<str>>,
    /// Display name of the user.
    name: Option<Arc<str>>,
    pub(super) role: Role,
    is_application: bool,
}

impl Actor {
    /// Returns who sends a request to a schedule.
    pub(super) fn of(schedule: &Schedule<'_>, headers: &HeaderMap) -> Actor {
        match caller::caller(headers) {
            Caller::User(person) => Actor::user(schedule, &person.id, person.display_name.as_deref()),
            Caller::Application(_) => Actor { user: None, name: None, role: Role::Unknown, is_application: true },
            Caller::Unknown => Actor { user: None, name: None, role: Role::Unknown, is_application: false },
        }
    }

    /// Returns a user of a schedule. The directory knows the names of its users better than a token.
    pub(super) fn user(schedule: &Schedule<'_>, id: &str, name: Option<&str>) -> Actor {
        let name = schedule.user_name(id).or_else(|| name.map(Arc::from));
        Actor { user: Some(id.into()), name, role: schedule.role(id), is_application: false }
    }

    /// Returns the id of the user who decides; without a token, that of a manager.
    pub(super) fn decider(&self, schedule: &Schedule<'_>) -> Arc<str> {
        self.user.clone().or_else(|| schedule.manager()).unwrap_or_else(|| LOCAL_USER.0.into())
    }

    /// Refuses a user who is not in the team.
    pub(super) fn check_membership(&self, schedule: &Schedule<'_>) -> Result<(), Error> {
        if self.role == Role::Outside && is_enforced(schedule) {
            let detail =
                format!("user {} is not a member of team {}", self.user.as_deref().unwrap_or_default(), schedule.team_id());
            return Err(Error::new(&refusal::UNKNOWN_TEAM_OF_SCHEDULE, &[]).with_detail(detail));
        }
        Ok(())
    }

    /// Refuses a user who does not manage the team.
    pub(super) fn check_manager(&self, schedule: &Schedule<'_>) -> Result<(), Error> {
        self.check_membership(schedule)?;
        if self.role == Role::Member && is_enforced(schedule) {
            let detail =
                format!("user {} is not an owner of team {}", self.user.as_deref().unwrap_or_default(), schedule.team_id());
            return Err(Error::new(&refusal::NOT_A_MANAGER, &[]).with_detail(detail));
        }
        Ok(())
    }

    /// Refuses anyone but one user; without a token, the caller counts as that user.
    pub(super) fn check_is(&self, schedule: &Schedule<'_>, user: Option<&str>) -> Result<(), Error> {
        self.check_membership(schedule)?;
        let is_other = self.user.is_some() && !is_same_user(self.user.as_deref(), user);
        if is_other && is_enforced(schedule) {
            return Err(Error::new(&refusal::NOT_THE_RECIPIENT, &[]));
        }
        Ok(())
    }

    /// Refuses an application that decides in no user's name (behavior `application-decisions`).
    pub(super) fn check_decides(&self, schedule: &Schedule<'_>) -> Result<(), Error> {
        if self.is_application && schedule.world.behaviors.application_decisions == ApplicationDecisions::Refuse {
            return Err(Error::new(&refusal::APPLICATION_DECISION, &[]));
        }
        Ok(())
    }

    /// Sets who changed an entity last, and when.
    pub(super) fn sign(&self, schedule: &Schedule<'_>, record: &mut Record<'_>, now: Value) {
        record.set("lastModifiedDateTime", now);
        let Some(mut set) = record.new_item("lastModifiedBy") else { return };
        let Some(mut identity) = set.new_item("user") else { return };
        let id = self.decider(schedule);
        let name = self.name.clone().or_else(|| schedule.user_name(&id));
        let name = name.or_else(|| (*id == *LOCAL_USER.0).then(|| LOCAL_USER.1.into()));
        identity.set_text("id", Some(&id));
        identity.set_text("displayName", name.as_deref());
        identity.values_mut().dynamic = undeclared();
        set.set_item("user", Some(identity));
        record.set_item("lastModifiedBy", Some(set));
    }
}

/// Returns the undeclared members of the published example.
fn undeclared() -> Vec<Dynamic> {
    let member = |name: &str, json: String| Dynamic::new(name, json);
    vec![member("userIdentityType", quoted("aadUser")), member("tenantId", "null".to_owned())]
}

/// Whether two ids are those of one user: clients have ids in any case.
pub(super) fn is_same_user(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (one, other) => one == other,
    }
}

/// Whether the rules of Shifts are enforced (behavior `shifts-rules`).
pub(super) fn is_enforced(schedule: &Schedule<'_>) -> bool {
    schedule.world.behaviors.shifts_rules == ShiftsRules::Enforce
}
