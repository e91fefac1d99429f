//! Settings, policies and the like that each user, group or organization has from the beginning.
//!
//! Values are those of the examples on the reference pages (learn.microsoft.com/graph/api, *medium*), as far as they are the same in each
//! organization. Ids that no page prints are a guess (*none*).

use crate::edm::schema::{ImpliedId, ImpliedRules, Tolerance};
use crate::policy::behavior::InitialEntities;

const CHOICE: Option<Tolerance> = Some(("initial-entities", |behaviors| behaviors.initial_entities == InitialEntities::Defaults));

/// One that belongs to an entity, and has its id, or to the organization, and has its name as the id.
const fn of_owner(members: &'static str) -> ImpliedRules {
    ImpliedRules { choice: CHOICE, id: ImpliedId::Owner(""), members }
}

const fn with_id(id: &'static str, members: &'static str) -> ImpliedRules {
    ImpliedRules { choice: CHOICE, id: ImpliedId::Fixed(id), members }
}

static PLAIN: ImpliedRules = of_owner("");

/// presence-get; presence-clearpresence: Offline without a session.
static PRESENCE: ImpliedRules = of_owner(r#""availability":"Offline","activity":"Offline""#);

/// educationuser-get: the signed-in user.
static EDUCATION_USER: ImpliedRules = ImpliedRules { choice: CHOICE, id: ImpliedId::Caller, members: "" };

/// authorizationpolicy-get.
static AUTHORIZATION: ImpliedRules = of_owner(concat!(
    r#""displayName":"Authorization Policy","#,
    r#""description":"Used to manage authorization related settings across the company.","#,
    r#""allowInvitesFrom":"everyone","allowedToSignUpEmailBasedSubscriptions":true,"allowedToUseSSPR":true,"#,
    r#""allowEmailVerifiedUsersToJoinOrganization":false,"blockMsolPowerShell":false,"#,
    r#""guestUserRoleId":"10dae51f-b6af-4016-8d66-8c2a99b929b3","#,
    r#""defaultUserRolePermissions":{"allowedToCreateApps":true,"allowedToCreateSecurityGroups":true,"#,
    r#""allowedToReadOtherUsers":true}"#,
));

/// authenticationmethodspolicy-get.
static METHODS: ImpliedRules = of_owner(r#""displayName":"Authentication Methods Policy""#);

/// authenticationflowspolicy-get.
static FLOWS: ImpliedRules = of_owner(r#""displayName":"Authentication flows policy","selfServiceSignUp":{"isEnabled":false}"#);

/// identitysecuritydefaultsenforcementpolicy-get.
static SECURITY_DEFAULTS: ImpliedRules = with_id(
    "00000000-0000-0000-0000-000000000005",
    r#""displayName":"Security Defaults","description":"Security defaults is a set of basic identity security mechanisms recommended by Microsoft. When enabled, these recommendations will be automatically enforced in your organization. Administrators and users will be better protected from common identity related attacks.","isEnabled":true"#,
);

/// tenantappmanagementpolicy-get.
static APP_MANAGEMENT: ImpliedRules = with_id("00000000-0000-0000-0000-000000000000", r#""isEnabled":false"#);

/// crosstenantaccesspolicyconfigurationdefault-get.
static CROSS_TENANT_DEFAULT: ImpliedRules = of_owner(r#""isServiceDefault":true"#);

/// peopleadminsettings-list-iteminsights, userinsightssettings-get: on by default.
static INSIGHTS: ImpliedRules = of_owner(r#""isEnabledInOrganization":true"#);
static USER_INSIGHTS: ImpliedRules = of_owner(r#""isEnabled":true"#);

/// Of types without a comment above, pages read or change one without creating it first: usersettings-get, adminconsentrequestpolicy-get,
/// crosstenantaccesspolicy-get, sharepointsettings-get, adminreportsettings-get, pronounssettings-get, entitlementmanagementsettings-get,
/// teamsappsettings-get, deviceregistrationpolicy-get, and those of collections in an entity that has no values itself.
pub(super) static IMPLIED: &[(&str, &ImpliedRules)] = &[
    ("adminConsentRequestPolicy", &PLAIN),
    ("adminReportSettings", &PLAIN),
    ("authentication", &PLAIN),
    ("authenticationFlowsPolicy", &FLOWS),
    ("authenticationMethodsPolicy", &METHODS),
    ("authorizationPolicy", &AUTHORIZATION),
    ("cloudClipboardRoot", &PLAIN),
    ("crossTenantAccessPolicy", &PLAIN),
    ("crossTenantAccessPolicyConfigurationDefault", &CROSS_TENANT_DEFAULT),
    ("deviceRegistrationPolicy", &PLAIN),
    ("educationUser", &EDUCATION_USER),
    ("employeeExperienceUser", &PLAIN),
    ("entitlementManagementSettings", &PLAIN),
    ("identitySecurityDefaultsEnforcementPolicy", &SECURITY_DEFAULTS),
    ("inferenceClassification", &PLAIN),
    ("insightsSettings", &INSIGHTS),
    ("itemInsights", &PLAIN),
    ("onenote", &PLAIN),
    ("outlookUser", &PLAIN),
    ("plannerGroup", &PLAIN),
    ("plannerUser", &PLAIN),
    ("presence", &PRESENCE),
    ("pronounsSettings", &PLAIN),
    ("sharepointSettings", &PLAIN),
    ("teamsAppSettings", &PLAIN),
    ("tenantAppManagementPolicy", &APP_MANAGEMENT),
    ("todo", &PLAIN),
    ("userInsightsSettings", &USER_INSIGHTS),
    ("userSettings", &PLAIN),
    ("userTeamwork", &PLAIN),
];
