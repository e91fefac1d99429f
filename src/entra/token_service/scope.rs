//! Scopes: asked, granted and answered ones, and their resource.
//!
//! The form of the answer follows the request, as in recordings of Azure/azure-sdk-for-js, -go, -net and -python: with or without the
//! resource before each name; those of `OpenID` that Graph has come first and bare; `offline_access` never appears.

use uuid::Uuid;

use super::EntraContext;
use crate::entra::check::is_graph;
use crate::entra::token::{GRAPH, GRAPH_ID};
use crate::odata::error::Error;
use crate::policy::{permissions, refusal};
use crate::world::fixture::directory::Application;

/// The scopes of sign-in.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The scope in which a token of a resource without a description allows everything.
const IMPERSONATION: &str = "user_impersonation";

/// The scopes that a request asks for.
#[derive(Debug)]
pub(super) struct AskedScopes<'a> {
    /// Those of sign-in.
    pub(super) sign_in: Vec<&'a str>,
    /// The first resource, as written; `None` for a name without one, which means Graph.
    resource: Option<&'a str>,
    /// The names of all others.
    names: Vec<&'a str>,
    /// All others, as written.
    written: Vec<&'a str>,
}

/// The number of resources that the scopes of a request may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resources {
    /// One.
    One,
    /// Any number, of which the first counts.
    First,
}

impl<'a> AskedScopes<'a> {
    /// Reads the text of a parameter.
    pub(super) fn read(text: &'a str, client: &str, resources: Resources) -> Result<AskedScopes<'a>, Error> {
        let mut asked = AskedScopes { sign_in: Vec::new(), resource: None, names: Vec::new(), written: Vec::new() };
        let mut has_default = false;
        let mut others = 0;
        for scope in text.split_ascii_whitespace() {
            let bare = scope.strip_prefix(GRAPH).and_then(|rest| rest.strip_prefix('/')).unwrap_or(scope);
            if SIGN_IN.contains(&bare) {
                asked.sign_in.push(bare);
                continue;
            }
            let (resource, name) = match scope.rsplit_once('/') {
                Some((resource, name)) => (Some(resource), name),
                None => (None, scope),
            };
            if resource.is_some_and(|resource| !is_resource(resource, client)) {
                return Err(Error::new(&refusal::ENTRA_SCOPE_FORMAT, &[scope]));
            }
            let is_same = others == 0 || is_one(asked.resource, resource);
            has_default |= name == ".default";
            others += 1;
            if has_default && others > 1 {
                return Err(Error::new(&refusal::ENTRA_SCOPE_LIMIT, &[scope]));
            }
            if !is_same {
                match resources {
                    Resources::One => return Err(Error::new(&refusal::ENTRA_SCOPE_OF_RESOURCES, &[text])),
                    Resources::First => continue,
                }
            }
            if others == 1 {
                asked.resource = resource;
            }
            asked.names.push(name);
            asked.written.push(scope);
        }
        Ok(asked)
    }

    /// Returns the names of the permissions of the resource, as written.
    pub(super) fn names(&self) -> &[&'a str] {
        &self.names
    }

    /// Returns whether all consented permissions are asked for.
    pub(super) fn has_default(&self) -> bool {
        self.names.contains(&".default")
    }

    /// Returns whether no resource is asked for.
    pub(super) fn is_sign_in_only(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns whether a scope of sign-in is asked for.
    pub(super) fn has(&self, scope: &str) -> bool {
        self.sign_in.contains(&scope)
    }
}

/// Returns whether a text is a resource: an address or an id. A client can also name itself.
pub(super) fn is_resource(text: &str, client: &str) -> bool {
    let is_address = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) && !rest.is_empty()
    });
    is_address || Uuid::try_parse(text).is_ok() || text == client
}

fn is_one(one: Option<&str>, other: Option<&str>) -> bool {
    let of_graph = |resource: Option<&str>| resource.is_none_or(is_graph);
    match (one, other) {
        (Some(one), Some(other)) if one == other => true,
        _ => of_graph(one) && of_graph(other),
    }
}

/// The scopes of a user's token.
#[derive(Debug)]
pub(super) struct Scopes {
    /// The resource, as written by the client.
    pub(super) resource: String,
    /// The scopes in the token.
    pub(super) granted: Vec<String>,
    /// The scopes in the answer, which libraries use as a key of their cache.
    pub(super) answered: String,
    /// The scopes without consent.
    pub(super) missing: Vec<String>,
}

