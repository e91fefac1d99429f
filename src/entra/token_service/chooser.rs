//! The page on which a person is chosen and consents, for tests in a browser.
//!
//! It is plain HTML without a script. Only the emulator's own page can decide: a decision from another origin is refused.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::COOKIE;

use super::authorize::{self, Person};
use super::form::Form;
use super::page::{escaped, is_own_page, page};
use super::sealed::{GrantKind, SealedGrant};
use super::{EntraContext, EntraReply};
use crate::entra::token::{decoded, unix_seconds};
use crate::entra::user::{account, listed, local_user};
use crate::odata::error::Error;
use crate::policy::refusal;

/// The cookie of a session.
const SESSION: &str = "wfi-emulator-session";

/// The field with the request that the page interrupts.
const REQUEST: &str = "sign_in_request";

/// Answers a request to the authorization endpoint, or a decision on its page.
pub(super) fn authorize(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    if *context.request.method == Method::POST
        && let Some(request) = form.get(REQUEST)
    {
        return decide(context, &form, request);
    }
    let session = session(context);
    match (session, form.get("prompt")) {
        (Some(name), None | Some("none")) => authorize::run(context, &form, &Person::Known(name)),
        (None, Some("none")) => authorize::run(context, &form, &Person::Absent),
        _ => {
            authorize::check(context, &form)?;
            Ok(EntraReply::Page(choice(context, &form)))
        }
    }
}

/// Goes on as the page says.
fn decide(context: &EntraContext<'_>, form: &Form<'_>, request: &str) -> Result<EntraReply, Error> {
    let text = decoded(request).filter(|_| is_own_page(context)).ok_or_else(|| Error::new(&refusal::ENTRA_GRANT, &[]))?;
    let asked = Form::of_text(&text);
    match form.get("decision") {
        Some("accept") => {
            let name = form.get("user").unwrap_or_default().to_owned();
            let session = SealedGrant { user: Some(name.clone()), ..SealedGrant::new(context, GrantKind::Session, "", "") };
            let reply = authorize::run(context, &asked, &Person::Chosen(name))?;
            let cookie = format!("{SESSION}={}; {}", session.text(), attributes(context));
            Ok(EntraReply::WithCookie(Box::new(reply), cookie))
        }
        Some("decline") => authorize::run(context, &asked, &Person::Declined),
        _ => authorize::run(context, &asked, &Person::Canceled),
    }
}

/// Returns the user of the session.
fn session(context: &EntraContext<'_>) -> Option<String> {
    let cookies = context.request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let text =
        cookies.flat_map(|value| value.split(';')).find_map(|cookie| cookie.trim().strip_prefix(SESSION)?.strip_prefix('='))?;
    let sealed = SealedGrant::read(text, GrantKind::Session)?;
    sealed.user.filter(|_| sealed.until > unix_seconds(context.world.clock.now()))
}

/// Returns the header that ends a session.
pub(super) fn end(context: &EntraContext<'_>) -> String {
    format!("{SESSION}=; {}; Max-Age=0", attributes(context))
}

/// Returns the attributes of the cookie. A frame for silent renewal is on another site than a page over plain HTTP, even on one host.
fn attributes(context: &EntraContext<'_>) -> &'static str {
    if context.request.base_url.starts_with("https:") {
        "path=/; secure; HttpOnly; SameSite=None"
    } else {
        "path=/; HttpOnly; SameSite=Lax"
    }
}

fn choice(context: &EntraContext<'_>, form: &Form<'_>) -> String {
    let mut html = String::from("<h1>Sign in</h1>\n<form method=\"POST\">\n");
    let request = URL_SAFE_NO_PAD.encode(form.text());
    let _ = writeln!(html, r#"<input type="hidden" name="{REQUEST}" value="{request}">"#);
    let mut users = listed(context.world);
    if users.is_empty() {
        users.push(account(context.world, None).unwrap_or_else(local_user));
    }
    for (index, user) in users.iter().enumerate() {
        let name = escaped(&user.user_principal_name);
        let label = escaped(user.display_name.as_deref().unwrap_or(&user.user_principal_name));
        let checked = if index == 0 { " checked" } else { "" };
        let _ =
            writeln!(html, r#"<p><label><input type="radio" name="user" value="{name}"{checked}> {label} ({name})</label></p>"#);
    }
    // Only names of permissions are shown, which have no other characters.
    let is_plain = |scope: &&str| scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let names = form.get("scope").unwrap_or_default().split_ascii_whitespace();
    let names: Vec<&str> = names.map(|scope| scope.rsplit('/').next().unwrap_or(scope)).filter(is_plain).collect();
    html.push_str("<p>The application asks for:</p>\n<ul>\n");
    for name in names {
        let _ = writeln!(html, "<li>{}</li>", escaped(name));
    }
    html.push_str(
        "</ul>\n<p><button name=\"decision\" value=\"accept\">Accept</button> <button name=\"decision\" value=\"decline\">Decline</button> \
         <button name=\"decision\" value=\"cancel\">Cancel</button></p>\n</form>\n",
    );
    page(&html)
}
