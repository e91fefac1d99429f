//! Rules of Shifts that CSDL cannot express.

use http::StatusCode;

use super::queries;
use crate::edm::schema::{
    Advance, Capabilities, CheckResult, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DeactivationRules, EnumRefusals, IdForm,
    ImpliedId, ImpliedRules, PropertyRule, ServerSetValue, TagForm, TagRules, Tolerance, TypeRules, UpdateAnswer, UpdateMethod,
    ValueCheck, Wording, WorkloadRules,
};
use crate::policy::behavior::{
    Behaviors, IdentityTenant, ReplaceResponse, ScheduleResponse, SecretLength, ShiftUnknownMembers, ShiftsRules,
    UnprovisionedSchedule, UrlCheck,
};
use crate::policy::refusal;

/// Type name of integrations.
pub(super) const INTEGRATION: &str = "workforceIntegration";

/// Path of the collection of integrations, after the version.
pub(super) const COLLECTION: &str = "teamwork/workforceIntegrations";

/// Properties of an integration that determine calls to its connector. A new value causes a handshake (behaviors `connect` and
/// `connect-on-update`).
pub(super) const CONNECTION: [&str; 3] = ["url", "apiVersion", "encryption"];

/// Property of a schedule with the ids of integrations. The connector of the first approves changes of the schedule's contents.
pub(super) const BINDING: &str = "workforceIntegrationIds";

