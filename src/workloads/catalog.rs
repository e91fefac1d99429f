//! Types of Graph without a workload of their own: the statuses and methods that their reference pages print.
//!
//! Source: the exchanges on the pages of microsoft-graph-docs (api-reference/v1.0/api at db3ad729), and for types that are newer, of
//! microsoft-graph-docs-contrib; graded *medium*.

mod additions;
mod changes;
mod ediscovery;
mod effects;
mod initial;
mod operations;
mod presence;
mod reports;
mod schedule_requests;
mod single;
mod stored;
mod workbook;

use crate::edm::schema::{
    Capabilities, CreationStatus, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DerivedKey, SearchRules, SecretAnswers, SiteRules,
    TypeRules, UpdateAnswer, UpdateMethod, Wording, WorkloadRules,
};
use crate::policy::behavior::NamedLocationTypes;
use crate::policy::refusal;
use crate::world::workload::{Derived, Download, OperationRow, Workload};
use http::StatusCode;

#[derive(Debug)]
pub(crate) struct Catalog;

impl Workload for Catalog {
    fn rules(&self) -> &'static WorkloadRules {
        &RULES
    }

    fn operations(&self) -> &'static [&'static [OperationRow]] {
        &OPERATIONS
    }

    fn downloads(&self) -> &'static [Download] {
        reports::DOWNLOADS
    }

    fn derived(&self) -> &'static [Derived] {
        &initial::DERIVED
    }
}

static OPERATIONS: [&[OperationRow]; 6] = [
    workbook::OPERATIONS,
    additions::OPERATIONS,
    &effects::OPERATIONS,
    presence::OPERATIONS,
    changes::OPERATIONS,
    ediscovery::OPERATIONS,
];

static RULES: WorkloadRules = WorkloadRules {
    types: &TYPES,
    properties: initial::PROPERTIES,
    // learn.microsoft.com/graph/api/place-get and place-list (medium): rooms and lists of rooms are found by their addresses, too.
    derived_segment_keys: &[("place", DerivedKey { type_name: "room", property: "emailAddress", qualifier: None })],
    // The bodies and the answers of learn.microsoft.com/graph/api/externalconnectors-external-post-connections,
    // externalconnectors-externalconnection-post-groups and externalconnectors-externalgroup-post-members (medium).
    chosen_keys: &[
        "microsoft.graph.externalConnectors.externalConnection",
        "microsoft.graph.externalConnectors.externalGroup",
        "microsoft.graph.externalConnectors.identity",
    ],
    // The pages of these types print the entities in answers to plain requests (medium).
    expanded: &[
        ("printService", "endpoints"),
        ("printerCreateOperation", "printer"),
        ("permissionGrantPolicy", "includes"),
        ("permissionGrantPolicy", "excludes"),
        ("userConsentRequest", "approval"),
        ("approval", "stages"),
        // unifiedroledefinition-get and rbacapplication-list-roledefinitions
        ("unifiedRoleDefinition", "inheritsPermissionsFrom"),
        // contenttype-get and site-list-contenttypes
        ("contentType", "base"),
    ],
    // learn.microsoft.com/graph/api/group-post-conversations (medium); the other pages print a new entity alone (behavior
    // `deep-insert-answer`).
    shown_with_new: &[("conversation", "threads")],
    // microsoft/terraform-provider-msgraph#59 (strong: the answer to a PATCH) and learn.microsoft.com/graph/api/resources/namedlocation: it is the
    // base of the types that named locations have, and the service has no others. Fixtures may leave the type out.
    placeholders: &["namedLocation"],
    typed_bodies: &[(
        "namedLocation",
        ("named-location-types", |behaviors| behaviors.named_location_types == NamedLocationTypes::Refuse),
    )],
    // accessreviewinstance-list, accessreviewinstancedecisionitem-list, accessreviewinstance-list-stages and the pages on filterByCurrentUser,
    // userconsentrequest-list: all print the number (medium).
    counted: &[
        "accessReviewInstance",
        "accessReviewInstanceDecisionItem",
        "accessReviewScheduleDefinition",
        "accessReviewStage",
        "userConsentRequest",
        // One page, security-ediscoverycase-list-tags (weak).
        "microsoft.graph.security.ediscoveryReviewTag",
    ],
    // bookingbusiness-list-staffmembers, bookingcurrency-list, bookingbusiness-post-bookingbusinesses (medium); virtual events have the other form.
    services: &[("solutions", "bookingBusinesses"), ("solutions", "bookingCurrencies")],
    // printershare-list-allowedusers, printershare-list-allowedgroups, printtaskdefinition-list-tasks (medium)
    typed_contexts: &[("printerShare", "allowedUsers"), ("printerShare", "allowedGroups"), ("printTaskDefinition", "tasks")],
    // learn.microsoft.com/graph/api/site-get and site-getbypath (medium)
    sites: &[("site", SiteRules { url: "webUrl", root: "root" })],
    // learn.microsoft.com/graph/api/site-search (medium); `*` is what programs send to list all sites
    searches: &[("site", &SITES)],
    implied: single::IMPLIED,
    operation_statuses: operations::STATUSES,
    // learn.microsoft.com/graph/api/printjob-redirect (a job of the other printer) and identitygovernance-workflow-createnewversion
    // (medium).
    new_results: &[("printJob", "redirect"), ("microsoft.graph.identityGovernance.workflow", "createNewVersion")],
    creation_statuses: &[
        // learn.microsoft.com/graph/api/team-post-installedapps (prose and example); chats and users answer with 201.
        ("installedApps", "team", CreationStatus { status: 200, has_body: false }),
        // learn.microsoft.com/graph/api/contenttype-post-columns (prose and example); sites and lists answer with 201.
        ("columns", "contentType", CreationStatus { status: 200, has_body: true }),
    ],
    ..WorkloadRules::NONE
};

