//! The token service: the endpoints of Entra that identity libraries call.
//!
//! Pure functions of a world and a request. Issuer and endpoints use the host of the request, so that addresses found by a library lead
//! back here. Codes and refresh tokens contain their data; what must be remembered is in [`sign_ins`](crate::world::sign_ins).

mod admin_consent;
mod assertion;
mod authorize;
mod chooser;
mod claims;
mod client;
mod device;
mod form;
mod grant;
mod issue;
mod logout;
mod managed;
mod metadata;
mod page;
mod realm;
mod redirect;
mod reply;
mod scope;
mod sealed;
mod sign_in;
mod user_info;
mod user_realm;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Response, StatusCode};
use uuid::Uuid;

use crate::edm::date_time::DateTimeOffset;
use crate::entra::registry::Registry;
use crate::odata::error::Error;
use crate::policy::refusal::{self, Layer};
use crate::world::World;
use crate::world::clock::unix_millis;
use crate::world::fixture::directory::Directory;
use crate::world::settings::SignIn;
use form::Form;
use reply::{EntraIds, EntraReply};

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
    Keys(Generation),
    UserRealm,
    UserInfo,
    Authorize(Generation),
    Token(Generation),
    DeviceCode(Generation),
    DeviceLogin,
    Logout(Generation),
    CheckSession,
    AdminConsent(Generation),
    MachineIdentity,
    ServiceIdentity,
}

use Generation::{First, Second};

impl EntraEndpoint {
    fn methods(self) -> &'static [&'static str] {
        match self {
            EntraEndpoint::Instance
            | EntraEndpoint::Configuration(_)
            | EntraEndpoint::Keys(_)
            | EntraEndpoint::UserRealm
            | EntraEndpoint::CheckSession
            | EntraEndpoint::AdminConsent(_)
            | EntraEndpoint::MachineIdentity => &["GET"],
            EntraEndpoint::Authorize(_)
            | EntraEndpoint::UserInfo
            | EntraEndpoint::Logout(_)
            | EntraEndpoint::DeviceLogin
            | EntraEndpoint::ServiceIdentity => &["GET", "POST"],
            EntraEndpoint::Token(_) | EntraEndpoint::DeviceCode(_) => &["POST"],
        }
    }

    fn generation(self) -> Generation {
        match self {
            EntraEndpoint::Configuration(generation)
            | EntraEndpoint::Keys(generation)
            | EntraEndpoint::Authorize(generation)
            | EntraEndpoint::Token(generation)
            | EntraEndpoint::DeviceCode(generation)
            | EntraEndpoint::Logout(generation)
            | EntraEndpoint::AdminConsent(generation) => generation,
            _ => Second,
        }
    }

    /// Returns whether a person looks at the answers.
    fn is_for_people(self) -> bool {
        matches!(
            self,
            EntraEndpoint::Authorize(_) | EntraEndpoint::DeviceLogin | EntraEndpoint::Logout(_) | EntraEndpoint::AdminConsent(_)
        )
    }

    /// Returns whether the first segment of the path is a tenant.
    fn has_realm(self) -> bool {
        !matches!(self, EntraEndpoint::UserInfo | EntraEndpoint::MachineIdentity | EntraEndpoint::ServiceIdentity)
    }
}

/// The paths after the tenant, compared without regard to case.
const ENDPOINTS: &[(&str, EntraEndpoint)] = &[
    ("discovery/instance", EntraEndpoint::Instance),
    (".well-known/openid-configuration", EntraEndpoint::Configuration(First)),
    ("v2.0/.well-known/openid-configuration", EntraEndpoint::Configuration(Second)),
    ("discovery/keys", EntraEndpoint::Keys(First)),
    ("discovery/v2.0/keys", EntraEndpoint::Keys(Second)),
    ("userrealm", EntraEndpoint::UserRealm),
    ("openid/userinfo", EntraEndpoint::UserInfo),
    ("oauth2/authorize", EntraEndpoint::Authorize(First)),
    ("oauth2/v2.0/authorize", EntraEndpoint::Authorize(Second)),
    ("oauth2/token", EntraEndpoint::Token(First)),
    ("oauth2/v2.0/token", EntraEndpoint::Token(Second)),
    ("oauth2/devicecode", EntraEndpoint::DeviceCode(First)),
    ("oauth2/v2.0/devicecode", EntraEndpoint::DeviceCode(Second)),
    ("oauth2/deviceauth", EntraEndpoint::DeviceLogin),
    ("oauth2/logout", EntraEndpoint::Logout(First)),
    ("oauth2/v2.0/logout", EntraEndpoint::Logout(Second)),
    ("oauth2/checksession", EntraEndpoint::CheckSession),
    ("adminconsent", EntraEndpoint::AdminConsent(First)),
    ("v2.0/adminconsent", EntraEndpoint::AdminConsent(Second)),
];

