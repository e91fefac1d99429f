//! Metadata of the token service.

use super::form::Form;
use super::realm::tenant_id;
use super::scope::host;
use super::{EntraContext, Generation};
use crate::entra::key::KEY;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::json::quoted;

/// Instance discovery, as recorded, except for the first address, which is the emulator's.
const INSTANCE: &str = r#"{"tenant_discovery_endpoint":"<login>/<tenant>/<version>.well-known/openid-configuration","api-version":"1.1","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com","login.windows.net","login.microsoft.com","sts.windows.net"]},{"preferred_network":"login.partner.microsoftonline.cn","preferred_cache":"login.partner.microsoftonline.cn","aliases":["login.partner.microsoftonline.cn","login.chinacloudapi.cn"]},{"preferred_network":"login.microsoftonline.de","preferred_cache":"login.microsoftonline.de","aliases":["login.microsoftonline.de"]},{"preferred_network":"login.microsoftonline.us","preferred_cache":"login.microsoftonline.us","aliases":["login.microsoftonline.us","login.usgovcloudapi.net"]},{"preferred_network":"login-us.microsoftonline.com","preferred_cache":"login-us.microsoftonline.com","aliases":["login-us.microsoftonline.com"]}<own>]}"#;

/// The configuration of the second generation, in the recorded order.
const SECOND: &str = r#"{"token_endpoint":"<login>/<tenant>/oauth2/v2.0/token","token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"],"jwks_uri":"<login>/<tenant>/discovery/v2.0/keys","response_modes_supported":["query","fragment","form_post"],"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],"response_types_supported":["code","id_token","code id_token","id_token token"],"scopes_supported":["openid","profile","email","offline_access"],"issuer":"<issuer>","request_uri_parameter_supported":false,"userinfo_endpoint":"<login>/oidc/userinfo","authorization_endpoint":"<login>/<tenant>/oauth2/v2.0/authorize","device_authorization_endpoint":"<login>/<tenant>/oauth2/v2.0/devicecode","http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"<login>/<tenant>/oauth2/v2.0/logout","claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","nonce","preferred_username","name","tid","ver","at_hash","c_hash","email"],"kerberos_endpoint":"<login>/<tenant>/kerberos","tenant_region_scope":<region>,"cloud_instance_name":"microsoftonline.com","cloud_graph_host_name":"graph.windows.net","msgraph_host":"graph.microsoft.com","rbac_url":"https://pas.windows.net"}"#;

/// The configuration of the first generation, in the recorded order (AzureAD/MSIdentityTools).
const FIRST: &str = r#"{"token_endpoint":"<login>/<tenant>/oauth2/token","token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"],"jwks_uri":"<login>/<tenant>/discovery/keys","response_modes_supported":["query","fragment","form_post"],"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],"response_types_supported":["code","id_token","code id_token","token id_token","token"],"scopes_supported":["openid"],"issuer":"<issuer>","microsoft_multi_refresh_token":true,"authorization_endpoint":"<login>/<tenant>/oauth2/authorize","device_authorization_endpoint":"<login>/<tenant>/oauth2/devicecode","http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"<login>/<tenant>/oauth2/logout","claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","amr","nonce","email","given_name","family_name","nickname"],"check_session_iframe":"<login>/<tenant>/oauth2/checksession","userinfo_endpoint":"<login>/<tenant>/openid/userinfo","kerberos_endpoint":"<login>/<tenant>/kerberos","tenant_region_scope":<region>,"cloud_instance_name":"microsoftonline.com","cloud_graph_host_name":"graph.windows.net","msgraph_host":"graph.microsoft.com","rbac_url":"https://pas.windows.net"}"#;

/// The keys of the first generation, in the recorded form (AzureAD/MSIdentityTools).
const FIRST_KEYS: &str =
    r#"{"keys":[{"kty":"RSA","use":"sig","kid":"<kid>","x5t":"<kid>","n":"<n>","e":"<e>","x5c":["<x5c>"]}]}"#;

/// The keys of the second generation (dfinity/internet-identity, recorded in 2025). Their issuer would break tokens of the first.
const SECOND_KEYS: &str = r#"{"keys":[{"kty":"RSA","use":"sig","kid":"<kid>","x5t":"<kid>","n":"<n>","e":"<e>","x5c":["<x5c>"],"cloud_instance_name":"microsoftonline.com","issuer":"<issuer>"}]}"#;