/// Methods are those of the learn.microsoft.com/graph/api pages in the table of permissions. Prefixes are those of realistic published ids;
/// the prefix of a timeOff is a guess. Nouns and codes follow those of a team (microsoft-graph-docs#8933), which also apply to a team
/// without a schedule (a guess: Shifts knows teams by their schedules).
pub(super) static RULES: WorkloadRules = WorkloadRules {
    own_state: &["changeTrackedEntity", "schedule"],
    types: &[
        TypeRules { name: INTEGRATION, capabilities: &DEFAULT_CAPABILITIES, wording: &INTEGRATION_WORDING, is_consulted: true },
        TypeRules {
            name: "schedule",
            capabilities: &Capabilities {
                creates: false,
                update: Some(UpdateMethod::Upsert),
                deletes: false,
                answer: UpdateAnswer::Decided("schedule-response", |behaviors| {
                    behaviors.schedule_response == ScheduleResponse::Entity
                }),
                ..DEFAULT_CAPABILITIES
            },
            wording: &SCHEDULE_WORDING,
            is_consulted: false,
        },
        schedule_item("shift", &SHIFT_WORDING),
        schedule_item("openShift", &OPEN_SHIFT_WORDING),
        schedule_item("timeOffReason", &TIME_OFF_REASON_WORDING),
        schedule_item("timeOff", &TIME_OFF_WORDING),
        schedule_item("schedulingGroup", &SCHEDULING_GROUP_WORDING),
        consulted("timeOffRequest", &TIME_OFF_REQUEST, &CHANGE_REQUEST_WORDING),
        consulted("offerShiftRequest", &CHANGE_REQUEST, &CHANGE_REQUEST_WORDING),
        consulted("swapShiftsChangeRequest", &CHANGE_REQUEST, &CHANGE_REQUEST_WORDING),
        consulted("openShiftChangeRequest", &CHANGE_REQUEST, &CHANGE_REQUEST_WORDING),
        consulted("timeCard", &TIME_CARD, &TIME_CARD_WORDING),
        consulted("dayNote", &DAY_NOTE, &DAY_NOTE_WORDING),
        consulted("shiftPreferences", &PREFERENCES, &PREFERENCES_WORDING),
    ],
    properties: &[
        ("changeTrackedEntity", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("changeTrackedEntity", "lastModifiedDateTime", PropertyRule::ServerSet(ServerSetValue::ModifiedAt)),
        ("changeTrackedEntity", "lastModifiedBy", PropertyRule::ServerSet(ServerSetValue::ModifiedBy)),
        // The schema does not mark createdBy as computed, but it is not among the updatable properties of the reference page, and
        // no published response has it.
        ("changeTrackedEntity", "createdBy", PropertyRule::ReadOnly),
        ("changeTrackedEntity", "createdBy", PropertyRule::NotServerSet),
        ("changeTrackedEntity", "createdBy", PropertyRule::OmittedWhileNull),
        // Taken from an application, which names the sender.
        ("scheduleChangeRequest", "senderUserId", PropertyRule::Writable),
        (INTEGRATION, "supports", PropertyRule::AliasOf { target: "supportedEntities", behavior: "supports" }),
        // Initial values are not known (grade none); the resource page only says that "by default, no entities are supported".
        (INTEGRATION, "supportedEntities", PropertyRule::InitialValue("\"none\"")),
        (INTEGRATION, "eligibilityFilteringEnabledEntities", PropertyRule::InitialValue("\"none\"")),
        (INTEGRATION, "isActive", PropertyRule::InitialValue("true")),
        (INTEGRATION, "url", PropertyRule::Checked(ValueCheck(check_url))),
        // In the published exchange, a request with two members of a schedule gets these in the response. The emulator provisions a
        // schedule immediately.
        ("schedule", "provisionStatus", PropertyRule::InitialValue("\"Completed\"")),
        ("schedule", "enabled", PropertyRule::InitialValue("true")),
        ("schedule", "timeClockEnabled", PropertyRule::InitialValue("true")),
        ("schedule", "openShiftsEnabled", PropertyRule::InitialValue("true")),
        ("schedule", "swapShiftsRequestsEnabled", PropertyRule::InitialValue("true")),
        ("schedule", "offerShiftRequestsEnabled", PropertyRule::InitialValue("true")),
        ("schedule", "timeOffRequestsEnabled", PropertyRule::InitialValue("true")),
        // These are not nullable, so they start with the .NET default of an absent value (grade none).
        ("scheduleEntity", "theme", PropertyRule::InitialValue("\"white\"")),
        ("shiftActivity", "theme", PropertyRule::InitialValue("\"white\"")),
        ("openShiftItem", "openSlotCount", PropertyRule::InitialValue("0")),
        // learn.microsoft.com/graph/api/openshift-post (2024) and microsoft-graph-docs#14034 (a recorded shift)
        ("shift", "isStagedForDeletion", PropertyRule::InitialValue("false")),
        ("openShift", "isStagedForDeletion", PropertyRule::InitialValue("false")),
        ("timeOff", "isStagedForDeletion", PropertyRule::InitialValue("false")),
        ("timeOffReason", "isActive", PropertyRule::InitialValue("true")),
        ("schedulingGroup", "isActive", PropertyRule::InitialValue("true")),
        // These follow from the events, as the examples show (learn.microsoft.com/graph/api/timecard-clockin and timecard-replace).
        ("timeCard", "state", PropertyRule::ReadOnly),
        ("timeCard", "confirmedBy", PropertyRule::ReadOnly),
        ("timeCard", "originalEntry", PropertyRule::ReadOnly),
        ("timeCardEvent", "atApprovedLocation", PropertyRule::SynonymOf("isAtApprovedLocation")),
        ("workforceIntegrationEncryption", "secret", PropertyRule::WriteOnly),
        ("workforceIntegrationEncryption", "secret", PropertyRule::Checked(ValueCheck(check_secret_length))),
    ],
    // The form and its place as the first member: microsoft-graph-docs#4799, #14034 and #18101; for requests and time cards the answers on
    // learn.microsoft.com/graph/api/offershiftrequest-post and timecard-list.
    tags: &[
        ("shift", &TAG),
        ("openShift", &TAG),
        ("timeOff", &TAG),
        ("timeOffReason", &TAG),
        ("schedulingGroup", &TAG),
        ("scheduleChangeRequest", &TAG),
        ("timeCard", &TAG),
    ],
    page_order: &[(
        INTEGRATION,
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
    )],
    queries: queries::QUERIES,
    // That a user without preferences has some, and may change them, is documented (learn.microsoft.com/graph/api/shiftpreferences-put); the
    // examples there have ids that end with that of the user, and schedules that of the team.
    implied: &[
        (
            "schedule",
            &ImpliedRules {
                choice: Some(("unprovisioned-schedule", |behaviors| {
                    behaviors.unprovisioned_schedule == UnprovisionedSchedule::NotStarted
                })),
                id: ImpliedId::Owner(""),
                members: r#""enabled":false,"provisionStatus":"NotStarted","timeClockEnabled":false,"openShiftsEnabled":false,"swapShiftsRequestsEnabled":false,"offerShiftRequestsEnabled":false,"timeOffRequestsEnabled":false"#,
            },
        ),
        ("shiftPreferences", &ImpliedRules { choice: None, id: ImpliedId::Owner("SHPR_"), members: "" }),
    ],
    // All of a schedule: microsoft-graph-docs#8933 and #9811.
    guarded: &[
        "schedule",
        "shift",
        "openShift",
        "timeOffReason",
        "timeOff",
        "schedulingGroup",
        "timeOffRequest",
        "offerShiftRequest",
        "swapShiftsChangeRequest",
        "openShiftChangeRequest",
        "timeCard",
        "dayNote",
    ],
    // learn.microsoft.com/graph/api/schedulinggroup-delete and timeoffreason-delete
    deactivated: &[
        ("schedulingGroup", &DeactivationRules { property: "isActive", last: None, is_enforced: has_rules }),
        ("timeOffReason", &DeactivationRules { property: "isActive", last: Some(&refusal::LAST_REASON), is_enforced: has_rules }),
    ],
    tolerant: &[("shift", TOLERANCE), ("openShift", TOLERANCE)],
    // learn.microsoft.com/graph/api/schedule-post-timecards
    renamed: &[("timeCard", ("onBehalfOfUserId", "userId"))],
    advanced: &[("schedule", Advance { property: "provisionStatus", from: "Running", to: "Completed" })],
    without_tenant: &[("shift", ("identity-tenantid", |behaviors| behaviors.identity_tenant == IdentityTenant::Absent))],
    // learn.microsoft.com/graph/api/timecard-clockin and its siblings, which print no card in the other answers.
    operation_statuses: &[
        ("clockIn", "timeCard", 201),
        ("clockOut", "timeCard", 204),
        ("startBreak", "timeCard", 204),
        ("endBreak", "timeCard", 204),
        ("confirm", "timeCard", 204),
        ("confirmForUser", "timeCard", 204),
    ],
    // The shift: microsoft-graph-docs#14034 and #13815 (2021); the open shift: learn.microsoft.com/graph/api/openshift-post (2024).
    recorded_order: &[
        (
            "shift",
            &[
                "id",
                "createdDateTime",
                "lastModifiedDateTime",
                "schedulingGroupId",
                "userId",
                "draftShift",
                "lastModifiedBy",
                "sharedShift",
                "isStagedForDeletion",
            ],
        ),
        (
            "openShift",
            &[
                "id",
                "createdDateTime",
                "lastModifiedDateTime",
                "schedulingGroupId",
                "draftOpenShift",
                "lastModifiedBy",
                "sharedOpenShift",
                "isStagedForDeletion",
            ],
        ),
    ],
    ..WorkloadRules::NONE
};

const TOLERANCE: Tolerance =
    ("shift-unknown-members", |behaviors| behaviors.shift_unknown_members == ShiftUnknownMembers::Ignore);

/// `If-Match` is an option, and one published connector sends it without a value (OfficeDev/Microsoft-Teams-Shifts-WFM-Connectors).
static TAG: TagRules = TagRules {
    form: TagForm::Cosmos,
    needs_select: false,
    has_header: false,
    absent: None,
    malformed: None,
    stale: &refusal::STALE_SCHEDULE_ITEM,
    conflict: None,
    ignores_empty: true,
};

/// Capabilities of a schedule's contents.
static SCHEDULE_ITEM: Capabilities = Capabilities {
    creates: true,
    update: Some(UpdateMethod::Replace),
    deletes: true,
    answer: UpdateAnswer::Decided("replace-response", |behaviors| behaviors.replace_response == ReplaceResponse::Entity),
    ..DEFAULT_CAPABILITIES
};

/// Capabilities of requests of workers, which are changed by decisions alone. That DELETE takes a request back is documented for that of
/// time off (learn.microsoft.com/graph/api/timeoffrequest-delete); for the others it is a guess (grade none).
static TIME_OFF_REQUEST: Capabilities = Capabilities { update: None, ..DEFAULT_CAPABILITIES };

/// POST answers with 200 (learn.microsoft.com/graph/api/swapshiftschangerequest-post and its siblings).
static CHANGE_REQUEST: Capabilities = Capabilities { create_status: StatusCode::OK, ..TIME_OFF_REQUEST };

/// learn.microsoft.com/graph/api/timecard-replace
static TIME_CARD: Capabilities =
    Capabilities { update: Some(UpdateMethod::Replace), answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// learn.microsoft.com/graph/api/daynote-update and its siblings: POST answers with 200.
static DAY_NOTE: Capabilities = Capabilities { create_status: StatusCode::OK, ..TIME_CARD };

/// learn.microsoft.com/graph/api/shiftpreferences-put: the page has PUT above an example with PATCH.
static PREFERENCES: Capabilities = Capabilities {
    creates: false,
    update: Some(UpdateMethod::PatchOrUpsert),
    answer: UpdateAnswer::NoContent,
    ..DEFAULT_CAPABILITIES
};

const fn schedule_item(name: &'static str, wording: &'static Wording) -> TypeRules {
    consulted(name, &SCHEDULE_ITEM, wording)
}

const fn consulted(name: &'static str, capabilities: &'static Capabilities, wording: &'static Wording) -> TypeRules {
    TypeRules { name, capabilities, wording, is_consulted: true }
}

static ENUM_REFUSALS: EnumRefusals = EnumRefusals {
    unknown_member: &refusal::NOT_A_MEMBER,
    sentinel: &refusal::SENTINEL_VALUE,
    hidden_member: &refusal::HIDDEN_VALUE,
};

static INTEGRATION_WORDING: Wording = wording("WFI_", "workforce integration", "WorkforceIntegrationNotFound");
static SCHEDULE_WORDING: Wording = wording("", "team", "TeamNotFound");
static SHIFT_WORDING: Wording = wording("SHFT_", "shift", "ShiftNotFound");
static OPEN_SHIFT_WORDING: Wording = wording("OPNSHFT_", "open shift", "OpenShiftNotFound");
static TIME_OFF_REASON_WORDING: Wording = wording("TOR_", "time off reason", "TimeOffReasonNotFound");
static SCHEDULING_GROUP_WORDING: Wording = wording("TAG_", "scheduling group", "SchedulingGroupNotFound");
static TIME_OFF_WORDING: Wording = wording("TOFF_", "time off", "TimeOffNotFound");
static CHANGE_REQUEST_WORDING: Wording = wording("SREQ_", "request", "RequestNotFound");
static TIME_CARD_WORDING: Wording = wording("TCK_", "time card", "TimeCardNotFound");
static DAY_NOTE_WORDING: Wording = wording("NOTE_", "day note", "DayNoteNotFound");
static PREFERENCES_WORDING: Wording = wording("SHPR_", "shift preferences", "ShiftPreferencesNotFound");

const fn wording(id_prefix: &'static str, noun: &'static str, not_found_code: &'static str) -> Wording {
    Wording {
        id: IdForm::Guid(id_prefix),
        noun,
        not_found_code: Some(not_found_code),
        unknown_entity: &refusal::UNKNOWN_ID,
        unknown_ancestor: &refusal::UNKNOWN_ID,
        enum_refusals: &ENUM_REFUSALS,
        // From `Location` headers of Teams resources, recorded in pnp/pnpcore.
        backend_url: "https://teamsgraph.teams.microsoft.com",
        ..DEFAULT_WORDING
    }
}

/// Checks that a secret has exactly 64 characters (behavior `secret-length`).
fn check_secret_length(behaviors: &Behaviors, text: &str) -> CheckResult {
    match (text.chars().count(), behaviors.secret_length) {
        (64, _) => CheckResult::Valid,
        (_, SecretLength::Any) => CheckResult::ValidUnder("secret-length"),
        (length, SecretLength::Exact) => CheckResult::Invalid {
            found: Some(format!("a secret of {length} characters")),
            expected: "64 characters".to_owned(),
            refusal: &refusal::SECRET_LENGTH,
        },
    }
}

/// Whether the rules of Shifts are enforced (behavior `shifts-rules`).
fn has_rules(behaviors: &Behaviors) -> bool {
    behaviors.shifts_rules == ShiftsRules::Enforce
}

/// Checks that an integration's `url` is absolute (behavior `url-check`).
fn check_url(behaviors: &Behaviors, text: &str) -> CheckResult {
    let schemes: &[&str] = match behaviors.url_check {
        UrlCheck::None => return CheckResult::ValidUnder("url-check"),
        UrlCheck::Absolute => &["http", "https"],
        UrlCheck::Https => &["https"],
    };
    if is_absolute_url(text, schemes) {
        return CheckResult::Valid;
    }
    let expected = format!("an absolute {} URL", schemes.join(" or "));
    CheckResult::Invalid { found: None, expected, refusal: &refusal::INVALID_URL }
}

/// Whether a text is an absolute URL with one of the schemes, a host, and no white space.
fn is_absolute_url(text: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let has_scheme = schemes.iter().any(|expected| expected.eq_ignore_ascii_case(scheme));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_host = !host.is_empty() && !host.starts_with(':');
    has_scheme && has_host && !text.chars().any(|character| character.is_whitespace() || character.is_control())
}
