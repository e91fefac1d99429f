//! Metadata of the token service.

use super::form::Form;
use super::realm::tenant_id;
use super::{EntraContext, Generation};
use crate::entra::key::KEY;
use crate::text::json::quoted;

/// Instance discovery, as recorded, except for the first address, which is the emulator's.
const INSTANCE: &str = r#"{"tenant_discovery_endpoint":"<login>/<tenant>/v2.0/.well-known/openid-configuration","api-version":"1.1","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com","login.windows.net","login.microsoft.com","sts.windows.net"]},{"preferred_network":"login.partner.microsoftonline.cn","preferred_cache":"login.partner.microsoftonline.cn","aliases":["login.partner.microsoftonline.cn","login.chinacloudapi.cn"]},{"preferred_network":"login.microsoftonline.de","preferred_cache":"login.microsoftonline.de","aliases":["login.microsoftonline.de"]},{"preferred_network":"login.microsoftonline.us","preferred_cache":"login.microsoftonline.us","aliases":["login.microsoftonline.us","login.usgovcloudapi.net"]},{"preferred_network":"login-us.microsoftonline.com","preferred_cache":"login-us.microsoftonline.com","aliases":["login-us.microsoftonline.com"]}<own>]}"#;

/// The configuration of the second generation, in the recorded order.
const SECOND: &str = r#"{"token_endpoint":"<login>/<tenant>/oauth2/v2.0/token","token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"],"jwks_uri":"<login>/<tenant>/discovery/v2.0/keys","response_modes_supported":["query","fragment","form_post"],"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],"response_types_supported":["code","id_token","code id_token","id_token token"],"scopes_supported":["openid","profile","email","offline_access"],"issuer":"<issuer>","request_uri_parameter_supported":false,"userinfo_endpoint":"https://graph.microsoft.com/oidc/userinfo","authorization_endpoint":"<login>/<tenant>/oauth2/v2.0/authorize","device_authorization_endpoint":"<login>/<tenant>/oauth2/v2.0/devicecode","http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"<login>/<tenant>/oauth2/v2.0/logout","claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","nonce","preferred_username","name","tid","ver","at_hash","c_hash","email"],"kerberos_endpoint":"<login>/<tenant>/kerberos","tenant_region_scope":"WW","cloud_instance_name":"microsoftonline.com","cloud_graph_host_name":"graph.windows.net","msgraph_host":"graph.microsoft.com","rbac_url":"https://pas.windows.net"}"#;

/// The configuration of the first generation: that of the second with the older addresses; no recording is public.
const FIRST: &str = r#"{"token_endpoint":"<login>/<tenant>/oauth2/token","token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"],"jwks_uri":"<login>/<tenant>/discovery/keys","response_modes_supported":["query","fragment","form_post"],"subject_types_supported":["pairwise"],"id_token_signing_alg_values_supported":["RS256"],"response_types_supported":["code","id_token","code id_token","token id_token","token"],"scopes_supported":["openid"],"issuer":"<issuer>","microsoft_multi_refresh_token":true,"authorization_endpoint":"<login>/<tenant>/oauth2/authorize","device_authorization_endpoint":"<login>/<tenant>/oauth2/devicecode","http_logout_supported":true,"frontchannel_logout_supported":true,"end_session_endpoint":"<login>/<tenant>/oauth2/logout","claims_supported":["sub","iss","cloud_instance_name","cloud_instance_host_name","cloud_graph_host_name","msgraph_host","aud","exp","iat","auth_time","acr","amr","nonce","email","given_name","family_name","nickname"],"tenant_region_scope":"WW","cloud_instance_name":"microsoftonline.com","cloud_graph_host_name":"graph.windows.net","msgraph_host":"graph.microsoft.com","rbac_url":"https://pas.windows.net"}"#;

/// The keys, in the form of RFC 7517; no recording is public.
const KEYS: &str =
    r#"{"keys":[{"kty":"RSA","use":"sig","kid":"<kid>","n":"<n>","e":"<e>","alg":"RS256","issuer":"<login>/{tenantid}/v2.0"}]}"#;

/// Returns the hosts of the service. The emulator's host is added, so that libraries accept it.
pub(super) fn instance(context: &EntraContext<'_>) -> Vec<u8> {
    let host = context.request.base_url.split_once("://").map_or("", |(_, host)| host);
    // The tenant is that of the authorization endpoint in the query.
    let form = Form::of(context.request);
    let requested = form
        .get("authorization_endpoint")
        .and_then(|address| address.split_once("://"))
        .and_then(|(_, rest)| rest.split('/').nth(1));
    let realm = requested.filter(|realm| tenant_id(realm, context.directory()).is_ok()).unwrap_or(context.realm);
    let text = INSTANCE.replace("<login>", context.request.base_url).replace("<tenant>", realm);
    let own = if host.ends_with(".microsoftonline.com") {
        String::new()
    } else {
        let host = quoted(host);
        format!(r#",{{"preferred_network":{host},"preferred_cache":{host},"aliases":[{host}]}}"#)
    };
    text.replace("<own>", &own).into_bytes()
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
    let text = text.replace("<login>", context.request.base_url).replace("<tenant>", &tenant(context));
    text.replace("<issuer>", &issuer).into_bytes()
}

/// Returns the public keys.
pub(super) fn keys(context: &EntraContext<'_>) -> Vec<u8> {
    let text = KEYS.replace("<login>", context.request.base_url).replace("<kid>", &KEY.id);
    text.replace("<n>", &KEY.modulus).replace("<e>", &KEY.exponent).into_bytes()
}

/// Returns the first segment of the addresses: the tenant id, or the shared name of the request.
fn tenant(context: &EntraContext<'_>) -> String {
    if context.is_shared() { context.realm.to_ascii_lowercase() } else { context.tenant_id.clone() }
}