impl Scopes {
    /// Grants what is asked for, as far as the application has consent. `resource` is that of the first generation, which asks for all.
    pub(super) fn of(
        context: &EntraContext<'_>,
        asked: &AskedScopes<'_>,
        resource: Option<&str>,
        registered: Option<&Application>,
        user: &str,
    ) -> Result<Scopes, Error> {
        let written = resource.or(asked.resource);
        let resource = written.unwrap_or(GRAPH);
        let of_graph = is_graph(audience(context, resource));
        let target = if of_graph { None } else { described(context, resource)? };
        let consented = registered.and_then(|application| context.registry.consented(application, user, resource));
        let all = asked.has_default() || context.is_first() || (asked.is_sign_in_only() && of_graph && asked.sign_in.is_empty());
        let prefixed = |name: &str| if of_graph { name.to_owned() } else { format!("{resource}/{name}") };
        // Consent is to permissions: all of the resource are granted, not only those asked for.
        let mut granted: Vec<String> = consented.clone().unwrap_or_default();
        granted.retain(|name| !SIGN_IN.contains(&&**name));
        let mut missing: Vec<String> = Vec::new();
        for name in asked.names.iter().filter(|name| **name != ".default") {
            let is_granted = granted.iter().any(|known| known.eq_ignore_ascii_case(name));
            if let Some(exposed) = target.and_then(|target| target.exposed_scopes.as_ref())
                && !exposed.iter().any(|known| known == name)
            {
                let application = registered.map_or("", |application| application.name());
                return Err(Error::new(&refusal::ENTRA_UNKNOWN_SCOPE, &[application, name, resource]));
            }
            if consented.is_some() && !is_granted {
                missing.push(prefixed(name));
            } else if !is_granted {
                granted.push((*name).to_owned());
            }
        }
        if all && consented.as_ref().is_some_and(Vec::is_empty) {
            if let Some(application) = registered.filter(|application| !context.registry.requires(application, resource)) {
                let valid: Vec<&str> = application.required.iter().map(|required| &*required.app_id).collect();
                let app_id = target.map_or(if of_graph { GRAPH_ID } else { "" }, |target| &target.app_id);
                let words = [&*application.app_id, application.name(), resource, app_id, &valid.join(", ")];
                return Err(Error::new(&refusal::ENTRA_RESOURCE_NOT_REQUIRED, &words));
            }
            missing.push(prefixed(".default"));
        }
        if all && consented.is_none() {
            granted.extend(match (of_graph, target.and_then(|target| target.exposed_scopes.clone())) {
                (true, _) => permissions::default_permissions(|row| row.delegated),
                (false, Some(exposed)) => exposed,
                (false, None) => vec![IMPERSONATION.to_owned()],
            });
        }
        granted.sort_by_key(|name| name.to_lowercase());
        granted.dedup();
        let mut sign_in: Vec<String> = Vec::new();
        if of_graph {
            sign_in = asked.sign_in.iter().filter(|scope| **scope != "offline_access").map(|scope| (*scope).to_owned()).collect();
            sign_in.sort();
            sign_in.dedup();
        }
        let answered = answered(context, asked, written, &sign_in, &granted);
        granted.extend(sign_in);
        granted.sort_by_key(|name| name.to_lowercase());
        Ok(Scopes { resource: resource.to_owned(), granted, answered, missing })
    }
}

fn answered(
    context: &EntraContext<'_>,
    asked: &AskedScopes<'_>,
    written: Option<&str>,
    sign_in: &[String],
    granted: &[String],
) -> String {
    let Some(resource) = written.filter(|_| !context.is_first()) else {
        let mut all: Vec<&str> = sign_in.iter().chain(granted).map(|name| &**name).collect();
        all.sort_by_key(|name| name.to_lowercase());
        return all.join(" ");
    };
    let mut all: Vec<String> = sign_in.to_vec();
    all.extend(granted.iter().map(|name| format!("{resource}/{name}")));
    if asked.has_default() {
        all.push(format!("{resource}/.default"));
    }
    all.join(" ")
}

/// Returns the description of a resource other than Graph, if there is one.
///
/// # Errors
///
/// Fails for an unknown application, if only known ones have tokens. Services of Microsoft have them anyway.
pub(super) fn described<'c>(context: &'c EntraContext<'_>, resource: &str) -> Result<Option<&'c Application>, Error> {
    match context.registry.resource(resource) {
        Some(application) => Ok(Some(application)),
        None if !context.registry.is_closed() || is_of_microsoft(resource) => Ok(None),
        None => Err(Error::new(&refusal::ENTRA_UNKNOWN_RESOURCE, &[resource, &context.tenant_id])),
    }
}

/// Returns whether a resource is a service of Microsoft, by its host.
pub(super) fn is_of_microsoft(resource: &str) -> bool {
    let host = host(resource).to_ascii_lowercase();
    let domains = [".azure.com", ".azure.net", ".windows.net", ".microsoft.com", ".office.com", ".azure.us", ".azure.cn"];
    domains.iter().any(|domain| host.ends_with(domain))
}

/// Returns the audience of a token. The emulator's host counts as Graph, since libraries request the host that they call.
pub(super) fn audience<'r>(context: &EntraContext<'_>, resource: &'r str) -> &'r str {
    let trimmed = resource.trim_end_matches('/');
    if is_graph(trimmed) {
        return trimmed;
    }
    let requested = host(trimmed);
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|loopback| requested.eq_ignore_ascii_case(loopback));
    let is_own = is_loopback || (!requested.is_empty() && requested.eq_ignore_ascii_case(host(context.request.base_url)));
    if is_own { GRAPH } else { resource }
}

/// Returns the host of an address, without its port.
pub(super) fn host(address: &str) -> &str {
    let authority = address.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, resources: Resources) -> Option<&'static str> {
        AskedScopes::read(text, "app", resources).err().map(|error| error.refusal.name)
    }

    #[test]
    fn scopes_are_of_one_resource_in_a_known_form() {
        for text in [
            "",
            "openid User.Read https://graph.microsoft.com/Mail.Read 00000003-0000-0000-c000-000000000000/Mail.Send",
            "https://management.core.windows.net//.default openid offline_access",
            "api://foo/Foo api://foo/Bar",
            "app/.default",
        ] {
            assert_eq!(number(text, Resources::One), None, "{text}");
        }
        let limit = Some("entra-scope-limit");
        assert_eq!(number("https://a.example/.default https://b.example/.default", Resources::First), limit);
        assert_eq!(number("User.Read https://graph.microsoft.com/.default", Resources::One), limit);
        assert_eq!(number("User.Read/.default", Resources::One), Some("entra-scope-format"));
        let two = "User.Read api://foo/Foo";
        assert_eq!(number(two, Resources::One), Some("entra-scope-of-resources"));
        assert_eq!(number(two, Resources::First), None);
        let asked = AskedScopes::read("https://graph.microsoft.com/openid User.Read", "app", Resources::One).unwrap();
        assert_eq!((asked.sign_in, asked.names), (vec!["openid"], vec!["User.Read"]));
    }
}
