//! Client credentials: a token for an application without a user.

use super::super::EntraContext;
use super::super::client::{Client, missing_parameter};
use super::super::form::Form;
use super::super::issue::{self, TokenAnswer};
use super::super::scope::{described, is_resource};
use crate::entra::access_token::Proof;
use crate::odata::error::Error;
use crate::policy::refusal;

pub(super) fn redeem(context: &EntraContext<'_>, form: &Form<'_>) -> Result<TokenAnswer, Error> {
    let mut client = Client::named(context, form)?;
    client.prove(context, form)?;
    if client.proof == Proof::Nothing {
        return Err(Error::new(&refusal::ENTRA_NO_SECRET_FOR_ITSELF, &[]));
    }
    let resource = if context.is_first() {
        form.get("resource").ok_or_else(|| missing_parameter("resource"))?
    } else {
        let scope = form.get("scope").ok_or_else(|| Error::new(&refusal::ENTRA_ASSERTION_FIELD, &["scope"]))?;
        resource_of(scope, &client.id)?
    };
    described(context, resource)?;
    issue::for_application(context, form, &client, resource)
}

/// Returns the resource in a scope: `https://graph.microsoft.com` in `https://graph.microsoft.com/.default`.
///
/// The scopes of `OpenID` are ignored: MSAL for Java (1.23) and for Go (1.10) send them with every grant.
fn resource_of<'s>(scope: &'s str, client: &str) -> Result<&'s str, Error> {
    let counts = |scope: &&str| !matches!(*scope, "" | "openid" | "profile" | "email" | "offline_access");
    let mut scopes = scope.split(' ').filter(counts);
    let not_default = || Error::new(&refusal::ENTRA_NOT_DEFAULT, &[scope]);
    let only = scopes.next().ok_or_else(not_default)?;
    let resource = only.strip_suffix("/.default").ok_or_else(not_default)?;
    if scopes.next().is_some() || !is_resource(resource, client) {
        return Err(Error::new(&refusal::ENTRA_SCOPE_OF_APPLICATION, &[scope]));
    }
    Ok(resource)
}
