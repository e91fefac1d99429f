//! The authorization endpoint: signs the user in at once and sends the browser back.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::form::Form;
use super::grant::{canonical_id, missing_parameter, registered_application, user};
use super::sealed::{Challenge, GrantKind, SealedGrant};
use super::{EntraContext, EntraReply};
use crate::entra::token::id_of;
use crate::odata::error::Error;
use crate::policy::refusal;

/// The characters to encode in a parameter of a redirect: all but the unreserved ones (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest address of a redirect.
const ADDRESS_LIMIT: usize = 2048;

/// Schemes that a browser runs or displays instead of opening an application.
const UNSAFE_SCHEMES: [&str; 8] = ["about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"];

/// Answers a request to the authorization endpoint.
pub(super) fn authorize(context: &EntraContext<'_>) -> Result<EntraReply, Error> {
    let form = Form::of(context.request);
    let client = form.get("client_id").ok_or_else(|| missing_parameter("client_id"))?;
    let redirect = form.get("redirect_uri").ok_or_else(|| missing_parameter("redirect_uri"))?;
    let client = canonical_id(registered_application(context, client)?, client);
    let is_post = form.get("response_mode") == Some("form_post");
    let scheme = safe_scheme(redirect).filter(|scheme| !is_post || matches!(&**scheme, "http" | "https"));
    if scheme.is_none() {
        return Err(Error::new(&refusal::ENTRA_REDIRECT, &[redirect, client]));
    }
    let mut parameters: Vec<(&str, String)> = Vec::new();
    match form.get("response_type") {
        Some("code") => {
            user(context, form.get("login_hint"))?;
            let challenge = form.get("code_challenge").map(|challenge| match form.get("code_challenge_method") {
                Some("S256") => Challenge::S256(challenge.to_owned()),
                _ => Challenge::Plain(challenge.to_owned()),
            });
            let code = SealedGrant {
                user: form.get("login_hint").map(str::to_owned),
                redirect: Some(redirect.to_owned()),
                challenge,
                nonce: form.get("nonce").map(str::to_owned),
                ..SealedGrant::new(context, GrantKind::Code, client, form.get("scope").unwrap_or_default())
            };
            parameters.push(("code", code.text()));
        }
        other => {
            let error = Error::new(&refusal::ENTRA_UNSUPPORTED_RESPONSE, &[other.unwrap_or_default()]);
            parameters.push(("error", error.refusal.code.name().to_owned()));
            parameters.push(("error_description", error.description()));
        }
    }
    if let Some(state) = form.get("state") {
        parameters.push(("state", state.to_owned()));
    }
    parameters.push(("session_state", id_of(&format!("{}/{client}", context.tenant_id))));
    if is_post {
        return Ok(EntraReply::Page(posting_page(redirect, &parameters)));
    }
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED))).collect();
    let separator = match form.get("response_mode") {
        Some("fragment") => '#',
        _ if redirect.contains('?') => '&',
        _ => '?',
    };
    Ok(EntraReply::Redirect(format!("{redirect}{separator}{}", pairs.join("&"))))
}

/// Returns the scheme of a safe address for a redirect: a loopback address, HTTPS, or the custom scheme of an application. Characters that
/// could break out of a header or a page are not safe.
fn safe_scheme(address: &str) -> Option<String> {
    let is_plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#')
    };
    if address.len() > ADDRESS_LIMIT || !address.bytes().all(is_plain) {
        return None;
    }
    let (scheme, rest) = address.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    if !is_scheme || UNSAFE_SCHEMES.contains(&&*scheme) {
        return None;
    }
    if !matches!(&*scheme, "http" | "https") {
        return Some(scheme);
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    // User info before the host would only hide the destination.
    let is_host = !host.is_empty() && !host.contains('@');
    let is_loopback = host.eq_ignore_ascii_case("localhost") || host == "[::1]" || host == "127.0.0.1";
    (is_host && (scheme == "https" || is_loopback)).then_some(scheme)
}

/// Returns a page that posts the parameters when it is loaded.
fn posting_page(address: &str, parameters: &[(&str, String)]) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<title>wfi-emulator</title>\n");
    let _ = writeln!(page, r#"<form method="POST" action="{}">"#, escaped(address));
    for (name, value) in parameters {
        let _ = writeln!(page, r#"<input type="hidden" name="{name}" value="{}">"#, escaped(value));
    }
    page.push_str("<noscript><button>Continue</button></noscript>\n</form>\n<script>document.forms[0].submit()</script>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_safe_addresses_only() {
        for address in [
            "http://localhost:8400/x?y=z",
            "http://127.0.0.1",
            "http://[::1]:1/",
            "HTTPS://app.contoso.com/cb",
            "msal00000000-0000-0000-0000-000000000000://auth",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert!(safe_scheme(address).is_some(), "{address}");
        }
        for address in [
            "http://evil.com/",
            "http://localhost.evil.com/",
            "http://localhost@evil.com/",
            "https://localhost:1@evil.com/",
            "https://",
            "https:/x",
            "javascript:alert(1)",
            "JavaScript://x",
            "data:text/html,x",
            "https://a/\r\nSet-Cookie: x",
            "https://a/ b",
            "https://a/#x",
            "https://a/\"><script>",
            "https://a/é",
            "/relative",
            "",
            "1a:b",
        ] {
            assert_eq!(safe_scheme(address), None, "{address}");
        }
    }
}
