//! The headers that nearly every answer with a body has.
//!
//! They are the same but for four or five values, so an answer copies a map that is ready instead of building one, and the journal keeps
//! the values alone.

use std::sync::LazyLock;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The client's own id of a request; that of the service where it has none.
pub const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The version of OData that a body is written in.
pub const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// Asks for TLS alone (behavior `hsts`).
pub const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

const DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");

/// Says in the service's own form that no data center has answered.
const DIAGNOSTIC_VALUE: HeaderValue = HeaderValue::from_static(
    r#"{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}"#,
);

/// What differs from answer to answer. All of it is of the emulator's own making, so it can be kept for as long as is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The type of the body.
    pub content_type: HeaderValue,
    /// The length of the body.
    pub content_length: HeaderValue,
    /// The id of the request.
    pub request_id: HeaderValue,
    /// When the answer was made.
    pub date: HeaderValue,
    /// Whether the client has sent an id of its own, which may be a part of the connection's buffers and is therefore not here.
    pub repeats_client: bool,
}

impl Usual {
    /// Returns the headers, with the client's own id of the request if it has sent one.
    pub fn headers(&self, client_request_id: Option<&HeaderValue>) -> HeaderMap {
        static READY: LazyLock<HeaderMap> = LazyLock::new(ready);
        let mut headers = READY.clone();
        let mut values = headers.values_mut();
        let mut set_next = |skipped: usize, value: &HeaderValue| {
            if let Some(place) = values.nth(skipped) {
                *place = value.clone();
            }
        };
        set_next(0, &self.content_type);
        set_next(0, &self.content_length);
        set_next(2, &self.request_id);
        set_next(0, client_request_id.unwrap_or(&self.request_id));
        set_next(2, &self.date);
        headers
    }
}

/// Returns the headers with empty values where they differ, in the order of the answers.
fn ready() -> HeaderMap {
    const DIFFERENT: HeaderValue = HeaderValue::from_static("");
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, DIFFERENT);
    headers.insert(header::CONTENT_LENGTH, DIFFERENT);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    add_common(&mut headers, DIFFERENT, DIFFERENT);
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    headers.insert(header::DATE, DIFFERENT);
    headers
}

/// Adds what every answer of Graph has, whether it has a body or not.
pub fn add_common(headers: &mut HeaderMap, request_id: HeaderValue, client_request_id: HeaderValue) {
    headers.insert(REQUEST_ID, request_id);
    headers.insert(CLIENT_REQUEST_ID, client_request_id);
    headers.insert(DIAGNOSTIC, DIAGNOSTIC_VALUE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_stands_at_its_name() {
        let value = HeaderValue::from_static;
        let (content_type, content_length, request_id, date) = (value("type"), value("12"), value("id"), value("today"));
        let usual = Usual { content_type, content_length, request_id, date, repeats_client: true };
        let headers = usual.headers(Some(&value("client")));
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        content-type: type
        content-length: 12
        vary: Accept-Encoding
        strict-transport-security: max-age=31536000
        request-id: id
        client-request-id: client
        x-ms-ags-diagnostic: {"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}
        odata-version: 4.0
        date: today
        "#);
    }
}
