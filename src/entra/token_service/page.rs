//! The pages of the service. None repeats what a request says, but values that a form sends on, escaped.

use std::fmt::Write as _;

use http::header::ORIGIN;

use super::EntraContext;
use crate::odata::error::Error;

/// The script that submits the only form of a page.
const SUBMIT: &str = "document.forms[0].submit()";

/// Its digest, by which a page allows it and no other.
pub(super) const SUBMIT_DIGEST: &str = "sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE=";

/// Whether a form comes from a page of the service, as far as the browser says: from the origin of the request itself.
pub(super) fn is_own_page(context: &EntraContext<'_>) -> bool {
    let base = context.request.base_url;
    let host = base.find("://").map_or(0, |scheme| scheme + 3);
    let end = base[host..].find('/').map_or(base.len(), |length| host + length);
    let origin = context.request.headers.get(ORIGIN);
    origin.is_none_or(|origin| origin.as_bytes().eq_ignore_ascii_case(&base.as_bytes()[..end]))
}

/// Returns a page with this content.
pub(super) fn page(content: &str) -> String {
    format!("<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>wfi-emulator</title>\n{content}")
}

/// Returns the page of an error: its number and its text, without the words of the request.
pub(super) fn error_page(error: &Error, trace: &str, correlation: &str, timestamp: &str) -> String {
    let description = error.impersonal_description();
    page(&format!(
        "<h1>Sign in</h1>\n<p>Sorry, but we’re having trouble signing you in.</p>\n<p>{}</p>\n\
         <p>Request Id: {trace}<br>Correlation Id: {correlation}<br>Timestamp: {timestamp}</p>\n",
        escaped(&description)
    ))
}

/// Returns a page that posts parameters when it is loaded.
pub(super) fn posting_page(address: &str, parameters: &[(&str, String)]) -> String {
    let mut content = String::new();
    let _ = writeln!(content, r#"<form method="POST" action="{}">"#, escaped(address));
    for (name, value) in parameters {
        let _ = writeln!(content, r#"<input type="hidden" name="{name}" value="{}">"#, escaped(value));
    }
    let _ = write!(content, "<noscript><button>Continue</button></noscript>\n</form>\n<script>{SUBMIT}</script>\n");
    page(&content)
}

/// Returns a text as the content or attribute of an element.
pub(super) fn escaped(text: &str) -> String {
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
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn the_digest_is_that_of_the_script() {
        assert_eq!(SUBMIT_DIGEST, format!("sha256-{}", STANDARD.encode(digest(&SHA256, SUBMIT.as_bytes()))));
    }
}
