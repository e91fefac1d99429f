//! Values that the service gives new entities of types without a workload of their own.
//!
//! Source: the answers on the pages of learn.microsoft.com/graph/api where the requests do not have the properties, *medium*, unless said.

use super::schedule_requests;
use crate::edm::date_time::DateTimeOffset;
use crate::edm::schema::PropertyRule;
use crate::edm::value::Value;
use crate::entra::caller::{self, Caller};
use crate::entra::user::LOCAL_USER;
use crate::text::json::quoted;
use crate::world::clock::unix_millis;
use crate::world::workload::{Derived, DerivedValue, NewEntity, text_of};

const fn with(json: &'static str) -> PropertyRule {
    PropertyRule::CreatedWith(json)
}

#[rustfmt::skip]
pub(super) static PROPERTIES: &[(&str, &str, PropertyRule)] = &[
    // security-ediscoverycase-post-custodians prints the dates of .NET for what has not happened.
    ("microsoft.graph.security.ediscoveryCustodian", "acknowledgedDateTime", with("\"0001-01-01T00:00:00Z\"")),
    // identitygovernance-lifecycleworkflowscontainer-post-workflows
    ("microsoft.graph.identityGovernance.workflow", "version", with("1")),
    // termstore-group-post
    ("microsoft.graph.termStore.group", "scope", with("\"global\"")),
    // privilegedaccessgroup-post-assignmentschedulerequests, rbacapplication-post-roleeligibilityschedulerequests,
    // rbacapplication-post-roleassignmentschedulerequests
    ("privilegedAccessScheduleRequest", "isValidationOnly", with("false")),
    ("privilegedAccessScheduleRequest", "ticketInfo", with(NO_TICKET)),
    ("unifiedRoleAssignmentScheduleRequest", "isValidationOnly", with("false")),
    ("unifiedRoleAssignmentScheduleRequest", "ticketInfo", with(NO_TICKET)),
    ("unifiedRoleEligibilityScheduleRequest", "isValidationOnly", with("false")),
    ("unifiedRoleEligibilityScheduleRequest", "ticketInfo", with(NO_TICKET)),
    // virtualeventsroot-post-townhalls; virtualeventsroot-post-webinars for the state
    ("virtualEvent", "status", with("\"draft\"")),
    ("virtualEventTownhall", "isInviteOnly", with("false")),
    // accessreviewset-post-historydefinitions
    ("accessReviewHistoryDefinition", "status", with("\"requested\"")),
    // authentication-post-temporaryaccesspassmethods: the answer to the creation alone has it.
    ("temporaryAccessPassAuthenticationMethod", "temporaryAccessPass", PropertyRule::WriteOnly),
    ("temporaryAccessPassAuthenticationMethod", "temporaryAccessPass", PropertyRule::ReadOnly),
    // todotask-post-checklistitems
    ("checklistItem", "isChecked", with("false")),
    // identityuserflowattribute-post: the others are built in.
    ("identityUserFlowAttribute", "userFlowAttributeType", with("\"custom\"")),
    // mailsearchfolder-post
    ("mailSearchFolder", "isSupported", with("true")),
    // permissiongrantpolicy-post-includes, and the defaults of resources/permissiongrantconditionset
    ("permissionGrantConditionSet", "clientApplicationIds", with("[\"all\"]")),
    ("permissionGrantConditionSet", "clientApplicationPublisherIds", with("[\"all\"]")),
    ("permissionGrantConditionSet", "clientApplicationTenantIds", with("[\"all\"]")),
    ("permissionGrantConditionSet", "clientApplicationsFromVerifiedPublisherOnly", with("false")),
    ("permissionGrantConditionSet", "permissionClassification", with("\"all\"")),
    ("permissionGrantConditionSet", "permissions", with("[\"all\"]")),
    ("permissionGrantConditionSet", "resourceApplication", with("\"any\"")),
    // resources/schemaextension (that it is set), schemaextension-post-schemaextensions
    ("schemaExtension", "status", with("\"InDevelopment\"")),
    // securescorecontrolprofile-update prints null after a change, teamsapp-publish and userteamwork-list-installedapps after a publication.
    ("secureScoreControlProfile", "lastModifiedDateTime", PropertyRule::NotServerSet),
    ("teamsAppDefinition", "createdBy", PropertyRule::NotServerSet),
    ("teamsAppDefinition", "lastModifiedDateTime", PropertyRule::NotServerSet),
    // todo-post-lists
    ("todoTaskList", "isOwner", with("true")),
    // rbacapplication-post-roledefinitions
    ("unifiedRoleDefinition", "isBuiltIn", with("false")),
];