/// Hosts of the service that the answer does not list (AzureAD/microsoft-authentication-library-for-dotnet, 2026).
const MORE_HOSTS: [&str; 3] = ["login.sovcloud-identity.fr", "login.sovcloud-identity.de", "login.sovcloud-identity.sg"];

/// Returns the hosts of the service. The emulator's host is added, so that libraries accept it.
///
/// # Errors
///
/// Fails if the query asks for a host that is not one of the service.
pub(super) fn instance(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let own = context.request.base_url.split_once("://").map_or("", |(_, host)| host).split('/').next().unwrap_or_default();
    let form = Form::of(context.request);
    let requested = form.get("authorization_endpoint");
    if requested.is_some_and(|address| !is_known(context, host(address))) {
        return Err(Error::new(&refusal::ENTRA_INSTANCE, &[]));
    }
    // Tenant and version are those of the authorization endpoint in the query.
    let path = requested.and_then(|address| address.split_once("://")).and_then(|(_, rest)| rest.split_once('/'));
    let path = path.map_or("", |(_, path)| path);
    let realm = path.split('/').next().filter(|realm| tenant_id(realm, context.world).is_ok()).unwrap_or(context.realm);
    let is_first = path.to_ascii_lowercase().ends_with("/oauth2/authorize");
    let text = INSTANCE.replace("<login>", context.request.base_url).replace("<tenant>", realm);
    let text = text.replace("<version>", if is_first { "" } else { "v2.0/" });
    let added = if own.ends_with(".microsoftonline.com") {
        String::new()
    } else {
        let host = quoted(own);
        format!(r#",{{"preferred_network":{host},"preferred_cache":{host},"aliases":[{host}]}}"#)
    };
    Ok(text.replace("<own>", &added).into_bytes())
}

/// Returns whether a host is one of the service, or of the emulator.
fn is_known(context: &EntraContext<'_>, requested: &str) -> bool {
    let requested = requested.to_ascii_lowercase();
    let is = |known: &str| known.eq_ignore_ascii_case(&requested);
    INSTANCE.contains(&format!("\"{requested}\""))
        || MORE_HOSTS.contains(&&*requested)
        || ["localhost", "127.0.0.1", "[::1]"].into_iter().any(is)
        || is(host(context.request.base_url))
        || context.world.hosts.iter().any(|known| is(known))
}

/// Returns the `OpenID` configuration of a tenant.
pub(super) fn configuration(context: &EntraContext<'_>) -> Vec<u8> {
    let text = match context.generation {
        Generation::First => FIRST,
        Generation::Second => SECOND,
    };
    let issuer = match (context.is_shared(), context.generation) {
        // A shared address has a template for the issuers of all tenants.
        (true, Generation::First) => "https://sts.windows.net/{tenantid}/".to_owned(),
        (true, Generation::Second) => format!("{}/{{tenantid}}/v2.0", context.request.base_url),
        (false, _) => context.own_issuer(),
    };
    let region = if context.is_shared() { "null" } else { r#""WW""# };
    let text = text.replace("<login>", context.request.base_url).replace("<tenant>", &tenant(context));
    text.replace("<issuer>", &issuer).replace("<region>", region).into_bytes()
}

/// Returns the public keys.
pub(super) fn keys(context: &EntraContext<'_>) -> Vec<u8> {
    let text = match context.generation {
        Generation::First => FIRST_KEYS.to_owned(),
        Generation::Second => SECOND_KEYS.replace("<issuer>", &format!("{}/{{tenantid}}/v2.0", context.request.base_url)),
    };
    let text = text.replace("<kid>", &KEY.id).replace("<x5c>", &KEY.certificate);
    text.replace("<n>", &KEY.modulus).replace("<e>", &KEY.exponent).into_bytes()
}

/// Returns the first segment of the addresses: the tenant id, or the shared name of the request.
fn tenant(context: &EntraContext<'_>) -> String {
    if context.is_shared() { context.realm.to_ascii_lowercase() } else { context.tenant_id.clone() }
}
