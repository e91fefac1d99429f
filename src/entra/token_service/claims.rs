//! The claims of tokens that the directory file decides, and the account of a user.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::EntraContext;
use super::sign_in::HINT;
use crate::entra::registry::Assignee;
use crate::entra::token::Validity;
use crate::world::fixture::directory::{Application, User, id_of};

/// The most groups in a token, and in one that comes in an address
/// (learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
pub(super) const GROUPS: usize = 200;
pub(super) const GROUPS_IN_ADDRESS: usize = 5;

/// Returns the account of a user: object and tenant at home.
pub(super) fn client_info(context: &EntraContext<'_>, user: &User) -> String {
    let home = user.home.as_ref();
    let (id, tenant) = home.map_or((&user.id, &context.tenant_id), |home| (&home.id, &home.tenant_id));
    URL_SAFE_NO_PAD.encode(json!({ "uid": id, "utid": tenant }).to_string())
}

/// Returns the id of a user's session.
pub(super) fn session(context: &EntraContext<'_>, user: &User) -> String {
    id_of(&format!("session/{}/{}", context.tenant_id, user.id))
}

/// Returns the claims about the groups of a user.
pub(super) fn groups(
    context: &EntraContext<'_>,
    application: &Application,
    user: &User,
    limit: usize,
) -> Vec<(&'static str, Value)> {
    let groups = if application.group_membership_claims { context.registry.groups(user) } else { Vec::new() };
    if groups.is_empty() {
        return Vec::new();
    }
    if groups.len() <= limit {
        return vec![("groups", json!(groups))];
    }
    if limit == GROUPS_IN_ADDRESS {
        return vec![("hasgroups", json!(true))];
    }
    let endpoint = format!("https://graph.windows.net/{}/users/{}/getMemberObjects", context.tenant_id, user.id);
    vec![("_claim_names", json!({ "groups": "src1" })), ("_claim_sources", json!({ "src1": { "endpoint": endpoint } }))]
}

/// Returns the claim about the roles of a user in an application.
pub(super) fn roles(context: &EntraContext<'_>, application: &Application, user: &User) -> Option<(&'static str, Value)> {
    let assigned = context.registry.assigned(application, Assignee::User(user));
    assigned.filter(|roles| !roles.is_empty()).map(|roles| ("roles", json!(roles)))
}

/// Returns an optional claim (learn.microsoft.com/entra/identity-platform/optional-claims-reference).
pub(super) fn optional(context: &EntraContext<'_>, name: &str, user: &User, validity: Validity) -> Option<(&'static str, Value)> {
    let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
    match name {
        "acct" => Some(("acct", json!(u8::from(user.home.is_some())))),
        "auth_time" => Some(("auth_time", json!(validity.from))),
        "email" => text(&user.mail).map(|value| ("email", value)),
        "family_name" => text(&user.surname).map(|value| ("family_name", value)),
        "given_name" => text(&user.given_name).map(|value| ("given_name", value)),
        "idtyp" => Some(("idtyp", json!("user"))),
        "login_hint" => Some(("login_hint", json!(login_hint(user)))),
        "sid" => Some(("sid", json!(session(context, user)))),
        "upn" => Some(("upn", json!(user.user_principal_name))),
        "verified_primary_email" => text(&user.mail).map(|value| ("verified_primary_email", json!([value]))),
        _ => None,
    }
}

/// Returns the claim that hides a sign-in name.
fn login_hint(user: &User) -> String {
    format!("{HINT}{}", URL_SAFE_NO_PAD.encode(&user.user_principal_name))
}

/// Returns the sign-in name in a parameter: itself, or the claim that hides it.
pub(super) fn hinted(hint: &str) -> String {
    let name = hint.strip_prefix(HINT).and_then(crate::entra::token::decoded).and_then(|name| String::from_utf8(name).ok());
    name.unwrap_or_else(|| hint.to_owned())
}
