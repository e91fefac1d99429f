//! Standard response headers.

use std::sync::LazyLock;

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
pub(crate) struct StandardHeaders {
    /// `content-type`
    pub(crate) content_type: HeaderValue,
    /// `content-length`
    pub(crate) content_length: HeaderValue,
    /// `request-id`
    pub(crate) request_id: HeaderValue,
    /// `client-request-id`
    pub(crate) client_request_id: HeaderValue,
    /// `date`
    pub(crate) date: HeaderValue,
}

/// All standard headers in the order of responses, those with variable values without one.
static TEMPLATE: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::with_capacity(12);
    let variable = HeaderValue::from_static("");
    headers.append(header::CONTENT_TYPE, variable.clone());
    headers.append(header::CONTENT_LENGTH, variable.clone());
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.append(header::STRICT_TRANSPORT_SECURITY, HSTS);
    add_common(&mut headers, variable.clone(), variable.clone());
    headers.append(ODATA_VERSION, HeaderValue::from_static("4.0"));
    headers.append(header::DATE, variable);
    headers
});

impl StandardHeaders {
    /// The names of the variable values, in the order of the fields, which is also that of responses.
    pub(crate) const NAMES: [&'static str; 5] = ["content-type", "content-length", "request-id", "client-request-id", "date"];

    /// Returns the headers with these values, in the order of the fields.
    pub(crate) fn from_values(
        [content_type, content_length, request_id, client_request_id, date]: [HeaderValue; 5],
    ) -> StandardHeaders {
        StandardHeaders { content_type, content_length, request_id, client_request_id, date }
    }

    /// Returns all headers, in the order of responses.
    pub(crate) fn into_map(self) -> HeaderMap {
        // A copy costs half of a new map, for which each name is hashed.
        let mut headers = TEMPLATE.clone();
        let values = [
            Some(self.content_type),
            Some(self.content_length),
            None,
            None,
            Some(self.request_id),
            Some(self.client_request_id),
            None,
            None,
            Some(self.date),
        ];
        for (place, value) in headers.values_mut().zip(values) {
            if let Some(value) = value {
                *place = value;
            }
        }
        headers
    }

    /// Returns the variable values of the standard headers of a response, in the order of the fields.
    pub(crate) fn values_of(headers: &HeaderMap) -> Option<[&HeaderValue; 5]> {
        let mut values = headers.values();
        let (content_type, content_length) = (values.next()?, values.next()?);
        let (_, _, request_id, client_request_id) = (values.next()?, values.next()?, values.next()?, values.next()?);
        let (_, _, date) = (values.next()?, values.next()?, values.next()?);
        Some([content_type, content_length, request_id, client_request_id, date])
    }

    /// Whether a response has the standard headers and no others.
    pub(crate) fn are_all_of(headers: &HeaderMap) -> bool {
        let is_variable = |name: &HeaderName| StandardHeaders::NAMES.contains(&name.as_str());
        let is_standard = |((name, value), (other, standard)): ((&HeaderName, &HeaderValue), (&HeaderName, &HeaderValue))| {
            name == other && (is_variable(name) || value == standard)
        };
        headers.len() == TEMPLATE.len() && headers.iter().zip(&*TEMPLATE).all(is_standard)
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
        let headers = standard.into_map();
        assert_eq!(StandardHeaders::values_of(&headers), Some(["type", "12", "id", "client", "today"].map(value).each_ref()));
        assert!(StandardHeaders::are_all_of(&headers));
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
        let with = |name: HeaderName, value: &'static str| {
            let mut changed = headers.clone();
            changed.insert(name, HeaderValue::from_static(value));
            StandardHeaders::are_all_of(&changed)
        };
        assert!(with(header::DATE, "tomorrow") && !with(header::VARY, "*") && !with(header::ETAG, "a"));
    }
}
