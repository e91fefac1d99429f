//! The caller of a request.
//!
//! An open world needs no token. The claims of a readable token identify the caller, without a check of the signature; anything else
//! in the `Authorization` header is ignored. [`check`](crate::entra::check) is for worlds that need more, and the
//! [token service](crate::entra::token_service) issues tokens that pass it.

use http::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use crate::entra::token::{self, Claims};
use crate::policy::permissions::TokenKind;

/// The header in which an application names the user that it acts for.
pub(crate) const ACTS_AS: &str = "ms-app-acts-as";

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A user.
    User(Person),
    /// An application without a user.
    Application(Person),
    /// A caller without a readable token.
    Unknown,
}

/// A user or an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The object id of a user, the client id of an application.
    pub id: String,
    /// The display name, if the token has one.
    pub display_name: Option<String>,
}

/// Returns the caller of a request.
pub(crate) fn caller(headers: &HeaderMap) -> Caller {
    let Some(claims) = claims(headers) else { return Caller::Unknown };
    if !claims.is_application() {
        return claims.oid.map_or(Caller::Unknown, |id| Caller::User(Person { id, display_name: claims.name }));
    }
    if let Some(user) = headers.get(ACTS_AS).and_then(|value| value.to_str().ok()).filter(|user| !user.is_empty()) {
        return Caller::User(Person { id: user.to_owned(), display_name: None });
    }
    let id = claims.appid.or(claims.azp).or(claims.oid);
    id.map_or(Caller::Unknown, |id| Caller::Application(Person { id, display_name: claims.app_displayname }))
}

/// Returns the end of a token in milliseconds since the Unix epoch, without a check of its signature.
pub(crate) fn token_end(headers: &HeaderMap) -> Option<i64> {
    token::seconds(&claims(headers)?.exp)?.checked_mul(1_000)
}

/// Returns the tenant id of a token, without a check of its signature.
pub(crate) fn tenant_id(headers: &HeaderMap) -> Option<String> {
    claims(headers)?.tid.as_str().map(str::to_owned)
}

/// Returns the object id of the user of a token, or of the application without one, and the client id of the application.
pub(crate) fn object_and_client(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let Some(claims) = claims(headers) else { return (None, None) };
    let client = claims.appid.or(claims.azp);
    (claims.oid.or_else(|| client.clone()), client)
}

/// Returns the bearer token in the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The permissions of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The kind of the token.
    pub kind: TokenKind,
    /// The scopes or roles.
    pub permissions: Vec<String>,
    /// The application and the user.
    pub caller: String,
    /// The end of the token, in seconds since the Unix epoch.
    pub until: Option<i64>,
}

/// Returns the permissions of the token in the value of an `Authorization` header, without a check of its signature.
pub(crate) fn granted(authorization: &str) -> Option<Granted> {
    let (scheme, text) = authorization.split_once(' ')?;
    let claims = token::claims(text.trim().split('.').nth(1)?).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let is_application = claims.is_application();
    let permissions: Vec<String> = if is_application {
        claims.roles.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    } else {
        claims.scp.as_deref().unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
    };
    let kind = match is_application {
        true => TokenKind::Application,
        false if claims.tid == token::PERSONAL_TENANT => TokenKind::Personal,
        false => TokenKind::Work,
    };
    let application = claims.appid.or(claims.azp).unwrap_or_default();
    let caller = format!("{application} {}", claims.oid.unwrap_or_default());
    Some(Granted { kind, permissions, caller, until: token::seconds(&claims.exp) })
}

/// Returns the claims of a readable token, without a check of its signature.
pub(crate) fn claims(headers: &HeaderMap) -> Option<Claims> {
    token::claims(bearer(headers)?.split('.').nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn caller_of(payload: &str, acts_as: Option<&str>) -> Caller {
        let mut headers = HeaderMap::new();
        let token = format!("Bearer e30.{}.x", URL_SAFE_NO_PAD.encode(payload));
        headers.insert(AUTHORIZATION, token.parse().unwrap());
        if let Some(user) = acts_as {
            headers.insert(ACTS_AS, user.parse().unwrap());
        }
        caller(&headers)
    }

    fn person(id: &str, name: Option<&str>) -> Person {
        Person { id: id.to_owned(), display_name: name.map(str::to_owned) }
    }

    #[test]
    fn a_delegated_token_names_its_user() {
        let payload = r#"{"oid":"u1","name":"Adele","appid":"a1","scp":"WorkforceIntegration.ReadWrite.All"}"#;
        assert_eq!(caller_of(payload, None), Caller::User(person("u1", Some("Adele"))));
        assert_eq!(caller_of(payload, Some("u2")), Caller::User(person("u1", Some("Adele"))), "a user cannot act as another");
    }

    #[test]
    fn an_application_token_names_the_application_or_its_acting_user() {
        let payload = r#"{"oid":"sp","appid":"a1","app_displayname":"Connector","idtyp":"app","roles":["WorkforceIntegration.ReadWrite.All"]}"#;
        assert_eq!(caller_of(payload, None), Caller::Application(person("a1", Some("Connector"))));
        assert_eq!(caller_of(payload, Some("u2")), Caller::User(person("u2", None)));
    }

    #[test]
    fn tokens_of_the_second_version_are_read_too() {
        let payload = r#"{"azp":"a2","idtyp":"app"}"#;
        assert_eq!(caller_of(payload, None), Caller::Application(person("a2", None)));
        let payload = r#"{"oid":"sp","appid":"a1","idtyp":"app","scp":"x"}"#;
        assert_eq!(caller_of(payload, None), Caller::Application(person("a1", None)), "the kind of the token counts");
    }

    #[test]
    fn unreadable_tokens_are_ignored() {
        assert_eq!(caller_of("{}", None), Caller::Unknown);
        assert_eq!(caller_of("[", None), Caller::Unknown);
        let mut headers = HeaderMap::new();
        for value in ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic dXNlcjpwYXNz", "Bearer a.%.c"] {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(caller(&headers), Caller::Unknown, "{value}");
        }
    }
}
