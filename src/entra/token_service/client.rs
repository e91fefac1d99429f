//! The client of a request and its authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;

use super::form::Form;
use super::{EntraContext, assertion};
use crate::entra::access_token::Proof;
use crate::entra::token::unix_seconds;
use crate::odata::error::Error;
use crate::policy::refusal;
use crate::text::constant_time::is_equal;
use crate::text::form;
use crate::world::fixture::directory::Application;

/// A client, and how it has proved that it is one.
pub(super) struct Client<'c> {
    pub(super) id: String,
    pub(super) registered: Option<&'c Application>,
    pub(super) proof: Proof,
}

impl<'c> Client<'c> {
    /// Finds the client of a request, without a proof: an invalid grant is refused before a wrong secret (measured in 2026).
    pub(super) fn named(context: &'c EntraContext<'_>, form: &Form<'_>) -> Result<Client<'c>, Error> {
        let basic = basic(context);
        let id = match (&basic, form.get("client_id")) {
            (Some((id, _)), _) => id,
            (None, Some(id)) => id,
            (None, None) => return Err(missing_parameter("client_id")),
        };
        let registered = registered_application(context, id)?;
        Ok(Client { id: canonical_id(registered, id).to_owned(), registered, proof: Proof::Nothing })
    }

    /// Checks the secret or assertion of a request, if there is one.
    pub(super) fn prove(&mut self, context: &EntraContext<'_>, form: &Form<'_>) -> Result<(), Error> {
        let basic = basic(context);
        // As in a form, an empty value counts as missing.
        let in_header = basic.as_ref().map(|(_, secret)| &**secret).filter(|secret| !secret.is_empty());
        let secret = in_header.or_else(|| form.get("client_secret").filter(|_| basic.is_none()));
        let assertion = form.get("client_assertion");
        let is_public = self.registered.and_then(|application| application.is_fallback_public_client);
        if is_public == Some(true) && (secret.is_some() || assertion.is_some()) {
            return Err(Error::new(&refusal::ENTRA_PUBLIC_SECRET, &[]));
        }
        self.proof = match (secret, assertion) {
            (Some(secret), _) => {
                self.check_secret(context, secret)?;
                Proof::Secret
            }
            (None, Some(assertion)) => {
                assertion::check(context, &self.id, self.registered, assertion)?;
                Proof::Assertion
            }
            (None, None) => Proof::Nothing,
        };
        Ok(())
    }

    /// Checks the secret or assertion of a request with a user. Only the directory says that a client is confidential.
    pub(super) fn prove_if_confidential(
        &mut self,
        context: &EntraContext<'_>,
        form: &Form<'_>,
        is_confidential: bool,
    ) -> Result<(), Error> {
        self.prove(context, form)?;
        let is_public = self.registered.and_then(|application| application.is_fallback_public_client);
        let is_confidential = is_public == Some(false) || (is_confidential && is_public.is_none());
        if is_confidential && self.proof == Proof::Nothing {
            return Err(Error::new(&refusal::ENTRA_NO_SECRET, &[]));
        }
        Ok(())
    }

    fn check_secret(&self, context: &EntraContext<'_>, secret: &str) -> Result<(), Error> {
        let Some(secrets) = self.registered.and_then(|application| application.secrets.as_ref()) else { return Ok(()) };
        let now = unix_seconds(context.world.clock.now());
        let is_same = |text: &String| is_equal(text.as_bytes(), secret.as_bytes());
        let exact = secrets.iter().find(|known| known.text.as_ref().is_some_and(is_same));
        match exact.or_else(|| secrets.iter().find(|known| known.text.is_none())) {
            None => Err(Error::new(&refusal::ENTRA_WRONG_SECRET, &[&self.id])),
            Some(known) if known.until.is_some_and(|until| until <= now) => {
                Err(Error::new(&refusal::ENTRA_EXPIRED_SECRET, &[&self.id]))
            }
            Some(_) => Ok(()),
        }
    }

    /// Returns the display name, or the id.
    pub(super) fn name(&self) -> &str {
        self.registered.map_or(&self.id, |application| application.name())
    }
}

/// Returns the description of an application, or `None` if any is accepted.
pub(super) fn registered_application<'c>(context: &'c EntraContext<'_>, id: &str) -> Result<Option<&'c Application>, Error> {
    let registry = &context.registry;
    match registry.application(id) {
        None if registry.is_closed() || registry.is_deleted(id) => {
            Err(Error::new(&refusal::ENTRA_UNKNOWN_APPLICATION, &[id, &context.tenant_id]))
        }
        Some(application) if application.is_disabled => {
            Err(Error::new(&refusal::ENTRA_DISABLED_APPLICATION, &[&application.app_id, application.name()]))
        }
        found => Ok(found),
    }
}

/// Returns the id of an application in the spelling of the directory.
pub(super) fn canonical_id<'n>(registered: Option<&'n Application>, id: &'n str) -> &'n str {
    registered.map_or(id, |application| &application.app_id)
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