/// A request without a ticket.
const NO_TICKET: &str = r#"{"ticketNumber":null,"ticketSystem":null}"#;

const fn row(type_name: &'static str, property: &'static str, value: fn(&NewEntity<'_>) -> Option<DerivedValue>) -> Derived {
    Derived { type_name, property, value }
}

#[rustfmt::skip]
pub(super) static DERIVED: [Derived; 21] = [
    // The template of a custom role is the role itself (rbacapplication-post-roledefinitions).
    row("unifiedRoleDefinition", "templateId", |role| Some(DerivedValue::text(role.key))),
    // print-post-shares. Of a share alone: a printer has these of its own.
    row("printerShare", "isAcceptingJobs", |_| Some(DerivedValue::Json("true".to_owned()))),
    row("printerShare", "status", |_| Some(DerivedValue::Json(r#"{"state":"ready","details":[],"description":""}"#.to_owned()))),
    // authentication-post-temporaryaccesspassmethods; that the state stays when the time has come is a guess (none), and so is the form.
    row("temporaryAccessPassAuthenticationMethod", "temporaryAccessPass", |method| {
        Some(DerivedValue::text(&method.world.next_tag_id().simple().to_string()[..8]))
    }),
    row("temporaryAccessPassAuthenticationMethod", "isUsable", |method| Some(DerivedValue::Json((!begins_later(method)).to_string()))),
    row("temporaryAccessPassAuthenticationMethod", "methodUsabilityReason", |method| {
        Some(DerivedValue::text(if begins_later(method) { "NotYetValid" } else { "EnabledByPolicy" }))
    }),
    // security-ediscoverycase-post-custodians
    row("security.ediscoveryCustodian", "status", |_| Some(DerivedValue::text("active"))),
    row("security.ediscoveryCustodian", "holdStatus", |_| Some(DerivedValue::text("applied"))),
    row("security.ediscoveryCustodian", "displayName", |custodian| {
        let email = custodian.text("email")?;
        let (user, structured) = custodian.find("users", "mail", &email).or_else(|| custodian.find("users", "userPrincipalName", &email))?;
        text_of(structured, &user.properties, "displayName").map(|name| DerivedValue::text(&name))
    }),
    // sitepage-create
    row("sitePage", "webUrl", |page| {
        let (site, structured) = page.holder("site")?;
        let (site, name) = (text_of(structured, &site.properties, "webUrl")?, page.text("name")?);
        Some(DerivedValue::text(&format!("{}/SitePages/{name}", site.trim_end_matches('/'))))
    }),
    row("sitePage", "publishingState", |page| {
        let person = match caller::caller(page.headers) {
            Caller::User(person) => json_of(&person.id, person.display_name.as_deref()),
            Caller::Unknown => json_of(LOCAL_USER.0, Some(LOCAL_USER.1)),
            Caller::Application(_) => "null".to_owned(),
        };
        Some(DerivedValue::Json(format!(r#"{{"level":"checkout","versionId":"0.1","checkedOutBy":{{"user":{person}}}}}"#)))
    }),
    row("unifiedRoleEligibilityScheduleRequest", "status", schedule_requests::status),
    row("unifiedRoleAssignmentScheduleRequest", "status", schedule_requests::status),
    row("privilegedAccessScheduleRequest", "status", schedule_requests::status),
    row("unifiedRoleEligibilityScheduleRequest", "completedDateTime", schedule_requests::completed),
    row("unifiedRoleAssignmentScheduleRequest", "completedDateTime", schedule_requests::completed),
    row("privilegedAccessScheduleRequest", "completedDateTime", schedule_requests::completed),
    row("unifiedRoleEligibilityScheduleRequest", "targetScheduleId", schedule_requests::target),
    row("unifiedRoleAssignmentScheduleRequest", "targetScheduleId", schedule_requests::target),
    row("privilegedAccessGroupAssignmentScheduleRequest", "targetScheduleId", schedule_requests::target),
    row("privilegedAccessGroupEligibilityScheduleRequest", "targetScheduleId", schedule_requests::target),
];

/// Whether a method of authentication begins after its creation.
fn begins_later(method: &NewEntity<'_>) -> bool {
    let start = method.structured.slot("startDateTime").map(|slot| method.values.get(slot));
    let now = DateTimeOffset::from_unix_millis(unix_millis(method.now));
    matches!(start, Some(Value::DateTimeOffset(start)) if start.ticks() > now.ticks())
}

/// Returns a user as JSON.
fn json_of(id: &str, display_name: Option<&str>) -> String {
    format!(r#"{{"displayName":{},"id":{}}}"#, display_name.map_or("null".to_owned(), quoted), quoted(id))
}
