//! The authorization endpoint: signs the user in at once and sends the browser back.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::claims::{client_info, hinted, session};
use super::client::{Client, missing_parameter};
use super::form::Form;
use super::issue::{SignedIn, consent, prepare};
use super::page::posting_page;
use super::redirect::safe_scheme;
use super::scope::{AskedScopes, Resources};
use super::sealed::{Challenge, GrantKind, SealedGrant};
use super::sign_in::user;
use super::{EntraContext, EntraReply};
use crate::odata::error::Error;
use crate::policy::refusal::{self, Layer};
use crate::world::sign_ins::SignInPlace;

/// The characters to encode in a parameter of a redirect: all but the unreserved ones (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The length of a digest in base64url, the challenge of the method S256.
const CHALLENGE_LENGTH: usize = 43;

/// The tokens that a client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ResponseType {
    has_code: bool,
    has_id_token: bool,
    has_token: bool,
}

impl ResponseType {
    fn read(text: &str) -> Option<ResponseType> {
        let mut found = ResponseType::default();
        for word in text.split_ascii_whitespace() {
            match word {
                "code" => found.has_code = true,
                "id_token" => found.has_id_token = true,
                "token" => found.has_token = true,
                _ => return None,
            }
        }
        let is_known = found != ResponseType::default() && !(found.has_code && found.has_token && !found.has_id_token);
        is_known.then_some(found)
    }

    fn has_tokens(self) -> bool {
        self.has_id_token || self.has_token
    }
}

/// The way back to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

/// The person at the browser.
pub(super) enum Person {
    /// The one whom the request names, or the first one, who accepts everything.
    Automatic,
    /// The one chosen on the page, who accepts what is asked for.
    Chosen(String),
    /// The one of the session.
    Known(String),
    /// A person without a session, in a request without a page.
    Absent,
    /// One who declines.
    Declined,
    /// One who cancels.
    Canceled,
}

/// Answers a request to the authorization endpoint at once.
///
/// # Errors
///
/// Fails if the client or its address is not known to be good: the browser stays on a page.
pub(super) fn authorize(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    run(context, &Form::of(context.request), &Person::Automatic)
}

/// Checks what keeps the browser on a page.
///
/// # Errors
///
/// Fails as [`authorize`] does.
pub(super) fn check(context: &EntraContext<'_>, form: &Form<'_>) -> Result<(), Error> {
    let client = Client::named(context, form)?;
    let redirect = redirect_of(form, &client)?;
    safe_scheme(&redirect).map(|_| ()).ok_or_else(|| Error::new(&refusal::ENTRA_REDIRECT, &[&redirect, &client.id]))
}

/// Answers a request of a person.
///
/// # Errors
///
/// Fails as [`authorize`] does.
pub(super) fn run(context: &EntraContext<'_>, form: &Form<'_>, person: &Person) -> Result<EntraReply, Error> {
    let client = Client::named(context, form)?;
    let redirect = redirect_of(form, &client)?;
    if form.get("code_challenge_method") == Some("S256")
        && form.get("code_challenge").is_some_and(|challenge| challenge.len() != CHALLENGE_LENGTH)
    {
        return Err(Error::new(&refusal::ENTRA_CHALLENGE_SIZE, &[]));
    }
    let response = form
        .get("response_type")
        .map(|text| ResponseType::read(text).ok_or_else(|| Error::new(&refusal::ENTRA_UNSUPPORTED_RESPONSE, &[text])));
    let has_tokens = response.as_ref().is_some_and(|response| response.as_ref().is_ok_and(|response| response.has_tokens()));
    let mode = match form.get("response_mode") {
        Some("fragment") => ResponseMode::Fragment,
        Some("form_post") => ResponseMode::FormPost,
        _ if has_tokens => ResponseMode::Fragment,
        _ => ResponseMode::Query,
    };
    let scheme = safe_scheme(&redirect).filter(|scheme| mode != ResponseMode::FormPost || matches!(&**scheme, "http" | "https"));
    if scheme.is_none() {
        return Err(Error::new(&refusal::ENTRA_REDIRECT, &[&redirect, &client.id]));
    }
    let sent = match parameters(context, form, &client, &redirect, response, person) {
        Ok(parameters) => parameters,
        Err(Failure::Page(error)) => return Err(error),
        Err(Failure::Redirect(error)) => return Ok(refused(context, form, &redirect, mode, &error)),
        Err(Failure::Canceled) => {
            let pairs = canceled(form);
            return Ok(sent_back(&redirect, mode, &pairs));
        }
    };
    if mode == ResponseMode::FormPost {
        return Ok(EntraReply::Page(posting_page(&redirect, &sent)));
    }
    let pairs: Vec<String> = sent.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED))).collect();
    Ok(EntraReply::Redirect(with_parameters(&redirect, mode, &pairs)))
}

