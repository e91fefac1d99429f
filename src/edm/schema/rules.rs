//! What the schema cannot say of a property.
//!
//! CSDL describes names and types. That a secret is never shown, that one property mirrors another, or what an absent property of
//! a new entity becomes is a rule of the service: one row here, applied to the tables when the schema is read.

/// Something that holds for one property beyond its declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PropertyRule {
    /// Stored, but answered as null (behavior `secret`).
    WriteOnly,
    /// Never taken from a request, though the schema does not mark it as computed.
    ReadOnly,
    /// Left out of answers while it is null.
    OmittedWhileNull,
    /// Another name for the value of the named property, on versions that declare it and on those that do not.
    Mirrors(&'static str),
    /// The value that a new entity gets where the request has none, as JSON text. What the service does is not known (grade none);
    /// only that "by default, no entities are supported" stands on the resource page.
    StartsAs(&'static str),
    /// Checked in requests beyond its type.
    Checked(ValueCheck),
    /// Set by the service on a write.
    Stamped(ServerSetValue),
    /// Decides where and how the connector is called: a new value is tried out (behaviors `connect`, `connect-on-update`).
    Connects,
    /// Holds the ids of integrations; the connector of the first is asked before what the entity contains is changed.
    Binds,
}

/// A check of a request's value beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueCheck {
    /// Exactly 64 characters (behavior `secret-length`).
    SecretLength,
    /// An absolute address (behavior `url-check`).
    Url,
}

/// A value that the service sets on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSetValue {
    /// The time of creation.
    CreatedAt,
    /// The time of the last write.
    ModifiedAt,
    /// Who made the last write.
    ModifiedBy,
}

/// What clients can do with the entities of a type, besides reading them.
#[derive(Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether a POST to their collection makes one.
    pub creates: bool,
    /// How one is changed.
    pub change: Option<UpdateMethod>,
    /// Whether a DELETE removes one.
    pub deletes: bool,
    /// Under which name the connector is asked that the schedule above them is bound to.
    pub asks: Option<ApprovalRule>,
}

/// How an entity is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMethod {
    /// A PATCH changes what it names.
    Patch,
    /// A PUT replaces an entity that is there.
    Replace,
    /// A PUT replaces the entity, or makes it.
    Put,
}

/// How update calls speak of the entities of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRule {
    /// The entity type in the `url` of an element, spelt exactly so.
    pub segment: &'static str,
    /// The member of `supportedEntities` without which nothing is asked.
    pub supported: &'static str,
}

impl Capabilities {
    /// Whether a PUT is for one of them.
    pub fn replaces(&self) -> bool {
        matches!(self.change, Some(UpdateMethod::Replace | UpdateMethod::Put))
    }

    /// Returns the methods of the path of an entity, or of a collection.
    pub fn methods(&self, is_entity: bool) -> Vec<&'static str> {
        let change = self.change.map(|change| if change == UpdateMethod::Patch { "PATCH" } else { "PUT" });
        let others = if is_entity { [change, self.deletes.then_some("DELETE")] } else { [self.creates.then_some("POST"), None] };
        std::iter::once("GET").chain(others.into_iter().flatten()).collect()
    }
}

/// The manners of types that no row speaks of.
static DEFAULT_CAPABILITIES: Capabilities =
    Capabilities { creates: true, change: Some(UpdateMethod::Patch), deletes: true, asks: None };

const fn shifts(segment: &'static str, supported: &'static str) -> Capabilities {
    Capabilities {
        creates: true,
        change: Some(UpdateMethod::Replace),
        deletes: true,
        asks: Some(ApprovalRule { segment, supported }),
    }
}

/// The manners of types. Methods: the pages of learn.microsoft.com/graph/api that the table of permissions names; names of update calls:
/// learn.microsoft.com/microsoft-365/frontline/shifts-custom-wfm-integration.
pub(super) static CAPABILITIES: &[(&str, Capabilities)] = &[
    // Teams are there for their schedules; what else can be done with one is not emulated.
    ("team", Capabilities { creates: false, change: None, deletes: false, asks: None }),
    ("schedule", Capabilities { creates: false, change: Some(UpdateMethod::Put), deletes: false, asks: None }),
    ("shift", shifts("shifts", "shift")),
    ("openShift", shifts("openshifts", "openShift")),
    ("timeOffReason", shifts("timeoffReasons", "timeOffReason")),
    ("timeOff", shifts("timesoff", "timeOff")),
];

/// Returns the manners of a type.
pub(super) fn manners_of(type_name: &str) -> &'static Capabilities {
    CAPABILITIES.iter().find(|(owner, _)| *owner == type_name).map_or(&DEFAULT_CAPABILITIES, |(_, manners)| manners)
}

/// What the service calls the entities of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What ids of the service's making begin with.
    pub id_prefix: &'static str,
    /// The noun in messages.
    pub noun: &'static str,
    /// The inner code of the refusal of an unknown id.
    pub not_found_code: &'static str,
    /// Who says that there is no such entity.
    pub tier: Workload,
}

/// The part of the service that keeps the entities of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Shifts.
    Shifts,
    /// Teams. What Shifts knows of its entities is another matter, and it says so in other words.
    Teams,
}

/// The words for types that no row speaks of.
const PLAIN: Wording = words("", "resource", "NotFound");

