//! The tokens of an answer.

use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

use super::EntraContext;
use super::claims::{GROUPS, GROUPS_IN_ADDRESS, client_info, groups, optional, roles};
use super::client::Client;
use super::form::Form;
use super::scope::{AskedScopes, Scopes, audience, described, is_of_microsoft};
use super::sealed::{GrantKind, SealedGrant};
use super::sign_in::check_access;
use crate::entra::access_token::{self, Grant, TokenSubject, TokenVersion};
use crate::entra::check::is_graph;
use crate::entra::id_token::{Identity, id_token};
use crate::entra::registry::Assignee;
use crate::entra::token::{LIFETIME, LONG, Validity, unix_seconds};
use crate::odata::error::Error;
use crate::policy::behavior::ApiTokens;
use crate::policy::{permissions, refusal};
use crate::text::json;
use crate::world::fixture::directory::{Application, User};

/// The lifetime of the refresh tokens of single-page applications, in seconds
/// (learn.microsoft.com/entra/identity-platform/refresh-tokens).
const SPA_LIFETIME: i64 = 24 * 60 * 60;

/// The clients of Microsoft whose refresh tokens are shared (Azure CLI, Azure PowerShell, Visual Studio, Visual Studio Code).
const FAMILY: [&str; 4] = [
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "1950a258-227b-4e31-a9cf-717495945fc2",
    "872cd9fa-d31f-45e0-9eab-6e460a02d1f1",
    "aebc6443-996d-45c2-90f0-388ff96faa56",
];

/// Whether a client shares refresh tokens with others of Microsoft.
pub(super) fn is_of_family(client: &str) -> bool {
    FAMILY.contains(&client)
}

/// The answer of the token endpoint, in the recorded order (Azure/azure-sdk-for-js, -go, -net and -python). In the first generation numbers
/// are text.
#[derive(Serialize)]
pub(super) struct TokenAnswer {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    expires_in: Value,
    ext_expires_in: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_in: Option<u64>,
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
    refresh_token_expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foci: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<String>,
}

/// A user who has signed in.
pub(super) struct SignedIn<'s> {
    pub(super) user: &'s User,
    /// The name by which the user is found again; `None` for the first user.
    pub(super) name: Option<String>,
    pub(super) nonce: Option<&'s str>,
    /// Whether the tokens are for a single-page application.
    pub(super) is_spa: bool,
    /// The fixed end of the refresh token.
    pub(super) until: Option<i64>,
    pub(super) has_second_factor: bool,
}

impl<'s> SignedIn<'s> {
    pub(super) fn of(user: &'s User) -> SignedIn<'s> {
        SignedIn { user, name: None, nonce: None, is_spa: false, until: None, has_second_factor: false }
    }
}

/// The decisions that precede the tokens.
pub(super) struct Prepared<'p> {
    pub(super) scopes: Scopes,
    target: Option<&'p Application>,
    id: Uuid,
    lifetime: Duration,
    validity: Validity,
    answers_challenges: bool,
}

/// Remembers that a user consents to all that a request asks for.
pub(super) fn consent(
    context: &EntraContext<'_>,
    form: &Form<'_>,
    client: &Client<'_>,
    user: &User,
    asked: &AskedScopes<'_>,
) -> Result<(), Error> {
    let Some(application) = client.registered else { return Ok(()) };
    // A permission that cannot be granted is refused before it is recorded.
    let scopes = Scopes::of(context, asked, form.get("resource"), client.registered, &user.id)?;
    let resource = audience(context, &scopes.resource);
    let mut names: Vec<&str> = asked.names().iter().copied().filter(|name| *name != ".default").collect();
    let required = context.registry.required_scopes(application, resource);
    if asked.has_default() {
        names.extend(required.iter().map(|name| &**name));
    }
    if is_graph(resource) {
        names.extend(asked.sign_in.iter().copied());
    }
    Ok(context.registry.consent(application, Some(&user.id), resource, &names)?)
}

