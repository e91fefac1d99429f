//! Authentication and authorization: the token, then its permissions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::edm::schema::{Model, StructuredType};
use crate::entra::caller::{self, ACTS_AS, bearer};
use crate::entra::token::{self, Claims, Token, TokenDefect, issuer, unix_seconds};
use crate::odata::error::Error;
use crate::policy::behavior::{ActsAs, ClaimsChallenge, ReadByWrite};
use crate::policy::permissions::{
    self, OperationKind, OperationPermissions, Sufficient, TokenKind, are_published, of_operation, with_writers,
};
use crate::policy::refusal;
use crate::world::World;
use crate::world::settings::Auth;

/// The `WWW-Authenticate` header of every 401 of Graph (microsoftgraph/msgraph-sample-reactspa#54), with the real token service.
///
/// A longer form of 2024 has a second challenge, whose nonce would be another token.
pub(crate) const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000""#;

/// The claims of an authenticated request.
#[derive(Debug)]
pub(crate) struct TokenClaims(Box<Claims>);

impl TokenClaims {
    fn of(claims: Claims) -> TokenClaims {
        TokenClaims(Box::new(claims))
    }
}

/// Checks the token of a request as the world requires. Returns its claims if there is something to authorize.
///
/// The order is that of the library behind the service (Microsoft.IdentityModel): form, signature, lifetime, audience, issuer. The
/// library tolerates five minutes of clock skew; here one clock issues and checks, and a test of expiry need not wait.
pub(crate) fn authenticate(world: &World, headers: &HeaderMap) -> Result<Option<TokenClaims>, Error> {
    if world.auth == Auth::Open {
        // An unreadable token counts as missing.
        let needs_claims = world.behaviors.acts_as == ActsAs::Required;
        return Ok(if needs_claims { caller::claims(headers).map(TokenClaims::of) } else { None });
    }
    let text = match bearer(headers) {
        Some(text) if !text.is_empty() => text,
        _ => return Err(no_token(headers)),
    };
    if world.auth == Auth::Bearer {
        return Ok(caller::claims(headers).map(TokenClaims::of));
    }
    let claims = verified(world, headers, text)?;
    check_revocation(world, &claims)?;
    Ok(Some(TokenClaims::of(claims)))
}

