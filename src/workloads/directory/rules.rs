//! Rules of the directory that CSDL cannot express, and of the type that all entities derive from.

use crate::edm::schema::{
    Capabilities, DEFAULT_CAPABILITIES, DEFAULT_MEDIA, DEFAULT_WORDING, DefaultProjection, DerivedKey, IdForm, KeyCheck,
    KeyMember, LimitHeaders, MediaRules, PropertyRule, RecycledRules, Required, SearchRules, ServerSetValue, TypeRules, Unique,
    UnknownMembers, UpdateAnswer, View, Wording, WorkloadRules,
};
use crate::policy::behavior::{
    AdvancedQueries, DirectoryPaging, DirectoryTextCase, DirectoryUnknownMembers, DirectoryUnknownNames,
};
use crate::policy::refusal;
use crate::text::guid::is_guid;

/// Strong: statuses and initial values are those of answers recorded in Azure/azure-cli (`test_user_scenario.yaml`,
/// `test_group_scenario.yaml`, `test_app_owner.yaml`) and in Azure/azure-powershell (`Application.Recording.json`). Medium: the other objects,
/// and the properties that the resource pages call read-only. The service refuses some of these in a body ("Property '…' is read-only and
/// cannot be set.", msgraph-beta-sdk-java#621); for which is not known: createdDateTime of users is refused, all others are ignored (none).
pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        // A text that is not a GUID can be the name of a user.
        TypeRules { is_consulted: true, ..object("user", &OBJECT, &WORDING) },
        object("group", &OBJECT, &KEYED_WORDING),
        object("application", &OBJECT, &KEYED_WORDING),
        object("servicePrincipal", &OBJECT, &KEYED_WORDING),
        object("device", &OBJECT, &KEYED_WORDING),
        TypeRules { is_consulted: true, ..object("appRoleAssignment", &OBJECT, &GRANT_WORDING) },
        object("oAuth2PermissionGrant", &OBJECT, &GRANT_WORDING),
        object("federatedIdentityCredential", &OBJECT, &WORDING),
        object("organization", &ORGANIZATION, &WORDING),
        object("directoryObject", &ANY_OBJECT, &KEYED_WORDING),
        object("profilePhoto", &DEFAULT_CAPABILITIES, &PHOTO_WORDING),
    ],
    // Medium: learn.microsoft.com/graph/throttling-limits, identity and access.
    limit_headers: &[
        ("directoryObject", LimitHeaders::Throttle),
        ("domain", LimitHeaders::Throttle),
        ("domainDnsRecord", LimitHeaders::Throttle),
        ("groupSetting", LimitHeaders::Throttle),
        ("groupSettingTemplate", LimitHeaders::Throttle),
        ("licenseDetails", LimitHeaders::Throttle),
        ("oAuth2PermissionGrant", LimitHeaders::Throttle),
        ("organization", LimitHeaders::Throttle),
        ("subscribedSku", LimitHeaders::Throttle),
    ],
    properties: &[
        // Medium: learn.microsoft.com/graph/api/resources/federatedidentitycredential. That another value is ignored is a guess (none).
        ("federatedIdentityCredential", "name", PropertyRule::Immutable),
        // Whether an id in a body is refused or ignored is not known (none).
        ("entity", "id", PropertyRule::ReadOnly),
        ("directoryObject", "deletedDateTime", PropertyRule::ReadOnly),
        ("user", "createdDateTime", PropertyRule::Unchangeable(&refusal::READ_ONLY_PROPERTY)),
        ("user", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("user", "createdDateTime", PropertyRule::WholeSeconds),
        ("user", "securityIdentifier", PropertyRule::ReadOnly),
        // Strong: null even when it is selected (recorded in Azure/azure-cli).
        ("user", "passwordProfile", PropertyRule::WriteOnly),
        ("group", "createdDateTime", PropertyRule::ReadOnly),
        ("group", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("group", "createdDateTime", PropertyRule::WholeSeconds),
        ("group", "renewedDateTime", PropertyRule::ReadOnly),
        ("group", "renewedDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("group", "renewedDateTime", PropertyRule::WholeSeconds),
        ("group", "securityIdentifier", PropertyRule::ReadOnly),
        ("application", "appId", PropertyRule::ReadOnly),
        ("application", "createdDateTime", PropertyRule::ReadOnly),
        ("application", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("application", "publisherDomain", PropertyRule::ReadOnly),
        ("user", "userType", PropertyRule::CreatedWith("\"Member\"")),
        ("application", "signInAudience", PropertyRule::CreatedWith("\"AzureADandPersonalMicrosoftAccount\"")),
        ("application", "info", PropertyRule::CreatedWith("{}")),
        (
            "application",
            "parentalControlSettings",
            PropertyRule::CreatedWith(r#"{"countriesBlockedForMinors":[],"legalAgeGroupRule":"Allow"}"#),
        ),
        ("application", "publicClient", PropertyRule::CreatedWith("{}")),
        ("application", "spa", PropertyRule::CreatedWith("{}")),
        ("application", "verifiedPublisher", PropertyRule::CreatedWith("{}")),
        ("application", "web", PropertyRule::CreatedWith(r#"{"implicitGrantSettings":{}}"#)),
        ("application", "oauth2RequirePostResponse", PropertyRule::InitialValue("false")),
        ("implicitGrantSettings", "enableAccessTokenIssuance", PropertyRule::InitialValue("false")),
        ("implicitGrantSettings", "enableIdTokenIssuance", PropertyRule::InitialValue("false")),
        // Strong: the secret is in the answer of `addPassword` alone (recorded in Azure/azure-cli and azure-powershell).
        ("passwordCredential", "secretText", PropertyRule::WriteOnly),
        ("servicePrincipal", "appDisplayName", PropertyRule::ReadOnly),
        ("servicePrincipal", "appOwnerOrganizationId", PropertyRule::ReadOnly),
        ("servicePrincipal", "servicePrincipalType", PropertyRule::CreatedWith("\"Application\"")),
        ("servicePrincipal", "accountEnabled", PropertyRule::InitialValue("true")),
        ("servicePrincipal", "appRoleAssignmentRequired", PropertyRule::InitialValue("false")),
        // Medium: learn.microsoft.com/graph/api/invitation-post and resources/invitation.
        ("invitation", "inviteRedeemUrl", PropertyRule::ReadOnly),
        ("invitation", "invitedUserType", PropertyRule::CreatedWith("\"Guest\"")),
        ("invitation", "resetRedemption", PropertyRule::CreatedWith("false")),
        ("invitation", "sendInvitationMessage", PropertyRule::CreatedWith("false")),
        ("invitation", "status", PropertyRule::CreatedWith("\"PendingAcceptance\"")),
    ],
    // Strong: pnp/cli-microsoft365 `entra user guest add` and learn.microsoft.com/graph/api/invitation-post, with the id alone.
    shown_with_new: &[("invitation", "invitedUser")],
    caller_singletons: &[("me", "users")],
    // Strong (recorded in Azure/azure-cli); without regard to case, medium.
    segment_keys: &[("user", "userPrincipalName")],
    // Medium: learn.microsoft.com/graph/api/opentypeextension-get, opentypeextension-update and opentypeextension-delete: by the name, or
    // qualified, of which the pages print two forms.
    derived_segment_keys: &[(
        "extension",
        DerivedKey { type_name: "openTypeExtension", property: "extensionName", qualifier: Some("opentypeextension.") },
    )],
    // The emulator's own, for fixtures that do not name the types of their objects.
    placeholders: &["directoryObject"],
    // Strong for domains, whose id is their name (pnp/pnpcore, recorded), medium for the others: the bodies and the answers of
    // learn.microsoft.com/graph/api/schemaextension-post-schemaextensions, directory-post-attributesets and
    // customsecurityattributedefinition-post-allowedvalues.
    chosen_keys: &["domain", "schemaExtension", "attributeSet", "allowedValue"],
    searches: &[("directoryObject", &SEARCH)],
    caseless: &[(
        "directoryObject",
        ("directory-text-case", |behaviors| behaviors.directory_text_case == DirectoryTextCase::Same),
    )],
    paged: &[("directoryObject", ("directory-paging", |behaviors| behaviors.directory_paging == DirectoryPaging::Strict))],
    // Medium: learn.microsoft.com/graph/api/federatedidentitycredential-upsert, application-upsert, group-upsert and serviceprincipal-upsert.
    upserted: &[
        ("federatedIdentityCredential", "name"),
        ("application", "uniqueName"),
        ("group", "uniqueName"),
        ("servicePrincipal", "appId"),
    ],
    closed: &[(
        "directoryObject",
        ("directory-unknown-names", |behaviors| behaviors.directory_unknown_names == DirectoryUnknownNames::Refuse),
    )],
    unknown_members: &[(
        "directoryObject",
        UnknownMembers {
            choice: ("directory-unknown-members", |behaviors| {
                behaviors.directory_unknown_members == DirectoryUnknownMembers::Refuse
            }),
            refusal: &refusal::UNKNOWN_DIRECTORY_MEMBER,
        },
    )],
    eventual: &[("directoryObject", ("advanced-queries", |behaviors| behaviors.advanced_queries == AdvancedQueries::Refuse))],
    // Medium: learn.microsoft.com/graph/api/group-post-members, group-post-owners, application-post-owners, serviceprincipal-post-owners
    // and user-post-manager.
    linked_types: &[
        (("group", "members"), &["user", "group", "device", "servicePrincipal", "orgContact"]),
        (("group", "owners"), &["user", "servicePrincipal"]),
        (("application", "owners"), &["user", "servicePrincipal"]),
        (("servicePrincipal", "owners"), &["user", "servicePrincipal"]),
        (("user", "manager"), &["user", "orgContact"]),
    ],
    // Strong: microsoft-graph-docs-contrib#1517 (recorded: refused for a group without groups in it, answered for others, and for users).
    doubted_casts: &[(("group", "transitiveMembers"), "group")],
    // Strong: microsoft-graph-docs#15109 and #2632, microsoft-graph-docs-contrib#3591; without a link to the others.
    expand_limits: &[("directoryObject", 20)],
    // Medium: learn.microsoft.com/graph/api/group-post-acceptedsenders, group-post-rejectedsenders, featurerolloutpolicy-post-appliesto,
    // accesspackage-post-incompatiblegroup, educationassignment-post-categories, educationassignment-put-rubric,
    // connectedorganization-post-externalsponsors and connectedorganization-post-internalsponsors add links, and the pages that delete remove
    // them.
    references: &[
        ("group", "acceptedSenders"),
        ("group", "rejectedSenders"),
        ("featureRolloutPolicy", "appliesTo"),
        ("accessPackage", "incompatibleGroups"),
        ("educationAssignment", "categories"),
        ("educationAssignment", "rubric"),
        ("connectedOrganization", "externalSponsors"),
        ("connectedOrganization", "internalSponsors"),
    ],
    // Medium: learn.microsoft.com/graph/api/entitlementmanagement-post-assignmentrequests (that the request creates the assignment, and the
    // subject if needed). Whether a package and a policy must exist is a guess (none).
    created_elsewhere: &[("accessPackageAssignmentRequest", "assignment")],
    key_members: &[(
        "accessPackageAssignment",
        &[
            KeyMember { name: "accessPackageId", navigation: "accessPackage", begins: false },
            KeyMember { name: "assignmentPolicyId", navigation: "assignmentPolicy", begins: false },
            KeyMember { name: "targetId", navigation: "target", begins: true },
        ],
    )],
    // The pages of both sides describe one relation (learn.microsoft.com/graph/api/user-list-memberof, group-list-members,
    // user-list-directreports, user-list-ownedobjects).
    inverses: &[
        (("group", "members"), ("user", "memberOf")),
        (("group", "members"), ("group", "memberOf")),
        (("group", "members"), ("servicePrincipal", "memberOf")),
        (("group", "members"), ("device", "memberOf")),
        (("group", "members"), ("orgContact", "memberOf")),
        (("directoryRole", "members"), ("user", "memberOf")),
        (("directoryRole", "members"), ("group", "memberOf")),
        (("directoryRole", "members"), ("servicePrincipal", "memberOf")),
        (("administrativeUnit", "members"), ("user", "memberOf")),
        (("administrativeUnit", "members"), ("group", "memberOf")),
        (("administrativeUnit", "members"), ("device", "memberOf")),
        (("user", "manager"), ("user", "directReports")),
        (("orgContact", "manager"), ("user", "directReports")),
        (("group", "owners"), ("user", "ownedObjects")),
        (("application", "owners"), ("user", "ownedObjects")),
        (("servicePrincipal", "owners"), ("user", "ownedObjects")),
        (("group", "owners"), ("servicePrincipal", "ownedObjects")),
        (("application", "owners"), ("servicePrincipal", "ownedObjects")),
        (("servicePrincipal", "owners"), ("servicePrincipal", "ownedObjects")),
        (("device", "registeredOwners"), ("user", "ownedDevices")),
        (("device", "registeredUsers"), ("user", "registeredDevices")),
    ],
    // learn.microsoft.com/graph/api/resources/directory: deleted users, applications and Microsoft 365 groups can be restored, others are
    // gone.
    recycled: &[recycled("user", None), recycled("group", Some(("groupTypes", "Unified"))), recycled("application", None)],
    kept_links: &[(("group", "owners"), &refusal::LAST_OWNER)],
    // Medium (pages on profilePhoto of learn.microsoft.com/graph/api): 200 without a body.
    media: &[("profilePhoto", "", &PHOTO)],
    link_limits: &[("directoryObject", 20)],
    // Medium: learn.microsoft.com/graph/delta-query-overview.
    plain_deltas: &["directoryObject"],
    // Strong for members of groups (microsoft-graph-docs#5874, microsoft-graph-docs-contrib#2005), medium for the others (the same page).
    delta_links: &[
        ("group", "members"),
        ("group", "owners"),
        ("user", "manager"),
        ("directoryRole", "members"),
        ("administrativeUnit", "members"),
    ],
    // learn.microsoft.com/graph/api/group-list-transitivemembers, user-list-transitivememberof
    transitive: &[
        (("group", "transitiveMembers"), &["members"]),
        (("group", "transitiveMemberOf"), &["memberOf"]),
        (("user", "transitiveMemberOf"), &["memberOf"]),
        (("servicePrincipal", "transitiveMemberOf"), &["memberOf"]),
        (("device", "transitiveMemberOf"), &["memberOf"]),
        (("orgContact", "transitiveMemberOf"), &["memberOf"]),
    ],
    // A team has the id of its group (strong, recorded in pnp/pnpcore).
    views: &[("group", "team", View::SameKey("teams"))],
    // Strong for userPrincipalName, proxyAddresses, mailNickname of groups of Microsoft 365 (recorded in Azure/azure-cli: security groups share
    // it) and identifierUris; medium for the others. See the rows of the refusals.
    unique: &[
        ("user", unique("userPrincipalName")),
        ("user", unique("proxyAddresses")),
        ("user", unique("onPremisesImmutableId")),
        ("application", unique("identifierUris")),
        ("application", unique("uniqueName")),
        ("group", unique("uniqueName")),
        ("group", Unique { among: Some(("groupTypes", "Unified")), ..unique("mailNickname") }),
        ("federatedIdentityCredential", Unique { refusal: &refusal::FEDERATED_NAME_EXISTS, ..unique("name") }),
        (
            "federatedIdentityCredential",
            Unique { with: Some("issuer"), refusal: &refusal::FEDERATED_SUBJECT_EXISTS, ..unique("subject") },
        ),
        ("servicePrincipal", Unique { refusal: &refusal::SERVICE_PRINCIPAL_EXISTS, ..unique("appId") }),
    ],
    // Members: Azure/azure-cli (recorded) for applications, service principals, credentials and grants (strong); the pages of the others, such as
    // learn.microsoft.com/graph/api/user-post-users (medium). The order of the checks is a guess.
    required: &[
        (
            "user",
            Required {
                // A user with other identities needs no name for Entra itself (learn.microsoft.com/graph/api/user-post-users, weak).
                relief: Some(("identities", &["displayName", "passwordProfile"])),
                ..required(&["accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"])
            },
        ),
        ("group", required(&["displayName", "mailEnabled", "mailNickname", "securityEnabled"])),
        ("application", required(&["displayName"])),
        ("servicePrincipal", required(&["appId"])),
        ("federatedIdentityCredential", required(&["name", "issuer", "subject", "audiences"])),
        (
            "device",
            required(&[
                "accountEnabled",
                "alternativeSecurityIds",
                "deviceId",
                "displayName",
                "operatingSystem",
                "operatingSystemVersion",
            ]),
        ),
        ("directoryRole", required(&["roleTemplateId"])),
        ("oAuth2PermissionGrant", required(&["clientId", "consentType", "resourceId", "scope"])),
        ("invitation", required(&["invitedUserEmailAddress", "inviteRedirectUrl"])),
    ],
    // Strong: the answers to plain GETs and POSTs of the recordings named above, and in pnp/pnpcore. learn.microsoft.com/graph/api/resources/group
    // marks the properties "Returned only on $select".
    default_projections: &[("user", DefaultProjection::Only(&USER)), ("group", DefaultProjection::Except(&GROUP))],
    ..WorkloadRules::NONE
};

const fn unique(property: &'static str) -> Unique {
    Unique { property, among: None, with: None, refusal: &refusal::NOT_UNIQUE }
}

const fn required(members: &'static [&'static str]) -> Required {
    Required {
        members,
        relief: None,
        missing: &refusal::MISSING_DIRECTORY_PROPERTY,
        empty: Some(&refusal::EMPTY_DIRECTORY_PROPERTY),
    }
}

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
/// (learn.microsoft.com/graph/search-query-parameter, medium).
static SEARCH: SearchRules = SearchRules { by_words: &["displayName", "description"], unnamed: &[], everything: None };

/// A successful PATCH is answered with 204 (strong for users, groups and applications, recorded in Azure/azure-cli; medium for others).
static OBJECT: Capabilities = Capabilities { answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// A directory has one organization, which cannot be created or deleted (medium: learn.microsoft.com/graph/api/resources/organization).
static ORGANIZATION: Capabilities =
    Capabilities { creates: false, deletes: false, answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// Objects of any type are created and updated in the sets of their types (learn.microsoft.com/graph/api/directoryobject-delete is the
/// only page for a change here, medium).
static ANY_OBJECT: Capabilities =
    Capabilities { creates: false, update: None, answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

const fn recycled(name: &'static str, only: Option<(&'static str, &'static str)>) -> RecycledRules {
    RecycledRules { name, bin: "directory/deletedItems", only, deleted_at: "deletedDateTime" }
}

const fn object(name: &'static str, capabilities: &'static Capabilities, wording: &'static Wording) -> TypeRules {
    TypeRules { name, capabilities, wording, is_consulted: false }
}

static PHOTO_WORDING: Wording = Wording { unknown_entity: &refusal::IMAGE_NOT_FOUND, ..WORDING };

static PHOTO: MediaRules = MediaRules {
    creates: true,
    answer: Some(200),
    absent: Some(&refusal::IMAGE_NOT_FOUND),
    members: Some(super::photo::members),
    ..DEFAULT_MEDIA
};

/// Strong: the rows named in the table of refusals.
static KEYED_WORDING: Wording = Wording { malformed_key: Some(&GUIDS), ..WORDING };

static GUIDS: KeyCheck = KeyCheck { is_well_formed: is_guid, refusal: &refusal::INVALID_DIRECTORY_KEY };

/// Strong: ids recorded in pnp/pnpcore have 43 characters.
static GRANT_WORDING: Wording = Wording { id: IdForm::Base64 { prefix: "", bytes: 32 }, ..WORDING };

static WORDING: Wording = Wording {
    unknown_entity: &refusal::UNKNOWN_DIRECTORY_OBJECT,
    unknown_ancestor: &refusal::UNKNOWN_DIRECTORY_OBJECT,
    ..DEFAULT_WORDING
};
