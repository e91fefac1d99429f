//! Values of users and service principals that the directory refuses.

use crate::edm::patch::{NewValue, Patch, PropertyChange};
use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;
use crate::policy::behavior::{PasswordRules, PrincipalApplications, UserDomains};
use crate::policy::refusal;
use crate::world::World;
use crate::world::workload::{Change, ChangeKind, ValueRule, WrittenValues, text_of};

pub(super) static VALUE_RULES: &[(&str, ValueRule)] = &[("servicePrincipal", application)];

/// Checks the name and the password of a user that is created or changed.
pub(super) fn user(change: &Change<'_>, decided: &mut Vec<&'static str>) -> Result<(), Error> {
    let (name, password) = match &change.kind {
        ChangeKind::Create { values, .. } | ChangeKind::Replace { values, .. } => {
            let profile = match slot_value(change.structured, values, "passwordProfile") {
                Some(Value::Complex(profile)) => profile_text(change.model, change.structured, profile),
                _ => None,
            };
            (text_of(change.structured, values, "userPrincipalName").map(|name| name.to_string()), profile)
        }
        ChangeKind::Update { patch, .. } => {
            let name = match &member(change.structured, patch, "userPrincipalName").map(|change| &change.to) {
                Some(NewValue::Set(Value::String(name))) => Some(name.to_string()),
                _ => None,
            };
            (name, new_password(change.model, change.structured, patch))
        }
        ChangeKind::Delete { .. } => return Ok(()),
    };
    if let Some(name) = name {
        check_domain(change.world, &name, decided)?;
    }
    password.map_or(Ok(()), |password| check_password(change.world, &password, decided))
}

fn slot_value<'v>(structured: &StructuredType, values: &'v Complex, name: &str) -> Option<&'v Value> {
    structured.slot(name).map(|slot| values.get(slot))
}

fn member<'p>(structured: &StructuredType, patch: &'p Patch, name: &str) -> Option<&'p PropertyChange> {
    let index = structured.property(name)?;
    patch.changes.iter().find(|change| change.property == index)
}

/// Returns the password in a profile.
fn profile_text(model: &Model, user: &StructuredType, profile: &Complex) -> Option<String> {
    let PropertyType::Complex(id) = user.properties[user.property("passwordProfile")?].kind else { return None };
    text_of(model.structured(id), profile, "password").map(|password| password.to_string())
}

/// Returns the password that a patch sets.
fn new_password(model: &Model, user: &StructuredType, patch: &Patch) -> Option<String> {
    let PropertyType::Complex(id) = user.properties[user.property("passwordProfile")?].kind else { return None };
    match &member(user, patch, "passwordProfile")?.to {
        NewValue::Set(Value::Complex(profile)) => profile_text(model, user, profile),
        NewValue::Merge(inner) => match &member(model.structured(id), inner, "password")?.to {
            NewValue::Set(Value::String(password)) => Some(password.to_string()),
            _ => None,
        },
        NewValue::Set(_) => None,
    }
}

/// Checks the domain of a name. The service has more rules on names, whose words are not known well.
fn check_domain(world: &World, name: &str, decided: &mut Vec<&'static str>) -> Result<(), Error> {
    let domains = domains(world);
    let is_verified = name.rsplit_once('@').is_some_and(|(_, domain)| domains.iter().any(|own| own.eq_ignore_ascii_case(domain)));
    if is_verified || domains.is_empty() {
        return Ok(());
    }
    decided.push("user-domains");
    match world.behaviors.user_domains {
        UserDomains::Verified => Err(Error::new(&refusal::UNVERIFIED_DOMAIN, &["userPrincipalName"])),
        UserDomains::Any => Ok(()),
    }
}

/// Returns the verified domains: those of the organization, of the directory file and of the set of domains.
fn domains(world: &World) -> Vec<String> {
    let model = world.schema.widest();
    let mut found: Vec<String> = world.directory.domains.clone().unwrap_or_default();
    if let Some(root) = model.root("organization") {
        let structured = model.structured(root.target);
        let property = structured.property("verifiedDomains").map(|index| &structured.properties[index]);
        let item = property.and_then(|property| match property.kind {
            PropertyType::Collection(item) => match item.kind() {
                PropertyType::Complex(id) => Some((property.slot, model.structured(id))),
                _ => None,
            },
            _ => None,
        });
        for organization in item.iter().flat_map(|_| world.store.collection(root.set).list()) {
            let Some((slot, of_domain)) = item else { continue };
            if let Value::Collection(items) = organization.properties.get(slot) {
                found.extend(items.iter().filter_map(|domain| match domain {
                    Value::Complex(domain) => text_of(of_domain, domain, "name").map(|name| name.to_string()),
                    _ => None,
                }));
            }
        }
    }
    if let Some(root) = model.root("domains") {
        let structured = model.structured(root.target);
        let all = world.store.collection(root.set).list();
        let is_verified = |values: &Complex| slot_value(structured, values, "isVerified") != Some(&Value::Boolean(false));
        found.extend(all.iter().filter(|domain| is_verified(&domain.properties)).map(|domain| domain.key.to_string()));
    }
    found
}

/// Checks a new password.
pub(super) fn check_password(world: &World, password: &str, decided: &mut Vec<&'static str>) -> Result<(), Error> {
    if is_strong(password) {
        return Ok(());
    }
    decided.push("password-rules");
    match world.behaviors.password_rules {
        PasswordRules::Strict => Err(Error::new(&refusal::WEAK_PASSWORD, &[])),
        PasswordRules::Take => Ok(()),
    }
}

/// Whether a password has 8 to 256 characters of three kinds.
fn is_strong(password: &str) -> bool {
    let has = |is_kind: fn(char) -> bool| usize::from(password.chars().any(is_kind));
    let kinds = has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|character| character.is_ascii_digit())
        + has(|character| !character.is_alphanumeric());
    (8..=256).contains(&password.chars().count()) && kinds >= 3
}

/// The end of the ids of Microsoft's own applications, which every directory knows.
const MICROSOFT: &str = "-0000-0000-c000-000000000000";

/// Checks that the state has the application of a new service principal.
fn application(written: &mut WrittenValues<'_>) -> Result<(), Error> {
    let (world, model) = (written.world, written.model);
    let (Some(id), Some(root)) = (text_of(written.structured, written.values, "appId"), model.root("applications")) else {
        return Ok(());
    };
    if written.current.is_some() {
        return Ok(());
    }
    let structured = model.structured(root.target);
    let applications = world.store.collection(root.set).list();
    let is_it = |values: &Complex| text_of(structured, values, "appId").is_some_and(|own| own.eq_ignore_ascii_case(&id));
    let is_of_microsoft = id.to_ascii_lowercase().ends_with(MICROSOFT);
    if is_of_microsoft || applications.is_empty() || applications.iter().any(|application| is_it(&application.properties)) {
        return Ok(());
    }
    written.decided.push("service-principal-applications");
    match world.behaviors.principal_applications {
        PrincipalApplications::Known => Err(Error::new(&refusal::UNKNOWN_APPLICATION, &["appId", &id])),
        PrincipalApplications::Any => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_three_kinds_of_characters() {
        for (password, expected) in [
            ("a", false),
            ("abcdefgh", false),
            ("abcdefg1", false),
            ("Abcdefg1", true),
            ("Abcdef1", false),
            ("abcdef-1", true),
            ("xWwvJ]6NMw+bWH-d", true),
        ] {
            assert_eq!(is_strong(password), expected, "{password}");
        }
        assert!(!is_strong(&"aB1".repeat(100)));
    }
}
