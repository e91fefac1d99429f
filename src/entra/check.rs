//! Whether a request may be made: the token first, then what it allows.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::entra::caller::{self, ACTS_AS, bearer};
use crate::entra::token::{self, Claims, Malformed, Token, issuer, unix_seconds};
use crate::odata::error::Error;
use crate::policy::behavior::ActsAs;
use crate::policy::permissions::{self, OperationKind};
use crate::policy::refusal;
use crate::world::{Auth, World};

/// The header of every 401 of Graph (microsoftgraph/msgraph-sample-reactspa#54), which leads to the real token service.
///
/// A longer form of 2024 goes on with a second challenge, whose nonce would be a token of its own.
pub const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000""#;

/// What a checked token says.
#[derive(Debug)]
pub struct Checked(Claims);

/// Checks the token of a request, as far as the tenant wants that; returns what it says, if there is something to check in it.
///
/// The order is that of the library behind the service (Microsoft.IdentityModel): form, signature, lifetime, audience, issuer. The
/// library allows clocks to differ by five minutes; here the same clock issues and checks, and a test of expiry need not wait.
pub fn authenticate(world: &World, headers: &HeaderMap) -> Result<Option<Checked>, Error> {
    if world.auth == Auth::Open {
        // A token that cannot be read is as good as none.
        let wanted = world.behaviors.acts_as == ActsAs::Required;
        return Ok(if wanted { caller::claims(headers).map(Checked) } else { None });
    }
    let text = match bearer(headers) {
        Some(text) if !text.is_empty() => text,
        _ => return Err(no_token(headers)),
    };
    if world.auth == Auth::Bearer {
        return Ok(caller::claims(headers).map(Checked));
    }
    let token = Token::read(text).map_err(|malformed| malformed_token(malformed, text))?;
    if !token.is_genuine() {
        return Err(
            Error::new(&refusal::TOKEN_SIGNATURE, &[]).with_detail("the token is not signed by the emulator's own key".into())
        );
    }
    let claims = token.claims;
    let now = unix_seconds(world.clock.now());
    if token::seconds(&claims.exp).is_none_or(|until| until <= now) {
        return Err(Error::new(&refusal::TOKEN_EXPIRED, &[]).with_detail(format!("exp is {}, now is {now}", claims.exp)));
    }
    // Without a start a token is valid from the beginning of time; with one that is no time it never is.
    if !claims.nbf.is_null() && token::seconds(&claims.nbf).is_none_or(|from| from > now) {
        return Err(Error::new(&refusal::TOKEN_NOT_YET_VALID, &[]).with_detail(format!("nbf is {}, now is {now}", claims.nbf)));
    }
    if !claims.aud.as_str().is_some_and(is_graph) {
        let detail = format!("aud is {}, expected {} or {}", claims.aud, token::GRAPH, token::GRAPH_ID);
        return Err(Error::new(&refusal::TOKEN_AUDIENCE, &[]).with_detail(detail));
    }
    let own_issuer = claims.tid.as_str().map(issuer);
    if own_issuer.is_none() || claims.iss.as_str() != own_issuer.as_deref() {
        let detail = format!("iss is {}, expected that of the tenant {}", claims.iss, claims.tid);
        return Err(Error::new(&refusal::TOKEN_ISSUER, &[]).with_detail(detail));
    }
    Ok(Some(Checked(claims)))
}

/// Checks whether a token allows an operation on a resource, given by the full name of its type.
pub fn authorize(
    world: &World,
    headers: &HeaderMap,
    checked: Option<&Checked>,
    resource: &str,
    operation: OperationKind,
) -> Result<(), Error> {
    let Some(Checked(claims)) = checked else { return Ok(()) };
    if world.auth == Auth::Strict
        && let Some(row) = permissions::of(resource, operation)
    {
        if claims.is_application() {
            let roles: Vec<&str> = claims.roles.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if !row.application.iter().any(|wanted| roles.contains(wanted)) {
                return Err(Error::new(&refusal::MISSING_ROLE, &[&row.application.join(", "), &roles.join(", ")]));
            }
        } else {
            if !row.personal && claims.tid == token::PERSONAL_TENANT {
                return Err(Error::new(&refusal::PERSONAL_ACCOUNT, &[]));
            }
            let scopes: Vec<&str> = claims.scp.as_deref().unwrap_or_default().split_ascii_whitespace().collect();
            if !row.delegated.iter().any(|wanted| scopes.contains(wanted)) {
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

/// Says whether an audience is Graph.
pub(super) fn is_graph(audience: &str) -> bool {
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

fn malformed_token(malformed: Malformed, text: &str) -> Error {
    let refusal = match malformed {
        Malformed::NoDots => &refusal::TOKEN_WITHOUT_DOTS,
        Malformed::OneDot => &refusal::TOKEN_WITH_ONE_DOT,
        Malformed::Unreadable => &refusal::TOKEN_UNREADABLE,
    };
    // Tokens are secrets, so the log gets to see their length alone.
    Error::new(refusal, &[]).with_detail(format!("found {} characters that are no JWT", text.chars().count()))
}
