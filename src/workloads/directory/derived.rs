//! Values of new objects of the directory that follow from others.

use std::sync::Arc;

use uuid::Uuid;

use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::Value;
use crate::text::json::quoted;
use crate::world::World;
use crate::world::fixture::directory::HOME_TENANT;
use crate::world::store::StoredEntity;
use crate::world::workload::{Derived, DerivedValue, KeyRule, NewEntity, text_of};

/// Strong, unless said: the answers to creations recorded in Azure/azure-cli (`test_user_scenario.yaml`, `test_group_scenario.yaml`,
/// `test_app_owner.yaml`) and Azure/azure-powershell (`Application.Recording.json`).
pub(super) static DERIVED: [Derived; 19] = [
    row("user", "securityIdentifier", security_identifier),
    row("group", "securityIdentifier", security_identifier),
    row("group", "visibility", |group| is_unified(group).then(|| DerivedValue::text("Public"))),
    row("group", "mail", |group| mail(group).as_deref().map(DerivedValue::text)),
    row("group", "proxyAddresses", |group| {
        mail(group).map(|mail| DerivedValue::Json(format!("[{}]", quoted(&format!("SMTP:{mail}")))))
    }),
    row("application", "appId", |application| Some(DerivedValue::text(&application.world.next_entity_id().to_string()))),
    row("application", "publisherDomain", |application| Some(DerivedValue::text(&default_domain(application)))),
    row("application", "api", |application| Some(api(application))),
    row("servicePrincipal", "appDisplayName", |principal| copied_text(principal, "displayName")),
    row("servicePrincipal", "displayName", |principal| copied_text(principal, "displayName")),
    row("servicePrincipal", "signInAudience", |principal| copied_text(principal, "signInAudience")),
    row("servicePrincipal", "appOwnerOrganizationId", |principal| {
        application(principal).map(|_| DerivedValue::text(&tenant(principal)))
    }),
    row("servicePrincipal", "servicePrincipalNames", names),
    row("servicePrincipal", "appRoles", |principal| {
        let (application, structured) = application(principal)?;
        Some(DerivedValue::Copied(application.properties.get(structured.slot("appRoles")?).clone()))
    }),
    row("servicePrincipal", "oauth2PermissionScopes", scopes),
    // Medium: learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto, group-post-approleassignments, user-post-approleassignments.
    row("appRoleAssignment", "principalDisplayName", |assignment| display_name(assignment, "principalId", &PRINCIPALS)),
    row("appRoleAssignment", "principalType", |assignment| {
        let id = assignment.text("principalId")?;
        let is_of = |(set, _): &&(&str, &str)| with_id(assignment, set, &id).is_some();
        PRINCIPALS.iter().find(is_of).map(|(_, name)| DerivedValue::text(name))
    }),
    row("appRoleAssignment", "resourceDisplayName", |assignment| display_name(assignment, "resourceId", &PRINCIPALS[2..])),
    // Medium: learn.microsoft.com/graph/api/invitation-post.
    row("invitation", "inviteRedeemUrl", |invitation| Some(redeem_url(invitation))),
];

/// Medium: learn.microsoft.com/graph/api/opentypeextension-post-opentypeextension (qualified ids), graph/extensibility-open-users (of an object of
/// the directory, the id is the name).
pub(super) static KEYS: [(&str, KeyRule); 3] = [
    ("openTypeExtension", |extension| {
        let holder = extension.ancestors.last()?;
        let directory = extension.model.type_named("directoryObject")?;
        let name = extension.text("extensionName")?;
        let is_of_directory = extension.model.is_a(holder.type_id, directory);
        Some(if is_of_directory { name.to_string() } else { format!("microsoft.graph.openTypeExtension.{name}") })
    }),
    // A name behind that of a domain stays as it is; others get a beginning of their own (medium,
    // learn.microsoft.com/graph/api/schemaextension-post-schemaextensions prints `courses` and `extk9eruy7c_courses`).
    ("schemaExtension", |extension| {
        let name = extension.text("id")?;
        Some(if name.contains('_') { name.to_string() } else { format!("ext{}_{name}", letters_and_digits(extension)) })
    }),
    // Medium: learn.microsoft.com/graph/api/resources/customsecurityattributedefinition (`attributeSet`_`name`). Without one of them, the
    // service assigns an id (none).
    ("customSecurityAttributeDefinition", |definition| {
        Some(format!("{}_{}", definition.text("attributeSet")?, definition.text("name")?))
    }),
];

/// Returns eight letters and digits that follow from the seed of the world.
fn letters_and_digits(new: &NewEntity<'_>) -> String {
    const ALPHABET: [u8; 36] = *b"abcdefghijklmnopqrstuvwxyz0123456789";
    let bytes = new.world.next_tag_id().into_bytes();
    // The bytes with the version and the variant of the number are not among them.
    bytes[..6].iter().chain(&bytes[14..]).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

const fn row(type_name: &'static str, property: &'static str, value: fn(&NewEntity<'_>) -> Option<DerivedValue>) -> Derived {
    Derived { type_name, property, value }
}

/// Returns the identifier of an object in the form of Windows: the 16 bytes of its id, the first three groups with the lowest byte first, as
/// four numbers.
fn security_identifier(object: &NewEntity<'_>) -> Option<DerivedValue> {
    let bytes = Uuid::parse_str(object.key).ok()?.to_bytes_le();
    let numbers: Vec<String> = bytes.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number).to_string()).collect();
    Some(DerivedValue::text(&format!("S-1-12-1-{}", numbers.join("-"))))
}

