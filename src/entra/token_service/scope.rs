//! Scopes: requested, granted and answered ones, and their resource.

use super::{EntraContext, Generation};
use crate::entra::check::is_graph;
use crate::entra::token::GRAPH;
use crate::policy::permissions;
use crate::world::fixture::directory::Application;

/// The scopes of sign-in, which are not about Graph.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// The scopes of a user's token.
pub(super) struct Scopes {
    /// The resource, as written by the client.
    pub(super) resource: String,
    /// The scopes in the token.
    pub(super) granted: Vec<String>,
    /// The scopes in the answer: the granted ones and the requested `.default`, which libraries use as a cache key.
    pub(super) answered: String,
}

impl Scopes {
    /// Grants all requested scopes. `.default`, or no scope, means those of the application.
    pub(super) fn of(
        context: &EntraContext<'_>,
        requested: &str,
        resource: Option<&str>,
        registered: Option<&Application>,
    ) -> Scopes {
        let mut scopes = Scopes { resource: GRAPH.to_owned(), granted: Vec::new(), answered: String::new() };
        let mut wants_all = context.generation == Generation::First;
        let mut names_one = false;
        for scope in requested.split_ascii_whitespace() {
            if SIGN_IN.contains(&scope) {
                // It requests a refresh token and does not appear in tokens.
                if scope != "offline_access" {
                    scopes.granted.push(scope.to_owned());
                }
                continue;
            }
            let (prefix, name) = scope.rsplit_once('/').unwrap_or(("", scope));
            if !prefix.is_empty() {
                prefix.clone_into(&mut scopes.resource);
            }
            if name == ".default" {
                wants_all = true;
                scopes.answered.push_str(scope);
                scopes.answered.push(' ');
            } else {
                names_one = true;
                scopes.granted.push(name.to_owned());
            }
        }
        if let Some(resource) = resource {
            resource.clone_into(&mut scopes.resource);
        }
        if wants_all || !names_one {
            scopes.granted.extend(match registered.and_then(|application| application.scopes.clone()) {
                Some(own) => own,
                None => permissions::least(|row| row.delegated),
            });
        }
        scopes.answered.push_str(&scopes.granted.join(" "));
        scopes
    }
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
fn host(address: &str) -> &str {
    let authority = address.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