/// Whole paths, compared without regard to case.
const FIXED_PATHS: &[(&str, EntraEndpoint)] = &[
    ("oidc/userinfo", EntraEndpoint::UserInfo),
    ("metadata/identity/oauth2/token", EntraEndpoint::MachineIdentity),
    ("msi/token", EntraEndpoint::ServiceIdentity),
];

/// An endpoint and the tenant before it in the path.
#[derive(Debug)]
pub struct EntraRoute<'p> {
    endpoint: EntraEndpoint,
    realm: &'p str,
    /// The user in the path of a user realm.
    user: Option<&'p str>,
}

impl<'p> EntraRoute<'p> {
    /// Returns the endpoint of a path, or `None`, as for all paths of Graph.
    pub fn of(path: &'p str) -> Option<EntraRoute<'p>> {
        let path = path.strip_prefix('/')?;
        // Nearly all requests are to Graph.
        if path.starts_with("v1.0/") || path.starts_with("beta/") {
            return None;
        }
        if let Some((_, endpoint)) = FIXED_PATHS.iter().find(|(known, _)| known.eq_ignore_ascii_case(path)) {
            return Some(EntraRoute { endpoint: *endpoint, realm: "common", user: None });
        }
        // The emulator's own paths begin with an underscore.
        let (realm, rest) = path.split_once('/').filter(|(realm, _)| !realm.starts_with('_'))?;
        if let Some((name, user)) = rest.split_once('/')
            && name.eq_ignore_ascii_case("userrealm")
            && !user.contains('/')
        {
            return Some(EntraRoute { endpoint: EntraEndpoint::UserRealm, realm, user: Some(user) });
        }
        let (_, endpoint) = ENDPOINTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(rest))?;
        Some(EntraRoute { endpoint: *endpoint, realm, user: None })
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
    /// The applications of the world.
    registry: Registry<'c>,
    ids: EntraIds,
}

impl EntraContext<'_> {
    fn directory(&self) -> &Directory {
        &self.world.directory
    }

    fn is_first(&self) -> bool {
        self.generation == First
    }

    /// Returns whether the path has a shared name instead of a tenant.
    fn is_shared(&self) -> bool {
        realm::is_shared(self.realm)
    }

    /// Returns the issuer of tokens of the second version.
    fn second_issuer(&self) -> String {
        format!("{}/{}/v2.0", self.request.base_url, self.tenant_id)
    }

    /// Returns the issuer of id tokens.
    fn own_issuer(&self) -> String {
        match self.generation {
            First => crate::entra::token::issuer(&self.tenant_id),
            Second => self.second_issuer(),
        }
    }

    /// Returns the description of an error with the ids of this request.
    fn description(&self, error: &Error) -> String {
        error.traced_description(&date(self.world), &self.ids.trace.to_string(), &self.ids.correlation.to_string())
    }
}

/// Returns the time as errors write it.
fn date(world: &World) -> String {
    let now = DateTimeOffset::from_unix_millis(unix_millis(world.clock.now()));
    let mut date = Vec::with_capacity(19);
    now.write_seconds(&mut date);
    String::from_utf8_lossy(&date).into_owned()
}

/// Answers a request to the token service, with the error of a refusal; with the given error, if any.
pub(crate) fn answer(
    world: &World,
    route: &EntraRoute<'_>,
    request: &EntraRequest<'_>,
    error: Option<Error>,
) -> (Response<Bytes>, Option<Error>) {
    if request.method == Method::OPTIONS {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        reply::preflight(response.headers_mut(), request);
        return (response, None);
    }
    let ids = ids(world, request);
    match error.map_or_else(|| decide(world, route, request, ids), Err) {
        Ok(decided) => (reply::respond(request, decided, ids), None),
        Err(error) => {
            let (date, trace, correlation) = (date(world), ids.trace.to_string(), ids.correlation.to_string());
            let is_page = route.endpoint.is_for_people() && matches!(error.refusal.layer, Layer::Entra(_));
            let body = if is_page {
                page::error_page(&error, &trace, &correlation, &date).into_bytes()
            } else {
                error.body(&date, &trace, &correlation)
            };
            (reply::refuse(request, &error, ids, body, is_page), Some(error))
        }
    }
}

