//! The headers that nearly every answer with a body has.
//!
//! They are the same but for five values, so an answer copies a map that is ready instead of building one, and the journal keeps
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

/// Returns the headers, with the client's own id of the request if it has sent one.
pub fn headers(
    content_type: HeaderValue,
    content_length: HeaderValue,
    request_id: HeaderValue,
    client_request_id: Option<&HeaderValue>,
    date: HeaderValue,
) -> HeaderMap {
    static READY: LazyLock<HeaderMap> = LazyLock::new(ready);
    let mut headers = READY.clone();
    let mut values = headers.values_mut();
    let mut set_next = |skipped: usize, value: HeaderValue| {
        if let Some(place) = values.nth(skipped) {
            *place = value;
        }
    };
    let client_request_id = client_request_id.unwrap_or(&request_id).clone();
    set_next(0, content_type);
    set_next(0, content_length);
    set_next(2, request_id);
    set_next(0, client_request_id);
    set_next(2, date);
    headers
}

/// Returns the values that differ from answer to answer, in the order in which [`headers`] takes them.
pub fn values(headers: &HeaderMap) -> impl Iterator<Item = &HeaderValue> {
    const DIFFERENT: [bool; 9] = [true, true, false, false, true, true, false, false, true];
    headers.values().zip(DIFFERENT).filter_map(|(value, is_different)| is_different.then_some(value))
}

/// Whether headers are the usual ones, with any values where they differ.
pub fn is_usual(found: &HeaderMap) -> bool {
    let values: Vec<HeaderValue> = values(found).cloned().collect();
    let Ok([content_type, content_length, request_id, client_request_id, date]) = <[HeaderValue; 5]>::try_from(values) else {
        return false;
    };
    *found == headers(content_type, content_length, request_id, Some(&client_request_id), date)
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
        let mut headers = headers(value("type"), value("12"), value("id"), Some(&value("client")), value("today"));
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
        assert!(values(&headers).eq(["type", "12", "id", "client", "today"]));
        assert!(is_usual(&headers));
        headers.insert(header::VARY, value("Origin"));
        assert!(!is_usual(&headers));
    }
}