/// Checks that a user gets the tokens that a request asks for.
pub(super) fn prepare<'p>(
    context: &'p EntraContext<'_>,
    form: &Form<'_>,
    client: &Client<'_>,
    signed_in: &SignedIn<'_>,
    asked: &AskedScopes<'_>,
) -> Result<Prepared<'p>, Error> {
    let user = signed_in.user;
    let scopes = Scopes::of(context, asked, form.get("resource"), client.registered, &user.id)?;
    if !scopes.missing.is_empty() {
        let detail = format!("without consent: {}", scopes.missing.join(" "));
        return Err(Error::new(&refusal::ENTRA_CONSENT, &[&client.id, client.name()]).with_detail(detail));
    }
    check_access(context, client, user, &scopes.resource, signed_in.has_second_factor)?;
    let audience = audience(context, &scopes.resource);
    let target = if is_graph(audience) { None } else { described(context, &scopes.resource)? };
    let id = context.world.next_token_id();
    let answers_challenges = answers_challenges(form);
    // Between 60 and 90 minutes (learn.microsoft.com/entra/identity-platform/configurable-token-lifetimes).
    let lifetime =
        if answers_challenges && is_graph(audience) { LONG } else { Duration::from_secs(3600 + id.as_u64_pair().0 % 1800) };
    let validity = Validity::starting(context.world.clock.now(), lifetime);
    Ok(Prepared { scopes, target, id, lifetime, validity, answers_challenges })
}

impl Prepared<'_> {
    /// Returns the `expires_in` of the access token.
    pub(super) fn seconds(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Returns the access token.
    pub(super) fn access_token(&self, context: &EntraContext<'_>, client: &Client<'_>, signed_in: &SignedIn<'_>) -> String {
        let user = signed_in.user;
        let mut more = Vec::new();
        if let Some(target) = self.target {
            more.extend(groups(context, target, user, GROUPS));
            more.extend(roles(context, target, user));
            let names = &target.optional_claims.access_token;
            more.extend(names.iter().filter_map(|name| optional(context, name, user, self.validity)));
        }
        if is_graph(audience(context, &self.scopes.resource)) && !user.directory_roles.is_empty() {
            more.push(("wids", json!(user.directory_roles)));
        }
        if signed_in.has_second_factor && !context.directory().conditional_access.is_empty() {
            more.push(("acrs", json!(["c1"])));
        }
        let subject = TokenSubject::User(user, self.scopes.granted.clone());
        write(context, client, self.target, &self.scopes.resource, subject, self.validity, self.id, self.answers_challenges, more)
    }

    /// Returns the id token; `code` and `access_token` are those that come with it from the authorization endpoint.
    pub(super) fn id_token(
        &self,
        context: &EntraContext<'_>,
        client: &Client<'_>,
        signed_in: &SignedIn<'_>,
        asked: &AskedScopes<'_>,
        beside: (Option<&str>, Option<&str>),
    ) -> String {
        let user = signed_in.user;
        let issuer = context.own_issuer();
        let mut more = Vec::new();
        if let Some(application) = client.registered {
            let limit = if beside == (None, None) { GROUPS } else { GROUPS_IN_ADDRESS };
            more.extend(groups(context, application, user, limit));
            more.extend(roles(context, application, user));
            let names = &application.optional_claims.id_token;
            more.extend(names.iter().filter_map(|name| optional(context, name, user, self.validity)));
        }
        id_token(&Identity {
            application: &client.id,
            tenant_id: &context.tenant_id,
            second_issuer: (!context.is_first()).then_some(&issuer),
            user,
            // Recorded id tokens live 65 minutes, unlike access tokens (Azure/azure-sdk-for-net, 2022).
            validity: Validity::starting(context.world.clock.now(), LIFETIME),
            serial: &format!("{}/id", self.id),
            nonce: signed_in.nonce,
            has_profile: asked.has("profile"),
            has_mail: asked.has("email"),
            code: beside.0,
            access_token: beside.1,
            more,
        })
    }

    /// Returns the answer of the token endpoint.
    pub(super) fn answer(
        self,
        context: &EntraContext<'_>,
        form: &Form<'_>,
        client: &Client<'_>,
        signed_in: &SignedIn<'_>,
        asked: &AskedScopes<'_>,
    ) -> TokenAnswer {
        let access_token = self.access_token(context, client, signed_in);
        let mut refresh = SealedGrant {
            user: signed_in.name.clone(),
            is_spa: signed_in.is_spa,
            has_second_factor: signed_in.has_second_factor,
            ..SealedGrant::new(context, GrantKind::Refresh, &client.id, "")
        };
        let now = unix_seconds(context.world.clock.now());
        if signed_in.is_spa {
            refresh.until = signed_in.until.unwrap_or(now.saturating_add(SPA_LIFETIME));
        }
        let is_first = context.is_first();
        let has_refresh = is_first || asked.has("offline_access");
        let answer = answer(context, self.lifetime, self.validity, &self.scopes.resource, access_token);
        TokenAnswer {
            scope: Some(self.scopes.answered.clone()),
            refresh_token: has_refresh.then(|| refresh.text()),
            refresh_token_expires_in: (has_refresh && signed_in.is_spa).then(|| refresh.until.saturating_sub(now)),
            foci: (has_refresh && is_of_family(&client.id)).then_some("1"),
            id_token: (is_first || asked.has("openid")).then(|| self.id_token(context, client, signed_in, asked, (None, None))),
            client_info: (form.get("client_info") == Some("1")).then(|| client_info(context, signed_in.user)),
            refresh_in: None,
            ..answer
        }
    }
}

