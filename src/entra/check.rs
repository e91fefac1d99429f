//! Authentication and authorization: the token, then its permissions.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::entra::caller::{self, ACTS_AS, bearer};
use crate::entra::token::{self, Claims, Token, TokenDefect, issuer, unix_seconds};
use crate::odata::error::Error;
use crate::policy::behavior::ActsAs;
use crate::policy::permissions::{self, OperationKind};
use crate::policy::refusal;
use crate::world::World;
use crate::world::settings::Auth;

/// The `WWW-Authenticate` header of every 401 of Graph (microsoftgraph/msgraph-sample-reactspa#54), with the real token service.
///
/// A longer form of 2024 has a second challenge, whose nonce would be another token.
pub(crate) const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000""#;

/// The claims of an authenticated request.
#[derive(Debug)]
pub(crate) struct TokenClaims(Claims);

/// Checks the token of a request as the world requires. Returns its claims if there is something to authorize.
///
/// The order is that of the library behind the service (Microsoft.IdentityModel): form, signature, lifetime, audience, issuer. The
/// library tolerates five minutes of clock skew; here one clock issues and checks, and a test of expiry need not wait.
pub(crate) fn authenticate(world: &World, headers: &HeaderMap) -> Result<Option<TokenClaims>, Error> {
    if world.auth == Auth::Open {
        // An unreadable token counts as missing.
        let needs_claims = world.behaviors.acts_as == ActsAs::Required;
        return Ok(if needs_claims { caller::claims(headers).map(TokenClaims) } else { None });
    }
    let text = match bearer(headers) {
        Some(text) if !text.is_empty() => text,
        _ => return Err(no_token(headers)),
    };
    if world.auth == Auth::Bearer {
        return Ok(caller::claims(headers).map(TokenClaims));
    }
    verified(world, headers, text).map(|claims| Some(TokenClaims(claims)))
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

/// Checks the permissions for an operation on a resource, given by the qualified name of its type.
pub(crate) fn authorize(
    world: &World,
    headers: &HeaderMap,
    claims: Option<&TokenClaims>,
    resource: &str,
    operation: OperationKind,
) -> Result<(), Error> {
    let Some(TokenClaims(claims)) = claims else { return Ok(()) };
    if world.auth == Auth::Strict
        && let Some(row) = permissions::of(resource, operation)
    {
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
    }
    let is_silent = headers.get(ACTS_AS).is_none_or(HeaderValue::is_empty);
    if world.behaviors.acts_as == ActsAs::Required && claims.is_application() && is_silent {
        return Err(Error::new(&refusal::NO_ACTING_USER, &[]));
    }
    Ok(())
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
