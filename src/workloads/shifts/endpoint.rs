//! Endpoint of a connector: its URL and secret, and the encryption of messages to it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Scheme;
use http::{Method, Uri};

use crate::edm::schema::{Model, PropertyType, StructuredType};
use crate::edm::value::{Complex, Value};
use crate::policy::behavior::ConnectorContentType;
use crate::text::redact::userinfo_length;
use crate::workloads::shifts::envelope::{self, MessageKeys, Secret};
use crate::world::outbound::{CallFailure, OutboundCall, is_callable};

/// Properties of an integration that calls need. Each may be missing, or invalid under lenient behaviors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectorEndpoint {
    /// `url`
    pub url: Option<Arc<str>>,
    /// `apiVersion`
    pub api_version: Option<i32>,
    /// `encryption.secret`
    pub secret: Option<Arc<str>>,
    /// `displayName`
    pub display_name: Option<Arc<str>>,
}

/// Message to a connector, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncryptedMessage {
    pub url: Uri,
    /// Headers except those derived from the URL and the body.
    pub headers: HeaderMap,
    pub plaintext: Bytes,
    /// Encrypted plaintext.
    pub body: Bytes,
}

impl EncryptedMessage {
    /// Returns the call that sends the message.
    pub(crate) fn call(&self, timeout: std::time::Duration) -> OutboundCall {
        OutboundCall {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            timeout,
        }
    }
}

impl ConnectorEndpoint {
    /// Reads the properties of an integration.
    pub(crate) fn of(model: &Model, structured: &StructuredType, properties: &Complex) -> ConnectorEndpoint {
        let text = |name: &str| text(structured, properties, name);
        let api_version = match structured.slot("apiVersion").map(|slot| properties.get(slot)) {
            Some(Value::Integer(number)) => i32::try_from(*number).ok(),
            _ => None,
        };
        let encryption = structured.property("encryption").map(|index| &structured.properties[index]);
        let secret = encryption.and_then(|property| match (property.kind, properties.value(property)) {
            (PropertyType::Complex(id), Value::Complex(encryption)) => self::text(model.structured(id), encryption, "secret"),
            _ => None,
        });
        ConnectorEndpoint { url: text("url"), api_version, secret, display_name: text("displayName") }
    }

    /// Checks that calls can be made to the URL.
    pub(crate) fn check_url(&self) -> Result<(), CallFailure> {
        self.call_url("connect").map(drop)
    }

    /// Returns the URL of a path below `{url}/v{apiVersion}`, for example `connect`.
    ///
    /// Published sample URLs end with a slash, and the way of joining is not documented. Guess: with one slash.
    fn call_url(&self, path: &str) -> Result<Uri, CallFailure> {
        let url = self.url.as_deref().filter(|url| !url.is_empty()).ok_or(CallFailure::NoUrl)?;
        let api_version = self.api_version.ok_or(CallFailure::NoApiVersion)?;
        if url.contains(['?', '#']) {
            return Err(CallFailure::InvalidUrl);
        }
        let url = format!("{}/v{api_version}/{path}", url.trim_end_matches('/'));
        let url: Uri = url.parse().map_err(|_| CallFailure::InvalidUrl)?;
        let is_http = url.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        if is_http && url.authority().is_some_and(is_callable) { Ok(url) } else { Err(CallFailure::InvalidUrl) }
    }

    /// Returns `url` with user name and password replaced by `…`, for logs.
    pub(crate) fn redacted_url(&self) -> String {
        let url = self.url.as_deref().unwrap_or_default();
        let start = url.find("://").map_or(0, |at| at + 3);
        match userinfo_length(&url[start..]) {
            Some(at) => format!("{}…{}", &url[..start], &url[start + at..]),
            None => url.to_owned(),
        }
    }