/// Issues the tokens of a user.
pub(super) fn for_user(
    context: &EntraContext<'_>,
    form: &Form<'_>,
    client: &Client<'_>,
    signed_in: &SignedIn<'_>,
    asked: &AskedScopes<'_>,
) -> Result<TokenAnswer, Error> {
    Ok(prepare(context, form, client, signed_in, asked)?.answer(context, form, client, signed_in, asked))
}

/// Issues a token for an application without a user.
pub(super) fn for_application(
    context: &EntraContext<'_>,
    form: &Form<'_>,
    client: &Client<'_>,
    resource: &str,
) -> Result<TokenAnswer, Error> {
    let answers_challenges = answers_challenges(form);
    let is_long = answers_challenges && is_graph(audience(context, resource));
    let lifetime = if is_long { LONG } else { LIFETIME };
    let validity = Validity::starting(context.world.clock.now(), lifetime);
    let access_token = application_token(context, client, resource, validity, answers_challenges)?;
    Ok(answer(context, lifetime, validity, resource, access_token))
}

/// The token of a managed identity.
pub(super) struct IdentityToken {
    pub(super) text: String,
    pub(super) client: String,
    pub(super) resource: String,
    pub(super) expires_in: u64,
    pub(super) validity: Validity,
}

/// Issues a token for a managed identity, which lives for a day (Azure/azure-sdk-for-python, recorded in 2022).
pub(super) fn for_identity(context: &EntraContext<'_>, client: &Client<'_>, resource: &str) -> Result<IdentityToken, Error> {
    let validity = Validity::starting(context.world.clock.now(), LONG);
    Ok(IdentityToken {
        text: application_token(context, client, resource, validity, false)?,
        client: client.id.clone(),
        resource: resource.to_owned(),
        expires_in: LONG.as_secs(),
        validity,
    })
}