fn decide(world: &World, route: &EntraRoute<'_>, request: &EntraRequest<'_>, ids: EntraIds) -> Result<EntraReply, Error> {
    let methods = route.endpoint.methods();
    let method = if request.method == Method::HEAD { &Method::GET } else { request.method };
    if !methods.contains(&method.as_str()) {
        return Err(Error::new(&refusal::ENTRA_METHOD, &[&methods.join(", "), request.method.as_str()]));
    }
    let tenant_id = if route.endpoint.has_realm() {
        realm::tenant_id(route.realm, world).map_err(|error| of_metadata(error, route))?
    } else {
        world.directory.tenant_id.clone()
    };
    let (generation, registry) = (route.endpoint.generation(), Registry::of(world));
    let context = EntraContext { world, request, generation, realm: route.realm, tenant_id, registry, ids };
    if matches!(route.endpoint, EntraEndpoint::Token(_))
        && let Some(refusal) = world.sign_ins.next_refusal()
    {
        let form = Form::of(request);
        return Err(Error::new(refusal, &[form.get("client_id").unwrap_or_default(), &context.tenant_id]));
    }
    match route.endpoint {
        EntraEndpoint::Instance => metadata::instance(&context).map(EntraReply::Metadata),
        EntraEndpoint::Configuration(_) => Ok(EntraReply::Metadata(metadata::configuration(&context))),
        EntraEndpoint::Keys(_) => Ok(EntraReply::Metadata(metadata::keys(&context))),
        EntraEndpoint::UserRealm => Ok(EntraReply::UserRealm(user_realm::user_realm(&context, route.user))),
        EntraEndpoint::UserInfo => user_info::user_info(&context).map(EntraReply::Json),
        EntraEndpoint::Authorize(_) => match world.sign_in {
            SignIn::Automatic => authorize::authorize(&context),
            SignIn::Page => chooser::authorize(&context),
        },
        EntraEndpoint::Token(_) => grant::token(&context).map(EntraReply::Json),
        EntraEndpoint::DeviceCode(_) => device::device_code(&context).map(EntraReply::Json),
        EntraEndpoint::DeviceLogin => device::device_login(&context),
        EntraEndpoint::Logout(_) => logout::logout(&context),
        EntraEndpoint::CheckSession => Ok(EntraReply::Page(page::page(""))),
        EntraEndpoint::AdminConsent(_) => admin_consent::admin_consent(&context),
        EntraEndpoint::MachineIdentity => managed::machine(&context),
        EntraEndpoint::ServiceIdentity => managed::service(&context),
    }
}

/// Returns an error of the path as metadata names it.
fn of_metadata(error: Error, route: &EntraRoute<'_>) -> Error {
    let is_metadata = matches!(route.endpoint, EntraEndpoint::Configuration(_) | EntraEndpoint::Keys(_));
    if is_metadata && error.refusal == &refusal::ENTRA_UNKNOWN_TENANT {
        return Error::new(&refusal::ENTRA_UNKNOWN_TENANT_METADATA, &[route.realm]);
    }
    error
}

/// Returns the ids of a request. The second is the client's, which libraries send as a header, in the query or in the body.
fn ids(world: &World, request: &EntraRequest<'_>) -> EntraIds {
    let id_of = |text: &str| Uuid::try_parse(text).ok();
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).and_then(id_of);
    let form = Form::of(request);
    let sent = header("client-request-id").or_else(|| form.get("client-request-id").and_then(id_of));
    let is_wanted = request.headers.get("return-client-request-id").is_some_and(|value| value == "true");
    let mut trace = world.next_request_id().into_bytes();
    // Recorded ids end in a small byte.
    trace[15] &= 3;
    let correlation = sent.or_else(|| header("x-ms-client-request-id")).unwrap_or_else(|| world.next_request_id());
    EntraIds { trace: Uuid::from_bytes(trace), correlation, is_returned: is_wanted && sent.is_some() }
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
                format!("/common/{endpoint}//"),
                format!("//common/{endpoint}"),
            ] {
                assert!(EntraRoute::of(&path).is_none(), "{path}");
            }
        }
        for (path, _) in FIXED_PATHS {
            assert!(EntraRoute::of(&format!("/{path}")).is_some() && EntraRoute::of(&format!("/{path}/")).is_none(), "{path}");
        }
        let route = EntraRoute::of("/common/UserRealm/a@contoso.com").unwrap();
        assert_eq!((route.endpoint, route.user), (EntraEndpoint::UserRealm, Some("a@contoso.com")));
    }
}