static SITES: SearchRules = SearchRules {
    by_words: &["displayName", "name", "description"],
    unnamed: &["displayName", "name", "description"],
    everything: Some("*"),
};

/// PATCH answers with 204.
static SILENT: Capabilities = Capabilities { answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// PATCH answers with the entity.
static SPOKEN: Capabilities = Capabilities { answer: UpdateAnswer::Entity, ..DEFAULT_CAPABILITIES };

/// PATCH answers with the entity, and so does DELETE with 200 (workbooks).
static WORKBOOK: Capabilities = Capabilities { delete_status: StatusCode::OK, ..SPOKEN };

/// PUT replaces an entity, and answers with 204.
static REPLACED: Capabilities = Capabilities { update: Some(UpdateMethod::Replace), ..SILENT };

/// PATCH and PUT answer with 204.
static BRANDING: Capabilities = Capabilities { update: Some(UpdateMethod::PatchOrUpsert), ..SILENT };

/// PUT creates or replaces an entity, and answers with it; PATCH too.
static ITEM: Capabilities = Capabilities { update: Some(UpdateMethod::PatchOrUpsert), ..SPOKEN };

/// PUT creates or replaces an entity; a creation is answered with 201.
static ACTIVITY: Capabilities = Capabilities { puts_as_posts: true, ..ITEM };

/// A creation is answered with 201, as the page says, whose example of 2021 has `200 Created`.
static CONNECTION: Capabilities = Capabilities { delete_status: StatusCode::ACCEPTED, ..SILENT };

/// POST answers with 200.
static FOUND: Capabilities = Capabilities { create_status: StatusCode::OK, ..DEFAULT_CAPABILITIES };

static LOCATION_WORDING: Wording = Wording { abstract_type: &refusal::UNEXPECTED_LOCATION_TYPE, ..DEFAULT_WORDING };

/// The answer to the creation has the pass, which no other answer has.
static PASS: Capabilities = Capabilities { secret_answers: SecretAnswers::Creation, ..DEFAULT_CAPABILITIES };

static SITE_WORDING: Wording =
    Wording { unknown_entity: &refusal::UNKNOWN_SITE, unknown_ancestor: &refusal::UNKNOWN_SITE, ..DEFAULT_WORDING };

const fn row(name: &'static str, capabilities: &'static Capabilities) -> TypeRules {
    TypeRules { name, capabilities, wording: &DEFAULT_WORDING, is_consulted: false }
}

#[rustfmt::skip]
static TYPES: [TypeRules; 87] = [
    row("accessPackageAssignmentPolicy", &REPLACED),
    row("accessReviewInstanceDecisionItem", &SILENT),
    row("accessReviewScheduleDefinition", &REPLACED),
    row("activityBasedTimeoutPolicy", &SILENT),
    row("activityHistoryItem", &BRANDING),
    row("adminConsentRequestPolicy", &REPLACED),
    row("administrativeUnit", &SILENT),
    row("agreement", &SPOKEN),
    row("alert", &SILENT),
    row("allowedValue", &SILENT),
    row("attributeSet", &SILENT),
    row("authenticationFlowsPolicy", &SILENT),
    row("authenticationMethodConfiguration", &SILENT),
    row("authorizationPolicy", &SILENT),
    row("calendarPermission", &SPOKEN),
    row("claimsMappingPolicy", &SILENT),
    row("conditionalAccessPolicy", &SILENT),
    row("conversationThread", &SPOKEN),
    row("customSecurityAttributeDefinition", &SILENT),
    row("domain", &SILENT),
    row("educationAssignment", &SPOKEN),
    row("educationAssignmentDefaults", &SPOKEN),
    row("educationAssignmentSettings", &SPOKEN),
    row("educationClass", &SPOKEN),
    row("educationOutcome", &SPOKEN),
    row("educationRubric", &SPOKEN),
    row("educationSchool", &SPOKEN),
    row("educationUser", &SPOKEN),
    row("extension", &SPOKEN),
    row("featureRolloutPolicy", &SILENT),
    row("groupLifecyclePolicy", &SPOKEN),
    row("groupSetting", &SILENT),
    row("homeRealmDiscoveryPolicy", &SILENT),
    row("identityApiConnector", &SILENT),
    row("identityProvider", &SILENT),
    row("identitySecurityDefaultsEnforcementPolicy", &SILENT),
    row("identityUserFlowAttribute", &SILENT),
    row("identityUserFlowAttributeAssignment", &SILENT),
    row("inferenceClassificationOverride", &SPOKEN),
    row("linkedResource", &SPOKEN),
    row("messageRule", &SPOKEN),
    row("microsoft.graph.externalConnectors.externalConnection", &CONNECTION),
    row("microsoft.graph.externalConnectors.externalGroup", &SILENT),
    row("microsoft.graph.externalConnectors.externalItem", &ITEM),
    row("microsoft.graph.search.acronym", &FOUND),
    TypeRules { wording: &LOCATION_WORDING, ..row("namedLocation", &SILENT) },
    row("onlineMeeting", &SPOKEN),
    row("organizationalBranding", &BRANDING),
    row("organizationalBrandingLocalization", &BRANDING),
    row("outlookCategory", &SPOKEN),
    row("permission", &SPOKEN),
    row("permissionGrantPolicy", &SILENT),
    row("place", &SPOKEN),
    row("printConnector", &SPOKEN),
    row("printJob", &SPOKEN),
    row("printSettings", &SILENT),
    row("printTask", &SPOKEN),
    row("printTaskDefinition", &SPOKEN),
    row("printer", &SPOKEN),
    row("printerShare", &SPOKEN),
    row("schemaExtension", &SILENT),
    row("secureScoreControlProfile", &SILENT),
    TypeRules { wording: &SITE_WORDING, ..row("site", &DEFAULT_CAPABILITIES) },
    row("teamsAppDefinition", &SPOKEN),
    row("teamsTab", &SPOKEN),
    row("todoTask", &SPOKEN),
    row("todoTaskList", &SPOKEN),
    row("temporaryAccessPassAuthenticationMethod", &PASS),
    row("tokenIssuancePolicy", &SILENT),
    row("tokenLifetimePolicy", &SILENT),
    row("unifiedRoleManagementPolicyRule", &SILENT),
    row("userActivity", &ACTIVITY),
    row("workbookChart", &WORKBOOK),
    row("workbookChartAxis", &SPOKEN),
    row("workbookChartAxisTitle", &SPOKEN),
    row("workbookChartDataLabels", &SPOKEN),
    row("workbookChartFont", &SPOKEN),
    row("workbookChartGridlines", &SPOKEN),
    row("workbookChartLegend", &SPOKEN),
    row("workbookChartLineFormat", &SPOKEN),
    row("workbookChartSeries", &SPOKEN),
    row("workbookChartTitle", &SPOKEN),
    row("workbookNamedItem", &SPOKEN),
    row("workbookTable", &WORKBOOK),
    row("workbookTableColumn", &WORKBOOK),
    row("workbookTableRow", &WORKBOOK),
    row("workbookWorksheet", &WORKBOOK),
];
