//! The end of a session (learn.microsoft.com/entra/identity-platform/v2-protocols-oidc, "Send a sign-out request").

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::chooser::end;
use super::claims::{hinted, session};
use super::form::Form;
use super::page::{escaped, page};
use super::redirect::safe_scheme;
use super::sign_in::user;
use super::{EntraContext, EntraReply};
use crate::entra::token::UserNames;
use crate::odata::error::Error;
use crate::world::fixture::directory::Application;
use crate::world::settings::SignIn;

/// Ends the session: the applications with an address for it hear of it, then the browser is sent back, if the address is registered.
pub(super) fn logout(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    let of_token = || form.get("id_token_hint").and_then(|token| UserNames::of(token).name().map(str::to_owned));
    let name = form.get("logout_hint").map(hinted).or_else(of_token);
    let user = user(context, name.as_deref())?;
    let registry = &context.registry;
    let is_registered = |address: &str| {
        let has =
            |application: &Application| application.redirect_uris.as_ref().is_none_or(|known| known.platform(address).is_some());
        !registry.is_closed() || registry.all().any(has)
    };
    let target = form.get("post_logout_redirect_uri").filter(|address| {
        safe_scheme(address).is_some_and(|scheme| matches!(&*scheme, "http" | "https")) && is_registered(address)
    });
    let target = target.map(|address| match form.get("state") {
        Some(state) => {
            let separator = if address.contains('?') { '&' } else { '?' };
            format!("{address}{separator}state={}", utf8_percent_encode(state, NON_ALPHANUMERIC))
        }
        None => address.to_owned(),
    });
    let sid = session(context, &user);
    let issuer = utf8_percent_encode(&context.second_issuer(), NON_ALPHANUMERIC).to_string();
    let mut frames = String::new();
    for address in registry.all().filter_map(|application| application.front_channel_logout_url.as_ref()) {
        if safe_scheme(address).is_some_and(|scheme| matches!(&*scheme, "http" | "https")) {
            let separator = if address.contains('?') { '&' } else { '?' };
            let address = escaped(&format!("{address}{separator}sid={sid}&iss={issuer}"));
            let _ = writeln!(frames, r#"<iframe hidden src="{address}"></iframe>"#);
        }
    }
    let reply = match target {
        Some(address) if frames.is_empty() => EntraReply::Redirect(address),
        Some(address) => {
            // The frames get the time that their applications need.
            let address = escaped(&address);
            EntraReply::Page(page(&format!(
                "<meta http-equiv=\"refresh\" content=\"1;url={address}\">\n<p>Signing out.</p>\n{frames}"
            )))
        }
        None => EntraReply::Page(page(&format!("<p>You signed out of your account.</p>\n{frames}"))),
    };
    Ok(match context.world.sign_in {
        SignIn::Automatic => reply,
        SignIn::Page => EntraReply::WithCookie(Box::new(reply), end(context)),
    })
}
