//! The user realm: whether a user signs in here or at a federation service. Every user signs in here.

use super::EntraContext;
use super::form::Form;
use super::realm::is_domain;
use crate::text::form::percent_decoded;
use crate::text::json::quoted;

/// Returns the realm of the user in the path or in the query (Azure/azure-sdk-for-go and -net, recorded in 2022).
pub(super) fn user_realm(context: &EntraContext<'_>, name: Option<&str>) -> Vec<u8> {
    let form = Form::of(context.request);
    let name = name.map(percent_decoded).or_else(|| form.get("user").map(Into::into)).unwrap_or_default();
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_managed = !domain.is_empty() && is_domain(domain, context.world);
    let kind = if is_managed { "Managed" } else { "Unknown" };
    let domain = if is_managed { format!(r#""domain_name":{},"#, quoted(domain)) } else { String::new() };
    format!(
        r#"{{"ver":"1.0","account_type":"{kind}",{domain}"cloud_instance_name":"microsoftonline.com","cloud_audience_urn":"urn:federation:MicrosoftOnline"}}"#
    )
    .into_bytes()
}