/// The words of types. Prefixes are those of life-like published ids, that of a timeOff is a guess. Noun and code follow those for a team
/// (microsoft-graph-docs#8933), which also answer for a team without a schedule (a guess: Shifts knows teams by their schedules).
pub(super) static WORDS: &[(&str, Wording)] = &[
    ("workforceIntegration", words("WFI_", "workforce integration", "WorkforceIntegrationNotFound")),
    ("team", Wording { tier: Workload::Teams, ..words("", "team", "TeamNotFound") }),
    ("schedule", words("", "team", "TeamNotFound")),
    ("shift", words("SHFT_", "shift", "ShiftNotFound")),
    ("openShift", words("OPNSHFT_", "open shift", "OpenShiftNotFound")),
    ("timeOffReason", words("TOR_", "time off reason", "TimeOffReasonNotFound")),
    ("timeOff", words("TOFF_", "time off", "TimeOffNotFound")),
];

const fn words(id_prefix: &'static str, noun: &'static str, not_found_code: &'static str) -> Wording {
    Wording { id_prefix, noun, not_found_code, tier: Workload::Shifts }
}

/// Returns the words of a type.
pub(super) fn words_of(type_name: &str) -> Wording {
    WORDS.iter().find(|(owner, _)| *owner == type_name).map_or(PLAIN, |(_, words)| *words)
}

/// The rules: type, property, what holds for it.
pub(super) static RULES: &[(&str, &str, PropertyRule)] = &[
    ("changeTrackedEntity", "createdDateTime", PropertyRule::Stamped(ServerSetValue::CreatedAt)),
    ("changeTrackedEntity", "lastModifiedDateTime", PropertyRule::Stamped(ServerSetValue::ModifiedAt)),
    ("changeTrackedEntity", "lastModifiedBy", PropertyRule::Stamped(ServerSetValue::ModifiedBy)),
    // The schema does not mark createdBy as computed, but it is not among the updatable properties of the reference page, and
    // no published answer has it.
    ("changeTrackedEntity", "createdBy", PropertyRule::ReadOnly),
    ("changeTrackedEntity", "createdBy", PropertyRule::OmittedWhileNull),
    ("entity", "id", PropertyRule::ReadOnly),
    // The singleton's values are the emulator's own (grade none): the reference page says only what the properties mean.
    ("teamwork", "isTeamsEnabled", PropertyRule::StartsAs("true")),
    ("workforceIntegration", "supports", PropertyRule::Mirrors("supportedEntities")),
    ("workforceIntegration", "supportedEntities", PropertyRule::StartsAs("\"none\"")),
    ("workforceIntegration", "eligibilityFilteringEnabledEntities", PropertyRule::StartsAs("\"none\"")),
    ("workforceIntegration", "isActive", PropertyRule::StartsAs("true")),
    ("workforceIntegration", "url", PropertyRule::Checked(ValueCheck::Url)),
    ("workforceIntegration", "url", PropertyRule::Connects),
    ("workforceIntegration", "apiVersion", PropertyRule::Connects),
    ("workforceIntegration", "encryption", PropertyRule::Connects),
    // The published exchange sends two members of a schedule and is answered with these. Offline it is provisioned at once.
    ("schedule", "provisionStatus", PropertyRule::StartsAs("\"Completed\"")),
    ("schedule", "enabled", PropertyRule::StartsAs("true")),
    ("schedule", "timeClockEnabled", PropertyRule::StartsAs("true")),
    ("schedule", "openShiftsEnabled", PropertyRule::StartsAs("true")),
    ("schedule", "swapShiftsRequestsEnabled", PropertyRule::StartsAs("true")),
    ("schedule", "offerShiftRequestsEnabled", PropertyRule::StartsAs("true")),
    ("schedule", "timeOffRequestsEnabled", PropertyRule::StartsAs("true")),
    ("schedule", "workforceIntegrationIds", PropertyRule::Binds),
    // Null is no value of these, so they start as what .NET makes of an absent one (grade none).
    ("scheduleEntity", "theme", PropertyRule::StartsAs("\"white\"")),
    ("shiftActivity", "theme", PropertyRule::StartsAs("\"white\"")),
    ("openShiftItem", "openSlotCount", PropertyRule::StartsAs("0")),
    ("timeOffReason", "isActive", PropertyRule::StartsAs("true")),
    ("workforceIntegrationEncryption", "secret", PropertyRule::WriteOnly),
    ("workforceIntegrationEncryption", "secret", PropertyRule::Checked(ValueCheck::SecretLength)),
];

/// The order of properties on the early draft of the reference page (behavior `property-order`), for types where it differs from
/// the declared one. Properties that the page does not know follow.
pub(super) static PAGE_ORDER: &[(&str, &[&str])] = &[(
    "workforceIntegration",
    &[
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "lastModifiedBy",
        "displayName",
        "apiVersion",
        "encryption",
        "isActive",
        "url",
        "supports",
    ],
)];

/// Returns the rules of a property.
pub(super) fn of(type_name: &str, property: &str) -> impl Iterator<Item = PropertyRule> {
    RULES.iter().filter(move |(owner, name, _)| *owner == type_name && *name == property).map(|(_, _, rule)| *rule)
}

/// Returns the mirrors that a type has: name of the mirror, name of what it mirrors.
pub(super) fn mirrors_of(type_name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().filter(move |(owner, _, _)| *owner == type_name).filter_map(|(_, name, rule)| match rule {
        PropertyRule::Mirrors(target) => Some((*name, *target)),
        _ => None,
    })
}