/// Returns the address at which an invitation is redeemed.
fn redeem_url(invitation: &NewEntity<'_>) -> DerivedValue {
    let (tenant, ticket) = (tenant(invitation), invitation.world.next_tag_id().simple());
    let id = invitation.key;
    DerivedValue::text(&format!(
        "https://login.microsoftonline.com/redeem?rd=https%3a%2f%2finvitations.microsoft.com%2fredeem%2f%3ftenant%3d{tenant}%26user%3d{id}%26ticket%3d{ticket}%26ver%3d2.0"
    ))
}

/// The sets of objects that can have a role of an application, and their kinds.
const PRINCIPALS: [(&str, &str); 3] = [("users", "User"), ("groups", "Group"), ("servicePrincipals", "ServicePrincipal")];

/// Returns the object of a root set with an id, and its type.
fn with_id<'n>(new: &'n NewEntity<'_>, set: &str, id: &str) -> Option<(Arc<StoredEntity>, &'n StructuredType)> {
    let root = new.model.root(set)?;
    let object = new.world.store.get(&root.set.into(), id)?;
    Some((object, new.model.structured(root.target)))
}

/// Returns the name of the object of the first of some sets that has an id.
fn display_name(new: &NewEntity<'_>, property: &str, sets: &[(&str, &str)]) -> Option<DerivedValue> {
    let id = new.text(property)?;
    let (object, structured) = sets.iter().find_map(|(set, _)| with_id(new, set, &id))?;
    text_of(structured, &object.properties, "displayName").map(|name| DerivedValue::text(&name))
}

/// Whether a group is one of Microsoft 365.
fn is_unified(group: &NewEntity<'_>) -> bool {
    group.items("groupTypes").iter().any(|item| matches!(item, Value::String(text) if **text == *"Unified"))
}

/// Returns the address of a group of Microsoft 365.
fn mail(group: &NewEntity<'_>) -> Option<String> {
    let nickname = group.text("mailNickname").filter(|_| is_unified(group))?;
    Some(format!("{nickname}@{}", default_domain(group)))
}

/// Returns the default domain of the organization.
pub(super) fn default_domain(object: &NewEntity<'_>) -> String {
    domain(object.world, object.model, "isDefault")
}

/// Returns the domain that the organization had first.
pub(super) fn initial_domain(world: &World, model: &Model) -> String {
    domain(world, model, "isInitial")
}

/// Returns the domain of the organization that has a mark.
fn domain(world: &World, model: &Model, mark: &str) -> String {
    let find = || {
        let root = model.root("organization")?;
        let (_, organization) = world.store.collection(root.set).page(None, 0, 1).into_iter().next()?;
        let structured = model.structured(root.target);
        let property = &structured.properties[structured.property("verifiedDomains")?];
        let PropertyType::Collection(item) = property.kind else { return None };
        let PropertyType::Complex(id) = item.kind() else { return None };
        let domain_type = model.structured(id);
        let is_marked = domain_type.slot(mark)?;
        let Value::Collection(domains) = organization.properties.get(property.slot) else { return None };
        let name = |domain: &Value| match domain {
            Value::Complex(domain) if *domain.get(is_marked) == Value::Boolean(true) => text_of(domain_type, domain, "name"),
            _ => None,
        };
        domains.iter().find_map(name)
    };
    find().map_or_else(|| "contoso.onmicrosoft.com".to_owned(), |name| name.to_string())
}

/// Returns the id of the organization.
fn tenant(object: &NewEntity<'_>) -> String {
    object.first("organization").map_or_else(|| HOME_TENANT.to_owned(), |(organization, _)| organization.key.to_string())
}

/// Returns the settings of an application as an interface. Applications for one or many organizations keep the older version of tokens.
fn api(application: &NewEntity<'_>) -> DerivedValue {
    let audience = application.text("signInAudience");
    let is_newer = !matches!(audience.as_deref(), Some("AzureADMyOrg" | "AzureADMultipleOrgs"));
    let version = if is_newer { "2" } else { "null" };
    DerivedValue::Json(format!(
        r#"{{"acceptMappedClaims":null,"knownClientApplications":[],"requestedAccessTokenVersion":{version},"oauth2PermissionScopes":[],"preAuthorizedApplications":[]}}"#
    ))
}

/// Returns the application of a service principal.
fn application<'n>(principal: &'n NewEntity<'_>) -> Option<(Arc<StoredEntity>, &'n StructuredType)> {
    principal.find("applications", "appId", &principal.text("appId")?)
}

fn copied_text(principal: &NewEntity<'_>, property: &str) -> Option<DerivedValue> {
    let (application, structured) = application(principal)?;
    text_of(structured, &application.properties, property).map(|text| DerivedValue::text(&text))
}

/// Returns the names of a service principal: the id of its application, and its URIs (the URIs are graded weak).
fn names(principal: &NewEntity<'_>) -> Option<DerivedValue> {
    let mut names = vec![quoted(&principal.text("appId")?)];
    if let Some((application, structured)) = application(principal)
        && let Some(Value::Collection(uris)) = structured.slot("identifierUris").map(|slot| application.properties.get(slot))
    {
        names.extend(uris.iter().filter_map(|uri| if let Value::String(uri) = uri { Some(quoted(uri)) } else { None }));
    }
    Some(DerivedValue::Json(format!("[{}]", names.join(","))))
}

/// Returns the permissions that the application defines.
fn scopes(principal: &NewEntity<'_>) -> Option<DerivedValue> {
    let (application, structured) = application(principal)?;
    let property = &structured.properties[structured.property("api")?];
    let (PropertyType::Complex(id), Value::Complex(api)) = (property.kind, application.properties.get(property.slot)) else {
        return None;
    };
    let slot = principal.model.structured(id).slot("oauth2PermissionScopes")?;
    Some(DerivedValue::Copied(api.get(slot).clone()))
}