    /// Encrypts a plaintext for a path.
    pub(crate) fn message(
        &self,
        path: &str,
        plaintext: Bytes,
        keys: &MessageKeys,
        content_type: ConnectorContentType,
    ) -> Result<EncryptedMessage, CallFailure> {
        let url = self.call_url(path)?;
        let secret = self.secret.as_deref().and_then(|secret| Secret::new(secret).ok()).ok_or(CallFailure::Secret)?;
        let body = envelope::encrypt(&secret, keys, &plaintext).into();
        let mut headers = HeaderMap::new();
        match content_type {
            ConnectorContentType::Json => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            ConnectorContentType::OctetStream => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            }
            ConnectorContentType::None => {}
        }
        // As in the examples of the update and read calls.
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en-us"));
        Ok(EncryptedMessage { url, headers, plaintext, body })
    }
}

fn text(structured: &StructuredType, properties: &Complex, name: &str) -> Option<Arc<str>> {
    match structured.slot(name).map(|slot| properties.get(slot)) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(url: &str, api_version: i32) -> Result<String, CallFailure> {
        let endpoint =
            ConnectorEndpoint { url: Some(url.into()), api_version: Some(api_version), ..ConnectorEndpoint::default() };
        endpoint.call_url("connect").map(|url| url.to_string())
    }

    #[test]
    fn url_and_version_are_joined_with_one_slash() {
        for url in ["https://contosoconnector.com/wfi", "https://contosoconnector.com/wfi/", "https://contosoconnector.com/wfi//"]
        {
            assert_eq!(at(url, 1).unwrap(), "https://contosoconnector.com/wfi/v1/connect");
        }
        assert_eq!(at("http://[::1]:8080", 2).unwrap(), "http://[::1]:8080/v2/connect");
        assert_eq!(at("http://localhost:65535/a@b", 1).unwrap(), "http://localhost:65535/a@b/v1/connect");
        assert_eq!(at("http://localhost:/", 1).unwrap(), "http://localhost:/v1/connect");
    }

    #[test]
    fn user_information_in_a_url_is_redacted() {
        let redacted = |url: &str| ConnectorEndpoint { url: Some(url.into()), ..ConnectorEndpoint::default() }.redacted_url();
        assert_eq!(redacted("http://me:sec/ret@localhost/a@b"), "http://me:sec/ret@localhost/a@b", "the host is `me`");
        assert_eq!(redacted("http://me:sec@ret@localhost/a@b?c"), "http://…@localhost/a@b?c");
        assert_eq!(redacted("me:secret@localhost"), "…@localhost");
        assert_eq!(redacted("https://contoso.com/wfi"), "https://contoso.com/wfi");
        assert_eq!(ConnectorEndpoint::default().redacted_url(), "");
    }

    #[test]
    fn unusable_properties_are_failures() {
        for url in [
            "/relative",
            "ftp://contoso.com",
            "http://",
            "https:///path",
            "http://a b",
            "https://contoso.com/?a=b",
            "mailto:a@b",
            "http://me:secret@localhost/",
            "http://localhost:65536/",
            "http://localhost:+80/",
            "http://localhost:80:80/",
            "http://[::1]80/",
        ] {
            assert_eq!(at(url, 1), Err(CallFailure::InvalidUrl), "{url}");
        }
        assert_eq!(at("", 1), Err(CallFailure::NoUrl));
        let endpoint = ConnectorEndpoint { url: Some("http://localhost".into()), ..ConnectorEndpoint::default() };
        assert_eq!(endpoint.call_url("connect"), Err(CallFailure::NoApiVersion));
        let endpoint = ConnectorEndpoint { api_version: Some(1), secret: Some("short".into()), ..endpoint };
        let keys = MessageKeys::from_bytes(&[0; MessageKeys::LENGTH]);
        let message = endpoint.message("connect", Bytes::new(), &keys, ConnectorContentType::Json);
        assert_eq!(message, Err(CallFailure::Secret));
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn no_url_from_outside_causes_a_panic(url in "\\PC{0,40}", version in any::<i32>()) {
            let _ = at(&url, version);
            let _ = ConnectorEndpoint { url: Some(url.into()), ..ConnectorEndpoint::default() }.redacted_url();
        }
    }
}
