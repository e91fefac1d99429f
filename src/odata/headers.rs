//! Standard response headers.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The service's id of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The client's id of a request; without one, the service's.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The OData version of a body.
pub(crate) const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// The value of `Strict-Transport-Security` (behavior `hsts`).
pub(crate) const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

const DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");

/// The service's diagnostic header, with a value that names no data center.
const DIAGNOSTIC_VALUE: HeaderValue = HeaderValue::from_static(
    r#"{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}"#,
);

/// The headers of nearly every response with a body: five variable values and several constant ones.
///
/// The journal stores only the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardHeaders {
    /// `content-type`
    pub content_type: HeaderValue,
    /// `content-length`
    pub content_length: HeaderValue,
    /// `request-id`
    pub request_id: HeaderValue,
    /// `client-request-id`
    pub client_request_id: HeaderValue,
    /// `date`
    pub date: HeaderValue,
}

impl StandardHeaders {
    /// The names of the values, in the order of the fields.
    pub const NAMES: [&'static str; 5] = ["content-type", "content-length", "request-id", "client-request-id", "date"];

    /// Returns the values, in the order of the fields.
    pub fn values(&self) -> [&HeaderValue; 5] {
        [&self.content_type, &self.content_length, &self.request_id, &self.client_request_id, &self.date]
    }

    /// Returns the headers with these values, in the order of the fields.
    pub fn from_values([content_type, content_length, request_id, client_request_id, date]: [HeaderValue; 5]) -> StandardHeaders {
        StandardHeaders { content_type, content_length, request_id, client_request_id, date }
    }

    /// Returns all headers, in the order of responses.
    pub fn into_map(self) -> HeaderMap {
        let StandardHeaders { content_type, content_length, request_id, client_request_id, date } = self;
        // Building a map costs less than cloning one.
        let mut headers = HeaderMap::with_capacity(12);
        headers.append(header::CONTENT_TYPE, content_type);
        headers.append(header::CONTENT_LENGTH, content_length);
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.append(header::STRICT_TRANSPORT_SECURITY, HSTS);
        add_common(&mut headers, request_id, client_request_id);
        headers.append(ODATA_VERSION, HeaderValue::from_static("4.0"));
        headers.append(header::DATE, date);
        headers
    }
}

/// Adds the headers of every response of Graph, with a body or without.
pub(crate) fn add_common(headers: &mut HeaderMap, request_id: HeaderValue, client_request_id: HeaderValue) {
    headers.insert(REQUEST_ID, request_id);
    headers.insert(CLIENT_REQUEST_ID, client_request_id);
    headers.insert(DIAGNOSTIC, DIAGNOSTIC_VALUE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_the_header_of_its_field() {
        let value = HeaderValue::from_static;
        let standard = StandardHeaders::from_values(["type", "12", "id", "client", "today"].map(value));
        assert!(standard.values().into_iter().eq(["type", "12", "id", "client", "today"]));
        let headers = standard.into_map();
        assert!(
            StandardHeaders::NAMES
                .iter()
                .zip(["type", "12", "id", "client", "today"])
                .all(|(name, value)| headers[*name] == value)
        );
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
