//! The token endpoint: grants and the tokens issued for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use super::form::Form;
use super::scope::{Scopes, audience};
use super::sealed::{Challenge, GrantKind, SealedGrant};
use super::{EntraContext, Generation};
use crate::entra::token::{self, Grant, LIFETIME, Proof, Token, TokenSubject, Validity, pairwise, signed};
use crate::entra::user::user_named;
use crate::odata::error::Error;
use crate::policy::{permissions, refusal};
use crate::text::constant_time::is_equal;
use crate::text::form;
use crate::world::fixture::directory::{Application, User};

/// A client and its authentication.
struct Client<'c> {
    id: String,
    registered: Option<&'c Application>,
    proof: Proof,
}

impl<'c> Client<'c> {
    fn of(context: &'c EntraContext<'_>, form: &Form<'_>) -> Result<Client<'c>, Error> {
        let basic = basic(context);
        let (id, secret) = match (&basic, form.get("client_id")) {
            // As in a form, an empty value counts as missing.
            (Some((id, secret)), _) => (&**id, Some(&**secret).filter(|secret| !secret.is_empty())),
            (None, Some(id)) => (id, form.get("client_secret")),
            (None, None) => return Err(missing_parameter("client_id")),
        };
        let registered = registered_application(context, id)?;
        let proof = match (secret, form.get("client_assertion")) {
            (Some(secret), _) => {
                let secrets = registered.and_then(|application| application.secrets.as_ref());
                if secrets.is_some_and(|secrets| !secrets.iter().any(|known| known == secret)) {
                    return Err(Error::new(&refusal::ENTRA_WRONG_SECRET, &[id]));
                }
                Proof::Secret
            }
            // The signature is not verified: the emulator has no certificates of applications.
            (None, Some(assertion)) if Token::read(assertion).is_ok() => Proof::Assertion,
            (None, Some(_)) => return Err(Error::new(&refusal::ENTRA_ASSERTION, &[])),
            (None, None) => Proof::Nothing,
        };
        Ok(Client { id: canonical_id(registered, id).to_owned(), registered, proof })
    }
}

/// Returns the directory entry of an application, or `None` if the directory accepts any.
pub(super) fn registered_application<'c>(context: &'c EntraContext<'_>, id: &str) -> Result<Option<&'c Application>, Error> {
    let Some(applications) = &context.directory().applications else { return Ok(None) };
    match applications.iter().find(|application| application.app_id.eq_ignore_ascii_case(id)) {
        Some(application) => Ok(Some(application)),
        None => Err(Error::new(&refusal::ENTRA_UNKNOWN_APPLICATION, &[id, &context.tenant_id])),
    }
}

/// Returns the id of an application in the spelling of the directory.
pub(super) fn canonical_id<'n>(registered: Option<&'n Application>, id: &'n str) -> &'n str {
    registered.map_or(id, |application| &application.app_id)
}

/// Returns the user with a name, without one the first user.
pub(super) fn user(context: &EntraContext<'_>, name: Option<&str>) -> Result<User, Error> {
    let unknown = || Error::new(&refusal::ENTRA_UNKNOWN_USER, &[name.unwrap_or_default(), &context.tenant_id]);
    user_named(context.directory(), name).ok_or_else(unknown)
}

pub(super) fn missing_parameter(name: &str) -> Error {
    Error::new(&refusal::ENTRA_MISSING_PARAMETER, &[name])
}

/// Reads id and secret from an `Authorization` header of the scheme Basic (RFC 6749, 2.3.1).
fn basic(context: &EntraContext<'_>) -> Option<(String, String)> {
    let value = context.request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| form::percent_decoded(text).into_owned();
    (!id.is_empty()).then(|| (decoded(id), decoded(secret)))
}

/// The answer of the token endpoint. In the first generation numbers are text.
#[derive(Serialize)]
struct Answer {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    expires_in: Value,
    ext_expires_in: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<String>,
}

/// The claims of an id token
/// (learn.microsoft.com/entra/identity-platform/id-token-claims-reference).
#[derive(Serialize)]
struct IdClaims<'t> {
    aud: &'t str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'t str>,
    oid: &'t str,
    preferred_username: &'t str,
    sub: String,
    tid: &'t str,
    upn: &'t str,
    ver: &'static str,
}

/// Answers a request to the token endpoint.
pub(super) fn token(context: &EntraContext<'_>) -> Result<Vec<u8>, Error> {
    let form = Form::of(context.request);
    let grant_type = form.get("grant_type").ok_or_else(|| missing_parameter("grant_type"))?;
    let of_kind = |kind: GrantKind, parameter: &str| {
        let client = Client::of(context, &form)?;
        let text = form.get(parameter).ok_or_else(|| missing_parameter(parameter))?;
        let sealed = SealedGrant::read(context, text, kind, &client.id)?;
        Ok((client, sealed))
    };
    let answer = match grant_type {
        "client_credentials" => for_application(context, &form, &Client::of(context, &form)?)?,
        "authorization_code" => {
            let (client, sealed) = of_kind(GrantKind::Code, "code")?;
            check_code(&form, &sealed)?;
            for_user(context, &form, &client, &sealed)?
        }
        "refresh_token" => {
            let (client, sealed) = of_kind(GrantKind::Refresh, "refresh_token")?;
            for_user(context, &form, &client, &sealed)?
        }
        "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
            // The first generation calls it code.
            let parameter = if form.get("device_code").is_some() { "device_code" } else { "code" };
            let (client, sealed) = of_kind(GrantKind::Device, parameter)?;
            for_user(context, &form, &client, &sealed)?
        }
        other => return Err(Error::new(&refusal::ENTRA_UNSUPPORTED_GRANT, &[other])),
    };
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}