/// Checks that the user's tokens were not revoked after this one was issued. A client that cannot answer the challenge is not given one:
/// its token stays valid until it expires (learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation).
pub(super) fn check_revocation(world: &World, claims: &Claims) -> Result<(), Error> {
    let user = claims.oid.as_deref().unwrap_or_default();
    let Some(valid_from) = world.sign_ins.valid_from(user) else { return Ok(()) };
    let answers = claims.xms_cc.as_array().is_some_and(|list| list.iter().any(|value| value == "cp1"));
    if !answers || token::issued_at(claims).is_none_or(|issued| issued >= valid_from) {
        return Ok(());
    }
    let asked = format!(r#"{{"access_token":{{"nbf":{{"essential":true, "value":"{valid_from}"}}}}}}"#);
    Err(Error::new(&refusal::TOKEN_REVOKED, &[]).with_claims(asked))
}

/// Returns the `WWW-Authenticate` header of a 401.
pub(crate) fn challenge(world: &World, error: &Error) -> HeaderValue {
    let plain = HeaderValue::from_static(CHALLENGE);
    let Some(claims) = error.claims().filter(|_| error.refusal == &refusal::TOKEN_REVOKED) else { return plain };
    let claims = STANDARD.encode(claims);
    let reason = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";
    let text = match world.behaviors.claims_challenge {
        ClaimsChallenge::Of2021 => format!(r#"{CHALLENGE}, error="insufficient_claims", claims="{claims}""#),
        ClaimsChallenge::Of2022 => {
            format!(r#"{CHALLENGE}, error="insufficient_claims", claims="{claims}", errorDescription="{reason}""#)
        }
        ClaimsChallenge::Of2024 => {
            let bearer = CHALLENGE;
            let proof = CHALLENGE.replacen("Bearer", "PoP", 1);
            let nonce = STANDARD.encode(&claims);
            format!(
                r#"{proof}, nonce="{nonce}", {bearer}, error_description="{reason}", error="insufficient_claims", claims="{claims}""#
            )
        }
    };
    HeaderValue::try_from(text).unwrap_or(plain)
}

/// Returns the claims of a valid token of the emulator for Graph.
pub(super) fn verified(world: &World, headers: &HeaderMap, text: &str) -> Result<Claims, Error> {
    if text.is_empty() {
        return Err(no_token(headers));
    }
    let token = Token::read(text).map_err(|defect| malformed_token(defect, text))?;
    if !token.is_genuine() {
        return Err(Error::new(&refusal::TOKEN_SIGNATURE, &[]).with_detail("signature is not of the emulator's key".into()));
    }
    let claims = token.claims;
    let now = unix_seconds(world.clock.now());
    if token::seconds(&claims.exp).is_none_or(|until| until <= now) {
        return Err(Error::new(&refusal::TOKEN_EXPIRED, &[]).with_detail(format!("exp is {}, now is {now}", claims.exp)));
    }
    // A token without a start is valid from the beginning of time; one with an invalid start never is.
    if !claims.nbf.is_null() && token::seconds(&claims.nbf).is_none_or(|from| from > now) {
        return Err(Error::new(&refusal::TOKEN_NOT_YET_VALID, &[]).with_detail(format!("nbf is {}, now is {now}", claims.nbf)));
    }
    if !claims.aud.as_str().is_some_and(is_graph) {
        let detail = format!("aud is {}, expected {} or {}", claims.aud, token::GRAPH, token::GRAPH_ID);
        return Err(Error::new(&refusal::TOKEN_AUDIENCE, &[]).with_detail(detail));
    }
    let own_issuer = claims.tid.as_str().map(issuer);
    if own_issuer.is_none() || claims.iss.as_str() != own_issuer.as_deref() {
        let detail = format!("iss is {}, expected the issuer of tenant {}", claims.iss, claims.tid);
        return Err(Error::new(&refusal::TOKEN_ISSUER, &[]).with_detail(detail));
    }
    Ok(claims)
}

/// An operation on a resource.
#[derive(Clone, Copy)]
pub(crate) struct AskedOperation<'o> {
    /// The resource's type, and the schema that has it; `None` without one.
    pub(crate) resource: Option<(&'o Model, &'o StructuredType)>,
    /// Its kind.
    pub(crate) kind: OperationKind,
    /// Returns the addresses under which its permissions may be published, as segments behind the version. The first one is that of the path.
    pub(crate) addresses: &'o dyn Fn() -> Vec<Vec<String>>,
    /// The method.
    pub(crate) method: &'o str,
}

/// Checks the permissions for an operation. Returns the behavior that decided that they are sufficient.
pub(crate) fn authorize(
    world: &World,
    headers: &HeaderMap,
    claims: Option<&TokenClaims>,
    operation: AskedOperation<'_>,
) -> Result<Option<&'static str>, Error> {
    let Some(TokenClaims(claims)) = claims else { return Ok(None) };
    let decided = if world.auth == Auth::Strict { check_permissions(world, claims, operation)? } else { None };
    let is_silent = headers.get(ACTS_AS).is_none_or(HeaderValue::is_empty);
    if world.behaviors.acts_as == ActsAs::Required && claims.is_application() && is_silent {
        return Err(Error::new(&refusal::NO_ACTING_USER, &[]));
    }
    Ok(decided)
}

/// Returns the combinations of permissions that are sufficient for an operation, the least privileged ones first; `None` if none are
/// known, and an empty list if the kind of token is not supported.
pub(crate) fn sufficient(world: &World, operation: AskedOperation<'_>, kind: TokenKind) -> Option<Vec<Sufficient>> {
    let row = operation.resource.and_then(|(_, structured)| permissions::of(&structured.full_name, operation.kind));
    if let Some(row) = row {
        let names = match kind {
            TokenKind::Application => row.application,
            TokenKind::Personal if !row.personal => &[],
            TokenKind::Work | TokenKind::Personal => row.delegated,
        };
        let one = |(index, name): (usize, &&'static str)| Sufficient { is_least: index == 0, names: vec![*name] };
        return Some(names.iter().enumerate().map(one).collect());
    }
    let addresses = (operation.addresses)();
    let is_of_caller = addresses.first()?.first().is_some_and(|first| first.eq_ignore_ascii_case("me"));
    if kind == TokenKind::Application && is_of_caller {
        return Some(Vec::new());
    }
    let found = addresses.iter().find_map(|address| of_operation(address, operation.method))?.sufficient(kind);
    let is_included = includes_reads(world, operation.method);
    Some(if is_included { with_writers(found, kind) } else { found })
}

/// Whether `ReadWrite` permissions include `Read` permissions for a method.
fn includes_reads(world: &World, method: &str) -> bool {
    world.behaviors.read_by_write == ReadByWrite::Included && is_read(method)
}

fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// Checks the permissions of a token: by the reference page of the type, else by what is published for the path.
fn check_permissions(world: &World, claims: &Claims, operation: AskedOperation<'_>) -> Result<Option<&'static str>, Error> {
    let row = operation.resource.and_then(|(_, structured)| permissions::of(&structured.full_name, operation.kind));
    if let Some(row) = row {
        if claims.is_application() {
            let roles: Vec<&str> = claims.roles.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if !row.application.iter().any(|role| roles.contains(role)) {
                return Err(Error::new(&refusal::MISSING_ROLE, &[&row.application.join(", "), &roles.join(", ")]));
            }
        } else {
            if !row.personal && claims.tid == token::PERSONAL_TENANT {
                return Err(Error::new(&refusal::PERSONAL_ACCOUNT, &[]));
            }
            let scopes: Vec<&str> = claims.scp.as_deref().unwrap_or_default().split_ascii_whitespace().collect();
            if !row.delegated.iter().any(|scope| scopes.contains(scope)) {
                return Err(Error::new(&refusal::MISSING_SCOPE, &[&row.delegated.join(", "), &scopes.join(", ")]));
            }
        }
        return Ok(None);
    }
    let addresses = (operation.addresses)();
    let Some(path) = addresses.first() else { return Ok(None) };
    if claims.is_application() && path.first().is_some_and(|first| first.eq_ignore_ascii_case("me")) {
        return Err(Error::new(&refusal::CALLER_WITHOUT_USER, &[]));
    }
    match addresses.iter().find_map(|address| of_operation(address, operation.method)) {
        Some(published) => check_published(world, claims, published, path, operation.method),
        None if is_published_elsewhere(world, operation, path) => {
            let detail = format!("found no published permissions for {} /{}", operation.method, path.join("/"));
            Err(Error::new(&refusal::UNPUBLISHED_PERMISSIONS, &[]).with_detail(detail))
        }
        None => Ok(None),
    }
}

/// Returns whether permissions are published for other addresses of a type, or of the operation that a path ends with.
fn is_published_elsewhere(world: &World, operation: AskedOperation<'_>, path: &[String]) -> bool {
    let Some((model, structured)) = operation.resource else { return false };
    // Types of a custom schema may have the same names, and a root collection has no other address.
    if !structured.full_name.starts_with("microsoft.graph.") || path.len() <= 2 {
        return false;
    }
    // For a type of the core, paths of the core count alone, whether the rest of the schema is read or not.
    let core = world.schema.core();
    let core = core.as_ref().map(|core| core.model(model.version)).filter(|core| core.has_read(structured.id));
    let around = core.unwrap_or(model);
    let roots = around.roots().iter().map(|root| (root.target, &*root.name));
    let all = around.structured_types().flat_map(|holder| &holder.navigations);
    let navigations = all.map(|navigation| (navigation.target, &*navigation.name));
    let mut names: Vec<&str> =
        roots.chain(navigations).filter(|(target, _)| *target == structured.id).map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    // An operation is not published with its type.
    let end = path.last().map(|last| last.split('(').next().unwrap_or_default());
    let is_bound =
        |name: &&str| [false, true].iter().any(|many| model.bound_operation(name, structured.id, *many, &[]).is_some());
    let called = end.filter(is_bound);
    let names = called.map_or(names, |called| vec![called]);
    are_published(&names, operation.method)
}

/// Checks published permissions. Returns the behavior that decided that they are sufficient.
fn check_published(
    world: &World,
    claims: &Claims,
    published: OperationPermissions,
    path: &[String],
    method: &str,
) -> Result<Option<&'static str>, Error> {
    let is_application = claims.is_application();
    let roles: Vec<&str> = claims.roles.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let scopes: Vec<&str> = claims.scp.as_deref().unwrap_or_default().split_ascii_whitespace().collect();
    let (kind, held) = match (is_application, claims.tid == token::PERSONAL_TENANT) {
        (true, _) => (TokenKind::Application, roles),
        (false, true) => (TokenKind::Personal, scopes),
        (false, false) => (TokenKind::Work, scopes),
    };
    let has = |name: &str| held.iter().any(|held| held.eq_ignore_ascii_case(name));
    if published.are_met(kind, has) {
        return Ok(None);
    }
    let is_met = |one: &Sufficient| one.names.iter().all(|name| has(name));
    let can_write = is_read(method) && with_writers(published.sufficient(kind), kind).iter().any(is_met);
    if can_write && includes_reads(world, method) {
        return Ok(Some("read-by-write"));
    }
    let sufficient = published.sufficient(kind);
    if sufficient.is_empty() && kind == TokenKind::Personal {
        return Err(Error::new(&refusal::PERSONAL_ACCOUNT, &[]));
    }
    let joined = |least: bool| {
        let names = sufficient.iter().filter(|one| one.is_least || !least).map(|one| one.names.join(" and "));
        names.collect::<Vec<_>>().join(", ")
    };
    let error = match (denial(path), is_application) {
        (Denial::Directory, _) => Error::new(&refusal::INSUFFICIENT_PRIVILEGES, &[]),
        (Denial::Outlook, _) => Error::new(&refusal::ACCESS_DENIED, &[]),
        (Denial::Other, true) => Error::new(&refusal::MISSING_ROLE, &[&joined(false), &held.join(", ")]),
        (Denial::Other, false) => Error::new(&refusal::MISSING_SCOPE, &[&joined(false), &held.join(", ")]),
    };
    let detail = if sufficient.is_empty() {
        "applications are not supported without a user".to_owned()
    } else if joined(true).is_empty() {
        format!("needs one of {}", joined(false))
    } else {
        format!("least privileged: {}", joined(true))
    };
    let error = error.with_detail(detail);
    Err(if can_write { error.decided_by("read-by-write") } else { error })
}

/// The workloads by the words with which they deny access.
enum Denial {
    Directory,
    Outlook,
    Other,
}

fn denial(path: &[String]) -> Denial {
    let is = |segment: &str, names: &[&str]| names.iter().any(|name| segment.eq_ignore_ascii_case(name));
    let mut segments = path.iter().map(|segment| segment.split('(').next().unwrap_or_default());
    let first = segments.next().unwrap_or_default();
    let outlook =
        ["messages", "mailFolders", "events", "calendar", "calendars", "calendarView", "contacts", "contactFolders", "sendMail"];
    if segments.clone().any(|segment| is(segment, &outlook)) {
        return Denial::Outlook;
    }
    let directory = [
        "me",
        "users",
        "groups",
        "applications",
        "servicePrincipals",
        "directoryObjects",
        "directoryRoles",
        "directory",
        "devices",
        "organization",
        "domains",
        "oauth2PermissionGrants",
    ];
    let other = ["drive", "drives", "planner", "onenote", "todo", "chats", "joinedTeams", "sites", "onlineMeetings", "presence"];
    if is(first, &directory) && !segments.any(|segment| is(segment, &other)) { Denial::Directory } else { Denial::Other }
}

/// Returns whether an audience is Graph.
pub(crate) fn is_graph(audience: &str) -> bool {
    let audience = audience.strip_suffix('/').unwrap_or(audience);
    audience.eq_ignore_ascii_case(token::GRAPH) || audience.eq_ignore_ascii_case(token::GRAPH_ID)
}

fn no_token(headers: &HeaderMap) -> Error {
    let found = if headers.contains_key(AUTHORIZATION) {
        "no Bearer token in the Authorization header"
    } else {
        "no Authorization header"
    };
    Error::new(&refusal::NO_TOKEN, &[]).with_detail(format!("found {found}, expected Bearer and a token"))
}

fn malformed_token(defect: TokenDefect, text: &str) -> Error {
    let refusal = match defect {
        TokenDefect::NoDots => &refusal::TOKEN_WITHOUT_DOTS,
        TokenDefect::OneDot => &refusal::TOKEN_WITH_ONE_DOT,
        TokenDefect::Unreadable => &refusal::TOKEN_UNREADABLE,
    };
    // Tokens are secrets: the log shows their length only.
    Error::new(refusal, &[]).with_detail(format!("not a JWT ({} characters)", text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::Version;
    use crate::world::settings::Settings;

    #[test]
    fn what_is_published_elsewhere_does_not_depend_on_what_is_read() {
        let schema = crate::workloads::schema_with_rest();
        let world = World::new(Settings { schema, ..crate::workloads::settings() });
        let whole = world.widen();
        let mut differences = 0;
        for version in Version::ALL {
            for structured in world.schema.model(version).structured_types() {
                for method in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
                    let is_published = |world: &World, model: &Model| {
                        let resource = Some((model, model.structured(structured.id)));
                        let addresses = &Vec::new;
                        let asked = AskedOperation { resource, kind: OperationKind::Get, addresses, method };
                        is_published_elsewhere(world, asked, &["a", "b", "c"].map(str::to_owned))
                    };
                    let [before, after] = [&world, whole].map(|world| is_published(world, world.schema.model(version)));
                    assert_eq!(before, after, "{method} {}", structured.full_name);
                    // More leads to the type in the whole schema.
                    differences += usize::from(is_published(&world, whole.schema.model(version)) != before);
                }
            }
        }
        assert!(differences > 0, "the whole schema alone would answer the same");
    }
}
