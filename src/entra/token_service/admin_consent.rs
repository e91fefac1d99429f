//! The consent of an administrator (learn.microsoft.com/entra/identity-platform/v2-admin-consent), which is given at once.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::client::{Client, missing_parameter};
use super::form::Form;
use super::redirect::safe_scheme;
use super::scope::{AskedScopes, Resources, audience, described};
use super::{EntraContext, EntraReply};
use crate::entra::check::is_graph;
use crate::entra::token::GRAPH;
use crate::odata::error::Error;
use crate::policy::refusal;

/// Remembers the consent and sends the browser back.
pub(super) fn admin_consent(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    let client = Client::named(context, &form)?;
    let redirect = form.get("redirect_uri").ok_or_else(|| Error::new(&refusal::ENTRA_NO_REDIRECT, &[]))?;
    let known = client.registered.and_then(|application| application.redirect_uris.as_ref());
    if safe_scheme(redirect).is_none() || known.is_some_and(|known| known.platform(redirect).is_none()) {
        return Err(Error::new(&refusal::ENTRA_REDIRECT, &[redirect, &client.id]));
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let state = form.get("state").map(|state| format!("state={}", encoded(state)));
    let tenant = format!("tenant={}", context.tenant_id);
    let consent = "admin_consent=True".to_owned();
    let pairs: Vec<String> = if context.is_first() {
        if let Some(application) = client.registered {
            context.registry.consent_to_required(application)?;
        }
        [Some(tenant), state, Some(consent)].into_iter().flatten().collect()
    } else {
        let scope = form.get("scope").ok_or_else(|| missing_parameter("scope"))?;
        AskedScopes::read(scope, &client.id, Resources::First)?;
        if let Some(application) = client.registered {
            for (resource, name) in scope.split_ascii_whitespace().map(|scope| scope.rsplit_once('/').unwrap_or((GRAPH, scope))) {
                if name == ".default" {
                    context.registry.consent_to_required(application)?;
                } else {
                    if !is_graph(audience(context, resource)) {
                        described(context, resource)?;
                    }
                    context.registry.consent(application, None, audience(context, resource), &[name])?;
                }
            }
        }
        let prefixed: Vec<String> = scope
            .split_ascii_whitespace()
            .map(|scope| if scope.contains('/') { scope.to_owned() } else { format!("https://graph.microsoft.com/{scope}") })
            .collect();
        let scope = format!("scope={}", encoded(&prefixed.join(" ")));
        [Some(consent), Some(tenant), Some(scope), state].into_iter().flatten().collect()
    };
    let separator = if redirect.contains('?') { '&' } else { '?' };
    Ok(EntraReply::Redirect(format!("{redirect}{separator}{}", pairs.join("&"))))
}
