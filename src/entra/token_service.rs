//! The token service: the endpoints of Entra that identity libraries call.
//!
//! Pure functions of a world and a request. Issuer and endpoints use the host of the request, so that addresses found by a library lead
//! back here. The service is stateless: codes and refresh tokens contain their data, and can be used again until they expire.
//!
//! Headers and bodies follow recordings of 2021 (Azure/azure-sdk-for-js `sdk/synapse/synapse-artifacts/recordings`), without cookies.

mod authorize;
mod device;
mod form;
mod grant;
mod metadata;
mod realm;
mod scope;
mod sealed;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use uuid::Uuid;

use crate::edm::date_time::DateTimeOffset;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::fixture::directory::Directory;
use form::Form;

/// The two generations of the endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Version 1: `resource`, and numbers as text.
    First,
    /// Version 2: `scope`.
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntraEndpoint {
    Instance,
    Configuration(Generation),
    Keys,
    Authorize(Generation),
    Token(Generation),
    DeviceCode(Generation),
    DeviceLogin,
}

use Generation::{First, Second};

impl EntraEndpoint {
    fn methods(self) -> &'static [&'static str] {
        match self {
            EntraEndpoint::Instance | EntraEndpoint::Configuration(_) | EntraEndpoint::Keys | EntraEndpoint::DeviceLogin => {
                &["GET"]
            }
            EntraEndpoint::Authorize(_) => &["GET", "POST"],
            EntraEndpoint::Token(_) | EntraEndpoint::DeviceCode(_) => &["POST"],
        }
    }
}

/// The paths after the tenant, compared without regard to case.
const ENDPOINTS: &[(&str, EntraEndpoint)] = &[
    ("discovery/instance", EntraEndpoint::Instance),
    (".well-known/openid-configuration", EntraEndpoint::Configuration(First)),
    ("v2.0/.well-known/openid-configuration", EntraEndpoint::Configuration(Second)),
    ("discovery/keys", EntraEndpoint::Keys),
    ("discovery/v2.0/keys", EntraEndpoint::Keys),
    ("oauth2/authorize", EntraEndpoint::Authorize(First)),
    ("oauth2/v2.0/authorize", EntraEndpoint::Authorize(Second)),
    ("oauth2/token", EntraEndpoint::Token(First)),
    ("oauth2/v2.0/token", EntraEndpoint::Token(Second)),
    ("oauth2/devicecode", EntraEndpoint::DeviceCode(First)),
    ("oauth2/v2.0/devicecode", EntraEndpoint::DeviceCode(Second)),
    ("oauth2/deviceauth", EntraEndpoint::DeviceLogin),
];

/// An endpoint and the tenant before it in the path.
#[derive(Debug)]
pub struct EntraRoute<'p> {
    endpoint: EntraEndpoint,
    realm: &'p str,
}

impl<'p> EntraRoute<'p> {
    /// Returns the endpoint of a path, or `None`, as for all paths of Graph.
    pub fn of(path: &'p str) -> Option<EntraRoute<'p>> {
        let path = path.strip_prefix('/')?;
        // Nearly all requests are to Graph.
        if path.starts_with("v1.0/") || path.starts_with("beta/") {
            return None;
        }
        // The emulator's own paths begin with an underscore.
        let (realm, rest) = path.split_once('/').filter(|(realm, _)| !realm.starts_with('_'))?;
        let (_, endpoint) = ENDPOINTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(rest))?;
        Some(EntraRoute { endpoint: *endpoint, realm })
    }
}

/// A request to the token service.
#[derive(Debug)]
pub(crate) struct EntraRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// The query.
    pub query: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The body, empty if too large.
    pub body: &'r [u8],
    /// Scheme and host of the request.
    pub base_url: &'r str,
}

/// The context of an endpoint.
struct EntraContext<'c> {
    world: &'c World,
    request: &'c EntraRequest<'c>,
    generation: Generation,
    /// The first segment of the path.
    realm: &'c str,
    /// The tenant id of the realm.
    tenant_id: String,
}

impl EntraContext<'_> {
    fn directory(&self) -> &Directory {
        &self.world.directory
    }

    /// Returns whether the path has a shared name instead of a tenant.
    fn is_shared(&self) -> bool {
        ["common", "organizations"].iter().any(|shared| self.realm.eq_ignore_ascii_case(shared))
    }

    /// Returns the issuer of id tokens.
    fn own_issuer(&self) -> String {
        match self.generation {
            First => crate::entra::token::issuer(&self.tenant_id),
            Second => format!("{}/{}/v2.0", self.request.base_url, self.tenant_id),
        }
    }
}