/// Returns the access token of an application without a user.
fn application_token(
    context: &EntraContext<'_>,
    client: &Client<'_>,
    resource: &str,
    validity: Validity,
    answers_challenges: bool,
) -> Result<String, Error> {
    let of_graph = is_graph(audience(context, resource));
    let target = if of_graph { None } else { described(context, resource)? };
    let roles = match target {
        None if of_graph => client.registered.and_then(|application| application.roles.clone()),
        None => Some(Vec::new()),
        Some(target) => Some(context.registry.assigned(target, Assignee::Client(&client.id)).unwrap_or_default()),
    };
    let roles = roles.unwrap_or_else(|| permissions::default_permissions(|row| row.application));
    let id = context.world.next_token_id();
    let has_kind = target.map_or_else(
        || is_of_microsoft(resource),
        |target| target.optional_claims.access_token.iter().any(|name| name == "idtyp"),
    );
    let more = if has_kind && !of_graph { vec![("idtyp", json!("app"))] } else { Vec::new() };
    let subject = TokenSubject::Application(roles);
    Ok(write(context, client, target, resource, subject, validity, id, answers_challenges, more))
}

/// Returns an access token.
#[allow(clippy::too_many_arguments, reason = "each is one part of the token")]
fn write(
    context: &EntraContext<'_>,
    client: &Client<'_>,
    target: Option<&Application>,
    resource: &str,
    subject: TokenSubject<'_>,
    validity: Validity,
    id: Uuid,
    answers_challenges: bool,
    more: Vec<(&'static str, Value)>,
) -> String {
    let asked = audience(context, resource);
    let issuer = context.second_issuer();
    let is_second = match target {
        Some(target) => target.requested_access_token_version == Some(2),
        None => context.world.behaviors.api_tokens == ApiTokens::Second && !is_of_microsoft(asked),
    };
    let version = match () {
        () if is_graph(asked) => TokenVersion::Graph,
        () if is_second => TokenVersion::Second(&issuer),
        () => TokenVersion::First,
    };
    let audience = match version {
        TokenVersion::Second(_) => target.map_or(asked.strip_prefix("api://").unwrap_or(asked), |target| &target.app_id),
        TokenVersion::Graph | TokenVersion::First => asked,
    };
    access_token::access_token(&Grant {
        audience,
        tenant_id: &context.tenant_id,
        version,
        application: &client.id,
        application_name: client.registered.and_then(|application| application.display_name.as_deref()),
        proof: client.proof,
        subject,
        validity,
        serial: &id.to_string(),
        answers_challenges,
        more,
    })
}

fn answer(
    context: &EntraContext<'_>,
    lifetime: Duration,
    validity: Validity,
    resource: &str,
    access_token: String,
) -> TokenAnswer {
    let is_first = context.is_first();
    let seconds = lifetime.as_secs();
    let expires_in = if is_first { Value::String(seconds.to_string()) } else { seconds.into() };
    TokenAnswer {
        token_type: "Bearer",
        scope: None,
        ext_expires_in: expires_in.clone(),
        expires_in,
        // Long-lived tokens of applications are renewed halfway (calvinchengx/entra-emulator, captured in 2026).
        refresh_in: (!is_first && seconds > 2 * 60 * 60).then_some(seconds / 2),
        expires_on: is_first.then(|| validity.until.to_string()),
        not_before: is_first.then(|| validity.from.to_string()),
        resource: is_first.then(|| resource.to_owned()),
        access_token,
        refresh_token: None,
        refresh_token_expires_in: None,
        foci: None,
        id_token: None,
        client_info: None,
    }
}

/// Returns whether a request says that its client answers challenges for claims. Older libraries write the value in capitals.
fn answers_challenges(form: &Form<'_>) -> bool {
    let asked = form.get("claims").and_then(|text| json::read::<Value>(text.as_bytes()).ok());
    let values = asked.as_ref().and_then(|asked| asked["access_token"]["xms_cc"]["values"].as_array());
    values.is_some_and(|values| values.iter().filter_map(Value::as_str).any(|value| value.eq_ignore_ascii_case("cp1")))
}
