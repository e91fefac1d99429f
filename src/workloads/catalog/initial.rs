//! Values that the service gives new entities of types without a workload of their own.
//!
//! Source: the answers on the pages of learn.microsoft.com/graph/api where the requests do not have the properties, *medium*, unless said.

use crate::edm::schema::PropertyRule;
use crate::world::workload::{Derived, DerivedValue};

const fn with(json: &'static str) -> PropertyRule {
    PropertyRule::CreatedWith(json)
}

#[rustfmt::skip]
pub(super) static PROPERTIES: &[(&str, &str, PropertyRule)] = &[
    // accessreviewset-post-historydefinitions
    ("accessReviewHistoryDefinition", "status", with("\"requested\"")),
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
    ("teamsAppDefinition", "lastModifiedDateTime", PropertyRule::NotServerSet),
    // todo-post-lists
    ("todoTaskList", "isOwner", with("true")),
    // rbacapplication-post-roledefinitions
    ("unifiedRoleDefinition", "isBuiltIn", with("false")),
];

/// The template of a custom role is the role itself (rbacapplication-post-roledefinitions).
pub(super) static DERIVED: [Derived; 1] =
    [Derived { type_name: "unifiedRoleDefinition", property: "templateId", value: |role| Some(DerivedValue::text(role.key)) }];