/// Returns the address of the client: the one in the request, or its first one.
fn redirect_of(form: &Form<'_>, client: &Client<'_>) -> Result<String, Error> {
    let known = client.registered.and_then(|application| application.redirect_uris.as_ref());
    match (form.get("redirect_uri"), known) {
        (Some(address), Some(known)) if known.platform(address).is_none() => {
            Err(Error::new(&refusal::ENTRA_REDIRECT, &[address, &client.id]))
        }
        (Some(address), _) => Ok(address.to_owned()),
        (None, known) => {
            known.and_then(|known| known.first()).map(str::to_owned).ok_or_else(|| Error::new(&refusal::ENTRA_NO_REDIRECT, &[]))
        }
    }
}

/// The ways in which a request fails.
enum Failure {
    /// On a page of the service.
    Page(Error),
    /// At the client.
    Redirect(Error),
    /// At the client, which is not given a reason.
    Canceled,
}

/// Returns the parameters that the client gets.
fn parameters(
    context: &EntraContext<'_>,
    form: &Form<'_>,
    client: &Client<'_>,
    redirect: &str,
    response: Option<Result<ResponseType, Error>>,
    person: &Person,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let back = |row, words: &[&str]| Failure::Redirect(Error::new(row, words));
    let response = response.unwrap_or_else(|| Err(missing_parameter("response_type"))).map_err(Failure::Redirect)?;
    if response.has_tokens() && form.get("response_mode") == Some("query") {
        return Err(back(&refusal::ENTRA_RESPONSE_MODE, &["query"]));
    }
    let allowed = client.registered.and_then(|application| application.implicit);
    if response.has_token && allowed.is_some_and(|allowed| !allowed.access_tokens) {
        return Err(back(&refusal::ENTRA_TOKEN_NOT_ENABLED, &[]));
    }
    if response.has_id_token && allowed.is_some_and(|allowed| !allowed.id_tokens) {
        return Err(back(&refusal::ENTRA_ID_TOKEN_NOT_ENABLED, &[]));
    }
    if response.has_id_token && form.get("nonce").is_none() {
        return Err(Failure::Redirect(missing_parameter("nonce")));
    }
    let prompt = form.get("prompt");
    if prompt.is_some_and(|prompt| !["login", "none", "consent", "select_account"].contains(&prompt)) {
        return Err(back(&refusal::ENTRA_PROMPT, &[]));
    }
    let scope = form.get("scope").unwrap_or_default();
    let resources = if response.has_token { Resources::One } else { Resources::First };
    let asked = AskedScopes::read(scope, &client.id, resources).map_err(Failure::Redirect)?;
    let name = match person {
        Person::Automatic => form.get("login_hint").map(hinted),
        Person::Chosen(name) | Person::Known(name) => Some(name.clone()),
        Person::Absent => return Err(back(&refusal::ENTRA_NOT_SIGNED_IN, &[])),
        Person::Declined => return Err(back(&refusal::ENTRA_DECLINED, &[])),
        Person::Canceled => return Err(Failure::Canceled),
    };
    let user = user(context, name.as_deref()).map_err(Failure::Page)?;
    let is_silent = prompt == Some("none");
    let signed_in = SignedIn {
        name: name.clone(),
        nonce: form.get("nonce"),
        // The user is there and does what is needed, but not for a silent request.
        has_second_factor: !is_silent,
        ..SignedIn::of(&user)
    };
    if matches!(person, Person::Chosen(_)) {
        consent(context, form, client, &user, &asked).map_err(Failure::Redirect)?;
    }
    if let Some(row) = context.world.sign_ins.next_refusal(SignInPlace::Authorize) {
        let error = Error::new(row, &[&client.id, client.name()]);
        let is_outage = !matches!(row.layer, Layer::Entra(_)) || row.status >= 500;
        return Err(if is_outage { Failure::Page(error) } else { at_sign_in(error, is_silent) });
    }
    let prepared = prepare(context, form, client, &signed_in, &asked).map_err(|error| at_sign_in(error, is_silent))?;
    let mut sent: Vec<(&'static str, String)> = Vec::with_capacity(8);
    let access_token = response.has_token.then(|| prepared.access_token(context, client, &signed_in));
    if let Some(token) = &access_token {
        sent.push(("access_token", token.clone()));
        sent.push(("token_type", "Bearer".to_owned()));
        sent.push(("expires_in", prepared.seconds().to_string()));
        sent.push(("scope", prepared.scopes.answered.clone()));
    }
    let code = response.has_code.then(|| code(context, form, client, redirect, &signed_in));
    if let Some(code) = &code {
        sent.push(("code", code.clone()));
    }
    if response.has_id_token {
        let beside = (code.as_deref(), access_token.as_deref());
        sent.push(("id_token", prepared.id_token(context, client, &signed_in, &asked, beside)));
    }
    if form.get("client_info") == Some("1") {
        sent.push(("client_info", client_info(context, &user)));
    }
    if let Some(state) = form.get("state") {
        sent.push(("state", state.to_owned()));
    }
    sent.push(("session_state", session(context, &user)));
    Ok(sent)
}

fn code(context: &EntraContext<'_>, form: &Form<'_>, client: &Client<'_>, redirect: &str, signed_in: &SignedIn<'_>) -> String {
    let challenge = form.get("code_challenge").map(|challenge| match form.get("code_challenge_method") {
        Some("S256") => Challenge::S256(challenge.to_owned()),
        _ => Challenge::Plain(challenge.to_owned()),
    });
    let sealed = SealedGrant {
        user: signed_in.name.clone(),
        id: Some(context.world.next_token_id().to_string()),
        redirect: Some(redirect.to_owned()),
        challenge,
        nonce: signed_in.nonce.map(str::to_owned),
        has_second_factor: signed_in.has_second_factor,
        ..SealedGrant::new(context, GrantKind::Code, &client.id, form.get("scope").unwrap_or_default())
    };
    sealed.text()
}

/// Returns the form of a refusal at sign-in: policies and accounts on a page, unless the request is silent.
fn at_sign_in(error: Error, is_silent: bool) -> Failure {
    let row = error.refusal;
    if row == &refusal::ENTRA_CONSENT {
        let detail = error.detail.clone().unwrap_or_default().into_string();
        let mut other = Error::new(&refusal::ENTRA_CONSENT_AT_SIGN_IN, &[]).with_detail(detail);
        other.message = error.message;
        return Failure::Redirect(other);
    }
    let is_policy = [&refusal::ENTRA_MFA, &refusal::ENTRA_DEVICE_STATE, &refusal::ENTRA_BLOCKED].contains(&row);
    match (is_policy, row == &refusal::ENTRA_NOT_ASSIGNED) {
        (true, _) if is_silent => Failure::Redirect(error.with_code("interaction_required")),
        (true, _) => Failure::Page(error),
        (_, true) => Failure::Redirect(error.with_code("access_denied")),
        _ => Failure::Redirect(error),
    }
}

/// Returns the redirect with an error (redirects captured from 2019 to 2026): blanks as `+`, escapes in lower case.
fn refused(context: &EntraContext<'_>, form: &Form<'_>, redirect: &str, mode: ResponseMode, error: &Error) -> EntraReply {
    let mut sent = vec![("error", error.code().to_owned()), ("error_description", context.description(error))];
    if let Some(address) = error.error_uri() {
        sent.push(("error_uri", address));
    }
    if let Some(state) = form.get("state") {
        sent.push(("state", state.to_owned()));
    }
    sent_back(redirect, mode, &sent)
}

/// Returns the parameters after a user has canceled (captured in tests of MSAL).
fn canceled(form: &Form<'_>) -> Vec<(&'static str, String)> {
    let mut sent = vec![("error", "access_denied".to_owned()), ("error_subcode", "cancel".to_owned())];
    sent.extend(form.get("state").map(|state| ("state", state.to_owned())));
    sent
}

fn sent_back(redirect: &str, mode: ResponseMode, sent: &[(&'static str, String)]) -> EntraReply {
    if mode == ResponseMode::FormPost {
        return EntraReply::Page(posting_page(redirect, sent));
    }
    let lower = |value: &str| {
        let mut text = String::with_capacity(value.len() * 2);
        for part in utf8_percent_encode(value, ENCODED) {
            match part {
                "%20" => text.push('+'),
                escape if escape.starts_with('%') => text.push_str(&escape.to_ascii_lowercase()),
                plain => text.push_str(plain),
            }
        }
        text
    };
    let pairs: Vec<String> = sent.iter().map(|(name, value)| format!("{name}={}", lower(value))).collect();
    EntraReply::Redirect(with_parameters(redirect, mode, &pairs))
}

fn with_parameters(redirect: &str, mode: ResponseMode, pairs: &[String]) -> String {
    let separator = match mode {
        ResponseMode::Fragment => '#',
        ResponseMode::Query | ResponseMode::FormPost if redirect.contains('?') => '&',
        ResponseMode::Query | ResponseMode::FormPost => '?',
    };
    format!("{redirect}{separator}{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_types_are_sets_of_words() {
        let read = |text| ResponseType::read(text).map(|found| (found.has_code, found.has_id_token, found.has_token));
        assert_eq!(read("code"), Some((true, false, false)));
        assert_eq!(read("id_token code"), read("code id_token"));
        assert_eq!(read("token id_token"), Some((false, true, true)));
        for text in ["", "none", "code token", "code x", "CODE"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