/// The reply of an endpoint.
enum EntraReply {
    /// JSON about the service, cacheable for a day.
    Metadata(Vec<u8>),
    /// JSON for the client, not cacheable.
    Json(Vec<u8>),
    /// An HTML page.
    Page(String),
    /// A redirect to an address.
    Redirect(String),
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const SERVER: HeaderName = HeaderName::from_static("x-ms-ests-server");
const TELEMETRY: HeaderName = HeaderName::from_static("x-ms-clitelem");
const P3P: HeaderName = HeaderName::from_static("p3p");
const CLIENT_REQUEST_ID: &str = "client-request-id";

/// Answers a request to the token service, with the error of a refusal.
pub(crate) fn answer(world: &World, route: &EntraRoute<'_>, request: &EntraRequest<'_>) -> (Response<Bytes>, Option<Error>) {
    let trace = world.next_request_id();
    let mut response = Response::new(Bytes::new());
    if request.method == Method::OPTIONS {
        *response.status_mut() = StatusCode::NO_CONTENT;
        preflight(response.headers_mut(), request);
        return (response, None);
    }
    match decide(world, route, request) {
        Ok(reply) => {
            fill(&mut response, reply, trace);
            (response, None)
        }
        Err(error) => {
            let now = DateTimeOffset::from_unix_millis(unix_millis(world.clock.now()));
            let mut date = Vec::with_capacity(19);
            now.write_seconds(&mut date);
            let trace_text = trace.to_string();
            let correlation = correlation(request).unwrap_or(trace).to_string();
            let body = error.body(&String::from_utf8_lossy(&date), &trace_text, &correlation);
            fill(&mut response, EntraReply::Json(body), trace);
            *response.status_mut() = error.status();
            (response, Some(error))
        }
    }
}

fn decide(world: &World, route: &EntraRoute<'_>, request: &EntraRequest<'_>) -> Result<EntraReply, Error> {
    let methods = route.endpoint.methods();
    let method = if request.method == Method::HEAD { &Method::GET } else { request.method };
    if !methods.contains(&method.as_str()) {
        return Err(Error::new(&refusal::ENTRA_METHOD, &[&methods.join(", "), request.method.as_str()]));
    }
    let tenant_id = realm::tenant_id(route.realm, &world.directory)?;
    let context = |generation| EntraContext { world, request, generation, realm: route.realm, tenant_id };
    match route.endpoint {
        EntraEndpoint::Instance => Ok(EntraReply::Metadata(metadata::instance(&context(Second)))),
        EntraEndpoint::Configuration(generation) => Ok(EntraReply::Metadata(metadata::configuration(&context(generation)))),
        EntraEndpoint::Keys => Ok(EntraReply::Metadata(metadata::keys(&context(Second)))),
        EntraEndpoint::Authorize(generation) => authorize::authorize(&context(generation)),
        EntraEndpoint::Token(generation) => grant::token(&context(generation)).map(EntraReply::Json),
        EntraEndpoint::DeviceCode(generation) => device::device_code(&context(generation)).map(EntraReply::Json),
        EntraEndpoint::DeviceLogin => Ok(EntraReply::Page(device::PAGE.to_owned())),
    }
}

/// Returns the client's id of its request: libraries send it as a header, in the query or in the body.
fn correlation(request: &EntraRequest<'_>) -> Option<Uuid> {
    let header = request.headers.get(CLIENT_REQUEST_ID).and_then(|value| value.to_str().ok());
    let parameter = || Form::of(request).get(CLIENT_REQUEST_ID).map(str::to_owned);
    header.map(str::to_owned).or_else(parameter).and_then(|id| Uuid::try_parse(&id).ok())
}

fn fill(response: &mut Response<Bytes>, reply: EntraReply, trace: Uuid) {
    let is_metadata = matches!(reply, EntraReply::Metadata(_));
    let (content_type, body) = match reply {
        EntraReply::Metadata(body) | EntraReply::Json(body) => ("application/json; charset=utf-8", body),
        EntraReply::Page(page) => ("text/html; charset=utf-8", page.into_bytes()),
        EntraReply::Redirect(address) => {
            *response.status_mut() = StatusCode::FOUND;
            if let Ok(location) = HeaderValue::try_from(address) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            ("text/html; charset=utf-8", Vec::new())
        }
    };
    let fixed = HeaderValue::from_static;
    let headers = response.headers_mut();
    if is_metadata {
        headers.insert(header::CACHE_CONTROL, fixed("max-age=86400, private"));
        headers.insert(header::CONTENT_TYPE, fixed(content_type));
    } else {
        headers.insert(header::CACHE_CONTROL, fixed("no-store, no-cache"));
        headers.insert(header::PRAGMA, fixed("no-cache"));
        headers.insert(header::CONTENT_TYPE, fixed(content_type));
        headers.insert(header::EXPIRES, fixed("-1"));
    }
    headers.insert(header::STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000; includeSubDomains"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    // Libraries in a browser read both kinds of answers.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, fixed("*"));
    if is_metadata {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed("GET, OPTIONS"));
    }
    headers.insert(P3P, fixed(r#"CP="DSP CUR OTPi IND OTRi ONL FIN""#));
    if let Ok(id) = HeaderValue::try_from(trace.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(SERVER, fixed("2.1.0.0 - WFI-EMULATOR"));
    if !is_metadata {
        headers.insert(TELEMETRY, fixed("1,0,0,,"));
    }
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    *response.body_mut() = body.into();
}

fn preflight(headers: &mut HeaderMap, request: &EntraRequest<'_>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    if let Some(names) = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_without_regard_to_case() {
        for (endpoint, _) in ENDPOINTS {
            for path in [format!("/common/{endpoint}"), format!("/Contoso.COM/{}", endpoint.to_uppercase())] {
                assert!(EntraRoute::of(&path).is_some(), "{path}");
            }
            for path in [
                format!("/v1.0/{endpoint}"),
                format!("/beta/{endpoint}"),
                format!("/_emulator/{endpoint}"),
                format!("/common/{endpoint}/"),
                format!("//common/{endpoint}"),
            ] {
                assert!(EntraRoute::of(&path).is_none(), "{path}");
            }
        }
    }
}
