//! Rules of the directory that CSDL cannot express, and of the type that all entities derive from.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_WORDING, DefaultProjection, PropertyRule, SearchRules, ServerSetValue, TypeRules, UpdateAnswer,
    Wording, WorkloadRules,
};
use crate::policy::refusal;

/// Statuses and initial values are those of answers recorded in Azure/azure-cli (`test_user_scenario.yaml`, `test_group_scenario.yaml`,
/// `test_app_owner.yaml`) and in Azure/azure-powershell (`Application.Recording.json`).
pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        object("user", &OBJECT),
        object("group", &OBJECT),
        object("application", &OBJECT),
        object("servicePrincipal", &OBJECT),
        object("appRoleAssignment", &OBJECT),
        object("federatedIdentityCredential", &OBJECT),
        object("organization", &ORGANIZATION),
        object("directoryObject", &ANY_OBJECT),
    ],
    properties: &[
        ("entity", "id", PropertyRule::ReadOnly),
        ("directoryObject", "deletedDateTime", PropertyRule::ReadOnly),
        ("user", "createdDateTime", PropertyRule::ReadOnly),
        ("user", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("user", "securityIdentifier", PropertyRule::ReadOnly),
        ("user", "passwordProfile", PropertyRule::WriteOnly),
        ("group", "createdDateTime", PropertyRule::ReadOnly),
        ("group", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("group", "renewedDateTime", PropertyRule::ReadOnly),
        ("group", "renewedDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("group", "securityIdentifier", PropertyRule::ReadOnly),
        ("application", "appId", PropertyRule::ReadOnly),
        ("application", "createdDateTime", PropertyRule::ReadOnly),
        ("application", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("application", "publisherDomain", PropertyRule::ReadOnly),
        ("application", "oauth2RequirePostResponse", PropertyRule::InitialValue("false")),
        ("implicitGrantSettings", "enableAccessTokenIssuance", PropertyRule::InitialValue("false")),
        ("implicitGrantSettings", "enableIdTokenIssuance", PropertyRule::InitialValue("false")),
        // The secret is in the answer of `addPassword` alone.
        ("passwordCredential", "secretText", PropertyRule::WriteOnly),
        ("servicePrincipal", "appDisplayName", PropertyRule::ReadOnly),
        ("servicePrincipal", "appOwnerOrganizationId", PropertyRule::ReadOnly),
        ("servicePrincipal", "accountEnabled", PropertyRule::InitialValue("true")),
        ("servicePrincipal", "appRoleAssignmentRequired", PropertyRule::InitialValue("false")),
    ],
    caller_singletons: &[("me", "users")],
    segment_keys: &[("user", "userPrincipalName")],
    placeholders: &["directoryObject"],
    searches: &[("directoryObject", &SEARCH)],
    // Strong: the answers to plain GETs and POSTs of the recordings named above, and in pnp/pnpcore. learn.microsoft.com/graph/api/resources/group
    // marks the properties "Returned only on $select".
    default_projections: &[("user", DefaultProjection::Only(&USER)), ("group", DefaultProjection::Except(&GROUP))],
    ..WorkloadRules::NONE
};

/// The members of a user without `$select`, on every way to it.
const USER: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];

/// The members of a group that only `$select` returns.
const GROUP: [&str; 11] = [
    "allowExternalSenders",
    "assignedLabels",
    "assignedLicenses",
    "autoSubscribeNewMembers",
    "hasMembersWithLicenseErrors",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isArchived",
    "isSubscribedByMail",
    "licenseProcessingState",
    "unseenCount",
];

/// `displayName` and `description` are split into words, other properties are compared by their beginning
/// (learn.microsoft.com/graph/search-query-parameter).
static SEARCH: SearchRules = SearchRules { by_words: &["displayName", "description"], unnamed: &[] };

/// A successful PATCH is answered with 204.
static OBJECT: Capabilities = Capabilities { answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// A directory has one organization, which cannot be created or deleted.
static ORGANIZATION: Capabilities =
    Capabilities { creates: false, deletes: false, answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// Objects of any type are created and updated in the sets of their types (learn.microsoft.com/graph/api/directoryobject-delete is the
/// only page for a change here).
static ANY_OBJECT: Capabilities =
    Capabilities { creates: false, update: None, answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

const fn object(name: &'static str, capabilities: &'static Capabilities) -> TypeRules {
    TypeRules { name, capabilities, wording: &WORDING, is_consulted: false }
}

static WORDING: Wording = Wording {
    unknown_entity: &refusal::UNKNOWN_DIRECTORY_OBJECT,
    unknown_ancestor: &refusal::UNKNOWN_DIRECTORY_OBJECT,
    ..DEFAULT_WORDING
};
