//! Answers and their headers, in recorded order.
//!
//! The order and the values are those of 2021 to 2025 in recordings of the Azure SDKs, without cookies, which the service does not need to
//! work. Browsers need the headers of CORS in answers to other origins only.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use uuid::Uuid;

use super::EntraRequest;
use super::page::SUBMIT_DIGEST;
use crate::entra::members::Members;
use crate::odata::error::Error;
use crate::policy::refusal::Layer;

/// The reply of an endpoint.
pub(super) enum EntraReply {
    /// JSON about the service, cacheable for a day.
    Metadata(Vec<u8>),
    /// JSON for the client, not cacheable.
    Json(Vec<u8>),
    /// The realm of a user.
    UserRealm(Vec<u8>),
    /// JSON of a managed identity's endpoint, with few headers, from a server with this name.
    Plain(Option<&'static str>, Members),
    /// An HTML page.
    Page(String),
    /// A redirect to an address.
    Redirect(String),
    /// A reply that also sets a cookie.
    WithCookie(Box<EntraReply>, String),
}

/// The body of an answer, and the kind of its headers.
struct Kind {
    content_type: &'static str,
    is_metadata: bool,
    is_realm: bool,
    is_page: bool,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const SERVER: HeaderName = HeaderName::from_static("x-ms-ests-server");
const TELEMETRY: HeaderName = HeaderName::from_static("x-ms-clitelem");
const SRS: HeaderName = HeaderName::from_static("x-ms-srs");
const P3P: HeaderName = HeaderName::from_static("p3p");
const RETURNED_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The file whose content a client of Azure Arc sends back. Libraries read no other place; any content is accepted.
const KEY_FILE: &str = "/var/opt/azcmagent/tokens/wfi-emulator.key";

/// The ids of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntraIds {
    pub(super) trace: Uuid,
    pub(super) correlation: Uuid,
    /// Whether the client sent the second one and wants it back.
    pub(super) is_returned: bool,
}

/// Returns an answer.
pub(super) fn respond(request: &EntraRequest<'_>, reply: EntraReply, ids: EntraIds) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let json = "application/json; charset=utf-8";
    let kind = |content_type| Kind { content_type, is_metadata: false, is_realm: false, is_page: false };
    let (kind, body) = match reply {
        EntraReply::Metadata(body) => (Kind { is_metadata: true, ..kind(json) }, body),
        EntraReply::Json(body) => (kind(json), body),
        EntraReply::UserRealm(body) => (Kind { is_realm: true, ..kind(json) }, body),
        EntraReply::Plain(server, members) => {
            let body = serde_json::to_vec(&members).unwrap_or_default();
            plain(response.headers_mut(), server, body.len());
            *response.body_mut() = body.into();
            return response;
        }
        EntraReply::Page(page) => (Kind { is_page: true, ..kind("text/html; charset=utf-8") }, page.into_bytes()),
        EntraReply::WithCookie(reply, cookie) => {
            let mut response = respond(request, *reply, ids);
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            return response;
        }
        EntraReply::Redirect(address) => {
            *response.status_mut() = StatusCode::FOUND;
            if let Ok(location) = HeaderValue::try_from(address) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            (kind("text/html; charset=utf-8"), Vec::new())
        }
    };
    write_headers(response.headers_mut(), request, &kind, ids, "1,0,0,,", body.len());
    *response.body_mut() = body.into();
    response
}

/// Returns the answer for an error, as JSON or as a page.
pub(super) fn refuse(request: &EntraRequest<'_>, error: &Error, ids: EntraIds, body: Vec<u8>, is_page: bool) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = error.status();
    let content_type = if is_page { "text/html; charset=utf-8" } else { error.content_type() };
    match error.refusal.layer {
        Layer::Entra(number) => {
            let kind = Kind { content_type, is_metadata: false, is_realm: false, is_page };
            let telemetry = format!("1,{number},0,,");
            write_headers(response.headers_mut(), request, &kind, ids, &telemetry, body.len());
        }
        layer => {
            let server = match layer {
                Layer::Machine => Some(IMDS),
                Layer::AppService => Some(KESTREL),
                _ => None,
            };
            plain(response.headers_mut(), server, body.len());
            if let Ok(content_type) = HeaderValue::try_from(content_type) {
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            }
            if layer == Layer::EntraText {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            let challenge = match layer {
                Layer::Arc => Some(format!("Basic realm={KEY_FILE}")),
                Layer::Gateway if error.status() == StatusCode::UNAUTHORIZED => Some("Bearer".to_owned()),
                _ => None,
            };
            if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
    }
    *response.body_mut() = body.into();
    response
}

/// The server of virtual machines, and that of App Service (Azure/azure-sdk-for-go and -python, recorded in 2021).
pub(super) const IMDS: &str = "IMDS/150.870.65.528";
pub(super) const KESTREL: &str = "Kestrel";

fn plain(headers: &mut HeaderMap, server: Option<&'static str>, length: usize) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let Some(server) = server {
        headers.insert(header::SERVER, HeaderValue::from_static(server));
    }
    headers.insert(header::CONTENT_LENGTH, length.into());
}

fn write_headers(
    headers: &mut HeaderMap,
    request: &EntraRequest<'_>,
    kind: &Kind,
    ids: EntraIds,
    telemetry: &str,
    length: usize,
) {
    let fixed = HeaderValue::from_static;
    if kind.is_metadata {
        headers.insert(header::CACHE_CONTROL, fixed("max-age=86400, private"));
        headers.insert(header::CONTENT_TYPE, fixed(kind.content_type));
    } else {
        headers.insert(header::CACHE_CONTROL, fixed("no-store, no-cache"));
        headers.insert(header::PRAGMA, fixed("no-cache"));
        headers.insert(header::CONTENT_TYPE, fixed(kind.content_type));
        headers.insert(header::EXPIRES, fixed("-1"));
    }
    headers.insert(header::STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000; includeSubDomains"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    if kind.is_metadata {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, fixed("*"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed("GET, OPTIONS"));
    } else if request.headers.contains_key(header::ORIGIN) && !kind.is_realm {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, fixed("*"));
        let exposed = fixed("Content-Length,Content-Encoding,x-ms-request-id,x-ms-srs");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, fixed("POST, OPTIONS"));
    }
    if kind.is_realm {
        headers.insert(header::CONTENT_DISPOSITION, fixed("inline; filename=userrealm.json"));
    }
    headers.insert(P3P, fixed(r#"CP="DSP CUR OTPi IND OTRi ONL FIN""#));
    let mut insert = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    if ids.is_returned {
        insert(RETURNED_ID, ids.correlation.to_string());
    }
    insert(REQUEST_ID, ids.trace.to_string());
    headers.insert(SERVER, fixed("2.1.0.0 - WFI-EMULATOR"));
    let has_telemetry = ["x-client-current-telemetry", "x-client-last-telemetry"].iter().any(|name| {
        // Libraries for browsers send it in the form.
        request.headers.contains_key(*name) || String::from_utf8_lossy(request.body).contains(name)
    });
    if has_telemetry
        && !(kind.is_metadata || kind.is_realm || kind.is_page)
        && let Ok(telemetry) = HeaderValue::try_from(telemetry)
    {
        headers.insert(TELEMETRY, telemetry);
    }
    headers.insert(SRS, fixed("1.P"));
    if kind.is_page {
        let policy = format!("default-src 'none'; script-src '{SUBMIT_DIGEST}'; frame-src http: https:; base-uri 'none'");
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(header::REFERRER_POLICY, fixed("strict-origin-when-cross-origin"));
    }
    headers.insert(header::X_XSS_PROTECTION, fixed("0"));
    headers.insert(header::CONTENT_LENGTH, length.into());
}

/// Writes the headers of an answer to a preflight.
pub(super) fn preflight(headers: &mut HeaderMap, request: &EntraRequest<'_>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    if let Some(names) = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
}
