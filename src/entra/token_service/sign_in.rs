//! The user of a sign-in, and whether it is allowed: accounts, assignments, conditional access.

use serde_json::json;

use super::EntraContext;
use super::client::Client;
use crate::entra::registry::Assignee;
use crate::entra::token::PERSONAL_TENANT;
use crate::entra::user::account;
use crate::odata::error::Error;
use crate::policy::behavior::SignInCountry;
use crate::policy::refusal;
use crate::world::fixture::directory::{AccessPolicy, Requirement, User};

/// The beginning of the claim `login_hint`, which hides a sign-in name.
pub(super) const HINT: &str = "O.";

/// Returns the user with a name, without one the first user.
pub(super) fn user(context: &EntraContext<'_>, name: Option<&str>) -> Result<User, Error> {
    let unknown = || Error::new(&refusal::ENTRA_UNKNOWN_USER, &[name.unwrap_or_default(), &context.tenant_id]);
    let mut user = account(context.world, name).ok_or_else(unknown)?;
    if user.account_enabled == Some(false) {
        return Err(Error::new(&refusal::ENTRA_DISABLED_USER, &[]));
    }
    if context.tenant_id == PERSONAL_TENANT && context.directory().users.is_none() {
        // The object ids of personal accounts have this form (Azure/azure-sdk-for-go, a recording of 2022).
        let tail: String = user.id.chars().skip("00000000-0000-0000-".len()).collect();
        user.id = format!("00000000-0000-0000-{tail}");
    }
    Ok(user)
}

/// Checks that a user may use a client for a resource.
pub(super) fn check_access(
    context: &EntraContext<'_>,
    client: &Client<'_>,
    user: &User,
    resource: &str,
    has_second_factor: bool,
) -> Result<(), Error> {
    if let Some(application) = client.registered.filter(|application| application.app_role_assignment_required)
        && context.registry.assigned(application, Assignee::User(user)).is_none()
    {
        return Err(Error::new(&refusal::ENTRA_NOT_ASSIGNED, &[client.name(), &client.id]));
    }
    let names = [&*user.id, &*user.user_principal_name];
    let applications = [&*client.id, resource.trim_end_matches('/')];
    let country = match context.world.behaviors.sign_in_country {
        SignInCountry::UsageLocation => user.usage_location.as_deref(),
        SignInCountry::Unknown => None,
    };
    let policies = context.directory().conditional_access.iter();
    let policies = policies.filter(|policy| policy.applies(&names, country, &applications));
    // A block wins over a requirement.
    let mut failed: Vec<&AccessPolicy> =
        policies.filter(|policy| policy.requires != Requirement::Mfa || !has_second_factor).collect();
    failed.sort_by_key(|policy| match policy.requires {
        Requirement::Block => 0,
        Requirement::CompliantDevice => 1,
        Requirement::Mfa => 2,
    });
    let Some(policy) = failed.first() else { return Ok(()) };
    let error = match policy.requires {
        Requirement::Block => Error::new(&refusal::ENTRA_BLOCKED, &[]),
        Requirement::CompliantDevice => Error::new(&refusal::ENTRA_DEVICE_STATE, &["unregistered"]),
        Requirement::Mfa => Error::new(&refusal::ENTRA_MFA, &[resource]),
    };
    let claims = json!({ "access_token": { "capolids": { "essential": true, "values": [policy.id] } } });
    Err(error.with_claims(claims.to_string()))
}
