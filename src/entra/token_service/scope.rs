//! Scopes: what a client asks for, what it gets, and for which service.

use super::{EntraContext, Generation};
use crate::entra::check::is_graph;
use crate::entra::token::GRAPH;
use crate::policy::permissions;
use crate::world::fixture::directory::Application;

/// The scopes that are about signing in, and not about Graph.
const SIGN_IN: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What a user's token is for.
pub(super) struct Scopes {
    /// The service, as the client has named it.
    pub(super) resource: String,
    /// The names in the token.
    pub(super) granted: Vec<String>,
    /// What the client is told: the same, and what it has asked for, since libraries look for that in their caches.
    pub(super) answered: String,
}

impl Scopes {
    /// Returns what a client gets that wants these scopes. Everything is granted; `.default`, and no scope at all, are all that the
    /// application has.
    pub(super) fn of(context: &EntraContext<'_>, wanted: &str, resource: Option<&str>, listed: Option<&Application>) -> Scopes {
        let mut scopes = Scopes { resource: GRAPH.to_owned(), granted: Vec::new(), answered: String::new() };
        let mut wants_all = context.generation == Generation::First;
        let mut names_one = false;
        for scope in wanted.split_ascii_whitespace() {
            if SIGN_IN.contains(&scope) {
                // What only says that a refresh token is wanted is in no token.
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
            scopes.granted.extend(match listed.and_then(|application| application.scopes.clone()) {
                Some(own) => own,
                None => permissions::least(|row| row.delegated),
            });
        }
        scopes.answered.push_str(&scopes.granted.join(" "));
        scopes
    }
}

/// Returns for whom a token is: Graph also goes by the name of the emulator, since libraries ask for the host that they call.
pub(super) fn audience<'r>(context: &EntraContext<'_>, resource: &'r str) -> &'r str {
    let trimmed = resource.trim_end_matches('/');
    if is_graph(trimmed) {
        return trimmed;
    }
    let asked = host(trimmed);
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|loopback| asked.eq_ignore_ascii_case(loopback));
    let is_own = is_loopback || (!asked.is_empty() && asked.eq_ignore_ascii_case(host(context.asked.base_url)));
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
