//! Teams: the entities that contain schedules.

use crate::edm::schema::{Capabilities, DEFAULT_CAPABILITIES, EnumRefusals, PropertyRule, TypeRules, Wording, WorkloadRules};
use crate::policy::refusal;
use crate::world::workload::Workload;

#[derive(Debug)]
pub(crate) struct Teams;

impl Workload for Teams {
    fn rules(&self) -> &'static WorkloadRules {
        &RULES
    }
}

static RULES: WorkloadRules = WorkloadRules {
    types: &[TypeRules { name: "team", capabilities: &READ_ONLY, wording: &WORDING, is_consulted: false }],
    // The singleton's value is the emulator's own (grade none): the reference page gives only the meaning of the property.
    properties: &[("teamwork", "isTeamsEnabled", PropertyRule::InitialValue("true"))],
    page_order: &[],
};

/// Teams can only be read: they exist for their schedules, and other operations are not emulated.
static READ_ONLY: Capabilities = Capabilities {
    creates: false,
    update: None,
    deletes: false,
    response_behavior: DEFAULT_CAPABILITIES.response_behavior,
    returns_entity: DEFAULT_CAPABILITIES.returns_entity,
};

/// An unknown team is refused with the wording of Teams, the schedule of an unknown team with that of Shifts.
static WORDING: Wording = Wording {
    id_prefix: "",
    noun: "team",
    not_found_code: None,
    unknown_entity: &refusal::UNKNOWN_TEAM,
    unknown_ancestor: &refusal::UNKNOWN_TEAM_OF_SCHEDULE,
    enum_refusals: &EnumRefusals {
        unknown_member: &refusal::INVALID_ENUM_VALUE,
        sentinel: &refusal::INVALID_ENUM_VALUE,
        hidden_member: &refusal::INVALID_ENUM_VALUE,
    },
    backend_url: "https://teamsgraph.teams.microsoft.com",
};