/// Checks that the code is redeemed by its requester (RFC 7636).
fn check_code(form: &Form<'_>, sealed: &SealedGrant) -> Result<(), Error> {
    if form.get("redirect_uri") != sealed.redirect.as_deref() {
        return Err(Error::new(&refusal::ENTRA_GRANT, &[]).with_detail("redirect_uri differs from that of the code".into()));
    }
    let Some(challenge) = &sealed.challenge else { return Ok(()) };
    let verifier = form.get("code_verifier").unwrap_or_default();
    let is_verified = match challenge {
        Challenge::Plain(challenge) => is_equal(verifier.as_bytes(), challenge.as_bytes()),
        Challenge::S256(challenge) => {
            let answer = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            is_equal(answer.as_bytes(), challenge.as_bytes())
        }
    };
    if is_verified { Ok(()) } else { Err(Error::new(&refusal::ENTRA_VERIFIER, &[])) }
}

/// Issues a token for an application without a user.
fn for_application(context: &EntraContext<'_>, form: &Form<'_>, client: &Client<'_>) -> Result<Answer, Error> {
    if client.proof == Proof::Nothing {
        return Err(Error::new(&refusal::ENTRA_NO_SECRET, &[]));
    }
    let resource = match context.generation {
        Generation::First => form.get("resource").ok_or_else(|| missing_parameter("resource"))?,
        Generation::Second => {
            let scope = form.get("scope").ok_or_else(|| missing_parameter("scope"))?;
            resource_of(scope).ok_or_else(|| Error::new(&refusal::ENTRA_NOT_DEFAULT, &[scope]))?
        }
    };
    let audience = audience(context, resource);
    let validity = Validity::starting(context.world.clock.now(), LIFETIME);
    let registered = client.registered.and_then(|application| application.roles.clone());
    let roles = registered.unwrap_or_else(|| permissions::least(|row| row.application));
    let access_token = access_token(context, client, audience, TokenSubject::Application(roles), validity);
    Ok(answer(context, validity, resource, access_token))
}

/// Returns the resource in a scope: `https://graph.microsoft.com` in `https://graph.microsoft.com/.default`.
///
/// The scopes of `OpenID` are ignored: MSAL for Java (1.23) and for Go (1.10) send them with every grant.
fn resource_of(scope: &str) -> Option<&str> {
    let counts = |scope: &&str| !matches!(*scope, "" | "openid" | "profile" | "email" | "offline_access");
    let mut scopes = scope.split(' ').filter(counts);
    let only = scopes.next().filter(|_| scopes.next().is_none())?;
    only.strip_suffix("/.default")
}

/// Returns an access token issued now.
fn access_token(
    context: &EntraContext<'_>,
    client: &Client<'_>,
    audience: &str,
    subject: TokenSubject<'_>,
    validity: Validity,
) -> String {
    token::access_token(&Grant {
        audience,
        tenant_id: &context.tenant_id,
        application: &client.id,
        application_name: client.registered.and_then(|application| application.display_name.as_deref()),
        proof: client.proof,
        subject,
        validity,
    })
}

/// Issues the tokens of a user.
fn for_user(context: &EntraContext<'_>, form: &Form<'_>, client: &Client<'_>, sealed: &SealedGrant) -> Result<Answer, Error> {
    let user = user(context, sealed.user.as_deref())?;
    let requested = form.get("scope").unwrap_or(&sealed.scope);
    let scopes = Scopes::of(context, requested, form.get("resource"), client.registered);
    let audience = audience(context, &scopes.resource);
    let validity = Validity::starting(context.world.clock.now(), LIFETIME);
    let has = |scope: &str| requested.split(' ').any(|requested| requested == scope);
    let is_first = context.generation == Generation::First;
    let refresh =
        SealedGrant { user: sealed.user.clone(), ..SealedGrant::new(context, GrantKind::Refresh, &client.id, requested) };
    let id_token = IdClaims {
        aud: &client.id,
        iss: context.own_issuer(),
        iat: validity.from,
        nbf: validity.from,
        exp: validity.until,
        name: user.display_name.as_deref(),
        nonce: sealed.nonce.as_deref(),
        oid: &user.id,
        preferred_username: &user.user_principal_name,
        sub: pairwise(&client.id, &user),
        tid: &context.tenant_id,
        upn: &user.user_principal_name,
        ver: if is_first { "1.0" } else { "2.0" },
    };
    let client_info = json!({ "uid": user.id, "utid": context.tenant_id }).to_string();
    let access_token = access_token(context, client, audience, TokenSubject::User(&user, scopes.granted), validity);
    let answer = answer(context, validity, &scopes.resource, access_token);
    Ok(Answer {
        scope: Some(scopes.answered),
        refresh_token: (is_first || has("offline_access")).then(|| refresh.text()),
        id_token: (is_first || has("openid")).then(|| signed(&id_token)),
        client_info: (form.get("client_info") == Some("1")).then(|| URL_SAFE_NO_PAD.encode(client_info)),
        ..answer
    })
}

fn answer(context: &EntraContext<'_>, validity: Validity, resource: &str, access_token: String) -> Answer {
    let is_first = context.generation == Generation::First;
    let seconds = LIFETIME.as_secs();
    let expires_in = if is_first { Value::String(seconds.to_string()) } else { seconds.into() };
    Answer {
        token_type: "Bearer",
        scope: None,
        ext_expires_in: expires_in.clone(),
        expires_in,
        expires_on: is_first.then(|| validity.until.to_string()),
        not_before: is_first.then(|| validity.from.to_string()),
        resource: is_first.then(|| resource.to_owned()),
        access_token,
        refresh_token: None,
        id_token: None,
        client_info: None,
    }
}
